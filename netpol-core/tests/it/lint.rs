//! Mistakes in policies: a file for each rule with the mistake and with what only looks like it.

use std::path::PathBuf;

use netpol_core::lint::{Finding, LintOptions, RULES, find_rule, lint};
use netpol_core::model::Dialect;
use netpol_core::reach::Snapshot;
use netpol_core::sources::{LoadOptions, Source, load};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/lint")
}

fn found(text: &str, options: &LintOptions) -> Vec<Finding> {
    let source = Source::Bytes { name: "-".into(), bytes: text.as_bytes().into() };
    let loaded = load(&[source], &LoadOptions::default());
    let diagnostics = [loaded.diagnostics, loaded.remarks].concat();
    lint(&Snapshot::new(loaded.cluster, Dialect::spec()), &diagnostics, options)
}

fn usual(text: &str) -> Vec<Finding> {
    found(text, &LintOptions::default())
}

fn read(name: &str) -> String {
    let path = folder().join(format!("{name}.yaml"));
    let bytes = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    String::from_utf8(bytes).unwrap()
}

fn with_base(text: &str) -> String {
    if text.starts_with("# alone") {
        return text.to_owned();
    }
    read("base") + text
}

/// The lines of a text that are marked.
fn marked(text: &str) -> Vec<u32> {
    (1u32..).zip(text.lines()).filter(|(_, line)| line.contains("# <--")).map(|(n, _)| n).collect()
}

fn lines_of(id: &str, findings: &[Finding]) -> Vec<u32> {
    let of_rule = findings.iter().filter(|f| f.id == id);
    let mut lines: Vec<u32> = of_rule.map(|f| f.position.as_ref().unwrap().line).collect();
    lines.dedup();
    lines
}

#[test]
fn every_rule_finds_its_mistake_and_not_what_only_looks_like_it() {
    let wrong: Vec<String> = RULES.iter().filter_map(|rule| wrong(rule.id)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn wrong(id: &str) -> Option<String> {
    let text = read(id);
    let (mistake, near) = text.split_once("#### near").unwrap();
    let alone = if text.starts_with("# alone") { "# alone" } else { "" };
    let mistake = with_base(mistake);
    let findings = usual(&mistake);
    if lines_of(id, &findings) != marked(&mistake) {
        let shown: Vec<String> = findings.iter().map(shown).collect();
        return Some(format!("{id}: {:?} expected, found {shown:#?}", marked(&mistake)));
    }
    let findings = usual(&with_base(&format!("{alone}#{near}")));
    let wrong: Vec<String> = findings.iter().filter(|f| f.id == id).map(shown).collect();
    (!wrong.is_empty()).then(|| format!("{id}: only looks like it, found {wrong:#?}"))
}

fn shown(finding: &Finding) -> String {
    let position = finding.position.as_ref().map(ToString::to_string).unwrap_or_default();
    format!("{} {position} {}", finding.id, finding.message)
}

#[test]
fn no_file_of_cases_is_forgotten() {
    for entry in std::fs::read_dir(folder()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if let Some(id) = name.strip_suffix(".yaml").filter(|n| *n != "base") {
            assert!(find_rule(id).is_some(), "{name} is about no rule");
        }
    }
}
