//! The device on real interfaces: network namespaces joined by a forwarder that allows everything.
//!
//! Without arguments this program starts itself again inside namespaces of its own (`unshare -Urnm`), which needs no
//! root; where that is forbidden it says how many scenarios it skipped. There the process is the machine in the middle,
//! and what runs at the ends is this program once more, in a role (`roles`), through `ip netns exec`.
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
mod offloads;
#[cfg(target_os = "linux")]
mod roles;
#[cfg(target_os = "linux")]
mod run;
#[cfg(target_os = "linux")]
mod scenarios;
#[cfg(target_os = "linux")]
mod topology;

fn main() {
    #[cfg(target_os = "linux")]
    run::main();
}
