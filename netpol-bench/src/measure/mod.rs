//! The measurements of one cluster, taken in a process of its own so that none sees another's memory.

mod asking;
mod changing;
mod loading;
mod verdicts;

use std::sync::Arc;
use std::time::Duration;

use netpol_core::model::{BuildError, Cluster, Dialect, Protocol};
use netpol_core::reach::Snapshot;
use thiserror::Error;

use crate::gate::{Disagreement, check};
use crate::generate::cluster;
use crate::memory;
use crate::naive;
use crate::operation::Operation;
use crate::preset::Preset;
use crate::row::{Figure, Gate, Row, as_f64};
use crate::sample::PORTS;
use crate::stopwatch::{Stopwatch, median};

pub use loading::peak_of_loading;

/// How one cluster is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The shape.
    pub preset: Preset,
    /// The number of pods.
    pub pods: u32,
    /// The seed of cluster and samples.
    pub seed: u64,
    /// How many flows the gate compares with the reference.
    pub samples: usize,
    /// The most pods of a cluster whose files are written and loaded.
    pub load_up_to: u32,
}

/// Why a cluster has no figures.
#[derive(Debug, Error)]
pub enum MeasureError {
    /// The fast and the slow answer differ.
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
    /// A file cannot be written or read.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A generated manifest is not what the reader expects.
    #[error("a generated manifest cannot be read: {0}")]
    Manifest(String),
}

/// How long flows are compared with the reference.
const PATIENCE: Duration = Duration::from_secs(60);
/// Up to so many pods the count of pairs is compared with a verdict about each pair, and with naive ways.
pub const EXACT_UP_TO: usize = 10_000;
/// Up to so many pods the dense matrix and the trial of every selector on every pod are measured: they are squares.
const NAIVE_UP_TO: usize = 10_000;
const AT_LEAST: Duration = Duration::from_millis(200);

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

/// What the measurements write into.
struct Notebook {
    figures: Vec<Figure>,
    left_out: Vec<String>,
}

impl Notebook {
    fn add(&mut self, figure: Figure) {
        self.figures.push(figure);
    }

    fn leave_out(&mut self, what: &str, why: &str) {
        self.left_out.push(format!("{what}: {why}"));
    }
}

/// Passes the gate and then measures everything.
///
/// # Errors
///
/// [`MeasureError`]; no figure of a cluster with a wrong answer is returned.
pub fn measure(settings: &Settings) -> Result<Row, MeasureError> {
    let Settings { preset, pods, seed, .. } = *settings;
    let mut notes = Notebook { figures: Vec::new(), left_out: Vec::new() };
    loading::measure(settings, &mut notes)?;
    memory::forget_peak();
    let facts = Arc::new(cluster(preset, pods, seed)?);
    let port = counted_port(preset);
    build_memory(&facts, port, &mut notes);
    let snapshot = Snapshot::new(Arc::clone(&facts), Dialect::spec());
    let samples = (settings.samples, PATIENCE);
    let agreement =
        check(&snapshot, samples, seed, EXACT_UP_TO, port).map_err(|d| wrong(settings, d))?;
    build(&facts, &mut notes);
    all_ports(settings, &snapshot, &mut notes)?;
    verdicts::measure(&snapshot, seed, &mut notes);
    pairs(&facts, &snapshot, port, &mut notes);
    asking::measure(&snapshot, seed, port, &mut notes);
    let edits =
        changing::measure(settings, &snapshot, port, &mut notes).map_err(|d| wrong(settings, d))?;
    let Notebook { mut figures, left_out } = notes;
    figures.sort_by_key(|figure| figure.operation);
    Ok(Row {
        preset: preset.as_str().to_owned(),
        pods: facts.pods().len() as u64,
        namespaces: facts.namespaces().len() as u64,
        workloads: facts.workloads().len() as u64,
        policies: facts.policies().len() as u64,
        port: format!("{}/{}", port.0.as_str().to_ascii_lowercase(), port.1),
        pairs: snapshot.count_pairs(port.0, port.1),
        gate: Gate {
            flows: agreement.flows as u64,
            allowed: agreement.allowed as u64,
            pairs_exact: agreement.pairs.is_some(),
            edits,
        },
        figures,
        left_out,
    })
}

fn wrong(settings: &Settings, difference: Disagreement) -> MeasureError {
    let Settings { preset, pods, .. } = *settings;
    MeasureError::Wrong { preset, pods, difference: Box::new(difference) }
}

/// Memory first: later measurements leave freed blocks behind, which would hide what this one takes.
fn build_memory(facts: &Arc<Cluster>, (protocol, port): (Protocol, u16), notes: &mut Notebook) {
    let made = memory::resident();
    if let Some(whole) = memory::peak().filter(|_| memory::forget_peak())
        && let Some(before) = made
    {
        let snapshot = Snapshot::new(Arc::clone(facts), Dialect::spec());
        let kept = memory::resident();
        std::hint::black_box(snapshot.count_pairs(protocol, port));
        let most = memory::peak();
        let pods = as_f64(facts.pods().len().max(1) as u64);
        if let (Some(kept), Some(most)) = (kept, most) {
            let added = as_f64(kept.saturating_sub(before));
            notes.add(Figure::new(Operation::BuildMemory, added / pods));
            let beside = as_f64(most.saturating_sub(before));
            notes.add(Figure::new(Operation::BuildPeak, beside));
            notes.add(Figure::new(Operation::WholePeak, as_f64(whole.max(most))));
            return;
        }
    }
    notes.leave_out("T9 memory of build", "this system does not tell the memory of a process");
}

fn build(facts: &Arc<Cluster>, notes: &mut Notebook) {
    let time = median(3, AT_LEAST, || Snapshot::new(Arc::clone(facts), Dialect::spec()));
    let figure = Figure::new(Operation::Build, time.as_secs_f64());
    notes.add(if facts.pods().len() <= NAIVE_UP_TO && facts.policies().len() <= NAIVE_UP_TO {
        let watch = Stopwatch::start();
        std::hint::black_box(naive::expand_selectors(facts));
        figure.against("every selector on every pod", watch.elapsed().as_secs_f64())
    } else {
        figure
    });
}

/// Every port is counted at once; on the ports that samples are drawn from it must be what counting one port gives.
fn all_ports(
    settings: &Settings,
    snapshot: &Snapshot,
    notes: &mut Notebook,
) -> Result<(), MeasureError> {
    let counts = snapshot.count_pairs_by_port();
    for (protocol, port) in PORTS {
        let own = counts.iter().find(|count| {
            let ports = count.ports;
            ports.protocol == protocol && (ports.from..=ports.to).contains(&port)
        });
        let (fast, slow) = (own.map_or(0, |c| c.pairs), snapshot.count_pairs(protocol, port));
        if fast != slow {
            return Err(wrong(settings, Disagreement::Pairs { protocol, port, fast, slow }));
        }
    }
    let time = median(3, AT_LEAST, || snapshot.count_pairs_by_port());
    notes.add(Figure::new(Operation::PairsAllPorts, time.as_secs_f64()));
    Ok(())
}

fn pairs(facts: &Arc<Cluster>, snapshot: &Snapshot, port: (Protocol, u16), notes: &mut Notebook) {
    let count = |snapshot: &Snapshot| snapshot.count_pairs(port.0, port.1);
    let mut first: Vec<Duration> = (0..3)
        .map(|_| {
            let fresh = Snapshot::new(Arc::clone(facts), Dialect::spec());
            let watch = Stopwatch::start();
            std::hint::black_box(count(&fresh));
            watch.elapsed()
        })
        .collect();
    first.sort_unstable();
    notes.add(Figure::new(Operation::FirstPairs, first[first.len() / 2].as_secs_f64()));
    let again = median(3, AT_LEAST, || count(snapshot)).as_secs_f64();
    let figure = Figure::new(Operation::Pairs, again);
    let dense = (facts.pods().len() <= NAIVE_UP_TO)
        .then(|| {
            let watch = Stopwatch::start();
            let count = naive::pairs_by_dense_matrix(facts, port);
            count.map(|_| watch.elapsed().as_secs_f64())
        })
        .flatten();
    notes.add(match dense {
        Some(time) => figure.against("dense matrix, made and counted", time),
        None => figure,
    });
}
