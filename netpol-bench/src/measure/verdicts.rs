//! T3 and T6: single verdicts and explanations.

use std::time::Duration;

use netpol_core::model::{Flow, Verdict};
use netpol_core::reach::Snapshot;

use super::{AT_LEAST, Notebook};
use crate::naive::RuleWalk;
use crate::operation::Operation;
use crate::row::{Figure, as_f64};
use crate::sample::{NamedFlow, by_name, flows, look_up, names};
use crate::stopwatch::{Stopwatch, median, percentile};

/// Flows that are judged by id; half of them within one namespace.
const BY_ID: usize = 1_000_000;
/// Flows that are judged by name, which take more memory.
const BY_NAME: usize = 250_000;
/// Flows that the rule walk judges.
const WALKED: usize = 2_000;
const EXPLAINED: usize = 10_000;

pub(super) fn measure(snapshot: &Snapshot, seed: u64, notes: &mut Notebook) {
    let sample = flows(snapshot.cluster(), BY_ID, seed ^ 1);
    let allow = |verdict| verdict == Verdict::Allow;
    let by_id = per_item(&sample, |flow| allow(snapshot.verdict(flow)));
    let walk = RuleWalk::new(snapshot.cluster());
    let walked = walk
        .as_ref()
        .map(|walk| per_item(&sample[..sample.len().min(WALKED)], |flow| walk.allows(flow)));
    let figure = Figure::new(Operation::VerdictById, by_id);
    notes.add(match walked {
        Some(time) => figure.against("rule walk", time),
        None => figure,
    });
    explanations(snapshot, &sample[..sample.len().min(EXPLAINED)], walked, notes);
    let named = names(snapshot.cluster(), &sample[..sample.len().min(BY_NAME)]);
    drop(sample);
    let found = |named: &NamedFlow| {
        look_up(snapshot.cluster(), &named.src).is_some()
            & look_up(snapshot.cluster(), &named.dst).is_some()
    };
    let look_ups = per_item(&named, found);
    notes.add(Figure::new(Operation::LookUps, look_ups));
    let by_name = per_item(&named, |named| allow(by_name(snapshot, named)));
    notes.add(
        Figure::new(Operation::VerdictByName, by_name)
            .against("two look-ups + 60 ns", look_ups + 60e-9),
    );
}

/// Returns seconds an item: the median of passes over all of them.
fn per_item<T>(items: &[T], judge: impl Fn(&T) -> bool) -> f64 {
    let pass = || items.iter().filter(|item| judge(item)).count();
    let time = median(3, AT_LEAST, pass);
    time.as_secs_f64() / as_f64(items.len().max(1) as u64)
}

fn explanations(snapshot: &Snapshot, sample: &[Flow], walked: Option<f64>, notes: &mut Notebook) {
    let mut times: Vec<Duration> = sample
        .iter()
        .map(|flow| {
            let watch = Stopwatch::start();
            std::hint::black_box(snapshot.explain(flow));
            watch.elapsed()
        })
        .collect();
    let figure = Figure::new(Operation::Explain, percentile(&mut times, 50));
    notes.add(match walked {
        Some(time) => figure.against("rule walk, verdict alone", time),
        None => figure,
    });
    notes.add(Figure::new(Operation::ExplainP99, percentile(&mut times, 99)));
}
