//! The table of fragmented datagrams.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;

use super::cover::{Cover, Placement, Stretch, UNIT};
use super::entry::{ByAge, Entry};
use super::limits::Held;
use super::{Decided, Fate, FragId, FragKey, FragLimits};
use crate::flow::list::{Links, List};
use crate::flow::slab::Slab;
use crate::wire::Fragment;
use crate::{DropReason, Tick};

/// How long a datagram is remembered from its first fragment on.
const TIMEOUT: u32 = Tick::of_seconds(15);

/// How many datagrams one call of [`FragTable::expire`] forgets at most.
const EXPIRED_AT_ONCE: usize = 128;

/// What a fragment is to the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// The first fragment of a datagram that is not known: judge it, then [`FragTable::insert`] the decision.
    First,
    /// Another one of a datagram that was decided. The id finds nothing if this was the last that was missing.
    Known(FragId, Decided),
}

/// How many datagrams there are, and what has happened since the table was made.
///
/// Always: `inserted` = `held` + `completed` + `expired` + `evicted` + `removed`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FragCounters {
    /// Datagrams that are remembered, now.
    pub held: u32,
    /// Datagrams whose first fragment was stored.
    pub inserted: u64,
    /// Datagrams that were forgotten because all of their fragments have come.
    pub completed: u64,
    /// Datagrams that were forgotten because their time was over.
    pub expired: u64,
    /// Datagrams to be dropped that made room for another.
    pub evicted: u64,
    /// Datagrams that the caller removed.
    pub removed: u64,
    /// Datagrams whose fragments contradicted each other.
    pub condemned: u64,
    /// Fragments that came twice.
    pub duplicates: u64,
    /// First fragments for which there was no room.
    pub refused_full: u64,
    /// First fragments that were refused because their owner has its quota in datagrams that are being forwarded.
    pub refused_quota: u64,
}

/// What was decided about datagrams that come in fragments, and which bytes of them have come.
///
/// Memory for all of them is reserved by [`new`](Self::new) and never grows. A datagram is forgotten when all its bytes
/// have come, so that its identification can be used again at once, or 15 seconds after its first fragment.
///
/// A fragment that covers exactly what one before it covered is dropped alone, since networks duplicate packets; any
/// other overlap, a second end and bytes beyond the end condemn the datagram: nothing more of it passes for 15 seconds
/// (RFC 5722; RFC 8200, section 4.5, allows both). Bytes are not compared: of two fragments with the same place the
/// first one was forwarded and the second one never is.
///
/// In a full table a new datagram takes the place of one whose time is over, else of the oldest one that is being
/// dropped: forgetting that one lets nothing pass, since a fragment of an unknown datagram is dropped as well. A
/// datagram that is being forwarded never makes room. An owner has at most its quota in those, so that no pod takes the
/// place of all others by datagrams that it never ends.
#[derive(Clone, Debug)]
pub struct FragTable<S = RandomState> {
    slab: Slab<Entry>,
    cover: Cover,
    forwarded: List,
    dropped: List,
    held: Held,
    counters: FragCounters,
    index: HashTable<u32>,
    hasher: S,
    clock: Tick,
}

/// Why a datagram is forgotten.
#[derive(Clone, Copy)]
enum Loss {
    Completed,
    Expired,
    Evicted,
    Removed,
}

impl FragTable {
    /// Makes an empty table whose hash has a random key: whoever chooses identifications cannot choose collisions.
    pub fn new(limits: FragLimits) -> Self {
        Self::with_hasher(limits, RandomState::new())
    }
}

impl<S: BuildHasher> FragTable<S> {
    /// Makes an empty table with a hash of the caller's choice.
    pub fn with_hasher(limits: FragLimits, hasher: S) -> Self {
        let capacity = limits.capacity;
        Self {
            slab: Slab::new(capacity),
            cover: Cover::new(capacity),
            forwarded: List::EMPTY,
            dropped: List::EMPTY,
            held: Held::new(limits),
            counters: FragCounters::default(),
            // Twice the room, as in the table of flows: it then never allocates.
            index: HashTable::with_capacity(capacity as usize * 2),
            hasher,
            clock: Tick::default(),
        }
    }

    /// Returns what was counted.
    pub const fn counters(&self) -> FragCounters {
        self.counters
    }

    /// Returns how many datagrams are remembered; some may be over their time.
    pub const fn len(&self) -> usize {
        self.counters.held as usize
    }

    /// Returns whether no datagram is remembered.
    pub const fn is_empty(&self) -> bool {
        self.counters.held == 0
    }

    /// Looks at a fragment before anything else is decided about it.
    ///
    /// # Errors
    ///
    /// The reason to drop it: [`DropReason::FragmentNoFirst`] if the first fragment was not seen;
    /// [`DropReason::FragmentOverlap`] if it overlaps, comes twice, contradicts where the datagram ends, or belongs to
    /// a datagram that was condemned; [`DropReason::FragmentTiny`] if it would write over the transport header;
    /// [`DropReason::Ipv4Header`] or [`DropReason::Ipv6Length`] if it is empty, ends beyond 65 535 bytes, or has others
    /// after it and no multiple of eight bytes.
    pub fn accept(
        &mut self,
        key: &FragKey,
        fragment: &Fragment,
        now: Tick,
    ) -> Result<Arrival, DropReason> {
        let now = self.tick(now);
        check(key, fragment)?;
        let Some(id) = self.find(key, now) else {
            let first = fragment.offset == 0;
            return if first { Ok(Arrival::First) } else { Err(DropReason::FragmentNoFirst) };
        };
        let entry = *self.slab.get(id.index).ok_or(DropReason::FragmentNoFirst)?;
        self.fit(id.index, &entry, fragment, now)?;
        self.add(id.index, fragment);
        Ok(Arrival::Known(id, entry.decided))
    }

    /// Stores what was decided about a first fragment, for which [`accept`](Self::accept) has found no datagram.
    ///
    /// # Errors
    ///
    /// The reason to drop it after all: [`DropReason::FragmentTableFull`] if there is no room;
    /// [`DropReason::PodQuota`] if it is to be forwarded and its owner has its quota, or is none;
    /// [`DropReason::FragmentTiny`] if its transport header is not all there (RFC 7112; RFC 1858);
    /// [`DropReason::FragmentOverlap`] if the datagram is known; [`DropReason::FragmentNoFirst`] if it is not a first
    /// one; and what `accept` says of a malformed one.
    pub fn insert(
        &mut self,
        key: &FragKey,
        fragment: &Fragment,
        decided: Decided,
        now: Tick,
    ) -> Result<FragId, DropReason> {
        let now = self.tick(now);
        check(key, fragment)?;
        if fragment.offset != 0 {
            return Err(DropReason::FragmentNoFirst);
        }
        if fragment.header_end > fragment.length {
            return Err(DropReason::FragmentTiny);
        }
        if self.find(key, now).is_some() {
            return Err(DropReason::FragmentOverlap);
        }
        self.check_quota(&decided, now)?;
        self.make_room(now)?;
        let id = self.store(key, fragment, decided, now)?;
        self.add(id.index, fragment);
        Ok(id)
    }

    /// Notes that the policies of an epoch decide as before. Returns whether the datagram is there.
    pub fn renew(&mut self, id: FragId, epoch: u32) -> bool {
        let there = self.is_there(id);
        let entry = self.slab.get_mut(id.index).filter(|_| there);
        entry.map(|entry| entry.decided.epoch = epoch).is_some()
    }

    /// Forgets a datagram, of which nothing more passes then. Returns whether it was there.
    pub fn remove(&mut self, id: FragId) -> bool {
        let there = self.is_there(id);
        if there {
            self.discard(id.index, Loss::Removed);
        }
        there
    }

    /// Forgets datagrams whose time is over, 128 at most, and returns how many.
    pub fn expire(&mut self, now: Tick) -> usize {
        let now = self.tick(now);
        let mut count = 0;
        while count < EXPIRED_AT_ONCE
            && let Some(index) = self.overdue(now)
        {
            self.discard(index, Loss::Expired);
            count += 1;
        }
        count
    }

    /// Returns the datagram of a key; one whose time is over is forgotten and not found.
    fn find(&mut self, key: &FragKey, now: Tick) -> Option<FragId> {
        let is_it = |index: &u32| self.slab.get(*index).is_some_and(|entry| entry.key == *key);
        let index = *self.index.find(self.hasher.hash_one(key), is_it)?;
        if self.is_overdue(index, now) {
            self.discard(index, Loss::Expired);
            return None;
        }
        self.slab.generation(index).map(|generation| FragId { index, generation })
    }

    /// Checks a fragment against those that have come, and condemns the datagram if they contradict each other.
    fn fit(
        &mut self,
        index: u32,
        entry: &Entry,
        fragment: &Fragment,
        now: Tick,
    ) -> Result<(), DropReason> {
        if entry.condemned {
            return Err(DropReason::FragmentOverlap);
        }
        if fragment.offset != 0 && fragment.offset < entry.header_end {
            self.condemn(index, now);
            return Err(DropReason::FragmentTiny);
        }
        let place = self.cover.place(index, Stretch::of(fragment.offset, fragment.length));
        if place == Placement::New && end_fits(entry, fragment) {
            return Ok(());
        }
        if place == Placement::Again && is_same_end(entry, fragment) {
            self.counters.duplicates += 1;
        } else {
            self.condemn(index, now);
        }
        Err(DropReason::FragmentOverlap)
    }

    /// Notes the bytes of a fragment that fits, and forgets the datagram if it was the last one missing.
    fn add(&mut self, index: u32, fragment: &Fragment) {
        let stretch = Stretch::of(fragment.offset, fragment.length);
        let end = fragment.offset + fragment.length;
        self.cover.add(index, stretch);
        let Some(entry) = self.slab.get_mut(index) else { return };
        entry.units += stretch.len();
        entry.reach = entry.reach.max(end);
        if !fragment.more {
            entry.end = Some(end);
        }
        if entry.end.is_some_and(|end| entry.units == end.div_ceil(UNIT)) {
            self.discard(index, Loss::Completed);
        }
    }

    fn condemn(&mut self, index: u32, now: Tick) {
        self.unlink(index);
        if let Some(entry) = self.slab.get_mut(index) {
            entry.condemned = true;
            entry.decided.fate = Fate::Drop(DropReason::FragmentOverlap);
            entry.since = now;
        }
        self.link(index);
        self.counters.condemned += 1;
    }

    fn store(
        &mut self,
        key: &FragKey,
        fragment: &Fragment,
        decided: Decided,
        now: Tick,
    ) -> Result<FragId, DropReason> {
        let entry = Entry {
            key: *key,
            decided,
            by_age: Links::NONE,
            since: now,
            header_end: fragment.header_end,
            units: 0,
            reach: 0,
            end: None,
            condemned: false,
        };
        let (index, generation) = self.slab.insert(entry).ok_or(DropReason::FragmentTableFull)?;
        let Self { slab, hasher, .. } = self;
        // INVARIANT: every index in the table is that of an entry; the constant is never a hash.
        let rehash = |index: &u32| slab.get(*index).map_or(0, |entry| hasher.hash_one(entry.key));
        self.index.insert_unique(hasher.hash_one(key), index, rehash);
        self.link(index);
        self.counters.held += 1;
        self.counters.inserted += 1;
        Ok(FragId { index, generation })
    }

    fn check_quota(&mut self, decided: &Decided, now: Tick) -> Result<(), DropReason> {
        if !is_forwarded(decided) || self.held.has_room(decided.owner) {
            return Ok(());
        }
        self.expire(now);
        if self.held.has_room(decided.owner) {
            return Ok(());
        }
        self.counters.refused_quota += 1;
        Err(DropReason::PodQuota)
    }

    fn make_room(&mut self, now: Tick) -> Result<(), DropReason> {
        if self.counters.held < self.slab.capacity() {
            return Ok(());
        }
        if let Some(index) = self.overdue(now) {
            self.discard(index, Loss::Expired);
        } else if let Some(index) = self.dropped.first() {
            self.discard(index, Loss::Evicted);
        } else {
            self.counters.refused_full += 1;
            return Err(DropReason::FragmentTableFull);
        }
        Ok(())
    }

    /// Returns a datagram whose time is over.
    fn overdue(&self, now: Tick) -> Option<u32> {
        let oldest = [self.forwarded.first(), self.dropped.first()];
        oldest.into_iter().flatten().find(|index| self.is_overdue(*index, now))
    }

    fn is_overdue(&self, index: u32, now: Tick) -> bool {
        self.slab.get(index).is_some_and(|entry| now.since(entry.since) >= TIMEOUT)
    }

    /// Forgets a datagram that is there.
    fn discard(&mut self, index: u32, loss: Loss) {
        let Some(entry) = self.slab.get(index) else { return };
        self.cover.clear(index, entry.reach);
        let hash = self.hasher.hash_one(entry.key);
        if let Ok(found) = self.index.find_entry(hash, |other| *other == index) {
            found.remove();
        }
        self.unlink(index);
        self.slab.release(index);
        self.counters.held -= 1;
        let count = match loss {
            Loss::Completed => &mut self.counters.completed,
            Loss::Expired => &mut self.counters.expired,
            Loss::Evicted => &mut self.counters.evicted,
            Loss::Removed => &mut self.counters.removed,
        };
        *count += 1;
    }

    fn link(&mut self, index: u32) {
        let Some(decided) = self.slab.get(index).map(|entry| entry.decided) else { return };
        if is_forwarded(&decided) {
            self.forwarded.push::<ByAge>(&mut self.slab, index);
            self.held.add(decided.owner);
        } else {
            self.dropped.push::<ByAge>(&mut self.slab, index);
        }
    }

    fn unlink(&mut self, index: u32) {
        let Some(decided) = self.slab.get(index).map(|entry| entry.decided) else { return };
        if is_forwarded(&decided) {
            self.forwarded.unlink::<ByAge>(&mut self.slab, index);
            self.held.take(decided.owner);
        } else {
            self.dropped.unlink::<ByAge>(&mut self.slab, index);
        }
    }

    fn is_there(&self, id: FragId) -> bool {
        self.slab.generation(id.index) == Some(id.generation)
    }

    fn tick(&mut self, now: Tick) -> Tick {
        self.clock = self.clock.max(now);
        self.clock
    }
}

const fn is_forwarded(decided: &Decided) -> bool {
    matches!(decided.fate, Fate::Forward { .. })
}

/// Checks what a fragment says of itself.
fn check(key: &FragKey, fragment: &Fragment) -> Result<(), DropReason> {
    let Fragment { offset, length, more, .. } = *fragment;
    let fits = offset.checked_add(length).is_some_and(|end| end <= key.limit());
    let aligned = offset % UNIT == 0 && (!more || length % UNIT == 0);
    if fits && aligned && length > 0 { Ok(()) } else { Err(key.malformed()) }
}

/// Returns whether a fragment agrees with where the datagram ends, and none that has come lies beyond it.
fn end_fits(entry: &Entry, fragment: &Fragment) -> bool {
    let end = fragment.offset + fragment.length;
    match entry.end {
        Some(known) => fragment.more && end <= known,
        None => fragment.more || end >= entry.reach,
    }
}

/// Returns whether a fragment that comes twice says the same of the datagram's end as it did before.
fn is_same_end(entry: &Entry, fragment: &Fragment) -> bool {
    let end = fragment.offset + fragment.length;
    match entry.end {
        // Beside the last fragment none ends where the datagram does, nor beyond it within the same unit.
        Some(known) if fragment.more => end < known,
        Some(known) => end == known,
        None => fragment.more,
    }
}
