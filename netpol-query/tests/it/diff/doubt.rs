//! What the input does not tell is neither opened nor closed.

use super::{Ran, Repository};

const PODS: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: a}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: a, labels: {app: web}}
spec: {containers: [{name: c, image: i}]}
---
apiVersion: v1
kind: Pod
metadata: {name: db, namespace: a, labels: {app: db}}
spec: {containers: [{name: c, image: i}]}
---
";

fn policy(name: &str, rules: &str) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: {name}, namespace: a}}\n\
         spec: {{podSelector: {{matchLabels: {{app: db}}}}, policyTypes: [Ingress], ingress: [{rules}]}}\n---\n"
    )
}

fn diff(before: &str, after: &str, args: &[&str]) -> Ran {
    let [old, new] = [before, after].map(|text| format!("{PODS}{text}"));
    let folder = Repository::folder(&[("old.yaml", &old), ("new.yaml", &new)]);
    folder.run(&[&["diff", "--base", "old.yaml", "--head", "new.yaml"], args].concat())
}

/// From certain to unknown.
fn doubted(args: &[&str]) -> Ran {
    let outside = "{ipBlock: {cidr: 10.0.0.0/8}}";
    let before = policy("db", &format!("{{from: [{{podSelector: {{}}}}, {outside}]}}"));
    diff(&before, &policy("db", &format!("{{from: [{outside}]}}")), args)
}

#[test]
fn what_may_still_be_open_is_not_closed() {
    let ran = doubted(&[]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.out.starts_with("? 1 flow: web → db:any (UNKNOWN now)"), "{}", ran.out);
    assert!(ran.out.contains("0 opened · 0 closed · 1 in doubt"), "{}", ran.out);
    assert!(!ran.out.contains("may have changed"), "said twice: {}", ran.out);
    let json = doubted(&["-o", "json"]).json();
    assert_eq!(json["rows"][0]["verdict"], "UNKNOWN", "{json}");
    assert_eq!(json["rows"][0]["doubt"]["after"], "UNKNOWN");
    assert_eq!(json["rows"][0]["change"], "removed");
}

#[test]
fn what_may_have_been_open_is_in_doubt_too() {
    let outside = "{ipBlock: {cidr: 10.0.0.0/8}}";
    let after = policy("db", &format!("{{from: [{{podSelector: {{}}}}, {outside}]}}"));
    let before = policy("db", &format!("{{from: [{outside}]}}"));
    let ran = diff(&before, &after, &[]);
    assert!(ran.out.starts_with("? 1 flow: web → db:any (UNKNOWN before)"), "{}", ran.out);
    let json = diff(&before, &after, &["-o", "json"]).json();
    assert_eq!(json["rows"][0]["verdict"], "ALLOW");
    assert_eq!(json["rows"][0]["doubt"]["before"], "UNKNOWN");
}

#[test]
fn every_form_says_why_a_gate_fails_on_doubt() {
    for format in ["csv", "github", "sarif", "gitlab", "junit", "markdown"] {
        let ran = doubted(&["-o", format]);
        assert_eq!(ran.code, 1, "{format}: {}", ran.err);
        let said =
            ["in doubt", "in-doubt", "UNKNOWN now"].iter().any(|text| ran.out.contains(text));
        assert!(said, "{format}: {}", ran.out);
        assert!(!ran.out.contains("1 closed"), "{format}: {}", ran.out);
    }
    assert!(doubted(&["-o", "markdown"]).out.contains("#### In doubt (1)"));
    // From unknown to denied there is no row.
    let before = policy("db", "{from: [{ipBlock: {cidr: 192.0.2.1/32}}], ports: [{port: 80}]}");
    let csv = diff(&before, &policy("db", ""), &["-o", "csv"]).out;
    assert!(csv.contains("in doubt,a/pod/web,a/pod/db,,"), "{csv}");
    let github = diff(&before, &policy("db", ""), &["-o", "github"]).out;
    assert!(github.contains("::warning title=in-doubt In doubt::1 flow may"), "{github}");
    let json = diff(&before, &policy("db", ""), &["-o", "json"]).json();
    let warnings = json["warnings"].to_string();
    assert!(warnings.contains("of 1 pair the input does not tell whether it changed"), "{json}");
}

#[test]
fn causes_that_are_not_listed_are_counted_truly() {
    // Each of them isolates: all had to go.
    let policies = |n: usize| (0..n).map(|i| policy(&format!("p{i}"), "")).collect::<String>();
    let ran = diff(&policies(6), "", &[]);
    assert!(
        ran.out.contains("    and 2 more: taking back any one of them would undo this as well"),
        "{}",
        ran.out
    );
    let ran = diff(&policies(5), "", &[]);
    assert!(ran.out.contains("    and 1 more: taking it back alone would undo"), "{}", ran.out);
}
