//! Ethernet frames and ARP packets.

use std::net::{IpAddr, Ipv4Addr};

use super::message::{Message, in_v6};
use super::{Ipv4, Ipv6};
use crate::wire::{Arp, Mac};

/// The Ethernet header of the frames to build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Who the frames are for.
    pub destination: Mac,
    /// Who sends them.
    pub source: Mac,
    tags: Vec<u8>,
}

impl Default for Link {
    /// From 02:00:00:00:00:01 to 02:00:00:00:00:02, untagged.
    fn default() -> Self {
        Self::new([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2])
    }
}

impl Link {
    /// Returns an untagged header.
    pub const fn new(source: Mac, destination: Mac) -> Self {
        Self { destination, source, tags: Vec::new() }
    }

    /// Adds a VLAN tag inside those that are there.
    #[must_use]
    pub fn tag(mut self, tpid: u16, tci: u16) -> Self {
        self.tags.extend(tpid.to_be_bytes());
        self.tags.extend(tci.to_be_bytes());
        self
    }

    /// Returns the header for another destination.
    #[must_use]
    pub fn to(mut self, destination: Mac) -> Self {
        self.destination = destination;
        self
    }

    /// Returns the header for the group that an address stands for; as it is if the address is one host.
    #[must_use]
    pub fn toward(self, destination: IpAddr) -> Self {
        match group(destination) {
            Some(group) => self.to(group),
            None => self,
        }
    }

    /// Returns a frame of any ethertype.
    pub fn frame(&self, ethertype: u16, payload: &[u8]) -> Vec<u8> {
        let ethertype = ethertype.to_be_bytes();
        [&self.destination[..], &self.source, &self.tags, &ethertype, payload].concat()
    }

    /// Returns a frame with an ARP packet.
    pub fn arp(&self, packet: &[u8]) -> Vec<u8> {
        self.frame(0x0806, packet)
    }

    /// Returns a frame with an IPv4 packet.
    pub fn ipv4(&self, packet: &[u8]) -> Vec<u8> {
        self.frame(0x0800, packet)
    }

    /// Returns a frame with an IPv6 packet.
    pub fn ipv6(&self, packet: &[u8]) -> Vec<u8> {
        self.frame(0x86DD, packet)
    }

    /// Returns a frame with a message between two addresses; to the group, if the destination is one.
    ///
    /// Addresses of different versions make an IPv6 packet, the IPv4 address mapped.
    pub fn send(&self, source: IpAddr, destination: IpAddr, message: &Message) -> Vec<u8> {
        let link = self.clone().toward(destination);
        match (source, destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                link.ipv4(&Ipv4::new(source, destination).packet(message))
            }
            _ => link.ipv6(&Ipv6::new(in_v6(source), in_v6(destination)).packet(message)),
        }
    }
}

/// Returns the Ethernet group that an address stands for (RFC 1112, 6.4; RFC 2464, 7).
fn group(destination: IpAddr) -> Option<Mac> {
    match destination {
        IpAddr::V4(address) if address.is_broadcast() => Some([0xFF; 6]),
        IpAddr::V4(address) => {
            let [_, b, c, d] = address.octets();
            address.is_multicast().then_some([0x01, 0x00, 0x5E, b & 0x7F, c, d])
        }
        IpAddr::V6(address) => {
            let [.., a, b, c, d] = address.octets();
            address.is_multicast().then_some([0x33, 0x33, a, b, c, d])
        }
    }
}

/// Returns an ARP packet (RFC 826); operation 1 is a request, 2 a reply.
pub fn arp(operation: u16, arp: &Arp) -> Vec<u8> {
    let operation = operation.to_be_bytes();
    let target_mac = [0; 6];
    let Arp { sender_mac, sender, target } = arp;
    let addresses: [&[u8]; 4] = [sender_mac, &ip(*sender), &target_mac, &ip(*target)];
    [&[0, 1, 8, 0, 6, 4][..], &operation, &addresses.concat()].concat()
}

const fn ip(address: Ipv4Addr) -> [u8; 4] {
    address.octets()
}
