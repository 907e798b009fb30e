//! The words for kinds, in every short form of kubectl.

use netpol_core::model::PolicyKind;

/// A kind that an endpoint may name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Pods, whoever owns them.
    Pod,
    /// Workloads of a kind, as the API writes it.
    Workload(Box<str>),
    /// Services.
    Service,
    /// Namespaces.
    Namespace,
    /// Nodes.
    Node,
    /// Policies.
    Policy(PolicyKind),
}

/// The kinds of workloads: the API's word, then kubectl's words, the short one first.
const WORKLOADS: &[(&str, &[&str])] = &[
    ("Deployment", &["deploy", "deployment", "deployments"]),
    ("StatefulSet", &["sts", "statefulset", "statefulsets"]),
    ("DaemonSet", &["ds", "daemonset", "daemonsets"]),
    ("ReplicaSet", &["rs", "replicaset", "replicasets"]),
    ("ReplicationController", &["rc", "replicationcontroller", "replicationcontrollers"]),
    ("Job", &["job", "jobs"]),
    ("CronJob", &["cj", "cronjob", "cronjobs"]),
];

const POLICIES: &[(PolicyKind, &[&str])] = &[
    (PolicyKind::NetworkPolicy, &["netpol", "networkpolicy", "networkpolicies"]),
    (PolicyKind::ClusterNetworkPolicy, &["cnp", "clusternetworkpolicy", "clusternetworkpolicies"]),
    (PolicyKind::AdminNetworkPolicy, &["anp", "adminnetworkpolicy", "adminnetworkpolicies"]),
    (
        PolicyKind::BaselineAdminNetworkPolicy,
        &["banp", "baselineadminnetworkpolicy", "baselineadminnetworkpolicies"],
    ),
];

impl Kind {
    /// Finds the kind that a word stands for; case does not count.
    pub fn of_word(word: &str) -> Option<Self> {
        let is = |words: &[&str]| words.iter().any(|w| w.eq_ignore_ascii_case(word));
        if is(&["pod", "pods", "po"]) {
            return Some(Self::Pod);
        }
        if is(&["svc", "service", "services"]) {
            return Some(Self::Service);
        }
        if is(&["ns", "namespace", "namespaces"]) {
            return Some(Self::Namespace);
        }
        if is(&["node", "nodes", "no"]) {
            return Some(Self::Node);
        }
        if let Some((kind, _)) = WORKLOADS.iter().find(|(_, words)| is(words)) {
            return Some(Self::Workload((*kind).into()));
        }
        POLICIES.iter().find(|(_, words)| is(words)).map(|(kind, _)| Self::Policy(*kind))
    }
}

/// Returns the short word for a kind of workload: `deploy`, or the kind in lower case.
pub fn short(kind: &str) -> String {
    let known = WORKLOADS.iter().find(|(k, _)| *k == kind).and_then(|(_, words)| words.first());
    known.map_or_else(|| kind.to_ascii_lowercase(), |word| (*word).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_short_form_of_kubectl_is_a_kind() {
        for word in
            ["po", "pod", "deploy", "sts", "ds", "rs", "rc", "job", "cj", "svc", "ns", "no", "node"]
        {
            assert!(Kind::of_word(word).is_some(), "{word}");
        }
        assert_eq!(Kind::of_word("NetPol"), Some(Kind::Policy(PolicyKind::NetworkPolicy)));
        assert_eq!(Kind::of_word("shop"), None);
        assert_eq!(short("CronJob"), "cj");
        assert_eq!(short("Rollout"), "rollout");
    }
}
