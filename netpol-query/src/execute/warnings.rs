//! What a reader should know beside an answer.

use std::collections::BTreeSet;
use std::sync::Arc;

use netpol_core::model::{ReasonCode, Verdict};
use netpol_core::reach::{Level, Row};
use netpol_core::sources::Diagnostic;

use super::Engine;
use super::answer::Warning;
use super::ends::Names;
use super::pairs::Wanted;
use crate::lower::Ask;

/// At most so many objects are named.
const MOST_NAMED: usize = 3;

/// Makes the warning of an input diagnostic.
pub fn of_diagnostic(diagnostic: &Diagnostic) -> Warning {
    Warning {
        code: diagnostic.code.as_str().to_owned(),
        message: diagnostic.message.clone(),
        object: diagnostic.object.clone(),
        file: diagnostic.position.as_ref().map(|p| Arc::clone(&p.file)),
        line: diagnostic.position.as_ref().map(|p| p.line).filter(|l| *l > 0),
    }
}

/// Counts the pairs of a table that are in doubt, unless they are what is listed, and names what they hang on.
pub(super) fn of_table(
    engine: &Engine<'_>,
    ask: &Ask,
    rows: &[Row],
    listed: Verdict,
) -> Vec<Warning> {
    let mut warnings = Vec::new();
    for (verdict, code, one, several) in [
        (Verdict::Unknown, "UNKNOWN_FLOWS", "pair is not known", "pairs are not known"),
        (
            Verdict::Ambiguous,
            "PRIORITY_TIE",
            "pair hangs on the order of policies of equal priority",
            "pairs hang on the order of policies of equal priority",
        ),
    ] {
        let doubtful: Vec<&Row> = rows.iter().filter(|r| r.verdict == verdict).collect();
        if verdict == listed || doubtful.is_empty() {
            continue;
        }
        let pairs: u64 = doubtful.iter().map(|r| r.matching).sum();
        let (named, object, position) = match verdict {
            Verdict::Ambiguous => tied(engine, ask),
            _ => (ends(engine, &doubtful), None, None),
        };
        let list = match verdict {
            Verdict::Ambiguous => "ambiguous flows",
            _ => "unknown flows",
        };
        let (file, line) = position.map_or((None, None), |(f, l)| (Some(f), Some(l)));
        let what = if pairs == 1 { one } else { several };
        let message = format!("{pairs} {what}: {named} (`{list}` lists them)");
        warnings.push(Warning { code: code.to_owned(), message, object, file, line });
    }
    warnings
}

fn ends(engine: &Engine<'_>, rows: &[&Row]) -> String {
    let mut names = Names::new(engine.snapshot.cluster());
    let mut distinct: Vec<String> = Vec::new();
    for row in rows {
        let text = format!("{} to {}", names.end(&row.src).id(), names.end(&row.dst).id());
        if !distinct.contains(&text) {
            distinct.push(text);
        }
        if distinct.len() > MOST_NAMED {
            break;
        }
    }
    shorten(&distinct)
}

type Tied = (String, Option<String>, Option<(Arc<str>, u32)>);

/// Names the policies that are tied: the question is asked again, with reasons.
fn tied(engine: &Engine<'_>, ask: &Ask) -> Tied {
    let cluster = engine.snapshot.cluster();
    let table = engine.ask(ask, Wanted { explain: true, denied: false, level: Level::Workload });
    let ambiguous = table.rows.iter().filter(|r| r.verdict == Verdict::Ambiguous);
    let tied = |row: &&Row| row.reasons.iter().any(|r| r.code == ReasonCode::PriorityTie);
    let policies: BTreeSet<_> = ambiguous
        .filter(tied)
        .flat_map(|row| row.reasons.iter().filter_map(|r| r.policy))
        .collect();
    let names: Vec<String> =
        policies.iter().map(|id| crate::lower::policy_name(cluster, *id)).collect();
    let first = policies.iter().next().map(|id| cluster.policy(*id));
    let position = first.map(|p| (Arc::clone(&p.position.file), p.position.line));
    (shorten(&names), names.first().cloned(), position)
}

fn shorten(names: &[String]) -> String {
    let shown: Vec<&str> = names.iter().take(MOST_NAMED).map(String::as_str).collect();
    let more = if names.len() > MOST_NAMED { ", ..." } else { "" };
    format!("{}{more}", shown.join(", "))
}
