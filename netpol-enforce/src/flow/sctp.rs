//! SCTP (RFC 9260), without verification tags.

use super::Direction;
use super::machine::{Stage, Step};
use super::state::State;
use crate::wire::SctpStep;

/// Returns what a packet does to a flow.
pub(super) const fn step(stage: Stage, direction: Direction, step: SctpStep) -> Step {
    match step {
        SctpStep::Init => init(stage, direction),
        SctpStep::InitAck => init_ack(stage, direction),
        SctpStep::Cookie => cookie(stage, direction),
        SctpStep::Heartbeat | SctpStep::Data => data(stage, direction),
        SctpStep::Shutdown => shutdown(stage),
        SctpStep::Abort => abort(stage),
    }
}

const fn init(stage: Stage, direction: Direction) -> Step {
    match (stage.state, direction) {
        // INITs that cross (RFC 9260, section 5.2.1).
        (State::SctpInit, Direction::Reply) => Step::to(State::SctpAnswered),
        (State::SctpInit | State::SctpAnswered, _) => Step::Become(stage),
        // The end that was judged restarts (RFC 9260, section 5.2.2): the handshake passes through the flow.
        (State::SctpEstablished, Direction::Original) => Step::Hold,
        // Where the old association is forgotten this would begin one against the judged direction.
        (State::SctpEstablished, Direction::Reply) => Step::Refuse,
        _ => Step::Reopen,
    }
}

const fn init_ack(stage: Stage, direction: Direction) -> Step {
    match (stage.state, direction) {
        (State::SctpInit, Direction::Reply) => Step::to(State::SctpAnswered),
        (State::SctpAnswered, _) => Step::Become(stage),
        _ => Step::Hold,
    }
}

/// COOKIE ECHO goes one way and COOKIE ACK the other; when INITs crossed, either may be first.
const fn cookie(stage: Stage, direction: Direction) -> Step {
    match stage.state {
        State::SctpAnswered => {
            let marks = stage.marks.with(direction);
            if marks.both() {
                Step::to(State::SctpEstablished)
            } else {
                Step::Become(Stage { marks, ..stage })
            }
        }
        _ => data(stage, direction),
    }
}

const fn data(stage: Stage, direction: Direction) -> Step {
    match (stage.state, direction) {
        (State::SctpInit | State::SctpAnswered, _) => Step::Hold,
        (State::SctpHeartbeat, Direction::Reply) => Step::to(State::SctpEstablished),
        _ => Step::Become(stage),
    }
}

/// Before the association is there, there is nothing to shut down (RFC 9260, section 9.2).
const fn shutdown(stage: Stage) -> Step {
    match stage.state {
        State::SctpInit | State::SctpAnswered => Step::Hold,
        _ => Step::to(State::SctpClosing),
    }
}

const fn abort(stage: Stage) -> Step {
    match stage.state {
        State::SctpClosing => Step::Hold,
        _ => Step::to(State::SctpClosing),
    }
}

#[cfg(test)]
mod tests {
    use super::State::{
        SctpAnswered as Answered, SctpClosing as Closing, SctpEstablished as Established,
        SctpHeartbeat as Heartbeat, SctpInit as Init,
    };
    use super::{Stage, State, step};
    use crate::flow::Direction::{self, Original, Reply};
    use crate::flow::machine::Step::{self, Hold, Refuse, Reopen};
    use crate::wire::SctpStep;

    const STEPS: [SctpStep; 7] = [
        SctpStep::Init,
        SctpStep::InitAck,
        SctpStep::Cookie,
        SctpStep::Heartbeat,
        SctpStep::Data,
        SctpStep::Shutdown,
        SctpStep::Abort,
    ];

    fn to(state: State) -> Step {
        Step::to(state)
    }

    fn check(state: State, direction: Direction, results: [Step; 7]) {
        for (chunk, expected) in STEPS.into_iter().zip(results) {
            // Marks are followed by the handshakes below.
            let found = match step(Stage::new(state), direction, chunk) {
                Step::Become(stage) => to(stage.state),
                other => other,
            };
            assert_eq!(found, expected, "{state:?} {direction:?} {chunk:?}");
        }
    }

    #[test]
    fn every_state_meets_every_packet() {
        let (c, e) = (to(Closing), to(Established));
        check(Init, Original, [to(Init), Hold, Hold, Hold, Hold, Hold, c]);
        check(Init, Reply, [to(Answered), to(Answered), Hold, Hold, Hold, Hold, c]);
        let a = to(Answered);
        check(Answered, Original, [a, a, a, Hold, Hold, Hold, c]);
        check(Answered, Reply, [a, a, a, Hold, Hold, Hold, c]);
        let h = to(Heartbeat);
        check(Heartbeat, Original, [Reopen, Hold, h, h, h, c, c]);
        check(Heartbeat, Reply, [Reopen, Hold, e, e, e, c, c]);
        check(Established, Original, [Hold, Hold, e, e, e, c, c]);
        check(Established, Reply, [Refuse, Hold, e, e, e, c, c]);
        check(Closing, Original, [Reopen, Hold, c, c, c, c, Hold]);
        check(Closing, Reply, [Reopen, Hold, c, c, c, c, Hold]);
    }

    fn follow(chunks: &[(Direction, SctpStep)]) -> State {
        let mut stage = Stage::new(Init);
        for (direction, chunk) in chunks {
            match step(stage, *direction, *chunk) {
                Step::Become(next) => stage = next,
                Hold => {}
                other => panic!("{direction:?} {chunk:?} in {stage:?}: {other:?}"),
            }
        }
        stage.state
    }

    #[test]
    fn a_handshake_takes_a_cookie_from_each_end() {
        use SctpStep::{Cookie, InitAck};
        let chunks = [(Reply, InitAck), (Original, Cookie), (Original, Cookie), (Reply, Cookie)];
        assert_eq!(follow(&chunks[..3]), Answered);
        assert_eq!(follow(&chunks), Established);
    }

    #[test]
    fn inits_that_cross_make_one_association() {
        use SctpStep::{Cookie, Init, InitAck};
        let chunks = [
            (Reply, Init),
            (Original, InitAck),
            (Reply, InitAck),
            (Reply, Cookie),
            (Original, Cookie),
        ];
        assert_eq!(follow(&chunks), Established);
    }
}
