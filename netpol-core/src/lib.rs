//! Reachability of Kubernetes pods under network policies: one model, one evaluator, answers with their reasons.
//!
//! Modules in reading order, each importing only those above it: [`model`] (facts), [`sources`] (manifests into
//! facts), `index`, `compile` (policies into one Program), `evaluate` (one flow), [`reach`]
//! (all pairs through classes of pods), [`change`] (one snapshot into the next, and what differs), [`lint`] (mistakes in
//! policies).
#![forbid(unsafe_code)]

pub mod change;
mod compile;
pub mod evaluate;
mod index;
pub mod lint;
pub mod model;
pub mod reach;
pub mod sources;
#[cfg(any(test, feature = "test-util"))]
pub mod testing;
