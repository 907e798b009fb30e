//! What lint found: for people, and as remarks for those who review.

use std::collections::BTreeSet;
use std::io::{self, Write};

use netpol_core::lint::{self, Edit, Finding, Severity};
use serde::Serialize;

use super::palette::Palette;
use super::review::{self, Level, Paths, Remark, Review, Rule};
use super::{Format, table};
use crate::execute::Findings;

/// Writes findings as cargo writes warnings, and what they come to; of notes of one rule the first, unless all are wanted.
pub(super) fn text(
    out: &mut dyn Write,
    findings: &Findings,
    palette: &Palette,
    all: bool,
) -> io::Result<()> {
    let mut told: BTreeSet<&str> = BTreeSet::new();
    for finding in &findings.found {
        let folds = finding.severity == Severity::Info && !all;
        if folds && !told.insert(finding.id) {
            continue;
        }
        let (style, word) = match finding.severity {
            Severity::Error => (palette.bad, "error"),
            Severity::Warning => (palette.doubt, "warning"),
            Severity::Info => (palette.good, "info"),
        };
        let head = Palette::paint(style, &format!("{word}[{}]", finding.id));
        writeln!(out, "{head}: {}", Palette::paint(palette.bold, &finding.message))?;
        writeln!(out, "{} {}", Palette::paint(palette.dim, "  -->"), place(finding))?;
        if !finding.fix.is_empty() {
            writeln!(out, "   {} {}", Palette::paint(palette.dim, "= help:"), finding.fix)?;
        }
        let same = |f: &&Finding| f.id == finding.id && f.severity == Severity::Info;
        let more = findings.found.iter().filter(same).count().saturating_sub(1);
        if folds && more > 0 {
            let note = Palette::paint(palette.dim, "= note:");
            writeln!(out, "   {note} and {more} more of {}; `-o wide` lists them", finding.id)?;
        }
        writeln!(out)?;
    }
    writeln!(out, "{}", summary(findings))
}

/// Lists findings that breach an expectation, one a line.
pub(super) fn evidence(out: &mut dyn Write, found: &[Finding], most: usize) -> io::Result<()> {
    for finding in found.iter().take(most) {
        let (severity, id) = (finding.severity, finding.id);
        writeln!(out, "  {severity}[{id}] {}: {}", place(finding), finding.message)?;
    }
    match found.len().saturating_sub(most) {
        0 => Ok(()),
        more => writeln!(out, "  and {more} more findings"),
    }
}

fn place(finding: &Finding) -> String {
    let position = finding.position.as_ref().map(ToString::to_string);
    let parts: Vec<String> = position.into_iter().chain(finding.object.clone()).collect();
    parts.join("  ")
}

/// Says what findings come to.
pub(crate) fn summary(findings: &Findings) -> String {
    let count = |n: usize, one: &str, several: &str| match n {
        1 => format!("1 {one}"),
        n => format!("{n} {several}"),
    };
    let counts = [
        (Severity::Error, "error", "errors"),
        (Severity::Warning, "warning", "warnings"),
        (Severity::Info, "info", "infos"),
    ];
    let parts = counts.into_iter().filter_map(|(severity, one, several)| {
        let n = findings.count(severity);
        (n > 0).then(|| count(n, one, several))
    });
    let parts: Vec<String> = parts.collect();
    let found = match (&parts[..], findings.unasked) {
        ([], 0) => "no mistakes found".to_owned(),
        ([], 1) => "the only finding does not match".to_owned(),
        ([], n) => format!("none of {n} findings matches"),
        (parts, _) => parts.join(", "),
    };
    let policies = count(findings.policies, "policy", "policies");
    match findings.accepted {
        0 => format!("{found} in {policies}"),
        n => format!("{found} in {policies}; {n} accepted"),
    }
}

/// Writes findings in a form for review.
pub(crate) fn write_review(
    out: &mut dyn Write,
    findings: &Findings,
    format: Format,
    paths: &Paths,
) -> io::Result<()> {
    let remarks: Vec<Remark> = findings.found.iter().map(remark).collect();
    let summary = summary(findings);
    review::write(
        out,
        &Review { command: "lint", remarks: &remarks, paths, summary: &summary },
        format,
    )
}

fn remark(finding: &Finding) -> Remark {
    let rule = lint::find_rule(finding.id);
    let rule = Rule {
        id: finding.id.into(),
        title: rule.map_or("", |r| r.title).into(),
        help: rule.map_or("", |r| r.help).into(),
        level: level(rule.map_or(Severity::Warning, |r| r.severity)),
    };
    let object = finding.object.as_deref();
    let message = match object {
        // What is said of a namespace names it.
        Some(object) if !object.starts_with("namespace/") => {
            format!("{object}: {}", finding.message)
        }
        _ => finding.message.clone(),
    };
    Remark {
        rule,
        level: level(finding.severity),
        fingerprint: message.clone(),
        message,
        help: finding.fix.clone(),
        file: finding.position.as_ref().map(|p| p.file.to_string()),
        line: finding.position.as_ref().map_or(0, |p| p.line),
    }
}

const fn level(severity: Severity) -> Level {
    match severity {
        Severity::Error => Level::Error,
        Severity::Warning => Level::Warning,
        Severity::Info => Level::Note,
    }
}

/// Returns the columns of a table of findings.
pub(super) const COLUMNS: [&str; 7] =
    ["id", "severity", "object", "file", "line", "message", "fix"];

/// Returns the cells of a finding.
pub(super) fn cells(finding: &Finding) -> table::Cells {
    let position = finding.position.as_ref();
    vec![
        finding.id.to_owned(),
        finding.severity.as_str().to_owned(),
        finding.object.clone().unwrap_or_default(),
        position.map_or_else(String::new, |p| p.file.to_string()),
        position.filter(|p| p.line > 0).map_or_else(String::new, |p| p.line.to_string()),
        finding.message.clone(),
        finding.fix.clone(),
    ]
}

/// A finding in the JSON of the contract.
#[derive(Serialize)]
pub(super) struct FindingView<'a> {
    id: &'static str,
    severity: &'static str,
    object: Option<&'a str>,
    file: Option<&'a str>,
    line: Option<u32>,
    message: &'a str,
    fix: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    objects: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    edit: Option<EditView<'a>>,
}

/// An operation of JSON Patch.
#[derive(Serialize)]
struct EditView<'a> {
    op: &'static str,
    path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a serde_json::Value>,
}

impl<'a> FindingView<'a> {
    /// Shows a finding.
    pub(super) fn new(finding: &'a Finding) -> Self {
        let position = finding.position.as_ref();
        Self {
            id: finding.id,
            severity: finding.severity.as_str(),
            object: finding.object.as_deref(),
            file: position.map(|p| &*p.file),
            line: position.map(|p| p.line).filter(|l| *l > 0),
            message: &finding.message,
            fix: &finding.fix,
            objects: &finding.concerns,
            edit: finding.edit.as_ref().map(edit),
        }
    }
}

fn edit(edit: &Edit) -> EditView<'_> {
    EditView { op: edit.kind.as_str(), path: &edit.path, value: edit.value.as_ref() }
}
