//! Two namespaces with the pods of each side, joined by veths to the one in the middle.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// The ports of the datapath, by side.
pub(crate) const PORTS: [&str; 2] = ["pa", "pb"];
const NAMESPACES: [&str; 2] = ["a", "b"];

/// Both sides, until dropped.
pub(crate) struct Sides;

impl Sides {
    /// Makes both sides, each with its addresses.
    pub(crate) fn new(addresses: &[Vec<IpAddr>; 2]) -> Self {
        for (side, own) in addresses.iter().enumerate() {
            let (port, namespace) = (PORTS[side], NAMESPACES[side]);
            ip(&format!("netns add {namespace}"));
            ip(&format!("link add {port} type veth peer name eth0 netns {namespace}"));
            let mac = text_of(mac(side));
            ip(&format!("-n {namespace} link set eth0 address {mac}"));
            for address in own {
                let (length, nodad) = if address.is_ipv4() { (32, "") } else { (128, " nodad") };
                ip(&format!("-n {namespace} addr add {address}/{length} dev eth0{nodad}"));
            }
            ip(&format!("-n {namespace} link set lo up"));
            ip(&format!("-n {namespace} link set eth0 up"));
            ip(&format!("-n {namespace} route add default dev eth0"));
            ip(&format!("-n {namespace} -6 route add default dev eth0"));
            set(&format!("ipv6/conf/{port}/disable_ipv6"), "1");
            ip(&format!("link set {port} arp off"));
            ip(&format!("link set {port} up"));
        }
        Self
    }
}

impl Sides {
    /// Makes both sides without addresses, where nothing is sent or answered but by tests.
    pub(crate) fn silent() -> Self {
        let sides = Self::new(&Default::default());
        for namespace in NAMESPACES {
            let mut command = in_namespace(namespace);
            let status = command.args(["role:set", "ipv6/conf/eth0/disable_ipv6", "1"]).status();
            assert!(status.unwrap().success());
        }
        sides
    }
}

/// Returns this program in a namespace.
fn in_namespace(namespace: &str) -> Command {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", namespace]).arg(this_program());
    command
}

impl Drop for Sides {
    fn drop(&mut self) {
        for (port, namespace) in PORTS.into_iter().zip(NAMESPACES) {
            drop(Command::new("ip").args(["link", "del", port]).stderr(Stdio::null()).status());
            drop(Command::new("ip").args(["netns", "del", namespace]).status());
        }
    }
}

/// The Ethernet address of a side.
pub(crate) const fn mac(side: usize) -> [u8; 6] {
    if side == 0 { [2, 0, 0, 0, 0, 1] } else { [2, 0, 0, 0, 0, 2] }
}

/// A process on a side, in a role; killed when it is no longer needed.
pub(crate) struct Role {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Role {
    /// Starts this program in a role, and waits until it is ready.
    pub(crate) fn start(side: usize, arguments: &[&str]) -> Self {
        let mut command = in_namespace(NAMESPACES[side]);
        command.args(arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut role = Self { child, input, output: BufReader::new(output) };
        assert_eq!(role.line(), "ready", "{arguments:?}");
        role
    }

    /// Plays a role that needs no more than its arguments, to its end, and returns what it says.
    pub(crate) fn ask(side: usize, arguments: &[&str]) -> String {
        let output = in_namespace(NAMESPACES[side]).args(arguments).output().unwrap();
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
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
}

impl Drop for Role {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
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
    let output = Command::new("ip").args(words.split(' ')).output().unwrap();
    assert!(output.status.success(), "ip {words}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Runs `ip` on a side, and returns what it says.
pub(crate) fn ip_on(side: usize, words: &str) -> String {
    let mut command = Command::new("ip");
    let output = command.args(["-n", NAMESPACES[side]]).args(words.split(' ')).output().unwrap();
    assert!(output.status.success(), "ip {words}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Changes a setting below `/proc/sys/net`.
pub(crate) fn set(path: &str, value: &str) {
    fs::write(format!("/proc/sys/net/{path}"), value).unwrap();
}

fn text_of(mac: [u8; 6]) -> String {
    mac.map(|byte| format!("{byte:02x}")).join(":")
}
