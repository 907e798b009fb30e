//! What is still to be done on a frame: it must be here whole, and what is done to it must not change what was read.

use super::datagram::{Addresses, Datagram, Part};
use super::protocol::{ICMP, ICMPV6, SCTP, TCP, UDP};
use super::udp;
use crate::{Csum, DropReason, Frame, FrameMeta, Gso, GsoKind};

/// The bytes of an internet checksum.
const CHECKSUM_LENGTH: usize = 2;

/// Checks that a frame is whole and, if it is a superframe, of a kind that can be sent.
#[inline]
pub(super) fn check_frame(frame: &Frame<'_>) -> Result<(), DropReason> {
    let wire_len = usize::try_from(frame.meta.wire_len).unwrap_or(usize::MAX);
    if frame.bytes.len() < wire_len {
        return Err(DropReason::Truncated);
    }
    match frame.meta.gso {
        Some(Gso { kind: GsoKind::Other(_), .. }) => Err(DropReason::UnsendableGso),
        _ => Ok(()),
    }
}

/// Checks a frame without IP: nothing can be left to do.
pub(super) fn check_nothing_left(meta: &FrameMeta) -> Result<(), DropReason> {
    match (meta.gso, meta.csum) {
        (Some(_), _) => Err(DropReason::TunnelGso),
        (None, Csum::Partial { .. }) => Err(DropReason::PartialChecksum),
        (None, Csum::Complete | Csum::Valid) => Ok(()),
    }
}

/// Checks that what is left to do on an IP packet is done on its own transport header.
#[inline]
pub(super) fn check_packet(datagram: &Datagram<'_>, meta: &FrameMeta) -> Result<(), DropReason> {
    if meta.gso.is_some_and(|gso| !is_cut_by(datagram, gso.kind)) {
        return Err(DropReason::TunnelGso);
    }
    match meta.csum {
        // What is cut is the packet whose checksum is written: that of a tunnel lies within.
        Csum::Partial { start, .. } if meta.gso.is_some() && !starts_at(datagram, start) => {
            Err(DropReason::TunnelGso)
        }
        Csum::Partial { start, offset } if !is_checksum_place(datagram, start, offset) => {
            Err(DropReason::PartialChecksum)
        }
        _ => Ok(()),
    }
}

/// Returns whether a superframe of this kind is this packet, not one inside it: the kernel describes that of a tunnel
/// by what is within.
#[inline]
fn is_cut_by(datagram: &Datagram<'_>, kind: GsoKind) -> bool {
    let transport = match (kind, datagram.addresses) {
        (GsoKind::Tcp4, Addresses::V4 { .. }) | (GsoKind::Tcp6, Addresses::V6 { .. }) => Some(TCP),
        (GsoKind::UdpL4, _) => Some(UDP),
        _ => None,
    };
    datagram.part == Part::Whole && transport == Some(datagram.protocol)
}

/// Returns whether a checksum that is still to be written goes where the packet has one.
///
/// The sender names the place, and a pod that sends through a packet socket of its own may name any: written into an
/// address or a port after the verdict, it would make another packet of this one. It may be the field of the
/// transport header, or lie in payload that is not judged: that of UDP, for tunnels, and of unknown protocols.
fn is_checksum_place(datagram: &Datagram<'_>, start: u16, offset: u16) -> bool {
    let (start, offset) = (usize::from(start), usize::from(offset));
    let end = datagram.payload_at + datagram.payload.len();
    if start + offset + CHECKSUM_LENGTH > end {
        return false;
    }
    match checksum_field(datagram) {
        Some(field) if start == datagram.payload_at => offset == field,
        Some(_) if datagram.protocol == UDP => start >= datagram.payload_at + udp::LENGTH,
        Some(_) => false,
        None => start >= datagram.payload_at,
    }
}

fn starts_at(datagram: &Datagram<'_>, start: u16) -> bool {
    usize::from(start) == datagram.payload_at
}

/// Returns where the checksum is in the transport header, if there is one that is known.
fn checksum_field(datagram: &Datagram<'_>) -> Option<usize> {
    match (datagram.addresses, datagram.protocol) {
        _ if datagram.part == Part::Later => None,
        (_, TCP) => Some(16),
        (_, UDP) => Some(6),
        (_, SCTP) => Some(8),
        (Addresses::V4 { .. }, ICMP) | (Addresses::V6 { .. }, ICMPV6) => Some(2),
        _ => None,
    }
}
