//! Lives of TCP connections, from frame to frame.

use netpol_core::model::{Family, Protocol};
use netpol_enforce::flow::{FlowCounters, State};
use netpol_enforce::pipeline::{Decision, Established, MidStream, Why};
use netpol_enforce::wire::build::tcp;
use netpol_enforce::{DropReason, Frame, FrameMeta, Gso, GsoKind, PortId, Tick};

use crate::common::{
    ACK, DB, Engine, FIN, NOTHING, Opens, RST, SERVICES, SYN, SYN_ACK, Sent, WEB, Way, snapshot,
    way,
};

/// Nobody may connect to `web`.
const WEB_CLOSED: Opens<'static> = ("web", "nobody", &[]);

/// A connection from `web` to port 80 of `db`, and its frames.
#[derive(Clone, Copy)]
struct Connection {
    way: Way,
    port: u16,
}

impl Connection {
    fn client(self, flags: u8) -> Sent {
        self.way.tcp(self.port, 80, flags)
    }

    fn server(self, flags: u8) -> Sent {
        self.way.back().tcp(80, self.port, flags)
    }

    fn both(self, flags: u8) -> [Sent; 2] {
        [self.client(flags), self.server(flags)]
    }
}

/// Runs a test in both families, in a cluster in which `web` may connect to services of `db` and `db` to nothing.
fn in_both(test: impl Fn(&mut Engine, Connection)) {
    for family in Family::ALL {
        let mut engine = Engine::of(&[SERVICES, WEB_CLOSED]);
        test(&mut engine, Connection { way: way(WEB, DB, family), port: 4000 });
    }
}

/// Sends a frame that passes, and returns the state that its connection is in then.
#[track_caller]
fn state(engine: &mut Engine, sent: &Sent) -> State {
    match engine.decide(sent) {
        Decision::Forward { flow: Some(id), .. } => engine.tables.flows.get(id).unwrap().state,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_handshake_is_let_through_in_its_order_alone() {
    in_both(|engine, c| {
        engine.drops(&c.server(SYN_ACK), DropReason::NoFlow);
        engine.drops(&c.server(SYN), DropReason::Policy);
        assert_eq!(engine.tables.flows.counters(), FlowCounters::default());
        assert_eq!(state(engine, &c.client(SYN)), State::TcpSynSent);
        // Sent again.
        engine.passes(&c.client(SYN), Why::Established);
        assert_eq!(state(engine, &c.server(SYN_ACK)), State::TcpSynReceived);
        assert_eq!(state(engine, &c.client(ACK)), State::TcpEstablished);
        c.both(ACK).iter().for_each(|sent| engine.passes(sent, Why::Established));
        // Neither end of a connection begins another one against the direction that was judged.
        engine.drops(&c.server(SYN), DropReason::NoFlow);
        let expected = FlowCounters { established: 1, inserted: 1, ..FlowCounters::default() };
        assert_eq!(engine.tables.flows.counters(), expected);
    });
}

#[test]
fn a_handshake_that_is_denied_leaves_nothing_behind() {
    in_both(|engine, c| {
        let denied = [c.way.tcp(4000, 81, SYN), c.way.tcp(4000, 81, ACK)];
        denied.iter().for_each(|sent| engine.drops(sent, DropReason::Policy));
        engine.drops(&c.way.back().tcp(81, 4000, SYN_ACK), DropReason::NoFlow);
        assert_eq!(engine.tables.flows.counters(), FlowCounters::default());
    });
}

#[test]
fn syns_that_cross_make_one_connection() {
    in_both(|engine, c| {
        engine.passes(&c.client(SYN), Why::Policy);
        assert_eq!(state(engine, &c.server(SYN)), State::TcpSynCrossed);
        assert_eq!(state(engine, &c.server(SYN_ACK)), State::TcpEstablished);
        engine.passes(&c.client(SYN_ACK), Why::Established);
        assert_eq!(engine.ledger().flows.inserted, 1);
    });
}

#[test]
fn half_closed_is_open_until_the_other_end_closes_too() {
    in_both(|engine, c| {
        engine.handshake(c.way, c.port, 80);
        assert_eq!(state(engine, &c.client(FIN)), State::TcpEstablished);
        // Longer than any of the short timeouts.
        engine.wait(3_600);
        engine.passes(&c.server(ACK), Why::Established);
        engine.passes(&c.client(ACK), Why::Established);
        assert_eq!(state(engine, &c.server(FIN)), State::TcpClosing);
        engine.passes(&c.client(ACK), Why::Established);
        engine.wait(59);
        engine.passes(&c.client(ACK), Why::Established);
        engine.wait(61);
        engine.rules.mid_stream = MidStream::Drop;
        engine.drops(&c.client(ACK), DropReason::NoFlow);
        let expected = FlowCounters { inserted: 1, expired: 1, ..FlowCounters::default() };
        assert_eq!(engine.tables.flows.counters(), expected);
    });
}

#[test]
fn a_rst_ends_a_connection_within_ten_seconds_from_every_state() {
    let steps: [fn(Connection) -> Sent; 4] =
        [|c| c.client(SYN), |c| c.server(SYN_ACK), |c| c.client(ACK), |c| c.client(FIN)];
    in_both(|engine, c| {
        engine.rules.mid_stream = MidStream::Drop;
        for count in 1..=steps.len() {
            for reset in c.both(RST) {
                for step in &steps[..count] {
                    assert!(matches!(engine.decide(&step(c)), Decision::Forward { .. }));
                }
                assert_eq!(state(engine, &reset), State::TcpReset);
                // What is on its way arrives.
                engine.passes(&c.server(ACK), Why::Established);
                engine.wait(9);
                // Further ones do not prolong it.
                engine.passes(&reset, Why::Established);
                engine.wait(2);
                c.both(ACK).iter().for_each(|sent| engine.drops(sent, DropReason::NoFlow));
                engine.drops(&reset, DropReason::NoFlow);
            }
        }
        let flows = engine.tables.flows.counters();
        let expected = FlowCounters { inserted: 8, expired: 8, ..FlowCounters::default() };
        assert_eq!(flows, expected);
    });
}

#[test]
fn a_rst_before_any_syn_begins_nothing() {
    in_both(|engine, c| {
        c.both(RST).iter().for_each(|sent| engine.drops(sent, DropReason::NoFlow));
        c.both(RST | ACK).iter().for_each(|sent| engine.drops(sent, DropReason::NoFlow));
        assert!(engine.tables.flows.is_empty());
    });
}

#[test]
fn a_port_is_used_again_once_the_connection_before_is_over() {
    in_both(|engine, c| {
        engine.handshake(c.way, c.port, 80);
        c.both(FIN).iter().for_each(|sent| engine.passes(sent, Why::Established));
        // It is judged in the direction it travels: the other way is not allowed, and changes nothing.
        engine.drops(&c.server(SYN), DropReason::Policy);
        assert_eq!(state(engine, &c.client(ACK)), State::TcpClosing);
        engine.handshake(c.way, c.port, 80);
        let expected =
            FlowCounters { established: 1, inserted: 2, replaced: 1, ..FlowCounters::default() };
        assert_eq!(engine.tables.flows.counters(), expected);
        engine.passes(&c.server(RST), Why::Established);
        engine.handshake(c.way, c.port, 80);
        assert_eq!(engine.ledger().flows.replaced, 2);
    });
}

#[test]
fn the_other_end_may_use_the_ports_again_where_policies_let_it() {
    for family in Family::ALL {
        let mut engine = Engine::of(&[SERVICES, ("web", "db", &[(Protocol::Tcp, 4000)])]);
        let c = Connection { way: way(WEB, DB, family), port: 4000 };
        engine.handshake(c.way, c.port, 80);
        engine.drops(&c.server(SYN), DropReason::NoFlow);
        c.both(FIN).iter().for_each(|sent| engine.passes(sent, Why::Established));
        engine.handshake(c.way.back(), 80, c.port);
        // Now the one that was the client answers.
        engine.drops(&c.client(SYN), DropReason::NoFlow);
        engine.reload(snapshot(&[NOTHING, ("web", "db", &[(Protocol::Tcp, 4000)])]));
        c.both(ACK).iter().for_each(|sent| engine.passes(sent, Why::Established));
    }
}

#[test]
fn whoever_has_sent_a_fin_may_open_anew() {
    in_both(|engine, c| {
        engine.handshake(c.way, c.port, 80);
        engine.passes(&c.client(FIN), Why::Established);
        engine.drops(&c.server(SYN), DropReason::NoFlow);
        engine.handshake(c.way, c.port, 80);
        assert_eq!(engine.ledger().flows.replaced, 1);
    });
}

#[test]
fn a_new_connection_in_the_place_of_an_old_one_is_judged_by_policies_of_now() {
    in_both(|engine, c| {
        engine.rules.established = Established::Keep;
        engine.handshake(c.way, c.port, 80);
        engine.reload(snapshot(&[NOTHING, WEB_CLOSED]));
        c.both(ACK).iter().for_each(|sent| engine.passes(sent, Why::Established));
        c.both(FIN).iter().for_each(|sent| engine.passes(sent, Why::Established));
        engine.drops(&c.client(SYN), DropReason::Policy);
        // What is left of the old one is still let through.
        c.both(ACK).iter().for_each(|sent| engine.passes(sent, Why::Established));
        assert_eq!(engine.ledger().flows.inserted, 1);
    });
}

#[test]
fn segments_from_the_midst_are_picked_up_in_the_direction_they_travel() {
    in_both(|engine, c| {
        for flags in [ACK, FIN, ACK | 8] {
            engine.drops(&c.server(flags), DropReason::Policy);
        }
        assert_eq!(state(engine, &c.client(ACK)), State::TcpPickedUp);
        assert_eq!(state(engine, &c.server(ACK)), State::TcpEstablished);
        let other = Connection { port: 4001, ..c };
        assert_eq!(state(engine, &other.client(FIN)), State::TcpPickedUp);
        assert_eq!(state(engine, &other.server(FIN)), State::TcpClosing);
        let expected =
            FlowCounters { established: 1, closing: 1, inserted: 2, ..FlowCounters::default() };
        assert_eq!(engine.tables.flows.counters(), expected);
    });
}

#[test]
fn segments_from_the_midst_are_dropped_where_that_is_the_rule() {
    in_both(|engine, c| {
        engine.rules.mid_stream = MidStream::Drop;
        for flags in [ACK, FIN, ACK | 8] {
            c.both(flags).iter().for_each(|sent| engine.drops(sent, DropReason::NoFlow));
        }
        assert!(engine.tables.flows.is_empty());
        engine.handshake(c.way, c.port, 80);
        c.both(ACK).iter().for_each(|sent| engine.passes(sent, Why::Established));
    });
}

#[test]
fn a_flow_is_found_by_the_ports_of_its_directions_alone() {
    in_both(|engine, c| {
        engine.handshake(c.way, c.port, 80);
        for sent in c.both(ACK) {
            let wrong = PortId(1 - sent.port.0);
            engine.drops(&sent.clone().by(wrong), DropReason::Spoofed);
            engine.passes(&sent, Why::Established);
        }
    });
}

#[test]
fn a_superframe_is_one_packet_that_may_end_a_connection() {
    for family in Family::ALL {
        let mut engine = Engine::of(&[SERVICES]);
        let link = way(WEB, DB, family);
        engine.handshake(link, 4000, 80);
        let kind = if family == Family::V4 { GsoKind::Tcp4 } else { GsoKind::Tcp6 };
        let gso = Some(Gso { kind, size: 1_400, hdr_len: 74, ecn: false });
        for (link, source, destination, expected) in
            [(link, 4000, 80, State::TcpEstablished), (link.back(), 80, 4000, State::TcpClosing)]
        {
            let Sent { port, bytes } =
                link.send(&tcp(source, destination, FIN | 8, &vec![7; 60_000]));
            let meta = FrameMeta { gso, ..FrameMeta::plain(port, bytes.len(), Tick(0)) };
            let found = engine.decide_frame(&Frame { meta, bytes: &bytes });
            let Decision::Forward { why: Why::Established, flow: Some(id), .. } = found else {
                panic!("{found:?}")
            };
            assert_eq!(engine.tables.flows.get(id).unwrap().state, expected);
        }
    }
}

#[test]
fn connections_of_different_zones_never_mix() {
    in_both(|engine, c| {
        let tagged = |link: Way, sent: &Sent, id| {
            let tag = link.link().tag(0x8100, id);
            let packet = &sent.bytes[14..];
            let bytes = match link.family {
                Family::V4 => tag.ipv4(packet),
                Family::V6 => tag.ipv6(packet),
            };
            Sent { port: sent.port, bytes }
        };
        engine.passes(&tagged(c.way, &c.client(SYN), 7), Why::Policy);
        for other in [c.server(SYN_ACK), tagged(c.way.back(), &c.server(SYN_ACK), 8)] {
            engine.drops(&other, DropReason::NoFlow);
        }
        engine.passes(&tagged(c.way.back(), &c.server(SYN_ACK), 7), Why::Established);
        engine.passes(&c.client(SYN), Why::Policy);
        // A priority tag is no zone.
        engine.passes(&tagged(c.way.back(), &c.server(SYN_ACK), 0), Why::Established);
        assert_eq!(engine.ledger().flows.inserted, 2);
    });
}
