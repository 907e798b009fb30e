//! Loads two states, and says of which of them something is wrong.

use std::io::{self, Write};

use netpol_core::reach::Snapshot;
use netpol_core::sources::{Diagnostic, Severity, load as load_sources};

use super::super::Streams;
use super::super::args::Invocation;
use super::super::color::Console;
use super::super::input;
use super::super::screen::Progress;
use crate::execute::{Settings, Warning, of_diagnostic};
use crate::origin::Sides;
use crate::render::{self, Format, InputProblem, Palette};
use crate::session::Session;

/// At most so many warnings about the input are printed for people.
const MOST_WARNINGS: usize = 8;

/// Two states that were loaded.
pub(super) struct Loaded {
    pub(super) base: Session,
    pub(super) head: Session,
    /// What is odd about either.
    pub(super) warnings: Vec<Warning>,
}

/// A diagnostic, and the states that it is about.
struct Sided<'a> {
    side: String,
    diagnostic: &'a Diagnostic,
}

/// Loads both states; `None` where one is wrong and was complained about.
pub(super) fn load(
    invocation: &Invocation,
    sides: &Sides,
    streams: &mut Streams<'_>,
    console: &Console,
) -> io::Result<Option<Loaded>> {
    let options = input::options(invocation);
    if invocation.args.keep_going {
        let sources = [&sides.base.sources[..], &sides.head.sources].concat();
        if let Some(error) = input::missing(&sources) {
            input::complain(invocation, streams, console, &error)?;
            return Ok(None);
        }
    }
    let progress = Progress::start(console.progress, "reading manifests");
    let base = load_sources(&sides.base.sources, &options);
    let head = load_sources(&sides.head.sources, &options);
    drop(progress);
    let sided = merged(sides, &base.diagnostics, &head.diagnostics);
    let errors = sided.iter().filter(|s| s.diagnostic.severity == Severity::Error).count();
    if errors > 0 && !invocation.args.keep_going {
        refuse(invocation, streams, console, &sided)?;
        return Ok(None);
    }
    warn(streams.err, console, &sided)?;
    let mark = Palette::paint(console.err.doubt, "warning:");
    let mut empty = Vec::new();
    for (side, name, loaded) in
        [("base", &sides.base.name, &base), ("head", &sides.head.name, &head)]
    {
        if loaded.cluster.pods().is_empty() {
            let warning = input::no_pods(format!("the {side} ({name}) holds no pods"));
            writeln!(streams.err, "{mark} {}", warning.message)?;
            empty.push(warning);
        }
    }
    let warnings = sided.iter().map(warning).chain(empty).collect();
    let progress = Progress::start(console.progress, "compiling policies");
    let session = |loaded: netpol_core::sources::Loaded| {
        let snapshot = Snapshot::new(loaded.cluster, invocation.args.dialect());
        Session::new(snapshot, Settings::default())
            .with_namespace(invocation.args.namespace.clone())
            .with_input(loaded.completed, Vec::new())
    };
    let loaded = Loaded { base: session(base), head: session(head), warnings };
    drop(progress);
    Ok(Some(loaded))
}

/// Joins the diagnostics of both states: what is to be said of both is said once.
fn merged<'a>(sides: &Sides, base: &'a [Diagnostic], head: &'a [Diagnostic]) -> Vec<Sided<'a>> {
    type Key<'k> = (&'k str, Option<&'k str>, &'static str);
    fn key(d: &Diagnostic) -> Key<'_> {
        (&d.message, d.object.as_deref(), d.code.as_str())
    }
    let of = |list: &'a [Diagnostic]| -> std::collections::BTreeSet<Key<'a>> {
        list.iter().map(key).collect()
    };
    let (in_base, in_head) = (of(base), of(head));
    let mut all = Vec::new();
    for diagnostic in base.iter().filter(|d| !in_head.contains(&key(d))) {
        all.push(Sided { side: format!("base ({}): ", sides.base.name), diagnostic });
    }
    for diagnostic in head {
        let both = in_base.contains(&key(diagnostic));
        let side = if both { String::new() } else { format!("head ({}): ", sides.head.name) };
        all.push(Sided { side, diagnostic });
    }
    all
}

fn warning(sided: &Sided<'_>) -> Warning {
    let warning = of_diagnostic(sided.diagnostic);
    Warning { message: format!("{}{}", sided.side, warning.message), ..warning }
}

/// Reports everything that is wrong with either state.
fn refuse(
    invocation: &Invocation,
    streams: &mut Streams<'_>,
    console: &Console,
    sided: &[Sided<'_>],
) -> io::Result<()> {
    let errors: Vec<&Sided<'_>> =
        sided.iter().filter(|s| s.diagnostic.severity == Severity::Error).collect();
    let mark = Palette::paint(console.err.bad, "error:");
    for error in &errors {
        writeln!(streams.err, "{mark} {}{}", error.side, error.diagnostic)?;
        if let Some(help) = &error.diagnostic.help {
            writeln!(streams.err, "  {help}")?;
        }
    }
    let (count, s) = (errors.len(), if errors.len() == 1 { "" } else { "s" });
    let message = format!("the input has {count} error{s}");
    writeln!(streams.err, "{message}; `--keep-going` answers on the rest")?;
    let format = invocation.args.output;
    if format.is_json() {
        let problem = |error: &&Sided<'_>| {
            let problem = input::problem(error.diagnostic);
            InputProblem { message: format!("{}{}", error.side, problem.message), ..problem }
        };
        let details: Vec<InputProblem> = errors.iter().map(problem).collect();
        render::input_error(streams.out, &message, &details, format == Format::Json)?;
    }
    Ok(())
}

/// Prints what is odd: errors first, then a few warnings, and how much more there is.
fn warn(err: &mut dyn Write, console: &Console, sided: &[Sided<'_>]) -> io::Result<()> {
    let of = |severity| sided.iter().filter(move |s| s.diagnostic.severity == severity);
    let mark = Palette::paint(console.err.bad, "error:");
    of(Severity::Error).try_for_each(|s| writeln!(err, "{mark} {}{}", s.side, s.diagnostic))?;
    let mark = Palette::paint(console.err.doubt, "warning:");
    of(Severity::Warning)
        .take(MOST_WARNINGS)
        .try_for_each(|s| writeln!(err, "{mark} {}{}", s.side, s.diagnostic))?;
    match of(Severity::Warning).count().saturating_sub(MOST_WARNINGS) {
        0 => Ok(()),
        more => writeln!(err, "note: {more} more warnings about the input; `-o json` lists them"),
    }
}
