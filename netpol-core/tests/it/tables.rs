//! Tables about whole clusters say of every single flow what the reference says. `PROPTEST_CASES` sets how many are tried.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use netpol_core::evaluate::reference;
use netpol_core::model::{
    Cluster, Dialect, Families, Family, Flow, IpSet, Peer, PodId, PortSet, Protocol, Verdict,
};
use netpol_core::reach::{
    AskedPorts, End, GraphNode, Level, Question, Row, Selection, Snapshot, Table,
};
use netpol_core::testing::corpus::describe;
use netpol_core::testing::{cases, cluster_plan, dialect, flow_plans, pod_flows, single_family};
use petgraph::visit::{Dfs, EdgeRef as _, IntoEdgeReferences as _};
use proptest::prelude::*;

/// Every pod, every address and every name that flows ask about.
fn everything(cluster: &Cluster, names: bool) -> Selection {
    let names = if names { netpol_core::testing::DOMAINS.to_vec() } else { Vec::new() };
    Selection {
        pods: cluster.pod_ids().map(|pod| pod.0).collect(),
        addresses: IpSet::families(Families { v4: true, v6: true }),
        names: names.into_iter().map(Into::into).collect(),
        ..Selection::default()
    }
}

fn ask(snapshot: &Snapshot, ports: AskedPorts, level: Level, explain: bool) -> Table {
    let from = everything(snapshot.cluster(), false);
    let to = everything(snapshot.cluster(), true);
    snapshot.ask(&Question { from, to, ports, level, explain, denied: true })
}

fn holds(end: &End, peer: &Peer) -> bool {
    match (end, peer) {
        (End::Pod(a), Peer::Pod(b)) => a == b,
        (End::External(set), Peer::Address(address)) => set.contains(*address),
        (End::Name(a), Peer::Name(b)) => a == b,
        _ => false,
    }
}

fn speaks_of(row: &Row, flow: &Flow) -> bool {
    row.family.is_none_or(|family| family == flow.family)
        && row.ports.contains(flow.protocol, flow.port)
        && holds(&row.src, &flow.src)
        && holds(&row.dst, &flow.dst)
}

/// Addresses of nodes are not cut out of tables: a question about one is a question about its pods.
fn is_cut_out(cluster: &Cluster, flow: &Flow) -> bool {
    let is_node = |peer: &Peer| {
        let of_node = |a: &IpAddr| cluster.nodes().iter().any(|n| n.addresses.contains(a));
        matches!(peer, Peer::Address(address) if of_node(address))
    };
    !is_node(&flow.src) && flow.src != flow.dst
}

/// Lists the workloads of which some pod is allowed to reach another pod of the second, in some family.
fn allowed_workload_pairs(
    cluster: &Cluster,
    dialect: Dialect,
    on: (Protocol, u16),
) -> BTreeSet<(u32, u32)> {
    let counts = expected_counts(cluster, dialect, on);
    let allowed = counts.into_iter().filter(|(_, verdicts)| verdicts.contains_key(&Verdict::Allow));
    allowed.map(|(pair, _)| pair).collect()
}

/// Follows edges from a node, itself included.
fn closure(from: u32, edges: &BTreeSet<(u32, u32)>) -> BTreeSet<u32> {
    let mut reached = BTreeSet::from([from]);
    let mut open = vec![from];
    while let Some(node) = open.pop() {
        for (_, next) in edges.iter().filter(|(src, _)| *src == node) {
            if reached.insert(*next) {
                open.push(*next);
            }
        }
    }
    reached
}

/// Counts the ordered pod pairs of each verdict, by the workloads of their ends.
fn expected_counts(
    cluster: &Cluster,
    dialect: Dialect,
    (protocol, port): (Protocol, u16),
) -> BTreeMap<(u32, u32), BTreeMap<Verdict, u64>> {
    let mut counts: BTreeMap<_, BTreeMap<_, u64>> = BTreeMap::new();
    for flow in pod_flows(cluster, dialect, protocol, port) {
        if let (Peer::Pod(src), Peer::Pod(dst)) = (&flow.src, &flow.dst)
            && src != dst
        {
            let workload = |pod: &PodId| cluster.pod(*pod).workload.0;
            let verdict = reference::verdict(cluster, dialect, &flow);
            let counts = counts.entry((workload(src), workload(dst))).or_default();
            *counts.entry(verdict).or_default() += 1;
        }
    }
    counts
}

/// The number of pod pairs of each verdict, by the ends that rows give them.
type Counts = BTreeMap<(String, String), BTreeMap<Verdict, u64>>;

fn count(counts: &mut Counts, (src, dst): (&End, &End), verdict: Verdict, pairs: u64) {
    let ends = (format!("{src:?}"), format!("{dst:?}"));
    *counts.entry(ends).or_default().entry(verdict).or_default() += pairs;
}

/// Draws which pods are chosen: often all.
fn chosen() -> impl Strategy<Value = u16> {
    prop_oneof![Just(u16::MAX), any::<u16>()]
}

fn pods_of(cluster: &Cluster, chosen: u16) -> BTreeSet<u32> {
    let is_chosen = |pod: &PodId| chosen >> (pod.0 % 16) & 1 == 1;
    cluster.pod_ids().filter(is_chosen).map(|pod| pod.0).collect()
}

/// Returns the end that stands for a pod: pods of a workload of which only some are selected stand for themselves.
fn end_of(cluster: &Cluster, level: Level, selected: &BTreeSet<u32>, pod: PodId) -> End {
    let workload = cluster.pod(pod).workload;
    let is_whole = cluster.workload(workload).pods.iter().all(|p| selected.contains(&p.0));
    match level {
        Level::Namespace => End::Namespace(cluster.pod(pod).namespace),
        Level::Workload if is_whole => End::Workload(workload),
        Level::Pod | Level::Workload => End::Pod(pod),
    }
}

proptest! {
    #![proptest_config(cases(1000))]

    #[test]
    fn one_row_of_all_speaks_of_each_flow_and_says_what_the_reference_says(
        plan in cluster_plan(),
        dialect in dialect(),
        explain in prop::bool::weighted(0.3),
        flow_plans in flow_plans(),
    ) {
        let cluster = plan.build().unwrap();
        let snapshot = Snapshot::new(cluster.clone(), dialect);
        let table = ask(&snapshot, AskedPorts::all(), Level::Pod, explain);
        for plan in &flow_plans {
            let Some(flow) = plan.resolve(&cluster, dialect) else { continue };
            if !is_cut_out(&cluster, &flow) {
                continue;
            }
            let rows: Vec<&Row> = table.rows.iter().filter(|row| speaks_of(row, &flow)).collect();
            let verdict = reference::verdict(&cluster, dialect, &flow);
            let text = describe(&cluster, &flow);
            prop_assert_eq!(rows.len(), 1, "rows about {}: {:?}", text, rows);
            prop_assert_eq!(rows[0].verdict, verdict, "{}", text);
        }
    }

    #[test]
    fn rows_between_some_pods_count_the_pairs_of_each_verdict(
        plan in cluster_plan(),
        dialect in dialect(),
        level in prop::sample::select(vec![Level::Pod, Level::Workload, Level::Namespace]),
        (from, to) in (chosen(), chosen()),
        protocol in prop::sample::select(Protocol::ALL.to_vec()),
        port in prop::sample::select(vec![53_u16, 80, 82, 8080]),
    ) {
        let cluster = single_family(&plan, Family::V4).build().unwrap();
        let (from, to) = (pods_of(&cluster, from), pods_of(&cluster, to));
        if from.len() == 1 && from == to {
            return Ok(()); // asked alone, a pod with itself counts
        }
        let snapshot = Snapshot::new(cluster.clone(), dialect);
        let select = |pods: &BTreeSet<u32>| Selection {
            pods: pods.iter().copied().collect(),
            ..Selection::default()
        };
        let table = snapshot.ask(&Question {
            from: select(&from),
            to: select(&to),
            ports: PortSet::single(protocol, port).into(),
            level,
            explain: false,
            denied: true,
        });
        let (mut counts, mut expected) = (Counts::new(), Counts::new());
        for row in &table.rows {
            prop_assert_eq!(row.family, None, "one family is all there is");
            count(&mut counts, (&row.src, &row.dst), row.verdict, row.matching);
        }
        for flow in pod_flows(&cluster, dialect, protocol, port) {
            let (Peer::Pod(src), Peer::Pod(dst)) = (&flow.src, &flow.dst) else { continue };
            if src != dst && from.contains(&src.0) && to.contains(&dst.0) {
                let ends = (end_of(&cluster, level, &from, *src), end_of(&cluster, level, &to, *dst));
                let verdict = reference::verdict(&cluster, dialect, &flow);
                count(&mut expected, (&ends.0, &ends.1), verdict, 1);
            }
        }
        prop_assert_eq!(&counts, &expected);
        let pairs = |verdict| expected.values().filter_map(|c| c.get(&verdict)).sum::<u64>();
        prop_assert_eq!(table.tally.all_allowed, pairs(Verdict::Allow));
        prop_assert_eq!(table.tally.some_denied, pairs(Verdict::Deny));
        prop_assert_eq!(table.tally.some_unknown, pairs(Verdict::Unknown));
        prop_assert_eq!(table.tally.some_ambiguous, pairs(Verdict::Ambiguous));
        for row in &table.rows {
            let of_pair = &counts[&(format!("{:?}", row.src), format!("{:?}", row.dst))];
            prop_assert_eq!(row.total, of_pair.values().sum::<u64>(), "{:?}", row);
        }
    }

    #[test]
    fn the_graph_has_an_edge_where_some_pod_is_allowed_to_reach_another(
        plan in cluster_plan(),
        dialect in dialect(),
        protocol in prop::sample::select(Protocol::ALL.to_vec()),
        port in prop::sample::select(vec![53_u16, 80, 82, 8080]),
    ) {
        let cluster = plan.build().unwrap();
        let snapshot = Snapshot::new(cluster.clone(), dialect);
        let graph = snapshot.graph(PortSet::single(protocol, port));
        let expected = allowed_workload_pairs(&cluster, dialect, (protocol, port));
        let edges: BTreeSet<(u32, u32)> = graph
            .edge_references()
            .filter_map(|edge| match (edge.source(), edge.target()) {
                (GraphNode::Workload(src), GraphNode::Workload(dst)) => Some((src.0, dst.0)),
                _ => None,
            })
            .collect();
        prop_assert_eq!(&edges, &expected);
        for workload in cluster.workload_ids() {
            let mut visit = Dfs::new(&graph, GraphNode::Workload(workload));
            let mut reached = BTreeSet::new();
            while let Some(node) = visit.next(&graph) {
                if node == GraphNode::Outside {
                    reached.clear(); // through the outside everything may follow
                    break;
                }
                if let GraphNode::Workload(other) = node {
                    reached.insert(other.0);
                }
            }
            let closed = closure(workload.0, &expected);
            prop_assert!(reached.is_empty() || reached == closed, "{:?} and {:?}", reached, closed);
        }
    }

    #[test]
    fn every_row_has_ports_and_applies_to_some_pairs_and_no_more_than_there_are(
        plan in cluster_plan(),
        dialect in dialect(),
    ) {
        let cluster = plan.build().unwrap();
        let snapshot = Snapshot::new(cluster, dialect);
        for row in ask(&snapshot, AskedPorts::all(), Level::Namespace, false).rows {
            prop_assert!(row.matching >= 1 && row.matching <= row.total, "{:?}", row);
            prop_assert!(!row.ports.is_empty(), "{:?}", row);
        }
    }
}
