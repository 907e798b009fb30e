//! Answers as text for people and data for programs.

mod error;
mod format;
mod forms;
mod graph;
mod html;
mod json;
mod label;
mod palette;
mod svg;
mod table;
mod text;

pub use error::error_text;
pub use format::Format;
pub use json::{InputProblem, input_error, usage_error};
pub use palette::Palette;

use std::io::{self, Write};

use crate::error::{ErrorCode, QueryError};
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
                Format::Markdown => table::markdown(out, &answer.body)?,
                Format::Dot | Format::Mermaid | Format::Svg => forms::picture(out, answer, format)?,
                Format::Html => html::page(out, answer)?,
                _ => {}
            }
            Ok(None)
        }
    }
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
        Format::Json => json::error(out, &reply.query, &error, true)?,
        Format::Jsonl => json::error(out, &reply.query, &error, false)?,
        _ => {}
    }
    Ok(Some(error))
}
