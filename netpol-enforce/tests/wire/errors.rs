//! ICMP errors and the packets that they quote.

use std::net::IpAddr;

use netpol_enforce::DropReason;
use netpol_enforce::wire::build::{
    Extension, Ipv6, Link, Message, chunk, echo_reply, echo_request, icmp, icmp_error, icmpv6,
    icmpv6_echo_request, icmpv6_error, other, sctp, tcp, udp,
};
use netpol_enforce::wire::{Quoted, Transport};

use crate::{A4, A6, B6, Input, check, header4, header6, v4, v6, with, with4};

/// Returns the error that a router sends back to [`A4`] about a packet from it.
fn error4(kind: u8, quoted: &[u8]) -> Input {
    let router = [192, 0, 2, 1].into();
    let link = Link::default();
    link.send(router, A4.into(), &icmp_error(kind, 0, quoted)).into()
}

fn error6(kind: u8, quoted: &[u8]) -> Input {
    let router: IpAddr = "2001:db8::1".parse().unwrap();
    let link = Link::default();
    link.send(router, A6.into(), &icmpv6_error(kind, 0, quoted)).into()
}

fn query() -> Message {
    udp(5000, 53, b"query")
}

#[track_caller]
fn check_quoted(input: &Input, addresses: [IpAddr; 2], protocol: u8, ports: [u16; 2]) {
    let [source, destination] = addresses;
    let [source_port, destination_port] = ports;
    let quoted = Quoted { source, destination, protocol, source_port, destination_port };
    assert_eq!(input.ip().transport, Transport::Error(quoted));
}

#[test]
fn errors_of_ipv4_say_what_they_are_about() {
    let addresses = [A4.into(), [10, 0, 0, 2].into()];
    let about = |message: &Message| error4(3, &header4().packet(message));
    check_quoted(&about(&query()), addresses, 17, [5000, 53]);
    check_quoted(&about(&tcp(5000, 80, 2, b"")), addresses, 6, [5000, 80]);
    let init = sctp(5000, 3868, 0, &[chunk(1, &[1; 16])]);
    check_quoted(&about(&init), addresses, 132, [5000, 3868]);
    check_quoted(&about(&echo_request(77, b"")), addresses, 1, [77, 77]);
    check_quoted(&about(&echo_reply(77, b"")), addresses, 1, [77, 77]);
    check_quoted(&about(&icmp(13, 0, [0; 4], &[0; 12])), addresses, 1, [0, 0]);
    check_quoted(&about(&other(47, &[1; 8])), addresses, 47, [0, 0]);
    let options = header4().options(&[7, 3, 4]).packet(&query());
    check_quoted(&error4(11, &options), addresses, 17, [5000, 53]);
    let outer = about(&query()).ip();
    assert_eq!((outer.source, outer.destination), ([192, 0, 2, 1].into(), A4.into()));
}

#[test]
fn errors_of_ipv6_say_what_they_are_about_behind_extension_headers() {
    let addresses = [A6.into(), B6.into()];
    check_quoted(&error6(2, &header6().packet(&query())), addresses, 17, [5000, 53]);
    let header = header6().extension(Extension::HopByHop(vec![]));
    let header = header.extension(Extension::Fragment { id: 1, offset: 0, more: true });
    let header = header.extension(Extension::Destination(vec![0; 14]));
    check_quoted(&error6(1, &header.packet(&query())), addresses, 17, [5000, 53]);
    let request = header6().packet(&icmpv6_echo_request(77, b""));
    check_quoted(&error6(4, &request), addresses, 58, [77, 77]);
}

#[test]
fn a_real_packet_too_big_quotes_as_much_as_fits() {
    let long = header4().packet(&tcp(5000, 80, 16, &[0; 1400]));
    check_quoted(&error4(3, &long[..28]), [A4.into(), [10, 0, 0, 2].into()], 6, [5000, 80]);
    let long = header6().packet(&tcp(5000, 80, 16, &[0; 1400]));
    check_quoted(&error6(2, &long[..1232]), [A6.into(), B6.into()], 6, [5000, 80]);
    check_quoted(&error6(2, &long[..48]), [A6.into(), B6.into()], 6, [5000, 80]);
}

#[test]
fn errors_of_ipv4_that_cannot_be_about_a_connection() {
    let quoted = || header4().packet(&query());
    let later = header4().fragment(1, 16, false, (17, &[0; 16]));
    let first = header4().fragment(1, 0, true, (17, &query().bytes[..8]));
    let nested = header4().packet(&icmp_error(3, 0, &quoted()));
    let redirect = header4().packet(&icmp(5, 0, [0; 4], &quoted()));
    check(
        DropReason::IcmpUnrelated,
        &[
            error4(4, &quoted()),
            error4(5, &quoted()),
            error4(3, &quoted()[..27]),
            error4(3, &quoted()[..19]),
            error4(3, &[]),
            error4(3, &with4(quoted(), 0, &[0x65])),
            error4(3, &with4(quoted(), 0, &[0x44])),
            error4(3, &header6().packet(&query())),
            error4(11, &later),
            error4(3, &nested),
            error4(3, &redirect),
        ],
        // The checksum of what is quoted may be wrong: a router has counted its time to live down.
        &[error4(12, &first), error4(11, &with(quoted(), 8, &[0])), error4(3, &quoted()[..28])],
    );
}

#[test]
fn errors_of_ipv6_that_cannot_be_about_a_connection() {
    let quoted = || header6().packet(&query());
    let later = header6().fragment(1, 16, false, (17, &[0; 16]));
    let nested = header6().packet(&icmpv6_error(1, 0, &quoted()));
    let redirect = header6().packet(&icmpv6(137, 0, [0; 4], &quoted()));
    let routing = Extension::Routing { kind: 0, segments_left: 1, rest: vec![0; 20] };
    let routed = header6().extension(routing).packet(&query());
    let mapped = Ipv6::new(A4.to_ipv6_mapped(), B6).packet(&query());
    let to_mapped = Ipv6::new(A6, A4.to_ipv6_mapped()).packet(&query());
    let options = header6().extension(Extension::Destination(vec![0; 30])).packet(&query());
    check(
        DropReason::IcmpUnrelated,
        &[
            error6(0, &quoted()),
            error6(5, &quoted()),
            error6(127, &quoted()),
            error6(1, &quoted()[..47]),
            error6(1, &quoted()[..39]),
            error6(2, &header4().packet(&tcp(5000, 80, 2, &[0; 40]))),
            error6(1, &later),
            error6(1, &nested),
            error6(1, &redirect),
            error6(1, &routed),
            error6(1, &mapped),
            error6(1, &to_mapped),
            error6(1, &options[..72]),
        ],
        &[error6(3, &quoted()), error6(1, &options[..80]), error6(2, &with(quoted(), 7, &[0]))],
    );
}

#[test]
fn the_other_version_of_icmp_quotes_nothing() {
    let error = icmp_error(3, 0, &header4().packet(&query()));
    let in_v6 = v6(&other(1, &error.bytes)).ip();
    assert_eq!(in_v6.transport, Transport::Other);
    let in_v4 = v4(&other(58, &[1; 60])).ip();
    assert_eq!(in_v4.transport, Transport::Other);
}
