//! One NetworkPolicy changed and the exact difference, beside a rebuild of the whole snapshot in the same run.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use netpol_bench::{Preset, cluster};
use netpol_core::change::{Change, apply, moved};
use netpol_core::model::{
    Dialect, NetworkPolicyPort, Object, PolicyObject, PolicySpec, PortReference, Protocol,
};
use netpol_core::reach::Snapshot;

const SHAPES: [Preset; 3] = [Preset::Enterprise, Preset::Live, Preset::KanoRandom];
const PODS: u32 = 10_000;
/// So many policies are changed in turn, spread over all of them.
const CHANGED: usize = 512;

/// The same policy with one port more in each rule that names ports, and without its last rule where none does.
fn other(mut policy: PolicyObject) -> PolicyObject {
    if let PolicySpec::Network(spec) = &mut policy.spec {
        let port = NetworkPolicyPort {
            protocol: Some(Protocol::Tcp),
            port: Some(PortReference::Number(9999)),
        };
        let mut rules = spec.ingress.iter_mut().chain(&mut spec.egress);
        if let Some(rule) = rules.find(|rule| !rule.ports.is_empty()) {
            rule.ports.push(port);
        } else if spec.ingress.pop().is_none() {
            spec.egress.pop();
        }
    }
    policy
}

fn changes(snapshot: &Snapshot) -> Vec<Change> {
    let policies = snapshot.cluster().objects().into_iter().filter_map(|object| match object {
        Object::Policy(policy) => Some(policy),
        _ => None,
    });
    let policies: Vec<PolicyObject> = policies.collect();
    // A step that shares no factor with the policies a namespace brings, so that all kinds have their turn.
    let step = (policies.len() / CHANGED).max(1) | 1;
    let chosen = policies.into_iter().step_by(step).take(CHANGED);
    chosen.map(|policy| Change::Apply(vec![Object::Policy(other(policy))])).collect()
}

fn what_if(c: &mut Criterion) {
    let mut group = c.benchmark_group("what if");
    group.measurement_time(Duration::from_secs(5));
    for preset in SHAPES {
        let Ok(facts) = cluster(preset, PODS, 1).map(Arc::new) else { continue };
        let before = Snapshot::new(Arc::clone(&facts), Dialect::spec());
        let changes = changes(&before);
        let mut turn = changes.iter().cycle();
        group.bench_function(BenchmarkId::new(preset.as_str(), PODS), |b| {
            b.iter(|| {
                let change = turn.next().map(std::slice::from_ref).unwrap_or_default();
                let after = apply(&before, change).map(|applied| applied.snapshot);
                after.map(|after| black_box(moved(&before, &after)))
            });
        });
        if preset == Preset::Enterprise {
            group.sample_size(10);
            group.bench_function(BenchmarkId::new("enterprise, rebuilt", PODS), |b| {
                b.iter(|| {
                    let change = turn.next().map(std::slice::from_ref).unwrap_or_default();
                    let after = apply(&before, change).map(|applied| applied.snapshot);
                    let after =
                        after.map(|after| Snapshot::new(after.cluster().clone(), Dialect::spec()));
                    after.map(|after| black_box(moved(&before, &after)))
                });
            });
            group.sample_size(100);
        }
    }
    group.finish();
}

criterion_group!(benches, what_if);
criterion_main!(benches);
