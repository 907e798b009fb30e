//! The NetworkPolicy tier: `npTier`, `portMatch` and `peerMatch` of networkpolicy-v1, section 14.

use super::Question;
use super::unknown::Assumption;
use crate::model::{
    Direction, NamespaceId, NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicyRule,
    NetworkPolicySpec, Peer, PolicySpec, PortReference, Protocol, Selector, Verdict,
};

impl Question<'_> {
    /// Returns `None` where no policy isolates the subject in this direction.
    pub(super) fn network_policy_tier(&self, assumption: &Assumption) -> Option<Verdict> {
        let isolating: Vec<_> = self.isolating().collect();
        if isolating.is_empty() {
            return None;
        }
        let allowed = isolating.iter().any(|(namespace, spec)| {
            let mut rules = spec.rules(self.direction).iter();
            rules.any(|rule| self.network_rule_matches(rule, *namespace, assumption))
        });
        Some(if allowed { Verdict::Allow } else { Verdict::Deny })
    }

    /// P: the policies of the subject's namespace that select it and have the direction.
    pub(super) fn isolating(&self) -> impl Iterator<Item = (NamespaceId, &NetworkPolicySpec)> {
        let namespace = self.cluster.pod(self.subject).namespace;
        self.cluster
            .policies()
            .iter()
            .filter(move |policy| policy.namespace == Some(namespace))
            .filter_map(move |policy| match &policy.spec {
                PolicySpec::Network(spec) => Some((namespace, spec)),
                PolicySpec::Admin(_) => None,
            })
            .filter(|(_, spec)| self.pod_has_labels(self.subject, &spec.pod_selector))
            .filter(|(_, spec)| effective_types(spec).contains(&self.direction))
    }

    /// "(peers empty or any peer matches) AND (ports empty or any port matches)" (section 7).
    fn network_rule_matches(
        &self,
        rule: &NetworkPolicyRule,
        namespace: NamespaceId,
        assumption: &Assumption,
    ) -> bool {
        let peer = |p: &NetworkPolicyPeer| self.network_peer_matches(p, namespace, assumption);
        (rule.peers.is_empty() || rule.peers.iter().any(peer))
            && (rule.ports.is_empty() || rule.ports.iter().any(|p| self.network_port_matches(p)))
    }

    fn network_port_matches(&self, entry: &NetworkPolicyPort) -> bool {
        entry.protocol.unwrap_or(Protocol::Tcp) == self.flow.protocol
            && match &entry.port {
                None => self.flow.port != 0, // a protocol without ports has none of TCP's
                Some(PortReference::Number(number)) => self.flow.port == *number,
                Some(PortReference::Range(from, to)) => (*from..=*to).contains(&self.flow.port),
                Some(PortReference::Name(name)) => self.destination_declares(name),
            }
    }

    fn network_peer_matches(
        &self,
        peer: &NetworkPolicyPeer,
        namespace: NamespaceId,
        assumption: &Assumption,
    ) -> bool {
        match peer {
            NetworkPolicyPeer::IpBlock(block) => {
                self.ip_block_concerns_peer()
                    && assumption.address.is_some_and(|a| {
                        block.cidr.contains(&a.ip)
                            && !block.except.iter().any(|except| except.contains(&a.ip))
                    })
            }
            NetworkPolicyPeer::Pods { namespace_selector, pod_selector }
                if *self.peer == Peer::IngressController =>
            {
                let everything = Selector::everything();
                let pods = pod_selector.as_ref().unwrap_or(&everything);
                // Without a namespaceSelector: the policy's own namespace, in which it is not.
                namespace_selector
                    .as_ref()
                    .is_some_and(|n| self.controller_matches(n, pods, assumption))
            }
            NetworkPolicyPeer::Pods { namespace_selector, pod_selector } => {
                self.selectable_peer().is_some_and(|x| {
                    let namespace_matches = match namespace_selector {
                        Some(selector) => self.namespace_has_labels(x, selector),
                        None => self.cluster.pod(x).namespace == namespace,
                    };
                    let pod_matches =
                        pod_selector.as_ref().is_none_or(|s| self.pod_has_labels(x, s));
                    namespace_matches && pod_matches
                })
            }
        }
    }
}

/// Section 2: without `policyTypes`, Ingress, and Egress if the list of egress rules is not empty.
fn effective_types(spec: &NetworkPolicySpec) -> Vec<Direction> {
    if !spec.policy_types.is_empty() {
        return spec.policy_types.clone();
    }
    let mut types = vec![Direction::Ingress];
    if !spec.egress.is_empty() {
        types.push(Direction::Egress);
    }
    types
}
