//! Fragments of both versions: where they stand, and which are refused at sight.

use netpol_enforce::DropReason;
use netpol_enforce::wire::build::{
    Extension, chunk, echo_request, icmp_error, icmpv6_echo_request, other, sctp, tcp, udp,
};
use netpol_enforce::wire::{Fragment, Transport};

use crate::{IPV6, Input, check, header4, header6, packet4, packet6, with, with4};

#[test]
fn each_fragment_of_ipv4_says_where_it_stands() {
    let fragments = header4().fragments(77, 16, &udp(5000, 53, &[1; 30]));
    let expected = [(0, 16, true, 8), (16, 16, true, 0), (32, 6, false, 0)];
    check_fragments(fragments.iter().map(|packet| packet4(packet)), 17, &expected);
}

#[test]
fn each_fragment_of_ipv6_says_where_it_stands() {
    let header = header6().extension(Extension::HopByHop(vec![]));
    let fragments = header.fragments(77, 24, &[], &tcp(5000, 80, 16, &[1; 10]));
    let expected = [(0, 24, true, 20), (24, 6, false, 0)];
    check_fragments(fragments.iter().map(|packet| packet6(packet)), 6, &expected);
}

#[track_caller]
fn check_fragments(
    inputs: impl ExactSizeIterator<Item = Input>,
    protocol: u8,
    expected: &[(u32, u32, bool, u32)],
) {
    assert_eq!(inputs.len(), expected.len());
    for (input, (offset, length, more, header_end)) in inputs.zip(expected.iter().copied()) {
        let ip = input.ip();
        assert_eq!(ip.protocol, protocol);
        assert_eq!(ip.fragment, Some(Fragment { id: 77, offset, length, more, header_end }));
        assert_eq!(ip.transport == Transport::Later, offset != 0);
    }
}

#[test]
fn extension_headers_after_the_fragment_header_are_part_of_what_was_cut() {
    let cut = [Extension::Destination(vec![0; 14])];
    let header = header6().extension(Extension::Destination(vec![]));
    let fragments = header.fragments(5, 32, &cut, &udp(5000, 53, &[1; 24]));
    let first = packet6(&fragments[0]).ip();
    let expected = Fragment { id: 5, offset: 0, length: 32, more: true, header_end: 24 };
    assert_eq!((first.protocol, first.fragment), (17, Some(expected)));
    assert_eq!(first.transport, Transport::Udp { source: 5000, destination: 53 });
    let last = packet6(&fragments[1]).ip();
    // What its fragment header says: the beginning of what was cut, not the transport protocol.
    assert_eq!((last.protocol, last.transport), (60, Transport::Later));
}

#[test]
fn an_atomic_fragment_is_a_whole_packet() {
    let atomic = Extension::Fragment { id: 9, offset: 0, more: false };
    let message = udp(5000, 53, b"query");
    let fragment = packet6(&header6().extension(atomic).packet(&message));
    assert_eq!(fragment.ip(), packet6(&header6().packet(&message)).ip());
    let unfragmented = with4(header4().packet(&message), 6, &[0x40, 0]);
    assert_eq!(packet4(&unfragmented).ip(), packet4(&header4().packet(&message)).ip());
}

#[test]
fn first_fragments_without_their_transport_header() {
    let segment = tcp(5000, 80, 2, &[0; 20]).bytes;
    let mut options = segment.clone();
    options[12] = 8 << 4;
    let packet = sctp(5000, 3868, 0, &[chunk(1, &[1; 32])]).bytes;
    let first4 =
        |protocol, bytes: &[u8]| packet4(&header4().fragment(1, 0, true, (protocol, bytes)));
    let first6 =
        |protocol, bytes: &[u8]| packet6(&header6().fragment(1, 0, true, (protocol, bytes)));
    let later4 = |protocol, at| packet4(&header4().fragment(1, at, true, (protocol, &[0; 8])));
    let later6 = |protocol, at| packet6(&header6().fragment(1, at, true, (protocol, &[0; 8])));
    check(
        DropReason::FragmentTiny,
        &[
            first4(6, &segment[..8]),
            first4(6, &segment[..16]),
            first6(6, &segment[..16]),
            first4(6, &options[..24]),
            first4(132, &packet[..8]),
            packet4(&header4().fragment(1, 8, true, (6, &segment[8..24]))),
            packet6(&header6().fragment(1, 8, true, (6, &segment[8..24]))),
        ],
        &[first4(6, &segment[..24]), first6(6, &options[..32]), first4(132, &packet[..16])],
    );
    check(
        DropReason::FragmentTiny,
        &[later4(6, 8), later6(6, 8)],
        &[later4(6, 16), later6(6, 16), later4(17, 8)],
    );
}

#[test]
fn first_fragments_without_their_whole_chain() {
    let options = Extension::Destination(vec![0; 14]).bytes(17);
    let first = |bytes: &[u8]| packet6(&header6().fragment(1, 0, true, (60, bytes)));
    let whole = [&options[..], &[0x13, 0x88, 0, 53, 0, 50, 0, 0]].concat();
    check(
        DropReason::ExtensionChain,
        &[first(&options[..8])],
        &[first(&whole), first(&[&whole[..], &[0; 8]].concat()), {
            let later = header6().fragment(1, 8, false, (60, &options[..8]));
            packet6(&later)
        }],
    );
}

#[test]
fn fragments_that_cannot_be_put_together() {
    let v4 =
        |offset, more, bytes: &[u8]| packet4(&header4().fragment(1, offset, more, (17, bytes)));
    let v6 =
        |offset, more, bytes: &[u8]| packet6(&header6().fragment(1, offset, more, (17, bytes)));
    check(
        DropReason::Ipv4Header,
        &[v4(16, true, &[0; 9]), v4(16, false, &[]), v4(65_528, false, &[0; 8])],
        // 20 bytes of header, 65 504 before, 11 here: 65 535 in all.
        &[v4(16, true, &[0; 16]), v4(16, false, &[0; 1]), v4(65_504, false, &[0; 11])],
    );
    assert_eq!(v4(65_504, false, &[0; 12]).read(), Err(DropReason::Ipv4Header));
    check(
        DropReason::Ipv6Length,
        &[v6(16, true, &[0; 9]), v6(16, false, &[]), v6(65_528, false, &[0; 8])],
        &[v6(16, true, &[0; 16]), v6(16, false, &[0; 1]), v6(65_528, false, &[0; 7])],
    );
    let after_options = |bytes: &[u8]| {
        let header = header6().extension(Extension::HopByHop(vec![]));
        packet6(&header.fragment(1, 65_520, false, (17, bytes)))
    };
    assert!(after_options(&[0; 7]).read().is_ok());
    assert_eq!(after_options(&[0; 8]).read(), Err(DropReason::Ipv6Length));
}

#[test]
fn a_first_fragment_of_udp_has_less_than_its_length_says() {
    let fragment = header4().fragments(1, 16, &udp(5000, 53, &vec![0; 60_000])).remove(0);
    assert!(packet4(&fragment).read().is_ok());
    let zero = with(fragment, 24, &[0, 0]);
    assert_eq!(packet4(&zero).read(), Err(DropReason::UdpLength));
}

#[test]
fn an_init_in_fragments_is_alone_too() {
    let both = sctp(5000, 3868, 0, &[chunk(1, &[1; 16]), chunk(0, &[0; 64])]);
    let fragment = header4().fragments(1, 40, &both).remove(0);
    assert_eq!(packet4(&fragment).read(), Err(DropReason::SctpHeader));
    let alone = sctp(5000, 3868, 0, &[chunk(1, &[1; 64])]);
    let fragment = header4().fragments(1, 40, &alone).remove(0);
    assert!(packet4(&fragment).read().is_ok());
}

#[test]
fn the_bytes_of_a_later_fragment_are_not_taken_for_a_header() {
    let dhcp = header4().fragment(1, 16, false, (17, &[0, 68, 0, 67, 0, 8, 0, 0]));
    assert_eq!(packet4(&dhcp).ip().transport, Transport::Later);
    let advertisement = header6().fragment(1, 16, false, (58, &[134, 0, 0, 0, 0, 0, 0, 0]));
    assert_eq!(packet6(&advertisement).ip().transport, Transport::Later);
}

#[test]
fn long_echoes_pass_in_fragments_and_errors_do_not() {
    let request = header4().fragments(3, 1480, &echo_request(7, &[0; 4000]));
    assert_eq!(packet4(&request[0]).ip().transport, Transport::Echo { request: true, id: 7 });
    assert_eq!(packet4(&request[2]).ip().transport, Transport::Later);
    let request = header6().fragments(3, 1448, &[], &icmpv6_echo_request(7, &[0; 4000]));
    let first = packet6(&request[0]).ip();
    assert_eq!(first.fragment.unwrap().header_end, 8);
    let quoted = header4().packet(&udp(5000, 53, &[0; 60]));
    let error = header4().fragments(3, 40, &icmp_error(3, 3, &quoted)).remove(0);
    assert_eq!(packet4(&error).read(), Err(DropReason::IcmpUnrelated));
}

#[test]
fn protocols_without_ports_have_no_header_to_hold() {
    let first = packet4(&header4().fragment(1, 0, true, (47, &[0; 8]))).ip();
    assert_eq!((first.transport, first.fragment.unwrap().header_end), (Transport::Other, 0));
    let cut = [Extension::Destination(vec![])];
    let fragments = header6().fragments(1, 16, &cut, &other(47, &[0; 20]));
    assert_eq!(packet6(&fragments[0]).ip().fragment.unwrap().header_end, 8);
    assert_eq!(fragments[0].len(), IPV6 + 8 + 16);
}
