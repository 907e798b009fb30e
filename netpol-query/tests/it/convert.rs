//! Converting admin policies: to the other version and back, what cannot be converted, and the outside corpus.

use std::path::Path;

use netpol_core::model::{Cluster, Dialect};
use netpol_core::reach::Snapshot;
use netpol_core::sources::{LoadOptions, Source, load};
use netpol_query::convert::{Target, convert};
use serde_json::{Value, json};

fn cluster(text: &str) -> Cluster {
    let source = Source::Bytes { name: "input.yaml".into(), bytes: text.as_bytes().into() };
    let loaded = load(&[source], &LoadOptions::default());
    let errors: Vec<String> = loaded.errors().map(ToString::to_string).collect();
    assert!(errors.is_empty(), "{errors:?}\n{text}");
    loaded.cluster
}

const PODS: &str = "
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: left, labels: {app: a}}
spec: {containers: [{name: c, ports: [{name: web, containerPort: 80}]}]}
status: {podIP: 10.0.0.1}
---
apiVersion: v1
kind: Pod
metadata: {name: b, namespace: right, labels: {app: b}}
status: {podIP: 10.0.0.2}
---
";

const POLICIES: &str = "
apiVersion: policy.networking.k8s.io/v1alpha1
kind: AdminNetworkPolicy
metadata: {name: guardrails}
spec:
  priority: 7
  subject: {pods: {namespaceSelector: {}, podSelector: {matchExpressions: [{key: app, operator: NotIn, values: [z]}]}}}
  ingress:
  - name: web
    action: Allow
    from: [{namespaces: {matchLabels: {kubernetes.io/metadata.name: right}}}]
    ports: [{namedPort: web}, {portNumber: {port: 443}}, {portRange: {protocol: UDP, start: 53, end: 53}}]
  - action: Pass
    from: [{pods: {namespaceSelector: {}, podSelector: {matchLabels: {app: a}}}}]
  egress:
  - action: Deny
    to: [{networks: [10.0.0.0/30]}]
---
apiVersion: policy.networking.k8s.io/v1alpha1
kind: BaselineAdminNetworkPolicy
metadata: {name: default}
spec:
  subject: {namespaces: {}}
  ingress:
  - action: Deny
    from: [{namespaces: {}}]
";

#[test]
fn a_policy_converted_there_and_back_answers_as_before() {
    let old = cluster(&format!("{PODS}{POLICIES}"));
    let there = convert(&old, Dialect::spec(), Target::ClusterNetworkPolicy);
    assert_eq!((there.converted, there.equal), (2, Some(true)), "{:?}", there.refused);
    assert!(there.yaml.contains("number: 53"), "a range of one port is a number:\n{}", there.yaml);
    let new = cluster(&format!("{PODS}{}", there.yaml));
    let back = convert(&new, Dialect::spec(), Target::AdminNetworkPolicy);
    assert_eq!((back.converted, back.equal), (2, Some(true)), "{:?}", back.refused);
    let again = cluster(&format!("{PODS}{}", back.yaml));
    let flows = |cluster| Snapshot::new(cluster, Dialect::spec()).flows();
    assert_eq!(flows(old), flows(again));
}

#[test]
fn what_cannot_be_converted_is_named() {
    let rule = "[{action: Pass, from: [{namespaces: {}}]}]";
    let baseline = |name: &str, ingress: &str| {
        format!(
            "apiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\nmetadata: {{name: {name}}}\n\
             spec: {{tier: Baseline, priority: 1, subject: {{namespaces: {{}}}}, ingress: {ingress}}}\n---\n"
        )
    };
    let refusals = |text: &str| -> Vec<String> {
        let conversion = convert(&cluster(text), Dialect::spec(), Target::AdminNetworkPolicy);
        assert_eq!(conversion.equal, None);
        conversion.refused.iter().map(|(_, refusal)| refusal.to_string()).collect()
    };
    let pass = refusals(&format!("{PODS}{}", baseline("one", rule)));
    assert_eq!(pass, ["ingress[0] passes: BaselineAdminNetworkPolicy has no `Pass`"]);
    let deny = "[{action: Deny, from: [{namespaces: {}}]}]";
    let two = refusals(&format!("{PODS}{}{}", baseline("one", deny), baseline("two", deny)));
    assert_eq!(two.len(), 2);
    assert_eq!(
        two[0],
        "2 policies of the Baseline tier: a cluster has one BaselineAdminNetworkPolicy"
    );
}

/// The manifests of a state of the outside corpus, as one list.
fn state(case: &Value, fixture: &Value) -> Value {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mut items = Vec::new();
    for (name, labels) in case["namespace_labels"].as_object().unwrap() {
        items.push(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}));
    }
    for node in list(&fixture["nodes"]) {
        let addresses: Vec<Value> = list(&node["ips"])
            .iter()
            .map(|ip| json!({"type": "InternalIP", "address": ip}))
            .collect();
        items.push(json!({"apiVersion": "v1", "kind": "Node", "status": {"addresses": addresses},
                          "metadata": {"name": node["name"], "labels": node["labels"]}}));
    }
    for pod in list(&fixture["pods"]) {
        let port = |p: &Value| json!({"name": p["name"], "containerPort": p["port"], "protocol": p["protocol"]});
        let ports: Vec<Value> = list(&pod["containerPorts"]).iter().map(port).collect();
        let spec = json!({"hostNetwork": pod["hostNetwork"], "containers": [{"name": "c", "ports": ports}]});
        items.push(json!({"apiVersion": "v1", "kind": "Pod", "spec": spec, "status": {"podIP": pod["ips"][0]},
                          "metadata": {"name": pod["name"], "namespace": pod["namespace"], "labels": pod["labels"]}}));
    }
    items.extend(list(&case["objects"]));
    json!({"apiVersion": "v1", "kind": "List", "items": items})
}

#[test]
fn the_outside_corpus_converted_to_v1alpha1_answers_alike() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/conformance/cluster-network-policy/cases.json");
    let Ok(text) = std::fs::read(&path) else {
        eprintln!("SKIPPED 1 test: {} is absent", path.display());
        return;
    };
    let data: Value = serde_json::from_slice(&text).unwrap();
    let cases = data["cases"].as_array().unwrap();
    for case in cases {
        let cluster = cluster(&state(case, &data["fixture"]).to_string());
        let conversion = convert(&cluster, Dialect::spec(), Target::AdminNetworkPolicy);
        assert_eq!(conversion.equal, Some(true), "{}: {:?}", case["name"], conversion.refused);
        assert!(conversion.converted > 0, "{}", case["name"]);
    }
    assert_eq!(cases.len(), 96);
}
