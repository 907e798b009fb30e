//! What may follow the beginning of a sentence: for completion, asked of the grammar itself.

use super::expected::{self, ENDPOINT, PORTS};
use super::parser::{self, Rule};

/// Stands where the next word would: no rule of the grammar takes it.
const NEXT: char = '\u{1}';

/// What may follow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Follow {
    /// Keywords and signs, sorted.
    pub words: Vec<&'static str>,
    /// A set of endpoints.
    pub endpoint: bool,
    /// Namespaces: what stands after `in`.
    pub scope: bool,
    /// Ports.
    pub ports: bool,
    /// A field of rows.
    pub field: bool,
    /// A path of a file.
    pub path: bool,
    /// An output format.
    pub format: bool,
    /// Whether the sentence may end here.
    pub end: bool,
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
        match rule {
            Rule::EOI => follow.end = true,
            Rule::scope => follow.scope = true,
            Rule::format | Rule::p_as => follow.format |= *rule == Rule::format,
            Rule::field | Rule::any_of | Rule::all_of | Rule::test => follow.field = true,
            Rule::source | Rule::git_source | Rule::bare_path => follow.path = true,
            _ => {}
        }
        if expected::begins_sentence(*rule) {
            follow.words.extend_from_slice(expected::VERB_WORDS);
            follow.endpoint = true;
        }
        match expected::words(*rule) {
            Some(ENDPOINT) => follow.endpoint = true,
            Some(PORTS) => follow.ports = true,
            Some(phrase) if phrase.starts_with('`') => follow.words.extend(quoted(phrase)),
            _ => {}
        }
    }
    follow.words.retain(|w| is_word(w));
    follow.words.sort_unstable();
    follow.words.dedup();
    follow
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
        check("policies", &["for", "selecting", "allowing", "blocking"]);
        assert!(follow("can").endpoint && follow("can frontend reach").endpoint);
        assert!(follow("can a reach b on").ports && !follow("can a reach b").ports);
        assert!(follow("list pods in").scope || follow("list pods in").endpoint);
        assert!(follow("flows as").format);
        assert!(follow("flows | group by").field);
    }

    #[test]
    fn nothing_follows_a_mistake() {
        assert_eq!(follow("can frontend raech "), Follow::default());
    }
}
