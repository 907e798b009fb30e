//! Synthetic clusters for netpol-core, the same bytes for the same seed, and the measurements taken on them.
//!
//! Modules in reading order: [`preset`] (the shapes by name), [`generate`] (objects of a shape, one after the other),
//! [`manifest`] (objects as the API writes them) and [`write`](mod@write) (files).
#![forbid(unsafe_code)]

pub mod generate;
pub mod manifest;
pub mod preset;
pub mod write;

pub use generate::{Object, PolicyDraft, cluster, generate};
pub use preset::Preset;
