//! `netpol-query lint`: mistakes in the policies, those that the reader refuses among them.

use std::io;

use netpol_core::lint::{self, Finding, Severity};
use netpol_core::reach::Snapshot;
use netpol_core::sources::{Diagnostic, Loaded};

use super::args::Invocation;
use super::color::Console;
use super::screen::Progress;
use super::{Streams, Surroundings, config, input};
use crate::error::{ErrorCode, QueryError};
use crate::execute::{Answer, Body, Exit, Findings, of_diagnostic};
use crate::render::review::{self, Paths};
use crate::render::{self, Format, Options};
use crate::reply::Reply;

/// Looks for mistakes and lists them.
pub(super) fn lint(
    invocation: &Invocation,
    streams: &mut Streams<'_>,
    around: &Surroundings,
    console: &Console,
) -> io::Result<Exit> {
    let (config, threshold) = match settings(invocation) {
        Ok(settings) => settings,
        Err(error) => {
            input::complain(invocation, streams, console, &error)?;
            return Ok(Exit::Wrong);
        }
    };
    let Some(loaded) = input::loaded(invocation, streams, console)? else {
        return Ok(Exit::Wrong);
    };
    let refused = loaded.errors().count() > 0;
    let progress = Progress::start(console.progress, "looking for mistakes");
    let before = (around.clock)();
    let (findings, warnings) = findings(loaded, invocation, &config);
    let elapsed = (around.clock)().saturating_sub(before);
    drop(progress);
    let options = Options {
        format: invocation.args.output,
        palette: console.out,
        width: around.width,
        explain: false,
        elapsed_us: invocation
            .args
            .stats
            .then(|| u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX)),
    };
    let exit = exit(&findings, threshold);
    write(streams, around, findings, (warnings, &options))?;
    if refused && !invocation.args.keep_going {
        let message = "the input has errors, so that nothing else was looked at; `--keep-going` looks at what is left";
        writeln!(streams.err, "{message}")?;
    }
    Ok(if refused { Exit::Wrong } else { exit })
}

type Threshold = Option<Severity>;

fn settings(invocation: &Invocation) -> Result<(config::Config, Threshold), QueryError> {
    let format = invocation.args.output;
    let known: Vec<Format> = Format::OF_ANSWERS.into_iter().chain(review::FORMATS).collect();
    if !known.contains(&format) {
        let known: Vec<&str> = known.iter().map(|f| f.as_str()).collect();
        let message = format!("the findings of `lint` have no form as {}", format.as_str());
        let error = QueryError::new(ErrorCode::Usage, message);
        return Err(error.help(format!("they can be {}", known.join(", "))));
    }
    let config = invocation.config.clone()?;
    let said = invocation.args.fail_on.as_deref().or(config.fail_on.as_deref()).unwrap_or("error");
    let threshold = config::threshold(said).map_err(|message| {
        let message = format!("--fail-on: {message}");
        QueryError::new(ErrorCode::Usage, message).help(config::FAIL_ON)
    })?;
    Ok((config, threshold))
}

/// Lints what is loaded. Where objects were refused, sets of pods are not what they would be: then only what the reader
/// found is listed, unless the rest is asked for.
fn findings(
    loaded: Loaded,
    invocation: &Invocation,
    config: &config::Config,
) -> (Findings, Vec<Diagnostic>) {
    let alone = loaded.errors().count() > 0 && !invocation.args.keep_going;
    let policies = loaded.cluster.policies().len();
    let diagnostics = [loaded.diagnostics, loaded.remarks].concat();
    let found: Vec<Finding> = if alone {
        lint::of_input(&diagnostics, &config.lint)
    } else {
        let snapshot = Snapshot::new(loaded.cluster, invocation.args.dialect());
        lint::lint(&snapshot, &diagnostics, &config.lint)
    };
    let rest = diagnostics.into_iter();
    let rest = rest.filter(|d| !lint::is_finding(d) && !d.code.is_for_lint()).collect();
    (Findings::new(found, policies), rest)
}

fn exit(findings: &Findings, threshold: Threshold) -> Exit {
    let fails = |severity: Severity| findings.found.iter().any(|f| f.severity >= severity);
    if threshold.is_some_and(fails) { Exit::No } else { Exit::Yes }
}

fn write(
    streams: &mut Streams<'_>,
    around: &Surroundings,
    findings: Findings,
    (diagnostics, options): (Vec<Diagnostic>, &Options),
) -> io::Result<()> {
    if review::FORMATS.contains(&options.format) {
        let paths = around.directory.as_deref().map(Paths::from_directory).unwrap_or_default();
        return render::write_review(streams.out, &findings, options.format, &paths);
    }
    let warnings = diagnostics.iter().map(of_diagnostic).collect();
    let answer = Answer { query: "lint".into(), body: Body::Findings(findings), warnings };
    let (query, line) = ("lint".to_owned(), 1);
    let reply = Reply { query, line, test: None, format: None, result: Ok(answer) };
    render::reply(streams.out, &reply, options)?;
    Ok(())
}
