//! Objects of the `k8s-openapi` crate (feature `k8s-openapi`), such as those that a client got from a cluster.
//!
//! They are written as JSON and read as manifests are, so that every rule of loading holds for them: defaults, replicas,
//! owners, duplicates, completed pods, and the note on kinds that are not used. Positions name the object in place of a
//! file, `Deployment shop/web`, with the line 1.
//!
//! The feature enables none of `k8s-openapi`'s own version features: that is for the program to do, as that crate asks.

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::{Metadata, Resource};
use serde::Serialize;
use thiserror::Error;

use super::{LoadOptions, Loaded, Source, load};

/// An object cannot be written as JSON.
#[derive(Debug, Error)]
#[error("{object} cannot be written as JSON: {source}")]
pub struct ObjectError {
    /// The object, such as `Deployment shop/web`.
    pub object: String,
    /// What is wrong.
    #[source]
    pub source: serde_json::Error,
}

/// Objects to be loaded together.
///
/// # Examples
///
/// ```
/// use k8s_openapi::api::core::v1::Pod;
/// use k8s_openapi::api::networking::v1::{NetworkPolicy, NetworkPolicySpec};
/// use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
/// use netpol_core::model::{Dialect, Direction};
/// use netpol_core::reach::Snapshot;
/// use netpol_core::sources::{LoadOptions, openapi::Objects};
///
/// let metadata = |name: &str| ObjectMeta {
///     namespace: Some("shop".into()),
///     name: Some(name.into()),
///     ..ObjectMeta::default()
/// };
/// let pods = ["web", "db"].map(|name| Pod { metadata: metadata(name), ..Pod::default() });
/// let deny_all = NetworkPolicy {
///     metadata: metadata("deny-all"),
///     spec: Some(NetworkPolicySpec::default()),
/// };
///
/// let mut objects = Objects::default();
/// objects.add_all(&pods)?;
/// objects.add(&deny_all)?;
/// let loaded = objects.load(&LoadOptions::default());
/// assert_eq!(loaded.errors().count(), 0);
///
/// let snapshot = Snapshot::new(loaded.cluster, Dialect::spec());
/// let shop = snapshot.cluster().find_namespace("shop").unwrap();
/// let db = snapshot.cluster().find_pod(shop, "db").unwrap();
/// assert_eq!(snapshot.isolating_policies(db, Direction::Ingress).len(), 1);
/// # Ok::<(), netpol_core::sources::openapi::ObjectError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Objects {
    sources: Vec<Source>,
}

impl Objects {
    /// Adds an object; a later one replaces an earlier one of the same kind, namespace and name.
    ///
    /// # Errors
    ///
    /// [`ObjectError`] where it cannot be written as JSON.
    pub fn add<K>(&mut self, object: &K) -> Result<(), ObjectError>
    where
        K: Resource + Metadata<Ty = ObjectMeta> + Serialize,
    {
        self.sources.push(source(object)?);
        Ok(())
    }

    /// Adds objects of one kind, such as the items of a list.
    ///
    /// # Errors
    ///
    /// [`ObjectError`] for the first that cannot be written as JSON.
    pub fn add_all<'a, K>(
        &mut self,
        objects: impl IntoIterator<Item = &'a K>,
    ) -> Result<(), ObjectError>
    where
        K: Resource + Metadata<Ty = ObjectMeta> + Serialize + 'a,
    {
        objects.into_iter().try_for_each(|object| self.add(object))
    }

    /// Loads what was added, as [`load`] does.
    pub fn load(&self, options: &LoadOptions) -> Loaded {
        load(&self.sources, options)
    }
}

/// Makes a source of an object, to be loaded beside files.
///
/// # Errors
///
/// [`ObjectError`] where it cannot be written as JSON.
pub fn source<K>(object: &K) -> Result<Source, ObjectError>
where
    K: Resource + Metadata<Ty = ObjectMeta> + Serialize,
{
    let name = name(K::KIND, object.metadata());
    match serde_json::to_vec(object) {
        Ok(bytes) => Ok(Source::Bytes { name: Arc::from(name), bytes: bytes.into() }),
        Err(source) => Err(ObjectError { object: name, source }),
    }
}

/// Names an object: `Deployment shop/web`.
fn name(kind: &str, metadata: &ObjectMeta) -> String {
    let name =
        metadata.name.as_deref().or(metadata.generate_name.as_deref()).unwrap_or("<unnamed>");
    match &metadata.namespace {
        Some(namespace) => format!("{kind} {namespace}/{name}"),
        None => format!("{kind} {name}"),
    }
}
