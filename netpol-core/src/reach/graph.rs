//! The reachability of workloads as a graph: petgraph's `visit` traits over rows, so that its algorithms run on them.

use std::collections::HashSet;
use std::sync::OnceLock;

use petgraph::Directed;
use petgraph::visit::{
    Data, EdgeRef, GraphBase, GraphProp, IntoEdgeReferences, IntoEdges, IntoNeighbors,
    IntoNodeIdentifiers, NodeCompactIndexable, NodeCount, NodeIndexable, Visitable,
};
use roaring::RoaringBitmap;

use super::question::{End, Level, Question, Row, Selection};
use super::snapshot::Snapshot;
use crate::model::{IpSet, PortSet, Verdict, WorkloadId};

/// A node of a [`Graph`]: a workload, or the outside, which is one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GraphNode {
    /// A workload.
    Workload(WorkloadId),
    /// Every address that is no pod's.
    Outside,
}

/// An edge: some pod of its source may connect to some other pod of its target.
#[derive(Clone, Copy, Debug)]
pub struct GraphEdge<'a> {
    source: GraphNode,
    target: GraphNode,
    ports: &'a PortSet,
}

/// Who may certainly connect to whom on some of the asked ports; the edges of a node are found when first asked for.
///
/// A workload has an edge to itself where one of its pods may connect to another.
#[derive(Debug)]
pub struct Graph<'a> {
    snapshot: &'a Snapshot,
    ports: PortSet,
    pods: RoaringBitmap,
    outgoing: Vec<OnceLock<Vec<(GraphNode, PortSet)>>>,
}

impl<'a> Graph<'a> {
    pub(super) fn new(snapshot: &'a Snapshot, ports: PortSet) -> Self {
        let cluster = snapshot.cluster();
        let pods = cluster.pod_ids().map(|p| p.0).collect();
        let outgoing = (0..=cluster.workloads().len()).map(|_| OnceLock::new()).collect();
        Self { snapshot, ports, pods, outgoing }
    }

    /// Lists the edges that leave a node, by target, with the ports on which some pair is allowed.
    pub fn outgoing(&self, node: GraphNode) -> &[(GraphNode, PortSet)] {
        self.outgoing
            .get(self.to_index(node))
            .map_or(&[], |edges| edges.get_or_init(|| self.find(node)))
    }

    fn find(&self, node: GraphNode) -> Vec<(GraphNode, PortSet)> {
        let cluster = self.snapshot.cluster();
        let outside = IpSet::families(cluster.families());
        let (from, addresses) = match node {
            GraphNode::Outside => (Selection::addresses(outside), IpSet::none()),
            GraphNode::Workload(workload) => {
                let pods = cluster.workload(workload).pods.iter().map(|p| p.0).collect();
                (Selection { pods, ..Selection::default() }, outside)
            }
        };
        let to = Selection { pods: self.pods.clone(), addresses, ..Selection::default() };
        let ports = self.ports.clone().into();
        let question =
            Question { from, to, ports, level: Level::Workload, explain: false, denied: false };
        merge(&self.snapshot.ask(&question).rows)
    }
}

/// Unites the allowed rows of one source by target.
fn merge(rows: &[Row]) -> Vec<(GraphNode, PortSet)> {
    let mut edges: Vec<(GraphNode, PortSet)> = Vec::new();
    for row in rows.iter().filter(|r| r.verdict == Verdict::Allow) {
        let target = match &row.dst {
            End::Workload(workload) => GraphNode::Workload(*workload),
            _ => GraphNode::Outside,
        };
        match edges.last_mut().filter(|(last, _)| *last == target) {
            Some((_, ports)) => *ports = ports.union(&row.ports),
            None => edges.push((target, row.ports.clone())),
        }
    }
    edges
}

impl GraphBase for Graph<'_> {
    type NodeId = GraphNode;
    type EdgeId = (GraphNode, GraphNode);
}

impl GraphProp for Graph<'_> {
    type EdgeType = Directed;
}

impl Data for Graph<'_> {
    type NodeWeight = ();
    type EdgeWeight = PortSet;
}

impl NodeCount for Graph<'_> {
    fn node_count(&self) -> usize {
        self.outgoing.len()
    }
}

impl NodeIndexable for Graph<'_> {
    fn node_bound(&self) -> usize {
        self.outgoing.len()
    }

    fn to_index(&self, node: GraphNode) -> usize {
        match node {
            GraphNode::Workload(workload) => workload.index(),
            GraphNode::Outside => self.outgoing.len() - 1,
        }
    }

    fn from_index(&self, index: usize) -> GraphNode {
        if index + 1 < self.outgoing.len() {
            GraphNode::Workload(WorkloadId::from_index(index))
        } else {
            GraphNode::Outside
        }
    }
}

impl NodeCompactIndexable for Graph<'_> {}

impl Visitable for Graph<'_> {
    type Map = HashSet<GraphNode>;

    fn visit_map(&self) -> Self::Map {
        HashSet::new()
    }

    fn reset_map(&self, map: &mut Self::Map) {
        map.clear();
    }
}

impl<'a> IntoNodeIdentifiers for &'a Graph<'_> {
    type NodeIdentifiers = Box<dyn Iterator<Item = GraphNode> + 'a>;

    fn node_identifiers(self) -> Self::NodeIdentifiers {
        Box::new((0..self.node_bound()).map(|i| self.from_index(i)))
    }
}

impl<'a> IntoNeighbors for &'a Graph<'_> {
    type Neighbors = Box<dyn Iterator<Item = GraphNode> + 'a>;

    fn neighbors(self, node: GraphNode) -> Self::Neighbors {
        Box::new(self.outgoing(node).iter().map(|(target, _)| *target))
    }
}

impl<'a> EdgeRef for GraphEdge<'a> {
    type NodeId = GraphNode;
    type EdgeId = (GraphNode, GraphNode);
    type Weight = PortSet;

    fn source(&self) -> GraphNode {
        self.source
    }

    fn target(&self) -> GraphNode {
        self.target
    }

    fn weight(&self) -> &'a PortSet {
        self.ports
    }

    fn id(&self) -> Self::EdgeId {
        (self.source, self.target)
    }
}

impl<'a> IntoEdgeReferences for &'a Graph<'_> {
    type EdgeRef = GraphEdge<'a>;
    type EdgeReferences = Box<dyn Iterator<Item = GraphEdge<'a>> + 'a>;

    fn edge_references(self) -> Self::EdgeReferences {
        Box::new(self.node_identifiers().flat_map(move |node| self.edges(node)))
    }
}

impl<'a> IntoEdges for &'a Graph<'_> {
    type Edges = Box<dyn Iterator<Item = GraphEdge<'a>> + 'a>;

    fn edges(self, source: GraphNode) -> Self::Edges {
        let edge = move |(target, ports): &'a (GraphNode, PortSet)| GraphEdge {
            source,
            target: *target,
            ports,
        };
        Box::new(self.outgoing(source).iter().map(edge))
    }
}
