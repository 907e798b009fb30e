//! Link layers of captures, as Ethernet.

use crate::wire::Mac;
use crate::{Gso, GsoKind};

/// Who is said to send where the capture does not tell.
const NOBODY: Mac = [2, 0, 0, 0, 0, 1];
/// Who is said to receive where the capture does not tell.
const SOMEBODY: Mac = [2, 0, 0, 0, 0, 2];

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86DD;
/// What is no packet of IP: reserved (IANA), so that it is refused as any unknown ethertype.
const NO_TYPE: u16 = 0xFFFF;
const TAGS: [u16; 2] = [0x8100, 0x88A8];

const ETHERNET_LENGTH: usize = 14;
/// The longest frame of a usual Ethernet, without tags.
const USUAL_LENGTH: usize = ETHERNET_LENGTH + 1500;

/// A link layer that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    Ethernet,
    /// IP without anything before it.
    Raw,
    /// `LINKTYPE_LINUX_SLL`.
    Sll,
    /// `LINKTYPE_LINUX_SLL2`.
    Sll2,
}

impl Link {
    /// Returns the link layer of a number of the registry (<https://www.tcpdump.org/linktypes.html>).
    ///
    /// 12 and 14 are what raw IP was called in files of some systems.
    pub(super) const fn of(number: u32) -> Option<Self> {
        match number {
            1 => Some(Self::Ethernet),
            12 | 14 | 101 | 228 | 229 => Some(Self::Raw),
            113 => Some(Self::Sll),
            276 => Some(Self::Sll2),
            _ => None,
        }
    }

    /// Appends a packet as an Ethernet frame. One that is shorter than its own link layer becomes nothing at all.
    pub(super) fn write(self, packet: &[u8], frame: &mut Vec<u8>) {
        match self {
            Self::Ethernet => frame.extend_from_slice(packet),
            Self::Raw => write_frame(NOBODY, ip_type(packet), packet, frame),
            Self::Sll => write_cooked(packet, &SLL, frame),
            Self::Sll2 => write_cooked(packet, &SLL2, frame),
        }
    }
}

/// Where the fields of a cooked header are.
struct Cooked {
    length: usize,
    ethertype: usize,
    address_length: usize,
    address: usize,
}

const SLL: Cooked = Cooked { length: 16, ethertype: 14, address_length: 5, address: 6 };
const SLL2: Cooked = Cooked { length: 20, ethertype: 0, address_length: 11, address: 12 };

fn write_cooked(packet: &[u8], cooked: &Cooked, frame: &mut Vec<u8>) {
    let Some((header, payload)) = packet.split_at_checked(cooked.length) else { return };
    let ethertype = u16_at(header, cooked.ethertype).unwrap_or(NO_TYPE);
    let is_mac = header.get(cooked.address_length) == Some(&6);
    let source = header.get(cooked.address..).and_then(<[u8]>::first_chunk::<6>).copied();
    // A group is no sender.
    let source = source.filter(|mac| is_mac && mac[0] & 1 == 0).unwrap_or(NOBODY);
    write_frame(source, ethertype, payload, frame);
}

fn write_frame(source: Mac, ethertype: u16, payload: &[u8], frame: &mut Vec<u8>) {
    frame.extend_from_slice(&destination(ethertype, payload));
    frame.extend_from_slice(&source);
    frame.extend_from_slice(&ethertype.to_be_bytes());
    frame.extend_from_slice(payload);
}

/// Returns the ethertype of what begins with an IP header.
fn ip_type(packet: &[u8]) -> u16 {
    match packet.first().map(|byte| byte >> 4) {
        Some(4) => IPV4,
        Some(6) => IPV6,
        _ => NO_TYPE,
    }
}

/// Returns where a packet would go: to the group that its destination is (RFC 1112, 6.4; RFC 2464, 7), else to a host.
fn destination(ethertype: u16, packet: &[u8]) -> Mac {
    let v4 = packet.get(16..).and_then(<[u8]>::first_chunk::<4>).filter(|_| ethertype == IPV4);
    let v6 = packet.get(24..).and_then(<[u8]>::first_chunk::<16>).filter(|_| ethertype == IPV6);
    match (v4, v6) {
        (Some([255, 255, 255, 255]), _) => [0xFF; 6],
        (Some([224..=239, b, c, d]), _) => [0x01, 0x00, 0x5E, b & 0x7F, *c, *d],
        (_, Some([0xFF, .., a, b, c, d])) => [0x33, 0x33, *a, *b, *c, *d],
        _ => SOMEBODY,
    }
}

/// Returns the segmentation of a frame that is longer than an Ethernet carries and whose IP header leaves its length
/// open: it was captured before it was cut into segments, and then the reader may take its length from the frame.
pub(super) fn segmentation(frame: &[u8]) -> Option<Gso> {
    let (mut ethertype, mut at) = (u16_at(frame, ETHERNET_LENGTH - 2)?, ETHERNET_LENGTH);
    while TAGS.contains(&ethertype) {
        ethertype = u16_at(frame, at + 2)?;
        at += 4;
    }
    if frame.len() <= USUAL_LENGTH + (at - ETHERNET_LENGTH) {
        return None;
    }
    let packet = frame.get(at..)?;
    let (length, protocol) = match ethertype {
        IPV4 => (u16_at(packet, 2)?, *packet.get(9)?),
        IPV6 => (u16_at(packet, 4)?, *packet.get(6)?),
        _ => return None,
    };
    let kind = match (protocol, ethertype) {
        (6, IPV4) => GsoKind::Tcp4,
        (6, _) => GsoKind::Tcp6,
        (17, _) => GsoKind::UdpL4,
        _ => return None,
    };
    // How long the segments would have been, a capture does not say.
    (length == 0).then_some(Gso { kind, size: 0, hdr_len: 0, ecn: false })
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().copied().map(u16::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(link: Link, packet: &[u8]) -> Vec<u8> {
        let mut frame = Vec::new();
        link.write(packet, &mut frame);
        frame
    }

    #[test]
    fn raw_packets_get_the_type_of_their_version() {
        assert_eq!(frame(Link::Raw, &[0x45, 0])[12..], [0x08, 0x00, 0x45, 0]);
        assert_eq!(frame(Link::Raw, &[0x60, 0])[12..], [0x86, 0xDD, 0x60, 0]);
        assert_eq!(frame(Link::Raw, &[0x10])[12..], [0xFF, 0xFF, 0x10]);
    }

    #[test]
    fn cooked_headers_give_type_and_sender() {
        let sll = [0, 4, 0, 1, 0, 6, 2, 0, 0, 0, 0, 9, 0, 0, 0x08, 0x06, 1, 2];
        assert_eq!(frame(Link::Sll, &sll), [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 9, 0x08, 0x06, 1, 2]);
        let sll2 = [0x08, 0x06, 0, 0, 0, 0, 0, 7, 0, 1, 4, 6, 2, 0, 0, 0, 0, 9, 0, 0, 1, 2];
        assert_eq!(frame(Link::Sll2, &sll2), frame(Link::Sll, &sll));
        assert!(frame(Link::Sll, &sll[..15]).is_empty());
    }

    #[test]
    fn packets_for_groups_go_to_groups() {
        let mut v6 = [0; 40];
        (v6[0], v6[24], v6[39]) = (0x60, 0xFF, 7);
        assert_eq!(frame(Link::Raw, &v6)[..6], [0x33, 0x33, 0, 0, 0, 7]);
        let mut v4 = [0; 20];
        (v4[0], v4[16], v4[19]) = (0x45, 239, 7);
        assert_eq!(frame(Link::Raw, &v4)[..6], [0x01, 0x00, 0x5E, 0, 0, 7]);
        v4[16..].fill(255);
        assert_eq!(frame(Link::Raw, &v4)[..6], [0xFF; 6]);
    }
}
