//! What may follow the beginning of a sentence: for completion, asked of the grammar itself.

use std::collections::BTreeSet;

use super::expected::{self, ENDPOINT, PORTS};
use super::parser::{self, Rule};

/// Stands where the next word would: no rule of the grammar takes it.
const NEXT: char = '\u{1}';

/// Something that has no one spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Slot {
    /// A set of endpoints.
    Endpoint,
    /// Namespaces: what stands after `in`.
    Scope,
    /// Ports.
    Ports,
    /// A field of rows.
    Field,
    /// A path of a file.
    Path,
    /// An output format.
    Format,
    /// A label, or the key of one, outside of brackets.
    Label,
}

/// What may follow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Follow {
    /// Keywords and signs, sorted.
    pub words: Vec<&'static str>,
    /// What else.
    pub slots: BTreeSet<Slot>,
}

impl Follow {
    /// Tells whether something of a sort may follow.
    pub fn has(&self, slot: Slot) -> bool {
        self.slots.contains(&slot)
    }
}

/// Tells what may follow a text that is the beginning of a sentence; nothing where it cannot be one.
pub fn follow(before: &str) -> Follow {
    let before = before.trim_end();
    let tried = |suffix: &str| {
        let attempts = parser::attempts(&format!("{before} {NEXT}{suffix}"));
        attempts.filter(|(at, _)| *at >= before.len()).map(|(_, rules)| rules)
    };
    // `A -> B` begins with no word of its own: the grammar looks ahead for the arrow.
    let rules = tried("").or_else(|| tried(" ->")).unwrap_or_default();
    described(&rules)
}

fn described(rules: &[Rule]) -> Follow {
    let mut follow = Follow::default();
    for rule in rules {
        if expected::begins_sentence(*rule) {
            follow.words.extend_from_slice(expected::VERB_WORDS);
            follow.slots.insert(Slot::Endpoint);
        }
        let phrase = expected::words(*rule);
        follow.slots.extend(slot(*rule, phrase));
        if let Some(phrase) = phrase.filter(|p| p.starts_with('`')) {
            follow.words.extend(quoted(phrase));
        }
    }
    follow.words.retain(|w| is_word(w));
    follow.words.sort_unstable();
    follow.words.dedup();
    follow
}

fn slot(rule: Rule, phrase: Option<&str>) -> Option<Slot> {
    Some(match (rule, phrase) {
        (Rule::scope, _) => Slot::Scope,
        (Rule::label_pair | Rule::label_keys | Rule::key, _) => Slot::Label,
        (Rule::format, _) => Slot::Format,
        (Rule::field | Rule::any_of | Rule::all_of | Rule::test, _) => Slot::Field,
        (Rule::source | Rule::git_source | Rule::bare_path, _) => Slot::Path,
        (_, Some(ENDPOINT)) => Slot::Endpoint,
        (_, Some(PORTS)) => Slot::Ports,
        _ => return None,
    })
}

/// Returns what stands between backticks.
fn quoted(phrase: &'static str) -> impl Iterator<Item = &'static str> {
    phrase.split('`').skip(1).step_by(2).map(|w| w.split(" \"").next().unwrap_or(w))
}

fn is_word(word: &str) -> bool {
    word == "->" || word.chars().all(|c| c.is_ascii_alphabetic() || c == ' ') && !word.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(before: &str, words: &[&str]) {
        let follow = follow(before);
        for word in words {
            assert!(follow.words.contains(word), "{before}: {follow:?}");
        }
    }

    #[test]
    fn the_grammar_says_what_follows() {
        check("", &["can", "flows", "who", "expect"]);
        check("can frontend", &["reach", "->", "except"]);
        check("frontend", &["->"]);
        check("flows", &["from", "to", "on", "as"]);
        check("flows |", &["where", "group by", "limit"]);
        check("list", &["pods", "unprotected"]);
        check("what if", &["apply", "delete", "label", "scale", "add", "allow", "isolate"]);
        check("with", &["delete"]);
        check("scale deploy/x", &["to"]);
        check("policies", &["for", "selecting", "allowing", "blocking"]);
        let has = |before, slot| follow(before).has(slot);
        assert!(has("can", Slot::Endpoint) && has("can frontend reach", Slot::Endpoint));
        assert!(has("can a reach b on", Slot::Ports) && !has("can a reach b", Slot::Ports));
        assert!(has("label deploy/x", Slot::Label) && has("what if unlabel x", Slot::Label));
        assert!(has("flows as", Slot::Format) && has("flows | group by", Slot::Field));
    }

    #[test]
    fn nothing_follows_a_mistake() {
        assert_eq!(follow("can frontend raech "), Follow::default());
    }
}
