//! Every way to a verdict agrees with the reference on random clusters. `PROPTEST_CASES` sets how many are tried.

use std::collections::BTreeSet;

use netpol_core::evaluate::reference;
use netpol_core::model::{Family, Flow, Peer, PodId, PortRange, PortSet, Protocol, Step, Verdict};
use netpol_core::reach::{End, Level, Question, Selection, Snapshot, Table};
use netpol_core::testing::corpus::describe;
use netpol_core::testing::{cases, cluster_plan, dialect, flow_plan, pod_flows};
use proptest::collection::vec;
use proptest::prelude::*;

fn selection(peer: &Peer) -> Selection {
    match peer {
        Peer::Pod(pod) => Selection::pod(*pod),
        Peer::Address(address) => Selection::addresses((*address).into()),
        Peer::IngressController => Selection::ingress_controller(),
        Peer::Name(name) => Selection { names: vec![name.clone()], ..Selection::default() },
    }
}

fn ask(snapshot: &Snapshot, flow: &Flow, explain: bool) -> Table {
    snapshot.ask(&Question {
        from: selection(&flow.src),
        to: selection(&flow.dst),
        ports: PortSet::single(flow.protocol, flow.port).into(),
        level: Level::Pod,
        explain,
        denied: true,
    })
}

/// Returns the verdict of the one row that speaks of a flow.
fn verdict_of(table: &Table, flow: &Flow) -> Option<Verdict> {
    let mut rows = table.rows.iter().filter(|r| r.family.is_none_or(|f| f == flow.family));
    let row = rows.next()?;
    assert!(rows.next().is_none(), "two rows for one flow: {table:?}");
    assert_eq!(row.matching, row.total, "one pair is all there is: {row:?}");
    Some(row.verdict)
}

proptest! {
    #![proptest_config(cases(2000))]

    #[test]
    fn flows_without_ports_agree_with_the_reference(
        plan in cluster_plan(),
        dialect in dialect(),
        flow_plans in vec(flow_plan(), 24),
    ) {
        let cluster = plan.build().unwrap();
        let snapshot = Snapshot::new(cluster.clone(), dialect);
        for plan in &flow_plans {
            let Some(flow) = plan.resolve(&cluster, dialect) else { continue };
            let verdict_as = |protocol| {
                let flow = Flow { protocol, port: 0, ..flow.clone() };
                let expected = reference::verdict(&cluster, dialect, &flow);
                let text = describe(&cluster, &flow);
                prop_assert_eq!(snapshot.verdict(&flow), expected, "verdict of {}", &text);
                let explained = snapshot.explain(&flow).verdict;
                prop_assert_eq!(explained, expected, "explanation of {}", &text);
                Ok(expected)
            };
            let verdicts = [verdict_as(Protocol::Tcp)?, verdict_as(Protocol::Sctp)?];
            prop_assert_eq!(verdicts[0], verdicts[1], "the protocol says nothing");
        }
    }

    #[test]
    fn verdict_explanation_and_rows_agree_with_the_reference(
        plan in cluster_plan(),
        dialect in dialect(),
        flow_plans in vec(flow_plan(), 24),
    ) {
        let cluster = plan.build().unwrap();
        let snapshot = Snapshot::new(cluster.clone(), dialect);
        for plan in &flow_plans {
            let Some(flow) = plan.resolve(&cluster, dialect) else { continue };
            let expected = reference::verdict(&cluster, dialect, &flow);
            let text = describe(&cluster, &flow);
            prop_assert_eq!(snapshot.verdict(&flow), expected, "verdict of {}", &text);
            let explained = snapshot.explain(&flow);
            prop_assert_eq!(explained.verdict, expected, "explanation of {}", &text);
            let reasons = snapshot.reasons(&flow);
            let deciding = reasons.iter().filter(|reason| !reason.code.is_near_miss());
            let steps: Vec<Step> = deciding.map(Step::from).collect();
            prop_assert_eq!(explained.steps, steps, "steps of {}", &text);
            for explain in [false, true] {
                let table = ask(&snapshot, &flow, explain);
                prop_assert_eq!(verdict_of(&table, &flow), Some(expected), "row (explain {}) of {}: {:?}", explain, &text, &table);
            }
        }
    }

    #[test]
    fn the_count_of_all_pairs_agrees_with_the_reference(
        plan in cluster_plan(),
        dialect in dialect(),
        protocol in prop::sample::select(Protocol::ALL.to_vec()),
        port in prop::sample::select(vec![53u16, 80, 82, 443, 8080, 9090]),
    ) {
        let cluster = plan.build().unwrap();
        let snapshot = Snapshot::new(cluster.clone(), dialect);
        let allowed: BTreeSet<(Peer, Peer)> = pod_flows(&cluster, dialect, protocol, port)
            .into_iter()
            .filter(|flow| flow.src != flow.dst && reference::verdict(&cluster, dialect, flow) == Verdict::Allow)
            .map(|flow| (flow.src, flow.dst))
            .collect();
        prop_assert_eq!(snapshot.count_pairs(protocol, port), allowed.len() as u64);
    }

    #[test]
    fn the_sources_of_a_pod_agree_with_verdicts_and_rows(
        plan in cluster_plan(),
        dialect in dialect(),
        protocol in prop::sample::select(Protocol::ALL.to_vec()),
        port in prop::sample::select(vec![53u16, 80, 82, 443, 8080, 9090]),
    ) {
        let cluster = plan.build().unwrap();
        let snapshot = Snapshot::new(cluster.clone(), dialect);
        for target in cluster.pod_ids() {
            let runs: Vec<&[PodId]> = snapshot.sources_of(target, protocol, port).collect();
            let found: BTreeSet<PodId> = runs.concat().into_iter().collect();
            prop_assert_eq!(found.len(), runs.concat().len(), "a source is listed twice");
            prop_assert!(runs.iter().all(|run| !run.is_empty()));
            let allows = |src: &PodId| Family::ALL.into_iter().any(|family| {
                let (src, dst) = (Peer::Pod(*src), Peer::Pod(target));
                let flow = Flow { src, dst, protocol, port, family };
                snapshot.verdict(&flow) == Verdict::Allow
            });
            let expected: BTreeSet<PodId> =
                cluster.pod_ids().filter(|src| *src != target && allows(src)).collect();
            prop_assert_eq!(&found, &expected, "sources of {:?}", target);
            let pods = cluster.pod_ids().map(|pod| pod.0).collect();
            let everyone = Selection { pods, ..Selection::default() };
            let mut question = Question {
                from: everyone.clone(),
                to: Selection::pod(target),
                ports: PortSet::single(protocol, port).into(),
                level: Level::Pod,
                explain: false,
                denied: false,
            };
            let rows = snapshot.ask(&question).rows;
            for level in [Level::Pod, Level::Workload, Level::Namespace] {
                // What is left out where denied pairs are not listed is counted all the same, both ways.
                question.level = level;
                for (from, to) in [(everyone.clone(), Selection::pod(target)), (Selection::pod(target), everyone.clone())] {
                    (question.from, question.to) = (from, to);
                    let [mut all, some] = [true, false].map(|denied| snapshot.ask(&Question { denied, ..question.clone() }));
                    all.rows.retain(|row| row.verdict != Verdict::Deny);
                    prop_assert_eq!(all, some);
                }
            }
            let asked: BTreeSet<PodId> = rows.iter().filter(|row| row.verdict == Verdict::Allow)
                .filter_map(|row| match row.src {
                    // A pod that is asked about alone is asked about itself.
                    End::Pod(pod) if pod != target => Some(pod),
                    _ => None,
                })
                .collect();
            prop_assert_eq!(&found, &asked, "rows to {:?}", target);
        }
    }
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn counts_of_all_ports_agree_with_counts_of_single_ones(
        plan in cluster_plan(),
        dialect in dialect(),
        ports in vec((prop::sample::select(Protocol::ALL.to_vec()), 1u16..), 8),
    ) {
        let snapshot = Snapshot::new(plan.build().unwrap(), dialect);
        let counts = snapshot.count_pairs_by_port();
        for protocol in Protocol::ALL {
            let own: Vec<_> = counts.iter().filter(|c| c.ports.protocol == protocol).collect();
            prop_assert_eq!((own[0].ports.from, own[own.len() - 1].ports.to), (1, u16::MAX));
            for pair in own.windows(2) {
                prop_assert_eq!(pair[0].ports.to + 1, pair[1].ports.from);
                prop_assert_ne!(pair[0].pairs, pair[1].pairs);
            }
        }
        let edges = counts.iter().flat_map(|c| [c.ports.from, c.ports.to].map(|p| (c.ports.protocol, p)));
        let usual = Protocol::ALL.into_iter().flat_map(|p| [53, 80, 82, 443, 8080, 9090].map(|n| (p, n)));
        for (protocol, port) in edges.chain(usual).chain(ports) {
            let holds = |r: &PortRange| r.protocol == protocol && r.from <= port && port <= r.to;
            let found = counts.iter().find(|c| holds(&c.ports)).map(|c| c.pairs);
            prop_assert_eq!(found, Some(snapshot.count_pairs(protocol, port)), "{} {}", protocol, port);
        }
    }
}
