//! T7: one object changed, and the exact difference that it makes.

use std::sync::Arc;
use std::time::Duration;

use netpol_core::change::{Change, apply, moved};
use netpol_core::model::{
    Dialect, NetworkPolicyPort, Object, ObjectKey, ObjectKind, PolicyId, PolicyObject, PolicySpec,
    PortReference, Protocol,
};
use netpol_core::reach::Snapshot;

use super::asking::drawn;
use super::{AT_LEAST, Notebook, Settings};
use crate::gate::Disagreement;
use crate::operation::Operation;
use crate::row::Figure;
use crate::sample::flows;
use crate::stopwatch::{Stopwatch, median, percentile};

/// So many policies are changed in turn, spread over all of them.
const CHANGED: usize = 1_000;
/// So many of the changes are compared with a rebuild.
const VERIFIED: usize = 50;
/// Not so many where they take longer than this, but at least a few.
const PATIENCE: Duration = Duration::from_secs(60);
const AT_LEAST_VERIFIED: u64 = 5;
/// So many flows are judged for each of those.
const JUDGED: usize = 2_000;
/// So many pods get another label.
const RELABELLED: usize = 200;
/// Changes are measured for so long at most, and the figure says how many there were.
const AT_MOST: Duration = Duration::from_secs(10);

/// Measures changes; returns how many were compared with a rebuild, which all agreed.
pub(super) fn measure(
    settings: &Settings,
    before: &Snapshot,
    port: (Protocol, u16),
    notes: &mut Notebook,
) -> Result<u64, Disagreement> {
    let changes = changes(before);
    if changes.is_empty() {
        notes.leave_out("T7", "the cluster has no NetworkPolicies");
        return Ok(0);
    }
    let verified = verify(settings, before, &changes, port)?;
    for change in changes.iter().take(16) {
        std::hint::black_box(ask(before, change));
    }
    let mut times = Vec::with_capacity(changes.len());
    let whole = Stopwatch::start();
    for change in &changes {
        let watch = Stopwatch::start();
        std::hint::black_box(ask(before, change));
        times.push(watch.elapsed());
        if whole.elapsed() > AT_MOST {
            let why = format!(
                "{} of {} changes were made in {} s",
                times.len(),
                changes.len(),
                AT_MOST.as_secs()
            );
            notes.leave_out("T7, the rest", &why);
            break;
        }
    }
    let rebuild = median(3, AT_LEAST, || Snapshot::new(before.cluster().clone(), Dialect::spec()));
    let (rebuild, name) = (rebuild.as_secs_f64(), "rebuild, without the difference");
    let middle = percentile(&mut times, 50);
    notes.add(Figure::new(Operation::PolicyChange, middle).against(name, rebuild));
    let last = percentile(&mut times, 99);
    notes.add(Figure::new(Operation::PolicyChangeP99, last).against(name, rebuild));
    relabel(settings, before, rebuild, notes);
    Ok(verified)
}

/// One change and the exact difference that it makes.
fn ask(before: &Snapshot, change: &Change) -> usize {
    let after = apply(before, std::slice::from_ref(change)).map(|applied| applied.snapshot);
    after.map_or(0, |after| std::hint::black_box(moved(before, &after)).len())
}

/// Changes of NetworkPolicies, of all kinds that a namespace has in turn.
fn changes(snapshot: &Snapshot) -> Vec<Change> {
    let cluster = snapshot.cluster();
    let network: Vec<PolicyId> = cluster
        .policy_ids()
        .filter(|id| matches!(cluster.policy(*id).spec, PolicySpec::Network(_)))
        .collect();
    // A step that shares no factor with the policies a namespace brings, so that all kinds have their turn.
    let step = (network.len() / CHANGED).max(1) | 1;
    let chosen = network.iter().step_by(step).take(CHANGED);
    let objects = chosen.filter_map(|id| {
        let key = cluster.policy_key(cluster.policy(*id));
        match cluster.object(&key) {
            Some(Object::Policy(policy)) => Some(Object::Policy(other(policy))),
            _ => None,
        }
    });
    objects.map(|object| Change::Apply(vec![object])).collect()
}

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

/// Compares changed snapshots with new ones: the count of pairs, and verdicts.
fn verify(
    settings: &Settings,
    before: &Snapshot,
    changes: &[Change],
    (protocol, port): (Protocol, u16),
) -> Result<u64, Disagreement> {
    let mut verified = 0;
    let step = (changes.len() / VERIFIED).max(1);
    let watch = Stopwatch::start();
    for (seed, change) in (settings.seed..).zip(changes.iter().step_by(step).take(VERIFIED)) {
        if verified >= AT_LEAST_VERIFIED && watch.elapsed() > PATIENCE {
            break;
        }
        let Ok(applied) = apply(before, std::slice::from_ref(change)) else { continue };
        let after = applied.snapshot;
        let rebuilt = Snapshot::new(Arc::new(after.cluster().clone()), Dialect::spec());
        let (fast, slow) = (after.count_pairs(protocol, port), rebuilt.count_pairs(protocol, port));
        if fast != slow {
            return Err(Disagreement::Pairs { protocol, port, fast, slow });
        }
        for flow in flows(after.cluster(), JUDGED, seed) {
            let (fast, slow) = (after.verdict(&flow), rebuilt.verdict(&flow));
            if fast != slow {
                return Err(Disagreement::about(after.cluster(), &flow, fast, slow));
            }
        }
        verified += 1;
    }
    Ok(verified)
}

/// Gives pods a label one by one, each time to the snapshot as it was.
fn relabel(settings: &Settings, before: &Snapshot, rebuild: f64, notes: &mut Notebook) {
    let cluster = before.cluster();
    let mut times = Vec::new();
    let whole = Stopwatch::start();
    for pod in drawn(before, RELABELLED, settings.seed ^ 3) {
        let pod = cluster.pod(pod);
        let object = ObjectKey::new(
            ObjectKind::Workload(Arc::from("Pod")),
            &cluster.namespace(pod.namespace).name,
            &pod.name,
        );
        // A value that other pods have where the shape has such a key.
        let labels = vec![("app".to_owned(), "web".to_owned())];
        let change = Change::Label { object, labels };
        let watch = Stopwatch::start();
        let applied = apply(before, &[change]);
        times.push(watch.elapsed());
        drop(std::hint::black_box(applied));
        if whole.elapsed() > AT_MOST {
            break;
        }
    }
    let middle = percentile(&mut times, 50);
    notes.add(Figure::new(Operation::PodChange, middle).against("rebuild", rebuild));
}
