//! In which column each node stands.

use super::super::bundle::{Anchor, Bundled};
use super::super::model::{Graph, NodeKind, Side};

/// A graph is never wider than so many columns; edges within a column turn back.
const MOST_COLUMNS: usize = 7;

/// The columns of all nodes.
#[derive(Debug)]
pub(super) struct Columns {
    /// By node.
    pub(super) of: Vec<usize>,
    pub(super) count: usize,
}

/// Puts sources left of destinations, and the outside at the edges.
pub(super) fn columns(graph: &Graph, bundled: &Bundled) -> Columns {
    let outside = |n: usize| graph.nodes.get(n).is_some_and(|n| n.kind == NodeKind::Outside);
    let mut edges: Vec<(usize, usize)> = bundled
        .bundles
        .iter()
        .filter(|b| !b.both)
        .flat_map(|b| {
            let (from, to) = (members(bundled, b.from), members(bundled, b.to));
            from.into_iter().flat_map(move |a| to.clone().into_iter().map(move |b| (a, b)))
        })
        .filter(|(a, b)| !outside(*a) && !outside(*b))
        .collect();
    edges.sort_unstable();
    edges.dedup();
    let ranks = ranks(graph.nodes.len(), &edges);
    let has = |side| graph.nodes.iter().any(|n| n.kind == NodeKind::Outside && n.side == side);
    let inner: Vec<usize> = (0..graph.nodes.len()).filter(|n| !outside(*n)).collect();
    let most = inner.iter().filter_map(|n| ranks.get(*n)).copied().max().unwrap_or(0);
    let shift = usize::from(has(Side::From));
    let last = if inner.is_empty() { shift } else { shift + most.min(MOST_COLUMNS - 1) + 1 };
    let column = |at: usize| match graph.nodes.get(at) {
        Some(node) if node.kind == NodeKind::Outside => match node.side {
            Side::From => 0,
            Side::To | Side::Either => last,
        },
        _ => {
            let rank = ranks.get(at).copied().unwrap_or(0);
            let rank = if most < MOST_COLUMNS { rank } else { rank * (MOST_COLUMNS - 1) / most };
            rank + shift
        }
    };
    Columns { of: (0..graph.nodes.len()).map(column).collect(), count: last + 1 }
}

fn members(bundled: &Bundled, anchor: Anchor) -> Vec<usize> {
    match anchor {
        Anchor::Node(node) => vec![node],
        Anchor::Frame(frame) => bundled.frames.get(frame).map_or(Vec::new(), |(_, n)| n.clone()),
    }
}

/// The longest way to each node, along edges that were made to run one way.
fn ranks(count: usize, edges: &[(usize, usize)]) -> Vec<usize> {
    let order = one_way(count, edges);
    let mut at = vec![0; count];
    order.iter().enumerate().for_each(|(i, n)| set(&mut at, *n, i));
    let forward = |(a, b): &(usize, usize)| {
        if at.get(*a) < at.get(*b) { (*a, *b) } else { (*b, *a) }
    };
    let mut after: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (a, b) in edges.iter().map(forward) {
        after.get_mut(a).into_iter().for_each(|list| list.push(b));
    }
    let mut ranks = vec![0usize; count];
    for node in &order {
        let rank = ranks.get(*node).copied().unwrap_or(0);
        for next in after.get(*node).into_iter().flatten() {
            let longer = ranks.get(*next).copied().unwrap_or(0).max(rank + 1);
            set(&mut ranks, *next, longer);
        }
    }
    nearer(&order, &after, edges, &mut ranks);
    ranks
}

/// Moves nodes that nothing connects to next to what they connect to.
fn nearer(order: &[usize], after: &[Vec<usize>], edges: &[(usize, usize)], ranks: &mut [usize]) {
    let has_source: std::collections::BTreeSet<usize> = after.iter().flatten().copied().collect();
    for node in order.iter().rev().filter(|n| !has_source.contains(n)) {
        let nexts = after.get(*node).into_iter().flatten();
        let first = nexts.filter_map(|n| ranks.get(*n)).min().copied();
        if let Some(first) = first.filter(|_| !edges.is_empty()) {
            set(ranks, *node, first.saturating_sub(1));
        }
    }
}

fn set(list: &mut [usize], at: usize, value: usize) {
    list.get_mut(at).into_iter().for_each(|slot| *slot = value);
}

/// Orders nodes so that few edges run backwards (Eades, Lin and Smyth: sources first, sinks last, then by degrees).
fn one_way(count: usize, edges: &[(usize, usize)]) -> Vec<usize> {
    let mut left: Vec<usize> = (0..count).collect();
    let mut edges: Vec<(usize, usize)> = edges.iter().copied().filter(|(a, b)| a != b).collect();
    let (mut first, mut last) = (Vec::new(), Vec::new());
    while !left.is_empty() {
        let mut degrees = vec![(0i32, 0i32); count];
        for (a, b) in &edges {
            degrees.get_mut(*a).into_iter().for_each(|d| d.1 += 1);
            degrees.get_mut(*b).into_iter().for_each(|d| d.0 += 1);
        }
        let of = |n: &usize| degrees.get(*n).copied().unwrap_or_default();
        let sources: Vec<usize> = left.iter().copied().filter(|n| of(n).0 == 0).collect();
        let sinks: Vec<usize> =
            left.iter().copied().filter(|n| of(n).1 == 0 && of(n).0 > 0).collect();
        let mut gone = sources.clone();
        if gone.is_empty() && sinks.is_empty() {
            let best = left.iter().copied().max_by_key(|n| (of(n).1 - of(n).0, usize::MAX - n));
            gone.extend(best);
        }
        first.extend(gone.iter().copied());
        last.extend(sinks.iter().rev().copied());
        gone.extend(sinks);
        left.retain(|n| !gone.contains(n));
        edges.retain(|(a, b)| !gone.contains(a) && !gone.contains(b));
    }
    last.reverse();
    first.extend(last);
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_follow_the_longest_way_and_survive_a_circle() {
        assert_eq!(ranks(4, &[(0, 1), (1, 2), (0, 2), (2, 3)]), [0, 1, 2, 3]);
        let circle = ranks(3, &[(0, 1), (1, 2), (2, 0)]);
        assert_eq!(circle, [0, 1, 2]);
    }
}
