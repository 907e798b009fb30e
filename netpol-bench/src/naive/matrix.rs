//! Pods × pods as a dense matrix of bits: what a first version of a simulator would count pairs with.

use fixedbitset::FixedBitSet;
use netpol_core::model::{
    Cluster, Direction, NamespaceId, NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicyRule,
    NetworkPolicySpec, PolicySpec, PortReference, Protocol, Selector,
};

/// Counts the allowed ordered pairs of different pods on a numbered port; `None` for clusters that this way is too simple
/// for: admin policies, host-network pods, ports by name, pods without exactly one address.
///
/// Every selector of every policy is tried on every pod in its scope, and a row of bits is kept for each pod and direction.
pub fn pairs_by_dense_matrix(cluster: &Cluster, port: (Protocol, u16)) -> Option<u64> {
    if cluster.pods().iter().any(|pod| pod.host_network || pod.addresses.len() != 1) {
        return None;
    }
    let mut matrix = Matrix::new(cluster);
    for policy in cluster.policies().iter() {
        let (PolicySpec::Network(spec), Some(namespace)) = (&policy.spec, policy.namespace) else {
            return None;
        };
        matrix.add(spec, namespace, port)?;
    }
    Some(matrix.count())
}

struct Matrix<'a> {
    cluster: &'a Cluster,
    /// By source: the destinations that its own policies allow.
    egress: Vec<FixedBitSet>,
    /// By source: the destinations whose policies allow it.
    ingress: Vec<FixedBitSet>,
    isolated: [FixedBitSet; 2],
}

impl<'a> Matrix<'a> {
    fn new(cluster: &'a Cluster) -> Self {
        let pods = cluster.pods().len();
        let none = || FixedBitSet::with_capacity(pods);
        let rows = || vec![none(); pods];
        Self { cluster, egress: rows(), ingress: rows(), isolated: [none(), none()] }
    }

    fn add(
        &mut self,
        spec: &NetworkPolicySpec,
        own: NamespaceId,
        port: (Protocol, u16),
    ) -> Option<()> {
        let subject = self.select(own, None, Some(&spec.pod_selector));
        for direction in Direction::ALL {
            let concerned = match &spec.policy_types[..] {
                [] => direction == Direction::Ingress || !spec.egress.is_empty(),
                types => types.contains(&direction),
            };
            if !concerned {
                continue;
            }
            self.isolated[usize::from(direction == Direction::Ingress)].union_with(&subject);
            for rule in spec.rules(direction) {
                let mut matches = rule.ports.is_empty();
                for entry in &rule.ports {
                    matches |= matches_port(entry, port)?;
                }
                if matches {
                    let peers = self.peers(rule, own);
                    match direction {
                        Direction::Egress => {
                            subject.ones().for_each(|s| self.egress[s].union_with(&peers));
                        }
                        Direction::Ingress => {
                            peers.ones().for_each(|s| self.ingress[s].union_with(&subject));
                        }
                    }
                }
            }
        }
        Some(())
    }

    fn peers(&self, rule: &NetworkPolicyRule, own: NamespaceId) -> FixedBitSet {
        let mut all = FixedBitSet::with_capacity(self.cluster.pods().len());
        if rule.peers.is_empty() {
            all.insert_range(..);
        }
        for peer in &rule.peers {
            match peer {
                NetworkPolicyPeer::Pods { namespace_selector, pod_selector } => {
                    let found =
                        self.select(own, namespace_selector.as_ref(), pod_selector.as_ref());
                    all.union_with(&found);
                }
                NetworkPolicyPeer::IpBlock(block) => {
                    for (at, pod) in self.cluster.pods().iter().enumerate() {
                        let inside = |address| {
                            block.cidr.contains(address)
                                && !block.except.iter().any(|e| e.contains(address))
                        };
                        if pod.addresses.iter().any(inside) {
                            all.insert(at);
                        }
                    }
                }
            }
        }
        all
    }

    fn select(
        &self,
        own: NamespaceId,
        namespaces: Option<&Selector>,
        pods: Option<&Selector>,
    ) -> FixedBitSet {
        let cluster = self.cluster;
        let mut found = FixedBitSet::with_capacity(cluster.pods().len());
        let in_scope: Vec<bool> = cluster
            .namespace_ids()
            .map(|n| match namespaces {
                None => n == own,
                Some(selector) => selector.matches(|key| cluster.namespace_label(n, key)),
            })
            .collect();
        for pod in cluster.pod_ids() {
            let matches = in_scope[cluster.pod(pod).namespace.index()]
                && pods.is_none_or(|s| s.matches(|key| cluster.pod_label(pod, key)));
            if matches {
                found.insert(pod.index());
            }
        }
        found
    }

    fn count(mut self) -> u64 {
        let pods = self.cluster.pods().len();
        let [egress, ingress] = &self.isolated;
        let mut open = FixedBitSet::with_capacity(pods);
        open.insert_range(..);
        open.difference_with(ingress);
        let mut count = 0;
        for src in 0..pods {
            let row = &mut self.ingress[src];
            row.union_with(&open);
            if egress.contains(src) {
                row.intersect_with(&self.egress[src]);
            }
            row.set(src, false);
            count += row.count_ones(..) as u64;
        }
        count
    }
}

fn matches_port(entry: &NetworkPolicyPort, (protocol, port): (Protocol, u16)) -> Option<bool> {
    let own = entry.protocol.unwrap_or(Protocol::Tcp) == protocol;
    match &entry.port {
        None => Some(own),
        Some(PortReference::Number(number)) => Some(own && *number == port),
        Some(PortReference::Range(from, to)) => Some(own && (*from..=*to).contains(&port)),
        Some(PortReference::Name(_)) => None,
    }
}
