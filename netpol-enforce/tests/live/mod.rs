//! What live tests share: a program that starts itself again inside namespaces of its own (`unshare -Urnm`), which needs no
//! root, and there is the machine in the middle; network namespaces joined to it by pairs of interfaces; and what runs in
//! these, the program once more in a role (`role:…`), through `ip netns exec`.
#![allow(dead_code, unused_macros, unused_imports, reason = "no test uses all of it")]

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::panic::catch_unwind;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio, exit};

/// The argument that says that the namespaces are there.
const INSIDE: &str = "inside";

/// How a scenario ended, if it did not fail.
pub(crate) enum Outcome {
    Passed,
    /// Something that it needs is not here.
    Skipped(String),
}

impl From<()> for Outcome {
    fn from((): ()) -> Self {
        Self::Passed
    }
}

/// Something that must hold.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) run: fn() -> Outcome,
}

/// Lists scenarios by the names of their functions.
macro_rules! scenarios {
    ($($name:ident),+ $(,)?) => {
        &[$($crate::live::Scenario {
            name: stringify!($name),
            run: || $crate::live::Outcome::from($name()),
        }),+]
    };
}
pub(crate) use scenarios;

/// Runs the scenarios inside namespaces, those whose names hold one of the arguments if there are any, or plays a role.
///
/// Where namespaces cannot be made it says how many scenarios were skipped.
pub(crate) fn main(all: &[Scenario], play: fn(&str, &[&str])) {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        [INSIDE, filters @ ..] => run_inside(all, filters),
        [word, rest @ ..] if word.starts_with("role:") => play(word, rest),
        filters if filters.contains(&"--list") => list(all, filters),
        filters => start_inside(all, filters),
    }
}

/// Lists the scenarios as the usual runner does.
fn list(all: &[Scenario], filters: &[&str]) {
    if !filters.contains(&"--ignored") {
        all.iter().for_each(|scenario| println!("{}: test", scenario.name));
    }
}

fn start_inside(all: &[Scenario], filters: &[&str]) {
    let mut probe = unshare();
    let probe = probe.args(["ip", "link"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !probe.is_ok_and(|status| status.success()) {
        println!("skipped: {} live scenarios, for namespaces cannot be made here", all.len());
        return;
    }
    let mut inside = unshare();
    let status = inside.arg(this_program()).arg(INSIDE).args(filters).status().unwrap();
    exit(status.code().unwrap_or(1));
}

/// Returns what runs a program in namespaces of its own, and ends it with this one.
pub(crate) fn unshare() -> Command {
    let mut command = Command::new("unshare");
    command.args(["-Urnm", "--kill-child"]);
    command
}

fn run_inside(all: &[Scenario], filters: &[&str]) {
    make_run_writable();
    let words: Vec<&&str> = filters.iter().filter(|filter| !filter.starts_with("--")).collect();
    let is_wanted = |scenario: &&Scenario| {
        words.is_empty() || words.iter().any(|word| scenario.name.contains(**word))
    };
    let (mut passed, mut skipped, mut failed) = (0, 0, 0);
    for scenario in all.iter().filter(is_wanted) {
        let (count, outcome) = match catch_unwind(scenario.run) {
            Ok(Outcome::Passed) => (&mut passed, "ok".to_owned()),
            Ok(Outcome::Skipped(why)) => (&mut skipped, format!("skipped: {why}")),
            Err(_) => (&mut failed, "FAILED".to_owned()),
        };
        *count += 1;
        println!("live {} ... {outcome}", scenario.name);
    }
    println!("live: {passed} passed, {failed} failed, {skipped} skipped");
    exit(i32::from(failed > 0));
}

pub(crate) fn this_program() -> PathBuf {
    std::env::current_exe().unwrap()
}

/// `ip netns add` writes below /run.
pub(crate) fn make_run_writable() {
    let mount = Command::new("mount").args(["-t", "tmpfs", "none", "/run"]).status();
    assert!(mount.unwrap().success());
}

/// Runs `ip` with words.
pub(crate) fn ip(words: &str) {
    drop(ip_said(words));
}

/// Runs `ip` with words, and returns what it says.
pub(crate) fn ip_said(words: &str) -> String {
    said(words, &Command::new("ip").args(words.split(' ')).output().unwrap())
}

/// Returns what a program has said; fails if it failed.
pub(crate) fn said(what: &str, output: &Output) -> String {
    let [said, complaint] =
        [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    assert!(output.status.success(), "{what}: {said} {complaint}");
    said.trim().to_owned()
}

/// Changes a setting below `/proc/sys/net`.
pub(crate) fn set(path: &str, value: &str) {
    fs::write(format!("/proc/sys/net/{path}"), value).unwrap();
}

/// Returns an Ethernet address as `ip` reads it.
pub(crate) fn text_of(mac: [u8; 6]) -> String {
    mac.map(|byte| format!("{byte:02x}")).join(":")
}

/// Joins a namespace, by its `eth0`, to a port in the middle.
pub(crate) fn join(namespace: &str, port: &str) {
    ip(&format!("link add {port} type veth peer name eth0 netns {namespace}"));
}

/// Makes a port ready for the datapath.
pub(crate) fn set_up_port(port: &str) {
    set(&format!("ipv6/conf/{port}/disable_ipv6"), "1");
    set(&format!("ipv4/conf/{port}/forwarding"), "0");
    ip(&format!("link set {port} arp off"));
    ip(&format!("link set {port} up"));
}

/// Takes a namespace away, and its port; whatever of them is gone already is no fault.
pub(crate) fn part(namespace: &str, port: &str) {
    for words in [["link", "del", port], ["netns", "del", namespace]] {
        drop(Command::new("ip").args(words).stderr(Stdio::null()).status());
    }
}

/// Returns this program in a role, in a namespace.
pub(crate) fn in_namespace(namespace: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", namespace]).arg(this_program()).args(arguments);
    command
}

/// A process in a role, killed when it is no longer needed.
pub(crate) struct Role {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Role {
    /// Starts a process, and waits until it says `ready`.
    pub(crate) fn spawn(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut role = Self { child, input, output: BufReader::new(output) };
        assert_eq!(role.line(), "ready", "{command:?}");
        role
    }

    /// Tells it a line.
    pub(crate) fn tell(&mut self, line: &str) {
        writeln!(self.input, "{line}").unwrap();
        self.input.flush().unwrap();
    }

    /// Returns the next line that it says.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Kills it (SIGKILL) and waits until it is gone.
    pub(crate) fn stop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        self.stop();
    }
}
