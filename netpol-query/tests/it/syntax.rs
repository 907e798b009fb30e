//! Every sentence of the language parses and prints back; every malformed one is answered in a user's words.

use std::collections::BTreeSet;

use netpol_query::syntax::{SyntaxError, parse};

/// The sentences of the language document, and variants of them.
pub(crate) const SENTENCES: &[&str] = &[
    "can frontend reach redis on tcp/6379",
    "is redis reachable from frontend",
    "frontend -> redis on 6379",
    "frontend → redis",
    "frontend=>redis",
    "a->b",
    "can internet reach any on tcp/22",
    "CAN frontend REACH redis ON TCP/6379?",
    "can all pods reach dns on udp/53",
    "can some ns/a reach ns/b",
    "can frontend talk to redis",
    "can frontend connect to redis?",
    "can frontend access redis",
    "why can't front-end reach carts on tcp/80?",
    "why can’t front-end reach carts",
    "why cannot front-end reach carts",
    "why can frontend reach adservice",
    "why can frontend not reach adservice",
    "why is redis not reachable from frontend",
    "explain frontend -> carts on 80",
    "why shop/deployment/a -> 10.0.0.1",
    "who can reach shop/db on 5432",
    "who can reach shop/db on 5432 from ns/x",
    "who can eventually reach shop/db",
    "what can frontend reach",
    "what can frontend reach in ns/payments",
    "what can frontend eventually reach on any in payments",
    "flows",
    "flows from ns/frontend to ns/backend",
    "denied flows from ns/a to ns/b on 443",
    "unknown flows",
    "count flows from pods to external",
    "count pods in shop",
    "resolve shop/[app in (a,b)]",
    "resolve pods[app=web] in ns[env=prod]",
    "resolve shop/[app=web,tier in (a,b),!legacy]",
    "resolve shop/[a!=b,c notin (d,e),f]",
    "resolve [app=]",
    "resolve shop/*",
    "resolve ns/shop, ns[team=pay], deploy/frontend, shop/deploy/frontend, pod/frontend-7d9f",
    "resolve 10.0.0.0/8, 203.0.113.7, 2001:db8::/32, ::1, ::/0, 10.0.0.1-10.0.0.9",
    "resolve svc/frontend:80",
    "resolve shop/svc/frontend:http",
    "resolve (a, b) and (c or d) except e minus f",
    "resolve not (a or b), not c",
    "resolve (any except ns/a) in (ns/a, ns/b)",
    "resolve \"deploy\"/frontend",
    "resolve ?rontend-*",
    "resolve fqdn:api.example.com",
    "resolve private, nodes, metadata, dns, ingress-controller",
    "list unprotected in ns[env=prod]",
    "list unprotected egress",
    "list pods in shop",
    "list policies",
    "show workloads",
    "pods",
    "nodes",
    "services in shop",
    "count unprotected",
    "paths from internet to redis max 4 hops",
    "shortest path from a to b via c avoiding ns/dev",
    "blast radius of frontend max 3 hops",
    "exposure of ns/payments",
    "matrix",
    "matrix from ns/a to ns/b on tcp/8080",
    "matrix by namespace",
    "policies for frontend ingress",
    "policies selecting db",
    "policies allowing a -> b on 80",
    "policies blocking a -> b",
    "pods of netpol/cart-access",
    "expect only cartservice can reach redis on tcp/6379 because \"session data\"",
    "expect internet cannot reach any except frontend",
    "expect no path from internet to redis max 2 hops",
    "expect count flows from pods to internet <= 5",
    "expect no unprotected in ns[env=prod]",
    "expect pods[name=cart] cannot reach internet if any",
    "expect a can reach b on tcp/80 exactly",
    "expect all pods can reach dns on udp/53, tcp/53 if any because \"names \\\"and\\\" more\"",
    "expect no flows from ns/a to ns/b on any",
    "expect no lint >= warning",
    "expect a can eventually reach b",
    "warn internet cannot reach pods",
    "assert a cannot reach b",
    "test \"data tier\" { expect a cannot reach b\n expect c can reach d; flows }",
    "test \"empty\" {}",
    "what if delete netpol/cortex-access",
    "what if label deploy/carts name=cart",
    "what if apply ./new.yaml, scale deploy/x to 0",
    "with add pod attacker in frontend labels app=webapp: what can frontend/attacker reach",
    "what if allow a -> b on 443",
    "what if allow a -> b on 443, scale deploy/x to 0",
    "what if isolate ns/dev ingress",
    "what if unlabel deploy/x a,b, compromise y",
    "what if delete (a, b), add namespace x labels a=b, c=d",
    "delete netpol/x",
    "add pod x in y labels a=b ports 80,443",
    "diff git:origin/main..git:HEAD",
    "diff ./old ./new for ns/pay",
    "diff",
    "lint ns/sock-shop >= warning",
    "lint",
    "export graph to ./g.svg",
    "flows | where dst.namespace = pay and ports ~ tcp/22 | group by src.namespace | sort by count desc | limit 10 | as markdown",
    "flows | where not src.kind in (Deployment,StatefulSet) or verdict != ALLOW | select src.id, dst.id | count",
    "flows as json",
    "flows | where src.labels[app] = \"a b\"",
    "let $pci = ns[pci=true] except payments/gateway",
    "let $web = ports tcp/80,443",
    "can $pci reach internet on $web",
    "use namespace shop",
    "use namespace *",
    "use ./manifests",
    "can a reach b on tcp/80,8000-8080",
    "can a reach b on udp/53",
    "can a reach b on 443",
    "can a reach b on http",
    "can a reach b on any",
    "can a reach b on tcp",
    "can a reach b on tcp/* udp/53",
    "can a reach b over port 80 # why not",
    "can \"pods\" reach ns/\"internet\"",
];

#[test]
fn every_sentence_parses_and_prints_back() {
    for sentence in SENTENCES {
        let first = parse(sentence).unwrap_or_else(|e| panic!("{sentence}\n{e:?}"));
        let printed = first.to_string();
        let second = parse(&printed).unwrap_or_else(|e| panic!("{sentence}\n{printed}\n{e:?}"));
        assert_eq!(first, second, "{sentence}\n{printed}");
        assert_eq!(printed, second.to_string());
    }
}

fn check(sentence: &str, underlined: &str, message: &str, help: &str) {
    let error = parse(sentence).expect_err(sentence);
    let word = sentence.get(error.span.start..error.span.end).unwrap();
    assert_eq!(
        (word, error.message.as_str(), error.help.as_deref().unwrap_or("")),
        (underlined, message, help),
        "{sentence}"
    );
}

const ENDPOINT: &str = "an endpoint such as `frontend`, `ns/shop`, `[app=web]` or `10.0.0.0/8`";

#[test]
fn a_misspelt_keyword_is_named() {
    check(
        "can frontend raech redis",
        "raech",
        "expected `reach`, found `raech`",
        "did you mean `reach`?",
    );
    check(
        "cna frontend reach redis",
        "cna",
        "no sentence begins with `cna`; expected `can`, `why`, `who can reach`, `what can`, `flows`, `list`, \
         `count`, `resolve`, `expect`, ... or `A -> B`",
        "did you mean `can`?",
    );
    check(
        "flows form ns/a",
        "form",
        "expected `on`, `from`, `to` or the end of the sentence, found `form`",
        "did you mean `from`?",
    );
    check(
        "flows | wher x",
        "wher",
        "expected `where`, `group by`, `sort by`, `limit`, `select`, `count` or `as`, found `wher`",
        "did you mean `where`?",
    );
}

#[test]
fn a_missing_part_is_pointed_at() {
    let end = "the end of the sentence";
    check(
        "can reach db",
        "reach",
        &format!("expected {ENDPOINT}, found `reach`"),
        "`reach` is a word of the language; write \"reach\" if it is a name",
    );
    check("can frontend", "", &format!("expected `reach`, found {end}"), "");
    check("who can reach", "", &format!("expected {ENDPOINT}, found {end}"), "");
    let ports = "ports such as `tcp/80,8000-8080`, `443` or `any`";
    check("can a reach b on", "", &format!("expected {ports}, found {end}"), "");
    check("can a reach b bogus", "bogus", &format!("expected `on` or {end}, found `bogus`"), "");
    check("resolve shop/[app in a]", "a", "expected `(`, found `a`", "");
    check("resolve shop/[app=web", "", &format!("expected `,` or `]`, found {end}"), "");
    check(
        "expect a cannot reach b because \"x",
        "\"",
        "a quote that is never closed",
        "close it with `\"` on the same line",
    );
}

#[test]
fn foreign_spellings_are_explained() {
    check(
        "SELECT * FROM flows",
        "SELECT",
        "this looks like SQL; questions are sentences here",
        "rows of flows are filtered with pipes: `flows from ns/a | where dst.namespace = pay`",
    );
    check(
        "MATCH (a)-[:REACHES]->(b)",
        "MATCH",
        "this looks like Cypher; questions are sentences here",
        "write `paths from A to B max 4 hops` or `flows from A to B`",
    );
    check(
        "test --from-pod a --to-pod b",
        "--from-pod",
        "`--from-pod` is an option of another tool",
        "ask in words: `can frontend reach db on tcp/5432`",
    );
    check(
        "a → b:80",
        "b:80",
        "`b:80`: only a Service has a port of its own",
        "write `b on 80`, or `svc/NAME:80` for a Service's port",
    );
    check("can a reach b port 80", "port", "`port` needs `on` before it", "write `on 80`");
    check(
        "from a to b on 80",
        "from",
        "a question begins with its verb, not with `from`",
        "write `can a reach b`, or `flows from a to b`",
    );
    check(
        "frontend can reach db",
        "can",
        "a statement is not a question",
        "ask `can frontend reach db`, or state it: `expect frontend can reach db`",
    );
    check(
        "can a reach b on 80/tcp",
        "80/tcp",
        "the protocol comes before the port",
        "write `tcp/80`",
    );
}

#[test]
fn values_out_of_range_are_refused() {
    check("can a reach b on 70000", "70000", "`70000` is no port: ports are 1 to 65535", "");
    check("can a reach b on 0", "0", "`0` is no port: ports are 1 to 65535", "");
    check(
        "can a reach b on 90-80",
        "90-80",
        "the range `90-80` ends before it begins",
        "write `80-90`",
    );
    check(
        "can a reach 300.1.1.1",
        "300.1.1.1",
        "`300.1.1.1` is not an IPv4 address",
        "each of the four parts is 0 to 255, without leading zeros",
    );
    check(
        "can a reach 10.0.0.0/40",
        "10.0.0.0/40",
        "`10.0.0.0/40` is no CIDR: the prefix length is 0 to 32",
        "",
    );
}

#[test]
fn hostile_sentences_are_bounded() {
    assert!(parse(&"(".repeat(100_000)).is_err());
    assert!(parse(&format!("resolve {}a{}", "(".repeat(500), ")".repeat(500))).is_err());
    assert!(parse(&format!("resolve {}", "not ".repeat(10_000))).is_err());
    let long = format!("resolve {}a", "a,".repeat(20_000));
    assert!(parse(&long).is_ok());
}

/// Sentences as people mistype them.
const HANDWRITTEN: &[&str] = &[
    "can",
    "can can reach reach",
    "can frontend reach",
    "can frontend redis on 80",
    "can frontend to redis",
    "frontend redis",
    "frontend ->",
    "-> redis",
    "who reach db",
    "what reach db",
    "why",
    "why frontend redis",
    "is redis from frontend",
    "can a reach b on tcp:80",
    "can a reach b on 80,",
    "can a reach b on ,80",
    "can a reach b on tcp/http/80",
    "can a,, b reach c",
    "can (a reach b",
    "can a) reach b",
    "resolve [app=web",
    "resolve [=web]",
    "resolve [app in web]",
    "resolve [app in (web]",
    "resolve a/b/c/d",
    "resolve /",
    "resolve $",
    "resolve 10.0.0.0/",
    "resolve 10.0.0",
    "flows | ",
    "flows | where",
    "flows | where x =",
    "flows | sort",
    "flows | limit many",
    "flows | as",
    "flows as exe",
    "flows from",
    "count",
    "list",
    "list cows",
    "expect",
    "expect a b",
    "expect a can reach b because",
    "expect a can reach b because x",
    "expect no",
    "expect count pods about 5",
    "test",
    "test x { flows }",
    "test \"x\" flows",
    "test \"x\" { flows",
    "let x = a",
    "let $x a",
    "let $x =",
    "use",
    "use namespace",
    "paths",
    "paths from a",
    "paths from a to b max hops",
    "matrix of a",
    "policies",
    "policies like a",
    "pods of",
    "\\d frontend",
    "\"",
    "\u{1}",
    "?",
    "|",
    "{}",
    ";)",
    "→",
];

/// Sentences that are broken in every way that the words of good ones can be: cut, doubled, swapped and replaced.
fn malformed() -> BTreeSet<String> {
    let mut broken: BTreeSet<String> = HANDWRITTEN.iter().map(|s| (*s).to_owned()).collect();
    for sentence in SENTENCES {
        let words: Vec<&str> = sentence.split_whitespace().collect();
        for i in 0..words.len() {
            let mut cut = words.clone();
            cut.remove(i);
            broken.insert(cut.join(" "));
            let mut swapped = words.clone();
            swapped.swap(i, 0);
            broken.insert(swapped.join(" "));
            for other in ["???", "on", "[x", "port", "->", "("] {
                let mut replaced = words.clone();
                replaced[i] = other;
                broken.insert(replaced.join(" "));
            }
        }
    }
    broken
}

fn speaks_of_rules(text: &str) -> bool {
    text.contains("kw_") || text.contains("Rule") || text.split(['`', ' ']).any(|w| w.contains('_'))
}

fn check_words(sentence: &str, error: &SyntaxError) {
    assert!(
        error.span.start <= error.span.end && error.span.end <= sentence.len(),
        "{sentence}\n{error:?}"
    );
    assert!(sentence.get(error.span.start..error.span.end).is_some(), "{sentence}\n{error:?}");
    let help = error.help.as_deref().unwrap_or("");
    assert!(!speaks_of_rules(&error.message) && !speaks_of_rules(help), "{sentence}\n{error:?}");
    assert!(!error.message.is_empty() && !error.message.ends_with('.'), "{sentence}\n{error:?}");
}

#[test]
fn malformed_sentences_never_show_a_rule_and_always_point_somewhere() {
    let mut refused = 0;
    for sentence in malformed() {
        if let Err(error) = parse(&sentence) {
            check_words(&sentence, &error);
            refused += 1;
        }
    }
    assert!(refused >= 500, "only {refused} malformed sentences");
}
