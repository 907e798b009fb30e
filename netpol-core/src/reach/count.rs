//! Counts all pairs on one port: class sizes times rows, then corrections for single pods.

use super::rows::{Classes, OnNode, Row, RowMaker, groups_with};
use super::snapshot::Snapshot;
use crate::compile::{ProfileId, Program, port_key};
use crate::index::{DenseSet, GroupId, GroupSet, Lists, both, map};
use crate::model::{Cluster, Direction, Family, Peer, PodId, Protocol};

/// Counts the ordered pairs of different pods that are certainly allowed in some family that both have.
pub(super) fn count_pairs(snapshot: &Snapshot, protocol: Protocol, port: u16) -> u64 {
    let (cluster, program) = (snapshot.cluster(), snapshot.program());
    let (tables, presence) = (snapshot.row_tables(), snapshot.presence());
    let key = port_key(protocol, port);
    let mut families = Vec::new();
    for family in Family::ALL.into_iter().filter(|f| !tables.mask(*f).is_empty()) {
        let rows = |direction| {
            let shared = (tables, presence);
            RowMaker::new(cluster, program, shared, direction, (family, key)).rows()
        };
        let (egress, ingress) = both(|| rows(Direction::Egress), || rows(Direction::Ingress));
        families.push(FamilyRows { family, mask: tables.mask(family), egress, ingress });
    }
    Counter { snapshot, cluster, program, families }.count()
}

/// So many profiles are counted at once.
const PART: usize = 512;

/// The rows of one family.
struct FamilyRows<'a> {
    family: Family,
    mask: &'a DenseSet,
    egress: Vec<Row>,
    ingress: Vec<Row>,
}

struct Counter<'a> {
    snapshot: &'a Snapshot,
    cluster: &'a Cluster,
    program: &'a Program,
    families: Vec<FamilyRows<'a>>,
}

impl Counter<'_> {
    fn count(&self) -> u64 {
        let (whole, own) = both(|| self.count_groups(), || self.count_selves());
        let patches = self.patched_egress() + self.patched_ingress();
        let corrected = i128::from(whole) - i128::from(own)
            + i128::from(patches)
            + i128::from(self.own_nodes());
        u64::try_from(corrected).unwrap_or(0)
    }

    /// Counts pairs by groups alone; a pair that both families allow counts once.
    fn count_groups(&self) -> u64 {
        let each: u64 = self.families.iter().map(|f| Grid::of(self.program, f).count()).sum();
        let [a, b] = &self.families[..] else { return each };
        let both = groups_with(self.program, |f| f.contains(a.family) && f.contains(b.family));
        if both.is_empty() {
            return each;
        }
        let len = self.program.groups.len();
        let meet = |x: &[Row], y: &[Row]| {
            x.iter().zip(y).map(|(x, y)| x.groups.intersection(&y.groups, len)).collect()
        };
        each - Grid::new(
            self.program,
            &both,
            meet(&a.egress, &b.egress),
            meet(&a.ingress, &b.ingress),
        )
        .count()
    }

    /// Counts the pods that the groups' rows count as reaching themselves.
    fn count_selves(&self) -> u64 {
        let counted =
            |group: &GroupId| self.families.iter().any(|f| f.base(self.program, *group, *group));
        let groups = (0..self.program.groups.len()).filter(counted);
        groups.map(|g| self.program.groups.pods(g).len() as u64).sum()
    }

    /// Corrects pairs whose destination address is treated apart by the source's egress rules.
    fn patched_egress(&self) -> i64 {
        let mut sum = 0;
        let patched = self.patched_profiles(Direction::Egress);
        let groups = self.groups_of(Direction::Egress, &patched);
        for profile in patched {
            for dst in self.patched_pods(Direction::Egress, profile) {
                for src in groups.list(profile) {
                    sum += self.correct_sources(*src, dst);
                }
            }
        }
        sum
    }

    /// The sources of a group against one destination: all alike, unless its ingress rules look at their addresses.
    fn correct_sources(&self, src: GroupId, dst: PodId) -> i64 {
        let pods = self.program.groups.pods(src);
        let ingress = self.program.profile(Direction::Ingress, self.program.groups.of(dst));
        if self.families.iter().any(|f| !f.ingress[ingress as usize].patches.is_empty()) {
            return pods.iter().filter(|s| **s != dst).map(|s| self.correction(*s, dst)).sum();
        }
        let others = pods.iter().filter(|s| **s != dst).count();
        let Some(one) = pods.iter().find(|s| **s != dst) else { return 0 };
        self.correction(*one, dst) * i64::try_from(others).unwrap_or(i64::MAX)
    }

    /// Corrects pairs whose source address is treated apart by the destination's ingress rules, but for those corrected.
    fn patched_ingress(&self) -> i64 {
        let mut sum = 0;
        let patched = self.patched_profiles(Direction::Ingress);
        let groups = self.groups_of(Direction::Ingress, &patched);
        for profile in patched {
            for src in self.patched_pods(Direction::Ingress, profile) {
                let egress = self.program.profile(Direction::Egress, self.program.groups.of(src));
                let done = self.patched_pods(Direction::Egress, egress);
                for dst in groups.list(profile) {
                    sum += self.correct_targets(src, *dst, &done);
                }
            }
        }
        sum
    }

    fn correct_targets(&self, src: PodId, dst: GroupId, done: &[PodId]) -> i64 {
        let left = |d: &&PodId| **d != src && done.binary_search(d).is_err();
        let pods = self.program.groups.pods(dst);
        let count = pods.iter().filter(left).count();
        let Some(one) = pods.iter().find(left) else { return 0 };
        self.correction(src, *one) * i64::try_from(count).unwrap_or(i64::MAX)
    }

    /// 1 where a pair is allowed and the groups' rows deny it, -1 the other way round.
    fn correction(&self, src: PodId, dst: PodId) -> i64 {
        let (from, to) = (self.program.groups.of(src), self.program.groups.of(dst));
        let base = self.families.iter().any(|f| f.base(self.program, from, to));
        i64::from(self.allowed(src, dst)) - i64::from(base)
    }

    fn allowed(&self, src: PodId, dst: PodId) -> bool {
        self.families.iter().any(|f| self.egress(f, src, dst) && self.ingress(f, src, dst))
    }

    fn egress(&self, rows: &FamilyRows<'_>, src: PodId, dst: PodId) -> bool {
        let (from, to) = (self.program.groups.of(src), self.program.groups.of(dst));
        let profile = self.program.profile(Direction::Egress, from);
        let row = &rows.egress[profile as usize];
        rows.has(from, to)
            && row.at(self.classes(Direction::Egress, profile, row, dst, rows.family)).contains(to)
    }

    fn ingress(&self, rows: &FamilyRows<'_>, src: PodId, dst: PodId) -> bool {
        let (from, to) = (self.program.groups.of(src), self.program.groups.of(dst));
        let profile = self.program.profile(Direction::Ingress, to);
        let row = &rows.ingress[profile as usize];
        rows.has(from, to)
            && row
                .at(self.classes(Direction::Ingress, profile, row, src, rows.family))
                .contains(from)
    }

    fn classes(
        &self,
        direction: Direction,
        profile: ProfileId,
        row: &Row,
        pod: PodId,
        family: Family,
    ) -> Option<Classes> {
        if row.patches.is_empty() {
            return None;
        }
        let address = self.cluster.pod(pod).address(family)?;
        Some(self.program.class_maps(direction, profile, family).map(|m| m.class(address)))
    }

    /// Adds pairs that only the own-node exemption allows.
    fn own_nodes(&self) -> u64 {
        if !self.snapshot.dialect().own_node_exempt {
            return 0;
        }
        self.snapshot.row_tables().nodes().iter().map(|node| self.own_node(node)).sum()
    }

    fn own_node(&self, OnNode { pods, hosts }: &OnNode) -> u64 {
        let exempt = |src: PodId, dst: PodId| {
            let evaluator = self.snapshot.evaluator();
            evaluator.is_own_node(&Peer::Pod(src), &Peer::Pod(dst))
                && !self.allowed(src, dst)
                && self.families.iter().any(|f| self.egress(f, src, dst))
        };
        let pairs = hosts.iter().flat_map(|src| pods.iter().map(move |dst| (*src, *dst)));
        pairs.filter(|(src, dst)| src != dst && exempt(*src, *dst)).count() as u64
    }

    /// Lists the profiles that treat some pods apart, ascending.
    fn patched_profiles(&self, direction: Direction) -> Vec<ProfileId> {
        let is_patched = |rows: &FamilyRows<'_>, profile: ProfileId| {
            !rows.rows(direction)[profile as usize].patches.is_empty()
        };
        let count = self.families.first().map_or(0, |f| f.rows(direction).len());
        let all = 0..u32::try_from(count).unwrap_or(u32::MAX);
        all.filter(|profile| self.families.iter().any(|f| is_patched(f, *profile))).collect()
    }

    /// Sorts the groups by profile where some profiles are asked about.
    fn groups_of(&self, direction: Direction, profiles: &[ProfileId]) -> Lists {
        by_profile(self.program, direction, |_| !profiles.is_empty())
    }

    /// Returns the pods whose address a profile treats apart, in any family, ascending.
    fn patched_pods(&self, direction: Direction, profile: ProfileId) -> Vec<PodId> {
        let rows = self.families.iter().map(|f| &f.rows(direction)[profile as usize]);
        let mut pods: Vec<PodId> =
            rows.flat_map(|r| &r.patches).flat_map(|p| p.pods.iter().copied()).collect();
        pods.sort_unstable();
        pods.dedup();
        pods
    }
}

impl FamilyRows<'_> {
    fn rows(&self, direction: Direction) -> &[Row] {
        match direction {
            Direction::Egress => &self.egress,
            Direction::Ingress => &self.ingress,
        }
    }

    fn has(&self, from: GroupId, to: GroupId) -> bool {
        self.mask.contains(from) && self.mask.contains(to)
    }

    /// What the groups' rows say about a pair of groups.
    fn base(&self, program: &Program, from: GroupId, to: GroupId) -> bool {
        self.has(from, to)
            && self.egress[program.profile(Direction::Egress, from) as usize].groups.contains(to)
            && self.ingress[program.profile(Direction::Ingress, to) as usize].groups.contains(from)
    }
}

/// Rows of both directions as plain sets, and the weights of groups: what counting by groups needs.
struct Grid<'a> {
    program: &'a Program,
    egress: Vec<std::borrow::Cow<'a, GroupSet>>,
    ingress: Vec<std::borrow::Cow<'a, GroupSet>>,
    /// The pods of each group, 0 outside of the mask.
    weights: Vec<u64>,
}

impl<'a> Grid<'a> {
    fn of(program: &'a Program, rows: &'a FamilyRows<'_>) -> Self {
        let borrow =
            |rows: &'a [Row]| rows.iter().map(|r| std::borrow::Cow::Borrowed(&r.groups)).collect();
        let weights = weights(program, rows.mask);
        Self { program, egress: borrow(&rows.egress), ingress: borrow(&rows.ingress), weights }
    }

    fn new(
        program: &'a Program,
        mask: &DenseSet,
        egress: Vec<GroupSet>,
        ingress: Vec<GroupSet>,
    ) -> Self {
        let own = |rows: Vec<GroupSet>| rows.into_iter().map(std::borrow::Cow::Owned).collect();
        let weights = weights(program, mask);
        Self { program, egress: own(egress), ingress: own(ingress), weights }
    }

    /// Sums over the egress profiles: those destinations that admit everyone by weight, the others one by one or,
    /// where a profile allows most of them, by what all admit less what it leaves out.
    fn count(&self) -> u64 {
        let len = self.program.groups.len();
        let everyone = GroupSet::whole(len);
        let ingress_of = &self.program.direction(Direction::Ingress).of_group;
        let mut open = DenseSet::none(len);
        (0..len)
            .filter(|d| *self.ingress[ingress_of[*d as usize] as usize] == everyone)
            .for_each(|d| open.insert(d));
        let open = Weighted::new(open, &self.weights);
        let admitted = self.admitted(&open);
        let has_pods = |group: GroupId| self.weights[group as usize] > 0;
        let sources = by_profile(self.program, Direction::Egress, has_pods);
        let profiles: Vec<ProfileId> = sources.filled().collect();
        let parts: Vec<&[ProfileId]> = profiles.chunks(PART).collect();
        let sums = map(&parts, |part| {
            let each = part.iter().map(|profile| {
                self.count_profile(*profile, sources.list(*profile), &open, &admitted)
            });
            each.sum::<u64>()
        });
        sums.into_iter().sum()
    }

    /// Counts the pairs from the sources of one egress profile.
    fn count_profile(
        &self,
        profile: ProfileId,
        sources: &[GroupId],
        open: &Weighted,
        admitted: &[u64],
    ) -> u64 {
        let len = self.program.groups.len();
        let row = &*self.egress[profile as usize];
        let weight: u64 = sources.iter().map(|s| self.weights[*s as usize]).sum();
        let all = || {
            let each = sources.iter().map(|s| self.weights[*s as usize] * admitted[*s as usize]);
            each.sum::<u64>()
        };
        let closed = if *row == GroupSet::whole(len) {
            all()
        } else if row.size() > len / 2 {
            all() - self.closed(&row.complement(len), open, sources)
        } else {
            self.closed(row, open, sources)
        };
        weight * open.weight_of(row) + closed
    }

    /// For each source, the weight of the destinations that admit it and not everyone: each row adds to its ranges.
    fn admitted(&self, open: &Weighted) -> Vec<u64> {
        let len = self.program.groups.len();
        let ingress_of = &self.program.direction(Direction::Ingress).of_group;
        let mut by_profile = vec![0u64; self.ingress.len()];
        for d in (0..len).filter(|d| !open.set.contains(*d)) {
            by_profile[ingress_of[d as usize] as usize] += self.weights[d as usize];
        }
        let mut steps = vec![0i64; len as usize + 1];
        for (row, weight) in self.ingress.iter().zip(by_profile).filter(|(_, weight)| *weight > 0) {
            let weight = i64::try_from(weight).unwrap_or(i64::MAX);
            row.for_each_range(|from, to| {
                steps[from as usize] += weight;
                steps[to as usize] -= weight;
            });
        }
        let mut sum = 0;
        let running = steps.iter().map(|step| {
            sum += step;
            u64::try_from(sum).unwrap_or(0)
        });
        running.take(len as usize).collect()
    }

    /// Counts pairs from `sources` to those of `targets` that do not admit everyone.
    fn closed(&self, targets: &GroupSet, open: &Weighted, sources: &[GroupId]) -> u64 {
        let ingress_of = &self.program.direction(Direction::Ingress).of_group;
        let mut sum = 0;
        targets.for_each(|d| {
            let weight = self.weights[d as usize];
            if weight > 0 && !open.set.contains(d) {
                let row = &self.ingress[ingress_of[d as usize] as usize];
                let admitted =
                    sources.iter().filter(|s| row.contains(**s)).map(|s| self.weights[*s as usize]);
                sum += weight * admitted.sum::<u64>();
            }
        });
        sum
    }
}

fn weights(program: &Program, mask: &DenseSet) -> Vec<u64> {
    let weight = |g| if mask.contains(g) { program.groups.pods(g).len() as u64 } else { 0 };
    (0..program.groups.len()).map(weight).collect()
}

/// Sorts the groups that count by their profile in one direction.
fn by_profile(program: &Program, direction: Direction, counts: impl Fn(GroupId) -> bool) -> Lists {
    let program = program.direction(direction);
    Lists::of(program.profiles.len(), |visit| {
        let all = (0u32..).zip(program.of_group.iter());
        all.filter(|(group, _)| counts(*group)).for_each(|(group, profile)| visit(*profile, group));
    })
}

/// A set of groups whose weight within any row is quickly found.
struct Weighted {
    set: DenseSet,
    /// The weight of the set below each group, for rows of ranges.
    below: Vec<u64>,
    /// The weights as bit planes, for dense rows.
    planes: Vec<DenseSet>,
}

impl Weighted {
    fn new(set: DenseSet, weights: &[u64]) -> Self {
        let len = u32::try_from(weights.len()).unwrap_or(u32::MAX);
        let mut below = vec![0; weights.len() + 1];
        let most = weights.iter().copied().max().unwrap_or(0);
        let mut planes = vec![DenseSet::none(len); (64 - most.leading_zeros()) as usize];
        for (g, weight) in (0u32..).zip(weights) {
            let own = if set.contains(g) { *weight } else { 0 };
            below[g as usize + 1] = below[g as usize] + own;
            planes
                .iter_mut()
                .enumerate()
                .filter(|(bit, _)| weight >> bit & 1 == 1)
                .for_each(|(_, p)| p.insert(g));
        }
        Self { set, below, planes }
    }

    fn weight_of(&self, row: &GroupSet) -> u64 {
        match row {
            GroupSet::Span(from, to) => self.below[*to as usize] - self.below[*from as usize],
            GroupSet::Ranges(ranges) => {
                ranges.iter().map(|r| self.below[r.1 as usize] - self.below[r.0 as usize]).sum()
            }
            GroupSet::Dense(dense) => self.set.weight_in_both(dense, &self.planes),
        }
    }
}
