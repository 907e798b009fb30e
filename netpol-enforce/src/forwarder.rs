//! The loop of the datapath: frames come in by a device, are decided about, and leave by it.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::{ArcSwapOption, Guard};

use crate::device::{Device, DeviceError};
use crate::drop_log::DropLog;
use crate::pipeline::{Decision, Rules, Tables, decide};
use crate::policies::Policies;
use crate::report::Report;
use crate::{DropReason, Tick};

/// After so many failures of the evaluator the datapath ends, and with it all traffic.
const MOST_PANICS: u64 = 100;
/// Ticks between two times that counters are handed out: less than a second.
const REPORT_TICKS: u32 = 8;

/// Whether what policies deny is dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// It is.
    #[default]
    Enforce,
    /// It is counted and logged, and passes, unless it cannot be sent whole.
    Audit,
}

/// What the datapath shares with those who change its policies and read its counters.
#[derive(Debug, Default)]
pub struct Shared {
    policies: ArcSwapOption<Policies>,
    /// The epoch that no verdict is older than.
    seen: AtomicU32,
    seen_changed: (Mutex<()>, Condvar),
    ended: AtomicBool,
    reloads: AtomicU64,
    refused: AtomicU64,
    report: Mutex<Report>,
}

impl Shared {
    /// Returns the policies in force.
    pub fn policies(&self) -> Option<Arc<Policies>> {
        self.policies.load_full()
    }

    /// Puts policies in force. `wake` ends the wait of a datapath that has nothing to do.
    ///
    /// When this returns `true`, no later verdict uses the policies before. It returns `false` if the datapath has ended, or
    /// has not looked within `patience`.
    pub fn replace(&self, policies: Arc<Policies>, wake: impl Fn(), patience: Duration) -> bool {
        let epoch = policies.epoch();
        if self.policies.swap(Some(policies)).is_some() {
            self.reloads.fetch_add(1, Ordering::Relaxed);
        }
        wake();
        let guard = self.seen_changed.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waits = |(): &mut ()| {
            self.seen.load(Ordering::Acquire) != epoch && !self.ended.load(Ordering::Acquire)
        };
        let waited = self.seen_changed.1.wait_timeout_while(guard, patience, waits);
        drop(waited);
        self.seen.load(Ordering::Acquire) == epoch
    }

    /// Counts new policies that could not be used.
    pub fn count_refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the counters, at most a second old while frames come.
    pub fn report(&self) -> Report {
        self.report.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn acknowledge(&self, epoch: u32) {
        let guard = self.seen_changed.0.lock().unwrap_or_else(PoisonError::into_inner);
        self.seen.store(epoch, Ordering::Release);
        drop(guard);
        self.seen_changed.1.notify_all();
    }

    fn end(&self) {
        let guard = self.seen_changed.0.lock().unwrap_or_else(PoisonError::into_inner);
        self.ended.store(true, Ordering::Release);
        drop(guard);
        self.seen_changed.1.notify_all();
    }
}

/// Why the datapath ends.
#[derive(Debug, thiserror::Error)]
pub enum ForwarderError {
    /// The device brings no more frames.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The evaluator failed too often.
    #[error(
        "the evaluator failed {MOST_PANICS} times; this is a bug, please report it together with the policies"
    )]
    Evaluator,
}

/// A datapath over a device.
#[derive(Debug)]
pub struct Forwarder<D> {
    device: D,
    tables: Tables,
    rules: Rules,
    mode: Mode,
    shared: Arc<Shared>,
    log: Option<DropLog>,
    report: Report,
    epoch: u32,
    reported: Tick,
}

impl<D: Device> Forwarder<D> {
    /// Puts a datapath together. Nothing but ARP and neighbour discovery passes until `shared` has policies.
    pub fn new(device: D, tables: Tables, rules: Rules, mode: Mode, shared: Arc<Shared>) -> Self {
        let report = Report::new(device.ports());
        let (log, epoch, reported) = (None, 0, Tick(0));
        Self { device, tables, rules, mode, shared, log, report, epoch, reported }
    }

    /// Logs what is dropped.
    #[must_use]
    pub fn with_log(mut self, log: DropLog) -> Self {
        self.log = Some(log);
        self
    }

    /// Waits for frames, at most for `wait`, decides about each and sends what passes. Returns how many there were.
    ///
    /// Policies are looked up once: those that are put in force meanwhile count from the next call on.
    ///
    /// # Errors
    ///
    /// [`ForwarderError`]; nothing passes any more.
    pub fn step(&mut self, wait: Duration) -> Result<usize, ForwarderError> {
        let frames = self.device.receive(wait)?;
        // Behind the wait, so that what comes while policies are replaced is judged by the new ones.
        let shared = Arc::clone(&self.shared);
        let policies = shared.policies.load();
        self.follow(&policies);
        let mut now = None;
        for index in 0..frames {
            let frame = self.device.frame(index);
            now = Some(frame.meta.at);
            self.report.received += 1;
            let decision = decide(policies.as_deref(), self.rules, &mut self.tables, &frame);
            match decision {
                Decision::Forward { out, why, .. } => {
                    self.report.forwarded[why as usize] += 1;
                    self.device.forward(index, out);
                }
                Decision::Drop { why } => self.drop_frame(index, why, policies.as_ref()),
            }
        }
        self.device.flush();
        if let Some(now) = now {
            self.tables.expire(now);
            if now.since(self.reported) >= REPORT_TICKS {
                self.reported = now;
                self.publish();
            }
        } else {
            self.publish();
        }
        if self.report.dropped[DropReason::EvaluatorPanic as usize] >= MOST_PANICS {
            return Err(ForwarderError::Evaluator);
        }
        Ok(frames)
    }

    /// Returns all counters as they are now.
    pub fn report(&mut self) -> &Report {
        self.report.flows = self.tables.flows.counters();
        self.report.fragments = self.tables.fragments.counters();
        self.report.epoch = self.epoch;
        self.report.reloads = self.shared.reloads.load(Ordering::Relaxed);
        self.report.refused_reloads = self.shared.refused.load(Ordering::Relaxed);
        self.report.log_lost = self.log.as_ref().map_or(0, DropLog::lost);
        for (port, stats) in self.report.ports.iter_mut().zip(self.device.stats()) {
            port.stats = *stats;
        }
        &self.report
    }

    /// The device.
    pub const fn device(&mut self) -> &mut D {
        &mut self.device
    }

    /// Looks whether other policies are in force, lets the tables follow, and says so.
    fn follow(&mut self, policies: &Guard<Option<Arc<Policies>>>) {
        let Some(policies) = policies.as_deref() else { return };
        if policies.epoch() != self.epoch {
            self.tables.follow(policies);
            self.epoch = policies.epoch();
            self.shared.acknowledge(self.epoch);
        }
    }

    fn drop_frame(&mut self, index: usize, why: DropReason, policies: Option<&Arc<Policies>>) {
        let passes = self.mode == Mode::Audit && why.is_sendable();
        let frame = self.device.frame(index);
        if let Some(log) = &mut self.log {
            log.dropped(&frame, why, passes, (policies, self.rules.read));
        }
        if passes {
            self.report.audited[why as usize] += 1;
            let out = crate::PortId(u8::from(frame.meta.port.0 == 0));
            self.device.forward(index, out);
        } else {
            self.report.dropped[why as usize] += 1;
        }
    }

    /// Hands the counters out, unless somebody reads them just now.
    fn publish(&mut self) {
        self.report();
        if let Ok(mut published) = self.shared.report.try_lock() {
            published.clone_from(&self.report);
        }
    }
}

impl<D> Drop for Forwarder<D> {
    fn drop(&mut self) {
        self.shared.end();
    }
}
