//! `spec` of a NetworkPolicy (networkpolicy-v1, sections 1 to 8 and 15: V1 to V28).

use super::addresses::{self, Cidr};
use super::diagnostic::{DiagnosticCode, Severity};
use super::names;
use super::selectors;
use super::tree::{Node, clip};
use super::walker::{Fields, Path, Walker};
use crate::model::{
    Direction, IpBlock, NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicyRule, NetworkPolicySpec,
    PortReference, Protocol,
};
use ipnet::IpNet;

/// Reads the spec.
pub(super) fn read(
    walker: &mut Walker<'_>,
    node: &Node,
    path: &Path<'_>,
) -> Option<NetworkPolicySpec> {
    let known = ["podSelector", "policyTypes", "ingress", "egress"];
    let fields = walker.fields(node, path, &known)?;
    let mut spec = NetworkPolicySpec::default();
    if let Some(selector) = fields.written("podSelector") {
        let everything = "selects every pod of the namespace";
        walker.note_null(Some(selector), &path.field("podSelector"), everything);
        spec.pod_selector_null = selector.is_null() || has_null_labels(selector);
        spec.pod_selector = selectors::read(walker, selector, &path.field("podSelector"))?;
    }
    if let Some(types) = fields.written("policyTypes") {
        spec.policy_types = policy_types(walker, types, &path.field("policyTypes"));
    }
    note_empty_egress(walker, fields, &spec, path);
    let ingress = fields.written("ingress");
    spec.ingress = rules(walker, ingress, &path.field("ingress"), "from");
    spec.egress = rules(walker, fields.written("egress"), &path.field("egress"), "to");
    Some(spec)
}

/// Without `policyTypes` it is the number of egress rules that counts, so that an empty list restricts nothing.
fn note_empty_egress(
    walker: &mut Walker<'_>,
    fields: Fields<'_>,
    spec: &NetworkPolicySpec,
    path: &Path<'_>,
) {
    let Some(egress) = fields.written("egress").filter(|_| spec.policy_types.is_empty()) else {
        return;
    };
    if egress.is_null() || egress.items().is_some_and(<[Node]>::is_empty) {
        let path = path.field("egress");
        let message = format!(
            "{path}: an empty list without policyTypes restricts no egress; it only looks like a deny-all"
        );
        walker.note_for_lint(DiagnosticCode::EmptyEgress, egress.line, message);
    }
}

/// Returns the spec of a policy that has none, with a warning.
pub(super) fn absent(walker: &mut Walker<'_>, node: &Node) -> NetworkPolicySpec {
    let message =
        "spec: there is none, so the policy denies all ingress to every pod of its namespace";
    walker.warn(DiagnosticCode::InvalidValue, node.line, message.into());
    NetworkPolicySpec::default()
}

fn has_null_labels(selector: &Node) -> bool {
    selector.get("matchLabels").is_some_and(Node::is_null)
}

fn policy_types(walker: &mut Walker<'_>, node: &Node, path: &Path<'_>) -> Vec<Direction> {
    let items = walker.list(node, path);
    if items.len() > 2 {
        walker.invalid(node, path, "invalid value: may not specify more than two policyTypes");
        return Vec::new();
    }
    let mut types = Vec::new();
    for (i, item) in items.iter().enumerate() {
        let path = path.index(i);
        match walker.text(item, &path) {
            Some("Ingress") => types.push(Direction::Ingress),
            Some("Egress") => types.push(Direction::Egress),
            Some(other) => {
                let fault = format!(
                    "unsupported value `{}`: supported values: \"Ingress\", \"Egress\"",
                    clip(other)
                );
                walker.invalid(item, &path, fault);
            }
            None => {}
        }
    }
    types
}

fn rules(
    walker: &mut Walker<'_>,
    node: Option<&Node>,
    path: &Path<'_>,
    peers_field: &str,
) -> Vec<NetworkPolicyRule> {
    let Some(node) = node else { return Vec::new() };
    let items = walker.list(node, path).iter().enumerate();
    items.filter_map(|(i, item)| rule(walker, item, &path.index(i), peers_field)).collect()
}

fn rule(
    walker: &mut Walker<'_>,
    node: &Node,
    path: &Path<'_>,
    peers_field: &str,
) -> Option<NetworkPolicyRule> {
    if node.is_null() {
        let message = format!("{path}: an empty list item is a rule that allows everything");
        null_element(walker, node, message, "delete the `-`, or write `{}` if everything is meant");
    }
    let fields = walker.fields(node, path, &["ports", peers_field])?;
    let mut rule = NetworkPolicyRule { line: node.line, ..NetworkPolicyRule::default() };
    if let Some(peers) = fields.written(peers_field) {
        let path = path.field(peers_field);
        for (i, item) in walker.list(peers, &path).iter().enumerate() {
            rule.peers.extend(peer(walker, item, &path.index(i)));
        }
    }
    if let Some(ports) = fields.written("ports") {
        let path = path.field("ports");
        for (i, item) in walker.list(ports, &path).iter().enumerate() {
            rule.ports.extend(port(walker, item, &path.index(i)));
        }
    }
    warn_of_names_toward_addresses(walker, &rule, path, peers_field);
    Some(rule)
}

fn null_element(walker: &mut Walker<'_>, node: &Node, message: String, help: &str) {
    let code = (Severity::Warning, DiagnosticCode::NullElement);
    walker.add(code, node.line, message, Some(help.into()));
}

/// A named port is looked up on a pod and so never matches an address (networkpolicy-v1, section 7).
fn warn_of_names_toward_addresses(
    walker: &mut Walker<'_>,
    rule: &NetworkPolicyRule,
    path: &Path<'_>,
    peers_field: &str,
) {
    let blocks = rule.peers.iter().any(|p| matches!(p, NetworkPolicyPeer::IpBlock(_)));
    let name = rule.ports.iter().find_map(|p| match &p.port {
        Some(PortReference::Name(name)) => Some(name),
        _ => None,
    });
    if let (true, Some(name), "to") = (blocks, name, peers_field) {
        let message = format!(
            "{path}: the named port `{name}` never matches an address that is no pod's, so ipBlock allows \
             nothing outside the cluster on it"
        );
        walker.warn(DiagnosticCode::NamedPortWithAddresses, rule.line, message);
    }
}

fn peer(walker: &mut Walker<'_>, node: &Node, path: &Path<'_>) -> Option<NetworkPolicyPeer> {
    let known = ["podSelector", "namespaceSelector", "ipBlock"];
    let fields = walker.fields(node, path, &known)?;
    let has_selector =
        fields.get("podSelector").is_some() || fields.get("namespaceSelector").is_some();
    match fields.get("ipBlock") {
        Some(_) if has_selector => {
            walker.invalid(node, path, "forbidden: may not specify both ipBlock and another peer");
            None
        }
        Some(block) => {
            ip_block(walker, block, &path.field("ipBlock")).map(NetworkPolicyPeer::IpBlock)
        }
        None if has_selector => pods(walker, fields, path),
        None => {
            walker.required(node, path, "must specify a peer");
            None
        }
    }
}

fn pods(walker: &mut Walker<'_>, fields: Fields<'_>, path: &Path<'_>) -> Option<NetworkPolicyPeer> {
    let mut valid = true;
    let mut selector = |name: &str| {
        walker.note_null(fields.written(name), &path.field(name), "counts as not written");
        let node = fields.get(name)?;
        let selector = selectors::read(walker, node, &path.field(name));
        valid &= selector.is_some();
        selector
    };
    let namespace_selector = selector("namespaceSelector");
    let pod_selector = selector("podSelector");
    valid.then_some(NetworkPolicyPeer::Pods { namespace_selector, pod_selector })
}

fn ip_block(walker: &mut Walker<'_>, node: &Node, path: &Path<'_>) -> Option<IpBlock> {
    let fields = walker.fields(node, path, &["cidr", "except"])?;
    let Some(cidr) = fields.get("cidr").filter(|n| n.as_text() != Some("")) else {
        walker.required(node, &path.field("cidr"), "the block of addresses, such as 10.9.8.0/24");
        return None;
    };
    let cidr = read_cidr(walker, cidr, &path.field("cidr"));
    let mut except = Vec::new();
    if let Some(list) = fields.written("except") {
        let path = path.field("except");
        for (i, item) in walker.list(list, &path).iter().enumerate() {
            let path = path.index(i);
            let Some(cut) = read_cidr(walker, item, &path) else { continue };
            if cidr.is_some_and(|cidr| !is_strict_subset(cut, cidr)) {
                walker.invalid(
                    item,
                    &path,
                    format!("invalid value `{cut}`: must be a strict subset of `cidr`"),
                );
            }
            except.push(cut);
        }
    }
    Some(IpBlock { cidr: cidr?, except })
}

fn is_strict_subset(part: IpNet, whole: IpNet) -> bool {
    part.prefix_len() > whole.prefix_len() && whole.contains(&part)
}

/// Reads a CIDR of a NetworkPolicy.
fn read_cidr(walker: &mut Walker<'_>, node: &Node, path: &Path<'_>) -> Option<IpNet> {
    let text = walker.text(node, path)?;
    let Some(Cidr { net, warning }) = addresses::parse_cidr(text) else {
        let fault = format!(
            "invalid value `{}`: must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)",
            clip(text)
        );
        walker.invalid(node, path, fault);
        return None;
    };
    if let Some(warning) = warning {
        walker.warn(DiagnosticCode::CidrSpelling, node.line, format!("{path}: {warning}"));
    }
    Some(net)
}

fn port(walker: &mut Walker<'_>, node: &Node, path: &Path<'_>) -> Option<NetworkPolicyPort> {
    if node.is_null() {
        let message = format!("{path}: an empty list item stands for all TCP ports");
        null_element(
            walker,
            node,
            message,
            "delete the `-`, or write `{}` if all TCP ports are meant",
        );
    }
    let fields = walker.fields(node, path, &["protocol", "port", "endPort"])?;
    let protocol = match fields.get("protocol") {
        Some(protocol) => Some(read_protocol(walker, protocol, &path.field("protocol"))?),
        None => None,
    };
    let port = match (fields.get("port"), fields.get("endPort")) {
        (None, None) => None,
        (None, Some(end)) => {
            let fault = "forbidden: may not be specified when `port` is not specified";
            walker.invalid(end, &path.field("endPort"), fault);
            return None;
        }
        (Some(port), end) if port.as_text().is_some() => {
            Some(PortReference::Name(named_port(walker, port, end, path)?))
        }
        (Some(port), end) => Some(numbers(walker, port, end, path)?),
    };
    Some(NetworkPolicyPort { protocol, port })
}

/// Reads a protocol, which is exactly one of three words (V3).
pub(super) fn read_protocol(
    walker: &mut Walker<'_>,
    node: &Node,
    path: &Path<'_>,
) -> Option<Protocol> {
    let text = walker.text(node, path)?;
    let protocol = text.parse().ok();
    if protocol.is_none() {
        let fault = format!(
            "unsupported value `{}`: supported values: \"TCP\", \"UDP\", \"SCTP\"",
            clip(text)
        );
        walker.invalid(node, path, fault);
    }
    protocol
}

fn named_port(
    walker: &mut Walker<'_>,
    port: &Node,
    end: Option<&Node>,
    path: &Path<'_>,
) -> Option<Box<str>> {
    if let Some(end) = end {
        let fault = "forbidden: may not be specified when `port` is non-numeric";
        walker.invalid(end, &path.field("endPort"), fault);
    }
    let text = walker.text(port, &path.field("port"))?;
    let faults = names::port(text);
    for fault in &faults {
        walker.invalid(
            port,
            &path.field("port"),
            format!("invalid value `{}`: {fault}", clip(text)),
        );
    }
    (faults.is_empty() && end.is_none()).then(|| text.into())
}

fn numbers(
    walker: &mut Walker<'_>,
    port: &Node,
    end: Option<&Node>,
    path: &Path<'_>,
) -> Option<PortReference> {
    let first = port_number(walker, port, &path.field("port"));
    let Some(end) = end else { return first.map(PortReference::Number) };
    let last = port_number(walker, end, &path.field("endPort"));
    let (first, last) = (first?, last?);
    if last < first {
        let fault = format!("invalid value `{last}`: must be greater than or equal to `port`");
        walker.invalid(end, &path.field("endPort"), fault);
        return None;
    }
    Some(PortReference::Range(first, last))
}

/// Reads a port number (V4, V6).
pub(super) fn port_number(walker: &mut Walker<'_>, node: &Node, path: &Path<'_>) -> Option<u16> {
    let number = walker.integer(node, path)?;
    match u16::try_from(number) {
        Ok(port) if port > 0 => Some(port),
        _ => {
            let fault = format!("invalid value `{number}`: must be between 1 and 65535, inclusive");
            walker.invalid(node, path, fault);
            None
        }
    }
}
