//! Neighbour discovery messages (RFC 4861, 4).

use std::net::Ipv6Addr;

use super::message::{Message, icmpv6};
use crate::wire::Mac;

/// Returns a neighbour solicitation for a target, with a source link-layer address option if there is one.
pub fn neighbour_solicitation(target: Ipv6Addr, link: Option<Mac>) -> Message {
    icmpv6(135, 0, [0; 4], &[&target.octets()[..], &option(1, link)].concat())
}

/// Returns a neighbour advertisement of a target, with a target link-layer address option if there is one.
///
/// `flags` are router (0x80), solicited (0x40) and override (0x20).
pub fn neighbour_advertisement(target: Ipv6Addr, link: Option<Mac>, flags: u8) -> Message {
    icmpv6(136, 0, [flags, 0, 0, 0], &[&target.octets()[..], &option(2, link)].concat())
}

/// Returns a router solicitation, with a source link-layer address option if there is one.
pub fn router_solicitation(link: Option<Mac>) -> Message {
    icmpv6(133, 0, [0; 4], &option(1, link))
}

/// Returns the group that an address is solicited through (RFC 4291, 2.7.1).
pub fn solicited_node(target: Ipv6Addr) -> Ipv6Addr {
    let [.., a, b, c] = target.octets();
    Ipv6Addr::from([0xFF, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xFF, a, b, c])
}

fn option(kind: u8, link: Option<Mac>) -> Vec<u8> {
    link.map(|mac| [&[kind, 1][..], &mac].concat()).unwrap_or_default()
}
