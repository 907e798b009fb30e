//! Fragments that a capture holds several times: one taken on all interfaces sees a packet on each that it passes.
//!
//! A whole packet that comes twice belongs to its connection twice. Of a datagram in fragments the table of the wire takes
//! the second copies for overlaps, or for fragments without a first one.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

use super::book::Place;
use crate::Tick;
use crate::wire::{Fragment, Ip};

/// How long copies of a fragment are known: as long as a datagram in fragments.
const TIME: u32 = Tick::of_seconds(15);
/// How many fragments of a datagram are told apart.
const PIECES: usize = 64;

/// What the fragments of a datagram share.
type Datagram = (IpAddr, IpAddr, u8, u32, u16);

/// Fragments that passed.
#[derive(Debug)]
pub(super) struct Copies {
    room: usize,
    datagrams: HashMap<Datagram, Known>,
    order: VecDeque<Datagram>,
}

#[derive(Debug)]
struct Known {
    place: Place,
    since: Tick,
    pieces: Vec<Fragment>,
}

impl Copies {
    pub(super) fn new(room: u32) -> Self {
        let room = usize::try_from(room).unwrap_or(usize::MAX);
        Self { room, datagrams: HashMap::new(), order: VecDeque::new() }
    }

    /// Remembers a fragment that passed.
    pub(super) fn insert(&mut self, ip: &Ip, zone: u16, place: Place, now: Tick) {
        let Some((datagram, piece)) = split(ip, zone) else { return };
        let known = self.datagrams.entry(datagram).or_insert_with(|| {
            self.order.push_back(datagram);
            Known { place, since: now, pieces: Vec::new() }
        });
        if now.since(known.since) >= TIME {
            *known = Known { place, since: now, pieces: Vec::new() };
        }
        if known.pieces.len() < PIECES && !known.pieces.contains(&piece) {
            known.pieces.push(piece);
        }
        if self.order.len() > self.room
            && let Some(oldest) = self.order.pop_front()
        {
            self.datagrams.remove(&oldest);
        }
    }

    /// Returns where a fragment is written down that has passed before.
    pub(super) fn find(&self, ip: &Ip, zone: u16, now: Tick) -> Option<Place> {
        let (datagram, piece) = split(ip, zone)?;
        let known = self.datagrams.get(&datagram)?;
        let is_copy = now.since(known.since) < TIME && known.pieces.contains(&piece);
        is_copy.then_some(known.place)
    }
}

fn split(ip: &Ip, zone: u16) -> Option<(Datagram, Fragment)> {
    let piece = ip.fragment?;
    Some(((ip.source, ip.destination, ip.protocol, piece.id, zone), piece))
}
