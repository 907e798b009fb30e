//! What is remembered between frames: connections, in a table of fixed size.
//!
//! [`FlowTable`] knows which packets belong to a connection that was allowed. It reserves its memory when it is made and
//! allocates nothing afterwards. It knows neither policies nor clocks nor devices: verdicts, epochs and the time are
//! passed in.
#![deny(clippy::indexing_slicing)]

mod counters;
mod entry;
mod key;
mod list;
mod machine;
mod owners;
mod room;
mod sctp;
mod slab;
mod state;
mod table;
mod tcp;
mod tuple;

pub use self::counters::FlowCounters;
pub use self::entry::{Flow, FlowId, NewFlow};
pub use self::key::FlowKey;
pub use self::machine::Start;
pub use self::state::{Class, State};
pub use self::table::{Advance, FlowLimits, FlowTable};
pub use self::tuple::{Direction, Tuple};
