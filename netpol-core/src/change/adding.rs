//! NetworkPolicies that a change adds: what would allow traffic, and what would isolate pods.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use roaring::RoaringBitmap;

use super::apply::ChangeError;
use crate::model::cluster::NAMESPACE_NAME_LABEL;
use crate::model::{
    Cluster, Direction, Edits, IpBlock, IpSet, NamespaceId, NetworkPolicyPeer, NetworkPolicyPort,
    NetworkPolicyRule, NetworkPolicySpec, Object, ObjectKey, ObjectKind, PodId, PolicyKind,
    PolicyObject, PolicySpec, PortReference, PortSet, Position, Protocol, Selector, WorkloadId,
};
use crate::reach::{AskedPorts, ControllerEnd, Selection, Snapshot};

/// Labels that controllers add to single pods or revisions.
const FLEETING: &[&str] = &[
    "pod-template-hash",
    "controller-revision-hash",
    "pod-template-generation",
    "statefulset.kubernetes.io/pod-name",
    "apps.kubernetes.io/pod-index",
    "batch.kubernetes.io/job-completion-index",
];

/// Where what a change adds stands.
pub(super) fn nowhere() -> Position {
    Position::new("<change>", 0)
}

/// Pods of one namespace that one selector selects.
struct Chosen {
    namespace: NamespaceId,
    selector: Selector,
    pods: Vec<PodId>,
}

/// Adds policies that isolate.
pub(super) fn isolate(
    snapshot: &Snapshot,
    pods: &RoaringBitmap,
    direction: Option<Direction>,
    notes: &mut Vec<String>,
) -> Result<Edits, ChangeError> {
    let cluster = snapshot.cluster();
    let mut writer = Writer { cluster, edits: Edits::new() };
    let types = direction.map_or_else(|| vec![Direction::Ingress, Direction::Egress], |d| vec![d]);
    for chosen in choose(cluster, pods, notes) {
        let spec = NetworkPolicySpec {
            pod_selector: chosen.selector,
            policy_types: types.clone(),
            ..NetworkPolicySpec::default()
        };
        writer.add("what-if-isolate", chosen.namespace, spec);
    }
    some(writer.edits, "no NetworkPolicy can isolate host-network pods: they are node traffic")
}

/// Adds policies that allow, where an end is isolated: elsewhere a policy would close what is open.
pub(super) fn allow(
    snapshot: &Snapshot,
    (from, to): (&Selection, &Selection),
    ports: &AskedPorts,
    notes: &mut Vec<String>,
) -> Result<Edits, ChangeError> {
    let cluster = snapshot.cluster();
    if !to.names.is_empty() || !from.names.is_empty() {
        return Err(ChangeError::Inexpressible("a NetworkPolicy cannot name domains".into()));
    }
    if from.ingress_controller != ControllerEnd::Absent {
        let message =
            "the ingress controller's labels are not known: allow its pods or its namespace";
        return Err(ChangeError::Inexpressible(message.into()));
    }
    let mut writer = Writer { cluster, edits: Edits::new() };
    for (direction, subject, other) in
        [(Direction::Egress, from, to), (Direction::Ingress, to, from)]
    {
        let isolated: RoaringBitmap = subject
            .pods
            .iter()
            .filter(|pod| !snapshot.isolating_policies(PodId(*pod), direction).is_empty())
            .collect();
        let peers = peers(cluster, other, notes);
        for chosen in choose(cluster, &isolated, notes) {
            let rule = NetworkPolicyRule { peers: peers.clone(), ports: port_list(ports), line: 0 };
            let mut spec = NetworkPolicySpec {
                pod_selector: chosen.selector,
                policy_types: vec![direction],
                ..NetworkPolicySpec::default()
            };
            match direction {
                Direction::Egress => spec.egress.push(rule),
                Direction::Ingress => spec.ingress.push(rule),
            }
            writer.add("what-if-allow", chosen.namespace, spec);
        }
    }
    if writer.edits.is_empty() {
        notes.push("no policy was added: no NetworkPolicy isolates either end".into());
    }
    Ok(writer.edits)
}

fn some(edits: Edits, otherwise: &str) -> Result<Edits, ChangeError> {
    if edits.is_empty() {
        return Err(ChangeError::Inexpressible(otherwise.into()));
    }
    Ok(edits)
}

struct Writer<'a> {
    cluster: &'a Cluster,
    edits: Edits,
}

impl Writer<'_> {
    fn add(&mut self, prefix: &str, namespace: NamespaceId, spec: NetworkPolicySpec) {
        let place = self.cluster.namespace(namespace).name.to_string();
        let kind = PolicyKind::NetworkPolicy;
        let key =
            |n: u32| ObjectKey::new(ObjectKind::Policy(kind), &place, &format!("{prefix}-{n}"));
        let is_free =
            |key: &ObjectKey| !self.edits.contains_key(key) && self.cluster.object(key).is_none();
        let most =
            u32::try_from(self.cluster.policies().len() + self.edits.len()).unwrap_or(u32::MAX);
        let mut names = (1..=most.saturating_add(1)).map(key);
        let Some(key) = names.find(is_free) else { return };
        let policy = PolicyObject {
            kind,
            namespace: Some(place.clone()),
            name: key.name.to_string(),
            position: nowhere(),
            spec: PolicySpec::Network(spec),
        };
        self.edits.insert(key, Some(Object::Policy(policy)));
    }
}

/// Finds selectors for pods: everything where all pods of a namespace are meant, else what a workload's pods have in common.
fn choose(cluster: &Cluster, pods: &RoaringBitmap, notes: &mut Vec<String>) -> Vec<Chosen> {
    let mut by_namespace: BTreeMap<NamespaceId, BTreeMap<WorkloadId, Vec<PodId>>> = BTreeMap::new();
    for pod in pods.iter().map(PodId) {
        let facts = cluster.pod(pod);
        if facts.host_network {
            let place = &cluster.namespace(facts.namespace).name;
            notes.push(format!(
                "{place}/{} uses the host network: no selector selects it",
                facts.name
            ));
            continue;
        }
        let workloads = by_namespace.entry(facts.namespace).or_default();
        workloads.entry(facts.workload).or_default().push(pod);
    }
    let mut all: BTreeMap<NamespaceId, Vec<PodId>> = BTreeMap::new();
    for pod in cluster.pod_ids().filter(|pod| !cluster.pod(*pod).host_network) {
        let namespace = cluster.pod(pod).namespace;
        if by_namespace.contains_key(&namespace) {
            all.entry(namespace).or_default().push(pod);
        }
    }
    let mut chosen = Vec::new();
    for (namespace, workloads) in by_namespace {
        let inside = all.get(&namespace).map_or(&[][..], |pods| pods);
        let wanted: BTreeSet<PodId> = workloads.values().flatten().copied().collect();
        if wanted.len() == inside.len() {
            let pods = wanted.into_iter().collect();
            chosen.push(Chosen { namespace, selector: Selector::everything(), pods });
            continue;
        }
        for pods in workloads.into_values() {
            let labels = common_labels(cluster, &pods);
            let selector = Selector::labels(labels.iter().map(|(k, v)| (k.as_str(), v.as_str())));
            note_others(cluster, inside, &wanted, &selector, notes);
            chosen.push(Chosen { namespace, selector, pods });
        }
    }
    chosen.retain(|c| !c.pods.is_empty());
    chosen
}

fn note_others(
    cluster: &Cluster,
    inside: &[PodId],
    wanted: &BTreeSet<PodId>,
    selector: &Selector,
    notes: &mut Vec<String>,
) {
    let selects = |pod: &&PodId| selector.matches(|key| cluster.pod_label(**pod, key));
    let others: Vec<&PodId> =
        inside.iter().filter(|pod| !wanted.contains(pod)).filter(selects).collect();
    if let Some(first) = others.first() {
        let name = &cluster.pod(**first).name;
        let more = match others.len() {
            1 => String::new(),
            n => format!(" and {} more", n - 1),
        };
        notes.push(format!(
            "no labels tell the pods meant from {name}{more}: the policy that was added selects these too"
        ));
    }
}

/// The labels that all of some pods carry, but for those that controllers add.
fn common_labels(cluster: &Cluster, pods: &[PodId]) -> Vec<(String, String)> {
    let labels = |pod: &PodId| -> BTreeSet<(String, String)> {
        let pairs = cluster.label_pairs(&cluster.pod(*pod).labels);
        pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
    };
    let mut common = pods.first().map(labels).unwrap_or_default();
    for pod in pods.iter().skip(1) {
        let own = labels(pod);
        common.retain(|label| own.contains(label));
    }
    common.into_iter().filter(|(key, _)| !FLEETING.contains(&key.as_str())).collect()
}

/// Returns the peers that mean a selection; none at all means everything, which is what `any` is.
fn peers(cluster: &Cluster, other: &Selection, notes: &mut Vec<String>) -> Vec<NetworkPolicyPeer> {
    let every_pod = other.pods.len() == cluster.pods().len() as u64;
    let every_address = IpSet::families(cluster.families()).is_subset(&other.addresses);
    if every_pod && every_address {
        return Vec::new();
    }
    let mut peers: Vec<NetworkPolicyPeer> = choose(cluster, &other.pods, notes)
        .into_iter()
        .map(|chosen| {
            let name = &cluster.namespace(chosen.namespace).name;
            let namespace = Selector::labels([(NAMESPACE_NAME_LABEL, &**name)]);
            NetworkPolicyPeer::Pods {
                namespace_selector: Some(namespace),
                pod_selector: Some(chosen.selector),
            }
        })
        .collect();
    let blocks = other.addresses.ranges().flat_map(|range| subnets(range.from, range.to));
    peers.extend(
        blocks.map(|cidr| NetworkPolicyPeer::IpBlock(IpBlock { cidr, except: Vec::new() })),
    );
    peers
}

fn subnets(from: std::net::IpAddr, to: std::net::IpAddr) -> Vec<IpNet> {
    use std::net::IpAddr::{V4, V6};
    match (from, to) {
        (V4(from), V4(to)) => ipnet::Ipv4Subnets::new(from, to, 0).map(IpNet::V4).collect(),
        (V6(from), V6(to)) => ipnet::Ipv6Subnets::new(from, to, 0).map(IpNet::V6).collect(),
        _ => Vec::new(),
    }
}

/// Returns the entries of `ports` that mean a set; none at all means all ports.
fn port_list(ports: &AskedPorts) -> Vec<NetworkPolicyPort> {
    if ports.numbers.is_all() {
        return Vec::new();
    }
    let numbers = ports.numbers.ranges().map(|range| {
        let whole = PortSet::protocol(range.protocol);
        let is_whole = whole.ranges().next().is_some_and(|w| w == range);
        let port = match (range.from, range.to) {
            _ if is_whole => None,
            (from, to) if from == to => Some(PortReference::Number(from)),
            (from, to) => Some(PortReference::Range(from, to)),
        };
        NetworkPolicyPort { protocol: Some(range.protocol), port }
    });
    let names = ports.names.iter().flat_map(|name| {
        [Protocol::Tcp, Protocol::Udp, Protocol::Sctp].map(|protocol| NetworkPolicyPort {
            protocol: Some(protocol),
            port: Some(PortReference::Name(name.clone())),
        })
    });
    numbers.chain(names).collect()
}
