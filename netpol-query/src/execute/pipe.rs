//! What follows `|`: rows are filtered, grouped, sorted, cut and counted.

use netpol_core::lint::Severity;
use netpol_core::model::{PortRange, PortSet, Protocol, Verdict};

use super::answer::{Body, Records, RowsKind};
use super::fields::{self, Cell, Fields};
use super::matrix::Matrix;
use crate::error::{ErrorCode, QueryError};
use crate::lower::PipeStep;
use crate::syntax::ast::{Comparison, Pipe, Predicate, Test, TestOperator};
use crate::syntax::{Span, Spanned};

type Found<T> = Result<T, QueryError>;

/// Applies the steps of a pipe to an answer.
pub(super) fn apply(body: Body, steps: &[PipeStep]) -> Found<Body> {
    steps.iter().try_fold(body, |body, step| apply_step(body, &step.node, step.span))
}

fn apply_step(body: Body, step: &Pipe, span: Span) -> Found<Body> {
    let body = match (body, step) {
        // Cells that go on are rows like those of `flows`.
        (Body::Matrix(matrix), step) if !matches!(step, Pipe::As(_)) => rows_of(*matrix),
        (body, _) => body,
    };
    if matches!(body, Body::Count(_) | Body::Done(_) | Body::Export(_) | Body::Report(_))
        && !matches!(step, Pipe::As(_))
    {
        let message = "there are no rows to go through this pipe";
        return Err(QueryError::at(ErrorCode::Usage, span, message));
    }
    let body = match body {
        // What goes through a pipe are the rows of all workloads.
        Body::Exposure(exposure) if !matches!(step, Pipe::As(_)) => Body::Rows {
            kind: RowsKind::Flows,
            rows: exposure.rows().cloned().collect(),
            asked: exposure.asked,
            verdict: netpol_core::model::Verdict::Allow,
        },
        other => other,
    };
    match step {
        Pipe::As(_) => Ok(body),
        Pipe::Count => Ok(Body::Count(body.len())),
        Pipe::Where(predicate) => filter(body, predicate),
        Pipe::Sort { field, descending } => sort(body, field, *descending),
        Pipe::Limit(count) => Ok(limit(body, *count)),
        Pipe::Select(columns) => select(&body, columns),
        Pipe::Group(columns) => group(&body, columns),
    }
}

fn rows_of(matrix: Matrix) -> Body {
    let rows = matrix.cells.into_iter().map(|cell| cell.flow).collect();
    Body::Rows { kind: RowsKind::Flows, asked: matrix.asked, verdict: Verdict::Allow, rows }
}

/// Checks that the rows have a field.
fn known(body: &Body, field: &Spanned<String>) -> Found<()> {
    let names = fields::names(body);
    if names.contains(&field.node) {
        return Ok(());
    }
    let near = names
        .iter()
        .map(|n| (strsim::osa_distance(n, &field.node), n))
        .filter(|(distance, _)| *distance <= 3)
        .min();
    let help = match near {
        Some((_, name)) => format!("did you mean `{name}`?"),
        None => format!("the fields are {}", names.join(", ")),
    };
    let message = format!("these rows have no field `{}`", field.node);
    Err(QueryError::at(ErrorCode::Usage, field.span, message).help(help))
}

impl Fields for (&[String], &[Cell]) {
    fn field(&self, name: &str) -> Option<Cell> {
        let at = self.0.iter().position(|c| c == name)?;
        self.1.get(at).cloned()
    }
}

fn filter(mut body: Body, predicate: &Predicate) -> Found<Body> {
    for test in predicate.any_of.iter().flatten() {
        known(&body, &test.field)?;
        check_ports(test)?;
    }
    match &mut body {
        Body::Verdict(verdicts) => verdicts.rows.retain(|r| holds(r, predicate)),
        Body::Expectation(expectation) => expectation.rows.retain(|r| holds(r, predicate)),
        Body::Rows { rows, .. } => rows.retain(|r| holds(r, predicate)),
        Body::Ways(ways) => ways.ways.retain(|w| holds(w, predicate)),
        Body::Endpoints(rows) => rows.retain(|r| holds(r, predicate)),
        Body::Policies(rows) => rows.retain(|r| holds(r, predicate)),
        Body::Diff(changes) => changes.rows.retain(|r| holds(r, predicate)),
        Body::Findings(findings) => {
            let before = findings.found.len();
            findings.found.retain(|f| holds(f, predicate));
            findings.unasked += before - findings.found.len();
        }
        Body::Records(Records { columns, rows }) => {
            rows.retain(|cells| holds(&(&columns[..], &cells[..]), predicate));
        }
        Body::Matrix(_)
        | Body::Exposure(_)
        | Body::Report(_)
        | Body::Export(_)
        | Body::Count(_)
        | Body::Done(_) => {}
    }
    Ok(body)
}

/// `ports` compare with ports.
fn check_ports(test: &Test) -> Found<()> {
    let values = match &test.operator {
        TestOperator::Present => return Ok(()),
        TestOperator::Compare(_, value) | TestOperator::Match(value) => std::slice::from_ref(value),
        TestOperator::In(values) => values,
    };
    if test.field.node != "ports" {
        return Ok(());
    }
    match values.iter().find(|v| ports(&v.node).is_none()) {
        None => Ok(()),
        Some(value) => {
            let message = format!("`{}` is no port", value.node);
            let help = "ports are written `tcp/80`, `tcp/8000-8080`, `80` or `any`";
            Err(QueryError::at(ErrorCode::Usage, value.span, message).help(help))
        }
    }
}

fn holds(row: &impl Fields, predicate: &Predicate) -> bool {
    predicate.any_of.iter().any(|tests| tests.iter().all(|t| passes(row, t)))
}

fn passes(row: &impl Fields, test: &Test) -> bool {
    let cell = row.field(&test.field.node).unwrap_or(Cell::Empty);
    let holds = match &test.operator {
        TestOperator::Present => !cell.text().is_empty(),
        TestOperator::Compare(comparison, value) => compares(&cell, *comparison, &value.node),
        TestOperator::Match(value) => matches(&cell, &value.node),
        TestOperator::In(values) => {
            values.iter().any(|v| compares(&cell, Comparison::Equal, &v.node))
        }
    };
    holds != test.negated
}

fn compares(cell: &Cell, comparison: Comparison, value: &str) -> bool {
    match cell {
        Cell::Number(number) => match value.parse::<u64>() {
            Ok(value) => comparison.holds(number, &value),
            Err(_) => comparison == Comparison::Unequal,
        },
        Cell::Ports(own) => match (comparison, ports(value)) {
            (Comparison::Equal, Some(ports)) => *own == ports,
            (Comparison::Unequal, Some(ports)) => *own != ports,
            // At most and at least compare sets.
            (Comparison::AtMost, Some(ports)) => own.is_subset(&ports),
            (Comparison::AtLeast, Some(ports)) => ports.is_subset(own),
            (Comparison::Less, Some(ports)) => own.is_subset(&ports) && *own != ports,
            (Comparison::More, Some(ports)) => ports.is_subset(own) && *own != ports,
            (_, None) => false,
        },
        Cell::Severity(own) => match Severity::of_word(value) {
            Some(value) => comparison.holds(own, &value),
            None => comparison == Comparison::Unequal,
        },
        Cell::Text(_) | Cell::Empty => comparison.holds(&cell.text().as_str(), &value),
    }
}

/// Texts match by a part or a pattern, ports by having one in common.
fn matches(cell: &Cell, value: &str) -> bool {
    match cell {
        Cell::Ports(own) => ports(value).is_some_and(|ports| !own.is_disjoint(&ports)),
        _ if value.contains('*') => crate::lower::glob_matches(value, &cell.text()),
        _ => cell.text().contains(value),
    }
}

/// Reads `tcp/80`, `tcp/8000-8080`, `tcp`, `80` and `any`.
fn ports(text: &str) -> Option<PortSet> {
    if text.eq_ignore_ascii_case("any") {
        return Some(PortSet::all());
    }
    let (protocol, numbers) = match text.split_once('/') {
        Some((protocol, numbers)) => (protocol, Some(numbers)),
        None if text.starts_with(|c: char| c.is_ascii_digit()) => ("tcp", Some(text)),
        None => (text, None),
    };
    let protocol: Protocol = protocol.to_ascii_uppercase().parse().ok()?;
    let Some(numbers) = numbers.filter(|n| *n != "*") else {
        return Some(PortSet::protocol(protocol));
    };
    let (from, to) = numbers.split_once('-').unwrap_or((numbers, numbers));
    let (from, to) = (from.parse().ok()?, to.parse().ok()?);
    (1..=to).contains(&from).then(|| [PortRange { protocol, from, to }].into_iter().collect())
}

fn sort(mut body: Body, field: &Spanned<String>, descending: bool) -> Found<Body> {
    known(&body, field)?;
    match &mut body {
        Body::Verdict(verdicts) => sort_rows(&mut verdicts.rows, &field.node, descending),
        Body::Expectation(expectation) => sort_rows(&mut expectation.rows, &field.node, descending),
        Body::Rows { rows, .. } => sort_rows(rows, &field.node, descending),
        Body::Ways(ways) => sort_rows(&mut ways.ways, &field.node, descending),
        Body::Endpoints(rows) => sort_rows(rows, &field.node, descending),
        Body::Policies(rows) => sort_rows(rows, &field.node, descending),
        Body::Diff(changes) => sort_rows(&mut changes.rows, &field.node, descending),
        Body::Findings(findings) => sort_rows(&mut findings.found, &field.node, descending),
        Body::Records(Records { columns, rows }) => {
            let at = columns.iter().position(|c| *c == field.node).unwrap_or(0);
            let empty = Cell::Empty;
            rows.sort_by(|a, b| {
                let order = a.get(at).unwrap_or(&empty).order(b.get(at).unwrap_or(&empty));
                if descending { order.reverse() } else { order }
            });
        }
        Body::Matrix(_)
        | Body::Exposure(_)
        | Body::Report(_)
        | Body::Export(_)
        | Body::Count(_)
        | Body::Done(_) => {}
    }
    Ok(body)
}

fn sort_rows<T: Fields>(rows: &mut [T], field: &str, descending: bool) {
    rows.sort_by(|a, b| {
        let cell = |row: &T| row.field(field).unwrap_or(Cell::Empty);
        let order = cell(a).order(&cell(b));
        if descending { order.reverse() } else { order }
    });
}

fn limit(mut body: Body, count: u64) -> Body {
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    match &mut body {
        Body::Verdict(verdicts) => verdicts.rows.truncate(count),
        Body::Expectation(expectation) => expectation.rows.truncate(count),
        Body::Rows { rows, .. } => rows.truncate(count),
        Body::Ways(ways) => ways.ways.truncate(count),
        Body::Endpoints(rows) => rows.truncate(count),
        Body::Policies(rows) => rows.truncate(count),
        Body::Diff(changes) => changes.rows.truncate(count),
        Body::Findings(findings) => findings.found.truncate(count),
        Body::Records(records) => records.rows.truncate(count),
        Body::Matrix(_)
        | Body::Exposure(_)
        | Body::Report(_)
        | Body::Export(_)
        | Body::Count(_)
        | Body::Done(_) => {}
    }
    body
}

fn select(body: &Body, columns: &[Spanned<String>]) -> Found<Body> {
    columns.iter().try_for_each(|c| known(body, c))?;
    let names: Vec<String> = columns.iter().map(|c| c.node.clone()).collect();
    Ok(Body::Records(Records { rows: values(body, &names), columns: names }))
}

/// Returns the values of some fields of every row.
fn values(body: &Body, names: &[String]) -> Vec<Vec<Cell>> {
    fn of<T: Fields>(rows: &[T], names: &[String]) -> Vec<Vec<Cell>> {
        let value = |row: &T, name: &String| row.field(name).unwrap_or(Cell::Empty);
        rows.iter().map(|row| names.iter().map(|n| value(row, n)).collect()).collect()
    }
    match body {
        Body::Verdict(verdicts) => of(&verdicts.rows, names),
        Body::Expectation(expectation) => of(&expectation.rows, names),
        Body::Rows { rows, .. } => of(rows, names),
        Body::Ways(ways) => of(&ways.ways, names),
        Body::Endpoints(rows) => of(rows, names),
        Body::Policies(rows) => of(rows, names),
        Body::Diff(changes) => of(&changes.rows, names),
        Body::Findings(findings) => of(&findings.found, names),
        Body::Records(records) => {
            let rows: Vec<_> =
                records.rows.iter().map(|cells| (&records.columns[..], &cells[..])).collect();
            of(&rows, names)
        }
        Body::Matrix(_)
        | Body::Exposure(_)
        | Body::Report(_)
        | Body::Export(_)
        | Body::Count(_)
        | Body::Done(_) => Vec::new(),
    }
}

fn group(body: &Body, columns: &[Spanned<String>]) -> Found<Body> {
    columns.iter().try_for_each(|c| known(body, c))?;
    let mut names: Vec<String> = columns.iter().map(|c| c.node.clone()).collect();
    let mut keys = values(body, &names);
    let order = |a: &Vec<Cell>, b: &Vec<Cell>| {
        let cells = a.iter().zip(b).map(|(x, y)| x.order(y));
        cells.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
    };
    keys.sort_by(order);
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    for group in keys.chunk_by(|a, b| a == b) {
        let Some(first) = group.first() else { continue };
        let mut row = first.clone();
        row.push(Cell::Number(group.len() as u64));
        rows.push(row);
    }
    names.push("count".to_owned());
    Ok(Body::Records(Records { columns: names, rows }))
}
