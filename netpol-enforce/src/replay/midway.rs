//! Connections that began before the capture: who began them.
//!
//! On a wire a segment from the midst of an unknown connection is judged in the direction it travels, and what the
//! other end has to say waits for it. A capture waits for nobody: the answers would be judged as connections to the
//! client's port. What answers (SYN ACK, echo reply, INIT ACK) tells who began; of other segments the end with the lower
//! port is taken for the one that was called.

use netpol_core::model::Verdict;

use super::book::Place;
use super::{Outcome, PORT, Replay, Sight};
use crate::flow::{NewFlow, Start, Tuple};
use crate::wire::{Ip, SctpStep, TcpFlags, Transport};
use crate::{DropReason, Frame};

/// What is known of a packet before it is decided about.
pub(super) enum Picked {
    /// Its connection is denied.
    Stopped(Place),
    /// It is to be decided about.
    Passes {
        /// Whether it is from the midst of a connection that is not known.
        midway: bool,
    },
}

impl Replay<'_> {
    /// Takes up the connection of a packet that does not begin it, in the direction in which it began.
    pub(super) fn pick_up(
        &mut self,
        tuple: &Tuple,
        ip: &Ip,
        frame: &Frame<'_>,
        sight: &Sight,
    ) -> Picked {
        let now = frame.meta.at;
        let said = Said::of(tuple, &ip.transport);
        if said == Said::Nothing || self.tables.flows.find(tuple, PORT, now).is_some() {
            return Picked::Passes { midway: false };
        }
        let Said::Answers(began) = said else { return Picked::Passes { midway: true } };
        let original = tuple.reversed();
        match self.policies.judge(&original) {
            Ok(()) => {
                let new = NewFlow {
                    tuple: original,
                    original_port: PORT,
                    reply_port: PORT,
                    owner: 0,
                    epoch: self.policies.epoch(),
                    rule: 0,
                    transport: began,
                };
                if self.tables.flows.insert(&new, now).is_ok() {
                    let allowed = Outcome::Judged(Verdict::Allow);
                    let place = self.book.place(&original, allowed, sight);
                    self.book.connection(place, true);
                }
                Picked::Passes { midway: false }
            }
            Err(DropReason::Policy) => {
                let place = self.stop(&original, ip, now, sight);
                self.book.connection(place, true);
                Picked::Stopped(place)
            }
            Err(_) => Picked::Passes { midway: false },
        }
    }
}

/// What a packet says of who began its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    /// Nothing: it begins one itself, or belongs to none.
    Nothing,
    /// Its sender did.
    Goes,
    /// The other end did, with such a packet.
    Answers(Transport),
}

impl Said {
    fn of(tuple: &Tuple, transport: &Transport) -> Self {
        let (source, destination) = (tuple.destination_port, tuple.source_port);
        match transport {
            Transport::Tcp { flags, .. }
                if flags.has(TcpFlags::SYN) && flags.has(TcpFlags::ACK) =>
            {
                let flags = TcpFlags(TcpFlags::SYN);
                Self::Answers(Transport::Tcp { source, destination, flags })
            }
            Transport::Tcp { .. } if Start::of(transport) == Start::MidStream => {
                let flags = TcpFlags(TcpFlags::ACK);
                let began = Transport::Tcp { source, destination, flags };
                let answers = tuple.source_port < tuple.destination_port;
                if answers { Self::Answers(began) } else { Self::Goes }
            }
            Transport::Sctp { step: SctpStep::InitAck, .. } => {
                Self::Answers(Transport::Sctp { source, destination, step: SctpStep::Init })
            }
            Transport::Echo { request: false, id } => {
                Self::Answers(Transport::Echo { request: true, id: *id })
            }
            _ => Self::Nothing,
        }
    }
}
