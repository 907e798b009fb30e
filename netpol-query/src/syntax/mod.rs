//! The language as text: grammar, syntax tree with spans, and errors in the words of whoever types.
//!
//! Nothing here knows a cluster.
#![deny(clippy::indexing_slicing, clippy::string_slice)]

pub mod ast;
mod build;
mod chunk;
mod error;
mod expected;
mod follow;
pub(crate) mod foreign;
mod parser;
mod span;

pub use chunk::{Chunk, chunks, is_open};
pub use error::SyntaxError;
pub use follow::{Follow, Slot, follow};
pub use parser::parse;
pub use span::{Span, Spanned};
