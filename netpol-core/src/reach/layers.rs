//! What gets to a pod over any number of hops, in layers: hops are looked for between profiles, and pods are asked about
//! only where their addresses, nodes or the names of their ports decide.

use std::collections::{BTreeMap, BTreeSet};

use roaring::RoaringBitmap;

use super::any_port::{AnyPort, Bounds, share_a_port};
use super::hops::{self, Hops};
use super::question::{AskedPorts, End, Level, Question, Selection};
use super::snapshot::Snapshot;
use crate::compile::{ProfileId, Program};
use crate::index::{GroupId, GroupSet};
use crate::model::{Cluster, Direction, NodeId, PodId, Verdict, WorkloadId};

/// Where more questions than this have to be asked about single pods, the search that asks about all of them at once is
/// better; a question is about one group and so many pods.
const MOST_ASKED: u64 = 1024;
const PODS_ASKED: u64 = 64;

/// Lists the workloads that get to a pod, those of few hops first.
pub(super) fn eventual_sources_of(snapshot: &Snapshot, target: PodId) -> Vec<Vec<WorkloadId>> {
    let found = Search::new(snapshot, target).run();
    found.unwrap_or_else(|| layers_of_ways(snapshot, target))
}

/// The same from the ways themselves.
fn layers_of_ways(snapshot: &Snapshot, target: PodId) -> Vec<Vec<WorkloadId>> {
    let cluster = snapshot.cluster();
    let from =
        Selection { pods: cluster.pod_ids().map(|pod| pod.0).collect(), ..Selection::default() };
    let mut question = Hops::between(from, Selection::pod(target), AskedPorts::all());
    question.most_work = u64::MAX;
    let mut layers: Vec<Vec<WorkloadId>> = Vec::new();
    for arrival in hops::sources(snapshot, &question).arrivals {
        let Some(workload) = workload_of(cluster, &arrival.end) else { continue };
        layers.resize_with(layers.len().max(arrival.way.len()), Vec::new);
        if let Some(layer) = arrival.way.len().checked_sub(1).and_then(|at| layers.get_mut(at)) {
            layer.push(workload);
        }
    }
    layers.iter_mut().for_each(|layer| layer.sort_unstable());
    layers
}

fn workload_of(cluster: &Cluster, end: &End) -> Option<WorkloadId> {
    match end {
        End::Workload(id) => Some(*id),
        End::Pod(pod) => Some(cluster.pod(*pod).workload),
        End::Namespace(_) | End::External(_) | End::Name(_) | End::IngressController => None,
    }
}

struct Search<'a> {
    snapshot: &'a Snapshot,
    cluster: &'a Cluster,
    program: &'a Program,
    bounds: &'a AnyPort,
    target: PodId,
    /// By workload, the number of its layer; 0 for that of the target, where it has no other pod.
    layer_of: Vec<Option<u32>>,
    /// The groups with workloads that were not found, ascending.
    left: Vec<GroupId>,
    /// By group, whether all its workloads were found through it.
    done: Vec<bool>,
    /// The number of the last layer.
    layer: u32,
    asked: u64,
}

/// Whether pods of one group get to pods of another in one hop.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hop {
    No,
    Surely,
    /// Single pods decide.
    Perhaps,
}

impl<'a> Search<'a> {
    fn new(snapshot: &'a Snapshot, target: PodId) -> Self {
        let (cluster, program) = (snapshot.cluster(), snapshot.program());
        let mut layer_of = vec![None; cluster.workloads().len()];
        let own = cluster.pod(target).workload;
        if cluster.workload(own).pods.len() == 1 {
            layer_of[own.index()] = Some(0);
        }
        Self {
            snapshot,
            cluster,
            program,
            bounds: snapshot.any_port(),
            target,
            layer_of,
            left: (0..program.groups.len()).collect(),
            done: vec![false; program.groups.len() as usize],
            layer: 0,
            asked: 0,
        }
    }

    /// Goes back hop by hop; `None` where too many pods would have to be asked about one by one.
    fn run(mut self) -> Option<Vec<Vec<WorkloadId>>> {
        let mut layers: Vec<Vec<WorkloadId>> = Vec::new();
        let mut frontier = vec![self.program.groups.of(self.target)];
        loop {
            let mut found = self.next_layer(&frontier)?;
            if found.is_empty() {
                return Some(layers);
            }
            self.layer += 1;
            found.sort_unstable();
            frontier = found.iter().flat_map(|w| self.bounds.groups.list(w.0)).copied().collect();
            frontier.sort_unstable();
            frontier.dedup();
            layers.push(found);
            let done = std::mem::take(&mut self.done);
            self.left.retain(|group| !done[*group as usize]);
            self.done = done;
        }
    }

    /// Tells whether a pod is one of those that the last layer is made of.
    fn is_frontier(&self, pod: PodId) -> bool {
        match self.layer {
            0 => pod == self.target,
            layer => self.layer_of[self.cluster.pod(pod).workload.index()] == Some(layer),
        }
    }

    /// Finds the workloads that are one hop from the frontier, given by its groups, and were not found before.
    fn next_layer(&mut self, frontier: &[GroupId]) -> Option<Vec<WorkloadId>> {
        let mut found = Vec::new();
        let hopeful = self.hopeful(frontier);
        self.own_nodes(frontier, &mut found)?;
        let profile = |group: &GroupId| self.program.profile(Direction::Ingress, *group);
        let mut by_profile: Vec<(ProfileId, GroupId)> =
            frontier.iter().map(|group| (profile(group), *group)).collect();
        by_profile.sort_unstable();
        for part in by_profile.chunk_by(|a, b| a.0 == b.0) {
            let (ingress, _) = part[0];
            let targets: Vec<GroupId> = part.iter().map(|(_, group)| *group).collect();
            for source in self.let_in(ingress, &hopeful) {
                self.look((source, &targets), ingress, &mut found)?;
            }
        }
        Some(found)
    }

    /// The groups that are left and whose own rules may let them out to the frontier, ascending.
    fn hopeful(&self, frontier: &[GroupId]) -> Vec<GroupId> {
        let may_meet = |group: &&GroupId| {
            let bounds = self.egress(**group);
            first(&bounds.surely, frontier).is_some() || first(&bounds.perhaps, frontier).is_some()
        };
        self.left.iter().filter(may_meet).copied().collect()
    }

    fn egress(&self, group: GroupId) -> &'a Bounds {
        let profile = self.program.profile(Direction::Egress, group);
        self.bounds.bounds(Direction::Egress, profile)
    }

    /// The groups of `hopeful` that a profile may let in.
    fn let_in(&self, profile: ProfileId, hopeful: &[GroupId]) -> Vec<GroupId> {
        let bounds = self.bounds.bounds(Direction::Ingress, profile);
        let mut groups = Vec::new();
        for set in [&bounds.surely, &bounds.perhaps] {
            each(set, hopeful, &mut |group| {
                groups.push(group);
                true
            });
        }
        groups.sort_unstable();
        groups.dedup();
        groups
    }

    /// Looks for a hop from a group to one of the targets, which share an ingress profile that may let it in.
    fn look(
        &mut self,
        (source, targets): (GroupId, &[GroupId]),
        ingress: ProfileId,
        found: &mut Vec<WorkloadId>,
    ) -> Option<()> {
        if self.done[source as usize] {
            return Some(());
        }
        let egress = self.egress(source);
        let mut open = Vec::new();
        let mut surely = false;
        for set in [&egress.surely, &egress.perhaps] {
            each(set, targets, &mut |target| {
                match self.hop(source, (target, ingress)) {
                    Hop::No => {}
                    Hop::Surely => surely = true,
                    Hop::Perhaps => open.push(target),
                }
                !surely
            });
        }
        if surely {
            self.take_group(source, found);
            return Some(());
        }
        let groups = &self.program.groups;
        let pods = open.into_iter().flat_map(|group| groups.pods(group));
        let pods = pods.filter(|pod| self.is_frontier(**pod)).map(|pod| pod.0).collect();
        self.ask(source, pods, found)
    }

    /// Tells whether there is a hop from a group to a group with an ingress profile.
    fn hop(&self, source: GroupId, (target, ingress): (GroupId, ProfileId)) -> Hop {
        let (groups, egress) = (&self.program.groups, self.egress(source));
        let into = self.bounds.bounds(Direction::Ingress, ingress);
        let families = groups.group(source).families.and(groups.group(target).families);
        if families.is_empty() || !egress.may_allow(target) || !into.may_allow(source) {
            return Hop::No;
        }
        // A pod that gets to itself makes no hop.
        if self.layer == 0 && source == target {
            return Hop::Perhaps;
        }
        if egress.surely.contains(target) && into.surely.contains(source) {
            let profile = self.program.profile(Direction::Egress, source);
            let from = (source, profile);
            if egress.open || into.open || share_a_port(self.program, from, (target, ingress)) {
                return Hop::Surely;
            }
        }
        if egress.perhaps.contains(target) || into.perhaps.contains(source) {
            return Hop::Perhaps;
        }
        Hop::No
    }

    /// Takes every workload with a pod in a group.
    fn take_group(&mut self, group: GroupId, found: &mut Vec<WorkloadId>) {
        self.done[group as usize] = true;
        for workload in self.bounds.workloads.list(group) {
            self.take(WorkloadId(*workload), found);
        }
    }

    fn take(&mut self, workload: WorkloadId, found: &mut Vec<WorkloadId>) {
        let layer = &mut self.layer_of[workload.index()];
        if layer.is_none() {
            *layer = Some(self.layer + 1);
            found.push(workload);
        }
    }

    /// Asks which workloads of a group get to some pods.
    fn ask(
        &mut self,
        source: GroupId,
        targets: RoaringBitmap,
        found: &mut Vec<WorkloadId>,
    ) -> Option<()> {
        let pods = self.program.groups.pods(source).iter();
        let is_left = |pod: &&PodId| {
            let is_new = self.layer_of[self.cluster.pod(**pod).workload.index()].is_none();
            is_new && (self.layer > 0 || **pod != self.target)
        };
        let left = pods.filter(is_left);
        let from: RoaringBitmap = left.map(|pod| pod.0).collect();
        if from.is_empty() || targets.is_empty() {
            return Some(());
        }
        self.asked += 1 + targets.len() / PODS_ASKED;
        if self.asked > MOST_ASKED {
            return None;
        }
        let question = Question {
            from: Selection { pods: from, ..Selection::default() },
            to: Selection { pods: targets, ..Selection::default() },
            ports: AskedPorts::all(),
            level: Level::Workload,
            explain: false,
            denied: false,
        };
        for row in self.snapshot.ask(&question).rows {
            if row.verdict == Verdict::Allow
                && let Some(workload) = workload_of(self.cluster, &row.src)
            {
                self.take(workload, found);
            }
        }
        Some(())
    }

    /// Asks about the pods on the network of their node, of which ingress rules of pods on the same node say nothing.
    fn own_nodes(&mut self, frontier: &[GroupId], found: &mut Vec<WorkloadId>) -> Option<()> {
        if !self.snapshot.dialect().own_node_exempt {
            return Some(());
        }
        let is_host = |group: &&GroupId| self.program.groups.group(**group).host_network;
        let hosts: Vec<GroupId> = self.left.iter().filter(is_host).copied().collect();
        if hosts.is_empty() {
            return Some(());
        }
        let (cluster, groups) = (self.cluster, &self.program.groups);
        let mut on_node: BTreeMap<NodeId, Vec<u32>> = BTreeMap::new();
        for pod in frontier.iter().flat_map(|group| groups.pods(*group)) {
            if let Some(node) = cluster.pod(*pod).node
                && self.is_frontier(*pod)
            {
                on_node.entry(node).or_default().push(pod.0);
            }
        }
        for group in hosts {
            let nodes = groups.pods(group).iter().filter_map(|pod| cluster.pod(*pod).node);
            let nodes: BTreeSet<NodeId> = nodes.collect();
            let near = nodes.iter().filter_map(|node| on_node.get(node)).flatten();
            self.ask(group, near.copied().collect(), found)?;
        }
        Some(())
    }
}

/// Returns the first of some ascending groups that is in a set.
fn first(set: &GroupSet, groups: &[GroupId]) -> Option<GroupId> {
    let mut first = None;
    each(set, groups, &mut |group| {
        first = Some(group);
        false
    });
    first
}

/// Calls `visit` for those of some ascending groups that are in a set, until it returns false.
fn each(set: &GroupSet, groups: &[GroupId], visit: &mut impl FnMut(GroupId) -> bool) {
    let mut within = |from: GroupId, to: GroupId| {
        let begin = groups.partition_point(|group| *group < from);
        groups[begin..].iter().take_while(|group| **group < to).all(|group| visit(*group))
    };
    match set {
        GroupSet::Span(from, to) => {
            within(*from, *to);
        }
        GroupSet::Ranges(ranges) => {
            let _all_visited = ranges.iter().all(|(from, to)| within(*from, *to));
        }
        GroupSet::Dense(dense) => {
            let inside = groups.iter().filter(|group| dense.contains(**group));
            let _all_visited = inside.copied().all(visit);
        }
    }
}
