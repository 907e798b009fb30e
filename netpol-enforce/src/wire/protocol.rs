//! Protocol numbers that the datapath knows (IANA, Assigned Internet Protocol Numbers).

/// ICMP (RFC 792).
pub(super) const ICMP: u8 = 1;
/// TCP (RFC 9293).
pub(super) const TCP: u8 = 6;
/// UDP (RFC 768).
pub(super) const UDP: u8 = 17;
/// ICMPv6 (RFC 4443).
pub(super) const ICMPV6: u8 = 58;
/// SCTP (RFC 9260).
pub(super) const SCTP: u8 = 132;
