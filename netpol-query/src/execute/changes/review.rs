//! What a review adds to changes: gates, accepted changes, contracts and how far things reach.

use std::sync::Arc;

use super::risk::comes_from_internet;
use super::{Became, ChangeRow};
use crate::execute::{Endpoint, Exit};

/// What a review adds to changes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Review {
    /// Which changes end with 1.
    pub gate: Gate,
    /// Changes that were accepted beforehand.
    pub acceptances: Vec<Acceptance>,
    /// What ought to hold afterwards.
    pub contracts: Vec<Contract>,
    /// How far the sources of what was opened reach.
    pub reach: Vec<ReachChange>,
    /// Whether more sources were opened to something than were looked at.
    pub reach_is_partial: bool,
}

/// Which changes end with 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Gate {
    /// Every one.
    #[default]
    Any,
    /// Those that open ports.
    Added,
    /// Those that close ports.
    Removed,
    /// Those that open ports to the internet or to the ingress controller.
    FromInternet,
    /// None.
    Never,
}

impl Gate {
    /// Tells whether a row ends with 1.
    pub fn stops(self, row: &ChangeRow) -> bool {
        if row.accepted.is_some() {
            return false;
        }
        match self {
            Self::Any => true,
            Self::Added => !row.opened().is_empty(),
            Self::Removed => !row.closed().is_empty(),
            Self::FromInternet => row.opens_to_internet(),
            Self::Never => false,
        }
    }

    /// Tells whether a pair that may have changed, or not, ends with 1: what may be open is no pass.
    pub(crate) fn stops_doubt(self, src: &Endpoint) -> bool {
        match self {
            Self::Any | Self::Added | Self::Removed => true,
            Self::FromInternet => comes_from_internet(src),
            Self::Never => false,
        }
    }
}

/// A change that was accepted beforehand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acceptance {
    /// The sentence as written.
    pub sentence: String,
    /// Why it is accepted.
    pub because: Option<String>,
    /// The file.
    pub file: Arc<str>,
    /// The line.
    pub line: u32,
    /// How many rows it covers.
    pub rows: u64,
}

/// How a sentence of a contract file fared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContractStatus {
    /// It holds.
    Pass,
    /// It does not.
    Fail,
    /// It does not, and that is only a warning.
    Warn,
    /// The input does not tell.
    Unknown,
    /// The sentence is wrong.
    Error,
}

impl ContractStatus {
    /// Returns the word of the JSON contract.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Warn => "warn",
            Self::Unknown => "unknown",
            Self::Error => "error",
        }
    }

    /// Returns how a run with it ends.
    const fn exit(self) -> Exit {
        match self {
            Self::Pass | Self::Warn => Exit::Yes,
            Self::Fail | Self::Unknown => Exit::No,
            Self::Error => Exit::Wrong,
        }
    }
}

/// What ought to hold afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contract {
    /// The sentence as written.
    pub sentence: String,
    /// The file.
    pub file: Arc<str>,
    /// The line.
    pub line: u32,
    /// How it fares after the change.
    pub status: ContractStatus,
    /// How it fared before.
    pub before: Option<ContractStatus>,
    /// What was found instead of what was expected.
    pub found: String,
}

impl Contract {
    /// Tells whether the change is what broke it.
    pub fn is_newly_broken(&self) -> bool {
        self.status != ContractStatus::Pass && self.before == Some(ContractStatus::Pass)
    }
}

/// How far a source reaches over any number of hops, before and after.
#[derive(Clone, Debug, PartialEq)]
pub struct ReachChange {
    /// The source.
    pub source: Arc<Endpoint>,
    /// How far it got before.
    pub before: Reached,
    /// How far it gets now.
    pub after: Reached,
    /// The workloads that it gets to now and did not before.
    pub gained: Vec<Arc<Endpoint>>,
}

/// How far something reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reached {
    /// How many workloads.
    pub workloads: u64,
    /// Whether addresses outside the cluster.
    pub outside: bool,
    /// Whether the search stopped: there may be more.
    pub stopped: bool,
}

impl Review {
    /// Tells whether something did not hold.
    pub fn has_failures(&self) -> bool {
        self.contracts.iter().any(|c| c.status != ContractStatus::Pass)
    }

    /// Returns how the contracts end.
    pub(super) fn exit(&self) -> Exit {
        self.contracts.iter().map(|c| c.status.exit()).max().unwrap_or_default()
    }

    /// Lists accepted changes that cover nothing.
    pub fn unused(&self) -> impl Iterator<Item = &Acceptance> {
        self.acceptances.iter().filter(|a| a.rows == 0)
    }
}

impl Became {
    /// Returns the sign before a row.
    pub const fn sign(self) -> char {
        match self {
            Self::Added => '+',
            Self::Removed => '-',
            Self::Changed => '~',
        }
    }
}
