//! Frames of every kind, damaged or not, from both sides at full rate.

use std::thread;
use std::time::{Duration, Instant};

use netpol_core::model::Family;
use netpol_enforce::device::{Device as _, Inject as _, PortStats};
use netpol_enforce::policies::Sides as Placed;
use netpol_enforce::wire::Arp;
use netpol_enforce::wire::build::{Link, arp, udp};
use netpol_enforce::{Csum, Frame, FrameMeta, Gso, GsoKind, PortId, Tick};

use crate::common::{
    self, ACK, CACHE, DB, EVERYTHING, FIN, Host, PEER, RST, SYN, SYN_ACK, WEB, way,
};
use crate::datapath::{Datapath, Setup, assert_adds_up};
use crate::roles::{device, say};
use crate::sides::{Role, Sides};

/// Names how many seconds the fuzzing lasts, where it is to be more than the usual.
const SECONDS: &str = "NETPOL_LIVE_FUZZ_SECONDS";
const USUAL_SECONDS: u64 = 2;
/// How long the tables take to fill, before memory is compared.
const WARM_UP: Duration = Duration::from_millis(1200);
/// So many bytes more are the allocator's.
const FLAT: u64 = 4 << 20;

/// Nothing is lost in the counts: what each side sent was received or lost before a verdict, what was received passed or was
/// dropped, what passed was sent or failed; and memory does not grow.
pub(crate) fn fuzzed_frames_add_up() {
    let seconds = std::env::var(SECONDS).map_or(USUAL_SECONDS, |text| text.parse().unwrap());
    let _sides = Sides::silent();
    let placed = Placed::Bound(common::bindings());
    let datapath = Datapath::open(common::snapshot(&[EVERYTHING]), placed, Setup::default());
    let before = transmitted();
    let ms = (seconds * 1000).to_string();
    let start = Instant::now();
    let mut senders =
        [0, 1].map(|side: usize| Role::start(side, &["role:fuzz", &side.to_string(), &ms]));
    thread::sleep(WARM_UP);
    let warm = resident();
    let taken = senders.each_mut().map(|sender| sender.line().parse::<u64>().unwrap());
    let (took, after) = (start.elapsed(), resident());
    // The last ones are on their way.
    thread::sleep(Duration::from_millis(300));
    let (sent, report) = (transmitted(), datapath.stop());
    println!(
        "live fuzz: {taken:?} frames in {took:?}, {warm} bytes of memory, then {after}\n{report}"
    );
    for (side, port) in report.ports.iter().enumerate() {
        let PortStats { received, overflow, unreadable, .. } = port.stats;
        assert_eq!(received + overflow + unreadable, sent[side] - before[side], "{report}");
    }
    assert_adds_up(&report);
    assert!(after <= warm + FLAT, "{warm} bytes, then {after}");
    assert!(report.forwarded.iter().sum::<u64>() > 1000, "{report}");
    assert!(report.dropped.iter().filter(|count| **count > 0).count() >= 15, "{report}");
}

/// Returns how many frames each side has sent, after the kernel has cut superframes that it would not pass on.
fn transmitted() -> [u64; 2] {
    [0, 1].map(|side| Role::ask(side, &["role:counter", "dev", "eth0:", "10"]).parse().unwrap())
}

/// Returns the bytes of memory that this process holds, from `/proc/self/statm`.
fn resident() -> u64 {
    let text = String::from_utf8(std::fs::read("/proc/self/statm").unwrap()).unwrap();
    text.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

/// `SplitMix64`, for frames that nobody foresaw and that come again with the same seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap() % limit
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }
}

/// Sends for a time, and says how many frames the kernel took.
pub(crate) fn send(side: usize, time: Duration) {
    let (mut device, templates, mut random) = (device(), templates(side), Random(side as u64 + 7));
    let (mut buffer, mut sent) = (Vec::new(), 0_u64);
    say("ready");
    let start = Instant::now();
    while start.elapsed() < time {
        for _ in 0..64 {
            buffer.clone_from(&templates[random.below(templates.len())]);
            let meta = change(&mut buffer, &mut random);
            device.inject(PortId(0), &Frame { meta, bytes: &buffer });
        }
        sent += u64::from(device.flush().sent);
    }
    say(&sent.to_string());
}

/// Valid frames of every kind, both from the side's own pods and from others.
fn templates(side: usize) -> Vec<Vec<u8>> {
    let ends: [(Host, Host); 3] = if side == 0 {
        [(WEB, DB), (PEER, DB), (WEB, CACHE)]
    } else {
        [(DB, WEB), (CACHE, PEER), (PEER, WEB)]
    };
    let mut frames = Vec::new();
    for (from, to) in ends {
        let packet = arp(1, &Arp { sender_mac: from.mac, sender: from.v4, target: to.v4 });
        frames.push(Link::new(from.mac, [0xff; 6]).arp(&packet));
        for family in Family::ALL {
            let way = way(from, to, family);
            let flags = [SYN, SYN_ACK, ACK, FIN, RST];
            let mut kinds: Vec<_> = flags.iter().map(|flags| way.tcp(9, 80, *flags)).collect();
            kinds.extend([way.udp(9, 53), way.udp(53, 9), way.echo(true, 7), way.echo(false, 7)]);
            kinds.extend([1, 2, 0].map(|kind| way.sctp(9, 3868, kind)));
            kinds.push(way.too_big(&way.back().packet(&udp(53, 9, b"query"))));
            kinds.extend(way.fragments(7, 600, &udp(9, 53, &[0x5a; 1400])));
            frames.extend(kinds.into_iter().map(|sent| sent.bytes));
            let mut tagged = way.udp(9, 53).bytes;
            tagged.splice(12..12, [0x81, 0, 0, 5]);
            frames.push(tagged);
        }
    }
    frames
}

/// Leaves a frame as it is, gives it other ports, damages it, or makes it another; returns how it is described.
fn change(frame: &mut Vec<u8>, random: &mut Random) -> FrameMeta {
    let length = frame.len();
    let mut described = (Csum::Complete, None);
    match random.below(9) {
        0 | 1 => {}
        // Ports of IPv4 or IPv6, or some other bytes of those.
        2..=4 => {
            let at = if frame.get(12) == Some(&8) { 34 } else { 54 };
            if let Some(ports) = frame.get_mut(at..at + 2) {
                ports.fill_with(|| random.byte());
            }
        }
        5 => {
            for _ in 0..=random.below(8) {
                frame[random.below(length)] ^= 1 << random.below(8);
            }
        }
        6 => frame.truncate(14 + random.below(length - 13)),
        7 => {
            frame.resize(14 + random.below(1486), 0);
            let start = random.below(frame.len());
            frame[start..].fill_with(|| random.byte());
        }
        _ => described = describe(frame, random),
    }
    // The kernel takes the tag off before anybody sees the frame, and loses one that is too short for it.
    if matches!(frame[12..14], [0x81, 0] | [0x88, 0xa8]) && frame.len() < 20 {
        frame.resize(20, 0);
    }
    let mut meta = FrameMeta::plain(PortId(0), frame.len(), Tick(0));
    (meta.csum, meta.gso) = described;
    meta
}

/// An unfinished checksum, and sometimes a superframe, in the right place or in another.
fn describe(frame: &mut Vec<u8>, random: &mut Random) -> (Csum, Option<Gso>) {
    let is_v4 = frame.get(12) == Some(&8);
    let start = if is_v4 { 34 } else { 54 } + u16::from(random.below(8) == 0) * 2;
    let csum = Csum::Partial { start, offset: [6, 16][random.below(2)] };
    if random.below(2) == 0 {
        return (csum, None);
    }
    frame.resize(frame.len() + random.below(20_000), 0x5a);
    let kind = match (random.below(3), is_v4) {
        (0, _) => GsoKind::UdpL4,
        (_, true) => GsoKind::Tcp4,
        _ => GsoKind::Tcp6,
    };
    (csum, Some(Gso { kind, size: 1000, hdr_len: start + 20, ecn: random.below(4) == 0 }))
}
