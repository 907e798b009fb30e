//! Mistakes in policies: each finding says what is wrong, where it stands and what to do about it.
//!
//! Every set of pods is asked over the pods of the input and those that templates stand for. What the input cannot tell is
//! not claimed: a peer may select pods of namespaces that are not in the input.

mod catalogue;
mod context;
mod finding;
mod suppress;
mod view;

mod admin;
mod blocks;
mod coverage;
mod exposure;
mod halves;
mod input;
mod nearest;
mod ports;
mod redundancy;
mod selectors;
mod shape;

pub use catalogue::{RULES, Rule, find_rule};
pub use finding::{Edit, EditKind, Finding, Severity};
pub use suppress::{Accepted, LintOptions};

use crate::index::{Bitmaps, Groups, Mentions};
use crate::model::{Dialect, HostNetwork};
use crate::reach::Snapshot;
use crate::sources::Diagnostic;
use context::Context;

/// Looks for mistakes in the policies of a snapshot.
///
/// `diagnostics` is what loading said ([`Loaded::diagnostics`](crate::sources::Loaded) and its `remarks`): what only the
/// text of manifests tells comes from there. Findings stand in the order of their files, lines and ids; those that somebody
/// accepted are among them, marked as [`suppressed`](Finding::suppressed).
///
/// # Examples
///
/// ```
/// use netpol_core::lint::{LintOptions, lint};
/// use netpol_core::model::Dialect;
/// use netpol_core::reach::Snapshot;
/// use netpol_core::sources::{LoadOptions, Source, load};
///
/// let manifests = "
/// apiVersion: v1
/// kind: Pod
/// metadata: {name: web, namespace: shop, labels: {app: frontend}}
/// ---
/// apiVersion: networking.k8s.io/v1
/// kind: NetworkPolicy
/// metadata: {name: web, namespace: shop}
/// spec: {podSelector: {matchLabels: {app: fronend}}}
/// ";
/// let source = Source::Bytes { name: "-".into(), bytes: manifests.as_bytes().into() };
/// let loaded = load(&[source], &LoadOptions::default());
/// let diagnostics = [loaded.diagnostics, loaded.remarks].concat();
/// let snapshot = Snapshot::new(loaded.cluster, Dialect::spec());
/// let findings = lint(&snapshot, &diagnostics, &LintOptions::default());
/// assert!(findings.iter().any(|f| f.id == "E03" && f.fix.contains("app=frontend")));
/// ```
pub fn lint(
    snapshot: &Snapshot,
    diagnostics: &[Diagnostic],
    options: &LintOptions,
) -> Vec<Finding> {
    let cluster = snapshot.cluster();
    let dialect = Dialect { host_network: HostNetwork::Policed, ..snapshot.dialect() };
    let groups = Groups::build(cluster, dialect, &Mentions::everything(cluster));
    let bitmaps = Bitmaps::build(cluster, &groups);
    let context = Context::new(snapshot, (&groups, &bitmaps), diagnostics, options);
    let current = input::current(&context, diagnostics);
    let mut findings = input::findings(current.iter().copied());
    let checks: [fn(&Context<'_>, &mut Vec<Finding>); 9] = [
        selectors::check,
        shape::check,
        ports::check,
        blocks::check,
        coverage::check,
        halves::check,
        redundancy::check,
        exposure::check,
        admin::check,
    ];
    checks.iter().for_each(|check| check(&context, &mut findings));
    let mut findings = suppress::apply(once(findings), diagnostics, options);
    findings.sort_by(|a, b| key(a).cmp(&key(b)));
    findings
}

/// Lists what loading found as findings, where no cluster came of the input.
pub fn of_input(diagnostics: &[Diagnostic], options: &LintOptions) -> Vec<Finding> {
    let found = input::findings(diagnostics.iter());
    let mut findings = suppress::apply(found, diagnostics, options);
    findings.sort_by(|a, b| key(a).cmp(&key(b)));
    findings
}

/// Tells whether what loading said is a finding of some rule.
pub fn is_finding(diagnostic: &Diagnostic) -> bool {
    input::rule_of(diagnostic).is_some()
}

/// A null item of a list is reported by the reader and as the rule that it stands for: the reader knows more.
fn once(findings: Vec<Finding>) -> Vec<Finding> {
    let place = |f: &Finding| (f.id, f.position.clone());
    let graver: std::collections::BTreeSet<_> = findings
        .iter()
        .filter(|f| f.id == "E12" && f.severity == Severity::Error)
        .map(place)
        .collect();
    let is_double = |f: &Finding| f.severity < Severity::Error && graver.contains(&place(f));
    findings.into_iter().filter(|f| !is_double(f)).collect()
}

/// The order of findings: by file, line and id; those without a place come first.
fn key(finding: &Finding) -> impl Ord + '_ {
    let position = finding.position.as_ref();
    (position.map(|p| (&*p.file, p.line)), finding.id, &finding.object, &finding.message)
}
