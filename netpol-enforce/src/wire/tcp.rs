//! TCP headers (RFC 9293, 3.1).

use super::datagram::Part;
use super::transport::Header;
use super::view::View;
use super::{TcpFlags, Transport};
use crate::DropReason;

const SOURCE: usize = 0;
const DESTINATION: usize = 2;
/// The length of the header in words of 4 bytes, in the upper half of a byte.
const DATA_OFFSET: usize = 12;
const FLAGS: usize = 13;
/// The length of a header without options.
const SHORTEST: usize = 20;

/// Reads a header, which must be here with all its options.
#[inline]
pub(super) fn read(bytes: View<'_>, part: Part) -> Result<Header, DropReason> {
    let too_short = part.too_short(DropReason::TcpHeader);
    let words = bytes.take(SHORTEST).and_then(|header| header.u8(DATA_OFFSET)).ok_or(too_short)?;
    let length = usize::from(words >> 4) * 4;
    if length < SHORTEST {
        return Err(DropReason::TcpHeader);
    }
    let header = bytes.take(length).and_then(read_fields);
    let (transport, flags) = header.ok_or(too_short)?;
    check_flags(flags)?;
    Ok((transport, length))
}

#[inline]
fn read_fields(header: View<'_>) -> Option<(Transport, TcpFlags)> {
    let flags = TcpFlags(header.u8(FLAGS)?);
    let (source, destination) = (header.u16(SOURCE)?, header.u16(DESTINATION)?);
    Some((Transport::Tcp { source, destination, flags }, flags))
}

/// Checks flags. A segment opens, resets or acknowledges (RFC 9293, 3.10.7), and ends nothing that it opens.
#[inline]
fn check_flags(flags: TcpFlags) -> Result<(), DropReason> {
    let means_nothing = !flags.has(TcpFlags::SYN | TcpFlags::RST | TcpFlags::ACK);
    let opens_and_ends = flags.has(TcpFlags::SYN) && flags.has(TcpFlags::FIN | TcpFlags::RST);
    let ends_nothing = flags.has(TcpFlags::FIN) && !flags.has(TcpFlags::ACK);
    if means_nothing || opens_and_ends || ends_nothing { Err(DropReason::TcpFlags) } else { Ok(()) }
}
