//! The internet checksum (RFC 1071).

/// Returns the checksum over several parts, each of which but the last has an even length.
pub(super) fn internet_checksum(parts: &[&[u8]]) -> [u8; 2] {
    let words = parts.iter().flat_map(|part| part.chunks(2));
    let mut sum: u64 = words.map(word).sum();
    while sum > 0xFFFF {
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    let sum = u16::try_from(sum).unwrap_or(u16::MAX);
    (!sum).to_be_bytes()
}

/// Returns two bytes as a number, one as if a zero followed.
fn word(bytes: &[u8]) -> u64 {
    match bytes {
        [high, low] => u64::from(u16::from_be_bytes([*high, *low])),
        [high] => u64::from(*high) << 8,
        _ => 0,
    }
}
