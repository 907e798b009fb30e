//! Objects that are no policies: mirrors checked and turned into what the builder takes.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::de::{Deserialize, Deserializer};

use super::diagnostic::{DiagnosticCode, Severity};
use super::kinds::{Kind, Workload};
use super::mirrors::{
    Condition, ContainerPortMirror, IngressSpecMirror, IntOrText, IpEntry, LabelMap, List,
    Metadata, NodeSpecMirror, NodeStatus, Object, OwnerReference, PodSpecMirror, PodStatus,
    RouteSpecMirror, ServicePortMirror, ServiceSpecMirror, TemplateMirror, Text, Unused,
    WorkloadSpecMirror, WorkloadStatus,
};
use super::read::Setting;
use super::tree::{Node, clip};
use super::{addresses, ingress, names};
use crate::model::{
    ContainerPort, IngressKind, IngressSpec, NamespaceSpec, NodeSpec, PodSpec, PodTemplate,
    PolicyKind, PolicySpec, Position, Protocol, ServicePort, ServiceSpec, TargetPort,
};

/// The most replicas of one workload.
const MAX_REPLICAS: i64 = 1_000_000;

/// What tells an object from others.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Identity {
    /// Its kind; the groups of a kind serve the same objects.
    pub(super) kind: Kind,
    /// Its namespace; empty for cluster-scoped kinds.
    pub(super) namespace: Box<str>,
    /// Its name, or the prefix that it is generated from.
    pub(super) name: Box<str>,
    /// Whether a server would generate the name, so that two of the same prefix are two objects.
    pub(super) generated: bool,
}

impl Identity {
    /// Reads what can be told of an object that may be broken.
    pub(super) fn of(setting: &Setting<'_>, kind: Kind, node: &Node) -> Self {
        let metadata = node.get("metadata");
        let text = |field: &str| {
            let text = metadata.and_then(|m| m.get(field)).and_then(Node::as_text);
            text.filter(|t| !t.is_empty())
        };
        Self::new(setting, kind, text("namespace"), text("name"), text("generateName"))
    }

    fn new(
        setting: &Setting<'_>,
        kind: Kind,
        namespace: Option<&str>,
        name: Option<&str>,
        prefix: Option<&str>,
    ) -> Self {
        let namespace =
            if kind.is_namespaced() { namespace.unwrap_or(setting.namespace()) } else { "" };
        Self {
            kind,
            namespace: namespace.into(),
            name: name.or(prefix).unwrap_or_default().into(),
            generated: name.is_none() && prefix.is_some(),
        }
    }
}

/// Prints as diagnostics name objects: `shop/networkpolicy/db`, `clusternetworkpolicy/guardrails`.
impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.namespace.is_empty() {
            write!(f, "{}/", clip(&self.namespace))?;
        }
        let name = if self.name.is_empty() { "<unnamed>".into() } else { clip(&self.name) };
        write!(f, "{}/{name}", self.kind.as_str().to_ascii_lowercase())
    }
}

/// One object that is valid by itself.
#[derive(Debug)]
pub(super) struct Record {
    /// What tells it from others.
    pub(super) identity: Identity,
    /// The line of its `kind:`.
    pub(super) position: Position,
    /// What it says.
    pub(super) body: Body,
}

/// What an object says.
#[derive(Debug)]
pub(super) enum Body {
    Namespace(NamespaceSpec),
    Node(NodeSpec),
    Pod {
        spec: PodSpec,
        owner: Option<Owner>,
        completed: bool,
    },
    Workload {
        template: PodTemplate,
        replicas: Option<u32>,
        owner: Option<Owner>,
        finished: bool,
    },
    Service(ServiceSpec),
    /// An Ingress or Route, and what it names that is no Service.
    Ingress(IngressSpec, Vec<String>),
    Policy(PolicyKind, PolicySpec),
}

/// The controller of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) kind: Box<str>,
    pub(super) name: Box<str>,
}

/// What is wrong with a field.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) severity: Severity,
    pub(super) code: DiagnosticCode,
    pub(super) path: String,
    pub(super) message: String,
}

/// An object as it was deserialised.
#[derive(Debug)]
pub(super) enum Mirror {
    Namespace(Box<Object<Unused, Unused>>),
    Node(Box<Object<NodeSpecMirror, NodeStatus>>),
    Pod(Box<Object<PodSpecMirror, PodStatus>>),
    Workload(Workload, Box<Object<WorkloadSpecMirror, WorkloadStatus>>),
    Service(Box<Object<ServiceSpecMirror, Unused>>),
    Ingress(Box<Object<IngressSpecMirror, Unused>>),
    Route(Box<Object<RouteSpecMirror, Unused>>),
}

impl Mirror {
    /// Deserialises an object of a kind; `None` for policies, which are read from trees.
    pub(super) fn read<'de, D: Deserializer<'de>>(
        kind: Kind,
        deserializer: D,
    ) -> Option<Result<Self, D::Error>> {
        Some(match kind {
            Kind::Namespace => Deserialize::deserialize(deserializer).map(Self::Namespace),
            Kind::Node => Deserialize::deserialize(deserializer).map(Self::Node),
            Kind::Pod => Deserialize::deserialize(deserializer).map(Self::Pod),
            Kind::Service => Deserialize::deserialize(deserializer).map(Self::Service),
            Kind::Workload(workload) => {
                Deserialize::deserialize(deserializer).map(|o| Self::Workload(workload, o))
            }
            Kind::Ingress(IngressKind::Ingress) => {
                Deserialize::deserialize(deserializer).map(Self::Ingress)
            }
            Kind::Ingress(IngressKind::Route) => {
                Deserialize::deserialize(deserializer).map(Self::Route)
            }
            Kind::Policy(_) => return None,
        })
    }

    /// Deserialises the one item of a block list.
    pub(super) fn read_item<'de, D: Deserializer<'de>>(
        kind: Kind,
        deserializer: D,
    ) -> Option<Result<Self, D::Error>> {
        Some(match kind {
            Kind::Namespace => <(_,)>::deserialize(deserializer).map(|o| Self::Namespace(o.0)),
            Kind::Node => <(_,)>::deserialize(deserializer).map(|o| Self::Node(o.0)),
            Kind::Pod => <(_,)>::deserialize(deserializer).map(|o| Self::Pod(o.0)),
            Kind::Service => <(_,)>::deserialize(deserializer).map(|o| Self::Service(o.0)),
            Kind::Ingress(IngressKind::Ingress) => {
                <(_,)>::deserialize(deserializer).map(|o| Self::Ingress(o.0))
            }
            Kind::Ingress(IngressKind::Route) => {
                <(_,)>::deserialize(deserializer).map(|o| Self::Route(o.0))
            }
            Kind::Workload(workload) => {
                <(_,)>::deserialize(deserializer).map(|o| Self::Workload(workload, o.0))
            }
            Kind::Policy(_) => return None,
        })
    }

    /// Returns what it claims to be.
    pub(super) fn claim(&self) -> (&str, &str) {
        fn of<S, T>(object: &Object<S, T>) -> (&str, &str) {
            (
                object.api_version.as_ref().map_or("", |t| &t.0),
                object.kind.as_ref().map_or("", |t| &t.0),
            )
        }
        match self {
            Self::Namespace(object) => of(object),
            Self::Node(object) => of(object),
            Self::Pod(object) => of(object),
            Self::Workload(_, object) => of(object),
            Self::Service(object) => of(object),
            Self::Ingress(object) => of(object),
            Self::Route(object) => of(object),
        }
    }
}

/// Checks an object and turns it into a record; all of its problems where it has one.
pub(super) fn convert(
    setting: &Setting<'_>,
    kind: Kind,
    mirror: Mirror,
    line: u32,
) -> Result<Record, Vec<Problem>> {
    let mut check = Check::default();
    let position = setting.at(line);
    let (identity, body) = match mirror {
        Mirror::Namespace(object) => {
            let identity = check.metadata(setting, kind, &object.metadata.0);
            let labels = object.metadata.0.labels.0;
            (identity, Body::Namespace(NamespaceSpec { labels, ..NamespaceSpec::default() }))
        }
        Mirror::Node(object) => {
            let identity = check.metadata(setting, kind, &object.metadata.0);
            (identity, check.node(*object))
        }
        Mirror::Pod(object) => {
            let identity = check.metadata(setting, kind, &object.metadata.0);
            (identity, check.pod(*object))
        }
        Mirror::Workload(workload, object) => {
            let identity = check.metadata(setting, kind, &object.metadata.0);
            (identity, check.workload(workload, *object))
        }
        Mirror::Service(object) => {
            let identity = check.metadata(setting, kind, &object.metadata.0);
            (identity, check.service(*object))
        }
        Mirror::Ingress(object) => {
            let identity = check.metadata(setting, kind, &object.metadata.0);
            (identity, ingress::of_ingress(object.spec.0))
        }
        Mirror::Route(object) => {
            let identity = check.metadata(setting, kind, &object.metadata.0);
            (identity, ingress::of_route(object.spec.0))
        }
    };
    if check.problems.is_empty() {
        Ok(Record { identity, position, body })
    } else {
        Err(check.problems)
    }
}

#[derive(Default)]
struct Check {
    problems: Vec<Problem>,
}

impl Check {
    fn refuse(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.problems.push(Problem {
            severity: Severity::Error,
            code: DiagnosticCode::InvalidValue,
            path: path.into(),
            message: message.into(),
        });
    }

    fn metadata(&mut self, setting: &Setting<'_>, kind: Kind, metadata: &Metadata) -> Identity {
        let text = |t: &'_ Option<Text>| t.clone().map(|t| t.0).filter(|t| !t.is_empty());
        let (name, prefix) = (text(&metadata.name), text(&metadata.generate_name));
        let namespace = text(&metadata.namespace);
        match (&name, &prefix) {
            (Some(name), _) => {
                let fault = match kind {
                    Kind::Namespace => names::dns_label(name),
                    _ => names::subdomain(name),
                };
                if let Err(fault) = fault {
                    self.refuse("metadata.name", format!("invalid name `{}`: {fault}", clip(name)));
                }
            }
            (None, Some(prefix)) => {
                if names::subdomain(&format!("{}x", prefix.trim_end_matches('-'))).is_err() {
                    let fault = format!("invalid name `{}`", clip(prefix));
                    self.refuse("metadata.generateName", fault);
                }
            }
            (None, None) => {
                self.refuse("metadata.name", "required value: name or generateName is required");
            }
        }
        if let (true, Some(namespace)) = (kind.is_namespaced(), &namespace)
            && let Err(fault) = names::dns_label(namespace)
        {
            let fault = format!("invalid namespace `{}`: {fault}", clip(namespace));
            self.refuse("metadata.namespace", fault);
        }
        self.labels("metadata.labels", &metadata.labels);
        Identity::new(setting, kind, namespace.as_deref(), name.as_deref(), prefix.as_deref())
    }

    fn labels(&mut self, path: &str, labels: &LabelMap) {
        for (key, value) in &labels.0 {
            if let Err(fault) = names::qualified(key) {
                self.refuse(
                    format!("{path}.{}", clip(key)),
                    format!("invalid label key `{}`: {fault}", clip(key)),
                );
            }
            if let Err(fault) = names::label_value(value) {
                self.refuse(
                    format!("{path}.{}", clip(key)),
                    format!("invalid label value `{}`: {fault}", clip(value)),
                );
            }
        }
    }

    fn address(&mut self, path: impl FnOnce() -> String, text: &str) -> Option<IpAddr> {
        if text.is_empty() {
            return None;
        }
        let address = addresses::parse_ip(text);
        if address.is_none() {
            self.refuse(path(), format!("invalid value `{}`: must be an IP address", clip(text)));
        }
        address
    }

    fn node(&mut self, object: Object<NodeSpecMirror, NodeStatus>) -> Body {
        let spec = object.spec.0;
        let mut cidrs = spec.pod_cidrs.0;
        if cidrs.is_empty() {
            cidrs.extend(spec.pod_cidr);
        }
        let pod_cidrs =
            cidrs.iter().enumerate().filter_map(|(i, c)| self.pod_cidr(i, &c.0)).collect();
        // Host names stand among the addresses.
        let addresses = object.status.0.addresses.0.into_iter();
        let addresses = addresses.filter_map(|a| addresses::parse_ip(&a.address?.0)).collect();
        let labels = object.metadata.0.labels.0;
        Body::Node(NodeSpec { labels, addresses, pod_cidrs, ..NodeSpec::default() })
    }

    fn pod_cidr(&mut self, index: usize, text: &str) -> Option<IpNet> {
        if text.is_empty() {
            return None;
        }
        let cidr = addresses::parse_cidr(text);
        if cidr.is_none() {
            let fault = format!("invalid value `{}`: must be a valid CIDR value", clip(text));
            self.refuse(format!("spec.podCIDRs[{index}]"), fault);
        }
        cidr.map(|c| c.net)
    }

    fn pod(&mut self, object: Object<PodSpecMirror, PodStatus>) -> Body {
        let spec = object.spec.0;
        let status = object.status.0;
        let host_network = spec.host_network.unwrap_or(false);
        let mut addresses = self.addresses("status.podIP", status.pod_ips, status.pod_ip);
        if host_network && addresses.is_empty() {
            addresses = self.addresses("status.hostIP", status.host_ips, status.host_ip);
        }
        let completed = status.phase.is_some_and(|p| matches!(&*p.0, "Succeeded" | "Failed"));
        let metadata = object.metadata.0;
        let owner = self.owner(&metadata.owner_references);
        let template = self.pod_spec("spec", spec);
        let spec = PodSpec {
            labels: metadata.labels.0,
            ports: template.ports,
            addresses,
            node: template.node,
            host_network,
            ..PodSpec::default()
        };
        Body::Pod { spec, owner, completed }
    }

    fn addresses(&mut self, path: &str, list: List<IpEntry>, single: Option<Text>) -> Vec<IpAddr> {
        let mut all = Vec::new();
        let single = single.and_then(|t| self.address(|| path.to_owned(), &t.0));
        for (i, entry) in list.0.into_iter().enumerate() {
            let Some(text) = entry.ip else { continue };
            all.extend(self.address(|| format!("{path}s[{i}].ip"), &text.0));
        }
        if let Some(single) = single.filter(|s| !all.contains(s)) {
            all.insert(0, single);
        }
        all
    }

    /// The controller; a Node is none, since it owns the pods that it runs from its own files.
    fn owner(&mut self, references: &List<OwnerReference>) -> Option<Owner> {
        let position = references.0.iter().position(|r| r.controller == Some(true))?;
        let reference = references.0.get(position)?;
        let kind = reference.kind.as_ref().map_or("Pod", |k| &k.0);
        if kind == "Node" {
            return None;
        }
        let Some(name) = reference.name.as_ref().filter(|n| !n.0.is_empty()) else {
            let path = format!("metadata.ownerReferences[{position}].name");
            self.refuse(path, "required value: the name of the owner");
            return None;
        };
        Some(Owner { kind: kind.into(), name: name.0.clone() })
    }

    fn pod_spec(&mut self, path: &str, spec: PodSpecMirror) -> PodTemplate {
        let mut ports = Vec::new();
        for (i, container) in spec.containers.0.into_iter().enumerate() {
            let path = || format!("{path}.containers[{i}]");
            ports.extend(self.container_ports(path, container.ports, false));
        }
        for (i, container) in spec.init_containers.0.into_iter().enumerate() {
            if container.restart_policy.is_some_and(|p| &*p.0 == "Always") {
                let path = || format!("{path}.initContainers[{i}]");
                ports.extend(self.container_ports(path, container.ports, true));
            }
        }
        PodTemplate {
            labels: Vec::new(),
            ports,
            host_network: spec.host_network.unwrap_or(false),
            node: spec.node_name.map(|n| String::from(n.0)).filter(|n| !n.is_empty()),
        }
    }

    fn container_ports(
        &mut self,
        path: impl Fn() -> String,
        ports: List<ContainerPortMirror>,
        restartable_init: bool,
    ) -> Vec<ContainerPort> {
        let mut read = Vec::with_capacity(ports.0.len());
        for (i, port) in ports.0.into_iter().enumerate() {
            let path = || format!("{}.ports[{i}]", path());
            let number = self.port(|| format!("{}.containerPort", path()), port.container_port);
            let protocol = self.protocol(|| format!("{}.protocol", path()), port.protocol);
            let name = port.name.filter(|n| !n.0.is_empty()).map(|n| n.0);
            if let Some(name) = &name {
                self.port_name(|| format!("{}.name", path()), name);
            }
            if let (Some(number), Some(protocol)) = (number, protocol) {
                read.push(ContainerPort { name, number, protocol, restartable_init });
            }
        }
        read
    }

    fn port(&mut self, path: impl FnOnce() -> String, number: Option<i64>) -> Option<u16> {
        let Some(number) = number else {
            self.refuse(path(), "required value: a port number");
            return None;
        };
        match u16::try_from(number) {
            Ok(port) if port > 0 => Some(port),
            _ => {
                let fault =
                    format!("invalid value `{number}`: must be between 1 and 65535, inclusive");
                self.refuse(path(), fault);
                None
            }
        }
    }

    fn protocol(
        &mut self,
        path: impl FnOnce() -> String,
        protocol: Option<Text>,
    ) -> Option<Protocol> {
        let Some(text) = protocol.filter(|p| !p.0.is_empty()) else { return Some(Protocol::Tcp) };
        let protocol = text.0.parse().ok();
        if protocol.is_none() {
            let fault = format!(
                "unsupported value `{}`: supported values: \"TCP\", \"UDP\", \"SCTP\"",
                clip(&text.0)
            );
            self.refuse(path(), fault);
        }
        protocol
    }

    fn port_name(&mut self, path: impl FnOnce() -> String, name: &str) {
        let faults = names::port(name);
        if !faults.is_empty() {
            let fault = format!("invalid value `{}`: {}", clip(name), faults.join(", "));
            self.refuse(path(), fault);
        }
    }

    fn workload(
        &mut self,
        workload: Workload,
        object: Object<WorkloadSpecMirror, WorkloadStatus>,
    ) -> Body {
        let spec = object.spec.0;
        let (template, path) = match workload {
            Workload::CronJob => {
                (spec.job_template.0.spec.0.template.0, "spec.jobTemplate.spec.template")
            }
            _ => (spec.template.0, "spec.template"),
        };
        let replicas = match workload {
            Workload::DaemonSet | Workload::Job | Workload::CronJob => None,
            _ => self.replicas(spec.replicas),
        };
        let finished = |c: &Condition| {
            let is = |t: &Option<Text>, word: &str| t.as_ref().is_some_and(|t| &*t.0 == word);
            (is(&c.kind, "Complete") || is(&c.kind, "Failed")) && is(&c.status, "True")
        };
        let finished =
            workload == Workload::Job && object.status.0.conditions.0.iter().any(finished);
        let owner = self.owner(&object.metadata.0.owner_references);
        Body::Workload { template: self.template(path, template), replicas, owner, finished }
    }

    fn template(&mut self, path: &str, template: TemplateMirror) -> PodTemplate {
        let labels = template.metadata.0.labels;
        self.labels(&format!("{path}.metadata.labels"), &labels);
        let pods = self.pod_spec(&format!("{path}.spec"), template.spec.0);
        PodTemplate { labels: labels.0, ..pods }
    }

    fn replicas(&mut self, replicas: Option<i64>) -> Option<u32> {
        let replicas = replicas.unwrap_or(1);
        if (0..=MAX_REPLICAS).contains(&replicas) {
            return u32::try_from(replicas).ok();
        }
        let fault = format!("invalid value `{replicas}`: must be between 0 and {MAX_REPLICAS}");
        self.refuse("spec.replicas", fault);
        None
    }

    fn service(&mut self, object: Object<ServiceSpecMirror, Unused>) -> Body {
        let spec = object.spec.0;
        let service_type = spec.service_type.map(|t| String::from(t.0)).unwrap_or_default();
        let types = ["", "ClusterIP", "NodePort", "LoadBalancer", "ExternalName"];
        if !types.contains(&service_type.as_str()) {
            let fault = format!("unsupported value `{}`", clip(&service_type));
            self.refuse("spec.type", fault);
        }
        self.labels("spec.selector", &spec.selector);
        let single = spec.cluster_ip.map(|ip| ("spec.clusterIP".to_owned(), ip));
        let list = spec.cluster_ips.0.into_iter().enumerate();
        let list = list.map(|(i, ip)| (format!("spec.clusterIPs[{i}]"), ip));
        let mut cluster_ips: Vec<IpAddr> = Vec::new();
        for (path, ip) in list.chain(single).filter(|(_, ip)| &*ip.0 != "None") {
            let ip = self.address(|| path, &ip.0);
            cluster_ips.extend(ip.filter(|ip| !cluster_ips.contains(ip)));
        }
        let ports = spec.ports.0.into_iter().enumerate();
        let ports = ports.filter_map(|(i, port)| self.service_port(i, port)).collect();
        let selector = (!spec.selector.0.is_empty()).then_some(spec.selector.0);
        let spec = ServiceSpec { service_type, selector, cluster_ips, ports, ..Default::default() };
        Body::Service(spec)
    }

    fn service_port(&mut self, index: usize, port: ServicePortMirror) -> Option<ServicePort> {
        let path = |field: &str| format!("spec.ports[{index}].{field}");
        let number = self.port(|| path("port"), port.port);
        let protocol = self.protocol(|| path("protocol"), port.protocol);
        let target = match port.target_port {
            None | Some(IntOrText::Int(0)) => number.map(TargetPort::Number),
            Some(IntOrText::Text(name)) if name.is_empty() => number.map(TargetPort::Number),
            Some(IntOrText::Int(target)) => {
                self.port(|| path("targetPort"), Some(target)).map(TargetPort::Number)
            }
            Some(IntOrText::Text(name)) => {
                self.port_name(|| path("targetPort"), &name);
                Some(TargetPort::Name(name))
            }
        };
        let name = port.name.map(|n| n.0).filter(|n| !n.is_empty());
        Some(ServicePort { name, protocol: protocol?, port: number?, target: target? })
    }
}
