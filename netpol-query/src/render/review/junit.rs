//! `JUnit` XML: each remark is a test that failed; notes are tests that passed with something to say.

use std::io::{self, Write};

use super::{Level, Remark, Review, full_text};
use crate::render::xml;

/// Writes a suite for each file, in the order of the remarks; without remarks, one test that passed.
pub(super) fn write(out: &mut dyn Write, review: &Review<'_>) -> io::Result<()> {
    let failures = |remarks: &[&Remark]| remarks.iter().filter(|r| r.level != Level::Note).count();
    let all: Vec<&Remark> = review.remarks.iter().collect();
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(
        out,
        "<testsuites name=\"netpol-query {}\" tests=\"{}\" failures=\"{}\">",
        xml(review.command),
        all.len().max(1),
        failures(&all)
    )?;
    if all.is_empty() {
        nothing(out, review)?;
    }
    for group in all.chunk_by(|a, b| a.file == b.file) {
        let file = group.first().and_then(|r| r.file.as_deref());
        let file = xml(&file.map_or_else(|| ".".to_owned(), |f| review.paths.relative(f)));
        let (tests, failed) = (group.len(), failures(group));
        writeln!(out, "  <testsuite name=\"{file}\" tests=\"{tests}\" failures=\"{failed}\">")?;
        group.iter().try_for_each(|remark| case(out, remark, &file))?;
        writeln!(out, "  </testsuite>")?;
    }
    writeln!(out, "</testsuites>")
}

fn nothing(out: &mut dyn Write, review: &Review<'_>) -> io::Result<()> {
    let name = xml(review.command);
    writeln!(out, "  <testsuite name=\"{name}\" tests=\"1\" failures=\"0\">")?;
    writeln!(out, "    <testcase classname=\"{name}\" name=\"{}\"/>", xml(review.summary))?;
    writeln!(out, "  </testsuite>")
}

fn case(out: &mut dyn Write, remark: &Remark, file: &str) -> io::Result<()> {
    let (line, message) = (remark.line.max(1), xml(&remark.message));
    let open = format!(
        "    <testcase classname=\"{}\" name=\"{message}\" file=\"{file}\" line=\"{line}\">",
        xml(&remark.rule.id)
    );
    let text = xml(&format!("{file}:{line}\n{}", full_text(remark, "\n")));
    match remark.level {
        Level::Note => writeln!(out, "{open}<system-out>{text}</system-out></testcase>"),
        level => {
            let kind = level.as_str();
            writeln!(
                out,
                "{open}<failure type=\"{kind}\" message=\"{message}\">{text}</failure></testcase>"
            )
        }
    }
}
