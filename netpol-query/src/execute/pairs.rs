//! Questions about pairs: can, why, who, what, flows.

use std::collections::BTreeSet;

use netpol_core::model::{PodId, PortSet, Verdict};
use netpol_core::reach::{End, Level, Question, Row as CoreRow, Selection, Table, Tally};

use super::Engine;
use super::answer::{Asked, Body, Outcome, Row, RowsKind, Verdicts, Warning};
use super::ends::Names;
use super::warnings;
use crate::error::{ErrorCode, QueryError};
use crate::lower::{Ask, Translation};
use crate::syntax::ast::Quantifier;

/// Which rows a question wants.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Reasons in every row.
    pub(super) explain: bool,
    /// Rows whose verdict is `DENY`.
    pub(super) denied: bool,
    /// How rows sum up pods.
    pub(super) level: Level,
}

impl Engine<'_> {
    /// Answers can, is and why: every verdict with its reasons.
    pub(super) fn can(
        &self,
        ask: &Ask,
        quantifier: Option<Quantifier>,
    ) -> Result<Verdicts, QueryError> {
        let wanted = Wanted { explain: true, denied: true, level: self.settings.level };
        let table = self.ask(ask, wanted);
        if table.tally.pairs == 0 {
            return Err(no_pairs(ask));
        }
        let outcome = outcome(&table.tally, said_ports(ask), quantifier);
        let (rows, tally) = (self.rows(table.rows), table.tally);
        Ok(Verdicts { outcome, rows, tally, asked: self.asked(ask), why: None })
    }

    /// Lists the rows of one verdict.
    pub(super) fn flows(
        &self,
        ask: &Ask,
        verdict: Verdict,
        kind: RowsKind,
        warnings: &mut Vec<Warning>,
    ) -> Result<Body, QueryError> {
        let explain = self.settings.explain && !self.settings.page;
        let denied = verdict == Verdict::Deny;
        let wanted = Wanted { explain, denied, level: self.settings.level };
        let table = self.ask(ask, wanted);
        self.check_pairs(ask, &table)?;
        warnings.extend(warnings::of_table(self, ask, &table.rows, verdict));
        let asked = self.asked(ask);
        if self.settings.page {
            let (rows, _) = self.evidence(ask, wanted, |row| row.verdict == verdict);
            return Ok(Body::Rows { kind, asked, verdict, rows });
        }
        let rows = table.rows.into_iter().filter(|r| r.verdict == verdict).collect();
        Ok(Body::Rows { kind, asked, verdict, rows: self.rows(rows) })
    }

    /// Counts ordered workload pairs with a row of a verdict; all external addresses are one peer.
    pub(super) fn count_flows(
        &self,
        ask: &Ask,
        verdict: Verdict,
        warnings: &mut Vec<Warning>,
    ) -> Result<u64, QueryError> {
        let denied = verdict == Verdict::Deny;
        let table = self.ask(ask, Wanted { explain: false, denied, level: Level::Workload });
        self.check_pairs(ask, &table)?;
        warnings.extend(warnings::of_table(self, ask, &table.rows, verdict));
        let matching = table.rows.iter().filter(|r| r.verdict == verdict);
        let pairs: BTreeSet<_> = matching.map(|r| (self.peer(&r.src), self.peer(&r.dst))).collect();
        Ok(pairs.len() as u64)
    }

    /// Asks a question; through a Service's port, once for each container port that it means.
    pub(super) fn ask(&self, ask: &Ask, wanted: Wanted) -> Table {
        let question = Question {
            from: ask.from.clone(),
            to: ask.to.clone(),
            ports: ask.ports(),
            level: wanted.level,
            explain: wanted.explain,
            denied: wanted.denied,
        };
        let Some(through) = &ask.through else { return self.snapshot.ask(&question) };
        let mut table = Table::default();
        for (ports, pods) in &through.parts {
            let pods = pods.iter().map(|p| p.0).collect();
            let to = Selection { pods, ..Selection::default() };
            let part = Question { to, ports: ports.clone().into(), ..question.clone() };
            let part = self.snapshot.ask(&part);
            table.rows.extend(part.rows);
            add(&mut table.tally, &part.tally);
        }
        table
    }

    /// Explicit ends without a pair are a mistake; an empty cluster has no flows.
    pub(super) fn check_pairs(&self, ask: &Ask, table: &Table) -> Result<(), QueryError> {
        let said = ask.said.0.is_some() || ask.said.1.is_some();
        if table.tally.pairs == 0 && said && !self.snapshot.cluster().pods().is_empty() {
            return Err(no_pairs(ask));
        }
        Ok(())
    }

    /// Names rows and orders them: by source, then destination, as a reader looks them up.
    pub(super) fn rows(&self, rows: Vec<CoreRow>) -> Vec<Row> {
        let mut names = Names::new(self.snapshot.cluster());
        let mut rows: Vec<Row> = rows.into_iter().map(|r| names.row(r)).collect();
        let ranks = names.ranks();
        let rank = |end: &std::sync::Arc<super::Endpoint>| ranks.get(&std::sync::Arc::as_ptr(end));
        rows.sort_by_key(|row| (rank(&row.src), rank(&row.dst)));
        rows
    }

    /// Returns what an end counts as in `count flows`: its workload; the outside is one peer, the ingress controller another.
    fn peer(&self, end: &End) -> Peer {
        match end {
            End::Workload(id) => Peer::Workload(id.0),
            End::Pod(id) => Peer::Workload(self.snapshot.cluster().pod(*id).workload.0),
            End::Namespace(id) => Peer::Namespace(id.0),
            End::External(_) => Peer::External,
            End::Name(name) => Peer::Name(name.to_string()),
            End::IngressController => Peer::IngressController,
        }
    }

    pub(super) fn asked(&self, ask: &Ask) -> Asked {
        let ports = ask.on.as_ref().filter(|_| ask.through.is_none()).map(|on| {
            let numbers = (!on.numbers.is_empty()).then(|| on.numbers.to_string());
            let names = on.names.iter().map(ToString::to_string);
            numbers.into_iter().chain(names).collect::<Vec<_>>().join(",")
        });
        let through = ask.through.as_ref().map(|t| self.through(t)).unwrap_or_default();
        Asked { from: ask.said.0.clone(), to: ask.said.1.clone(), ports, through }
    }

    /// Says what a Service's port means on the pods behind it.
    fn through(&self, through: &Translation) -> Vec<String> {
        let cluster = self.snapshot.cluster();
        let service = cluster.service(through.service);
        let name = format!("svc/{}:{}", service.name, through.port);
        let part = |(ports, pods): &(PortSet, Vec<PodId>)| {
            let (count, s) = (pods.len(), if pods.len() == 1 { "" } else { "s" });
            if ports.is_empty() {
                return format!(
                    "{name} leads nowhere on {count} pod{s}: the target port is not declared there"
                );
            }
            format!("{name} is {ports} on {count} pod{s}")
        };
        through.parts.iter().map(part).collect()
    }
}

/// What an end counts as.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Peer {
    Workload(u32),
    Namespace(u32),
    External,
    Name(String),
    IngressController,
}

/// Tells whether the question says on which ports.
pub(super) fn said_ports(ask: &Ask) -> bool {
    ask.on.is_some()
}

fn add(total: &mut Tally, part: &Tally) {
    total.pairs += part.pairs;
    total.all_allowed += part.all_allowed;
    total.some_allowed += part.some_allowed;
    total.all_denied += part.all_denied;
    total.some_denied += part.some_denied;
    total.some_unknown += part.some_unknown;
    total.some_ambiguous += part.some_ambiguous;
}

/// Returns what pairs come to: on every port that was said, or on some port where none was.
pub(super) fn outcome(tally: &Tally, on: bool, quantifier: Option<Quantifier>) -> Outcome {
    let unsettled = if tally.some_unknown > 0 { Outcome::Unknown } else { Outcome::Ambiguous };
    let allowed = if on { tally.all_allowed } else { tally.some_allowed };
    let denied = if on { tally.some_denied } else { tally.all_denied };
    match quantifier {
        _ if tally.all_denied == tally.pairs => Outcome::No,
        Some(Quantifier::Some) if tally.some_allowed > 0 => Outcome::Yes,
        Some(Quantifier::Some) => unsettled,
        _ if allowed == tally.pairs => Outcome::Yes,
        Some(Quantifier::All) if denied > 0 => Outcome::No,
        None if tally.some_allowed > 0 && denied > 0 => Outcome::Partial,
        Some(Quantifier::All) | None => unsettled,
    }
}

fn no_pairs(ask: &Ask) -> QueryError {
    let outside = |s: &Selection| s.pods.is_empty();
    let message = if outside(&ask.from) && outside(&ask.to) {
        "there is no pair to ask about: neither end is a pod"
    } else {
        "there is no pair to ask about: the only pair is a pod with itself"
    };
    let error = QueryError::new(ErrorCode::NoSuchEndpoint, message)
        .help("policies govern pods: name a pod or a workload on one side");
    QueryError { span: ask.span, ..error }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(all_allowed: u64, some_allowed: u64, all_denied: u64, some_denied: u64) -> Tally {
        Tally { pairs: 2, all_allowed, some_allowed, all_denied, some_denied, ..Tally::default() }
    }

    #[test]
    fn ports_that_were_said_must_all_be_allowed() {
        assert_eq!(outcome(&tally(2, 2, 0, 0), true, None), Outcome::Yes);
        assert_eq!(outcome(&tally(0, 2, 0, 2), true, None), Outcome::Partial);
        assert_eq!(outcome(&tally(0, 2, 0, 2), false, None), Outcome::Yes);
        assert_eq!(outcome(&tally(0, 1, 1, 2), false, None), Outcome::Partial);
        assert_eq!(outcome(&tally(0, 0, 2, 2), false, None), Outcome::No);
    }

    #[test]
    fn quantifiers_force_a_yes_or_a_no() {
        assert_eq!(outcome(&tally(1, 1, 1, 1), true, Some(Quantifier::All)), Outcome::No);
        assert_eq!(outcome(&tally(1, 1, 1, 1), true, Some(Quantifier::Some)), Outcome::Yes);
        let unknown = Tally { some_unknown: 1, ..tally(1, 1, 0, 0) };
        assert_eq!(outcome(&unknown, true, Some(Quantifier::All)), Outcome::Unknown);
        assert_eq!(outcome(&unknown, true, Some(Quantifier::Some)), Outcome::Yes);
    }

    #[test]
    fn doubt_is_never_a_guess() {
        let unknown = Tally { some_unknown: 1, ..tally(1, 1, 0, 0) };
        assert_eq!(outcome(&unknown, true, None), Outcome::Unknown);
        let tie = Tally { some_ambiguous: 2, ..tally(0, 0, 0, 0) };
        assert_eq!(outcome(&tie, true, None), Outcome::Ambiguous);
    }
}
