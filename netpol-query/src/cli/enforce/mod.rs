//! `netpol-query enforce`: policies on real frames, between two interfaces.

mod options;
mod reload;
mod run;

pub(super) use options::EnforceArgs;
pub(super) use run::enforce;
