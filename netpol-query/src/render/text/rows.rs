//! Rows in columns.

use std::io::{self, Write};

use netpol_core::model::Verdict;

use super::Page;
use crate::execute::Row;
use crate::render::palette::Palette;

/// Wider columns are not padded.
const WIDEST: usize = 60;

/// Which ends a list shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// Both.
    Both,
    /// Those who connect.
    Sources,
    /// Those to whom.
    Destinations,
}

impl Page<'_> {
    /// Writes one line for each row, and its reasons below it where they are wanted.
    pub(super) fn listed(
        &self,
        out: &mut dyn Write,
        rows: &[Row],
        explain: bool,
    ) -> io::Result<()> {
        self.listed_as(out, rows, explain, Shown::Both)
    }

    /// Writes one line for each row, with the ends that are to be shown.
    pub(super) fn listed_as(
        &self,
        out: &mut dyn Write,
        rows: &[Row],
        explain: bool,
        shown: Shown,
    ) -> io::Result<()> {
        let one_verdict =
            rows.windows(2).all(|w| w.first().map(|r| r.verdict) == w.last().map(|r| r.verdict));
        let all_allowed = one_verdict && rows.first().is_some_and(|r| r.verdict == Verdict::Allow);
        let cells: Vec<Vec<String>> = rows.iter().map(|r| cells(r, all_allowed, shown)).collect();
        for (line, row) in aligned(&cells).iter().zip(rows) {
            let line = if all_allowed { line.clone() } else { self.painted(line, row.verdict) };
            writeln!(out, "  {line}")?;
            if explain {
                self.reasons_at(out, row, "    ")?;
            }
        }
        Ok(())
    }

    /// Colours the verdict's word at the beginning of a line.
    fn painted(&self, line: &str, verdict: Verdict) -> String {
        let style = match verdict {
            Verdict::Allow => self.palette.good,
            Verdict::Deny => self.palette.bad,
            Verdict::Unknown | Verdict::Ambiguous => self.palette.doubt,
        };
        match line.strip_prefix(verdict.as_str()) {
            Some(rest) => format!("{}{rest}", Palette::paint(style, verdict.as_str())),
            None => line.to_owned(),
        }
    }
}

fn cells(row: &Row, all_allowed: bool, shown: Shown) -> Vec<String> {
    let (src, dst) = crate::render::table::labels(row);
    let family = row.family.map_or_else(String::new, |f| f.to_string());
    let mut cells = match shown {
        Shown::Both => vec![src, format!("→ {dst}")],
        Shown::Sources => vec![src],
        Shown::Destinations => vec![dst],
    };
    cells.push(row.ports.to_string());
    if !all_allowed {
        cells.insert(0, row.verdict.as_str().to_owned());
    }
    cells.push(format!("{family}{}", pairs(row)).trim().to_owned());
    cells
}

/// Says to how many pairs a row applies, where it is not to all.
pub(super) fn pairs(row: &Row) -> String {
    if row.matching == row.total {
        String::new()
    } else {
        format!("   {}/{} pairs", row.matching, row.total)
    }
}

/// Pads the cells of lines so that columns align.
pub(in crate::render) fn aligned(table: &[Vec<String>]) -> Vec<String> {
    let columns = table.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|i| {
            let cells = table.iter().filter_map(|cells| cells.get(i));
            cells.map(|c| c.chars().count()).filter(|w| *w <= WIDEST).max().unwrap_or(0)
        })
        .collect();
    table
        .iter()
        .map(|cells| {
            let padded: Vec<String> =
                cells.iter().zip(&widths).map(|(c, w)| format!("{c:<w$}")).collect();
            padded.join("  ").trim_end().to_owned()
        })
        .collect()
}
