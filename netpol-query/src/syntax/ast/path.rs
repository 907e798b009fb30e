//! `[[ns/]kind/]name`, each part a name, a glob or a selector.

use std::fmt;

use netpol_core::model::{Operator, Requirement, Selector};

use super::quote;
use crate::syntax::span::Spanned;

/// One to three parts and the port of a Service.
#[derive(Clone, Debug, PartialEq)]
pub struct Path {
    /// The parts, one to three.
    pub parts: Vec<Spanned<Part>>,
    /// `:80` or `:http` after a Service.
    pub port: Option<Spanned<String>>,
}

/// One part of a path: a name, selectors, or a name with selectors.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// The name or glob; `None` where only selectors are given.
    pub name: Option<Name>,
    /// The selectors, all of which must hold.
    pub selectors: Vec<Spanned<Selector>>,
}

/// A name as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Name {
    /// Without quotes: may be a kind word, and may hold `*` and `?`.
    Plain(String),
    /// Between quotes: literally this name.
    Quoted(String),
}

impl Path {
    /// Makes a path of plain names.
    pub fn plain(parts: &[&str]) -> Self {
        let part = |p: &&str| {
            let name = Some(Name::Plain((*p).to_owned()));
            Spanned::new(Part { name, selectors: Vec::new() }, super::super::span::Span::default())
        };
        Self { parts: parts.iter().map(part).collect(), port: None }
    }
}

impl Part {
    /// Returns the name where it is no more than a name: no glob, no selector.
    pub fn literal(&self) -> Option<&str> {
        match &self.name {
            Some(name) if self.selectors.is_empty() && !name.is_glob() => Some(name.text()),
            _ => None,
        }
    }
}

impl Name {
    /// Returns the text without quotes.
    pub fn text(&self) -> &str {
        match self {
            Self::Plain(text) | Self::Quoted(text) => text,
        }
    }

    /// Tells whether it is a pattern.
    pub fn is_glob(&self) -> bool {
        matches!(self, Self::Plain(text) if text.contains(['*', '?']))
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, part) in self.parts.iter().enumerate() {
            write!(f, "{}{part}", if i == 0 { "" } else { "/" })?;
        }
        self.port.as_ref().map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = &self.name {
            name.fmt(f)?;
        }
        self.selectors.iter().try_for_each(|s| print_selector(f, &s.node))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(text) => f.write_str(text),
            Self::Quoted(text) => quote(f, text),
        }
    }
}

/// Prints a selector as kubectl writes it, between brackets.
pub(super) fn print_selector(f: &mut fmt::Formatter<'_>, selector: &Selector) -> fmt::Result {
    f.write_str("[")?;
    for (i, requirement) in selector.requirements.iter().enumerate() {
        f.write_str(if i == 0 { "" } else { "," })?;
        print_requirement(f, requirement)?;
    }
    f.write_str("]")
}

fn print_requirement(f: &mut fmt::Formatter<'_>, requirement: &Requirement) -> fmt::Result {
    let key = &requirement.key;
    match &requirement.operator {
        Operator::Exists => f.write_str(key),
        Operator::DoesNotExist => write!(f, "!{key}"),
        Operator::In(values) => print_values(f, key, ["=", "in"], values),
        Operator::NotIn(values) => print_values(f, key, ["!=", "notin"], values),
    }
}

fn print_values(
    f: &mut fmt::Formatter<'_>,
    key: &str,
    operators: [&str; 2],
    values: &[Box<str>],
) -> fmt::Result {
    if let [value] = values {
        write!(f, "{key}{}", operators[0])?;
        return print_value(f, value);
    }
    write!(f, "{key} {} (", operators[1])?;
    for (i, value) in values.iter().enumerate() {
        f.write_str(if i == 0 { "" } else { "," })?;
        if value.is_empty() { quote(f, value) } else { print_value(f, value) }?;
    }
    f.write_str(")")
}

/// Prints a label value, between quotes where it needs them.
pub(super) fn print_value(f: &mut fmt::Formatter<'_>, value: &str) -> fmt::Result {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if value.chars().all(plain) { f.write_str(value) } else { quote(f, value) }
}
