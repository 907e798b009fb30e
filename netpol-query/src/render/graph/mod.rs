//! Answers as graphs: one model for dot, mermaid and SVG, framed by namespace and folded where it is large.

mod bundle;
mod dot;
mod layout;
mod mermaid;
mod model;
mod of_answer;

pub(super) use bundle::{Anchor, Bundle, Bundled};
pub(super) use dot::dot;
pub(super) use layout::{Point, Rect, Scene, lay_out};
pub(super) use mermaid::mermaid;
pub(super) use model::{Graph, Node, NodeKind};
pub(super) use of_answer::{of_body, of_rows, title};
