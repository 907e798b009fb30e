//! The table and the plain list give the same answers and count the same, whatever happens.

use netpol_enforce::flow::{Advance, FlowId, FlowLimits, FlowTable};
use netpol_enforce::wire::{SctpStep, TcpFlags, Transport};
use netpol_enforce::{DropReason, PortId, Tick};
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};
use proptest::sample::select;
use proptest::test_runner::TestCaseError;

use crate::common::{Packet, Table, table};
use crate::model::Model;

#[derive(Clone, Debug)]
enum Step {
    /// A packet comes; a new flow may be allowed.
    Packet {
        packet: Packet,
        right_port: bool,
        allowed: bool,
    },
    /// Time passes, in ticks.
    Wait(u32),
    Expire,
    /// Something is done to the flow of this number, in the order in which they were stored.
    Remove(usize),
    Grandfather(usize),
    Renew(usize),
    Errors(usize, u8),
    Purge(u32),
}

fn transports() -> impl Strategy<Value = Transport> {
    let flags = select(vec![0x02_u8, 0x12, 0x10, 0x10, 0x18, 0x11, 0x04]);
    let steps = select(vec![
        SctpStep::Init,
        SctpStep::InitAck,
        SctpStep::Cookie,
        SctpStep::Cookie,
        SctpStep::Heartbeat,
        SctpStep::Abort,
        SctpStep::Shutdown,
        SctpStep::Data,
    ]);
    let ports = || (0..2_u16, 0..2_u16);
    prop_oneof![
        6 => (ports(), flags).prop_map(|((source, destination), flags)| {
            Transport::Tcp { source, destination, flags: TcpFlags(flags) }
        }),
        2 => ports().prop_map(|(source, destination)| Transport::Udp { source, destination }),
        3 => (ports(), steps).prop_map(|((source, destination), step)| {
            Transport::Sctp { source, destination, step }
        }),
        1 => (any::<bool>(), 0..2_u16).prop_map(|(request, id)| Transport::Echo { request, id }),
        1 => Just(Transport::Other),
    ]
}

fn packets() -> impl Strategy<Value = Packet> {
    let hosts = (0..5_u8, 1..5_u8).prop_map(|(from, more)| (from, (from + more) % 5));
    (hosts, transports()).prop_map(|((from, to), transport)| Packet { from, to, transport })
}

fn steps() -> impl Strategy<Value = Step> {
    let packet = (packets(), 0..12_u8, 0..8_u8).prop_map(|(packet, port, verdict)| Step::Packet {
        packet,
        right_port: port != 0,
        allowed: verdict != 0,
    });
    let waits =
        prop_oneof![4 => 0..3_u32, 2 => 3..200_u32, 1 => 200..2_000_u32, 1 => Just(130_000)];
    prop_oneof![
        30 => packet,
        6 => waits.prop_map(Step::Wait),
        2 => Just(Step::Expire),
        1 => any::<usize>().prop_map(Step::Remove),
        1 => any::<usize>().prop_map(Step::Grandfather),
        1 => any::<usize>().prop_map(Step::Renew),
        1 => (any::<usize>(), 0..12_u8).prop_map(|(flow, count)| Step::Errors(flow, count)),
        1 => (0..5_u32).prop_map(Step::Purge),
    ]
}

fn limits() -> impl Strategy<Value = FlowLimits> {
    (1..16_u32, 1..8_u32, 1..10_u32).prop_map(|(capacity, quota, embryonic)| FlowLimits {
        capacity,
        owners: 4,
        quota,
        embryonic,
    })
}

struct Both {
    table: Table,
    model: Model,
    /// Every id that was given, also of flows that are gone.
    ids: Vec<FlowId>,
    now: Tick,
}

impl Both {
    fn insert(&mut self, packet: Packet) -> Result<(), TestCaseError> {
        // The hosts 3 and 4 are outside; now and then nobody knows who they are.
        let owner = if packet.from == 4 { 3 + self.now.0 % 5 / 4 } else { packet.from.into() };
        let new = netpol_enforce::flow::NewFlow { owner, ..packet.begins() };
        let found = self.table.insert(&new, self.now);
        let expected = self.model.insert(&new, self.now);
        prop_assert_eq!(found.map(|_| ()), expected);
        if let (Ok(id), Some(member)) = (found, self.model.members.last_mut()) {
            prop_assert!(!self.ids.contains(&id), "an id is given once");
            member.id = id;
            self.ids.push(id);
        }
        Ok(())
    }

    fn packet(
        &mut self,
        packet: Packet,
        right_port: bool,
        allowed: bool,
    ) -> Result<(), TestCaseError> {
        let (tuple, now) = (packet.tuple(), self.now);
        let port = PortId(if right_port { packet.from } else { 9 });
        let found = self.table.find(&tuple, port, now);
        prop_assert_eq!(found, self.model.find(&tuple, port, now));
        let again = match found {
            None => true,
            Some((id, way)) => {
                let advance = self.table.advance(id, way, &packet.transport, now);
                prop_assert_eq!(advance, self.model.advance(id, way, &packet.transport, now));
                advance == Advance::Reopen
            }
        };
        if again && allowed { self.insert(packet) } else { Ok(()) }
    }

    /// Returns the id of a number; none if no flow was ever stored.
    fn id(&self, number: usize) -> Option<FlowId> {
        self.ids.get(number % self.ids.len().max(1)).copied()
    }

    fn run(&mut self, step: &Step) -> Result<(), TestCaseError> {
        let now = self.now;
        match *step {
            Step::Packet { packet, right_port, allowed } => {
                self.packet(packet, right_port, allowed)?;
            }
            Step::Wait(ticks) => self.now = Tick(now.0 + ticks),
            Step::Expire => prop_assert_eq!(self.table.expire(now), self.model.expire(now)),
            Step::Purge(owner) => {
                let purged = self.table.purge(|flow| flow.owner != owner);
                prop_assert_eq!(purged, self.model.purge(owner));
            }
            Step::Remove(number) => {
                if let Some(id) = self.id(number) {
                    prop_assert_eq!(self.table.remove(id), self.model.remove(id));
                }
            }
            Step::Errors(number, count) => {
                let id = self.id(number);
                for id in (0..count).filter_map(|_| id) {
                    let expected = self.model.allow_icmp_error(id, now);
                    prop_assert_eq!(self.table.allow_icmp_error(id, now), expected);
                }
            }
            Step::Grandfather(number) => self.note(number, true)?,
            Step::Renew(number) => self.note(number, false)?,
        }
        Ok(())
    }

    fn note(&mut self, number: usize, grandfather: bool) -> Result<(), TestCaseError> {
        let Some(id) = self.id(number) else { return Ok(()) };
        let epoch = self.now.0;
        let found = if grandfather {
            self.table.grandfather(id, epoch)
        } else {
            self.table.renew(id, epoch, 3)
        };
        let member = self.model.members.iter_mut().find(|member| member.id == id);
        prop_assert_eq!(found, member.is_some());
        if let Some(member) = member {
            (member.new.epoch, member.grandfathered) = (epoch, grandfather);
            member.new.rule = if grandfather { member.new.rule } else { 3 };
        }
        Ok(())
    }

    fn compare(&self) -> Result<(), TestCaseError> {
        prop_assert_eq!(self.table.counters(), self.model.counters());
        prop_assert_eq!(self.table.len(), self.model.members.len());
        for member in &self.model.members {
            let flow = self.table.get(member.id);
            prop_assert!(flow.is_some(), "{:?}", member);
            let flow = flow.unwrap();
            let shown = (flow.original, flow.state, flow.last_seen.0, flow.owner);
            let new = &member.new;
            prop_assert_eq!(shown, (new.tuple, member.state, member.last_seen, new.owner));
            prop_assert_eq!((flow.epoch, flow.rule), (new.epoch, new.rule));
            prop_assert_eq!(flow.grandfathered, member.grandfathered);
        }
        Ok(())
    }
}

proptest! {
    #[test]
    fn the_table_does_what_a_plain_list_would(limits in limits(), steps in vec(steps(), 1..250)) {
        let (table, model) = (table(limits), Model::new(limits));
        let mut both = Both { table, model, ids: Vec::new(), now: Tick(0) };
        for step in &steps {
            both.run(step)?;
            both.compare()?;
        }
    }
}

#[test]
fn a_random_hash_gives_the_same_answers() {
    let mut table = FlowTable::new(FlowLimits::new(100, 1));
    let packet = |port| Packet {
        from: 0,
        to: 1,
        transport: Transport::Udp { source: port, destination: 53 },
    };
    for port in 0..12 {
        table.insert(&packet(port).begins(), Tick(0)).unwrap();
    }
    let found =
        (0..12).filter(|port| table.find(&packet(*port).tuple(), PortId(0), Tick(1)).is_some());
    assert_eq!(found.count(), 12);
    let stranger = netpol_enforce::flow::NewFlow { owner: 1, ..packet(50).begins() };
    assert_eq!(table.insert(&stranger, Tick(1)), Err(DropReason::PodQuota));
}
