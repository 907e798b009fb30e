//! The syntax tree: what a sentence says, before any name is looked up. Every type prints as it is parsed.

mod change;
mod endpoint;
mod expect;
mod path;
mod pipe;
mod port;
mod question;

pub use change::{AddedKind, Change, Source};
pub use endpoint::{Endpoint, Endpoints, Set, Word};
pub use expect::{Claim, Comparison, Expect, ExpectSeverity, LintSeverity, Severity};
pub use path::{Name, Part, Path};
pub use pipe::{FormatWord, Pipe, Predicate, Test, TestOperator};
pub use port::{PortItem, Ports};
pub use question::{
    Exported, FlowsOf, LevelWord, Listable, Noun, PathOptions, Quantifier, Question, Relation,
};

use std::fmt;

use super::span::Spanned;

/// What a line or a block says.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// One sentence.
    Sentence(Box<Sentence>),
    /// `test "name" { ... }`.
    Test(TestBlock),
}

/// Sentences under a name.
#[derive(Clone, Debug, PartialEq)]
pub struct TestBlock {
    /// The name.
    pub name: Spanned<String>,
    /// The sentences.
    pub sentences: Vec<Spanned<Sentence>>,
}

/// A statement with the changes that precede it and the pipes that follow.
#[derive(Clone, Debug, PartialEq)]
pub struct Sentence {
    /// `with CHANGE, ...:`.
    pub with: Vec<Spanned<Change>>,
    /// What is asked or done.
    pub statement: Statement,
    /// `| where ...` and the like.
    pub pipes: Vec<Spanned<Pipe>>,
}

/// What is asked or done.
#[derive(Clone, Debug, PartialEq)]
pub enum Statement {
    /// A question about the cluster.
    Ask(Question),
    /// `expect`, `assert` and `warn`.
    Expect(Expect),
    /// `what if CHANGE, ...`.
    WhatIf(Vec<Spanned<Change>>),
    /// Changes that last for the session.
    Change(Vec<Spanned<Change>>),
    /// `diff A B for SET`.
    Diff {
        /// The two states; the second may be absent.
        sources: Vec<Spanned<Source>>,
        /// What it is limited to.
        within: Option<Endpoints>,
    },
    /// `lint SET >= warning`.
    Lint {
        /// What it is limited to.
        within: Option<Endpoints>,
        /// The severity.
        severity: Option<LintSeverity>,
    },
    /// `export graph to FILE`.
    Export {
        /// What.
        what: Exported,
        /// Where to.
        to: Option<Spanned<Source>>,
    },
    /// `let $x = SET`.
    Let {
        /// The name, without `$`.
        name: Spanned<String>,
        /// What it stands for.
        value: Definition,
    },
    /// `use namespace NS`, or `use SOURCE`.
    Use(Use),
}

/// What a variable stands for.
#[derive(Clone, Debug, PartialEq)]
pub enum Definition {
    /// A set of endpoints.
    Endpoints(Endpoints),
    /// Ports.
    Ports(Ports),
}

/// What is used from here on.
#[derive(Clone, Debug, PartialEq)]
pub enum Use {
    /// The current namespace; `*` for none.
    Namespace(Spanned<Path>),
    /// Other manifests.
    Source(Spanned<Source>),
}

/// Prints items separated by a comma.
fn commas<T: fmt::Display>(f: &mut fmt::Formatter<'_>, items: &[T]) -> fmt::Result {
    for (i, item) in items.iter().enumerate() {
        write!(f, "{}{item}", if i == 0 { "" } else { ", " })?;
    }
    Ok(())
}

/// Prints ` word value` where there is a value.
fn part<T: fmt::Display>(f: &mut fmt::Formatter<'_>, word: &str, value: Option<&T>) -> fmt::Result {
    match value {
        Some(value) => write!(f, " {word} {value}"),
        None => Ok(()),
    }
}

/// Prints a text between quotes.
fn quote(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    write!(f, "\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sentence(sentence) => sentence.fmt(f),
            Self::Test(block) => block.fmt(f),
        }
    }
}

impl fmt::Display for TestBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("test ")?;
        quote(f, &self.name.node)?;
        f.write_str(" {\n")?;
        for sentence in &self.sentences {
            writeln!(f, "  {sentence}")?;
        }
        f.write_str("}")
    }
}

impl fmt::Display for Sentence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.with.is_empty() {
            // An address such as `::` would take the colon for its own.
            let changes: Vec<String> = self.with.iter().map(ToString::to_string).collect();
            let changes = changes.join(", ");
            let last = changes.rsplit(' ').next().unwrap_or_default();
            let space = if last.contains(':') { " " } else { "" };
            write!(f, "with {changes}{space}: ")?;
        }
        self.statement.fmt(f)?;
        for pipe in &self.pipes {
            write!(f, " | {pipe}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ask(question) => question.fmt(f),
            Self::Expect(expect) => expect.fmt(f),
            Self::WhatIf(changes) => {
                f.write_str("what if ")?;
                commas(f, changes)
            }
            Self::Change(changes) => commas(f, changes),
            Self::Diff { sources, within } => {
                f.write_str("diff")?;
                for source in sources {
                    write!(f, " {source}")?;
                }
                part(f, "for", within.as_ref())
            }
            Self::Lint { within, severity } => {
                f.write_str("lint")?;
                part(f, "in", within.as_ref())?;
                severity.as_ref().map_or(Ok(()), |s| write!(f, " {s}"))
            }
            Self::Export { what, to } => {
                write!(f, "export {what}")?;
                part(f, "to", to.as_ref())
            }
            Self::Let { name, value } => write!(f, "let ${name} = {value}"),
            Self::Use(Use::Namespace(path)) => write!(f, "use namespace {path}"),
            Self::Use(Use::Source(source)) => write!(f, "use {source}"),
        }
    }
}

impl fmt::Display for Definition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Endpoints(set) => set.fmt(f),
            Self::Ports(ports) => write!(f, "ports {ports}"),
        }
    }
}
