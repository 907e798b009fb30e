//! Valid frames for tests, with right lengths and checksums: messages go into packets, packets into frames.
//!
//! What is built here knows nothing of how frames are read; a test that wants a broken frame changes the bytes.
//!
//! ```
//! use netpol_enforce::wire::build::{Link, udp};
//! use netpol_enforce::wire::{ReadLimits, read};
//! use netpol_enforce::{Frame, FrameMeta, PortId, Tick};
//!
//! let source = [10, 0, 0, 1].into();
//! let destination = [10, 0, 0, 2].into();
//! let bytes = Link::default().tag(0x8100, 7).send(source, destination, &udp(5000, 53, b"query"));
//! let frame = Frame { meta: FrameMeta::plain(PortId(0), bytes.len(), Tick(0)), bytes: &bytes };
//! let packet = read(&frame, &ReadLimits::default());
//! assert_eq!(packet.map(|packet| packet.zone), Ok(7));
//! ```

mod checksum;
mod discovery;
mod ipv4;
mod ipv6;
mod link;
mod message;

pub use self::discovery::{
    neighbour_advertisement, neighbour_solicitation, router_solicitation, solicited_node,
};
pub use self::ipv4::{Ipv4, set_ipv4_checksum};
pub use self::ipv6::{Extension, Ipv6};
pub use self::link::{Link, arp};
pub use self::message::{
    Message, chunk, echo_reply, echo_request, icmp, icmp_error, icmpv6, icmpv6_echo_reply,
    icmpv6_echo_request, icmpv6_error, other, sctp, tcp, udp,
};

/// Returns a length as a 16-bit field has it: 0 if it is longer than the field can say, as in superframes and
/// jumbograms.
fn length_field(length: usize) -> [u8; 2] {
    u16::try_from(length).unwrap_or(0).to_be_bytes()
}

/// Writes bytes over those at a place, as far as there are any.
fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    bytes.iter_mut().skip(at).zip(value).for_each(|(byte, value)| *byte = *value);
}
