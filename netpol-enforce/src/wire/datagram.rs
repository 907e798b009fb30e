//! What IPv4 and IPv6 come down to, before the transport header is read.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Fragment;
use super::view::View;
use crate::DropReason;

/// The longest IPv4 packet, and the longest payload of an IPv6 packet that is not a jumbogram, in bytes.
const LONGEST: usize = 65_535;

/// An IP packet up to its transport header.
#[derive(Clone, Copy, Debug)]
pub(super) struct Datagram<'a> {
    pub(super) addresses: Addresses,
    /// Time to live or hop limit.
    pub(super) hop_limit: u8,
    /// The protocol after all extension headers; in a later fragment, what its fragment header says comes next.
    pub(super) protocol: u8,
    pub(super) part: Part,
    /// Set on a fragment that is not the whole packet; `header_end` is where the extension headers end.
    pub(super) fragment: Option<Fragment>,
    /// Whether there is an IPv6 fragment header, even one that says that this is the whole packet.
    pub(super) has_fragment_header: bool,
    /// Whether its length is in a jumbo payload option (RFC 2675).
    pub(super) is_jumbogram: bool,
    /// What follows the IP headers.
    pub(super) payload: View<'a>,
    /// Where it begins in the frame.
    pub(super) payload_at: usize,
}

/// The two addresses of a packet.
#[derive(Clone, Copy, Debug)]
pub(super) enum Addresses {
    V4 { source: Ipv4Addr, destination: Ipv4Addr },
    V6 { source: Ipv6Addr, destination: Ipv6Addr },
}

impl Addresses {
    /// Returns the source.
    #[inline]
    pub(super) const fn source(self) -> IpAddr {
        match self {
            Self::V4 { source, .. } => IpAddr::V4(source),
            Self::V6 { source, .. } => IpAddr::V6(source),
        }
    }

    /// Returns the destination.
    #[inline]
    pub(super) const fn destination(self) -> IpAddr {
        match self {
            Self::V4 { destination, .. } => IpAddr::V4(destination),
            Self::V6 { destination, .. } => IpAddr::V6(destination),
        }
    }
}

/// How much of a packet is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it.
    Whole,
    /// Its first fragment: the transport header is here, its payload may not be.
    First,
    /// A later fragment, without transport header.
    Later,
}

impl Part {
    /// Returns which part a fragment is, if it is one.
    #[inline]
    pub(super) const fn of(fragment: Option<&Fragment>) -> Self {
        match fragment {
            None => Self::Whole,
            Some(Fragment { offset: 0, .. }) => Self::First,
            Some(_) => Self::Later,
        }
    }

    /// Returns why a part is dropped that ends inside its transport header: `whole` if it is not a fragment.
    #[inline]
    pub(super) const fn too_short(self, whole: DropReason) -> DropReason {
        match self {
            Self::Whole => whole,
            Self::First | Self::Later => DropReason::FragmentTiny,
        }
    }
}

/// What a fragment says of itself, in either version.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    pub(super) id: u32,
    /// In bytes.
    pub(super) offset: u16,
    pub(super) more: bool,
}

impl Piece {
    /// Returns whether this is the whole packet; an IPv6 packet with such a header is an atomic fragment (RFC 6946).
    #[inline]
    pub(super) const fn is_whole(self) -> bool {
        self.offset == 0 && !self.more
    }

    /// Returns the fragment of so many bytes, with so many bytes of headers before the fragmentable part.
    ///
    /// `None` if it carries nothing, if it is not the last one and does not end at a multiple of 8 bytes, or if the
    /// packet it belongs to would be longer than can be (RFC 791; RFC 8200, 4.5).
    #[inline]
    pub(super) fn fragment(self, length: usize, before: usize) -> Option<Fragment> {
        let end = usize::from(self.offset) + length;
        let ends_well = !self.more || length.is_multiple_of(8);
        let legal = length > 0 && ends_well && before + end <= LONGEST;
        legal.then_some(Fragment {
            id: self.id,
            offset: u32::from(self.offset),
            length: u32::try_from(length).ok()?,
            more: self.more,
            header_end: 0,
        })
    }
}
