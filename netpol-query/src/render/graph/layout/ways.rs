//! The ways of edges: through the places kept free for them, from side to side.

use super::super::bundle::{Anchor, Bundled};
use super::place::Board;
use super::{APART, HEAD, PADDING, Point, Rect, Scene};

/// How far an edge within one column reaches out.
const BULGE: i32 = 44;
/// Where more places would have to be kept free, none are: such a picture shows how dense it is, and no single edge.
const MOST_PASSING: usize = 160;

/// The slots of a bundle from left to right, its ends included where they are nodes.
#[derive(Debug)]
pub(super) struct Chain {
    slots: Vec<usize>,
    /// Whether the bundle runs from right to left.
    turned: bool,
    /// Whether both ends share columns.
    level: bool,
}

/// Keeps places free for every bundle.
pub(super) fn chains(board: &mut Board, bundled: &Bundled) -> Vec<Chain> {
    let spans: Vec<_> = bundled
        .bundles
        .iter()
        .map(|b| (span(board, bundled, b.from), span(board, bundled, b.to)))
        .collect();
    let skipped = |(from, to): &((usize, usize), (usize, usize))| {
        let (right, left) = (from.0.max(to.0), from.1.min(to.1));
        right.saturating_sub(left + 1)
    };
    let roomy = spans.iter().map(skipped).sum::<usize>() <= MOST_PASSING;
    let mut found = Vec::new();
    for (bundle, (from, to)) in bundled.bundles.iter().zip(spans) {
        let level = from.0 <= to.1 && to.0 <= from.1;
        let turned = !level && from.0 > to.1;
        let (left, right) =
            if turned { (bundle.to, bundle.from) } else { (bundle.from, bundle.to) };
        let (first, last) = if turned { (to.1, from.0) } else { (from.1, to.0) };
        let mut slots: Vec<usize> = node(left).into_iter().collect();
        if !level {
            let lane = lane(board, right).or(lane(board, left));
            if roomy {
                slots.extend((first + 1..last).map(|column| board.passing(column, lane)));
            }
        }
        slots.extend(node(right));
        if !level {
            for (a, b) in slots.iter().zip(slots.iter().skip(1)) {
                board.connect(*a, *b);
            }
        }
        found.push(Chain { slots, turned, level });
    }
    found
}

fn node(anchor: Anchor) -> Option<usize> {
    match anchor {
        Anchor::Node(node) => Some(node),
        Anchor::Frame(_) => None,
    }
}

fn lane(board: &Board, anchor: Anchor) -> Option<usize> {
    match anchor {
        Anchor::Node(node) => board.slots.get(node)?.lane,
        Anchor::Frame(frame) => board.lanes_of_frames.get(frame).copied(),
    }
}

/// The first and last column of an anchor.
fn span(board: &Board, bundled: &Bundled, anchor: Anchor) -> (usize, usize) {
    let nodes = match anchor {
        Anchor::Node(node) => vec![node],
        Anchor::Frame(frame) => bundled.frames.get(frame).map_or(Vec::new(), |(_, n)| n.clone()),
    };
    let columns = nodes.iter().filter_map(|n| board.slots.get(*n)).map(|slot| slot.column);
    let first = columns.clone().min().unwrap_or(0);
    (first, columns.max().unwrap_or(0))
}

/// Reads the board.
pub(super) fn scene(board: &Board, bundled: &Bundled, chains: &[Chain]) -> Scene {
    let nodes: Vec<Rect> = (0..board.nodes).map(|n| board.rect(n)).collect();
    let frames: Vec<Rect> =
        bundled.frames.iter().map(|(_, members)| around(&nodes, members)).collect();
    let rect = |anchor: Anchor| match anchor {
        Anchor::Node(node) => board.rect(node),
        Anchor::Frame(frame) => frames.get(frame).copied().unwrap_or_default(),
    };
    let ways: Vec<Vec<Point>> = bundled
        .bundles
        .iter()
        .zip(chains)
        .map(|(b, chain)| {
            let framed = matches!(b.from, Anchor::Frame(_)) || matches!(b.to, Anchor::Frame(_));
            match (chain.level, framed) {
                (true, true) => upright(rect(b.from), rect(b.to)),
                (true, false) => around_the_side(rect(b.from), rect(b.to)),
                _ => across(board, chain, (b.from, b.to), &rect),
            }
        })
        .collect();
    let rects = nodes.iter().chain(&frames);
    let right = rects.clone().map(|r| r.x + r.w).max().unwrap_or(0);
    let bottom = rects.map(|r| r.y + r.h).max().unwrap_or(0);
    let far = ways.iter().flatten().map(|p| p.x + 8).max().unwrap_or(0);
    let low = ways.iter().flatten().map(|p| p.y + 8).max().unwrap_or(0);
    let size = Point { x: right.max(far) + APART, y: bottom.max(low) + APART };
    Scene { size, nodes, frames, ways }
}

fn around(nodes: &[Rect], members: &[usize]) -> Rect {
    let own: Vec<&Rect> = members.iter().filter_map(|n| nodes.get(*n)).collect();
    let left = own.iter().map(|r| r.x).min().unwrap_or(0) - PADDING;
    let top = own.iter().map(|r| r.y).min().unwrap_or(0) - HEAD;
    let right = own.iter().map(|r| r.x + r.w).max().unwrap_or(0) + PADDING;
    let bottom = own.iter().map(|r| r.y + r.h).max().unwrap_or(0) + PADDING;
    Rect { x: left, y: top, w: right - left, h: bottom - top }
}

fn across(
    board: &Board,
    chain: &Chain,
    (from, to): (Anchor, Anchor),
    rect: &dyn Fn(Anchor) -> Rect,
) -> Vec<Point> {
    let (left, right) = if chain.turned { (to, from) } else { (from, to) };
    let inner: Vec<Rect> = chain
        .slots
        .iter()
        .filter(|s| Some(**s) != node(left) && Some(**s) != node(right))
        .map(|s| board.rect(*s))
        .collect();
    let middle = |r: &Rect| r.y + r.h / 2;
    let (a, b) = (rect(left), rect(right));
    let toward_b = inner.first().map_or(middle(&b), middle);
    let toward_a = inner.last().map_or(middle(&a), middle);
    let mut points = vec![Point { x: a.x + a.w, y: beside(left, &a, toward_b) }];
    for rect in &inner {
        points.push(Point { x: rect.x, y: middle(rect) });
        points.push(Point { x: rect.x + rect.w, y: middle(rect) });
    }
    points.push(Point { x: b.x, y: beside(right, &b, toward_a) });
    if chain.turned {
        points.reverse();
    }
    points
}

/// Where an edge leaves the side of a node or a frame.
fn beside(anchor: Anchor, rect: &Rect, toward: i32) -> i32 {
    match anchor {
        Anchor::Node(_) => rect.y + rect.h / 2,
        Anchor::Frame(_) => {
            let (top, bottom) = (rect.y + HEAD, rect.y + rect.h - PADDING);
            toward.clamp(top.min(bottom), bottom.max(top))
        }
    }
}

/// Between two boxes of one column: out on the right and back.
fn around_the_side(from: Rect, to: Rect) -> Vec<Point> {
    let a = Point { x: from.x + from.w, y: from.y + from.h / 2 };
    let b = Point { x: to.x + to.w, y: to.y + to.h / 2 };
    let x = a.x.max(b.x) + BULGE;
    vec![a, Point { x, y: i32::midpoint(a.y, b.y) }, b]
}

/// Between frames that stand above each other.
fn upright(from: Rect, to: Rect) -> Vec<Point> {
    let left = from.x.max(to.x);
    let right = (from.x + from.w).min(to.x + to.w);
    let x = i32::midpoint(left, right);
    if from.y < to.y {
        vec![Point { x, y: from.y + from.h }, Point { x, y: to.y }]
    } else {
        vec![Point { x, y: from.y }, Point { x, y: to.y + to.h }]
    }
}
