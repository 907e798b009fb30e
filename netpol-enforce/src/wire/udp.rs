//! UDP headers (RFC 768).

use super::Transport;
use super::datagram::Part;
use super::transport::Header;
use super::view::View;
use crate::DropReason;

const SOURCE: usize = 0;
const DESTINATION: usize = 2;
const DATAGRAM_LENGTH: usize = 4;
/// The length of a header.
pub(super) const LENGTH: usize = 8;

/// Reads a header. Its length field counts the whole datagram, of which a first fragment has less; bytes behind it
/// are legal, as hosts cut them off.
#[inline]
pub(super) fn read(bytes: View<'_>, part: Part, is_jumbogram: bool) -> Result<Header, DropReason> {
    let too_short = part.too_short(DropReason::UdpLength);
    let header = bytes.take(LENGTH).ok_or(too_short)?;
    let (source, destination) = ports(header).ok_or(too_short)?;
    let fits = match header.u16(DATAGRAM_LENGTH).map(usize::from) {
        // Too long for its field (RFC 2675, 4).
        Some(0) => is_jumbogram,
        Some(length) => length >= LENGTH && (length <= bytes.len() || part == Part::First),
        None => false,
    };
    if fits {
        Ok((Transport::Udp { source, destination }, LENGTH))
    } else {
        Err(DropReason::UdpLength)
    }
}

/// Returns source and destination port.
pub(super) fn ports(header: View<'_>) -> Option<(u16, u16)> {
    Some((header.u16(SOURCE)?, header.u16(DESTINATION)?))
}
