//! Plain validated facts about a cluster: no IO, no YAML, no evaluation.

pub mod addresses;
pub mod cluster;
pub mod dialect;
pub mod flow;
pub mod ids;
pub mod ingress;
pub mod labels;
mod names;
pub mod object;
pub mod policies;
pub mod policy;
pub mod ports;
pub mod position;
pub mod reason;
pub mod selector;
pub mod verdict;

pub use addresses::{AddressRange, Families, Family, IpSet};
pub use cluster::{
    BuildError, Cluster, ClusterBuilder, ContainerPort, Namespace, NamespaceSpec, Node, NodeSpec,
    Pod, PodSpec, PodTemplate, Service, ServicePort, ServiceSpec, TargetPort, Workload,
    WorkloadSpec,
};
pub use dialect::{Dialect, HostNetwork, IcmpMode, IngressControllerLabels, IpBlockPods, TieBreak};
pub use flow::{Flow, Peer};
pub use ids::{IngressId, LabelId, NamespaceId, NodeId, PodId, PolicyId, ServiceId, WorkloadId};
pub use ingress::{
    BackendPort, BackendState, Ingress, IngressBackend, IngressKind, IngressSpec, Lead,
};
pub use labels::{LabelTable, Labels};
pub use object::{Edits, Object, ObjectKey, ObjectKind, PolicyObject, WorkloadObject};
pub use policies::Policies;
pub use policy::{
    Action, AdminPeer, AdminPolicySpec, AdminPort, AdminRule, Direction, DomainName, IpBlock,
    NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicyRule, NetworkPolicySpec, Policy, PolicyKind,
    PolicySpec, PortReference, Subject, Tier,
};
pub use ports::{PortRange, PortSet, Protocol};
pub use position::{Position, printable};
pub use reason::{Reason, ReasonCode, Step};
pub use selector::{Operator, Requirement, Selector};
pub use verdict::Verdict;
