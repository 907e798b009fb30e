//! Programs that may be there or not.

use std::io::Write as _;
use std::net::IpAddr;
use std::process::{Command, Output, Stdio};

/// Tells whether a program is there.
pub(crate) fn has(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok()
}

/// Runs a program with words.
pub(crate) fn run(program: &str, words: &str) {
    checked(program, words, &Command::new(program).args(words.split(' ')).output().unwrap());
}

/// Runs a program with words inside the namespace of a side.
pub(crate) fn run_at(side: usize, program: &str, words: &str) {
    let output = at(side, program).args(words.split(' ')).output().unwrap();
    checked(program, words, &output);
}

/// Returns the command that starts a program inside the namespace of a side.
pub(crate) fn at(side: usize, program: &str) -> Command {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", ["a", "b"][side], program]);
    command
}

/// Runs a program that reads text.
pub(crate) fn feed(program: &str, words: &str, text: &str) {
    let mut command = Command::new(program);
    command.args(words.split(' ')).stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    checked(program, words, &child.wait_with_output().unwrap());
}

fn checked(program: &str, words: &str, output: &Output) {
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {words}: {complaint}");
}

/// Changes a setting below `/proc/sys/net`, if there is such a one.
pub(crate) fn set(path: &str, value: &str) {
    let path = format!("/proc/sys/net/{path}");
    if std::path::Path::new(&path).exists() {
        std::fs::write(path, value).unwrap();
    }
}

/// Returns the length of the prefix that an address is by itself.
pub(crate) const fn whole(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}
