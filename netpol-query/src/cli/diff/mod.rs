//! `netpol-query diff --base SRC [--head SRC]`: what changed between two states, for people, for review and for gates.

mod allow;
mod contracts;
mod load;

use std::io;
use std::path::{Path, PathBuf};

use netpol_core::change;

use super::args::{Given, Invocation};
use super::color::Console;
use super::screen::Progress;
use super::{Streams, Surroundings, input};
use crate::error::{ErrorCode, QueryError};
use crate::execute::{Answer, Body, Changes, ChangesKind, Exit, Gate, Sides, Warning};
use crate::origin::{self, Rendered, Setting};
use crate::render::{self, Format, Options, Palette, changes_review, review};
use crate::reply::Reply;

/// The forms that changes can take beside those of code review.
const FORMATS: [Format; 8] = [
    Format::Text,
    Format::Wide,
    Format::Json,
    Format::Jsonl,
    Format::Yaml,
    Format::Csv,
    Format::Markdown,
    Format::Html,
];

/// Tells what changed.
pub(super) fn diff(
    invocation: &Invocation,
    streams: &mut Streams<'_>,
    around: &Surroundings,
    console: &Console,
) -> io::Result<Exit> {
    let begin = (around.clock)();
    let asked = match Asked::of(invocation, around) {
        Ok(asked) => asked,
        Err(error) => return refused(invocation, streams, console, &error),
    };
    let sides = match sides(invocation, &asked, streams) {
        Ok(sides) => sides,
        Err(error) => return refused(invocation, streams, console, &error),
    };
    let mark = Palette::paint(console.err.doubt, "warning:");
    sides.notes.iter().try_for_each(|note| writeln!(streams.err, "{mark} {note}"))?;
    let Some(loaded) = load::load(invocation, &sides, streams, console)? else {
        return Ok(Exit::Wrong);
    };
    let progress = Progress::start(console.progress, "comparing");
    let found = changes(invocation, &asked, &sides, &loaded);
    drop(progress);
    let changes = match found {
        Ok(changes) => changes,
        Err(error) => return refused(invocation, streams, console, &error),
    };
    let exit = changes.exit();
    let mut warnings = own_warnings(&changes);
    warnings.extend(loaded.warnings);
    let elapsed = (around.clock)().saturating_sub(begin);
    let answer = Answer { query: asked.query(), body: Body::Diff(Box::new(changes)), warnings };
    let written = Written { invocation, around, console, asked: &asked };
    written.write(streams, answer, elapsed)?;
    Ok(exit)
}

/// What the command line asks for.
struct Asked {
    base: String,
    head: Option<String>,
    gate: Gate,
    current: PathBuf,
}

impl Asked {
    fn of(invocation: &Invocation, around: &Surroundings) -> Result<Self, QueryError> {
        let args = &invocation.args;
        let format = args.output;
        if !FORMATS.contains(&format) && !review::FORMATS.contains(&format) {
            let known: Vec<&str> =
                FORMATS.iter().chain(&review::FORMATS).map(|f| f.as_str()).collect();
            let error = usage(format!("changes have no form as {}", format.as_str()));
            return Err(error.help(format!("it can be {}", known.join(", "))));
        }
        let Some(base) = args.base.clone() else {
            let error = usage("`diff` needs the state before".to_owned());
            return Err(error.help("name it: `--base git:origin/main`, `--base dir:old`"));
        };
        Ok(Self {
            base,
            head: args.head.clone(),
            gate: gate(args.fail_on.as_deref())?,
            current: around.directory.clone().unwrap_or_else(|| ".".into()),
        })
    }

    /// Returns what was asked, as a sentence.
    fn query(&self) -> String {
        match &self.head {
            Some(head) => format!("diff {} {head}", self.base),
            None => format!("diff {}", self.base),
        }
    }
}

fn usage(message: String) -> QueryError {
    QueryError::new(ErrorCode::Usage, message)
}

fn gate(word: Option<&str>) -> Result<Gate, QueryError> {
    Ok(match word {
        None | Some("any") => Gate::Any,
        Some("added") => Gate::Added,
        Some("removed") => Gate::Removed,
        Some("from-internet") => Gate::FromInternet,
        Some("none") => Gate::Never,
        Some(other) => {
            let error = usage(format!("`diff` cannot fail on `{other}`"));
            return Err(error.help("`--fail-on` is any, added, removed, from-internet or none"));
        }
    })
}

fn refused(
    invocation: &Invocation,
    streams: &mut Streams<'_>,
    console: &Console,
    error: &QueryError,
) -> io::Result<Exit> {
    input::complain(invocation, streams, console, error)?;
    Ok(Exit::Wrong)
}

/// Finds the two states.
fn sides(
    invocation: &Invocation,
    asked: &Asked,
    streams: &mut Streams<'_>,
) -> Result<origin::Sides, QueryError> {
    let given: Vec<PathBuf> = invocation.sources.iter().filter_map(path).collect();
    let render: &dyn Fn(&Path) -> Result<netpol_core::sources::Source, QueryError> =
        &|directory| input::kustomize(directory);
    let rendered: Vec<Rendered<'_>> = invocation
        .sources
        .iter()
        .filter_map(|given| match given {
            Given::Kustomize(directory) => Some(Rendered { directory, render }),
            Given::Path(_) => None,
        })
        .collect();
    let setting = Setting {
        current: &asked.current,
        exact: invocation.args.no_merge_base,
        given: &given,
        rendered: &rendered,
    };
    let mut sides = origin::sides(&asked.base, asked.head.as_deref(), &setting)?;
    if sides.head.sources.is_empty() && asked.head.is_none() {
        sides.head.sources = input::sources(&invocation.sources, streams.input)?;
    }
    Ok(sides)
}

fn path(given: &Given) -> Option<PathBuf> {
    match given {
        Given::Path(path) => Some(path.clone()),
        Given::Kustomize(_) => None,
    }
}

/// Compares, and adds what a review wants to know.
fn changes(
    invocation: &Invocation,
    asked: &Asked,
    sides: &origin::Sides,
    loaded: &load::Loaded,
) -> Result<Changes, QueryError> {
    let (before, after) = (loaded.base.snapshot(), loaded.head.snapshot());
    let mut changes = Changes::of(before, after, change::diff(before, after));
    changes.kind = ChangesKind::Diff;
    changes.sides = Some(Sides {
        base: sides.base.name.clone(),
        head: sides.head.name.clone(),
        base_revision: sides.base.revision.clone(),
        head_revision: sides.head.revision.clone(),
    });
    changes.review.gate = asked.gate;
    let accepted = allow::read(&invocation.args.allow, &loaded.base, &loaded.head)?;
    changes.accept(accepted, before.cluster(), after.cluster());
    changes.review.contracts =
        contracts::check(&invocation.args.contract, &loaded.base, &loaded.head)?;
    if !changes.is_silent() {
        changes.measure_reach(before, after);
        let format = invocation.args.output;
        if format.is_json() || matches!(format, Format::Yaml | Format::Html) {
            changes.explain(after);
        }
    }
    Ok(changes)
}

/// Returns what the reader should know about the comparison itself.
fn own_warnings(changes: &Changes) -> Vec<Warning> {
    let unused = changes.review.unused().map(|accepted| Warning {
        code: "UNUSED_ACCEPTANCE".to_owned(),
        message: format!("`{}` covers no change", accepted.sentence),
        object: None,
        file: Some(accepted.file.clone()),
        line: Some(accepted.line),
    });
    let mut warnings: Vec<Warning> = unused.collect();
    if !changes.doubtful.is_empty() {
        warnings.push(Warning {
            code: "UNKNOWN_FLOWS".to_owned(),
            message: match changes.doubtful.len() {
                1 => "of 1 pair the input does not tell whether it changed".to_owned(),
                n => format!("of {n} pairs the input does not tell whether they changed"),
            },
            object: None,
            file: None,
            line: None,
        });
    }
    warnings
}

/// Where and how an answer is written.
struct Written<'a> {
    invocation: &'a Invocation,
    around: &'a Surroundings,
    console: &'a Console,
    asked: &'a Asked,
}

impl Written<'_> {
    fn write(
        &self,
        streams: &mut Streams<'_>,
        answer: Answer,
        elapsed: std::time::Duration,
    ) -> io::Result<()> {
        let args = &self.invocation.args;
        let mark = Palette::paint(self.console.err.doubt, "warning:");
        for warning in answer.warnings.iter().filter(|w| w.code == "UNUSED_ACCEPTANCE") {
            let file = warning.file.as_deref().unwrap_or_default();
            let line = warning.line.unwrap_or(0);
            writeln!(streams.err, "{mark} {file}:{line}: {}", warning.message)?;
        }
        if let (true, Body::Diff(changes)) = (review::FORMATS.contains(&args.output), &answer.body)
        {
            let paths = review::Paths::from_directory(&self.asked.current);
            changes_review(streams.out, changes, &paths, args.output)?;
            return streams.out.flush();
        }
        let elapsed_us = args.stats.then(|| u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX));
        let options = Options {
            format: args.output,
            palette: self.console.out,
            width: self.around.width,
            explain: args.explain,
            elapsed_us,
        };
        let query = answer.query.clone();
        let reply = Reply { query, line: 1, test: None, format: None, result: Ok(answer) };
        render::reply(streams.out, &reply, &options)?;
        streams.out.flush()
    }
}
