//! Connections that only one side allows (E08): a rule names pods, and none of them gets to the other side.

use super::context::{Context, Pods};
use super::finding::Finding;
use super::view::{PolicyView, RuleView};
use crate::index::GroupId;
use crate::model::{Action, Direction, Selector, Tier};

/// A rule that admits more groups than that names nobody in particular.
const MOST_NAMED: u64 = 64;

/// Checks every rule that names pods.
pub(super) fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for view in context.policies.iter().filter(|v| v.is_network() && !v.subject.is_empty()) {
        for direction in Direction::ALL {
            for rule in view.rules_in(direction).filter(|r| is_explicit(r)) {
                findings.extend(half(context, view, rule));
            }
        }
    }
}

/// Tells whether a rule names its peers by their labels, and not whole namespaces.
fn is_explicit(rule: &RuleView<'_>) -> bool {
    let named =
        |peer: &super::view::PodsPeer<'_>| peer.pods.is_some_and(|s: &Selector| !s.is_everything());
    let is_named = !rule.any && rule.pod_peers().all(|(_, peer)| named(peer));
    is_named && !rule.pods.is_empty() && rule.pods.len() <= MOST_NAMED
}

const fn opposite(direction: Direction) -> Direction {
    match direction {
        Direction::Ingress => Direction::Egress,
        Direction::Egress => Direction::Ingress,
    }
}

fn half(context: &Context<'_>, view: &PolicyView<'_>, rule: &RuleView<'_>) -> Option<Finding> {
    let direction = opposite(rule.direction);
    let lacking: Pods = rule
        .pods
        .iter()
        .filter(|group| lacks(context, *group, direction, (&view.subject, rule)))
        .collect();
    if lacking.is_empty() {
        return None;
    }
    let (who, whom) = (context.names(&lacking), context.names(&view.subject));
    let message = match rule.direction {
        Direction::Ingress => format!(
            "{}: {whom} admits {who}, whose egress is isolated and allows nothing of it",
            rule.path()
        ),
        Direction::Egress => format!(
            "{}: {whom} may connect to {who}, whose ingress is isolated and admits nothing of it",
            rule.path()
        ),
    };
    let fix = format!("add the {direction} rule for {who}, or remove this one");
    let finding = context.finding("E08", (view.id, rule.line), message, fix);
    Some(finding.about(context.ids(&lacking)))
}

/// Tells whether a group is isolated in a direction, and certainly nothing there matches the rule of the other side.
fn lacks(
    context: &Context<'_>,
    group: GroupId,
    direction: Direction,
    (subject, rule): (&Pods, &RuleView<'_>),
) -> bool {
    let isolating = context.isolating(direction, group);
    let mut others = subject.iter().filter(|g| *g != group);
    // A pod may always connect to itself.
    if isolating.is_empty() || others.next().is_none() || admins_allow(context, group, direction) {
        return false;
    }
    let views = isolating.iter().filter_map(|at| context.policies.get(*at as usize));
    let mut rules = views.flat_map(|view| view.rules_in(direction));
    !rules.any(|half| {
        let peers = half.any || !half.addresses.is_empty() || !half.pods.is_disjoint(subject);
        peers && half.ports.overlaps(&rule.ports)
    })
}

fn admins_allow(context: &Context<'_>, group: GroupId, direction: Direction) -> bool {
    context.policies.iter().any(|view| {
        let is_admin = view.admin().is_some_and(|spec| spec.tier == Tier::Admin);
        let mut rules = view.rules_in(direction);
        is_admin && view.subject.contains(group) && rules.any(|r| r.action != Action::Deny)
    })
}
