//! Errors as the JSON of the contract.

use std::io::{self, Write};

use serde::Serialize;

use super::json::{SCHEMA, write};
use crate::error::{ErrorCode, QueryError};

/// Writes the error of a sentence.
pub(super) fn error(
    out: &mut dyn Write,
    query: &str,
    error: &QueryError,
    pretty: bool,
) -> io::Result<()> {
    write(out, &failure(Some(query), error, None), pretty)
}

/// Something wrong with the input.
#[derive(Clone, Debug, Serialize)]
pub struct InputProblem {
    /// Its stable code.
    pub code: String,
    /// What is wrong.
    pub message: String,
    /// The object.
    pub object: Option<String>,
    /// The file.
    pub file: Option<String>,
    /// The line.
    pub line: Option<u32>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// Writes the error of an input with every problem that it has.
///
/// # Errors
///
/// What writing to `out` ends with.
pub fn input_error(
    out: &mut dyn Write,
    message: &str,
    details: &[InputProblem],
    pretty: bool,
) -> io::Result<()> {
    let error = QueryError::new(ErrorCode::Input, message);
    write(out, &failure(None, &error, Some(details)), pretty)
}

/// Writes an error that concerns no sentence.
///
/// # Errors
///
/// What writing to `out` ends with.
pub fn usage_error(out: &mut dyn Write, error: &QueryError, pretty: bool) -> io::Result<()> {
    write(out, &failure(None, error, None), pretty)
}

#[derive(Serialize)]
struct FailureView<'a> {
    schema: &'static str,
    query: Option<&'a str>,
    error: ErrorView<'a>,
}

#[derive(Serialize)]
struct ErrorView<'a> {
    code: &'static str,
    message: &'a str,
    span: Option<[usize; 2]>,
    help: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<&'a [InputProblem]>,
}

fn failure<'a>(
    query: Option<&'a str>,
    error: &'a QueryError,
    details: Option<&'a [InputProblem]>,
) -> FailureView<'a> {
    FailureView {
        schema: SCHEMA,
        query,
        error: ErrorView {
            code: error.code.as_str(),
            message: &error.message,
            span: error.span.map(|s| [s.start, s.end]),
            help: error.help.as_deref(),
            details,
        },
    }
}
