//! `matrix`: every pair of two sets as cells. Owns what a cell comes to; how it looks is for render.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use netpol_core::model::{IpSet, PodId, PortSet, Verdict};
use netpol_core::reach::{ControllerEnd, End, Level, Row as CoreRow, Selection};

use super::Engine;
use super::answer::{Asked, Endpoint, Row, Warning};
use super::ends::{self, Names};
use super::pairs::Wanted;
use super::warnings;
use crate::error::QueryError;
use crate::lower::Ask;
use crate::syntax::ast::LevelWord;

/// Above so many rows or columns, forms for people are folded to namespaces.
pub const MOST_UNFOLDED: usize = 20;
/// A page says why about denied pairs as well where there are at most so many cells.
const MOST_DENIED: usize = 1600;

/// Sources by destinations.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    /// What was asked.
    pub asked: Asked,
    /// How ends sum up pods.
    pub level: Level,
    /// Who connects, as a reader looks them up.
    pub rows: Vec<Arc<Endpoint>>,
    /// To whom.
    pub columns: Vec<Arc<Endpoint>>,
    /// Every cell that is not plainly denied, by row and column.
    pub cells: Vec<MatrixCell>,
    /// The places without a pair: a single pod with itself, two ends outside of the cluster, the controller as a destination.
    pub pairless: BTreeSet<(usize, usize)>,
    /// The same by namespace, where it is too large to be read and the sentence says no level.
    pub folded: Option<Box<Matrix>>,
    /// Rows with their reasons, where a page is to show them.
    pub evidence: Vec<Row>,
}

/// A cell.
#[derive(Clone, Debug, PartialEq)]
pub struct MatrixCell {
    /// The position of its source.
    pub row: usize,
    /// The position of its destination.
    pub column: usize,
    /// What it comes to.
    pub reach: Reach,
    /// The pairs, the ports on which some of them are allowed (else in doubt), and the verdict.
    pub flow: Row,
}

/// What a cell comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// All pairs on all ports that were asked.
    All,
    /// Some pairs, or some ports.
    Partly,
    /// Nothing is certainly allowed, and something not known.
    Unknown,
    /// Nothing is certainly allowed, and something hangs on the order of policies.
    Ambiguous,
}

impl Reach {
    /// Returns the word of the JSON contract.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Partly => "partly",
            Self::Unknown => "unknown",
            Self::Ambiguous => "ambiguous",
        }
    }
}

impl Matrix {
    /// Returns the matrix that a reader can take in: the folded one, where there is one.
    pub fn readable(&self) -> &Self {
        self.folded.as_deref().unwrap_or(self)
    }

    /// Returns the cells by their place.
    pub fn by_place(&self) -> BTreeMap<(usize, usize), &MatrixCell> {
        self.cells.iter().map(|cell| ((cell.row, cell.column), cell)).collect()
    }
}

impl Engine<'_> {
    /// Fills a matrix; above [`MOST_UNFOLDED`] rows or columns, one by namespace too.
    pub(super) fn matrix(
        &self,
        ask: &Ask,
        by: Option<LevelWord>,
        warnings: &mut Vec<Warning>,
    ) -> Result<Matrix, QueryError> {
        let level = match by {
            Some(LevelWord::Pod) => Level::Pod,
            Some(LevelWord::Workload) => Level::Workload,
            Some(LevelWord::Namespace) => Level::Namespace,
            None => self.settings.level,
        };
        let wanted = Wanted { explain: false, denied: false, level };
        let table = self.ask(ask, wanted);
        self.check_pairs(ask, &table)?;
        warnings.extend(warnings::of_table(self, ask, &table.rows, Verdict::Deny));
        let mut matrix = self.filled(ask, level, table.rows);
        let large = matrix.rows.len().max(matrix.columns.len()) > MOST_UNFOLDED;
        if large && by.is_none() && level != Level::Namespace {
            let rows = self.ask(ask, Wanted { level: Level::Namespace, ..wanted }).rows;
            matrix.folded = Some(Box::new(self.filled(ask, Level::Namespace, rows)));
        }
        if self.settings.page {
            let denied = matrix.rows.len() * matrix.columns.len() <= MOST_DENIED;
            matrix.evidence = self.evidence(ask, Wanted { denied, ..wanted }, |_| true).0;
        }
        Ok(matrix)
    }

    fn filled(&self, ask: &Ask, level: Level, found: Vec<CoreRow>) -> Matrix {
        let mut names = Names::new(self.snapshot.cluster());
        let mut sources = ask.from.clone();
        if !found.iter().any(|row| row.src == End::IngressController)
            && sources.ingress_controller == ControllerEnd::WhereItLeads
        {
            // As one of everybody it has a row where it leads somewhere.
            sources.ingress_controller = ControllerEnd::Absent;
        }
        let rows = self.axis(&sources, level, &mut names);
        let columns = self.axis(&ask.to, level, &mut names);
        let mut places: BTreeMap<(usize, usize), Vec<CoreRow>> = BTreeMap::new();
        for row in found {
            let place = (rows.place(&row.src), columns.place(&row.dst));
            if let (Some(source), Some(destination)) = place {
                places.entry((source, destination)).or_default().push(row);
            }
        }
        let cells = places.into_iter().filter_map(|((row, column), found)| {
            let mut flow = merged(&found, &mut names)?;
            flow.src = Arc::clone(rows.ends.get(row)?);
            flow.dst = Arc::clone(columns.ends.get(column)?);
            narrowed(&mut flow.src, found.iter().map(|r| &r.src), &mut names);
            narrowed(&mut flow.dst, found.iter().map(|r| &r.dst), &mut names);
            let reach = reach(ask, &found, &flow);
            Some(MatrixCell { row, column, reach, flow })
        });
        let cells = cells.collect();
        let pairless = self.pairless(ask, &rows, &columns);
        let asked = self.asked(ask);
        let (rows, columns) = (rows.ends, columns.ends);
        Matrix { asked, level, rows, columns, cells, pairless, folded: None, evidence: Vec::new() }
    }

    /// Lists the ends of a selection, whether anything concerns them or not; all addresses are one.
    fn axis(&self, selection: &Selection, level: Level, names: &mut Names<'_>) -> Axis {
        let mut ends = self.pod_ends(selection, level);
        if !selection.addresses.is_empty() {
            ends.push(End::External(selection.addresses.clone()));
        }
        ends.extend(selection.names.iter().cloned().map(End::Name));
        if selection.ingress_controller != ControllerEnd::Absent {
            ends.push(End::IngressController);
        }
        let mut named: Vec<(End, Arc<Endpoint>)> =
            ends.into_iter().map(|end| (end.clone(), names.end(&end))).collect();
        named.sort_by_cached_key(|(_, endpoint)| ends::order_key(endpoint));
        let outside = named.iter().position(|(end, _)| matches!(end, End::External(_)));
        let places = named.iter().enumerate().map(|(i, (end, _))| (end.clone(), i)).collect();
        Axis { places, outside, ends: named.into_iter().map(|(_, endpoint)| endpoint).collect() }
    }

    fn pairless(&self, ask: &Ask, rows: &Axis, columns: &Axis) -> BTreeSet<(usize, usize)> {
        let cluster = self.snapshot.cluster();
        let single = |end: &End| match end {
            End::Pod(_) | End::External(_) | End::Name(_) | End::IngressController => true,
            End::Workload(id) => cluster.workload(*id).pods.len() == 1,
            End::Namespace(id) => {
                let pods = ask.from.pods.iter().filter(|p| cluster.pod(PodId(*p)).namespace == *id);
                pods.take(2).count() == 1
            }
        };
        let both = rows.places.iter().filter_map(|(end, row)| {
            let column = columns.places.get(end)?;
            single(end).then_some((*row, *column))
        });
        let outside = rows.outside.zip(columns.outside);
        // Two ends outside the cluster are never a pair, and the controller is a source only.
        let controller = columns.places.get(&End::IngressController);
        let toward = (0..rows.ends.len()).filter_map(|row| Some((row, *controller?)));
        let from = rows.places.get(&End::IngressController).copied().zip(columns.outside);
        both.chain(outside).chain(toward).chain(from).collect()
    }

    fn pod_ends(&self, selection: &Selection, level: Level) -> Vec<End> {
        let cluster = self.snapshot.cluster();
        match level {
            Level::Pod => selection.pods.iter().map(|p| End::Pod(PodId(p))).collect(),
            Level::Workload => self.workload_ends(selection),
            Level::Namespace => {
                let namespace = |p| cluster.pod(PodId(p)).namespace;
                let mut found: Vec<_> = selection.pods.iter().map(namespace).collect();
                found.sort_unstable();
                found.dedup();
                found.into_iter().map(End::Namespace).collect()
            }
        }
    }
}

/// The ends along one side.
struct Axis {
    ends: Vec<Arc<Endpoint>>,
    places: HashMap<End, usize>,
    outside: Option<usize>,
}

impl Axis {
    fn place(&self, end: &End) -> Option<usize> {
        match end {
            End::External(_) => self.outside,
            other => self.places.get(other).copied(),
        }
    }
}

/// Sums up the rows of a cell: the certain ones, where there are any.
fn merged(found: &[CoreRow], names: &mut Names<'_>) -> Option<Row> {
    let verdicts = [Verdict::Allow, Verdict::Unknown, Verdict::Ambiguous];
    let verdict = verdicts.into_iter().find(|v| found.iter().any(|r| r.verdict == *v))?;
    let of_it: Vec<&CoreRow> = found.iter().filter(|r| r.verdict == verdict).collect();
    let first = of_it.first()?;
    let mut row = names.row((*first).clone());
    row.ports = of_it.iter().fold(PortSet::none(), |ports, r| ports.union(&r.ports));
    row.family = None;
    row.total = found.iter().map(|r| r.total).max().unwrap_or(0);
    let sum: u64 = of_it.iter().map(|r| r.matching).sum();
    let most = of_it.iter().map(|r| r.matching).max().unwrap_or(0);
    // Groups of addresses share pods, so that their numbers do not add up: the largest is certain.
    let outside = matches!((&first.src, &first.dst), (End::External(_), _) | (_, End::External(_)));
    row.matching = if outside { most } else { sum.min(row.total) };
    Some(row)
}

/// Names the addresses that a cell is about, where they are not all that were asked.
fn narrowed<'a>(
    end: &mut Arc<Endpoint>,
    found: impl Iterator<Item = &'a End>,
    names: &mut Names<'_>,
) {
    let ranges = found.filter_map(|end| match end {
        End::External(ranges) => Some(ranges.clone()),
        _ => None,
    });
    if let Some(ranges) = ranges.reduce(|a, b| a.union(&b)) {
        *end = names.end(&End::External(ranges));
    }
}

/// Tells whether all pairs are allowed on all ports.
fn reach(ask: &Ask, found: &[CoreRow], flow: &Row) -> Reach {
    match flow.verdict {
        Verdict::Unknown => return Reach::Unknown,
        Verdict::Ambiguous => return Reach::Ambiguous,
        Verdict::Allow | Verdict::Deny => {}
    }
    let asked = match (&ask.through, ask.ports()) {
        (Some(through), _) => {
            let parts = through.parts.iter().map(|(ports, _)| ports);
            parts.fold(PortSet::none(), |all, ports| all.union(ports))
        }
        // A name says its number on each pod: what was allowed of it is all that is known here.
        (None, ports) if !ports.names.is_empty() => ports.numbers.union(&flow.ports),
        (None, ports) => ports.numbers,
    };
    let whole = |r: &&CoreRow| {
        r.verdict == Verdict::Allow && r.matching == r.total && asked.is_subset(&r.ports)
    };
    let outside = |end: &End, selected: &IpSet, side: fn(&CoreRow) -> &End| match end {
        End::External(_) => {
            let ranges = found.iter().filter(whole).filter_map(|r| match side(r) {
                End::External(ranges) => Some(ranges.clone()),
                _ => None,
            });
            ranges.reduce(|a, b| a.union(&b)).is_some_and(|all| selected.is_subset(&all))
        }
        _ => true,
    };
    let Some(first) = found.first() else { return Reach::Partly };
    let all = found.iter().any(|r| whole(&r))
        && outside(&first.src, &ask.from.addresses, |r| &r.src)
        && outside(&first.dst, &ask.to.addresses, |r| &r.dst);
    if all { Reach::All } else { Reach::Partly }
}
