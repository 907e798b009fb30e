//! Peers and subjects of admin policies (admin-tiers, sections 2 to 4 and 6: CV2, CV4, CV6, CV8).

use std::collections::HashSet;
use std::net::IpAddr;

use ipnet::IpNet;

use super::addresses::{self, Cidr};
use super::admin_policy::{Schema, bounded, one_of};
use super::diagnostic::{DiagnosticCode, Severity};
use super::selectors;
use super::tree::{Node, clip};
use super::walker::{Path, Walker};
use crate::model::{AdminPeer, Direction, DomainName, PolicyKind, Selector};

const LONGEST_CIDR: usize = 43;
const MOST_NETWORKS: usize = 25;

/// Reads one peer of a rule.
pub(super) fn read(
    walker: &mut Walker<'_>,
    schema: Schema,
    node: &Node,
    path: &Path<'_>,
    direction: Direction,
) -> Option<AdminPeer> {
    let known: &[&str] = match (direction, schema.kind) {
        (Direction::Ingress, _) => &["namespaces", "pods"],
        (Direction::Egress, PolicyKind::BaselineAdminNetworkPolicy) => {
            &["namespaces", "pods", "networks", "nodes"]
        }
        (Direction::Egress, _) => &["namespaces", "pods", "networks", "nodes", "domainNames"],
    };
    let fields = walker.fields(node, path, known)?;
    one_of(walker, fields, path, &known.join(", "))?;
    if let Some(node) = fields.written("namespaces") {
        return namespaces(walker, node, &path.field("namespaces")).map(AdminPeer::Namespaces);
    }
    if let Some(node) = fields.written("pods") {
        let (namespace_selector, pod_selector) = pods(walker, schema, node, &path.field("pods"))?;
        return Some(AdminPeer::Pods { namespace_selector, pod_selector });
    }
    if let Some(node) = fields.written("networks") {
        return networks(walker, node, &path.field("networks")).map(AdminPeer::Networks);
    }
    if let Some(node) = fields.written("nodes") {
        return selectors::read(walker, node, &path.field("nodes")).map(AdminPeer::Nodes);
    }
    let names = fields.written("domainNames")?;
    domain_names(walker, names, &path.field("domainNames")).map(AdminPeer::DomainNames)
}

/// Reads `namespaces`, which is a `LabelSelector`; the nested shape of v0.1.2 and before is explained.
pub(super) fn namespaces(
    walker: &mut Walker<'_>,
    node: &Node,
    path: &Path<'_>,
) -> Option<Selector> {
    if explain_old_shape(walker, node, path) {
        return None;
    }
    selectors::read(walker, node, path)
}

/// Reads `pods`: the namespace selector, `{}` where v1alpha2 omits it, and the pod selector.
pub(super) fn pods(
    walker: &mut Walker<'_>,
    schema: Schema,
    node: &Node,
    path: &Path<'_>,
) -> Option<(Selector, Selector)> {
    if let Some(namespaces) = node.get("namespaces") {
        let path = path.field("namespaces");
        if explain_old_shape(walker, namespaces, &path) {
            return None;
        }
    }
    let fields = walker.fields(node, path, &["namespaceSelector", "podSelector"])?;
    let mut read = |name: &str, required: bool| match fields.written(name) {
        Some(node) => selectors::read(walker, node, &path.field(name)),
        None if !required => Some(Selector::everything()),
        None if schema.lenient && schema.is_alpha1() => {
            let message =
                format!("{}: required, and read as {{}} since it is missing", path.field(name));
            walker.warn(DiagnosticCode::Lenient, node.line, message);
            Some(Selector::everything())
        }
        None => {
            walker.required(node, &path.field(name), "write {} where all are meant");
            None
        }
    };
    let namespace_selector = read("namespaceSelector", schema.is_alpha1());
    let pod_selector = read("podSelector", true);
    Some((namespace_selector?, pod_selector?))
}

/// Recognises `namespaces: {namespaceSelector | sameLabels | notSameLabels}` (admin-tiers, section 2).
fn explain_old_shape(walker: &mut Walker<'_>, node: &Node, path: &Path<'_>) -> bool {
    let old = ["namespaceSelector", "sameLabels", "notSameLabels"];
    let Some(entry) = node.entries().iter().find(|e| old.contains(&&*e.key.text)) else {
        return false;
    };
    let field = &*entry.key.text;
    let message = format!(
        "{}: this is the nested shape of network-policy-api v0.1.2 and before; a server of today drops it and stores \
         `namespaces: {{}}`, which means every namespace",
        path.field(field)
    );
    let help = if field == "namespaceSelector" {
        "write the selector directly below `namespaces`"
    } else {
        "sameLabels and notSameLabels have no equivalent in the API of today"
    };
    walker.add(
        (Severity::Error, DiagnosticCode::OldShape),
        entry.value.line,
        message,
        Some(help.into()),
    );
    true
}

fn networks(walker: &mut Walker<'_>, node: &Node, path: &Path<'_>) -> Option<Vec<IpNet>> {
    let items = bounded(walker, node, path, 1..=MOST_NETWORKS);
    let texts = distinct(walker, items, path);
    let read = |(i, node, text): (usize, &Node, &str)| network(walker, node, text, &path.index(i));
    let networks: Vec<IpNet> = texts.into_iter().filter_map(read).collect();
    (!networks.is_empty()).then_some(networks)
}

/// Reads the items as texts, which must differ (CV4: a set).
fn distinct<'n>(
    walker: &mut Walker<'_>,
    items: &'n [Node],
    path: &Path<'_>,
) -> Vec<(usize, &'n Node, &'n str)> {
    let mut seen = HashSet::new();
    let mut texts = Vec::new();
    for (i, item) in items.iter().enumerate() {
        let Some(text) = walker.text(item, &path.index(i)) else { continue };
        if seen.insert(text) {
            texts.push((i, item, text));
        } else {
            walker.invalid(item, &path.index(i), format!("duplicate value `{}`", clip(text)));
        }
    }
    texts
}

/// `isCIDR` of the CRD is Go's strict parser: no leading zeros, no IPv4-mapped addresses (CV6).
fn network(walker: &mut Walker<'_>, node: &Node, text: &str, path: &Path<'_>) -> Option<IpNet> {
    if text.len() > LONGEST_CIDR {
        walker.invalid(node, path, format!("must be no more than {LONGEST_CIDR} characters"));
        return None;
    }
    let strict = |(address, length): (&str, &str)| {
        address.parse::<IpAddr>().is_ok() && (length == "0" || !length.starts_with('0'))
    };
    let strict = text.split_once('/').is_some_and(strict);
    let mapped = |c: &Cidr| text.contains(':') && c.net.addr().is_ipv4();
    let cidr = addresses::parse_cidr(text).filter(|c| strict && !mapped(c));
    let Some(cidr) = cidr else {
        let fault = format!("invalid value `{}`: invalid CIDR format provided", clip(text));
        walker.invalid(node, path, fault);
        return None;
    };
    if let Some(warning) = cidr.warning {
        walker.warn(DiagnosticCode::CidrSpelling, node.line, format!("{path}: {warning}"));
    }
    Some(cidr.net)
}

fn domain_names(walker: &mut Walker<'_>, node: &Node, path: &Path<'_>) -> Option<Vec<DomainName>> {
    let items = bounded(walker, node, path, 1..=MOST_NETWORKS);
    let mut names = Vec::new();
    for (i, item, text) in distinct(walker, items, path) {
        if is_domain_name(text) {
            names.push(DomainName(text.into()));
        } else {
            let fault = format!(
                "invalid value `{}`: must be a domain name with a dot, `*.` allowed before it",
                clip(text)
            );
            walker.invalid(item, &path.index(i), fault);
        }
    }
    (!names.is_empty()).then_some(names)
}

/// The pattern of the CRD, its `A-z` included (CV8).
fn is_domain_name(text: &str) -> bool {
    let text = text.strip_prefix("*.").unwrap_or(text);
    let text = text.strip_suffix('.').unwrap_or(text);
    text.contains('.') && text.split('.').all(is_domain_label)
}

fn is_domain_label(label: &str) -> bool {
    let first = |b: &u8| b.is_ascii_digit() || (b'A'..=b'z').contains(b);
    let inner = |b: &u8| b.is_ascii_alphanumeric() || *b == b'-' || *b == b'_';
    match label.as_bytes() {
        [] => false,
        [only] => first(only),
        [head, middle @ .., last] => {
            first(head) && middle.iter().all(inner) && last.is_ascii_alphanumeric()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_domain_name;

    #[test]
    fn domain_names_follow_the_pattern_of_the_crd() {
        for good in ["example.com", "*.example.com", "a.b.", "_dmarc.x.io", "^x.io", "1.2", "a_b.c"]
        {
            assert!(is_domain_name(good), "{good}");
        }
        for bad in [
            "localhost",
            "*",
            "*.io",
            "a.*.io",
            "**.x.io",
            "",
            ".",
            "a..b",
            "-a.b",
            "a-.b",
            "*.",
            "a.b..",
        ] {
            assert!(!is_domain_name(bad), "{bad}");
        }
    }
}
