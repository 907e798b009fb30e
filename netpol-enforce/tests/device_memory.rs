//! The devices without a kernel: what goes in comes out, and faults are the same for the same seed.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::time::Duration;

use netpol_enforce::device::{
    Device, DeviceError, Fault, FaultCounts, FaultRates, FlushReport, Inject as _, Memory,
    OwnedFrame, PortStats,
};
use netpol_enforce::{Gso, GsoKind, PortId, Tick};

const A: PortId = PortId(0);
const B: PortId = PortId(1);

fn frame(number: u8) -> OwnedFrame {
    OwnedFrame::plain(A, &[number; 64], Tick(u32::from(number)))
}

fn filled(count: u8) -> Memory {
    let mut memory = Memory::with_ports(2).with_batch(7);
    (0..count).for_each(|number| memory.push(frame(number)));
    memory.end();
    memory
}

/// Forwards everything from A to B until the device has ended; returns how many frames there were.
fn forward_all(device: &mut impl Device) -> u64 {
    let mut frames = 0;
    loop {
        let count = match device.receive(Duration::ZERO) {
            Ok(count) => count,
            Err(DeviceError::Ended) => return frames,
            Err(error) => panic!("{error}"),
        };
        for index in 0..count {
            assert_eq!(device.frame(index).meta.port, A);
            device.forward(index, B);
            frames += 1;
        }
        device.flush();
    }
}

fn faulty(seed: u64, rates: FaultRates) -> (Vec<OwnedFrame>, FaultCounts, [PortStats; 2], u64) {
    let mut device = Fault::new(filled(200), seed, rates);
    let frames = forward_all(&mut device);
    let stats = device.stats().try_into().unwrap();
    let counts = device.counts();
    (device.inner_mut().take_sent(B), counts, stats, frames)
}

#[test]
fn frames_leave_in_order_and_are_counted() {
    let mut memory = filled(20);
    assert_eq!(forward_all(&mut memory), 20);
    let numbers: Vec<u8> = memory.sent(B).iter().map(|frame| frame.bytes[0]).collect();
    assert_eq!(numbers, (0..20).collect::<Vec<_>>());
    assert_eq!(memory.stats()[0], PortStats { received: 20, ..PortStats::default() });
    assert_eq!(memory.stats()[1], PortStats { sent: 20, ..PortStats::default() });
    assert!(memory.sent(A).is_empty());
}

#[test]
fn a_device_without_frames_waits_until_it_is_ended() {
    let mut memory = Memory::with_ports(1);
    assert_eq!(memory.receive(Duration::ZERO).unwrap(), 0);
    memory.end();
    assert!(matches!(memory.receive(Duration::ZERO), Err(DeviceError::Ended)));
}

#[test]
fn what_cannot_be_sent_whole_is_an_error() {
    let mut memory = Memory::with_ports(2);
    let mut truncated = frame(1);
    truncated.meta.wire_len += 1;
    memory.push(truncated);
    let mut unknown = frame(2);
    unknown.meta.gso = Some(Gso { kind: GsoKind::Other(3), size: 1, hdr_len: 14, ecn: false });
    memory.push(unknown);
    memory.push(frame(3));
    assert_eq!(memory.receive(Duration::ZERO).unwrap(), 3);
    (0..3).for_each(|index| memory.forward(index, B));
    memory.forward(2, PortId(9));
    memory.forward(5, B);
    assert_eq!(memory.flush(), FlushReport { sent: 1, errors: 4 });
    assert_eq!(memory.flush(), FlushReport::default());
}

#[test]
fn an_injected_frame_is_sent() {
    let mut memory = Memory::with_ports(2);
    memory.inject(B, &frame(7).frame());
    assert!(memory.sent(B).is_empty());
    assert_eq!(memory.flush().sent, 1);
    assert_eq!(memory.sent(B), [frame(7)]);
}

#[test]
fn without_rates_nothing_happens() {
    let (sent, counts, stats, frames) = faulty(1, FaultRates::default());
    assert_eq!(counts, FaultCounts::default());
    assert_eq!((sent.len(), frames), (200, 200));
    assert_eq!(stats[0].received, 200);
}

#[test]
fn the_same_seed_gives_the_same_faults() {
    let rates =
        FaultRates { drop: 50, duplicate: 50, delay: 50, truncate: 50, corrupt: 50, fail_send: 50 };
    assert_eq!(faulty(7, rates), faulty(7, rates));
    assert_ne!(faulty(7, rates), faulty(8, rates));
}

#[test]
fn every_frame_is_accounted_for() {
    let rates =
        FaultRates { drop: 90, duplicate: 90, delay: 90, truncate: 90, corrupt: 90, fail_send: 90 };
    for seed in 0..50 {
        let (sent, counts, stats, frames) = faulty(seed, rates);
        assert_eq!(frames, 200 - counts.dropped + counts.duplicated);
        assert_eq!((stats[0].received, stats[0].overflow), (frames, counts.dropped));
        assert_eq!(u64::try_from(sent.len()).unwrap(), stats[1].sent);
        assert_eq!(frames, stats[1].sent + stats[1].tx_errors);
        assert!(stats[1].tx_errors >= counts.failed_sends);
        let all =
            [counts.dropped, counts.duplicated, counts.delayed, counts.truncated, counts.corrupted];
        assert!(all.iter().all(|count| *count > 0), "{counts:?}");
    }
}

#[test]
fn delayed_frames_come_behind_others_and_none_is_lost() {
    let rates = FaultRates { delay: 300, ..FaultRates::default() };
    let (sent, counts, ..) = faulty(3, rates);
    let mut numbers: Vec<u8> = sent.iter().map(|frame| frame.bytes[0]).collect();
    assert!(!numbers.is_sorted() && counts.delayed > 0);
    numbers.sort_unstable();
    assert_eq!(numbers, (0..200).collect::<Vec<_>>());
}

#[test]
fn a_damaged_frame_is_sent_as_it_was_judged() {
    let rates = FaultRates { corrupt: 1000, ..FaultRates::default() };
    let (sent, counts, ..) = faulty(3, rates);
    assert_eq!(counts.corrupted, 200);
    for frame in sent {
        let number = u8::try_from(frame.meta.at.0).unwrap();
        let turned: u32 = frame.bytes.iter().map(|byte| (byte ^ number).count_ones()).sum();
        assert_eq!(turned, 1);
    }
}

#[test]
fn a_cut_frame_says_how_long_it_was_and_is_not_sent() {
    let rates = FaultRates { truncate: 1000, ..FaultRates::default() };
    let mut device = Fault::new(filled(3), 1, rates);
    assert_eq!(device.receive(Duration::ZERO).unwrap(), 3);
    for index in 0..3 {
        assert!(device.frame(index).bytes.len() < 64);
        assert_eq!(device.frame(index).meta.wire_len, 64);
        device.forward(index, B);
    }
    assert_eq!(device.flush(), FlushReport { sent: 0, errors: 3 });
}
