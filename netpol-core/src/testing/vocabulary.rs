//! The few words of which random clusters are made, so that policies match often and in every way.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::model::cluster::NAMESPACE_NAME_LABEL;
use crate::model::{Family, Protocol};

/// Names of namespaces.
pub(super) const NAMESPACES: [&str; 4] = ["alpha", "beta", "gamma", "delta"];
/// Names of nodes; the last is never declared, only referenced.
pub(super) const NODES: [&str; 3] = ["n0", "n1", "ghost"];
/// How many of them are declared at most.
pub(super) const DECLARED_NODES: usize = 2;
/// Label keys of pods with their values; a pod may lack any of them.
pub(super) const POD_LABELS: [(&str, &[&str]); 2] =
    [("app", &["web", "db", ""]), ("tier", &["x", ""])];
/// Label keys of namespaces that are written.
pub(super) const NAMESPACE_LABELS: [(&str, &[&str]); 2] =
    [("team", &["red", "blue", ""]), ("env", &["x"])];
/// Label keys that selectors of namespaces ask about.
pub(super) const NAMESPACE_KEYS: [(&str, &[&str]); 3] =
    [("team", &["red", "blue", ""]), ("env", &["x"]), (NAMESPACE_NAME_LABEL, &["alpha", "beta"])];
/// Label keys of nodes.
pub(super) const NODE_LABELS: [(&str, &[&str]); 1] = [("zone", &["x", "y"])];
/// Names of container ports.
pub(super) const PORT_NAMES: [&str; 2] = ["web", "dns"];
/// Numbers that policies and containers mention.
pub(super) const PORTS: [u16; 4] = [53, 80, 81, 8080];
/// Numbers that flows ask about: those and their neighbours, and the ends.
pub(super) const ASKED_PORTS: [u16; 9] = [80, 81, 53, 8080, 79, 82, 443, 1, u16::MAX];
/// Protocols, the usual first.
pub(super) const PROTOCOLS: [Protocol; 3] = [Protocol::Tcp, Protocol::Udp, Protocol::Sctp];
/// Domain names that flows ask about.
pub const DOMAINS: [&str; 3] = ["api.example.com", "www.example.com", "db.internal"];
/// Domain names that policies mention.
pub(super) const DOMAIN_PATTERNS: [&str; 3] = ["api.example.com", "*.example.com", "*.internal"];
/// An address that belongs to nobody.
pub(super) const OUTSIDE: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 7)),
];

/// The address of the pod that is drawn as number `index`: every 16th, so that blocks cut between pods.
pub(super) fn pod_address(family: Family, index: u8) -> IpAddr {
    let host = index.wrapping_mul(16).wrapping_add(1);
    match family {
        Family::V4 => Ipv4Addr::new(10, 0, 0, host).into(),
        Family::V6 => Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, host.into()).into(),
    }
}

/// The address of a node.
pub(super) fn node_address(family: Family, index: u8) -> IpAddr {
    match family {
        Family::V4 => Ipv4Addr::new(192, 168, 0, index + 1).into(),
        Family::V6 => Ipv6Addr::new(0xfd01, 0, 0, 0, 0, 0, 0, u16::from(index) + 1).into(),
    }
}

/// The blocks that policies mention: everything, halves of everything, blocks that cut pod space, single pods, nodes.
pub(super) fn blocks() -> Vec<IpNet> {
    let v4 = [
        ([0, 0, 0, 0], 0),
        ([10, 0, 0, 0], 8),
        ([10, 0, 0, 0], 24),
        ([10, 0, 0, 0], 26),
        ([10, 0, 0, 16], 28),
        ([10, 0, 0, 1], 32),
        ([10, 0, 0, 64], 26),
        ([0, 0, 0, 0], 1),
        ([128, 0, 0, 0], 1),
        ([192, 168, 0, 0], 24),
        ([192, 168, 0, 1], 32),
        ([203, 0, 113, 0], 24),
    ];
    let v6 = [("::", 0), ("fd00::", 8), ("fd00::", 122), ("fd00::10", 124), ("2001:db8::", 32)];
    let v4 = v4.into_iter().filter_map(|(ip, len)| Ipv4Net::new(ip.into(), len).ok());
    let v6 = v6.into_iter().filter_map(|(ip, len)| Ipv6Net::new(ip.parse().ok()?, len).ok());
    v4.map(IpNet::from).chain(v6.map(IpNet::from)).collect()
}
