//! Where something stands in the input.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// A line of an input file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The path as it was opened; `-` is standard input.
    pub file: Arc<str>,
    /// The line, counted from 1; 0 where lines are not known (objects made in memory).
    pub line: u32,
}

impl Position {
    /// Makes a position.
    pub fn new(file: impl Into<Arc<str>>, line: u32) -> Self {
        Self { file: file.into(), line }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The name of a file is free text.
        let file = printable(&self.file);
        if self.line == 0 { f.write_str(&file) } else { write!(f, "{file}:{}", self.line) }
    }
}

/// Returns a text with what could steer a terminal, or turn its text around, escaped.
pub fn printable(text: &str) -> Cow<'_, str> {
    let steers = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(steers) {
        return Cow::Borrowed(text);
    }
    let show = |c: char| if steers(c) { c.escape_debug().to_string() } else { c.to_string() };
    Cow::Owned(text.chars().map(show).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_are_shown_and_never_obeyed() {
        let position = Position::new("a b\u{1b}[2J\n\u{202e}'x'.yaml", 3);
        assert_eq!(position.to_string(), "a b\\u{1b}[2J\\n\\u{202e}'x'.yaml:3");
        assert_eq!(printable("größe 'x'.yaml"), "größe 'x'.yaml");
    }
}
