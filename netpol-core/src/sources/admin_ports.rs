//! Port entries of admin policies: `protocols` of v1alpha2 and `ports` of v1alpha1 (admin-tiers, sections 3, 4, 6).

use super::admin_policy::{Schema, one_of};
use super::diagnostic::DiagnosticCode;
use super::network_policy::{port_number, read_protocol};
use super::tree::Node;
use super::walker::{Path, Walker};
use crate::model::{AdminPort, Protocol};

/// Reads one entry.
pub(super) fn read(
    walker: &mut Walker<'_>,
    schema: Schema,
    node: &Node,
    path: &Path<'_>,
) -> Option<AdminPort> {
    if schema.is_alpha1() { alpha1(walker, node, path) } else { alpha2(walker, node, path) }
}

fn alpha2(walker: &mut Walker<'_>, node: &Node, path: &Path<'_>) -> Option<AdminPort> {
    let fields = walker.fields(node, path, &["tcp", "udp", "sctp", "destinationNamedPort"])?;
    one_of(walker, fields, path, "tcp, udp, sctp, destinationNamedPort")?;
    if let Some(name) = fields.written("destinationNamedPort") {
        return named(walker, name, &path.field("destinationNamedPort"));
    }
    let protocols = [("tcp", Protocol::Tcp), ("udp", Protocol::Udp), ("sctp", Protocol::Sctp)];
    let (name, protocol, node) =
        protocols.into_iter().find_map(|(name, p)| Some((name, p, fields.written(name)?)))?;
    transport(walker, node, &path.field(name), protocol)
}

/// An empty name is accepted upstream, where Accept rules then match nothing and the others everything (admin-tiers,
/// section 6): it is a mistake in any case, and refused.
fn named(walker: &mut Walker<'_>, node: &Node, path: &Path<'_>) -> Option<AdminPort> {
    let name = walker.text(node, path)?;
    if name.is_empty() {
        let fault = "required value: the name of a container port";
        walker.refuse(DiagnosticCode::AdminPort, node, path, fault);
        return None;
    }
    Some(AdminPort::Name(name.into()))
}

fn transport(
    walker: &mut Walker<'_>,
    node: &Node,
    path: &Path<'_>,
    protocol: Protocol,
) -> Option<AdminPort> {
    let fields = walker.fields(node, path, &["destinationPort"])?;
    let Some(port) = fields.written("destinationPort") else {
        walker.required(
            node,
            &path.field("destinationPort"),
            "all ports are written as range: {start: 1, end: 65535}",
        );
        return None;
    };
    let path = path.field("destinationPort");
    let fields = walker.fields(port, &path, &["number", "range"])?;
    one_of(walker, fields, &path, "number, range")?;
    if let Some(number) = fields.written("number") {
        let number = port_number(walker, number, &path.field("number"))?;
        return Some(AdminPort::Number(protocol, number));
    }
    let range = fields.written("range")?;
    let path = path.field("range");
    walker.fields(range, &path, &["start", "end"])?;
    let (start, end) = bounds(walker, range, &path)?;
    if start >= end {
        let fault = "start port must be less than end port";
        walker.refuse(DiagnosticCode::AdminPort, range, &path, fault);
        return None;
    }
    Some(AdminPort::Range(protocol, start, end))
}

fn alpha1(walker: &mut Walker<'_>, node: &Node, path: &Path<'_>) -> Option<AdminPort> {
    let fields = walker.fields(node, path, &["portNumber", "portRange", "namedPort"])?;
    one_of(walker, fields, path, "portNumber, portRange, namedPort")?;
    if let Some(name) = fields.written("namedPort") {
        return named(walker, name, &path.field("namedPort"));
    }
    if let Some(node) = fields.written("portNumber") {
        let path = path.field("portNumber");
        walker.fields(node, &path, &["protocol", "port"])?;
        let protocol = alpha1_protocol(walker, node, &path);
        let number = required_port(walker, node, &path, "port");
        return Some(AdminPort::Number(protocol?, number?));
    }
    let range = fields.written("portRange")?;
    let path = path.field("portRange");
    walker.fields(range, &path, &["protocol", "start", "end"])?;
    let protocol = alpha1_protocol(walker, range, &path);
    let (start, end) = bounds(walker, range, &path)?;
    if start > end {
        let fault = "start port must not be greater than end port: the range is empty";
        walker.refuse(DiagnosticCode::AdminPort, range, &path, fault);
        return None;
    }
    Some(AdminPort::Range(protocol?, start, end))
}

/// The CRD has no enum here, but a rule for another protocol says nothing about TCP, UDP or SCTP.
fn alpha1_protocol(walker: &mut Walker<'_>, node: &Node, path: &Path<'_>) -> Option<Protocol> {
    match node.get("protocol") {
        Some(protocol) => read_protocol(walker, protocol, &path.field("protocol")),
        None => Some(Protocol::Tcp),
    }
}

fn bounds(walker: &mut Walker<'_>, node: &Node, path: &Path<'_>) -> Option<(u16, u16)> {
    let start = required_port(walker, node, path, "start");
    let end = required_port(walker, node, path, "end");
    Some((start?, end?))
}

fn required_port(
    walker: &mut Walker<'_>,
    parent: &Node,
    path: &Path<'_>,
    name: &str,
) -> Option<u16> {
    if let Some(node) = parent.get(name) {
        port_number(walker, node, &path.field(name))
    } else {
        walker.required(parent, &path.field(name), "a port number");
        None
    }
}
