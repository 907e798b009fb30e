//! Policies, rules and ends in the words of an explanation.

use crate::model::{
    AdminPeer, AdminRule, Cluster, Direction, IpBlock, NetworkPolicyPeer, NetworkPolicyRule, Peer,
    Policy, PolicyId, PolicySpec, PortReference, PortSet, Selector,
};

/// Names a policy as a person types it: `netpol/db`, `cnp/guardrails`.
pub(crate) fn policy_name(policy: &Policy) -> String {
    format!("{}/{}", policy.kind.short(), policy.name)
}

/// Names a rule: `netpol/db ingress[0]`, or with its own name where it has one.
pub(crate) fn rule_name(
    cluster: &Cluster,
    policy: PolicyId,
    direction: Direction,
    index: u32,
) -> String {
    let policy = cluster.policy(policy);
    let own = match &policy.spec {
        PolicySpec::Admin(spec) => {
            spec.rules(direction).get(index as usize).and_then(|r| r.name.as_deref())
        }
        PolicySpec::Network(_) => None,
    };
    // A rule's name is free text: what could steer a terminal is escaped.
    let own = own.map_or_else(String::new, |name| format!(" `{}`", name.escape_debug()));
    format!("{} {direction}[{index}]{own}", policy_name(policy))
}

/// Names an end: a pod by its workload, an address as it is.
pub(crate) fn end_name(cluster: &Cluster, peer: &Peer) -> String {
    match peer {
        Peer::Pod(pod) => cluster.workload(cluster.pod(*pod).workload).name.to_string(),
        Peer::Address(address) => address.to_string(),
        Peer::Name(name) => name.to_string(),
        Peer::IngressController => "ingress-controller".into(),
    }
}

/// Says what a rule matches: `app=api on tcp/80`, or `everything`.
pub(crate) fn rule_scope(
    cluster: &Cluster,
    policy: PolicyId,
    direction: Direction,
    index: u32,
) -> String {
    let (peers, ports) = match &cluster.policy(policy).spec {
        PolicySpec::Network(spec) => spec.rules(direction).get(index as usize).map(network_scope),
        PolicySpec::Admin(spec) => spec.rules(direction).get(index as usize).map(admin_scope),
    }
    .unwrap_or_default();
    match (peers, ports) {
        (None, None) => "everything".into(),
        (Some(peers), None) => peers,
        (None, Some(ports)) => format!("every peer on {ports}"),
        (Some(peers), Some(ports)) => format!("{peers} on {ports}"),
    }
}

type Scope = (Option<String>, Option<String>);

/// At most so many peers or ports are spelled out.
const MOST_LISTED: usize = 4;

fn list(items: &[String]) -> Option<String> {
    let more = items.len().saturating_sub(MOST_LISTED);
    let shown = items.iter().take(MOST_LISTED).map(String::as_str).collect::<Vec<_>>().join(" or ");
    match (items.len(), more) {
        (0, _) => None,
        (_, 0) => Some(shown),
        _ => Some(format!("{shown} or {more} more")),
    }
}

fn network_scope(rule: &NetworkPolicyRule) -> Scope {
    let names = rule.ports.iter().map(|entry| {
        let protocol = entry.protocol.map_or("tcp".into(), |p| p.as_str().to_ascii_lowercase());
        match &entry.port {
            None => format!("{protocol}/*"),
            Some(PortReference::Number(n)) => format!("{protocol}/{n}"),
            Some(PortReference::Range(from, to)) => format!("{protocol}/{from}-{to}"),
            Some(PortReference::Name(name)) => format!("{protocol}/{name}"),
        }
    });
    let ports: Vec<String> = names.collect();
    let ports = (!ports.is_empty()).then(|| ports.join(","));
    (list(&rule.peers.iter().map(network_peer).collect::<Vec<_>>()), ports)
}

/// Says what one peer of a NetworkPolicy selects.
pub(crate) fn network_peer(peer: &NetworkPolicyPeer) -> String {
    match peer {
        NetworkPolicyPeer::IpBlock(block) => ip_block(block),
        NetworkPolicyPeer::Pods { namespace_selector: None, pod_selector } => {
            pods(pod_selector.as_ref())
        }
        NetworkPolicyPeer::Pods { namespace_selector: Some(namespaces), pod_selector } => {
            pods_in(pod_selector.as_ref(), namespaces)
        }
    }
}

fn pods(selector: Option<&Selector>) -> String {
    match selector {
        Some(selector) if !selector.is_everything() => selector.to_string(),
        _ => "every pod of its namespace".into(),
    }
}

fn pods_in(selector: Option<&Selector>, namespaces: &Selector) -> String {
    let scope = match namespaces_name(namespaces) {
        Some(name) => format!("namespace {name}"),
        None if namespaces.is_everything() => "any namespace".into(),
        None => format!("namespaces {namespaces}"),
    };
    match selector {
        Some(selector) if !selector.is_everything() => format!("{selector} in {scope}"),
        _ => format!("every pod in {scope}"),
    }
}

/// Recognises a selector that is a namespace's own name.
fn namespaces_name(selector: &Selector) -> Option<String> {
    let [requirement] = &selector.requirements[..] else { return None };
    let text = requirement.to_string();
    text.strip_prefix("kubernetes.io/metadata.name=").map(Into::into)
}

fn ip_block(block: &IpBlock) -> String {
    if block.except.is_empty() {
        return block.cidr.to_string();
    }
    let except: Vec<String> = block.except.iter().map(ToString::to_string).collect();
    format!("{} except {}", block.cidr, except.join(","))
}

fn admin_scope(rule: &AdminRule) -> Scope {
    let ports: Vec<String> = rule
        .ports
        .iter()
        .map(|port| match port {
            crate::model::AdminPort::Number(p, n) => {
                format!("{}/{n}", p.as_str().to_ascii_lowercase())
            }
            crate::model::AdminPort::Range(p, a, b) => {
                format!("{}/{a}-{b}", p.as_str().to_ascii_lowercase())
            }
            crate::model::AdminPort::Name(name) => name.to_string(),
        })
        .collect();
    let ports = (!ports.is_empty()).then(|| ports.join(","));
    (list(&rule.peers.iter().map(admin_peer).collect::<Vec<_>>()), ports)
}

fn admin_peer(peer: &AdminPeer) -> String {
    let join = |items: Vec<String>| items.join(",");
    match peer {
        AdminPeer::Namespaces(namespaces) => pods_in(None, namespaces),
        AdminPeer::Pods { namespace_selector, pod_selector } => {
            pods_in(Some(pod_selector), namespace_selector)
        }
        AdminPeer::Networks(nets) => join(nets.iter().map(ToString::to_string).collect()),
        AdminPeer::Nodes(selector) if selector.is_everything() => "every node".into(),
        AdminPeer::Nodes(selector) => format!("nodes {selector}"),
        AdminPeer::DomainNames(names) => join(names.iter().map(|n| n.0.to_string()).collect()),
    }
}

/// At most so many ranges of ports are spelled out.
const MOST_RANGES: usize = 6;

/// Prints ports, shortened where they are many.
pub(crate) fn ports_name(ports: &PortSet) -> String {
    let count = ports.ranges().count();
    if count <= MOST_RANGES {
        return ports.to_string();
    }
    let shown: PortSet = ports.ranges().take(MOST_RANGES).collect();
    format!("{shown} and {} more ranges", count - MOST_RANGES)
}
