//! What users set: severities by rule, and findings that they accept.

use std::collections::BTreeMap;

use super::catalogue::find_rule;
use super::finding::{Finding, Severity};
use crate::sources::{Diagnostic, DiagnosticCode};

/// How findings are judged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LintOptions {
    /// Severities that differ from the usual ones, by rule; `None` turns a rule off.
    pub severities: BTreeMap<String, Option<Severity>>,
    /// Findings that are accepted.
    pub accepted: Vec<Accepted>,
    /// Whether the input is a whole cluster, so that what is not in it is nowhere. `None`: it is taken for one where it
    /// holds nodes, or pods of kube-system.
    pub whole_cluster: Option<bool>,
}

/// Findings that somebody accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The rules; empty for all.
    pub ids: Vec<String>,
    /// The object, in which `*` stands for any letters; `None` for all.
    pub object: Option<String>,
    /// Why.
    pub reason: String,
}

impl Accepted {
    fn covers(&self, finding: &Finding) -> bool {
        let of_rule = self.ids.is_empty() || self.ids.iter().any(|id| id == finding.id);
        let object = finding.object.as_deref().unwrap_or_default();
        of_rule && self.object.as_ref().is_none_or(|pattern| matches(pattern, object))
    }
}

/// Sets severities, drops what is off and marks what is accepted; what the reader refused stays what it is.
pub(super) fn apply(
    findings: Vec<Finding>,
    diagnostics: &[Diagnostic],
    options: &LintOptions,
) -> Vec<Finding> {
    let annotated: Vec<Accepted> = diagnostics.iter().filter_map(annotation).collect();
    let mut kept = Vec::with_capacity(findings.len());
    for mut finding in findings {
        if !is_refusal(&finding) {
            match options.severities.get(finding.id) {
                Some(None) => continue,
                Some(Some(severity)) => finding.severity = *severity,
                None => {}
            }
            let mut accepted = annotated.iter().chain(&options.accepted);
            finding.suppressed = accepted.find(|a| a.covers(&finding)).map(|a| a.reason.clone());
        }
        kept.push(finding);
    }
    kept
}

/// Without the object the other findings are about another input, so that nobody may look away.
fn is_refusal(finding: &Finding) -> bool {
    let refusals = ["E27", "Y2", "Y3", "AT1", "AT10"];
    refusals.contains(&finding.id) || (finding.severity == Severity::Error && finding.id == "Y1")
}

/// Reads `netpol-query/lint-ignore: E10,E15 the reason`.
fn annotation(diagnostic: &Diagnostic) -> Option<Accepted> {
    if diagnostic.code != DiagnosticCode::LintIgnore {
        return None;
    }
    let is_id = |word: &str| find_rule(word).is_some();
    let mut words = diagnostic.message.split_whitespace().peekable();
    let mut ids: Vec<String> = Vec::new();
    while let Some(word) = words.peek() {
        let parts: Vec<&str> = word.split(',').filter(|p| !p.is_empty()).collect();
        if parts.is_empty() || !parts.iter().all(|p| is_id(p)) {
            break;
        }
        ids.extend(parts.into_iter().map(str::to_owned));
        words.next();
    }
    let reason: Vec<&str> = words.collect();
    // A word that is no rule accepts nothing: that everything is meant must not follow from a slip.
    (!ids.is_empty()).then(|| Accepted {
        ids,
        object: Some(diagnostic.object.clone().unwrap_or_default()),
        reason: if reason.is_empty() { "by annotation".into() } else { reason.join(" ") },
    })
}

/// Tells whether a text is of a pattern in which `*` stands for any letters.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = rest.get(at + part.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn stars_stand_for_any_letters() {
        assert!(matches("shop/networkpolicy/*", "shop/networkpolicy/db"));
        assert!(matches("*/db", "shop/networkpolicy/db"));
        assert!(matches("s*p/*/d*b", "shop/networkpolicy/db"));
        assert!(!matches("shop/networkpolicy/d", "shop/networkpolicy/db"));
        assert!(!matches("ab*ba", "aba"));
    }
}
