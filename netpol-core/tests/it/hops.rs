//! Questions over several hops, compared with naive searches over the graph of single hops.

use std::collections::{BTreeMap, BTreeSet};

use netpol_core::model::{
    Cluster, Dialect, Direction, IpSet, NamespaceId, NetworkPolicyPeer, NetworkPolicyRule,
    NetworkPolicySpec, Operator, Policy, PolicyKind, PolicySpec, PortSet, Position, Protocol,
    Requirement, Selector, WorkloadId,
};
use netpol_core::reach::{Closure, End, GraphNode, Hops, PathChoice, Selection, Snapshot};
use netpol_core::testing::{cases, cluster_plan, dialect};
use proptest::prelude::*;

type Edges = BTreeMap<WorkloadId, BTreeSet<WorkloadId>>;

fn selection(cluster: &Cluster, workload: WorkloadId) -> Selection {
    let pods = cluster.workload(workload).pods.iter().map(|p| p.0).collect();
    Selection { pods, ..Selection::default() }
}

fn workload(end: &End) -> Option<WorkloadId> {
    match end {
        End::Workload(id) => Some(*id),
        _ => None,
    }
}

/// The single hops between different workloads on some of the ports.
fn edges(snapshot: &Snapshot, ports: PortSet) -> Edges {
    let graph = snapshot.graph(ports);
    let targets = |w: WorkloadId| {
        let out = graph.outgoing(GraphNode::Workload(w)).iter();
        out.filter_map(|(node, _)| match node {
            GraphNode::Workload(target) if *target != w => Some(*target),
            _ => None,
        })
        .collect()
    };
    snapshot.cluster().workload_ids().map(|w| (w, targets(w))).collect()
}

/// Every simple path of at most so many hops, the last of them one of `last`.
fn paths(
    any: &Edges,
    last: &Edges,
    from: WorkloadId,
    to: WorkloadId,
    most: usize,
) -> BTreeSet<Vec<WorkloadId>> {
    let mut found = BTreeSet::new();
    let mut open = vec![vec![from]];
    while let Some(path) = open.pop() {
        let end = *path.last().unwrap();
        if last[&end].contains(&to) {
            found.insert(path.iter().copied().chain([to]).collect());
        }
        for next in any[&end].iter().filter(|n| **n != to && !path.contains(n)) {
            if path.len() < most {
                open.push(path.iter().copied().chain([*next]).collect());
            }
        }
    }
    found
}

fn port() -> impl Strategy<Value = PortSet> {
    prop_oneof![
        Just(PortSet::all()),
        prop::sample::select(vec![53, 80, 443, 5432, 8080])
            .prop_map(|port| PortSet::single(Protocol::Tcp, port)),
    ]
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn paths_are_those_of_a_naive_search(
        plan in cluster_plan(),
        dialect in dialect(),
        ports in port(),
        ends in (any::<prop::sample::Index>(), any::<prop::sample::Index>()),
    ) {
        let cluster = plan.build().unwrap();
        let ids: Vec<WorkloadId> = cluster.workload_ids().collect();
        if ids.len() < 2 {
            return Ok(());
        }
        let (from, to) = (*ends.0.get(&ids), *ends.1.get(&ids));
        if from == to {
            return Ok(());
        }
        let snapshot = Snapshot::new(cluster.clone(), dialect);
        let (any, last) = (edges(&snapshot, PortSet::all()), edges(&snapshot, ports.clone()));
        let expected = paths(&any, &last, from, to, 4);
        let hops = Hops {
            max_hops: Some(4),
            ..Hops::between(selection(&cluster, from), selection(&cluster, to), ports.into())
        };
        let all = PathChoice { via: None, shortest: false, most: 100_000 };
        let found = snapshot.paths(&hops, &all);
        prop_assert!(!found.stopped && !found.more);
        let lengths: Vec<usize> = found.paths.iter().map(Vec::len).collect();
        prop_assert!(lengths.is_sorted());
        let ends = |path: &Vec<netpol_core::reach::Row>| -> Vec<WorkloadId> {
            path.iter().take(1).map(|r| &r.src).chain(path.iter().map(|r| &r.dst)).filter_map(workload).collect()
        };
        let named: BTreeSet<_> = found.paths.iter().map(ends).collect();
        prop_assert_eq!(named.len(), found.paths.len(), "no path is listed twice");
        prop_assert_eq!(&named, &expected);
        // The shortest are those of the least length; through a workload are those that pass it.
        let shortest = snapshot.paths(&hops, &PathChoice { shortest: true, ..all.clone() });
        let least = expected.iter().map(Vec::len).min();
        let named: BTreeSet<_> = shortest.paths.iter().map(ends).collect();
        prop_assert_eq!(named, expected.iter().filter(|p| Some(p.len()) == least).cloned().collect());
        for middle in ids.iter().filter(|w| **w != from && **w != to) {
            let pods = selection(&cluster, *middle).pods;
            let via = snapshot.paths(&hops, &PathChoice { via: Some(pods.clone()), ..all.clone() });
            let named: BTreeSet<_> = via.paths.iter().map(ends).collect();
            prop_assert_eq!(named, expected.iter().filter(|p| p.contains(middle)).cloned().collect());
            let without = snapshot.paths(&Hops { avoiding: pods, ..hops.clone() }, &all);
            let named: BTreeSet<_> = without.paths.iter().map(ends).collect();
            prop_assert_eq!(named, expected.iter().filter(|p| !p.contains(middle)).cloned().collect());
        }
    }

    #[test]
    fn sources_that_are_targets_reach_the_other_targets(
        plan in cluster_plan(),
        dialect in dialect(),
        ports in port(),
        chosen in (any::<u16>(), any::<u16>()),
    ) {
        let cluster = plan.build().unwrap();
        let ids: Vec<WorkloadId> = cluster.workload_ids().collect();
        let pick = |bits: u16| -> BTreeSet<WorkloadId> {
            let chosen = ids.iter().enumerate().filter(|(i, _)| bits >> (i % 16) & 1 == 1);
            chosen.map(|(_, w)| *w).collect()
        };
        let (from, to) = (pick(chosen.0), pick(chosen.1));
        let all = |set: &BTreeSet<WorkloadId>| {
            let pods = set.iter().fold(roaring::RoaringBitmap::new(), |pods, w| {
                pods | selection(&cluster, *w).pods
            });
            Selection { pods, ..Selection::default() }
        };
        let snapshot = Snapshot::new(cluster.clone(), dialect);
        let (any, last) = (edges(&snapshot, PortSet::all()), edges(&snapshot, ports.clone()));
        let hops = Hops {
            max_hops: Some(4),
            ..Hops::between(all(&from), all(&to), ports.into())
        };
        // A way passes neither another source nor another target.
        let minimal = |path: &Vec<WorkloadId>| {
            path[1..path.len() - 1].iter().all(|w| !from.contains(w) && !to.contains(w))
        };
        let mut expected = BTreeSet::new();
        for (a, b) in from.iter().flat_map(|a| to.iter().map(move |b| (*a, *b))) {
            if a != b {
                expected.extend(paths(&any, &last, a, b, 4).into_iter().filter(minimal));
            }
        }
        let choice = PathChoice { via: None, shortest: false, most: 100_000 };
        let found = snapshot.paths(&hops, &choice);
        let ends = |path: &Vec<netpol_core::reach::Row>| -> Vec<WorkloadId> {
            let ends = path.iter().take(1).map(|r| &r.src).chain(path.iter().map(|r| &r.dst));
            ends.filter_map(workload).collect()
        };
        let named: BTreeSet<_> = found.paths.iter().map(ends).collect();
        prop_assert_eq!(&named, &expected);
        // Whoever has such a way is found by the search from the targets, after as many hops; others may come through a source.
        let sources = snapshot.eventual_sources(&hops);
        for source in &from {
            let least = expected.iter().filter(|p| p[0] == *source).map(|p| p.len() - 1).min();
            let arrival = sources.arrivals.iter().find(|a| workload(&a.end) == Some(*source));
            let hops = arrival.map(|a| a.way.len());
            prop_assert!(least.is_none() || hops.is_some_and(|h| Some(h) <= least), "{:?}: {:?} {:?}", source, hops, least);
        }
    }

    #[test]
    fn layers_are_those_of_the_shortest_ways(plan in cluster_plan(), dialect in dialect()) {
        let cluster = plan.build().unwrap();
        let snapshot = Snapshot::new(cluster.clone(), dialect);
        let pods: roaring::RoaringBitmap = cluster.pod_ids().map(|p| p.0).collect();
        let everyone = Selection { pods, ..Selection::default() };
        for pod in cluster.pod_ids() {
            let own = Selection::pod(pod);
            let hops = Hops::between(everyone.clone(), own, PortSet::all().into());
            let mut expected: Vec<BTreeSet<WorkloadId>> = Vec::new();
            for arrival in snapshot.eventual_sources(&hops).arrivals {
                expected.resize(expected.len().max(arrival.way.len()), BTreeSet::new());
                expected[arrival.way.len() - 1].extend(workload(&arrival.end));
            }
            let layers = snapshot.eventual_sources_of(pod);
            prop_assert!(layers.iter().all(|layer| layer.is_sorted()));
            let found: Vec<BTreeSet<WorkloadId>> =
                layers.into_iter().map(|layer| layer.into_iter().collect()).collect();
            prop_assert_eq!(found, expected, "to {}", cluster.pod(pod).name);
        }
    }

    #[test]
    fn closures_from_both_sides_and_choke_points_agree_with_paths(
        plan in cluster_plan(),
        dialect in dialect(),
        ports in port(),
        end in any::<prop::sample::Index>(),
    ) {
        let cluster = plan.build().unwrap();
        let ids: Vec<WorkloadId> = cluster.workload_ids().collect();
        if ids.len() < 2 {
            return Ok(());
        }
        let root = *end.get(&ids);
        let snapshot = Snapshot::new(cluster.clone(), dialect);
        let everyone = Selection { pods: cluster.pod_ids().map(|p| p.0).collect(), ..Selection::default() };
        let own = selection(&cluster, root);
        for backward in [true, false] {
            let hops = if backward {
                Hops::between(everyone.clone(), own.clone(), ports.clone().into())
            } else {
                Hops::between(own.clone(), everyone.clone(), ports.clone().into())
            };
            let closure = if backward { snapshot.eventual_sources(&hops) } else { snapshot.eventual_destinations(&hops) };
            let arrived: BTreeMap<WorkloadId, usize> =
                closure.arrivals.iter().filter_map(|a| Some((workload(&a.end)?, a.way.len()))).collect();
            for other in ids.iter().filter(|w| **w != root) {
                let single = selection(&cluster, *other);
                let hops = if backward {
                    Hops { from: single, ..hops.clone() }
                } else {
                    Hops::between(own.clone(), single, hops.to[0].1.clone())
                };
                let one = snapshot.paths(&hops, &PathChoice { via: None, shortest: true, most: 1 });
                prop_assert_eq!(one.paths.first().map(Vec::len), arrived.get(other).copied());
            }
            let shape = snapshot.shape(&hops, &closure);
            prop_assert_eq!(shape.is_some(), backward || ports == PortSet::all());
            let shape = shape.unwrap_or_default();
            for point in &shape.choke_points {
                let pods = selection(&cluster, workload(&point.end).unwrap()).pods;
                let cut = Hops { avoiding: pods, ..hops.clone() };
                let rest = if backward { snapshot.eventual_sources(&cut) } else { snapshot.eventual_destinations(&cut) };
                let gone: BTreeSet<WorkloadId> = arrived
                    .keys()
                    .filter(|w| !rest.arrivals.iter().any(|a| workload(&a.end) == Some(**w)))
                    .filter(|w| workload(&point.end) != Some(**w))
                    .copied()
                    .collect();
                let behind: BTreeSet<WorkloadId> = point
                    .before.iter().filter_map(workload).filter(|w| arrived.contains_key(w)).collect();
                prop_assert_eq!(&gone, &behind, "what hangs on {:?}", &point.end);
            }
        }
    }
}

#[test]
fn nothing_leads_through_the_outside() {
    let mut builder = Cluster::builder();
    for name in ["web", "db"] {
        builder.pod(netpol_core::model::PodSpec {
            namespace: "shop".into(),
            name: name.into(),
            ..Default::default()
        });
    }
    let snapshot = Snapshot::new(builder.build().unwrap(), Dialect::spec());
    let cluster = snapshot.cluster();
    let outside = Selection::addresses(IpSet::families(cluster.families()));
    let db =
        Selection::pod(cluster.find_pod(cluster.find_namespace("shop").unwrap(), "db").unwrap());
    let hops = Hops::between(outside, db, PortSet::all().into());
    let all = PathChoice { via: None, shortest: false, most: 100 };
    let lengths: Vec<usize> = snapshot.paths(&hops, &all).paths.iter().map(Vec::len).collect();
    assert_eq!(lengths, [1, 2], "straight, and through web");
}

/// Of many workloads that get to the database, the web is let to one alone, whose pods do not begin where every 256 pods do.
#[test]
fn ways_are_whole_however_many_pods_lie_between() {
    let mut builder = Cluster::builder();
    let mut add = |workload: &str, pods: usize| {
        for pod in 0..pods {
            builder.pod(netpol_core::model::PodSpec {
                namespace: "shop".into(),
                name: format!("{workload}-{pod}"),
                owner: Some(("Deployment".into(), workload.into())),
                labels: vec![("app".into(), workload.into())],
                ..Default::default()
            });
        }
    };
    let between: Vec<String> = (0..90).map(|i| format!("mid{i:02}")).collect();
    add("db", 1);
    add("web", 3);
    between.iter().for_each(|workload| add(workload, 7));
    let shop = builder.namespace_id("shop");
    for (subject, others) in [("db", &between[..]), ("web", &between[36..37])] {
        builder.policy(policy(shop, subject, others));
    }
    let snapshot = Snapshot::new(builder.build().unwrap(), Dialect::spec());
    let cluster = snapshot.cluster();
    let of = |name: &str| {
        let find = |id: &WorkloadId| *cluster.workload(*id).name == *name;
        cluster.workload_ids().find(find).unwrap()
    };
    let (web, db) = (of("web"), of("db"));
    let all = cluster.pod_ids().map(|pod| pod.0).collect();
    let everyone = Selection { pods: all, ..Selection::default() };
    let db_pods = selection(cluster, db);
    let sources = Hops::between(everyone.clone(), db_pods, PortSet::all().into());
    let targets = Hops::between(selection(cluster, web), everyone, PortSet::all().into());
    let found = [snapshot.eventual_sources(&sources), snapshot.eventual_destinations(&targets)];
    for closure in &found {
        assert!(!closure.stopped);
        for arrival in &closure.arrivals {
            let way = &arrival.way;
            assert!(way.windows(2).all(|hops| hops[0].dst == hops[1].src), "{way:?}");
            let (src, dst) = (&way[0].src, &way[way.len() - 1].dst);
            assert_eq!(if closure.backward { src } else { dst }, &arrival.end);
            let goal = if closure.backward { (dst, db) } else { (src, web) };
            assert_eq!(*goal.0, End::Workload(goal.1));
        }
    }
    let length = |closure: &Closure, end| {
        let arrival = closure.arrivals.iter().find(|a| a.end == End::Workload(end));
        arrival.map(|arrival| arrival.way.len())
    };
    assert_eq!(length(&found[0], web), Some(2));
    assert_eq!(length(&found[1], db), Some(2));
    assert!(between.iter().all(|workload| length(&found[0], of(workload)) == Some(1)));
}

/// More pods than are asked about one by one get to a database because they are on the network of its node.
#[test]
fn layers_are_found_by_way_of_the_ways_where_single_pods_decide_too_often() {
    let mut builder = Cluster::builder();
    let mut add = |namespace: &str, name: &str, host_network| {
        builder.pod(netpol_core::model::PodSpec {
            namespace: namespace.into(),
            name: name.into(),
            labels: vec![("app".into(), name.into())],
            node: Some("n1".into()),
            host_network,
            ..Default::default()
        });
    };
    // Pods of one namespace would be asked about at once.
    let hosts: Vec<String> = (0..1100).map(|i| format!("agents-{i:04}")).collect();
    hosts.iter().for_each(|namespace| add(namespace, "agent", true));
    add("shop", "db", false);
    let shop = builder.namespace_id("shop");
    builder.policy(policy(shop, "db", &[]));
    let snapshot = Snapshot::new(builder.build().unwrap(), Dialect::spec());
    let cluster = snapshot.cluster();
    let db = cluster.find_pod(shop, "db").unwrap();
    let agents: Vec<WorkloadId> =
        cluster.workload_ids().filter(|id| &*cluster.workload(*id).name == "agent").collect();
    assert_eq!(agents.len(), 1100);
    assert_eq!(snapshot.eventual_sources_of(db), [agents]);
}

/// Lets workloads of the shop open connections to the database, or the web open them to workloads.
fn policy(shop: NamespaceId, subject: &str, others: &[String]) -> Policy {
    let app = |values: &[String]| {
        let values = values.iter().map(|name| name.as_str().into()).collect();
        Selector {
            requirements: vec![Requirement { key: "app".into(), operator: Operator::In(values) }],
        }
    };
    let peers =
        vec![NetworkPolicyPeer::Pods { namespace_selector: None, pod_selector: Some(app(others)) }];
    let rules = vec![NetworkPolicyRule { peers, ..NetworkPolicyRule::default() }];
    let pod_selector = app(&[subject.to_owned()]);
    let spec = if subject == "db" {
        let policy_types = vec![Direction::Ingress];
        NetworkPolicySpec { pod_selector, policy_types, ingress: rules, ..Default::default() }
    } else {
        let policy_types = vec![Direction::Egress];
        NetworkPolicySpec { pod_selector, policy_types, egress: rules, ..Default::default() }
    };
    Policy {
        kind: PolicyKind::NetworkPolicy,
        namespace: Some(shop),
        name: subject.into(),
        position: Position::new("test", 0),
        spec: PolicySpec::Network(spec),
    }
}
