//! What is asked about at some point of a session.

use std::sync::Arc;

use netpol_core::reach::Snapshot;
use netpol_core::sources::archive;

use super::Manifests;
use crate::error::{ErrorCode, QueryError};
use crate::execute::{LintInput, Warning};
use crate::lower::Completed;

/// A snapshot with what its manifests left out and had to say. A copy shares it all.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) snapshot: Snapshot,
    /// The pods that have ended.
    pub(super) completed: Arc<[Completed]>,
    /// What reading had to say.
    pub(super) warnings: Arc<[Warning]>,
    /// What lint has to know.
    pub(super) lint: Arc<LintInput>,
}

impl State {
    pub(super) fn new(snapshot: Snapshot) -> Self {
        Self { snapshot, completed: Arc::default(), warnings: Arc::default(), lint: Arc::default() }
    }

    /// Returns the content of a snapshot file: what is loaded, with all that loading had to say.
    pub(super) fn file(&self) -> Result<Arc<[u8]>, QueryError> {
        let (cluster, said) = (self.snapshot.cluster(), &self.lint.diagnostics);
        let bytes = archive::write(cluster, said, &self.completed);
        bytes.map(Arc::from).map_err(|why| QueryError::new(ErrorCode::Usage, why))
    }

    /// Compiles what was read instead.
    pub(super) fn instead(&self, manifests: Manifests) -> Self {
        let warnings = manifests.warnings().into();
        let lint = LintInput {
            diagnostics: [manifests.diagnostics, manifests.remarks].concat().into(),
            options: self.lint.options.clone(),
        };
        Self {
            snapshot: Snapshot::new(manifests.cluster, self.snapshot.dialect()),
            completed: manifests.completed.into(),
            warnings,
            lint: lint.into(),
        }
    }
}
