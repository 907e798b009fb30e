//! Cuts a text into sentences and test blocks, so that a bad one does not hide the others.

/// A piece of a text that is one sentence or one test block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk<'a> {
    /// The piece, without white space around it.
    pub text: &'a str,
    /// The line on which it begins, counted from 1.
    pub line: u32,
}

/// Where a scan stands.
#[derive(Clone, Copy, Default)]
struct State {
    quoted: bool,
    escaped: bool,
    comment: bool,
    depth: u32,
}

impl State {
    /// Takes one character and tells whether a sentence ends before it.
    fn ends_before(&mut self, c: char) -> bool {
        let continued = self.escaped;
        self.escaped = c == '\\' && !continued;
        if c == '\n' {
            self.quoted = false;
            self.comment = false;
            return self.depth == 0 && !continued;
        }
        match c {
            _ if self.comment => {}
            '"' if self.quoted && continued => {}
            '"' => self.quoted = !self.quoted,
            _ if self.quoted => {}
            '#' => self.comment = true,
            '{' => self.depth += 1,
            '}' => self.depth = self.depth.saturating_sub(1),
            ';' => return self.depth == 0,
            '\r' => self.escaped = continued,
            _ => {}
        }
        false
    }
}

/// Cuts a text at line ends and `;`, but not within quotes and braces. Comments and empty pieces are left out.
pub fn chunks(text: &str) -> Vec<Chunk<'_>> {
    // Some editors begin a file with a byte order mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut found = Vec::new();
    let mut state = State::default();
    let (mut start, mut line, mut first_line) = (0, 1_u32, 1_u32);
    for (at, c) in text.char_indices() {
        if state.ends_before(c) {
            found.extend(text.get(start..at).and_then(|piece| chunk(piece, first_line)));
            start = at + c.len_utf8();
            first_line = line + u32::from(c == '\n');
        }
        line += u32::from(c == '\n');
    }
    found.extend(text.get(start..).and_then(|piece| chunk(piece, first_line)));
    found
}

/// Leaves out empty lines, comment lines before the sentence and the comment after it.
fn chunk(piece: &str, line: u32) -> Option<Chunk<'_>> {
    let (mut rest, mut line) = (piece, line);
    loop {
        let trimmed = rest.trim_start();
        let skipped = rest.get(..rest.len() - trimmed.len()).unwrap_or_default();
        line += u32::try_from(skipped.matches('\n').count()).unwrap_or(0);
        rest = trimmed;
        if !rest.starts_with('#') {
            break;
        }
        rest = rest.find('\n').and_then(|end| rest.get(end..)).unwrap_or_default();
    }
    let text = without_comment(rest).trim_end();
    (!text.is_empty()).then_some(Chunk { text, line })
}

/// Cuts a comment off the end of a sentence; one inside a block is left to the parser.
fn without_comment(piece: &str) -> &str {
    let mut state = State::default();
    for (at, c) in piece.char_indices() {
        state.ends_before(c);
        if state.comment && state.depth == 0 {
            return piece.get(..at).unwrap_or_default();
        }
    }
    piece
}

/// Tells whether a text ends within a block, so that the next line belongs to it.
pub fn is_open(text: &str) -> bool {
    let mut state = State::default();
    for c in text.chars() {
        state.ends_before(c);
    }
    state.depth > 0 || (state.escaped && !state.comment)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(&str, u32)]) {
        let got: Vec<_> = chunks(text).iter().map(|c| (c.text, c.line)).collect();
        assert_eq!(got, expected, "{text:?}");
    }

    #[test]
    fn sentences_end_at_line_ends_and_semicolons() {
        check(
            "can a reach b; flows\n\n# note\nlist pods # all\r\n",
            &[("can a reach b", 1), ("flows", 1), ("list pods", 4)],
        );
    }

    #[test]
    fn blocks_and_quotes_hold_line_ends_and_semicolons() {
        let block = "test \"a;b\" {\n  expect a can reach b; # why\n  flows\n}";
        check(&format!("{block}\nflows"), &[(block, 1), ("flows", 5)]);
    }

    #[test]
    fn a_backslash_at_the_end_joins_lines() {
        check("can a \\\n reach b\nflows", &[("can a \\\n reach b", 1), ("flows", 3)]);
        assert!(is_open("can a \\"));
    }

    #[test]
    fn an_open_brace_waits_for_more() {
        assert!(is_open("test \"x\" {"));
        assert!(!is_open("test \"x\" { flows }"));
        assert!(!is_open("resolve \"{\""));
    }
}
