//! `netpol-query replay FILE...`: what the policies would have dropped of captured traffic.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;

use netpol_enforce::policies::{Policies, Sides};
use netpol_enforce::replay::{CaptureError, Judged, Limits, Replay, Report};

use super::annotate::Annotation;
use super::args::{Given, Invocation};
use super::color::Console;
use super::report::Status;
use super::screen::Progress;
use super::{Streams, Surroundings, contracts, input};
use crate::error::{ErrorCode, QueryError};
use crate::execute::{
    Body, ContractStatus, Exit, Forbidden, ReplayContract, Replayed, forbidden, of_this_cluster,
    replay_warnings, service_warnings,
};
use crate::lower::{Plan, lower};
use crate::render::{Format, InputProblem, Options, Palette, input_error, replay as render};
use crate::session::Session;
use crate::syntax::ast::{Item, Sentence, Statement};
use crate::syntax::{self, Chunk};

/// Judges captures one after the other, as one that goes on.
pub(super) fn replay(
    invocation: &Invocation,
    files: &[PathBuf],
    streams: &mut Streams<'_>,
    around: &Surroundings,
    console: &Console,
) -> io::Result<Exit> {
    if let Err(error) = check(invocation, files) {
        return refused(invocation, streams, console, &error);
    }
    let Some(session) = input::session(invocation, streams, console)? else {
        return Ok(Exit::Wrong);
    };
    let checked = match expectations(&invocation.args.contract, &session) {
        Ok(checked) => checked,
        Err(error) => return refused(invocation, streams, console, &error),
    };
    let policies = match Policies::new(session.snapshot().clone(), Sides::None, 1, None) {
        Ok(policies) => policies,
        Err(error) => return unusable(invocation, streams, console, &error.problems),
    };
    let before = (around.clock)();
    let progress = Progress::start(console.progress, "judging captures");
    let annotate = invocation.args.annotate.as_deref();
    let found = match annotate.map(|path| Annotation::new(path, files, session.snapshot())) {
        None => judged(&policies, files, streams.input, &mut |_| {}),
        Some(Err(error)) => Err(error),
        Some(Ok(mut annotation)) => {
            let found =
                judged(&policies, files, streams.input, &mut |frame| annotation.frame(frame));
            match found {
                Ok(report) => annotation.finish().map(|()| report),
                Err(error) => {
                    annotation.discard();
                    Err(error)
                }
            }
        }
    };
    drop(progress);
    let report = match found {
        Ok(report) => report,
        Err(error) => return refused(invocation, streams, console, &error),
    };
    let mut warnings = replay_warnings(&report);
    warnings.extend(service_warnings(session.snapshot(), &report));
    let mark = Palette::paint(console.err.doubt, "warning:");
    warnings.iter().try_for_each(|w| writeln!(streams.err, "{mark} {}", w.message))?;
    warnings.extend(session.warnings().iter().cloned());
    let replayed = Replayed::new(query(files), report, session.snapshot(), (checked, warnings));
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
    render::write(streams.out, &replayed, &options)?;
    Ok(replayed.exit())
}

/// Checks what can be checked before anything is read.
fn check(invocation: &Invocation, files: &[PathBuf]) -> Result<(), QueryError> {
    let format = invocation.args.output;
    if !render::FORMATS.contains(&format) {
        let known: Vec<&str> = render::FORMATS.iter().map(|f| f.as_str()).collect();
        let message = format!("the flows of `replay` have no form as {}", format.as_str());
        let error = QueryError::new(ErrorCode::Usage, message);
        return Err(error.help(format!("they can be {}", known.join(", "))));
    }
    let captures = files.iter().filter(|file| is_stdin(file)).count();
    let manifests = invocation.sources.iter().filter(|given| match given {
        Given::Path(path) => is_stdin(path),
        Given::Kustomize(_) => false,
    });
    if captures + manifests.count() > 1 {
        let error = QueryError::new(
            ErrorCode::Usage,
            "standard input can be read once, and `-` is said twice",
        );
        return Err(error.help("name a file in place of one of them"));
    }
    Ok(())
}

fn is_stdin(path: &std::path::Path) -> bool {
    path.as_os_str() == "-"
}

fn query(files: &[PathBuf]) -> String {
    let files = files.iter().map(|file| file.to_string_lossy());
    format!("replay {}", files.collect::<Vec<_>>().join(" "))
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

/// Says why frames cannot be judged by what was loaded.
fn unusable(
    invocation: &Invocation,
    streams: &mut Streams<'_>,
    console: &Console,
    problems: &[String],
) -> io::Result<Exit> {
    let mark = Palette::paint(console.err.bad, "error:");
    problems.iter().try_for_each(|problem| writeln!(streams.err, "{mark} {problem}"))?;
    let format = invocation.args.output;
    if format.is_json() {
        let problem = |message: &String| InputProblem {
            code: ErrorCode::Input.as_str().to_owned(),
            message: message.clone(),
            object: None,
            file: None,
            line: None,
            help: None,
        };
        let details: Vec<InputProblem> = problems.iter().map(problem).collect();
        let message = "captures cannot be judged by this input";
        input_error(streams.out, message, &details, format == Format::Json)?;
    }
    Ok(Exit::Wrong)
}

fn judged(
    policies: &Policies,
    files: &[PathBuf],
    stdin: &mut dyn Read,
    witness: &mut dyn FnMut(&Judged<'_>),
) -> Result<Report, QueryError> {
    let mut replay = Replay::new(policies, Limits::default());
    for path in files {
        let wrong = |error: CaptureError| {
            let message = format!("{}: {}", path.display(), error.message);
            QueryError::new(ErrorCode::Input, message).help(error.help)
        };
        if is_stdin(path) {
            replay.run_before(&mut *stdin, witness).map_err(wrong)?;
        } else {
            let file = File::open(path).map_err(|error| {
                let message = format!("{} cannot be read: {error}", path.display());
                QueryError::new(ErrorCode::Input, message)
            })?;
            replay.run_before(file, witness).map_err(wrong)?;
        }
    }
    let report = replay.finish();
    of_this_cluster(&report).map(|()| report)
}

/// A contract, and the flows that it forbids by its own words.
type Checked = (ReplayContract, Option<Forbidden>);

/// Runs contract files on the policies; each begins anew, and each must expect something.
fn expectations(files: &[PathBuf], session: &Session) -> Result<Vec<Checked>, QueryError> {
    let mut checked = Vec::new();
    for path in files {
        let text = contracts::read(path)?;
        let file = path.to_string_lossy();
        let before = checked.len();
        // What is defined holds to the end of the file.
        let mut session = session.clone();
        for chunk in syntax::chunks(&text) {
            expectations_of(chunk, &mut session, &file, &mut checked);
        }
        if checked.len() == before {
            let contract = ReplayContract {
                sentence: String::new(),
                file: (*file).into(),
                line: 1,
                status: ContractStatus::Error,
                warns: false,
                found: "the file expects nothing".to_owned(),
                broken_by: Vec::new(),
            };
            checked.push((contract, None));
        }
    }
    Ok(checked)
}

/// Runs a sentence, or those of a block, and looks up what each of them forbids.
fn expectations_of(chunk: Chunk<'_>, session: &mut Session, file: &str, all: &mut Vec<Checked>) {
    let forbids = match syntax::parse(chunk.text) {
        Ok(Item::Sentence(sentence)) => vec![forbids(&sentence, session)],
        Ok(Item::Test(block)) => {
            // What a block defines ends with it.
            let mut inner = session.clone();
            let sentence = |part: &syntax::Spanned<Sentence>| {
                let found = forbids(&part.node, &inner);
                let text = chunk.text.get(part.span.start..part.span.end).unwrap_or_default();
                if !matches!(part.node.statement, Statement::Expect(_)) {
                    inner.chunk(Chunk { text, line: chunk.line });
                }
                found
            };
            block.sentences.iter().map(sentence).collect()
        }
        Err(_) => Vec::new(),
    };
    let mut forbids = forbids.into_iter();
    for reply in session.chunk(chunk) {
        let forbidden = forbids.next().flatten();
        let Some(status) = contracts::status(&reply) else { continue };
        let (warns, found) = match &reply.result {
            Ok(answer) => match &answer.body {
                Body::Expectation(expectation) => {
                    let fails = crate::syntax::ast::ExpectSeverity::Fail;
                    (expectation.severity != fails, expectation.found.clone())
                }
                _ => (false, String::new()),
            },
            Err(error) => (false, error.message.clone()),
        };
        let contract = ReplayContract {
            sentence: reply.query,
            file: file.into(),
            line: reply.line,
            status: status_of(status),
            warns,
            found,
            broken_by: Vec::new(),
        };
        all.push((contract, forbidden));
    }
}

/// Returns what a sentence forbids. Under changes of its own it is about other policies, but the flows are the same.
fn forbids(sentence: &Sentence, session: &Session) -> Option<Forbidden> {
    match lower(&sentence.statement, &session.scope()) {
        Ok(Plan::Expect(plan)) => forbidden(plan.claim),
        _ => None,
    }
}

const fn status_of(status: Status) -> ContractStatus {
    match status {
        Status::Pass => ContractStatus::Pass,
        Status::Fail => ContractStatus::Fail,
        Status::Warn => ContractStatus::Warn,
        Status::Unknown => ContractStatus::Unknown,
        Status::Error => ContractStatus::Error,
    }
}
