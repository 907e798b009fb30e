//! From names to ids: looks up what a sentence mentions, and makes it a [`Plan`].
//!
//! Nothing matches silently nothing: a name or selector without a match is an error with the nearest real one.

mod change;
mod describe;
mod endpoints;
mod export;
mod find;
mod glob;
mod hops;
mod lint;
mod names;
mod objects;
mod plan;
mod ports;
mod question;
mod region;
mod scope;
mod selectors;
mod suggest;
mod targets;
mod words;

pub(crate) use change::Lowered;
pub(crate) use describe::Named;
pub(crate) use glob::matches as glob_matches;
pub use hops::{HopsKind, HopsPlan};
pub use lint::LintPlan;
pub use plan::{
    Ask, ClaimPlan, CountPlan, ExpectPlan, ExportPlan, ExposurePlan, ListPlan, PipeStep, Plan,
    PoliciesPlan, Translation,
};
pub use question::lower;
pub use region::Region;
pub use scope::{Completed, Scope, Value, Variables};
pub(crate) use suggest::{policy as policy_name, workload as workload_name};
pub(crate) use words::private as private_ranges;
