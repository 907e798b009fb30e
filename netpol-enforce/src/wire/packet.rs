//! What a frame says once it has been read.

use std::net::IpAddr;

/// An Ethernet address.
pub type Mac = [u8; 6];

/// A frame that was read whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Who it is for.
    pub destination_mac: Mac,
    /// Who sent it.
    pub source_mac: Mac,
    /// The outer VLAN id, 0 without a tag or with a priority tag: connections of different zones never mix.
    pub zone: u16,
    /// What it carries.
    pub content: Content,
}

/// What a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// An ARP packet for Ethernet and IPv4.
    Arp(Arp),
    /// A neighbour solicitation, advertisement or router solicitation (RFC 4861), hop limit 255.
    Neighbour(Neighbour),
    /// An IP packet or a fragment of one.
    Ip(Ip),
}

/// An ARP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arp {
    /// The hardware address of its sender.
    pub sender_mac: Mac,
    /// The address of its sender; 0.0.0.0 in a probe (RFC 5227).
    pub sender: std::net::Ipv4Addr,
    /// The address it is about.
    pub target: std::net::Ipv4Addr,
}

/// A neighbour discovery message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// The ICMPv6 type: 133 (router solicitation), 135 (neighbour solicitation) or 136 (advertisement).
    pub kind: u8,
    /// The source of the packet; `::` in duplicate address detection.
    pub source: std::net::Ipv6Addr,
    /// The destination of the packet.
    pub destination: std::net::Ipv6Addr,
    /// The target address; `::` for a router solicitation.
    pub target: std::net::Ipv6Addr,
    /// The link-layer address option, if there is one.
    pub link: Option<Mac>,
}

/// An IP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ip {
    /// Where it comes from.
    pub source: IpAddr,
    /// Where it goes.
    pub destination: IpAddr,
    /// The transport protocol (IANA number), after all extension headers.
    pub protocol: u8,
    /// Set on a fragment that is not the whole packet.
    pub fragment: Option<Fragment>,
    /// The transport header.
    pub transport: Transport,
}

/// Where a fragment stands in its datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// The identification that its fragments share.
    pub id: u32,
    /// Where its bytes begin, in bytes.
    pub offset: u32,
    /// How many bytes of the fragmentable part it carries.
    pub length: u32,
    /// Whether others come after it.
    pub more: bool,
    /// Where the transport header of a first fragment ends, counted as `offset` is; 0 on the others.
    pub header_end: u32,
}

/// A transport header, as far as a connection needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// TCP.
    Tcp {
        /// The source port.
        source: u16,
        /// The destination port.
        destination: u16,
        /// The flags.
        flags: TcpFlags,
    },
    /// UDP.
    Udp {
        /// The source port.
        source: u16,
        /// The destination port.
        destination: u16,
    },
    /// SCTP.
    Sctp {
        /// The source port.
        source: u16,
        /// The destination port.
        destination: u16,
        /// What the packet does to its association.
        step: SctpStep,
    },
    /// An echo request or reply (ICMP or ICMPv6).
    Echo {
        /// Whether it is a request.
        request: bool,
        /// Its identifier.
        id: u16,
    },
    /// An ICMP error, with the packet it is about.
    Error(Quoted),
    /// Another ICMP or ICMPv6 message, or a protocol without ports.
    Other,
    /// A later fragment: its transport header is in the first one.
    Later,
}

/// The flags of a TCP segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpFlags(pub u8);

impl TcpFlags {
    /// FIN.
    pub const FIN: u8 = 1;
    /// SYN.
    pub const SYN: u8 = 2;
    /// RST.
    pub const RST: u8 = 4;
    /// ACK.
    pub const ACK: u8 = 16;

    /// Returns whether one of these flags is set.
    pub const fn has(self, flag: u8) -> bool {
        self.0 & flag != 0
    }

    /// Returns whether the segment asks for a new connection: SYN without ACK.
    pub const fn opens(self) -> bool {
        self.has(Self::SYN) && !self.has(Self::ACK)
    }
}

/// What an SCTP packet does to its association (RFC 9260).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SctpStep {
    /// INIT: alone in the packet, verification tag zero.
    Init,
    /// INIT ACK.
    InitAck,
    /// COOKIE ECHO or COOKIE ACK.
    Cookie,
    /// HEARTBEAT.
    Heartbeat,
    /// ABORT.
    Abort,
    /// SHUTDOWN, SHUTDOWN ACK or SHUTDOWN COMPLETE.
    Shutdown,
    /// Anything else.
    Data,
}

/// The packet that an ICMP error quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quoted {
    /// Its source.
    pub source: IpAddr,
    /// Its destination.
    pub destination: IpAddr,
    /// Its protocol.
    pub protocol: u8,
    /// Its source port; the identifier of an echo; 0 for protocols without ports.
    pub source_port: u16,
    /// Its destination port; the identifier of an echo; 0 for protocols without ports.
    pub destination_port: u16,
}
