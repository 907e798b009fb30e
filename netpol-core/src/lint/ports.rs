//! Ports: names that pods do not declare (E16) or that stand toward addresses (E17), numbers that no container declares
//! (E18), entries without a protocol (E22).

use serde_json::json;

use super::context::{Context, Pods};
use super::finding::{EditKind, Finding, Severity};
use super::view::{PeerView, PolicyView, RuleView};
use crate::model::{Direction, NetworkPolicyPort, PortReference, PortSet, Protocol, ServicePort};

/// Ports whose usual protocol is UDP: DNS, NTP, SNMP, syslog, VXLAN twice, `WireGuard`.
const USUALLY_UDP: [u16; 7] = [53, 123, 161, 514, 4789, 8472, 51820];

/// Checks the ports of every NetworkPolicy; names of admin policies too.
pub(super) fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for view in &context.policies {
        for rule in &view.rules {
            let check = Check { context, view, rule };
            check.names(findings);
            check.toward_addresses(findings);
            if view.is_network() && view.directions.contains(&rule.direction) {
                check.numbers(findings);
            }
        }
        without_protocol(context, view, findings);
    }
}

/// Whether a number is the port of a Service, and not of the pods behind it.
enum OfService {
    Mistaken(Box<Finding>),
    Known,
    No,
}

struct Check<'a, 'c> {
    context: &'c Context<'a>,
    view: &'c PolicyView<'a>,
    rule: &'c RuleView<'a>,
}

impl Check<'_, '_> {
    /// The pods whose ports are meant: those that the policy selects, or those of the peers.
    fn destinations(&self) -> &Pods {
        match self.rule.direction {
            Direction::Ingress => &self.view.subject,
            Direction::Egress => &self.rule.pods,
        }
    }

    fn finding(&self, id: &'static str, message: String, fix: String) -> Finding {
        self.context.finding(id, (self.view.id, self.rule.line), message, fix)
    }

    fn names(&self, findings: &mut Vec<Finding>) {
        let pods = self.destinations();
        for (protocol, name) in &self.rule.ports.names {
            let missing: Pods =
                pods.iter().filter(|g| !self.declares(*g, *protocol, name)).collect();
            if pods.is_empty() || missing.is_empty() {
                continue;
            }
            let none = missing.len() == pods.len();
            // Rules for a whole cluster mean whoever has the port.
            if !none && !self.view.is_network() {
                continue;
            }
            let of = protocol.map_or_else(String::new, |p| format!(" of {p}"));
            let who = self.context.names(&missing);
            let message = if none {
                format!(
                    "{}: no selected pod declares a port `{name}`{of}, so that the entry matches nothing: {who}",
                    self.rule.path()
                )
            } else {
                format!(
                    "{}: some pods declare no port `{name}`{of}, so that the entry matches nothing on them: {who}",
                    self.rule.path()
                )
            };
            let severity = if none { Severity::Error } else { Severity::Warning };
            let finding = self.finding("E16", message, self.other_name(&missing, *protocol, name));
            findings.push(finding.severity(severity).about(self.context.ids(&missing)));
        }
    }

    fn declares(&self, group: u32, protocol: Option<Protocol>, name: &str) -> bool {
        let is_it = |p: Protocol| protocol.is_none_or(|asked| asked == p);
        let Some(pod) = self.context.sample(group) else { return false };
        pod.ports.iter().any(|c| c.name.as_deref() == Some(name) && is_it(c.protocol))
    }

    /// Says what the pods declare instead.
    fn other_name(&self, pods: &Pods, protocol: Option<Protocol>, name: &str) -> String {
        let mut declared: Vec<(Protocol, u16, &str)> = Vec::new();
        for port in pods.iter().flat_map(|group| self.context.declared(group)) {
            let Some(own) = port.name.as_deref() else { continue };
            if own == name && protocol != Some(port.protocol) {
                return format!(
                    "`{name}` is declared as {}: write `protocol: {}`",
                    port.protocol, port.protocol
                );
            }
            declared.push((port.protocol, port.number, own));
        }
        declared.sort_unstable();
        declared.dedup();
        let shown: Vec<String> =
            declared.iter().take(4).map(|(_, n, own)| format!("`{own}` ({n})")).collect();
        if shown.is_empty() {
            return "name the container's port, or write its number".to_owned();
        }
        format!(
            "they declare {}; use one of them, or a number",
            super::context::list(&shown, declared.len())
        )
    }

    /// A name is looked up on a pod, and an address has none.
    fn toward_addresses(&self, findings: &mut Vec<Finding>) {
        if !self.view.is_network() || self.rule.direction == Direction::Ingress {
            return;
        }
        let blocks = self.rule.peers.iter().filter(|p| matches!(p, PeerView::Block(_))).count();
        let Some((_, name)) = self.rule.ports.names.first().filter(|_| blocks > 0) else { return };
        let message = format!(
            "{}: the named port `{name}` never matches an address that is no pod's, so that ipBlock allows nothing outside on it",
            self.rule.path()
        );
        let finding = self.finding("E17", message, "write the number of the port".to_owned());
        let all = blocks == self.rule.peers.len();
        let severity = if all { Severity::Error } else { Severity::Warning };
        findings.push(finding.severity(severity));
    }

    fn numbers(&self, findings: &mut Vec<Finding>) {
        let pods = self.destinations();
        let Some(spec) = self.view.network().filter(|_| !pods.is_empty()) else { return };
        let Some(rule) = spec.rules(self.rule.direction).get(self.rule.index) else { return };
        for entry in &rule.ports {
            if let Some(PortReference::Number(number)) = &entry.port {
                let protocol = entry.protocol.unwrap_or(Protocol::Tcp);
                findings.extend(self.number(pods, protocol, *number));
            }
        }
    }

    fn number(&self, pods: &Pods, protocol: Protocol, number: u16) -> Option<Finding> {
        let (mut silent, mut declared) = (false, false);
        for group in pods {
            let mut of_protocol = 0;
            for port in self.context.declared(group).filter(|c| c.protocol == protocol) {
                of_protocol += 1;
                declared |= port.number == number;
            }
            silent |= of_protocol == 0;
        }
        if declared {
            return None;
        }
        match self.port_of_a_service(pods, protocol, number) {
            OfService::Mistaken(finding) => return Some(*finding),
            // The pods' own port is allowed beside it, so that somebody knew.
            OfService::Known => return None,
            OfService::No => {}
        }
        // A pod that declares nothing may listen on anything; one that declares some ports may too, but rather does not.
        if silent {
            return None;
        }
        let word = protocol.as_str().to_ascii_lowercase();
        let message = format!(
            "{}: no container of {} declares {word}/{number}",
            self.rule.path(),
            self.context.names(pods)
        );
        let fix = format!("declare the port, or allow one of {}", self.numbers_of(pods, protocol));
        let finding = self.finding("E18", message, fix).severity(Severity::Info);
        Some(finding.about(self.context.ids(pods)))
    }

    fn numbers_of(&self, pods: &Pods, protocol: Protocol) -> String {
        let ports = pods.iter().flat_map(|group| self.context.declared(group));
        let mut numbers: Vec<u16> =
            ports.filter(|c| c.protocol == protocol).map(|c| c.number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let shown: Vec<String> = numbers.iter().take(4).map(ToString::to_string).collect();
        super::context::list(&shown, numbers.len())
    }

    /// Policies see traffic after the Service's port was rewritten to the pods'.
    fn port_of_a_service(&self, pods: &Pods, protocol: Protocol, number: u16) -> OfService {
        let cluster = self.context.cluster;
        let is_it = |p: &&ServicePort| p.protocol == protocol && p.port == number;
        let mut spaces: Vec<usize> =
            pods.iter().map(|g| self.context.groups.group(g).namespace.index()).collect();
        spaces.dedup();
        for view in spaces.iter().filter_map(|n| self.context.services.get(*n)).flatten() {
            let behind: Pods = &view.pods & pods;
            let service = cluster.service(view.id);
            for port in service.ports.iter().filter(is_it).filter(|_| !behind.is_empty()) {
                let of_group = |g: u32| {
                    self.context.groups.pods(g).first().map(|p| cluster.target_port(*p, port))
                };
                let targets = behind.iter().filter_map(of_group);
                let target = targets.fold(PortSet::none(), |set, t| set.union(&t));
                if target.is_empty() || target.contains(protocol, number) {
                    continue;
                }
                if target.is_subset(&self.rule.ports.numbers) {
                    return OfService::Known;
                }
                let space = self.context.namespace_name(service.namespace);
                let message = format!(
                    "{}: {number} is the port of service/{}, which leads to {target} on {}; policies see the pods' port",
                    self.rule.path(),
                    service.name,
                    self.context.names(&behind)
                );
                let fix = format!("allow {target} in its place");
                let finding = self.finding("E18", message, fix);
                let ids = self.context.ids(&behind);
                return OfService::Mistaken(Box::new(
                    finding.about(ids).about([format!("{space}/service/{}", service.name)]),
                ));
            }
        }
        OfService::No
    }
}

/// Entries without a protocol: one note for the policy, and a warning for each that is usually UDP.
fn without_protocol(context: &Context<'_>, view: &PolicyView<'_>, findings: &mut Vec<Finding>) {
    let Some(spec) = view.network() else { return };
    let (mut plain, mut first) = (Vec::new(), None);
    for direction in Direction::ALL {
        for (index, rule) in spec.rules(direction).iter().enumerate() {
            for (at, entry) in rule.ports.iter().enumerate().filter(|(_, e)| e.protocol.is_none()) {
                if let Some(number) = usually_udp(&rule.ports, entry) {
                    let path = format!("spec.{direction}[{index}].ports[{at}]");
                    findings.push(meant_udp(context, (view, rule.line), &path, number));
                } else {
                    first.get_or_insert(rule.line);
                    plain.push(word(entry));
                }
            }
        }
    }
    let Some(line) = first else { return };
    let shown: Vec<String> = plain.iter().take(4).cloned().collect();
    let message = format!(
        "ports without a protocol mean TCP alone: {}",
        super::context::list(&shown, plain.len())
    );
    findings.push(context.finding("E22", (view.id, line), message, "add `protocol: TCP`"));
}

fn meant_udp(
    context: &Context<'_>,
    (view, line): (&PolicyView<'_>, u32),
    path: &str,
    number: u16,
) -> Finding {
    let message =
        format!("{path}: {number} without a protocol means TCP alone, and {number} is usually UDP");
    let fix = "add `protocol: UDP`, and a second entry if TCP is meant too";
    let finding = context.finding("E22", (view.id, line), message, fix);
    let path = format!("{}/protocol", super::selectors::pointer(path));
    finding.severity(Severity::Warning).edit(EditKind::Add, path, Some(json!("UDP")))
}

/// Returns the number of an entry that is usually UDP, unless UDP is allowed beside it.
fn usually_udp(ports: &[NetworkPolicyPort], entry: &NetworkPolicyPort) -> Option<u16> {
    let Some(PortReference::Number(number)) = entry.port else { return None };
    let udp = |p: &NetworkPolicyPort| p.protocol == Some(Protocol::Udp) && p.port == entry.port;
    (USUALLY_UDP.contains(&number) && !ports.iter().any(udp)).then_some(number)
}

fn word(entry: &NetworkPolicyPort) -> String {
    match &entry.port {
        None => "any".to_owned(),
        Some(PortReference::Number(number)) => number.to_string(),
        Some(PortReference::Range(from, to)) => format!("{from}-{to}"),
        Some(PortReference::Name(name)) => format!("`{name}`"),
    }
}
