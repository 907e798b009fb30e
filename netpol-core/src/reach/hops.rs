//! Questions over several hops: who can get where through other workloads.
//!
//! A hop is a connection that some pod of one workload may open to some pod of another. Traffic that leaves for the outside does not come
//! back: addresses begin and end ways, and no way leads through them.

use std::collections::HashMap;
use std::rc::Rc;

use roaring::RoaringBitmap;

use super::paths::{self, PathChoice};
use super::question::{AskedPorts, ControllerEnd, End, Level, Question, Row, Selection};
use super::snapshot::Snapshot;
use crate::index::{DenseSet, GroupId};
use crate::model::{Direction, Family, IpSet, PodId, PortSet, Verdict};

/// Frontiers are asked about in parts of about so many pods: a search can stop between them, and what was found from one part
/// need not be asked about again.
const PART: u64 = 64;

/// Going through a pod costs about as much as so many pairs of groups.
const POD_WORK: u64 = 2;

/// So many lists of groups are remembered: those of both sides, and what is left of them.
const KNOWN_GROUPS: usize = 4;

/// Where ways begin and end, and what they may pass. Hops before the last one may go on any port.
#[derive(Clone, Debug, PartialEq)]
pub struct Hops {
    /// Where they begin.
    pub from: Selection,
    /// Where they end, and on which ports the last hop goes.
    pub to: Vec<(Selection, AskedPorts)>,
    /// Pods that they do not pass.
    pub avoiding: RoaringBitmap,
    /// The most hops; `None` for any number.
    pub max_hops: Option<u32>,
    /// Whether hops are followed that may be allowed, as well as those that certainly are.
    pub doubtful: bool,
    /// The most work, in pairs of pod groups and in pods that are looked at; a search that needs more stops and says so.
    pub most_work: u64,
}

impl Hops {
    /// So much work takes about a second.
    pub const MOST_WORK: u64 = 4_000_000;

    /// Asks for ways between two selections, the last hop on some of the ports.
    pub fn between(from: Selection, to: Selection, ports: AskedPorts) -> Self {
        Self {
            from,
            to: vec![(to, ports)],
            avoiding: RoaringBitmap::new(),
            max_hops: None,
            doubtful: false,
            most_work: Self::MOST_WORK,
        }
    }

    /// Returns the pods where ways end.
    pub(super) fn target_pods(&self) -> RoaringBitmap {
        self.to.iter().fold(RoaringBitmap::new(), |all, (to, _)| all | &to.pods)
    }
}

/// An end that is reached, or that reaches, after so many hops; with a shortest way.
#[derive(Clone, Debug, PartialEq)]
pub struct Arrival {
    /// The end.
    pub end: End,
    /// A shortest way, a row for each hop; its length is the number of hops.
    pub way: Vec<Row>,
}

impl Arrival {
    /// Tells whether the way comes to its end once.
    fn is_straight(&self) -> bool {
        let before = &self.way[..self.way.len() - 1];
        before.iter().all(|row| row.dst != self.end)
    }
}

/// Everything that is reached, or that reaches.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Closure {
    /// The ends, those of few hops first.
    pub arrivals: Vec<Arrival>,
    /// Whether the search stopped at the bound of its work: there may be more.
    pub stopped: bool,
    /// The number of pairs on the way whose verdict is in doubt, and which were not followed.
    pub doubtful: u64,
    /// The workloads and pods that ways may pass, asked about or not, in the order in which they were found.
    pub met: Vec<End>,
    /// Whether the arrivals are those who reach, rather than those who are reached.
    pub backward: bool,
}

/// How far a search from the targets goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// Only as many hops as it takes to find a source.
    FirstSources,
    /// Everything but the targets.
    AllSources,
    /// The targets too, where they come to other targets.
    TargetsToo,
}

/// A search under way.
pub(super) struct Searcher<'a> {
    snapshot: &'a Snapshot,
    pub(super) question: &'a Hops,
    passable: RoaringBitmap,
    /// A shortest way for every end that was met.
    ways: HashMap<End, Vec<Row>>,
    met: Vec<End>,
    pub(super) doubtful: u64,
    pub(super) work: u64,
    /// The groups of the pods that were asked about last: one side of a search stays the same for long.
    groups: Vec<(RoaringBitmap, Rc<[GroupId]>)>,
}

impl<'a> Searcher<'a> {
    pub(super) fn new(snapshot: &'a Snapshot, question: &'a Hops) -> Self {
        let all: RoaringBitmap = snapshot.cluster().pod_ids().map(|p| p.0).collect();
        let passable = all - &question.avoiding;
        Self {
            snapshot,
            question,
            passable,
            ways: HashMap::new(),
            met: Vec::new(),
            doubtful: 0,
            work: 0,
            groups: Vec::new(),
        }
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.work > self.question.most_work
    }

    fn is_last(&self, hop: u32) -> bool {
        self.question.max_hops.is_some_and(|most| hop > most)
    }

    /// Lists the hops between two selections, one row for each pair of ends.
    pub(super) fn hops(&mut self, from: Selection, to: Selection, ports: AskedPorts) -> Vec<Row> {
        let (from, to) = self.narrowed(from, to);
        if from.is_empty() || to.is_empty() {
            self.work += 1;
            return Vec::new();
        }
        let pods = from.pods.len() + to.pods.len();
        let groups = |of: &[GroupId]| (of.len() as u64).max(1);
        self.work += groups(&self.groups(&from.pods)) * groups(&self.groups(&to.pods));
        self.work += pods * POD_WORK;
        let question =
            Question { from, to, ports, level: Level::Workload, explain: false, denied: false };
        let rows = self.snapshot.ask(&question).rows;
        let doubtful = |r: &&Row| matches!(r.verdict, Verdict::Unknown | Verdict::Ambiguous);
        self.doubtful += rows.iter().filter(doubtful).map(|r| r.matching).sum::<u64>();
        let followed = self.question.doubtful;
        let open = |r: &Row| r.verdict == Verdict::Allow || followed && doubtful(&r);
        let rows: Vec<Row> = rows.into_iter().filter(open).collect();
        rows.chunk_by(|a, b| a.src == b.src && a.dst == b.dst).filter_map(merge).collect()
    }

    /// Leaves out of the larger side the ends of which no pod may have a connection with the other side on any port: nothing is
    /// said of those in any answer.
    fn narrowed(&mut self, from: Selection, to: Selection) -> (Selection, Selection) {
        let (sources, targets) = (self.groups(&from.pods), self.groups(&to.pods));
        let (program, may_reach) = (self.snapshot.program(), self.snapshot.may_reach());
        // Traffic from a pod's own node passes whatever ingress rules say.
        let exempt = |group: &GroupId| {
            self.snapshot.dialect().own_node_exempt && program.groups.group(*group).host_network
        };
        if sources.len() < targets.len() {
            if sources.iter().any(exempt) || !is_pods_alone(&from) {
                return (from, to);
            }
            let partners = may_reach.partners(program, Direction::Egress, &sources, &targets);
            let pods = self.ends_of(&partners, targets.len(), &to.pods);
            return (from, Selection { pods, ..to });
        }
        if !is_pods_alone(&to) {
            return (from, to);
        }
        let mut partners = may_reach.partners(program, Direction::Ingress, &targets, &sources);
        partners.extend(sources.iter().filter(|group| exempt(group)));
        let pods = self.ends_of(&partners, sources.len(), &from.pods);
        (Selection { pods, ..from }, to)
    }

    /// Returns the pods out of `pods` of every workload that has a pod in some of the groups: rows tell how many pairs of pods
    /// two workloads have, whichever group these are in.
    fn ends_of(&self, groups: &[GroupId], all: usize, pods: &RoaringBitmap) -> RoaringBitmap {
        if groups.len() >= all {
            return pods.clone();
        }
        let (cluster, program) = (self.snapshot.cluster(), self.snapshot.program());
        let mut ends = RoaringBitmap::new();
        let mut last = None;
        for pod in groups.iter().flat_map(|group| program.groups.pods(*group)) {
            let workload = cluster.pod(*pod).workload;
            if last.replace(workload) != Some(workload) {
                ends.extend(cluster.workload(workload).pods.iter().map(|pod| pod.0));
            }
        }
        ends & pods
    }

    /// Returns the groups of pods, ascending.
    fn groups(&mut self, pods: &RoaringBitmap) -> Rc<[GroupId]> {
        if let Some((_, known)) = self.groups.iter().find(|(of, _)| of == pods) {
            return Rc::clone(known);
        }
        let groups = &self.snapshot.program().groups;
        let mut seen = DenseSet::none(groups.len());
        pods.iter().for_each(|pod| seen.insert(groups.of(PodId(pod))));
        let mut found = Vec::new();
        seen.for_each(&mut |group| found.push(group));
        let found: Rc<[GroupId]> = found.into();
        if self.groups.len() >= KNOWN_GROUPS {
            self.groups.remove(0);
        }
        self.groups.push((pods.clone(), Rc::clone(&found)));
        found
    }

    /// Finds everything that gets to the targets; ways do not pass pods of `ends`.
    pub(super) fn backward(&mut self, ends: &RoaringBitmap, extent: Extent) -> Vec<Arrival> {
        let targets = self.question.target_pods();
        let mut unseen = &self.passable | &self.question.from.pods;
        if extent != Extent::TargetsToo {
            unseen -= &targets;
        }
        let mut round = Vec::new();
        let all_addresses = self.question.from.addresses.clone();
        let mut addresses = all_addresses.clone();
        let mut controller = self.question.from.ingress_controller;
        let mut asks = self.question.to.clone();
        let mut arrivals = Vec::new();
        for hop in 1.. {
            let mut found = RoaringBitmap::new();
            for (to, ports) in std::mem::take(&mut asks) {
                if self.is_stopped() || self.is_last(hop) {
                    return self.with_straight_sources(arrivals, round);
                }
                let from = Selection {
                    pods: unseen.clone(),
                    addresses: addresses.clone(),
                    names: vec![],
                    ingress_controller: controller,
                };
                let mut rows = self.hops(from, to, ports);
                rows.retain(|row| row.src != row.dst);
                for row in firsts(rows, |r| &r.src) {
                    let pods = self.pods_of(&row.src);
                    unseen -= &pods;
                    found |= pods;
                    addresses = addresses.difference(&addresses_of(&row.src));
                    if row.src == End::IngressController {
                        controller = ControllerEnd::Absent;
                    }
                    // A target that reaches another one is no way station: ways end at the first target.
                    let rest = if hop == 1 { None } else { self.way_from(&row.dst).cloned() };
                    let (end, way) = (row.src.clone(), prepend(row, rest.unwrap_or_default()));
                    if way.iter().any(|row| row.dst == end) {
                        round.push(end);
                        continue;
                    }
                    // Ways lead through those pods of a workload that are no targets.
                    if !self.pods_of(&end).is_subset(&targets) {
                        self.meet(&end, &way);
                    }
                    arrivals.push(Arrival { end, way });
                }
            }
            let arrived = controller != self.question.from.ingress_controller
                || addresses != all_addresses
                || !found.is_disjoint(&self.question.from.pods);
            asks = self.parts(&(found - ends - &self.question.avoiding - &targets));
            if asks.is_empty() || extent == Extent::FirstSources && arrived {
                break;
            }
        }
        self.with_straight_sources(arrivals, round)
    }

    /// Adds the targets that come to another target only by a way of their own, since the shortest one came back to them.
    fn with_straight_sources(
        &mut self,
        mut arrivals: Vec<Arrival>,
        round: Vec<End>,
    ) -> Vec<Arrival> {
        for end in round {
            let own = self.pods_of(&end);
            if self.is_stopped() || self.question.target_pods().is_subset(&own) {
                continue;
            }
            let from = Selection { pods: own, ..Selection::default() };
            let to = self.question.to.clone();
            arrivals.extend(self.straight(Hops { from, to, ..self.question.clone() }, end));
        }
        arrivals.sort_by_key(|a| a.way.len());
        arrivals
    }

    /// Finds a shortest way that passes no end twice.
    fn straight(&mut self, question: Hops, end: End) -> Option<Arrival> {
        let most_work = self.question.most_work.saturating_sub(self.work);
        let question = Hops { most_work, ..question };
        let shortest = PathChoice { via: None, shortest: true, most: 1 };
        let (found, work) = paths::paths(self.snapshot, &question, &shortest);
        self.work += work;
        found.paths.into_iter().next().map(|way| Arrival { end, way })
    }

    /// Finds everything that the sources get to.
    pub(super) fn forward(&mut self) -> Vec<Arrival> {
        let mut open = self.question.to.clone();
        open.iter_mut().for_each(|(to, _)| to.pods -= &self.question.from.pods);
        let mut unseen = &self.passable - &self.question.from.pods;
        let mut frontier = vec![self.question.from.clone()];
        let unrestricted = self.is_unrestricted();
        let mut arrivals = Vec::new();
        let mut round = Vec::new();
        for hop in 1.. {
            let mut found = RoaringBitmap::new();
            for from in std::mem::take(&mut frontier) {
                if self.is_stopped() || self.is_last(hop) {
                    return self.straightened(arrivals, round);
                }
                for (to, ports) in &mut open {
                    let rows = self.hops(from.clone(), to.clone(), ports.clone());
                    for row in firsts(rows, |r| &r.dst) {
                        self.take(to, &row.dst);
                        let arrival = self.arrive(row);
                        if unrestricted {
                            let pods = self.pods_of(&arrival.end) & &unseen;
                            if !pods.is_empty() {
                                unseen -= &pods;
                                found |= pods;
                                self.meet(&arrival.end, &arrival.way);
                            }
                        }
                        if arrival.is_straight() {
                            arrivals.push(arrival);
                        } else {
                            round.push((arrival.end, ports.clone()));
                        }
                    }
                }
                if unrestricted {
                    continue;
                }
                let to = Selection { pods: unseen.clone(), ..Selection::default() };
                for row in firsts(self.hops(from, to, AskedPorts::all()), |r| &r.dst) {
                    let pods = self.pods_of(&row.dst);
                    unseen -= &pods;
                    found |= pods;
                    let arrival = self.arrive(row);
                    self.meet(&arrival.end, &arrival.way);
                }
            }
            frontier = self.parts(&found).into_iter().map(|(s, _)| s).collect();
            if frontier.is_empty() {
                break;
            }
        }
        self.straightened(arrivals, round)
    }

    /// Cuts pods into parts that are asked about one after the other; those of one workload stay together, so that they are one
    /// end in every part.
    fn parts(&self, pods: &RoaringBitmap) -> Vec<(Selection, AskedPorts)> {
        let cluster = self.snapshot.cluster();
        let mut placed = RoaringBitmap::new();
        let mut parts = Vec::new();
        let mut part = RoaringBitmap::new();
        for pod in pods {
            let workload = cluster.pod(PodId(pod)).workload;
            if !placed.insert(workload.0) {
                continue;
            }
            let own = cluster.workload(workload).pods.iter().map(|pod| pod.0);
            part.extend(own.filter(|pod| pods.contains(*pod)));
            if part.len() >= PART {
                parts.push(std::mem::take(&mut part));
            }
        }
        if !part.is_empty() {
            parts.push(part);
        }
        let select = |pods| (Selection { pods, ..Selection::default() }, AskedPorts::all());
        parts.into_iter().map(select).collect()
    }

    /// Tells whether the last hop may be any hop: then what is arrived at is what is passed.
    fn is_unrestricted(&self) -> bool {
        let [(to, ports)] = &self.question.to[..] else { return false };
        *ports == AskedPorts::all()
            && self.passable.is_subset(&(&to.pods | &self.question.from.pods))
    }

    /// Adds the ends that a shortest way passed before it came back to them on the right ports, where a straight way
    /// leads there as well.
    fn straightened(
        &mut self,
        mut arrivals: Vec<Arrival>,
        round: Vec<(End, AskedPorts)>,
    ) -> Vec<Arrival> {
        for (end, ports) in round {
            if self.is_stopped() {
                break;
            }
            let to = Selection { pods: self.pods_of(&end), ..Selection::default() };
            let question = Hops { to: vec![(to, ports)], ..self.question.clone() };
            arrivals.extend(self.straight(question, end));
        }
        arrivals.sort_by_key(|a| a.way.len());
        arrivals
    }

    /// Remembers a way to an end that others may lead through.
    fn meet(&mut self, end: &End, way: &[Row]) {
        if !matches!(end, End::External(_) | End::Name(_) | End::IngressController) {
            self.met.push(end.clone());
            self.ways.insert(end.clone(), way.to_vec());
        }
    }

    /// Returns the way on from an end, which may be a pod of a workload that was met.
    fn way_from(&self, end: &End) -> Option<&Vec<Row>> {
        let whole = || match end {
            End::Pod(pod) => {
                self.ways.get(&End::Workload(self.snapshot.cluster().pod(*pod).workload))
            }
            _ => None,
        };
        self.ways.get(end).or_else(whole)
    }

    fn arrive(&self, row: Row) -> Arrival {
        let mut way = self.way_from(&row.src).cloned().unwrap_or_default();
        let end = row.dst.clone();
        way.push(row);
        Arrival { end, way }
    }

    /// Takes an end out of what is still looked for.
    fn take(&self, selection: &mut Selection, end: &End) {
        selection.pods -= self.pods_of(end);
        selection.addresses = selection.addresses.difference(&addresses_of(end));
        if let End::Name(name) = end {
            selection.names.retain(|n| n != name);
        }
    }

    pub(super) fn pods_of(&self, end: &End) -> RoaringBitmap {
        match end {
            End::Pod(pod) => [pod.0].into_iter().collect(),
            End::Workload(id) => {
                self.snapshot.cluster().workload(*id).pods.iter().map(|p| p.0).collect()
            }
            End::Namespace(_) | End::External(_) | End::Name(_) | End::IngressController => {
                RoaringBitmap::new()
            }
        }
    }
}

/// Tells whether a selection holds nothing but pods.
fn is_pods_alone(selection: &Selection) -> bool {
    selection.addresses.is_empty()
        && selection.names.is_empty()
        && selection.ingress_controller == ControllerEnd::Absent
}

fn addresses_of(end: &End) -> IpSet {
    match end {
        End::External(ranges) => ranges.clone(),
        _ => IpSet::none(),
    }
}

fn prepend(row: Row, mut rest: Vec<Row>) -> Vec<Row> {
    rest.insert(0, row);
    rest
}

/// Keeps the first row of each end.
fn firsts(rows: Vec<Row>, end: fn(&Row) -> &End) -> Vec<Row> {
    let mut seen = std::collections::HashSet::new();
    rows.into_iter().filter(|row| seen.insert(end(row).clone())).collect()
}

/// Makes one row of the rows of a pair of ends: on some of the ports, some pair of pods is allowed.
fn merge(rows: &[Row]) -> Option<Row> {
    let mut merged = rows.first()?.clone();
    let of = |family: Option<Family>| {
        rows.iter().filter(|r| r.family == family).map(|r| r.matching).sum::<u64>()
    };
    let families = [None, Some(Family::V4), Some(Family::V6)];
    merged.matching = families.into_iter().map(of).max().unwrap_or(0).min(merged.total);
    merged.ports = rows.iter().fold(PortSet::none(), |all, r| all.union(&r.ports));
    let certain = rows.iter().find(|r| r.verdict == Verdict::Allow);
    merged.verdict = certain.map_or(merged.verdict, |r| r.verdict);
    merged.family = None;
    Some(merged)
}

/// Finds everything that gets to the targets, over any number of hops.
pub(super) fn sources(snapshot: &Snapshot, question: &Hops) -> Closure {
    let mut searcher = Searcher::new(snapshot, question);
    let mut arrivals = searcher.backward(&RoaringBitmap::new(), Extent::TargetsToo);
    arrivals.retain(|a| match &a.end {
        End::External(_) | End::Name(_) | End::IngressController => true,
        end => !searcher.pods_of(end).is_disjoint(&question.from.pods),
    });
    searcher.closure(arrivals, true)
}

/// Finds everything that the sources get to, over any number of hops.
pub(super) fn destinations(snapshot: &Snapshot, question: &Hops) -> Closure {
    let mut searcher = Searcher::new(snapshot, question);
    let arrivals = searcher.forward();
    searcher.closure(arrivals, false)
}

impl Searcher<'_> {
    fn closure(self, arrivals: Vec<Arrival>, backward: bool) -> Closure {
        let doubtful = if self.question.doubtful { 0 } else { self.doubtful };
        Closure { arrivals, stopped: self.is_stopped(), doubtful, met: self.met, backward }
    }
}
