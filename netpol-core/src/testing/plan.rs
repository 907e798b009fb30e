//! A cluster on paper: what a strategy draws, a law rearranges and a failing test prints.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::model::{
    BuildError, Cluster, Family, IngressSpec, NamespaceSpec, NodeSpec, PodSpec, Policy, PolicyKind,
    PolicySpec, Position, ServiceSpec, WorkloadSpec,
};

/// A cluster on paper.
#[derive(Clone, Debug, Default)]
pub struct ClusterPlan {
    /// Its namespaces.
    pub namespaces: Vec<NamespaceSpec>,
    /// Its nodes.
    pub nodes: Vec<NodeSpec>,
    /// Its pods.
    pub pods: Vec<PodSpec>,
    /// Its workloads.
    pub workloads: Vec<WorkloadSpec>,
    /// Its Services.
    pub services: Vec<ServiceSpec>,
    /// Its Ingress and Route objects.
    pub ingresses: Vec<IngressSpec>,
    /// Its policies.
    pub policies: Vec<PolicyPlan>,
    /// Where pod addresses live.
    pub pod_cidrs: Vec<IpNet>,
    /// Addresses of domain names.
    pub domains: Vec<(String, Vec<IpAddr>)>,
}

/// A policy whose namespace is a name.
#[derive(Clone, Debug)]
pub struct PolicyPlan {
    /// Its kind.
    pub kind: PolicyKind,
    /// Its namespace; `None` for the cluster-scoped kinds.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// What it says.
    pub spec: PolicySpec,
}

impl ClusterPlan {
    /// Builds the cluster.
    ///
    /// # Errors
    ///
    /// As [`ClusterBuilder::build`](crate::model::ClusterBuilder::build).
    pub fn build(&self) -> Result<Cluster, BuildError> {
        let mut builder = Cluster::builder();
        for namespace in &self.namespaces {
            builder.namespace(namespace.clone());
        }
        for node in &self.nodes {
            builder.node(node.clone());
        }
        for workload in &self.workloads {
            builder.workload(workload.clone());
        }
        for pod in &self.pods {
            builder.pod(pod.clone());
        }
        for service in &self.services {
            builder.service(service.clone());
        }
        for ingress in &self.ingresses {
            builder.ingress(ingress.clone());
        }
        for policy in &self.policies {
            let namespace = policy.namespace.as_deref().map(|name| builder.namespace_id(name));
            builder.policy(Policy {
                kind: policy.kind,
                namespace,
                name: policy.name.as_str().into(),
                position: Position::new("<plan>", 0),
                spec: policy.spec.clone(),
            });
        }
        for cidr in &self.pod_cidrs {
            builder.pod_cidr(*cidr);
        }
        for (name, addresses) in &self.domains {
            builder.domain(name, addresses.clone());
        }
        builder.build()
    }
}

/// Leaves the addresses and pod CIDRs of one family alone, so that every pod talks in it and in no other.
pub fn single_family(plan: &ClusterPlan, family: Family) -> ClusterPlan {
    let mut plan = plan.clone();
    let is_kept = |address: &IpAddr| Family::of(*address) == family;
    plan.pods.iter_mut().for_each(|pod| pod.addresses.retain(is_kept));
    plan.nodes.iter_mut().for_each(|node| node.addresses.retain(is_kept));
    plan.pod_cidrs.retain(|cidr| is_kept(&cidr.addr()));
    plan
}
