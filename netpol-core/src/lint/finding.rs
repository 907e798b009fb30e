//! What lint finds.

use std::fmt;

use serde_json::Value;

use crate::model::Position;

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Probably a mistake, or an exposure.
    Warning,
    /// It cannot mean what is written.
    Error,
}

impl Severity {
    /// Lists all, the gravest first.
    pub const ALL: [Self; 3] = [Self::Error, Self::Warning, Self::Info];

    /// Returns the word of the JSON contract.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }

    /// Finds what a word stands for.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == word)
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What an edit does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EditKind {
    /// Puts a value where there is none, or before an item of a list.
    Add,
    /// Puts a value in the place of another.
    Replace,
    /// Takes a value away.
    Remove,
}

impl EditKind {
    /// Returns the word of JSON Patch.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Replace => "replace",
            Self::Remove => "remove",
        }
    }
}

/// A change of the object that would do away with a finding: one operation of JSON Patch (RFC 6902).
#[derive(Clone, Debug, PartialEq)]
pub struct Edit {
    /// What is done.
    pub kind: EditKind,
    /// Where, as a JSON Pointer into the object.
    pub path: String,
    /// The value; `None` where one is taken away.
    pub value: Option<Value>,
}

/// Something that lint found.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The id of its rule, such as `E01`.
    pub id: &'static str,
    /// How grave it is here.
    pub severity: Severity,
    /// The object, such as `shop/networkpolicy/db`; `None` where a file is no object.
    pub object: Option<String>,
    /// Where it stands.
    pub position: Option<Position>,
    /// What is wrong: one line, lower case, no full stop.
    pub message: String,
    /// What to do about it, in words.
    pub fix: String,
    /// The same as a change of the object, where one change is certain to do it.
    pub edit: Option<Edit>,
    /// Other objects that it concerns, sorted.
    pub concerns: Vec<String>,
    /// Why it does not count, where somebody accepted it; it is then not to be shown among the others.
    pub suppressed: Option<String>,
}

impl Finding {
    /// Sets the severity, where it differs from the usual one of its rule.
    pub(super) fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// Adds the change that would do away with it.
    pub(super) fn edit(mut self, kind: EditKind, path: String, value: Option<Value>) -> Self {
        self.edit = Some(Edit { kind, path, value });
        self
    }

    /// Adds objects that it concerns.
    pub(super) fn about(mut self, objects: impl IntoIterator<Item = String>) -> Self {
        self.concerns.extend(objects);
        self.concerns.sort();
        self.concerns.dedup();
        self
    }
}
