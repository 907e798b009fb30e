//! Flows and fragments as those who use the tables see them.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at what they did not expect"
)]

mod common;
mod fragments;
mod limits;
mod lives;
mod model;
mod properties;
