//! One frame for each reason that lies in Ethernet, ARP and IP headers and in addresses, with near misses that pass.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netpol_enforce::DropReason;
use netpol_enforce::wire::Arp;
use netpol_enforce::wire::build::{
    Extension, Ipv4, Ipv6, Link, Message, arp, echo_request, icmpv6, icmpv6_echo_request,
    neighbour_solicitation, other, solicited_node, tcp, udp,
};

use crate::{
    A4, A6, B4, B6, ETHERNET, IPV6, Input, check, header4, header6, packet4, packet6, v4, v6, with,
    with4, without_last,
};

fn query() -> Message {
    udp(5000, 53, b"query")
}

fn syn() -> Message {
    tcp(5000, 80, 2, b"")
}

fn send(source: impl Into<IpAddr>, destination: impl Into<IpAddr>, message: &Message) -> Input {
    Link::default().send(source.into(), destination.into(), message).into()
}

fn bytes(input: Input) -> Vec<u8> {
    input.bytes
}

#[test]
fn frames_of_which_bytes_are_missing() {
    let mut cut = v4(&query());
    cut.missing = 1;
    let mut padded = v4(&query());
    padded.bytes.resize(60, 0);
    let mut longer = v4(&query());
    longer.bytes.push(0);
    check(DropReason::Truncated, &[cut], &[v4(&query()), padded, longer]);
}

#[test]
fn frames_shorter_than_their_header() {
    let tagged = Link::default().tag(0x8100, 7).send(A4.into(), B4.into(), &query());
    let short = |length: usize| Input::from(tagged[..length].to_vec());
    let arp = Link::default().arp(&question()).into();
    check(
        DropReason::TooShort,
        &[short(0), short(13), short(14), short(17)],
        &[tagged.clone().into(), v4(&query()), arp],
    );
}

#[test]
fn ethertypes_that_are_not_forwarded() {
    let frame = |ethertype| Input::from(Link::default().frame(ethertype, &[0; 46]));
    check(
        DropReason::EtherType,
        &[frame(46), frame(0x88CC), frame(0x9100), frame(0x8847), frame(0x0807)],
        &[v4(&query()), v6(&query()), Link::default().arp(&question()).into()],
    );
}

#[test]
fn tags_deeper_than_allowed() {
    let frame = |link: Link| Input::from(link.send(A4.into(), B4.into(), &query()));
    let two = || Link::default().tag(0x88A8, 100).tag(0x8100, 7);
    check(
        DropReason::VlanDepth,
        &[
            frame(two()),
            frame(Link::default().tag(0x8100, 7)).depth(0),
            frame(two().tag(0x8100, 8)).depth(2),
        ],
        &[
            frame(two()).depth(2),
            frame(Link::default().tag(0x8100, 7)),
            frame(Link::default()).depth(0),
        ],
    );
}

fn question() -> Vec<u8> {
    arp(1, &Arp { sender_mac: [2, 0, 0, 0, 0, 1], sender: A4, target: B4 })
}

#[test]
fn arp_packets_that_are_not_ethernet_and_ipv4() {
    let link = || Link::default().to([0xFF; 6]);
    let changed = |at, value: &[u8]| Input::from(link().arp(&with(question(), at, value)));
    check(
        DropReason::ArpInvalid,
        &[
            changed(1, &[6]),
            changed(2, &[0x86]),
            changed(4, &[8]),
            changed(5, &[16]),
            changed(7, &[3]),
            changed(7, &[0]),
            changed(8, &[3]),
            changed(14, &[224, 0, 0, 1]),
            changed(14, &[127, 0, 0, 1]),
            changed(7, &[2, 2, 0, 0, 0, 0, 1, 0, 0, 0, 0]),
            link().arp(&without_last(question(), 1)).into(),
            Link::default().to([1, 0, 0x5E, 0, 0, 1]).arp(&question()).into(),
        ],
        &[
            changed(7, &[2]),
            // A probe, and an announcement of an address of one's own.
            changed(14, &[0, 0, 0, 0]),
            Link::default().arp(&with(question(), 24, &A4.octets())).into(),
        ],
    );
}

#[test]
fn ipv4_headers_that_are_wrong_or_do_not_fit() {
    let packet = || header4().packet(&query());
    let changed = |at, value: &[u8]| packet4(&with4(packet(), at, value));
    let options = |options: &[u8]| packet4(&header4().options(options).packet(&query()));
    check(
        DropReason::Ipv4Header,
        &[
            changed(0, &[0x55]),
            changed(0, &[0x44]),
            changed(0, &[0x4F]),
            changed(2, &[0, 19]),
            changed(2, &[0, 34]),
            changed(2, &[0, 0]),
            packet4(&packet()[..19]),
            options(&[7, 1, 0, 0]),
            options(&[7, 5, 0, 0]),
            options(&[1, 1, 1, 7]),
        ],
        &[
            // Record route, then the end of the options and what stands behind it.
            options(&[7, 3, 4, 0, 131, 0]),
            options(&[1, 1, 148, 4, 0, 0]),
            packet4(&[packet(), vec![0; 13]].concat()),
        ],
    );
}

#[test]
fn ipv4_headers_with_a_wrong_checksum() {
    let packet = || header4().packet(&query());
    check(
        DropReason::Ipv4Checksum,
        &[packet4(&with(packet(), 8, &[63])), packet4(&with(packet(), 10, &[0, 0]))],
        &[
            packet4(&packet()),
            packet4(&with4(packet(), 8, &[63])),
            // A wrong checksum of UDP is not ours to find.
            packet4(&with(packet(), 26, &[1, 2])),
        ],
    );
}

#[test]
fn ipv4_packets_that_choose_their_route() {
    let options = |options: &[u8]| packet4(&header4().options(options).packet(&query()));
    check(
        DropReason::SourceRoute,
        &[
            options(&[131, 7, 4, 10, 0, 0, 9]),
            options(&[137, 7, 4, 10, 0, 0, 9]),
            options(&[1, 1, 68, 4, 5, 0, 131, 3, 4]),
        ],
        &[
            options(&[1, 1, 1, 1]),
            // The numbers as value of another option, and after the end.
            options(&[7, 7, 4, 131, 7, 4, 137]),
            options(&[0, 137, 3, 4]),
        ],
    );
}

#[test]
fn hop_limits_of_zero() {
    check(
        DropReason::TtlZero,
        &[
            packet4(&header4().ttl(0).packet(&query())),
            packet6(&header6().hop_limit(0).packet(&query())),
        ],
        &[
            packet4(&header4().ttl(1).packet(&query())),
            packet6(&header6().hop_limit(1).packet(&query())),
            packet4(&header4().ttl(255).packet(&query())),
        ],
    );
}

#[test]
fn sources_that_no_host_may_send_from() {
    let v4 = |source: [u8; 4]| send(source, B4, &query());
    let v6 = |source: &str| send(source.parse::<Ipv6Addr>().unwrap(), B6, &query());
    let group = Link::new([3, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
    check(
        DropReason::BadSource,
        &[
            v4([224, 0, 0, 1]),
            v4([255, 255, 255, 255]),
            v4([127, 0, 0, 1]),
            v4([127, 255, 255, 254]),
            v4([0, 0, 0, 0]),
            v4([0, 1, 2, 3]),
            v6("ff02::1"),
            v6("::1"),
            v6("::"),
            v6("::ffff:10.0.0.1"),
            group.send(A4.into(), B4.into(), &query()).into(),
            // Only neighbour discovery has no address yet, only DHCP has none in IPv4.
            send(Ipv6Addr::UNSPECIFIED, B6, &icmpv6_echo_request(1, b"")),
            send(Ipv4Addr::UNSPECIFIED, B4, &query()).dhcp(),
            send(Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST, &udp(67, 68, b"")).dhcp(),
            send(Ipv6Addr::UNSPECIFIED, B6, &udp(546, 547, b"")).dhcp(),
        ],
        &[v4([223, 255, 255, 255]), v4([126, 0, 0, 1]), v6("fe80::1")],
    );
}

#[test]
fn destinations_inside_a_host() {
    let v4 = |destination: [u8; 4]| send(A4, destination, &query());
    let v6 = |destination: &str| send(A6, destination.parse::<Ipv6Addr>().unwrap(), &query());
    check(
        DropReason::BadDestination,
        &[
            v4([0, 0, 0, 0]),
            v4([127, 0, 0, 1]),
            v6("::"),
            v6("::1"),
            v6("::ffff:10.0.0.2"),
            v6("::ffff:127.0.0.1"),
        ],
        &[v4([1, 0, 0, 0]), v4([128, 0, 0, 1]), v6("64:ff9b::10.0.0.2")],
    );
}

#[test]
fn packets_to_their_own_source() {
    check(
        DropReason::Land,
        &[send(A4, A4, &syn()), send(A6, A6, &syn())],
        &[
            send(A4, B4, &tcp(80, 80, 2, b"")),
            send(A6, B6, &tcp(80, 80, 2, b"")),
            send(B4, A4, &syn()),
        ],
    );
}

#[test]
fn ipv6_headers_that_are_wrong_or_do_not_fit() {
    let packet = || header6().packet(&query());
    let changed = |at, value: &[u8]| packet6(&with(packet(), at, value));
    let jumbo = |length: u32| {
        let option = [&[0xC2, 4][..], &length.to_be_bytes()].concat();
        header6().extension(Extension::HopByHop(option)).packet(&query())
    };
    let long = vec![0; 65_536];
    check(
        DropReason::Ipv6Length,
        &[
            packet6(&packet()[..39]),
            changed(0, &[0x40]),
            changed(5, &[14]),
            changed(4, &[0, 0]),
            packet6(&with(header6().packet(&other(59, b"")), 4, &[0, 0])),
            // A jumbo payload option with a length in the header, and one with a length that the header can say.
            packet6(&jumbo(70_000)),
            packet6(&with(jumbo(21), 4, &[0, 0])),
            packet6(&without_last(header6().jumbogram(&other(253, &long)), 1)),
            packet6(&with(
                header6().extension(Extension::HopByHop(vec![])).packet(&query()),
                4,
                &[0, 0],
            )),
        ],
        &[
            packet6(&[packet(), vec![0; 9]].concat()),
            packet6(&header6().jumbogram(&other(253, &long))),
            packet6(&header6().packet(&other(59, b"x"))),
        ],
    );
}

#[test]
fn extension_headers_that_are_wrong_too_many_or_not_all_there() {
    let options = |count: usize| {
        let header = (0..count)
            .fold(header6(), |header, _| header.extension(Extension::Destination(vec![])));
        packet6(&header.packet(&query()))
    };
    let one = |extension| packet6(&header6().extension(extension).packet(&query()));
    let long = |length: usize| {
        let header = header6().extension(Extension::Destination(vec![0; 254]));
        let rest = Extension::Destination(vec![0; length - 258]);
        packet6(&header.extension(rest).packet(&query()))
    };
    let late = header6().extension(Extension::Destination(vec![]));
    let late = late.extension(Extension::HopByHop(vec![])).packet(&query());
    let atomic = Extension::Fragment { id: 1, offset: 0, more: false };
    let twice = header6().extension(atomic.clone()).extension(atomic.clone()).packet(&query());
    let authentication = header6().extension(Extension::Authentication).packet(&query());
    let segments = Extension::Routing { kind: 4, segments_left: 1, rest: vec![0; 20] };
    let mut jumbo = header6().extension(atomic).jumbogram(&other(253, &vec![0; 65_536]));
    jumbo.extend([0; 8]);
    check(
        DropReason::ExtensionChain,
        &[
            options(9),
            long(520),
            packet6(&late),
            packet6(&twice),
            packet6(&with(authentication.clone(), IPV6 + 1, &[0])),
            packet6(&with(authentication, IPV6 + 1, &[3])),
            one(segments),
            one(Extension::Destination(vec![1, 5])),
            one(Extension::HopByHop(vec![0xC2, 3, 0, 0, 0])),
            // The last header says that it is longer than the packet.
            packet6(&with(
                header6().extension(Extension::Destination(vec![])).packet(&query()),
                IPV6 + 1,
                &[9],
            )),
            packet6(&header6().packet(&other(60, &[17]))),
            packet6(&jumbo),
        ],
        &[options(8), long(512), one(Extension::HopByHop(vec![5, 2, 0, 0]))],
    );
}

#[test]
fn routing_headers_of_type_0() {
    let routing = |kind, segments_left| {
        let extension = Extension::Routing { kind, segments_left, rest: vec![0; 20] };
        packet6(&header6().extension(extension).packet(&query()))
    };
    check(
        DropReason::RoutingZero,
        &[routing(0, 1), routing(0, 0)],
        &[routing(2, 0), routing(3, 0), routing(4, 0)],
    );
}

#[test]
fn multicast_and_broadcast() {
    let groups: Vec<Input> = ["ff02::1", "ff02::fb", "ff05::2", "ff02::1:ff00:2"]
        .into_iter()
        .map(|group| send(A6, group.parse::<Ipv6Addr>().unwrap(), &query()))
        .collect();
    let listener = |kind| send(A6, B6, &icmpv6(kind, 0, [0; 4], &[0; 16]));
    let report = Ipv6::new([0; 16], "ff02::16".parse::<Ipv6Addr>().unwrap()).hop_limit(1);
    let report = report.extension(Extension::HopByHop(vec![5, 2, 0, 0]));
    let report = report.packet(&icmpv6(143, 0, [0; 4], &[]));
    let hosts = Link::default().to([0x33, 0x33, 0, 0, 0, 2]);
    let everyone = Link::default().to([0xFF; 6]);
    let dropped = [
        send(A4, [224, 0, 0, 251], &query()),
        send(A4, Ipv4Addr::BROADCAST, &query()),
        send(A4, [239, 1, 2, 3], &query()),
        // A packet for one host in a frame for many.
        everyone.ipv4(&header4().packet(&query())).into(),
        hosts.ipv6(&header6().packet(&query())).into(),
        Link::default().to([1, 0, 0x5E, 0, 0, 2]).ipv4(&header4().packet(&query())).into(),
        packet6(&report),
        listener(130),
        listener(131),
        listener(132),
        listener(143),
    ];
    let asked = Ipv6::new(A6, solicited_node(B6)).hop_limit(255);
    let asked = asked.packet(&neighbour_solicitation(B6, Some([2, 0, 0, 0, 0, 1])));
    check(
        DropReason::Multicast,
        &[&dropped[..], &groups].concat(),
        &[
            Link::default().toward(solicited_node(B6).into()).ipv6(&asked).into(),
            // A group in a frame for one station is legal (RFC 6085).
            packet6(&asked),
            everyone.arp(&question()).into(),
        ],
    );
}

#[test]
fn dhcp_unless_it_is_on() {
    let servers = "ff02::1:2".parse::<Ipv6Addr>().unwrap();
    let discover = || send(Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST, &udp(68, 67, b"discover"));
    let offer = || send(A4, Ipv4Addr::BROADCAST, &udp(67, 68, b"offer"));
    let solicit = || send(A6, servers, &udp(546, 547, b"solicit"));
    check(
        DropReason::DhcpOff,
        &[
            discover(),
            offer(),
            solicit(),
            send(A6, B6, &udp(547, 546, b"advertise")),
            send(A4, B4, &udp(68, 67, b"renew")),
        ],
        &[discover().dhcp(), offer().dhcp(), solicit().dhcp()],
    );
    check(
        DropReason::Multicast,
        &[
            send(A4, [224, 0, 0, 1], &udp(68, 67, b"")).dhcp(),
            send(A6, servers, &udp(547, 546, b"")).dhcp(),
            send(A6, "ff02::1".parse::<Ipv6Addr>().unwrap(), &udp(546, 547, b"")).dhcp(),
        ],
        // The ports of the other version mean nothing, and neither do others from the same host.
        &[
            send(A4, B4, &udp(546, 547, b"")),
            send(A6, B6, &udp(68, 67, b"")),
            send(A4, B4, &udp(1068, 67, b"")),
        ],
    );
}

#[test]
fn padding_is_not_read() {
    let frame = bytes(v4(&echo_request(7, b"")));
    let padded = Input::from([frame.clone(), vec![0xAA; 32]].concat());
    assert_eq!(padded.read(), Input::from(frame).read());
    let header = Ipv4::new(A4, B4).packet(&syn());
    assert_eq!(header.len() + ETHERNET, bytes(v4(&syn())).len());
}
