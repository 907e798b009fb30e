//! YAML events folded into a [`Node`]: bounded in depth, size and what aliases expand to.

use std::collections::{HashMap, HashSet};

use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput, Tag};

use super::diagnostic::DiagnosticCode;
use super::tree::{Content, Entry, Node, Scalar};

/// The deepest nesting of a document.
pub(super) const MAX_DEPTH: usize = 200;
/// The most that a document may hold, its aliases expanded: one for each value and one for each 64 bytes of text.
const MAX_WEIGHT: usize = 2_000_000;

/// The longest line.
const MAX_LINE_BYTES: usize = 4 << 20;

/// Why a document cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ReadError {
    /// [`DiagnosticCode::Syntax`] or [`DiagnosticCode::Limit`].
    pub(super) code: DiagnosticCode,
    /// The line in the file.
    pub(super) line: u32,
    /// What is wrong.
    pub(super) message: String,
}

/// Reads one document whose first line is `first_line`; `None` where it holds nothing.
pub(super) fn read(text: &str, first_line: u32) -> Result<Option<Node>, ReadError> {
    let mut fold = Fold::new(text, first_line);
    fold.check_lines()?;
    let mut parser = Parser::new_from_str(text);
    while let Some((event, span)) = next(&mut parser, first_line)? {
        if event == Event::StreamEnd {
            break;
        }
        fold.take(event, span)?;
    }
    Ok(fold.root.filter(|n| !n.is_null()))
}

type Events<'t> = Parser<'t, StrInput<'t>>;

fn next<'t>(
    parser: &mut Events<'t>,
    first_line: u32,
) -> Result<Option<(Event<'t>, Span)>, ReadError> {
    match parser.next_event() {
        None => Ok(None),
        Some(Ok(event)) => Ok(Some(event)),
        Some(Err(error)) => {
            let line = absolute(error.marker().line(), first_line);
            let message = error.info().to_string();
            if message.contains("recursion limit") {
                return Err(too_deep(line));
            }
            Err(ReadError { code: DiagnosticCode::Syntax, line, message })
        }
    }
}

fn too_deep(line: u32) -> ReadError {
    let message = format!("values are nested more than {MAX_DEPTH} deep");
    ReadError { code: DiagnosticCode::Limit, line, message }
}

fn absolute(line: usize, first_line: u32) -> u32 {
    u32::try_from(line.saturating_sub(1)).unwrap_or(u32::MAX).saturating_add(first_line)
}

fn line_of(span: Span, first_line: u32) -> u32 {
    absolute(span.start.line(), first_line)
}

/// A collection that is not complete yet.
struct Frame {
    line: u32,
    anchor: usize,
    flow: bool,
    collection: Collection,
}

enum Collection {
    Sequence(Vec<Node>),
    Mapping { entries: Vec<Entry>, key: Option<(Scalar, u32)> },
}

struct Fold<'t> {
    lines: Vec<&'t str>,
    first_line: u32,
    stack: Vec<Frame>,
    anchors: HashMap<usize, (Node, Size)>,
    weight: usize,
    root: Option<Node>,
}

impl<'t> Fold<'t> {
    fn new(text: &'t str, first_line: u32) -> Self {
        Self {
            lines: text.split('\n').collect(),
            first_line,
            stack: Vec::new(),
            anchors: HashMap::new(),
            weight: 0,
            root: None,
        }
    }

    /// The scanner holds the tokens of a line at once, and YAML 1.1 breaks lines where 1.2 does not.
    fn check_lines(&self) -> Result<(), ReadError> {
        let numbered = (self.first_line..).zip(&self.lines);
        for (line, text) in numbered {
            if text.len() > MAX_LINE_BYTES {
                let message = format!("the line is longer than {} MiB", MAX_LINE_BYTES >> 20);
                return Err(ReadError { code: DiagnosticCode::Limit, line, message });
            }
            if !text.is_ascii() && text.contains(['\u{85}', '\u{2028}', '\u{2029}']) {
                let message =
                    "a character here ends the line in YAML 1.1, but not in 1.2: write it escaped";
                return Err(syntax(line, message.into()));
            }
        }
        Ok(())
    }

    fn take(&mut self, event: Event<'t>, span: Span) -> Result<(), ReadError> {
        let line = line_of(span, self.first_line);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let scalar = scalar(&text, style, tag.as_deref()).map_err(|m| syntax(line, m))?;
                self.weigh(1 + text.len() / 64, line)?;
                let node = Node { line, content: Content::Scalar(scalar) };
                self.complete(node, anchor, span)?;
            }
            Event::SequenceStart(anchor, _) => {
                self.open(anchor, Collection::Sequence(Vec::new()), span)?;
            }
            Event::MappingStart(anchor, _) => {
                let collection = Collection::Mapping { entries: Vec::new(), key: None };
                self.open(anchor, collection, span)?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span)?,
            Event::Alias(anchor) => self.alias(anchor, span)?,
            // Documents were cut apart at their markers; one that is left hides behind another line break.
            Event::DocumentStart(_) if self.root.is_some() => {
                return Err(syntax(
                    line,
                    "a second document starts here, not at a line's start".into(),
                ));
            }
            _ => {}
        }
        Ok(())
    }

    fn weigh(&mut self, weight: usize, line: u32) -> Result<(), ReadError> {
        self.weight = self.weight.saturating_add(weight);
        if self.weight <= MAX_WEIGHT {
            return Ok(());
        }
        let message =
            format!("the document holds more than {MAX_WEIGHT} values, its aliases expanded");
        Err(ReadError { code: DiagnosticCode::Limit, line, message })
    }

    fn open(&mut self, anchor: usize, collection: Collection, span: Span) -> Result<(), ReadError> {
        let line = line_of(span, self.first_line);
        if self.stack.len() >= MAX_DEPTH {
            return Err(too_deep(line));
        }
        self.weigh(1, line)?;
        let line = self.item_line(span, line);
        let flow = self.stack.last().is_some_and(|f| f.flow) || self.starts_flow(span);
        self.stack.push(Frame { line, anchor, flow, collection });
        Ok(())
    }

    fn close(&mut self, span: Span) -> Result<(), ReadError> {
        let Some(Frame { line, anchor, collection, .. }) = self.stack.pop() else { return Ok(()) };
        // What grew by doubling is cut to its size: most collections of a manifest hold one or two values.
        let content = match collection {
            Collection::Sequence(mut items) => {
                items.shrink_to_fit();
                Content::Sequence(items)
            }
            Collection::Mapping { entries, .. } => {
                let mut entries = merged(entries)?;
                entries.shrink_to_fit();
                Content::Mapping(entries)
            }
        };
        self.place(Node { line, content }, anchor, span)
    }

    fn complete(&mut self, mut node: Node, anchor: usize, span: Span) -> Result<(), ReadError> {
        node.line = self.item_line(span, node.line);
        self.place(node, anchor, span)
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<(), ReadError> {
        let line = line_of(span, self.first_line);
        let Some(size) = self.anchors.get(&anchor).map(|a| a.1) else {
            return Err(syntax(line, "an alias stands inside its own anchor".into()));
        };
        self.weigh(size.weight, line)?;
        if self.stack.len() + size.depth > MAX_DEPTH {
            return Err(too_deep(line));
        }
        if let Some((node, _)) = self.anchors.get(&anchor) {
            let mut node = node.clone();
            node.line = self.item_line(span, line);
            self.place(node, 0, span)?;
        }
        Ok(())
    }

    /// Puts a node where it belongs.
    fn place(&mut self, node: Node, anchor: usize, span: Span) -> Result<(), ReadError> {
        if anchor > 0 {
            let size = size(&node);
            self.weigh(size.weight, node.line)?;
            self.anchors.insert(anchor, (node.clone(), size));
        }
        let line = line_of(span, self.first_line);
        let Some(frame) = self.stack.last_mut() else {
            self.root.get_or_insert(node);
            return Ok(());
        };
        match &mut frame.collection {
            Collection::Sequence(items) => items.push(node),
            Collection::Mapping { entries, key } => match (key.take(), node) {
                (Some((key, line)), value) => {
                    entries.push(Entry { key, value: Node { line, ..value } });
                }
                (None, Node { line, content: Content::Scalar(scalar) }) => {
                    *key = Some((scalar, line));
                }
                (None, _) => return Err(syntax(line, "a key must be a scalar".into())),
            },
        }
        Ok(())
    }

    /// Tells whether a collection in block context is written with brackets: it is the only one on its line.
    fn starts_flow(&self, span: Span) -> bool {
        let line = self.lines.get(span.end.line().saturating_sub(1)).copied().unwrap_or_default();
        let last = span.end.col().checked_sub(1).and_then(|col| line.chars().nth(col));
        !span.is_empty() && matches!(last, Some('[' | '{'))
    }

    /// Returns the line of the `-` before an item of a block list; `line` for anything else.
    fn item_line(&self, span: Span, line: u32) -> u32 {
        match self.stack.last() {
            Some(Frame { collection: Collection::Sequence(_), flow: false, .. }) => {}
            _ => return line,
        }
        let own = span.start.line().saturating_sub(1);
        let before: String = self
            .lines
            .get(own)
            .map(|l| l.chars().take(span.start.col()).collect())
            .unwrap_or_default();
        if before.trim_end().ends_with('-') {
            return line;
        }
        let written = |l: &&str| {
            let l = l.trim_start();
            !(l.is_empty() || l.starts_with('#'))
        };
        let above = self.lines.iter().take(own).rev().take_while(|l| !written(l)).count() + 1;
        line.saturating_sub(u32::try_from(above).unwrap_or(0)).max(self.first_line)
    }
}

fn syntax(line: u32, message: String) -> ReadError {
    ReadError { code: DiagnosticCode::Syntax, line, message }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Scalar, String> {
    let plain = style == ScalarStyle::Plain;
    let Some(tag) = tag else {
        return Ok(if plain { Scalar::plain(text) } else { Scalar::text(text) });
    };
    match (tag.is_yaml_core_schema(), tag.suffix.as_str()) {
        (true, "str") => Ok(Scalar::text(text)),
        (true, "bool" | "int" | "float" | "null") => Ok(Scalar::plain(text)),
        (false, "") => Ok(Scalar::text(text)),
        _ => Err(format!("the tag `{tag}` is not known")),
    }
}

/// What a node takes.
#[derive(Clone, Copy)]
struct Size {
    weight: usize,
    depth: usize,
}

fn size(node: &Node) -> Size {
    let around = |inner: Size, part: Size| Size {
        weight: inner.weight + part.weight,
        depth: inner.depth.max(part.depth + 1),
    };
    let alone = Size { weight: 1, depth: 1 };
    match &node.content {
        Content::Scalar(scalar) => Size { weight: 1 + scalar.text.len() / 64, depth: 0 },
        Content::Sequence(items) => items.iter().map(size).fold(alone, around),
        Content::Mapping(entries) => entries
            .iter()
            .map(|e| size(&e.value))
            .fold(alone, |all, part| around(Size { weight: all.weight + 1, ..all }, part)),
    }
}

/// Applies merge keys (`<<`): what they bring stands behind the mapping's own keys.
fn merged(entries: Vec<Entry>) -> Result<Vec<Entry>, ReadError> {
    let is_merge = |e: &Entry| &*e.key.text == "<<";
    if !entries.iter().any(is_merge) {
        return Ok(entries);
    }
    let (merges, mut own): (Vec<_>, Vec<_>) = entries.into_iter().partition(is_merge);
    let mut seen: HashSet<String> = own.iter().map(|e| e.key.as_key().into_owned()).collect();
    for merge in merges {
        let line = merge.value.line;
        let sources = match merge.value.content {
            Content::Sequence(items) => items,
            content => vec![Node { line, content }],
        };
        for source in sources {
            let Content::Mapping(entries) = source.content else {
                return Err(syntax(line, "`<<` takes a mapping or a list of mappings".into()));
            };
            own.extend(entries.into_iter().filter(|e| seen.insert(e.key.as_key().into_owned())));
        }
    }
    Ok(own)
}
