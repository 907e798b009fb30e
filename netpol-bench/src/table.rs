//! The table of measurements: for each preset and size the gate, then the times of the operations.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use netpol_core::model::{BuildError, Cluster, Dialect, Flow, Protocol, Verdict};
use netpol_core::reach::Snapshot;
use thiserror::Error;

use crate::gate::{Agreement, Disagreement, check};
use crate::generate::cluster;
use crate::machine::Machine;
use crate::preset::Preset;
use crate::sample::{by_name, flows, names};
use crate::stopwatch::{Stopwatch, median};

/// What is measured.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The shapes.
    pub presets: Vec<Preset>,
    /// The numbers of pods of each shape.
    pub sizes: Vec<u32>,
    /// The seed of clusters and samples.
    pub seed: u64,
    /// How many flows the gate compares with the reference.
    pub samples: usize,
}

/// Why a table was not finished.
#[derive(Debug, Error)]
pub enum TableError {
    /// The fast and the slow answer differ: no figure of that cluster is printed.
    #[error("{preset} at {pods} pods: {difference}")]
    Wrong {
        /// The shape.
        preset: Preset,
        /// The size.
        pods: u32,
        /// What differs.
        difference: Box<Disagreement>,
    },
    /// The cluster is too large.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The table cannot be printed.
    #[error(transparent)]
    Print(#[from] io::Error),
}

/// The times of one cluster.
#[derive(Clone, Copy, Debug)]
pub struct Figures {
    /// Facts to snapshot.
    pub build: Duration,
    /// One verdict about two pods known by id, in nanoseconds.
    pub verdict_by_id_ns: f64,
    /// One verdict about two pods known by namespace and name, look-up included, in nanoseconds.
    pub verdict_by_name_ns: f64,
    /// The count of allowed pairs on one port, of a snapshot that has answered it before.
    pub all_pairs: Duration,
    /// The first such count of a new snapshot.
    pub first_all_pairs: Duration,
    /// The allowed pairs on that port.
    pub pairs: u64,
    /// One explanation: the median of the sample, in nanoseconds.
    pub explain_ns: f64,
}

/// Above this many pods the exact count of pairs is not compared.
const EXACT_UP_TO: usize = 10_000;
const TIMED_FLOWS: usize = 200_000;
const TIMED_EXPLANATIONS: usize = 10_000;
const AT_LEAST: Duration = Duration::from_millis(300);

/// Returns the port on which the pairs of a preset are counted: one that its policies speak about.
pub fn counted_port(preset: Preset) -> (Protocol, u16) {
    match preset {
        Preset::KanoRandom
        | Preset::KubeBurner
        | Preset::Redhat240
        | Preset::CiliumNetpol
        | Preset::AntreaXl
        | Preset::AntreaOneNs => (Protocol::Tcp, 80),
        Preset::CalicoSaas => (Protocol::Udp, 53),
        Preset::Enterprise
        | Preset::Live
        | Preset::Open
        | Preset::Templates
        | Preset::Dual
        | Preset::Admin => (Protocol::Tcp, 8080),
    }
}

/// Measures every cluster of a plan and prints a line for each.
///
/// # Errors
///
/// [`TableError`]; lines that were printed before it stand.
pub fn print_table(plan: &Plan, out: &mut dyn Write) -> Result<(), TableError> {
    writeln!(out, "{}", Machine::detect())?;
    writeln!(
        out,
        "{:<14}{:>9}{:>10}{:>12}{:>9}{:>9}{:>12}{:>12}{:>10}{:>16}  gate",
        "preset",
        "pods",
        "policies",
        "build",
        "by id",
        "by name",
        "all pairs",
        "first",
        "explain",
        "pairs",
    )?;
    for preset in &plan.presets {
        for pods in &plan.sizes {
            line(plan, *preset, *pods, out)?;
        }
    }
    Ok(())
}

fn line(plan: &Plan, preset: Preset, pods: u32, out: &mut dyn Write) -> Result<(), TableError> {
    let facts = Arc::new(cluster(preset, pods, plan.seed)?);
    let port = counted_port(preset);
    let snapshot = Snapshot::new(Arc::clone(&facts), Dialect::spec());
    let agreement = check(&snapshot, plan.samples, plan.seed, EXACT_UP_TO, port)
        .map_err(|d| TableError::Wrong { preset, pods, difference: Box::new(d) })?;
    let figures = measure(&facts, &snapshot, plan.seed, port);
    writeln!(
        out,
        "{:<14}{:>9}{:>10}{:>12}{:>6.0} ns{:>6.0} ns{:>12}{:>12}{:>7.0} ns{:>16}  {}",
        preset.as_str(),
        facts.pods().len(),
        facts.policies().len(),
        shown(figures.build),
        figures.verdict_by_id_ns,
        figures.verdict_by_name_ns,
        shown(figures.all_pairs),
        shown(figures.first_all_pairs),
        figures.explain_ns,
        figures.pairs,
        described(agreement),
    )?;
    out.flush()?;
    Ok(())
}

fn described(agreement: Agreement) -> String {
    let Agreement { flows, allowed, pairs } = agreement;
    let exact = if pairs.is_some() { ", pairs exact" } else { "" };
    format!("{flows} flows agree ({allowed} allowed){exact}")
}

fn shown(time: Duration) -> String {
    format!("{:.3} ms", time.as_secs_f64() * 1e3)
}

/// Measures one cluster; its answers must have passed the gate.
pub fn measure(
    facts: &Arc<Cluster>,
    snapshot: &Snapshot,
    seed: u64,
    (protocol, port): (Protocol, u16),
) -> Figures {
    let build = median(5, AT_LEAST, || Snapshot::new(Arc::clone(facts), Dialect::spec()));
    let first_all_pairs = first_count(facts, protocol, port);
    let all_pairs = median(5, AT_LEAST, || snapshot.count_pairs(protocol, port));
    let sample = flows(facts, TIMED_FLOWS, seed ^ 1);
    Figures {
        build,
        verdict_by_id_ns: per_item(&sample, |flow| snapshot.verdict(flow)),
        verdict_by_name_ns: per_item(&names(facts, &sample), |flow| by_name(snapshot, flow)),
        all_pairs,
        first_all_pairs,
        pairs: snapshot.count_pairs(protocol, port),
        explain_ns: median_explanation(snapshot, &sample[..sample.len().min(TIMED_EXPLANATIONS)]),
    }
}

/// The count of a snapshot that has answered nothing yet: the median over new snapshots.
fn first_count(facts: &Arc<Cluster>, protocol: Protocol, port: u16) -> Duration {
    let mut times: Vec<Duration> = (0..5)
        .map(|_| {
            let fresh = Snapshot::new(Arc::clone(facts), Dialect::spec());
            let watch = Stopwatch::start();
            std::hint::black_box(fresh.count_pairs(protocol, port));
            watch.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[times.len() / 2]
}

/// Returns nanoseconds an item: the median of passes over all of them.
fn per_item<T>(items: &[T], judge: impl Fn(&T) -> Verdict) -> f64 {
    let pass = || items.iter().filter(|i| judge(i) == Verdict::Allow).count();
    let time = median(3, AT_LEAST, pass);
    time.as_secs_f64() * 1e9 / f64::from(u32::try_from(items.len()).unwrap_or(u32::MAX).max(1))
}

fn median_explanation(snapshot: &Snapshot, sample: &[Flow]) -> f64 {
    let mut times: Vec<Duration> = sample
        .iter()
        .map(|flow| {
            let watch = Stopwatch::start();
            std::hint::black_box(snapshot.explain(flow));
            watch.elapsed()
        })
        .collect();
    times.sort_unstable();
    times.get(times.len() / 2).map_or(0.0, |t| t.as_secs_f64() * 1e9)
}
