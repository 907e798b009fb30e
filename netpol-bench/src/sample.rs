//! Flows to ask about: ordered pairs of pods on the ports of the presets, drawn from a seed.

use netpol_core::model::{Cluster, Families, Family, Flow, Peer, PodId, Protocol, Verdict};
use netpol_core::reach::Snapshot;

use crate::generate::draw::Draw;

/// The ports that the presets' policies tell apart, and one that none of them names.
pub(crate) const PORTS: [(Protocol, u16); 8] = [
    (Protocol::Tcp, 8080),
    (Protocol::Tcp, 8443),
    (Protocol::Tcp, 80),
    (Protocol::Tcp, 443),
    (Protocol::Tcp, 9090),
    (Protocol::Tcp, 53),
    (Protocol::Udp, 53),
    (Protocol::Sctp, 7),
];

/// Draws flows: half of them between pods of one namespace, half between any two pods; a pod with itself may be among them.
///
/// Empty where the cluster has no pods.
pub fn flows(cluster: &Cluster, count: usize, seed: u64) -> Vec<Flow> {
    let mut draw = Draw::new(seed);
    let namespaces = pods_by_namespace(cluster);
    let Ok(pods) = u32::try_from(cluster.pods().len()) else { return Vec::new() };
    if pods == 0 {
        return Vec::new();
    }
    let mut flows = Vec::with_capacity(count);
    while flows.len() < count {
        let src = PodId(draw.below(pods));
        let dst = if flows.len() % 2 == 0 {
            let near = &namespaces[cluster.pod(src).namespace.index()];
            near[draw.index(near.len())]
        } else {
            PodId(draw.below(pods))
        };
        let (protocol, port) = PORTS[draw.index(PORTS.len())];
        let family = family(cluster, src, dst, &mut draw);
        flows.push(Flow { src: Peer::Pod(src), dst: Peer::Pod(dst), protocol, port, family });
    }
    flows
}

fn pods_by_namespace(cluster: &Cluster) -> Vec<Vec<PodId>> {
    let mut namespaces = vec![Vec::new(); cluster.namespaces().len()];
    for pod in cluster.pod_ids() {
        namespaces[cluster.pod(pod).namespace.index()].push(pod);
    }
    namespaces
}

/// Draws one of the families that two pods have in common; IPv4 where there is none.
fn family(cluster: &Cluster, src: PodId, dst: PodId, draw: &mut Draw) -> Family {
    match cluster.pod_families(src).and(cluster.pod_families(dst)) {
        Families { v4: true, v6: true } => Family::ALL[draw.index(2)],
        Families { v6: true, .. } => Family::V6,
        Families { .. } => Family::V4,
    }
}

/// A flow between pods that are known by name.
#[derive(Clone, Debug)]
pub struct NamedFlow {
    /// Namespace and name of the source.
    pub src: (String, String),
    /// Namespace and name of the destination.
    pub dst: (String, String),
    /// The flow, of which protocol, port and family count.
    pub flow: Flow,
}

/// Replaces the pods of flows by their names; ends that are no pods get empty names.
pub fn names(cluster: &Cluster, flows: &[Flow]) -> Vec<NamedFlow> {
    let name = |peer: &Peer| match peer {
        Peer::Pod(pod) => {
            let pod = cluster.pod(*pod);
            (cluster.namespace(pod.namespace).name.to_string(), pod.name.to_string())
        }
        Peer::Address(_) | Peer::Name(_) | Peer::IngressController => {
            (String::new(), String::new())
        }
    };
    let named =
        |flow: &Flow| NamedFlow { src: name(&flow.src), dst: name(&flow.dst), flow: flow.clone() };
    flows.iter().map(named).collect()
}

/// Finds a pod by the names of its namespace and itself.
pub fn look_up(cluster: &Cluster, (namespace, name): &(String, String)) -> Option<PodId> {
    cluster.find_namespace(namespace).and_then(|namespace| cluster.find_pod(namespace, name))
}

/// Judges a flow by the names of its pods; `Unknown` where a name is nobody's.
pub fn by_name(snapshot: &Snapshot, named: &NamedFlow) -> Verdict {
    let find = |name| look_up(snapshot.cluster(), name).map(Peer::Pod);
    let NamedFlow { src, dst, flow } = named;
    match (find(src), find(dst)) {
        (Some(src), Some(dst)) => {
            let Flow { protocol, port, family, .. } = *flow;
            snapshot.verdict(&Flow { src, dst, protocol, port, family })
        }
        _ => Verdict::Unknown,
    }
}
