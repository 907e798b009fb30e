//! The naive ways, measured in the same run as the real ones: a ratio holds on other machines, a time does not.

mod matrix;
mod walk;
mod yaml;

pub use matrix::pairs_by_dense_matrix;
pub use walk::RuleWalk;
pub use yaml::{beginning, read_full_structs};

use netpol_core::evaluate::reference;
use netpol_core::model::{
    Cluster, Dialect, NamespaceId, NetworkPolicyPeer, NetworkPolicySpec, PolicySpec, Protocol,
    Selector, Verdict,
};

use crate::gate::count_pairs;

/// Counts the allowed pairs of different pods by walking the rules of every policy for every pair.
pub fn pairs_by_rule_walk(
    cluster: &Cluster,
    dialect: Dialect,
    (protocol, port): (Protocol, u16),
) -> u64 {
    count_pairs(cluster, protocol, port, |flow| reference::verdict(cluster, dialect, flow))
}

/// Tells whether a rule walk allows a flow.
pub fn allowed_by_rule_walk(
    cluster: &Cluster,
    dialect: Dialect,
    flow: &netpol_core::model::Flow,
) -> bool {
    reference::verdict(cluster, dialect, flow) == Verdict::Allow
}

/// Compiles policies as a first version would: every selector of every policy is tried on every pod.
///
/// Returns how many (selector, pod) pairs matched. Admin policies and blocks are left out, which favours this way.
pub fn expand_selectors(cluster: &Cluster) -> u64 {
    let specs = cluster.policies().iter().filter_map(|p| match (&p.spec, p.namespace) {
        (PolicySpec::Network(spec), Some(namespace)) => Some((spec, namespace)),
        _ => None,
    });
    specs.map(|(spec, namespace)| expand_policy(cluster, spec, namespace)).sum()
}

fn expand_policy(cluster: &Cluster, spec: &NetworkPolicySpec, namespace: NamespaceId) -> u64 {
    let subject = expand(cluster, namespace, None, Some(&spec.pod_selector));
    let peers = spec.ingress.iter().chain(&spec.egress).flat_map(|rule| &rule.peers);
    let selected = peers.map(|peer| match peer {
        NetworkPolicyPeer::Pods { namespace_selector, pod_selector } => {
            expand(cluster, namespace, namespace_selector.as_ref(), pod_selector.as_ref())
        }
        NetworkPolicyPeer::IpBlock(_) => 0,
    });
    subject + selected.sum::<u64>()
}

fn expand(
    cluster: &Cluster,
    own: NamespaceId,
    namespaces: Option<&Selector>,
    pods: Option<&Selector>,
) -> u64 {
    let selected = cluster.pod_ids().filter(|pod| {
        let namespace = cluster.pod(*pod).namespace;
        let in_scope = match namespaces {
            None => namespace == own,
            Some(selector) => selector.matches(|key| cluster.namespace_label(namespace, key)),
        };
        in_scope && pods.is_none_or(|s| s.matches(|key| cluster.pod_label(*pod, key)))
    });
    selected.map(|_| 1).sum()
}
