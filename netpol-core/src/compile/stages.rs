//! The stages of a direction: Admin, then NetworkPolicy, then Baseline (admin-tiers, section 7).

use crate::index::GroupSet;
use crate::model::{Action, PolicyId};

use super::grown::Grown;
use super::profiles::StageProfile;

/// What a stage does with traffic that no rule of it matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unmatched {
    /// Hands it on to the next stage.
    Continue,
    /// Denies it to pods that some policy of the stage selects; hands it on for the others.
    DenyIsolated,
}

/// One stage of a direction.
#[derive(Clone, Debug)]
pub(crate) struct Stage {
    /// What no rule matches.
    pub(crate) unmatched: Unmatched,
    /// Its policies by lane, then block: policies of one block may be asked in any order. Policies of kind NetworkPolicy that
    /// changed stand last; what they were before stands where it stood and is in no profile.
    pub(crate) policies: Grown<CompiledPolicy>,
    /// The distinct selections of its policies; the first selects none.
    pub(crate) profiles: Grown<StageProfile>,
}

/// One policy in a direction.
#[derive(Debug)]
pub(crate) struct CompiledPolicy {
    /// Which policy.
    pub(crate) id: PolicyId,
    /// The line where it begins.
    pub(crate) line: u32,
    /// Lanes are asked apart and unite their outcomes.
    pub(crate) lane: u32,
    /// Blocks of a lane are asked in order.
    pub(crate) block: u32,
    /// The groups that it governs.
    pub(crate) subject: GroupSet,
    /// Its rules, the first that matches counts.
    pub(crate) rules: Vec<Rule>,
}

/// One rule.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    /// Its index in the policy's list.
    pub(crate) index: u32,
    /// The line of its `-`.
    pub(crate) line: u32,
    /// What it does.
    pub(crate) action: Action,
    /// The position of its peers in the program.
    pub(crate) peer: u32,
    /// The position of its ports in the program.
    pub(crate) ports: u32,
}
