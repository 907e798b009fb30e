//! The first packet of a flow passes exactly where the evaluator, and the slow reference, allow the flow: random
//! clusters behind two ports. `PROPTEST_CASES` sets how many are tried.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netpol_core::evaluate::reference;
use netpol_core::model::{Cluster, Dialect, Family, Flow, HostNetwork, Peer, Protocol, Verdict};
use netpol_core::reach::Snapshot;
use netpol_core::testing::flows::addresses_beside_boundaries;
use netpol_core::testing::{ClusterPlan, cases, cluster_plan, dialect};
use netpol_enforce::binding::Bindings;
use netpol_enforce::flow::FlowLimits;
use netpol_enforce::pipeline::{Decision, Why};
use netpol_enforce::policies::Sides;
use netpol_enforce::{DropReason, PortId};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::common::{Engine, FAR, Host, NEAR, PORTS, SYN, SYN_ACK, Sent, Way};

/// How many pods of a plan have a place.
const MOST_PODS: usize = 6;
/// How many addresses that are no pod's are tried with each cluster.
const OUTSIDE: usize = 4;

/// A cluster whose pods all have an address of each family, and stand somewhere.
#[derive(Clone, Debug)]
struct World {
    plan: ClusterPlan,
    dialect: Dialect,
    places: [PortId; MOST_PODS],
    by_name: [bool; MOST_PODS],
    /// A block of pods and of others that stands behind the near port, where nothing longer says otherwise.
    blanket: bool,
    external: PortId,
    outside: Vec<Index>,
    ports: Vec<u16>,
}

fn world() -> impl Strategy<Value = World> {
    let place = || prop::bool::ANY.prop_map(|far| PortId(u8::from(far)));
    let places = [place(), place(), place(), place(), place(), place()];
    let ports = vec(select(vec![80, 81, 53, 8080, 79, 82, 443, 1, u16::MAX]), 2);
    let outside = vec(any::<Index>(), OUTSIDE);
    (cluster_plan(), dialect(), places, any::<[bool; 6]>(), any::<bool>(), place(), outside, ports)
        .prop_map(|(plan, dialect, places, by_name, blanket, external, outside, ports)| {
            let plan = settled(plan, dialect);
            World { plan, dialect, places, by_name, blanket, external, outside, ports }
        })
}

/// Gives each pod an address of its own in both families; host-network pods have their node's, unless policies treat
/// them as others.
fn settled(mut plan: ClusterPlan, dialect: Dialect) -> ClusterPlan {
    for (pod, number) in plan.pods.iter_mut().zip(0_u8..) {
        if !pod.host_network || dialect.host_network == HostNetwork::Policed {
            let host = 16 * number + 1;
            let v6 = Ipv6Addr::new(0xFD00, 0, 0, 0, 0, 0, 0, host.into());
            pod.addresses = vec![Ipv4Addr::new(10, 0, 0, host).into(), v6.into()];
        }
    }
    // Replicas of a template would share the address of a node.
    if dialect.host_network == HostNetwork::Policed {
        plan.workloads.iter_mut().for_each(|workload| workload.template.host_network = false);
    }
    plan
}

/// Somebody who may send: what policies take it for, and where it stands.
#[derive(Clone, Debug, PartialEq)]
struct End {
    address: IpAddr,
    peer: Peer,
    port: PortId,
    is_bound: bool,
}

impl World {
    /// Lists who may send, and how they are bound.
    fn ends(&self, cluster: &Cluster) -> (Vec<End>, Bindings) {
        let mut bindings = Bindings::default();
        let mut bind = |text: String, port: PortId| {
            bindings.add(&format!("{text}={}", PORTS[usize::from(port.0)]), &PORTS).unwrap();
        };
        if self.blanket {
            bind("10.0.0.0/24".into(), NEAR);
            bind("fd00::/64".into(), NEAR);
        }
        let mut ends: BTreeMap<IpAddr, End> = BTreeMap::new();
        for pod in cluster.pod_ids() {
            let facts = cluster.pod(pod);
            let Some(at) = self.plan.pods.iter().position(|p| *p.name == *facts.name) else {
                continue;
            };
            let namespace = &cluster.namespace(facts.namespace).name;
            let is_node = facts.host_network && self.dialect.host_network == HostNetwork::Node;
            let (port, is_bound) = (self.places[at], true);
            if self.by_name[at] && !is_node {
                bind(format!("{namespace}/{}", facts.name), port);
            }
            for address in facts.addresses.iter().copied() {
                let peer = if is_node { Peer::Address(address) } else { Peer::Pod(pod) };
                let end = End { address, peer, port, is_bound };
                if ends.contains_key(&address) {
                    assert!(is_node, "{address} twice");
                    continue;
                }
                if !self.by_name[at] || is_node {
                    bind(address.to_string(), port);
                }
                ends.insert(address, end);
            }
        }
        let others = addresses_beside_boundaries(cluster);
        let others: Vec<IpAddr> = others.into_iter().filter(|a| is_on_a_wire(*a)).collect();
        for index in &self.outside {
            let address = *index.get(&others);
            // A block says where pods stand; others stand there only if the port carries them.
            let port = self.external;
            // Of a node nothing but its own address does.
            let is_nodes = cluster.nodes().iter().any(|node| node.addresses.contains(&address));
            if is_nodes && !ends.contains_key(&address) {
                bind(address.to_string(), port);
            }
            let is_blanketed = self.blanket && is_blanketed(address) && port == NEAR;
            let is_bound = is_nodes || is_blanketed;
            let end = End { address, peer: Peer::Address(address), port, is_bound };
            ends.entry(address).or_insert(end);
        }
        bindings.add_external(PORTS[usize::from(self.external.0)], &PORTS).unwrap();
        (ends.into_values().collect(), bindings)
    }
}

fn is_blanketed(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.octets()[..3] == [10, 0, 0],
        IpAddr::V6(address) => address.segments()[..4] == [0xFD00, 0, 0, 0],
    }
}

/// Returns whether an address may stand in a packet.
fn is_on_a_wire(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => matches!(address.octets()[0], 1..=126 | 128..=223),
        IpAddr::V6(address) => {
            let inside = address.is_unspecified() || address.is_loopback();
            !inside && !address.is_multicast() && address.to_ipv4_mapped().is_none()
        }
    }
}

/// What is asked of policies.
#[derive(Clone, Copy, Debug)]
enum Ask {
    Tcp(u16),
    Udp(u16),
    Sctp(u16),
    Echo,
}

impl Ask {
    fn first(self, way: Way, own: u16) -> Sent {
        match self {
            Self::Tcp(port) => way.tcp(own, port, SYN),
            Self::Udp(port) => way.udp(own, port),
            Self::Sctp(port) => way.sctp(own, port, 1),
            Self::Echo => way.echo(true, own),
        }
    }

    fn answer(self, way: Way, own: u16) -> Sent {
        match self {
            Self::Tcp(port) => way.back().tcp(port, own, SYN_ACK),
            Self::Udp(port) => way.back().udp(port, own),
            Self::Sctp(port) => way.back().sctp(port, own, 2),
            Self::Echo => way.back().echo(false, own),
        }
    }

    fn flow(self, from: &End, to: &End) -> Flow {
        let (protocol, port) = match self {
            Self::Tcp(port) => (Protocol::Tcp, port),
            Self::Udp(port) => (Protocol::Udp, port),
            Self::Sctp(port) => (Protocol::Sctp, port),
            Self::Echo => (Protocol::Udp, 0),
        };
        let family = Family::of(from.address);
        Flow { src: from.peer.clone(), dst: to.peer.clone(), protocol, port, family }
    }
}

/// An engine, a cluster, and what is to be found in the engine's books.
struct Trial {
    engine: Engine,
    cluster: Cluster,
    dialect: Dialect,
    external: PortId,
    /// The port or identifier of the next client.
    next: u16,
    allowed: u64,
}

impl Trial {
    fn new(world: &World, limits: FlowLimits) -> Option<(Self, Vec<End>)> {
        let cluster = world.plan.build().unwrap();
        let (ends, bindings) = world.ends(&cluster);
        // Where every pod is node traffic, there is nobody whom policies could be about.
        if !ends.iter().any(|end| matches!(end.peer, Peer::Pod(_))) {
            return None;
        }
        let snapshot = Snapshot::new(cluster.clone(), world.dialect);
        let engine = Engine::new(snapshot, Sides::Bound(bindings), limits);
        let (dialect, external) = (world.dialect, world.external);
        let (next, allowed) = (20_000, 0);
        Some((Self { engine, cluster, dialect, external, next, allowed }, ends))
    }

    fn fresh(&mut self) -> u16 {
        self.next += 1;
        self.next
    }

    fn verdict(&self, flow: &Flow) -> Verdict {
        let verdict = self.engine.policies.as_ref().unwrap().snapshot().verdict(flow);
        let judged = !(self.dialect.ipv4_only && flow.family == Family::V6);
        if judged {
            assert_eq!(reference::verdict(&self.cluster, self.dialect, flow), verdict, "{flow:?}");
        }
        verdict
    }

    /// Checks what becomes of the first packet of a flow.
    fn expect_first(&mut self, sent: &Sent, flow: &Flow, out: PortId) -> bool {
        let allowed = self.verdict(flow) == Verdict::Allow;
        let found = self.engine.decide(sent);
        match found {
            Decision::Forward { out: by, why: Why::Policy, flow: Some(_) } if allowed => {
                assert_eq!(by, out, "{flow:?}");
            }
            Decision::Drop { why: DropReason::Policy } if !allowed => {}
            _ => panic!("{found:?} of {flow:?}, allowed: {allowed}"),
        }
        self.allowed += u64::from(allowed);
        allowed
    }

    /// An answer to what was never asked passes where it is a question itself, and policies allow that.
    fn expect_unsolicited(&mut self, ask: Ask, way: Way, (from, to): (&End, &End), own: u16) {
        let answer = ask.answer(way, own);
        if matches!(ask, Ask::Udp(_)) {
            let flow = Ask::Udp(own).flow(to, from);
            self.expect_first(&answer, &flow, from.port);
        } else {
            self.engine.drops(&answer, DropReason::NoFlow);
        }
    }

    fn check_pair(&mut self, from: &End, to: &End, ask: Ask) {
        let way = way_between(from, to);
        let own = self.fresh();
        let first = ask.first(way, own);
        if from.port == to.port {
            self.engine.drops(&first, DropReason::SameSide);
            return self.engine.drops(&ask.answer(way, own), DropReason::SameSide);
        }
        self.check_spoofed(from, &first);
        let unasked = self.fresh();
        self.expect_unsolicited(ask, way, (from, to), unasked);
        let answer = ask.answer(way, own);
        if self.expect_first(&first, &ask.flow(from, to), to.port) {
            self.engine.passes(&answer, Why::Established);
            self.engine.passes(&first, Why::Established);
        } else {
            self.expect_unsolicited(ask, way, (from, to), own);
        }
        self.check_spoofed(to, &answer);
    }

    /// No frame passes by the port that its source does not stand behind.
    fn check_spoofed(&mut self, from: &End, sent: &Sent) {
        let wrong = if from.port == NEAR { FAR } else { NEAR };
        assert!(from.is_bound || wrong != self.external);
        self.engine.drops(&sent.clone().by(wrong), DropReason::Spoofed);
    }
}

fn way_between(from: &End, to: &End) -> Way {
    let host = |end: &End, number| {
        let (mut v4, mut v6) = (Ipv4Addr::UNSPECIFIED, Ipv6Addr::UNSPECIFIED);
        match end.address {
            IpAddr::V4(address) => v4 = address,
            IpAddr::V6(address) => v6 = address,
        }
        Host { v4, v6, port: end.port, mac: [2, 0, 0, 0, 7, number] }
    };
    Way { from: host(from, 1), to: host(to, 2), family: Family::of(from.address) }
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn first_packets_pass_where_the_evaluator_and_the_reference_allow_their_flow(world in world()) {
        let limits = FlowLimits { capacity: 8_192, owners: 64, quota: 8_192, embryonic: 8_192 };
        let Some((mut trial, ends)) = Trial::new(&world, limits) else { return Ok(()) };
        let mut asks = vec![Ask::Echo];
        for port in &world.ports {
            asks.extend([Ask::Tcp(*port), Ask::Udp(*port), Ask::Sctp(*port)]);
        }
        for from in &ends {
            for to in &ends {
                if from.address == to.address || from.address.is_ipv4() != to.address.is_ipv4() {
                    continue;
                }
                asks.iter().for_each(|ask| trial.check_pair(from, to, *ask));
            }
        }
        let flows = trial.engine.tables.flows.counters();
        prop_assert_eq!(flows.inserted, trial.allowed);
        prop_assert_eq!(u64::from(flows.held()), trial.allowed);
    }
}

/// What random clusters ask is asked: both answers, and outside addresses both ways.
#[test]
fn random_clusters_have_both_answers_for_every_kind_of_end() {
    use proptest::strategy::ValueTree as _;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut seen: BTreeMap<(bool, bool, Family, bool), u32> = BTreeMap::new();
    for _ in 0..60 {
        let world = world().new_tree(&mut runner).unwrap().current();
        let Some((trial, ends)) = Trial::new(&world, FlowLimits::new(64, 64)) else { continue };
        for (from, to) in ends.iter().flat_map(|from| ends.iter().map(move |to| (from, to))) {
            if from.port == to.port || from.address.is_ipv4() != to.address.is_ipv4() {
                continue;
            }
            let allowed = trial.verdict(&Ask::Tcp(80).flow(from, to)) == Verdict::Allow;
            let is_pod = |end: &End| matches!(end.peer, Peer::Pod(_));
            let family = Family::of(from.address);
            *seen.entry((is_pod(from), is_pod(to), family, allowed)).or_default() += 1;
        }
    }
    for pods in [(true, true), (true, false), (false, true)] {
        for family in Family::ALL {
            for allowed in [false, true] {
                let count = seen.get(&(pods.0, pods.1, family, allowed)).copied().unwrap_or(0);
                assert!(count >= 20, "{pods:?} {family:?} {allowed}: {count}, {seen:?}");
            }
        }
    }
}
