//! Simple paths over several hops, short ones first.

use std::collections::HashMap;
use std::rc::Rc;

use roaring::RoaringBitmap;

use super::hops::{Extent, Hops, Searcher};
use super::question::{AskedPorts, End, Row, Selection};
use super::snapshot::Snapshot;

/// The most steps of the enumeration; one that needs more stops and says so.
const MOST_STEPS: u64 = 200_000;

/// Which paths are listed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PathChoice {
    /// Pods of which each path passes one.
    pub via: Option<RoaringBitmap>,
    /// Whether only those of the least length are listed.
    pub shortest: bool,
    /// The most paths.
    pub most: usize,
}

/// Paths, and whether they are all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Paths {
    /// The paths, a row for each hop, short ones first.
    pub paths: Vec<Vec<Row>>,
    /// Whether there may be more paths than were asked for.
    pub more: bool,
    /// Whether the search stopped at the bound of its work.
    pub stopped: bool,
    /// The number of pairs on the way whose verdict is in doubt, and which were not followed.
    pub doubtful: u64,
}

/// Lists paths that pass no end twice, and neither another source nor another target; and says how much work it was.
pub(super) fn paths(snapshot: &Snapshot, question: &Hops, choice: &PathChoice) -> (Paths, u64) {
    let mut finder = Finder::new(snapshot, question, choice);
    for length in 1..=finder.longest() {
        finder.of_length(length);
        if finder.is_done() {
            break;
        }
    }
    let doubtful = if question.doubtful { 0 } else { finder.searcher.doubtful };
    let stopped = finder.searcher.is_stopped() || finder.steps > MOST_STEPS;
    let work = finder.searcher.work;
    (Paths { paths: finder.found, more: finder.more, stopped, doubtful }, work)
}

struct Finder<'a> {
    searcher: Searcher<'a>,
    choice: &'a PathChoice,
    /// The least number of hops from an end to a target.
    distance: HashMap<End, u32>,
    /// The least number of hops from an end to one that must be passed.
    via: HashMap<End, u32>,
    targets: RoaringBitmap,
    /// The pods of the ends that may be passed, by their distance, from 1.
    layers: Vec<RoaringBitmap>,
    /// The hops from an end, or from the sources, to the ends of a distance.
    edges: HashMap<(Option<End>, usize), Rc<[Row]>>,
    found: Vec<Vec<Row>>,
    more: bool,
    steps: u64,
}

impl<'a> Finder<'a> {
    fn new(snapshot: &'a Snapshot, question: &'a Hops, choice: &'a PathChoice) -> Self {
        let mut searcher = Searcher::new(snapshot, question);
        let sources = question.from.pods.clone();
        let first = choice.shortest && choice.via.is_none();
        let extent = if first { Extent::FirstSources } else { Extent::AllSources };
        let arrivals = searcher.backward(&sources, extent);
        let targets = question.target_pods();
        let mut layers: Vec<RoaringBitmap> = Vec::new();
        let mut distance = HashMap::new();
        for arrival in arrivals {
            let length = arrival.way.len();
            layers.resize(layers.len().max(length), RoaringBitmap::new());
            layers[length - 1] |= searcher.pods_of(&arrival.end) - &sources;
            distance.insert(arrival.end, u32::try_from(length).unwrap_or(u32::MAX));
        }
        let via = choice.via.as_ref().map(|pods| distances(snapshot, question, pods));
        Self {
            searcher,
            choice,
            distance,
            via: via.unwrap_or_default(),
            targets,
            layers,
            edges: HashMap::new(),
            found: Vec::new(),
            more: false,
            steps: 0,
        }
    }

    /// No simple path passes more ends than there are.
    fn longest(&self) -> u32 {
        let ends = u32::try_from(self.distance.len()).unwrap_or(u32::MAX);
        self.searcher.question.max_hops.unwrap_or(u32::MAX).min(ends.saturating_add(1))
    }

    fn is_done(&self) -> bool {
        let enough = self.found.len() >= self.choice.most;
        let shortest = self.choice.shortest && !self.found.is_empty();
        enough || shortest || self.steps > MOST_STEPS
    }

    /// Lists the hops that leave an end, or the sources, for the ends of a distance; 0 for the targets.
    fn leaving(&mut self, end: Option<&End>, distance: usize) -> Rc<[Row]> {
        let key = (end.cloned(), distance);
        if let Some(known) = self.edges.get(&key) {
            return Rc::clone(known);
        }
        let from = match end {
            None => self.searcher.question.from.clone(),
            Some(end) => Selection { pods: self.searcher.pods_of(end), ..Selection::default() },
        };
        let rows: Rc<[Row]> = self.hops_to(&from, distance).into();
        self.edges.insert(key, Rc::clone(&rows));
        rows
    }

    fn hops_to(&mut self, from: &Selection, distance: usize) -> Vec<Row> {
        let Some(layer) = distance.checked_sub(1) else {
            // An end that is a source and a target has nowhere to go from itself, but to the other targets.
            let parts = self.searcher.question.to.clone();
            let hops = |(to, ports)| self.searcher.hops(from.clone(), to, ports);
            return parts.into_iter().flat_map(hops).filter(|row| row.src != row.dst).collect();
        };
        let pods = self.layers.get(layer).map_or_else(RoaringBitmap::new, |l| l - &from.pods);
        let through = Selection { pods, ..Selection::default() };
        self.searcher.hops(from.clone(), through, AskedPorts::all())
    }

    fn of_length(&mut self, length: u32) {
        let left = length - 1;
        for distance in 0..=left as usize {
            for row in self.leaving(None, distance).iter() {
                let passes = self.is_passed(&row.src);
                self.follow(&mut vec![row.clone()], left, passes);
            }
        }
    }

    fn is_passed(&self, end: &End) -> bool {
        let pods = self.searcher.pods_of(end);
        self.choice.via.as_ref().is_some_and(|via| !via.is_disjoint(&pods))
    }

    fn is_target(&self, end: &End) -> bool {
        match end {
            End::External(_) | End::Name(_) | End::IngressController => true,
            end => !self.searcher.pods_of(end).is_disjoint(&self.targets),
        }
    }

    /// Goes on from the end of a path that has exactly so many hops left.
    fn follow(&mut self, path: &mut Vec<Row>, left: u32, passed: bool) {
        self.steps += 1;
        let Some(end) = path.last().map(|row| row.dst.clone()) else { return };
        let passed = passed || self.is_passed(&end);
        if self.is_target(&end) {
            if left == 0 && (passed || self.choice.via.is_none()) {
                self.add(path);
            }
            return;
        }
        if left == 0 || self.is_done_within() || !self.may_arrive(&end, left, passed) {
            return;
        }
        for distance in 0..left as usize {
            for row in self.leaving(Some(&end), distance).iter() {
                let again = path.iter().any(|r| r.src == row.dst || r.dst == row.dst);
                if !again {
                    path.push(row.clone());
                    self.follow(path, left - 1, passed);
                    path.pop();
                }
            }
        }
    }

    fn is_done_within(&self) -> bool {
        self.more || self.steps > MOST_STEPS || self.searcher.is_stopped()
    }

    /// Tells whether a target, and what is to be passed, can lie within so many hops.
    fn may_arrive(&self, end: &End, left: u32, passed: bool) -> bool {
        let near = |map: &HashMap<End, u32>| map.get(end).is_some_and(|d| *d <= left);
        near(&self.distance) && (passed || self.choice.via.is_none() || near(&self.via))
    }

    fn add(&mut self, path: &[Row]) {
        if self.found.len() < self.choice.most {
            self.found.push(path.to_vec());
        } else {
            self.more = true;
        }
    }
}

/// Returns the least number of hops from every end to some pods.
fn distances(snapshot: &Snapshot, question: &Hops, pods: &RoaringBitmap) -> HashMap<End, u32> {
    let to = Selection { pods: pods.clone(), ..Selection::default() };
    let toward = Hops { to: vec![(to, AskedPorts::all())], ..question.clone() };
    let arrivals =
        Searcher::new(snapshot, &toward).backward(&RoaringBitmap::new(), Extent::AllSources);
    let length = |way: &[Row]| u32::try_from(way.len()).unwrap_or(u32::MAX);
    arrivals.into_iter().map(|a| (a.end, length(&a.way))).collect()
}
