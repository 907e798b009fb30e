//! Two readers of YAML must understand the same, or a policy could mean one thing here and another to kubectl.
//!
//! Trees come from a YAML 1.2 parser; kubectl's descends from libyaml, as the serde reader does. They differ in corners
//! (`?` inside of brackets, tabs, indentation of quoted text), and where they do the document is refused.

use serde_yaml::Value as Yaml;

use super::scalars::{Value, whole};
use super::slice;
use super::tree::{Content, Node, Scalar};

/// Larger documents are left to the one reader that is bounded.
const MAX_BYTES: usize = 4 << 20;

/// Finds where the serde reader understands a text otherwise: the line of the tree, and what is wrong.
pub(super) fn disagreement(tree: &Node, text: &str) -> Option<(u32, String)> {
    // The reader knows no merge keys.
    if text.len() > MAX_BYTES || text.contains("<<") || slice::is_plain_block(text) {
        return None;
    }
    match serde_yaml::from_str::<Yaml>(text) {
        Ok(value) => differs(tree, &value).map(|line| {
            let message = "readers of YAML 1.1 and 1.2 understand this differently: write it in block style, or quote it";
            (line, message.into())
        }),
        Err(error) => {
            let message = error.to_string();
            // Its limits are narrower than those of the tree, and twofold keys have an error of their own.
            let known = ["duplicate entry", "recursion limit", "repetition limit"];
            let is_known = known.iter().any(|k| message.contains(k));
            (!is_known).then(|| (tree.line, format!("kubectl cannot read this: {message}")))
        }
    }
}

fn differs(tree: &Node, value: &Yaml) -> Option<u32> {
    match (&tree.content, value) {
        (Content::Scalar(scalar), value) => (!same(scalar, value)).then_some(tree.line),
        (Content::Sequence(items), Yaml::Sequence(values)) if items.len() == values.len() => {
            items.iter().zip(values).find_map(|(item, value)| differs(item, value))
        }
        (Content::Mapping(entries), Yaml::Mapping(pairs)) if entries.len() == pairs.len() => {
            entries.iter().zip(pairs).find_map(|(entry, (key, value))| {
                if same(&entry.key, key) {
                    differs(&entry.value, value)
                } else {
                    Some(entry.value.line)
                }
            })
        }
        _ => Some(tree.line),
    }
}

fn same(scalar: &Scalar, value: &Yaml) -> bool {
    match (scalar.value, value) {
        (_, Yaml::String(text)) => *scalar.text == **text,
        (Value::Null, Yaml::Null) => true,
        (Value::Bool(a), Yaml::Bool(b)) => a == *b,
        (Value::Int(a), Yaml::Number(b)) => {
            scalar.trap
                || b.as_i64() == Some(a)
                || b.as_f64().is_some_and(|b| whole(b) == Value::Int(a))
        }
        (Value::Float(a), Yaml::Number(b)) => {
            a.is_nan() || b.as_f64().is_some_and(|b| a.to_bits() == b.to_bits() || a.is_infinite())
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize as _;

    use super::*;
    use crate::sources::deserialize::FromNode;
    use crate::sources::{header, yaml};
    use std::cell::RefCell;

    /// Reads by the tree, where both readers agree.
    fn by_tree(text: &str) -> Option<Yaml> {
        let traps = RefCell::new(Vec::new());
        let node = yaml::read(text, 1).ok()??;
        if disagreement(&node, text).is_some() {
            return None;
        }
        Yaml::deserialize(FromNode::new(&node, &traps)).ok()
    }

    /// Trees give all keys as text, as JSON would have them.
    fn with_keys_as_text(value: Yaml) -> Yaml {
        match value {
            Yaml::Sequence(items) => items.into_iter().map(with_keys_as_text).collect(),
            Yaml::Mapping(pairs) => {
                let key = |key: Yaml| match key {
                    Yaml::String(_) => key,
                    other => serde_yaml::to_string(&other).unwrap().trim_end().into(),
                };
                let pairs = pairs.into_iter().map(|(k, v)| (key(k), with_keys_as_text(v)));
                Yaml::Mapping(pairs.collect())
            }
            other => other,
        }
    }

    #[test]
    fn where_readers_differ_the_line_is_named() {
        let node = |text: &str| yaml::read(text, 1).unwrap().unwrap();
        let odd = "a: b\nc:\n- [?x]\n";
        assert_eq!(disagreement(&node(odd), odd).unwrap().0, 3);
        for fine in SEEDS
            .into_iter()
            .chain(["a: [yes, 0100, 1e3, 0x1F, 1.50, .inf, ~, null, !!str 80]\n0100: x\n"])
        {
            assert_eq!(disagreement(&node(fine), fine), None, "{fine}");
        }
    }

    const SEEDS: [&str; 4] = [
        "a:\n- b: c\n  d: \"e\\n f\"\n- 'it''s'\n-   - 1\n    - x y\ng: {h: i, j: [k, \"l\"]}\n",
        "a: |\n  x\n\n   y\nb: >-\n  folded\n  text\n\n  more\nc: plain\n  goes on\n# end\nd: 'two\n  lines'\n",
        "spec:\n  ingress:\n  -\n    from:\n    - podSelector: {matchLabels: {a: b}}\n    ports: [{port: 80}]\n  egress: []\n",
        "? k\n: v\na: http://x:80/#y\nb: -1\nc: [a, b: c, {d: e}]\n",
    ];

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_passes_means_the_same_to_both_readers(
            seed in prop::sample::select(SEEDS.to_vec()),
            edits in prop::collection::vec((any::<prop::sample::Index>(), "[ \\-:#'\"\\[\\]{}|>?,\n\tab1\\\\]{0,3}", 0..3_usize), 0..4),
        ) {
            let mut text = seed.to_owned();
            for (at, insert, remove) in edits {
                let start = at.index(text.len() + 1);
                text.replace_range(start..(start + remove).min(text.len()), &insert);
            }
            let reader = serde_yaml::from_str::<Yaml>(&text).ok();
            if let (Some(reader), Some(tree)) = (reader, by_tree(&text))
                && !header::is_suspicious(&text)
            {
                prop_assert_eq!(with_keys_as_text(reader), tree, "{}", text);
            }
        }
    }
}
