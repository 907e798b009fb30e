//! Completes the checksum of an SCTP packet, which the vnet header cannot ask anybody to do.
//!
//! A partial SCTP checksum arrives as a request for an internet checksum; whoever fulfils it writes garbage. The right
//! one is the CRC of RFC 9260, appendix A.

use crate::Csum;

/// Where the checksum stands in an SCTP header; TCP has 16, UDP 6, ICMP 2.
const CHECKSUM_OFFSET: u16 = 8;
/// The protocol number of SCTP.
const PROTOCOL: u8 = 132;
/// TCP and UDP.
const OTHERS: [u8; 2] = [6, 17];
/// Bytes of an SCTP common header.
const COMMON_HEADER: usize = 12;

/// Returns whether a checksum that is to be completed is one of SCTP.
pub(super) fn is_partial(csum: Csum) -> bool {
    matches!(csum, Csum::Partial { offset: CHECKSUM_OFFSET, .. })
}

/// Completes the checksum of an SCTP packet that begins at `start` in a frame; nothing if the frame does not hold one.
pub(super) fn complete(frame: &mut [u8], start: u16) -> Option<()> {
    let (start, end) = (usize::from(start), packet_end(frame)?);
    let packet = frame.get_mut(start..end)?;
    if packet.len() < COMMON_HEADER {
        return None;
    }
    let at = usize::from(CHECKSUM_OFFSET);
    packet.get_mut(at..at + 4)?.fill(0);
    let sum = crc32c(packet).to_le_bytes();
    packet.get_mut(at..at + 4)?.copy_from_slice(&sum);
    Some(())
}

/// Returns where the IP packet in a frame ends; what follows is padding. Nothing if its header says that it is not SCTP.
fn packet_end(frame: &[u8]) -> Option<usize> {
    let mut at = 12;
    let mut ether_type = be16(frame, at)?;
    while matches!(ether_type, 0x8100 | 0x88a8) {
        at += 4;
        ether_type = be16(frame, at)?;
    }
    let ip = at + 2;
    match ether_type {
        0x0800 if *frame.get(ip + 9)? == PROTOCOL => Some(ip + usize::from(be16(frame, ip + 2)?)),
        // Extension headers may come before; TCP and UDP carry something else there, a tunnel perhaps.
        0x86dd if !OTHERS.contains(frame.get(ip + 6)?) => {
            Some(ip + 40 + usize::from(be16(frame, ip + 4)?))
        }
        _ => None,
    }
}

fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|two| u16::from_be_bytes(*two))
}

fn crc32c(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc = TABLE[usize::from(crc.to_le_bytes()[0] ^ byte)] ^ (crc >> 8);
    }
    !crc
}

/// The remainder of each byte, by the reflected polynomial 0x1EDC6F41.
const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    let mut value = 0;
    while byte < table.len() {
        let mut crc: u32 = value;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
        value += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::{complete, crc32c};

    #[test]
    fn the_check_value_of_crc32c() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn the_sum_covers_the_packet_and_not_the_padding() {
        let mut frame = vec![0; 14];
        frame[12] = 8;
        frame.extend([0x45, 0, 0, 36, 0, 0, 0, 0, 64, 132, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
        frame.extend([0x12, 0x34, 0, 80, 1, 2, 3, 4, 0xff, 0xff, 0, 0, 14, 0, 0, 4]);
        let mut zeroed = frame[34..50].to_vec();
        zeroed[8..12].fill(0);
        frame.extend([0xee; 10]);
        assert_eq!(complete(&mut frame, 34), Some(()));
        assert_eq!(frame[42..46], crc32c(&zeroed).to_le_bytes());
        assert_eq!(frame[50..], [0xee; 10]);
    }

    #[test]
    fn what_is_not_sctp_is_left_alone() {
        let mut udp = vec![0; 60];
        udp[12] = 8;
        udp[23] = 17;
        assert_eq!(complete(&mut udp, 34), None);
        assert_eq!(complete(&mut [0; 20], 34), None);
        let mut tunnel = vec![0; 80];
        tunnel[12..14].copy_from_slice(&[0x86, 0xdd]);
        tunnel[19..21].copy_from_slice(&[26, 17]);
        assert_eq!(complete(&mut tunnel, 62), None);
        tunnel[20] = 132;
        assert_eq!(complete(&mut tunnel, 54), Some(()));
        let mut beyond = vec![0; 50];
        beyond[12..14].copy_from_slice(&[0x86, 0xdd]);
        beyond[18..20].copy_from_slice(&[1, 0]);
        assert_eq!(complete(&mut beyond, 34), None);
    }
}
