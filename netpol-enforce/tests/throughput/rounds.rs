//! Rounds in which every kind of middle takes its turn, and the table of what came out.

use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;

use netpol_bench::Preset;
use netpol_bench::sample::flows;
use netpol_core::model::{
    Cluster, Dialect, Family, Flow, Peer, Policy, Protocol, ReasonCode, Verdict,
};
use netpol_core::reach::Snapshot;

use crate::middles::{Kind, Middle};
use crate::sides::{Role, Sides, ip};

/// So many policies, the first of those of the shape.
const POLICIES: usize = 1_000;
const PODS: u32 = 10_000;

/// Who talks to whom: a client with a server that a rule lets it reach over TCP, and one over UDP.
struct Ends {
    client: IpAddr,
    tcp: (IpAddr, u16),
    udp: (IpAddr, u16),
}

/// The figures of one kind, round by round.
type Figures = BTreeMap<&'static str, BTreeMap<Kind, Vec<f64>>>;

pub(crate) fn measure(rounds: u32, seconds: u32) {
    let cluster = netpol_bench::cluster(Preset::Enterprise, PODS, 1).unwrap();
    let first: Vec<Policy> = cluster.policies().iter().take(POLICIES).cloned().collect();
    let cluster = cluster.with_policies(first);
    let snapshot = Snapshot::new(cluster, Dialect::spec());
    let ends = ends(&snapshot);
    let addresses = [vec![ends.client], vec![ends.tcp.0, ends.udp.0]];
    let mut figures = Figures::new();
    for _ in 0..rounds {
        for kind in Kind::ALL {
            let _sides = Sides::new(&addresses);
            let _middle = Middle::start(kind, &snapshot, &addresses);
            one(&ends, seconds, &mut |name, value| {
                figures.entry(name).or_default().entry(kind).or_default().push(value);
            });
        }
    }
    print(&figures, rounds, seconds);
}

/// Measures what stands in the middle now.
fn one(ends: &Ends, seconds: u32, note: &mut impl FnMut(&'static str, f64)) {
    let seconds = seconds.to_string();
    let (from, tcp) = (ends.client.to_string(), format!("{}:{}", ends.tcp.0, ends.tcp.1));
    let udp = format!("{}:{}", ends.udp.0, ends.udp.1);
    {
        let _server = Role::start(1, &["role:sink", &tcp]);
        let before = busy();
        note("TCP, Gbit/s", run(&["role:pump", &from, &tcp, &seconds])[0] / 1e9);
        note(
            "TCP, CPU of both cores, %",
            (busy() - before) / seconds.parse::<f64>().unwrap() / 2.0,
        );
        ip("-n a link set eth0 gso_max_segs 1");
        note(
            "TCP in frames of the MTU, Gbit/s",
            run(&["role:pump", &from, &tcp, &seconds])[0] / 1e9,
        );
        ip("-n a link set eth0 gso_max_segs 65535");
    }
    {
        let _server = Role::start(1, &["role:answer", &tcp]);
        let serial = run(&["role:connect", &from, &tcp, &seconds, "1"]);
        note("connections/s, one after another", serial[0]);
        note("connection, median, us", serial[1]);
        note("connection, p99, us", serial[2]);
        note("connections/s, 16 at once", run(&["role:connect", &from, &tcp, &seconds, "16"])[0]);
    }
    {
        let _server = Role::start(1, &["role:echo-udp", &udp]);
        let trips = run(&["role:rtt", &from, &udp, &seconds]);
        note("datagram there and back, median, us", trips[1]);
        note("datagram there and back, p99, us", trips[2]);
    }
    let before = received();
    run(&["role:flood", &from, &udp, &seconds]);
    note(
        "60-byte datagrams delivered, kpps",
        (received() - before) / seconds.parse::<f64>().unwrap() / 1e3,
    );
}

/// Runs a client on the first side, and returns the figures that it says.
fn run(arguments: &[&str]) -> Vec<f64> {
    figures_of(0, arguments)
}

fn received() -> f64 {
    figures_of(1, &["role:received"])[0]
}

fn figures_of(side: usize, arguments: &[&str]) -> Vec<f64> {
    let namespace = ["a", "b"][side];
    let output = std::process::Command::new("ip")
        .args(["netns", "exec", namespace])
        .arg(crate::sides::this_program())
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.split_whitespace().map(|word| word.parse().unwrap()).collect()
}

/// Hundredths of a second that the processors were busy since the start.
fn busy() -> f64 {
    let text = String::from_utf8_lossy(&fs::read("/proc/stat").unwrap()).into_owned();
    let fields: Vec<f64> = text
        .lines()
        .next()
        .unwrap()
        .split_whitespace()
        .skip(1)
        .map(|n| n.parse().unwrap())
        .collect();
    // All but idle and waiting for disks (proc(5)).
    fields.iter().take(8).sum::<f64>() - fields[3] - fields[4]
}

fn ends(snapshot: &Snapshot) -> Ends {
    let cluster = snapshot.cluster();
    let by_rule = |flow: &Flow| {
        let steps = snapshot.explain(flow).steps;
        snapshot.verdict(flow) == Verdict::Allow
            && steps.iter().any(|step| step.code == ReasonCode::AllowedByRule)
    };
    for flow in flows(cluster, 100_000, 3) {
        if flow.protocol != Protocol::Tcp || flow.src == flow.dst || !by_rule(&flow) {
            continue;
        }
        let Some(client) = address(cluster, &flow.src) else { continue };
        let Some(server) = address(cluster, &flow.dst) else { continue };
        for pod in cluster.pod_ids() {
            let (dst, protocol, port) = (Peer::Pod(pod), Protocol::Udp, 53);
            let datagram = Flow { src: flow.src.clone(), dst, protocol, port, family: Family::V4 };
            if by_rule(&datagram)
                && let Some(resolver) = address(cluster, &datagram.dst)
                && resolver != client
                && resolver != server
            {
                return Ends { client, tcp: (server, flow.port), udp: (resolver, port) };
            }
        }
    }
    panic!("the shape has rules for TCP and for DNS");
}

fn address(cluster: &Cluster, peer: &Peer) -> Option<IpAddr> {
    let Peer::Pod(pod) = peer else { return None };
    cluster.pod(*pod).address(Family::V4)
}

fn print(figures: &Figures, rounds: u32, seconds: u32) {
    let kernel = fs::read("/proc/sys/kernel/osrelease").unwrap();
    let kernel = String::from_utf8_lossy(&kernel).trim().to_owned();
    println!(
        "{rounds} rounds of {seconds} s a figure, taking turns; Linux {kernel}; the first {POLICIES} policies of enterprise at {PODS} pods"
    );
    println!("median [least-most]; the last column is enforce to allow all");
    print!("{:<38}", "");
    Kind::ALL.iter().for_each(|kind| print!("{:<28}", kind.name()));
    println!("ratio");
    for (name, kinds) in figures {
        print!("{name:<38}");
        let median = |kind: &Kind| {
            let mut values = kinds[kind].clone();
            values.sort_unstable_by(f64::total_cmp);
            (values[values.len() / 2], values[0], values[values.len() - 1])
        };
        for kind in Kind::ALL {
            let (middle, least, most) = median(&kind);
            print!("{:<28}", format!("{} [{}-{}]", short(middle), short(least), short(most)));
        }
        println!("{:.2}", median(&Kind::Enforce).0 / median(&Kind::AllowAll).0);
    }
}

fn short(value: f64) -> String {
    if value >= 100.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}
