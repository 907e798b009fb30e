//! Profiles: the distinct selections of policies. Pods with one profile are governed by the same rules.

use std::collections::HashMap;
use std::sync::Arc;

use super::address_classes::AddressClasses;
use super::grown::Grown;
use super::peers::{AddressTerm, PeerSet};
use super::ports::{NamedPort, PortMatch};
use super::program::Program;
use super::stages::{CompiledPolicy, Rule, Stage, Unmatched};
use crate::index::Groups;
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
        let mut maker = Maker { stage, facts, terms, uncut: &uncut, known: FastMap::default() };
        maker.make((Box::default(), Box::default()));
        for (group, selection) in (0u32..).zip(selections(maker.stage, of_group.len())) {
            let named = direction == Direction::Ingress && maker.uses_names(&selection);
            let named =
                if named { groups.group(group).named_ports.clone() } else { Box::default() };
            let id = maker.make((selection, named));
            let profile = &mut of_group[group as usize];
            profile.stages[at] = id;
            for family in Family::ALL {
                let classes = maker.stage.profiles[id as usize].classes(family);
                profile.cut[family as usize] |= !classes.is_trivial();
            }
        }
    }
    number(&of_group)
}

fn selections(stage: &Stage, groups: usize) -> Vec<Box<[u32]>> {
    let mut lists: Vec<Vec<u32>> = vec![Vec::new(); groups];
    for (position, policy) in (0u32..).zip(stage.policies.iter()) {
        policy.subject.for_each(|group| lists[group as usize].push(position));
    }
    lists.into_iter().map(Into::into).collect()
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
    known: FastMap<Key, u32>,
}

impl Maker<'_> {
    fn uses_names(&self, selection: &[u32]) -> bool {
        selection.iter().any(|p| self.facts[*p as usize].names)
    }

    fn make(&mut self, key: Key) -> u32 {
        if let Some(id) = self.known.get(&key) {
            return *id;
        }
        let id = u32::try_from(self.stage.profiles.len()).unwrap_or(u32::MAX);
        let profile = StageProfile {
            classes: self.classes(&key.0),
            rules: self.rules(&key.0),
            policies: key.0.clone(),
            named_ports: key.1.clone(),
        };
        self.stage.profiles.push(profile);
        self.known.insert(key, id);
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
