//! The rules of the table of flows over a plain list that is searched from end to end.

use netpol_enforce::flow::{
    Advance, Class, Direction, FlowCounters, FlowId, FlowLimits, NewFlow, State, Tuple,
};
use netpol_enforce::wire::{SctpStep, Transport};
use netpol_enforce::{DropReason, PortId, Tick};

use State as S;

#[derive(Clone, Debug)]
pub(crate) struct Member {
    /// The id that the table has given it.
    pub(crate) id: FlowId,
    pub(crate) new: NewFlow,
    pub(crate) state: State,
    pub(crate) grandfathered: bool,
    pub(crate) last_seen: u32,
    /// Which ends have sent a FIN or a cookie: original, reply.
    marks: [bool; 2],
    /// When it was moved to the end, counted in moves.
    moved: u64,
    errors: Vec<u32>,
}

#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) members: Vec<Member>,
    pub(crate) counters: FlowCounters,
    limits: FlowLimits,
    moves: u64,
    clock: u32,
}

enum Next {
    Hold,
    To(State),
    Reopen,
    Refuse,
}
use self::Next::{Hold, Refuse, Reopen, To};

/// Seconds, class and rank among equals.
fn facts(state: State) -> (u32, Class, u32) {
    use Class::{Closing, Embryonic, Established};
    match state {
        S::TcpSynSent => (20, Embryonic, 0),
        S::TcpSynCrossed | S::TcpSynReceived | S::TcpPickedUp => (60, Embryonic, 1),
        S::TcpEstablished => (8_000, Established, 2),
        S::TcpClosing => (60, Closing, 3),
        S::TcpReset => (10, Closing, 4),
        S::UdpUnreplied => (30, Embryonic, 5),
        S::UdpAnswered => (30, Embryonic, 6),
        S::UdpReplied => (120, Established, 7),
        S::SctpInit | S::SctpAnswered | S::SctpHeartbeat => (10, Embryonic, 8),
        S::SctpEstablished => (210, Established, 9),
        S::SctpClosing => (3, Closing, 10),
        S::Echo => (10, Embryonic, 11),
        S::OtherUnreplied => (60, Embryonic, 12),
        S::OtherReplied => (60, Established, 13),
    }
}

fn class(state: State) -> Class {
    facts(state).1
}

fn first_state(transport: &Transport) -> Option<State> {
    match transport {
        Transport::Tcp { flags, .. } => match (flags.has(2), flags.has(16), flags.has(4)) {
            (_, _, true) | (true, true, _) => None,
            (true, false, _) => Some(S::TcpSynSent),
            (false, ..) => Some(S::TcpPickedUp),
        },
        Transport::Udp { .. } => Some(S::UdpUnreplied),
        Transport::Sctp { step: SctpStep::Init, .. } => Some(S::SctpInit),
        Transport::Sctp { step: SctpStep::Heartbeat, .. } => Some(S::SctpHeartbeat),
        Transport::Echo { request: true, .. } => Some(S::Echo),
        Transport::Other => Some(S::OtherUnreplied),
        _ => None,
    }
}

impl Member {
    fn is_over(&self, now: u32) -> bool {
        now - self.last_seen >= Tick::of_seconds(facts(self.state).0)
    }

    fn tcp(&mut self, reply: bool, flags: u8) -> Next {
        let (syn, ack, fin, rst) =
            (flags & 2 != 0, flags & 16 != 0, flags & 1 != 0, flags & 4 != 0);
        let end = usize::from(reply);
        let over = matches!(self.state, S::TcpClosing | S::TcpReset);
        if rst {
            return if self.state == S::TcpReset { Hold } else { To(S::TcpReset) };
        }
        if syn && !ack {
            return match self.state {
                S::TcpSynSent if reply => To(S::TcpSynCrossed),
                S::TcpSynSent | S::TcpSynCrossed => To(self.state),
                S::TcpSynReceived if !reply => To(self.state),
                S::TcpEstablished if self.marks[end] => Reopen,
                S::TcpEstablished if !reply => Hold,
                S::TcpSynReceived | S::TcpEstablished => Refuse,
                _ => Reopen,
            };
        }
        if syn {
            return match self.state {
                S::TcpSynSent | S::TcpSynReceived if reply => To(S::TcpSynReceived),
                S::TcpPickedUp if reply => To(S::TcpEstablished),
                S::TcpSynCrossed => To(S::TcpEstablished),
                _ => Hold,
            };
        }
        if self.state == S::TcpSynSent || (self.state == S::TcpSynReceived && reply) {
            return Hold;
        }
        if over {
            return To(self.state);
        }
        self.marks[end] |= fin;
        match self.state {
            S::TcpPickedUp if !reply => To(S::TcpPickedUp),
            _ if self.marks == [true, true] => To(S::TcpClosing),
            _ => To(S::TcpEstablished),
        }
    }

    fn sctp(&mut self, reply: bool, step: SctpStep) -> Next {
        let state = self.state;
        let early = matches!(state, S::SctpInit | S::SctpAnswered);
        match step {
            SctpStep::Abort if state == S::SctpClosing => Hold,
            SctpStep::Shutdown if early => Hold,
            SctpStep::Abort | SctpStep::Shutdown => To(S::SctpClosing),
            SctpStep::Init => match state {
                S::SctpInit if reply => To(S::SctpAnswered),
                S::SctpInit | S::SctpAnswered => To(state),
                S::SctpEstablished if reply => Refuse,
                S::SctpEstablished => Hold,
                _ => Reopen,
            },
            SctpStep::InitAck if early && (reply || state == S::SctpAnswered) => {
                To(S::SctpAnswered)
            }
            SctpStep::InitAck => Hold,
            SctpStep::Cookie if state == S::SctpAnswered => {
                self.marks[usize::from(reply)] = true;
                let both = self.marks == [true, true];
                if both {
                    self.marks = [false; 2];
                }
                To(if both { S::SctpEstablished } else { S::SctpAnswered })
            }
            _ if early => Hold,
            _ if state == S::SctpHeartbeat && reply => To(S::SctpEstablished),
            _ => To(state),
        }
    }

    fn next(&mut self, reply: bool, transport: &Transport) -> Next {
        match *transport {
            Transport::Tcp { flags, .. } => self.tcp(reply, flags.0),
            Transport::Sctp { step, .. } => self.sctp(reply, step),
            Transport::Udp { .. } => To(match (self.state, reply) {
                (S::UdpUnreplied, true) => S::UdpAnswered,
                (S::UdpAnswered, false) => S::UdpReplied,
                (state, _) => state,
            }),
            Transport::Other if reply => To(S::OtherReplied),
            _ => To(self.state),
        }
    }
}

impl Model {
    pub(crate) fn new(limits: FlowLimits) -> Self {
        let counters = FlowCounters::default();
        Self { members: Vec::new(), counters, limits, moves: 0, clock: 0 }
    }

    fn tick(&mut self, now: Tick) -> u32 {
        self.clock = self.clock.max(now.0);
        self.clock
    }

    /// Counts what there is.
    pub(crate) fn counters(&self) -> FlowCounters {
        let count = |wanted| {
            let members = self.members.iter().filter(|member| class(member.state) == wanted);
            u32::try_from(members.count()).unwrap()
        };
        FlowCounters {
            embryonic: count(Class::Embryonic),
            established: count(Class::Established),
            closing: count(Class::Closing),
            ..self.counters
        }
    }

    fn position(&mut self, tuple: &Tuple, now: u32) -> Option<(usize, Direction)> {
        let ways = [(*tuple, Direction::Original), (tuple.reversed(), Direction::Reply)];
        let (at, way) = ways.into_iter().find_map(|(tuple, way)| {
            let at = self.members.iter().position(|member| member.new.tuple == tuple)?;
            Some((at, way))
        })?;
        if self.members[at].is_over(now) {
            self.members.remove(at);
            self.counters.expired += 1;
            return None;
        }
        Some((at, way))
    }

    pub(crate) fn find(
        &mut self,
        tuple: &Tuple,
        port: PortId,
        now: Tick,
    ) -> Option<(FlowId, Direction)> {
        let now = self.tick(now);
        let (at, way) = self.position(tuple, now)?;
        let NewFlow { original_port, reply_port, .. } = self.members[at].new;
        let right = if way == Direction::Original { original_port } else { reply_port };
        (port == right).then_some((self.members[at].id, way))
    }

    /// Decides about a new flow; the id is given to it afterwards.
    pub(crate) fn insert(&mut self, new: &NewFlow, now: Tick) -> Result<(), DropReason> {
        let now = self.tick(now);
        let state = first_state(&new.transport).ok_or(DropReason::NoFlow)?;
        if let Some((at, _)) = self.position(&new.tuple, now) {
            let old = &self.members[at];
            if class(old.state) == Class::Established && old.marks == [false; 2] {
                self.counters.refused_taken += 1;
                return Err(DropReason::NoFlow);
            }
            self.members.remove(at);
            self.counters.replaced += 1;
        }
        self.make_room(new.owner, now)?;
        let fin = matches!(new.transport, Transport::Tcp { flags, .. } if flags.has(1));
        self.moves += 1;
        self.counters.inserted += 1;
        self.members.push(Member {
            id: unknown(),
            new: *new,
            state,
            grandfathered: false,
            last_seen: now,
            marks: [fin, false],
            moved: self.moves,
            errors: Vec::new(),
        });
        Ok(())
    }

    fn make_room(&mut self, owner: u32, now: u32) -> Result<(), DropReason> {
        let own = self.members.iter().filter(|member| member.new.owner == owner).count();
        if owner >= self.limits.owners || own >= self.limits.quota as usize {
            let spare =
                self.oldest(|member| member.new.owner == owner, |member| (member.moved, 0, 0));
            let Some(spare) = spare else {
                self.counters.refused_quota += 1;
                return Err(DropReason::PodQuota);
            };
            self.give_up(spare, now);
        }
        let age = |member: &Member| (member.last_seen.into(), facts(member.state).2, member.moved);
        if self.counters().embryonic >= self.limits.embryonic {
            let spare = self.oldest(|member| class(member.state) == Class::Embryonic, age);
            self.give_up(spare.unwrap(), now);
        }
        if self.members.len() >= self.limits.capacity as usize {
            let over = (0..self.members.len()).filter(|at| self.members[*at].is_over(now));
            let over = over.min_by_key(|at| {
                let member = &self.members[*at];
                (facts(member.state).2, member.moved)
            });
            let Some(spare) = over.or_else(|| self.oldest(|_| true, age)) else {
                self.counters.refused_full += 1;
                return Err(DropReason::FlowTableFull);
            };
            self.give_up(spare, now);
        }
        Ok(())
    }

    /// Returns the least closing member of some, else the least embryonic one.
    fn oldest(
        &self,
        of: impl Fn(&Member) -> bool,
        by: impl Fn(&Member) -> (u64, u32, u64),
    ) -> Option<usize> {
        [Class::Closing, Class::Embryonic].into_iter().find_map(|wanted| {
            let members = (0..self.members.len()).filter(|at| {
                let member = &self.members[*at];
                of(member) && class(member.state) == wanted
            });
            members.min_by_key(|at| by(&self.members[*at]))
        })
    }

    fn give_up(&mut self, at: usize, now: u32) {
        let member = self.members.remove(at);
        match class(member.state) {
            _ if member.is_over(now) => self.counters.expired += 1,
            Class::Closing => self.counters.evicted_closing += 1,
            _ => self.counters.evicted_embryonic += 1,
        }
    }

    pub(crate) fn advance(
        &mut self,
        id: FlowId,
        way: Direction,
        transport: &Transport,
        now: Tick,
    ) -> Advance {
        let now = self.tick(now);
        self.moves += 1;
        let moves = self.moves;
        let refused = Advance::Refused(DropReason::NoFlow);
        let Some(member) = self.members.iter_mut().find(|member| member.id == id) else {
            return refused;
        };
        match member.next(way == Direction::Reply, transport) {
            Hold => Advance::Pass,
            Reopen => Advance::Reopen,
            Refuse => refused,
            To(state) => {
                if (state, now) != (member.state, member.last_seen) {
                    member.moved = moves;
                }
                if state == S::TcpReset {
                    member.marks = [false; 2];
                }
                (member.state, member.last_seen) = (state, now);
                Advance::Pass
            }
        }
    }

    pub(crate) fn allow_icmp_error(&mut self, id: FlowId, now: Tick) -> bool {
        let now = self.tick(now);
        let Some(member) = self.members.iter_mut().find(|member| member.id == id) else {
            return false;
        };
        // Those that have passed since the first of the current second.
        if member.errors.first().is_some_and(|first| now - first >= 16) {
            member.errors.clear();
        }
        if member.errors.len() == 10 {
            self.counters.refused_icmp += 1;
            return false;
        }
        member.errors.push(now);
        true
    }

    pub(crate) fn remove(&mut self, id: FlowId) -> bool {
        let before = self.members.len();
        self.members.retain(|member| member.id != id);
        self.counters.removed += u64::from(self.members.len() < before);
        self.members.len() < before
    }

    pub(crate) fn purge(&mut self, owner: u32) -> usize {
        let before = self.members.len();
        self.members.retain(|member| member.new.owner != owner);
        let purged = before - self.members.len();
        self.counters.purged += u64::try_from(purged).unwrap();
        purged
    }

    pub(crate) fn expire(&mut self, now: Tick) -> usize {
        let now = self.tick(now);
        let before = self.members.len();
        self.members.retain(|member| !member.is_over(now));
        let expired = before - self.members.len();
        self.counters.expired += u64::try_from(expired).unwrap();
        expired
    }
}

/// Returns an id that no flow of another table has had: it stands until the table has given one.
fn unknown() -> FlowId {
    use crate::common::{from, insert, table};
    let mut other = table(FlowLimits::new(1, 1));
    insert(&mut other, from(0, 0).udp(Direction::Original), Tick(0)).unwrap()
}
