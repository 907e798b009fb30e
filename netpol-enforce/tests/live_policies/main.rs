//! Policies on real connections: every pair of pods of a cluster on opposite sides of the datapath, on every port, over TCP
//! and UDP between sockets of the kernel and SCTP in crafted frames, must get through exactly where the evaluator allows it.
//! Frames that pretend, floods and frames at random do not, and what passes arrives as it was sent. The last take two seconds,
//! or as many as `NETPOL_LIVE_FUZZ_SECONDS` says.
//!
//! Like `live_device` it starts itself again inside namespaces of its own, and says aloud where that is forbidden.
#![cfg_attr(not(target_os = "linux"), allow(unused, reason = "there is nothing to test"))]
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

#[cfg(target_os = "linux")]
mod clusters;
#[cfg(target_os = "linux")]
#[expect(dead_code, reason = "the frames of the engine's tests; its tables are not used here")]
#[path = "../engine/common.rs"]
mod common;
#[cfg(target_os = "linux")]
mod datapath;
#[cfg(target_os = "linux")]
mod flood;
#[cfg(target_os = "linux")]
mod frames;
#[cfg(target_os = "linux")]
mod fuzz;
#[cfg(target_os = "linux")]
mod pairs;
#[cfg(target_os = "linux")]
mod reloads;
#[cfg(target_os = "linux")]
mod roles;
#[cfg(target_os = "linux")]
mod sides;

#[cfg(target_os = "linux")]
use sides::live;

fn main() {
    #[cfg(target_os = "linux")]
    {
        use flood::a_flood_is_counted_and_soon_forgotten;
        use frames::{
            an_address_is_asked_for_where_it_stands, what_is_allowed_arrives_byte_for_byte,
            what_is_forged_is_dropped,
        };
        use fuzz::fuzzed_frames_add_up;
        use pairs::every_pair_on_every_port;
        use reloads::{
            a_connection_ends_with_its_policy, reloads_lose_nothing_and_let_nothing_through,
        };
        const ALL: &[live::Scenario] = live::scenarios![
            every_pair_on_every_port,
            a_connection_ends_with_its_policy,
            reloads_lose_nothing_and_let_nothing_through,
            what_is_forged_is_dropped,
            what_is_allowed_arrives_byte_for_byte,
            an_address_is_asked_for_where_it_stands,
            a_flood_is_counted_and_soon_forgotten,
            fuzzed_frames_add_up,
        ];
        live::main(ALL, roles::play);
    }
}
