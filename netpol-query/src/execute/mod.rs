//! From a [`Plan`] and a snapshot to an [`Answer`]: plain data, nothing rendered.

mod answer;
mod changes;
mod ends;
mod evidence;
mod expect;
mod export;
mod exposure;
mod fields;
mod hops;
mod lint;
mod list;
mod matrix;
mod pairs;
mod pipe;
mod policies;
#[cfg(feature = "enforce")]
mod replay;
mod warnings;

pub use answer::{
    Answer, Asked, Body, Endpoint, EndpointRow, Exit, Expectation, Outcome, PolicyRef, PolicyRow,
    Reason, Records, Row, RowsKind, Verdicts, Warning,
};
pub(crate) use changes::Accepted;
pub use changes::{
    Acceptance, Became, ChangeCause, ChangeRow, ChangeSummary, ChangedObject, Changes, ChangesKind,
    Contract, ContractStatus, EmptiedService, Fold, Gate, ReachChange, Reached, Review, Risk,
    Sides,
};
pub use ends::Names;
pub use export::{Export, Report};
pub use exposure::{Exposed, Exposure};
pub use fields::Cell;
pub use hops::{Choke, Way, Ways};
pub use lint::{Findings, LintInput};
pub use matrix::{MOST_UNFOLDED, Matrix, MatrixCell, Reach};
#[cfg(feature = "enforce")]
pub(crate) use replay::{
    Forbidden, forbidden, judged, of_this_cluster, replay_row, replay_warnings, service_warnings,
};
#[cfg(feature = "enforce")]
pub use replay::{NotJudged, ReplayContract, ReplayRow, ReplaySummary, Replayed};
pub use warnings::of_diagnostic;

use netpol_core::reach::{Level, Snapshot};

use crate::error::QueryError;
use crate::lower::{CountPlan, PipeStep, Plan};

/// How plans are executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How rows sum up pods.
    pub level: Level,
    /// Whether every row carries reasons.
    pub explain: bool,
    /// Whether the answer is to be shown as a page, whose rows say why as far as a bound goes.
    pub page: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { level: Level::Workload, explain: false, page: false }
    }
}

/// Executes a plan and the pipes that follow it.
///
/// # Errors
///
/// [`QueryError`] where there is no pair to ask about, or where a pipe names a field that the rows lack.
pub fn execute(
    plan: &Plan,
    pipes: &[PipeStep],
    snapshot: &Snapshot,
    settings: Settings,
    lint: &LintInput,
) -> Result<(Body, Vec<Warning>), QueryError> {
    let engine = Engine { snapshot, settings, lint };
    let mut warnings = Vec::new();
    let body = engine.body(plan, &mut warnings)?;
    Ok((pipe(body, pipes)?, warnings))
}

/// Has an answer go through pipes.
///
/// # Errors
///
/// [`QueryError`] where a pipe names a field that the rows lack.
pub fn pipe(body: Body, steps: &[PipeStep]) -> Result<Body, QueryError> {
    pipe::apply(body, steps)
}

/// What plans are executed on.
#[derive(Clone, Copy)]
struct Engine<'a> {
    snapshot: &'a Snapshot,
    settings: Settings,
    lint: &'a LintInput,
}

impl Engine<'_> {
    fn body(&self, plan: &Plan, warnings: &mut Vec<Warning>) -> Result<Body, QueryError> {
        Ok(match plan {
            Plan::Can { ask, quantifier } => Body::Verdict(self.can(ask, *quantifier)?),
            Plan::Why { ask, negated } => {
                let mut verdicts = self.can(ask, None)?;
                verdicts.why = Some(*negated);
                Body::Verdict(verdicts)
            }
            Plan::Who(ask) => {
                self.flows(ask, netpol_core::model::Verdict::Allow, RowsKind::Who, warnings)?
            }
            Plan::What(ask) => {
                self.flows(ask, netpol_core::model::Verdict::Allow, RowsKind::What, warnings)?
            }
            Plan::Flows { ask, verdict } => self.flows(ask, *verdict, RowsKind::Flows, warnings)?,
            Plan::Matrix { ask, by } => Body::Matrix(Box::new(self.matrix(ask, *by, warnings)?)),
            Plan::Count(count) => Body::Count(self.count(count, warnings)?),
            Plan::List(list) => self.list(list),
            Plan::Resolve(region) => Body::Endpoints(self.resolved(region)),
            Plan::PodsOf(policy) => Body::Endpoints(self.pods_of(*policy)),
            Plan::Policies(policies) => Body::Policies(self.policies(policies)),
            Plan::Hops(plan) => self.ways(plan, warnings)?,
            Plan::Exposure(plan) => self.exposure(plan, warnings),
            Plan::Lint(plan) => self.lint(plan)?,
            Plan::Expect(expect) => self.expect(expect, warnings)?,
            Plan::Export(export) => Body::Export(Box::new(self.export(export, warnings)?)),
            Plan::Define { name, .. } => Body::Done(format!("${name} is defined")),
            Plan::UseNamespace(Some(name)) => {
                Body::Done(format!("the current namespace is {name}"))
            }
            Plan::UseNamespace(None) => Body::Done("no namespace is current".into()),
        })
    }

    fn count(&self, count: &CountPlan, warnings: &mut Vec<Warning>) -> Result<u64, QueryError> {
        match count {
            CountPlan::Flows(ask, verdict) => self.count_flows(ask, *verdict, warnings),
            CountPlan::Objects(list) => Ok(self.list(list).len()),
        }
    }
}
