//! The rows of the blocks: what stands in a file, in the order in which it stands there. Ids are positions.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::model::{
    BackendPort, ContainerPort, IngressKind, PolicyKind, PolicySpec, Selector, ServicePort,
};
use crate::sources::{DiagnosticCode, Severity};

/// What comes first: the names of the manifests, and how long each block is.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Head<'a> {
    #[serde(borrow)]
    pub(super) files: Vec<&'a str>,
    pub(super) labels: u32,
    pub(super) objects: u32,
    pub(super) findings: u32,
    pub(super) policies: Vec<u32>,
    pub(super) pods: Vec<u32>,
}

/// A file, as a position in [`Head::files`], and a line.
pub(super) type Place = (u32, u32);

#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct LabelBlock<'a> {
    #[serde(borrow)]
    pub(super) keys: Vec<&'a str>,
    #[serde(borrow)]
    pub(super) values: Vec<&'a str>,
    pub(super) pairs: Vec<(u32, u32)>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ObjectBlock<'a> {
    #[serde(borrow)]
    pub(super) namespaces: Vec<NamespaceRow<'a>>,
    #[serde(borrow)]
    pub(super) nodes: Vec<NodeRow<'a>>,
    #[serde(borrow)]
    pub(super) workloads: Vec<WorkloadRow<'a>>,
    #[serde(borrow)]
    pub(super) services: Vec<ServiceRow<'a>>,
    #[serde(borrow)]
    pub(super) ingresses: Vec<IngressRow<'a>>,
    pub(super) pod_cidrs: Vec<IpNet>,
    pub(super) domains: Vec<(Box<str>, Vec<IpAddr>)>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct NamespaceRow<'a> {
    pub(super) name: &'a str,
    pub(super) labels: Vec<u32>,
    pub(super) place: Option<Place>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct NodeRow<'a> {
    pub(super) name: &'a str,
    pub(super) labels: Vec<u32>,
    pub(super) addresses: Vec<IpAddr>,
    pub(super) pod_cidrs: Vec<IpNet>,
    pub(super) place: Option<Place>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct WorkloadRow<'a> {
    pub(super) namespace: u32,
    pub(super) kind: &'a str,
    pub(super) name: &'a str,
    pub(super) place: Option<Place>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ServiceRow<'a> {
    pub(super) namespace: u32,
    pub(super) name: &'a str,
    pub(super) service_type: &'a str,
    pub(super) selector: Option<Selector>,
    pub(super) cluster_ips: Vec<IpAddr>,
    pub(super) ports: Vec<ServicePort>,
    pub(super) place: Place,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct IngressRow<'a> {
    pub(super) kind: IngressKind,
    pub(super) namespace: &'a str,
    pub(super) name: &'a str,
    pub(super) backends: Vec<(String, BackendPort)>,
    pub(super) place: Place,
}

/// Pods of one part of the table, and the lists that they share.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct PodBlock<'a> {
    /// The label lists, one behind the other.
    pub(super) labels: Vec<u32>,
    /// How long each label list is.
    pub(super) label_lists: Vec<u32>,
    pub(super) port_lists: Vec<Vec<ContainerPort>>,
    #[serde(borrow)]
    pub(super) pods: Vec<PodRow<'a>>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct PodRow<'a> {
    pub(super) name: &'a str,
    pub(super) namespace: u32,
    pub(super) workload: u32,
    /// A position in [`PodBlock::label_lists`].
    pub(super) labels: u32,
    /// A position in [`PodBlock::port_lists`].
    pub(super) ports: u32,
    pub(super) addresses: Vec<IpAddr>,
    pub(super) node: Option<u32>,
    pub(super) host_network: bool,
    pub(super) from_template: bool,
    pub(super) place: Place,
}

/// A policy to be written.
#[derive(Debug, Serialize)]
pub(super) struct PolicyRow<'a> {
    pub(super) kind: PolicyKind,
    pub(super) namespace: Option<u32>,
    pub(super) name: &'a str,
    pub(super) place: Place,
    pub(super) spec: &'a PolicySpec,
}

/// The same as it is read.
#[derive(Debug, Deserialize)]
pub(super) struct PolicyRead {
    pub(super) kind: PolicyKind,
    pub(super) namespace: Option<u32>,
    pub(super) name: Box<str>,
    pub(super) place: Place,
    pub(super) spec: PolicySpec,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct FindingBlock<'a> {
    #[serde(borrow)]
    pub(super) findings: Vec<FindingRow<'a>>,
    #[serde(borrow)]
    pub(super) completed: Vec<(&'a str, &'a str)>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct FindingRow<'a> {
    pub(super) severity: Severity,
    pub(super) code: DiagnosticCode,
    pub(super) message: &'a str,
    pub(super) object: Option<&'a str>,
    pub(super) place: Option<Place>,
    pub(super) help: Option<&'a str>,
}
