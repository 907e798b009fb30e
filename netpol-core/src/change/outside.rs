//! What two sides say about addresses: the ranges of both are cut at one another.

use std::collections::BTreeMap;

use super::ends::{WorkloadNumber, aligned};
use super::rows::{
    Comparison, DiffEnd, DiffRow, Inside, Key, allowed_rows, is_uniform, key, ports_of,
};
use crate::model::{IpSet, PodId, PortSet, Verdict};
use crate::reach::{End, Level, Row, Selection};

/// Rows with addresses at one end, by whether these are the source, then the workload at the other end.
#[derive(Debug, Default)]
pub(super) struct Collected {
    rows: BTreeMap<(bool, WorkloadNumber), [Vec<Row>; 2]>,
}

impl Collected {
    pub(super) fn add(&mut self, inbound: bool, pods: WorkloadNumber, side: usize, row: Row) {
        self.rows.entry((inbound, pods)).or_default()[side].push(row);
    }
}

/// Addresses by what was and what is allowed.
type Pieces = BTreeMap<(Key, Key), IpSet>;

pub(super) fn compare(comparison: &mut Comparison<'_>, collected: Collected) {
    for ((inbound, pods), rows) in collected.rows {
        note_doubt(comparison, inbound, pods, &rows);
        let (known, unchanged) = (comparison.found.rows.len(), comparison.found.unchanged);
        compare_one(comparison, (inbound, pods), &rows);
        if comparison.found.rows.len() == known {
            comparison.found.unchanged = unchanged + allowed_rows(&rows[1]);
        }
    }
}

fn compare_one(
    comparison: &mut Comparison<'_>,
    (inbound, pods): (bool, WorkloadNumber),
    rows: &[Vec<Row>; 2],
) {
    if !rows.iter().all(|side| is_uniform(side)) {
        compare_pods(comparison, inbound, pods);
        return;
    }
    let [before, after] = [0, 1].map(|side: usize| comparison.sides[side].pods(pods).len() as u64);
    for ((was, is), addresses) in pieces(&allowed(&rows[0], inbound), &allowed(&rows[1], inbound)) {
        let count = if is.is_empty() { before } else { after };
        add(comparison, (inbound, pods), (&was, &is), addresses, (count, count));
    }
}

fn note_doubt(
    comparison: &mut Comparison<'_>,
    inbound: bool,
    pods: WorkloadNumber,
    rows: &[Vec<Row>; 2],
) {
    let doubt = |side: &[Row]| -> Vec<(Verdict, PortSet, Option<IpSet>)> {
        let doubtful =
            side.iter().filter(|r| matches!(r.verdict, Verdict::Unknown | Verdict::Ambiguous));
        doubtful.map(|r| (r.verdict, r.ports.clone(), addresses(r, inbound).cloned())).collect()
    };
    if doubt(&rows[0]) != doubt(&rows[1]) {
        let set = rows.iter().flatten().filter_map(|r| addresses(r, inbound));
        let set = set.fold(IpSet::none(), |all, s| all.union(s));
        let (workload, outside) = (comparison.end(Inside::Workload(pods)), DiffEnd::External(set));
        let pair = if inbound { (outside, workload) } else { (workload, outside) };
        comparison.found.doubtful.insert(pair);
    }
}

fn addresses(row: &Row, inbound: bool) -> Option<&IpSet> {
    match if inbound { &row.src } else { &row.dst } {
        End::External(set) => Some(set),
        _ => None,
    }
}

/// The certainly allowed rows as (addresses, ports).
fn allowed(rows: &[Row], inbound: bool) -> Vec<(IpSet, PortSet)> {
    let of = rows.iter().filter(|r| r.verdict == Verdict::Allow);
    of.filter_map(|r| Some((addresses(r, inbound)?.clone(), r.ports.clone()))).collect()
}

/// Cuts the addresses of two sides at one another.
fn pieces(before: &[(IpSet, PortSet)], after: &[(IpSet, PortSet)]) -> Pieces {
    let mut found = Pieces::new();
    let mut add = |was: &PortSet, is: &PortSet, addresses: IpSet| {
        if !addresses.is_empty() {
            let piece = found.entry((key(was), key(is))).or_default();
            *piece = piece.union(&addresses);
        }
    };
    for (old, was) in before {
        let mut rest = old.clone();
        for (new, is) in after {
            add(was, is, old.intersection(new));
            rest = rest.difference(new);
        }
        add(was, &PortSet::none(), rest);
    }
    for (new, is) in after {
        let rest = before.iter().fold(new.clone(), |rest, (old, _)| rest.difference(old));
        add(&PortSet::none(), is, rest);
    }
    found
}

fn add(
    comparison: &mut Comparison<'_>,
    (inbound, pods): (bool, WorkloadNumber),
    (was, is): (&Key, &Key),
    addresses: IpSet,
    (matching, total): (u64, u64),
) {
    if was == is {
        comparison.found.unchanged += u64::from(!was.is_empty());
        return;
    }
    let (workload, outside) =
        (comparison.end(Inside::Workload(pods)), DiffEnd::External(addresses));
    let (src, dst) = if inbound { (outside, workload) } else { (workload, outside) };
    comparison.found.rows.push(DiffRow {
        src,
        dst,
        family: None,
        before: ports_of(was),
        after: ports_of(is),
        matching,
        total,
        because: Vec::new(),
    });
}

/// Compares pod by pod; pods of one side alone count where they are treated as no pod of the other side was.
fn compare_pods(comparison: &mut Comparison<'_>, inbound: bool, pods: WorkloadNumber) {
    let lists = [0, 1].map(|side| {
        let aligned = aligned(pods, side, comparison.sides);
        let allowed = aligned.iter().map(|pod| pod_allowed(comparison, side, *pod, inbound));
        allowed.collect::<Vec<_>>()
    });
    let [before, after] = &lists;
    let mut found: BTreeMap<(Key, Key), Vec<(IpSet, u64)>> = BTreeMap::new();
    let mut count = |was: &[(IpSet, PortSet)], is: &[(IpSet, PortSet)]| {
        for (change, addresses) in pieces(was, is) {
            let known = found.entry(change).or_default();
            match known.iter_mut().find(|(set, _)| *set == addresses) {
                Some((_, count)) => *count += 1,
                None => known.push((addresses, 1)),
            }
        }
    };
    for (was, is) in before.iter().zip(after) {
        count(was, is);
    }
    for is in after.iter().skip(before.len()).filter(|is| !before.contains(is)) {
        count(before.first().map_or(&[], |was| was), is);
    }
    if after.is_empty() {
        before.iter().for_each(|was| count(was, &[]));
    }
    let side = usize::from(!after.is_empty());
    let total = lists[side].len() as u64;
    for ((was, is), sets) in found {
        for (addresses, matching) in sets {
            add(comparison, (inbound, pods), (&was, &is), addresses, (matching, total));
        }
    }
}

fn pod_allowed(
    comparison: &Comparison<'_>,
    side: usize,
    pod: PodId,
    inbound: bool,
) -> Vec<(IpSet, PortSet)> {
    let side = &comparison.sides[side];
    let outside = Selection::addresses(side.snapshot.everything_outside().addresses);
    let (from, to) =
        if inbound { (outside, Selection::pod(pod)) } else { (Selection::pod(pod), outside) };
    allowed(&side.table(from, to, Level::Pod).rows, inbound)
}
