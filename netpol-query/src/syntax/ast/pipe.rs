//! What follows `|`.

use std::fmt;

use super::expect::Comparison;
use super::{commas, quote};
use crate::syntax::span::Spanned;

/// One step of a pipe.
#[derive(Clone, Debug, PartialEq)]
pub enum Pipe {
    /// `where ...`.
    Where(Predicate),
    /// `group by ...`.
    Group(Vec<Spanned<String>>),
    /// `sort by ...`.
    Sort {
        /// By which field.
        field: Spanned<String>,
        /// Whether the greatest comes first.
        descending: bool,
    },
    /// `limit n`.
    Limit(u64),
    /// `select ...`.
    Select(Vec<Spanned<String>>),
    /// `count`.
    Count,
    /// `as markdown`.
    As(FormatWord),
}

/// Tests joined by `or`, each of them joined by `and`.
#[derive(Clone, Debug, PartialEq)]
pub struct Predicate {
    /// One of these must hold; all tests of one must.
    pub any_of: Vec<Vec<Test>>,
}

/// A test of one field.
#[derive(Clone, Debug, PartialEq)]
pub struct Test {
    /// Whether it must not hold.
    pub negated: bool,
    /// The field.
    pub field: Spanned<String>,
    /// What is asked of it.
    pub operator: TestOperator,
}

/// What is asked of a field.
#[derive(Clone, Debug, PartialEq)]
pub enum TestOperator {
    /// Whether it is there and not empty.
    Present,
    /// How it compares with a value.
    Compare(Comparison, Spanned<String>),
    /// Whether it holds a value: a part of a text, some of the ports.
    Match(Spanned<String>),
    /// Whether it is one of several values.
    In(Vec<Spanned<String>>),
}

/// The word of an output format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormatWord(pub String);

fn value(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./*:".contains(c);
    if !text.is_empty() && text.chars().all(plain) { f.write_str(text) } else { quote(f, text) }
}

impl fmt::Display for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Where(predicate) => write!(f, "where {predicate}"),
            Self::Group(fields) => {
                f.write_str("group by ")?;
                commas(f, fields)
            }
            Self::Sort { field, descending } => {
                write!(f, "sort by {field}{}", if *descending { " desc" } else { "" })
            }
            Self::Limit(count) => write!(f, "limit {count}"),
            Self::Select(fields) => {
                f.write_str("select ")?;
                commas(f, fields)
            }
            Self::Count => f.write_str("count"),
            Self::As(format) => write!(f, "as {}", format.0),
        }
    }
}

impl fmt::Display for Predicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, tests) in self.any_of.iter().enumerate() {
            f.write_str(if i == 0 { "" } else { " or " })?;
            for (j, test) in tests.iter().enumerate() {
                write!(f, "{}{test}", if j == 0 { "" } else { " and " })?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.negated { "not " } else { "" }, self.field)?;
        match &self.operator {
            TestOperator::Present => Ok(()),
            TestOperator::Compare(comparison, text) => {
                write!(f, " {comparison} ")?;
                value(f, &text.node)
            }
            TestOperator::Match(text) => {
                f.write_str(" ~ ")?;
                value(f, &text.node)
            }
            TestOperator::In(texts) => {
                f.write_str(" in (")?;
                for (i, text) in texts.iter().enumerate() {
                    f.write_str(if i == 0 { "" } else { "," })?;
                    value(f, &text.node)?;
                }
                f.write_str(")")
            }
        }
    }
}
