//! Graphs for Mermaid.

use std::fmt::Write as _;
use std::io::{self, Write};

use netpol_core::model::Verdict;

use super::model::{Graph, Node, NodeKind};

/// Writes a graph in the language of Mermaid, which many forges draw in Markdown.
pub(in crate::render) fn mermaid(out: &mut dyn Write, graph: &Graph) -> io::Result<()> {
    for line in std::iter::once(&graph.title).chain(&graph.notes) {
        writeln!(out, "%% {}", line.replace(char::is_control, " "))?;
    }
    writeln!(out, "flowchart LR")?;
    for (at, (frame, nodes)) in graph.frames().into_iter().enumerate() {
        writeln!(out, "  subgraph f{at}[\"{}\"]", escaped(frame))?;
        for node in nodes {
            declared(out, graph, node, "    ")?;
        }
        writeln!(out, "  end")?;
    }
    for at in 0..graph.nodes.len() {
        if graph.nodes.get(at).is_some_and(|n| n.frame.is_none()) {
            declared(out, graph, at, "  ")?;
        }
    }
    for edge in &graph.edges {
        let arrow = if edge.verdict == Verdict::Allow { "-->" } else { "-.->" };
        let label = escaped(&edge.label());
        writeln!(out, "  n{} {arrow}|\"{label}\"| n{}", edge.from, edge.to)?;
    }
    Ok(())
}

fn declared(out: &mut dyn Write, graph: &Graph, at: usize, indent: &str) -> io::Result<()> {
    let Some(node) = graph.nodes.get(at) else { return Ok(()) };
    let label = escaped(&shown(node));
    match node.kind {
        NodeKind::Outside => writeln!(out, "{indent}n{at}([\"{label}\"])"),
        NodeKind::Namespace => writeln!(out, "{indent}n{at}[[\"{label}\"]]"),
        NodeKind::Object => writeln!(out, "{indent}n{at}[\"{label}\"]"),
    }
}

fn shown(node: &Node) -> String {
    if node.prefix.is_empty() {
        node.label.clone()
    } else {
        format!("{}/{}", node.prefix, node.label)
    }
}

/// Mermaid reads entities inside of quotes, and little else.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if c.is_alphanumeric() || " -_./,:…".contains(c) {
            out.push(c);
        } else if !c.is_control() {
            let _infallible = write!(out, "#{};", u32::from(c));
        }
    }
    out
}
