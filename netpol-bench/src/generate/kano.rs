//! Unstructured labels: no namespaces, no workloads, selectors drawn at random. It breaks what counts on structure.

use netpol_core::model::{
    ContainerPort, NamespaceSpec, NetworkPolicyPort, NetworkPolicySpec, PodSpec, Protocol,
    Requirement, Selector,
};
use std::net::Ipv4Addr;

use super::draw::Draw;
use super::enterprise::port;
use super::policies::{BOTH, pods, policy, rule, tcp};
use super::{Object, Sink};

const NAMESPACE: &str = "kano";
const KEYS: u32 = 5;
const VALUES: u32 = 10;
const USERS: u32 = 5;
const POLICIES: u32 = 1_000;

/// Generates `kano-random`.
pub(super) fn generate<E>(pods: u32, draw: &mut Draw, sink: &mut Sink<'_, E>) -> Result<(), E> {
    sink(Object::Namespace(NamespaceSpec { name: NAMESPACE.into(), ..NamespaceSpec::default() }))?;
    for number in 0..pods.max(1) {
        sink(Object::Pod(pod(number, draw)))?;
    }
    for number in 0..POLICIES {
        sink(policy(NAMESPACE, &format!("policy-{number:04}"), spec(draw)))?;
    }
    Ok(())
}

fn pod(number: u32, draw: &mut Draw) -> PodSpec {
    let keys = if draw.below(4) == 0 { 3 } else { 4 };
    let mut labels = vec![user(draw)];
    labels.extend(draw.distinct(keys, KEYS).into_iter().map(|key| label(key, draw)));
    PodSpec {
        namespace: NAMESPACE.into(),
        name: format!("pod-{number:07}"),
        labels,
        ports: container_ports(),
        addresses: vec![Ipv4Addr::from(0x0a00_0001 + number).into()],
        ..PodSpec::default()
    }
}

fn container_ports() -> Vec<ContainerPort> {
    vec![port("http", 80, Protocol::Tcp)]
}

fn user(draw: &mut Draw) -> (String, String) {
    ("user".into(), format!("user-{}", draw.below(USERS)))
}

fn label(key: u32, draw: &mut Draw) -> (String, String) {
    (format!("key-{key}"), format!("value-{}", draw.below(VALUES)))
}

fn spec(draw: &mut Draw) -> NetworkPolicySpec {
    let peers = |draw: &mut Draw| vec![pods(selector(draw)), pods(selector(draw))];
    NetworkPolicySpec {
        pod_selector: selector(draw),
        policy_types: BOTH.to_vec(),
        ingress: vec![rule(peers(draw), ports(draw))],
        egress: vec![rule(peers(draw), ports(draw))],
        ..NetworkPolicySpec::default()
    }
}

fn ports(draw: &mut Draw) -> Vec<NetworkPolicyPort> {
    match draw.below(3) {
        0 => Vec::new(),
        1 => tcp(&[80]),
        _ => tcp(&[80, 443]),
    }
}

/// Draws three or four labels of the five keys and the user.
fn selector(draw: &mut Draw) -> Selector {
    let count = 3 + draw.below(2);
    let drawn = draw.distinct(count, KEYS + 1);
    let labels = drawn.into_iter().map(|key| {
        let (key, value) = if key == KEYS { user(draw) } else { label(key, draw) };
        Requirement::equals(&key, &value)
    });
    Selector { requirements: labels.collect() }
}
