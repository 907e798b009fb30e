//! Nodes in frames and edges with ports: what every picture of a graph is made from. Knows no format.

use std::collections::{BTreeMap, HashMap};

use netpol_core::model::{PortSet, Verdict};

use crate::execute::Endpoint;
use crate::kinds;
use crate::render::label;

/// Above so many nodes a graph is folded to one node a namespace.
pub(in crate::render) const MOST_NODES: usize = 40;

/// A graph to be drawn.
#[derive(Clone, Debug, Default)]
pub(in crate::render) struct Graph {
    /// What it shows.
    pub(in crate::render) title: String,
    pub(in crate::render) nodes: Vec<Node>,
    pub(in crate::render) edges: Vec<Edge>,
    /// What a reader must know to read it right.
    pub(in crate::render) notes: Vec<String>,
    known: HashMap<(Side, String), usize>,
    between: HashMap<(usize, usize, Verdict), usize>,
}

/// A node.
#[derive(Clone, Debug)]
pub(in crate::render) struct Node {
    /// The id of the endpoint.
    pub(in crate::render) id: String,
    /// Its name, as short as its frame lets it be.
    pub(in crate::render) label: String,
    /// The short form of its kind, printed beside the name.
    pub(in crate::render) prefix: String,
    /// The namespace that it is drawn in.
    pub(in crate::render) frame: Option<String>,
    pub(in crate::render) kind: NodeKind,
    pub(in crate::render) side: Side,
}

/// What a node stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::render) enum NodeKind {
    /// A workload, a pod or a Service.
    Object,
    /// All of a namespace.
    Namespace,
    /// Addresses or a name outside of the cluster.
    Outside,
}

/// Where a node stands: the outside is drawn once as a source and once as a destination, or every edge would cross.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::render) enum Side {
    From,
    To,
    Either,
}

/// An edge.
#[derive(Clone, Debug)]
pub(in crate::render) struct Edge {
    pub(in crate::render) from: usize,
    pub(in crate::render) to: usize,
    /// The ports on which some pair has the verdict.
    pub(in crate::render) ports: PortSet,
    /// Whether it holds of some of the pairs only.
    pub(in crate::render) some: bool,
    pub(in crate::render) verdict: Verdict,
}

impl Graph {
    /// Starts a graph.
    pub(in crate::render) fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), ..Self::default() }
    }

    /// Returns the node of an endpoint; the side counts only outside of the cluster.
    pub(in crate::render) fn node(&mut self, endpoint: &Endpoint, side: Side) -> usize {
        let kind = match endpoint {
            Endpoint::Namespace { .. } => NodeKind::Namespace,
            other if other.namespace().is_some() => NodeKind::Object,
            _ => NodeKind::Outside,
        };
        let side = if kind == NodeKind::Outside { side } else { Side::Either };
        let frame = label::group(endpoint);
        let (prefix, name) = match (kind, endpoint) {
            (NodeKind::Object, Endpoint::Service { name, .. }) => ("svc".to_owned(), name.clone()),
            (NodeKind::Object, other) => (
                kinds::short(other.kind().unwrap_or_default()),
                other.name().unwrap_or_default().to_owned(),
            ),
            (NodeKind::Namespace, other) => {
                ("ns".to_owned(), other.name().unwrap_or_default().to_owned())
            }
            (NodeKind::Outside, other) => (String::new(), label::endpoint(other)),
        };
        self.add(Node { id: endpoint.id(), label: name, prefix, frame, kind, side })
    }

    fn add(&mut self, node: Node) -> usize {
        let key = (node.side, node.id.clone());
        if let Some(known) = self.known.get(&key) {
            return *known;
        }
        let at = self.nodes.len();
        self.known.insert(key, at);
        self.nodes.push(node);
        at
    }

    /// Adds ports to the edge between two nodes; `some` where they are open between some of the pairs only.
    pub(in crate::render) fn edge(
        &mut self,
        (from, to): (usize, usize),
        ports: &PortSet,
        some: bool,
        verdict: Verdict,
    ) {
        let at = *self.between.entry((from, to, verdict)).or_insert_with(|| {
            self.edges.push(Edge { from, to, ports: PortSet::none(), some: false, verdict });
            self.edges.len() - 1
        });
        if let Some(edge) = self.edges.get_mut(at) {
            edge.ports = edge.ports.union(ports);
            edge.some |= some;
        }
    }

    /// Returns the graph by namespace where it has too many nodes.
    pub(in crate::render) fn folded(self) -> Self {
        if self.nodes.len() <= MOST_NODES {
            return self;
        }
        let mut folded = Self::new(self.title.clone());
        let places: Vec<usize> = self.nodes.iter().map(|node| folded.add(fold(node))).collect();
        for edge in &self.edges {
            let (Some(from), Some(to)) = (places.get(edge.from), places.get(edge.to)) else {
                continue;
            };
            folded.edge((*from, *to), &edge.ports, edge.some, edge.verdict);
        }
        folded.notes.clone_from(&self.notes);
        folded.notes.push(format!(
            "{} nodes are folded to one a namespace; ask of one namespace to see its workloads",
            self.nodes.len()
        ));
        folded
    }

    /// Lists the frames with their nodes, by name.
    pub(in crate::render) fn frames(&self) -> BTreeMap<&str, Vec<usize>> {
        let mut frames: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (at, node) in self.nodes.iter().enumerate() {
            if let Some(frame) = &node.frame {
                frames.entry(frame).or_default().push(at);
            }
        }
        frames
    }

    /// Returns a node's name with its kind and namespace.
    pub(in crate::render) fn full(&self, at: usize) -> String {
        let Some(node) = self.nodes.get(at) else { return String::new() };
        match (&node.frame, node.prefix.as_str()) {
            (_, "") => node.label.clone(),
            (Some(frame), prefix) => format!("{frame}/{prefix}/{}", node.label),
            (None, prefix) => format!("{prefix}/{}", node.label),
        }
    }
}

fn fold(node: &Node) -> Node {
    let (id, label, prefix, kind) = match (&node.frame, node.kind) {
        (Some(namespace), _) => (
            format!("namespace/{namespace}"),
            namespace.clone(),
            "ns".to_owned(),
            NodeKind::Namespace,
        ),
        (None, NodeKind::Outside) => {
            ("external".to_owned(), "external".to_owned(), String::new(), NodeKind::Outside)
        }
        (None, kind) => (node.id.clone(), node.label.clone(), node.prefix.clone(), kind),
    };
    Node { id, label, prefix, frame: None, kind, side: node.side }
}

impl Edge {
    /// Returns what is written at the edge.
    pub(in crate::render) fn label(&self) -> String {
        let ports = label::ports(&self.ports);
        let some = if self.some { "*" } else { "" };
        let mut shown: Vec<&str> = ports.split(',').collect();
        if shown.len() > 4 {
            shown.truncate(3);
            shown.push("…");
        }
        format!("{}{some}", shown.join(","))
    }
}
