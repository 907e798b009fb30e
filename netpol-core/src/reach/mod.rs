//! All pairs without all pairs: questions about sets of pods and addresses, answered through classes.

mod question;
mod snapshot;

pub use question::{AskedPorts, End, Level, Question, Row, Selection, Table, Tally};
pub use snapshot::Snapshot;
