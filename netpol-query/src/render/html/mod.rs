//! Answers as one page: summary, graph, heat map and a table that says why. Nothing is loaded from elsewhere.

mod data;

use std::io::{self, Write};

use super::graph;
use super::label;
use super::text;
use super::{svg, xml};
use crate::execute::{Answer, Body, Changes, Matrix, Report, Row, Warning, Way, Ways};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
/// A page lists at most so many rows.
const MOST_ROWS: usize = 5000;
/// A page lists at most so many objects of one kind, and so many warnings.
const MOST_LISTED: usize = 1000;

/// What a page is made of.
pub(super) struct Page<'a> {
    pub(super) title: String,
    pub(super) numbers: Vec<(String, u64)>,
    pub(super) rows: &'a [Row],
    /// The graph's rows, where it has one.
    pub(super) drawn: Option<&'a [Row]>,
    pub(super) matrix: Option<&'a Matrix>,
    pub(super) lists: Vec<List>,
    pub(super) warnings: &'a [Warning],
}

/// A list of objects.
pub(super) struct List {
    pub(super) id: &'static str,
    pub(super) title: String,
    pub(super) columns: Vec<&'static str>,
    pub(super) rows: Vec<Vec<String>>,
}

/// Writes an answer as a page.
pub(super) fn page(out: &mut dyn Write, answer: &Answer) -> io::Result<()> {
    let drawn = answer.body.drawn().unwrap_or_default();
    let page = match &answer.body {
        Body::Rows { .. } | Body::Exposure(_) => Page::new(answer, &drawn).with_graph(&drawn),
        Body::Verdict(verdicts) => {
            let mut page = Page::new(answer, &drawn).with_graph(&drawn);
            page.title = format!("{}: {}", verdicts.outcome.as_str(), page.title);
            page
        }
        Body::Ways(ways) => {
            let mut page = Page::new(answer, &drawn).with_graph(&drawn);
            page.lists.push(ways_list(ways));
            page
        }
        Body::Matrix(matrix) => {
            let mut page = Page::new(answer, &matrix.evidence);
            page.matrix = Some(matrix);
            page
        }
        Body::Diff(changes) => {
            let mut page = Page::new(answer, &drawn).with_graph(&drawn);
            changes_page(&mut page, changes);
            page
        }
        Body::Report(report) => report_page(answer, report),
        _ => return Ok(()),
    };
    page.write(out)
}

fn report_page<'a>(answer: &'a Answer, report: &'a Report) -> Page<'a> {
    let evidence = &report.matrix.evidence;
    let listed = if evidence.is_empty() { &report.rows } else { evidence };
    let mut page = Page::new(answer, listed).with_graph(&report.rows);
    "Network policy report".clone_into(&mut page.title);
    page.numbers = report.numbers.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect();
    page.matrix = Some(&report.matrix);
    let ends = |ends: Vec<String>| ends.into_iter().map(|end| vec![end]).collect();
    page.lists = vec![
        List {
            id: "exposed",
            title: "Reachable from outside".into(),
            columns: vec!["Workload"],
            rows: ends(report.exposed.iter().map(|e| label::endpoint(e)).collect()),
        },
        List {
            id: "unprotected",
            title: "Unprotected on ingress".into(),
            columns: vec!["Workload"],
            rows: ends(report.unprotected.iter().map(|r| label::endpoint(&r.endpoint)).collect()),
        },
        List {
            id: "policies",
            title: "Policies".into(),
            columns: vec!["Policy", "File"],
            rows: report
                .policies
                .iter()
                .map(|r| vec![label::policy(&r.policy), format!("{}:{}", r.file, r.line)])
                .collect(),
        },
    ];
    page
}

/// Fills the page about changes: how many there are, which, and the objects that made them.
fn changes_page(page: &mut Page<'_>, changes: &Changes) {
    let summary = changes.summary();
    page.numbers = [
        ("opened", summary.added),
        ("closed", summary.removed),
        ("changed", summary.changed),
        ("unchanged", summary.unchanged),
    ]
    .map(|(name, count)| (name.to_owned(), count))
    .to_vec();
    let (columns, rows) = super::changes::listed(changes);
    page.lists.push(List { id: "changes", title: "Changes".into(), columns, rows });
    let (columns, rows) = super::changes::objects(changes);
    page.lists.push(List { id: "objects", title: "Changed objects".into(), columns, rows });
}

fn ways_list(ways: &Ways) -> List {
    let cells = |way: &Way| {
        vec![way.hops.len().to_string(), text::arrows(way, &|end| label::endpoint(end))]
    };
    List {
        id: "ways",
        title: "Ways".into(),
        columns: vec!["Hops", "Way"],
        rows: ways.ways.iter().map(cells).collect(),
    }
}

impl<'a> Page<'a> {
    /// Starts a page about rows.
    pub(super) fn new(answer: &'a Answer, rows: &'a [Row]) -> Self {
        Self {
            title: graph::title(answer).to_owned(),
            numbers: Vec::new(),
            rows,
            drawn: None,
            matrix: None,
            lists: Vec::new(),
            warnings: &answer.warnings,
        }
    }

    fn with_graph(mut self, rows: &'a [Row]) -> Self {
        self.drawn = Some(rows);
        self
    }

    /// Writes the page.
    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let title = xml(&self.title);
        write!(
            out,
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
             style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title} · netpol-query</title>\n\
             <style>{STYLE}</style>\n</head>\n<body>\n<header>\n<h1>{title}</h1>\n"
        )?;
        self.summary(out)?;
        self.navigation(out)?;
        writeln!(out, "</header>\n<main>")?;
        if let Some(rows) = self.drawn {
            writeln!(out, "<section id=\"graph\"><h2>Graph</h2><div class=\"picture\">")?;
            svg::graph(out, &graph::of_rows("who reaches whom", rows, self.denied_too()))?;
            writeln!(out, "</div></section>")?;
        }
        if let Some(matrix) = self.matrix {
            writeln!(out, "<section id=\"matrix\"><h2>Matrix</h2><div class=\"picture\">")?;
            let folded = matrix.folded.as_ref().map(|_| text::fold_note(matrix));
            let notes: Vec<String> = folded.into_iter().collect();
            svg::heat(out, "from the left, to the top", matrix, &notes)?;
            writeln!(out, "</div></section>")?;
        }
        self.table(out)?;
        for list in &self.lists {
            list.write(out)?;
        }
        self.warned(out)?;
        writeln!(
            out,
            "</main>\n<aside id=\"why\" tabindex=\"-1\" aria-live=\"polite\" hidden></aside>\n\
             <footer>netpol-query {}</footer>",
            env!("CARGO_PKG_VERSION")
        )?;
        let shown = self.rows.get(..MOST_ROWS).unwrap_or(self.rows);
        writeln!(
            out,
            "<script type=\"application/json\" id=\"data\">{}</script>\n<script>{SCRIPT}</script>\n</body>\n</html>",
            data::embedded(shown)?
        )
    }

    /// Rows that also say why pairs are denied are drawn without them.
    fn denied_too(&self) -> bool {
        self.matrix.is_none()
    }

    fn summary(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.numbers.is_empty() {
            return Ok(());
        }
        write!(out, "<ul class=\"numbers\">")?;
        for (name, number) in &self.numbers {
            write!(out, "<li><b>{number}</b> {}</li>", xml(name))?;
        }
        writeln!(out, "</ul>")
    }

    fn navigation(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut links = Vec::new();
        let mut add = |there: bool, id: &str, text: &str| {
            if there {
                links.push(format!("<a href=\"#go={id}\">{}</a>", xml(text)));
            }
        };
        add(self.drawn.is_some(), "graph", "Graph");
        add(self.matrix.is_some(), "matrix", "Matrix");
        add(true, "flows", "Flows");
        for list in &self.lists {
            add(true, list.id, &list.title);
        }
        add(!self.warnings.is_empty(), "warnings", "Warnings");
        writeln!(out, "<nav>{}</nav>", links.join(""))
    }

    fn table(&self, out: &mut dyn Write) -> io::Result<()> {
        let total = self.rows.len();
        let explained = self.rows.iter().take(MOST_ROWS).filter(|r| !r.reasons.is_empty()).count();
        let mut notes = Vec::new();
        if total > MOST_ROWS {
            notes.push(format!("the first {MOST_ROWS} of {total} rows are listed"));
        }
        if explained < total.min(MOST_ROWS) {
            notes.push(format!(
                "the first {explained} rows say why; ask about fewer pairs to see the others"
            ));
        }
        let notes = if notes.is_empty() {
            String::new()
        } else {
            format!("<p class=\"note\">{}</p>", xml(&notes.join("; ")))
        };
        writeln!(
            out,
            "<section id=\"flows\"><h2>Flows</h2>{notes}\n<p class=\"search\"><input id=\"q\" type=\"search\" \
             placeholder=\"Search: redis, shop → data, 5432, DENY …\" aria-label=\"Search rows\"> \
             <span id=\"count\" role=\"status\"></span> <label id=\"denied\"><input type=\"checkbox\"> denied too</label> <button id=\"clear\" type=\"button\" hidden>Show all</button></p>\n\
             <div class=\"wide\"><table id=\"rows\"><thead><tr><th>From</th><th>To</th><th>Verdict</th><th>Ports</th>\
             <th>Pairs</th></tr></thead><tbody></tbody></table></div>\n<button id=\"more\" type=\"button\" hidden>More</button>\n\
             <noscript>Rows and reasons need scripts; the pictures above do not.</noscript></section>"
        )
    }

    fn warned(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.warnings.is_empty() {
            return Ok(());
        }
        writeln!(out, "<section id=\"warnings\"><h2>Warnings</h2><ul>")?;
        for warning in self.warnings.iter().take(MOST_LISTED) {
            let place = match (&warning.file, warning.line) {
                (Some(file), Some(line)) => format!(" <code>{}:{line}</code>", xml(file)),
                (Some(file), None) => format!(" <code>{}</code>", xml(file)),
                _ => String::new(),
            };
            writeln!(out, "<li>{}{place}</li>", xml(&warning.message))?;
        }
        let more = self.warnings.len().saturating_sub(MOST_LISTED);
        if more > 0 {
            writeln!(out, "<li>and {more} more</li>")?;
        }
        writeln!(out, "</ul></section>")
    }
}

impl List {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let (id, title) = (self.id, xml(&self.title));
        writeln!(out, "<section id=\"{id}\"><h2>{title} ({})</h2>", self.rows.len())?;
        if self.rows.is_empty() {
            return writeln!(out, "<p class=\"note\">none</p></section>");
        }
        let heads = format!("<th>{}</th>", self.columns.join("</th><th>"));
        writeln!(out, "<div class=\"wide\"><table><thead><tr>{heads}</tr></thead><tbody>")?;
        for row in self.rows.iter().take(MOST_LISTED) {
            let cells: Vec<String> = row.iter().map(|c| xml(c)).collect();
            writeln!(out, "<tr><td>{}</td></tr>", cells.join("</td><td>"))?;
        }
        writeln!(out, "</tbody></table></div>")?;
        let more = self.rows.len().saturating_sub(MOST_LISTED);
        if more > 0 {
            writeln!(out, "<p class=\"note\">and {more} more</p>")?;
        }
        writeln!(out, "</section>")
    }
}
