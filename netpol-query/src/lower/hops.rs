//! Questions over several hops: `paths`, `eventually`, `blast radius`.

use netpol_core::model::PodId;
use netpol_core::reach::{AskedPorts, ControllerEnd, Hops, PathChoice, Selection};
use roaring::RoaringBitmap;

use super::plan::Ask;
use super::scope::Scope;
use super::words;
use crate::error::{ErrorCode, QueryError};
use crate::syntax::ast::{Endpoints, PathOptions, Ports};

type Found<T> = Result<T, QueryError>;

/// So many paths are listed.
pub(super) const MOST_PATHS: usize = 100;

/// A question over several hops.
#[derive(Clone, Debug, PartialEq)]
pub struct HopsPlan {
    /// Which question.
    pub kind: HopsKind,
    /// Where ways begin and end.
    pub hops: Hops,
    /// Which paths.
    pub choice: PathChoice,
    /// The two ends as they were asked about.
    pub ask: Ask,
}

/// Which question over several hops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HopsKind {
    /// `paths from A to B`.
    Paths,
    /// `who can eventually reach B`.
    Who,
    /// `what can A eventually reach`.
    What,
    /// `blast radius of A`.
    Blast,
}

impl Scope<'_> {
    pub(super) fn paths(
        &self,
        from: &Endpoints,
        to: &Endpoints,
        options: &PathOptions,
    ) -> Found<HopsPlan> {
        let mut plan = self.several(HopsKind::Paths, Some(from), Some(to), options.on.as_ref())?;
        self.with_options(&mut plan, options)?;
        if self.has_nowhere_to_go(&plan) {
            let message = format!("`{from}` and `{to}` are the same: there is no way to go");
            return Err(QueryError::at(ErrorCode::NoSuchEndpoint, to.span, message));
        }
        Ok(plan)
    }

    pub(super) fn who_eventually(
        &self,
        to: &Endpoints,
        on: Option<&Ports>,
        from: Option<&Endpoints>,
    ) -> Found<HopsPlan> {
        self.several(HopsKind::Who, from, Some(to), on)
    }

    pub(super) fn what_eventually(
        &self,
        from: &Endpoints,
        on: Option<&Ports>,
        within: Option<&Endpoints>,
    ) -> Found<HopsPlan> {
        self.several(HopsKind::What, Some(from), within, on)
    }

    pub(super) fn blast(&self, of: &Endpoints, options: &PathOptions) -> Found<HopsPlan> {
        let option = match options {
            PathOptions { via: Some(_), .. } => Some("via"),
            PathOptions { shortest: true, .. } => Some("shortest"),
            _ => None,
        };
        if let Some(word) = option {
            let message = format!("`{word}` does not go with `blast radius`");
            let help = "ask for `paths from ... to ...`, or use `avoiding`";
            return Err(QueryError::at(ErrorCode::Usage, of.span, message).help(help));
        }
        let mut plan = self.several(HopsKind::Blast, Some(of), None, options.on.as_ref())?;
        self.with_options(&mut plan, options)?;
        Ok(plan)
    }

    fn several(
        &self,
        kind: HopsKind,
        from: Option<&Endpoints>,
        to: Option<&Endpoints>,
        on: Option<&Ports>,
    ) -> Found<HopsPlan> {
        let ask = self.between(from, to, on)?;
        let to = ask.parts();
        let hops =
            Hops { to, ..Hops::between(ask.from.clone(), Selection::default(), AskedPorts::all()) };
        let choice = PathChoice { via: None, shortest: false, most: MOST_PATHS };
        Ok(HopsPlan { kind, hops, choice, ask })
    }

    fn with_options(&self, plan: &mut HopsPlan, options: &PathOptions) -> Found<()> {
        if let Some(0) = options.max_hops {
            let message = "a way has at least one hop".to_owned();
            return Err(QueryError {
                span: plan.ask.span,
                ..QueryError::new(ErrorCode::Usage, message)
            });
        }
        plan.hops.max_hops = options.max_hops;
        plan.choice.shortest = options.shortest;
        if let Some(set) = &options.via {
            plan.choice.via = Some(self.passed(set, "via")?);
        }
        if let Some(set) = &options.avoiding {
            plan.hops.avoiding = self.passed(set, "avoiding")?;
            self.without_avoided(plan, set)?;
        }
        Ok(())
    }

    /// Takes what is avoided out of both ends.
    fn without_avoided(&self, plan: &mut HopsPlan, set: &Endpoints) -> Found<()> {
        let avoided = &plan.hops.avoiding;
        plan.hops.from.pods -= avoided;
        plan.hops.to.iter_mut().for_each(|(to, _)| to.pods -= avoided);
        let empty = |s: &Selection| s.is_empty() && s.ingress_controller == ControllerEnd::Absent;
        if !self.may_be_empty
            && (empty(&plan.hops.from) || plan.hops.to.iter().all(|(to, _)| empty(to)))
        {
            let message = format!("nothing is left to go between while avoiding `{set}`");
            let help = "avoid what lies between the two ends";
            return Err(QueryError::at(ErrorCode::NoSuchEndpoint, set.span, message).help(help));
        }
        plan.ask.from.pods -= avoided;
        plan.ask.to.pods -= avoided;
        Ok(())
    }

    fn passed(&self, set: &Endpoints, word: &str) -> Found<RoaringBitmap> {
        let region = self.endpoints(set)?;
        if region.selection.pods.is_empty() && !self.may_be_empty {
            let message = format!("`{word}` needs pods: ways lead through nothing else");
            return Err(QueryError::at(ErrorCode::Usage, set.span, message));
        }
        Ok(region.selection.pods)
    }

    /// Tells whether the only source is the only target.
    fn has_nowhere_to_go(&self, plan: &HopsPlan) -> bool {
        let (from, to) = (&plan.ask.from, &plan.ask.to);
        let only_pods = |s: &Selection| s.addresses.is_empty() && s.names.is_empty();
        let workload = |p: u32| self.cluster.pod(PodId(p)).workload;
        let first = from.pods.min().map(workload);
        let one = from.pods.iter().chain(&to.pods).all(|p| Some(workload(p)) == first);
        !self.may_be_empty && one && only_pods(from) && only_pods(to) && from.pods == to.pods
    }

    /// Makes the question whether the complement of some sources has a way.
    pub(super) fn others(&self, plan: &HopsPlan, said: String) -> HopsPlan {
        let mut rest = words::everything(self).selection;
        rest.pods -= &plan.ask.from.pods;
        rest.pods -= &plan.ask.to.pods;
        rest.addresses = rest.addresses.difference(&plan.ask.from.addresses);
        let mut others = plan.clone();
        others.hops.from = rest.clone();
        others.ask.from = rest;
        others.ask.said.0 = Some(said);
        others
    }
}
