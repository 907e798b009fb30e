//! A flow as it is stored, as it is handed in and as it is shown.

use super::key::{self, FlowKey};
use super::list::{Chain, Links};
use super::machine::{Marks, Stage};
use super::slab::Place;
use super::{Direction, State, Tuple};
use crate::wire::Transport;
use crate::{PortId, Tick};

/// A flow of a table. It is of no use with another table, and finds nothing once the flow is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FlowId {
    pub(super) index: u32,
    pub(super) generation: u32,
}

/// A flow that is to be stored: its first packet, and what was decided about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewFlow {
    /// The tuple of the packet.
    pub tuple: Tuple,
    /// The port the packet came in by; packets of the original direction match by this port alone.
    pub original_port: PortId,
    /// The port the packet leaves by; replies match by this port alone.
    pub reply_port: PortId,
    /// Who began it, for the quota: a number below [`FlowLimits::owners`](super::FlowLimits::owners).
    pub owner: u32,
    /// The epoch of the policies that allowed it.
    pub epoch: u32,
    /// The rule that allowed it, for the log; the table gives it no meaning.
    pub rule: u32,
    /// The transport header of the packet.
    pub transport: Transport,
}

/// What is known of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow {
    /// The tuple of its first packet: what policies judge.
    pub original: Tuple,
    /// The port that its first packet came in by.
    pub original_port: PortId,
    /// The port that replies come in by.
    pub reply_port: PortId,
    /// Who began it.
    pub owner: u32,
    /// The epoch of the policies by which it was judged last.
    pub epoch: u32,
    /// The rule that allowed it.
    pub rule: u32,
    /// How far it has come.
    pub state: State,
    /// Whether a packet of the reply direction was seen.
    pub seen_reply: bool,
    /// Whether it lives although the policies of its epoch deny it.
    pub grandfathered: bool,
    /// When its timer was started last.
    pub last_seen: Tick,
}

/// A flow as it is stored.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) key: FlowKey,
    pub(super) by_age: Links,
    pub(super) by_owner: Links,
    pub(super) last_seen: Tick,
    pub(super) epoch: u32,
    pub(super) rule: u32,
    pub(super) owner: u32,
    pub(super) icmp_since: Tick,
    pub(super) icmp_errors: u8,
    pub(super) stage: Stage,
    pub(super) original_port: PortId,
    pub(super) reply_port: PortId,
    pub(super) original_from_lo: bool,
    pub(super) seen_reply: bool,
    pub(super) grandfathered: bool,
}

// A table of 262 144 flows stays at about 25 MB.
const _: () = assert!(size_of::<Place<Entry>>() <= 96);

impl Entry {
    pub(super) fn new(
        new: &NewFlow,
        (key, original_from_lo): (FlowKey, bool),
        stage: Stage,
        now: Tick,
    ) -> Self {
        Self {
            key,
            by_age: Links::NONE,
            by_owner: Links::NONE,
            last_seen: now,
            epoch: new.epoch,
            rule: new.rule,
            owner: new.owner,
            icmp_since: now,
            icmp_errors: 0,
            stage,
            original_port: new.original_port,
            reply_port: new.reply_port,
            original_from_lo,
            seen_reply: false,
            grandfathered: false,
        }
    }

    pub(super) const fn is_expired(&self, now: Tick) -> bool {
        now.since(self.last_seen) >= self.stage.state.queue().timeout()
    }

    /// Returns the direction of a packet that comes from the lower or the higher end.
    pub(super) const fn direction(&self, from_lo: bool) -> Direction {
        key::direction(from_lo, self.original_from_lo)
    }

    /// Returns the port that packets of a direction come in by.
    pub(super) const fn port(&self, direction: Direction) -> PortId {
        match direction {
            Direction::Original => self.original_port,
            Direction::Reply => self.reply_port,
        }
    }

    /// Returns whether a new flow between the same ends must not take its place: nobody has begun to end it.
    pub(super) fn is_guarded(&self) -> bool {
        self.stage.state.is_assured() && self.stage.marks == Marks::NONE
    }

    pub(super) fn show(&self) -> Flow {
        Flow {
            original: self.key.tuple(self.original_from_lo),
            original_port: self.original_port,
            reply_port: self.reply_port,
            owner: self.owner,
            epoch: self.epoch,
            rule: self.rule,
            state: self.stage.state,
            seen_reply: self.seen_reply,
            grandfathered: self.grandfathered,
            last_seen: self.last_seen,
        }
    }
}

/// The flows of a timeout.
pub(super) struct ByAge;

/// The flows of an owner that can make room for others of it.
pub(super) struct ByOwner;

impl Chain for ByAge {
    type Entry = Entry;

    fn links(entry: &Entry) -> &Links {
        &entry.by_age
    }

    fn links_mut(entry: &mut Entry) -> &mut Links {
        &mut entry.by_age
    }
}

impl Chain for ByOwner {
    type Entry = Entry;

    fn links(entry: &Entry) -> &Links {
        &entry.by_owner
    }

    fn links_mut(entry: &mut Entry) -> &mut Links {
        &mut entry.by_owner
    }
}
