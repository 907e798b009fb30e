//! Who the other end is to a peer of a policy: a pod that selectors see, an address, a name.

use super::Question;
use super::unknown::{Address, Assumption};
use crate::model::{
    AdminPeer, DomainName, IngressControllerLabels, IpBlockPods, Peer, PodId, Selector,
};

impl Question<'_> {
    /// The other end, if selectors may match it: a pod, not host-network (networkpolicy-v1, section 14, `peerMatch`).
    pub(super) fn selectable_peer(&self) -> Option<PodId> {
        match *self.peer {
            Peer::Pod(pod) if !self.is_node_traffic(pod) => Some(pod),
            _ => None,
        }
    }

    /// Whether an `ipBlock` may match the other end (D6). `--ip-block-pods never` concerns pod addresses alone: those
    /// of host-network pods are a node's and match, except where no address peer matches any pod (np-guard).
    pub(super) fn ip_block_concerns_peer(&self) -> bool {
        if *self.peer == Peer::IngressController {
            return self.dialect.ip_block_pods == IpBlockPods::Match;
        }
        let Peer::Pod(pod) = *self.peer else {
            return true;
        };
        let is_node_address = self.cluster.pod(pod).host_network;
        self.dialect.ip_block_pods == IpBlockPods::Match
            || (is_node_address && self.dialect.admin_networks_match_pods)
    }

    /// Whether `networks`, `nodes` and `domainNames` may match the other end: always in `spec`, pods included.
    fn admin_addresses_concern_peer(&self) -> bool {
        !matches!(self.peer, Peer::Pod(_) | Peer::IngressController)
            || self.dialect.admin_networks_match_pods
    }

    /// Tells whether a peer of an admin rule certainly matches the other end (admin-tiers, section 3).
    pub(super) fn admin_peer_matches(&self, peer: &AdminPeer, assumption: &Assumption) -> bool {
        match peer {
            AdminPeer::Namespaces(selector) if *self.peer == Peer::IngressController => {
                self.controller_matches(selector, &Selector::everything(), assumption)
            }
            AdminPeer::Pods { namespace_selector, pod_selector }
                if *self.peer == Peer::IngressController =>
            {
                self.controller_matches(namespace_selector, pod_selector, assumption)
            }
            AdminPeer::Namespaces(selector) => {
                self.selectable_peer().is_some_and(|x| self.namespace_has_labels(x, selector))
            }
            AdminPeer::Pods { namespace_selector, pod_selector } => {
                self.selectable_peer().is_some_and(|x| {
                    self.namespace_has_labels(x, namespace_selector)
                        && self.pod_has_labels(x, pod_selector)
                })
            }
            AdminPeer::Networks(networks) => {
                self.admin_addresses_concern_peer()
                    && assumption
                        .address
                        .is_some_and(|a| networks.iter().any(|net| net.contains(&a.ip)))
            }
            AdminPeer::Nodes(selector) => {
                self.admin_addresses_concern_peer()
                    && self.nodes_match(selector, assumption.address)
            }
            AdminPeer::DomainNames(names) => {
                self.admin_addresses_concern_peer()
                    && names.iter().any(|n| {
                        assumption.names.contains(n) || self.domain_matches(n, assumption.address)
                    })
            }
        }
    }

    /// The ingress controller is a pod of which no label is known, of itself or its namespace; `{}` selects it. In np-guard
    /// it has none.
    pub(super) fn controller_matches(
        &self,
        namespaces: &Selector,
        pods: &Selector,
        assumption: &Assumption,
    ) -> bool {
        match self.dialect.ingress_controller_labels {
            IngressControllerLabels::Unlabelled => {
                namespaces.matches(|_| None) && pods.matches(|_| None)
            }
            IngressControllerLabels::Unknown => {
                let everything = namespaces.is_everything() && pods.is_everything();
                everything || assumption.selectors.contains(&(namespaces.clone(), pods.clone()))
            }
        }
    }

    /// "destination IP in a selected node's `status.addresses`", and a host-network pod through its `spec.nodeName`.
    fn nodes_match(&self, selector: &Selector, address: Option<Address>) -> bool {
        let selected: Vec<_> = self
            .cluster
            .nodes()
            .iter()
            .filter(|node| selector.matches(|key| self.cluster.labels().lookup(&node.labels, key)))
            .collect();
        let by_address = address.is_some_and(|a| {
            (a.known || self.is_on_unknown_node())
                && selected.iter().any(|node| node.addresses.contains(&a.ip))
        });
        let Peer::Pod(pod) = *self.peer else {
            return by_address;
        };
        let pod = self.cluster.pod(pod);
        let by_name = pod.host_network
            && match pod.node {
                Some(node) => selector.matches(|key| {
                    self.cluster.labels().lookup(&self.cluster.node(node).labels, key)
                }),
                // Whatever node it is on, `{}` selects it.
                None => selector.is_everything(),
            };
        by_name || by_address
    }

    /// Tells whether the other end is a host-network pod that may be on any node: its address may be any node's.
    pub(super) fn is_on_unknown_node(&self) -> bool {
        matches!(*self.peer, Peer::Pod(pod)
            if self.cluster.pod(pod).host_network && self.cluster.pod(pod).node.is_none())
    }

    /// "exact for a destination given by name; for a destination given by address use the supplied name→IP map".
    /// A pod counts as its address: a name that the map does not give to it never matches it.
    fn domain_matches(&self, pattern: &DomainName, address: Option<Address>) -> bool {
        match self.peer {
            Peer::Name(name) => pattern.matches(name),
            Peer::Address(_) | Peer::Pod(_) | Peer::IngressController => address.is_some_and(|a| {
                let mut declared = self.cluster.domain_addresses().iter();
                declared.any(|(name, ips)| pattern.matches(name) && ips.contains(&a.ip))
            }),
        }
    }

    /// Lists the names of a peer that may lead to an address that is no pod's, because the map does not declare them.
    /// A wildcard stays open unless the map declares the wildcard itself.
    pub(super) fn names_left_open<'p>(
        &self,
        peer: &'p AdminPeer,
    ) -> impl Iterator<Item = &'p DomainName> {
        let names: &[DomainName] = match peer {
            AdminPeer::DomainNames(names) if matches!(self.peer, Peer::Address(_)) => names,
            _ => &[],
        };
        names.iter().filter(|n| !self.is_declared(n))
    }

    fn is_declared(&self, pattern: &DomainName) -> bool {
        let clean = |s: &str| s.trim_end_matches('.').to_ascii_lowercase();
        let mut declared = self.cluster.domain_addresses().iter();
        declared.any(|(name, _)| clean(name) == clean(&pattern.0))
    }
}
