//! What names come to, and what is said where they come to nothing.

use netpol_query::error::ErrorCode;
use netpol_query::execute::{Body, Endpoint};

use crate::shop;

fn check_in(namespace: Option<&str>, set: &str, expected: &[&str]) {
    let mut session = shop::session().with_namespace(namespace.map(str::to_owned));
    let Body::Endpoints(rows) = shop::body(&mut session, &format!("resolve {set}")) else {
        panic!("{set}");
    };
    let ids: Vec<String> = rows.iter().map(|r| r.endpoint.id()).collect();
    assert_eq!(ids, expected, "{set}");
}

fn check(set: &str, expected: &[&str]) {
    check_in(None, set, expected);
}

fn refused_in(namespace: Option<&str>, set: &str, code: ErrorCode, message: &str, help: &str) {
    let mut session = shop::session().with_namespace(namespace.map(str::to_owned));
    let error = shop::error(&mut session, &format!("resolve {set}"));
    let got = (error.code, error.message.as_str(), error.help.as_deref().unwrap_or(""));
    assert_eq!(got, (code, message, help), "{set}");
    assert!(error.span.is_some(), "{set}");
}

fn refused(set: &str, message: &str, help: &str) {
    refused_in(None, set, ErrorCode::NoSuchEndpoint, message, help);
}

#[test]
fn a_bare_name_is_a_workload_or_a_bare_pod_else_a_pod() {
    check("db", &["shop/statefulset/db"]);
    check("probe", &["shop/pod/probe"]);
    check("frontend-1", &["shop/pod/frontend-1"]);
}

#[test]
fn a_name_is_looked_up_in_the_current_namespace_first() {
    check_in(Some("dev"), "frontend", &["dev/deployment/frontend"]);
    check_in(Some("pay"), "db", &["shop/statefulset/db"]);
    check_in(Some("dev"), "deploy/gateway", &["pay/deployment/gateway"]);
    refused_in(
        None,
        "frontend",
        ErrorCode::AmbiguousName,
        "`frontend` is 2 things",
        "it may be shop/deploy/frontend, dev/deploy/frontend",
    );
}

#[test]
fn the_part_before_a_slash_is_a_kind_word_or_a_namespace() {
    check("shop/frontend", &["shop/deployment/frontend"]);
    check("shop/deploy/frontend", &["shop/deployment/frontend"]);
    check("shop/Deployment/frontend", &["shop/deployment/frontend"]);
    check("sts/db", &["shop/statefulset/db"]);
    check("shop/po/frontend-0, pod/probe", &["shop/pod/frontend-0", "shop/pod/probe"]);
    check("ns/pay", &["pay/deployment/gateway"]);
    check("\"shop\"/db", &["shop/statefulset/db"]);
    refused("\"deploy\"/frontend", "no namespace is called `deploy`", "");
}

#[test]
fn globs_and_selectors_range_over_the_current_namespace_if_there_is_one() {
    let frontends = ["dev/deployment/frontend", "shop/deployment/frontend"];
    check("front*", &frontends);
    check("[app=web]", &frontends);
    check("*/frontend", &frontends);
    check("*/deploy/f?ontend", &frontends);
    check_in(Some("shop"), "front*", &["shop/deployment/frontend"]);
    check_in(Some("shop"), "pods[app=web]", &["shop/deployment/frontend"]);
    check_in(Some("shop"), "pods[app=web] in ns/dev", &["dev/deployment/frontend"]);
}

#[test]
fn selectors_are_those_of_kubectl() {
    check("shop/[app in (web,db),!tier]", &["shop/deployment/frontend"]);
    check("shop/[tier]", &["shop/statefulset/db"]);
    check("[app!=web,app notin (db,probe)] in shop", &["shop/pod/agent"]);
    check("ns[team=pay]", &["pay/deployment/gateway"]);
    check("ns[env=prod]/frontend", &["shop/deployment/frontend"]);
    check("deploy[app=web] in ns[env=dev]", &["dev/deployment/frontend"]);
    check("frontend[app=web] in dev", &["dev/deployment/frontend"]);
    check("svc/web", &["shop/deployment/frontend"]);
}

#[test]
fn sets_unite_intersect_and_subtract() {
    check("ns/pay or ns/dev", &["dev/deployment/frontend", "pay/deployment/gateway"]);
    check("[app=web] and ns/shop", &["shop/deployment/frontend"]);
    check("ns[env=prod] except shop/*", &["pay/deployment/gateway"]);
    check("ns/shop except shop/frontend-0 except db, agent, probe", &["shop/pod/frontend-1"]);
    check("pods except (ns/shop, ns/pay)", &["dev/deployment/frontend"]);
    check("not (ns/shop, ns/dev) and pods", &["pay/deployment/gateway"]);
}

#[test]
fn words_name_sets() {
    check(
        "pods",
        &[
            "dev/deployment/frontend",
            "pay/deployment/gateway",
            "shop/pod/agent",
            "shop/statefulset/db",
            "shop/deployment/frontend",
            "shop/pod/probe",
        ],
    );
    check("external", &["external:0.0.0.0-255.255.255.255"]);
    check(
        "private",
        &[
            "external:10.0.0.0-10.255.255.255,100.64.0.0-100.127.255.255,169.254.0.0-169.254.255.255,\
           172.16.0.0-172.31.255.255,192.168.0.0-192.168.255.255",
        ],
    );
    check("nodes", &["shop/pod/agent", "external:192.168.1.1"]);
    check("metadata", &["external:169.254.169.254"]);
    check("fqdn:api.example.com", &["fqdn:api.example.com"]);
    check("internet and 8.0.0.0/8", &["external:8.0.0.0-8.255.255.255"]);
}

#[test]
fn an_address_of_a_pod_is_the_pod() {
    check("10.0.0.9", &["shop/pod/probe"]);
    check("10.0.0.9/32", &["shop/pod/probe"]);
    check("192.168.1.1", &["shop/pod/agent"]);
    check("10.0.0.8", &["external:10.0.0.8"]);
    check("10.0.0.8/31", &["shop/pod/probe", "external:10.0.0.8-10.0.0.9"]);
    check("node/worker-1", &["shop/pod/agent", "external:192.168.1.1"]);
    check("node[zone=a]", &["shop/pod/agent", "external:192.168.1.1"]);
}

#[test]
fn what_matches_nothing_is_an_error_with_the_nearest_name() {
    let none = "no workload, pod or service is called";
    refused(
        "frontent",
        &format!("{none} `frontent`"),
        "did you mean `frontend` (shop/deploy/frontend)?",
    );
    refused(
        "pay/gatway",
        &format!("{none} `gatway`"),
        "did you mean `gateway` (pay/deploy/gateway)?",
    );
    refused("shpo/db", "no namespace is called `shpo`", "did you mean `shop`?");
    refused("deploy/db", "no Deployment is called `db`", "`db` is a Service: write `svc/db`");
    refused("deploy/probe", "no Deployment is called `probe`", "did you mean shop/pod/probe?");
    refused("web", &format!("{none} `web`"), "`web` is a Service: write `svc/web`");
    refused("pay", &format!("{none} `pay`"), "`pay` is a namespace: write `ns/pay` or `pay/*`");
    refused("ns/empty", "`ns/empty` holds no pods", "");
    refused("svc/wbe", "no Service is called `wbe`", "did you mean `svc/web`?");
    refused("svc/lost", "the Service `shop/svc/lost` has no endpoints", "no pod has app=lost");
    refused("zzz*", "`zzz*` matches nothing", "");
    refused(
        "shop/frontend and dev/frontend",
        "nothing is left of `shop/frontend and dev/frontend`",
        "",
    );
}

#[test]
fn a_selector_that_matches_nothing_names_the_nearest_label() {
    refused(
        "pods[app=wep]",
        "`pods[app=wep]` matches no pod",
        "did you mean app=web (deploy/frontend)?",
    );
    refused(
        "pods[aap=web]",
        "`pods[aap=web]` matches no pod",
        "did you mean app=web (deploy/frontend)?",
    );
    refused("[teir]", "`[teir]` matches no pod", "did you mean tier (sts/db)?");
    refused("ns[env=pord]", "`[env=pord]` matches no namespace", "did you mean env=prod (ns/pay)?");
    refused(
        "[app=web,tier=data]",
        "`[app=web,tier=data]` matches no pod",
        "each requirement is met by some pod, but no pod meets them all",
    );
}

#[test]
fn a_completed_pod_is_no_endpoint() {
    refused(
        "shop/pod/migration",
        "no pod is called `migration`",
        "shop/pod/migration has completed: a pod that has ended is no endpoint",
    );
}

#[test]
fn what_is_no_endpoint_says_so() {
    let usage = ErrorCode::Usage;
    refused_in(
        None,
        "netpol/db",
        usage,
        "`db` is a policy, not an endpoint",
        "`pods of netpol/NAME` lists the pods that it selects",
    );
    refused_in(
        None,
        "10.96.0.7",
        usage,
        "10.96.0.7 is the cluster address of a Service, behind which pods answer",
        "ask about `shop/svc/web`",
    );
    refused_in(
        None,
        "internet[app=web]",
        usage,
        "`internet` takes no selector",
        "selectors narrow pods: `pods[app=web]`, `ns[env=prod]`",
    );
}

#[test]
fn a_port_name_must_be_declared_by_the_destination() {
    let mut session = shop::session();
    let error = shop::error(&mut session, "can gateway reach db on pgg");
    assert_eq!(error.message, "no container of the destination declares a port called `pgg`");
    assert_eq!(error.help.as_deref(), Some("did you mean `pg`?"));
}

#[test]
fn variables_name_sets_and_ports() {
    let mut session = shop::session();
    shop::body(&mut session, "let $prod = ns[env=prod] except probe");
    shop::body(&mut session, "let $pg = ports pg");
    let Body::Endpoints(rows) = shop::body(&mut session, "resolve $prod and ns/pay") else {
        panic!();
    };
    assert!(matches!(&rows[0].endpoint, Endpoint::Workload { name, .. } if name == "gateway"));
    let error = shop::error(&mut session, "can $prdo reach db on $pg");
    assert_eq!(error.message, "nothing is called `$prdo`");
    assert_eq!(error.help.as_deref(), Some("did you mean `$prod`?"));
    assert_eq!(shop::error(&mut session, "can db reach $pg").message, "`$pg` stands for ports");
}

#[test]
fn the_current_namespace_can_be_changed() {
    let mut session = shop::session();
    shop::body(&mut session, "use namespace dev");
    assert_eq!(session.namespace(), Some("dev"));
    let error = shop::error(&mut session, "use namespace prod");
    assert_eq!(error.message, "no namespace is called `prod`");
    shop::body(&mut session, "use namespace *");
    assert_eq!(session.namespace(), None);
}

#[test]
fn a_service_port_that_leads_nowhere_is_an_error() {
    let manifests = "{apiVersion: v1, kind: Pod, metadata: {name: web, namespace: shop, labels: {app: web}}}\n---\n\
        {apiVersion: v1, kind: Service, metadata: {name: s, namespace: shop}, \
        spec: {selector: {app: web}, ports: [{port: 90, targetPort: http}]}}\n";
    let mut session = shop::session_on(manifests);
    for sentence in ["can internet reach svc/s:90", "expect internet cannot reach svc/s:90"] {
        let error = shop::error(&mut session, sentence);
        assert!(error.message.contains("leads nowhere on port 90"), "{}", error.message);
        assert!(error.message.contains("`http`"), "{}", error.message);
    }
}
