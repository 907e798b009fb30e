//! Profiles: the distinct selections of policies. Pods with one profile are governed by the same rules.

use std::collections::HashMap;
use std::sync::Arc;

use super::address_classes::AddressClasses;
use super::grown::Grown;
use super::peers::{AddressTerm, PeerSet};
use super::ports::{NamedPort, PortMatch};
use super::program::Program;
use super::stages::{CompiledPolicy, Rule, Stage, Unmatched};
use crate::index::{GroupId, Groups};
use crate::model::{Direction, Family};

type FastMap<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

/// Names a full profile of a direction; 0 is that of pods that nothing selects.
pub(crate) type ProfileId = u32;

/// The policies of one stage that govern a group.
#[derive(Debug)]
pub(crate) struct StageProfile {
    /// Positions of the policies in their stage, ascending: by lane, then block.
    pub(crate) policies: Box<[u32]>,
    /// The named ports of the subject, where an ingress rule needs them.
    pub(crate) named_ports: Box<[NamedPort]>,
    /// How its rules cut addresses, IPv4 then IPv6.
    pub(crate) classes: [Arc<AddressClasses>; 2],
    /// The rules of its policies one after the other, for stages in which their order does not matter.
    pub(crate) rules: Box<[Rule]>,
}

impl StageProfile {
    /// Returns how its rules cut the addresses of a family.
    pub(crate) fn classes(&self, family: Family) -> &AddressClasses {
        &self.classes[family as usize]
    }
}

/// One stage profile for each stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub(crate) struct Profile {
    /// Positions in the stages' `profiles`.
    pub(crate) stages: [u32; 3],
    /// Whether some rule looks at addresses, IPv4 then IPv6.
    pub(crate) cut: [bool; 2],
}

/// The profiles of a direction, and which group has which.
#[derive(Debug)]
pub(crate) struct Profiles {
    pub(crate) profiles: Vec<Profile>,
    pub(crate) of_group: Vec<ProfileId>,
}

/// The peers, address terms and ports of a program's rules.
pub(super) type Tables<'a> = (&'a Grown<PeerSet>, &'a Grown<AddressTerm>, &'a Grown<PortMatch>);

/// Gives every group its profile; fills the stages' profiles.
pub(crate) fn assign(
    stages: &mut [Stage; 3],
    groups: &Groups,
    direction: Direction,
    (peers, terms, ports): Tables<'_>,
) -> Profiles {
    let uncut = Family::ALL.map(|family| Arc::new(AddressClasses::build(family, &[], terms)));
    let mut of_group = vec![Profile::default(); groups.len() as usize];
    for (at, stage) in stages.iter_mut().enumerate() {
        let facts = stage.policies.iter().map(|p| Facts::of(p, peers, ports)).collect();
        let mut maker = Maker::new(stage, facts, terms, &uncut);
        maker.make(&[], &[]);
        let mut selections = Selections::of(maker.stage);
        while let Some(from) = selections.advance() {
            let to = selections.end().unwrap_or(groups.len());
            let selection = &selections.active;
            let uses_names = direction == Direction::Ingress && maker.uses_names(selection);
            let alike = (!uses_names).then(|| maker.make(selection, &[]));
            for group in from..to {
                let id = alike
                    .unwrap_or_else(|| maker.make(selection, &groups.group(group).named_ports));
                let profile = &mut of_group[group as usize];
                profile.stages[at] = id;
                for family in Family::ALL {
                    let classes = maker.stage.profiles[id as usize].classes(family);
                    profile.cut[family as usize] |= !classes.is_trivial();
                }
            }
        }
    }
    number(&of_group)
}

/// Goes over the groups from one change of the policies that select them to the next: a list for each group would hold every
/// policy that selects all of them as many times as there are groups.
struct Selections {
    /// Where a subject begins or ends, with the policy's position and whether it begins; ascending.
    edges: Vec<(GroupId, u32, bool)>,
    /// The first edge that is not applied yet.
    next: usize,
    /// The policies that select the groups from the last edge on, ascending.
    active: Vec<u32>,
}

impl Selections {
    fn of(stage: &Stage) -> Self {
        let mut edges = Vec::new();
        for (position, policy) in (0u32..).zip(stage.policies.iter()) {
            policy.subject.for_each_range(|from, to| {
                edges.push((from, position, true));
                edges.push((to, position, false));
            });
        }
        edges.sort_unstable();
        Self { edges, next: 0, active: Vec::new() }
    }

    /// Goes to the next group that other policies select than the group before; `None` at the end.
    fn advance(&mut self) -> Option<GroupId> {
        let rest = &self.edges[self.next..];
        let at = rest.first()?.0;
        let now = &rest[..rest.partition_point(|edge| edge.0 == at)];
        self.next += now.len();
        let mut active = Vec::with_capacity(self.active.len() + now.len());
        let mut before = self.active.iter().copied().peekable();
        for (_, position, begins) in now {
            while let Some(own) = before.next_if(|own| own < position) {
                active.push(own);
            }
            if *begins {
                active.push(*position);
            } else {
                before.next_if_eq(position);
            }
        }
        active.extend(before);
        self.active = active;
        Some(at)
    }

    /// Returns the next group that other policies select; `None` where nothing changes up to the last group.
    fn end(&self) -> Option<GroupId> {
        self.edges.get(self.next).map(|edge| edge.0)
    }
}

/// What matters of a policy's rules.
struct Facts {
    /// The address terms of its peers, ascending.
    terms: Vec<u32>,
    /// Whether some port is given by name.
    names: bool,
}

impl Facts {
    fn of(policy: &CompiledPolicy, peers: &Grown<PeerSet>, ports: &Grown<PortMatch>) -> Self {
        let terms = policy.rules.iter().flat_map(|r| peers[r.peer as usize].terms.iter().copied());
        let mut terms: Vec<u32> = terms.collect();
        terms.sort_unstable();
        Self { terms, names: policy.rules.iter().any(|r| ports[r.ports as usize].has_names()) }
    }
}

/// The policies that select a group, and the named ports that their ingress rules need.
type Key = (Box<[u32]>, Box<[NamedPort]>);

/// Makes the profiles of one stage, each distinct one once.
struct Maker<'a> {
    stage: &'a mut Stage,
    facts: Vec<Facts>,
    terms: &'a Grown<AddressTerm>,
    uncut: &'a [Arc<AddressClasses>; 2],
    /// Those that need no named ports.
    known: FastMap<Box<[u32]>, u32>,
    known_with_names: FastMap<Key, u32>,
}

impl<'a> Maker<'a> {
    fn new(
        stage: &'a mut Stage,
        facts: Vec<Facts>,
        terms: &'a Grown<AddressTerm>,
        uncut: &'a [Arc<AddressClasses>; 2],
    ) -> Self {
        let (known, known_with_names) = (FastMap::default(), FastMap::default());
        Self { stage, facts, terms, uncut, known, known_with_names }
    }

    fn uses_names(&self, selection: &[u32]) -> bool {
        selection.iter().any(|p| self.facts[*p as usize].names)
    }

    fn make(&mut self, selection: &[u32], named: &[NamedPort]) -> u32 {
        if named.is_empty() {
            if let Some(id) = self.known.get(selection) {
                return *id;
            }
            let id = self.add(selection, named);
            self.known.insert(selection.into(), id);
            return id;
        }
        let key: Key = (selection.into(), named.into());
        if let Some(id) = self.known_with_names.get(&key) {
            return *id;
        }
        let id = self.add(selection, named);
        self.known_with_names.insert(key, id);
        id
    }

    fn add(&mut self, selection: &[u32], named: &[NamedPort]) -> u32 {
        let id = u32::try_from(self.stage.profiles.len()).unwrap_or(u32::MAX);
        let profile = StageProfile {
            classes: self.classes(selection),
            rules: self.rules(selection),
            policies: selection.into(),
            named_ports: named.into(),
        };
        self.stage.profiles.push(profile);
        id
    }

    fn classes(&self, selection: &[u32]) -> [Arc<AddressClasses>; 2] {
        let mut used: Vec<u32> =
            selection.iter().flat_map(|p| self.facts[*p as usize].terms.iter().copied()).collect();
        if used.is_empty() {
            return self.uncut.clone();
        }
        used.sort_unstable();
        Family::ALL.map(|family| Arc::new(AddressClasses::build(family, &used, self.terms)))
    }

    fn rules(&self, selection: &[u32]) -> Box<[Rule]> {
        match self.stage.unmatched {
            Unmatched::Continue => Box::default(),
            Unmatched::DenyIsolated => selection
                .iter()
                .flat_map(|p| self.stage.policies[*p as usize].rules.iter().copied())
                .collect(),
        }
    }
}

/// Numbers the distinct profiles by the first group that has them; 0 is that of no policy at all.
fn number(of_group: &[Profile]) -> Profiles {
    let mut profiles = vec![Profile::default()];
    let mut known = FastMap::<Profile, ProfileId>::default();
    known.insert(Profile::default(), 0);
    let mut ids = Vec::with_capacity(of_group.len());
    for profile in of_group {
        let next = u32::try_from(profiles.len()).unwrap_or(u32::MAX);
        let id = *known.entry(*profile).or_insert(next);
        if id == next {
            profiles.push(*profile);
        }
        ids.push(id);
    }
    Profiles { profiles, of_group: ids }
}

impl Program {
    /// Returns how the rules of a profile cut the addresses of a family, a map for each stage.
    pub(crate) fn class_maps(
        &self,
        direction: Direction,
        profile: ProfileId,
        family: Family,
    ) -> [&AddressClasses; 3] {
        let program = self.direction(direction);
        let profile = program.profiles[profile as usize];
        std::array::from_fn(|i| {
            program.stages[i].profiles[profile.stages[i] as usize].classes(family)
        })
    }
}
