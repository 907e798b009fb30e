//! Routing in the middle, which what works on conntrack needs here: the bridge has none.

use std::net::IpAddr;

use crate::sides::{PORTS, ip, mac};
use crate::tools::{set, whole};

/// Lets the kernel route between the sides.
///
/// Each port has the Ethernet address of the far end, so that both ends, and the frames of the generator, are as they are
/// without a router. Neighbours are told once, so that nothing has to be asked.
pub(crate) fn route(addresses: &[Vec<IpAddr>; 2]) {
    for (side, port) in PORTS.into_iter().enumerate() {
        let (near, far) = (text_of(mac(side)), text_of(mac(1 - side)));
        ip(&format!("link set {port} address {far}"));
        ip(&format!("link set {port} arp on"));
        set(&format!("ipv6/conf/{port}/disable_ipv6"), "0");
        for address in &addresses[side] {
            ip(&format!("route add {address}/{} dev {port}", whole(*address)));
            ip(&format!("neigh replace {address} lladdr {near} dev {port} nud permanent"));
        }
        let namespace = ["a", "b"][side];
        for address in &addresses[1 - side] {
            let what = format!("{address} lladdr {far} dev eth0 nud permanent");
            ip(&format!("-n {namespace} neigh replace {what}"));
        }
    }
    set("ipv4/ip_forward", "1");
    set("ipv6/conf/all/forwarding", "1");
}

fn text_of(mac: [u8; 6]) -> String {
    mac.map(|byte| format!("{byte:02x}")).join(":")
}
