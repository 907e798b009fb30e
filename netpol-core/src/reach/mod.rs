//! All pairs without all pairs: questions about sets of pods and addresses, answered through classes.

mod any_port;
mod ask;
mod cells;
mod controller;
mod count;
mod count_ports;
mod graph;
mod hops;
mod layers;
mod may_reach;
mod moved;
mod outside;
mod paths;
mod question;
mod rows;
mod snapshot;
mod sources;
mod table;
mod touched;
mod web;

pub use count_ports::PortCount;
pub use graph::{Graph, GraphEdge, GraphNode};
pub use hops::{Arrival, Closure, Hops};
pub(crate) use moved::{MovedPair, moved_pairs};
pub use paths::{PathChoice, Paths};
pub use question::{AskedPorts, ControllerEnd, End, Level, Question, Row, Selection, Table, Tally};
pub use snapshot::{Explanation, Snapshot};
pub use web::{ChokePoint, Shape};
