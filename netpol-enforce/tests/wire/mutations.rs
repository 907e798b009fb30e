//! Frames that are cut, changed or random: no panic, and what is accepted is what another reader says.

use std::net::IpAddr;

use netpol_enforce::wire::build::{Link, other, set_ipv4_checksum};
use proptest::prelude::*;

use crate::oracle::check_agreement;
use crate::samples::{LIMITS, samples};
use crate::{A4, A6, B4, B6, ETHERNET, Input};

/// How many changed frames the loop reads.
const ROUNDS: usize = 200_000;

fn check_frame(bytes: Vec<u8>) -> bool {
    let input = Input { limits: LIMITS, ..Input::from(bytes) };
    let packet = input.read();
    if let Ok(packet) = packet {
        check_agreement(&input.bytes, &packet);
    }
    packet.is_ok()
}

#[test]
fn every_sample_is_read_the_same_by_another_reader() {
    for sample in samples() {
        assert!(check_frame(sample.bytes));
    }
}

#[test]
fn no_part_of_a_frame_is_taken_for_the_whole() {
    for sample in samples() {
        for length in 0..sample.bytes.len() {
            let part = Input { bytes: sample.bytes[..length].to_vec(), ..sample.clone() };
            assert!(part.read().is_err(), "{length} bytes of {sample:02x?}");
        }
    }
}

#[test]
fn only_padding_can_be_cut_off() {
    for sample in samples() {
        let whole = sample.read();
        for padding in 0..40 {
            let bytes = [&sample.bytes[..], &vec![0xA5; padding]].concat();
            assert_eq!(Input { bytes, ..sample.clone() }.read(), whole);
        }
    }
}

#[test]
fn every_flipped_bit_gives_what_another_reader_says() {
    for sample in samples() {
        for bit in 0..sample.bytes.len() * 8 {
            let mut bytes = sample.bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            check_frame(bytes.clone());
            // Where it is IPv4, once more behind the checksum.
            set_ipv4_checksum(&mut bytes[ETHERNET..]);
            check_frame(bytes);
        }
    }
}

/// A generator of numbers that are the same every time (Marsaglia, Xorshift RNGs, 2003).
struct Xorshift(u64);

impl Xorshift {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(limit).unwrap()).unwrap()
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).unwrap()
    }
}

#[test]
fn many_changes_at_once_give_what_another_reader_says() {
    let samples = samples();
    let mut random = Xorshift(0x9E37_79B9_7F4A_7C15);
    let mut accepted = 0;
    for _ in 0..ROUNDS {
        let mut bytes = samples[random.below(samples.len())].bytes.clone();
        for _ in 0..=random.below(4) {
            let at = random.below(bytes.len());
            bytes[at] = if random.below(2) == 0 { random.byte() } else { bytes[at] ^ 1 };
        }
        if random.below(8) == 0 {
            bytes.truncate(random.below(bytes.len()).max(ETHERNET));
        }
        set_ipv4_checksum(&mut bytes[ETHERNET..]);
        accepted += usize::from(check_frame(bytes));
    }
    // If nearly nothing passes, nothing is compared.
    assert!(accepted > ROUNDS / 10, "{accepted}");
}

proptest! {
    #[test]
    fn random_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        check_frame(bytes);
    }

    #[test]
    fn random_packets_give_what_another_reader_says(
        addresses in prop::sample::select(vec![[A4.into(), B4.into()], [A6.into(), B6.into()]]),
        protocol in prop::sample::select(vec![0_u8, 1, 6, 17, 43, 44, 50, 51, 58, 60, 132, 255]),
        payload in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let [source, destination]: [IpAddr; 2] = addresses;
        check_frame(Link::default().send(source, destination, &other(protocol, &payload)));
    }
}
