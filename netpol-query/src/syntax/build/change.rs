//! Changes and sources.

use super::endpoint::{path, unary, value};
use super::port;
use super::question;
use super::{
    Pair, Result, child, children, direction, has, incomplete, number, optional, required, span,
    string,
};
use crate::syntax::ast::{AddedKind, Change, Endpoints, Source};
use crate::syntax::parser::Rule;
use crate::syntax::span::Spanned;

/// Builds the changes of a sentence.
pub(super) fn changes(pair: &Pair<'_>) -> Result<Vec<Spanned<Change>>> {
    let mut found = Vec::new();
    for part in pair.clone().into_inner() {
        if let Some(change) = change(&part)? {
            found.push(Spanned::new(change, super::trimmed_span(&part)));
        }
    }
    Ok(found)
}

/// Builds one change; `None` for the words and signs between them.
fn change(pair: &Pair<'_>) -> Result<Option<Change>> {
    Ok(Some(match pair.as_rule() {
        Rule::apply => Change::Apply(source(&required(pair, Rule::source)?)),
        Rule::delete => Change::Delete(target(pair)?),
        Rule::label => Change::Label(target(pair)?, labels(pair)?),
        Rule::unlabel => Change::Unlabel(target(pair)?, keys(&required(pair, Rule::label_keys)?)),
        Rule::scale => Change::Scale(target(pair)?, number(&required(pair, Rule::int)?)?),
        Rule::add => add(pair)?,
        Rule::allow => {
            let mut targets = children(pair, Rule::target);
            let mut next = || match targets.next() {
                Some(target) => unary(&required(&target, Rule::unary)?),
                None => Err(incomplete(pair)),
            };
            Change::Allow { from: next()?, to: next()?, on: question::ports(pair)? }
        }
        Rule::isolate => {
            Change::Isolate(target(pair)?, optional(pair, Rule::direction, direction)?)
        }
        Rule::compromise => Change::Compromise(target(pair)?),
        _ => return Ok(None),
    }))
}

fn target(pair: &Pair<'_>) -> Result<Endpoints> {
    unary(&required(&required(pair, Rule::target)?, Rule::unary)?)
}

fn add(pair: &Pair<'_>) -> Result<Change> {
    let mut paths = children(pair, Rule::path);
    let mut next = || paths.next().map(|p| Ok(Spanned::new(path(&p)?, span(&p)))).transpose();
    let name = next()?.ok_or_else(|| incomplete(pair))?;
    let kind = required(pair, Rule::added_kind)?;
    Ok(Change::Add {
        kind: if has(&kind, Rule::kw_pod) { AddedKind::Pod } else { AddedKind::Namespace },
        name,
        namespace: next()?,
        labels: labels(pair)?,
        ports: optional(pair, Rule::ports, port::ports)?,
    })
}

fn labels(pair: &Pair<'_>) -> Result<Vec<(String, String)>> {
    children(pair, Rule::label_pair)
        .map(|p| {
            let key = required(&p, Rule::key)?.as_str().to_owned();
            let value = child(&p, Rule::value).map(|v| value(&v)).unwrap_or_default();
            Ok((key, value.into()))
        })
        .collect()
}

fn keys(pair: &Pair<'_>) -> Vec<String> {
    children(pair, Rule::key).map(|k| k.as_str().to_owned()).collect()
}

/// Builds where manifests come from.
pub(super) fn source(pair: &Pair<'_>) -> Spanned<Source> {
    let source = match child(pair, Rule::string) {
        Some(quoted) => Source::Quoted(string(&quoted)),
        None => Source::Bare(pair.as_str().to_owned()),
    };
    Spanned::new(source, span(pair))
}
