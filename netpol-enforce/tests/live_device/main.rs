//! The device on real interfaces: network namespaces joined by a forwarder that allows everything.
//!
//! It starts itself again inside namespaces of its own (`live`); where that is forbidden it says how many scenarios it
//! skipped.
#![cfg_attr(not(target_os = "linux"), allow(unused, reason = "there is nothing to test"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::exit,
    clippy::disallowed_methods,
    reason = "a test program: it says what fails, and time is real here"
)]

#[cfg(target_os = "linux")]
mod forwarder;
#[cfg(target_os = "linux")]
mod frames;
#[cfg(target_os = "linux")]
#[path = "../live/mod.rs"]
mod live;
#[cfg(target_os = "linux")]
mod offloads;
#[cfg(target_os = "linux")]
mod roles;
#[cfg(target_os = "linux")]
mod scenarios;
#[cfg(target_os = "linux")]
mod topology;

fn main() {
    #[cfg(target_os = "linux")]
    live::main(scenarios::ALL, roles::play);
}
