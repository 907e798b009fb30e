//! Diagnostics as they gather: in the order of the input, and no more of one code than anybody reads.

use std::collections::BTreeMap;

use super::diagnostic::{Diagnostic, DiagnosticCode, Severity};

/// The most findings of one code.
const MOST_OF_A_CODE: usize = 1000;

/// Diagnostics in their order; those beyond the limit are only counted.
#[derive(Debug, Default)]
pub(super) struct Findings {
    list: Vec<Diagnostic>,
    counts: BTreeMap<DiagnosticCode, usize>,
    left_out: BTreeMap<DiagnosticCode, (Severity, usize)>,
}

impl Findings {
    /// Adds one.
    pub(super) fn push(&mut self, diagnostic: Diagnostic) {
        let count = self.counts.entry(diagnostic.code).or_default();
        *count += 1;
        // What a user accepts must not come back because there is much of it.
        if *count <= MOST_OF_A_CODE || diagnostic.code == DiagnosticCode::LintIgnore {
            self.list.push(diagnostic);
        } else {
            self.leave_out(diagnostic.code, diagnostic.severity, 1);
        }
    }

    /// Adds what was found later in the input.
    pub(super) fn append(&mut self, later: Self) {
        self.extend(later.list);
        for (code, (severity, count)) in later.left_out {
            self.leave_out(code, severity, count);
        }
    }

    /// Tells whether there is an error.
    pub(super) fn has_error(&self) -> bool {
        let left_out = self.left_out.values().any(|l| l.0 == Severity::Error);
        left_out || self.list.iter().any(|d| d.severity == Severity::Error)
    }

    /// Says of every finding which object it is about.
    pub(super) fn name_object(&mut self, object: &str) {
        for diagnostic in &mut self.list {
            diagnostic.object = Some(object.to_owned());
        }
    }

    /// Returns the list; what was left out is summed up at its end, with the gravest severity of its code.
    pub(super) fn finish(mut self) -> Vec<Diagnostic> {
        for (code, (severity, count)) in self.left_out {
            self.list.push(Diagnostic {
                severity,
                code,
                message: format!("{count} more findings of this kind are left out"),
                object: None,
                position: None,
                help: None,
            });
        }
        self.list
    }

    fn leave_out(&mut self, code: DiagnosticCode, severity: Severity, count: usize) {
        let entry = self.left_out.entry(code).or_insert((severity, 0));
        entry.0 = entry.0.min(severity);
        entry.1 += count;
    }
}

impl Extend<Diagnostic> for Findings {
    fn extend<I: IntoIterator<Item = Diagnostic>>(&mut self, diagnostics: I) {
        diagnostics.into_iter().for_each(|d| self.push(d));
    }
}

impl From<Diagnostic> for Findings {
    fn from(diagnostic: Diagnostic) -> Self {
        let mut findings = Self::default();
        findings.push(diagnostic);
        findings
    }
}

impl From<Vec<Diagnostic>> for Findings {
    fn from(diagnostics: Vec<Diagnostic>) -> Self {
        let mut findings = Self::default();
        findings.extend(diagnostics);
        findings
    }
}
