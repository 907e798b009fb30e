//! The steps of a verdict about two pods: which policies and rules lead to it, without words.
//!
//! They are those of [`Evaluator::explain`] for one port, without its near misses; a property test holds them together.

use std::net::{IpAddr, Ipv4Addr};

use super::evaluator::{Evaluator, FlowMatcher, Site};
use super::explain::MOST_REASONS;
use super::other::{Candidates, Other, OtherKind, Scenario};
use super::verdicts::{Pods, VerdictTable};
use super::walk::Outcome;
use crate::compile::{NETWORK, Stage, StageProfile, Unmatched, port_key};
use crate::index::GroupId;
use crate::model::{
    Action, Direction, Family, Flow, HostNetwork, IpSet, PodId, PolicyId, ReasonCode, Step, Verdict,
};

/// A verdict and what led to it.
pub(crate) type Stepped = (Verdict, Vec<Step>);

/// One direction of a pair of pods.
#[derive(Clone, Copy)]
struct Way {
    direction: Direction,
    subject: GroupId,
    other: PodId,
    family: Family,
    key: u32,
    /// What the table says of it.
    said: Option<Verdict>,
}

impl Evaluator<'_> {
    /// Finds the steps of a flow between two pods; `None` where an address matters that is not known, and for ends
    /// that share no family.
    pub(crate) fn steps(
        &self,
        table: &VerdictTable,
        (src, dst): (PodId, PodId),
        flow: &Flow,
    ) -> Option<Stepped> {
        if src == dst {
            return Some((Verdict::Allow, vec![step(ReasonCode::SelfTraffic, None)]));
        }
        let Pods::Rows(from, to) = table.pods(src, dst, flow.family) else { return None };
        let (from, to, host) = (from.group(), to.group(), from.is_host());
        let key = port_key(flow.protocol, flow.port);
        let way = |direction, subject, other| {
            let profile = self.program.profile(direction, subject);
            let said = table.direction(self.program, direction, (profile, other), key, flow.family);
            Way { direction, subject, other, family: flow.family, key, said }
        };
        let mut steps = Vec::with_capacity(8);
        let egress = self.way_steps(way(Direction::Egress, from, dst), &mut steps)?;
        if host && self.is_own_node(&flow.src, &flow.dst) {
            steps.push(step(ReasonCode::OwnNode, Some(Direction::Ingress)));
            return Some((egress, steps));
        }
        let ingress = self.way_steps(way(Direction::Ingress, to, src), &mut steps)?;
        Some((egress.and(ingress), steps))
    }

    fn way_steps(&self, way: Way, steps: &mut Vec<Step>) -> Option<Verdict> {
        let Way { direction, subject, family, .. } = way;
        let groups = &self.program.groups;
        let is_node = self.dialect.host_network == HostNetwork::Node;
        if is_node && groups.group(subject).host_network {
            steps.push(step(ReasonCode::HostNetwork, Some(direction)));
            return Some(Verdict::Allow);
        }
        let profile = self.program.profile(direction, subject);
        if profile == 0 {
            steps.push(step(ReasonCode::NotIsolated, Some(direction)));
            return Some(Verdict::Allow);
        }
        let group = groups.of(way.other);
        let host = groups.group(group).host_network;
        let kind = if host { OtherKind::Host } else { OtherKind::Pod };
        let cut = self.program.direction(direction).profiles[profile as usize].cut[family as usize];
        let nowhere = IpSet::none();
        let (address, candidates) = match self.program.addresses.of_pod(way.other, family) {
            Some(address) => (address, Candidates::Known(address)),
            None if cut => return None,
            // No rule cuts the addresses of this family: any will do.
            None => (IpAddr::V4(Ipv4Addr::UNSPECIFIED), Candidates::Among(&nowhere)),
        };
        let other = Other { group: Some(group), kind, name: None, candidates };
        let scenario = Scenario { address, assumed: &[] };
        Some(self.chain_steps(
            &way,
            Site { direction, profile, subject, family, scenario },
            &other,
            steps,
        ))
    }

    /// Walks the stages, as [`Evaluator::explain`] does.
    fn chain_steps(
        &self,
        way: &Way,
        site: Site<'_>,
        other: &Other<'_>,
        steps: &mut Vec<Step>,
    ) -> Verdict {
        let first = steps.len();
        let mut out = Outcome { allow: false, deny: false };
        let mut goes_on = true;
        for (at, stage, profile) in self.stages(site.direction, site.profile) {
            if profile.policies.is_empty() {
                continue;
            }
            let matcher = FlowMatcher { pair: self.pair(site, profile, other), key: way.key };
            goes_on = match stage.unmatched {
                Unmatched::Continue => tier_steps(way, (stage, profile), &matcher, &mut out, steps),
                Unmatched::DenyIsolated => {
                    // What is denied here, nothing matched; unless an earlier stage had its say.
                    let denied =
                        at == NETWORK && steps.len() == first && way.said == Some(Verdict::Deny);
                    let matched = !denied && rule_steps(way, (stage, profile), &matcher, steps);
                    if !matched {
                        isolated_steps(way, (stage, profile), steps);
                    }
                    out.allow |= matched;
                    out.deny |= !matched;
                    false
                }
            };
            if !goes_on {
                break;
            }
        }
        if goes_on {
            out.allow = true;
            steps.push(step(ReasonCode::NotIsolated, Some(site.direction)));
        }
        let verdict = super::evaluator::verdict_of(&out);
        if verdict == Verdict::Ambiguous {
            steps.insert(first, step(ReasonCode::PriorityTie, Some(site.direction)));
        }
        verdict
    }
}

/// Names the policies of which none lets the pair through.
fn isolated_steps(way: &Way, (stage, profile): (&Stage, &StageProfile), steps: &mut Vec<Step>) {
    steps.extend(profile.policies.iter().take(MOST_REASONS).map(|at| {
        let policy = &stage.policies[*at as usize];
        let step = step(ReasonCode::NoRuleMatches, Some(way.direction));
        Step { policy: Some(policy.id), line: Some(policy.line), ..step }
    }));
}

/// Lists the rules of a stage that match, where any of them allows; false where there are none.
fn rule_steps(
    way: &Way,
    (stage, profile): (&Stage, &StageProfile),
    matcher: &FlowMatcher<'_>,
    steps: &mut Vec<Step>,
) -> bool {
    let before = steps.len();
    let mut policies = profile.policies.iter().map(|at| &stage.policies[*at as usize]);
    // The rules stand policy by policy: `end` is where those of `policy` end.
    let (mut policy, mut end) = (None, 0);
    let matching = profile.rules.iter().enumerate().filter(|(_, rule)| matcher.matches(rule));
    for (number, rule) in matching.take(MOST_REASONS) {
        while number >= end {
            let Some(next) = policies.next() else { break };
            policy = Some(next.id);
            end += next.rules.len();
        }
        let Some(policy) = policy else { break };
        steps.push(by_rule(way, policy, rule));
    }
    steps.len() > before
}

/// The first block of each lane that matches decides; each policy in it with its first matching rule.
fn tier_steps(
    way: &Way,
    (stage, profile): (&Stage, &StageProfile),
    matcher: &FlowMatcher<'_>,
    out: &mut Outcome<bool>,
    steps: &mut Vec<Step>,
) -> bool {
    let policy = |at: &u32| &stage.policies[*at as usize];
    let (mut silent, mut passed) = (true, false);
    for lane in profile.policies.chunk_by(|a, b| policy(a).lane == policy(b).lane) {
        let mut block = None;
        for policy in lane.iter().map(policy) {
            if block.is_some_and(|block| block != policy.block) {
                break;
            }
            let Some(rule) = policy.rules.iter().find(|rule| matcher.matches(rule)) else {
                continue;
            };
            block = Some(policy.block);
            silent = false;
            match rule.action {
                Action::Allow => out.allow = true,
                Action::Deny => out.deny = true,
                Action::Pass => passed = true,
            }
            steps.push(by_rule(way, policy.id, rule));
        }
    }
    silent || passed
}

fn by_rule(way: &Way, policy: PolicyId, rule: &crate::compile::Rule) -> Step {
    let code = match rule.action {
        Action::Allow => ReasonCode::AllowedByRule,
        Action::Deny => ReasonCode::DeniedByRule,
        Action::Pass => ReasonCode::PassedByRule,
    };
    let step = step(code, Some(way.direction));
    Step { policy: Some(policy), rule: Some(rule.index), line: Some(rule.line), ..step }
}

fn step(code: ReasonCode, direction: Option<Direction>) -> Step {
    Step { code, direction, policy: None, ingress: None, rule: None, line: None }
}
