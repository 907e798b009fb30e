//! The order of lanes from top to bottom: namespaces that talk to each other are neighbours.

use std::collections::BTreeMap;

use super::super::bundle::{Anchor, Bundled};
use super::super::model::{Graph, NodeKind};
use super::int;

/// Which lane each node is in.
#[derive(Debug)]
pub(super) struct Lanes {
    /// By node; `None` for the outside, which belongs to none.
    pub(super) of: Vec<Option<usize>>,
    /// The lane of each frame.
    pub(super) of_frame: Vec<usize>,
    pub(super) count: usize,
    /// The lane of nodes without a frame, which has no frame either.
    pub(super) unframed: Option<usize>,
}

impl Lanes {
    /// Orders lanes: a few rounds of taking the average place of what each is connected to; the best round counts.
    pub(super) fn of(graph: &Graph, bundled: &Bundled) -> Self {
        let frames = bundled.frames.len();
        let loose =
            |n: &super::super::model::Node| n.frame.is_none() && n.kind != NodeKind::Outside;
        let unframed = graph.nodes.iter().any(loose).then_some(frames);
        let count = frames + usize::from(unframed.is_some());
        let mut group = vec![None; graph.nodes.len()];
        for (at, (_, nodes)) in bundled.frames.iter().enumerate() {
            for node in nodes {
                group.get_mut(*node).into_iter().for_each(|g| *g = Some(at));
            }
        }
        for (at, node) in graph.nodes.iter().enumerate().filter(|(_, n)| loose(n)) {
            debug_assert!(node.frame.is_none());
            group.get_mut(at).into_iter().for_each(|g| *g = unframed);
        }
        let places = ordered(count, &weights(bundled, &group));
        let place = |g: usize| places.get(g).copied().unwrap_or(g);
        Self {
            of: group.into_iter().map(|g| g.map(place)).collect(),
            of_frame: (0..frames).map(place).collect(),
            count,
            unframed: unframed.map(place),
        }
    }
}

type Weights = BTreeMap<(usize, usize), i32>;

fn weights(bundled: &Bundled, group: &[Option<usize>]) -> Weights {
    let of = |anchor: Anchor| match anchor {
        Anchor::Node(node) => group.get(node).copied().flatten(),
        Anchor::Frame(frame) => Some(frame),
    };
    let mut weights = Weights::new();
    for bundle in &bundled.bundles {
        if let (Some(a), Some(b)) = (of(bundle.from), of(bundle.to))
            && a != b
        {
            *weights.entry((a.min(b), a.max(b))).or_default() += 1;
        }
    }
    weights
}

fn ordered(count: usize, weights: &Weights) -> Vec<usize> {
    let mut places: Vec<usize> = (0..count).collect();
    let mut best = (cost(&places, weights), places.clone());
    for _ in 0..6 {
        let centre = |g: usize| {
            let own = places.get(g).copied().unwrap_or(0);
            let mut sum = (int(own) * 4, 4);
            for ((a, b), weight) in weights {
                let other = if *a == g {
                    *b
                } else if *b == g {
                    *a
                } else {
                    continue;
                };
                let place = int(places.get(other).copied().unwrap_or(0));
                sum = (sum.0 + place * weight * 4, sum.1 + weight * 4);
            }
            sum.0 * 16 / sum.1
        };
        let mut order: Vec<usize> = (0..count).collect();
        order.sort_by_key(|g| (centre(*g), *g));
        let mut next = vec![0; count];
        for (place, g) in order.iter().enumerate() {
            next.get_mut(*g).into_iter().for_each(|slot| *slot = place);
        }
        places = next;
        let found = (cost(&places, weights), places.clone());
        if found.0 < best.0 {
            best = found;
        }
    }
    best.1
}

fn cost(places: &[usize], weights: &Weights) -> i32 {
    let place = |g: &usize| int(places.get(*g).copied().unwrap_or(0));
    weights.iter().map(|((a, b), weight)| (place(a) - place(b)).abs() * weight).sum()
}
