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

fn changed(before: &Snapshot, changes: &[Change]) -> Snapshot {
    let mut now = before.clone();
    for change in changes {
        // Pods of one name under two owners make no cluster: such a change is left out.
        if let Ok(applied) = apply(&now, std::slice::from_ref(change)) {
            now = applied.snapshot;
        }
    }
    now
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
        // Pods that only one side has count on that side alone, so that both sides have the same.
        let has_no_pods = |object: &Object| !matches!(object, Object::Workload(_) | Object::Node(_));
        let of = |cluster: &Cluster| -> Vec<Object> {
            cluster.objects().into_iter().filter(has_no_pods).collect()
        };
        let own: Vec<Object> = of(before.cluster())
            .into_iter()
            .filter(|object| matches!(object, Object::Policy(_)))
            .collect();
        let changes = mixture(&of(&b.build().unwrap()), &own, &picks);
        let after = changed(&before, &changes);
        prop_assert_eq!(pods(&before), pods(&after));
        let forth = moved(&before, &after);
        let mut back = moved(&after, &before);
        for row in &mut back {
            std::mem::swap(&mut row.before, &mut row.after);
        }
        // Rows of one pair are ordered by their ports.
        let print = |rows: &[DiffRow]| -> std::collections::BTreeSet<String> {
            rows.iter().map(|row| format!("{row:?}")).collect()
        };
        prop_assert_eq!(print(&forth), print(&back));
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
        let after = changed(&before, &changes);
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
        let after = changed(&before, &changes);
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

/// Rows with the verdict and reasons of every pair of pods, by name.
fn explained(snapshot: &Snapshot) -> Vec<String> {
    use netpol_core::reach::{AskedPorts, End, Level, Question};
    let cluster = snapshot.cluster();
    let everyone = snapshot.everyone();
    let question = Question {
        from: everyone.clone(),
        to: everyone,
        ports: AskedPorts::all(),
        level: Level::Pod,
        explain: true,
        denied: true,
    };
    let end = |end: &End| match end {
        End::Pod(pod) => {
            let facts = cluster.pod(*pod);
            format!("{} {}", cluster.workload_key(facts.workload), facts.name)
        }
        other => format!("{other:?}"),
    };
    let row = |row: &Row| {
        let ports: Vec<_> = row.ports.ranges().collect();
        let reasons: Vec<String> = row
            .reasons
            .iter()
            .map(|r| {
                let policy = r.policy.map(|id| cluster.policy_key(cluster.policy(id)).to_string());
                format!("{:?} {:?} {policy:?} {:?} {}", r.code, r.direction, r.rule, r.message)
            })
            .collect();
        let (src, dst) = (end(&row.src), end(&row.dst));
        format!(
            "{src} {dst} {:?} {:?} {ports:?} {} {reasons:?}",
            row.family, row.verdict, row.matching
        )
    };
    let mut rows: Vec<String> = snapshot.ask(&question).rows.iter().map(row).collect();
    rows.sort();
    rows
}

/// One random change, from what a second plan holds.
fn change_of(now: &Snapshot, pool: &[Object], (what, which, value): (u8, usize, usize)) -> Change {
    let own: Vec<Object> = now.cluster().objects();
    let is_policy = |o: &&Object| matches!(o, Object::Policy(_));
    let policies: Vec<&Object> = pool.iter().filter(is_policy).collect();
    let own_policies: Vec<&Object> = own.iter().filter(is_policy).collect();
    let own_workloads: Vec<&Object> =
        own.iter().filter(|o| matches!(o, Object::Workload(_))).collect();
    let pick = |list: &[&Object], at: usize| list.get(at % list.len().max(1)).map(|o| (*o).clone());
    let label = [("app", "web"), ("app", "db"), ("tier", "x"), ("app", "nothing")][value % 4];
    let labels = vec![(label.0.to_owned(), label.1.to_owned())];
    let nothing = Change::Apply(Vec::new());
    match what % 10 {
        0..=3 => pick(&policies, which).map_or(nothing, |mut policy| {
            // Few names, so that policies replace one another.
            if let Object::Policy(policy) = &mut policy {
                policy.name = format!("p{}", value % 4);
            }
            Change::Apply(vec![policy])
        }),
        4 | 5 => pick(&own_policies, which).map_or(nothing, |policy| Change::Delete(policy.key())),
        6 => pick(&own_workloads, which)
            .map_or(nothing, |w| Change::Label { object: w.key(), labels }),
        7 => pick(&own_workloads, which).map_or(nothing, |w| Change::Unlabel {
            object: w.key(),
            keys: vec![label.0.to_owned()],
        }),
        8 => pick(&own_workloads, which).map_or(nothing, |w| Change::Scale {
            workload: w.key(),
            replicas: u32::try_from(1 + value % 3).unwrap(),
        }),
        _ => pool
            .get(which % pool.len().max(1))
            .map_or(nothing, |object| Change::Apply(vec![object.clone()])),
    }
}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn clusters_that_grew_apart_are_compared_as_clusters_read_apart(
        a in network_policy_cluster_plan(),
        b in network_policy_cluster_plan(),
        draws in prop::collection::vec((0_u8..6, any::<usize>(), any::<usize>()), 2..8),
        dialect in dialect(),
    ) {
        let base = Snapshot::new(a.build().unwrap(), dialect);
        let pool: Vec<Object> = b.build().unwrap().objects();
        let mut sides = [base.clone(), base];
        for (at, draw) in draws.iter().enumerate() {
            let now = &mut sides[at % 2];
            *now = changed(now, &[change_of(now, &pool, *draw)]);
        }
        let [x, y] = &sides;
        let (old, new) = (rebuilt(x), rebuilt(y));
        prop_assert_eq!(moved(x, y), moved(&old, &new));
        prop_assert_eq!(moved(y, x), moved(&new, &old));
        prop_assert_eq!(diff(x, y), diff(&old, &new));
    }

    #[test]
    fn fifty_changes_one_by_one_are_the_cluster_built_at_once(
        a in network_policy_cluster_plan(),
        pools in prop::collection::vec(network_policy_cluster_plan(), 3),
        draws in prop::collection::vec(any::<(u8, usize, usize)>(), 50),
        dialect in dialect(),
    ) {
        let mut now = Snapshot::new(a.build().unwrap(), dialect);
        let pool: Vec<Object> = pools.iter().flat_map(|p| p.build().unwrap().objects()).collect();
        for (at, draw) in draws.iter().enumerate() {
            let change = change_of(&now, &pool, *draw);
            let before = now.clone();
            now = changed(&now, &[change]);
            if at % 10 == 9 {
                prop_assert_eq!(explained(&now), explained(&rebuilt(&now)), "change {}", at);
                prop_assert_eq!(named_flows(&now), named_flows(&rebuilt(&now)));
                let (old, new) = (rebuilt(&before), rebuilt(&now));
                prop_assert_eq!(moved(&before, &now), moved(&old, &new));
                prop_assert_eq!(diff(&before, &now), diff(&old, &new));
            }
        }
    }
}
