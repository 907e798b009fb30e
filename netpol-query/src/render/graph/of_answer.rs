//! Which graph an answer is.

use netpol_core::model::Verdict;

use super::model::{Graph, Side};
use crate::execute::{Answer, Row};

/// Returns the graph of an answer, folded where it is large; `None` where it has none.
pub(in crate::render) fn of_body(answer: &Answer) -> Option<Graph> {
    Some(of_rows(title(answer), &answer.body.drawn()?, true))
}

/// Names a picture by its question.
pub(in crate::render) fn title(answer: &Answer) -> &str {
    let export = answer.query.get(..6).is_some_and(|verb| verb.eq_ignore_ascii_case("export"));
    if export { "who reaches whom" } else { &answer.query }
}

/// Returns the graph of rows, with those that are denied or without.
pub(in crate::render) fn of_rows(title: &str, rows: &[Row], denied: bool) -> Graph {
    let mut graph = Graph::new(title);
    for row in rows.iter().filter(|r| denied || r.verdict != Verdict::Deny) {
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
