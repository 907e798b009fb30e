//! Text cut into documents, and YAML lists cut at their items, without reading them: each piece keeps its first line.

use std::sync::Arc;

/// What the items of a typed list inherit where they do not say it themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Inherited {
    /// `apiVersion` of the list.
    pub(super) api_version: String,
    /// The list's kind without `List`; empty for a plain `List`.
    pub(super) kind: String,
}

/// A piece of YAML that holds one object.
#[derive(Clone, Debug)]
pub(super) struct Piece<'t> {
    /// Its text. That of an item is a block list with the one item, its `-` included.
    pub(super) text: &'t str,
    /// The line on which it starts.
    pub(super) line: u32,
    /// What the list says of it, for an item.
    pub(super) item_of: Option<Arc<Inherited>>,
}

/// Cuts a YAML stream at its `---` and `...` lines; pieces without content are left out.
pub(super) fn split(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut cut = Cut { start: 0, line: 1, content: false };
    let mut directives = false;
    let (mut number, mut offset) = (1_u32, 0);
    for marker in markers(text).chain([text.len()]) {
        let between = text.get(offset..marker).unwrap_or_default();
        for (_, line) in lines(between) {
            if cut.content {
                break;
            }
            directives |= line.starts_with('%');
            cut.content = !line.starts_with('%') && has_content(line);
        }
        let breaks = memchr::memchr_iter(b'\n', between.as_bytes()).count();
        number = number.saturating_add(u32::try_from(breaks).unwrap_or(u32::MAX));
        let Some((_, line)) = lines(text.get(marker..).unwrap_or_default()).next() else { break };
        if line.starts_with("---") {
            if !directives || cut.content {
                cut.end(text, marker, &mut pieces);
                cut = Cut { start: marker, line: number, content: false };
            }
            cut.content = has_content(line.get(3..).unwrap_or_default());
        } else {
            cut.end(text, marker, &mut pieces);
            cut = Cut { start: marker + line.len(), line: number + 1, content: false };
        }
        directives = false;
        offset = marker + line.len();
        number = number.saturating_add(u32::from(line.ends_with('\n')));
    }
    cut.end(text, text.len(), &mut pieces);
    pieces
}

/// Lists where document markers stand.
fn markers(text: &str) -> impl Iterator<Item = usize> {
    let is_at = |at: &usize| {
        let rest = text.get(*at..).unwrap_or_default();
        is_marker(rest, "---") || is_marker(rest, "...")
    };
    let behind = |i: usize| i + 1;
    let mut starts = memchr::memmem::find_iter(text.as_bytes(), "\n---").map(behind).peekable();
    let mut ends = memchr::memmem::find_iter(text.as_bytes(), "\n...").map(behind).peekable();
    let later = std::iter::from_fn(move || match (starts.peek(), ends.peek()) {
        (Some(start), Some(end)) if end < start => ends.next(),
        (Some(_), _) => starts.next(),
        (None, _) => ends.next(),
    });
    [0].into_iter().chain(later).filter(is_at)
}

/// Cuts a block-style `List` at its items; `None` where it is none, or where cutting could change its meaning.
pub(super) fn split_list<'t>(piece: &Piece<'t>) -> Option<Vec<Piece<'t>>> {
    let frame = ListFrame::read(piece)?;
    let items_text = piece.text.get(frame.items.clone())?;
    if has_anchors(piece.text) {
        return None;
    }
    let inherited = Arc::new(frame.inherited);
    let mut pieces = Vec::new();
    let mut start: Option<(usize, u32)> = None;
    let mut push = |start: Option<(usize, u32)>, end: usize| {
        let Some((from, line)) = start else { return };
        let text = items_text.get(from..end).unwrap_or_default();
        pieces.push(Piece { text, line, item_of: Some(Arc::clone(&inherited)) });
    };
    for (number, (offset, line)) in (frame.line..).zip(lines(items_text)) {
        if indentation(line) == frame.indent && is_dash(line.trim_start_matches(' ')) {
            push(start, offset);
            start = Some((offset, number));
        }
    }
    push(start, items_text.len());
    Some(pieces)
}

/// Lists the lines of a text with their offsets, line ends included.
pub(super) fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let rest = text.get(start..).filter(|r| !r.is_empty())?;
        let length = memchr::memchr(b'\n', rest.as_bytes()).map_or(rest.len(), |at| at + 1);
        let line = (start, rest.get(..length)?);
        start += length;
        Some(line)
    })
}

/// Returns the number of leading spaces.
pub(super) fn indentation(line: &str) -> usize {
    line.bytes().take_while(|b| *b == b' ').count()
}

/// Tells whether a line holds more than space and a comment.
pub(super) fn has_content(line: &str) -> bool {
    let line = line.trim();
    !line.is_empty() && !line.starts_with('#')
}

/// Tells whether a line without its indentation starts an item of a block list.
pub(super) fn is_dash(line: &str) -> bool {
    line.strip_prefix('-')
        .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}

/// Splits a `key: value` line whose key is a plain word and whose value is a plain or quoted word, or nothing.
pub(super) fn simple_entry(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.trim_end().split_once(':')?;
    let word = |b: u8| b.is_ascii_alphanumeric() || b"./-_".contains(&b);
    if key.is_empty() || !key.bytes().all(word) {
        return None;
    }
    if !(value.is_empty() || value.starts_with([' ', '\t'])) {
        return None;
    }
    let value = value.trim();
    let value = match value.find(" #") {
        _ if value.starts_with('#') => "",
        Some(comment) => value.get(..comment)?.trim_end(),
        None => value,
    };
    let quoted = |q: char| value.strip_prefix(q).and_then(|v| v.strip_suffix(q));
    let bare = quoted('"').or_else(|| quoted('\'')).unwrap_or(value);
    bare.bytes().all(word).then_some((key, bare))
}

struct Cut {
    start: usize,
    line: u32,
    content: bool,
}

impl Cut {
    fn end<'t>(&self, text: &'t str, end: usize, pieces: &mut Vec<Piece<'t>>) {
        if self.content {
            let text = text.get(self.start..end).unwrap_or_default();
            pieces.push(Piece { text, line: self.line, item_of: None });
        }
    }
}

/// Tells whether a line is a document marker: it stands at the margin and space follows it.
fn is_marker(line: &str, marker: &str) -> bool {
    line.strip_prefix(marker)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}

/// An anchor of one item may be used in another.
fn has_anchors(text: &str) -> bool {
    let at = |mark: &str| {
        text.match_indices(mark).any(|(i, _)| {
            let before = text.get(..i).and_then(|t| t.bytes().next_back());
            let after = text.as_bytes().get(i + 1).copied().unwrap_or(b' ');
            before.is_none_or(|b| b" \t\n[{,".contains(&b))
                && (after.is_ascii_alphanumeric() || after == b'_')
        })
    };
    at("*") && at("&")
}

/// What stands around the items of a list.
struct ListFrame {
    items: std::ops::Range<usize>,
    line: u32,
    indent: usize,
    inherited: Inherited,
}

impl ListFrame {
    /// Accepts `apiVersion`, `kind`, `metadata` and `items` at the margin, each once and plainly written.
    fn read(piece: &Piece<'_>) -> Option<Self> {
        if piece.item_of.is_some() {
            return None;
        }
        let mut api_version = None;
        let mut kind = None;
        let mut metadata = false;
        let mut items: Option<(usize, u32)> = None;
        let mut end = None;
        for (number, (offset, line)) in (piece.line..).zip(lines(piece.text)) {
            let margin = !line.starts_with([' ', '\t']) && has_content(line) && !is_dash(line);
            if !margin || is_marker(line, "---") && !has_content(line.get(3..)?) {
                continue;
            }
            if items.is_some() && end.is_none() {
                end = Some(offset);
            }
            match simple_entry(line)? {
                ("apiVersion", value) if api_version.is_none() && !value.is_empty() => {
                    api_version = Some(value.to_owned());
                }
                ("kind", value) if kind.is_none() => {
                    kind = Some(value.strip_suffix("List")?.to_owned());
                }
                ("metadata", "") if !metadata => metadata = true,
                ("items", "") if items.is_none() => items = Some((offset + line.len(), number + 1)),
                _ => return None,
            }
        }
        let (start, line) = items?;
        let end = end.unwrap_or(piece.text.len());
        let first = lines(piece.text.get(start..end)?).map(|l| l.1).find(|l| has_content(l))?;
        is_dash(first.trim_start_matches(' ')).then_some(())?;
        Some(Self {
            items: start..end,
            line,
            indent: indentation(first),
            inherited: Inherited { api_version: api_version?, kind: kind? },
        })
    }
}
