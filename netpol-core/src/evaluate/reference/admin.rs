//! The tiers of admin-tiers, section 7: Admin, NetworkPolicy, Baseline, default; and ties, in every order.

use std::collections::{BTreeMap, BTreeSet};

use super::Question;
use super::unknown::Assumption;
use crate::model::{
    Action, AdminPolicySpec, AdminPort, AdminRule, DomainName, Policy, PolicyId, PolicyKind,
    PolicySpec, Subject, TieBreak, Tier, Verdict,
};

/// What a tier decides in one order: the policy whose rule matched first, and the rule's action.
type Decision = Option<(PolicyId, Action)>;

impl Question<'_> {
    /// Returns the verdict of each order in which policies of equal priority may be asked.
    pub(super) fn walk_tiers(&self, assumption: &Assumption) -> BTreeSet<Verdict> {
        let mut verdicts = BTreeSet::new();
        for decision in self.lane(&self.selecting(Tier::Admin, |_| true), assumption) {
            match decision.map(|(_, action)| action) {
                Some(Action::Allow) => verdicts.extend([Verdict::Allow]),
                Some(Action::Deny) => verdicts.extend([Verdict::Deny]),
                Some(Action::Pass) | None => verdicts.extend(self.below_admin(assumption)),
            }
        }
        verdicts
    }

    /// The NetworkPolicy tier is "final both ways" for an isolated pod, per direction (D1).
    fn below_admin(&self, assumption: &Assumption) -> BTreeSet<Verdict> {
        if let Some(verdict) = self.network_policy_tier(assumption) {
            return [verdict].into();
        }
        let baseline = self.baseline_tier(assumption).into_iter();
        baseline
            .map(|decision| match decision.map(|(_, action)| action) {
                Some(Action::Deny) => Verdict::Deny,
                Some(Action::Allow) => Verdict::Allow,
                Some(Action::Pass) | None => Verdict::Allow, // the default
            })
            .collect()
    }

    /// A BaselineAdminNetworkPolicy has no priority: "treat its matching action as one more outcome beside the Baseline
    /// CNPs' result"; a lane without a match is silent where the other matches.
    fn baseline_tier(&self, assumption: &Assumption) -> BTreeSet<Decision> {
        let is_banp = |p: &Policy| p.kind == PolicyKind::BaselineAdminNetworkPolicy;
        let banp = self.lane(&self.selecting(Tier::Baseline, is_banp), assumption);
        let others = self.lane(&self.selecting(Tier::Baseline, |p| !is_banp(p)), assumption);
        let mut decisions = BTreeSet::new();
        for a in &banp {
            for b in &others {
                match (a, b) {
                    (Some(a), Some(b)) => decisions.extend(self.beside(*a, *b)),
                    (Some(one), None) | (None, Some(one)) => decisions.extend([Some(*one)]),
                    (None, None) => decisions.extend([None]),
                }
            }
        }
        decisions
    }

    /// Two lanes that both decide: either outcome. Where names break ties, the policy without a priority is asked last.
    fn beside(&self, banp: (PolicyId, Action), other: (PolicyId, Action)) -> Vec<Decision> {
        match self.dialect.tie_break {
            TieBreak::Ambiguous => vec![Some(banp), Some(other)],
            TieBreak::Name => vec![Some(other)],
        }
    }

    /// "policies of the tier whose subject selects S, by priority ascending": the decision of every order.
    fn lane(&self, policies: &[PolicyId], assumption: &Assumption) -> BTreeSet<Decision> {
        let mut groups: BTreeMap<Option<u16>, Vec<PolicyId>> = BTreeMap::new();
        for id in policies {
            groups.entry(self.admin_spec(*id).and_then(|s| s.priority)).or_default().push(*id);
        }
        for group in groups.into_values() {
            let orders = self.orders(group).into_iter();
            let decisions: BTreeSet<_> =
                orders.map(|order| self.first_match(&order, assumption)).collect();
            if decisions.iter().any(Option::is_some) {
                return decisions;
            }
        }
        [None].into()
    }

    /// "the implementation can apply any of the matching policies" (D11); with a tie-break, in the order of names.
    fn orders(&self, mut group: Vec<PolicyId>) -> Vec<Vec<PolicyId>> {
        match self.dialect.tie_break {
            TieBreak::Ambiguous => permutations(&group),
            TieBreak::Name => {
                group.sort_by_key(|id| self.name_key(*id));
                vec![group]
            }
        }
    }

    fn name_key(&self, id: PolicyId) -> (&str, &'static str) {
        let policy = self.cluster.policy(id);
        (&policy.name, policy.kind.as_str())
    }

    /// "in each, rules of direction D in written order"; no match: next rule.
    fn first_match(&self, order: &[PolicyId], assumption: &Assumption) -> Decision {
        for id in order {
            for rule in self.admin_rules(*id) {
                if let Some(action) = self.admin_rule_decides(rule, assumption) {
                    return Some((*id, action));
                }
            }
        }
        None
    }

    /// "match = (some peer matches O) and (protocols absent or some entry matches)".
    fn admin_rule_decides(&self, rule: &AdminRule, assumption: &Assumption) -> Option<Action> {
        if rule.ports.contains(&AdminPort::Name("".into())) {
            return fail_closed(rule.action);
        }
        let peers = rule.peers.iter().any(|p| self.admin_peer_matches(p, assumption));
        (peers && self.admin_ports_match(rule)).then_some(rule.action)
    }

    fn admin_ports_match(&self, rule: &AdminRule) -> bool {
        rule.ports.is_empty() || rule.ports.iter().any(|entry| self.admin_port_matches(entry))
    }

    fn admin_port_matches(&self, entry: &AdminPort) -> bool {
        match entry {
            AdminPort::Number(protocol, number) => {
                self.flow.protocol == *protocol && self.flow.port == *number
            }
            AdminPort::Range(protocol, from, to) => {
                self.flow.protocol == *protocol && (*from..=*to).contains(&self.flow.port)
            }
            AdminPort::Name(name) => self.destination_declares(name),
        }
    }

    /// Lists the names of which nobody knows whether they lead to the other end.
    pub(super) fn open_names(&self) -> Vec<DomainName> {
        let names: BTreeSet<_> = self
            .admin_rules_of_subject()
            .flat_map(|rule| &rule.peers)
            .flat_map(|peer| self.names_left_open(peer))
            .cloned()
            .collect();
        names.into_iter().collect()
    }

    /// Lists the rules of all admin policies that select the subject.
    pub(super) fn admin_rules_of_subject(&self) -> impl Iterator<Item = &AdminRule> {
        let tiers = [Tier::Admin, Tier::Baseline];
        let policies = tiers.into_iter().flat_map(|tier| self.selecting(tier, |_| true));
        policies.flat_map(|id| self.admin_rules(id))
    }

    /// Lists the admin policies of a tier whose subject selects the subject.
    fn selecting(&self, tier: Tier, which: impl Fn(&Policy) -> bool) -> Vec<PolicyId> {
        let in_tier = |id: &PolicyId| {
            self.admin_spec(*id)
                .is_some_and(|spec| spec.tier == tier && self.subject_selects(&spec.subject))
        };
        let ids = self.cluster.policy_ids();
        ids.filter(in_tier).filter(|id| which(self.cluster.policy(*id))).collect()
    }

    fn subject_selects(&self, subject: &Subject) -> bool {
        match subject {
            Subject::Namespaces(selector) => self.namespace_has_labels(self.subject, selector),
            Subject::Pods { namespace_selector, pod_selector } => {
                self.namespace_has_labels(self.subject, namespace_selector)
                    && self.pod_has_labels(self.subject, pod_selector)
            }
        }
    }

    fn admin_spec(&self, id: PolicyId) -> Option<&AdminPolicySpec> {
        match &self.cluster.policy(id).spec {
            PolicySpec::Admin(spec) => Some(spec),
            PolicySpec::Network(_) => None,
        }
    }

    fn admin_rules(&self, id: PolicyId) -> &[AdminRule] {
        self.admin_spec(id).map_or(&[], |spec| spec.rules(self.direction))
    }
}

/// "Accept/Allow rule matches no traffic; Deny and Pass rules are treated as Deny all" (admin-tiers, section 6),
/// which "applies to `destinationNamedPort: \"\"`".
fn fail_closed(action: Action) -> Option<Action> {
    match action {
        Action::Allow => None,
        Action::Deny | Action::Pass => Some(Action::Deny),
    }
}

fn permutations(items: &[PolicyId]) -> Vec<Vec<PolicyId>> {
    let Some((last, rest)) = items.split_last() else {
        return vec![Vec::new()];
    };
    let mut all = Vec::new();
    for shorter in permutations(rest) {
        for at in 0..=shorter.len() {
            let mut longer = shorter.clone();
            longer.insert(at, *last);
            all.push(longer);
        }
    }
    all
}
