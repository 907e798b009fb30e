//! Objects of the k8s-openapi crate are loaded as the manifests that they stand for.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Node, Pod, Service};
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::{Metadata, Resource};
use netpol_core::model::{Dialect, Family, Flow, Peer, PodId, Protocol, Verdict};
use netpol_core::reach::Snapshot;
use netpol_core::sources::openapi::{Objects, source};
use netpol_core::sources::{DiagnosticCode, LoadOptions, Source, load};
use serde::Serialize;
use serde::de::DeserializeOwned;

const TEMPLATE: &str = "template: {metadata: {labels: {app: x}}, spec: {containers: [{name: c, image: i, ports: [{name: http, containerPort: 8080}]}]}}";

/// Reads an object as the typed crate does.
fn typed<K: DeserializeOwned>(yaml: &str) -> K {
    serde_yaml::from_str(yaml).unwrap()
}

fn add<K>(objects: &mut Objects, manifests: &mut String, yaml: &str)
where
    K: Resource + Metadata<Ty = ObjectMeta> + Serialize + DeserializeOwned,
{
    objects.add(&typed::<K>(yaml)).unwrap();
    manifests.push_str("---\n");
    manifests.push_str(yaml);
    manifests.push('\n');
}

fn workload(api_version: &str, kind: &str, name: &str, spec: &str) -> String {
    format!(
        "apiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: {name}, namespace: shop}}\nspec: {{{spec}}}"
    )
}

fn everything() -> (Objects, String) {
    let (mut objects, mut manifests) = (Objects::default(), String::new());
    let (o, m) = (&mut objects, &mut manifests);
    let selector = "selector: {matchLabels: {app: x}}";
    add::<Namespace>(
        o,
        m,
        "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {team: pay}}",
    );
    add::<Node>(
        o,
        m,
        "apiVersion: v1\nkind: Node\nmetadata: {name: one}\nstatus: {addresses: [{type: InternalIP, address: 192.168.0.1}]}",
    );
    add::<Pod>(
        o,
        m,
        "apiVersion: v1\nkind: Pod\nmetadata: {name: db, namespace: shop, labels: {app: db}}\nspec: {nodeName: one, containers: [{name: c, image: i}]}\nstatus: {podIP: 10.0.0.7}",
    );
    let scaled = format!("replicas: 2, {selector}, {TEMPLATE}");
    add::<Deployment>(o, m, &workload("apps/v1", "Deployment", "web", &scaled));
    add::<ReplicaSet>(o, m, &workload("apps/v1", "ReplicaSet", "rs", &scaled));
    let stateful = format!("serviceName: s, {scaled}");
    add::<StatefulSet>(o, m, &workload("apps/v1", "StatefulSet", "sts", &stateful));
    let each = format!("{selector}, {TEMPLATE}");
    add::<DaemonSet>(o, m, &workload("apps/v1", "DaemonSet", "ds", &each));
    add::<Job>(o, m, &workload("batch/v1", "Job", "job", TEMPLATE));
    let cron = format!("schedule: '* * * * *', jobTemplate: {{spec: {{{TEMPLATE}}}}}");
    add::<CronJob>(o, m, &workload("batch/v1", "CronJob", "cron", &cron));
    let service = "selector: {app: x}, ports: [{port: 80, targetPort: http}]";
    add::<Service>(o, m, &workload("v1", "Service", "web", service));
    let ingress = "defaultBackend: {service: {name: web, port: {number: 80}}}";
    add::<Ingress>(o, m, &workload("networking.k8s.io/v1", "Ingress", "web", ingress));
    let policy = "podSelector: {matchLabels: {app: x}}, policyTypes: [Ingress], ingress: [{from: [{namespaceSelector: {}}], ports: [{port: http}]}]";
    add::<NetworkPolicy>(o, m, &workload("networking.k8s.io/v1", "NetworkPolicy", "web", policy));
    (objects, manifests)
}

#[test]
fn typed_objects_give_the_cluster_and_verdicts_of_their_manifests() {
    let (objects, manifests) = everything();
    let options = LoadOptions::default();
    let typed = objects.load(&options);
    assert_eq!(typed.errors().map(ToString::to_string).collect::<Vec<_>>(), Vec::<String>::new());
    let text = Source::Bytes { name: "-".into(), bytes: manifests.as_bytes().into() };
    let read = load(&[text], &options);
    assert_eq!(read.errors().count(), 0);
    assert_eq!(typed.cluster.pods().len(), 10);
    assert_eq!(typed.cluster.services().len(), 1);
    assert_eq!(typed.cluster.ingresses().len(), 1);
    let typed = Snapshot::new(typed.cluster, Dialect::spec());
    let read = Snapshot::new(read.cluster, Dialect::spec());
    assert_eq!(typed.flows(), read.flows());
    let to_web = |src, port| {
        let dst = typed.cluster().pods().iter().position(|p| &*p.name == "web-0").unwrap();
        let dst = Peer::Pod(PodId(u32::try_from(dst).unwrap()));
        let flow = Flow { src, dst, protocol: Protocol::Tcp, port, family: Family::V4 };
        typed.verdict(&flow)
    };
    assert_eq!(to_web(Peer::Pod(PodId(0)), 8080), Verdict::Allow);
    assert_eq!(to_web(Peer::Pod(PodId(0)), 9090), Verdict::Deny);
    assert_eq!(to_web(Peer::IngressController, 8080), Verdict::Allow);
}

#[test]
fn positions_name_the_object() {
    let (objects, _) = everything();
    let cluster = objects.load(&LoadOptions::default()).cluster;
    assert_eq!(&*cluster.policies()[0].position.file, "NetworkPolicy shop/web");
    let node = cluster.nodes()[0].position.as_ref().unwrap();
    assert_eq!(&*node.file, "Node one");
}

#[test]
fn what_manifests_may_not_say_typed_objects_may_not_say_either() {
    let mut objects = Objects::default();
    let metadata = ObjectMeta { name: Some("Not A Name".into()), ..ObjectMeta::default() };
    objects.add(&Pod { metadata, ..Pod::default() }).unwrap();
    let loaded = objects.load(&LoadOptions::default());
    let codes: Vec<_> = loaded.errors().map(|d| d.code).collect();
    assert_eq!(codes, [DiagnosticCode::InvalidValue]);
}

#[test]
fn kinds_that_are_not_used_are_skipped_with_a_note() {
    let map = ConfigMap {
        metadata: ObjectMeta { name: Some("x".into()), ..ObjectMeta::default() },
        ..ConfigMap::default()
    };
    let loaded = load(&[source(&map).unwrap()], &LoadOptions::default());
    let codes: Vec<_> = loaded.diagnostics.iter().map(|d| d.code).collect();
    assert_eq!(codes, [DiagnosticCode::SkippedKinds]);
}
