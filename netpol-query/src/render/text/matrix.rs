//! A matrix as a table to be read: sources down, destinations across, numbered where names would not fit.

use std::io::{self, Write};

use crate::execute::{Endpoint, Matrix, MatrixCell, Reach};
use crate::render::Palette;
use crate::render::label;

/// Longer lists of ports are a symbol.
const LONGEST_PORTS: usize = 12;
/// A table is never narrower than this, whatever the terminal says.
const NARROWEST: usize = 40;

/// How a matrix is laid out.
pub(super) struct Layout<'a> {
    pub(super) palette: &'a Palette,
    /// The width of the terminal; `None` where it does not matter.
    pub(super) width: Option<usize>,
}

/// What a cell shows.
#[derive(Clone, PartialEq)]
struct Shown {
    text: String,
    reach: Option<Reach>,
}

impl Layout<'_> {
    /// Writes a matrix.
    pub(super) fn write(&self, out: &mut dyn Write, full: &Matrix) -> io::Result<()> {
        let matrix = if self.width.is_some() { full.readable() } else { full };
        if full.folded.is_some() && self.width.is_some() {
            writeln!(out, "{}", Palette::paint(self.palette.dim, &fold_note(full)))?;
        }
        if matrix.rows.is_empty() || matrix.columns.is_empty() {
            return writeln!(out, "no pairs");
        }
        let mut cells = shown(matrix, true);
        if self.width.is_some_and(|w| Self::needed(matrix, &cells) > w.max(NARROWEST)) {
            cells = shown(matrix, false);
        }
        for block in self.blocks(matrix, &cells) {
            self.block(out, matrix, &cells, &block)?;
        }
        self.legend(out, matrix, &cells)
    }

    fn needed(matrix: &Matrix, cells: &[Vec<Shown>]) -> usize {
        let columns = 0..matrix.columns.len();
        label_width(matrix) + columns.map(|c| width_of(cells, c) + 2).sum::<usize>()
    }

    /// Cuts the columns into as many tables as the width demands.
    fn blocks(&self, matrix: &Matrix, cells: &[Vec<Shown>]) -> Vec<Vec<usize>> {
        let room = self.width.map_or(usize::MAX, |w| w.max(NARROWEST));
        let room = room.saturating_sub(label_width(matrix));
        let mut blocks: Vec<Vec<usize>> = vec![Vec::new()];
        let mut used = 0;
        for column in 0..matrix.columns.len() {
            let width = width_of(cells, column) + 2;
            if used + width > room && blocks.last().is_some_and(|b| !b.is_empty()) {
                blocks.push(Vec::new());
                used = 0;
            }
            used += width;
            blocks.last_mut().into_iter().for_each(|b| b.push(column));
        }
        blocks
    }

    fn block(
        &self,
        out: &mut dyn Write,
        matrix: &Matrix,
        cells: &[Vec<Shown>],
        columns: &[usize],
    ) -> io::Result<()> {
        let label = label_width(matrix);
        let numbers: String = columns.iter().fold(String::new(), |line, c| {
            format!("{line}  {:>w$}", c + 1, w = width_of(cells, *c))
        });
        let head = format!("{:label$}{numbers}", "from \\ to");
        writeln!(out, "{}", Palette::paint(self.palette.bold, head.trim_end()))?;
        let digits = matrix.rows.len().to_string().len();
        let mut last = None;
        for (at, (end, row)) in matrix.rows.iter().zip(cells).enumerate() {
            let group = label::group(end);
            if last.as_ref() != Some(&group) {
                let beside = if last.is_some() { "outside" } else { "" };
                let heading = group.as_deref().unwrap_or(beside);
                if !heading.is_empty() {
                    writeln!(out, "{}", Palette::paint(self.palette.dim, heading))?;
                }
                last = Some(group.clone());
            }
            let own = label::within(end);
            let number = if same_ends(matrix) { (at + 1).to_string() } else { String::new() };
            write!(out, "{:<label$}", format!("  {number:>digits$} {own}"))?;
            for column in columns {
                let Some(cell) = row.get(*column) else { continue };
                let pad = width_of(cells, *column).saturating_sub(cell.text.chars().count());
                write!(out, "  {}{}", " ".repeat(pad), self.painted(cell))?;
            }
            writeln!(out)?;
        }
        Ok(())
    }

    fn painted(&self, cell: &Shown) -> String {
        let style = match cell.reach {
            Some(Reach::All | Reach::Partly) => self.palette.good,
            Some(Reach::Unknown | Reach::Ambiguous) => self.palette.doubt,
            None => self.palette.dim,
        };
        Palette::paint(style, &cell.text)
    }

    /// Says what numbers and symbols mean, those that occur.
    fn legend(&self, out: &mut dyn Write, matrix: &Matrix, cells: &[Vec<Shown>]) -> io::Result<()> {
        let has = |test: &dyn Fn(&Shown) -> bool| cells.iter().flatten().any(test);
        let asked = matrix.asked.ports.as_ref();
        let all = asked.map_or("● all ports".to_owned(), |ports| format!("● all of {ports}"));
        let mut parts = Vec::new();
        let mut add = |occurs: bool, text: &str| {
            if occurs {
                parts.push(text.to_owned());
            }
        };
        add(has(&|c| c.text == "●"), &all);
        let number = |c: &Shown| c.reach == Some(Reach::Partly) && !c.text.starts_with('◐');
        add(has(&number), "80 these ports (TCP unless said)");
        add(has(&|c| c.text.starts_with('◐')), "◐ some ports or pairs");
        add(has(&|c| c.text.ends_with('*')), "* some of the pairs");
        add(has(&|c| c.text == "?"), "? not known");
        add(has(&|c| c.text == "!"), "! hangs on the order of policies");
        add(has(&|c| c.text == "·"), "· nothing");
        add(has(&|c| c.text == "-"), "- no pair");
        if !same_ends(matrix) {
            let names = matrix.columns.iter().enumerate();
            let names: Vec<String> =
                names.map(|(i, end)| format!("{} {}", i + 1, label::endpoint(end))).collect();
            self.wrapped(out, "to: ", &names)?;
        }
        self.wrapped(out, "", &parts)
    }

    fn wrapped(&self, out: &mut dyn Write, head: &str, parts: &[String]) -> io::Result<()> {
        let room = self.width.map_or(usize::MAX, |w| w.max(NARROWEST));
        let mut line = head.to_owned();
        for (i, part) in parts.iter().enumerate() {
            let gap = if i == 0 { "" } else { "   " };
            let length = line.chars().count() + gap.len() + part.chars().count();
            if length > room && i > 0 {
                writeln!(out, "{}", Palette::paint(self.palette.dim, &line))?;
                line = format!("{:w$}{part}", "", w = head.len());
            } else {
                line = format!("{line}{gap}{part}");
            }
        }
        writeln!(out, "{}", Palette::paint(self.palette.dim, &line))
    }
}

/// Says that a matrix was folded, and how to see all of it.
pub(in crate::render) fn fold_note(full: &Matrix) -> String {
    let ends = |ends: &[std::sync::Arc<Endpoint>]| {
        ends.iter().filter(|e| e.namespace().is_some()).count().max(1)
    };
    format!(
        "{} × {} workloads, folded to namespaces; `by workload` or `-o wide` shows every one",
        ends(&full.rows),
        ends(&full.columns)
    )
}

/// Rows and columns share their numbers where they are the same ends.
fn same_ends(matrix: &Matrix) -> bool {
    matrix.rows == matrix.columns
}

fn label_width(matrix: &Matrix) -> usize {
    let longest = matrix.rows.iter().map(|e| label::within(e).chars().count()).max().unwrap_or(0);
    (longest + 3 + matrix.rows.len().to_string().len()).max("from \\ to".len())
}

fn width_of(cells: &[Vec<Shown>], column: usize) -> usize {
    let widths = cells.iter().filter_map(|row| row.get(column)).map(|c| c.text.chars().count());
    widths.max().unwrap_or(1).max((column + 1).to_string().len())
}

fn shown(matrix: &Matrix, with_ports: bool) -> Vec<Vec<Shown>> {
    let cells = matrix.by_place();
    let cell = |place: (usize, usize)| match cells.get(&place) {
        Some(cell) => Shown { text: text(cell, with_ports), reach: Some(cell.reach) },
        None if matrix.pairless.contains(&place) => Shown { text: "-".into(), reach: None },
        None => Shown { text: "·".into(), reach: None },
    };
    let row = |r: usize| (0..matrix.columns.len()).map(|c| cell((r, c))).collect();
    (0..matrix.rows.len()).map(row).collect()
}

fn text(cell: &MatrixCell, with_ports: bool) -> String {
    match cell.reach {
        Reach::All => "●".into(),
        Reach::Unknown => "?".into(),
        Reach::Ambiguous => "!".into(),
        Reach::Partly => {
            let ports = label::ports(&cell.flow.ports);
            let short = with_ports && ports.chars().count() <= LONGEST_PORTS;
            let some = if cell.flow.matching < cell.flow.total { "*" } else { "" };
            if short { format!("{ports}{some}") } else { "◐".into() }
        }
    }
}
