//! Who talks to whom: pods of a cluster that a rule lets talk.

use std::net::{IpAddr, SocketAddr};

use netpol_bench::Preset;
use netpol_bench::sample::flows;
use netpol_core::model::{
    Cluster, Dialect, Family, Flow, Peer, Policy, Protocol, ReasonCode, Verdict,
};
use netpol_core::reach::Snapshot;

/// A cluster by its shape, with the first of its policies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) preset: Preset,
    pub(crate) pods: u32,
    pub(crate) policies: usize,
}

impl Shape {
    pub(crate) fn snapshot(self) -> Snapshot {
        let cluster = netpol_bench::cluster(self.preset, self.pods, 1).unwrap();
        Snapshot::new(self.first_policies(&cluster), Dialect::spec())
    }

    fn first_policies(self, cluster: &Cluster) -> Cluster {
        let first: Vec<Policy> = cluster.policies().iter().take(self.policies).cloned().collect();
        assert_eq!(first.len(), self.policies, "{self:?} has fewer");
        cluster.with_policies(first)
    }
}

/// A client, with a server that a rule lets it reach over TCP and one over UDP.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ends {
    pub(crate) client: IpAddr,
    pub(crate) tcp: SocketAddr,
    pub(crate) udp: SocketAddr,
}

impl Ends {
    /// The addresses of each side.
    pub(crate) fn addresses(&self) -> [Vec<IpAddr>; 2] {
        [vec![self.client], vec![self.tcp.ip(), self.udp.ip()]]
    }

    /// Finds ends that talk in all shapes, which differ in the number of policies alone: by a rule where there are more
    /// policies than one.
    pub(crate) fn find(shapes: &[Shape], family: Family) -> Self {
        let whole = netpol_bench::cluster(shapes[0].preset, shapes[0].pods, 1).unwrap();
        let of = |shape: &Shape| Snapshot::new(shape.first_policies(&whole), Dialect::spec());
        let snapshots: Vec<Snapshot> = shapes.iter().map(of).collect();
        let talk = |flow: &Flow| {
            snapshots.iter().all(|snapshot| {
                let few = snapshot.cluster().policies().len() == 1;
                snapshot.verdict(flow) == Verdict::Allow && (few || is_by_rule(snapshot, flow))
            })
        };
        let address = |peer: &Peer| {
            let Peer::Pod(pod) = peer else { return None };
            whole.pod(*pod).address(family)
        };
        for flow in flows(&whole, 200_000, 3) {
            let flow = Flow { family, ..flow };
            if flow.protocol != Protocol::Tcp || flow.src == flow.dst || !talk(&flow) {
                continue;
            }
            let ends = address(&flow.src).zip(address(&flow.dst));
            let Some((client, server)) = ends else { continue };
            for pod in whole.pod_ids() {
                let (dst, protocol, port) = (Peer::Pod(pod), Protocol::Udp, 53);
                let datagram = Flow { src: flow.src.clone(), dst, protocol, port, family };
                if let Some(resolver) = address(&datagram.dst)
                    && resolver != client
                    && resolver != server
                    && talk(&datagram)
                {
                    let (tcp, udp) = ((server, flow.port).into(), (resolver, port).into());
                    return Self { client, tcp, udp };
                }
            }
        }
        panic!("the shape has rules for TCP and for DNS");
    }
}

fn is_by_rule(snapshot: &Snapshot, flow: &Flow) -> bool {
    snapshot.explain(flow).steps.iter().any(|step| step.code == ReasonCode::AllowedByRule)
}
