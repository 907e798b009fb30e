//! Which groups a change of NetworkPolicies can have moved: those whose profile changed, and those that the rules that came or
//! went match.

use super::snapshot::Snapshot;
use crate::compile::{NETWORK, Program, Rule, StageProfile};
use crate::index::{DenseSet, GroupId};
use crate::model::{Direction, PodId};

/// What may have moved in one direction.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    /// The pods whose profile changed, ascending.
    pub(crate) subjects: Vec<PodId>,
    /// The pods at the other end that may be treated differently, ascending.
    pub(crate) others: Vec<PodId>,
    /// Whether addresses and the ingress controller may be treated differently too.
    pub(crate) outside: bool,
}

/// Compares the profiles of two snapshots that share their groups.
pub(crate) fn touched(before: &Snapshot, after: &Snapshot, direction: Direction) -> Touched {
    let (old, new) = (before.program(), after.program());
    let (was, is) = (old.direction(direction), new.direction(direction));
    let mut found = Touched::default();
    let mut others = DenseSet::none(new.groups.len());
    let mut known: Vec<(u32, u32)> = Vec::new();
    let moved = was.of_group.iter().zip(&is.of_group).enumerate().filter(|(_, (a, b))| a != b);
    for (group, (a, b)) in moved {
        let group = u32::try_from(group).unwrap_or(GroupId::MAX);
        found.subjects.extend_from_slice(new.groups.pods(group));
        if known.contains(&(*a, *b)) {
            continue;
        }
        known.push((*a, *b));
        let profile = |program: &crate::compile::DirectionProgram, at: u32| {
            program.profiles[at as usize].stages
        };
        let (a, b) = (profile(was, *a), profile(is, *b));
        let network = |p: [u32; 3]| p[NETWORK] as usize;
        let (a, b) =
            (&was.stages[NETWORK].profiles[network(a)], &is.stages[NETWORK].profiles[network(b)]);
        found.outside |= add_others((old, a), (new, b), &mut others);
    }
    found.subjects.sort_unstable();
    others.for_each(&mut |group| found.others.extend_from_slice(new.groups.pods(group)));
    found.others.sort_unstable();
    found
}

/// Adds the groups that two profiles may treat differently; tells whether the outside is among what they may.
fn add_others(
    (old, a): (&Program, &StageProfile),
    (new, b): (&Program, &StageProfile),
    others: &mut DenseSet,
) -> bool {
    if a.policies.is_empty() != b.policies.is_empty() {
        *others = DenseSet::all(new.groups.len());
        return true;
    }
    let mut outside = false;
    for ((program, own), (other, rest)) in [((old, a), (new, b)), ((new, b), (old, a))] {
        for rule in own.rules.iter().filter(|r| !has(other, rest, program, r)) {
            let peer = &program.peers[rule.peer as usize];
            if peer.any || !peer.terms.is_empty() {
                *others = DenseSet::all(new.groups.len());
                return true;
            }
            outside |= peer.controller || !peer.open_selectors.is_empty();
            others.insert_set(&peer.groups);
        }
    }
    outside
}

/// Tells whether a profile has a rule that says the same. Rules of policies that did not change have the same numbers.
fn has(program: &Program, profile: &StageProfile, theirs: &Program, rule: &Rule) -> bool {
    profile.rules.iter().any(|own| {
        (own.peer, own.ports) == (rule.peer, rule.ports)
            || (program.ports[own.ports as usize] == theirs.ports[rule.ports as usize]
                && is_same_peer(program, own, theirs, rule))
    })
}

fn is_same_peer(program: &Program, own: &Rule, theirs: &Program, rule: &Rule) -> bool {
    let (a, b) = (&program.peers[own.peer as usize], &theirs.peers[rule.peer as usize]);
    let plain = a.terms.is_empty() && b.terms.is_empty();
    plain
        && a.any == b.any
        && a.groups == b.groups
        && a.controller == b.controller
        && a.open_selectors == b.open_selectors
}
