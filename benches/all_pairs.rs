//! The number of allowed pairs on one port, of a snapshot that is already built and of one that is built for it.

use std::sync::Arc;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use netpol_bench::measure::counted_port;
use netpol_bench::{Preset, cluster, naive};
use netpol_core::model::Dialect;
use netpol_core::reach::Snapshot;

const SHAPES: [Preset; 4] = [Preset::Enterprise, Preset::Live, Preset::Admin, Preset::KanoRandom];
/// Small enough for a rule walk over all pairs.
const NAIVE_PODS: u32 = 100;

fn all_pairs(c: &mut Criterion) {
    let mut group = c.benchmark_group("all pairs");
    group.sample_size(10).measurement_time(Duration::from_secs(2));
    for (preset, pods) in
        SHAPES.into_iter().flat_map(|p| [NAIVE_PODS, 1_000, 10_000].map(|n| (p, n)))
    {
        let Ok(facts) = cluster(preset, pods, 1).map(Arc::new) else { continue };
        let (protocol, port) = counted_port(preset);
        let snapshot = Snapshot::new(Arc::clone(&facts), Dialect::spec());
        group.bench_function(BenchmarkId::new(preset.as_str(), pods), |b| {
            b.iter(|| snapshot.count_pairs(protocol, port));
        });
        group.bench_function(BenchmarkId::new(format!("{preset} with build"), pods), |b| {
            b.iter(|| {
                Snapshot::new(Arc::clone(&facts), Dialect::spec()).count_pairs(protocol, port)
            });
        });
        if preset == Preset::Enterprise && pods == NAIVE_PODS {
            group.bench_function(BenchmarkId::new("enterprise, rule walk", pods), |b| {
                b.iter(|| naive::pairs_by_rule_walk(&facts, Dialect::spec(), (protocol, port)));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, all_pairs);
criterion_main!(benches);
