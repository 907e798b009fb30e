//! IPv4 headers (RFC 791).

use std::net::Ipv4Addr;

use super::datagram::{Addresses, Datagram, Part, Piece};
use super::ethernet::Ethernet;
use super::view::View;
use crate::{DropReason, Gso};

const VERSION_AND_LENGTH: usize = 0;
const TOTAL_LENGTH: usize = 2;
const IDENTIFICATION: usize = 4;
const FLAGS_AND_OFFSET: usize = 6;
const TIME_TO_LIVE: usize = 8;
const PROTOCOL: usize = 9;
const SOURCE: usize = 12;
const DESTINATION: usize = 16;
/// The length of a header without options.
pub(super) const SHORTEST: usize = 20;

const MORE_FRAGMENTS: u16 = 0x2000;
/// The offset of a fragment, in units of 8 bytes.
const OFFSET: u16 = 0x1FFF;

const OPTION_END: u8 = 0;
const OPTION_NOTHING: u8 = 1;
const OPTION_LOOSE_SOURCE_ROUTE: u8 = 131;
const OPTION_STRICT_SOURCE_ROUTE: u8 = 137;

/// Reads an IPv4 packet up to its transport header.
#[inline]
pub(super) fn read<'a>(
    ethernet: &Ethernet<'a>,
    gso: Option<Gso>,
) -> Result<Datagram<'a>, DropReason> {
    let header = Header::read(ethernet.payload).ok_or(DropReason::Ipv4Header)?;
    let (own, payload) = header.split(ethernet.payload, gso).ok_or(DropReason::Ipv4Header)?;
    check_sum(own)?;
    check_options(own)?;
    if header.time_to_live == 0 {
        return Err(DropReason::TtlZero);
    }
    let fragment = if header.piece.is_whole() {
        None
    } else {
        let fragment = header.piece.fragment(payload.len(), header.length);
        Some(fragment.ok_or(DropReason::Ipv4Header)?)
    };
    Ok(Datagram {
        addresses: Addresses::V4 { source: header.source, destination: header.destination },
        hop_limit: header.time_to_live,
        protocol: header.protocol,
        part: Part::of(fragment.as_ref()),
        fragment,
        has_fragment_header: false,
        is_jumbogram: false,
        payload,
        payload_at: ethernet.payload_at + header.length,
    })
}

/// The fields of a header.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    /// Its length with options, in bytes.
    pub(super) length: usize,
    /// The length of the packet, in bytes; 0 in a superframe that is longer than the field can say.
    total_length: usize,
    pub(super) piece: Piece,
    time_to_live: u8,
    pub(super) protocol: u8,
    pub(super) source: Ipv4Addr,
    pub(super) destination: Ipv4Addr,
}

impl Header {
    /// Reads the fields before the options; `None` if it is not IPv4 or too short to be.
    #[inline]
    pub(super) fn read(packet: View<'_>) -> Option<Self> {
        let [version, words] = nibbles(packet.u8(VERSION_AND_LENGTH)?);
        let length = usize::from(words) * 4;
        let flags_and_offset = packet.u16(FLAGS_AND_OFFSET)?;
        let header = Self {
            length,
            total_length: usize::from(packet.u16(TOTAL_LENGTH)?),
            piece: Piece {
                id: u32::from(packet.u16(IDENTIFICATION)?),
                offset: (flags_and_offset & OFFSET) * 8,
                more: flags_and_offset & MORE_FRAGMENTS != 0,
            },
            time_to_live: packet.u8(TIME_TO_LIVE)?,
            protocol: packet.u8(PROTOCOL)?,
            source: packet.ipv4(SOURCE)?,
            destination: packet.ipv4(DESTINATION)?,
        };
        (version == 4 && length >= SHORTEST).then_some(header)
    }

    /// Returns the header with its options, and the payload without Ethernet padding.
    #[inline]
    fn split<'a>(&self, packet: View<'a>, gso: Option<Gso>) -> Option<(View<'a>, View<'a>)> {
        let total = match (self.total_length, gso) {
            (0, Some(_)) => packet.len(),
            (total, _) => total,
        };
        let packet = packet.take(total)?;
        Some((packet.take(self.length)?, packet.skip(self.length)?))
    }
}

/// Returns the upper and the lower half of a byte.
#[inline]
const fn nibbles(byte: u8) -> [u8; 2] {
    [byte >> 4, byte & 0x0F]
}

/// Checks the header checksum: the ones' complement sum over all words is all ones (RFC 1071).
#[inline]
fn check_sum(header: View<'_>) -> Result<(), DropReason> {
    let (words, _) = header.bytes().as_chunks::<2>();
    let sum: u32 = words.iter().map(|word| u32::from(u16::from_be_bytes(*word))).sum();
    let folded = (sum & 0xFFFF) + (sum >> 16);
    let folded = (folded & 0xFFFF) + (folded >> 16);
    if folded == 0xFFFF { Ok(()) } else { Err(DropReason::Ipv4Checksum) }
}

/// Walks the options up to their end: none may be a source route (RFC 7126, 4.3 and 4.4) or run over the header.
#[inline]
fn check_options(header: View<'_>) -> Result<(), DropReason> {
    let mut at = SHORTEST;
    while let Some(kind) = header.u8(at) {
        at += match kind {
            OPTION_END => return Ok(()),
            OPTION_NOTHING => 1,
            OPTION_LOOSE_SOURCE_ROUTE | OPTION_STRICT_SOURCE_ROUTE => {
                return Err(DropReason::SourceRoute);
            }
            _ => option_length(header, at).ok_or(DropReason::Ipv4Header)?,
        };
    }
    Ok(())
}

/// Returns the length of an option with kind and length, if it stays within the header.
fn option_length(header: View<'_>, at: usize) -> Option<usize> {
    let length = usize::from(header.u8(at + 1)?);
    (length >= 2 && at + length <= header.len()).then_some(length)
}
