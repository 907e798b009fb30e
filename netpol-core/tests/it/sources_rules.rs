//! Every rule of the API server about NetworkPolicy, with the line and the field that it is found at.

use netpol_core::model::{
    Direction, IpBlock, NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicySpec, Operator,
    PolicySpec, PortReference, Protocol,
};
use netpol_core::sources::{LoadOptions, Loaded};

use crate::sources::{check, load_named, load_text, said};

/// Loads a policy whose spec starts on line 5.
fn load_spec(spec: &str) -> Loaded {
    load_text(&format!(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: p}}\nspec:\n{spec}\n"
    ))
}

fn network(loaded: &Loaded) -> &NetworkPolicySpec {
    match &loaded.cluster.policies()[0].spec {
        PolicySpec::Network(spec) => spec,
        PolicySpec::Admin(_) => panic!("an admin policy"),
    }
}

/// Reads a spec that is valid and says nothing.
fn valid(spec: &str) -> NetworkPolicySpec {
    let loaded = load_spec(spec);
    check(&loaded, &[]);
    network(&loaded).clone()
}

/// Checks that a spec is refused with one error, whose line and text are given.
fn refused(spec: &str, line: u32, message: &str) {
    let loaded = load_spec(spec);
    let start = format!("Error INVALID_VALUE t.yaml:{line}: default/networkpolicy/p: {message}");
    check(&loaded, &[(&start, "")]);
    assert_eq!(loaded.cluster.policies().len(), 0, "{spec}");
}

const RANGE: &str = "must be between 1 and 65535, inclusive";
const CIDR: &str = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
const SUBSET: &str = "must be a strict subset of `cidr`";

#[test]
fn v1_and_v2_policy_types() {
    refused(
        "  policyTypes: [Ingress, Egress, Ingress]",
        5,
        "spec.policyTypes: invalid value: may not specify more than two policyTypes",
    );
    refused(
        "  policyTypes:\n  - Ingress\n  - ingress",
        7,
        "spec.policyTypes[1]: unsupported value `ingress`: supported values: \"Ingress\", \"Egress\"",
    );
    assert_eq!(valid("  policyTypes: [Ingress, Ingress]").policy_types, [Direction::Ingress; 2]);
    assert!(valid("  policyTypes: []").policy_types.is_empty());
    assert!(valid("  policyTypes:").policy_types.is_empty());
}

#[test]
fn v3_to_v8_protocols_and_numbers() {
    let port = |port: &str, line: u32, message: &str| {
        refused(
            &format!("  ingress:\n  - ports:\n    - protocol: TCP\n    - {port}"),
            line,
            message,
        );
    };
    let at = "spec.ingress[0].ports[1]";
    let protocols = "supported values: \"TCP\", \"UDP\", \"SCTP\"";
    port("protocol: tcp", 8, &format!("{at}.protocol: unsupported value `tcp`: {protocols}"));
    port("protocol: \"\"", 8, &format!("{at}.protocol: unsupported value ``: {protocols}"));
    port("protocol: ICMP", 8, &format!("{at}.protocol: unsupported value `ICMP`: {protocols}"));
    port("port: 0", 8, &format!("{at}.port: invalid value `0`: {RANGE}"));
    port("port: 65536", 8, &format!("{at}.port: invalid value `65536`: {RANGE}"));
    port("port: -1", 8, &format!("{at}.port: invalid value `-1`: {RANGE}"));
    port(
        "port: 80\n      endPort: 79",
        9,
        &format!("{at}.endPort: invalid value `79`: must be greater than or equal to `port`"),
    );
    port(
        "port: 80\n      endPort: 65536",
        9,
        &format!("{at}.endPort: invalid value `65536`: {RANGE}"),
    );
    port("port: 80\n      endPort: 0", 9, &format!("{at}.endPort: invalid value `0`: {RANGE}"));
    port(
        "port: web\n      endPort: 90",
        9,
        &format!("{at}.endPort: forbidden: may not be specified when `port` is non-numeric"),
    );
    port(
        "endPort: 90",
        8,
        &format!("{at}.endPort: forbidden: may not be specified when `port` is not specified"),
    );
    port("port: 80.5", 8, &format!("{at}.port: expected a whole number, found `80.5`, a number"));
    port(
        "port: 80\n      endPort: x",
        9,
        &format!("{at}.endPort: expected a whole number, found `x`, text"),
    );
}

#[test]
fn v9_to_v13_port_names() {
    let name = |name: &str, fault: &str| {
        let spec = format!("  egress:\n  - ports: [{{port: {name}}}]");
        let text = name.trim_matches('"');
        refused(
            &spec,
            6,
            &format!("spec.egress[0].ports[0].port: invalid value `{text}`: {fault}"),
        );
    };
    name("a234567890123456", "must be no more than 15 characters");
    name("Web", "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
    name("\"80\"", "must contain at least one letter (a-z)");
    name("a--b", "must not contain consecutive hyphens");
    name("-ab", "must not begin or end with a hyphen");
    name("ab-", "must not begin or end with a hyphen");
    let loaded = load_spec("  egress:\n  - ports: [{port: \"\"}]");
    assert_eq!(loaded.errors().count(), 2, "{:#?}", said(&loaded));
}

#[test]
fn v14_and_v15_peers() {
    let peer = |peer: &str, message: &str| {
        refused(&format!("  ingress:\n  - from:\n    - {peer}"), 7, message);
    };
    let missing = "spec.ingress[0].from[0]: required value: must specify a peer";
    peer("{}", missing);
    peer("", missing);
    peer("podSelector:", missing);
    peer("ipBlock: null", missing);
    let both = "spec.ingress[0].from[0]: forbidden: may not specify both ipBlock and another peer";
    peer("{ipBlock: {cidr: 10.0.0.0/8}, podSelector: {}}", both);
    peer("{ipBlock: {cidr: 10.0.0.0/8}, namespaceSelector: {}}", both);
    let spec =
        valid("  egress:\n  - to: [{podSelector: {}}, {namespaceSelector: {}, podSelector: null}]");
    let peers = spec.egress[0].peers.iter().map(|p| match p {
        NetworkPolicyPeer::Pods { namespace_selector: n, pod_selector: p } => {
            (n.is_some(), p.is_some())
        }
        NetworkPolicyPeer::IpBlock(_) => panic!("no ipBlock was written"),
    });
    assert_eq!(peers.collect::<Vec<_>>(), [(false, true), (true, false)]);
}

#[test]
fn v16_to_v18_ip_blocks() {
    let block = |block: &str, field: &str, message: &str| {
        let spec = format!("  egress:\n  - to:\n    - ipBlock: {block}");
        refused(&spec, 7, &format!("spec.egress[0].to[0].ipBlock.{field}: {message}"));
    };
    block("{}", "cidr", "required value");
    block("{cidr: \"\"}", "cidr", "required value");
    block("{cidr: 10.0.0.0}", "cidr", &format!("invalid value `10.0.0.0`: {CIDR}"));
    block("{cidr: 10.0.0.0/33}", "cidr", &format!("invalid value `10.0.0.0/33`: {CIDR}"));
    block("{cidr: 10.0.0.0/8, except: [x]}", "except[0]", &format!("invalid value `x`: {CIDR}"));
    let except = |except: &str| {
        let block_text = format!("{{cidr: 10.0.0.0/8, except: [{except}]}}");
        let value = except.trim_matches('"');
        block(&block_text, "except[0]", &format!("invalid value `{value}`: {SUBSET}"));
    };
    except("10.0.0.0/8");
    except("11.0.0.0/16");
    except("0.0.0.0/0");
    except("\"2001:db8::/64\"");
    let spec = valid(
        "  egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16, 10.1.2.3/32]}}]}]",
    );
    let block = IpBlock {
        cidr: "10.0.0.0/8".parse().unwrap(),
        except: vec!["10.1.0.0/16".parse().unwrap(), "10.1.2.3/32".parse().unwrap()],
    };
    assert_eq!(spec.egress[0].peers, [NetworkPolicyPeer::IpBlock(block)]);
}

#[test]
fn v19_to_v21_unusual_cidrs_are_read_as_the_server_reads_them_with_a_warning() {
    for (written, read, part) in [
        (
            "192.168.1.5/24",
            "192.168.1.0/24",
            "is ambiguous in this context (should be `192.168.1.0/24` or `192.168.1.5/32`?)",
        ),
        ("010.0.0.0/8", "10.0.0.0/8", "is invalid: use `10.0.0.0/8`"),
        ("\"::ffff:10.0.0.0/104\"", "10.0.0.0/8", "is invalid: use `10.0.0.0/8`"),
        ("\"FE80::/10\"", "fe80::/10", "should be in RFC 5952 canonical format (`fe80::/10`)"),
    ] {
        let loaded = load_spec(&format!("  egress: [{{to: [{{ipBlock: {{cidr: {written}}}}}]}}]"));
        let start = "Warning INVALID_VALUE t.yaml:5: default/networkpolicy/p: spec.egress[0].to[0].ipBlock.cidr: ";
        check(&loaded, &[(start, part)]);
        let block = IpBlock { cidr: read.parse().unwrap(), except: Vec::new() };
        assert_eq!(network(&loaded).egress[0].peers, [NetworkPolicyPeer::IpBlock(block)]);
    }
}

#[test]
fn v22_to_v28_selectors() {
    let long = "a".repeat(64);
    for at in ["podSelector", "ingress[0].from[0].podSelector", "egress[0].to[0].namespaceSelector"]
    {
        let selector = |selector: &str, field: &str, message: &str| {
            let indented = selector.replace('\n', "\n        ");
            let (spec, line) = match at {
                "podSelector" => (format!("  podSelector:\n        {indented}"), 6),
                "ingress[0].from[0].podSelector" => {
                    (format!("  ingress:\n  - from:\n    - podSelector:\n        {indented}"), 8)
                }
                _ => {
                    (format!("  egress:\n  - to:\n    - namespaceSelector:\n        {indented}"), 8)
                }
            };
            let line = line + u32::try_from(selector.matches('\n').count()).unwrap();
            refused(&spec, line, &format!("spec.{at}.{field}: {message}"));
        };
        selector(
            "matchLabels:\n  app@b: x",
            "matchLabels",
            "invalid label key `app@b`: name part must consist of",
        );
        selector(
            "matchLabels:\n  a/: x",
            "matchLabels",
            "invalid label key `a/`: name part must be non-empty",
        );
        selector(
            "matchLabels:\n  /a: x",
            "matchLabels",
            "invalid label key `/a`: prefix part must be non-empty",
        );
        selector(
            "matchLabels:\n  A_/a: x",
            "matchLabels",
            "invalid label key `A_/a`: prefix part a lowercase RFC 1123",
        );
        selector(
            &format!("matchLabels:\n  {long}: x"),
            "matchLabels",
            &format!("invalid label key `{long}`: name part must be no more than 63"),
        );
        selector(
            "matchLabels:\n  a: -b",
            "matchLabels.a",
            "invalid label value `-b`: a valid label must be",
        );
        selector(
            &format!("matchLabels:\n  a: {long}"),
            "matchLabels.a",
            &format!("invalid label value `{long}`: must be no more than 63"),
        );
        selector(
            "matchExpressions:\n- {key: a, operator: In}",
            "matchExpressions[0].values",
            "required value: must be specified when `operator` is 'In' or 'NotIn'",
        );
        selector(
            "matchExpressions:\n- {key: a, operator: NotIn, values: []}",
            "matchExpressions[0].values",
            "required value: must be specified when",
        );
        selector(
            "matchExpressions:\n- {key: a, operator: Exists, values: [x]}",
            "matchExpressions[0].values",
            "forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
        );
        selector(
            "matchExpressions:\n- {key: a, operator: DoesNotExist, values: [x]}",
            "matchExpressions[0].values",
            "forbidden: may not be specified when",
        );
        selector(
            "matchExpressions:\n- {key: a, operator: in, values: [x]}",
            "matchExpressions[0].operator",
            "invalid value `in`: not a valid selector operator",
        );
        selector(
            "matchExpressions:\n- {key: a, operator: Gt, values: [\"1\"]}",
            "matchExpressions[0].operator",
            "invalid value `Gt`: not a valid selector operator",
        );
        selector("matchExpressions:\n- {key: a}", "matchExpressions[0].operator", "required value");
        selector(
            "matchExpressions:\n- {operator: Exists}",
            "matchExpressions[0].key",
            "required value",
        );
        selector(
            "matchExpressions:\n- {key: a b, operator: Exists}",
            "matchExpressions[0].key",
            "invalid label key `a b`",
        );
        selector(
            "matchExpressions:\n- {key: a, operator: In, values: [x, a b]}",
            "matchExpressions[0].values[1]",
            "invalid label value `a b`",
        );
    }
}

#[test]
fn selectors_keep_every_operator() {
    let spec = valid(
        "  podSelector:\n    matchLabels: {a: \"\", b.c/d: x}\n    matchExpressions:\n    - {key: e, operator: In, values: [f, g]}\n    - {key: h, \
         operator: NotIn, values: [i]}\n    - {key: j, operator: Exists}\n    - {key: k, operator: DoesNotExist, values: []}",
    );
    assert_eq!(spec.pod_selector.to_string(), "a=,b.c/d=x,e in (f,g),h!=i,j,!k");
    assert_eq!(spec.pod_selector.requirements[0].operator, Operator::In(vec!["".into()]));
    assert!(!spec.pod_selector_null);
}

#[test]
fn absent_empty_and_null_fields_are_told_apart_where_the_api_does() {
    for (selector, null) in [
        ("  podSelector:", true),
        ("  podSelector: null", true),
        ("  podSelector: {matchLabels: }", true),
        ("  podSelector: {}", false),
        ("  podSelector: {matchLabels: {}}", false),
        ("  policyTypes: [Ingress]", false),
    ] {
        let spec = valid(selector);
        assert!(spec.pod_selector.is_everything());
        assert_eq!(spec.pod_selector_null, null, "{selector}");
    }
    for empty in ["  ingress: []", "  ingress: null", "  ingress:", "  egress: []"] {
        let spec = valid(empty);
        assert!(spec.ingress.is_empty() && spec.egress.is_empty());
    }
    for rule in ["{}", "{from: [], ports: []}", "{from: null, ports: null}"] {
        let spec = valid(&format!("  ingress: [{rule}]"));
        assert!(spec.ingress[0].peers.is_empty() && spec.ingress[0].ports.is_empty());
    }
    let tcp = NetworkPolicyPort { protocol: None, port: None };
    assert_eq!(valid("  ingress: [{ports: [{}]}]").ingress[0].ports, std::slice::from_ref(&tcp));
    let loaded = load_spec("  ingress:\n  - ports:\n    -\n  egress:\n  - ");
    let at = "default/networkpolicy/p: spec.";
    check(
        &loaded,
        &[
            (&format!("Warning NULL_ELEMENT t.yaml:7: {at}ingress[0].ports[0]"), "all TCP ports"),
            (&format!("Warning NULL_ELEMENT t.yaml:9: {at}egress[0]"), "allows everything"),
        ],
    );
    assert_eq!(network(&loaded).ingress[0].ports, [tcp]);
    assert_eq!(network(&loaded).egress.len(), 1);
}

#[test]
fn ports_keep_numbers_ranges_and_names() {
    let spec = valid(
        "  ingress: [{ports: [{port: 80}, {port: 80, endPort: 80, protocol: SCTP}, {port: 1, endPort: 65535, protocol: UDP}, {port: web}]}]",
    );
    let ports: Vec<_> =
        spec.ingress[0].ports.iter().map(|p| (p.protocol, p.port.clone())).collect();
    let expected = [
        (None, Some(PortReference::Number(80))),
        (Some(Protocol::Sctp), Some(PortReference::Range(80, 80))),
        (Some(Protocol::Udp), Some(PortReference::Range(1, 65535))),
        (None, Some(PortReference::Name("web".into()))),
    ];
    assert_eq!(ports, expected);
}

#[test]
fn a_named_port_toward_addresses_is_warned_of_on_egress_only() {
    let loaded =
        load_spec("  egress:\n  - to: [{ipBlock: {cidr: 0.0.0.0/0}}]\n    ports: [{port: web}]");
    let start = "Warning NAMED_PORT_WITH_ADDRESSES t.yaml:6: default/networkpolicy/p: spec.egress[0]: the named port `web`";
    check(&loaded, &[(start, "ipBlock")]);
    valid("  ingress:\n  - from: [{ipBlock: {cidr: 0.0.0.0/0}}]\n    ports: [{port: web}]");
}

#[test]
fn all_faults_of_a_policy_are_reported_at_once() {
    let loaded = load_spec(
        "  podSelector: {matchLabels: {a b: c}}\n  ingress:\n  - from: [{}]\n    ports: [{port: 0, protocol: x}]\n  egress:\n  - to: [{ipBlock: \
         {cidr: x}}]",
    );
    let lines: Vec<u32> = loaded.errors().map(|d| d.position.as_ref().unwrap().line).collect();
    assert_eq!(lines, [5, 7, 8, 10], "{:#?}", said(&loaded));
}

/// Checks the one error of a policy with this metadata, which starts on line 3.
fn refused_metadata(metadata: &str, line: u32, message: &str) {
    let loaded = load_text(&format!(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n{metadata}\nspec: {{}}\n"
    ));
    let found = said(&loaded);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(
        found[0].contains(&format!(" t.yaml:{line}: ")) && found[0].contains(message),
        "{found:#?}"
    );
    assert!(found[0].starts_with("Error "), "{found:#?}");
}

#[test]
fn m1_to_m6_metadata() {
    let required = "metadata.name: required value: name or generateName is required";
    refused_metadata("metadata: {}", 3, required);
    refused_metadata("metadata:", 3, required);
    refused_metadata("# none", 1, required);
    refused_metadata("metadata: {name: \"\"}", 3, required);
    refused_metadata(
        "metadata:\n  name: A",
        4,
        "metadata.name: invalid name `A`: a lowercase RFC 1123 subdomain",
    );
    let long = "a".repeat(254);
    refused_metadata(
        &format!("metadata:\n  name: {long}"),
        4,
        "must be no more than 253 characters",
    );
    refused_metadata("metadata: {generateName: A-}", 3, "metadata.generateName: invalid name `A-`");
    refused_metadata(
        "metadata: {name: a, namespace: a.b}",
        3,
        "metadata.namespace: invalid namespace `a.b`: a lowercase RFC 1123 label",
    );
    refused_metadata(
        "metadata: {name: a, labels: {x y: z}}",
        3,
        "metadata.labels: invalid label key `x y`",
    );
    refused_metadata(
        "metadata: {name: a, labels: {x: y z}}",
        3,
        "metadata.labels.x: invalid label value `y z`",
    );
    refused_metadata(
        "metadata: {name: a, annotations: {x y: z}}",
        3,
        "metadata.annotations: invalid annotation key `x y`",
    );
    refused_metadata(
        "metadata: {name: a, annotations: {x: 1}}",
        3,
        "metadata.annotations.x: value `1` is a number in YAML 1.1; quote it",
    );
    let much = "b".repeat(262_144);
    refused_metadata(
        &format!("metadata:\n  name: a\n  annotations: {{x: {much}}}"),
        5,
        "metadata.annotations: too long: may not be more than 262144 bytes",
    );
    refused_metadata(
        "metadata: {name: 7}",
        3,
        "metadata.name: value `7` is a number in YAML 1.1; quote it",
    );
    refused_metadata("metadata: [a]", 3, "metadata: expected a mapping, found a list");
}

#[test]
fn the_metadata_of_live_objects_is_accepted() {
    let text = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  annotations: {Example.com/Note: \"any text: !\", X: \"\"}\n  \
                creationTimestamp: \"2024-01-01T00:00:00Z\"\n  finalizers: [a.b/c]\n  generation: 1\n  labels: {a: b}\n  managedFields: [{f:spec: \
                {}}]\n  name: a.b\n  namespace: x\n  ownerReferences: []\n  resourceVersion: \"1\"\n  selfLink: /x\n  uid: u\nspec: {podSelector: \
                {}}\nstatus: {conditions: []}\n";
    check(&load_text(text), &[]);
}

#[test]
fn unknown_fields_are_errors_that_name_the_nearest_known_one() {
    for (spec, line, path, help) in [
        ("  podselector: {}", 5, "spec.podselector", "did you mean `podSelector`?"),
        ("  ingres: []", 5, "spec.ingres", "did you mean `ingress`?"),
        ("  ingress:\n  - form: []", 6, "spec.ingress[0].form", "did you mean `from`?"),
        ("  egress:\n  - from: []", 6, "spec.egress[0].from", "the fields here are ports, to"),
        (
            "  ingress:\n  - from:\n    - ipblock: {}\n      podSelector: {}",
            7,
            "spec.ingress[0].from[0].ipblock",
            "did you mean `ipBlock`?",
        ),
        (
            "  ingress: [{ports: [{prot: TCP}]}]",
            5,
            "spec.ingress[0].ports[0].prot",
            "did you mean `port`?",
        ),
        (
            "  podSelector: {app: web}",
            5,
            "spec.podSelector.app",
            "the fields here are matchLabels, matchExpressions",
        ),
    ] {
        let loaded = load_spec(spec);
        let start = format!(
            "Error UNKNOWN_FIELD t.yaml:{line}: default/networkpolicy/p: {path}: unknown field"
        );
        check(&loaded, &[(&start, "")]);
        assert_eq!(loaded.diagnostics[0].help.as_deref(), Some(help));
    }
    let top = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p, nmae: x}\nspecs: {}\nspec: {}\n";
    let start = |line: u32, field: &str| {
        format!("Error UNKNOWN_FIELD t.yaml:{line}: default/networkpolicy/p: {field}: unknown")
    };
    check(&load_text(top), &[(&start(4, "specs"), ""), (&start(3, "metadata.nmae"), "")]);
}

#[test]
fn a_policy_without_a_spec_is_warned_of() {
    let text = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p}\n";
    let loaded = load_text(text);
    check(
        &loaded,
        &[(
            "Warning INVALID_VALUE t.yaml:1: default/networkpolicy/p: spec: there is none",
            "denies all ingress",
        )],
    );
    assert_eq!(network(&loaded), &NetworkPolicySpec::default());
}

#[test]
fn duplicate_keys_are_errors_at_any_depth() {
    let spec = "  podSelector: {}\n  ingress:\n  - from:\n    - podSelector: {matchLabels: {a: b}}\n    from: []\n  podSelector: {matchLabels: {a: b}}";
    let start = |line: u32, path: &str| {
        format!(
            "Error DUPLICATE_KEY t.yaml:{line}: default/networkpolicy/p: {path}: this key stands here twice"
        )
    };
    check(
        &load_spec(spec),
        &[(&start(9, "spec.ingress[0].from"), ""), (&start(10, "spec.podSelector"), "")],
    );
    let json = "{\"apiVersion\": \"networking.k8s.io/v1\", \"kind\": \"NetworkPolicy\", \"metadata\": {\"name\": \"p\"},\n\"spec\": {\"ingress\": [],\n\"ingress\": [{}]}}";
    let loaded = load_named("t.yaml", json, &LoadOptions::default());
    check(&loaded, &[(&start(3, "spec.ingress"), "")]);
    let pod = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  labels:\n    x: a\n    x: z\n";
    check(
        &load_text(pod),
        &[(
            "Error DUPLICATE_KEY t.yaml:5: default/pod/a: metadata.labels: the label `x` stands here twice",
            "",
        )],
    );
    let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec:\n  replicas: 1\n  replicas: 2\n";
    check(
        &load_text(deployment),
        &[(
            "Error DUPLICATE_KEY t.yaml:4: default/deployment/a: spec: duplicate field `replicas`",
            "",
        )],
    );
}

#[test]
fn the_np_guard_dialect_reads_names_that_the_server_refuses() {
    let text = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: a_b}\nspec: {podSelector: {}}\n";
    let options = LoadOptions { np_guard: true, ..LoadOptions::default() };
    let loaded = load_named("t.yaml", text, &options);
    check(
        &loaded,
        &[(
            "Warning LENIENT t.yaml:3: default/networkpolicy/a_b: metadata.name: invalid name `a_b`",
            "",
        )],
    );
    assert_eq!(loaded.cluster.policies().len(), 1);
}
