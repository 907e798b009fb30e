//! Packets that keep a network running: they may have addresses that others may not, or are not forwarded at all.

use super::ReadLimits;
use super::datagram::{Addresses, Datagram, Part};
use super::protocol::{ICMPV6, UDP};
use super::udp;
use crate::DropReason;

/// What a packet is for, where that decides which addresses it may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    /// Nothing of the below.
    None,
    /// From a DHCP client to servers.
    DhcpClient,
    /// From a DHCP server to a client.
    DhcpServer,
    /// Neighbour discovery from a host: router solicitations, neighbour solicitations and advertisements.
    Discovery,
}

impl Service {
    /// Returns what a packet is for, or why packets for that are not forwarded.
    #[inline]
    pub(super) fn of(datagram: &Datagram<'_>, limits: ReadLimits) -> Result<Self, DropReason> {
        match (datagram.addresses, datagram.protocol) {
            _ if datagram.part == Part::Later => Ok(Self::None),
            (_, UDP) => match Self::of_ports(datagram) {
                Self::DhcpClient | Self::DhcpServer if !limits.dhcp => Err(DropReason::DhcpOff),
                service => Ok(service),
            },
            (Addresses::V6 { .. }, ICMPV6) => Self::of_type(datagram),
            _ => Ok(Self::None),
        }
    }

    /// DHCP (RFC 2131, 4.1) and DHCPv6 (RFC 8415, 7.2) have ports of their own on both sides.
    fn of_ports(datagram: &Datagram<'_>) -> Self {
        match (datagram.addresses, udp::ports(datagram.payload)) {
            (Addresses::V4 { .. }, Some((68, 67))) | (Addresses::V6 { .. }, Some((546, 547))) => {
                Self::DhcpClient
            }
            (Addresses::V4 { .. }, Some((67, 68))) | (Addresses::V6 { .. }, Some((547, 546))) => {
                Self::DhcpServer
            }
            _ => Self::None,
        }
    }

    /// Multicast listeners (RFC 2710, RFC 3810) report to routers that are not there; router advertisements and
    /// redirects (RFC 4861, 4.2 and 4.5) are not for pods to send.
    fn of_type(datagram: &Datagram<'_>) -> Result<Self, DropReason> {
        match datagram.payload.u8(0) {
            Some(130..=132 | 143) => Err(DropReason::Multicast),
            Some(134 | 137) => Err(DropReason::NdInvalid),
            Some(133 | 135 | 136) => Ok(Self::Discovery),
            _ => Ok(Self::None),
        }
    }
}
