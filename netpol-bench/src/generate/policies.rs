//! Short ways to write the policies of a preset.

use ipnet::{IpNet, Ipv4Net};
use std::net::{IpAddr, Ipv4Addr};

use netpol_core::model::{
    Direction, IpBlock, NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicyRule, NetworkPolicySpec,
    Operator, PolicyKind, PolicySpec, PortReference, Protocol, Requirement, Selector,
};

use super::{Object, PolicyDraft};

/// Both policy types.
pub(super) const BOTH: [Direction; 2] = [Direction::Ingress, Direction::Egress];

pub(super) fn policy(namespace: &str, name: &str, spec: NetworkPolicySpec) -> Object {
    Object::Policy(PolicyDraft {
        kind: PolicyKind::NetworkPolicy,
        namespace: Some(namespace.into()),
        name: name.into(),
        spec: PolicySpec::Network(spec),
    })
}

/// A policy that selects every pod of its namespace and allows nothing.
pub(super) fn deny_all(types: &[Direction]) -> NetworkPolicySpec {
    NetworkPolicySpec { policy_types: types.to_vec(), ..NetworkPolicySpec::default() }
}

pub(super) fn equals(key: &str, value: &str) -> Selector {
    Selector::labels([(key, value)])
}

pub(super) fn one_of(key: &str, values: impl IntoIterator<Item = String>) -> Selector {
    requirement(key, Operator::In(boxed(values)))
}

pub(super) fn none_of(key: &str, values: impl IntoIterator<Item = String>) -> Selector {
    requirement(key, Operator::NotIn(boxed(values)))
}

fn boxed(values: impl IntoIterator<Item = String>) -> Vec<Box<str>> {
    values.into_iter().map(Into::into).collect()
}

fn requirement(key: &str, operator: Operator) -> Selector {
    Selector { requirements: vec![Requirement { key: key.into(), operator }] }
}

/// Pods of the policy's own namespace.
pub(super) fn pods(selector: Selector) -> NetworkPolicyPeer {
    NetworkPolicyPeer::Pods { namespace_selector: None, pod_selector: Some(selector) }
}

/// Every pod of the namespaces.
pub(super) fn namespaces(selector: Selector) -> NetworkPolicyPeer {
    NetworkPolicyPeer::Pods { namespace_selector: Some(selector), pod_selector: None }
}

/// Pods of the namespaces.
pub(super) fn pods_of(namespaces: Selector, pods: Selector) -> NetworkPolicyPeer {
    NetworkPolicyPeer::Pods { namespace_selector: Some(namespaces), pod_selector: Some(pods) }
}

pub(super) fn block(cidr: IpNet, except: impl IntoIterator<Item = IpNet>) -> NetworkPolicyPeer {
    NetworkPolicyPeer::IpBlock(IpBlock { cidr, except: except.into_iter().collect() })
}

/// An IPv4 network; host bits are cut off and a length above 32 means 32.
pub(super) fn net4(address: u32, length: u8) -> IpNet {
    let address = Ipv4Addr::from(address);
    let host = Ipv4Net::from(address);
    IpNet::V4(Ipv4Net::new(address, length).unwrap_or(host).trunc())
}

/// Every IPv4 address.
pub(super) fn everywhere4() -> IpNet {
    net4(0, 0)
}

/// The block that pods have their IPv4 addresses from.
pub(super) fn ten() -> IpNet {
    net4(0x0a00_0000, 8)
}

pub(super) fn single(address: IpAddr) -> IpNet {
    IpNet::from(address)
}

pub(super) fn tcp(ports: &[u16]) -> Vec<NetworkPolicyPort> {
    ports.iter().map(|p| number(Protocol::Tcp, *p)).collect()
}

pub(super) fn number(protocol: Protocol, port: u16) -> NetworkPolicyPort {
    NetworkPolicyPort { protocol: Some(protocol), port: Some(PortReference::Number(port)) }
}

pub(super) fn range(from: u16, to: u16) -> NetworkPolicyPort {
    let port = Some(PortReference::Range(from, to));
    NetworkPolicyPort { protocol: Some(Protocol::Tcp), port }
}

pub(super) fn rule(
    peers: Vec<NetworkPolicyPeer>,
    ports: Vec<NetworkPolicyPort>,
) -> NetworkPolicyRule {
    NetworkPolicyRule { peers, ports, line: 0 }
}
