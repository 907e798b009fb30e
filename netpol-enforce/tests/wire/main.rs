//! The reader of frames, over whole frames: what it drops and why, what it reads, and what another reader says.
#![cfg(feature = "test-util")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests stop at what they did not expect"
)]

mod builder;
mod drops;
mod errors;
mod fragments;
mod mutations;
mod neighbours;
mod offload;
mod oracle;
mod samples;
mod transport;
mod vlan;

use std::net::{Ipv4Addr, Ipv6Addr};

use netpol_enforce::wire::build::{Ipv4, Ipv6, Link, Message, set_ipv4_checksum};
use netpol_enforce::wire::{Content, Ip, Packet, ReadLimits, read};
use netpol_enforce::{Csum, DropReason, Frame, FrameMeta, Gso, GsoKind, PortId, Tick};

const A4: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const B4: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
const A6: Ipv6Addr = Ipv6Addr::new(0xFD00, 0, 0, 0, 0, 0, 0, 1);
const B6: Ipv6Addr = Ipv6Addr::new(0xFD00, 0, 0, 0, 0, 0, 0, 2);

/// The length of an Ethernet header, of an IPv4 and of an IPv6 header.
const ETHERNET: usize = 14;
const IPV4: usize = 20;
const IPV6: usize = 40;

/// A frame to read, and how it is to be read.
#[derive(Clone, Debug)]
struct Input {
    bytes: Vec<u8>,
    missing: u32,
    csum: Csum,
    gso: Option<Gso>,
    limits: ReadLimits,
}

impl From<Vec<u8>> for Input {
    fn from(bytes: Vec<u8>) -> Self {
        let limits = ReadLimits::default();
        Self { bytes, missing: 0, csum: Csum::Complete, gso: None, limits }
    }
}

impl Input {
    /// Returns the frame as a superframe of this kind.
    fn gso(mut self, kind: GsoKind) -> Self {
        self.gso = Some(Gso { kind, size: 1400, hdr_len: 54, ecn: false });
        self
    }

    /// Returns the frame with a checksum still to be written.
    fn partial(mut self, start: usize, offset: u16) -> Self {
        self.csum = Csum::Partial { start: u16::try_from(start).unwrap(), offset };
        self
    }

    /// Returns the frame where DHCP is on.
    fn dhcp(mut self) -> Self {
        self.limits.dhcp = true;
        self
    }

    /// Returns the frame where so many tags are legal.
    fn depth(mut self, vlan_depth: u8) -> Self {
        self.limits.vlan_depth = vlan_depth;
        self
    }

    fn read(&self) -> Result<Packet, DropReason> {
        let mut meta = FrameMeta::plain(PortId(0), self.bytes.len(), Tick(0));
        meta.wire_len += self.missing;
        meta.csum = self.csum;
        meta.gso = self.gso;
        read(&Frame { meta, bytes: &self.bytes }, &self.limits)
    }

    #[track_caller]
    fn ip(&self) -> Ip {
        match self.read() {
            Ok(Packet { content: Content::Ip(ip), .. }) => ip,
            other => panic!("{other:?}"),
        }
    }
}

/// Checks that each frame is dropped for this reason and that each of the near ones is read.
#[track_caller]
fn check(reason: DropReason, dropped: &[Input], near: &[Input; 3]) {
    for (index, input) in dropped.iter().enumerate() {
        assert_eq!(input.read(), Err(reason), "dropped {index}: {input:02x?}");
    }
    for (index, input) in near.iter().enumerate() {
        assert!(input.read().is_ok(), "near {index}: {:?} {input:02x?}", input.read());
    }
}

fn v4(message: &Message) -> Input {
    Link::default().send(A4.into(), B4.into(), message).into()
}

fn v6(message: &Message) -> Input {
    Link::default().send(A6.into(), B6.into(), message).into()
}

fn packet4(packet: &[u8]) -> Input {
    Link::default().ipv4(packet).into()
}

fn packet6(packet: &[u8]) -> Input {
    Link::default().ipv6(packet).into()
}

fn header4() -> Ipv4 {
    Ipv4::new(A4, B4)
}

fn header6() -> Ipv6 {
    Ipv6::new(A6, B6)
}

/// Returns bytes with others written over them.
fn with(mut bytes: Vec<u8>, at: usize, value: &[u8]) -> Vec<u8> {
    bytes[at..at + value.len()].copy_from_slice(value);
    bytes
}

/// Returns an IPv4 packet with bytes of its header changed and its checksum right.
fn with4(packet: Vec<u8>, at: usize, value: &[u8]) -> Vec<u8> {
    let mut packet = with(packet, at, value);
    set_ipv4_checksum(&mut packet);
    packet
}

/// Returns bytes without the last so many.
fn without_last(mut bytes: Vec<u8>, count: usize) -> Vec<u8> {
    bytes.truncate(bytes.len() - count);
    bytes
}
