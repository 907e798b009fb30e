//! Changes as tables: for csv, and for pages.

use crate::execute::{ChangeRow, ChangedObject, Changes};
use crate::render::label;

/// The columns.
pub(in crate::render) const COLUMNS: [&str; 10] =
    ["change", "src", "dst", "before", "after", "family", "matching", "total", "because", "place"];

/// What became of what may not have changed at all.
const IN_DOUBT: &str = "in doubt";

/// Returns the cells of a row.
pub(in crate::render) fn cells(row: &ChangeRow, changes: &Changes) -> Vec<String> {
    let causes = changes.causes(&row.because);
    let objects: Vec<&str> = causes.iter().map(|o| o.id.as_str()).collect();
    let places: Vec<String> =
        causes.iter().filter_map(|o| super::words::place(o, changes)).collect();
    vec![
        if row.is_in_doubt() { IN_DOUBT } else { row.became().of_row() }.to_owned(),
        row.src.id(),
        row.dst.id(),
        row.before.to_string(),
        row.after.to_string(),
        row.family.map_or_else(String::new, |f| f.to_string()),
        row.matching.to_string(),
        row.total.to_string(),
        objects.join("; "),
        places.join("; "),
    ]
}

/// Returns the cells of pairs of which no row says that they are in doubt.
pub(in crate::render) fn doubtful(changes: &Changes) -> impl Iterator<Item = Vec<String>> {
    changes.other_doubtful().into_iter().map(|(src, dst)| {
        let mut cells = vec![String::new(); COLUMNS.len()];
        cells.splice(..3, [IN_DOUBT.to_owned(), src.id(), dst.id()]);
        cells
    })
}

/// Columns and rows.
type Lists = (Vec<&'static str>, Vec<Vec<String>>);

/// Lists the rows for a page, the gravest first.
pub(in crate::render) fn listed(changes: &Changes) -> Lists {
    let mut rows: Vec<&ChangeRow> = changes.rows.iter().collect();
    rows.sort_by_key(|row| row.risk());
    let cells = |row: &&ChangeRow| {
        let causes: Vec<String> =
            row.because.iter().map(|cause| super::words::cause(cause, changes)).collect();
        vec![
            row.risk().title().to_owned(),
            label::endpoint(&row.src),
            label::endpoint(&row.dst),
            row.before.to_string(),
            row.after.to_string(),
            causes.join("; or "),
        ]
    };
    let columns = vec!["Change", "From", "To", "Ports before", "Ports after", "Because"];
    (columns, rows.iter().map(cells).collect())
}

/// Lists the objects that differ for a page.
pub(in crate::render) fn objects(changes: &Changes) -> Lists {
    let cells = |object: &ChangedObject| {
        vec![super::words::object(object), super::words::place(object, changes).unwrap_or_default()]
    };
    (vec!["Object", "Place"], changes.objects.iter().map(cells).collect())
}
