//! Asks what Kubernetes network policies allow, in sentences.
#![forbid(unsafe_code)]

pub mod cli;
pub mod convert;
pub mod error;
pub mod execute;
pub mod kinds;
pub mod lower;
pub mod render;
pub mod session;
pub mod syntax;
