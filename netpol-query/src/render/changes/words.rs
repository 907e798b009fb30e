//! What became of rows, in words.

use netpol_core::model::{PortSet, printable};

use super::names::Names;
use crate::execute::{Became, ChangeCause, ChangeRow, ChangedObject, Changes, Endpoint, Fold};
use crate::render::{label, text::colon_ports};

/// At most so many ends are named.
const MOST_ENDS: usize = 4;

/// Counts flows.
pub(super) fn flows(count: u64) -> String {
    if count == 1 { "1 flow".into() } else { format!("{count} flows") }
}

/// Returns the headline: `2 opened · 3 closed · 36 unchanged`.
pub(super) fn headline(changes: &Changes) -> String {
    let mut parts = vec![
        format!("{} opened", changes.certain(Became::Added)),
        format!("{} closed", changes.certain(Became::Removed)),
    ];
    match changes.certain(Became::Changed) {
        0 => {}
        changed => parts.push(format!("{changed} changed")),
    }
    match changes.in_doubt() {
        0 => {}
        doubtful => parts.push(format!("{doubtful} in doubt")),
    }
    parts.push(format!("{} unchanged", changes.unchanged));
    parts.join(" · ")
}

/// Returns a row as an arrow: `front-end → carts:80`.
pub(super) fn arrow(row: &ChangeRow, names: &Names) -> String {
    let ports = match row.became() {
        Became::Added => colon_ports(&row.after),
        Became::Removed => colon_ports(&row.before),
        Became::Changed => {
            format!("{} becomes {}", colon_ports(&row.before), colon_ports(&row.after))
        }
    };
    format!("{} → {}:{ports}{}", names.label(&row.src), names.label(&row.dst), only(row))
}

/// Says that a row is of one family, or not of all pods.
fn only(row: &ChangeRow) -> String {
    let family = row.family.map(|f| f.to_string());
    let pairs =
        (row.matching != row.total).then(|| format!("{}/{} pairs", row.matching, row.total));
    let parts: Vec<String> = family.into_iter().chain(pairs).chain(doubts(row)).collect();
    if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) }
}

/// Says where the input does not tell whether something was opened or closed.
pub(super) fn doubts(row: &ChangeRow) -> Vec<String> {
    let before = row.doubt_before.map(|verdict| format!("{verdict} before"));
    let after = row.doubt_after.map(|verdict| format!("{verdict} now"));
    before.into_iter().chain(after).collect()
}

/// Counts pairs of which it is not known whether they changed, and names the first.
pub(super) fn doubtful(
    pairs: &[&(std::sync::Arc<Endpoint>, std::sync::Arc<Endpoint>)],
    names: &Names,
) -> Option<String> {
    let (src, dst) = pairs.first()?;
    let word = if pairs.len() == 1 { "pair" } else { "pairs" };
    let more = if pairs.len() > 1 { ", …" } else { "" };
    Some(format!(
        "{} {word} may have changed, the input does not tell: {} → {}{more}",
        pairs.len(),
        names.label(src),
        names.label(dst)
    ))
}

/// Counts causes that are not listed. A row has several where the reversal of each alone takes it back.
pub(super) fn more_causes(more: usize) -> Option<String> {
    match more {
        0 => None,
        1 => Some("and 1 more: taking it back alone would undo this as well".to_owned()),
        more => {
            Some(format!("and {more} more: taking back any one of them would undo this as well"))
        }
    }
}

fn on(ports: &PortSet) -> String {
    if ports.is_all() { "on all ports".into() } else { format!("on {}", label::ports(ports)) }
}

/// Returns rows that are alike as a sentence.
pub(super) fn sentence(fold: &Fold<'_>, changes: &Changes, names: &Names) -> String {
    let Some(row) = fold.row() else { return String::new() };
    if fold.rows == 1 && !fold.replicas {
        return arrow(row, names);
    }
    if fold.replicas {
        return format!("replicas of {}: {}", names.label(&row.src), ports_of(row));
    }
    let outward = fold.destinations.iter().all(|r| is_outside(&r.dst));
    let sources = sources(fold, changes, names, if outward { " and " } else { " and from " });
    let destinations = destinations(fold, names);
    let several = if outward { count(fold) > 1 } else { fold.destinations.len() > 1 };
    let what = match (outward, row.became()) {
        (true, Became::Added) => format!("{sources} can reach {destinations}"),
        (true, Became::Removed) => format!("{sources} can no longer reach {destinations}"),
        (true, Became::Changed) => format!("{sources} → {destinations}"),
        (false, Became::Added) if several => {
            format!("{destinations} become reachable from {sources}")
        }
        (false, Became::Added) => format!("{destinations} becomes reachable from {sources}"),
        (false, Became::Removed) if several => {
            format!("{destinations} are no longer reachable from {sources}")
        }
        (false, Became::Removed) => format!("{destinations} is no longer reachable from {sources}"),
        (false, Became::Changed) => format!("{destinations} from {sources}"),
    };
    format!("{what}{} {}{}", comma(row), ports_of(row), only(row))
}

fn comma(row: &ChangeRow) -> &'static str {
    if row.became() == Became::Changed { ":" } else { "," }
}

fn ports_of(row: &ChangeRow) -> String {
    match row.became() {
        Became::Added => on(&row.after),
        Became::Removed => on(&row.before),
        Became::Changed => format!("{} becomes {}", on(&row.before), on(&row.after)),
    }
}

fn count(fold: &Fold<'_>) -> usize {
    fold.sources.len()
}

fn is_outside(end: &Endpoint) -> bool {
    matches!(end, Endpoint::External { .. } | Endpoint::Name { .. })
}

fn destinations(fold: &Fold<'_>, names: &Names) -> String {
    let ends: Vec<String> = fold
        .destinations
        .iter()
        .map(|r| match names.place(&r.dst).as_str() {
            "outside" => "the outside".to_owned(),
            other => other.to_owned(),
        })
        .collect();
    super::super::text::listed(&ends, MOST_ENDS)
}

/// Names the sources; all other workloads are not named one by one.
fn sources(fold: &Fold<'_>, changes: &Changes, names: &Names, and: &str) -> String {
    let (outside, inside): (Vec<&ChangeRow>, Vec<&ChangeRow>) =
        fold.sources.iter().copied().partition(|r| r.src.namespace().is_none());
    let is_source = |end: &Endpoint| inside.iter().any(|r| *r.src == *end);
    let itself = u64::from(fold.destinations.iter().all(|r| is_source(&r.dst)));
    let others = (inside.len() as u64).saturating_sub(itself);
    let is_all = |rest: u64| changes.workloads > 1 && others == changes.workloads - rest;
    let to_workloads =
        fold.destinations.iter().all(|r| matches!(*r.dst, Endpoint::Workload { .. }));
    let workloads = if others > 1 && to_workloads && is_all(1) {
        Some(format!("all {others} other workloads"))
    } else if others > 1 && !to_workloads && is_all(0) {
        Some(format!("all {others} workloads"))
    } else if inside.is_empty() {
        None
    } else {
        let ends: Vec<String> = inside.iter().map(|r| names.label(&r.src)).collect();
        Some(super::super::text::listed(&ends, MOST_ENDS))
    };
    let outside = outside.iter().map(|r| names.place(&r.src));
    workloads.into_iter().chain(outside).collect::<Vec<_>>().join(and)
}

/// Says which change made a row.
pub(super) fn cause(cause: &ChangeCause, changes: &Changes) -> String {
    let objects = cause.objects.iter().filter_map(|at| changes.objects.get(*at));
    let parts: Vec<String> = objects.map(object).collect();
    parts.join(", together with ")
}

/// Says what became of an object.
pub(super) fn object(object: &ChangedObject) -> String {
    let aspects = match (object.became, &object.aspects[..]) {
        (Became::Changed, [_, ..]) => format!(" ({})", object.aspects.join(", ")),
        _ => String::new(),
    };
    format!("{} is {}{aspects}", object.label, object.became.of_row())
}

/// Returns where an object stands; a removed one stands in the state before.
pub(super) fn place(object: &ChangedObject, changes: &Changes) -> Option<String> {
    let file = object.file.as_deref()?;
    let file = printable(file.strip_prefix("./").unwrap_or(file));
    let place = match object.line {
        Some(line) => format!("{file}:{line}"),
        None => file.into_owned(),
    };
    Some(match (object.became, &changes.sides) {
        (Became::Removed, Some(sides)) => format!("{place} ({})", sides.base),
        _ => place,
    })
}
