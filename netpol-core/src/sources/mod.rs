//! Manifests into facts: bytes to documents with lines, documents to typed objects, objects to a [`Cluster`].
//!
//! Nothing is lost silently: what cannot be used is a [`Diagnostic`] beside the partial result.
#![deny(clippy::indexing_slicing, clippy::string_slice)]

pub mod archive;
mod diagnostic;
mod findings;

mod directory;
mod documents;
mod header;
mod helm;
mod parallel;

mod agree;
mod deserialize;
mod items;
mod json;
mod scalars;
mod tree;
mod yaml;

mod addresses;
mod ingress;
mod kinds;
mod mirrors;
mod names;
mod objects;
mod slice;
mod steps;
mod walker;
mod wanted;

mod admin_peers;
mod admin_policy;
mod admin_ports;
mod network_policy;
mod policies;
mod selectors;

#[cfg(feature = "k8s-openapi")]
pub mod openapi;

mod assemble;
mod controller_labels;
mod read;

#[cfg(any(test, fuzzing, feature = "test-util"))]
pub mod whole;

pub use diagnostic::{Diagnostic, DiagnosticCode, Severity};

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use ipnet::IpNet;

use crate::model::Cluster;
use read::{Archived, Parsed, Setting};

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
    /// What only `lint` has a use for, in the order of the input.
    pub remarks: Vec<Diagnostic>,
    /// Namespace and name of the pods that have ended and were left out, so that naming one can be explained.
    pub completed: Vec<(String, String)>,
}

impl Loaded {
    /// Lists the errors: objects and files that are not part of the cluster.
    pub fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        self.diagnostics.iter().filter(|d| d.severity == Severity::Error)
    }
}

/// Loads manifests: what is valid becomes the cluster, everything else a diagnostic.
///
/// Files and documents are read in parallel; the result does not depend on the number of threads. A later object of
/// the same group, kind, namespace and name replaces an earlier one, with a warning.
///
/// A snapshot file ([`archive`]) is read like a manifest, but alone: it holds a whole cluster. What is called `*.snapshot` must
/// be one, so that a damaged one is never taken for a manifest.
///
/// # Examples
///
/// ```
/// use netpol_core::sources::{LoadOptions, Source, load};
///
/// let manifest = "apiVersion: v1\nkind: Pod\nmetadata: {name: db, namespace: shop}\n";
/// let source = Source::Bytes { name: "-".into(), bytes: manifest.as_bytes().into() };
/// let loaded = load(&[source], &LoadOptions::default());
/// assert_eq!(loaded.errors().count(), 0);
/// assert_eq!(loaded.cluster.pods().len(), 1);
/// ```
pub fn load(sources: &[Source], options: &LoadOptions) -> Loaded {
    load_by(sources, options, false)
}

fn load_by(sources: &[Source], options: &LoadOptions, whole: bool) -> Loaded {
    let inputs: Vec<Input<'_>> = sources.iter().flat_map(inputs).collect();
    let files = parallel::map(&inputs, |input| input.read(options, whole));
    let mut all = Parsed::default();
    for file in files {
        all.append(file);
    }
    match (all.snapshots.pop(), inputs.len()) {
        (Some(snapshot), 1) => return snapshot.loaded,
        (Some(snapshot), _) => {
            all.snapshots.push(snapshot);
            all.refuse_snapshots();
        }
        (None, _) => {}
    }
    assemble::assemble(all, options)
}

/// Something to read.
enum Input<'a> {
    File(directory::Listed),
    Bytes(&'a Arc<str>, &'a [u8]),
}

fn inputs(source: &Source) -> Vec<Input<'_>> {
    match source {
        Source::Path(path) => directory::list(path).into_iter().map(Input::File).collect(),
        Source::Bytes { name, bytes } => vec![Input::Bytes(name, bytes)],
    }
}

impl Input<'_> {
    fn read(&self, options: &LoadOptions, whole: bool) -> Parsed {
        let read = |file: Arc<str>, bytes: &[u8]| {
            if archive::is_snapshot(bytes) || file.ends_with(archive::ENDING) {
                let loaded = archive::read(&file, bytes, options);
                return Parsed { snapshots: vec![Archived { file, loaded }], ..Parsed::default() };
            }
            match directory::text(&file, bytes) {
                Ok(text) => read::text(&Setting { file, options, whole }, text),
                Err(diagnostic) => failed(diagnostic),
            }
        };
        match self {
            Self::File(Ok(path)) => match directory::read(path) {
                Ok(bytes) => read(directory::name(path), &bytes),
                Err(diagnostic) => failed(diagnostic),
            },
            Self::File(Err(diagnostic)) => failed(diagnostic.clone()),
            Self::Bytes(name, bytes) => read(Arc::clone(name), bytes),
        }
    }
}

fn failed(diagnostic: Diagnostic) -> Parsed {
    Parsed { findings: diagnostic.into(), ..Parsed::default() }
}
