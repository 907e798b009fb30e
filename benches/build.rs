//! Facts to snapshot: index, compiled policies, classes. The naive way tries every selector on every pod.

use std::sync::Arc;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use netpol_bench::{Preset, cluster, naive};
use netpol_core::model::Dialect;
use netpol_core::reach::Snapshot;

const SHAPES: [Preset; 6] = [
    Preset::Enterprise,
    Preset::Admin,
    Preset::Live,
    Preset::Open,
    Preset::Dual,
    Preset::KanoRandom,
];

fn build(c: &mut Criterion) {
    let mut group = c.benchmark_group("build");
    group.sample_size(10).measurement_time(Duration::from_secs(2));
    for (preset, pods) in SHAPES.into_iter().flat_map(|p| [1_000, 10_000].map(|n| (p, n))) {
        let Ok(facts) = cluster(preset, pods, 1).map(Arc::new) else { continue };
        group.bench_function(BenchmarkId::new(preset.as_str(), pods), |b| {
            b.iter(|| Snapshot::new(Arc::clone(&facts), Dialect::spec()));
        });
        if preset == Preset::Enterprise && pods == 1_000 {
            group.bench_function(
                BenchmarkId::new("enterprise, every selector on every pod", pods),
                |b| {
                    b.iter(|| naive::expand_selectors(&facts));
                },
            );
        }
    }
    group.finish();
}

criterion_group!(benches, build);
criterion_main!(benches);
