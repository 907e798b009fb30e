//! Verdicts about pods allocate nothing, whatever the shape of the cluster, by id and by name.
#![allow(clippy::unwrap_used, reason = "tests stop at what they did not expect")]

use std::alloc::System;

use cap::Cap;
use netpol_bench::sample::{by_name, flows, names};
use netpol_bench::{Preset, cluster};
use netpol_core::model::{Dialect, Verdict};
use netpol_core::reach::Snapshot;

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

const PODS: u32 = 400;
const FLOWS: usize = 4_000;

/// Runs something and returns how many bytes were allocated meanwhile, those that were freed again included.
fn allocated<T>(run: impl FnOnce() -> T) -> (T, usize) {
    let before = ALLOCATOR.total_allocated();
    let result = run();
    (result, ALLOCATOR.total_allocated() - before)
}

// One test alone in its process: another would allocate at the same time.
#[test]
fn verdicts_about_pods_allocate_nothing() {
    for preset in Preset::ALL {
        let facts = cluster(preset, PODS, 5).unwrap();
        let sample = flows(&facts, FLOWS, 6);
        let named = names(&facts, &sample);
        for dialect in [Dialect::spec(), Dialect { own_node_exempt: false, ..Dialect::spec() }] {
            let snapshot = Snapshot::new(facts.clone(), dialect);
            // The first verdict prepares the table, the first name the index of names.
            let _ = (snapshot.verdict(&sample[0]), by_name(&snapshot, &named[0]));
            let allowed = |verdict: Verdict| usize::from(verdict == Verdict::Allow);
            let (by_id, bytes) = allocated(|| {
                sample.iter().map(|flow| allowed(snapshot.verdict(flow))).sum::<usize>()
            });
            assert_eq!(bytes, 0, "{preset} by id");
            let (by_name, bytes) = allocated(|| {
                named.iter().map(|flow| allowed(by_name(&snapshot, flow))).sum::<usize>()
            });
            assert_eq!(bytes, 0, "{preset} by name");
            assert_eq!(by_id, by_name, "{preset}");
        }
    }
}
