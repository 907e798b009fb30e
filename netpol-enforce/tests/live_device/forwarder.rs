//! A forwarder that allows everything: what comes in by a port leaves by its neighbour.

use std::io::{PipeWriter, Write as _, pipe};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use netpol_enforce::afpacket::{AfPacket, Clock, OpenOptions};
use netpol_enforce::device::{Device as _, PortStats};
use netpol_enforce::{Frame, PortId, Tick, preflight};

/// What the forwarder has seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) rounds: u64,
    pub(crate) frames: u64,
    pub(crate) longest: usize,
    pub(crate) superframes: u64,
    pub(crate) truncated: u64,
    pub(crate) sent: u64,
    pub(crate) errors: u64,
    pub(crate) stats: Vec<PortStats>,
    pub(crate) warnings: Vec<String>,
}

impl Seen {
    fn note(&mut self, frame: &Frame<'_>) {
        self.frames += 1;
        self.longest = self.longest.max(frame.bytes.len());
        self.superframes += u64::from(frame.meta.gso.is_some());
        let length = u32::try_from(frame.bytes.len()).unwrap();
        self.truncated += u64::from(frame.meta.wire_len > length);
    }
}

/// A forwarder in a thread.
pub(crate) struct Forwarder {
    stop: Arc<AtomicBool>,
    wake: PipeWriter,
    seen: Arc<Mutex<Seen>>,
    thread: Option<JoinHandle<()>>,
}

impl Forwarder {
    /// Starts on ports, of which each two belong together.
    pub(crate) fn start(ports: &[String]) -> Self {
        Self::start_with(ports, |_| {}, Duration::ZERO)
    }

    /// Starts with other options, and begins to receive after a while.
    pub(crate) fn start_with(
        ports: &[String],
        change: impl FnOnce(&mut OpenOptions),
        pause: Duration,
    ) -> Self {
        let (reader, wake) = pipe().unwrap();
        let mut options = options();
        options.wake = Some(OwnedFd::from(reader));
        change(&mut options);
        let names: Vec<&str> = ports.iter().map(String::as_str).collect();
        let device = AfPacket::open(&names, options).unwrap();
        let (stop, seen) = (Arc::<AtomicBool>::default(), Arc::<Mutex<Seen>>::default());
        let (stop_too, seen_too) = (Arc::clone(&stop), Arc::clone(&seen));
        let thread = thread::spawn(move || {
            thread::sleep(pause);
            forward(device, &stop_too, &seen_too);
        });
        Self { stop, wake, seen, thread: Some(thread) }
    }

    /// Returns what it has seen up to now.
    pub(crate) fn seen(&self) -> Seen {
        self.seen.lock().unwrap().clone()
    }

    /// Waits until something was seen, and returns how long that took; fails after three seconds.
    pub(crate) fn wait_until(&self, is_seen: impl Fn(&Seen) -> bool) -> Duration {
        let start = Instant::now();
        while !is_seen(&self.seen()) {
            assert!(start.elapsed() < Duration::from_secs(3), "{:?}", self.seen());
            thread::sleep(Duration::from_millis(5));
        }
        start.elapsed()
    }

    /// Asserts that it waits, rather than asking over and over.
    pub(crate) fn assert_waits(&self) {
        let before = self.seen().rounds;
        thread::sleep(Duration::from_secs(1));
        let rounds = self.seen().rounds - before;
        assert!(rounds <= 30, "{rounds} rounds in a second");
    }

    /// Stops it and returns what it has seen.
    pub(crate) fn stop(mut self) -> Seen {
        self.end();
        self.seen()
    }

    fn end(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.wake.write_all(&[1]).unwrap();
        if let Some(thread) = self.thread.take() {
            assert!(thread.join().is_ok() || thread::panicking());
        }
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        if self.thread.is_some() {
            self.end();
        }
    }
}

/// Returns the usual options: interfaces are admitted again by the preflight, if it can see the chain.
pub(crate) fn options() -> OpenOptions {
    let can_see = preflight::close_kernel_path(&["lo"]).is_ok();
    if can_see {
        OpenOptions::new(clock(), Box::new(preflight::admit))
    } else {
        OpenOptions::new(clock(), Box::new(|_, _| Ok(())))
    }
}

pub(crate) fn clock() -> Clock {
    let start = Instant::now();
    Box::new(move || Tick::at(start.elapsed()))
}

/// Forwards until it is told to stop.
pub(crate) fn forward(mut device: AfPacket, stop: &AtomicBool, seen: &Mutex<Seen>) {
    while !stop.load(Ordering::Relaxed) {
        let count = device.receive(Duration::from_millis(200)).unwrap();
        let mut seen = seen.lock().unwrap();
        seen.rounds += 1;
        for index in 0..count {
            let frame = device.frame(index);
            seen.note(&frame);
            let out = PortId(frame.meta.port.0 ^ 1);
            device.forward(index, out);
        }
        let report = device.flush();
        seen.sent += u64::from(report.sent);
        seen.errors += u64::from(report.errors);
        seen.stats = device.stats().to_vec();
        seen.warnings.extend(device.take_warnings());
    }
}
