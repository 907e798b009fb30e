//! The objects of a cluster one by one, as they could be written again: what changes and comparisons work on.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::cluster::{
    BuildError, Cluster, ClusterBuilder, NamespaceSpec, NodeSpec, Pod, PodSpec, ServiceSpec,
    WorkloadSpec,
};
use super::ids::{NamespaceId, PodId, WorkloadId};
use super::ingress::{IngressKind, IngressSpec};
use super::labels::Labels;
use super::policy::{Policy, PolicyKind, PolicySpec};
use super::position::Position;
use super::selector::Operator;

/// What kind of object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectKind {
    /// A Namespace.
    Namespace,
    /// A Node.
    Node,
    /// An owner of pods by its API kind, such as `Deployment`; `Pod` is a bare pod.
    Workload(Arc<str>),
    /// A Service.
    Service,
    /// An Ingress or Route.
    Ingress(IngressKind),
    /// A policy of any family.
    Policy(PolicyKind),
}

impl ObjectKind {
    /// Returns the API's kind.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Namespace => "Namespace",
            Self::Node => "Node",
            Self::Workload(kind) => kind,
            Self::Service => "Service",
            Self::Ingress(kind) => kind.as_str(),
            Self::Policy(kind) => kind.as_str(),
        }
    }
}

/// Names one object; prints as `namespace/kind/name`, or `kind/name` where it has no namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey {
    /// Its namespace; empty for kinds that have none.
    pub namespace: Box<str>,
    /// Its kind.
    pub kind: ObjectKind,
    /// Its name.
    pub name: Box<str>,
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.namespace.is_empty() {
            write!(f, "{}/", self.namespace)?;
        }
        write!(f, "{}/{}", self.kind.as_str().to_ascii_lowercase(), self.name)
    }
}

impl ObjectKey {
    /// Names an object; `namespace` is empty for kinds that have none.
    pub fn new(kind: ObjectKind, namespace: &str, name: &str) -> Self {
        Self { kind, namespace: namespace.into(), name: name.into() }
    }
}

/// A workload with all its pods.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkloadObject {
    /// Its namespace.
    pub namespace: String,
    /// Its kind; `Pod` for a bare pod.
    pub kind: Arc<str>,
    /// Its name.
    pub name: String,
    /// Where it stands; `None` where its pods only name it as their owner.
    pub position: Option<Position>,
    /// Its pods, with whether each was made from a template.
    pub pods: Vec<(PodSpec, bool)>,
}

/// A policy whose namespace is a name.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyObject {
    /// Its kind.
    pub kind: PolicyKind,
    /// Its namespace; `None` for the cluster-scoped kinds.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub position: Position,
    /// What it says.
    pub spec: PolicySpec,
}

/// One object.
#[derive(Clone, Debug, PartialEq)]
pub enum Object {
    /// A Namespace; without a position it is only referenced.
    Namespace(NamespaceSpec),
    /// A Node; without a position it is only referenced.
    Node(NodeSpec),
    /// A workload.
    Workload(WorkloadObject),
    /// A Service.
    Service(ServiceSpec),
    /// An Ingress or Route.
    Ingress(IngressSpec),
    /// A policy.
    Policy(PolicyObject),
}

impl Object {
    /// Returns what names it.
    pub fn key(&self) -> ObjectKey {
        match self {
            Self::Namespace(n) => ObjectKey::new(ObjectKind::Namespace, "", &n.name),
            Self::Node(n) => ObjectKey::new(ObjectKind::Node, "", &n.name),
            Self::Workload(w) => {
                ObjectKey::new(ObjectKind::Workload(Arc::clone(&w.kind)), &w.namespace, &w.name)
            }
            Self::Service(s) => ObjectKey::new(ObjectKind::Service, &s.namespace, &s.name),
            Self::Ingress(i) => ObjectKey::new(ObjectKind::Ingress(i.kind), &i.namespace, &i.name),
            Self::Policy(p) => ObjectKey::new(
                ObjectKind::Policy(p.kind),
                p.namespace.as_deref().unwrap_or_default(),
                &p.name,
            ),
        }
    }

    /// Returns where it stands, where it is declared.
    pub fn position(&self) -> Option<&Position> {
        match self {
            Self::Namespace(n) => n.position.as_ref(),
            Self::Node(n) => n.position.as_ref(),
            Self::Workload(w) => w
                .position
                .as_ref()
                .or_else(|| w.pods.first().and_then(|(pod, _)| pod.position.as_ref())),
            Self::Service(s) => s.position.as_ref(),
            Self::Ingress(i) => i.position.as_ref(),
            Self::Policy(p) => Some(&p.position),
        }
    }

    /// Tells whether two objects say the same, wherever they stand.
    pub fn same_as(&self, other: &Self) -> bool {
        self.clone().anywhere() == other.clone().anywhere()
    }

    /// Forgets where it stands.
    fn anywhere(mut self) -> Self {
        match &mut self {
            Self::Namespace(n) => n.position = None,
            Self::Node(n) => n.position = None,
            Self::Workload(w) => {
                w.position = None;
                w.pods.iter_mut().for_each(|(pod, _)| pod.position = None);
            }
            Self::Service(s) => s.position = None,
            Self::Ingress(i) => i.position = None,
            Self::Policy(p) => {
                p.position = Position::new("", 0);
                forget_lines(&mut p.spec);
            }
        }
        self
    }
}

fn forget_lines(spec: &mut PolicySpec) {
    match spec {
        PolicySpec::Network(spec) => {
            spec.ingress.iter_mut().chain(&mut spec.egress).for_each(|rule| rule.line = 0);
        }
        PolicySpec::Admin(spec) => {
            spec.ingress.iter_mut().chain(&mut spec.egress).for_each(|rule| rule.line = 0);
        }
    }
}

/// What becomes of objects: `None` takes one away, the others are put in place of those of the same name, or added.
pub type Edits = BTreeMap<ObjectKey, Option<Object>>;

impl Cluster {
    /// Lists all objects, also the namespaces and nodes that are only referenced.
    pub fn objects(&self) -> Vec<Object> {
        let mut objects = Vec::new();
        objects.extend(self.namespace_ids().map(|id| self.namespace_object(id)));
        objects.extend((0..self.nodes().len()).map(|at| self.node_object(at)));
        objects.extend(self.workload_ids().map(|id| self.workload_object(id)));
        objects.extend((0..self.services().len()).map(|at| self.service_object(at)));
        objects.extend((0..self.ingresses().len()).map(|at| self.ingress_object(at)));
        objects.extend(self.policy_objects());
        objects
    }

    /// Lists the policies as objects.
    pub(crate) fn policy_objects(&self) -> impl Iterator<Item = Object> {
        self.policies().iter().map(|policy| self.policy_object(policy))
    }

    /// Finds an object by name.
    pub fn object(&self, key: &ObjectKey) -> Option<Object> {
        let namespace = self.find_namespace(&key.namespace);
        match &key.kind {
            ObjectKind::Namespace => {
                self.find_namespace(&key.name).map(|id| self.namespace_object(id))
            }
            ObjectKind::Node => self.find_node(&key.name).map(|id| self.node_object(id.index())),
            ObjectKind::Workload(kind) => {
                self.find_workload(namespace?, kind, &key.name).map(|id| self.workload_object(id))
            }
            ObjectKind::Service => {
                let is = |s: &super::cluster::Service| {
                    Some(s.namespace) == namespace && s.name == key.name
                };
                self.services().iter().position(is).map(|at| self.service_object(at))
            }
            ObjectKind::Ingress(kind) => {
                let is = |i: &super::ingress::Ingress| {
                    i.kind == *kind && i.namespace == key.namespace && i.name == key.name
                };
                self.ingresses().iter().position(is).map(|at| self.ingress_object(at))
            }
            ObjectKind::Policy(kind) => {
                let is =
                    |p: &&Policy| p.kind == *kind && p.name == key.name && p.namespace == namespace;
                self.policies().iter().find(is).map(|policy| self.policy_object(policy))
            }
        }
    }

    /// Finds a workload.
    pub fn find_workload(
        &self,
        namespace: NamespaceId,
        kind: &str,
        name: &str,
    ) -> Option<WorkloadId> {
        self.workload_ids().find(|id| {
            let workload = self.workload(*id);
            workload.namespace == namespace && &*workload.kind == kind && &*workload.name == name
        })
    }

    /// Names a workload.
    pub fn workload_key(&self, id: WorkloadId) -> ObjectKey {
        let workload = self.workload(id);
        ObjectKey {
            kind: ObjectKind::Workload(Arc::clone(&workload.kind)),
            namespace: self.namespace(workload.namespace).name.clone(),
            name: workload.name.clone(),
        }
    }

    /// Names a policy.
    pub fn policy_key(&self, policy: &Policy) -> ObjectKey {
        let namespace = policy.namespace.map(|n| self.namespace(n).name.clone());
        ObjectKey {
            kind: ObjectKind::Policy(policy.kind),
            namespace: namespace.unwrap_or_default(),
            name: policy.name.clone(),
        }
    }

    fn label_strings(&self, labels: &Labels) -> Vec<(String, String)> {
        self.label_pairs(labels).map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
    }

    fn namespace_name(&self, id: NamespaceId) -> String {
        self.namespace(id).name.to_string()
    }

    fn namespace_object(&self, id: NamespaceId) -> Object {
        let namespace = self.namespace(id);
        Object::Namespace(NamespaceSpec {
            name: namespace.name.to_string(),
            labels: self.label_strings(&namespace.labels),
            position: namespace.position.clone(),
        })
    }

    fn node_object(&self, at: usize) -> Object {
        let node = &self.nodes()[at];
        Object::Node(NodeSpec {
            name: node.name.to_string(),
            labels: self.label_strings(&node.labels),
            addresses: node.addresses.to_vec(),
            pod_cidrs: node.pod_cidrs.to_vec(),
            position: node.position.clone(),
        })
    }

    fn workload_object(&self, id: WorkloadId) -> Object {
        let workload = self.workload(id);
        let pods = workload.pods.iter().map(|pod| self.pod(*pod));
        Object::Workload(WorkloadObject {
            namespace: self.namespace_name(workload.namespace),
            kind: Arc::clone(&workload.kind),
            name: workload.name.to_string(),
            position: workload.position.clone(),
            pods: pods.map(|pod| (self.pod_spec(pod), pod.from_template)).collect(),
        })
    }

    fn pod_spec(&self, pod: &Pod) -> PodSpec {
        let workload = self.workload(pod.workload);
        let owned = &*workload.kind != "Pod" || workload.name != pod.name;
        PodSpec {
            namespace: self.namespace_name(pod.namespace),
            name: pod.name.to_string(),
            owner: owned.then(|| (workload.kind.to_string(), workload.name.to_string())),
            labels: self.label_strings(&pod.labels),
            ports: pod.ports.to_vec(),
            addresses: self.own_addresses(pod),
            node: pod.node.map(|node| self.node(node).name.to_string()),
            host_network: pod.host_network,
            position: Some(pod.position.clone()),
        }
    }

    /// The addresses of a pod but for those that it only has from its node.
    fn own_addresses(&self, pod: &Pod) -> Vec<std::net::IpAddr> {
        let from_node = pod.host_network
            && pod.node.is_some_and(|node| self.node(node).addresses == pod.addresses);
        if from_node { Vec::new() } else { pod.addresses.to_vec() }
    }

    fn service_object(&self, at: usize) -> Object {
        let service = &self.services()[at];
        let selector = service.selector.as_ref().map(|selector| {
            let pairs = selector.requirements.iter().filter_map(|r| match &r.operator {
                Operator::In(values) => Some((r.key.to_string(), values.first()?.to_string())),
                _ => None,
            });
            pairs.collect()
        });
        Object::Service(ServiceSpec {
            namespace: self.namespace_name(service.namespace),
            name: service.name.to_string(),
            service_type: service.service_type.to_string(),
            selector,
            cluster_ips: service.cluster_ips.to_vec(),
            ports: service.ports.clone(),
            position: Some(service.position.clone()),
        })
    }

    fn ingress_object(&self, at: usize) -> Object {
        let ingress = &self.ingresses()[at];
        let backends = ingress.backends.iter().map(|b| (b.service.to_string(), b.port.clone()));
        Object::Ingress(IngressSpec {
            kind: ingress.kind,
            namespace: ingress.namespace.to_string(),
            name: ingress.name.to_string(),
            backends: backends.collect(),
            position: Some(ingress.position.clone()),
        })
    }

    fn policy_object(&self, policy: &Policy) -> Object {
        Object::Policy(PolicyObject {
            kind: policy.kind,
            namespace: policy.namespace.map(|id| self.namespace_name(id)),
            name: policy.name.to_string(),
            position: policy.position.clone(),
            spec: policy.spec.clone(),
        })
    }

    /// Returns the cluster with some objects changed. Ids of the two clusters have nothing to do with one another.
    ///
    /// An object that goes takes nothing along: a namespace whose pods stay is still referenced by them. What stays keeps
    /// its order; what is new comes last.
    ///
    /// # Errors
    ///
    /// As [`ClusterBuilder::build`].
    pub fn edited(&self, edits: &Edits) -> Result<Self, BuildError> {
        let mut editor = Editor { builder: Self::builder(), pods: Vec::new() };
        for cidr in self.pod_cidrs() {
            editor.builder.pod_cidr(*cidr);
        }
        for (name, addresses) in self.domain_addresses() {
            editor.builder.domain(name, addresses.clone());
        }
        let mut left = edits.clone();
        for (object, pods) in self.objects_with_pods() {
            match left.remove(&object.key()) {
                None => editor.place(object, &pods),
                Some(None) => {}
                Some(Some(new)) => editor.place(new, pods.get(..1).unwrap_or_default()),
            }
        }
        left.into_values().flatten().for_each(|new| editor.place(new, &[]));
        editor.build()
    }

    fn objects_with_pods(&self) -> impl Iterator<Item = (Object, Vec<PodId>)> {
        self.objects().into_iter().map(|object| {
            let pods = match &object {
                Object::Workload(w) => w
                    .pods
                    .iter()
                    .filter_map(|(pod, _)| {
                        self.find_pod(self.find_namespace(&pod.namespace)?, &pod.name)
                    })
                    .collect(),
                _ => Vec::new(),
            };
            (object, pods)
        })
    }
}

/// Puts a cluster together from objects.
struct Editor {
    builder: ClusterBuilder,
    /// Pods with their places: those of the input are in the order in which they were read, whoever owns them.
    pods: Vec<(PodId, PodSpec, bool)>,
}

impl Editor {
    /// Places an object; `pods` are the places of its pods, the last of them that of all further ones.
    fn place(&mut self, object: Object, pods: &[PodId]) {
        match object {
            // What is only referenced comes with what refers to it.
            Object::Namespace(namespace) if namespace.position.is_some() => {
                self.builder.namespace(namespace);
            }
            Object::Node(node) if node.position.is_some() => {
                self.builder.node(node);
            }
            Object::Namespace(_) | Object::Node(_) => {}
            Object::Workload(workload) => self.place_workload(workload, pods),
            Object::Service(service) => self.builder.service(service),
            Object::Ingress(ingress) => self.builder.ingress(ingress),
            Object::Policy(policy) => {
                let namespace = policy.namespace.map(|name| self.builder.namespace_id(&name));
                self.builder.policy(Policy {
                    kind: policy.kind,
                    namespace,
                    name: policy.name.into(),
                    position: policy.position,
                    spec: policy.spec,
                });
            }
        }
    }

    fn place_workload(&mut self, workload: WorkloadObject, pods: &[PodId]) {
        if workload.pods.is_empty() {
            return;
        }
        let last = pods.last().copied().unwrap_or(PodId(u32::MAX));
        let places = pods.iter().copied().chain(std::iter::repeat(last));
        let declared = &*workload.kind != "Pod" && workload.position.is_some();
        for ((spec, from_template), place) in workload.pods.into_iter().zip(places) {
            self.pods.push((place, spec, from_template));
        }
        if declared {
            self.builder.workload(WorkloadSpec {
                namespace: workload.namespace,
                kind: workload.kind.to_string(),
                name: workload.name,
                position: workload.position,
                ..WorkloadSpec::default()
            });
        }
    }

    fn build(mut self) -> Result<Cluster, BuildError> {
        self.pods.sort_by_key(|(place, ..)| *place);
        for (_, spec, from_template) in self.pods {
            self.builder.pod_of(spec, from_template);
        }
        self.builder.build()
    }
}
