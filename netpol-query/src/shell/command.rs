//! The layer of the shell that is no language: lines that begin with `\`, as in psql.

use std::path::PathBuf;

use super::View;
use super::complete::{Candidate, Offer, formats, paths, whole};
use super::help;
use crate::error::{ErrorCode, QueryError};
use crate::syntax::Span;

/// A command as help shows it.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: &'static str,
    pub(super) args: &'static str,
    pub(super) about: &'static str,
}

const fn entry(name: &'static str, args: &'static str, about: &'static str) -> Entry {
    Entry { name, args, about }
}

/// Every command, in the order of the help.
pub(super) const COMMANDS: &[Entry] = &[
    entry("\\?", "", "this help"),
    entry("\\h", "[VERB]", "the verbs of the language, or one with examples"),
    entry("\\l", "", "namespaces, with what they hold"),
    entry(
        "\\d",
        "[NAME]",
        "describe a pod, workload, namespace, Service or policy; or what is loaded",
    ),
    entry("\\n", "[NS]", "set the current namespace; `\\n *` for none"),
    entry(
        "\\o",
        "[FORMAT]",
        "the form of answers: text, wide, json, jsonl, yaml, csv, markdown, ...",
    ),
    entry("\\g", "FILE [SENTENCE]", "write an answer to a file: the sentence's, or the last one"),
    entry("\\i", "FILE", "run a file of sentences and commands"),
    entry("\\t", "[on|off]", "show how long each answer took"),
    entry("\\load", "PATH ...", "read other manifests in place of these"),
    entry("\\reload", "", "read the same manifests again; changes are made again"),
    entry("\\diff", "", "what this session has changed, and what came of it"),
    entry("\\undo", "", "take the last change back"),
    entry("\\redo", "", "make it again"),
    entry("\\reset", "", "forget changes, variables and the current namespace"),
    entry("\\q", "", "leave (also Ctrl-D)"),
];

/// A command that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Command {
    Help,
    Verb(Option<String>),
    Namespaces,
    Describe(Option<String>),
    Use(Option<String>),
    Output(Option<String>),
    Write { file: PathBuf, sentence: String },
    Include(PathBuf),
    Timing(Option<bool>),
    Load(Vec<PathBuf>),
    Reload,
    Changes,
    Undo,
    Redo,
    Reset,
    Leave,
}

/// Reads a line that is a command; `None` where it is none.
pub(super) fn parse(line: &str) -> Option<Result<Command, QueryError>> {
    let line = line.trim();
    if let "exit" | "quit" | "exit;" | "quit;" = line {
        return Some(Ok(Command::Leave));
    }
    if let "help" | "help;" | "?" = line {
        return Some(Ok(Command::Help));
    }
    if !line.starts_with('\\') {
        return None;
    }
    let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    Some(named(name, rest.trim()))
}

fn named(name: &str, rest: &str) -> Result<Command, QueryError> {
    let some = || (!rest.is_empty()).then(|| rest.to_owned());
    let none = |command| if rest.is_empty() { Ok(command) } else { Err(takes_nothing(name)) };
    match name {
        "\\?" => none(Command::Help),
        "\\h" | "\\help" => Ok(Command::Verb(some())),
        "\\l" => none(Command::Namespaces),
        "\\d" => Ok(Command::Describe(some())),
        "\\n" => Ok(Command::Use(some())),
        "\\o" => Ok(Command::Output(some())),
        "\\g" => {
            let (file, sentence) = first_word(rest);
            let file = file.ok_or_else(|| usage("`\\g` needs a file", "\\g flows.csv flows"))?;
            Ok(Command::Write { file, sentence: sentence.to_owned() })
        }
        "\\i" => {
            let needs = || usage("`\\i` needs a file", "\\i questions.npq");
            Ok(Command::Include(first_word(rest).0.ok_or_else(needs)?))
        }
        "\\t" => match rest {
            "" => Ok(Command::Timing(None)),
            "on" => Ok(Command::Timing(Some(true))),
            "off" => Ok(Command::Timing(Some(false))),
            _ => Err(usage("`\\t` takes `on` or `off`", "\\t on")),
        },
        "\\load" => load(rest),
        "\\reload" => none(Command::Reload),
        "\\diff" => none(Command::Changes),
        "\\undo" => none(Command::Undo),
        "\\redo" => none(Command::Redo),
        "\\reset" => none(Command::Reset),
        "\\q" | "\\quit" | "\\exit" => none(Command::Leave),
        _ => Err(unknown(name)),
    }
}

fn load(rest: &str) -> Result<Command, QueryError> {
    let mut paths = Vec::new();
    let mut rest = rest;
    while let (Some(path), left) = first_word(rest) {
        paths.push(path);
        rest = left;
    }
    if paths.is_empty() {
        return Err(usage("`\\load` needs a path", "\\load manifests/"));
    }
    Ok(Command::Load(paths))
}

/// Takes the first word off a text; quotes hold white space together.
fn first_word(text: &str) -> (Option<PathBuf>, &str) {
    let text = text.trim_start();
    let (word, rest) = match text.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
        None => text.split_once(char::is_whitespace).unwrap_or((text, "")),
    };
    ((!word.is_empty()).then(|| PathBuf::from(word)), rest.trim())
}

fn usage(message: &str, example: &str) -> QueryError {
    QueryError::new(ErrorCode::Usage, message).help(format!("for example: {example}"))
}

fn takes_nothing(name: &str) -> QueryError {
    QueryError::new(ErrorCode::Usage, format!("`{name}` takes nothing"))
}

fn unknown(name: &str) -> QueryError {
    let span = Span::new(0, name.len());
    let error = QueryError::at(ErrorCode::Usage, span, format!("no command is called `{name}`"));
    let near = COMMANDS.iter().map(|c| (strsim::osa_distance(name, c.name), c.name));
    let near = near.filter(|(distance, known)| *distance <= 2 && known.len() > 2).min();
    let of_verb = help::VERBS.iter().find(|v| format!("\\{}", v.name) == name);
    error.help(match (near, of_verb) {
        (_, Some(verb)) => format!("sentences begin without `\\`: {}", verb.name),
        (Some((_, known)), None) => format!("did you mean `{known}`?"),
        (None, None) => "`\\?` lists the commands".to_owned(),
    })
}

/// Completes a command and what it takes.
pub(super) fn complete(before: &str, view: &View<'_>) -> Vec<Candidate> {
    let start = before.len() - before.trim_start().len();
    let line = before.get(start..).unwrap_or_default();
    let Some((name, rest)) = line.split_once(char::is_whitespace) else {
        let found = COMMANDS.iter().filter(|c| c.name.starts_with(line));
        let span = Span::new(start, before.len());
        return found
            .map(|c| Candidate {
                text: c.name.to_owned(),
                note: c.about.to_owned(),
                span,
                whole: !c.args.is_empty(),
            })
            .collect();
    };
    let word_at = rest.rfind(char::is_whitespace).map_or(0, |at| at + 1);
    let word = rest.get(word_at..).unwrap_or_default();
    let first = rest.get(..word_at).unwrap_or_default().trim().is_empty();
    let span = Span::new(before.len() - word.len(), before.len());
    let found = match name {
        "\\g" if !first => return sentence(before, rest, view),
        "\\load" | "\\i" | "\\g" => files(word, view),
        _ if !first => Vec::new(),
        "\\h" => {
            let verbs = help::VERBS.iter().filter(|v| v.name.starts_with(word));
            verbs.map(|v| whole(v.name, v.about)).collect()
        }
        "\\n" => view.index.namespaces(word).into_iter().map(|e| whole(e.text, e.note)).collect(),
        "\\o" => formats(word),
        "\\t" => {
            ["on", "off"].iter().filter(|o| o.starts_with(word)).map(|o| whole(*o, "")).collect()
        }
        "\\d" => described(word, view),
        _ => Vec::new(),
    };
    let candidate = |o: Offer| Candidate { text: o.text, note: o.note, span, whole: o.whole };
    found.into_iter().map(candidate).collect()
}

/// Completes the sentence of `\g FILE SENTENCE`.
fn sentence(before: &str, rest: &str, view: &View<'_>) -> Vec<Candidate> {
    let rest = rest.trim_start();
    let after = rest.find(char::is_whitespace).and_then(|at| rest.get(at..)).unwrap_or_default();
    let at = before.len() - after.trim_start().len();
    let sentence = before.get(at..).unwrap_or_default();
    let mut found = super::complete::complete(sentence, sentence.len(), view);
    for candidate in &mut found {
        candidate.span = Span::new(candidate.span.start + at, candidate.span.end + at);
    }
    found
}

fn files(word: &str, view: &View<'_>) -> Vec<Offer> {
    let found = (view.files)(word).into_iter();
    found.map(|p| Offer { whole: !p.ends_with('/'), text: p, note: String::new() }).collect()
}

fn described(word: &str, view: &View<'_>) -> Vec<Offer> {
    const MOST: usize = 100;
    let (index, current) = (view.index, view.session.namespace());
    if word.contains('/') {
        return paths(index, word, current);
    }
    let mut found: Vec<Offer> = Vec::new();
    found.extend(index.workloads(word, current, MOST).into_iter().map(|e| whole(e.text, e.note)));
    found.extend(
        index.namespaces(word).into_iter().map(|e| whole(format!("ns/{}", e.text), e.note)),
    );
    let services = index.services(word, current, MOST).into_iter();
    found.extend(services.map(|e| whole(format!("svc/{}", e.text), e.note)));
    let policies = index.policies(word, current, MOST).into_iter();
    found.extend(policies.map(|e| {
        let kind = e.note.split(' ').next().unwrap_or_default();
        whole(format!("{kind}/{}", e.text), e.note.clone())
    }));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_told_from_sentences() {
        assert!(parse("can a reach b").is_none());
        assert_eq!(parse(" \\q "), Some(Ok(Command::Leave)));
        assert_eq!(parse("exit"), Some(Ok(Command::Leave)));
        assert_eq!(parse("\\n shop"), Some(Ok(Command::Use(Some("shop".into())))));
        let write = Command::Write { file: "a b.csv".into(), sentence: "flows".into() };
        assert_eq!(parse("\\g \"a b.csv\" flows"), Some(Ok(write)));
        assert!(matches!(parse("\\i"), Some(Err(_))));
    }

    #[test]
    fn an_unknown_command_names_the_nearest() {
        let help = |line| parse(line).unwrap().unwrap_err().help.unwrap();
        assert_eq!(help("\\relaod"), "did you mean `\\reload`?");
        assert_eq!(help("\\can"), "sentences begin without `\\`: can");
        assert_eq!(help("\\zzz"), "`\\?` lists the commands");
    }
}
