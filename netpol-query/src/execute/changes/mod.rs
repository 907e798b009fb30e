//! What changed between two states, as plain data: rows, the objects that made them, and what else a reviewer must know.

mod accept;
mod compare;
mod doubt;
mod fold;
mod reach;
mod reasons;
mod review;
mod risk;

pub(crate) use accept::Accepted;
pub use fold::Fold;
pub use review::{Acceptance, Contract, ContractStatus, Gate, ReachChange, Reached, Review};
pub use risk::Risk;

use std::sync::Arc;

use netpol_core::model::{Family, PortSet, Verdict};

use super::answer::{Endpoint, EndpointRow, Exit, Reason, Row};

/// What changed between two states.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    /// What was asked.
    pub kind: ChangesKind,
    /// What the two states are called; empty where they need no name.
    pub sides: Option<Sides>,
    /// The rows, by source and destination as a reader looks them up.
    pub rows: Vec<ChangeRow>,
    /// How many rows of `flows` are the same in both states.
    pub unchanged: u64,
    /// How many workloads there are in either state.
    pub workloads: u64,
    /// Every object that differs, and those alone.
    pub objects: Vec<ChangedObject>,
    /// Workloads that nothing isolates any more.
    pub unprotected: Vec<EndpointRow>,
    /// Workloads that something isolates now.
    pub newly_protected: Vec<EndpointRow>,
    /// Services that lost all their pods.
    pub services_without_pods: Vec<EmptiedService>,
    /// Pairs whose ports in doubt are others than before; rows have only what they let through for certain.
    pub doubtful: Vec<(Arc<Endpoint>, Arc<Endpoint>)>,
    /// What was done, where changes were made for a session.
    pub done: Vec<String>,
    /// What applying the changes had to say.
    pub notes: Vec<String>,
    /// What a review adds: gates, accepted changes, contracts, how far things reach.
    pub review: Review,
}

/// Which question changes answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChangesKind {
    /// `what if`: the changes are known, only what comes of them is told.
    #[default]
    WhatIf,
    /// `diff`: the changes are told too.
    Diff,
    /// `diff` as a sentence: as `diff`, but it says so when nothing changed.
    Sentence,
}

/// The names of the two states.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sides {
    /// The state before.
    pub base: String,
    /// The state after.
    pub head: String,
    /// The commit before.
    pub base_revision: Option<String>,
    /// The commit after.
    pub head_revision: Option<String>,
}

/// A pair whose connectivity changed.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangeRow {
    /// Who connects.
    pub src: Arc<Endpoint>,
    /// To whom.
    pub dst: Arc<Endpoint>,
    /// The family, where families differ.
    pub family: Option<Family>,
    /// The ports before; never equal to those after.
    pub before: PortSet,
    /// The ports after.
    pub after: PortSet,
    /// The number of pairs of pods to which it applies.
    pub matching: u64,
    /// The number of pairs of pods between the two ends.
    pub total: u64,
    /// Which changes made it.
    pub because: Vec<ChangeCause>,
    /// Why it is as it is now.
    pub reasons: Vec<Reason>,
    /// The verdict before on the ports that were opened, where it is in doubt: UNKNOWN or AMBIGUOUS.
    pub doubt_before: Option<Verdict>,
    /// The verdict after on the ports that were closed, where it is in doubt.
    pub doubt_after: Option<Verdict>,
    /// A Service whose pods are the destination.
    pub service: Option<String>,
    /// The accepted change that covers it, in [`Review::acceptances`].
    pub accepted: Option<usize>,
}

/// Objects whose change made a row: one alone, or several that are all needed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChangeCause {
    /// Positions in [`Changes::objects`].
    pub objects: Vec<usize>,
}

/// What became of a row or an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Became {
    /// There was none.
    Added,
    /// There is none any more.
    Removed,
    /// It is another.
    Changed,
}

impl Became {
    /// Returns the word of the JSON contract for rows.
    pub const fn of_row(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed => "changed",
        }
    }

    /// Returns the word of the JSON contract for objects.
    pub const fn of_object(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed => "modified",
        }
    }
}

/// An object that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedObject {
    /// The object, such as `shop/networkpolicy/db`.
    pub id: String,
    /// The object as a user would type it, such as `shop/netpol/db`.
    pub label: String,
    /// What became of it.
    pub became: Became,
    /// What of it differs, in words.
    pub aspects: Vec<&'static str>,
    /// The file, on the side where it stands: after, else before.
    pub file: Option<Arc<str>>,
    /// The line.
    pub line: Option<u32>,
}

/// A Service that lost all its pods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmptiedService {
    /// The Service.
    pub service: Endpoint,
    /// Its selector as it is now; empty where the Service is gone.
    pub selector: String,
}

/// How many rows became what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChangeSummary {
    /// Rows that there were not before.
    pub added: u64,
    /// Rows that there are not any more.
    pub removed: u64,
    /// Rows whose ports are others.
    pub changed: u64,
    /// Rows that are the same.
    pub unchanged: u64,
}

impl ChangeRow {
    /// Returns what became of the row.
    pub fn became(&self) -> Became {
        match (self.before.is_empty(), self.after.is_empty()) {
            (true, _) => Became::Added,
            (_, true) => Became::Removed,
            _ => Became::Changed,
        }
    }

    /// Returns the ports that were opened.
    pub fn opened(&self) -> PortSet {
        self.after.difference(&self.before)
    }

    /// Returns the ports that were closed.
    pub fn closed(&self) -> PortSet {
        self.before.difference(&self.after)
    }
}

impl ChangeRow {
    /// Tells whether it may be that nothing was opened or closed.
    pub const fn is_in_doubt(&self) -> bool {
        self.doubt_before.is_some() || self.doubt_after.is_some()
    }
}

impl Changes {
    /// Lists the pairs in doubt that no row in doubt speaks of.
    pub fn other_doubtful(&self) -> Vec<&(Arc<Endpoint>, Arc<Endpoint>)> {
        let told: std::collections::HashSet<[String; 2]> = self
            .rows
            .iter()
            .filter(|row| row.is_in_doubt())
            .map(|row| doubt::pair(&row.src, &row.dst))
            .collect();
        self.doubtful.iter().filter(|(src, dst)| !told.contains(&doubt::pair(src, dst))).collect()
    }

    /// Counts the rows and the pairs of which it is not known whether they changed.
    pub fn in_doubt(&self) -> u64 {
        let rows = self.rows.iter().filter(|row| row.is_in_doubt()).count();
        (rows + self.other_doubtful().len()) as u64
    }

    /// Counts the rows that became what they are for certain.
    pub fn certain(&self, became: Became) -> u64 {
        let rows = self.rows.iter().filter(|row| !row.is_in_doubt() && row.became() == became);
        rows.count() as u64
    }

    /// Tells whether nothing is to be said.
    pub fn is_silent(&self) -> bool {
        self.rows.is_empty() && self.doubtful.is_empty() && !self.review.has_failures()
    }

    /// Counts the rows.
    pub fn summary(&self) -> ChangeSummary {
        let count = |became| self.rows.iter().filter(|r| r.became() == became).count() as u64;
        ChangeSummary {
            added: count(Became::Added),
            removed: count(Became::Removed),
            changed: count(Became::Changed),
            unchanged: self.unchanged,
        }
    }

    /// Returns how the question ends: 1 where the gate does not hold or a contract is broken.
    pub fn exit(&self) -> Exit {
        let breach = self.rows.iter().any(|row| self.review.gate.stops(row))
            || self.doubtful.iter().any(|(src, _)| self.review.gate.stops_doubt(src));
        self.review.exit().max(if breach { Exit::No } else { Exit::Yes })
    }

    /// Returns the rows as flows: what is open now is allowed, what was closed is denied.
    pub fn drawn(&self) -> Vec<Row> {
        let row = |change: &ChangeRow| {
            let closed = change.after.is_empty();
            let denied = change.doubt_after.unwrap_or(Verdict::Deny);
            Row {
                src: Arc::clone(&change.src),
                dst: Arc::clone(&change.dst),
                family: change.family,
                verdict: if closed { denied } else { Verdict::Allow },
                ports: if closed { change.before.clone() } else { change.after.clone() },
                matching: change.matching,
                total: change.total,
                reasons: change.reasons.clone(),
            }
        };
        self.rows.iter().map(row).collect()
    }

    /// Lists the objects that made a row, each of them once.
    pub fn causes<'a>(&'a self, because: &'a [ChangeCause]) -> Vec<&'a ChangedObject> {
        let mut places: Vec<usize> =
            because.iter().flat_map(|cause| cause.objects.iter().copied()).collect();
        places.sort_unstable();
        places.dedup();
        places.into_iter().filter_map(|at| self.objects.get(at)).collect()
    }
}
