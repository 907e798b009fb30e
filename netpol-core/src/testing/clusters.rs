//! Random clusters: few pods in few namespaces, with every kind of missing fact.

use std::net::IpAddr;

use ipnet::IpNet;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::plan::{ClusterPlan, PolicyPlan};
use super::policies::{PolicyDraft, any_policy, name_policies, network_policy};
use super::vocabulary::{
    DECLARED_NODES, DOMAINS, NAMESPACE_LABELS, NAMESPACES, NODE_LABELS, NODES, OUTSIDE, POD_LABELS,
    PORT_NAMES, PORTS, PROTOCOLS, blocks, node_address, pod_address,
};
use crate::model::{
    BackendPort, ContainerPort, Families, Family, IngressSpec, NamespaceSpec, NodeSpec, PodSpec,
    PodTemplate, Protocol, ServicePort, ServiceSpec, TargetPort, WorkloadSpec,
};

/// Draws a cluster with policies of every family.
pub fn cluster_plan() -> impl Strategy<Value = ClusterPlan> {
    plan(vec(any_policy(), 1..=8).boxed())
}

/// Draws a cluster with policies of kind `NetworkPolicy` alone.
pub fn network_policy_cluster_plan() -> impl Strategy<Value = ClusterPlan> {
    plan(vec(network_policy(), 0..=5).boxed())
}

/// Draws a cluster with few policies, and with Ingress objects that lead to some of its pods.
pub fn ingress_cluster_plan() -> impl Strategy<Value = ClusterPlan> {
    plan(vec(any_policy(), 1..=3).boxed()).prop_map(|mut plan| {
        for namespace in plan.namespaces.iter().map(|n| n.name.clone()) {
            for (key, value) in [("app", "web"), ("app", "db"), ("tier", "x")] {
                let service = service(&namespace, key, value);
                let backends = [(80, "named"), (81, "numbered")].map(|(number, name)| {
                    let port = match key {
                        "app" => BackendPort::Number(number),
                        _ => BackendPort::Name(name.into()),
                    };
                    (service.name.clone(), port)
                });
                plan.ingresses.push(IngressSpec {
                    namespace: namespace.clone(),
                    name: service.name.clone(),
                    backends: backends.into(),
                    ..IngressSpec::default()
                });
                plan.services.push(service);
            }
        }
        plan
    })
}

fn service(namespace: &str, key: &str, value: &str) -> ServiceSpec {
    let port = |name: &str, port, target| ServicePort {
        name: Some(name.into()),
        protocol: Protocol::Tcp,
        port,
        target,
    };
    ServiceSpec {
        namespace: namespace.to_owned(),
        name: value.to_owned(),
        selector: Some(vec![(key.to_owned(), value.to_owned())]),
        ports: vec![
            port("named", 80, TargetPort::Name(PORT_NAMES[0].into())),
            port("numbered", 81, TargetPort::Number(PORTS[3])),
        ],
        ..ServiceSpec::default()
    }
}

type Labels = Vec<(String, String)>;

/// A pod or template whose references are numbers.
#[derive(Clone, Debug)]
struct PodDraft {
    namespace: usize,
    labels: Labels,
    ports: Vec<ContainerPort>,
    families: Families,
    node: Option<usize>,
    host_network: bool,
    owned: bool,
}

fn plan(policies: BoxedStrategy<Vec<PolicyDraft>>) -> impl Strategy<Value = ClusterPlan> {
    let namespaces = vec(labels(&NAMESPACE_LABELS), 2..=NAMESPACES.len());
    let nodes = vec((labels(&NODE_LABELS), families()), 0..=DECLARED_NODES);
    let pods = vec(pod(), 1..=6);
    let workloads = vec((pod(), 1..=2_u32), 0..=2);
    (namespaces, nodes, pods, workloads, policies, pod_cidrs(), domains()).prop_map(
        |(namespaces, nodes, pods, workloads, policies, pod_cidrs, domains)| {
            let names: Vec<&str> = NAMESPACES.iter().copied().take(namespaces.len()).collect();
            let place = |index: usize| (*names[index % names.len()]).to_owned();
            let policies: Vec<PolicyPlan> = name_policies(policies, &place);
            ClusterPlan {
                namespaces: names.iter().zip(namespaces).map(namespace_spec).collect(),
                nodes: (0..).zip(nodes).map(node_spec).collect(),
                pods: (0..).zip(&pods).map(|(i, p)| pod_spec(i, p, place(p.namespace))).collect(),
                workloads: (0..).zip(workloads).map(|(i, w)| workload_spec(i, w, &place)).collect(),
                services: Vec::new(),
                ingresses: Vec::new(),
                policies,
                pod_cidrs,
                domains,
            }
        },
    )
}

fn namespace_spec((name, labels): (&&str, Labels)) -> NamespaceSpec {
    NamespaceSpec { name: (*name).to_owned(), labels, position: None }
}

fn node_spec((index, (labels, families)): (u8, (Labels, Families))) -> NodeSpec {
    NodeSpec {
        name: NODES[usize::from(index)].to_owned(),
        labels,
        addresses: families.iter().map(|family| node_address(family, index)).collect(),
        ..NodeSpec::default()
    }
}

fn pod_spec(index: u8, draft: &PodDraft, namespace: String) -> PodSpec {
    PodSpec {
        namespace,
        name: format!("p{index}"),
        owner: draft.owned.then(|| ("Deployment".to_owned(), "owner".to_owned())),
        labels: draft.labels.clone(),
        ports: draft.ports.clone(),
        addresses: draft.families.iter().map(|family| address(draft, family, index)).collect(),
        node: draft.node.map(|node| NODES[node].to_owned()),
        host_network: draft.host_network,
        position: None,
    }
}

/// A host-network pod has its node's address; one whose node is not known has that of a node that is not declared.
fn address(draft: &PodDraft, family: Family, index: u8) -> IpAddr {
    match draft.node {
        _ if !draft.host_network => pod_address(family, index),
        Some(node) => node_address(family, u8::try_from(node).unwrap_or_default()),
        None => node_address(family, 8),
    }
}

fn workload_spec(
    index: u8,
    (draft, replicas): (PodDraft, u32),
    place: &impl Fn(usize) -> String,
) -> WorkloadSpec {
    WorkloadSpec {
        namespace: place(draft.namespace),
        kind: "StatefulSet".to_owned(),
        name: format!("w{index}"),
        template: PodTemplate {
            labels: draft.labels,
            ports: draft.ports,
            host_network: draft.host_network,
            node: draft.node.filter(|_| draft.owned).map(|node| NODES[node].to_owned()),
        },
        replicas,
        position: None,
    }
}

/// Draws at most one value for each key.
fn labels(vocabulary: &'static [(&'static str, &'static [&'static str])]) -> BoxedStrategy<Labels> {
    let each: Vec<_> = vocabulary
        .iter()
        .map(|(key, values)| {
            option::weighted(0.7, select(*values))
                .prop_map(|value| value.map(|v| ((*key).to_owned(), v.to_owned())))
        })
        .collect();
    each.prop_map(|entries| entries.into_iter().flatten().collect()).boxed()
}

fn families() -> impl Strategy<Value = Families> {
    prop_oneof![
        4 => Just(Families::V4),
        3 => Just(Families::default()),
        2 => Just(Families { v4: true, v6: true }),
        1 => Just(Families { v4: false, v6: true }),
    ]
}

fn pod() -> impl Strategy<Value = PodDraft> {
    let node = option::of(0..NODES.len());
    let host_network = prop::bool::weighted(0.15);
    let owned = prop::bool::weighted(0.2);
    let ports = vec(container_port(), 0..=3);
    (0..NAMESPACES.len(), labels(&POD_LABELS), ports, families(), node, host_network, owned)
        .prop_map(|(namespace, labels, ports, families, node, host_network, owned)| PodDraft {
            namespace,
            labels,
            ports,
            families,
            node,
            host_network,
            owned,
        })
}

fn container_port() -> impl Strategy<Value = ContainerPort> {
    let name = option::weighted(0.8, select(&PORT_NAMES[..]));
    (name, select(&PORTS[..]), select(&PROTOCOLS[..]), prop::bool::weighted(0.1)).prop_map(
        |(name, number, protocol, restartable_init)| ContainerPort {
            name: name.map(Into::into),
            number,
            protocol,
            restartable_init,
        },
    )
}

/// Draws pod CIDRs, rarely: they hold all known pod addresses or not.
fn pod_cidrs() -> impl Strategy<Value = Vec<IpNet>> {
    let cidrs = blocks().into_iter().filter(|net| (8..=122).contains(&net.prefix_len()));
    prop_oneof![2 => Just(Vec::new()), 1 => vec(select(cidrs.collect::<Vec<_>>()), 1..=2)]
}

/// Draws addresses of domain names, rarely: outside, a node's and a pod's.
fn domains() -> impl Strategy<Value = Vec<(String, Vec<IpAddr>)>> {
    let mut addresses = OUTSIDE.to_vec();
    addresses.push(node_address(Family::V4, 0));
    addresses.push(pod_address(Family::V4, 0));
    let entry = (select(&DOMAINS[..]), vec(select(addresses), 0..=2));
    let entry = entry.prop_map(|(name, addresses)| (name.to_owned(), addresses));
    prop_oneof![2 => Just(Vec::new()), 1 => vec(entry, 1..=2)]
}
