//! Ingress and Route objects: to which ports of which pods they send what comes from outside.
//!
//! Whoever carries that traffic is the *ingress controller*: a pod that the input does not tell apart, in a namespace
//! that it does not tell either. It connects to the target ports of backend Services, and nowhere else.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use serde::{Deserialize, Serialize};

use super::cluster::{Cluster, ServicePort, TargetPort};
use super::ids::{IngressId, NamespaceId, PodId, ServiceId};
use super::ports::{PortSet, Protocol};
use super::position::Position;
use super::selector::Selector;

/// What kind of object leads from outside to a Service.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub enum IngressKind {
    /// `networking.k8s.io/v1` Ingress.
    #[default]
    Ingress,
    /// `route.openshift.io/v1` Route.
    Route,
}

impl IngressKind {
    /// Returns the API's kind.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ingress => "Ingress",
            Self::Route => "Route",
        }
    }
}

/// An Ingress or Route.
#[derive(Clone, Debug)]
pub struct Ingress {
    /// Its kind.
    pub kind: IngressKind,
    /// Its namespace, in which its Services are.
    pub namespace: Box<str>,
    /// Its name.
    pub name: Box<str>,
    /// Where it leads.
    pub backends: Vec<IngressBackend>,
    /// Where it is declared.
    pub position: Position,
}

/// A Service to which an Ingress or Route leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IngressBackend {
    /// The Service's name.
    pub service: Box<str>,
    /// Which of its ports.
    pub port: BackendPort,
    /// What came of it.
    pub state: BackendState,
}

/// Whether a backend leads to pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackendState {
    /// It does, as the API says.
    Leads,
    /// It does, but names the other of port and target port, which common controllers accept too.
    Leniently,
    /// The input does not hold the Service.
    NoService,
    /// The Service has no such TCP port.
    NoPort,
    /// The Service selects no pod of the input.
    NoPods,
}

/// The port of a backend.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum BackendPort {
    /// Every TCP port of the Service: a Route that names none.
    Any,
    /// A number.
    Number(u16),
    /// A name.
    Name(Box<str>),
}

/// An Ingress or Route to be built.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IngressSpec {
    /// Its kind.
    pub kind: IngressKind,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The names and ports of the Services to which it leads.
    pub backends: Vec<(String, BackendPort)>,
    /// Where it stands.
    pub position: Option<Position>,
}

/// What leads from outside to a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lead {
    /// The Ingress or Route.
    pub ingress: IngressId,
    /// The Service in between.
    pub service: ServiceId,
    /// The pod's own ports.
    pub ports: PortSet,
}

/// What leads to each pod.
pub(super) type Leads = BTreeMap<PodId, Vec<Lead>>;

impl Cluster {
    /// Lists the pods that a Service selects.
    pub fn service_pods(&self, id: ServiceId) -> impl Iterator<Item = PodId> {
        self.pod_ids().filter(move |pod| self.is_selected(id, *pod))
    }

    fn is_selected(&self, id: ServiceId, pod: PodId) -> bool {
        let service = self.service(id);
        let selects = |s: &Selector| s.matches(|key| self.pod_label(pod, key));
        self.pod(pod).namespace == service.namespace
            && service.selector.as_ref().is_some_and(selects)
    }

    /// Returns the container port that a Service's port means on a pod; none where its name is not declared there.
    pub fn target_port(&self, pod: PodId, port: &ServicePort) -> PortSet {
        match &port.target {
            TargetPort::Number(number) => PortSet::single(port.protocol, *number),
            TargetPort::Name(name) => {
                let declared = self.pod(pod).ports.iter();
                declared
                    .filter(|c| c.protocol == port.protocol && c.name.as_ref() == Some(name))
                    .map(|c| PortSet::single(c.protocol, c.number))
                    .next()
                    .unwrap_or_default()
            }
        }
    }

    /// Lists what leads from outside to a pod, by Ingress and Service; empty where nothing does.
    pub fn leads(&self, pod: PodId) -> &[Lead] {
        self.leads_of().get(&pod).map_or(&[], |leads| leads)
    }

    /// Returns the ports on which the ingress controller may connect to a pod.
    pub fn lead_ports(&self, pod: PodId) -> PortSet {
        self.leads(pod).iter().fold(PortSet::none(), |set, lead| set.union(&lead.ports))
    }

    /// Finds the Services and pods to which Ingress and Route objects lead.
    pub(super) fn resolve_ingresses(&mut self, specs: Vec<IngressSpec>) {
        if specs.is_empty() {
            return;
        }
        let mut resolver = Resolver::new(self);
        let ingresses = specs.into_iter().enumerate();
        let ingresses =
            ingresses.map(|(at, spec)| resolver.ingress(IngressId::from_index(at), spec)).collect();
        let leads = resolver.leads;
        self.set_ingresses(ingresses, leads);
    }
}

/// Follows backends to pods.
struct Resolver<'a> {
    cluster: &'a Cluster,
    services: HashMap<(NamespaceId, &'a str), ServiceId>,
    pods_in: HashMap<NamespaceId, Vec<PodId>>,
    pods_of: HashMap<ServiceId, Rc<[PodId]>>,
    leads: Leads,
}

impl<'a> Resolver<'a> {
    fn new(cluster: &'a Cluster) -> Self {
        let services = cluster.service_ids().map(|id| {
            let service = cluster.service(id);
            ((service.namespace, &*service.name), id)
        });
        let mut pods_in: HashMap<NamespaceId, Vec<PodId>> = HashMap::new();
        for pod in cluster.pod_ids() {
            pods_in.entry(cluster.pod(pod).namespace).or_default().push(pod);
        }
        Self {
            cluster,
            services: services.collect(),
            pods_in,
            pods_of: HashMap::new(),
            leads: Leads::new(),
        }
    }

    fn ingress(&mut self, id: IngressId, spec: IngressSpec) -> Ingress {
        let namespace = self.cluster.find_namespace(&spec.namespace);
        let backends = spec.backends.into_iter().map(|(service, port)| {
            let found = namespace.and_then(|n| self.services.get(&(n, service.as_str())).copied());
            let state = found.map_or(BackendState::NoService, |service| {
                self.backend((id, spec.kind), service, &port)
            });
            IngressBackend { service: service.into(), port, state }
        });
        let backends = backends.collect();
        Ingress {
            kind: spec.kind,
            namespace: spec.namespace.into(),
            name: spec.name.into(),
            backends,
            position: spec.position.unwrap_or_else(super::cluster::memory),
        }
    }

    fn backend(
        &mut self,
        (ingress, kind): (IngressId, IngressKind),
        service: ServiceId,
        port: &BackendPort,
    ) -> BackendState {
        let cluster = self.cluster;
        let pods = self.pods(service);
        let ports = cluster.service(service).ports.iter().filter(|p| p.protocol == Protocol::Tcp);
        let ports: Vec<&ServicePort> = ports.collect();
        let own: Vec<&ServicePort> = ports.iter().copied().filter(|p| is_own(p, port)).collect();
        let target = |p: &&ServicePort| is_target(cluster, &pods, p, port);
        let target: Vec<&ServicePort> = ports.iter().copied().filter(target).collect();
        // A Route's number is that of the pods' port; its name is looked up among the Service's ports.
        let by_target = kind == IngressKind::Route && matches!(port, BackendPort::Number(_));
        let (first, second) = if by_target { (target, own) } else { (own, target) };
        let (chosen, state) = match (first.is_empty(), second.is_empty()) {
            _ if pods.is_empty() => return BackendState::NoPods,
            (false, _) => (first, BackendState::Leads),
            (true, false) => (second, BackendState::Leniently),
            (true, true) => return BackendState::NoPort,
        };
        for pod in &*pods {
            let ports = chosen.iter().map(|p| cluster.target_port(*pod, p));
            let ports = ports.fold(PortSet::none(), |set, p| set.union(&p));
            if !ports.is_empty() {
                add(self.leads.entry(*pod).or_default(), Lead { ingress, service, ports });
            }
        }
        state
    }

    fn pods(&mut self, id: ServiceId) -> Rc<[PodId]> {
        let cluster = self.cluster;
        let service = cluster.service(id);
        let inside = self.pods_in.get(&service.namespace).map_or(&[][..], |pods| pods);
        let pods = self.pods_of.entry(id).or_insert_with(|| {
            inside.iter().copied().filter(|p| cluster.is_selected(id, *p)).collect()
        });
        Rc::clone(pods)
    }
}

/// Tells whether a backend names the Service's own port.
fn is_own(p: &ServicePort, port: &BackendPort) -> bool {
    match port {
        BackendPort::Any => true,
        BackendPort::Number(number) => p.port == *number,
        BackendPort::Name(name) => p.name.as_ref() == Some(name),
    }
}

/// Tells whether a backend names the port of the pods; a name may stand for a number on some of them.
fn is_target(cluster: &Cluster, pods: &[PodId], p: &ServicePort, port: &BackendPort) -> bool {
    match (port, &p.target) {
        (BackendPort::Number(number), TargetPort::Number(target)) => number == target,
        (BackendPort::Number(number), TargetPort::Name(_)) => {
            pods.iter().any(|pod| cluster.target_port(*pod, p).contains(Protocol::Tcp, *number))
        }
        (BackendPort::Name(name), TargetPort::Name(target)) => name == target,
        _ => false,
    }
}

/// Adds a lead, united with one of the same Ingress and Service.
fn add(leads: &mut Vec<Lead>, lead: Lead) {
    match leads.iter_mut().find(|l| (l.ingress, l.service) == (lead.ingress, lead.service)) {
        Some(same) => same.ports = same.ports.union(&lead.ports),
        None => leads.push(lead),
    }
}
