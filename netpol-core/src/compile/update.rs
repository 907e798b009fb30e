//! A program for a cluster of which a few NetworkPolicies changed: everything that did not move is shared.

use std::collections::HashMap;
use std::sync::Arc;

use super::address_classes::AddressClasses;
use super::grown::Grown;
use super::peers::{AddressTerm, PeerSet};
use super::ports::{NamedPort, PortMatch};
use super::profiles::{Profile, ProfileId, StageProfile};
use super::program::{Compiler, DirectionProgram, NETWORK, Parts, Program};
use super::stages::{CompiledPolicy, Rule};
use crate::index::{GroupId, Groups};
use crate::model::{Cluster, Dialect, Direction, Family, NamespaceId, PolicyId, PolicySpec};

type FastMap<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

/// So many entries may be added behind a table: each costs every later change a little, and those that nothing uses any
/// more cost memory.
const FEWEST_ADDED: usize = 64;
const MOST_ADDED: usize = 1024;

impl Program {
    /// Compiles the policies `ids` of a cluster that differs from this program's in them alone.
    ///
    /// `None` where the groups would have to be others, or where so much changed since the program was compiled that it is
    /// better compiled again.
    pub(crate) fn with_network_policies(
        &self,
        cluster: &Cluster,
        dialect: Dialect,
        ids: &[PolicyId],
    ) -> Option<Self> {
        // Which of the controller's labels are open is numbered over all policies.
        if !cluster.ingresses().is_empty() || self.is_worn() {
            return None;
        }
        let mut compiler = Compiler::behind(cluster, dialect, self);
        for id in ids {
            let policy = cluster.policy(*id);
            let PolicySpec::Network(spec) = &policy.spec else { return None };
            if !cluster.has_policy(*id) {
                continue;
            }
            if !self.mentions.cover(cluster.labels(), spec) {
                return None;
            }
            compiler.add(*id, policy);
        }
        let parts = compiler.finish();
        Some(self.taking(parts, cluster, ids))
    }

    fn is_worn(&self) -> bool {
        let worn = |added: usize, len: usize| added > (len / 8).clamp(FEWEST_ADDED, MOST_ADDED);
        worn(self.peers.added(), self.peers.len())
            || worn(self.terms.added(), self.terms.len())
            || worn(self.ports.added(), self.ports.len())
            || [&self.egress, &self.ingress].into_iter().any(|d| {
                let stage = &d.stages[NETWORK];
                worn(stage.policies.added(), stage.policies.len())
                    || worn(stage.profiles.added(), stage.profiles.len())
                    || worn(d.profiles.added(), d.profiles.len())
            })
    }

    /// Returns the program with what came of the policies `ids`.
    fn taking(&self, parts: Parts, cluster: &Cluster, ids: &[PolicyId]) -> Self {
        let Parts { peers, terms, ports, egress, ingress, .. } = parts;
        let mut tables = Tables {
            peers: self.peers.clone(),
            terms: self.terms.clone(),
            ports: self.ports.clone(),
        };
        peers.into_iter().for_each(|peer| tables.peers.push(peer));
        terms.into_iter().for_each(|term| tables.terms.push(term));
        ports.into_iter().for_each(|port| tables.ports.push(port));
        let mut places: Vec<(PolicyId, NamespaceId)> =
            ids.iter().filter_map(|id| Some((*id, cluster.policy(*id).namespace?))).collect();
        places.sort_unstable();
        places.dedup();
        let update = |direction, own: &DirectionProgram, compiled| {
            let updater =
                Updater { groups: &self.groups, tables: &tables, direction, own: own.clone() };
            updater.run(&places, compiled)
        };
        let [_, egress, _] = egress;
        let [_, ingress, _] = ingress;
        let egress = update(Direction::Egress, &self.egress, egress);
        let ingress = update(Direction::Ingress, &self.ingress, ingress);
        let Tables { peers, terms, ports } = tables;
        Self {
            groups: Arc::clone(&self.groups),
            mentions: Arc::clone(&self.mentions),
            bitmaps: Arc::clone(&self.bitmaps),
            addresses: Arc::clone(&self.addresses),
            peers,
            terms,
            ports,
            unmapped: self.unmapped.clone(),
            egress,
            ingress,
        }
    }
}

/// What rules refer to.
struct Tables {
    peers: Grown<PeerSet>,
    terms: Grown<AddressTerm>,
    ports: Grown<PortMatch>,
}

impl Tables {
    /// Lists the address terms of rules, ascending.
    fn terms_of(&self, rules: &[Rule]) -> Vec<u32> {
        let peers = rules.iter().map(|rule| &self.peers[rule.peer as usize]);
        let mut terms: Vec<u32> = peers.flat_map(|peer| peer.terms.iter().copied()).collect();
        terms.sort_unstable();
        terms
    }
}

/// What a stage profile is made of: policies and, where an ingress rule needs them, named ports.
type Key = (Box<[u32]>, Box<[NamedPort]>);

/// Changes one direction.
struct Updater<'a> {
    groups: &'a Groups,
    tables: &'a Tables,
    direction: Direction,
    own: DirectionProgram,
}

impl Updater<'_> {
    fn run(
        mut self,
        places: &[(PolicyId, NamespaceId)],
        compiled: Vec<CompiledPolicy>,
    ) -> DirectionProgram {
        let mut touched: Vec<GroupId> = Vec::new();
        let mut gone: Vec<u32> = Vec::new();
        for (id, namespace) in places {
            let list = &self.own.network_by_namespace[namespace.index()];
            let stage = &self.own.stages[NETWORK];
            let is = |at: &&u32| stage.policies[**at as usize].id == *id;
            let Some(at) = list.iter().find(is).copied() else { continue };
            stage.policies[at as usize].subject.for_each(|group| touched.push(group));
            gone.push(at);
            let rest = list.iter().copied().filter(|p| *p != at).collect();
            self.own.network_by_namespace.set(namespace.index(), rest);
        }
        let mut added: Vec<u32> = Vec::new();
        for policy in compiled {
            let at = u32::try_from(self.own.stages[NETWORK].policies.len()).unwrap_or(u32::MAX);
            policy.subject.for_each(|group| touched.push(group));
            let place = places.binary_search_by_key(&policy.id, |p| p.0).map(|i| places[i].1);
            self.own.stages[NETWORK].policies.push(policy);
            if let Ok(namespace) = place {
                self.list(namespace, at);
            }
            added.push(at);
        }
        touched.sort_unstable();
        touched.dedup();
        self.reassign(&touched, &gone, &added);
        self.own
    }

    /// Lists a policy under its namespace, in the order of ids.
    fn list(&mut self, namespace: NamespaceId, at: u32) {
        let policies = &self.own.stages[NETWORK].policies;
        let list = &self.own.network_by_namespace[namespace.index()];
        let mut longer: Vec<u32> = list.iter().copied().chain([at]).collect();
        longer.sort_by_key(|at| policies[*at as usize].id);
        self.own.network_by_namespace.set(namespace.index(), longer.into());
    }

    /// Gives groups their new profiles.
    fn reassign(&mut self, touched: &[GroupId], gone: &[u32], added: &[u32]) {
        let mut stage_profiles: FastMap<Key, u32> = FastMap::default();
        let mut profiles: FastMap<Profile, ProfileId> = FastMap::default();
        for group in touched {
            let mut profile = self.own.profiles[self.own.of_group[*group as usize] as usize];
            let stage = &self.own.stages[NETWORK];
            let before = profile.stages[NETWORK];
            let old = &stage.profiles[before as usize];
            let mut policies: Vec<u32> =
                old.policies.iter().copied().filter(|p| !gone.contains(p)).collect();
            let selects = |at: &&u32| stage.policies[**at as usize].subject.contains(*group);
            policies.extend(added.iter().filter(selects));
            // Policies are named in the order of their ids, wherever they stand.
            policies.sort_by_key(|at| stage.policies[*at as usize].id);
            let named = self.named_ports(*group, &policies);
            profile.stages[NETWORK] =
                self.stage_profile((policies.into(), named), before, &mut stage_profiles);
            profile.cut = self.cut(&profile);
            let next = u32::try_from(self.own.profiles.len()).unwrap_or(u32::MAX);
            let id = if profile == Profile::default() {
                0
            } else {
                *profiles.entry(profile).or_insert(next)
            };
            if id == next {
                self.own.profiles.push(profile);
            }
            self.own.of_group.set(*group as usize, id);
        }
    }

    fn named_ports(&self, group: GroupId, policies: &[u32]) -> Box<[NamedPort]> {
        let stage = &self.own.stages[NETWORK];
        let mut rules = policies.iter().flat_map(|at| &stage.policies[*at as usize].rules);
        let uses_names = self.direction == Direction::Ingress
            && rules.any(|rule| self.tables.ports[rule.ports as usize].has_names());
        if uses_names { self.groups.group(group).named_ports.clone() } else { Box::default() }
    }

    /// Returns the stage profile of some policies, made at need; `before` is what their groups had. The first is that of none.
    fn stage_profile(&mut self, key: Key, before: u32, known: &mut FastMap<Key, u32>) -> u32 {
        if key.0.is_empty() {
            return 0;
        }
        if let Some(id) = known.get(&key) {
            return *id;
        }
        let stage = &self.own.stages[NETWORK];
        let of = |at: &u32| stage.policies[*at as usize].rules.iter().copied();
        let rules: Box<[_]> = key.0.iter().flat_map(of).collect();
        let terms = self.tables.terms_of(&rules);
        let old = &stage.profiles[before as usize];
        let classes = if terms == self.tables.terms_of(&old.rules) {
            old.classes.clone()
        } else if terms.is_empty() {
            stage.profiles[0].classes.clone()
        } else {
            let all = &self.tables.terms;
            Family::ALL.map(|family| Arc::new(AddressClasses::build(family, &terms, all)))
        };
        let id = u32::try_from(stage.profiles.len()).unwrap_or(u32::MAX);
        let (policies, named_ports) = key.clone();
        let profile = StageProfile { policies, named_ports, classes, rules };
        self.own.stages[NETWORK].profiles.push(profile);
        known.insert(key, id);
        id
    }

    fn cut(&self, profile: &Profile) -> [bool; 2] {
        Family::ALL.map(|family| {
            let mut stages = self.own.stages.iter().zip(profile.stages);
            stages.any(|(stage, at)| !stage.profiles[at as usize].classes(family).is_trivial())
        })
    }
}
