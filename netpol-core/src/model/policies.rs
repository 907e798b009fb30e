//! The policies of a cluster: a table that changed clusters share but for what changed.

use std::collections::HashMap;
use std::ops::Index;
use std::sync::{Arc, OnceLock};

use super::ids::{NamespaceId, PolicyId};
use super::policy::{Policy, PolicyKind};

/// Where a policy stands, by what names it.
type Places =
    HashMap<(PolicyKind, Option<NamespaceId>), HashMap<Box<str>, u32>, foldhash::fast::RandomState>;

/// The policies of every family; a [`PolicyId`] is a position, which stays the same when others come and go.
#[derive(Clone, Debug, Default)]
pub struct Policies {
    base: Arc<[Policy]>,
    places: Arc<OnceLock<Places>>,
    /// What is not as in `base`, by position: also what was added after it.
    changed: Vec<Slot>,
    len: usize,
}

/// A position that changed.
#[derive(Clone, Debug)]
struct Slot {
    at: u32,
    policy: Arc<Policy>,
    is_live: bool,
}

impl From<Vec<Policy>> for Policies {
    fn from(policies: Vec<Policy>) -> Self {
        let len = policies.len();
        Self { base: policies.into(), len, ..Self::default() }
    }
}

impl Policies {
    /// Returns the number of policies.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Tells whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Lists the policies.
    pub fn iter(&self) -> impl Iterator<Item = &Policy> {
        self.ids().map(|id| &self[id.index()])
    }

    /// Lists the policies' ids, ascending.
    pub(super) fn ids(&self) -> impl Iterator<Item = PolicyId> + use<> {
        let gone: Vec<u32> = self.changed.iter().filter(|s| !s.is_live).map(|s| s.at).collect();
        let is_live = move |at: &u32| gone.binary_search(at).is_err();
        (0..self.end()).filter(is_live).map(PolicyId)
    }

    /// Returns the number of positions that were changed since the table was made.
    pub(crate) fn changes(&self) -> usize {
        self.changed.len()
    }

    /// Tells whether an id is that of a policy that is there.
    pub(super) fn contains(&self, id: PolicyId) -> bool {
        id.0 < self.end() && self.slot(id.0).is_none_or(|slot| slot.is_live)
    }

    /// Finds a policy by name.
    pub(super) fn find(
        &self,
        kind: PolicyKind,
        namespace: Option<NamespaceId>,
        name: &str,
    ) -> Option<PolicyId> {
        let is = |policy: &Policy| {
            policy.kind == kind && policy.namespace == namespace && &*policy.name == name
        };
        if let Some(slot) = self.changed.iter().find(|s| s.is_live && is(&s.policy)) {
            return Some(PolicyId(slot.at));
        }
        let at = *self.places().get(&(kind, namespace))?.get(name)?;
        self.slot(at).is_none().then_some(PolicyId(at))
    }

    fn places(&self) -> &Places {
        self.places.get_or_init(|| {
            let mut places = Places::default();
            for (at, policy) in (0u32..).zip(&*self.base) {
                let own = places.entry((policy.kind, policy.namespace)).or_default();
                own.entry(policy.name.clone()).or_insert(at);
            }
            places
        })
    }

    fn end(&self) -> u32 {
        let base = u32::try_from(self.base.len()).unwrap_or(u32::MAX);
        self.changed.last().map_or(base, |slot| base.max(slot.at + 1))
    }

    fn slot(&self, at: u32) -> Option<&Slot> {
        self.changed.binary_search_by_key(&at, |s| s.at).ok().map(|i| &self.changed[i])
    }

    /// Puts a policy in a position, which may be the one behind the last, or takes the one there away.
    fn set(&mut self, at: u32, policy: Arc<Policy>, is_live: bool) {
        let was_live = at < self.end() && self.slot(at).is_none_or(|s| s.is_live);
        let slot = Slot { at, policy, is_live };
        match self.changed.binary_search_by_key(&at, |s| s.at) {
            Ok(i) => self.changed[i] = slot,
            Err(i) => self.changed.insert(i, slot),
        }
        self.len = self.len + usize::from(is_live) - usize::from(was_live);
    }

    /// Replaces the policy of an id.
    pub(super) fn replace(&mut self, id: PolicyId, policy: Policy) {
        self.set(id.0, Arc::new(policy), true);
    }

    /// Adds a policy at the end.
    pub(super) fn push(&mut self, policy: Policy) -> PolicyId {
        let at = self.end();
        self.set(at, Arc::new(policy), true);
        PolicyId(at)
    }

    /// Takes the policy of an id away; its position stays empty.
    pub(super) fn remove(&mut self, id: PolicyId) {
        let policy = match self.slot(id.0) {
            Some(slot) => Arc::clone(&slot.policy),
            None => Arc::new(self[id.index()].clone()),
        };
        self.set(id.0, policy, false);
    }
}

impl Index<usize> for Policies {
    type Output = Policy;

    /// Returns the policy at a position; of one that was taken away, what it said last.
    fn index(&self, at: usize) -> &Policy {
        if self.changed.is_empty() {
            return &self.base[at];
        }
        let slot = u32::try_from(at).ok().and_then(|at| self.slot(at));
        slot.map_or_else(|| &self.base[at], |slot| &slot.policy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{NetworkPolicySpec, PolicySpec, Position};

    fn policy(name: &str) -> Policy {
        Policy {
            kind: PolicyKind::NetworkPolicy,
            namespace: Some(NamespaceId(0)),
            name: name.into(),
            position: Position::new("-", 1),
            spec: PolicySpec::Network(NetworkPolicySpec::default()),
        }
    }

    fn names(policies: &Policies) -> Vec<&str> {
        policies.iter().map(|p| &*p.name).collect()
    }

    #[test]
    fn ids_stay_when_others_come_and_go() {
        let before = Policies::from(vec![policy("a"), policy("b"), policy("c")]);
        let mut after = before.clone();
        after.remove(PolicyId(1));
        let added = after.push(policy("d"));
        after.replace(PolicyId(2), policy("e"));
        assert_eq!((names(&before), before.len()), (vec!["a", "b", "c"], 3));
        assert_eq!((names(&after), after.len(), added), (vec!["a", "e", "d"], 3, PolicyId(3)));
        let find = |name| after.find(PolicyKind::NetworkPolicy, Some(NamespaceId(0)), name);
        assert_eq!((find("a"), find("b"), find("c")), (Some(PolicyId(0)), None, None));
        assert_eq!((find("e"), find("d")), (Some(PolicyId(2)), Some(PolicyId(3))));
        after.remove(added);
        after.remove(PolicyId(0));
        assert_eq!((names(&after), after.len()), (vec!["e"], 1));
        assert_eq!(after.push(policy("f")), PolicyId(4));
    }
}
