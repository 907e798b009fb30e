//! A first look at a piece of YAML, line by line: what it claims to be and whether a plain reader can be trusted with it.

use super::documents::{Piece, has_content, indentation, is_dash, lines, simple_entry};
use super::scalars;

/// The largest piece that the serde reader gets; its events take a hundred times their text at worst.
const MAX_READER_BYTES: usize = 4 << 20;
/// More brackets than this may nest too deep for the serde reader.
const MAX_READER_BRACKETS: usize = 250;
/// More indentation than this may nest too deep for the serde reader.
const MAX_READER_INDENTATION: usize = 250;

/// What a piece claims to be. It is a claim only: who relies on it compares it with what the reader found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header<'t> {
    /// `apiVersion`; empty where it is not written.
    pub(super) api_version: &'t str,
    /// `kind`; empty where it is not written.
    pub(super) kind: &'t str,
    /// The line of `kind:`, of the object's first line where it has none.
    pub(super) line: u32,
}

/// Looks for `apiVersion` and `kind` at the margin of a block-style object; `None` where they cannot be told for sure.
pub(super) fn look<'t>(piece: &Piece<'t>) -> Option<Header<'t>> {
    let mut margin = None;
    let (mut api_version, mut kind, mut first) = (None, None, None);
    for (number, (_, line)) in (piece.line..).zip(lines(piece.text)) {
        let mut indent = indentation(line);
        // Deeper lines are most of the text and tell nothing.
        if margin.is_some_and(|m| m < indent)
            || !has_content(line)
            || line.starts_with("---") && !has_content(line.get(3..)?)
        {
            continue;
        }
        if margin.is_none() && piece.item_of.is_some() {
            let rest = line.get(indent..)?;
            is_dash(rest).then_some(())?;
            indent += 1 + indentation(rest.get(1..)?);
            first.get_or_insert(number);
            if !has_content(line.get(indent..).unwrap_or_default()) {
                return None;
            }
        }
        first.get_or_insert(number);
        if indent != *margin.get_or_insert(indent) {
            continue;
        }
        match simple_entry(line.get(indent..)?) {
            Some(("kind", value)) if !value.is_empty() => {
                kind.is_none().then_some(())?;
                kind = Some((value, number));
            }
            Some(("apiVersion", value)) if !value.is_empty() => {
                api_version.is_none().then_some(())?;
                api_version = Some(value);
            }
            Some(("kind" | "apiVersion", _)) => return None,
            _ => {}
        }
        // Whether one of them stands there twice is for the reader to see.
        if kind.is_some() && api_version.is_some() {
            break;
        }
    }
    Some(Header {
        api_version: api_version.unwrap_or_default(),
        kind: kind.map_or("", |k| k.0),
        line: kind.map(|k| k.1).or(first)?,
    })
}

/// Tells whether the serde reader stays within bounds on a piece.
pub(super) fn is_bounded(text: &str) -> bool {
    text.len() <= MAX_READER_BYTES
        && text.bytes().filter(|b| matches!(b, b'[' | b'{')).count() <= MAX_READER_BRACKETS
        && text.split('\n').all(|l| l.len() <= MAX_READER_INDENTATION || nests_little(l))
}

fn nests_little(line: &str) -> bool {
    let lead = line.bytes().take_while(|b| b" -?:".contains(b)).count();
    lead <= MAX_READER_INDENTATION
}

/// Tells whether the serde reader, which follows YAML 1.2 and knows no merge keys, may read a piece otherwise than
/// kubectl does.
pub(super) fn is_suspicious(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(start) =
        bytes.get(at..).and_then(|rest| rest.iter().position(|b| starts_token(*b)))
    {
        let start = at + start;
        let rest = bytes.get(start..).unwrap_or_default();
        let length = rest.iter().position(|b| ends_token(*b)).unwrap_or(rest.len());
        let fresh = start == 0 || bytes.get(start - 1).is_some_and(|b| b" \t\n[{,".contains(b));
        if fresh && is_trap(text.get(start..start + length).unwrap_or_default()) {
            return true;
        }
        at = start + length.max(1);
    }
    false
}

fn is_trap(token: &str) -> bool {
    match token.as_bytes().first() {
        Some(b'!' | b'*' | b'&') => true,
        Some(b'<') => token == "<<",
        _ => token.len() <= 32 && scalars::reader_differs(token),
    }
}

fn starts_token(byte: u8) -> bool {
    matches!(
        byte,
        b'0'..=b'9'
            | b'y'
            | b'Y'
            | b'n'
            | b'N'
            | b'o'
            | b'O'
            | b'+'
            | b'-'
            | b'.'
            | b'!'
            | b'*'
            | b'&'
            | b'<'
    )
}

fn ends_token(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b',' | b']' | b'}' | b'#' | b':')
}
