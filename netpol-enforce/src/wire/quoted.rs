//! The packet that an ICMP error is about: its headers and the beginning of its payload, as they came back.
//!
//! Lengths and checksums in it are not verified: it is cut, and routers have changed it on its way.

use std::net::IpAddr;

use super::icmp::Kind;
use super::protocol::{ICMP, ICMPV6, SCTP, TCP, UDP};
use super::view::View;
use super::{Quoted, address, extension, ipv4, ipv6, udp};

/// How much of its transport header must be there (RFC 792; more in RFC 1812, 4.3.2.3).
const SHORTEST_TRANSPORT: usize = 8;
/// Where an echo has its identifier.
const IDENTIFIER: usize = 4;

/// Reads a quoted IPv4 packet; `None` if it is none, is a later fragment, or is itself an error.
pub(super) fn read_v4(packet: View<'_>) -> Option<Quoted> {
    let header = ipv4::Header::read(packet).filter(|header| header.piece.offset == 0)?;
    let transport = packet.skip(header.length)?;
    let icmp = (header.protocol == ICMP).then_some(Kind::of_v4 as KindOf);
    let (source_port, destination_port) = read_ports(header.protocol, transport, icmp)?;
    Some(Quoted {
        source: IpAddr::V4(header.source),
        destination: IpAddr::V4(header.destination),
        protocol: header.protocol,
        source_port,
        destination_port,
    })
}

/// Reads a quoted IPv6 packet behind its extension headers; `None` as for IPv4, and for addresses that would be taken
/// for those of an IPv4 connection.
pub(super) fn read_v6(packet: View<'_>) -> Option<Quoted> {
    let header = ipv6::Header::read(packet)?;
    if address::is_internal_v6(header.source) || address::is_internal_v6(header.destination) {
        return None;
    }
    let content = packet.skip(ipv6::LENGTH)?;
    let chain = extension::walk(header.next_header, content).ok()?;
    if chain.fragment.is_some_and(|(piece, _)| piece.offset != 0) {
        return None;
    }
    let transport = content.skip(chain.length)?;
    let icmp = (chain.protocol == ICMPV6).then_some(Kind::of_v6 as KindOf);
    let (source_port, destination_port) = read_ports(chain.protocol, transport, icmp)?;
    Some(Quoted {
        source: IpAddr::V6(header.source),
        destination: IpAddr::V6(header.destination),
        protocol: chain.protocol,
        source_port,
        destination_port,
    })
}

/// What a type means in the version of ICMP at hand.
type KindOf = fn(u8) -> Kind;

/// Returns what a connection has in the place of ports.
fn read_ports(protocol: u8, transport: View<'_>, icmp: Option<KindOf>) -> Option<(u16, u16)> {
    transport.take(SHORTEST_TRANSPORT)?;
    if let Some(kind_of) = icmp {
        return read_echo(transport, kind_of(transport.u8(0)?));
    }
    match protocol {
        TCP | UDP | SCTP => udp::ports(transport),
        _ => Some((0, 0)),
    }
}

/// No error is sent about an error (RFC 1122, 3.2.2; RFC 4443, 2.4 e).
fn read_echo(message: View<'_>, kind: Kind) -> Option<(u16, u16)> {
    match kind {
        Kind::EchoRequest | Kind::EchoReply => {
            let id = message.u16(IDENTIFIER)?;
            Some((id, id))
        }
        Kind::Other => Some((0, 0)),
        Kind::Error | Kind::DeadError => None,
    }
}
