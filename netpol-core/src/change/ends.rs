//! The workloads of two clusters side by side: by name, since ids mean something on one side only.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Cluster, ObjectKey, PodId, WorkloadId};
use crate::reach::Snapshot;

/// A workload of either side: its position among the names of both.
pub(super) type WorkloadNumber = u32;

/// The names of all workloads of two clusters.
#[derive(Debug)]
pub(super) enum Ends<'a> {
    /// Both have the same workloads: numbers are ids.
    Same(&'a Cluster),
    /// By name.
    Named {
        /// The names, ascending.
        keys: Vec<ObjectKey>,
        /// The number of each workload of a side, by id.
        numbers: [Vec<WorkloadNumber>; 2],
        /// The workload of each number that a side has.
        ids: [Vec<Option<WorkloadId>>; 2],
    },
}

impl<'a> Ends<'a> {
    /// Puts two snapshots side by side.
    pub(super) fn of(before: &'a Snapshot, after: &'a Snapshot) -> Self {
        if before.shares_groups(after) {
            return Self::Same(after.cluster());
        }
        let (before, after) = (before.cluster(), after.cluster());
        let mut known: BTreeMap<ObjectKey, WorkloadNumber> = BTreeMap::new();
        for cluster in [before, after] {
            for id in cluster.workload_ids() {
                known.insert(cluster.workload_key(id), 0);
            }
        }
        for (at, number) in (0..).zip(known.values_mut()) {
            *number = at;
        }
        let numbers = [before, after].map(|cluster| {
            let number = |id| known.get(&cluster.workload_key(id)).copied().unwrap_or(u32::MAX);
            cluster.workload_ids().map(number).collect::<Vec<_>>()
        });
        let ids = [0, 1].map(|side: usize| {
            let mut ids = vec![None; known.len()];
            for (id, number) in numbers[side].iter().enumerate() {
                ids[*number as usize] = Some(WorkloadId::from_index(id));
            }
            ids
        });
        Self::Named { keys: known.into_keys().collect(), numbers, ids }
    }

    /// Returns the name of a workload.
    pub(super) fn key(&self, number: WorkloadNumber) -> ObjectKey {
        match self {
            Self::Same(cluster) => cluster.workload_key(WorkloadId(number)),
            Self::Named { keys, .. } => keys[number as usize].clone(),
        }
    }

    /// Finds a workload by name.
    pub(super) fn find(&self, key: &ObjectKey) -> Option<WorkloadNumber> {
        match self {
            Self::Same(cluster) => {
                let namespace = cluster.find_namespace(&key.namespace)?;
                cluster.find_workload(namespace, key.kind.as_str(), &key.name).map(|id| id.0)
            }
            Self::Named { keys, .. } => {
                keys.binary_search(key).ok().and_then(|at| u32::try_from(at).ok())
            }
        }
    }

    fn number(&self, side: usize, id: WorkloadId) -> WorkloadNumber {
        match self {
            Self::Same(_) => id.0,
            Self::Named { numbers, .. } => numbers[side][id.index()],
        }
    }

    fn id(&self, side: usize, number: WorkloadNumber) -> Option<WorkloadId> {
        match self {
            Self::Same(_) => Some(WorkloadId(number)),
            Self::Named { ids, .. } => ids[side][number as usize],
        }
    }
}

/// One of two snapshots, its workloads numbered.
#[derive(Debug)]
pub(super) struct Side<'a> {
    pub(super) snapshot: &'a Snapshot,
    ends: &'a Ends<'a>,
    at: usize,
}

impl<'a> Side<'a> {
    pub(super) const fn of(snapshot: &'a Snapshot, ends: &'a Ends<'a>, at: usize) -> Self {
        Self { snapshot, ends, at }
    }

    /// Returns the number of a workload.
    pub(super) fn number(&self, id: WorkloadId) -> WorkloadNumber {
        self.ends.number(self.at, id)
    }

    /// Lists the pods of a workload; none where this side lacks it.
    pub(super) fn pods(&self, number: WorkloadNumber) -> &'a [PodId] {
        let id = self.ends.id(self.at, number);
        id.map_or(&[], |id| &self.snapshot.cluster().workload(id).pods)
    }
}

/// Lists a workload's pods so that those at one place are the same pod of both sides: by name, those of other names in their
/// order.
pub(super) fn aligned(number: WorkloadNumber, side: usize, sides: &[Side<'_>; 2]) -> Vec<PodId> {
    let (own, other) = (&sides[side], &sides[1 - side]);
    let name = |side: &Side<'_>, pod: &PodId| side.snapshot.cluster().pod(*pod).name.clone();
    let names: BTreeSet<_> = other.pods(number).iter().map(|pod| name(other, pod)).collect();
    let mut pods: Vec<PodId> = own.pods(number).to_vec();
    pods.sort_by_key(|pod| {
        let name = name(own, pod);
        (!names.contains(&name), name)
    });
    pods
}
