//! A small cluster, its frames and an engine, in few words.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netpol_core::model::{
    Dialect, Direction, Family, NamespaceSpec, NetworkPolicyPeer, NetworkPolicyPort,
    NetworkPolicyRule, NetworkPolicySpec, PodSpec, PolicyKind, PolicySpec, PortReference, Protocol,
    Selector,
};
use netpol_core::reach::Snapshot;
use netpol_core::testing::{ClusterPlan, PolicyPlan};
use netpol_enforce::binding::Bindings;
use netpol_enforce::flow::{FlowCounters, FlowLimits, FragCounters, FragLimits};
use netpol_enforce::pipeline::{Decision, Rules, Tables, Why, decide};
use netpol_enforce::policies::{Policies, Sides};
use netpol_enforce::wire::Mac;
use netpol_enforce::wire::build::{
    Ipv4, Ipv6, Link, Message, chunk, echo_reply, echo_request, icmp_error, icmpv6_echo_reply,
    icmpv6_echo_request, icmpv6_error, sctp, tcp, udp,
};
use netpol_enforce::{DropReason, Frame, FrameMeta, PortId, Tick};

pub(crate) const NEAR: PortId = PortId(0);
pub(crate) const FAR: PortId = PortId(1);
/// What bindings call the two ports.
pub(crate) const PORTS: [&str; 2] = ["near", "far"];

pub(crate) const SYN: u8 = 0x02;
pub(crate) const SYN_ACK: u8 = 0x12;
pub(crate) const ACK: u8 = 0x10;
pub(crate) const FIN: u8 = 0x11;
pub(crate) const RST: u8 = 0x04;

/// How many originators the tables of tests tell apart.
pub(crate) const OWNERS: u32 = 16;

/// Whoever sends frames: an address of each family behind a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Host {
    pub(crate) v4: Ipv4Addr,
    pub(crate) v6: Ipv6Addr,
    pub(crate) port: PortId,
    pub(crate) mac: Mac,
}

const fn pod(number: u8, port: PortId) -> Host {
    Host {
        v4: Ipv4Addr::new(10, 0, 0, number),
        v6: Ipv6Addr::new(0xFD00, 0, 0, 0, 0, 0, 0, number as u16),
        port,
        mac: [2, 0, 0, 0, 0, number],
    }
}

pub(crate) const WEB: Host = pod(1, NEAR);
pub(crate) const PEER: Host = pod(2, NEAR);
pub(crate) const DB: Host = pod(3, FAR);
pub(crate) const CACHE: Host = pod(4, FAR);
/// Somebody outside, behind the far port.
pub(crate) const CLIENT: Host = Host {
    v4: Ipv4Addr::new(203, 0, 113, 7),
    v6: Ipv6Addr::new(0x2001, 0xDB8, 0, 0, 0, 0, 0, 7),
    port: FAR,
    mac: [2, 0, 0, 0, 1, 1],
};
/// A router on the far side.
pub(crate) const ROUTER: Host = Host {
    v4: Ipv4Addr::new(192, 0, 2, 1),
    v6: Ipv6Addr::new(0x2001, 0xDB8, 1, 0, 0, 0, 0, 1),
    port: FAR,
    mac: [2, 0, 0, 0, 1, 2],
};

/// The pods by their names, which are the values of their label `app` too.
pub(crate) const PODS: [(&str, Host); 4] =
    [("web", WEB), ("peer", PEER), ("db", DB), ("cache", CACHE)];

impl Host {
    pub(crate) const fn address(&self, family: Family) -> IpAddr {
        match family {
            Family::V4 => IpAddr::V4(self.v4),
            Family::V6 => IpAddr::V6(self.v6),
        }
    }
}

/// A pod, a pod that may open connections to it, and by which ports; without any, by everything.
pub(crate) type Opens<'a> = (&'a str, &'a str, &'a [(Protocol, u16)]);

/// Opens a web server, a name server and a telephone exchange of `db` to `web`, and nothing else of it.
pub(crate) const SERVICES: Opens<'static> =
    ("db", "web", &[(Protocol::Tcp, 80), (Protocol::Udp, 53), (Protocol::Sctp, 3868)]);
/// Opens everything of `db` to `web`, and nothing else of it.
pub(crate) const EVERYTHING: Opens<'static> = ("db", "web", &[]);
/// Opens nothing of `db`.
pub(crate) const NOTHING: Opens<'static> = ("db", "nobody", &[]);

/// Returns the cluster in which the pods that are named are isolated in ingress, but for what is opened.
pub(crate) fn plan(opens: &[Opens<'_>]) -> ClusterPlan {
    let namespaces = vec![NamespaceSpec { name: "shop".into(), ..NamespaceSpec::default() }];
    let pods = PODS.iter().map(|(name, host)| PodSpec {
        namespace: "shop".into(),
        name: (*name).into(),
        labels: vec![("app".into(), (*name).into())],
        addresses: vec![host.v4.into(), host.v6.into()],
        ..PodSpec::default()
    });
    let policies = opens.iter().enumerate().map(|(at, opens)| policy(at, opens));
    ClusterPlan {
        namespaces,
        pods: pods.collect(),
        policies: policies.collect(),
        ..ClusterPlan::default()
    }
}

fn policy(at: usize, (pod, from, ports): &Opens<'_>) -> PolicyPlan {
    let ports = ports.iter().map(|(protocol, port)| NetworkPolicyPort {
        protocol: Some(*protocol),
        port: Some(PortReference::Number(*port)),
    });
    let peer = NetworkPolicyPeer::Pods {
        namespace_selector: None,
        pod_selector: Some(Selector::labels([("app", *from)])),
    };
    let rule = NetworkPolicyRule { peers: vec![peer], ports: ports.collect(), line: 0 };
    PolicyPlan {
        kind: PolicyKind::NetworkPolicy,
        namespace: Some("shop".into()),
        name: format!("opens-{at}"),
        spec: PolicySpec::Network(NetworkPolicySpec {
            pod_selector: Selector::labels([("app", *pod)]),
            policy_types: vec![Direction::Ingress],
            ingress: vec![rule],
            ..NetworkPolicySpec::default()
        }),
    }
}

pub(crate) fn snapshot(opens: &[Opens<'_>]) -> Snapshot {
    snapshot_of(&plan(opens))
}

pub(crate) fn snapshot_of(plan: &ClusterPlan) -> Snapshot {
    Snapshot::new(plan.build().unwrap(), Dialect::spec())
}

/// Binds every pod by its addresses; the far port is external.
pub(crate) fn bindings() -> Bindings {
    let mut bindings = Bindings::default();
    for (_, host) in PODS {
        for family in Family::ALL {
            let port = PORTS[usize::from(host.port.0)];
            bindings.add(&format!("{}={port}", host.address(family)), &PORTS).unwrap();
        }
    }
    bindings.add_external("far", &PORTS).unwrap();
    bindings
}

/// Binds every pod by its name and with its Ethernet address; the far port is external.
pub(crate) fn bindings_with_macs() -> Bindings {
    let mut bindings = Bindings::default();
    for (name, host) in PODS {
        let mac = host.mac.map(|byte| format!("{byte:02x}")).join(":");
        let port = PORTS[usize::from(host.port.0)];
        bindings.add(&format!("shop/{name}={port},{mac}"), &PORTS).unwrap();
    }
    bindings.add_external("far", &PORTS).unwrap();
    bindings
}

/// A frame on its way into a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) port: PortId,
    pub(crate) bytes: Vec<u8>,
}

impl Sent {
    /// Returns the frame as if it came in by another port.
    pub(crate) fn by(mut self, port: PortId) -> Self {
        self.port = port;
        self
    }

    /// Returns the frame as if it came from another Ethernet address.
    pub(crate) fn mac(mut self, mac: Mac) -> Self {
        self.bytes[6..12].copy_from_slice(&mac);
        self
    }
}

/// From whom to whom, in which family.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way {
    pub(crate) from: Host,
    pub(crate) to: Host,
    pub(crate) family: Family,
}

pub(crate) const fn way(from: Host, to: Host, family: Family) -> Way {
    Way { from, to, family }
}

impl Way {
    pub(crate) const fn back(self) -> Self {
        Self { from: self.to, to: self.from, family: self.family }
    }

    pub(crate) fn link(self) -> Link {
        Link::new(self.from.mac, self.to.mac)
    }

    /// Returns an IP packet as a frame that comes in by the port of its sender.
    pub(crate) fn frame(self, packet: &[u8]) -> Sent {
        let bytes = match self.family {
            Family::V4 => self.link().ipv4(packet),
            Family::V6 => self.link().ipv6(packet),
        };
        Sent { port: self.from.port, bytes }
    }

    /// Returns an IP packet, as routers quote it.
    pub(crate) fn packet(self, message: &Message) -> Vec<u8> {
        match self.family {
            Family::V4 => Ipv4::new(self.from.v4, self.to.v4).packet(message),
            Family::V6 => Ipv6::new(self.from.v6, self.to.v6).packet(message),
        }
    }

    pub(crate) fn send(self, message: &Message) -> Sent {
        self.frame(&self.packet(message))
    }

    pub(crate) fn tcp(self, source: u16, destination: u16, flags: u8) -> Sent {
        self.send(&tcp(source, destination, flags, b""))
    }

    pub(crate) fn udp(self, source: u16, destination: u16) -> Sent {
        self.send(&udp(source, destination, b"query"))
    }

    /// Returns an SCTP packet with one chunk.
    pub(crate) fn sctp(self, source: u16, destination: u16, kind: u8) -> Sent {
        let tag = if kind == 1 { 0 } else { 9 };
        self.send(&sctp(source, destination, tag, &[chunk(kind, &[1; 16])]))
    }

    pub(crate) fn echo_message(self, request: bool, id: u16) -> Message {
        match (self.family, request) {
            (Family::V4, true) => echo_request(id, b"ping"),
            (Family::V4, false) => echo_reply(id, b"ping"),
            (Family::V6, true) => icmpv6_echo_request(id, b"ping"),
            (Family::V6, false) => icmpv6_echo_reply(id, b"ping"),
        }
    }

    pub(crate) fn echo(self, request: bool, id: u16) -> Sent {
        self.send(&self.echo_message(request, id))
    }

    /// Returns the message that a packet is too big.
    pub(crate) fn too_big(self, quoted: &[u8]) -> Sent {
        match self.family {
            Family::V4 => self.send(&icmp_error(3, 4, quoted)),
            Family::V6 => self.send(&icmpv6_error(2, 0, quoted)),
        }
    }

    /// Returns a message in fragments of at most so many bytes.
    pub(crate) fn fragments(self, id: u16, size: usize, message: &Message) -> Vec<Sent> {
        let packets = match self.family {
            Family::V4 => Ipv4::new(self.from.v4, self.to.v4).fragments(id, size, message),
            Family::V6 => {
                Ipv6::new(self.from.v6, self.to.v6).fragments(id.into(), size, &[], message)
            }
        };
        packets.iter().map(|packet| self.frame(packet)).collect()
    }

    /// Returns one fragment of a protocol.
    pub(crate) fn fragment(
        self,
        id: u16,
        offset: u16,
        more: bool,
        (protocol, bytes): (u8, &[u8]),
    ) -> Sent {
        let part = (protocol, bytes);
        self.frame(&match self.family {
            Family::V4 => Ipv4::new(self.from.v4, self.to.v4).fragment(id, offset, more, part),
            Family::V6 => {
                Ipv6::new(self.from.v6, self.to.v6).fragment(id.into(), offset, more, part)
            }
        })
    }
}

/// Everything that an engine has counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ledger {
    pub(crate) flows: FlowCounters,
    pub(crate) fragments: FragCounters,
}

/// Policies, tables and a clock.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) policies: Option<Policies>,
    pub(crate) sides: Sides,
    pub(crate) rules: Rules,
    pub(crate) tables: Tables,
    pub(crate) now: Tick,
}

impl Engine {
    pub(crate) fn new(snapshot: Snapshot, sides: Sides, limits: FlowLimits) -> Self {
        let policies = Policies::new(snapshot, sides.clone(), limits.owners, None).unwrap();
        Self {
            policies: Some(policies),
            sides,
            rules: Rules::default(),
            tables: Tables::new(limits, FragLimits::new(64, OWNERS)),
            now: Tick(0),
        }
    }

    /// Returns an engine for the small cluster.
    pub(crate) fn of(opens: &[Opens<'_>]) -> Self {
        let limits = FlowLimits::new(1_000, OWNERS);
        Self::new(snapshot(opens), Sides::Bound(bindings()), limits)
    }

    pub(crate) fn decide(&mut self, sent: &Sent) -> Decision {
        let meta = FrameMeta::plain(sent.port, sent.bytes.len(), self.now);
        self.decide_frame(&Frame { meta, bytes: &sent.bytes })
    }

    pub(crate) fn decide_frame(&mut self, frame: &Frame<'_>) -> Decision {
        decide(self.policies.as_ref(), self.rules, &mut self.tables, frame)
    }

    /// Puts other policies in force.
    pub(crate) fn reload(&mut self, snapshot: Snapshot) {
        let before = self.policies.as_ref();
        let owners = self.tables.flows.limits().owners;
        let policies = Policies::new(snapshot, self.sides.clone(), owners, before).unwrap();
        self.tables.follow(&policies);
        self.policies = Some(policies);
    }

    pub(crate) fn wait(&mut self, seconds: u32) {
        self.now = Tick(self.now.0 + Tick::of_seconds(seconds));
    }

    pub(crate) fn ledger(&self) -> Ledger {
        Ledger { flows: self.tables.flows.counters(), fragments: self.tables.fragments.counters() }
    }

    /// Checks that a frame passes to the other side, and why.
    #[track_caller]
    pub(crate) fn passes(&mut self, sent: &Sent, expected: Why) {
        let other = if sent.port == NEAR { FAR } else { NEAR };
        match self.decide(sent) {
            Decision::Forward { out, why, flow } => {
                assert_eq!((out, why), (other, expected), "{sent:02x?}");
                assert_eq!(flow.is_some(), why != Why::Neighbour, "{sent:02x?}");
            }
            Decision::Drop { why } => panic!("{why:?} instead of {expected:?}: {sent:02x?}"),
        }
    }

    #[track_caller]
    pub(crate) fn drops(&mut self, sent: &Sent, why: DropReason) {
        assert_eq!(self.decide(sent), Decision::Drop { why }, "{sent:02x?}");
    }

    /// Opens a TCP connection.
    #[track_caller]
    pub(crate) fn handshake(&mut self, way: Way, source: u16, destination: u16) {
        self.passes(&way.tcp(source, destination, SYN), Why::Policy);
        self.passes(&way.back().tcp(destination, source, SYN_ACK), Why::Established);
        self.passes(&way.tcp(source, destination, ACK), Why::Established);
    }
}
