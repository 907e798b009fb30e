//! `netpol-query enforce` as a program: what it refuses, and what it does between two namespaces, with signals, changed files,
//! a log and counters.
//!
//! It starts itself again inside namespaces of its own (`unshare -Urnm`), and says aloud where that is forbidden.
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
mod program;
#[cfg(target_os = "linux")]
mod scenarios;

fn main() {
    #[cfg(target_os = "linux")]
    run();
}

#[cfg(target_os = "linux")]
fn run() {
    use std::process::{Command, Stdio, exit};
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["inside"] => {
            scenarios::usage_is_explained();
            scenarios::what_stands_in_the_way_is_listed();
            scenarios::a_day_of_the_datapath();
            scenarios::audit_lets_pass_and_counts();
            println!("live: 4 scenarios passed");
        }
        ["role:serve", ref addresses @ ..] => program::serve(addresses),
        ["role:connect", to] => program::connect(to),
        ref words if words.contains(&"--list") => {
            if !words.contains(&"--ignored") {
                println!("enforce: test");
            }
        }
        _ => {
            let unshare = || {
                let mut command = Command::new("unshare");
                command.args(["-Urnm", "--kill-child"]);
                command
            };
            let probe =
                unshare().args(["ip", "link"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
            if !probe.is_ok_and(|status| status.success()) {
                println!("skipped: 4 live scenarios, for namespaces cannot be made here");
                return;
            }
            let this = std::env::current_exe().unwrap();
            let status = unshare().arg(this).arg("inside").status().unwrap();
            exit(status.code().unwrap_or(1));
        }
    }
}
