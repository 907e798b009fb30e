//! Selectors on labels that controllers add to pods: templates do not carry them, so that they cannot be judged.

use super::{Diagnostic, DiagnosticCode, Severity};
use crate::model::{
    AdminPeer, Cluster, NetworkPolicyPeer, Policy, PolicySpec, Requirement, Selector, Subject,
};

/// The labels that controllers add (networkpolicy-v1, section 10, Templates).
const ADDED: [&str; 8] = [
    "pod-template-hash",
    "controller-revision-hash",
    "statefulset.kubernetes.io/pod-name",
    "apps.kubernetes.io/pod-index",
    "batch.kubernetes.io/job-name",
    "batch.kubernetes.io/controller-uid",
    "job-name",
    "controller-uid",
];

/// Warns of every policy that selects pods by such a label, where some pods stand for a template.
pub(super) fn warnings(cluster: &Cluster) -> Vec<Diagnostic> {
    if !cluster.pods().iter().any(|pod| pod.from_template) {
        return Vec::new();
    }
    cluster.policies().iter().filter_map(|policy| warning(cluster, policy)).collect()
}

fn warning(cluster: &Cluster, policy: &Policy) -> Option<Diagnostic> {
    let selectors = pod_selectors(policy);
    let mut requirements = selectors.iter().flat_map(|s| &s.requirements);
    let added = |r: &&Requirement| ADDED.contains(&&*r.key);
    let key = &requirements.find(added)?.key;
    let kind = policy.kind.as_str().to_ascii_lowercase();
    let object = match policy.namespace {
        Some(namespace) => format!("{}/{kind}/{}", cluster.namespace(namespace).name, policy.name),
        None => format!("{kind}/{}", policy.name),
    };
    let message = format!(
        "a selector asks for the label `{key}`, which a controller adds to pods: pods that stand for a template lack it, and \
         the answer about them may be wrong"
    );
    Some(Diagnostic {
        severity: Severity::Warning,
        code: DiagnosticCode::ControllerLabel,
        message,
        object: Some(object),
        position: Some(policy.position.clone()),
        help: Some("select by a label of the template, or load the pods themselves".into()),
    })
}

/// Lists every selector of a policy that concerns pods.
fn pod_selectors(policy: &Policy) -> Vec<&Selector> {
    match &policy.spec {
        PolicySpec::Network(spec) => {
            let peers = spec.ingress.iter().chain(&spec.egress).flat_map(|rule| &rule.peers);
            let of_peers = peers.filter_map(|peer| match peer {
                NetworkPolicyPeer::Pods { pod_selector, .. } => pod_selector.as_ref(),
                NetworkPolicyPeer::IpBlock(_) => None,
            });
            [&spec.pod_selector].into_iter().chain(of_peers).collect()
        }
        PolicySpec::Admin(spec) => {
            let peers = spec.ingress.iter().chain(&spec.egress).flat_map(|rule| &rule.peers);
            let of_peers = peers.filter_map(|peer| match peer {
                AdminPeer::Pods { pod_selector, .. } => Some(pod_selector),
                _ => None,
            });
            let subject = match &spec.subject {
                Subject::Pods { pod_selector, .. } => Some(pod_selector),
                Subject::Namespaces(_) => None,
            };
            subject.into_iter().chain(of_peers).collect()
        }
    }
}
