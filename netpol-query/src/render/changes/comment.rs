//! Changes as a comment on a pull request: what matters first, everything folded, and never longer than a comment may be.

use std::io::{self, Write};

use super::markdown::{code, plain};
use super::names::Names;
use super::{text, words};
use crate::execute::{Became, ChangeRow, Changes, ContractStatus, Risk};
use crate::render::label;
use crate::render::text::colon_ports;

/// By this line the comment is found again and brought up to date.
const MARKER: &str = "<!-- netpol-query:diff -->";
/// A comment has at most so many characters.
const MOST_CHARACTERS: usize = 65_000;
/// So much is kept for what stands below the rows.
const RESERVED: usize = 600;
/// So many rows of a section are seen before it is unfolded.
const MOST_OPEN: usize = 10;
/// At most so many causes are named in a row.
const MOST_CAUSES: usize = 3;
/// At most so many lines of contracts and of reach.
const MOST_LINES: usize = 50;

/// Writes the comment; where nothing changed, nothing.
pub(in crate::render) fn comment(out: &mut dyn Write, changes: &Changes) -> io::Result<()> {
    if changes.is_silent() {
        return Ok(());
    }
    let mut comment = Comment { changes, names: Names::of(changes), text: String::new(), used: 0 };
    comment.head();
    comment.alarms();
    comment.contracts();
    comment.reach();
    comment.rows();
    comment.accepted();
    out.write_all(comment.text.as_bytes())
}

struct Comment<'a> {
    changes: &'a Changes,
    names: Names,
    text: String,
    /// How many characters there are.
    used: usize,
}

impl Comment<'_> {
    fn line(&mut self, line: &str) {
        self.used += line.chars().count() + 1;
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// Adds a line if there is room for it and for what must follow.
    fn try_line(&mut self, line: &str) -> bool {
        let fits = self.used + line.chars().count() + 1 + RESERVED <= MOST_CHARACTERS;
        if fits {
            self.line(line);
        }
        fits
    }

    fn head(&mut self) {
        self.line(MARKER);
        self.line(&format!("### Network policy: {}", words::headline(self.changes)));
        if let Some(sides) = &self.changes.sides {
            let text = format!("\n{} → {}", code(&sides.base), code(&sides.head));
            self.line(&text);
        }
    }

    fn alarms(&mut self) {
        let mut lines = text::unprotected(&self.changes.unprotected);
        for emptied in self.changes.services_without_pods.iter().take(MOST_LINES) {
            let service = self.names.label(&emptied.service);
            let selector = if emptied.selector.is_empty() {
                String::new()
            } else {
                format!(" (selector {})", emptied.selector)
            };
            lines.push(format!("{service}{selector} loses all endpoints"));
        }
        lines.extend(words::doubtful(&self.changes.other_doubtful(), &self.names));
        lines.extend(self.changes.notes.iter().take(MOST_LINES).cloned());
        if lines.is_empty() {
            return;
        }
        self.line("");
        for line in lines {
            self.try_line(&format!("- ⚠️ {}", plain(&line)));
        }
    }

    fn contracts(&mut self) {
        let all = &self.changes.review.contracts;
        if all.is_empty() {
            return;
        }
        let held = all.iter().filter(|c| c.status == ContractStatus::Pass).count();
        self.line(&format!("\n**Contracts:** {held} of {} hold\n", all.len()));
        let broken: Vec<_> = all.iter().filter(|c| c.status != ContractStatus::Pass).collect();
        for contract in broken.iter().take(MOST_LINES) {
            let mark = match contract.status {
                ContractStatus::Warn => "⚠️",
                ContractStatus::Unknown => "❔",
                _ => "❌",
            };
            let newly = if contract.is_newly_broken() { " (held before)" } else { "" };
            let place = code(&format!("{}:{}", contract.file, contract.line));
            let line = format!(
                "- {mark} {} — {}{newly} {place}",
                code(&contract.sentence),
                plain(&contract.found)
            );
            self.try_line(&line);
        }
        let more = broken.len().saturating_sub(MOST_LINES);
        if more > 0 {
            self.line(&format!("- … and {more} more"));
        }
    }

    fn reach(&mut self) {
        let reach = &self.changes.review.reach;
        if reach.is_empty() {
            return;
        }
        self.line("\n**How far it reaches now**, over any number of hops:\n");
        for change in reach {
            let gained: Vec<String> = change.gained.iter().map(|e| self.names.label(e)).collect();
            let gained = match &gained[..] {
                [] => String::new(),
                some => format!(", now also {}", crate::render::text::listed(some, MOST_CAUSES)),
            };
            let line = format!(
                "{}: {} → {}{gained}",
                self.names.place(&change.source),
                text::reached(change.before),
                text::reached(change.after)
            );
            self.try_line(&format!("- {}", plain(&line)));
        }
        if self.changes.review.reach_is_partial {
            self.line("- … and further sources that were not looked at");
        }
    }

    fn rows(&mut self) {
        let open = self.changes.rows.iter().filter(|r| r.accepted.is_none());
        let mut rows: Vec<&ChangeRow> = open.collect();
        rows.sort_by_key(|row| order(row));
        let mut left = 0;
        for section in rows.chunk_by(|a, b| a.risk() == b.risk()) {
            if left > 0 {
                left += section.len();
            } else {
                left = self.section(section);
            }
        }
        self.more(left);
    }

    /// Writes the rows of one risk; returns how many there was no room for.
    fn section(&mut self, rows: &[&ChangeRow]) -> usize {
        let Some(first) = rows.first() else { return 0 };
        let title = format!("\n#### {} ({})\n", first.risk().title(), rows.len());
        let head = "| | from | to | ports | because |\n| --- | --- | --- | --- | --- |";
        if !self.try_line(&format!("{title}\n{head}")) {
            return rows.len();
        }
        let (seen, folded) = rows.split_at(rows.len().min(MOST_OPEN));
        self.listed(seen) + if folded.is_empty() { 0 } else { self.folded(folded, head) }
    }

    /// Writes rows that are seen once they are unfolded.
    fn folded(&mut self, rows: &[&ChangeRow], head: &str) -> usize {
        let summary = format!("<details><summary>{} more</summary>", rows.len());
        if !self.try_line(&format!("\n{summary}\n\n{head}")) {
            return rows.len();
        }
        let left = self.listed(rows);
        self.line("\n</details>");
        left
    }

    /// Writes rows until there is no room; returns how many are left.
    fn listed(&mut self, rows: &[&ChangeRow]) -> usize {
        for (written, row) in rows.iter().enumerate() {
            let line = self.row(row);
            if !self.try_line(&line) {
                return rows.len() - written;
            }
        }
        0
    }

    fn row(&self, row: &ChangeRow) -> String {
        let sign = match row.became() {
            _ if row.is_in_doubt() => "❔",
            Became::Added => "➕",
            Became::Removed => "➖",
            Became::Changed => "✏️",
        };
        let end = |end| code(&label::endpoint(end));
        format!(
            "| {sign} | {} | {} | {} | {} |",
            end(&row.src),
            end(&row.dst),
            plain(&ports(row)),
            self.because(row)
        )
    }

    fn because(&self, row: &ChangeRow) -> String {
        let mut parts: Vec<String> = Vec::new();
        for cause in row.because.iter().take(MOST_CAUSES) {
            let objects = cause.objects.iter().filter_map(|at| self.changes.objects.get(*at));
            let places: Vec<String> = objects
                .filter_map(|o| words::place(o, self.changes))
                .map(|place| code(&place))
                .collect();
            let what = plain(&words::cause(cause, self.changes));
            parts.push(match &places[..] {
                [] => what,
                places => format!("{what} {}", places.join(", ")),
            });
        }
        let more = row.because.len().saturating_sub(MOST_CAUSES);
        parts.extend(words::more_causes(more));
        if let Some(service) = row.service.as_deref().filter(|_| row.became() == Became::Removed) {
            parts.push(format!("behind {}", code(service)));
        }
        parts.join("<br>")
    }

    fn more(&mut self, left: usize) {
        if left > 0 {
            let rows = if left == 1 { "row" } else { "rows" };
            self.line(&format!(
                "\n… and {left} more {rows} than a comment can hold; `netpol-query diff -o csv` lists all of them."
            ));
        }
    }

    fn accepted(&mut self) {
        let acceptances = &self.changes.review.acceptances;
        let used: Vec<_> = acceptances.iter().filter(|a| a.rows > 0).collect();
        let rows: u64 = used.iter().map(|a| a.rows).sum();
        if rows == 0 {
            return;
        }
        let summary = format!("\n<details><summary>{} accepted</summary>\n", words::flows(rows));
        if !self.try_line(&summary) {
            return;
        }
        for accepted in used {
            let because = match &accepted.because {
                Some(because) => format!(" because {}", plain(because)),
                None => String::new(),
            };
            let place = code(&format!("{}:{}", accepted.file, accepted.line));
            let rows = words::flows(accepted.rows);
            self.try_line(&format!("- {}{because}: {rows} ({place})", code(&accepted.sentence)));
        }
        self.line("\n</details>");
    }
}

/// The order of reading: by risk, what widens before what narrows, then as rows are ordered.
fn order(row: &ChangeRow) -> (Risk, bool, bool) {
    (row.risk(), !row.opens_to_internet(), row.opened().is_empty())
}

/// Says which ports a row is about.
fn ports(row: &ChangeRow) -> String {
    let mut text = match row.became() {
        Became::Added => colon_ports(&row.after),
        Became::Removed => colon_ports(&row.before),
        Became::Changed => {
            format!("{} → {}", colon_ports(&row.before), colon_ports(&row.after))
        }
    };
    if let Some(family) = row.family {
        text = format!("{text} ({family})");
    }
    if row.matching != row.total {
        text = format!("{text} ({}/{} pairs)", row.matching, row.total);
    }
    match &words::doubts(row)[..] {
        [] => text,
        doubts => format!("{text} ({})", doubts.join(", ")),
    }
}
