//! Near misses: rules that would have allowed a denied pair but for one thing.

use strsim::levenshtein;

use super::describe::{end_name, network_peer, policy_name, ports_name, rule_name, rule_scope};
use super::evaluator::Evaluator;
use super::explain::Asked;
use super::other::{Other, Scenario};
use crate::compile::{CompiledPolicy, NETWORK, Rule, StageProfile};
use crate::model::{
    NamespaceId, NetworkPolicyPeer, NetworkPolicyRule, Operator, Peer, PodId, PolicyId, PolicySpec,
    PortSet, Reason, ReasonCode, Requirement, Selector,
};

/// At most so many near misses are listed.
const MOST_NEAR_MISSES: usize = 8;
/// A label value that differs in at most so many letters is taken for a slip.
const MOST_EDITS: usize = 2;
/// At most so many policies are searched, so that an answer stays quick where thousands select one pod.
const MOST_SEARCHED: usize = 2_000;

/// How near: a slip in the policy's own selector first, then peers, then ports.
type Ranked = (u8, Reason);

impl Evaluator<'_> {
    /// Finds the near misses of a pair that NetworkPolicies deny on `ports`.
    pub(super) fn near_misses(
        &self,
        asked: &Asked<'_>,
        view: &Other<'_>,
        scenario: Scenario<'_>,
        ports: &PortSet,
    ) -> Vec<Reason> {
        let program = self.program.direction(asked.direction);
        let stage = &program.stages[NETWORK];
        let chosen = program.profiles[self.program.profile(asked.direction, asked.group) as usize]
            .stages[NETWORK];
        let profile = &stage.profiles[chosen as usize];
        let namespace = self.cluster.pod(asked.pod).namespace;
        let mut found: Vec<Ranked> = Vec::new();
        for position in program.network_by_namespace[namespace.index()].iter().take(MOST_SEARCHED) {
            let policy = &stage.policies[*position as usize];
            let isolating = policy.subject.contains(asked.group);
            for rule in &policy.rules {
                let near =
                    Near { evaluator: *self, asked, view, scenario, ports, profile, policy, rule };
                found.extend(if isolating {
                    near.in_isolating_policy()
                } else {
                    near.in_other_policy()
                });
            }
        }
        found.sort_by_key(|(rank, _)| *rank);
        found.into_iter().take(MOST_NEAR_MISSES).map(|(_, reason)| reason).collect()
    }
}

/// One rule that did not match.
struct Near<'a> {
    evaluator: Evaluator<'a>,
    asked: &'a Asked<'a>,
    view: &'a Other<'a>,
    scenario: Scenario<'a>,
    ports: &'a PortSet,
    profile: &'a StageProfile,
    policy: &'a CompiledPolicy,
    rule: &'a Rule,
}

impl Near<'_> {
    /// A rule of a policy that isolates the pod: its peers match and its ports do not, or the reverse but for one label.
    fn in_isolating_policy(&self) -> Option<Ranked> {
        let allowed = self.evaluator.rule_ports(self.asked, self.view, self.rule);
        if self.peer_matches() {
            return Some(self.port_miss(&allowed));
        }
        if self.ports.is_disjoint(&allowed) {
            return None;
        }
        let spec = self.model_rule()?;
        let (rank, what) = spec.peers.iter().filter_map(|peer| self.peer_miss(peer)).min()?;
        Some((rank, self.reason(ReasonCode::NearMiss, &what)))
    }

    /// A rule of a policy that would allow the pair, if only the policy selected the pod.
    fn in_other_policy(&self) -> Option<Ranked> {
        let allowed = self.evaluator.rule_ports(self.asked, self.view, self.rule);
        if self.ports.is_disjoint(&allowed) || !self.peer_matches() {
            return None;
        }
        let PolicySpec::Network(spec) = &self.evaluator.cluster.policy(self.policy.id).spec else {
            return None;
        };
        let slip = self.one_slip(&spec.pod_selector, self.asked.pod)?;
        let cluster = self.evaluator.cluster;
        let policy = policy_name(cluster.policy(self.policy.id));
        let (subject, other) =
            (end_name(cluster, self.asked.subject), end_name(cluster, self.asked.other));
        let on = ports_name(&self.ports.intersection(&allowed));
        let message = format!(
            "{policy} would allow {other} on {on}, but selects {}; {subject} {} (one edit)",
            slip.0, slip.1
        );
        let mut reason = self.reason(ReasonCode::NearMiss, "");
        reason.message = message;
        Some((0, reason))
    }

    fn peer_matches(&self) -> bool {
        // Peers of policies outside the profile are judged by selectors and whole families alone.
        self.evaluator.rule_matches_peer(
            self.asked,
            self.profile,
            self.view,
            self.scenario,
            self.rule,
        )
    }

    fn model_rule(&self) -> Option<&NetworkPolicyRule> {
        let PolicySpec::Network(spec) = &self.evaluator.cluster.policy(self.policy.id).spec else {
            return None;
        };
        spec.rules(self.asked.direction).get(self.rule.index as usize)
    }

    fn port_miss(&self, allowed: &PortSet) -> Ranked {
        let cluster = self.evaluator.cluster;
        let destination = match self.asked.direction {
            crate::model::Direction::Egress => self.asked.other,
            crate::model::Direction::Ingress => self.asked.subject,
        };
        if allowed.is_empty() {
            let name = end_name(cluster, destination);
            // As the evaluator has it: names of ports are those of pods that selectors match.
            let message = match destination {
                Peer::Pod(pod) if !self.evaluator.is_of_node(*pod) => {
                    format!("{name} declares no such port name")
                }
                Peer::Pod(_) => format!("a named port never matches {name}, a host-network pod"),
                _ => format!("a named port never matches {name}, which is no pod"),
            };
            return (2, self.reason(ReasonCode::NamedPortUnresolved, &message));
        }
        let asked: Vec<_> = self.ports.ranges().collect();
        let what = match asked[..] {
            [one] if one.from == one.to => {
                let same = allowed.ranges().any(|r| r.from <= one.from && one.from <= r.to);
                let kind = if same { "the protocol differs" } else { "the port differs" };
                format!("{kind}: asked was {}", ports_name(self.ports))
            }
            _ => format!("not on {}", ports_name(self.ports)),
        };
        (3, self.reason(ReasonCode::NearMiss, &what))
    }

    /// Says by which one thing a peer misses.
    fn peer_miss(&self, peer: &NetworkPolicyPeer) -> Option<(u8, String)> {
        match peer {
            NetworkPolicyPeer::IpBlock(block) => {
                let Peer::Address(address) = *self.asked.other else { return None };
                let except = block.except.iter().find(|net| net.contains(&address))?;
                Some((1, format!("{address} is in its except {except}")))
            }
            NetworkPolicyPeer::Pods { namespace_selector, pod_selector } => {
                if *self.asked.other == Peer::IngressController {
                    let anyone = pod_selector.as_ref().is_none_or(Selector::is_everything);
                    let what = "without a namespaceSelector that means the policy's own namespace; the ingress \
                                controller is not known to be there";
                    return (anyone && namespace_selector.is_none()).then(|| (2, what.to_owned()));
                }
                let Peer::Pod(pod) = *self.asked.other else { return None };
                self.selector_miss(peer, pod, namespace_selector.as_ref(), pod_selector.as_ref())
            }
        }
    }

    fn selector_miss(
        &self,
        peer: &NetworkPolicyPeer,
        pod: PodId,
        namespaces: Option<&Selector>,
        pods: Option<&Selector>,
    ) -> Option<(u8, String)> {
        let cluster = self.evaluator.cluster;
        let facts = cluster.pod(pod);
        let name = end_name(cluster, self.asked.other);
        let own = cluster.policy(self.policy.id).namespace?;
        let namespace_ok = match namespaces {
            None => facts.namespace == own,
            Some(selector) => selector.matches(|key| cluster.namespace_label(facts.namespace, key)),
        };
        let failing: Vec<&Requirement> = pods
            .map_or(&[][..], |s| &s.requirements)
            .iter()
            .filter(|r| !r.holds(cluster.pod_label(pod, &r.key)))
            .collect();
        if namespace_ok && failing.is_empty() {
            return Some((1, format!("selectors never match {name}, a host-network pod")));
        }
        match (namespace_ok, &failing[..]) {
            (true, [one]) => Some((1, format!("{name} {}", self.label_instead(pod, &one.key)))),
            (false, []) => Some((2, self.namespace_instead(peer, facts.namespace, &name))),
            _ => None,
        }
    }

    fn namespace_instead(
        &self,
        peer: &NetworkPolicyPeer,
        namespace: NamespaceId,
        name: &str,
    ) -> String {
        let place = &self.evaluator.cluster.namespace(namespace).name;
        match peer {
            NetworkPolicyPeer::Pods { namespace_selector: None, .. } => {
                format!(
                    "without a namespaceSelector that means the policy's own namespace; {name} is in {place}"
                )
            }
            _ => format!("{name} is in namespace {place} ({} does not match)", network_peer(peer)),
        }
    }

    fn label_instead(&self, pod: PodId, key: &str) -> String {
        match self.evaluator.cluster.pod_label(pod, key) {
            Some(value) => format!("has {key}={value}"),
            None => format!("has no label {key}"),
        }
    }

    /// Recognises a selector that misses a pod by one slip: returns the requirement and what the pod has instead.
    fn one_slip(&self, selector: &Selector, pod: PodId) -> Option<(String, String)> {
        let cluster = self.evaluator.cluster;
        let mut failing =
            selector.requirements.iter().filter(|r| !r.holds(cluster.pod_label(pod, &r.key)));
        let requirement = failing.next().filter(|_| failing.next().is_none())?;
        let Operator::In(values) = &requirement.operator else { return None };
        let near = |a: &str, b: &str| {
            a.eq_ignore_ascii_case(b) || (a.len() > MOST_EDITS && levenshtein(a, b) <= MOST_EDITS)
        };
        if let Some(actual) = cluster.pod_label(pod, &requirement.key) {
            let slip = values.iter().any(|v| near(v, actual));
            return slip
                .then(|| (requirement.to_string(), format!("has {}={actual}", requirement.key)));
        }
        let labels = &cluster.pod(pod).labels;
        let (key, value) =
            cluster.label_pairs(labels).find(|(_, v)| values.iter().any(|x| **x == **v))?;
        Some((requirement.to_string(), format!("has {key}={value}")))
    }

    fn reason(&self, code: ReasonCode, what: &str) -> Reason {
        let id: PolicyId = self.policy.id;
        let cluster = self.evaluator.cluster;
        let rule = rule_name(cluster, id, self.asked.direction, self.rule.index);
        let scope = rule_scope(cluster, id, self.asked.direction, self.rule.index);
        Reason {
            code,
            direction: Some(self.asked.direction),
            ports: PortSet::none(),
            policy: Some(id),
            ingress: None,
            rule: Some(self.rule.index),
            line: Some(self.rule.line),
            message: format!("{rule} allows {scope}; {what}"),
        }
    }
}
