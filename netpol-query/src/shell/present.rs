//! One reply as a reader gets it: the answer to one stream, its errors and warnings to the other.

use std::io::{self, Write};

use super::export;
use crate::execute::Exit;
use crate::render::{self, Options, Palette};
use crate::reply::Reply;

/// What is shown of one reply.
#[derive(Clone, Debug, Default)]
pub(super) struct Piece {
    pub(super) out: Vec<u8>,
    pub(super) err: String,
}

/// Renders a reply to be shown later; a file that it asks for is written then.
pub(super) fn piece(
    reply: &Reply,
    options: &Options,
    palette: &Palette,
    of_input: usize,
) -> io::Result<Piece> {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    print(reply, options, palette, of_input, &mut out, &mut err)?;
    Ok(Piece { out, err: String::from_utf8_lossy(&err).into_owned() })
}

/// Writes the file that a reply asks for, if it does, and prints the reply.
pub(crate) fn show(
    reply: &Reply,
    options: &Options,
    palette: &Palette,
    of_input: usize,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<Exit> {
    match export::write(reply, options) {
        Some(Ok(said)) => writeln!(err, "{said}")?,
        Some(Err(error)) => {
            let refused = Reply { result: Err(error), ..reply.clone() };
            return print(&refused, options, palette, of_input, out, err);
        }
        None => {}
    }
    print(reply, options, palette, of_input, out, err)
}

/// Prints a reply. Warnings about the input, which end those of every answer, were printed when it was loaded.
fn print(
    reply: &Reply,
    options: &Options,
    palette: &Palette,
    of_input: usize,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<Exit> {
    if let Some(error) = render::reply(out, reply, options)? {
        out.flush()?;
        write!(err, "{}", render::error_text(&reply.query, &error, palette))?;
        return Ok(Exit::Wrong);
    }
    if let (Some(elapsed), false) = (options.elapsed_us, options.format.is_json()) {
        writeln!(err, "{elapsed} µs")?;
    }
    if let Ok(answer) = &reply.result {
        let own = answer.warnings.len().saturating_sub(of_input);
        let mark = Palette::paint(palette.doubt, "warning:");
        for warning in answer.warnings.iter().take(own) {
            writeln!(err, "{mark} {}", warning.message)?;
        }
    }
    Ok(reply.exit())
}
