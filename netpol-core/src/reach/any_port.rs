//! Rows on some port at all, between two bounds: what a profile surely allows, and what it may allow.

use crate::compile::{
    ADMIN, BASELINE, NETWORK, ProfileId, Program, Rule, TermKind, address_number,
};
use crate::index::{DenseSet, GroupId, GroupSet, Lists, Union, both};
use crate::model::{Cluster, Direction, Family, IpSet};

use super::rows::RowTables;

/// Above so many pods in its addresses a block is taken to hold all of them.
const MANY: usize = 4096;

/// The bounds of both directions, and which workloads have pods in which groups.
#[derive(Debug)]
pub(super) struct AnyPort {
    egress: Vec<Bounds>,
    ingress: Vec<Bounds>,
    /// The workloads of each group, ascending.
    pub(super) workloads: Lists,
    /// The groups of each workload, ascending.
    pub(super) groups: Lists,
}

/// Lists each group with each workload that has a pod in it, ascending.
fn members(cluster: &Cluster, program: &Program) -> Vec<(GroupId, u32)> {
    let mut members = Vec::new();
    for (group, _) in program.groups.iter() {
        let begin = members.len();
        let pods = program.groups.pods(group).iter();
        members.extend(pods.map(|pod| (group, cluster.pod(*pod).workload.0)));
        members[begin..].sort_unstable();
        members.dedup();
    }
    members
}

/// What a profile allows on some port.
#[derive(Debug)]
pub(super) struct Bounds {
    /// The groups whose pods are certainly allowed on some port that does not depend on names.
    pub(super) surely: GroupSet,
    /// The groups of which, for some pods or ports, addresses or names decide.
    pub(super) perhaps: GroupSet,
    /// Whether everything is allowed on every port.
    pub(super) open: bool,
}

impl Bounds {
    /// Tells whether some port may be allowed to or from pods of a group.
    pub(super) fn may_allow(&self, group: GroupId) -> bool {
        self.surely.contains(group) || self.perhaps.contains(group)
    }
}

impl AnyPort {
    /// Bounds the rows of a program.
    pub(super) fn of(cluster: &Cluster, program: &Program, tables: &RowTables) -> Self {
        let held = Held::of(cluster, program, tables);
        let bounds = |direction| {
            let profiles = program.direction(direction).profiles.len();
            let all = 0..u32::try_from(profiles).unwrap_or(u32::MAX);
            all.map(|profile| bounds(program, direction, profile, &held)).collect()
        };
        let (egress, ingress) = both(|| bounds(Direction::Egress), || bounds(Direction::Ingress));
        let members = members(cluster, program);
        let workloads = Lists::of(program.groups.len() as usize, |visit| {
            members.iter().for_each(|(group, workload)| visit(*group, *workload));
        });
        let groups = Lists::of(cluster.workloads().len(), |visit| {
            members.iter().for_each(|(group, workload)| visit(*workload, *group));
        });
        Self { egress, ingress, workloads, groups }
    }

    /// Returns the bounds of a profile.
    pub(super) fn bounds(&self, direction: Direction, profile: ProfileId) -> &Bounds {
        match direction {
            Direction::Egress => &self.egress[profile as usize],
            Direction::Ingress => &self.ingress[profile as usize],
        }
    }
}

/// The groups that blocks may hold some pods of.
struct Held {
    /// By address term: groups with pods whose known address is in it.
    known: Vec<GroupSet>,
    /// Groups of unknown address.
    unknown: GroupSet,
    /// Whether pods of unknown address may have any address.
    anything: bool,
}

impl Held {
    fn of(cluster: &Cluster, program: &Program, tables: &RowTables) -> Self {
        let len = program.groups.len();
        let known = program.terms.iter().map(|term| {
            let meant = term.pods || term.hosts;
            if term.kind != TermKind::Networks || !meant {
                return GroupSet::whole(if meant { len } else { 0 });
            }
            known_groups(program, tables, &term.set)
        });
        let known = known.collect();
        let mut unknown = DenseSet::none(len);
        let of_unknown = program.groups.iter().filter(|(_, group)| group.address_unknown);
        of_unknown.for_each(|(id, _)| unknown.insert(id));
        let anything = cluster.pod_cidrs().is_empty();
        Self { known, unknown: unknown.into_group_set(), anything }
    }
}

/// Finds the groups with a pod in some of the addresses.
fn known_groups(program: &Program, tables: &RowTables, addresses: &IpSet) -> GroupSet {
    let len = program.groups.len();
    let mut groups = DenseSet::none(len);
    let mut pods = 0;
    for range in addresses.ranges() {
        let (family, from) = (Family::of(range.from), address_number(range.from));
        let to = address_number(range.to).checked_add(1);
        let here = tables.pods_between(family, from, to);
        pods += here.len();
        if pods > MANY {
            return GroupSet::whole(len);
        }
        here.iter().for_each(|pod| groups.insert(program.groups.of(*pod)));
    }
    groups.into_group_set()
}

fn bounds(program: &Program, direction: Direction, profile: ProfileId, held: &Held) -> Bounds {
    let len = program.groups.len();
    let stages = program.direction(direction).profiles[profile as usize].stages;
    if stages[ADMIN] != 0 || stages[NETWORK] == 0 && stages[BASELINE] != 0 {
        let (surely, perhaps) = (GroupSet::whole(0), GroupSet::whole(len));
        return Bounds { surely, perhaps, open: false };
    }
    if stages[NETWORK] == 0 {
        let (surely, perhaps) = (GroupSet::whole(len), GroupSet::whole(0));
        return Bounds { surely, perhaps, open: true };
    }
    let (mut surely, mut perhaps) = (Union::none(len), Union::none(len));
    // A pod of unknown address has none that a block holds, where it may have one that none holds.
    let escapes = |family: Family| {
        let maps = program.class_maps(direction, profile, family);
        maps[NETWORK].without_terms().is_some()
    };
    let escapes = held.anything && Family::ALL.into_iter().all(escapes);
    for rule in network_rules(program, direction, profile) {
        let (peer, ports) =
            (&program.peers[rule.peer as usize], &program.ports[rule.ports as usize]);
        let groups = if peer.any { &GroupSet::whole(len) } else { &peer.groups };
        if !ports.keys().is_empty() {
            surely.insert_set(groups);
        }
        if ports.has_names() {
            perhaps.insert_set(groups);
        }
        for term in &peer.terms {
            perhaps.insert_set(&held.known[*term as usize]);
            if !escapes {
                perhaps.insert_set(&held.unknown);
            }
        }
    }
    Bounds { surely: surely.finish(), perhaps: perhaps.finish(), open: false }
}

/// Tells whether rules of two profiles that match one another's groups have a port number in common: egress of `from`, and
/// ingress of `to`, each a group with its profile.
pub(super) fn share_a_port(
    program: &Program,
    (from, egress): (GroupId, ProfileId),
    (to, ingress): (GroupId, ProfileId),
) -> bool {
    let matching = |direction, profile, group| {
        let matches = move |rule: &&Rule| {
            let peer = &program.peers[rule.peer as usize];
            peer.any || peer.groups.contains(group)
        };
        let rules = network_rules(program, direction, profile).iter().filter(matches);
        rules.map(|rule| program.ports[rule.ports as usize].keys())
    };
    matching(Direction::Egress, egress, to).any(|out| {
        matching(Direction::Ingress, ingress, from)
            .any(|into| out.iter().any(|a| into.iter().any(|b| a.0 <= b.1 && b.0 <= a.1)))
    })
}

/// The rules of a profile's NetworkPolicies: each of them allows.
fn network_rules(program: &Program, direction: Direction, profile: ProfileId) -> &[Rule] {
    let program = program.direction(direction);
    let at = program.profiles[profile as usize].stages[NETWORK];
    &program.stages[NETWORK].profiles[at as usize].rules
}
