//! `expect` and `warn`: whether what ought to hold holds.

use netpol_core::model::{PortSet, Verdict};
use netpol_core::reach::Tally;

use super::Engine;
use super::answer::{Body, Expectation, Outcome, Row, RowsKind, Verdicts, Warning};
use super::pairs::outcome;
use crate::error::QueryError;
use crate::lower::{Ask, ClaimPlan, ExpectPlan, HopsPlan};
use crate::syntax::ast::{Comparison, Quantifier};

/// What a claim came to.
#[derive(Default)]
struct Finding {
    pass: Option<bool>,
    outcome: Option<Outcome>,
    count: Option<u64>,
    rows: Vec<Row>,
    endpoints: Vec<super::EndpointRow>,
    findings: Vec<netpol_core::lint::Finding>,
    found: String,
}

impl Engine<'_> {
    /// Tells whether what ought to hold holds.
    pub(super) fn expect(
        &self,
        plan: &ExpectPlan,
        warnings: &mut Vec<Warning>,
    ) -> Result<Body, QueryError> {
        let finding = if plan.if_any && is_vacuous(&plan.claim) {
            let found = "nothing matches, which `if any` accepts".into();
            Finding { pass: Some(true), outcome: Some(Outcome::Yes), found, ..Finding::default() }
        } else {
            self.claim(&plan.claim, warnings)?
        };
        Ok(Body::Expectation(Expectation {
            pass: finding.pass,
            severity: plan.severity,
            because: plan.because.clone(),
            outcome: finding.outcome,
            count: finding.count,
            rows: finding.rows,
            endpoints: finding.endpoints,
            findings: finding.findings,
            found: finding.found,
        }))
    }

    fn claim(&self, claim: &ClaimPlan, warnings: &mut Vec<Warning>) -> Result<Finding, QueryError> {
        match claim {
            ClaimPlan::Reach { ask, quantifier, negated, exactly } => {
                self.reach(ask, *quantifier, *negated, *exactly)
            }
            ClaimPlan::Only { inside, others } => self.only(inside, others),
            ClaimPlan::NoFlows(ask, verdict) => self.no_flows(ask, *verdict, warnings),
            ClaimPlan::NoPath(plan) => {
                let (way, rows) = self.has_way(plan, warnings);
                let found = way_found(way, &rows);
                let outcome =
                    way.map_or(Outcome::Unknown, |w| if w { Outcome::No } else { Outcome::Yes });
                let pass = way.map(|w| !w);
                Ok(Finding { pass, outcome: Some(outcome), rows, found, ..Finding::default() })
            }
            ClaimPlan::Eventually { plan, quantifier } => {
                Ok(self.eventually(plan, *quantifier, warnings))
            }
            ClaimPlan::OnlyEventually { inside, others } => {
                Ok(self.only_eventually(inside, others, warnings))
            }
            ClaimPlan::None(list) => {
                let Body::Endpoints(endpoints) = self.list(list) else {
                    return Ok(Finding::default());
                };
                let count = endpoints.len() as u64;
                let found = format!("{count} {}", list.noun);
                let pass = Some(count == 0);
                Ok(Finding { pass, count: Some(count), endpoints, found, ..Finding::default() })
            }
            ClaimPlan::NoLint(plan) => {
                let findings = self.findings(plan)?.found;
                let s = if findings.len() == 1 { "" } else { "s" };
                let found = format!("{} finding{s}", findings.len());
                let (pass, count) = (Some(findings.is_empty()), Some(findings.len() as u64));
                Ok(Finding { pass, count, findings, found, ..Finding::default() })
            }
            ClaimPlan::Count(plan, comparison, number) => {
                let before = warnings.len();
                let count = self.count(plan, warnings)?;
                let doubtful = warnings.len() > before;
                let holds = comparison.holds(&count, number);
                // More flows may be allowed than are certain: only a bound from below is safe then.
                let settled = !doubtful
                    || match comparison {
                        Comparison::AtLeast | Comparison::More => holds,
                        Comparison::AtMost | Comparison::Less => !holds,
                        Comparison::Equal | Comparison::Unequal => false,
                    };
                let pass = settled.then_some(holds);
                Ok(Finding {
                    pass,
                    count: Some(count),
                    found: format!("counted {count}"),
                    ..Finding::default()
                })
            }
        }
    }

    fn reach(
        &self,
        ask: &Ask,
        quantifier: Option<Quantifier>,
        negated: bool,
        exactly: bool,
    ) -> Result<Finding, QueryError> {
        let Verdicts { mut outcome, mut rows, tally, .. } = self.can(ask, None)?;
        let mut pass = holds(&tally, ask.on.is_some(), quantifier, negated);
        if exactly && pass == Some(true) {
            let rest = self.can(&other_ports(ask), Some(Quantifier::Some))?;
            pass = match rest.outcome {
                Outcome::No => Some(true),
                Outcome::Yes | Outcome::Partial => Some(false),
                Outcome::Unknown | Outcome::Ambiguous => None,
            };
            if pass != Some(true) {
                outcome = if pass.is_some() { Outcome::Partial } else { rest.outcome };
                rows = rest.rows.into_iter().filter(|r| r.verdict != Verdict::Deny).collect();
            }
        }
        let found = format!("{} of {} pairs are allowed", tally.some_allowed, tally.pairs);
        Ok(Finding { pass, outcome: Some(outcome), rows, found, ..Finding::default() })
    }

    /// Others must not reach it, and of those who may, at least one must.
    fn only(&self, inside: &Ask, others: &Ask) -> Result<Finding, QueryError> {
        let rest = self.can(others, Some(Quantifier::Some))?;
        let nobody = inside.from.is_empty();
        if nobody && rest.outcome == Outcome::No {
            let (pass, outcome) = (Some(true), Some(Outcome::Yes));
            let found = "no one is meant, and no one can".into();
            return Ok(Finding { pass, outcome, found, ..Finding::default() });
        }
        let may = if nobody { rest.clone() } else { self.can(inside, Some(Quantifier::Some))? };
        let (pass, found) = match (may.outcome, rest.outcome) {
            (_, Outcome::Yes | Outcome::Partial) => (Some(false), "others can too"),
            (Outcome::No, _) => (Some(false), "they cannot themselves"),
            (Outcome::Yes, Outcome::No) => (Some(true), "they can, and no one else"),
            _ => (None, "not all verdicts are known"),
        };
        let breach = |r: &Row| r.verdict != Verdict::Deny;
        let rows = match pass {
            Some(true) => may.rows.into_iter().filter(|r| r.verdict == Verdict::Allow).collect(),
            Some(false) if found == "they cannot themselves" => may.rows,
            _ => rest.rows.into_iter().filter(breach).collect(),
        };
        let outcome = match pass {
            Some(true) => Outcome::Yes,
            Some(false) => Outcome::No,
            None => {
                if rest.outcome == Outcome::No {
                    may.outcome
                } else {
                    rest.outcome
                }
            }
        };
        Ok(Finding {
            pass,
            outcome: Some(outcome),
            rows,
            found: found.into(),
            ..Finding::default()
        })
    }

    /// Tells whether every source gets to every target; with `some`, whether any does.
    fn eventually(
        &self,
        plan: &HopsPlan,
        quantifier: Option<Quantifier>,
        warnings: &mut Vec<Warning>,
    ) -> Finding {
        let pairs = if quantifier == Some(Quantifier::Some) {
            vec![plan.clone()]
        } else {
            self.one_by_one(plan)
        };
        let mut doubtful = None;
        for pair in &pairs {
            let (way, rows) = self.has_way(pair, warnings);
            if way == Some(false) {
                let ends = |end: &Option<String>| end.clone().unwrap_or_default();
                let (from, to) = (ends(&pair.ask.said.0), ends(&pair.ask.said.1));
                let found = format!("no way leads from {from} to {to}");
                let (pass, outcome) = (Some(false), Some(Outcome::No));
                return Finding { pass, outcome, rows, found, ..Finding::default() };
            }
            if way.is_none() {
                doubtful = Some(rows);
            } else if quantifier == Some(Quantifier::Some) || pairs.len() == 1 {
                let (pass, outcome) = (Some(true), Some(Outcome::Yes));
                let found = way_found(way, &rows);
                return Finding { pass, outcome, rows, found, ..Finding::default() };
            }
        }
        let pass = doubtful.is_none().then_some(true);
        let outcome = Some(if pass.is_some() { Outcome::Yes } else { Outcome::Unknown });
        let rows = doubtful.unwrap_or_default();
        Finding { pass, outcome, found: way_found(pass, &rows), rows, ..Finding::default() }
    }

    /// Others must have no way to it, and of those who may, at least one must.
    fn only_eventually(
        &self,
        inside: &HopsPlan,
        others: &HopsPlan,
        warnings: &mut Vec<Warning>,
    ) -> Finding {
        let (others, breach) = self.has_way(others, warnings);
        let nobody = inside.ask.from.is_empty();
        // Where no one is meant, it is enough that no one can.
        let (inside, own) =
            if nobody { (Some(true), Vec::new()) } else { self.has_way(inside, warnings) };
        let (pass, found, rows) = match (inside, others) {
            (_, Some(true)) => (Some(false), "others can too", breach),
            (Some(false), _) => (Some(false), "they cannot themselves", own),
            (Some(true), Some(false)) => (Some(true), "they can, and no one else", own),
            _ => (None, "not all verdicts are known", breach),
        };
        let outcome = match pass {
            Some(true) => Outcome::Yes,
            Some(false) => Outcome::No,
            None => Outcome::Unknown,
        };
        Finding { pass, outcome: Some(outcome), rows, found: found.into(), ..Finding::default() }
    }

    fn no_flows(
        &self,
        ask: &Ask,
        verdict: Verdict,
        warnings: &mut Vec<Warning>,
    ) -> Result<Finding, QueryError> {
        let before = warnings.len();
        let Body::Rows { rows, .. } = self.flows(ask, verdict, RowsKind::Flows, warnings)? else {
            return Ok(Finding::default());
        };
        let doubtful = warnings.len() > before;
        let pass = match (rows.is_empty(), doubtful) {
            (false, _) => Some(false),
            (true, true) => None,
            (true, false) => Some(true),
        };
        let (count, found) = (Some(rows.len() as u64), format!("{} flows", rows.len()));
        Ok(Finding { pass, count, rows, found, ..Finding::default() })
    }
}

/// Tells whether pairs can, or cannot, be reached as they ought to; `None` where that is not known.
fn holds(tally: &Tally, on: bool, quantifier: Option<Quantifier>, negated: bool) -> Option<bool> {
    let some = quantifier == Some(Quantifier::Some);
    if !negated {
        let quantifier = if some { Quantifier::Some } else { Quantifier::All };
        return match outcome(tally, on, Some(quantifier)) {
            Outcome::Yes => Some(true),
            Outcome::No | Outcome::Partial => Some(false),
            Outcome::Unknown | Outcome::Ambiguous => None,
        };
    }
    let doubtful = tally.some_unknown + tally.some_ambiguous > 0;
    match some {
        true if tally.all_denied > 0 => Some(true),
        false if tally.some_allowed > 0 => Some(false),
        false if tally.all_denied == tally.pairs => Some(true),
        _ if doubtful => None,
        _ => Some(false),
    }
}

/// The same pairs on all ports but those that were said.
fn other_ports(ask: &Ask) -> Ask {
    let asked = ask.ports();
    let rest: PortSet = asked.numbers.complement();
    Ask { on: Some(rest.into()), ..ask.clone() }
}

fn way_found(way: Option<bool>, rows: &[Row]) -> String {
    let hops = rows.len();
    match way {
        Some(true) => format!("there is a way of {hops} hop{}", if hops == 1 { "" } else { "s" }),
        Some(false) => "there is no way".into(),
        None => "whether there is a way is not known".into(),
    }
}

fn is_vacuous(claim: &ClaimPlan) -> bool {
    let empty = |ask: &Ask| ask.from.is_empty() || ask.to.is_empty();
    match claim {
        ClaimPlan::Reach { ask, .. } | ClaimPlan::NoFlows(ask, _) => empty(ask),
        // Where no one is meant by `only`, no one may.
        ClaimPlan::Only { inside, .. } => inside.to.is_empty(),
        ClaimPlan::OnlyEventually { inside, .. } => inside.ask.to.is_empty(),
        ClaimPlan::NoPath(plan) | ClaimPlan::Eventually { plan, .. } => empty(&plan.ask),
        ClaimPlan::None(_) | ClaimPlan::NoLint(_) | ClaimPlan::Count(..) => false,
    }
}
