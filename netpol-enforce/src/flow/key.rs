//! The key of a flow: the same for both directions.

use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv6Addr};

use super::{Direction, Tuple, tuple};
use crate::wire::Ip;

/// One end of a flow.
#[derive(Clone, Copy)]
struct End {
    /// The IPv6 address as a number, or the IPv4 address mapped (RFC 4291, section 2.5.5.2).
    address: u128,
    port: u16,
}

impl End {
    #[inline]
    const fn new(address: &IpAddr, port: u16) -> Self {
        let address = match address {
            // As a number, without a detour through bytes: this is on the path of every frame.
            IpAddr::V4(address) => MAPPED | address.to_bits() as u128,
            IpAddr::V6(address) => address.to_bits(),
        };
        Self { address, port }
    }
}

/// Where the mapped IPv4 addresses begin.
const MAPPED: u128 = 0xFFFF_0000_0000;

/// What the packets of a flow have in common, whichever way they travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowKey {
    // INVARIANT: address and port of lo are at most those of hi.
    lo: [u64; 2],
    hi: [u64; 2],
    /// From the top: the port of lo, the port of hi, the zone, the protocol, and whether it is IPv6: an IPv6 packet between
    /// mapped addresses is not one between the IPv4 addresses.
    rest: u64,
}

impl FlowKey {
    /// Returns the key of a packet's flow.
    pub fn of(tuple: &Tuple) -> Self {
        Self::split(tuple).0
    }

    /// Returns the key, and whether the packet comes from its lower end.
    #[inline]
    pub(super) fn split(tuple: &Tuple) -> (Self, bool) {
        let Tuple { source, destination, source_port, destination_port, protocol, zone } = tuple;
        let ends = [End::new(source, *source_port), End::new(destination, *destination_port)];
        Self::between(ends, *zone, *protocol, source.is_ipv6())
    }

    /// Returns the key of a packet's flow, and whether the packet comes from its lower end.
    #[inline]
    pub(super) fn of_packet(ip: &Ip, zone: u16) -> (Self, bool) {
        let (source, destination) = tuple::ports(&ip.transport);
        let ends = [End::new(&ip.source, source), End::new(&ip.destination, destination)];
        Self::between(ends, zone, ip.protocol, ip.source.is_ipv6())
    }

    #[inline]
    fn between(ends: [End; 2], zone: u16, protocol: u8, v6: bool) -> (Self, bool) {
        let [source, destination] = ends;
        let from_lo = (source.address, source.port) <= (destination.address, destination.port);
        let (lo, hi) = if from_lo { (source, destination) } else { (destination, source) };
        let rest = u64::from(lo.port) << 48
            | u64::from(hi.port) << 32
            | u64::from(zone) << 16
            | u64::from(protocol) << 8
            | u64::from(v6);
        (Self { lo: halves(lo.address), hi: halves(hi.address), rest }, from_lo)
    }

    /// Returns the tuple of a packet that comes from the lower end, or from the higher one.
    pub(super) fn tuple(&self, from_lo: bool) -> Tuple {
        let lo = (self.address(self.lo), self.part(48));
        let hi = (self.address(self.hi), self.part(32));
        let (source, destination) = if from_lo { (lo, hi) } else { (hi, lo) };
        Tuple {
            source: source.0,
            destination: destination.0,
            source_port: source.1,
            destination_port: destination.1,
            protocol: self.rest.to_be_bytes()[6],
            zone: self.part(16),
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "a part of a number")]
    const fn part(&self, shift: u32) -> u16 {
        (self.rest >> shift) as u16
    }

    const fn is_v6(&self) -> bool {
        self.rest & 1 != 0
    }

    fn address(&self, [high, low]: [u64; 2]) -> IpAddr {
        let address = Ipv6Addr::from_bits(u128::from(high) << 64 | u128::from(low));
        if self.is_v6() { address.into() } else { IpAddr::V6(address).to_canonical() }
    }
}

/// Where an IPv4 address is in the lower half of its mapped one.
const LOW: u64 = 0xFFFF_FFFF;

#[expect(clippy::cast_possible_truncation, reason = "the halves of a number")]
const fn halves(number: u128) -> [u64; 2] {
    [(number >> 64) as u64, number as u64]
}

impl Hash for FlowKey {
    /// Hands everything that tells it from others over in one piece, since a keyed hash is fastest on one piece. Of two IPv4
    /// addresses the parts that all have are left out: their keys are shorter than those of IPv6, so that they never meet.
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        if self.is_v6() {
            let [a, b] = self.lo;
            let [c, d] = self.hi;
            state.write([a, b, c, d, self.rest].map(u64::to_ne_bytes).as_flattened());
        } else {
            let addresses = (self.lo[1] & LOW) << 32 | (self.hi[1] & LOW);
            state.write([addresses, self.rest].map(u64::to_ne_bytes).as_flattened());
        }
    }
}

/// Returns the direction of a packet, from which end it and the flow's first packet come.
pub(super) const fn direction(from_lo: bool, original_from_lo: bool) -> Direction {
    if from_lo == original_from_lo { Direction::Original } else { Direction::Reply }
}

#[cfg(test)]
mod tests {
    use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};

    use super::FlowKey;
    use crate::flow::Tuple;

    fn hash(tuple: &Tuple) -> u64 {
        BuildHasherDefault::<DefaultHasher>::default().hash_one(FlowKey::of(tuple))
    }

    fn tuple(source: &str, destination: &str, ports: (u16, u16)) -> Tuple {
        Tuple {
            source: source.parse().unwrap(),
            destination: destination.parse().unwrap(),
            source_port: ports.0,
            destination_port: ports.1,
            protocol: 6,
            zone: 3,
        }
    }

    #[test]
    fn both_directions_have_one_key_that_gives_the_tuples_back() {
        let tuples = [
            tuple("10.0.0.1", "10.0.0.2", (4000, 80)),
            tuple("10.0.0.2", "10.0.0.1", (80, 80)),
            tuple("fd00::1", "fd00::2", (80, 4000)),
            tuple("::ffff:10.0.0.1", "::ffff:10.0.0.2", (1, 2)),
            tuple("10.0.0.1", "10.0.0.1", (2, 1)),
        ];
        for tuple in tuples {
            let (key, from_lo) = FlowKey::split(&tuple);
            assert_eq!(FlowKey::of(&tuple.reversed()), key);
            assert_eq!(key.tuple(from_lo), tuple);
            assert_eq!(key.tuple(!from_lo), tuple.reversed());
        }
    }

    #[test]
    fn zones_protocols_and_address_families_never_mix() {
        let one = tuple("10.0.0.1", "10.0.0.2", (4000, 80));
        let others = [
            Tuple { zone: 4, ..one },
            Tuple { protocol: 17, ..one },
            tuple("::ffff:10.0.0.1", "::ffff:10.0.0.2", (4000, 80)),
            tuple("10.0.0.1", "10.0.0.2", (80, 4000)),
        ];
        for other in others {
            assert_ne!(FlowKey::of(&other), FlowKey::of(&one), "{other:?}");
            assert_ne!(hash(&other), hash(&one), "{other:?}");
        }
    }
}
