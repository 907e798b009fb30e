//! Selections in cells: the pods of one end that share a group.

use std::collections::BTreeMap;

use super::question::{End, Level, Selection};
use crate::compile::Program;
use crate::index::GroupId;
use crate::model::{Cluster, PodId};

/// Orders ends of rows: by the first pod of the end.
pub(super) type EndId = usize;

/// Pods of one end and one group.
#[derive(Debug)]
pub(super) struct Cell {
    /// Whose pods they are.
    pub(super) end: EndId,
    /// Their group.
    pub(super) group: GroupId,
    /// The pods, ascending.
    pub(super) pods: Vec<PodId>,
}

/// A selection's pods as ends and cells.
#[derive(Debug, Default)]
pub(super) struct Cells {
    /// The ends, in the order of their first pods.
    pub(super) ends: Vec<(End, Vec<PodId>)>,
    /// The cells, by end.
    pub(super) cells: Vec<Cell>,
}

impl Cells {
    /// Sorts the pods of a selection into ends and cells.
    pub(super) fn of(
        cluster: &Cluster,
        program: &Program,
        selection: &Selection,
        level: Level,
    ) -> Self {
        let mut numbers: BTreeMap<(u8, u32), EndId> = BTreeMap::new();
        let mut cells = Self::default();
        let known = |pod: &PodId| pod.index() < cluster.pods().len();
        let mut selected = vec![0; cluster.workloads().len()];
        for pod in selection.pods.iter().map(PodId).filter(known) {
            selected[cluster.pod(pod).workload.index()] += 1;
        }
        for pod in selection.pods.iter().map(PodId).filter(known) {
            let workload = cluster.pod(pod).workload;
            let whole = selected[workload.index()] == cluster.workload(workload).pods.len();
            let (key, end) = end_of(cluster, whole, level, pod);
            let id = *numbers.entry(key).or_insert_with(|| {
                cells.ends.push((end, Vec::new()));
                cells.ends.len() - 1
            });
            cells.ends[id].1.push(pod);
        }
        for (end, (_, pods)) in cells.ends.iter().enumerate() {
            let mut by_group: BTreeMap<GroupId, Vec<PodId>> = BTreeMap::new();
            pods.iter()
                .for_each(|pod| by_group.entry(program.groups.of(*pod)).or_default().push(*pod));
            cells.cells.extend(by_group.into_iter().map(|(group, pods)| Cell { end, group, pods }));
        }
        cells
    }
}

/// Returns the end that a pod belongs to; a workload stands for its pods where all of them are selected.
fn end_of(cluster: &Cluster, whole: bool, level: Level, pod: PodId) -> ((u8, u32), End) {
    let facts = cluster.pod(pod);
    match level {
        Level::Namespace => ((2, facts.namespace.0), End::Namespace(facts.namespace)),
        Level::Workload if whole => ((1, facts.workload.0), End::Workload(facts.workload)),
        Level::Workload | Level::Pod => ((0, pod.0), End::Pod(pod)),
    }
}
