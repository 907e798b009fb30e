//! Scalars as kubectl reads them, anchors and merges, and input that means harm.

use std::fmt::Write as _;

use netpol_core::model::{
    AdminPort, NetworkPolicyRule, PodId, PolicySpec, PortReference, Protocol,
};
use netpol_core::sources::{DiagnosticCode, Loaded};

use crate::sources::{check, clean, load_text, said};

fn load_spec(spec: &str) -> Loaded {
    load_text(&format!(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: p}}\nspec:\n{spec}\n"
    ))
}

fn first_rule(loaded: &Loaded) -> NetworkPolicyRule {
    match &loaded.cluster.policies()[0].spec {
        PolicySpec::Network(spec) => spec.ingress[0].clone(),
        PolicySpec::Admin(_) => panic!("an admin policy"),
    }
}

#[test]
fn numbers_have_their_yaml_1_1_value_and_are_reported_where_1_2_differs() {
    for (written, value, reported) in [
        ("0100", 64, true),
        ("1_000", 1000, true),
        ("1e3", 1000, true),
        ("0b11", 3, true),
        ("080", 80, false),
        ("0x50", 80, false),
        ("0o17", 15, false),
        ("10.0", 10, false),
        ("+7", 7, false),
        ("80", 80, false),
    ] {
        let loaded = load_spec(&format!("  ingress:\n  - ports:\n    - port: {written}"));
        let start = format!(
            "Warning YAML_TRAP t.yaml:7: default/networkpolicy/p: spec.ingress[0].ports[0].port: `{written}` is {value} in YAML 1.1"
        );
        let expected = [(start.as_str(), "")];
        check(&loaded, if reported { &expected } else { &[] });
        assert_eq!(
            first_rule(&loaded).ports[0].port,
            Some(PortReference::Number(value)),
            "{written}"
        );
    }
    let service =
        "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec:\n  ports:\n  - port: 0120\n";
    let loaded = load_text(service);
    check(
        &loaded,
        &[("Warning YAML_TRAP t.yaml:6: default/service/s: `0120` is 80 in YAML 1.1", "")],
    );
    assert_eq!(loaded.cluster.services()[0].ports[0].port, 80);
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  hostNetwork: on\n";
    let loaded = load_text(pod);
    check(&loaded, &[("Warning YAML_TRAP t.yaml:5: default/pod/a: `on` is true in YAML 1.1", "")]);
    assert!(loaded.cluster.pod(PodId(0)).host_network);
}

#[test]
fn labels_that_are_no_text_are_refused_by_name_in_every_kind() {
    let bad = [
        ("yes", "YAML_TRAP", "label value `yes` is a boolean in YAML 1.1; quote it"),
        ("n", "YAML_TRAP", "label value `n` is a boolean in YAML 1.1; quote it"),
        ("Off", "YAML_TRAP", "label value `Off` is a boolean in YAML 1.1; quote it"),
        ("true", "YAML_TRAP", "label value `true` is a boolean in YAML 1.1; quote it"),
        ("80", "YAML_TRAP", "label value `80` is a number in YAML 1.1; quote it"),
        ("0100", "YAML_TRAP", "label value `0100` is a number in YAML 1.1; quote it"),
        ("1e3", "YAML_TRAP", "label value `1e3` is a number in YAML 1.1; quote it"),
        ("12.50", "YAML_TRAP", "label value `12.50` is a number in YAML 1.1; quote it"),
        ("1_0", "YAML_TRAP", "label value `1_0` is a number in YAML 1.1; quote it"),
        ("null", "INVALID_VALUE", "expected text, found a label value that is null"),
        ("~", "INVALID_VALUE", "expected text, found a label value that is null"),
        ("", "INVALID_VALUE", "expected text, found a label value that is null"),
    ];
    for (written, code, message) in bad {
        for text in [
            format!(
                "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  labels:\n    app: {written}\n"
            ),
            format!(
                "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: a\n  labels:\n    app: {written}\n"
            ),
            format!(
                "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: a}}\nspec: {{template: {{metadata: {{labels: {{\n  x: z,\n  app: {written}}}}}}}}}\n"
            ),
            format!(
                "apiVersion: v1\nkind: Service\nmetadata: {{name: a}}\nspec:\n  selector:\n    app: {written}\n"
            ),
            format!(
                "apiVersion: v1\nkind: List\nitems:\n- kind: Pod\n  apiVersion: v1\n  metadata: {{name: a, labels: {{app: {written}}}}}\n"
            ),
            format!(
                "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: a}}\nspec:\n  podSelector: {{matchLabels: {{app: {written}}}}}\n"
            ),
            format!(
                "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: a}}\nspec:\n  podSelector: {{matchExpressions: [{{key: app, operator: In, values: [{}]}}]}}\n",
                if written.is_empty() { "null" } else { written }
            ),
        ] {
            let loaded = load_text(&text);
            let found = said(&loaded);
            assert_eq!(found.len(), 1, "{text}{found:#?}");
            assert!(
                found[0].starts_with(&format!("Error {code} t.yaml:"))
                    && found[0].contains(message),
                "{text}{found:#?}"
            );
            assert_eq!(loaded.cluster.pods().len() + loaded.cluster.policies().len(), 0);
        }
    }
    for key in ["yes", "80", "~"] {
        for text in [
            format!("apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  labels:\n    {key}: x\n"),
            format!(
                "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: a}}\nspec:\n  podSelector:\n    matchLabels: {{{key}: x}}\n"
            ),
        ] {
            let loaded = load_text(&text);
            let found = said(&loaded);
            assert!(
                found.len() == 1
                    && found[0].contains("t.yaml:6: ")
                    && found[0].contains("label key"),
                "{text}{found:#?}"
            );
        }
    }
}

#[test]
fn quoted_and_harmless_labels_are_text() {
    let text = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  labels: {a: \"yes\", b: '80', c: !!str 80, d: 1.2.3, e: v1, f: 2001-01-01, g: north, \
                h: \"null\", i: 10.0.0.1, j: \"\"}\n";
    let cluster = clean(text);
    let values: Vec<_> = "abcdefghij"
        .chars()
        .map(|k| cluster.pod_label(PodId(0), &k.to_string()).unwrap())
        .collect();
    assert_eq!(
        values,
        ["yes", "80", "80", "1.2.3", "v1", "2001-01-01", "north", "null", "10.0.0.1", ""]
    );
}

#[test]
fn names_that_are_no_text_are_refused() {
    let pod = |metadata: &str| format!("apiVersion: v1\nkind: Pod\nmetadata: {metadata}\n");
    for metadata in ["{name: 12}", "{name: a, namespace: no}", "{name: on}"] {
        let loaded = load_text(&pod(metadata));
        let found = said(&loaded);
        assert!(
            found.len() == 1 && found[0].starts_with("Error YAML_TRAP t.yaml:3: "),
            "{found:#?}"
        );
    }
}

#[test]
fn anchors_aliases_and_merges_are_followed() {
    let text = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  labels: &base {x: one, z: two}\n  annotations: *base\nspec:\n  containers:\n  - &c\n    \
                ports: [{containerPort: 80}]\n  - <<: *c\n    name: second\n---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: b\n  labels:\n    <<: [&l {x: \
                one}, {x: other, z: two}]\n    z: own\n";
    let cluster = clean(text);
    assert_eq!(cluster.pod(PodId(0)).ports.len(), 2);
    assert_eq!(cluster.pod_label(PodId(1), "x"), Some("one"));
    assert_eq!(cluster.pod_label(PodId(1), "z"), Some("own"));
    let loaded = load_spec(
        "  ingress:\n  - &r\n    ports: [{port: 80}]\n  egress:\n  - *r\n  podSelector: &s {}",
    );
    check(&loaded, &[]);
    let unknown = load_spec("  ingress: [*gone]");
    assert!(said(&unknown)[0].starts_with("Error SYNTAX t.yaml:5"), "{:#?}", said(&unknown));
}

#[test]
fn unknown_tags_and_keys_that_are_no_scalars_are_errors() {
    let tag = load_text("apiVersion: v1\nkind: Pod\nmetadata:\n  name: !secret x\n");
    check(&tag, &[("Error SYNTAX t.yaml:4: the tag `!secret` is not known", "")]);
    let key = load_text("apiVersion: v1\nkind: Pod\nmetadata:\n  ? [a]\n  : b\n");
    check(&key, &[("Error SYNTAX t.yaml:", "a key must be a scalar")]);
}

/// Loads text that may mean harm; far more time than it needs, since builds of tests are slow and share their cores.
fn load_in_time(text: &str) -> Loaded {
    let (sender, receiver) = std::sync::mpsc::channel();
    let text = text.to_owned();
    std::thread::spawn(move || sender.send(Box::new(load_text(&text))));
    *receiver.recv_timeout(std::time::Duration::from_secs(30)).expect("it ends in time")
}

/// Checks that input is refused with one error of a code and that nothing of it is used.
fn harmless(text: &str, codes: &[DiagnosticCode]) {
    let loaded = load_in_time(text);
    let found = said(&loaded);
    let errors: Vec<_> = loaded.errors().map(|d| d.code).collect();
    assert!(errors.len() == 1 && codes.contains(&errors[0]), "{:.300}", found.join("\n"));
    assert!(found.iter().all(|f| f.len() < 2000), "a finding holds the input");
    assert_eq!(loaded.cluster.policies().len() + loaded.cluster.pods().len(), 0);
}

const POLICY: &str = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p}\nspec:\n  podSelector: ";
const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  x: ";
const LIMITS: &[DiagnosticCode] = &[DiagnosticCode::Limit, DiagnosticCode::Syntax];

#[test]
fn a_million_brackets_are_refused() {
    for open in ["[", "{", "{a: ", "[{", "{\"a\": ["] {
        let brackets = open.repeat(1_000_000);
        for start in ["", POLICY, POD] {
            let loaded = load_in_time(&[start, &brackets].concat());
            assert!(loaded.cluster.policies().is_empty() && loaded.cluster.pods().is_empty());
            let found = said(&loaded);
            assert!(
                found.len() == 1 && found[0].starts_with("Error "),
                "{open} {:.300}",
                found.join("\n")
            );
        }
    }
    let closed = ["[".repeat(10_000), "]".repeat(10_000)].concat();
    harmless(&[POLICY, &closed].concat(), LIMITS);
    harmless(&[POD, &closed].concat(), LIMITS);
    harmless(
        &format!(
            "{{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"x\": {closed}, \"metadata\": {closed}}}"
        ),
        &[DiagnosticCode::Limit, DiagnosticCode::InvalidValue],
    );
}

#[test]
fn nesting_ten_thousand_deep_is_refused() {
    for start in [POLICY, POD] {
        harmless(&[start, "\n    ", &"- ".repeat(10_000), "a"].concat(), LIMITS);
        let mut block = start.to_owned();
        for depth in 0..3_000 {
            write!(block, "\n{}a:", " ".repeat(depth + 4)).unwrap();
        }
        harmless(&block, LIMITS);
        let flow = ["{a: ".repeat(10_000), "}".repeat(10_000)].concat();
        harmless(&[start, &flow].concat(), LIMITS);
        harmless(&[start, "\n    ", &"? ".repeat(10_000), "a"].concat(), LIMITS);
    }
}

#[test]
fn alias_bombs_are_refused() {
    for start in [POLICY, POD] {
        let mut bomb = format!("{start}\n    a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..12 {
            let alias = vec![format!("*a{}", level - 1); 10].join(", ");
            writeln!(bomb, "    a{level}: &a{level} [{alias}]").unwrap();
        }
        harmless(&bomb, &[DiagnosticCode::Limit]);
        let text = "x".repeat(1 << 20);
        let texts =
            format!("{start}\n    a: &a {text}\n    b: [{}]\n", vec!["*a"; 1000].join(", "));
        harmless(&texts, &[DiagnosticCode::Limit]);
        let mut deep = format!("{start}\n    a0: &a0 [x]\n");
        for level in 1..1000 {
            writeln!(deep, "    a{level}: &a{level} [*a{}]", level - 1).unwrap();
        }
        harmless(&deep, &[DiagnosticCode::Limit]);
        harmless(&format!("{start}&a [*a]\n"), &[DiagnosticCode::Syntax]);
    }
}

#[test]
fn labels_of_a_megabyte_are_refused_in_few_words() {
    let long = "x".repeat(1 << 20);
    harmless(&format!("{POLICY}{{matchLabels: {{a: {long}}}}}\n"), &[DiagnosticCode::InvalidValue]);
    harmless(
        &format!("{POLICY}\n    matchLabels:\n      ? {long}\n      : a\n"),
        &[DiagnosticCode::InvalidValue],
    );
    harmless(&format!("{POLICY}\n    ? {long}\n    : a\n"), &[DiagnosticCode::UnknownField]);
    harmless(
        &format!("apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  labels: {{a: {long}}}\n"),
        &[DiagnosticCode::InvalidValue],
    );
    harmless(
        &format!("apiVersion: v1\nkind: Pod\nmetadata:\n  name: {long}\n"),
        &[DiagnosticCode::InvalidValue],
    );
    harmless(
        &format!(
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: {long}\n"
        ),
        &[DiagnosticCode::InvalidValue],
    );
    let foreign =
        load_text(&format!("apiVersion: {long}\nkind: NetworkPolicy\nmetadata: {{name: a}}\n"));
    check(&foreign, &[("Warning FOREIGN_KIND t.yaml:2: ", "x…` is not supported")]);
    assert!(said(&foreign)[0].len() < 500);
}

#[test]
fn many_errors_and_many_values_stay_bounded() {
    let documents = load_text(&"---\na: [\n---\nb: c\n".repeat(5_000));
    let found = said(&documents);
    assert_eq!(found.len(), 2_002);
    let rest = ["Error SYNTAX 4000 more findings", "Note NOT_KUBERNETES 4000 more findings"];
    assert!(
        found[2_000..].iter().zip(rest).all(|(f, r)| f.starts_with(r)),
        "{:?}",
        &found[2_000..]
    );
    let loaded =
        load_text(&format!("{POLICY}{{matchExpressions: [{}]}}\n", vec!["{}"; 100_000].join(",")));
    assert!(loaded.diagnostics.len() <= 200, "{}", loaded.diagnostics.len());
    assert!(loaded.cluster.policies().is_empty());
    let many = format!("{POD}[{}]\n", vec!["1"; 3_000_000].join(","));
    harmless(&many, &[DiagnosticCode::Limit]);
}

#[test]
fn a_broken_second_document_is_one_error() {
    for broken in [
        "a: [",
        "a: \"",
        "\tb: c",
        "a: b\n c: d",
        "a: b: c",
        "- a\nb: c",
        "key: |\n x\n y: z\n bad",
        "%YAML 9",
    ] {
        let text = format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\n---\napiVersion: v1\nkind: Pod\n{broken}\n---\napiVersion: v1\nkind: Pod\nmetadata: {{name: c}}\n"
        );
        let loaded = load_text(&text);
        assert_eq!(loaded.errors().count(), 1, "{broken}: {:#?}", said(&loaded));
        assert_eq!(loaded.cluster.pods().len(), 2, "{broken}");
    }
}

#[test]
fn what_breaks_lines_for_kubectl_alone_hides_nothing() {
    for mark in ["\u{85}", "\u{2028}", "\u{2029}"] {
        let loaded = load_spec(&format!("  # note{mark}  egress: [{{}}]\n  podSelector: {{}}"));
        check(
            &loaded,
            &[("Error SYNTAX t.yaml:5: a character here ends the line in YAML 1.1", "")],
        );
        let pod = format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: a}} # x{mark}---{mark}kind: Pod\n"
        );
        assert_eq!(load_text(&pod).errors().count(), 1);
    }
    let old_mac = load_text(
        "apiVersion: v1\rkind: Pod\rmetadata: {name: a}\r---\rapiVersion: v1\rkind: Pod\rmetadata: {name: b}\r",
    );
    let found = said(&old_mac);
    assert!(found.len() == 1 && found[0].contains("a second document starts here"), "{found:#?}");
    let one = load_text("apiVersion: v1\rkind: Pod\rmetadata: {name: a}\r");
    assert_eq!((one.cluster.pods().len(), one.errors().count()), (1, 0));
}

#[test]
fn what_kubectl_reads_otherwise_is_refused() {
    let loaded = load_spec("  podSelector: {}\n  ingress:\n  - ports: [?port: 80]");
    check(
        &loaded,
        &[("Error SYNTAX t.yaml:7: readers of YAML 1.1 and 1.2 understand this differently", "")],
    );
}

#[test]
fn a_line_of_many_megabytes_is_refused() {
    let line =
        format!("{{apiVersion: v1, kind: List, items: [{}]}}", vec!["{a: b}"; 1_000_000].join(","));
    harmless(&line, &[DiagnosticCode::Limit]);
}

#[test]
fn ports_of_admin_policies_follow_yaml_1_1_too() {
    let text = "apiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\nmetadata: {name: p}\nspec:\n  tier: Admin\n  priority: 010\n  subject: \
                {namespaces: {}}\n  ingress:\n  - action: Deny\n    from: [{namespaces: {}}]\n    protocols: [{tcp: {destinationPort: {number: 0100}}}]\n";
    let loaded = load_text(text);
    check(
        &loaded,
        &[
            (
                "Warning YAML_TRAP t.yaml:6: clusternetworkpolicy/p: spec.priority: `010` is 8 in YAML 1.1",
                "",
            ),
            ("Warning YAML_TRAP t.yaml:11: ", "`0100` is 64 in YAML 1.1"),
        ],
    );
    let PolicySpec::Admin(spec) = &loaded.cluster.policies()[0].spec else { panic!() };
    assert_eq!(spec.priority, Some(8));
    assert_eq!(spec.ingress[0].ports, [AdminPort::Number(Protocol::Tcp, 64)]);
}
