//! The datapath in the middle, in a thread.

use std::io::{PipeWriter, Write as _, pipe};
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use netpol_core::reach::Snapshot;
use netpol_enforce::Tick;
use netpol_enforce::afpacket::{AfPacket, OpenOptions};
use netpol_enforce::binding::Bindings;
use netpol_enforce::flow::{FlowLimits, FragLimits};
use netpol_enforce::forwarder::{Forwarder, Mode, Shared};
use netpol_enforce::pipeline::{Established, Rules, Tables};
use netpol_enforce::policies::{Policies, Sides};
use netpol_enforce::report::Report;

use crate::sides::PORTS;

const OWNERS: u32 = 1024;

/// How it is set, where it differs from the usual.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    pub(crate) established: Established,
    pub(crate) receive_buffer: usize,
    pub(crate) batch: usize,
    /// How long it sleeps after each batch.
    pub(crate) pause: Duration,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            established: Established::Revoke,
            receive_buffer: OpenOptions::RECEIVE_BUFFER,
            batch: OpenOptions::BATCH,
            pause: Duration::ZERO,
        }
    }
}

/// A datapath that runs.
pub(crate) struct Datapath {
    pub(crate) shared: Arc<Shared>,
    sides: Sides,
    stop: Arc<AtomicBool>,
    wake: PipeWriter,
    /// Nothing once it is stopped.
    thread: Option<JoinHandle<Report>>,
}

impl Datapath {
    /// Starts with policies, and with the addresses of each side bound to its port.
    pub(crate) fn start(
        snapshot: Snapshot,
        addresses: &[Vec<IpAddr>; 2],
        established: Established,
    ) -> Self {
        Self::bound(snapshot, addresses, Setup { established, ..Setup::default() })
    }

    /// Starts as [`start`](Self::start) does, with more of a setup.
    pub(crate) fn bound(snapshot: Snapshot, addresses: &[Vec<IpAddr>; 2], setup: Setup) -> Self {
        let mut bindings = Bindings::default();
        for (own, port) in addresses.iter().zip(PORTS) {
            own.iter()
                .for_each(|address| bindings.add(&format!("{address}={port}"), &PORTS).unwrap());
        }
        // Pods that are not there have to stand somewhere.
        ["0.0.0.0/0=pa", "::/0=pa"]
            .into_iter()
            .for_each(|rest| bindings.add(rest, &PORTS).unwrap());
        Self::open(snapshot, Sides::Bound(bindings), setup)
    }

    /// Starts with policies and with what stands where.
    pub(crate) fn open(snapshot: Snapshot, sides: Sides, setup: Setup) -> Self {
        let Setup { established, receive_buffer, batch, pause } = setup;
        let policies = Policies::new(snapshot, sides.clone(), OWNERS, None).unwrap();
        let shared = Arc::new(Shared::default());
        let (reader, wake) = pipe().unwrap();
        let start = Instant::now();
        let clock = Box::new(move || Tick::at(start.elapsed()));
        let mut options = OpenOptions::new(clock, Box::new(|_, _| Ok(())));
        options.wake = Some(OwnedFd::from(reader));
        (options.receive_buffer, options.batch) = (receive_buffer, batch);
        let device = AfPacket::open(&PORTS, options).unwrap();
        let rules = Rules { established, ..Rules::default() };
        let tables = Tables::new(FlowLimits::new(65_536, OWNERS), FragLimits::new(1024, OWNERS));
        let mut forwarder =
            Forwarder::new(device, tables, rules, Mode::Enforce, Arc::clone(&shared));
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                forwarder.step(Duration::from_millis(200)).unwrap();
                thread::sleep(pause);
            }
            forwarder.report().clone()
        });
        let datapath = Self { shared, sides, stop, wake, thread: Some(thread) };
        assert!(datapath.put(policies));
        datapath
    }

    /// Puts other policies in force; when it returns, no verdict uses the ones before.
    pub(crate) fn reload(&self, snapshot: Snapshot) {
        let before = self.shared.policies();
        let made = Policies::new(snapshot, self.sides.clone(), OWNERS, before.as_deref()).unwrap();
        assert!(self.put(made));
    }

    fn put(&self, policies: Policies) -> bool {
        let wake = || (&self.wake).write_all(&[0]).unwrap();
        self.shared.replace(Arc::new(policies), wake, Duration::from_secs(5))
    }

    /// Stops it, and returns what it has counted.
    pub(crate) fn stop(mut self) -> Report {
        self.end().unwrap().unwrap()
    }

    fn end(&mut self) -> Option<thread::Result<Report>> {
        self.stop.store(true, Ordering::Relaxed);
        drop((&self.wake).write_all(&[0]));
        self.thread.take().map(JoinHandle::join)
    }
}

impl Drop for Datapath {
    /// A scenario that fails leaves none behind, for the next one has ports of the same names.
    fn drop(&mut self) {
        drop(self.end());
    }
}

/// Every frame was decided about once, and every one that passed was sent.
pub(crate) fn assert_adds_up(report: &Report) {
    let forwarded: u64 = report.forwarded.iter().sum();
    let dropped: u64 = report.dropped.iter().sum();
    assert_eq!(report.received, forwarded + dropped, "{report}");
    let sum = |count: fn(&netpol_enforce::device::PortStats) -> u64| -> u64 {
        report.ports.iter().map(|port| count(&port.stats)).sum()
    };
    assert_eq!(report.received, sum(|s| s.received), "{report}");
    assert_eq!(forwarded, sum(|s| s.sent) + sum(|s| s.tx_errors), "{report}");
}
