//! Valid frames of every kind, for tests that break or compare them.

use std::net::Ipv6Addr;

use netpol_enforce::wire::build::{
    Extension, Ipv6, Link, Message, arp, chunk, echo_reply, echo_request, icmp_error,
    icmpv6_echo_reply, icmpv6_echo_request, icmpv6_error, neighbour_advertisement,
    neighbour_solicitation, other, router_solicitation, sctp, solicited_node, tcp, udp,
};
use netpol_enforce::wire::{Arp, ReadLimits};

use crate::{A4, A6, B4, B6, Input, header4, header6};

/// What the samples need to be read.
pub(crate) const LIMITS: ReadLimits = ReadLimits { vlan_depth: 2, dhcp: true };

/// Returns the samples, none with padding.
pub(crate) fn samples() -> Vec<Input> {
    let frames = [arp_frames(), v4_frames(), v6_frames(), discovery_frames(), tagged_frames()];
    let inputs = frames.concat().into_iter().map(Input::from);
    inputs.map(|input| Input { limits: LIMITS, ..input }).collect()
}

#[test]
fn every_sample_is_read() {
    for sample in samples() {
        assert!(sample.read().is_ok(), "{:?} {sample:02x?}", sample.read());
    }
}

/// Messages that both versions carry.
fn messages() -> Vec<Message> {
    vec![
        tcp(5000, 80, 2, b""),
        tcp(80, 5000, 24, b"data"),
        udp(5000, 53, b"query"),
        udp(5000, 53, b""),
        sctp(5000, 3868, 0, &[chunk(1, &[1; 16])]),
        sctp(5000, 3868, 9, &[chunk(3, &[1; 12]), chunk(0, &[1; 13])]),
        other(47, &[0; 12]),
        other(50, &[1; 24]),
    ]
}

fn arp_frames() -> Vec<Vec<u8>> {
    let packet = Arp { sender_mac: [2, 0, 0, 0, 0, 1], sender: A4, target: B4 };
    let link = Link::default();
    vec![link.clone().to([0xFF; 6]).arp(&arp(1, &packet)), link.arp(&arp(2, &packet))]
}

fn v4_frames() -> Vec<Vec<u8>> {
    let quoted = header4().packet(&udp(5000, 53, b"query"));
    let mut all = messages();
    all.extend([echo_request(7, b"x"), echo_reply(7, b"x"), icmp_error(3, 4, &quoted)]);
    all.extend([udp(68, 67, b"renew")]);
    let mut packets: Vec<_> = all.iter().map(|message| header4().packet(message)).collect();
    packets.extend(header4().fragments(7, 24, &tcp(5000, 80, 16, &[1; 40])));
    packets.push(header4().options(&[148, 4, 0, 0, 7, 3, 4]).packet(&udp(5000, 53, b"query")));
    packets.iter().map(|packet| Link::default().ipv4(packet)).collect()
}

fn v6_frames() -> Vec<Vec<u8>> {
    let quoted = header6().packet(&tcp(5000, 80, 16, &[0; 40]));
    let mut all = messages();
    all.extend([icmpv6_echo_request(7, b"x"), icmpv6_echo_reply(7, b"x")]);
    all.extend([icmpv6_error(2, 0, &quoted), other(59, b"x")]);
    let mut packets: Vec<_> = all.iter().map(|message| header6().packet(message)).collect();
    let chain = header6().extension(Extension::HopByHop(vec![5, 2, 0, 0]));
    let chain = chain.extension(Extension::Destination(vec![1, 4]));
    let chain = chain.extension(Extension::Routing { kind: 4, segments_left: 0, rest: vec![0; 4] });
    let chain = chain.extension(Extension::Authentication);
    packets.push(chain.packet(&tcp(5000, 80, 2, b"")));
    let atomic = Extension::Fragment { id: 1, offset: 0, more: false };
    packets.push(header6().extension(atomic).packet(&udp(5000, 53, b"query")));
    let cut = [Extension::Destination(vec![])];
    packets.extend(chain.fragments(7, 32, &cut, &udp(5000, 53, &[1; 40])));
    packets.iter().map(|packet| Link::default().ipv6(packet)).collect()
}

fn discovery_frames() -> Vec<Vec<u8>> {
    let mac = Some([2, 0, 0, 0, 0, 1]);
    let send = |destination: Ipv6Addr, message: &Message| {
        let packet = Ipv6::new(A6, destination).hop_limit(255).packet(message);
        Link::default().toward(destination.into()).ipv6(&packet)
    };
    vec![
        send(solicited_node(B6), &neighbour_solicitation(B6, mac)),
        send(B6, &neighbour_advertisement(A6, mac, 0x60)),
        send("ff02::2".parse().unwrap(), &router_solicitation(mac)),
    ]
}

fn tagged_frames() -> Vec<Vec<u8>> {
    let one = Link::default().tag(0x8100, 7);
    let two = Link::default().tag(0x88A8, 100).tag(0x8100, 7);
    let message = tcp(5000, 80, 2, b"");
    vec![
        one.send(A4.into(), B4.into(), &message),
        one.send(A6.into(), B6.into(), &message),
        two.send(A4.into(), B4.into(), &message),
        two.send(A6.into(), B6.into(), &message),
    ]
}
