//! The shape of what is reached over several hops: choke points and groups, by petgraph's algorithms.

use std::collections::HashMap;

use petgraph::algo::{dominators, tarjan_scc};
use petgraph::graph::{DiGraph, NodeIndex};
use roaring::RoaringBitmap;

use super::hops::{Closure, Hops, Searcher};
use super::question::{AskedPorts, End, Selection};
use super::snapshot::Snapshot;
use crate::model::IpSet;

/// With more ends, not every pair of them is looked at.
const MOST_ENDS: usize = 300;

/// An end that every way to some others goes through.
#[derive(Clone, Debug, PartialEq)]
pub struct ChokePoint {
    /// The end.
    pub end: End,
    /// The others, in the order in which they were found.
    pub before: Vec<End>,
}

/// What stands out among the ends of a closure.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shape {
    /// Ends that every way to some others goes through (dominators); those before most come first.
    pub choke_points: Vec<ChokePoint>,
    /// Ends that can all reach one another, over any number of hops (strongly connected, two or more).
    pub groups: Vec<Vec<End>>,
}

/// Finds the shape of a closure; `None` where it has too many ends, or where the last hop toward them is restricted to some ports.
pub(super) fn shape(snapshot: &Snapshot, question: &Hops, closure: &Closure) -> Option<Shape> {
    // Where the last hop goes on some ports only, an end may be passed without being arrived at: two notions of a node.
    let one_notion =
        closure.backward || question.to.iter().all(|(_, ports)| *ports == AskedPorts::all());
    if closure.stopped || closure.met.len() > MOST_ENDS || !one_notion {
        return None;
    }
    let mut web = Web::new(snapshot, question, closure);
    web.connect(closure.backward);
    Some(Shape { choke_points: web.choke_points(), groups: web.groups() })
}

struct Web<'a> {
    searcher: Searcher<'a>,
    graph: DiGraph<End, ()>,
    root: NodeIndex,
    /// The pods that the root stands for.
    rooted: RoaringBitmap,
    nodes: HashMap<End, NodeIndex>,
    /// The pods of the ends that ways may pass.
    passed: RoaringBitmap,
}

impl<'a> Web<'a> {
    fn new(snapshot: &'a Snapshot, question: &'a Hops, closure: &Closure) -> Self {
        let searcher = Searcher::new(snapshot, question);
        let mut graph = DiGraph::new();
        // The root's own name is never shown.
        let root = graph.add_node(outside());
        let rooted =
            if closure.backward { question.target_pods() } else { question.from.pods.clone() };
        let mut passed = RoaringBitmap::new();
        let mut nodes = HashMap::new();
        for end in &closure.met {
            passed |= searcher.pods_of(end);
            nodes.insert(end.clone(), graph.add_node(end.clone()));
        }
        Self { searcher, graph, root, rooted, nodes, passed }
    }

    /// Adds the hops, from the root on.
    fn connect(&mut self, backward: bool) {
        let question = self.searcher.question;
        let through = Selection { pods: self.passed.clone(), ..Selection::default() };
        let mut from = question.from.clone();
        from.pods |= &self.passed;
        let mut asks = question.to.clone();
        asks.push((through, AskedPorts::all()));
        for (to, ports) in asks {
            for row in self.searcher.hops(from.clone(), to, ports) {
                let (src, dst) = (self.node(&row.src), self.node(&row.dst));
                let (Some(src), Some(dst)) = (src, dst) else { continue };
                let (a, b) = if backward { (dst, src) } else { (src, dst) };
                self.graph.update_edge(a, b, ());
            }
        }
    }

    /// Returns the node of an end; addresses are one node, and what lies neither on a way nor at the root has none.
    fn node(&mut self, end: &End) -> Option<NodeIndex> {
        let end = if matches!(end, End::External(_)) { outside() } else { end.clone() };
        if let Some(known) = self.nodes.get(&end) {
            return Some(*known);
        }
        let pods = self.searcher.pods_of(&end);
        if !pods.is_empty() {
            return (!pods.is_disjoint(&self.rooted)).then_some(self.root);
        }
        let node = self.graph.add_node(end.clone());
        self.nodes.insert(end, node);
        Some(node)
    }

    fn choke_points(&self) -> Vec<ChokePoint> {
        let tree = dominators::simple_fast(&self.graph, self.root);
        let mut before: Vec<Vec<NodeIndex>> = vec![Vec::new(); self.graph.node_count()];
        for node in self.graph.node_indices().filter(|n| *n != self.root) {
            for above in tree.strict_dominators(node).into_iter().flatten() {
                if above != self.root {
                    before[above.index()].push(node);
                }
            }
        }
        let mut points: Vec<ChokePoint> = before
            .into_iter()
            .enumerate()
            .filter(|(_, behind)| !behind.is_empty())
            .map(|(at, behind)| ChokePoint {
                end: self.graph[NodeIndex::new(at)].clone(),
                before: behind.into_iter().map(|n| self.graph[n].clone()).collect(),
            })
            .collect();
        points.sort_by_key(|p| std::cmp::Reverse(p.before.len()));
        points
    }

    fn groups(&self) -> Vec<Vec<End>> {
        let mut groups: Vec<Vec<NodeIndex>> = tarjan_scc(&self.graph)
            .into_iter()
            .map(|mut group| {
                group.retain(|n| *n != self.root);
                group.sort_unstable();
                group
            })
            .filter(|group| group.len() > 1)
            .collect();
        groups.sort_unstable();
        let ends = |group: Vec<NodeIndex>| group.iter().map(|n| self.graph[*n].clone()).collect();
        groups.into_iter().map(ends).collect()
    }
}

fn outside() -> End {
    End::External(IpSet::none())
}
