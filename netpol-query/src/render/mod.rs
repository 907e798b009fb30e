//! Answers as text for people and data for programs.

mod changes;
mod error;
mod failure;
mod findings;
mod format;
mod forms;
mod graph;
mod html;
mod json;
mod label;
mod palette;
#[cfg(feature = "enforce")]
pub(crate) mod replay;
pub(crate) mod review;
mod svg;
mod table;
mod text;
mod xml;

pub(crate) use changes::review as changes_review;
pub use error::error_text;
pub use failure::{InputProblem, input_error, usage_error};
pub(crate) use findings::write_review;
pub use format::Format;
pub use palette::Palette;
pub(crate) use xml::xml;

use std::io::{self, Write};

use crate::error::{ErrorCode, QueryError};
use crate::execute::{Body, Export};
use crate::reply::Reply;

/// How answers are rendered.
#[derive(Clone, Debug)]
pub struct Options {
    /// The format.
    pub format: Format,
    /// The colours, none where they are not wanted.
    pub palette: Palette,
    /// The width of the terminal, where answers go to one.
    pub width: Option<usize>,
    /// Whether rows that explain nothing else carry their reasons (`--explain`).
    pub explain: bool,
    /// The time that the sentence took, in microseconds, where it is to be printed.
    pub elapsed_us: Option<u64>,
}

/// Renders a reply in the format that it asks for, else in that of the options.
///
/// Returns the reply's error, or the error of a format that its answer cannot take, for whoever prints errors.
///
/// # Errors
///
/// What writing to `out` ends with.
pub fn reply(
    out: &mut dyn Write,
    reply: &Reply,
    options: &Options,
) -> io::Result<Option<QueryError>> {
    if let Some(bytes) = file_printed(reply, options) {
        if options.width.is_none() {
            out.write_all(bytes)?;
            return Ok(None);
        }
        let error = QueryError::new(ErrorCode::Usage, "a snapshot file is no text for a terminal");
        let help = "write it to a file: `export snapshot to ./cluster.snapshot`; or list it: `export snapshot as yaml`";
        return failed(out, reply, error.help(help), options);
    }
    if let Some(inner) = content(reply, options) {
        let (inner, options) = inner;
        return self::reply(out, &inner, &options);
    }
    let format = match wanted(reply, options) {
        Ok(format) => format,
        Err(error) => return failed(out, reply, error, options),
    };
    match &reply.result {
        Err(error) => failed(out, reply, error.clone(), options),
        Ok(answer) => {
            match format {
                Format::Json => json::answer(out, answer, options, true)?,
                Format::Jsonl => json::answer(out, answer, options, false)?,
                Format::Text | Format::Wide => text::answer(out, answer, options)?,
                Format::Yaml => json::yaml(out, answer, options)?,
                Format::Csv => table::csv(out, &answer.body)?,
                Format::Markdown => match &answer.body {
                    Body::Diff(changes) => changes::comment(out, changes)?,
                    body => table::markdown(out, body)?,
                },
                Format::Dot | Format::Mermaid | Format::Svg => forms::picture(out, answer, format)?,
                Format::Html => html::page(out, answer)?,
                Format::Sarif | Format::Github | Format::Gitlab | Format::Junit => {
                    forms::review(out, &answer.body, format)?;
                }
                // Only reports of contracts are written so.
                Format::Tap => {}
            }
            Ok(None)
        }
    }
}

/// Writes what a reply exports, in the form that its file's name asks for.
///
/// # Errors
///
/// What writing to `out` ends with.
pub fn exported(out: &mut dyn Write, reply: &Reply, options: &Options) -> io::Result<()> {
    if let Some(bytes) = export_of(reply).and_then(|export| export.file.as_deref()) {
        return out.write_all(bytes);
    }
    if let Some((inner, options)) = unwrapped(reply, options) {
        self::reply(out, &inner, &options)?;
    }
    Ok(())
}

fn export_of(reply: &Reply) -> Option<&Export> {
    match &reply.result.as_ref().ok()?.body {
        Body::Export(export) => Some(export),
        _ => None,
    }
}

/// Tells whether a format was asked for.
fn is_format_said(reply: &Reply, options: &Options) -> bool {
    reply.format.is_some() || options.format != Format::Text
}

/// Returns the snapshot file that goes to standard output, unless it is to be listed there in some format.
fn file_printed<'a>(reply: &'a Reply, options: &Options) -> Option<&'a [u8]> {
    let export = export_of(reply).filter(|export| export.path.is_none())?;
    export.file.as_deref().filter(|_| !is_format_said(reply, options))
}

/// Returns what is printed in place of an export that goes to no file.
fn content(reply: &Reply, options: &Options) -> Option<(Reply, Options)> {
    export_of(reply).filter(|export| export.path.is_none())?;
    unwrapped(reply, options)
}

/// Returns what an export contains as a reply of its own.
fn unwrapped(reply: &Reply, options: &Options) -> Option<(Reply, Options)> {
    let answer = reply.result.as_ref().ok()?;
    let Body::Export(export) = &answer.body else { return None };
    let format = match (&export.path, is_format_said(reply, options)) {
        (None, true) => options.format,
        _ => Format::of_word(export.form).unwrap_or(options.format),
    };
    let (palette, width) = (Palette::default(), None);
    let options = Options { format, palette, width, elapsed_us: None, ..options.clone() };
    let body = export.content.clone();
    let answer = crate::execute::Answer { body, ..answer.clone() };
    let word = reply.format.clone().filter(|_| export.path.is_none());
    Some((Reply { result: Ok(answer), format: word, ..reply.clone() }, options))
}

fn wanted(reply: &Reply, options: &Options) -> Result<Format, QueryError> {
    let format = match &reply.format {
        Some(word) => Format::of_word(word)
            .ok_or_else(|| QueryError::new(ErrorCode::Usage, format!("`{word}` is no format")))?,
        None => options.format,
    };
    let known = match &reply.result {
        Ok(answer) => forms::of(&answer.body),
        Err(_) => return Ok(format),
    };
    if known.contains(&format) {
        return Ok(format);
    }
    let known: Vec<&str> = known.iter().map(|f| f.as_str()).collect();
    let message = format!("this answer has no form as {}", format.as_str());
    Err(QueryError::new(ErrorCode::Usage, message).help(format!("it can be {}", known.join(", "))))
}

fn failed(
    out: &mut dyn Write,
    reply: &Reply,
    error: QueryError,
    options: &Options,
) -> io::Result<Option<QueryError>> {
    match options.format {
        Format::Json => failure::error(out, &reply.query, &error, true)?,
        Format::Jsonl => failure::error(out, &reply.query, &error, false)?,
        _ => {}
    }
    Ok(Some(error))
}
