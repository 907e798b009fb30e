//! How fast the datapath is: beside one that allows everything, and beside what the kernel and its queues do, in rounds
//! that take turns.
//!
//! It measures, and so runs on request alone:
//! `cargo test --release -p netpol-enforce --features test-util --test throughput -- --run [ROUNDS [SECONDS]]`
//!
//! Modules in reading order: `rounds` (who takes a turn), `turn` (one of them, in a process and a network namespace of its
//! own), `ends` (who talks to whom), `middle` (what stands between them: `datapath`, `router`, `nftables`, `queue`),
//! `load` (what is measured, with `iperf`, `roles` and `cpus`), and `sheet` (the table).
#![cfg_attr(not(target_os = "linux"), allow(unused, reason = "there is nothing to measure"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::exit,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    dead_code,
    reason = "a program that measures, and shares a file with another that uses more of it"
)]

#[cfg(target_os = "linux")]
mod cpus;
#[cfg(target_os = "linux")]
mod datapath;
#[cfg(target_os = "linux")]
mod ends;
#[cfg(target_os = "linux")]
mod iperf;
#[cfg(target_os = "linux")]
mod load;
#[cfg(target_os = "linux")]
mod middle;
#[cfg(target_os = "linux")]
mod nftables;
#[cfg(target_os = "linux")]
mod queue;
#[cfg(target_os = "linux")]
mod roles;
#[cfg(target_os = "linux")]
mod rounds;
#[cfg(target_os = "linux")]
mod router;
#[cfg(target_os = "linux")]
mod sheet;
#[cfg(target_os = "linux")]
#[path = "../live_policies/sides.rs"]
mod sides;
#[cfg(target_os = "linux")]
mod tools;
#[cfg(target_os = "linux")]
mod turn;

fn main() {
    #[cfg(target_os = "linux")]
    run();
}

#[cfg(target_os = "linux")]
fn run() {
    use std::process::{Command, exit};
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["inside", ref rest @ ..] => {
            let number = |at: usize, otherwise| {
                rest.get(at).map_or(otherwise, |n| n.parse::<u32>().unwrap())
            };
            rounds::measure(number(0, 5), number(1, 2));
        }
        [turn::WORD, ref rest @ ..] => turn::Turn::of(rest).take(),
        [word, ref rest @ ..] if word.starts_with("role:") => roles::play(word, rest),
        ["--run", ref rest @ ..] => {
            let mut inside = Command::new("unshare");
            inside
                .args(["-Urnm", "--kill-child"])
                .arg(sides::this_program())
                .arg("inside")
                .args(rest);
            exit(inside.status().unwrap().code().unwrap_or(1));
        }
        _ => println!("not measured: this runs with `-- --run`"),
    }
}
