//! What the shell says about its commands and about the verbs of the language.

use std::fmt::Write as _;

use super::command::COMMANDS;

/// A verb with examples.
#[derive(Debug)]
pub(super) struct Verb {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) form: &'static str,
    pub(super) examples: &'static [&'static str],
}

const fn verb(
    name: &'static str,
    about: &'static str,
    form: &'static str,
    examples: &'static [&'static str],
) -> Verb {
    Verb { name, about, form, examples }
}

/// Every verb, in the order of the help; the examples parse.
pub(super) const VERBS: &[Verb] = &[
    verb(
        "can",
        "whether one may connect to another",
        "can [all|some] A reach B [on PORTS]",
        &[
            "can frontend reach redis on tcp/6379",
            "is redis reachable from frontend",
            "frontend -> redis on 6379",
            "can some ns/shop reach internet on 443",
        ],
    ),
    verb(
        "why",
        "the same, with every rule that decides and the nearest miss",
        "why [can|can't] A reach B [on PORTS]",
        &["why can't front-end reach carts on tcp/80?", "explain frontend -> carts on 80"],
    ),
    verb(
        "who",
        "who may connect to something",
        "who can [eventually] reach B [on PORTS] [from A]",
        &["who can reach shop/db on 5432", "who can eventually reach shop/db"],
    ),
    verb(
        "what",
        "what something may connect to",
        "what can A [eventually] reach [in NAMESPACE] [on PORTS]",
        &["what can frontend reach", "what can frontend reach in ns/payments on 443"],
    ),
    verb(
        "flows",
        "all that is allowed, or denied",
        "[denied] flows [from A] [to B] [on PORTS]",
        &[
            "flows from ns/frontend to ns/backend",
            "denied flows from ns/a to ns/b on 443",
            "flows | where dst.namespace = pay | group by src.namespace | sort by count desc",
        ],
    ),
    verb(
        "count",
        "how many flows or objects",
        "count flows|pods|workloads|unprotected|... [in NAMESPACE]",
        &["count flows from pods to external", "count unprotected"],
    ),
    verb(
        "list",
        "objects of a kind",
        "list pods|workloads|namespaces|services|policies|nodes|unprotected [in NAMESPACE]",
        &["list unprotected in ns[env=prod]", "list pods in shop", "list policies"],
    ),
    verb(
        "resolve",
        "what a set of endpoints means",
        "resolve A",
        &["resolve shop/[app in (a,b)]", "resolve pods[app=web] in ns[env=prod] except shop/*"],
    ),
    verb(
        "paths",
        "ways over several hops",
        "[shortest] paths from A to B [max N hops] [via C] [avoiding D]",
        &["paths from internet to redis max 4 hops", "shortest path from a to b avoiding ns/dev"],
    ),
    verb(
        "blast",
        "what somebody who holds a pod may reach, hop by hop",
        "blast radius of A [max N hops]",
        &["blast radius of frontend max 3 hops"],
    ),
    verb(
        "exposure",
        "what of a set the outside may reach",
        "exposure of A [on PORTS]",
        &["exposure of ns/payments"],
    ),
    verb(
        "matrix",
        "who may connect to whom as a table",
        "matrix [from A] [to B] [on PORTS] [by namespace]",
        &["matrix by namespace", "matrix from ns/a to ns/b on tcp/8080"],
    ),
    verb(
        "policies",
        "the policies that concern something",
        "policies for|selecting A [ingress|egress]; policies allowing|blocking A -> B [on PORTS]",
        &[
            "policies for frontend ingress",
            "policies blocking a -> b on 80",
            "pods of netpol/cart-access",
        ],
    ),
    verb(
        "expect",
        "what ought to hold; `warn` makes a breach a warning",
        "expect A can|cannot reach B [on PORTS] [if any] [because \"...\"]",
        &[
            "expect only cartservice can reach redis on tcp/6379 because \"session data\"",
            "expect no unprotected in ns[env=prod]",
            "test \"data tier\" { expect frontend cannot reach db }",
        ],
    ),
    verb(
        "lint",
        "mistakes in the policies, and what to do about them",
        "lint [A] [>= error|warning|info]",
        &["lint ns/shop >= warning", "lint | group by id", "expect no lint >= error"],
    ),
    verb(
        "what if",
        "what a change would open and close; the session stays as it is",
        "what if CHANGE, CHANGE ...   (`\\h change` lists the changes)",
        &[
            "what if delete netpol/cortex-access",
            "what if label deploy/carts name=cart",
            "what if apply ./new.yaml, scale deploy/x to 0",
            "what if allow a -> b on 443 | where change = added | group by dst.namespace",
        ],
    ),
    verb(
        "with",
        "any question, asked as if something were changed",
        "with CHANGE, CHANGE ...: SENTENCE",
        &[
            "with add pod attacker in frontend labels app=webapp: what can frontend/attacker reach",
            "with delete netpol/db: expect internet cannot reach db",
        ],
    ),
    verb(
        "change",
        "as a sentence of its own a change lasts for the session: never in a file, never in a cluster",
        "delete|label|unlabel|scale|apply|add|allow|isolate ...   (\\diff, \\undo, \\redo, \\reset)",
        &[
            "delete netpol/x",
            "label ns/shop env=prod",
            "unlabel deploy/x tier",
            "scale deploy/x to 0",
            "apply git:origin/main:k8s/",
            "add pod attacker in shop labels app=web ports tcp/80",
            "add namespace guests labels team=x",
            "allow a -> b on 443",
            "isolate ns/dev ingress",
        ],
    ),
    verb(
        "diff",
        "what two states let through differently, and which objects make the difference",
        "diff [OLD [NEW]] [for A]   (without OLD: what this session has changed; without NEW: from OLD to now)",
        &["diff git:origin/main..git:HEAD", "diff ./old ./new for ns/pay", "diff"],
    ),
    verb(
        "let",
        "a name for a set or for ports",
        "let $NAME = A; let $NAME = ports PORTS",
        &["let $pci = ns[pci=true] except payments/gateway", "let $web = ports tcp/80,443"],
    ),
    verb(
        "use",
        "the current namespace, or other manifests",
        "use namespace NS; use PATH",
        &["use namespace shop", "use namespace *", "use ./manifests"],
    ),
    verb(
        "export",
        "an answer as a file",
        "export graph|matrix|policies|report|snapshot to FILE",
        &["export graph to ./g.svg", "export snapshot to ./cluster.snapshot"],
    ),
];

/// Lists the commands.
pub(super) fn commands() -> String {
    let mut text =
        String::from("Sentences are the language; lines that begin with \\ are for the shell.\n\n");
    for command in COMMANDS {
        let head = format!("{} {}", command.name, command.args);
        let _written = writeln!(text, "  {head:<20} {}", command.about);
    }
    text.push_str(
        "\nTab completes, the arrow keys go through the history, -> at the end takes the hint.\n\
         Ctrl-C ends a query or clears the line, Ctrl-D leaves. A line that ends with \\ or stands\n\
         within { goes on. \\h lists what can be asked.\n",
    );
    text
}

/// Lists the verbs.
pub(super) fn verbs() -> String {
    let mut text = String::new();
    for verb in VERBS {
        let _written = writeln!(text, "  {:<10} {}", verb.name, verb.about);
    }
    text.push_str(
        "\nA and B are sets: frontend, shop/deploy/frontend, ns/shop, [app=web], 10.0.0.0/8, internet, any;\n\
         joined by `,` `and` `except` `not`. `\\h VERB` shows one verb with examples.\n",
    );
    text
}

/// Shows one verb; `None` where there is no such verb.
pub(super) fn one(word: &str) -> Option<String> {
    let word = word.to_ascii_lowercase();
    let name = match word.as_str() {
        "is" | "->" => "can",
        "explain" => "why",
        "denied" => "flows",
        "show" | "pods" | "unprotected" => "list",
        "path" | "shortest" => "paths",
        "radius" => "blast",
        "assert" | "warn" | "test" => "expect",
        "define" => "let",
        "apply" | "delete" | "label" | "unlabel" | "scale" | "add" | "allow" | "isolate" => {
            "change"
        }
        other => other,
    };
    let verb = VERBS.iter().find(|v| v.name == name)?;
    let mut text = format!("{}: {}\n\n  {}\n\n", verb.name, verb.about, verb.form);
    for example in verb.examples {
        let _written = writeln!(text, "  > {example}");
    }
    Some(text)
}

/// Returns the nearest verb to a word.
pub(super) fn nearest(word: &str) -> Option<&'static str> {
    let near = VERBS.iter().map(|v| (strsim::osa_distance(word, v.name), v.name));
    near.filter(|(distance, _)| *distance <= 2).min().map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_is_a_sentence() {
        for example in VERBS.iter().flat_map(|v| v.examples) {
            assert!(crate::syntax::parse(example).is_ok(), "{example}");
        }
    }
}
