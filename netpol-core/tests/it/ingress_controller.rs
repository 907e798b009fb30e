//! The ingress controller: every way to a verdict agrees with the reference, and everybody includes it where it leads.

use std::collections::BTreeMap;

use netpol_core::evaluate::reference;
use netpol_core::model::{Cluster, Dialect, Family, Flow, Peer, PodId, PortSet, Protocol, Verdict};
use netpol_core::reach::{ControllerEnd, End, Level, Question, Row, Selection, Snapshot};
use netpol_core::sources::{LoadOptions, Source, load};
use netpol_core::testing::corpus::describe;
use netpol_core::testing::{cases, dialect, ingress_cluster_plan, single_family};
use proptest::prelude::*;

fn flow(pod: PodId, port: u16, family: Family) -> Flow {
    let (src, dst) = (Peer::IngressController, Peer::Pod(pod));
    Flow { src, dst, protocol: Protocol::Tcp, port, family }
}

fn question(from: Selection, to: Selection, level: Level, port: u16, explain: bool) -> Question {
    let ports = PortSet::single(Protocol::Tcp, port).into();
    Question { from, to, ports, level, explain, denied: true }
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn verdict_explanation_and_rows_agree_with_the_reference(
        plan in ingress_cluster_plan(),
        dialect in dialect(),
        port in prop::sample::select(vec![53u16, 80, 81, 8080]),
    ) {
        let cluster = plan.build().unwrap();
        let snapshot = Snapshot::new(cluster.clone(), dialect);
        for pod in cluster.pod_ids() {
            for family in snapshot.families(&Peer::IngressController, &Peer::Pod(pod)).iter() {
                let flow = flow(pod, port, family);
                let expected = reference::verdict(&cluster, dialect, &flow);
                let text = describe(&cluster, &flow);
                prop_assert_eq!(snapshot.verdict(&flow), expected, "verdict of {}", &text);
                let explained = snapshot.explain(&flow);
                prop_assert_eq!(explained.verdict, expected, "explanation of {}", &text);
                prop_assert!(!explained.steps.is_empty(), "no reason for {}", &text);
                for explain in [false, true] {
                    let to = Selection::pod(pod);
                    let from = Selection::ingress_controller();
                    let rows = snapshot.ask(&question(from, to, Level::Pod, port, explain)).rows;
                    let of_family = |r: &&Row| r.family.is_none_or(|f| f == family);
                    let said: Vec<Verdict> = rows.iter().filter(of_family).map(|r| r.verdict).collect();
                    prop_assert_eq!(said, vec![expected], "row (explain {}) of {}", explain, &text);
                }
            }
        }
    }

    #[test]
    fn rows_of_workloads_count_the_pods_of_each_verdict(
        plan in ingress_cluster_plan(),
        dialect in dialect(),
        port in prop::sample::select(vec![53u16, 80, 81, 8080]),
    ) {
        let cluster = single_family(&plan, Family::V4).build().unwrap();
        let snapshot = Snapshot::new(cluster.clone(), dialect);
        let mut expected: BTreeMap<(u32, Verdict), u64> = BTreeMap::new();
        for pod in cluster.pod_ids() {
            let verdict = reference::verdict(&cluster, dialect, &flow(pod, port, Family::V4));
            *expected.entry((cluster.pod(pod).workload.0, verdict)).or_default() += 1;
        }
        let from = Selection::ingress_controller();
        let table = snapshot.ask(&question(from, snapshot.everyone(), Level::Workload, port, false));
        let mut said = BTreeMap::new();
        for row in &table.rows {
            prop_assert_eq!(&row.src, &End::IngressController);
            let End::Workload(workload) = row.dst else { panic!("{row:?}") };
            *said.entry((workload.0, row.verdict)).or_default() += row.matching;
        }
        prop_assert_eq!(said, expected);
        prop_assert_eq!(table.tally.pairs, cluster.pods().len() as u64);
    }
}

const SHOP: &str = "
kind: Pod
apiVersion: v1
metadata: {name: web, namespace: shop, labels: {app: web}}
---
kind: Pod
apiVersion: v1
metadata: {name: db, namespace: shop, labels: {app: db}}
---
kind: Service
apiVersion: v1
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
";

const INGRESS: &str = "---
kind: Ingress
apiVersion: networking.k8s.io/v1
metadata: {name: web, namespace: shop}
spec: {defaultBackend: {service: {name: web, port: {number: 80}}}}
";

fn snapshot(text: &str) -> Snapshot {
    let source = Source::Bytes { name: "-".into(), bytes: text.as_bytes().into() };
    let loaded = load(&[source], &LoadOptions::default());
    assert_eq!(loaded.errors().count(), 0);
    Snapshot::new(loaded.cluster, Dialect::spec())
}

fn of_controller(rows: &[Row]) -> Vec<(&End, &PortSet)> {
    let own = rows.iter().filter(|r| r.src == End::IngressController);
    own.map(|r| (&r.dst, &r.ports)).collect()
}

#[test]
fn everybody_includes_the_ingress_controller_where_it_leads() {
    let with = snapshot(&format!("{SHOP}{INGRESS}"));
    let flows = with.flows();
    let web = End::Workload(with.cluster().pod(PodId(0)).workload);
    let led = PortSet::single(Protocol::Tcp, 8080);
    assert_eq!(of_controller(&flows), [(&web, &led)]);
    let without = snapshot(SHOP);
    let others: Vec<Row> = flows.into_iter().filter(|r| r.src != End::IngressController).collect();
    assert_eq!(without.flows(), others);
    assert_eq!(without.everyone().ingress_controller, ControllerEnd::Absent);
}

#[test]
fn where_it_leads_nowhere_everybody_has_no_pair_of_it() {
    let snapshot = snapshot(&format!("{SHOP}{INGRESS}"));
    let mut from = Selection::ingress_controller();
    let db = Selection::pod(PodId(1));
    let pairs = |from: &Selection| {
        snapshot.ask(&question(from.clone(), db.clone(), Level::Pod, 80, false)).tally.pairs
    };
    assert_eq!(pairs(&from), 1);
    from.ingress_controller = ControllerEnd::WhereItLeads;
    assert_eq!(pairs(&from), 0);
}

#[test]
fn too_many_open_selectors_are_unknown_and_never_allowed() {
    let rules: Vec<String> = (0..40)
        .map(|i| format!("{{action: Deny, from: [{{namespaces: {{matchLabels: {{k: v{i}}}}}}}]}}"))
        .collect();
    let policy = |i: usize, rules: &[String]| {
        format!(
            "---\nkind: ClusterNetworkPolicy\napiVersion: policy.networking.k8s.io/v1alpha2\n\
             metadata: {{name: p{i}}}\nspec: {{tier: Admin, priority: {i}, subject: {{namespaces: {{}}}}, ingress: [{}]}}\n",
            rules.join(", ")
        )
    };
    for count in [1, 9, 40] {
        let policies: String =
            rules[..count].chunks(20).enumerate().map(|(i, r)| policy(i, r)).collect();
        let snapshot = snapshot(&format!("{SHOP}{INGRESS}{policies}"));
        let flow = flow(PodId(0), 8080, Family::V4);
        assert_eq!(snapshot.verdict(&flow), Verdict::Unknown, "{count} selectors");
        assert_eq!(snapshot.explain(&flow).verdict, Verdict::Unknown, "{count} selectors");
    }
}

#[test]
fn a_backend_that_leads_nowhere_is_a_warning_with_its_place() {
    let text = format!("{SHOP}{}", INGRESS.replace("name: web, port", "name: gone, port"));
    let source = Source::Bytes { name: "in.yaml".into(), bytes: text.as_bytes().into() };
    let loaded = load(&[source], &LoadOptions::default());
    let warnings: Vec<String> = loaded
        .diagnostics
        .iter()
        .filter(|d| d.code.as_str() == "INGRESS_BACKEND")
        .map(ToString::to_string)
        .collect();
    let line = text.lines().position(|l| l == "kind: Ingress").unwrap() + 1;
    let expected = format!(
        "in.yaml:{line}: shop/ingress/web: the Service `gone` is not in the input, so that this backend leads nowhere"
    );
    assert_eq!(warnings, [expected]);
    let cluster: &Cluster = &loaded.cluster;
    assert!(cluster.leads(PodId(0)).is_empty());
}
