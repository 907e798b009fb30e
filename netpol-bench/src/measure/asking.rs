//! Who can reach a pod, and the closure over any number of hops.

use std::time::Duration;

use netpol_core::model::{PodId, PortSet, Protocol};
use netpol_core::reach::{AskedPorts, Hops, Selection, Snapshot};

use super::Notebook;
use crate::generate::draw::Draw;
use crate::operation::Operation;
use crate::row::Figure;
use crate::stopwatch::{Stopwatch, percentile};

/// So many pods are asked about.
const ASKED: usize = 64;
/// So many closures are made.
const CLOSURES: usize = 32;
/// So many closures are made with a shortest way for each workload.
const WAYS: usize = 5;

pub(super) fn measure(
    snapshot: &Snapshot,
    seed: u64,
    (protocol, port): (Protocol, u16),
    notes: &mut Notebook,
) {
    let pods = drawn(snapshot, ASKED, seed ^ 2);
    if pods.is_empty() {
        notes.leave_out("who can reach, closure", "the cluster has no pods");
        return;
    }
    let mut times: Vec<Duration> = pods
        .iter()
        .map(|pod| {
            let watch = Stopwatch::start();
            let sources: usize = snapshot.sources_of(*pod, protocol, port).map(<[_]>::len).sum();
            std::hint::black_box(sources);
            watch.elapsed()
        })
        .collect();
    let to_classes = percentile(&mut times, 50);
    let ports = AskedPorts::from(PortSet::single(protocol, port));
    let mut times: Vec<Duration> = pods
        .iter()
        .map(|pod| {
            let watch = Stopwatch::start();
            std::hint::black_box(snapshot.who_can_reach(&one(*pod), &ports));
            watch.elapsed()
        })
        .collect();
    let rows = percentile(&mut times, 50);
    notes.add(Figure::new(Operation::WhoCanReach, to_classes).against("rows by workload", rows));
    // The first prepares what all later ones of a snapshot use.
    std::hint::black_box(snapshot.eventual_sources_of(pods[0]));
    let mut times: Vec<Duration> = pods
        .iter()
        .take(CLOSURES)
        .map(|pod| {
            let watch = Stopwatch::start();
            std::hint::black_box(snapshot.eventual_sources_of(*pod));
            watch.elapsed()
        })
        .collect();
    let layers = percentile(&mut times, 50);
    let mut times: Vec<Duration> = pods
        .iter()
        .take(WAYS)
        .map(|pod| {
            let all = Hops::between(snapshot.everyone(), one(*pod), AskedPorts::all());
            let watch = Stopwatch::start();
            std::hint::black_box(snapshot.eventual_sources(&all));
            watch.elapsed()
        })
        .collect();
    let ways = percentile(&mut times, 50);
    notes.add(Figure::new(Operation::Closure, layers).against("a way each", ways));
}

fn one(pod: PodId) -> Selection {
    Selection::pod(pod)
}

/// Draws pods.
pub(super) fn drawn(snapshot: &Snapshot, count: usize, seed: u64) -> Vec<PodId> {
    let Ok(pods) = u32::try_from(snapshot.cluster().pods().len()) else { return Vec::new() };
    if pods == 0 {
        return Vec::new();
    }
    let mut draw = Draw::new(seed);
    (0..count).map(|_| PodId(draw.below(pods))).collect()
}
