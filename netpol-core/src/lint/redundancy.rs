//! What is there twice: peers, ports, rules and policies that others cover (E13), equal policies (E14).

use std::collections::BTreeMap;

use super::context::{Context, Pods};
use super::finding::{EditKind, Finding};
use super::selectors::pointer;
use super::view::{PeerView, PolicyView, RuleView, addresses_of};
use crate::model::{Direction, NetworkPolicyRule, NetworkPolicySpec};

/// At most so many policies of one namespace are compared with each other.
const MOST_COMPARED: usize = 1_000;

/// Checks NetworkPolicies, namespace by namespace.
pub(super) fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let mut by_namespace: BTreeMap<u32, Vec<&PolicyView<'_>>> = BTreeMap::new();
    for view in &context.policies {
        if let (true, Some(namespace)) = (view.is_network(), view.policy.namespace) {
            by_namespace.entry(namespace.0).or_default().push(view);
        }
    }
    for views in by_namespace.values() {
        let twins = equal(context, views, findings);
        for view in views {
            within_rules(context, view, findings);
            between_rules(context, view, findings);
        }
        let rest: Vec<&PolicyView<'_>> =
            views.iter().copied().filter(|v| !twins.contains(&v.id.0)).collect();
        shadowed(context, &rest, findings);
    }
}

/// Finds policies that say the same; returns those that came later.
fn equal(
    context: &Context<'_>,
    views: &[&PolicyView<'_>],
    findings: &mut Vec<Finding>,
) -> Vec<u32> {
    let mut first: BTreeMap<String, &PolicyView<'_>> = BTreeMap::new();
    let mut twins = Vec::new();
    for view in views {
        let Some(spec) = view.network() else { continue };
        let Some(earlier) = first.get(&said(view, spec)) else {
            first.insert(said(view, spec), view);
            continue;
        };
        let message = format!("it says the same as {}", earlier.policy.name);
        let fix = format!("delete it, or {}", earlier.policy.name);
        let finding = context.finding("E14", (view.id, 0), message, fix);
        findings.push(finding.about([context.policy_id(earlier.policy)]));
        twins.push(view.id.0);
    }
    twins
}

fn said(view: &PolicyView<'_>, spec: &NetworkPolicySpec) -> String {
    let rule = |r: &NetworkPolicyRule| {
        let mut peers: Vec<String> = r.peers.iter().map(|p| format!("{p:?}")).collect();
        let mut ports: Vec<String> = r.ports.iter().map(|p| format!("{p:?}")).collect();
        peers.sort();
        ports.sort();
        format!("{peers:?}{ports:?}")
    };
    let rules = |rules: &[NetworkPolicyRule]| {
        let mut all: Vec<String> = rules.iter().map(rule).collect();
        all.sort();
        all
    };
    let (ingress, egress) = (rules(&spec.ingress), rules(&spec.egress));
    format!("{} {:?} {ingress:?} {egress:?}", spec.pod_selector, view.directions)
}

/// Peers of one rule of which one covers the other.
fn within_rules(context: &Context<'_>, view: &PolicyView<'_>, findings: &mut Vec<Finding>) {
    for rule in &view.rules {
        for (at, peer) in rule.peers.iter().enumerate() {
            let others = rule.peers.iter().enumerate().filter(|(other, _)| *other != at);
            let mut covering = others.filter_map(|(other, wide)| {
                let covered = covers(wide, peer)?;
                // Of two equal peers the later one is too many.
                let equal = covers(peer, wide).is_some();
                (!equal || other < at).then_some((other, covered))
            });
            let Some((other, how)) = covering.next() else { continue };
            let (path, wide) = (rule.peer_path(at), rule.peer_path(other));
            let message = format!("{path}: {wide} matches all that it does, {}", how.words());
            let finding = context.finding("E13", (view.id, rule.line), message, how.fix());
            findings.push(match how {
                Covered::ForGood => finding.edit(EditKind::Remove, pointer(&path), None),
                Covered::Now => finding,
            });
        }
    }
}

/// For how long something is covered.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Covered {
    /// Whatever pods there will be.
    ForGood,
    /// With the pods of the input.
    Now,
}

impl Covered {
    const fn words(self) -> &'static str {
        match self {
            Self::ForGood => "whatever pods there are",
            Self::Now => "with the pods of this input",
        }
    }

    const fn fix(self) -> &'static str {
        match self {
            Self::ForGood => "remove it",
            Self::Now => "remove it, unless other pods are still to come",
        }
    }
}

fn covers(wide: &PeerView<'_>, narrow: &PeerView<'_>) -> Option<Covered> {
    match (wide, narrow) {
        (PeerView::Block(wide), PeerView::Block(narrow)) => {
            let (wide, narrow) = (addresses_of(wide), addresses_of(narrow));
            (!narrow.is_empty() && narrow.is_subset(&wide)).then_some(Covered::ForGood)
        }
        (PeerView::Pods(wide), PeerView::Pods(narrow)) => {
            if narrow.set.is_empty() || !narrow.set.is_subset(&wide.set) {
                return None;
            }
            let everything = |s: Option<&crate::model::Selector>| {
                s.is_none_or(crate::model::Selector::is_everything)
            };
            let spaces = wide.namespaces == narrow.namespaces
                || wide.namespaces.is_some_and(crate::model::Selector::is_everything);
            let pods = everything(wide.pods) || wide.pods == narrow.pods;
            Some(if spaces && pods { Covered::ForGood } else { Covered::Now })
        }
        _ => None,
    }
}

/// Rules of one policy of which one covers the other.
fn between_rules(context: &Context<'_>, view: &PolicyView<'_>, findings: &mut Vec<Finding>) {
    for direction in Direction::ALL {
        let rules: Vec<&RuleView<'_>> = view.rules_in(direction).collect();
        for rule in rules.iter().filter(|r| matches_something(r)) {
            let covering = rules.iter().find(|wide| {
                wide.index != rule.index
                    && wide.covers(rule)
                    && (!rule.covers(wide) || wide.index < rule.index)
            });
            let Some(wide) = covering else { continue };
            let how = if wide.any { Covered::ForGood } else { Covered::Now };
            let message = format!(
                "{}: {} allows all that it does, {}",
                rule.path(),
                wide.path(),
                how.words()
            );
            findings.push(context.finding("E13", (view.id, rule.line), message, how.fix()));
        }
    }
}

/// What matches nothing is a finding of another kind.
fn matches_something(rule: &RuleView<'_>) -> bool {
    rule.any || !rule.pods.is_empty() || !rule.addresses.is_empty()
}

/// Policies all of whose rules another policy for the same pods covers.
fn shadowed(context: &Context<'_>, views: &[&PolicyView<'_>], findings: &mut Vec<Finding>) {
    if views.len() > MOST_COMPARED {
        return;
    }
    for view in views.iter().filter(|v| !v.subject.is_empty() && has_rules(v)) {
        let wide = views.iter().find(|wide| {
            wide.id != view.id && shadows(wide, view) && (!shadows(view, wide) || wide.id < view.id)
        });
        let Some(wide) = wide else { continue };
        let name = &wide.policy.name;
        let message = format!(
            "{name} isolates the same pods and allows all that it does, {}",
            Covered::Now.words()
        );
        let finding = context.finding("E13", (view.id, 0), message, Covered::Now.fix());
        findings.push(finding.about([context.policy_id(wide.policy)]));
    }
}

/// A policy without a rule that counts says something of its own: that nothing is allowed.
fn has_rules(view: &PolicyView<'_>) -> bool {
    view.directions.iter().all(|d| view.rules_in(*d).next().is_some())
        && view.rules.iter().all(matches_something)
}

fn shadows(wide: &PolicyView<'_>, view: &PolicyView<'_>) -> bool {
    let subset = |a: &Pods, b: &Pods| a.len() <= b.len() && a.is_subset(b);
    subset(&view.subject, &wide.subject)
        && view.directions.iter().all(|direction| {
            wide.directions.contains(direction)
                && view
                    .rules_in(*direction)
                    .all(|rule| wide.rules_in(*direction).any(|other| other.covers(rule)))
        })
}
