//! The answer about one flow.

use std::fmt;

/// What the policies say about one flow.
///
/// Directions combine as in networkpolicy-v1, section 12: `Deny` wins, then `Unknown`, then `Ambiguous`, then `Allow`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// The connection is allowed.
    Allow,
    /// Policies of equal priority disagree, and either order is legitimate.
    Ambiguous,
    /// The verdict depends on a fact that the input does not tell, such as the address of a pod.
    Unknown,
    /// The connection is denied.
    Deny,
}

impl Verdict {
    /// Combines the verdicts of the two directions of one flow.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        self.max(other)
    }

    /// Returns the word of the JSON contract.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "ALLOW",
            Self::Deny => "DENY",
            Self::Unknown => "UNKNOWN",
            Self::Ambiguous => "AMBIGUOUS",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
