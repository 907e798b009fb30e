//! What is odd about the shape of a NetworkPolicy: peers that read like one (E06), policies and rules of everything or
//! nothing (E11, E12), directions that policyTypes switches on or off (E19, E21), the namespace (E24).

use serde_json::json;

use super::context::{Context, Pods};
use super::finding::{EditKind, Finding, Severity};
use super::view::{PodsPeer, PolicyView, RuleView};
use crate::model::{Direction, NetworkPolicySpec, Selector};

/// Checks every NetworkPolicy.
pub(super) fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let namespaces_are_told = context.cluster.namespaces().iter().any(|n| n.position.is_some());
    for view in &context.policies {
        let Some(spec) = view.network() else { continue };
        denies_everything(context, view, spec, findings);
        policy_types(context, view, spec, findings);
        for rule in &view.rules {
            allows_everything(context, view, rule, findings);
            two_that_read_like_one(context, view, rule, findings);
        }
        if namespaces_are_told {
            namespace(context, view, findings);
        }
    }
}

/// Tells whether a name says that nothing is allowed.
fn says_deny(name: &str) -> bool {
    ["deny", "isolate", "block", "lockdown"].iter().any(|word| name.contains(word))
}

fn denies_everything(
    context: &Context<'_>,
    view: &PolicyView<'_>,
    spec: &NetworkPolicySpec,
    findings: &mut Vec<Finding>,
) {
    let has_rule = view.directions.iter().any(|d| !spec.rules(*d).is_empty());
    // Rules that policyTypes switches off are a mistake of their own.
    if has_rule || !view.rules.is_empty() || says_deny(&view.policy.name) {
        return;
    }
    let mut directions: Vec<&str> = view.directions.iter().map(|d| d.as_str()).collect();
    directions.sort_unstable_by(|a, b| b.cmp(a));
    let whom = if spec.pod_selector.is_everything() {
        "every pod of its namespace".to_owned()
    } else {
        format!("`{}`", spec.pod_selector)
    };
    let message = format!("no rules: it denies all {} of {whom}", directions.join(" and "));
    let fix = "if that is meant, say so in the name, such as default-deny";
    findings.push(context.finding("E11", (view.id, 0), message, fix));
}

fn policy_types(
    context: &Context<'_>,
    view: &PolicyView<'_>,
    spec: &NetworkPolicySpec,
    findings: &mut Vec<Finding>,
) {
    for direction in Direction::ALL {
        let rules = spec.rules(direction);
        if let (Some(first), false) = (rules.first(), view.directions.contains(&direction)) {
            let word = capital(direction);
            let message = format!(
                "spec.{direction}: policyTypes leaves out {word}, so that these rules are ignored; some CNIs enforce them"
            );
            let fix = format!("add {word} to policyTypes, or delete the rules");
            let finding = context.finding("E19", (view.id, first.line), message, fix);
            let edit = (EditKind::Add, "/spec/policyTypes/-".to_owned(), Some(json!(word)));
            findings.push(finding.edit(edit.0, edit.1, edit.2));
        }
    }
    let lists_egress = spec.policy_types.contains(&Direction::Egress);
    if lists_egress && spec.egress.is_empty() && !spec.ingress.is_empty() {
        let message =
            "policyTypes lists Egress and there is no egress rule: it denies all egress, DNS too";
        let fix = "remove Egress from policyTypes, or add the rules that are meant";
        let finding = context.finding("E19", (view.id, 0), message.into(), fix);
        if !says_deny(&view.policy.name) {
            findings.push(finding.severity(Severity::Info));
        }
    }
    if spec.policy_types.is_empty() && spec.ingress.is_empty() && !spec.egress.is_empty() {
        let message = "policyTypes is not written, so that this policy with egress rules alone denies all ingress too";
        let fix = "add `policyTypes: [Egress]`, or list both if that is meant";
        let finding = context.finding("E21", (view.id, 0), message.into(), fix);
        let value = Some(json!(["Egress"]));
        findings.push(finding.edit(EditKind::Add, "/spec/policyTypes".into(), value));
    }
}

fn capital(direction: Direction) -> &'static str {
    match direction {
        Direction::Ingress => "Ingress",
        Direction::Egress => "Egress",
    }
}

fn allows_everything(
    context: &Context<'_>,
    view: &PolicyView<'_>,
    rule: &RuleView<'_>,
    findings: &mut Vec<Finding>,
) {
    if !rule.any || !rule.ports.numbers.is_all() || !view.directions.contains(&rule.direction) {
        return;
    }
    let message = format!("{}: it allows all {}, from or to anywhere", rule.path(), rule.direction);
    let word = capital(rule.direction);
    let fix =
        format!("name peers or ports; if everything is meant, leave {word} out of policyTypes");
    let finding = context.finding("E12", (view.id, rule.line), message, fix);
    let is_meant = view.policy.name.contains("allow");
    findings.push(if is_meant { finding.severity(Severity::Info) } else { finding });
}

/// `- namespaceSelector` and `- podSelector` side by side: the union, where the intersection may be meant.
fn two_that_read_like_one(
    context: &Context<'_>,
    view: &PolicyView<'_>,
    rule: &RuleView<'_>,
    findings: &mut Vec<Finding>,
) {
    let peers: Vec<(usize, &PodsPeer<'_>)> = rule.pod_peers().collect();
    for pair in peers.windows(2) {
        let [(at, spaces), (next, pods)] = pair else { continue };
        let (Some(namespaces), None, None, Some(selector)) =
            (spaces.namespaces, spaces.pods, pods.namespaces, pods.pods)
        else {
            continue;
        };
        if *next == at + 1 && !selector.is_everything() {
            let path = rule.peer_path(*at);
            findings.extend(judge(
                context,
                view,
                (rule, &path),
                (namespaces, spaces),
                (selector, pods),
            ));
        }
    }
}

/// It is a slip where such pods stand in those namespaces.
fn judge(
    context: &Context<'_>,
    view: &PolicyView<'_>,
    (rule, path): (&RuleView<'_>, &str),
    (namespaces, spaces): (&Selector, &PodsPeer<'_>),
    (selector, pods): (&Selector, &PodsPeer<'_>),
) -> Option<Finding> {
    let both: Pods = &*context.in_namespaces(namespaces, selector) & &*spaces.set;
    if both.is_empty() {
        return None;
    }
    let count = |set: &Pods| match context.workloads(set).len() {
        1 => "1 workload".to_owned(),
        n => format!("{n} workloads"),
    };
    let message = format!(
        "{path}: two list items mean every pod of `{namespaces}` ({}) or `{selector}` in the policy's own namespace ({}); \
         in one item they would mean {}",
        count(&spaces.set),
        count(&pods.set),
        count(&both),
    );
    let fix = "delete the second `-` so that both selectors are of one list item, if pods of those namespaces are meant";
    let finding = context.finding("E06", (view.id, rule.line), message, fix);
    Some(finding.about(context.ids(&both)))
}

fn namespace(context: &Context<'_>, view: &PolicyView<'_>, findings: &mut Vec<Finding>) {
    let Some(namespace) = view.policy.namespace else { return };
    if context.cluster.namespace(namespace).position.is_some() || context.is_populated(namespace) {
        return;
    }
    let name = context.namespace_name(namespace);
    let message = format!("namespace `{name}` is not in the input, and neither is a pod of it");
    let fix = "correct metadata.namespace, or add the Namespace object";
    findings.push(context.finding("E24", (view.id, 0), message, fix).severity(Severity::Warning));
}
