//! What stands in the middle.

use std::sync::OnceLock;

use netpol_core::reach::Snapshot;

use crate::cpus::thread_nanoseconds;
use crate::datapath::Datapath;
use crate::ends::{Ends, Shape};
use crate::sides::{PORTS, ip};
use crate::tools::{has, set};
use crate::{nftables, queue, router};

/// The kinds, in the order in which they take turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Bridge,
    Routing,
    Nftables,
    NfqueueFirst,
    NfqueueEvery,
    AllowAll,
    Enforce,
}

impl Kind {
    pub(crate) const ALL: [Self; 7] = [
        Self::Bridge,
        Self::Routing,
        Self::Nftables,
        Self::NfqueueFirst,
        Self::NfqueueEvery,
        Self::AllowAll,
        Self::Enforce,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Bridge => "bridge",
            Self::Routing => "routing",
            Self::Nftables => "nftables",
            Self::NfqueueFirst => "NFQUEUE first",
            Self::NfqueueEvery => "NFQUEUE every",
            Self::AllowAll => "allow all",
            Self::Enforce => "enforce",
        }
    }

    pub(crate) fn named(name: &str) -> Self {
        Self::ALL.into_iter().find(|kind| kind.name() == name).unwrap()
    }

    /// The program that it cannot be without, if that is not here.
    pub(crate) fn missing(self) -> Option<&'static str> {
        let needed = match self {
            Self::Nftables => "nft",
            Self::NfqueueFirst | Self::NfqueueEvery => "iptables-legacy",
            _ => return None,
        };
        (!has(needed)).then_some(needed)
    }
}

/// What a middle has come to since its start, where there is such a thing.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    /// Frames that the kernel lost before a verdict.
    pub(crate) lost: Option<f64>,
    /// Nanoseconds of a processor that its thread has used.
    pub(crate) used: Option<f64>,
}

impl Tally {
    pub(crate) fn since(self, before: Self) -> Self {
        let less = |now: Option<f64>, then: Option<f64>| Some(now? - then?);
        Self { lost: less(self.lost, before.lost), used: less(self.used, before.used) }
    }
}

/// What forwards, until the process ends and its network namespace with it.
pub(crate) enum Middle {
    Kernel,
    /// A thread by its number.
    Queue(u32),
    Datapath(Datapath),
}

impl Middle {
    pub(crate) fn start(kind: Kind, shape: Shape, ends: &Ends) -> Self {
        let addresses = ends.addresses();
        let made = OnceLock::<Snapshot>::new();
        let snapshot = || made.get_or_init(|| shape.snapshot());
        if !matches!(kind, Kind::Bridge | Kind::AllowAll | Kind::Enforce) {
            router::route(&addresses);
        }
        match kind {
            Kind::Bridge => bridge(),
            Kind::Routing => {}
            Kind::Nftables => nftables::filter(snapshot(), &addresses),
            Kind::NfqueueFirst => return Self::Queue(queue::first_packets(snapshot(), &addresses)),
            Kind::NfqueueEvery => return Self::Queue(queue::every_packet()),
            Kind::AllowAll => return Self::Datapath(Datapath::allow_all()),
            Kind::Enforce => return Self::Datapath(Datapath::enforce(snapshot(), &addresses)),
        }
        Self::Kernel
    }

    pub(crate) fn tally(&mut self) -> Tally {
        match self {
            Self::Kernel => Tally::default(),
            Self::Queue(thread) => Tally {
                lost: Some(queue::lost()),
                used: Some(thread_nanoseconds(&format!("self/task/{thread}"))),
            },
            Self::Datapath(datapath) => datapath.tally(),
        }
    }
}

fn bridge() {
    ip("link add br0 type bridge");
    // Or the tables of IP would look at what is bridged.
    for family in ["ip", "ip6", "arp"] {
        set(&format!("bridge/bridge-nf-call-{family}tables"), "0");
    }
    ip("link set br0 up");
    PORTS.iter().for_each(|port| ip(&format!("link set {port} master br0")));
}
