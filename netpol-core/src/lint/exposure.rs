//! Who is meant to come from outside, and what selectors never match: host-network pods (E25), backends that no ingress
//! controller can reach (E29), Services for outside clients whose pods admit pods alone (E30).

use std::collections::BTreeMap;

use super::context::{Context, Pods, ServiceView, about};
use super::finding::{Finding, Severity};
use super::view::PolicyView;
use crate::model::{Direction, Ingress, PodId, PortSet, Selector, Verdict};
use crate::reach::{AskedPorts, ControllerEnd, End, Level, Question, Selection};

/// Checks policies about host-network pods, Ingresses and Services.
pub(super) fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for view in context.policies.iter().filter(|_| !context.hosts.is_empty()) {
        host_network(context, view, findings);
    }
    backends(context, findings);
    for view in context.services.iter().flatten() {
        findings.extend(clients(context, view));
    }
}

fn host_network(context: &Context<'_>, view: &PolicyView<'_>, findings: &mut Vec<Finding>) {
    let selected: Pods = &*view.selected & &context.hosts;
    if !selected.is_empty() {
        let message = format!(
            "it selects pods of the host's network, on which policies have no defined effect: {}",
            context.names(&selected)
        );
        let fix = "isolate such pods by other means, such as the firewall of the nodes";
        let finding = context.finding("E25", (view.id, 0), message, fix);
        let everything = view.network().is_some_and(|s| s.pod_selector.is_everything());
        let severity =
            if everything || !view.is_network() { Severity::Info } else { Severity::Warning };
        findings.push(finding.severity(severity).about(context.ids(&selected)));
    }
    for rule in &view.rules {
        for (at, peer) in rule.pod_peers() {
            let named = peer.pods.is_some_and(|s: &Selector| !s.is_everything());
            if !named || peer.set.is_empty() || !peer.set.is_subset(&context.hosts) {
                continue;
            }
            let message = format!(
                "{}: it selects pods of the host's network alone, which selectors do not match: {}",
                rule.peer_path(at),
                context.names(&peer.set)
            );
            let fix = "write an ipBlock with the addresses of the nodes";
            let finding = context.finding("E25", (view.id, rule.line), message, fix);
            findings.push(finding.about(context.ids(&peer.set)));
        }
    }
}

fn backends(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let cluster = context.cluster;
    let led: Vec<PodId> = cluster.pod_ids().filter(|p| !cluster.leads(*p).is_empty()).collect();
    if led.is_empty() {
        return;
    }
    let from =
        Selection { ingress_controller: ControllerEnd::WhereItLeads, ..Selection::default() };
    let to = Selection { pods: led.iter().map(|p| p.0).collect(), ..Selection::default() };
    let ports = AskedPorts::all();
    let question = Question { from, to, ports, level: Level::Pod, explain: false, denied: true };
    let mut denied: BTreeMap<PodId, PortSet> = BTreeMap::new();
    for row in context.snapshot.ask(&question).rows {
        if let (Verdict::Deny, End::Pod(pod)) = (row.verdict, row.dst) {
            let ports = denied.entry(pod).or_default();
            *ports = ports.union(&row.ports);
        }
    }
    let mut by_ingress: BTreeMap<(u32, u32), Pods> = BTreeMap::new();
    for (pod, ports) in &denied {
        for lead in cluster.leads(*pod).iter().filter(|l| l.ports.is_subset(ports)) {
            let pods = by_ingress.entry((lead.ingress.0, lead.service.0)).or_default();
            pods.insert(context.groups.of(*pod));
        }
    }
    for ((ingress, service), pods) in by_ingress {
        let (Some(ingress), Some(service)) =
            (cluster.ingresses().get(ingress as usize), cluster.services().get(service as usize))
        else {
            continue;
        };
        let message = format!(
            "service/{} is a backend, and policies keep every ingress controller from its pods: {}",
            service.name,
            context.names(&pods)
        );
        let fix = "allow the namespace of the ingress controller in a policy of these pods";
        let position = Some(ingress.position.clone());
        let finding = about("E29", ingress_id(ingress), position, message, fix);
        findings.push(finding.about(context.ids(&pods)));
    }
}

fn ingress_id(ingress: &Ingress) -> String {
    format!("{}/{}/{}", ingress.namespace, ingress.kind.as_str().to_ascii_lowercase(), ingress.name)
}

/// Clients of such a Service come from addresses that are no pod's, and selectors of pods never match them.
fn clients(context: &Context<'_>, view: &ServiceView) -> Option<Finding> {
    let service = context.cluster.service(view.id);
    let is_open = matches!(&*service.service_type, "LoadBalancer" | "NodePort");
    let pods: Pods = &view.pods - &context.hosts;
    if !is_open || pods.is_empty() {
        return None;
    }
    let target = |group: u32| {
        let pod = context.groups.pods(group).first()?;
        let ports = service.ports.iter().map(|port| context.cluster.target_port(*pod, port));
        Some(ports.fold(PortSet::none(), |set, p| set.union(&p)))
    };
    let closed = |group: &u32| {
        let isolating = context.isolating(Direction::Ingress, *group);
        let Some(ports) = target(*group).filter(|p| !p.is_empty() && !isolating.is_empty()) else {
            return false;
        };
        let policies = isolating.iter().filter_map(|at| context.policies.get(*at as usize));
        let mut rules = policies.flat_map(|policy| policy.rules_in(Direction::Ingress));
        let admits = |rule: &super::view::RuleView<'_>| {
            let named = !rule.ports.names.is_empty();
            (rule.any || !rule.addresses.is_empty())
                && (named || !rule.ports.numbers.is_disjoint(&ports))
        };
        !rules.any(admits)
    };
    let closed: Pods = pods.iter().filter(closed).collect();
    if closed.is_empty() {
        return None;
    }
    let space = context.namespace_name(service.namespace);
    let message = format!(
        "{} is for clients outside, and policies admit pods alone, if anything, to {}",
        service.service_type,
        context.names(&closed)
    );
    let fix = "add an ipBlock of the clients to the ingress rules of these pods, or make the Service a ClusterIP";
    let object = format!("{space}/service/{}", service.name);
    let position = Some(service.position.clone());
    Some(about("E30", object, position, message, fix).about(context.ids(&closed)))
}
