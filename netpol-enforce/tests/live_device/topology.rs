//! Pairs of namespaces, a client and a server, each joined to the machine in the middle by a veth.

use std::time::{Duration, Instant};

use crate::live::{self, Role, in_namespace, ip, said, text_of};

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
        live::join(&namespace, &port);
        ip(&format!("-n {namespace} link set eth0 address {}", text_of(self.mac(end))));
        ip(&format!("-n {namespace} addr add {}/24 dev eth0", self.v4(end)));
        ip(&format!("-n {namespace} addr add {}/64 dev eth0 nodad", self.v6(end)));
        ip(&format!("-n {namespace} link set eth0 up"));
    }

    /// Makes a port ready for the datapath.
    pub(crate) fn set_up_port(&self, end: End) {
        live::set_up_port(&self.port(end));
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
        let output = in_namespace(&self.namespace(end), arguments).output().unwrap();
        said(arguments[0], &output)
    }

    /// Starts this program in a role at an end; it says `ready` before anything else.
    pub(crate) fn start(&self, end: End, arguments: &[&str]) -> Role {
        Role::spawn(in_namespace(&self.namespace(end), arguments))
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
}

impl Drop for Pair {
    fn drop(&mut self) {
        for end in [Client, Server] {
            live::part(&self.namespace(end), &self.port(end));
        }
    }
}
