//! Answers sentences from the command line or from standard input.

use std::io::{self, Read as _};

use super::args::{Given, Invocation};
use super::color::Console;
use super::{Streams, Surroundings, export, input};
use crate::error::{ErrorCode, QueryError};
use crate::execute::{Exit, Warning};
use crate::render::{self, Options, Palette};
use crate::reply::Reply;
use crate::session::Session;
use crate::syntax;

/// The longest text of sentences, in bytes.
const MAX_TEXT: u64 = 1 << 26;

/// Answers sentences; the exit is that of the gravest.
pub(super) fn ask(
    invocation: &Invocation,
    sentences: &[String],
    streams: &mut Streams<'_>,
    around: &Surroundings,
    console: &Console,
) -> io::Result<Exit> {
    let texts = match texts(invocation, sentences, streams, around) {
        Ok(texts) => texts,
        Err(error) => {
            input::complain(invocation, streams, console, &error)?;
            return Ok(Exit::Wrong);
        }
    };
    let Some(mut session) = input::session(invocation, streams, console)? else {
        return Ok(Exit::Wrong);
    };
    let mut gravest = Exit::Yes;
    for text in &texts {
        for chunk in syntax::chunks(text) {
            let exit = answer(invocation, &mut session, chunk, streams, around, console)?;
            gravest = gravest.max(exit);
        }
    }
    Ok(gravest)
}

fn answer(
    invocation: &Invocation,
    session: &mut Session,
    chunk: syntax::Chunk<'_>,
    streams: &mut Streams<'_>,
    around: &Surroundings,
    console: &Console,
) -> io::Result<Exit> {
    let before = (around.clock)();
    let replies = session.chunk(chunk);
    let elapsed = (around.clock)().saturating_sub(before);
    let options = Options {
        format: invocation.args.output,
        palette: console.out,
        width: around.width,
        explain: invocation.args.explain,
        elapsed_us: invocation
            .args
            .stats
            .then(|| u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX)),
    };
    let mut gravest = Exit::Yes;
    for reply in &replies {
        gravest = gravest.max(show(session, reply, &options, streams, console)?);
    }
    Ok(gravest)
}

/// Prints one reply: the answer to one stream, its errors and warnings to the other.
fn show(
    session: &Session,
    reply: &Reply,
    options: &Options,
    streams: &mut Streams<'_>,
    console: &Console,
) -> io::Result<Exit> {
    match export::write(reply, options) {
        Some(Ok(said)) => writeln!(streams.err, "{said}")?,
        Some(Err(error)) => {
            let refused = Reply { result: Err(error), ..reply.clone() };
            return show(session, &refused, options, streams, console);
        }
        None => {}
    }
    if let Some(error) = render::reply(streams.out, reply, options)? {
        streams.out.flush()?;
        write!(streams.err, "{}", render::error_text(&reply.query, &error, &console.err))?;
        return Ok(Exit::Wrong);
    }
    if let (Some(elapsed), false) = (options.elapsed_us, options.format.is_json()) {
        writeln!(streams.err, "{elapsed} µs")?;
    }
    if let Ok(answer) = &reply.result {
        let own = answer.warnings.len().saturating_sub(session.input_warnings());
        for warning in answer.warnings.iter().take(own) {
            write_warning(streams, warning, console)?;
        }
    }
    Ok(reply.exit())
}

fn write_warning(
    streams: &mut Streams<'_>,
    warning: &Warning,
    console: &Console,
) -> io::Result<()> {
    let mark = Palette::paint(console.err.doubt, "warning:");
    writeln!(streams.err, "{mark} {}", warning.message)
}

/// Returns the texts that hold the sentences.
fn texts(
    invocation: &Invocation,
    sentences: &[String],
    streams: &mut Streams<'_>,
    around: &Surroundings,
) -> Result<Vec<String>, QueryError> {
    if !sentences.is_empty() {
        return Ok(sentences.to_vec());
    }
    let usage = |message: &str| QueryError::new(ErrorCode::Usage, message);
    if invocation.sources.contains(&Given::Path("-".into())) {
        let error = usage("standard input holds the manifests, so there is no sentence");
        return Err(error.help("give the sentences as arguments"));
    }
    if around.terminals.input {
        let error = usage("there is no sentence to answer");
        return Err(error.help("ask one: netpol-query -f manifests/ \"can frontend reach db on 5432\" (--help shows more)"));
    }
    let mut text = String::new();
    streams.input.take(MAX_TEXT).read_to_string(&mut text).map_err(|error| {
        QueryError::new(ErrorCode::Input, format!("standard input cannot be read: {error}"))
    })?;
    Ok(vec![text])
}
