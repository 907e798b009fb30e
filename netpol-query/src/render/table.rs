//! Answers as tables: csv and markdown.

use std::io::{self, Write};

use netpol_core::model::printable;

use super::{findings, label};
use crate::execute::{Body, Endpoint, EndpointRow, Matrix, PolicyRow, Reach, Row, Way, Ways};

/// The cells of a row.
pub(super) type Cells = Vec<String>;

/// Columns and rows.
struct Table {
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

fn table(body: &Body) -> Table {
    let columns = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect();
    match body {
        Body::Verdict(verdicts) => rows_table(verdicts.rows.iter()),
        Body::Rows { rows, .. } => rows_table(rows.iter()),
        Body::Expectation(expectation) => {
            let pass = match expectation.pass {
                Some(true) => "pass",
                Some(false) => "fail",
                None => "unknown",
            };
            let because = expectation.because.clone().unwrap_or_default();
            let row = vec![pass.to_owned(), expectation.found.clone(), because];
            Table { columns: columns(&["result", "found", "because"]), rows: vec![row] }
        }
        Body::Matrix(matrix) => matrix_table(matrix),
        Body::Report(report) => Table {
            columns: columns(&["what", "count"]),
            rows: report
                .numbers
                .iter()
                .map(|(n, c)| vec![(*n).to_owned(), c.to_string()])
                .collect(),
        },
        Body::Export(export) => table(&export.content),
        Body::Ways(ways) => ways_table(ways),
        Body::Exposure(exposure) => rows_table(exposure.rows()),
        Body::Count(count) => {
            Table { columns: columns(&["count"]), rows: vec![vec![count.to_string()]] }
        }
        Body::Endpoints(rows) => Table {
            columns: columns(&["id", "type", "namespace", "kind", "name"]),
            rows: rows.iter().map(endpoint_cells).collect(),
        },
        Body::Policies(rows) => Table {
            columns: columns(&["kind", "namespace", "name", "file", "line"]),
            rows: rows.iter().map(policy_cells).collect(),
        },
        Body::Diff(changes) => Table {
            columns: columns(&super::changes::COLUMNS),
            rows: changes
                .rows
                .iter()
                .map(|r| super::changes::cells(r, changes))
                .chain(super::changes::doubtful(changes))
                .collect(),
        },
        Body::Findings(found) => Table {
            columns: columns(&findings::COLUMNS),
            rows: found.found.iter().map(findings::cells).collect(),
        },
        Body::Records(records) => Table {
            columns: records.columns.clone(),
            rows: records
                .rows
                .iter()
                .map(|cells| cells.iter().map(crate::execute::Cell::text).collect())
                .collect(),
        },
        Body::Done(text) => Table { columns: columns(&["done"]), rows: vec![vec![text.clone()]] },
    }
}

fn ways_table(ways: &Ways) -> Table {
    let columns = ["length", "src", "dst", "ports", "way"].map(str::to_owned).to_vec();
    let cells = |way: &Way| {
        let id = |end: Option<&std::sync::Arc<Endpoint>>| end.map_or_else(String::new, |e| e.id());
        let ports = way.hops.last().map_or_else(String::new, |row| row.ports.to_string());
        vec![
            way.hops.len().to_string(),
            id(way.src()),
            id(way.dst()),
            ports,
            super::text::arrows(way, &super::label::endpoint),
        ]
    };
    Table { columns, rows: ways.ways.iter().map(cells).collect() }
}

fn rows_table<'a>(rows: impl Iterator<Item = &'a Row>) -> Table {
    let columns = ["src", "dst", "verdict", "ports", "family", "matching", "total", "why"];
    Table {
        columns: columns.iter().map(|c| (*c).to_owned()).collect(),
        rows: rows.map(row_cells).collect(),
    }
}

/// Sources down, destinations across; empty where nothing is allowed.
fn matrix_table(matrix: &Matrix) -> Table {
    let cells = matrix.by_place();
    let text = |place: (usize, usize)| match cells.get(&place) {
        None => String::new(),
        Some(cell) => match cell.reach {
            Reach::All => "all".to_owned(),
            Reach::Partly => cell.flow.ports.to_string(),
            other => other.as_str().to_owned(),
        },
    };
    let row = |(at, end): (usize, &std::sync::Arc<Endpoint>)| {
        let cells = (0..matrix.columns.len()).map(|column| text((at, column)));
        std::iter::once(end.id()).chain(cells).collect()
    };
    let names = matrix.columns.iter().map(|end| end.id());
    Table {
        columns: std::iter::once("src \\ dst".to_owned()).chain(names).collect(),
        rows: matrix.rows.iter().enumerate().map(row).collect(),
    }
}

fn row_cells(row: &Row) -> Vec<String> {
    let reasons: Vec<&str> = row.reasons.iter().map(|r| r.message.as_str()).collect();
    vec![
        row.src.id(),
        row.dst.id(),
        row.verdict.as_str().to_owned(),
        row.ports.to_string(),
        row.family.map_or_else(String::new, |f| f.to_string()),
        row.matching.to_string(),
        row.total.to_string(),
        reasons.join("; "),
    ]
}

fn endpoint_cells(row: &EndpointRow) -> Vec<String> {
    let e = &row.endpoint;
    let text = |t: Option<&str>| t.unwrap_or_default().to_owned();
    vec![e.id(), e.type_word().to_owned(), text(e.namespace()), text(e.kind()), text(e.name())]
}

fn policy_cells(row: &PolicyRow) -> Vec<String> {
    vec![
        row.policy.kind.to_owned(),
        row.policy.namespace.clone().unwrap_or_default(),
        row.policy.name.clone(),
        row.file.to_string(),
        row.line.to_string(),
    ]
}

/// Writes comma-separated values (RFC 4180).
pub(super) fn csv(out: &mut dyn Write, body: &Body) -> io::Result<()> {
    let table = table(body);
    write_csv(out, table.columns, table.rows)
}

/// Writes columns and rows as comma-separated values.
pub(super) fn write_csv(
    out: &mut dyn Write,
    columns: Cells,
    rows: impl IntoIterator<Item = Cells>,
) -> io::Result<()> {
    for cells in std::iter::once(columns).chain(rows) {
        let fields: Vec<String> = cells.iter().map(|c| csv_field(c)).collect();
        writeln!(out, "{}", fields.join(","))?;
    }
    Ok(())
}

fn csv_field(text: &str) -> String {
    // A line is a row, and no name of a file steers the terminal that shows it.
    let text = &*printable(text);
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

/// Writes a table of Markdown.
pub(super) fn markdown(out: &mut dyn Write, body: &Body) -> io::Result<()> {
    let table = table(body);
    write_markdown(out, &table.columns, table.rows)
}

/// Writes columns and rows as a table of Markdown.
pub(super) fn write_markdown(
    out: &mut dyn Write,
    columns: &[String],
    rows: impl IntoIterator<Item = Cells>,
) -> io::Result<()> {
    let line = |cells: &[String]| {
        let cells: Vec<String> = cells.iter().map(|c| printable(c).replace('|', "\\|")).collect();
        format!("| {} |", cells.join(" | "))
    };
    writeln!(out, "{}", line(columns))?;
    let rule: Vec<String> = columns.iter().map(|_| "---".to_owned()).collect();
    writeln!(out, "{}", line(&rule))?;
    rows.into_iter().try_for_each(|cells| writeln!(out, "{}", line(&cells)))
}

/// Returns what a user would type for the endpoints of a row.
pub(super) fn labels(row: &Row) -> (String, String) {
    (label::endpoint(&row.src), label::endpoint(&row.dst))
}
