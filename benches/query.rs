//! A sentence from its text to its answer, and the answer as JSON, at 10 000 pods; beside them the sentence read alone.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use netpol_bench::{Preset, cluster};
use netpol_core::model::Dialect;
use netpol_core::reach::Snapshot;
use netpol_query::execute::Settings;
use netpol_query::render::{Format, Options, Palette, reply};
use netpol_query::session::Session;
use netpol_query::syntax::parse;

const PODS: u32 = 10_000;

/// One sentence of each kind that people and pipelines ask all day.
const SENTENCES: [(&str, &str); 7] = [
    ("can", "can ns-00003/web reach ns-00003/api on tcp/8080"),
    ("why", "why can't ns-00003/web reach ns-00003/db on tcp/8080"),
    ("who", "who can reach ns-00003/db on tcp/8080"),
    ("what", "what can ns-00003/web reach"),
    ("expect", "expect ns-00003/web cannot reach ns-00003/db"),
    ("count", "count flows"),
    ("unprotected", "list unprotected"),
];

fn sentences(c: &mut Criterion) {
    let Ok(facts) = cluster(Preset::Enterprise, PODS, 1) else { return };
    let mut session = Session::new(Snapshot::new(facts, Dialect::spec()), Settings::default());
    let mut group = c.benchmark_group("query");
    group.sample_size(10).measurement_time(Duration::from_secs(2));
    let options = Options {
        format: Format::Json,
        palette: Palette::default(),
        width: None,
        explain: false,
        elapsed_us: None,
    };
    for (name, sentence) in SENTENCES {
        group.bench_function(BenchmarkId::new("read", name), |b| {
            b.iter(|| parse(black_box(sentence)));
        });
        group.bench_function(BenchmarkId::new("answered", name), |b| {
            b.iter(|| session.text(black_box(sentence)));
        });
        let replies = session.text(sentence);
        group.bench_function(BenchmarkId::new("as JSON", name), |b| {
            b.iter(|| {
                let mut out = Vec::new();
                for one in &replies {
                    let _error = reply(&mut out, black_box(one), &options);
                }
                out
            });
        });
    }
    group.finish();
}

criterion_group!(benches, sentences);
criterion_main!(benches);
