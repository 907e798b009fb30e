//! The workloads of two clusters side by side: by name, since ids mean something on one side only.

use std::collections::BTreeMap;

use crate::model::{Cluster, ObjectKey, PodId, WorkloadId};
use crate::reach::Snapshot;

/// A workload of either side: its position among the names of both.
pub(super) type WorkloadNumber = u32;

/// The names of all workloads of two clusters.
#[derive(Debug)]
pub(super) struct Ends {
    keys: Vec<ObjectKey>,
    of: [Vec<WorkloadNumber>; 2],
}

impl Ends {
    pub(super) fn of(before: &Cluster, after: &Cluster) -> Self {
        let mut numbers: BTreeMap<ObjectKey, WorkloadNumber> = BTreeMap::new();
        for cluster in [before, after] {
            for id in cluster.workload_ids() {
                numbers.insert(cluster.workload_key(id), 0);
            }
        }
        for (at, number) in (0..).zip(numbers.values_mut()) {
            *number = at;
        }
        let of = [before, after].map(|cluster| {
            let number = |id| numbers.get(&cluster.workload_key(id)).copied().unwrap_or(u32::MAX);
            cluster.workload_ids().map(number).collect()
        });
        Self { keys: numbers.into_keys().collect(), of }
    }

    /// Returns the name of a workload.
    pub(super) fn key(&self, number: WorkloadNumber) -> &ObjectKey {
        &self.keys[number as usize]
    }

    /// Finds a workload by name.
    pub(super) fn find(&self, key: &ObjectKey) -> Option<WorkloadNumber> {
        self.keys.binary_search(key).ok().and_then(|at| u32::try_from(at).ok())
    }

    /// Returns the numbers of a side's workloads, by id.
    pub(super) fn numbers(&self, side: usize) -> &[WorkloadNumber] {
        &self.of[side]
    }

    /// Lists a workload's pods so that those at one place are the same pod of both sides: by name, those of other
    /// names in their order.
    pub(super) fn aligned(
        &self,
        number: WorkloadNumber,
        side: usize,
        sides: &[Side<'_>; 2],
    ) -> Vec<PodId> {
        let (own, other) = (&sides[side], &sides[1 - side]);
        let name = |side: &Side<'_>, pod: &PodId| side.snapshot.cluster().pod(*pod).name.clone();
        let names: std::collections::BTreeSet<_> =
            other.pods(number).iter().map(|pod| name(other, pod)).collect();
        let mut pods: Vec<PodId> = own.pods(number).to_vec();
        pods.sort_by_key(|pod| {
            let name = name(own, pod);
            (!names.contains(&name), name)
        });
        pods
    }
}

/// One of two snapshots, its workloads numbered.
#[derive(Debug)]
pub(super) struct Side<'a> {
    pub(super) snapshot: &'a Snapshot,
    numbers: &'a [WorkloadNumber],
    ids: BTreeMap<WorkloadNumber, WorkloadId>,
}

impl<'a> Side<'a> {
    pub(super) fn of(snapshot: &'a Snapshot, numbers: &'a [WorkloadNumber]) -> Self {
        let ids = snapshot.cluster().workload_ids().map(|id| (numbers[id.index()], id)).collect();
        Self { snapshot, numbers, ids }
    }

    /// Returns the number of a workload.
    pub(super) fn number(&self, id: WorkloadId) -> WorkloadNumber {
        self.numbers[id.index()]
    }

    /// Returns the id of a workload that this side has.
    pub(super) fn id(&self, number: WorkloadNumber) -> Option<WorkloadId> {
        self.ids.get(&number).copied()
    }

    /// Lists the pods of a workload; none where this side lacks it.
    pub(super) fn pods(&self, number: WorkloadNumber) -> &'a [PodId] {
        self.id(number).map_or(&[], |id| &self.snapshot.cluster().workload(id).pods)
    }
}
