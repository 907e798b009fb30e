//! A sentence with its answer, or with the error that stands in its place.

use crate::error::QueryError;
use crate::execute::{Answer, Exit};

/// What a sentence is answered with.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// The sentence as typed.
    pub query: String,
    /// The line on which it begins, counted from 1.
    pub line: u32,
    /// The test block that it belongs to.
    pub test: Option<String>,
    /// The format that it asks for.
    pub format: Option<String>,
    /// The answer.
    pub result: Result<Answer, QueryError>,
}

impl Reply {
    /// Returns how the sentence ends, for the exit code.
    pub fn exit(&self) -> Exit {
        match &self.result {
            Ok(answer) => answer.body.exit(),
            Err(_) => Exit::Wrong,
        }
    }
}
