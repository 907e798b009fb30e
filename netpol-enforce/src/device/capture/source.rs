//! The bytes of a capture file, and where in it something is wrong.

use std::io::{self, BufReader, Read};

use thiserror::Error;

/// Why a capture cannot be judged: what is wrong, where, and what to do about it.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{message}; {help}")]
pub struct CaptureError {
    /// What is wrong and where.
    pub message: String,
    /// What to do about it.
    pub help: String,
}

impl CaptureError {
    /// Makes an error about the file as a whole.
    pub(super) fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { message: message.into(), help: help.into() }
    }
}

/// A file that is read from its beginning to its end, once.
#[derive(Debug)]
pub(super) struct Source<R> {
    reader: BufReader<R>,
    /// How many bytes were read.
    offset: u64,
    /// Where the record or block begins that is being read.
    begin: u64,
    /// How many packets were read whole.
    packets: u64,
}

impl<R: Read> Source<R> {
    const BUFFER: usize = 1 << 16;

    pub(super) fn new(reader: R) -> Self {
        let reader = BufReader::with_capacity(Self::BUFFER, reader);
        Self { reader, offset: 0, begin: 0, packets: 0 }
    }

    /// Notes that a record or block begins here.
    pub(super) const fn begin(&mut self) {
        self.begin = self.offset;
    }

    /// Notes that a packet was read.
    pub(super) const fn count_packet(&mut self) {
        self.packets += 1;
    }

    /// Appends so many bytes, or as many as are left; returns how many. What a damaged length claims is not reserved.
    pub(super) fn read_up_to(
        &mut self,
        buffer: &mut Vec<u8>,
        length: usize,
    ) -> Result<usize, CaptureError> {
        let most = u64::try_from(length).unwrap_or(u64::MAX);
        let read = self.reader.by_ref().take(most).read_to_end(buffer);
        let read = read.map_err(|error| self.unreadable(&error))?;
        self.offset = self.offset.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
        Ok(read)
    }

    /// Appends exactly so many bytes.
    pub(super) fn read_all(
        &mut self,
        buffer: &mut Vec<u8>,
        length: usize,
    ) -> Result<(), CaptureError> {
        let read = self.read_up_to(buffer, length)?;
        if read == length { Ok(()) } else { Err(self.cut()) }
    }

    /// Appends exactly so many bytes; false where the file ends before the first of them.
    pub(super) fn read_next(
        &mut self,
        buffer: &mut Vec<u8>,
        length: usize,
    ) -> Result<bool, CaptureError> {
        match self.read_up_to(buffer, length)? {
            0 => Ok(false),
            read if read == length => Ok(true),
            _ => Err(self.cut()),
        }
    }

    fn unreadable(&self, error: &io::Error) -> CaptureError {
        let message = format!("the capture cannot be read at byte {}: {error}", self.offset);
        CaptureError::new(message, "copy it anew")
    }

    /// The file ends inside of a record.
    fn cut(&self) -> CaptureError {
        let (begin, offset, whole) = (self.begin, self.offset, self.whole());
        let message = format!(
            "the capture is cut: it ends at byte {offset}, in the midst of what begins at byte {begin} after {whole}"
        );
        CaptureError::new(message, Self::repair(self.packets))
    }

    /// Something about the record that is being read is wrong.
    pub(super) fn damaged(&self, what: impl std::fmt::Display) -> CaptureError {
        let (begin, whole) = (self.begin, self.whole());
        let message = format!("the capture is damaged at byte {begin}, after {whole}: {what}");
        CaptureError::new(message, Self::repair(self.packets))
    }

    /// Says how many packets are whole.
    fn whole(&self) -> String {
        let s = if self.packets == 1 { "" } else { "s" };
        format!("{} whole packet{s}", self.packets)
    }

    fn repair(packets: u64) -> String {
        match packets {
            0 => "take it anew".to_owned(),
            1 => "take it anew, or keep what is whole: `editcap -r FILE WHOLE 1`".to_owned(),
            n => format!("take it anew, or keep what is whole: `editcap -r FILE WHOLE 1-{n}`"),
        }
    }
}
