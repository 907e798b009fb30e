//! Which objects cause a row: those whose reversal takes it back.

use std::collections::{BTreeMap, BTreeSet};

use super::ends::{Ends, WorkloadNumber};
use super::objects::ObjectChange;
use super::rows::{Cause, DiffEnd, DiffRow, Scope, compare};
use crate::model::{Edits, IpSet, ObjectKey, ObjectKind};
use crate::reach::Snapshot;

/// The most reversals that are tried: each compiles the cluster once.
const MOST_REVERSALS: usize = 400;
/// The largest set of objects in which one smaller is looked for.
const LARGEST_SET: usize = 24;

/// Finds the causes of all rows.
pub(super) fn assign(
    rows: &mut [DiffRow],
    objects: &[ObjectChange],
    before: &Snapshot,
    after: &Snapshot,
) {
    if rows.is_empty() || objects.is_empty() {
        return;
    }
    let finder = Finder { objects, before, after, touched: touched(objects, before, after) };
    let mut budget = MOST_REVERSALS;
    let relevant: Vec<Vec<usize>> = rows.iter().map(|row| finder.relevant(row)).collect();
    let mut causes: Vec<Vec<Cause>> = vec![Vec::new(); rows.len()];
    for object in 0..objects.len() {
        let concerned: Vec<usize> =
            (0..rows.len()).filter(|at| relevant[*at].binary_search(&object).is_ok()).collect();
        for at in finder.undone(rows, &concerned, &[object], &mut budget) {
            causes[at].push(Cause { objects: vec![object] });
        }
    }
    finder.joint(rows, &relevant, &mut causes, &mut budget);
    for (row, found) in rows.iter_mut().zip(causes) {
        row.because = found;
    }
}

struct Finder<'a> {
    objects: &'a [ObjectChange],
    before: &'a Snapshot,
    after: &'a Snapshot,
    touched: Vec<Touched>,
}

/// Which rows an object can have to do with.
enum Touched {
    /// Those with one of these workloads at an end.
    Workloads(BTreeSet<ObjectKey>),
    /// Those with a workload of this namespace at an end.
    Namespace(Box<str>),
    /// Those from the ingress controller.
    Controller,
    /// Any.
    Everything,
}

fn touched(objects: &[ObjectChange], before: &Snapshot, after: &Snapshot) -> Vec<Touched> {
    let subjects = [before, after].map(subjects_of);
    let of = |object: &ObjectChange| match &object.key.kind {
        ObjectKind::Workload(_) => Touched::Workloads([object.key.clone()].into()),
        ObjectKind::Namespace => Touched::Namespace(object.key.name.clone()),
        ObjectKind::Node => Touched::Everything,
        ObjectKind::Service | ObjectKind::Ingress(_) => Touched::Controller,
        ObjectKind::Policy(_) => {
            let of = |side: &BTreeMap<ObjectKey, BTreeSet<ObjectKey>>| {
                side.get(&object.key).cloned().unwrap_or_default()
            };
            let mut workloads = of(&subjects[0]);
            workloads.extend(of(&subjects[1]));
            Touched::Workloads(workloads)
        }
    };
    objects.iter().map(of).collect()
}

/// The workloads that each policy governs.
fn subjects_of(snapshot: &Snapshot) -> BTreeMap<ObjectKey, BTreeSet<ObjectKey>> {
    let cluster = snapshot.cluster();
    let of = |id| {
        let pods = snapshot.subjects(id).into_iter();
        pods.map(|pod| cluster.workload_key(cluster.pod(pod).workload)).collect()
    };
    let policies = cluster.policy_ids();
    policies.map(|id| (cluster.policy_key(cluster.policy(id)), of(id))).collect()
}

impl Finder<'_> {
    /// Lists the objects that a row can have to do with, ascending.
    fn relevant(&self, row: &DiffRow) -> Vec<usize> {
        let ends = [&row.src, &row.dst];
        let touches = |touched: &Touched| match touched {
            Touched::Everything => true,
            Touched::Controller => row.src == DiffEnd::IngressController,
            Touched::Workloads(keys) => {
                ends.iter().any(|end| matches!(end, DiffEnd::Workload(key) if keys.contains(key)))
            }
            Touched::Namespace(name) => ends
                .iter()
                .any(|end| matches!(end, DiffEnd::Workload(key) if key.namespace == *name)),
        };
        (0..self.touched.len()).filter(|at| touches(&self.touched[*at])).collect()
    }

    /// Lists those among `concerned` that are taken back, or made smaller, by reverting a set of objects.
    fn undone(
        &self,
        rows: &[DiffRow],
        concerned: &[usize],
        set: &[usize],
        budget: &mut usize,
    ) -> Vec<usize> {
        if concerned.is_empty() || *budget == 0 {
            return Vec::new();
        }
        *budget -= 1;
        let Some(reverted) = self.revert(set) else { return Vec::new() };
        let ends = Ends::of(self.before, &reverted);
        let scope = scope(concerned.iter().map(|at| &rows[*at]), &ends);
        let left = compare(self.before, &reverted, &ends, Some(&scope)).rows;
        let mut by_pair: BTreeMap<(&DiffEnd, &DiffEnd), Vec<&DiffRow>> = BTreeMap::new();
        let outside = DiffEnd::External(IpSet::none());
        for row in &left {
            let (src, dst) = (plain(&row.src, &outside), plain(&row.dst, &outside));
            by_pair.entry((src, dst)).or_default().push(row);
        }
        let is_undone = |at: &&usize| {
            let row = &rows[**at];
            let pair = (plain(&row.src, &outside), plain(&row.dst, &outside));
            let left = by_pair.get(&pair).map_or(&[][..], |rows| rows);
            is_taken_back(row, left)
        };
        concerned.iter().filter(is_undone).copied().collect()
    }

    fn revert(&self, set: &[usize]) -> Option<Snapshot> {
        let cluster = self.before.cluster();
        let edits: Edits = set
            .iter()
            .map(|at| &self.objects[*at].key)
            .map(|key| (key.clone(), cluster.object(key)))
            .collect();
        // A mixture that cannot be built, as of a pod under two owners, tells nothing.
        self.after.edited(&edits).ok()
    }

    /// Finds sets of objects for rows that no single object explains.
    fn joint(
        &self,
        rows: &[DiffRow],
        relevant: &[Vec<usize>],
        causes: &mut [Vec<Cause>],
        budget: &mut usize,
    ) {
        let mut alike: BTreeMap<&[usize], Vec<usize>> = BTreeMap::new();
        for at in (0..rows.len()).filter(|at| causes[*at].is_empty()) {
            alike.entry(&relevant[at]).or_default().push(at);
        }
        for (set, members) in alike {
            let everything: Vec<usize> = (0..self.objects.len()).collect();
            let mut left = members;
            while let Some(first) = left.first().copied() {
                let found = [set, &everything[..]].into_iter().find_map(|set| {
                    let is_small = set.len() <= LARGEST_SET;
                    is_small.then(|| self.smallest(rows, first, set, budget)).flatten()
                });
                let Some(found) = found else { break };
                let taken = self.undone(rows, &left, &found, budget);
                for at in &taken {
                    causes[*at].push(Cause { objects: found.clone() });
                }
                left.retain(|at| !taken.contains(at));
                if !taken.contains(&first) {
                    break;
                }
            }
        }
    }

    /// Leaves out of a set what is not needed to take a row back.
    fn smallest(
        &self,
        rows: &[DiffRow],
        row: usize,
        set: &[usize],
        budget: &mut usize,
    ) -> Option<Vec<usize>> {
        let mut needed = set.to_vec();
        if self.undone(rows, &[row], &needed, budget).is_empty() {
            return None;
        }
        for object in set {
            let fewer: Vec<usize> = needed.iter().copied().filter(|o| o != object).collect();
            if !fewer.is_empty() && !self.undone(rows, &[row], &fewer, budget).is_empty() {
                needed = fewer;
            }
        }
        Some(needed)
    }
}

fn plain<'a>(end: &'a DiffEnd, outside: &'a DiffEnd) -> &'a DiffEnd {
    if matches!(end, DiffEnd::External(_)) { outside } else { end }
}

/// The workloads of rows; pairs of them that are no row are compared too.
fn scope<'a>(rows: impl Iterator<Item = &'a DiffRow>, ends: &Ends<'_>) -> Scope {
    let mut scope = Scope {
        from: BTreeSet::new(),
        to: BTreeSet::new(),
        from_outside: false,
        to_outside: false,
    };
    let number = |end: &DiffEnd| -> Option<WorkloadNumber> {
        match end {
            DiffEnd::Workload(key) => ends.find(key),
            _ => None,
        }
    };
    for row in rows {
        scope.from.extend(number(&row.src));
        scope.to.extend(number(&row.dst));
        scope.from_outside |= !matches!(row.src, DiffEnd::Workload(_));
        scope.to_outside |= !matches!(row.dst, DiffEnd::Workload(_));
    }
    scope
}

/// Tells whether what is left of a pair's difference is a part of the row, and not all of it.
fn is_taken_back(row: &DiffRow, left: &[&DiffRow]) -> bool {
    let overlap = |a: &DiffEnd, b: &DiffEnd| match (a, b) {
        (DiffEnd::External(a), DiffEnd::External(b)) => !a.is_disjoint(b),
        _ => true,
    };
    let same = left.iter().filter(|l| {
        (l.family.is_none() || row.family.is_none() || l.family == row.family)
            && overlap(&l.src, &row.src)
            && overlap(&l.dst, &row.dst)
    });
    let (opened, closed) = (row.opened(), row.closed());
    let mut whole = false;
    let mut within = true;
    for part in same {
        within &= part.opened().is_subset(&opened) && part.closed().is_subset(&closed);
        let as_much = part.opened() == opened && part.closed() == closed;
        whole |= as_much && part.matching >= row.matching;
    }
    within && !whole
}
