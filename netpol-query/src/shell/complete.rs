//! What may be typed next: words of the language, names and labels of what is loaded, ports of the destination.

use std::collections::BTreeSet;

use netpol_core::model::PodId;

use super::View;
use super::command;
use super::index::{self, Entry, Index};
use super::scan::{Sort, Token, sentence_start, tokens};
use super::words;
use crate::kinds::Kind;
use crate::lower::{Plan, lower};
use crate::render::Format;
use crate::syntax::ast::Item;
use crate::syntax::{self, Follow, Slot, Span};

/// At most so many candidates of one kind are offered.
const MOST: usize = 100;
/// Above so many pods, the ports of a set of pods are those of all pods: looking for the set would be felt.
const MOST_PODS: usize = 5_000;

/// Something that may be typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// It.
    pub text: String,
    /// What it is; may be empty.
    pub note: String,
    /// What it replaces.
    pub span: Span,
    /// Whether it is whole, so that white space may follow.
    pub whole: bool,
}

/// Lists what may be typed at a place of a text.
pub fn complete(text: &str, cursor: usize, view: &View<'_>) -> Vec<Candidate> {
    let before = text.get(..cursor).unwrap_or(text);
    if before.trim_start().starts_with('\\') {
        return command::complete(before, view);
    }
    let start = sentence_start(before);
    let sentence = before.get(start..).unwrap_or_default();
    let tokens = tokens(sentence);
    match tokens.last() {
        Some(last) if matches!(last.sort, Sort::Comment) => return Vec::new(),
        Some(last) if last.sort == Sort::Text && last.span.end == sentence.len() => {
            return Vec::new();
        }
        _ => {}
    }
    let place = Place::new(sentence, start, &tokens);
    let found = if place.bracketed { label(&place, view) } else { place.offers(view) };
    let span = Span::new(start + place.from, cursor);
    let mut seen = BTreeSet::new();
    found
        .into_iter()
        .filter(|offer| seen.insert(offer.text.clone()))
        .map(|o| Candidate { text: o.text, note: o.note, span, whole: o.whole })
        .collect()
}

/// Text, what it is, and whether it is whole.
pub(super) struct Offer {
    pub(super) text: String,
    pub(super) note: String,
    pub(super) whole: bool,
}

pub(super) fn whole(text: impl Into<String>, note: impl Into<String>) -> Offer {
    Offer { text: text.into(), note: note.into(), whole: true }
}

fn open(text: impl Into<String>, note: impl Into<String>) -> Offer {
    Offer { text: text.into(), note: note.into(), whole: false }
}

fn whole_entry(entry: Entry) -> Offer {
    whole(entry.text, entry.note)
}

/// Where in a sentence something is typed.
struct Place<'a> {
    /// The sentence up to the word.
    before: &'a str,
    /// The word so far.
    word: &'a str,
    /// Where the word begins in the sentence.
    from: usize,
    /// The tokens before the word.
    tokens: Vec<Token<'a>>,
    /// Whether it is between brackets.
    bracketed: bool,
}

impl<'a> Place<'a> {
    fn new(sentence: &'a str, _start: usize, tokens: &[Token<'a>]) -> Self {
        let last = tokens.last();
        let typing = last.filter(|t| {
            t.span.end == sentence.len() && matches!(t.sort, Sort::Word | Sort::Variable)
        });
        let bracketed = last.is_some_and(|t| t.bracketed && t.text != "]");
        let from = typing.map_or(sentence.len(), |t| t.span.start);
        let kept = tokens.len() - usize::from(typing.is_some());
        Self {
            before: sentence.get(..from).unwrap_or_default(),
            word: sentence.get(from..).unwrap_or_default(),
            from,
            tokens: tokens.get(..kept).unwrap_or_default().to_vec(),
            bracketed,
        }
    }

    fn previous(&self, back: usize) -> &'a str {
        let at = self.tokens.len().checked_sub(back + 1);
        at.and_then(|at| self.tokens.get(at)).map_or("", |t| t.text)
    }

    fn offers(&self, view: &View<'_>) -> Vec<Offer> {
        if let Some(key) = self.key_of_label() {
            let values = view.index.label_values(self.of_namespaces(), key, self.word, MOST);
            return values.into_iter().map(whole_entry).collect();
        }
        let follow = syntax::follow(self.before);
        let mut found = Vec::new();
        if follow.has(Slot::Label) {
            found.extend(self.label_keys(view.index));
        }
        if follow.has(Slot::Ports) {
            found.extend(self.ports(view));
        }
        let place = self.previous(0).eq_ignore_ascii_case("in")
            || self.previous(0).eq_ignore_ascii_case("namespace");
        if place || follow.has(Slot::Scope) {
            found.extend(self.scopes(view.index));
        } else if self.is_policy() {
            found.extend(self.policies(view.index));
        } else if follow.has(Slot::Endpoint) {
            found.extend(self.endpoints(view));
        }
        found.extend(self.words(&follow));
        if follow.has(Slot::Endpoint) || follow.has(Slot::Ports) {
            found.extend(self.variables(view));
        }
        if follow.has(Slot::Format) {
            found.extend(formats(self.word));
        }
        if follow.has(Slot::Field) {
            let fields = words::FIELDS.iter().filter(|f| f.starts_with(self.word));
            found.extend(fields.map(|f| whole(*f, "field")));
        }
        if follow.has(Slot::Path) {
            // A path in a sentence says that it is one.
            let said = |p: String| if p.starts_with(['.', '/']) { p } else { format!("./{p}") };
            found.extend((view.files)(self.word).into_iter().map(|p| open(said(p), "")));
        }
        found
    }

    fn words(&self, follow: &Follow) -> Vec<Offer> {
        let word = self.word.to_ascii_lowercase();
        // `port` after `on` is allowed and says nothing.
        let noise = |w: &str| w == "port" || !word.is_empty() && w == "->";
        let fits = |w: &&&str| w.starts_with(&word) && !noise(w);
        let upper = !word.is_empty() && self.word.chars().all(|c| c.is_ascii_uppercase());
        let spelt = |w: &str| if upper { w.to_ascii_uppercase() } else { w.to_owned() };
        follow.words.iter().filter(fits).map(|w| whole(spelt(w), "")).collect()
    }

    fn variables(&self, view: &View<'_>) -> Vec<Offer> {
        let names = view.variables().map(|name| format!("${name}"));
        names.filter(|n| n.starts_with(self.word)).map(|n| whole(n, "variable")).collect()
    }

    /// `pods of netpol/x`.
    fn is_policy(&self) -> bool {
        self.previous(0).eq_ignore_ascii_case("of") && self.previous(1).eq_ignore_ascii_case("pods")
    }

    fn policies(&self, index: &Index) -> Vec<Offer> {
        let all = if "netpol/".starts_with(self.word) { "" } else { self.word };
        let word = self.word.strip_prefix("netpol/").unwrap_or(all);
        let found = index.policies(word, None, MOST).into_iter();
        let kind = |note: &str| note.split(' ').next().unwrap_or_default().to_owned();
        found.map(|e| whole(format!("{}/{}", kind(&e.note), e.text), e.note)).collect()
    }

    fn scopes(&self, index: &Index) -> Vec<Offer> {
        let (head, word) = match self.word.strip_prefix("ns/") {
            Some(word) => ("ns/", word),
            None => ("", self.word),
        };
        let found = index.namespaces(word).into_iter().take(MOST);
        found.map(|e| whole(format!("{head}{}", e.text), e.note)).collect()
    }

    fn endpoints(&self, view: &View<'_>) -> Vec<Offer> {
        let (index, word) = (view.index, self.word);
        if word.starts_with('$') {
            return Vec::new();
        }
        if word.contains('/') {
            return paths(index, word, view.session.namespace());
        }
        let current = view.session.namespace();
        let mut found: Vec<Offer> =
            index.workloads(word, current, MOST).into_iter().map(whole_entry).collect();
        if found.is_empty() && !word.is_empty() {
            found.extend(index.pods(word, None, MOST).into_iter().map(whole_entry));
        }
        let namespaces = index.namespaces(word).into_iter().take(MOST);
        found.extend(namespaces.map(|e| open(e.text + "/", e.note)));
        let sets = words::SETS.iter().filter(|(w, _)| w.starts_with(word));
        found.extend(sets.map(|(w, note)| whole(*w, *note)));
        let kinds = words::KINDS.iter().filter(|k| k.starts_with(word));
        found.extend(kinds.map(|k| open(format!("{k}/"), "kind")));
        if self.previous(0).eq_ignore_ascii_case("delete") {
            found.extend(self.policies(index));
        }
        found
    }

    /// Returns the verb of a change of labels, with its place, where what is typed belongs to one.
    fn label_verb(&self) -> Option<usize> {
        let is = |t: &Token<'_>| {
            ["label", "unlabel", "labels"].iter().any(|w| w.eq_ignore_ascii_case(t.text))
        };
        self.tokens.iter().rposition(|t| !t.bracketed && is(t))
    }

    /// `label x KEY=`: the key whose value is typed.
    fn key_of_label(&self) -> Option<&'a str> {
        self.label_verb()?;
        (self.previous(0) == "=").then(|| self.previous(1))
    }

    /// Tells whether the labels that are typed are a namespace's.
    fn of_namespaces(&self) -> bool {
        let Some(at) = self.label_verb() else { return false };
        let after = self.tokens.get(at + 1).map_or("", |t| t.text);
        let added =
            || self.tokens.iter().take(at).any(|t| t.text.eq_ignore_ascii_case("namespace"));
        after == "ns" || after.starts_with("ns/") || after.starts_with("namespace/") || added()
    }

    fn label_keys(&self, index: &Index) -> Vec<Offer> {
        let takes_value = !self.tokens.iter().any(|t| t.text.eq_ignore_ascii_case("unlabel"));
        let found = index.label_keys(self.of_namespaces(), self.word).into_iter();
        let offer = |e: Entry| {
            if takes_value { open(e.text + "=", e.note) } else { whole(e.text, e.note) }
        };
        found.map(offer).collect()
    }

    /// The ports that the containers of the destination declare.
    fn ports(&self, view: &View<'_>) -> Vec<Offer> {
        let cluster = view.session.snapshot().cluster();
        let is_quick = cluster.pods().len() <= MOST_PODS;
        let declared = match self.destination() {
            Some(text) if is_quick || is_plain(&text) => {
                index::ports(cluster, pods(&text, view).into_iter())
            }
            Some(_) => view.index.ports().to_vec(),
            None => Vec::new(),
        };
        let others =
            [whole("any", "every port"), open("tcp/", ""), open("udp/", ""), open("sctp/", "")];
        let found = declared.into_iter().map(whole_entry).chain(others);
        found.filter(|o| o.text.starts_with(self.word)).take(MOST).collect()
    }

    /// Returns the text of the destination that was typed before `on`.
    fn destination(&self) -> Option<String> {
        let is = |t: &Token<'_>, words: &[&str]| {
            !t.bracketed && words.iter().any(|w| w.eq_ignore_ascii_case(t.text))
        };
        let on = self.tokens.iter().rposition(|t| is(t, &["on", "over"]))?;
        let before = self.tokens.get(..on)?;
        let arrow = &["reach", "access", "->", "=>", "→", "to"][..];
        let (start, end) = if let Some(end) = before.iter().rposition(|t| is(t, &["reachable"])) {
            (before.iter().position(|t| is(t, &["is"]))? + 1, end)
        } else {
            let of_one = || before.iter().rposition(|t| is(t, &["exposure", "of"]));
            let start = before.iter().rposition(|t| is(t, arrow)).or_else(of_one)? + 1;
            let rest = before.get(start..)?.iter();
            let end = rest.clone().position(|t| is(t, &["from", "not"]));
            (start, start + end.unwrap_or(rest.len()))
        };
        let first = before.get(start)?.span.start;
        let last = before.get(end.checked_sub(1)?)?.span.end;
        let text = self.before.get(first..last)?;
        let inside = text.get(..3).is_some_and(|t| t.eq_ignore_ascii_case("in "));
        Some(if inside { format!("pods {text}") } else { text.to_owned() })
    }
}

/// Tells whether a text is one name: a set would be looked for among all pods.
fn is_plain(text: &str) -> bool {
    !text.contains(|c: char| c.is_whitespace() || "[*?,($".contains(c)) && !words::is_set(text)
}

/// Looks up which pods a text means; none where it means nothing.
fn pods(text: &str, view: &View<'_>) -> Vec<PodId> {
    let Ok(Item::Sentence(sentence)) = syntax::parse(&format!("resolve {text}")) else {
        return Vec::new();
    };
    match lower(&sentence.statement, &view.session.scope()) {
        Ok(Plan::Resolve(region)) => region.selection.pods.iter().map(PodId).collect(),
        _ => Vec::new(),
    }
}

/// Completes `a/b` and `a/b/c`.
pub(super) fn paths(index: &Index, word: &str, current: Option<&str>) -> Vec<Offer> {
    let (before, rest) = word.rsplit_once('/').unwrap_or(("", word));
    let parts: Vec<&str> = before.split('/').collect();
    let (place, kind) = match parts[..] {
        [kind] if Kind::of_word(kind).is_some() => (None, Some(kind)),
        [namespace] => (Some(namespace), None),
        [namespace, kind] => (Some(namespace), Some(kind)),
        _ => return Vec::new(),
    };
    let found = match kind.map(|k| (k, Kind::of_word(k))) {
        None => Some(in_namespace(index, place, rest)),
        Some((_, Some(kind))) => of_kind(index, &kind, rest, place.or(current)).or_else(|| {
            // Nothing of the current namespace begins so: names of others are as good where they are unique.
            of_kind(index, &kind, rest, place)
        }),
        Some((_, None)) => None,
    };
    let join = |e: Entry| (format!("{before}/{}", e.text), e.note);
    found
        .unwrap_or_default()
        .into_iter()
        .map(|e| {
            let is_open = e.text.ends_with('/');
            let (text, note) = join(e);
            Offer { text, note, whole: !is_open }
        })
        .collect()
}

fn in_namespace(index: &Index, place: Option<&str>, rest: &str) -> Vec<Entry> {
    let mut found = index.workloads_in(rest, place, None, MOST);
    if found.is_empty() && !rest.is_empty() {
        found = index.pods(rest, place, MOST);
    }
    let kinds = ["svc/", "pod/", "netpol/"].into_iter();
    let kinds = kinds.filter(|k| !rest.is_empty() && k.starts_with(rest));
    found.extend(kinds.map(|k| Entry { text: k.to_owned(), note: "kind".to_owned() }));
    found
}

fn of_kind(index: &Index, kind: &Kind, rest: &str, place: Option<&str>) -> Option<Vec<Entry>> {
    let found = match kind {
        Kind::Pod => index.pods(rest, place, MOST),
        Kind::Workload(kind) => index.workloads_in(rest, place, Some(kind), MOST),
        Kind::Service => index.services(rest, place, MOST),
        Kind::Namespace => index.namespaces(rest).into_iter().take(MOST).collect(),
        Kind::Node => index.nodes(rest).into_iter().take(MOST).collect(),
        Kind::Policy(_) => index.policies(rest, place, MOST),
    };
    (!found.is_empty()).then_some(found)
}

/// Completes keys and values between brackets.
fn label(place: &Place<'_>, view: &View<'_>) -> Vec<Offer> {
    let open_at = place.tokens.iter().rposition(|t| t.text == "[").unwrap_or(0);
    let inside = place.tokens.get(open_at + 1..).unwrap_or_default();
    let before = open_at.checked_sub(1).and_then(|at| place.tokens.get(at));
    let start = place.tokens.get(open_at).map_or(0, |t| t.span.start);
    let touching = before.filter(|t| t.span.end == start).map_or("", |t| t.text);
    let scope = before.is_some_and(|t| t.text.eq_ignore_ascii_case("in")) && touching.is_empty();
    let of_namespaces = scope || matches!(touching, "ns" | "namespace" | "namespaces");
    let key = match inside {
        [.., key, sign] if matches!(sign.text, "=") && key.sort == Sort::Word => Some(key.text),
        [.., key, first, second] if first.text == "=" && second.text == "=" => Some(key.text),
        [.., key, first, second] if first.text == "!" && second.text == "=" => Some(key.text),
        _ => key_of_values(inside),
    };
    let found = match key {
        Some(key) => view.index.label_values(of_namespaces, key, place.word, MOST),
        None => view.index.label_keys(of_namespaces, place.word),
    };
    found.into_iter().map(|e| open(e.text, e.note)).collect()
}

/// Returns the key of `key in (a, b`.
fn key_of_values<'a>(inside: &[Token<'a>]) -> Option<&'a str> {
    let open = inside.iter().rposition(|t| t.text == "(")?;
    let closed = inside.iter().rposition(|t| t.text == ")");
    if closed.is_some_and(|c| c > open) {
        return None;
    }
    open.checked_sub(2).and_then(|at| inside.get(at)).map(|t| t.text)
}

/// Lists output formats.
pub(super) fn formats(word: &str) -> Vec<Offer> {
    let known = Format::of_some_answer().map(Format::as_str);
    known.filter(|f| f.starts_with(word)).map(|f| whole(f, "format")).collect()
}
