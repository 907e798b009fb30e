//! What is asked about at some point of a session.

use std::sync::Arc;

use netpol_core::reach::Snapshot;

use super::Manifests;
use crate::execute::Warning;
use crate::lower::Completed;

/// A snapshot with what its manifests left out and had to say. A copy shares it all.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) snapshot: Snapshot,
    /// The pods that have ended.
    pub(super) completed: Arc<[Completed]>,
    /// What reading had to say.
    pub(super) warnings: Arc<[Warning]>,
}

impl State {
    pub(super) fn new(snapshot: Snapshot) -> Self {
        Self { snapshot, completed: Arc::default(), warnings: Arc::default() }
    }

    /// Compiles what was read.
    pub(super) fn of(manifests: Manifests, dialect: netpol_core::model::Dialect) -> Self {
        Self {
            snapshot: Snapshot::new(manifests.cluster, dialect),
            completed: manifests.completed.into(),
            warnings: manifests.warnings.into(),
        }
    }
}
