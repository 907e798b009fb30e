//! From the parser's pairs to the syntax tree.

mod change;
mod endpoint;
mod expect;
mod pipe;
mod port;
mod question;

use std::str::FromStr;

use netpol_core::model::Direction;
use pest::iterators::Pair as PestPair;

use super::ast::{Definition, Exported, Item, Sentence, Statement, TestBlock, Use};
use super::error::SyntaxError;
use super::parser::Rule;
use super::span::{Span, Spanned};

type Pair<'i> = PestPair<'i, Rule>;
type Result<T> = std::result::Result<T, SyntaxError>;

/// Builds what a chunk says.
pub(super) fn item(chunk: &Pair<'_>) -> Result<Item> {
    if let Some(block) = child(chunk, Rule::test_block) {
        return Ok(Item::Test(test_block(&block)?));
    }
    let sentence = sentence(&required(chunk, Rule::sentence)?)?;
    Ok(Item::Sentence(Box::new(sentence)))
}

fn test_block(pair: &Pair<'_>) -> Result<TestBlock> {
    let name = required(pair, Rule::string)?;
    let sentences = children(pair, Rule::sentence)
        .map(|s| Ok(Spanned::new(sentence(&s)?, trimmed_span(&s))))
        .collect::<Result<_>>()?;
    Ok(TestBlock { name: Spanned::new(string(&name), span(&name)), sentences })
}

fn sentence(pair: &Pair<'_>) -> Result<Sentence> {
    let mut sentence =
        Sentence { with: Vec::new(), statement: Statement::Change(Vec::new()), pipes: Vec::new() };
    for part in pair.clone().into_inner() {
        match part.as_rule() {
            Rule::with_clause => sentence.with = change::changes(&part)?,
            Rule::question_mark => {}
            _ => match pipe::pipe(&part)? {
                Some(pipe) => sentence.pipes.push(Spanned::new(pipe, trimmed_span(&part))),
                None if part.as_rule() == Rule::bar => {}
                None => sentence.statement = statement(&part)?,
            },
        }
    }
    Ok(sentence)
}

fn statement(pair: &Pair<'_>) -> Result<Statement> {
    Ok(match pair.as_rule() {
        Rule::define => define(pair)?,
        Rule::use_sentence => Statement::Use(use_sentence(pair)?),
        Rule::expect => Statement::Expect(expect::expect(pair)?),
        Rule::what_if => Statement::WhatIf(change::changes(pair)?),
        Rule::change_sentence => Statement::Change(change::changes(pair)?),
        Rule::diff => Statement::Diff {
            sources: children(
                &child(pair, Rule::range).unwrap_or_else(|| pair.clone()),
                Rule::source,
            )
            .map(|s| change::source(&s))
            .collect(),
            within: optional(pair, Rule::endpoints, endpoint::endpoints)?,
        },
        Rule::lint => Statement::Lint {
            within: optional(pair, Rule::endpoints, endpoint::endpoints)?,
            severity: optional(pair, Rule::severity, expect::severity)?,
        },
        Rule::export => Statement::Export {
            what: word(&required(pair, Rule::exported)?, Exported::of_word)?,
            to: child(pair, Rule::source).map(|s| change::source(&s)),
        },
        _ => Statement::Ask(question::question(pair)?),
    })
}

fn define(pair: &Pair<'_>) -> Result<Statement> {
    let variable = required(pair, Rule::variable)?;
    let name = Spanned::new(variable_name(&variable), span(&variable));
    let value = match child(pair, Rule::defined_ports) {
        Some(ports) => Definition::Ports(port::ports(&required(&ports, Rule::ports)?)?),
        None => Definition::Endpoints(endpoint::endpoints(&required(pair, Rule::endpoints)?)?),
    };
    Ok(Statement::Let { name, value })
}

fn use_sentence(pair: &Pair<'_>) -> Result<Use> {
    match child(pair, Rule::used_namespace) {
        Some(used) => {
            let path = required(&used, Rule::path)?;
            Ok(Use::Namespace(Spanned::new(endpoint::path(&path)?, span(&path))))
        }
        None => Ok(Use::Source(change::source(&required(pair, Rule::source)?))),
    }
}

fn span(pair: &Pair<'_>) -> Span {
    Span::new(pair.as_span().start(), pair.as_span().end())
}

/// The span without the white space that a rule may have taken at its end.
fn trimmed_span(pair: &Pair<'_>) -> Span {
    let start = pair.as_span().start();
    Span::new(start, start + pair.as_str().trim_end().len())
}

fn child<'i>(pair: &Pair<'i>, rule: Rule) -> Option<Pair<'i>> {
    pair.clone().into_inner().find(|p| p.as_rule() == rule)
}

fn has(pair: &Pair<'_>, rule: Rule) -> bool {
    child(pair, rule).is_some()
}

fn children<'i>(pair: &Pair<'i>, rule: Rule) -> impl Iterator<Item = Pair<'i>> + use<'i> {
    pair.clone().into_inner().filter(move |p| p.as_rule() == rule)
}

/// Returns a part that the grammar guarantees.
fn required<'i>(pair: &Pair<'i>, rule: Rule) -> Result<Pair<'i>> {
    child(pair, rule).ok_or_else(|| incomplete(pair))
}

fn optional<'i, T>(
    pair: &Pair<'i>,
    rule: Rule,
    build: impl FnOnce(&Pair<'i>) -> Result<T>,
) -> Result<Option<T>> {
    child(pair, rule).map(|p| build(&p)).transpose()
}

/// Only the grammar and this module disagreeing leads here.
fn incomplete(pair: &Pair<'_>) -> SyntaxError {
    SyntaxError::new(span(pair), format!("`{}` is incomplete", pair.as_str()))
}

fn word<T>(pair: &Pair<'_>, find: impl FnOnce(&str) -> Option<T>) -> Result<T> {
    find(pair.as_str().trim()).ok_or_else(|| incomplete(pair))
}

fn variable_name(pair: &Pair<'_>) -> String {
    pair.as_str().trim_start_matches('$').to_owned()
}

/// Returns a text between quotes without them.
fn string(pair: &Pair<'_>) -> String {
    let text = pair.as_str();
    let inner = text.strip_prefix('"').and_then(|t| t.strip_suffix('"')).unwrap_or(text);
    let mut out = String::with_capacity(inner.len());
    let mut escaped = false;
    for c in inner.chars() {
        escaped = c == '\\' && !escaped;
        if !escaped {
            out.push(c);
        }
    }
    out
}

fn number<T: FromStr>(pair: &Pair<'_>) -> Result<T> {
    let text = pair.as_str();
    let parsed = text.parse().ok();
    parsed.ok_or_else(|| SyntaxError::new(span(pair), format!("`{text}` is too large a number")))
}

fn direction(pair: &Pair<'_>) -> Result<Direction> {
    word(pair, |w| Direction::ALL.into_iter().find(|d| d.as_str().eq_ignore_ascii_case(w)))
}
