//! Pairs of namespaces, a client and a server, each joined to the machine in the middle by a veth.

use std::fs;
use std::io::Write as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::roles;

/// A client and a server with a port each in the middle.
pub(crate) struct Pair {
    number: u8,
}

/// An end of a pair.
#[derive(Clone, Copy)]
pub(crate) enum End {
    Client,
    Server,
}

use End::{Client, Server};

impl End {
    fn letter(self) -> char {
        match self {
            Client => 'c',
            Server => 's',
        }
    }

    fn host(self) -> u8 {
        match self {
            Client => 1,
            Server => 2,
        }
    }

    fn other(self) -> Self {
        match self {
            Client => Server,
            Server => Client,
        }
    }
}

impl Pair {
    /// Makes the pair with this number, its ports ready for the datapath.
    pub(crate) fn new(number: u8) -> Self {
        let pair = Self { number };
        for end in [Client, Server] {
            ip(&format!("netns add {}", pair.namespace(end)));
            pair.join(end);
            pair.set_up_port(end);
        }
        pair
    }

    /// Makes the veth of an end, and gives its outer side addresses.
    pub(crate) fn join(&self, end: End) {
        let (port, namespace) = (self.port(end), self.namespace(end));
        ip(&format!("link add {port} type veth peer name eth0 netns {namespace}"));
        ip(&format!("-n {namespace} link set eth0 address {}", text_of(self.mac(end))));
        ip(&format!("-n {namespace} addr add {}/24 dev eth0", self.v4(end)));
        ip(&format!("-n {namespace} addr add {}/64 dev eth0 nodad", self.v6(end)));
        ip(&format!("-n {namespace} link set eth0 up"));
    }

    /// Makes a port ready for the datapath.
    pub(crate) fn set_up_port(&self, end: End) {
        let port = self.port(end);
        set(&format!("ipv6/conf/{port}/disable_ipv6"), "1");
        set(&format!("ipv4/conf/{port}/forwarding"), "0");
        ip(&format!("link set {port} arp off"));
        ip(&format!("link set {port} up"));
    }

    /// Switches IPv6 off at an end, so that nothing is sent but what is asked for.
    pub(crate) fn silence(&self, end: End) {
        self.run(end, &["role:set", "ipv6/conf/eth0/disable_ipv6", "1"]);
    }

    pub(crate) fn namespace(&self, end: End) -> String {
        format!("{}{}", end.letter(), self.number)
    }

    pub(crate) fn port(&self, end: End) -> String {
        format!("p{}{}", end.letter(), self.number)
    }

    pub(crate) fn mac(&self, end: End) -> [u8; 6] {
        [2, 0, 0, 0, self.number, end.host()]
    }

    pub(crate) fn v4(&self, end: End) -> String {
        format!("10.{}.0.{}", self.number, end.host())
    }

    pub(crate) fn v6(&self, end: End) -> String {
        format!("fd00:{}::{}", self.number, end.host())
    }

    /// Runs this program in a role at an end, and returns what it says.
    pub(crate) fn run(&self, end: End, arguments: &[&str]) -> String {
        let output = self.command(end, arguments).output().unwrap();
        let (said, complaint) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{arguments:?}: {said} {complaint}");
        said
    }

    /// Starts this program in a role at an end; it says `ready` before anything else.
    pub(crate) fn start(&self, end: End, arguments: &[&str]) -> Role {
        Role::start(self.command(end, arguments))
    }

    /// Asks the other end by ICMP, and returns whether it answers.
    pub(crate) fn ping(&self, family: u8) -> bool {
        let mac = self.mac(Server);
        self.ping_at(family, mac, &self.address(Server, family), 1500)
    }

    /// Asks an address at a MAC address by ICMP, and returns whether there is an answer within a time.
    pub(crate) fn ping_at(&self, family: u8, mac: [u8; 6], address: &str, wait_ms: u32) -> bool {
        let (mine, source) = (text_of(self.mac(Client)), self.address(Client, family));
        let (mac, wait) = (text_of(mac), wait_ms.to_string());
        let arguments = ["role:ping", &mine, &mac, &source, address, &wait];
        self.run(Client, &arguments) == "answer"
    }

    /// Sends datagrams to the server, which sends them back, and returns how many came back.
    pub(crate) fn exchange_udp(&self, family: u8, count: u32, size: u32) -> u32 {
        let (mut server, address) = self.serve("role:udp-server", Server, family);
        let arguments = ["role:udp-client", &address, &count.to_string(), &size.to_string()];
        let received = self.run(Client, &arguments).parse().unwrap();
        server.stop();
        received
    }

    /// Waits until the server is reached: after a change the ends take up to a second to see that the link is there, and
    /// ask for a neighbour once a second.
    pub(crate) fn wait_until_reachable(&self) {
        let is_reached = (0..6).any(|_| self.exchange_udp(4, 1, 100) == 1);
        assert!(is_reached, "the server is not reached");
    }

    /// Sends bytes to the server, which sends them back, and compares them.
    pub(crate) fn exchange_tcp(&self, family: u8, bytes: u32) {
        let (mut server, address) = self.serve("role:tcp-server", Server, family);
        self.run(Client, &["role:tcp-client", &address, &bytes.to_string()]);
        server.stop();
    }

    pub(crate) fn serve(&self, role: &str, end: End, family: u8) -> (Role, String) {
        let address = self.address(end, family);
        let address = if family == 4 { format!("{address}:7") } else { format!("[{address}]:7") };
        (self.start(end, &[role, &address]), address)
    }

    pub(crate) fn address(&self, end: End, family: u8) -> String {
        if family == 4 { self.v4(end) } else { self.v6(end) }
    }

    /// Returns how many frames an end has received.
    pub(crate) fn frames(&self, end: End) -> u64 {
        self.run(end, &["role:frames"]).parse().unwrap()
    }

    /// Waits until an end receives frames again; fails after three seconds.
    pub(crate) fn wait_for_frames(&self, end: End) {
        let (start, before) = (Instant::now(), self.frames(end));
        while self.frames(end) == before {
            assert!(start.elapsed() < Duration::from_secs(3), "nothing arrives");
        }
    }

    /// Asserts that no checksum was wrong and no packet cut, at either end.
    pub(crate) fn assert_clean(&self) {
        for end in [Client, Server] {
            let faults = self.run(end, &["role:faults"]);
            assert_eq!(faults, "", "at {}, from {}", end.letter(), end.other().letter());
        }
    }

    fn command(&self, end: End, arguments: &[&str]) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace(end)]);
        command.arg(roles::this_program()).args(arguments);
        command
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        for end in [Client, Server] {
            let port = self.port(end);
            drop(Command::new("ip").args(["link", "del", &port]).stderr(Stdio::null()).status());
            drop(Command::new("ip").args(["netns", "del", &self.namespace(end)]).status());
        }
    }
}

/// A process in a role, killed when it is no longer needed.
pub(crate) struct Role {
    child: Child,
}

impl Role {
    /// Starts a process and waits until it is ready.
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let line = roles::read_line(child.stdout.as_mut().unwrap());
        assert_eq!(line, "ready");
        Self { child }
    }

    /// Returns the next line that it says.
    pub(crate) fn line(&mut self) -> String {
        roles::read_line(self.child.stdout.as_mut().unwrap())
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

/// Runs `ip` with words.
pub(crate) fn ip(words: &str) {
    let output = Command::new("ip").args(words.split(' ')).output().unwrap();
    assert!(output.status.success(), "ip {words}: {}", text(&output.stderr));
}

/// Changes a setting below `/proc/sys/net`.
pub(crate) fn set(path: &str, value: &str) {
    let mut file =
        fs::OpenOptions::new().write(true).open(format!("/proc/sys/net/{path}")).unwrap();
    file.write_all(value.as_bytes()).unwrap();
}

pub(crate) fn text_of(mac: [u8; 6]) -> String {
    let bytes: Vec<String> = mac.iter().map(|byte| format!("{byte:02x}")).collect();
    bytes.join(":")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}
