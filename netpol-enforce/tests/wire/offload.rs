//! What is still to be done on a frame: segmentation and checksums.

use netpol_enforce::wire::build::{
    Extension, Link, Message, arp, echo_request, icmp_error, icmpv6_echo_request, other, sctp, tcp,
    udp,
};
use netpol_enforce::wire::{Arp, SctpStep, Transport};
use netpol_enforce::{DropReason, GsoKind};

use crate::{
    A4, B4, ETHERNET, IPV4, IPV6, Input, check, header4, header6, packet4, packet6, v4, v6, with,
    with4,
};

/// Where the transport header begins.
const L4: usize = ETHERNET + IPV4;
const L4_V6: usize = ETHERNET + IPV6;

fn segment() -> Message {
    tcp(5000, 80, 16, &[0; 4000])
}

fn query() -> Message {
    udp(5000, 4789, &[0; 60])
}

fn question() -> Input {
    let packet = Arp { sender_mac: [2, 0, 0, 0, 0, 1], sender: A4, target: B4 };
    Link::default().arp(&arp(1, &packet)).into()
}

#[test]
fn superframes_of_kinds_that_cannot_be_sent() {
    check(
        DropReason::UnsendableGso,
        &[v4(&segment()).gso(GsoKind::Other(3)), v6(&segment()).gso(GsoKind::Other(6))],
        &[
            v4(&segment()).gso(GsoKind::Tcp4),
            v6(&segment()).gso(GsoKind::Tcp6),
            v4(&query()).gso(GsoKind::UdpL4),
        ],
    );
}

#[test]
fn superframes_of_tunnels() {
    let part = header4().fragment(1, 0, true, (6, &segment().bytes[..1024]));
    check(
        DropReason::TunnelGso,
        &[
            v4(&query()).gso(GsoKind::Tcp4),
            v6(&query()).gso(GsoKind::Tcp6),
            v4(&query()).gso(GsoKind::Tcp6),
            v4(&segment()).gso(GsoKind::UdpL4),
            // The TCP of the other version.
            v4(&segment()).gso(GsoKind::Tcp6),
            v6(&segment()).gso(GsoKind::Tcp4),
            v4(&other(47, &[0; 60])).gso(GsoKind::Tcp4),
            packet4(&part).gso(GsoKind::Tcp4),
            question().gso(GsoKind::Tcp4),
            // UDP within UDP: cut where the checksum begins, which is within.
            v4(&query()).gso(GsoKind::UdpL4).partial(L4 + 8 + 42, 6),
            v6(&query()).gso(GsoKind::UdpL4).partial(L4_V6 + 8 + 42, 6),
        ],
        &[
            v4(&segment()).gso(GsoKind::Tcp4).partial(L4, 16),
            v6(&query()).gso(GsoKind::UdpL4).partial(L4_V6, 6),
            packet6(&header6().extension(Extension::Destination(vec![])).packet(&segment()))
                .gso(GsoKind::Tcp6),
        ],
    );
}

#[test]
fn superframes_longer_than_their_length_field_end_with_the_frame() {
    let long = tcp(5000, 80, 16, &vec![0; 65_600]);
    assert!(v4(&long).gso(GsoKind::Tcp4).read().is_ok());
    assert!(v6(&long).gso(GsoKind::Tcp6).read().is_ok());
    assert_eq!(v4(&long).read(), Err(DropReason::Ipv4Header));
    assert_eq!(v6(&long).read(), Err(DropReason::Ipv6Length));
    let short = with4(header4().packet(&segment()), 2, &[0, 0]);
    assert!(packet4(&short).gso(GsoKind::Tcp4).read().is_ok());
}

#[test]
fn a_superframe_in_a_jumbogram_is_read_by_its_option() {
    let jumbo = header6().jumbogram(&tcp(5000, 80, 16, &vec![0; 65_600]));
    assert!(packet6(&jumbo).gso(GsoKind::Tcp6).read().is_ok());
}

#[test]
fn checksums_to_be_written_elsewhere_than_in_the_transport_header() {
    let init = sctp(5000, 3868, 9, &[vec![0, 3, 0, 4]]);
    let quoted = icmp_error(3, 4, &header4().packet(&query()));
    let first = header4().fragment(1, 0, true, (17, &query().bytes[..16]));
    let later = header4().fragment(1, 16, false, (17, &[0; 32]));
    check(
        DropReason::PartialChecksum,
        &[
            // Into the destination address, the ports, behind the frame.
            v4(&segment()).partial(ETHERNET, 16),
            v4(&segment()).partial(L4, 0),
            v4(&segment()).partial(L4 - 2, 18),
            v4(&segment()).partial(L4 + 2, 16),
            v4(&segment()).partial(L4, 6),
            v4(&segment()).partial(L4, u16::MAX),
            v4(&query()).partial(L4 + 4, 2),
            v4(&query()).partial(L4, 67),
            v4(&init).partial(L4, 16),
            v4(&init).partial(L4 + 12, 0),
            v4(&quoted).partial(L4 + 8, 16),
            v4(&echo_request(1, b"")).partial(L4, 4),
            v6(&segment()).partial(ETHERNET + 24, 0),
            packet4(&first).partial(L4, 0),
            packet4(&later).partial(L4 - 4, 0),
            v4(&other(47, &[0; 8])).partial(L4 - 4, 0),
            v4(&other(47, &[0; 8])).partial(L4, 7),
            question().partial(ETHERNET + 14, 0),
        ],
        &[
            v4(&segment()).partial(L4, 16),
            v6(&icmpv6_echo_request(1, b"")).partial(L4_V6, 2),
            v4(&init).partial(L4, 8),
        ],
    );
    check(
        DropReason::PartialChecksum,
        &[],
        // Inside a tunnel, of protocols that are not judged any deeper.
        &[
            v4(&query()).partial(L4 + 8 + 8 + ETHERNET, 6),
            v4(&other(47, &[0; 8])).partial(L4, 6),
            packet4(&later).partial(L4, 16),
        ],
    );
}

#[test]
fn nothing_is_read_differently_for_a_partial_checksum() {
    let packet = v4(&sctp(5000, 3868, 9, &[vec![0, 3, 0, 4]]));
    assert_eq!(packet.clone().partial(L4, 8).read(), packet.read());
    let step = SctpStep::Data;
    let expected = Transport::Sctp { source: 5000, destination: 3868, step };
    assert_eq!(packet.ip().transport, expected);
    let wrong = with(packet.bytes, L4 + 8, &[1, 2, 3, 4]);
    assert_eq!(Input::from(wrong).ip().transport, expected);
}
