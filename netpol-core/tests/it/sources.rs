//! Loading: what objects become, and in which order things are said.

use std::net::IpAddr;

use netpol_core::model::{
    Cluster, Direction, Family, PodId, PolicySpec, Protocol, TargetPort, Workload,
};
use netpol_core::sources::{Diagnostic, LoadOptions, Loaded, Severity, Source, load};

/// Loads text under the name `t.yaml`.
pub(crate) fn load_text(text: &str) -> Loaded {
    load_named("t.yaml", text, &LoadOptions::default())
}

/// Loads text under a name.
pub(crate) fn load_named(name: &str, text: &str, options: &LoadOptions) -> Loaded {
    let source = Source::Bytes { name: name.into(), bytes: text.as_bytes().into() };
    load(&[source], options)
}

/// Writes a finding as `Error CODE t.yaml:4: object: message`.
pub(crate) fn line(diagnostic: &Diagnostic) -> String {
    format!("{:?} {} {diagnostic}", diagnostic.severity, diagnostic.code.as_str())
}

/// Lists the findings but for namespaces that are not declared.
pub(crate) fn said(loaded: &Loaded) -> Vec<String> {
    let kept = |l: &String| !l.contains("NAMESPACE_SYNTHESISED");
    loaded.diagnostics.iter().map(line).filter(kept).collect()
}

/// Checks that exactly these findings are made, each given as a beginning and a part of its line.
pub(crate) fn check(loaded: &Loaded, expected: &[(&str, &str)]) {
    let found = said(loaded);
    let fits = found.len() == expected.len()
        && found
            .iter()
            .zip(expected)
            .all(|(f, (start, part))| f.starts_with(start) && f.contains(part));
    assert!(fits, "expected {expected:#?}\nfound {found:#?}");
}

/// Loads text that is valid and says nothing.
pub(crate) fn clean(text: &str) -> Cluster {
    let loaded = load_text(text);
    check(&loaded, &[]);
    loaded.cluster
}

fn workload<'c>(cluster: &'c Cluster, kind: &str, name: &str) -> &'c Workload {
    let found = cluster.workloads().iter().find(|w| &*w.kind == kind && &*w.name == name);
    found.unwrap_or_else(|| panic!("no {kind}/{name} in {:?}", names(cluster)))
}

fn names(cluster: &Cluster) -> Vec<String> {
    let name = |w: &Workload| {
        let namespace = &cluster.namespace(w.namespace).name;
        format!("{namespace}/{}/{} {}", w.kind, w.name, w.pods.len())
    };
    cluster.workloads().iter().map(name).collect()
}

fn spec_line(cluster: &Cluster, index: usize) -> u32 {
    cluster.policies()[index].position.line
}

#[test]
fn a_pod_has_the_addresses_ports_node_and_labels_that_are_written() {
    let cluster = clean(
        r#"apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {team: a}}
---
apiVersion: v1
kind: Node
metadata:
  name: n1
  labels: {zone: x}
spec: {podCIDRs: [10.1.0.0/16]}
status:
  addresses:
  - {type: InternalIP, address: 192.168.0.1}
  - {type: Hostname, address: n1}
---
apiVersion: v1
kind: Pod
metadata:
  name: db
  namespace: shop
  labels: {app: db, empty: ""}
spec:
  nodeName: n1
  initContainers:
  - name: setup
    ports: [{containerPort: 1}]
  - name: proxy
    restartPolicy: Always
    ports: [{containerPort: 15001, name: proxy}]
  containers:
  - name: db
    ports:
    - containerPort: 5432
      name: sql
    - {containerPort: 53, protocol: UDP}
status:
  phase: Running
  podIP: 10.1.0.5
  podIPs: [{ip: 10.1.0.5}, {ip: "fd00::5"}]
"#,
    );
    let pod = cluster.pod(PodId(0));
    assert_eq!(pod.position.to_string(), "t.yaml:17");
    let ports: Vec<_> =
        pod.ports.iter().map(|p| (p.number, p.protocol, p.restartable_init)).collect();
    let expected =
        [(5432, Protocol::Tcp, false), (53, Protocol::Udp, false), (15001, Protocol::Tcp, true)];
    assert_eq!(ports, expected);
    assert_eq!(pod.address(Family::V4), "10.1.0.5".parse().ok());
    assert_eq!(pod.address(Family::V6), "fd00::5".parse().ok());
    assert_eq!(cluster.pod_label(PodId(0), "empty"), Some(""));
    let node = cluster.node(pod.node.unwrap());
    assert_eq!(*node.addresses, ["192.168.0.1".parse::<IpAddr>().unwrap()]);
    assert_eq!(node.pod_cidrs.len(), 1);
    let namespace = cluster.find_namespace("shop").unwrap();
    assert_eq!(cluster.namespace_label(namespace, "kubernetes.io/metadata.name"), Some("shop"));
    assert_eq!(names(&cluster), ["shop/Pod/db 1"]);
}

#[test]
fn a_host_network_pod_has_its_host_address() {
    let cluster = clean(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {hostNetwork: true}\n\
         status: {hostIP: 192.168.0.9}\n",
    );
    let pod = cluster.pod(PodId(0));
    assert!(pod.host_network);
    assert_eq!(*pod.addresses, ["192.168.0.9".parse::<IpAddr>().unwrap()]);
}

#[test]
fn workloads_stand_for_their_replicas() {
    let template = "template: {metadata: {labels: {a: b}}, spec: {containers: [{ports: [{containerPort: 80}]}]}}";
    let of = |api: &str, kind: &str, spec: &str| {
        format!("---\napiVersion: {api}\nkind: {kind}\nmetadata: {{name: w}}\nspec: {spec}\n")
    };
    let text = [
        of("apps/v1", "Deployment", &format!("{{replicas: 3, {template}}}")),
        of("apps/v1", "StatefulSet", &format!("{{{template}}}")),
        of("apps/v1", "DaemonSet", &format!("{{{template}}}")),
        of("batch/v1", "Job", &format!("{{parallelism: 5, {template}}}")),
        of("batch/v1", "CronJob", &format!("{{jobTemplate: {{spec: {{{template}}}}}}}")),
        of("v1", "ReplicationController", &format!("{{replicas: 2, {template}}}")),
        of("apps/v1", "ReplicaSet", &format!("{{replicas: 0, {template}}}")),
        "---\napiVersion: v1\nkind: Node\nmetadata: {name: n1}\n".into(),
        "---\napiVersion: v1\nkind: Node\nmetadata: {name: n2}\n".into(),
    ];
    let loaded = load_text(&text.concat());
    check(&loaded, &[("Note ZERO_REPLICAS t.yaml:33: default/replicaset/w", "one pod")]);
    let pods = |kind: &str| workload(&loaded.cluster, kind, "w").pods.len();
    let counts = [
        ("Deployment", 3),
        ("StatefulSet", 1),
        ("DaemonSet", 2),
        ("Job", 1),
        ("CronJob", 1),
        ("ReplicationController", 2),
        ("ReplicaSet", 1),
    ];
    for (kind, count) in counts {
        assert_eq!(pods(kind), count, "{kind}");
    }
    for pod in loaded.cluster.pod_ids() {
        assert_eq!(loaded.cluster.pod_label(pod, "a"), Some("b"));
        assert_eq!(loaded.cluster.pod(pod).ports[0].number, 80);
    }
}

fn owned(name: &str, kind: &str, owner: &str, more: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: {name}\n  ownerReferences:\n  - {{kind: Other, name: x}}\n  \
         - {{{kind}name: {owner}, controller: true}}\n{more}"
    )
}

#[test]
fn pods_belong_to_the_owner_that_controls_them() {
    let set = "---\napiVersion: apps/v1\nkind: ReplicaSet\nmetadata:\n  name: web-1\n  ownerReferences: \
               [{kind: Deployment, name: web, controller: true}]\nspec: {replicas: 1}\n";
    let deployment =
        "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 7}\n";
    let text = [
        set.to_owned(),
        deployment.to_owned(),
        owned("web-1-a", "kind: ReplicaSet, ", "web-1", ""),
        owned("gone-a", "kind: ReplicaSet, ", "gone", ""),
        owned("static-a", "kind: Node, ", "n1", ""),
        owned("odd", "", "who", ""),
        "---\napiVersion: v1\nkind: Pod\nmetadata: {name: bare}\n".into(),
    ];
    let cluster = clean(&text.concat());
    let expected = [
        "default/Deployment/web 1",
        "default/ReplicaSet/gone 1",
        "default/Pod/static-a 1",
        "default/Pod/who 1",
        "default/Pod/bare 1",
    ];
    assert_eq!(names(&cluster), expected);
    assert_eq!(workload(&cluster, "Deployment", "web").position.as_ref().unwrap().line, 10);
}

#[test]
fn replica_sets_of_a_deployment_that_is_not_in_the_input_stand_for_it() {
    let set = |name: &str, replicas: u32| {
        format!(
            "---\napiVersion: apps/v1\nkind: ReplicaSet\nmetadata:\n  name: {name}\n  ownerReferences: \
             [{{kind: Deployment, name: web, controller: true}}]\nspec: {{replicas: {replicas}}}\n"
        )
    };
    let cluster = clean(&[set("web-1", 0), set("web-2", 2)].concat());
    assert_eq!(names(&cluster), ["default/Deployment/web 2"]);
}

#[test]
fn pods_and_jobs_that_have_ended_are_left_out_with_a_note() {
    let text = [
        owned("job-a", "kind: Job, ", "once", "status: {phase: Succeeded}\n"),
        "---\napiVersion: batch/v1\nkind: Job\nmetadata: {name: once}\n".into(),
        "---\napiVersion: batch/v1\nkind: Job\nmetadata: {name: done}\nstatus: {conditions: [{type: Complete, \
         status: \"True\"}]}\n"
            .into(),
        "---\napiVersion: v1\nkind: Pod\nmetadata: {name: evicted, namespace: x}\nstatus: {phase: Failed}\n".into(),
    ];
    let loaded = load_text(&text.concat());
    check(
        &loaded,
        &[
            ("Note COMPLETED_POD t.yaml:3: default/pod/job-a", "left out"),
            ("Note COMPLETED_POD t.yaml:12: default/job/once", "left out"),
            ("Note COMPLETED_POD t.yaml:16: default/job/done", "left out"),
            ("Note COMPLETED_POD t.yaml:21: x/pod/evicted", "left out"),
        ],
    );
    let completed = [("default", "job-a"), ("x", "evicted")].map(|(a, b)| (a.into(), b.into()));
    assert_eq!(loaded.completed, completed);
    assert_eq!(loaded.cluster.pods().len(), 0);
}

#[test]
fn services_lead_to_their_target_ports() {
    let cluster = clean(
        "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec:\n  clusterIPs: [10.96.0.1, fd00::1]\n  \
         selector: {app: web}\n  ports:\n  - {port: 80, targetPort: http, name: web}\n  - {port: 81, targetPort: 8081}\n  \
         - {port: 53, protocol: UDP}\n---\napiVersion: v1\nkind: Service\nmetadata: {name: h}\nspec: {clusterIP: None}\n",
    );
    let service = &cluster.services()[0];
    let targets: Vec<_> = service.ports.iter().map(|p| (p.port, p.target.clone())).collect();
    let expected = [
        (80, TargetPort::Name("http".into())),
        (81, TargetPort::Number(8081)),
        (53, TargetPort::Number(53)),
    ];
    assert_eq!(targets, expected);
    assert_eq!(service.cluster_ips.len(), 2);
    assert_eq!(service.selector.as_ref().unwrap().to_string(), "app=web");
    let headless = &cluster.services()[1];
    assert!(headless.selector.is_none() && headless.cluster_ips.is_empty());
    assert_eq!(&*headless.service_type, "ClusterIP");
}

#[test]
fn lists_of_every_shape_give_the_same_objects_and_lines() {
    let plain = "kind: List\napiVersion: v1\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata:\n    name: a\n- apiVersion: v1\n  \
                 kind: ConfigMap\n  metadata: {name: c}\n  data:\n    x: |\n      - kind: Pod\n- metadata: {name: b}\n  kind: Pod\n  \
                 apiVersion: v1\n";
    let typed = "apiVersion: v1\nitems:\n  # two\n  - metadata:\n      name: a\n\n  -\n    metadata: {name: b}\nkind: PodList\nmetadata: \
                 {}\n";
    let flow = "{apiVersion: v1, kind: PodList, items: [{metadata: {name: a}},\n {metadata: {name: b}}]}\n";
    let anchors = "apiVersion: v1\nkind: PodList\nitems:\n- metadata:\n    name: a\n    labels: &l {x: z}\n- metadata:\n    name: b\n    \
                   labels: *l\n";
    let json = "{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [\n {\"apiVersion\": \"v1\", \"kind\": \"Pod\",\n  \
                \"metadata\": {\"name\": \"a\"}},\n {\"apiVersion\": \"v1\",\n  \"kind\": \"Pod\", \"metadata\": {\"name\": \"b\"}}]}";
    let nested = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: PodList\n  items:\n  - metadata: {name: a}\n  - \
                  metadata: {name: b}\n";
    let twice = "apiVersion: v1\nkind: PodList\nitems: []\nitems:\n- metadata: {name: a}\n";
    check(
        &load_text(twice),
        &[("Error DUPLICATE_KEY t.yaml:4: items: this key stands here twice", "")],
    );
    for (name, text, lines) in [
        ("plain", plain, [5, 15]),
        ("typed", typed, [4, 7]),
        ("flow", flow, [1, 2]),
        ("anchors", anchors, [4, 7]),
        ("json", json, [2, 5]),
        ("nested", nested, [7, 8]),
    ] {
        let loaded = load_text(text);
        assert_eq!(loaded.errors().count(), 0, "{name}: {:#?}", said(&loaded));
        let pods: Vec<_> =
            loaded.cluster.pods().iter().map(|p| (&*p.name, p.position.line)).collect();
        assert_eq!(pods, [("a", lines[0]), ("b", lines[1])], "{name}");
    }
}

#[test]
fn policies_keep_the_lines_of_their_kind_and_rules() {
    let text = "\u{feff}# first\r\napiVersion: networking.k8s.io/v1\r\nkind: NetworkPolicy\r\nmetadata:\r\n  name: a\r\nspec:\r\n  ingress:\r\n  \
                - from:\r\n    - podSelector: {}\r\n  # why\r\n  -\r\n    # below\r\n    ports: [{port: 80}]\r\n  -\r\n  egress: [{},\r\n    {}]\r\n";
    let loaded = load_text(text);
    check(
        &loaded,
        &[(
            "Warning NULL_ELEMENT t.yaml:14: default/networkpolicy/a: spec.ingress[2]",
            "allows everything",
        )],
    );
    assert_eq!(spec_line(&loaded.cluster, 0), 3);
    let PolicySpec::Network(spec) = &loaded.cluster.policies()[0].spec else { panic!() };
    let lines = |d| spec.rules(d).iter().map(|r| r.line).collect::<Vec<_>>();
    assert_eq!(lines(Direction::Ingress), [8, 11, 14]);
    assert_eq!(lines(Direction::Egress), [15, 16]);
    assert!(spec.ingress[2].peers.is_empty() && spec.ingress[2].ports.is_empty());
}

#[test]
fn a_policy_in_json_keeps_its_lines_too() {
    let text = "{\n \"apiVersion\": \"networking.k8s.io/v1\",\n \"kind\": \"NetworkPolicy\",\n \"metadata\": {\"name\": \"\\u0061\"},\n \
                \"spec\": {\"podSelector\": {},\n  \"ingress\": [\n   {\"ports\": [{\"port\": 80}]},\n   {\"ports\": [{\"port\": 0}]}\n  ]}}\n";
    let loaded = load_named("p.json", text, &LoadOptions::default());
    check(
        &loaded,
        &[(
            "Error INVALID_VALUE p.json:8: default/networkpolicy/a: spec.ingress[1].ports[0].port",
            "1 and 65535",
        )],
    );
    let loaded =
        load_named("p.json", &text.replace("\"port\": 0", "\"port\": 1"), &LoadOptions::default());
    check(&loaded, &[]);
    assert_eq!(spec_line(&loaded.cluster, 0), 3);
}

#[test]
fn a_later_object_of_the_same_name_replaces_the_earlier() {
    let pod = |label: &str| {
        format!("---\napiVersion: v1\nkind: Pod\nmetadata: {{name: a, labels: {{x: {label}}}}}\n")
    };
    let loaded = load_text(&[pod("one"), pod("two")].concat());
    check(&loaded, &[("Warning DUPLICATE_OBJECT t.yaml:7: default/pod/a", "at t.yaml:3")]);
    assert_eq!(loaded.cluster.pods().len(), 1);
    assert_eq!(loaded.cluster.pod_label(PodId(0), "x"), Some("two"));
}

#[test]
fn objects_with_a_generated_name_are_not_the_same() {
    let job = "---\napiVersion: batch/v1\nkind: Job\nmetadata: {generateName: once-}\n";
    let cluster = clean(&job.repeat(2));
    assert_eq!(names(&cluster), ["default/Job/once-1 1", "default/Job/once-2 1"]);
}

#[test]
fn a_namespace_that_is_only_referenced_is_warned_of_once() {
    let pod = |name: &str| format!("---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\n");
    let text = [pod("a"), pod("b")].concat();
    let options = LoadOptions { namespace: Some("team".into()), ..LoadOptions::default() };
    let loaded = load_named("t.yaml", &text, &options);
    let lines: Vec<_> = loaded.diagnostics.iter().map(line).collect();
    assert_eq!(lines.len(), 1);
    assert!(
        lines[0].starts_with(
            "Warning NAMESPACE_SYNTHESISED t.yaml:3: team/pod/a: the namespace `team`"
        ),
        "{lines:?}"
    );
}

#[test]
fn what_is_not_used_is_skipped_and_counted_in_one_note() {
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\n---\n\
                apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nspec: {}\n---\n# nothing\n---\n";
    check(
        &load_text(text),
        &[(
            "Note SKIPPED_KINDS skipped 3 objects of 2 kinds",
            ": ConfigMap 2, CiliumNetworkPolicy 1",
        )],
    );
}

#[test]
fn kinds_of_known_names_in_other_groups_are_skipped_with_a_warning() {
    let of = |api: &str, kind: &str| {
        format!("---\napiVersion: {api}\nkind: {kind}\nmetadata: {{name: a}}\nspec: {{x: y}}\n")
    };
    let text = [
        of("crd.antrea.io/v1beta1", "ClusterNetworkPolicy"),
        of("networking.k8s.aws/v1alpha1", "ClusterNetworkPolicy"),
        of("extensions/v1beta1", "NetworkPolicy"),
        of("serving.knative.dev/v1", "Service"),
    ];
    check(
        &load_text(&text.concat()),
        &[
            ("Warning FOREIGN_KIND t.yaml:3: clusternetworkpolicy/a", "crd.antrea.io/v1beta1"),
            (
                "Warning FOREIGN_KIND t.yaml:8: clusternetworkpolicy/a",
                "networking.k8s.aws/v1alpha1",
            ),
            (
                "Warning FOREIGN_KIND t.yaml:13: default/networkpolicy/a",
                "only that of networking.k8s.io/v1",
            ),
            ("Warning FOREIGN_KIND t.yaml:18: default/service/a", "serving.knative.dev/v1"),
        ],
    );
}

#[test]
fn objects_that_were_probably_meant_are_refused() {
    let text = "apiVersion: networking.k8s.io/v1\nkind: networkpolicy\nmetadata: {name: a}\n---\nkind: NetworkPolicy\nmetadata: {name: a}\n\
                ---\napiVersion: networking.k8s.io/v2\nkind: NetworkPolicy\nmetadata: {name: a}\n---\napiVersion: networking.k8s.io/v1\n\
                metadata: {name: a}\n---\napiVersion: v1\nkind: Pod\nkind: ConfigMap\nmetadata: {name: a}\n---\napiVersion: v1\nkind: 7\n";
    check(
        &load_text(text),
        &[
            (
                "Error INVALID_VALUE t.yaml:2: default/networkpolicy/a: kind: unknown kind",
                "expected NetworkPolicy",
            ),
            (
                "Error INVALID_VALUE t.yaml:5: default/networkpolicy/a: apiVersion: required",
                "networking.k8s.io/v1",
            ),
            (
                "Error INVALID_VALUE t.yaml:8: default/networkpolicy/a: apiVersion: `networking.k8s.io/v2`",
                "v1",
            ),
            ("Error INVALID_VALUE t.yaml:12: kind: required value", ""),
            ("Error DUPLICATE_KEY t.yaml:17: kind: this key stands here twice", ""),
            ("Error INVALID_VALUE t.yaml:21: kind: expected text", "`7`"),
        ],
    );
}

#[test]
fn other_yaml_json_and_templates_are_skipped_with_a_note_each() {
    let chart = "apiVersion: v2\nname: shop\n";
    check(&load_text(chart), &[("Note NOT_KUBERNETES t.yaml:1: ", "no Kubernetes object")]);
    check(&load_text("- a\n- b\n"), &[("Note NOT_KUBERNETES t.yaml:1: ", "a list")]);
    check(&load_text("just words\n"), &[("Note NOT_KUBERNETES t.yaml:1: ", "")]);
    let json = load_named("a.json", "\n[{\"src\": 1}]", &LoadOptions::default());
    check(&json, &[("Note NOT_KUBERNETES a.json:2: ", "skipped")]);
    let template = "{{- if .Values.on }}\napiVersion: v1\nkind: Pod\nmetadata:\n  name: {{ .Release.Name }}\n{{- end }}\n";
    check(&load_text(template), &[("Note HELM_TEMPLATE t.yaml:1: ", "Helm template")]);
    let value = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: x-{{ .Values.a }}\n";
    check(&load_text(value), &[("Note HELM_TEMPLATE t.yaml:1: ", "")]);
    let kustomization =
        load_named("d/kustomization.yaml", "resources: [a.yaml]\n", &LoadOptions::default());
    check(&kustomization, &[("Note SKIPPED_KINDS skipped 1 object of 1 kind", "Kustomization 1")]);
    check(&load_text(""), &[]);
    check(&load_text("# nothing\n---\n...\n"), &[]);
}

#[test]
fn one_bad_document_hides_no_other() {
    let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n---\napiVersion: v1\nkind: Pod\nmetadata: [\n---\napiVersion: v1\nkind: Pod\n\
                metadata: {name: B_}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: c}\n";
    let loaded = load_text(text);
    let found = said(&loaded);
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found[0].starts_with("Error SYNTAX t.yaml:"), "{found:#?}");
    assert!(found[1].starts_with(
        "Error INVALID_VALUE t.yaml:11: default/pod/B_: metadata.name: invalid name `B_`"
    ));
    let pods: Vec<_> = loaded.cluster.pods().iter().map(|p| &*p.name).collect();
    assert_eq!(pods, ["a", "c"]);
}

#[test]
fn faults_of_other_objects_name_object_field_and_line() {
    let cases = [
        (
            "v1",
            "Pod",
            "spec:\n  containers:\n  - ports:\n    - containerPort: 0",
            7,
            "spec.containers[0].ports[0].containerPort",
        ),
        (
            "v1",
            "Pod",
            "spec:\n  containers:\n  - ports:\n    - {containerPort: 1, name: A}",
            7,
            "spec.containers[0].ports[0].name",
        ),
        (
            "v1",
            "Pod",
            "spec:\n  containers:\n  - ports:\n    - {containerPort: 1, protocol: tcp}",
            7,
            "spec.containers[0].ports[0].protocol",
        ),
        ("v1", "Pod", "spec:\n  hostNetwork: \"true\"", 5, "spec.hostNetwork: invalid type"),
        ("v1", "Pod", "status:\n  podIP: 10.0.0", 5, "status.podIP: invalid value `10.0.0`"),
        ("v1", "Pod", "status:\n  podIPs:\n  - ip: x", 6, "status.podIPs[0].ip"),
        ("apps/v1", "Deployment", "spec:\n  replicas: -1", 5, "spec.replicas: invalid value `-1`"),
        ("apps/v1", "Deployment", "spec:\n  replicas: 2000000", 5, "spec.replicas"),
        ("apps/v1", "Deployment", "spec:\n  replicas: many", 5, "spec.replicas: invalid type"),
        (
            "apps/v1",
            "Deployment",
            "spec:\n  template:\n    metadata:\n      labels:\n        app.kubernetes.io/name: a b",
            8,
            "spec.template.metadata.labels.app.kubernetes.io/name: invalid label value",
        ),
        ("v1", "Service", "spec:\n  type: Nodeport", 5, "spec.type: unsupported value `Nodeport`"),
        (
            "v1",
            "Service",
            "spec:\n  ports:\n  - {port: 80, targetPort: \"80\"}",
            6,
            "spec.ports[0].targetPort",
        ),
        (
            "v1",
            "Service",
            "spec:\n  ports:\n  - {targetPort: 80}",
            6,
            "spec.ports[0].port: required",
        ),
        ("v1", "Service", "spec:\n  clusterIP: nope", 5, "spec.clusterIP:"),
        ("v1", "Node", "spec:\n  podCIDRs: [10.0.0.0]", 5, "spec.podCIDRs[0]"),
    ];
    for (api, kind, body, line, part) in cases {
        let text = format!("apiVersion: {api}\nkind: {kind}\nmetadata: {{name: a}}\n{body}\n");
        let loaded = load_text(&text);
        check(&loaded, &[(&format!("Error INVALID_VALUE t.yaml:{line}: "), part)]);
        assert_eq!(loaded.errors().next().unwrap().severity, Severity::Error);
        assert!(loaded.errors().next().unwrap().object.is_some());
        assert_eq!(loaded.cluster.pods().len() + loaded.cluster.services().len(), 0, "{text}");
    }
}
