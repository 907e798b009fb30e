//! The answers of the language document on real manifests, which stand beside a checkout and may be absent.

use std::path::PathBuf;

use netpol_core::model::{Dialect, PolicyKind, ReasonCode};
use netpol_core::reach::Snapshot;
use netpol_core::sources::{LoadOptions, Source, load};
use netpol_query::execute::{Body, Outcome, Settings, Verdicts};
use netpol_query::session::Session;

use crate::shop;

/// Starts a session on manifests; says aloud where they are absent.
fn session(name: &str, namespace: Option<&str>) -> Option<Session> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/inputs").join(name);
    if !path.is_dir() {
        eprintln!("SKIPPED: 1 test needs {}", path.display());
        return None;
    }
    let namespace = namespace.map(str::to_owned);
    let options = LoadOptions { namespace: namespace.clone(), ..LoadOptions::default() };
    let loaded = load(&[Source::Path(path)], &options);
    assert_eq!(loaded.errors().count(), 0, "{:?}", loaded.errors().collect::<Vec<_>>());
    let snapshot = Snapshot::new(loaded.cluster, Dialect::spec());
    Some(Session::new(snapshot, Settings::default()).with_namespace(namespace))
}

fn verdicts(session: &mut Session, sentence: &str) -> Verdicts {
    match shop::body(session, sentence) {
        Body::Verdict(verdicts) => verdicts,
        other => panic!("{sentence}: {other:?}"),
    }
}

fn count(session: &mut Session, sentence: &str) -> u64 {
    match shop::body(session, sentence) {
        Body::Count(count) => count,
        other => panic!("{sentence}: {other:?}"),
    }
}

#[test]
fn online_boutique_lets_only_its_cart_reach_redis() {
    let Some(mut session) = session("online-boutique", Some("boutique")) else { return };
    assert_eq!(count(&mut session, "count flows"), 39);
    let Body::Rows { rows, .. } = shop::body(&mut session, "who can reach redis-cart on tcp/6379")
    else {
        panic!();
    };
    let sources: Vec<String> = rows.iter().map(|r| r.src.id()).collect();
    assert_eq!(sources, ["boutique/deployment/cartservice"]);
    let answer = verdicts(&mut session, "can frontend reach redis-cart on tcp/6379?");
    assert_eq!(answer.outcome, Outcome::No);
    let near = answer.rows[0].reasons.iter().find(|r| r.code == ReasonCode::NearMiss).unwrap();
    let file = near.file.as_ref().unwrap();
    assert!(file.ends_with("network-policy-redis.yaml") && near.line == Some(27), "{near:?}");
    let expect =
        "expect only cartservice can reach redis-cart on tcp/6379 because \"session data\"";
    let Body::Expectation(expectation) = shop::body(&mut session, expect) else { panic!() };
    assert_eq!(expectation.pass, Some(true));
    let error = shop::error(&mut session, "what can frontent reach");
    assert_eq!(error.help.as_deref(), Some("did you mean `frontend` (boutique/deploy/frontend)?"));
}

#[test]
fn sock_shop_explains_why_its_front_end_cannot_reach_its_carts() {
    let Some(mut session) = session("sock-shop", None) else { return };
    let answer = verdicts(&mut session, "why can't front-end reach carts on tcp/80?");
    assert_eq!(answer.outcome, Outcome::No);
    let reasons = &answer.rows[0].reasons;
    let isolating = reasons.iter().find(|r| r.code == ReasonCode::NoRuleMatches).unwrap();
    assert_eq!(isolating.policy.as_ref().unwrap().name, "cortex-access");
    let near: Vec<_> = reasons.iter().filter(|r| r.code == ReasonCode::NearMiss).collect();
    let cart = near.iter().find(|r| r.policy.as_ref().unwrap().name == "cart-access").unwrap();
    assert!(cart.message.contains("name=cart;") && cart.message.contains("name=carts"), "{cart:?}");
    let error = shop::error(&mut session, "expect pods[name=cart] cannot reach internet");
    let help = error.help.unwrap();
    assert!(help.starts_with("did you mean name=carts (deploy/carts)?"), "{help}");
}

#[test]
fn argo_cd_answers_between_replicas() {
    let Some(mut session) = session("argo-cd", Some("argocd")) else { return };
    assert_eq!(count(&mut session, "count flows"), 57);
    let sentence = "can argocd-redis-ha-server reach argocd-redis-ha-server on 6379";
    let answer = verdicts(&mut session, sentence);
    assert_eq!(answer.outcome, Outcome::Yes);
    assert!(answer.tally.pairs > 1, "{:?}", answer.tally);
}

#[test]
fn kube_prometheus_speaks_of_the_host_network() {
    let Some(mut session) = session("kube-prometheus", None) else { return };
    let answer = verdicts(&mut session, "why node-exporter -> kube-state-metrics on 8443");
    let host = answer.rows[0].reasons.iter().find(|r| r.code == ReasonCode::HostNetwork);
    assert!(host.is_some(), "{:?}", answer.rows);
    let Body::Policies(rows) = shop::body(&mut session, "list policies in monitoring") else {
        panic!();
    };
    assert!(rows.iter().all(|r| r.policy.kind == PolicyKind::NetworkPolicy.as_str()));
}

/// Answers a sentence as text.
fn text(session: &mut Session, sentence: &str) -> String {
    shop::rendered(session, sentence, netpol_query::render::Format::Text)
}

#[test]
fn online_boutique_is_three_hops_from_the_internet_to_its_redis() {
    let Some(mut session) = session("online-boutique", Some("boutique")) else { return };
    let who = text(&mut session, "who can eventually reach redis-cart");
    let expected = "\
11 workloads and the internet can eventually reach redis-cart
  hop 1  cartservice
  hop 2  checkoutservice, frontend
  hop 3  adservice, currencyservice, emailservice, loadgenerator, paymentservice, productcatalogservice, recommendationservice, shippingservice, internet
";
    assert!(who.starts_with(expected), "{who}");
    let paths = text(&mut session, "paths from internet to redis-cart max 4 hops");
    let expected = "  3  internet → frontend:any → cartservice:7070 → redis-cart:6379
  4  internet → frontend:any → checkoutservice:5050 → cartservice:7070 → redis-cart:6379
2 paths
  every path passes  frontend, cartservice
";
    assert_eq!(paths, expected);
    for (sentence, pass) in [
        ("expect no path from internet to redis-cart max 2 hops", true),
        ("expect no path from internet to redis-cart", false),
        ("expect internet cannot eventually reach redis-cart", false),
        ("expect cartservice can eventually reach redis-cart", true),
        ("expect only cartservice can eventually reach redis-cart", false),
    ] {
        let Body::Expectation(expectation) = shop::body(&mut session, sentence) else { panic!() };
        assert_eq!(expectation.pass, Some(pass), "{sentence}");
    }
    let exposure = text(&mut session, "exposure of redis-cart");
    let expected = "\
boutique/deploy/redis-cart  protected
  in   from boutique/deploy/cartservice   tcp/6379
  out  to external   any
  the internet gets here in 3 hops
";
    assert_eq!(exposure, expected);
}

#[test]
fn sock_shop_tells_what_changes_would_open() {
    let Some(mut session) = session("sock-shop", None) else { return };
    for (sentence, expected) in [
        (
            "what if delete netpol/cortex-access",
            "\
+ 42 flows: carts, queue-master, session-db become reachable from all 13 other workloads and from outside, on all ports
! 3 workloads become unprotected (ingress)
",
        ),
        (
            "what if label deploy/carts name=cart",
            "\
+ 3 flows: front-end → carts:80, orders → carts:80, carts → carts-db:27017
! svc/carts (selector name=carts) loses all endpoints
",
        ),
    ] {
        let reply = shop::reply(&mut session, sentence);
        assert_eq!(reply.exit().code(), 1, "{sentence}");
        assert_eq!(text(&mut session, sentence), expected);
    }
    // Nothing has been changed by asking.
    assert!(!session.is_changed());
    assert_eq!(text(&mut session, "diff"), "no flow changes\n");
    let nothing = shop::reply(&mut session, "what if isolate orders ingress");
    assert_eq!(nothing.exit().code(), 0);
}
