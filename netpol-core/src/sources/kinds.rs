//! Which objects the program uses: dispatch on API group, version and kind (admin-tiers, section 2).

use crate::model::{IngressKind, PolicyKind};

/// A kind that the program uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Kind {
    Namespace,
    Node,
    Pod,
    Service,
    Workload(Workload),
    Ingress(IngressKind),
    Policy(PolicyKind),
}

/// The kinds whose template makes pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Workload {
    Deployment,
    ReplicaSet,
    ReplicationController,
    StatefulSet,
    DaemonSet,
    Job,
    CronJob,
}

impl Workload {
    /// Returns the API's kind.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Deployment => "Deployment",
            Self::ReplicaSet => "ReplicaSet",
            Self::ReplicationController => "ReplicationController",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
            Self::Job => "Job",
            Self::CronJob => "CronJob",
        }
    }
}

const KINDS: [Kind; 17] = [
    Kind::Namespace,
    Kind::Node,
    Kind::Pod,
    Kind::Service,
    Kind::Workload(Workload::Deployment),
    Kind::Workload(Workload::ReplicaSet),
    Kind::Workload(Workload::ReplicationController),
    Kind::Workload(Workload::StatefulSet),
    Kind::Workload(Workload::DaemonSet),
    Kind::Workload(Workload::Job),
    Kind::Workload(Workload::CronJob),
    Kind::Ingress(IngressKind::Ingress),
    Kind::Ingress(IngressKind::Route),
    Kind::Policy(PolicyKind::NetworkPolicy),
    Kind::Policy(PolicyKind::ClusterNetworkPolicy),
    Kind::Policy(PolicyKind::AdminNetworkPolicy),
    Kind::Policy(PolicyKind::BaselineAdminNetworkPolicy),
];

impl Kind {
    /// Returns the API's kind.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Namespace => "Namespace",
            Self::Node => "Node",
            Self::Pod => "Pod",
            Self::Service => "Service",
            Self::Workload(workload) => workload.as_str(),
            Self::Ingress(kind) => kind.as_str(),
            Self::Policy(policy) => policy.as_str(),
        }
    }

    /// Tells whether its objects live in a namespace.
    pub(super) const fn is_namespaced(self) -> bool {
        !matches!(
            self,
            Self::Namespace
                | Self::Node
                | Self::Policy(
                    PolicyKind::AdminNetworkPolicy
                        | PolicyKind::BaselineAdminNetworkPolicy
                        | PolicyKind::ClusterNetworkPolicy
                )
        )
    }

    /// The groups that serve it; the first is today's.
    const fn groups(self) -> &'static [&'static str] {
        match self {
            Self::Namespace | Self::Node | Self::Pod | Self::Service => &[""],
            Self::Workload(Workload::ReplicationController) => &[""],
            Self::Workload(Workload::Job | Workload::CronJob) => &["batch"],
            Self::Workload(_) => &["apps", "extensions"],
            Self::Ingress(IngressKind::Route) => &["route.openshift.io"],
            Self::Policy(PolicyKind::NetworkPolicy) | Self::Ingress(IngressKind::Ingress) => {
                &["networking.k8s.io"]
            }
            Self::Policy(_) => &["policy.networking.k8s.io"],
        }
    }

    /// The version that it must have; `None` where the old ones have the same shape.
    const fn version(self) -> Option<&'static str> {
        match self {
            Self::Policy(PolicyKind::ClusterNetworkPolicy) => Some("v1alpha2"),
            Self::Policy(
                PolicyKind::AdminNetworkPolicy | PolicyKind::BaselineAdminNetworkPolicy,
            ) => Some("v1alpha1"),
            Self::Workload(_) => None,
            _ => Some("v1"),
        }
    }

    /// Returns the `apiVersion` to write.
    pub(super) fn api_version(self) -> String {
        let group = self.groups().first().copied().unwrap_or_default();
        let version = self.version().unwrap_or("v1");
        if group.is_empty() { version.into() } else { format!("{group}/{version}") }
    }
}

/// What to do with an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Dispatch {
    /// Read it.
    Use(Kind),
    /// Skip it and count its kind.
    Skip,
    /// Skip it with a warning: another group's kind of a known name.
    Foreign(Kind),
    /// Refuse it, since it was probably meant to be used.
    Refuse(Kind, Mistake),
    /// It is no Kubernetes object.
    NotKubernetes,
}

/// Why an object that was probably meant to be used is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mistake {
    /// The group is right, the version is not.
    Version,
    /// `apiVersion` is missing.
    NoApiVersion,
    /// The kind is spelled with other capitals.
    Spelling,
}

/// Decides what to do with an object of these two fields; empty where absent.
pub(super) fn dispatch(api_version: &str, kind: &str) -> Dispatch {
    let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
    let Some(known) = KINDS.into_iter().find(|k| k.as_str() == kind) else {
        return unknown(group, api_version, kind);
    };
    let is_right = known.groups().contains(&group) && known.version().is_none_or(|v| v == version);
    if matches!(known, Kind::Ingress(_)) && !is_right {
        // Many groups have an Ingress or Route of their own, and none of them changes what policies allow.
        return if api_version.is_empty() { Dispatch::NotKubernetes } else { Dispatch::Skip };
    }
    if api_version.is_empty() {
        return Dispatch::Refuse(known, Mistake::NoApiVersion);
    }
    if !known.groups().contains(&group) {
        return Dispatch::Foreign(known);
    }
    match known.version() {
        Some(right) if right != version => Dispatch::Refuse(known, Mistake::Version),
        _ => Dispatch::Use(known),
    }
}

fn unknown(group: &str, api_version: &str, kind: &str) -> Dispatch {
    let respelled = KINDS
        .into_iter()
        .filter(|k| !matches!(k, Kind::Ingress(_)))
        .find(|k| k.as_str().eq_ignore_ascii_case(kind) && k.groups().contains(&group));
    match respelled {
        Some(known) => Dispatch::Refuse(known, Mistake::Spelling),
        None if kind.is_empty() || api_version.is_empty() => Dispatch::NotKubernetes,
        None => Dispatch::Skip,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_apart_by_group_and_version() {
        use PolicyKind::{AdminNetworkPolicy, ClusterNetworkPolicy, NetworkPolicy};
        let cnp = Kind::Policy(ClusterNetworkPolicy);
        let cases = [
            ("networking.k8s.io/v1", "NetworkPolicy", Dispatch::Use(Kind::Policy(NetworkPolicy))),
            ("policy.networking.k8s.io/v1alpha2", "ClusterNetworkPolicy", Dispatch::Use(cnp)),
            (
                "policy.networking.k8s.io/v1alpha1",
                "ClusterNetworkPolicy",
                Dispatch::Refuse(cnp, Mistake::Version),
            ),
            ("crd.antrea.io/v1beta1", "ClusterNetworkPolicy", Dispatch::Foreign(cnp)),
            ("networking.k8s.aws/v1alpha1", "ClusterNetworkPolicy", Dispatch::Foreign(cnp)),
            (
                "policy.networking.k8s.io/v1alpha2",
                "AdminNetworkPolicy",
                Dispatch::Refuse(Kind::Policy(AdminNetworkPolicy), Mistake::Version),
            ),
            (
                "projectcalico.org/v3",
                "NetworkPolicy",
                Dispatch::Foreign(Kind::Policy(NetworkPolicy)),
            ),
            ("projectcalico.org/v3", "GlobalNetworkPolicy", Dispatch::Skip),
            ("serving.knative.dev/v1", "Service", Dispatch::Foreign(Kind::Service)),
            ("v1", "Service", Dispatch::Use(Kind::Service)),
            (
                "extensions/v1beta1",
                "Deployment",
                Dispatch::Use(Kind::Workload(Workload::Deployment)),
            ),
            (
                "networking.k8s.io/v1",
                "networkpolicy",
                Dispatch::Refuse(Kind::Policy(NetworkPolicy), Mistake::Spelling),
            ),
            (
                "",
                "NetworkPolicy",
                Dispatch::Refuse(Kind::Policy(NetworkPolicy), Mistake::NoApiVersion),
            ),
            ("networking.k8s.io/v1", "Ingress", Dispatch::Use(Kind::Ingress(IngressKind::Ingress))),
            ("route.openshift.io/v1", "Route", Dispatch::Use(Kind::Ingress(IngressKind::Route))),
            ("extensions/v1beta1", "Ingress", Dispatch::Skip),
            ("serving.knative.dev/v1", "Route", Dispatch::Skip),
            ("v1", "ConfigMap", Dispatch::Skip),
            ("v2", "", Dispatch::NotKubernetes),
            ("", "ConfigMap", Dispatch::NotKubernetes),
        ];
        for (api_version, kind, expected) in cases {
            assert_eq!(dispatch(api_version, kind), expected, "{api_version} {kind}");
        }
    }
}
