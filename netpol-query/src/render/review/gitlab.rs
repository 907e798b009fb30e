//! The code quality report of GitLab.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::{Level, Remark, Review, fingerprints, full_text};

/// Writes the report: an array, empty where there is nothing to say.
pub(super) fn write(out: &mut dyn Write, review: &Review<'_>) -> io::Result<()> {
    let entry = |(remark, fingerprint): (&Remark, String)| entry(review, remark, &fingerprint);
    let entries: Vec<Value> = review.remarks.iter().zip(fingerprints(review)).map(entry).collect();
    serde_json::to_writer_pretty(&mut *out, &entries)?;
    writeln!(out)
}

fn entry(review: &Review<'_>, remark: &Remark, fingerprint: &str) -> Value {
    let severity = match remark.level {
        Level::Error => "major",
        Level::Warning => "minor",
        Level::Note => "info",
    };
    let path = remark.file.as_deref().map_or_else(|| ".".to_owned(), |f| review.paths.relative(f));
    json!({
        "description": format!("{}: {}", remark.rule.id, full_text(remark, "; ")),
        "check_name": format!("netpol-query/{}", remark.rule.id),
        "fingerprint": fingerprint,
        "severity": severity,
        "location": {"path": path, "lines": {"begin": remark.line.max(1)}},
    })
}
