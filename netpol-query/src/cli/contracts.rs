//! `netpol-query test FILE...`: runs contract files.

use std::io;
use std::path::{Path, PathBuf};

use super::args::Invocation;
use super::color::Console;
use super::report::{Case, Report, Status};
use super::{Streams, Surroundings, input};
use crate::bounded;
use crate::error::{ErrorCode, QueryError};
use crate::execute::{Body, Exit};
use crate::render::Format;
use crate::reply::Reply;
use crate::session::Session;
use crate::syntax::ast::ExpectSeverity;

/// The longest contract file, in bytes.
const MAX_FILE: u64 = 1 << 24;

/// Runs contract files: each begins anew, and each must expect something.
pub(super) fn test(
    invocation: &Invocation,
    files: &[PathBuf],
    streams: &mut Streams<'_>,
    around: &Surroundings,
    console: &Console,
) -> io::Result<Exit> {
    let format = invocation.args.output;
    if !Format::OF_TESTS.contains(&format) {
        let known: Vec<&str> = Format::OF_TESTS.iter().map(|f| f.as_str()).collect();
        let message = format!("the report of `test` has no form as {}", format.as_str());
        let error = QueryError::new(ErrorCode::Usage, message);
        let error = error.help(format!("it can be {}", known.join(", ")));
        input::complain(invocation, streams, console, &error)?;
        return Ok(Exit::Wrong);
    }
    let mut texts = Vec::new();
    for file in files {
        match read(file) {
            Ok(text) => texts.push((file.to_string_lossy().into_owned(), text)),
            Err(error) => {
                input::complain(invocation, streams, console, &error)?;
                return Ok(Exit::Wrong);
            }
        }
    }
    let Some(session) = input::session(invocation, streams, console)? else {
        return Ok(Exit::Wrong);
    };
    let before = (around.clock)();
    let mut report = Report::default();
    for (file, text) in &texts {
        run(&session, file, text, &mut report);
    }
    report.elapsed = (around.clock)().saturating_sub(before);
    report.write(streams.out, format, &console.out)?;
    streams.out.flush()?;
    Ok(report.exit())
}

pub(super) fn read(path: &Path) -> Result<String, QueryError> {
    bounded::file(path, MAX_FILE)
}

fn run(session: &Session, file: &str, text: &str, report: &mut Report) {
    let mut session = session.clone();
    let before = report.cases.len();
    for reply in session.text(text) {
        if let Some(status) = status(&reply) {
            report.cases.push(Case { file: file.to_owned(), reply, status });
        }
    }
    if !report.cases.iter().skip(before).any(|c| c.status != Status::Error) {
        report.empty.push(file.to_owned());
    }
}

/// Returns how a sentence fared; `None` where it expects nothing and is no mistake.
pub(super) fn status(reply: &Reply) -> Option<Status> {
    match &reply.result {
        Err(_) => Some(Status::Error),
        Ok(answer) => match &answer.body {
            Body::Expectation(expectation) => {
                Some(match (expectation.pass, expectation.severity) {
                    (Some(true), _) => Status::Pass,
                    (Some(false), ExpectSeverity::Fail) => Status::Fail,
                    (None, ExpectSeverity::Fail) => Status::Unknown,
                    (_, ExpectSeverity::Warn) => Status::Warn,
                })
            }
            _ => None,
        },
    }
}
