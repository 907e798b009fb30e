//! `lint`, the command and the sentence: forms, exit codes, configuration, what is accepted, and what is found in real manifests.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use netpol_bench::preset::Preset;
use netpol_bench::stopwatch::Stopwatch;
use netpol_core::lint::{Finding, LintOptions, RULES, Severity, find_rule, lint};
use netpol_core::model::Dialect;
use netpol_core::reach::Snapshot;
use netpol_core::sources::{LoadOptions, Source, load};
use netpol_query::cli::{Streams, Surroundings, run};
use serde_json::Value;

use crate::program::Ran;

/// A folder of manifests that is removed with the value.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let path = std::env::temp_dir().join(format!("netpol-lint-{}-{name}", std::process::id()));
        for (file, text) in files {
            let file = path.join(file);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        }
        Self(path)
    }

    /// Runs the program in this folder, on all of it.
    fn run(&self, args: &[&str]) -> Ran {
        self.run_in("", args)
    }

    /// Runs the program in a folder below, on all of this one.
    fn run_in(&self, below: &str, args: &[&str]) -> Ran {
        let path = self.0.to_str().unwrap();
        let fixed = ["netpol-query", "-f", path];
        let args = fixed.iter().chain(args).map(OsString::from);
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let directory = Some(self.0.join(below));
        let around = Surroundings { directory, ..Surroundings::default() };
        let mut streams = Streams { input: &mut &b""[..], out: &mut out, err: &mut err };
        let code = run(args.collect(), &mut streams, &around);
        let text = |bytes| String::from_utf8(bytes).unwrap().replace(path, "");
        Ran { code, out: text(out), err: text(err) }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

const SHOP: &str = "\
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: frontend}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: default-deny, namespace: shop}
spec: {podSelector: {}, policyTypes: [Ingress]}
";

const TYPO: &str = "\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: web
  namespace: shop
spec:
  podSelector:
    matchLabels:
      app: fronend
  ingress:
  - ports: [{port: 80, protocol: TCP}]
";

const NULLED: &str = "\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: nulled, namespace: shop}
spec:
  podSelector:
    matchLabels:
";

fn shop(name: &str) -> Folder {
    Folder::new(name, &[("shop.yaml", SHOP), ("web.yaml", TYPO)])
}

#[test]
fn text_reads_like_a_compiler() {
    let ran = shop("text").run(&["lint"]);
    let expected = "\
warning[E15]: namespace shop: nothing isolates 1 of 1 workload for egress: pod/web
  --> /shop.yaml:2  namespace/shop
   = help: add a NetworkPolicy with `podSelector: {}`, `policyTypes: [Egress]` and no rules

warning[E01]: spec.podSelector: `app=fronend` selects no pod in namespace shop
  --> /web.yaml:2  shop/networkpolicy/web
   = help: did you mean `app=frontend`?

warning[E03]: spec.podSelector: `app=fronend` is asked for, but pod/web carries `app=frontend`, which is not quite the same
  --> /web.yaml:2  shop/networkpolicy/web
   = help: did you mean `app=frontend`?

3 warnings in 2 policies
";
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, expected, ""));
}

#[test]
fn where_nothing_is_wrong_it_says_so() {
    let text = SHOP.replace("[Ingress]", "[Ingress, Egress]");
    let text = text.replace("spec: {podSelector: {}, ", "spec: {podSelector: {}, egress: [{ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}]}], ");
    let folder = Folder::new("clean", &[("shop.yaml", &text)]);
    let ran = folder.run(&["lint", "--fail-on", "info"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, "no mistakes found in 1 policy\n"));
    assert_eq!(folder.run(&["lint", "-o", "gitlab"]).out, "[]\n");
    assert!(folder.run(&["lint", "-o", "junit"]).out.contains("tests=\"1\" failures=\"0\""));
}

#[test]
fn json_has_the_fields_of_the_contract_and_an_edit() {
    let ran = shop("json").run(&["lint", "-o", "json"]);
    let json: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(
        (&json["schema"], &json["query"], &json["result"]),
        (&"netpol-query/v1".into(), &"lint".into(), &"ROWS".into())
    );
    let row = json["rows"].as_array().unwrap().iter().find(|r| r["id"] == "E03").unwrap();
    let keys: Vec<&str> = row.as_object().unwrap().keys().map(String::as_str).collect();
    let mut contract =
        ["id", "severity", "object", "file", "line", "message", "fix", "edit", "objects"];
    contract.sort_unstable();
    assert_eq!(keys, contract);
    assert_eq!(row["object"], "shop/networkpolicy/web");
    assert_eq!(row["objects"], serde_json::json!(["shop/pod/web"]));
    let edit = serde_json::json!({"op": "replace", "path": "/spec/podSelector", "value": {"matchLabels": {"app": "frontend"}}});
    assert_eq!(row["edit"], edit);
    let order =
        ["\"id\"", "\"severity\"", "\"object\"", "\"file\"", "\"line\"", "\"message\"", "\"fix\""];
    let places: Vec<usize> = order.iter().map(|key| ran.out.find(key).unwrap()).collect();
    assert!(places.is_sorted(), "{}", ran.out);
    let lines = shop("jsonl").run(&["lint", "-o", "jsonl"]).out;
    assert_eq!(lines.lines().count(), 1);
}

#[test]
fn tables_have_a_row_for_each_finding() {
    let folder = shop("tables");
    let csv = folder.run(&["lint", "-o", "csv"]).out;
    assert!(csv.starts_with("id,severity,object,file,line,message,fix\nE15,warning,"), "{csv}");
    let markdown = folder.run(&["lint", "-o", "markdown"]).out;
    assert_eq!((csv.lines().count(), markdown.lines().count()), (4, 5), "{markdown}");
}

#[test]
fn the_severity_that_fails_is_that_of_the_command_line() {
    let folder = shop("fail");
    for (severity, code) in [("error", 0), ("warning", 1), ("info", 1), ("none", 0)] {
        assert_eq!(folder.run(&["lint", "--fail-on", severity]).code, code, "{severity}");
    }
    let wrong = folder.run(&["lint", "--fail-on", "added"]);
    assert_eq!(wrong.code, 2);
    assert!(wrong.err.contains("it is error, warning, info or none"), "{}", wrong.err);
    let wrong = folder.run(&["lint", "-o", "svg"]);
    assert!(wrong.code == 2 && wrong.err.contains("sarif"), "{}", wrong.err);
    let nulled = Folder::new("nulled", &[("shop.yaml", SHOP), ("nulled.yaml", NULLED)]);
    assert_eq!(nulled.run(&["lint"]).code, 1);
}

#[test]
fn what_the_reader_refuses_is_listed_in_every_form_and_ends_with_two() {
    let broken = TYPO.replace("ingress:\n  - ports", "ingres:\n  - ports")
        + "---\n"
        + &TYPO.replace("port: 80,", "port: 0,");
    let folder = Folder::new("refused", &[("shop.yaml", SHOP), ("web.yaml", &broken)]);
    for format in
        ["text", "json", "jsonl", "yaml", "csv", "markdown", "sarif", "github", "gitlab", "junit"]
    {
        let ran = folder.run(&["lint", "-o", format, "--fail-on", "none"]);
        assert_eq!(ran.code, 2, "{format}");
        assert!(ran.out.contains("E27") && ran.out.contains("Y3"), "{format}: {}", ran.out);
        assert!(!ran.out.contains("E15"), "{format}: what is left is not the input that is meant");
    }
    let ran = folder.run(&["lint", "--keep-going"]);
    assert!(ran.code == 2 && ran.out.contains("E15"), "{}", ran.out);
}

#[test]
fn sarif_is_valid_by_the_published_schema_and_takes_no_path_of_the_machine() {
    let folder = Folder::new(
        "sarif",
        &[
            (".git/HEAD", ""),
            ("k8s/shop.yaml", SHOP),
            ("k8s/my web.yaml", TYPO),
            ("k8s/nulled.yaml", NULLED),
        ],
    );
    let ran = folder.run_in("k8s", &["lint", "-o", "sarif"]);
    let sarif: Value = serde_json::from_str(&ran.out).unwrap();
    assert_valid(&sarif);
    let run = &sarif["runs"][0];
    let uris: Vec<&str> = run["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].as_str().unwrap())
        .collect();
    assert!(
        uris.contains(&"k8s/my%20web.yaml") && uris.iter().all(|uri| uri.starts_with("k8s/")),
        "{uris:?}"
    );
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    for result in run["results"].as_array().unwrap() {
        let rule = &rules[usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
        assert_eq!(rule["id"], result["ruleId"]);
        assert!(!rule["help"]["text"].as_str().unwrap().is_empty());
    }
    // Lines move, fingerprints stay.
    let moved = Folder::new(
        "sarif-moved",
        &[
            (".git/HEAD", ""),
            ("k8s/shop.yaml", SHOP),
            ("k8s/my web.yaml", &format!("# a comment\n\n{TYPO}")),
            ("k8s/nulled.yaml", NULLED),
        ],
    );
    let moved: Value =
        serde_json::from_str(&moved.run_in("k8s", &["lint", "-o", "sarif"]).out).unwrap();
    let prints = |sarif: &Value| -> Vec<Value> {
        let results = sarif["runs"][0]["results"].as_array().unwrap();
        results.iter().map(|r| r["partialFingerprints"].clone()).collect()
    };
    assert_eq!(prints(&sarif), prints(&moved));
    let mut distinct = prints(&sarif);
    distinct.dedup();
    assert_eq!(distinct.len(), uris.len());
}

fn assert_valid(sarif: &Value) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemas/sarif-2.1.0.json");
    let schema: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let mut compiler = boon::Compiler::new();
    compiler.enable_format_assertions();
    compiler.add_resource("sarif.json", schema).unwrap();
    let mut schemas = boon::Schemas::new();
    let index = compiler.compile("sarif.json", &mut schemas).unwrap();
    if let Err(error) = schemas.validate(sarif, index) {
        panic!("{error:#}");
    }
    let broken = serde_json::json!({"version": "2.1.0", "runs": [{"results": []}]});
    assert!(schemas.validate(&broken, index).is_err(), "the schema asks for a tool");
}

#[test]
fn annotations_keep_to_what_github_shows() {
    let policy =
        |n: usize| format!("---\n{}", TYPO.replace("name: web", &format!("name: web-{n}")));
    let many: String = (0..30).map(policy).collect();
    let folder = Folder::new("github", &[("shop.yaml", SHOP), ("a,b.yaml", &many)]);
    let ran = folder.run(&["lint", "-o", "github"]);
    let warnings: Vec<&str> = ran.out.lines().filter(|l| l.starts_with("::warning")).collect();
    assert_eq!(warnings.len(), 10);
    assert!(
        warnings[0]
            .starts_with("::warning file=a%2Cb.yaml,line=3,title=E01 podSelector selects no pod::"),
        "{}",
        warnings[0]
    );
    assert!(warnings[0].contains("%0Adid you mean"), "{}", warnings[0]);
    assert!(warnings[9].contains("more of this level"), "{}", warnings[9]);
    assert!(ran.out.lines().filter(|l| l.starts_with("::notice")).count() <= 10);
    assert!(ran.out.ends_with("policies\n"), "{}", ran.out);
}

#[test]
fn gitlab_and_junit_say_where_and_what() {
    let folder = shop("gitlab");
    let report: Value = serde_json::from_str(&folder.run(&["lint", "-o", "gitlab"]).out).unwrap();
    let entry =
        report.as_array().unwrap().iter().find(|e| e["check_name"] == "netpol-query/E03").unwrap();
    assert_eq!(entry["location"], serde_json::json!({"path": "web.yaml", "lines": {"begin": 2}}));
    assert_eq!(entry["severity"], "minor");
    assert!(entry["fingerprint"].as_str().unwrap().len() > 30);
    let junit = folder.run(&["lint", "-o", "junit"]).out;
    assert!(junit.contains("<testsuite name=\"web.yaml\" tests=\"2\" failures=\"2\">"), "{junit}");
    assert!(junit.contains("<failure type=\"warning\""), "{junit}");
}

#[test]
fn the_nearest_configuration_counts() {
    let config = "[lint]\nfail-on = \"warning\"\n\n[lint.severity]\nE15 = \"off\"\nE03 = \"error\"\n\n[[lint.ignore]]\nids = [\"E01\"]\nobject = \"shop/networkpolicy/*\"\nreason = \"comes with the next release\"\n";
    let folder = Folder::new(
        "config",
        &[("a/b/shop.yaml", SHOP), ("a/b/web.yaml", TYPO), (".netpol-query.toml", config)],
    );
    let ran = folder.run_in("a/b", &["lint"]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.out.starts_with("error[E03]")
            && ran.out.ends_with("1 error in 2 policies; 1 accepted\n"),
        "{}",
        ran.out
    );
    let sentence = folder.run_in("a", &["lint | count"]);
    assert_eq!(sentence.out, "1\n");
    let other = folder.0.join("other.toml");
    std::fs::write(&other, "[lint.severity]\nE01 = \"off\"\nE03 = \"off\"\nE15 = \"off\"\n")
        .unwrap();
    let ran = folder.run(&["lint", "--config", other.to_str().unwrap(), "--fail-on", "info"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, "no mistakes found in 2 policies\n"));
    std::fs::write(&other, "[lint]\nfial-on = \"error\"\n").unwrap();
    let ran = folder.run(&["lint", "--config", other.to_str().unwrap()]);
    assert!(
        ran.code == 2 && ran.err.contains("other.toml:2: unknown field `fial-on`"),
        "{}",
        ran.err
    );
    let ran = folder.run(&["--config", other.to_str().unwrap(), "lint | count"]);
    assert!(ran.code == 2 && ran.err.contains("fial-on"), "{}", ran.err);
    let ran = folder.run(&["--config", other.to_str().unwrap(), "list policies | count"]);
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (0, "2\n"),
        "a configuration of lint is in nobody else's way"
    );
}

#[test]
fn an_annotation_accepts_what_it_names_and_no_more() {
    let annotated = |value: &str| {
        TYPO.replace(
            "  name: web\n",
            &format!("  name: web\n  annotations: {{netpol-query/lint-ignore: \"{value}\"}}\n"),
        )
    };
    let ids = |value: &str| -> Vec<String> {
        let folder = Folder::new(
            &format!("annotation-{}", value.len()),
            &[("shop.yaml", SHOP), ("web.yaml", &annotated(value))],
        );
        let json: Value = serde_json::from_str(&folder.run(&["lint", "-o", "json"]).out).unwrap();
        let rows = json["rows"].as_array().unwrap();
        rows.iter().map(|r| r["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids("E01, E03 the pods come tomorrow"), ["E15"]);
    assert_eq!(ids("E03"), ["E15", "E01"]);
    assert_eq!(ids("E99 no such rule"), ["E15", "E01", "E03"]);
    assert_eq!(ids("because of E01"), ["E15", "E01", "E03"]);
}

#[test]
fn sentences_ask_the_same() {
    let folder = shop("sentences");
    let out = |sentence: &str| folder.run(&[sentence, "list policies | count"]).out;
    assert!(out("lint ns/shop >= warning").starts_with("warning[E15]"));
    assert_eq!(out("lint = error"), "no mistakes found in 2 policies\n2\n");
    assert_eq!(out("lint | where id = E01 | count"), "1\n2\n");
    assert_eq!(out("lint | where severity >= warning | count"), "3\n2\n");
    assert_eq!(out("lint | group by severity"), "severity  count\nwarning   3\n2\n");
    assert_eq!(out("lint | select id, line | limit 1"), "id   line\nE15  2\n2\n");
    assert!(
        out("lint | limit 1 | as csv")
            .starts_with("id,severity,object,file,line,message,fix\nE15,")
    );
    assert!(out("lint pod/web").contains("E03"), "what concerns the pod is about it");
    let wrong = folder.run(&["lint ns/nowhere", "list policies"]);
    assert_eq!(wrong.code, 2);
}

#[test]
fn what_a_change_takes_away_is_not_found_any_more() {
    let folder = Folder::new("changed", &[("shop.yaml", SHOP), ("nulled.yaml", NULLED)]);
    let out = |sentence: &str| folder.run(&[sentence, "list policies | count"]).out;
    assert_eq!(out("lint | where id = E34 | count"), "1\n2\n");
    assert_eq!(out("with delete netpol/nulled: lint | where id = E34 | count"), "0\n2\n");
    assert_eq!(out("with isolate ns/shop egress: lint | where id = E15 | count"), "0\n2\n");
}

#[test]
fn contracts_may_ask_for_policies_without_mistakes() {
    let folder = shop("contract");
    let ran = folder.run(&["expect no lint >= error", "expect no lint"]);
    assert_eq!(ran.code, 1);
    let expected = "\
PASS  expect no lint >= error
FAIL  expect no lint
  3 findings
  warning[E15] /shop.yaml:2  namespace/shop: namespace shop: nothing isolates 1 of 1 workload for egress: pod/web
";
    assert!(ran.out.starts_with(expected), "{}", ran.out);
    let json = folder.run(&["-o", "jsonl", "expect no lint", "list policies"]).out;
    let json: Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
    assert_eq!(
        (&json["pass"], &json["count"], &json["rows"][0]["id"]),
        (&false.into(), &3.into(), &"E15".into())
    );
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    for format in ["text", "json", "sarif", "github", "gitlab", "junit"] {
        let once = shop("bytes-a").run(&["lint", "-o", format]).out;
        let again = shop("bytes-a").run(&["lint", "-o", format]).out;
        assert_eq!(once, again, "{format}");
    }
}

fn found(text: &str) -> Vec<Finding> {
    let source = Source::Bytes { name: "-".into(), bytes: text.as_bytes().into() };
    judged(&[source])
}

fn judged(sources: &[Source]) -> Vec<Finding> {
    let loaded = load(sources, &LoadOptions::default());
    assert_eq!(loaded.errors().count(), 0);
    let diagnostics = [loaded.diagnostics, loaded.remarks].concat();
    let snapshot = Snapshot::new(loaded.cluster, Dialect::spec());
    lint(&snapshot, &diagnostics, &LintOptions::default())
}

#[test]
fn of_policies_alone_nothing_is_said_that_only_pods_could_tell() {
    let text = "\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
  policyTypes: [Ingress, Egress]
  ingress:
  - from: [{podSelector: {matchLabels: {app: api}}}, {namespaceSelector: {matchLabels: {name: ops}}}]
    ports: [{port: http, protocol: TCP}, {port: 80, protocol: TCP}]
  egress:
  - to: [{namespaceSelector: {}, podSelector: {matchLabels: {k8s-app: kube-dns}}}]
    ports: [{port: 53, protocol: UDP}]
";
    let ids: Vec<&str> = found(text).iter().map(|f| f.id).collect();
    assert_eq!(ids, ["Y4"]);
}

#[test]
fn a_peer_in_a_namespace_that_is_not_in_the_input_may_be_there() {
    let text = SHOP.to_owned() + "---\n" + "\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  podSelector: {matchLabels: {app: frontend}}
  ingress:
  - from: [{namespaceSelector: {matchLabels: {team: ops}}, podSelector: {matchLabels: {app: agent}}}]
  - from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: monitoring}}}]
  - from: [{namespaceSelector: {}, podSelector: {matchLabels: {app: probe}}}]
";
    let claims = ["E01", "E02", "E03", "E04", "E23"];
    let wrong: Vec<Finding> = found(&text).into_iter().filter(|f| claims.contains(&f.id)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    // Once the nodes are there too, the input is the cluster.
    let whole = "apiVersion: v1\nkind: Node\nmetadata: {name: one}\n---\n".to_owned() + &text;
    let ids: Vec<&str> =
        found(&whole).iter().map(|f| f.id).filter(|id| claims.contains(id)).collect();
    assert_eq!(ids, ["E04", "E04", "E02"]);
}

#[test]
fn pods_that_an_operator_makes_are_not_missed() {
    let text = SHOP.to_owned()
        + "---\napiVersion: monitoring.coreos.com/v1\nkind: Prometheus\nmetadata: {name: k8s, namespace: shop}\n---\n\
apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: prometheus, namespace: shop}\nspec: {podSelector: {matchLabels: {app: prometheus}}}\n";
    let ids: Vec<&str> = found(&text).iter().map(|f| f.id).collect();
    assert!(!ids.contains(&"E01"), "{ids:?}");
}

#[test]
fn every_rule_has_a_title_and_says_what_to_do() {
    assert_eq!(RULES.len(), 51);
    for rule in RULES {
        assert!(!rule.title.is_empty() && !rule.help.is_empty(), "{}", rule.id);
        assert_eq!(find_rule(rule.id), Some(rule));
    }
    assert!(RULES.is_sorted_by_key(|r| r.id.trim_end_matches(|c: char| c.is_ascii_digit())));
}

/// Every finding about what a selector, a port or the shape of a policy cannot mean, in the manifests that stand beside a
/// checkout, with the reason for which it is true.
const TRUE_FINDINGS: [(&str, &str, &str, &str, &str); 7] = [
    (
        "sock-shop",
        "E01",
        "sock-shop/networkpolicy/cart-access",
        "`name=cart`",
        "the pods of deployment/carts carry name=carts",
    ),
    (
        "sock-shop",
        "E03",
        "sock-shop/networkpolicy/cart-access",
        "`name=carts`",
        "one letter is missing",
    ),
    (
        "sock-shop",
        "E02",
        "sock-shop/networkpolicy/carts-db-access",
        "`name=cart`",
        "no pod of the namespace carries name=cart",
    ),
    (
        "sock-shop",
        "E03",
        "sock-shop/networkpolicy/carts-db-access",
        "`name=carts`",
        "one letter is missing",
    ),
    (
        "sock-shop",
        "E34",
        "sock-shop/networkpolicy/cortex-access",
        "spec.podSelector.matchLabels",
        "matchLabels has no value, so that all 14 workloads are selected",
    ),
    (
        "sock-shop",
        "E02",
        "sock-shop/networkpolicy/cortex-access",
        "`name=cortex`",
        "cortex runs nowhere in the manifests",
    ),
    (
        "argo-cd",
        "E18",
        "default/networkpolicy/argocd-redis-ha-proxy-network-policy",
        "26379",
        "26379 is the port of the sentinels, haproxy declares 6379, 8888 and 9101",
    ),
];

#[test]
fn real_manifests_hold_these_mistakes_and_no_others() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/inputs");
    if !root.is_dir() {
        eprintln!("SKIPPED: 1 test needs {}", root.display());
        return;
    }
    let claims =
        ["E01", "E02", "E03", "E04", "E05", "E16", "E17", "E18", "E19", "E20", "E23", "E31", "E34"];
    for input in ["argo-cd", "kube-prometheus", "online-boutique", "sock-shop"] {
        let findings = judged(&[Source::Path(root.join(input))]);
        let claimed: Vec<&Finding> = findings.iter().filter(|f| claims.contains(&f.id)).collect();
        let known: Vec<_> = TRUE_FINDINGS.iter().filter(|t| t.0 == input).collect();
        for (finding, (_, id, object, part, _)) in claimed.iter().zip(&known) {
            let place = (finding.id, finding.object.as_deref().unwrap());
            assert_eq!(place, (*id, *object), "{finding:?}");
            assert!(finding.message.contains(part), "{finding:?}");
        }
        assert_eq!(claimed.len(), known.len(), "{input}: {claimed:#?}");
    }
}

#[test]
fn ten_thousand_pods_are_looked_at_in_a_moment() {
    let cluster = netpol_bench::generate::cluster(Preset::Enterprise, 10_000, 1).unwrap();
    let snapshot = Snapshot::new(cluster, Dialect::spec());
    let watch = Stopwatch::start();
    let findings = lint(&snapshot, &[], &LintOptions::default());
    let elapsed = watch.elapsed();
    eprintln!(
        "{} findings in {} policies: {elapsed:?}",
        findings.len(),
        snapshot.cluster().policies().len()
    );
    assert!(findings.iter().any(|f| f.severity >= Severity::Warning));
    assert!(elapsed.as_secs() < 20, "{elapsed:?}: some check looks at pairs of pods");
}

#[test]
fn a_filter_that_nothing_matches_finds_no_innocence() {
    let policy = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p}\n\
                  spec: {podSelector: {matchLabels: {app: none}}}\n";
    let ran = crate::program::program(&["-f", "-", "lint | where id = E99"], policy);
    assert!(!ran.out.contains("no mistakes found"), "{}", ran.out);
    assert!(ran.out.contains("matches") || ran.out.contains("does not match"), "{}", ran.out);
}
