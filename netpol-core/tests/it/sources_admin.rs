//! Admin policies: what they become in every shape, and every rule of their schemas.

use netpol_core::model::{
    Action, AdminPeer, AdminPolicySpec, AdminPort, DomainName, PolicyKind, PolicySpec, Protocol,
    Subject, Tier,
};
use netpol_core::sources::{LoadOptions, Loaded};

use crate::sources::{check, load_named, load_text, said};

const CNP: (&str, &str, &str) = ("v1alpha2", "ClusterNetworkPolicy", "p");
const ANP: (&str, &str, &str) = ("v1alpha1", "AdminNetworkPolicy", "p");
const BANP: (&str, &str, &str) = ("v1alpha1", "BaselineAdminNetworkPolicy", "default");

/// Writes a policy whose spec starts on line 5.
fn policy((version, kind, name): (&str, &str, &str), spec: &str) -> String {
    format!(
        "apiVersion: policy.networking.k8s.io/{version}\nkind: {kind}\nmetadata: {{name: {name}}}\nspec:\n{spec}\n"
    )
}

/// Writes a ClusterNetworkPolicy with one rule, on line 8, whose fields are given.
fn rule(direction: &str, fields: &str) -> String {
    let head = "  tier: Admin\n  priority: 1\n  subject: {namespaces: {}}";
    policy(CNP, &format!("{head}\n  {direction}: [{fields}]"))
}

/// Writes an AdminNetworkPolicy with one rule, on line 7, whose fields are given.
fn old_rule(direction: &str, fields: &str) -> String {
    policy(
        ANP,
        &format!("  priority: 1\n  subject: {{namespaces: {{}}}}\n  {direction}: [{fields}]"),
    )
}

fn admin(loaded: &Loaded) -> &AdminPolicySpec {
    match &loaded.cluster.policies()[0].spec {
        PolicySpec::Admin(spec) => spec,
        PolicySpec::Network(_) => panic!("a NetworkPolicy"),
    }
}

fn valid(text: &str) -> AdminPolicySpec {
    let loaded = load_text(text);
    check(&loaded, &[]);
    admin(&loaded).clone()
}

fn refused(text: &str, line: u32, message: &str) {
    let loaded = load_text(text);
    let found = said(&loaded);
    assert!(found.iter().all(|f| f.starts_with("Error ")), "{found:#?}");
    assert_eq!(found.len(), 1, "{text}\n{found:#?}");
    let at = format!(" t.yaml:{line}: ");
    assert!(found[0].contains(&at) && found[0].contains(message), "{message}\n{found:#?}");
    assert_eq!(loaded.cluster.policies().len(), 0);
}

#[test]
fn a_cluster_network_policy_keeps_everything_that_is_written() {
    let spec = valid(&policy(
        CNP,
        r#"  tier: Admin
  priority: 10
  subject:
    pods:
      namespaceSelector: {matchLabels: {team: payments}}
      podSelector: {matchExpressions: [{key: app, operator: In, values: [api, worker]}]}
  ingress:
  - name: metrics
    action: Accept
    from:
    - namespaces: {matchLabels: {kubernetes.io/metadata.name: monitoring}}
    - pods: {podSelector: {matchLabels: {role: scraper}}}
    protocols:
    - tcp: {destinationPort: {number: 9090}}
    - udp: {destinationPort: {range: {start: 9100, end: 9199}}}
    - sctp: {destinationPort: {number: 3868}}
    - destinationNamedPort: metrics
  - action: Pass
    from: [{namespaces: {}}]
  egress:
  - action: Deny
    to:
    - networks: ["10.0.0.0/8", "::/0"]
    - nodes: {}
    - domainNames: ["*.example.com", example.com]"#,
    ));
    assert_eq!((spec.tier, spec.priority), (Tier::Admin, Some(10)));
    let Subject::Pods { namespace_selector, pod_selector } = &spec.subject else { panic!() };
    assert_eq!(namespace_selector.to_string(), "team=payments");
    assert_eq!(pod_selector.to_string(), "app in (api,worker)");
    let first = &spec.ingress[0];
    assert_eq!(
        (first.name.as_deref(), first.action, first.line),
        (Some("metrics"), Action::Allow, 12)
    );
    let ports = [
        AdminPort::Number(Protocol::Tcp, 9090),
        AdminPort::Range(Protocol::Udp, 9100, 9199),
        AdminPort::Number(Protocol::Sctp, 3868),
        AdminPort::Name("metrics".into()),
    ];
    assert_eq!(first.ports, ports);
    let AdminPeer::Pods { namespace_selector, pod_selector } = &first.peers[1] else { panic!() };
    assert!(namespace_selector.is_everything());
    assert_eq!(pod_selector.to_string(), "role=scraper");
    assert_eq!((spec.ingress[1].action, spec.ingress[1].line), (Action::Pass, 22));
    let peers = &spec.egress[0].peers;
    assert!(matches!(&peers[0], AdminPeer::Networks(n) if n.len() == 2));
    assert!(matches!(&peers[1], AdminPeer::Nodes(s) if s.is_everything()));
    let names = vec![DomainName("*.example.com".into()), DomainName("example.com".into())];
    assert_eq!(peers[2], AdminPeer::DomainNames(names));
    assert!(spec.egress[0].ports.is_empty());
}

#[test]
fn the_old_kinds_become_the_same_form() {
    let spec = valid(&policy(
        ANP,
        r"  priority: 1000
  subject: {pods: {namespaceSelector: {}, podSelector: {}}}
  ingress:
  - action: Allow
    from: [{namespaces: {matchLabels: {a: b}}}]
    ports:
    - portNumber: {port: 22}
    - portNumber: {port: 53, protocol: UDP}
    - portRange: {start: 80, end: 80}
    - namedPort: web",
    ));
    assert_eq!((spec.tier, spec.priority), (Tier::Admin, Some(1000)));
    let ports = [
        AdminPort::Number(Protocol::Tcp, 22),
        AdminPort::Number(Protocol::Udp, 53),
        AdminPort::Range(Protocol::Tcp, 80, 80),
        AdminPort::Name("web".into()),
    ];
    assert_eq!(spec.ingress[0].ports, ports);
    assert_eq!((spec.ingress[0].action, spec.ingress[0].line), (Action::Allow, 8));
    let loaded = load_text(&policy(
        BANP,
        "  subject: {namespaces: {}}\n  egress: [{action: Deny, to: [{namespaces: {}}]}]",
    ));
    check(&loaded, &[]);
    assert_eq!((admin(&loaded).tier, admin(&loaded).priority), (Tier::Baseline, None));
    assert_eq!(loaded.cluster.policies()[0].kind, PolicyKind::BaselineAdminNetworkPolicy);
    assert_eq!(loaded.cluster.policies()[0].namespace, None);
}

#[test]
fn cv1_required_fields_enums_and_priorities() {
    let subject = "  subject: {namespaces: {}}";
    refused(&policy(CNP, &format!("  priority: 1\n{subject}")), 4, "spec.tier: required value");
    refused(&policy(CNP, &format!("  tier: Admin\n{subject}")), 4, "spec.priority: required value");
    refused(&policy(CNP, "  tier: Admin\n  priority: 1"), 4, "spec.subject: required value");
    refused(
        &policy(CNP, &format!("  tier: admin\n  priority: 1\n{subject}")),
        5,
        "spec.tier: unsupported value `admin`",
    );
    for priority in ["-1", "1001"] {
        let text = policy(CNP, &format!("  tier: Admin\n  priority: {priority}\n{subject}"));
        refused(
            &text,
            6,
            &format!("spec.priority: invalid value `{priority}`: must be between 0 and 1000"),
        );
    }
    refused(
        &policy(CNP, &format!("  tier: Admin\n  priority: low\n{subject}")),
        6,
        "spec.priority: expected a whole number",
    );
    refused(&policy(ANP, subject), 4, "spec.priority: required value");
    refused(&policy(BANP, &format!("  priority: 1\n{subject}")), 5, "spec.priority: unknown field");
    refused(
        &policy(ANP, &format!("  tier: Admin\n  priority: 1\n{subject}")),
        5,
        "spec.tier: unknown field",
    );
    let action = |text: String, supported: &str| {
        let line = if text.contains("tier") { 8 } else { 7 };
        let line = if text.contains("priority") { line } else { line - 1 };
        refused(
            &text,
            line,
            &format!("action: unsupported value `X`: supported values: {supported}"),
        );
    };
    let with_x = "{action: X, from: [{namespaces: {}}]}";
    action(rule("ingress", with_x), "\"Accept\", \"Deny\", \"Pass\"");
    action(old_rule("ingress", with_x), "\"Allow\", \"Deny\", \"Pass\"");
    action(policy(BANP, &format!("{subject}\n  ingress: [{with_x}]")), "\"Allow\", \"Deny\"");
    refused(
        &rule("ingress", "{from: [{namespaces: {}}]}"),
        8,
        "spec.ingress[0].action: required value",
    );
    refused(
        &rule("ingress", "{action: Allow, from: [{namespaces: {}}]}"),
        8,
        "unsupported value `Allow`",
    );
    refused(
        &policy(
            BANP,
            &format!("{subject}\n  ingress: [{{action: Pass, from: [{{namespaces: {{}}}}]}}]"),
        ),
        6,
        "unsupported value `Pass`",
    );
    refused(
        "apiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\nmetadata: {name: p}\n",
        1,
        "spec: required value",
    );
    assert!(
        valid(&policy(CNP, &format!("  tier: Baseline\n  priority: 0\n{subject}")))
            .ingress
            .is_empty()
    );
}

#[test]
fn cv2_and_cv3_exactly_one_member() {
    let subject = |subject: &str, message: &str| {
        refused(
            &policy(CNP, &format!("  tier: Admin\n  priority: 1\n  subject: {subject}")),
            7,
            message,
        );
    };
    subject("{}", "spec.subject: exactly one of namespaces, pods must be set, found 0");
    subject(
        "{namespaces: {}, pods: {podSelector: {}}}",
        "spec.subject: exactly one of namespaces, pods must be set, found 2",
    );
    subject("null", "spec.subject: expected a mapping, found null");
    subject("{namespaces: }", "spec.subject.namespaces: expected a mapping, found null");
    subject("{pods: {}}", "spec.subject.pods.podSelector: required value");
    let peer = |direction: &str, field: &str, peer: &str, message: &str| {
        refused(&rule(direction, &format!("{{action: Deny, {field}: [{peer}]}}")), 8, message);
    };
    peer(
        "ingress",
        "from",
        "{}",
        "spec.ingress[0].from[0]: exactly one of namespaces, pods must be set, found 0",
    );
    peer(
        "egress",
        "to",
        "{}",
        "spec.egress[0].to[0]: exactly one of namespaces, pods, networks, nodes, domainNames must be set, found 0",
    );
    peer("egress", "to", "{namespaces: {}, networks: [10.0.0.0/8]}", "found 2");
    peer(
        "ingress",
        "from",
        "{networks: [10.0.0.0/8]}",
        "spec.ingress[0].from[0].networks: unknown field",
    );
    peer("ingress", "from", "null", "spec.ingress[0].from[0]: expected a mapping, found null");
    let port = |protocol: &str, message: &str| {
        refused(
            &rule(
                "ingress",
                &format!("{{action: Deny, from: [{{namespaces: {{}}}}], protocols: [{protocol}]}}"),
            ),
            8,
            message,
        );
    };
    let at = "spec.ingress[0].protocols[0]";
    port(
        "{}",
        &format!("{at}: exactly one of tcp, udp, sctp, destinationNamedPort must be set, found 0"),
    );
    port(
        "{tcp: {destinationPort: {number: 1}}, destinationNamedPort: a}",
        &format!("{at}: exactly one of"),
    );
    port("{tcp: {}}", &format!("{at}.tcp.destinationPort: required value"));
    port(
        "{tcp: {destinationPort: {}}}",
        &format!("{at}.tcp.destinationPort: exactly one of number, range must be set, found 0"),
    );
    port("{tcp: {destinationPort: {number: 1, range: {start: 1, end: 2}}}}", "found 2");
    port(
        "{tcp: {destinationPort: {number: 0}}}",
        &format!("{at}.tcp.destinationPort.number: invalid value `0`"),
    );
    port(
        "{udp: {destinationPort: {range: {start: 1}}}}",
        &format!("{at}.udp.destinationPort.range.end: required value"),
    );
    port("{destinationNamedPort: \"\"}", &format!("{at}.destinationNamedPort: required value"));
    let misplaced = rule(
        "ingress",
        "{action: Deny, from: [{namespaces: {}}], protocols: [{udp: , destinationPort: {number: 53}}]}",
    );
    let loaded = load_text(&misplaced);
    assert!(said(&loaded)[0].starts_with("Error UNKNOWN_FIELD t.yaml:8: clusternetworkpolicy/p: spec.ingress[0].protocols[0].destinationPort"));
}

#[test]
fn cv4_lengths_of_lists_and_names() {
    let repeat = |item: &str, n: usize| vec![item; n].join(", ");
    let rules = |n: usize| {
        format!(
            "  tier: Admin\n  priority: 1\n  subject: {{namespaces: {{}}}}\n  ingress: [{}]",
            repeat("{action: Deny, from: [{namespaces: {}}]}", n)
        )
    };
    assert_eq!(valid(&policy(CNP, &rules(25))).ingress.len(), 25);
    refused(&policy(CNP, &rules(26)), 8, "spec.ingress: must have 0 to 25 items, found 26");
    let old = |n: usize| rules(n).replace("  tier: Admin\n", "");
    assert_eq!(valid(&policy(ANP, &old(100))).ingress.len(), 100);
    refused(&policy(ANP, &old(101)), 7, "spec.ingress: must have 0 to 100 items, found 101");
    let peers = |n: usize| {
        rule("egress", &format!("{{action: Deny, to: [{}]}}", repeat("{namespaces: {}}", n)))
    };
    assert_eq!(valid(&peers(25)).egress[0].peers.len(), 25);
    refused(&peers(26), 8, "spec.egress[0].to: must have 1 to 25 items, found 26");
    refused(&peers(0), 8, "spec.egress[0].to: must have 1 to 25 items, found 0");
    refused(&rule("egress", "{action: Deny}"), 8, "spec.egress[0].to: required value");
    let ports = |n: usize| {
        rule(
            "egress",
            &format!(
                "{{action: Deny, to: [{{namespaces: {{}}}}], protocols: [{}]}}",
                repeat("{destinationNamedPort: a}", n)
            ),
        )
    };
    refused(&ports(0), 8, "spec.egress[0].protocols: must have 1 to 25 items, found 0");
    refused(&ports(26), 8, "spec.egress[0].protocols: must have 1 to 25 items, found 26");
    refused(
        &old_rule("egress", "{action: Deny, to: [{namespaces: {}}], ports: []}"),
        7,
        "spec.egress[0].ports: must have 1 to 100 items, found 0",
    );
    let networks: Vec<String> = (0..26).map(|i| format!("10.{i}.0.0/16")).collect();
    let with = |networks: &str| {
        rule("egress", &format!("{{action: Deny, to: [{{networks: [{networks}]}}]}}"))
    };
    refused(
        &with(&networks.join(", ")),
        8,
        "spec.egress[0].to[0].networks: must have 1 to 25 items, found 26",
    );
    refused(&with(""), 8, "spec.egress[0].to[0].networks: must have 1 to 25 items, found 0");
    refused(
        &with("10.0.0.0/8, 10.0.0.0/8"),
        8,
        "spec.egress[0].to[0].networks[1]: duplicate value `10.0.0.0/8`",
    );
    let named = |n: usize| {
        rule(
            "egress",
            &format!("{{name: {}, action: Deny, to: [{{namespaces: {{}}}}]}}", "é".repeat(n)),
        )
    };
    assert!(valid(&named(100)).egress[0].name.is_some());
    refused(&named(101), 8, "spec.egress[0].name: must be no more than 100 characters");
}

#[test]
fn cv5_to_cv8_ranges_cidrs_named_ports_and_domains() {
    let range = |start: u32, end: u32| {
        rule(
            "egress",
            &format!(
                "{{action: Deny, to: [{{namespaces: {{}}}}], protocols: [{{tcp: {{destinationPort: {{range: {{start: {start}, end: {end}}}}}}}}}]}}"
            ),
        )
    };
    refused(
        &range(80, 80),
        8,
        "spec.egress[0].protocols[0].tcp.destinationPort.range: start port must be less than end port",
    );
    refused(&range(81, 80), 8, "start port must be less than end port");
    valid(&range(1, 65535));
    let networks = |network: &str| {
        rule("egress", &format!("{{action: Deny, to: [{{networks: [\"{network}\"]}}]}}"))
    };
    for bad in ["10.0.0.0", "10.0.0.0/33", "010.0.0.0/8", "10.0.0.0/08", "::ffff:10.0.0.0/104", "x"]
    {
        refused(
            &networks(bad),
            8,
            &format!(
                "spec.egress[0].to[0].networks[0]: invalid value `{bad}`: invalid CIDR format provided"
            ),
        );
    }
    refused(&networks(&"1".repeat(44)), 8, "must be no more than 43 characters");
    let loaded = load_text(&networks("10.0.0.1/8"));
    check(
        &loaded,
        &[(
            "Warning INVALID_VALUE t.yaml:8: clusternetworkpolicy/p: spec.egress[0].to[0].networks[0]",
            "ambiguous",
        )],
    );
    assert_eq!(
        admin(&loaded).egress[0].peers,
        [AdminPeer::Networks(vec!["10.0.0.0/8".parse().unwrap()])]
    );
    let named = |peer: &str| {
        rule(
            "egress",
            &format!(
                "{{action: Accept, to: [{peer}], protocols: [{{destinationNamedPort: web}}]}}"
            ),
        )
    };
    refused(
        &named("{nodes: {}}"),
        8,
        "spec.egress[0]: the named port `web` may not be used with nodes peers",
    );
    refused(&named("{domainNames: [a.b]}"), 8, "may not be used with domainNames peers");
    let loaded = load_text(&named("{networks: [10.0.0.0/8]}"));
    check(
        &loaded,
        &[(
            "Warning NAMED_PORT_WITH_ADDRESSES t.yaml:8: clusternetworkpolicy/p: spec.egress[0]",
            "`web`",
        )],
    );
    for bad in ["localhost", "*", "*.io", "a.*.io", "**.x.io"] {
        let text =
            rule("egress", &format!("{{action: Accept, to: [{{domainNames: [\"{bad}\"]}}]}}"));
        refused(&text, 8, &format!("spec.egress[0].to[0].domainNames[0]: invalid value `{bad}`"));
    }
}

#[test]
fn cv9_the_baseline_policy_is_called_default_and_knows_no_domain_names() {
    let subject = "  subject: {namespaces: {}}";
    let named = ("v1alpha1", "BaselineAdminNetworkPolicy", "other");
    refused(&policy(named, subject), 3, "metadata.name: invalid name `other`: must be `default`");
    let text = policy(
        BANP,
        &format!("{subject}\n  egress: [{{action: Deny, to: [{{domainNames: [a.b]}}]}}]"),
    );
    refused(&text, 6, "spec.egress[0].to[0].domainNames: unknown field");
    let two = [policy(BANP, subject), "---\n".into(), policy(BANP, subject)].concat();
    check(
        &load_text(&two),
        &[("Warning DUPLICATE_OBJECT t.yaml:8: baselineadminnetworkpolicy/default", "t.yaml:2")],
    );
}

#[test]
fn old_ports_need_one_form_a_known_protocol_and_a_range_that_holds_something() {
    let port = |port: &str, message: &str| {
        refused(
            &old_rule(
                "ingress",
                &format!("{{action: Deny, from: [{{namespaces: {{}}}}], ports: [{port}]}}"),
            ),
            7,
            message,
        );
    };
    let at = "spec.ingress[0].ports[0]";
    port(
        "{}",
        &format!("{at}: exactly one of portNumber, portRange, namedPort must be set, found 0"),
    );
    port("{portNumber: {port: 1}, namedPort: a}", "found 2");
    port("{portNumber: {}}", &format!("{at}.portNumber.port: required value"));
    port(
        "{portNumber: {port: 1, protocol: ICMP}}",
        &format!("{at}.portNumber.protocol: unsupported value `ICMP`"),
    );
    port(
        "{portRange: {start: 90, end: 80}}",
        &format!("{at}.portRange: start port must not be greater than end port"),
    );
    port("{portRange: {end: 80}}", &format!("{at}.portRange.start: required value"));
    port("{port: 80}", &format!("{at}.port: unknown field"));
}

#[test]
fn the_nested_shape_of_old_releases_is_explained() {
    let everyone = "`namespaces: {}`, which means every namespace";
    let shape = |text: &str, line: u32, path: &str| {
        let loaded = load_text(text);
        let start = format!("Error OLD_SHAPE t.yaml:{line}: ");
        check(
            &loaded,
            &[(&start, &format!("{path}: this is the nested shape of network-policy-api v0.1.2"))],
        );
        assert!(said(&loaded)[0].contains(everyone));
        loaded.diagnostics[0].help.clone().unwrap()
    };
    let nested = old_rule(
        "ingress",
        "{action: Allow, from: [{namespaces: {namespaceSelector: {matchLabels: {a: b}}}}]}",
    );
    let help = shape(&nested, 7, "spec.ingress[0].from[0].namespaces.namespaceSelector");
    assert_eq!(help, "write the selector directly below `namespaces`");
    for labels in ["sameLabels", "notSameLabels"] {
        let tenancy = old_rule(
            "ingress",
            &format!("{{action: Allow, from: [{{namespaces: {{{labels}: [tenant]}}}}]}}"),
        );
        let help = shape(&tenancy, 7, &format!("spec.ingress[0].from[0].namespaces.{labels}"));
        assert!(help.contains("no equivalent"));
    }
    let pods = old_rule(
        "ingress",
        "{action: Allow, from: [{pods: {namespaces: {namespaceSelector: {}}, podSelector: {}}}]}",
    );
    shape(&pods, 7, "spec.ingress[0].from[0].pods.namespaces.namespaceSelector");
    let new = rule("ingress", "{action: Accept, from: [{namespaces: {namespaceSelector: {}}}]}");
    shape(&new, 8, "spec.ingress[0].from[0].namespaces.namespaceSelector");
    let subject = policy(ANP, "  priority: 1\n  subject: {namespaces: {namespaceSelector: {}}}");
    shape(&subject, 6, "spec.subject.namespaces.namespaceSelector");
}

#[test]
fn ports_of_the_other_version_are_explained() {
    let new = rule(
        "ingress",
        "{action: Deny, from: [{namespaces: {}}], ports: [{portNumber: {port: 80}}]}",
    );
    refused(
        &new,
        8,
        "spec.ingress[0].ports: belongs to the other version of the API; a server would drop it and the rule would match all ports",
    );
    let old = old_rule(
        "ingress",
        "{action: Deny, from: [{namespaces: {}}], protocols: [{tcp: {destinationPort: {number: 80}}}]}",
    );
    refused(&old, 7, "OLD_SHAPE");
}

#[test]
fn old_pod_peers_need_both_selectors_but_for_np_guard() {
    let text = old_rule("ingress", "{action: Allow, from: [{pods: {podSelector: {}}}]}");
    let path = "spec.ingress[0].from[0].pods.namespaceSelector";
    refused(&text, 7, &format!("{path}: required value"));
    let options = LoadOptions { np_guard: true, ..LoadOptions::default() };
    let loaded = load_named("t.yaml", &text, &options);
    check(
        &loaded,
        &[(&format!("Warning LENIENT t.yaml:7: adminnetworkpolicy/p: {path}"), "read as {}")],
    );
    assert!(
        matches!(&admin(&loaded).ingress[0].peers[0], AdminPeer::Pods { namespace_selector, .. } if namespace_selector.is_everything())
    );
    let new = rule("ingress", "{action: Accept, from: [{pods: {namespaceSelector: {}}}]}");
    let loaded = load_named("t.yaml", &new, &options);
    assert_eq!(loaded.errors().count(), 1, "the new version requires podSelector in any dialect");
}

#[test]
fn both_versions_in_one_input_are_warned_of() {
    let subject = "  subject: {namespaces: {}}";
    let text = [
        policy(ANP, &format!("  priority: 1\n{subject}")),
        "---\n".into(),
        policy(CNP, &format!("  tier: Admin\n  priority: 1\n{subject}")),
    ];
    check(
        &load_text(&text.concat()),
        &[("Warning MIXED_VERSIONS t.yaml:9: clusternetworkpolicy/p", "t.yaml:2")],
    );
}

#[test]
fn equal_priorities_and_a_namespace_in_the_metadata_are_fine() {
    let spec = "  tier: Admin\n  priority: 1\n  subject: {namespaces: {}}";
    let text = [
        policy(CNP, spec),
        "---\n".into(),
        policy(("v1alpha2", "ClusterNetworkPolicy", "q, namespace: x"), spec),
    ];
    let loaded = load_text(&text.concat());
    check(&loaded, &[]);
    assert_eq!(loaded.cluster.policies().len(), 2);
    assert_eq!(loaded.cluster.namespaces().len(), 0);
}

#[test]
fn unknown_fields_of_admin_policies_are_errors() {
    refused(
        &rule("ingress", "{action: Deny, from: [{namespaces: {matchLabel: {}}}]}"),
        8,
        "spec.ingress[0].from[0].namespaces.matchLabel: unknown field",
    );
    refused(
        &rule("ingress", "{action: Deny, to: [], from: [{namespaces: {}}]}"),
        8,
        "spec.ingress[0].to: unknown field",
    );
    refused(
        &rule(
            "ingress",
            "{action: Deny, from: [{namespaces: {}}], protocols: [{tcp: {port: 80, destinationPort: {number: 80}}}]}",
        ),
        8,
        "spec.ingress[0].protocols[0].tcp.port: unknown field",
    );
}
