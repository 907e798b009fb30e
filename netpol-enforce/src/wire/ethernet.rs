//! Ethernet headers and VLAN tags (IEEE 802.3, IEEE 802.1Q).

use std::net::IpAddr;

use super::Mac;
use super::view::View;
use crate::DropReason;

pub(super) const ETHERTYPE_IPV4: u16 = 0x0800;
pub(super) const ETHERTYPE_ARP: u16 = 0x0806;
pub(super) const ETHERTYPE_IPV6: u16 = 0x86DD;
/// The tag of a customer's VLAN (802.1Q).
const TPID_CUSTOMER: u16 = 0x8100;
/// The tag of a provider's VLAN (802.1ad).
const TPID_SERVICE: u16 = 0x88A8;

const DESTINATION: usize = 0;
const SOURCE: usize = 6;
const ETHERTYPE: usize = 12;
const HEADER_LENGTH: usize = 14;
/// Tag control information and the next ethertype.
const TAG_LENGTH: usize = 4;
/// The VLAN id within tag control information.
const VLAN_ID: u16 = 0x0FFF;

const BROADCAST: Mac = [0xFF; 6];

/// An Ethernet header with its tags.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ethernet<'a> {
    pub(super) destination: Mac,
    pub(super) source: Mac,
    /// The outer VLAN id, 0 if there is none.
    pub(super) zone: u16,
    /// The ethertype after all tags.
    pub(super) ethertype: u16,
    /// What follows the header and the tags.
    pub(super) payload: View<'a>,
    /// Where it begins in the frame.
    pub(super) payload_at: usize,
}

impl<'a> Ethernet<'a> {
    /// Reads the header and at most so many tags.
    #[inline]
    pub(super) fn read(bytes: &'a [u8], vlan_depth: u8) -> Result<Self, DropReason> {
        let mut ethernet = Self::read_header(View::new(bytes)).ok_or(DropReason::TooShort)?;
        for depth in 0.. {
            if !matches!(ethernet.ethertype, TPID_CUSTOMER | TPID_SERVICE) {
                break;
            }
            if depth == vlan_depth {
                return Err(DropReason::VlanDepth);
            }
            let id = ethernet.remove_tag().ok_or(DropReason::TooShort)?;
            if depth == 0 {
                ethernet.zone = id;
            }
        }
        // A group is never a sender (IEEE 802.3, 3.2.3).
        if is_group(ethernet.source) { Err(DropReason::BadSource) } else { Ok(ethernet) }
    }

    #[inline]
    fn read_header(frame: View<'a>) -> Option<Self> {
        Some(Self {
            destination: frame.array(DESTINATION)?,
            source: frame.array(SOURCE)?,
            zone: 0,
            ethertype: frame.u16(ETHERTYPE)?,
            payload: frame.skip(HEADER_LENGTH)?,
            payload_at: HEADER_LENGTH,
        })
    }

    /// Goes on behind the tag that comes next, and returns its VLAN id.
    #[inline]
    fn remove_tag(&mut self) -> Option<u16> {
        let id = self.payload.u16(0)? & VLAN_ID;
        self.ethertype = self.payload.u16(2)?;
        self.payload = self.payload.skip(TAG_LENGTH)?;
        self.payload_at += TAG_LENGTH;
        Some(id)
    }

    /// Returns whether the frame is for one station or for everyone, not for a group of stations.
    pub(super) fn is_unicast_or_broadcast(&self) -> bool {
        !is_group(self.destination) || self.destination == BROADCAST
    }

    /// Returns whether a packet for this address may be in a frame for this destination.
    ///
    /// A packet for one host must not be in a frame for many (RFC 1122, 3.3.6): each of them would take it. The other
    /// way round is legal (RFC 6085).
    #[inline]
    pub(super) fn may_carry(&self, destination: IpAddr) -> bool {
        !is_group(self.destination) || group_of(destination) == Some(self.destination)
    }
}

/// Returns whether an address means more than one station.
#[inline]
pub(super) const fn is_group(mac: Mac) -> bool {
    mac[0] & 1 != 0
}

/// Returns the group that a packet for many hosts is sent to: RFC 2464, 7 for IPv6. IPv4 multicast is not forwarded.
fn group_of(destination: IpAddr) -> Option<Mac> {
    match destination {
        IpAddr::V4(address) => address.is_broadcast().then_some(BROADCAST),
        IpAddr::V6(address) => {
            let [.., a, b, c, d] = address.octets();
            address.is_multicast().then_some([0x33, 0x33, a, b, c, d])
        }
    }
}
