//! `spec` of ClusterNetworkPolicy, AdminNetworkPolicy and BaselineAdminNetworkPolicy (admin-tiers, sections 2 to 6).

use super::LoadOptions;
use super::admin_peers;
use super::admin_ports;
use super::diagnostic::{DiagnosticCode, Severity};
use super::tree::{Node, clip};
use super::walker::{Fields, Path, Walker};
use crate::model::{
    Action, AdminPeer, AdminPolicySpec, AdminPort, AdminRule, Direction, PolicyKind, Subject, Tier,
};

/// What differs between the three kinds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schema {
    /// The kind.
    pub(super) kind: PolicyKind,
    /// Whether required selectors may be left out, with a warning (dialect np-guard).
    pub(super) lenient: bool,
}

impl Schema {
    /// Tells whether this is v1alpha1.
    pub(super) fn is_alpha1(self) -> bool {
        self.kind != PolicyKind::ClusterNetworkPolicy
    }

    /// Returns the most rules, peers and ports of a list.
    pub(super) fn longest_list(self) -> usize {
        if self.is_alpha1() { 100 } else { 25 }
    }

    /// Returns the field that holds the ports of a rule.
    const fn ports_field(self) -> &'static str {
        match self.kind {
            PolicyKind::ClusterNetworkPolicy => "protocols",
            _ => "ports",
        }
    }

    /// Returns the field that holds the ports of a rule in the other version.
    const fn foreign_ports_field(self) -> &'static str {
        match self.kind {
            PolicyKind::ClusterNetworkPolicy => "ports",
            _ => "protocols",
        }
    }

    const fn spec_fields(self) -> &'static [&'static str] {
        match self.kind {
            PolicyKind::ClusterNetworkPolicy => {
                &["tier", "priority", "subject", "ingress", "egress"]
            }
            PolicyKind::AdminNetworkPolicy => &["priority", "subject", "ingress", "egress"],
            _ => &["subject", "ingress", "egress"],
        }
    }

    const fn actions(self) -> &'static [(&'static str, Action)] {
        match self.kind {
            PolicyKind::ClusterNetworkPolicy => {
                &[("Accept", Action::Allow), ("Deny", Action::Deny), ("Pass", Action::Pass)]
            }
            PolicyKind::AdminNetworkPolicy => {
                &[("Allow", Action::Allow), ("Deny", Action::Deny), ("Pass", Action::Pass)]
            }
            _ => &[("Allow", Action::Allow), ("Deny", Action::Deny)],
        }
    }
}

/// Reads the spec.
pub(super) fn read(
    walker: &mut Walker<'_>,
    kind: PolicyKind,
    node: &Node,
    options: &LoadOptions,
) -> Option<AdminPolicySpec> {
    let schema = Schema { kind, lenient: options.np_guard };
    let path = Path::ROOT.field("spec");
    let fields = walker.fields(node, &path, schema.spec_fields())?;
    let tier = tier(walker, schema, fields, &path);
    let priority = match kind {
        PolicyKind::BaselineAdminNetworkPolicy => Some(None),
        _ => priority(walker, fields, &path).map(Some),
    };
    let subject = subject(walker, schema, fields, &path);
    let mut rules = |name: &str, direction| {
        let list = fields.written(name);
        list.map_or_else(Vec::new, |l| rules(walker, schema, l, &path.field(name), direction))
    };
    let ingress = rules("ingress", Direction::Ingress);
    let egress = rules("egress", Direction::Egress);
    Some(AdminPolicySpec { tier: tier?, priority: priority?, subject: subject?, ingress, egress })
}

fn tier(
    walker: &mut Walker<'_>,
    schema: Schema,
    fields: Fields<'_>,
    path: &Path<'_>,
) -> Option<Tier> {
    match schema.kind {
        PolicyKind::AdminNetworkPolicy => return Some(Tier::Admin),
        PolicyKind::BaselineAdminNetworkPolicy => return Some(Tier::Baseline),
        _ => {}
    }
    let path = path.field("tier");
    let Some(node) = fields.written("tier") else {
        walker.required(fields.node, &path, "Admin or Baseline");
        return None;
    };
    match walker.text(node, &path)? {
        "Admin" => Some(Tier::Admin),
        "Baseline" => Some(Tier::Baseline),
        other => {
            let fault = format!(
                "unsupported value `{}`: supported values: \"Admin\", \"Baseline\"",
                clip(other)
            );
            walker.invalid(node, &path, fault);
            None
        }
    }
}

fn priority(walker: &mut Walker<'_>, fields: Fields<'_>, path: &Path<'_>) -> Option<u16> {
    let path = path.field("priority");
    let Some(node) = fields.written("priority") else {
        walker.required(fields.node, &path, "a number from 0 to 1000");
        return None;
    };
    let number = walker.integer(node, &path)?;
    match u16::try_from(number) {
        Ok(priority) if priority <= 1000 => Some(priority),
        _ => {
            let fault = format!("invalid value `{number}`: must be between 0 and 1000, inclusive");
            walker.invalid(node, &path, fault);
            None
        }
    }
}

fn subject(
    walker: &mut Walker<'_>,
    schema: Schema,
    fields: Fields<'_>,
    path: &Path<'_>,
) -> Option<Subject> {
    let path = path.field("subject");
    let Some(node) = fields.written("subject") else {
        walker.required(fields.node, &path, "the pods that the policy governs");
        return None;
    };
    let subject = walker.fields(node, &path, &["namespaces", "pods"])?;
    one_of(walker, subject, &path, "namespaces, pods")?;
    if let Some(namespaces) = subject.written("namespaces") {
        let path = path.field("namespaces");
        return admin_peers::namespaces(walker, namespaces, &path).map(Subject::Namespaces);
    }
    let pods = subject.written("pods")?;
    let (namespace_selector, pod_selector) =
        admin_peers::pods(walker, schema, pods, &path.field("pods"))?;
    Some(Subject::Pods { namespace_selector, pod_selector })
}

/// Requires exactly one field (CV2).
pub(super) fn one_of(
    walker: &mut Walker<'_>,
    fields: Fields<'_>,
    path: &Path<'_>,
    known: &str,
) -> Option<()> {
    if fields.len() == 1 {
        return Some(());
    }
    let fault = format!("exactly one of {known} must be set, found {}", fields.len());
    walker.invalid(fields.node, path, fault);
    None
}

/// Checks the length of a list (CV4).
pub(super) fn bounded<'n>(
    walker: &mut Walker<'_>,
    node: &'n Node,
    path: &Path<'_>,
    bounds: std::ops::RangeInclusive<usize>,
) -> &'n [Node] {
    let items = walker.list(node, path);
    if node.items().is_some() && !bounds.contains(&items.len()) {
        let (low, high) = (bounds.start(), bounds.end());
        let fault = format!("must have {low} to {high} items, found {}", items.len());
        walker.invalid(node, path, fault);
        return &[];
    }
    items
}

fn rules(
    walker: &mut Walker<'_>,
    schema: Schema,
    node: &Node,
    path: &Path<'_>,
    direction: Direction,
) -> Vec<AdminRule> {
    let items = bounded(walker, node, path, 0..=schema.longest_list()).iter().enumerate();
    items.filter_map(|(i, item)| rule(walker, schema, item, &path.index(i), direction)).collect()
}

fn rule(
    walker: &mut Walker<'_>,
    schema: Schema,
    node: &Node,
    path: &Path<'_>,
    direction: Direction,
) -> Option<AdminRule> {
    let peers_field = if direction == Direction::Ingress { "from" } else { "to" };
    explain_old_ports(walker, schema, node, path);
    let other_ports = schema.foreign_ports_field();
    let known = ["name", "action", peers_field, schema.ports_field(), other_ports];
    let fields = walker.fields(node, path, &known)?;
    let name = rule_name(walker, fields, path);
    let action = action(walker, schema, fields, path);
    let peers = peers(walker, schema, fields, &path.field(peers_field), direction);
    let ports_path = path.field(schema.ports_field());
    let ports = match fields.written(schema.ports_field()) {
        Some(list) => {
            let items = bounded(walker, list, &ports_path, 1..=schema.longest_list()).iter();
            let port = |(i, item)| admin_ports::read(walker, schema, item, &ports_path.index(i));
            items.enumerate().filter_map(port).collect()
        }
        None => Vec::new(),
    };
    let rule = AdminRule { name, action: action?, peers, ports, line: node.line };
    check_names_toward_addresses(walker, &rule, path);
    Some(rule)
}

/// v1alpha1 `ports` in a v1alpha2 rule would be pruned: the rule would match all ports (admin-tiers, section 2).
fn explain_old_ports(walker: &mut Walker<'_>, schema: Schema, node: &Node, path: &Path<'_>) {
    let (old, new) = (schema.foreign_ports_field(), schema.ports_field());
    if let Some(ports) = node.get(old) {
        let message = format!(
            "{}: belongs to the other version of the API; a server would drop it and the rule would match all ports",
            path.field(old)
        );
        let code = (Severity::Error, DiagnosticCode::OldShape);
        walker.add(code, ports.line, message, Some(format!("write it as `{new}`")));
    }
}

fn rule_name(walker: &mut Walker<'_>, fields: Fields<'_>, path: &Path<'_>) -> Option<Box<str>> {
    let node = fields.written("name")?;
    let path = path.field("name");
    let name = walker.text(node, &path)?;
    if name.chars().count() > 100 {
        walker.invalid(node, &path, "must be no more than 100 characters");
    }
    Some(name.into())
}

fn action(
    walker: &mut Walker<'_>,
    schema: Schema,
    fields: Fields<'_>,
    path: &Path<'_>,
) -> Option<Action> {
    let path = path.field("action");
    let supported = || {
        let names: Vec<String> = schema.actions().iter().map(|a| format!("\"{}\"", a.0)).collect();
        names.join(", ")
    };
    let Some(node) = fields.written("action") else {
        walker.required(fields.node, &path, format!("one of {}", supported()));
        return None;
    };
    let text = walker.text(node, &path)?;
    let action = schema.actions().iter().find(|a| a.0 == text).map(|a| a.1);
    if action.is_none() {
        let fault =
            format!("unsupported value `{}`: supported values: {}", clip(text), supported());
        walker.invalid(node, &path, fault);
    }
    action
}

fn peers(
    walker: &mut Walker<'_>,
    schema: Schema,
    fields: Fields<'_>,
    path: &Path<'_>,
    direction: Direction,
) -> Vec<AdminPeer> {
    let field = if direction == Direction::Ingress { "from" } else { "to" };
    let Some(list) = fields.written(field) else {
        walker.required(fields.node, path, "the peers of the rule");
        return Vec::new();
    };
    let items = bounded(walker, list, path, 1..=schema.longest_list()).iter().enumerate();
    items
        .filter_map(|(i, item)| admin_peers::read(walker, schema, item, &path.index(i), direction))
        .collect()
}

/// CV7 and AT9: a named port is looked up on a pod.
fn check_names_toward_addresses(walker: &mut Walker<'_>, rule: &AdminRule, path: &Path<'_>) {
    let name = rule.ports.iter().find_map(|p| match p {
        AdminPort::Name(name) => Some(name),
        _ => None,
    });
    let Some(name) = name else { return };
    let refused = rule.peers.iter().find_map(|p| match p {
        AdminPeer::Nodes(_) => Some("nodes"),
        AdminPeer::DomainNames(_) => Some("domainNames"),
        _ => None,
    });
    if let Some(peer) = refused {
        let message = format!("{path}: the named port `{name}` may not be used with {peer} peers");
        let code = (Severity::Error, DiagnosticCode::NamedPortRefused);
        walker.add(code, rule.line, message, None);
    } else if rule.peers.iter().any(|p| matches!(p, AdminPeer::Networks(_))) {
        let message = format!(
            "{path}: the named port `{name}` never matches an address that is no pod's, so networks matches \
             nothing outside the cluster on it"
        );
        walker.warn(DiagnosticCode::NamedPortWithAddresses, rule.line, message);
    }
}
