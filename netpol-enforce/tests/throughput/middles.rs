//! What stands in the middle.

use std::io::{PipeWriter, Write as _, pipe};
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
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

use crate::sides::{PORTS, ip};

const OWNERS: u32 = 10_001;
const WAIT: Duration = Duration::from_millis(200);

/// The kinds, in the order in which they take turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Bridge,
    AllowAll,
    Enforce,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Bridge, Self::AllowAll, Self::Enforce];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Bridge => "bridge",
            Self::AllowAll => "allow all",
            Self::Enforce => "enforce",
        }
    }
}

/// What forwards, until dropped.
pub(crate) enum Middle {
    Bridge,
    Thread(Running),
}

pub(crate) struct Running {
    stop: Arc<AtomicBool>,
    wake: PipeWriter,
    thread: Option<JoinHandle<()>>,
}

impl Middle {
    pub(crate) fn start(kind: Kind, snapshot: &Snapshot, addresses: &[Vec<IpAddr>; 2]) -> Self {
        match kind {
            Kind::Bridge => {
                ip("link add br0 type bridge");
                ip("link set br0 up");
                PORTS.iter().for_each(|port| ip(&format!("link set {port} master br0")));
                Self::Bridge
            }
            Kind::AllowAll => Self::run(|mut device, stop| {
                while !stop.load(Ordering::Relaxed) {
                    let count = device.receive(WAIT).unwrap();
                    for index in 0..count {
                        let out = PortId(device.frame(index).meta.port.0 ^ 1);
                        device.forward(index, out);
                    }
                    device.flush();
                }
            }),
            Kind::Enforce => {
                let policies = policies(snapshot, addresses);
                Self::run(move |device, stop| {
                    let shared = Arc::new(Shared::default());
                    shared.replace(Arc::new(policies), || {}, Duration::ZERO);
                    let tables = Tables::new(
                        FlowLimits::new(FlowLimits::CAPACITY, OWNERS),
                        FragLimits::new(FragLimits::CAPACITY, OWNERS),
                    );
                    let mut forwarder =
                        Forwarder::new(device, tables, Rules::default(), Mode::Enforce, shared);
                    while !stop.load(Ordering::Relaxed) {
                        forwarder.step(WAIT).unwrap();
                    }
                })
            }
        }
    }

    fn run(forward: impl FnOnce(AfPacket, &AtomicBool) + Send + 'static) -> Self {
        let (reader, wake) = pipe().unwrap();
        let start = Instant::now();
        let clock = Box::new(move || Tick::at(start.elapsed()));
        let options = OpenOptions {
            wake: Some(OwnedFd::from(reader)),
            ..OpenOptions::new(clock, Box::new(|_, _| Ok(())))
        };
        let device = AfPacket::open(&PORTS, options).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || forward(device, &stopped));
        Self::Thread(Running { stop, wake, thread: Some(thread) })
    }
}

impl Drop for Middle {
    fn drop(&mut self) {
        match self {
            Self::Bridge => ip("link del br0"),
            Self::Thread(running) => {
                running.stop.store(true, Ordering::Relaxed);
                drop(running.wake.write_all(&[0]));
                drop(running.thread.take().map(JoinHandle::join));
            }
        }
    }
}

fn policies(snapshot: &Snapshot, addresses: &[Vec<IpAddr>; 2]) -> Policies {
    let mut bindings = Bindings::default();
    for (own, port) in addresses.iter().zip(PORTS) {
        own.iter().for_each(|address| bindings.add(&format!("{address}={port}"), &PORTS).unwrap());
    }
    ["0.0.0.0/0=pa", "::/0=pa"].into_iter().for_each(|rest| bindings.add(rest, &PORTS).unwrap());
    Policies::new(snapshot.clone(), Sides::Bound(bindings), OWNERS, None).unwrap()
}
