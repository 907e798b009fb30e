//! Tests of the language and the program through their public faces.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "tests fail by panicking"
)]

mod answers;
mod changes;
mod convert;
mod diff;
mod doubt;
mod ingress_controller;
mod inputs;
mod json;
mod lint;
mod matrix;
mod names;
mod pictures;
mod program;
mod pty;
#[cfg(feature = "enforce")]
mod replay;
mod roundtrip;
mod shell;
mod shop;
mod snapshot;
mod statements;
mod syntax;
mod transcripts;
