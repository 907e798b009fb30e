//! Snapshot files: what was loaded, in a binary form that is read again much faster than manifests.
//!
//! ```text
//! magic  format  length of the version  length of the file  version of the writer   (frame)
//! head: names of files, lengths of the blocks that follow
//! blocks: labels, objects, findings, policies by the thousand, pods by the thousand
//! checksum of everything before it
//! ```
//!
//! Blocks are independent of one another, so that they are read in parallel; they are in the form of the crate
//! `postcard`. Rejected: forms that are used in place by casts (rkyv, zerocopy), whose derived code is unsafe. A dialect
//! is no part of the file.

mod blocks;
mod check;
mod frame;
mod pods;
mod read;
mod rows;
mod write;

pub use frame::is_snapshot;
#[cfg(any(test, feature = "test-util"))]
pub use frame::mend;
pub use write::write;

pub(super) use read::read;

/// How the names of snapshot files end.
pub(super) const ENDING: &str = ".snapshot";
