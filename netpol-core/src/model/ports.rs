//! Sets of ports of the three protocols that a NetworkPolicy can name.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use range_set_blaze::RangeSetBlaze;

/// A transport protocol; the order is that of the JSON contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Protocol {
    /// Stream Control Transmission Protocol.
    Sctp,
    /// Transmission Control Protocol, the default.
    Tcp,
    /// User Datagram Protocol.
    Udp,
}

impl Protocol {
    /// All protocols, in the order of the JSON contract.
    pub const ALL: [Self; 3] = [Self::Sctp, Self::Tcp, Self::Udp];

    /// Returns the API's spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sctp => "SCTP",
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
        }
    }

    const fn base(self) -> u32 {
        (self as u32) << 16
    }
}

/// Accepts exactly the API's spellings, which are upper case.
impl FromStr for Protocol {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|p| p.as_str() == text).ok_or(())
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Consecutive ports of one protocol, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortRange {
    /// The protocol.
    pub protocol: Protocol,
    /// The first port, 1 to 65535.
    pub from: u16,
    /// The last port, not below `from`.
    pub to: u16,
}

/// A set of (protocol, port) in canonical form: equal sets compare and hash equal.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct PortSet(RangeSetBlaze<u32>);

impl PortSet {
    /// The empty set.
    pub fn none() -> Self {
        Self::default()
    }

    /// Ports 1 to 65535 of all three protocols.
    pub fn all() -> Self {
        Protocol::ALL
            .into_iter()
            .map(|p| PortRange { protocol: p, from: 1, to: u16::MAX })
            .collect()
    }

    /// Ports 1 to 65535 of one protocol.
    pub fn protocol(protocol: Protocol) -> Self {
        Self::range(protocol, 1..=u16::MAX)
    }

    /// One port.
    pub fn single(protocol: Protocol, port: u16) -> Self {
        Self::range(protocol, port..=port)
    }

    /// A range of ports of one protocol; port 0 is left out, since no connection has it.
    pub fn range(protocol: Protocol, ports: RangeInclusive<u16>) -> Self {
        [PortRange { protocol, from: (*ports.start()).max(1), to: *ports.end() }]
            .into_iter()
            .collect()
    }

    /// Tells whether the set holds nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Tells whether the set holds every port of every protocol.
    pub fn is_all(&self) -> bool {
        self.len() == 3 * u64::from(u16::MAX)
    }

    /// Returns the number of (protocol, port) in the set.
    pub fn len(&self) -> u64 {
        self.0.len()
    }

    /// Tells whether the set holds a port.
    pub fn contains(&self, protocol: Protocol, port: u16) -> bool {
        self.0.contains(protocol.base() | u32::from(port))
    }

    /// Tells whether every port of this set is in `other`.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.0.is_subset(&other.0)
    }

    /// Tells whether no port is in both sets.
    pub fn is_disjoint(&self, other: &Self) -> bool {
        self.0.is_disjoint(&other.0)
    }

    /// Returns the ports in either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self(&self.0 | &other.0)
    }

    /// Returns the ports in both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        Self(&self.0 & &other.0)
    }

    /// Returns the ports of this set that `other` lacks.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        Self(&self.0 - &other.0)
    }

    /// Returns the ports that this set lacks.
    #[must_use]
    pub fn complement(&self) -> Self {
        Self::all().difference(self)
    }

    /// Lists the ranges, by protocol then number, disjoint and merged.
    pub fn ranges(&self) -> impl Iterator<Item = PortRange> + '_ {
        self.0.ranges().filter_map(|r| {
            let protocol =
                Protocol::ALL.into_iter().find(|p| p.base() == *r.start() & 0xffff_0000)?;
            let low = |x: u32| u16::try_from(x & 0xffff).unwrap_or(u16::MAX);
            Some(PortRange { protocol, from: low(*r.start()), to: low(*r.end()) })
        })
    }

    /// Returns one port of the set: the lowest of TCP, else of UDP, else of SCTP.
    pub fn sample(&self) -> Option<(Protocol, u16)> {
        let of = |p: Protocol| self.ranges().find(|r| r.protocol == p).map(|r| (p, r.from));
        of(Protocol::Tcp).or_else(|| of(Protocol::Udp)).or_else(|| of(Protocol::Sctp))
    }
}

impl FromIterator<PortRange> for PortSet {
    fn from_iter<I: IntoIterator<Item = PortRange>>(ranges: I) -> Self {
        let keys = |r: PortRange| {
            r.protocol.base() | u32::from(r.from)..=r.protocol.base() | u32::from(r.to)
        };
        Self(ranges.into_iter().map(keys).collect())
    }
}

/// Prints as the query language writes ports, `any` for all: `tcp/80,8000-8080 udp/53`.
impl fmt::Display for PortSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_all() {
            return f.write_str("any");
        }
        let mut last = None;
        for range in self.ranges() {
            if last == Some(range.protocol) {
                f.write_str(",")?;
            } else {
                let gap = if last.is_none() { "" } else { " " };
                write!(f, "{gap}{}/", range.protocol.as_str().to_ascii_lowercase())?;
                last = Some(range.protocol);
            }
            match range {
                PortRange { from: 1, to: u16::MAX, .. } => f.write_str("*")?,
                PortRange { from, to, .. } if from == to => write!(f, "{from}")?,
                PortRange { from, to, .. } => write!(f, "{from}-{to}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_of_different_protocols_never_merge() {
        let set = PortSet::protocol(Protocol::Sctp).union(&PortSet::single(Protocol::Tcp, 1));
        assert_eq!(set.ranges().count(), 2);
        assert_eq!(set.to_string(), "sctp/* tcp/1");
    }

    #[test]
    fn adjacent_ranges_merge_and_complement_is_an_involution() {
        let set = PortSet::range(Protocol::Tcp, 80..=81).union(&PortSet::single(Protocol::Tcp, 82));
        assert_eq!(set.to_string(), "tcp/80-82");
        assert_eq!(set.complement().complement(), set);
        assert!(PortSet::all().is_all());
        assert_eq!(PortSet::all().to_string(), "any");
    }
}
