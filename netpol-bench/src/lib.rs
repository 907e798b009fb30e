//! Synthetic clusters for netpol-core, the same bytes for the same seed, and the measurements taken on them.
//!
//! Modules in reading order: [`preset`] (the shapes by name), [`mod@generate`] (objects of a shape, one after the other),
//! [`manifest`] (objects as the API writes them) and [`write`](mod@write) (files); then [`sample`] (flows to ask about), [`gate`] (fast
//! answers against slow ones), [`naive`] (what the measurements are compared with), [`operation`] and [`row`] (figures),
//! [`measure`](mod@measure) (one cluster), [`stopwatch`], [`memory`], [`machine`] and [`table`] (all of it).
#![forbid(unsafe_code)]

pub mod gate;
pub mod generate;
pub mod machine;
pub mod manifest;
pub mod measure;
pub mod memory;
pub mod naive;
pub mod operation;
pub mod preset;
pub mod row;
pub mod sample;
pub mod stopwatch;
pub mod table;
pub mod write;

pub use generate::{Object, PolicyDraft, cluster, generate};
pub use preset::Preset;

/// The Rust code of the README compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
