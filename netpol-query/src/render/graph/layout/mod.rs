//! Where everything stands: columns by rank, lanes by namespace, and the ways between them.
//!
//! The picture reads from left to right: the outside as a source, workloads by who connects to whom, the outside as a
//! destination. Each namespace has a lane of its own, so that frames never overlap; an edge that skips columns keeps a
//! place free in each of them, so that it does not run through a node.

mod lanes;
mod place;
mod ranks;
mod ways;

use super::bundle::Bundled;
use super::model::Graph;

/// A place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::render) struct Point {
    pub(in crate::render) x: i32,
    pub(in crate::render) y: i32,
}

/// A rectangle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::render) struct Rect {
    pub(in crate::render) x: i32,
    pub(in crate::render) y: i32,
    pub(in crate::render) w: i32,
    pub(in crate::render) h: i32,
}

impl Rect {
    /// Tells whether two have some place in common.
    pub(in crate::render) fn meets(&self, other: &Self) -> bool {
        self.x < other.x + other.w
            && other.x < self.x + self.w
            && self.y < other.y + other.h
            && other.y < self.y + self.h
    }
}

/// Everything with its place.
#[derive(Debug, Default)]
pub(in crate::render) struct Scene {
    pub(in crate::render) size: Point,
    /// By node.
    pub(in crate::render) nodes: Vec<Rect>,
    /// By frame.
    pub(in crate::render) frames: Vec<Rect>,
    /// By bundle: points that a curve goes through, from left to right turns.
    pub(in crate::render) ways: Vec<Vec<Point>>,
}

/// The height of a node.
pub(super) const NODE: i32 = 34;
/// The height of an edge that passes a column.
pub(super) const PASSING: i32 = 8;
/// Between two nodes of a column.
pub(super) const GAP: i32 = 18;
/// Between two columns.
pub(super) const BETWEEN: i32 = 120;
/// Above the nodes of a frame, where its name stands.
pub(super) const HEAD: i32 = 30;
/// Around the nodes of a frame.
pub(super) const PADDING: i32 = 14;
/// Between two frames.
pub(super) const APART: i32 = 22;

/// The lengths of texts are small.
pub(in crate::render) fn int(n: usize) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX / 1024)
}

/// Lays a graph out; `width` tells how wide each node is.
pub(in crate::render) fn lay_out(graph: &Graph, bundled: &Bundled, widths: &[i32]) -> Scene {
    let columns = ranks::columns(graph, bundled);
    let lanes = lanes::Lanes::of(graph, bundled);
    let mut board = place::Board::new(&columns, &lanes, widths);
    let chains = ways::chains(&mut board, bundled);
    board.settle();
    ways::scene(&board, bundled, &chains)
}
