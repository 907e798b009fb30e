//! `lint`: mistakes in the policies.

use std::collections::BTreeSet;
use std::sync::Arc;

use netpol_core::lint::{Finding, LintOptions, Severity, lint};
use netpol_core::model::PodId;
use netpol_core::sources::Diagnostic;

use super::Engine;
use super::answer::Body;
use crate::error::QueryError;
use crate::lower::{LintPlan, Region};
use crate::syntax::ast::{self, Comparison};

/// What lint has to know beside the snapshot.
#[derive(Clone, Debug)]
pub struct LintInput {
    /// What loading said, with what it said for lint alone.
    pub diagnostics: Arc<[Diagnostic]>,
    /// What the configuration says; the error of one that cannot be used comes when lint is asked for.
    pub options: Result<LintOptions, QueryError>,
}

impl Default for LintInput {
    fn default() -> Self {
        Self { diagnostics: Arc::default(), options: Ok(LintOptions::default()) }
    }
}

/// What lint found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Findings {
    /// The findings that count, in the order of files, lines and ids.
    pub found: Vec<Finding>,
    /// The number of those that somebody accepted.
    pub accepted: usize,
    /// The number of those that are there and were not asked for.
    pub unasked: usize,
    /// The number of policies that were looked at.
    pub policies: usize,
}

impl Findings {
    /// Sorts out what somebody accepted.
    pub fn new(all: Vec<Finding>, policies: usize) -> Self {
        let before = all.len();
        let found: Vec<Finding> = all.into_iter().filter(|f| f.suppressed.is_none()).collect();
        Self { accepted: before - found.len(), found, unasked: 0, policies }
    }

    /// Counts the findings of a severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.found.iter().filter(|f| f.severity == severity).count()
    }
}

impl Engine<'_> {
    /// Looks for mistakes.
    pub(super) fn lint(&self, plan: &LintPlan) -> Result<Body, QueryError> {
        Ok(Body::Findings(self.findings(plan)?))
    }

    /// Lists what is found where a plan looks.
    pub(super) fn findings(&self, plan: &LintPlan) -> Result<Findings, QueryError> {
        let options = self.lint.options.clone()?;
        let mut findings = lint(self.snapshot, &self.lint.diagnostics, &options);
        if let Some(severity) = plan.severity {
            let asked = word(severity.severity);
            let comparison = severity.comparison.unwrap_or(Comparison::Equal);
            findings.retain(|f| comparison.holds(&f.severity, &asked));
        }
        if let Some(region) = &plan.within {
            let names = self.names_within(region);
            findings.retain(|f| is_within(f, &names));
        }
        Ok(Findings::new(findings, self.snapshot.cluster().policies().len()))
    }

    /// Lists how findings name what is in a set: its namespaces, its workloads, and the policies that select them.
    fn names_within(&self, region: &Region) -> Names {
        let cluster = self.snapshot.cluster();
        let namespaces = &region.namespaces;
        let mut names = Names::default();
        for namespace in namespaces {
            let name = &cluster.namespace(*namespace).name;
            names.namespaces.insert(name.to_string());
            names.objects.insert(format!("namespace/{name}"));
        }
        for pod in region.selection.pods.iter().map(PodId) {
            let workload = cluster.workload(cluster.pod(pod).workload);
            let namespace = &cluster.namespace(workload.namespace).name;
            let kind = workload.kind.to_ascii_lowercase();
            names.objects.insert(format!("{namespace}/{kind}/{}", workload.name));
        }
        let governs = |pod: &PodId| region.selection.pods.contains(pod.0);
        for id in cluster.policy_ids() {
            if self.snapshot.subjects(id).iter().any(governs) {
                let policy = cluster.policy(id);
                let kind = policy.kind.as_str().to_ascii_lowercase();
                let own = policy.namespace.map(|n| format!("{}/", cluster.namespace(n).name));
                names.objects.insert(format!("{}{kind}/{}", own.unwrap_or_default(), policy.name));
            }
        }
        names
    }
}

#[derive(Default)]
struct Names {
    namespaces: BTreeSet<String>,
    objects: BTreeSet<String>,
}

fn is_within(finding: &Finding, names: &Names) -> bool {
    let mut objects = finding.object.iter().chain(&finding.concerns);
    objects.any(|object| {
        let namespace = object.split_once('/').map_or("", |(first, _)| first);
        let is_namespaced = object.matches('/').count() > 1;
        names.objects.contains(object) || (is_namespaced && names.namespaces.contains(namespace))
    })
}

fn word(severity: ast::Severity) -> Severity {
    match severity {
        ast::Severity::Note => Severity::Info,
        ast::Severity::Warning => Severity::Warning,
        ast::Severity::Error => Severity::Error,
    }
}
