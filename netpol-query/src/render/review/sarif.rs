//! SARIF 2.1.0, as code scanning of GitHub reads it.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::{Level, Remark, Review, Rule, fingerprints, full_text};

/// The schema that the output follows.
const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// Writes one run with its rules and results.
pub(super) fn write(out: &mut dyn Write, review: &Review<'_>) -> io::Result<()> {
    let rules = rules(review.remarks);
    let index = |id: &str| rules.iter().position(|rule| rule.id == id);
    let results: Vec<Value> = review
        .remarks
        .iter()
        .zip(fingerprints(review))
        .map(|(remark, fingerprint)| result(review, remark, index(&remark.rule.id), &fingerprint))
        .collect();
    let driver = json!({
        "name": "netpol-query",
        "semanticVersion": env!("CARGO_PKG_VERSION"),
        "rules": rules.iter().map(|r| rule(r)).collect::<Vec<_>>(),
    });
    let log = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": driver},
            "automationDetails": {"id": format!("netpol-query/{}/", review.command)},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    serde_json::to_writer_pretty(&mut *out, &log)?;
    writeln!(out)
}

/// Lists the rules of the remarks, each once, by id.
fn rules(remarks: &[Remark]) -> Vec<&Rule> {
    let mut rules: Vec<&Rule> = remarks.iter().map(|r| &r.rule).collect();
    rules.sort_by(|a, b| a.id.cmp(&b.id));
    rules.dedup_by(|a, b| a.id == b.id);
    rules
}

fn rule(rule: &Rule) -> Value {
    let help = if rule.help.is_empty() { &rule.title } else { &rule.help };
    json!({
        "id": rule.id,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.title},
        "help": {"text": help, "markdown": help},
        "defaultConfiguration": {"level": rule.level.as_str()},
        "properties": {"tags": ["kubernetes", "network-policy"], "problem.severity": severity(rule.level)},
    })
}

/// Returns the word that code scanning uses for its own severities.
const fn severity(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Note => "recommendation",
    }
}

fn result(review: &Review<'_>, remark: &Remark, rule: Option<usize>, fingerprint: &str) -> Value {
    json!({
        "ruleId": remark.rule.id,
        "ruleIndex": rule,
        "level": remark.level.as_str(),
        "message": {"text": full_text(remark, "\n")},
        "locations": [{
            "physicalLocation": {
                "artifactLocation": {"uri": review.paths.uri(remark.file.as_deref()), "uriBaseId": "%SRCROOT%"},
                "region": {"startLine": remark.line.max(1)},
            },
        }],
        "partialFingerprints": {"primaryLocationLineHash": fingerprint},
    })
}
