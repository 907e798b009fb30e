//! Whole frames through the whole engine, from bytes and bindings to a decision: no root, no interfaces, no clock.
#![cfg(feature = "test-util")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at what they did not expect"
)]

mod agreement;
mod attacks;
mod common;
mod errors;
mod fragments;
mod fuzz;
#[path = "../wire/oracle.rs"]
mod oracle;
mod reasons;
mod reloads;
mod tcp;
