//! The other blocks, from rows to what the model holds. Whether ids are in range is checked later, of all blocks at once.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::frame::Refused;
use super::rows::{
    FindingBlock, IngressRow, LabelBlock, NamespaceRow, NodeRow, ObjectBlock, Place, PolicyRead,
    ServiceRow, WorkloadRow,
};
use crate::model::cluster::Tables;
use crate::model::{
    IngressSpec, LabelId, LabelTable, Namespace, NamespaceId, Node, Policy, Position, Service,
    Workload,
};
use crate::sources::Diagnostic;

/// The names of the manifests, which positions share.
#[derive(Debug)]
pub(super) struct Places {
    files: Vec<Arc<str>>,
}

impl Places {
    pub(super) fn new(files: &[&str]) -> Self {
        Self { files: files.iter().map(|name| Arc::from(*name)).collect() }
    }

    pub(super) fn position(&self, (file, line): Place) -> Result<Position, Refused> {
        let name = self.files.get(file as usize);
        let name =
            name.ok_or_else(|| Refused::malformed("a position is in a file without name"))?;
        Ok(Position { file: Arc::clone(name), line })
    }

    fn optional(&self, place: Option<Place>) -> Result<Option<Position>, Refused> {
        place.map(|place| self.position(place)).transpose()
    }
}

fn ids(labels: Vec<u32>) -> Arc<[LabelId]> {
    labels.into_iter().map(LabelId).collect()
}

pub(super) fn labels(block: &LabelBlock<'_>) -> Result<LabelTable, Refused> {
    LabelTable::of_columns(&block.keys, &block.values, &block.pairs)
        .ok_or_else(|| Refused::malformed("its table of labels names one twice, or none"))
}

/// Makes everything of a cluster but its labels, pods and policies.
pub(super) fn objects(block: ObjectBlock<'_>, places: &Places) -> Result<Tables, Refused> {
    let mut kinds = HashMap::<_, _, RandomState>::default();
    let mut workloads = Vec::with_capacity(block.workloads.len());
    for WorkloadRow { namespace, kind, name, place } in block.workloads {
        let kind: &Arc<str> = kinds.entry(kind).or_insert_with(|| kind.into());
        workloads.push(Workload {
            namespace: NamespaceId(namespace),
            kind: Arc::clone(kind),
            name: name.into(),
            pods: Vec::new(),
            position: places.optional(place)?,
        });
    }
    let namespaces = block.namespaces.into_iter().map(|row| namespace(row, places));
    let nodes = block.nodes.into_iter().map(|row| node(row, places));
    let services = block.services.into_iter().map(|row| service(row, places));
    let ingresses = block.ingresses.into_iter().map(|row| ingress(row, places));
    Ok(Tables {
        namespaces: namespaces.collect::<Result<_, _>>()?,
        nodes: nodes.collect::<Result<_, _>>()?,
        workloads,
        services: services.collect::<Result<_, _>>()?,
        ingresses: ingresses.collect::<Result<_, _>>()?,
        pod_cidrs: block.pod_cidrs,
        domain_addresses: block.domains,
        ..Tables::default()
    })
}

fn namespace(row: NamespaceRow<'_>, places: &Places) -> Result<Namespace, Refused> {
    let position = places.optional(row.place)?;
    Ok(Namespace { name: row.name.into(), labels: ids(row.labels), position })
}

fn node(row: NodeRow<'_>, places: &Places) -> Result<Node, Refused> {
    Ok(Node {
        name: row.name.into(),
        labels: ids(row.labels),
        addresses: row.addresses.into(),
        pod_cidrs: row.pod_cidrs.into(),
        position: places.optional(row.place)?,
    })
}

fn service(row: ServiceRow<'_>, places: &Places) -> Result<Service, Refused> {
    Ok(Service {
        namespace: NamespaceId(row.namespace),
        name: row.name.into(),
        service_type: row.service_type.into(),
        selector: row.selector,
        cluster_ips: row.cluster_ips.into(),
        ports: row.ports,
        position: places.position(row.place)?,
    })
}

fn ingress(row: IngressRow<'_>, places: &Places) -> Result<IngressSpec, Refused> {
    Ok(IngressSpec {
        kind: row.kind,
        namespace: row.namespace.to_owned(),
        name: row.name.to_owned(),
        backends: row.backends,
        position: Some(places.position(row.place)?),
    })
}

/// Makes the policies of a block.
pub(super) fn policies(rows: Vec<PolicyRead>, places: &Places) -> Result<Vec<Policy>, Refused> {
    let policy = |row: PolicyRead| {
        Ok(Policy {
            kind: row.kind,
            namespace: row.namespace.map(NamespaceId),
            name: row.name,
            position: places.position(row.place)?,
            spec: row.spec,
        })
    };
    rows.into_iter().map(policy).collect()
}

/// What loading had to say, and the pods that have ended.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) findings: Vec<Diagnostic>,
    pub(super) completed: Vec<(String, String)>,
}

pub(super) fn said(block: FindingBlock<'_>, places: &Places) -> Result<Said, Refused> {
    let findings = block.findings.into_iter().map(|row| {
        Ok(Diagnostic {
            severity: row.severity,
            code: row.code,
            message: row.message.to_owned(),
            object: row.object.map(str::to_owned),
            position: places.optional(row.place)?,
            help: row.help.map(str::to_owned),
        })
    });
    let completed = block.completed.into_iter();
    let completed = completed.map(|(namespace, name)| (namespace.to_owned(), name.to_owned()));
    Ok(Said { findings: findings.collect::<Result<_, _>>()?, completed: completed.collect() })
}
