//! Which pairs a change of NetworkPolicies moved: cells (group × group) are decided on both sides, and only where the
//! direction that moved differs and the other one may let through what differs.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::IpAddr;

use super::question::{End, Row};
use super::snapshot::Snapshot;
use super::touched::{moved_groups, touched};
use crate::compile::{
    ADMIN, AddressClasses, BASELINE, DirectionProgram, NETWORK, PeerSet, PortKey, ProfileId,
    Program, Rule, pieces, port_key,
};
use crate::evaluate::{Candidates, Decision, Evaluator, Other, OtherKind};
use crate::index::{DenseSet, Group, GroupId, GroupSet};
use crate::model::{
    Direction, Families, Family, IpSet, PodId, PortRange, PortSet, Verdict, WorkloadId,
};

type FastMap<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

/// Above so many cells groups are looked at one by one.
const MOST_CELLS: usize = 256;
/// Up to so many ports are asked about one by one.
const FEW_PORTS: usize = 8;
/// Up to so many groups are looked at one by one.
const FEW_GROUPS: usize = 32;

/// Two workloads of which all pods are treated alike on each side, and differently by the two sides.
#[derive(Debug)]
pub(crate) struct MovedPair {
    /// The source.
    pub(crate) src: WorkloadId,
    /// The destination.
    pub(crate) dst: WorkloadId,
    /// The rows of both sides, denied ones left out.
    pub(crate) rows: [Vec<Row>; 2],
}

/// What moved.
#[derive(Debug, Default)]
pub(crate) struct Moved {
    /// Pairs of workloads whose pods are all alike.
    pub(crate) pairs: Vec<MovedPair>,
    /// Pairs that are to be compared pod by pod: destinations by source.
    pub(crate) told_apart: BTreeMap<WorkloadId, BTreeSet<WorkloadId>>,
    /// Workloads whose connections to addresses differ.
    pub(crate) to_outside: BTreeSet<WorkloadId>,
    /// Workloads whose connections from addresses differ.
    pub(crate) from_outside: BTreeSet<WorkloadId>,
}

/// Compares two snapshots that share their groups.
pub(crate) fn moved_pairs(before: &Snapshot, after: &Snapshot) -> Moved {
    let cluster = after.cluster();
    let candidates = [false, true]
        .map(|host| Family::ALL.map(|family| cluster.candidate_addresses(host, family)));
    let mover = Mover {
        before: before.evaluator(),
        after: after.evaluator(),
        snapshot: after,
        all: PortSet::all(),
        candidates: &candidates,
        seen: HashSet::default(),
        members: FastMap::default(),
        found: Moved::default(),
    };
    mover.run()
}

/// Groups at the other end that two profiles treat differently, and the ports on which some of them are.
struct Differing {
    groups: DenseSet,
    ports: PortSet,
    /// Whether the ports of a rule may be among them, once asked: those of the program before, then after.
    overlaps: [Vec<Cell<Option<bool>>>; 2],
}

impl Differing {
    /// Tells whether the ports of a rule may be among those that differ.
    fn may_overlap(&self, side: usize, program: &Program, ports: u32) -> bool {
        let ask = || program.ports[ports as usize].may_overlap(&self.ports);
        let Some(known) = self.overlaps[side].get(ports as usize) else { return ask() };
        let overlaps = known.get().unwrap_or_else(ask);
        known.set(Some(overlaps));
        overlaps
    }
}

struct Mover<'a> {
    before: Evaluator<'a>,
    after: Evaluator<'a>,
    snapshot: &'a Snapshot,
    all: PortSet,
    /// The addresses that pods of unknown address may have: ordinary pods, then host-network pods, by family.
    candidates: &'a [[IpSet; 2]; 2],
    /// The cells that were decided.
    seen: HashSet<(GroupId, GroupId), foldhash::fast::RandomState>,
    /// The workloads of a group, and whether all their pods are in it.
    members: FastMap<GroupId, Vec<(WorkloadId, bool)>>,
    found: Moved,
}

impl<'a> Mover<'a> {
    fn run(mut self) -> Moved {
        let programs = (self.before.program, self.after.program);
        for direction in Direction::ALL {
            for (profiles, groups) in moved_groups(programs, direction) {
                let Some(first) = groups.first().copied() else { continue };
                let touched = touched(programs, direction, profiles);
                if touched.outside && self.outside_differs(direction, profiles, first) {
                    groups.iter().for_each(|group| self.add_outside(direction, *group));
                }
                for differing in self.differing(direction, profiles, first, &touched.others) {
                    differing.groups.for_each(&mut |other| {
                        for group in &groups {
                            self.decide_cell(direction, *group, other, &differing);
                        }
                    });
                }
            }
        }
        self.found
    }

    /// The program before, which is side 0, or after.
    fn program(&self, side: usize) -> &'a Program {
        if side == 0 { self.before.program } else { self.after.program }
    }

    fn group(&self, group: GroupId) -> &'a Group {
        self.after.program.groups.group(group)
    }

    fn pods(&self, group: GroupId) -> &'a [PodId] {
        self.after.program.groups.pods(group)
    }

    fn members(&mut self, group: GroupId) -> impl Iterator<Item = (WorkloadId, bool)> + use<> {
        let (cluster, pods) = (self.after.cluster, self.pods(group));
        let found = self.members.entry(group).or_insert_with(|| {
            let mut counts: BTreeMap<WorkloadId, usize> = BTreeMap::new();
            pods.iter().for_each(|pod| *counts.entry(cluster.pod(*pod).workload).or_default() += 1);
            let whole = |(id, count)| (id, cluster.workload(id).pods.len() == count);
            counts.into_iter().map(whole).collect()
        });
        found.clone().into_iter()
    }

    fn maps(
        &self,
        direction: Direction,
        (was, is): (ProfileId, ProfileId),
        family: Family,
    ) -> [&'a AddressClasses; 6] {
        let old = self.before.program.class_maps(direction, was, family);
        let new = self.after.program.class_maps(direction, is, family);
        [old[0], old[1], old[2], new[0], new[1], new[2]]
    }

    /// What two profiles say about an end, before and after.
    fn decide_both(
        &self,
        direction: Direction,
        subject: GroupId,
        other: &Other<'_>,
        family: Family,
    ) -> [Decision; 2] {
        let decide =
            |side: &Evaluator<'_>| side.decide(direction, subject, other, family, &self.all);
        if self.may_differ(direction, subject, other).is_some_and(|ports| ports.is_empty()) {
            let decided = decide(&self.after);
            return [decided.clone(), decided];
        }
        [decide(&self.before), decide(&self.after)]
    }

    /// Returns the ports of which the rules of a group may say different things before and after: none where its profile did
    /// not move, and where NetworkPolicies alone did, those that matching rules of one side name. `None` where that is not known.
    fn may_differ(
        &self,
        direction: Direction,
        subject: GroupId,
        other: &Other<'_>,
    ) -> Option<PortSet> {
        let (old, new) = (self.before.program, self.after.program);
        let (was, is) = (old.direction(direction), new.direction(direction));
        let profiles = (old.profile(direction, subject), new.profile(direction, subject));
        if profiles.0 == profiles.1 && was.profiles.shares(&is.profiles, profiles.0 as usize) {
            return Some(PortSet::none());
        }
        let Candidates::Known(address) = other.candidates else { return None };
        let (a, b) = (was.profiles[profiles.0 as usize], is.profiles[profiles.1 as usize]);
        let same_tier = |at: usize| {
            a.stages[at] == b.stages[at]
                && was.stages[at].profiles.shares(&is.stages[at].profiles, a.stages[at] as usize)
        };
        let isolated = a.stages[NETWORK] != 0 && b.stages[NETWORK] != 0;
        if !isolated || !same_tier(ADMIN) || !same_tier(BASELINE) {
            return None;
        }
        let ports = |program: &'a Program, own: &'a DirectionProgram, at: u32| {
            let profile = &own.stages[NETWORK].profiles[at as usize];
            let classes = profile.classes(Family::of(address));
            let held = classes.terms(classes.class(address));
            let matches = |rule: &&Rule| {
                other.matches(&program.peers[rule.peer as usize], program, held, &[])
            };
            let mut ports: Vec<u32> =
                profile.rules.iter().filter(matches).map(|rule| rule.ports).collect();
            ports.sort_unstable();
            ports.dedup();
            ports
        };
        let before = ports(old, was, a.stages[NETWORK]);
        let after = ports(new, is, b.stages[NETWORK]);
        let shared = |at: &u32| old.ports.shares(&new.ports, *at as usize);
        if before == after && before.iter().all(shared) {
            return Some(PortSet::none());
        }
        let numbers = |program: &Program, ports: &[u32]| {
            let mut all = PortSet::none();
            for at in ports {
                let ports = &program.ports[*at as usize];
                if ports.has_names() {
                    return None;
                }
                all = all.union(&ports.on(&[]));
            }
            Some(all)
        };
        Some(apart(&numbers(old, &before)?, &numbers(new, &after)?))
    }

    /// Returns the ports on which the rules of a group treat a pod differently.
    fn delta(
        &self,
        direction: Direction,
        subject: GroupId,
        other: &Other<'_>,
        family: Family,
    ) -> PortSet {
        let Some(ports) = self.may_differ(direction, subject, other).and_then(|p| few_ports(&p))
        else {
            let [was, is] = self.decide_both(direction, subject, other, family);
            return delta(&was, &is);
        };
        let differs = |port: &PortRange| {
            let asked = (key_of(*port), family);
            let judge = |side: &Evaluator<'_>| side.judge(direction, subject, other, asked);
            judge(&self.before) != judge(&self.after)
        };
        ports.into_iter().filter(differs).collect()
    }

    /// Describes the pods of a group that have an address, or of which none is known.
    fn other(&self, group: GroupId, family: Family, address: Option<IpAddr>) -> Other<'a> {
        let host = self.group(group).host_network;
        let among = Candidates::Among(&self.candidates[usize::from(host)][family as usize]);
        Other {
            group: Some(group),
            kind: if host { OtherKind::Host } else { OtherKind::Pod },
            name: None,
            candidates: address.map_or(among, Candidates::Known),
        }
    }

    fn outside_differs(
        &self,
        direction: Direction,
        profiles: (ProfileId, ProfileId),
        subject: GroupId,
    ) -> bool {
        self.after.cluster.families().iter().any(|family| {
            let maps = self.maps(direction, profiles, family);
            let mut seen: HashSet<[u32; 6], foldhash::fast::RandomState> = HashSet::default();
            pieces(family, &IpSet::family(family), &maps).into_iter().any(|piece| {
                let candidates = Candidates::Known(piece.from);
                let kind = OtherKind::Outside;
                let other = Other { group: None, kind, name: None, candidates };
                seen.insert(maps.map(|m| m.class(piece.from))) && {
                    let [was, is] = self.decide_both(direction, subject, &other, family);
                    was != is
                }
            })
        })
    }

    /// Finds the groups among `others` that two profiles treat differently; `subject` has both.
    fn differing(
        &self,
        direction: Direction,
        profiles: (ProfileId, ProfileId),
        subject: GroupId,
        others: &DenseSet,
    ) -> Vec<Differing> {
        let by_family = Family::ALL.map(|family| Cut::of(self, direction, profiles, family));
        let cells = self.cells(direction, profiles, others);
        let decide = |(first, groups): (GroupId, DenseSet)| {
            self.differing_cell((direction, subject), &by_family, first, &groups)
        };
        cells.into_iter().filter_map(decide).collect()
    }

    /// Sorts groups into cells that the rules of two profiles cannot tell apart but for their addresses; each has a first group.
    fn cells(
        &self,
        direction: Direction,
        (a, b): (ProfileId, ProfileId),
        others: &DenseSet,
    ) -> Vec<(GroupId, DenseSet)> {
        let len = self.after.program.groups.len();
        let mut listed = Vec::new();
        others.for_each(&mut |group| listed.push(group));
        let alone = |listed: Vec<GroupId>| {
            let one = |group| {
                let mut set = DenseSet::none(len);
                set.insert(group);
                (group, set)
            };
            listed.into_iter().map(one).collect()
        };
        if listed.len() <= FEW_GROUPS {
            return alone(listed);
        }
        let peers = |program: &'a Program, profile| {
            program.rules(direction, profile).map(|rule| &program.peers[rule.peer as usize])
        };
        let peers = peers(self.before.program, a).chain(peers(self.after.program, b));
        let mut known: HashSet<&GroupSet, foldhash::fast::RandomState> = HashSet::default();
        let mut cells = self.by_kind(direction, &listed);
        for peer in peers.filter(|peer| known.insert(&peer.groups)) {
            let mut set = DenseSet::none(len);
            set.insert_set(&peer.groups);
            cells = cells
                .into_iter()
                .flat_map(|cell| {
                    let (mut inside, mut outside) = (cell.clone(), cell);
                    inside.and(&set);
                    outside.minus(&set);
                    [inside, outside]
                })
                .filter(|cell| !cell.is_empty())
                .collect();
            if cells.len() > MOST_CELLS {
                return alone(listed);
            }
        }
        cells.into_iter().filter_map(|cell| Some((cell.first()?, cell))).collect()
    }

    /// Sorts groups by what rules see of them beside selectors.
    fn by_kind(&self, direction: Direction, groups: &[GroupId]) -> Vec<DenseSet> {
        let len = self.after.program.groups.len();
        let mut kinds: Vec<(&Group, DenseSet)> = Vec::new();
        let alike = |a: &Group, b: &Group| {
            let named = direction == Direction::Ingress || a.named_ports == b.named_ports;
            let kind = |g: &Group| (g.host_network, g.node.is_none(), g.address_unknown);
            named && kind(a) == kind(b) && a.families == b.families
        };
        for id in groups {
            let group = self.group(*id);
            if let Some((_, set)) = kinds.iter_mut().find(|(known, _)| alike(known, group)) {
                set.insert(*id);
            } else {
                let mut set = DenseSet::none(len);
                set.insert(*id);
                kinds.push((group, set));
            }
        }
        kinds.into_iter().map(|(_, set)| set).collect()
    }

    fn differing_cell(
        &self,
        (direction, subject): (Direction, GroupId),
        cuts: &[Cut<'_>; 2],
        first: GroupId,
        groups: &DenseSet,
    ) -> Option<Differing> {
        let group = self.group(first);
        let mut ports = PortSet::none();
        let mut differing: Option<DenseSet> = None;
        for family in group.families.iter() {
            let cut = &cuts[family as usize];
            let differ = |address| {
                let other = self.other(first, family, address);
                self.delta(direction, subject, &other, family)
            };
            if group.address_unknown || cut.is_trivial() {
                let address = self.first_address(first, family);
                let own = differ(address);
                if !own.is_empty() {
                    ports = ports.union(&own);
                    differing = Some(groups.clone());
                }
                continue;
            }
            let mut pods: Vec<(u128, Option<u128>)> = Vec::new();
            let (mut known, mut all) = (FastMap::<[u32; 6], bool>::default(), true);
            for (start, end, address, classes) in &cut.pieces {
                let differs = *known.entry(*classes).or_insert_with(|| {
                    let own = differ(Some(*address));
                    ports = ports.union(&own);
                    !own.is_empty()
                });
                all &= differs;
                if differs {
                    pods.push((*start, *end));
                }
            }
            let set = if all {
                groups.clone()
            } else {
                let mut set = self.groups_between(family, &pods);
                set.and(groups);
                set
            };
            match &mut differing {
                Some(known) => known.or(&set),
                None => differing = Some(set),
            }
        }
        let groups = differing.filter(|set| !set.is_empty() && !ports.is_empty())?;
        let overlaps =
            [&self.before, &self.after].map(|side| vec![Cell::new(None); side.program.ports.len()]);
        Some(Differing { groups, ports, overlaps })
    }

    /// The groups with a pod whose address lies in one of some ranges.
    fn groups_between(&self, family: Family, ranges: &[(u128, Option<u128>)]) -> DenseSet {
        let program = self.after.program;
        let mut set = DenseSet::none(program.groups.len());
        let tables = self.snapshot.row_tables();
        for (from, to) in ranges {
            let pods = tables.pods_between(family, *from, *to);
            pods.iter().for_each(|pod| set.insert(program.groups.of(*pod)));
        }
        set
    }

    fn first_address(&self, group: GroupId, family: Family) -> Option<IpAddr> {
        self.pods(group).first().and_then(|pod| self.after.cluster.pod(*pod).address(family))
    }

    /// Decides a cell of which the direction of `group` differs.
    fn decide_cell(
        &mut self,
        direction: Direction,
        group: GroupId,
        other: GroupId,
        differing: &Differing,
    ) {
        let (src, dst) = match direction {
            Direction::Egress => (group, other),
            Direction::Ingress => (other, group),
        };
        let families = self.group(src).families.and(self.group(dst).families);
        // Traffic from a pod's own node is told apart pod by pod.
        let own_node = self.after.dialect.own_node_exempt && self.group(src).host_network;
        if families.is_empty() || !own_node && !self.may_pass(direction, other, group, differing) {
            return;
        }
        if !self.seen.insert((src, dst)) {
            return;
        }
        let decided = if own_node { None } else { self.decided(src, dst, families) };
        let Some([was, is]) = decided else {
            self.tell_apart(src, dst);
            return;
        };
        if was != is {
            self.add(src, dst, &[was, is]);
        }
    }

    /// Tells whether the other direction may let through what differs on one of the sides: `subject` is its own end there.
    fn may_pass(
        &self,
        moved: Direction,
        subject: GroupId,
        other: GroupId,
        differing: &Differing,
    ) -> bool {
        let direction = match moved {
            Direction::Egress => Direction::Ingress,
            Direction::Ingress => Direction::Egress,
        };
        let profiles = [&self.before, &self.after].map(|s| s.program.profile(direction, subject));
        let (was, is) =
            (self.before.program.direction(direction), self.after.program.direction(direction));
        let same =
            profiles[0] == profiles[1] && was.profiles.shares(&is.profiles, profiles[0] as usize);
        let passes = |side: usize| {
            self.passes(side, direction, profiles[side], other, |ports| {
                differing.may_overlap(side, self.program(side), ports)
            })
        };
        let has_tier = |side: &Evaluator<'_>| {
            let own = side.program.direction(direction);
            own.profiles[side.program.profile(direction, subject) as usize].stages[ADMIN] != 0
        };
        let passes = passes(1) || !same && passes(0);
        let has_tier = has_tier(&self.before) || has_tier(&self.after);
        passes && (!has_tier || self.lets_through(direction, subject, other, &differing.ports))
    }

    fn passes(
        &self,
        side: usize,
        direction: Direction,
        profile: ProfileId,
        other: GroupId,
        may_overlap: impl Fn(u32) -> bool,
    ) -> bool {
        let program = self.program(side);
        let own = program.direction(direction);
        let stages = own.profiles[profile as usize].stages;
        let network = &own.stages[NETWORK].profiles[stages[NETWORK] as usize];
        if network.policies.is_empty() {
            return true;
        }
        // Ports first: there are few, and what is known of them is near.
        let matches = |rule: &Rule| {
            may_overlap(rule.ports) && {
                let peer = &program.peers[rule.peer as usize];
                peer.any || peer.groups.contains(other) || self.may_hold(program, peer, other)
            }
        };
        // Pods that NetworkPolicies isolate never come to the Baseline tier; the Admin tier may let through what it likes.
        stages[ADMIN] != 0 || network.rules.iter().any(matches)
    }

    /// Tells whether a direction lets through some of the ports that differ: that is found out on these ports alone, since rules
    /// of the tiers are many. Pods that are not alike may be let through.
    fn lets_through(
        &self,
        direction: Direction,
        subject: GroupId,
        other: GroupId,
        ports: &PortSet,
    ) -> bool {
        let families = self.group(subject).families.and(self.group(other).families);
        families.iter().any(|family| {
            let Some(end) = self.alike(direction, subject, other, family) else { return true };
            let pod = self.pods(other).first().copied();
            if let (Some(pod), Some(ports)) = (pod, few_ports(ports)) {
                let table = self.snapshot.verdict_table();
                return [&self.before, &self.after].into_iter().any(|side| {
                    let verdict = |port: &PortRange| {
                        let asked = (key_of(*port), family);
                        side.pod_direction(table, direction, (subject, pod), asked)
                    };
                    ports.iter().any(|port| verdict(port) != Verdict::Deny)
                });
            }
            [&self.before, &self.after].into_iter().any(|side| {
                let decision = side.decide(direction, subject, &end, family, ports);
                let open = [&decision.allow, &decision.unknown, &decision.ambiguous];
                open.into_iter().any(|ports| !ports.is_empty())
            })
        })
    }

    /// Tells whether an address term may mean a pod of a group.
    fn may_hold(&self, program: &Program, peer: &PeerSet, group: GroupId) -> bool {
        let facts = self.group(group);
        peer.terms.iter().any(|term| {
            let term = &program.terms[*term as usize];
            let meant = if facts.host_network { term.hosts } else { term.pods };
            let held = |pod: &PodId| {
                let addresses = self.after.cluster.pod(*pod).addresses.iter();
                addresses.into_iter().any(|address| term.set.contains(*address))
            };
            meant && (facts.address_unknown || self.pods(group).iter().any(held))
        })
    }

    /// Decides a cell on both sides, family by family; `None` where its pods are not all alike.
    fn decided(
        &self,
        src: GroupId,
        dst: GroupId,
        families: Families,
    ) -> Option<[Vec<(Family, Decision)>; 2]> {
        let mut found = [Vec::new(), Vec::new()];
        for family in families.iter() {
            let target = self.alike(Direction::Egress, src, dst, family)?;
            let source = self.alike(Direction::Ingress, dst, src, family)?;
            let egress = self.decide_both(Direction::Egress, src, &target, family);
            let ingress = self.decide_both(Direction::Ingress, dst, &source, family);
            for ((list, egress), ingress) in found.iter_mut().zip(egress).zip(ingress) {
                list.push((family, egress.and(&ingress)));
            }
        }
        Some(found)
    }

    /// Describes the pods of a group where the rules of `subject` treat them all alike.
    fn alike(
        &self,
        direction: Direction,
        subject: GroupId,
        other: GroupId,
        family: Family,
    ) -> Option<Other<'a>> {
        let first = self.first_address(other, family);
        let profiles = (
            self.before.program.profile(direction, subject),
            self.after.program.profile(direction, subject),
        );
        let maps = self.maps(direction, profiles, family);
        if maps.iter().all(|m| m.is_trivial()) {
            return Some(self.other(other, family, first));
        }
        let classes = |pod: &PodId| {
            let address = self.after.cluster.pod(*pod).address(family);
            address.map(|address| maps.map(|m| m.class(address)))
        };
        let mut pods = self.pods(other).iter();
        let own = pods.next().map(classes)?;
        pods.all(|pod| classes(pod) == own).then(|| self.other(other, family, first))
    }

    fn add_outside(&mut self, direction: Direction, group: GroupId) {
        let own = self.members(group).map(|member| member.0);
        match direction {
            Direction::Egress => self.found.to_outside.extend(own),
            Direction::Ingress => self.found.from_outside.extend(own),
        }
    }

    fn tell_apart(&mut self, src: GroupId, dst: GroupId) {
        let targets: Vec<WorkloadId> = self.members(dst).map(|m| m.0).collect();
        for (source, _) in self.members(src) {
            self.found.told_apart.entry(source).or_default().extend(&targets);
        }
    }

    fn add(&mut self, src: GroupId, dst: GroupId, decided: &[Vec<(Family, Decision)>; 2]) {
        let targets: Vec<(WorkloadId, bool)> = self.members(dst).collect();
        for (source, whole) in self.members(src) {
            for (target, other_whole) in &targets {
                if !(whole && *other_whole) {
                    self.found.told_apart.entry(source).or_default().insert(*target);
                    continue;
                }
                let count = |id| self.after.cluster.workload(id).pods.len() as u64;
                let (a, b) = (count(source), count(*target));
                let total = if source == *target { a * (a - 1) } else { a * b };
                if total > 0 {
                    let rows =
                        [&decided[0], &decided[1]].map(|side| rows(side, (source, *target), total));
                    self.found.pairs.push(MovedPair { src: source, dst: *target, rows });
                }
            }
        }
    }
}

/// How the rules of two profiles cut the addresses of a family.
struct Cut<'a> {
    maps: [&'a AddressClasses; 6],
    /// First address and what follows the last, as numbers; the first again; the class under each map.
    pieces: Vec<(u128, Option<u128>, IpAddr, [u32; 6])>,
}

impl<'a> Cut<'a> {
    fn of(
        mover: &Mover<'a>,
        direction: Direction,
        profiles: (ProfileId, ProfileId),
        family: Family,
    ) -> Self {
        let maps = mover.maps(direction, profiles, family);
        let mut cut = Self { maps, pieces: Vec::new() };
        if cut.is_trivial() {
            return cut;
        }
        let ranges = pieces(family, &IpSet::family(family), &maps);
        let number = crate::compile::address_number;
        for (at, range) in ranges.iter().enumerate() {
            let end = ranges.get(at + 1).map(|next| number(next.from));
            let classes = maps.map(|m| m.class(range.from));
            cut.pieces.push((number(range.from), end, range.from, classes));
        }
        cut
    }

    fn is_trivial(&self) -> bool {
        self.maps.iter().all(|m| m.is_trivial())
    }
}

/// Lists the ports of a set, each alone, where they are few.
fn few_ports(ports: &PortSet) -> Option<Vec<PortRange>> {
    let sizes = ports.ranges().map(|range| usize::from(range.to - range.from) + 1);
    if sizes.sum::<usize>() > FEW_PORTS {
        return None;
    }
    let each = ports.ranges().flat_map(|range| {
        (range.from..=range.to).map(move |port| PortRange { from: port, to: port, ..range })
    });
    Some(each.collect())
}

/// The key of a port that stands alone.
const fn key_of(port: PortRange) -> PortKey {
    port_key(port.protocol, port.from)
}

/// The ports that are in one of two sets and not in the other.
fn apart(a: &PortSet, b: &PortSet) -> PortSet {
    a.difference(b).union(&b.difference(a))
}

/// The ports that two decisions treat differently.
fn delta(was: &Decision, is: &Decision) -> PortSet {
    if was == is {
        return PortSet::none();
    }
    apart(&was.allow, &is.allow)
        .union(&apart(&was.unknown, &is.unknown))
        .union(&apart(&was.ambiguous, &is.ambiguous))
}

/// The rows of one side, as a question would give them.
fn rows(
    decided: &[(Family, Decision)],
    (src, dst): (WorkloadId, WorkloadId),
    total: u64,
) -> Vec<Row> {
    let all = PortSet::all();
    let parts: Vec<(Family, Vec<(Verdict, PortSet)>)> =
        decided.iter().map(|(family, decision)| (*family, decision.split(&all))).collect();
    let agree = parts.windows(2).all(|pair| pair[0].1 == pair[1].1);
    let taken = if agree { 1 } else { parts.len() };
    let row = |family: Family, verdict, ports| Row {
        src: End::Workload(src),
        dst: End::Workload(dst),
        family: (!agree).then_some(family),
        verdict,
        ports,
        matching: total,
        total,
        reasons: Vec::new(),
    };
    let listed = parts.into_iter().take(taken).flat_map(|(family, parts)| {
        let kept = parts.into_iter().filter(|(verdict, _)| *verdict != Verdict::Deny);
        kept.map(move |(verdict, ports)| (family, verdict, ports))
    });
    listed.map(|(family, verdict, ports)| row(family, verdict, ports)).collect()
}
