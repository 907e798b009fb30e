//! What the input does not tell, tried in every way: addresses, piece by piece, and whose domain name an address is.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

use super::Question;
use crate::model::{
    AdminPeer, Cluster, DomainName, Family, IngressControllerLabels, IpSet, NetworkPolicyPeer,
    Peer, PolicySpec, Selector,
};

/// An address of the other end.
#[derive(Clone, Copy)]
pub(super) struct Address {
    /// The address.
    pub(super) ip: IpAddr,
    /// Whether the input tells it; otherwise it stands for a piece of those that the end may have.
    pub(super) known: bool,
}

/// One way in which the facts may be.
pub(super) struct Assumption {
    /// The other end's address; `None` where it has none in the family.
    pub(super) address: Option<Address>,
    /// The domain names that are taken to lead to the other end although nobody can tell.
    pub(super) names: BTreeSet<DomainName>,
    /// The namespace and pod selectors that are taken to match the ingress controller although nobody can tell.
    pub(super) selectors: Vec<(Selector, Selector)>,
}

impl Question<'_> {
    /// Lists every way in which the facts may be (networkpolicy-v1, section 12; admin-tiers, section 7, `domainNames`).
    pub(super) fn assumptions(&self) -> Vec<Assumption> {
        let names_of = subsets(&self.open_names());
        let selectors_of = subsets(&self.open_selectors());
        let mut all = Vec::new();
        for address in self.addresses() {
            for names in &names_of {
                for selectors in &selectors_of {
                    let names = names.iter().cloned().collect();
                    all.push(Assumption { address, names, selectors: selectors.clone() });
                }
            }
        }
        all
    }

    /// Lists the selectors of which nobody knows whether they match the ingress controller.
    fn open_selectors(&self) -> Vec<(Selector, Selector)> {
        let unknown = self.dialect.ingress_controller_labels == IngressControllerLabels::Unknown;
        if *self.peer != Peer::IngressController || !unknown {
            return Vec::new();
        }
        let everything = Selector::everything();
        let mut open = Vec::new();
        for rule in self.isolating().flat_map(|(_, spec)| spec.rules(self.direction)) {
            for peer in &rule.peers {
                if let NetworkPolicyPeer::Pods { namespace_selector: Some(n), pod_selector } = peer
                {
                    open.push((
                        n.clone(),
                        pod_selector.clone().unwrap_or_else(Selector::everything),
                    ));
                }
            }
        }
        for peer in self.admin_rules_of_subject().flat_map(|rule| &rule.peers) {
            match peer {
                AdminPeer::Namespaces(n) => open.push((n.clone(), everything.clone())),
                AdminPeer::Pods { namespace_selector, pod_selector } => {
                    open.push((namespace_selector.clone(), pod_selector.clone()));
                }
                AdminPeer::Networks(_) | AdminPeer::Nodes(_) | AdminPeer::DomainNames(_) => {}
            }
        }
        let mut distinct: Vec<(Selector, Selector)> = Vec::new();
        for pair in open {
            let certain = pair.0.is_everything() && pair.1.is_everything();
            if !certain && !distinct.contains(&pair) {
                distinct.push(pair);
            }
        }
        distinct
    }

    /// Lists the addresses that the other end may have.
    fn addresses(&self) -> Vec<Option<Address>> {
        let family = self.flow.family;
        match self.peer {
            Peer::Address(ip) => vec![Some(known(*ip))],
            Peer::Pod(pod) => {
                let pod = self.cluster.pod(*pod);
                if pod.addresses.is_empty() {
                    self.pieces(&self.cluster.candidate_addresses(pod.host_network, family))
                } else {
                    vec![pod.address(family).map(known)]
                }
            }
            Peer::IngressController => {
                self.pieces(&self.cluster.candidate_addresses(false, family))
            }
            Peer::Name(name) => {
                let declared = self.addresses_of_name(name);
                if declared.is_empty() {
                    self.pieces(&IpSet::family(family)) // it may resolve to anything
                } else {
                    declared.into_iter().map(known).map(Some).collect()
                }
            }
        }
    }

    fn addresses_of_name(&self, name: &str) -> Vec<IpAddr> {
        let declared = self.cluster.domain_addresses().iter();
        declared
            .filter(|(declared, _)| DomainName(declared.clone()).matches(name))
            .flat_map(|(_, addresses)| addresses.iter().copied())
            .filter(|ip| Family::of(*ip) == self.flow.family)
            .collect()
    }

    /// "Cut the candidate addresses at all CIDR boundaries in play and evaluate one representative of each piece":
    /// the first address of each.
    fn pieces(&self, candidates: &IpSet) -> Vec<Option<Address>> {
        let starts = candidates.ranges().map(|range| range.from);
        let cuts = blocks_in_play(self.cluster)
            .into_iter()
            .flat_map(|net| [Some(net.network()), next(net.broadcast())])
            .flatten();
        let pieces: BTreeSet<IpAddr> =
            starts.chain(cuts.filter(|ip| candidates.contains(*ip))).collect();
        pieces.into_iter().map(|ip| Some(Address { ip, known: false })).collect()
    }
}

fn known(ip: IpAddr) -> Address {
    Address { ip, known: true }
}

/// Lists every block that some policy may tell apart, and single addresses of nodes and domain names as blocks.
fn blocks_in_play(cluster: &Cluster) -> Vec<IpNet> {
    let mut blocks = Vec::new();
    for policy in cluster.policies().iter() {
        match &policy.spec {
            PolicySpec::Network(spec) => {
                let peers = spec.ingress.iter().chain(&spec.egress).flat_map(|rule| &rule.peers);
                for peer in peers {
                    if let NetworkPolicyPeer::IpBlock(block) = peer {
                        blocks.push(block.cidr);
                        blocks.extend(&block.except);
                    }
                }
            }
            PolicySpec::Admin(spec) => {
                let peers = spec.ingress.iter().chain(&spec.egress).flat_map(|rule| &rule.peers);
                for peer in peers {
                    if let AdminPeer::Networks(networks) = peer {
                        blocks.extend(networks);
                    }
                }
            }
        }
    }
    let nodes = cluster.nodes().iter().flat_map(|node| node.addresses.iter());
    let names = cluster.domain_addresses().iter().flat_map(|(_, addresses)| addresses.iter());
    blocks.extend(nodes.chain(names).map(|ip| IpNet::from(*ip)));
    blocks
}

/// Returns the address after another; `None` after the last.
fn next(ip: IpAddr) -> Option<IpAddr> {
    match ip {
        IpAddr::V4(ip) => u32::from(ip).checked_add(1).map(|n| IpAddr::V4(n.into())),
        IpAddr::V6(ip) => u128::from(ip).checked_add(1).map(|n| IpAddr::V6(n.into())),
    }
}

fn subsets<T: Clone>(items: &[T]) -> Vec<Vec<T>> {
    let mut all = vec![Vec::new()];
    for item in items {
        let with: Vec<Vec<T>> =
            all.iter().map(|some| some.iter().chain([item]).cloned().collect()).collect();
        all.extend(with);
    }
    all
}
