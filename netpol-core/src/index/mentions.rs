//! What policies mention: only these labels, port names and nodes can tell pods apart.

use std::collections::HashMap;

use crate::model::{
    AdminPeer, AdminPolicySpec, AdminPort, Cluster, LabelTable, NetworkPolicyPeer,
    NetworkPolicyPort, NetworkPolicySpec, Operator, Policy, PolicySpec, PortReference, Requirement,
    Selector, Subject,
};

/// The labels, label keys, port names and peers that the policies of a cluster mention.
#[derive(Debug, Default)]
pub(crate) struct Mentions {
    /// By label id: whether a selector names this key with this value.
    labels: Vec<bool>,
    /// By key position: whether a selector tests this key for existence.
    keys: Vec<bool>,
    /// Port names, each with a dense number.
    port_names: HashMap<Box<str>, u32, foldhash::fast::RandomState>,
    /// Whether some peer selects nodes, so that host-network pods of different nodes differ.
    pub(crate) nodes: bool,
}

impl Mentions {
    /// Tells apart whatever any selector could, and every port name.
    pub(crate) fn everything(cluster: &Cluster) -> Self {
        let table = cluster.labels();
        let (labels, keys) = (vec![true; table.len()], vec![true; table.key_count()]);
        let mut mentions = Self { labels, keys, ..Self::default() };
        let mut last: Option<*const crate::model::ContainerPort> = None;
        for pod in cluster.pods() {
            // The pods of a workload share their list and stand together.
            if last.replace(pod.ports.as_ptr()) == Some(pod.ports.as_ptr()) {
                continue;
            }
            for name in pod.ports.iter().filter_map(|port| port.name.as_deref()) {
                mentions.add_port_name(name);
            }
        }
        mentions
    }

    /// Reads every policy.
    pub(crate) fn of(cluster: &Cluster) -> Self {
        let table = cluster.labels();
        let mut mentions = Self {
            labels: vec![false; table.len()],
            keys: vec![false; table.key_count()],
            ..Self::default()
        };
        for policy in cluster.policies().iter() {
            mentions.add_policy(table, policy);
        }
        mentions
    }

    /// Tells whether a selector names this label.
    pub(crate) fn label(&self, index: usize) -> bool {
        self.labels.get(index).copied().unwrap_or(false)
    }

    /// Tells whether a selector tests this key for existence.
    pub(crate) fn key(&self, index: usize) -> bool {
        self.keys.get(index).copied().unwrap_or(false)
    }

    /// Returns the number of a port name that some policy mentions.
    pub(crate) fn port_name(&self, name: &str) -> Option<u32> {
        self.port_names.get(name).copied()
    }

    /// Tells whether a policy mentions nothing else: the groups then tell apart all that it tells apart.
    pub(crate) fn cover(&self, table: &LabelTable, spec: &NetworkPolicySpec) -> bool {
        let mut requirements = selectors_of(spec).flat_map(|s| &s.requirements);
        port_names_of(spec).all(|name| self.port_names.contains_key(name))
            && requirements.all(|requirement| self.covers(table, requirement))
    }

    /// What no object carries tells no groups apart.
    fn covers(&self, table: &LabelTable, requirement: &Requirement) -> bool {
        match &requirement.operator {
            Operator::In(values) | Operator::NotIn(values) => {
                let mut known = values.iter().filter_map(|v| table.find(&requirement.key, v));
                known.all(|id| self.label(id.index()))
            }
            Operator::Exists | Operator::DoesNotExist => {
                table.find_key(&requirement.key).is_none_or(|key| self.key(key as usize))
            }
        }
    }

    fn add_policy(&mut self, table: &LabelTable, policy: &Policy) {
        match &policy.spec {
            PolicySpec::Network(spec) => self.add_network(table, spec),
            PolicySpec::Admin(spec) => self.add_admin(table, spec),
        }
    }

    fn add_network(&mut self, table: &LabelTable, spec: &NetworkPolicySpec) {
        selectors_of(spec).for_each(|selector| self.add_selector(table, selector));
        port_names_of(spec).for_each(|name| self.add_port_name(name));
    }

    fn add_admin(&mut self, table: &LabelTable, spec: &AdminPolicySpec) {
        if let Subject::Pods { pod_selector, .. } = &spec.subject {
            self.add_selector(table, pod_selector);
        }
        for rule in spec.ingress.iter().chain(&spec.egress) {
            for peer in &rule.peers {
                match peer {
                    AdminPeer::Pods { pod_selector, .. } => self.add_selector(table, pod_selector),
                    AdminPeer::Nodes(_) => self.nodes = true,
                    AdminPeer::Namespaces(_)
                    | AdminPeer::Networks(_)
                    | AdminPeer::DomainNames(_) => {}
                }
            }
            for port in &rule.ports {
                if let AdminPort::Name(name) = port {
                    self.add_port_name(name);
                }
            }
        }
    }

    fn add_port_name(&mut self, name: &str) {
        let next = u32::try_from(self.port_names.len()).unwrap_or(u32::MAX);
        self.port_names.entry(name.into()).or_insert(next);
    }

    fn add_selector(&mut self, table: &LabelTable, selector: &Selector) {
        for requirement in &selector.requirements {
            match &requirement.operator {
                Operator::In(values) | Operator::NotIn(values) => {
                    for id in values.iter().filter_map(|v| table.find(&requirement.key, v)) {
                        self.labels[id.index()] = true;
                    }
                }
                Operator::Exists | Operator::DoesNotExist => {
                    if let Some(key) = table.find_key(&requirement.key) {
                        self.keys[key as usize] = true;
                    }
                }
            }
        }
    }
}

/// Lists the pod selectors of a NetworkPolicy.
fn selectors_of<'a>(spec: &'a NetworkPolicySpec) -> impl Iterator<Item = &'a Selector> {
    let rules = spec.ingress.iter().chain(&spec.egress);
    let of_peer = |peer: &'a NetworkPolicyPeer| match peer {
        NetworkPolicyPeer::Pods { pod_selector, .. } => pod_selector.as_ref(),
        NetworkPolicyPeer::IpBlock(_) => None,
    };
    let peers = rules.flat_map(|rule| &rule.peers).filter_map(of_peer);
    std::iter::once(&spec.pod_selector).chain(peers)
}

/// Lists the port names of a NetworkPolicy.
fn port_names_of(spec: &NetworkPolicySpec) -> impl Iterator<Item = &str> {
    let rules = spec.ingress.iter().chain(&spec.egress);
    rules.flat_map(|rule| &rule.ports).filter_map(|entry: &NetworkPolicyPort| match &entry.port {
        Some(PortReference::Name(name)) => Some(&**name),
        _ => None,
    })
}
