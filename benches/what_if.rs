//! One NetworkPolicy changed and the exact difference, beside a rebuild of the whole snapshot in the same run.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use netpol_bench::stopwatch::median;
use netpol_bench::{Preset, cluster};
use netpol_core::change::{Change, apply, moved};
use netpol_core::model::{
    Dialect, NetworkPolicyPort, Object, PolicyObject, PolicySpec, PortReference, Protocol,
};
use netpol_core::reach::Snapshot;

const SHAPES: [Preset; 3] = [Preset::Enterprise, Preset::Live, Preset::KanoRandom];
const PODS: u32 = 10_000;
/// So many policies are changed in turn, spread over all of them.
const CHANGED: usize = 96;

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

/// One change and the exact difference that it makes.
fn ask(before: &Snapshot, change: &Change) -> usize {
    let after = apply(before, std::slice::from_ref(change)).map(|applied| applied.snapshot);
    after.map_or(0, |after| black_box(moved(before, &after)).len())
}

/// Orders changes by how long they take: their middle is the median over policies, which a mean over them is not.
fn by_time(before: &Snapshot, mut changes: Vec<Change>) -> Vec<Change> {
    for change in changes.iter().take(16) {
        black_box(ask(before, change));
    }
    changes.sort_by_cached_key(|change| median(3, Duration::ZERO, || ask(before, change)));
    changes
}

fn what_if(c: &mut Criterion) {
    let mut group = c.benchmark_group("what if");
    group.measurement_time(Duration::from_secs(3)).sample_size(20);
    for preset in SHAPES {
        let Ok(facts) = cluster(preset, PODS, 1).map(Arc::new) else { continue };
        let before = Snapshot::new(Arc::clone(&facts), Dialect::spec());
        let changes = by_time(&before, changes(&before));
        let last = changes.len().saturating_sub(1);
        for (name, at) in [("median policy", last / 2), ("99th of 100 policies", last * 99 / 100)] {
            let Some(change) = changes.get(at) else { continue };
            group.bench_function(BenchmarkId::new(format!("{preset}, {name}"), PODS), |b| {
                b.iter(|| ask(&before, change));
            });
        }
        let Some(change) = changes.get(last / 2) else { continue };
        group.sample_size(10);
        group.bench_function(BenchmarkId::new(format!("{preset}, rebuilt"), PODS), |b| {
            b.iter(|| {
                let after = apply(&before, std::slice::from_ref(change));
                after.map(|a| Snapshot::new(a.snapshot.cluster().clone(), Dialect::spec()))
            });
        });
        group.sample_size(20);
    }
    group.finish();
}

criterion_group!(benches, what_if);
criterion_main!(benches);
