//! Manifests that a sentence names: the session asks for them and knows neither files nor git.

use netpol_core::model::Cluster;
use netpol_core::sources::Diagnostic;

use crate::error::QueryError;
use crate::execute::{Warning, of_diagnostic};
use crate::lower::Completed;
use crate::syntax::ast::Source;

/// Manifests that were read.
#[derive(Debug, Default)]
pub struct Manifests {
    /// The facts.
    pub cluster: Cluster,
    /// The pods that have ended.
    pub completed: Vec<Completed>,
    /// What reading had to say.
    pub diagnostics: Vec<Diagnostic>,
    /// What it had to say for lint alone.
    pub remarks: Vec<Diagnostic>,
}

impl Manifests {
    /// Returns what reading had to say, as warnings of an answer.
    pub(super) fn warnings(&self) -> Vec<Warning> {
        self.diagnostics.iter().map(of_diagnostic).collect()
    }
}

/// Reads the manifests that a sentence names.
pub trait Reader: std::fmt::Debug + Send + Sync {
    /// Reads a source; objects that name no namespace go to `namespace`.
    ///
    /// # Errors
    ///
    /// [`QueryError`] with [`Input`](crate::error::ErrorCode::Input) where it cannot be read or has errors.
    fn read(&self, source: &Source, namespace: Option<&str>) -> Result<Manifests, QueryError>;
}
