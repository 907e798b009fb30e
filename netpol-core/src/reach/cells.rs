//! Selections in cells: the pods of one end that share a group.

use std::collections::BTreeMap;

use roaring::RoaringBitmap;

use super::question::{End, Level, Selection};
use crate::compile::Program;
use crate::index::{DenseSet, GroupId};
use crate::model::{Cluster, NamespaceId, PodId, WorkloadId};

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
        let mut cells = Self::default();
        let known = |pod: &PodId| pod.index() < cluster.pods().len();
        let mut numbers = Numbers::of(cluster, level);
        let mut selected =
            vec![0; if level == Level::Workload { cluster.workloads().len() } else { 0 }];
        if level == Level::Workload {
            for pod in selection.pods.iter().map(PodId).filter(known) {
                selected[cluster.pod(pod).workload.index()] += 1;
            }
        }
        for pod in selection.pods.iter().map(PodId).filter(known) {
            let workload = cluster.pod(pod).workload;
            let count = selected.get(workload.index()).copied().unwrap_or(0);
            let whole = count == cluster.workload(workload).pods.len();
            let (number, end) = end_of(cluster, whole, level, pod);
            let next = cells.ends.len();
            let id = number.map_or(next, |number| numbers.end(number, next));
            if id == next {
                cells.ends.push((end, Vec::with_capacity(if whole { count } else { 1 })));
            }
            cells.ends[id].1.push(pod);
        }
        for (end, (_, pods)) in cells.ends.iter().enumerate() {
            add_cells(&mut cells.cells, program, end, pods);
        }
        cells
    }
}

impl Cells {
    /// Sorts those ends of a selection of which some pod is in one of the groups.
    pub(super) fn within(
        cluster: &Cluster,
        program: &Program,
        selection: &Selection,
        level: Level,
        groups: &DenseSet,
    ) -> Self {
        let mut ends: Vec<u32> = Vec::new();
        groups.for_each(&mut |group| {
            let pods = program.groups.pods(group).iter();
            let selected = pods.filter(|pod| selection.pods.contains(pod.0));
            ends.extend(selected.map(|pod| match level {
                Level::Pod => pod.0,
                Level::Workload => cluster.pod(*pod).workload.0,
                Level::Namespace => cluster.pod(*pod).namespace.0,
            }));
        });
        ends.sort_unstable();
        ends.dedup();
        let mut pods = RoaringBitmap::new();
        for end in ends {
            let mut add = |own: &[PodId]| pods.extend(own.iter().map(|pod| pod.0));
            match level {
                Level::Pod => add(&[PodId(end)]),
                Level::Workload => add(&cluster.workload(WorkloadId(end)).pods),
                Level::Namespace => {
                    let (from, to) = program.groups.of_namespace(NamespaceId(end));
                    (from..to).for_each(|group| add(program.groups.pods(group)));
                }
            }
        }
        pods &= &selection.pods;
        Self::of(cluster, program, &Selection { pods, ..Selection::default() }, level)
    }
}

/// The ends that stand for several pods, by the number of their workload or namespace.
struct Numbers(Vec<Option<EndId>>);

impl Numbers {
    fn of(cluster: &Cluster, level: Level) -> Self {
        Self(match level {
            Level::Namespace => vec![None; cluster.namespaces().len()],
            Level::Workload => vec![None; cluster.workloads().len()],
            Level::Pod => Vec::new(),
        })
    }

    /// Returns the end of a number, which is `next` where there was none.
    fn end(&mut self, number: usize, next: EndId) -> EndId {
        *self.0[number].get_or_insert(next)
    }
}

/// Adds the cells of one end: mostly all of its pods share a group.
fn add_cells(cells: &mut Vec<Cell>, program: &Program, end: EndId, pods: &[PodId]) {
    let of = |pod: &PodId| program.groups.of(*pod);
    let Some(group) = pods.first().map(of) else { return };
    if pods.iter().all(|pod| of(pod) == group) {
        cells.push(Cell { end, group, pods: pods.to_vec() });
        return;
    }
    let mut by_group: BTreeMap<GroupId, Vec<PodId>> = BTreeMap::new();
    pods.iter().for_each(|pod| by_group.entry(of(pod)).or_default().push(*pod));
    cells.extend(by_group.into_iter().map(|(group, pods)| Cell { end, group, pods }));
}

/// Returns the end that a pod belongs to, with the number of its workload or namespace where it stands for that; a workload
/// stands for its pods where all of them are selected.
fn end_of(cluster: &Cluster, whole: bool, level: Level, pod: PodId) -> (Option<usize>, End) {
    let facts = cluster.pod(pod);
    match level {
        Level::Namespace => (Some(facts.namespace.index()), End::Namespace(facts.namespace)),
        Level::Workload if whole => (Some(facts.workload.index()), End::Workload(facts.workload)),
        Level::Workload | Level::Pod => (None, End::Pod(pod)),
    }
}
