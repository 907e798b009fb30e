//! Which addresses may stand in a packet on a wire.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::datagram::Addresses;
use super::service::Service;
use crate::DropReason;

const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xFF02, 0, 0, 0, 0, 0, 0, 1);
const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xFF02, 0, 0, 0, 0, 0, 0, 2);
const ALL_DHCP_SERVERS: Ipv6Addr = Ipv6Addr::new(0xFF02, 0, 0, 0, 0, 0, 1, 2);

/// Checks source, then destination.
#[inline]
pub(super) fn check(addresses: Addresses, service: Service) -> Result<(), DropReason> {
    if !is_source(addresses, service) {
        Err(DropReason::BadSource)
    } else if addresses.source() == addresses.destination() {
        Err(DropReason::Land)
    } else {
        check_destination(addresses, service)
    }
}

#[inline]
fn is_source(addresses: Addresses, service: Service) -> bool {
    match addresses {
        Addresses::V4 { source, .. } if source.is_unspecified() => service == Service::DhcpClient,
        Addresses::V6 { source, .. } if source.is_unspecified() => service == Service::Discovery,
        Addresses::V4 { source, .. } => {
            !(source.is_multicast() || source.is_broadcast() || is_internal_v4(source))
        }
        Addresses::V6 { source, .. } => !(source.is_multicast() || is_internal_v6(source)),
    }
}

#[inline]
fn check_destination(addresses: Addresses, service: Service) -> Result<(), DropReason> {
    let (internal, many) = match addresses {
        Addresses::V4 { destination, .. } => {
            (is_internal_v4(destination), is_many_v4(destination, service))
        }
        Addresses::V6 { destination, .. } => {
            (is_internal_v6(destination), is_many_v6(destination, service))
        }
    };
    match (internal, many) {
        (true, _) => Err(DropReason::BadDestination),
        (_, true) => Err(DropReason::Multicast),
        _ => Ok(()),
    }
}

/// "This network" and loopback: on no wire (RFC 1122, 3.2.1.3). A host may take the latter for itself: CVE-2020-8558.
#[inline]
const fn is_internal_v4(address: Ipv4Addr) -> bool {
    address.octets()[0] == 0 || address.is_loopback()
}

/// Unspecified and loopback (RFC 4291, 2.5.2 and 2.5.3), and IPv4 addresses in the clothes of IPv6: they name a host
/// inside one machine, and on a wire (RFC 4942, 2.2) would be taken for a connection of IPv4.
pub(super) const fn is_internal_v6(address: Ipv6Addr) -> bool {
    address.is_unspecified() || address.is_loopback() || address.to_ipv4_mapped().is_some()
}

/// Returns whether a destination is more than one host, and one that this service does not speak to.
#[inline]
fn is_many_v4(address: Ipv4Addr, service: Service) -> bool {
    let dhcp = matches!(service, Service::DhcpClient | Service::DhcpServer);
    address.is_multicast() || (address.is_broadcast() && !dhcp)
}

fn is_many_v6(address: Ipv6Addr, service: Service) -> bool {
    let spoken_to = match service {
        Service::Discovery => {
            address == ALL_NODES || address == ALL_ROUTERS || is_solicited_node(address)
        }
        Service::DhcpClient => address == ALL_DHCP_SERVERS,
        Service::DhcpServer | Service::None => false,
    };
    address.is_multicast() && !spoken_to
}

/// Returns whether an address is that of the hosts whose addresses end in the same 24 bits (RFC 4291, 2.7.1).
pub(super) const fn is_solicited_node(address: Ipv6Addr) -> bool {
    matches!(address.segments(), [0xFF02, 0, 0, 0, 0, 1, 0xFF00..=0xFFFF, _])
}
