//! Graphs for Graphviz.

use std::io::{self, Write};

use netpol_core::model::Verdict;

use super::model::{Graph, Node, NodeKind, Side};

/// Writes a graph in the language of Graphviz.
pub(in crate::render) fn dot(out: &mut dyn Write, graph: &Graph) -> io::Result<()> {
    writeln!(out, "digraph netpol {{")?;
    let title = std::iter::once(&graph.title).chain(&graph.notes).cloned().collect::<Vec<_>>();
    writeln!(out, "  graph [rankdir=LR, label={}, labelloc=t];", quoted(&title.join("\n")))?;
    writeln!(out, "  node [shape=box, style=rounded];")?;
    for (at, (frame, nodes)) in graph.frames().into_iter().enumerate() {
        writeln!(out, "  subgraph cluster_{at} {{")?;
        writeln!(out, "    label={};", quoted(frame))?;
        for node in nodes.iter().filter_map(|n| graph.nodes.get(*n)) {
            writeln!(out, "    {}", declared(node))?;
        }
        writeln!(out, "  }}")?;
    }
    for node in graph.nodes.iter().filter(|n| n.frame.is_none()) {
        writeln!(out, "  {}", declared(node))?;
    }
    for edge in &graph.edges {
        let (Some(from), Some(to)) = (graph.nodes.get(edge.from), graph.nodes.get(edge.to)) else {
            continue;
        };
        let style = match edge.verdict {
            Verdict::Allow => "",
            Verdict::Deny => ", style=dotted, color=red",
            Verdict::Unknown | Verdict::Ambiguous => ", style=dashed",
        };
        let label = quoted(&edge.label());
        writeln!(out, "  {} -> {} [label={label}{style}];", name(from), name(to))?;
    }
    writeln!(out, "}}")
}

fn declared(node: &Node) -> String {
    let label = match node.prefix.as_str() {
        "" => node.label.clone(),
        prefix => format!("{prefix}/{}", node.label),
    };
    let shape = if node.kind == NodeKind::Outside { ", shape=ellipse" } else { "" };
    format!("{} [label={}{shape}];", name(node), quoted(&label))
}

fn name(node: &Node) -> String {
    match node.side {
        Side::From => quoted(&format!("from {}", node.id)),
        Side::To => quoted(&format!("to {}", node.id)),
        Side::Either => quoted(&node.id),
    }
}

fn quoted(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("\"{}\"", text.replace(char::is_control, " "))
}
