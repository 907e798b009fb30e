//! Makes the table of a program.

use std::collections::HashMap;
use std::net::IpAddr;

use super::classes::PortClasses;
use super::{
    Entry, EntryAction, EntryKind, Needs, PodFacts, PodRow, Pools, ProfileRow, StageRow,
    VerdictTable, name_key,
};
use crate::compile::{
    AddressTerm, CompiledPolicy, NETWORK, PortKey, PortMatch, Profile, Program, Rule, Stage,
    StageProfile, address_number, port_key,
};
use crate::index::{DenseSet, GroupId, GroupSet};
use crate::model::{Cluster, Direction, Family, Protocol};

type FastMap<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

/// Above so many steps for one stage of one profile, the profile is left to the walk.
const MOST_STEPS: usize = 1 << 20;
/// Above so many entries altogether, further profiles are left to the walk.
const MOST_ALTOGETHER: usize = 1 << 24;
/// Up to so many ranges stand as entries of their own.
const FEW_RANGES: usize = 2;
/// Above so many entries for one stretch of ports, their groups are united, where the order of rules does not matter.
const MOST_ENTRIES: usize = 16;
/// At most so many words are spent on united sets of groups.
const MOST_WORDS: usize = 1 << 22;

impl VerdictTable {
    /// Makes the table for the profiles that a program was compiled with.
    pub(crate) fn of(cluster: &Cluster, program: &Program) -> Self {
        let mut maker = Maker::new(program);
        let families = cluster.families();
        let (mut egress, mut ingress) =
            <([Box<[ProfileRow]>; 2], [Box<[ProfileRow]>; 2])>::default();
        let mut known = [Vec::new(), Vec::new()];
        for family in families.iter() {
            let parts = maker.peer_parts(cluster, family);
            for direction in Direction::ALL {
                let own = match direction {
                    Direction::Egress => &mut egress,
                    Direction::Ingress => &mut ingress,
                };
                let known = &mut known[direction as usize];
                own[family as usize] = maker.rows(direction, &parts, known);
            }
        }
        maker.class_ports();
        let groups = &program.groups;
        let row = |pod| {
            let group = groups.of(pod);
            let [egress, ingress] = Direction::ALL.map(|d| program.profile(d, group));
            PodRow { facts: PodFacts::new(group, groups.group(group)), egress, ingress }
        };
        let address = |pod| match program.addresses.of_pod(pod, Family::V4) {
            Some(IpAddr::V4(address)) => address.to_bits(),
            _ => 0,
        };
        Self {
            pods: cluster.pod_ids().map(row).collect(),
            addresses: cluster.pod_ids().map(address).collect(),
            hosts: groups.iter().filter(|(_, g)| g.host_network).map(|(id, _)| id).collect(),
            unknown: groups.iter().filter(|(_, g)| g.address_unknown).map(|(id, _)| id).collect(),
            candidates: [false, true].map(|host| {
                Family::ALL.map(|family| cluster.candidate_addresses(host, family).only(family))
            }),
            egress,
            ingress,
            pools: maker.pools,
        }
    }
}

/// What a term holds of the pods that have an address of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holds {
    None,
    All,
    Some,
}

/// A part of a peer set, as entries have it.
type Part = (EntryKind, u32, u32);

/// The parts of every peer set of a program in one family.
struct Parts {
    parts: Vec<Part>,
    /// Where the parts of each peer set end.
    ends: Vec<u32>,
    /// Whether a peer set cannot be said in parts.
    walk: Vec<bool>,
}

impl Parts {
    fn of(&self, peer: u32) -> &[Part] {
        let from = if peer == 0 { 0 } else { self.ends[peer as usize - 1] };
        &self.parts[from as usize..self.ends[peer as usize] as usize]
    }
}

struct Maker<'a> {
    program: &'a Program,
    pools: Pools,
    sets: FastMap<GroupSet, Part>,
    /// Where each way to cut ports stands.
    cuts: FastMap<Box<[u32]>, u32>,
    /// Where the entries of stages stand.
    stages: FastMap<Box<[Entry]>, u32>,
    /// Words that united sets took.
    united: usize,
}

/// Where a stage of a profile stands, and what it needs.
type Made = (StageRow, Needs);

/// A rule and where it stands among those of its stage.
#[derive(Clone, Copy)]
struct Placed {
    rule: Rule,
    block: u16,
    place: u32,
}

/// Ports of a rule, by its position among those of its stage.
type Stretch = (PortKey, PortKey, u32);

impl<'a> Maker<'a> {
    fn new(program: &'a Program) -> Self {
        // 0 stands for a stage that does not govern.
        let pools = Pools { cuts: vec![0], ..Pools::default() };
        let (sets, cuts, stages) = (FastMap::default(), FastMap::default(), FastMap::default());
        Self { program, pools, sets, cuts, stages, united: 0 }
    }

    /// Makes the rows of one direction and family; `known` are the stages as they were made for the family before.
    fn rows(
        &mut self,
        direction: Direction,
        parts: &Parts,
        known: &mut Vec<Vec<Made>>,
    ) -> Box<[ProfileRow]> {
        let program = self.program.direction(direction);
        let mut stages: Vec<Vec<Made>> = Vec::with_capacity(program.stages.len());
        for (at, stage) in program.stages.iter().enumerate() {
            let mut rows = Vec::with_capacity(stage.profiles.shared().len());
            for (number, profile) in stage.profiles.shared().iter().enumerate() {
                let before = known.get(at).map(|rows| rows[number]);
                let same =
                    before.filter(|(_, needs)| !needs.any_of(Needs::ADDRESSES.or(Needs::WALK)));
                rows.push(match same {
                    Some(row) => row,
                    None => self.stage(direction, (at, stage), profile, parts),
                });
            }
            stages.push(rows);
        }
        let row = |profile: &Profile| {
            let mut row = ProfileRow::default();
            let network = &program.stages[NETWORK];
            let governing = &network.profiles[profile.stages[NETWORK] as usize];
            row.origin = self.own_groups(network, governing).0;
            for (at, rows) in stages.iter().enumerate() {
                let (offset, needs) = rows[profile.stages[at] as usize];
                row.stages[at] = offset;
                row.needs = row.needs.or(needs);
                let governs = offset.cut != 0;
                row.needs.add(Needs::STAGES, governs != (at == NETWORK));
            }
            row
        };
        let rows = program.profiles.shared().iter().map(row).collect();
        *known = stages;
        rows
    }

    /// Makes one stage of a profile: where it begins, and what it needs.
    fn stage(
        &mut self,
        direction: Direction,
        (at, stage): (usize, &Stage),
        profile: &StageProfile,
        parts: &Parts,
    ) -> Made {
        if profile.policies.is_empty() {
            return Made::default();
        }
        let walk = (StageRow::default(), Needs::WALK);
        let Some(rules) = placed(at, stage, profile) else { return walk };
        let mut needs = Needs::default();
        for placed in &rules {
            let peer = placed.rule.peer;
            let terms = &self.program.peers[peer as usize].terms;
            needs.add(Needs::ADDRESSES, !terms.is_empty());
            let cut = parts.of(peer).iter().any(|part| part.0 == EntryKind::Block);
            needs.add(Needs::OWN_ADDRESS, cut);
            needs.add(Needs::WALK, parts.walk[peer as usize]);
        }
        if needs.any_of(Needs::WALK) {
            return walk;
        }
        let stretches = self.stretches(direction, profile, &rules, &mut needs);
        let mut starts: Vec<PortKey> =
            stretches.iter().flat_map(|s| [s.0, s.1 + 1]).chain([0]).collect();
        starts.sort_unstable();
        starts.dedup();
        if starts.len() * stretches.len() > MOST_STEPS || self.pools.entries.len() > MOST_ALTOGETHER
        {
            return walk;
        }
        let own = if at == NETWORK { self.own_groups(stage, profile) } else { (0, 0) };
        (self.write((at, own), &rules, (&starts, &stretches), parts), needs)
    }

    /// Sorts ports into classes, once every way to cut them is written.
    fn class_ports(&mut self) {
        let mut positions: Vec<u32> = self.cuts.values().copied().collect();
        positions.sort_unstable();
        self.pools.classes = PortClasses::of(&mut self.pools.cuts, &positions);
    }

    /// Returns the groups of the namespace whose NetworkPolicies a profile is made of, as a half-open range.
    fn own_groups(&self, stage: &Stage, profile: &StageProfile) -> (GroupId, GroupId) {
        let policy = profile.policies.first().map(|at| &stage.policies[*at as usize]);
        let subject = policy.and_then(|policy| policy.subject.first());
        let groups = &self.program.groups;
        subject.map_or((0, 0), |subject| groups.of_namespace(groups.group(subject).namespace))
    }

    /// Lists the ports of rules, in the order in which they are asked.
    fn stretches(
        &self,
        direction: Direction,
        profile: &StageProfile,
        rules: &[Placed],
        needs: &mut Needs,
    ) -> Vec<Stretch> {
        let mut stretches = Vec::with_capacity(rules.len() + 4);
        for (number, placed) in (0u32..).zip(rules) {
            let ports: &PortMatch = &self.program.ports[placed.rule.ports as usize];
            stretches.extend(ports.verdict_keys().map(|(from, to)| (from, to, number)));
            if !ports.has_names() {
                continue;
            }
            if direction == Direction::Ingress {
                let resolved = ports.resolved(&profile.named_ports);
                stretches.extend(resolved.map(|(protocol, port)| {
                    (port_key(protocol, port), port_key(protocol, port), number)
                }));
                continue;
            }
            needs.add(Needs::NAMES, true);
            for (name, protocol) in ports.names() {
                let protocols =
                    Protocol::ALL.into_iter().filter(|p| protocol.is_none_or(|own| own == *p));
                stretches
                    .extend(protocols.map(|p| (name_key(*name, p), name_key(*name, p), number)));
            }
        }
        stretches
    }

    /// Writes a stage: its stretches of ports, and the entries of each.
    fn write(
        &mut self,
        (at, own): (usize, (GroupId, GroupId)),
        rules: &[Placed],
        (starts, stretches): (&[PortKey], &[Stretch]),
        parts: &Parts,
    ) -> StageRow {
        let mut all: Vec<Entry> = Vec::new();
        let mut cut = Vec::with_capacity(2 * starts.len() + 3);
        cut.extend([0, index(starts.len())]);
        cut.extend_from_slice(starts);
        let mut entries: Vec<Entry> = Vec::new();
        for start in starts {
            cut.push(index(all.len()));
            entries.clear();
            let here = stretches.iter().filter(|s| s.0 <= *start && *start <= s.1);
            let here = here.map(|s| &rules[s.2 as usize]);
            entries.extend(here.clone().flat_map(|placed| {
                parts.of(placed.rule.peer).iter().map(|part| placed.entry(*part))
            }));
            if at == NETWORK {
                self.unite(&mut entries, here);
            } else if let Some(last) = entries.iter().position(|e| e.kind == EntryKind::Any) {
                // Nothing gets past a rule that matches everyone, but for what its block may ask first.
                let block = entries[last].block;
                let end = last + entries[last..].iter().take_while(|e| e.block == block).count();
                entries.truncate(end);
            }
            all.extend(entries.iter().map(|entry| entry.seen_from(own)));
        }
        cut.push(index(all.len()));
        let known = self.cuts.get(&cut[..]).copied();
        let cut = known.unwrap_or_else(|| {
            let begin = index(self.pools.cuts.len());
            self.pools.cuts.extend_from_slice(&cut);
            self.cuts.insert(cut.into(), begin);
            begin
        });
        let known = self.stages.get(&all[..]).copied();
        let base = known.unwrap_or_else(|| {
            let begin = index(self.pools.entries.len());
            self.pools.entries.extend_from_slice(&all);
            self.stages.insert(all.into(), begin);
            begin
        });
        StageRow { cut, base }
    }

    /// Makes as few entries as may be of those of a stage in which any rule that matches allows.
    fn unite<'p>(&mut self, entries: &mut Vec<Entry>, rules: impl Iterator<Item = &'p Placed>) {
        if let Some(any) = entries.iter().find(|e| e.kind == EntryKind::Any).copied() {
            entries.clear();
            entries.push(any);
            return;
        }
        entries.sort_unstable_by_key(|e| (e.kind, e.from, e.to));
        entries.dedup_by(|next, last| {
            let same = next.kind == last.kind && (next.from, next.to) == (last.from, last.to);
            let joins = next.kind == EntryKind::Span
                && last.kind == EntryKind::Span
                && next.from <= last.to;
            if joins {
                last.to = last.to.max(next.to);
            }
            same || joins
        });
        if entries.len() <= MOST_ENTRIES || self.united > MOST_WORDS {
            return;
        }
        let mut all = DenseSet::none(self.program.groups.len());
        for placed in rules {
            all.insert_set(&self.program.peers[placed.rule.peer as usize].groups);
        }
        entries.retain(|e| e.kind == EntryKind::Block);
        let before = self.pools.words.len() + self.pools.ranges.len();
        let mut parts = Vec::new();
        self.group_parts(&all.into_group_set(), &mut parts);
        self.united += self.pools.words.len() + self.pools.ranges.len() - before;
        entries.extend(parts.into_iter().map(|(kind, from, to)| Entry {
            kind,
            action: EntryAction::Allow,
            block: 0,
            place: 0,
            from,
            to,
        }));
    }

    /// Says every peer set of the program in parts.
    fn peer_parts(&mut self, cluster: &Cluster, family: Family) -> Parts {
        let holds = self.holds(cluster, family);
        let mut blocks: FastMap<u32, Part> = FastMap::default();
        let (mut parts, mut ends, mut walk) = (Vec::new(), Vec::new(), Vec::new());
        for peer in self.program.peers.shared() {
            let whole = peer.any || peer.terms.iter().any(|t| holds[*t as usize] == Holds::All);
            let some = peer.terms.iter().filter(|t| holds[**t as usize] == Holds::Some);
            let cut = !whole && some.clone().next().is_some();
            walk.push(cut && family == Family::V6);
            if whole {
                parts.push((EntryKind::Any, 0, u32::MAX));
            } else {
                self.group_parts(&peer.groups, &mut parts);
                if family == Family::V4 {
                    for term in some {
                        let part = *blocks.entry(*term).or_insert_with(|| self.block(*term));
                        parts.push(part);
                    }
                }
            }
            ends.push(index(parts.len()));
        }
        Parts { parts, ends, walk }
    }

    /// Writes the IPv4 addresses of a term.
    fn block(&mut self, term: u32) -> Part {
        let from = index(self.pools.ranges.len());
        let ranges = self.program.terms[term as usize].set.ranges();
        self.pools.ranges.extend(ranges.filter_map(|range| match (range.from, range.to) {
            (IpAddr::V4(from), IpAddr::V4(to)) => Some((from.to_bits(), to.to_bits())),
            _ => None,
        }));
        (EntryKind::Block, from, index(self.pools.ranges.len()))
    }

    /// Says a set of groups in parts; equal sets are written once.
    fn group_parts(&mut self, set: &GroupSet, parts: &mut Vec<Part>) {
        match set {
            GroupSet::Span(from, to) if from == to => {}
            GroupSet::Span(from, to) => parts.push((EntryKind::Span, *from, *to)),
            GroupSet::Ranges(ranges) if ranges.len() <= FEW_RANGES => {
                parts.extend(ranges.iter().map(|(from, to)| (EntryKind::Span, *from, *to)));
            }
            _ => {
                let part = match self.sets.get(set) {
                    Some(part) => *part,
                    None => self.write_set(set),
                };
                parts.push(part);
            }
        }
    }

    fn write_set(&mut self, set: &GroupSet) -> Part {
        let part = if let GroupSet::Dense(dense) = set {
            let from = index(self.pools.words.len());
            self.pools.words.extend_from_slice(dense.words());
            (EntryKind::Dense, from, index(self.pools.words.len()))
        } else {
            let from = index(self.pools.ranges.len());
            set.for_each_range(|a, b| self.pools.ranges.push((a, b)));
            (EntryKind::Ranges, from, index(self.pools.ranges.len()))
        };
        self.sets.insert(set.clone(), part);
        part
    }

    /// Finds out what each term holds of the pods that have an address of their own.
    fn holds(&self, cluster: &Cluster, family: Family) -> Vec<Holds> {
        let own = cluster.pods().iter().filter(|pod| !pod.host_network);
        let mut own: Vec<u128> =
            own.filter_map(|pod| pod.address(family)).map(address_number).collect();
        own.sort_unstable();
        own.dedup();
        let before = |address: IpAddr| own.partition_point(|a| *a < address_number(address));
        let up_to = |address: IpAddr| own.partition_point(|a| *a <= address_number(address));
        let of = |term: &AddressTerm| {
            let ranges = term.set.ranges().filter(|r| Family::of(r.from) == family);
            let held: usize = ranges.map(|r| up_to(r.to) - before(r.from)).sum();
            match held {
                0 => Holds::None,
                _ if !term.pods => Holds::None,
                n if n == own.len() => Holds::All,
                _ => Holds::Some,
            }
        };
        self.program.terms.shared().iter().map(of).collect()
    }
}

/// Numbers the rules of a stage; `None` where its policies stand in several lanes or are too many.
fn placed(at: usize, stage: &Stage, profile: &StageProfile) -> Option<Vec<Placed>> {
    if at == NETWORK {
        let all = profile.rules.iter().map(|rule| Placed { rule: *rule, block: 0, place: 0 });
        return Some(all.collect());
    }
    let policies: Vec<&CompiledPolicy> =
        profile.policies.iter().map(|p| &stage.policies[*p as usize]).collect();
    let mut rules = Vec::new();
    let mut block = 0_u16;
    for (number, policy) in (0u16..=u16::MAX).zip(&policies) {
        let before = number.checked_sub(1).map(|n| policies[usize::from(n)]);
        if before.is_some_and(|b| b.lane != policy.lane) {
            return None;
        }
        if before.is_some_and(|b| b.block != policy.block) {
            block = block.checked_add(1)?;
        }
        for (rule_number, rule) in policy.rules.iter().enumerate() {
            let place = u32::from(number) << 16 | u32::from(u16::try_from(rule_number).ok()?);
            rules.push(Placed { rule: *rule, block, place });
        }
    }
    u16::try_from(policies.len()).is_ok().then_some(rules)
}

impl Entry {
    /// Counts a range of groups from the first of `own`, where it lies within that.
    fn seen_from(self, own: (GroupId, GroupId)) -> Self {
        if self.kind == EntryKind::Span && own.0 <= self.from && self.to <= own.1 {
            let (from, to) = (self.from - own.0, self.to - own.0);
            return Self { kind: EntryKind::Near, from, to, ..self };
        }
        self
    }
}

impl Placed {
    fn entry(&self, (kind, from, to): Part) -> Entry {
        let action = self.rule.action.into();
        Entry { kind, action, block: self.block, place: self.place, from, to }
    }
}

/// Positions fit: tables of rules and groups are numbered by 32 bits everywhere.
fn index(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}
