//! Why a frame is not sent on: one enumeration, one counter each.

macro_rules! reasons {
    ($($(#[doc = $text:literal])+ $name:ident = $code:literal),+ $(,)?) => {
        /// Why a frame was dropped.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum DropReason { $($(#[doc = $text])+ $name),+ }

        impl DropReason {
            /// Every reason, in the order of their numbers.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// Returns the name in machine formats.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code),+ }
            }

            /// Returns a sentence for people.
            pub fn describe(self) -> &'static str {
                match self { $(Self::$name => concat!($($text),+).trim()),+ }
            }
        }
    };
}

reasons! {
    /// Fewer bytes arrived than were on the wire.
    Truncated = "TRUNCATED",
    /// A superframe of a kind that cannot be sent on.
    UnsendableGso = "UNSENDABLE_GSO",
    /// A superframe of a tunnel.
    TunnelGso = "TUNNEL_GSO",
    /// A checksum that is still to be written, in a place that is not that of the transport header.
    PartialChecksum = "PARTIAL_CHECKSUM",
    /// Shorter than an Ethernet header.
    TooShort = "TOO_SHORT",
    /// An ethertype that is not forwarded.
    EtherType = "ETHER_TYPE",
    /// More VLAN tags than allowed.
    VlanDepth = "VLAN_DEPTH",
    /// An IPv4 header that is wrong or does not fit.
    Ipv4Header = "IPV4_HEADER",
    /// A wrong IPv4 header checksum.
    Ipv4Checksum = "IPV4_CHECKSUM",
    /// An IPv4 source route option.
    SourceRoute = "SOURCE_ROUTE",
    /// A source address that no host may send from.
    BadSource = "BAD_SOURCE",
    /// A destination address that is inside a host: loopback, unspecified, IPv4-mapped.
    BadDestination = "BAD_DESTINATION",
    /// Source and destination address are the same.
    Land = "LAND",
    /// A time to live or hop limit of zero.
    TtlZero = "TTL_ZERO",
    /// An IPv6 header that is wrong or does not fit.
    Ipv6Length = "IPV6_LENGTH",
    /// An IPv6 extension header chain that is wrong, too long or not all there.
    ExtensionChain = "EXTENSION_CHAIN",
    /// An IPv6 routing header of type 0 (RFC 5095).
    RoutingZero = "ROUTING_ZERO",
    /// A TCP header that is wrong or does not fit.
    TcpHeader = "TCP_HEADER",
    /// TCP flags that no segment has.
    TcpFlags = "TCP_FLAGS",
    /// A UDP length that does not fit.
    UdpLength = "UDP_LENGTH",
    /// An SCTP packet that is too short or whose chunks are wrong.
    SctpHeader = "SCTP_HEADER",
    /// An ICMP message that is too short.
    IcmpHeader = "ICMP_HEADER",
    /// An ARP packet that is not Ethernet and IPv4, or does not belong to its port.
    ArpInvalid = "ARP_INVALID",
    /// A neighbour discovery message that is wrong or does not belong to its port.
    NdInvalid = "ND_INVALID",
    /// Too many ARP or neighbour discovery packets from one port.
    NeighbourRate = "NEIGHBOUR_RATE",
    /// Multicast or broadcast.
    Multicast = "MULTICAST",
    /// DHCP, which is off.
    DhcpOff = "DHCP_OFF",
    /// The address of a pod that is bound to no port.
    Unbound = "UNBOUND",
    /// A source address or MAC address that belongs elsewhere.
    Spoofed = "SPOOFED",
    /// The destination is behind the port the frame came in by.
    SameSide = "SAME_SIDE",
    /// A first fragment without the whole transport header, or one that would write over it.
    FragmentTiny = "FRAGMENT_TINY",
    /// Fragments that overlap.
    FragmentOverlap = "FRAGMENT_OVERLAP",
    /// A later fragment whose first one was not seen.
    FragmentNoFirst = "FRAGMENT_NO_FIRST",
    /// No room to remember another fragmented datagram.
    FragmentTableFull = "FRAGMENT_TABLE_FULL",
    /// It belongs to no connection and cannot start one.
    NoFlow = "NO_FLOW",
    /// No room for another connection.
    FlowTableFull = "FLOW_TABLE_FULL",
    /// The pod has as many connections as it may.
    PodQuota = "POD_QUOTA",
    /// An ICMP error about no known connection.
    IcmpUnrelated = "ICMP_UNRELATED",
    /// Too many ICMP errors about one connection.
    IcmpRate = "ICMP_RATE",
    /// The policies deny it.
    Policy = "POLICY",
    /// The policies denied it after a change; the connection is over.
    Revoked = "REVOKED",
    /// There are no policies yet.
    NoSnapshot = "NO_SNAPSHOT",
    /// The evaluator failed.
    EvaluatorPanic = "EVALUATOR_PANIC",
}

impl DropReason {
    /// Tells whether a frame that was dropped for this reason could have been sent whole.
    pub const fn is_sendable(self) -> bool {
        !matches!(self, Self::Truncated | Self::UnsendableGso | Self::TunnelGso | Self::TooShort)
    }
}
