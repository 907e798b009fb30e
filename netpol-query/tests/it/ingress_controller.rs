//! `ingress-controller` in sentences.

use netpol_core::model::Dialect;
use netpol_core::reach::Snapshot;
use netpol_core::sources::{LoadOptions, Source, load};
use netpol_query::error::ErrorCode;
use netpol_query::execute::{Body, Exit, Settings};
use netpol_query::render::Format;
use netpol_query::session::Session;

use crate::shop;

/// Starts a session on a shop with an Ingress; `policy` replaces the selector that lets it in.
fn session(policy: &str) -> Session {
    let text = include_str!("ingress.yaml").replace("{namespaceSelector: {}}", policy);
    let source = Source::Bytes { name: "ingress.yaml".into(), bytes: text.as_bytes().into() };
    let loaded = load(&[source], &LoadOptions::default());
    assert_eq!(loaded.diagnostics, []);
    let snapshot = Snapshot::new(loaded.cluster, Dialect::spec());
    Session::new(snapshot, Settings::default()).with_namespace(Some("shop".into()))
}

const OPEN: &str = "{namespaceSelector: {}}";
const EDGE: &str = "{namespaceSelector: {matchLabels: {team: edge}}}";

fn check(policy: &str, sentence: &str, expected: &str) {
    let text = shop::rendered(&mut session(policy), sentence, Format::Text);
    assert_eq!(text.trim_end(), expected.trim_matches('\n'), "{sentence}\n{text}");
}

fn exit(policy: &str, sentence: &str) -> Exit {
    shop::reply(&mut session(policy), sentence).exit()
}

#[test]
fn it_is_explained_by_what_leads_there_and_by_the_rules_of_the_pods() {
    check(
        OPEN,
        "why can ingress-controller reach web on 8080",
        "
ALLOWED  ingress-controller → shop/deploy/web   tcp/8080
  1 ing/web leads to svc/web, tcp/8080 here                             ingress.yaml:21
  2 netpol/web ingress[1] allows every pod in any namespace on tcp/8080
                                                                        ingress.yaml:35",
    );
    check(
        OPEN,
        "why can ingress-controller reach web on 80",
        "
DENIED on egress of ingress-controller
  1 to web, Ingress and Route objects lead only on tcp/8080",
    );
    check(
        OPEN,
        "can ingress-controller reach db",
        "
NO   ingress-controller → shop/deploy/db   any
  egress   DENY   no Ingress or Route leads to db",
    );
    check(
        "{podSelector: {}}",
        "why can ingress-controller reach web on 8080",
        "
DENIED on ingress of shop/deploy/web
  1 netpol/web isolates web; none of its 2 ingress rules matches        ingress.yaml:28
  near  netpol/web ingress[0] allows every pod of its namespace on tcp/8080; without a namespaceSelector that means the policy's own namespace; the ingress controller is not known to be there
                                                                        ingress.yaml:33
  near  netpol/web ingress[1] allows every pod of its namespace on tcp/8080; without a namespaceSelector that means the policy's own namespace; the ingress controller is not known to be there
                                                                        ingress.yaml:35",
    );
}

#[test]
fn where_it_runs_is_not_guessed() {
    assert_eq!(exit(EDGE, "can ingress-controller reach web on 8080"), Exit::Unknown);
    assert_eq!(exit(EDGE, "expect ingress-controller can reach web on 8080"), Exit::Unknown);
    assert_eq!(exit(EDGE, "expect ingress-controller cannot reach web on 8080"), Exit::Unknown);
    let reply = shop::reply(&mut session(EDGE), "who can reach web");
    let warnings = reply.result.unwrap().warnings;
    let codes: Vec<&str> = warnings.iter().map(|w| w.code.as_str()).collect();
    assert_eq!(codes, ["UNKNOWN_FLOWS"]);
}

#[test]
fn everybody_includes_it_where_it_leads() {
    check(
        OPEN,
        "flows",
        "
  shop/deploy/db      → shop/deploy/web  tcp/8080
  shop/deploy/db      → external         any
  shop/deploy/web     → shop/deploy/db   any
  shop/deploy/web     → shop/deploy/web  tcp/8080
  shop/deploy/web     → external         any
  external            → shop/deploy/db   any
  ingress-controller  → shop/deploy/web  tcp/8080
7 flows",
    );
    assert_eq!(shop::body(&mut session(OPEN), "count flows"), Body::Count(7));
    assert_eq!(exit(OPEN, "expect only ns/shop can reach web on 8080"), Exit::No);
    assert_eq!(
        exit(OPEN, "expect only ns/shop, ingress-controller can reach web on 8080"),
        Exit::Yes
    );
    assert_eq!(exit(OPEN, "can any reach db on 80"), Exit::Yes, "nothing leads there");
}

#[test]
fn it_has_the_form_of_the_contract() {
    let text =
        shop::rendered(&mut session(OPEN), "what can ingress-controller reach", Format::Jsonl);
    let src = r#""src":{"id":"ingress-controller","type":"ingress-controller"}"#;
    assert!(text.contains(src), "{text}");
    let text = shop::rendered(&mut session(OPEN), "resolve ingress-controller", Format::Jsonl);
    let row = r#"{"endpoint":{"id":"ingress-controller","type":"ingress-controller"}}"#;
    assert!(text.contains(row), "{text}");
    let text =
        shop::rendered(&mut session(OPEN), "can ingress-controller reach web", Format::Jsonl);
    let reason = r#""message":"ing/web leads to svc/web, tcp/8080 here""#;
    assert!(text.contains(reason), "{text}");
    assert!(text.contains(r#""file":"ingress.yaml","line":21"#), "{text}");
}

#[test]
fn it_is_a_source_only_and_only_where_an_ingress_is_in_the_input() {
    let error = shop::error(&mut session(OPEN), "can db reach ingress-controller");
    assert_eq!(error.code, ErrorCode::Usage);
    assert_eq!(error.message, "`ingress-controller` is a source, not a destination");
    let error = shop::error(&mut shop::session(), "what can ingress-controller reach");
    assert_eq!(error.code, ErrorCode::NoSuchEndpoint);
    assert!(error.message.contains("no Ingress or Route is in the input"), "{error:?}");
    assert_eq!(exit(OPEN, "can db reach ingress-controller"), Exit::Wrong);
}
