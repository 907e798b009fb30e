//! Annotations of GitHub: workflow commands, of which a step may make ten of each level.

use std::io::{self, Write};

use netpol_core::model::printable;

use super::{Level, Remark, Review, full_text};

/// GitHub shows at most so many annotations of one level for a step.
const MOST_OF_A_LEVEL: usize = 10;

/// Writes the gravest remarks as annotations; the last of a level says how many more there are.
pub(super) fn write(out: &mut dyn Write, review: &Review<'_>) -> io::Result<()> {
    for (level, command) in
        [(Level::Error, "error"), (Level::Warning, "warning"), (Level::Note, "notice")]
    {
        let of_level: Vec<&Remark> = review.remarks.iter().filter(|r| r.level == level).collect();
        let shown = match of_level.len() {
            count if count > MOST_OF_A_LEVEL => MOST_OF_A_LEVEL - 1,
            count => count,
        };
        for remark in of_level.iter().take(shown) {
            annotate(out, review, remark, command)?;
        }
        let more = of_level.len() - shown;
        if more > 0 {
            let shows = "which GitHub does not show; the SARIF report lists all";
            writeln!(out, "::{command} title=netpol-query::{more} more of this level, {shows}")?;
        }
    }
    writeln!(out, "{}", review.summary)
}

fn annotate(
    out: &mut dyn Write,
    review: &Review<'_>,
    remark: &Remark,
    command: &str,
) -> io::Result<()> {
    let title = property(&format!("{} {}", remark.rule.id, remark.rule.title));
    let place = remark.file.as_deref().map_or_else(String::new, |file| {
        let file = property(&printable(&review.paths.relative(file)));
        let line = remark.line.max(1);
        format!("file={file},line={line},")
    });
    writeln!(out, "::{command} {place}title={title}::{}", annotation(&full_text(remark, "\n")))
}

/// Escapes a text for the message of a workflow command.
pub(crate) fn annotation(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes a text for a property of a workflow command.
fn property(text: &str) -> String {
    annotation(text).replace(':', "%3A").replace(',', "%2C")
}
