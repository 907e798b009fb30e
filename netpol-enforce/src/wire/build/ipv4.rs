//! IPv4 packets and fragments.

use std::net::Ipv4Addr;

use super::checksum::internet_checksum;
use super::message::Message;
use super::{length_field, put};

/// The header of the IPv4 packets to build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ipv4 {
    /// The source.
    pub source: Ipv4Addr,
    /// The destination.
    pub destination: Ipv4Addr,
    /// The time to live; 64 at first.
    pub ttl: u8,
    /// The options, which are padded to a multiple of 4 bytes; at most 40 bytes.
    pub options: Vec<u8>,
}

impl Ipv4 {
    /// Returns a header without options.
    pub fn new(source: impl Into<Ipv4Addr>, destination: impl Into<Ipv4Addr>) -> Self {
        let (source, destination) = (source.into(), destination.into());
        Self { source, destination, ttl: 64, options: Vec::new() }
    }

    /// Returns the header with another time to live.
    #[must_use]
    pub const fn ttl(mut self, ttl: u8) -> Self {
        self.ttl = ttl;
        self
    }

    /// Returns the header with these options.
    #[must_use]
    pub fn options(mut self, options: &[u8]) -> Self {
        self.options = options.to_vec();
        self
    }

    /// Returns a whole packet with a message.
    pub fn packet(&self, message: &Message) -> Vec<u8> {
        let bytes = message.finish(self.source.into(), self.destination.into());
        self.build(message.protocol, 0, 0, &bytes)
    }

    /// Returns a fragment of a packet of this protocol: `bytes` from `offset` (in bytes, a multiple of 8) on.
    pub fn fragment(&self, id: u16, offset: u16, more: bool, part: (u8, &[u8])) -> Vec<u8> {
        let (protocol, bytes) = part;
        let more = if more { 0x2000 } else { 0 };
        self.build(protocol, id, more | (offset / 8), bytes)
    }

    /// Returns a message cut into fragments of at most so many bytes, a multiple of 8.
    pub fn fragments(&self, id: u16, size: usize, message: &Message) -> Vec<Vec<u8>> {
        let bytes = message.finish(self.source.into(), self.destination.into());
        let last = bytes.len().div_ceil(size).saturating_sub(1);
        let parts = bytes.chunks(size).enumerate();
        let fragment = |(index, part): (usize, &[u8])| {
            let offset = u16::try_from(index * size).unwrap_or(u16::MAX);
            self.fragment(id, offset, index != last, (message.protocol, part))
        };
        parts.map(fragment).collect()
    }

    fn build(&self, protocol: u8, id: u16, flags_and_offset: u16, payload: &[u8]) -> Vec<u8> {
        let mut options = self.options.clone();
        options.resize(options.len().next_multiple_of(4), 0);
        let words = u8::try_from(5 + options.len() / 4).unwrap_or(u8::MAX);
        let mut packet = vec![0x40 | words, 0];
        packet.extend(length_field(20 + options.len() + payload.len()));
        packet.extend(id.to_be_bytes());
        packet.extend(flags_and_offset.to_be_bytes());
        packet.extend([self.ttl, protocol, 0, 0]);
        packet.extend(self.source.octets());
        packet.extend(self.destination.octets());
        packet.extend(options);
        packet.extend(payload);
        set_ipv4_checksum(&mut packet);
        packet
    }
}

/// Writes the header checksum of a packet whose header was changed.
pub fn set_ipv4_checksum(packet: &mut [u8]) {
    put(packet, 10, &[0, 0]);
    let words = packet.first().map_or(0, |byte| usize::from(byte & 0x0F));
    let header = packet.get(..words * 4).unwrap_or(packet);
    let sum = internet_checksum(&[header]);
    put(packet, 10, &sum);
}
