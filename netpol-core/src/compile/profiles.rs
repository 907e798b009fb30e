//! Profiles: the distinct selections of policies. Pods with one profile are governed by the same rules.

use std::collections::HashMap;

use super::address_classes::AddressClasses;
use super::ports::{NamedPort, PortMatch};
use super::program::Program;
use super::stages::{CompiledPolicy, Stage};
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
    pub(crate) classes: [AddressClasses; 2],
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
}

/// The profiles of a direction, and which group has which.
#[derive(Debug)]
pub(crate) struct Profiles {
    pub(crate) profiles: Vec<Profile>,
    pub(crate) of_group: Vec<ProfileId>,
}

/// Gives every group its profile; fills the stages' profiles.
pub(crate) fn assign(
    stages: &mut [Stage; 3],
    groups: &Groups,
    direction: Direction,
    ports: &[PortMatch],
    classes_of: &dyn Fn(Vec<u32>) -> [AddressClasses; 2],
    terms_of: &dyn Fn(&CompiledPolicy) -> Vec<u32>,
) -> Profiles {
    let count = groups.len() as usize;
    let mut of_group = vec![Profile::default(); count];
    for (at, stage) in stages.iter_mut().enumerate() {
        let selections = selections(stage, count);
        let mut known = FastMap::<(Box<[u32]>, Box<[NamedPort]>), u32>::default();
        let mut make = |key: &(Box<[u32]>, Box<[NamedPort]>), stage: &mut Stage| {
            let mut terms: Vec<u32> =
                key.0.iter().flat_map(|p| terms_of(&stage.policies[*p as usize])).collect();
            terms.sort_unstable();
            terms.dedup();
            let profile = StageProfile {
                policies: key.0.clone(),
                named_ports: key.1.clone(),
                classes: classes_of(terms),
            };
            stage.profiles.push(profile);
            u32::try_from(stage.profiles.len() - 1).unwrap_or(u32::MAX)
        };
        let nothing = (Box::default(), Box::default());
        let first = make(&nothing, stage);
        known.insert(nothing, first);
        for (group, selection) in (0u32..).zip(selections) {
            let needs_names =
                direction == Direction::Ingress && uses_names(stage, &selection, ports);
            let named =
                if needs_names { groups.group(group).named_ports.clone() } else { Box::default() };
            let key = (selection, named);
            let id = match known.get(&key) {
                Some(id) => *id,
                None => {
                    let id = make(&key, stage);
                    known.insert(key, id);
                    id
                }
            };
            of_group[group as usize].stages[at] = id;
        }
    }
    number(&of_group)
}

fn selections(stage: &Stage, groups: usize) -> Vec<Box<[u32]>> {
    let mut lists: Vec<Vec<u32>> = vec![Vec::new(); groups];
    for (position, policy) in (0u32..).zip(&stage.policies) {
        policy.subject.for_each(|group| lists[group as usize].push(position));
    }
    lists.into_iter().map(Into::into).collect()
}

fn uses_names(stage: &Stage, selection: &[u32], ports: &[PortMatch]) -> bool {
    let rules = selection.iter().flat_map(|p| &stage.policies[*p as usize].rules);
    rules.into_iter().any(|rule| ports[rule.ports as usize].has_names())
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
