//! The chain of IPv6 extension headers (RFC 8200, 4).

use super::datagram::Piece;
use super::view::View;
use crate::DropReason;

/// The most extension headers of a packet: what hosts send has one or two, and each costs a step.
const MOST_HEADERS: usize = 8;
/// The most bytes of extension headers of a packet.
const MOST_BYTES: usize = 512;

/// The next-header value of hop-by-hop options.
pub(super) const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const DESTINATION_OPTIONS: u8 = 60;

const NEXT_HEADER: usize = 0;
const HEADER_LENGTH: usize = 1;
const ROUTING_TYPE: usize = 2;
const SEGMENTS_LEFT: usize = 3;
const FRAGMENT_OFFSET_AND_FLAGS: usize = 2;
const FRAGMENT_IDENTIFICATION: usize = 4;
/// The length of a fragment header.
pub(super) const FRAGMENT_LENGTH: usize = 8;
/// The authentication header without its integrity check value (RFC 4302, 2).
const SHORTEST_AUTHENTICATION: usize = 12;
const OPTIONS: usize = 2;

const OPTION_PAD1: u8 = 0;
const OPTION_JUMBO: u8 = 0xC2;
const JUMBO_LENGTH: u8 = 4;

/// What stands between the fixed header and the transport header.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chain {
    /// What comes after it: a protocol, or whatever a later fragment says was cut.
    pub(super) protocol: u8,
    /// Its length in bytes.
    pub(super) length: usize,
    /// The fragment header and where it ends, in bytes from the beginning of the chain.
    pub(super) fragment: Option<(Piece, usize)>,
    /// The length in a jumbo payload option.
    pub(super) jumbo_length: Option<u32>,
}

/// Walks the chain to its end: to the first protocol that is no extension header, or to the header of a later
/// fragment, after which only payload comes.
pub(super) fn walk(first: u8, content: View<'_>) -> Result<Chain, DropReason> {
    let mut chain = Chain { protocol: first, length: 0, fragment: None, jumbo_length: None };
    let mut headers = 0;
    while is_extension(chain.protocol) && !chain.is_later_fragment() {
        headers += 1;
        if headers > MOST_HEADERS {
            return Err(DropReason::ExtensionChain);
        }
        chain.extend(content)?;
    }
    Ok(chain)
}

impl Chain {
    fn is_later_fragment(&self) -> bool {
        self.fragment.is_some_and(|(piece, _)| piece.offset != 0)
    }

    /// Goes on behind the header that comes next.
    fn extend(&mut self, content: View<'_>) -> Result<(), DropReason> {
        let header = content.skip(self.length).and_then(|rest| cut(self.protocol, rest));
        let header = header.ok_or(DropReason::ExtensionChain)?;
        match self.protocol {
            // Only directly after the fixed header (RFC 8200, 4.1).
            HOP_BY_HOP if self.length == 0 => self.jumbo_length = read_options(header)?,
            HOP_BY_HOP => return Err(DropReason::ExtensionChain),
            DESTINATION_OPTIONS => {
                read_options(header)?;
            }
            ROUTING => check_routing(header)?,
            FRAGMENT => self.cross_fragment(header)?,
            _ => {}
        }
        self.length += header.len();
        self.protocol = header.u8(NEXT_HEADER).ok_or(DropReason::ExtensionChain)?;
        if self.length > MOST_BYTES { Err(DropReason::ExtensionChain) } else { Ok(()) }
    }

    fn cross_fragment(&mut self, header: View<'_>) -> Result<(), DropReason> {
        let piece = read_piece(header).filter(|_| self.fragment.is_none());
        let piece = piece.ok_or(DropReason::ExtensionChain)?;
        self.fragment = Some((piece, self.length + header.len()));
        Ok(())
    }
}

/// Returns the length in the jumbo payload option of the hop-by-hop options that come first.
pub(super) fn read_jumbo_length(content: View<'_>) -> Result<Option<u32>, DropReason> {
    let header = cut(HOP_BY_HOP, content).ok_or(DropReason::ExtensionChain)?;
    read_options(header)
}

/// Returns whether the walk goes on behind a header. Encrypted payload (50), no next header (59) and protocols that
/// are unknown end it.
const fn is_extension(protocol: u8) -> bool {
    matches!(protocol, HOP_BY_HOP | ROUTING | FRAGMENT | AUTHENTICATION | DESTINATION_OPTIONS)
}

/// Returns the first header alone.
fn cut(protocol: u8, rest: View<'_>) -> Option<View<'_>> {
    let units = usize::from(rest.u8(HEADER_LENGTH)?);
    let length = match protocol {
        FRAGMENT => FRAGMENT_LENGTH,
        // In units of 4 bytes, minus 2, and in IPv6 a multiple of 8 bytes (RFC 4302, 2.2 and 3.3.3.2.1).
        AUTHENTICATION => Some((units + 2) * 4)
            .filter(|length| *length >= SHORTEST_AUTHENTICATION && length.is_multiple_of(8))?,
        _ => (units + 1) * 8,
    };
    rest.take(length)
}

fn read_piece(header: View<'_>) -> Option<Piece> {
    let offset_and_flags = header.u16(FRAGMENT_OFFSET_AND_FLAGS)?;
    Some(Piece {
        id: header.u32(FRAGMENT_IDENTIFICATION)?,
        offset: offset_and_flags & 0xFFF8,
        more: offset_and_flags & 1 != 0,
    })
}

/// Checks a routing header: type 0 is dead (RFC 5095), and one with segments left is for another host than the packet
/// says, on which no policy could be judged.
fn check_routing(header: View<'_>) -> Result<(), DropReason> {
    match (header.u8(ROUTING_TYPE), header.u8(SEGMENTS_LEFT)) {
        (Some(0), _) => Err(DropReason::RoutingZero),
        (Some(_), Some(0)) => Ok(()),
        _ => Err(DropReason::ExtensionChain),
    }
}

/// Walks options to the end of their header, and returns the length in a jumbo payload option.
fn read_options(header: View<'_>) -> Result<Option<u32>, DropReason> {
    let mut jumbo_length = None;
    let mut at = OPTIONS;
    while let Some(kind) = header.u8(at) {
        if kind == OPTION_PAD1 {
            at += 1;
            continue;
        }
        let length = option_length(header, at).ok_or(DropReason::ExtensionChain)?;
        if kind == OPTION_JUMBO {
            let value = header.u32(at + 2).filter(|_| length == JUMBO_LENGTH);
            jumbo_length = Some(value.ok_or(DropReason::ExtensionChain)?);
        }
        at += 2 + usize::from(length);
    }
    Ok(jumbo_length)
}

/// Returns the length of an option without kind and length, if it stays within its header.
fn option_length(header: View<'_>, at: usize) -> Option<u8> {
    let length = header.u8(at + 1)?;
    (at + 2 + usize::from(length) <= header.len()).then_some(length)
}
