//! Block-style YAML without the subtrees that nobody reads: three quarters of a live dump.
//!
//! Only the plain subset that serialisers write is accepted, line by line, and all of it is checked, so that what is
//! dropped is known to be valid. Anything else is left to the readers.

use super::documents::{indentation, lines};
use super::kinds::Kind;
use super::wanted::{self, Want};

/// Deeper text is left to the readers.
const MAX_DEPTH: usize = 60;
/// Longer keys are not simple keys.
const MAX_KEY_BYTES: usize = 1024;

/// Returns the lines of an object that matter to its kind (`None`: to no kind that is used); `None` where the text is
/// not of the plain subset.
pub(super) fn prune(text: &str, kind: Option<Kind>) -> Option<String> {
    run(text, wanted::of(kind), String::with_capacity(text.len() / 4))
}

/// Tells whether a text is of the plain subset, on which readers do not differ.
pub(super) fn is_plain_block(text: &str) -> bool {
    run(text, Want::Nothing, String::new()).is_some()
}

fn run(text: &str, want: Want, out: String) -> Option<String> {
    let stack = Vec::with_capacity(16);
    let mut pruner = Pruner { out, stack, pending: Some(want), scalar: None };
    for (_, line) in lines(text) {
        pruner.line(line)?;
    }
    Some(pruner.out)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Collection {
    Mapping,
    Sequence,
}

/// A collection that is open at some column.
#[derive(Clone, Copy)]
struct Frame {
    column: usize,
    collection: Collection,
    want: Want,
}

/// A block scalar whose text follows.
#[derive(Clone, Copy)]
struct BlockScalar {
    /// The column that its text must pass.
    parent: usize,
    /// The column of its first line.
    column: Option<usize>,
    keep: bool,
}

struct Pruner {
    out: String,
    stack: Vec<Frame>,
    /// What is wanted of the collection that may start now: after a key without a value, or after a `-`.
    pending: Option<Want>,
    scalar: Option<BlockScalar>,
}

impl Pruner {
    fn line(&mut self, line: &str) -> Option<()> {
        let indent = indentation(line);
        let rest = line.get(indent..)?.trim_end_matches(['\n', '\r', ' ']);
        if !rest.bytes().all(|b| (b' '..=b'~').contains(&b)) {
            return None;
        }
        if self.in_scalar(line, indent, rest)? || rest.is_empty() || rest.starts_with('#') {
            return Some(());
        }
        if self.stack.is_empty() && line.starts_with("---") {
            return (rest == "---").then_some(());
        }
        self.entry(line, indent, rest)
    }

    /// Takes a line of a block scalar; false where the line stands behind it.
    fn in_scalar(&mut self, line: &str, indent: usize, rest: &str) -> Option<bool> {
        let Some(scalar) = &mut self.scalar else { return Some(false) };
        if rest.is_empty() {
            // Blank lines before the text may not be longer than its indentation.
            (scalar.column.is_some() || indent == 0).then_some(())?;
        } else if indent > scalar.parent {
            (*scalar.column.get_or_insert(indent) <= indent).then_some(())?;
        } else {
            self.scalar = None;
            return Some(false);
        }
        if scalar.keep {
            self.out.push_str(line);
        }
        Some(true)
    }

    fn entry(&mut self, line: &str, indent: usize, mut rest: &str) -> Option<()> {
        let mut column = indent;
        let mut item = None;
        while let Some(after) = rest.strip_prefix("- ") {
            let want = self.enter(column, Collection::Sequence)?;
            let spaces = indentation(after);
            column += 2 + spaces;
            rest = after.get(spaces..)?;
            self.pending = Some(want);
            item = Some(want);
        }
        let Some((key, value)) = split_key(rest) else {
            is_value(rest).then_some(())?;
            // Text alone stands only behind a `-`.
            if item? != Want::Nothing {
                self.out.push_str(line);
            }
            self.pending = None;
            return Some(());
        };
        let want = self.enter(column, Collection::Mapping)?.field(key);
        self.value(column, want, value)?;
        if want != Want::Nothing {
            self.out.push_str(line);
        } else if item.is_some_and(|want| want != Want::Nothing) {
            // The item begins with a field that is dropped; another name keeps its place.
            self.out.push_str(line.get(..column)?);
            self.out.push_str("_: 0\n");
        }
        Some(())
    }

    fn value(&mut self, column: usize, want: Want, value: &str) -> Option<()> {
        self.pending = None;
        if value.is_empty() {
            self.pending = Some(want);
            return Some(());
        }
        if matches!(value, "|" | "|-" | "|+" | ">" | ">-" | ">+") {
            let keep = want != Want::Nothing;
            self.scalar = Some(BlockScalar { parent: column, column: None, keep });
            return Some(());
        }
        is_value(value).then_some(())
    }

    /// Finds or opens the collection that an entry at a column belongs to; what is wanted of it.
    fn enter(&mut self, column: usize, collection: Collection) -> Option<Want> {
        while let Some(top) = self.stack.last() {
            // A list may stand at the column of its key, and ends where a key follows.
            let ends = top.collection == Collection::Sequence && collection == Collection::Mapping;
            if top.column < column || (top.column == column && !ends) {
                break;
            }
            self.stack.pop();
            self.pending = None;
        }
        if let Some(top) = self.stack.last()
            && top.column == column
            && top.collection == collection
        {
            self.pending = None;
            return Some(top.want);
        }
        let want = self.pending.take()?;
        if self.stack.len() >= MAX_DEPTH {
            return None;
        }
        self.stack.push(Frame { column, collection, want });
        Some(want)
    }
}

/// Splits `key: value` at a plain key.
fn split_key(text: &str) -> Option<(&str, &str)> {
    let first = *text.as_bytes().first()?;
    if !(first.is_ascii_alphanumeric() || b"_./$~(".contains(&first)) {
        return None;
    }
    let bytes = text.as_bytes();
    let ends = |(i, b): (usize, &u8)| *b == b':' && bytes.get(i + 1).is_none_or(|b| *b == b' ');
    let end = bytes.iter().enumerate().position(ends)?;
    let key = text.get(..end)?.trim_end();
    if key.len() > MAX_KEY_BYTES || key.contains(" #") {
        return None;
    }
    Some((key, text.get(end + 1..)?.trim_start()))
}

/// Tells whether a text is one scalar, or an empty collection, that ends with its line.
fn is_value(text: &str) -> bool {
    match text.as_bytes() {
        [b'"', inner @ .., b'"'] => is_double_quoted(inner),
        [b'\'', inner @ .., b'\''] => is_single_quoted(inner),
        b"{}" | b"[]" => true,
        [b'[', .., b']'] => {
            text.get(1..text.len() - 1).is_some_and(|inner| inner.split(", ").all(is_word))
        }
        [b'{', .., b'}'] => {
            let is_pair =
                |pair: &str| pair.split_once(": ").is_some_and(|(k, v)| is_word(k) && is_word(v));
            text.get(1..text.len() - 1).is_some_and(|inner| inner.split(", ").all(is_pair))
        }
        [b'-' | b'?' | b':', second, ..] => *second != b' ' && is_plain(text),
        [first, ..] => !b"-?:,[]{}#&*!|>'\"%@`".contains(first) && is_plain(text),
        [] => false,
    }
}

/// Tells whether a text may stand in brackets without quotes for any reader.
fn is_word(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'/');
    text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric()) && text.bytes().all(inner)
}

fn is_plain(text: &str) -> bool {
    let mut before = b'a';
    for byte in text.bytes() {
        if (before == b':' && byte == b' ') || (before == b' ' && byte == b'#') {
            return false;
        }
        before = byte;
    }
    before != b':'
}

fn is_double_quoted(inner: &[u8]) -> bool {
    let mut bytes = inner.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return false,
            b'\\' if !matches!(bytes.next(), Some(b'\\' | b'"' | b'/' | b'n' | b't' | b'r')) => {
                return false;
            }
            _ => {}
        }
    }
    true
}

fn is_single_quoted(inner: &[u8]) -> bool {
    let mut bytes = inner.iter();
    while let Some(byte) = bytes.next() {
        if *byte == b'\'' && bytes.next() != Some(&b'\'') {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize as _;

    use super::*;
    use crate::sources::kinds::Workload;
    use crate::sources::objects::Mirror;
    use crate::sources::yaml;

    const POD: &str = "apiVersion: v1
kind: Pod
metadata:
  annotations:
    a: |
      kind: Other

        b: [
    c: 'it''s'
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
status:
  podIP: 10.0.0.1
";

    #[test]
    fn a_pod_keeps_the_lines_that_matter() {
        let pruned = prune(POD, Some(Kind::Pod)).unwrap();
        let expected = "apiVersion: v1
kind: Pod
metadata:
  labels:
    app: web
  name: a
spec:
  containers:
  - _: 0
    ports:
    - containerPort: 80
      name: http
  - _: 0
status:
  podIP: 10.0.0.1
";
        assert_eq!(pruned, expected);
        assert_eq!(prune(POD, None).unwrap(), "apiVersion: v1\nkind: Pod\n");
    }

    #[test]
    fn what_is_not_of_the_plain_subset_is_left_to_the_readers() {
        for text in [
            "a: b\n c: d\n",
            "a: b: c\n",
            "a: \"b\n  c\"\n",
            "a: 'b\n",
            "a: {b: {c: d}}\n",
            "a: {b:c}\n",
            "a: [?b]\n",
            "a: [b, ]\n",
            "a: [b\n",
            "a: {b: c]\n",
            "a: &x b\n",
            "a: *x\n",
            "a: !t b\n",
            "<<: x\n",
            "a: b # c\n",
            "a:\n    b: c\n  d: e\n",
            "a: |\n    x\n  y\n",
            "a: |2\n  x\n",
            "a:\n\t- b\n",
            "? a\n: b\n",
            "- a\nb: c\n",
            "a: b\n- c\n",
            "a:\n-\n",
            "a: \"\\x41\"\n",
            "a: é\n",
            "a\n",
            "--- a\n",
            "a: b\n---\nc: d\n",
            "a: 'b'c'\n",
            "a: \"b\"c\"\n",
            "a: - b\n",
            "- - a: b\n   c: d\n",
        ] {
            assert_eq!(prune(text, Some(Kind::Pod)), None, "{text}");
        }
    }

    /// Reads as the fast way does, without the pruner and with it.
    fn mirrors(text: &str, kind: Kind) -> Option<(Option<String>, Option<String>)> {
        let read = |text: &str| {
            let reader = serde_yaml::Deserializer::from_str(text);
            Mirror::read(kind, reader)?.ok().map(|m| format!("{m:?}"))
        };
        let pruned = prune(text, Some(kind))?;
        Some((read(text), read(&pruned)))
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
        prop_oneof![random, Just(POD.to_owned()), Just(flow.to_owned())]
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
        #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn pruning_changes_nothing_that_is_read(text in manifest(), kind in kind()) {
            if let Some((full, pruned)) = mirrors(&text, kind) {
                prop_assert!(full.is_none() || full == pruned, "{full:?}\n{pruned:?}");
            }
        }

        #[test]
        fn what_the_pruner_takes_is_valid_yaml(
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
            if let Some((full, pruned)) = mirrors(&text, Kind::Pod) {
                let ignored = serde_yaml::from_str::<serde::de::IgnoredAny>(&text);
                prop_assert!(yaml::read(&text, 1).is_ok(), "{text}");
                prop_assert!(ignored.is_ok() || text.trim().is_empty(), "{text}\n{ignored:?}");
                prop_assert!(full.is_none() || full == pruned, "{text}\n{full:?}\n{pruned:?}");
            }
        }
    }

    #[test]
    fn the_serialisers_own_style_is_of_the_plain_subset() {
        let value =
            serde_yaml::Value::deserialize(serde_yaml::Deserializer::from_str(POD)).unwrap();
        assert!(prune(&serde_yaml::to_string(&value).unwrap(), Some(Kind::Pod)).is_some());
    }
}
