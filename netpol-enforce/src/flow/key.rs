//! The key of a flow: the same for both directions.

use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv6Addr};

use super::{Direction, Tuple};

/// One end of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct End {
    /// The IPv6 address, or the IPv4 address mapped (RFC 4291, section 2.5.5.2).
    address: [u8; 16],
    port: u16,
}

impl End {
    /// Returns its place in the order of ends, as numbers: two comparisons instead of sixteen.
    const fn rank(self) -> (u128, u16) {
        (u128::from_be_bytes(self.address), self.port)
    }
}

/// What the packets of a flow have in common, whichever way they travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowKey {
    // INVARIANT: the rank of lo is at most that of hi.
    lo: End,
    hi: End,
    zone: u16,
    protocol: u8,
    /// An IPv6 packet between mapped addresses is not one between the IPv4 addresses.
    v6: bool,
}

impl FlowKey {
    /// Returns the key of a packet's flow.
    pub fn of(tuple: &Tuple) -> Self {
        Self::split(tuple).0
    }

    /// Returns the key, and whether the packet comes from its lower end.
    pub(super) fn split(tuple: &Tuple) -> (Self, bool) {
        let source = End { address: octets(tuple.source), port: tuple.source_port };
        let destination = End { address: octets(tuple.destination), port: tuple.destination_port };
        let from_lo = source.rank() <= destination.rank();
        let (lo, hi) = if from_lo { (source, destination) } else { (destination, source) };
        let v6 = tuple.source.is_ipv6();
        (Self { lo, hi, zone: tuple.zone, protocol: tuple.protocol, v6 }, from_lo)
    }

    /// Returns the tuple of a packet that comes from the lower end, or from the higher one.
    pub(super) fn tuple(&self, from_lo: bool) -> Tuple {
        let (source, destination) = if from_lo { (self.lo, self.hi) } else { (self.hi, self.lo) };
        Tuple {
            source: self.address(source),
            destination: self.address(destination),
            source_port: source.port,
            destination_port: destination.port,
            protocol: self.protocol,
            zone: self.zone,
        }
    }

    fn address(&self, end: End) -> IpAddr {
        let address = IpAddr::V6(Ipv6Addr::from(end.address));
        if self.v6 { address } else { address.to_canonical() }
    }

    /// Returns everything that tells it from others: one piece, since a keyed hash is fastest on one piece.
    fn bytes(&self) -> [u8; 40] {
        let mut bytes = [0; 40];
        bytes[..16].copy_from_slice(&self.lo.address);
        bytes[16..32].copy_from_slice(&self.hi.address);
        bytes[32..34].copy_from_slice(&self.lo.port.to_ne_bytes());
        bytes[34..36].copy_from_slice(&self.hi.port.to_ne_bytes());
        bytes[36..38].copy_from_slice(&self.zone.to_ne_bytes());
        bytes[38] = self.protocol;
        bytes[39] = u8::from(self.v6);
        bytes
    }
}

impl Hash for FlowKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(&self.bytes());
    }
}

/// Returns the direction of a packet, from which end it and the flow's first packet come.
pub(super) const fn direction(from_lo: bool, original_from_lo: bool) -> Direction {
    if from_lo == original_from_lo { Direction::Original } else { Direction::Reply }
}

fn octets(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

#[cfg(test)]
mod tests {
    use super::FlowKey;
    use crate::flow::Tuple;

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
            assert_ne!(FlowKey::of(&other).bytes(), FlowKey::of(&one).bytes(), "{other:?}");
        }
    }
}
