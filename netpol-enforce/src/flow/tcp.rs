//! TCP (RFC 9293), without sequence numbers.

use super::Direction;
use super::machine::{Marks, Stage, Start, Step};
use super::state::State;
use crate::wire::TcpFlags;

/// Returns whether a segment may begin a flow.
pub(super) const fn start(flags: TcpFlags) -> Start {
    if flags.opens() {
        Start::Opens
    } else if flags.has(TcpFlags::SYN | TcpFlags::RST) {
        Start::Never
    } else {
        Start::MidStream
    }
}

/// Returns the stage of a flow that begins with a segment.
pub(super) const fn first(flags: TcpFlags) -> Stage {
    if flags.opens() {
        return Stage::new(State::TcpSynSent);
    }
    Stage { state: State::TcpPickedUp, marks: finished(Marks::NONE, Direction::Original, flags) }
}

/// Returns what a segment does to a flow.
pub(super) const fn step(stage: Stage, direction: Direction, flags: TcpFlags) -> Step {
    if flags.has(TcpFlags::RST) {
        reset(stage)
    } else if flags.opens() {
        syn(stage, direction)
    } else if flags.has(TcpFlags::SYN) {
        syn_ack(stage, direction)
    } else {
        ack(stage, direction, flags)
    }
}

/// A RST ends the flow soon, but not at once: it may be forged, and what is on its way shall arrive. Further ones do
/// not prolong it.
const fn reset(stage: Stage) -> Step {
    match stage.state {
        State::TcpReset => Step::Hold,
        _ => Step::to(State::TcpReset),
    }
}

const fn syn(stage: Stage, direction: Direction) -> Step {
    match (stage.state, direction) {
        (State::TcpSynSent, Direction::Reply) => Step::to(State::TcpSynCrossed),
        // Sent again.
        (State::TcpSynSent | State::TcpSynCrossed, _)
        | (State::TcpSynReceived, Direction::Original) => Step::Become(stage),
        // The connection is over, or was never seen to begin: this is another one.
        (State::TcpPickedUp | State::TcpClosing | State::TcpReset, _) => Step::Reopen,
        // Whoever has sent a FIN has nothing more to send on the old connection.
        (State::TcpEstablished, _) if stage.marks.has(direction) => Step::Reopen,
        // An end that has forgotten the connection learns it from the ACK that the other sends (RFC 5961, section 4).
        (State::TcpEstablished, Direction::Original) => Step::Hold,
        // Where the old connection is forgotten this would begin one against the judged direction.
        _ => Step::Refuse,
    }
}

const fn syn_ack(stage: Stage, direction: Direction) -> Step {
    match (stage.state, direction) {
        (State::TcpSynSent, Direction::Reply) => Step::to(State::TcpSynReceived),
        // Both have sent a SYN and one has received the other's (RFC 9293, figure 7): no more need come.
        (State::TcpSynCrossed, _) => Step::to(State::TcpEstablished),
        (State::TcpSynReceived, Direction::Reply) => Step::Become(stage),
        (State::TcpPickedUp, Direction::Reply) => established(stage.marks),
        _ => Step::Hold,
    }
}

/// A segment with neither SYN nor RST.
const fn ack(stage: Stage, direction: Direction, flags: TcpFlags) -> Step {
    let marks = finished(stage.marks, direction, flags);
    match (stage.state, direction) {
        // An old connection that the other end remembers: the ACK that answers a SYN (RFC 5961, section 4).
        (State::TcpSynSent, _) => Step::Hold,
        // The reply direction cannot complete the handshake by itself.
        (State::TcpSynReceived, Direction::Reply) => Step::Hold,
        (State::TcpPickedUp, Direction::Original) => Step::Become(Stage { marks, ..stage }),
        (State::TcpSynCrossed | State::TcpSynReceived, _) => established(marks),
        (State::TcpPickedUp | State::TcpEstablished, _) => established(marks),
        // The last ACK and whatever is sent again; traffic after a RST shows that it was not obeyed.
        _ => Step::Become(stage),
    }
}

/// Half closed is established: the other end may send for as long as it likes.
const fn established(marks: Marks) -> Step {
    let state = if marks.both() { State::TcpClosing } else { State::TcpEstablished };
    Step::Become(Stage { state, marks })
}

const fn finished(marks: Marks, direction: Direction, flags: TcpFlags) -> Marks {
    if flags.has(TcpFlags::FIN) { marks.with(direction) } else { marks }
}

#[cfg(test)]
mod tests {
    use super::State::{
        TcpClosing as Closing, TcpEstablished as Established, TcpPickedUp as PickedUp,
        TcpReset as Reset, TcpSynCrossed as SynCrossed, TcpSynReceived as SynReceived,
        TcpSynSent as SynSent,
    };
    use super::{Marks, Stage, State, Step, step};
    use crate::flow::Direction::{self, Original, Reply};
    use crate::wire::TcpFlags;

    const SYN: u8 = TcpFlags::SYN;
    const SYN_ACK: u8 = TcpFlags::SYN | TcpFlags::ACK;
    const ACK: u8 = TcpFlags::ACK;
    const FIN: u8 = TcpFlags::FIN | TcpFlags::ACK;
    const RST: u8 = TcpFlags::RST;

    /// What happens, in a word.
    #[derive(Debug, PartialEq)]
    enum Result {
        To(State),
        Hold,
        Reopen,
        Refuse,
    }
    use self::Result::{Hold, Refuse, Reopen, To};

    fn check(state: State, table: &[(Direction, u8, Result)]) {
        for (direction, flags, expected) in table {
            let found = match step(Stage::new(state), *direction, TcpFlags(*flags)) {
                Step::Become(stage) => To(stage.state),
                Step::Hold => Hold,
                Step::Reopen => Reopen,
                Step::Refuse => Refuse,
            };
            assert_eq!(found, *expected, "{state:?} {direction:?} {flags:#x}");
        }
    }

    #[test]
    fn every_state_meets_every_segment() {
        let rows: [(State, [Result; 10]); 7] = [
            // Original: SYN, SYN ACK, ACK, FIN, RST; then reply.
            (
                SynSent,
                [
                    To(SynSent),
                    Hold,
                    Hold,
                    Hold,
                    To(Reset),
                    To(SynCrossed),
                    To(SynReceived),
                    Hold,
                    Hold,
                    To(Reset),
                ],
            ),
            (
                SynCrossed,
                [
                    To(SynCrossed),
                    To(Established),
                    To(Established),
                    To(Established),
                    To(Reset),
                    To(SynCrossed),
                    To(Established),
                    To(Established),
                    To(Established),
                    To(Reset),
                ],
            ),
            (
                SynReceived,
                [
                    To(SynReceived),
                    Hold,
                    To(Established),
                    To(Established),
                    To(Reset),
                    Refuse,
                    To(SynReceived),
                    Hold,
                    Hold,
                    To(Reset),
                ],
            ),
            (
                PickedUp,
                [
                    Reopen,
                    Hold,
                    To(PickedUp),
                    To(PickedUp),
                    To(Reset),
                    Reopen,
                    To(Established),
                    To(Established),
                    To(Established),
                    To(Reset),
                ],
            ),
            (
                Established,
                [
                    Hold,
                    Hold,
                    To(Established),
                    To(Established),
                    To(Reset),
                    Refuse,
                    Hold,
                    To(Established),
                    To(Established),
                    To(Reset),
                ],
            ),
            (
                Closing,
                [
                    Reopen,
                    Hold,
                    To(Closing),
                    To(Closing),
                    To(Reset),
                    Reopen,
                    Hold,
                    To(Closing),
                    To(Closing),
                    To(Reset),
                ],
            ),
            (
                Reset,
                [
                    Reopen,
                    Hold,
                    To(Reset),
                    To(Reset),
                    Hold,
                    Reopen,
                    Hold,
                    To(Reset),
                    To(Reset),
                    Hold,
                ],
            ),
        ];
        for (state, results) in rows {
            let segments = [Original, Reply].into_iter().flat_map(|direction| {
                [SYN, SYN_ACK, ACK, FIN, RST].map(|flags| (direction, flags))
            });
            let table: Vec<_> =
                segments.zip(results).map(|((way, flags), result)| (way, flags, result)).collect();
            check(state, &table);
        }
    }

    /// Follows segments from a SYN and returns where they lead; each must pass.
    fn follow(segments: &[(Direction, u8)]) -> Stage {
        let mut stage = Stage::new(SynSent);
        for (direction, flags) in segments {
            match step(stage, *direction, TcpFlags(*flags)) {
                Step::Become(next) => stage = next,
                Step::Hold => {}
                other => panic!("{direction:?} {flags:#x} in {stage:?}: {other:?}"),
            }
        }
        stage
    }

    const HANDSHAKE: [(Direction, u8); 2] = [(Reply, SYN_ACK), (Original, ACK)];

    fn after_handshake(more: &[(Direction, u8)]) -> Stage {
        follow(&[&HANDSHAKE, more].concat())
    }

    #[test]
    fn a_half_closed_connection_goes_on_until_the_other_end_has_finished() {
        let half = after_handshake(&[(Original, FIN), (Reply, ACK), (Reply, ACK), (Original, FIN)]);
        assert_eq!(half.state, Established);
        let closed = after_handshake(&[(Original, FIN), (Reply, ACK), (Reply, FIN)]);
        assert_eq!(closed.state, Closing);
        assert_eq!(follow(&[(Reply, SYN_ACK), (Original, FIN), (Reply, FIN)]).state, Closing);
    }

    #[test]
    fn a_syn_of_an_end_that_has_finished_is_another_connection() {
        for (finished, other) in [(Original, Step::Refuse), (Reply, Step::Hold)] {
            let half = after_handshake(&[(finished, FIN)]);
            assert_eq!(step(half, finished, TcpFlags(SYN)), Step::Reopen);
            assert_eq!(step(half, finished.opposite(), TcpFlags(SYN)), other);
        }
    }

    #[test]
    fn simultaneous_open_is_established_by_either_answer() {
        for way in [Original, Reply] {
            assert_eq!(follow(&[(Reply, SYN), (way, SYN_ACK)]).state, Established);
        }
    }

    #[test]
    fn a_connection_picked_up_at_its_fin_closes_with_the_other() {
        let stage = super::first(TcpFlags(FIN));
        assert_eq!(
            stage,
            Stage { state: PickedUp, marks: Marks::default().with(Direction::Original) }
        );
        assert!(
            matches!(step(stage, Reply, TcpFlags(FIN)), Step::Become(next) if next.state == Closing)
        );
    }
}
