//! What a sentence or the program answers instead of an answer.

use thiserror::Error;

use crate::syntax::{Span, SyntaxError};

/// The stable codes of the JSON contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    /// A sentence cannot be read.
    Syntax,
    /// An endpoint matches nothing.
    NoSuchEndpoint,
    /// A name stands for several things.
    AmbiguousName,
    /// An input cannot be read or is invalid.
    Input,
    /// What is asked for cannot be had in this way.
    Usage,
    /// The program itself failed.
    Internal,
}

impl ErrorCode {
    /// Returns the code of the JSON contract.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Syntax => "SYNTAX",
            Self::NoSuchEndpoint => "NO_SUCH_ENDPOINT",
            Self::AmbiguousName => "AMBIGUOUS_NAME",
            Self::Input => "INPUT",
            Self::Usage => "USAGE",
            Self::Internal => "INTERNAL",
        }
    }
}

/// Why a sentence has no answer.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{message}")]
pub struct QueryError {
    /// What kind of error.
    pub code: ErrorCode,
    /// What is wrong: one line, lower case, no full stop.
    pub message: String,
    /// Where in the sentence, in bytes; `None` where it concerns the whole.
    pub span: Option<Span>,
    /// What to do about it.
    pub help: Option<String>,
}

impl QueryError {
    /// Makes an error about a part of a sentence.
    pub fn at(code: ErrorCode, span: Span, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), span: Some(span), help: None }
    }

    /// Makes an error about no part in particular.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), span: None, help: None }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds what to do about it, where that is known.
    #[must_use]
    pub fn maybe_help(mut self, help: Option<String>) -> Self {
        self.help = help.or(self.help);
        self
    }
}

impl From<SyntaxError> for QueryError {
    fn from(error: SyntaxError) -> Self {
        Self {
            code: ErrorCode::Syntax,
            message: error.message,
            span: Some(error.span),
            help: error.help,
        }
    }
}
