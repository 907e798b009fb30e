//! The small tree of one document that knows lines and how scalars were written, and questions about it.

use std::borrow::Cow;

use super::diagnostic::DiagnosticCode;
use super::scalars::{self, Value};

/// A value of a document.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// The line of the key that holds it, of its `-` in a block list, else its own.
    pub(super) line: u32,
    /// What it is.
    pub(super) content: Content,
}

/// What a node is.
#[derive(Clone, Debug)]
pub(super) enum Content {
    /// A scalar.
    Scalar(Scalar),
    /// A list.
    Sequence(Vec<Node>),
    /// A mapping in its written order, duplicate keys included.
    Mapping(Vec<Entry>),
}

/// A key with its value.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// The key.
    pub(super) key: Scalar,
    /// The value; its line is that of the key.
    pub(super) value: Node,
}

/// A scalar as written and as read.
#[derive(Clone, Debug)]
pub(super) struct Scalar {
    /// Its characters.
    pub(super) text: Box<str>,
    /// Its value.
    pub(super) value: Value,
    /// Whether YAML 1.2 would read another value.
    pub(super) trap: bool,
}

impl Scalar {
    /// Makes a scalar that was written without quotes.
    pub(super) fn plain(text: &str) -> Self {
        let value = scalars::resolve(text);
        let trap = value != Value::Text && scalars::differs_in_yaml_1_2(text);
        Self { text: text.into(), value, trap }
    }

    /// Makes a scalar that is text in any case.
    pub(super) fn text(text: &str) -> Self {
        Self { text: text.into(), value: Value::Text, trap: false }
    }

    /// Returns the key that JSON would have: `true` for `on`, `64` for `0100`.
    pub(super) fn as_key(&self) -> Cow<'_, str> {
        match self.value {
            Value::Text => Cow::Borrowed(&self.text),
            Value::Null => Cow::Borrowed("null"),
            Value::Bool(value) => Cow::Borrowed(if value { "true" } else { "false" }),
            Value::Int(value) => Cow::Owned(value.to_string()),
            Value::Float(value) => Cow::Owned(value.to_string()),
        }
    }
}

impl Scalar {
    /// Says what is wrong with it where text is expected.
    pub(super) fn not_text(&self, what: &str) -> (DiagnosticCode, String) {
        if self.value == Value::Null {
            let message = format!("expected text, found a {what} that is null");
            return (DiagnosticCode::InvalidValue, message);
        }
        let (text, kind) = (clip(&self.text), self.value.describe());
        (DiagnosticCode::YamlTrap, format!("{what} `{text}` is {kind} in YAML 1.1; quote it"))
    }
}

impl Node {
    /// Tells whether nothing was written.
    pub(super) fn is_null(&self) -> bool {
        matches!(&self.content, Content::Scalar(s) if s.value == Value::Null)
    }

    /// Returns the text of a scalar that is text.
    pub(super) fn as_text(&self) -> Option<&str> {
        match &self.content {
            Content::Scalar(scalar) if scalar.value == Value::Text => Some(&scalar.text),
            _ => None,
        }
    }

    /// Returns the entries of a mapping.
    pub(super) fn entries(&self) -> &[Entry] {
        match &self.content {
            Content::Mapping(entries) => entries,
            _ => &[],
        }
    }

    /// Returns the items of a list.
    pub(super) fn items(&self) -> Option<&[Node]> {
        match &self.content {
            Content::Sequence(items) => Some(items),
            _ => None,
        }
    }

    /// Returns the value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|e| *e.key.text == *key).map(|e| &e.value)
    }

    /// Returns the words for an error.
    pub(super) fn describe(&self) -> String {
        match &self.content {
            Content::Scalar(s) if s.value == Value::Null => "null".into(),
            Content::Scalar(s) => format!("`{}`, {}", clip(&s.text), s.value.describe()),
            Content::Sequence(_) => "a list".into(),
            Content::Mapping(_) => "a mapping".into(),
        }
    }

    /// Returns the line of a field path such as `spec.ports[0].port`, or of the nearest part of it that exists.
    pub(super) fn line_of(&self, path: &str) -> u32 {
        let (next, rest) = if let Some(rest) = path.strip_prefix('[') {
            let (index, rest) = rest.split_once(']').unwrap_or((rest, ""));
            (index.parse().ok().and_then(|i: usize| self.items()?.get(i)), rest)
        } else {
            // A label key may hold dots: the longest key that fits is meant.
            let fits = |e: &&Entry| {
                let rest = path.strip_prefix(&*e.key.text);
                rest.is_some_and(|r| r.is_empty() || r.starts_with(['.', '[']))
            };
            let entry = self.entries().iter().filter(fits).max_by_key(|e| e.key.text.len());
            let rest = entry.and_then(|e| path.get(e.key.text.len()..)).unwrap_or_default();
            (entry.map(|e| &e.value), rest)
        };
        match next {
            Some(next) if rest.is_empty() => next.line,
            Some(next) => next.line_of(rest.strip_prefix('.').unwrap_or(rest)),
            None => self.line,
        }
    }
}

/// Shortens user text for a message.
pub(super) fn clip(text: &str) -> Cow<'_, str> {
    const LONGEST: usize = 80;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => Cow::Owned(format!("{}…", text.get(..end).unwrap_or_default())),
        None => Cow::Borrowed(text),
    }
}
