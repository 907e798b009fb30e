//! Manifests into facts: bytes to documents with lines, documents to typed objects, objects to a [`Cluster`].
//!
//! Nothing is lost silently: what cannot be used is a [`Diagnostic`] beside the partial result.

mod diagnostic;

pub use diagnostic::{Diagnostic, DiagnosticCode, Severity};

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use ipnet::IpNet;

use crate::model::Cluster;

/// Where manifests come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// A file, or a directory that is read recursively (`.yaml`, `.yml`, `.json`, in byte order of the path).
    Path(PathBuf),
    /// Content that is already in memory, such as standard input, and the name that positions give it.
    Bytes {
        /// The name, such as `-`.
        name: Arc<str>,
        /// The content.
        bytes: Arc<[u8]>,
    },
}

/// How manifests are read.
#[derive(Clone, Debug, Default)]
pub struct LoadOptions {
    /// The namespace of manifests that name none; `None` means `default`.
    pub namespace: Option<String>,
    /// Reads leniently, with a warning each, what netpol-analyzer reads: v1alpha1 peers and subjects without a required selector.
    pub np_guard: bool,
    /// Where pod addresses live.
    pub pod_cidrs: Vec<IpNet>,
    /// Addresses of domain names.
    pub domains: Vec<(String, Vec<IpAddr>)>,
}

/// What came of the manifests.
#[derive(Debug)]
pub struct Loaded {
    /// The facts of all objects that are valid.
    pub cluster: Cluster,
    /// Everything that a user should know, in the order of the input.
    pub diagnostics: Vec<Diagnostic>,
}

impl Loaded {
    /// Lists the errors: objects and files that are not part of the cluster.
    pub fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        self.diagnostics.iter().filter(|d| d.severity == Severity::Error)
    }
}

/// Loads manifests.
pub fn load(_sources: &[Source], _options: &LoadOptions) -> Loaded {
    Loaded { cluster: Cluster::default(), diagnostics: Vec::new() }
}
