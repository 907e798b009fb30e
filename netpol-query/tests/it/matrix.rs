//! Matrices: what they say, how they are folded and how wide they are.

use std::fmt::Write as _;

use netpol_core::model::Dialect;
use netpol_core::reach::Snapshot;
use netpol_core::sources::{LoadOptions, Source, load};
use netpol_query::execute::{Body, Matrix, Reach, Settings};
use netpol_query::render::{self, Format, Options, Palette};
use netpol_query::session::Session;

use crate::shop;

/// Starts a session on manifests.
pub(crate) fn session_on(manifests: &str, settings: Settings) -> Session {
    let source = Source::Bytes { name: "own.yaml".into(), bytes: manifests.as_bytes().into() };
    let loaded = load(&[source], &LoadOptions::default());
    assert_eq!(loaded.errors().count(), 0, "{:?}", loaded.diagnostics);
    Session::new(Snapshot::new(loaded.cluster, Dialect::spec()), settings)
}

/// Pods of as many namespaces as there are letters, and a policy that isolates those of `a`.
pub(crate) fn many(namespaces: usize, pods: usize) -> String {
    let mut text = String::new();
    for namespace in (b'a'..).take(namespaces).map(char::from) {
        for pod in 0..pods {
            writeln!(
                text,
                "---\n{{apiVersion: v1, kind: Pod, metadata: {{name: pod{pod}, namespace: team-{namespace}}}}}"
            )
            .unwrap();
        }
    }
    text + "---\n{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: closed, namespace: team-a}, \
            spec: {podSelector: {}, policyTypes: [Ingress], ingress: [{ports: [{port: 80}]}]}}\n"
}

fn matrix(session: &mut Session, sentence: &str) -> Matrix {
    match shop::body(session, sentence) {
        Body::Matrix(matrix) => *matrix,
        other => panic!("{sentence}: {other:?}"),
    }
}

/// Renders as text for a terminal of some width.
fn text(session: &mut Session, sentence: &str, width: usize) -> String {
    let options = Options {
        format: Format::Text,
        palette: Palette::default(),
        width: Some(width),
        explain: false,
        elapsed_us: None,
    };
    let mut out = Vec::new();
    let reply = shop::reply(session, sentence);
    assert_eq!(render::reply(&mut out, &reply, &options).unwrap(), None);
    String::from_utf8(out).unwrap()
}

#[test]
fn a_matrix_shows_ports_and_numbers_its_columns() {
    let mut session = session_on(&many(2, 2), Settings::default());
    let expected = "\
from \\ to   1   2  3  4  5
team-a
  1 pod/pod0   -  80  ●  ●  ●
  2 pod/pod1  80   -  ●  ●  ●
team-b
  3 pod/pod0  80  80  -  ●  ●
  4 pod/pod1  80  80  ●  -  ●
outside
  5 external  80  80  ●  ●  -
● all ports   80 these ports (TCP unless said)   - no pair
";
    let expected = expected.replace("from \\ to   1", "from \\ to      1");
    assert_eq!(text(&mut session, "matrix", 100).trim_end(), expected.trim_end());
}

#[test]
fn a_matrix_on_a_port_is_full_where_that_port_is_open() {
    let mut session = session_on(&many(2, 2), Settings::default());
    let found = matrix(&mut session, "matrix from ns/team-b to ns/team-a on tcp/80");
    assert_eq!((found.rows.len(), found.columns.len(), found.cells.len()), (2, 2, 4));
    assert!(found.cells.iter().all(|c| c.reach == Reach::All), "{found:?}");
    let found = matrix(&mut session, "matrix from ns/team-b to ns/team-a on tcp/81");
    assert!(found.cells.is_empty(), "{found:?}");
    let found = matrix(&mut session, "matrix from ns/team-b to ns/team-a on tcp/80-81");
    assert!(found.cells.iter().all(|c| c.reach == Reach::Partly), "{found:?}");
}

#[test]
fn levels_sum_up_pods() {
    let mut session = session_on(&many(2, 3), Settings::default());
    let found = matrix(&mut session, "matrix by namespace");
    let ids: Vec<String> = found.rows.iter().map(|e| e.id()).collect();
    assert_eq!(ids, ["namespace/team-a", "namespace/team-b", "external:0.0.0.0-255.255.255.255"]);
    let cell = found.by_place()[&(1, 0)];
    assert_eq!((cell.flow.matching, cell.flow.total), (9, 9));
    assert_eq!(cell.reach, Reach::Partly);
    let found = matrix(&mut session, "matrix from pods to pods by pod");
    assert_eq!(found.rows.len(), 6);
    assert!(found.pairless.contains(&(0, 0)));
}

#[test]
fn a_large_matrix_is_folded_for_people_and_whole_for_programs() {
    let mut session = session_on(&many(5, 5), Settings::default());
    let folded = text(&mut session, "matrix", 100);
    assert!(
        folded.starts_with("25 × 25 workloads, folded to namespaces; `by workload`"),
        "{folded}"
    );
    assert!(folded.contains("ns/team-e") && !folded.contains("pod/pod0"), "{folded}");
    let whole = text(&mut session, "matrix by workload", 400);
    assert!(!whole.contains("folded") && whole.contains("pod/pod4"), "{whole}");
    let wide = shop::rendered(&mut session, "matrix", Format::Wide);
    assert!(wide.contains("pod/pod4"), "{wide}");
    let csv = shop::rendered(&mut session, "matrix", Format::Csv);
    assert_eq!(csv.lines().count(), 27, "{csv}");
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    let mut session = session_on(&many(4, 6), Settings::default());
    for width in [60, 80, 120] {
        for sentence in ["matrix by workload", "matrix by namespace"] {
            let found = text(&mut session, sentence, width);
            let widest = found.lines().map(|l| l.chars().count()).max().unwrap();
            assert!(widest <= width, "{sentence} in {width}: {widest}\n{found}");
        }
    }
}

#[test]
fn doubt_is_shown_as_doubt() {
    let manifests = "
---
{apiVersion: v1, kind: Pod, metadata: {name: web, namespace: shop}}
---
{apiVersion: v1, kind: Pod, metadata: {name: db, namespace: shop}}
---
{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: by-address, namespace: shop}, spec: {podSelector: {}, policyTypes: [Ingress], ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}}]}]}}
";
    let mut session = session_on(manifests, Settings::default());
    let reply = shop::reply(&mut session, "matrix from pods to pods");
    let answer = reply.result.unwrap();
    let Body::Matrix(found) = answer.body else { panic!("no matrix") };
    assert!(found.cells.iter().all(|c| c.reach == Reach::Unknown), "{found:?}");
    assert_eq!(answer.warnings[0].code, "UNKNOWN_FLOWS");
    assert!(text(&mut session, "matrix from pods to pods", 80).contains("? not known"));
}

#[test]
fn json_has_a_row_for_each_cell_and_names_both_sides() {
    let mut session = session_on(&many(1, 2), Settings::default());
    let json = shop::rendered(&mut session, "matrix from pods to pods", Format::Jsonl);
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["result"], "ROWS");
    assert_eq!(value["matrix"]["level"], "workload");
    assert_eq!(value["matrix"]["rows"], value["matrix"]["columns"]);
    let rows = value["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0]["src"], value["matrix"]["rows"][0]);
    assert_eq!(rows[0]["dst"], value["matrix"]["columns"][1]);
    assert_eq!(rows[0]["ports"], serde_json::json!([{"protocol": "TCP", "from": 80, "to": 80}]));
    assert_eq!((&rows[0]["row_index"], &rows[0]["column_index"]), (&0.into(), &1.into()));
    assert_eq!(rows[0]["reach"], "partly");
}

#[test]
fn cells_go_through_pipes_as_rows() {
    let mut session = session_on(&many(2, 2), Settings::default());
    let sentence = "matrix from pods to pods | where dst.namespace = team-a | count";
    assert_eq!(shop::rendered(&mut session, sentence, Format::Text), "6\n");
}
