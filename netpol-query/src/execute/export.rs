//! `export`: the content of a file, which others write; and the report on a whole cluster.

use std::collections::BTreeSet;
use std::sync::Arc;

use netpol_core::model::{Direction, Verdict};

use super::answer::{Body, Endpoint, EndpointRow, PolicyRow, Records, Row, RowsKind, Warning};
use super::ends;
use super::fields::Cell;
use super::matrix::Matrix;
use super::{Engine, Settings};
use crate::error::QueryError;
use crate::lower::{ExportPlan, ListPlan};
use crate::syntax::ast::{Exported, Noun};

/// What is to be written.
#[derive(Clone, Debug, PartialEq)]
pub struct Export {
    /// What it is.
    pub what: Exported,
    /// The file as the sentence names it; `None` for standard output.
    pub path: Option<String>,
    /// The form, as a word of `as`.
    pub form: &'static str,
    /// The content.
    pub content: Body,
    /// The content of a snapshot file, which is no text.
    pub file: Option<Arc<[u8]>>,
}

/// What there is to know about a cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// How many there are of what.
    pub numbers: Vec<(&'static str, u64)>,
    /// Who reaches whom.
    pub rows: Vec<Row>,
    /// The same as a matrix, with the evidence for a page.
    pub matrix: Matrix,
    /// Workloads that the outside reaches, straight or through an Ingress or Route.
    pub exposed: Vec<Arc<Endpoint>>,
    /// Workloads that nothing isolates on ingress.
    pub unprotected: Vec<EndpointRow>,
    /// The policies.
    pub policies: Vec<PolicyRow>,
}

impl Engine<'_> {
    /// Makes the content of a file.
    pub(super) fn export(
        &self,
        plan: &ExportPlan,
        warnings: &mut Vec<Warning>,
    ) -> Result<Export, QueryError> {
        let content = match plan.what {
            Exported::Graph => self.flows(&plan.ask, Verdict::Allow, RowsKind::Flows, warnings)?,
            Exported::Matrix => Body::Matrix(Box::new(self.matrix(&plan.ask, None, warnings)?)),
            Exported::Policies => Body::Policies(self.policies_within(None)),
            Exported::Report => Body::Report(Box::new(self.report(plan, warnings)?)),
            // The file itself holds more than this engine knows; on standard output, a format may be asked for yet.
            Exported::Snapshot if plan.is_file() && plan.path.is_some() => {
                Body::Done(String::new())
            }
            Exported::Snapshot => Body::Records(self.facts()),
        };
        let path = plan.path.clone();
        Ok(Export { what: plan.what, path, form: plan.form, content, file: None })
    }

    fn report(&self, plan: &ExportPlan, warnings: &mut Vec<Warning>) -> Result<Report, QueryError> {
        let matrix = self.matrix(&plan.ask, None, warnings)?;
        // The page says why by the evidence of its matrix.
        let plain = Self { settings: Settings { page: false, ..self.settings }, ..*self };
        let flows = plain.flows(&plan.ask, Verdict::Allow, RowsKind::Flows, &mut Vec::new())?;
        let rows = match flows {
            Body::Rows { rows, .. } => rows,
            _ => Vec::new(),
        };
        let flows = self.count_flows(&plan.ask, Verdict::Allow, &mut Vec::new())?;
        let unprotected =
            ListPlan { noun: Noun::Unprotected, within: None, direction: Direction::Ingress };
        let unprotected = match self.list(&unprotected) {
            Body::Endpoints(rows) => rows,
            _ => Vec::new(),
        };
        let policies = self.policies_within(None);
        let exposed = exposed(&rows);
        let cluster = self.snapshot.cluster();
        let numbers = vec![
            ("namespaces", cluster.namespaces().len() as u64),
            ("workloads", cluster.workloads().len() as u64),
            ("pods", cluster.pods().len() as u64),
            ("policies", policies.len() as u64),
            ("flows", flows),
            ("unprotected on ingress", unprotected.len() as u64),
            ("reachable from outside", exposed.len() as u64),
        ];
        Ok(Report { numbers, rows, matrix, exposed, unprotected, policies })
    }

    /// Lists what is loaded: pods with their labels and addresses, and where policies stand.
    fn facts(&self) -> Records {
        let cluster = self.snapshot.cluster();
        let text = |text: &str| if text.is_empty() { Cell::Empty } else { Cell::Text(text.into()) };
        let mut rows = Vec::new();
        for id in cluster.pod_ids() {
            let pod = cluster.pod(id);
            let labels: Vec<String> = cluster
                .label_pairs(&pod.labels)
                .map(|(key, value)| format!("{key}={value}"))
                .collect();
            let addresses: Vec<String> = netpol_core::model::Family::ALL
                .into_iter()
                .filter_map(|family| pod.address(family))
                .map(|address| address.to_string())
                .collect();
            rows.push(vec![
                text("Pod"),
                text(&ends::namespace(cluster, pod.namespace)),
                text(&pod.name),
                text(&ends::workload(cluster, pod.workload).id()),
                text(&labels.join(",")),
                text(&addresses.join(",")),
                Cell::Empty,
                Cell::Empty,
            ]);
        }
        for row in self.policies_within(None) {
            rows.push(vec![
                text(row.policy.kind),
                text(row.policy.namespace.as_deref().unwrap_or_default()),
                text(&row.policy.name),
                Cell::Empty,
                Cell::Empty,
                Cell::Empty,
                text(&row.file),
                Cell::Number(u64::from(row.line)),
            ]);
        }
        let columns =
            ["kind", "namespace", "name", "workload", "labels", "addresses", "file", "line"];
        Records { columns: columns.map(str::to_owned).to_vec(), rows }
    }
}

/// Lists the ends that some address outside, or what an Ingress or Route lets in, certainly reaches.
fn exposed(rows: &[Row]) -> Vec<Arc<Endpoint>> {
    let outside =
        |end: &Endpoint| matches!(end, Endpoint::External { .. } | Endpoint::IngressController);
    let mut seen = BTreeSet::new();
    let reached = rows.iter().filter(|r| r.verdict == Verdict::Allow && outside(&r.src));
    let mut found: Vec<Arc<Endpoint>> =
        reached.filter(|r| seen.insert(r.dst.id())).map(|r| Arc::clone(&r.dst)).collect();
    found.sort_by_cached_key(|end| ends::order_key(end));
    found
}
