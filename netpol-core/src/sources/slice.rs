//! Block-style YAML cut down to what is read of it, in one pass over its lines and without copying.
//!
//! Only the plain subset that serialisers write is accepted, and all of it is checked, so that what is dropped is known
//! to be valid: three quarters of a live dump. Anything else is left whole, to the readers. What is kept becomes a list
//! of [`Step`]s.

use super::documents::indentation;
use super::kinds::Kind;
use super::steps::{Step, What};
use super::wanted::{self, Want};

/// Deeper text is left to the readers.
const MAX_DEPTH: usize = 60;
/// Longer keys are not simple keys.
const MAX_KEY_BYTES: usize = 1024;

/// Puts what matters of an object to its kind (`None`: to no kind that is used) into `steps`; `None` where the text is not of
/// the plain subset.
pub(super) fn slice<'t>(
    text: &'t str,
    first_line: u32,
    kind: Option<Kind>,
    steps: &mut Vec<Step<'t>>,
) -> Option<()> {
    run(text, first_line, wanted::of(kind), steps)
}

/// Puts all of a text into `steps`; `None` where it is not of the plain subset.
pub(super) fn whole<'t>(text: &'t str, first_line: u32, steps: &mut Vec<Step<'t>>) -> Option<()> {
    run(text, first_line, Want::All, steps)
}

/// Tells whether a text is of the plain subset, on which readers do not differ.
pub(super) fn is_plain_block(text: &str) -> bool {
    run(text, 1, Want::Nothing, &mut Vec::new()).is_some()
}

fn run<'t>(text: &'t str, first_line: u32, want: Want, steps: &mut Vec<Step<'t>>) -> Option<()> {
    steps.clear();
    let returns = returns(text.as_bytes())?;
    let mut slicer = Slicer {
        text,
        steps,
        stack: Vec::with_capacity(16),
        pending: Some(Pending { want, line: None }),
        block: None,
        line: first_line,
        returns,
    };
    let mut start = 0;
    for end in memchr::memchr_iter(b'\n', text.as_bytes()).chain([text.len()]) {
        if start < end {
            slicer.take(start, end)?;
        } else {
            slicer.blank(0)?;
        }
        start = end + 1;
        slicer.line = slicer.line.saturating_add(1);
    }
    slicer.finish()
}

/// Tells whether there are carriage returns in a text; `None` where it holds more than printable ASCII and line ends.
fn returns(text: &[u8]) -> Option<bool> {
    let (mut fine, mut returns) = (true, false);
    for chunk in text.chunks(256) {
        // Without a way out of the loop it is done for many bytes at a time.
        for byte in chunk {
            fine &= matches!(byte, b' '..=b'~' | b'\n' | b'\r');
            returns |= *byte == b'\r';
        }
        if !fine {
            return None;
        }
    }
    Some(returns)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Collection {
    Mapping,
    Sequence,
}

/// A collection that is open at some column.
#[derive(Clone, Copy)]
struct Frame {
    column: usize,
    collection: Collection,
    want: Want,
}

/// A value that may follow: after a key without one, or after a `-`.
#[derive(Clone, Copy)]
struct Pending {
    want: Want,
    /// The line of its key or `-`; a document has none.
    line: Option<u32>,
}

/// A block scalar whose text follows.
#[derive(Clone, Copy)]
struct Block<'t> {
    /// The column that its text must pass.
    parent: usize,
    /// The column of its first line.
    column: Option<usize>,
    want: Want,
    style: &'t str,
    line: u32,
    /// Where its first line starts.
    start: usize,
    /// Where its last line ends that is not blank.
    end: usize,
    /// Whether a line of spaces is longer than its indentation, and so part of the text.
    has_spaces: bool,
}

struct Slicer<'t, 's> {
    text: &'t str,
    steps: &'s mut Vec<Step<'t>>,
    stack: Vec<Frame>,
    pending: Option<Pending>,
    block: Option<Block<'t>>,
    line: u32,
    returns: bool,
}

impl<'t> Slicer<'t, '_> {
    /// Takes the line that stands between two offsets.
    fn take(&mut self, start: usize, end: usize) -> Option<()> {
        let line = self.text.get(start..end)?;
        let indent = indentation(line);
        let mut rest = line.get(indent..)?;
        if self.returns {
            // The one that ends the line with the line feed; any other ends a line by itself (YAML 1.1 and 1.2).
            rest = rest.strip_suffix('\r').unwrap_or(rest);
            if rest.contains('\r') {
                return None;
            }
        }
        if rest.as_bytes().last() == Some(&b' ') {
            rest = rest.trim_end_matches(' ');
        }
        if rest.is_empty() {
            return self.blank(indent);
        }
        if self.block.is_some() && self.in_block(start, end, indent)? {
            return Some(());
        }
        if rest.starts_with('#') {
            return Some(());
        }
        if self.stack.is_empty() && line.starts_with("---") {
            return (rest == "---").then_some(());
        }
        self.entry(indent, rest)
    }

    /// Blank lines before the text of a block scalar may not be longer than its indentation.
    fn blank(&mut self, indent: usize) -> Option<()> {
        let Some(block) = &mut self.block else { return Some(()) };
        block.has_spaces |= indent > block.column.unwrap_or(0);
        (block.column.is_some() || indent == 0).then_some(())
    }

    /// Takes a line of a block scalar; false where the line stands behind it.
    fn in_block(&mut self, start: usize, end: usize, indent: usize) -> Option<bool> {
        let Some(block) = &mut self.block else { return Some(false) };
        if indent <= block.parent {
            self.end_block()?;
            return Some(false);
        }
        if block.column.is_none() {
            block.start = start;
        }
        block.end = end;
        (*block.column.get_or_insert(indent) <= indent).then_some(true)
    }

    fn end_block(&mut self) -> Option<()> {
        let Some(block) = self.block.take() else { return Some(()) };
        if block.want == Want::Nothing {
            return Some(());
        }
        let lines = self.text.get(block.start..block.end)?;
        let (before, behind) = (self.text.get(..block.start)?, self.text.get(block.end..)?);
        let is_simple = matches!(block.style, "|" | "|-")
            && !(self.returns || block.has_spaces || before.ends_with("\n\n"))
            && behind.starts_with('\n');
        let what = match block.column {
            Some(column) if is_simple => {
                What::Literal { lines, column, is_clipped: block.style == "|" }
            }
            _ => What::Doubtful,
        };
        self.steps.push(Step { line: block.line, what });
        Some(())
    }

    fn entry(&mut self, indent: usize, mut rest: &'t str) -> Option<()> {
        let mut column = indent;
        let mut item = None;
        while rest.as_bytes().starts_with(b"- ") {
            let after = rest.get(2..)?;
            let want = self.enter(column, Collection::Sequence)?;
            let spaces = indentation(after);
            column += 2 + spaces;
            rest = after.get(spaces..)?;
            self.pending = Some(Pending { want, line: Some(self.line) });
            item = Some(want);
        }
        let Some((key, value)) = split_key(rest) else {
            // Text alone stands only behind a `-`.
            let want = item?;
            self.pending = None;
            return self.scalar(want, rest);
        };
        let want = match self.enter(column, Collection::Mapping)? {
            Want::Nothing => Want::Nothing,
            of_mapping => of_mapping.field(key),
        };
        if want != Want::Nothing {
            self.steps.push(Step { line: self.line, what: What::Key(key) });
        }
        self.value(column, want, value)
    }

    fn value(&mut self, column: usize, want: Want, value: &'t str) -> Option<()> {
        let line = self.line;
        match value.as_bytes() {
            [] => self.pending = Some(Pending { want, line: Some(line) }),
            b"|" | b"|-" | b"|+" | b">" | b">-" | b">+" => {
                let (parent, column, style) = (column, None, value);
                let (start, end, has_spaces) = (0, 0, false);
                let block = Block { parent, column, want, style, line, start, end, has_spaces };
                self.block = Some(block);
            }
            _ => return self.scalar(want, value),
        }
        Some(())
    }

    /// Checks a value that ends with its line, and keeps it where it is wanted.
    fn scalar(&mut self, want: Want, text: &'t str) -> Option<()> {
        let line = self.line;
        let what = what(text)?;
        if want == Want::Nothing {
            return Some(());
        }
        let (open, inner) = match what {
            What::Sequence => (What::Sequence, text.get(1..text.len().saturating_sub(1))?),
            What::Mapping => (What::Mapping, text.get(1..text.len().saturating_sub(1))?),
            what => {
                self.steps.push(Step { line, what });
                return Some(());
            }
        };
        let mut push = |what| self.steps.push(Step { line, what });
        push(open);
        for word in inner.split(", ").filter(|w| !w.is_empty()) {
            let word = match word.split_once(": ") {
                Some((key, word)) => {
                    push(What::Key(key));
                    word
                }
                None => word,
            };
            push(What::Plain(word));
        }
        push(What::End);
        Some(())
    }

    /// Finds or opens the collection that an entry at a column belongs to; what is wanted of it.
    fn enter(&mut self, column: usize, collection: Collection) -> Option<Want> {
        if self.pending.is_none()
            && let Some(top) = self.stack.last()
            && top.column == column
            && top.collection == collection
        {
            return Some(top.want);
        }
        while let Some(top) = self.stack.last() {
            // A list may stand at the column of its key, and ends where a key follows.
            let ends = top.collection == Collection::Sequence && collection == Collection::Mapping;
            if top.column < column || (top.column == column && !ends) {
                break;
            }
            self.leave();
        }
        if let Some(top) = self.stack.last()
            && top.column == column
            && top.collection == collection
        {
            let want = top.want;
            self.settle();
            return Some(want);
        }
        let Pending { want, line } = self.pending.take()?;
        if self.stack.len() >= MAX_DEPTH {
            return None;
        }
        self.stack.push(Frame { column, collection, want });
        if want != Want::Nothing {
            let what = match collection {
                Collection::Mapping => What::Mapping,
                Collection::Sequence => What::Sequence,
            };
            self.steps.push(Step { line: line.unwrap_or(self.line), what });
        }
        Some(want)
    }

    /// Closes the innermost collection.
    fn leave(&mut self) {
        self.settle();
        if let Some(frame) = self.stack.pop()
            && frame.want != Want::Nothing
        {
            self.steps.push(Step { line: self.line, what: What::End });
        }
    }

    /// A key behind which no value came has none.
    fn settle(&mut self) {
        if let Some(Pending { want, line: Some(line) }) = self.pending.take()
            && want != Want::Nothing
        {
            self.steps.push(Step { line, what: What::Plain("") });
        }
    }

    fn finish(mut self) -> Option<()> {
        self.end_block()?;
        while !self.stack.is_empty() {
            self.leave();
        }
        Some(())
    }
}

/// Splits `key: value` at a plain key.
fn split_key(text: &str) -> Option<(&str, &str)> {
    let bytes = text.as_bytes();
    let first = *bytes.first()?;
    if !(first.is_ascii_alphanumeric() || matches!(first, b'_' | b'.' | b'/' | b'$' | b'~' | b'('))
    {
        return None;
    }
    let mut before = first;
    let mut end = None;
    for (at, byte) in bytes.iter().enumerate() {
        match *byte {
            b' ' if before == b':' => {
                end = Some(at - 1);
                break;
            }
            // A comment starts here.
            b'#' if before == b' ' => return None,
            _ => {}
        }
        before = *byte;
    }
    let end = match end {
        Some(end) => end,
        None if before == b':' => bytes.len() - 1,
        None => return None,
    };
    let (key, value) = (text.get(..end)?, text.get(end + 1..)?);
    let is_padded = key.as_bytes().last() == Some(&b' ');
    let key = if is_padded { key.trim_end_matches(' ') } else { key };
    let value = value.get(value.bytes().take_while(|b| *b == b' ').count()..)?;
    (key.len() <= MAX_KEY_BYTES).then_some((key, value))
}

/// Tells what a text is, as long as it is one scalar, or a collection of words, that ends with its line.
fn what(text: &str) -> Option<What<'_>> {
    let inner = || text.get(1..text.len().saturating_sub(1));
    let bytes = text.as_bytes();
    match bytes {
        [b'"', inside @ .., b'"'] => {
            is_double_quoted(inside).then(inner).flatten().map(What::Double)
        }
        [b'\'', inside @ .., b'\''] => {
            is_single_quoted(inside).then(inner).flatten().map(What::Single)
        }
        b"{}" => Some(What::Mapping),
        b"[]" => Some(What::Sequence),
        [b'[', .., b']'] => inner()?.split(", ").all(is_word).then_some(What::Sequence),
        [b'{', .., b'}'] => {
            let is_pair =
                |pair: &str| pair.split_once(": ").is_some_and(|(k, v)| is_word(k) && is_word(v));
            inner()?.split(", ").all(is_pair).then_some(What::Mapping)
        }
        [b'-' | b'?' | b':', second, ..] => {
            (*second != b' ' && is_plain(bytes)).then_some(What::Plain(text))
        }
        [first, ..] => {
            let starts = first.is_ascii_alphanumeric() || !b"-?:,[]{}#&*!|>'\"%@`".contains(first);
            (starts && is_plain(bytes)).then_some(What::Plain(text))
        }
        [] => None,
    }
}

/// Tells whether a text may stand in brackets without quotes for any reader.
fn is_word(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'/');
    text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric()) && text.bytes().all(inner)
}

fn is_plain(text: &[u8]) -> bool {
    let mut before = b'a';
    for byte in text {
        if (before == b':' && *byte == b' ') || (before == b' ' && *byte == b'#') {
            return false;
        }
        before = *byte;
    }
    before != b':'
}

fn is_double_quoted(inner: &[u8]) -> bool {
    let mut bytes = inner.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return false,
            b'\\' if !matches!(bytes.next(), Some(b'\\' | b'"' | b'/' | b'n' | b't' | b'r')) => {
                return false;
            }
            _ => {}
        }
    }
    true
}

fn is_single_quoted(inner: &[u8]) -> bool {
    let mut bytes = inner.iter();
    while let Some(byte) = bytes.next() {
        if *byte == b'\'' && bytes.next() != Some(&b'\'') {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    const POD: &str = "apiVersion: v1
kind: Pod
metadata:
  annotations:
    a: |
      kind: Other

        b: [
    c: 'it''s'
  labels:
    app: web
  name: a
spec:
  containers:
  - env:
    - name: X
      value: \"{\\\"a\\\": 1}\"
    args:
    - --flag
    - :8080
    - [a, b/c]
    command: {x: y, z: 1}
    ports:
    - containerPort: 80
      hostPort: 81
      name: http
  - image: x:y
  volumes: []
status:
  podIP: 10.0.0.1
";

    fn kept(text: &str, kind: Option<Kind>) -> String {
        let mut steps = Vec::new();
        slice(text, 1, kind, &mut steps).unwrap();
        let step = |s: &Step<'_>| match s.what {
            What::Mapping => "{".to_owned(),
            What::Sequence => "[".to_owned(),
            What::End => "}".to_owned(),
            What::Key(key) => format!("{}:{key}", s.line),
            What::Plain(text) => text.to_owned(),
            other => format!("{other:?}"),
        };
        steps.iter().map(step).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_pod_keeps_what_matters() {
        let expected = "{ 1:apiVersion v1 2:kind Pod 3:metadata { 10:labels { 11:app web } 12:name a } 13:spec { \
                        14:containers [ { 23:ports [ { 24:containerPort 80 26:name http } } } { } } } \
                        29:status { 30:podIP 10.0.0.1 } }";
        assert_eq!(kept(POD, Some(Kind::Pod)), expected);
        assert_eq!(kept(POD, None), "{ 1:apiVersion v1 2:kind Pod }");
        assert_eq!(kept(&POD.replace('\n', "\r\n"), Some(Kind::Pod)), expected);
    }

    #[test]
    fn a_key_without_a_value_is_kept_as_such() {
        let text = "kind:\nmetadata:\n  labels:\n    a:\n    b: c\n  name:\nspec:\n  volumes:\n";
        let expected = "{ 1:kind  2:metadata { 3:labels { 4:a  5:b c } 6:name  } 7:spec { } }";
        assert_eq!(kept(text, Some(Kind::Pod)), expected);
    }

    #[test]
    fn what_is_not_of_the_plain_subset_is_left_to_the_readers() {
        for text in [
            "a: b\n c: d\n",
            "a: b: c\n",
            "a: \"b\n  c\"\n",
            "a: 'b\n",
            "a: {b: {c: d}}\n",
            "a: {b:c}\n",
            "a: [?b]\n",
            "a: [b, ]\n",
            "a: [b\n",
            "a: {b: c]\n",
            "a: &x b\n",
            "a: *x\n",
            "a: !t b\n",
            "<<: x\n",
            "a: b # c\n",
            "a:\n    b: c\n  d: e\n",
            "a: |\n    x\n  y\n",
            "a: |2\n  x\n",
            "a:\n\t- b\n",
            "? a\n: b\n",
            "- a\nb: c\n",
            "a: b\n- c\n",
            "a:\n-\n",
            "a: \"\\x41\"\n",
            "a: é\n",
            "a: b\rc\n",
            "a: b\r\r\n",
            "a: b\r \n",
            "a: |\n \n  x\n",
            "a\n",
            "--- a\n",
            "a: b\n---\nc: d\n",
            "a: 'b'c'\n",
            "a: \"b\"c\"\n",
            "a: - b\n",
            "- - a: b\n   c: d\n",
        ] {
            assert!(!is_plain_block(text), "{text}");
        }
    }
}
