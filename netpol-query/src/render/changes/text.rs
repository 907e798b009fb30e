//! Changes for people.

use std::io::{self, Write};

use super::names::Names;
use super::words;
use crate::execute::{
    Became, ChangeCause, ChangeRow, Changes, ChangesKind, Contract, ContractStatus, EndpointRow,
    Fold, Reached,
};
use crate::render::palette::Palette;
use crate::render::text::{FILE_COLUMN, gap};
use crate::render::{Format, Options};

/// So few rows are listed one by one.
const FEW: usize = 4;
/// At most so many lines of one block, unless the wide form is asked for.
const MOST_LINES: usize = 20;
/// At most so many causes of one block.
const MOST_CAUSES: usize = 4;

/// Writes changes; where nothing changed, a `diff` writes nothing.
pub(in crate::render) fn text(
    out: &mut dyn Write,
    changes: &Changes,
    options: &Options,
) -> io::Result<()> {
    let names = Names::of(changes);
    let wide = options.explain || options.format == Format::Wide;
    let causes = changes.kind != ChangesKind::WhatIf || wide;
    let page =
        Page { changes, names, palette: &options.palette, wide, causes, width: options.width };
    if changes.kind == ChangesKind::Diff && changes.is_silent() {
        return Ok(());
    }
    page.done(out)?;
    page.blocks(out)?;
    page.alarms(out)?;
    page.reach(out)?;
    page.contracts(out)?;
    page.last(out)
}

struct Page<'a> {
    changes: &'a Changes,
    names: Names,
    palette: &'a Palette,
    wide: bool,
    causes: bool,
    /// The width of the terminal, where there is one.
    width: Option<usize>,
}

/// Rows that became the same for the same reasons.
struct Block<'a> {
    became: Became,
    in_doubt: bool,
    because: &'a [ChangeCause],
    accepted: Option<usize>,
    rows: Vec<&'a ChangeRow>,
}

impl<'a> Page<'a> {
    /// Groups rows: what was opened first, then by cause, the largest group first.
    fn grouped(&self) -> Vec<Block<'a>> {
        let mut blocks: Vec<Block<'a>> = Vec::new();
        let mut places = std::collections::HashMap::new();
        for row in &self.changes.rows {
            let because: &[ChangeCause] = if self.causes { &row.because } else { &[] };
            let next = blocks.len();
            let at = *places
                .entry((row.became(), row.is_in_doubt(), because, row.accepted))
                .or_insert(next);
            match blocks.get_mut(at) {
                Some(block) => block.rows.push(row),
                None => blocks.push(Block {
                    became: row.became(),
                    in_doubt: row.is_in_doubt(),
                    because,
                    accepted: row.accepted,
                    rows: vec![row],
                }),
            }
        }
        blocks.sort_by_key(|b| {
            (b.in_doubt, b.became, b.accepted.is_some(), std::cmp::Reverse(b.rows.len()))
        });
        blocks
    }

    /// Says what was done before what came of it.
    fn done(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.changes.kind == ChangesKind::Sentence {
            // What the session has changed is a list.
            let mut steps = self.changes.done.iter().enumerate();
            return steps.try_for_each(|(at, done)| writeln!(out, "{:>3}  {done}", at + 1));
        }
        self.changes.done.iter().try_for_each(|done| writeln!(out, "{done}"))
    }

    fn blocks(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.changes.rows.is_empty() && self.changes.kind != ChangesKind::Diff {
            let sure = if self.changes.doubtful.is_empty() { "" } else { " for certain" };
            writeln!(out, "no flow changes{sure}")?;
        }
        self.grouped().iter().try_for_each(|block| self.block(out, block))
    }

    fn block(&self, out: &mut dyn Write, block: &Block<'a>) -> io::Result<()> {
        let (style, sign) = match block.became {
            _ if block.in_doubt => (self.palette.doubt, '?'),
            Became::Added => (self.palette.good, block.became.sign()),
            Became::Removed => (self.palette.bad, block.became.sign()),
            Became::Changed => (self.palette.doubt, block.became.sign()),
        };
        let head = format!("{sign} {}", words::flows(block.rows.len() as u64));
        let head = Palette::paint(style, &head);
        let folds = self.changes.folds(&block.rows);
        match (&folds[..], self.few(block)) {
            (_, Some(list)) => writeln!(out, "{head}: {list}")?,
            ([only], None) => {
                let sentence = words::sentence(only, self.changes, &self.names);
                writeln!(out, "{head}: {sentence}")?;
            }
            (folds, None) => {
                writeln!(out, "{head}:")?;
                self.folds(out, folds)?;
            }
        }
        self.because(out, block)
    }

    /// Lists few rows in one line, by destination.
    fn few(&self, block: &Block<'a>) -> Option<String> {
        if block.rows.len() > FEW {
            return None;
        }
        let mut rows = block.rows.clone();
        let names = |row: &ChangeRow| (self.names.label(&row.dst), self.names.label(&row.src));
        rows.sort_by_cached_key(|row| names(row));
        let arrows: Vec<String> = rows.iter().map(|r| words::arrow(r, &self.names)).collect();
        Some(arrows.join(", "))
    }

    fn folds(&self, out: &mut dyn Write, folds: &[Fold<'_>]) -> io::Result<()> {
        let most = if self.wide { usize::MAX } else { MOST_LINES };
        for fold in folds.iter().take(most) {
            writeln!(out, "    {}", words::sentence(fold, self.changes, &self.names))?;
        }
        let rest = folds.get(most..).unwrap_or_default();
        if rest.is_empty() {
            return Ok(());
        }
        let rows = words::flows(rest.iter().map(|f| f.rows).sum());
        writeln!(out, "    … and {rows} more (`-o wide` lists them)")
    }

    fn because(&self, out: &mut dyn Write, block: &Block<'a>) -> io::Result<()> {
        if !self.causes {
            return Ok(());
        }
        for cause in block.because.iter().take(MOST_CAUSES) {
            let line = format!("    because {}", words::cause(cause, self.changes));
            let objects = cause.objects.iter().filter_map(|at| self.changes.objects.get(*at));
            let places: Vec<String> =
                objects.filter_map(|o| words::place(o, self.changes)).collect();
            self.with_place(out, &line, &places.join(", "))?;
        }
        if let Some(more) = words::more_causes(block.because.len().saturating_sub(MOST_CAUSES)) {
            writeln!(out, "    {more}")?;
        }
        match block.accepted.and_then(|at| self.changes.review.acceptances.get(at)) {
            None => Ok(()),
            Some(accepted) => {
                let line = format!("    accepted: {}", accepted.sentence);
                self.with_place(out, &line, &format!("{}:{}", accepted.file, accepted.line))
            }
        }
    }

    fn with_place(&self, out: &mut dyn Write, line: &str, place: &str) -> io::Result<()> {
        if place.is_empty() {
            return writeln!(out, "{line}");
        }
        let (used, needed) = (line.chars().count(), place.chars().count());
        let gap = match self.width {
            Some(width) => gap(used, needed, width),
            None => " ".repeat(FILE_COLUMN.saturating_sub(used).max(2)),
        };
        writeln!(out, "{line}{gap}{}", Palette::paint(self.palette.dim, place))
    }

    fn alarms(&self, out: &mut dyn Write) -> io::Result<()> {
        let mark = Palette::paint(self.palette.doubt, "!");
        for line in unprotected(&self.changes.unprotected) {
            writeln!(out, "{mark} {line}")?;
        }
        for emptied in &self.changes.services_without_pods {
            let service = self.names.label(&emptied.service);
            let selector = match emptied.selector.as_str() {
                "" => String::new(),
                selector => format!(" (selector {selector})"),
            };
            writeln!(out, "{mark} {service}{selector} loses all endpoints")?;
        }
        self.changes.notes.iter().try_for_each(|note| writeln!(out, "{mark} {note}"))?;
        self.doubts(out)
    }

    fn doubts(&self, out: &mut dyn Write) -> io::Result<()> {
        let mark = Palette::paint(self.palette.doubt, "?");
        match words::doubtful(&self.changes.other_doubtful(), &self.names) {
            None => Ok(()),
            Some(text) => writeln!(out, "{mark} {text}"),
        }
    }

    fn reach(&self, out: &mut dyn Write) -> io::Result<()> {
        for change in &self.changes.review.reach {
            let gained: Vec<String> = change.gained.iter().map(|e| self.names.label(e)).collect();
            let gained = match &gained[..] {
                [] => String::new(),
                some => format!(": {}", super::super::text::listed(some, FEW)),
            };
            writeln!(
                out,
                "! reach of {}: {} → {}{gained}",
                self.names.place(&change.source),
                reached(change.before),
                reached(change.after)
            )?;
        }
        if self.changes.review.reach_is_partial {
            writeln!(out, "! reach: more sources were opened; these are the first")?;
        }
        Ok(())
    }

    fn contracts(&self, out: &mut dyn Write) -> io::Result<()> {
        let all = &self.changes.review.contracts;
        for contract in all.iter().filter(|c| c.status != ContractStatus::Pass) {
            self.contract(out, contract)?;
        }
        if all.is_empty() {
            return Ok(());
        }
        let held = all.iter().filter(|c| c.status == ContractStatus::Pass).count();
        writeln!(out, "contracts: {held} of {} hold", all.len())
    }

    fn contract(&self, out: &mut dyn Write, contract: &Contract) -> io::Result<()> {
        let style = match contract.status {
            ContractStatus::Pass => self.palette.good,
            ContractStatus::Fail | ContractStatus::Error => self.palette.bad,
            ContractStatus::Warn | ContractStatus::Unknown => self.palette.doubt,
        };
        let word = Palette::paint(style, &contract.status.as_str().to_uppercase());
        let place =
            Palette::paint(self.palette.dim, &format!("{}:{}", contract.file, contract.line));
        let newly = if contract.is_newly_broken() { " (held before)" } else { "" };
        writeln!(out, "{word} {place} {}{newly}\n  {}", contract.sentence, contract.found)
    }

    fn last(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.changes.kind == ChangesKind::WhatIf || self.changes.rows.is_empty() {
            return Ok(());
        }
        let headline = words::headline(self.changes);
        let accepted = self.changes.rows.iter().filter(|r| r.accepted.is_some()).count();
        let accepted = if accepted > 0 { format!(" ({accepted} accepted)") } else { String::new() };
        writeln!(out, "{}", Palette::paint(self.palette.dim, &format!("{headline}{accepted}")))
    }
}

/// Says how far something reaches.
pub(super) fn reached(reached: Reached) -> String {
    let more = if reached.stopped { "at least " } else { "" };
    let workloads = match reached.workloads {
        1 => "1 workload".to_owned(),
        count => format!("{count} workloads"),
    };
    let outside = if reached.outside { " and the outside" } else { "" };
    format!("{more}{workloads}{outside}")
}

/// Counts workloads that nothing isolates any more, by direction.
pub(super) fn unprotected(rows: &[EndpointRow]) -> Vec<String> {
    let mut counts: Vec<(String, usize)> = Vec::new();
    for row in rows {
        let directions: Vec<&str> = row.directions.iter().map(|d| d.as_str()).collect();
        let directions = directions.join(" and ");
        match counts.iter_mut().find(|(known, _)| *known == directions) {
            Some((_, count)) => *count += 1,
            None => counts.push((directions, 1)),
        }
    }
    let line = |(directions, count): (String, usize)| match count {
        1 => format!("1 workload becomes unprotected ({directions})"),
        count => format!("{count} workloads become unprotected ({directions})"),
    };
    counts.into_iter().map(line).collect()
}
