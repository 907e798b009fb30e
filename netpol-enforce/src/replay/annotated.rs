//! Captures written down again, as pcapng, with what the policies say of each frame beside it.

use std::borrow::Cow;
use std::io::{self, Write};
use std::time::Duration;

use pcap_file::pcapng::PcapNgWriter;
use pcap_file::pcapng::blocks::enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption};
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption,
};
use pcap_file::{DataLink, Endianness, PcapError};

use super::{FlowRow, Outcome, Place, Sight};
use crate::{DropReason, Frame};

/// Nanoseconds, as pcapng writes the unit of a clock.
const NANOSECONDS: u8 = 9;

/// What is said of a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Said<'a> {
    /// It is ARP or neighbour discovery.
    Neighbour,
    /// It was dropped before it belonged to any flow.
    NotJudged(DropReason),
    /// It belongs to a flow: its number in the order in which flows were first seen, and what is known of it so far.
    Flow(usize, &'a FlowRow),
    /// It belongs to a flow that there was no room for.
    LeftOut(Outcome),
}

/// A frame that was judged.
#[derive(Clone, Copy, Debug)]
pub struct Judged<'a> {
    /// What is said of it.
    pub said: Said<'a>,
    /// What the capture keeps of it, as an Ethernet frame.
    bytes: &'a [u8],
    /// How long it was, in bytes, as an Ethernet frame.
    length: u32,
    /// When it came, since 1970.
    at: Duration,
    /// The interface: its number and its name.
    interface: (usize, &'a str),
}

impl<'a> Judged<'a> {
    pub(super) fn new(
        said: Said<'a>,
        frame: &Frame<'a>,
        sight: &Sight,
        interfaces: &'a [String],
    ) -> Self {
        let number = sight.place.unwrap_or_default();
        Self {
            said,
            bytes: frame.bytes.get(..sight.seen.kept).unwrap_or(frame.bytes),
            length: frame.meta.wire_len,
            at: sight.seen.at.unwrap_or(sight.seen.since),
            interface: (number, interfaces.get(number).map_or("", String::as_str)),
        }
    }
}

impl<'a> Said<'a> {
    pub(super) fn of(place: Place, rows: &'a [FlowRow]) -> Self {
        match place {
            Place::Row(row) => match rows.get(row) {
                Some(known) => Self::Flow(row, known),
                None => Self::LeftOut(Outcome::NotJudged(DropReason::NoFlow)),
            },
            Place::LeftOut(outcome) => Self::LeftOut(outcome),
        }
    }
}

/// A pcapng file that is being written: every frame as an Ethernet frame, with a comment where there is something to say.
pub struct Annotated<W: Write> {
    writer: PcapNgWriter<W>,
    declared: usize,
}

impl<W: Write> std::fmt::Debug for Annotated<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Annotated").field("declared", &self.declared).finish_non_exhaustive()
    }
}

impl<W: Write> Annotated<W> {
    /// Begins a file.
    ///
    /// # Errors
    ///
    /// As the writer's.
    pub fn new(writer: W) -> io::Result<Self> {
        // The order of bytes does not depend on the machine: same input, same file.
        let writer = PcapNgWriter::with_endianness(writer, Endianness::Little).map_err(plain)?;
        Ok(Self { writer, declared: 0 })
    }

    /// Writes a frame.
    ///
    /// # Errors
    ///
    /// As the writer's.
    pub fn frame(&mut self, judged: &Judged<'_>, comment: Option<&str>) -> io::Result<()> {
        let (number, name) = judged.interface;
        // Captures declare their interfaces in the order of their numbers.
        while self.declared <= number {
            let known = if self.declared == number { name } else { "" };
            self.declare(known)?;
        }
        let comment = comment.map(|text| EnhancedPacketOption::Comment(Cow::Borrowed(text)));
        let block = EnhancedPacketBlock {
            interface_id: u32::try_from(number).unwrap_or(u32::MAX),
            timestamp: judged.at,
            original_len: judged.length,
            data: Cow::Borrowed(judged.bytes),
            options: comment.into_iter().collect(),
        };
        self.writer.write_pcapng_block(block).map(drop).map_err(plain)
    }

    /// Ends the file, and hands its writer back.
    pub fn finish(self) -> W {
        self.writer.into_inner()
    }

    fn declare(&mut self, name: &str) -> io::Result<()> {
        let name = InterfaceDescriptionOption::IfName(Cow::Owned(name.to_owned()));
        let block = InterfaceDescriptionBlock {
            linktype: DataLink::ETHERNET,
            snaplen: 0,
            options: vec![name, InterfaceDescriptionOption::IfTsResol(NANOSECONDS)],
        };
        self.declared += 1;
        self.writer.write_pcapng_block(block).map(drop).map_err(plain)
    }
}

fn plain(error: PcapError) -> io::Error {
    match error {
        PcapError::IoError(error) => error,
        other => io::Error::other(other),
    }
}
