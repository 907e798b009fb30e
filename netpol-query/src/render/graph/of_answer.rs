//! Which graph an answer is.

use netpol_core::model::Verdict;

use super::model::{Graph, Side};
use crate::execute::{Answer, Body, Row};

/// Returns the graph of an answer, folded where it is large; `None` where it has none.
pub(in crate::render) fn of_body(answer: &Answer) -> Option<Graph> {
    match &answer.body {
        Body::Rows { rows, .. } => Some(of_rows(&answer.query, rows)),
        _ => None,
    }
}

/// Returns the graph of rows.
pub(in crate::render) fn of_rows(title: &str, rows: &[Row]) -> Graph {
    let mut graph = Graph::new(title);
    for row in rows {
        let from = graph.node(&row.src, Side::From);
        let to = graph.node(&row.dst, Side::To);
        // A row for each reason says of some pairs what its fellows say of the others.
        let some = row.matching < row.total && row.reasons.is_empty();
        graph.edge((from, to), &row.ports, some, row.verdict);
    }
    if rows.iter().any(|r| r.matching < r.total && r.verdict == Verdict::Allow) {
        graph.notes.push("* some of the pairs".to_owned());
    }
    graph.folded()
}
