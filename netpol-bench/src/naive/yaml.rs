//! YAML read as a program without a slicer reads it: `serde_yaml` into the full structs of the Kubernetes API.

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{Namespace, Node, Pod};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use serde::de::DeserializeOwned;

/// Reads every document of a stream into the struct of its kind, one after the other; returns how many were read.
///
/// Kinds that have no struct in the API's own groups are read as plain values.
///
/// # Errors
///
/// The first document that is none of its kind.
pub fn read_full_structs(stream: &str) -> Result<usize, serde_yaml::Error> {
    let mut read = 0;
    for document in documents(stream) {
        match kind(document) {
            Some("Pod") => build::<Pod>(document)?,
            Some("Deployment") => build::<Deployment>(document)?,
            Some("StatefulSet") => build::<StatefulSet>(document)?,
            Some("DaemonSet") => build::<DaemonSet>(document)?,
            Some("Namespace") => build::<Namespace>(document)?,
            Some("Node") => build::<Node>(document)?,
            Some("NetworkPolicy") => build::<NetworkPolicy>(document)?,
            _ => build::<serde_yaml::Value>(document)?,
        }
        read += 1;
    }
    Ok(read)
}

/// Cuts a stream behind the document that ends at or after `bytes`.
pub fn beginning(stream: &str, bytes: usize) -> &str {
    let from = (bytes..stream.len()).find(|at| stream.is_char_boundary(*at));
    let end = from.and_then(|from| stream.get(from..)?.find("\n---\n").map(|at| from + at + 1));
    end.and_then(|end| stream.get(..end)).unwrap_or(stream)
}

fn documents(stream: &str) -> impl Iterator<Item = &str> {
    stream.split("---\n").filter(|document| !document.trim().is_empty())
}

fn kind(document: &str) -> Option<&str> {
    document.lines().find_map(|line| line.strip_prefix("kind: "))
}

fn build<T: DeserializeOwned>(document: &str) -> Result<(), serde_yaml::Error> {
    serde_yaml::from_str::<T>(document).map(|value| drop(std::hint::black_box(value)))
}
