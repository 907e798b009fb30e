//! ICMP (RFC 792) and ICMPv6 (RFC 4443): echoes, and errors with the packet that they quote.

use super::datagram::Part;
use super::transport::Header;
use super::view::View;
use super::{Quoted, Transport, quoted};
use crate::DropReason;

const TYPE: usize = 0;
const IDENTIFIER: usize = 4;
/// What every message begins with: type, code, checksum and four bytes of its own.
const LENGTH: usize = 8;

/// What a message is, of either version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    EchoRequest,
    EchoReply,
    /// An error about a packet, which is quoted.
    Error,
    /// An error that is not forwarded.
    DeadError,
    Other,
}

impl Kind {
    /// Returns what an ICMP message is. Source quench is dead (RFC 6633), a redirect is for routers to send.
    pub(super) const fn of_v4(kind: u8) -> Self {
        match kind {
            8 => Self::EchoRequest,
            0 => Self::EchoReply,
            3 | 11 | 12 => Self::Error,
            4 | 5 => Self::DeadError,
            _ => Self::Other,
        }
    }

    /// Returns what an ICMPv6 message is. Types below 128 are errors, of which four are known (RFC 4443, 2.1); a
    /// redirect (137) quotes a packet as they do.
    pub(super) const fn of_v6(kind: u8) -> Self {
        match kind {
            128 => Self::EchoRequest,
            129 => Self::EchoReply,
            1..=4 => Self::Error,
            0 | 5..=127 | 137 => Self::DeadError,
            _ => Self::Other,
        }
    }
}

/// Reads an ICMP message.
pub(super) fn read_v4(bytes: View<'_>, part: Part) -> Result<Header, DropReason> {
    read(bytes, part, Kind::of_v4, quoted::read_v4)
}

/// Reads an ICMPv6 message that is not neighbour discovery.
pub(super) fn read_v6(bytes: View<'_>, part: Part) -> Result<Header, DropReason> {
    read(bytes, part, Kind::of_v6, quoted::read_v6)
}

fn read(
    bytes: View<'_>,
    part: Part,
    kind_of: impl Fn(u8) -> Kind,
    read_quoted: impl Fn(View<'_>) -> Option<Quoted>,
) -> Result<Header, DropReason> {
    let too_short = part.too_short(DropReason::IcmpHeader);
    let header = bytes.take(LENGTH).ok_or(too_short)?;
    let kind = header.u8(TYPE).map(kind_of).ok_or(too_short)?;
    let id = header.u16(IDENTIFIER).ok_or(too_short)?;
    let transport = match kind {
        Kind::EchoRequest => Transport::Echo { request: true, id },
        Kind::EchoReply => Transport::Echo { request: false, id },
        // Errors are short (RFC 1812, 4.3.2.3; RFC 4443, 2.4): nobody has to cut one, and a part of one could be
        // written over.
        Kind::Error if part == Part::Whole => {
            let about = bytes.skip(LENGTH).and_then(read_quoted);
            Transport::Error(about.ok_or(DropReason::IcmpUnrelated)?)
        }
        Kind::Error | Kind::DeadError => return Err(DropReason::IcmpUnrelated),
        Kind::Other => Transport::Other,
    };
    Ok((transport, LENGTH))
}
