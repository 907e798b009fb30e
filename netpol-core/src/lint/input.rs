//! What loading already found, as findings.

use std::collections::BTreeMap;

use super::catalogue::severity_of;
use super::context::Context;
use super::finding::{EditKind, Finding, Severity};
use super::selectors::pointer;
use crate::sources::{self, Diagnostic, DiagnosticCode};

/// Turns diagnostics of the input into findings; those that no rule is about are left out.
pub(super) fn findings<'a>(diagnostics: impl Iterator<Item = &'a Diagnostic>) -> Vec<Finding> {
    diagnostics.filter_map(finding).collect()
}

/// Leaves out what was said of policies that have been deleted, or replaced by those of other files, since they were loaded.
pub(super) fn current<'a>(
    context: &Context<'_>,
    diagnostics: &'a [Diagnostic],
) -> Vec<&'a Diagnostic> {
    let files: BTreeMap<String, &str> = context
        .policies
        .iter()
        .map(|view| (context.policy_id(view.policy), &*view.policy.position.file))
        .collect();
    let is_current = |diagnostic: &&Diagnostic| {
        let object = diagnostic.object.as_deref().unwrap_or_default();
        let is_policy = object.contains("networkpolicy/") && !object.ends_with('…');
        if diagnostic.severity == sources::Severity::Error || !is_policy {
            return true;
        }
        let file = diagnostic.position.as_ref().map(|p| &*p.file);
        // Of a kind that was skipped there never was a policy.
        diagnostic.code == DiagnosticCode::ForeignKind || files.get(object).copied() == file
    };
    diagnostics.iter().filter(is_current).collect()
}

fn finding(diagnostic: &Diagnostic) -> Option<Finding> {
    let id = rule_of(diagnostic)?;
    let usual = severity_of(id);
    let severity = match (id, diagnostic.severity) {
        (_, sources::Severity::Error) | ("E12", _) => Severity::Error,
        ("AT9", _) => Severity::Warning,
        _ => usual,
    };
    let help = super::catalogue::find_rule(id).map_or("", |r| r.help);
    let fix = diagnostic.help.clone().unwrap_or_else(|| help.to_owned());
    let finding = Finding {
        id,
        severity,
        object: diagnostic.object.clone(),
        position: diagnostic.position.clone(),
        message: diagnostic.message.clone(),
        fix,
        edit: None,
        concerns: Vec::new(),
        suppressed: None,
    };
    Some(with_edit(finding))
}

/// Returns the rule that a diagnostic is a finding of.
pub(super) fn rule_of(diagnostic: &Diagnostic) -> Option<&'static str> {
    let is_error = diagnostic.severity == sources::Severity::Error;
    let object = diagnostic.object.as_deref().unwrap_or_default();
    let is_policy = object.contains("networkpolicy/");
    Some(match diagnostic.code {
        DiagnosticCode::YamlTrap => "Y1",
        DiagnosticCode::DuplicateKey => "Y2",
        DiagnosticCode::UnknownField => "Y3",
        DiagnosticCode::NamespaceSynthesised => "Y4",
        DiagnosticCode::CompletedPod => "Y5",
        DiagnosticCode::ForeignKind => "Y6",
        DiagnosticCode::OldShape => "AT1",
        DiagnosticCode::NamedPortRefused => "AT9",
        DiagnosticCode::NamedPortWithAddresses if !object.contains("/networkpolicy/") => "AT9",
        DiagnosticCode::AdminPort => "AT10",
        DiagnosticCode::MixedVersions => "AT11",
        DiagnosticCode::NullElement => "E12",
        DiagnosticCode::DuplicateObject if is_policy => "E14",
        DiagnosticCode::EmptyEgress => "E20",
        DiagnosticCode::NoNamespace => "E24",
        DiagnosticCode::CidrSpelling => "E28",
        DiagnosticCode::NullSelector => "E34",
        _ if is_error => "E27",
        _ => return None,
    })
}

fn with_edit(finding: Finding) -> Finding {
    match finding.id {
        "E20" => {
            let types = serde_json::json!(["Ingress", "Egress"]);
            finding.edit(EditKind::Add, "/spec/policyTypes".into(), Some(types))
        }
        "E34" => match finding.message.split_once(": ").map(|(path, _)| pointer(path)) {
            // Here null means what `{}` says; in a peer it means that the selector is not there.
            Some(path) if path.ends_with("/matchLabels") || path == "/spec/podSelector" => {
                finding.edit(EditKind::Replace, path, Some(serde_json::json!({})))
            }
            Some(path) => finding.edit(EditKind::Remove, path, None),
            None => finding,
        },
        _ => finding,
    }
}
