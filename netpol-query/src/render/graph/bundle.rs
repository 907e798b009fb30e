//! Edges that say the same of all of a namespace are one edge of its frame: what is left can be seen.

use std::collections::{BTreeMap, BTreeSet};

use netpol_core::model::Verdict;

use super::model::{Graph, Side};

/// Where a bundle begins or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::render) enum Anchor {
    /// At a node.
    Node(usize),
    /// At a frame: all of its nodes are meant.
    Frame(usize),
}

/// Edges that are drawn as one.
#[derive(Clone, Debug)]
pub(in crate::render) struct Bundle {
    pub(in crate::render) from: Anchor,
    pub(in crate::render) to: Anchor,
    pub(in crate::render) label: String,
    /// Whether all ports are open.
    pub(in crate::render) all: bool,
    pub(in crate::render) verdict: Verdict,
    /// Whether the same holds the other way.
    pub(in crate::render) both: bool,
}

/// A graph's frames and what is drawn between them.
#[derive(Debug, Default)]
pub(in crate::render) struct Bundled {
    /// The frames with their nodes.
    pub(in crate::render) frames: Vec<(String, Vec<usize>)>,
    pub(in crate::render) bundles: Vec<Bundle>,
    /// Frames in which everything reaches everything else, and what on.
    pub(in crate::render) inside: Vec<(usize, String)>,
    /// Nodes that everything else reaches, what on, and the few that do not.
    pub(in crate::render) open: Vec<(usize, String, Vec<usize>)>,
    /// Nodes whose replicas reach each other, and what on.
    pub(in crate::render) loops: Vec<(usize, String)>,
}

/// So many nodes may be left out of what is said of all.
const FEW: usize = 2;

type Look = (String, bool, Verdict);
type Pairs = BTreeSet<(usize, usize)>;

impl Bundled {
    /// Bundles the edges of a graph.
    pub(in crate::render) fn of(graph: &Graph) -> Self {
        let frames = graph.frames();
        let frames = frames.into_iter().map(|(name, nodes)| (name.to_owned(), nodes)).collect();
        let mut bundled = Self { frames, ..Self::default() };
        let mut looks: BTreeMap<Look, Pairs> = BTreeMap::new();
        for edge in &graph.edges {
            if edge.from == edge.to {
                bundled.loops.push((edge.from, edge.label()));
                continue;
            }
            let look = (edge.label(), edge.ports.is_all(), edge.verdict);
            looks.entry(look).or_default().insert((edge.from, edge.to));
        }
        for (look, mut pairs) in looks {
            bundled.open_to_all(graph, &look, &mut pairs);
            let mut drawn = bundled.taken(&look, &mut pairs);
            drawn.extend(pairs.into_iter().map(|(a, b)| (Anchor::Node(a), Anchor::Node(b))));
            bundled.push(&look, &drawn);
        }
        bundled
    }

    /// Takes the pairs of nodes that all others reach, or all but a few.
    fn open_to_all(&mut self, graph: &Graph, look: &Look, pairs: &mut Pairs) {
        let others: Vec<usize> = (0..graph.nodes.len())
            .filter(|n| graph.nodes.get(*n).is_some_and(|n| n.side != Side::To))
            .collect();
        let targets: BTreeSet<usize> = pairs.iter().map(|(_, to)| *to).collect();
        for to in targets.into_iter().filter(|to| others.contains(to)) {
            let wanted: Pairs = others.iter().filter(|o| **o != to).map(|o| (*o, to)).collect();
            let missing: Vec<usize> = wanted.difference(pairs).map(|(from, _)| *from).collect();
            let few = missing.is_empty() || wanted.len() > FEW * 3;
            if wanted.len() > 3 && missing.len() <= FEW && few {
                pairs.retain(|pair| !wanted.contains(pair));
                self.open.push((to, look.0.clone(), missing));
            }
        }
    }

    /// Takes the pairs that concern all of a frame.
    fn taken(&mut self, look: &Look, pairs: &mut Pairs) -> BTreeSet<(Anchor, Anchor)> {
        let mut drawn = BTreeSet::new();
        let large: Vec<(usize, Vec<usize>)> = self
            .frames
            .iter()
            .enumerate()
            .filter(|(_, (_, nodes))| nodes.len() > 1)
            .map(|(at, (_, nodes))| (at, nodes.clone()))
            .collect();
        for (at, nodes) in &large {
            let within: Pairs = product(nodes, nodes).filter(|(a, b)| a != b).collect();
            if nodes.len() > 2 && take(pairs, &within) {
                self.inside.push((*at, look.0.clone()));
            }
        }
        for (f, from) in &large {
            for (t, to) in large.iter().filter(|(t, _)| t != f) {
                if take(pairs, &product(from, to).collect()) {
                    drawn.insert((Anchor::Frame(*f), Anchor::Frame(*t)));
                }
            }
        }
        let ends: BTreeSet<usize> = pairs.iter().flat_map(|(a, b)| [*a, *b]).collect();
        for (at, nodes) in large.iter().filter(|(_, nodes)| nodes.len() > 2) {
            for end in ends.iter().filter(|end| !nodes.contains(end)) {
                if take(pairs, &nodes.iter().map(|n| (*end, *n)).collect()) {
                    drawn.insert((Anchor::Node(*end), Anchor::Frame(*at)));
                }
                if take(pairs, &nodes.iter().map(|n| (*n, *end)).collect()) {
                    drawn.insert((Anchor::Frame(*at), Anchor::Node(*end)));
                }
            }
        }
        drawn
    }

    fn push(&mut self, look: &Look, drawn: &BTreeSet<(Anchor, Anchor)>) {
        for (from, to) in drawn {
            let both = drawn.contains(&(*to, *from));
            if both && to < from {
                continue;
            }
            let (label, all, verdict) = look.clone();
            self.bundles.push(Bundle { from: *from, to: *to, label, all, verdict, both });
        }
    }
}

fn product<'a>(from: &'a [usize], to: &'a [usize]) -> impl Iterator<Item = (usize, usize)> + 'a {
    from.iter().flat_map(move |a| to.iter().map(move |b| (*a, *b)))
}

/// Takes pairs out of others where all of them are there.
fn take(pairs: &mut Pairs, wanted: &Pairs) -> bool {
    let there = wanted.is_subset(pairs);
    if there {
        pairs.retain(|pair| !wanted.contains(pair));
    }
    there
}
