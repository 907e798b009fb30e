//! Files of accepted changes: sentences of the language, one a line, looked up in both states.

use std::path::PathBuf;

use super::super::contracts::read as read_file;
use crate::error::{ErrorCode, QueryError};
use crate::execute::{Acceptance, Accepted};
use crate::lower::{Ask, ClaimPlan, Plan, lower};
use crate::session::Session;
use crate::syntax::ast::{Change, Claim, Expect, ExpectSeverity, Item, Statement};
use crate::syntax::{self, Chunk};

const FORMS: &str = "accepted changes are written `expect A can reach B on 443 because \"...\"`, `expect A cannot reach B` for what is closed, or `allow A -> B on 443`";

/// Reads files of accepted changes.
pub(super) fn read(
    files: &[PathBuf],
    base: &Session,
    head: &Session,
) -> Result<Vec<Accepted>, QueryError> {
    let mut accepted = Vec::new();
    for path in files {
        let text = read_file(path)?;
        let file = path.to_string_lossy();
        // What is defined holds to the end of the file.
        let (mut base, mut head) = (base.clone(), head.clone());
        for chunk in syntax::chunks(&text) {
            let found = sentence(chunk, &mut base, &mut head);
            let found = found.map_err(|error| placed(error, &file, chunk))?;
            accepted.extend(found.map(|found| {
                let file = (*file).into();
                Accepted { acceptance: Acceptance { file, ..found.acceptance }, ..found }
            }));
        }
    }
    Ok(accepted)
}

/// Says where in a file an error is.
fn placed(error: QueryError, file: &str, chunk: Chunk<'_>) -> QueryError {
    let line = chunk.line;
    QueryError {
        message: format!("{file}:{line}: `{}`: {}", chunk.text, error.message),
        span: None,
        ..error
    }
}

/// Reads one sentence; what only defines something accepts nothing.
fn sentence(
    chunk: Chunk<'_>,
    base: &mut Session,
    head: &mut Session,
) -> Result<Option<Accepted>, QueryError> {
    let expect =
        match syntax::parse(chunk.text).or_else(|error| reworded(chunk.text).ok_or(error))? {
            Item::Sentence(sentence) => match sentence.statement {
                Statement::Let { .. } | Statement::Use(_) => return defined(chunk, base, head),
                Statement::Expect(expect) => expect,
                Statement::Change(changes) => match &changes[..] {
                    [only] => allowed(&only.node)?,
                    _ => return Err(refused()),
                },
                _ => return Err(refused()),
            },
            Item::Test(_) => return Err(refused()),
        };
    let Claim::Reach { quantifier: None, eventually: false, exactly: false, negated, .. } =
        &expect.claim
    else {
        return Err(refused());
    };
    let closes = *negated;
    let acceptance = Acceptance {
        sentence: chunk.text.to_owned(),
        because: expect.because.clone(),
        file: "".into(),
        line: chunk.line,
        rows: 0,
    };
    // What the change adds or removes is there in one of the two states alone; what is in neither is a slip.
    let statement = Statement::Expect(expect);
    let (before, after) = (ask(&statement, base), ask(&statement, head));
    match (before, after) {
        (Err(_), Err(error)) => Err(error),
        (before, after) => {
            Ok(Some(Accepted { acceptance, before: before.ok(), after: after.ok(), closes }))
        }
    }
}

/// `allow A can reach B` is read as `expect A can reach B`.
fn reworded(text: &str) -> Option<Item> {
    let (verb, rest) = text.split_once(char::is_whitespace)?;
    let rest = rest.trim_start();
    verb.eq_ignore_ascii_case("allow").then(|| syntax::parse(&format!("expect {rest}")).ok())?
}

fn allowed(change: &Change) -> Result<Expect, QueryError> {
    let Change::Allow { from, to, on } = change else { return Err(refused()) };
    let claim = Claim::Reach {
        quantifier: None,
        from: from.clone(),
        negated: false,
        eventually: false,
        to: to.clone(),
        on: on.clone(),
        exactly: false,
    };
    Ok(Expect { severity: ExpectSeverity::Fail, claim, if_any: false, because: None })
}

fn refused() -> QueryError {
    QueryError::new(ErrorCode::Usage, "the sentence accepts no change").help(FORMS)
}

fn defined(
    chunk: Chunk<'_>,
    base: &mut Session,
    head: &mut Session,
) -> Result<Option<Accepted>, QueryError> {
    let failed =
        |session: &mut Session| session.chunk(chunk).into_iter().find_map(|r| r.result.err());
    match (failed(base), failed(head)) {
        (Some(_), Some(error)) => Err(error),
        _ => Ok(None),
    }
}

fn ask(statement: &Statement, session: &Session) -> Result<Ask, QueryError> {
    match lower(statement, &session.scope())? {
        Plan::Expect(plan) => match plan.claim {
            ClaimPlan::Reach { ask, .. } => Ok(*ask),
            _ => Err(refused()),
        },
        _ => Err(refused()),
    }
}
