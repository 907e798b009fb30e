//! The shapes of scale tests that others have published numbers for.

use std::net::Ipv4Addr;

use netpol_core::model::{
    NamespaceSpec, NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicyRule, NetworkPolicySpec,
    PodSpec, Protocol, Selector,
};

use super::draw::Draw;
use super::enterprise::port;
use super::policies::{
    BOTH, block, deny_all, equals, namespaces, net4, number, one_of, pods, pods_of, policy, range,
    rule, tcp,
};
use super::{Object, Sink};

const NAME_LABEL: &str = "kubernetes.io/metadata.name";
const PROXY: &str = "proxy";

/// Generates `kube-burner`: ten namespaces at a time.
pub(super) fn kube_burner<E>(pods: u32, draw: &mut Draw, sink: &mut Sink<'_, E>) -> Result<(), E> {
    let count = pods.div_ceil(10).next_multiple_of(10);
    namespace(PROXY, sink)?;
    pod(PROXY, count * 10, &[("app", PROXY.into())], sink)?;
    for index in 0..count {
        let name = numbered_namespace(index, sink)?;
        for kind in ["ingress", "egress"] {
            for subject in 1..=10 {
                let spec = NetworkPolicySpec {
                    pod_selector: equals("num", &subject.to_string()),
                    ..directed(kind, burner_rule(count, draw))
                };
                sink(policy(&name, &format!("{kind}-{subject}"), spec))?;
            }
        }
        sink(policy(&name, "deny-all", deny_all(&BOTH)))?;
        let from_proxy = rule(vec![namespaces(equals(NAME_LABEL, PROXY))], Vec::new());
        sink(policy(&name, "allow-from-proxy", directed("ingress", from_proxy)))?;
    }
    Ok(())
}

/// Two pods in each of two remote namespaces, two blocks, two ports and two ranges.
fn burner_rule(namespaces: u32, draw: &mut Draw) -> NetworkPolicyRule {
    let remote = draw.distinct(2, namespaces);
    let mut peers: Vec<_> = remote
        .into_iter()
        .map(|n| pods_of(equals(NAME_LABEL, &namespace_name(n)), two_numbers(draw)))
        .collect();
    peers.extend((0..2).map(|_| outside_block(draw)));
    rule(peers, ports_and_ranges(2, draw))
}

fn two_numbers(draw: &mut Draw) -> Selector {
    one_of("num", draw.distinct(2, 10).into_iter().map(|n| (n + 1).to_string()))
}

/// Generates `redhat-240`: 240 namespaces at 2 400 pods.
pub(super) fn redhat_240<E>(pods: u32, draw: &mut Draw, sink: &mut Sink<'_, E>) -> Result<(), E> {
    let count = pods.div_ceil(10).max(1);
    for index in 0..count {
        let name = numbered_namespace(index, sink)?;
        for number in 0..20_u32 {
            let kind = if number < 10 { "ingress" } else { "egress" };
            let spec = NetworkPolicySpec {
                pod_selector: equals("num", &(number % 10 + 1).to_string()),
                ..directed(kind, redhat_rule(count, draw))
            };
            sink(policy(&name, &format!("policy-{number}"), spec))?;
        }
    }
    Ok(())
}

/// Ten local pods, five remote namespaces, five blocks, five ports and five ranges.
fn redhat_rule(count: u32, draw: &mut Draw) -> NetworkPolicyRule {
    let mut peers: Vec<_> = (1..=10).map(|n: u32| pods(equals("num", &n.to_string()))).collect();
    let remote = draw.distinct(5, count);
    peers.extend(remote.into_iter().map(|n| namespaces(equals(NAME_LABEL, &namespace_name(n)))));
    peers.extend((0..5).map(|_| outside_block(draw)));
    rule(peers, ports_and_ranges(5, draw))
}

/// Generates `cilium-netpol`: as many policies as pods, each with one egress peer.
pub(super) fn cilium_netpol<E>(
    pods: u32,
    draw: &mut Draw,
    sink: &mut Sink<'_, E>,
) -> Result<(), E> {
    const PODS: u32 = 3_000;
    const PER_GROUP: u32 = 5;
    for index in 0..pods.div_ceil(PODS).max(1) {
        let name = namespace_name(index);
        namespace(&name, sink)?;
        let here = (pods - index * PODS).min(PODS);
        let groups = here.div_ceil(PER_GROUP);
        for n in 0..here {
            pod(&name, index * PODS + n, &group_labels(n / PER_GROUP, n % PER_GROUP), sink)?;
        }
        for n in 0..here {
            let (key, value) = &group_labels(draw.below(groups), 0)[0];
            let to = super::policies::pods(equals(key, value));
            let spec = NetworkPolicySpec {
                pod_selector: Selector::labels(
                    group_labels(n / PER_GROUP, n % PER_GROUP).iter().map(|(k, v)| (*k, &**v)),
                ),
                ..directed("egress", rule(vec![to], tcp(&[80])))
            };
            sink(policy(&name, &format!("policy-{n}"), spec))?;
        }
    }
    Ok(())
}

fn group_labels(group: u32, index: u32) -> [(&'static str, String); 2] {
    [("group", format!("group-{group}")), ("index", format!("index-{index}"))]
}

/// Generates `antrea-xl`: 25 000 namespaces at 100 000 pods.
pub(super) fn antrea_xl<E>(pods: u32, sink: &mut Sink<'_, E>) -> Result<(), E> {
    for index in 0..pods.div_ceil(4).max(1) {
        let name = namespace_name(index);
        namespace(&name, sink)?;
        for n in 0..4 {
            pod(&name, index * 4 + n, &[("app", format!("app-{n}"))], sink)?;
        }
        sink(policy(&name, "deny-all", deny_all(&BOTH[..1])))?;
        for (from, to) in [("app-0", "app-1"), ("app-2", "app-3")] {
            sink(policy(&name, &format!("{from}-to-{to}"), app_from_app(to, from)))?;
        }
    }
    Ok(())
}

fn app_from_app(subject: &str, from: &str) -> NetworkPolicySpec {
    NetworkPolicySpec {
        pod_selector: equals("app", subject),
        ..directed("ingress", rule(vec![pods(equals("app", from))], tcp(&[80])))
    }
}

/// Generates `antrea-one-ns`: each of as many policies as pods selects every pod.
pub(super) fn antrea_one_ns<E>(pods: u32, sink: &mut Sink<'_, E>) -> Result<(), E> {
    const NAME: &str = "one";
    namespace(NAME, sink)?;
    for n in 0..pods.max(1) {
        pod(NAME, n, &[("app", format!("app-{n}"))], sink)?;
    }
    for n in 0..pods.max(1) {
        let from = super::policies::pods(equals("app", &format!("app-{n}")));
        let spec = directed("ingress", rule(vec![from], tcp(&[80])));
        sink(policy(NAME, &format!("policy-{n}"), spec))?;
    }
    Ok(())
}

/// Generates `calico-saas`: a namespace, a pod and a policy for each customer.
pub(super) fn calico_saas<E>(pods: u32, draw: &mut Draw, sink: &mut Sink<'_, E>) -> Result<(), E> {
    for index in 0..pods.max(1) {
        let name = format!("customer-{index:06}");
        namespace(&name, sink)?;
        pod(&name, index, &customer_labels(index, draw), sink)?;
        let here = || super::policies::pods(Selector::everything());
        let dns = block(net4(0x0a60_000a, 32), []);
        let spec = NetworkPolicySpec {
            policy_types: BOTH.to_vec(),
            ingress: vec![rule(vec![here()], Vec::new())],
            egress: vec![
                rule(vec![here()], Vec::new()),
                rule(vec![dns], vec![number(Protocol::Udp, 53)]),
            ],
            ..NetworkPolicySpec::default()
        };
        sink(policy(&name, "customer", spec))?;
    }
    Ok(())
}

/// Five unique labels, four of two values, four of small sets, one constant, one of 5 000 values.
fn customer_labels(index: u32, draw: &mut Draw) -> Vec<(&'static str, String)> {
    let unique = ["customer", "instance", "release", "host", "volume"];
    let binary = ["paid", "trial", "beta", "public"];
    let small = ["region", "tier", "version", "plan"];
    let mut labels: Vec<_> = unique.map(|k| (k, format!("{k}-{index}"))).into();
    labels.extend(binary.map(|k| (k, ["enabled", "disabled"][draw.below(2) as usize].to_owned())));
    labels.extend(small.map(|k| (k, format!("{k}-{}", draw.below(8)))));
    labels.push(("app", "saas".into()));
    labels.push(("shard", format!("shard-{}", draw.below(5_000))));
    labels
}

/// Ten pods, numbered from 1 by their only label.
fn numbered_namespace<E>(index: u32, sink: &mut Sink<'_, E>) -> Result<String, E> {
    let name = namespace_name(index);
    namespace(&name, sink)?;
    for n in 0..10 {
        pod(&name, index * 10 + n, &[("num", (n + 1).to_string())], sink)?;
    }
    Ok(name)
}

fn namespace_name(index: u32) -> String {
    format!("ns-{index:05}")
}

fn namespace<E>(name: &str, sink: &mut Sink<'_, E>) -> Result<(), E> {
    sink(Object::Namespace(NamespaceSpec { name: name.into(), ..NamespaceSpec::default() }))
}

fn pod<E>(
    namespace: &str,
    serial: u32,
    labels: &[(&str, String)],
    sink: &mut Sink<'_, E>,
) -> Result<(), E> {
    sink(Object::Pod(PodSpec {
        namespace: namespace.into(),
        name: format!("pod-{serial:07}"),
        labels: labels.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect(),
        ports: vec![port("http", 80, Protocol::Tcp)],
        addresses: vec![Ipv4Addr::from(0x0a00_0001 + serial).into()],
        ..PodSpec::default()
    }))
}

/// A policy of one direction on every pod of its namespace.
fn directed(kind: &str, rule: NetworkPolicyRule) -> NetworkPolicySpec {
    let ingress = kind == "ingress";
    let mut spec = deny_all(if ingress { &BOTH[..1] } else { &BOTH[1..] });
    if ingress {
        spec.ingress.push(rule);
    } else {
        spec.egress.push(rule);
    }
    spec
}

/// A /16 outside the block of the pods.
fn outside_block(draw: &mut Draw) -> NetworkPolicyPeer {
    let first = draw.below(9) + 1;
    block(net4((first << 24) + (draw.below(256) << 16), 16), [])
}

fn ports_and_ranges(count: u16, draw: &mut Draw) -> Vec<NetworkPolicyPort> {
    let low = |draw: &mut Draw| u16::try_from(draw.below(5_000)).unwrap_or(0) + 1_000;
    let mut ports: Vec<_> = (0..count).map(|n| number(Protocol::Tcp, n + 80)).collect();
    ports.extend((0..count).map(|_| {
        let from = low(draw);
        range(from, from + 20)
    }));
    ports
}
