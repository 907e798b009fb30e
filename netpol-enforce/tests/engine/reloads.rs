//! Random packets and reloads: every packet is judged by the policies that are in force when it comes, as an oracle says
//! that knows flows by name and asks the slow reference. `PROPTEST_CASES` sets how many runs are tried.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netpol_core::evaluate::reference;
use netpol_core::model::{Cluster, Dialect, Family, Flow, Peer, Protocol, Verdict};
use netpol_core::reach::Snapshot;
use netpol_core::testing::{ClusterPlan, cases, cluster_plan};
use netpol_enforce::binding::Bindings;
use netpol_enforce::flow::FlowLimits;
use netpol_enforce::pipeline::{Decision, Established, MidStream, Why};
use netpol_enforce::policies::{Policies, Sides};
use netpol_enforce::{DropReason, PortId};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::common::{
    ACK, CACHE, CLIENT, DB, EVERYTHING, Engine, FAR, Host, NEAR, NOTHING, PEER, PORTS, SYN,
    SYN_ACK, Sent, WEB, Way, plan, snapshot_of, way,
};

/// How many addresses pods may have, half of them behind each port.
const PLACES: usize = 8;

/// What a pod may have for an address; the last is somebody outside.
fn host(place: usize) -> Host {
    if place == PLACES {
        return CLIENT;
    }
    let number = u8::try_from(place).unwrap();
    let last = 16 * number + 1;
    Host {
        v4: Ipv4Addr::new(10, 0, 0, last),
        v6: Ipv6Addr::new(0xFD00, 0, 0, 0, 0, 0, 0, last.into()),
        port: PortId(number % 2),
        mac: [2, 0, 0, 0, 3, number],
    }
}

/// Policies and addresses of a while.
#[derive(Clone, Debug)]
struct Era {
    /// Which of the policies are there, by bit.
    policies: u16,
    /// At which place each pod is.
    places: [usize; PLACES],
}

/// The kinds of packets between a client and a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Syn,
    SynAck,
    Ack,
    Udp,
    Echo,
}

/// A client's packet to a server, or back.
#[derive(Clone, Copy, Debug)]
struct Shot {
    kind: Kind,
    client: usize,
    server: usize,
    family: Family,
    port: u16,
    back: bool,
}

#[derive(Clone, Copy, Debug)]
enum Action {
    Send(Shot),
    Reload(usize),
    /// Longer than any flow lives.
    Sleep,
}

#[derive(Clone, Debug)]
struct Run {
    plan: ClusterPlan,
    eras: Vec<Era>,
    established: Established,
    mid_stream: MidStream,
    actions: Vec<Action>,
}

fn era() -> impl Strategy<Value = Era> {
    // Pods mostly stay where they are.
    let order: Vec<usize> = (0..PLACES).collect();
    let moved = Just(order.clone()).prop_shuffle();
    let swapped = (0..PLACES, 0..PLACES).prop_map(move |(a, b)| {
        let mut order = order.clone();
        order.swap(a, b);
        order
    });
    let stay = Just((0..PLACES).collect::<Vec<_>>());
    let places = prop_oneof![4 => stay, 2 => swapped, 1 => moved];
    let policies = prop_oneof![3 => any::<u16>(), 1 => Just(0), 1 => Just(u16::MAX)];
    (policies, places)
        .prop_map(|(policies, places)| Era { policies, places: places.try_into().unwrap() })
}

fn action() -> impl Strategy<Value = Action> {
    use Kind::{Ack, Echo, Syn, SynAck, Udp};
    let kind = select(vec![Syn, Syn, SynAck, Ack, Ack, Udp, Udp, Echo]);
    let family = select(Family::ALL.to_vec());
    let ends = (0..=PLACES, 0..=PLACES);
    let shot = (kind, ends, family, select(vec![80_u16, 53]), any::<bool>());
    let shot = shot.prop_map(|(kind, (client, server), family, port, back)| {
        let back = match kind {
            Syn => false,
            SynAck => true,
            _ => back,
        };
        Action::Send(Shot { kind, client, server, family, port, back })
    });
    prop_oneof![40 => shot, 3 => (0..4_usize).prop_map(Action::Reload), 1 => Just(Action::Sleep)]
}

/// Draws two places behind different ports; the last place is behind the far one.
fn opposite() -> impl Strategy<Value = (usize, usize)> {
    let far = select(vec![1, 3, 5, 7, PLACES]);
    (select(vec![0, 2, 4, 6]), far, any::<bool>())
        .prop_map(|(near, far, turned)| if turned { (far, near) } else { (near, far) })
}

/// Draws a run in which most packets belong to few flows.
fn run() -> impl Strategy<Value = Run> {
    let few = vec(opposite(), 3);
    let actions = vec((action(), 0..4_usize), 1..160);
    let established = select(vec![Established::Revoke, Established::Keep]);
    let mid_stream = select(vec![MidStream::Pickup, MidStream::Drop]);
    (cluster_plan(), vec(era(), 4), established, mid_stream, few, actions).prop_map(
        |(mut plan, eras, established, mid_stream, few, actions)| {
            plan.pods.iter_mut().for_each(|pod| pod.host_network = false);
            let aim = |(action, at): (Action, usize)| match (action, few.get(at)) {
                (Action::Send(shot), Some((client, server))) => {
                    Action::Send(Shot { client: *client, server: *server, ..shot })
                }
                (action, _) => action,
            };
            let actions = actions.into_iter().map(aim).collect();
            Run { plan, eras, established, mid_stream, actions }
        },
    )
}

impl Run {
    /// Returns the cluster of an era; pods beyond those of the plan are not there.
    fn cluster(&self, era: usize) -> Cluster {
        let Era { policies, places } = &self.eras[era];
        let mut plan = self.plan.clone();
        for (pod, place) in plan.pods.iter_mut().zip(places) {
            let host = host(*place);
            pod.addresses = vec![host.v4.into(), host.v6.into()];
        }
        let mut bit = 0;
        plan.policies.retain(|_| {
            bit += 1;
            policies & (1 << (bit - 1)) != 0
        });
        plan.build().unwrap()
    }

    fn sides() -> Sides {
        let mut bindings = Bindings::default();
        for place in 0..PLACES {
            let host = host(place);
            let port = PORTS[usize::from(host.port.0)];
            bindings.add(&format!("{}={port}", host.v4), &PORTS).unwrap();
            bindings.add(&format!("{}={port}", host.v6), &PORTS).unwrap();
        }
        bindings.add_external("far", &PORTS).unwrap();
        Sides::Bound(bindings)
    }
}

/// What tells a flow, from its client's side.
type Key = (Carrier, IpAddr, IpAddr, u16);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Carrier {
    Tcp,
    Udp,
    Echo,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    SynSent,
    SynReceived,
    PickedUp,
    Established,
    /// Without handshake.
    Plain,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    /// Whether the client sent the first packet.
    by_client: bool,
    stage: Stage,
    era: u64,
    /// Whether it lives although it is denied.
    kept: bool,
}

/// What the engine should know, told again.
struct Oracle {
    cluster: Cluster,
    dialect: Dialect,
    established: Established,
    mid_stream: MidStream,
    era: u64,
    flows: HashMap<Key, Known>,
}

/// The port of every client.
const CLIENT_PORT: u16 = 40_000;

impl Oracle {
    fn peer(&self, address: IpAddr) -> Peer {
        let pods = self.cluster.pods_with_address(address);
        assert!(pods.len() <= 1);
        pods.first().map_or(Peer::Address(address), |pod| Peer::Pod(*pod))
    }

    fn name(&self, address: IpAddr) -> Option<(String, String)> {
        let pod = self.cluster.pod(*self.cluster.pods_with_address(address).first()?);
        let namespace = self.cluster.namespace(pod.namespace).name.to_string();
        Some((namespace, pod.name.to_string()))
    }

    /// Asks the reference about a flow in the direction of its client, or in the other one.
    fn allows(&self, (protocol, client, server, port): Key, by_client: bool) -> bool {
        let (protocol, there, back) = match protocol {
            Carrier::Tcp => (Protocol::Tcp, port, CLIENT_PORT),
            Carrier::Udp => (Protocol::Udp, port, CLIENT_PORT),
            Carrier::Echo => (Protocol::Tcp, 0, 0),
        };
        let (src, dst, port) =
            if by_client { (client, server, there) } else { (server, client, back) };
        let (src, dst) = (self.peer(src), self.peer(dst));
        let flow = Flow { src, dst, protocol, port, family: Family::of(client) };
        reference::verdict(&self.cluster, self.dialect, &flow) == Verdict::Allow
    }

    /// Follows a reload: flows of addresses that are another pod's now are gone.
    fn reload(&mut self, cluster: Cluster) {
        let before = self.flows.keys().flat_map(|key| [key.1, key.2]);
        let before: HashMap<IpAddr, _> = before.map(|a| (a, self.name(a))).collect();
        self.cluster = cluster;
        self.era += 1;
        let stays = |address: &IpAddr| before[address] == self.name(*address);
        let gone: Vec<Key> =
            self.flows.keys().filter(|key| !stays(&key.1) || !stays(&key.2)).copied().collect();
        for key in gone {
            self.flows.remove(&key);
        }
    }

    /// Says what becomes of a packet between opposite sides.
    fn decide(&mut self, kind: Kind, key: Key, by_client: bool) -> Result<Why, DropReason> {
        let Some(known) = self.flows.get(&key).copied() else {
            return self.begin(kind, key, by_client);
        };
        if known.era != self.era {
            let kept = !self.allows(key, known.by_client);
            if kept && self.established == Established::Revoke {
                self.flows.remove(&key);
                return Err(DropReason::Revoked);
            }
            let (own, era) = (self.flows.entry(key), self.era);
            own.and_modify(|known| (known.era, known.kept) = (era, kept));
        }
        let kept = self.flows[&key].kept;
        let original = known.by_client == by_client;
        let stage = match (kind, known.stage, original) {
            // Nothing new begins in the place of what is kept.
            (Kind::Syn, _, true) if kept => return self.begin(kind, key, by_client),
            (Kind::Syn, Stage::PickedUp, _) => return self.begin(kind, key, by_client),
            // Against the direction that was judged.
            (Kind::Syn, _, false) => return Err(DropReason::NoFlow),
            (Kind::SynAck, Stage::SynSent, false) => Stage::SynReceived,
            (Kind::SynAck | Kind::Ack, Stage::PickedUp, false) => Stage::Established,
            (Kind::Ack, Stage::SynReceived, true) => Stage::Established,
            (_, stage, _) => stage,
        };
        self.flows.entry(key).and_modify(|known| known.stage = stage);
        Ok(Why::Established)
    }

    fn begin(&mut self, kind: Kind, key: Key, by_client: bool) -> Result<Why, DropReason> {
        let stage = match (kind, self.mid_stream) {
            (Kind::Syn, _) => Stage::SynSent,
            (Kind::Ack, MidStream::Pickup) => Stage::PickedUp,
            (Kind::Udp, _) => Stage::Plain,
            (Kind::Echo, _) if by_client => Stage::Plain,
            _ => return Err(DropReason::NoFlow),
        };
        if !self.allows(key, by_client) {
            return Err(DropReason::Policy);
        }
        self.flows.insert(key, Known { by_client, stage, era: self.era, kept: false });
        Ok(Why::Policy)
    }
}

impl Shot {
    fn sent(&self) -> Sent {
        let there = way(host(self.client), host(self.server), self.family);
        let link: Way = if self.back { there.back() } else { there };
        let (source, destination) =
            if self.back { (self.port, CLIENT_PORT) } else { (CLIENT_PORT, self.port) };
        match self.kind {
            Kind::Syn => link.tcp(source, destination, SYN),
            Kind::SynAck => link.tcp(source, destination, SYN_ACK),
            Kind::Ack => link.tcp(source, destination, ACK),
            Kind::Udp => link.udp(source, destination),
            Kind::Echo => link.echo(!self.back, self.port),
        }
    }

    fn key(&self) -> Key {
        let protocol = match self.kind {
            Kind::Udp => Carrier::Udp,
            Kind::Echo => Carrier::Echo,
            _ => Carrier::Tcp,
        };
        let [client, server] = [self.client, self.server].map(|at| host(at).address(self.family));
        (protocol, client, server, self.port)
    }
}

/// How often each decision was met.
type Tally = HashMap<Result<Why, DropReason>, u32>;

fn check_run(run: &Run, tally: &mut Tally) {
    let dialect = Dialect::spec();
    let cluster = run.cluster(0);
    let snapshot = Snapshot::new(cluster.clone(), dialect);
    let limits = FlowLimits { capacity: 512, owners: 32, quota: 512, embryonic: 512 };
    let mut engine = Engine::new(snapshot, Run::sides(), limits);
    (engine.rules.established, engine.rules.mid_stream) = (run.established, run.mid_stream);
    let mut oracle = Oracle {
        cluster,
        dialect,
        established: run.established,
        mid_stream: run.mid_stream,
        era: 0,
        flows: HashMap::new(),
    };
    for (at, action) in run.actions.iter().enumerate() {
        match action {
            Action::Sleep => {
                engine.wait(9_000);
                oracle.flows.clear();
            }
            Action::Reload(era) => {
                let cluster = run.cluster(*era);
                engine.reload(Snapshot::new(cluster.clone(), dialect));
                oracle.reload(cluster);
            }
            Action::Send(shot) => {
                let expected = if shot.client == shot.server {
                    Err(DropReason::Land)
                } else if host(shot.client).port == host(shot.server).port {
                    Err(DropReason::SameSide)
                } else {
                    oracle.decide(shot.kind, shot.key(), !shot.back)
                };
                let sent = shot.sent();
                let found = match engine.decide(&sent) {
                    Decision::Drop { why } => Err(why),
                    Decision::Forward { out, why, .. } => {
                        assert_ne!(out, sent.port);
                        Ok(why)
                    }
                };
                assert_eq!(found, expected, "action {at}: {shot:?}");
                *tally.entry(found).or_default() += 1;
            }
        }
    }
    // Flows that are over but were not looked for are still in the table.
    assert!(engine.tables.flows.len() >= oracle.flows.len());
}

proptest! {
    #![proptest_config(cases(600))]

    #[test]
    fn every_packet_is_judged_by_the_policies_of_its_moment(run in run()) {
        check_run(&run, &mut Tally::new());
    }
}

/// What is drawn meets every decision, so that the property says something.
#[test]
fn random_runs_meet_every_decision() {
    use proptest::strategy::ValueTree as _;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut tally = Tally::new();
    for _ in 0..150 {
        check_run(&run().new_tree(&mut runner).unwrap().current(), &mut tally);
    }
    for decision in [
        Ok(Why::Policy),
        Ok(Why::Established),
        Err(DropReason::Policy),
        Err(DropReason::NoFlow),
        Err(DropReason::Revoked),
        Err(DropReason::SameSide),
    ] {
        let count = tally.get(&decision).copied().unwrap_or(0);
        assert!(count >= 20, "{decision:?}: {count}, {tally:?}");
    }
}

/// `web` has two flows with `db`, and one with `cache`.
fn with_flows(established: Established) -> Engine {
    let mut engine = Engine::of(&[EVERYTHING, ("web", "nobody", &[]), ("cache", "web", &[])]);
    engine.rules.established = established;
    for family in Family::ALL {
        engine.handshake(way(WEB, DB, family), 4000, 80);
        for to in [DB, CACHE] {
            engine.passes(&way(WEB, to, family).udp(4000, 53), Why::Policy);
            engine.passes(&way(to, WEB, family).udp(53, 4000), Why::Established);
        }
    }
    engine
}

#[test]
fn an_address_that_is_another_pods_now_inherits_nothing() {
    for established in [Established::Revoke, Established::Keep] {
        let mut engine = with_flows(established);
        // `db` is gone, and `late` has its addresses: both have the same policies.
        let mut next = plan(&[EVERYTHING, ("web", "nobody", &[]), ("cache", "web", &[])]);
        next.pods[2].name = "late".into();
        engine.reload(snapshot_of(&next));
        assert_eq!(engine.ledger().flows.purged, 4);
        for family in Family::ALL {
            engine.drops(&way(DB, WEB, family).udp(53, 4000), DropReason::Policy);
            engine.drops(&way(DB, WEB, family).tcp(80, 4000, ACK), DropReason::Policy);
            engine.passes(&way(CACHE, WEB, family).udp(53, 4000), Why::Established);
            engine.passes(&way(WEB, DB, family).udp(4000, 53), Why::Policy);
        }
    }
}

#[test]
fn an_address_that_changes_hands_between_pods_inherits_nothing() {
    for established in [Established::Revoke, Established::Keep] {
        let mut engine = with_flows(established);
        let mut next = plan(&[EVERYTHING, ("web", "nobody", &[]), ("cache", "web", &[])]);
        // `db` and `cache` change their addresses.
        let addresses = next.pods[2].addresses.clone();
        next.pods[2].addresses = next.pods[3].addresses.clone();
        next.pods[3].addresses = addresses;
        engine.reload(snapshot_of(&next));
        assert!(engine.tables.flows.is_empty());
        for family in Family::ALL {
            engine.drops(&way(DB, WEB, family).udp(53, 4000), DropReason::Policy);
            engine.drops(&way(CACHE, WEB, family).udp(53, 4000), DropReason::Policy);
        }
    }
}

#[test]
fn an_address_that_is_no_pods_any_more_keeps_nothing() {
    for established in [Established::Revoke, Established::Keep] {
        let mut engine = with_flows(established);
        let mut next = plan(&[("web", "nobody", &[]), ("cache", "web", &[])]);
        next.pods.remove(2);
        engine.reload(snapshot_of(&next));
        for family in Family::ALL {
            engine.drops(&way(DB, WEB, family).udp(53, 4000), DropReason::Policy);
            engine.passes(&way(CACHE, WEB, family).udp(53, 4000), Why::Established);
        }
        // And back again: a pod of the same name is not the one before.
        engine.passes(&way(WEB, DB, Family::V4).udp(4000, 53), Why::Policy);
        engine.reload(snapshot_of(&plan(&[EVERYTHING, ("web", "nobody", &[])])));
        engine.drops(&way(DB, WEB, Family::V4).udp(53, 4000), DropReason::Policy);
    }
}

#[test]
fn replies_of_revoked_flows_drop_unless_policies_allow_that_direction_by_itself() {
    for family in Family::ALL {
        let link = way(WEB, DB, family);
        for open in [false, true] {
            let closed = [NOTHING, ("web", "nobody", &[])];
            let next = if open { &closed[..1] } else { &closed };
            let mut engine = with_flows(Established::Revoke);
            engine.reload(snapshot_of(&plan(next)));
            engine.drops(&link.back().udp(53, 4000), DropReason::Revoked);
            engine.drops(&link.back().tcp(80, 4000, ACK), DropReason::Revoked);
            let again = [link.back().udp(53, 4000), link.back().tcp(80, 4000, ACK)];
            for sent in &again {
                if open {
                    engine.passes(sent, Why::Policy);
                } else {
                    engine.drops(sent, DropReason::Policy);
                }
            }
            if open {
                // Now they are flows of `db`, and what `web` sends answers.
                engine.passes(&link.udp(4000, 53), Why::Established);
            } else {
                engine.drops(&link.udp(4000, 53), DropReason::Policy);
            }
        }
    }
}

#[test]
fn what_stands_behind_another_port_now_inherits_nothing() {
    for established in [Established::Revoke, Established::Keep] {
        let mut engine = with_flows(established);
        engine.passes(&way(CLIENT, PEER, Family::V4).udp(4000, 53), Why::Policy);
        let mut bindings = Bindings::default();
        for (host, port) in [(WEB, "far"), (PEER, "near"), (DB, "near"), (CACHE, "far")] {
            bindings.add(&format!("{}={port}", host.v4), &PORTS).unwrap();
            bindings.add(&format!("{}={port}", host.v6), &PORTS).unwrap();
        }
        bindings.add_external("near", &PORTS).unwrap();
        engine.sides = Sides::Bound(bindings);
        engine.reload(snapshot_of(&plan(&[EVERYTHING])));
        for family in Family::ALL {
            engine.drops(&way(DB, WEB, family).udp(53, 4000), DropReason::Spoofed);
            engine.drops(&way(WEB, DB, family).udp(4000, 53), DropReason::Spoofed);
            engine.passes(&way(WEB, DB, family).udp(4000, 53).by_far(), Why::Policy);
        }
        // Nor do outside addresses, which no pod tells.
        engine.drops(&way(CLIENT, PEER, Family::V4).udp(4000, 53), DropReason::Spoofed);
        engine.drops(&way(PEER, CLIENT, Family::V4).udp(53, 4000), DropReason::SameSide);
    }
}

#[test]
fn an_outside_block_that_is_bound_elsewhere_inherits_nothing() {
    for established in [Established::Revoke, Established::Keep] {
        let mut engine = Engine::of(&[]);
        engine.rules.established = established;
        engine.passes(&way(CLIENT, PEER, Family::V4).udp(4000, 53), Why::Policy);
        engine.passes(&way(PEER, CLIENT, Family::V4).udp(53, 4000), Why::Established);
        let Sides::Bound(mut bindings) = engine.sides.clone() else { panic!() };
        bindings.add("203.0.113.0/24=near", &PORTS).unwrap();
        bindings.add_external("near", &PORTS).unwrap();
        engine.sides = Sides::Bound(bindings);
        engine.reload(snapshot_of(&plan(&[])));
        engine.drops(&way(CLIENT, PEER, Family::V4).udp(4000, 53), DropReason::Spoofed);
        engine.drops(&way(PEER, CLIENT, Family::V4).udp(53, 4000), DropReason::SameSide);
        let here = Host { port: NEAR, ..CLIENT };
        engine.passes(&way(here, DB, Family::V4).udp(4000, 53), Why::Policy);
        engine.passes(&way(DB, here, Family::V4).udp(53, 4000), Why::Established);
    }
}

#[test]
fn policies_that_were_passed_over_leave_no_flow() {
    let mut engine = Engine::of(&[EVERYTHING]);
    engine.rules.established = Established::Keep;
    engine.passes(&way(WEB, DB, Family::V4).udp(4000, 53), Why::Policy);
    engine.passes(&way(DB, WEB, Family::V4).udp(53, 4000), Why::Established);
    let owners = engine.tables.flows.limits().owners;
    let next = |before: &Policies| {
        let snapshot = snapshot_of(&plan(&[EVERYTHING]));
        Policies::new(snapshot, engine.sides.clone(), owners, Some(before)).unwrap()
    };
    let second = next(engine.policies.as_ref().unwrap());
    let third = next(&second);
    engine.tables.follow(&third);
    assert_eq!(engine.tables.flows.len(), 0);
    engine.policies = Some(third);
    engine.passes(&way(WEB, DB, Family::V4).udp(4000, 53), Why::Policy);
}

#[test]
fn nobody_of_a_block_of_pods_may_send() {
    let nobody = Host { v4: [10, 0, 0, 77].into(), ..WEB };
    let asks = |from| way(from, DB, Family::V4).udp(4000, 53);
    let mut engine = Engine::of(&[NOTHING]);
    let Sides::Bound(mut bindings) = engine.sides.clone() else { panic!() };
    bindings.add("10.0.0.0/24=near", &PORTS).unwrap();
    engine.sides = Sides::Bound(bindings.clone());
    engine.reload(snapshot_of(&plan(&[])));
    // No policy selects it, so that it would get everywhere.
    engine.drops(&asks(nobody), DropReason::Spoofed);
    engine.passes(&asks(WEB), Why::Policy);
    bindings.add("10.0.0.77=near", &PORTS).unwrap();
    engine.sides = Sides::Bound(bindings);
    engine.reload(snapshot_of(&plan(&[])));
    engine.passes(&asks(nobody), Why::Policy);
}

impl Sent {
    fn by_far(self) -> Self {
        self.by(FAR)
    }
}
