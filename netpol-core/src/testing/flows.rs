//! Random questions about a cluster: pods, addresses beside the boundaries that its policies draw, names.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::vocabulary::{ASKED_PORTS, DOMAINS, OUTSIDE, PROTOCOLS};
use crate::model::{
    AdminPeer, Cluster, Dialect, Families, Family, Flow, HostNetwork, IcmpMode,
    IngressControllerLabels, IpBlockPods, NetworkPolicyPeer, Peer, PolicySpec, Protocol, TieBreak,
};

/// A flow whose ends are yet to be chosen from a cluster.
#[derive(Clone)]
pub struct FlowPlan {
    src: EndPlan,
    dst: EndPlan,
    protocol: Protocol,
    port: u16,
    prefers_v6: bool,
}

#[derive(Clone, Copy, Debug)]
enum EndPlan {
    Pod(Index),
    Address(Index),
    Name(Index),
}

/// Prints on one line, so that a failure stays readable.
impl fmt::Debug for FlowPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = |end: EndPlan| match end {
            EndPlan::Pod(index) => format!("pod {:#x}", index.index(usize::MAX)),
            EndPlan::Address(index) => format!("address {:#x}", index.index(usize::MAX)),
            EndPlan::Name(index) => format!("name {:#x}", index.index(usize::MAX)),
        };
        let (src, dst) = (end(self.src), end(self.dst));
        let family = if self.prefers_v6 { "IPv6" } else { "IPv4" };
        write!(f, "{src} -> {dst} {}/{} {family}", self.protocol, self.port)
    }
}

/// Draws up to 24 flows.
pub fn flow_plans() -> impl Strategy<Value = Vec<FlowPlan>> {
    vec(flow_plan(), 1..=24)
}

/// Draws a flow; most are between pods.
pub fn flow_plan() -> impl Strategy<Value = FlowPlan> {
    let src = prop_oneof![
        4 => any::<Index>().prop_map(EndPlan::Pod),
        1 => any::<Index>().prop_map(EndPlan::Address),
    ];
    let dst = prop_oneof![
        5 => any::<Index>().prop_map(EndPlan::Pod),
        2 => any::<Index>().prop_map(EndPlan::Address),
        1 => any::<Index>().prop_map(EndPlan::Name),
    ];
    let port = select(&ASKED_PORTS[..]);
    (src, dst, select(&PROTOCOLS[..]), port, any::<bool>()).prop_map(
        |(src, dst, protocol, port, prefers_v6)| FlowPlan { src, dst, protocol, port, prefers_v6 },
    )
}

impl FlowPlan {
    /// Chooses the ends in a cluster; `None` where the two would share no family that the dialect judges, or where
    /// neither is a pod.
    pub fn resolve(&self, cluster: &Cluster, dialect: Dialect) -> Option<Flow> {
        let src = resolve_end(self.src, cluster)?;
        let dst = resolve_end(self.dst, cluster)?;
        if !matches!(src, Peer::Pod(_)) && !matches!(dst, Peer::Pod(_)) {
            return None;
        }
        let mut families = families_of(&src, cluster).and(families_of(&dst, cluster));
        if dialect.ipv4_only {
            families = families.and(Families::V4);
        }
        let family = if self.prefers_v6 { families.iter().last() } else { families.iter().next() };
        Some(Flow { src, dst, protocol: self.protocol, port: self.port, family: family? })
    }
}

fn resolve_end(end: EndPlan, cluster: &Cluster) -> Option<Peer> {
    match end {
        EndPlan::Pod(index) => {
            let pods: Vec<_> = cluster.pod_ids().collect();
            (!pods.is_empty()).then(|| Peer::Pod(*index.get(&pods)))
        }
        EndPlan::Address(index) => {
            let addresses = addresses_beside_boundaries(cluster);
            Some(Peer::Address(*index.get(&addresses)))
        }
        EndPlan::Name(index) => Some(Peer::Name((*index.get(&DOMAINS)).into())),
    }
}

fn families_of(end: &Peer, cluster: &Cluster) -> Families {
    match end {
        Peer::Pod(pod) => cluster.pod_families(*pod),
        Peer::Address(address) => [Family::of(*address)].into_iter().collect(),
        Peer::Name(_) => Families { v4: true, v6: true },
        Peer::IngressController => cluster.families(),
    }
}

/// Lists addresses that are no ordinary pod's: on both sides of every boundary in play, those of nodes and names.
pub fn addresses_beside_boundaries(cluster: &Cluster) -> Vec<IpAddr> {
    let mut addresses: BTreeSet<IpAddr> = OUTSIDE.into_iter().collect();
    for policy in cluster.policies().iter() {
        for net in nets(&policy.spec) {
            addresses.extend([net.network(), net.broadcast()]);
            addresses.extend(before(net.network()));
            addresses.extend(after(net.broadcast()));
        }
    }
    addresses.extend(cluster.nodes().iter().flat_map(|node| node.addresses.iter()));
    addresses.extend(cluster.domain_addresses().iter().flat_map(|(_, addresses)| addresses));
    let is_pods = |address: &IpAddr| {
        cluster.pods_with_address(*address).iter().any(|pod| !cluster.pod(*pod).host_network)
    };
    addresses.into_iter().filter(|address| !is_pods(address)).collect()
}

fn nets(spec: &PolicySpec) -> Vec<ipnet::IpNet> {
    match spec {
        PolicySpec::Network(spec) => spec
            .ingress
            .iter()
            .chain(&spec.egress)
            .flat_map(|rule| &rule.peers)
            .filter_map(|peer| match peer {
                NetworkPolicyPeer::IpBlock(block) => Some(block),
                NetworkPolicyPeer::Pods { .. } => None,
            })
            .flat_map(|block| block.except.iter().copied().chain([block.cidr]))
            .collect(),
        PolicySpec::Admin(spec) => spec
            .egress
            .iter()
            .flat_map(|rule| &rule.peers)
            .filter_map(|peer| match peer {
                AdminPeer::Networks(networks) => Some(networks.clone()),
                _ => None,
            })
            .flatten()
            .collect(),
    }
}

fn before(address: IpAddr) -> Option<IpAddr> {
    match address {
        IpAddr::V4(a) => u32::from(a).checked_sub(1).map(|n| IpAddr::V4(n.into())),
        IpAddr::V6(a) => u128::from(a).checked_sub(1).map(|n| IpAddr::V6(n.into())),
    }
}

fn after(address: IpAddr) -> Option<IpAddr> {
    match address {
        IpAddr::V4(a) => u32::from(a).checked_add(1).map(|n| IpAddr::V4(n.into())),
        IpAddr::V6(a) => u128::from(a).checked_add(1).map(|n| IpAddr::V6(n.into())),
    }
}

/// Lists the flows between all ordered pairs of pods (a pod with itself included) in all common families.
pub fn pod_flows(cluster: &Cluster, dialect: Dialect, protocol: Protocol, port: u16) -> Vec<Flow> {
    let judged = Families { v4: true, v6: !dialect.ipv4_only };
    let mut flows = Vec::new();
    for src in cluster.pod_ids() {
        for dst in cluster.pod_ids() {
            let families = cluster.pod_families(src).and(cluster.pod_families(dst)).and(judged);
            flows.extend(families.iter().map(|family| Flow {
                src: Peer::Pod(src),
                dst: Peer::Pod(dst),
                protocol,
                port,
                family,
            }));
        }
    }
    flows
}

/// Draws a dialect: mostly `spec`, else one with any of its switches turned.
pub fn dialect() -> impl Strategy<Value = Dialect> {
    let turned = (any::<[bool; 8]>()).prop_map(
        |[host, blocks, admin, own_node, init, tie, labels, icmp]| Dialect {
            host_network: if host { HostNetwork::Policed } else { HostNetwork::Node },
            ip_block_pods: if blocks { IpBlockPods::Never } else { IpBlockPods::Match },
            admin_networks_match_pods: !admin,
            own_node_exempt: !own_node,
            restartable_init_ports: !init,
            ingress_controller_labels: if labels {
                IngressControllerLabels::Unlabelled
            } else {
                IngressControllerLabels::Unknown
            },
            tie_break: if tie { TieBreak::Name } else { TieBreak::Ambiguous },
            icmp: if icmp { IcmpMode::Allow } else { IcmpMode::Policy },
            ..Dialect::spec()
        },
    );
    prop_oneof![4 => Just(Dialect::spec()), 1 => Just(Dialect::np_guard()), 2 => turned]
}
