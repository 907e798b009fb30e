//! Bytes in network order, read by their place.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Some bytes of a frame. Every question about what lies beyond them is answered with `None`.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a>(&'a [u8]);

impl<'a> View<'a> {
    /// Returns a view of all these bytes.
    #[inline]
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Returns how many bytes there are.
    #[inline]
    pub(super) const fn len(self) -> usize {
        self.0.len()
    }

    /// Returns the bytes.
    #[inline]
    pub(super) const fn bytes(self) -> &'a [u8] {
        self.0
    }

    /// Returns the byte at a place.
    #[inline]
    pub(super) fn u8(self, at: usize) -> Option<u8> {
        self.0.get(at).copied()
    }

    /// Returns the two bytes from a place on.
    #[inline]
    pub(super) fn u16(self, at: usize) -> Option<u16> {
        self.array(at).map(u16::from_be_bytes)
    }

    /// Returns the four bytes from a place on.
    #[inline]
    pub(super) fn u32(self, at: usize) -> Option<u32> {
        self.array(at).map(u32::from_be_bytes)
    }

    /// Returns so many bytes from a place on.
    #[inline]
    pub(super) fn array<const N: usize>(self, at: usize) -> Option<[u8; N]> {
        self.0.get(at..)?.first_chunk().copied()
    }

    /// Returns the IPv4 address from a place on.
    #[inline]
    pub(super) fn ipv4(self, at: usize) -> Option<Ipv4Addr> {
        self.array::<4>(at).map(Ipv4Addr::from)
    }

    /// Returns the IPv6 address from a place on.
    #[inline]
    pub(super) fn ipv6(self, at: usize) -> Option<Ipv6Addr> {
        self.array::<16>(at).map(Ipv6Addr::from)
    }

    /// Returns the first so many bytes.
    #[inline]
    pub(super) fn take(self, length: usize) -> Option<Self> {
        self.0.get(..length).map(Self)
    }

    /// Returns what follows the first so many bytes.
    #[inline]
    pub(super) fn skip(self, length: usize) -> Option<Self> {
        self.0.get(length..).map(Self)
    }
}
