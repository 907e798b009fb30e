//! Two namespaces with the pods of each side, joined by veths to the one in the middle.
#![allow(unused_imports, reason = "what measures shares this file, and uses less and more of it")]

use std::net::IpAddr;

#[path = "../live/mod.rs"]
pub(crate) mod live;

use self::live::in_namespace;
pub(crate) use self::live::{Role, ip, make_run_writable, set, this_program};

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
            live::join(namespace, port);
            let mac = live::text_of(mac(side));
            ip(&format!("-n {namespace} link set eth0 address {mac}"));
            for address in own {
                let (length, nodad) = if address.is_ipv4() { (32, "") } else { (128, " nodad") };
                ip(&format!("-n {namespace} addr add {address}/{length} dev eth0{nodad}"));
            }
            ip(&format!("-n {namespace} link set lo up"));
            ip(&format!("-n {namespace} link set eth0 up"));
            ip(&format!("-n {namespace} route add default dev eth0"));
            ip(&format!("-n {namespace} -6 route add default dev eth0"));
            live::set_up_port(port);
        }
        Self
    }
}

impl Sides {
    /// Makes both sides without addresses, where nothing is sent or answered but by tests.
    pub(crate) fn silent() -> Self {
        let sides = Self::new(&Default::default());
        for side in 0..NAMESPACES.len() {
            Role::ask(side, &["role:set", "ipv6/conf/eth0/disable_ipv6", "1"]);
        }
        sides
    }
}

impl Drop for Sides {
    fn drop(&mut self) {
        for (port, namespace) in PORTS.into_iter().zip(NAMESPACES) {
            live::part(namespace, port);
        }
    }
}

/// The Ethernet address of a side.
pub(crate) const fn mac(side: usize) -> [u8; 6] {
    if side == 0 { [2, 0, 0, 0, 0, 1] } else { [2, 0, 0, 0, 0, 2] }
}

impl Role {
    /// Starts this program on a side, in a role, and waits until it is ready.
    pub(crate) fn start(side: usize, arguments: &[&str]) -> Self {
        Self::spawn(in_namespace(NAMESPACES[side], arguments))
    }

    /// Plays a role that needs no more than its arguments, to its end, and returns what it says.
    pub(crate) fn ask(side: usize, arguments: &[&str]) -> String {
        live::said(arguments[0], &in_namespace(NAMESPACES[side], arguments).output().unwrap())
    }
}

/// Runs `ip` on a side, and returns what it says.
pub(crate) fn ip_on(side: usize, words: &str) -> String {
    live::ip_said(&format!("-n {} {words}", NAMESPACES[side]))
}
