//! Ids into names.

use std::collections::HashMap;
use std::sync::Arc;

use netpol_core::model::{self, Cluster, NamespaceId, PodId, PolicyId, PolicySpec, WorkloadId};
use netpol_core::reach::End;

use super::answer::{Endpoint, PolicyRef, Reason, Row};

/// Names ends, each of them once.
#[derive(Debug)]
pub struct Names<'a> {
    cluster: &'a Cluster,
    known: HashMap<End, Arc<Endpoint>>,
}

impl<'a> Names<'a> {
    /// Starts to name the ends of a cluster.
    pub fn new(cluster: &'a Cluster) -> Self {
        Self { cluster, known: HashMap::new() }
    }

    /// Names an end.
    pub fn end(&mut self, end: &End) -> Arc<Endpoint> {
        if let Some(known) = self.known.get(end) {
            return Arc::clone(known);
        }
        let named = Arc::new(endpoint(self.cluster, end));
        self.known.insert(end.clone(), Arc::clone(&named));
        named
    }

    /// Orders the ends that were named, as a reader looks them up: objects by namespace and name, then what is outside.
    pub(super) fn ranks(&self) -> HashMap<*const Endpoint, usize> {
        let mut named: Vec<&Arc<Endpoint>> = self.known.values().collect();
        named.sort_by_cached_key(|e| order_key(e));
        named.into_iter().enumerate().map(|(rank, e)| (Arc::as_ptr(e), rank)).collect()
    }

    /// Names what a row holds.
    pub fn row(&mut self, row: netpol_core::reach::Row) -> Row {
        Row {
            src: self.end(&row.src),
            dst: self.end(&row.dst),
            family: row.family,
            verdict: row.verdict,
            ports: row.ports,
            matching: row.matching,
            total: row.total,
            reasons: row.reasons.into_iter().map(|r| reason(self.cluster, r)).collect(),
        }
    }
}

/// The key by which a reader looks an endpoint up.
pub(super) fn order_key(endpoint: &Endpoint) -> (bool, String, String, String) {
    let outside = matches!(
        endpoint,
        Endpoint::External { .. } | Endpoint::Name { .. } | Endpoint::IngressController
    );
    let text = |t: Option<&str>| t.unwrap_or_default().to_owned();
    let last = if outside { endpoint.id() } else { text(endpoint.kind()) };
    (outside, text(endpoint.namespace()), text(endpoint.name()), last)
}

fn endpoint(cluster: &Cluster, end: &End) -> Endpoint {
    match end {
        End::Pod(id) => pod(cluster, *id),
        End::Workload(id) => workload(cluster, *id),
        End::Namespace(id) => Endpoint::Namespace { name: namespace(cluster, *id) },
        End::External(ranges) => Endpoint::External { ranges: ranges.clone() },
        End::Name(name) => Endpoint::Name { name: name.to_string() },
        End::IngressController => Endpoint::IngressController,
    }
}

/// Names a namespace.
pub(super) fn namespace(cluster: &Cluster, id: NamespaceId) -> String {
    cluster.namespace(id).name.to_string()
}

/// Names a workload.
pub(super) fn workload(cluster: &Cluster, id: WorkloadId) -> Endpoint {
    let workload = cluster.workload(id);
    Endpoint::Workload {
        namespace: namespace(cluster, workload.namespace),
        kind: workload.kind.to_string(),
        name: workload.name.to_string(),
    }
}

/// Names a pod.
pub(super) fn pod(cluster: &Cluster, id: PodId) -> Endpoint {
    let pod = cluster.pod(id);
    Endpoint::Pod {
        namespace: namespace(cluster, pod.namespace),
        name: pod.name.to_string(),
        workload: workload(cluster, pod.workload).id(),
    }
}

/// Names a policy.
pub(super) fn policy(cluster: &Cluster, id: PolicyId) -> PolicyRef {
    let policy = cluster.policy(id);
    PolicyRef {
        kind: policy.kind.as_str(),
        short: policy.kind.short(),
        namespace: policy.namespace.map(|n| namespace(cluster, n)),
        name: policy.name.to_string(),
    }
}

fn reason(cluster: &Cluster, reason: model::Reason) -> Reason {
    let ingress = reason.ingress.map(|id| &cluster.ingress(id).position);
    let position = reason.policy.map(|id| &cluster.policy(id).position).or(ingress);
    Reason {
        code: reason.code,
        direction: reason.direction,
        policy: reason.policy.map(|id| policy(cluster, id)),
        rule: reason.rule,
        rule_name: rule_name(cluster, &reason),
        file: position.map(|p| Arc::clone(&p.file)),
        line: reason.line.or(position.map(|p| p.line)),
        ports: reason.ports,
        message: reason.message,
    }
}

/// Returns the name of an admin rule.
fn rule_name(cluster: &Cluster, reason: &model::Reason) -> Option<String> {
    let (policy, rule, direction) = (reason.policy?, reason.rule?, reason.direction?);
    match &cluster.policy(policy).spec {
        PolicySpec::Admin(spec) => {
            let rule = spec.rules(direction).get(usize::try_from(rule).ok()?)?;
            rule.name.as_ref().map(ToString::to_string)
        }
        PolicySpec::Network(_) => None,
    }
}
