//! Writes admin policies as YAML.

use netpol_core::model::{
    Action, AdminPeer, AdminPolicySpec, AdminPort, AdminRule, Operator, Policy, PolicyKind,
    PolicySpec, Protocol, Requirement, Selector, Subject, Tier,
};
use serde_yaml::{Mapping, Value};

use super::yaml;

/// Writes policies, one document each.
pub(super) fn documents(policies: &[Policy]) -> String {
    let document = |policy| yaml::document(&object(policy));
    policies.iter().map(document).collect::<Vec<_>>().join("---\n")
}

fn map(entries: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    Value::Mapping(entries.into_iter().map(|(key, value)| (Value::from(key), value)).collect())
}

fn object(policy: &Policy) -> Value {
    let PolicySpec::Admin(spec) = &policy.spec else { return Value::Null };
    let version = match policy.kind {
        PolicyKind::ClusterNetworkPolicy => "policy.networking.k8s.io/v1alpha2",
        _ => "policy.networking.k8s.io/v1alpha1",
    };
    let metadata = map([("name", Value::from(&*policy.name))]);
    map([
        ("apiVersion", version.into()),
        ("kind", policy.kind.as_str().into()),
        ("metadata", metadata),
        ("spec", spec_value(policy.kind, spec)),
    ])
}

fn spec_value(kind: PolicyKind, spec: &AdminPolicySpec) -> Value {
    let mut entries: Vec<(&'static str, Value)> = Vec::new();
    if kind == PolicyKind::ClusterNetworkPolicy {
        entries.push(("tier", if spec.tier == Tier::Admin { "Admin" } else { "Baseline" }.into()));
    }
    entries.extend(spec.priority.map(|priority| ("priority", priority.into())));
    entries.push(("subject", subject(&spec.subject)));
    for (name, side, rules) in [("ingress", "from", &spec.ingress), ("egress", "to", &spec.egress)]
    {
        if !rules.is_empty() {
            entries
                .push((name, Value::Sequence(rules.iter().map(|r| rule(kind, side, r)).collect())));
        }
    }
    map(entries)
}

fn subject(subject: &Subject) -> Value {
    match subject {
        Subject::Namespaces(namespaces) => map([("namespaces", selector(namespaces))]),
        Subject::Pods { namespace_selector, pod_selector } => {
            map([("pods", pods(namespace_selector, pod_selector))])
        }
    }
}

fn pods(namespaces: &Selector, pods: &Selector) -> Value {
    map([("namespaceSelector", selector(namespaces)), ("podSelector", selector(pods))])
}

fn rule(kind: PolicyKind, side: &'static str, rule: &AdminRule) -> Value {
    let mut entries: Vec<(&'static str, Value)> = Vec::new();
    entries.extend(rule.name.as_deref().map(|name| ("name", name.into())));
    entries.push(("action", action(kind, rule.action).into()));
    entries.push((side, Value::Sequence(rule.peers.iter().map(peer).collect())));
    if !rule.ports.is_empty() {
        let new = kind == PolicyKind::ClusterNetworkPolicy;
        let ports = rule.ports.iter().map(|p| if new { protocol_entry(p) } else { port_entry(p) });
        entries.push((if new { "protocols" } else { "ports" }, Value::Sequence(ports.collect())));
    }
    map(entries)
}

const fn action(kind: PolicyKind, action: Action) -> &'static str {
    match (action, kind) {
        (Action::Allow, PolicyKind::ClusterNetworkPolicy) => "Accept",
        (Action::Allow, _) => "Allow",
        (Action::Deny, _) => "Deny",
        (Action::Pass, _) => "Pass",
    }
}

fn peer(peer: &AdminPeer) -> Value {
    let texts = |items: Vec<String>| Value::Sequence(items.into_iter().map(Value::from).collect());
    match peer {
        AdminPeer::Namespaces(namespaces) => map([("namespaces", selector(namespaces))]),
        AdminPeer::Pods { namespace_selector, pod_selector } => {
            map([("pods", pods(namespace_selector, pod_selector))])
        }
        AdminPeer::Networks(nets) => {
            map([("networks", texts(nets.iter().map(ToString::to_string).collect()))])
        }
        AdminPeer::Nodes(nodes) => map([("nodes", selector(nodes))]),
        AdminPeer::DomainNames(names) => {
            map([("domainNames", texts(names.iter().map(|n| n.0.to_string()).collect()))])
        }
    }
}

/// An entry of v1alpha2's `protocols`.
fn protocol_entry(port: &AdminPort) -> Value {
    let entry = |protocol: Protocol, port: Value| {
        let key = match protocol {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
            Protocol::Sctp => "sctp",
        };
        map([(key, map([("destinationPort", port)]))])
    };
    match port {
        AdminPort::Number(protocol, number) => {
            entry(*protocol, map([("number", (*number).into())]))
        }
        AdminPort::Range(protocol, from, to) => {
            let range = map([("start", (*from).into()), ("end", (*to).into())]);
            entry(*protocol, map([("range", range)]))
        }
        AdminPort::Name(name) => map([("destinationNamedPort", Value::from(&**name))]),
    }
}

/// An entry of v1alpha1's `ports`.
fn port_entry(port: &AdminPort) -> Value {
    match port {
        AdminPort::Number(protocol, number) => {
            let entry = map([("protocol", protocol.as_str().into()), ("port", (*number).into())]);
            map([("portNumber", entry)])
        }
        AdminPort::Range(protocol, from, to) => {
            let ends = [
                ("protocol", protocol.as_str().into()),
                ("start", (*from).into()),
                ("end", (*to).into()),
            ];
            map([("portRange", map(ends))])
        }
        AdminPort::Name(name) => map([("namedPort", Value::from(&**name))]),
    }
}

/// `matchLabels` where every requirement is one value of a key of its own, else `matchExpressions` for the rest.
fn selector(selector: &Selector) -> Value {
    let mut labels = Mapping::new();
    let mut expressions = Vec::new();
    for requirement in &selector.requirements {
        match &requirement.operator {
            Operator::In(values)
                if values.len() == 1 && !labels.contains_key(&*requirement.key) =>
            {
                labels.insert(Value::from(&*requirement.key), Value::from(&*values[0]));
            }
            _ => expressions.push(expression(requirement)),
        }
    }
    let labels = (!labels.is_empty()).then_some(("matchLabels", Value::Mapping(labels)));
    let expressions =
        (!expressions.is_empty()).then_some(("matchExpressions", Value::Sequence(expressions)));
    map(labels.into_iter().chain(expressions))
}

fn expression(requirement: &Requirement) -> Value {
    let (operator, values) = match &requirement.operator {
        Operator::In(values) => ("In", Some(values)),
        Operator::NotIn(values) => ("NotIn", Some(values)),
        Operator::Exists => ("Exists", None),
        Operator::DoesNotExist => ("DoesNotExist", None),
    };
    let list = |values: &Vec<Box<str>>| {
        Value::Sequence(values.iter().map(|v| Value::from(&**v)).collect())
    };
    let head = [("key", Value::from(&*requirement.key)), ("operator", operator.into())];
    map(head.into_iter().chain(values.map(|v| ("values", list(v)))))
}
