//! The packet sockets, with policies and without.

use std::io::{PipeWriter, Write as _, pipe};
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use netpol_core::reach::Snapshot;
use netpol_enforce::afpacket::{AfPacket, OpenOptions};
use netpol_enforce::binding::Bindings;
use netpol_enforce::device::Device as _;
use netpol_enforce::flow::{FlowLimits, FragLimits};
use netpol_enforce::forwarder::{Forwarder, Mode, Shared};
use netpol_enforce::pipeline::{Rules, Tables};
use netpol_enforce::policies::{Policies, Sides};
use netpol_enforce::{PortId, Tick};

use crate::cpus::thread_nanoseconds;
use crate::middle::Tally;
use crate::sides::PORTS;

/// Originators beyond the pods, as the program has them.
const MORE_OWNERS: u32 = 4096;
const WAIT: Duration = Duration::from_millis(500);

/// A datapath in a thread.
pub(crate) struct Datapath {
    wake: PipeWriter,
    asked: Arc<AtomicBool>,
    answers: Receiver<Tally>,
}

impl Datapath {
    /// Forwards every frame to the other port.
    pub(crate) fn allow_all() -> Self {
        Self::run(|mut device, question| {
            loop {
                let count = device.receive(WAIT).unwrap();
                for index in 0..count {
                    let out = PortId(device.frame(index).meta.port.0 ^ 1);
                    device.forward(index, out);
                }
                device.flush();
                question.answer(&mut device);
            }
        })
    }

    /// Forwards what policies allow, as the program does.
    pub(crate) fn enforce(snapshot: &Snapshot, addresses: &[Vec<IpAddr>; 2]) -> Self {
        let owners = u32::try_from(snapshot.cluster().pods().len()).unwrap() + MORE_OWNERS;
        let policies = policies(snapshot, addresses, owners);
        Self::run(move |device, question| {
            let shared = Arc::new(Shared::default());
            shared.replace(Arc::new(policies), || {}, Duration::ZERO);
            let limits = FlowLimits::new(FlowLimits::CAPACITY, owners);
            let tables = Tables::new(limits, FragLimits::new(FragLimits::CAPACITY, limits.owners));
            let mut forwarder =
                Forwarder::new(device, tables, Rules::default(), Mode::Enforce, shared);
            loop {
                forwarder.step(WAIT).unwrap();
                question.answer(forwarder.device());
            }
        })
    }

    fn run(forward: impl FnOnce(AfPacket, Question) + Send + 'static) -> Self {
        let (reader, wake) = pipe().unwrap();
        let start = Instant::now();
        let clock = Box::new(move || Tick::at(start.elapsed()));
        let options = OpenOptions {
            wake: Some(OwnedFd::from(reader)),
            ..OpenOptions::new(clock, Box::new(|_, _| Ok(())))
        };
        let device = AfPacket::open(&PORTS, options).unwrap();
        let (asked, (sender, answers)) = (Arc::<AtomicBool>::default(), channel());
        let question = Question { asked: Arc::clone(&asked), answers: sender };
        thread::spawn(move || forward(device, question));
        Self { wake, asked, answers }
    }

    /// What the sockets have lost, and what the thread has used.
    pub(crate) fn tally(&mut self) -> Tally {
        self.asked.store(true, Ordering::Relaxed);
        self.wake.write_all(&[0]).unwrap();
        self.answers.recv().unwrap()
    }
}

/// What the thread may be asked: the same for both kinds, one load a batch.
struct Question {
    asked: Arc<AtomicBool>,
    answers: Sender<Tally>,
}

impl Question {
    fn answer(&self, device: &mut AfPacket) {
        if self.asked.load(Ordering::Relaxed) {
            self.asked.store(false, Ordering::Relaxed);
            let lost: u64 = device.stats().iter().map(|stats| stats.overflow).sum();
            let used = Some(thread_nanoseconds("thread-self"));
            self.answers.send(Tally { lost: Some(lost as f64), used }).unwrap();
        }
    }
}

/// Policies with the ends bound where they stand, and every other pod somewhere.
pub(crate) fn policies(snapshot: &Snapshot, addresses: &[Vec<IpAddr>; 2], owners: u32) -> Policies {
    let mut bindings = Bindings::default();
    for (own, port) in addresses.iter().zip(PORTS) {
        own.iter().for_each(|address| bindings.add(&format!("{address}={port}"), &PORTS).unwrap());
    }
    ["0.0.0.0/0=pa", "::/0=pa"].into_iter().for_each(|rest| bindings.add(rest, &PORTS).unwrap());
    Policies::new(snapshot.clone(), Sides::Bound(bindings), owners, None).unwrap()
}
