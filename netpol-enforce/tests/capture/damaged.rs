//! Files that are damaged: each is refused with what is wrong, where, and what to do.

use netpol_enforce::wire::build::{Link, tcp};
use pcap_file::{DataLink, Endianness};
use proptest::prelude::*;

use crate::{Packet, ethernet, pcapng, read_all};

fn packets(count: u64) -> Vec<Packet> {
    let [a, b] = ["10.0.0.1", "10.0.0.2"].map(|a| a.parse().unwrap());
    let frame = Link::default().send(a, b, &tcp(40_000, 80, 2, &[]));
    (0..count).map(|at| Packet::new(at, frame.clone())).collect()
}

fn blocks(count: u64) -> Vec<u8> {
    let packets: Vec<(u32, Packet)> = packets(count).into_iter().map(|p| (0, p)).collect();
    pcapng(Endianness::Little, &[(DataLink::ETHERNET, "eth0")], &packets)
}

#[track_caller]
fn check(file: &[u8], message: &str, help: &str) {
    let error = read_all(file).unwrap_err();
    assert!(error.message.contains(message), "{error}");
    assert!(error.help.contains(help), "{error}");
}

#[test]
fn what_is_no_capture_is_refused() {
    check(b"", "it is empty", "anew");
    check(&[0x1F, 0x8B, 8, 0], "compressed with gzip", "decompress");
    check(&[0x28, 0xB5, 0x2F, 0xFD, 0], "compressed with zstd", "decompress");
    check(b"apiVersion: v1", "begins like neither", "tcpdump");
    check(&[0xA1, 0xB2, 0xCD, 0x34, 0, 2], "changed libpcap", "editcap");
}

#[test]
fn a_capture_that_ends_too_early_is_refused() {
    let file = ethernet(&packets(3));
    check(&file[..file.len() - 1], "is cut: it ends at byte 233", "editcap -r FILE WHOLE 1-2");
    check(&file[..file.len() - 60], "begins at byte 164 after 2 whole packets", "1-2");
    check(&file[..20], "is cut", "take it anew");
    let file = blocks(2);
    check(&file[..file.len() - 4], "after 1 whole packet", "WHOLE 1`");
    check(&file[..10], "is cut", "take it anew");
}

#[test]
fn absurd_lengths_are_refused() {
    let mut file = ethernet(&packets(2));
    file[24 + 8..24 + 12].copy_from_slice(&u32::MAX.to_le_bytes());
    check(&file, "damaged at byte 24, after 0 whole packets: a packet claims 4294967295", "anew");
    let mut file = ethernet(&packets(2));
    file[24 + 12..24 + 16].copy_from_slice(&5_u32.to_le_bytes());
    check(&file, "54 bytes of the 5 that it had", "anew");
    let mut file = ethernet(&packets(2));
    file[24 + 4..24 + 8].copy_from_slice(&2_000_000_u32.to_le_bytes());
    check(&file, "2000000 parts of a second", "anew");
}

#[test]
fn blocks_that_do_not_add_up_are_refused() {
    let whole = blocks(1);
    let at = whole.len() - 4;
    let mut file = whole.clone();
    file[at..].copy_from_slice(&7_u32.to_le_bytes());
    check(&file, "at its beginning and 7 at its end", "anew");
    let begin = whole.len() - 88;
    for length in [3_u32, 8, 1 << 30] {
        let mut file = whole.clone();
        file[begin + 4..begin + 8].copy_from_slice(&length.to_le_bytes());
        check(&file, &format!("a block claims {length} bytes"), "anew");
    }
    let mut file = whole.clone();
    file[begin + 8..begin + 12].copy_from_slice(&4_u32.to_le_bytes());
    check(&file, "a packet is of interface 4, and 1 are declared before it", "anew");
    let mut file = whole;
    file[begin + 20..begin + 24].copy_from_slice(&500_u32.to_le_bytes());
    check(&file, "claims 500 bytes in a block that has room for 56", "anew");
}

proptest! {
    #[test]
    fn damage_anywhere_ends_in_an_error_or_in_frames(at in 0_usize..400, bit in 0_u32..8, cut in 0_usize..400) {
        for mut file in [ethernet(&packets(4)), blocks(3)] {
            let at = at % file.len();
            file[at] ^= 1 << bit;
            let end = cut % (file.len() + 1);
            let _whole = read_all(&file).map(|frames| frames.len());
            let _cut = read_all(&file[..end]).map(|frames| frames.len());
        }
    }

    #[test]
    fn bytes_of_any_kind_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), block in any::<bool>()) {
        let magic: &[u8] = if block { &[0x0A, 0x0D, 0x0D, 0x0A] } else { &[0xD4, 0xC3, 0xB2, 0xA1] };
        let _frames = read_all(&[magic, &bytes].concat()).map(|frames| frames.len());
    }
}
