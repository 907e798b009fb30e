//! The tests of the library that need more than one module.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests stop at what they did not expect, and say aloud what they skip"
)]

mod agreement;
mod archive;
mod change;
mod corpus;
mod hops;
mod imports;
mod ingress_controller;
mod lint;
mod outside;
mod properties;
mod sources;
mod sources_admin;
mod sources_files;
mod sources_rules;
mod sources_whole;
mod sources_yaml;
mod tables;
