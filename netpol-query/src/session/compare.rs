//! `diff`: two states side by side, from manifests or from this session.

use std::collections::BTreeSet;
use std::sync::Arc;

use netpol_core::model::{IpSet, PodId};
use netpol_core::reach::ControllerEnd;

use super::change::compared;
use super::state::State;
use super::{Found, Session};
use crate::error::QueryError;
use crate::execute::{Body, ChangeRow, Changes, ChangesKind, Endpoint, Sides};
use crate::lower::{Region, Scope, Variables};
use crate::syntax::Spanned;
use crate::syntax::ast::{Endpoints, Source};

impl Session {
    /// `diff`: without sources what this session has changed; one is compared with what is asked about now.
    pub(super) fn diff(
        &mut self,
        sources: &[Spanned<Source>],
        within: Option<&Endpoints>,
    ) -> Found {
        let (base, head) = match sources {
            [] => (self.base.clone(), self.now.clone()),
            [base] => (self.state_of(base)?, self.now.clone()),
            [base, head, ..] => (self.state_of(base)?, self.state_of(head)?),
        };
        let name = |at: usize, own: &str| {
            sources.get(at).map_or_else(|| own.to_owned(), |source| source.node.text().to_owned())
        };
        let mut found = compared(&base, &head, ChangesKind::Sentence);
        if sources.is_empty() {
            found.done = self.steps.iter().map(|step| step.sentence.clone()).collect();
        } else {
            found.sides =
                Some(Sides { base: name(0, "before"), head: name(1, "now"), ..Sides::default() });
        }
        if let Some(set) = within {
            let ends = self.ends_of(set, [&base, &head])?;
            ends.restrict(&mut found);
        }
        Ok((Body::Diff(Box::new(found)), Vec::new()))
    }

    fn state_of(&mut self, source: &Spanned<Source>) -> Result<State, QueryError> {
        let manifests = self.read(source)?;
        Ok(self.now.instead(manifests))
    }

    /// Looks the variables up in a state: what they hold are pods of the present one.
    fn variables_in(&self, state: &State) -> Variables {
        let mut other = Self { now: state.clone(), ..self.clone() };
        other.look_up_again();
        other.variables
    }

    /// Looks a set up in two states: what is only in one of them counts.
    fn ends_of(&self, set: &Endpoints, states: [&State; 2]) -> Result<Ends, QueryError> {
        let mut ends = Ends::default();
        let mut first_error = None;
        let mut found = false;
        for state in states {
            // Variables hold pods of what is asked about now, and of no other state.
            let variables = self.variables_in(state);
            let scope = Scope { variables: &variables, ..self.scope_of(state) };
            match scope.region(set) {
                Ok(region) => {
                    ends.add(state, &region);
                    found = true;
                }
                // The state after is the one that a reader knows.
                Err(error) => first_error = Some(error),
            }
        }
        match first_error {
            Some(error) if !found => Err(error),
            _ => Ok(ends),
        }
    }
}

/// The ends of rows that a set holds.
#[derive(Default)]
struct Ends {
    /// By their ids.
    workloads: BTreeSet<String>,
    namespaces: BTreeSet<String>,
    addresses: IpSet,
    controller: bool,
}

impl Ends {
    fn add(&mut self, state: &State, region: &Region) {
        let cluster = state.snapshot.cluster();
        let workloads: BTreeSet<_> =
            region.selection.pods.iter().map(|p| cluster.pod(PodId(p)).workload).collect();
        for id in workloads {
            self.workloads.insert(cluster.workload_key(id).to_string());
        }
        let namespaces = region.namespaces.iter().map(|n| cluster.namespace(*n).name.to_string());
        self.namespaces.extend(namespaces);
        self.addresses = self.addresses.union(&region.selection.addresses);
        self.controller |= region.selection.ingress_controller != ControllerEnd::Absent;
    }

    fn holds(&self, end: &Endpoint) -> bool {
        match end {
            Endpoint::External { ranges } => !ranges.intersection(&self.addresses).is_empty(),
            Endpoint::IngressController => self.controller,
            Endpoint::Service { namespace, .. } => self.namespaces.contains(namespace),
            other => self.workloads.contains(&other.id()),
        }
    }

    /// Leaves the rows with an end in the set, and what concerns it.
    fn restrict(&self, found: &mut Changes) {
        let either = |src: &Arc<Endpoint>, dst: &Arc<Endpoint>| self.holds(src) || self.holds(dst);
        found.rows.retain(|row: &ChangeRow| either(&row.src, &row.dst));
        found.doubtful.retain(|(src, dst)| either(src, dst));
        found.unprotected.retain(|row| self.holds(&row.endpoint));
        found.newly_protected.retain(|row| self.holds(&row.endpoint));
        found.services_without_pods.retain(|emptied| self.holds(&emptied.service));
    }
}
