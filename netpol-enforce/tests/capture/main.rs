//! Captures: what is read of them, which are refused, and what the policies say of the traffic in them.
#![cfg(feature = "test-util")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at what they did not expect"
)]

mod damaged;
mod files;
mod flows;
mod links;

use std::borrow::Cow;
use std::time::Duration;

use netpol_enforce::device::{Capture, CaptureError, Clock, Device as _, OwnedFrame, Seen};
use pcap_file::pcap::{PcapHeader, PcapPacket, PcapWriter};
use pcap_file::pcapng::PcapNgWriter;
use pcap_file::pcapng::blocks::enhanced_packet::EnhancedPacketBlock;
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption,
};
use pcap_file::{DataLink, Endianness, TsResolution};

/// A packet of a capture: when it came, in milliseconds, its bytes, and how long it was.
pub(crate) struct Packet {
    pub(crate) at_ms: u64,
    pub(crate) bytes: Vec<u8>,
    pub(crate) original: usize,
}

impl Packet {
    pub(crate) fn new(at_ms: u64, bytes: Vec<u8>) -> Self {
        Self { at_ms, original: bytes.len(), bytes }
    }

    /// Keeps only the beginning.
    pub(crate) fn cut(mut self, kept: usize) -> Self {
        self.bytes.truncate(kept);
        self
    }

    fn time(&self) -> Duration {
        Duration::from_secs(1_700_000_000) + Duration::from_millis(self.at_ms)
    }
}

/// Writes a file of libpcap.
pub(crate) fn pcap(header: PcapHeader, packets: &[Packet]) -> Vec<u8> {
    let mut writer = PcapWriter::with_header(Vec::new(), header).unwrap();
    for packet in packets {
        let original = u32::try_from(packet.original).unwrap();
        let packet = PcapPacket::new(packet.time(), original, &packet.bytes);
        writer.write_packet(&packet).unwrap();
    }
    writer.into_writer()
}

pub(crate) fn header(link: DataLink) -> PcapHeader {
    let (endianness, ts_resolution) = (Endianness::Little, TsResolution::MicroSecond);
    PcapHeader {
        datalink: link,
        endianness,
        ts_resolution,
        snaplen: 262_144,
        ..PcapHeader::default()
    }
}

/// Writes an Ethernet file of libpcap.
pub(crate) fn ethernet(packets: &[Packet]) -> Vec<u8> {
    pcap(header(DataLink::ETHERNET), packets)
}

/// Writes a file of pcapng whose clocks count microseconds: interfaces, then packets with theirs.
pub(crate) fn pcapng(
    endianness: Endianness,
    interfaces: &[(DataLink, &str)],
    packets: &[(u32, Packet)],
) -> Vec<u8> {
    let mut writer = PcapNgWriter::with_endianness(Vec::new(), endianness).unwrap();
    for (linktype, name) in interfaces {
        let options = vec![InterfaceDescriptionOption::IfName(Cow::Borrowed(name))];
        let block = InterfaceDescriptionBlock { linktype: *linktype, snaplen: 0, options };
        writer.write_pcapng_block(block).unwrap();
    }
    for (interface_id, packet) in packets {
        // The library writes every time as nanoseconds: a thousandth is what a clock of microseconds means by it.
        writer
            .write_pcapng_block(EnhancedPacketBlock {
                interface_id: *interface_id,
                timestamp: packet.time() / 1000,
                original_len: u32::try_from(packet.original).unwrap(),
                data: Cow::Borrowed(&packet.bytes),
                options: Vec::new(),
            })
            .unwrap();
    }
    writer.into_inner()
}

/// Reads a capture to its end.
pub(crate) fn read_all(file: &[u8]) -> Result<Vec<(OwnedFrame, Seen)>, CaptureError> {
    let mut capture = Capture::new(file, Clock::default())?;
    let mut frames = Vec::new();
    loop {
        match capture.advance()? {
            0 => return Ok(frames),
            count => {
                let found = (0..count).map(|i| (capture.frame(i).into(), capture.seen(i)));
                frames.extend(found);
            }
        }
    }
}
