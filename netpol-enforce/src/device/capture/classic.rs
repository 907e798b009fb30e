//! Files of libpcap: a header, then packets, each with its length.

use std::io::Read;

use pcap_file::TsResolution;
use pcap_file::pcap::PcapParser;

use super::link::Link;
use super::source::{CaptureError, Source};
use super::{Interface, LONGEST_PACKET, Record, unknown_link};

const HEADER_LENGTH: usize = 24;
const PACKET_HEADER_LENGTH: usize = 16;
/// The bits of the link type that are one; others say whether frames end with a checksum.
const LINK_TYPE: u32 = 0xFFFF;
const NANOS_PER_SECOND: i128 = 1_000_000_000;

/// A file of libpcap behind its header.
#[derive(Debug)]
pub(super) struct Classic {
    parser: PcapParser,
}

impl Classic {
    /// Reads the rest of the header, of which the first bytes are at hand.
    pub(super) fn new<R: Read>(
        source: &mut Source<R>,
        buffer: &mut Vec<u8>,
    ) -> Result<(Self, Interface), CaptureError> {
        source.read_all(buffer, HEADER_LENGTH.saturating_sub(buffer.len()))?;
        let (_, parser) = PcapParser::new(buffer).map_err(|error| source.damaged(error))?;
        let header = parser.header();
        if header.version_major != 2 {
            let (major, minor) = (header.version_major, header.version_minor);
            let what = format!("its header says version {major}.{minor}, and there is none but 2");
            return Err(source.damaged(what));
        }
        let number = u32::from(header.datalink) & LINK_TYPE;
        let link = Link::of(number).ok_or_else(|| unknown_link(number, "the capture"))?;
        Ok((Self { parser }, Interface { link, ..Interface::default() }))
    }

    /// Reads the next packet into a buffer.
    ///
    /// The length that the header of the file gives as the longest is not held against packets: it is about what was
    /// kept of them, and some programs do not keep to it.
    pub(super) fn next<R: Read>(
        &self,
        source: &mut Source<R>,
        buffer: &mut Vec<u8>,
    ) -> Result<Option<Record>, CaptureError> {
        buffer.clear();
        source.begin();
        if !source.read_next(buffer, PACKET_HEADER_LENGTH)? {
            return Ok(None);
        }
        let length = self.length(buffer);
        if length > LONGEST_PACKET {
            let what = format!(
                "a packet claims {length} bytes, and no packet has more than {LONGEST_PACKET}"
            );
            return Err(source.damaged(what));
        }
        source.read_all(buffer, length)?;
        let packet = self.parser.next_raw_packet(buffer).map_err(|error| source.damaged(error))?.1;
        let (units, unit) = match self.parser.header().ts_resolution {
            TsResolution::MicroSecond => (1_000_000, 1_000),
            TsResolution::NanoSecond => (1_000_000_000, 1),
        };
        if packet.ts_frac >= units {
            let (part, most) = (packet.ts_frac, units - 1);
            let what = format!("the time of a packet has {part} parts of a second, {most} at most");
            return Err(source.damaged(what));
        }
        if packet.orig_len < packet.incl_len {
            let (kept, was) = (packet.incl_len, packet.orig_len);
            let what = format!("a packet has {kept} bytes of the {was} that it had on the wire");
            return Err(source.damaged(what));
        }
        let at = i128::from(packet.ts_sec) * NANOS_PER_SECOND + i128::from(packet.ts_frac * unit);
        let bytes = PACKET_HEADER_LENGTH..PACKET_HEADER_LENGTH + length;
        Ok(Some(Record { interface: 0, at: Some(at), original: packet.orig_len, bytes }))
    }

    /// Returns the number of bytes that follow the header of a packet.
    fn length(&self, header: &[u8]) -> usize {
        let bytes = header.get(8..).and_then(<[u8]>::first_chunk::<4>).copied().unwrap_or_default();
        let length = if self.parser.header().endianness.is_big() {
            u32::from_be_bytes(bytes)
        } else {
            u32::from_le_bytes(bytes)
        };
        usize::try_from(length).unwrap_or(usize::MAX)
    }
}
