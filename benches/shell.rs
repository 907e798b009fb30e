//! What a person waits for in the shell: a key press at 150 000 pods, and the second answer to a question at 10 000.

use std::hint::black_box;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use netpol_bench::{Preset, cluster};
use netpol_core::model::{Cluster, Dialect};
use netpol_core::reach::Snapshot;
use netpol_query::execute::Settings;
use netpol_query::render::{Format, Palette};
use netpol_query::session::Session;
use netpol_query::shell::{Host, Index, Look, Shell, View, complete, highlight};

fn session(pods: u32) -> Option<Session> {
    let facts = cluster(Preset::Enterprise, pods, 1).ok()?;
    Some(Session::new(Snapshot::new(facts, Dialect::spec()), Settings::default()))
}

/// Half-typed lines: names with and without what they begin with, paths, labels, ports of a destination, keywords.
fn lines(cluster: &Cluster) -> Vec<(&'static str, String)> {
    let Some(workload) = cluster.workloads().last() else { return Vec::new() };
    let (namespace, name) = (&*cluster.namespace(workload.namespace).name, &*workload.name);
    let part = name.get(..name.len().div_ceil(2)).unwrap_or(name);
    vec![
        ("any name", "can ".to_owned()),
        ("name", format!("can {part}")),
        ("path", format!("can {namespace}/{part}")),
        ("pod", format!("can pod/{part}")),
        ("key", "can [a".to_owned()),
        ("value", "can [app=a".to_owned()),
        ("port", format!("can {namespace}/{name} reach {namespace}/{name} on ")),
        ("port of all", "can any reach pods on ".to_owned()),
        ("keyword", format!("can {namespace}/{name} re")),
    ]
}

fn completion(c: &mut Criterion) {
    let Some(session) = session(150_000) else { return };
    let mut group = c.benchmark_group("complete");
    group.sample_size(10).measurement_time(Duration::from_secs(2));
    group.bench_function("index", |b| b.iter(|| Index::new(black_box(session.snapshot()))));
    let index = Index::new(session.snapshot());
    let view = View { session: &session, index: &index, files: &|_| Vec::new() };
    for (what, line) in lines(session.snapshot().cluster()) {
        group.bench_function(what, |b| b.iter(|| complete(black_box(&line), line.len(), &view)));
        let name = format!("{what}, colours");
        group.bench_function(name, |b| b.iter(|| highlight(black_box(&line), line.len(), &view)));
    }
    group.finish();
}

/// A screen that nobody looks at.
struct Nobody;

impl Host for Nobody {
    fn answer(&mut self, bytes: &[u8]) -> io::Result<()> {
        black_box(bytes);
        Ok(())
    }
    fn say(&mut self, _text: &str) -> io::Result<()> {
        Ok(())
    }
    fn load(&mut self, _paths: Option<&[PathBuf]>) -> io::Result<Option<Session>> {
        Ok(None)
    }
    fn interrupted(&mut self) -> bool {
        false
    }
    fn waiting(&mut self, _elapsed: Option<Duration>) {}
    fn now(&self) -> Duration {
        Duration::ZERO
    }

    fn width(&self) -> Option<usize> {
        None
    }
}

fn second_answer(c: &mut Criterion) {
    let Some(session) = session(10_000) else { return };
    let plain = Palette::default();
    let look = Look { format: Format::Text, explain: false, timing: false, out: plain, err: plain };
    let mut shell = Shell::new(session, look);
    let mut group = c.benchmark_group("second answer");
    group.sample_size(10).measurement_time(Duration::from_secs(2));
    for question in ["count flows", "flows", "list unprotected"] {
        let _first = shell.lines(question, &mut Nobody);
        group
            .bench_function(question, |b| b.iter(|| shell.lines(black_box(question), &mut Nobody)));
    }
    group.finish();
}

criterion_group!(benches, completion, second_answer);
criterion_main!(benches);
