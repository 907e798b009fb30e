//! Captures as a device: files of libpcap and of pcapng, read from front to back in bounded memory.
//!
//! What a frame says is taken from the file alone, and a file that is damaged is refused: frames before the damage are
//! not passed off as the whole. Nothing leaves by this device.

mod blocks;
mod classic;
mod link;
mod source;

use std::io::Read;
use std::ops::Range;
use std::time::Duration;

pub use self::source::CaptureError;

use self::blocks::Blocks;
use self::classic::Classic;
use self::link::Link;
use self::source::Source;
use super::{Device, DeviceError, FlushReport, PortInfo, PortStats};
use crate::wire::{Mac, ReadLimits, read};
use crate::{DropReason, Frame, FrameMeta, PortId, Tick};

/// The most bytes that a file may keep of a packet: `MAXIMUM_SNAPLEN` of libpcap.
const LONGEST_PACKET: usize = 262_144;
/// Frames that are handed over together.
const BATCH: usize = 32;
/// A packet of which a file keeps less is not judged.
const ENOUGH: usize = 96;
/// As far as a packet is filled up of which a file keeps enough: the longest IP packet in an Ethernet frame.
const LONGEST_FILLED: usize = 65_549;

/// What a file says of a packet beside its bytes.
#[derive(Clone, Debug)]
struct Record {
    /// Its interface among all of the file.
    interface: usize,
    /// When it came, in nanoseconds since 1970.
    at: Option<i128>,
    /// How long it was on the wire.
    original: u32,
    /// Where its bytes are.
    bytes: Range<usize>,
}

/// An interface that a file declares.
#[derive(Clone, Debug)]
struct Interface {
    link: Link,
    name: Option<String>,
    mac: Mac,
    /// How much is kept of each packet; 0 for all of it.
    snaplen: u32,
    /// The unit of its clock, as pcapng writes it.
    resolution: u8,
    /// What its clock is behind, in seconds.
    offset: i64,
}

impl Default for Interface {
    /// An Ethernet whose clock counts microseconds.
    fn default() -> Self {
        let (link, name, mac) = (Link::Ethernet, None, Mac::default());
        Self { link, name, mac, snaplen: 0, resolution: 6, offset: 0 }
    }
}

/// The time of captures: since the first frame, never backwards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clock {
    first: Option<i128>,
    now: Duration,
}

impl Clock {
    /// Moves on to a moment; where it is before the last one, or not known, time stands still.
    fn move_to(&mut self, nanos: Option<i128>) -> Duration {
        if let Some(nanos) = nanos {
            let first = *self.first.get_or_insert(nanos);
            let since = u64::try_from(nanos.saturating_sub(first).max(0)).unwrap_or(u64::MAX);
            self.now = self.now.max(Duration::from_nanos(since));
        }
        self.now
    }
}

/// What a capture says of a frame beside what a device does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// When it came, since the first frame.
    pub since: Duration,
    /// How long it was on the wire, in bytes, with its own link layer.
    pub length: u32,
    /// Whether the file keeps only its beginning, by which it can be judged.
    pub is_cut: bool,
    /// How many bytes of the frame are the file's own: it is filled up where it is judged by its beginning.
    pub kept: usize,
    /// When it came, since 1970, if the file says so.
    pub at: Option<Duration>,
}

/// A frame at hand.
#[derive(Debug)]
struct Slot {
    meta: FrameMeta,
    bytes: Vec<u8>,
    seen: Seen,
}

/// The two kinds of files.
#[derive(Debug)]
enum Form {
    Classic(Classic),
    Blocks(Blocks),
}

/// A capture that is read as a device.
#[derive(Debug)]
pub struct Capture<R> {
    source: Source<R>,
    form: Form,
    interfaces: Vec<Interface>,
    ports: Vec<PortInfo>,
    stats: Vec<PortStats>,
    clock: Clock,
    buffer: Vec<u8>,
    slots: Vec<Slot>,
    at_hand: usize,
    damage: Option<CaptureError>,
    has_ended: bool,
}

impl<R: Read> Capture<R> {
    /// Opens a capture, whichever kind it is; its time goes on from that of the one before.
    ///
    /// # Errors
    ///
    /// [`CaptureError`] if it is none, or if its header is damaged or of a link layer that cannot be read.
    pub fn new(reader: R, clock: Clock) -> Result<Self, CaptureError> {
        let (mut source, mut buffer) = (Source::new(reader), Vec::new());
        let read = source.read_up_to(&mut buffer, 4)?;
        let mut interfaces = Vec::new();
        let form = match buffer.first_chunk().filter(|_| read == 4) {
            Some([0x0A, 0x0D, 0x0D, 0x0A]) => Form::Blocks(Blocks::new(&mut source, &mut buffer)?),
            Some(
                [0xA1, 0xB2, 0xC3, 0xD4]
                | [0xD4, 0xC3, 0xB2, 0xA1]
                | [0xA1, 0xB2, 0x3C, 0x4D]
                | [0x4D, 0x3C, 0xB2, 0xA1],
            ) => {
                let (classic, interface) = Classic::new(&mut source, &mut buffer)?;
                interfaces.push(interface);
                Form::Classic(classic)
            }
            _ => return Err(no_capture(&buffer)),
        };
        let (ports, stats, slots) = (Vec::new(), Vec::new(), Vec::new());
        let (at_hand, damage, has_ended) = (0, None, false);
        let mut capture = Self {
            source,
            form,
            interfaces,
            ports,
            stats,
            clock,
            buffer,
            slots,
            at_hand,
            damage,
            has_ended,
        };
        capture.declare_ports();
        Ok(capture)
    }

    /// Returns the time that has come.
    pub const fn clock(&self) -> Clock {
        self.clock
    }

    /// Returns what the capture says of a frame that is at hand.
    pub fn seen(&self, index: usize) -> Seen {
        self.slots.get(index).map(|slot| slot.seen).unwrap_or_default()
    }

    /// Reads the next frames and returns how many are at hand; none at the end.
    ///
    /// # Errors
    ///
    /// [`CaptureError`] if the capture is damaged; frames that were read before it in the same call are not handed over.
    pub fn advance(&mut self) -> Result<usize, CaptureError> {
        self.at_hand = 0;
        if let Some(damage) = &self.damage {
            return Err(damage.clone());
        }
        while self.at_hand < BATCH && !self.has_ended {
            match self.read_frame() {
                Ok(found) => self.has_ended = !found,
                Err(error) => {
                    self.at_hand = 0;
                    self.damage = Some(error.clone());
                    return Err(error);
                }
            }
        }
        Ok(self.at_hand)
    }

    fn read_frame(&mut self) -> Result<bool, CaptureError> {
        let record = match &mut self.form {
            Form::Classic(classic) => classic.next(&mut self.source, &mut self.buffer)?,
            Form::Blocks(blocks) => {
                let found =
                    blocks.next(&mut self.source, &mut self.buffer, &mut self.interfaces)?;
                self.declare_ports();
                found
            }
        };
        let Some(record) = record else { return Ok(false) };
        self.source.count_packet();
        self.put(&record);
        Ok(true)
    }

    /// Makes a port of each interface that has none yet.
    fn declare_ports(&mut self) {
        for (number, interface) in self.interfaces.iter().enumerate().skip(self.ports.len()) {
            let name = interface.name.clone().unwrap_or_else(|| format!("interface {number}"));
            // A capture says nothing of the MTU.
            self.ports.push(PortInfo { name, mtu: u32::MAX, mac: interface.mac });
            self.stats.push(PortStats::default());
        }
    }

    /// Puts a packet into the next slot, as a frame.
    fn put(&mut self, record: &Record) {
        let since = self.clock.move_to(record.at);
        let port = PortId(u8::try_from(record.interface).unwrap_or(u8::MAX));
        let link = self.interfaces.get(record.interface).map_or(Link::Ethernet, |i| i.link);
        if self.at_hand == self.slots.len() {
            let meta = FrameMeta::plain(port, 0, Tick::default());
            self.slots.push(Slot { meta, bytes: Vec::new(), seen: Seen::default() });
        }
        let Some(slot) = self.slots.get_mut(self.at_hand) else { return };
        let packet = self.buffer.get(record.bytes.clone()).unwrap_or_default();
        slot.bytes.clear();
        link.write(packet, &mut slot.bytes);
        // As much as the link layer of the frame is longer or shorter than its own.
        let missing = usize::try_from(record.original).unwrap_or(usize::MAX) - packet.len();
        slot.meta = FrameMeta::plain(port, slot.bytes.len(), Tick::at(since));
        let nanos = record.at.and_then(|nanos| u64::try_from(nanos).ok());
        let (kept, at) = (slot.bytes.len(), nanos.map(Duration::from_nanos));
        slot.seen = Seen { since, length: record.original, is_cut: false, kept, at };
        if missing > 0 {
            slot.fill(missing);
        }
        slot.meta.gso = link::segmentation(&slot.bytes);
        if let Some(stats) = self.stats.get_mut(record.interface) {
            stats.received += 1;
        }
        self.at_hand += 1;
    }
}

impl Slot {
    /// Fills a frame up of which some bytes are missing at the end, if all headers are there: zeros stand for payload.
    ///
    /// Headers are there if what is read does not depend on what is filled in. Chunks of SCTP go through the whole packet.
    fn fill(&mut self, missing: usize) {
        let kept = self.bytes.len();
        let length = kept.saturating_add(missing).min(LONGEST_FILLED.max(kept));
        self.meta.wire_len = u32::try_from(kept.saturating_add(missing)).unwrap_or(u32::MAX);
        if kept < ENOUGH {
            return;
        }
        let meta = FrameMeta { wire_len: u32::try_from(length).unwrap_or(u32::MAX), ..self.meta };
        let [ones, zeros] = [0xFF, 0].map(|filler| {
            self.bytes.truncate(kept);
            self.bytes.resize(length, filler);
            let meta = FrameMeta { gso: link::segmentation(&self.bytes), ..meta };
            read(&Frame { meta, bytes: &self.bytes }, &ReadLimits { vlan_depth: 2, dhcp: true })
        });
        if ones == zeros && zeros != Err(DropReason::SctpHeader) {
            self.meta = meta;
            self.seen.is_cut = true;
        } else {
            self.bytes.truncate(kept);
        }
    }
}

impl<R: Read> Device for Capture<R> {
    fn ports(&self) -> &[PortInfo] {
        &self.ports
    }

    /// Does not wait: a file is all there.
    fn receive(&mut self, _: Duration) -> Result<usize, DeviceError> {
        match self.advance() {
            Ok(0) => Err(DeviceError::Ended),
            Ok(count) => Ok(count),
            Err(error) => Err(DeviceError::Capture(error.to_string())),
        }
    }

    fn frame(&self, index: usize) -> Frame<'_> {
        let slot = &self.slots[index];
        Frame { meta: slot.meta, bytes: &slot.bytes }
    }

    /// Does nothing: frames of a capture have left long ago.
    fn forward(&mut self, _: usize, _: PortId) {}

    fn flush(&mut self) -> FlushReport {
        FlushReport::default()
    }

    fn stats(&mut self) -> &[PortStats] {
        &self.stats
    }
}

/// Says what a file is that is no capture.
fn no_capture(begin: &[u8]) -> CaptureError {
    let decompress = "decompress it first";
    let (what, help) = match begin {
        [] => ("it is empty", "take it anew"),
        [0x1F, 0x8B, ..] => ("it is compressed with gzip", decompress),
        [0x28, 0xB5, 0x2F, 0xFD] => ("it is compressed with zstd", decompress),
        [0x04, 0x22, 0x4D, 0x18] => ("it is compressed with lz4", decompress),
        [0xA1, 0xB2, 0xCD, 0x34] | [0x34, 0xCD, 0xB2, 0xA1] => {
            ("it is of a changed libpcap", "rewrite it: `editcap -F pcapng OLD NEW`")
        }
        _ => ("it begins like neither", "name a file that tcpdump, dumpcap or Wireshark wrote"),
    };
    CaptureError::new(format!("this is no pcap or pcapng file: {what}"), help)
}

/// Says that a link layer is none that can be read.
fn unknown_link(number: u32, whose: &str) -> CaptureError {
    let message = format!("{whose} has link type {number}, which cannot be read");
    let known = "Ethernet (1), raw IP (101), Linux cooked (113) and cooked v2 (276) can; capture on a pod's interface or \
                 on `any`";
    CaptureError::new(message, known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_that_goes_backwards_stands_still() {
        let mut clock = Clock::default();
        let moments = [Some(5_000), Some(7_000), Some(6_000), None, Some(9_000), Some(1)];
        let seen = moments.map(|at| clock.move_to(at).as_nanos());
        assert_eq!(seen, [0, 2_000, 2_000, 2_000, 4_000, 4_000]);
    }
}
