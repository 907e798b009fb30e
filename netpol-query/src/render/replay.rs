//! What came of captures: for people, as data and as tables.

use std::collections::BTreeMap;
use std::io::{self, Write};

use netpol_core::model::Verdict;
use serde::Serialize;

use super::json::{self, EndpointView, PortsView, ReasonView, SCHEMA, WarningView};
use super::palette::Palette;
use super::{Format, Options, table, text};
use crate::execute::{
    ContractStatus, Endpoint, NotJudged, ReplayContract, ReplayRow, ReplaySummary, Replayed, Row,
};

/// The forms that it can take.
pub(crate) const FORMATS: [Format; 7] = Format::OF_ANSWERS;

/// Writes what came of captures.
pub(crate) fn write(out: &mut dyn Write, replayed: &Replayed, options: &Options) -> io::Result<()> {
    let rows = replayed.rows.iter().map(|row| cells(row, replayed));
    match options.format {
        Format::Json => json::write(out, &ReplayView::new(replayed, options), true),
        Format::Jsonl => json::write(out, &ReplayView::new(replayed, options), false),
        Format::Yaml => json::write_yaml(out, &ReplayView::new(replayed, options)),
        Format::Csv => table::write_csv(out, columns(), rows),
        Format::Markdown => table::write_markdown(out, &columns(), rows),
        _ => people(out, replayed, options),
    }
}

/// Writes a line for each flow that would have been dropped, the contracts that are broken, and what it all comes to.
fn people(out: &mut dyn Write, replayed: &Replayed, options: &Options) -> io::Result<()> {
    let all = options.format == Format::Wide;
    let shown: Vec<&ReplayRow> =
        replayed.rows.iter().filter(|row| all || row.is_stopped()).collect();
    let lines = text::aligned(&shown.iter().map(|row| line(row, all)).collect::<Vec<_>>());
    for (line, row) in lines.iter().zip(&shown) {
        let word = row.outcome();
        let painted = Palette::paint(style(row, &options.palette), word);
        writeln!(out, "{painted}{}", line.strip_prefix(word).unwrap_or(line))?;
    }
    contracts(out, replayed, &options.palette)?;
    writeln!(out, "{}", summary(&replayed.summary))
}

fn style(row: &ReplayRow, palette: &Palette) -> anstyle::Style {
    match row.verdict() {
        Some(Verdict::Allow) => palette.good,
        Some(Verdict::Deny) => palette.bad,
        Some(_) => palette.doubt,
        None => palette.dim,
    }
}

fn line(row: &ReplayRow, all: bool) -> Vec<String> {
    let [src, dst] = ends(row);
    let mut cells = vec![row.outcome().to_owned(), src, format!("→ {dst}"), port(row)];
    cells.push(counted(row.flow.packets, "packet"));
    if all {
        cells.push(counted(row.flow.connections, "connection"));
        cells.push(format!("{}–{} s", seconds(row.flow.first), seconds(row.flow.last)));
    }
    cells.push(why(row));
    cells
}

/// Returns the ends as people write them: pods by name, everything else by address.
fn ends(row: &ReplayRow) -> [String; 2] {
    let end = |endpoint: &Endpoint, address: std::net::IpAddr| match endpoint {
        Endpoint::Pod { namespace, name, .. } => format!("{namespace}/{name}"),
        _ => address.to_string(),
    };
    [end(&row.row.src, row.flow.source), end(&row.row.dst, row.flow.destination)]
}

fn port(row: &ReplayRow) -> String {
    let protocol = row.protocol().to_ascii_lowercase();
    match row.flow.port {
        0 => protocol,
        port => format!("{protocol}/{port}"),
    }
}

/// Says in a sentence why a flow is treated as it is.
fn why(row: &ReplayRow) -> String {
    let mut why = match row.not_judged() {
        Some(reason) => because(reason),
        None => reason(&row.row),
    };
    if row.flow.midway > 0 {
        why.push_str("; began before the capture");
    }
    why
}

/// Says in a sentence why the policies decide as they do.
pub(crate) fn reason(row: &Row) -> String {
    text::sentence(row)
}

fn because(why: NotJudged) -> String {
    format!("{}: {}", why.code, why.message.trim_end_matches('.'))
}

/// Says why a frame is not judged, where nothing says so beside it.
pub(crate) fn not_judged(why: NotJudged) -> String {
    format!("NOT_JUDGED: {}", because(why))
}

fn seconds(time: std::time::Duration) -> String {
    format!("{:.3}", time.as_secs_f64())
}

/// Lists the contracts that do not hold, and those that captured flows break.
fn contracts(out: &mut dyn Write, replayed: &Replayed, palette: &Palette) -> io::Result<()> {
    for contract in &replayed.contracts {
        let (place, sentence) = (place(contract), &contract.sentence);
        let (style, word) = match contract.status {
            ContractStatus::Pass => (palette.good, "pass"),
            ContractStatus::Fail => (palette.bad, "FAIL"),
            ContractStatus::Warn => (palette.doubt, "WARN"),
            ContractStatus::Unknown => (palette.doubt, "UNKNOWN"),
            ContractStatus::Error => (palette.bad, "ERROR"),
        };
        if contract.status != ContractStatus::Pass {
            let word = Palette::paint(style, word);
            writeln!(out, "{word} {place} {sentence}: {}", contract.found)?;
        }
        let style = if contract.warns { palette.doubt } else { palette.bad };
        for row in contract.broken_by.iter().filter_map(|at| replayed.rows.get(*at)) {
            let [src, dst] = ends(row);
            let (packets, port) = (counted(row.flow.packets, "packet"), port(row));
            let word = Palette::paint(style, "BROKEN");
            writeln!(out, "{word} {place} {sentence}: {src} → {dst} {port}, {packets}")?;
        }
    }
    Ok(())
}

fn place(contract: &ReplayContract) -> String {
    format!("{}:{}", contract.file, contract.line)
}

/// Says what it all comes to.
fn summary(summary: &ReplaySummary) -> String {
    let mut parts = Vec::new();
    for (count, word) in [
        (summary.allowed, "allowed"),
        (summary.denied, "denied"),
        (summary.unknown, "unknown"),
        (summary.ambiguous, "ambiguous"),
        (summary.not_judged, "not judged"),
    ] {
        if count > 0 || matches!(word, "allowed" | "denied") {
            parts.push(format!("{count} {word}"));
        }
    }
    let flows = format!("{}: {}", counted(summary.flows(), "flow"), parts.join(", "));
    let mut frames = vec![counted(summary.frames, "frame")];
    if summary.cut > 0 {
        frames.push(format!("{} judged by what was kept of them", summary.cut));
    }
    if summary.neighbours > 0 {
        frames.push(format!("{} of ARP and neighbour discovery", summary.neighbours));
    }
    match summary.left_out.iter().sum::<u64>() {
        0 => {}
        n => frames.push(format!("{n} of flows that are left out")),
    }
    if !summary.reasons.is_empty() {
        let reasons = summary.reasons.iter().map(|(why, n)| format!("{n} {why}"));
        let all: u64 = summary.reasons.iter().map(|(_, n)| n).sum();
        let reasons = reasons.collect::<Vec<_>>().join(", ");
        frames.push(format!("{all} not judged ({reasons})"));
    }
    format!("{flows} · {}", frames.join(", "))
}

fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

const COLUMNS: [&str; 15] = [
    "src",
    "dst",
    "src_address",
    "dst_address",
    "verdict",
    "protocol",
    "port",
    "packets",
    "bytes",
    "connections",
    "midway",
    "first_ms",
    "last_ms",
    "contracts",
    "why",
];

fn columns() -> table::Cells {
    COLUMNS.map(str::to_owned).to_vec()
}

fn cells(row: &ReplayRow, replayed: &Replayed) -> table::Cells {
    let flow = &row.flow;
    let number = |n: u64| n.to_string();
    vec![
        row.row.src.id(),
        row.row.dst.id(),
        flow.source.to_string(),
        flow.destination.to_string(),
        row.outcome().to_owned(),
        row.protocol(),
        if flow.port == 0 { String::new() } else { flow.port.to_string() },
        number(flow.packets),
        number(flow.bytes),
        number(flow.connections),
        number(flow.midway),
        number(millis(flow.first)),
        number(millis(flow.last)),
        broken(row, replayed).map(place).collect::<Vec<_>>().join(" "),
        why(row),
    ]
}

/// Lists the contracts that a flow breaks.
fn broken<'a>(
    row: &'a ReplayRow,
    replayed: &'a Replayed,
) -> impl Iterator<Item = &'a ReplayContract> {
    row.breaks.iter().filter_map(|at| replayed.contracts.get(*at))
}

fn millis(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[derive(Serialize)]
struct ReplayView<'a> {
    schema: &'static str,
    query: &'a str,
    result: &'static str,
    rows: Vec<FlowView<'a>>,
    summary: SummaryView<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    contracts: Option<Vec<ContractView<'a>>>,
    warnings: Vec<WarningView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stats: Option<json::StatsView>,
}

#[derive(Serialize)]
struct FlowView<'a> {
    src: EndpointView<'a>,
    dst: EndpointView<'a>,
    src_address: String,
    dst_address: String,
    verdict: &'static str,
    protocol: String,
    ports: PortsView<'a>,
    packets: u64,
    bytes: u64,
    connections: u64,
    midway: u64,
    first_ms: u64,
    last_ms: u64,
    interfaces: &'a [String],
    not_judged: Option<NotJudgedView>,
    reasons: Vec<ReasonView<'a>>,
    contracts: Vec<PlaceView<'a>>,
}

/// Where a contract stands.
#[derive(Serialize)]
struct PlaceView<'a> {
    file: &'a str,
    line: u32,
}

#[derive(Serialize)]
struct NotJudgedView {
    code: &'static str,
    message: &'static str,
}

#[derive(Serialize)]
struct SummaryView<'a> {
    flows: u64,
    allowed: u64,
    denied: u64,
    unknown: u64,
    ambiguous: u64,
    not_judged: u64,
    frames: FramesView<'a>,
    duration_ms: u64,
}

#[derive(Serialize)]
struct FramesView<'a> {
    total: u64,
    cut: u64,
    neighbours: u64,
    not_judged: BTreeMap<&'a str, u64>,
    left_out: LeftOutView,
}

#[derive(Serialize)]
struct LeftOutView {
    allowed: u64,
    denied: u64,
    doubtful: u64,
    not_judged: u64,
}

#[derive(Serialize)]
struct ContractView<'a> {
    sentence: &'a str,
    file: &'a str,
    line: u32,
    status: &'static str,
    found: &'a str,
    broken_by: &'a [usize],
}

impl<'a> ReplayView<'a> {
    fn new(replayed: &'a Replayed, options: &Options) -> Self {
        let contracts = replayed.contracts.iter().map(contract).collect::<Vec<_>>();
        Self {
            schema: SCHEMA,
            query: &replayed.query,
            result: "ROWS",
            rows: replayed.rows.iter().map(|row| flow(row, replayed)).collect(),
            summary: SummaryView::new(&replayed.summary),
            contracts: (!contracts.is_empty()).then_some(contracts),
            warnings: replayed.warnings.iter().map(json::warning).collect(),
            stats: options.elapsed_us.map(|elapsed_us| json::StatsView { elapsed_us }),
        }
    }
}

impl<'a> SummaryView<'a> {
    fn new(summary: &'a ReplaySummary) -> Self {
        let [allowed, denied, doubtful, not_judged] = summary.left_out;
        Self {
            flows: summary.flows(),
            allowed: summary.allowed,
            denied: summary.denied,
            unknown: summary.unknown,
            ambiguous: summary.ambiguous,
            not_judged: summary.not_judged,
            frames: FramesView {
                total: summary.frames,
                cut: summary.cut,
                neighbours: summary.neighbours,
                not_judged: summary.reasons.iter().copied().collect(),
                left_out: LeftOutView { allowed, denied, doubtful, not_judged },
            },
            duration_ms: summary.duration_ms,
        }
    }
}

fn flow<'a>(row: &'a ReplayRow, replayed: &'a Replayed) -> FlowView<'a> {
    FlowView {
        src: EndpointView(&row.row.src),
        dst: EndpointView(&row.row.dst),
        src_address: row.flow.source.to_string(),
        dst_address: row.flow.destination.to_string(),
        verdict: row.outcome(),
        protocol: row.protocol(),
        ports: PortsView(&row.row.ports),
        packets: row.flow.packets,
        bytes: row.flow.bytes,
        connections: row.flow.connections,
        midway: row.flow.midway,
        first_ms: millis(row.flow.first),
        last_ms: millis(row.flow.last),
        interfaces: &row.interfaces,
        not_judged: row
            .not_judged()
            .map(|why| NotJudgedView { code: why.code, message: why.message }),
        reasons: row.row.reasons.iter().map(json::reason).collect(),
        contracts: broken(row, replayed)
            .map(|contract| PlaceView { file: &contract.file, line: contract.line })
            .collect(),
    }
}

fn contract(contract: &ReplayContract) -> ContractView<'_> {
    ContractView {
        sentence: &contract.sentence,
        file: &contract.file,
        line: contract.line,
        status: contract.status.as_str(),
        found: &contract.found,
        broken_by: &contract.broken_by,
    }
}
