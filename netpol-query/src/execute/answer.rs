//! Answers as plain data.

use std::sync::Arc;

use netpol_core::model::{Direction, Family, IpSet, PortSet, ReasonCode, Verdict};
use netpol_core::reach::Tally;

use super::changes::Changes;
use super::export::{Export, Report};
use super::exposure::Exposure;
use super::fields::Cell;
use super::hops::Ways;
use super::lint::Findings;
use super::matrix::Matrix;
use crate::syntax::ast::ExpectSeverity;

/// The answer to one sentence.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The sentence as typed.
    pub query: String,
    /// What is answered.
    pub body: Body,
    /// What the reader should know beside it.
    pub warnings: Vec<Warning>,
}

/// What is answered.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// `can`, `is`, `why`, `A -> B`.
    Verdict(Verdicts),
    /// `expect` and `warn`.
    Expectation(Expectation),
    /// `flows`, `who`, `what`.
    Rows {
        /// What was asked.
        kind: RowsKind,
        /// The two sets and the ports.
        asked: Asked,
        /// The verdict of the rows.
        verdict: Verdict,
        /// The rows.
        rows: Vec<Row>,
    },
    /// `matrix`.
    Matrix(Box<Matrix>),
    /// `paths`, `eventually`, `blast radius`.
    Ways(Ways),
    /// `exposure of`.
    Exposure(Exposure),
    /// `count`.
    Count(u64),
    /// `resolve`, `list`, `pods of`.
    Endpoints(Vec<EndpointRow>),
    /// `list policies`, `policies for`.
    Policies(Vec<PolicyRow>),
    /// `lint`.
    Findings(Findings),
    /// What a pipe made of rows.
    Records(Records),
    /// `diff` and `what if`: what changed.
    Diff(Box<Changes>),
    /// The report on a whole cluster.
    Report(Box<Report>),
    /// `export`: what is to be written.
    Export(Box<Export>),
    /// `let` and `use`: what was done.
    Done(String),
}

/// Which question rows answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowsKind {
    /// `flows`.
    Flows,
    /// `who can reach`.
    Who,
    /// `what can ... reach`.
    What,
}

/// What was asked, in words.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Asked {
    /// Who connects; `None` for everything.
    pub from: Option<String>,
    /// To whom; `None` for everything.
    pub to: Option<String>,
    /// On which ports; `None` where none were said.
    pub ports: Option<String>,
    /// What a Service's port means.
    pub through: Vec<String>,
}

/// The result of can, is, why and expect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All pairs are allowed.
    Yes,
    /// All pairs are denied.
    No,
    /// Some are certainly allowed and some certainly denied.
    Partial,
    /// The input does not tell.
    Unknown,
    /// Policies of equal priority disagree.
    Ambiguous,
}

impl Outcome {
    /// Returns the word of the JSON contract.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Yes => "YES",
            Self::No => "NO",
            Self::Partial => "PARTIAL",
            Self::Unknown => "UNKNOWN",
            Self::Ambiguous => "AMBIGUOUS",
        }
    }
}

/// Verdicts about pairs.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdicts {
    /// What they come to.
    pub outcome: Outcome,
    /// The rows, with reasons.
    pub rows: Vec<Row>,
    /// How many pairs are treated how.
    pub tally: Tally,
    /// What was asked.
    pub asked: Asked,
    /// For `why`: whether the asker takes it for denied.
    pub why: Option<bool>,
}

/// Whether what ought to hold holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    /// Whether it holds; `None` where that is not known.
    pub pass: Option<bool>,
    /// What a breach amounts to.
    pub severity: ExpectSeverity,
    /// Why it ought to hold.
    pub because: Option<String>,
    /// What the pairs come to; `None` where no pairs were asked about.
    pub outcome: Option<Outcome>,
    /// The number, where a count was compared.
    pub count: Option<u64>,
    /// The claim's evidence.
    pub rows: Vec<Row>,
    /// Objects that breach it.
    pub endpoints: Vec<EndpointRow>,
    /// Mistakes that breach it.
    pub findings: Vec<netpol_core::lint::Finding>,
    /// What was found, in words.
    pub found: String,
}

/// A row: pairs that are treated alike.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Who connects.
    pub src: Arc<Endpoint>,
    /// To whom.
    pub dst: Arc<Endpoint>,
    /// The family, where families differ.
    pub family: Option<Family>,
    /// The verdict.
    pub verdict: Verdict,
    /// The ports.
    pub ports: PortSet,
    /// The number of pairs to which it applies.
    pub matching: u64,
    /// The number of pairs between the two ends.
    pub total: u64,
    /// Why.
    pub reasons: Vec<Reason>,
}

/// One step of an explanation.
#[derive(Clone, Debug, PartialEq)]
pub struct Reason {
    /// What kind of step.
    pub code: ReasonCode,
    /// In which direction.
    pub direction: Option<Direction>,
    /// The ports that it decides.
    pub ports: PortSet,
    /// The policy.
    pub policy: Option<PolicyRef>,
    /// The index of the rule.
    pub rule: Option<u32>,
    /// The name of the rule.
    pub rule_name: Option<String>,
    /// The file.
    pub file: Option<Arc<str>>,
    /// The line.
    pub line: Option<u32>,
    /// The step in words.
    pub message: String,
}

/// A policy by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyRef {
    /// Its kind.
    pub kind: &'static str,
    /// Its kind in kubectl's short form.
    pub short: &'static str,
    /// Its namespace.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

/// An endpoint by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// A workload.
    Workload {
        /// Its namespace.
        namespace: String,
        /// Its kind as the API writes it.
        kind: String,
        /// Its name.
        name: String,
    },
    /// A pod.
    Pod {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// The id of its workload.
        workload: String,
    },
    /// A namespace.
    Namespace {
        /// Its name.
        name: String,
    },
    /// Addresses.
    External {
        /// Them.
        ranges: IpSet,
    },
    /// A domain name.
    Name {
        /// It.
        name: String,
    },
    /// The ingress controller.
    IngressController,
    /// A node.
    Node {
        /// Its name.
        name: String,
    },
    /// A Service.
    Service {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
}

impl Endpoint {
    /// Returns the id of the JSON contract.
    pub fn id(&self) -> String {
        match self {
            Self::Workload { namespace, kind, name } => {
                format!("{namespace}/{}/{name}", kind.to_ascii_lowercase())
            }
            Self::Pod { namespace, name, .. } => format!("{namespace}/pod/{name}"),
            Self::Namespace { name } => format!("namespace/{name}"),
            Self::External { ranges } => format!("external:{ranges}"),
            Self::Name { name } => format!("fqdn:{name}"),
            Self::IngressController => "ingress-controller".into(),
            Self::Node { name } => format!("node/{name}"),
            Self::Service { namespace, name } => format!("{namespace}/service/{name}"),
        }
    }

    /// Returns the type of the JSON contract.
    pub const fn type_word(&self) -> &'static str {
        match self {
            Self::Workload { .. } => "workload",
            Self::Pod { .. } => "pod",
            Self::Namespace { .. } => "namespace",
            Self::External { .. } => "external",
            Self::Name { .. } => "name",
            Self::IngressController => "ingress-controller",
            Self::Node { .. } => "node",
            Self::Service { .. } => "service",
        }
    }

    /// Returns its namespace, if it has one.
    pub fn namespace(&self) -> Option<&str> {
        match self {
            Self::Workload { namespace, .. }
            | Self::Pod { namespace, .. }
            | Self::Service { namespace, .. } => Some(namespace),
            Self::Namespace { name } => Some(name),
            Self::External { .. }
            | Self::Name { .. }
            | Self::IngressController
            | Self::Node { .. } => None,
        }
    }

    /// Returns its kind as the API writes it, if it is an object.
    pub fn kind(&self) -> Option<&str> {
        Some(match self {
            Self::Workload { kind, .. } => kind,
            Self::Pod { .. } => "Pod",
            Self::Namespace { .. } => "Namespace",
            Self::Node { .. } => "Node",
            Self::Service { .. } => "Service",
            Self::External { .. } | Self::Name { .. } | Self::IngressController => return None,
        })
    }

    /// Returns its name, if it has one.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Workload { name, .. }
            | Self::Pod { name, .. }
            | Self::Namespace { name }
            | Self::Name { name }
            | Self::Node { name }
            | Self::Service { name, .. } => Some(name),
            Self::External { .. } | Self::IngressController => None,
        }
    }
}

/// A row of `resolve` and `list`.
#[derive(Clone, Debug, PartialEq)]
pub struct EndpointRow {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// For `unprotected`: the directions in which it is.
    pub directions: Vec<Direction>,
}

/// A row of `list policies`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyRow {
    /// The policy.
    pub policy: PolicyRef,
    /// Its file.
    pub file: Arc<str>,
    /// Its line.
    pub line: u32,
}

/// What a pipe made of rows: columns and values.
#[derive(Clone, Debug, PartialEq)]
pub struct Records {
    /// The names of the columns.
    pub columns: Vec<String>,
    /// The rows, each with a value for each column.
    pub rows: Vec<Vec<Cell>>,
}

/// What the reader should know beside an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Its stable code.
    pub code: String,
    /// It in words.
    pub message: String,
    /// The object that it concerns.
    pub object: Option<String>,
    /// The file.
    pub file: Option<Arc<str>>,
    /// The line.
    pub line: Option<u32>,
}

/// How a sentence ends, for the exit code; the order is that of gravity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Yes, or rows were listed: 0.
    #[default]
    Yes,
    /// No, or partial: 1.
    No,
    /// Unknown or ambiguous: 3.
    Unknown,
    /// The sentence, an option or an input is wrong: 2.
    Wrong,
    /// The program itself failed: 4.
    Bug,
}

impl Exit {
    /// Returns the exit code.
    pub const fn code(self) -> u8 {
        match self {
            Self::Yes => 0,
            Self::No => 1,
            Self::Unknown => 3,
            Self::Wrong => 2,
            Self::Bug => 4,
        }
    }
}

impl Body {
    /// Returns how a sentence with this answer ends.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Verdict(verdicts) => match verdicts.outcome {
                Outcome::Yes => Exit::Yes,
                Outcome::No | Outcome::Partial => Exit::No,
                Outcome::Unknown | Outcome::Ambiguous => Exit::Unknown,
            },
            Self::Expectation(expectation) => match (expectation.pass, expectation.severity) {
                (Some(true), _) | (_, ExpectSeverity::Warn) => Exit::Yes,
                (Some(false), ExpectSeverity::Fail) => Exit::No,
                (None, ExpectSeverity::Fail) => Exit::Unknown,
            },
            Self::Diff(changes) => changes.exit(),
            Self::Rows { .. }
            | Self::Matrix(_)
            | Self::Report(_)
            | Self::Export(_)
            | Self::Ways(_)
            | Self::Exposure(_)
            | Self::Count(_)
            | Self::Endpoints(_)
            | Self::Policies(_)
            | Self::Findings(_)
            | Self::Records(_)
            | Self::Done(_) => Exit::Yes,
        }
    }

    /// Returns the rows that can be drawn as a graph, each of them once; `None` where an answer is none.
    pub fn drawn(&self) -> Option<Vec<Row>> {
        match self {
            Self::Verdict(verdicts) => Some(verdicts.rows.clone()),
            Self::Rows { rows, .. } => Some(rows.clone()),
            Self::Exposure(exposure) => Some(exposure.rows().cloned().collect()),
            Self::Ways(ways) => Some(ways.rows()),
            Self::Diff(changes) => Some(changes.drawn()),
            _ => None,
        }
    }

    /// Returns the number of rows.
    pub fn len(&self) -> u64 {
        let len = match self {
            Self::Verdict(verdicts) => verdicts.rows.len(),
            Self::Expectation(expectation) => expectation.rows.len(),
            Self::Rows { rows, .. } => rows.len(),
            Self::Matrix(matrix) => matrix.cells.len(),
            Self::Ways(ways) => ways.ways.len(),
            Self::Exposure(exposure) => exposure.rows().count(),
            Self::Endpoints(rows) => rows.len(),
            Self::Policies(rows) => rows.len(),
            Self::Findings(findings) => findings.found.len(),
            Self::Records(records) => records.rows.len(),
            Self::Diff(changes) => changes.rows.len(),
            Self::Report(report) => report.rows.len(),
            Self::Export(_) | Self::Count(_) | Self::Done(_) => 0,
        };
        len as u64
    }

    /// Tells whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
