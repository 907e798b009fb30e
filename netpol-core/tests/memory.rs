//! Ten thousand changes one after the other: the rows stay those of a cluster built at once, and memory does not grow.
#![allow(clippy::unwrap_used, reason = "tests stop at what they did not expect")]

use std::alloc::System;

use cap::Cap;
use netpol_core::change::{Change, apply};
use netpol_core::model::{
    Cluster, Dialect, Direction, Edits, NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicyRule,
    NetworkPolicySpec, Object, ObjectKey, ObjectKind, PodTemplate, PolicyKind, PolicyObject,
    PolicySpec, PortReference, Position, Selector, WorkloadSpec,
};
use netpol_core::reach::{End, Row, Snapshot};

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

const NAMESPACES: [&str; 4] = ["a", "b", "c", "d"];
const APPS: [&str; 5] = ["web", "api", "db", "cache", "jobs"];

/// Numbers that are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }
}

fn cluster() -> Cluster {
    let mut builder = Cluster::builder();
    for namespace in NAMESPACES {
        for app in APPS {
            let labels = vec![("app".to_owned(), app.to_owned())];
            builder.workload(WorkloadSpec {
                namespace: namespace.into(),
                kind: "Deployment".into(),
                name: app.into(),
                template: PodTemplate { labels, ..PodTemplate::default() },
                replicas: 2,
                position: None,
            });
        }
    }
    builder.build().unwrap()
}

fn app(numbers: &mut Numbers) -> Selector {
    Selector::labels([("app", APPS[numbers.below(APPS.len())])])
}

fn policy(numbers: &mut Numbers) -> Object {
    let peer =
        NetworkPolicyPeer::Pods { namespace_selector: None, pod_selector: Some(app(numbers)) };
    let port = u16::try_from(8000 + numbers.below(4)).unwrap();
    let ports = vec![NetworkPolicyPort { protocol: None, port: Some(PortReference::Number(port)) }];
    let rule = NetworkPolicyRule { peers: vec![peer], ports, line: 0 };
    let both = numbers.below(2) == 0;
    Object::Policy(PolicyObject {
        kind: PolicyKind::NetworkPolicy,
        namespace: Some(NAMESPACES[numbers.below(4)].into()),
        name: format!("p{}", numbers.below(12)),
        position: Position::new("-", 1),
        spec: PolicySpec::Network(NetworkPolicySpec {
            pod_selector: app(numbers),
            policy_types: if both { Direction::ALL.to_vec() } else { vec![Direction::Ingress] },
            ingress: vec![rule.clone()],
            egress: if both { vec![rule] } else { Vec::new() },
            ..NetworkPolicySpec::default()
        }),
    })
}

fn workload(numbers: &mut Numbers) -> ObjectKey {
    let kind = ObjectKind::Workload("Deployment".into());
    ObjectKey::new(kind, NAMESPACES[numbers.below(4)], APPS[numbers.below(5)])
}

fn change(numbers: &mut Numbers) -> Change {
    match numbers.below(20) {
        0 => {
            let version = ["1", "2", "3"][numbers.below(3)].to_owned();
            Change::Label { object: workload(numbers), labels: vec![("version".into(), version)] }
        }
        1 => Change::Scale {
            workload: workload(numbers),
            replicas: u32::try_from(1 + numbers.below(3)).unwrap(),
        },
        2..=7 => Change::Delete(policy(numbers).key()),
        _ => Change::Apply(vec![policy(numbers)]),
    }
}

fn rows(snapshot: &Snapshot) -> Vec<String> {
    let cluster = snapshot.cluster();
    let end = |end: &End| match end {
        End::Workload(id) => cluster.workload_key(*id).to_string(),
        other => format!("{other:?}"),
    };
    let row = |row: &Row| {
        let (src, dst) = (end(&row.src), end(&row.dst));
        format!("{src} {dst} {:?} {}/{}", row.ports, row.matching, row.total)
    };
    let mut rows: Vec<String> = snapshot.flows().iter().map(row).collect();
    rows.sort();
    rows
}

#[test]
fn ten_thousand_changes_leave_the_rows_right_and_memory_flat() {
    let mut numbers = Numbers(1);
    let mut now = Snapshot::new(cluster(), Dialect::spec());
    let (mut made, mut early, mut late) = (0, 0, 0);
    for number in 1..=10_000 {
        // A policy that is not there cannot be deleted: such a draw changes nothing.
        if let Ok(applied) = apply(&now, &[change(&mut numbers)]) {
            now = applied.snapshot;
            made += 1;
        }
        if number % 500 == 0 {
            let rebuilt =
                Snapshot::new(now.cluster().edited(&Edits::new()).unwrap(), Dialect::spec());
            assert_eq!(rows(&now), rows(&rebuilt), "after {number} changes");
        }
        // Tables grow until they are compiled anew: what counts is the most that they come to.
        let held = ALLOCATOR.allocated();
        if number <= 2_000 { early = held.max(early) } else { late = held.max(late) }
    }
    assert!(made > 7_000, "only {made} changes were made");
    assert!(late <= early + early / 4, "{early} bytes at first, {late} in the end");
}
