//! The clusters whose pods are placed on two sides.

use std::net::IpAddr;
use std::path::Path;

use netpol_bench::Preset;
use netpol_core::model::{Cluster, Dialect, Family, Flow, Peer, PodId, Protocol};
use netpol_core::reach::Snapshot;
use netpol_core::sources::{LoadOptions, Source, load};

use crate::roles::Probe;

/// A cluster, the pods of it that are placed, and the ports that are asked.
pub(crate) struct Placed {
    pub(crate) name: &'static str,
    pub(crate) snapshot: Snapshot,
    pub(crate) pods: Vec<PodId>,
    pub(crate) ports: Vec<u16>,
}

/// The example of the project and three generated shapes, the last of them with two families.
pub(crate) fn all() -> Vec<Placed> {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/six-policies");
    let loaded = load(&[Source::Path(example)], &LoadOptions::default());
    assert_eq!(loaded.errors().count(), 0);
    let ports = vec![53, 443, 5432, 8080, 9090, 9999];
    let mut all = vec![Placed::new("six-policies", loaded.cluster, usize::MAX, ports)];
    for (name, preset) in [("live", Preset::Live), ("admin", Preset::Admin), ("dual", Preset::Dual)]
    {
        let cluster = netpol_bench::cluster(preset, 100, 7).unwrap();
        all.push(Placed::new(name, cluster, 14, vec![53, 80, 443, 8080, 8443, 9090, 9999]));
    }
    all
}

impl Placed {
    /// Places as many pods with addresses of their own, some of each namespace.
    fn new(name: &'static str, cluster: Cluster, count: usize, ports: Vec<u16>) -> Self {
        let has_address = |pod: &PodId| {
            let pod = cluster.pod(*pod);
            !pod.host_network && !pod.addresses.is_empty()
        };
        let pods: Vec<PodId> = cluster.pod_ids().filter(has_address).collect();
        let step = (pods.len() / count.min(pods.len()).max(1)).max(1);
        let pods: Vec<PodId> = pods.into_iter().step_by(step).take(count).collect();
        assert!(pods.len() > 4, "{name} has {} pods with addresses", pods.len());
        Self { name, snapshot: Snapshot::new(cluster, Dialect::spec()), pods, ports }
    }

    /// The addresses of a pod.
    pub(crate) fn addresses(&self, pod: PodId) -> &[IpAddr] {
        &self.snapshot.cluster().pod(pod).addresses
    }

    /// Lists what is to be tried from one pod to another, with what the evaluator says.
    pub(crate) fn probes(&self, source: PodId, destination: PodId) -> Vec<(Probe, Flow)> {
        let mut probes = Vec::new();
        let cluster = self.snapshot.cluster();
        for family in Family::ALL {
            let ends = [source, destination].map(|pod| cluster.pod(pod).address(family));
            let [Some(from), Some(to)] = ends else { continue };
            for (word, protocol) in
                [("tcp", Protocol::Tcp), ("udp", Protocol::Udp), ("sctp", Protocol::Sctp)]
            {
                for port in &self.ports {
                    let (src, dst) = (Peer::Pod(source), Peer::Pod(destination));
                    let flow = Flow { src, dst, protocol, port: *port, family };
                    let probe =
                        Probe { protocol: word.into(), source: from, destination: to, port: *port };
                    probes.push((probe, flow));
                }
            }
        }
        probes
    }
}
