//! Which forms each kind of answer can take, and the pictures among them.

use std::io::{self, Write};

use super::format::Format;
use super::{findings, graph, review, svg, text};
use crate::execute::{Answer, Body};

/// Lists the forms that an answer can take.
pub(super) fn of(body: &Body) -> Vec<Format> {
    let own: &[Format] = match body {
        Body::Rows { .. } | Body::Verdict(_) | Body::Ways(_) | Body::Exposure(_) => {
            &[Format::Dot, Format::Mermaid, Format::Svg, Format::Html]
        }
        Body::Matrix(_) => &[Format::Svg, Format::Html],
        Body::Diff(_) => &[Format::Html],
        Body::Findings(_) => &review::FORMATS,
        Body::Report(_) => {
            let form = |f: &Format| !matches!(f, Format::Csv);
            let known = Format::OF_ANSWERS.iter().copied().filter(form);
            return known.chain([Format::Html]).collect();
        }
        _ => &[],
    };
    Format::OF_ANSWERS.iter().chain(own).copied().collect()
}

/// Writes an answer for those who review.
pub(super) fn review(out: &mut dyn Write, body: &Body, format: Format) -> io::Result<()> {
    match body {
        Body::Findings(found) => {
            findings::write_review(out, found, format, &review::Paths::default())
        }
        _ => Ok(()),
    }
}

/// Writes an answer as a picture.
pub(super) fn picture(out: &mut dyn Write, answer: &Answer, format: Format) -> io::Result<()> {
    if let Body::Matrix(matrix) = &answer.body {
        let folded = matrix.folded.as_ref().map(|_| text::fold_note(matrix));
        return svg::heat(
            out,
            graph::title(answer),
            matrix,
            &folded.into_iter().collect::<Vec<_>>(),
        );
    }
    let Some(drawn) = graph::of_body(answer) else { return Ok(()) };
    match format {
        Format::Dot => graph::dot(out, &drawn),
        Format::Mermaid => graph::mermaid(out, &drawn),
        _ => svg::graph(out, &drawn),
    }
}
