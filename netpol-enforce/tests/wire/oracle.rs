//! What another reader of frames says about those that are accepted.

use std::net::IpAddr;

use etherparse::{
    Icmpv4Type, Icmpv6Type, Ipv6ExtensionSlice, LaxNetSlice, LaxSlicedPacket, SlicedPacket,
    TransportSlice,
};
use netpol_enforce::wire::{Content, Fragment, Ip, Packet, Transport};

/// Checks that etherparse reads the same addresses, protocol and ports as were accepted.
#[track_caller]
pub(crate) fn check_agreement(bytes: &[u8], packet: &Packet) {
    let lax = LaxSlicedPacket::from_ethernet(bytes).unwrap();
    let outer = lax.vlan_ids().first().map_or(0, |id| id.value());
    assert_eq!(packet.zone, outer);
    match packet.content {
        Content::Arp(arp) => {
            let Some(LaxNetSlice::Arp(theirs)) = &lax.net else { panic!("{lax:?}") };
            assert_eq!(theirs.sender_hw_addr(), arp.sender_mac);
            assert_eq!(theirs.sender_protocol_addr(), arp.sender.octets());
            assert_eq!(theirs.target_protocol_addr(), arp.target.octets());
        }
        Content::Neighbour(neighbour) => {
            let net = net(&lax);
            assert_eq!(net.addresses, [IpAddr::V6(neighbour.source), neighbour.destination.into()]);
            let Some(TransportSlice::Icmpv6(theirs)) = &lax.transport else { panic!("{lax:?}") };
            assert_eq!(theirs.type_u8(), neighbour.kind);
        }
        Content::Ip(ip) => check_ip(bytes, &lax, &ip),
    }
}

#[track_caller]
fn check_ip(bytes: &[u8], lax: &LaxSlicedPacket<'_>, ip: &Ip) {
    let net = net(lax);
    assert_eq!(net.addresses, [ip.source, ip.destination]);
    if let Some(protocol) = net.protocol {
        assert!(protocol == ip.protocol || ip.transport == Transport::Later, "{ip:?} {lax:?}");
    }
    let fragment = ip.fragment.map(|Fragment { id, offset, more, .. }| (id, offset, more));
    assert_eq!(net.fragment, fragment);
    if ip.fragment.is_none() {
        check_transport(bytes, ip);
    }
}

/// What etherparse says of an IP packet.
struct Net {
    addresses: [IpAddr; 2],
    /// The protocol, where etherparse looks for it in the same place.
    protocol: Option<u8>,
    fragment: Option<(u32, u32, bool)>,
}

fn net(lax: &LaxSlicedPacket<'_>) -> Net {
    match &lax.net {
        Some(LaxNetSlice::Ipv4(ipv4)) => {
            let header = ipv4.header();
            let offset = u32::from(header.fragments_offset().byte_offset());
            let fragment = (u32::from(header.identification()), offset, header.more_fragments());
            Net {
                addresses: [header.source_addr().into(), header.destination_addr().into()],
                protocol: Some(header.protocol().0),
                fragment: header.is_fragmenting_payload().then_some(fragment),
            }
        }
        Some(LaxNetSlice::Ipv6(ipv6)) => {
            let header = ipv6.header();
            let fragment = ipv6.extensions().clone().into_iter().find_map(fragment);
            Net {
                addresses: [header.source_addr().into(), header.destination_addr().into()],
                // It goes on behind the header of a later fragment, where only payload comes.
                protocol: fragment.is_none().then_some(ipv6.payload().ip_number.0),
                fragment,
            }
        }
        other => panic!("{other:?}"),
    }
}

fn fragment(extension: Ipv6ExtensionSlice<'_>) -> Option<(u32, u32, bool)> {
    let Ipv6ExtensionSlice::Fragment(fragment) = extension else { return None };
    let offset = u32::from(fragment.fragment_offset().byte_offset());
    let cut = fragment.is_fragmenting_payload();
    cut.then_some((fragment.identification(), offset, fragment.more_fragments()))
}

/// Checks the ports of a whole packet, whose every length etherparse must accept too.
#[track_caller]
fn check_transport(bytes: &[u8], ip: &Ip) {
    let strict = SlicedPacket::from_ethernet(bytes);
    let theirs = strict.as_ref().ok().and_then(|packet| packet.transport.as_ref());
    match (ip.transport, theirs) {
        (Transport::Tcp { source, destination, flags }, Some(TransportSlice::Tcp(tcp))) => {
            assert_eq!((tcp.source_port(), tcp.destination_port()), (source, destination));
            assert_eq!((tcp.syn(), tcp.ack()), (flags.has(2), flags.has(16)));
            assert_eq!((tcp.fin(), tcp.rst()), (flags.has(1), flags.has(4)));
        }
        (Transport::Udp { source, destination }, Some(TransportSlice::Udp(udp))) => {
            assert_eq!((udp.source_port(), udp.destination_port()), (source, destination));
        }
        (Transport::Echo { request, id }, Some(TransportSlice::Icmpv4(icmp))) => {
            // It takes an echo with a code for an unknown message.
            if icmp.code_u8() == 0 {
                match icmp.icmp_type() {
                    Icmpv4Type::EchoRequest(echo) => assert_eq!((request, id), (true, echo.id)),
                    Icmpv4Type::EchoReply(echo) => assert_eq!((request, id), (false, echo.id)),
                    other => panic!("{other:?}"),
                }
            }
        }
        (Transport::Echo { request, id }, Some(TransportSlice::Icmpv6(icmp))) => {
            if icmp.code_u8() == 0 {
                match icmp.icmp_type() {
                    Icmpv6Type::EchoRequest(echo) => assert_eq!((request, id), (true, echo.id)),
                    Icmpv6Type::EchoReply(echo) => assert_eq!((request, id), (false, echo.id)),
                    other => panic!("{other:?}"),
                }
            }
        }
        (Transport::Error(_), Some(TransportSlice::Icmpv4(icmp))) => {
            assert!(matches!(icmp.type_u8(), 3 | 11 | 12));
        }
        (Transport::Error(_), Some(TransportSlice::Icmpv6(icmp))) => {
            assert!(matches!(icmp.type_u8(), 1..=4));
        }
        // Etherparse does not know SCTP.
        (Transport::Sctp { .. }, None) => assert!(strict.is_ok()),
        // It looks behind authentication headers of IPv4, and into protocols of which we read nothing.
        (Transport::Other, _) => assert!(!matches!(ip.protocol, 6 | 17)),
        (ours, _) => panic!("{ours:?} {strict:?}"),
    }
}
