//! Answers for people.

mod exposure;
mod matrix;
mod reasons;
mod rows;
mod ways;

pub(super) use ways::{arrows, ports as colon_ports};

pub(super) use matrix::fold_note;
pub(super) use reasons::{FILE_COLUMN, gap};
#[cfg(feature = "enforce")]
pub(super) use {reasons::sentence, rows::aligned};

use std::io::{self, Write};

use netpol_core::model::printable;

use super::palette::Palette;
use super::{Format, Options};
use super::{findings, label};
use crate::execute::{
    Answer, Asked, Body, EndpointRow, Expectation, Outcome, PolicyRow, Records, Row, RowsKind,
    Verdicts,
};
use crate::syntax::ast::ExpectSeverity;

/// Writes an answer.
pub(super) fn answer(out: &mut dyn Write, answer: &Answer, options: &Options) -> io::Result<()> {
    let page = Page {
        palette: &options.palette,
        explain: options.explain || options.format == Format::Wide,
        width: options.width,
    };
    match &answer.body {
        Body::Verdict(verdicts) => page.verdicts(out, verdicts),
        Body::Expectation(expectation) => page.expectation(out, &answer.query, expectation),
        Body::Rows { kind, asked, rows, .. } => page.rows(out, *kind, asked, rows),
        Body::Matrix(matrix) => {
            let width = (options.format != Format::Wide).then_some(options.width.unwrap_or(110));
            matrix::Layout { palette: &options.palette, width }.write(out, matrix)
        }
        Body::Report(report) => {
            let rows = report.numbers.iter().map(|(n, c)| vec![c.to_string(), (*n).to_owned()]);
            rows::aligned(&rows.collect::<Vec<_>>()).iter().try_for_each(|l| writeln!(out, "{l}"))
        }
        // The file is written by whoever knows files, who says so.
        Body::Export(_) => Ok(()),
        Body::Ways(ways) => page.ways(out, ways),
        Body::Exposure(exposure) => page.exposure(out, exposure),
        Body::Count(count) => writeln!(out, "{count}"),
        Body::Endpoints(rows) => endpoints(out, rows),
        Body::Policies(rows) => policies(out, rows),
        Body::Diff(changes) => super::changes::text(out, changes, options),
        Body::Findings(found) => {
            findings::text(out, found, &options.palette, options.format == Format::Wide)
        }
        Body::Records(records) => page.records(out, records),
        Body::Done(text) => writeln!(out, "{text}"),
    }
}

/// How text is laid out.
#[derive(Clone, Copy)]
struct Page<'a> {
    palette: &'a Palette,
    /// Whether rows that list flows show their reasons.
    explain: bool,
    /// The width of the terminal, where there is one.
    width: Option<usize>,
}

/// Above so many rows, `can` lists them without their reasons.
const MOST_EXPLAINED: usize = 6;
/// At most so many rows of evidence are shown for an expectation.
const MOST_EVIDENCE: usize = 10;

impl Page<'_> {
    fn verdicts(&self, out: &mut dyn Write, verdicts: &Verdicts) -> io::Result<()> {
        through(out, &verdicts.asked)?;
        if let Some(_negated) = verdicts.why {
            return self.why(out, verdicts);
        }
        let word = self.outcome(verdicts.outcome);
        match &verdicts.rows[..] {
            [row] => {
                writeln!(out, "{word}  {}", Self::pair(row))?;
                self.reasons(out, row)
            }
            rows => {
                writeln!(out, "{word}  {}", summary(verdicts))?;
                self.listed(out, rows, rows.len() <= MOST_EXPLAINED)
            }
        }
    }

    fn outcome(&self, outcome: Outcome) -> String {
        let style = match outcome {
            Outcome::Yes => self.palette.good,
            Outcome::No => self.palette.bad,
            Outcome::Partial | Outcome::Unknown | Outcome::Ambiguous => self.palette.doubt,
        };
        Palette::paint(style, &format!("{:<3}", outcome.as_str()))
    }

    fn pair(row: &Row) -> String {
        let (src, dst) = super::table::labels(row);
        let family = row.family.map_or_else(String::new, |f| format!("   {f}"));
        format!("{src} → {dst}   {}{family}{}", row.ports, rows::pairs(row))
    }

    fn expectation(
        &self,
        out: &mut dyn Write,
        query: &str,
        expectation: &Expectation,
    ) -> io::Result<()> {
        let (style, word) = match (expectation.pass, expectation.severity) {
            (Some(true), _) => (self.palette.good, "PASS"),
            (Some(false), ExpectSeverity::Fail) => (self.palette.bad, "FAIL"),
            (Some(false), ExpectSeverity::Warn) => (self.palette.doubt, "WARN"),
            (None, _) => (self.palette.doubt, "UNKNOWN"),
        };
        writeln!(out, "{}  {query}", Palette::paint(style, word))?;
        if expectation.pass == Some(true) {
            return Ok(());
        }
        writeln!(out, "  {}", expectation.found)?;
        if let Some(because) = &expectation.because {
            writeln!(out, "  expected because: {because}")?;
        }
        let shown = expectation.rows.get(..MOST_EVIDENCE).unwrap_or(&expectation.rows);
        self.listed(out, shown, shown.len() <= MOST_EXPLAINED)?;
        let more = expectation.rows.len() - shown.len();
        if more > 0 {
            writeln!(out, "  and {more} more rows")?;
        }
        for row in &expectation.endpoints {
            writeln!(out, "  {}", label::endpoint(&row.endpoint))?;
        }
        findings::evidence(out, &expectation.findings, MOST_EVIDENCE)?;
        Ok(())
    }

    fn records(&self, out: &mut dyn Write, records: &Records) -> io::Result<()> {
        let header: Vec<String> = records.columns.clone();
        let mut table: Vec<Vec<String>> = vec![header];
        for cells in &records.rows {
            table.push(cells.iter().map(crate::execute::Cell::text).collect());
        }
        for (i, line) in rows::aligned(&table).into_iter().enumerate() {
            let line = if i == 0 { Palette::paint(self.palette.bold, &line) } else { line };
            writeln!(out, "{line}")?;
        }
        Ok(())
    }
}

/// Joins names, with the number of those that are left out.
pub(super) fn listed(names: &[String], most: usize) -> String {
    let shown = names.get(..most).unwrap_or(names).join(", ");
    match names.len().saturating_sub(most) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// Says what a Service's port means on the pods behind it.
fn through(out: &mut dyn Write, asked: &Asked) -> io::Result<()> {
    asked.through.iter().try_for_each(|line| writeln!(out, "{line}"))
}

fn summary(verdicts: &Verdicts) -> String {
    let tally = &verdicts.tally;
    let on = verdicts.asked.ports.as_ref().map_or_else(String::new, |p| format!(" on {p}"));
    let allowed =
        if verdicts.asked.ports.is_some() { tally.all_allowed } else { tally.some_allowed };
    let ends = match (&verdicts.asked.from, &verdicts.asked.to) {
        (Some(from), Some(to)) => format!("{from} → {to}"),
        _ => String::new(),
    };
    if tally.pairs == 1 {
        return format!("{ends}{on}: it depends on the port");
    }
    format!("{ends}{on}: {allowed}/{} pairs are allowed", tally.pairs)
}

fn endpoints(out: &mut dyn Write, rows: &[EndpointRow]) -> io::Result<()> {
    if rows.is_empty() {
        return writeln!(out, "nothing");
    }
    let table: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let directions: Vec<&str> = row.directions.iter().map(|d| d.as_str()).collect();
            vec![label::endpoint(&row.endpoint), directions.join(" ")]
        })
        .collect();
    rows::aligned(&table).iter().try_for_each(|line| writeln!(out, "{line}"))
}

fn policies(out: &mut dyn Write, rows: &[PolicyRow]) -> io::Result<()> {
    if rows.is_empty() {
        return writeln!(out, "no policies");
    }
    let table: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            vec![label::policy(&row.policy), format!("{}:{}", printable(&row.file), row.line)]
        })
        .collect();
    rows::aligned(&table).iter().try_for_each(|line| writeln!(out, "{line}"))
}

/// Returns the words for how many ends there are.
fn count_ends(rows: &[Row], end: impl Fn(&Row) -> &crate::execute::Endpoint) -> String {
    use crate::execute::Endpoint;
    let mut objects: Vec<(&str, String)> = Vec::new();
    let (mut outside, mut controller, mut names) = (false, false, 0);
    for row in rows {
        match end(row) {
            Endpoint::External { .. } => outside = true,
            Endpoint::Name { .. } => names += 1,
            Endpoint::IngressController => controller = true,
            other => objects.push((other.type_word(), other.id())),
        }
    }
    objects.sort();
    objects.dedup();
    let mut parts = Vec::new();
    for kind in ["workload", "pod", "namespace"] {
        let count = objects.iter().filter(|(k, _)| *k == kind).count();
        if count > 0 {
            parts.push(format!("{count} {kind}{}", if count == 1 { "" } else { "s" }));
        }
    }
    if names > 0 {
        parts.push(format!("{names} domain names"));
    }
    if controller {
        parts.push("the ingress controller".to_owned());
    }
    if outside {
        parts.push("the outside".to_owned());
    }
    if parts.is_empty() { "nothing".into() } else { parts.join(" and ") }
}

/// Returns which ends a list shows: an end that is the same in all rows was named above it.
fn shown(kind: RowsKind, rows: &[Row]) -> rows::Shown {
    let same = |end: fn(&Row) -> &crate::execute::Endpoint| {
        rows.windows(2).all(|w| w.first().map(end) == w.last().map(end))
    };
    match kind {
        RowsKind::Who if same(|r| &r.dst) => rows::Shown::Sources,
        RowsKind::What if same(|r| &r.src) => rows::Shown::Destinations,
        _ => rows::Shown::Both,
    }
}

impl Page<'_> {
    fn rows(
        &self,
        out: &mut dyn Write,
        kind: RowsKind,
        asked: &Asked,
        rows: &[Row],
    ) -> io::Result<()> {
        through(out, asked)?;
        let on = asked.ports.as_ref().map_or_else(String::new, |p| format!(" on {p}"));
        let said = |end: &Option<String>| end.clone().unwrap_or_else(|| "anything".into());
        match kind {
            RowsKind::Who => {
                let who = count_ends(rows, |r| &r.src);
                writeln!(out, "{who} can reach {}{on}", said(&asked.to))?;
            }
            RowsKind::What => {
                let what = count_ends(rows, |r| &r.dst);
                writeln!(out, "{} can reach {what}{on}", said(&asked.from))?;
            }
            RowsKind::Flows if rows.is_empty() => writeln!(out, "no flows")?,
            RowsKind::Flows => {}
        }
        self.listed_as(out, rows, self.explain, shown(kind, rows))?;
        match (kind, rows.len()) {
            (RowsKind::Flows, n) if n > 1 => {
                writeln!(out, "{}", Palette::paint(self.palette.dim, &format!("{n} flows")))
            }
            _ => Ok(()),
        }
    }
}
