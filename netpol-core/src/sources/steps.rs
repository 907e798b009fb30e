//! The parts of a document in their order, borrowed from its text: what the typed mirrors and the tree are made of where
//! the text is of the plain subset.

use std::borrow::Cow;

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::scalars::{self, Value};
use super::tree::{Content, Entry, Node, Scalar};

/// One part of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step<'t> {
    /// The line of the key that holds it, of its `-` in a list, else its own.
    pub(super) line: u32,
    /// What it is.
    pub(super) what: What<'t>,
}

/// What a part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What<'t> {
    /// A mapping begins: keys, each with its value behind it.
    Mapping,
    /// A list begins.
    Sequence,
    /// The innermost mapping or list ends.
    End,
    /// A key without quotes.
    Key(&'t str),
    /// A scalar without quotes.
    Plain(&'t str),
    /// What stands in single quotes.
    Single(&'t str),
    /// What stands in double quotes; its only escapes are those of [`unescaped`].
    Double(&'t str),
    /// The lines of a literal block scalar, without the last line end.
    Literal {
        /// The lines.
        lines: &'t str,
        /// So much of each is indentation.
        column: usize,
        /// Whether the text ends in a line end.
        is_clipped: bool,
    },
    /// A scalar that is left to the readers.
    Doubtful,
}

/// Something that the readers must decide.
#[derive(Debug)]
pub(super) struct Doubt;

impl std::fmt::Display for Doubt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("left to the readers")
    }
}

impl std::error::Error for Doubt {}

impl serde::de::Error for Doubt {
    fn custom<T: std::fmt::Display>(_message: T) -> Self {
        Self
    }
}

fn single(inner: &str) -> Cow<'_, str> {
    if inner.contains('\'') { inner.replace("''", "'").into() } else { inner.into() }
}

fn unescaped(inner: &str) -> Cow<'_, str> {
    if !inner.contains('\\') {
        return inner.into();
    }
    let mut text = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(char) = chars.next() {
        text.push(match char {
            '\\' => match chars.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some('r') => '\r',
                Some(same) => same,
                None => char,
            },
            char => char,
        });
    }
    text.into()
}

fn literal(lines: &str, column: usize, is_clipped: bool) -> String {
    let mut text = String::with_capacity(lines.len());
    for (i, line) in lines.split('\n').enumerate() {
        if i > 0 {
            text.push('\n');
        }
        text.push_str(line.get(column..).unwrap_or_default());
    }
    if is_clipped {
        text.push('\n');
    }
    text
}

/// Reads a document from its parts.
#[derive(Debug)]
pub(super) struct Steps<'t, 's> {
    rest: std::slice::Iter<'s, Step<'t>>,
}

impl<'t, 's> Steps<'t, 's> {
    /// Starts at the first part.
    pub(super) fn new(steps: &'s [Step<'t>]) -> Self {
        Self { rest: steps.iter() }
    }

    /// Enters a list.
    pub(super) fn enter_list(&mut self) -> Option<()> {
        matches!(self.rest.next()?.what, What::Sequence).then_some(())
    }

    /// Leaves the innermost list or mapping.
    pub(super) fn leave(&mut self) -> Option<()> {
        matches!(self.rest.next()?.what, What::End).then_some(())
    }

    /// Tells whether nothing is left.
    pub(super) fn is_at_end(&self) -> bool {
        self.rest.as_slice().is_empty()
    }

    fn peek(&self) -> Option<What<'t>> {
        self.rest.as_slice().first().map(|s| s.what)
    }

    fn next(&mut self) -> Result<What<'t>, Doubt> {
        self.rest.next().map(|s| s.what).ok_or(Doubt)
    }

    /// Passes over one value.
    fn skip(&mut self) -> Result<(), Doubt> {
        let mut depth = 0_usize;
        loop {
            match self.next()? {
                What::Mapping | What::Sequence => depth += 1,
                What::End => depth = depth.checked_sub(1).ok_or(Doubt)?,
                What::Key(_) => continue,
                _ => {}
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }

    /// Builds the tree of one value; `None` where it holds something that is left to the readers.
    pub(super) fn node(&mut self) -> Option<Node> {
        let step = *self.rest.next()?;
        let content = match step.what {
            What::Sequence => {
                let mut items = Vec::new();
                while self.peek()? != What::End {
                    items.push(self.node()?);
                }
                self.rest.next();
                items.shrink_to_fit();
                Content::Sequence(items)
            }
            What::Mapping => {
                let mut entries = Vec::new();
                while let What::Key(key) = self.peek()? {
                    self.rest.next();
                    entries.push(Entry { key: Scalar::plain(key), value: self.node()? });
                }
                self.leave()?;
                entries.shrink_to_fit();
                Content::Mapping(entries)
            }
            What::Plain(text) => Content::Scalar(Scalar::plain(text)),
            What::Single(inner) => Content::Scalar(Scalar::text(&single(inner))),
            What::Double(inner) => Content::Scalar(Scalar::text(&unescaped(inner))),
            What::Literal { lines, column, is_clipped } => {
                Content::Scalar(Scalar::text(&literal(lines, column, is_clipped)))
            }
            What::End | What::Key(_) | What::Doubtful => return None,
        };
        Some(Node { line: step.line, content })
    }

    fn text<V: Visitor<'t>>(text: Cow<'t, str>, visitor: V) -> Result<V::Value, Doubt> {
        match text {
            Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
            Cow::Owned(text) => visitor.visit_string(text),
        }
    }

    fn scalar<V: Visitor<'t>>(what: What<'t>, visitor: V) -> Result<V::Value, Doubt> {
        match what {
            What::Single(inner) => Self::text(single(inner), visitor),
            What::Double(inner) => Self::text(unescaped(inner), visitor),
            What::Plain(text) => match scalars::resolve(text) {
                Value::Text => visitor.visit_borrowed_str(text),
                Value::Null => visitor.visit_unit(),
                _ if scalars::differs_in_yaml_1_2(text) => Err(Doubt),
                Value::Bool(value) => visitor.visit_bool(value),
                Value::Int(value) => visitor.visit_i64(value),
                Value::Float(value) => visitor.visit_f64(value),
            },
            _ => Err(Doubt),
        }
    }
}

impl<'de> Deserializer<'de> for &mut Steps<'de, '_> {
    type Error = Doubt;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Doubt> {
        let what = self.next()?;
        let is_mapping = match what {
            What::Mapping => true,
            What::Sequence => false,
            scalar => return Steps::scalar(scalar, visitor),
        };
        let mut inner = Inner { steps: self, has_ended: false };
        let value = if is_mapping {
            visitor.visit_map(&mut inner)?
        } else {
            visitor.visit_seq(&mut inner)?
        };
        if inner.has_ended { Ok(value) } else { Err(Doubt) }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Doubt> {
        match self.peek() {
            Some(What::Plain(text)) if scalars::resolve(text) == Value::Null => {
                self.next()?;
                visitor.visit_none()
            }
            _ => visitor.visit_some(self),
        }
    }

    /// Text that must have been written as text.
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Doubt> {
        match self.next()? {
            What::Plain(text) if scalars::resolve(text) != Value::Text => Err(Doubt),
            scalar => Steps::scalar(scalar, visitor),
        }
    }

    /// Readers may take a list for the fields in their order, of which the slicer knows nothing.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Doubt> {
        if self.peek() == Some(What::Sequence) { Err(Doubt) } else { self.deserialize_any(visitor) }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Doubt> {
        self.skip()?;
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map enum identifier
    }
}

/// What stands in a mapping or list.
struct Inner<'t, 's, 'a> {
    steps: &'a mut Steps<'t, 's>,
    has_ended: bool,
}

impl Inner<'_, '_, '_> {
    fn ends(&mut self) -> Result<bool, Doubt> {
        if !self.has_ended && self.steps.peek() == Some(What::End) {
            self.steps.next()?;
            self.has_ended = true;
        }
        Ok(self.has_ended)
    }
}

impl<'t> SeqAccess<'t> for &mut Inner<'t, '_, '_> {
    type Error = Doubt;

    fn next_element_seed<T: DeserializeSeed<'t>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Doubt> {
        if self.ends()? { Ok(None) } else { seed.deserialize(&mut *self.steps).map(Some) }
    }
}

impl<'t> MapAccess<'t> for &mut Inner<'t, '_, '_> {
    type Error = Doubt;

    fn next_key_seed<K: DeserializeSeed<'t>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Doubt> {
        if self.ends()? {
            return Ok(None);
        }
        match self.steps.next()? {
            // Keys that are no text are told apart by the readers.
            What::Key(key) if scalars::resolve(key) == Value::Text => {
                seed.deserialize(BorrowedStrDeserializer::new(key)).map(Some)
            }
            _ => Err(Doubt),
        }
    }

    fn next_value_seed<T: DeserializeSeed<'t>>(&mut self, seed: T) -> Result<T::Value, Doubt> {
        seed.deserialize(&mut *self.steps)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use proptest::prelude::*;

    use super::*;
    use crate::sources::deserialize::FromNode;
    use crate::sources::kinds::{Kind, Workload};
    use crate::sources::objects::Mirror;
    use crate::sources::{slice, yaml};

    const TEXT: &str = "apiVersion: v1
kind: Pod
metadata:
  annotations:
    a: |
      kind: Other

        b: [
    c: 'it''s'
    d: |-
      \"x\"
    e: \"\\\"\\n\\\\\"
  labels:
    app: web
  name: a
spec:
  containers:
  - env:
    - name: X
      value: \"{\\\"a\\\": 1}\"
    args:
    - --flag
    - :8080
    - [a, b/c]
    command: {x: y, z: 1}
    ports:
    - containerPort: 80
      hostPort: 81
      name: http
  - image: x:y
  volumes: []
  x: {}
  y:
status:
  podIP: 10.0.0.1
";

    fn sliced_tree(text: &str) -> Option<Node> {
        let mut parts = Vec::new();
        slice::whole(text, 1, &mut parts)?;
        let mut steps = Steps::new(&parts);
        steps.node().filter(|_| steps.is_at_end())
    }

    fn sliced_mirror(text: &str, kind: Kind) -> Option<String> {
        let mut parts = Vec::new();
        slice::slice(text, 1, Some(kind), &mut parts)?;
        let mut steps = Steps::new(&parts);
        let mirror = Mirror::read(kind, &mut steps)?.ok()?;
        assert!(steps.is_at_end(), "{text}");
        Some(format!("{mirror:?}"))
    }

    /// Compares with the tree of the reader; whether there was something to compare.
    fn compare(text: &str, kind: Kind) -> bool {
        let read = yaml::read(text, 1);
        if slice::is_plain_block(text) {
            let ignored = serde_yaml::from_str::<serde::de::IgnoredAny>(text);
            assert!(read.is_ok(), "{text}\n{read:?}");
            assert!(ignored.is_ok() || text.trim().is_empty(), "{text}\n{ignored:?}");
        }
        if let Some(tree) = sliced_tree(text) {
            let read = read.as_ref().ok().and_then(|r| r.as_ref());
            assert_eq!(format!("{:?}", Some(&tree)), format!("{read:?}"), "{text}");
        }
        let Some(mirror) = sliced_mirror(text, kind) else { return false };
        let traps = RefCell::new(Vec::new());
        let node = read.unwrap().unwrap();
        let whole = Mirror::read(kind, FromNode::new(&node, &traps)).unwrap().unwrap();
        assert_eq!(mirror, format!("{whole:?}"), "{text}");
        assert_eq!(traps.borrow().len(), 0, "{text}");
        true
    }

    #[test]
    fn a_tree_of_parts_is_that_of_the_reader() {
        assert!(sliced_tree(TEXT).is_some());
        assert!(compare(TEXT, Kind::Pod));
    }

    #[test]
    fn what_is_in_doubt_is_left_to_the_readers() {
        for name in ["yes", "0100", "80", "null", "|\n    x", "[a]", "{a: b}", "1e3"] {
            let text = format!("kind: Pod\nmetadata:\n  name: {name}\n");
            let is_null = name == "null";
            assert_eq!(compare(&text, Kind::Pod), is_null, "{text}");
        }
        for spec in [
            "hostNetwork: yes",
            "containers: {}",
            "- 1\n  - labels:\n      a:",
            "containers:\n  - ports:\n    - containerPort: 0100",
        ] {
            let text = format!("kind: Pod\nspec:\n  {spec}\n");
            assert!(!compare(&text, Kind::Pod), "{text}");
        }
    }

    fn value() -> impl Strategy<Value = serde_yaml::Value> {
        let keys = [
            "metadata",
            "labels",
            "name",
            "spec",
            "template",
            "containers",
            "ports",
            "env",
            "containerPort",
            "status",
            "podIP",
            "annotations",
            "replicas",
            "selector",
            "hostNetwork",
            "x.y/z",
            "f:a",
            "- b",
            "a b",
        ];
        let words = [
            "web",
            "80",
            "true",
            "null",
            "",
            "a: b",
            "- x",
            "#",
            "a #b",
            "10.0.0.1",
            "multi\nline",
            "it's",
            "\"q\"",
            "x\\y",
            " pad ",
            "*a",
            "yes",
        ];
        let leaf = prop_oneof![
            prop::sample::select(words.to_vec()).prop_map(serde_yaml::Value::from),
            any::<u16>().prop_map(serde_yaml::Value::from),
            Just(serde_yaml::Value::Null),
            Just(serde_yaml::Value::Bool(true)),
        ];
        leaf.prop_recursive(6, 64, 5, move |inner| {
            let key = prop::sample::select(keys.to_vec());
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(serde_yaml::Value::from),
                prop::collection::vec((key, inner), 0..5).prop_map(|pairs| {
                    let pairs = pairs.into_iter().map(|(k, v)| (k.into(), v));
                    serde_yaml::Value::Mapping(pairs.collect())
                }),
            ]
        })
    }

    fn manifest() -> impl Strategy<Value = String> {
        let fields = ["metadata", "spec", "status", "kind", "data", "labels"];
        let pair = (prop::sample::select(fields.to_vec()), value());
        let random = prop::collection::vec(pair, 1..6).prop_map(|pairs| {
            let pairs = pairs.into_iter().map(|(k, v)| (k.into(), v));
            let mapping = serde_yaml::Value::Mapping(pairs.collect());
            serde_yaml::to_string(&mapping).unwrap()
        });
        let flow = "a: [b, c]\nd: {e: f, g: h}\ni:\n- [j]\n- {k: l}\n- m: [n]\n  o: {p: q}\n";
        prop_oneof![random, Just(TEXT.to_owned()), Just(flow.to_owned())]
    }

    fn kind() -> impl Strategy<Value = Kind> {
        prop::sample::select(vec![
            Kind::Pod,
            Kind::Service,
            Kind::Node,
            Kind::Namespace,
            Kind::Workload(Workload::Deployment),
            Kind::Workload(Workload::CronJob),
        ])
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

        #[test]
        fn slicing_changes_nothing_that_is_read(text in manifest(), kind in kind()) {
            compare(&text, kind);
        }

        #[test]
        fn what_is_sliced_is_valid_yaml(
            text in manifest(),
            edits in prop::collection::vec((any::<prop::sample::Index>(), "[ \\-:#'\"\\[{|>&*!\n\ta]{0,3}", 0..3_usize), 1..4),
        ) {
            let mut text = text;
            for (at, insert, remove) in edits {
                let start = at.index(text.len() + 1);
                let start = (0..=start).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
                let end = (start + remove).min(text.len());
                let end = (end..=text.len()).find(|i| text.is_char_boundary(*i)).unwrap_or(text.len());
                text.replace_range(start..end, &insert);
            }
            compare(&text, Kind::Pod);
        }
    }
}
