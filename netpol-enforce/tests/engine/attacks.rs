//! What somebody would try who wants past policies: each was possible once.

use std::net::IpAddr;

use netpol_core::model::{Family, NodeSpec, PodSpec};
use netpol_enforce::DropReason;
use netpol_enforce::flow::FlowLimits;
use netpol_enforce::pipeline::{Established, Why};
use netpol_enforce::policies::Sides;
use netpol_enforce::wire::build::udp;

use crate::common::{
    ACK, CACHE, CLIENT, DB, EVERYTHING, Engine, FIN, Host, NOTHING, OWNERS, PEER, PORTS, ROUTER,
    SYN, SYN_ACK, WEB, bindings, bindings_with_macs, plan, snapshot, snapshot_of, way,
};

#[test]
fn a_connection_that_is_kept_makes_no_room_for_a_new_one() {
    for family in Family::ALL {
        let mut engine = Engine::of(&[EVERYTHING]);
        engine.rules.established = Established::Keep;
        let (ask, answer) = (way(WEB, DB, family), way(DB, WEB, family));
        engine.passes(&ask.tcp(4000, 80, SYN), Why::Policy);
        engine.passes(&answer.tcp(80, 4000, SYN_ACK), Why::Established);
        engine.passes(&ask.tcp(4000, 80, ACK), Why::Established);
        engine.passes(&ask.sctp(4000, 80, 1), Why::Policy);
        engine.passes(&answer.sctp(80, 4000, 2), Why::Established);
        engine.reload(snapshot(&[NOTHING]));
        engine.passes(&ask.tcp(4000, 80, ACK), Why::Established);
        // The server has ended its half: the client could ask for another connection by the same ports, for ever.
        engine.passes(&answer.tcp(80, 4000, FIN), Why::Established);
        engine.drops(&ask.tcp(4000, 80, SYN), DropReason::Policy);
        engine.drops(&ask.sctp(4000, 80, 1), DropReason::Policy);
        // The old ones go on to their ends.
        engine.passes(&ask.tcp(4000, 80, ACK), Why::Established);
        engine.passes(&ask.sctp(4000, 80, 0), Why::Established);
    }
}

#[test]
fn the_address_of_a_node_is_believed_where_a_binding_names_it_alone() {
    let node = Host { v4: [203, 0, 113, 50].into(), ..CLIENT };
    let mut nodes = plan(&[("web", "nobody", &[])]);
    let addresses = vec![node.v4.into()];
    nodes.nodes.push(NodeSpec { name: "one".into(), addresses, ..NodeSpec::default() });
    nodes.pods.iter_mut().for_each(|pod| pod.node = Some("one".into()));
    let mut own = bindings();
    own.add("203.0.113.0/24=far", &PORTS).unwrap();
    let limits = FlowLimits::new(1_000, OWNERS);
    let mut engine = Engine::new(snapshot_of(&nodes), Sides::Bound(own.clone()), limits);
    // Pods must let in their node, so that whoever takes its address would get past their policies.
    let probe = way(node, WEB, Family::V4).tcp(4000, 80, SYN);
    engine.drops(&way(CLIENT, WEB, Family::V4).tcp(4000, 80, SYN), DropReason::Policy);
    engine.drops(&probe, DropReason::Unbound);
    engine.drops(&way(WEB, node, Family::V4).tcp(4000, 80, SYN), DropReason::Unbound);
    let policies = engine.policies.as_ref().unwrap();
    assert_eq!(policies.unbound_nodes(), [IpAddr::V4(node.v4)]);
    own.add("203.0.113.50=far,02:00:00:00:01:01", &PORTS).unwrap();
    engine.sides = Sides::Bound(own);
    engine.reload(snapshot_of(&nodes));
    engine.passes(&probe, Why::Policy);
    engine.drops(&probe.clone().mac([2, 0, 0, 0, 9, 9]), DropReason::Spoofed);
}

#[test]
fn a_pod_sends_no_errors_in_the_name_of_a_router() {
    for family in Family::ALL {
        let limits = FlowLimits::new(1_000, OWNERS);
        let sides = Sides::Bound(bindings_with_macs());
        let mut engine = Engine::new(snapshot(&[EVERYTHING]), sides, limits);
        let link = way(WEB, DB, family);
        let first = udp(4000, 53, b"query");
        engine.passes(&link.send(&first), Why::Policy);
        let error = way(ROUTER, WEB, family).too_big(&link.packet(&first));
        engine.drops(&error.clone().mac(CACHE.mac), DropReason::Spoofed);
        engine.passes(&error, Why::Related);
    }
}

#[test]
fn a_pod_keeps_its_quota_when_others_come_and_go() {
    let limits = FlowLimits { quota: 3, ..FlowLimits::new(1_000, OWNERS) };
    let mut engine = Engine::new(snapshot(&[]), Sides::Bound(bindings()), limits);
    let connect = |engine: &mut Engine, from, port| {
        let (ask, answer) = (way(from, DB, Family::V4), way(DB, from, Family::V4));
        engine.passes(&ask.tcp(port, 80, SYN), Why::Policy);
        engine.passes(&answer.tcp(80, port, SYN_ACK), Why::Established);
        engine.passes(&ask.tcp(port, 80, ACK), Why::Established);
    };
    (4000..4003).for_each(|port| connect(&mut engine, PEER, port));
    engine.drops(&way(PEER, DB, Family::V4).tcp(4003, 80, SYN), DropReason::PodQuota);
    let mut more = plan(&[]);
    let first = PodSpec { namespace: "shop".into(), name: "a".into(), ..PodSpec::default() };
    more.pods.push(first);
    engine.reload(snapshot_of(&more));
    // Numbers of pods shift by the one that comes first.
    engine.drops(&way(PEER, DB, Family::V4).tcp(4003, 80, SYN), DropReason::PodQuota);
    (4000..4003).for_each(|port| connect(&mut engine, WEB, port));
    engine.drops(&way(WEB, DB, Family::V4).tcp(4003, 80, SYN), DropReason::PodQuota);
}

#[test]
fn a_pod_that_is_gone_does_not_keep_old_policies_in_force() {
    let limits = FlowLimits::new(1_000, OWNERS);
    let sides = Sides::Bound(bindings_with_macs());
    let mut engine = Engine::new(snapshot(&[EVERYTHING]), sides, limits);
    engine.passes(&way(WEB, DB, Family::V4).udp(4000, 53), Why::Policy);
    let mut fewer = plan(&[NOTHING]);
    fewer.pods.retain(|pod| pod.name != "cache");
    engine.reload(snapshot_of(&fewer));
    engine.drops(&way(WEB, DB, Family::V4).udp(4000, 53), DropReason::Revoked);
}
