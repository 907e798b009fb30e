//! Snapshot files: they hold everything that answers need, and are refused rather than misread.

use std::path::Path;
use std::sync::Arc;

use netpol_core::model::Cluster;
use netpol_core::reach::Snapshot;
use netpol_core::sources::{
    Diagnostic, DiagnosticCode, LoadOptions, Loaded, Severity, Source, archive, load,
};
use netpol_core::testing::{cluster_plan, dialect, flow_plans, ingress_cluster_plan};
use proptest::prelude::*;
use proptest::sample::Index;

const SHOP: &str = "\
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {team: a}}
---
apiVersion: v1
kind: Pod
metadata: {name: db, namespace: shop, labels: {app: db}}
spec: {nodeName: n1, containers: [{name: c, ports: [{containerPort: 5432, name: pg}]}]}
status: {podIPs: [{ip: 10.0.0.1}, {ip: 'fd00::1'}]}
---
apiVersion: v1
kind: Pod
metadata: {name: done, namespace: shop}
status: {phase: Succeeded}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: elsewhere}
spec: {replicas: 2, template: {metadata: {labels: {app: web}}}}
---
apiVersion: v1
kind: Service
metadata: {name: db, namespace: shop}
spec: {selector: {app: db}, ports: [{port: 5432, targetPort: pg}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: in, namespace: shop}
spec: {defaultBackend: {service: {name: db, port: {number: 5432}}}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: shop, annotations: {netpol-query/ignore: E5}}
spec:
  podSelector: {matchLabels: {app: db}}
  ingress:
  - from: [{podSelector: null, namespaceSelector: {}}]
    ports: [{port: 5432, endPort: 5440}, {port: pg, protocol: TCP}]
  - from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}]
---
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: out}
spec:
  tier: Admin
  priority: 7
  subject: {namespaces: {}}
  egress:
  - name: names
    action: Pass
    to: [{domainNames: ['*.example.org']}, {networks: [192.0.2.0/24]}]
";

fn text(name: &str, text: &str) -> Source {
    Source::Bytes { name: name.into(), bytes: text.as_bytes().into() }
}

fn shop() -> Loaded {
    load(&[text("shop.yaml", SHOP)], &LoadOptions::default())
}

fn bytes(loaded: &Loaded) -> Vec<u8> {
    let said = [&loaded.diagnostics[..], &loaded.remarks].concat();
    archive::write(&loaded.cluster, &said, &loaded.completed).unwrap()
}

fn file(bytes: &[u8], options: &LoadOptions) -> Loaded {
    load(&[Source::Bytes { name: "x.snapshot".into(), bytes: bytes.into() }], options)
}

fn read(bytes: &[u8]) -> Loaded {
    file(bytes, &LoadOptions::default())
}

fn refusal(loaded: &Loaded) -> &Diagnostic {
    assert!(loaded.cluster.pods().is_empty() && loaded.cluster.policies().is_empty());
    match &loaded.diagnostics[..] {
        [one] if one.severity == Severity::Error => one,
        other => panic!("{other:?}"),
    }
}

/// Everything that a cluster says of itself.
fn facts(cluster: &Cluster) -> String {
    let labels: Vec<_> = cluster.labels().iter().collect();
    let policies: Vec<_> = cluster.policies().iter().collect();
    let leads: Vec<_> = cluster.pod_ids().map(|pod| cluster.leads(pod)).collect();
    let families: Vec<_> = cluster.pod_ids().map(|pod| cluster.pod_families(pod)).collect();
    format!(
        "{labels:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{policies:?}\n{leads:?}\n{families:?}\n{:?}\n{:?}",
        cluster.namespaces(),
        cluster.nodes(),
        cluster.workloads(),
        cluster.pods(),
        cluster.services(),
        cluster.ingresses(),
        cluster.pod_cidrs(),
        cluster.domain_addresses(),
    )
}

fn assert_same(a: &Loaded, b: &Loaded) {
    assert_eq!(facts(&a.cluster), facts(&b.cluster));
    assert_eq!(a.diagnostics, b.diagnostics);
    assert_eq!(a.remarks, b.remarks);
    assert_eq!(a.completed, b.completed);
}

#[test]
fn what_was_loaded_comes_back_with_lines_remarks_and_leads() {
    let before = shop();
    assert_eq!(before.errors().count(), 0, "{:?}", before.diagnostics);
    assert!(!before.remarks.is_empty() && !before.completed.is_empty());
    assert!(before.cluster.pod_ids().any(|pod| !before.cluster.leads(pod).is_empty()));
    let after = read(&bytes(&before));
    assert_same(&before, &after);
    assert_eq!(bytes(&before), bytes(&after));
    assert_same(&after, &read(&bytes(&after)));
}

#[test]
fn the_projects_that_are_shared_come_back() {
    let inputs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/inputs");
    let Ok(folders) = std::fs::read_dir(&inputs) else {
        eprintln!("skipped: {} is not there", inputs.display());
        return;
    };
    let mut clusters = 0;
    for folder in folders.map(|f| f.unwrap().path()).filter(|f| f.is_dir()) {
        let before = load(&[Source::Path(folder)], &LoadOptions::default());
        let after = read(&bytes(&before));
        assert_same(&before, &after);
        clusters += 1;
    }
    assert!(clusters > 0);
}

/// Bytes that were written once: whoever changes what they mean changes the format's number, and keeps these.
#[test]
fn a_file_of_this_format_stays_readable() {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots/format-1.snapshot");
    let kept = std::fs::read(kept).unwrap();
    let loaded = read(&kept);
    assert_eq!(facts(&shop().cluster), facts(&loaded.cluster));
    assert!(!loaded.diagnostics.is_empty() && !loaded.remarks.is_empty());
    // All but the version of the writer and the checksum.
    let (mut own, mut kept) = (bytes(&loaded), kept);
    for bytes in [&mut own, &mut kept] {
        let version = u32::from_le_bytes(bytes[12..16].try_into().unwrap()) as usize;
        bytes.drain(24..24 + version);
        bytes.drain(12..24);
        bytes.truncate(bytes.len() - 16);
    }
    assert_eq!(own, kept);
}

#[test]
fn other_files_and_damaged_ones_are_refused_with_what_to_do() {
    let good = bytes(&shop());
    let said = |bytes: &[u8]| {
        let loaded = read(bytes);
        let error = refusal(&loaded);
        assert_eq!(error.code, DiagnosticCode::Unreadable);
        assert!(error.help.is_some());
        error.to_string()
    };
    let cut = said(&good[..good.len() - 1]);
    let length = good.len();
    assert_eq!(
        cut,
        format!(
            "x.snapshot: the snapshot file says that it is {length} bytes long, but {} bytes are there",
            length - 1
        )
    );
    assert_eq!(said(&good[..10]), "x.snapshot: the snapshot file ends too early");
    let mut damaged = good.clone();
    damaged[length / 2] ^= 1;
    assert!(said(&damaged).contains("damaged: its content does not have the checksum"));
    // As a text-mode copy does it.
    let text_mode = String::from_utf8_lossy(&good).into_owned();
    // What nothing is left of is damaged as well: without an error it would be a cluster without pods.
    for bytes in [text_mode.as_bytes(), &good[1..], &good[..7], &[]] {
        assert!(said(bytes).contains("damaged: it does not begin as one does"));
    }
    let mut newer = good;
    newer[8] = 2;
    newer[24..29].copy_from_slice(b"9.9.9");
    archive::mend(&mut newer);
    assert_eq!(
        said(&newer),
        format!(
            "x.snapshot: netpol 9.9.9 wrote this snapshot file in format 2; netpol {} reads format 1 alone",
            env!("CARGO_PKG_VERSION")
        )
    );
}

#[test]
fn a_snapshot_is_read_alone() {
    let good: Arc<[u8]> = bytes(&shop()).into();
    let snapshot = Source::Bytes { name: "x.snapshot".into(), bytes: good };
    let loaded = load(&[snapshot, text("shop.yaml", SHOP)], &LoadOptions::default());
    let errors: Vec<String> = loaded.errors().map(ToString::to_string).collect();
    assert_eq!(
        errors,
        [
            "x.snapshot: a snapshot file holds a whole cluster, so it is not read together with other files"
        ]
    );
    assert_eq!(facts(&loaded.cluster), facts(&shop().cluster));
}

#[test]
fn addresses_of_the_command_line_count_as_if_they_had_been_said_for_the_manifests() {
    let options = LoadOptions {
        pod_cidrs: vec!["10.9.0.0/16".parse().unwrap(), "fd00::/64".parse().unwrap()],
        domains: vec![("a.example.org".into(), vec!["192.0.2.1".parse().unwrap()])],
        ..LoadOptions::default()
    };
    let before = load(&[text("shop.yaml", SHOP)], &options);
    assert_same(&before, &file(&bytes(&shop()), &options));
    assert_same(&before, &file(&bytes(&before), &options));
    assert_same(&before, &read(&bytes(&before)));
}

#[test]
fn what_only_a_lenient_dialect_reads_is_not_read_under_another() {
    let manifest = "\
apiVersion: policy.networking.k8s.io/v1alpha1
kind: AdminNetworkPolicy
metadata: {name: a}
spec:
  priority: 1
  subject: {pods: {podSelector: {}}}
";
    let lenient = LoadOptions { np_guard: true, ..LoadOptions::default() };
    let before = load(&[text("a.yaml", manifest)], &lenient);
    assert_eq!((before.errors().count(), before.cluster.policies().len()), (0, 1));
    assert_same(&before, &file(&bytes(&before), &lenient));
    let strict = read(&bytes(&before));
    let errors: Vec<String> = strict.errors().map(ToString::to_string).collect();
    assert_eq!(
        errors,
        ["x.snapshot: the snapshot file holds an object that `--dialect np-guard` alone reads"]
    );
    let without = load(&[text("a.yaml", manifest)], &LoadOptions::default());
    let again = file(&bytes(&without), &lenient);
    let last = again.diagnostics.last().map(ToString::to_string).unwrap_or_default();
    assert!(last.contains("was written without what had errors"), "{last}");
}

fn of(cluster: Cluster) -> Loaded {
    Loaded { cluster, diagnostics: Vec::new(), remarks: Vec::new(), completed: Vec::new() }
}

proptest! {
    #[test]
    fn random_clusters_come_back(plan in cluster_plan(), other in ingress_cluster_plan()) {
        for plan in [plan, other] {
            let before = of(plan.build().unwrap());
            assert_same(&before, &read(&bytes(&before)));
        }
    }

    #[test]
    fn verdicts_and_reasons_are_the_same_under_every_dialect(
        plan in cluster_plan(),
        dialect in dialect(),
        flows in flow_plans(),
    ) {
        let before = plan.build().unwrap();
        let after = read(&bytes(&of(before.clone()))).cluster;
        let of = |cluster: &Cluster| Snapshot::new(cluster.clone(), dialect);
        let (a, b) = (of(&before), of(&after));
        for flow in flows.iter().filter_map(|flow| flow.resolve(&before, dialect)) {
            let says = |snapshot: &Snapshot| format!("{:?}", snapshot.explain(&flow));
            prop_assert_eq!(says(&a), says(&b));
        }
    }

    #[test]
    fn damaged_bytes_never_pass(
        plan in cluster_plan(),
        flips in prop::collection::vec((any::<Index>(), 1..=255_u8), 1..4),
        cut in prop::option::of(any::<Index>()),
    ) {
        let before = of(plan.build().unwrap());
        let good = bytes(&before);
        let mut bad = good.clone();
        for (at, bits) in flips {
            let at = at.index(bad.len());
            bad[at] ^= bits;
        }
        if let Some(cut) = cut {
            bad.truncate(cut.index(bad.len()));
        }
        let loaded = read(&bad);
        // Flips may cancel each other out.
        if bad == good {
            assert_same(&before, &loaded);
        } else {
            prop_assert!(loaded.errors().count() > 0);
        }
    }

    #[test]
    fn crafted_bytes_are_refused_or_make_a_whole_cluster(
        plan in ingress_cluster_plan(),
        flips in prop::collection::vec((any::<Index>(), 1..=255_u8), 1..4),
        cut in prop::option::weighted(0.2, any::<Index>()),
        dialect in dialect(),
    ) {
        let mut bad = bytes(&of(plan.build().unwrap()));
        for (at, bits) in flips {
            let at = at.index(bad.len());
            bad[at] ^= bits;
        }
        if let Some(cut) = cut {
            bad.truncate(cut.index(bad.len()));
        }
        archive::mend(&mut bad);
        let loaded = read(&bad);
        if loaded.errors().count() == 0 {
            // What was accepted can be asked about, and written and read again.
            assert_same(&loaded, &read(&bytes(&loaded)));
            let snapshot = Snapshot::new(loaded.cluster.clone(), dialect);
            prop_assert_eq!(snapshot.cluster().pods().len(), loaded.cluster.pods().len());
        }
    }
}
