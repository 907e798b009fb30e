//! What stands in the middle.

use std::sync::OnceLock;

use netpol_core::reach::Snapshot;

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

/// What forwards, until the process ends and its network namespace with it.
pub(crate) enum Middle {
    Kernel,
    Queue,
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
            Kind::NfqueueFirst => queue::first_packets(snapshot(), &addresses),
            Kind::NfqueueEvery => queue::every_packet(),
            Kind::AllowAll => return Self::Datapath(Datapath::allow_all()),
            Kind::Enforce => return Self::Datapath(Datapath::enforce(snapshot(), &addresses)),
        }
        if matches!(kind, Kind::NfqueueFirst | Kind::NfqueueEvery) {
            Self::Queue
        } else {
            Self::Kernel
        }
    }

    /// How many frames the kernel has lost before a verdict; `None` where there is no such place.
    pub(crate) fn lost(&mut self) -> Option<f64> {
        match self {
            Self::Kernel => None,
            Self::Queue => Some(queue::lost()),
            Self::Datapath(datapath) => Some(datapath.lost()),
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
