//! What the policies say of captured traffic, flow by flow.

use std::net::IpAddr;

use netpol_core::model::{Dialect, IcmpMode, Verdict};
use netpol_core::reach::Snapshot;
use netpol_core::sources::{LoadOptions, Source, load};
use netpol_enforce::DropReason;
use netpol_enforce::policies::{Policies, Sides};
use netpol_enforce::replay::{Limits, Outcome, Replay, Report};
use netpol_enforce::wire::build::{
    Ipv4, Link, Message, echo_reply, echo_request, icmp_error, tcp, udp,
};

use crate::{Packet, ethernet};

const SYN: u8 = 2;
const RST: u8 = 4;
const ACK: u8 = 16;

const WEB: &str = "10.0.0.1";
const DB: &str = "10.0.0.2";
const SPY: &str = "10.0.0.3";
const OUTSIDE: &str = "203.0.113.7";

/// A database that only `web` may reach, on 5432; nobody else is isolated.
const MANIFESTS: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
status: {podIPs: [{ip: 10.0.0.1}]}
---
apiVersion: v1
kind: Pod
metadata: {name: db, namespace: shop, labels: {app: db}}
status: {podIPs: [{ip: 10.0.0.2}]}
---
apiVersion: v1
kind: Pod
metadata: {name: spy, namespace: shop}
status: {podIPs: [{ip: 10.0.0.3}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec:
  podSelector: {matchLabels: {app: db}}
  policyTypes: [Ingress]
  ingress:
    - from: [{podSelector: {matchLabels: {app: web}}}]
      ports: [{port: 5432}]
";

fn policies(icmp: IcmpMode) -> Policies {
    let source = Source::Bytes { name: "shop.yaml".into(), bytes: MANIFESTS.as_bytes().into() };
    let loaded = load(&[source], &LoadOptions::default());
    assert_eq!(loaded.errors().count(), 0);
    let snapshot = Snapshot::new(loaded.cluster, Dialect { icmp, ..Dialect::spec() });
    Policies::new(snapshot, Sides::None, 1, None).unwrap()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// A message from one end to another, as a packet each 10 ms.
fn packets(messages: &[(&str, &str, Message)]) -> Vec<Packet> {
    let frame = |(at, (from, to, message)): (u64, &(&str, &str, Message))| {
        Packet::new(at * 10, Link::default().send(ip(from), ip(to), message))
    };
    (0..).zip(messages).map(frame).collect()
}

fn replay(packets: &[Packet], limits: Limits) -> Report {
    let policies = policies(IcmpMode::Policy);
    let mut replay = Replay::new(&policies, limits);
    replay.run(&ethernet(packets)[..]).unwrap();
    replay.finish()
}

/// Lists the rows: ends, protocol and port, what became of it, packets, connections, those that began before.
fn rows(report: &Report) -> Vec<String> {
    let row = |row: &netpol_enforce::replay::FlowRow| {
        let outcome = match row.outcome {
            Outcome::Judged(verdict) => verdict.as_str().to_owned(),
            Outcome::NotJudged(why) => why.code().to_owned(),
        };
        format!(
            "{}>{} {}/{} {outcome} {} {} {}",
            row.source,
            row.destination,
            row.protocol,
            row.port,
            row.packets,
            row.connections,
            row.midway
        )
    };
    report.rows.iter().map(row).collect()
}

#[track_caller]
fn check(messages: &[(&str, &str, Message)], expected: &[&str]) {
    assert_eq!(rows(&replay(&packets(messages), Limits::default())), expected);
}

#[test]
fn connections_from_many_source_ports_are_one_flow() {
    let mut messages = Vec::new();
    for port in [40_000, 40_001, 40_002] {
        messages.push((WEB, DB, tcp(port, 5432, SYN, &[])));
        messages.push((DB, WEB, tcp(5432, port, SYN | ACK, &[])));
        messages.push((WEB, DB, tcp(port, 5432, ACK, &[])));
        messages.push((WEB, DB, tcp(port, 5432, ACK, b"select 1")));
    }
    check(&messages, &["10.0.0.1>10.0.0.2 6/5432 ALLOW 12 3 0"]);
    let report = replay(&packets(&messages), Limits::default());
    let row = &report.rows[0];
    assert_eq!((row.first.as_millis(), row.last.as_millis()), (0, 110));
    assert_eq!(row.bytes, 12 * 54 + 3 * 8);
    assert_eq!(row.interfaces, [0]);
    assert!(row.steps.iter().any(|step| step.rule == Some(0)), "{:?}", row.steps);
}

#[test]
fn the_rest_of_a_connection_that_is_denied_belongs_to_it() {
    check(
        &[
            (SPY, DB, tcp(40_000, 5432, SYN, &[])),
            (DB, SPY, tcp(5432, 40_000, SYN | ACK, &[])),
            (SPY, DB, tcp(40_000, 5432, ACK, &[])),
            (DB, SPY, tcp(5432, 40_000, ACK, b"rows")),
            (SPY, DB, tcp(40_000, 5432, SYN, &[])),
            (OUTSIDE, DB, udp(5000, 53, b"?")),
            (DB, OUTSIDE, udp(53, 5000, b"!")),
        ],
        &["10.0.0.3>10.0.0.2 6/5432 DENY 5 2 0", "203.0.113.7>10.0.0.2 17/53 DENY 2 1 0"],
    );
}

#[test]
fn a_connection_the_other_way_between_the_ports_of_a_denied_one_is_judged() {
    check(
        &[(SPY, DB, tcp(40_000, 5432, SYN, &[])), (DB, SPY, tcp(5432, 40_000, SYN, &[]))],
        &["10.0.0.2>10.0.0.3 6/40000 ALLOW 1 1 0", "10.0.0.3>10.0.0.2 6/5432 DENY 1 1 0"],
    );
}

#[test]
fn connections_that_began_before_the_capture_are_judged_as_they_began() {
    check(
        &[
            // The server speaks first, and what it says shows who called.
            (DB, WEB, tcp(5432, 40_000, ACK, b"rows")),
            (WEB, DB, tcp(40_000, 5432, ACK, &[])),
            (DB, SPY, tcp(5432, 40_000, ACK, b"rows")),
            (SPY, DB, tcp(40_000, 5432, ACK, &[])),
            (SPY, DB, tcp(41_000, 5432, ACK, &[])),
            (DB, WEB, tcp(5432, 42_000, SYN | ACK, &[])),
            (DB, SPY, echo_reply(7, b"pong")),
        ],
        &[
            "10.0.0.1>10.0.0.2 6/5432 ALLOW 3 2 2",
            "10.0.0.3>10.0.0.2 1/0 DENY 1 1 1",
            "10.0.0.3>10.0.0.2 6/5432 DENY 3 2 2",
        ],
    );
}

#[test]
fn what_is_no_matter_of_policies_says_why() {
    let messages = [
        (WEB, DB, tcp(40_000, 5432, RST, &[])),
        (DB, WEB, tcp(5432, 40_000, RST | ACK, &[])),
        (WEB, DB, tcp(1, 2, SYN | RST, &[])),
        (WEB, "127.0.0.1", udp(1, 2, &[])),
    ];
    let report = replay(&packets(&messages), Limits::default());
    assert_eq!(rows(&report), ["10.0.0.1>10.0.0.2 6/5432 NO_FLOW 2 0 0"]);
    let counts: Vec<_> = report.not_judged.iter().map(|(why, n)| (why.code(), *n)).collect();
    assert_eq!(counts, [("BAD_DESTINATION", 1), ("TCP_FLAGS", 1), ("NO_FLOW", 2)]);
    assert_eq!((report.frames, report.neighbours), (4, 0));
}

#[test]
fn errors_about_a_connection_belong_to_it() {
    let about = |from: &str, to: &str, message: &Message| {
        let [from, to] = [from, to].map(|a| a.parse::<std::net::Ipv4Addr>().unwrap());
        icmp_error(3, 3, &Ipv4::new(from, to).packet(message))
    };
    let (ask, answer) = (udp(5000, 53, b"?"), tcp(40_000, 5432, SYN, &[]));
    check(
        &[
            (SPY, DB, ask.clone()),
            (DB, SPY, about(SPY, DB, &ask)),
            (WEB, DB, answer.clone()),
            (DB, WEB, about(WEB, DB, &answer)),
            (DB, WEB, about(WEB, DB, &udp(1, 2, &[]))),
        ],
        &[
            "10.0.0.1>10.0.0.2 6/5432 ALLOW 2 1 0",
            "10.0.0.2>10.0.0.1 1/0 ICMP_UNRELATED 1 0 0",
            "10.0.0.3>10.0.0.2 17/53 DENY 2 1 0",
        ],
    );
}

#[test]
fn fragments_belong_to_the_flow_of_their_first() {
    let fragments = |from: &str, id: u16| {
        let [from, to] = [from, DB].map(|a| a.parse::<std::net::Ipv4Addr>().unwrap());
        let message = udp(5000, 53, &[1; 100]);
        let parts = Ipv4::new(from, to).fragments(id, 48, &message);
        parts.into_iter().map(|part| Link::default().ipv4(&part)).collect::<Vec<_>>()
    };
    let all = [fragments(SPY, 1), fragments(SPY, 2)].concat();
    let count = all.len();
    let packets: Vec<Packet> = (0..).zip(all).map(|(at, frame)| Packet::new(at, frame)).collect();
    let report = replay(&packets, Limits::default());
    assert_eq!(rows(&report), [format!("10.0.0.3>10.0.0.2 17/53 DENY {count} 1 0")]);
}

#[test]
fn fragments_that_were_captured_on_each_interface_belong_to_their_flow_each_time() {
    let [from, to] = [WEB, SPY].map(|a| a.parse::<std::net::Ipv4Addr>().unwrap());
    let parts = Ipv4::new(from, to).fragments(1, 48, &udp(5000, 53, &[1; 100]));
    let frames = parts.iter().map(|part| Link::default().ipv4(part));
    // As a bridge with two ports shows them: each on its way in, and on its way out.
    let twice: Vec<Vec<u8>> = frames.clone().flat_map(|frame| [frame.clone(), frame]).collect();
    let packets: Vec<Packet> =
        (0..).zip(&twice).map(|(at, frame)| Packet::new(at, frame.clone())).collect();
    let report = replay(&packets, Limits::default());
    assert_eq!(rows(&report), [format!("10.0.0.1>10.0.0.3 17/53 ALLOW {} 1 0", twice.len())]);
    // Another one with the place of one that passed is no copy of it: it says something else of its end.
    let other = Ipv4::new(from, to).fragments(1, 24, &udp(5000, 53, &[1; 100])).remove(1);
    let mut odd: Vec<Vec<u8>> = frames.collect();
    odd.truncate(2);
    odd.push(Link::default().ipv4(&other));
    let packets: Vec<Packet> = (0..).zip(odd).map(|(at, frame)| Packet::new(at, frame)).collect();
    let report = replay(&packets, Limits::default());
    assert_eq!(report.not_judged.get(&DropReason::FragmentOverlap), Some(&1));
}

#[test]
fn what_has_no_ports_follows_the_mode_that_is_chosen() {
    let packets =
        packets(&[(WEB, DB, echo_request(7, b"ping")), (DB, WEB, echo_reply(7, b"pong"))]);
    for (icmp, verdict) in [(IcmpMode::Policy, Verdict::Deny), (IcmpMode::Allow, Verdict::Allow)] {
        let policies = policies(icmp);
        let mut replay = Replay::new(&policies, Limits::default());
        replay.run(&ethernet(&packets)[..]).unwrap();
        let report = replay.finish();
        assert_eq!(report.rows.len(), 1);
        assert_eq!(report.rows[0].outcome, Outcome::Judged(verdict));
        assert_eq!((report.rows[0].packets, report.rows[0].connections), (2, 1));
    }
}

#[test]
fn flows_beyond_the_limit_are_counted_by_what_would_become_of_them() {
    let messages: Vec<(&str, &str, Message)> = vec![
        (WEB, DB, tcp(40_000, 5432, SYN, &[])),
        (WEB, SPY, tcp(40_000, 80, SYN, &[])),
        (SPY, WEB, tcp(80, 40_000, SYN | ACK, &[])),
        (SPY, DB, tcp(40_000, 5432, SYN, &[])),
        (DB, SPY, tcp(5432, 40_000, SYN | ACK, &[])),
        (WEB, SPY, tcp(1, 2, RST, &[])),
    ];
    let report = replay(&packets(&messages), Limits { flows: 1, ..Limits::default() });
    assert_eq!(rows(&report), ["10.0.0.1>10.0.0.2 6/5432 ALLOW 1 1 0"]);
    let left = report.left_out;
    assert_eq!((left.allowed, left.denied, left.not_judged, left.frames()), (2, 2, 1, 5));
}

#[test]
fn tables_that_are_full_are_said_to_be() {
    let connect = |port: u16| {
        [
            (WEB, DB, tcp(port, 5432, SYN, &[])),
            (DB, WEB, tcp(5432, port, SYN | ACK, &[])),
            (WEB, DB, tcp(port, 5432, ACK, &[])),
            (SPY, DB, tcp(port, 5432, SYN, &[])),
        ]
    };
    let messages: Vec<_> = (40_000..40_004).flat_map(connect).collect();
    let report = replay(&packets(&messages), Limits { connections: 2, ..Limits::default() });
    assert!(report.not_judged.contains_key(&DropReason::FlowTableFull), "{report:?}");
    assert_eq!(report.forgotten, 2);
    let denied = report.rows.iter().find(|row| row.source == ip(SPY)).unwrap();
    assert_eq!((denied.packets, denied.connections), (4, 4));
}

#[test]
fn a_damaged_capture_has_no_report_but_an_error() {
    let policies = policies(IcmpMode::Policy);
    let mut replay = Replay::new(&policies, Limits::default());
    let file = ethernet(&packets(&[(WEB, DB, tcp(40_000, 5432, SYN, &[]))]));
    let error = replay.run(&file[..file.len() - 1]).unwrap_err();
    assert!(error.message.contains("is cut"), "{error}");
}

#[test]
fn the_same_capture_gives_the_same_report() {
    let mut messages = Vec::new();
    for port in 0..200_u16 {
        let (from, to) =
            [(WEB, DB), (SPY, DB), (OUTSIDE, WEB), (DB, OUTSIDE)][usize::from(port % 4)];
        messages.push((from, to, tcp(40_000 + port, 5_000 + port % 7, SYN, &[])));
    }
    let one = replay(&packets(&messages), Limits::default());
    assert_eq!(one, replay(&packets(&messages), Limits::default()));
    assert!(one.rows.is_sorted_by_key(|row| (row.source, row.destination, row.protocol, row.port)));
}
