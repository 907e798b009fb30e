//! Neighbour discovery messages of hosts (RFC 4861, 6.1.1, 7.1.1 and 7.1.2).
//!
//! That a source or target belongs to the port that it comes from is for others to check.

use std::net::Ipv6Addr;

use super::datagram::{Addresses, Datagram};
use super::ethernet::is_group;
use super::view::View;
use super::{Mac, Neighbour, address};
use crate::DropReason;

const TYPE: usize = 0;
const CODE: usize = 1;
const FLAGS: usize = 4;
const TARGET: usize = 8;
/// A router solicitation without options.
const SOLICITATION_LENGTH: usize = 8;
/// A message with a target, without options.
const TARGET_LENGTH: usize = 24;
/// The flag of an advertisement that answers one host.
const SOLICITED: u8 = 0x40;

const ROUTER_SOLICITATION: u8 = 133;
const NEIGHBOUR_SOLICITATION: u8 = 135;
const NEIGHBOUR_ADVERTISEMENT: u8 = 136;

const OPTION_SOURCE_LINK: u8 = 1;
const OPTION_TARGET_LINK: u8 = 2;
/// Where a link-layer address option has the address.
const OPTION_LINK: usize = 2;
/// Options are counted in units of 8 bytes; one with an Ethernet address is one unit (RFC 2464, 6).
const OPTION_UNIT: usize = 8;

/// A hop limit that says that no router was on the way.
const FROM_THE_LINK: u8 = 255;

/// Reads a solicitation or a neighbour advertisement.
pub(super) fn read(datagram: &Datagram<'_>) -> Result<Neighbour, DropReason> {
    read_message(datagram)
        .filter(is_legal)
        .map(|message| message.neighbour)
        .ok_or(DropReason::NdInvalid)
}

/// A message, with what decides whether it is legal.
#[derive(Clone, Copy, Debug)]
struct Message {
    neighbour: Neighbour,
    solicited: bool,
}

fn read_message(datagram: &Datagram<'_>) -> Option<Message> {
    let Addresses::V6 { source, destination } = datagram.addresses else {
        return None;
    };
    // Cut into fragments it would pass by those who watch over it (RFC 6980).
    if datagram.hop_limit != FROM_THE_LINK || datagram.has_fragment_header {
        return None;
    }
    let message = datagram.payload;
    let kind = message.u8(TYPE)?;
    let (target, options, option) = match kind {
        ROUTER_SOLICITATION => {
            (Ipv6Addr::UNSPECIFIED, message.skip(SOLICITATION_LENGTH)?, OPTION_SOURCE_LINK)
        }
        NEIGHBOUR_SOLICITATION => {
            (read_target(message)?, message.skip(TARGET_LENGTH)?, OPTION_SOURCE_LINK)
        }
        NEIGHBOUR_ADVERTISEMENT => {
            (read_target(message)?, message.skip(TARGET_LENGTH)?, OPTION_TARGET_LINK)
        }
        _ => return None,
    };
    let link = read_link(options, option).ok()?;
    let solicited = message.u8(FLAGS)? & SOLICITED != 0;
    let neighbour = Neighbour { kind, source, destination, target, link };
    (message.u8(CODE)? == 0).then_some(Message { neighbour, solicited })
}

/// Reads the target, which is one host.
fn read_target(message: View<'_>) -> Option<Ipv6Addr> {
    let target = message.ipv6(TARGET)?;
    (!target.is_multicast() && !address::is_internal_v6(target)).then_some(target)
}

/// Walks the options to the end of the message, and returns the address in the one of this kind, if it is there.
///
/// An option must not be broken, and not be there twice: hosts differ in which of two they take.
fn read_link(mut options: View<'_>, wanted: u8) -> Result<Option<Mac>, DropReason> {
    let mut link = None;
    while options.len() > 0 {
        let (kind, option) = cut_option(options).ok_or(DropReason::NdInvalid)?;
        if kind == wanted {
            let mac = read_link_option(option).filter(|_| link.is_none());
            link = Some(mac.ok_or(DropReason::NdInvalid)?);
        }
        options = options.skip(option.len()).ok_or(DropReason::NdInvalid)?;
    }
    Ok(link)
}

/// Returns the first option and its kind; `None` if it has no length, or more than there is.
fn cut_option(options: View<'_>) -> Option<(u8, View<'_>)> {
    let length = usize::from(options.u8(1)?) * OPTION_UNIT;
    let option = options.take(length).filter(|option| option.len() > 0)?;
    Some((options.u8(0)?, option))
}

fn read_link_option(option: View<'_>) -> Option<Mac> {
    let mac = option.array(OPTION_LINK).filter(|mac| !is_group(*mac))?;
    (option.len() == OPTION_UNIT).then_some(mac)
}

/// Returns whether addresses, flags and options go together.
fn is_legal(message: &Message) -> bool {
    let Neighbour { kind, source, destination, link, .. } = message.neighbour;
    let nameless = source.is_unspecified();
    match kind {
        ROUTER_SOLICITATION => !nameless || link.is_none(),
        // Duplicate address detection asks all that might have the address.
        NEIGHBOUR_SOLICITATION if nameless => {
            link.is_none() && address::is_solicited_node(destination)
        }
        NEIGHBOUR_SOLICITATION => true,
        // An answer to one host goes to that host.
        _ => !nameless && (!message.solicited || !destination.is_multicast()),
    }
}
