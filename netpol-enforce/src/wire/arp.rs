//! ARP packets for Ethernet and IPv4 (RFC 826, RFC 5227).

use std::net::Ipv4Addr;

use super::Arp;
use super::ethernet::{ETHERTYPE_IPV4, Ethernet, is_group};
use super::view::View;
use crate::DropReason;

const HARDWARE_TYPE: usize = 0;
const PROTOCOL_TYPE: usize = 2;
const HARDWARE_LENGTH: usize = 4;
const PROTOCOL_LENGTH: usize = 5;
const OPERATION: usize = 6;
const SENDER_MAC: usize = 8;
const SENDER: usize = 14;
const TARGET: usize = 24;
const LENGTH: usize = 28;

const ETHERNET: u16 = 1;
const REQUEST: u16 = 1;
const REPLY: u16 = 2;

/// Reads an ARP request or reply; whether its sender is who it says is for others to decide.
pub(super) fn read(ethernet: &Ethernet<'_>) -> Result<Arp, DropReason> {
    let legal = ethernet.is_unicast_or_broadcast().then_some(ethernet.payload);
    legal.and_then(read_fields).ok_or(DropReason::ArpInvalid)
}

fn read_fields(packet: View<'_>) -> Option<Arp> {
    let packet = packet.take(LENGTH)?;
    let kind = (packet.u16(HARDWARE_TYPE)?, packet.u16(PROTOCOL_TYPE)?);
    let lengths = (packet.u8(HARDWARE_LENGTH)?, packet.u8(PROTOCOL_LENGTH)?);
    let operation = packet.u16(OPERATION)?;
    let arp = Arp {
        sender_mac: packet.array(SENDER_MAC)?,
        sender: packet.ipv4(SENDER)?,
        target: packet.ipv4(TARGET)?,
    };
    let legal = kind == (ETHERNET, ETHERTYPE_IPV4)
        && lengths == (6, 4)
        && may_send(operation, arp.sender)
        && !is_group(arp.sender_mac);
    legal.then_some(arp)
}

/// Returns whether an operation may have this sender: a probe has none (RFC 5227, 2.1.1), a reply has one host.
fn may_send(operation: u16, sender: Ipv4Addr) -> bool {
    match operation {
        REQUEST if sender.is_unspecified() => true,
        REQUEST | REPLY => {
            let many = sender.is_multicast() || sender.is_broadcast();
            !many && !sender.is_loopback() && !sender.is_unspecified()
        }
        _ => false,
    }
}
