//! A datagram as it is told from others, as it was decided and as it is stored.

use std::net::IpAddr;

use crate::flow::FlowId;
use crate::flow::list::{Chain, Links};
use crate::wire::{Fragment, Ip};
use crate::{DropReason, PortId, Tick};

/// What the fragments of a datagram have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FragKey {
    zone: u16,
    arrival: PortId,
    source: IpAddr,
    destination: IpAddr,
    id: u32,
    protocol: u8,
}

impl FragKey {
    /// Returns the key of a fragment that came in by a port.
    ///
    /// The protocol tells IPv4 datagrams apart (RFC 791, section 2.3). In IPv6 it may differ between the fragments of
    /// one datagram, and does not count (RFC 8200, section 4.5).
    pub fn of(ip: &Ip, fragment: &Fragment, zone: u16, arrival: PortId) -> Self {
        let protocol = if ip.source.is_ipv4() { ip.protocol } else { 0 };
        let Ip { source, destination, .. } = *ip;
        Self { zone, arrival, source, destination, id: fragment.id, protocol }
    }

    /// Returns where the fragmentable part must end: a packet has 65 535 bytes, in IPv4 with the header.
    pub(super) const fn limit(&self) -> u32 {
        if self.source.is_ipv4() { 65_535 - 20 } else { 65_535 }
    }

    /// Returns the reason to drop a fragment whose place or length cannot be.
    pub(super) const fn malformed(&self) -> DropReason {
        if self.source.is_ipv4() { DropReason::Ipv4Header } else { DropReason::Ipv6Length }
    }
}

/// What becomes of the fragments of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// They leave by a port.
    Forward {
        /// The port.
        out: PortId,
    },
    /// They are dropped.
    Drop(DropReason),
}

/// What was decided about the first fragment of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decided {
    /// What becomes of its fragments.
    pub fate: Fate,
    /// The flow it belongs to.
    pub flow: Option<FlowId>,
    /// The epoch of the policies that decided.
    pub epoch: u32,
    /// Who sent it, for the quota: a number below [`FragLimits::owners`](super::FragLimits::owners).
    pub owner: u32,
}

/// A datagram of a table. It finds nothing once the datagram is forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FragId {
    pub(super) index: u32,
    pub(super) generation: u32,
}

/// A datagram as it is stored.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) key: FragKey,
    pub(super) decided: Decided,
    pub(super) by_age: Links,
    /// When its time began.
    pub(super) since: Tick,
    /// Where the transport header ends.
    pub(super) header_end: u32,
    /// How many units have come.
    pub(super) units: u32,
    /// Where what has come ends, in bytes.
    pub(super) reach: u32,
    /// Where the datagram ends, in bytes, once the last fragment has come.
    pub(super) end: Option<u32>,
    /// Set when its fragments contradict each other: nothing of it passes any more.
    pub(super) condemned: bool,
}

/// Datagrams in the order in which their time ends.
pub(super) struct ByAge;

impl Chain for ByAge {
    type Entry = Entry;

    fn links(entry: &Entry) -> &Links {
        &entry.by_age
    }

    fn links_mut(entry: &mut Entry) -> &mut Links {
        &mut entry.by_age
    }
}
