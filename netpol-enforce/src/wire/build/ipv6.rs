//! IPv6 packets, extension headers, fragments and jumbograms.

use std::net::Ipv6Addr;

use super::length_field;
use super::message::Message;

/// An extension header (RFC 8200, 4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Extension {
    /// Hop-by-hop options, which are padded.
    HopByHop(Vec<u8>),
    /// Destination options, which are padded.
    Destination(Vec<u8>),
    /// A routing header.
    Routing {
        /// The routing type.
        kind: u8,
        /// How many segments are left.
        segments_left: u8,
        /// What follows, padded.
        rest: Vec<u8>,
    },
    /// An authentication header (RFC 4302) with an integrity check value of 12 bytes.
    Authentication,
    /// A fragment header.
    Fragment {
        /// The identification.
        id: u32,
        /// The offset in bytes, a multiple of 8.
        offset: u16,
        /// Whether others follow.
        more: bool,
    },
}

impl Extension {
    /// Returns the next-header value that announces it.
    pub const fn number(&self) -> u8 {
        match self {
            Self::HopByHop(_) => 0,
            Self::Destination(_) => 60,
            Self::Routing { .. } => 43,
            Self::Authentication => 51,
            Self::Fragment { .. } => 44,
        }
    }

    /// Returns its bytes, with what comes next.
    pub fn bytes(&self, next: u8) -> Vec<u8> {
        match self {
            Self::HopByHop(options) | Self::Destination(options) => padded(next, options),
            Self::Routing { kind, segments_left, rest } => {
                padded(next, &[&[*kind, *segments_left][..], rest].concat())
            }
            Self::Authentication => [&[next, 4][..], &[0; 22]].concat(),
            Self::Fragment { id, offset, more } => {
                let flags = (offset & 0xFFF8) | u16::from(*more);
                [&[next, 0][..], &flags.to_be_bytes(), &id.to_be_bytes()].concat()
            }
        }
    }
}

/// Returns a header that counts its length in units of 8 bytes after the first.
fn padded(next: u8, rest: &[u8]) -> Vec<u8> {
    let length = (rest.len() + 2).next_multiple_of(8);
    let mut bytes = vec![next, u8::try_from(length / 8 - 1).unwrap_or(u8::MAX)];
    bytes.extend(rest);
    bytes.resize(length, 0);
    bytes
}

/// The header of the IPv6 packets to build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ipv6 {
    /// The source.
    pub source: Ipv6Addr,
    /// The destination.
    pub destination: Ipv6Addr,
    /// The hop limit; 64 at first.
    pub hop_limit: u8,
    /// The extension headers, of fragments those before the fragment header.
    pub extensions: Vec<Extension>,
}

impl Ipv6 {
    /// Returns a header without extensions.
    pub fn new(source: impl Into<Ipv6Addr>, destination: impl Into<Ipv6Addr>) -> Self {
        let (source, destination) = (source.into(), destination.into());
        Self { source, destination, hop_limit: 64, extensions: Vec::new() }
    }

    /// Returns the header with another hop limit; neighbour discovery needs 255.
    #[must_use]
    pub const fn hop_limit(mut self, hop_limit: u8) -> Self {
        self.hop_limit = hop_limit;
        self
    }

    /// Adds an extension header after those that are there.
    #[must_use]
    pub fn extension(mut self, extension: Extension) -> Self {
        self.extensions.push(extension);
        self
    }

    /// Returns a whole packet with a message.
    pub fn packet(&self, message: &Message) -> Vec<u8> {
        let bytes = message.finish(self.source.into(), self.destination.into());
        self.build(message.protocol, &bytes)
    }

    /// Returns a packet whose length, above 65 535 bytes, is in a jumbo payload option (RFC 2675).
    pub fn jumbogram(&self, message: &Message) -> Vec<u8> {
        let length = message.bytes.len() + 8 + self.chain(message.protocol).1.len();
        let length = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
        let option = [&[0xC2, 4][..], &length].concat();
        let mut header = self.clone();
        header.extensions.insert(0, Extension::HopByHop(option));
        header.packet(message)
    }

    /// Returns a fragment: `bytes` from `offset` (in bytes, a multiple of 8) on; the whole begins with `next`.
    pub fn fragment(&self, id: u32, offset: u16, more: bool, part: (u8, &[u8])) -> Vec<u8> {
        let (next, bytes) = part;
        self.clone().extension(Extension::Fragment { id, offset, more }).build(next, bytes)
    }

    /// Returns a message cut into fragments of at most so many bytes, a multiple of 8, after more extension headers
    /// that are cut with it.
    pub fn fragments(
        &self,
        id: u32,
        size: usize,
        cut: &[Extension],
        message: &Message,
    ) -> Vec<Vec<u8>> {
        let (next, mut bytes) = chain(cut, message.protocol);
        bytes.extend(message.finish(self.source.into(), self.destination.into()));
        let last = bytes.len().div_ceil(size).saturating_sub(1);
        let fragment = |(index, part): (usize, &[u8])| {
            let offset = u16::try_from(index * size).unwrap_or(u16::MAX);
            self.fragment(id, offset, index != last, (next, part))
        };
        bytes.chunks(size).enumerate().map(fragment).collect()
    }

    fn chain(&self, last: u8) -> (u8, Vec<u8>) {
        chain(&self.extensions, last)
    }

    fn build(&self, protocol: u8, payload: &[u8]) -> Vec<u8> {
        let (next, extensions) = self.chain(protocol);
        let mut packet = vec![0x60, 0, 0, 0];
        packet.extend(length_field(extensions.len() + payload.len()));
        packet.extend([next, self.hop_limit]);
        packet.extend(self.source.octets());
        packet.extend(self.destination.octets());
        packet.extend(extensions);
        packet.extend(payload);
        packet
    }
}

/// Returns the number of the first header of a chain and the bytes of all.
fn chain(extensions: &[Extension], last: u8) -> (u8, Vec<u8>) {
    let begin = (last, Vec::new());
    extensions.iter().rev().fold(begin, |(next, after), extension| {
        (extension.number(), [extension.bytes(next), after].concat())
    })
}
