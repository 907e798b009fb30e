//! The table of flows.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;

use super::counters::Loss;
use super::entry::{ByAge, Entry};
use super::key::FlowKey;
use super::list::List;
use super::machine::{self, Stage, Step};
use super::owners::Owners;
use super::slab::Slab;
use super::state::Queue;
use super::{Direction, Flow, FlowCounters, FlowId, NewFlow, Tuple};
use crate::wire::{Ip, Quoted, Transport};
use crate::{DropReason, PortId, Tick};

/// How many flows may stay over their time for one call of [`FlowTable::expire`]: more than a batch of frames can
/// begin, few enough not to be felt.
const EXPIRED_AT_ONCE: usize = 128;

/// How many ICMP errors may pass for one flow in [`ICMP_WINDOW`].
const ICMP_ERRORS: u8 = 10;

/// The least number of ticks that last a second.
const ICMP_WINDOW: u32 = Tick::of_seconds(1) + 1;

/// How much a table holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowLimits {
    /// How many flows there may be, at least one.
    pub capacity: u32,
    /// How many owners there are: one for each pod, and one for all addresses outside.
    pub owners: u32,
    /// How many flows one owner may have.
    pub quota: u32,
    /// How many flows may be embryonic.
    pub embryonic: u32,
}

impl FlowLimits {
    /// How many flows there may be where nothing else is said.
    pub const CAPACITY: u32 = 262_144;

    /// Returns the limits for a capacity: an eighth of it for each owner, half of it for embryonic flows.
    pub fn new(capacity: u32, owners: u32) -> Self {
        let capacity = capacity.clamp(1, u32::MAX / 4);
        Self { capacity, owners, quota: (capacity / 8).max(1), embryonic: (capacity / 2).max(1) }
    }
}

/// What a packet that was found to belong to a flow may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advance {
    /// It passes.
    Pass,
    /// It begins a new connection between the same ends, in the direction it travels: judge it as the first packet of
    /// a new flow. If it is allowed, [`FlowTable::insert`] puts the new flow in the place of the old one; if it is
    /// denied, the old one stays.
    Reopen,
    /// It must be dropped.
    Refused(DropReason),
}

/// Connections that were allowed, and how far each has come.
///
/// Memory for all of them is reserved by [`new`](Self::new) and never grows. Time is what the caller says; a clock that
/// goes backwards stands still. A refresh within one tick does not move a flow.
///
/// Three limits hold. An owner has at most its quota, *all* its flows counted, so that no pod can fill the table with
/// any kind of flow: at its quota a new flow takes the place of its own oldest closing flow, else of its own oldest
/// embryonic one, and is refused when all are assured. Embryonic flows have at most half of the table: a new one takes
/// the place of the oldest. In a full table a new flow takes the place of one whose time is over, else of the oldest
/// closing one, else of the oldest embryonic one, and is refused when all are assured.
#[derive(Clone, Debug)]
pub struct FlowTable<S = RandomState> {
    pub(super) limits: FlowLimits,
    pub(super) slab: Slab<Entry>,
    pub(super) queues: [List; Queue::ALL.len()],
    pub(super) owners: Owners,
    pub(super) counters: FlowCounters,
    index: HashTable<u32>,
    hasher: S,
    clock: Tick,
    /// What was found last.
    last: Option<FlowId>,
}

impl FlowTable {
    /// Makes an empty table whose hash has a random key: whoever chooses ports cannot choose collisions.
    pub fn new(limits: FlowLimits) -> Self {
        Self::with_hasher(limits, RandomState::new())
    }
}

impl<S: BuildHasher> FlowTable<S> {
    /// Makes an empty table with a hash of the caller's choice.
    pub fn with_hasher(limits: FlowLimits, hasher: S) -> Self {
        let slab = Slab::new(limits.capacity);
        // Twice the room: entries that were removed then never make the index allocate (it rehashes in place while at
        // most half of it is in use), and hardly ever leave a mark that makes it rehash.
        let index = HashTable::with_capacity(limits.capacity as usize * 2);
        let owners = Owners::new(limits.owners);
        let queues = [List::EMPTY; Queue::ALL.len()];
        let (counters, clock) = (FlowCounters::default(), Tick::default());
        Self { limits, slab, queues, owners, counters, index, hasher, clock, last: None }
    }

    /// Returns how much the table holds.
    pub const fn limits(&self) -> FlowLimits {
        self.limits
    }

    /// Returns what was counted.
    pub const fn counters(&self) -> FlowCounters {
        self.counters
    }

    /// Returns how many flows there are; some may be over their time.
    pub const fn len(&self) -> usize {
        self.counters.held() as usize
    }

    /// Returns whether there are no flows.
    pub const fn is_empty(&self) -> bool {
        self.counters.held() == 0
    }

    /// Finds the flow of a packet that came in by a port, and the direction of the packet.
    ///
    /// A flow whose time is over is removed and not found. A packet that comes in by another port than the one of its
    /// direction is none of the flow's.
    pub fn find(
        &mut self,
        tuple: &Tuple,
        arrival: PortId,
        now: Tick,
    ) -> Option<(FlowId, Direction)> {
        self.find_at(FlowKey::split(tuple), arrival, now)
    }

    /// Does what [`find`](Self::find) does, for a packet that is whole or the first fragment of a datagram.
    #[inline]
    pub fn find_packet(
        &mut self,
        ip: &Ip,
        zone: u16,
        arrival: PortId,
        now: Tick,
    ) -> Option<(FlowId, Direction)> {
        self.find_at(FlowKey::of_packet(ip, zone), arrival, now)
    }

    #[inline]
    fn find_at(
        &mut self,
        (key, from_lo): (FlowKey, bool),
        arrival: PortId,
        now: Tick,
    ) -> Option<(FlowId, Direction)> {
        let id = self.found_last(&key).or_else(|| {
            let index = self.find_index(&key, self.hasher.hash_one(key))?;
            self.id(index)
        })?;
        self.last = Some(id);
        let direction = self.unless_expired(id.index, from_lo, now)?;
        let entry = self.slab.get(id.index).filter(|entry| entry.port(direction) == arrival);
        entry.map(|_| (id, direction))
    }

    /// Returns the flow that was found last if it is this one: packets of one flow often come one behind the other.
    #[inline]
    fn found_last(&self, key: &FlowKey) -> Option<FlowId> {
        let last = self.last?;
        self.entry(last).filter(|entry| entry.key == *key).map(|_| last)
    }

    /// Finds the flow of the packet that an ICMP error is about, and the direction of that packet.
    ///
    /// An error travels against its packet: it comes in by the port that the packet left by. That it goes to the source
    /// of the packet is for the caller to check.
    pub fn find_quoted(
        &mut self,
        quoted: &Quoted,
        zone: u16,
        arrival: PortId,
        now: Tick,
    ) -> Option<(FlowId, Direction)> {
        Tuple::quoted(quoted, zone).find_map(|tuple| {
            let (key, from_lo) = FlowKey::split(&tuple);
            let hash = self.hasher.hash_one(key);
            let (index, direction) = self.find_any(&key, hash, from_lo, now)?;
            let entry = self.slab.get(index)?;
            let id = self.id(index).filter(|_| entry.port(direction.opposite()) == arrival)?;
            Some((id, direction))
        })
    }

    /// Stores a flow.
    ///
    /// One between the same ends makes place for it, unless it is assured and neither end has begun to close it; it is
    /// gone even if there is no room for the new one.
    ///
    /// # Errors
    ///
    /// [`DropReason::NoFlow`] if the packet cannot begin a flow ([`Start::Never`](super::Start::Never)), or if an assured
    /// flow that neither end has begun to close has the same ends; [`DropReason::PodQuota`] if the owner has its
    /// quota in assured flows, or is none; [`DropReason::FlowTableFull`] if all flows are assured.
    pub fn insert(&mut self, new: &NewFlow, now: Tick) -> Result<FlowId, DropReason> {
        let now = self.tick(now);
        let stage = machine::start(&new.transport).ok_or(DropReason::NoFlow)?;
        let (key, from_lo) = FlowKey::split(&new.tuple);
        let hash = self.hasher.hash_one(key);
        self.take_place(&key, hash, now)?;
        self.make_room(new.owner, now)?;
        let entry = Entry::new(new, (key, from_lo), stage, now);
        let (index, generation) = self.slab.insert(entry).ok_or(DropReason::FlowTableFull)?;
        let Self { slab, hasher, .. } = self;
        // INVARIANT: every index in the table is that of an entry; the constant is never a hash.
        let rehash = |index: &u32| slab.get(*index).map_or(0, |entry| hasher.hash_one(entry.key));
        self.index.insert_unique(hash, index, rehash);
        self.link(index);
        self.counters.inserted += 1;
        Ok(FlowId { index, generation })
    }

    /// Lets a packet of a flow change its state and start its timer anew.
    ///
    /// A flow that is gone refuses it with [`DropReason::NoFlow`].
    pub fn advance(
        &mut self,
        id: FlowId,
        direction: Direction,
        transport: &Transport,
        now: Tick,
    ) -> Advance {
        let now = self.tick(now);
        let refused = Advance::Refused(DropReason::NoFlow);
        let Some(entry) = self.entry_mut(id) else { return refused };
        match machine::step(entry.stage, direction, transport) {
            Step::Reopen => return Advance::Reopen,
            Step::Refuse => return refused,
            Step::Hold => entry.seen_reply |= direction == Direction::Reply,
            Step::Become(stage) => {
                entry.seen_reply |= direction == Direction::Reply;
                self.refresh(id.index, stage, now);
            }
        }
        Advance::Pass
    }

    /// Returns what is known of a flow; none if it is gone.
    pub fn get(&self, id: FlowId) -> Option<Flow> {
        self.entry(id).map(Entry::show)
    }

    /// Returns the epoch of the policies by which a flow was judged last; none if it is gone.
    pub fn epoch(&self, id: FlowId) -> Option<u32> {
        self.entry(id).map(|entry| entry.epoch)
    }

    /// Returns the port that a packet of a flow leaves by; none if the flow is gone.
    pub fn out_port(&self, id: FlowId, direction: Direction) -> Option<PortId> {
        self.entry(id).map(|entry| entry.port(direction.opposite()))
    }

    /// Notes that the policies of an epoch allow a flow, by this rule. Returns whether the flow is there.
    pub fn renew(&mut self, id: FlowId, epoch: u32, rule: u32) -> bool {
        let Some(entry) = self.entry_mut(id) else { return false };
        (entry.epoch, entry.rule, entry.grandfathered) = (epoch, rule, false);
        true
    }

    /// Notes that the policies of an epoch deny a flow, and that it shall live. Returns whether the flow is there.
    pub fn grandfather(&mut self, id: FlowId, epoch: u32) -> bool {
        let Some(entry) = self.entry_mut(id) else { return false };
        (entry.epoch, entry.grandfathered) = (epoch, true);
        true
    }

    /// Returns whether a flow lives although the policies of its epoch deny it.
    pub fn is_grandfathered(&self, id: FlowId) -> bool {
        self.entry(id).is_some_and(|entry| entry.grandfathered)
    }

    /// Removes a flow. Returns whether it was there.
    pub fn remove(&mut self, id: FlowId) -> bool {
        let there = self.entry(id).is_some();
        if there {
            self.discard(id.index, Loss::Removed);
        }
        there
    }

    /// Returns whether another ICMP error may pass for a flow: at most ten in a second, counted from the first of
    /// them. The flow's timer goes on.
    pub fn allow_icmp_error(&mut self, id: FlowId, now: Tick) -> bool {
        let now = self.tick(now);
        let Some(entry) = self.entry_mut(id) else { return false };
        if entry.icmp_errors == 0 || now.since(entry.icmp_since) >= ICMP_WINDOW {
            (entry.icmp_since, entry.icmp_errors) = (now, 0);
        }
        let allowed = entry.icmp_errors < ICMP_ERRORS;
        if allowed {
            entry.icmp_errors += 1;
        } else {
            self.counters.refused_icmp += 1;
        }
        allowed
    }

    /// Removes every flow that is not to be kept and returns how many: for addresses that have changed hands. It looks
    /// at all flows.
    pub fn purge(&mut self, keep: impl Fn(&Flow) -> bool) -> usize {
        let before = self.counters.purged;
        for queue in Queue::ALL {
            let mut next = self.oldest(queue);
            while let Some(index) = next {
                next = List::after::<ByAge>(&self.slab, index);
                if self.slab.get(index).is_some_and(|entry| !keep(&entry.show())) {
                    self.discard(index, Loss::Purged);
                }
            }
        }
        usize::try_from(self.counters.purged - before).unwrap_or(usize::MAX)
    }

    /// Removes flows whose time is over, 128 at most, and returns how many.
    pub fn expire(&mut self, now: Tick) -> usize {
        let now = self.tick(now);
        let mut count = 0;
        for queue in Queue::ALL {
            while count < EXPIRED_AT_ONCE
                && let Some(index) = self.overdue(queue, now)
            {
                self.discard(index, Loss::Expired);
                count += 1;
            }
        }
        count
    }

    /// Returns the index of the flow between two ends, whatever the port, and the direction of a packet from the lower or
    /// the higher end.
    #[inline]
    fn find_any(
        &mut self,
        key: &FlowKey,
        hash: u64,
        from_lo: bool,
        now: Tick,
    ) -> Option<(u32, Direction)> {
        let index = self.find_index(key, hash)?;
        self.unless_expired(index, from_lo, now).map(|direction| (index, direction))
    }

    #[inline]
    fn find_index(&self, key: &FlowKey, hash: u64) -> Option<u32> {
        let is_it = |index: &u32| self.slab.get(*index).is_some_and(|entry| entry.key == *key);
        self.index.find(hash, is_it).copied()
    }

    /// Returns the direction of a packet from the lower or the higher end; a flow whose time is over is removed.
    #[inline]
    fn unless_expired(&mut self, index: u32, from_lo: bool, now: Tick) -> Option<Direction> {
        let now = self.tick(now);
        let entry = self.slab.get(index)?;
        if entry.is_expired(now) {
            self.discard(index, Loss::Expired);
            return None;
        }
        Some(entry.direction(from_lo))
    }

    /// Removes a flow between the same ends as a new one, unless it must stay.
    fn take_place(&mut self, key: &FlowKey, hash: u64, now: Tick) -> Result<(), DropReason> {
        let Some((index, _)) = self.find_any(key, hash, true, now) else { return Ok(()) };
        if self.slab.get(index).is_some_and(Entry::is_guarded) {
            self.counters.refused_taken += 1;
            return Err(DropReason::NoFlow);
        }
        self.discard(index, Loss::Replaced);
        Ok(())
    }

    /// Puts a flow into a stage and at the end of its queue.
    fn refresh(&mut self, index: u32, stage: Stage, now: Tick) {
        let Some(entry) = self.slab.get_mut(index) else { return };
        if entry.last_seen == now && entry.stage.state == stage.state {
            entry.stage = stage;
            return;
        }
        self.unlink(index);
        if let Some(entry) = self.slab.get_mut(index) {
            (entry.stage, entry.last_seen) = (stage, now);
        }
        self.link(index);
    }

    fn link(&mut self, index: u32) {
        let Some(entry) = self.slab.get(index) else { return };
        let queue = entry.stage.state.queue();
        *self.counters.of_mut(queue.class()) += 1;
        if let Some(list) = self.queues.get_mut(queue as usize) {
            list.push::<ByAge>(&mut self.slab, index);
        }
        self.owners.link(&mut self.slab, index);
    }

    fn unlink(&mut self, index: u32) {
        let Some(entry) = self.slab.get(index) else { return };
        let queue = entry.stage.state.queue();
        *self.counters.of_mut(queue.class()) -= 1;
        if let Some(list) = self.queues.get_mut(queue as usize) {
            list.unlink::<ByAge>(&mut self.slab, index);
        }
        self.owners.unlink(&mut self.slab, index);
    }

    /// Removes a flow that is there.
    pub(super) fn discard(&mut self, index: u32, loss: Loss) {
        let Some(entry) = self.slab.get(index) else { return };
        let hash = self.hasher.hash_one(entry.key);
        if let Ok(found) = self.index.find_entry(hash, |other| *other == index) {
            found.remove();
        }
        self.unlink(index);
        self.slab.release(index);
        self.counters.lose(loss);
    }

    fn id(&self, index: u32) -> Option<FlowId> {
        self.slab.generation(index).map(|generation| FlowId { index, generation })
    }

    fn entry(&self, id: FlowId) -> Option<&Entry> {
        self.slab.get(id.index).filter(|_| self.id(id.index) == Some(id))
    }

    fn entry_mut(&mut self, id: FlowId) -> Option<&mut Entry> {
        if self.id(id.index) == Some(id) { self.slab.get_mut(id.index) } else { None }
    }

    fn tick(&mut self, now: Tick) -> Tick {
        self.clock = self.clock.max(now);
        self.clock
    }
}
