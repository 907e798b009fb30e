//! What each part of a line is, for whoever colours it; a name that nothing has is told before the sentence is sent.

use super::View;
use super::command;
use super::scan::{Sort, Token, tokens};
use super::words::{self, Next};
use crate::syntax::Span;

/// What a part of a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A word of the language.
    Keyword,
    /// A name that something has.
    Name,
    /// A port or protocol.
    Port,
    /// A key or value of a label.
    Label,
    /// An address or range.
    Address,
    /// A variable that is defined.
    Variable,
    /// A text between quotes.
    Text,
    /// A comment.
    Comment,
    /// A command of the shell.
    Command,
    /// A name, label, variable or word that nothing has.
    Unknown,
    /// Everything else.
    Plain,
}

/// Returns the classes of the parts of a line, in order; what is left out is plain.
pub fn highlight(line: &str, cursor: usize, view: &View<'_>) -> Vec<(Span, Class)> {
    if line.trim_start().starts_with('\\') {
        return command_line(line, view);
    }
    let mut reader = Reader::new(view, cursor, Next::Start);
    let tokens = tokens(line);
    let mut previous: Option<&Token<'_>> = None;
    let mut found = Vec::new();
    for token in &tokens {
        let class = reader.class(token, previous);
        found.push((token.span, class));
        previous = Some(token);
    }
    found
}

fn command_line(line: &str, view: &View<'_>) -> Vec<(Span, Class)> {
    let start = line.len() - line.trim_start().len();
    let word = line.get(start..).unwrap_or_default().split_whitespace().next().unwrap_or_default();
    let known = command::COMMANDS.iter().any(|c| c.name.starts_with(word));
    let class = if known { Class::Command } else { Class::Unknown };
    let end = start + word.len();
    let mut found = vec![(Span::new(start, end), class)];
    if word == "\\d" {
        let mut reader = Reader::new(view, line.len(), Next::Endpoint);
        for token in tokens(line).iter().filter(|t| t.span.start >= end) {
            // `\\d` knows Services and policies by their bare names too: what it does not know is not wrong yet.
            let class = reader.class(token, None);
            found.push((token.span, if class == Class::Unknown { Class::Plain } else { class }));
        }
    }
    found
}

/// Reads tokens one after the other and remembers what comes next.
struct Reader<'a> {
    view: &'a View<'a>,
    cursor: usize,
    next: Next,
    /// The label whose value is expected.
    key: Option<String>,
    /// Whether it is a list of values between parentheses.
    values: bool,
    of_namespaces: bool,
    /// Whether something is supposed or added, so that names may come up that nothing has yet.
    supposed: bool,
}

impl<'a> Reader<'a> {
    fn new(view: &'a View<'a>, cursor: usize, next: Next) -> Self {
        Self { view, cursor, next, key: None, values: false, of_namespaces: false, supposed: false }
    }

    fn class(&mut self, token: &Token<'_>, previous: Option<&Token<'_>>) -> Class {
        match token.sort {
            Sort::Comment => Class::Comment,
            Sort::Line => {
                self.next = Next::Start;
                self.supposed = false;
                Class::Plain
            }
            Sort::Text => {
                self.settle();
                Class::Text
            }
            Sort::Variable => self.variable(token),
            Sort::Sign => self.sign(token, previous),
            Sort::Word if token.bracketed => self.label(token),
            Sort::Word => self.word(token),
        }
    }

    /// An endpoint is complete: keywords come next.
    fn settle(&mut self) {
        if matches!(self.next, Next::Start | Next::Endpoint | Next::Scope) {
            self.next = Next::Keyword;
        }
    }

    /// Tells whether a token is still being typed.
    fn is_unfinished(&self, token: &Token<'_>) -> bool {
        token.span.end == self.cursor
    }

    fn variable(&mut self, token: &Token<'_>) -> Class {
        let name = token.text.trim_start_matches('$');
        let defining = self.next == Next::Free;
        self.settle();
        let mut names = self.view.variables();
        if defining || names.any(|n| n == name) {
            return Class::Variable;
        }
        let begins = self.view.variables().any(|n| n.starts_with(name));
        if self.is_unfinished(token) && begins { Class::Plain } else { Class::Unknown }
    }

    fn sign(&mut self, token: &Token<'_>, previous: Option<&Token<'_>>) -> Class {
        let touches = previous.is_some_and(|p| p.span.end == token.span.start);
        match token.text {
            "[" => {
                let word = previous.filter(|_| touches).map_or("", |p| p.text);
                self.of_namespaces = matches!(word, "ns" | "namespace" | "namespaces")
                    || self.next == Next::Scope && !touches;
                self.key = None;
                self.values = false;
            }
            "]" => self.settle(),
            "(" if token.bracketed => self.values = true,
            ")" if token.bracketed => self.values = false,
            "," if token.bracketed && !self.values => self.key = None,
            _ if token.bracketed => {}
            "," | "&" if self.next == Next::Keyword => self.next = Next::Endpoint,
            "->" | "=>" | "→" => {
                self.next = Next::Endpoint;
                return Class::Keyword;
            }
            "=" if previous.is_some_and(|p| p.sort == Sort::Variable) => {
                self.next = Next::Endpoint;
            }
            "|" => self.next = Next::Free,
            ";" | "{" | "}" => {
                self.next = Next::Start;
                self.supposed = false;
            }
            ":" => self.next = Next::Start,
            ")" => self.settle(),
            _ => {}
        }
        Class::Plain
    }

    fn label(&mut self, token: &Token<'_>) -> Class {
        let (index, text) = (self.view.index, token.text);
        if matches!(text, "in" | "notin") && self.key.is_some() {
            return Class::Keyword;
        }
        let known = match &self.key {
            Some(key) => index.has_label(self.of_namespaces, key, Some(text)),
            None => index.has_label(self.of_namespaces, text, None),
        };
        let begins = match &self.key {
            Some(key) => !index.label_values(self.of_namespaces, key, text, 1).is_empty(),
            None => !index.label_keys(self.of_namespaces, text).is_empty(),
        };
        if self.key.is_none() {
            self.key = Some(text.to_owned());
        }
        match (known, self.is_unfinished(token) && begins) {
            (true, _) => Class::Label,
            (_, true) => Class::Plain,
            _ => Class::Unknown,
        }
    }

    fn word(&mut self, token: &Token<'_>) -> Class {
        let is_path = token.text.contains('/') && self.next != Next::Ports;
        if !is_path && let Some(next) = words::leads_to(token.text, self.next) {
            self.supposed |= ["with", "add"].iter().any(|w| w.eq_ignore_ascii_case(token.text));
            // `use namespace x`, `as json`, `because "..."`: what follows is no name.
            let stays = self.next == Next::Free && next != Next::Scope && !ends_free(token.text);
            if !stays {
                self.next = next;
            }
            return Class::Keyword;
        }
        match self.next {
            Next::Ports => Class::Port,
            Next::Free => Class::Plain,
            Next::Keyword => self.misplaced(token),
            Next::Start | Next::Endpoint | Next::Scope => self.name(token),
        }
    }

    /// A word where a keyword was due.
    fn misplaced(&self, token: &Token<'_>) -> Class {
        let numeric = token.text.chars().all(|c| c.is_ascii_digit());
        if numeric || self.is_unfinished(token) { Class::Plain } else { Class::Unknown }
    }

    fn name(&mut self, token: &Token<'_>) -> Class {
        let text = token.text;
        self.settle();
        if words::is_set(text) {
            return Class::Keyword;
        }
        if is_address(text) {
            return Class::Address;
        }
        if text.chars().all(|c| c.is_ascii_digit()) {
            // `scale deploy/x to 3`.
            return Class::Plain;
        }
        let path = text.split_once(':').map_or(text, |(path, _port)| path);
        // `shop/[app=web]`: the selector is the last part.
        let place = text.strip_suffix('/').unwrap_or(text);
        let kind = crate::kinds::Kind::of_word(place).is_some();
        let before_selector = place != text && self.view.index.has_namespace(place);
        if kind || before_selector || self.view.index.knows(path) {
            return Class::Name;
        }
        let begins = || self.view.index.begins(text) || begins_word(text);
        let may_come = self.supposed || self.is_unfinished(token) && begins();
        if may_come { Class::Plain } else { Class::Unknown }
    }
}

/// Tells whether a keyword ends what is not looked up.
fn ends_free(word: &str) -> bool {
    matches!(word.to_ascii_lowercase().as_str(), "from" | "to" | "on" | "labels" | "for" | "in")
}

fn is_address(text: &str) -> bool {
    let first = text.split(['/', '-']).next().unwrap_or(text);
    first.parse::<std::net::IpAddr>().is_ok() || text.starts_with("fqdn:")
}

/// Tells whether some word of the language begins so.
fn begins_word(text: &str) -> bool {
    let follow = crate::syntax::follow("");
    let kinds = words::KINDS.iter().any(|k| k.starts_with(text));
    kinds
        || follow.words.iter().any(|w| w.starts_with(text))
        || words::SETS.iter().any(|(w, _)| w.starts_with(text))
}
