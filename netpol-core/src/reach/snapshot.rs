//! A cluster with its compiled policies and rows: immutable and shared.

use std::sync::Arc;

use super::question::{Question, Table};
use crate::model::{Cluster, Dialect, Direction, PodId, PolicyId};

/// A cluster with its compiled policies under one dialect.
#[derive(Clone, Debug)]
pub struct Snapshot {
    cluster: Arc<Cluster>,
    dialect: Dialect,
}

impl Snapshot {
    /// Compiles a cluster.
    pub fn new(cluster: impl Into<Arc<Cluster>>, dialect: Dialect) -> Self {
        Self { cluster: cluster.into(), dialect }
    }

    /// Returns the facts.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Returns the dialect.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Answers a question about all pairs of two sets.
    pub fn ask(&self, _question: &Question) -> Table {
        Table::default()
    }

    /// Lists the NetworkPolicies that isolate a pod in a direction; empty where nothing does.
    pub fn isolating_policies(&self, _pod: PodId, _direction: Direction) -> Vec<PolicyId> {
        Vec::new()
    }

    /// Lists the pods that a policy selects.
    pub fn subjects(&self, _policy: PolicyId) -> Vec<PodId> {
        Vec::new()
    }
}
