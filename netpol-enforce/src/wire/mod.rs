//! Frames as checked views: nothing is copied, nothing beyond the bytes at hand is read.
//!
//! [`read`] does what can be decided about a frame without knowing any other frame, address or policy. It never
//! panics and never allocates, and it takes nothing on trust: what it cannot read to the end of the transport header
//! it refuses with a [`DropReason`].
//!
//! A frame goes through the files in this order: `offload` (is it whole), `ethernet`, then `arp` or `ipv4` or `ipv6`
//! with its `extension` headers, `service` and `address` (who may send what where), and at last `neighbour` or
//! `transport`. Transport checksums are not verified: a frame between two hosts of one machine
//! often has none yet.
#![deny(clippy::indexing_slicing)]

mod address;
mod arp;
#[cfg(any(test, feature = "test-util"))]
pub mod build;
mod datagram;
mod ethernet;
mod extension;
mod icmp;
mod ip;
mod ipv4;
mod ipv6;
mod neighbour;
mod offload;
mod packet;
mod protocol;
mod quoted;
mod sctp;
mod service;
mod tcp;
mod transport;
mod udp;
mod view;

pub use self::packet::{
    Arp, Content, Fragment, Ip, Mac, Neighbour, Packet, Quoted, SctpStep, TcpFlags, Transport,
};

use self::ethernet::{ETHERTYPE_ARP, ETHERTYPE_IPV4, ETHERTYPE_IPV6, Ethernet};
use crate::{DropReason, Frame};

/// What a reader of frames accepts beyond what is always legal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadLimits {
    /// How many VLAN tags a frame may carry.
    pub vlan_depth: u8,
    /// Whether DHCP and DHCPv6 between clients and servers are legal.
    pub dhcp: bool,
}

impl Default for ReadLimits {
    /// One VLAN tag, no DHCP: pods have static addresses.
    fn default() -> Self {
        Self { vlan_depth: 1, dhcp: false }
    }
}

/// Reads a frame whole, or says why it must not be sent on.
///
/// Bytes behind the end of an ARP or IP packet are Ethernet padding and do not matter. The length of a superframe
/// (`meta.gso`) may be 0 in its IP header: it then ends with the frame.
///
/// # Errors
///
/// The first of these that applies, in the order in which a frame is read:
///
/// * [`Truncated`](DropReason::Truncated), [`UnsendableGso`](DropReason::UnsendableGso): it cannot be sent whole.
/// * [`TooShort`](DropReason::TooShort), [`VlanDepth`](DropReason::VlanDepth), [`EtherType`](DropReason::EtherType):
///   its Ethernet header and VLAN tags.
/// * [`ArpInvalid`](DropReason::ArpInvalid): an ARP packet that is not Ethernet and IPv4 (RFC 826, RFC 5227).
/// * [`Ipv4Header`](DropReason::Ipv4Header), [`Ipv4Checksum`](DropReason::Ipv4Checksum),
///   [`SourceRoute`](DropReason::SourceRoute): an IPv4 header (RFC 791).
/// * [`Ipv6Length`](DropReason::Ipv6Length), [`ExtensionChain`](DropReason::ExtensionChain),
///   [`RoutingZero`](DropReason::RoutingZero): an IPv6 header and its extension headers (RFC 8200, RFC 2675, RFC 5095).
/// * [`TtlZero`](DropReason::TtlZero): either of them.
/// * [`TunnelGso`](DropReason::TunnelGso), [`PartialChecksum`](DropReason::PartialChecksum): what is still to be done
///   on it does not belong to its own transport header.
/// * [`DhcpOff`](DropReason::DhcpOff), [`NdInvalid`](DropReason::NdInvalid), [`Multicast`](DropReason::Multicast):
///   DHCP, router advertisements, redirects and multicast listener reports.
/// * [`BadSource`](DropReason::BadSource), [`Land`](DropReason::Land),
///   [`BadDestination`](DropReason::BadDestination), [`Multicast`](DropReason::Multicast): its addresses.
/// * [`NdInvalid`](DropReason::NdInvalid): a neighbour discovery message (RFC 4861, RFC 6980).
/// * [`FragmentTiny`](DropReason::FragmentTiny): a first fragment without the whole transport header (RFC 7112), or a
///   TCP fragment that begins inside it (RFC 1858).
/// * [`TcpHeader`](DropReason::TcpHeader), [`TcpFlags`](DropReason::TcpFlags), [`UdpLength`](DropReason::UdpLength),
///   [`SctpHeader`](DropReason::SctpHeader), [`IcmpHeader`](DropReason::IcmpHeader): its transport header.
/// * [`IcmpUnrelated`](DropReason::IcmpUnrelated): an ICMP error that cannot be about a connection.
#[inline]
pub fn read(frame: &Frame<'_>, limits: &ReadLimits) -> Result<Packet, DropReason> {
    offload::check_frame(frame)?;
    let ethernet = Ethernet::read(frame.bytes, limits.vlan_depth)?;
    let meta = &frame.meta;
    let content = match ethernet.ethertype {
        ETHERTYPE_IPV4 => ip::read(&ipv4::read(&ethernet, meta.gso)?, &ethernet, meta, *limits)?,
        ETHERTYPE_IPV6 => ip::read(&ipv6::read(&ethernet, meta.gso)?, &ethernet, meta, *limits)?,
        ETHERTYPE_ARP => {
            offload::check_nothing_left(meta)?;
            Content::Arp(arp::read(&ethernet)?)
        }
        _ => return Err(DropReason::EtherType),
    };
    Ok(Packet {
        destination_mac: ethernet.destination,
        source_mac: ethernet.source,
        zone: ethernet.zone,
        content,
    })
}
