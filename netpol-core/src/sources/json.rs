//! JSON: values from `serde_json`, and where they stand from the slices that it borrows.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Deserialize;
use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::diagnostic::{DiagnosticCode, Severity};
use super::documents::Inherited;
use super::items::Items;
use super::kinds::{self, Dispatch};
use super::objects::{self, Mirror};
use super::read::{self, Parsed, Setting};
use super::scalars::{Value, whole};
use super::tree::{Content, Entry, Node, Scalar};
use super::yaml::{MAX_DEPTH, ReadError};

/// The most values of one object that is read into a tree.
const MAX_VALUES: usize = 2_000_000;

/// Reads a stream of JSON values, and tells whether it is one to its end.
pub(super) fn read_text(setting: &Setting<'_>, text: &str) -> (Parsed, bool) {
    let mut all = Parsed::default();
    let mut lines = Lines::new(text, 1);
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let line = lines.of(rest);
        if let Some((parsed, behind)) = list(setting, rest, line) {
            all.append(parsed);
            rest = behind.trim_start();
            continue;
        }
        let mut outlines = serde_json::Deserializer::from_str(rest).into_iter::<Outline<'_>>();
        if let Some(Ok(outline)) = outlines.next() {
            let (value, behind) =
                rest.split_at_checked(outlines.byte_offset()).unwrap_or((rest, ""));
            all.append(document(setting, value, &outline, line));
            rest = behind.trim_start();
            continue;
        }
        // No object, or one whose fields stand there twice.
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<&RawValue>();
        match values.next() {
            Some(Ok(raw)) => all.append(odd(setting, raw, line)),
            Some(Err(error)) => {
                let line = u32::try_from(error.line()).unwrap_or(u32::MAX).saturating_add(line - 1);
                all.append(syntax(setting, line, &error));
                return (all, false);
            }
            None => break,
        }
        rest = rest.get(values.byte_offset()..).unwrap_or_default().trim_start();
    }
    (all, true)
}

fn odd(setting: &Setting<'_>, raw: &RawValue, line: u32) -> Parsed {
    if raw.get().starts_with('{') {
        return by_tree(setting, raw.get(), line, None);
    }
    let message = "this JSON value is no Kubernetes object, it was skipped";
    let code = (Severity::Note, DiagnosticCode::NotKubernetes);
    Parsed::finding(setting, code, line, message, "")
}

fn syntax(setting: &Setting<'_>, line: u32, error: &serde_json::Error) -> Parsed {
    let code = (Severity::Error, DiagnosticCode::Syntax);
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or_default();
    Parsed::finding(setting, code, line, message, "mend the JSON; what follows was not read")
}

/// The fields that tell what an object is.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Outline<'a> {
    #[serde(borrow, default)]
    api_version: Option<&'a RawValue>,
    #[serde(borrow, default)]
    kind: Option<&'a RawValue>,
    #[serde(borrow, default)]
    items: Option<&'a RawValue>,
}

impl Outline<'_> {
    fn text(raw: Option<&RawValue>) -> String {
        raw.and_then(|r| serde_json::from_str(r.get()).ok()).unwrap_or_default()
    }
}

/// Reads one object of the stream; the items of a list are read one by one.
fn document(setting: &Setting<'_>, text: &str, outline: &Outline<'_>, line: u32) -> Parsed {
    let kind = Outline::text(outline.kind);
    let items = outline.items.map(|i| serde_json::from_str::<Vec<&RawValue>>(i.get()));
    let (Some(Ok(items)), Some(item_kind)) = (items, kind.strip_suffix("List")) else {
        return item(setting, text, line, None);
    };
    let api_version = Outline::text(outline.api_version);
    let inherited = Inherited { api_version, kind: item_kind.into() };
    let mut lines = Lines::new(text, line);
    let items = items.into_iter().map(|i| (i.get(), lines.of(i.get())));
    let size = |item: &(&str, u32)| item.0.len();
    read::gather(text.len(), items, size, |(text, line)| {
        item(setting, text, *line, Some(&inherited))
    })
}

/// Reads a list whose items are read while it is being cut, and returns what stands behind it; `None` where anything is in
/// doubt.
fn list<'t>(setting: &Setting<'_>, text: &'t str, line: u32) -> Option<(Parsed, &'t str)> {
    if setting.whole {
        return None;
    }
    let mut cut = Items::find(text)?;
    let before = text.get(cut.before())?;
    // A kind that stands behind the items is mostly that of a plain list.
    let supposed = inherited(&format!("{before}[]}}"), "List")?;
    let parsed = items(setting, text, line, &mut cut, &supposed)?;
    let behind = cut.behind()?;
    let end = behind.end;
    let frame = inherited(&format!("{before}[]{}", text.get(behind)?), "")?;
    (frame == supposed).then_some((parsed, text.get(end..)?))
}

/// Reads what items inherit from their list's frame; `None` where it is broken or that of no list.
fn inherited(frame: &str, otherwise: &str) -> Option<Inherited> {
    let outline: Outline<'_> = serde_json::from_str(frame).ok()?;
    let kind = Outline::text(outline.kind);
    let kind = if kind.is_empty() { otherwise } else { &kind };
    let kind = kind.strip_suffix("List")?.to_owned();
    // A plain list says nothing about its items.
    let says = if kind.is_empty() { None } else { outline.api_version };
    Some(Inherited { api_version: Outline::text(says), kind })
}

fn items(
    setting: &Setting<'_>,
    text: &str,
    line: u32,
    cut: &mut Items<'_>,
    inherited: &Inherited,
) -> Option<Parsed> {
    let is_broken = AtomicBool::new(false);
    let mut lines = Lines::new(text, line);
    let found = std::iter::from_fn(|| {
        let item = text.get(cut.next()?)?;
        Some((item, lines.of(item)))
    });
    let read = |(text, line): &(&str, u32)| {
        let fast = fast(setting, text, *line, Some(inherited));
        fast.unwrap_or_else(|| {
            if serde_json::from_str::<&RawValue>(text).is_err() {
                is_broken.store(true, Ordering::Relaxed);
            }
            if is_broken.load(Ordering::Relaxed) {
                return Parsed::default();
            }
            by_tree(setting, text, *line, Some(inherited))
        })
    };
    let parsed = read::gather(text.len(), found, |item| item.0.len(), read);
    (!is_broken.into_inner()).then_some(parsed)
}

fn item(setting: &Setting<'_>, text: &str, line: u32, inherited: Option<&Inherited>) -> Parsed {
    let fast = if setting.whole { None } else { fast(setting, text, line, inherited) };
    fast.unwrap_or_else(|| by_tree(setting, text, line, inherited))
}

fn fast(
    setting: &Setting<'_>,
    text: &str,
    line: u32,
    inherited: Option<&Inherited>,
) -> Option<Parsed> {
    let claim = Claimed::look(text);
    let (api_version, kind) = read::inherit(&claim.api_version, &claim.kind, inherited);
    match kinds::dispatch(&api_version, &kind) {
        Dispatch::Use(kind) => {
            let mut reader = serde_json::Deserializer::from_str(text);
            let mirror = Mirror::read(kind, &mut reader)?.ok()?;
            (mirror.claim() == (&claim.api_version, &claim.kind)).then_some(())?;
            let line = claim.kind_at.map_or(line, |at| Lines::new(text, line).of(at));
            let record = objects::convert(setting, kind, mirror, line).ok()?;
            Some(Parsed { records: vec![record], ..Parsed::default() })
        }
        Dispatch::Skip if !kind.ends_with("List") => {
            // The whole object is read so that no second `kind` is missed.
            let outline: Outline<'_> = serde_json::from_str(text).ok()?;
            let whole = (Outline::text(outline.api_version), Outline::text(outline.kind));
            (whole == (claim.api_version, claim.kind)).then_some(())?;
            Some(Parsed::skipped(&kind))
        }
        _ => None,
    }
}

/// What an object says of itself in its first fields; a claim only, the reader has the last word.
#[derive(Default)]
struct Claimed<'t> {
    api_version: String,
    kind: String,
    kind_at: Option<&'t str>,
}

impl<'t> Claimed<'t> {
    /// Reads up to the field with which both are known.
    fn look(text: &'t str) -> Self {
        struct Fields<'t, 'c>(&'c mut Claimed<'t>);
        impl<'de> Visitor<'de> for Fields<'de, '_> {
            type Value = ();

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
                while let Some(key) = map.next_key::<Cow<'de, str>>()? {
                    let raw: &'de RawValue = map.next_value()?;
                    match &*key {
                        "apiVersion" => self.0.api_version = Outline::text(Some(raw)),
                        "kind" => {
                            self.0.kind = Outline::text(Some(raw));
                            self.0.kind_at = Some(raw.get());
                        }
                        _ => continue,
                    }
                    if !self.0.api_version.is_empty() && !self.0.kind.is_empty() {
                        return Err(serde::de::Error::custom("both are known"));
                    }
                }
                Ok(())
            }
        }
        let mut claimed = Self::default();
        // The error only ends the reading.
        let _ended = serde_json::Deserializer::from_str(text).deserialize_map(Fields(&mut claimed));
        claimed
    }
}

/// Reads a value that is known to be valid JSON from its tree.
fn by_tree(setting: &Setting<'_>, text: &str, line: u32, inherited: Option<&Inherited>) -> Parsed {
    match (Tree { text, at: 0, line, values: 0 }).node(0) {
        Ok(node) => read::object(setting, &node, inherited),
        Err(error) => {
            let code = (Severity::Error, error.code);
            Parsed::finding(setting, code, error.line, error.message, "")
        }
    }
}

/// Finds the lines of slices of one text, fastest in ascending order.
struct Lines<'t> {
    text: &'t str,
    offset: usize,
    line: u32,
    first: u32,
}

impl<'t> Lines<'t> {
    fn new(text: &'t str, first: u32) -> Self {
        Self { text, offset: 0, line: first, first }
    }

    fn of(&mut self, part: &str) -> u32 {
        let offset = (part.as_ptr() as usize).wrapping_sub(self.text.as_ptr() as usize);
        if offset > self.text.len() {
            return self.line;
        }
        if offset < self.offset {
            (self.offset, self.line) = (0, self.first);
        }
        let between = self.text.as_bytes().get(self.offset..offset).unwrap_or_default();
        let breaks = memchr::memchr_iter(b'\n', between).count();
        self.line = self.line.saturating_add(u32::try_from(breaks).unwrap_or(u32::MAX));
        self.offset = offset;
        self.line
    }
}

/// Makes the tree of a text that is known to be valid, in one pass.
struct Tree<'t> {
    text: &'t str,
    at: usize,
    line: u32,
    values: usize,
}

impl<'t> Tree<'t> {
    fn node(&mut self, depth: usize) -> Result<Node, ReadError> {
        let first = self.peek()?;
        let line = self.line;
        self.values += 1;
        if depth > MAX_DEPTH || self.values > MAX_VALUES {
            let message = if depth > MAX_DEPTH {
                format!("values are nested more than {MAX_DEPTH} deep")
            } else {
                format!("the object holds more than {MAX_VALUES} values")
            };
            return Err(ReadError { code: DiagnosticCode::Limit, line, message });
        }
        let content = match first {
            b'{' => self.mapping(depth)?,
            b'[' => self.sequence(depth)?,
            // A half of a surrogate pair is no text.
            b'"' => Content::Scalar(Scalar::text(&self.string()?.unwrap_or_default())),
            _ => {
                let rest = self.text.get(self.at..).unwrap_or_default();
                let ends = |c: char| c.is_ascii_whitespace() || matches!(c, ',' | ']' | '}');
                let word = rest.split(ends).next().unwrap_or_default();
                self.at += word.len();
                Content::Scalar(scalar(word))
            }
        };
        Ok(Node { line, content })
    }

    fn sequence(&mut self, depth: usize) -> Result<Content, ReadError> {
        let mut items = Vec::new();
        self.at += 1;
        while self.more(b']')? {
            items.push(self.node(depth + 1)?);
        }
        items.shrink_to_fit();
        Ok(Content::Sequence(items))
    }

    fn mapping(&mut self, depth: usize) -> Result<Content, ReadError> {
        let mut entries = Vec::new();
        self.at += 1;
        while self.more(b'}')? {
            let key = self.string()?.ok_or_else(|| self.broken())?;
            let key = Scalar::text(&key);
            if self.peek()? != b':' {
                return Err(self.broken());
            }
            self.at += 1;
            entries.push(Entry { key, value: self.node(depth + 1)? });
        }
        entries.shrink_to_fit();
        Ok(Content::Mapping(entries))
    }

    /// Passes over a comma, or over the bracket behind which nothing is left.
    fn more(&mut self, close: u8) -> Result<bool, ReadError> {
        let mut next = self.peek()?;
        if next == b',' {
            self.at += 1;
            next = self.peek()?;
        }
        if next == close {
            self.at += 1;
        }
        Ok(next != close)
    }

    /// Passes over space; returns the byte behind it.
    fn peek(&mut self) -> Result<u8, ReadError> {
        loop {
            match self.text.as_bytes().get(self.at) {
                Some(b'\n') => self.line = self.line.saturating_add(1),
                Some(b' ' | b'\t' | b'\r') => {}
                Some(byte) => return Ok(*byte),
                None => return Err(self.broken()),
            }
            self.at += 1;
        }
    }

    /// Passes over a string; `None` where its escapes are no text.
    fn string(&mut self) -> Result<Option<Cow<'t, str>>, ReadError> {
        let start = self.at;
        let rest = self.text.get(start..).unwrap_or_default();
        let mut end = 1;
        loop {
            let behind = rest.as_bytes().get(end..).unwrap_or_default();
            let found = memchr::memchr2(b'"', b'\\', behind).ok_or_else(|| self.broken())?;
            end += found + 1;
            if behind.get(found) == Some(&b'"') {
                break;
            }
            end += 1;
        }
        self.at += end;
        let quoted = rest.get(..end).unwrap_or_default();
        Ok(match quoted.get(1..end - 1) {
            Some(inner) if !inner.contains('\\') => Some(Cow::Borrowed(inner)),
            _ => serde_json::from_str(quoted).ok().map(Cow::Owned),
        })
    }

    fn broken(&self) -> ReadError {
        let message = "the value is not complete".into();
        ReadError { code: DiagnosticCode::Syntax, line: self.line, message }
    }
}

fn scalar(text: &str) -> Scalar {
    let value = match text {
        "null" => Value::Null,
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        _ => text.parse().map_or_else(|_| text.parse().map_or(Value::Text, whole), Value::Int),
    };
    Scalar { text: text.into(), value, trap: false }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value as Json;

    use super::*;

    fn tree(text: &str) -> Result<Node, ReadError> {
        Tree { text, at: 0, line: 1, values: 0 }.node(0)
    }

    /// Compares with the reader's value.
    fn is_same(node: &Node, value: &Json) -> bool {
        match (&node.content, value) {
            (Content::Sequence(items), Json::Array(values)) => {
                items.len() == values.len() && items.iter().zip(values).all(|(i, v)| is_same(i, v))
            }
            (Content::Mapping(entries), Json::Object(fields)) => {
                let same =
                    |e: &Entry| fields.get(&*e.key.text).is_some_and(|v| is_same(&e.value, v));
                entries.len() == fields.len() && entries.iter().all(same)
            }
            (Content::Scalar(scalar), value) => match (scalar.value, value) {
                (Value::Null, Json::Null) => true,
                (Value::Bool(a), Json::Bool(b)) => a == *b,
                (Value::Int(a), Json::Number(b)) => b.as_i64() == Some(a),
                (Value::Text, Json::String(text)) => *scalar.text == **text,
                _ => false,
            },
            _ => false,
        }
    }

    fn values() -> impl Strategy<Value = Json> {
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::from),
            any::<i64>().prop_map(Json::from),
            "[a\"\\\\{}\\[\\],:\n\u{e9}]{0,6}".prop_map(Json::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            let fields = prop::collection::hash_map("[a-d\"\\\\]{0,3}", inner.clone(), 0..4);
            prop_oneof![
                prop::collection::vec(inner, 0..4).prop_map(Json::from),
                fields.prop_map(|fields| fields.into_iter().collect::<Json>()),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

        #[test]
        fn a_tree_holds_what_the_reader_reads(value in values()) {
            for text in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
                prop_assert!(is_same(&tree(&text).unwrap(), &value), "{}", text);
            }
        }

        #[test]
        fn a_tree_of_anything_ends(text in "[a1\"\\\\{}\\[\\],: \n\u{e9}]{0,24}") {
            let _any = tree(&text);
        }
    }

    #[test]
    fn values_know_their_lines() {
        let node = tree("{\"a\":\n[1,\n{\"b\": 2}],\n\"c\"\n: 3}").unwrap();
        let lines = ["a", "a[1]", "a[1].b", "c"].map(|path| node.line_of(path));
        assert_eq!((node.line, lines), (1, [2, 3, 3, 5]));
    }
}
