//! A device with faults: frames of another device are lost, doubled, delayed, cut and damaged, by a seed.
//!
//! The same seed, frames and calls give the same faults.

use std::time::Duration;

use super::{Device, DeviceError, FlushReport, Inject, OwnedFrame, PortInfo, PortStats};
use crate::{Frame, PortId};

/// How often each fault happens, in thousandths of the frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FaultRates {
    /// A frame is lost on receipt.
    pub drop: u16,
    /// A frame comes twice.
    pub duplicate: u16,
    /// A frame comes one to three batches later, behind others.
    pub delay: u16,
    /// Only the beginning of a frame is at hand; its length on the wire is still told.
    pub truncate: u16,
    /// A bit is turned.
    pub corrupt: u16,
    /// A frame that is forwarded is not sent.
    pub fail_send: u16,
}

/// How often each fault has happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FaultCounts {
    /// Frames that were lost on receipt.
    pub dropped: u64,
    /// Frames that came twice.
    pub duplicated: u64,
    /// Frames that came later.
    pub delayed: u64,
    /// Frames that were cut.
    pub truncated: u64,
    /// Frames in which a bit was turned.
    pub corrupted: u64,
    /// Frames that were not sent.
    pub failed_sends: u64,
}

/// A device with faults.
///
/// A frame that was changed is sent as it was changed. Lost frames count as overflow of their port, failed sends as its
/// errors.
#[derive(Debug)]
pub struct Fault<D> {
    inner: D,
    rates: FaultRates,
    random: SplitMix,
    counts: FaultCounts,
    at_hand: Vec<Entry>,
    held: Vec<Held>,
    has_ended: bool,
    failed: u32,
    /// What the faults add to the counters of each port.
    added: Vec<Added>,
    stats: Vec<PortStats>,
}

/// A frame at hand.
#[derive(Debug)]
enum Entry {
    /// As the inner device has it.
    Untouched(usize),
    /// Changed, or from an earlier batch.
    Own(OwnedFrame),
}

/// A frame that comes later.
#[derive(Debug)]
struct Held {
    batches: u64,
    frame: OwnedFrame,
}

/// What the faults add to the counters of a port.
#[derive(Clone, Copy, Debug, Default)]
struct Added {
    received: u64,
    lost: u64,
    failed: u64,
}

impl<D: Inject> Fault<D> {
    /// Wraps a device.
    pub fn new(inner: D, seed: u64, rates: FaultRates) -> Self {
        let ports = inner.ports().len();
        Self {
            inner,
            rates,
            random: SplitMix(seed),
            counts: FaultCounts::default(),
            at_hand: Vec::new(),
            held: Vec::new(),
            has_ended: false,
            failed: 0,
            added: vec![Added::default(); ports],
            stats: vec![PortStats::default(); ports],
        }
    }

    /// Returns how often each fault has happened.
    pub fn counts(&self) -> FaultCounts {
        self.counts
    }

    /// Returns the device inside.
    pub fn inner(&self) -> &D {
        &self.inner
    }

    /// Returns the device inside, to be changed.
    pub fn inner_mut(&mut self) -> &mut D {
        &mut self.inner
    }

    /// Returns the frames that come now of those that were held back, in the order they were.
    fn release(&mut self) {
        let at_once = self.has_ended;
        for held in &mut self.held {
            held.batches = held.batches.saturating_sub(1);
        }
        let due = self.held.extract_if(.., |held| at_once || held.batches == 0);
        self.at_hand.extend(due.map(|held| Entry::Own(held.frame)));
    }

    /// Lets fate decide on a frame of the inner device.
    fn take(&mut self, index: usize) {
        if self.happens(self.rates.drop) {
            self.counts.dropped += 1;
            let port = self.inner.frame(index).meta.port;
            self.add(port, |added| added.lost += 1);
            return;
        }
        let entry = self.change(index);
        if self.happens(self.rates.duplicate) {
            self.counts.duplicated += 1;
            let twin = match &entry {
                Entry::Untouched(index) => Entry::Untouched(*index),
                Entry::Own(frame) => Entry::Own(frame.clone()),
            };
            self.at_hand.push(twin);
        }
        if self.happens(self.rates.delay) {
            self.counts.delayed += 1;
            let batches = 1 + self.random.below(3);
            let frame = self.owned(entry);
            self.held.push(Held { batches, frame });
            return;
        }
        self.at_hand.push(entry);
    }

    /// Cuts or damages a frame, or leaves it as it is.
    fn change(&mut self, index: usize) -> Entry {
        let (cut, damage) = (self.happens(self.rates.truncate), self.happens(self.rates.corrupt));
        let mut frame = match (cut || damage, self.inner.frame(index)) {
            (true, frame) if !frame.bytes.is_empty() => OwnedFrame::from(frame),
            _ => return Entry::Untouched(index),
        };
        if damage {
            self.counts.corrupted += 1;
            let at = self.random.index(frame.bytes.len());
            let bit = 1 << self.random.index(8);
            frame.bytes[at] ^= bit;
        }
        if cut {
            self.counts.truncated += 1;
            frame.bytes.truncate(self.random.index(frame.bytes.len()));
        }
        Entry::Own(frame)
    }

    fn owned(&self, entry: Entry) -> OwnedFrame {
        match entry {
            Entry::Untouched(index) => self.inner.frame(index).into(),
            Entry::Own(frame) => frame,
        }
    }

    fn happens(&mut self, thousandths: u16) -> bool {
        thousandths > 0 && self.random.below(1000) < u64::from(thousandths)
    }

    fn add(&mut self, port: PortId, change: impl FnOnce(&mut Added)) {
        if let Some(added) = self.added.get_mut(usize::from(port.0)) {
            change(added);
        }
    }

    fn entry(&self, index: usize) -> Frame<'_> {
        match &self.at_hand[index] {
            Entry::Untouched(index) => self.inner.frame(*index),
            Entry::Own(frame) => frame.frame(),
        }
    }
}

impl<D: Inject> Device for Fault<D> {
    fn ports(&self) -> &[PortInfo] {
        self.inner.ports()
    }

    /// Has ended when the inner device has, and what was held back was handed over.
    fn receive(&mut self, wait: Duration) -> Result<usize, DeviceError> {
        self.at_hand.clear();
        let count = match self.inner.receive(wait) {
            Err(DeviceError::Ended) if !self.held.is_empty() => {
                self.has_ended = true;
                0
            }
            other => other?,
        };
        self.release();
        (0..count).for_each(|index| self.take(index));
        for index in 0..self.at_hand.len() {
            let port = self.entry(index).meta.port;
            self.add(port, |added| added.received += 1);
        }
        Ok(self.at_hand.len())
    }

    fn frame(&self, index: usize) -> Frame<'_> {
        self.entry(index)
    }

    fn forward(&mut self, index: usize, out: PortId) {
        if self.happens(self.rates.fail_send) {
            self.counts.failed_sends += 1;
            self.failed += 1;
            self.add(out, |added| added.failed += 1);
            return;
        }
        match self.at_hand.get(index) {
            Some(Entry::Untouched(index)) => self.inner.forward(*index, out),
            Some(Entry::Own(frame)) => self.inner.inject(out, &frame.frame()),
            None => {}
        }
    }

    fn flush(&mut self) -> FlushReport {
        let report = self.inner.flush();
        FlushReport { errors: report.errors + std::mem::take(&mut self.failed), ..report }
    }

    fn stats(&mut self) -> &[PortStats] {
        let inner = self.inner.stats().iter().zip(&self.added);
        self.stats.clear();
        self.stats.extend(inner.map(|(stats, added)| PortStats {
            received: added.received,
            overflow: stats.overflow + added.lost,
            tx_errors: stats.tx_errors + added.failed,
            ..*stats
        }));
        &self.stats
    }
}

impl<D: Inject> Inject for Fault<D> {
    /// Injects without faults.
    fn inject(&mut self, out: PortId, frame: &Frame<'_>) {
        self.inner.inject(out, frame);
    }
}

/// Numbers from a seed: `SplitMix64` (Steele, Lea, Flood 2014).
#[derive(Clone, Copy, Debug)]
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number below a bound, which is small beside 2⁶⁴: the bias does not show.
    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    fn index(&mut self, length: usize) -> usize {
        let bound = u64::try_from(length).unwrap_or(u64::MAX);
        usize::try_from(self.below(bound)).unwrap_or_default()
    }
}
