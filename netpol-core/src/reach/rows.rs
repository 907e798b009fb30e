//! Rows: for one port, one family and one direction, the groups that each profile certainly allows.

use std::collections::{BTreeMap, HashMap};

use crate::compile::{
    ADMIN, BASELINE, NETWORK, PortKey, ProfileId, Program, Rule, StageProfile, TermKind, pieces,
};
use crate::evaluate::{Algebra as _, Matcher, StageOutcome, stage_outcome};
use crate::index::{DenseSet, GroupSet};
use crate::model::{Cluster, Direction, Families, Family, IpSet, PodId};

/// The address classes of one end under the three stages of a profile.
pub(super) type Classes = [u32; 3];

/// The row of one profile.
#[derive(Debug)]
pub(super) struct Row {
    /// The groups that are certainly allowed, for pods of the most frequent address class and of unknown address.
    pub(super) groups: GroupSet,
    /// The address class that `groups` holds for.
    base: Classes,
    /// Rows of the other address classes that some pod has.
    pub(super) patches: Vec<Patch>,
}

/// The row of a profile for pods of one address class.
#[derive(Debug)]
pub(super) struct Patch {
    classes: Classes,
    /// The pods of the class, ascending.
    pub(super) pods: Vec<PodId>,
    groups: GroupSet,
}

impl Row {
    /// Returns the row for a pod of the given address classes.
    pub(super) fn at(&self, classes: Option<Classes>) -> &GroupSet {
        let patch = classes
            .filter(|c| *c != self.base)
            .and_then(|c| self.patches.iter().find(|p| p.classes == c));
        patch.map_or(&self.groups, |p| &p.groups)
    }
}

/// The pods of one family by address.
#[derive(Debug)]
struct ByAddress {
    addresses: Vec<u128>,
    pods: Vec<PodId>,
}

impl ByAddress {
    /// Sorts the pods whose address in a family is known.
    fn of(cluster: &Cluster, family: Family) -> Self {
        let address = |id: PodId| {
            cluster.pod(id).address(family).map(|a| (crate::compile::address_number(a), id))
        };
        let mut all: Vec<(u128, PodId)> = cluster.pod_ids().filter_map(address).collect();
        all.sort_unstable();
        Self {
            addresses: all.iter().map(|a| a.0).collect(),
            pods: all.iter().map(|a| a.1).collect(),
        }
    }

    /// Returns the pods with addresses from `from` up to but not including `to`.
    fn between(&self, from: u128, to: Option<u128>) -> &[PodId] {
        let first = self.addresses.partition_point(|a| *a < from);
        let last =
            to.map_or(self.addresses.len(), |to| self.addresses.partition_point(|a| *a < to));
        &self.pods[first..last]
    }
}

/// Makes the rows of one port, family and direction.
pub(super) struct RowMaker<'a> {
    cluster: &'a Cluster,
    program: &'a Program,
    tables: &'a RowTables,
    direction: Direction,
    family: Family,
    key: PortKey,
    /// Outcomes of tiers, which many profiles share: by stage, stage profile, address class, and whether it is known.
    tiers: HashMap<(usize, u32, u32, bool), StageOutcome<DenseSet>, foldhash::fast::RandomState>,
}

/// What rows of every port need: kept with the snapshot.
#[derive(Debug)]
pub(super) struct RowTables {
    by_address: [ByAddress; 2],
    masks: [DenseSet; 2],
    sets: Sets,
}

impl RowTables {
    /// Sorts pods by address, and groups by what address peers mean for them.
    pub(super) fn of(cluster: &Cluster, program: &Program) -> Self {
        Self {
            by_address: Family::ALL.map(|family| ByAddress::of(cluster, family)),
            masks: Family::ALL.map(|family| groups_with(program, |f| f.contains(family))),
            sets: Sets::of(program),
        }
    }

    /// Returns the pods of a family with addresses from `from` up to but not including `to`.
    pub(super) fn pods_between(&self, family: Family, from: u128, to: Option<u128>) -> &[PodId] {
        self.by_address[family as usize].between(from, to)
    }

    /// Returns the groups that talk in a family.
    pub(super) fn mask(&self, family: Family) -> &DenseSet {
        &self.masks[family as usize]
    }
}

/// Returns the groups whose families have something.
pub(super) fn groups_with(program: &Program, has: impl Fn(Families) -> bool) -> DenseSet {
    let mut mask = DenseSet::none(program.groups.len());
    program.groups.iter().filter(|(_, g)| has(g.families)).for_each(|(id, _)| mask.insert(id));
    mask
}

/// Sets of groups by what address peers mean for them.
#[derive(Debug)]
struct Sets {
    all: DenseSet,
    ordinary: DenseSet,
    hosts: DenseSet,
    hosts_on_unknown_node: DenseSet,
    /// Groups of unknown address: ordinary pods, then host-network pods.
    unknown: [DenseSet; 2],
}

impl Sets {
    fn of(program: &Program) -> Self {
        let len = program.groups.len();
        let mut sets = Self {
            all: DenseSet::all(len),
            ordinary: DenseSet::none(len),
            hosts: DenseSet::none(len),
            hosts_on_unknown_node: DenseSet::none(len),
            unknown: [DenseSet::none(len), DenseSet::none(len)],
        };
        for (id, group) in program.groups.iter() {
            if group.host_network {
                sets.hosts.insert(id);
                if group.node.is_none() {
                    sets.hosts_on_unknown_node.insert(id);
                }
            } else {
                sets.ordinary.insert(id);
            }
            if group.address_unknown {
                sets.unknown[usize::from(group.host_network)].insert(id);
            }
        }
        sets
    }
}

impl<'a> RowMaker<'a> {
    /// Prepares to make rows.
    pub(super) fn new(
        cluster: &'a Cluster,
        program: &'a Program,
        tables: &'a RowTables,
        direction: Direction,
        (family, key): (Family, PortKey),
    ) -> Self {
        let tiers = HashMap::default();
        Self { cluster, program, tables, direction, family, key, tiers }
    }

    /// Makes the rows of all profiles.
    pub(super) fn rows(mut self) -> Vec<Row> {
        let count = u32::try_from(self.program.direction(self.direction).profiles.len())
            .unwrap_or(u32::MAX);
        let candidates =
            [false, true].map(|host| self.cluster.candidate_addresses(host, self.family));
        (0..count).map(|profile| self.row(profile, &candidates)).collect()
    }

    fn row(&mut self, profile: ProfileId, candidates: &[IpSet; 2]) -> Row {
        let maps = self.program.class_maps(self.direction, profile, self.family);
        if maps.iter().all(|m| m.is_trivial()) {
            let groups = self.allowed(profile, [0; 3], true).to_group_set();
            return Row { groups, base: [0; 3], patches: Vec::new() };
        }
        let mut present = self.classes_of_pods(profile);
        let most = present.iter().max_by_key(|(_, pods)| pods.len()).map(|(classes, _)| *classes);
        let base = most.unwrap_or_else(|| maps.map(|m| m.class_of_number(0)));
        present.remove(&base);
        let mut groups = self.allowed(profile, base, true);
        let tables = self.tables;
        for (unknown, candidates) in tables.sets.unknown.iter().zip(candidates) {
            if !unknown.is_empty() {
                let allowed = self.allowed_if_unknown(profile, unknown, candidates);
                groups.subtract(unknown);
                groups.unite(&allowed);
            }
        }
        let groups = groups.to_group_set();
        let mut patches = Vec::with_capacity(present.len());
        for (classes, mut pods) in present {
            let row = self.allowed(profile, classes, true).to_group_set();
            if row != groups {
                pods.sort_unstable();
                patches.push(Patch { classes, pods, groups: row });
            }
        }
        Row { groups, base, patches }
    }

    /// Sorts the pods of known address by their classes under a profile.
    fn classes_of_pods(&self, profile: ProfileId) -> BTreeMap<Classes, Vec<PodId>> {
        let maps = self.program.class_maps(self.direction, profile, self.family);
        let mut starts: Vec<u128> = maps.iter().flat_map(|m| m.starts().iter().copied()).collect();
        starts.sort_unstable();
        starts.dedup();
        let mut present: BTreeMap<Classes, Vec<PodId>> = BTreeMap::new();
        for (i, start) in starts.iter().enumerate() {
            let pods = self.tables.by_address[self.family as usize]
                .between(*start, starts.get(i + 1).copied());
            if !pods.is_empty() {
                present
                    .entry(maps.map(|m| m.class_of_number(*start)))
                    .or_default()
                    .extend_from_slice(pods);
            }
        }
        present
    }

    /// The groups among `unknown` that are allowed with every address that they may have.
    fn allowed_if_unknown(
        &mut self,
        profile: ProfileId,
        unknown: &DenseSet,
        candidates: &IpSet,
    ) -> DenseSet {
        let maps = self.program.class_maps(self.direction, profile, self.family);
        let mut seen: Vec<Classes> = pieces(self.family, candidates, &maps)
            .iter()
            .map(|piece| maps.map(|m| m.class(piece.from)))
            .collect();
        seen.sort_unstable();
        seen.dedup();
        let mut allowed = unknown.clone();
        for classes in seen {
            let now = self.allowed(profile, classes, false);
            allowed.intersect(&now);
        }
        allowed
    }

    /// Walks the stages for one address class: the groups that no order of the policies denies.
    fn allowed(&mut self, profile: ProfileId, classes: Classes, known: bool) -> DenseSet {
        let program = self.program.direction(self.direction);
        let stages = program.profiles[profile as usize].stages;
        if stages[ADMIN] == 0 && stages[BASELINE] == 0 {
            return self.allowed_by_network_policies(stages[NETWORK], classes[NETWORK], known);
        }
        let mut live = self.tables.sets.all.clone();
        let mut allow: Option<DenseSet> = None;
        let mut deny: Option<DenseSet> = None;
        for (at, (stage, chosen)) in program.stages.iter().zip(stages).enumerate() {
            let stage_profile = &stage.profiles[chosen as usize];
            if stage_profile.policies.is_empty() {
                continue;
            }
            let outcome = if let Some(known) = self.tiers.get(&(at, chosen, classes[at], known)) {
                known.clone()
            } else {
                let matcher = self.matcher(stage_profile, classes[at], known);
                let outcome =
                    stage_outcome(stage, stage_profile, self.tables.sets.all.clone(), &matcher);
                if at != NETWORK {
                    self.tiers.insert((at, chosen, classes[at], known), outcome.clone());
                }
                outcome
            };
            let add = |to: &mut Option<DenseSet>, mut part: DenseSet, live: &DenseSet| {
                part.intersect(live);
                match to {
                    Some(to) => to.unite(&part),
                    None => *to = Some(part),
                }
            };
            add(&mut allow, outcome.allow, &live);
            add(&mut deny, outcome.deny, &live);
            live.intersect(&outcome.next);
        }
        let mut allowed = allow.unwrap_or_else(|| DenseSet::none(self.program.groups.len()));
        allowed.unite(&live);
        if let Some(deny) = deny {
            allowed.subtract(&deny);
        }
        allowed
    }

    /// Without admin policies a row is the union of what the rules match.
    fn allowed_by_network_policies(&self, chosen: u32, class: u32, known: bool) -> DenseSet {
        let profile =
            &self.program.direction(self.direction).stages[NETWORK].profiles[chosen as usize];
        if profile.policies.is_empty() {
            return self.tables.sets.all.clone();
        }
        let matcher = self.matcher(profile, class, known);
        let mut allowed = matcher.none();
        for rule in &profile.rules {
            matcher.add(rule, &mut allowed);
        }
        allowed
    }

    fn matcher<'s>(&'s self, profile: &'s StageProfile, class: u32, known: bool) -> RowMatcher<'s> {
        let held = profile.classes(self.family).terms(class);
        let named = &profile.named_ports;
        RowMatcher {
            program: self.program,
            sets: &self.tables.sets,
            direction: self.direction,
            held,
            named,
            key: self.key,
            known,
        }
    }
}

/// Matches groups on one port, for one address class.
struct RowMatcher<'a> {
    program: &'a Program,
    sets: &'a Sets,
    direction: Direction,
    held: &'a [u32],
    /// The named ports of the subject, for ingress.
    named: &'a [(u32, crate::model::Protocol, u16)],
    key: PortKey,
    /// Whether the address is known.
    known: bool,
}

impl RowMatcher<'_> {
    fn add_peers(&self, rule: &Rule, to: &mut DenseSet) {
        let peer = &self.program.peers[rule.peer as usize];
        if peer.any {
            to.unite(&self.sets.all);
            return;
        }
        to.insert_set(&peer.groups);
        for term in peer.terms.iter().filter(|t| self.held.binary_search(t).is_ok()) {
            self.add_term(*term, to);
        }
    }

    fn add_term(&self, term: u32, to: &mut DenseSet) {
        let term = &self.program.terms[term as usize];
        let nodes_of_unknown = term.kind == TermKind::Nodes && !self.known;
        if term.pods && !nodes_of_unknown {
            to.unite(&self.sets.ordinary);
        }
        if term.hosts {
            to.unite(if nodes_of_unknown {
                &self.sets.hosts_on_unknown_node
            } else {
                &self.sets.hosts
            });
        }
    }

    /// Adds the peers that declare the port under a name of the rule.
    fn add_declaring(&self, rule: &Rule, to: &mut DenseSet) {
        let ports = &self.program.ports[rule.ports as usize];
        let mut peers = DenseSet::none(self.program.groups.len());
        self.add_peers(rule, &mut peers);
        peers.for_each(&mut |group| {
            if ports.contains(self.key, &self.program.groups.group(group).named_ports) {
                to.insert(group);
            }
        });
    }
}

impl Matcher for RowMatcher<'_> {
    type Set = DenseSet;

    fn none(&self) -> DenseSet {
        DenseSet::none(self.program.groups.len())
    }

    fn add(&self, rule: &Rule, to: &mut DenseSet) -> bool {
        let ports = &self.program.ports[rule.ports as usize];
        if ports.contains_number(self.key) {
            self.add_peers(rule, to);
        } else if ports.has_names() {
            match self.direction {
                Direction::Egress => self.add_declaring(rule, to),
                Direction::Ingress if ports.contains(self.key, self.named) => {
                    self.add_peers(rule, to);
                }
                Direction::Ingress => {}
            }
        }
        false
    }

    fn within(&self, rule: &Rule, within: &DenseSet) -> DenseSet {
        let mut matched = self.none();
        self.add(rule, &mut matched);
        matched.intersect(within);
        matched
    }
}
