//! Contract files on both states: what holds after the change, and what the change broke.

use std::path::PathBuf;

use super::super::contracts::{read, status};
use super::super::report::Status;
use crate::error::QueryError;
use crate::execute::{Answer, Body, Contract, ContractStatus};
use crate::reply::Reply;
use crate::session::Session;

/// Runs contract files on both states; each file begins anew, and each must expect something.
pub(super) fn check(
    files: &[PathBuf],
    base: &Session,
    head: &Session,
) -> Result<Vec<Contract>, QueryError> {
    let mut contracts = Vec::new();
    for path in files {
        let text = read(path)?;
        let file = path.to_string_lossy();
        let before = contracts.len();
        let old = base.clone().text(&text);
        let new = head.clone().text(&text);
        let pairs = new.into_iter().zip(old.iter());
        contracts.extend(pairs.filter_map(|(new, old)| contract(&file, new, old)));
        if contracts.len() == before {
            contracts.push(Contract {
                sentence: String::new(),
                file: (*file).into(),
                line: 1,
                status: ContractStatus::Error,
                before: None,
                found: "the file expects nothing".to_owned(),
            });
        }
    }
    Ok(contracts)
}

fn contract(file: &str, new: Reply, old: &Reply) -> Option<Contract> {
    let status_now = status(&new)?;
    let (sentence, line) = (new.query.clone(), new.line);
    let before = status(old).map(of).filter(|status| *status != ContractStatus::Error);
    let found = match &new.result {
        Ok(Answer { body: Body::Expectation(expectation), .. }) => expectation.found.clone(),
        Ok(_) => String::new(),
        Err(error) => match &error.help {
            Some(help) => format!("{}; {help}", error.message),
            None => error.message.clone(),
        },
    };
    Some(Contract { sentence, file: file.into(), line, status: of(status_now), before, found })
}

const fn of(status: Status) -> ContractStatus {
    match status {
        Status::Pass => ContractStatus::Pass,
        Status::Fail => ContractStatus::Fail,
        Status::Warn => ContractStatus::Warn,
        Status::Unknown => ContractStatus::Unknown,
        Status::Error => ContractStatus::Error,
    }
}
