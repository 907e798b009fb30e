//! A frame as a device hands it over: its bytes and what the kernel says beside them.

/// A port of the datapath: the number of an interface in the order of the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortId(pub u8);

/// A moment, in units of 64 milliseconds since the device was opened (or since the first frame of a capture).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tick(pub u32);

impl Tick {
    /// How many ticks a second has: 15.625, in thousandths.
    const PER_THOUSAND_SECONDS: u64 = 15_625;

    /// Returns the tick of a time since the beginning.
    pub fn at(since: std::time::Duration) -> Self {
        Self(u32::try_from(since.as_millis() / 64).unwrap_or(u32::MAX))
    }

    /// Returns how many ticks so many seconds are, at least one.
    #[expect(clippy::cast_possible_truncation, reason = "timeouts are hours at most")]
    pub const fn of_seconds(seconds: u32) -> u32 {
        let ticks = seconds as u64 * Self::PER_THOUSAND_SECONDS / 1000;
        if ticks == 0 { 1 } else { ticks as u32 }
    }

    /// Returns how many ticks have passed since an earlier moment; none if that one is later.
    pub const fn since(self, earlier: Self) -> u32 {
        self.0.saturating_sub(earlier.0)
    }
}

/// The outer VLAN tag that the kernel took off a frame, or that stands in its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Vlan {
    /// The tag protocol: 0x8100 or 0x88A8.
    pub tpid: u16,
    /// Priority, drop eligibility and VLAN id.
    pub tci: u16,
}

/// What is known of the transport checksum (`virtio_net_hdr`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Csum {
    /// It is complete, as on a wire.
    #[default]
    Complete,
    /// It covers the pseudo header alone; whoever sends the frame completes it.
    Partial {
        /// Where the sum begins, from the first byte of the frame.
        start: u16,
        /// Where the result goes, from `start`.
        offset: u16,
    },
    /// The kernel has checked it.
    Valid,
}

/// The segmentation that is still to be done on a superframe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Gso {
    /// What it will be cut into.
    pub kind: GsoKind,
    /// Payload bytes of each segment.
    pub size: u16,
    /// Bytes of headers that each segment repeats.
    pub hdr_len: u16,
    /// Whether the first segment alone carries CWR.
    pub ecn: bool,
}

/// What a superframe will be cut into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GsoKind {
    /// TCP over IPv4.
    Tcp4,
    /// TCP over IPv6.
    Tcp6,
    /// UDP datagrams.
    UdpL4,
    /// A kind that cannot be sent on; the number is that of the header.
    Other(u8),
}

/// What a device says beside the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FrameMeta {
    /// The port the frame came in by.
    pub port: PortId,
    /// Its length on the wire; more than the bytes at hand means that it was truncated.
    pub wire_len: u32,
    /// The outer tag where the kernel took it off (it is back in the bytes of a frame that is handed over: this says
    /// that it was off).
    pub vlan: Option<Vlan>,
    /// The state of the transport checksum.
    pub csum: Csum,
    /// The segmentation to be done.
    pub gso: Option<Gso>,
    /// When it came.
    pub at: Tick,
}

impl FrameMeta {
    /// Returns the description of a plain frame: whole, untagged beside its bytes, with a complete checksum.
    pub fn plain(port: PortId, length: usize, at: Tick) -> Self {
        let wire_len = u32::try_from(length).unwrap_or(u32::MAX);
        Self { port, wire_len, vlan: None, csum: Csum::Complete, gso: None, at }
    }
}

/// A frame, from its destination MAC address on; every VLAN tag is in the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// What is said beside the bytes.
    pub meta: FrameMeta,
    /// The bytes; fewer than `meta.wire_len` if it was truncated.
    pub bytes: &'a [u8],
}
