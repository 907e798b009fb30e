//! Rows of a difference, and how two snapshots are compared pair by pair of workloads.

use std::collections::{BTreeMap, BTreeSet};

use roaring::RoaringBitmap;

use super::ends::{Ends, Side, WorkloadNumber, aligned};
use super::outside;
use crate::model::{Family, IpSet, ObjectKey, PodId, PortSet, Verdict, WorkloadId};
use crate::reach::{
    AskedPorts, ControllerEnd, End, Level, MovedPair, Question, Row, Selection, Snapshot, Table,
    moved_pairs,
};

/// One end of a row, by name: the two sides have nothing else in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DiffEnd {
    /// A workload.
    Workload(ObjectKey),
    /// The ingress controller.
    IngressController,
    /// Addresses.
    External(IpSet),
}

impl DiffEnd {
    fn order(&self) -> (u8, Option<&ObjectKey>, Vec<(std::net::IpAddr, std::net::IpAddr)>) {
        match self {
            Self::Workload(key) => (0, Some(key), Vec::new()),
            Self::IngressController => (1, None, Vec::new()),
            Self::External(set) => (2, None, set.ranges().map(|r| (r.from, r.to)).collect()),
        }
    }
}

impl PartialOrd for DiffEnd {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for DiffEnd {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.order().cmp(&other.order())
    }
}

/// What became of the connections of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RowChange {
    /// There were none before.
    Added,
    /// There are none any more.
    Removed,
    /// There are others.
    Changed,
}

impl RowChange {
    /// Returns the word of the JSON contract.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed => "changed",
        }
    }
}

/// Objects that cause a row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cause {
    /// Positions in [`Difference::objects`](super::Difference::objects). One: reverting it alone takes the row back. Several: only
    /// reverting all of them does.
    pub objects: Vec<usize>,
}

/// Connections between two ends that are certainly allowed on one side and not on the other.
#[derive(Clone, Debug, PartialEq)]
pub struct DiffRow {
    /// Who connects.
    pub src: DiffEnd,
    /// To whom.
    pub dst: DiffEnd,
    /// The family, where the families of the pair differ.
    pub family: Option<Family>,
    /// The ports that were allowed; never those of `after`.
    pub before: PortSet,
    /// The ports that are allowed.
    pub after: PortSet,
    /// The number of pod pairs to which the row applies.
    pub matching: u64,
    /// The number of pod pairs between the two ends, after the change where there are any.
    pub total: u64,
    /// What causes it: each of these is a reason of its own.
    pub because: Vec<Cause>,
}

impl DiffRow {
    /// Returns what became of the connections.
    pub fn change(&self) -> RowChange {
        match (self.before.is_empty(), self.after.is_empty()) {
            (true, _) => RowChange::Added,
            (_, true) => RowChange::Removed,
            _ => RowChange::Changed,
        }
    }

    /// Returns the ports that were opened.
    pub fn opened(&self) -> PortSet {
        self.after.difference(&self.before)
    }

    /// Returns the ports that were closed.
    pub fn closed(&self) -> PortSet {
        self.before.difference(&self.after)
    }
}

/// Which pairs of workloads are compared: those from one of `from` to one of `to`.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    pub(super) from: BTreeSet<WorkloadNumber>,
    pub(super) to: BTreeSet<WorkloadNumber>,
    /// Whether addresses and the ingress controller are among the sources.
    pub(super) from_outside: bool,
    /// Whether addresses are among the destinations.
    pub(super) to_outside: bool,
}

/// What a comparison found.
#[derive(Debug, Default)]
pub(super) struct Compared {
    pub(super) rows: Vec<DiffRow>,
    /// Rows that are the same on both sides.
    pub(super) unchanged: u64,
    /// The allowed rows of the second side that were looked at.
    pub(super) seen: u64,
    /// Pairs whose doubtful ports differ.
    pub(super) doubtful: BTreeSet<(DiffEnd, DiffEnd)>,
}

/// Lists what is allowed on one side and not on the other, without causes: rows sorted by source, destination, family.
pub fn moved(before: &Snapshot, after: &Snapshot) -> Vec<DiffRow> {
    let ends = Ends::of(before, after);
    compare_all(before, after, &ends, false).rows
}

/// Compares two snapshots everywhere. Where only NetworkPolicies differ, pairs that they have nothing to do with are not
/// looked at; `counted` says whether what is unchanged matters.
pub(super) fn compare_all(
    before: &Snapshot,
    after: &Snapshot,
    ends: &Ends<'_>,
    counted: bool,
) -> Compared {
    if !before.shares_groups(after) {
        return compare(before, after, ends, None);
    }
    let moved = moved_pairs(before, after);
    let sides = [Side::of(before, ends, 0), Side::of(after, ends, 1)];
    let mut comparison =
        Comparison { ends, sides: &sides, found: Compared::default(), pairs: BTreeMap::new() };
    for MovedPair { src, dst, rows } in moved.pairs {
        comparison.found.seen += allowed_rows(&rows[1]);
        let end = |id: WorkloadId| Inside::Workload(id.0);
        comparison.pairs.insert((end(src), end(dst)), rows);
    }
    comparison.compare_pairs();
    let mut all = comparison.found;
    for scope in scopes(&moved.told_apart, (&moved.to_outside, &moved.from_outside)) {
        let found = compare(before, after, ends, Some(&scope));
        all.rows.extend(found.rows);
        all.doubtful.extend(found.doubtful);
        all.unchanged += found.unchanged;
        all.seen += found.seen;
    }
    if counted {
        all.unchanged += (after.flows().len() as u64).saturating_sub(all.seen);
    }
    sort(&mut all.rows);
    all
}

/// What is to be compared pod by pod, or with addresses; no pair is in two scopes.
fn scopes(
    told_apart: &BTreeMap<WorkloadId, BTreeSet<WorkloadId>>,
    (to_outside, from_outside): (&BTreeSet<WorkloadId>, &BTreeSet<WorkloadId>),
) -> Vec<Scope> {
    let numbers = |ids: &BTreeSet<WorkloadId>| ids.iter().map(|id| id.0).collect();
    let mut by_targets: BTreeMap<&BTreeSet<WorkloadId>, BTreeSet<WorkloadNumber>> = BTreeMap::new();
    for (source, targets) in told_apart {
        by_targets.entry(targets).or_default().insert(source.0);
    }
    let mut scopes: Vec<Scope> = by_targets
        .into_iter()
        .map(|(targets, from)| Scope { from, to: numbers(targets), ..Scope::default() })
        .collect();
    if !to_outside.is_empty() {
        scopes.push(Scope { from: numbers(to_outside), to_outside: true, ..Scope::default() });
    }
    if !from_outside.is_empty() {
        scopes.push(Scope { to: numbers(from_outside), from_outside: true, ..Scope::default() });
    }
    scopes
}

fn sort(rows: &mut [DiffRow]) {
    rows.sort_by(|a, b| {
        let key = |r: &DiffRow| (r.family, key(&r.before), key(&r.after));
        (&a.src, &a.dst).cmp(&(&b.src, &b.dst)).then_with(|| key(a).cmp(&key(b)))
    });
}

/// Compares two snapshots, everywhere or within a scope.
pub(super) fn compare(
    before: &Snapshot,
    after: &Snapshot,
    ends: &Ends<'_>,
    scope: Option<&Scope>,
) -> Compared {
    let sides = [Side::of(before, ends, 0), Side::of(after, ends, 1)];
    let mut comparison =
        Comparison { ends, sides: &sides, found: Compared::default(), pairs: BTreeMap::new() };
    let mut outside = outside::Collected::default();
    for (at, side) in sides.iter().enumerate() {
        for row in side.ask(scope).rows {
            comparison.found.seen += u64::from(at == 1 && row.verdict == Verdict::Allow);
            comparison.sort_in(at, row, &mut outside);
        }
    }
    comparison.compare_pairs();
    outside::compare(&mut comparison, outside);
    let mut found = comparison.found;
    sort(&mut found.rows);
    found
}

/// A source or destination inside: a workload, or the ingress controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Inside {
    Workload(WorkloadNumber),
    Controller,
}

type PairRows = [Vec<Row>; 2];

/// Two sides in comparison.
pub(super) struct Comparison<'a> {
    pub(super) ends: &'a Ends<'a>,
    pub(super) sides: &'a [Side<'a>; 2],
    pub(super) found: Compared,
    pairs: BTreeMap<(Inside, Inside), PairRows>,
}

impl Comparison<'_> {
    fn sort_in(&mut self, side: usize, row: Row, outside: &mut outside::Collected) {
        let inside = |end: &End| match end {
            End::Workload(id) => Some(Inside::Workload(self.sides[side].number(*id))),
            End::IngressController => Some(Inside::Controller),
            _ => None,
        };
        match (inside(&row.src), inside(&row.dst)) {
            (Some(src), Some(dst)) => {
                self.pairs.entry((src, dst)).or_default()[side].push(row);
            }
            (Some(Inside::Workload(pods)), None) => outside.add(false, pods, side, row),
            (None, Some(Inside::Workload(pods))) => outside.add(true, pods, side, row),
            _ => {}
        }
    }

    fn compare_pairs(&mut self) {
        for ((src, dst), rows) in std::mem::take(&mut self.pairs) {
            let known = self.found.rows.len();
            self.compare_pair(src, dst, &rows);
            if self.found.rows.len() == known {
                self.found.unchanged += allowed_rows(&rows[1]);
            }
        }
    }

    fn compare_pair(&mut self, src: Inside, dst: Inside, rows: &PairRows) {
        if rows.iter().all(|side| is_uniform(side)) {
            self.compare_uniform(src, dst, rows);
        } else {
            self.compare_pods(src, dst, rows);
        }
    }

    pub(super) fn end(&self, end: Inside) -> DiffEnd {
        match end {
            Inside::Workload(number) => DiffEnd::Workload(self.ends.key(number)),
            Inside::Controller => DiffEnd::IngressController,
        }
    }

    /// All pods of the pair are treated alike on each side.
    fn compare_uniform(&mut self, src: Inside, dst: Inside, rows: &PairRows) {
        let allowed = |side: &[Row], family| {
            let of = side.iter().filter(|r| r.verdict == Verdict::Allow && concerns(r, family));
            of.fold(PortSet::none(), |set, r| set.union(&r.ports))
        };
        let mut changes = Vec::new();
        for family in families(rows) {
            let (before, after) = (allowed(&rows[0], family), allowed(&rows[1], family));
            changes.push((family, before, after));
        }
        self.note_doubt(src, dst, rows);
        if let [(_, b0, a0), (_, b1, a1)] = &changes[..]
            && (b0, a0) == (b1, a1)
        {
            changes.truncate(1);
            changes[0].0 = None;
        }
        for (family, before, after) in changes {
            let total = self.total(src, dst, &before, &after);
            self.add((src, dst), family, (before, after), (total, total));
        }
    }

    fn note_doubt(&mut self, src: Inside, dst: Inside, rows: &PairRows) {
        let doubt =
            |side: &[Row]| -> BTreeSet<(Option<Family>, Verdict, Vec<crate::model::PortRange>)> {
                let doubtful = side.iter().filter(|r| is_doubtful(r));
                doubtful.map(|r| (r.family, r.verdict, r.ports.ranges().collect())).collect()
            };
        if doubt(&rows[0]) != doubt(&rows[1]) {
            let pair = (self.end(src), self.end(dst));
            self.found.doubtful.insert(pair);
        }
    }

    /// Returns the number of pod pairs on the side that a row is about.
    fn total(&self, src: Inside, dst: Inside, before: &PortSet, after: &PortSet) -> u64 {
        let side = usize::from(!after.is_empty() || before.is_empty());
        let pods = |end: Inside| match end {
            Inside::Workload(number) => self.sides[side].pods(number).len() as u64,
            Inside::Controller => 1,
        };
        if src == dst { pods(src) * pods(src).saturating_sub(1) } else { pods(src) * pods(dst) }
    }

    pub(super) fn add(
        &mut self,
        (src, dst): (Inside, Inside),
        family: Option<Family>,
        (before, after): (PortSet, PortSet),
        (matching, total): (u64, u64),
    ) {
        if before == after {
            return;
        }
        let (src, dst) = (self.end(src), self.end(dst));
        let because = Vec::new();
        self.found.rows.push(DiffRow { src, dst, family, before, after, matching, total, because });
    }

    /// Compares pod by pod: by name, those of other names in their order.
    fn compare_pods(&mut self, src: Inside, dst: Inside, rows: &PairRows) {
        self.note_doubt(src, dst, rows);
        let mut changes: BTreeMap<(Option<Family>, Key, Key), u64> = BTreeMap::new();
        for family in families(rows) {
            let [before, after] = [0, 1].map(|side| self.pod_ports(side, src, dst, family));
            for ((from, to), ports) in &before {
                let now = after.get(&(*from, *to));
                let gone = self.is_gone(src, *from) || self.is_gone(dst, *to);
                if gone {
                    continue;
                }
                let now = now.cloned().unwrap_or_default();
                *changes.entry((family, key(ports), key(&now))).or_default() += 1;
            }
            let was = before.values().fold(PortSet::none(), |set, p| set.union(p));
            for ((from, to), ports) in &after {
                if before.contains_key(&(*from, *to)) {
                    continue;
                }
                let new = self.is_new(src, *from) || self.is_new(dst, *to);
                let known = new && before.values().any(|p| p == ports);
                if known {
                    continue;
                }
                let was = if new { was.clone() } else { PortSet::none() };
                *changes.entry((family, key(&was), key(ports))).or_default() += 1;
            }
        }
        for ((family, before, after), count) in changes {
            let (before, after) = (ports_of(&before), ports_of(&after));
            let total = self.total(src, dst, &before, &after);
            self.add((src, dst), family, (before, after), (count, total));
        }
    }

    fn is_gone(&self, end: Inside, pod: usize) -> bool {
        matches!(end, Inside::Workload(number) if pod >= self.sides[1].pods(number).len())
    }

    fn is_new(&self, end: Inside, pod: usize) -> bool {
        matches!(end, Inside::Workload(number) if pod >= self.sides[0].pods(number).len())
    }

    /// The certainly allowed ports of each pair of pods, by their places in the aligned lists.
    fn pod_ports(
        &self,
        side: usize,
        src: Inside,
        dst: Inside,
        family: Option<Family>,
    ) -> BTreeMap<(usize, usize), PortSet> {
        let own = &self.sides[side];
        let pods = |end: Inside| match end {
            Inside::Workload(number) => aligned(number, side, self.sides),
            Inside::Controller => Vec::new(),
        };
        let (sources, targets) = (pods(src), pods(dst));
        let place = |pods: &[PodId], end: &End| match end {
            End::Pod(pod) => pods.iter().position(|p| p == pod),
            End::IngressController => Some(0),
            _ => None,
        };
        let table = own.ask_pods(src, dst);
        let mut found: BTreeMap<(usize, usize), PortSet> = BTreeMap::new();
        for row in table.rows.iter().filter(|r| r.verdict == Verdict::Allow && concerns(r, family))
        {
            if let (Some(from), Some(to)) = (place(&sources, &row.src), place(&targets, &row.dst)) {
                let ports = found.entry((from, to)).or_default();
                *ports = ports.union(&row.ports);
            }
        }
        found
    }
}

pub(super) type Key = Vec<crate::model::PortRange>;

pub(super) fn key(ports: &PortSet) -> Key {
    ports.ranges().collect()
}

pub(super) fn ports_of(key: &Key) -> PortSet {
    key.iter().copied().collect()
}

/// Returns the number of rows that `flows` lists.
pub(super) fn allowed_rows(rows: &[Row]) -> u64 {
    rows.iter().filter(|r| r.verdict == Verdict::Allow).count() as u64
}

fn is_doubtful(row: &Row) -> bool {
    matches!(row.verdict, Verdict::Unknown | Verdict::Ambiguous)
}

fn concerns(row: &Row, family: Option<Family>) -> bool {
    row.family.is_none() || family.is_none() || row.family == family
}

/// The families to be compared apart; none where no row tells them apart.
fn families(rows: &PairRows) -> Vec<Option<Family>> {
    if rows.iter().flatten().any(|r| r.family.is_some()) {
        Family::ALL.into_iter().map(Some).collect()
    } else {
        vec![None]
    }
}

/// Tells whether all pods of a side are treated alike.
pub(super) fn is_uniform(rows: &[Row]) -> bool {
    rows.iter().all(|r| r.matching == r.total)
}

impl Side<'_> {
    /// Asks about everything, or about the pairs of a scope.
    fn ask(&self, scope: Option<&Scope>) -> Table {
        let (from, to) = match scope {
            None => (self.snapshot.everyone(), self.snapshot.everyone()),
            Some(scope) => {
                let everyone = self.snapshot.everything_outside();
                let pods = |numbers: &BTreeSet<WorkloadNumber>| -> RoaringBitmap {
                    numbers.iter().flat_map(|n| self.pods(*n)).map(|p| p.0).collect()
                };
                let outside = |wanted: bool| {
                    if wanted { everyone.addresses.clone() } else { IpSet::none() }
                };
                let ingress_controller = if scope.from_outside {
                    everyone.ingress_controller
                } else {
                    ControllerEnd::Absent
                };
                let from = Selection {
                    pods: pods(&scope.from),
                    addresses: outside(scope.from_outside),
                    ingress_controller,
                    ..Selection::default()
                };
                let to = Selection {
                    pods: pods(&scope.to),
                    addresses: outside(scope.to_outside),
                    ..Selection::default()
                };
                (from, to)
            }
        };
        self.table(from, to, Level::Workload)
    }

    fn ask_pods(&self, src: Inside, dst: Inside) -> Table {
        let select = |end: Inside| match end {
            Inside::Workload(number) => Selection {
                pods: self.pods(number).iter().map(|p| p.0).collect(),
                ..Selection::default()
            },
            Inside::Controller => Selection {
                ingress_controller: self.snapshot.everything_outside().ingress_controller,
                ..Selection::default()
            },
        };
        self.table(select(src), select(dst), Level::Pod)
    }

    pub(super) fn table(&self, from: Selection, to: Selection, level: Level) -> Table {
        // A pod with itself is a pair only where it is asked about alone, which no comparison means.
        let outside = |s: &Selection| {
            !s.addresses.is_empty() || s.ingress_controller != ControllerEnd::Absent
        };
        if from.pods.len() == 1 && from.pods == to.pods && !outside(&from) && !outside(&to) {
            return Table::default();
        }
        let ports = AskedPorts::all();
        self.snapshot.ask(&Question { from, to, ports, level, explain: false, denied: false })
    }
}
