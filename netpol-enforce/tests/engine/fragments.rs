//! Datagrams in fragments: what is decided about the first holds for the others, as long as policies are the same.

use netpol_core::model::Family;
use netpol_enforce::flow::{FlowLimits, FragCounters, FragLimits};
use netpol_enforce::pipeline::{Established, Tables, Why};
use netpol_enforce::wire::build::{
    Extension, Ipv6, Message, echo_request, icmpv6_echo_request, tcp, udp,
};
use netpol_enforce::{DropReason, PortId};

use crate::common::{
    ACK, CACHE, DB, EVERYTHING, Engine, NOTHING, OWNERS, PEER, SERVICES, SYN, Sent, WEB, snapshot,
    way,
};

/// What is cut into three pieces.
fn query(port: u16) -> Message {
    udp(4000, port, &[7; 40])
}

fn pieces(family: Family, id: u16, port: u16) -> Vec<Sent> {
    let pieces = way(WEB, DB, family).fragments(id, 16, &query(port));
    assert_eq!(pieces.len(), 3);
    pieces
}

#[test]
fn later_fragments_pass_after_a_first_one_that_is_allowed() {
    for family in Family::ALL {
        let mut engine = Engine::of(&[SERVICES]);
        for id in 1..=3 {
            let all = pieces(family, id, 53);
            let order = [[0, 1, 2], [0, 2, 1], [0, 2, 1]][usize::from(id) - 1];
            let why = if id == 1 { Why::Policy } else { Why::Established };
            engine.passes(&all[order[0]], why);
            engine.passes(&all[order[1]], Why::Fragment);
            engine.passes(&all[order[2]], Why::Fragment);
        }
        let expected = FragCounters { inserted: 3, completed: 3, ..FragCounters::default() };
        assert_eq!(engine.ledger().fragments, expected);
        // The datagrams are of one flow, whose replies pass.
        engine.passes(&way(DB, WEB, family).udp(53, 4000), Why::Established);
        assert_eq!(engine.ledger().flows.inserted, 1);
    }
}

#[test]
fn later_fragments_are_dropped_after_a_first_one_that_is_denied() {
    for family in Family::ALL {
        let mut engine = Engine::of(&[SERVICES]);
        let denied = pieces(family, 1, 54);
        denied.iter().for_each(|sent| engine.drops(sent, DropReason::Policy));
        // The reason is that of the first: nobody asks by what port a later one might go.
        let syn_ack = way(WEB, DB, family).fragments(2, 24, &tcp(4000, 80, 0x12, &[7; 40]));
        syn_ack.iter().for_each(|sent| engine.drops(sent, DropReason::NoFlow));
        assert!(engine.tables.flows.is_empty());
        assert_eq!(engine.ledger().fragments.inserted, 2);
    }
}

#[test]
fn a_later_fragment_alone_is_dropped() {
    for family in Family::ALL {
        let mut engine = Engine::of(&[]);
        let all = pieces(family, 1, 53);
        engine.drops(&all[1], DropReason::FragmentNoFirst);
        engine.drops(&all[2], DropReason::FragmentNoFirst);
        engine.passes(&all[0], Why::Policy);
        // Of another datagram, another sender, another receiver, and by another port.
        engine.drops(&pieces(family, 2, 53)[1], DropReason::FragmentNoFirst);
        let to_cache = way(WEB, CACHE, family).fragments(1, 16, &query(53));
        engine.drops(&to_cache[1], DropReason::FragmentNoFirst);
        let back = way(DB, WEB, family).fragments(1, 16, &query(53));
        engine.drops(&back[1], DropReason::FragmentNoFirst);
        engine.drops(&all[1].clone().by(PortId(1)), DropReason::Spoofed);
        all[1..].iter().for_each(|sent| engine.passes(sent, Why::Fragment));
    }
}

#[test]
fn a_datagram_that_was_allowed_is_cut_by_policies_that_deny_it() {
    for family in Family::ALL {
        let mut engine = Engine::of(&[SERVICES]);
        let all = pieces(family, 1, 53);
        engine.passes(&all[0], Why::Policy);
        engine.passes(&all[1], Why::Fragment);
        engine.reload(snapshot(&[NOTHING]));
        engine.drops(&all[2], DropReason::Revoked);
        engine.drops(&all[2], DropReason::FragmentNoFirst);
        // Neither the flow nor the datagram comes to life again.
        engine.reload(snapshot(&[SERVICES]));
        engine.drops(&all[2], DropReason::FragmentNoFirst);
        assert!(engine.tables.flows.is_empty());
        // What is over is forgotten before it is judged.
        let expected = FragCounters { inserted: 1, completed: 1, ..FragCounters::default() };
        assert_eq!(engine.ledger().fragments, expected);
    }
}

#[test]
fn a_datagram_goes_on_under_policies_that_allow_it_too() {
    for family in Family::ALL {
        let mut engine = Engine::of(&[SERVICES]);
        let all = way(WEB, DB, family).fragments(1, 8, &query(53));
        engine.passes(&all[0], Why::Policy);
        for (at, sent) in all[1..].iter().enumerate() {
            engine.reload(snapshot(&[[SERVICES], [EVERYTHING]][at % 2]));
            engine.passes(sent, Why::Fragment);
        }
        assert_eq!(engine.ledger().fragments.completed, 1);
    }
}

#[test]
fn a_datagram_of_a_flow_that_is_kept_goes_on() {
    for family in Family::ALL {
        let mut engine = Engine::of(&[SERVICES]);
        engine.rules.established = Established::Keep;
        let all = pieces(family, 1, 53);
        engine.passes(&all[0], Why::Policy);
        engine.reload(snapshot(&[NOTHING]));
        all[1..].iter().for_each(|sent| engine.passes(sent, Why::Fragment));
        // A new one of it too; another flow not.
        engine.passes(&pieces(family, 2, 53)[0], Why::Established);
        engine.drops(&pieces(family, 3, 54)[0], DropReason::Policy);
    }
}

#[test]
fn a_datagram_whose_flow_was_revoked_by_another_packet_is_cut_too() {
    for family in Family::ALL {
        let mut engine = Engine::of(&[SERVICES]);
        let all = pieces(family, 1, 53);
        engine.passes(&all[0], Why::Policy);
        engine.reload(snapshot(&[NOTHING]));
        engine.drops(&way(DB, WEB, family).udp(53, 4000), DropReason::Revoked);
        engine.drops(&all[1], DropReason::NoFlow);
        engine.drops(&all[2], DropReason::FragmentNoFirst);
    }
}

#[test]
fn a_datagram_that_was_denied_stays_denied() {
    for family in Family::ALL {
        let mut engine = Engine::of(&[NOTHING]);
        let all = pieces(family, 1, 53);
        engine.drops(&all[0], DropReason::Policy);
        engine.reload(snapshot(&[EVERYTHING]));
        engine.drops(&all[1], DropReason::Policy);
        engine.passes(&pieces(family, 2, 53)[0], Why::Policy);
    }
}

#[test]
fn fragments_that_overlap_condemn_their_datagram() {
    for family in Family::ALL {
        let mut engine = Engine::of(&[SERVICES]);
        let link = way(WEB, DB, family);
        let all = pieces(family, 1, 53);
        engine.passes(&all[0], Why::Policy);
        // Twice the same is no harm.
        engine.drops(&all[0], DropReason::FragmentOverlap);
        engine.passes(&all[1], Why::Fragment);
        engine.drops(&link.fragment(1, 24, false, (17, &[9; 24])), DropReason::FragmentOverlap);
        engine.drops(&all[2], DropReason::FragmentOverlap);
        let expected = FragCounters {
            held: 1,
            inserted: 1,
            condemned: 1,
            duplicates: 1,
            ..FragCounters::default()
        };
        assert_eq!(engine.ledger().fragments, expected);
        // After fifteen seconds the identification can be used again.
        engine.wait(15);
        engine.wait(1);
        engine.passes(&all[0], Why::Established);
    }
}

#[test]
fn a_fragment_inside_the_transport_header_condemns_its_datagram() {
    let mut engine = Engine::of(&[SERVICES]);
    let link = way(WEB, DB, Family::V4);
    let all = link.fragments(1, 24, &tcp(4000, 80, SYN, &[7; 40]));
    engine.passes(&all[0], Why::Policy);
    // It would write over the flags.
    let tiny = link.fragment(1, 16, true, (6, &[9; 16]));
    engine.drops(&tiny, DropReason::FragmentTiny);
    engine.drops(&all[1], DropReason::FragmentOverlap);
    // The reader knows this one at sight: it begins with the flags (RFC 3128).
    engine.drops(&link.fragment(3, 8, false, (6, &[9; 16])), DropReason::FragmentTiny);
    // Beyond the header it is a part of what was sent.
    let all = link.fragments(2, 24, &tcp(4000, 80, ACK, &[7; 40]));
    all.iter().zip([Why::Established, Why::Fragment, Why::Fragment]).for_each(|(sent, why)| {
        engine.passes(sent, why);
    });
}

#[test]
fn an_atomic_fragment_is_a_whole_packet() {
    let mut engine = Engine::of(&[SERVICES]);
    let atomic = |port| {
        let header = Ipv6::new(WEB.v6, DB.v6);
        let header = header.extension(Extension::Fragment { id: 1, offset: 0, more: false });
        way(WEB, DB, Family::V6).frame(&header.packet(&query(port)))
    };
    engine.passes(&atomic(53), Why::Policy);
    engine.passes(&atomic(53), Why::Established);
    engine.drops(&atomic(54), DropReason::Policy);
    assert_eq!(engine.ledger().fragments, FragCounters::default());
}

#[test]
fn extension_headers_around_the_fragment_header_change_nothing() {
    let mut engine = Engine::of(&[SERVICES]);
    let header = Ipv6::new(WEB.v6, DB.v6).extension(Extension::HopByHop(vec![]));
    let cut = [Extension::Destination(vec![])];
    let frames = |id, port| {
        let packets = header.fragments(id, 24, &cut, &query(port));
        packets.iter().map(|p| way(WEB, DB, Family::V6).frame(p)).collect::<Vec<_>>()
    };
    let allowed = frames(1, 53);
    engine.passes(&allowed[0], Why::Policy);
    allowed[1..].iter().for_each(|sent| engine.passes(sent, Why::Fragment));
    frames(2, 54).iter().for_each(|sent| engine.drops(sent, DropReason::Policy));
}

#[test]
fn the_longest_datagram_passes_and_a_longer_one_does_not() {
    for family in Family::ALL {
        let mut engine = Engine::of(&[EVERYTHING]);
        let link = way(WEB, DB, family);
        // Of 65 535 bytes IPv4 counts its header.
        let length: usize = if family == Family::V4 { 65_515 } else { 65_535 };
        let echo = match family {
            Family::V4 => echo_request(7, &vec![7; length - 8]),
            Family::V6 => icmpv6_echo_request(7, &vec![7; length - 8]),
        };
        let all = link.fragments(1, 1_480, &echo);
        engine.passes(&all[0], Why::Policy);
        all[1..].iter().for_each(|sent| engine.passes(sent, Why::Fragment));
        assert_eq!(engine.ledger().fragments.completed, 1);
        engine.passes(&link.fragments(2, 1_480, &echo)[0], Why::Established);
        let beyond = link.fragment(2, 65_528, false, (echo.protocol, &[7; 8]));
        let why = match family {
            Family::V4 => DropReason::Ipv4Header,
            Family::V6 => DropReason::Ipv6Length,
        };
        engine.drops(&beyond, why);
    }
}

#[test]
fn datagrams_have_fifteen_seconds_and_so_much_room() {
    for family in Family::ALL {
        let mut engine = Engine::of(&[EVERYTHING]);
        let fragments = FragLimits { owners: OWNERS, ..FragLimits::shared(2) };
        engine.tables = Tables::new(FlowLimits::new(1_000, OWNERS), fragments);
        let datagram = |id| way(WEB, DB, family).fragments(id, 16, &query(53));
        engine.passes(&datagram(1)[0], Why::Policy);
        engine.passes(&datagram(2)[0], Why::Established);
        engine.drops(&datagram(3)[0], DropReason::FragmentTableFull);
        engine.drops(&datagram(3)[1], DropReason::FragmentNoFirst);
        engine.wait(14);
        engine.passes(&datagram(1)[1], Why::Fragment);
        engine.wait(2);
        engine.drops(&datagram(1)[2], DropReason::FragmentNoFirst);
        engine.passes(&datagram(3)[0], Why::Established);
        // What is dropped makes room for what is not.
        engine.passes(&datagram(4)[0], Why::Established);
        engine.drops(&datagram(5)[0], DropReason::FragmentTableFull);
        let counters = engine.ledger().fragments;
        assert_eq!((counters.held, counters.refused_full, counters.expired), (2, 2, 2));
    }
}

#[test]
fn a_pod_that_ends_no_datagram_takes_its_own_room_alone() {
    for family in Family::ALL {
        let mut engine = Engine::of(&[]);
        let fragments = FragLimits::new(64, OWNERS);
        assert_eq!(fragments.quota, 8);
        engine.tables = Tables::new(FlowLimits::new(1_000, OWNERS), fragments);
        let first = |from, id| way(from, DB, family).fragments(id, 16, &query(53)).swap_remove(0);
        engine.passes(&first(WEB, 0), Why::Policy);
        for id in 1..8 {
            engine.passes(&first(WEB, id), Why::Established);
        }
        for id in 8..100 {
            engine.drops(&first(WEB, id), DropReason::PodQuota);
        }
        let others = way(PEER, DB, family).fragments(1, 16, &query(53));
        engine.passes(&others[0], Why::Policy);
        others[1..].iter().for_each(|part| engine.passes(part, Why::Fragment));
        // One that ends gives its place back.
        for part in &way(WEB, DB, family).fragments(3, 16, &query(53))[1..] {
            engine.passes(part, Why::Fragment);
        }
        engine.passes(&first(WEB, 100), Why::Established);
        engine.drops(&first(WEB, 101), DropReason::PodQuota);
        let counters = engine.ledger().fragments;
        assert_eq!((counters.held, counters.completed, counters.refused_quota), (8, 2, 93));
    }
}
