//! Starts the program inside namespaces, and runs the scenarios there one after another.

use std::panic::catch_unwind;
use std::process::{Command, Stdio, exit};

use crate::roles;
use crate::scenarios::{ALL, Outcome, Scenario};

/// The argument that says that the namespaces are there.
const INSIDE: &str = "inside";

pub(crate) fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        [INSIDE, filters @ ..] => run_inside(filters),
        [word, rest @ ..] if word.starts_with("role:") => roles::play(word, rest),
        filters if filters.contains(&"--list") => list(filters),
        filters => start_inside(filters),
    }
}

/// Lists the scenarios as the usual runner does.
fn list(filters: &[&str]) {
    if !filters.contains(&"--ignored") {
        ALL.iter().for_each(|scenario| println!("{}: test", scenario.name));
    }
}

fn start_inside(filters: &[&str]) {
    let probe =
        Command::new("unshare").args(["-Urnm", "ip", "link"]).stdout(Stdio::null()).status();
    if !probe.is_ok_and(|status| status.success()) {
        println!("skipped: {} live scenarios, for namespaces cannot be made here", ALL.len());
        return;
    }
    let status = Command::new("unshare")
        .args(["-Urnm", "--kill-child"])
        .arg(roles::this_program())
        .arg(INSIDE)
        .args(filters)
        .status()
        .unwrap();
    exit(status.code().unwrap_or(1));
}

fn run_inside(filters: &[&str]) {
    // `ip netns add` writes below /run.
    assert!(
        Command::new("mount").args(["-t", "tmpfs", "none", "/run"]).status().unwrap().success()
    );
    let words: Vec<&&str> = filters.iter().filter(|filter| !filter.starts_with("--")).collect();
    let is_wanted = |scenario: &&Scenario| {
        words.is_empty() || words.iter().any(|word| scenario.name.contains(**word))
    };
    let (mut passed, mut skipped, mut failed) = (0, 0, 0);
    for scenario in ALL.iter().filter(is_wanted) {
        match catch_unwind(scenario.run) {
            Ok(Outcome::Passed) => {
                println!("live {} ... ok", scenario.name);
                passed += 1;
            }
            Ok(Outcome::Skipped(why)) => {
                println!("live {} ... skipped: {why}", scenario.name);
                skipped += 1;
            }
            Err(_) => {
                println!("live {} ... FAILED", scenario.name);
                failed += 1;
            }
        }
    }
    println!("live: {passed} passed, {failed} failed, {skipped} skipped");
    exit(i32::from(failed > 0));
}
