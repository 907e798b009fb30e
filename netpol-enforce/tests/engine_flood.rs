//! A flood of connections from one pod: others live, nothing denied passes, and no memory is asked for.
//!
//! It runs without the usual runner, whose own thread would allocate at the same time. Ignored tests are asked for as
//! usual: with `--ignored` the flood is one of five million connections, which takes half a minute.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at what they did not expect"
)]

use std::alloc::System;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use cap::Cap;
use netpol_core::model::{
    Action, AdminPeer, AdminPolicySpec, AdminRule, Dialect, Direction, DomainName, IpBlock,
    NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicyRule, NetworkPolicySpec, PodSpec,
    PolicyKind, PolicySpec, PortReference, Protocol, Selector, Subject, Tier,
};
use netpol_core::reach::Snapshot;
use netpol_core::testing::{ClusterPlan, PolicyPlan};
use netpol_enforce::binding::Bindings;
use netpol_enforce::flow::{FlowCounters, FlowLimits, FragLimits};
use netpol_enforce::pipeline::{Decision, Rules, Tables, Why, decide};
use netpol_enforce::policies::{Policies, Sides};
use netpol_enforce::wire::build::{Link, set_ipv4_checksum, tcp, udp};
use netpol_enforce::{DropReason, Frame, FrameMeta, PortId, Tick};

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

const MALLORY: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const WEB: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
const DB: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 3);
/// Somebody outside whom `db` lets in.
const CLIENT: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 7);

const CAPACITY: u32 = 100_000;
const OWNERS: u32 = 8;
/// How many connections each of three hosts has before the flood.
const ASSURED: u16 = 1_000;
/// How many connections another pod opens during the flood.
const OPENED: u32 = 2_000;
/// The first port of `db` that is closed.
const CLOSED: u16 = 60_001;

const SYN: u8 = 0x02;
const SYN_ACK: u8 = 0x12;
const ACK: u8 = 0x10;

/// `db` is open to pods and to a half of a block, by ports below those that are closed.
fn cluster_plan() -> ClusterPlan {
    let pod = |name: &str, address: Ipv4Addr| PodSpec {
        namespace: "shop".into(),
        name: name.into(),
        labels: vec![("app".into(), name.into())],
        addresses: vec![address.into(), v6(address).into()],
        ..PodSpec::default()
    };
    let block = |cidr: &str, except: &str| {
        let except = vec![except.parse().unwrap()];
        NetworkPolicyPeer::IpBlock(IpBlock { cidr: cidr.parse().unwrap(), except })
    };
    let pods = NetworkPolicyPeer::Pods {
        namespace_selector: None,
        pod_selector: Some(Selector::everything()),
    };
    let peers = vec![
        pods,
        block("203.0.113.0/24", "203.0.113.128/25"),
        block("2001:db8::/32", "2001:db8:8000::/33"),
    ];
    let port = |protocol| NetworkPolicyPort {
        protocol: Some(protocol),
        port: Some(PortReference::Range(1, CLOSED - 1)),
    };
    let ports = vec![port(Protocol::Tcp), port(Protocol::Udp)];
    let rule = NetworkPolicyRule { peers, ports, line: 0 };
    let spec = NetworkPolicySpec {
        pod_selector: Selector::labels([("app", "db")]),
        policy_types: vec![Direction::Ingress, Direction::Egress],
        ingress: vec![rule.clone()],
        egress: vec![rule],
        ..NetworkPolicySpec::default()
    };
    ClusterPlan {
        pods: vec![pod("mallory", MALLORY), pod("web", WEB), pod("db", DB)],
        policies: vec![PolicyPlan {
            kind: PolicyKind::NetworkPolicy,
            namespace: Some("shop".into()),
            name: "db".into(),
            spec: PolicySpec::Network(spec),
        }],
        ..ClusterPlan::default()
    }
}

fn v6(address: Ipv4Addr) -> Ipv6Addr {
    let last = u16::from(address.octets()[3]);
    match address.octets()[0] {
        10 => Ipv6Addr::new(0xFD00, 0, 0, 0, 0, 0, 0, last),
        _ => Ipv6Addr::new(0x2001, 0xDB8, 0, 0, 0, 0, 0, last),
    }
}

struct Engine {
    policies: Policies,
    tables: Tables,
    now: Tick,
    /// What frames have asked of the allocator.
    allocated: usize,
}

impl Engine {
    fn new(plan: &ClusterPlan) -> Self {
        let mut bindings = Bindings::default();
        let ports = ["near", "far"];
        bindings.add_lines("10.0.0.3=far\n10.0.0.0/30=near\nfd00::3=far", &ports).unwrap();
        bindings.add("fd00::/126=near", &ports).unwrap();
        bindings.add_external("near", &ports).unwrap();
        let snapshot = Snapshot::new(plan.build().unwrap(), Dialect::spec());
        let policies = Policies::new(snapshot, Sides::Bound(bindings), OWNERS, None).unwrap();
        let tables = Tables::new(FlowLimits::new(CAPACITY, OWNERS), FragLimits::new(1_024, OWNERS));
        Self { policies, tables, now: Tick(0), allocated: 0 }
    }

    fn decide(&mut self, frame: &Packet) -> Decision {
        let meta = FrameMeta::plain(frame.port, frame.bytes.len(), self.now);
        let frame = Frame { meta, bytes: &frame.bytes };
        let before = ALLOCATOR.total_allocated();
        let decision = decide(Some(&self.policies), Rules::default(), &mut self.tables, &frame);
        self.allocated += ALLOCATOR.total_allocated() - before;
        decision
    }

    #[track_caller]
    fn passes(&mut self, frame: &Packet, expected: Why) {
        match self.decide(frame) {
            Decision::Forward { why, .. } => assert_eq!(why, expected),
            Decision::Drop { why } => panic!("{why:?} {frame:02x?}"),
        }
    }

    #[track_caller]
    fn drops(&mut self, frame: &Packet, why: DropReason) {
        assert_eq!(self.decide(frame), Decision::Drop { why }, "{frame:02x?}");
    }

    #[track_caller]
    fn handshake(&mut self, there: &mut Packet, back: &mut Packet, port: u16) {
        self.passes(there.with(port, 80, SYN), Why::Policy);
        self.passes(back.with(80, port, SYN_ACK), Why::Established);
        self.passes(there.with(port, 80, ACK), Why::Established);
    }
}

/// A frame of IPv4 and TCP, whose fields are written over: none is built while memory is watched.
#[derive(Debug)]
struct Packet {
    port: PortId,
    bytes: Vec<u8>,
}

impl Packet {
    fn new(source: IpAddr, destination: IpAddr) -> Self {
        let port = PortId(u8::from(source == IpAddr::V4(DB) || source == IpAddr::V6(v6(DB))));
        Self { port, bytes: Link::default().send(source, destination, &tcp(1, 1, SYN, b"")) }
    }

    fn udp(source: IpAddr, destination: IpAddr) -> Self {
        let Self { port, .. } = Self::new(source, destination);
        Self { port, bytes: Link::default().send(source, destination, &udp(1, 1, b"")) }
    }

    /// Where the transport header begins.
    fn transport(&self) -> usize {
        if self.bytes[12] == 0x08 { 34 } else { 54 }
    }

    fn with(&mut self, source: u16, destination: u16, flags: u8) -> &Self {
        let at = self.transport();
        self.bytes[at..at + 2].copy_from_slice(&source.to_be_bytes());
        self.bytes[at + 2..at + 4].copy_from_slice(&destination.to_be_bytes());
        if self.bytes.len() > at + 13 {
            self.bytes[at + 13] = flags;
        }
        self
    }

    /// Writes over two bytes of an address, at a place in the IP header.
    fn with_host(&mut self, at: usize, host: [u8; 2]) {
        self.bytes[14 + at..16 + at].copy_from_slice(&host);
        if self.transport() == 34 {
            set_ipv4_checksum(&mut self.bytes[14..]);
        }
    }
}

fn pair(source: Ipv4Addr) -> (Packet, Packet) {
    (Packet::new(source.into(), DB.into()), Packet::new(DB.into(), source.into()))
}

/// Sends so many SYNs of one pod, with everybody else's frames between them.
fn flood(syns: u32) {
    let mut engine = Engine::new(&cluster_plan());
    let mut hosts = [pair(MALLORY), pair(WEB), pair(CLIENT)];
    for (there, back) in &mut hosts {
        (0..ASSURED).for_each(|at| engine.handshake(there, back, 1_000 + at));
    }
    let (mut storm, _) = pair(MALLORY);
    let (mut web, mut to_web) = pair(WEB);
    let held = ALLOCATOR.allocated();
    let mut opened = 0_u16;
    for at in 0..syns {
        let source = 5_000 + u16::try_from(at % 50_000).unwrap();
        let destination = 100 + u16::try_from(at / 50_000).unwrap();
        engine.passes(storm.with(source, destination, SYN), Why::Policy);
        if at % 10 == 0 {
            let flags = if at % 20 == 0 { SYN } else { ACK };
            engine.drops(storm.with(source, CLOSED, flags), DropReason::Policy);
            engine.drops(storm.with(source, CLOSED, SYN_ACK), DropReason::NoFlow);
        }
        if at % (syns / OPENED) == 0 {
            engine.handshake(&mut web, &mut to_web, 10_000 + opened);
            opened += 1;
        }
        let port = 1_000 + u16::try_from(at % u32::from(ASSURED)).unwrap();
        let (there, back) = &mut hosts[usize::try_from(at % 3).unwrap()];
        engine.passes(there.with(port, 80, ACK), Why::Established);
        engine.passes(back.with(80, port, ACK), Why::Established);
        if at % (syns / 200) == 0 {
            engine.now = Tick(engine.now.0 + 1);
        }
    }
    // What the other pod opened has stayed.
    (0..opened).for_each(|at| engine.passes(web.with(10_000 + at, 80, ACK), Why::Established));
    let quota = CAPACITY / 8;
    let embryonic = quota - u32::from(ASSURED);
    let expected = FlowCounters {
        embryonic,
        established: 3 * u32::from(ASSURED) + OPENED,
        inserted: u64::from(3 * u32::from(ASSURED) + OPENED + syns),
        evicted_embryonic: u64::from(syns - embryonic),
        ..FlowCounters::default()
    };
    assert_eq!(engine.tables.flows.counters(), expected);
    assert_eq!(u32::from(opened), OPENED);
    assert_eq!(engine.allocated, 0, "bytes on the way of frames");
    assert_eq!(ALLOCATOR.allocated(), held, "bytes held");
}

/// Sends packets from and to many addresses outside, and returns what they asked of the allocator.
fn judge_outside(plan: &ClusterPlan) -> usize {
    let mut engine = Engine::new(plan);
    let mut decisions = [0_u32; 2];
    for (client, db) in
        [(CLIENT.into(), DB.into()), (v6(CLIENT).into(), v6(DB).into())] as [(IpAddr, IpAddr); 2]
    {
        // Where the bytes of source and destination stand in the IP header that are changed.
        let (source, destination) = if client.is_ipv4() { (14, 18) } else { (12, 28) };
        let mut frames = [
            (Packet::new(client, db), source),
            (Packet::udp(client, db), source),
            (Packet::new(db, client), destination),
            (Packet::udp(db, client), destination),
        ];
        for at in 0..20_000_u16 {
            for (frame, place) in &mut frames {
                let [high, low] = at.to_be_bytes();
                let host = if client.is_ipv4() { [113, low] } else { [high << 2, low] };
                frame.with_host(*place, host);
                let forwards = engine.decide(frame.with(4_000 + at, 1 + at, SYN));
                decisions[usize::from(matches!(forwards, Decision::Forward { .. }))] += 1;
            }
        }
    }
    assert!(decisions.iter().all(|count| *count > 20_000), "{decisions:?}");
    engine.allocated
}

/// A domain name whose addresses nobody declared may be anywhere.
fn with_domain_names() -> ClusterPlan {
    let names = ["api.example.com", "*.internal"].map(|name| DomainName(name.into()));
    let rule = AdminRule {
        name: None,
        action: Action::Deny,
        peers: vec![AdminPeer::DomainNames(names.into())],
        ports: Vec::new(),
        line: 0,
    };
    let spec = AdminPolicySpec {
        tier: Tier::Admin,
        priority: Some(7),
        subject: Subject::Namespaces(Selector::everything()),
        ingress: Vec::new(),
        egress: vec![rule],
    };
    let mut plan = cluster_plan();
    plan.policies.push(PolicyPlan {
        kind: PolicyKind::ClusterNetworkPolicy,
        namespace: None,
        name: "names".into(),
        spec: PolicySpec::Admin(spec),
    });
    plan
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let asks = |option: &str| arguments.iter().any(|argument| argument == option);
    if asks("--list") {
        return;
    }
    let long = asks("--ignored") || asks("--include-ignored");
    flood(if long { 5_000_000 } else { 200_000 });
    assert_eq!(judge_outside(&cluster_plan()), 0, "bytes on the way of frames");
    // Where nobody declared the addresses of a domain name, the evaluator lists for each verdict which of the names an
    // outside address may have (160 bytes here): this is not free, but all of it is given back.
    let plan = with_domain_names();
    let held = ALLOCATOR.allocated();
    let asked = judge_outside(&plan);
    assert_eq!(ALLOCATOR.allocated(), held, "of {asked} bytes");
}
