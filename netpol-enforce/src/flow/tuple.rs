//! The addresses and ports of a packet, in the direction it travels.

use std::net::IpAddr;

use crate::wire::{Ip, Quoted, Transport};

/// The protocol number of ICMP.
const ICMP: u8 = 1;
/// The protocol number of `ICMPv6`.
const ICMPV6: u8 = 58;

/// Which way a packet of a flow travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// As the packet that began the flow: the direction that policies judge.
    Original,
    /// The other way.
    Reply,
}

impl Direction {
    /// Returns the other direction.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Original => Self::Reply,
            Self::Reply => Self::Original,
        }
    }
}

/// What tells the flow of a packet, in the direction the packet travels.
///
/// An echo has no ports. Its requester stands with the identifier as port and the other end with the identifier plus
/// one (modulo 65 536): a reply is then exactly the reverse of its request, and two ends that ping each other with
/// the same identifier, as the first process of each of two containers does, have two flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tuple {
    /// Where the packet comes from.
    pub source: IpAddr,
    /// Where it goes.
    pub destination: IpAddr,
    /// Its source port; 0 for protocols without ports.
    pub source_port: u16,
    /// Its destination port; 0 for protocols without ports.
    pub destination_port: u16,
    /// Its transport protocol (IANA number).
    pub protocol: u8,
    /// Its VLAN: flows of different zones never mix.
    pub zone: u16,
}

impl Tuple {
    /// Returns the tuple of a packet that is whole or the first fragment of a datagram.
    ///
    /// A later fragment has no ports, and an ICMP error is no packet of a flow: their tuples find nothing useful.
    #[inline]
    pub fn of(ip: &Ip, zone: u16) -> Self {
        let (source_port, destination_port) = ports(&ip.transport);
        let Ip { source, destination, protocol, .. } = *ip;
        Self { source, destination, source_port, destination_port, protocol, zone }
    }

    /// Returns the tuple of a packet that travels the other way.
    #[must_use]
    pub const fn reversed(&self) -> Self {
        Self {
            source: self.destination,
            destination: self.source,
            source_port: self.destination_port,
            destination_port: self.source_port,
            ..*self
        }
    }

    /// Returns what the packet in an ICMP error may have been, likeliest first.
    ///
    /// The quotation of an echo does not say whether it is a request or a reply, nor that of an ICMP message with the
    /// identifier 0 whether it is an echo.
    pub(super) fn quoted(quoted: &Quoted, zone: u16) -> impl Iterator<Item = Self> {
        let Quoted { source, destination, protocol, source_port, destination_port } = *quoted;
        let plain = Self { source, destination, source_port, destination_port, protocol, zone };
        let icmp = protocol == ICMP || protocol == ICMPV6;
        let next = source_port.wrapping_add(1);
        let request = Self { destination_port: next, ..plain };
        let reply = Self { source_port: next, destination_port: source_port, ..plain };
        let echoes = [request, reply].into_iter().filter(move |_| icmp);
        echoes.chain(Some(plain).filter(|_| !icmp || source_port == 0))
    }
}

/// Returns source and destination port of a transport header.
#[inline]
pub(super) fn ports(transport: &Transport) -> (u16, u16) {
    match *transport {
        Transport::Tcp { source, destination, .. }
        | Transport::Udp { source, destination }
        | Transport::Sctp { source, destination, .. } => (source, destination),
        Transport::Echo { request: true, id } => (id, id.wrapping_add(1)),
        Transport::Echo { request: false, id } => (id.wrapping_add(1), id),
        Transport::Error(_) | Transport::Other | Transport::Later => (0, 0),
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::Tuple;
    use crate::wire::{Ip, Quoted, Transport};

    fn host(number: u8) -> IpAddr {
        Ipv4Addr::new(10, 0, 0, number).into()
    }

    fn echo(from: u8, to: u8, request: bool, id: u16) -> Tuple {
        let (source, destination) = (host(from), host(to));
        let transport = Transport::Echo { request, id };
        Tuple::of(&Ip { source, destination, protocol: 1, fragment: None, transport }, 0)
    }

    #[test]
    fn echo_replies_are_the_reverse_of_requests_and_of_nothing_else() {
        for id in [0, 1, 7, 0x7fff, 0xfffe, 0xffff] {
            assert_eq!(echo(1, 2, true, id).reversed(), echo(2, 1, false, id));
            for other in [id.wrapping_sub(1), id, id.wrapping_add(1)] {
                assert_ne!(
                    echo(1, 2, true, id).reversed(),
                    echo(2, 1, true, other),
                    "{id} {other}"
                );
            }
        }
    }

    #[test]
    fn a_quoted_echo_may_be_request_or_reply() {
        let quoted = |port| Quoted {
            source: host(1),
            destination: host(2),
            protocol: 1,
            source_port: port,
            destination_port: port,
        };
        let both: Vec<_> = Tuple::quoted(&quoted(7), 0).collect();
        assert_eq!(both, [echo(1, 2, true, 7), echo(1, 2, false, 7)]);
        let three: Vec<_> = Tuple::quoted(&quoted(0), 0).collect();
        assert_eq!((three.len(), three[2].source_port, three[2].destination_port), (3, 0, 0));
    }
}
