//! Collects pairs into rows and counts them.

use std::collections::HashMap;

use super::question::{End, Row, Table, Tally};
use crate::evaluate::{Decision, Explained};
use crate::model::{Family, PortSet, Reason, Verdict};

/// Where a row stands among the ends: pods first, then addresses and names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct EndKey(pub(super) u8, pub(super) usize);

#[derive(PartialEq, Eq, Hash)]
struct RowKey {
    src: EndKey,
    dst: EndKey,
    family: Option<Family>,
    verdict: Verdict,
    ports: PortSet,
    reasons: Vec<Reason>,
}

/// Rows in the making.
#[derive(Default)]
pub(super) struct TableBuilder {
    rows: HashMap<RowKey, u64, foldhash::fast::RandomState>,
    pub(super) tally: Tally,
}

/// Pairs that are treated alike, to be counted.
pub(super) struct Pairs {
    pub(super) src: EndKey,
    pub(super) dst: EndKey,
    pub(super) family: Option<Family>,
    pub(super) count: u64,
}

impl TableBuilder {
    /// Adds what a decision says of pairs.
    pub(super) fn add_decision(
        &mut self,
        pairs: &Pairs,
        asked: &PortSet,
        decision: &Decision,
        denied: bool,
    ) {
        let parts = decision.split(asked);
        self.count(pairs.count, &parts);
        for (verdict, ports) in parts {
            if denied || verdict != Verdict::Deny {
                self.add_row(pairs, verdict, ports, Vec::new());
            }
        }
    }

    /// Adds what an explanation says of pairs.
    pub(super) fn add_explained(&mut self, pairs: &Pairs, parts: &[Explained], denied: bool) {
        let split: Vec<(Verdict, PortSet)> =
            parts.iter().map(|p| (p.verdict, p.ports.clone())).collect();
        self.count(pairs.count, &split);
        for part in parts.iter().filter(|p| denied || p.verdict != Verdict::Deny) {
            self.add_row(pairs, part.verdict, part.ports.clone(), part.reasons.clone());
        }
    }

    /// Adds one row of pairs that were counted already.
    pub(super) fn add_said(
        &mut self,
        pairs: &Pairs,
        verdict: Verdict,
        ports: PortSet,
        reasons: Vec<Reason>,
    ) {
        self.add_row(pairs, verdict, ports, reasons);
    }

    fn add_row(&mut self, pairs: &Pairs, verdict: Verdict, ports: PortSet, reasons: Vec<Reason>) {
        let key = RowKey {
            src: pairs.src,
            dst: pairs.dst,
            family: pairs.family,
            verdict,
            ports,
            reasons,
        };
        *self.rows.entry(key).or_default() += pairs.count;
    }

    /// Counts pairs that have these verdicts on the asked ports.
    pub(super) fn count(&mut self, pairs: u64, parts: &[(Verdict, PortSet)]) {
        let has = |verdict| parts.iter().any(|(v, _)| *v == verdict);
        let all = |verdict| !parts.is_empty() && parts.iter().all(|(v, _)| *v == verdict);
        let mut add = |counter: fn(&mut Tally) -> &mut u64, holds: bool| {
            if holds {
                *counter(&mut self.tally) += pairs;
            }
        };
        add(|t| &mut t.pairs, true);
        add(|t| &mut t.all_allowed, all(Verdict::Allow));
        add(|t| &mut t.some_allowed, has(Verdict::Allow));
        add(|t| &mut t.all_denied, parts.is_empty() || all(Verdict::Deny));
        add(|t| &mut t.some_denied, parts.is_empty() || has(Verdict::Deny));
        add(|t| &mut t.some_unknown, has(Verdict::Unknown));
        add(|t| &mut t.some_ambiguous, has(Verdict::Ambiguous));
    }

    /// Orders the rows; `end` and `total` say what an end is and how many pairs two ends have.
    pub(super) fn finish(
        self,
        end: &dyn Fn(EndKey, bool) -> End,
        total: &dyn Fn(EndKey, EndKey) -> u64,
    ) -> Table {
        let mut rows: Vec<(RowKey, u64)> = self.rows.into_iter().collect();
        rows.sort_by(|(a, _), (b, _)| {
            let key = |k: &RowKey| (k.src, k.dst, k.family, k.verdict);
            let ports = || a.ports.ranges().cmp(b.ports.ranges());
            let why = || reason_key(&a.reasons).cmp(&reason_key(&b.reasons));
            key(a).cmp(&key(b)).then_with(ports).then_with(why)
        });
        let row = |(key, matching): (RowKey, u64)| Row {
            src: end(key.src, true),
            dst: end(key.dst, false),
            family: key.family,
            verdict: key.verdict,
            matching,
            total: total(key.src, key.dst),
            ports: key.ports,
            reasons: key.reasons,
        };
        Table { rows: rows.into_iter().map(row).collect(), tally: self.tally }
    }
}

type ReasonKey<'a> = (
    crate::model::ReasonCode,
    Option<crate::model::Direction>,
    Option<crate::model::PolicyId>,
    Option<u32>,
    &'a str,
);

fn reason_key(reasons: &[Reason]) -> Vec<ReasonKey<'_>> {
    reasons.iter().map(|r| (r.code, r.direction, r.policy, r.rule, r.message.as_str())).collect()
}
