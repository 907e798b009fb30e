//! The policies that frames are judged by, with the pod and the place of every address: made whole, swapped whole.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::{IpAddr, Ipv6Addr};
use std::panic::{AssertUnwindSafe, catch_unwind};

use netpol_core::model::{
    Cluster, Family, Flow, HostNetwork, IcmpMode, Peer, PodId, Protocol, Step, Verdict,
};
use netpol_core::reach::Snapshot;
use thiserror::Error;

use crate::binding::{Bindings, Place};
use crate::flow::Tuple;
use crate::owners::{OUTSIDE, Owners};
use crate::wire::Mac;
use crate::{DropReason, PortId};

/// The protocol numbers that have ports in policies (IANA).
const PROTOCOLS: [(u8, Protocol); 3] =
    [(6, Protocol::Tcp), (17, Protocol::Udp), (132, Protocol::Sctp)];

/// Where an end stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Behind a port.
    At(Place),
    /// Outside: behind a port that carries outside addresses.
    Outside,
    /// It is a pod's, and nobody said where the pod stands.
    Unbound,
    /// Nobody asks: a capture has no sides.
    Anywhere,
}

/// One end of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// The pod, if it is one that policies know as such.
    pub pod: Option<PodId>,
    /// Where it stands.
    pub standing: Standing,
    /// Who it is for quotas; 0 for every address that is no pod's.
    pub owner: u32,
}

/// What stands in the way of policies being used.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{}", .problems.join("\n"))]
pub struct PoliciesError {
    /// Each problem, with what to do about it.
    pub problems: Vec<String>,
}

/// How a capture or a pair of ports is judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sides {
    /// Addresses stand behind ports.
    Bound(Bindings),
    /// There are no sides: frames come from a capture.
    None,
}

/// Policies in force.
#[derive(Debug)]
pub struct Policies {
    epoch: u32,
    snapshot: Snapshot,
    sides: Sides,
    ends: HashMap<IpAddr, End>,
    numbers: Owners,
    /// Whose each Ethernet address is, where bindings say.
    macs: HashMap<Mac, Vec<IpAddr>>,
    /// Whether an end has an Ethernet address of its own. That of a node is none of `macs`: what it routes comes from it too.
    has_macs: bool,
    /// Addresses that are another pod's than before, or no pod's any more: what they began is over.
    moved: HashSet<IpAddr>,
    /// Whether bindings are others than before, so that any address may stand elsewhere.
    is_rebound: bool,
    /// Pods that nobody said the place of.
    unbound: Vec<String>,
}

impl Policies {
    /// Makes policies ready for frames; `before` are those they come after.
    ///
    /// Pods without an address cannot be told from outside; `owners` is the number of originators that tables of flows
    /// were made for.
    ///
    /// # Errors
    ///
    /// [`PoliciesError`] if two pods have one address, or if no pod has any.
    /// At the start (without `before`) a pod that stands nowhere is an error too; later its frames are dropped.
    pub fn new(
        snapshot: Snapshot,
        sides: Sides,
        owners: u32,
        before: Option<&Self>,
    ) -> Result<Self, PoliciesError> {
        let mut problems = Vec::new();
        let pods = addresses(&snapshot, &mut problems);
        let (mut ends, mut unbound) = (HashMap::new(), Vec::new());
        let mut macs: HashMap<Mac, Vec<IpAddr>> = HashMap::new();
        let cluster = snapshot.cluster();
        let named = cluster.pod_ids().map(|pod| names(cluster, pod));
        let none = Owners::default();
        let numbers = Owners::new(named, owners, before.map_or(&none, |before| &before.numbers));
        for (address, (pod, is_pod)) in &pods {
            let (namespace, name) = names(snapshot.cluster(), *pod);
            let standing = match &sides {
                Sides::None => Standing::Anywhere,
                Sides::Bound(bindings) => {
                    match bindings.place(namespace, name, *address, *is_pod) {
                        Some(place) => Standing::At(place),
                        None if *is_pod => {
                            unbound.push(format!("{namespace}/{name} ({address})"));
                            Standing::Unbound
                        }
                        // It is that of a node.
                        None => Standing::Unbound,
                    }
                }
            };
            if let Standing::At(Place { mac: Some(mac), .. }) = standing {
                macs.entry(mac).or_default().push(*address);
            }
            // All addresses of a pod have one quota.
            let owner = if *is_pod { numbers.of(namespace, name) } else { OUTSIDE };
            let pod = is_pod.then_some(*pod);
            ends.insert(*address, End { pod, standing, owner });
        }
        if let Sides::Bound(bindings) = &sides {
            add_nodes(snapshot.cluster(), bindings, &mut ends);
            // A pod that is gone is no reason to keep the policies of a time when it was there.
            if before.is_none() {
                check_names(snapshot.cluster(), bindings, &mut problems);
            }
            if before.is_none() && !unbound.is_empty() {
                problems.push(format!(
                    "nothing says behind which port these pods stand: {}; bind each with --bind NAMESPACE/POD=PORT, or \
                     their addresses with --bind CIDR=PORT",
                    few(&unbound)
                ));
            }
        }
        if ends.values().all(|end| end.pod.is_none()) {
            let why = "no pod has an address (status.podIPs); frames tell pods by their addresses, so take the manifests \
                       from a running cluster";
            problems.push(why.to_owned());
        }
        if !problems.is_empty() {
            return Err(PoliciesError { problems });
        }
        let epoch = before.map_or(1, |before| before.epoch.wrapping_add(1));
        let is_rebound = before.is_some_and(|before| before.sides != sides);
        let moved = HashSet::new();
        let has_macs = ends
            .values()
            .any(|end| matches!(end.standing, Standing::At(Place { mac: Some(_), .. })));
        let mut made = Self {
            epoch,
            snapshot,
            sides,
            ends,
            numbers,
            macs,
            has_macs,
            moved,
            is_rebound,
            unbound,
        };
        if let Some(before) = before {
            made.moved = made.moved_since(before);
        }
        // What the first verdict would prepare.
        made.judge_pods();
        Ok(made)
    }

    /// The number of these policies: each reload counts one on.
    pub const fn epoch(&self) -> u32 {
        self.epoch
    }

    /// The snapshot that answers.
    pub const fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Lists pods that stand nowhere, whose frames are dropped.
    pub fn unbound(&self) -> &[String] {
        &self.unbound
    }

    /// Lists the addresses of nodes that no binding names, whose frames are dropped, in order.
    pub fn unbound_nodes(&self) -> Vec<IpAddr> {
        let is_unbound = |end: &End| end.pod.is_none() && end.standing == Standing::Unbound;
        let unbound = self.ends.iter().filter(|(_, end)| is_unbound(end));
        let mut addresses: Vec<IpAddr> = unbound.map(|(address, _)| *address).collect();
        addresses.sort_unstable();
        addresses
    }

    /// Tells whether bindings say which Ethernet addresses pods have.
    pub(crate) const fn knows_macs(&self) -> bool {
        self.has_macs
    }

    /// Tells whether an address is another pod's than under the policies before, or no pod's any more.
    pub fn has_moved(&self, address: IpAddr) -> bool {
        self.moved.contains(&address)
    }

    /// Tells whether any address has moved, or may stand elsewhere.
    pub(crate) fn has_any_moved(&self) -> bool {
        !self.moved.is_empty() || self.is_rebound
    }

    /// Tells whether an address is whose it was under the policies before, and stands behind a port.
    pub(crate) fn is_still_at(&self, address: IpAddr, port: PortId) -> bool {
        let stands = match self.end(address).standing {
            Standing::At(place) => place.port == port,
            Standing::Outside => self.is_external(port),
            Standing::Anywhere => true,
            Standing::Unbound => false,
        };
        stands && !self.has_moved(address)
    }

    /// Returns what is known of an address.
    pub fn end(&self, address: IpAddr) -> End {
        if let Some(end) = self.ends.get(&address) {
            return *end;
        }
        let standing = match &self.sides {
            Sides::None => Standing::Anywhere,
            Sides::Bound(bindings) => {
                bindings.of_other(address).map_or(Standing::Outside, Standing::At)
            }
        };
        End { pod: None, standing, owner: OUTSIDE }
    }

    /// Tells whether a port carries outside addresses.
    pub(crate) fn is_external(&self, port: PortId) -> bool {
        match &self.sides {
            Sides::Bound(bindings) => bindings.is_external(port),
            Sides::None => true,
        }
    }

    /// Tells whether the ports are sides of something.
    pub(crate) const fn has_sides(&self) -> bool {
        matches!(self.sides, Sides::Bound(_))
    }

    /// Checks that a frame may come from its source by a port with its Ethernet address.
    ///
    /// # Errors
    ///
    /// [`DropReason::Spoofed`] or [`DropReason::Unbound`].
    pub(crate) fn check_source(
        &self,
        (address, end): (IpAddr, &End),
        arrival: PortId,
        mac: Mac,
    ) -> Result<(), DropReason> {
        match end.standing {
            Standing::Anywhere => return Ok(()),
            Standing::At(place) if place.port != arrival || place.mac.is_some_and(|m| m != mac) => {
                return Err(DropReason::Spoofed);
            }
            Standing::At(_) => {}
            Standing::Outside if self.is_external(arrival) => {}
            Standing::Outside => return Err(DropReason::Spoofed),
            Standing::Unbound => return Err(DropReason::Unbound),
        }
        match self.macs.get(&mac) {
            Some(own) if !own.contains(&address) => Err(DropReason::Spoofed),
            _ => Ok(()),
        }
    }

    /// Checks that a destination stands behind the port that a frame would leave by.
    ///
    /// # Errors
    ///
    /// [`DropReason::SameSide`] or [`DropReason::Unbound`].
    pub(crate) fn check_destination(
        &self,
        end: &End,
        arrival: PortId,
        out: PortId,
    ) -> Result<(), DropReason> {
        match end.standing {
            Standing::Anywhere => Ok(()),
            Standing::At(place) if place.port == out => Ok(()),
            Standing::At(_) => Err(DropReason::SameSide),
            Standing::Outside if self.is_external(out) => Ok(()),
            Standing::Outside if self.is_external(arrival) => Err(DropReason::SameSide),
            Standing::Outside | Standing::Unbound => Err(DropReason::Unbound),
        }
    }

    /// Checks that whoever sends an ICMP error may: routers send from addresses that no binding knows, by any port, but not
    /// with the Ethernet address of a pod.
    ///
    /// # Errors
    ///
    /// As [`check_source`](Self::check_source).
    pub(crate) fn check_router(
        &self,
        (address, end): (IpAddr, &End),
        arrival: PortId,
        mac: Mac,
    ) -> Result<(), DropReason> {
        match end.standing {
            Standing::Outside if self.macs.contains_key(&mac) => Err(DropReason::Spoofed),
            Standing::Outside => Ok(()),
            _ => self.check_source((address, end), arrival, mac),
        }
    }

    /// Checks that a link-local address may speak by a port with an Ethernet address.
    ///
    /// Such addresses are nobody's in the model. One that is bound stands where its binding says. Others are believed where
    /// they are made of the Ethernet address (RFC 4291, appendix A), as pods make them, and by ports that carry outside
    /// addresses, where routers stand: else a pod could take the address of the router.
    ///
    /// # Errors
    ///
    /// [`DropReason::Spoofed`].
    pub(crate) fn check_link_local(
        &self,
        address: Ipv6Addr,
        arrival: PortId,
        mac: Mac,
    ) -> Result<(), DropReason> {
        let Sides::Bound(bindings) = &self.sides else { return Ok(()) };
        let is_own = if let Some(place) = bindings.of_this(IpAddr::V6(address)) {
            place.port == arrival && place.mac.is_none_or(|own| own == mac)
        } else {
            let is_router = self.is_external(arrival) && !self.macs.contains_key(&mac);
            is_router || address == link_local_of(mac)
        };
        if is_own { self.check_mac(mac, arrival) } else { Err(DropReason::Spoofed) }
    }

    /// Checks that an Ethernet address may speak for a link-local or missing address by a port.
    pub(crate) fn check_mac(&self, mac: Mac, arrival: PortId) -> Result<(), DropReason> {
        let elsewhere = self.macs.get(&mac).and_then(|own| own.first()).is_some_and(|address| {
            matches!(self.end(*address).standing, Standing::At(place) if place.port != arrival)
        });
        if elsewhere { Err(DropReason::Spoofed) } else { Ok(()) }
    }

    /// Judges the first packet of a flow.
    ///
    /// # Errors
    ///
    /// [`DropReason::Policy`] for everything but a certain yes, [`DropReason::EvaluatorPanic`] if the evaluator failed.
    pub fn judge(&self, tuple: &Tuple) -> Result<(), DropReason> {
        let flow = self.flow(tuple);
        if self.would_wave_through(tuple) {
            return Err(DropReason::Policy);
        }
        let verdict = catch_unwind(AssertUnwindSafe(|| self.snapshot.verdict(&flow)));
        match verdict {
            Ok(Verdict::Allow) => Ok(()),
            Ok(_) => Err(DropReason::Policy),
            Err(_) => Err(DropReason::EvaluatorPanic),
        }
    }

    /// Returns the verdict about a flow with its steps, for whoever reads about it.
    pub fn explain(&self, tuple: &Tuple) -> (Verdict, Vec<Step>) {
        if self.would_wave_through(tuple) {
            return (Verdict::Deny, Vec::new());
        }
        let explanation = self.snapshot.explain(&self.flow(tuple));
        (explanation.verdict, explanation.steps)
    }

    /// Tells whether the evaluator would take a packet to port 0 of TCP, UDP or SCTP for one of a protocol without ports,
    /// which are always allowed here. Policies count ports from 1 on, so that it must not pass by that.
    fn would_wave_through(&self, tuple: &Tuple) -> bool {
        let waves = self.snapshot.dialect().icmp == IcmpMode::Allow;
        waves && tuple.destination_port == 0 && Self::has_ports(tuple.protocol)
    }

    /// Returns the question that a tuple asks of the evaluator.
    pub fn flow(&self, tuple: &Tuple) -> Flow {
        let ported = PROTOCOLS.iter().find(|(number, _)| *number == tuple.protocol);
        let (protocol, port) = match ported {
            Some((_, protocol)) => (*protocol, tuple.destination_port),
            None => (Protocol::Tcp, 0),
        };
        let family = Family::of(tuple.source);
        Flow {
            src: self.peer(tuple.source),
            dst: self.peer(tuple.destination),
            protocol,
            port,
            family,
        }
    }

    /// Tells whether policies know ports of a protocol (IANA number).
    pub fn has_ports(protocol: u8) -> bool {
        PROTOCOLS.iter().any(|(number, _)| *number == protocol)
    }

    /// Returns the peer that an address is.
    pub fn peer(&self, address: IpAddr) -> Peer {
        match self.ends.get(&address) {
            Some(End { pod: Some(pod), .. }) => Peer::Pod(*pod),
            _ => Peer::Address(address),
        }
    }

    /// Returns the name of the pod that has an address, as `namespace/name`.
    pub fn pod_name(&self, address: IpAddr) -> Option<String> {
        let pod = self.ends.get(&address)?.pod?;
        let (namespace, name) = names(self.snapshot.cluster(), pod);
        Some(format!("{namespace}/{name}"))
    }

    fn moved_since(&self, before: &Self) -> HashSet<IpAddr> {
        let standing =
            |policies: &Self, address: &IpAddr| policies.ends.get(address).map(|end| end.standing);
        let stays = |address: &IpAddr| {
            before.pod_name(*address) == self.pod_name(*address)
                && standing(before, address) == standing(self, address)
        };
        before
            .ends
            .keys()
            .chain(self.ends.keys())
            .copied()
            .filter(|address| !stays(address))
            .collect()
    }

    /// Lets the snapshot prepare its tables before the first frame.
    fn judge_pods(&self) {
        let pods: Vec<PodId> = self.snapshot.cluster().pod_ids().take(2).collect();
        if let [src, dst] = pods[..] {
            let (src, dst) = (Peer::Pod(src), Peer::Pod(dst));
            let flow = Flow { src, dst, protocol: Protocol::Tcp, port: 1, family: Family::V4 };
            std::hint::black_box(self.snapshot.verdict(&flow));
        }
    }
}

/// Adds the addresses of nodes, which pods must let in: unless bindings say where each stands, nobody may send from one.
fn add_nodes(cluster: &Cluster, bindings: &Bindings, ends: &mut HashMap<IpAddr, End>) {
    for address in cluster.nodes().iter().flat_map(|node| &node.addresses) {
        let standing = bindings.of_this(*address).map_or(Standing::Unbound, Standing::At);
        ends.entry(*address).or_insert(End { pod: None, standing, owner: OUTSIDE });
    }
}

/// Returns the link-local address that an interface makes of its Ethernet address (RFC 4291, appendix A).
const fn link_local_of(mac: Mac) -> Ipv6Addr {
    let host = [mac[0] ^ 2, mac[1], mac[2], 0xFF, 0xFE, mac[3], mac[4], mac[5]];
    Ipv6Addr::from_bits(0xFE80 << 112 | u64::from_be_bytes(host) as u128)
}

/// Lists every address of a pod: the pod that has it, and whether policies know it as a pod. Host-network pods share the
/// address of their node, which is node traffic.
fn addresses(snapshot: &Snapshot, problems: &mut Vec<String>) -> BTreeMap<IpAddr, (PodId, bool)> {
    let cluster = snapshot.cluster();
    let policed = snapshot.dialect().host_network == HostNetwork::Policed;
    let mut all: BTreeMap<IpAddr, (PodId, bool)> = BTreeMap::new();
    for pod in cluster.pod_ids() {
        let is_pod = policed || !cluster.pod(pod).host_network;
        for address in &cluster.pod(pod).addresses {
            let Some((other, is_other)) = all.insert(*address, (pod, is_pod)) else { continue };
            if is_pod && is_other {
                let [(a, b), (c, d)] = [other, pod].map(|pod| names(cluster, pod));
                problems.push(format!(
                    "{address} is the address of {a}/{b} and of {c}/{d}; remove the pod that is gone"
                ));
            } else if is_other {
                all.insert(*address, (other, is_other));
            }
        }
    }
    all
}

fn names(cluster: &Cluster, pod: PodId) -> (&str, &str) {
    let pod = cluster.pod(pod);
    (&cluster.namespace(pod.namespace).name, &pod.name)
}

fn check_names(cluster: &Cluster, bindings: &Bindings, problems: &mut Vec<String>) {
    for (namespace, name) in bindings.pods() {
        let found = cluster.find_namespace(namespace).and_then(|id| cluster.find_pod(id, name));
        if found.is_none() {
            problems.push(format!("there is no pod {namespace}/{name}, which a binding names"));
        }
    }
}

/// Lists the first few of many.
fn few(names: &[String]) -> String {
    const SHOWN: usize = 5;
    let shown = names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().checked_sub(SHOWN) {
        Some(rest) if rest > 0 => format!("{shown} and {rest} more"),
        _ => shown,
    }
}
