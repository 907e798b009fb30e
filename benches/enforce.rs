//! Decisions about frames: of a connection that is known, of a new one, and of one that is denied.
#![allow(clippy::expect_used, reason = "a bench without its cluster measures nothing")]
#![allow(
    clippy::disallowed_methods,
    reason = "it takes the time itself where tables are emptied in between"
)]

use std::collections::HashSet;
use std::hint::black_box;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use netpol_bench::sample::flows;
use netpol_bench::{Preset, cluster};
use netpol_core::model::{Cluster, Dialect, Family, Flow, Peer, Protocol, Verdict};
use netpol_core::reach::Snapshot;
use netpol_enforce::binding::Bindings;
use netpol_enforce::flow::{FlowLimits, FragLimits};
use netpol_enforce::pipeline::{Decision, Rules, Tables, decide};
use netpol_enforce::policies::{Policies, Sides};
use netpol_enforce::wire::build::{Link, tcp};
use netpol_enforce::wire::{ReadLimits, TcpFlags, read};
use netpol_enforce::{Frame, FrameMeta, PortId, Tick};

const PODS: u32 = 10_000;
/// So many policies, the first of those of the shape: with all of them hardly a flow that is drawn is allowed.
const POLICIES: usize = 1_000;
/// So many flows are drawn; those on TCP between pods with addresses are used.
const DRAWN: usize = 200_000;
const USED: usize = 16_384;
/// Rarely used by clients, so that no two flows share it with a port of the sample.
const CLIENT_PORT: u16 = 40_000;

/// Where the pods of a cluster stand: those with an even last byte behind the first port.
fn place(address: IpAddr) -> PortId {
    let last = match address {
        IpAddr::V4(address) => address.octets()[3],
        IpAddr::V6(address) => address.octets()[15],
    };
    PortId(last & 1)
}

/// The ends of a TCP flow between pods on different sides.
fn ends(cluster: &Cluster, flow: &Flow) -> Option<(IpAddr, IpAddr)> {
    let address = |peer: &Peer| match peer {
        Peer::Pod(pod) if !cluster.pod(*pod).host_network => cluster.pod(*pod).address(Family::V4),
        _ => None,
    };
    let (from, to) = (address(&flow.src)?, address(&flow.dst)?);
    (flow.protocol == Protocol::Tcp && place(from) != place(to)).then_some((from, to))
}

/// A frame and the port it comes in by.
type Arriving = (PortId, Vec<u8>);

fn segment(ends: (IpAddr, IpAddr), port: u16, flags: u8) -> Arriving {
    let bytes = Link::default().send(ends.0, ends.1, &tcp(CLIENT_PORT, port, flags, b""));
    (place(ends.0), bytes)
}

fn frame((port, bytes): &Arriving) -> Frame<'_> {
    Frame { meta: FrameMeta::plain(*port, bytes.len(), Tick(1)), bytes }
}

fn policies(snapshot: Snapshot) -> Policies {
    let mut bindings = Bindings::default();
    let ports = ["a", "b"];
    for pod in snapshot.cluster().pods() {
        for address in &pod.addresses {
            let port = ports[usize::from(place(*address).0)];
            // Host-network pods share the address of their node.
            drop(bindings.add(&format!("{address}={port}"), &ports));
        }
    }
    Policies::new(snapshot, Sides::Bound(bindings), PODS + 1, None)
        .expect("the cluster has addresses")
}

fn tables() -> Tables {
    let owners = PODS + 1;
    let fragments = FragLimits::new(FragLimits::CAPACITY, owners);
    Tables::new(FlowLimits::new(FlowLimits::CAPACITY, owners), fragments)
}

fn bench(c: &mut Criterion) {
    let facts = cluster(Preset::Enterprise, PODS, 1).expect("the preset is a cluster");
    let first = facts.policies().iter().take(POLICIES).cloned().collect();
    let facts = facts.with_policies(first);
    let sample = flows(&facts, DRAWN, 2);
    let snapshot = Snapshot::new(facts, Dialect::spec());
    let (mut allowed, mut denied) = (Vec::new(), Vec::new());
    let mut drawn = HashSet::new();
    for flow in &sample {
        let Some(ends) = ends(snapshot.cluster(), flow) else { continue };
        let list = match snapshot.verdict(flow) {
            Verdict::Allow => &mut allowed,
            _ => &mut denied,
        };
        if list.len() < USED && drawn.insert((ends, flow.port)) {
            list.push((ends, flow.port));
        }
    }
    let policies = policies(snapshot);
    let syn = |list: &[((IpAddr, IpAddr), u16)]| -> Vec<Arriving> {
        list.iter().map(|(ends, port)| segment(*ends, *port, TcpFlags::SYN)).collect()
    };
    let (first, refused) = (syn(&allowed), syn(&denied));
    let later: Vec<Arriving> =
        allowed.iter().map(|(ends, port)| segment(*ends, *port, TcpFlags::ACK)).collect();
    let mut group = c.benchmark_group("decide");
    group.sample_size(20).measurement_time(Duration::from_secs(3));
    let all = |tables: &mut Tables, frames: &[Arriving]| {
        for arriving in frames {
            black_box(decide(Some(&policies), Rules::default(), tables, &frame(arriving)));
        }
    };
    for (name, count) in
        [("established, one", 1), ("established, 1 000", 1_000), ("established, all", USED)]
    {
        let mut known = tables();
        let frames = &later[..count.min(later.len())];
        all(&mut known, &first);
        let decided = decide(Some(&policies), Rules::default(), &mut known, &frame(&frames[0]));
        assert!(matches!(decided, Decision::Forward { flow: Some(_), .. }), "{decided:?}");
        group.throughput(Throughput::Elements(frames.len() as u64));
        group.bench_function(name, |b| b.iter(|| all(&mut known, frames)));
    }
    // In tables whose memory was touched before, as those of a datapath that has run for a while.
    let mut used = tables();
    all(&mut used, &first);
    for (name, frames) in [("new", &first), ("denied", &refused)] {
        group.throughput(Throughput::Elements(frames.len() as u64));
        group.bench_function(name, |b| {
            b.iter_custom(|iterations| {
                let mut taken = Duration::ZERO;
                for _ in 0..iterations {
                    used.flows.purge(|_| false);
                    let start = Instant::now();
                    all(&mut used, frames);
                    taken += start.elapsed();
                }
                taken
            });
        });
    }
    group.throughput(Throughput::Elements(later.len() as u64));
    group.bench_function("reading alone", |b| {
        b.iter(|| {
            later.iter().for_each(|arriving| {
                black_box(read(&frame(arriving), &ReadLimits::default())).ok();
            });
        });
    });
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
