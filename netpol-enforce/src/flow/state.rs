//! The states of a flow, the class each belongs to and how long each lasts.

use crate::Tick;

/// How far a flow has come.
///
/// A flow is *assured* when what was seen of it proves that both ends speak: TCP after the answer to a SYN was
/// acknowledged or a flow that was picked up midway was answered, UDP once its beginner goes on after a reply, protocols
/// without ports after a reply, SCTP after both cookie chunks or after an answered HEARTBEAT. A question and its answer
/// are over with the answer, and whoever asks much (DNS) would soon have nothing but such flows. An echo never is assured,
/// as in Linux: losing one costs a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum State {
    /// A SYN, no reply.
    TcpSynSent,
    /// A SYN from each end (RFC 9293, section 3.5: simultaneous open).
    TcpSynCrossed,
    /// A SYN and the SYN ACK for it.
    TcpSynReceived,
    /// Begun with a segment that is no SYN; the other end has not spoken yet.
    TcpPickedUp,
    /// Both ends speak; at most one of them has sent a FIN.
    TcpEstablished,
    /// Both ends have sent a FIN.
    TcpClosing,
    /// One end has sent a RST.
    TcpReset,
    /// Datagrams in one direction.
    UdpUnreplied,
    /// A datagram, or several, and a reply to it.
    UdpAnswered,
    /// Datagrams in both directions, also after a reply.
    UdpReplied,
    /// An INIT, no reply.
    SctpInit,
    /// An INIT and an answer to it: INIT ACK, or an INIT that crossed it (RFC 9260, section 5.2.1).
    SctpAnswered,
    /// Begun with a HEARTBEAT on a new path; the other end has not spoken yet.
    SctpHeartbeat,
    /// Both ends speak.
    SctpEstablished,
    /// A SHUTDOWN or an ABORT.
    SctpClosing,
    /// Echo requests with one identifier, and their replies.
    Echo,
    /// Packets of another protocol in one direction.
    OtherUnreplied,
    /// Packets of another protocol in both directions.
    OtherReplied,
}

/// What may be done to a flow when room is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Not assured: at most half of the table; given up when there is no closing flow.
    Embryonic,
    /// Assured: never given up for another flow.
    Established,
    /// Over: given up first.
    Closing,
}

/// The flows that share a timeout, in the order in which they expire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Queue {
    TcpSyn,
    TcpUnassured,
    TcpEstablished,
    TcpClosing,
    TcpReset,
    UdpUnreplied,
    UdpAnswered,
    UdpReplied,
    SctpInit,
    SctpEstablished,
    SctpClosing,
    Echo,
    OtherUnreplied,
    OtherReplied,
}

impl State {
    /// Returns the class of the state.
    pub const fn class(self) -> Class {
        self.queue().class()
    }

    /// Returns whether both ends are known to speak, and neither has ended the connection.
    pub const fn is_assured(self) -> bool {
        matches!(self.class(), Class::Established)
    }

    /// Returns how long a flow in this state lives without a packet, in seconds.
    ///
    /// A RST does not end a flow at once, so that what is still on its way arrives: it has ten seconds.
    pub const fn timeout_seconds(self) -> u32 {
        self.queue().seconds()
    }

    pub(super) const fn queue(self) -> Queue {
        match self {
            Self::TcpSynSent => Queue::TcpSyn,
            Self::TcpSynCrossed | Self::TcpSynReceived | Self::TcpPickedUp => Queue::TcpUnassured,
            Self::TcpEstablished => Queue::TcpEstablished,
            Self::TcpClosing => Queue::TcpClosing,
            Self::TcpReset => Queue::TcpReset,
            Self::UdpUnreplied => Queue::UdpUnreplied,
            Self::UdpAnswered => Queue::UdpAnswered,
            Self::UdpReplied => Queue::UdpReplied,
            Self::SctpInit | Self::SctpAnswered | Self::SctpHeartbeat => Queue::SctpInit,
            Self::SctpEstablished => Queue::SctpEstablished,
            Self::SctpClosing => Queue::SctpClosing,
            Self::Echo => Queue::Echo,
            Self::OtherUnreplied => Queue::OtherUnreplied,
            Self::OtherReplied => Queue::OtherReplied,
        }
    }
}

impl Queue {
    pub(super) const ALL: [Self; 14] = [
        Self::TcpSyn,
        Self::TcpUnassured,
        Self::TcpEstablished,
        Self::TcpClosing,
        Self::TcpReset,
        Self::UdpUnreplied,
        Self::UdpAnswered,
        Self::UdpReplied,
        Self::SctpInit,
        Self::SctpEstablished,
        Self::SctpClosing,
        Self::Echo,
        Self::OtherUnreplied,
        Self::OtherReplied,
    ];

    pub(super) const fn class(self) -> Class {
        match self {
            Self::TcpSyn | Self::TcpUnassured | Self::UdpUnreplied => Class::Embryonic,
            Self::UdpAnswered | Self::SctpInit => Class::Embryonic,
            Self::Echo | Self::OtherUnreplied => Class::Embryonic,
            Self::TcpEstablished | Self::UdpReplied => Class::Established,
            Self::SctpEstablished | Self::OtherReplied => Class::Established,
            Self::TcpClosing | Self::TcpReset | Self::SctpClosing => Class::Closing,
        }
    }

    const fn seconds(self) -> u32 {
        match self {
            Self::TcpSyn => 20,
            Self::TcpUnassured => 60,
            // More than the two hours of a keepalive (RFC 9293, section 3.8.4).
            Self::TcpEstablished => 8_000,
            Self::TcpClosing => 60,
            Self::TcpReset => 10,
            Self::UdpUnreplied | Self::UdpAnswered => 30,
            Self::UdpReplied => 120,
            Self::SctpInit => 10,
            Self::SctpEstablished => 210,
            Self::SctpClosing => 3,
            Self::Echo => 10,
            Self::OtherUnreplied | Self::OtherReplied => 60,
        }
    }

    /// Returns after how many ticks without a packet a flow is over.
    pub(super) const fn timeout(self) -> u32 {
        Tick::of_seconds(self.seconds())
    }
}

#[cfg(test)]
mod tests {
    use super::Queue;

    #[test]
    fn queues_stand_at_their_numbers() {
        for (number, queue) in Queue::ALL.into_iter().enumerate() {
            assert_eq!(queue as usize, number);
        }
    }
}
