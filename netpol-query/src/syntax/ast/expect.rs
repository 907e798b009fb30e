//! Contracts: what ought to hold.

use std::fmt;

use netpol_core::model::Direction;

use super::endpoint::Endpoints;
use super::port::Ports;
use super::question::{FlowsOf, Listable, PathOptions, Quantifier};
use super::{part, quote};

/// `expect CLAIM because "..."`.
#[derive(Clone, Debug, PartialEq)]
pub struct Expect {
    /// What a breach amounts to.
    pub severity: ExpectSeverity,
    /// What ought to hold.
    pub claim: Claim,
    /// Whether sets may be empty.
    pub if_any: bool,
    /// Why it ought to hold.
    pub because: Option<String>,
}

/// What a breach amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpectSeverity {
    /// A failure.
    Fail,
    /// A warning.
    Warn,
}

/// What ought to hold.
#[derive(Clone, Debug, PartialEq)]
pub enum Claim {
    /// `A can reach B`, `A cannot reach B`.
    Reach {
        /// `all` or `some`.
        quantifier: Option<Quantifier>,
        /// Who connects.
        from: Endpoints,
        /// Whether it ought not to.
        negated: bool,
        /// Whether over several hops.
        eventually: bool,
        /// To whom.
        to: Endpoints,
        /// On which ports.
        on: Option<Ports>,
        /// Whether on no other ports.
        exactly: bool,
    },
    /// `only A can reach B`.
    Only {
        /// Who may.
        from: Endpoints,
        /// Whether over several hops.
        eventually: bool,
        /// To whom.
        to: Endpoints,
        /// On which ports.
        on: Option<Ports>,
    },
    /// `no flows from A to B`.
    NoFlows(FlowsOf),
    /// `no path from A to B`.
    NoPath {
        /// Where it would begin.
        from: Endpoints,
        /// Where it would end.
        to: Endpoints,
        /// Which paths.
        options: PathOptions,
    },
    /// `no lint >= error`.
    NoLint(Option<LintSeverity>),
    /// `no unprotected in SCOPE`.
    NoUnprotected {
        /// Where.
        within: Option<Endpoints>,
        /// In which direction.
        direction: Option<Direction>,
    },
    /// `count flows <= 5`.
    Count {
        /// What is counted.
        what: Listable,
        /// How it compares.
        comparison: Comparison,
        /// With what.
        number: u64,
    },
}

/// How two values compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `<`.
    Less,
    /// `<=`.
    AtMost,
    /// `=`.
    Equal,
    /// `!=`.
    Unequal,
    /// `>=`.
    AtLeast,
    /// `>`.
    More,
}

impl Comparison {
    /// Finds what a sign stands for.
    pub fn of_sign(sign: &str) -> Option<Self> {
        Some(match sign {
            "<" => Self::Less,
            "<=" => Self::AtMost,
            "=" | "==" => Self::Equal,
            "!=" => Self::Unequal,
            ">=" => Self::AtLeast,
            ">" => Self::More,
            _ => return None,
        })
    }

    /// Tells whether two values compare so.
    pub fn holds<T: Ord>(self, left: &T, right: &T) -> bool {
        match self {
            Self::Less => left < right,
            Self::AtMost => left <= right,
            Self::Equal => left == right,
            Self::Unequal => left != right,
            Self::AtLeast => left >= right,
            Self::More => left > right,
        }
    }
}

/// A severity of lint findings and how findings compare with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LintSeverity {
    /// How.
    pub comparison: Option<Comparison>,
    /// With what.
    pub severity: Severity,
}

/// How grave a lint finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Probably a mistake.
    Warning,
    /// A mistake.
    Error,
}

impl fmt::Display for Expect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.severity {
            ExpectSeverity::Fail => "expect",
            ExpectSeverity::Warn => "warn",
        };
        write!(f, "{word} {}", self.claim)?;
        if self.if_any {
            f.write_str(" if any")?;
        }
        if let Some(because) = &self.because {
            f.write_str(" because ")?;
            quote(f, because)?;
        }
        Ok(())
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reach { quantifier, from, negated, eventually, to, on, exactly } => {
                quantifier.map_or(Ok(()), |q| write!(f, "{q} "))?;
                let verb = if *negated { "cannot" } else { "can" };
                let adverb = if *eventually { " eventually" } else { "" };
                write!(f, "{from} {verb}{adverb} reach {to}")?;
                part(f, "on", on.as_ref())?;
                f.write_str(if *exactly { " exactly" } else { "" })
            }
            Self::Only { from, eventually, to, on } => {
                let adverb = if *eventually { " eventually" } else { "" };
                write!(f, "only {from} can{adverb} reach {to}")?;
                part(f, "on", on.as_ref())
            }
            Self::NoFlows(flows) => write!(f, "no {flows}"),
            Self::NoPath { from, to, options } => write!(f, "no path from {from} to {to}{options}"),
            Self::NoLint(severity) => {
                f.write_str("no lint")?;
                severity.map_or(Ok(()), |s| write!(f, " {s}"))
            }
            Self::NoUnprotected { within, direction } => {
                f.write_str("no unprotected")?;
                part(f, "in", within.as_ref())?;
                direction.map_or(Ok(()), |d| write!(f, " {d}"))
            }
            Self::Count { what, comparison, number } => {
                write!(f, "count {what} {comparison} {number}")
            }
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Equal => "=",
            Self::Unequal => "!=",
            Self::AtLeast => ">=",
            Self::More => ">",
        })
    }
}

impl fmt::Display for LintSeverity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.comparison.map_or(Ok(()), |c| write!(f, "{c} "))?;
        f.write_str(match self.severity {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        })
    }
}
