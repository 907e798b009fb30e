//! What is remembered between frames: connections and fragmented datagrams, in tables of fixed size.
//!
//! [`FlowTable`] knows which packets belong to a connection that was allowed, [`FragTable`] which fragments belong to a
//! datagram that was judged. Both reserve their memory when they are made and allocate nothing afterwards. Neither
//! knows policies, clocks or devices: verdicts, epochs and the time are passed in.
#![deny(clippy::indexing_slicing)]

mod counters;
mod entry;
mod fragment;
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
pub use self::fragment::{
    Arrival, Decided, Fate, FragCounters, FragId, FragKey, FragLimits, FragTable,
};
pub use self::key::FlowKey;
pub use self::machine::Start;
pub use self::state::{Class, State};
pub use self::table::{Advance, FlowLimits, FlowTable};
pub use self::tuple::{Direction, Tuple};
