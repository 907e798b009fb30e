//! Changes, and what becomes of a snapshot under them.

use std::sync::Arc;

use roaring::RoaringBitmap;
use thiserror::Error;

use super::adding;
use crate::model::{
    BuildError, Cluster, Direction, Edits, NamespaceSpec, Object, ObjectKey, ObjectKind, PodSpec,
    WorkloadObject,
};
use crate::reach::{AskedPorts, Selection, Snapshot};

/// One change.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Puts objects in place of those of the same name, or adds them. What is only referenced (without a position) is passed over.
    Apply(Vec<Object>),
    /// Takes an object away; a namespace takes everything in it along. A bare pod's kind also names a pod of a workload.
    Delete(ObjectKey),
    /// Sets labels: of all pods of a workload, of one pod, of a namespace or of a node.
    Label {
        /// Whose labels.
        object: ObjectKey,
        /// The labels.
        labels: Vec<(String, String)>,
    },
    /// Removes labels by key.
    Unlabel {
        /// Whose labels.
        object: ObjectKey,
        /// The keys.
        keys: Vec<String>,
    },
    /// Gives a workload a number of pods: further ones are like its first, the last ones go first.
    Scale {
        /// Which workload.
        workload: ObjectKey,
        /// How many pods; 0 takes the workload away.
        replicas: u32,
    },
    /// Adds a bare pod.
    AddPod(PodSpec),
    /// Adds a namespace.
    AddNamespace(NamespaceSpec),
    /// Adds NetworkPolicies that allow traffic, at those ends that NetworkPolicies isolate.
    Allow {
        /// Who may connect.
        from: Selection,
        /// To whom.
        to: Selection,
        /// On which ports.
        ports: AskedPorts,
    },
    /// Adds NetworkPolicies that isolate pods and allow nothing.
    Isolate {
        /// Which pods, by the number of their `PodId`.
        pods: RoaringBitmap,
        /// In which direction; `None` is both.
        direction: Option<Direction>,
    },
}

/// What came of changes.
#[derive(Clone, Debug)]
pub struct Applied {
    /// The snapshot with the changes.
    pub snapshot: Snapshot,
    /// What a user should know about how they were understood.
    pub notes: Vec<String>,
}

/// Why a change cannot be made.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ChangeError {
    /// There is no such object.
    #[error("there is no `{0}`")]
    NotFound(ObjectKey),
    /// An object of the name is there already.
    #[error("`{0}` exists already")]
    Exists(ObjectKey),
    /// Nothing selects the labels of this kind.
    #[error("labels of `{0}` select nothing: label a workload, a pod, a namespace or a node")]
    NoLabels(ObjectKey),
    /// The kind has no replicas.
    #[error("`{0}` cannot be scaled: it is no workload with replicas")]
    NotScalable(ObjectKey),
    /// No NetworkPolicy can say it.
    #[error("{0}")]
    Inexpressible(String),
    /// The result is no cluster.
    #[error("the changed cluster cannot be built: {0}")]
    Build(#[from] BuildError),
}

/// Makes changes one after the other; a later one sees the earlier ones. The snapshot that is given stays as it is.
///
/// # Errors
///
/// [`ChangeError`] for the first change that cannot be made.
pub fn apply(snapshot: &Snapshot, changes: &[Change]) -> Result<Applied, ChangeError> {
    let mut applied = Applied { snapshot: snapshot.clone(), notes: Vec::new() };
    for change in changes {
        let edits = edits(&applied.snapshot, change, &mut applied.notes)?;
        applied.snapshot = applied.snapshot.edited(&edits)?;
    }
    Ok(applied)
}

fn edits(
    snapshot: &Snapshot,
    change: &Change,
    notes: &mut Vec<String>,
) -> Result<Edits, ChangeError> {
    let cluster = snapshot.cluster();
    match change {
        Change::Apply(objects) => Ok(put(cluster, objects, notes)),
        Change::Delete(key) => delete(cluster, key),
        Change::Label { object, labels } => relabel(cluster, object, &|own| {
            for (key, value) in labels {
                own.retain(|(k, _)| k != key);
                own.push((key.clone(), value.clone()));
            }
        }),
        Change::Unlabel { object, keys } => {
            relabel(cluster, object, &|own| own.retain(|(key, _)| !keys.contains(key)))
        }
        Change::Scale { workload, replicas } => scale(cluster, workload, *replicas),
        Change::AddPod(spec) => add_pod(cluster, spec),
        Change::AddNamespace(spec) => add_namespace(cluster, spec),
        Change::Allow { from, to, ports } => adding::allow(snapshot, (from, to), ports, notes),
        Change::Isolate { pods, direction } => adding::isolate(snapshot, pods, *direction, notes),
    }
}

fn put(cluster: &Cluster, objects: &[Object], notes: &mut Vec<String>) -> Edits {
    let mut edits = Edits::new();
    for object in objects {
        let key = object.key();
        match object {
            Object::Namespace(n) if n.position.is_none() => continue,
            Object::Node(n) if n.position.is_none() => continue,
            Object::Workload(new) => {
                let live = |w: &WorkloadObject| w.pods.iter().any(|(_, template)| !template);
                if let Some(Object::Workload(old)) = cluster.object(&key)
                    && live(&old)
                    && !live(new)
                {
                    let count = old.pods.len();
                    notes.push(format!(
                        "the {count} pods of {key} make way for those of the applied template, whose addresses and nodes \
                         are not known"
                    ));
                }
            }
            _ => {}
        }
        edits.insert(key, Some(object.clone()));
    }
    edits
}

/// Finds an object; the key of a bare pod also finds a pod of a workload, with its place there.
fn find(cluster: &Cluster, key: &ObjectKey) -> Result<(Object, Option<usize>), ChangeError> {
    if let Some(object) = cluster.object(key) {
        return Ok((object, None));
    }
    let missing = || ChangeError::NotFound(key.clone());
    if key.kind != ObjectKind::Workload(Arc::from("Pod")) {
        return Err(missing());
    }
    let namespace = cluster.find_namespace(&key.namespace).ok_or_else(missing)?;
    let pod = cluster.find_pod(namespace, &key.name).ok_or_else(missing)?;
    let owner = cluster.workload_key(cluster.pod(pod).workload);
    let object = cluster.object(&owner).ok_or_else(missing)?;
    let at = cluster.workload(cluster.pod(pod).workload).pods.iter().position(|p| *p == pod);
    Ok((object, at))
}

fn delete(cluster: &Cluster, key: &ObjectKey) -> Result<Edits, ChangeError> {
    let (object, pod) = find(cluster, key)?;
    if let (Object::Workload(mut workload), Some(at)) = (object, pod) {
        workload.pods.remove(at);
        return Ok(replaced(Object::Workload(workload)));
    }
    let mut edits: Edits = [(key.clone(), None)].into();
    if key.kind == ObjectKind::Namespace {
        let inside = cluster.objects().into_iter().map(|object| object.key());
        edits.extend(inside.filter(|k| k.namespace == key.name).map(|k| (k, None)));
    }
    Ok(edits)
}

/// A workload without pods is none.
fn replaced(object: Object) -> Edits {
    let key = object.key();
    let is_empty = matches!(&object, Object::Workload(w) if w.pods.is_empty());
    [(key, (!is_empty).then_some(object))].into()
}

/// Labels as they are written.
type LabelList = Vec<(String, String)>;

fn relabel(
    cluster: &Cluster,
    key: &ObjectKey,
    relabel: &dyn Fn(&mut LabelList),
) -> Result<Edits, ChangeError> {
    let (mut object, pod) = find(cluster, key)?;
    match &mut object {
        Object::Workload(workload) => {
            let chosen = workload.pods.iter_mut().enumerate();
            let chosen = chosen.filter(|(at, _)| pod.is_none_or(|pod| pod == *at));
            chosen.for_each(|(_, (spec, _))| relabel(&mut spec.labels));
        }
        Object::Namespace(namespace) => {
            relabel(&mut namespace.labels);
            declare(&mut namespace.position);
        }
        Object::Node(node) => {
            relabel(&mut node.labels);
            declare(&mut node.position);
        }
        _ => return Err(ChangeError::NoLabels(key.clone())),
    }
    Ok(replaced(object))
}

/// What had only been referenced now has something to say.
fn declare(position: &mut Option<crate::model::Position>) {
    position.get_or_insert_with(adding::nowhere);
}

fn scale(cluster: &Cluster, key: &ObjectKey, replicas: u32) -> Result<Edits, ChangeError> {
    let (object, pod) = find(cluster, key)?;
    let Object::Workload(mut workload) = object else {
        return Err(ChangeError::NotScalable(key.clone()));
    };
    let is_bare = &*workload.kind == "Pod" || pod.is_some();
    if is_bare && replicas > 1 {
        return Err(ChangeError::NotScalable(key.clone()));
    }
    if is_bare && replicas == 1 {
        return Ok(Edits::new());
    }
    if is_bare {
        return delete(cluster, key);
    }
    let wanted = replicas as usize;
    if replicas > crate::model::cluster::MAX_PODS {
        return Err(BuildError::TooManyPods { limit: crate::model::cluster::MAX_PODS }.into());
    }
    workload.pods.truncate(wanted);
    let namespace = cluster.find_namespace(&workload.namespace);
    let is_free = |name: &str| namespace.is_none_or(|ns| cluster.find_pod(ns, name).is_none());
    let Some((like, _)) = workload.pods.first().cloned() else {
        return Ok(replaced(Object::Workload(workload)));
    };
    let names = (0_u64..).map(|n| format!("{}-{n}", workload.name)).filter(|name| is_free(name));
    let new = names.take(wanted - workload.pods.len()).map(|name| {
        let (addresses, node) = (Vec::new(), None);
        (PodSpec { name, addresses, node, ..like.clone() }, true)
    });
    let new: Vec<_> = new.collect();
    workload.pods.extend(new);
    Ok(replaced(Object::Workload(workload)))
}

fn add_pod(cluster: &Cluster, spec: &PodSpec) -> Result<Edits, ChangeError> {
    let key = ObjectKey::new(ObjectKind::Workload("Pod".into()), &spec.namespace, &spec.name);
    let taken =
        cluster.find_namespace(&spec.namespace).and_then(|ns| cluster.find_pod(ns, &spec.name));
    if taken.is_some() || cluster.object(&key).is_some() {
        return Err(ChangeError::Exists(key));
    }
    let mut pod = PodSpec { owner: None, ..spec.clone() };
    declare(&mut pod.position);
    let workload = WorkloadObject {
        namespace: spec.namespace.clone(),
        kind: "Pod".into(),
        name: spec.name.clone(),
        position: pod.position.clone(),
        pods: vec![(pod, false)],
    };
    Ok([(key, Some(Object::Workload(workload)))].into())
}

fn add_namespace(cluster: &Cluster, spec: &NamespaceSpec) -> Result<Edits, ChangeError> {
    let key = ObjectKey::new(ObjectKind::Namespace, "", &spec.name);
    if let Some(Object::Namespace(old)) = cluster.object(&key)
        && old.position.is_some()
    {
        return Err(ChangeError::Exists(key));
    }
    let mut namespace = spec.clone();
    declare(&mut namespace.position);
    Ok([(key, Some(Object::Namespace(namespace)))].into())
}
