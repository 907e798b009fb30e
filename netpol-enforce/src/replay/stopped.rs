//! Connections that the policies do not let begin. On a wire nothing would follow; in a capture the rest is there.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

use super::book::Place;
use crate::Tick;
use crate::flow::{Start, Tuple};
use crate::wire::{Ip, Transport};

const TCP: u8 = 6;

/// A connection that is denied.
#[derive(Clone, Copy, Debug)]
struct Entry {
    place: Place,
    last_seen: Tick,
    /// Whether the other end has answered since the last beginning.
    answered: bool,
}

impl Entry {
    /// Returns whether its time is over: TCP and the rest last as long as established flows do.
    fn is_over(&self, protocol: u8, now: Tick) -> bool {
        let seconds = if protocol == TCP { 8_000 } else { 120 };
        now.since(self.last_seen) >= Tick::of_seconds(seconds)
    }
}

/// What the fragments of a datagram share.
type Datagram = (IpAddr, IpAddr, u8, u32, u16);

/// Connections that are denied, as many as there is room for.
#[derive(Debug)]
pub(super) struct Stopped {
    room: usize,
    entries: HashMap<Tuple, Entry>,
    swept: Tick,
    forgotten: u64,
    fragments_room: usize,
    /// Whose the fragments of a datagram are, and in which order they came.
    fragments: HashMap<Datagram, Place>,
    order: VecDeque<Datagram>,
}

impl Stopped {
    pub(super) fn new(room: u32, fragments: u32) -> Self {
        let [room, fragments_room] =
            [room, fragments].map(|room| usize::try_from(room).unwrap_or(usize::MAX));
        let (entries, fragments, order) = (HashMap::new(), HashMap::new(), VecDeque::new());
        let (swept, forgotten) = (Tick::default(), 0);
        Self { room, entries, swept, forgotten, fragments_room, fragments, order }
    }

    /// Returns how many connections there was no room for.
    pub(super) const fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Returns where the denied connection of a packet is written down, and whether the packet begins another one
    /// between the same ports. A packet that asks for a connection against the direction of a denied one of TCP is
    /// none of it.
    pub(super) fn find(&mut self, ip: &Ip, zone: u16, now: Tick) -> Option<(Place, bool)> {
        match &ip.transport {
            Transport::Later => self.fragments.get(&datagram(ip, zone)?).map(|p| (*p, false)),
            Transport::Error(quoted) => {
                let about = Tuple {
                    source: quoted.source,
                    destination: quoted.destination,
                    source_port: quoted.source_port,
                    destination_port: quoted.destination_port,
                    protocol: quoted.protocol,
                    zone,
                };
                let entry = self.entries.get(&about);
                let entry = entry.or_else(|| self.entries.get(&about.reversed()))?;
                (!entry.is_over(about.protocol, now)).then_some((entry.place, false))
            }
            transport => {
                let tuple = Tuple::of(ip, zone);
                let opens = tuple.protocol == TCP && Start::of(transport) == Start::Opens;
                let found = self
                    .touch(&tuple, opens, now)
                    .or_else(|| if opens { None } else { self.answer(&tuple.reversed(), now) })?;
                self.keep_fragment(ip, zone, found.0);
                Some(found)
            }
        }
    }

    /// A packet in the direction that is denied.
    fn touch(&mut self, tuple: &Tuple, opens: bool, now: Tick) -> Option<(Place, bool)> {
        let entry = self.entries.get_mut(tuple).filter(|e| !e.is_over(tuple.protocol, now))?;
        entry.last_seen = now;
        let begins = opens && std::mem::take(&mut entry.answered);
        Some((entry.place, begins))
    }

    /// A packet against the direction that is denied.
    fn answer(&mut self, original: &Tuple, now: Tick) -> Option<(Place, bool)> {
        let entry =
            self.entries.get_mut(original).filter(|e| !e.is_over(original.protocol, now))?;
        (entry.last_seen, entry.answered) = (now, true);
        Some((entry.place, false))
    }

    /// Remembers a connection by the packet that would have begun it.
    pub(super) fn insert(&mut self, tuple: &Tuple, ip: &Ip, place: Place, now: Tick) {
        self.keep_fragment(ip, tuple.zone, place);
        if self.entries.len() >= self.room && !self.entries.contains_key(tuple) {
            self.sweep(now);
        }
        if self.entries.len() >= self.room && !self.entries.contains_key(tuple) {
            self.forgotten += 1;
            return;
        }
        self.entries.insert(*tuple, Entry { place, last_seen: now, answered: false });
    }

    /// Forgets what is over; at most once in four seconds, since it looks at everything.
    fn sweep(&mut self, now: Tick) {
        if now.since(self.swept) >= Tick::of_seconds(4) {
            self.swept = now;
            self.entries.retain(|tuple, entry| !entry.is_over(tuple.protocol, now));
        }
    }

    /// Remembers whose the other fragments of a datagram are; those that came first are forgotten for it.
    fn keep_fragment(&mut self, ip: &Ip, zone: u16, place: Place) {
        let Some(datagram) = datagram(ip, zone) else { return };
        if self.fragments.insert(datagram, place).is_none() {
            self.order.push_back(datagram);
        }
        if self.order.len() > self.fragments_room
            && let Some(oldest) = self.order.pop_front()
        {
            self.fragments.remove(&oldest);
        }
    }
}

fn datagram(ip: &Ip, zone: u16) -> Option<Datagram> {
    let fragment = ip.fragment?;
    Some((ip.source, ip.destination, ip.protocol, fragment.id, zone))
}
