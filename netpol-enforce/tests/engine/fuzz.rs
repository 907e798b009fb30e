//! Frames that are random, cut or changed, one after the other through one engine with small tables: each gets one
//! decision, the books add up after each, and nothing passes that neither policies nor a flow allow.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;

use netpol_core::evaluate::reference;
use netpol_core::model::{Cluster, Dialect, Family, Flow, Peer, Protocol, Verdict};
use netpol_core::reach::Snapshot;
use netpol_enforce::flow::{FlowCounters, FlowLimits, FragKey, FragLimits, Tuple};
use netpol_enforce::pipeline::{Decision, Tables, Why};
use netpol_enforce::policies::Sides;
use netpol_enforce::wire::build::{
    Extension, Ipv4, Ipv6, Link, arp, neighbour_advertisement, neighbour_solicitation, other,
    set_ipv4_checksum, solicited_node, udp,
};
use netpol_enforce::wire::{Arp, Content, Ip, Packet, Quoted, ReadLimits, Transport, read};
use netpol_enforce::{DropReason, Frame, FrameMeta, PortId, Tick};

use crate::common::{
    ACK, CACHE, CLIENT, DB, EVERYTHING, Engine, FAR, FIN, Host, Ledger, NEAR, NOTHING, OWNERS,
    Opens, PEER, PODS, ROUTER, RST, SERVICES, SYN, SYN_ACK, Sent, WEB, Way, bindings, plan, way,
};
use crate::oracle::check_agreement;

/// Small enough that everything overflows.
const LIMITS: FlowLimits = FlowLimits { capacity: 6, owners: OWNERS, quota: 4, embryonic: 4 };
const FRAGMENTS: FragLimits = FragLimits { capacity: 8, owners: OWNERS, quota: 5 };

/// The policies that take turns.
const ERAS: [&[Opens<'static>]; 4] = [
    &[],
    &[SERVICES, ("web", "db", &[(Protocol::Tcp, 4000), (Protocol::Udp, 53)])],
    &[NOTHING, ("web", "nobody", &[]), ("cache", "peer", &[])],
    &[EVERYTHING, ("peer", "cache", &[(Protocol::Tcp, 80)])],
];

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

    fn of<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.below(values.len())]
    }
}

/// Returns valid frames of every kind between all hosts.
fn corpus() -> Vec<Sent> {
    let hosts = [WEB, PEER, DB, CACHE, CLIENT];
    let mut all = Vec::new();
    for (from, to) in hosts.iter().flat_map(|from| hosts.iter().map(move |to| (*from, *to))) {
        // One pair on one side says what others do.
        if from.port == to.port && (from, to) != (WEB, PEER) {
            continue;
        }
        for family in Family::ALL {
            let link = way(from, to, family);
            all.extend(transports(link));
            all.extend(fragments(link));
            all.extend(errors(link));
        }
        all.extend(others(from, to));
    }
    all
}

fn transports(link: Way) -> Vec<Sent> {
    let mut all = Vec::new();
    for (there, back) in [(4000, 80), (80, 4000), (4001, 80), (80, 4001)] {
        all.extend([SYN, SYN_ACK, ACK, FIN, RST].map(|flags| link.tcp(there, back, flags)));
    }
    for (there, back) in [(4000, 53), (53, 4000)] {
        all.push(link.udp(there, back));
        all.extend([1, 2, 4, 7, 10, 11].map(|kind| link.sctp(there, back, kind)));
    }
    all.extend([true, false].map(|request| link.echo(request, 7)));
    all.push(link.send(&other(47, &[0; 12])));
    all
}

fn fragments(link: Way) -> Vec<Sent> {
    let mut all = link.fragments(7, 24, &udp(4000, 53, &[7; 40]));
    all.extend(link.fragments(8, 24, &link.echo_message(true, 7)));
    if link.family == Family::V6 {
        let header = Ipv6::new(link.from.v6, link.to.v6).extension(Extension::HopByHop(vec![]));
        let cut = [Extension::Destination(vec![])];
        let packets = header.fragments(9, 24, &cut, &udp(4000, 53, &[7; 20]));
        all.extend(packets.iter().map(|packet| link.frame(packet)));
        all.push(link.frame(&header.packet(&udp(4000, 53, b"query"))));
    }
    all
}

fn errors(link: Way) -> Vec<Sent> {
    let router = way(ROUTER, link.to, link.family);
    let abouts =
        [link.back().tcp(4000, 80, SYN), link.back().udp(4000, 53), link.back().echo(true, 7)];
    let abouts = abouts.iter().map(|sent| &sent.bytes[14..]);
    abouts.flat_map(|about| [link.too_big(about), router.too_big(about)]).collect()
}

fn others(from: Host, to: Host) -> Vec<Sent> {
    let link = Link::new(from.mac, to.mac);
    let ask = Arp { sender_mac: from.mac, sender: from.v4, target: to.v4 };
    let group = solicited_node(to.v6);
    let solicits = neighbour_solicitation(to.v6, Some(from.mac));
    let solicits = Ipv6::new(from.v6, group).hop_limit(255).packet(&solicits);
    let advertises = neighbour_advertisement(from.v6, Some(from.mac), 0x60);
    let advertises = Ipv6::new(from.v6, to.v6).hop_limit(255).packet(&advertises);
    let options = Ipv4::new(from.v4, to.v4).options(&[148, 4, 0, 0]).packet(&udp(4000, 53, b""));
    let tagged =
        link.clone().tag(0x8100, 7).send(from.v4.into(), to.v4.into(), &udp(4000, 53, b""));
    let frames = [
        link.clone().to([0xFF; 6]).arp(&arp(1, &ask)),
        link.arp(&arp(2, &ask)),
        link.clone().toward(group.into()).ipv6(&solicits),
        link.ipv6(&advertises),
        link.ipv4(&options),
        tagged,
    ];
    frames.into_iter().map(|bytes| Sent { port: from.port, bytes }).collect()
}

/// Changes a frame, or not.
fn mutate(sent: &mut Sent, random: &mut Xorshift) {
    let bytes = &mut sent.bytes;
    match random.below(10) {
        0 => *bytes = (0..random.below(160)).map(|_| random.byte()).collect(),
        1 => bytes.truncate(random.below(bytes.len())),
        2 | 3 => {
            for _ in 0..=random.below(3) {
                let bit = random.below(bytes.len() * 8);
                bytes[bit / 8] ^= 1 << (bit % 8);
            }
        }
        4 => {
            // In the headers, where it matters.
            let at = random.below(bytes.len().min(74));
            bytes[at] = random.byte();
        }
        5 => bytes.extend((0..random.below(30)).map(|_| 0xA5)),
        _ => {}
    }
    if bytes.len() > 34 && bytes[12..14] == [8, 0] && random.below(4) != 0 {
        set_ipv4_checksum(&mut bytes[14..]);
    }
    if random.below(12) == 0 {
        sent.port = random.of(&[NEAR, FAR]);
    }
}

/// What the engine should have let through, told by somebody else.
struct Shadow {
    clusters: Vec<Cluster>,
    era: usize,
    /// What began flows; those that are over stay.
    begun: HashSet<Tuple>,
    /// What the first fragments of datagrams belonged to.
    datagrams: HashMap<FragKey, Tuple>,
    verdicts: HashMap<(usize, IpAddr, IpAddr, u8, u16), bool>,
}

impl Shadow {
    /// Asks the reference about the flow that a packet would begin.
    fn allows(&mut self, tuple: &Tuple) -> bool {
        let (protocol, port) = match tuple.protocol {
            6 => (Protocol::Tcp, tuple.destination_port),
            17 => (Protocol::Udp, tuple.destination_port),
            132 => (Protocol::Sctp, tuple.destination_port),
            _ => (Protocol::Tcp, 0),
        };
        let key = (self.era, tuple.source, tuple.destination, tuple.protocol, port);
        let cluster = &self.clusters[self.era];
        *self.verdicts.entry(key).or_insert_with(|| {
            let peer = |address: IpAddr| match cluster.pods_with_address(address) {
                [pod] => Peer::Pod(*pod),
                _ => Peer::Address(address),
            };
            let (src, dst) = (peer(tuple.source), peer(tuple.destination));
            let flow = Flow { src, dst, protocol, port, family: Family::of(tuple.source) };
            reference::verdict(cluster, Dialect::spec(), &flow) == Verdict::Allow
        })
    }

    /// Returns whether a packet belongs to a flow that was begun and is allowed.
    fn belongs(&mut self, tuple: &Tuple) -> bool {
        let known = [*tuple, tuple.reversed()];
        known.iter().any(|tuple| self.begun.contains(tuple) && self.allows(tuple))
    }

    fn is_about(&mut self, quoted: &Quoted, zone: u16) -> bool {
        let Quoted { source, destination, protocol, source_port, destination_port } = *quoted;
        let plain = Tuple { source, destination, source_port, destination_port, protocol, zone };
        let next = source_port.wrapping_add(1);
        let request = Tuple { destination_port: next, ..plain };
        let reply = Tuple { source_port: next, destination_port: source_port, ..plain };
        let any = if matches!(protocol, 1 | 58) { &[request, reply, plain][..] } else { &[plain] };
        any.iter().any(|tuple| self.belongs(tuple))
    }

    /// Checks what was let through.
    fn check_passed(&mut self, packet: &Packet, arrival: PortId, out: PortId, why: Why) {
        assert_ne!(arrival, out);
        let Content::Ip(ip) = packet.content else {
            return assert_eq!(why, Why::Neighbour);
        };
        let tuple = Tuple::of(&ip, packet.zone);
        let stands = |address: IpAddr| port_of(address);
        assert_eq!(stands(ip.destination), out, "{ip:?}");
        // Errors alone may come in the name of anybody outside.
        let from_anywhere = why == Why::Related && !is_pod(ip.source);
        assert!(from_anywhere || stands(ip.source) == arrival, "{ip:?}");
        match (why, ip.transport) {
            (Why::Policy, _) => {
                assert!(self.allows(&tuple), "{ip:?}");
                self.begun.insert(tuple);
            }
            (Why::Established, _) => assert!(self.belongs(&tuple), "{ip:?}"),
            (Why::Related, Transport::Error(quoted)) => {
                assert_eq!(quoted.source, ip.destination);
                assert!(self.is_about(&quoted, packet.zone), "{ip:?}");
            }
            (Why::Fragment, Transport::Later) => {
                let first = self.datagrams.get(&datagram(&ip, packet.zone, arrival)).copied();
                assert!(self.belongs(&first.unwrap()), "{ip:?}");
            }
            _ => panic!("{why:?} {ip:?}"),
        }
        if ip.fragment.is_some() && why != Why::Fragment {
            self.datagrams.insert(datagram(&ip, packet.zone, arrival), tuple);
        }
    }
}

fn datagram(ip: &Ip, zone: u16, arrival: PortId) -> FragKey {
    FragKey::of(ip, &ip.fragment.unwrap(), zone, arrival)
}

fn is_pod(address: IpAddr) -> bool {
    PODS.iter().any(|(_, host)| address == host.v4 || address == host.v6)
}

fn port_of(address: IpAddr) -> PortId {
    let pod = PODS.iter().find(|(_, host)| address == host.v4 || address == host.v6);
    pod.map_or(FAR, |(_, host)| host.port)
}

/// Checks what always holds of what an engine has counted.
fn check_books(ledger: &Ledger) {
    let Ledger { flows, fragments } = ledger;
    let gone = flows.replaced + flows.evicted_embryonic + flows.evicted_closing;
    let gone = gone + flows.expired + flows.removed + flows.purged;
    assert_eq!(flows.inserted, u64::from(flows.held()) + gone, "{flows:?}");
    assert!(flows.held() <= LIMITS.capacity && flows.embryonic <= LIMITS.embryonic, "{flows:?}");
    let gone = fragments.completed + fragments.expired + fragments.evicted + fragments.removed;
    assert_eq!(fragments.inserted, u64::from(fragments.held) + gone, "{fragments:?}");
    assert!(fragments.held <= FRAGMENTS.capacity, "{fragments:?}");
}

/// Checks what one frame has changed in the books.
fn check_entry(before: &Ledger, after: &Ledger, found: &Decision, ip: Option<&Ip>) {
    let inserted = after.flows.inserted - before.flows.inserted;
    let removed = after.flows.removed - before.flows.removed;
    let is_fragment = ip.is_some_and(|ip| ip.fragment.is_some());
    match found {
        Decision::Forward { why, .. } => {
            assert_eq!((inserted, removed), (u64::from(*why == Why::Policy), 0), "{found:?}");
        }
        // A first fragment is judged before there is room for it.
        Decision::Drop { why: DropReason::FragmentTableFull } => assert!(inserted <= 1),
        Decision::Drop { why: DropReason::PodQuota } if is_fragment => assert!(inserted <= 1),
        // A fragment is told again what its first one was.
        Decision::Drop { why: DropReason::Revoked } => {
            assert!(inserted == 0 && (removed == 1 || is_fragment));
        }
        // What is dropped leaves no trace.
        Decision::Drop { .. } => assert_eq!((inserted, removed), (0, 0), "{found:?}"),
    }
    let mut expected = before.flows;
    let refused = |reason| u64::from(!is_fragment && *found == Decision::Drop { why: reason });
    expected.refused_quota += refused(DropReason::PodQuota);
    expected.refused_full += refused(DropReason::FlowTableFull);
    expected.refused_icmp += refused(DropReason::IcmpRate);
    if !is_fragment {
        let of = |c: &FlowCounters| (c.refused_quota, c.refused_full, c.refused_icmp);
        assert_eq!(of(&after.flows), of(&expected), "{found:?}");
        assert_eq!(before.fragments, after.fragments);
    }
}

/// Sends so many frames through one engine.
fn run(rounds: u32, seed: u64) {
    let mut random = Xorshift(seed);
    let corpus = corpus();
    let clusters: Vec<Cluster> = ERAS.iter().map(|opens| plan(opens).build().unwrap()).collect();
    let snapshots: Vec<Snapshot> =
        clusters.iter().map(|c| Snapshot::new(c.clone(), Dialect::spec())).collect();
    let mut engine = Engine::new(snapshots[0].clone(), Sides::Bound(bindings()), LIMITS);
    engine.tables = Tables::new(LIMITS, FRAGMENTS);
    engine.rules.neighbours = 20;
    let (begun, datagrams, verdicts) = (HashSet::new(), HashMap::new(), HashMap::new());
    let mut shadow = Shadow { clusters, era: 0, begun, datagrams, verdicts };
    let mut passed: BTreeMap<Why, u64> = BTreeMap::new();
    let mut dropped: BTreeMap<DropReason, u64> = BTreeMap::new();
    let mut last = None;
    for round in 0..rounds {
        if round % 150 == 0 {
            engine.now = Tick(engine.now.0 + 1);
        }
        if round % 2_000 == 1_999 {
            shadow.era = random.below(ERAS.len());
            engine.reload(snapshots[shadow.era].clone());
        }
        if round % 15_000 == 14_999 {
            engine.wait(40);
            engine.tables.expire(engine.now);
        }
        let mut sent = match (random.below(6), &last) {
            // Networks repeat themselves.
            (0, Some(last)) => Sent::clone(last),
            // Some hundred frames one after the other are mostly of few kinds, so that flows come about.
            (1..=3, _) => {
                let block = usize::try_from(round / 300).unwrap() * 613;
                corpus[(block + random.below(90)) % corpus.len()].clone()
            }
            _ => corpus[random.below(corpus.len())].clone(),
        };
        mutate(&mut sent, &mut random);
        let before = engine.ledger();
        let found = engine.decide(&sent);
        let after = engine.ledger();
        let meta = FrameMeta::plain(sent.port, sent.bytes.len(), engine.now);
        let packet = read(&Frame { meta, bytes: &sent.bytes }, &ReadLimits::default());
        let ip = packet.as_ref().ok().and_then(|packet| match &packet.content {
            Content::Ip(ip) => Some(ip),
            _ => None,
        });
        check_books(&after);
        check_entry(&before, &after, &found, ip);
        match found {
            Decision::Forward { out, why, .. } => {
                let packet = packet.unwrap();
                check_agreement(&sent.bytes, &packet);
                shadow.check_passed(&packet, sent.port, out, why);
                *passed.entry(why).or_default() += 1;
                last = Some(sent);
            }
            Decision::Drop { why } => {
                if let (1, Some(ip)) = (after.flows.inserted - before.flows.inserted, ip) {
                    let zone = packet.as_ref().unwrap().zone;
                    shadow.begun.insert(Tuple::of(ip, zone));
                }
                *dropped.entry(why).or_default() += 1;
            }
        }
    }
    let all = passed.values().sum::<u64>() + dropped.values().sum::<u64>();
    assert_eq!(all, u64::from(rounds));
    // If nothing of a kind happens, nothing is said about it.
    assert_eq!(passed.len(), Why::ALL.len(), "{passed:?}");
    for reason in [
        DropReason::Spoofed,
        DropReason::SameSide,
        DropReason::ArpInvalid,
        DropReason::NdInvalid,
        DropReason::NeighbourRate,
        DropReason::NoFlow,
        DropReason::FlowTableFull,
        DropReason::PodQuota,
        DropReason::IcmpUnrelated,
        DropReason::IcmpRate,
        DropReason::Policy,
        DropReason::Revoked,
        DropReason::FragmentNoFirst,
        DropReason::FragmentTableFull,
        DropReason::FragmentOverlap,
        DropReason::FragmentTiny,
    ] {
        assert!(dropped.contains_key(&reason), "{reason:?}: {dropped:?} {passed:?}");
    }
}

#[test]
fn no_frame_passes_that_neither_policies_nor_a_flow_allow() {
    run(300_000, 0x9E37_79B9_7F4A_7C15);
}

#[test]
#[ignore = "ten million frames take half a minute"]
fn no_frame_of_ten_million_passes_that_neither_policies_nor_a_flow_allow() {
    run(10_000_000, 0xD1B5_4A32_D192_ED03);
}
