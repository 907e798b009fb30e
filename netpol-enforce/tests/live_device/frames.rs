//! Frames made by hand.

use std::net::IpAddr;

/// An ethertype for experiments (IEEE 802, 0x88B5), which no stack answers.
pub(crate) const EXPERIMENT: u16 = 0x88b5;

/// Returns a frame: addresses, tags, ethertype and payload.
pub(crate) fn ethernet(
    to: [u8; 6],
    from: [u8; 6],
    tags: &[(u16, u16)],
    ether_type: u16,
    payload: &[u8],
) -> Vec<u8> {
    let mut frame = [to, from].concat();
    for (tpid, tci) in tags {
        frame.extend(tpid.to_be_bytes());
        frame.extend(tci.to_be_bytes());
    }
    frame.extend(ether_type.to_be_bytes());
    frame.extend(payload);
    frame
}

/// Returns an IP packet: a header and what it carries.
pub(crate) fn ip(from: IpAddr, to: IpAddr, protocol: u8, payload: &[u8]) -> Vec<u8> {
    match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let length = u16::try_from(20 + payload.len()).unwrap().to_be_bytes();
            let mut header = vec![0x45, 0, length[0], length[1], 0, 1, 0, 0, 64, protocol, 0, 0];
            header.extend(from.octets());
            header.extend(to.octets());
            let sum = internet_checksum(&header);
            header[10..12].copy_from_slice(&sum);
            header.extend(payload);
            header
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
            let mut header = vec![0x60, 0, 0, 0, length[0], length[1], protocol, 64];
            header.extend(from.octets());
            header.extend(to.octets());
            header.extend(payload);
            header
        }
        _ => panic!("addresses of two versions"),
    }
}

/// Returns a UDP superframe's packet: one header, whose checksum is left to whoever cuts it into datagrams.
pub(crate) fn udp_superframe(from: IpAddr, to: IpAddr, port: u16, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(8 + payload.len()).unwrap().to_be_bytes();
    let octets = |address| match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    let covered = [octets(from), octets(to), vec![0, 17], length.to_vec()].concat();
    // What is left to be added up is not complemented yet.
    let sum = internet_checksum(&covered).map(|byte| !byte);
    let port = port.to_be_bytes();
    let header = [port, port, length, sum].concat();
    ip(from, to, 17, &[&header, payload].concat())
}

/// Returns an echo request of 56 bytes, in its packet.
pub(crate) fn echo_request(from: IpAddr, to: IpAddr, id: u16) -> Vec<u8> {
    let id = id.to_be_bytes();
    let kind = if from.is_ipv4() { 8 } else { 128 };
    let mut message = vec![kind, 0, 0, 0, id[0], id[1], 0, 1];
    message.resize(64, 0x5a);
    let protocol = if from.is_ipv4() { 1 } else { 58 };
    let sum = match (from, to) {
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            let mut covered = [from.octets(), to.octets()].concat();
            covered.extend([0, 0, 0, 64, 0, 0, 0, protocol]);
            covered.extend(&message);
            internet_checksum(&covered)
        }
        _ => internet_checksum(&message),
    };
    message[2..4].copy_from_slice(&sum);
    ip(from, to, protocol, &message)
}

/// Returns whether a frame without tag carries the answer to an echo request.
pub(crate) fn is_echo_reply(frame: &[u8], id: u16) -> bool {
    let id = id.to_be_bytes();
    let v4 = frame.get(12..14) == Some(&[8, 0]) && frame.get(34) == Some(&0);
    let v6 = frame.get(12..14) == Some(&[0x86, 0xdd]) && frame.get(54) == Some(&129);
    (v4 && frame.get(38..40) == Some(&id)) || (v6 && frame.get(58..60) == Some(&id))
}

/// Returns the sum of RFC 1071, complemented.
pub(crate) fn internet_checksum(bytes: &[u8]) -> [u8; 2] {
    let words =
        bytes.chunks(2).map(|two| u32::from(two[0]) << 8 | two.get(1).map_or(0, |b| u32::from(*b)));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    (!u16::try_from(sum).unwrap()).to_be_bytes()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

pub(crate) fn bytes_of(hex: &str) -> Vec<u8> {
    let pair = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(pair).collect()
}
