//! A tree as a serde source: the typed mirrors read it like any other, with YAML 1.1 values and exact lines.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::diagnostic::DiagnosticCode;
use super::mirrors::{LABEL, TEXT};
use super::scalars::Value;
use super::tree::{Content, Entry, Node, Scalar, clip};

/// Why a tree does not have the expected shape.
#[derive(Debug)]
pub(super) struct ShapeError {
    /// The steps of the field path, the last first.
    steps: Vec<String>,
    /// The line, where known.
    pub(super) line: Option<u32>,
    message: String,
}

impl ShapeError {
    /// Returns the code of its diagnostic: a scalar of another type is mostly one that YAML 1.1 reads unexpectedly.
    pub(super) fn code(&self) -> DiagnosticCode {
        if self.message.contains("duplicate field") || self.message.contains("stands here twice") {
            DiagnosticCode::DuplicateKey
        } else if self.message.contains("in YAML 1.1") {
            DiagnosticCode::YamlTrap
        } else {
            DiagnosticCode::InvalidValue
        }
    }

    fn under(mut self, step: String, line: u32) -> Self {
        self.steps.push(step);
        self.line.get_or_insert(line);
        self
    }
}

impl fmt::Display for ShapeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, step) in self.steps.iter().rev().enumerate() {
            write!(f, "{}{step}", if i == 0 || step.starts_with('[') { "" } else { "." })?;
        }
        write!(f, "{}{}", if self.steps.is_empty() { "" } else { ": " }, self.message)
    }
}

impl std::error::Error for ShapeError {}

impl serde::de::Error for ShapeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { steps: Vec::new(), line: None, message: message.to_string() }
    }
}

/// A scalar that was used with the value that YAML 1.1 gives it.
#[derive(Clone, Debug)]
pub(super) struct Trap {
    /// Its line.
    pub(super) line: u32,
    /// How it was written.
    pub(super) text: Box<str>,
    /// What it means.
    pub(super) value: String,
}

/// Deserialises a node.
#[derive(Clone, Copy, Debug)]
pub(super) struct FromNode<'de, 't> {
    node: &'de Node,
    traps: &'t RefCell<Vec<Trap>>,
}

impl<'de, 't> FromNode<'de, 't> {
    /// Starts at a node; scalars that are used with a YAML 1.1 value are noted in `traps`.
    pub(super) fn new(node: &'de Node, traps: &'t RefCell<Vec<Trap>>) -> Self {
        Self { node, traps }
    }

    fn note(&self, scalar: &Scalar) {
        if scalar.trap {
            let (text, value) = (scalar.text.clone(), scalar.as_key().into_owned());
            self.traps.borrow_mut().push(Trap { line: self.node.line, text, value });
        }
    }
}

impl<'de> Deserializer<'de> for FromNode<'de, '_> {
    type Error = ShapeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ShapeError> {
        match &self.node.content {
            Content::Scalar(scalar) => {
                self.note(scalar);
                match scalar.value {
                    Value::Null => visitor.visit_unit(),
                    Value::Bool(value) => visitor.visit_bool(value),
                    Value::Int(value) => visitor.visit_i64(value),
                    Value::Float(value) => visitor.visit_f64(value),
                    Value::Text => visitor.visit_borrowed_str(&scalar.text),
                }
            }
            Content::Sequence(items) => {
                visitor.visit_seq(Items { items: items.iter().enumerate(), traps: self.traps })
            }
            Content::Mapping(entries) => visitor.visit_map(Entries {
                rest: entries.iter(),
                current: None,
                traps: self.traps,
            }),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ShapeError> {
        if self.node.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ShapeError> {
        match &self.node.content {
            Content::Scalar(scalar) if scalar.value == Value::Text => {
                visitor.visit_borrowed_str(&scalar.text)
            }
            Content::Scalar(scalar) if name == LABEL => Err(not_text(scalar, "label value")),
            Content::Scalar(scalar) if name == TEXT => Err(not_text(scalar, TEXT)),
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ShapeError> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct enum identifier
    }
}

struct Items<'de, 't> {
    items: std::iter::Enumerate<std::slice::Iter<'de, Node>>,
    traps: &'t RefCell<Vec<Trap>>,
}

impl<'de> SeqAccess<'de> for Items<'de, '_> {
    type Error = ShapeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, ShapeError> {
        let Some((i, node)) = self.items.next() else { return Ok(None) };
        seed.deserialize(FromNode::new(node, self.traps))
            .map(Some)
            .map_err(|e| e.under(format!("[{i}]"), node.line))
    }
}

struct Entries<'de, 't> {
    rest: std::slice::Iter<'de, Entry>,
    current: Option<&'de Entry>,
    traps: &'t RefCell<Vec<Trap>>,
}

impl<'de> MapAccess<'de> for Entries<'de, '_> {
    type Error = ShapeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, ShapeError> {
        self.current = self.rest.next();
        let Some(entry) = self.current else { return Ok(None) };
        let key = seed.deserialize(FromKey(&entry.key));
        key.map(Some).map_err(|e: ShapeError| ShapeError { line: Some(entry.value.line), ..e })
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<T::Value, ShapeError> {
        let entry = self.current.ok_or_else(|| ShapeError::custom("a value without a key"))?;
        seed.deserialize(FromNode::new(&entry.value, self.traps))
            .map_err(|e| e.under(clip(&entry.key.text).into_owned(), entry.value.line))
    }
}

/// Deserialises a key: as text for fields, of which unknown ones do not matter, but strictly for labels.
struct FromKey<'de>(&'de Scalar);

impl<'de> Deserializer<'de> for FromKey<'de> {
    type Error = ShapeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ShapeError> {
        match self.0.value {
            Value::Text => visitor.visit_borrowed_str(&self.0.text),
            _ => visitor.visit_str(&self.0.as_key()),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ShapeError> {
        match self.0.value {
            Value::Text => visitor.visit_borrowed_str(&self.0.text),
            _ => Err(not_text(self.0, "label key")),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

fn not_text(scalar: &Scalar, what: &str) -> ShapeError {
    ShapeError::custom(scalar.not_text(what).1)
}
