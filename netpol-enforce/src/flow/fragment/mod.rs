//! Fragmented datagrams: what was decided about the first fragment goes for the others.
//!
//! Fragments are not reassembled. What is forwarded of a datagram never overlaps, so that every receiver puts the same
//! datagram together, and its transport header is the one that was judged.

mod cover;
mod entry;
mod limits;
mod table;

pub use self::entry::{Decided, Fate, FragId, FragKey};
pub use self::limits::FragLimits;
pub use self::table::{Arrival, FragCounters, FragTable};
