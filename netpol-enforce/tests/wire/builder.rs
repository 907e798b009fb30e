//! What is built for tests is right by another reader's account.

use etherparse::{PacketBuilder, PacketHeaders, SlicedPacket, TransportHeader};
use netpol_enforce::wire::build::{Ipv4, Ipv6, Link, echo_request, icmpv6_echo_request, tcp, udp};

use crate::{A4, A6, B4, B6, v4, v6};

const MACS: [[u8; 6]; 2] = [[2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]];

fn written(
    builder: etherparse::PacketBuilderStep<etherparse::UdpHeader>,
    payload: &[u8],
) -> Vec<u8> {
    let mut bytes = Vec::new();
    builder.write(&mut bytes, payload).unwrap();
    bytes
}

#[test]
fn udp_frames_are_those_that_another_builder_makes() {
    let [source, destination] = MACS;
    let ours = Ipv4::new(A4, B4).packet(&udp(5000, 53, b"query"));
    let ethernet = || PacketBuilder::ethernet2(source, destination);
    let theirs = ethernet().ipv4(A4.octets(), B4.octets(), 64).udp(5000, 53);
    let theirs = written(theirs, b"query");
    // Theirs says "do not fragment": no flag, other checksum.
    let mut theirs_packet = theirs[14..].to_vec();
    theirs_packet[6] = 0;
    netpol_enforce::wire::build::set_ipv4_checksum(&mut theirs_packet);
    assert_eq!(ours, theirs_packet);
    let ours = Link::default().ipv6(&Ipv6::new(A6, B6).packet(&udp(5000, 53, b"query")));
    let theirs = ethernet().ipv6(A6.octets(), B6.octets(), 64).udp(5000, 53);
    assert_eq!(ours, written(theirs, b"query"));
    let tagged = Link::default().tag(0x8100, 7).send(A6.into(), B6.into(), &udp(1, 2, b""));
    let theirs = ethernet().single_vlan(7.try_into().unwrap());
    let theirs = theirs.ipv6(A6.octets(), B6.octets(), 64).udp(1, 2);
    assert_eq!(tagged, written(theirs, b""));
}

#[test]
fn checksums_are_right() {
    let segment = tcp(5000, 80, 24, b"odd");
    for input in [v4(&segment), v6(&segment), v4(&echo_request(7, b"odd"))] {
        check_checksum(&input.bytes);
    }
    check_checksum(&v6(&icmpv6_echo_request(7, b"odd")).bytes);
}

#[track_caller]
fn check_checksum(bytes: &[u8]) {
    let headers = PacketHeaders::from_ethernet_slice(bytes).unwrap();
    let transport = headers.transport.unwrap();
    let payload = headers.payload.slice();
    let mut again = transport.clone();
    match headers.net.unwrap() {
        etherparse::NetHeaders::Ipv4(header, _) => {
            assert_eq!(header.calc_header_checksum(), header.header_checksum);
            again.update_checksum_ipv4(&header, payload).unwrap();
        }
        etherparse::NetHeaders::Ipv6(header, _) => {
            again.update_checksum_ipv6(&header, payload).unwrap();
        }
        other @ etherparse::NetHeaders::Arp(_) => panic!("{other:?}"),
    }
    assert_eq!(again, transport);
    assert!(SlicedPacket::from_ethernet(bytes).is_ok());
    assert!(!matches!(transport, TransportHeader::Udp(_)));
}
