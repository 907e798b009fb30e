//! Label selectors and labels of policies (networkpolicy-v1, sections 4 and 15: V22 to V28, M5).

use super::names;
use super::scalars::Value;
use super::tree::{Content, Entry, Node, clip};
use super::walker::{Path, Walker};
use crate::model::{Operator, Requirement, Selector};

/// Reads a `LabelSelector`; `None` where it is refused.
pub(super) fn read(walker: &mut Walker<'_>, node: &Node, path: &Path<'_>) -> Option<Selector> {
    let fields = walker.fields(node, path, &["matchLabels", "matchExpressions"])?;
    let mut selector = Selector::everything();
    let labels = path.field("matchLabels");
    let means = match fields.get("matchExpressions") {
        Some(_) => "asks for nothing",
        None => "selects everything, as `{}` does",
    };
    walker.note_null(fields.written("matchLabels"), &labels, means);
    if let Some(labels) = fields.written("matchLabels") {
        let path = path.field("matchLabels");
        let requirement = |(key, value): (&str, &str)| Requirement::equals(key, value);
        selector
            .requirements
            .extend(labels_of(walker, labels, &path)?.into_iter().map(requirement));
    }
    if let Some(list) = fields.written("matchExpressions") {
        let path = path.field("matchExpressions");
        for (i, item) in walker.list(list, &path).iter().enumerate() {
            selector.requirements.extend(expression(walker, item, &path.index(i)));
        }
    }
    Some(selector)
}

/// Reads labels; entries that are refused are left out.
pub(super) fn labels_of<'n>(
    walker: &mut Walker<'_>,
    node: &'n Node,
    path: &Path<'_>,
) -> Option<Vec<(&'n str, &'n str)>> {
    let entries = walker.mapping(node, path)?;
    Some(entries.iter().filter_map(|entry| label(walker, entry, path)).collect())
}

fn label<'n>(
    walker: &mut Walker<'_>,
    entry: &'n Entry,
    path: &Path<'_>,
) -> Option<(&'n str, &'n str)> {
    let key = label_key(walker, entry, path);
    let path = path.field(&entry.key.text);
    let value = label_value(walker, &entry.value, &path)?;
    Some((key?, value))
}

fn label_key<'n>(walker: &mut Walker<'_>, entry: &'n Entry, path: &Path<'_>) -> Option<&'n str> {
    qualified_key(walker, entry, path, "label key", &entry.key.text)
}

/// Reads the key of an annotation, which is judged in lower case (M6).
pub(super) fn annotation_key(walker: &mut Walker<'_>, entry: &Entry, path: &Path<'_>) {
    let lower = entry.key.text.to_lowercase();
    qualified_key(walker, entry, path, "annotation key", &lower);
}

fn qualified_key<'n>(
    walker: &mut Walker<'_>,
    entry: &'n Entry,
    path: &Path<'_>,
    what: &str,
    judged: &str,
) -> Option<&'n str> {
    let line = entry.value.line;
    if entry.key.value != Value::Text {
        walker.not_text(&entry.key, line, path, what);
        return None;
    }
    match names::qualified(judged) {
        Ok(()) => Some(&entry.key.text),
        Err(fault) => {
            let fault = format!("invalid {what} `{}`: {fault}", clip(&entry.key.text));
            walker.invalid(&entry.value, path, fault);
            None
        }
    }
}

fn label_value<'n>(walker: &mut Walker<'_>, node: &'n Node, path: &Path<'_>) -> Option<&'n str> {
    if let Content::Scalar(scalar) = &node.content
        && scalar.value != Value::Text
    {
        walker.not_text(scalar, node.line, path, "label value");
        return None;
    }
    let value = walker.text(node, path)?;
    if let Err(fault) = names::label_value(value) {
        walker.invalid(node, path, format!("invalid label value `{}`: {fault}", clip(value)));
        return None;
    }
    Some(value)
}

fn expression(walker: &mut Walker<'_>, node: &Node, path: &Path<'_>) -> Option<Requirement> {
    let fields = walker.fields(node, path, &["key", "operator", "values"])?;
    let key = if let Some(key) = fields.get("key") {
        expression_key(walker, key, &path.field("key"))
    } else {
        walker.required(node, &path.field("key"), "the label key");
        None
    };
    let mut values: Vec<Box<str>> = Vec::new();
    let mut written = 0;
    if let Some(list) = fields.written("values") {
        let path = path.field("values");
        let items = walker.list(list, &path);
        written = items.len();
        for (i, item) in items.iter().enumerate() {
            values.extend(label_value(walker, item, &path.index(i)).map(Box::from));
        }
    }
    let Some(operator) = fields.get("operator") else {
        walker.required(node, &path.field("operator"), "one of In, NotIn, Exists, DoesNotExist");
        return None;
    };
    let name = walker.text(operator, &path.field("operator"))?;
    let place = fields.written("values").unwrap_or(node);
    let values_path = path.field("values");
    let operator = match name {
        "In" | "NotIn" if written == 0 => {
            walker.required(
                place,
                &values_path,
                "must be specified when `operator` is 'In' or 'NotIn'",
            );
            return None;
        }
        "Exists" | "DoesNotExist" if written > 0 => {
            walker.invalid(
                place,
                &values_path,
                "forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
            );
            return None;
        }
        "In" => Operator::In(values),
        "NotIn" => Operator::NotIn(values),
        "Exists" => Operator::Exists,
        "DoesNotExist" => Operator::DoesNotExist,
        other => {
            let fault = format!("invalid value `{}`: not a valid selector operator", clip(other));
            walker.invalid(operator, &path.field("operator"), fault);
            return None;
        }
    };
    Some(Requirement { key: key?.into(), operator })
}

fn expression_key<'n>(walker: &mut Walker<'_>, node: &'n Node, path: &Path<'_>) -> Option<&'n str> {
    let key = walker.text(node, path)?;
    match names::qualified(key) {
        Ok(()) => Some(key),
        Err(fault) => {
            walker.invalid(node, path, format!("invalid label key `{}`: {fault}", clip(key)));
            None
        }
    }
}
