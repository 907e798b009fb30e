//! Reads manifests, and says what is wrong with them.

use std::io::{self, Read, Write};
use std::path::Path;
use std::process;
use std::sync::Arc;

use netpol_core::reach::Snapshot;
use netpol_core::sources::{Diagnostic, LoadOptions, Loaded, Severity, Source, load};

use super::Streams;
use super::args::{DialectWord, Given, Invocation};
use super::color::Console;
use super::reader::Files;
use super::screen::Progress;
use crate::bounded;
use crate::error::{ErrorCode, QueryError};
use crate::execute::{LintInput, Settings, Warning, of_diagnostic};
use crate::render::{self, InputProblem, Palette};
use crate::session::Session;

/// The longest standard input, in bytes.
const MAX_STDIN: u64 = 1 << 31;
/// At most so many warnings about the input are printed for people.
const MOST_WARNINGS: usize = 8;

/// Loads what the command line names; `None` where it names nothing that can be read, which was complained about.
pub(super) fn loaded(
    invocation: &Invocation,
    streams: &mut Streams<'_>,
    console: &Console,
) -> io::Result<Option<Loaded>> {
    let sources = match sources(&invocation.sources, streams.input) {
        Ok(sources) => sources,
        Err(error) => {
            complain(invocation, streams, console, &error)?;
            return Ok(None);
        }
    };
    if let Some(error) = invocation.args.keep_going.then(|| missing(&sources)).flatten() {
        complain(invocation, streams, console, &error)?;
        return Ok(None);
    }
    let progress = Progress::start(console.progress, "reading manifests");
    let loaded = load(&sources, &options(invocation));
    drop(progress);
    Ok(Some(loaded))
}

/// Loads what the command line names and starts a session; `None` where the input is wrong and was complained about.
pub(super) fn session(
    invocation: &Invocation,
    streams: &mut Streams<'_>,
    console: &Console,
) -> io::Result<Option<Session>> {
    let Some(loaded) = loaded(invocation, streams, console)? else { return Ok(None) };
    if loaded.errors().count() > 0 && !invocation.args.keep_going {
        refuse(invocation, streams, console, &loaded)?;
        return Ok(None);
    }
    warn(streams.err, console, &loaded.diagnostics)?;
    let mut warnings: Vec<Warning> = loaded.diagnostics.iter().map(of_diagnostic).collect();
    if loaded.cluster.pods().is_empty() {
        let warning = no_pods("the input holds no pods: every answer about them is empty".into());
        let mark = Palette::paint(console.err.doubt, "warning:");
        writeln!(streams.err, "{mark} {}", warning.message)?;
        warnings.push(warning);
    }
    let lint = LintInput {
        diagnostics: [loaded.diagnostics, loaded.remarks].concat().into(),
        options: invocation.config.clone().map(|config| config.lint),
    };
    let settings = Settings {
        level: invocation.args.level(),
        explain: invocation.args.explain,
        page: invocation.args.output == render::Format::Html,
    };
    let progress = Progress::start(console.progress, "compiling policies");
    let snapshot = Snapshot::new(loaded.cluster, invocation.args.dialect());
    drop(progress);
    let session = Session::new(snapshot, settings)
        .with_namespace(invocation.args.namespace.clone())
        .with_input(loaded.completed, warnings)
        .with_reader(reader(invocation))
        .with_lint(lint);
    Ok(Some(session))
}

/// Warns of a state without pods.
pub(super) fn no_pods(message: String) -> Warning {
    Warning { code: "NO_PODS".to_owned(), message, object: None, file: None, line: None }
}

/// Makes what reads the manifests that sentences name.
fn reader(invocation: &Invocation) -> Arc<Files> {
    let path = |given: &Given| match given {
        Given::Path(path) if path.as_os_str() != "-" => Some(path.clone()),
        Given::Path(_) | Given::Kustomize(_) => None,
    };
    let given = invocation.sources.iter().filter_map(path).collect();
    Files::new(options(invocation), given, invocation.args.keep_going)
}

pub(super) fn options(invocation: &Invocation) -> LoadOptions {
    LoadOptions {
        namespace: invocation.args.namespace.clone(),
        np_guard: invocation.args.dialect == DialectWord::NpGuard,
        pod_cidrs: invocation.args.pod_cidr.clone(),
        domains: invocation.args.fqdn.clone(),
    }
}

pub(super) fn sources(given: &[Given], stdin: &mut dyn Read) -> Result<Vec<Source>, QueryError> {
    if given.is_empty() {
        let error = QueryError::new(ErrorCode::Usage, "there are no manifests to ask about");
        return Err(
            error.help("name them with `-f PATH` (a file, a directory, or `-`), or `-k DIR`")
        );
    }
    given.iter().map(|given| source(given, stdin)).collect()
}

/// Finds a path that is not there: a slip on the command line is no invalid object that could be left out.
pub(super) fn missing(sources: &[Source]) -> Option<QueryError> {
    sources.iter().find_map(|source| {
        let Source::Path(path) = source else { return None };
        let error = std::fs::symlink_metadata(path).err()?;
        let message = format!("{} cannot be read: {error}", path.display());
        Some(QueryError::new(ErrorCode::Input, message).help(
            "check the path and its permissions; `--keep-going` leaves out objects, not inputs",
        ))
    })
}

fn source(given: &Given, stdin: &mut dyn Read) -> Result<Source, QueryError> {
    match given {
        Given::Path(path) if path.as_os_str() == "-" => {
            let bytes = bounded::bytes(stdin, MAX_STDIN, "standard input")?;
            Ok(Source::Bytes { name: "-".into(), bytes: bytes.into() })
        }
        Given::Path(path) => Ok(Source::Path(path.clone())),
        Given::Kustomize(dir) => kustomize(dir),
    }
}

/// Renders a directory with whichever of the two programs is installed.
pub(super) fn kustomize(dir: &Path) -> Result<Source, QueryError> {
    let input = |message: String| QueryError::new(ErrorCode::Input, message);
    for (program, verb) in [("kubectl", "kustomize"), ("kustomize", "build")] {
        let done = process::Command::new(program)
            .arg(verb)
            .arg(dir)
            .stdin(process::Stdio::null())
            .output();
        match done {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(input(format!("`{program} {verb}` cannot be run: {error}"))),
            Ok(done) if done.status.success() => {
                let name: Arc<str> = dir.to_string_lossy().as_ref().into();
                return Ok(Source::Bytes { name, bytes: done.stdout.into() });
            }
            Ok(done) => {
                let said = String::from_utf8_lossy(&done.stderr);
                let said = said.trim().lines().last().unwrap_or_default().to_owned();
                let message = format!("`{program} {verb} {}` failed: {said}", dir.display());
                return Err(input(message));
            }
        }
    }
    let message = format!(
        "`{}` cannot be rendered: neither kubectl nor kustomize is installed",
        dir.display()
    );
    Err(input(message).help("install one of them, or render it elsewhere and pipe it into `-f -`"))
}

/// Prints an error that concerns no sentence.
pub(super) fn complain(
    invocation: &Invocation,
    streams: &mut Streams<'_>,
    console: &Console,
    error: &QueryError,
) -> io::Result<()> {
    write!(streams.err, "{}", render::error_text("", error, &console.err))?;
    let format = invocation.args.output;
    if format.is_json() {
        render::usage_error(streams.out, error, format == render::Format::Json)?;
    }
    Ok(())
}

/// Reports everything that is wrong with the input.
fn refuse(
    invocation: &Invocation,
    streams: &mut Streams<'_>,
    console: &Console,
    loaded: &Loaded,
) -> io::Result<()> {
    let errors: Vec<&Diagnostic> = loaded.errors().collect();
    let mark = Palette::paint(console.err.bad, "error:");
    for error in &errors {
        writeln!(streams.err, "{mark} {error}")?;
        if let Some(help) = &error.help {
            writeln!(streams.err, "  {help}")?;
        }
    }
    let (count, s) = (errors.len(), if errors.len() == 1 { "" } else { "s" });
    let message = format!("the input has {count} error{s}");
    writeln!(streams.err, "{message}; `--keep-going` answers on the rest")?;
    let format = invocation.args.output;
    if format.is_json() {
        let details: Vec<InputProblem> = errors.iter().map(|e| problem(e)).collect();
        render::input_error(streams.out, &message, &details, format == render::Format::Json)?;
    }
    Ok(())
}

pub(super) fn problem(diagnostic: &Diagnostic) -> InputProblem {
    let warning = of_diagnostic(diagnostic);
    InputProblem {
        code: warning.code,
        message: warning.message,
        object: warning.object,
        file: warning.file.map(|f| f.to_string()),
        line: warning.line,
        help: diagnostic.help.clone(),
    }
}

/// Prints what is odd about the input: the gravest first, and how much more there is.
fn warn(err: &mut dyn Write, console: &Console, diagnostics: &[Diagnostic]) -> io::Result<()> {
    let of = |severity: Severity| diagnostics.iter().filter(move |d| d.severity == severity);
    let mark = Palette::paint(console.err.bad, "error:");
    for error in of(Severity::Error) {
        writeln!(err, "{mark} {error}")?;
    }
    let errors = of(Severity::Error).count();
    if errors > 0 {
        writeln!(err, "answering without what has errors ({errors}), as --keep-going demands")?;
    }
    let mark = Palette::paint(console.err.doubt, "warning:");
    for warning in of(Severity::Warning).take(MOST_WARNINGS) {
        writeln!(err, "{mark} {warning}")?;
    }
    let more = of(Severity::Warning).count().saturating_sub(MOST_WARNINGS);
    let notes: Vec<&Diagnostic> = of(Severity::Note).collect();
    match (more, &notes[..]) {
        (0, []) => Ok(()),
        (0, few) if few.len() <= 2 => few.iter().try_for_each(|n| writeln!(err, "note: {n}")),
        _ => {
            let count = |n: usize, what: &str| match n {
                0 => None,
                1 => Some(format!("1 {what}")),
                n => Some(format!("{n} {what}s")),
            };
            let parts: Vec<String> = [count(more, "more warning"), count(notes.len(), "note")]
                .into_iter()
                .flatten()
                .collect();
            writeln!(err, "note: {} about the input; `-o json` lists them", parts.join(" and "))
        }
    }
}
