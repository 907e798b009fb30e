//! What the shell offers while a line is typed, and what it colours.

use netpol_query::session::Session;
use netpol_query::shell::{Class, Index, View, complete, highlight};

use crate::shop;

fn files(prefix: &str) -> Vec<String> {
    ["manifests/", "questions.npq"]
        .iter()
        .filter(|f| f.starts_with(prefix))
        .map(|f| (*f).to_owned())
        .collect()
}

fn offered(session: &Session, line: &str) -> Vec<String> {
    let index = Index::new(session.snapshot());
    let view = View { session, index: &index, files: &files };
    let found = complete(line, line.len(), &view);
    found.into_iter().map(|c| format!("{}{}", line.get(..c.span.start).unwrap(), c.text)).collect()
}

/// Checks that a line, with what is offered, may become each of these.
fn check(line: &str, expected: &[&str]) {
    let mut session = shop::session();
    session.text("let $web = shop/frontend");
    let got = offered(&session, line);
    for want in expected {
        assert!(got.iter().any(|g| g == want), "{line}: {want} is not among {got:?}");
    }
}

fn check_only(line: &str, expected: &[&str]) {
    assert_eq!(offered(&shop::session(), line), expected, "{line}");
}

#[test]
fn verbs_and_keywords_are_completed() {
    check("", &["can", "who", "flows"]);
    check_only("ca", &["can"]);
    check("can db re", &["can db reach"]);
    check("flows ", &["flows from", "flows to", "flows on"]);
    check("flows | ", &["flows | where", "flows | group by"]);
    check("flows as ", &["flows as json", "flows as csv"]);
    check("flows | where src.n", &["flows | where src.namespace"]);
    check_only("list unp", &["list unprotected"]);
    check("CAN db RE", &["CAN db REACH"]);
    check("test \"x\" { expect pro", &["test \"x\" { expect probe"]);
    check("flows; can pro", &["flows; can probe"]);
}

#[test]
fn names_are_completed_as_a_user_writes_them() {
    check_only("can pro", &["can probe"]);
    check("can fr", &["can shop/frontend", "can dev/frontend"]);
    check("can shop/", &["can shop/frontend", "can shop/db", "can shop/probe"]);
    check("can sh", &["can shop/"]);
    check("can int", &["can internet"]);
    check("probe -> gat", &["probe -> gateway"]);
    check("can svc/", &["can svc/web", "can svc/db"]);
    check("can shop/svc/w", &["can shop/svc/web"]);
    check_only("can deploy/g", &["can deploy/gateway"]);
    check_only("can pod/frontend-1", &["can pod/frontend-1"]);
    check("can ns/", &["can ns/shop", "can ns/empty"]);
    check("pods of ", &["pods of netpol/db", "pods of netpol/closed"]);
    check("list pods in ", &["list pods in shop", "list pods in pay"]);
    check("use namespace d", &["use namespace dev"]);
    check("can $w", &["can $web"]);
    check("can frontend-", &["can frontend-0"]);
}

#[test]
fn the_current_namespace_comes_first_and_needs_no_prefix() {
    let session = shop::session().with_namespace(Some("shop".into()));
    let got = offered(&session, "can fr");
    assert_eq!(got, ["can frontend", "can dev/frontend"]);
}

#[test]
fn changes_are_completed() {
    check("what if ", &["what if delete", "what if label", "what if apply", "what if scale"]);
    check("what if delete net", &["what if delete netpol/db", "what if delete netpol/closed"]);
    check("delete netpol/", &["delete netpol/db", "delete netpol/closed"]);
    check("delete d", &["delete db", "delete netpol/db"]);
    check("label shop/frontend ", &["label shop/frontend app=", "label shop/frontend tier="]);
    check("label db app=", &["label db app=web", "label db app=db"]);
    check_only("label db tier=d", &["label db tier=data"]);
    check("label ns/pay ", &["label ns/pay env=", "label ns/pay team="]);
    check("label ns/pay env=", &["label ns/pay env=prod", "label ns/pay env=dev"]);
    check("unlabel db t", &["unlabel db tier"]);
    check("scale shop/frontend ", &["scale shop/frontend to"]);
    check("add pod x in ", &["add pod x in shop", "add pod x in pay"]);
    check("add pod x in shop labels a", &["add pod x in shop labels app="]);
    check("add namespace x labels ", &["add namespace x labels team="]);
    check("what if apply m", &["what if apply ./manifests/"]);
    check("what if allow probe -> db on ", &["what if allow probe -> db on tcp/5432"]);
    check("with delete netpol/db: can pro", &["with delete netpol/db: can probe"]);
}

#[test]
fn labels_are_completed_between_brackets() {
    check_only("can [a", &["can [app"]);
    check("can [app=", &["can [app=web", "can [app=db"]);
    check_only("can [app=w", &["can [app=web"]);
    check("can shop/[app in (web,", &["can shop/[app in (web,db"]);
    check_only("can shop/[app=db,ti", &["can shop/[app=db,tier"]);
    check("can ns[", &["can ns[env", "can ns[team"]);
    check_only("can ns[env!=d", &["can ns[env!=dev"]);
}

#[test]
fn ports_are_those_of_the_destination() {
    let ports = |line: &str| -> Vec<String> {
        let got = offered(&shop::session(), line);
        got.iter().map(|g| g.rsplit(' ').next().unwrap().to_owned()).collect()
    };
    let common = ["any", "tcp/", "udp/", "sctp/"];
    let with =
        |own: &[&str]| own.iter().chain(&common).map(|s| (*s).to_owned()).collect::<Vec<_>>();
    assert_eq!(ports("can probe reach db on "), with(&["tcp/5432", "pg"]));
    assert_eq!(ports("can db reach shop/frontend on "), with(&["tcp/8080", "http"]));
    assert_eq!(ports("who can reach db on "), with(&["tcp/5432", "pg"]));
    assert_eq!(ports("who can reach db from probe on "), with(&["tcp/5432", "pg"]));
    assert_eq!(ports("is db reachable from shop/frontend on "), with(&["tcp/5432", "pg"]));
    assert_eq!(ports("shop/frontend -> db on "), with(&["tcp/5432", "pg"]));
    assert_eq!(ports("flows from pods to svc/web on "), with(&["tcp/8080", "http"]));
    assert_eq!(ports("what can db reach in shop on tcp/8"), ["tcp/8080"]);
    assert_eq!(ports("can probe reach [app=db] on p"), ["pg"]);
}

#[test]
fn commands_are_completed() {
    check_only("\\lo", &["\\load"]);
    check("\\", &["\\?", "\\d", "\\reload"]);
    check("\\h ca", &["\\h can"]);
    check("\\n s", &["\\n shop"]);
    check("\\o j", &["\\o json", "\\o jsonl"]);
    check_only("\\i q", &["\\i questions.npq"]);
    check("\\load ", &["\\load manifests/"]);
    check("\\d ", &["\\d probe", "\\d ns/shop", "\\d svc/web", "\\d netpol/db"]);
    check_only("\\t of", &["\\t off"]);
    check_only("\\g x.csv can pro", &["\\g x.csv can probe"]);
    check_only("\\q x", &[]);
}

#[test]
fn nothing_is_offered_in_texts_and_comments_and_after_mistakes() {
    check_only("expect a can reach b because \"sh", &[]);
    check_only("flows # sh", &[]);
    check_only("can probe raech sh", &[]);
}

/// Checks which parts of a line are of a class.
fn coloured(line: &str, class: Class, expected: &[&str]) {
    let mut session = shop::session();
    session.text("let $web = shop/frontend");
    let index = Index::new(session.snapshot());
    let view = View { session: &session, index: &index, files: &files };
    let spans = highlight(line, usize::MAX, &view);
    let mut end = 0;
    for (span, _) in &spans {
        assert!(span.start >= end && span.end <= line.len(), "{line}: {spans:?}");
        end = span.end;
    }
    let got: Vec<&str> =
        spans.iter().filter(|(_, c)| *c == class).map(|(s, _)| &line[s.start..s.end]).collect();
    assert_eq!(got, expected, "{line}: {class:?}");
}

#[test]
fn what_nothing_is_called_is_told_before_the_sentence_is_sent() {
    let unknown = |line, expected: &[&str]| coloured(line, Class::Unknown, expected);
    unknown("can frontent reach db on 5432", &["frontent"]);
    unknown("can shop/frontend reach dd", &["dd"]);
    unknown("can shop/fronten reach db", &["shop/fronten"]);
    unknown("can probe raech db", &["raech", "db"]);
    unknown("cna probe reach db", &["cna", "probe"]);
    unknown("can svc/wbe reach db", &["svc/wbe"]);
    unknown("can [app=wbe] reach [ap=db]", &["wbe", "ap", "db"]);
    unknown("can $wbe reach db", &["$wbe"]);
    unknown("list pods in shp", &["shp"]);
    unknown("\\loda x", &["\\loda"]);
    unknown("policies for nobody ingress", &["nobody"]);
    unknown("what if delete netpol/clsoed", &["netpol/clsoed"]);
}

#[test]
fn good_sentences_show_nothing_unknown() {
    for line in [
        "can shop/frontend reach db on tcp/5432",
        "is db reachable from shop/frontend",
        "why can't probe reach db on 5432?",
        "explain probe -> db on pg",
        "who can eventually reach shop/db",
        "what can probe reach in ns/pay on 443",
        "denied flows from ns/dev to ns/shop on 443",
        "flows | where dst.namespace = pay and ports ~ tcp/22 | group by src.namespace | sort by count desc",
        "count flows from pods to external",
        "resolve shop/[app in (web,db),!tier], ns[env=prod], 10.0.0.0/8, 2001:db8::1, fqdn:a.example",
        "resolve any except (shop/* or pods in pay) and not internet",
        "list unprotected egress in ns[env=prod]",
        "pods of netpol/db",
        "policies blocking probe -> db on 80",
        "policies for probe ingress",
        "paths from internet to db max 4 hops via probe avoiding ns/dev",
        "matrix from ns/dev to ns/shop on tcp/8080 by namespace",
        "expect only shop/frontend can reach db on tcp/5432 if any because \"nobody else\"",
        "expect no unprotected in ns[env=prod]",
        "expect count flows from pods to internet <= 5",
        "test \"data tier\" { expect probe cannot reach db; flows }",
        "let $x = ns[env=prod] except pay/gateway",
        "let $x = ports tcp/80,443",
        "can $web reach svc/web:80",
        "use namespace shop",
        "what if delete netpol/closed, label db tier=x, scale db to 0",
        "with add pod attacker in shop labels app=webapp: what can shop/attacker reach",
        "isolate ns/dev ingress",
        "what if allow probe -> db on 443",
        "diff ./old ./new for ns/pay",
        "list pods as json",
        "pods in shop",
        "\\load x y",
    ] {
        coloured(line, Class::Unknown, &[]);
    }
}

#[test]
fn parts_of_a_sentence_have_their_classes() {
    let line = "can $web reach [app=db], 10.0.0.1 on tcp/80,pg because \"x\" # y";
    coloured(line, Class::Keyword, &["can", "reach", "on", "because"]);
    coloured(line, Class::Variable, &["$web"]);
    coloured(line, Class::Label, &["app", "db"]);
    coloured(line, Class::Address, &["10.0.0.1"]);
    coloured(line, Class::Port, &["tcp/80", "pg"]);
    coloured(line, Class::Text, &["\"x\""]);
    coloured(line, Class::Comment, &["# y"]);
    coloured("can probe reach shop/sts/db", Class::Name, &["probe", "shop/sts/db"]);
    coloured("\\d probe", Class::Command, &["\\d"]);
}

#[test]
fn a_word_that_is_being_typed_is_not_wrong_yet() {
    let session = shop::session();
    let index = Index::new(session.snapshot());
    let view = View { session: &session, index: &index, files: &files };
    let unknown = |line: &str| {
        highlight(line, line.len(), &view).iter().any(|(_, class)| *class == Class::Unknown)
    };
    for line in
        ["c", "can pro", "can shop/fro", "can [ap", "can [app=w", "can probe rea", "can svc/w"]
    {
        assert!(!unknown(line), "{line}");
    }
    for line in ["can prx", "can shop/frx", "can [apx"] {
        assert!(unknown(line), "{line}");
    }
}
