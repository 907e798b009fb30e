//! Rows that are alike, summed up as sources × destinations.

use std::collections::{BTreeMap, BTreeSet};

use super::rows::{Cause, DiffEnd, DiffRow, Key, key, ports_of};
use crate::model::{Family, PortSet};

/// Rows that are alike: each of `sources` with each of `destinations`. A workload with itself is among the rows only where it
/// has pods that are others.
#[derive(Clone, Debug, PartialEq)]
pub struct Rectangle {
    /// Who connects.
    pub sources: Vec<DiffEnd>,
    /// To whom.
    pub destinations: Vec<DiffEnd>,
    /// The family of the rows.
    pub family: Option<Family>,
    /// The ports that were allowed.
    pub before: PortSet,
    /// The ports that are allowed.
    pub after: PortSet,
    /// What causes the rows.
    pub because: Vec<Cause>,
    /// The positions of the rows, ascending.
    pub rows: Vec<usize>,
}

/// What rows of one rectangle have in common.
type Alike = (Option<Family>, Key, Key, Vec<Cause>);

/// Ends at one side, by the set of ends at the other.
type Sides<'a> = BTreeMap<BTreeSet<&'a DiffEnd>, BTreeSet<&'a DiffEnd>>;

/// Sums up rows: by equal sets of sources or of destinations, whichever gives fewer rectangles.
pub(super) fn rectangles(rows: &[DiffRow]) -> Vec<Rectangle> {
    let mut alike: BTreeMap<Alike, Vec<usize>> = BTreeMap::new();
    for (at, row) in rows.iter().enumerate() {
        let common = (row.family, key(&row.before), key(&row.after), row.because.clone());
        alike.entry(common).or_default().push(at);
    }
    let mut found = Vec::new();
    for ((family, before, after, because), members) in alike {
        let pairs: Vec<(&DiffEnd, &DiffEnd)> =
            members.iter().map(|at| (&rows[*at].src, &rows[*at].dst)).collect();
        let by_destination = sides(pairs.iter().copied());
        let by_source = sides(pairs.iter().map(|(src, dst)| (*dst, *src)));
        let shapes: Vec<(BTreeSet<&DiffEnd>, BTreeSet<&DiffEnd>)> =
            if by_source.len() < by_destination.len() {
                by_source.into_iter().map(|(dst, src)| (src, dst)).collect()
            } else {
                by_destination.into_iter().collect()
            };
        for (sources, destinations) in shapes {
            let inside = |at: &&usize| {
                sources.contains(&rows[**at].src) && destinations.contains(&rows[**at].dst)
            };
            let rows: Vec<usize> = members.iter().filter(inside).copied().collect();
            found.push(Rectangle {
                sources: sources.into_iter().cloned().collect(),
                destinations: destinations.into_iter().cloned().collect(),
                family,
                before: ports_of(&before),
                after: ports_of(&after),
                because: because.clone(),
                rows,
            });
        }
    }
    found.sort_by(|a, b| a.rows.cmp(&b.rows));
    found
}

/// Groups second ends by the set of their first ends; a workload is taken to be in its own set, since it
/// is not reached from itself where all others reach it. Addresses are not: what leads out and what leads in stay apart.
fn sides<'a>(pairs: impl Iterator<Item = (&'a DiffEnd, &'a DiffEnd)>) -> Sides<'a> {
    let mut firsts: BTreeMap<&DiffEnd, BTreeSet<&DiffEnd>> = BTreeMap::new();
    for (first, second) in pairs {
        firsts.entry(second).or_default().insert(first);
    }
    let mut groups: Sides<'a> = BTreeMap::new();
    for (second, set) in &firsts {
        let mut own = set.clone();
        if matches!(second, DiffEnd::Workload(_)) {
            own.insert(second);
        }
        groups.entry(own).or_default().insert(second);
    }
    // The set of a group holds an end itself only where another of the group, or its own row, has it.
    let mut exact: Sides<'a> = BTreeMap::new();
    for group in groups.into_values() {
        let set = group.iter().flat_map(|second| firsts[second].iter().copied()).collect();
        exact.insert(set, group);
    }
    exact
}
