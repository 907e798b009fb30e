//! Changes and differences against rebuilt clusters and single verdicts. `PROPTEST_CASES` sets how many are tried.

use std::collections::BTreeMap;

use netpol_core::change::{Change, DiffEnd, DiffRow, Difference, apply, diff, moved};
use netpol_core::model::{
    Cluster, Dialect, Edits, Family, Flow, Object, ObjectKey, Peer, PodId, Protocol, Verdict,
};
use netpol_core::reach::{Row, Snapshot};
use netpol_core::testing::{
    ClusterPlan, cases, cluster_plan, dialect, ingress_cluster_plan, network_policy_cluster_plan,
};
use proptest::prelude::*;

/// Flows by the names of their ends, since ids differ between clusters.
fn named_flows(snapshot: &Snapshot) -> Vec<String> {
    use netpol_core::reach::End;
    let cluster = snapshot.cluster();
    let end = |end: &End| match end {
        End::Workload(id) => cluster.workload_key(*id).to_string(),
        other => format!("{other:?}"),
    };
    let row = |row: &Row| {
        let ports: Vec<_> = row.ports.ranges().collect();
        let (src, dst) = (end(&row.src), end(&row.dst));
        format!("{src} {dst} {:?} {ports:?} {}/{}", row.family, row.matching, row.total)
    };
    let mut rows: Vec<String> = snapshot.flows().iter().map(row).collect();
    rows.sort();
    rows
}

/// Objects of a second plan to be put over the first, and keys to be taken away, as drawn.
fn mixture(objects: &[Object], own: &[Object], picks: &[bool]) -> Vec<Change> {
    let mut picks = picks.iter().copied().chain(std::iter::repeat(false));
    let chosen: Vec<Object> =
        objects.iter().filter(|_| picks.next().unwrap_or_default()).cloned().collect();
    let gone = own.iter().filter(|_| picks.next().unwrap_or_default());
    let mut changes: Vec<Change> = gone.map(|o| Change::Delete(o.key())).collect();
    // Namespaces take along what other deletions name: they go last.
    changes.sort_by_key(|c| matches!(c, Change::Delete(key) if key.namespace.is_empty()));
    changes.push(Change::Apply(chosen));
    changes
}

fn changed(before: &Snapshot, changes: &[Change]) -> Option<Snapshot> {
    let mut now = before.clone();
    for change in changes {
        // Pods of one name under two owners make no cluster: such a change is left out.
        if let Ok(applied) = apply(&now, std::slice::from_ref(change)) {
            now = applied.snapshot;
        }
    }
    Some(now)
}

fn rebuilt(snapshot: &Snapshot) -> Snapshot {
    let cluster = snapshot.cluster().edited(&Edits::new()).unwrap();
    Snapshot::new(cluster, snapshot.dialect())
}

/// The pairs of pods of both sides that a port is opened or closed for, by single verdicts.
fn expected(
    before: &Snapshot,
    after: &Snapshot,
    (protocol, port): (Protocol, u16),
    family: Family,
) -> BTreeMap<(ObjectKey, ObjectKey, bool), u64> {
    let mut counts = BTreeMap::new();
    for (src, new_src) in common(before.cluster(), after.cluster()) {
        for (dst, new_dst) in common(before.cluster(), after.cluster()) {
            if src == dst {
                continue;
            }
            let allowed = |snapshot: &Snapshot, src: PodId, dst: PodId| {
                let (src, dst) = (Peer::Pod(src), Peer::Pod(dst));
                let flow = Flow { src, dst, protocol, port, family };
                snapshot.families(&flow.src, &flow.dst).contains(family)
                    && snapshot.verdict(&flow) == Verdict::Allow
            };
            let (was, is) = (allowed(before, src, dst), allowed(after, new_src, new_dst));
            if was != is {
                let key = |pod: PodId| {
                    let cluster = after.cluster();
                    cluster.workload_key(cluster.pod(pod).workload)
                };
                *counts.entry((key(new_src), key(new_dst), is)).or_default() += 1;
            }
        }
    }
    counts
}

fn common(before: &Cluster, after: &Cluster) -> Vec<(PodId, PodId)> {
    let counterpart = |pod: PodId| {
        let facts = before.pod(pod);
        let namespace = after.find_namespace(&before.namespace(facts.namespace).name)?;
        Some((pod, after.find_pod(namespace, &facts.name)?))
    };
    before.pod_ids().filter_map(counterpart).collect()
}

fn told(
    rows: &[DiffRow],
    (protocol, port): (Protocol, u16),
    family: Family,
) -> BTreeMap<(ObjectKey, ObjectKey, bool), u64> {
    let mut counts = BTreeMap::new();
    for row in rows.iter().filter(|r| r.family.is_none_or(|f| f == family)) {
        if let (DiffEnd::Workload(src), DiffEnd::Workload(dst)) = (&row.src, &row.dst) {
            for (ports, is) in [(row.opened(), true), (row.closed(), false)] {
                if ports.contains(protocol, port) {
                    *counts.entry((src.clone(), dst.clone(), is)).or_default() += row.matching;
                }
            }
        }
    }
    counts
}

/// The policies of one plan on the pods of another.
fn with_policies_of(pods: &ClusterPlan, policies: &ClusterPlan) -> ClusterPlan {
    ClusterPlan { policies: policies.policies.clone(), ..pods.clone() }
}

/// Tells whether all pods of a workload talk in a family.
fn talks(snapshot: &Snapshot, key: &ObjectKey, family: Family) -> bool {
    let cluster = snapshot.cluster();
    let own = cluster.pod_ids().filter(|p| cluster.workload_key(cluster.pod(*p).workload) == *key);
    own.into_iter().all(|pod| {
        let peer = Peer::Pod(pod);
        snapshot.families(&peer, &peer).contains(family)
    })
}

fn families(snapshot: &Snapshot) -> Vec<Family> {
    snapshot.cluster().families().iter().collect()
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn a_cluster_put_together_again_is_the_same(plan in ingress_cluster_plan(), dialect in dialect()) {
        let before = Snapshot::new(plan.build().unwrap(), dialect);
        let again = rebuilt(&before);
        prop_assert_eq!(named_flows(&before), named_flows(&again));
        prop_assert_eq!(diff(&before, &again), Difference {
            unchanged: before.flows().len() as u64,
            ..Difference::default()
        });
    }

    #[test]
    fn rows_say_what_single_verdicts_say(
        a in cluster_plan(),
        b in cluster_plan(),
        port in prop::sample::select(vec![80_u16, 81, 443, 8080, 53]),
        protocol in prop::sample::select(Protocol::ALL.to_vec()),
        dialect in dialect(),
    ) {
        let before = Snapshot::new(a.build().unwrap(), dialect);
        let after = Snapshot::new(with_policies_of(&a, &b).build().unwrap(), dialect);
        let rows = moved(&before, &after);
        for family in families(&before) {
            let on = (protocol, port);
            let (mut told, mut expected) =
                (told(&rows, on, family), expected(&before, &after, on, family));
            // A row without a family is about those that the pair has.
            let speaks = |key: &ObjectKey| [&before, &after].iter().all(|s| talks(s, key, family));
            told.retain(|(src, dst, _), _| speaks(src) && speaks(dst));
            expected.retain(|(src, dst, _), _| speaks(src) && speaks(dst));
            prop_assert_eq!(told, expected);
        }
    }

    #[test]
    fn a_difference_read_backwards_is_the_difference_of_the_opposite_change(
        a in cluster_plan(),
        b in cluster_plan(),
        picks in prop::collection::vec(any::<bool>(), 0..30),
        dialect in dialect(),
    ) {
        let before = Snapshot::new(a.build().unwrap(), dialect);
        let changes = mixture(&b.build().unwrap().objects(), &before.cluster().objects(), &picks);
        let after = changed(&before, &changes).unwrap();
        // Pods that only one side has count on that side alone, so that the ends of both must agree.
        prop_assume!(pods(&before) == pods(&after));
        let forth = moved(&before, &after);
        let mut back = moved(&after, &before);
        for row in &mut back {
            std::mem::swap(&mut row.before, &mut row.after);
        }
        prop_assert_eq!(forth, back);
    }

    #[test]
    fn what_is_applied_and_taken_back_leaves_nothing(
        a in network_policy_cluster_plan(),
        b in cluster_plan(),
        picks in prop::collection::vec(any::<bool>(), 0..30),
        dialect in dialect(),
    ) {
        let before = Snapshot::new(a.build().unwrap(), dialect);
        let changes = mixture(&b.build().unwrap().objects(), &before.cluster().objects(), &picks);
        let after = changed(&before, &changes).unwrap();
        let undo: Edits = diff(&before, &after)
            .objects
            .iter()
            .map(|o| (o.key.clone(), before.cluster().object(&o.key)))
            .collect();
        let again = Snapshot::new(after.cluster().edited(&undo).unwrap(), dialect);
        prop_assert_eq!(named_flows(&before), named_flows(&again));
    }

    #[test]
    fn reverting_a_cause_takes_its_row_back(
        a in cluster_plan(),
        b in cluster_plan(),
        picks in prop::collection::vec(any::<bool>(), 0..30),
    ) {
        let before = Snapshot::new(a.build().unwrap(), Dialect::spec());
        let changes = mixture(&b.build().unwrap().objects(), &before.cluster().objects(), &picks);
        let after = changed(&before, &changes).unwrap();
        let difference = diff(&before, &after);
        for row in &difference.rows {
            for cause in &row.because {
                let edits: Edits = cause
                    .objects
                    .iter()
                    .map(|at| &difference.objects[*at].key)
                    .map(|key| (key.clone(), before.cluster().object(key)))
                    .collect();
                let reverted = Snapshot::new(after.cluster().edited(&edits).unwrap(), Dialect::spec());
                let left = moved(&before, &reverted);
                prop_assert!(!left.contains(&DiffRow { because: Vec::new(), ..row.clone() }), "{row:?}");
            }
        }
    }
}

fn pods(snapshot: &Snapshot) -> Vec<String> {
    let cluster = snapshot.cluster();
    let name = |pod: PodId| {
        let facts = cluster.pod(pod);
        format!("{} {}", cluster.workload_key(facts.workload), facts.name)
    };
    let mut names: Vec<String> = cluster.pod_ids().map(name).collect();
    names.sort();
    names
}
