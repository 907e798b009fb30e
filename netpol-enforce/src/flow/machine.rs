//! What a packet does to the state of its flow.
//!
//! The original direction was judged when the flow began, so its packets are never refused. A packet of the reply
//! direction passes because it answers: one that would begin a connection of its own is refused, or is judged as a new
//! flow where the old one is over. Sequence numbers and verification tags are not tracked: a forged RST or ABORT from
//! the right port shortens the life of a flow, and no more than that.

use super::state::State;
use super::{Direction, sctp, tcp};
use crate::wire::{SctpStep, Transport};

/// Whether a packet may begin a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Start {
    /// It asks for something: a SYN, a UDP datagram, an INIT, a HEARTBEAT (it may open a new path, RFC 9260,
    /// section 8.3), an echo request, a packet of another protocol.
    Opens,
    /// A TCP segment from the midst of a connection that is not known, as after a restart.
    MidStream,
    /// It answers or ends something: a SYN ACK, a RST, any other SCTP packet, an echo reply, an ICMP error, a later
    /// fragment.
    Never,
}

impl Start {
    /// Returns whether a packet with this transport header may begin a flow.
    pub const fn of(transport: &Transport) -> Self {
        match transport {
            Transport::Tcp { flags, .. } => tcp::start(*flags),
            Transport::Sctp { step: SctpStep::Init | SctpStep::Heartbeat, .. } => Self::Opens,
            Transport::Udp { .. } | Transport::Other => Self::Opens,
            Transport::Echo { request: true, .. } => Self::Opens,
            Transport::Echo { request: false, .. } => Self::Never,
            Transport::Sctp { .. } | Transport::Error(_) | Transport::Later => Self::Never,
        }
    }
}

/// Which ends have taken a step that both must take: a FIN of TCP, a cookie chunk of SCTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Marks {
    original: bool,
    reply: bool,
}

impl Marks {
    pub(super) const NONE: Self = Self { original: false, reply: false };

    #[must_use]
    pub(super) const fn with(self, direction: Direction) -> Self {
        match direction {
            Direction::Original => Self { original: true, ..self },
            Direction::Reply => Self { reply: true, ..self },
        }
    }

    pub(super) const fn has(self, direction: Direction) -> bool {
        match direction {
            Direction::Original => self.original,
            Direction::Reply => self.reply,
        }
    }

    pub(super) const fn both(self) -> bool {
        self.original && self.reply
    }
}

/// A state with what is remembered inside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stage {
    pub(super) state: State,
    pub(super) marks: Marks,
}

impl Stage {
    pub(super) const fn new(state: State) -> Self {
        Self { state, marks: Marks::NONE }
    }
}

/// What a packet does to its flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It passes; state and timer stay.
    Hold,
    /// It passes; the flow is in this stage, and its timer starts anew.
    Become(Stage),
    /// It begins a new connection between the same ends: not a packet of this flow.
    Reopen,
    /// It must not pass.
    Refuse,
}

impl Step {
    pub(super) const fn to(state: State) -> Self {
        Self::Become(Stage::new(state))
    }
}

/// Returns the stage of a flow that begins with such a packet; none if it cannot begin one.
pub(super) const fn start(transport: &Transport) -> Option<Stage> {
    if matches!(Start::of(transport), Start::Never) {
        return None;
    }
    match transport {
        Transport::Tcp { flags, .. } => Some(tcp::first(*flags)),
        Transport::Sctp { step: SctpStep::Init, .. } => Some(Stage::new(State::SctpInit)),
        Transport::Sctp { .. } => Some(Stage::new(State::SctpHeartbeat)),
        Transport::Udp { .. } => Some(Stage::new(State::UdpUnreplied)),
        Transport::Echo { .. } => Some(Stage::new(State::Echo)),
        Transport::Other => Some(Stage::new(State::OtherUnreplied)),
        Transport::Error(_) | Transport::Later => None,
    }
}

/// Returns what a packet does to a flow.
pub(super) const fn step(stage: Stage, direction: Direction, transport: &Transport) -> Step {
    use State as S;
    match (transport, stage.state) {
        (
            Transport::Tcp { flags, .. },
            S::TcpSynSent
            | S::TcpSynCrossed
            | S::TcpSynReceived
            | S::TcpPickedUp
            | S::TcpEstablished
            | S::TcpClosing
            | S::TcpReset,
        ) => tcp::step(stage, direction, *flags),
        (
            Transport::Sctp { step, .. },
            S::SctpInit | S::SctpAnswered | S::SctpHeartbeat | S::SctpEstablished | S::SctpClosing,
        ) => sctp::step(stage, direction, *step),
        (Transport::Udp { .. }, S::UdpUnreplied) => answered(stage, direction, S::UdpAnswered),
        (Transport::Udp { .. }, S::UdpAnswered) => match direction {
            Direction::Original => Step::to(S::UdpReplied),
            Direction::Reply => Step::Become(stage),
        },
        (Transport::Other, S::OtherUnreplied) => answered(stage, direction, S::OtherReplied),
        (Transport::Udp { .. }, S::UdpReplied)
        | (Transport::Other, S::OtherReplied)
        | (Transport::Echo { .. }, S::Echo) => Step::Become(stage),
        // The first fragment has moved the flow; the others only follow it.
        (Transport::Later, _) => Step::Hold,
        _ => Step::Refuse,
    }
}

/// Returns what a packet does to a flow that waits for any reply.
const fn answered(stage: Stage, direction: Direction, replied: State) -> Step {
    match direction {
        Direction::Original => Step::Become(stage),
        Direction::Reply => Step::to(replied),
    }
}

#[cfg(test)]
mod tests {
    use super::{Stage, Start, Step, start, step};
    use crate::flow::Direction::{Original, Reply};
    use crate::flow::State;
    use crate::wire::{Quoted, SctpStep, TcpFlags, Transport};

    const UDP: Transport = Transport::Udp { source: 1, destination: 2 };

    fn tcp(flags: u8) -> Transport {
        Transport::Tcp { source: 1, destination: 2, flags: TcpFlags(flags) }
    }

    fn sctp(step: SctpStep) -> Transport {
        Transport::Sctp { source: 1, destination: 2, step }
    }

    fn echo(request: bool) -> Transport {
        Transport::Echo { request, id: 7 }
    }

    fn error() -> Transport {
        let address = std::net::Ipv4Addr::LOCALHOST.into();
        Transport::Error(Quoted {
            source: address,
            destination: address,
            protocol: 6,
            source_port: 1,
            destination_port: 2,
        })
    }

    #[test]
    fn what_asks_begins_a_flow_and_what_answers_does_not() {
        let (syn, ack) = (TcpFlags::SYN, TcpFlags::ACK);
        let table = [
            (tcp(syn), Start::Opens, Some(State::TcpSynSent)),
            (tcp(syn | ack), Start::Never, None),
            (tcp(TcpFlags::RST), Start::Never, None),
            (tcp(TcpFlags::RST | ack), Start::Never, None),
            (tcp(ack), Start::MidStream, Some(State::TcpPickedUp)),
            (tcp(TcpFlags::FIN | ack), Start::MidStream, Some(State::TcpPickedUp)),
            (UDP, Start::Opens, Some(State::UdpUnreplied)),
            (sctp(SctpStep::Init), Start::Opens, Some(State::SctpInit)),
            (sctp(SctpStep::Heartbeat), Start::Opens, Some(State::SctpHeartbeat)),
            (sctp(SctpStep::InitAck), Start::Never, None),
            (sctp(SctpStep::Cookie), Start::Never, None),
            (sctp(SctpStep::Data), Start::Never, None),
            (sctp(SctpStep::Abort), Start::Never, None),
            (sctp(SctpStep::Shutdown), Start::Never, None),
            (echo(true), Start::Opens, Some(State::Echo)),
            (echo(false), Start::Never, None),
            (error(), Start::Never, None),
            (Transport::Other, Start::Opens, Some(State::OtherUnreplied)),
            (Transport::Later, Start::Never, None),
        ];
        for (transport, may, state) in table {
            assert_eq!(Start::of(&transport), may, "{transport:?}");
            assert_eq!(start(&transport).map(|stage| stage.state), state, "{transport:?}");
        }
    }

    #[test]
    fn protocols_without_handshake_wait_for_a_reply() {
        let table = [
            (State::UdpUnreplied, Original, UDP, Step::to(State::UdpUnreplied)),
            (State::UdpUnreplied, Reply, UDP, Step::to(State::UdpAnswered)),
            (State::UdpAnswered, Reply, UDP, Step::to(State::UdpAnswered)),
            (State::UdpAnswered, Original, UDP, Step::to(State::UdpReplied)),
            (State::UdpReplied, Original, UDP, Step::to(State::UdpReplied)),
            (State::UdpReplied, Reply, UDP, Step::to(State::UdpReplied)),
            (State::UdpReplied, Reply, Transport::Later, Step::Hold),
            (State::UdpReplied, Original, tcp(TcpFlags::ACK), Step::Refuse),
            (State::Echo, Original, echo(true), Step::to(State::Echo)),
            (State::Echo, Reply, echo(false), Step::to(State::Echo)),
            (State::Echo, Reply, error(), Step::Refuse),
            (State::OtherUnreplied, Original, Transport::Other, Step::to(State::OtherUnreplied)),
            (State::OtherUnreplied, Reply, Transport::Other, Step::to(State::OtherReplied)),
            (State::OtherReplied, Reply, Transport::Other, Step::to(State::OtherReplied)),
            (State::TcpEstablished, Original, UDP, Step::Refuse),
        ];
        for (state, direction, transport, result) in table {
            let found = step(Stage::new(state), direction, &transport);
            assert_eq!(found, result, "{state:?} {direction:?} {transport:?}");
        }
    }
}
