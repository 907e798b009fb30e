//! What packets carry.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::checksum::internet_checksum;
use super::{length_field, put};
use crate::wire::protocol::{ICMP, ICMPV6, SCTP, TCP, UDP};

/// A transport header with its payload; a checksum over addresses is written when it goes into a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The protocol number.
    pub protocol: u8,
    /// The bytes, with a checksum of zero.
    pub bytes: Vec<u8>,
    sum: Sum,
}

/// Which checksum a message has, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sum {
    /// None, or one that nobody verifies.
    None,
    /// Over the message.
    Message(usize),
    /// Over pseudo header and message.
    Pseudo(usize),
}

impl Message {
    /// Returns the bytes with their checksum, in a packet between these addresses.
    pub fn finish(&self, source: IpAddr, destination: IpAddr) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        let (at, pseudo) = match (self.sum, source, destination) {
            (Sum::None, ..) => return bytes,
            (Sum::Message(at), ..) => (at, Vec::new()),
            (Sum::Pseudo(at), IpAddr::V4(source), IpAddr::V4(destination)) => {
                (at, self.pseudo_v4(source, destination))
            }
            (Sum::Pseudo(at), source, destination) => {
                (at, self.pseudo_v6(in_v6(source), in_v6(destination)))
            }
        };
        let sum = match internet_checksum(&[&pseudo, &bytes]) {
            // Zero says that there is no checksum (RFC 768).
            [0, 0] if self.protocol == UDP => [0xFF, 0xFF],
            sum => sum,
        };
        put(&mut bytes, at, &sum);
        bytes
    }

    fn pseudo_v4(&self, source: Ipv4Addr, destination: Ipv4Addr) -> Vec<u8> {
        let length = length_field(self.bytes.len());
        let protocol = [0, self.protocol];
        [&source.octets()[..], &destination.octets(), &protocol, &length].concat()
    }

    fn pseudo_v6(&self, source: Ipv6Addr, destination: Ipv6Addr) -> Vec<u8> {
        let length = u32::try_from(self.bytes.len()).unwrap_or(0).to_be_bytes();
        let protocol = [0, 0, 0, self.protocol];
        [&source.octets()[..], &destination.octets(), &length, &protocol].concat()
    }
}

/// Returns an address as IPv6 has it.
pub(super) fn in_v6(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}

/// Returns a TCP segment (RFC 9293) with these flags and no options.
pub fn tcp(source: u16, destination: u16, flags: u8, payload: &[u8]) -> Message {
    let mut bytes = ports(source, destination);
    bytes.extend([0, 0, 0, 1, 0, 0, 0, 2]);
    bytes.extend([5 << 4, flags, 0x20, 0, 0, 0, 0, 0]);
    bytes.extend(payload);
    Message { protocol: TCP, bytes, sum: Sum::Pseudo(16) }
}

/// Returns a UDP datagram (RFC 768).
pub fn udp(source: u16, destination: u16, payload: &[u8]) -> Message {
    let mut bytes = ports(source, destination);
    bytes.extend(length_field(payload.len() + 8));
    bytes.extend([0, 0]);
    bytes.extend(payload);
    Message { protocol: UDP, bytes, sum: Sum::Pseudo(6) }
}

/// Returns an SCTP packet (RFC 9260) of these chunks; its checksum is zero.
pub fn sctp(source: u16, destination: u16, tag: u32, chunks: &[Vec<u8>]) -> Message {
    let mut bytes = ports(source, destination);
    bytes.extend(tag.to_be_bytes());
    bytes.extend([0; 4]);
    bytes.extend(chunks.concat());
    Message { protocol: SCTP, bytes, sum: Sum::None }
}

/// Returns an SCTP chunk with this value, padded to a multiple of 4 bytes.
pub fn chunk(kind: u8, value: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind, 0];
    bytes.extend(length_field(value.len() + 4));
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// Returns an ICMP message (RFC 792): type, code, the four bytes after the checksum, and what follows.
pub fn icmp(kind: u8, code: u8, rest: [u8; 4], payload: &[u8]) -> Message {
    let bytes = icmp_bytes(kind, code, rest, payload);
    Message { protocol: ICMP, bytes, sum: Sum::Message(2) }
}

/// Returns an ICMPv6 message (RFC 4443), as [`icmp`] does.
pub fn icmpv6(kind: u8, code: u8, rest: [u8; 4], payload: &[u8]) -> Message {
    let bytes = icmp_bytes(kind, code, rest, payload);
    Message { protocol: ICMPV6, bytes, sum: Sum::Pseudo(2) }
}

/// Returns an ICMP echo request.
pub fn echo_request(id: u16, payload: &[u8]) -> Message {
    icmp(8, 0, echo(id), payload)
}

/// Returns an ICMP echo reply.
pub fn echo_reply(id: u16, payload: &[u8]) -> Message {
    icmp(0, 0, echo(id), payload)
}

/// Returns an ICMPv6 echo request.
pub fn icmpv6_echo_request(id: u16, payload: &[u8]) -> Message {
    icmpv6(128, 0, echo(id), payload)
}

/// Returns an ICMPv6 echo reply.
pub fn icmpv6_echo_reply(id: u16, payload: &[u8]) -> Message {
    icmpv6(129, 0, echo(id), payload)
}

/// Returns an ICMP error of this type and code about a packet, which begins with its IPv4 header.
pub fn icmp_error(kind: u8, code: u8, packet: &[u8]) -> Message {
    icmp(kind, code, [0; 4], packet)
}

/// Returns an ICMPv6 error of this type and code about a packet, which begins with its IPv6 header.
pub fn icmpv6_error(kind: u8, code: u8, packet: &[u8]) -> Message {
    icmpv6(kind, code, [0; 4], packet)
}

/// Returns a message of any protocol as it is.
pub fn other(protocol: u8, bytes: &[u8]) -> Message {
    Message { protocol, bytes: bytes.to_vec(), sum: Sum::None }
}

fn ports(source: u16, destination: u16) -> Vec<u8> {
    [source.to_be_bytes(), destination.to_be_bytes()].concat()
}

/// Returns identifier and sequence number 1.
fn echo(id: u16) -> [u8; 4] {
    let [high, low] = id.to_be_bytes();
    [high, low, 0, 1]
}

fn icmp_bytes(kind: u8, code: u8, rest: [u8; 4], payload: &[u8]) -> Vec<u8> {
    [&[kind, code, 0, 0][..], &rest, payload].concat()
}
