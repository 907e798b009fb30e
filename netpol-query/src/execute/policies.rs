//! `list policies` and `policies for|selecting|allowing|blocking`.

use std::collections::BTreeSet;
use std::sync::Arc;

use netpol_core::model::{Direction, PodId, PolicyId, ReasonCode, Verdict};

use super::Engine;
use super::answer::PolicyRow;
use super::ends;
use super::pairs::Wanted;
use crate::lower::{Ask, PoliciesPlan, Region};
use crate::syntax::ast::Relation;

impl Engine<'_> {
    /// Lists policies that relate to endpoints or to a flow.
    pub(super) fn policies(&self, plan: &PoliciesPlan) -> Vec<PolicyRow> {
        let found = match &plan.flow {
            Some(flow) => self.deciding(flow, plan.relation, plan.direction),
            None => self.selecting(&plan.of, plan.direction),
        };
        self.policy_rows(found)
    }

    /// Lists the policies of some namespaces; everywhere, the cluster-wide ones too.
    pub(super) fn policies_within(&self, within: Option<&Region>) -> Vec<PolicyRow> {
        let cluster = self.snapshot.cluster();
        let places = within.map(|r| self.places(r));
        let inside = |id: &PolicyId| match (&places, cluster.policy(*id).namespace) {
            (None, _) => true,
            (Some(places), Some(namespace)) => places.contains(&namespace),
            (Some(_), None) => false,
        };
        let found = cluster.policy_ids().filter(inside).collect();
        self.policy_rows(found)
    }

    fn policy_rows(&self, found: BTreeSet<PolicyId>) -> Vec<PolicyRow> {
        let cluster = self.snapshot.cluster();
        let mut rows: Vec<PolicyRow> = found
            .into_iter()
            .map(|id| {
                let position = &cluster.policy(id).position;
                let (file, line) = (Arc::clone(&position.file), position.line);
                PolicyRow { policy: ends::policy(cluster, id), file, line }
            })
            .collect();
        rows.sort_by(|a, b| {
            let key =
                |r: &PolicyRow| (r.policy.namespace.clone(), r.policy.kind, r.policy.name.clone());
            key(a).cmp(&key(b))
        });
        rows
    }

    fn selecting(&self, of: &Region, direction: Option<Direction>) -> BTreeSet<PolicyId> {
        let directions: Vec<Direction> = direction.map_or(Direction::ALL.into(), |d| vec![d]);
        let pods = of.selection.pods.iter().map(PodId);
        pods.flat_map(|pod| {
            directions.iter().flat_map(move |d| self.snapshot.governing_policies(pod, *d))
        })
        .collect()
    }

    /// Lists the policies whose rules decide a flow in the way that is asked for.
    fn deciding(
        &self,
        flow: &Ask,
        relation: Relation,
        direction: Option<Direction>,
    ) -> BTreeSet<PolicyId> {
        let wanted = Wanted { explain: true, denied: true, level: self.settings.level };
        let rows = self.ask(flow, wanted).rows;
        let allowing = relation == Relation::Allowing;
        let codes: &[ReasonCode] = if allowing {
            &[ReasonCode::AllowedByRule]
        } else {
            &[ReasonCode::DeniedByRule, ReasonCode::NoRuleMatches]
        };
        let of_verdict = |verdict: Verdict| {
            if allowing { verdict == Verdict::Allow } else { verdict != Verdict::Allow }
        };
        let reasons = rows.iter().filter(|r| of_verdict(r.verdict)).flat_map(|r| &r.reasons);
        reasons
            .filter(|r| codes.contains(&r.code))
            .filter(|r| direction.is_none_or(|d| r.direction == Some(d)))
            .filter_map(|r| r.policy)
            .collect()
    }
}
