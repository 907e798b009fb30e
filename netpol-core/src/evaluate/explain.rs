//! Why a pair is treated as it is: the chain of stages, policy by policy, for each class of ports.

use super::decision::Decision;
use super::describe::{end_name, policy_name, rule_name, rule_scope};
use super::evaluator::{Evaluator, verdict_of};
use super::other::{Other, Scenario};
use super::walk::Outcome;
use crate::compile::{CompiledPolicy, NETWORK, ProfileId, Rule, Stage, StageProfile, Unmatched};
use crate::index::GroupId;
use crate::model::{
    Action, Direction, Family, HostNetwork, NetworkPolicyPeer, Peer, PodId, PolicyId, PolicySpec,
    PortSet, Reason, ReasonCode, Verdict,
};

/// Ports of a pair that have one verdict for the same reasons.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Explained {
    /// The verdict.
    pub(crate) verdict: Verdict,
    /// The ports.
    pub(crate) ports: PortSet,
    /// Why.
    pub(crate) reasons: Vec<Reason>,
}

/// At most so many tied policies are named.
const MOST_TIED: usize = 8;
/// Where an address is not known, at most so many of the ways in which it may be are explained.
const MOST_SCENARIOS: usize = 8;
/// At most so many reasons of one kind are listed, with the count of the rest.
pub(super) const MOST_REASONS: usize = 32;
/// Above so many classes of ports, rules are no longer told apart by their ports.
const MOST_CLASSES: usize = 512;

/// A rule that matches the other end, and on which of the asked ports.
#[derive(Clone)]
pub(super) struct Matched<'a> {
    stage: usize,
    policy: &'a CompiledPolicy,
    rule: Rule,
    ports: PortSet,
}

/// What a chain of stages says about one class of ports.
struct Said {
    out: Outcome<bool>,
    reasons: Vec<Reason>,
    /// Policies that may be asked in either order and disagree.
    tied: Vec<PolicyId>,
}

/// One end asking about the other in one direction.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) direction: Direction,
    pub(super) subject: &'a Peer,
    pub(super) pod: PodId,
    pub(super) group: GroupId,
    pub(super) other: &'a Peer,
    pub(super) family: Family,
}

impl Evaluator<'_> {
    /// Explains a pair on ports, in one family that both ends have; `own_node` tells whether the exemption may apply.
    pub(crate) fn explain(
        &self,
        src: &Peer,
        dst: &Peer,
        family: Family,
        ports: &PortSet,
        own_node: bool,
    ) -> Vec<Explained> {
        if src == dst && matches!(src, Peer::Pod(_)) {
            let message =
                format!("{} to itself: a pod always reaches itself", end_name(self.cluster, src));
            let reasons = vec![plain(ReasonCode::SelfTraffic, None, message)];
            return finish(vec![Explained {
                verdict: Verdict::Allow,
                ports: ports.clone(),
                reasons,
            }]);
        }
        if [src, dst].contains(&&Peer::IngressController) {
            return finish(self.explain_controller(dst, family, ports));
        }
        let egress = self.explain_direction(Direction::Egress, src, dst, family, ports);
        let ingress = if own_node && self.is_own_node(src, dst) {
            let message = format!(
                "{} is on the node of {}: traffic from a pod's own node is always allowed",
                end_name(self.cluster, src),
                end_name(self.cluster, dst)
            );
            let reasons = vec![plain(ReasonCode::OwnNode, Some(Direction::Ingress), message)];
            vec![Explained { verdict: Verdict::Allow, ports: ports.clone(), reasons }]
        } else {
            self.explain_direction(Direction::Ingress, dst, src, family, ports)
        };
        finish(combine(&egress, &ingress))
    }

    pub(super) fn explain_direction(
        &self,
        direction: Direction,
        subject: &Peer,
        other: &Peer,
        family: Family,
        ports: &PortSet,
    ) -> Vec<Explained> {
        let allow =
            |reasons| vec![Explained { verdict: Verdict::Allow, ports: ports.clone(), reasons }];
        let Peer::Pod(pod) = *subject else { return allow(Vec::new()) };
        if self.cluster.pod(pod).host_network && self.dialect.host_network == HostNetwork::Node {
            return allow(vec![self.host_network_subject(direction, subject)]);
        }
        let group = self.program.groups.of(pod);
        let profile = self.program.profile(direction, group);
        let asked = Asked { direction, subject, pod, group, other, family };
        if profile == 0 {
            return allow(vec![self.not_isolated(&asked)]);
        }
        let candidates = self.candidates(other, family);
        let view = self.other(other, family, &candidates);
        let mut count = 0;
        let mut scenarios = Vec::new();
        self.for_each_scenario(direction, profile, &view, family, &mut |scenario| {
            count += 1;
            if count <= MOST_SCENARIOS {
                scenarios.push(self.explain_scenario(&asked, profile, &view, scenario, ports));
            }
        });
        if let [_] = scenarios[..] {
            return scenarios.pop().unwrap_or_default();
        }
        let decision = self.decide(direction, group, &view, family, ports);
        self.sum_up(&asked, &decision, &scenarios, ports)
    }

    fn host_network_subject(&self, direction: Direction, subject: &Peer) -> Reason {
        let name = end_name(self.cluster, subject);
        let message =
            format!("{name} is a host-network pod: node traffic, which no policy selects");
        plain(ReasonCode::HostNetwork, Some(direction), message)
    }

    fn not_isolated(&self, asked: &Asked<'_>) -> Reason {
        let name = end_name(self.cluster, asked.subject);
        let message = format!("no policy isolates {name} on {}", asked.direction);
        plain(ReasonCode::NotIsolated, Some(asked.direction), message)
    }

    /// Explains one scenario: a part for each class of ports that the matching rules treat alike.
    fn explain_scenario(
        &self,
        asked: &Asked<'_>,
        profile: ProfileId,
        view: &Other<'_>,
        scenario: Scenario<'_>,
        ports: &PortSet,
    ) -> Vec<Explained> {
        let matched = self.matched_rules(asked, profile, view, scenario, ports);
        let classes = port_classes(&matched, ports);
        let mut parts: Vec<Explained> = Vec::new();
        for (ports, rules) in classes {
            let chosen: Vec<&Matched<'_>> = rules.iter().map(|i| &matched[*i]).collect();
            let Said { out: outcome, mut reasons, tied } = self.chain(asked, profile, &chosen);
            let verdict = verdict_of(&outcome);
            if verdict == Verdict::Ambiguous {
                reasons.insert(0, self.tie(asked, &tied));
            }
            if verdict == Verdict::Deny
                && reasons.iter().any(|r| r.code == ReasonCode::NoRuleMatches)
            {
                reasons.extend(self.near_misses(asked, view, scenario, &ports));
            }
            push(&mut parts, Explained { verdict, ports, reasons });
        }
        parts
    }

    fn tie(&self, asked: &Asked<'_>, tied: &[PolicyId]) -> Reason {
        let names = tied.iter().take(MOST_TIED).map(|p| policy_name(self.cluster.policy(*p)));
        let names = names.collect::<Vec<_>>().join(" and ");
        let more = tied.len().saturating_sub(MOST_TIED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let message =
            format!("{names}{more} have equal priority and disagree: either may be applied");
        plain(ReasonCode::PriorityTie, Some(asked.direction), message)
    }

    /// Lists the rules of a profile that match the other end on some asked port, in the order in which they are asked.
    fn matched_rules(
        &self,
        asked: &Asked<'_>,
        profile: ProfileId,
        view: &Other<'_>,
        scenario: Scenario<'_>,
        ports: &PortSet,
    ) -> Vec<Matched<'_>> {
        let mut matched = Vec::new();
        for (at, stage, stage_profile) in self.stages(asked.direction, profile) {
            for policy in policies(stage, stage_profile) {
                for rule in &policy.rules {
                    if !self.rule_matches_peer(asked, stage_profile, view, scenario, rule) {
                        continue;
                    }
                    let ports = self.rule_ports(asked, view, rule).intersection(ports);
                    if !ports.is_empty() {
                        matched.push(Matched { stage: at, policy, rule: *rule, ports });
                    }
                }
            }
        }
        matched
    }

    pub(super) fn stages(
        &self,
        direction: Direction,
        profile: ProfileId,
    ) -> impl Iterator<Item = (usize, &Stage, &StageProfile)> {
        let program = self.program.direction(direction);
        let chosen = program.profiles[profile as usize].stages;
        program
            .stages
            .iter()
            .zip(chosen)
            .enumerate()
            .map(|(at, (stage, p))| (at, stage, &stage.profiles[p as usize]))
    }

    pub(super) fn rule_matches_peer(
        &self,
        asked: &Asked<'_>,
        profile: &StageProfile,
        view: &Other<'_>,
        scenario: Scenario<'_>,
        rule: &Rule,
    ) -> bool {
        let classes = profile.classes(asked.family);
        let held = classes.terms(classes.class(scenario.address));
        view.matches(&self.program.peers[rule.peer as usize], self.program, held, scenario.assumed)
    }

    /// Returns the ports of a rule on the destination of the pair.
    pub(super) fn rule_ports(&self, asked: &Asked<'_>, view: &Other<'_>, rule: &Rule) -> PortSet {
        let destination =
            if asked.direction == Direction::Egress { view.group } else { Some(asked.group) };
        let named = destination.map_or(&[][..], |g| &self.program.groups.group(g).named_ports);
        self.program.ports[rule.ports as usize].on(named)
    }

    /// Walks the stages for one class of ports, given the rules that match it.
    fn chain(&self, asked: &Asked<'_>, profile: ProfileId, matched: &[&Matched<'_>]) -> Said {
        let mut said = Said {
            out: Outcome { allow: false, deny: false },
            reasons: Vec::new(),
            tied: Vec::new(),
        };
        for (at, stage, stage_profile) in self.stages(asked.direction, profile) {
            if stage_profile.policies.is_empty() {
                continue;
            }
            let here: Vec<&Matched<'_>> =
                matched.iter().copied().filter(|m| m.stage == at).collect();
            let next = match stage.unmatched {
                Unmatched::DenyIsolated => {
                    self.isolated_chain(asked, stage, stage_profile, &here, &mut said)
                }
                Unmatched::Continue => self.tier_chain(asked, &here, &mut said),
            };
            if !next {
                self.note_override(asked, (at, profile), matched, &mut said);
                return said;
            }
        }
        said.out.allow = true;
        said.reasons.push(self.not_isolated(asked));
        said
    }

    fn isolated_chain(
        &self,
        asked: &Asked<'_>,
        stage: &Stage,
        profile: &StageProfile,
        here: &[&Matched<'_>],
        said: &mut Said,
    ) -> bool {
        if here.is_empty() {
            said.out.deny = true;
            let isolating = policies(stage, profile);
            capped(
                &mut said.reasons,
                isolating.map(|policy| self.no_rule_matches(asked, policy)),
                "policies isolate it too",
            );
        } else {
            said.out.allow = true;
            capped(
                &mut said.reasons,
                here.iter().map(|m| self.by_rule(asked, m)),
                "rules allow it too",
            );
        }
        false
    }

    /// The first block of each lane that matches decides; each policy in it with its first matching rule.
    fn tier_chain(&self, asked: &Asked<'_>, here: &[&Matched<'_>], said: &mut Said) -> bool {
        let mut passed = here.is_empty();
        let mut asked_first: Vec<(PolicyId, Action)> = Vec::new();
        for lane in here.chunk_by(|a, b| a.policy.lane == b.policy.lane) {
            let Some(first) = lane.first() else { continue };
            let block = lane.iter().filter(|m| m.policy.block == first.policy.block);
            let mut last = None;
            for m in block {
                if last == Some(m.policy.id) {
                    continue;
                }
                last = Some(m.policy.id);
                match m.rule.action {
                    Action::Allow => said.out.allow = true,
                    Action::Deny => said.out.deny = true,
                    Action::Pass => passed = true,
                }
                asked_first.push((m.policy.id, m.rule.action));
                said.reasons.push(self.by_rule(asked, m));
            }
        }
        if asked_first.iter().any(|(_, action)| *action != asked_first[0].1) {
            said.tied.extend(asked_first.iter().map(|(policy, _)| *policy));
        }
        passed
    }

    /// Says when an Admin rule decides otherwise than the NetworkPolicies of the pod would.
    fn note_override(
        &self,
        asked: &Asked<'_>,
        (at, profile): (usize, ProfileId),
        matched: &[&Matched<'_>],
        said: &mut Said,
    ) {
        if at >= NETWORK || said.out.allow == said.out.deny {
            return;
        }
        let Some((_, stage, network)) =
            self.stages(asked.direction, profile).find(|s| s.0 == NETWORK)
        else {
            return;
        };
        let allowed = matched.iter().any(|m| m.stage == NETWORK);
        if network.policies.is_empty() || allowed == said.out.allow {
            return;
        }
        let names: Vec<String> = policies(stage, network)
            .take(3)
            .map(|p| policy_name(self.cluster.policy(p.id)))
            .collect();
        if let Some(last) = said.reasons.last_mut() {
            let verb = if allowed { "allow" } else { "deny" };
            last.message = format!(
                "{}; this overrides {}, which would {verb} it",
                last.message,
                names.join(", ")
            );
        }
    }

    fn by_rule(&self, asked: &Asked<'_>, matched: &Matched<'_>) -> Reason {
        let (code, verb) = match matched.rule.action {
            Action::Allow => (ReasonCode::AllowedByRule, "allows"),
            Action::Deny => (ReasonCode::DeniedByRule, "denies"),
            Action::Pass => (ReasonCode::PassedByRule, "passes"),
        };
        let id = matched.policy.id;
        let name = rule_name(self.cluster, id, asked.direction, matched.rule.index);
        let scope = rule_scope(self.cluster, id, asked.direction, matched.rule.index);
        Reason {
            code,
            direction: Some(asked.direction),
            ports: PortSet::none(),
            policy: Some(id),
            ingress: None,
            rule: Some(matched.rule.index),
            line: Some(matched.rule.line),
            message: format!("{name} {verb} {scope}"),
        }
    }

    fn no_rule_matches(&self, asked: &Asked<'_>, policy: &CompiledPolicy) -> Reason {
        let facts = self.cluster.policy(policy.id);
        let (subject, direction) = (end_name(self.cluster, asked.subject), asked.direction);
        let null = matches!(&facts.spec, PolicySpec::Network(spec) if spec.pod_selector_null);
        let why = if null { " (its podSelector is null, which selects every pod)" } else { "" };
        let what = match &policy.rules[..] {
            [] => format!("has no {direction} rule"),
            [rule] => {
                let scope = rule_scope(self.cluster, policy.id, direction, rule.index);
                let peer = &self.program.peers[rule.peer as usize];
                let vain = !peer.any
                    && peer.groups.is_empty()
                    && peer.terms.is_empty()
                    && peer.names.is_empty();
                let vain = if vain {
                    self.which_no_pod_has(policy.id, direction, rule.index)
                } else {
                    String::new()
                };
                format!("{direction}[{}] allows only {scope}{vain}", rule.index)
            }
            rules => format!("none of its {} {direction} rules matches", rules.len()),
        };
        Reason {
            code: ReasonCode::NoRuleMatches,
            direction: Some(direction),
            ports: PortSet::none(),
            policy: Some(policy.id),
            ingress: None,
            rule: None,
            line: Some(facts.position.line),
            message: format!("{} isolates {subject}{why}; {what}", policy_name(facts)),
        }
    }

    /// Says that nothing is what a rule selects: no pod at all, or none of the one namespace that it looks in.
    fn which_no_pod_has(&self, id: PolicyId, direction: Direction, rule: u32) -> String {
        let facts = self.cluster.policy(id);
        let own = facts.namespace.filter(|_| match &facts.spec {
            PolicySpec::Network(spec) => {
                spec.rules(direction).get(rule as usize).is_some_and(|r| {
                    !r.peers.is_empty()
                        && r.peers.iter().all(|peer| {
                            matches!(peer, NetworkPolicyPeer::Pods { namespace_selector: None, .. })
                        })
                })
            }
            PolicySpec::Admin(_) => false,
        });
        own.map_or_else(
            || ", which no pod has".to_owned(),
            |id| format!(", which no pod in {} has", self.cluster.namespace(id).name),
        )
    }

    /// Explains what holds in every scenario, or differs between them, by the reasons of the first few.
    fn sum_up(
        &self,
        asked: &Asked<'_>,
        decision: &Decision,
        scenarios: &[Vec<Explained>],
        ports: &PortSet,
    ) -> Vec<Explained> {
        let mut parts = Vec::new();
        for (verdict, ports) in decision.split(ports) {
            let mut reasons: Vec<Reason> = Vec::new();
            if verdict == Verdict::Unknown {
                reasons.push(self.address_unknown(asked));
            }
            let said = scenarios.iter().flatten().filter(|part| !part.ports.is_disjoint(&ports));
            for reason in said.flat_map(|part| &part.reasons) {
                let tells = verdict != Verdict::Unknown
                    || reason.policy.is_some() && reason.code != ReasonCode::NearMiss;
                if tells && reasons.len() < MOST_REASONS && !reasons.contains(reason) {
                    reasons.push(reason.clone());
                }
            }
            parts.push(Explained { verdict, ports, reasons });
        }
        parts
    }

    fn address_unknown(&self, asked: &Asked<'_>) -> Reason {
        if *asked.other == Peer::IngressController {
            let message = "which namespace, labels and address the ingress controller has is not known, and the \
                           verdict depends on it";
            let code = ReasonCode::IngressControllerUnknown;
            return plain(code, Some(asked.direction), message.to_owned());
        }
        let name = end_name(self.cluster, asked.other);
        let message = match asked.other {
            Peer::Address(_) => format!(
                "which domain names lead to {name} is not known, and the verdict depends on it (--fqdn tells)"
            ),
            _ => format!(
                "the address of {name} is not known, and the verdict depends on it (--pod-cidr narrows it)"
            ),
        };
        plain(ReasonCode::PodIpUnknown, Some(asked.direction), message)
    }
}

/// Makes a reason that names no policy.
pub(crate) fn plain(code: ReasonCode, direction: Option<Direction>, message: String) -> Reason {
    Reason {
        code,
        direction,
        ports: PortSet::none(),
        policy: None,
        ingress: None,
        rule: None,
        line: None,
        message,
    }
}

fn policies<'a>(
    stage: &'a Stage,
    profile: &'a StageProfile,
) -> impl Iterator<Item = &'a CompiledPolicy> {
    profile.policies.iter().map(|p| &stage.policies[*p as usize])
}

/// Adds reasons up to the limit, and says how many more there are.
fn capped(reasons: &mut Vec<Reason>, more: impl Iterator<Item = Reason>, what: &str) {
    let mut left = 0;
    for (i, reason) in more.enumerate() {
        if i < MOST_REASONS {
            reasons.push(reason);
        } else {
            left += 1;
        }
    }
    if left > 0
        && let Some(last) = reasons.last_mut()
    {
        last.message = format!("{}; {left} more {what}", last.message);
    }
}

/// Cuts ports into classes that the same rules match. For very many classes a class keeps the first NetworkPolicy rule
/// that allows it and is not cut further by others: the verdict is the same, the list of reasons shorter.
fn port_classes(matched: &[Matched<'_>], ports: &PortSet) -> Vec<(PortSet, Vec<usize>)> {
    let mut classes: Vec<(PortSet, Vec<usize>)> = vec![(ports.clone(), Vec::new())];
    for (i, rule) in matched.iter().enumerate() {
        let coarse = classes.len() > MOST_CLASSES && rule.stage == NETWORK;
        let mut next = Vec::with_capacity(classes.len() + 1);
        for (class, mut rules) in classes {
            let settled = coarse && rules.iter().any(|r| matched[*r].stage == NETWORK);
            if settled || class.is_disjoint(&rule.ports) {
                next.push((class, rules));
            } else if class.is_subset(&rule.ports) {
                rules.push(i);
                next.push((class, rules));
            } else {
                next.push((class.difference(&rule.ports), rules.clone()));
                rules.push(i);
                next.push((class.intersection(&rule.ports), rules));
            }
        }
        classes = next;
    }
    classes
}

/// Adds a part, united with one of the same verdict and reasons.
fn push(parts: &mut Vec<Explained>, part: Explained) {
    match parts.iter_mut().find(|p| p.verdict == part.verdict && p.reasons == part.reasons) {
        Some(same) => same.ports = same.ports.union(&part.ports),
        None => parts.push(part),
    }
}

/// Combines the two directions.
fn combine(egress: &[Explained], ingress: &[Explained]) -> Vec<Explained> {
    let mut parts = Vec::new();
    for e in egress {
        for i in ingress {
            let ports = e.ports.intersection(&i.ports);
            if !ports.is_empty() {
                let reasons = e.reasons.iter().chain(&i.reasons).cloned().collect();
                push(&mut parts, Explained { verdict: e.verdict.and(i.verdict), ports, reasons });
            }
        }
    }
    parts
}

/// Gives every reason the ports of its part, and orders the parts: by verdict, then by ports.
fn finish(mut parts: Vec<Explained>) -> Vec<Explained> {
    for part in &mut parts {
        for reason in &mut part.reasons {
            reason.ports = part.ports.clone();
        }
    }
    parts.sort_by_key(|part| (part.verdict, part.ports.ranges().next()));
    parts
}
