//! Asks what Kubernetes network policies allow, in sentences.
#![forbid(unsafe_code)]

pub mod syntax;
