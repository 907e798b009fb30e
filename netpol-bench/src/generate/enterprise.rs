//! The shape of a company's cluster, and the presets that differ from it in one thing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv6Net};
use netpol_core::model::{
    ContainerPort, NamespaceSpec, NetworkPolicyPeer, NetworkPolicySpec, NodeSpec, PodSpec,
    PodTemplate, Protocol, Selector, WorkloadSpec,
};

use super::draw::Draw;
use super::policies::{
    BOTH, block, deny_all, equals, everywhere4, namespaces, net4, none_of, number, one_of, pods,
    pods_of, policy, rule, tcp, ten,
};
use super::{Object, Sink, admin};
use crate::preset::Preset;

const PODS_PER_NAMESPACE: u32 = 50;
const PODS_PER_WORKLOAD: u32 = 10;
const PODS_PER_NODE: u32 = 100;
/// A prime far from powers of two: consecutive pods land on different nodes.
const STRIDE: u32 = 7_919;
const NODE_NETWORK: u32 = 0xac10_0000;

/// The workloads of a namespace: name, component, whether it is a StatefulSet.
const WORKLOADS: [(&str, &str, bool); 5] = [
    ("web", "frontend", false),
    ("api", "backend", false),
    ("worker", "async", false),
    ("cache", "cache", false),
    ("db", "database", true),
];

/// The namespaces of the platform: name, workload, label key and value of its pods.
const PLATFORM: [(&str, &str, &str, &str); 3] = [
    ("kube-system", "coredns", "k8s-app", "kube-dns"),
    ("monitoring", "prometheus", "app", "prometheus"),
    ("ingress", "controller", "app", "ingress-controller"),
];
const PLATFORM_REPLICAS: u32 = 2;
const PLATFORM_PODS: u32 = 6;

/// The environments of namespaces, by turns.
pub(super) const ENVIRONMENTS: [&str; 3] = ["prod", "staging", "dev"];
/// The number of teams, to which namespaces belong by turns.
pub(super) const TEAMS: u32 = 20;

/// One generation: what is made and how far it has come.
struct Generation<'a, 'b, E> {
    preset: Preset,
    nodes: u32,
    /// How many pods were placed.
    placed: u32,
    draw: &'a mut Draw,
    sink: &'a mut Sink<'b, E>,
}

/// What the pods of one workload share.
struct Group<'a> {
    namespace: &'a str,
    kind: &'static str,
    name: &'a str,
    labels: Vec<(String, String)>,
    ports: Vec<ContainerPort>,
    /// Whether its first pod is on the network of its node.
    host_network: bool,
}

/// Generates `enterprise`, `live`, `open`, `templates`, `dual` or `admin`.
pub(super) fn generate<E>(
    preset: Preset,
    pods: u32,
    draw: &mut Draw,
    sink: &mut Sink<'_, E>,
) -> Result<(), E> {
    let application_pods = pods.saturating_sub(PLATFORM_PODS).max(1);
    let nodes = node_count(application_pods + PLATFORM_PODS);
    let mut generation = Generation { preset, nodes, placed: 0, draw, sink };
    generation.nodes()?;
    generation.platform()?;
    for index in 0..application_pods.div_ceil(PODS_PER_NAMESPACE) {
        let left = application_pods - index * PODS_PER_NAMESPACE;
        generation.namespace(index, left.min(PODS_PER_NAMESPACE))?;
    }
    if preset == Preset::Admin {
        admin::policies(generation.draw, generation.sink)?;
    }
    Ok(())
}

/// Returns the number of nodes, to which the stride is prime.
fn node_count(pods: u32) -> u32 {
    let nodes = pods.div_ceil(PODS_PER_NODE);
    if nodes.is_multiple_of(STRIDE) { nodes + 1 } else { nodes }
}

impl<E> Generation<'_, '_, E> {
    fn nodes(&mut self) -> Result<(), E> {
        if self.preset == Preset::Templates {
            return Ok(());
        }
        for node in 0..self.nodes {
            let spec = self.node(node);
            (self.sink)(Object::Node(spec))?;
        }
        Ok(())
    }

    fn node(&self, node: u32) -> NodeSpec {
        let mut pod_cidrs = vec![node_block4(node)];
        if self.preset == Preset::Dual {
            pod_cidrs.push(node_block6(node));
        }
        NodeSpec {
            name: node_name(node),
            labels: vec![("kubernetes.io/hostname".into(), node_name(node))],
            addresses: vec![node_address(node)],
            pod_cidrs,
            position: None,
        }
    }

    fn platform(&mut self) -> Result<(), E> {
        for (namespace, workload, key, value) in PLATFORM {
            (self.sink)(Object::Namespace(NamespaceSpec {
                name: namespace.into(),
                labels: vec![("purpose".into(), namespace.into())],
                position: None,
            }))?;
            let group = Group {
                namespace,
                kind: "Deployment",
                name: workload,
                labels: vec![(key.into(), value.into())],
                ports: platform_ports(),
                host_network: false,
            };
            self.workload(&group, PLATFORM_REPLICAS)?;
        }
        Ok(())
    }

    fn namespace(&mut self, index: u32, pods: u32) -> Result<(), E> {
        let name = format!("ns-{index:05}");
        let shared = [
            ("env".to_owned(), ENVIRONMENTS[index as usize % ENVIRONMENTS.len()].to_owned()),
            ("team".to_owned(), team(index)),
        ];
        let labels = shared.iter().cloned().chain([("purpose".into(), "application".into())]);
        (self.sink)(Object::Namespace(NamespaceSpec {
            name: name.clone(),
            labels: labels.collect(),
            position: None,
        }))?;
        for (number, (workload, component, stateful)) in (0..).zip(WORKLOADS) {
            let replicas = pods.saturating_sub(number * PODS_PER_WORKLOAD).min(PODS_PER_WORKLOAD);
            if replicas == 0 {
                break;
            }
            let group = Group {
                namespace: &name,
                kind: if stateful { "StatefulSet" } else { "Deployment" },
                name: workload,
                labels: self.labels(&name, workload, component, &shared),
                ports: application_ports(),
                host_network: workload == "cache" && index.is_multiple_of(2),
            };
            self.workload(&group, replicas)?;
        }
        self.policies(index, &name)
    }

    /// Returns the labels that the pods of a workload share: seven, the eighth is the pod's own.
    fn labels(
        &mut self,
        namespace: &str,
        workload: &str,
        component: &str,
        shared: &[(String, String); 2],
    ) -> Vec<(String, String)> {
        let version = format!("v{}", self.draw.below(9) + 1);
        let own = [
            ("app", workload.to_owned()),
            ("component", component.to_owned()),
            ("version", version),
            ("pod-template-hash", self.draw.word(10)),
            ("app.kubernetes.io/instance", format!("{namespace}-{workload}")),
        ];
        own.map(|(key, value)| (key.to_owned(), value)).into_iter().chain(shared.clone()).collect()
    }

    fn workload(&mut self, group: &Group<'_>, replicas: u32) -> Result<(), E> {
        (self.sink)(Object::Workload(WorkloadSpec {
            namespace: group.namespace.into(),
            kind: group.kind.into(),
            name: group.name.into(),
            template: PodTemplate {
                labels: group.labels.clone(),
                ports: group.ports.clone(),
                host_network: false,
                node: None,
            },
            replicas,
            position: None,
        }))?;
        if self.preset == Preset::Templates {
            return Ok(());
        }
        (0..replicas).try_for_each(|number| self.pod(group, number))
    }

    fn pod(&mut self, group: &Group<'_>, number: u32) -> Result<(), E> {
        let name = match group.kind {
            "StatefulSet" => format!("{}-{number}", group.name),
            _ => format!("{}-{}-{number}", group.name, self.draw.word(5)),
        };
        let node = self.placed.wrapping_mul(STRIDE) % self.nodes;
        let host = self.placed / self.nodes + 2;
        self.placed += 1;
        let host_network = self.preset == Preset::Live && group.host_network && number == 0;
        let addresses = self.addresses(node, host, host_network);
        let unique = ("example.com/pod".to_owned(), format!("{}-{name}", group.namespace));
        (self.sink)(Object::Pod(PodSpec {
            namespace: group.namespace.into(),
            owner: Some((group.kind.into(), group.name.into())),
            labels: group.labels.iter().cloned().chain([unique]).collect(),
            ports: group.ports.clone(),
            addresses,
            node: Some(node_name(node)),
            host_network,
            position: None,
            name,
        }))
    }

    fn addresses(&self, node: u32, host: u32, host_network: bool) -> Vec<IpAddr> {
        if host_network {
            return vec![node_address(node)];
        }
        let mut addresses = vec![pod_address4(node, host)];
        if self.preset == Preset::Dual {
            addresses.push(pod_address6(node, host));
        }
        addresses
    }

    fn policies(&mut self, index: u32, namespace: &str) -> Result<(), E> {
        if self.preset == Preset::Open && !index.is_multiple_of(2) {
            return Ok(());
        }
        let mixed = self.mixed(index);
        let all = [
            ("deny-all", deny_all(&BOTH)),
            ("allow-dns", dns()),
            ("allow-monitoring", from_platform(Selector::everything(), "monitoring", &[9090])),
            ("allow-ingress", from_platform(equals("app", "web"), "ingress", &[8080, 8443])),
            ("web-to-api", app_to_app("web", "api")),
            ("api-to-worker", app_to_app("api", "worker")),
            ("worker-to-db", app_to_app("worker", "db")),
            ("mixed", mixed),
        ];
        for (name, spec) in all {
            (self.sink)(policy(namespace, name, spec))?;
        }
        Ok(())
    }

    /// The policy with every kind of peer: selectors on both, namespaces by `NotIn`, a block with an exception.
    fn mixed(&mut self, index: u32) -> NetworkPolicySpec {
        let colleagues = || {
            let components = ["backend", "async"].map(String::from);
            pods_of(equals("team", &team(index)), one_of("component", components))
        };
        let stable = namespaces(none_of("env", ["dev".to_owned()]));
        let mut from = vec![colleagues(), stable];
        let mut to = vec![colleagues()];
        from.extend(self.outside_ingress());
        to.extend(self.outside_egress());
        NetworkPolicySpec {
            pod_selector: one_of("app", ["api", "worker"].map(String::from)),
            policy_types: BOTH.to_vec(),
            ingress: vec![rule(from, tcp(&[8443]))],
            egress: vec![rule(to, tcp(&[443, 8443]))],
            ..NetworkPolicySpec::default()
        }
    }

    fn outside_ingress(&mut self) -> Vec<NetworkPolicyPeer> {
        match self.preset {
            Preset::Live => {
                let except = self.draw.distinct(2, self.nodes).into_iter().map(node_block4);
                vec![block(everywhere4(), except)]
            }
            _ => self.outside(),
        }
    }

    fn outside_egress(&mut self) -> Vec<NetworkPolicyPeer> {
        let mut peers = self.outside();
        if self.preset == Preset::Live {
            peers.push(block(node_block4(self.draw.below(self.nodes)), []));
        }
        peers
    }

    /// Everything but the block of the pods, in each family.
    fn outside(&self) -> Vec<NetworkPolicyPeer> {
        let mut peers = vec![block(everywhere4(), [ten()])];
        if self.preset == Preset::Dual {
            peers.push(block(IpNet::V6(net6(Ipv6Addr::UNSPECIFIED, 0)), [pod_network6()]));
        }
        peers
    }
}

/// Returns the team of a namespace.
fn team(index: u32) -> String {
    format!("team-{:02}", index % TEAMS)
}

fn dns() -> NetworkPolicySpec {
    let server = pods_of(
        equals("kubernetes.io/metadata.name", "kube-system"),
        equals("k8s-app", "kube-dns"),
    );
    let ports = vec![number(Protocol::Udp, 53), number(Protocol::Tcp, 53)];
    NetworkPolicySpec {
        policy_types: BOTH[1..].to_vec(),
        egress: vec![rule(vec![server], ports)],
        ..NetworkPolicySpec::default()
    }
}

fn from_platform(subject: Selector, purpose: &str, ports: &[u16]) -> NetworkPolicySpec {
    NetworkPolicySpec {
        pod_selector: subject,
        policy_types: BOTH[..1].to_vec(),
        ingress: vec![rule(vec![namespaces(equals("purpose", purpose))], tcp(ports))],
        ..NetworkPolicySpec::default()
    }
}

/// Both halves of one connection in one policy: it selects both ends.
fn app_to_app(from: &str, to: &str) -> NetworkPolicySpec {
    NetworkPolicySpec {
        pod_selector: one_of("app", [from, to].map(String::from)),
        policy_types: BOTH.to_vec(),
        ingress: vec![rule(vec![pods(equals("app", from))], tcp(&[8080]))],
        egress: vec![rule(vec![pods(equals("app", to))], tcp(&[8080]))],
        ..NetworkPolicySpec::default()
    }
}

fn application_ports() -> Vec<ContainerPort> {
    [("http", 8080), ("https", 8443), ("metrics", 9090)]
        .map(|(name, number)| port(name, number, Protocol::Tcp))
        .into()
}

fn platform_ports() -> Vec<ContainerPort> {
    vec![
        port("dns", 53, Protocol::Udp),
        port("dns-tcp", 53, Protocol::Tcp),
        port("metrics", 9153, Protocol::Tcp),
    ]
}

/// Returns a port of a container.
pub(super) fn port(name: &str, number: u16, protocol: Protocol) -> ContainerPort {
    ContainerPort { name: Some(name.into()), number, protocol, restartable_init: false }
}

fn node_name(node: u32) -> String {
    format!("node-{node:05}")
}

fn node_address(node: u32) -> IpAddr {
    Ipv4Addr::from(NODE_NETWORK + node + 1).into()
}

/// Returns the IPv4 block of a node's pods.
fn node_block4(node: u32) -> IpNet {
    net4(0x0a00_0000 + (node << 8), 24)
}

/// Returns the IPv4 address of a node's pod.
fn pod_address4(node: u32, host: u32) -> IpAddr {
    Ipv4Addr::from(0x0a00_0000 + (node << 8) + host).into()
}

fn address6(node: u32, host: u32) -> Ipv6Addr {
    Ipv6Addr::from((0xfd00_0010_u128 << 96) + (u128::from(node) << 64) + u128::from(host))
}

fn pod_address6(node: u32, host: u32) -> IpAddr {
    address6(node, host).into()
}

fn node_block6(node: u32) -> IpNet {
    IpNet::V6(net6(address6(node, 0), 64))
}

fn pod_network6() -> IpNet {
    IpNet::V6(net6(address6(0, 0), 32))
}

/// An IPv6 network; a length above 128 means 128.
fn net6(address: Ipv6Addr, length: u8) -> Ipv6Net {
    Ipv6Net::new(address, length).unwrap_or_else(|_| Ipv6Net::from(address)).trunc()
}
