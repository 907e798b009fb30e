//! From text to syntax tree, and from the parser's failures to errors that a user understands.

use pest::Parser as _;
use pest::error::{Error, ErrorVariant, InputLocation};

use super::ast::Item;
use super::build;
use super::error::SyntaxError;
use super::expected::{self, Expected};
use super::foreign;
use super::span::Span;

/// The longest sentence, in bytes.
const MAX_LENGTH: usize = 1 << 16;
/// The deepest nesting of parentheses.
const MAX_DEPTH: usize = 64;

/// The generated parser; its rules never leave this module tree.
mod generated {
    #![allow(missing_docs, unreachable_pub, reason = "generated from the grammar")]
    #[derive(pest_derive::Parser)]
    #[grammar = "syntax/grammar.pest"]
    pub(in crate::syntax) struct Grammar;
}

pub(super) use generated::Rule;

/// Parses one sentence or one test block.
///
/// # Errors
///
/// [`SyntaxError`] with the span of the word that does not fit.
pub fn parse(text: &str) -> Result<Item, SyntaxError> {
    check_bounds(text)?;
    let trimmed = text.trim_end();
    match generated::Grammar::parse(Rule::chunk, trimmed) {
        Ok(mut pairs) => {
            let whole = Span::new(0, trimmed.len());
            let chunk = pairs.next().ok_or_else(|| SyntaxError::new(whole, "an empty sentence"))?;
            build::item(&chunk)
        }
        Err(error) => Err(foreign::explain(trimmed).unwrap_or_else(|| describe(trimmed, &error))),
    }
}

/// Returns the rules that were tried where a text breaks off, and where that is.
pub(super) fn attempts(text: &str) -> Option<(usize, Vec<Rule>)> {
    check_bounds(text).ok()?;
    let error = generated::Grammar::parse(Rule::chunk, text).err()?;
    let at = match error.location {
        InputLocation::Pos(at) | InputLocation::Span((at, _)) => at,
    };
    match error.variant {
        ErrorVariant::ParsingError { positives, .. } => Some((at, positives)),
        ErrorVariant::CustomError { .. } => None,
    }
}

fn check_bounds(text: &str) -> Result<(), SyntaxError> {
    if text.len() > MAX_LENGTH {
        let message = format!("a sentence of {} bytes; the longest has {MAX_LENGTH}", text.len());
        return Err(SyntaxError::new(Span::new(0, 1), message));
    }
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            let message = format!("parentheses nested deeper than {MAX_DEPTH}");
            return Err(SyntaxError::new(Span::new(at, at + 1), message));
        }
    }
    Ok(())
}

fn describe(text: &str, error: &Error<Rule>) -> SyntaxError {
    let at = match error.location {
        InputLocation::Pos(at) | InputLocation::Span((at, _)) => at,
    };
    let (at, word) = word_at(text, at);
    let span = Span::new(at, at + word.len());
    let ErrorVariant::ParsingError { positives, .. } = &error.variant else {
        return SyntaxError::new(span, found(word));
    };
    if let Some(error) = unclosed(text, span) {
        return error;
    }
    let expected = expected::describe(positives);
    let error = SyntaxError::new(span, message(&expected, word));
    match expected.nearest(word).map(|near| format!("did you mean `{near}`?")) {
        Some(help) => error.help(help),
        None => reserved_name(&expected, word).into_iter().fold(error, SyntaxError::help),
    }
}

fn message(expected: &Expected, word: &str) -> String {
    if expected.statement {
        return if word.is_empty() {
            "expected a sentence such as `can frontend reach db on 5432`".to_owned()
        } else {
            format!("no sentence begins with `{word}`; expected {}", expected::VERBS)
        };
    }
    match expected.list() {
        Some(list) => format!("expected {list}, found {}", found(word)),
        None => format!("{} does not fit here", found(word)),
    }
}

fn found(word: &str) -> String {
    if word.is_empty() { "the end of the sentence".to_owned() } else { format!("`{word}`") }
}

/// A word of the language where a name is wanted: it may be a name between quotes.
fn reserved_name(expected: &Expected, word: &str) -> Option<String> {
    let named = expected.endpoint && word.chars().all(|c| c.is_ascii_alphabetic());
    (named && !word.is_empty())
        .then(|| format!("`{word}` is a word of the language; write \"{word}\" if it is a name"))
}

/// A quote that is never closed swallows the rest of the sentence: say that rather than what was expected in it.
fn unclosed(text: &str, span: Span) -> Option<SyntaxError> {
    let open = open_quote(text)?;
    (open <= span.end).then(|| {
        SyntaxError::new(Span::new(open, open + 1), "a quote that is never closed")
            .help("close it with `\"` on the same line")
    })
}

fn open_quote(text: &str) -> Option<usize> {
    let mut open = None;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            '"' if escaped => escaped = false,
            '"' => open = if open.is_some() { None } else { Some(at) },
            '\\' if open.is_some() => escaped = !escaped,
            '\n' => open = None,
            _ => escaped = false,
        }
    }
    open
}

/// Returns the word at a place, or after the white space there.
pub(super) fn word_at(text: &str, at: usize) -> (usize, &str) {
    let rest = text.get(at..).unwrap_or_default();
    let skipped = rest.len() - rest.trim_start().len();
    let rest = rest.trim_start();
    let is_part = |c: char| c.is_alphanumeric() || "-_./*$'’".contains(c);
    let first = rest.chars().next().map_or(0, char::len_utf8);
    let length = rest.find(|c| !is_part(c)).unwrap_or(rest.len()).max(first);
    (at + skipped, rest.get(..length).unwrap_or_default())
}
