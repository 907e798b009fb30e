//! `netpol-query enforce` as a program: what it refuses, and what it does between two namespaces, with signals, changed files,
//! a log and counters.
//!
//! It starts itself again inside namespaces of its own (`live`), and says aloud where that is forbidden.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::exit,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test program: it says what fails, and time is real here"
)]
#![cfg_attr(not(target_os = "linux"), allow(unused, reason = "there is nothing to test"))]

#[cfg(target_os = "linux")]
#[path = "../../../netpol-enforce/tests/live/mod.rs"]
mod live;
#[cfg(target_os = "linux")]
mod program;
#[cfg(target_os = "linux")]
mod scenarios;

fn main() {
    #[cfg(target_os = "linux")]
    live::main(scenarios::ALL, program::play);
}
