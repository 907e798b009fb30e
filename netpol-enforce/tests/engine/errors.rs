//! ICMP errors: what is about a connection passes to the end that it is for, and nothing else does.

use netpol_core::model::Family;
use netpol_enforce::DropReason;
use netpol_enforce::flow::FlowLimits;
use netpol_enforce::pipeline::{Established, Why};
use netpol_enforce::policies::Sides;
use netpol_enforce::wire::build::{Message, chunk, sctp, tcp, udp};

use crate::common::{
    ACK, CACHE, CLIENT, DB, EVERYTHING, Engine, Host, NEAR, NOTHING, OWNERS, PEER, PORTS, ROUTER,
    Sent, WEB, Way, bindings, snapshot, way,
};

/// The first packets of four flows, and the answers to them.
fn exchanges(link: Way) -> [(Message, Message); 4] {
    [
        (tcp(4000, 80, 2, b"data"), tcp(80, 4000, 0x12, b"data")),
        (udp(4000, 53, b"query"), udp(53, 4000, b"answer")),
        (sctp(4000, 3868, 0, &[chunk(1, &[1; 16])]), sctp(3868, 4000, 9, &[chunk(2, &[1; 16])])),
        (link.echo_message(true, 7), link.echo_message(false, 7)),
    ]
}

/// Runs a test for each family, and for each flow that `web` may begin with `db` and has begun.
fn for_each_flow(test: impl Fn(&mut Engine, Way, &Message, &Message)) {
    for family in Family::ALL {
        let link = way(WEB, DB, family);
        for (first, answer) in exchanges(link) {
            let mut engine = Engine::of(&[EVERYTHING, ("web", "nobody", &[])]);
            engine.passes(&link.send(&first), Why::Policy);
            test(&mut engine, link, &first, &answer);
        }
    }
}

/// Returns the error that somebody sends about a packet to somebody.
fn error(from: Host, to: Host, about: Way, message: &Message) -> Sent {
    way(from, to, about.family).too_big(&about.packet(message))
}

#[test]
fn errors_about_a_connection_pass_to_the_end_that_sent_the_packet() {
    for_each_flow(|engine, link, first, answer| {
        engine.passes(&error(ROUTER, WEB, link, first), Why::Related);
        engine.passes(&error(DB, WEB, link, first), Why::Related);
        engine.passes(&link.back().send(answer), Why::Established);
        engine.passes(&error(ROUTER, WEB, link, first), Why::Related);
        engine.passes(&error(WEB, DB, link.back(), answer), Why::Related);
        engine.passes(&error(ROUTER, DB, link.back(), answer).by(NEAR), Why::Related);
        // They begin nothing.
        assert_eq!(engine.ledger().flows.inserted, 1);
    });
}

#[test]
fn errors_about_no_connection_are_dropped() {
    for family in Family::ALL {
        let link = way(WEB, DB, family);
        for (first, answer) in exchanges(link) {
            let mut engine = Engine::of(&[NOTHING]);
            engine.drops(&link.send(&first), DropReason::Policy);
            engine.drops(&error(ROUTER, WEB, link, &first), DropReason::IcmpUnrelated);
            engine.drops(&error(WEB, DB, link.back(), &answer), DropReason::IcmpUnrelated);
            assert!(engine.tables.flows.is_empty());
        }
    }
}

#[test]
fn errors_about_forged_packets_are_dropped() {
    for_each_flow(|engine, link, first, answer| {
        let others = [
            tcp(4001, 80, 2, b"data"),
            tcp(4000, 81, 2, b"data"),
            udp(4001, 53, b"query"),
            udp(4000, 80, b"query"),
            link.echo_message(true, 8),
        ];
        for other in &others {
            engine.drops(&error(ROUTER, WEB, link, other), DropReason::IcmpUnrelated);
        }
        // Somebody else's packet; a packet to somebody else.
        let to_cache = way(WEB, CACHE, link.family);
        engine.drops(&error(ROUTER, WEB, to_cache, first), DropReason::IcmpUnrelated);
        let by_peer = way(PEER, DB, link.family);
        engine.drops(&error(ROUTER, PEER, by_peer, first), DropReason::IcmpUnrelated);
        // A packet that never was: the answer, as if `web` had sent it.
        if answer.protocol != first.protocol || !matches!(first.protocol, 1 | 58) {
            engine.drops(&error(ROUTER, WEB, link, answer), DropReason::IcmpUnrelated);
        }
        engine.passes(&error(ROUTER, WEB, link, first), Why::Related);
    });
}

#[test]
fn errors_for_a_third_host_are_dropped() {
    for_each_flow(|engine, link, first, answer| {
        engine.drops(&error(ROUTER, PEER, link, first), DropReason::IcmpUnrelated);
        engine.drops(&error(DB, PEER, link, first), DropReason::IcmpUnrelated);
        engine.drops(&error(WEB, CACHE, link.back(), answer), DropReason::IcmpUnrelated);
        engine.drops(&error(WEB, CLIENT, link.back(), answer), DropReason::IcmpUnrelated);
        engine.passes(&error(ROUTER, WEB, link, first), Why::Related);
    });
}

#[test]
fn errors_from_the_wrong_side_are_dropped() {
    for_each_flow(|engine, link, first, answer| {
        // To an end, by the port it stands behind.
        engine.drops(&error(ROUTER, WEB, link, first).by(NEAR), DropReason::SameSide);
        engine.drops(&error(PEER, WEB, link, first), DropReason::SameSide);
        engine.drops(&error(CACHE, DB, link.back(), answer), DropReason::SameSide);
        // In the name of a pod that stands elsewhere.
        engine.drops(&error(DB, DB, link.back(), answer).by(NEAR), DropReason::Land);
        engine.drops(&error(CACHE, DB, link.back(), answer).by(NEAR), DropReason::Spoofed);
        let far = netpol_enforce::PortId(1);
        engine.drops(&error(PEER, WEB, link, first).by(far), DropReason::Spoofed);
        engine.passes(&error(ROUTER, WEB, link, first), Why::Related);
    });
}

#[test]
fn errors_come_from_the_side_that_the_packet_went_to_where_both_are_external() {
    let mut bindings = bindings();
    bindings.add_external("near", &PORTS).unwrap();
    let limits = FlowLimits::new(100, OWNERS);
    for family in Family::ALL {
        let mut engine = Engine::new(snapshot(&[]), Sides::Bound(bindings.clone()), limits);
        let link = way(CLIENT, WEB, family);
        let query = udp(4000, 53, b"query");
        engine.passes(&link.send(&query), Why::Policy);
        engine.drops(&error(ROUTER, CLIENT, link, &query), DropReason::IcmpUnrelated);
        engine.passes(&error(ROUTER, CLIENT, link, &query).by(NEAR), Why::Related);
    }
}

#[test]
fn errors_about_errors_and_about_later_fragments_are_dropped() {
    for_each_flow(|engine, link, first, _| {
        let inner = way(WEB, DB, link.family).too_big(&link.packet(first)).bytes.split_off(14);
        let back = way(ROUTER, WEB, link.family);
        engine.drops(&back.too_big(&inner), DropReason::IcmpUnrelated);
        let mut long = first.clone();
        long.bytes.extend([7; 64]);
        let pieces = link.fragments(1, 16, &long);
        engine.drops(&back.too_big(&pieces[1].bytes[14..]), DropReason::IcmpUnrelated);
    });
}

#[test]
fn errors_keep_no_connection_alive() {
    for family in Family::ALL {
        let mut engine = Engine::of(&[EVERYTHING]);
        let link = way(WEB, DB, family);
        let query = udp(4000, 53, b"query");
        engine.passes(&link.send(&query), Why::Policy);
        // Without a reply it has thirty seconds.
        engine.wait(20);
        engine.passes(&error(ROUTER, WEB, link, &query), Why::Related);
        engine.wait(9);
        engine.passes(&error(ROUTER, WEB, link, &query), Why::Related);
        engine.wait(2);
        engine.drops(&error(ROUTER, WEB, link, &query), DropReason::IcmpUnrelated);
        assert_eq!(engine.ledger().flows.expired, 1);
    }
}

#[test]
fn ten_errors_pass_in_a_second_for_each_connection() {
    for_each_flow(|engine, link, first, _| {
        let about = error(ROUTER, WEB, link, first);
        let second = link.tcp(4009, 80, 2);
        let about_second = way(ROUTER, WEB, link.family).too_big(&second.bytes[14..]);
        engine.passes(&second, Why::Policy);
        (0..10).for_each(|_| engine.passes(&about, Why::Related));
        (0..5).for_each(|_| engine.drops(&about, DropReason::IcmpRate));
        engine.passes(&about_second, Why::Related);
        assert_eq!(engine.ledger().flows.refused_icmp, 5);
        engine.wait(2);
        engine.passes(&about, Why::Related);
    });
}

#[test]
fn errors_about_a_connection_that_is_denied_now_revoke_it() {
    for_each_flow(|engine, link, first, answer| {
        engine.reload(snapshot(&[NOTHING]));
        engine.drops(&error(ROUTER, WEB, link, first), DropReason::Revoked);
        engine.drops(&error(ROUTER, WEB, link, first), DropReason::IcmpUnrelated);
        engine.drops(&error(WEB, DB, link.back(), answer), DropReason::IcmpUnrelated);
        assert_eq!(engine.ledger().flows.removed, 1);
    });
}

#[test]
fn errors_about_a_connection_that_is_kept_pass() {
    for_each_flow(|engine, link, first, answer| {
        engine.rules.established = Established::Keep;
        engine.reload(snapshot(&[NOTHING]));
        engine.passes(&error(ROUTER, WEB, link, first), Why::Related);
        engine.passes(&error(WEB, DB, link.back(), answer), Why::Related);
    });
}

#[test]
fn an_error_is_not_asked_for_by_policies() {
    // Nobody may connect to `web`, and `db` to nobody: about what `web` began errors come all the same.
    for family in Family::ALL {
        let mut engine = Engine::of(&[EVERYTHING, ("web", "nobody", &[])]);
        let link = way(WEB, DB, family);
        engine.drops(&link.back().echo(true, 7), DropReason::Policy);
        engine.drops(&link.back().tcp(80, 4000, ACK), DropReason::Policy);
        engine.passes(&link.tcp(4000, 80, 2), Why::Policy);
        engine.passes(&error(DB, WEB, link, &tcp(4000, 80, 2, b"data")), Why::Related);
    }
}
