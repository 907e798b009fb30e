//! Where frames come from and go to.

mod capture;
mod fault;
mod memory;

use std::time::Duration;

pub use self::capture::{Capture, CaptureError, Clock, Seen};
pub use self::fault::{Fault, FaultCounts, FaultRates};
pub use self::memory::{Memory, OwnedFrame};

use crate::{Frame, Gso, GsoKind, PortId};

/// A port of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortInfo {
    /// The name of the interface.
    pub name: String,
    /// The largest packet it carries, in bytes, without the Ethernet header.
    pub mtu: u32,
    /// Its Ethernet address.
    pub mac: [u8; 6],
}

/// What a port has counted since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PortStats {
    /// Frames that were handed over.
    pub received: u64,
    /// Frames that the kernel lost before they could be judged.
    pub overflow: u64,
    /// Frames that could not be represented, and were lost on receipt.
    pub unreadable: u64,
    /// Frames that were sent.
    pub sent: u64,
    /// Frames that could not be sent.
    pub tx_errors: u64,
    /// How often the interface went down or away, or was no longer admitted.
    pub losses: u64,
    /// How often it was opened again.
    pub reopened: u64,
}

/// What became of the frames of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlushReport {
    /// How many were sent.
    pub sent: u32,
    /// How many could not be sent.
    pub errors: u32,
}

/// Brings frames in batches and sends them on.
///
/// One value both receives and sends, so that a frame is sent from the buffer it came in: it is written once.
pub trait Device {
    /// Returns the ports; the index is that of a [`PortId`].
    fn ports(&self) -> &[PortInfo];

    /// Waits for frames, at most for `wait`, and returns how many are at hand.
    ///
    /// What was at hand before is gone; a frame that was forwarded must be flushed first.
    fn receive(&mut self, wait: Duration) -> Result<usize, DeviceError>;

    /// Returns a frame that is at hand. Indices are below what `receive` returned.
    fn frame(&self, index: usize) -> Frame<'_>;

    /// Puts a frame that is at hand on its way out of a port.
    fn forward(&mut self, index: usize, out: PortId);

    /// Sends what was forwarded.
    fn flush(&mut self) -> FlushReport;

    /// Returns the counters of each port.
    fn stats(&mut self) -> &[PortStats];
}

/// A device that also sends frames which did not come in by it: for generators, and for devices that change frames.
pub trait Inject: Device {
    /// Puts a copy of a frame on its way out of a port; like what is forwarded, it is sent by a flush.
    ///
    /// The port and the moment of its description mean nothing.
    fn inject(&mut self, out: PortId, frame: &Frame<'_>);
}

/// Returns whether a frame can leave as it came: it is all there, and its segmentation can be written down.
pub(crate) fn is_sendable(frame: &Frame<'_>) -> bool {
    let is_whole =
        u32::try_from(frame.bytes.len()).is_ok_and(|length| frame.meta.wire_len <= length);
    let is_known = !matches!(frame.meta.gso, Some(Gso { kind: GsoKind::Other(_), .. }));
    is_whole && is_known
}

/// A device that can bring no more frames.
#[derive(Debug)]
pub enum DeviceError {
    /// The source has ended: the last frame of a capture was handed over.
    Ended,
    /// The operating system refused.
    Io {
        /// What was being done.
        doing: String,
        /// What it said.
        error: std::io::Error,
    },
    /// A capture that cannot be read.
    Capture(String),
}

impl std::fmt::Display for DeviceError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ended => f.write_str("there are no more frames"),
            Self::Io { doing, error } => write!(f, "{doing}: {error}"),
            Self::Capture(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for DeviceError {}
