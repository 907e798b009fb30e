//! The goals of the design (performance, section 3), and what became of them.

use serde::{Deserialize, Serialize};

use super::growth::Growth;
use crate::operation::Operation;
use crate::preset::Preset;
use crate::row::Row;

/// A figure that an operation is to keep within.
struct Goal {
    operation: Operation,
    preset: Preset,
    pods: u64,
    limit: Limit,
    /// The limit that holds first, where it differs from that in the end.
    first: Option<f64>,
}

enum Limit {
    /// So many seconds, bytes or times.
    Most(f64),
    /// So many times what the same operation takes on `enterprise` of the same size.
    OfEnterprise(f64),
    /// The baseline of the figure itself.
    Baseline,
}

/// What became of a goal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The operation.
    pub operation: Operation,
    /// The shape.
    pub preset: String,
    /// The size.
    pub pods: u64,
    /// The limit, in the operation's unit.
    pub limit: f64,
    /// The limit that holds first.
    pub first: f64,
    /// What was measured; `None` where the cluster or the operation was not.
    pub value: Option<f64>,
    /// How many times the baseline of the same run that is better.
    pub ratio: Option<f64>,
    /// How the operation grows on the shape.
    pub exponent: Option<f64>,
    /// Whether the goal is met.
    pub verdict: Verdict,
}

/// Whether a goal is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It is.
    Met,
    /// The first limit is kept, the last is not.
    First,
    /// It is missed.
    Missed,
    /// Nothing was measured that tells.
    NotMeasured,
}

impl Verdict {
    /// Returns the word of the table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::First => "first target met",
            Self::Missed => "MISSED",
            Self::NotMeasured => "not measured",
        }
    }
}

const LARGE: u64 = 150_000;
const HUGE: u64 = 1_000_000;

fn goals() -> Vec<Goal> {
    use Operation as Op;
    use Preset::{AntreaOneNs, CiliumNetpol, Dual, Enterprise, KanoRandom, Live, Open};
    let most = |operation, preset, pods, limit| Goal {
        operation,
        preset,
        pods,
        limit: Limit::Most(limit),
        first: None,
    };
    let first = |goal: Goal, first| Goal { first: Some(first), ..goal };
    let of_enterprise = |operation, preset| Goal {
        limit: Limit::OfEnterprise(3.0),
        ..most(operation, preset, LARGE, 0.0)
    };
    vec![
        first(most(Op::LoadJson, Enterprise, LARGE, 0.6), 1.0),
        first(most(Op::LoadYaml, Enterprise, LARGE, 1.5), 3.0),
        first(most(Op::LoadYamlFiles, Enterprise, LARGE, 1.5), 3.0),
        most(Op::LoadPeakJson, Enterprise, LARGE, 2.0),
        most(Op::LoadPeakYaml, Enterprise, LARGE, 2.0),
        most(Op::LoadSnapshot, Enterprise, LARGE, 0.1),
        most(Op::Build, Enterprise, LARGE, 0.15),
        most(Op::BuildMemory, Enterprise, LARGE, 1_024.0),
        most(Op::Pairs, Enterprise, 10_000, 0.001),
        most(Op::Pairs, Enterprise, LARGE, 0.01),
        most(Op::Pairs, KanoRandom, 10_000, 0.03),
        first(most(Op::Pairs, KanoRandom, 100_000, 1.0), 1.5),
        first(most(Op::BuildPeak, KanoRandom, 100_000, 0.6e9), 0.8e9),
        of_enterprise(Op::Build, Live),
        of_enterprise(Op::Pairs, Live),
        of_enterprise(Op::Build, Dual),
        of_enterprise(Op::Pairs, Dual),
        most(Op::PairsAllPorts, Enterprise, LARGE, 0.2),
        first(most(Op::Build, Enterprise, HUGE, 2.0), 3.0),
        first(most(Op::BuildPeak, Enterprise, HUGE, 1.5e9), 2e9),
        most(Op::VerdictById, Enterprise, LARGE, 60e-9),
        Goal { limit: Limit::Baseline, ..most(Op::VerdictByName, Enterprise, LARGE, 0.0) },
        most(Op::VerdictByName, Enterprise, LARGE, 150e-9),
        most(Op::Explain, Enterprise, LARGE, 2e-6),
        most(Op::ExplainP99, AntreaOneNs, 10_000, 250e-6),
        most(Op::ExplainP99, CiliumNetpol, 10_000, 250e-6),
        most(Op::PolicyChange, Enterprise, LARGE, 50e-6),
        most(Op::PolicyChangeP99, Enterprise, LARGE, 10e-3),
        most(Op::PolicyChange, KanoRandom, 10_000, 20e-3),
        most(Op::PodChange, Enterprise, LARGE, 20e-6),
        most(Op::WhoCanReach, Enterprise, LARGE, 100e-6),
        most(Op::Closure, Open, LARGE, 10e-3),
    ]
}

/// Judges every goal by the rows of one table.
pub(super) fn outcomes(rows: &[Row], growth: &[Growth]) -> Vec<Outcome> {
    goals().iter().map(|goal| outcome(goal, rows, growth)).collect()
}

fn outcome(goal: &Goal, rows: &[Row], growth: &[Growth]) -> Outcome {
    let row =
        |preset: Preset| rows.iter().find(|r| r.preset == preset.as_str() && is(r, goal.pods));
    let figure = row(goal.preset).and_then(|r| r.figure(goal.operation));
    // The last two operations of a count are one goal: the build comes with the first count.
    let value = figure.map(|f| f.value);
    let limit = match goal.limit {
        Limit::Most(limit) => Some(limit),
        Limit::OfEnterprise(times) => {
            row(Preset::Enterprise).and_then(|r| r.figure(goal.operation)).map(|f| f.value * times)
        }
        Limit::Baseline => figure.and_then(|f| f.baseline.as_ref()).map(|b| b.value),
    };
    let first = goal.first.or(limit);
    let verdict = match (value, limit, first) {
        (Some(value), Some(limit), _) if value <= limit => Verdict::Met,
        (Some(value), Some(_), Some(first)) if value <= first => Verdict::First,
        (Some(_), Some(_), Some(_)) => Verdict::Missed,
        _ => Verdict::NotMeasured,
    };
    let fitted =
        growth.iter().find(|g| g.preset == goal.preset.as_str() && g.operation == goal.operation);
    Outcome {
        operation: goal.operation,
        preset: goal.preset.as_str().to_owned(),
        pods: goal.pods,
        limit: limit.unwrap_or(0.0),
        first: first.unwrap_or(0.0),
        value,
        ratio: figure.and_then(crate::row::Figure::ratio),
        exponent: fitted.map(|g| g.exponent),
        verdict,
    }
}

/// Counts of pods round up to whole namespaces, a few of which are there beside.
fn is(row: &Row, pods: u64) -> bool {
    row.pods >= pods && row.pods <= pods + pods / 50
}
