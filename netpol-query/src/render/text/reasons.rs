//! Explanations: which policy decides, in which direction, and what came near.

use std::io::{self, Write};

use netpol_core::model::{self, Direction, ReasonCode, Verdict};

use super::Page;
use crate::execute::{Reason, Row, Verdicts};
use crate::render::label;
use crate::render::palette::Palette;

/// The column in which files stand.
pub(in crate::render) const FILE_COLUMN: usize = 72;
/// Where a file stands on a line of its own.
const OWN_LINE: usize = 4;

/// Returns what stands between a text and the place of its file on a terminal, so that neither is cut in two.
pub(in crate::render) fn gap(text: usize, place: usize, width: usize) -> String {
    let column = FILE_COLUMN.min(width.saturating_sub(place));
    if text + 2 <= column {
        return " ".repeat(column - text);
    }
    if text + 2 + place <= width {
        return "  ".to_owned();
    }
    format!("\n{}", " ".repeat(column.max(OWN_LINE)))
}

impl Page<'_> {
    /// Writes the reasons of a row, direction by direction.
    pub(super) fn reasons(&self, out: &mut dyn Write, row: &Row) -> io::Result<()> {
        self.reasons_at(out, row, "  ")
    }

    pub(super) fn reasons_at(
        &self,
        out: &mut dyn Write,
        row: &Row,
        indent: &str,
    ) -> io::Result<()> {
        for direction in Direction::ALL {
            self.direction(out, row, direction, indent)?;
        }
        for reason in row.reasons.iter().filter(|r| r.direction.is_none()) {
            self.line(out, &format!("{indent}{}", reason.message), &[reason])?;
        }
        self.near(out, row, indent)
    }

    fn direction(
        &self,
        out: &mut dyn Write,
        row: &Row,
        direction: Direction,
        indent: &str,
    ) -> io::Result<()> {
        let reasons = deciding(row, direction);
        let Some(verdict) = verdict(&reasons) else { return Ok(()) };
        let head = format!("{indent}{:<7}  {}  ", direction.as_str(), self.verdict(verdict));
        let gap = " ".repeat(visible_width(&head));
        if let Some(text) = isolated_by(&reasons) {
            return self.line(out, &format!("{head}{text}"), &[]);
        }
        for (i, reason) in reasons.iter().enumerate() {
            let head = if i == 0 { &head } else { &gap };
            self.line(out, &format!("{head}{}", reason.message), &[reason])?;
        }
        Ok(())
    }

    fn near(&self, out: &mut dyn Write, row: &Row, indent: &str) -> io::Result<()> {
        for reason in row.reasons.iter().filter(|r| is_near(r)) {
            self.line(out, &format!("{indent}near     {}", reason.message), &[reason])?;
        }
        Ok(())
    }

    fn verdict(&self, verdict: Verdict) -> String {
        let style = match verdict {
            Verdict::Allow => self.palette.good,
            Verdict::Deny => self.palette.bad,
            Verdict::Unknown | Verdict::Ambiguous => self.palette.doubt,
        };
        let word = verdict.as_str();
        format!("{}{}", Palette::paint(style, word), " ".repeat(5_usize.saturating_sub(word.len())))
    }

    /// Writes a line with the file of a reason in its column, below the line where that is too long.
    fn line(&self, out: &mut dyn Write, text: &str, reasons: &[&Reason]) -> io::Result<()> {
        let place = reasons.first().and_then(|r| place(r));
        let Some(place) = place else { return writeln!(out, "{text}") };
        let width = visible_width(text);
        let needed = place.chars().count();
        let place = Palette::paint(self.palette.dim, &place);
        if let Some(terminal) = self.width {
            writeln!(out, "{text}{}{place}", gap(width, needed, terminal))
        } else if width + 2 <= FILE_COLUMN {
            writeln!(out, "{text}{}{place}", " ".repeat(FILE_COLUMN - width))
        } else {
            writeln!(out, "{text}\n{}{place}", " ".repeat(FILE_COLUMN))
        }
    }

    /// Writes the answer to `why`: the directions that decide, step by step.
    pub(super) fn why(&self, out: &mut dyn Write, verdicts: &Verdicts) -> io::Result<()> {
        for (i, row) in verdicts.rows.iter().enumerate() {
            if i > 0 {
                writeln!(out)?;
            }
            self.why_row(out, row, verdicts.rows.len() == 1)?;
        }
        Ok(())
    }

    fn why_row(&self, out: &mut dyn Write, row: &Row, alone: bool) -> io::Result<()> {
        let (style, word) = match row.verdict {
            Verdict::Allow => (self.palette.good, "ALLOWED"),
            Verdict::Deny => (self.palette.bad, "DENIED"),
            Verdict::Unknown => (self.palette.doubt, "UNKNOWN"),
            Verdict::Ambiguous => (self.palette.doubt, "AMBIGUOUS"),
        };
        let word = Palette::paint(style, word);
        let on = blamed(row);
        match (on.is_empty(), alone) {
            (true, _) => writeln!(out, "{word}  {}", Self::pair(row))?,
            (false, true) => writeln!(out, "{word}{on}")?,
            (false, false) => writeln!(out, "{word}{on}: {}", Self::pair(row))?,
        }
        let steps = steps(row);
        for (i, reason) in steps.iter().enumerate() {
            self.line(out, &format!("  {} {}", i + 1, reason.message), &[reason])?;
        }
        for reason in row.reasons.iter().filter(|r| is_near(r)) {
            self.line(out, &format!("  near  {}", reason.message), &[reason])?;
        }
        Ok(())
    }
}

fn is_near(reason: &Reason) -> bool {
    matches!(reason.code, ReasonCode::NearMiss | ReasonCode::NamedPortUnresolved)
}

fn deciding(row: &Row, direction: Direction) -> Vec<&Reason> {
    row.reasons.iter().filter(|r| r.direction == Some(direction) && !is_near(r)).collect()
}

/// Returns what a direction's reasons come to.
fn verdict(reasons: &[&Reason]) -> Option<Verdict> {
    let has = |codes: &[ReasonCode]| reasons.iter().any(|r| codes.contains(&r.code));
    if reasons.is_empty() {
        return None;
    }
    Some(if has(&[ReasonCode::PriorityTie]) {
        Verdict::Ambiguous
    } else if has(&[ReasonCode::PodIpUnknown, ReasonCode::IngressControllerUnknown]) {
        Verdict::Unknown
    } else if has(&[
        ReasonCode::NoRuleMatches,
        ReasonCode::DeniedByRule,
        ReasonCode::NoIngressBackend,
        ReasonCode::NoCommonFamily,
    ]) {
        Verdict::Deny
    } else {
        Verdict::Allow
    })
}

/// Sums up several policies of which none lets the pair through.
fn isolated_by(reasons: &[&Reason]) -> Option<String> {
    let all = reasons.len() > 1 && reasons.iter().all(|r| r.code == ReasonCode::NoRuleMatches);
    all.then(|| {
        let names: Vec<String> = reasons
            .iter()
            .filter_map(|r| r.policy.as_ref())
            .map(|p| format!("{}/{}", p.short, p.name))
            .collect();
        format!("isolated by {}; no rule of theirs matches", names.join(", "))
    })
}

/// Lists the steps of an explanation: of the directions that deny, if any does, else of both.
fn steps(row: &Row) -> Vec<&Reason> {
    let denying = |d: &Direction| verdict(&deciding(row, *d)).is_some_and(|v| v != Verdict::Allow);
    let blamed: Vec<Direction> = Direction::ALL.into_iter().filter(denying).collect();
    let chosen = |r: &&Reason| match r.direction {
        None => true,
        Some(direction) => blamed.is_empty() || blamed.contains(&direction),
    };
    row.reasons.iter().filter(|r| !is_near(r)).filter(chosen).collect()
}

/// Says in one sentence what decides about a row: the steps of [`steps`], several policies that isolate alike as one.
#[cfg(feature = "enforce")]
pub(in crate::render) fn sentence(row: &Row) -> String {
    let chosen = steps(row);
    let of = |direction| chosen.iter().copied().filter(move |r| r.direction == direction);
    let mut parts = Vec::new();
    for direction in Direction::ALL {
        let reasons: Vec<&Reason> = of(Some(direction)).collect();
        match isolated_by(&reasons) {
            Some(text) => parts.push(format!("{text} ({direction})")),
            None => parts.extend(reasons.iter().map(|r| r.message.clone())),
        }
    }
    parts.extend(of(None).map(|r| r.message.clone()));
    parts.join("; ")
}

/// Says in which directions a pair fails: ` on ingress of shop/deploy/db`.
fn blamed(row: &Row) -> String {
    if row.verdict == Verdict::Allow {
        return String::new();
    }
    let part = |direction: Direction| {
        let failing = verdict(&deciding(row, direction)).is_some_and(|v| v != Verdict::Allow);
        let end = match direction {
            Direction::Egress => &row.src,
            Direction::Ingress => &row.dst,
        };
        failing.then(|| format!(" on {direction} of {}", label::endpoint(end)))
    };
    let parts: Vec<String> = Direction::ALL.into_iter().filter_map(part).collect();
    parts.join(" and")
}

fn place(reason: &Reason) -> Option<String> {
    let file = model::printable(reason.file.as_ref()?);
    Some(match reason.line {
        Some(line) => format!("{file}:{line}"),
        None => file.to_string(),
    })
}

/// The width of a text on a terminal, without its colours.
fn visible_width(text: &str) -> usize {
    let mut width = 0;
    let mut escape = false;
    for c in text.chars() {
        match c {
            '\u{1b}' => escape = true,
            'm' if escape => escape = false,
            _ if escape => {}
            _ => width += 1,
        }
    }
    width
}
