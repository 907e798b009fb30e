//! SCTP packets: the common header and its chunks (RFC 9260, 3).

use super::datagram::Part;
use super::transport::Header;
use super::view::View;
use super::{SctpStep, Transport};
use crate::DropReason;

const SOURCE: usize = 0;
const DESTINATION: usize = 2;
const VERIFICATION_TAG: usize = 4;
/// The length of the common header.
const COMMON_LENGTH: usize = 12;

const CHUNK_TYPE: usize = 0;
const CHUNK_LENGTH: usize = 2;
/// Type, flags and length of a chunk.
const CHUNK_HEADER_LENGTH: usize = 4;
/// What a first fragment must hold: without a chunk it does not say what it does.
const SHORTEST: usize = COMMON_LENGTH + CHUNK_HEADER_LENGTH;

const INIT: u8 = 1;
const INIT_ACK: u8 = 2;
const SHUTDOWN_COMPLETE: u8 = 14;
/// INIT and INIT ACK without parameters.
const SHORTEST_INIT: usize = 20;

/// Reads the common header and walks the chunks.
pub(super) fn read(bytes: View<'_>, part: Part) -> Result<Header, DropReason> {
    let too_short = part.too_short(DropReason::SctpHeader);
    bytes.take(SHORTEST).ok_or(too_short)?;
    let transport = read_packet(bytes, part).ok_or(DropReason::SctpHeader)?;
    Ok((transport, SHORTEST))
}

fn read_packet(bytes: View<'_>, part: Part) -> Option<Transport> {
    let (source, destination) = (bytes.u16(SOURCE)?, bytes.u16(DESTINATION)?);
    let step = walk_chunks(bytes.skip(COMMON_LENGTH)?, part)?;
    // Only an INIT has no tag yet (8.5.1, 3.3.2), and no port is 0 (3.1).
    let tag_fits = (bytes.u32(VERIFICATION_TAG)? == 0) == (step == SctpStep::Init);
    let legal = tag_fits && source != 0 && destination != 0;
    legal.then_some(Transport::Sctp { source, destination, step })
}

/// Returns what the chunks do together: that which changes the association most. `None` if one is broken, or not
/// alone where it must be.
fn walk_chunks(mut chunks: View<'_>, part: Part) -> Option<SctpStep> {
    let first = chunks.u8(CHUNK_TYPE)?;
    let mut step = SctpStep::Data;
    let mut count: u32 = 0;
    while chunks.len() > 0 {
        let kind = chunks.u8(CHUNK_TYPE)?;
        let length = chunk_length(chunks, kind)?;
        step = stronger(step, step_of(kind));
        count += 1;
        if count > 1 && (stands_alone(kind) || stands_alone(first)) {
            return None;
        }
        chunks = match chunks.skip(length.next_multiple_of(4)) {
            Some(rest) => rest,
            // The rest of the chunk is in a later fragment.
            None if part == Part::First => break,
            None => return None,
        };
    }
    Some(step)
}

/// Returns the length that a chunk says it has, without padding.
fn chunk_length(chunk: View<'_>, kind: u8) -> Option<usize> {
    let length = usize::from(chunk.u16(CHUNK_LENGTH)?);
    let shortest = match kind {
        INIT | INIT_ACK => SHORTEST_INIT,
        _ => CHUNK_HEADER_LENGTH,
    };
    (length >= shortest).then_some(length)
}

/// Returns whether a chunk must be the only one of its packet (6.10).
const fn stands_alone(kind: u8) -> bool {
    matches!(kind, INIT | INIT_ACK | SHUTDOWN_COMPLETE)
}

const fn step_of(kind: u8) -> SctpStep {
    match kind {
        INIT => SctpStep::Init,
        INIT_ACK => SctpStep::InitAck,
        4 => SctpStep::Heartbeat,
        6 => SctpStep::Abort,
        7 | 8 | SHUTDOWN_COMPLETE => SctpStep::Shutdown,
        10 | 11 => SctpStep::Cookie,
        _ => SctpStep::Data,
    }
}

/// Returns the step that changes more: ends before beginnings, beginnings before what keeps an association alive.
const fn stronger(one: SctpStep, other: SctpStep) -> SctpStep {
    if rank(one) < rank(other) { other } else { one }
}

const fn rank(step: SctpStep) -> u8 {
    match step {
        SctpStep::Data => 0,
        SctpStep::Heartbeat => 1,
        SctpStep::Cookie => 2,
        SctpStep::InitAck | SctpStep::Init => 3,
        SctpStep::Shutdown => 4,
        SctpStep::Abort => 5,
    }
}
