//! A device without a kernel: frames are put in by hand and kept where they went out.

use std::collections::VecDeque;
use std::time::Duration;

use super::{Device, DeviceError, FlushReport, Inject, PortInfo, PortStats, is_sendable};
use crate::{Frame, FrameMeta, PortId, Tick};

/// A frame that owns its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedFrame {
    /// What is said beside the bytes.
    pub meta: FrameMeta,
    /// The bytes; fewer than `meta.wire_len` if it was truncated.
    pub bytes: Vec<u8>,
}

impl OwnedFrame {
    /// Returns a plain frame: whole, untagged beside its bytes, with a complete checksum.
    pub fn plain(port: PortId, bytes: &[u8], at: Tick) -> Self {
        Self { meta: FrameMeta::plain(port, bytes.len(), at), bytes: bytes.to_vec() }
    }

    /// Returns it as a device hands it over.
    pub fn frame(&self) -> Frame<'_> {
        Frame { meta: self.meta, bytes: &self.bytes }
    }
}

impl From<Frame<'_>> for OwnedFrame {
    fn from(frame: Frame<'_>) -> Self {
        Self { meta: frame.meta, bytes: frame.bytes.to_vec() }
    }
}

/// Ports in memory.
#[derive(Clone, Debug)]
pub struct Memory {
    ports: Vec<PortInfo>,
    stats: Vec<PortStats>,
    batch: usize,
    has_ended: bool,
    input: VecDeque<OwnedFrame>,
    at_hand: Vec<OwnedFrame>,
    outgoing: Vec<(PortId, OwnedFrame)>,
    sent: Vec<Vec<OwnedFrame>>,
    refused: u32,
}

impl Memory {
    /// Frames that are handed over together, unless said otherwise.
    const BATCH: usize = 32;

    /// Makes ports with nothing in them.
    pub fn new(ports: Vec<PortInfo>) -> Self {
        Self {
            stats: vec![PortStats::default(); ports.len()],
            sent: vec![Vec::new(); ports.len()],
            ports,
            batch: Self::BATCH,
            has_ended: false,
            input: VecDeque::new(),
            at_hand: Vec::new(),
            outgoing: Vec::new(),
            refused: 0,
        }
    }

    /// Makes so many ports with an MTU of 1500, named `port0`, `port1` and so on.
    pub fn with_ports(count: u8) -> Self {
        let port = |number| PortInfo {
            name: format!("port{number}"),
            mtu: 1500,
            mac: [2, 0, 0, 0, 0xff, number],
        };
        Self::new((0..count).map(port).collect())
    }

    /// Returns it handing over so many frames together, at least one.
    #[must_use]
    pub fn with_batch(self, batch: usize) -> Self {
        Self { batch: batch.max(1), ..self }
    }

    /// Puts a frame in; its description says by which port it comes.
    pub fn push(&mut self, frame: OwnedFrame) {
        self.input.push_back(frame);
    }

    /// Says that no more frames will be put in: when the last one was handed over, the device has ended.
    pub fn end(&mut self) {
        self.has_ended = true;
    }

    /// Returns what was sent out of a port, in order.
    pub fn sent(&self, port: PortId) -> &[OwnedFrame] {
        self.sent.get(usize::from(port.0)).map(Vec::as_slice).unwrap_or_default()
    }

    /// Takes what was sent out of a port, in order.
    pub fn take_sent(&mut self, port: PortId) -> Vec<OwnedFrame> {
        self.sent.get_mut(usize::from(port.0)).map(std::mem::take).unwrap_or_default()
    }

    fn queue(&mut self, out: PortId, frame: Option<OwnedFrame>) {
        match frame.filter(|frame| is_sendable(&frame.frame())) {
            Some(frame) if usize::from(out.0) < self.ports.len() => {
                self.outgoing.push((out, frame));
            }
            _ => {
                self.refused += 1;
                if let Some(stats) = self.stats.get_mut(usize::from(out.0)) {
                    stats.tx_errors += 1;
                }
            }
        }
    }
}

impl Device for Memory {
    fn ports(&self) -> &[PortInfo] {
        &self.ports
    }

    /// Does not wait: where nothing was put in, nothing will come.
    fn receive(&mut self, _: Duration) -> Result<usize, DeviceError> {
        self.at_hand.clear();
        if self.input.is_empty() && self.has_ended {
            return Err(DeviceError::Ended);
        }
        let count = self.batch.min(self.input.len());
        self.at_hand.extend(self.input.drain(..count));
        for frame in &self.at_hand {
            if let Some(stats) = self.stats.get_mut(usize::from(frame.meta.port.0)) {
                stats.received += 1;
            }
        }
        Ok(count)
    }

    fn frame(&self, index: usize) -> Frame<'_> {
        self.at_hand[index].frame()
    }

    fn forward(&mut self, index: usize, out: PortId) {
        let frame = self.at_hand.get(index).cloned();
        self.queue(out, frame);
    }

    fn flush(&mut self) -> FlushReport {
        let mut report = FlushReport { sent: 0, errors: std::mem::take(&mut self.refused) };
        for (out, frame) in self.outgoing.drain(..) {
            let number = usize::from(out.0);
            let (sent, stats) = (self.sent.get_mut(number), self.stats.get_mut(number));
            if let (Some(sent), Some(stats)) = (sent, stats) {
                sent.push(frame);
                stats.sent += 1;
                report.sent += 1;
            }
        }
        report
    }

    fn stats(&mut self) -> &[PortStats] {
        &self.stats
    }
}

impl Inject for Memory {
    fn inject(&mut self, out: PortId, frame: &Frame<'_>) {
        self.queue(out, Some((*frame).into()));
    }
}
