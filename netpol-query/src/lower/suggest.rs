//! The nearest real name or label.

use netpol_core::model::{Cluster, NamespaceId, PolicyId, WorkloadId};

use crate::kinds;

/// Returns the candidate nearest to a word, if it is near enough to be a slip.
pub(super) fn nearest<'a, T: Ord + Copy>(
    word: &str,
    candidates: impl IntoIterator<Item = (&'a str, T)>,
) -> Option<(&'a str, T)> {
    let word = word.to_lowercase();
    let most = match word.chars().count() {
        0..=2 => 1,
        3..=5 => 2,
        n => (n / 3).min(4),
    };
    candidates
        .into_iter()
        .filter(|(name, _)| name.len().abs_diff(word.len()) <= most)
        .map(|(name, value)| (strsim::osa_distance(&word, &name.to_lowercase()), name, value))
        .filter(|(distance, ..)| *distance <= most)
        .min()
        .map(|(_, name, value)| (name, value))
}

/// Joins names; of many only the first.
pub(super) fn listed(names: &[String]) -> String {
    const MOST: usize = 8;
    let shown = names.get(..MOST).unwrap_or(names).join(", ");
    match names.len().saturating_sub(MOST) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// Names a workload as a user types it: `shop/deploy/frontend`.
pub(crate) fn workload(cluster: &Cluster, id: WorkloadId) -> String {
    let workload = cluster.workload(id);
    let namespace = &cluster.namespace(workload.namespace).name;
    format!("{namespace}/{}/{}", kinds::short(&workload.kind), workload.name)
}

/// Names a policy as a user types it: `shop/netpol/db`, `cnp/guardrails`.
pub(crate) fn policy(cluster: &Cluster, id: PolicyId) -> String {
    let policy = cluster.policy(id);
    let short = policy.kind.short();
    match policy.namespace {
        Some(namespace) => {
            format!("{}/{short}/{}", cluster.namespace(namespace).name, policy.name)
        }
        None => format!("{short}/{}", policy.name),
    }
}

/// Suggests workloads whose names contain a word, which is a part of a name as people remember it.
fn containing(
    cluster: &Cluster,
    word: &str,
    workloads: impl Iterator<Item = WorkloadId>,
) -> Option<String> {
    /// Shorter words are in too many names.
    const SHORTEST: usize = 3;
    /// So many are named; of more, only that there are.
    const NAMED: usize = 4;
    let word = word.to_lowercase();
    if word.chars().count() < SHORTEST {
        return None;
    }
    let contains = |w: &WorkloadId| cluster.workload(*w).name.to_lowercase().contains(&word);
    let mut found: Vec<String> = workloads.filter(contains).map(|w| workload(cluster, w)).collect();
    found.sort_unstable();
    found.dedup();
    match &found[..] {
        [] => None,
        [one] => Some(format!("did you mean {one}?")),
        several => {
            let named = several.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
            let more = match several.len().saturating_sub(NAMED) {
                0 => String::new(),
                n => format!(", and {n} more"),
            };
            Some(format!("names with it: {named}{more}; or match them all by `*{word}*`"))
        }
    }
}

/// Suggests a namespace.
pub(super) fn namespace(cluster: &Cluster, word: &str) -> Option<String> {
    let names = cluster.namespaces().iter().map(|n| (&*n.name, ()));
    nearest(word, names).map(|(name, ())| format!("did you mean `{name}`?"))
}

/// Suggests what has a similar name: a workload, else a pod, a Service or a namespace.
pub(super) fn endpoint(
    cluster: &Cluster,
    word: &str,
    within: impl Fn(NamespaceId) -> bool,
) -> Option<String> {
    let workloads = cluster.workload_ids().filter(|w| within(cluster.workload(*w).namespace));
    let names = workloads.map(|w| (&*cluster.workload(w).name, w));
    if let Some((name, id)) = nearest(word, names) {
        return Some(format!("did you mean `{name}` ({})?", workload(cluster, id)));
    }
    let workloads = cluster.workload_ids().filter(|w| within(cluster.workload(*w).namespace));
    if let Some(help) = containing(cluster, word, workloads) {
        return Some(help);
    }
    let pods = cluster.pods().iter().filter(|p| within(p.namespace));
    if let Some((name, ())) = nearest(word, pods.map(|p| (&*p.name, ()))) {
        return Some(format!("did you mean `pod/{name}`?"));
    }
    let services = cluster.services().iter().filter(|s| within(s.namespace));
    if let Some((name, ())) = nearest(word, services.map(|s| (&*s.name, ()))) {
        return Some(format!("did you mean `svc/{name}`?"));
    }
    let names = cluster.namespaces().iter().map(|n| (&*n.name, ()));
    nearest(word, names).map(|(name, ())| format!("did you mean `ns/{name}`?"))
}
