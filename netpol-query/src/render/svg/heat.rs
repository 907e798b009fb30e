//! A matrix as a heat map.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;

use super::{open, shortened, text_width, xml};
use crate::execute::{Endpoint, Matrix, MatrixCell, Reach};
use crate::render::label;

const CELL: i32 = 30;
const TOP: i32 = 44;
/// Between two namespaces.
const SEAM: i32 = 8;
const LONGEST_NAME: usize = 34;
/// More rows and columns are not drawn.
const MOST_ENDS: usize = 120;

/// Writes a matrix, folded where it is large.
pub(in crate::render) fn heat(
    out: &mut dyn Write,
    title: &str,
    full: &Matrix,
    notes: &[String],
) -> io::Result<()> {
    let matrix = full.readable();
    let rows = Axis::of(&matrix.rows);
    let columns = Axis::of(&matrix.columns);
    let mut notes = notes.to_vec();
    notes.extend(left_out(matrix));
    let (left, tall) = (rows.longest() + 40, columns.longest() * 3 / 4 + 30);
    let (x0, y0) = (left, TOP + tall);
    let legend_top = y0 + rows.length() + 30;
    let size_x = (x0 + columns.length() + columns.longest() * 3 / 4 + 30)
        .max(text_width(title) * 6 / 5 + 40)
        .max(notes.iter().map(|n| text_width(n) + 40).max().unwrap_or(0))
        .max(760);
    let size_y = legend_top + 20 * i32::try_from(notes.len()).unwrap_or(0) + 26;
    write!(out, "{}", open(size_x, size_y, title))?;
    let shown = shortened(title, 100);
    writeln!(out, "<text class=\"title\" x=\"22\" y=\"28\">{}</text>", xml(&shown))?;
    for (name, at) in &columns.names {
        let (x, y) = (x0 + at + CELL / 2 + 4, y0 - 8);
        writeln!(
            out,
            "<text class=\"soft\" transform=\"rotate(-48 {x} {y})\" x=\"{x}\" y=\"{y}\">{}</text>",
            xml(name)
        )?;
    }
    for (name, at) in &rows.names {
        let (x, y) = (x0 - 8, y0 + at + CELL / 2 + 4);
        writeln!(
            out,
            "<text class=\"soft\" text-anchor=\"end\" x=\"{x}\" y=\"{y}\">{}</text>",
            xml(name)
        )?;
    }
    let cells = matrix.by_place();
    for (row, (_, down)) in rows.names.iter().enumerate() {
        for (column, (_, across)) in columns.names.iter().enumerate() {
            cell(out, matrix, &cells, (row, column), (x0 + across, y0 + down))?;
        }
    }
    legend(out, &notes, legend_top)?;
    writeln!(out, "</svg>")
}

fn left_out(matrix: &Matrix) -> Option<String> {
    let most = matrix.rows.len().max(matrix.columns.len());
    (most > MOST_ENDS).then(|| {
        format!("only the first {MOST_ENDS} of {most} rows and columns are drawn; csv has them all")
    })
}

/// The ends along one side: names and where they begin.
struct Axis {
    names: Vec<(String, i32)>,
}

impl Axis {
    fn of(ends: &[Arc<Endpoint>]) -> Self {
        let mut at = 0;
        let mut last: Option<Option<String>> = None;
        let mut names = Vec::new();
        for end in ends.iter().take(MOST_ENDS) {
            let group = label::group(end);
            if last.as_ref().is_some_and(|l| *l != group) {
                at += SEAM;
            }
            last = Some(group);
            names.push((shortened(&label::endpoint(end), LONGEST_NAME), at));
            at += CELL;
        }
        Self { names }
    }

    fn longest(&self) -> i32 {
        self.names.iter().map(|(name, _)| text_width(name) * 9 / 10).max().unwrap_or(0)
    }

    fn length(&self) -> i32 {
        self.names.last().map_or(0, |(_, at)| at + CELL)
    }
}

fn cell(
    out: &mut dyn Write,
    matrix: &Matrix,
    cells: &BTreeMap<(usize, usize), &MatrixCell>,
    place: (usize, usize),
    (x, y): (i32, i32),
) -> io::Result<()> {
    let end = |ends: &[Arc<Endpoint>], at: usize| {
        ends.get(at).map_or((String::new(), String::new()), |e| (e.id(), label::endpoint(e)))
    };
    let (from, from_label) = end(&matrix.rows, place.0);
    let (to, to_label) = end(&matrix.columns, place.1);
    let (class, text, said) = match cells.get(&place) {
        Some(cell) => look(cell),
        None if matrix.pairless.contains(&place) => ("nopair", String::new(), "no pair".into()),
        None => ("none", String::new(), "nothing".to_owned()),
    };
    let external = |id: &str, ends: &[Arc<Endpoint>], at: usize| match ends.get(at).map(Arc::as_ref)
    {
        Some(Endpoint::External { .. }) => "external".to_owned(),
        _ => id.to_owned(),
    };
    let (from, to) =
        (external(&from, &matrix.rows, place.0), external(&to, &matrix.columns, place.1));
    write!(
        out,
        "<g class=\"cell\" data-from=\"{}\" data-to=\"{}\"><title>{}</title>\
         <rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{CELL}\" height=\"{CELL}\" rx=\"3\"/>",
        xml(&from),
        xml(&to),
        xml(&format!("{from_label} → {to_label}: {said}"))
    )?;
    if !text.is_empty() {
        let (x, y) = (x + CELL / 2, y + CELL / 2 + 4);
        let on = if matches!(class, "some1") { "off" } else { "on" };
        write!(out, "<text class=\"{on}\" x=\"{x}\" y=\"{y}\">{}</text>", xml(&text))?;
    }
    writeln!(out, "</g>")
}

/// Returns a cell's class, its few characters and its sentence.
fn look(cell: &MatrixCell) -> (&'static str, String, String) {
    let flow = &cell.flow;
    let ports = label::ports(&flow.ports);
    let pairs = if flow.matching < flow.total {
        format!(" ({} of {} pairs)", flow.matching, flow.total)
    } else {
        String::new()
    };
    match cell.reach {
        Reach::All => ("reach-all", "all".into(), "all ports".into()),
        Reach::Unknown => ("reach-doubt", "?".into(), format!("not known on {ports}")),
        Reach::Ambiguous => {
            ("reach-doubt", "!".into(), format!("hangs on the order of policies on {ports}"))
        }
        Reach::Partly => {
            let class = match flow.ports.len() {
                0..=1 => "some1",
                2..=64 => "some2",
                _ => "some3",
            };
            let count = flow.ports.ranges().count();
            let text = match ports.chars().count() {
                0..=5 => ports.clone(),
                _ if count > 1 => format!("{count}×"),
                _ => "≈".into(),
            };
            (class, text, format!("{ports}{pairs}"))
        }
    }
}

fn legend(out: &mut dyn Write, notes: &[String], top: i32) -> io::Result<()> {
    let samples = [
        ("none", "nothing"),
        ("some1", "one port"),
        ("some2", "some ports"),
        ("some3", "many ports"),
        ("reach-all", "all ports, all pairs"),
        ("reach-doubt", "not known"),
    ];
    let mut x = 22;
    for (class, text) in samples {
        writeln!(
            out,
            "<g class=\"cell\"><rect class=\"{class}\" x=\"{x}\" y=\"{}\" width=\"14\" height=\"14\" rx=\"3\"/></g>\
             <text class=\"soft\" x=\"{}\" y=\"{top}\">{text}</text>",
            top - 11,
            x + 20
        )?;
        x += text_width(text) + 40;
    }
    for (at, note) in notes.iter().enumerate() {
        let y = top + 22 + 20 * i32::try_from(at).unwrap_or(0);
        writeln!(out, "<text class=\"soft\" x=\"22\" y=\"{y}\">{}</text>", xml(note))?;
    }
    Ok(())
}
