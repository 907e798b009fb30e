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

fn main() {
    #[cfg(target_os = "linux")]
    run();
}

#[cfg(target_os = "linux")]
fn run() {
    use std::process::{Command, Stdio, exit};
    const INSIDE: &str = "inside";
    const SCENARIOS: [(&str, fn()); 8] = [
        ("every_pair_on_every_port", pairs::every_pair_on_every_port),
        ("a_connection_ends_with_its_policy", reloads::a_connection_ends_with_its_policy),
        ("reloads_lose_nothing_and_let_nothing_through", reloads::reloads_lose_nothing),
        ("what_is_forged_is_dropped", frames::what_is_forged_is_dropped),
        ("what_is_allowed_arrives_byte_for_byte", frames::what_is_allowed_arrives),
        ("a_duplicate_address_is_found_across", frames::a_duplicate_address_is_found),
        ("a_flood_is_counted_and_soon_forgotten", flood::a_flood_is_counted),
        ("fuzzed_frames_add_up", fuzz::fuzzed_frames_add_up),
    ];
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let unshare = |rest: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(["-Urnm", "--kill-child"]).args(rest);
        command
    };
    match words[..] {
        [INSIDE, ref filters @ ..] => {
            sides::make_run_writable();
            for (name, scenario) in SCENARIOS {
                if filters.is_empty() || filters.iter().any(|filter| name.contains(filter)) {
                    scenario();
                    println!("live {name} ... ok");
                }
            }
        }
        [word, ref rest @ ..] if word.starts_with("role:") => roles::play(word, rest),
        ref filters if filters.contains(&"--list") => {
            if !filters.contains(&"--ignored") {
                SCENARIOS.iter().for_each(|(name, _)| println!("{name}: test"));
            }
        }
        ref filters => {
            let probe =
                unshare(&["ip", "link"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
            if !probe.is_ok_and(|status| status.success()) {
                println!(
                    "skipped: {} live scenarios, for namespaces cannot be made here",
                    SCENARIOS.len()
                );
                return;
            }
            let filters = filters.iter().filter(|word| !word.starts_with("--"));
            let mut inside = unshare(&[]);
            let status =
                inside.arg(sides::this_program()).arg(INSIDE).args(filters).status().unwrap();
            exit(status.code().unwrap_or(1));
        }
    }
}
