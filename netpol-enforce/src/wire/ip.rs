//! From an IP header to what the packet is.

use super::datagram::Datagram;
use super::ethernet::Ethernet;
use super::service::Service;
use super::{Content, Ip, ReadLimits, address, neighbour, offload, transport};
use crate::{DropReason, FrameMeta};

/// Reads the rest of a packet whose IP header is good.
#[inline]
pub(super) fn read(
    datagram: &Datagram<'_>,
    ethernet: &Ethernet<'_>,
    meta: &FrameMeta,
    limits: ReadLimits,
) -> Result<Content, DropReason> {
    offload::check_packet(datagram, meta)?;
    let service = Service::of(datagram, limits)?;
    address::check(datagram.addresses, service)?;
    if !ethernet.may_carry(datagram.addresses.destination()) {
        return Err(DropReason::Multicast);
    }
    match service {
        Service::Discovery => Ok(Content::Neighbour(neighbour::read(datagram)?)),
        _ => Ok(Content::Ip(read_transport(datagram)?)),
    }
}

#[inline]
fn read_transport(datagram: &Datagram<'_>) -> Result<Ip, DropReason> {
    let (transport, length) = transport::read(datagram)?;
    let mut fragment = datagram.fragment;
    if let Some(fragment) = &mut fragment {
        fragment.header_end += u32::try_from(length).unwrap_or(u32::MAX);
    }
    Ok(Ip {
        source: datagram.addresses.source(),
        destination: datagram.addresses.destination(),
        protocol: datagram.protocol,
        fragment,
        transport,
    })
}
