//! Transport headers: which file reads which.

use super::datagram::{Addresses, Datagram, Part};
use super::protocol::{ICMP, ICMPV6, SCTP, TCP, UDP};
use super::{Transport, icmp, sctp, tcp, udp};
use crate::DropReason;

/// The transport header of a packet and its length in bytes; 0 where it is not here or not known.
pub(super) type Header = (Transport, usize);

/// Reads the transport header.
#[inline]
pub(super) fn read(datagram: &Datagram<'_>) -> Result<Header, DropReason> {
    let (bytes, part) = (datagram.payload, datagram.part);
    match (datagram.addresses, datagram.protocol) {
        _ if part == Part::Later => read_later(datagram),
        (_, TCP) => tcp::read(bytes, part),
        (_, UDP) => udp::read(bytes, part, datagram.is_jumbogram),
        (_, SCTP) => sctp::read(bytes, part),
        (Addresses::V4 { .. }, ICMP) => icmp::read_v4(bytes, part),
        (Addresses::V6 { .. }, ICMPV6) => icmp::read_v6(bytes, part),
        _ => Ok((Transport::Other, 0)),
    }
}

/// A TCP fragment that begins after 8 bytes writes the flags (RFC 3128): no honest host cuts there.
fn read_later(datagram: &Datagram<'_>) -> Result<Header, DropReason> {
    let offset = datagram.fragment.map_or(0, |fragment| fragment.offset);
    if datagram.protocol == TCP && offset == 8 {
        Err(DropReason::FragmentTiny)
    } else {
        Ok((Transport::Later, 0))
    }
}
