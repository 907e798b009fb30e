//! Files of pcapng: blocks with their length before and behind them.
//!
//! The library reads the header of a section. The other blocks are read here, for it takes every timestamp for
//! nanoseconds and refuses a file for an option that nobody needs.

use std::io::Read;

use pcap_file::Endianness;
use pcap_file::pcapng::PcapNgParser;

use super::link::Link;
use super::source::{CaptureError, Source};
use super::{Interface, LONGEST_PACKET, Record, unknown_link};

const SECTION_HEADER: u32 = 0x0A0D_0D0A;
const INTERFACE: u32 = 1;
const OLD_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const PACKET: u32 = 6;

/// Type and length.
const HEAD_LENGTH: usize = 8;
/// The length again.
const TAIL_LENGTH: usize = 4;
/// The longest block, in bytes: as in Wireshark.
const LONGEST_BLOCK: usize = 1 << 24;
/// How many interfaces a file may have: a port is a byte.
const MOST_INTERFACES: usize = 256;
const NANOS_PER_SECOND: i128 = 1_000_000_000;

const OPTION_END: u16 = 0;
const OPTION_NAME: u16 = 2;
const OPTION_MAC: u16 = 6;
const OPTION_RESOLUTION: u16 = 9;
const OPTION_TIME_OFFSET: u16 = 14;

/// A file of pcapng behind the header of its first section.
#[derive(Debug)]
pub(super) struct Blocks {
    endianness: Endianness,
    /// Where the interfaces of this section begin among all of the file.
    section: usize,
}

impl Blocks {
    /// Reads the header of the first section, of which the first bytes are at hand.
    pub(super) fn new<R: Read>(
        source: &mut Source<R>,
        buffer: &mut Vec<u8>,
    ) -> Result<Self, CaptureError> {
        source.read_all(buffer, HEAD_LENGTH.saturating_sub(buffer.len()))?;
        let mut blocks = Self { endianness: Endianness::Little, section: 0 };
        blocks.read_section(source, buffer, 0)?;
        Ok(blocks)
    }

    /// Reads on to the next packet; interfaces that are declared before it are added to those of the file.
    pub(super) fn next<R: Read>(
        &mut self,
        source: &mut Source<R>,
        buffer: &mut Vec<u8>,
        interfaces: &mut Vec<Interface>,
    ) -> Result<Option<Record>, CaptureError> {
        loop {
            buffer.clear();
            source.begin();
            if !source.read_next(buffer, HEAD_LENGTH)? {
                return Ok(None);
            }
            // The type of a section header reads the same from both ends.
            let kind = self.u32(buffer, 0).unwrap_or_default();
            if kind == SECTION_HEADER {
                self.read_section(source, buffer, interfaces.len())?;
                continue;
            }
            let length = self.u32(buffer, 4).unwrap_or_default();
            self.read_block(source, buffer, length)?;
            let body = HEAD_LENGTH..buffer.len() - TAIL_LENGTH;
            match kind {
                INTERFACE => {
                    let interface = self.interface(buffer.get(body).unwrap_or_default());
                    let interface = interface.map_err(|what| source.located(what))?;
                    if interfaces.len() == MOST_INTERFACES {
                        return Err(too_many_interfaces());
                    }
                    interfaces.push(interface);
                }
                PACKET | OLD_PACKET | SIMPLE_PACKET => {
                    let own = interfaces.get(self.section..).unwrap_or_default();
                    let body = buffer.get(body).unwrap_or_default();
                    let record = match kind {
                        SIMPLE_PACKET => self.simple_packet(body, own),
                        _ => self.packet(body, own, kind == PACKET),
                    };
                    return record.map(Some).map_err(|what| source.damaged(what));
                }
                _ => {}
            }
        }
    }

    /// Reads the header of a section, of which type and length are at hand: all that follows is in its byte order.
    fn read_section<R: Read>(
        &mut self,
        source: &mut Source<R>,
        buffer: &mut Vec<u8>,
        interfaces: usize,
    ) -> Result<(), CaptureError> {
        source.read_all(buffer, 4)?;
        let magic = buffer.get(HEAD_LENGTH..).and_then(<[u8]>::first_chunk::<4>);
        self.endianness = match magic {
            Some([0x1A, 0x2B, 0x3C, 0x4D]) => Endianness::Big,
            Some([0x4D, 0x3C, 0x2B, 0x1A]) => Endianness::Little,
            _ => return Err(source.damaged("the header of a section has no byte order")),
        };
        let length = self.u32(buffer, 4).unwrap_or_default();
        self.read_block(source, buffer, length)?;
        let (_, parser) = PcapNgParser::new(buffer).map_err(|error| source.damaged(error))?;
        if parser.section().major_version != 1 {
            let major = parser.section().major_version;
            let what = format!("a section says version {major}, and there is none but 1");
            return Err(source.damaged(what));
        }
        self.section = interfaces;
        Ok(())
    }

    /// Reads the rest of a block and checks that it ends as it begins.
    fn read_block<R: Read>(
        &self,
        source: &mut Source<R>,
        buffer: &mut Vec<u8>,
        length: u32,
    ) -> Result<(), CaptureError> {
        let bytes = usize::try_from(length).unwrap_or(usize::MAX);
        let legal =
            bytes.is_multiple_of(4) && bytes >= (HEAD_LENGTH + TAIL_LENGTH).max(buffer.len());
        if !legal || bytes > LONGEST_BLOCK {
            let what = format!(
                "a block claims {length} bytes, and blocks have 12 to {LONGEST_BLOCK}, a multiple of 4"
            );
            return Err(source.damaged(what));
        }
        source.read_all(buffer, bytes - buffer.len())?;
        match self.u32(buffer, bytes - TAIL_LENGTH) {
            Some(again) if again == length => Ok(()),
            again => {
                let again = again.unwrap_or_default();
                let what =
                    format!("a block says {length} bytes at its beginning and {again} at its end");
                Err(source.damaged(what))
            }
        }
    }

    fn interface(&self, body: &[u8]) -> Result<Interface, Wrong> {
        let short = || Wrong::Damaged("the declaration of an interface is too short".to_owned());
        let number = u32::from(self.u16(body, 0).ok_or_else(short)?);
        let snaplen = self.u32(body, 4).ok_or_else(short)?;
        let link = Link::of(number).ok_or(Wrong::Link(number))?;
        let mut interface = Interface { link, snaplen, ..Interface::default() };
        let mut options = body.get(8..).unwrap_or_default();
        while let (Some(code), Some(length)) = (self.u16(options, 0), self.u16(options, 2)) {
            if code == OPTION_END {
                break;
            }
            let length = usize::from(length);
            let beyond =
                || Wrong::Damaged("an option of an interface runs over its end".to_owned());
            let value = options.get(4..4 + length).ok_or_else(beyond)?;
            match (code, value) {
                (OPTION_NAME, name) => interface.name = Some(printable(name)),
                (OPTION_MAC, mac) => interface.mac = mac.first_chunk().copied().unwrap_or_default(),
                (OPTION_RESOLUTION, [resolution]) => interface.resolution = *resolution,
                (OPTION_TIME_OFFSET, offset) => {
                    interface.offset = self.i64(offset).unwrap_or_default();
                }
                _ => {}
            }
            options = options.get(4 + length.next_multiple_of(4)..).unwrap_or_default();
        }
        Ok(interface)
    }

    fn packet(&self, body: &[u8], own: &[Interface], is_new: bool) -> Result<Record, String> {
        let field = |at| self.u32(body, at).ok_or("a packet is shorter than its header");
        let id = if is_new { field(0)? } else { u32::from(self.u16(body, 0).unwrap_or_default()) };
        let interface = own.get(usize::try_from(id).unwrap_or(usize::MAX)).ok_or_else(|| {
            let declared = own.len();
            format!("a packet is of interface {id}, and {declared} are declared before it")
        })?;
        let ticks = u64::from(field(4)?) << 32 | u64::from(field(8)?);
        let at = interface.nanos(ticks).ok_or_else(|| {
            format!("interface {id} counts time in units of {:#04x}", interface.resolution)
        })?;
        let (kept, original) = (field(12)?, field(16)?);
        let begin = HEAD_LENGTH + 20;
        let length = checked(kept, original, body.len().saturating_sub(20))?;
        let interface = self.section + usize::try_from(id).unwrap_or(usize::MAX);
        Ok(Record { interface, at: Some(at), original, bytes: begin..begin + length })
    }

    /// A packet of the first interface, without time: how much of it was kept follows from the declaration.
    fn simple_packet(&self, body: &[u8], own: &[Interface]) -> Result<Record, String> {
        let interface = own.first().ok_or("a packet comes before any interface is declared")?;
        let original = self.u32(body, 0).ok_or("a packet is shorter than its header")?;
        let kept = match interface.snaplen {
            0 => original,
            most => original.min(most),
        };
        let begin = HEAD_LENGTH + 4;
        let length = checked(kept, original, body.len().saturating_sub(4))?;
        Ok(Record { interface: self.section, at: None, original, bytes: begin..begin + length })
    }

    fn u16(&self, bytes: &[u8], at: usize) -> Option<u16> {
        let bytes = *bytes.get(at..)?.first_chunk()?;
        let big = self.endianness.is_big();
        Some(if big { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }

    fn u32(&self, bytes: &[u8], at: usize) -> Option<u32> {
        let bytes = *bytes.get(at..)?.first_chunk()?;
        let big = self.endianness.is_big();
        Some(if big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }

    fn i64(&self, bytes: &[u8]) -> Option<i64> {
        let bytes = *bytes.first_chunk()?;
        let big = self.endianness.is_big();
        Some(if big { i64::from_be_bytes(bytes) } else { i64::from_le_bytes(bytes) })
    }
}

/// Checks how many bytes of a packet there are.
fn checked(kept: u32, original: u32, room: usize) -> Result<usize, String> {
    let length = usize::try_from(kept).unwrap_or(usize::MAX);
    if length > LONGEST_PACKET {
        return Err(format!(
            "a packet claims {kept} bytes, and no packet has more than {LONGEST_PACKET}"
        ));
    }
    if length > room {
        return Err(format!("a packet claims {kept} bytes in a block that has room for {room}"));
    }
    if original < kept {
        return Err(format!("a packet has {kept} bytes of the {original} that it had on the wire"));
    }
    Ok(length)
}

/// What is wrong with the declaration of an interface.
enum Wrong {
    Damaged(String),
    /// Its link layer is none that can be read.
    Link(u32),
}

impl<R: Read> Source<R> {
    fn located(&self, wrong: Wrong) -> CaptureError {
        match wrong {
            Wrong::Damaged(what) => self.damaged(what),
            Wrong::Link(number) => unknown_link(number, "an interface of the capture"),
        }
    }
}

fn too_many_interfaces() -> CaptureError {
    let message = format!("the capture declares more than {MOST_INTERFACES} interfaces");
    CaptureError::new(message, "capture on fewer, or on `any`")
}

/// Returns a name as it can be printed on a line.
fn printable(name: &[u8]) -> String {
    let text = String::from_utf8_lossy(name);
    text.trim_end_matches('\0').chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

impl Interface {
    /// Returns a time in nanoseconds; none where its units are absurd.
    ///
    /// The highest bit of the resolution says whether it is a power of 2 or of 10.
    fn nanos(&self, ticks: u64) -> Option<i128> {
        let power = u32::from(self.resolution & 0x7F);
        let per_second = match self.resolution & 0x80 {
            0 if power <= 18 => 10_i128.pow(power),
            0x80 if power <= 63 => 1_i128 << power,
            _ => return None,
        };
        let nanos = i128::from(ticks) * NANOS_PER_SECOND / per_second;
        Some(nanos + i128::from(self.offset) * NANOS_PER_SECOND)
    }
}
