//! One explanation with its near misses, beside a rule walk that finds the verdict alone.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use netpol_bench::sample::flows;
use netpol_bench::{Preset, cluster, naive};
use netpol_core::model::Dialect;
use netpol_core::reach::Snapshot;

const SHAPES: [(Preset, u32); 5] = [
    (Preset::Enterprise, 10_000),
    (Preset::Admin, 10_000),
    (Preset::KanoRandom, 10_000),
    (Preset::CiliumNetpol, 3_000),
    (Preset::AntreaOneNs, 1_000),
];

fn explain(c: &mut Criterion) {
    let mut group = c.benchmark_group("explain");
    group.sample_size(10).measurement_time(Duration::from_secs(2));
    for (preset, pods) in SHAPES {
        let Ok(facts) = cluster(preset, pods, 1) else { continue };
        let sample = flows(&facts, 1_024, 3);
        let snapshot = Snapshot::new(facts, Dialect::spec());
        group.bench_function(BenchmarkId::new(preset.as_str(), pods), |b| {
            let mut next = sample.iter().cycle();
            b.iter(|| next.next().map(|flow| snapshot.explain(black_box(flow))));
        });
        group.bench_function(BenchmarkId::new(format!("{preset}, rule walk"), pods), |b| {
            let mut next = sample.iter().cycle();
            let walk =
                |flow| naive::allowed_by_rule_walk(snapshot.cluster(), Dialect::spec(), flow);
            b.iter(|| next.next().map(walk));
        });
    }
    group.finish();
}

criterion_group!(benches, explain);
criterion_main!(benches);
