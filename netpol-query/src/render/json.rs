//! The JSON of the contract, and the same as YAML: fixed key order, sorted sets, equal bytes for equal input.

use std::io::{self, Write};

use netpol_core::model::{AddressRange, Direction, IpSet, PortSet};
use netpol_core::reach::Level;
use serde::ser::{SerializeMap as _, SerializeSeq as _};
use serde::{Serialize, Serializer};

use super::Options;
use super::changes::{ChangesView, change_row};
use super::findings::FindingView;
use crate::execute::{
    Answer, Body, Cell, Changes, Choke, Endpoint, EndpointRow, Exposed, Exposure, Matrix,
    MatrixCell, PolicyRef, PolicyRow, Reason, Records, Report, Row, Warning, Way,
};

/// The version of the contract.
pub(super) const SCHEMA: &str = "netpol-query/v1";

/// Writes an answer.
pub(super) fn answer(
    out: &mut dyn Write,
    answer: &Answer,
    options: &Options,
    pretty: bool,
) -> io::Result<()> {
    write(out, &AnswerView::new(answer, options), pretty)
}

/// Writes an answer as YAML: the same keys in the same order.
pub(super) fn yaml(out: &mut dyn Write, answer: &Answer, options: &Options) -> io::Result<()> {
    write_yaml(out, &AnswerView::new(answer, options))
}

/// Writes a value as a document of YAML.
pub(super) fn write_yaml(out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    out.write_all(b"---\n")?;
    serde_yaml::to_writer(&mut *out, value).map_err(io::Error::other)
}

/// Writes a value and the end of a line.
pub(super) fn write(out: &mut dyn Write, value: &impl Serialize, pretty: bool) -> io::Result<()> {
    if pretty {
        serde_json::to_writer_pretty(&mut *out, value)?;
    } else {
        serde_json::to_writer(&mut *out, value)?;
    }
    out.write_all(b"\n")
}

#[derive(Serialize)]
struct AnswerView<'a> {
    schema: &'static str,
    query: &'a str,
    result: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pass: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    because: Option<&'a str>,
    rows: RowsView<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    matrix: Option<MatrixView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<ReportView<'a>>,
    #[serde(flatten)]
    changes: Option<ChangesView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    export: Option<ExportView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    protected: Option<ProtectedView>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    exposed: Vec<ExposedView<'a>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    choke_points: Vec<ChokeView<'a>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    groups: Vec<Vec<EndpointView<'a>>>,
    warnings: Vec<WarningView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stats: Option<StatsView>,
}

#[derive(Serialize)]
pub(super) struct StatsView {
    pub(super) elapsed_us: u64,
}

#[derive(Serialize)]
pub(super) struct WarningView<'a> {
    code: &'a str,
    message: &'a str,
    object: Option<&'a str>,
    file: Option<&'a str>,
    line: Option<u32>,
}

impl<'a> AnswerView<'a> {
    fn new(answer: &'a Answer, options: &Options) -> Self {
        let mut view = Self {
            schema: SCHEMA,
            query: &answer.query,
            result: "ROWS",
            pass: None,
            because: None,
            rows: RowsView::None,
            matrix: None,
            report: None,
            changes: None,
            export: None,
            count: None,
            protected: None,
            exposed: Vec::new(),
            choke_points: Vec::new(),
            groups: Vec::new(),
            warnings: answer.warnings.iter().map(warning).collect(),
            stats: options.elapsed_us.map(|elapsed_us| StatsView { elapsed_us }),
        };
        match &answer.body {
            Body::Verdict(verdicts) => {
                view.result = verdicts.outcome.as_str();
                view.rows = RowsView::Rows(&verdicts.rows, true);
            }
            Body::Expectation(expectation) => {
                view.result = match (expectation.outcome, expectation.pass) {
                    (Some(outcome), _) => outcome.as_str(),
                    (None, Some(true)) => "YES",
                    (None, Some(false)) => "NO",
                    (None, None) => "UNKNOWN",
                };
                view.pass = Some(expectation.pass == Some(true));
                view.because = expectation.because.as_deref();
                view.count = expectation.count;
                view.rows = if !expectation.endpoints.is_empty() {
                    RowsView::Endpoints(&expectation.endpoints)
                } else if !expectation.findings.is_empty() {
                    RowsView::Findings(&expectation.findings)
                } else {
                    RowsView::Rows(&expectation.rows, expectation.outcome.is_some())
                };
            }
            Body::Rows { rows, .. } => view.rows = RowsView::Rows(rows, options.explain),
            Body::Matrix(matrix) => {
                view.rows = RowsView::Matrix(matrix);
                view.matrix = Some(MatrixView::new(matrix));
            }
            Body::Report(report) => {
                view.rows = RowsView::Rows(&report.rows, options.explain);
                view.report = Some(ReportView::new(report));
            }
            Body::Export(export) => {
                let (what, path) = (export.what.as_str(), export.path.as_deref());
                view.export = Some(ExportView { what, path, format: export.form });
            }
            Body::Ways(ways) => {
                view.rows = RowsView::Ways(&ways.ways, options.explain);
                view.choke_points = ways.choke_points.iter().map(choke).collect();
                view.groups = ways
                    .groups
                    .iter()
                    .map(|g| g.iter().map(|e| EndpointView(e)).collect())
                    .collect();
            }
            Body::Exposure(exposure) => {
                view.rows = RowsView::Exposure(exposure, options.explain);
                view.protected = Some(ProtectedView {
                    ingress: exposure.is_protected(Direction::Ingress),
                    egress: exposure.is_protected(Direction::Egress),
                });
                view.exposed = exposure.workloads.iter().map(exposed).collect();
            }
            Body::Count(count) => view.count = Some(*count),
            Body::Endpoints(rows) => view.rows = RowsView::Endpoints(rows),
            Body::Policies(rows) => view.rows = RowsView::Policies(rows),
            Body::Diff(changes) => {
                view.rows = RowsView::Changes(changes);
                view.changes = Some(ChangesView::new(changes));
            }
            Body::Findings(findings) => view.rows = RowsView::Findings(&findings.found),
            Body::Records(records) => view.rows = RowsView::Records(records),
            Body::Done(_) => {}
        }
        view
    }
}

pub(super) fn warning(warning: &Warning) -> WarningView<'_> {
    WarningView {
        code: &warning.code,
        message: &warning.message,
        object: warning.object.as_deref(),
        file: warning.file.as_deref(),
        line: warning.line,
    }
}

enum RowsView<'a> {
    None,
    /// Rows, and whether they carry reasons.
    Rows(&'a [Row], bool),
    Matrix(&'a Matrix),
    /// Ways, and whether their hops carry reasons.
    Ways(&'a [Way], bool),
    /// The rows of an exposure, and whether they carry reasons.
    Exposure(&'a Exposure, bool),
    Changes(&'a Changes),
    Endpoints(&'a [EndpointRow]),
    Policies(&'a [PolicyRow]),
    Findings(&'a [netpol_core::lint::Finding]),
    Records(&'a Records),
}

impl Serialize for RowsView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::None => serializer.serialize_seq(Some(0))?.end(),
            Self::Rows(rows, explain) => {
                serializer.collect_seq(rows.iter().map(|r| row(r, *explain)))
            }
            Self::Matrix(matrix) => serializer.collect_seq(matrix.cells.iter().map(matrix_row)),
            Self::Ways(ways, explain) => {
                serializer.collect_seq(ways.iter().map(|w| way(w, *explain)))
            }
            Self::Exposure(exposure, explain) => {
                serializer.collect_seq(exposure.rows().map(|r| row(r, *explain)))
            }
            Self::Changes(changes) => {
                serializer.collect_seq(changes.rows.iter().map(|r| change_row(r, changes)))
            }
            Self::Endpoints(rows) => serializer.collect_seq(rows.iter().map(endpoint_row)),
            Self::Policies(rows) => serializer.collect_seq(rows.iter().map(policy_row)),
            Self::Findings(found) => serializer.collect_seq(found.iter().map(FindingView::new)),
            Self::Records(records) => serializer
                .collect_seq(records.rows.iter().map(|cells| RecordView(&records.columns, cells))),
        }
    }
}

#[derive(Serialize)]
struct RowView<'a> {
    src: EndpointView<'a>,
    dst: EndpointView<'a>,
    verdict: &'static str,
    ports: PortsView<'a>,
    pairs: PairsView,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasons: Option<Vec<ReasonView<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    family: Option<&'static str>,
}

#[derive(Serialize)]
pub(super) struct PairsView {
    pub(super) matching: u64,
    pub(super) total: u64,
}

fn row(row: &Row, explain: bool) -> RowView<'_> {
    RowView {
        src: EndpointView(&row.src),
        dst: EndpointView(&row.dst),
        verdict: row.verdict.as_str(),
        ports: PortsView(&row.ports),
        pairs: PairsView { matching: row.matching, total: row.total },
        reasons: explain.then(|| row.reasons.iter().map(reason).collect()),
        family: row.family.map(netpol_core::model::Family::as_str),
    }
}

/// What is known of a cluster beside its flows, which are rows.
#[derive(Serialize)]
struct ReportView<'a> {
    summary: std::collections::BTreeMap<String, u64>,
    exposed: Vec<EndpointView<'a>>,
    unprotected: Vec<EndpointRowView<'a>>,
    policies: Vec<PolicyRowView<'a>>,
}

impl<'a> ReportView<'a> {
    fn new(report: &'a Report) -> Self {
        let numbers = report.numbers.iter().map(|(name, n)| (name.replace(' ', "_"), *n));
        Self {
            summary: numbers.collect(),
            exposed: report.exposed.iter().map(|end| EndpointView(end)).collect(),
            unprotected: report.unprotected.iter().map(endpoint_row).collect(),
            policies: report.policies.iter().map(policy_row).collect(),
        }
    }
}

/// What was written where.
#[derive(Serialize)]
struct ExportView<'a> {
    what: &'static str,
    path: Option<&'a str>,
    format: &'static str,
}

/// The two sides of a matrix, whose cells are rows.
#[derive(Serialize)]
struct MatrixView<'a> {
    level: &'static str,
    rows: Vec<EndpointView<'a>>,
    columns: Vec<EndpointView<'a>>,
}

impl<'a> MatrixView<'a> {
    fn new(matrix: &'a Matrix) -> Self {
        let level = match matrix.level {
            Level::Pod => "pod",
            Level::Workload => "workload",
            Level::Namespace => "namespace",
        };
        let view = |ends: &'a [std::sync::Arc<Endpoint>]| {
            ends.iter().map(|end| EndpointView(end)).collect()
        };
        Self { level, rows: view(&matrix.rows), columns: view(&matrix.columns) }
    }
}

#[derive(Serialize)]
struct MatrixRowView<'a> {
    #[serde(flatten)]
    row: RowView<'a>,
    row_index: usize,
    column_index: usize,
    reach: &'static str,
}

fn matrix_row(cell: &MatrixCell) -> MatrixRowView<'_> {
    MatrixRowView {
        row: row(&cell.flow, false),
        row_index: cell.row,
        column_index: cell.column,
        reach: cell.reach.as_str(),
    }
}

#[derive(Serialize)]
struct ProtectedView {
    ingress: bool,
    egress: bool,
}

#[derive(Serialize)]
struct ExposedView<'a> {
    endpoint: EndpointView<'a>,
    protected: ProtectedView,
    internet_hops: Option<u64>,
    ingress_hops: Option<u64>,
    certain: bool,
}

fn exposed(exposed: &Exposed) -> ExposedView<'_> {
    let [ingress, egress] = exposed.protected;
    ExposedView {
        endpoint: EndpointView(&exposed.endpoint),
        protected: ProtectedView { ingress, egress },
        internet_hops: exposed.internet_hops,
        ingress_hops: exposed.ingress_hops,
        certain: exposed.certain,
    }
}

#[derive(Serialize)]
struct WayView<'a> {
    length: usize,
    hops: Vec<RowView<'a>>,
}

fn way(way: &Way, explain: bool) -> WayView<'_> {
    WayView { length: way.hops.len(), hops: way.hops.iter().map(|r| row(r, explain)).collect() }
}

#[derive(Serialize)]
struct ChokeView<'a> {
    endpoint: EndpointView<'a>,
    before: u64,
}

fn choke(choke: &Choke) -> ChokeView<'_> {
    ChokeView { endpoint: EndpointView(&choke.endpoint), before: choke.before }
}

#[derive(Serialize)]
pub(super) struct EndpointRowView<'a> {
    endpoint: EndpointView<'a>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    directions: Vec<&'static str>,
}

pub(super) fn endpoint_row(row: &EndpointRow) -> EndpointRowView<'_> {
    EndpointRowView {
        endpoint: EndpointView(&row.endpoint),
        directions: row.directions.iter().map(|d| d.as_str()).collect(),
    }
}

#[derive(Serialize)]
struct PolicyView<'a> {
    kind: &'a str,
    namespace: Option<&'a str>,
    name: &'a str,
}

fn policy(policy: &PolicyRef) -> PolicyView<'_> {
    PolicyView { kind: policy.kind, namespace: policy.namespace.as_deref(), name: &policy.name }
}

#[derive(Serialize)]
struct PolicyRowView<'a> {
    policy: PolicyView<'a>,
    file: &'a str,
    line: u32,
}

fn policy_row(row: &PolicyRow) -> PolicyRowView<'_> {
    PolicyRowView { policy: policy(&row.policy), file: &row.file, line: row.line }
}

#[derive(Serialize)]
pub(super) struct ReasonView<'a> {
    code: &'static str,
    direction: Option<&'static str>,
    ports: PortsView<'a>,
    policy: Option<PolicyView<'a>>,
    rule: Option<u32>,
    rule_name: Option<&'a str>,
    file: Option<&'a str>,
    line: Option<u32>,
    message: &'a str,
}

pub(super) fn reason(reason: &Reason) -> ReasonView<'_> {
    ReasonView {
        code: reason.code.as_str(),
        direction: reason.direction.map(Direction::as_str),
        ports: PortsView(&reason.ports),
        policy: reason.policy.as_ref().map(policy),
        rule: reason.rule,
        rule_name: reason.rule_name.as_deref(),
        file: reason.file.as_deref(),
        line: reason.line,
        message: &reason.message,
    }
}

pub(super) struct PortsView<'a>(pub(super) &'a PortSet);

impl Serialize for PortsView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Range {
            protocol: &'static str,
            from: u16,
            to: u16,
        }
        let range = |r: netpol_core::model::PortRange| Range {
            protocol: r.protocol.as_str(),
            from: r.from,
            to: r.to,
        };
        serializer.collect_seq(self.0.ranges().map(range))
    }
}

pub(super) struct EndpointView<'a>(pub(super) &'a Endpoint);

impl Serialize for EndpointView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &self.0.id())?;
        map.serialize_entry("type", self.0.type_word())?;
        match self.0 {
            Endpoint::Workload { namespace, kind, name } => {
                object(&mut map, namespace, kind, name)?;
            }
            Endpoint::Pod { namespace, name, workload } => {
                object(&mut map, namespace, "Pod", name)?;
                map.serialize_entry("workload", workload)?;
            }
            Endpoint::Service { namespace, name } => object(&mut map, namespace, "Service", name)?,
            Endpoint::Namespace { name } | Endpoint::Name { name } | Endpoint::Node { name } => {
                map.serialize_entry("name", name)?;
            }
            Endpoint::IngressController => {}
            Endpoint::External { ranges } => map.serialize_entry("ranges", &RangesView(ranges))?,
        }
        map.end()
    }
}

fn object<M: serde::ser::SerializeMap>(
    map: &mut M,
    namespace: &str,
    kind: &str,
    name: &str,
) -> Result<(), M::Error> {
    map.serialize_entry("namespace", namespace)?;
    map.serialize_entry("kind", kind)?;
    map.serialize_entry("name", name)
}

struct RangesView<'a>(&'a IpSet);

impl Serialize for RangesView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = |r: AddressRange| r.to_string();
        serializer.collect_seq(self.0.ranges().map(text))
    }
}

struct RecordView<'a>(&'a [String], &'a [Cell]);

impl Serialize for RecordView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (column, cell) in self.0.iter().zip(self.1) {
            match cell {
                Cell::Text(text) => map.serialize_entry(column, text)?,
                Cell::Number(number) => map.serialize_entry(column, number)?,
                Cell::Ports(ports) => map.serialize_entry(column, &PortsView(ports))?,
                Cell::Severity(severity) => map.serialize_entry(column, severity.as_str())?,
                Cell::Empty => map.serialize_entry(column, &None::<()>)?,
            }
        }
        map.end()
    }
}
