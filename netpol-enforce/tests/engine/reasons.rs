//! A frame for every reason to drop one that the reader does not give, and frames beside it that pass.

use std::collections::BTreeSet;

use netpol_core::model::{Dialect, Family, IcmpMode, Protocol};
use netpol_core::reach::Snapshot;
use netpol_enforce::binding::Bindings;
use netpol_enforce::flow::{FlowLimits, FragLimits};
use netpol_enforce::pipeline::{Decision, Established, MidStream, Tables, Why};
use netpol_enforce::policies::Sides;
use netpol_enforce::wire::build::{
    Ipv6, Link, arp, neighbour_advertisement, neighbour_solicitation, router_solicitation,
    solicited_node, tcp, udp,
};
use netpol_enforce::wire::{Arp, Mac};
use netpol_enforce::{DropReason, PortId};

use crate::common::{
    ACK, CACHE, CLIENT, DB, EVERYTHING, Engine, FAR, Host, NEAR, NOTHING, OWNERS, PEER, PORTS,
    ROUTER, RST, SERVICES, SYN, SYN_ACK, Sent, WEB, bindings, bindings_with_macs, plan, snapshot,
    snapshot_of, way,
};

use DropReason as R;
use Family::{V4, V6};

/// What the pipeline says by itself. The evaluator does not fail on any cluster that can be built, so that
/// `EvaluatorPanic` has no frame.
const OURS: [DropReason; 18] = [
    R::ArpInvalid,
    R::NdInvalid,
    R::NeighbourRate,
    R::Unbound,
    R::Spoofed,
    R::SameSide,
    R::FragmentTiny,
    R::FragmentOverlap,
    R::FragmentNoFirst,
    R::FragmentTableFull,
    R::NoFlow,
    R::FlowTableFull,
    R::PodQuota,
    R::IcmpUnrelated,
    R::IcmpRate,
    R::Policy,
    R::Revoked,
    R::NoSnapshot,
];

/// An engine with a past, frames that it drops for a reason, and frames near those that it lets pass.
struct Case {
    reason: DropReason,
    engine: fn() -> Engine,
    dropped: Vec<Sent>,
    near: Vec<Sent>,
}

#[test]
fn every_reason_has_frames_and_near_ones_pass() {
    let mut seen = BTreeSet::new();
    for case in cases() {
        let Case { reason, engine, dropped, near } = case;
        assert!(!dropped.is_empty() && near.len() >= 3, "{reason:?}");
        for (at, sent) in dropped.iter().enumerate() {
            let found = engine().decide(sent);
            assert_eq!(found, Decision::Drop { why: reason }, "dropped {at}: {sent:02x?}");
        }
        for (at, sent) in near.iter().enumerate() {
            let found = engine().decide(sent);
            let passes = matches!(found, Decision::Forward { .. });
            assert!(passes, "near {at} to {reason:?}: {found:?} {sent:02x?}");
        }
        seen.insert(reason);
    }
    assert_eq!(seen, BTreeSet::from(OURS));
}

fn cases() -> Vec<Case> {
    vec![
        unbound(),
        unbound_outside(),
        spoofed(),
        spoofed_mac(),
        same_side(),
        arp_invalid(),
        nd_invalid(),
        neighbour_rate(),
        no_flow(),
        no_flow_mid_stream(),
        flow_table_full(),
        pod_quota(),
        icmp_unrelated(),
        icmp_rate(),
        policy(),
        policy_without_ports(),
        revoked(),
        no_snapshot(),
        fragment_no_first(),
        fragment_table_full(),
        fragment_overlap(),
        fragment_tiny(),
    ]
}

fn open() -> Engine {
    Engine::of(&[])
}

fn services() -> Engine {
    Engine::of(&[SERVICES])
}

fn with_macs() -> Engine {
    let limits = FlowLimits::new(1_000, OWNERS);
    Engine::new(snapshot(&[]), Sides::Bound(bindings_with_macs()), limits)
}

/// `web` has queried names of `db`, which has answered.
fn answered() -> Engine {
    let mut engine = services();
    for family in [V4, V6] {
        engine.passes(&way(WEB, DB, family).udp(4000, 53), Why::Policy);
        engine.passes(&way(DB, WEB, family).udp(53, 4000), Why::Established);
    }
    engine
}

const LATE: Host = Host { v4: std::net::Ipv4Addr::new(10, 0, 0, 9), port: NEAR, ..WEB };

/// `peer` has an address more, of which no binding says where it stands.
fn with_unbound() -> Engine {
    let mut engine = open();
    let mut more = plan(&[]);
    more.pods[1].addresses[0] = LATE.v4.into();
    engine.reload(snapshot_of(&more));
    engine
}

fn unbound() -> Case {
    let moved = Host { v6: PEER.v6, mac: PEER.mac, ..LATE };
    Case {
        reason: R::Unbound,
        engine: with_unbound,
        dropped: vec![
            way(moved, DB, V4).tcp(4000, 80, SYN),
            way(moved, DB, V4).tcp(4000, 80, SYN).by(FAR),
            way(DB, moved, V4).tcp(4000, 80, SYN),
            way(DB, moved, V4).tcp(80, 4000, SYN_ACK),
        ],
        near: vec![
            way(moved, DB, V6).tcp(4000, 80, SYN),
            way(WEB, DB, V4).tcp(4000, 80, SYN),
            way(DB, WEB, V4).tcp(4000, 80, SYN),
        ],
    }
}

/// No port carries outside addresses.
fn unbound_outside() -> Case {
    fn engine() -> Engine {
        let mut bindings = Bindings::default();
        bindings.add_lines("10.0.0.0/31=near\n10.0.0.2=near\n10.0.0.3/32=far", &PORTS).unwrap();
        bindings.add_lines("10.0.0.4=far\nfd00::/126=near\nfd00::3=far", &PORTS).unwrap();
        bindings.add("fd00::4=far", &PORTS).unwrap();
        Engine::new(snapshot(&[]), Sides::Bound(bindings), FlowLimits::new(1_000, OWNERS))
    }
    Case {
        reason: R::Unbound,
        engine,
        dropped: vec![way(WEB, CLIENT, V4).udp(4000, 53), way(WEB, CLIENT, V6).udp(4000, 53)],
        near: vec![
            way(WEB, DB, V4).udp(4000, 53),
            way(PEER, CACHE, V6).udp(4000, 53),
            way(CACHE, PEER, V4).udp(4000, 53),
        ],
    }
}

fn spoofed() -> Case {
    let mut dropped = Vec::new();
    let mut near = Vec::new();
    for family in [V4, V6] {
        dropped.extend([
            way(DB, CACHE, family).udp(4000, 53).by(NEAR),
            way(WEB, DB, family).udp(4000, 53).by(FAR),
            // The reply of a flow, by the port of its beginning.
            way(DB, WEB, family).udp(53, 4000).by(NEAR),
            // An outside address by a port that carries none; for one that is bound it escapes policies.
            way(CLIENT, DB, family).udp(4000, 53).by(NEAR),
            way(ROUTER, CACHE, family).tcp(4000, 53, SYN).by(NEAR),
        ]);
        near.extend([
            way(WEB, DB, family).udp(4000, 53),
            way(DB, WEB, family).udp(53, 4000),
            way(CLIENT, WEB, family).udp(4000, 53),
        ]);
    }
    Case { reason: R::Spoofed, engine: answered, dropped, near }
}

fn spoofed_mac() -> Case {
    let stranger: Mac = [2, 0, 0, 0, 9, 9];
    let syn = |from, to| way(from, to, V4).tcp(4000, 80, SYN);
    Case {
        reason: R::Spoofed,
        engine: || {
            let mut engine = with_macs();
            engine.handshake(way(WEB, DB, V4), 4000, 80);
            engine
        },
        dropped: vec![
            syn(WEB, DB).mac(PEER.mac),
            syn(WEB, DB).mac(stranger),
            // Within a connection that is open.
            way(WEB, DB, V4).tcp(4000, 80, ACK).mac(PEER.mac),
            way(DB, WEB, V4).tcp(80, 4000, ACK).mac(CACHE.mac),
            // A pod in the name of somebody outside.
            syn(CLIENT, WEB).mac(DB.mac),
            way(CLIENT, WEB, V6).udp(4000, 53).mac(CACHE.mac),
        ],
        near: vec![
            syn(WEB, DB),
            way(WEB, DB, V4).tcp(4000, 80, ACK),
            syn(CLIENT, WEB),
            syn(CLIENT, WEB).mac(stranger),
            syn(CACHE, PEER),
        ],
    }
}

fn same_side() -> Case {
    let mut dropped = Vec::new();
    let mut near = Vec::new();
    for family in [V4, V6] {
        for (from, to) in [(WEB, PEER), (DB, CACHE), (CLIENT, DB), (DB, CLIENT), (CLIENT, ROUTER)] {
            dropped.push(way(from, to, family).udp(4000, 53));
            dropped.push(way(from, to, family).tcp(80, 4000, SYN_ACK));
            dropped.push(way(from, to, family).echo(true, 7));
        }
        for (from, to) in [(WEB, DB), (WEB, CLIENT), (CLIENT, PEER)] {
            near.push(way(from, to, family).udp(4000, 53));
        }
    }
    Case { reason: R::SameSide, engine: open, dropped, near }
}

fn asks(from: Host, by: PortId, mac: Mac, sender_mac: Mac) -> Sent {
    let packet = Arp { sender_mac, sender: from.v4, target: DB.v4 };
    Sent { port: by, bytes: Link::new(mac, [0xFF; 6]).arp(&arp(1, &packet)) }
}

/// Asks whether anybody has an address, before it is taken.
fn probes(target: Host, by: PortId, mac: Mac) -> Sent {
    let nobody = std::net::Ipv4Addr::UNSPECIFIED;
    let packet = Arp { sender_mac: mac, sender: nobody, target: target.v4 };
    Sent { port: by, bytes: Link::new(mac, [0xFF; 6]).arp(&arp(1, &packet)) }
}

fn arp_invalid() -> Case {
    let nobody = Host { v4: std::net::Ipv4Addr::UNSPECIFIED, ..WEB };
    let stranger: Mac = [2, 0, 0, 0, 9, 9];
    Case {
        reason: R::ArpInvalid,
        engine: with_macs,
        dropped: vec![
            asks(DB, NEAR, DB.mac, DB.mac),
            asks(WEB, NEAR, WEB.mac, PEER.mac),
            asks(WEB, NEAR, PEER.mac, PEER.mac),
            asks(WEB, NEAR, stranger, stranger),
            asks(CLIENT, NEAR, stranger, stranger),
            asks(CLIENT, FAR, DB.mac, DB.mac),
            // A probe with the Ethernet address of a pod elsewhere.
            asks(nobody, NEAR, DB.mac, DB.mac),
            asks(nobody, NEAR, WEB.mac, PEER.mac),
            // For the address of another, who may be making sure of it.
            probes(DB, NEAR, WEB.mac),
            probes(PEER, NEAR, WEB.mac),
            probes(WEB, NEAR, stranger),
        ],
        near: vec![
            asks(WEB, NEAR, WEB.mac, WEB.mac),
            asks(DB, FAR, DB.mac, DB.mac),
            probes(WEB, NEAR, WEB.mac),
            probes(CLIENT, FAR, stranger),
            asks(CLIENT, FAR, stranger, stranger),
        ],
    }
}

fn solicits(from: Host, by: PortId, mac: Mac, link: Mac) -> Sent {
    let group = solicited_node(DB.v6);
    let message = neighbour_solicitation(DB.v6, Some(link));
    let packet = Ipv6::new(from.v6, group).hop_limit(255).packet(&message);
    let [.., a, b, c, d] = group.octets();
    Sent { port: by, bytes: Link::new(mac, [0x33, 0x33, a, b, c, d]).ipv6(&packet) }
}

fn advertises(from: Host, target: Host, by: PortId, mac: Mac) -> Sent {
    let message = neighbour_advertisement(target.v6, Some(mac), 0x60);
    let packet = Ipv6::new(from.v6, CACHE.v6).hop_limit(255).packet(&message);
    Sent { port: by, bytes: Link::new(mac, CACHE.mac).ipv6(&packet) }
}

fn nd_invalid() -> Case {
    let router = Host { v6: "fe80::1".parse().unwrap(), ..WEB };
    // What the pod's interface makes of its Ethernet address.
    let link_local = Host { v6: "fe80::ff:fe00:1".parse().unwrap(), ..WEB };
    assert_eq!(WEB.mac, [2, 0, 0, 0, 0, 1]);
    let detects = |target: Host, by, mac| {
        let group = solicited_node(target.v6);
        let message = neighbour_solicitation(target.v6, None);
        let packet = Ipv6::new([0u16; 8], group).hop_limit(255).packet(&message);
        let [.., a, b, c, d] = group.octets();
        Sent { port: by, bytes: Link::new(mac, [0x33, 0x33, a, b, c, d]).ipv6(&packet) }
    };
    let asks_routers = |from: Host, by| {
        let group: std::net::Ipv6Addr = "ff02::2".parse().unwrap();
        let message = router_solicitation(Some(from.mac));
        let packet = Ipv6::new(from.v6, group).hop_limit(255).packet(&message);
        Sent { port: by, bytes: Link::new(from.mac, [0x33, 0x33, 0, 0, 0, 2]).ipv6(&packet) }
    };
    Case {
        reason: R::NdInvalid,
        engine: with_macs,
        dropped: vec![
            solicits(DB, NEAR, DB.mac, DB.mac),
            solicits(WEB, NEAR, WEB.mac, PEER.mac),
            solicits(WEB, NEAR, PEER.mac, PEER.mac),
            solicits(CLIENT, NEAR, CLIENT.mac, CLIENT.mac),
            solicits(link_local, NEAR, DB.mac, DB.mac),
            detects(WEB, NEAR, DB.mac),
            // Whoever is just making sure of an address must not be talked out of it by another.
            detects(DB, NEAR, WEB.mac),
            detects(PEER, NEAR, WEB.mac),
            detects(link_local, NEAR, PEER.mac),
            asks_routers(DB, NEAR),
            // The address of the router is no pod's.
            solicits(router, NEAR, WEB.mac, WEB.mac),
            advertises(router, router, NEAR, WEB.mac),
            advertises(WEB, router, NEAR, WEB.mac),
            advertises(router, router, FAR, DB.mac),
            advertises(link_local, link_local, NEAR, PEER.mac),
            // An advertisement of what stands elsewhere, from an address that stands here.
            advertises(WEB, DB, NEAR, WEB.mac),
            advertises(WEB, PEER, NEAR, WEB.mac),
            advertises(WEB, CLIENT, NEAR, WEB.mac),
            advertises(link_local, DB, NEAR, WEB.mac),
        ],
        near: vec![
            solicits(WEB, NEAR, WEB.mac, WEB.mac),
            solicits(link_local, NEAR, WEB.mac, WEB.mac),
            detects(WEB, NEAR, WEB.mac),
            detects(link_local, NEAR, WEB.mac),
            detects(CLIENT, FAR, CLIENT.mac),
            solicits(router, FAR, ROUTER.mac, ROUTER.mac),
            advertises(router, router, FAR, ROUTER.mac),
            asks_routers(WEB, NEAR),
            advertises(WEB, WEB, NEAR, WEB.mac),
            advertises(link_local, WEB, NEAR, WEB.mac),
            advertises(link_local, link_local, NEAR, WEB.mac),
        ],
    }
}

fn neighbour_rate() -> Case {
    Case {
        reason: R::NeighbourRate,
        engine: || {
            let mut engine = with_macs();
            engine.rules.neighbours = 3;
            for _ in 0..2 {
                engine.passes(&asks(WEB, NEAR, WEB.mac, WEB.mac), Why::Neighbour);
            }
            engine.passes(&solicits(PEER, NEAR, PEER.mac, PEER.mac), Why::Neighbour);
            engine
        },
        dropped: vec![
            asks(WEB, NEAR, WEB.mac, WEB.mac),
            asks(PEER, NEAR, PEER.mac, PEER.mac),
            solicits(WEB, NEAR, WEB.mac, WEB.mac),
        ],
        near: vec![
            asks(DB, FAR, DB.mac, DB.mac),
            solicits(DB, FAR, DB.mac, DB.mac),
            way(WEB, DB, V4).udp(4000, 53),
        ],
    }
}

#[test]
fn neighbours_are_heard_again_after_a_second() {
    let mut engine = with_macs();
    engine.rules.neighbours = 2;
    let ask = asks(WEB, NEAR, WEB.mac, WEB.mac);
    for _ in 0..3 {
        (0..2).for_each(|_| engine.passes(&ask, Why::Neighbour));
        (0..2).for_each(|_| engine.drops(&ask, R::NeighbourRate));
        // What is dropped for another reason does not count.
        engine.drops(&asks(DB, NEAR, DB.mac, DB.mac), R::ArpInvalid);
        engine.wait(1);
    }
}

fn no_flow() -> Case {
    let mut dropped = Vec::new();
    let mut near = Vec::new();
    for family in [V4, V6] {
        let link = way(WEB, DB, family);
        dropped.extend([SYN_ACK, RST, RST | ACK].map(|flags| link.tcp(4000, 80, flags)));
        // INIT ACK, ABORT, SHUTDOWN, COOKIE ECHO, COOKIE ACK, DATA.
        dropped.extend([2, 6, 7, 10, 11, 0].map(|kind| link.sctp(4000, 3868, kind)));
        dropped.push(link.echo(false, 7));
        near.extend([SYN, ACK].map(|flags| link.tcp(4000, 80, flags)));
        near.extend([1, 4].map(|kind| link.sctp(4000, 3868, kind)));
        near.extend([link.udp(53, 4000), link.echo(true, 7)]);
    }
    Case { reason: R::NoFlow, engine: open, dropped, near }
}

fn no_flow_mid_stream() -> Case {
    let link = way(WEB, DB, V4);
    Case {
        reason: R::NoFlow,
        engine: || {
            let mut engine = open();
            engine.rules.mid_stream = MidStream::Drop;
            engine.handshake(way(WEB, DB, V4), 4000, 80);
            engine
        },
        dropped: vec![
            link.tcp(4001, 80, ACK),
            link.tcp(4001, 80, 0x11),
            link.back().tcp(80, 4001, ACK),
            link.back().tcp(80, 4000, SYN),
        ],
        near: vec![
            link.tcp(4000, 80, ACK),
            link.back().tcp(80, 4000, 0x11),
            link.tcp(4001, 80, SYN),
            link.back().tcp(80, 4001, SYN),
        ],
    }
}

/// Two flows are assured, and there is room for two.
fn full(limits: FlowLimits) -> Engine {
    let mut engine = open();
    engine.tables = Tables::new(limits, FragLimits { owners: OWNERS, ..FragLimits::shared(8) });
    for port in [4000, 4001] {
        engine.passes(&way(WEB, DB, V4).udp(port, 53), Why::Policy);
        engine.passes(&way(DB, WEB, V4).udp(53, port), Why::Established);
        engine.passes(&way(WEB, DB, V4).udp(port, 53), Why::Established);
    }
    engine
}

fn flow_table_full() -> Case {
    Case {
        reason: R::FlowTableFull,
        engine: || full(FlowLimits { capacity: 2, owners: OWNERS, quota: 9, embryonic: 2 }),
        dropped: vec![
            way(WEB, DB, V4).udp(4002, 53),
            way(PEER, DB, V6).tcp(4000, 80, SYN),
            way(CLIENT, WEB, V4).echo(true, 7),
        ],
        near: vec![
            way(WEB, DB, V4).udp(4000, 53),
            way(WEB, DB, V4).udp(4001, 53),
            way(DB, WEB, V4).udp(53, 4001),
            asks(WEB, NEAR, WEB.mac, WEB.mac),
        ],
    }
}

fn pod_quota() -> Case {
    Case {
        reason: R::PodQuota,
        engine: || full(FlowLimits { capacity: 9, owners: OWNERS, quota: 2, embryonic: 9 }),
        dropped: vec![
            way(WEB, DB, V4).udp(4002, 53),
            way(WEB, CACHE, V4).tcp(4000, 80, SYN),
            way(WEB, CLIENT, V4).echo(true, 7),
        ],
        near: vec![
            way(WEB, DB, V4).udp(4000, 53),
            way(PEER, DB, V4).udp(4000, 53),
            way(DB, WEB, V4).tcp(80, 4000, SYN),
            way(CLIENT, WEB, V4).udp(4000, 53),
        ],
    }
}

#[test]
fn a_pod_has_one_quota_for_both_of_its_addresses() {
    let mut engine = full(FlowLimits { capacity: 9, owners: OWNERS, quota: 2, embryonic: 9 });
    engine.drops(&way(WEB, DB, V6).udp(4000, 53), R::PodQuota);
    engine.passes(&way(PEER, DB, V6).udp(4000, 53), Why::Policy);
}

fn icmp_unrelated() -> Case {
    let about = |port| way(WEB, DB, V4).packet(&udp(port, 53, b"query"));
    let about_answer = way(DB, WEB, V4).packet(&udp(53, 4000, b"answer"));
    Case {
        reason: R::IcmpUnrelated,
        engine: answered,
        dropped: vec![
            way(ROUTER, WEB, V4).too_big(&about(4001)),
            way(ROUTER, PEER, V4).too_big(&about(4000)),
            way(WEB, CACHE, V4).too_big(&about_answer),
        ],
        near: vec![
            way(ROUTER, WEB, V4).too_big(&about(4000)),
            way(DB, WEB, V4).too_big(&about(4000)),
            way(WEB, DB, V4).too_big(&about_answer),
        ],
    }
}

fn icmp_rate() -> Case {
    let about = |family| way(WEB, DB, family).packet(&udp(4000, 53, b"query"));
    Case {
        reason: R::IcmpRate,
        engine: || {
            let mut engine = answered();
            let about = way(WEB, DB, V4).packet(&udp(4000, 53, b"query"));
            let error = way(ROUTER, WEB, V4).too_big(&about);
            (0..10).for_each(|_| engine.passes(&error, Why::Related));
            engine
        },
        dropped: vec![
            way(ROUTER, WEB, V4).too_big(&about(V4)),
            way(DB, WEB, V4).too_big(&about(V4)),
        ],
        near: vec![
            way(ROUTER, WEB, V6).too_big(&about(V6)),
            way(WEB, DB, V4).udp(4000, 53),
            way(DB, WEB, V4).udp(53, 4000),
        ],
    }
}

fn policy() -> Case {
    let mut dropped = Vec::new();
    let mut near = Vec::new();
    for family in [V4, V6] {
        let link = way(WEB, DB, family);
        dropped.extend([
            link.tcp(4000, 53, SYN),
            link.tcp(4000, 81, ACK),
            link.udp(4000, 80),
            link.sctp(4000, 80, 1),
            link.echo(true, 7),
            way(PEER, DB, family).tcp(4000, 80, SYN),
        ]);
        near.extend([
            link.tcp(4000, 80, SYN),
            link.udp(4000, 53),
            link.sctp(4000, 3868, 1),
            way(WEB, CACHE, family).echo(true, 7),
            way(DB, PEER, family).tcp(4000, 81, SYN),
        ]);
    }
    Case { reason: R::Policy, engine: services, dropped, near }
}

/// Where ICMP is always allowed, a port of number 0 is none the less a port.
fn policy_without_ports() -> Case {
    fn engine() -> Engine {
        let dialect = Dialect { icmp: IcmpMode::Allow, ..Dialect::spec() };
        let snapshot = Snapshot::new(plan(&[SERVICES]).build().unwrap(), dialect);
        Engine::new(snapshot, Sides::Bound(bindings()), FlowLimits::new(1_000, OWNERS))
    }
    let link = way(WEB, DB, V4);
    Case {
        reason: R::Policy,
        engine,
        dropped: vec![
            link.tcp(4000, 0, SYN),
            link.udp(4000, 0),
            way(PEER, DB, V6).tcp(4000, 0, ACK),
            way(PEER, DB, V6).udp(4000, 0),
        ],
        near: vec![
            link.echo(true, 7),
            link.send(&netpol_enforce::wire::build::other(47, &[0; 12])),
            way(PEER, DB, V6).echo(true, 0),
            link.tcp(4000, 80, SYN),
        ],
    }
}

#[test]
fn a_port_of_number_zero_is_judged_by_rules_without_ports() {
    let mut engine = Engine::of(&[EVERYTHING]);
    engine.passes(&way(WEB, DB, V4).tcp(4000, 0, SYN), Why::Policy);
    engine.passes(&way(WEB, DB, V4).udp(4000, 0), Why::Policy);
    engine.drops(&way(PEER, DB, V4).udp(4000, 0), R::Policy);
    let some = [("db", "web", &[(Protocol::Udp, 53)][..])];
    Engine::of(&some).drops(&way(WEB, DB, V4).udp(4000, 0), R::Policy);
}

fn revoked() -> Case {
    Case {
        reason: R::Revoked,
        engine: || {
            let mut engine = answered();
            engine.handshake(way(WEB, DB, V4), 4000, 80);
            engine.handshake(way(WEB, CACHE, V4), 4000, 80);
            engine.reload(snapshot(&[NOTHING]));
            engine
        },
        dropped: vec![
            way(WEB, DB, V4).udp(4000, 53),
            way(DB, WEB, V4).udp(53, 4000),
            way(DB, WEB, V6).udp(53, 4000),
            way(WEB, DB, V4).tcp(4000, 80, ACK),
            way(DB, WEB, V4).tcp(80, 4000, ACK),
        ],
        near: vec![
            way(CACHE, WEB, V4).tcp(80, 4000, ACK),
            way(WEB, CACHE, V4).tcp(4000, 80, ACK),
            // Not of the flow: `db` may connect to `web`.
            way(DB, WEB, V4).tcp(81, 4000, SYN),
        ],
    }
}

#[test]
fn what_is_kept_goes_on_and_nothing_new_begins() {
    let mut engine = answered();
    engine.rules.established = Established::Keep;
    engine.reload(snapshot(&[NOTHING]));
    engine.passes(&way(DB, WEB, V4).udp(53, 4000), Why::Established);
    engine.passes(&way(WEB, DB, V4).udp(4000, 53), Why::Established);
    engine.drops(&way(WEB, DB, V4).udp(4001, 53), R::Policy);
    // The policies that allow it again count for it as for others.
    engine.reload(snapshot(&[SERVICES]));
    engine.passes(&way(DB, WEB, V4).udp(53, 4000), Why::Established);
    engine.rules.established = Established::Revoke;
    engine.passes(&way(DB, WEB, V4).udp(53, 4000), Why::Established);
    engine.reload(snapshot(&[NOTHING]));
    engine.drops(&way(DB, WEB, V4).udp(53, 4000), R::Revoked);
}

fn no_snapshot() -> Case {
    Case {
        reason: R::NoSnapshot,
        engine: || {
            let mut engine = open();
            engine.policies = None;
            engine
        },
        dropped: vec![
            way(WEB, DB, V4).udp(4000, 53),
            way(WEB, DB, V6).tcp(4000, 80, SYN),
            way(WEB, PEER, V4).echo(true, 7),
            way(WEB, DB, V4).fragment(1, 0, true, (17, &[7; 16])),
            way(DB, WEB, V4).too_big(&way(WEB, DB, V4).packet(&tcp(4000, 80, SYN, b""))),
        ],
        near: vec![
            asks(WEB, NEAR, WEB.mac, WEB.mac),
            asks(DB, FAR, DB.mac, DB.mac),
            solicits(WEB, NEAR, WEB.mac, WEB.mac),
        ],
    }
}

fn piece(id: u16, at: usize) -> Sent {
    way(WEB, DB, V4).fragments(id, 16, &udp(4000, 53, &[7; 40]))[at].clone()
}

fn begun() -> Engine {
    let mut engine = services();
    engine.passes(&piece(1, 0), Why::Policy);
    engine
}

fn fragment_no_first() -> Case {
    Case {
        reason: R::FragmentNoFirst,
        engine: begun,
        dropped: vec![
            piece(2, 1),
            piece(2, 2),
            way(WEB, DB, V6).fragment(1, 16, true, (17, &[7; 16])),
        ],
        near: vec![piece(1, 1), piece(1, 2), piece(2, 0)],
    }
}

fn fragment_table_full() -> Case {
    Case {
        reason: R::FragmentTableFull,
        engine: || {
            let mut engine = services();
            engine.tables = Tables::new(
                FlowLimits::new(100, OWNERS),
                FragLimits { owners: OWNERS, ..FragLimits::shared(1) },
            );
            engine.passes(&piece(1, 0), Why::Policy);
            engine
        },
        dropped: vec![piece(2, 0), piece(3, 0)],
        near: vec![piece(1, 1), piece(1, 2), way(WEB, DB, V4).udp(4000, 53)],
    }
}

fn fragment_overlap() -> Case {
    let link = way(WEB, DB, V4);
    Case {
        reason: R::FragmentOverlap,
        engine: || {
            let mut engine = begun();
            engine.passes(&piece(1, 1), Why::Fragment);
            engine
        },
        dropped: vec![
            piece(1, 0),
            piece(1, 1),
            link.fragment(1, 8, true, (17, &[7; 16])),
            link.fragment(1, 24, false, (17, &[7; 16])),
            link.fragment(1, 0, true, (17, &[7; 24])),
        ],
        near: vec![
            piece(1, 2),
            link.fragment(1, 40, false, (17, &[7; 8])),
            link.fragment(1, 32, true, (17, &[7; 8])),
        ],
    }
}

fn fragment_tiny() -> Case {
    let link = way(WEB, DB, V4);
    Case {
        reason: R::FragmentTiny,
        engine: || {
            let mut engine = services();
            let pieces = way(WEB, DB, V4).fragments(1, 24, &tcp(4000, 80, SYN, &[7; 40]));
            engine.passes(&pieces[0], Why::Policy);
            engine
        },
        dropped: vec![
            link.fragment(1, 16, true, (6, &[7; 8])),
            link.fragment(1, 16, false, (6, &[7; 40])),
        ],
        near: vec![
            link.fragment(1, 24, true, (6, &[7; 8])),
            link.fragment(1, 24, false, (6, &[7; 40])),
            link.fragment(1, 32, false, (6, &[7; 40])),
        ],
    }
}
