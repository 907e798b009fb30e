//! The facts of one cluster, built once and then immutable.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::addresses::{Families, Family, IpSet};
use super::ids::{LabelId, NamespaceId, NodeId, PodId, PolicyId, ServiceId, WorkloadId};
use super::ingress::{Ingress, IngressSpec, Lead};
use super::labels::{LabelTable, Labels};
use super::names::PodNames;
use super::object::{Edits, Object, ObjectKind};
use super::policies::Policies;
use super::policy::{Policy, PolicyKind};
use super::ports::Protocol;
use super::position::Position;
use super::selector::Selector;

type FastMap<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

/// The label that every namespace carries (Decision D9).
pub const NAMESPACE_NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// A namespace.
#[derive(Clone, Debug)]
pub struct Namespace {
    /// Its name.
    pub name: Box<str>,
    /// Its labels, `kubernetes.io/metadata.name` included.
    pub labels: Labels,
    /// Where it is declared; `None` where it is only referenced (Decision D10).
    pub position: Option<Position>,
}

/// A node.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its name.
    pub name: Box<str>,
    /// Its labels; empty where it is only referenced.
    pub labels: Labels,
    /// `status.addresses` that are IP addresses, in their order.
    pub addresses: Box<[IpAddr]>,
    /// `spec.podCIDRs`.
    pub pod_cidrs: Box<[IpNet]>,
    /// Where it is declared; `None` where pods only name it.
    pub position: Option<Position>,
}

/// A workload: an owner of pods, or a bare pod, which is its own workload.
#[derive(Clone, Debug)]
pub struct Workload {
    /// Its namespace.
    pub namespace: NamespaceId,
    /// Its kind as the API writes it, such as `Deployment`; `Pod` for a bare pod.
    pub kind: Arc<str>,
    /// Its name.
    pub name: Box<str>,
    /// Its pods, ascending; never empty.
    pub pods: Vec<PodId>,
    /// Where it is declared; `None` where its pods only name it as their owner.
    pub position: Option<Position>,
}

/// A port that a container declares.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ContainerPort {
    /// Its name, if any.
    pub name: Option<Box<str>>,
    /// `containerPort`.
    pub number: u16,
    /// Its protocol, TCP by default.
    pub protocol: Protocol,
    /// Whether an init container with `restartPolicy: Always` declares it (Decision D16).
    pub restartable_init: bool,
}

/// A pod: one of the input, or one that stands for a replica of a template.
#[derive(Clone, Debug)]
pub struct Pod {
    /// Its name.
    pub name: Box<str>,
    /// Its namespace.
    pub namespace: NamespaceId,
    /// The workload that it belongs to.
    pub workload: WorkloadId,
    /// Its labels.
    pub labels: Labels,
    /// The ports that its containers declare.
    pub ports: Arc<[ContainerPort]>,
    /// Its addresses, at most one that counts per family (the first); empty where unknown. A host-network pod has its node's.
    pub addresses: Box<[IpAddr]>,
    /// The node that it runs on, where known.
    pub node: Option<NodeId>,
    /// `spec.hostNetwork`.
    pub host_network: bool,
    /// Whether it was made from a template: its address, node and the labels that controllers add are not known.
    pub from_template: bool,
    /// Where it, or its template, is declared.
    pub position: Position,
}

impl Pod {
    /// Returns its address in a family, where known.
    pub fn address(&self, family: Family) -> Option<IpAddr> {
        self.addresses.iter().copied().find(|a| Family::of(*a) == family)
    }
}

/// A Service.
#[derive(Clone, Debug)]
pub struct Service {
    /// Its namespace.
    pub namespace: NamespaceId,
    /// Its name.
    pub name: Box<str>,
    /// `spec.type`, `ClusterIP` by default.
    pub service_type: Box<str>,
    /// `spec.selector`; `None` where it has none and so no pods.
    pub selector: Option<Selector>,
    /// `spec.clusterIPs` that are addresses.
    pub cluster_ips: Box<[IpAddr]>,
    /// Its ports.
    pub ports: Vec<ServicePort>,
    /// Where it is declared.
    pub position: Position,
}

/// A port of a Service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServicePort {
    /// Its name, if any.
    pub name: Option<Box<str>>,
    /// Its protocol, TCP by default.
    pub protocol: Protocol,
    /// The Service's own port.
    pub port: u16,
    /// Where it leads.
    pub target: TargetPort,
}

/// `targetPort` of a Service port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TargetPort {
    /// A number; the Service's own port where `targetPort` is absent.
    Number(u16),
    /// A container port's name, resolved on each pod.
    Name(Box<str>),
}

/// A namespace to be built.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NamespaceSpec {
    /// Its name.
    pub name: String,
    /// Its labels; `kubernetes.io/metadata.name` is set in any case.
    pub labels: Vec<(String, String)>,
    /// Where it stands.
    pub position: Option<Position>,
}

/// A node to be built.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeSpec {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: Vec<(String, String)>,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// Its pod CIDRs.
    pub pod_cidrs: Vec<IpNet>,
    /// Where it stands.
    pub position: Option<Position>,
}

/// What the pods of a template have in common.
#[derive(Clone, Debug, Default)]
pub struct PodTemplate {
    /// Their labels.
    pub labels: Vec<(String, String)>,
    /// The ports of their containers.
    pub ports: Vec<ContainerPort>,
    /// `spec.hostNetwork`.
    pub host_network: bool,
    /// `spec.nodeName`, rarely set.
    pub node: Option<String>,
}

/// A workload to be built. Its template gives pods only where no pod of the input belongs to it.
#[derive(Clone, Debug, Default)]
pub struct WorkloadSpec {
    /// Its namespace, which need not be declared.
    pub namespace: String,
    /// Its kind, such as `Deployment`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its template.
    pub template: PodTemplate,
    /// How many pods the template stands for, at least one; they are named `<workload>-0`, `-1`, ...
    pub replicas: u32,
    /// Where it stands.
    pub position: Option<Position>,
}

/// A pod to be built.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PodSpec {
    /// Its namespace, which need not be declared.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Kind and name of the workload that it belongs to; `None` for a bare pod.
    pub owner: Option<(String, String)>,
    /// Its labels.
    pub labels: Vec<(String, String)>,
    /// The ports of its containers.
    pub ports: Vec<ContainerPort>,
    /// Its addresses, where known.
    pub addresses: Vec<IpAddr>,
    /// Its node, where known.
    pub node: Option<String>,
    /// `spec.hostNetwork`.
    pub host_network: bool,
    /// Where it stands.
    pub position: Option<Position>,
}

/// A Service to be built.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServiceSpec {
    /// Its namespace, which need not be declared.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// `spec.type`; empty means `ClusterIP`.
    pub service_type: String,
    /// `spec.selector`; `None` or empty: no pods.
    pub selector: Option<Vec<(String, String)>>,
    /// Its cluster addresses.
    pub cluster_ips: Vec<IpAddr>,
    /// Its ports.
    pub ports: Vec<ServicePort>,
    /// Where it stands.
    pub position: Option<Position>,
}

/// Why a cluster cannot be built.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum BuildError {
    /// Two objects of one kind share namespace and name.
    #[error("two objects are called `{0}`")]
    Duplicate(String),
    /// A NetworkPolicy names no namespace of this cluster.
    #[error("NetworkPolicy `{0}` has no namespace of this cluster")]
    NoNamespace(String),
    /// There are more pods than [`MAX_PODS`].
    #[error("more than {limit} pods")]
    TooManyPods {
        /// The most that a cluster may hold.
        limit: u32,
    },
}

/// The most pods that one cluster may hold.
pub const MAX_PODS: u32 = 1 << 24;

/// The facts of one cluster.
///
/// # Examples
///
/// ```
/// use netpol_core::model::{Cluster, PodSpec};
///
/// let mut builder = Cluster::builder();
/// builder.pod(PodSpec { namespace: "shop".into(), name: "db".into(), ..PodSpec::default() });
/// let cluster = builder.build()?;
/// assert_eq!(cluster.pods().len(), 1);
/// # Ok::<(), netpol_core::model::BuildError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Cluster {
    facts: Arc<Facts>,
    policies: Policies,
}

/// Everything but the policies, which a cluster with other policies shares.
#[derive(Debug, Default)]
struct Facts {
    labels: LabelTable,
    namespaces: Vec<Namespace>,
    nodes: Vec<Node>,
    workloads: Vec<Workload>,
    pods: Vec<Pod>,
    services: Vec<Service>,
    ingresses: Vec<Ingress>,
    leads: BTreeMap<PodId, Vec<Lead>>,
    pod_cidrs: Vec<IpNet>,
    domain_addresses: Vec<(Box<str>, Vec<IpAddr>)>,
    families: Families,
    namespace_names: FastMap<Box<str>, NamespaceId>,
    node_names: FastMap<Box<str>, NodeId>,
    pod_names: OnceLock<PodNames>,
    pod_addresses: OnceLock<FastMap<IpAddr, Vec<PodId>>>,
}

impl Cluster {
    /// Starts a cluster.
    pub fn builder() -> ClusterBuilder {
        ClusterBuilder::default()
    }

    /// Returns the label table.
    pub fn labels(&self) -> &LabelTable {
        &self.facts.labels
    }

    /// Returns the namespaces; a [`NamespaceId`] is a position here.
    pub fn namespaces(&self) -> &[Namespace] {
        &self.facts.namespaces
    }

    /// Returns the nodes; a [`NodeId`] is a position here.
    pub fn nodes(&self) -> &[Node] {
        &self.facts.nodes
    }

    /// Returns the workloads; a [`WorkloadId`] is a position here.
    pub fn workloads(&self) -> &[Workload] {
        &self.facts.workloads
    }

    /// Returns the pods; a [`PodId`] is a position here.
    pub fn pods(&self) -> &[Pod] {
        &self.facts.pods
    }

    /// Returns the Services; a [`ServiceId`] is a position here.
    pub fn services(&self) -> &[Service] {
        &self.facts.services
    }

    /// Returns the Ingress and Route objects; an [`IngressId`](super::IngressId) is a position here.
    ///
    /// Where there is one, there is an ingress controller.
    pub fn ingresses(&self) -> &[Ingress] {
        &self.facts.ingresses
    }

    /// Returns the policies of every family; a [`PolicyId`] is a position here.
    pub fn policies(&self) -> &Policies {
        &self.policies
    }

    /// Returns the same cluster with other policies; their namespaces are ids of this cluster.
    #[must_use]
    pub fn with_policies(&self, policies: Vec<Policy>) -> Self {
        Self { facts: Arc::clone(&self.facts), policies: policies.into() }
    }

    /// Tells whether two clusters can differ in their policies alone.
    pub(crate) fn shares_facts(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.facts, &other.facts)
    }

    /// Tells whether a policy was not taken away.
    pub(crate) fn has_policy(&self, id: PolicyId) -> bool {
        self.policies.contains(id)
    }

    /// Returns the same cluster with some NetworkPolicies changed, and their ids; it shares everything else.
    ///
    /// `None` where something else is to change too, or a namespace that is not there yet is needed.
    pub(crate) fn with_network_policies(&self, edits: &Edits) -> Option<(Self, Vec<PolicyId>)> {
        let mut cluster = self.clone();
        let mut ids = Vec::with_capacity(edits.len());
        for (key, edit) in edits {
            let ObjectKind::Policy(kind @ PolicyKind::NetworkPolicy) = key.kind else {
                return None;
            };
            let namespace = Some(self.find_namespace(&key.namespace)?);
            let known = cluster.policies.find(kind, namespace, &key.name);
            let new = match edit {
                None => None,
                Some(Object::Policy(new)) => Some(Policy {
                    kind,
                    namespace,
                    name: key.name.clone(),
                    position: new.position.clone(),
                    spec: new.spec.clone(),
                }),
                Some(_) => return None,
            };
            match (known, new) {
                (Some(id), Some(new)) => {
                    cluster.policies.replace(id, new);
                    ids.push(id);
                }
                (Some(id), None) => {
                    cluster.policies.remove(id);
                    ids.push(id);
                }
                (None, Some(new)) => ids.push(cluster.policies.push(new)),
                (None, None) => {}
            }
        }
        Some((cluster, ids))
    }

    /// Returns where pod addresses live (`--pod-cidr`).
    pub fn pod_cidrs(&self) -> &[IpNet] {
        &self.facts.pod_cidrs
    }

    /// Returns the families of the input: those of pod addresses and pod CIDRs, else IPv4 (Decision D20).
    pub fn families(&self) -> Families {
        self.facts.families
    }

    /// Returns one namespace.
    pub fn namespace(&self, id: NamespaceId) -> &Namespace {
        &self.facts.namespaces[id.index()]
    }

    /// Returns one node.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.facts.nodes[id.index()]
    }

    /// Returns one workload.
    pub fn workload(&self, id: WorkloadId) -> &Workload {
        &self.facts.workloads[id.index()]
    }

    /// Returns one pod.
    pub fn pod(&self, id: PodId) -> &Pod {
        &self.facts.pods[id.index()]
    }

    /// Returns one Service.
    pub fn service(&self, id: ServiceId) -> &Service {
        &self.facts.services[id.index()]
    }

    /// Returns one Ingress or Route.
    pub fn ingress(&self, id: super::ids::IngressId) -> &Ingress {
        &self.facts.ingresses[id.index()]
    }

    /// Returns one policy.
    pub fn policy(&self, id: PolicyId) -> &Policy {
        &self.policies[id.index()]
    }

    /// Lists the pods with their ids.
    pub fn pod_ids(&self) -> impl Iterator<Item = PodId> + use<> {
        (0..self.facts.pods.len()).map(PodId::from_index)
    }

    /// Lists the workloads' ids.
    pub fn workload_ids(&self) -> impl Iterator<Item = WorkloadId> + use<> {
        (0..self.facts.workloads.len()).map(WorkloadId::from_index)
    }

    /// Lists the policies' ids.
    pub fn policy_ids(&self) -> impl Iterator<Item = PolicyId> + use<> {
        self.policies.ids()
    }

    /// Lists the Services' ids.
    pub fn service_ids(&self) -> impl Iterator<Item = ServiceId> + use<> {
        (0..self.facts.services.len()).map(ServiceId::from_index)
    }

    /// Lists the namespaces' ids.
    pub fn namespace_ids(&self) -> impl Iterator<Item = NamespaceId> + use<> {
        (0..self.facts.namespaces.len()).map(NamespaceId::from_index)
    }

    /// Finds a namespace by name.
    pub fn find_namespace(&self, name: &str) -> Option<NamespaceId> {
        self.facts.namespace_names.get(name).copied()
    }

    /// Finds a node by name.
    pub fn find_node(&self, name: &str) -> Option<NodeId> {
        self.facts.node_names.get(name).copied()
    }

    /// Finds a pod by namespace and name.
    pub fn find_pod(&self, namespace: NamespaceId, name: &str) -> Option<PodId> {
        let names = self.facts.pod_names.get_or_init(|| {
            let pods = self.facts.pods.iter().enumerate();
            PodNames::of(pods.map(|(at, pod)| (PodId::from_index(at), pod.namespace, &*pod.name)))
        });
        names.find(namespace, name)
    }

    /// Lists the pods that have an address; host-network pods share their node's.
    pub fn pods_with_address(&self, address: IpAddr) -> &[PodId] {
        let map = self.facts.pod_addresses.get_or_init(|| {
            let mut map = FastMap::<IpAddr, Vec<PodId>>::default();
            for id in self.pod_ids() {
                for address in &self.pod(id).addresses {
                    map.entry(*address).or_default().push(id);
                }
            }
            map
        });
        map.get(&address).map_or(&[], |pods| pods)
    }

    /// Returns the value of a pod's label.
    pub fn pod_label(&self, pod: PodId, key: &str) -> Option<&str> {
        self.facts.labels.lookup(&self.pod(pod).labels, key)
    }

    /// Returns the value of a namespace's label.
    pub fn namespace_label(&self, namespace: NamespaceId, key: &str) -> Option<&str> {
        self.facts.labels.lookup(&self.namespace(namespace).labels, key)
    }

    /// Lists labels as (key, value), sorted by key.
    pub fn label_pairs<'a>(
        &'a self,
        labels: &'a [LabelId],
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        labels.iter().map(|id| (self.facts.labels.key(*id), self.facts.labels.value(*id)))
    }

    /// Returns the families in which a pod may talk: those of its addresses, else those of the input.
    pub fn pod_families(&self, pod: PodId) -> Families {
        let known: Families = self.pod(pod).addresses.iter().map(|a| Family::of(*a)).collect();
        if known.is_empty() { self.facts.families } else { known }
    }

    /// Returns the addresses that a pod of unknown address may have: the pod CIDRs, else everything
    /// (networkpolicy-v1, section 12). A host-network pod has its node's address, which lies in no pod CIDR, so that
    /// declaring one does not narrow it.
    pub fn candidate_addresses(&self, host_network: bool, family: Family) -> IpSet {
        let declared = self
            .facts
            .pod_cidrs
            .iter()
            .fold(IpSet::none(), |set, net| set.union(&IpSet::from(*net)));
        let declared = declared.only(family);
        if declared.is_empty() || host_network { IpSet::family(family) } else { declared }
    }

    /// Returns the addresses that were declared for a domain name (`--fqdn`).
    pub fn domain_addresses(&self) -> &[(Box<str>, Vec<IpAddr>)] {
        &self.facts.domain_addresses
    }
}

/// Collects the facts of a cluster; [`build`](Self::build) checks and links them.
#[derive(Clone, Debug, Default)]
pub struct ClusterBuilder {
    labels: LabelTable,
    namespaces: Vec<Namespace>,
    namespace_names: FastMap<Box<str>, NamespaceId>,
    nodes: Vec<Node>,
    node_names: FastMap<Box<str>, NodeId>,
    workloads: Vec<(WorkloadSpec, NamespaceId)>,
    pods: Vec<(Pod, Option<(String, String)>)>,
    services: Vec<Service>,
    ingresses: Vec<IngressSpec>,
    policies: Vec<Policy>,
    pod_cidrs: Vec<IpNet>,
    domain_addresses: Vec<(Box<str>, Vec<IpAddr>)>,
    port_lists: FastMap<Vec<ContainerPort>, Arc<[ContainerPort]>>,
    duplicates: Vec<String>,
}

pub(super) fn memory() -> Position {
    Position::new("<memory>", 0)
}

fn pairs(labels: &[(String, String)]) -> impl Iterator<Item = (&str, &str)> {
    labels.iter().map(|(k, v)| (k.as_str(), v.as_str()))
}

impl ClusterBuilder {
    /// Declares a namespace; one that is only referenced is made with the name label alone.
    pub fn namespace(&mut self, spec: NamespaceSpec) -> NamespaceId {
        let id = self.namespace_id(&spec.name);
        let own = [(NAMESPACE_NAME_LABEL, spec.name.as_str())];
        let labels = self.labels.intern_all(pairs(&spec.labels).chain(own));
        let namespace = &mut self.namespaces[id.index()];
        if namespace.position.is_some() {
            self.duplicates.push(spec.name.clone());
        }
        namespace.labels = labels;
        namespace.position = Some(spec.position.unwrap_or_else(memory));
        id
    }

    /// Returns the id of a namespace, which may be declared later or never.
    pub fn namespace_id(&mut self, name: &str) -> NamespaceId {
        if let Some(id) = self.namespace_names.get(name) {
            return *id;
        }
        let id = NamespaceId::from_index(self.namespaces.len());
        let labels = self.labels.intern_all([(NAMESPACE_NAME_LABEL, name)]);
        self.namespaces.push(Namespace { name: name.into(), labels, position: None });
        self.namespace_names.insert(name.into(), id);
        id
    }

    /// Declares a node.
    pub fn node(&mut self, spec: NodeSpec) -> NodeId {
        let id = self.node_id(&spec.name);
        let labels = self.labels.intern_all(pairs(&spec.labels));
        let node = &mut self.nodes[id.index()];
        if node.position.is_some() {
            self.duplicates.push(spec.name.clone());
        }
        node.labels = labels;
        node.addresses = spec.addresses.into();
        node.pod_cidrs = spec.pod_cidrs.into();
        node.position = Some(spec.position.unwrap_or_else(memory));
        id
    }

    fn node_id(&mut self, name: &str) -> NodeId {
        if let Some(id) = self.node_names.get(name) {
            return *id;
        }
        let id = NodeId::from_index(self.nodes.len());
        let labels = Labels::from([]);
        let (addresses, pod_cidrs) = (Box::default(), Box::default());
        self.nodes.push(Node { name: name.into(), labels, addresses, pod_cidrs, position: None });
        self.node_names.insert(name.into(), id);
        id
    }

    /// Adds a workload.
    pub fn workload(&mut self, spec: WorkloadSpec) {
        let namespace = self.namespace_id(&spec.namespace);
        self.workloads.push((spec, namespace));
    }

    /// Adds a pod.
    pub fn pod(&mut self, spec: PodSpec) {
        self.pod_of(spec, false);
    }

    /// Adds a pod of the input, or one that a template stands for.
    pub(super) fn pod_of(&mut self, spec: PodSpec, from_template: bool) {
        let pod = Pod {
            namespace: self.namespace_id(&spec.namespace),
            workload: WorkloadId(0),
            labels: self.labels.intern_all(pairs(&spec.labels)),
            ports: self.port_list(spec.ports),
            addresses: spec.addresses.into(),
            node: spec.node.map(|n| self.node_id(&n)),
            host_network: spec.host_network,
            from_template,
            position: spec.position.unwrap_or_else(memory),
            name: spec.name.into(),
        };
        self.pods.push((pod, spec.owner));
    }

    /// Adds a Service.
    pub fn service(&mut self, spec: ServiceSpec) {
        let namespace = self.namespace_id(&spec.namespace);
        let selector = spec.selector.filter(|s| !s.is_empty()).map(|s| Selector::labels(pairs(&s)));
        let service_type = if spec.service_type.is_empty() {
            "ClusterIP".into()
        } else {
            spec.service_type.into()
        };
        self.services.push(Service {
            namespace,
            name: spec.name.into(),
            service_type,
            selector,
            cluster_ips: spec.cluster_ips.into(),
            ports: spec.ports,
            position: spec.position.unwrap_or_else(memory),
        });
    }

    /// Adds an Ingress or Route.
    pub fn ingress(&mut self, spec: IngressSpec) {
        self.ingresses.push(spec);
    }

    /// Adds a policy; its namespace comes from [`namespace_id`](Self::namespace_id).
    pub fn policy(&mut self, policy: Policy) -> PolicyId {
        self.policies.push(policy);
        PolicyId::from_index(self.policies.len() - 1)
    }

    /// Declares where pod addresses live.
    pub fn pod_cidr(&mut self, cidr: IpNet) {
        self.pod_cidrs.push(cidr.trunc());
    }

    /// Declares addresses of a domain name.
    pub fn domain(&mut self, name: &str, addresses: Vec<IpAddr>) {
        self.domain_addresses.push((name.into(), addresses));
    }

    fn port_list(&mut self, ports: Vec<ContainerPort>) -> Arc<[ContainerPort]> {
        if let Some(list) = self.port_lists.get(&ports) {
            return Arc::clone(list);
        }
        let list: Arc<[ContainerPort]> = ports.clone().into();
        self.port_lists.insert(ports, Arc::clone(&list));
        list
    }

    /// Checks and links everything.
    ///
    /// # Errors
    ///
    /// [`BuildError::Duplicate`] where two namespaces, nodes, workloads or pods share a name,
    /// [`BuildError::NoNamespace`] for a NetworkPolicy without one, and [`BuildError::TooManyPods`] above [`MAX_PODS`].
    pub fn build(mut self) -> Result<Cluster, BuildError> {
        if let Some(name) = self.duplicates.pop() {
            return Err(BuildError::Duplicate(name));
        }
        self.check_policies()?;
        let (workloads, pods) = self.link()?;
        let mut facts = Facts {
            labels: self.labels,
            namespaces: self.namespaces,
            nodes: self.nodes,
            workloads,
            pods,
            services: self.services,
            ingresses: Vec::new(),
            leads: BTreeMap::new(),
            pod_cidrs: self.pod_cidrs,
            domain_addresses: self.domain_addresses,
            families: Families::default(),
            namespace_names: self.namespace_names,
            node_names: self.node_names,
            pod_names: OnceLock::new(),
            pod_addresses: OnceLock::new(),
        };
        facts.place_host_network_pods();
        facts.families = facts.families_of_input();
        let mut cluster = Cluster { facts: Arc::new(facts), policies: self.policies.into() };
        cluster.resolve_ingresses(self.ingresses);
        Ok(cluster)
    }

    fn check_policies(&self) -> Result<(), BuildError> {
        let lost = |policy: &&Policy| {
            let known = policy.namespace.is_some_and(|n| n.index() < self.namespaces.len());
            policy.kind == PolicyKind::NetworkPolicy && !known
        };
        if let Some(policy) = self.policies.iter().find(lost) {
            return Err(BuildError::NoNamespace(policy.name.to_string()));
        }
        Ok(())
    }

    fn link(&mut self) -> Result<(Vec<Workload>, Vec<Pod>), BuildError> {
        let specs = std::mem::take(&mut self.workloads);
        let given = std::mem::take(&mut self.pods);
        let mut linker = Linker::default();
        let mut templates = Vec::with_capacity(specs.len());
        for (spec, namespace) in specs {
            let id = linker.declare(namespace, &spec)?;
            templates.push((id, spec));
        }
        for (pod, owner) in given {
            linker.place(pod, owner.as_ref())?;
        }
        for (id, spec) in templates {
            if linker.workloads[id.index()].pods.is_empty() {
                self.instantiate(&mut linker, id, &spec)?;
            }
        }
        Ok((linker.workloads, linker.pods))
    }

    fn instantiate(
        &mut self,
        linker: &mut Linker,
        id: WorkloadId,
        spec: &WorkloadSpec,
    ) -> Result<(), BuildError> {
        let labels = self.labels.intern_all(pairs(&spec.template.labels));
        let ports = self.port_list(spec.template.ports.clone());
        let node = spec.template.node.as_deref().map(|n| self.node_id(n));
        let namespace = linker.workloads[id.index()].namespace;
        let position = spec.position.clone().unwrap_or_else(memory);
        for number in 0..spec.replicas.max(1) {
            let name = linker.free_name(namespace, spec, number);
            linker.push(Pod {
                name,
                namespace,
                workload: id,
                labels: Arc::clone(&labels),
                ports: Arc::clone(&ports),
                addresses: Box::default(),
                node,
                host_network: spec.template.host_network,
                from_template: true,
                position: position.clone(),
            })?;
        }
        Ok(())
    }
}

/// Links pods to workloads.
#[derive(Default)]
struct Linker {
    workloads: Vec<Workload>,
    pods: Vec<Pod>,
    by_name: FastMap<(NamespaceId, Arc<str>, Box<str>), WorkloadId>,
    kinds: FastMap<Box<str>, Arc<str>>,
    seen: HashSet<(NamespaceId, Box<str>), foldhash::fast::RandomState>,
}

impl Linker {
    fn kind(&mut self, kind: &str) -> Arc<str> {
        if let Some(known) = self.kinds.get(kind) {
            return Arc::clone(known);
        }
        let new: Arc<str> = kind.into();
        self.kinds.insert(kind.into(), Arc::clone(&new));
        new
    }

    fn declare(
        &mut self,
        namespace: NamespaceId,
        spec: &WorkloadSpec,
    ) -> Result<WorkloadId, BuildError> {
        let kind = self.kind(&spec.kind);
        let before = self.workloads.len();
        let position = Some(spec.position.clone().unwrap_or_else(memory));
        let id = self.workload(namespace, kind, &spec.name, position);
        if id.index() < before {
            return Err(BuildError::Duplicate(format!(
                "{}/{}/{}",
                spec.namespace, spec.kind, spec.name
            )));
        }
        Ok(id)
    }

    fn workload(
        &mut self,
        namespace: NamespaceId,
        kind: Arc<str>,
        name: &str,
        position: Option<Position>,
    ) -> WorkloadId {
        let key = (namespace, kind, Box::from(name));
        if let Some(id) = self.by_name.get(&key) {
            return *id;
        }
        let id = WorkloadId::from_index(self.workloads.len());
        self.workloads.push(Workload {
            namespace,
            kind: Arc::clone(&key.1),
            name: name.into(),
            pods: Vec::new(),
            position,
        });
        self.by_name.insert(key, id);
        id
    }

    fn place(&mut self, mut pod: Pod, owner: Option<&(String, String)>) -> Result<(), BuildError> {
        if !self.seen.insert((pod.namespace, pod.name.clone())) {
            return Err(BuildError::Duplicate(pod.name.into()));
        }
        let (kind, name) = match owner {
            Some((kind, name)) => (kind.as_str(), name.as_str()),
            None => ("Pod", &*pod.name),
        };
        // Pods of one workload mostly follow one another.
        let last = self.pods.last().map(|p| p.workload).filter(|id| {
            let last = &self.workloads[id.index()];
            last.namespace == pod.namespace && &*last.kind == kind && &*last.name == name
        });
        pod.workload = if let Some(last) = last {
            last
        } else {
            let kind = self.kind(kind);
            self.workload(pod.namespace, kind, name, None)
        };
        self.push(pod)
    }

    /// Names a pod of a template; where another pod has the name, as of a workload of another kind, the kind comes first.
    fn free_name(&mut self, namespace: NamespaceId, spec: &WorkloadSpec, number: u32) -> Box<str> {
        let mut name: Box<str> = format!("{}-{number}", spec.name).into();
        if self.seen.contains(&(namespace, name.clone())) {
            name = format!("{}-{name}", spec.kind.to_ascii_lowercase()).into();
        }
        self.seen.insert((namespace, name.clone()));
        name
    }

    fn push(&mut self, pod: Pod) -> Result<(), BuildError> {
        if self.pods.len() >= MAX_PODS as usize {
            return Err(BuildError::TooManyPods { limit: MAX_PODS });
        }
        let id = PodId::from_index(self.pods.len());
        let workload = &mut self.workloads[pod.workload.index()];
        workload.pods.push(id);
        if workload.position.is_none() && &*workload.kind == "Pod" {
            workload.position = Some(pod.position.clone());
        }
        self.pods.push(pod);
        Ok(())
    }
}

/// The tables of a cluster whose ids are positions in them already.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    pub(crate) labels: LabelTable,
    pub(crate) namespaces: Vec<Namespace>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) workloads: Vec<Workload>,
    pub(crate) pods: Vec<Pod>,
    pub(crate) services: Vec<Service>,
    pub(crate) ingresses: Vec<IngressSpec>,
    pub(crate) policies: Vec<Policy>,
    pub(crate) pod_cidrs: Vec<IpNet>,
    pub(crate) domain_addresses: Vec<(Box<str>, Vec<IpAddr>)>,
}

impl Cluster {
    /// Makes a cluster of tables whose ids were checked; what can be derived from them is derived again.
    pub(crate) fn of_tables(tables: Tables) -> Self {
        let namespaces = tables.namespaces.iter().enumerate();
        let nodes = tables.nodes.iter().enumerate();
        let mut facts = Facts {
            labels: tables.labels,
            namespace_names: namespaces
                .map(|(at, n)| (n.name.clone(), NamespaceId::from_index(at)))
                .collect(),
            node_names: nodes.map(|(at, n)| (n.name.clone(), NodeId::from_index(at))).collect(),
            namespaces: tables.namespaces,
            nodes: tables.nodes,
            workloads: tables.workloads,
            pods: tables.pods,
            services: tables.services,
            pod_cidrs: tables.pod_cidrs,
            domain_addresses: tables.domain_addresses,
            ..Facts::default()
        };
        facts.families = facts.families_of_input();
        let mut cluster = Self { facts: Arc::new(facts), policies: tables.policies.into() };
        cluster.resolve_ingresses(tables.ingresses);
        cluster
    }

    /// Keeps what Ingress and Route objects were found to lead to, while the cluster is being built.
    pub(super) fn set_ingresses(
        &mut self,
        ingresses: Vec<Ingress>,
        leads: BTreeMap<PodId, Vec<Lead>>,
    ) {
        if let Some(facts) = Arc::get_mut(&mut self.facts) {
            (facts.ingresses, facts.leads) = (ingresses, leads);
        }
    }

    pub(super) fn leads_of(&self) -> &BTreeMap<PodId, Vec<Lead>> {
        &self.facts.leads
    }
}

impl Facts {
    /// A host-network pod whose address is not written has its node's (networkpolicy-v1, section 10).
    fn place_host_network_pods(&mut self) {
        for pod in &mut self.pods {
            if let Some(node) = pod.node.filter(|_| pod.host_network && pod.addresses.is_empty()) {
                pod.addresses.clone_from(&self.nodes[node.index()].addresses);
            }
        }
    }

    fn families_of_input(&self) -> Families {
        let pods = self.pods.iter().flat_map(|p| p.addresses.iter()).map(|a| Family::of(*a));
        let cidrs = self.pod_cidrs.iter().map(|c| Family::of(c.addr()));
        let families: Families = pods.chain(cidrs).collect();
        if families.is_empty() { Families::V4 } else { families }
    }
}
