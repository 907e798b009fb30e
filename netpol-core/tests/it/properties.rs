//! Laws that hold on random clusters. `PROPTEST_CASES` sets how many are tried.

use netpol_core::evaluate::reference;
use netpol_core::model::cluster::NAMESPACE_NAME_LABEL;
use netpol_core::model::{
    Action, AdminPeer, AdminPolicySpec, AdminPort, AdminRule, Cluster, Dialect, Direction, Family,
    Flow, NetworkPolicyPeer, NetworkPolicyRule, NetworkPolicySpec, Operator, Peer, PodId, PodSpec,
    Policy, PolicyKind, PolicySpec, Position, Protocol, Requirement, Selector, Subject, TieBreak,
    Tier, Verdict,
};
use netpol_core::reach::Snapshot;
use netpol_core::testing::corpus::describe;
use netpol_core::testing::{
    ClusterPlan, FlowPlan, PolicyPlan, cluster_plan, dialect, flow_plans,
    network_policy_cluster_plan,
};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::strategy::ValueTree as _;

fn flows(plans: &[FlowPlan], cluster: &Cluster, dialect: Dialect) -> Vec<Flow> {
    plans.iter().filter_map(|plan| plan.resolve(cluster, dialect)).collect()
}

fn verdicts(cluster: &Cluster, dialect: Dialect, flows: &[Flow]) -> Vec<Verdict> {
    flows.iter().map(|flow| reference::verdict(cluster, dialect, flow)).collect()
}

/// How much a verdict lets through.
fn openness(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Deny => 0,
        Verdict::Unknown | Verdict::Ambiguous => 1,
        Verdict::Allow => 2,
    }
}

/// A policy that selects whom another selects, and allows everything in its directions.
fn allow_everything_beside(policy: &PolicyPlan) -> Option<PolicyPlan> {
    let PolicySpec::Network(spec) = &policy.spec else {
        return None;
    };
    let egress = if spec.egress.is_empty() && !spec.policy_types.contains(&Direction::Egress) {
        Vec::new()
    } else {
        vec![NetworkPolicyRule::default()]
    };
    Some(PolicyPlan {
        name: "extra".to_owned(),
        spec: PolicySpec::Network(NetworkPolicySpec {
            pod_selector: spec.pod_selector.clone(),
            policy_types: spec.policy_types.clone(),
            ingress: vec![NetworkPolicyRule::default()],
            egress,
            ..NetworkPolicySpec::default()
        }),
        ..policy.clone()
    })
}

/// Finds the pods of one cluster in another by namespace and name.
fn translate(flow: &Flow, from: &Cluster, to: &Cluster, rename: impl Fn(&str) -> String) -> Flow {
    let end = |peer: &Peer| match peer {
        Peer::Pod(pod) => {
            let pod = from.pod(*pod);
            let namespace = rename(&from.namespace(pod.namespace).name);
            let namespace = to.find_namespace(&namespace).unwrap();
            Peer::Pod(to.find_pod(namespace, &pod.name).unwrap())
        }
        other => other.clone(),
    };
    Flow { src: end(&flow.src), dst: end(&flow.dst), ..flow.clone() }
}

proptest! {
    #[test]
    fn adding_a_network_policy_that_allows_everything_to_isolated_pods_never_removes_a_flow(
        plan in network_policy_cluster_plan(),
        dialect in dialect(),
        which in any::<Index>(),
        flow_plans in flow_plans(),
    ) {
        let before = plan.build().unwrap();
        let mut wider = plan.clone();
        if !plan.policies.is_empty() {
            wider.policies.extend(allow_everything_beside(which.get(&plan.policies)));
        }
        let after = wider.build().unwrap();
        for flow in flows(&flow_plans, &before, dialect) {
            let was = reference::verdict(&before, dialect, &flow);
            let is = reference::verdict(&after, dialect, &flow);
            prop_assert!(openness(is) >= openness(was), "{}", describe(&before, &flow));
        }
    }

    #[test]
    fn order_and_duplication_of_policies_never_matter(
        plan in cluster_plan(),
        dialect in dialect(),
        seed in any::<u64>(),
        flow_plans in flow_plans(),
    ) {
        let before = plan.build().unwrap();
        let mut shuffled = plan.clone();
        let twins = plan.policies.iter().filter(|p| p.kind == PolicyKind::NetworkPolicy);
        shuffled.policies.extend(twins.cloned().map(|p| PolicyPlan { name: "twin".into(), ..p }));
        shuffle(&mut shuffled.policies, seed);
        let after = shuffled.build().unwrap();
        let flows = flows(&flow_plans, &before, dialect);
        prop_assert_eq!(verdicts(&before, dialect, &flows), verdicts(&after, dialect, &flows));
    }

    #[test]
    fn renaming_namespaces_everywhere_permutes_the_answer(
        plan in cluster_plan(),
        dialect in dialect(),
        flow_plans in flow_plans(),
    ) {
        let rename = |name: &str| format!("renamed-{name}");
        let before = plan.build().unwrap();
        let renamed = rename_namespaces(&plan, rename);
        let after = renamed.build().unwrap();
        for flow in flows(&flow_plans, &before, dialect) {
            let there = translate(&flow, &before, &after, rename);
            prop_assert_eq!(
                reference::verdict(&before, dialect, &flow),
                reference::verdict(&after, dialect, &there),
                "{}", describe(&before, &flow)
            );
        }
    }

    #[test]
    fn a_tie_broken_by_name_is_one_of_the_outcomes(
        plan in cluster_plan(),
        flow_plans in flow_plans(),
    ) {
        let cluster = plan.build().unwrap();
        let by_name = Dialect { tie_break: TieBreak::Name, ..Dialect::spec() };
        for flow in flows(&flow_plans, &cluster, Dialect::spec()) {
            let any_order = reference::verdict(&cluster, Dialect::spec(), &flow);
            let one_order = reference::verdict(&cluster, by_name, &flow);
            prop_assert_ne!(one_order, Verdict::Ambiguous);
            if matches!(any_order, Verdict::Allow | Verdict::Deny) {
                prop_assert_eq!(any_order, one_order, "{}", describe(&cluster, &flow));
            }
        }
    }

    #[test]
    fn the_answer_to_a_tie_is_that_of_trying_every_permutation(
        plan in cluster_plan(),
        flow_plans in flow_plans(),
    ) {
        let tied = tie_all(&plan);
        let cluster = tied.build().unwrap();
        let snapshot = Snapshot::new(cluster.clone(), Dialect::spec());
        let by_name = Dialect { tie_break: TieBreak::Name, ..Dialect::spec() };
        let orders: Vec<Cluster> = every_naming(&tied).iter().map(|p| p.build().unwrap()).collect();
        for flow in flows(&flow_plans, &cluster, Dialect::spec()) {
            let mut combined = Verdict::Allow;
            for direction in Direction::ALL {
                let whole = reference::direction(&cluster, Dialect::spec(), &flow, direction);
                let mut each = orders.iter().map(|c| reference::direction(c, by_name, &flow, direction));
                let first = each.next().unwrap();
                let agree = each.all(|verdict| verdict == first);
                let expected = if agree { first } else { Verdict::Ambiguous };
                // An address that is not known may make each order unknown, and the whole with them.
                let unknown = whole == Verdict::Unknown || first == Verdict::Unknown;
                prop_assert!(whole == expected || unknown, "{whole}, not {expected}: {}", describe(&cluster, &flow));
                combined = combined.and(whole);
            }
            if flow.src != flow.dst {
                prop_assert_eq!(snapshot.verdict(&flow), combined, "{}", describe(&cluster, &flow));
            }
        }
    }

    #[test]
    fn learning_an_address_settles_what_was_unknown_and_changes_nothing_else(
        plan in cluster_plan(),
        which in any::<Index>(),
        flow_plans in flow_plans(),
    ) {
        let mut plan = plan;
        // Families must not change: IPv4 alone, and every address is a candidate.
        plan.pod_cidrs.clear();
        plan.nodes.clear();
        plan.pods.iter_mut().for_each(|p| p.addresses.retain(std::net::IpAddr::is_ipv4));
        let before = plan.build().unwrap();
        let dialect = Dialect::spec();
        let unknown: Vec<_> = (0..plan.pods.len())
            .filter(|i| plan.pods[*i].addresses.is_empty() && !plan.pods[*i].host_network)
            .collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let mut told = plan.clone();
        told.pods[*which.get(&unknown)].addresses = vec!["10.0.0.99".parse().unwrap()];
        let after = told.build().unwrap();
        for flow in flows(&flow_plans, &before, dialect) {
            let was = reference::verdict(&before, dialect, &flow);
            let is = reference::verdict(&after, dialect, &flow);
            if was != Verdict::Unknown {
                prop_assert_eq!(was, is, "{}", describe(&before, &flow));
            }
        }
    }
}

/// Rules toward everyone with an empty `destinationNamedPort`.
fn empty_named_port(action: Action) -> Cluster {
    let mut builder = Cluster::builder();
    for name in ["a", "b"] {
        builder.pod(PodSpec { namespace: "x".into(), name: name.into(), ..PodSpec::default() });
    }
    let everyone = AdminPeer::Namespaces(Selector::everything());
    let ports = vec![AdminPort::Name("".into())];
    let rule = AdminRule { name: None, action, peers: vec![everyone], ports, line: 0 };
    builder.policy(Policy {
        kind: PolicyKind::ClusterNetworkPolicy,
        namespace: None,
        name: "p".into(),
        position: Position::new("<memory>", 0),
        spec: PolicySpec::Admin(AdminPolicySpec {
            tier: Tier::Admin,
            priority: Some(1),
            subject: Subject::Namespaces(Selector::everything()),
            ingress: vec![rule],
            egress: Vec::new(),
        }),
    });
    builder.build().unwrap()
}

#[test]
fn an_empty_destination_named_port_fails_closed() {
    let flow = Flow {
        src: Peer::Pod(PodId(0)),
        dst: Peer::Pod(PodId(1)),
        protocol: Protocol::Udp,
        port: 53,
        family: Family::V4,
    };
    for (action, expected) in [
        (Action::Allow, Verdict::Allow), // matches nothing, and nothing else denies
        (Action::Deny, Verdict::Deny),
        (Action::Pass, Verdict::Deny),
    ] {
        let verdict = reference::verdict(&empty_named_port(action), Dialect::spec(), &flow);
        assert_eq!(verdict, expected, "{action:?}");
    }
}

/// Leaves at most four admin policies, and those in a tie; the one kind that has no priority is left out.
fn tie_all(plan: &ClusterPlan) -> ClusterPlan {
    let mut tied = plan.clone();
    let mut kept = 0;
    tied.policies.retain(|policy| match &policy.spec {
        PolicySpec::Network(_) => true,
        PolicySpec::Admin(spec) => {
            kept += u8::from(spec.priority.is_some());
            spec.priority.is_some() && kept <= 4
        }
    });
    for policy in &mut tied.policies {
        if let PolicySpec::Admin(spec) = &mut policy.spec {
            spec.priority = Some(7);
        }
    }
    tied
}

/// Names the admin policies so that every order of them comes up once.
fn every_naming(plan: &ClusterPlan) -> Vec<ClusterPlan> {
    let admin: Vec<usize> = (0..plan.policies.len())
        .filter(|i| plan.policies[*i].kind != PolicyKind::NetworkPolicy)
        .collect();
    let named = |order: Vec<usize>| {
        let mut plan = plan.clone();
        for (rank, at) in order.into_iter().enumerate() {
            plan.policies[at].name = format!("rank-{rank}");
        }
        plan
    };
    permutations(&admin).into_iter().map(named).collect()
}

fn permutations(items: &[usize]) -> Vec<Vec<usize>> {
    if items.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for (at, first) in items.iter().enumerate() {
        let rest = [&items[..at], &items[at + 1..]].concat();
        all.extend(permutations(&rest).into_iter().map(|tail| [vec![*first], tail].concat()));
    }
    all
}

/// Puts the policies in another order, a different one for each seed.
fn shuffle(policies: &mut [PolicyPlan], seed: u64) {
    let mut state = seed | 1;
    for i in (1..policies.len()).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let j = (state >> 33) % (i as u64 + 1);
        policies.swap(i, usize::try_from(j).unwrap());
    }
}

/// Renames every namespace, also where selectors ask for `kubernetes.io/metadata.name`.
fn rename_namespaces(plan: &ClusterPlan, rename: impl Fn(&str) -> String) -> ClusterPlan {
    let mut renamed = plan.clone();
    renamed.namespaces.iter_mut().for_each(|n| n.name = rename(&n.name));
    renamed.pods.iter_mut().for_each(|p| p.namespace = rename(&p.namespace));
    renamed.workloads.iter_mut().for_each(|w| w.namespace = rename(&w.namespace));
    for policy in &mut renamed.policies {
        policy.namespace = policy.namespace.as_deref().map(&rename);
        for selector in selectors(&mut policy.spec) {
            let by_name = |r: &&mut Requirement| &*r.key == NAMESPACE_NAME_LABEL;
            for requirement in selector.requirements.iter_mut().filter(by_name) {
                if let Operator::In(values) | Operator::NotIn(values) = &mut requirement.operator {
                    for value in values {
                        *value = rename(value).into();
                    }
                }
            }
        }
    }
    renamed
}

/// Lists the selectors of a policy.
fn selectors(spec: &mut PolicySpec) -> Vec<&mut Selector> {
    match spec {
        PolicySpec::Network(spec) => {
            let peers = spec.ingress.iter_mut().chain(&mut spec.egress).flat_map(|r| &mut r.peers);
            let of_peers = peers.flat_map(|peer| match peer {
                NetworkPolicyPeer::Pods { namespace_selector, pod_selector } => {
                    [namespace_selector.as_mut(), pod_selector.as_mut()]
                }
                NetworkPolicyPeer::IpBlock(_) => [None, None],
            });
            of_peers.flatten().chain([&mut spec.pod_selector]).collect()
        }
        PolicySpec::Admin(spec) => {
            let peers = spec.ingress.iter_mut().chain(&mut spec.egress).flat_map(|r| &mut r.peers);
            let of_peers = peers.flat_map(|peer| match peer {
                AdminPeer::Namespaces(selector) => vec![selector],
                AdminPeer::Pods { namespace_selector, pod_selector } => {
                    vec![namespace_selector, pod_selector]
                }
                AdminPeer::Networks(_) | AdminPeer::Nodes(_) | AdminPeer::DomainNames(_) => vec![],
            });
            let of_subject = match &mut spec.subject {
                Subject::Namespaces(selector) => vec![selector],
                Subject::Pods { namespace_selector, pod_selector } => {
                    vec![namespace_selector, pod_selector]
                }
            };
            of_peers.chain(of_subject).collect()
        }
    }
}

#[test]
fn random_clusters_give_every_verdict_often() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut counts = std::collections::BTreeMap::new();
    for _ in 0..1000 {
        let (plan, drawn) = (cluster_plan(), flow_plans()).new_tree(&mut runner).unwrap().current();
        let cluster = plan.build().unwrap();
        for flow in flows(&drawn, &cluster, Dialect::spec()) {
            *counts.entry(reference::verdict(&cluster, Dialect::spec(), &flow)).or_insert(0) += 1;
        }
    }
    let total: usize = counts.values().sum();
    for verdict in [Verdict::Allow, Verdict::Deny, Verdict::Unknown, Verdict::Ambiguous] {
        let count = counts.get(&verdict).copied().unwrap_or(0);
        assert!(count * 150 > total, "{verdict} is too rare: {counts:?}");
    }
}
