//! A walk over the rules of every policy for each flow, as a first version of a simulator would do it.

use std::net::IpAddr;

use netpol_core::model::{
    Cluster, Direction, Flow, NamespaceId, NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicyRule,
    NetworkPolicySpec, Peer, PodId, PolicySpec, PortReference, Protocol, Selector,
};

/// The NetworkPolicies of each namespace: labels are compared as texts, rule by rule.
#[derive(Debug)]
pub struct RuleWalk<'a> {
    cluster: &'a Cluster,
    policies: Vec<Vec<&'a NetworkPolicySpec>>,
}

impl<'a> RuleWalk<'a> {
    /// Lists the policies by namespace. `None` for clusters that this way is too simple for: admin policies, and pods
    /// without a known address.
    pub fn new(cluster: &'a Cluster) -> Option<Self> {
        let mut policies = vec![Vec::new(); cluster.namespaces().len()];
        for policy in cluster.policies().iter() {
            let (PolicySpec::Network(spec), Some(namespace)) = (&policy.spec, policy.namespace)
            else {
                return None;
            };
            policies[namespace.index()].push(spec);
        }
        let unknown = cluster.pods().iter().any(|pod| pod.addresses.is_empty());
        (!unknown).then_some(Self { cluster, policies })
    }

    /// Tells whether a flow between two pods is allowed.
    pub fn allows(&self, flow: &Flow) -> bool {
        let (Peer::Pod(src), Peer::Pod(dst)) = (&flow.src, &flow.dst) else { return false };
        if src == dst {
            return true;
        }
        let (Some(from), Some(to)) = (
            self.cluster.pod(*src).address(flow.family),
            self.cluster.pod(*dst).address(flow.family),
        ) else {
            return false;
        };
        self.direction(Direction::Egress, *src, (*dst, to), (*dst, flow))
            && (self.is_own_node(*src, *dst)
                || self.direction(Direction::Ingress, *dst, (*src, from), (*dst, flow)))
    }

    fn is_own_node(&self, src: PodId, dst: PodId) -> bool {
        let (src, dst) = (self.cluster.pod(src), self.cluster.pod(dst));
        src.host_network && src.node.is_some() && src.node == dst.node
    }

    fn direction(
        &self,
        direction: Direction,
        subject: PodId,
        other: (PodId, IpAddr),
        port: (PodId, &Flow),
    ) -> bool {
        let pod = self.cluster.pod(subject);
        if pod.host_network {
            return true;
        }
        let own = self.policies[pod.namespace.index()].iter();
        let mut isolated = false;
        for policy in own.filter(|policy| concerns(policy, direction)) {
            if self.selects(&policy.pod_selector, subject) {
                isolated = true;
                let mut rules = policy.rules(direction).iter();
                if rules.any(|rule| self.matches(rule, pod.namespace, other, port)) {
                    return true;
                }
            }
        }
        !isolated
    }

    fn matches(
        &self,
        rule: &NetworkPolicyRule,
        namespace: NamespaceId,
        (other, address): (PodId, IpAddr),
        (target, flow): (PodId, &Flow),
    ) -> bool {
        let by_port = |port: &NetworkPolicyPort| self.port(port, target, flow);
        let by_peer = |peer: &NetworkPolicyPeer| match peer {
            NetworkPolicyPeer::IpBlock(block) => {
                block.cidr.contains(&address) && !block.except.iter().any(|e| e.contains(&address))
            }
            NetworkPolicyPeer::Pods { namespace_selector, pod_selector } => {
                let pod = self.cluster.pod(other);
                let in_scope = match namespace_selector {
                    None => pod.namespace == namespace,
                    Some(selector) => {
                        selector.matches(|key| self.cluster.namespace_label(pod.namespace, key))
                    }
                };
                !pod.host_network
                    && in_scope
                    && pod_selector.as_ref().is_none_or(|s| self.selects(s, other))
            }
        };
        (rule.ports.is_empty() || rule.ports.iter().any(by_port))
            && (rule.peers.is_empty() || rule.peers.iter().any(by_peer))
    }

    fn port(&self, port: &NetworkPolicyPort, target: PodId, flow: &Flow) -> bool {
        port.protocol.unwrap_or(Protocol::Tcp) == flow.protocol
            && match &port.port {
                None => true,
                Some(PortReference::Number(number)) => *number == flow.port,
                Some(PortReference::Range(from, to)) => (*from..=*to).contains(&flow.port),
                Some(PortReference::Name(name)) => {
                    let named = |p: &&netpol_core::model::ContainerPort| {
                        p.name.as_ref() == Some(name) && p.protocol == flow.protocol
                    };
                    let mut ports = self.cluster.pod(target).ports.iter().filter(named);
                    ports.any(|p| p.number == flow.port)
                }
            }
    }

    fn selects(&self, selector: &Selector, pod: PodId) -> bool {
        selector.matches(|key| self.cluster.pod_label(pod, key))
    }
}

fn concerns(policy: &NetworkPolicySpec, direction: Direction) -> bool {
    match &policy.policy_types[..] {
        [] => direction == Direction::Ingress || !policy.egress.is_empty(),
        types => types.contains(&direction),
    }
}
