//! Changes in every form: as text for people, as a comment on a pull request, as data, and as remarks about lines.

mod comment;
mod json;
mod markdown;
mod names;
mod remarks;
mod table;
mod text;
mod words;

pub(super) use comment::comment;
pub(super) use json::{ChangesView, change_row};
pub(crate) use remarks::write as review;
pub(super) use table::{COLUMNS, cells, doubtful, listed, objects};
pub(super) use text::text;
