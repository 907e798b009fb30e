//! Which objects of two clusters differ, and in what.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Cluster, Object, ObjectKey, Position, WorkloadObject};

/// What became of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It says something else.
    Modified,
}

impl ChangeKind {
    /// Returns the word of the JSON contract.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Modified => "modified",
        }
    }
}

/// In what an object that is on both sides differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Aspect {
    /// What a policy says.
    Policy,
    /// Labels of pods, a namespace or a node.
    Labels,
    /// The ports that containers declare.
    Ports,
    /// Which pods there are.
    Pods,
    /// Where pods run: addresses, nodes, host network.
    Addresses,
    /// A Service.
    Service,
    /// An Ingress or Route.
    Ingress,
    /// A node.
    Node,
}

impl Aspect {
    /// Returns the word for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Labels => "labels",
            Self::Ports => "ports",
            Self::Pods => "pods",
            Self::Addresses => "addresses",
            Self::Service => "service",
            Self::Ingress => "ingress",
            Self::Node => "node",
        }
    }
}

/// An object that differs.
#[derive(Clone, Debug, PartialEq)]
pub struct ObjectChange {
    /// Which object.
    pub key: ObjectKey,
    /// What became of it.
    pub kind: ChangeKind,
    /// In what it differs, for an object of both sides.
    pub aspects: Vec<Aspect>,
    /// Where it stands: after the change, or before it where it is gone.
    pub position: Option<Position>,
}

/// Lists the objects that differ, by name.
pub(super) fn changed(before: &Cluster, after: &Cluster) -> Vec<ObjectChange> {
    let of = |cluster: &Cluster| -> BTreeMap<ObjectKey, Object> {
        let objects: Vec<Object> = if before.shares_facts(after) {
            cluster.policy_objects().collect()
        } else {
            cluster.objects()
        };
        objects.into_iter().map(|object| (object.key(), object)).collect()
    };
    let (old, new) = (of(before), of(after));
    let keys: BTreeSet<&ObjectKey> = old.keys().chain(new.keys()).collect();
    let change = |key: &ObjectKey| {
        let (kind, aspects, at) = match (old.get(key), new.get(key)) {
            (Some(old), None) => (ChangeKind::Removed, Vec::new(), old),
            (None, Some(new)) => (ChangeKind::Added, Vec::new(), new),
            (Some(old), Some(new)) if !old.same_as(new) => {
                (ChangeKind::Modified, aspects(old, new), new)
            }
            _ => return None,
        };
        let only_referenced = match at {
            Object::Namespace(n) => n.position.is_none(),
            Object::Node(n) => n.position.is_none(),
            _ => false,
        };
        if only_referenced && kind != ChangeKind::Modified {
            return None;
        }
        let position = at.position().cloned();
        Some(ObjectChange { key: key.clone(), kind, aspects, position })
    };
    keys.into_iter().filter_map(change).collect()
}

fn aspects(old: &Object, new: &Object) -> Vec<Aspect> {
    match (old, new) {
        (Object::Namespace(_), _) => vec![Aspect::Labels],
        (Object::Node(old), Object::Node(new)) => {
            if old.labels == new.labels {
                vec![Aspect::Node]
            } else {
                vec![Aspect::Labels]
            }
        }
        (Object::Workload(old), Object::Workload(new)) => workload_aspects(old, new),
        (Object::Service(_), _) => vec![Aspect::Service],
        (Object::Ingress(_), _) => vec![Aspect::Ingress],
        _ => vec![Aspect::Policy],
    }
}

fn workload_aspects(old: &WorkloadObject, new: &WorkloadObject) -> Vec<Aspect> {
    let names = |w: &WorkloadObject| -> Vec<String> {
        w.pods.iter().map(|(pod, _)| pod.name.clone()).collect()
    };
    let mut aspects = Vec::new();
    if distinct(old, |pod| pod.labels.clone()) != distinct(new, |pod| pod.labels.clone()) {
        aspects.push(Aspect::Labels);
    }
    let ports = |pod: &crate::model::PodSpec| {
        pod.ports.iter().map(|p| (p.name.clone(), p.number, p.protocol)).collect::<Vec<_>>()
    };
    if distinct(old, ports) != distinct(new, ports) {
        aspects.push(Aspect::Ports);
    }
    if names(old) != names(new) {
        aspects.push(Aspect::Pods);
    }
    if aspects.is_empty() {
        aspects.push(Aspect::Addresses);
    }
    aspects
}

fn distinct<T: Ord>(
    workload: &WorkloadObject,
    of: impl Fn(&crate::model::PodSpec) -> T,
) -> BTreeSet<T> {
    workload.pods.iter().map(|(pod, _)| of(pod)).collect()
}
