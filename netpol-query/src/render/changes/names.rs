//! Names of ends that are as short as they can be without a doubt.

use std::collections::{BTreeMap, BTreeSet};

use crate::execute::{Changes, Endpoint};
use crate::render::label;

/// Which names need no more than themselves.
pub(super) struct Names {
    /// For how many ends each name stands.
    ends: BTreeMap<String, usize>,
    one_namespace: bool,
}

impl Names {
    /// Looks at every end that the changes name.
    pub(super) fn of(changes: &Changes) -> Self {
        let of_rows = changes.rows.iter().flat_map(|row| [&*row.src, &*row.dst]);
        let emptied = changes.services_without_pods.iter().map(|s| &s.service);
        let named: BTreeMap<String, (String, String)> = of_rows
            .chain(emptied)
            .filter_map(|e| Some((e.id(), (e.namespace()?.to_owned(), e.name()?.to_owned()))))
            .collect();
        let namespaces: BTreeSet<&String> =
            named.values().map(|(namespace, _)| namespace).collect();
        let one_namespace = namespaces.len() <= 1;
        let mut ends = BTreeMap::new();
        for (id, (_, name)) in &named {
            // A Service of the same name is told apart by its kind.
            if !id.contains("/service/") {
                *ends.entry(name.clone()).or_insert(0) += 1;
            }
        }
        Self { ends, one_namespace }
    }

    /// Returns what a user would type for an end.
    pub(super) fn label(&self, end: &Endpoint) -> String {
        match end {
            Endpoint::Workload { name, .. } | Endpoint::Pod { name, .. }
                if self.one_namespace && self.ends.get(name) == Some(&1) =>
            {
                name.clone()
            }
            Endpoint::Service { .. } if self.one_namespace => label::within(end),
            _ => label::endpoint(end),
        }
    }

    /// Returns an end as the place that something comes from or goes to.
    pub(super) fn place(&self, end: &Endpoint) -> String {
        match self.label(end).as_str() {
            "external" => "outside".into(),
            "internet" => "the internet".into(),
            "ingress-controller" => "the ingress controller".into(),
            other => other.to_owned(),
        }
    }
}
