//! Rows: for one port, one family and one direction, the groups that each profile certainly allows.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use crate::compile::{
    ADMIN, BASELINE, NETWORK, PortKey, ProfileId, Program, Rule, StageProfile, TermKind, pieces,
};
use crate::evaluate::{Algebra as _, Matcher, stage_outcome};
use crate::index::{DenseSet, Group, GroupSet, Union, both};
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
        let last = to.map_or(self.addresses.len(), |to| self.below(to));
        &self.pods[self.below(from)..last]
    }

    /// Returns the number of pods with addresses below one.
    fn below(&self, address: u128) -> usize {
        self.addresses.partition_point(|a| *a < address)
    }
}

/// The pods of one address class of a profile, as half-open ranges of the pods by address.
#[derive(Debug)]
struct Present {
    classes: Classes,
    parts: Box<[(usize, usize)]>,
}

impl Present {
    fn size(&self) -> usize {
        self.parts.iter().map(|(from, to)| to - from).sum()
    }
}

/// Which address classes of each profile have pods, and which: rows of every port need it.
#[derive(Debug)]
pub(super) struct Presence {
    /// By direction, family and profile; by classes, ascending, and empty where no rule looks at addresses.
    lists: [[Vec<Box<[Present]>>; 2]; 2],
}

impl Presence {
    /// Sorts the pods of known address by their classes under each profile.
    pub(super) fn of(program: &Program, tables: &RowTables) -> Self {
        let lists = |direction: Direction| {
            Family::ALL.map(|family| {
                let profiles = program.direction(direction).profiles.iter();
                let lists = (0u32..).zip(profiles).map(|(id, profile)| {
                    if !profile.cut[family as usize] {
                        return Box::default();
                    }
                    present(program, &tables.by_address[family as usize], direction, id, family)
                });
                lists.collect()
            })
        };
        let (egress, ingress) = both(|| lists(Direction::Egress), || lists(Direction::Ingress));
        Self { lists: [egress, ingress] }
    }

    fn of_profile(&self, direction: Direction, family: Family, profile: ProfileId) -> &[Present] {
        let at = match direction {
            Direction::Egress => 0,
            Direction::Ingress => 1,
        };
        &self.lists[at][family as usize][profile as usize]
    }
}

/// Sorts pods by their classes under a profile; in parts, since most blocks leave nearly all pods in one class.
fn present(
    program: &Program,
    pods: &ByAddress,
    direction: Direction,
    profile: ProfileId,
    family: Family,
) -> Box<[Present]> {
    let maps = program.class_maps(direction, profile, family);
    let mut starts: Vec<u128> = maps.iter().flat_map(|m| m.starts().iter().copied()).collect();
    starts.sort_unstable();
    starts.dedup();
    let mut found: BTreeMap<Classes, Vec<(usize, usize)>> = BTreeMap::new();
    let mut from = 0;
    for (at, start) in starts.iter().enumerate() {
        let to = starts.get(at + 1).map_or(pods.pods.len(), |next| pods.below(*next));
        if from < to {
            found.entry(maps.map(|m| m.class_of_number(*start))).or_default().push((from, to));
        }
        from = to;
    }
    let present = |(classes, parts): (Classes, Vec<_>)| Present { classes, parts: parts.into() };
    found.into_iter().map(present).collect()
}

/// The addresses that a pod of unknown address may have.
struct Guess {
    set: IpSet,
    /// Whether it is any address of the family.
    anything: bool,
}

impl Guess {
    fn of(cluster: &Cluster, host_network: bool, family: Family) -> Self {
        let set = cluster.candidate_addresses(host_network, family);
        Self { anything: set == IpSet::family(family), set }
    }
}

/// Makes the rows of one port, family and direction.
pub(super) struct RowMaker<'a> {
    cluster: &'a Cluster,
    program: &'a Program,
    tables: &'a RowTables,
    presence: &'a Presence,
    direction: Direction,
    family: Family,
    key: PortKey,
    /// What a tier does, which many profiles share: by stage, stage profile, address class, and whether it is known.
    tiers: HashMap<(usize, u32, u32, bool), Rc<Bounds>, foldhash::fast::RandomState>,
    /// For egress, the groups that declare the port under a name of a rule's ports, by the position of these.
    declaring: HashMap<u32, GroupSet, foldhash::fast::RandomState>,
}

/// What a tier leaves to the stages behind it: a row is `(behind ∩ bearable) ∪ settled`.
///
/// What no order of the policies denies is allowed: where the tier may hand on, that depends on the stages behind it, elsewhere
/// on the tier alone.
#[derive(Debug)]
struct Bounds {
    /// The groups that the tier certainly does not deny.
    bearable: GroupSet,
    /// Those of them that it does not hand on either: it allows them.
    settled: GroupSet,
}

impl Bounds {
    /// Bounds what the stages behind allow.
    fn around(&self, behind: &GroupSet, len: u32) -> GroupSet {
        let bearable = behind.intersection(&self.bearable, len);
        if self.settled.is_empty() {
            return bearable;
        }
        let mut row = Union::none(len);
        row.insert_set(&self.settled);
        row.insert_set(&bearable);
        row.finish()
    }
}

/// What rows of every port need: kept with the snapshot.
#[derive(Debug)]
pub(super) struct RowTables {
    by_address: [ByAddress; 2],
    masks: [DenseSet; 2],
    sets: Sets,
    nodes: Vec<OnNode>,
}

/// The pods of a node, some of which are on its network.
#[derive(Debug, Default)]
pub(super) struct OnNode {
    /// All of them, ascending.
    pub(super) pods: Vec<PodId>,
    /// Those on the network of the node, ascending.
    pub(super) hosts: Vec<PodId>,
}

/// Sorts pods by node; nodes without pods on their network are left out.
fn by_node(cluster: &Cluster) -> Vec<OnNode> {
    let mut nodes: Vec<OnNode> = Vec::new();
    nodes.resize_with(cluster.nodes().len(), OnNode::default);
    for id in cluster.pod_ids() {
        let pod = cluster.pod(id);
        if let Some(node) = pod.node {
            let on_node = &mut nodes[node.index()];
            on_node.pods.push(id);
            on_node.hosts.extend(pod.host_network.then_some(id));
        }
    }
    nodes.retain(|node| !node.hosts.is_empty());
    nodes
}

impl RowTables {
    /// Sorts pods by address, and groups by what address peers mean for them.
    pub(super) fn of(cluster: &Cluster, program: &Program) -> Self {
        Self {
            by_address: Family::ALL.map(|family| ByAddress::of(cluster, family)),
            masks: Family::ALL.map(|family| groups_with(program, |f| f.contains(family))),
            sets: Sets::of(program),
            nodes: by_node(cluster),
        }
    }

    /// Lists the nodes that have pods on their network.
    pub(super) fn nodes(&self) -> &[OnNode] {
        &self.nodes
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
    all: GroupSet,
    ordinary: GroupSet,
    hosts: GroupSet,
    hosts_on_unknown_node: GroupSet,
    /// Groups of which some address is known.
    known: GroupSet,
    /// Groups of unknown address: ordinary pods, then host-network pods.
    unknown: [GroupSet; 2],
}

impl Sets {
    fn of(program: &Program) -> Self {
        let len = program.groups.len();
        let that = |is: &dyn Fn(&Group) -> bool| {
            let mut set = Union::none(len);
            let matching = program.groups.iter().filter(|(_, group)| is(group));
            matching.for_each(|(id, _)| set.insert_range(id, id + 1));
            set.finish()
        };
        Self {
            all: GroupSet::whole(len),
            ordinary: that(&|group| !group.host_network),
            hosts: that(&|group| group.host_network),
            hosts_on_unknown_node: that(&|group| group.host_network && group.node.is_none()),
            known: that(&|group| !group.address_unknown),
            unknown: [false, true]
                .map(|host| that(&|group| group.address_unknown && group.host_network == host)),
        }
    }
}

impl<'a> RowMaker<'a> {
    /// Prepares to make rows.
    pub(super) fn new(
        cluster: &'a Cluster,
        program: &'a Program,
        (tables, presence): (&'a RowTables, &'a Presence),
        direction: Direction,
        (family, key): (Family, PortKey),
    ) -> Self {
        let declaring = match direction {
            Direction::Egress => declaring(program, key),
            Direction::Ingress => HashMap::default(),
        };
        let tiers = HashMap::default();
        Self { cluster, program, tables, presence, direction, family, key, tiers, declaring }
    }

    /// Makes the rows of all profiles.
    pub(super) fn rows(mut self) -> Vec<Row> {
        let count = u32::try_from(self.program.direction(self.direction).profiles.len())
            .unwrap_or(u32::MAX);
        let guesses = [false, true].map(|host| Guess::of(self.cluster, host, self.family));
        (0..count).map(|profile| self.row(profile, &guesses)).collect()
    }

    fn row(&mut self, profile: ProfileId, guesses: &[Guess; 2]) -> Row {
        let cut = self.program.direction(self.direction).profiles[profile as usize].cut;
        if !cut[self.family as usize] {
            let groups = self.allowed(profile, [0; 3], true);
            return Row { groups, base: [0; 3], patches: Vec::new() };
        }
        let maps = self.program.class_maps(self.direction, profile, self.family);
        let present = self.presence.of_profile(self.direction, self.family, profile);
        let most = present.iter().max_by_key(|present| present.size());
        let base = most.map_or_else(|| maps.map(|m| m.class_of_number(0)), |most| most.classes);
        let groups = self.base_row(profile, base, guesses);
        let mut patches = Vec::new();
        for Present { classes, parts } in present.iter().filter(|present| present.classes != base) {
            let row = self.allowed(profile, *classes, true);
            if row != groups {
                let by_address = &self.tables.by_address[self.family as usize].pods;
                let mut pods: Vec<PodId> = Vec::new();
                parts.iter().for_each(|(from, to)| pods.extend(&by_address[*from..*to]));
                pods.sort_unstable();
                patches.push(Patch { classes: *classes, pods, groups: row });
            }
        }
        Row { groups, base, patches }
    }

    /// The groups that are allowed, those of known addresses as pods of the class `base`.
    fn base_row(&mut self, profile: ProfileId, base: Classes, guesses: &[Guess; 2]) -> GroupSet {
        let (sets, len) = (&self.tables.sets, self.program.groups.len());
        if sets.known == sets.all {
            return self.allowed(profile, base, true);
        }
        let mut row = Union::none(len);
        if !sets.known.is_empty() {
            row.insert_set(&self.allowed(profile, base, true).intersection(&sets.known, len));
        }
        for (unknown, guess) in sets.unknown.iter().zip(guesses) {
            if !unknown.is_empty() {
                row.insert_set(&self.allowed_if_unknown(profile, unknown, guess));
            }
        }
        row.finish()
    }

    /// The groups among `unknown` that are allowed with every address that they may have.
    fn allowed_if_unknown(
        &mut self,
        profile: ProfileId,
        unknown: &GroupSet,
        guess: &Guess,
    ) -> GroupSet {
        let len = self.program.groups.len();
        if let Some(fewest) = self.fewest_terms(profile, guess) {
            return self.allowed(profile, fewest, false).intersection(unknown, len);
        }
        let maps = self.program.class_maps(self.direction, profile, self.family);
        let mut seen: Vec<Classes> = pieces(self.family, &guess.set, &maps)
            .iter()
            .map(|piece| maps.map(|m| m.class(piece.from)))
            .collect();
        seen.sort_unstable();
        seen.dedup();
        let mut allowed = unknown.clone();
        for classes in seen {
            let now = self.allowed(profile, classes, false);
            allowed = allowed.intersection(&now, len);
        }
        allowed
    }

    /// Returns the class of the addresses that no block holds, where it decides alone: NetworkPolicies allow an address the
    /// more, the more of their blocks hold it.
    fn fewest_terms(&self, profile: ProfileId, guess: &Guess) -> Option<Classes> {
        let maps = self.program.class_maps(self.direction, profile, self.family);
        if !guess.anything || !maps[ADMIN].is_trivial() || !maps[BASELINE].is_trivial() {
            return None;
        }
        let mut classes = [0; 3];
        classes[NETWORK] = maps[NETWORK].without_terms()?;
        Some(classes)
    }

    /// The groups that no order of the policies denies, for one address class.
    fn allowed(&mut self, profile: ProfileId, classes: Classes, known: bool) -> GroupSet {
        let stages = self.program.direction(self.direction).profiles[profile as usize].stages;
        let len = self.program.groups.len();
        // A pod that NetworkPolicies isolate never comes to the Baseline tier.
        let behind = if stages[NETWORK] != 0 {
            self.allowed_by_network_policies(stages[NETWORK], classes[NETWORK], known)
        } else if stages[BASELINE] != 0 {
            let bounds = self.bounds(BASELINE, (stages[BASELINE], classes[BASELINE]), known);
            bounds.bearable.clone()
        } else {
            self.tables.sets.all.clone()
        };
        if stages[ADMIN] == 0 {
            return behind;
        }
        self.bounds(ADMIN, (stages[ADMIN], classes[ADMIN]), known).around(&behind, len)
    }

    /// Asks a tier about all groups.
    fn bounds(&mut self, at: usize, (chosen, class): (u32, u32), known: bool) -> Rc<Bounds> {
        if let Some(bounds) = self.tiers.get(&(at, chosen, class, known)) {
            return Rc::clone(bounds);
        }
        let stage = &self.program.direction(self.direction).stages[at];
        let profile = &stage.profiles[chosen as usize];
        let matcher = self.matcher(profile, class, known);
        let all = DenseSet::all(self.program.groups.len());
        let outcome = stage_outcome(stage, profile, all.clone(), &matcher);
        let mut bearable = all;
        bearable.subtract(&outcome.deny);
        let mut settled = bearable.clone();
        settled.subtract(&outcome.next);
        let bounds = Rc::new(Bounds {
            bearable: bearable.into_group_set(),
            settled: settled.into_group_set(),
        });
        self.tiers.insert((at, chosen, class, known), Rc::clone(&bounds));
        bounds
    }

    /// The union of what the rules of NetworkPolicies match.
    fn allowed_by_network_policies(&self, chosen: u32, class: u32, known: bool) -> GroupSet {
        let profile =
            &self.program.direction(self.direction).stages[NETWORK].profiles[chosen as usize];
        let matcher = self.matcher(profile, class, known);
        let mut allowed = Union::none(self.program.groups.len());
        for rule in &profile.rules {
            matcher.add_matched(rule, &mut allowed);
            if allowed.is_whole() {
                break;
            }
        }
        allowed.finish()
    }

    fn matcher<'s>(&'s self, profile: &'s StageProfile, class: u32, known: bool) -> RowMatcher<'s> {
        let held = profile.classes(self.family).terms(class);
        let named = &profile.named_ports;
        RowMatcher {
            program: self.program,
            sets: &self.tables.sets,
            direction: self.direction,
            declaring: &self.declaring,
            held,
            named,
            key: self.key,
            known,
        }
    }
}

/// Finds, for each set of ports that has names and not the port's number, the groups that declare the port under one of them.
fn declaring(
    program: &Program,
    key: PortKey,
) -> HashMap<u32, GroupSet, foldhash::fast::RandomState> {
    let ports = (0u32..).zip(program.ports.iter());
    let named = ports.filter(|(_, ports)| ports.has_names() && !ports.contains_number(key));
    let declaring = named.map(|(id, ports)| {
        let mut set = Union::none(program.groups.len());
        let declares = |group: &Group| {
            !group.named_ports.is_empty() && ports.contains(key, &group.named_ports)
        };
        let groups = program.groups.iter().filter(|(_, group)| declares(group));
        groups.for_each(|(group, _)| set.insert_range(group, group + 1));
        (id, set.finish())
    });
    declaring.collect()
}

/// What sets of groups are added to.
trait Sink {
    /// Adds the groups of a set.
    fn insert_set(&mut self, set: &GroupSet);
}

impl Sink for DenseSet {
    fn insert_set(&mut self, set: &GroupSet) {
        self.insert_set(set);
    }
}

impl Sink for Union {
    fn insert_set(&mut self, set: &GroupSet) {
        self.insert_set(set);
    }
}

/// Matches groups on one port, for one address class.
struct RowMatcher<'a> {
    program: &'a Program,
    sets: &'a Sets,
    direction: Direction,
    declaring: &'a HashMap<u32, GroupSet, foldhash::fast::RandomState>,
    held: &'a [u32],
    /// The named ports of the subject, for ingress.
    named: &'a [(u32, crate::model::Protocol, u16)],
    key: PortKey,
    /// Whether the address is known.
    known: bool,
}

impl RowMatcher<'_> {
    /// Adds the groups that a rule matches.
    fn add_matched(&self, rule: &Rule, to: &mut impl Sink) {
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
    }

    fn add_peers(&self, rule: &Rule, to: &mut impl Sink) {
        let peer = &self.program.peers[rule.peer as usize];
        if peer.any {
            to.insert_set(&self.sets.all);
            return;
        }
        to.insert_set(&peer.groups);
        for term in peer.terms.iter().filter(|t| self.held.binary_search(t).is_ok()) {
            self.add_term(*term, to);
        }
    }

    fn add_term(&self, term: u32, to: &mut impl Sink) {
        let term = &self.program.terms[term as usize];
        let nodes_of_unknown = term.kind == TermKind::Nodes && !self.known;
        if term.pods && !nodes_of_unknown {
            to.insert_set(&self.sets.ordinary);
        }
        if term.hosts {
            to.insert_set(if nodes_of_unknown {
                &self.sets.hosts_on_unknown_node
            } else {
                &self.sets.hosts
            });
        }
    }

    /// Adds the peers that declare the port under a name of the rule.
    fn add_declaring(&self, rule: &Rule, to: &mut impl Sink) {
        let Some(declaring) = self.declaring.get(&rule.ports).filter(|set| !set.is_empty()) else {
            return;
        };
        let len = self.program.groups.len();
        let mut peers = Union::none(len);
        self.add_peers(rule, &mut peers);
        to.insert_set(&peers.finish().intersection(declaring, len));
    }
}

impl Matcher for RowMatcher<'_> {
    type Set = DenseSet;

    fn none(&self) -> DenseSet {
        DenseSet::none(self.program.groups.len())
    }

    fn add(&self, rule: &Rule, to: &mut DenseSet) -> bool {
        self.add_matched(rule, to);
        false
    }

    fn within(&self, rule: &Rule, within: &DenseSet) -> DenseSet {
        let mut matched = self.none();
        self.add_matched(rule, &mut matched);
        matched.intersect(within);
        matched
    }
}
