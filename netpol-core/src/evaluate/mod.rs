//! The verdict about one pair of ends, and its reasons.

mod controller;
mod decision;
mod describe;
mod evaluator;
mod explain;
mod near_miss;
mod other;
pub mod reference;
mod steps;
mod verdicts;
mod walk;

pub(crate) use decision::Decision;
pub(crate) use evaluator::Evaluator;
pub(crate) use explain::{Explained, plain};
pub(crate) use other::{Candidates, Other, OtherKind};
pub(crate) use verdicts::VerdictTable;
pub(crate) use walk::{Algebra, Matcher, stage_outcome};
