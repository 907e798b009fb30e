//! Recognises what people bring along from other languages and tools, to say how it is said here.

use super::error::SyntaxError;
use super::span::Span;

/// A word of a sentence and where it stands.
#[derive(Clone, Copy)]
struct Token<'a> {
    text: &'a str,
    start: usize,
}

impl Token<'_> {
    fn is(&self, word: &str) -> bool {
        self.text.eq_ignore_ascii_case(word)
    }

    fn is_one_of(&self, words: &[&str]) -> bool {
        words.iter().any(|w| self.is(w))
    }

    fn span(&self) -> Span {
        Span::new(self.start, self.start + self.text.len())
    }
}

/// Explains a sentence that could not be read, if its spelling is a known foreign one.
pub(super) fn explain(text: &str) -> Option<SyntaxError> {
    let tokens = tokens(text);
    let (first, rest) = tokens.split_first()?;
    query_languages(*first, rest)
        .or_else(|| tool_options(&tokens))
        .or_else(|| from_to(*first, rest))
        .or_else(|| statement_order(&tokens))
        .or_else(|| other_verbs(*first, rest))
        .or_else(|| ports(&tokens))
}

fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut found: Vec<Token<'_>> = Vec::new();
    let mut end = 0;
    for word in text.split_whitespace() {
        let at = text.get(end..).and_then(|rest| rest.find(word)).unwrap_or(0);
        found.push(Token { text: word, start: end + at });
        end += at + word.len();
    }
    found
}

fn foreign(token: Token<'_>, message: impl Into<String>, help: impl Into<String>) -> SyntaxError {
    SyntaxError::new(token.span(), message).help(help)
}

fn query_languages(first: Token<'_>, rest: &[Token<'_>]) -> Option<SyntaxError> {
    let second = rest.first().map_or("", |t| t.text);
    if first.is_one_of(&["select", "insert", "update"]) {
        let help =
            "rows of flows are filtered with pipes: `flows from ns/a | where dst.namespace = pay`";
        return Some(foreign(first, "this looks like SQL; questions are sentences here", help));
    }
    let cypher = first.is("match") && (second.starts_with('(') || second.is_empty());
    if cypher || first.text.to_ascii_lowercase().starts_with("match(") {
        let help = "write `paths from A to B max 4 hops` or `flows from A to B`";
        return Some(foreign(first, "this looks like Cypher; questions are sentences here", help));
    }
    if first.is_one_of(&["kubectl", "oc", "calicoctl", "cilium", "netpol-query"]) {
        let message =
            format!("`{}` is a program; a sentence asks about what is loaded", first.text);
        let help =
            "write the question alone, such as `list pods in shop` or `can frontend reach db`";
        return Some(foreign(first, message, help));
    }
    None
}

fn tool_options(tokens: &[Token<'_>]) -> Option<SyntaxError> {
    let option = tokens.iter().find(|t| t.text.starts_with("--") && t.text.len() > 2)?;
    Some(option_help(*option))
}

fn option_help(option: Token<'_>) -> SyntaxError {
    let message = format!("`{}` is an option of another tool", option.text);
    foreign(option, message, "ask in words: `can frontend reach db on tcp/5432`")
}

/// `from A to B [on|port P]`.
fn from_to(first: Token<'_>, rest: &[Token<'_>]) -> Option<SyntaxError> {
    if !first.is("from") {
        return None;
    }
    let message = "a question begins with its verb, not with `from`";
    let to = rest.iter().position(|t| t.is("to"));
    let help = match to.and_then(|i| rest.split_at_checked(i)) {
        Some((from, to)) => {
            let from = join(from);
            let to = to.iter().skip(1).take_while(|t| !t.is_one_of(&["on", "port"])).copied();
            let to = join(&to.collect::<Vec<_>>());
            format!("write `can {from} reach {to}`, or `flows from {from} to {to}`")
        }
        None => "write `can A reach B`, or `flows from A to B`".to_owned(),
    };
    Some(foreign(first, message, help))
}

/// `A can reach B`, `A to B`, `does A reach B`.
fn statement_order(tokens: &[Token<'_>]) -> Option<SyntaxError> {
    let [first, second, rest @ ..] = tokens else { return None };
    let reach = ["reach", "talk", "connect", "access"];
    if second.is_one_of(&["can", "cannot", "can't"]) && !first.is_one_of(&["who", "what", "why"]) {
        let verb = rest.iter().position(|t| t.is_one_of(&reach))?;
        let target = rest.get(verb + 1..).map(join).unwrap_or_default();
        let help = format!(
            "ask `can {0} reach {target}`, or state it: `expect {0} {1} reach {target}`",
            first.text, second.text
        );
        return Some(foreign(*second, "a statement is not a question", help));
    }
    if second.is_one_of(&reach) && !known_verb(*first) {
        let help = format!("write `can {} reach {}`", first.text, join(rest));
        return Some(foreign(*first, "a question begins with its verb", help));
    }
    if second.is("to") && !known_verb(*first) {
        let help = format!("write `{} -> {}`", first.text, join(rest));
        return Some(foreign(*second, "`to` alone does not ask anything", help));
    }
    if first.is_one_of(&["does", "do", "could", "may", "should"]) {
        let message = format!("questions begin with `can`, not with `{}`", first.text);
        return Some(foreign(*first, message, "write `can A reach B`"));
    }
    None
}

fn known_verb(token: Token<'_>) -> bool {
    token.is_one_of(&[
        "can",
        "is",
        "why",
        "explain",
        "who",
        "what",
        "paths",
        "path",
        "shortest",
        "blast",
        "exposure",
        "matrix",
        "policies",
        "resolve",
        "count",
        "list",
        "show",
        "flows",
        "denied",
        "expect",
        "assert",
        "warn",
        "let",
        "define",
        "use",
        "diff",
        "lint",
        "export",
        "with",
        "test",
        "scale",
        "label",
        "unlabel",
        "add",
        "apply",
        "delete",
        "allow",
        "isolate",
        "compromise",
    ])
}

fn other_verbs(first: Token<'_>, rest: &[Token<'_>]) -> Option<SyntaxError> {
    if let (true, Some(kind)) = (first.is_one_of(&["list", "show"]), rest.first()) {
        return listed_kind(*kind);
    }
    let help = match first.text.to_ascii_lowercase().as_str() {
        "get" | "describe" | "find" | "ls" => {
            "`list pods in shop` lists, `resolve A` shows what a set holds"
        }
        "ping" | "curl" | "telnet" | "nc" | "wget" | "connect" | "probe" | "check" | "verify" => {
            "ask `can A reach B on tcp/80`"
        }
        "deny" | "block" => {
            "to try a change, `what if isolate A`; to demand it, `expect A cannot reach B`"
        }
        "where" | "group" | "sort" => {
            "pipes follow a question: `flows | where dst.namespace = pay`"
        }
        "help" | "exit" | "quit" => return Some(program(first)),
        _ => return None,
    };
    Some(foreign(first, format!("`{}` is no verb of this language", first.text), help))
}

fn listed_kind(kind: Token<'_>) -> Option<SyntaxError> {
    let known = [
        "deployments",
        "statefulsets",
        "daemonsets",
        "replicasets",
        "jobs",
        "cronjobs",
        "deploy",
        "sts",
        "ds",
        "rs",
        "cj",
        "deployment",
        "statefulset",
        "daemonset",
        "replicaset",
        "job",
        "cronjob",
    ];
    kind.is_one_of(&known).then(|| {
        let help =
            format!("`list workloads` lists them all, `resolve {}/*` those of one kind", kind.text);
        foreign(kind, format!("`{}` cannot be listed by themselves", kind.text), help)
    })
}

fn program(first: Token<'_>) -> SyntaxError {
    let help = "`--help` shows examples; in the shell, `\\?` helps and `\\q` leaves";
    foreign(first, format!("`{}` is no sentence", first.text), help)
}

/// `port 80`, `80/tcp`, `:80` and `tcp:80`.
fn ports(tokens: &[Token<'_>]) -> Option<SyntaxError> {
    for (before, token) in std::iter::once(None).chain(tokens.iter().map(Some)).zip(tokens) {
        let after_on = before.is_some_and(|t| t.is_one_of(&["on", "over"]));
        if token.is_one_of(&["port", "ports"]) && !after_on && before.is_some() {
            let number = number_after(tokens, *token);
            let message = format!("`{}` needs `on` before it", token.text);
            return Some(foreign(*token, message, format!("write `on {number}`")));
        }
        let after_list = before.is_some_and(|t| t.text.ends_with(','));
        if before.is_some() && !after_on && !after_list && is_port(token.text) {
            let message = format!("`{}` needs `on` before it", token.text);
            return Some(foreign(*token, message, format!("write `on {}`", token.text)));
        }
        if let Some((number, protocol)) = token.text.split_once('/') {
            let is_protocol =
                ["tcp", "udp", "sctp"].iter().any(|p| protocol.eq_ignore_ascii_case(p));
            if is_protocol && !number.is_empty() && number.chars().all(|c| c.is_ascii_digit()) {
                let help = format!("write `{}/{number}`", protocol.to_ascii_lowercase());
                return Some(foreign(*token, "the protocol comes before the port", help));
            }
        }
        if let Some((protocol, number)) = token.text.split_once(':') {
            let is_protocol =
                ["tcp", "udp", "sctp"].iter().any(|p| protocol.eq_ignore_ascii_case(p));
            if is_protocol && number.chars().all(|c| c.is_ascii_digit()) {
                let help = format!("write `{}/{number}`", protocol.to_ascii_lowercase());
                return Some(foreign(*token, "protocol and port are joined by `/`", help));
            }
        }
    }
    None
}

/// Tells whether a word is `tcp/80` or the like.
fn is_port(text: &str) -> bool {
    text.split_once('/').is_some_and(|(protocol, number)| {
        ["tcp", "udp", "sctp"].iter().any(|p| protocol.eq_ignore_ascii_case(p))
            && number.starts_with(|c: char| c.is_ascii_digit())
    })
}

fn number_after<'a>(tokens: &[Token<'a>], token: Token<'_>) -> &'a str {
    tokens.iter().find(|t| t.start > token.start).map_or("80", |t| t.text)
}

fn join(tokens: &[Token<'_>]) -> String {
    let words: Vec<_> = tokens.iter().map(|t| t.text).collect();
    words.join(" ")
}

/// Explains an option of another tool, given on the command line.
pub(crate) fn explain_option(option: &str) -> SyntaxError {
    option_help(Token { text: option, start: 0 })
}
