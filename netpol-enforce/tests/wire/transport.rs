//! Transport headers: what is dropped, and what is read.

use netpol_enforce::DropReason;
use netpol_enforce::wire::build::{
    Message, chunk, echo_reply, echo_request, icmp, icmpv6, icmpv6_echo_reply, icmpv6_echo_request,
    other, sctp, tcp, udp,
};
use netpol_enforce::wire::{SctpStep, TcpFlags, Transport};

use crate::{Input, check, header6, packet6, v4, v6};

fn changed(mut message: Message, at: usize, value: &[u8]) -> Message {
    message.bytes[at..at + value.len()].copy_from_slice(value);
    message
}

fn shortened(mut message: Message, length: usize) -> Message {
    message.bytes.truncate(length);
    message
}

#[test]
fn tcp_headers_that_are_wrong_or_do_not_fit() {
    let syn = || tcp(5000, 80, 2, b"data");
    check(
        DropReason::TcpHeader,
        &[
            v4(&changed(syn(), 12, &[4 << 4])),
            v4(&changed(syn(), 12, &[7 << 4])),
            v4(&changed(syn(), 12, &[0xF0])),
            v6(&changed(syn(), 12, &[0])),
            v4(&other(6, b"")),
            v6(&other(6, &syn().bytes[..19])),
        ],
        &[v4(&changed(syn(), 12, &[6 << 4])), v6(&shortened(syn(), 20)), v4(&syn())],
    );
}

#[test]
fn tcp_flags_that_no_segment_has() {
    let (fin, syn, rst, psh, ack, urg, ece, cwr) = (1, 2, 4, 8, 16, 32, 64, 128);
    let flags = |flags| v4(&tcp(5000, 80, flags, b""));
    let dropped = [
        0,
        syn | fin,
        syn | fin | ack,
        syn | rst,
        syn | rst | ack,
        fin,
        fin | rst,
        fin | psh | urg,
        psh,
        urg,
        ece | cwr,
        255,
    ];
    let near = [syn | ece | cwr, fin | psh | ack, rst];
    check(DropReason::TcpFlags, &dropped.map(flags), &near.map(flags));
    let more = [syn | ack, ack, rst | ack, fin | rst | ack];
    for input in more.map(flags) {
        assert!(input.read().is_ok());
    }
}

#[test]
fn udp_lengths_that_do_not_fit() {
    let query = || udp(5000, 53, b"query");
    let long = udp(5000, 53, &vec![0; 65_536]);
    assert_eq!(long.bytes[4..6], [0, 0]);
    check(
        DropReason::UdpLength,
        &[
            v4(&changed(query(), 4, &[0, 7])),
            v4(&changed(query(), 4, &[0, 14])),
            v4(&changed(query(), 4, &[0, 0])),
            v6(&changed(query(), 4, &[0, 0])),
            v4(&other(17, &[0; 7])),
            packet6(&header6().jumbogram(&changed(long.clone(), 4, &[0, 7]))),
        ],
        &[
            v4(&changed(query(), 4, &[0, 8])),
            v6(&udp(5000, 53, b"")),
            packet6(&header6().jumbogram(&long)),
        ],
    );
}

#[test]
fn sctp_packets_that_are_too_short_or_have_wrong_chunks() {
    let init = || chunk(1, &[1; 16]);
    let data = || chunk(0, &[0; 13]);
    let with = |tag, chunks: &[Vec<u8>]| v4(&sctp(5000, 3868, tag, chunks));
    check(
        DropReason::SctpHeader,
        &[
            v4(&other(132, &[0; 11])),
            with(9, &[]),
            with(9, &[vec![0, 3, 0]]),
            with(9, &[vec![0, 3, 0, 3]]),
            with(9, &[vec![0, 3, 0, 9, 1, 1, 1, 1]]),
            with(9, &[data(), vec![0, 3]]),
            // The padding of the last chunk is missing.
            with(9, &[data()[..17].to_vec()]),
            with(0, &[data()]),
            with(9, &[init()]),
            with(0, &[init(), data()]),
            with(0, &[data(), init()]),
            with(9, &[chunk(2, &[1; 16]), data()]),
            with(9, &[chunk(14, &[]), data()]),
            with(0, &[chunk(1, &[1; 15])]),
            v4(&sctp(0, 3868, 9, &[data()])),
            v4(&sctp(5000, 0, 9, &[data()])),
        ],
        &[with(0, &[init()]), with(9, &[data(), data()]), with(9, &[chunk(11, &[])])],
    );
}

#[test]
fn icmp_messages_that_are_too_short() {
    check(
        DropReason::IcmpHeader,
        &[v4(&other(1, &[8, 0, 0, 0, 0, 1, 0])), v6(&other(58, &[128, 0, 0])), v4(&other(1, &[]))],
        &[v4(&echo_request(1, b"")), v6(&icmpv6_echo_request(1, b"")), v4(&other(58, &[128]))],
    );
}

#[track_caller]
fn check_transport(inputs: &[Input], protocol: u8, transport: Transport) {
    for input in inputs {
        let ip = input.ip();
        assert_eq!((ip.protocol, ip.transport, ip.fragment), (protocol, transport, None));
    }
}

#[test]
fn ports_and_flags_are_read() {
    let syn = tcp(5000, 80, 2, b"");
    let expected = Transport::Tcp { source: 5000, destination: 80, flags: TcpFlags(2) };
    check_transport(&[v4(&syn), v6(&syn)], 6, expected);
    let query = udp(5000, 53, b"query");
    let expected = Transport::Udp { source: 5000, destination: 53 };
    check_transport(&[v4(&query), v6(&query)], 17, expected);
}

#[test]
fn the_step_of_an_association_is_its_strongest_chunk() {
    let cases: &[(u32, &[u8], SctpStep)] = &[
        (0, &[1], SctpStep::Init),
        (9, &[2], SctpStep::InitAck),
        (9, &[10], SctpStep::Cookie),
        (9, &[11, 0], SctpStep::Cookie),
        (9, &[4], SctpStep::Heartbeat),
        (9, &[5], SctpStep::Data),
        (9, &[6], SctpStep::Abort),
        (9, &[9, 6], SctpStep::Abort),
        (9, &[7, 0], SctpStep::Shutdown),
        (9, &[8], SctpStep::Shutdown),
        (9, &[14], SctpStep::Shutdown),
        (9, &[0, 3], SctpStep::Data),
    ];
    for (tag, kinds, step) in cases {
        let chunks: Vec<Vec<u8>> = kinds.iter().map(|kind| chunk(*kind, &[1; 16])).collect();
        let packet = sctp(5000, 3868, *tag, &chunks);
        let step = *step;
        let expected = Transport::Sctp { source: 5000, destination: 3868, step };
        check_transport(&[v4(&packet), v6(&packet)], 132, expected);
    }
}

#[test]
fn echoes_have_their_identifier() {
    let request = Transport::Echo { request: true, id: 77 };
    let reply = Transport::Echo { request: false, id: 77 };
    check_transport(&[v4(&echo_request(77, b"x"))], 1, request);
    check_transport(&[v4(&echo_reply(77, b"x"))], 1, reply);
    check_transport(&[v6(&icmpv6_echo_request(77, b"x"))], 58, request);
    check_transport(&[v6(&icmpv6_echo_reply(77, b"x"))], 58, reply);
}

#[test]
fn what_has_no_ports_is_other() {
    check_transport(&[v4(&icmp(13, 0, [0; 4], &[0; 12]))], 1, Transport::Other);
    check_transport(&[v6(&icmpv6(200, 0, [0; 4], &[]))], 58, Transport::Other);
    check_transport(&[v4(&other(47, &[0; 4])), v6(&other(47, &[0; 4]))], 47, Transport::Other);
    check_transport(&[v4(&other(50, &[0; 40])), v6(&other(50, &[0; 40]))], 50, Transport::Other);
    check_transport(&[v6(&other(59, b"x"))], 59, Transport::Other);
    // The ICMP of the other version.
    check_transport(&[v6(&other(1, &[8]))], 1, Transport::Other);
    check_transport(&[v4(&other(58, &[134]))], 58, Transport::Other);
}
