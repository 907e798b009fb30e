//! The one walk through the stages of a direction, over any set algebra: one port, all ports, or all groups.
//!
//! Every step is pointwise, so the same code decides one flow (`bool`), the ports of a pair
//! ([`PortSet`]) and a row of groups ([`DenseSet`]).

use crate::compile::{CompiledPolicy, Rule, Stage, StageProfile, Unmatched};
use crate::index::DenseSet;
use crate::model::{Action, PortSet};

/// Sets that can be united and cut.
pub(crate) trait Algebra: Clone {
    /// Tells whether nothing is in the set.
    fn is_empty(&self) -> bool;
    /// Adds what is in `other`.
    fn unite(&mut self, other: &Self);
    /// Keeps what is in `other` too.
    fn intersect(&mut self, other: &Self);
    /// Removes what is in `other`.
    fn subtract(&mut self, other: &Self);
}

impl Algebra for bool {
    fn is_empty(&self) -> bool {
        !*self
    }
    fn unite(&mut self, other: &Self) {
        *self |= *other;
    }
    fn intersect(&mut self, other: &Self) {
        *self &= *other;
    }
    fn subtract(&mut self, other: &Self) {
        *self &= !*other;
    }
}

impl Algebra for PortSet {
    fn is_empty(&self) -> bool {
        self.is_empty()
    }
    fn unite(&mut self, other: &Self) {
        if !other.is_empty() {
            *self = self.union(other);
        }
    }
    fn intersect(&mut self, other: &Self) {
        *self = self.intersection(other);
    }
    fn subtract(&mut self, other: &Self) {
        if !other.is_empty() {
            *self = self.difference(other);
        }
    }
}

impl Algebra for DenseSet {
    fn is_empty(&self) -> bool {
        self.is_empty()
    }
    fn unite(&mut self, other: &Self) {
        self.or(other);
    }
    fn intersect(&mut self, other: &Self) {
        self.and(other);
    }
    fn subtract(&mut self, other: &Self) {
        self.minus(other);
    }
}

/// Says what a rule matches.
pub(crate) trait Matcher {
    /// The algebra of what is matched.
    type Set: Algebra;
    /// Returns the empty set.
    fn none(&self) -> Self::Set;
    /// Adds what a rule matches; returns `true` where nothing can be added any more.
    fn add(&self, rule: &Rule, to: &mut Self::Set) -> bool;
    /// Returns the part of `within` that a rule matches.
    fn within(&self, rule: &Rule, within: &Self::Set) -> Self::Set;
}

/// What a walk may end with; both, where policies of equal priority disagree.
#[derive(Clone, Debug)]
pub(crate) struct Outcome<S> {
    /// What some order of the policies allows.
    pub(crate) allow: S,
    /// What some order of the policies denies.
    pub(crate) deny: S,
}

/// What one stage does.
#[derive(Clone, Debug)]
pub(crate) struct StageOutcome<S> {
    /// What it may allow.
    pub(crate) allow: S,
    /// What it may deny.
    pub(crate) deny: S,
    /// What it may hand on.
    pub(crate) next: S,
}

/// Asks one stage about `live`.
pub(crate) fn stage_outcome<M: Matcher>(
    stage: &Stage,
    profile: &StageProfile,
    live: M::Set,
    matcher: &M,
) -> StageOutcome<M::Set> {
    let none = matcher.none();
    if profile.policies.is_empty() {
        return StageOutcome { allow: none.clone(), deny: none, next: live };
    }
    match stage.unmatched {
        Unmatched::DenyIsolated => isolated_outcome(profile, live, matcher),
        Unmatched::Continue => tier_outcome(stage, profile, &live, matcher),
    }
}

/// NetworkPolicy: a pure union; what no rule matches is denied, since some policy isolates the pod.
fn isolated_outcome<M: Matcher>(
    profile: &StageProfile,
    live: M::Set,
    matcher: &M,
) -> StageOutcome<M::Set> {
    let mut matched = matcher.none();
    for rule in &profile.rules {
        if matcher.add(rule, &mut matched) {
            break;
        }
    }
    let mut allow = live.clone();
    allow.intersect(&matched);
    let mut deny = live;
    deny.subtract(&matched);
    StageOutcome { allow, deny, next: matcher.none() }
}

/// Admin and Baseline: by lane, then by block, the first rule of a policy that matches (admin-tiers, section 7).
fn tier_outcome<M: Matcher>(
    stage: &Stage,
    profile: &StageProfile,
    live: &M::Set,
    matcher: &M,
) -> StageOutcome<M::Set> {
    let none = matcher.none();
    let mut out = StageOutcome { allow: none.clone(), deny: none.clone(), next: none };
    let mut silent = live.clone();
    let policy = |at: &u32| &stage.policies[*at as usize];
    for lane in profile.policies.chunk_by(|a, b| policy(a).lane == policy(b).lane) {
        let mut undecided = live.clone();
        for block in lane.chunk_by(|a, b| policy(a).block == policy(b).block) {
            let decided = block_outcome(block.iter().map(policy), &undecided, matcher, &mut out);
            undecided.subtract(&decided);
            if undecided.is_empty() {
                break;
            }
        }
        silent.intersect(&undecided);
    }
    out.next.unite(&silent);
    out
}

/// Policies of equal priority: each may be asked first, so every first match is a possible outcome.
fn block_outcome<'a, M: Matcher>(
    block: impl Iterator<Item = &'a CompiledPolicy>,
    undecided: &M::Set,
    matcher: &M,
    out: &mut StageOutcome<M::Set>,
) -> M::Set {
    let mut decided = matcher.none();
    for policy in block {
        let mut rest = undecided.clone();
        for rule in &policy.rules {
            let matched = matcher.within(rule, &rest);
            if matched.is_empty() {
                continue;
            }
            match rule.action {
                Action::Allow => out.allow.unite(&matched),
                Action::Deny => out.deny.unite(&matched),
                Action::Pass => out.next.unite(&matched),
            }
            rest.subtract(&matched);
            decided.unite(&matched);
            if rest.is_empty() {
                break;
            }
        }
    }
    decided
}
