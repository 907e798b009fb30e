//! Arguments, streams and exit codes: the only place that knows a terminal, the environment and a clock.

#[cfg(feature = "enforce")]
mod annotate;
mod args;
mod ask;
mod color;
mod config;
mod contracts;
mod convert;
mod diff;
#[cfg(all(feature = "enforce", target_os = "linux"))]
mod enforce;
mod help;
mod history;
mod input;
mod lint;
mod options;
mod reader;
mod repl;
#[cfg(feature = "enforce")]
mod replay;
mod report;
mod screen;

use std::ffi::OsString;
use std::io::{self, BufWriter, IsTerminal as _, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use args::{Args, Command, Invocation};
use screen::{Paged, Pager};

use crate::error::{ErrorCode, QueryError};
use crate::execute::Exit;
use crate::render::{self, Palette};

/// What surrounds the program.
#[derive(Debug)]
pub struct Surroundings {
    /// Whether `NO_COLOR` is set to something.
    pub no_color: bool,
    /// Which streams are a person's terminal.
    pub terminals: Terminals,
    /// The width of the terminal that answers go to.
    pub width: Option<usize>,
    /// The time since some fixed moment.
    pub clock: fn() -> Duration,
    /// The columns and rows of the terminal.
    pub size: fn() -> Option<(u16, u16)>,
    /// The program that shows long answers (`PAGER`); none where it is empty.
    pub pager: Option<String>,
    /// Where the state of programs is kept: `XDG_STATE_HOME`, else `.local/state` at home.
    pub state: Option<PathBuf>,
    /// The current directory, from which files are opened; none where it is not known.
    pub directory: Option<PathBuf>,
}

impl Default for Surroundings {
    /// No terminal, no environment, no time.
    fn default() -> Self {
        Self {
            no_color: false,
            terminals: Terminals::default(),
            width: None,
            clock: Duration::default,
            size: || None,
            pager: None,
            state: None,
            directory: None,
        }
    }
}

/// Which streams are a person's terminal.
#[derive(Clone, Copy, Debug, Default)]
pub struct Terminals {
    /// Where sentences come from.
    pub input: bool,
    /// Where answers go.
    pub out: bool,
    /// Where errors go.
    pub err: bool,
}

/// The streams of the program.
pub struct Streams<'a> {
    /// Where sentences and manifests may come from.
    pub input: &'a mut dyn Read,
    /// Where answers go.
    pub out: &'a mut dyn Write,
    /// Where progress, warnings and errors go.
    pub err: &'a mut dyn Write,
}

impl std::fmt::Debug for Streams<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Streams")
    }
}

/// Runs the program on the process's own arguments and streams.
pub fn main() -> ExitCode {
    std::panic::set_hook(Box::new(|_| {}));
    let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    let mut streams =
        Streams { input: &mut io::stdin().lock(), out: &mut out, err: &mut io::stderr() };
    let code = run(std::env::args_os().collect(), &mut streams, &surroundings());
    ExitCode::from(code)
}

#[expect(clippy::disallowed_methods, reason = "the environment and the clock are read here alone")]
fn surroundings() -> Surroundings {
    use std::sync::OnceLock;
    use std::time::Instant;
    static START: OnceLock<Instant> = OnceLock::new();
    Surroundings {
        no_color: std::env::var("NO_COLOR").is_ok_and(|v| !v.is_empty()),
        width: terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| width.0.into()),
        terminals: Terminals {
            input: io::stdin().is_terminal(),
            out: io::stdout().is_terminal(),
            err: io::stderr().is_terminal(),
        },
        clock: || START.get_or_init(Instant::now).elapsed(),
        size: || terminal_size::terminal_size().map(|(width, height)| (width.0, height.0)),
        pager: Some(std::env::var("PAGER").unwrap_or_else(|_| "less".into()))
            .filter(|p| !p.trim().is_empty() && p != "cat"),
        state: directory("XDG_STATE_HOME")
            .or_else(|| directory("HOME").map(|home| home.join(".local/state"))),
        directory: std::env::current_dir().ok(),
    }
}

/// Returns an absolute path of the environment.
fn directory(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute())
}

/// Returns the pager for a terminal, unless the command line or the environment wants none.
fn pager(args: &Args, around: &Surroundings) -> Option<Pager> {
    if args.no_pager || !around.terminals.out {
        return None;
    }
    Some(Pager { program: around.pager.clone()?, size: (around.size)()? })
}

/// Runs the program and returns its exit code. A panic inside is a bug: it ends with 4, never with a backtrace.
pub fn run(args: Vec<OsString>, streams: &mut Streams<'_>, around: &Surroundings) -> u8 {
    let json = args::wants_json(&args);
    let ended = catch_unwind(AssertUnwindSafe(|| guarded(args, streams, around)));
    let exit = match ended {
        Ok(Ok(exit)) => exit,
        // Whoever read the answers has seen enough.
        Ok(Err(error)) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Yes,
        Ok(Err(error)) => unwritten(streams.err, &error),
        Err(panic) => {
            internal(streams, &*panic, json);
            Exit::Bug
        }
    };
    match streams.out.flush() {
        // What could not be written before would be said twice.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe && exit != Exit::Wrong => {
            unwritten(streams.err, &error).code()
        }
        _ => exit.code(),
    }
}

/// An answer that did not get to its reader is no answer.
fn unwritten(err: &mut dyn Write, error: &io::Error) -> Exit {
    let _unheard = writeln!(err, "error: cannot write: {error}");
    Exit::Wrong
}

fn internal(streams: &mut Streams<'_>, panic: &(dyn std::any::Any + Send), json: Option<bool>) {
    let text = panic
        .downcast_ref::<&str>()
        .map(|s| (*s).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    let error = QueryError::new(ErrorCode::Internal, format!("the program itself failed: {text}"))
        .help("this is a bug; please report it together with the input");
    let _unheard = write!(streams.err, "{}", render::error_text("", &error, &Palette::default()));
    if let Some(pretty) = json {
        let _unheard = render::usage_error(streams.out, &error, pretty);
    }
}

fn guarded(
    args: Vec<OsString>,
    streams: &mut Streams<'_>,
    around: &Surroundings,
) -> io::Result<Exit> {
    let json = args::wants_json(&args);
    let mut invocation = match args::parse(args) {
        Ok(invocation) => invocation,
        Err(args::Refused::Shown(text)) => {
            write!(streams.out, "{text}")?;
            return Ok(Exit::Yes);
        }
        Err(args::Refused::Wrong(error)) => {
            write!(streams.err, "{}", render::error_text("", &error, &Palette::default()))?;
            if let Some(pretty) = json {
                render::usage_error(streams.out, &error, pretty)?;
            }
            return Ok(Exit::Wrong);
        }
    };
    let given = invocation.args.config.as_deref();
    invocation.config = config::load(given, around.directory.as_deref());
    command(&invocation, streams, around)
}

fn command(
    invocation: &Invocation,
    streams: &mut Streams<'_>,
    around: &Surroundings,
) -> io::Result<Exit> {
    let console = color::Console::new(&invocation.args, around);
    match &invocation.command {
        Command::Ask(sentences) if sentences.is_empty() && is_shell(invocation, around) => {
            repl::run(invocation, streams, around, &console)
        }
        Command::Ask(sentences) => match pager(&invocation.args, around) {
            Some(pager) => paged(invocation, sentences, (streams, pager), around, &console),
            None => ask::ask(invocation, sentences, streams, around, &console),
        },
        Command::Test(files) => contracts::test(invocation, files, streams, around, &console),
        Command::Lint => lint::lint(invocation, streams, around, &console),
        #[cfg(all(feature = "enforce", target_os = "linux"))]
        Command::Enforce => enforce::enforce(invocation, streams, around, &console),
        Command::Convert => convert::convert(invocation, streams, &console),
        Command::Diff => diff::diff(invocation, streams, around, &console),
        #[cfg(feature = "enforce")]
        Command::Replay(files) => replay::replay(invocation, files, streams, around, &console),
        Command::Completions(shell) => args::completions(*shell, streams.out).map(|()| Exit::Yes),
        Command::Man => args::man(streams.out).map(|()| Exit::Yes),
    }
}

/// Tells whether questions come from a person at a terminal.
fn is_shell(invocation: &Invocation, around: &Surroundings) -> bool {
    let stdin_is_taken = invocation.sources.contains(&args::Given::Path("-".into()));
    around.terminals.input && around.terminals.out && !stdin_is_taken
}

/// Answers sentences on a terminal; what is longer than the screen goes through a pager.
fn paged(
    invocation: &Invocation,
    sentences: &[String],
    (streams, pager): (&mut Streams<'_>, Pager),
    around: &Surroundings,
    console: &color::Console,
) -> io::Result<Exit> {
    let mut out = Paged::new(streams.out, pager);
    let mut inner = Streams { input: streams.input, out: &mut out, err: streams.err };
    let ended = ask::ask(invocation, sentences, &mut inner, around, console);
    out.finish()?;
    ended
}
