//! Unknown addresses, ties and domain names: what is in doubt is said, counted and never guessed.

use crate::program::program;

const CLUSTER: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: a}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: a}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: i}]}
---
apiVersion: v1
kind: Pod
metadata: {name: db, namespace: a, labels: {app: db}}
spec: {containers: [{name: c, image: i}]}
---
apiVersion: v1
kind: Pod
metadata: {name: log, namespace: a, labels: {app: log}}
spec: {containers: [{name: c, image: i}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: log, namespace: a}
spec:
  podSelector: {matchLabels: {app: log}}
  ingress:
    - from: [{ipBlock: {cidr: 10.1.0.0/16}}]
---
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: open}
spec:
  tier: Admin
  priority: 5
  subject: {pods: {namespaceSelector: {}, podSelector: {matchLabels: {app: db}}}}
  ingress:
    - {name: let-in, action: Accept, from: [{namespaces: {}}]}
---
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: shut}
spec:
  tier: Admin
  priority: 5
  subject: {pods: {namespaceSelector: {}, podSelector: {matchLabels: {app: db}}}}
  ingress:
    - {action: Deny, from: [{namespaces: {}}]}
---
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: names}
spec:
  tier: Admin
  priority: 9
  subject: {pods: {namespaceSelector: {}, podSelector: {matchLabels: {app: web}}}}
  egress:
    - {action: Accept, to: [{domainNames: ['*.example.com']}]}
    - {action: Deny, to: [{networks: [0.0.0.0/0]}]}
";

fn ask(args: &[&str]) -> (u8, String, String) {
    let args: Vec<&str> = ["-f", "-"].iter().chain(args).copied().collect();
    let ran = program(&args, CLUSTER);
    (ran.code, ran.out, ran.err)
}

#[test]
fn an_unknown_address_is_unknown_and_a_cidr_settles_it() {
    let (code, out, _) = ask(&["can db reach log on 80"]);
    assert_eq!(code, 3, "{out}");
    assert!(out.starts_with("UNKNOWN") && out.contains("the address of db is not known"), "{out}");
    assert_eq!(ask(&["--pod-cidr", "10.1.2.0/24", "can db reach log on 80"]).0, 0);
    assert_eq!(ask(&["--pod-cidr", "10.2.0.0/24", "can db reach log on 80"]).0, 1);
}

#[test]
fn unknown_flows_are_counted_in_a_warning() {
    let (code, out, err) = ask(&["-o", "jsonl", "flows from db to log"]);
    assert_eq!(code, 0);
    assert!(out.contains("\"rows\":[]") && out.contains("\"code\":\"UNKNOWN_FLOWS\""), "{out}");
    let message =
        "warning: 1 pair is not known: a/pod/db to a/pod/log (`unknown flows` lists them)";
    assert!(err.contains(message), "{err}");
    let (_, out, _) = ask(&["unknown flows from db to log"]);
    assert!(out.contains("UNKNOWN  a/pod/db  → a/pod/log"), "{out}");
    let (code, _, _) = ask(&["expect no flows from db to log"]);
    assert_eq!(code, 3);
}

#[test]
fn a_tie_is_ambiguous_unless_it_is_broken() {
    let sentence = "can log reach db on 80";
    let (code, out, _) = ask(&[sentence]);
    assert_eq!(code, 3, "{out}");
    assert!(out.starts_with("AMBIGUOUS") && out.contains("cnp/open and cnp/shut"), "{out}");
    assert_eq!(ask(&["--tie-break", "name", sentence]).0, 0);
    let (_, out, _) = ask(&["-o", "jsonl", "flows from log to db"]);
    assert!(
        out.contains("\"code\":\"PRIORITY_TIE\"") && out.contains("cnp/open, cnp/shut"),
        "{out}"
    );
    let (_, out, _) = ask(&["-o", "jsonl", "--tie-break", "name", sentence]);
    assert!(out.contains("\"rule_name\":\"let-in\""), "{out}");
    assert!(
        out.contains("{\"kind\":\"ClusterNetworkPolicy\",\"namespace\":null,\"name\":\"open\"}"),
        "{out}"
    );
}

#[test]
fn domain_names_are_judged_by_name_and_by_the_addresses_that_are_told() {
    assert_eq!(ask(&["can web reach fqdn:api.example.com on 443"]).0, 0);
    assert_eq!(ask(&["can web reach 203.0.113.7 on 443"]).0, 3);
    let told = ["--fqdn", "api.example.com=203.0.113.7", "can web reach 203.0.113.7 on 443"];
    assert_eq!(ask(&told).0, 0);
    assert_eq!(ask(&["can fqdn:api.example.com reach web"]).0, 2);
}

#[test]
fn ways_in_doubt_are_neither_claimed_nor_denied() {
    let (_, out, err) = ask(&["paths from db to log"]);
    assert_eq!(out, "no certain path\n");
    assert!(err.contains("the verdict is in doubt"), "{err}");
    // What is in doubt elsewhere does not matter to a way that is denied.
    let (_, out, err) = ask(&["paths from web to log"]);
    assert_eq!(out, "no path\n");
    assert!(!err.contains("in doubt"), "{err}");
    assert_eq!(ask(&["expect no path from web to log"]).0, 0);
    assert_eq!(ask(&["expect no path from db to log"]).0, 3);
    assert_eq!(ask(&["expect db cannot eventually reach log"]).0, 3);
    let (_, out, _) = ask(&["exposure of log"]);
    assert!(out.contains("no certain way leads here from the internet"), "{out}");
    let (_, out, _) = ask(&["exposure of web"]);
    assert!(out.contains("the internet gets here directly"), "{out}");
}

#[test]
fn what_may_change_is_no_change_for_certain() {
    let (_, out, _) = ask(&["what if delete cnp/open"]);
    assert!(out.contains("no flow changes for certain\n? "), "{out}");
    let (_, out, _) = ask(&["what if delete cnp/names"]);
    assert!(!out.contains("for certain"), "{out}");
}
