//! One verdict: by id, by name, and by a walk over the rules of every policy.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use netpol_bench::sample::{by_name, flows, names};
use netpol_bench::{Preset, cluster, naive};
use netpol_core::model::Dialect;
use netpol_core::reach::Snapshot;

const SHAPES: [Preset; 4] = [Preset::Enterprise, Preset::Live, Preset::Admin, Preset::KanoRandom];
const FLOWS: usize = 4_096;
const PODS: u32 = 10_000;

fn verdict(c: &mut Criterion) {
    let mut group = c.benchmark_group("verdict");
    group.sample_size(20).measurement_time(Duration::from_secs(2));
    for preset in SHAPES {
        let Ok(facts) = cluster(preset, PODS, 1) else { continue };
        let sample = flows(&facts, FLOWS, 2);
        let named = names(&facts, &sample);
        let snapshot = Snapshot::new(facts, Dialect::spec());
        group.bench_function(BenchmarkId::new("by id", preset), |b| {
            let mut next = sample.iter().cycle();
            b.iter(|| next.next().map(|flow| snapshot.verdict(black_box(flow))));
        });
        group.bench_function(BenchmarkId::new("by name", preset), |b| {
            let mut next = named.iter().cycle();
            b.iter(|| next.next().map(|flow| by_name(&snapshot, black_box(flow))));
        });
        group.bench_function(BenchmarkId::new("rule walk", preset), |b| {
            let mut next = sample.iter().cycle();
            let walk =
                |flow| naive::allowed_by_rule_walk(snapshot.cluster(), Dialect::spec(), flow);
            b.iter(|| next.next().map(walk));
        });
    }
    group.finish();
}

criterion_group!(benches, verdict);
criterion_main!(benches);
