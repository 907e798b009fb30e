//! Links and addresses as the kernel tells them: messages of `rtnetlink(7)`, built and read without copying structures.
//!
//! Unlike `/sys/class/net`, which shows the namespace it was mounted in, a socket answers for the namespace of the
//! process. It knows messages, not what they mean for a port.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

use super::sys;

/// Bytes of the largest answer: the kernel makes none above 32 KiB.
const ANSWER: usize = 65_536;

// Message types and flags, `linux/netlink.h` and `linux/rtnetlink.h`.
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const RTM_NEWLINK: u16 = 16;
const RTM_DELLINK: u16 = 17;
const RTM_GETLINK: u16 = 18;
const RTM_NEWADDR: u16 = 20;
const RTM_DELADDR: u16 = 21;
const RTM_GETADDR: u16 = 22;
const RTM_NEWNETCONF: u16 = 80;
const REQUEST: u16 = 1;
const DUMP: u16 = 0x300;
/// What is told: links, addresses, IPv6 on links, and forwarding (`RTNLGRP_…`, each a bit).
const GROUPS: u32 = group(1) | group(5) | group(9) | group(12) | group(24) | group(25);
/// The family of what IPv6 says of a link.
const AF_INET6: u8 = 10;

// Attributes of links, `linux/if_link.h`.
const IFLA_ADDRESS: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_MTU: u16 = 4;
const IFLA_LINK: u16 = 5;
const IFLA_MASTER: u16 = 10;
const IFLA_LINKINFO: u16 = 18;
const IFLA_EXT_MASK: u16 = 29;
const IFLA_LINK_NETNSID: u16 = 37;
const IFLA_GSO_MAX_SIZE: u16 = 41;
const IFLA_XDP: u16 = 43;
const IFLA_TARGET_NETNSID: u16 = 46;
const IFLA_GSO_IPV4_MAX_SIZE: u16 = 63;
const IFLA_INFO_KIND: u16 = 1;
const IFLA_XDP_ATTACHED: u16 = 2;
/// The answer needs no statistics (`RTEXT_FILTER_SKIP_STATS`).
const SKIP_STATS: u32 = 1 << 3;

// Attributes of addresses, `linux/if_addr.h`.
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;

// Attributes of settings, `linux/netconf.h`.
const NETCONFA_IFINDEX: u16 = 1;

/// An interface as the kernel tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) index: i32,
    pub(crate) name: String,
    /// What kind of hardware (`ARPHRD_…`).
    pub(crate) hardware: u16,
    /// Bits `IFF_…`.
    pub(crate) flags: u32,
    pub(crate) mtu: u32,
    pub(crate) mac: [u8; 6],
    /// The bridge, bond or VRF it belongs to.
    pub(crate) master: Option<i32>,
    /// The other end of a pair, in the namespace of `peer_namespace` or in ours.
    pub(crate) peer: Option<i32>,
    pub(crate) peer_namespace: Option<i32>,
    /// The kind of virtual interface; empty for hardware.
    pub(crate) kind: String,
    /// Bytes of the largest superframe of IPv6, and of IPv4 where the next field is 0.
    pub(crate) gso_max_size: u32,
    /// Bytes of the largest superframe of IPv4 (Linux 6.3).
    pub(crate) gso_ipv4_max_size: u32,
    /// An XDP program is attached.
    pub(crate) has_xdp: bool,
}

impl Link {
    /// Returns whether it is switched on (`IFF_UP`).
    pub(crate) fn is_up(&self) -> bool {
        self.flags & 1 != 0
    }

    /// Returns whether it is an Ethernet interface.
    pub(crate) fn is_ethernet(&self) -> bool {
        self.hardware == libc::ARPHRD_ETHER
    }

    /// Returns whether the kernel answers ARP on it (no `IFF_NOARP`).
    pub(crate) fn answers_arp(&self) -> bool {
        self.flags & 0x80 == 0
    }

    /// Returns whether a port on it stands as it did: nothing that the preflight reads in a link differs.
    ///
    /// Neither the carrier counts, which a pod could change as often as it likes, nor whether it is switched on.
    pub(crate) fn stands_as(&self, other: &Self) -> bool {
        let read = |link: &Self| {
            let sizes = (link.mtu, link.gso_max_size, link.gso_ipv4_max_size);
            (sizes, link.hardware, link.master, link.has_xdp, link.answers_arp())
        };
        read(self) == read(other)
    }
}

/// What a subscription tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LinkEvent {
    /// A link is there, new or changed.
    Present(Link),
    /// A link is no longer there.
    Gone {
        /// Its number.
        index: i32,
    },
    /// The kernel has begun or ceased to do something on a link: to have an address, to speak IPv6, to forward.
    Around {
        /// Its number; negative for all.
        index: i32,
    },
}

/// A subscription to changes of links, and of what the kernel does on them.
#[derive(Debug)]
pub(super) struct LinkWatch {
    socket: OwnedFd,
    buffer: Box<[u8]>,
}

impl LinkWatch {
    /// Subscribes.
    pub(super) fn open() -> io::Result<Self> {
        let socket = sys::route_socket(GROUPS)?;
        Ok(Self { socket, buffer: vec![0; ANSWER].into_boxed_slice() })
    }

    /// Returns what becomes readable when there is news.
    pub(super) fn socket(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Returns what has changed since it was last asked.
    ///
    /// # Errors
    ///
    /// Messages were lost (ENOBUFS): the links must be asked for.
    pub(super) fn read(&mut self) -> io::Result<Vec<LinkEvent>> {
        let mut events = Vec::new();
        loop {
            match sys::receive(self.socket.as_fd(), &mut self.buffer) {
                Ok(length) => events.extend(link_events(self.buffer.get(..length).unwrap_or(&[]))),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(events),
                Err(error) => return Err(error),
            }
        }
    }
}

/// Returns an interface of this namespace by its name; nothing if there is none.
pub(crate) fn link_by_name(name: &str) -> io::Result<Option<Link>> {
    // IFNAMSIZ with its NUL.
    if name.is_empty() || name.len() > 15 || name.contains('\0') {
        return Ok(None);
    }
    let mut attributes = attribute(IFLA_EXT_MASK, &SKIP_STATS.to_ne_bytes());
    attributes.extend(attribute(IFLA_IFNAME, &[name.as_bytes(), &[0]].concat()));
    one_link(0, &attributes)
}

/// Returns the other end of a pair; nothing if it cannot be seen from here.
pub(crate) fn peer_of(link: &Link) -> io::Result<Option<Link>> {
    let Some(peer) = link.peer.filter(|_| link.kind == "veth") else { return Ok(None) };
    let mut attributes = attribute(IFLA_EXT_MASK, &SKIP_STATS.to_ne_bytes());
    if let Some(namespace) = link.peer_namespace {
        attributes.extend(attribute(IFLA_TARGET_NETNSID, &namespace.to_ne_bytes()));
    }
    one_link(peer, &attributes)
}

/// Returns the addresses of an interface of this namespace.
pub(crate) fn addresses(index: i32) -> io::Result<Vec<IpAddr>> {
    let mut found = Vec::new();
    exchange(RTM_GETADDR, REQUEST | DUMP, &[0; 8], |kind, body| {
        if kind == RTM_NEWADDR {
            found.extend(parse_address(body, index));
        }
    })?;
    Ok(found)
}

/// Asks for one link by number, or by the attributes where that is 0.
fn one_link(index: i32, attributes: &[u8]) -> io::Result<Option<Link>> {
    let mut body = vec![0; 16];
    body.splice(4..8, index.to_ne_bytes());
    body.extend(attributes);
    let mut found = None;
    let answer = exchange(RTM_GETLINK, REQUEST, &body, |kind, body| {
        if kind == RTM_NEWLINK {
            found = parse_link(body);
        }
    });
    match answer {
        Ok(()) => Ok(found),
        Err(error) if error.raw_os_error() == Some(libc::ENODEV) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Sends a request and hands over each message of the answer.
fn exchange(
    kind: u16,
    flags: u16,
    body: &[u8],
    mut take: impl FnMut(u16, &[u8]),
) -> io::Result<()> {
    let socket = sys::route_socket(0)?;
    sys::send(socket.as_fd(), &request(kind, flags, body))?;
    let mut buffer = vec![0; ANSWER];
    loop {
        let length = sys::receive(socket.as_fd(), &mut buffer)?;
        let answer = buffer.get(..length).ok_or(io::ErrorKind::InvalidData)?;
        let mut ended = flags & DUMP == 0;
        for message in Messages(answer) {
            match message.kind {
                NLMSG_DONE => ended = true,
                NLMSG_ERROR => return error_of(message.body),
                other => take(other, message.body),
            }
        }
        if ended {
            return Ok(());
        }
    }
}

/// Returns the error of an answer: a negative errno, or 0.
fn error_of(body: &[u8]) -> io::Result<()> {
    match body.first_chunk().map(|number| i32::from_ne_bytes(*number)) {
        Some(0) => Ok(()),
        Some(number) => Err(io::Error::from_raw_os_error(number.saturating_neg())),
        None => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// Builds a message: length, type, flags, sequence and port of the sender, and the body.
fn request(kind: u16, flags: u16, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(16 + body.len()).unwrap_or(u32::MAX);
    let mut message = length.to_ne_bytes().to_vec();
    message.extend(kind.to_ne_bytes());
    message.extend(flags.to_ne_bytes());
    message.extend(1_u32.to_ne_bytes());
    message.extend(0_u32.to_ne_bytes());
    message.extend(body);
    message
}

/// Builds an attribute: length, type, value, and padding to four bytes.
fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(4 + value.len()).unwrap_or(u16::MAX);
    let mut bytes = length.to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// Reads the news in a datagram; what is not about links is passed over.
fn link_events(datagram: &[u8]) -> Vec<LinkEvent> {
    Messages(datagram)
        .filter_map(|message| match message.kind {
            RTM_NEWLINK if message.body.first() == Some(&AF_INET6) => {
                around(i32_at(message.body, 4))
            }
            RTM_NEWADDR | RTM_DELADDR => around(i32_at(message.body, 4)),
            RTM_NEWNETCONF => around(parse_netconf(message.body)),
            RTM_NEWLINK => parse_link(message.body).map(LinkEvent::Present),
            RTM_DELLINK => {
                parse_link(message.body).map(|link| LinkEvent::Gone { index: link.index })
            }
            _ => None,
        })
        .collect()
}

fn around(index: Option<i32>) -> Option<LinkEvent> {
    index.map(|index| LinkEvent::Around { index })
}

const fn group(number: u32) -> u32 {
    1 << (number - 1)
}

/// A message in a datagram.
struct Message<'a> {
    kind: u16,
    body: &'a [u8],
}

/// The messages of a datagram; a length that lies ends them.
struct Messages<'a>(&'a [u8]);

impl<'a> Iterator for Messages<'a> {
    type Item = Message<'a>;

    fn next(&mut self) -> Option<Message<'a>> {
        let length = usize::try_from(u32_at(self.0, 0)?).ok()?;
        let message = Message { kind: u16_at(self.0, 4)?, body: self.0.get(16..length)? };
        self.0 = self.0.get(length.next_multiple_of(4)..).unwrap_or(&[]);
        Some(message)
    }
}

/// The attributes behind the fixed part of a body: type without its flags, and value.
struct Attributes<'a>(&'a [u8]);

impl<'a> Iterator for Attributes<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<(u16, &'a [u8])> {
        let length = usize::from(u16_at(self.0, 0)?);
        let item = (u16_at(self.0, 2)? & 0x3fff, self.0.get(4..length)?);
        self.0 = self.0.get(length.next_multiple_of(4)..).unwrap_or(&[]);
        Some(item)
    }
}

/// Reads a body that begins with `ifinfomsg`; nothing if it is what a bridge says of a port of its own.
fn parse_link(body: &[u8]) -> Option<Link> {
    if *body.first()? != 0 {
        return None;
    }
    let mut link = Link {
        hardware: u16_at(body, 2)?,
        index: i32_at(body, 4)?,
        flags: u32_at(body, 8)?,
        ..Link::default()
    };
    for (kind, value) in Attributes(body.get(16..)?) {
        fill_in(&mut link, kind, value);
    }
    Some(link)
}

fn fill_in(link: &mut Link, kind: u16, value: &[u8]) {
    match kind {
        IFLA_ADDRESS => link.mac = value.try_into().unwrap_or_default(),
        IFLA_IFNAME => link.name = text(value),
        IFLA_MTU => link.mtu = u32_at(value, 0).unwrap_or_default(),
        IFLA_LINK => link.peer = i32_at(value, 0),
        IFLA_MASTER => link.master = i32_at(value, 0),
        IFLA_LINK_NETNSID => link.peer_namespace = i32_at(value, 0),
        IFLA_GSO_MAX_SIZE => link.gso_max_size = u32_at(value, 0).unwrap_or_default(),
        IFLA_GSO_IPV4_MAX_SIZE => link.gso_ipv4_max_size = u32_at(value, 0).unwrap_or_default(),
        IFLA_LINKINFO => link.kind = nested(value, IFLA_INFO_KIND).map(text).unwrap_or_default(),
        IFLA_XDP => link.has_xdp = nested(value, IFLA_XDP_ATTACHED).is_some_and(|v| v != [0]),
        _ => {}
    }
}

/// Reads a body that begins with `ifaddrmsg`; nothing if it is about another interface.
fn parse_address(body: &[u8], index: i32) -> Option<IpAddr> {
    if i32_at(body, 4)? != index {
        return None;
    }
    let attributes = body.get(8..)?;
    // On a point-to-point link IFA_ADDRESS is the other end.
    let value = nested(attributes, IFA_LOCAL).or_else(|| nested(attributes, IFA_ADDRESS))?;
    match value.len() {
        4 => value.try_into().ok().map(|four: [u8; 4]| Ipv4Addr::from(four).into()),
        16 => value.try_into().ok().map(|all: [u8; 16]| Ipv6Addr::from(all).into()),
        _ => None,
    }
}

/// Reads whose settings a body is about, that begins with `netconfmsg`.
fn parse_netconf(body: &[u8]) -> Option<i32> {
    i32_at(nested(body.get(4..)?, NETCONFA_IFINDEX)?, 0)
}

fn nested(attributes: &[u8], wanted: u16) -> Option<&[u8]> {
    Attributes(attributes).find(|(kind, _)| *kind == wanted).map(|(_, value)| value)
}

fn text(value: &[u8]) -> String {
    let end = value.iter().position(|byte| *byte == 0).unwrap_or(value.len());
    String::from_utf8_lossy(value.get(..end).unwrap_or_default()).into_owned()
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|two| u16::from_ne_bytes(*two))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|four| u32::from_ne_bytes(*four))
}

fn i32_at(bytes: &[u8], at: usize) -> Option<i32> {
    bytes.get(at..)?.first_chunk().map(|four| i32::from_ne_bytes(*four))
}

#[cfg(test)]
mod tests {
    use super::{
        AF_INET6, IFLA_IFNAME, IFLA_MTU, IFLA_XDP, IFLA_XDP_ATTACHED, Link, LinkEvent,
        NETCONFA_IFINDEX, RTM_DELADDR, RTM_DELLINK, RTM_NEWADDR, RTM_NEWLINK, RTM_NEWNETCONF,
        attribute, link_by_name, link_events, request,
    };

    fn link_message(kind: u16, family: u8) -> Vec<u8> {
        let mut body = vec![family, 0, 1, 0];
        body.extend(7_i32.to_ne_bytes());
        body.extend([0x81_u32, 0].iter().flat_map(|n| n.to_ne_bytes()));
        body.extend(attribute(IFLA_IFNAME, b"veth0\0"));
        body.extend(attribute(IFLA_MTU, &1500_u32.to_ne_bytes()));
        body.extend(attribute(IFLA_XDP, &attribute(IFLA_XDP_ATTACHED, &[2])));
        request(kind, 0, &body)
    }

    #[test]
    fn news_of_links_are_read_one_after_another() {
        let datagram = [link_message(RTM_NEWLINK, 0), link_message(RTM_DELLINK, 0)].concat();
        let events = link_events(&datagram);
        let [LinkEvent::Present(link), gone] = &events[..] else { panic!("{events:?}") };
        assert_eq!((link.index, link.name.as_str(), link.mtu), (7, "veth0", 1500));
        assert!(link.is_up() && link.has_xdp && !link.answers_arp());
        assert_eq!(*gone, LinkEvent::Gone { index: 7 });
    }

    #[test]
    fn a_port_that_leaves_a_bridge_is_not_gone() {
        assert_eq!(link_events(&link_message(RTM_DELLINK, 7)), []);
    }

    #[test]
    fn what_the_kernel_does_on_a_link_is_told_by_its_number() {
        let mut address = vec![2, 24, 0, 0];
        address.extend(7_i32.to_ne_bytes());
        let mut forwarding = vec![2, 0, 0, 0];
        forwarding.extend(attribute(NETCONFA_IFINDEX, &(-1_i32).to_ne_bytes()));
        let datagram = [
            request(RTM_DELADDR, 0, &address),
            link_message(RTM_NEWLINK, AF_INET6),
            request(RTM_NEWNETCONF, 0, &forwarding),
            request(RTM_NEWNETCONF, 0, &[2]),
            request(RTM_NEWADDR, 0, &[2, 24]),
        ]
        .concat();
        let wanted = [7, 7, -1].map(|index| LinkEvent::Around { index });
        assert_eq!(link_events(&datagram), wanted);
    }

    #[test]
    fn a_link_stands_as_before_while_the_preflight_would_read_the_same() {
        let link = Link { mtu: 1500, flags: 0x81, ..Link::default() };
        let same = Link { flags: 0x80, mac: [2; 6], peer: Some(3), ..link.clone() };
        assert!(link.stands_as(&same));
        for changed in [
            Link { mtu: 1400, ..link.clone() },
            Link { flags: 1, ..link.clone() },
            Link { master: Some(9), ..link.clone() },
            Link { gso_max_size: 190_000, ..link.clone() },
            Link { gso_ipv4_max_size: 190_000, ..link.clone() },
            Link { has_xdp: true, ..link.clone() },
        ] {
            assert!(!link.stands_as(&changed), "{changed:?}");
        }
    }

    #[test]
    fn damaged_messages_end_the_reading() {
        let whole = link_message(RTM_NEWLINK, 0);
        for length in 0..whole.len() {
            assert_eq!(link_events(&whole[..length]), []);
        }
        link_events(&[0; 64]);
        link_events(&[0xff; 64]);
    }

    #[test]
    fn the_loopback_interface_is_found_and_a_stranger_is_not() {
        let loopback = link_by_name("lo").unwrap().unwrap();
        assert_eq!((loopback.name.as_str(), loopback.is_ethernet()), ("lo", false));
        assert_eq!(link_by_name("no-such-thing").unwrap(), None);
        assert_eq!(link_by_name("a-name-that-is-too-long-for-linux").unwrap(), None);
    }
}
