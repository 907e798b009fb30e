//! One connection attempt.

use std::net::IpAddr;
use std::sync::Arc;

use super::addresses::Family;
use super::ids::PodId;
use super::ports::Protocol;

/// One end of a flow.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Peer {
    /// A pod.
    Pod(PodId),
    /// An address that is no pod's: outside, or a node's.
    Address(IpAddr),
    /// A destination known by its domain name alone.
    Name(Arc<str>),
    /// A source of which is known only what Ingress and Route objects say: it connects to their backends.
    IngressController,
}

/// The first packet of a connection, in one address family.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Flow {
    /// Who connects.
    pub src: Peer,
    /// To whom.
    pub dst: Peer,
    /// The transport protocol.
    pub protocol: Protocol,
    /// The destination port (the container's, after translation), 1 to 65535; 0 stands for ICMP and whatever else has no
    /// ports, whose verdict [`IcmpMode`](super::IcmpMode) explains and of which the protocol says nothing.
    pub port: u16,
    /// The address family in which the ends talk.
    pub family: Family,
}
