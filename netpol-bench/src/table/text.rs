//! The table as text: a block for each shape, operations down and sizes across, then growth and goals.

use std::io::{self, Write};

use super::{Outcome, Table, Verdict};
use crate::operation::Operation;
use crate::row::{Figure, Row};

/// Prints a table.
///
/// # Errors
///
/// Those of `out`.
pub fn print(table: &Table, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", table.machine)?;
    writeln!(
        out,
        "seed {}; a sample of the answers was compared with the reference before any was timed",
        table.seed
    )?;
    let mut rows = &table.rows[..];
    while let Some(first) = rows.first() {
        let end = rows.iter().position(|r| r.preset != first.preset).unwrap_or(rows.len());
        let (shape, rest) = rows.split_at(end);
        block(table, shape, out)?;
        rows = rest;
    }
    if !table.left_out.is_empty() {
        writeln!(out, "\nnot measured")?;
        table.left_out.iter().try_for_each(|what| writeln!(out, "  {what}"))?;
    }
    goals(&table.goals, out)
}

fn block(table: &Table, rows: &[Row], out: &mut dyn Write) -> io::Result<()> {
    let Some(first) = rows.first() else { return Ok(()) };
    writeln!(out, "\n{}", first.preset)?;
    line(out, "pods", rows.iter().map(|r| grouped(r.pods)), "growth")?;
    line(out, "namespaces", rows.iter().map(|r| grouped(r.namespaces)), "")?;
    line(out, "workloads", rows.iter().map(|r| grouped(r.workloads)), "")?;
    line(out, "policies", rows.iter().map(|r| grouped(r.policies)), "")?;
    let pairs = format!("allowed pairs on {}", first.port);
    line(out, &pairs, rows.iter().map(|r| grouped(r.pairs)), "")?;
    line(out, "gate: flows that agree", rows.iter().map(|r| grouped(r.gate.flows)), "")?;
    let exact = |r: &Row| if r.gate.pairs_exact { "exact" } else { "-" }.to_owned();
    line(out, "gate: pairs one by one", rows.iter().map(exact), "")?;
    line(out, "gate: edits that agree", rows.iter().map(|r| grouped(r.gate.edits)), "")?;
    for operation in Operation::ALL {
        if rows.iter().all(|r| r.figure(operation).is_none()) {
            continue;
        }
        let grown =
            table.growth.iter().find(|g| g.preset == first.preset && g.operation == operation);
        let exponent = grown.map_or(String::new(), |g| format!("^{:.2}", g.exponent));
        let shown =
            |row: &Row| row.figure(operation).map_or("-".to_owned(), |f| operation.shown(f.value));
        line(out, operation.title(), rows.iter().map(shown), &exponent)?;
        beside(rows, operation, out)?;
    }
    let mut left_out: Vec<&String> = rows.iter().flat_map(|r| &r.left_out).collect();
    left_out.sort();
    left_out.dedup();
    left_out.iter().try_for_each(|what| writeln!(out, "  not measured: {what}"))
}

/// Prints rates and ratios under the figures that have them.
fn beside(rows: &[Row], operation: Operation, out: &mut dyn Write) -> io::Result<()> {
    let figures = || rows.iter().map(|r| r.figure(operation));
    let rate = |figure: Option<&Figure>| {
        figure.and_then(Figure::rate).map_or("-".to_owned(), |rate| format!("{rate:.0} MB/s"))
    };
    let loads = matches!(
        operation,
        Operation::LoadYaml
            | Operation::LoadYamlFiles
            | Operation::LoadJson
            | Operation::LoadSnapshot
    );
    if loads && figures().flatten().any(|f| f.input_bytes.is_some()) {
        line(out, "    rate", figures().map(rate), "")?;
    }
    let Some(baseline) = figures().flatten().find_map(|f| f.baseline.as_ref()) else {
        return Ok(());
    };
    let ratio = |figure: Option<&Figure>| {
        let ratio = figure.and_then(Figure::ratio);
        ratio.map_or("-".to_owned(), |ratio| format!("{} x", significant(ratio)))
    };
    let name = format!("    {} / this", baseline.name);
    line(out, &name, figures().map(ratio), "")
}

fn line(
    out: &mut dyn Write,
    title: &str,
    cells: impl Iterator<Item = String>,
    last: &str,
) -> io::Result<()> {
    write!(out, "  {title:<44}")?;
    for cell in cells {
        write!(out, "{cell:>16}")?;
    }
    writeln!(out, "{last:>10}")
}

fn goals(goals: &[Outcome], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\ngoals")?;
    writeln!(
        out,
        "  {:<34}{:<15}{:>10}{:>11}{:>11}{:>11}{:>12}{:>9}  ",
        "operation", "shape", "pods", "first", "in the end", "measured", "baseline", "growth"
    )?;
    for goal in goals {
        let shown =
            |value: Option<f64>| value.map_or("-".to_owned(), |value| goal.operation.shown(value));
        let known = (goal.verdict != Verdict::NotMeasured || goal.limit > 0.0).then_some(());
        writeln!(
            out,
            "  {:<34}{:<15}{:>10}{:>11}{:>11}{:>11}{:>12}{:>9}  {}",
            goal.operation.title(),
            goal.preset,
            grouped(goal.pods),
            shown(known.map(|()| goal.first)),
            shown(known.map(|()| goal.limit)),
            shown(goal.value),
            goal.ratio.map_or(String::new(), |ratio| format!("{} x", significant(ratio))),
            goal.exponent.map_or(String::new(), |exponent| format!("^{exponent:.2}")),
            goal.verdict.as_str(),
        )?;
    }
    Ok(())
}

fn significant(ratio: f64) -> String {
    if ratio < 10.0 { format!("{ratio:.2}") } else { format!("{ratio:.0}") }
}

/// Writes a count with spaces between thousands.
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(' ');
        }
        grouped.push(digit);
    }
    grouped
}
