//! All pairs without all pairs: questions about sets of pods and addresses, answered through classes.

mod ask;
mod cells;
mod controller;
mod count;
mod graph;
mod outside;
mod question;
mod rows;
mod snapshot;
mod table;

pub use graph::{Graph, GraphEdge, GraphNode};
pub use question::{AskedPorts, ControllerEnd, End, Level, Question, Row, Selection, Table, Tally};
pub use snapshot::{Explanation, Snapshot};
