//! Frames made by hand, from one side to the other: what is forged stays behind, what is allowed arrives as it was.

use std::collections::BTreeMap;
use std::net::Ipv6Addr;
use std::thread;
use std::time::{Duration, Instant};

use netpol_core::model::Family::{self, V4, V6};
use netpol_enforce::device::PortStats;
use netpol_enforce::pipeline::Why;
use netpol_enforce::policies::Sides as Placed;
use netpol_enforce::report::Report;
use netpol_enforce::wire::build::{
    Extension, Ipv6, Link, Message, arp, chunk, icmpv6, neighbour_advertisement,
    neighbour_solicitation, sctp, solicited_node, udp,
};
use netpol_enforce::wire::{Arp, Mac};
use netpol_enforce::{DropReason, PortId};

use crate::common::{
    self, CACHE, DB, FAR, Host, NEAR, PEER, SERVICES, SYN, SYN_ACK, Sent, WEB, Way, way,
};
use crate::datapath::{Datapath, Setup, assert_adds_up};
use crate::roles::hex;
use crate::sides::{Role, Sides, ip_on};

/// The port that answers, and the ones that ask.
const DNS: u16 = 53;

/// What becomes of a frame.
type Expected = Result<Why, DropReason>;

fn start() -> Datapath {
    let sides = Placed::Bound(common::bindings_with_macs());
    Datapath::open(common::snapshot(&[SERVICES]), sides, Setup::default())
}

/// Sends frames by a port and one that is the last, and returns those that arrive before it.
fn carry(by: PortId, frames: &[Sent]) -> Vec<String> {
    let side = usize::from(by.0);
    let (from, to) = if by == NEAR { (WEB, DB) } else { (DB, WEB) };
    let last = hex(&way(from, to, V4).send(&udp(9, DNS, b"that is all")).bytes);
    let mut hearer = Role::start(1 - side, &["role:hear", &last]);
    let mut sender = Role::start(side, &["role:send"]);
    frames.iter().for_each(|frame| sender.tell(&hex(&frame.bytes)));
    sender.tell(&last);
    sender.tell("");
    assert_eq!(sender.line(), "sent");
    let mut heard = Vec::new();
    loop {
        match hearer.line() {
            line if line == last => return heard,
            line => heard.push(line),
        }
    }
}

fn texts<'a>(frames: impl IntoIterator<Item = &'a Sent>) -> Vec<String> {
    frames.into_iter().map(|frame| hex(&frame.bytes)).collect()
}

/// Compares every counter of verdicts and ports.
fn assert_counted(report: &Report, by_port: [&[Expected]; 2]) {
    let mut counts = BTreeMap::<_, u64>::new();
    for expected in by_port.concat() {
        *counts.entry(expected.map_or_else(DropReason::code, Why::code)).or_default() += 1;
    }
    let forwarded = Why::ALL.iter().map(|why| (why.code(), report.forwarded[*why as usize]));
    let dropped = DropReason::ALL.iter().map(|why| (why.code(), report.dropped_for(*why)));
    let mut found = BTreeMap::<_, u64>::new();
    // `POLICY` is the name of both a pass and a drop.
    for (code, count) in forwarded.chain(dropped).filter(|(_, count)| *count > 0) {
        *found.entry(code).or_default() += count;
    }
    assert_eq!(found, counts, "{report}");
    let sent = |port: usize| by_port[1 - port].iter().filter(|expected| expected.is_ok()).count();
    for (port, expected) in by_port.iter().enumerate() {
        let (received, sent) = (expected.len() as u64, sent(port) as u64);
        let wanted = PortStats { received, sent, ..PortStats::default() };
        assert_eq!(report.ports[port].stats, wanted, "{report}");
    }
    assert_adds_up(report);
}

/// A message of neighbour discovery from a host to an address, by the near port.
fn discovers(from: Host, source: Ipv6Addr, to: Ipv6Addr, message: &Message) -> Sent {
    let packet = Ipv6::new(source, to).hop_limit(255).packet(message);
    let link = Link::new(from.mac, DB.mac).toward(to.into());
    Sent { port: NEAR, bytes: link.ipv6(&packet) }
}

fn asks(sender: Host, sender_mac: Mac, mac: Mac) -> Sent {
    let packet = arp(1, &Arp { sender_mac, sender: sender.v4, target: CACHE.v4 });
    Sent { port: NEAR, bytes: Link::new(mac, [0xff; 6]).arp(&packet) }
}

/// Frames by the near port, which pretend to be what they are not, among some that are what they say.
fn pretenders() -> Vec<(Sent, Expected)> {
    let group = solicited_node(DB.v6);
    let all: Ipv6Addr = "ff02::1".parse().unwrap();
    let link_local: Ipv6Addr = "fe80::1".parse().unwrap();
    let solicits = neighbour_solicitation(DB.v6, Some(WEB.mac));
    let stranger = Host { v4: "198.51.100.9".parse().unwrap(), ..WEB };
    // A router and its life; a better way to a destination (RFC 4861, 4.2 and 4.5).
    let router = icmpv6(134, 0, [64, 0, 7, 8], &[0; 8]);
    let better = icmpv6(137, 0, [0; 4], &[DB.v6.octets(), CACHE.v6.octets()].concat());
    let mut frames = vec![
        (asks(WEB, WEB.mac, WEB.mac), Ok(Why::Neighbour)),
        (asks(DB, WEB.mac, WEB.mac), Err(DropReason::ArpInvalid)),
        (asks(DB, DB.mac, DB.mac), Err(DropReason::ArpInvalid)),
        (asks(WEB, PEER.mac, WEB.mac), Err(DropReason::ArpInvalid)),
        (asks(WEB, WEB.mac, PEER.mac), Err(DropReason::ArpInvalid)),
        (discovers(WEB, WEB.v6, group, &solicits), Ok(Why::Neighbour)),
        (
            discovers(
                WEB,
                Ipv6Addr::UNSPECIFIED,
                solicited_node(WEB.v6),
                &neighbour_solicitation(WEB.v6, None),
            ),
            Ok(Why::Neighbour),
        ),
        (discovers(WEB, DB.v6, group, &solicits), Err(DropReason::NdInvalid)),
        (
            discovers(WEB, WEB.v6, CACHE.v6, &neighbour_advertisement(WEB.v6, Some(WEB.mac), 0x60)),
            Ok(Why::Neighbour),
        ),
        (
            discovers(WEB, WEB.v6, CACHE.v6, &neighbour_advertisement(DB.v6, Some(WEB.mac), 0x60)),
            Err(DropReason::NdInvalid),
        ),
        (discovers(WEB, link_local, all, &router), Err(DropReason::NdInvalid)),
        (discovers(WEB, WEB.v6, all, &router), Err(DropReason::NdInvalid)),
        (discovers(WEB, link_local, CACHE.v6, &better), Err(DropReason::NdInvalid)),
        (discovers(WEB, WEB.v6, CACHE.v6, &better), Err(DropReason::NdInvalid)),
        (way(stranger, DB, V4).udp(1, DNS), Err(DropReason::Spoofed)),
    ];
    for family in Family::ALL {
        let honest = way(WEB, DB, family);
        frames.extend([
            (honest.udp(1, DNS), Ok(Why::Policy)),
            (honest.udp(2, DNS).mac(PEER.mac), Err(DropReason::Spoofed)),
            (honest.udp(2, DNS).mac([2, 0, 0, 0, 9, 9]), Err(DropReason::Spoofed)),
            // Another pod's address: of this side with its own Ethernet address or ours, and of the other side.
            (way(PEER, DB, family).udp(1, DNS).mac(WEB.mac), Err(DropReason::Spoofed)),
            (way(CACHE, DB, family).udp(1, DNS), Err(DropReason::Spoofed)),
            (way(CACHE, DB, family).udp(1, DNS).mac(WEB.mac), Err(DropReason::Spoofed)),
            (way(PEER, DB, family).udp(1, DNS), Err(DropReason::Policy)),
            (honest.udp(1, 54), Err(DropReason::Policy)),
            (way(WEB, PEER, family).udp(1, DNS), Err(DropReason::SameSide)),
            (honest.tcp(1, 80, SYN_ACK), Err(DropReason::NoFlow)),
            // What was allowed goes on.
            (honest.udp(1, DNS), Ok(Why::Established)),
        ]);
    }
    frames
}

/// Other pods' addresses, forged ARP and neighbour discovery, routers and redirects: none of it gets across.
pub(crate) fn what_is_forged_is_dropped() {
    let _sides = Sides::silent();
    let datapath = start();
    let (frames, mut expected): (Vec<Sent>, Vec<Expected>) = pretenders().into_iter().unzip();
    let passing = frames.iter().zip(&expected).filter(|(_, expected)| expected.is_ok());
    assert_eq!(carry(NEAR, &frames), texts(passing.map(|(frame, _)| frame)));
    expected.push(Ok(Why::Policy));
    assert_counted(&datapath.stop(), [&expected, &[]]);
}

/// Returns a frame with a tag behind its addresses.
fn tagged(mut sent: Sent, tpid: u16, tci: u16) -> Sent {
    let tag = [tpid.to_be_bytes(), tci.to_be_bytes()].concat();
    sent.bytes.splice(12..12, tag);
    sent
}

/// An association is asked for by a tag of our own, which the answer carries.
fn associations(ask: Way) -> [Sent; 2] {
    // Initiate tag, window, streams out and in, first number; the answer has a cookie too (RFC 9260, 3.3.2 and 3.3.3).
    let value = |tag: u8| [0, 0, 0, tag, 0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 9];
    let cookie = [0, 7, 0, 8, 0xc0, 0x0c, 0x1e, 0x5a];
    let answer = [&value(8)[..], &cookie].concat();
    [
        ask.send(&sctp(5000, 3868, 0, &[chunk(1, &value(7))])),
        ask.back().send(&sctp(3868, 5000, 7, &[chunk(2, &answer)])),
    ]
}

/// What WEB sends to DB, and what DB sends back to that, each with why it passes.
fn exchanges() -> [Vec<(Sent, Expected)>; 2] {
    let [mut there, mut back] = [Vec::new(), Vec::new()];
    for family in Family::ALL {
        let ask = way(WEB, DB, family);
        there.push((ask.tcp(1, 80, SYN), Ok(Why::Policy)));
        back.push((ask.back().tcp(80, 1, SYN_ACK), Ok(Why::Established)));
        let [init, answer] = associations(ask);
        there.push((init, Ok(Why::Policy)));
        back.push((answer, Ok(Why::Established)));
        let long = [udp(2, DNS, &[0x5a; 2500]), udp(DNS, 2, &[0xa5; 2500])];
        let parts = [ask.fragments(7, 1000, &long[0]), ask.back().fragments(7, 1000, &long[1])];
        for ((parts, first), into) in
            parts.into_iter().zip([Why::Policy, Why::Established]).zip([&mut there, &mut back])
        {
            let why = |at| if at == 0 { Ok(first) } else { Ok(Why::Fragment) };
            into.extend(parts.into_iter().enumerate().map(|(at, part)| (part, why(at))));
        }
        for (tpid, tci) in [(0x8100, 0x2005), (0x88a8, 0x0007)] {
            there.push((tagged(ask.udp(3, DNS), tpid, tci), Ok(Why::Policy)));
            back.push((tagged(ask.back().udp(DNS, 3), tpid, tci), Ok(Why::Established)));
        }
        let deep = tagged(tagged(ask.udp(4, DNS), 0x8100, 9), 0x88a8, 7);
        there.push((deep, Err(DropReason::VlanDepth)));
        let asked = ask.packet(&udp(3, DNS, b"query"));
        there.push((ask.udp(3, DNS), Ok(Why::Policy)));
        back.push((ask.back().too_big(&asked), Ok(Why::Related)));
    }
    // Options that are only padding (RFC 8200, 4.2).
    let padding = vec![1, 4, 0, 0, 0, 0];
    let extended = Ipv6::new(WEB.v6, DB.v6)
        .extension(Extension::HopByHop(padding.clone()))
        .extension(Extension::Destination(padding));
    let ask = way(WEB, DB, V6);
    there.push((ask.frame(&extended.packet(&udp(5, DNS, b"query"))), Ok(Why::Policy)));
    there.push((ask.frame(&extended.packet(&udp(5, DNS, b"again"))), Ok(Why::Established)));
    let unknown =
        extended.extension(Extension::Routing { kind: 0, segments_left: 1, rest: vec![0; 20] });
    there.push((ask.frame(&unknown.packet(&udp(5, DNS, b"query"))), Err(DropReason::RoutingZero)));
    [there, back]
}

/// IPv6 with extension headers, fragments, TCP, SCTP and tags: what arrives is what was sent, to the byte.
pub(crate) fn what_is_allowed_arrives_byte_for_byte() {
    let _sides = Sides::silent();
    let datapath = start();
    let mut all = Vec::new();
    for (by, exchange) in [NEAR, FAR].into_iter().zip(exchanges()) {
        let (frames, mut expected): (Vec<Sent>, Vec<Expected>) = exchange.into_iter().unzip();
        let passing = frames.iter().zip(&expected).filter(|(_, expected)| expected.is_ok());
        assert_eq!(carry(by, &frames), texts(passing.map(|(frame, _)| frame)), "by {by:?}");
        expected.push(Ok(Why::Policy));
        all.push(expected);
    }
    assert_counted(&datapath.stop(), [&all[0], &all[1]]);
}

/// Nobody asks across for an address that another has, who would have to give it up were it just making sure of it. An own
/// one is asked for, and then talked by.
pub(crate) fn an_address_is_asked_for_where_it_stands() {
    let addresses = [vec![WEB.v6.into()], Vec::new()];
    let _sides = Sides::new(&addresses);
    let placed = Placed::Bound(common::bindings());
    let datapath = Datapath::open(common::snapshot(&[SERVICES]), placed, Setup::default());
    ip_on(1, &format!("addr add {}/128 dev eth0", WEB.v6));
    ip_on(1, &format!("addr add {}/128 dev eth0", DB.v6));
    let (start, mut shown) = (Instant::now(), String::new());
    let line = |shown: &str, host: Host| {
        let address = format!("inet6 {}/", host.v6);
        shown.lines().find(|line| line.contains(&address)).unwrap_or_default().to_owned()
    };
    let is_settled = |shown: &str| {
        [WEB, DB].iter().all(|host| {
            let line = line(shown, *host);
            !line.is_empty() && !line.contains("tentative")
        })
    };
    while !is_settled(&shown) {
        assert!(start.elapsed() < Duration::from_secs(6), "{shown}");
        thread::sleep(Duration::from_millis(50));
        shown = ip_on(1, "-6 addr show dev eth0");
    }
    assert!(!shown.contains("dadfailed"), "{shown}");
    let owner = line(&ip_on(0, "-6 addr show dev eth0"), WEB);
    assert!(!owner.is_empty() && !owner.contains("dadfailed"), "{owner}");
    ip_on(1, &format!("addr del {}/128 dev eth0", WEB.v6));
    let _server = Role::start(1, &["role:serve", &DB.v6.to_string(), "80,81"]);
    let mut client = Role::start(0, &["role:try", "1500"]);
    for (protocol, port) in [("tcp", 80), ("tcp", 81)] {
        client.tell(&format!("{protocol} {} {} {port}", WEB.v6, DB.v6));
    }
    client.tell("");
    assert_eq!([client.line(), client.line()], ["ok", "no"]);
    let report = datapath.stop();
    assert_adds_up(&report);
    assert!(report.dropped[DropReason::NdInvalid as usize] > 0, "{report}");
    assert!(report.forwarded[Why::Neighbour as usize] > 0, "{report}");
}
