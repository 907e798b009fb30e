//! The correctness gate: no figure is printed before the fast answers agree with the slow ones.

use std::time::Duration;

use netpol_core::evaluate::reference;
use netpol_core::model::{Cluster, Families, Flow, Peer, PodId, Protocol, Verdict};
use netpol_core::reach::Snapshot;
use thiserror::Error;

use crate::sample::flows;
use crate::stopwatch::Stopwatch;

/// What has been compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// How many sampled flows were judged by both evaluators.
    pub flows: usize,
    /// How many of them are allowed.
    pub allowed: usize,
    /// The exact number of allowed pairs on the counted port, where the cluster is small enough to count them one by one.
    pub pairs: Option<u64>,
}

/// The first difference between the fast and the slow answer.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum Disagreement {
    /// Two verdicts about one flow.
    #[error("{src} -> {dst} on {protocol}/{port}: {fast}, but {slow} by the reference")]
    Verdict {
        /// The source pod.
        src: String,
        /// The destination pod.
        dst: String,
        /// The protocol.
        protocol: Protocol,
        /// The port.
        port: u16,
        /// The snapshot's verdict.
        fast: Verdict,
        /// The reference's verdict.
        slow: Verdict,
    },
    /// Verdict and explanation of one flow.
    #[error("{src} -> {dst}: the explanation says {explained}, the verdict is {verdict}")]
    Explanation {
        /// The source pod.
        src: String,
        /// The destination pod.
        dst: String,
        /// The explanation's verdict.
        explained: Verdict,
        /// The verdict.
        verdict: Verdict,
    },
    /// Two counts of the allowed pairs on one port.
    #[error("{fast} allowed pairs on {protocol}/{port}, but {slow} one by one")]
    Pairs {
        /// The protocol.
        protocol: Protocol,
        /// The port.
        port: u16,
        /// The snapshot's count.
        fast: u64,
        /// The count of single verdicts.
        slow: u64,
    },
}

impl Disagreement {
    /// Describes a flow about which two snapshots differ.
    pub(crate) fn about(cluster: &Cluster, flow: &Flow, fast: Verdict, slow: Verdict) -> Self {
        let (src, dst) = (name(cluster, &flow.src), name(cluster, &flow.dst));
        let Flow { protocol, port, .. } = *flow;
        Self::Verdict { src, dst, protocol, port, fast, slow }
    }
}

/// So many sampled flows are compared however long it takes.
const AT_LEAST: usize = 1_000;

/// Compares a snapshot with the reference on `samples` flows, and the count of pairs on one port with single verdicts where
/// the cluster has at most `exact_up_to` pods.
///
/// The reference reads every policy for every flow, so that many flows of a large cluster take longer than everything that
/// is measured: after `patience` no further flows are drawn, but for the first thousand. The
/// agreement tells how many there were.
///
/// # Errors
///
/// The first [`Disagreement`].
pub fn check(
    snapshot: &Snapshot,
    (samples, patience): (usize, Duration),
    seed: u64,
    exact_up_to: usize,
    (protocol, port): (Protocol, u16),
) -> Result<Agreement, Disagreement> {
    let (mut compared, mut allowed) = (0, 0);
    let watch = Stopwatch::start();
    for flow in flows(snapshot.cluster(), samples, seed) {
        if compared >= AT_LEAST && watch.elapsed() > patience {
            break;
        }
        let verdict = agree(snapshot, &flow)?;
        compared += 1;
        allowed += usize::from(verdict == Verdict::Allow);
    }
    let pairs = if snapshot.cluster().pods().len() <= exact_up_to {
        let slow = pairs_one_by_one(snapshot, protocol, port);
        let fast = snapshot.count_pairs(protocol, port);
        if slow != fast {
            return Err(Disagreement::Pairs { protocol, port, fast, slow });
        }
        Some(fast)
    } else {
        None
    };
    Ok(Agreement { flows: compared, allowed, pairs })
}

fn agree(snapshot: &Snapshot, flow: &Flow) -> Result<Verdict, Disagreement> {
    let cluster = snapshot.cluster();
    let (fast, slow) =
        (snapshot.verdict(flow), reference::verdict(cluster, snapshot.dialect(), flow));
    if fast != slow {
        return Err(Disagreement::about(cluster, flow, fast, slow));
    }
    let explained = snapshot.explain(flow).verdict;
    if explained != fast {
        let (src, dst) = (name(cluster, &flow.src), name(cluster, &flow.dst));
        return Err(Disagreement::Explanation { src, dst, explained, verdict: fast });
    }
    Ok(fast)
}

/// Counts the pairs of different pods that are allowed in some common family, by a verdict each.
///
/// The verdicts are the snapshot's, which the sampled flows compare with the reference: the reference itself would take
/// hours at 10 000 pods.
pub fn pairs_one_by_one(snapshot: &Snapshot, protocol: Protocol, port: u16) -> u64 {
    count_pairs(snapshot.cluster(), protocol, port, |flow| snapshot.verdict(flow))
}

/// Counts the pairs of different pods that a judge allows in some common family.
pub(crate) fn count_pairs(
    cluster: &Cluster,
    protocol: Protocol,
    port: u16,
    verdict: impl Fn(&Flow) -> Verdict,
) -> u64 {
    let mut count = 0;
    let families: Vec<Families> = cluster.pod_ids().map(|p| cluster.pod_families(p)).collect();
    for src in cluster.pod_ids() {
        for dst in cluster.pod_ids().filter(|dst| *dst != src) {
            let common = families[src.index()].and(families[dst.index()]);
            let (src, dst) = (Peer::Pod(src), Peer::Pod(dst));
            let allowed = common.iter().any(|family| {
                let flow = Flow { src: src.clone(), dst: dst.clone(), protocol, port, family };
                verdict(&flow) == Verdict::Allow
            });
            count += u64::from(allowed);
        }
    }
    count
}

fn name(cluster: &Cluster, peer: &Peer) -> String {
    let of = |pod: PodId| {
        let pod = cluster.pod(pod);
        format!("{}/{}", cluster.namespace(pod.namespace).name, pod.name)
    };
    match peer {
        Peer::Pod(pod) => of(*pod),
        Peer::Address(address) => address.to_string(),
        Peer::Name(name) => name.to_string(),
        Peer::IngressController => "ingress-controller".into(),
    }
}
