//! What becomes of single flows.

use netpol_enforce::flow::Direction::{self, Original, Reply};
use netpol_enforce::flow::{Advance, FlowLimits, NewFlow, State};
use netpol_enforce::wire::{Quoted, SctpStep};
use netpol_enforce::{DropReason, PortId, Tick};

use crate::common::{
    ACK, Connection, FIN, Packet, RST, SYN, SYN_ACK, Table, at, establish, find, from, insert,
    pass, table,
};

const CONNECTION: Connection = Connection { client: 0, server: 1, port: 4_000 };

fn small() -> Table {
    table(FlowLimits::new(80, 4))
}

/// Checks where packets lead, all in one tick, and that the flow lives exactly so long from then on.
fn check(packets: &[Packet], state: State, seconds: u32) {
    let mut table = small();
    let begin = Tick(1_000);
    let id = insert(&mut table, packets[0], begin).unwrap();
    pass(&mut table, &packets[1..], begin);
    let flow = table.get(id).unwrap();
    assert_eq!((flow.state, state.timeout_seconds()), (state, seconds), "{packets:?}");
    let end = begin.0 + Tick::of_seconds(seconds);
    assert_eq!(table.clone().expire(Tick(end - 1)), 0, "{packets:?}");
    assert!(find(&mut table.clone(), packets[0], Tick(end - 1)).is_some(), "{packets:?}");
    assert_eq!(table.clone().expire(Tick(end)), 1, "{packets:?}");
    assert_eq!(find(&mut table, packets[0], Tick(end)), None, "{packets:?}");
    assert_eq!((table.len(), table.counters().expired), (0, 1), "{packets:?}");
}

#[test]
fn each_state_lives_as_long_as_it_should() {
    let tcp = |segments: &[(Direction, u8)]| -> Vec<Packet> {
        segments.iter().map(|(way, flags)| CONNECTION.tcp(*way, *flags)).collect()
    };
    let up = [(Original, SYN), (Reply, SYN_ACK), (Original, ACK)];
    check(&tcp(&up[..1]), State::TcpSynSent, 20);
    check(&tcp(&up[..2]), State::TcpSynReceived, 60);
    check(&tcp(&[(Original, SYN), (Reply, SYN)]), State::TcpSynCrossed, 60);
    check(&tcp(&[(Original, ACK)]), State::TcpPickedUp, 60);
    check(&tcp(&[(Original, ACK), (Reply, ACK)]), State::TcpEstablished, 8_000);
    check(&tcp(&up), State::TcpEstablished, 8_000);
    check(&tcp(&[&up[..], &[(Reply, FIN)]].concat()), State::TcpEstablished, 8_000);
    check(&tcp(&[&up[..], &[(Reply, FIN), (Original, FIN)]].concat()), State::TcpClosing, 60);
    check(&tcp(&[&up[..], &[(Reply, RST)]].concat()), State::TcpReset, 10);
    check(&tcp(&[(Original, SYN), (Reply, RST)]), State::TcpReset, 10);

    let udp = [Original, Original, Reply, Reply, Original].map(|way| CONNECTION.udp(way));
    check(&udp[..2], State::UdpUnreplied, 30);
    check(&udp[..4], State::UdpAnswered, 30);
    check(&udp, State::UdpReplied, 120);

    let sctp = [
        CONNECTION.sctp(Original, SctpStep::Init),
        CONNECTION.sctp(Reply, SctpStep::InitAck),
        CONNECTION.sctp(Original, SctpStep::Cookie),
        CONNECTION.sctp(Reply, SctpStep::Cookie),
        CONNECTION.sctp(Original, SctpStep::Shutdown),
    ];
    check(&sctp[..1], State::SctpInit, 10);
    check(&sctp[..3], State::SctpAnswered, 10);
    check(&sctp[..4], State::SctpEstablished, 210);
    check(&sctp, State::SctpClosing, 3);
    check(&[sctp[0], CONNECTION.sctp(Reply, SctpStep::Abort)], State::SctpClosing, 3);
    let path =
        [CONNECTION.sctp(Original, SctpStep::Heartbeat), CONNECTION.sctp(Reply, SctpStep::Data)];
    check(&path[..1], State::SctpHeartbeat, 10);
    check(&path, State::SctpEstablished, 210);

    check(&[CONNECTION.echo(Original)], State::Echo, 10);
    check(&[CONNECTION.echo(Original), CONNECTION.echo(Reply)], State::Echo, 10);
    check(&[CONNECTION.other(Original)], State::OtherUnreplied, 60);
    check(&[CONNECTION.other(Original), CONNECTION.other(Reply)], State::OtherReplied, 60);
}

#[test]
fn a_packet_starts_the_timer_anew_and_one_that_changes_nothing_does_not() {
    let mut table = small();
    establish(&mut table, CONNECTION, at(0)).unwrap();
    pass(&mut table, &[CONNECTION.tcp(Reply, ACK)], at(7_000));
    // A SYN on an established connection passes, for the answer that it brings.
    pass(&mut table, &[CONNECTION.tcp(Original, SYN)], at(14_000));
    assert_eq!(table.expire(at(14_999)), 0);
    assert_eq!(table.expire(at(15_000)), 1);
}

#[test]
fn a_packet_matches_by_the_port_of_its_direction_alone() {
    let mut table = small();
    insert(&mut table, CONNECTION.udp(Original), Tick(0)).unwrap();
    let (ask, answer) = (CONNECTION.udp(Original).tuple(), CONNECTION.udp(Reply).tuple());
    for (tuple, port, found) in
        [(ask, 0, true), (ask, 1, false), (answer, 1, true), (answer, 0, false)]
    {
        assert_eq!(table.find(&tuple, PortId(port), Tick(1)).is_some(), found, "{tuple:?} {port}");
    }
    let (id, way) = find(&mut table, CONNECTION.udp(Reply), Tick(1)).unwrap();
    assert_eq!(way, Reply);
    assert_eq!(table.out_port(id, Original), Some(PortId(1)));
    assert_eq!(table.out_port(id, Reply), Some(PortId(0)));
}

#[test]
fn port_reuse_is_judged_as_a_new_flow() {
    for (ends, state) in [
        (vec![CONNECTION.tcp(Original, FIN), CONNECTION.tcp(Reply, FIN)], State::TcpClosing),
        (vec![CONNECTION.tcp(Reply, RST)], State::TcpReset),
    ] {
        let mut table = small();
        let old = establish(&mut table, CONNECTION, Tick(0)).unwrap();
        pass(&mut table, &ends, Tick(1));
        let syn = CONNECTION.tcp(Original, SYN);
        assert_eq!(table.advance(old, Original, &syn.transport, Tick(2)), Advance::Reopen);
        assert_eq!(table.get(old).unwrap().state, state);
        let new = insert(&mut table, syn, Tick(2)).unwrap();
        assert_eq!(table.get(old), None);
        assert_eq!(table.get(new).unwrap().state, State::TcpSynSent);
        // The other end may be the one that begins: its SYN is judged in its own direction.
        let back = CONNECTION.tcp(Reply, SYN);
        pass(&mut table, &[CONNECTION.tcp(Reply, RST)], Tick(3));
        assert_eq!(table.advance(new, Reply, &back.transport, Tick(4)), Advance::Reopen);
        let turned = insert(&mut table, back, Tick(4)).unwrap();
        assert_eq!(table.get(turned).unwrap().original, back.tuple());
        assert_eq!(find(&mut table, CONNECTION.tcp(Original, ACK), Tick(4)).unwrap().1, Reply);
    }
}

#[test]
fn a_reply_cannot_begin_a_connection_of_its_own() {
    let mut table = small();
    let id = establish(&mut table, CONNECTION, Tick(0)).unwrap();
    let refused = Advance::Refused(DropReason::NoFlow);
    let syn = CONNECTION.tcp(Reply, SYN).transport;
    assert_eq!(table.advance(id, Reply, &syn, Tick(1)), refused);
    assert_eq!(table.get(id).unwrap().state, State::TcpEstablished);
    for packet in [
        CONNECTION.tcp(Reply, SYN_ACK),
        CONNECTION.tcp(Original, RST),
        CONNECTION.echo(Reply),
        CONNECTION.sctp(Original, SctpStep::Data),
    ] {
        assert_eq!(insert(&mut small(), packet, Tick(1)), Err(DropReason::NoFlow), "{packet:?}");
    }
}

#[test]
fn two_ends_that_ping_each_other_with_one_identifier_have_two_flows() {
    let mut table = small();
    let back = Connection { client: 1, server: 0, port: CONNECTION.port };
    let there = insert(&mut table, CONNECTION.echo(Original), Tick(0)).unwrap();
    let here = insert(&mut table, back.echo(Original), Tick(0)).unwrap();
    assert_eq!(find(&mut table, CONNECTION.echo(Reply), Tick(1)), Some((there, Reply)));
    assert_eq!(find(&mut table, back.echo(Reply), Tick(1)), Some((here, Reply)));
}

#[test]
fn epochs_are_kept_for_the_caller() {
    let mut table = small();
    let new = NewFlow { epoch: 4, rule: 5, ..CONNECTION.udp(Original).begins() };
    let id = table.insert(&new, Tick(9)).unwrap();
    let flow = table.get(id).unwrap();
    assert_eq!((flow.original, flow.owner, flow.epoch, flow.rule), (new.tuple, 0, 4, 5));
    assert_eq!((flow.last_seen, flow.seen_reply, flow.grandfathered), (Tick(9), false, false));
    assert!(table.grandfather(id, 6));
    let flow = table.get(id).unwrap();
    assert_eq!((flow.epoch, flow.rule, flow.grandfathered), (6, 5, true));
    assert!(table.renew(id, 7, 8));
    let flow = table.get(id).unwrap();
    assert_eq!((table.epoch(id), flow.rule, flow.grandfathered), (Some(7), 8, false));
}

fn quoted(packet: Packet) -> Quoted {
    let tuple = packet.tuple();
    let echo = tuple.protocol == 1;
    let port = tuple.source_port.min(tuple.destination_port);
    Quoted {
        source: tuple.source,
        destination: tuple.destination,
        protocol: tuple.protocol,
        source_port: if echo { port } else { tuple.source_port },
        destination_port: if echo { port } else { tuple.destination_port },
    }
}

#[test]
fn an_icmp_error_finds_the_flow_of_the_packet_that_it_quotes() {
    for (ask, answer) in [
        (CONNECTION.tcp(Original, SYN), CONNECTION.tcp(Reply, SYN_ACK)),
        (CONNECTION.echo(Original), CONNECTION.echo(Reply)),
        (CONNECTION.other(Original), CONNECTION.other(Reply)),
    ] {
        let mut table = small();
        let id = insert(&mut table, ask, Tick(0)).unwrap();
        // About the client's packet, from behind the server's port; and the other way.
        for (packet, port, way) in [(ask, 1, Original), (answer, 0, Reply)] {
            let quoted = quoted(packet);
            assert_eq!(table.find_quoted(&quoted, 0, PortId(port), Tick(1)), Some((id, way)));
            assert_eq!(table.find_quoted(&quoted, 0, PortId(1 - port), Tick(1)), None);
            assert_eq!(table.find_quoted(&quoted, 1, PortId(port), Tick(1)), None);
        }
    }
}

#[test]
fn ten_icmp_errors_a_second_pass_and_no_timer_starts_anew() {
    let mut table = small();
    let id = insert(&mut table, CONNECTION.udp(Original), Tick(0)).unwrap();
    let allowed =
        |table: &mut Table, now| (0..15).filter(|_| table.allow_icmp_error(id, now)).count();
    let counts = [100, 115, 116, 131, 132].map(|tick| allowed(&mut table, Tick(tick)));
    assert_eq!(counts, [10, 0, 10, 0, 10]);
    assert_eq!(table.counters().refused_icmp, 45);
    assert_eq!(table.expire(at(30)), 1);
}

#[test]
fn a_clock_that_goes_backwards_stands_still() {
    let mut table = small();
    insert(&mut table, CONNECTION.udp(Original), at(100)).unwrap();
    insert(&mut table, from(2, 1).udp(Original), at(50)).unwrap();
    assert_eq!(table.expire(at(129)), 0);
    assert_eq!(table.expire(at(130)), 2);
}
