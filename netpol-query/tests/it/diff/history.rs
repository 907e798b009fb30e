//! A history of ten commits, each of another kind: what each is said to change, and why.

use super::{BEFORE, Repository, rows};

/// Checks what the last commit is said to do: the headline, and each row with what made it.
fn check(repository: &Repository, headline: &str, said: &[(&str, &str)]) {
    let what = repository.git(&["log", "-1", "--format=%s"]);
    let args = ["diff", "--base", "git:HEAD~1:k8s", "--head", "git:HEAD"];
    let json = repository.run(&[&args[..], &["-o", "json"]].concat());
    let found = rows(&json.json());
    let found: Vec<(&str, &str)> = found.iter().map(|(a, b)| (&**a, &**b)).collect();
    assert_eq!(found, said, "{what}");
    let comment = repository.run(&[&args[..], &["-o", "markdown"]].concat());
    assert_eq!((json.code, comment.code), (1, 1), "{what}: {}", json.err);
    let line = comment.out.lines().nth(1).unwrap();
    assert_eq!(line, format!("### Network policy: {headline}"), "{what}");
}

/// Checks that the last commit changes nothing: nothing is printed in any form for people.
fn silent(repository: &Repository) {
    let what = repository.git(&["log", "-1", "--format=%s"]);
    for form in ["text", "wide", "markdown"] {
        let args = ["diff", "--base", "git:HEAD~1:k8s", "--head", "git:HEAD", "-o", form];
        let ran = repository.run(&args);
        assert_eq!((ran.code, &*ran.out, &*ran.err), (0, "", ""), "{what}");
    }
}

const REPORT: &str = "\
apiVersion: v1
kind: Pod
metadata: {name: report, namespace: shop, labels: {app: web}}
spec: {containers: [{name: c, image: i}]}
";

/// The namespaces as other text: another file, another order, another style.
const REFORMATTED: &str = "\
# The namespaces.
---
kind: Namespace
apiVersion: v1
metadata:
  labels:
    team: \"money\"   # who pays
  name: pay
---
kind: Namespace
apiVersion: v1
metadata:
  name: 'shop'
  labels:
    team: shop
";

#[test]
fn ten_commits_are_told_by_what_they_open_and_close_and_by_what_made_it() {
    let Some(repository) = Repository::new(&BEFORE) else { return };
    let [namespaces, workloads, policies] = BEFORE.map(|(path, _)| path);
    let edit = |path: &str, from: &str, to: &str, message: &str| {
        repository.edit(path, from, to);
        repository.commit(message);
    };

    let web = "{podSelector: {matchLabels: {app: web}}}";
    let pay = "{namespaceSelector: {matchLabels: {team: pay}}}";
    let (from, to) = (format!("from: [{web}]"), format!("from: [{web}, {pay}]"));
    edit(policies, &from, &to, "1 a policy lets another namespace in");
    let by_policy = "shop/networkpolicy/db modified k8s/policies.yaml:2";
    let gateway = "pay/deployment/gateway > shop/statefulset/db";
    check(
        &repository,
        "1 opened · 0 closed · 1 unchanged",
        &[(&format!("added {gateway}"), by_policy)],
    );

    let (from, to) = ("    metadata: {labels: {app: web}}", "    metadata: {labels: {app: front}}");
    let by_label = "shop/deployment/web modified k8s/workloads.yaml:2";
    let anywhere = "external:0.0.0.0-255.255.255.255";
    let [inward, outward] =
        [format!("{anywhere} > shop/deployment/web"), format!("shop/deployment/web > {anywhere}")];
    let said = |opens: &str, closes: &str, check: &dyn Fn(&[(&str, &str)])| {
        check(&[
            (&format!("{opens} pay/deployment/gateway > shop/deployment/web"), by_label),
            (&format!("{closes} shop/deployment/web > shop/statefulset/db"), by_label),
            (&format!("{opens} {outward}"), by_label),
            (&format!("{opens} {inward}"), by_label),
        ]);
    };
    edit(workloads, from, to, "2 a workload loses the label that policies select");
    said("added", "removed", &|rows| check(&repository, "3 opened · 1 closed · 1 unchanged", rows));
    edit(workloads, to, from, "3 it gets it back");
    said("removed", "added", &|rows| check(&repository, "1 opened · 3 closed · 1 unchanged", rows));

    edit(namespaces, "{team: pay}", "{team: money}", "4 a namespace is labelled otherwise");
    let by_namespace = "namespace/pay modified k8s/namespaces.yaml:6";
    check(
        &repository,
        "0 opened · 1 closed · 1 unchanged",
        &[(&format!("removed {gateway}"), by_namespace)],
    );

    edit(workloads, "containerPort: 5432", "containerPort: 5433", "5 a named port moves");
    let web_to_db = "shop/deployment/web > shop/statefulset/db";
    let by_port = "shop/statefulset/db modified k8s/workloads.yaml:12";
    check(
        &repository,
        "0 opened · 0 closed · 1 changed · 0 unchanged",
        &[(&format!("changed {web_to_db}"), by_port)],
    );

    repository.write("k8s/report.yaml", REPORT);
    repository.commit("6 a workload is added");
    let report = "shop/pod/report > shop/statefulset/db";
    check(
        &repository,
        "1 opened · 0 closed · 1 unchanged",
        &[(&format!("added {report}"), "shop/pod/report added k8s/report.yaml:2")],
    );

    repository.git(&["rm", "-q", "k8s/report.yaml"]);
    repository.commit("7 a workload is removed");
    check(
        &repository,
        "0 opened · 1 closed · 1 unchanged",
        &[(&format!("removed {report}"), "shop/pod/report removed k8s/report.yaml:2")],
    );

    edit(
        workloads,
        "{name: web, namespace: shop}",
        "{name: front, namespace: shop}",
        "8 a workload is renamed",
    );
    let renamed = "shop/deployment/front > shop/statefulset/db";
    check(
        &repository,
        "1 opened · 1 closed · 0 unchanged",
        &[
            (&format!("added {renamed}"), "shop/deployment/front added k8s/workloads.yaml:2"),
            (&format!("removed {web_to_db}"), "shop/deployment/web removed k8s/workloads.yaml:2"),
        ],
    );

    edit(
        policies,
        "{name: closed, namespace: pay}",
        "{name: sealed, namespace: pay}",
        "9 a policy is renamed",
    );
    silent(&repository);

    repository.git(&["rm", "-q", namespaces]);
    repository.write("k8s/base/ns.yml", REFORMATTED);
    repository.write(policies, &format!("# Who reaches whom.\n\n{}", repository.read(policies)));
    repository.commit("10 everything is written otherwise and moved");
    silent(&repository);
}

#[test]
fn a_policy_that_goes_is_shown_where_it_stood() {
    let Some(repository) = Repository::new(&BEFORE) else { return };
    let text = repository.read("k8s/policies.yaml");
    let rest: Vec<&str> = text.split("---\n").take(2).collect();
    repository.write("k8s/policies.yaml", &rest.join("---\n"));
    repository.commit("the gateway is open");
    let ran = repository.run(&["diff", "--base", "git:HEAD~1:k8s"]);
    let expected = "\
+ 5 flows:
    pay/deploy/gateway becomes reachable from shop/deploy/web, shop/sts/db and from outside, on all ports
";
    assert!(ran.out.contains("because pay/netpol/closed is removed"), "{}", ran.out);
    assert!(ran.out.contains("k8s/policies.yaml:21 (HEAD~1)"), "{}", ran.out);
    assert!(
        ran.out.contains("! 1 workload becomes unprotected (ingress and egress)\n"),
        "{}",
        ran.out
    );
    let _ = expected;
    let sarif = repository.run(&["diff", "--base", "git:HEAD~1:k8s", "-o", "sarif"]).json();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    let rules: Vec<&str> = results.iter().map(|r| r["ruleId"].as_str().unwrap()).collect();
    assert_eq!(rules, ["opened-from-outside", "opened-to-outside"]);
}
