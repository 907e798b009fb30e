//! Records of all files into one cluster: duplicates, owners, replicas, completed pods, namespaces that nobody declares.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::diagnostic::{Diagnostic, DiagnosticCode, Severity};
use super::findings::Findings;
use super::kinds::{Kind, Workload};
use super::objects::{Body, Identity, Owner, Record};
use super::read::Parsed;
use super::tree::clip;
use super::{LoadOptions, Loaded};
use super::{controller_labels, ingress};
use crate::model::cluster::MAX_PODS;
use crate::model::{
    Cluster, ClusterBuilder, IngressSpec, NamespaceSpec, NodeSpec, PodSpec, PodTemplate, Policy,
    PolicyKind, PolicySpec, Position, ServiceSpec, WorkloadSpec,
};

/// Builds the cluster of everything that was read.
pub(super) fn assemble(mut parsed: Parsed, options: &LoadOptions) -> Loaded {
    let mut assembly = Assembly::default();
    assembly.findings.append(std::mem::take(&mut parsed.findings));
    assembly.note_skipped(&parsed.skipped);
    let records = assembly.unique(parsed.records);
    assembly.look_at_owners(&records);
    assembly.warn_of_mixed_versions(&records);
    for net in &options.pod_cidrs {
        assembly.builder.pod_cidr(*net);
    }
    for (name, addresses) in &options.domains {
        assembly.builder.domain(name, addresses.clone());
    }
    for record in records {
        assembly.place(record);
    }
    assembly.finish()
}

const DEPLOYMENT: &str = Workload::Deployment.as_str();

/// The most kinds that the note on skipped objects lists.
const MOST_KINDS: usize = 50;

/// Custom kinds from which well-known operators make pods.
const POD_MAKERS: [&str; 34] = [
    "AdvancedStatefulSet",
    "Alertmanager",
    "Cassandra",
    "CassandraDatacenter",
    "ClickHouseInstallation",
    "CloneSet",
    "Cluster",
    "CronWorkflow",
    "Elasticsearch",
    "Grafana",
    "HelmChart",
    "HelmRelease",
    "InnoDBCluster",
    "Jaeger",
    "Kafka",
    "KafkaConnect",
    "KafkaNodePool",
    "Kibana",
    "Loki",
    "LokiStack",
    "MongoDBCommunity",
    "OpenTelemetryCollector",
    "PerconaXtraDBCluster",
    "PostgresCluster",
    "Prometheus",
    "PrometheusAgent",
    "RabbitmqCluster",
    "Redis",
    "RedisCluster",
    "RedisFailover",
    "Rollout",
    "ThanosRuler",
    "Workflow",
    "postgresql",
];

type FastMap<K, V> = HashMap<K, V, foldhash::fast::RandomState>;
type FastSet<K> = HashSet<K, foldhash::fast::RandomState>;

type Name = (Box<str>, Box<str>);

#[derive(Default)]
struct Assembly {
    builder: ClusterBuilder,
    findings: Findings,
    completed: Vec<(String, String)>,
    /// Namespaces that objects refer to, with the first of them; in the order of the input.
    referenced: Vec<(Box<str>, Identity, Position)>,
    seen_namespaces: FastSet<Box<str>>,
    declared: FastSet<Box<str>>,
    deployments: FastSet<Name>,
    /// The Deployment of each ReplicaSet that has one, by namespace and name.
    replica_sets: FastMap<Box<str>, FastMap<Box<str>, Box<str>>>,
    /// Deployments that stand in for their `ReplicaSets`, since only those are in the input.
    stand_ins: FastSet<Name>,
    /// Workloads to which pods that run belong.
    live: FastSet<(Box<str>, Box<str>, Box<str>)>,
    /// Workloads to which pods that have ended belong.
    ended: FastSet<(Box<str>, Box<str>, Box<str>)>,
    nodes: u32,
    pods: u64,
}

impl Assembly {
    fn add(
        &mut self,
        (severity, code): (Severity, DiagnosticCode),
        object: &Identity,
        position: &Position,
        message: String,
    ) {
        self.findings.push(Diagnostic {
            severity,
            code,
            message,
            object: Some(object.to_string()),
            position: Some(position.clone()),
            help: None,
        });
    }

    fn note_skipped(&mut self, skipped: &BTreeMap<Box<str>, usize>) {
        if skipped.is_empty() {
            return;
        }
        self.note_pod_makers(skipped);
        let mut kinds: Vec<(&str, usize)> = skipped.iter().map(|(k, n)| (&**k, *n)).collect();
        kinds.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let objects: usize = skipped.values().sum();
        let more = kinds.len().saturating_sub(MOST_KINDS);
        let mut listed: Vec<String> =
            kinds.iter().take(MOST_KINDS).map(|(k, n)| format!("{} {n}", clip(k))).collect();
        if more > 0 {
            listed.push(format!("and {more} more"));
        }
        let plural = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
        let message = format!(
            "skipped {} of {} that the program does not use: {}",
            plural(objects, "object"),
            plural(kinds.len(), "kind"),
            listed.join(", ")
        );
        self.findings.push(Diagnostic {
            severity: Severity::Note,
            code: DiagnosticCode::SkippedKinds,
            message,
            object: None,
            position: None,
            help: None,
        });
    }

    /// Pods of such objects are in no manifest, so that a selector that seems to select nothing may select them.
    fn note_pod_makers(&mut self, skipped: &BTreeMap<Box<str>, usize>) {
        let makers = skipped.keys().filter(|kind| POD_MAKERS.contains(&&***kind));
        let makers: Vec<&str> = makers.map(|kind| &**kind).collect();
        if !makers.is_empty() {
            self.findings.push(Diagnostic {
                severity: Severity::Note,
                code: DiagnosticCode::PodMakers,
                message: makers.join(", "),
                object: None,
                position: None,
                help: None,
            });
        }
    }

    /// Keeps the last of several objects of one name.
    fn unique(&mut self, mut records: Vec<Record>) -> Vec<Record> {
        let generated = records.iter_mut().filter(|r| r.identity.generated);
        for (number, record) in (1_u32..).zip(generated) {
            record.identity.name = format!("{}{number}", record.identity.name).into();
        }
        let mut kept: FastMap<&Identity, (usize, &Position)> = HashMap::with_capacity_and_hasher(
            records.len(),
            foldhash::fast::RandomState::default(),
        );
        let mut replaced: Vec<usize> = Vec::new();
        for (index, record) in records.iter().enumerate() {
            let (identity, position) = (&record.identity, &record.position);
            let Some((earlier, before)) = kept.insert(identity, (index, position)) else {
                continue;
            };
            replaced.push(earlier);
            let message = format!("replaces the object of the same name at {before}");
            let code = (Severity::Warning, DiagnosticCode::DuplicateObject);
            self.add(code, identity, position, message);
        }
        drop(kept);
        if replaced.is_empty() {
            return records;
        }
        replaced.sort_unstable();
        let mut replaced = replaced.into_iter().peekable();
        let mut index = 0_usize;
        records.retain(|_| {
            let drop = replaced.next_if_eq(&index).is_some();
            index += 1;
            !drop
        });
        records
    }

    fn look_at_owners(&mut self, records: &[Record]) {
        for record in records {
            let Identity { kind, namespace, name, .. } = &record.identity;
            match (kind, &record.body) {
                (Kind::Namespace, _) => {
                    self.declared.insert(name.clone());
                }
                (Kind::Node, _) => self.nodes += 1,
                (Kind::Workload(Workload::Deployment), _) => {
                    self.deployments.insert((namespace.clone(), name.clone()));
                }
                (
                    Kind::Workload(Workload::ReplicaSet),
                    Body::Workload { owner: Some(owner), .. },
                ) if &*owner.kind == "Deployment" => {
                    let own = self.replica_sets.entry(namespace.clone()).or_default();
                    own.insert(name.clone(), owner.name.clone());
                }
                _ => {}
            }
        }
        // Pods of one workload mostly follow one another.
        let mut last = None;
        for record in records {
            let Body::Pod { owner: Some(owner), completed, .. } = &record.body else { continue };
            let namespace = &record.identity.namespace;
            if last.replace((namespace, owner, completed)) == last {
                continue;
            }
            let (kind, name) = match self.deployment_of(namespace, owner) {
                Some(deployment) => (Box::from(DEPLOYMENT), deployment.into()),
                None => (owner.kind.clone(), owner.name.clone()),
            };
            let set = if *completed { &mut self.ended } else { &mut self.live };
            set.insert((namespace.clone(), kind, name));
        }
    }

    /// A ReplicaSet that a Deployment owns stands for that Deployment.
    fn deployment_of(&self, namespace: &str, owner: &Owner) -> Option<&str> {
        let is_replica_set = &*owner.kind == Workload::ReplicaSet.as_str();
        let own = self.replica_sets.get(namespace).filter(|_| is_replica_set)?;
        own.get(&owner.name).map(|deployment| &**deployment)
    }

    fn warn_of_mixed_versions(&mut self, records: &[Record]) {
        let of = |kinds: &[PolicyKind]| {
            let is = |r: &&Record| matches!(r.identity.kind, Kind::Policy(k) if kinds.contains(&k));
            records.iter().find(is)
        };
        let old = of(&[PolicyKind::AdminNetworkPolicy, PolicyKind::BaselineAdminNetworkPolicy]);
        let new = of(&[PolicyKind::ClusterNetworkPolicy]);
        if let (Some(old), Some(new)) = (old, new) {
            let message = format!(
                "the input also holds {} (v1alpha1, at {}): the API orders the two versions nowhere, so policies of \
                 equal priority are ties",
                old.identity, old.position
            );
            let code = (Severity::Warning, DiagnosticCode::MixedVersions);
            self.add(code, &new.identity, &new.position, message);
        }
    }

    fn place(&mut self, record: Record) {
        let Record { identity, position, body } = record;
        match body {
            Body::Namespace(spec) => {
                let name = identity.name.into();
                let position = Some(position);
                self.builder.namespace(NamespaceSpec { name, position, ..spec });
            }
            Body::Node(spec) => {
                let name = identity.name.into();
                self.builder.node(NodeSpec { name, position: Some(position), ..spec });
            }
            Body::Pod { spec, owner, completed } => {
                self.place_pod(identity, position, spec, owner, completed);
            }
            Body::Workload { template, replicas, owner, finished } => {
                let owner = owner.filter(|_| !finished);
                if finished {
                    self.note_finished(&identity, &position);
                } else {
                    self.place_workload(&identity, position, template, replicas, owner.as_ref());
                }
            }
            Body::Service(spec) => {
                self.refer(&identity, &position);
                let (namespace, name) = (identity.namespace.into(), identity.name.into());
                let position = Some(position);
                self.builder.service(ServiceSpec { namespace, name, position, ..spec });
            }
            Body::Ingress(spec, unused) => self.place_ingress(&identity, position, spec, unused),
            Body::Policy(kind, spec) => self.place_policy(identity, position, kind, spec),
        }
    }

    fn refer(&mut self, identity: &Identity, position: &Position) {
        let namespace = &identity.namespace;
        if self.seen_namespaces.contains(namespace) {
            return;
        }
        self.seen_namespaces.insert(namespace.clone());
        if !self.declared.contains(namespace) {
            self.referenced.push((namespace.clone(), identity.clone(), position.clone()));
        }
    }

    fn place_pod(
        &mut self,
        identity: Identity,
        position: Position,
        spec: PodSpec,
        owner: Option<Owner>,
        completed: bool,
    ) {
        if completed {
            let message = "the pod has ended and carries no traffic: it was left out".into();
            self.add((Severity::Note, DiagnosticCode::CompletedPod), &identity, &position, message);
            self.completed.push((identity.namespace.into(), identity.name.into()));
            return;
        }
        if !self.has_room(&identity, &position, 1) {
            return;
        }
        self.refer(&identity, &position);
        let owner = owner.map(|owner| match self.deployment_of(&identity.namespace, &owner) {
            Some(deployment) => (DEPLOYMENT.into(), deployment.to_string()),
            None => (owner.kind.into(), owner.name.into()),
        });
        self.builder.pod(PodSpec {
            namespace: identity.namespace.into(),
            name: identity.name.into(),
            owner,
            position: Some(position),
            ..spec
        });
    }

    fn note_finished(&mut self, identity: &Identity, position: &Position) {
        let message = "the job has ended and runs no pods: it was left out".into();
        self.add((Severity::Note, DiagnosticCode::CompletedPod), identity, position, message);
    }

    fn place_workload(
        &mut self,
        identity: &Identity,
        position: Position,
        template: PodTemplate,
        replicas: Option<u32>,
        owner: Option<&Owner>,
    ) {
        let Kind::Workload(workload) = identity.kind else { return };
        let mut kind = workload.as_str();
        let mut name = identity.name.clone();
        if let (Workload::ReplicaSet, Some(owner)) = (workload, owner)
            && &*owner.kind == "Deployment"
        {
            let deployment = (identity.namespace.clone(), owner.name.clone());
            // Old revisions have no replicas; the Deployment stands for the current one.
            if self.deployments.contains(&deployment)
                || replicas == Some(0)
                || !self.stand_ins.insert(deployment)
            {
                return;
            }
            kind = "Deployment";
            name = owner.name.clone();
        }
        let key = (identity.namespace.clone(), Box::from(kind), name.clone());
        let is_live = self.live.contains(&key);
        if workload == Workload::Job && !is_live && self.ended.contains(&key) {
            self.note_finished(identity, &position);
            return;
        }
        if replicas == Some(0) && !is_live {
            let message = "zero replicas: it stands for one pod, as if it were scaled up".into();
            self.add((Severity::Note, DiagnosticCode::ZeroReplicas), identity, &position, message);
        }
        let replicas = match workload {
            Workload::DaemonSet => self.nodes.max(1),
            _ => replicas.unwrap_or(1).max(1),
        };
        if !is_live && !self.has_room(identity, &position, replicas) {
            return;
        }
        self.refer(identity, &position);
        self.builder.workload(WorkloadSpec {
            namespace: identity.namespace.to_string(),
            kind: kind.into(),
            name: name.into(),
            template,
            replicas,
            position: Some(position),
        });
    }

    fn place_ingress(
        &mut self,
        identity: &Identity,
        position: Position,
        spec: IngressSpec,
        unused: Vec<String>,
    ) {
        for message in unused {
            let code = (Severity::Note, DiagnosticCode::IngressBackend);
            self.add(code, identity, &position, message);
        }
        let (namespace, name) = (identity.namespace.to_string(), identity.name.to_string());
        self.builder.ingress(IngressSpec { namespace, name, position: Some(position), ..spec });
    }

    fn has_room(&mut self, identity: &Identity, position: &Position, pods: u32) -> bool {
        if self.pods + u64::from(pods) <= u64::from(MAX_PODS) {
            self.pods += u64::from(pods);
            return true;
        }
        let message = format!("the input holds more than {MAX_PODS} pods: it was left out");
        self.add((Severity::Error, DiagnosticCode::Limit), identity, position, message);
        false
    }

    fn place_policy(
        &mut self,
        identity: Identity,
        position: Position,
        kind: PolicyKind,
        spec: PolicySpec,
    ) {
        let namespace = identity.kind.is_namespaced().then(|| {
            self.refer(&identity, &position);
            self.builder.namespace_id(&identity.namespace)
        });
        self.builder.policy(Policy { kind, namespace, name: identity.name, position, spec });
    }

    fn finish(mut self) -> Loaded {
        for (namespace, identity, position) in std::mem::take(&mut self.referenced) {
            let message = format!(
                "the namespace `{namespace}` is not in the input: it was made with the label \
                 kubernetes.io/metadata.name alone"
            );
            let code = (Severity::Warning, DiagnosticCode::NamespaceSynthesised);
            self.add(code, &identity, &position, message);
        }
        let cluster = self.builder.build().unwrap_or_else(|error| {
            self.findings.push(Diagnostic {
                severity: Severity::Error,
                code: DiagnosticCode::Limit,
                message: error.to_string(),
                object: None,
                position: None,
                help: None,
            });
            Cluster::default()
        });
        self.findings.extend(ingress::warnings(&cluster));
        for diagnostic in controller_labels::warnings(&cluster) {
            self.findings.push(diagnostic);
        }
        let found = self.findings.finish().into_iter();
        let (remarks, diagnostics) = found.partition(|d| d.code.is_for_lint());
        Loaded { cluster, diagnostics, remarks, completed: self.completed }
    }
}
