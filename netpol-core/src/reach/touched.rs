//! What a change of NetworkPolicies can have moved: the groups whose profile changed, and for two profiles the groups at the
//! other end that the rules that came or went match.

use std::collections::BTreeMap;

use crate::compile::{DirectionProgram, NETWORK, ProfileId, Program, Rule, StageProfile};
use crate::index::{DenseSet, GroupId};
use crate::model::Direction;

/// The groups whose profile changed in a direction, by what it was and what it is.
pub(super) fn moved_groups(
    (old, new): (&Program, &Program),
    direction: Direction,
) -> BTreeMap<(ProfileId, ProfileId), Vec<GroupId>> {
    let (was, is) = (old.direction(direction), new.direction(direction));
    let mut found: BTreeMap<(ProfileId, ProfileId), Vec<GroupId>> = BTreeMap::new();
    was.of_group.for_each_apart(&is.of_group, |group, a, b| {
        // Profiles of one number are others where two programs grew apart.
        if a != b || !was.profiles.shares(&is.profiles, *a as usize) {
            let group = u32::try_from(group).unwrap_or(GroupId::MAX);
            found.entry((*a, *b)).or_default().push(group);
        }
    });
    found
}

/// What two profiles of a direction may treat differently.
pub(super) struct Touched {
    /// The groups at the other end.
    pub(super) others: DenseSet,
    /// Whether addresses are among it.
    pub(super) outside: bool,
}

/// Compares a profile of each of two programs that share their groups and admin policies.
pub(super) fn touched(
    (old, new): (&Program, &Program),
    direction: Direction,
    (a, b): (ProfileId, ProfileId),
) -> Touched {
    let network =
        |own: &DirectionProgram, at: ProfileId| own.profiles[at as usize].stages[NETWORK] as usize;
    let (was, is) = (old.direction(direction), new.direction(direction));
    let (a, b) = (
        &was.stages[NETWORK].profiles[network(was, a)],
        &is.stages[NETWORK].profiles[network(is, b)],
    );
    let all = || Touched { others: DenseSet::all(new.groups.len()), outside: true };
    if a.policies.is_empty() != b.policies.is_empty() {
        return all();
    }
    let mut found = Touched { others: DenseSet::none(new.groups.len()), outside: false };
    for ((program, own), (other, rest)) in [((old, a), (new, b)), ((new, b), (old, a))] {
        for rule in own.rules.iter().filter(|r| !has(other, rest, program, r)) {
            let peer = &program.peers[rule.peer as usize];
            if peer.any || !peer.terms.is_empty() {
                return all();
            }
            found.others.insert_set(&peer.groups);
        }
    }
    found
}

/// Tells whether a profile has a rule that says the same.
fn has(program: &Program, profile: &StageProfile, theirs: &Program, rule: &Rule) -> bool {
    profile.rules.iter().any(|own| {
        let same_ports = own.ports == rule.ports
            && program.ports.shares(&theirs.ports, own.ports as usize)
            || program.ports[own.ports as usize] == theirs.ports[rule.ports as usize];
        same_ports && is_same_peer(program, own, theirs, rule)
    })
}

fn is_same_peer(program: &Program, own: &Rule, theirs: &Program, rule: &Rule) -> bool {
    if own.peer == rule.peer && program.peers.shares(&theirs.peers, own.peer as usize) {
        return true;
    }
    let (a, b) = (&program.peers[own.peer as usize], &theirs.peers[rule.peer as usize]);
    let plain = a.terms.is_empty() && b.terms.is_empty();
    plain && a.any == b.any && a.groups == b.groups
}
