//! How fast the datapath is, beside one that allows everything and beside the bridge of the kernel, in rounds that take turns.
//!
//! It measures, and so runs on request alone:
//! `cargo test --release -p netpol-enforce --features test-util --test throughput -- --run [ROUNDS [SECONDS]]`
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
mod middles;
#[cfg(target_os = "linux")]
mod roles;
#[cfg(target_os = "linux")]
mod rounds;
#[cfg(target_os = "linux")]
#[path = "../live_policies/sides.rs"]
mod sides;

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
            sides::make_run_writable();
            let number = |at: usize, otherwise| {
                rest.get(at).map_or(otherwise, |n| n.parse::<u32>().unwrap())
            };
            rounds::measure(number(0, 5), number(1, 2));
        }
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
