//! Rows as the data of a page: ends and reasons once each, and nothing in it that could end the script element.

use std::collections::HashMap;
use std::io;

use netpol_core::model::Direction;
use serde::Serialize;

use crate::execute::{Endpoint, Reason, Row};
use crate::render::label;

#[derive(Default, Serialize)]
struct Data {
    ends: Vec<EndData>,
    reasons: Vec<ReasonData>,
    rows: Vec<RowData>,
}

#[derive(Serialize)]
struct EndData {
    id: String,
    label: String,
    #[serde(rename = "type")]
    kind: &'static str,
    namespace: Option<String>,
}

#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
struct ReasonData {
    code: &'static str,
    direction: Option<&'static str>,
    ports: String,
    policy: Option<String>,
    place: Option<String>,
    message: String,
}

/// Source, destination, verdict, ports, matching and total pairs, reasons, family.
#[derive(Serialize)]
struct RowData(usize, usize, &'static str, String, u64, u64, Vec<usize>, Option<&'static str>);

/// Returns rows as JSON that may stand in a script element.
pub(super) fn embedded(rows: &[Row]) -> io::Result<String> {
    let mut data = Data::default();
    let mut ends: HashMap<String, usize> = HashMap::new();
    let mut reasons: HashMap<ReasonData, usize> = HashMap::new();
    for row in rows {
        let src = end(&mut data, &mut ends, &row.src);
        let dst = end(&mut data, &mut ends, &row.dst);
        let why = row.reasons.iter().map(|r| reason(&mut data, &mut reasons, r)).collect();
        data.rows.push(RowData(
            src,
            dst,
            row.verdict.as_str(),
            label::ports(&row.ports),
            row.matching,
            row.total,
            why,
            row.family.map(netpol_core::model::Family::as_str),
        ));
    }
    let text = serde_json::to_string(&data)?;
    // Inside of strings alone these occur, where JSON has another spelling for them.
    Ok(text
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029"))
}

fn end(data: &mut Data, known: &mut HashMap<String, usize>, endpoint: &Endpoint) -> usize {
    let id = endpoint.id();
    if let Some(at) = known.get(&id) {
        return *at;
    }
    data.ends.push(EndData {
        id: id.clone(),
        label: label::endpoint(endpoint),
        kind: endpoint.type_word(),
        namespace: endpoint.namespace().map(str::to_owned),
    });
    known.insert(id, data.ends.len() - 1);
    data.ends.len() - 1
}

fn reason(data: &mut Data, known: &mut HashMap<ReasonData, usize>, reason: &Reason) -> usize {
    let own = ReasonData {
        code: reason.code.as_str(),
        direction: reason.direction.map(Direction::as_str),
        ports: label::ports(&reason.ports),
        policy: reason.policy.as_ref().map(label::policy),
        place: reason.file.as_ref().map(|file| match reason.line {
            Some(line) => format!("{file}:{line}"),
            None => file.to_string(),
        }),
        message: reason.message.clone(),
    };
    if let Some(at) = known.get(&own) {
        return *at;
    }
    known.insert(own.clone(), data.reasons.len());
    data.reasons.push(own);
    data.reasons.len() - 1
}
