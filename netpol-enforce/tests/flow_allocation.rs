//! The tables allocate nothing once they are made.
//!
//! It runs without the usual runner, whose own thread would allocate at the same time.
#![allow(clippy::unwrap_used, reason = "tests stop at what they did not expect")]

use std::alloc::System;
use std::net::Ipv4Addr;

use cap::Cap;
use netpol_enforce::flow::{
    Advance, Arrival, Decided, Fate, FlowLimits, FlowTable, FragKey, FragLimits, FragTable,
    NewFlow, Tuple,
};
use netpol_enforce::wire::{Fragment, Ip, TcpFlags, Transport};
use netpol_enforce::{PortId, Tick};

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

const FLAGS: [u8; 8] = [0x02, 0x12, 0x10, 0x10, 0x11, 0x11, 0x04, 0x02];

/// Numbers that are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u32) -> u32 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from(self.0 >> 33).unwrap() % end
    }
}

fn packet(numbers: &mut Numbers) -> (Ip, PortId, PortId) {
    let (client, server) = (numbers.below(200), 300 + numbers.below(50));
    let port = u16::try_from(numbers.below(40)).unwrap();
    let flags = FLAGS.into_iter().cycle().nth(numbers.below(8) as usize).unwrap();
    let back = numbers.below(3) == 0;
    let (from, to) = if back { (server, client) } else { (client, server) };
    let (source, destination) = if back { (80, port) } else { (port, 80) };
    let transport = match numbers.below(4) {
        0 => Transport::Udp { source, destination },
        1 => Transport::Echo { request: !back, id: port },
        _ => Transport::Tcp { source, destination, flags: TcpFlags(flags) },
    };
    let protocol = match transport {
        Transport::Udp { .. } => 17,
        Transport::Echo { .. } => 1,
        _ => 6,
    };
    let [source, destination] = [from, to].map(|host| Ipv4Addr::from(0x0a00_0000 + host).into());
    let ip = Ip { source, destination, protocol, fragment: None, transport };
    let (here, there) = (PortId(u8::from(back)), PortId(u8::from(!back)));
    (ip, here, there)
}

fn flow_step(table: &mut FlowTable, numbers: &mut Numbers, now: Tick) {
    let (ip, here, there) = packet(numbers);
    let tuple = Tuple::of(&ip, 0);
    let fresh = match table.find(&tuple, here, now) {
        Some((id, way)) => {
            table.allow_icmp_error(id, now);
            table.advance(id, way, &ip.transport, now) == Advance::Reopen
        }
        None => true,
    };
    if fresh {
        let new = NewFlow {
            tuple,
            original_port: here,
            reply_port: there,
            owner: numbers.below(16),
            epoch: now.0,
            rule: 0,
            transport: ip.transport,
        };
        // Refusals belong to the run.
        if let Ok(id) = table.insert(&new, now)
            && numbers.below(50) == 0
        {
            table.remove(id);
        }
    }
}

fn fragment_step(table: &mut FragTable, numbers: &mut Numbers, now: Tick) {
    let (ip, here, out) = packet(numbers);
    let units = 1 + numbers.below(180);
    let offset = numbers.below(4) * 8 * 90;
    let more = numbers.below(4) != 0;
    let id = numbers.below(30);
    let fragment = Fragment { id, offset, length: units * 8, more, header_end: 8 };
    let key = FragKey::of(&ip, &fragment, 0, here);
    if table.accept(&key, &fragment, now) == Ok(Arrival::First) {
        let decided = Decided { fate: Fate::Forward { out }, flow: None, epoch: 0, owner: id % 16 };
        // A full table belongs to the run.
        let _stored = table.insert(&key, &fragment, decided, now).is_ok();
    }
}

fn main() {
    if std::env::args().any(|argument| argument == "--list") {
        return;
    }
    for capacity in [1_u32, 3, 1_000, 4_096] {
        let limits = FlowLimits { quota: capacity.div_ceil(4), ..FlowLimits::new(capacity, 16) };
        let mut flows = FlowTable::new(limits);
        let mut fragments = FragTable::new(FragLimits::new(capacity.div_ceil(4), 16));
        let mut numbers = Numbers(u64::from(capacity));
        let before = ALLOCATOR.total_allocated();
        for step in 0..150_000_u32 {
            let now = Tick(step / 50);
            flow_step(&mut flows, &mut numbers, now);
            fragment_step(&mut fragments, &mut numbers, now);
            if step % 64 == 0 {
                flows.expire(now);
                fragments.expire(now);
            }
            if step % 20_000 == 0 {
                flows.purge(|flow| flow.owner != 3);
            }
        }
        assert_eq!(ALLOCATOR.total_allocated() - before, 0, "capacity {capacity}");
        let (flows, fragments) = (flows.counters(), fragments.counters());
        assert!(flows.inserted > u64::from(capacity) * 5, "{flows:?}");
        assert!(fragments.inserted > u64::from(capacity), "{fragments:?}");
    }
}
