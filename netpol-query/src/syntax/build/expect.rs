//! Contracts.

use super::question::{ends, flows, listable, part, path_ends, path_options, ports};
use super::{
    Pair, Result, child, direction, has, incomplete, number, optional, required, string, word,
};
use crate::syntax::ast::{
    Claim, Comparison, Expect, ExpectSeverity, LintSeverity, Quantifier, Severity,
};
use crate::syntax::parser::Rule;

/// Builds `expect`, `assert` and `warn`.
pub(super) fn expect(pair: &Pair<'_>) -> Result<Expect> {
    let because = child(pair, Rule::because).and_then(|b| child(&b, Rule::string));
    Ok(Expect {
        severity: if has(pair, Rule::kw_warn) {
            ExpectSeverity::Warn
        } else {
            ExpectSeverity::Fail
        },
        claim: claim(pair)?,
        if_any: has(pair, Rule::if_any),
        because: because.map(|s| string(&s)),
    })
}

fn claim(pair: &Pair<'_>) -> Result<Claim> {
    if let Some(only) = child(pair, Rule::claim_only) {
        let (from, to) = ends(&only)?;
        let eventually = has(&only, Rule::eventually);
        return Ok(Claim::Only { from, eventually, to, on: ports(&only)? });
    }
    if let Some(none) = child(pair, Rule::claim_none) {
        return claim_none(&none);
    }
    if let Some(count) = child(pair, Rule::claim_count) {
        let what = listable(&required(&count, Rule::count)?)?;
        let comparison = word(&required(&count, Rule::comparison)?, Comparison::of_sign)?;
        let number = number(&required(&count, Rule::int)?)?;
        return Ok(Claim::Count { what, comparison, number });
    }
    let reach = required(pair, Rule::claim_reach)?;
    let (from, to) = ends(&reach)?;
    Ok(Claim::Reach {
        quantifier: optional(&reach, Rule::quantifier, |p| word(p, Quantifier::of_word))?,
        from,
        negated: has(&reach, Rule::cannot) || has(&reach, Rule::negation),
        eventually: has(&reach, Rule::eventually),
        to,
        on: ports(&reach)?,
        exactly: has(&reach, Rule::exactly),
    })
}

fn claim_none(pair: &Pair<'_>) -> Result<Claim> {
    let inner = pair.clone().into_inner().find(|p| p.as_rule() != Rule::kw_no);
    let inner = inner.ok_or_else(|| incomplete(pair))?;
    Ok(match inner.as_rule() {
        Rule::none_flows => Claim::NoFlows(flows(&inner)?),
        Rule::none_path => {
            let (from, to) = path_ends(&inner)?;
            Claim::NoPath { from, to, options: path_options(&inner)? }
        }
        Rule::none_lint => Claim::NoLint(optional(&inner, Rule::severity, severity)?),
        _ => Claim::NoUnprotected {
            within: part(&inner, Rule::within)?,
            direction: optional(&inner, Rule::direction, direction)?,
        },
    })
}

/// Builds `>= warning`.
pub(super) fn severity(pair: &Pair<'_>) -> Result<LintSeverity> {
    let comparison = optional(pair, Rule::comparison, |p| word(p, Comparison::of_sign))?;
    let severity =
        word(&required(pair, Rule::severity_word)?, |w| match w.to_ascii_lowercase().as_str() {
            "error" => Some(Severity::Error),
            "warning" => Some(Severity::Warning),
            "note" | "info" => Some(Severity::Note),
            _ => None,
        })?;
    Ok(LintSeverity { comparison, severity })
}
