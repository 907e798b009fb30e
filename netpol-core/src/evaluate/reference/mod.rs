//! The slow oracle: networkpolicy-v1 section 14 and admin-tiers section 7, transcribed to be read beside them.
//!
//! It imports the model alone and is never optimised: every faster evaluator is compared with it. It applies the
//! defaults itself, tries every order of policies of equal priority and every address that an end may have.

mod admin;
mod network_policy;
mod peers;
mod unknown;

use std::collections::BTreeSet;

use unknown::Assumption;

use crate::model::{
    Cluster, Dialect, Direction, Flow, HostNetwork, IcmpMode, Peer, PodId, Selector, Verdict,
};

/// Judges one connection attempt (networkpolicy-v1, section 14, `connection`).
pub fn verdict(cluster: &Cluster, dialect: Dialect, flow: &Flow) -> Verdict {
    if matches!((&flow.src, &flow.dst), (Peer::Pod(a), Peer::Pod(b)) if a == b) {
        return Verdict::Allow; // D2: "a Pod cannot block access to itself"
    }
    if !is_led(cluster, flow) {
        return Verdict::Deny; // the ingress controller connects to backends, and nobody connects to it
    }
    if flow.port == 0 && dialect.icmp == IcmpMode::Allow {
        return Verdict::Allow; // D15 leaves it open
    }
    let egress = direction(cluster, dialect, flow, Direction::Egress);
    let ingress = direction(cluster, dialect, flow, Direction::Ingress);
    egress.and(ingress)
}

/// Whether the ends are such as connect at all: the ingress controller does where an Ingress or Route leads.
fn is_led(cluster: &Cluster, flow: &Flow) -> bool {
    match (&flow.src, &flow.dst) {
        (_, Peer::IngressController) => false,
        (Peer::IngressController, Peer::Pod(pod)) => {
            cluster.lead_ports(*pod).contains(flow.protocol, flow.port)
        }
        (Peer::IngressController, _) => false,
        _ => true,
    }
}

/// Judges one direction of a connection attempt (networkpolicy-v1, section 14, `direction`), whoever the other end is.
pub fn direction(
    cluster: &Cluster,
    dialect: Dialect,
    flow: &Flow,
    direction: Direction,
) -> Verdict {
    let (subject, peer) = match direction {
        Direction::Egress => (&flow.src, &flow.dst),
        Direction::Ingress => (&flow.dst, &flow.src),
    };
    let Peer::Pod(subject) = *subject else {
        return Verdict::Allow; // "An end that is not a pod has no policy"
    };
    let question = Question { cluster, dialect, flow, direction, subject, peer };
    if question.is_node_traffic(subject) {
        return Verdict::Allow; // D3: not a subject
    }
    if direction == Direction::Ingress && question.peer_is_own_node() {
        return Verdict::Allow; // D4
    }
    question.for_every_assumption()
}

/// One direction of one flow, asked about a pod that policies may select.
#[derive(Clone, Copy)]
struct Question<'a> {
    cluster: &'a Cluster,
    dialect: Dialect,
    flow: &'a Flow,
    direction: Direction,
    /// S: the source for egress, the destination for ingress.
    subject: PodId,
    /// O: the other end.
    peer: &'a Peer,
}

impl Question<'_> {
    /// `UNKNOWN` iff two of the facts that may hold give different verdicts (section 12).
    fn for_every_assumption(&self) -> Verdict {
        let verdicts: BTreeSet<Verdict> =
            self.assumptions().iter().map(|a| self.for_every_order(a)).collect();
        only(&verdicts).unwrap_or(Verdict::Unknown)
    }

    /// `AMBIGUOUS` iff two orders of policies of equal priority give different verdicts (D11).
    fn for_every_order(&self, assumption: &Assumption) -> Verdict {
        only(&self.walk_tiers(assumption)).unwrap_or(Verdict::Ambiguous)
    }

    /// Host-network pods are node traffic: no policy selects them, no selector matches them (D3).
    fn is_node_traffic(&self, pod: PodId) -> bool {
        self.dialect.host_network == HostNetwork::Node && self.cluster.pod(pod).host_network
    }

    /// A host-network pod on the subject's node, or an address listed for that node (section 6, "Own node").
    fn peer_is_own_node(&self) -> bool {
        let Some(node) = self.cluster.pod(self.subject).node else {
            return false; // node unknown: no exemption
        };
        self.dialect.own_node_exempt
            && match self.peer {
                Peer::Pod(pod) => {
                    let pod = self.cluster.pod(*pod);
                    pod.host_network && pod.node == Some(node)
                }
                Peer::Address(address) => self.cluster.node(node).addresses.contains(address),
                Peer::Name(_) | Peer::IngressController => false,
            }
    }

    fn pod_has_labels(&self, pod: PodId, selector: &Selector) -> bool {
        selector.matches(|key| self.cluster.pod_label(pod, key))
    }

    /// The labels are those of the Namespace object (section 5).
    fn namespace_has_labels(&self, pod: PodId, selector: &Selector) -> bool {
        let namespace = self.cluster.pod(pod).namespace;
        selector.matches(|key| self.cluster.namespace_label(namespace, key))
    }

    /// "a named port is looked up on the destination pod, name and protocol" (section 7; D16, D19).
    fn destination_declares(&self, name: &str) -> bool {
        let Peer::Pod(pod) = self.flow.dst else {
            return false;
        };
        !self.is_node_traffic(pod)
            && self.cluster.pod(pod).ports.iter().any(|port| {
                (self.dialect.restartable_init_ports || !port.restartable_init)
                    && port.name.as_deref() == Some(name)
                    && port.protocol == self.flow.protocol
                    && port.number == self.flow.port
            })
    }
}

/// Returns the only verdict of a set.
fn only(verdicts: &BTreeSet<Verdict>) -> Option<Verdict> {
    let mut all = verdicts.iter();
    all.next().copied().filter(|_| all.next().is_none())
}
