//! What the rest of the program relies on, checked of a file that says it: ids in range, names unique, labels in order,
//! ports and blocks of addresses valid.

use std::collections::HashSet;
use std::hash::Hash;

use foldhash::fast::RandomState;
use ipnet::IpNet;

use super::frame::Refused;
use crate::model::cluster::{NAMESPACE_NAME_LABEL, Tables};
use crate::model::{
    AdminPeer, AdminPolicySpec, AdminPort, AdminRule, ContainerPort, LabelId, LabelTable,
    NamespaceId, NetworkPolicyPeer, NetworkPolicyRule, NetworkPolicySpec, Pod, PodId, Policy,
    PolicyKind, PolicySpec, PortReference, ServicePort, TargetPort, Tier,
};
use crate::sources::parallel;

type Checked = Result<(), Refused>;

fn ensure(holds: bool, what: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(Refused::malformed(what())) }
}

/// Checks all tables and gives each workload its pods.
pub(super) fn tables(tables: &mut Tables) -> Checked {
    let parts: [fn(&Tables) -> Checked; 4] = [pod_names, pods, workloads, others];
    let facts = &*tables;
    parallel::map(&parts, |part| part(facts)).into_iter().collect::<Checked>()?;
    link(tables)
}

fn pod_names(tables: &Tables) -> Checked {
    unique("pods", tables.pods.iter().map(|p| (p.namespace, &*p.name)))
}

fn pods(tables: &Tables) -> Checked {
    let labels = Order::of(&tables.labels);
    tables.pods.iter().try_for_each(|pod| {
        labels.check(&pod.labels, &pod.name)?;
        self::pod(tables, pod)
    })
}

fn workloads(tables: &Tables) -> Checked {
    unique("workloads", tables.workloads.iter().map(|w| (w.namespace, &*w.kind, &*w.name)))?;
    let mut own = tables.workloads.iter();
    own.try_for_each(|w| in_namespace(tables, w.namespace.index(), &w.name))
}

fn others(tables: &Tables) -> Checked {
    let labels = Order::of(&tables.labels);
    unique("namespaces", tables.namespaces.iter().map(|n| &*n.name))?;
    for namespace in &tables.namespaces {
        let name = &namespace.name;
        labels.check(&namespace.labels, name)?;
        let own = tables.labels.lookup(&namespace.labels, NAMESPACE_NAME_LABEL);
        ensure(own == Some(name), || format!("namespace `{name}` is not labelled with its name"))?;
    }
    unique("nodes", tables.nodes.iter().map(|n| &*n.name))?;
    for node in &tables.nodes {
        labels.check(&node.labels, &node.name)?;
    }
    for service in &tables.services {
        in_namespace(tables, service.namespace.index(), &service.name)?;
        service.ports.iter().try_for_each(|port| service_port(port, &service.name))?;
    }
    for policy in &tables.policies {
        let namespace = policy.namespace.map(NamespaceId::index);
        namespace.map_or(Ok(()), |id| in_namespace(tables, id, &policy.name))?;
    }
    tables.pod_cidrs.iter().try_for_each(|cidr| masked(*cidr))
}

fn unique<T: Hash + Eq>(what: &str, names: impl ExactSizeIterator<Item = T>) -> Checked {
    let mut seen = HashSet::with_capacity_and_hasher(names.len(), RandomState::default());
    let mut names = names;
    ensure(names.all(|name| seen.insert(name)), || format!("two of its {what} share a name"))
}

fn in_namespace(tables: &Tables, id: usize, name: &str) -> Checked {
    ensure(id < tables.namespaces.len(), || format!("`{name}` is in a namespace that is not there"))
}

/// The order of labels by their keys.
struct Order<'a> {
    table: &'a LabelTable,
    /// Of each key, how many keys come before it.
    ranks: Vec<u32>,
}

impl<'a> Order<'a> {
    fn of(table: &'a LabelTable) -> Self {
        let (keys, _, _) = table.columns();
        let mut sorted: Vec<(&str, usize)> = keys.iter().copied().zip(0..).collect();
        sorted.sort_unstable();
        let mut ranks = vec![0; keys.len()];
        for (rank, (_, key)) in (0..).zip(sorted) {
            if let Some(own) = ranks.get_mut(key) {
                *own = rank;
            }
        }
        Self { table, ranks }
    }

    /// Checks that labels are there, and ascend by key.
    fn check(&self, labels: &[LabelId], name: &str) -> Checked {
        let mut least = 0;
        for label in labels {
            let rank = self.ranks.get(self.table.key_index(*label) as usize).copied();
            let Some(rank) = rank.filter(|rank| *rank >= least) else {
                let what = format!("`{name}` has labels that are not there, or out of order");
                return Err(Refused::malformed(what));
            };
            least = rank + 1;
        }
        Ok(())
    }
}

fn pod(tables: &Tables, pod: &Pod) -> Checked {
    let name = &pod.name;
    in_namespace(tables, pod.namespace.index(), name)?;
    let workload = tables.workloads.get(pod.workload.index());
    ensure(workload.is_some_and(|w| w.namespace == pod.namespace), || {
        format!("pod `{name}` belongs to a workload that is not in its namespace")
    })?;
    ensure(pod.node.is_none_or(|n| n.index() < tables.nodes.len()), || {
        format!("pod `{name}` runs on a node that is not there")
    })?;
    let is_port = |port: &ContainerPort| port.number > 0;
    ensure(pod.ports.iter().all(is_port), || format!("pod `{name}` has a port 0"))
}

fn service_port(port: &ServicePort, name: &str) -> Checked {
    let is_target = !matches!(port.target, TargetPort::Number(0));
    ensure(port.port > 0 && is_target, || format!("service `{name}` has a port 0"))
}

fn masked(cidr: IpNet) -> Checked {
    ensure(cidr == cidr.trunc(), || format!("`{cidr}` has bits behind its prefix"))
}

/// Gives each workload its pods.
fn link(tables: &mut Tables) -> Checked {
    for (at, pod) in tables.pods.iter().enumerate() {
        if let Some(workload) = tables.workloads.get_mut(pod.workload.index()) {
            workload.pods.push(PodId::from_index(at));
        }
    }
    let empty = tables.workloads.iter().find(|w| w.pods.is_empty());
    empty.map_or(Ok(()), |w| Err(Refused::malformed(format!("`{}` has no pods", w.name))))
}

/// Checks what a policy says, but for its namespace's id.
pub(super) fn policy(policy: &Policy) -> Checked {
    let is_whole = match (&policy.spec, policy.kind) {
        (PolicySpec::Network(spec), PolicyKind::NetworkPolicy) => {
            policy.namespace.is_some() && network(spec)
        }
        (PolicySpec::Admin(spec), kind) => policy.namespace.is_none() && admin(spec, kind),
        (PolicySpec::Network(_), _) => false,
    };
    ensure(is_whole, || format!("{} `{}` says what the API refuses", policy.kind, policy.name))
}

fn network(spec: &NetworkPolicySpec) -> bool {
    spec.ingress.iter().chain(&spec.egress).all(network_rule)
}

fn network_rule(rule: &NetworkPolicyRule) -> bool {
    let peer = |peer: &NetworkPolicyPeer| match peer {
        NetworkPolicyPeer::Pods { namespace_selector, pod_selector } => {
            namespace_selector.is_some() || pod_selector.is_some()
        }
        NetworkPolicyPeer::IpBlock(block) => {
            block.except.iter().chain([&block.cidr]).all(|cidr| *cidr == cidr.trunc())
        }
    };
    let port = |port: &Option<PortReference>| match port {
        None | Some(PortReference::Name(_)) => true,
        Some(PortReference::Number(number)) => *number > 0,
        Some(PortReference::Range(from, to)) => 0 < *from && from <= to,
    };
    rule.peers.iter().all(peer) && rule.ports.iter().all(|p| port(&p.port))
}

fn admin(spec: &AdminPolicySpec, kind: PolicyKind) -> bool {
    let has_tier = match kind {
        PolicyKind::AdminNetworkPolicy => spec.tier == Tier::Admin,
        PolicyKind::BaselineAdminNetworkPolicy => spec.tier == Tier::Baseline,
        PolicyKind::ClusterNetworkPolicy => true,
        PolicyKind::NetworkPolicy => false,
    };
    let has_priority = spec.priority.is_none() == (kind == PolicyKind::BaselineAdminNetworkPolicy);
    let is_inward =
        |peer: &AdminPeer| matches!(peer, AdminPeer::Namespaces(_) | AdminPeer::Pods { .. });
    has_tier
        && has_priority
        && spec.ingress.iter().all(|rule| rule.peers.iter().all(is_inward))
        && spec.ingress.iter().chain(&spec.egress).all(admin_rule)
}

fn admin_rule(rule: &AdminRule) -> bool {
    let peer = |peer: &AdminPeer| match peer {
        AdminPeer::Networks(cidrs) => cidrs.iter().all(|cidr| *cidr == cidr.trunc()),
        _ => true,
    };
    let port = |port: &AdminPort| match port {
        AdminPort::Number(_, number) => *number > 0,
        AdminPort::Range(_, from, to) => 0 < *from && from <= to,
        AdminPort::Name(_) => true,
    };
    !rule.peers.is_empty() && rule.peers.iter().all(peer) && rule.ports.iter().all(port)
}
