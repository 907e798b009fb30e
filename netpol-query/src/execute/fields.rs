//! The fields of rows, by which pipes filter, group and sort.

use netpol_core::lint::{Finding, Severity};
use netpol_core::model::PortSet;

use super::answer::{Body, Endpoint, EndpointRow, PolicyRow, Row};
use super::changes::ChangeRow;
use super::hops::Way;

/// The value of a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// A text.
    Text(String),
    /// A number.
    Number(u64),
    /// Ports.
    Ports(PortSet),
    /// A severity.
    Severity(Severity),
    /// There is no value.
    Empty,
}

impl Cell {
    /// Orders cells: numbers by value, everything else as text.
    pub(super) fn order(&self, other: &Self) -> std::cmp::Ordering {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => a.cmp(b),
            (Self::Severity(a), Self::Severity(b)) => a.cmp(b),
            _ => self.text().cmp(&other.text()),
        }
    }

    /// Returns the value as text; empty where there is none.
    pub fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::Ports(ports) => ports.to_string(),
            Self::Severity(severity) => severity.as_str().to_owned(),
            Self::Empty => String::new(),
        }
    }
}

fn text(value: Option<&str>) -> Cell {
    value.map_or(Cell::Empty, |v| Cell::Text(v.to_owned()))
}

const OF_ENDPOINT: &[&str] = &["id", "type", "namespace", "kind", "name"];
const OF_ROW: &[&str] =
    &["src", "dst", "verdict", "ports", "family", "pairs.matching", "pairs.total"];
/// The ends are those of the way as a whole, the ports those of its last hop.
const OF_WAY: &[&str] = &["length", "src", "dst", "ports"];
const OF_CHANGE: &[&str] = &[
    "change",
    "src",
    "dst",
    "ports",
    "before",
    "after",
    "family",
    "pairs.matching",
    "pairs.total",
];
const OF_POLICY: &[&str] = &["kind", "namespace", "name", "file", "line"];
const OF_FINDING: &[&str] =
    &["id", "severity", "object", "namespace", "file", "line", "message", "fix"];

/// Rows that have fields.
pub(super) trait Fields {
    /// Returns the value of a field; `None` where rows of this kind have no such field.
    fn field(&self, name: &str) -> Option<Cell>;
}

impl Fields for Row {
    fn field(&self, name: &str) -> Option<Cell> {
        Some(match name {
            "src" => Cell::Text(self.src.id()),
            "dst" => Cell::Text(self.dst.id()),
            "verdict" => Cell::Text(self.verdict.as_str().to_owned()),
            "ports" => Cell::Ports(self.ports.clone()),
            "family" => text(self.family.map(netpol_core::model::Family::as_str)),
            "pairs.matching" => Cell::Number(self.matching),
            "pairs.total" => Cell::Number(self.total),
            _ => {
                let (end, field) = name.split_once('.')?;
                match end {
                    "src" => endpoint(&self.src, field)?,
                    "dst" => endpoint(&self.dst, field)?,
                    _ => return None,
                }
            }
        })
    }
}

impl Fields for ChangeRow {
    fn field(&self, name: &str) -> Option<Cell> {
        Some(match name {
            "change" => Cell::Text(self.became().of_row().to_owned()),
            "src" => Cell::Text(self.src.id()),
            "dst" => Cell::Text(self.dst.id()),
            "ports" if self.after.is_empty() => Cell::Ports(self.before.clone()),
            "ports" | "after" => Cell::Ports(self.after.clone()),
            "before" => Cell::Ports(self.before.clone()),
            "family" => text(self.family.map(netpol_core::model::Family::as_str)),
            "pairs.matching" => Cell::Number(self.matching),
            "pairs.total" => Cell::Number(self.total),
            _ => match name.split_once('.')? {
                ("src", field) => endpoint(&self.src, field)?,
                ("dst", field) => endpoint(&self.dst, field)?,
                _ => return None,
            },
        })
    }
}

impl Fields for Finding {
    fn field(&self, name: &str) -> Option<Cell> {
        let position = self.position.as_ref();
        let line = position.map(|p| p.line).filter(|line| *line > 0);
        Some(match name {
            "id" => Cell::Text(self.id.to_owned()),
            "severity" => Cell::Severity(self.severity),
            "object" => text(self.object.as_deref()),
            "namespace" => text(self.object.as_deref().and_then(namespace_of)),
            "file" => text(position.map(|p| &*p.file)),
            "line" => line.map_or(Cell::Empty, |line| Cell::Number(u64::from(line))),
            "message" => Cell::Text(self.message.clone()),
            "fix" => Cell::Text(self.fix.clone()),
            _ => return None,
        })
    }
}

/// Returns the namespace of an object such as `shop/networkpolicy/db` or `namespace/shop`.
fn namespace_of(object: &str) -> Option<&str> {
    match object.split('/').collect::<Vec<_>>()[..] {
        ["namespace", name] | [name, _, _] => Some(name),
        _ => None,
    }
}

impl Fields for Way {
    fn field(&self, name: &str) -> Option<Cell> {
        let (first, last) = (self.hops.first()?, self.hops.last()?);
        match name {
            "length" => Some(Cell::Number(self.hops.len() as u64)),
            "ports" => Some(Cell::Ports(last.ports.clone())),
            _ if name == "src" || name.starts_with("src.") => first.field(name),
            _ if name == "dst" || name.starts_with("dst.") => last.field(name),
            _ => None,
        }
    }
}

impl Fields for EndpointRow {
    fn field(&self, name: &str) -> Option<Cell> {
        endpoint(&self.endpoint, name.strip_prefix("endpoint.").unwrap_or(name))
    }
}

impl Fields for PolicyRow {
    fn field(&self, name: &str) -> Option<Cell> {
        Some(match name.strip_prefix("policy.").unwrap_or(name) {
            "kind" => Cell::Text(self.policy.kind.to_owned()),
            "namespace" => text(self.policy.namespace.as_deref()),
            "name" => Cell::Text(self.policy.name.clone()),
            "file" => Cell::Text(self.file.to_string()),
            "line" => Cell::Number(u64::from(self.line)),
            _ => return None,
        })
    }
}

fn endpoint(endpoint: &Endpoint, field: &str) -> Option<Cell> {
    Some(match field {
        "id" => Cell::Text(endpoint.id()),
        "type" => Cell::Text(endpoint.type_word().to_owned()),
        "namespace" => text(endpoint.namespace()),
        "kind" => text(endpoint.kind()),
        "name" => text(endpoint.name()),
        _ => return None,
    })
}

fn of_ends() -> impl Iterator<Item = String> {
    let ends = ["src", "dst"].iter();
    ends.flat_map(|end| OF_ENDPOINT.iter().map(move |f| format!("{end}.{f}")))
}

/// Lists the fields that the rows of an answer have.
pub(super) fn names(body: &Body) -> Vec<String> {
    let own = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
    match body {
        Body::Verdict(_) | Body::Rows { .. } | Body::Expectation(_) => {
            own(OF_ROW).into_iter().chain(of_ends()).collect()
        }
        Body::Ways(_) => own(OF_WAY).into_iter().chain(of_ends()).collect(),
        Body::Diff(_) => own(OF_CHANGE).into_iter().chain(of_ends()).collect(),
        Body::Endpoints(_) => own(OF_ENDPOINT),
        Body::Policies(_) => own(OF_POLICY),
        Body::Findings(_) => own(OF_FINDING),
        Body::Records(records) => records.columns.clone(),
        Body::Matrix(_)
        | Body::Exposure(_)
        | Body::Report(_)
        | Body::Export(_)
        | Body::Count(_)
        | Body::Done(_) => Vec::new(),
    }
}
