//! Neighbour discovery.

use std::net::Ipv6Addr;

use netpol_enforce::DropReason;
use netpol_enforce::wire::build::{
    Extension, Ipv6, Link, Message, icmpv6, neighbour_advertisement, neighbour_solicitation,
    router_solicitation, solicited_node,
};
use netpol_enforce::wire::{Content, Mac, Neighbour};

use crate::{A6, B6, IPV6, Input, check, packet6, with, without_last};

const MAC: Mac = [2, 0, 0, 0, 0, 1];
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xFF02, 0, 0, 0, 0, 0, 0, 1);
const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xFF02, 0, 0, 0, 0, 0, 0, 2);
const NOBODY: Ipv6Addr = Ipv6Addr::UNSPECIFIED;

fn packet(source: Ipv6Addr, destination: Ipv6Addr, message: &Message) -> Vec<u8> {
    Ipv6::new(source, destination).hop_limit(255).packet(message)
}

fn send(source: Ipv6Addr, destination: Ipv6Addr, message: &Message) -> Input {
    let link = Link::default().toward(destination.into());
    link.ipv6(&packet(source, destination, message)).into()
}

#[track_caller]
fn check_message(input: &Input, expected: Neighbour) {
    let packet = input.read().unwrap();
    assert_eq!(packet.content, Content::Neighbour(expected));
}

#[test]
fn messages_are_read() {
    let (source, target) = (A6, B6);
    let destination = solicited_node(B6);
    check_message(
        &send(source, destination, &neighbour_solicitation(B6, Some(MAC))),
        Neighbour { kind: 135, source, destination, target, link: Some(MAC) },
    );
    check_message(
        &send(NOBODY, destination, &neighbour_solicitation(B6, None)),
        Neighbour { kind: 135, source: NOBODY, destination, target, link: None },
    );
    check_message(
        &send(A6, B6, &neighbour_advertisement(A6, Some(MAC), 0x60)),
        Neighbour { kind: 136, source, destination: B6, target: A6, link: Some(MAC) },
    );
    check_message(
        &send(A6, ALL_ROUTERS, &router_solicitation(Some(MAC))),
        Neighbour { kind: 133, source, destination: ALL_ROUTERS, target: NOBODY, link: Some(MAC) },
    );
}

#[test]
fn solicitations_that_are_wrong() {
    let ask = || neighbour_solicitation(B6, Some(MAC));
    let to = solicited_node(B6);
    let changed = |at, value: &[u8]| packet6(&with(packet(A6, to, &ask()), IPV6 + at, value));
    let far = Ipv6::new(A6, to).hop_limit(254).packet(&ask());
    let more = |tail: &[u8]| {
        let mut message = ask();
        message.bytes.extend(tail);
        send(A6, to, &message)
    };
    check(
        DropReason::NdInvalid,
        &[
            packet6(&far),
            changed(1, &[1]),
            changed(8, &[0xFF]),
            changed(8, &[0; 16]),
            // An option without length, one that is too long, one with a link address of another length.
            changed(25, &[0]),
            changed(25, &[2]),
            more(&[1]),
            more(&[14, 1, 0]),
            more(&[1, 1, 2, 0, 0, 0, 0, 9]),
            more(&[14, 0, 0, 0, 0, 0, 0, 0]),
            changed(26, &[3]),
            send(A6, to, &icmpv6(135, 0, [0; 4], &[0xFD; 15])),
            // Duplicate address detection with a link address, or to one host.
            send(NOBODY, to, &ask()),
            send(NOBODY, B6, &neighbour_solicitation(B6, None)),
            send(NOBODY, ALL_NODES, &neighbour_solicitation(B6, None)),
        ],
        &[
            more(&[14, 1, 0, 0, 0, 0, 0, 0]),
            send(A6, B6, &neighbour_solicitation(B6, None)),
            send(NOBODY, to, &neighbour_solicitation(B6, None)),
        ],
    );
}

#[test]
fn advertisements_that_are_wrong() {
    let answer = |flags| neighbour_advertisement(A6, Some(MAC), flags);
    let long = icmpv6(136, 0, [0x60, 0, 0, 0], &[&A6.octets()[..], &[2, 2], &[0; 14]].concat());
    check(
        DropReason::NdInvalid,
        &[
            send(A6, ALL_NODES, &answer(0x60)),
            send(NOBODY, B6, &answer(0x20)),
            send(A6, B6, &long),
            send(A6, B6, &neighbour_advertisement(ALL_NODES, Some(MAC), 0x60)),
            send(A6, B6, &neighbour_advertisement(A6, Some([0xFF; 6]), 0x60)),
        ],
        &[
            send(A6, ALL_NODES, &answer(0x20)),
            // To routers, so that answers find the way back (RFC 9131).
            send(A6, ALL_ROUTERS, &answer(0)),
            send(A6, B6, &neighbour_advertisement(A6, None, 0x60)),
        ],
    );
}

#[test]
fn router_messages_that_are_wrong_or_not_for_pods_to_send() {
    let advertisement = icmpv6(134, 0, [64, 0, 7, 8], &[0; 8]);
    let redirect = icmpv6(137, 0, [0; 4], &[0xFD; 32]);
    check(
        DropReason::NdInvalid,
        &[
            send(A6, ALL_NODES, &advertisement),
            send(A6, B6, &advertisement),
            send(A6, B6, &redirect),
            send(NOBODY, ALL_ROUTERS, &router_solicitation(Some(MAC))),
            packet6(&Ipv6::new(A6, ALL_ROUTERS).packet(&router_solicitation(None))),
            send(A6, ALL_ROUTERS, &icmpv6(133, 7, [0; 4], &[])),
        ],
        &[
            send(A6, ALL_ROUTERS, &router_solicitation(None)),
            send(NOBODY, ALL_ROUTERS, &router_solicitation(None)),
            send(A6, B6, &router_solicitation(Some(MAC))),
        ],
    );
}

#[test]
fn messages_in_fragments() {
    let to = solicited_node(B6);
    let ask = || neighbour_solicitation(B6, Some(MAC));
    let header = || Ipv6::new(A6, to).hop_limit(255);
    let atomic = Extension::Fragment { id: 1, offset: 0, more: false };
    let atomic = header().extension(atomic).packet(&ask());
    let first = header().fragments(1, 24, &[], &ask()).remove(0);
    let options = header().extension(Extension::Destination(vec![])).packet(&ask());
    check(
        DropReason::NdInvalid,
        &[packet6(&atomic), packet6(&first)],
        &[packet6(&header().packet(&ask())), packet6(&options), send(A6, B6, &ask())],
    );
}

#[test]
fn messages_to_other_groups() {
    let ask = neighbour_solicitation(B6, Some(MAC));
    let other: Ipv6Addr = "ff02::fb".parse().unwrap();
    let wide: Ipv6Addr = "ff05::2".parse().unwrap();
    let to = solicited_node(B6);
    let wrong_group = Link::default().to([0x33, 0x33, 0, 0, 0, 1]).ipv6(&packet(A6, to, &ask));
    let everyone = Link::default().to([0xFF; 6]).ipv6(&packet(A6, to, &ask));
    check(
        DropReason::Multicast,
        &[
            send(A6, other, &ask),
            send(A6, wide, &router_solicitation(None)),
            wrong_group.into(),
            everyone.into(),
        ],
        &[send(A6, to, &ask), send(A6, ALL_NODES, &ask), packet6(&packet(A6, to, &ask))],
    );
}

#[test]
fn a_cut_message_is_refused() {
    let whole = packet(A6, B6, &neighbour_solicitation(B6, None));
    assert_eq!(packet6(&without_last(whole, 1)).read(), Err(DropReason::Ipv6Length));
}
