//! Reading one object's tree field by field: every fault becomes a diagnostic with the field's path and line.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use super::diagnostic::{Diagnostic, DiagnosticCode, Severity};
use super::scalars::Value;
use super::tree::{Content, Entry, Node, Scalar, clip};
use crate::model::Position;

/// The most findings about one object.
const MOST_FINDINGS: usize = 100;

/// The way from an object's root to a field.
#[derive(Clone, Copy, Debug)]
pub(super) struct Path<'p> {
    parent: Option<&'p Path<'p>>,
    step: Step<'p>,
}

#[derive(Clone, Copy, Debug)]
enum Step<'p> {
    Root,
    Field(&'p str),
    Index(usize),
}

impl<'p> Path<'p> {
    /// The object itself.
    pub(super) const ROOT: Path<'static> = Path { parent: None, step: Step::Root };

    /// Goes on to a field.
    pub(super) fn field(&'p self, name: &'p str) -> Path<'p> {
        Path { parent: Some(self), step: Step::Field(name) }
    }

    /// Goes on to an item of a list.
    pub(super) fn index(&'p self, index: usize) -> Path<'p> {
        Path { parent: Some(self), step: Step::Index(index) }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(parent) = self.parent else { return Ok(()) };
        parent.fmt(f)?;
        match self.step {
            Step::Root => Ok(()),
            Step::Field(name) if matches!(parent.step, Step::Root) => f.write_str(name),
            Step::Field(name) => write!(f, ".{name}"),
            Step::Index(index) => write!(f, "[{index}]"),
        }
    }
}

/// How `null` reads where a value is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nulls {
    /// As an absent field: the built-in kinds.
    Absent,
    /// As a value of the wrong type: the kinds that a CRD defines.
    Refused,
}

/// Collects what is wrong with one object.
#[derive(Debug)]
pub(super) struct Walker<'a> {
    file: &'a Arc<str>,
    object: String,
    nulls: Nulls,
    diagnostics: Vec<Diagnostic>,
    valid: bool,
    left_out: usize,
}

impl<'a> Walker<'a> {
    /// Starts on an object of that name.
    pub(super) fn new(file: &'a Arc<str>, object: String, nulls: Nulls) -> Self {
        Self { file, object, nulls, diagnostics: Vec::new(), valid: true, left_out: 0 }
    }

    /// Returns what was found, and whether the object is valid.
    pub(super) fn finish(mut self) -> (Vec<Diagnostic>, bool) {
        if self.left_out > 0 {
            let severity = if self.valid { Severity::Warning } else { Severity::Error };
            self.diagnostics.push(Diagnostic {
                severity,
                code: DiagnosticCode::Limit,
                message: format!("{} more findings about this object are left out", self.left_out),
                object: Some(self.object),
                position: None,
                help: None,
            });
        }
        (self.diagnostics, self.valid)
    }

    /// Adds a finding.
    pub(super) fn add(
        &mut self,
        (severity, code): (Severity, DiagnosticCode),
        line: u32,
        message: String,
        help: Option<String>,
    ) {
        self.valid &= severity != Severity::Error;
        if self.diagnostics.len() >= MOST_FINDINGS {
            self.left_out += 1;
            return;
        }
        self.diagnostics.push(Diagnostic {
            severity,
            code,
            message,
            object: Some(self.object.clone()),
            position: Some(Position { file: Arc::clone(self.file), line }),
            help,
        });
    }

    /// Refuses a value: `path: what`.
    pub(super) fn invalid(&mut self, node: &Node, path: &Path<'_>, what: impl fmt::Display) {
        let code = (Severity::Error, DiagnosticCode::InvalidValue);
        self.add(code, node.line, format!("{path}: {what}"), None);
    }

    /// Refuses a value for a reason that has a code of its own.
    pub(super) fn refuse(
        &mut self,
        code: DiagnosticCode,
        node: &Node,
        path: &Path<'_>,
        what: impl fmt::Display,
    ) {
        self.add((Severity::Error, code), node.line, format!("{path}: {what}"), None);
    }

    /// Refuses the absence of a field.
    pub(super) fn required(&mut self, parent: &Node, path: &Path<'_>, what: impl fmt::Display) {
        self.invalid(parent, path, format!("required value: {what}"));
    }

    /// Warns about a value.
    pub(super) fn warn(&mut self, code: DiagnosticCode, line: u32, message: String) {
        self.add((Severity::Warning, code), line, message, None);
    }

    /// Notes what only `lint` has a use for.
    pub(super) fn note_for_lint(&mut self, code: DiagnosticCode, line: u32, message: String) {
        self.add((Severity::Note, code), line, message, None);
    }

    /// Notes a selector, or its labels, that is written without a value; CRD objects refuse it anyway.
    pub(super) fn note_null(&mut self, node: Option<&Node>, path: &Path<'_>, means: &str) {
        if let Some(node) = node.filter(|n| n.is_null() && self.nulls == Nulls::Absent) {
            let message = format!("{path}: written without a value, which {means}");
            self.note_for_lint(DiagnosticCode::NullSelector, node.line, message);
        }
    }

    /// Refuses duplicate keys anywhere below a node.
    pub(super) fn refuse_duplicates(&mut self, node: &Node, path: &Path<'_>) {
        match &node.content {
            Content::Scalar(_) => {}
            Content::Sequence(items) => {
                for (i, item) in items.iter().enumerate() {
                    self.refuse_duplicates(item, &path.index(i));
                }
            }
            Content::Mapping(entries) => {
                let mut seen = HashSet::new();
                for (i, entry) in entries.iter().enumerate() {
                    let key = entry.key.as_key();
                    // Small mappings need no table.
                    let twice = match entries.get(..i) {
                        Some(before) if i < 16 => before.iter().any(|e| e.key.as_key() == key),
                        _ => {
                            if seen.is_empty() {
                                seen.extend(entries.iter().take(i).map(|e| e.key.as_key()));
                            }
                            !seen.insert(key.clone())
                        }
                    };
                    if twice {
                        let message = format!("{}: this key stands here twice", path.field(&key));
                        let code = (Severity::Error, DiagnosticCode::DuplicateKey);
                        let help = "keep one of the two: readers disagree on which one counts";
                        self.add(code, entry.value.line, message, Some(help.into()));
                    }
                    self.refuse_duplicates(&entry.value, &path.field(&key));
                }
            }
        }
    }

    /// Reads a mapping with known fields; `None` where it is something else, which is refused.
    pub(super) fn fields<'n>(
        &mut self,
        node: &'n Node,
        path: &Path<'_>,
        known: &[&str],
    ) -> Option<Fields<'n>> {
        let entries = self.mapping(node, path)?;
        for entry in entries {
            if !known.contains(&&*entry.key.text) {
                self.unknown_field(entry, path, known);
            }
        }
        Some(Fields { node, entries })
    }

    fn unknown_field(&mut self, entry: &Entry, path: &Path<'_>, known: &[&str]) {
        let name = &*entry.key.text;
        let nearest = known
            .iter()
            .map(|k| {
                (strsim::damerau_levenshtein(&k.to_lowercase(), &clip(name).to_lowercase()), *k)
            })
            .min()
            .filter(|(distance, k)| *distance <= 1 + k.len() / 3);
        let help = match nearest {
            Some((_, nearest)) => format!("did you mean `{nearest}`?"),
            None => format!("the fields here are {}", known.join(", ")),
        };
        let message = format!("{}: unknown field", path.field(&clip(name)));
        let code = (Severity::Error, DiagnosticCode::UnknownField);
        self.add(code, entry.value.line, message, Some(help));
    }

    /// Reads a mapping with any keys; nothing where it is null.
    pub(super) fn mapping<'n>(&mut self, node: &'n Node, path: &Path<'_>) -> Option<&'n [Entry]> {
        match &node.content {
            Content::Mapping(entries) => Some(entries),
            _ if node.is_null() && self.nulls == Nulls::Absent => Some(&[]),
            _ => {
                self.invalid(node, path, format!("expected a mapping, found {}", node.describe()));
                None
            }
        }
    }

    /// Reads a list; empty where it is null, and where it is something else, which is refused.
    pub(super) fn list<'n>(&mut self, node: &'n Node, path: &Path<'_>) -> &'n [Node] {
        match &node.content {
            Content::Sequence(items) => items,
            _ if node.is_null() && self.nulls == Nulls::Absent => &[],
            _ => {
                self.invalid(node, path, format!("expected a list, found {}", node.describe()));
                &[]
            }
        }
    }

    /// Reads text; anything else is refused.
    pub(super) fn text<'n>(&mut self, node: &'n Node, path: &Path<'_>) -> Option<&'n str> {
        if let Some(text) = node.as_text() {
            return Some(text);
        }
        match &node.content {
            Content::Scalar(scalar) => self.not_text(scalar, node.line, path, "value"),
            _ => self.invalid(node, path, format!("expected text, found {}", node.describe())),
        }
        None
    }

    /// Refuses a scalar where text is expected.
    pub(super) fn not_text(&mut self, scalar: &Scalar, line: u32, path: &Path<'_>, what: &str) {
        let text = clip(&scalar.text);
        let (code, message) = scalar.not_text(what);
        let help = (scalar.value != Value::Null).then(|| format!("write \"{text}\""));
        self.add((Severity::Error, code), line, format!("{path}: {message}"), help);
    }

    /// Reads a whole number; anything else is refused, and a value that only YAML 1.1 gives is reported.
    pub(super) fn integer(&mut self, node: &Node, path: &Path<'_>) -> Option<i64> {
        if let Content::Scalar(scalar) = &node.content
            && let Value::Int(value) = scalar.value
        {
            if scalar.trap {
                self.trap(scalar, node.line, path);
            }
            return Some(value);
        }
        self.invalid(node, path, format!("expected a whole number, found {}", node.describe()));
        None
    }

    fn trap(&mut self, scalar: &Scalar, line: u32, path: &Path<'_>) {
        let message =
            format!("{path}: `{}` is {} in YAML 1.1", clip(&scalar.text), scalar.as_key());
        let help = format!("write {}, or quote it if it is text", scalar.as_key());
        let code = (Severity::Warning, DiagnosticCode::YamlTrap);
        self.add(code, line, message, Some(help));
    }
}

/// The fields of a mapping.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'n> {
    /// The mapping.
    pub(super) node: &'n Node,
    entries: &'n [Entry],
}

impl<'n> Fields<'n> {
    /// Returns a field that is written, be it null.
    pub(super) fn written(&self, name: &str) -> Option<&'n Node> {
        self.entries.iter().find(|e| *e.key.text == *name).map(|e| &e.value)
    }

    /// Returns a field that has a value.
    pub(super) fn get(&self, name: &str) -> Option<&'n Node> {
        self.written(name).filter(|n| !n.is_null())
    }

    /// Counts the fields.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}
