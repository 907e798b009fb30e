//! Answers sentences from the command line or from standard input.

use std::io;

use super::args::{Given, Invocation};
use super::color::Console;
use super::screen::Progress;
use super::{Streams, Surroundings, input};
use crate::bounded;
use crate::error::{ErrorCode, QueryError};
use crate::execute::Exit;
use crate::render::{Options, Palette};
use crate::session::Session;
use crate::shell::show;
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
    if sentences.is_empty() && texts.iter().all(|text| syntax::chunks(text).is_empty()) {
        let mark = Palette::paint(console.err.doubt, "warning:");
        writeln!(streams.err, "{mark} there was no sentence on standard input")?;
    }
    for text in &texts {
        let chunks = syntax::chunks(text);
        if chunks.is_empty() && sentences.iter().any(|s| s != "-") {
            // An unset variable in a script must not pass for an answer.
            let error = QueryError::new(ErrorCode::Usage, "the sentence is empty")
                .help("ask something, such as `count flows`");
            input::complain(invocation, streams, console, &error)?;
            gravest = gravest.max(Exit::Wrong);
        }
        for chunk in chunks {
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
    let progress = Progress::start(console.progress, "answering");
    let replies = session.chunk(chunk);
    drop(progress);
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
        let of_input = session.input_warnings();
        let exit = show(reply, &options, &console.err, of_input, streams.out, streams.err)?;
        gravest = gravest.max(exit);
    }
    Ok(gravest)
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
    Ok(vec![bounded::text(&mut *streams.input, MAX_TEXT, "standard input")?])
}
