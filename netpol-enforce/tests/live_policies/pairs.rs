//! Every pair, on every port, in both families.

use std::collections::BTreeSet;
use std::net::IpAddr;

use netpol_core::model::{PodId, Verdict};
use netpol_enforce::pipeline::Established;

use crate::clusters::{self, Placed};
use crate::datapath::{Datapath, assert_adds_up};
use crate::roles::Probe;
use crate::sides::{Role, Sides};

/// How long a connection is waited for at first: what is allowed takes a fraction of this.
const WAIT_MS: &str = "500";
/// How long once more, where it was expected: the machine may be busy.
const PATIENT_MS: &str = "4000";

pub(crate) fn every_pair_on_every_port() {
    for placed in clusters::all() {
        let (mut tried, mut allowed) = (0, 0);
        // Two pods differ in some bit of their numbers: the lowest such bit parts them once.
        for bit in 0..usize::BITS - placed.pods.len().leading_zeros() {
            let (more, passed) = one_placement(&placed, bit);
            tried += more;
            allowed += passed;
        }
        let pods = placed.pods.len();
        println!(
            "live {}: {pods} pods, {tried} connections tried, {allowed} allowed, none differ",
            placed.name
        );
        assert!(allowed > 0 && allowed < tried, "{}: it says nothing", placed.name);
    }
}

/// Tries what the pods of two sides are parted for by a bit; returns how many connections that were, and how many passed.
fn one_placement(placed: &Placed, bit: u32) -> (usize, usize) {
    let side = |at: usize| at >> bit & 1;
    let mut addresses: [Vec<IpAddr>; 2] = Default::default();
    for (at, pod) in placed.pods.iter().enumerate() {
        addresses[side(at)].extend(placed.addresses(*pod));
    }
    let mut probes: [Vec<(Probe, bool)>; 2] = Default::default();
    for (a, from) in placed.pods.iter().enumerate() {
        for (b, to) in placed.pods.iter().enumerate() {
            if a != b && (a ^ b).trailing_zeros() == bit {
                probes[side(a)].extend(expected(placed, *from, *to));
            }
        }
    }
    let _sides = Sides::new(&addresses);
    let datapath = Datapath::start(placed.snapshot.clone(), &addresses, Established::Revoke);
    let ports: Vec<String> = placed.ports.iter().map(u16::to_string).collect();
    let _servers = [0, 1].map(|side| {
        let own: Vec<String> = addresses[side].iter().map(IpAddr::to_string).collect();
        Role::start(side, &["role:serve", &own.join(","), &ports.join(",")])
    });
    let mut counts = (0, 0);
    for (side, probes) in probes.iter().enumerate() {
        let (sctp, sockets): (Vec<_>, Vec<_>) =
            probes.iter().cloned().partition(|(probe, _)| probe.protocol == "sctp");
        compare_sockets(placed.name, side, &sockets);
        compare_sctp(placed.name, side, &sctp);
        counts.0 += probes.len();
        counts.1 += probes.iter().filter(|(_, allowed)| *allowed).count();
    }
    let report = datapath.stop();
    assert_adds_up(&report);
    assert!(report.ports.iter().all(|port| port.stats.overflow == 0), "{report}");
    counts
}

fn expected(placed: &Placed, from: PodId, to: PodId) -> Vec<(Probe, bool)> {
    let probes = placed.probes(from, to).into_iter();
    probes.map(|(p, flow)| (p, placed.snapshot.verdict(&flow) == Verdict::Allow)).collect()
}

fn compare_sockets(name: &str, side: usize, probes: &[(Probe, bool)]) {
    let all: Vec<&Probe> = probes.iter().map(|(probe, _)| probe).collect();
    let results = try_all(side, &all, WAIT_MS);
    let mut missing = Vec::new();
    for ((probe, allowed), is_answered) in probes.iter().zip(results) {
        assert!(*allowed || !is_answered, "{name}: {} passed, and is denied", probe.line());
        if *allowed && !is_answered {
            missing.push(probe);
        }
    }
    let again = try_all(side, &missing, PATIENT_MS);
    let lost = missing.iter().zip(again).find(|(_, is_answered)| !is_answered);
    assert!(
        lost.is_none(),
        "{name}: {:?} is allowed, and did not pass",
        lost.map(|(p, _)| p.line())
    );
}

fn try_all(side: usize, probes: &[&Probe], wait: &str) -> Vec<bool> {
    if probes.is_empty() {
        return Vec::new();
    }
    let mut client = Role::start(side, &["role:try", wait]);
    probes.iter().for_each(|probe| client.tell(&probe.line()));
    client.tell("");
    probes.iter().map(|_| client.line() == "ok").collect()
}

fn compare_sctp(name: &str, side: usize, probes: &[(Probe, bool)]) {
    let mut listener = Role::start(1 - side, &["role:hear-sctp"]);
    let mut sender = Role::start(side, &["role:sctp", &side.to_string()]);
    probes.iter().for_each(|(probe, _)| sender.tell(&probe.line()));
    sender.tell("");
    assert_eq!(sender.line(), "sent");
    let allowed = probes.iter().filter(|(_, allowed)| *allowed).count();
    listener.tell(&allowed.to_string());
    let mut heard = BTreeSet::new();
    loop {
        match listener.line() {
            line if line == "end" => break,
            line => assert!(heard.insert(line)),
        }
    }
    for (probe, allowed) in probes {
        assert_eq!(heard.contains(&probe.line()), *allowed, "{name}: {}", probe.line());
    }
}
