//! Manifests to facts, in bytes a second; beside it the YAML reader alone, which builds values that nobody asked for.
#![allow(clippy::unwrap_used, reason = "a bench that cannot make its input has nothing to measure")]

use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use netpol_bench::Preset;
use netpol_bench::write::{write_json, write_yaml};
use netpol_core::sources::{LoadOptions, Source, load};
use serde::Deserialize as _;

const PODS: u32 = 1_000;

fn parse(c: &mut Criterion) {
    let mut group = c.benchmark_group("parse");
    group.sample_size(10).measurement_time(Duration::from_secs(3));
    let (mut yaml, mut json) = (Vec::new(), Vec::new());
    write_yaml(Preset::Enterprise, PODS, 1, &mut yaml).unwrap();
    write_json(Preset::Enterprise, PODS, 1, &mut json).unwrap();
    for (name, content) in [("yaml", &yaml), ("json", &json)] {
        group.throughput(Throughput::Bytes(content.len() as u64));
        let bytes: Arc<[u8]> = content.as_slice().into();
        group.bench_function(name, |b| {
            b.iter(|| {
                let source = Source::Bytes { name: name.into(), bytes: Arc::clone(&bytes) };
                load(&[source], &LoadOptions::default())
            });
        });
    }
    group.throughput(Throughput::Bytes(yaml.len() as u64));
    group.bench_function("yaml, the reader alone, one thread", |b| b.iter(|| values(&yaml)));
    group.finish();
}

fn values(yaml: &[u8]) -> usize {
    serde_yaml::Deserializer::from_slice(yaml).flat_map(serde_yaml::Value::deserialize).count()
}

criterion_group!(benches, parse);
criterion_main!(benches);
