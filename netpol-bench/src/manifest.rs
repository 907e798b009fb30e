//! Objects as the API server returns them, with the fields that a reader must skip: a pod is some 3 KB of YAML.

use std::net::IpAddr;

use ipnet::IpNet;
use netpol_core::model::{
    Action, AdminPeer, AdminPolicySpec, AdminPort, AdminRule, ContainerPort, NamespaceSpec,
    NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicyRule, NetworkPolicySpec, NodeSpec, Operator,
    PodSpec, PolicyKind, PolicySpec, PortReference, Protocol, Selector, Subject, Tier,
    WorkloadSpec,
};
use serde_json::{Map, Value, json};

use crate::generate::{Object, PolicyDraft};

/// Returns an object in the form that YAML and JSON share.
pub fn manifest(object: &Object) -> Value {
    match object {
        Object::Node(spec) => node(spec),
        Object::Namespace(spec) => namespace(spec),
        Object::Workload(spec) => workload(spec),
        Object::Pod(spec) => pod(spec),
        Object::Policy(draft) => policy(draft),
    }
}

fn node(spec: &NodeSpec) -> Value {
    let mut addresses: Vec<_> =
        spec.addresses.iter().map(|a| json!({"type": "InternalIP", "address": a})).collect();
    addresses.push(json!({"type": "Hostname", "address": spec.name}));
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": spec.name, "labels": labels(&spec.labels)},
        "spec": {"podCIDRs": nets(&spec.pod_cidrs)},
        "status": {"addresses": addresses},
    })
}

fn namespace(spec: &NamespaceSpec) -> Value {
    let mut labels = labels(&spec.labels);
    labels.insert("kubernetes.io/metadata.name".into(), spec.name.clone().into());
    json!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": spec.name, "labels": labels},
        "spec": {"finalizers": ["kubernetes"]},
        "status": {"phase": "Active"},
    })
}

fn workload(spec: &WorkloadSpec) -> Value {
    let labels = labels(&spec.template.labels);
    let mut body = json!({
        "replicas": spec.replicas,
        "selector": {"matchLabels": labels},
        "template": {
            "metadata": {"labels": labels},
            "spec": {"containers": [container(&spec.name, &spec.template.ports)]},
        },
    });
    if spec.kind == "StatefulSet" {
        body["serviceName"] = spec.name.clone().into();
    }
    json!({
        "apiVersion": "apps/v1",
        "kind": spec.kind,
        "metadata": {"name": spec.name, "namespace": spec.namespace, "labels": labels},
        "spec": body,
    })
}

fn pod(spec: &PodSpec) -> Value {
    let app = spec.owner.as_ref().map_or("app", |(_, name)| name);
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": pod_metadata(spec),
        "spec": pod_spec(spec, app),
        "status": pod_status(spec, app),
    })
}

fn pod_metadata(spec: &PodSpec) -> Value {
    let mut metadata = json!({
        "annotations": {
            "kubernetes.io/config.seen": "2026-01-01T00:00:00.000000000Z",
            "kubernetes.io/config.source": "api",
            "prometheus.io/scrape": "true",
        },
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "labels": labels(&spec.labels),
        "name": spec.name,
        "namespace": spec.namespace,
        "resourceVersion": "1000",
        "uid": format!("uid-{}-{}", spec.namespace, spec.name),
    });
    if let Some((kind, name)) = &spec.owner {
        metadata["ownerReferences"] = json!([{
            "apiVersion": "apps/v1",
            "blockOwnerDeletion": true,
            "controller": true,
            "kind": kind,
            "name": name,
            "uid": format!("uid-{}-{name}", spec.namespace),
        }]);
    }
    metadata
}

fn pod_spec(spec: &PodSpec, app: &str) -> Value {
    let mut body = json!({
        "containers": [container(app, &spec.ports)],
        "dnsPolicy": "ClusterFirst",
        "enableServiceLinks": true,
        "preemptionPolicy": "PreemptLowerPriority",
        "priority": 0,
        "restartPolicy": "Always",
        "schedulerName": "default-scheduler",
        "securityContext": {},
        "serviceAccountName": "default",
        "terminationGracePeriodSeconds": 30,
        "tolerations": [
            toleration("node.kubernetes.io/not-ready"),
            toleration("node.kubernetes.io/unreachable"),
        ],
        "volumes": [{
            "name": "kube-api-access",
            "projected": {
                "defaultMode": 420,
                "sources": [
                    {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
                    {"configMap": {
                        "items": [{"key": "ca.crt", "path": "ca.crt"}],
                        "name": "kube-root-ca.crt",
                    }},
                ],
            },
        }],
    });
    if let Some(node) = &spec.node {
        body["nodeName"] = node.clone().into();
    }
    if spec.host_network {
        body["hostNetwork"] = true.into();
    }
    body
}

fn toleration(key: &str) -> Value {
    json!({"effect": "NoExecute", "key": key, "operator": "Exists", "tolerationSeconds": 300})
}

fn container(app: &str, ports: &[ContainerPort]) -> Value {
    json!({
        "env": [
            {"name": "LOG_LEVEL", "value": "info"},
            {"name": "POD_NAME", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}},
        ],
        "image": format!("registry.example.com/{app}:1.0.0"),
        "imagePullPolicy": "IfNotPresent",
        "livenessProbe": {
            "failureThreshold": 3,
            "httpGet": {"path": "/healthz", "port": 8080, "scheme": "HTTP"},
            "periodSeconds": 10,
            "successThreshold": 1,
            "timeoutSeconds": 1,
        },
        "name": app,
        "ports": ports.iter().map(container_port).collect::<Vec<_>>(),
        "resources": {
            "limits": {"cpu": "500m", "memory": "512Mi"},
            "requests": {"cpu": "100m", "memory": "128Mi"},
        },
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "volumeMounts": [{
            "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount",
            "name": "kube-api-access",
            "readOnly": true,
        }],
    })
}

fn container_port(port: &ContainerPort) -> Value {
    let mut body = json!({"containerPort": port.number, "protocol": port.protocol.as_str()});
    if let Some(name) = &port.name {
        body["name"] = (**name).into();
    }
    body
}

fn pod_status(spec: &PodSpec, app: &str) -> Value {
    let conditions =
        ["Initialized", "Ready", "ContainersReady", "PodScheduled"].map(condition).to_vec();
    let mut status = json!({
        "conditions": conditions,
        "containerStatuses": [{
            "containerID": format!("containerd://{}-{}", spec.namespace, spec.name),
            "image": format!("registry.example.com/{app}:1.0.0"),
            "imageID": format!("registry.example.com/{app}@sha256:0"),
            "lastState": {},
            "name": app,
            "ready": true,
            "restartCount": 0,
            "started": true,
            "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}},
        }],
        "phase": "Running",
        "qosClass": "Burstable",
        "startTime": "2026-01-01T00:00:00Z",
    });
    if let Some(address) = spec.addresses.first() {
        status["podIP"] = address.to_string().into();
        status["podIPs"] = spec.addresses.iter().map(pod_ip).collect();
    }
    status
}

fn pod_ip(address: &IpAddr) -> Value {
    json!({"ip": address})
}

fn condition(kind: &str) -> Value {
    json!({
        "lastProbeTime": null,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
        "status": "True",
        "type": kind,
    })
}

fn policy(draft: &PolicyDraft) -> Value {
    let (version, spec) = match &draft.spec {
        PolicySpec::Network(spec) => ("networking.k8s.io/v1", network_policy(spec)),
        PolicySpec::Admin(spec) => (admin_version(draft.kind), admin_policy(spec)),
    };
    let mut metadata = json!({"name": draft.name});
    if let Some(namespace) = &draft.namespace {
        metadata["namespace"] = namespace.clone().into();
    }
    json!({
        "apiVersion": version,
        "kind": draft.kind.as_str(),
        "metadata": metadata,
        "spec": spec,
    })
}

fn network_policy(spec: &NetworkPolicySpec) -> Value {
    let types = spec.policy_types.iter().map(|t| match t.as_str() {
        "ingress" => "Ingress",
        _ => "Egress",
    });
    let mut body = json!({
        "podSelector": selector(&spec.pod_selector),
        "policyTypes": types.collect::<Vec<_>>(),
    });
    for (key, peers, rules) in [("ingress", "from", &spec.ingress), ("egress", "to", &spec.egress)]
    {
        if !rules.is_empty() {
            body[key] = rules.iter().map(|r| network_rule(peers, r)).collect();
        }
    }
    body
}

fn network_rule(peers: &str, rule: &NetworkPolicyRule) -> Value {
    let mut body = json!({});
    if !rule.peers.is_empty() {
        body[peers] = rule.peers.iter().map(network_peer).collect();
    }
    if !rule.ports.is_empty() {
        body["ports"] = rule.ports.iter().map(network_port).collect();
    }
    body
}

fn network_peer(peer: &NetworkPolicyPeer) -> Value {
    match peer {
        NetworkPolicyPeer::IpBlock(block) if block.except.is_empty() => {
            json!({"ipBlock": {"cidr": block.cidr.to_string()}})
        }
        NetworkPolicyPeer::IpBlock(block) => {
            json!({"ipBlock": {"cidr": block.cidr.to_string(), "except": nets(&block.except)}})
        }
        NetworkPolicyPeer::Pods { namespace_selector, pod_selector } => {
            let mut body = json!({});
            for (key, value) in
                [("namespaceSelector", namespace_selector), ("podSelector", pod_selector)]
            {
                if let Some(value) = value {
                    body[key] = selector(value);
                }
            }
            body
        }
    }
}

fn network_port(port: &NetworkPolicyPort) -> Value {
    let mut body = json!({"protocol": port.protocol.unwrap_or(Protocol::Tcp).as_str()});
    match &port.port {
        None => {}
        Some(PortReference::Number(number)) => body["port"] = (*number).into(),
        Some(PortReference::Range(from, to)) => {
            body["port"] = (*from).into();
            body["endPort"] = (*to).into();
        }
        Some(PortReference::Name(name)) => body["port"] = (**name).into(),
    }
    body
}

/// The version that the generator writes a kind in.
fn admin_version(kind: PolicyKind) -> &'static str {
    match kind {
        PolicyKind::ClusterNetworkPolicy => "policy.networking.k8s.io/v1alpha2",
        _ => "policy.networking.k8s.io/v1alpha1",
    }
}

fn admin_policy(spec: &AdminPolicySpec) -> Value {
    let tier = match spec.tier {
        Tier::Admin => "Admin",
        Tier::Baseline => "Baseline",
    };
    let subject = match &spec.subject {
        Subject::Namespaces(namespaces) => json!({"namespaces": selector(namespaces)}),
        Subject::Pods { namespace_selector, pod_selector } => {
            json!({"pods": pods_of(namespace_selector, pod_selector)})
        }
    };
    json!({
        "tier": tier,
        "priority": spec.priority,
        "subject": subject,
        "ingress": spec.ingress.iter().map(|r| admin_rule("from", r)).collect::<Vec<_>>(),
        "egress": spec.egress.iter().map(|r| admin_rule("to", r)).collect::<Vec<_>>(),
    })
}

fn admin_rule(peers: &str, rule: &AdminRule) -> Value {
    let action = match rule.action {
        Action::Allow => "Accept",
        Action::Deny => "Deny",
        Action::Pass => "Pass",
    };
    let mut body = json!({"action": action});
    body[peers] = rule.peers.iter().map(admin_peer).collect();
    if !rule.ports.is_empty() {
        body["protocols"] = rule.ports.iter().map(admin_port).collect();
    }
    body
}

fn admin_peer(peer: &AdminPeer) -> Value {
    match peer {
        AdminPeer::Namespaces(namespaces) => json!({"namespaces": selector(namespaces)}),
        AdminPeer::Pods { namespace_selector, pod_selector } => {
            json!({"pods": pods_of(namespace_selector, pod_selector)})
        }
        AdminPeer::Networks(networks) => json!({"networks": nets(networks)}),
        AdminPeer::Nodes(nodes) => json!({"nodes": selector(nodes)}),
        AdminPeer::DomainNames(names) => {
            json!({"domainNames": names.iter().map(|n| &*n.0).collect::<Vec<_>>()})
        }
    }
}

fn nets(networks: &[IpNet]) -> Vec<String> {
    networks.iter().map(IpNet::to_string).collect()
}

fn pods_of(namespace_selector: &Selector, pod_selector: &Selector) -> Value {
    json!({"namespaceSelector": selector(namespace_selector), "podSelector": selector(pod_selector)})
}

fn admin_port(port: &AdminPort) -> Value {
    let numbered = |protocol: &Protocol, destination: Value| {
        let key = protocol.as_str().to_ascii_lowercase();
        json!({key: {"destinationPort": destination}})
    };
    match port {
        AdminPort::Number(protocol, number) => numbered(protocol, json!({"number": number})),
        AdminPort::Range(protocol, from, to) => {
            numbered(protocol, json!({"range": {"start": from, "end": to}}))
        }
        AdminPort::Name(name) => json!({"destinationNamedPort": name}),
    }
}

fn selector(selector: &Selector) -> Value {
    let mut equal = Map::new();
    let mut expressions = Vec::new();
    for requirement in &selector.requirements {
        match &requirement.operator {
            Operator::In(values) if values.len() == 1 && !equal.contains_key(&*requirement.key) => {
                equal.insert(requirement.key.to_string(), values.concat().into());
            }
            operator => expressions.push(expression(&requirement.key, operator)),
        }
    }
    let mut body = Map::new();
    if !equal.is_empty() {
        body.insert("matchLabels".into(), equal.into());
    }
    if !expressions.is_empty() {
        body.insert("matchExpressions".into(), expressions.into());
    }
    body.into()
}

fn expression(key: &str, operator: &Operator) -> Value {
    match operator {
        Operator::In(values) => json!({"key": key, "operator": "In", "values": values}),
        Operator::NotIn(values) => json!({"key": key, "operator": "NotIn", "values": values}),
        Operator::Exists => json!({"key": key, "operator": "Exists"}),
        Operator::DoesNotExist => json!({"key": key, "operator": "DoesNotExist"}),
    }
}

fn labels(pairs: &[(String, String)]) -> Map<String, Value> {
    pairs.iter().map(|(k, v)| (k.clone(), Value::from(v.clone()))).collect()
}
