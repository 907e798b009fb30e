//! Manifests that a sentence names: the session asks for them and knows neither files nor git.

use netpol_core::model::Cluster;

use crate::error::QueryError;
use crate::execute::Warning;
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
    pub warnings: Vec<Warning>,
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
