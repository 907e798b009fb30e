//! What was loaded into the bytes of a snapshot file.

use foldhash::fast::RandomState;
use indexmap::IndexSet;
use serde::Serialize;

use super::frame;
use super::pods;
use super::rows::{
    FindingBlock, FindingRow, Head, IngressRow, LabelBlock, NamespaceRow, NodeRow, ObjectBlock,
    Place, PolicyRow, ServiceRow, WorkloadRow,
};
use crate::model::{Cluster, LabelId, Position};
use crate::sources::Diagnostic;

/// So many policies make a block.
const POLICIES: usize = 1024;

/// Writes a snapshot file: everything that answers need, with what loading had to say.
///
/// The same input gives the same bytes. [`load`](crate::sources::load) reads them as it reads manifests.
///
/// # Errors
///
/// A sentence that says what cannot be written; nothing but a cluster of more than 4 GiB cannot.
///
/// # Examples
///
/// ```
/// use netpol_core::sources::{LoadOptions, Source, archive, load};
///
/// let manifest = "apiVersion: v1\nkind: Pod\nmetadata: {name: db, namespace: shop}\n";
/// let source = Source::Bytes { name: "-".into(), bytes: manifest.as_bytes().into() };
/// let loaded = load(&[source], &LoadOptions::default());
/// let bytes = archive::write(&loaded.cluster, &loaded.diagnostics, &loaded.completed)?;
/// let source = Source::Bytes { name: "shop.snapshot".into(), bytes: bytes.into() };
/// let again = load(&[source], &LoadOptions::default());
/// assert_eq!(again.cluster.pods()[0].position, loaded.cluster.pods()[0].position);
/// # Ok::<(), String>(())
/// ```
pub fn write(
    cluster: &Cluster,
    diagnostics: &[Diagnostic],
    completed: &[(String, String)],
) -> Result<Vec<u8>, String> {
    let mut files = Files::default();
    let mut blocks = Blocks::default();
    let (keys, values, pairs) = cluster.labels().columns();
    let labels = blocks.add(&LabelBlock { keys, values, pairs })?;
    let objects = blocks.add(&objects(cluster, &mut files))?;
    let findings = blocks.add(&findings(diagnostics, completed, &mut files))?;
    let rows: Vec<PolicyRow<'_>> = policies(cluster, &mut files);
    let policies = rows.chunks(POLICIES).map(|part| blocks.add(part)).collect::<Result<_, _>>()?;
    let mut pods = Vec::new();
    for block in pods::blocks(cluster, &mut files) {
        pods.push(blocks.add(&block)?);
    }
    let head = Head { files: files.list(), labels, objects, findings, policies, pods };
    let mut body = encoded(&head)?;
    body.append(&mut blocks.bytes);
    Ok(frame::wrap(&body))
}

fn encoded<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, String> {
    postcard::to_allocvec(value).map_err(|error| format!("it has no form as a snapshot: {error}"))
}

/// The blocks so far, one behind the other.
#[derive(Default)]
struct Blocks {
    bytes: Vec<u8>,
}

impl Blocks {
    /// Adds a block and returns its length.
    fn add<T: Serialize + ?Sized>(&mut self, block: &T) -> Result<u32, String> {
        let bytes = encoded(block)?;
        self.bytes.extend(&bytes);
        u32::try_from(bytes.len())
            .map_err(|_too_large| "a part of it takes more than 4 GiB".to_owned())
    }
}

/// The names of the manifests, each once, in the order in which they are met.
#[derive(Default)]
pub(super) struct Files<'a> {
    names: IndexSet<&'a str, RandomState>,
}

impl<'a> Files<'a> {
    pub(super) fn place(&mut self, position: &'a Position) -> Place {
        let file = self.names.insert_full(&position.file).0;
        (u32::try_from(file).unwrap_or(u32::MAX), position.line)
    }

    fn list(&self) -> Vec<&'a str> {
        self.names.iter().copied().collect()
    }
}

fn ids(labels: &[LabelId]) -> Vec<u32> {
    labels.iter().map(|id| id.0).collect()
}

fn objects<'a>(cluster: &'a Cluster, files: &mut Files<'a>) -> ObjectBlock<'a> {
    let namespaces = cluster.namespaces().iter().map(|n| NamespaceRow {
        name: &n.name,
        labels: ids(&n.labels),
        place: n.position.as_ref().map(|p| files.place(p)),
    });
    let namespaces = namespaces.collect();
    let nodes = cluster.nodes().iter().map(|n| NodeRow {
        name: &n.name,
        labels: ids(&n.labels),
        addresses: n.addresses.to_vec(),
        pod_cidrs: n.pod_cidrs.to_vec(),
        place: n.position.as_ref().map(|p| files.place(p)),
    });
    let nodes = nodes.collect();
    let workloads = cluster.workloads().iter().map(|w| WorkloadRow {
        namespace: w.namespace.0,
        kind: &w.kind,
        name: &w.name,
        place: w.position.as_ref().map(|p| files.place(p)),
    });
    let workloads = workloads.collect();
    let services = cluster.services().iter().map(|s| ServiceRow {
        namespace: s.namespace.0,
        name: &s.name,
        service_type: &s.service_type,
        selector: s.selector.clone(),
        cluster_ips: s.cluster_ips.to_vec(),
        ports: s.ports.clone(),
        place: files.place(&s.position),
    });
    let services = services.collect();
    let ingresses = cluster.ingresses().iter().map(|i| IngressRow {
        kind: i.kind,
        namespace: &i.namespace,
        name: &i.name,
        backends: i.backends.iter().map(|b| (b.service.to_string(), b.port.clone())).collect(),
        place: files.place(&i.position),
    });
    let ingresses = ingresses.collect();
    let pod_cidrs = cluster.pod_cidrs().to_vec();
    let domains = cluster.domain_addresses().to_vec();
    ObjectBlock { namespaces, nodes, workloads, services, ingresses, pod_cidrs, domains }
}

fn policies<'a>(cluster: &'a Cluster, files: &mut Files<'a>) -> Vec<PolicyRow<'a>> {
    let rows = cluster.policies().iter().map(|policy| PolicyRow {
        kind: policy.kind,
        namespace: policy.namespace.map(|n| n.0),
        name: &policy.name,
        place: files.place(&policy.position),
        spec: &policy.spec,
    });
    rows.collect()
}

fn findings<'a>(
    diagnostics: &'a [Diagnostic],
    completed: &'a [(String, String)],
    files: &mut Files<'a>,
) -> FindingBlock<'a> {
    let rows = diagnostics.iter().map(|d| FindingRow {
        severity: d.severity,
        code: d.code,
        message: &d.message,
        object: d.object.as_deref(),
        place: d.position.as_ref().map(|p| files.place(p)),
        help: d.help.as_deref(),
    });
    let completed = completed.iter().map(|(namespace, name)| (&**namespace, &**name));
    FindingBlock { findings: rows.collect(), completed: completed.collect() }
}
