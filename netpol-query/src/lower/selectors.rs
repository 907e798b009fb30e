//! Selectors in brackets: what they match, and what the nearest label would be.

use netpol_core::model::{Cluster, LabelId, Operator, PodId, Requirement, Selector};

use super::suggest;
use crate::kinds;
use crate::syntax::Spanned;

/// Tells whether labels satisfy every selector.
pub(super) fn matches(
    cluster: &Cluster,
    labels: &[LabelId],
    selectors: &[Spanned<Selector>],
) -> bool {
    selectors.iter().all(|s| s.node.matches(|key| cluster.labels().lookup(labels, key)))
}

/// Suggests what selectors that match none of some pods ought to say.
pub(super) fn nearest_pod_label(
    cluster: &Cluster,
    pods: &[PodId],
    selectors: &[Spanned<Selector>],
) -> Option<String> {
    let labels = |p: &PodId| &*cluster.pod(*p).labels;
    let holds =
        |r: &Requirement| pods.iter().any(|p| r.holds(cluster.labels().lookup(labels(p), &r.key)));
    let Some(requirement) = failing(selectors, holds) else {
        return Some("each requirement is met by some pod, but no pod meets them all".into());
    };
    let carriers = pods.iter().flat_map(|p| cluster.label_pairs(labels(p)).map(move |l| (l, *p)));
    let (key, value, pod) = nearest_label(requirement, &carriers.collect::<Vec<_>>())?;
    let workload = cluster.workload(cluster.pod(pod).workload);
    let carrier = format!("{}/{}", kinds::short(&workload.kind), workload.name);
    Some(format!("did you mean {} ({carrier})?", label(&key, &value)))
}

/// Suggests what selectors that match no namespace ought to say.
pub(super) fn nearest_namespace_label(
    cluster: &Cluster,
    selectors: &[Spanned<Selector>],
) -> Option<String> {
    let namespaces = cluster.namespaces();
    let holds = |r: &Requirement| {
        namespaces.iter().any(|n| r.holds(cluster.labels().lookup(&n.labels, &r.key)))
    };
    let requirement = failing(selectors, holds)?;
    let carriers =
        namespaces.iter().flat_map(|n| cluster.label_pairs(&n.labels).map(|l| (l, &n.name)));
    let (key, value, name) = nearest_label(requirement, &carriers.collect::<Vec<_>>())?;
    Some(format!("did you mean {} (ns/{name})?", label(&key, &value)))
}

fn label(key: &str, value: &str) -> String {
    if value.is_empty() { key.to_owned() } else { format!("{key}={value}") }
}

/// Returns the first requirement that nothing satisfies.
fn failing(
    selectors: &[Spanned<Selector>],
    holds: impl Fn(&Requirement) -> bool,
) -> Option<&Requirement> {
    selectors.iter().flat_map(|s| &s.node.requirements).find(|r| !holds(r))
}

/// Finds a label like the one that a requirement wants: another value of its key, else the same value under another
/// key, else a similar key.
fn nearest_label<'a, C: Ord + Copy>(
    requirement: &Requirement,
    carriers: &[((&'a str, &'a str), C)],
) -> Option<(String, String, C)> {
    let wanted = match &requirement.operator {
        Operator::In(values) => values.first().map(|v| &**v),
        Operator::NotIn(_) | Operator::Exists | Operator::DoesNotExist => None,
    };
    if let Some(wanted) = wanted {
        let same_key = carriers.iter().filter(|((key, _), _)| **key == *requirement.key);
        let values = same_key.map(|((_, value), carrier)| (*value, *carrier));
        if let Some((value, carrier)) = suggest::nearest(wanted, values) {
            return Some((requirement.key.to_string(), value.to_owned(), carrier));
        }
        let same_value = carriers.iter().filter(|((_, value), _)| *value == wanted);
        if let Some(((key, value), carrier)) = same_value.min() {
            return Some(((*key).to_owned(), (*value).to_owned(), *carrier));
        }
    }
    let keys = carriers.iter().map(|((key, _), carrier)| (*key, *carrier));
    let (key, carrier) = suggest::nearest(&requirement.key, keys)?;
    (*key != *requirement.key).then(|| (key.to_owned(), String::new(), carrier))
}
