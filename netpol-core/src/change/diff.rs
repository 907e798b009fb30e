//! The difference of two snapshots: rows, causes, and what else a reviewer wants to know.

use std::collections::BTreeSet;

use super::causes;
use super::ends::Ends;
use super::objects::{ObjectChange, changed};
use super::rectangles::{Rectangle, rectangles};
use super::rows::{DiffEnd, DiffRow, compare_all};
use crate::model::{Cluster, Direction, ObjectKey, WorkloadId};
use crate::reach::Snapshot;

/// What two snapshots let through differently.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Difference {
    /// The rows, by source, destination, family.
    pub rows: Vec<DiffRow>,
    /// The number of rows of `flows` that are the same on both sides.
    pub unchanged: u64,
    /// Every object that differs, by name.
    pub objects: Vec<ObjectChange>,
    /// Pairs whose UNKNOWN or AMBIGUOUS ports differ: rows hold only what is certainly allowed.
    pub doubtful: Vec<(DiffEnd, DiffEnd)>,
    /// Workloads with a pod that nothing isolates in a direction, where something isolated all of them before or the workload is new.
    pub unprotected: Vec<(ObjectKey, Direction)>,
    /// Workloads of which every pod is isolated in a direction, where not every one was before.
    pub newly_protected: Vec<(ObjectKey, Direction)>,
    /// Services that selected pods and select none any more.
    pub services_without_pods: Vec<ObjectKey>,
}

impl Difference {
    /// Tells whether connectivity is the same.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Sums up rows that are alike.
    pub fn rectangles(&self) -> Vec<Rectangle> {
        rectangles(&self.rows)
    }
}

/// Compares two snapshots of one dialect, workload by workload, and finds what caused each row.
///
/// Workloads, pods and objects are the same where their names are. An object causes a row if reverting it alone takes the
/// row back; where no single object does, the smallest set that was found to do so is given.
pub fn diff(before: &Snapshot, after: &Snapshot) -> Difference {
    let ends = Ends::of(before, after);
    let compared = compare_all(before, after, &ends, true);
    let objects = changed(before.cluster(), after.cluster());
    let mut rows = compared.rows;
    causes::assign(&mut rows, &objects, before, after);
    let (old, new) = (Protection::of(before), Protection::of(after));
    Difference {
        rows,
        unchanged: compared.unchanged,
        doubtful: compared.doubtful.into_iter().collect(),
        unprotected: new.unprotected.difference(&old.unprotected).cloned().collect(),
        newly_protected: old
            .unprotected
            .difference(&new.unprotected)
            .filter(|(key, _)| new.workloads.contains(key))
            .cloned()
            .collect(),
        services_without_pods: orphaned(before.cluster(), after.cluster(), &objects),
        objects,
    }
}

/// Which workloads nothing isolates.
struct Protection {
    workloads: BTreeSet<ObjectKey>,
    unprotected: BTreeSet<(ObjectKey, Direction)>,
}

impl Protection {
    fn of(snapshot: &Snapshot) -> Self {
        let cluster = snapshot.cluster();
        let mut found = Self { workloads: BTreeSet::new(), unprotected: BTreeSet::new() };
        for id in cluster.workload_ids() {
            let key = cluster.workload_key(id);
            for direction in Direction::ALL {
                if is_unprotected(snapshot, id, direction) {
                    found.unprotected.insert((key.clone(), direction));
                }
            }
            found.workloads.insert(key);
        }
        found
    }
}

fn is_unprotected(snapshot: &Snapshot, id: WorkloadId, direction: Direction) -> bool {
    let pods = &snapshot.cluster().workload(id).pods;
    pods.iter().any(|pod| snapshot.isolating_policies(*pod, direction).is_empty())
}

/// Services that lost all their pods. Only where a workload or Service changed can one have done so.
fn orphaned(before: &Cluster, after: &Cluster, objects: &[ObjectChange]) -> Vec<ObjectKey> {
    use crate::model::{Object, ObjectKind};
    let matters =
        |o: &ObjectChange| matches!(o.key.kind, ObjectKind::Workload(_) | ObjectKind::Service);
    let places: BTreeSet<&str> =
        objects.iter().filter(|o| matters(o)).map(|o| &*o.key.namespace).collect();
    let selecting = |cluster: &Cluster, wanted: bool| -> BTreeSet<ObjectKey> {
        let inside = cluster
            .service_ids()
            .filter(|id| places.contains(&*cluster.namespace(cluster.service(*id).namespace).name));
        let found = inside.filter(|id| {
            cluster.service(*id).selector.is_some()
                && cluster.service_pods(*id).next().is_some() == wanted
        });
        let key = |id: crate::model::ServiceId| {
            let service = cluster.service(id);
            let namespace = &cluster.namespace(service.namespace).name;
            ObjectKey::new(ObjectKind::Service, namespace, &service.name)
        };
        found.map(key).collect()
    };
    if places.is_empty() {
        return Vec::new();
    }
    let had = selecting(before, true);
    let lost = selecting(after, false).into_iter().filter(|key| had.contains(key));
    lost.filter(|key| matches!(after.object(key), Some(Object::Service(_)))).collect()
}
