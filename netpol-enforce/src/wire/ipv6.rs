//! IPv6 headers (RFC 8200) and jumbograms (RFC 2675).

use std::net::Ipv6Addr;

use super::datagram::{Addresses, Datagram, Part};
use super::ethernet::Ethernet;
use super::extension::{self, Chain, FRAGMENT_LENGTH};
use super::view::View;
use super::{Fragment, extension::HOP_BY_HOP};
use crate::{DropReason, Gso};

const VERSION: usize = 0;
const PAYLOAD_LENGTH: usize = 4;
const NEXT_HEADER: usize = 6;
const HOP_LIMIT: usize = 7;
const SOURCE: usize = 8;
const DESTINATION: usize = 24;
/// The length of the fixed header.
pub(super) const LENGTH: usize = 40;

/// Reads an IPv6 packet up to its transport header.
pub(super) fn read<'a>(
    ethernet: &Ethernet<'a>,
    gso: Option<Gso>,
) -> Result<Datagram<'a>, DropReason> {
    let header = Header::read(ethernet.payload).ok_or(DropReason::Ipv6Length)?;
    let after = ethernet.payload.skip(LENGTH).ok_or(DropReason::Ipv6Length)?;
    let content = header.content(after, gso)?;
    let chain = extension::walk(header.next_header, content)?;
    check_jumbogram(&header, &chain)?;
    if header.hop_limit == 0 {
        return Err(DropReason::TtlZero);
    }
    let fragment = read_fragment(&chain, content)?;
    Ok(Datagram {
        addresses: Addresses::V6 { source: header.source, destination: header.destination },
        hop_limit: header.hop_limit,
        protocol: chain.protocol,
        part: Part::of(fragment.as_ref()),
        fragment,
        has_fragment_header: chain.fragment.is_some(),
        is_jumbogram: chain.jumbo_length.is_some(),
        payload: content.skip(chain.length).ok_or(DropReason::ExtensionChain)?,
        payload_at: ethernet.payload_at + LENGTH + chain.length,
    })
}

/// The fields of a header.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    payload_length: usize,
    pub(super) next_header: u8,
    hop_limit: u8,
    pub(super) source: Ipv6Addr,
    pub(super) destination: Ipv6Addr,
}

impl Header {
    /// Reads the fields; `None` if it is not IPv6 or too short to be.
    pub(super) fn read(packet: View<'_>) -> Option<Self> {
        let version = packet.u8(VERSION)? >> 4;
        let header = Self {
            payload_length: usize::from(packet.u16(PAYLOAD_LENGTH)?),
            next_header: packet.u8(NEXT_HEADER)?,
            hop_limit: packet.u8(HOP_LIMIT)?,
            source: packet.ipv6(SOURCE)?,
            destination: packet.ipv6(DESTINATION)?,
        };
        (version == 6).then_some(header)
    }

    /// Returns what the header says follows it: extension headers and payload, without Ethernet padding.
    fn content<'a>(&self, after: View<'a>, gso: Option<Gso>) -> Result<View<'a>, DropReason> {
        let length = match self.payload_length {
            0 => self.long_length(after, gso)?,
            length => length,
        };
        after.take(length).ok_or(DropReason::Ipv6Length)
    }

    /// Returns the length of what is too long for its field: in the jumbo payload option, else that of the superframe.
    fn long_length(&self, after: View<'_>, gso: Option<Gso>) -> Result<usize, DropReason> {
        let jumbo_length = match self.next_header {
            HOP_BY_HOP => extension::read_jumbo_length(after)?,
            _ => None,
        };
        match (jumbo_length, gso) {
            (Some(length), _) => usize::try_from(length).ok().ok_or(DropReason::Ipv6Length),
            (None, Some(_)) => Ok(after.len()),
            (None, None) => Err(DropReason::Ipv6Length),
        }
    }
}

/// Checks what a jumbo payload option must not meet (RFC 2675, 3): a length in the header, a length that the header
/// can say, a fragment header.
fn check_jumbogram(header: &Header, chain: &Chain) -> Result<(), DropReason> {
    match chain.jumbo_length {
        None => Ok(()),
        Some(_) if chain.fragment.is_some() => Err(DropReason::ExtensionChain),
        Some(length) if header.payload_length == 0 && length > u32::from(u16::MAX) => Ok(()),
        Some(_) => Err(DropReason::Ipv6Length),
    }
}

/// Returns the fragment that a chain says this is; none for a whole packet and an atomic fragment.
fn read_fragment(chain: &Chain, content: View<'_>) -> Result<Option<Fragment>, DropReason> {
    let Some((piece, end)) = chain.fragment.filter(|(piece, _)| !piece.is_whole()) else {
        return Ok(None);
    };
    let before = end.saturating_sub(FRAGMENT_LENGTH);
    let fragment = piece.fragment(content.len().saturating_sub(end), before);
    let mut fragment = fragment.ok_or(DropReason::Ipv6Length)?;
    // Extension headers after the fragment header are part of what was cut.
    fragment.header_end = u32::try_from(chain.length.saturating_sub(end)).unwrap_or(u32::MAX);
    Ok(Some(fragment))
}
