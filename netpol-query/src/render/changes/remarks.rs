//! Changes as remarks about the lines that made them, for the forms of code review.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Write};

use super::names::Names;
use super::words;
use crate::execute::{Became, ChangeRow, ChangedObject, Changes, ContractStatus, Risk};
use crate::render::review::{self, Level, Paths, Remark, Review, Rule};
use crate::render::{Format, label};

/// At most so many flows are named in a remark.
const MOST_NAMED: usize = 5;

/// Writes the changes as a review: one remark for each object and kind of change.
pub(crate) fn write(
    out: &mut dyn Write,
    changes: &Changes,
    paths: &Paths,
    format: Format,
) -> io::Result<()> {
    let mut remarks = of_rows(changes);
    remarks.extend(of_doubt(changes));
    remarks.extend(of_contracts(changes));
    let summary = words::headline(changes);
    review::write(
        out,
        &Review { command: "diff", remarks: &remarks, paths, summary: &summary },
        format,
    )
}

/// Groups rows by what made them and by how grave they are.
fn of_rows(changes: &Changes) -> Vec<Remark> {
    let names = Names::of(changes);
    let mut groups: BTreeMap<(Risk, Option<usize>, bool), Vec<&ChangeRow>> = BTreeMap::new();
    // What may still be open is not closed.
    for row in changes.rows.iter().filter(|row| row.doubt_after.is_none()) {
        let mut objects: Vec<usize> =
            row.because.iter().filter_map(|c| c.objects.first().copied()).collect();
        objects.dedup();
        let accepted = row.accepted.is_some();
        if objects.is_empty() {
            groups.entry((row.risk(), None, accepted)).or_default().push(row);
        }
        for object in objects {
            groups.entry((row.risk(), Some(object), accepted)).or_default().push(row);
        }
    }
    groups
        .into_iter()
        .map(|((risk, object, accepted), rows)| {
            let object = object.and_then(|at| changes.objects.get(at));
            remark(risk, object, accepted, &rows, (changes, &names))
        })
        .collect()
}

fn remark(
    risk: Risk,
    object: Option<&ChangedObject>,
    accepted: bool,
    rows: &[&ChangeRow],
    (changes, names): (&Changes, &Names),
) -> Remark {
    let mut folds = changes.folds(rows);
    folds.truncate(MOST_NAMED);
    let named: Vec<String> = folds.iter().map(|f| words::sentence(f, changes, names)).collect();
    let told: u64 = folds.iter().map(|f| f.rows).sum();
    let more = match rows.len() as u64 - told {
        0 => String::new(),
        more => format!("; and {} more", words::flows(more)),
    };
    let why = object.map_or_else(String::new, |o| format!(" because {}", words::object(o)));
    // The line of an object that is gone says nothing about the file as it is now.
    let gone = object.is_some_and(|o| o.became == Became::Removed);
    let line = object.filter(|_| !gone).and_then(|o| o.line).unwrap_or(0);
    let stood = object.filter(|_| gone).and_then(|o| words::place(o, changes));
    let why = stood.map_or_else(|| why.clone(), |place| format!("{why}, which stood at {place}"));
    let stops = rows.iter().any(|row| changes.review.gate.stops(row));
    let level = match (accepted, stops) {
        (true, _) | (_, false) => Level::Note,
        _ => rule(risk).level,
    };
    let accepted = if accepted { " (accepted)" } else { "" };
    let count = words::flows(rows.len() as u64);
    let message = format!("{count} {}{why}{accepted}: {}{more}", risk.phrase(), named.join("; "));
    Remark {
        rule: rule(risk),
        level,
        message,
        help: String::new(),
        file: object.and_then(|o| o.file.as_deref()).map(str::to_owned),
        line,
        fingerprint: fingerprint(object, rows),
    }
}

/// What makes it the same remark: the object and the flows, by their full names.
fn fingerprint(object: Option<&ChangedObject>, rows: &[&ChangeRow]) -> String {
    let mut text =
        object.map_or_else(String::new, |o| format!("{} {}", o.id, o.became.of_object()));
    for row in rows {
        let (src, dst) = (label::endpoint(&row.src), label::endpoint(&row.dst));
        let flow = format!("\n{src} > {dst} {} > {}", row.before, row.after);
        text.push_str(&flow);
    }
    text
}

/// Says of all pairs at once that they may have changed, or not.
fn of_doubt(changes: &Changes) -> Option<Remark> {
    let names = Names::of(changes);
    let rows = changes.rows.iter().filter(|row| row.is_in_doubt());
    let rows: Vec<String> = rows.map(|row| words::arrow(row, &names)).collect();
    let others = changes.other_doubtful();
    let pairs =
        others.iter().map(|(src, dst)| format!("{} → {}", names.label(src), names.label(dst)));
    let all: Vec<String> = rows.into_iter().chain(pairs).collect();
    let named = all.iter().take(MOST_NAMED).cloned().collect::<Vec<_>>().join("; ");
    let more = match all.len().saturating_sub(MOST_NAMED) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    let flows = words::flows(all.len() as u64);
    let stops = changes.doubtful.iter().any(|(src, _)| changes.review.gate.stops_doubt(src));
    (!all.is_empty()).then(|| Remark {
        rule: rule(Risk::InDoubt),
        level: if stops { Level::Warning } else { Level::Note },
        message: format!("{flows} may have changed, the input does not tell: {named}{more}"),
        help: String::new(),
        file: None,
        line: 0,
        fingerprint: all.join("\n"),
    })
}

fn of_contracts(changes: &Changes) -> Vec<Remark> {
    let broken = changes.review.contracts.iter().filter(|c| c.status != ContractStatus::Pass);
    broken
        .map(|contract| Remark {
            rule: Rule {
                id: Cow::Borrowed("contract"),
                title: Cow::Borrowed("A contract does not hold"),
                help: Cow::Borrowed("change the policies so that it holds, or change the contract"),
                level: Level::Error,
            },
            level: if contract.status == ContractStatus::Warn {
                Level::Warning
            } else {
                Level::Error
            },
            message: format!("{}: {}", contract.sentence, contract.found),
            help: String::new(),
            file: Some(contract.file.to_string()),
            line: contract.line,
            fingerprint: contract.sentence.clone(),
        })
        .collect()
}

/// The rules of `diff`, one for each risk.
fn rule(risk: Risk) -> Rule {
    let (id, level, help) = match risk {
        Risk::OpenedFromOutside => (
            "opened-from-outside",
            Level::Error,
            "check that what is outside the cluster is meant to get in",
        ),
        Risk::OpenedToOutside => (
            "opened-to-outside",
            Level::Warning,
            "check that the workload is meant to get out of the cluster",
        ),
        Risk::OpenedAcross => (
            "opened-across-namespaces",
            Level::Warning,
            "check that the one namespace is meant to get into the other",
        ),
        Risk::OpenedInside => (
            "opened-inside-namespace",
            Level::Warning,
            "check that the workload is meant to get to the other",
        ),
        Risk::ClosedService => {
            ("closed-service", Level::Warning, "check that nobody needs the Service any more")
        }
        Risk::Closed => ("closed", Level::Note, "check that nobody needs the connection any more"),
        Risk::Changed => {
            ("changed-ports", Level::Warning, "check that the ports are those that are meant")
        }
        Risk::InDoubt => (
            "in-doubt",
            Level::Warning,
            "give the input that settles it, such as addresses of pods or distinct priorities",
        ),
    };
    let (id, help, title) = (Cow::Borrowed(id), Cow::Borrowed(help), Cow::Borrowed(risk.title()));
    Rule { id, title, help, level }
}
