//! Rows that are alike as one: all of some sources to all of some destinations.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use netpol_core::model::{Family, PortSet, Verdict};

use super::{ChangeCause, ChangeRow, Changes};
use crate::execute::Endpoint;
use crate::execute::ends::order_key;

/// Rows that are alike: each source to each destination but itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Fold<'a> {
    /// A row of each source, as the rows are ordered.
    pub sources: Vec<&'a ChangeRow>,
    /// A row of each destination, as the rows are ordered.
    pub destinations: Vec<&'a ChangeRow>,
    /// How many rows it stands for.
    pub rows: u64,
    /// Whether it is a workload's replicas to one another.
    pub replicas: bool,
}

impl<'a> Fold<'a> {
    /// Returns one of the rows: they have all but their ends in common.
    pub fn row(&self) -> Option<&'a ChangeRow> {
        self.sources.first().copied()
    }
}

/// What rows of one fold have in common.
type Alike<'a> = (
    Option<Family>,
    [&'a PortSet; 2],
    [Option<Verdict>; 2],
    &'a [ChangeCause],
    Option<usize>,
    bool,
);

fn alike(row: &ChangeRow) -> Alike<'_> {
    let whole = row.matching == row.total;
    let doubt = [row.doubt_before, row.doubt_after];
    (row.family, [&row.before, &row.after], doubt, &row.because, row.accepted, whole)
}

/// Positions of ends, in the order in which rows name them first.
type Ends = BTreeSet<usize>;

impl Changes {
    /// Folds rows, the largest fold first; every row is in one fold.
    pub fn folds<'a>(&self, rows: &[&'a ChangeRow]) -> Vec<Fold<'a>> {
        let mut places: HashMap<Alike<'a>, usize> = HashMap::new();
        let mut classes: Vec<Vec<&'a ChangeRow>> = Vec::new();
        for row in rows {
            let next = classes.len();
            let at = *places.entry(alike(row)).or_insert(next);
            match classes.get_mut(at) {
                Some(members) => members.push(row),
                None => classes.push(vec![row]),
            }
        }
        let mut folds: Vec<Fold<'a>> = classes.iter().flat_map(|members| fold(members)).collect();
        folds.sort_by_key(|f| std::cmp::Reverse(f.rows));
        folds
    }
}

/// Folds rows that have all but their ends in common.
fn fold<'a>(rows: &[&'a ChangeRow]) -> Vec<Fold<'a>> {
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut place = |id: String| {
        let next = places.len();
        *places.entry(id).or_insert(next)
    };
    let ends: Vec<(usize, usize)> =
        rows.iter().map(|r| (place(r.src.id()), place(r.dst.id()))).collect();
    let mut sources: BTreeMap<usize, Ends> = BTreeMap::new();
    let mut by_destination: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let mut folds = Vec::new();
    for (at, (row, (src, dst))) in rows.iter().zip(&ends).enumerate() {
        if src == dst {
            let row = *row;
            let (sources, destinations) = (vec![row], vec![row]);
            folds.push(Fold { sources, destinations, rows: 1, replicas: true });
        } else {
            sources.entry(*dst).or_default().insert(*src);
            by_destination.entry(*dst).or_default().push(at);
        }
    }
    let outside: Ends = rows
        .iter()
        .zip(&ends)
        .filter(|(row, _)| matches!(*row.dst, Endpoint::External { .. }))
        .map(|(_, (_, dst))| *dst)
        .collect();
    for destinations in same_sources(&sources, &outside) {
        let of = destinations.iter().filter_map(|dst| by_destination.get(dst)).flatten();
        let mut of: Vec<usize> = of.copied().collect();
        of.sort_unstable();
        let of: Vec<&'a ChangeRow> =
            of.into_iter().filter_map(|at| rows.get(at)).copied().collect();
        folds.push(Fold {
            sources: firsts(&of, |row| &row.src),
            destinations: firsts(&of, |row| &row.dst),
            rows: of.len() as u64,
            replicas: false,
        });
    }
    folds
}

/// Groups destinations that the same sources reach, each but for itself. Addresses never reach addresses: what leads out and
/// what leads in stay apart.
fn same_sources(sources: &BTreeMap<usize, Ends>, outside: &Ends) -> Vec<Ends> {
    let mut with_itself: BTreeMap<Ends, Ends> = BTreeMap::new();
    for (dst, srcs) in sources {
        let mut key = srcs.clone();
        if !outside.contains(dst) {
            key.insert(*dst);
        }
        with_itself.entry(key).or_default().insert(*dst);
    }
    let (mut found, alone): (Vec<Ends>, Vec<Ends>) =
        with_itself.into_values().partition(|destinations| destinations.len() > 1);
    let mut without: BTreeMap<&Ends, Ends> = BTreeMap::new();
    for dst in alone.into_iter().flatten() {
        if let Some(srcs) = sources.get(&dst) {
            without.entry(srcs).or_default().insert(dst);
        }
    }
    found.extend(without.into_values());
    found.sort();
    found
}

/// Returns the first row of each end, as a reader looks the ends up.
fn firsts<'a>(rows: &[&'a ChangeRow], end: fn(&ChangeRow) -> &Arc<Endpoint>) -> Vec<&'a ChangeRow> {
    let mut seen = BTreeSet::new();
    let mut found: Vec<&'a ChangeRow> =
        rows.iter().filter(|row| seen.insert(end(row).id())).copied().collect();
    found.sort_by_cached_key(|row| order_key(end(row)));
    found
}
