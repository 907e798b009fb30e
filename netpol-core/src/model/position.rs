//! Where something stands in the input.

use std::fmt;
use std::sync::Arc;

/// A line of an input file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The path as it was opened; `-` is standard input.
    pub file: Arc<str>,
    /// The line, counted from 1; 0 where lines are not known (objects made in memory).
    pub line: u32,
}

impl Position {
    /// Makes a position.
    pub fn new(file: impl Into<Arc<str>>, line: u32) -> Self {
        Self { file: file.into(), line }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            write!(f, "{}", self.file)
        } else {
            write!(f, "{}:{}", self.file, self.line)
        }
    }
}
