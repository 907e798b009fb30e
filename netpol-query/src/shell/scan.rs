//! Cuts a line into words, signs, texts and comments, whether or not it is a sentence already.

use crate::syntax::Span;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    /// A keyword, name, number or path.
    Word,
    /// Between quotes.
    Text,
    /// From `#` on.
    Comment,
    /// `$web`.
    Variable,
    /// A sign: one character, or `->` and `=>`.
    Sign,
    /// A line end.
    Line,
}

/// A token, and whether it stands between brackets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'a> {
    pub(super) sort: Sort,
    pub(super) text: &'a str,
    pub(super) span: Span,
    pub(super) bracketed: bool,
}

/// Cuts a line into tokens; white space is left out.
pub(super) fn tokens(line: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut bracketed = false;
    let mut at = 0;
    while let Some(rest) = line.get(at..).filter(|r| !r.is_empty()) {
        let (sort, length) = token(rest, bracketed);
        let text = rest.get(..length).unwrap_or(rest);
        if let Some(sort) = sort {
            let inside = bracketed;
            match text {
                "[" => bracketed = true,
                "]" | "\n" => bracketed = false,
                _ => {}
            }
            found.push(Token {
                sort,
                text,
                span: Span::new(at, at + text.len()),
                bracketed: inside || bracketed,
            });
        }
        at += text.len().max(1);
    }
    found
}

/// Returns what a text begins with, and how long that is; `None` for white space.
fn token(rest: &str, bracketed: bool) -> (Option<Sort>, usize) {
    let first = rest.chars().next().unwrap_or(' ');
    let until = |stop: &dyn Fn(char) -> bool| rest.find(stop).unwrap_or(rest.len());
    match first {
        '\n' => (Some(Sort::Line), 1),
        c if c.is_whitespace() => (None, c.len_utf8()),
        '#' => (Some(Sort::Comment), until(&|c| c == '\n')),
        '"' => (Some(Sort::Text), text_length(rest)),
        '$' => {
            let length = rest.chars().skip(1).take_while(|c| c.is_alphanumeric() || *c == '_');
            (Some(Sort::Variable), 1 + length.map(char::len_utf8).sum::<usize>())
        }
        '-' | '=' if rest.chars().nth(1) == Some('>') => (Some(Sort::Sign), 2),
        c if is_part(c, bracketed) => (Some(Sort::Word), word_length(rest, bracketed)),
        c => (Some(Sort::Sign), c.len_utf8()),
    }
}

fn text_length(rest: &str) -> usize {
    let mut escaped = true;
    for (at, c) in rest.char_indices() {
        match c {
            '\n' => return at,
            '"' if !escaped => return at + 1,
            _ => escaped = c == '\\' && !escaped,
        }
        if at == 0 {
            escaped = false;
        }
    }
    rest.len()
}

fn is_part(c: char, bracketed: bool) -> bool {
    c.is_alphanumeric() || "-_./'’".contains(c) || (!bracketed && "*:\\~".contains(c))
}

fn word_length(rest: &str, bracketed: bool) -> usize {
    let mut chars = rest.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let next = chars.peek().map(|(_, c)| *c);
        let arrow = c == '-' && next == Some('>');
        let glob = c == '?' && next.is_some_and(|c| c.is_alphanumeric() || c == '*' || c == '-');
        if arrow || !(is_part(c, bracketed) || glob) {
            return at.max(1);
        }
    }
    rest.len()
}

/// Returns where the sentence begins that a place in a text belongs to.
pub(super) fn sentence_start(text: &str) -> usize {
    let mut start = 0;
    for token in tokens(text) {
        let ends = match token.sort {
            Sort::Line => true,
            Sort::Sign => matches!(token.text, ";" | "{" | "}"),
            _ => false,
        };
        if ends {
            start = token.span.end;
        }
    }
    start
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: &[&str]) {
        let got: Vec<&str> = tokens(line).iter().map(|t| t.text).collect();
        assert_eq!(got, expected, "{line}");
    }

    #[test]
    fn a_line_is_cut_into_words_and_signs() {
        check("can a/b reach db on tcp/80?", &["can", "a/b", "reach", "db", "on", "tcp/80", "?"]);
        check("a->b # why", &["a", "->", "b", "# why"]);
        check("x[app in (a,b)]", &["x", "[", "app", "in", "(", "a", ",", "b", ")", "]"]);
        check("because \"a \\\" b\" $x", &["because", "\"a \\\" b\"", "$x"]);
        check("svc/x:80 \"open", &["svc/x:80", "\"open"]);
        check("é→b", &["é", "→", "b"]);
    }

    #[test]
    fn the_sentence_at_the_end_is_found() {
        assert_eq!(sentence_start("test \"a;b\" { flows; can "), 19);
        assert_eq!(sentence_start("can a"), 0);
    }
}
