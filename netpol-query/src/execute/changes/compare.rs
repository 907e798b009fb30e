//! From a difference of two snapshots to what a reader is told: ids into names, and where Services stand behind what was closed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use netpol_core::change::{ChangeKind, DiffEnd, DiffRow, Difference, ObjectChange};
use netpol_core::model::{
    Cluster, Direction, Object, ObjectKey, ObjectKind, PolicyKind, ServiceId,
};
use netpol_core::reach::Snapshot;

use super::{Became, ChangeCause, ChangeRow, ChangedObject, Changes, EmptiedService};
use crate::execute::ends::order_key;
use crate::execute::{Endpoint, EndpointRow};
use crate::kinds;

impl Changes {
    /// Tells what a difference of two snapshots means.
    pub fn of(before: &Snapshot, after: &Snapshot, difference: Difference) -> Self {
        let clusters = [before.cluster(), after.cluster()];
        let objects = difference.objects.iter().map(object).collect();
        let mut named = Named { services: services(clusters), ends: BTreeMap::new() };
        let mut rows: Vec<ChangeRow> =
            difference.rows.into_iter().map(|row| named.row(row)).collect();
        rows.sort_by_cached_key(|row| (order_key(&row.src), order_key(&row.dst), row.family));
        let pair = |(src, dst): &(DiffEnd, DiffEnd)| (Arc::new(end(src)), Arc::new(end(dst)));
        let mut changes = Self {
            rows,
            objects,
            unchanged: difference.unchanged,
            workloads: workloads(clusters),
            unprotected: by_workload(&difference.unprotected),
            newly_protected: by_workload(&difference.newly_protected),
            services_without_pods: difference
                .services_without_pods
                .iter()
                .map(|key| emptied(key, after.cluster()))
                .collect(),
            doubtful: difference.doubtful.iter().map(pair).collect(),
            ..Self::default()
        };
        changes.doubt(before, after);
        changes
    }
}

/// Names ends, each of them once.
struct Named {
    services: BTreeMap<String, String>,
    ends: BTreeMap<DiffEnd, Arc<Endpoint>>,
}

impl Named {
    fn end(&mut self, of: &DiffEnd) -> Arc<Endpoint> {
        let named = || Arc::new(end(of));
        Arc::clone(self.ends.entry(of.clone()).or_insert_with(named))
    }

    fn row(&mut self, row: DiffRow) -> ChangeRow {
        let (src, dst) = (self.end(&row.src), self.end(&row.dst));
        let service = self.services.get(&dst.id()).cloned();
        let because = row.because.into_iter().map(|c| ChangeCause { objects: c.objects });
        ChangeRow {
            src,
            dst,
            family: row.family,
            before: row.before,
            after: row.after,
            matching: row.matching,
            total: row.total,
            because: because.collect(),
            reasons: Vec::new(),
            doubt_before: None,
            doubt_after: None,
            service,
            accepted: None,
        }
    }
}

fn end(end: &DiffEnd) -> Endpoint {
    match end {
        DiffEnd::Workload(key) => workload(key),
        DiffEnd::IngressController => Endpoint::IngressController,
        DiffEnd::External(ranges) => Endpoint::External { ranges: ranges.clone() },
    }
}

fn workload(key: &ObjectKey) -> Endpoint {
    Endpoint::Workload {
        namespace: key.namespace.to_string(),
        kind: key.kind.as_str().to_owned(),
        name: key.name.to_string(),
    }
}

fn object(change: &ObjectChange) -> ChangedObject {
    // What a change has made stands nowhere.
    let position = change.position.as_ref().filter(|p| p.line > 0);
    ChangedObject {
        id: change.key.to_string(),
        label: label(&change.key),
        became: match change.kind {
            ChangeKind::Added => Became::Added,
            ChangeKind::Removed => Became::Removed,
            ChangeKind::Modified => Became::Changed,
        },
        aspects: change.aspects.iter().map(|a| a.as_str()).collect(),
        file: position.map(|p| Arc::clone(&p.file)),
        line: position.map(|p| p.line),
    }
}

/// Returns what a user would type for an object.
fn label(key: &ObjectKey) -> String {
    let kind = match &key.kind {
        ObjectKind::Namespace => "ns".to_owned(),
        ObjectKind::Node => "node".to_owned(),
        ObjectKind::Service => "svc".to_owned(),
        ObjectKind::Policy(kind) => PolicyKind::short(*kind).to_owned(),
        ObjectKind::Workload(kind) => kinds::short(kind),
        ObjectKind::Ingress(kind) => kind.as_str().to_ascii_lowercase(),
    };
    if key.namespace.is_empty() {
        format!("{kind}/{}", key.name)
    } else {
        format!("{}/{kind}/{}", key.namespace, key.name)
    }
}

/// Counts the workloads of two clusters, those of both once.
fn workloads(clusters: [&Cluster; 2]) -> u64 {
    let keys = |cluster: &Cluster| -> BTreeSet<ObjectKey> {
        cluster.workload_ids().map(|id| cluster.workload_key(id)).collect()
    };
    let [before, after] = clusters.map(keys);
    before.union(&after).count() as u64
}

/// Finds a Service behind each workload that has one: the one of the later cluster first, then by name.
fn services(clusters: [&Cluster; 2]) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for cluster in clusters.into_iter().rev() {
        let name = |id: &ServiceId| {
            let service = cluster.service(*id);
            format!("{}/svc/{}", cluster.namespace(service.namespace).name, service.name)
        };
        let mut all: Vec<(String, ServiceId)> =
            cluster.service_ids().map(|id| (name(&id), id)).collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        for (name, id) in all {
            let owners: BTreeSet<_> =
                cluster.service_pods(id).map(|pod| cluster.pod(pod).workload).collect();
            for owner in owners {
                let id = workload(&cluster.workload_key(owner)).id();
                found.entry(id).or_insert_with(|| name.clone());
            }
        }
    }
    found
}

fn by_workload(found: &[(ObjectKey, Direction)]) -> Vec<EndpointRow> {
    let mut rows: BTreeMap<&ObjectKey, Vec<Direction>> = BTreeMap::new();
    for (key, direction) in found {
        rows.entry(key).or_default().push(*direction);
    }
    let row = |(key, directions)| EndpointRow { endpoint: workload(key), directions };
    rows.into_iter().map(row).collect()
}

fn emptied(key: &ObjectKey, after: &Cluster) -> EmptiedService {
    let (namespace, name) = (key.namespace.to_string(), key.name.to_string());
    let selector = match after.object(key) {
        Some(Object::Service(service)) => {
            let pairs = service.selector.unwrap_or_default();
            pairs.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(",")
        }
        _ => String::new(),
    };
    EmptiedService { service: Endpoint::Service { namespace, name }, selector }
}
