//! The ports of a pair by verdict.

use super::walk::{Algebra as _, Outcome};
use crate::model::{PortSet, Verdict};

/// The ports of a pair, or of one direction of it, by verdict; ports in none of the sets are denied.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub(crate) struct Decision {
    /// Allowed.
    pub(crate) allow: PortSet,
    /// Unknown.
    pub(crate) unknown: PortSet,
    /// Ambiguous.
    pub(crate) ambiguous: PortSet,
}

impl Decision {
    /// Allows ports.
    pub(crate) fn allow(ports: PortSet) -> Self {
        Self { allow: ports, ..Self::default() }
    }

    /// Judges the outcome of a walk.
    pub(crate) fn of(outcome: Outcome<PortSet>) -> Self {
        let Outcome { allow, deny } = outcome;
        if allow.is_disjoint(&deny) {
            return Self::allow(allow);
        }
        Self {
            ambiguous: allow.intersection(&deny),
            allow: allow.difference(&deny),
            unknown: PortSet::none(),
        }
    }

    /// Combines the two directions of a pair: deny, then unknown, then ambiguous wins.
    pub(crate) fn and(&self, other: &Self) -> Self {
        let mut decision = Self {
            allow: self.allow.intersection(&other.allow),
            unknown: PortSet::none(),
            ambiguous: PortSet::none(),
        };
        if self.is_plain() && other.is_plain() {
            return decision;
        }
        let (mine, theirs) = (self.not_denied(), other.not_denied());
        let both = mine.intersection(&theirs);
        decision.unknown = self.unknown.union(&other.unknown).intersection(&both);
        let ambiguous = self.ambiguous.union(&other.ambiguous).intersection(&both);
        decision.ambiguous = ambiguous.difference(&decision.unknown);
        decision
    }

    /// Combines what two scenarios say: where they differ the verdict is unknown.
    pub(crate) fn or_unknown(&self, other: &Self, full: &PortSet) -> Self {
        if self == other {
            return self.clone();
        }
        let allow = self.allow.intersection(&other.allow);
        let ambiguous = self.ambiguous.intersection(&other.ambiguous);
        let mut unknown = full.clone();
        unknown.subtract(&allow);
        unknown.subtract(&ambiguous);
        unknown.subtract(&full.difference(&self.not_denied()).difference(&other.not_denied()));
        Self { allow, unknown, ambiguous }
    }

    /// Returns the ports that are not denied.
    pub(crate) fn not_denied(&self) -> PortSet {
        if self.is_plain() {
            return self.allow.clone();
        }
        self.allow.union(&self.unknown).union(&self.ambiguous)
    }

    /// Tells whether every port is allowed or denied.
    pub(crate) fn is_plain(&self) -> bool {
        self.unknown.is_empty() && self.ambiguous.is_empty()
    }

    /// Splits ports by verdict, leaving out verdicts that no port has.
    pub(crate) fn split(&self, asked: &PortSet) -> Vec<(Verdict, PortSet)> {
        let parts = [
            (Verdict::Allow, self.allow.intersection(asked)),
            (Verdict::Ambiguous, self.ambiguous.intersection(asked)),
            (Verdict::Unknown, self.unknown.intersection(asked)),
            (Verdict::Deny, asked.difference(&self.not_denied())),
        ];
        parts.into_iter().filter(|(_, ports)| !ports.is_empty()).collect()
    }
}
