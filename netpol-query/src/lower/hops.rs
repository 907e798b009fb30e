//! Questions over several hops: `paths`, `eventually`, `blast radius`.

use netpol_core::reach::{AskedPorts, Hops, PathChoice, Selection};
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
            let message = format!("every end of `{to}` is one of `{from}`: there is no way to go");
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
        let to = match &ask.through {
            None => vec![(ask.to.clone(), ask.ports())],
            Some(through) => {
                let reached = through.parts.iter().filter(|(ports, _)| !ports.is_empty());
                reached.map(|(ports, pods)| part(pods, ports.clone().into())).collect()
            }
        };
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
            // An end is no less an end for being avoided: only the middle is meant.
            let ends = &plan.hops.from.pods | &plan.ask.to.pods;
            plan.hops.avoiding -=
                if plan.kind == HopsKind::Paths { ends } else { plan.hops.from.pods.clone() };
        }
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

    /// Tells whether every target is a source.
    fn has_nowhere_to_go(&self, plan: &HopsPlan) -> bool {
        let (from, to) = (&plan.ask.from, &plan.ask.to);
        let outside = !to.addresses.is_empty() || !to.names.is_empty();
        !self.may_be_empty && !outside && !from.is_empty() && to.pods.is_subset(&from.pods)
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

fn part(pods: &[netpol_core::model::PodId], ports: AskedPorts) -> (Selection, AskedPorts) {
    let pods = pods.iter().map(|p| p.0).collect();
    (Selection { pods, ..Selection::default() }, ports)
}
