//! A graph as a picture.

use std::io::{self, Write};

use netpol_core::model::Verdict;

use super::{open, shortened, text_width, xml};
use crate::render::graph::{
    Anchor, Bundle, Bundled, Graph, Node, NodeKind, Point, Rect, Scene, lay_out,
};

/// Longer names are cut; the whole name is the node's tooltip.
const LONGEST_NAME: usize = 30;
/// More edges are not drawn: they would be one black area.
const MOST_EDGES: usize = 1200;
/// Where there are more edges, ports are tooltips alone.
const MOST_LABELS: usize = 150;
/// Where the picture begins below its title.
const TOP: i32 = 40;
/// The height of a line of the legend.
const LINE: i32 = 20;

/// Writes a graph.
pub(in crate::render) fn graph(out: &mut dyn Write, graph: &Graph) -> io::Result<()> {
    let mut bundled = Bundled::of(graph);
    let left_out = bundled.bundles.len().saturating_sub(MOST_EDGES);
    bundled.bundles.truncate(MOST_EDGES);
    let widths: Vec<i32> = graph.nodes.iter().map(width).collect();
    let scene = lay_out(graph, &bundled, &widths);
    let mut notes = legend(&bundled);
    notes.extend(graph.notes.iter().map(|n| (Line::None, n.clone())));
    if bundled.bundles.len() > MOST_LABELS {
        notes.push((Line::None, "ports are shown when a line is pointed at".to_owned()));
    }
    if left_out > 0 {
        let text = format!("{left_out} more edges are not drawn; the matrix shows them all");
        notes.push((Line::None, text));
    }
    let (title, size) = (shortened(&graph.title, 100), scene.size);
    let longest = notes.iter().map(|(_, n)| text_width(n) + 60).max().unwrap_or(0);
    let width = size.x.max(text_width(&title) * 6 / 5 + 40).max(longest);
    let legend_top = size.y + TOP;
    let height = legend_top + LINE * i32::try_from(notes.len()).unwrap_or(0) + 16;
    write!(out, "{}", open(width, height, &graph.title))?;
    writeln!(out, "<text class=\"title\" x=\"22\" y=\"28\">{}</text>", xml(&title))?;
    writeln!(out, "<g transform=\"translate(0 {TOP})\">")?;
    frames(out, &bundled, &scene)?;
    let mut taken = scene.nodes.clone();
    let crowded = bundled.bundles.len() > MOST_LABELS;
    let labels: Vec<Option<Point>> = bundled
        .bundles
        .iter()
        .zip(&scene.ways)
        .map(|(b, way)| label_place(b, way, &mut taken).filter(|_| !crowded))
        .collect();
    for ((bundle, way), label) in bundled.bundles.iter().zip(&scene.ways).zip(&labels) {
        edge(out, graph, &bundled, bundle, way, *label)?;
    }
    for (at, (node_, rect)) in graph.nodes.iter().zip(&scene.nodes).enumerate() {
        let own = bundled.loops.iter().find(|(n, _)| *n == at).map(|(_, label)| label);
        node(out, &graph.full(at), node_, rect, own)?;
    }
    for (at, label, but) in &bundled.open {
        if let (Some(node), Some(rect)) = (graph.nodes.get(*at), scene.nodes.get(*at)) {
            let but: Vec<String> =
                but.iter().filter_map(|n| graph.nodes.get(*n)).map(shown).collect();
            open_to_all(out, (label, &but), node, rect)?;
        }
    }
    writeln!(out, "</g>")?;
    for (at, (line, text)) in notes.iter().enumerate() {
        let y = legend_top + LINE * i32::try_from(at).unwrap_or(0) + 8;
        note(out, *line, text, y)?;
    }
    writeln!(out, "</svg>")
}

/// A sample of a line before a note.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Line {
    None,
    All,
    Some,
    Deny,
    Doubt,
}

impl Line {
    fn of(bundle: &Bundle) -> Self {
        match bundle.verdict {
            Verdict::Deny => Self::Deny,
            Verdict::Unknown | Verdict::Ambiguous => Self::Doubt,
            Verdict::Allow if bundle.all => Self::All,
            Verdict::Allow => Self::Some,
        }
    }

    const fn class(self) -> &'static str {
        match self {
            Self::None | Self::Some => "some",
            Self::All => "all",
            Self::Deny => "deny",
            Self::Doubt => "doubt",
        }
    }
}

fn legend(bundled: &Bundled) -> Vec<(Line, String)> {
    let has = |line: Line| bundled.bundles.iter().any(|b| Line::of(b) == line);
    let mut notes = Vec::new();
    for (line, text) in [
        (Line::Some, "these ports (TCP unless said)"),
        (Line::All, "all ports"),
        (Line::Deny, "denied"),
        (Line::Doubt, "not known"),
    ] {
        if has(line) {
            notes.push((line, text.to_owned()));
        }
    }
    let framed = |a: &Anchor| matches!(a, Anchor::Frame(_));
    if bundled.bundles.iter().any(|b| framed(&b.from) || framed(&b.to)) {
        let text = "a line that ends at a frame is meant for everything inside";
        notes.push((Line::None, text.to_owned()));
    }
    if !bundled.open.is_empty() {
        let text = "← everything: from every other source in this picture";
        notes.push((Line::None, text.to_owned()));
    }
    notes
}

fn note(out: &mut dyn Write, line: Line, text: &str, y: i32) -> io::Result<()> {
    let x = if line == Line::None { 22 } else { 66 };
    if line != Line::None {
        let class = line.class();
        writeln!(out, "<g class=\"edge {class}\"><path d=\"M22 {} H56\"/></g>", y - 4)?;
    }
    writeln!(out, "<text class=\"soft\" x=\"{x}\" y=\"{y}\">{}</text>", xml(text))
}

fn shown(node: &Node) -> String {
    shortened(&node.label, LONGEST_NAME)
}

fn width(node: &Node) -> i32 {
    let prefix = if node.prefix.is_empty() { 0 } else { text_width(&node.prefix) + 8 };
    (text_width(&shown(node)) + prefix + 24).max(84)
}

fn frames(out: &mut dyn Write, bundled: &Bundled, scene: &Scene) -> io::Result<()> {
    for (at, ((name, _), r)) in bundled.frames.iter().zip(&scene.frames).enumerate() {
        let inside = bundled.inside.iter().filter(|(frame, _)| *frame == at);
        let inside: Vec<&str> = inside.map(|(_, label)| label.as_str()).collect();
        let most = usize::try_from(r.w / 8).unwrap_or(0).saturating_sub(2);
        writeln!(
            out,
            "<g data-namespace=\"{}\"><title>namespace {}</title><rect class=\"frame\" x=\"{}\" y=\"{}\" \
             width=\"{}\" height=\"{}\" rx=\"8\"/>",
            xml(name),
            xml(name),
            r.x,
            r.y,
            r.w,
            r.h
        )?;
        let label = shortened(name, most.max(6));
        let (x, y) = (r.x + 12, r.y + 19);
        writeln!(out, "<text class=\"head\" x=\"{x}\" y=\"{y}\">{}</text>", xml(&label))?;
        if !inside.is_empty() {
            let text = match inside[..] {
                ["all"] => "all reach all".to_owned(),
                _ => format!("all reach all on {}", inside.join(", ")),
            };
            let (x, y) = (r.x + r.w - 12, r.y + r.h + 14);
            writeln!(
                out,
                "<text class=\"soft\" text-anchor=\"end\" x=\"{x}\" y=\"{y}\">↻ {}</text>",
                xml(&text)
            )?;
        }
        writeln!(out, "</g>")?;
    }
    Ok(())
}

fn node(
    out: &mut dyn Write,
    full: &str,
    node: &Node,
    r: &Rect,
    own: Option<&String>,
) -> io::Result<()> {
    let class = match node.kind {
        NodeKind::Object => "object",
        NodeKind::Namespace => "namespace",
        NodeKind::Outside => "outside",
    };
    let radius = if node.kind == NodeKind::Outside { r.h / 2 } else { 6 };
    let tip = own.map_or_else(|| full.to_owned(), |own| format!("{full} ↻ within itself: {own}"));
    let prefix = match node.prefix.as_str() {
        "" => String::new(),
        prefix => format!("<tspan class=\"soft\">{} </tspan>", xml(prefix)),
    };
    let mark = if own.is_some() { "<tspan class=\"soft\"> ↻</tspan>" } else { "" };
    writeln!(
        out,
        "<g class=\"node {class}\" data-id=\"{}\"><title>{}</title><rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" \
         rx=\"{radius}\"/><text text-anchor=\"middle\" x=\"{}\" y=\"{}\">{prefix}{}{mark}</text></g>",
        xml(&node.id),
        xml(&tip),
        r.x,
        r.y,
        r.w,
        r.h,
        r.x + r.w / 2,
        r.y + r.h / 2 + 5,
        xml(&shown(node))
    )
}

/// Says below a node that everything else reaches it: so many lines to one node would hide all others.
fn open_to_all(
    out: &mut dyn Write,
    (label, but): (&str, &[String]),
    node: &Node,
    r: &Rect,
) -> io::Result<()> {
    let said = |but: &str| if but.is_empty() { String::new() } else { format!(" but {but}") };
    let names = but.join(", ");
    let tip = format!("everything{} reaches {}: {label}", said(&names), node.label);
    let count = but.len().to_string();
    let short = text_width(&names) + 110 <= r.w;
    let but = said(if short || but.is_empty() { &names } else { &count });
    let (class, on) = if label == "all" { ("all", "all ports") } else { ("some", label) };
    let (x, y) = (r.x + r.w / 2, r.y + r.h + 12);
    writeln!(
        out,
        "<g class=\"edge {class}\" data-from=\"*\" data-to=\"{}\"><title>{}</title><path class=\"ring\" d=\"M{} {} h{}\"/>\
         <text text-anchor=\"middle\" x=\"{x}\" y=\"{y}\">← everything{}: {}</text></g>",
        xml(&node.id),
        xml(&tip),
        r.x + 6,
        r.y + r.h,
        r.w - 12,
        xml(&but),
        xml(on)
    )
}

fn edge(
    out: &mut dyn Write,
    graph: &Graph,
    bundled: &Bundled,
    bundle: &Bundle,
    way: &[Point],
    label: Option<Point>,
) -> io::Result<()> {
    let name = |anchor: Anchor| match anchor {
        Anchor::Node(node) => graph.full(node),
        Anchor::Frame(frame) => {
            let name = bundled.frames.get(frame).map_or("", |(name, _)| name.as_str());
            format!("all of {name}")
        }
    };
    let id = |anchor: Anchor| match anchor {
        Anchor::Node(node) => graph.nodes.get(node).map_or(String::new(), |n| n.id.clone()),
        Anchor::Frame(frame) => {
            let name = bundled.frames.get(frame).map_or("", |(name, _)| name.as_str());
            format!("namespace/{name}")
        }
    };
    let arrow = if bundle.both { "↔" } else { "→" };
    let on = if bundle.all { "all ports".to_owned() } else { bundle.label.clone() };
    let tip = format!("{} {arrow} {}: {on}", name(bundle.from), name(bundle.to));
    let curve = curve(way);
    write!(
        out,
        "<g class=\"edge {}\" data-from=\"{}\" data-to=\"{}\"><title>{}</title><path class=\"hit\" d=\"{curve}\"/>\
         <path d=\"{curve}\"/>",
        Line::of(bundle).class(),
        xml(&id(bundle.from)),
        xml(&id(bundle.to)),
        xml(&tip)
    )?;
    let last = way.iter().rev().take(2).copied().collect::<Vec<_>>();
    write!(out, "{}", arrowhead(&last))?;
    if bundle.both {
        let first = way.iter().take(2).copied().collect::<Vec<_>>();
        write!(out, "{}", arrowhead(&first))?;
    }
    if let Some(at) = label {
        write!(
            out,
            "<text text-anchor=\"middle\" x=\"{}\" y=\"{}\">{}</text>",
            at.x,
            at.y + 4,
            xml(&bundle.label)
        )?;
    }
    writeln!(out, "</g>")
}

/// A curve through points: level where it runs across, upright where it runs down.
fn curve(way: &[Point]) -> String {
    let Some(first) = way.first() else { return String::new() };
    let mut d = format!("M{} {}", first.x, first.y);
    for (a, b) in way.iter().zip(way.iter().skip(1)) {
        let part = if a.y == b.y || a.x == b.x {
            format!(" L{} {}", b.x, b.y)
        } else {
            let (c1, c2) = bend(*a, *b, way);
            format!(" C{} {} {} {} {} {}", c1.x, c1.y, c2.x, c2.y, b.x, b.y)
        };
        d.push_str(&part);
    }
    d
}

/// The control points between two points; the middle of a way around the side is passed upright.
fn bend(a: Point, b: Point, way: &[Point]) -> (Point, Point) {
    if side_way(way) {
        let out = |p: Point, q: Point| if p.x < q.x { q.x } else { p.x };
        let x = out(a, b);
        let first = way.first() == Some(&a);
        return if first {
            (Point { x, y: a.y }, Point { x, y: a.y })
        } else {
            (Point { x, y: b.y }, Point { x, y: b.y })
        };
    }
    let x = i32::midpoint(a.x, b.x);
    (Point { x, y: a.y }, Point { x, y: b.y })
}

/// Three points of which the middle one is farthest right.
fn side_way(way: &[Point]) -> bool {
    matches!(way, [a, m, b] if m.x > a.x && m.x > b.x)
}

/// A triangle at the end of a way: the end comes first.
fn arrowhead(end: &[Point]) -> String {
    let [tip, before] = end else { return String::new() };
    let (x, y) = (tip.x, tip.y);
    let d = if tip.x == before.x {
        let back = if tip.y > before.y { y - 9 } else { y + 9 };
        format!("M{x} {y} L{} {back} L{} {back} Z", x - 4, x + 4)
    } else {
        let back = if tip.x > before.x { x - 9 } else { x + 9 };
        format!("M{x} {y} L{back} {} L{back} {} Z", y - 4, y + 4)
    };
    format!("<path class=\"tip\" d=\"{d}\"/>")
}

/// Finds a free place for a label along a way; without one, the tooltip has to do.
fn label_place(bundle: &Bundle, way: &[Point], taken: &mut Vec<Rect>) -> Option<Point> {
    if bundle.all && bundle.label == "all" {
        return None;
    }
    let width = text_width(&bundle.label) * 9 / 10 + 8;
    let segments: Vec<(Point, Point)> =
        way.iter().copied().zip(way.iter().skip(1).copied()).collect();
    for share in [50, 35, 65, 25, 75] {
        for (a, b) in segments.iter().rev() {
            let at = if side_way(way) {
                *b
            } else {
                let t = share * share * (300 - 2 * share) / 10000;
                Point { x: a.x + (b.x - a.x) * share / 100, y: a.y + (b.y - a.y) * t / 100 }
            };
            let rect = Rect { x: at.x - width / 2, y: at.y - 8, w: width, h: 16 };
            if !taken.iter().any(|other| other.meets(&rect)) {
                taken.push(rect);
                return Some(at);
            }
        }
    }
    None
}
