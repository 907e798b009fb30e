//! The header that stands in front of every frame on a packet socket with `PACKET_VNET_HDR`.
//!
//! `struct virtio_net_hdr` of `linux/virtio_net.h`: 10 bytes in the byte order of the host. It knows offsets, not
//! protocols.

use crate::{Csum, Gso, GsoKind};

/// Bytes of the header.
pub(super) const LENGTH: usize = 10;

/// The transport checksum is still to be completed (`VIRTIO_NET_HDR_F_NEEDS_CSUM`).
const NEEDS_CSUM: u8 = 1;
/// The transport checksum was checked on receipt (`VIRTIO_NET_HDR_F_DATA_VALID`); it means nothing on sending.
const DATA_VALID: u8 = 2;

/// No segmentation to be done.
const GSO_NONE: u8 = 0;
/// TCP over IPv4.
const GSO_TCP4: u8 = 1;
/// TCP over IPv6.
const GSO_TCP6: u8 = 4;
/// UDP datagrams.
const GSO_UDP_L4: u8 = 5;
/// A bit beside the kind: only the first segment carries CWR.
const GSO_ECN: u8 = 0x80;

/// `struct virtio_net_hdr`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct VnetHeader {
    flags: u8,
    gso_type: u8,
    hdr_len: u16,
    gso_size: u16,
    csum_start: u16,
    csum_offset: u16,
}

impl VnetHeader {
    /// Reads a header.
    pub(super) fn read(bytes: [u8; LENGTH]) -> Self {
        let [flags, gso_type, h0, h1, g0, g1, s0, s1, o0, o1] = bytes;
        Self {
            flags,
            gso_type,
            hdr_len: u16::from_ne_bytes([h0, h1]),
            gso_size: u16::from_ne_bytes([g0, g1]),
            csum_start: u16::from_ne_bytes([s0, s1]),
            csum_offset: u16::from_ne_bytes([o0, o1]),
        }
    }

    /// Returns its bytes.
    pub(super) fn bytes(self) -> [u8; LENGTH] {
        let [h0, h1] = self.hdr_len.to_ne_bytes();
        let [g0, g1] = self.gso_size.to_ne_bytes();
        let [s0, s1] = self.csum_start.to_ne_bytes();
        let [o0, o1] = self.csum_offset.to_ne_bytes();
        [self.flags, self.gso_type, h0, h1, g0, g1, s0, s1, o0, o1]
    }

    /// Returns the header of a frame that is described.
    pub(super) fn of(csum: Csum, gso: Option<Gso>) -> Self {
        let mut header = Self::default();
        if let Csum::Partial { start, offset } = csum {
            (header.flags, header.csum_start, header.csum_offset) = (NEEDS_CSUM, start, offset);
        }
        if let Some(gso) = gso {
            let ecn = if gso.ecn { GSO_ECN } else { 0 };
            header.gso_type = kind_number(gso.kind) | ecn;
            (header.gso_size, header.hdr_len) = (gso.size, gso.hdr_len);
        }
        header
    }

    /// Returns what it says of the checksum.
    pub(super) fn csum(self) -> Csum {
        if self.flags & NEEDS_CSUM != 0 {
            Csum::Partial { start: self.csum_start, offset: self.csum_offset }
        } else if self.flags & DATA_VALID != 0 {
            Csum::Valid
        } else {
            Csum::Complete
        }
    }

    /// Returns what it says of segmentation.
    pub(super) fn gso(self) -> Option<Gso> {
        let kind = match self.gso_type & !GSO_ECN {
            GSO_NONE => return None,
            GSO_TCP4 => GsoKind::Tcp4,
            GSO_TCP6 => GsoKind::Tcp6,
            GSO_UDP_L4 => GsoKind::UdpL4,
            other => GsoKind::Other(other),
        };
        let ecn = self.gso_type & GSO_ECN != 0;
        Some(Gso { kind, size: self.gso_size, hdr_len: self.hdr_len, ecn })
    }

    /// Returns it as it may be sent: the flag that only means something on receipt is gone.
    pub(super) fn for_sending(self) -> Self {
        Self { flags: self.flags & !DATA_VALID, ..self }
    }

    /// Returns it with a checksum that is complete.
    pub(super) fn with_complete_checksum(self) -> Self {
        Self { flags: self.flags & !NEEDS_CSUM, csum_start: 0, csum_offset: 0, ..self }
    }

    /// Returns it for the same frame with so many bytes more in front of the network header; nothing if an offset
    /// overflows.
    pub(super) fn shifted(self, by: u16) -> Option<Self> {
        let mut shifted = self;
        if self.flags & NEEDS_CSUM != 0 {
            shifted.csum_start = self.csum_start.checked_add(by)?;
        }
        if self.gso_type & !GSO_ECN != GSO_NONE {
            shifted.hdr_len = self.hdr_len.checked_add(by)?;
        }
        Some(shifted)
    }
}

fn kind_number(kind: GsoKind) -> u8 {
    match kind {
        GsoKind::Tcp4 => GSO_TCP4,
        GsoKind::Tcp6 => GSO_TCP6,
        GsoKind::UdpL4 => GSO_UDP_L4,
        GsoKind::Other(number) => number,
    }
}

#[cfg(test)]
mod tests {
    use super::VnetHeader;
    use crate::{Csum, Gso, GsoKind};

    #[test]
    fn what_is_described_is_read_back() {
        let csum = Csum::Partial { start: 34, offset: 16 };
        for kind in [GsoKind::Tcp4, GsoKind::Tcp6, GsoKind::UdpL4, GsoKind::Other(3)] {
            let gso = Some(Gso { kind, size: 1448, hdr_len: 66, ecn: true });
            let read = VnetHeader::read(VnetHeader::of(csum, gso).bytes());
            assert_eq!((read.csum(), read.gso()), (csum, gso));
        }
    }

    #[test]
    fn a_checked_checksum_is_not_said_on_sending() {
        let header = VnetHeader::read([2, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(header.csum(), Csum::Valid);
        assert_eq!(header.for_sending().csum(), Csum::Complete);
    }

    #[test]
    fn only_offsets_that_are_in_use_are_shifted() {
        let plain = VnetHeader::default();
        assert_eq!(plain.shifted(4), Some(plain));
        let partial = VnetHeader::of(Csum::Partial { start: 34, offset: 6 }, None);
        assert_eq!(partial.shifted(4).unwrap().csum(), Csum::Partial { start: 38, offset: 6 });
        let far = VnetHeader::of(Csum::Partial { start: u16::MAX, offset: 6 }, None);
        assert_eq!(far.shifted(4), None);
    }
}
