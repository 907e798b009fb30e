//! What sentences are answered with, as people read it.

use netpol_query::execute::{Body, Exit};
use netpol_query::render::Format;

use crate::shop;

/// Asks sentences and compares the whole text.
fn check(sentence: &str, expected: &str) {
    let mut session = shop::session().with_namespace(Some("shop".into()));
    let text = shop::rendered(&mut session, sentence, Format::Text);
    assert_eq!(text.trim_end(), expected.trim_matches('\n'), "{sentence}\n{text}");
}

fn exits(sentence: &str, exit: Exit) {
    let mut session = shop::session().with_namespace(Some("shop".into()));
    let reply = shop::reply(&mut session, sentence);
    assert_eq!(reply.exit(), exit, "{sentence}\n{reply:?}");
}

#[test]
fn can_answers_with_reasons_and_files() {
    check(
        "can frontend reach db on tcp/5432",
        "
YES  shop/deploy/frontend → shop/sts/db   tcp/5432
  egress   ALLOW  no policy isolates frontend on egress
  ingress  ALLOW  netpol/db ingress[0] allows app=web on tcp/5432       shop.yaml:108",
    );
    check(
        "can probe reach db on tcp/5432?",
        "
NO   shop/pod/probe → shop/sts/db   tcp/5432
  egress   ALLOW  no policy isolates probe on egress
  ingress  DENY   netpol/db isolates db; ingress[0] allows only app=web on tcp/5432
                                                                        shop.yaml:102
  near     netpol/db ingress[0] allows app=web on tcp/5432; probe has app=probe
                                                                        shop.yaml:108",
    );
}

#[test]
fn can_without_ports_asks_for_some_port() {
    exits("can frontend reach db", Exit::Yes);
    exits("can frontend reach db on any", Exit::No);
    exits("can frontend, probe reach db", Exit::No);
    exits("can some frontend, probe reach db", Exit::Yes);
    exits("can all frontend, probe reach db", Exit::No);
    exits("is db reachable from frontend", Exit::Yes);
    exits("frontend -> db on pg", Exit::Yes);
    exits("db -> gateway", Exit::No);
}

#[test]
fn several_pairs_are_summed_up() {
    check(
        "can frontend, probe reach db on 5432",
        "
PARTIAL  frontend, probe → db on tcp/5432: 2/3 pairs are allowed
  ALLOW  shop/deploy/frontend  → shop/sts/db  tcp/5432
    egress   ALLOW  no policy isolates frontend on egress
    ingress  ALLOW  netpol/db ingress[0] allows app=web on tcp/5432     shop.yaml:108
  DENY   shop/pod/probe        → shop/sts/db  tcp/5432
    egress   ALLOW  no policy isolates probe on egress
    ingress  DENY   netpol/db isolates db; ingress[0] allows only app=web on tcp/5432
                                                                        shop.yaml:102
    near     netpol/db ingress[0] allows app=web on tcp/5432; probe has app=probe
                                                                        shop.yaml:108",
    );
}

#[test]
fn why_names_the_direction_that_decides() {
    check(
        "why can't probe reach db on 5432",
        "
DENIED on ingress of shop/sts/db
  1 netpol/db isolates db; ingress[0] allows only app=web on tcp/5432   shop.yaml:102
  near  netpol/db ingress[0] allows app=web on tcp/5432; probe has app=probe
                                                                        shop.yaml:108",
    );
    check(
        "explain frontend -> db on 5432",
        "
ALLOWED  shop/deploy/frontend → shop/sts/db   tcp/5432
  1 no policy isolates frontend on egress
  2 netpol/db ingress[0] allows app=web on tcp/5432                     shop.yaml:108",
    );
}

#[test]
fn who_and_what_list_one_end() {
    check(
        "who can reach db on 5432",
        "
1 workload can reach db on tcp/5432
  shop/deploy/frontend  tcp/5432",
    );
    check(
        "what can dev/frontend reach in shop on 8080",
        "
dev/frontend can reach 3 workloads on tcp/8080
  shop/pod/agent        tcp/8080
  shop/deploy/frontend  tcp/8080
  shop/pod/probe        tcp/8080",
    );
    check("who can reach gateway", "nothing can reach gateway");
}

#[test]
fn flows_are_listed_in_order() {
    check(
        "flows from frontend to db, agent",
        "
  shop/deploy/frontend  → shop/pod/agent  any
  shop/deploy/frontend  → shop/sts/db     tcp/5432
2 flows",
    );
    check(
        "denied flows from probe to db on 5432,5433",
        "
  DENY  shop/pod/probe  → shop/sts/db  tcp/5432-5433",
    );
    check("flows from ns/dev to ns/pay", "no flows");
}

#[test]
fn counts_take_the_outside_as_one_peer() {
    let mut session = shop::session();
    let count = |session: &mut _, sentence: &str| match shop::body(session, sentence) {
        Body::Count(count) => count,
        other => panic!("{other:?}"),
    };
    assert_eq!(count(&mut session, "count flows from ns/shop to db"), 1);
    assert_eq!(count(&mut session, "count flows from ns/dev to external"), 1);
    assert_eq!(count(&mut session, "count pods in shop"), 5);
    assert_eq!(count(&mut session, "count namespaces"), 4);
    assert_eq!(count(&mut session, "count unprotected"), 4);
    assert_eq!(count(&mut session, "count unprotected egress in ns/pay"), 0);
}

#[test]
fn objects_are_listed() {
    check("list pods in pay", "pay/pod/gateway-0");
    check("list namespaces in ns[env=prod]", "ns/pay\nns/shop");
    check("services in shop", "shop/svc/db\nshop/svc/lost\nshop/svc/web");
    check("list nodes", "node/worker-1");
    check("list pods in ns/empty", "nothing");
    check(
        "list unprotected in ns/shop, pay",
        "shop/pod/agent        ingress\nshop/deploy/frontend  ingress\nshop/pod/probe        ingress",
    );
    check("list policies", "pay/netpol/closed  shop.yaml:112\nshop/netpol/db     shop.yaml:102");
    check("policies for gateway ingress", "pay/netpol/closed  shop.yaml:112");
    check("policies selecting db egress", "no policies");
    check("policies allowing frontend -> db on 5432", "shop/netpol/db  shop.yaml:102");
    check("policies blocking probe -> db", "shop/netpol/db  shop.yaml:102");
    check("pods of netpol/closed", "pay/deploy/gateway");
}

#[test]
fn a_services_port_is_translated() {
    check(
        "can probe reach svc/web:80",
        "
svc/web:80 is tcp/8080 on 2 pods
YES  shop/pod/probe → shop/deploy/frontend   tcp/8080
  egress   ALLOW  no policy isolates probe on egress
  ingress  ALLOW  no policy isolates frontend on ingress",
    );
    check(
        "can probe reach svc/web:81",
        "
error: the Service `web` has no port 81
  can probe reach svc/web:81
                         ^^^ its ports are 80 (http)",
    );
    exits("who can reach svc/db:5432", Exit::Yes);
    exits("can probe reach svc/web:80 on 80", Exit::Wrong);
    exits("can probe reach svc/web:80, db", Exit::Wrong);
}

#[test]
fn a_question_without_a_pair_is_refused() {
    check(
        "can internet reach 10.0.0.7",
        "
error: there is no pair to ask about: neither end is a pod
  can internet reach 10.0.0.7
      ^^^^^^^^^^^^^^^^^^^^^^^ policies govern pods: name a pod or a workload on one side",
    );
    exits("can probe reach probe", Exit::Yes);
    exits("can fqdn:a.example reach db", Exit::Wrong);
}

#[test]
fn expectations_hold_or_show_what_breaches_them() {
    exits("expect frontend can reach db on 5432", Exit::Yes);
    exits("expect frontend can reach db on 5432 exactly", Exit::Yes);
    exits("expect probe can reach agent on 5432 exactly", Exit::No);
    exits("expect probe cannot reach db", Exit::Yes);
    exits("expect internet cannot reach ns/shop except frontend, agent, probe", Exit::Yes);
    exits("expect internet cannot reach db because \"data\"", Exit::Yes);
    exits("expect only frontend can reach db", Exit::Yes);
    exits("expect only probe can reach db", Exit::No);
    exits("expect only frontend, gateway can reach db", Exit::Yes);
    exits("expect only gateway can reach probe", Exit::No);
    exits("expect no flows from ns/dev to ns/pay", Exit::Yes);
    exits("expect no unprotected in pay", Exit::Yes);
    exits("expect no unprotected in shop", Exit::No);
    exits("expect count flows from ns/shop to db <= 1", Exit::Yes);
    exits("expect count pods in shop > 9", Exit::No);
    exits("warn internet cannot reach probe", Exit::Yes);
    exits("expect [app=nope] cannot reach internet if any", Exit::Yes);
    check(
        "expect [app=wep] cannot reach internet",
        "
error: `[app=wep]` matches no pod
  expect [app=wep] cannot reach internet
         ^^^^^^^^^ did you mean app=web (deploy/frontend)?  add `if any` to accept an empty set",
    );
    check(
        "expect agent cannot reach probe on 5432 because \"session data\"",
        "
FAIL  expect agent cannot reach probe on 5432 because \"session data\"
  1 of 1 pairs are allowed
  expected because: session data
  shop/pod/agent  → shop/pod/probe  tcp/5432
    egress   ALLOW  agent is a host-network pod: node traffic, which no policy selects
    ingress  ALLOW  no policy isolates probe on ingress",
    );
}

#[test]
fn pipes_filter_group_and_count() {
    check("flows from ns/shop to db | where ports ~ tcp/80 | count", "0");
    check(
        "flows from ns/shop to db | where src.kind = Deployment",
        "  shop/deploy/frontend  → shop/sts/db  tcp/5432",
    );
    check(
        "flows to ns/shop from pods on 8080 | group by dst.name | sort by count desc | limit 1",
        "dst.name  count\nfrontend  5",
    );
    check("list pods in shop | select name | limit 2 | as csv", "name\nagent\ndb-0");
    check(
        "flows | where dts.namespace = pay",
        "
error: these rows have no field `dts.namespace`
  flows | where dts.namespace = pay
                ^^^^^^^^^^^^^ did you mean `dst.namespace`?",
    );
    exits("count pods | limit 3", Exit::Wrong);
    exits("flows as dot", Exit::Yes);
}

#[test]
fn a_test_block_answers_each_sentence_and_keeps_its_variables() {
    let mut session = shop::session();
    let block = "test \"data tier\" {\n  let $x = db\n  expect probe cannot reach $x; flows to $x\n}\nresolve $x";
    let replies = session.text(block);
    let lines: Vec<_> = replies.iter().map(|r| (r.line, r.test.as_deref())).collect();
    let inside = Some("data tier");
    assert_eq!(lines, [(2, inside), (3, inside), (3, inside), (5, None)]);
    assert!(replies[1].result.is_ok(), "{:?}", replies[1]);
    assert!(replies[3].result.is_err());
    let replies = session.text("test \"x\" {\n  flows to nobody\n}");
    let error = replies[0].result.as_ref().unwrap_err();
    let span = error.span.unwrap();
    assert_eq!(replies[0].query.get(span.start..span.end), Some("nobody"));
}

#[test]
fn contracts_do_not_hold_for_want_of_sources() {
    let cases = [
        ("expect only pods[app=nosuch] can reach db on 5432 if any", false),
        ("expect only pods[app=nosuch] can eventually reach db on 5432 if any", false),
        ("expect only pods[app=nosuch] can reach db on 9999 if any", true),
        ("expect no path from any to db", false),
        ("expect no path from db, frontend to db", false),
        ("expect no path from pods[app=nosuch] to db if any", true),
    ];
    for (sentence, pass) in cases {
        let mut session = shop::session().with_namespace(Some("shop".into()));
        let Body::Expectation(expectation) = shop::body(&mut session, sentence) else { panic!() };
        assert_eq!(expectation.pass, Some(pass), "{sentence}");
    }
}

const NEAR: &str = "
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: a, labels: {app: web}}
status: {podIPs: [{ip: 10.0.0.1}]}
---
apiVersion: v1
kind: Pod
metadata: {name: host, namespace: a, labels: {app: host}}
spec: {hostNetwork: true, containers: [{name: c, image: i, ports: [{name: http, containerPort: 80}]}]}
status: {podIPs: [{ip: 192.0.2.1}]}
---
apiVersion: v1
kind: Pod
metadata: {name: api, namespace: b, labels: {app: api}}
status: {podIPs: [{ip: 10.0.0.2}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: a}
spec:
  podSelector: {matchLabels: {app: web}}
  policyTypes: [Ingress, Egress]
  ingress: [{from: [{podSelector: {matchLabels: {app: api}}}]}]
  egress: [{ports: [{port: http}]}]
";

#[test]
fn named_ports_never_match_ends_that_no_selector_matches() {
    let why = |to: &str| {
        let sentence = format!("why can't a/web reach {to} on 80");
        crate::program::program(&["-f", "-", &sentence], NEAR).out
    };
    let out = why("a/host");
    assert!(out.contains("a named port never matches host, a host-network pod"), "{out}");
    let out = why("203.0.113.7");
    assert!(out.contains("a named port never matches 203.0.113.7, which is no pod"), "{out}");
    let out = why("b/api");
    assert!(out.contains("api declares no such port name"), "{out}");
}

#[test]
fn labels_that_pods_of_other_namespaces_have_are_not_denied() {
    let out = crate::program::program(&["-f", "-", "why can't b/api reach a/web on 80"], NEAR).out;
    assert!(out.contains("which no pod in a has"), "{out}");
}
