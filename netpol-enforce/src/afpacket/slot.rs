//! A message in its buffer becomes a frame: where it lies, what is said of it, its VLAN tag back in place.
//!
//! It knows the layout of a buffer and of the Ethernet header, and nothing of sockets.

use super::sys::{Aux, Message};
use super::vnet::{self, VnetHeader};
use crate::{Csum, Frame, FrameMeta, Gso, GsoKind, PortId, Tick, Vlan};

/// Bytes in front of a frame: the vnet header and a tag that is put back.
const HEADROOM: usize = 64;
/// Where a message begins in its buffer, so that the frame behind the vnet header begins at the headroom's end.
pub(super) const MESSAGE_START: usize = HEADROOM - vnet::LENGTH;
/// Bytes of the longest frame: a superframe of 65 536 and its link headers.
const LONGEST_FRAME: usize = 65_536 + 256;
/// Bytes of a buffer.
pub(super) const STRIDE: usize = HEADROOM + LONGEST_FRAME;

/// Bytes of a VLAN tag.
const TAG: usize = 4;
/// Bytes of the two addresses, behind which a tag stands.
const ADDRESSES: usize = 12;

/// The kernel took a tag off (`TP_STATUS_VLAN_VALID`).
const VLAN_VALID: u32 = 1 << 4;
/// The protocol of that tag is known (`TP_STATUS_VLAN_TPID_VALID`).
const VLAN_TPID_VALID: u32 = 1 << 6;
/// The protocol of a tag where it is not known: 802.1Q.
const TPID_DEFAULT: u16 = 0x8100;

/// A frame in a buffer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    /// Which buffer of its port's batch.
    pub(super) buffer: usize,
    /// Where the vnet header begins in it.
    start: usize,
    /// Bytes of the frame that are at hand.
    length: usize,
    /// What is said of it.
    pub(super) meta: FrameMeta,
}

/// A message that is not handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Skipped {
    /// It went out of the interface, and was not meant for us.
    Outgoing,
    /// Not even its own description is whole.
    Unreadable,
}

impl Slot {
    /// Reads the message in a buffer, and puts its tag back into the bytes.
    pub(super) fn read(
        buffer: &mut [u8],
        index: usize,
        message: &Message,
        port: PortId,
        at: Tick,
    ) -> Result<Self, Skipped> {
        if message.packet_type == libc::PACKET_OUTGOING {
            return Err(Skipped::Outgoing);
        }
        // Without the datum beside it nobody knows whether a tag was taken off: it could not be sent as it was.
        let aux = message.aux.ok_or(Skipped::Unreadable)?;
        let header = buffer.get(MESSAGE_START..).and_then(<[u8]>::first_chunk);
        let header = VnetHeader::read(*header.ok_or(Skipped::Unreadable)?);
        let wire = message.length.checked_sub(vnet::LENGTH).ok_or(Skipped::Unreadable)?;
        let at_hand = wire.min(buffer.len().saturating_sub(HEADROOM));
        let wire = u32::try_from(wire).unwrap_or(u32::MAX).max(aux.length);
        let meta =
            FrameMeta { port, wire_len: wire, vlan: None, csum: header.csum(), gso: None, at };
        let mut slot = Self { buffer: index, start: MESSAGE_START, length: at_hand, meta };
        slot.describe(buffer, header).ok_or(Skipped::Unreadable)?;
        if let Some(vlan) = taken_off(aux) {
            slot.put_back(buffer, vlan).ok_or(Skipped::Unreadable)?;
        }
        Ok(slot)
    }

    /// Returns the frame.
    pub(super) fn frame<'a>(&self, buffer: &'a [u8]) -> Frame<'a> {
        let from = self.start + vnet::LENGTH;
        let bytes = buffer.get(from..from + self.length).unwrap_or_default();
        Frame { meta: self.meta, bytes }
    }

    /// Returns the frame with its vnet header in front, as it is sent.
    pub(super) fn message<'a>(&self, buffer: &'a [u8]) -> &'a [u8] {
        buffer.get(self.start..self.start + vnet::LENGTH + self.length).unwrap_or_default()
    }

    /// Returns the same, to be written to.
    pub(super) fn message_mut<'a>(&self, buffer: &'a mut [u8]) -> &'a mut [u8] {
        buffer.get_mut(self.start..self.start + vnet::LENGTH + self.length).unwrap_or_default()
    }

    /// Writes a vnet header in front of the frame and takes its description over.
    fn describe(&mut self, buffer: &mut [u8], header: VnetHeader) -> Option<()> {
        let room = buffer.get_mut(self.start..self.start + vnet::LENGTH)?;
        room.copy_from_slice(&header.for_sending().bytes());
        self.meta.csum = header.csum();
        self.meta.gso = header.gso().map(|gso| {
            let length = segment_headers(self.frame(buffer).bytes, self.meta.csum, gso.kind);
            Gso { hdr_len: length.unwrap_or(gso.hdr_len), ..gso }
        });
        Some(())
    }

    /// Puts the tag that was taken off back behind the addresses, which move into the headroom.
    fn put_back(&mut self, buffer: &mut [u8], vlan: Vlan) -> Option<()> {
        if self.length < ADDRESSES {
            return Some(());
        }
        let header = VnetHeader::read(*buffer.get(self.start..)?.first_chunk()?);
        let header = header.shifted(u16::try_from(TAG).ok()?)?;
        // DATA_VALID is no longer in the header: the description keeps it.
        let csum = self.meta.csum;
        let frame = self.start + vnet::LENGTH;
        buffer.get(frame..frame + ADDRESSES)?;
        buffer.copy_within(frame..frame + ADDRESSES, frame - TAG);
        let [p0, p1] = vlan.tpid.to_be_bytes();
        let [c0, c1] = vlan.tci.to_be_bytes();
        let tag = buffer.get_mut(frame - TAG + ADDRESSES..frame + ADDRESSES)?;
        tag.copy_from_slice(&[p0, p1, c0, c1]);
        self.start -= TAG;
        self.length += TAG;
        self.meta.wire_len = self.meta.wire_len.saturating_add(u32::try_from(TAG).ok()?);
        self.meta.vlan = Some(vlan);
        self.describe(buffer, header)?;
        if csum == Csum::Valid {
            self.meta.csum = csum;
        }
        Some(())
    }
}

/// Returns the tag that the kernel took off.
fn taken_off(aux: Aux) -> Option<Vlan> {
    if aux.status & VLAN_VALID == 0 {
        return None;
    }
    let known = aux.status & VLAN_TPID_VALID != 0;
    let tpid = if known { aux.vlan_tpid } else { TPID_DEFAULT };
    Some(Vlan { tpid, tci: aux.vlan_tci })
}

/// Returns the bytes of headers that each segment of a superframe repeats.
///
/// The kernel's number is only how much of the frame lay in one piece (`virtio_net_hdr_from_skb`).
fn segment_headers(frame: &[u8], csum: Csum, kind: GsoKind) -> Option<u16> {
    let Csum::Partial { start, .. } = csum else { return None };
    let transport = match kind {
        GsoKind::Tcp4 | GsoKind::Tcp6 => {
            let offset = frame.get(usize::from(start) + 12)? >> 4;
            u16::from(offset) * 4
        }
        GsoKind::UdpL4 => 8,
        GsoKind::Other(_) => return None,
    };
    start.checked_add(transport)
}

#[cfg(test)]
mod tests {
    use super::{MESSAGE_START, STRIDE, Skipped, Slot, VLAN_TPID_VALID, VLAN_VALID};
    use crate::afpacket::sys::{Aux, Message};
    use crate::afpacket::vnet::VnetHeader;
    use crate::{Csum, Gso, GsoKind, PortId, Tick, Vlan};

    const ADDRESSES: [u8; 12] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];

    fn buffer_of(header: VnetHeader, frame: &[u8]) -> (Vec<u8>, Message) {
        let mut buffer = vec![0xaa; STRIDE];
        buffer[MESSAGE_START..MESSAGE_START + 10].copy_from_slice(&header.bytes());
        buffer[MESSAGE_START + 10..MESSAGE_START + 10 + frame.len()].copy_from_slice(frame);
        let aux = Aux { length: u32::try_from(frame.len()).unwrap(), ..Aux::default() };
        (buffer, Message { length: 10 + frame.len(), packet_type: 0, aux: Some(aux) })
    }

    fn read(buffer: &mut [u8], message: &Message) -> Result<Slot, Skipped> {
        Slot::read(buffer, 0, message, PortId(1), Tick(7))
    }

    fn tcp_frame() -> Vec<u8> {
        let mut frame = ADDRESSES.to_vec();
        frame.extend([8, 0]);
        frame.resize(200, 0);
        frame[34 + 12] = 8 << 4;
        frame
    }

    #[test]
    fn a_frame_is_sent_as_it_came() {
        let frame = tcp_frame();
        let (mut buffer, message) = buffer_of(VnetHeader::default(), &frame);
        let slot = read(&mut buffer, &message).unwrap();
        assert_eq!(slot.frame(&buffer).bytes, frame);
        assert_eq!(slot.frame(&buffer).meta.wire_len, 200);
        assert_eq!(slot.message(&buffer)[10..], frame);
    }

    #[test]
    fn a_tag_is_put_back_with_its_own_protocol_and_offsets_move() {
        let gso = Gso { kind: GsoKind::Tcp4, size: 100, hdr_len: 200, ecn: false };
        let header = VnetHeader::of(Csum::Partial { start: 34, offset: 16 }, Some(gso));
        let (mut buffer, mut message) = buffer_of(header, &tcp_frame());
        let aux = message.aux.as_mut().unwrap();
        aux.status = 1 | VLAN_VALID | VLAN_TPID_VALID;
        (aux.vlan_tci, aux.vlan_tpid) = (0x2005, 0x88a8);
        let slot = read(&mut buffer, &message).unwrap();
        let frame = slot.frame(&buffer);
        assert_eq!(frame.bytes[..12], ADDRESSES);
        assert_eq!(frame.bytes[12..18], [0x88, 0xa8, 0x20, 5, 8, 0]);
        assert_eq!(frame.bytes.len(), 204);
        assert_eq!(frame.meta.wire_len, 204);
        assert_eq!(frame.meta.vlan, Some(Vlan { tpid: 0x88a8, tci: 0x2005 }));
        assert_eq!(frame.meta.csum, Csum::Partial { start: 38, offset: 16 });
        assert_eq!(frame.meta.gso.unwrap().hdr_len, 38 + 32);
        let sent = VnetHeader::read(*slot.message(&buffer).first_chunk().unwrap());
        assert_eq!(sent.csum(), Csum::Partial { start: 38, offset: 16 });
        assert_eq!(sent.gso().unwrap().hdr_len, 204);
    }

    #[test]
    fn a_tag_without_protocol_is_8021q() {
        let (mut buffer, mut message) = buffer_of(VnetHeader::default(), &tcp_frame());
        message.aux.as_mut().unwrap().status = VLAN_VALID;
        let slot = read(&mut buffer, &message).unwrap();
        assert_eq!(slot.meta.vlan, Some(Vlan { tpid: 0x8100, tci: 0 }));
    }

    #[test]
    fn a_checked_checksum_is_kept_beside_a_tag() {
        let header = VnetHeader::read([2, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        let (mut buffer, mut message) = buffer_of(header, &tcp_frame());
        message.aux.as_mut().unwrap().status = VLAN_VALID;
        let slot = read(&mut buffer, &message).unwrap();
        assert_eq!(slot.meta.csum, Csum::Valid);
        assert_eq!(slot.message(&buffer)[0], 0);
    }

    #[test]
    fn a_frame_that_was_cut_says_so() {
        let (mut buffer, mut message) = buffer_of(VnetHeader::default(), &tcp_frame());
        message.length = 90_000 + 10;
        let slot = read(&mut buffer, &message).unwrap();
        let frame = slot.frame(&buffer);
        assert_eq!(frame.bytes.len(), 65_536 + 256);
        assert_eq!(frame.meta.wire_len, 90_000);
        message.length = 210;
        message.aux.as_mut().unwrap().length = 300;
        let slot = read(&mut buffer, &message).unwrap();
        assert_eq!(slot.frame(&buffer).bytes.len(), 200);
        assert_eq!(slot.meta.wire_len, 300);
    }

    #[test]
    fn what_went_out_or_has_no_description_is_not_handed_over() {
        let (mut buffer, message) = buffer_of(VnetHeader::default(), &tcp_frame());
        let outgoing = Message { packet_type: 4, ..message };
        assert_eq!(read(&mut buffer, &outgoing).unwrap_err(), Skipped::Outgoing);
        let bare = Message { aux: None, ..message };
        assert_eq!(read(&mut buffer, &bare).unwrap_err(), Skipped::Unreadable);
        let short = Message { length: 9, ..message };
        assert_eq!(read(&mut buffer, &short).unwrap_err(), Skipped::Unreadable);
    }
}
