//! Room for a new flow: which flow makes place for it, if any may.

use std::hash::BuildHasher;

use super::counters::Loss;
use super::state::Queue;
use super::{Class, FlowTable};
use crate::{DropReason, Tick};

impl<S: BuildHasher> FlowTable<S> {
    /// Makes room for one embryonic flow of an owner.
    pub(super) fn make_room(&mut self, owner: u32, now: Tick) -> Result<(), DropReason> {
        self.make_room_for_owner(owner, now)?;
        if self.counters.embryonic >= self.limits.embryonic
            && let Some(index) = self.oldest_of(Class::Embryonic)
        {
            self.give_up(index, now);
        }
        self.make_room_in_table(now)
    }

    /// At its quota an owner gives up a flow of its own, so that it harms nobody else.
    fn make_room_for_owner(&mut self, owner: u32, now: Tick) -> Result<(), DropReason> {
        let held = self.owners.held(owner);
        if held.is_some_and(|held| held < self.limits.quota) {
            return Ok(());
        }
        let Some(index) = self.owners.spare(owner) else {
            self.counters.refused_quota += 1;
            return Err(DropReason::PodQuota);
        };
        self.give_up(index, now);
        Ok(())
    }

    fn make_room_in_table(&mut self, now: Tick) -> Result<(), DropReason> {
        if self.counters.held() < self.slab.capacity() {
            return Ok(());
        }
        let overdue = Queue::ALL.into_iter().find_map(|queue| self.overdue(queue, now));
        let spare = overdue
            .or_else(|| self.oldest_of(Class::Closing))
            .or_else(|| self.oldest_of(Class::Embryonic));
        let Some(index) = spare else {
            self.counters.refused_full += 1;
            return Err(DropReason::FlowTableFull);
        };
        self.give_up(index, now);
        Ok(())
    }

    fn give_up(&mut self, index: u32, now: Tick) {
        let Some(entry) = self.slab.get(index) else { return };
        let evicted = Loss::Evicted(entry.stage.state.class());
        let loss = if entry.is_expired(now) { Loss::Expired } else { evicted };
        self.discard(index, loss);
    }

    /// Returns the flow of a queue that was refreshed longest ago.
    pub(super) fn oldest(&self, queue: Queue) -> Option<u32> {
        self.queues.get(queue as usize)?.first()
    }

    /// Returns the flow of a queue that was refreshed longest ago, if its time is over.
    pub(super) fn overdue(&self, queue: Queue, now: Tick) -> Option<u32> {
        self.oldest(queue)
            .filter(|index| self.slab.get(*index).is_some_and(|entry| entry.is_expired(now)))
    }

    /// Returns the flow of a class that was refreshed longest ago; of several, that of the first queue.
    fn oldest_of(&self, class: Class) -> Option<u32> {
        let queues = Queue::ALL.into_iter().filter(|queue| queue.class() == class);
        let oldest = queues.filter_map(|queue| self.oldest(queue));
        oldest.min_by_key(|index| self.slab.get(*index).map(|entry| entry.last_seen))
    }
}
