//! `ipBlock`: overlaps with addresses of the cluster (E09), blocks of every address (E10), excepts without effect (E26).

use std::net::IpAddr;

use ipnet::IpNet;

use super::context::{Context, Pods};
use super::finding::Finding;
use super::view::{PeerView, PolicyView, RuleView, addresses_of};
use crate::model::{Direction, Families, Family, IpBlock, IpSet};

/// Checks every ipBlock.
pub(super) fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let known = Known::of(context);
    for view in context.policies.iter().filter(|v| v.is_network()) {
        for rule in &view.rules {
            let check = Check { context, view, rule, known: &known };
            for (at, peer) in rule.peers.iter().enumerate() {
                if let PeerView::Block(block) = peer {
                    findings.extend(check.overlap(at, block));
                    findings.extend(check.everything(at, block));
                    check.excepts(at, block, findings);
                }
            }
            findings.extend(check.one_family());
        }
    }
}

/// Addresses of the cluster that the input tells.
struct Known {
    /// Of pods that are not of the host's network, sorted.
    pods: Vec<(IpAddr, u32)>,
    /// Where pods live.
    pod_cidrs: Vec<IpNet>,
    nodes: IpSet,
    services: IpSet,
}

impl Known {
    fn of(context: &Context<'_>) -> Self {
        let cluster = context.cluster;
        let own = cluster.pod_ids().filter(|p| !cluster.pod(*p).host_network);
        let mut pods: Vec<(IpAddr, u32)> = own
            .flat_map(|p| cluster.pod(p).addresses.iter().map(move |a| (*a, p)))
            .map(|(address, pod)| (address, context.groups.of(pod)))
            .collect();
        pods.sort_unstable();
        let of_nodes = cluster.nodes().iter().flat_map(|n| n.pod_cidrs.iter().copied());
        let pod_cidrs = cluster.pod_cidrs().iter().copied().chain(of_nodes).collect();
        let set = |addresses: &mut dyn Iterator<Item = IpAddr>| {
            addresses.map(|a| crate::model::AddressRange { from: a, to: a }).collect()
        };
        let nodes = set(&mut cluster.nodes().iter().flat_map(|n| n.addresses.iter().copied()));
        let services =
            set(&mut cluster.services().iter().flat_map(|s| s.cluster_ips.iter().copied()));
        Self { pods, pod_cidrs, nodes, services }
    }

    /// Returns the pods with an address of a set.
    fn pods_in(&self, addresses: &IpSet) -> Pods {
        let mut found = Pods::new();
        for range in addresses.ranges() {
            let start = self.pods.partition_point(|(a, _)| *a < range.from);
            let within = self.pods.iter().skip(start).take_while(|(a, _)| *a <= range.to);
            found.extend(within.map(|(_, group)| *group));
        }
        found
    }
}

struct Check<'a, 'c> {
    context: &'c Context<'a>,
    view: &'c PolicyView<'a>,
    rule: &'c RuleView<'a>,
    known: &'c Known,
}

impl Check<'_, '_> {
    fn finding(&self, id: &'static str, message: String, fix: &str) -> Finding {
        self.context.finding(id, (self.view.id, self.rule.line), message, fix)
    }

    /// A block of every address is a finding of its own.
    fn overlap(&self, at: usize, block: &IpBlock) -> Option<Finding> {
        if block.cidr.prefix_len() == 0 {
            return None;
        }
        let (path, cidr, set) = (self.rule.peer_path(at), block.cidr, addresses_of(block));
        let pods = self.known.pods_in(&set);
        if !pods.is_empty() {
            let message = format!(
                "{path}: {cidr} holds addresses of pods, which change: {}",
                self.context.names(&pods)
            );
            let fix = "select the pods by labels: CNIs differ on whether an ipBlock matches pods";
            return Some(self.finding("E09", message, fix).about(self.context.ids(&pods)));
        }
        let cidrs = &self.known.pod_cidrs;
        if let Some(pods) = cidrs.iter().find(|net| !IpSet::from(**net).is_disjoint(&set)) {
            let message = format!("{path}: {cidr} overlaps {pods}, where pods live");
            let fix = "select the pods by labels: CNIs differ on whether an ipBlock matches pods";
            return Some(self.finding("E09", message, fix));
        }
        if !self.known.services.is_disjoint(&set) {
            let message = format!(
                "{path}: {cidr} holds addresses of Services, which are rewritten to those of pods before policies see them"
            );
            let fix = "select the pods behind the Service, and their target port";
            return Some(self.finding("E09", message, fix));
        }
        if self.known.nodes.is_disjoint(&set) {
            return None;
        }
        let message = format!(
            "{path}: {cidr} holds addresses of nodes, from which host-network pods talk too"
        );
        Some(self.finding("E09", message, "make sure that the nodes are meant, and all of them"))
    }

    fn everything(&self, at: usize, block: &IpBlock) -> Option<Finding> {
        if block.cidr.prefix_len() > 0 || !block.except.is_empty() {
            return None;
        }
        let path = self.rule.peer_path(at);
        let cidr = block.cidr;
        let (message, fix) = match self.rule.direction {
            Direction::Ingress => (
                format!(
                    "{path}: {cidr} is every address: anyone who can route to the pods may connect"
                ),
                "name the ranges of the clients, or except those that are not meant",
            ),
            Direction::Egress => (
                format!(
                    "{path}: {cidr} is every address, among them private ones and the cloud's metadata service"
                ),
                "except 169.254.169.254/32 and the private ranges, or name the ranges that are meant",
            ),
        };
        Some(self.finding("E10", message, fix))
    }

    /// All addresses of one family, where the cluster talks both.
    fn one_family(&self) -> Option<Finding> {
        let mut families = Families::default();
        for peer in &self.rule.peers {
            if let PeerView::Block(block) = peer
                && block.cidr.prefix_len() == 0
            {
                families.insert(Family::of(block.cidr.addr()));
            }
        }
        let missing = Family::ALL.into_iter().find(|f| !families.contains(*f))?;
        if families.is_empty() || !self.context.cluster.families().contains(missing) {
            return None;
        }
        let message = format!(
            "{}: every address of one family is allowed and none of {missing}, which this cluster talks too",
            self.rule.path()
        );
        let other = if missing == Family::V6 { "::/0" } else { "0.0.0.0/0" };
        Some(self.finding(
            "E10",
            message,
            &format!("add an ipBlock of {other}, if the internet is meant"),
        ))
    }

    fn excepts(&self, at: usize, block: &IpBlock, findings: &mut Vec<Finding>) {
        let path = self.rule.peer_path(at);
        if !block.except.is_empty() && addresses_of(block).is_empty() {
            let message = format!(
                "{path}: the excepts cover all of {}, so that it matches nothing",
                block.cidr
            );
            findings.push(self.finding("E26", message, "drop the peer, or an except"));
            return;
        }
        for except in &block.except {
            let set = IpSet::from(*except);
            let Some(other) = self.allowed_again(at, &set) else { continue };
            let message =
                format!("{path}: the except {except} has no effect: {other} allows it again");
            let fix = "drop the except, or take the addresses out there too";
            findings.push(self.finding("E26", message, fix));
        }
    }

    /// Finds what allows the addresses all the same: another peer, rule or policy for these pods.
    fn allowed_again(&self, at: usize, set: &IpSet) -> Option<String> {
        let others = self.rule.peers.iter().enumerate().filter(|(other, _)| *other != at);
        for (other, peer) in others {
            if let PeerView::Block(block) = peer
                && set.is_subset(&addresses_of(block))
            {
                return Some(self.rule.peer_path(other));
            }
        }
        let namespace = self.view.policy.namespace;
        let views = self.context.policies.iter().filter(|v| v.policy.namespace == namespace);
        for view in views.filter(|v| v.is_network() && self.view.subject.is_subset(&v.subject)) {
            for rule in view.rules_in(self.rule.direction) {
                let same = view.id == self.view.id && rule.index == self.rule.index;
                let allows = rule.any || set.is_subset(&rule.addresses);
                if !same && allows && rule.ports.covers(&self.rule.ports) {
                    let own = view.id == self.view.id;
                    let of = if own { String::new() } else { format!(" of {}", view.policy.name) };
                    return Some(format!("{}{of}", rule.path()));
                }
            }
        }
        None
    }
}
