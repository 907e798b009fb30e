//! The words of the language by what they lead to: what a highlighter and a completer need to know of a half-typed line.

/// What comes next in a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// A verb, or the first end of an arrow.
    Start,
    /// An endpoint.
    Endpoint,
    /// A namespace.
    Scope,
    /// Ports.
    Ports,
    /// Keywords.
    Keyword,
    /// Anything: it is not looked up.
    Free,
}

/// Returns what a keyword leads to; `None` for a word that is no keyword.
pub(super) fn leads_to(word: &str, from: Next) -> Option<Next> {
    let word = word.to_ascii_lowercase();
    Some(match word.as_str() {
        "can" | "can't" | "can’t" | "cannot" | "cant" | "all" | "some" | "why" | "explain"
        | "reach" | "access" | "to" | "from" | "by" | "via" | "avoiding" | "resolve" | "except"
        | "minus" | "and" | "or" | "not" | "for" | "selecting" | "allowing" | "blocking"
        | "only" | "radius" | "exposure" | "is" | "expect" | "assert" | "warn" | "of"
        | "isolate" | "compromise" | "delete" | "allow" => Next::Endpoint,
        "no" => Next::Keyword,
        "in" => Next::Scope,
        "on" | "over" | "port" | "ports" => Next::Ports,
        "namespace" if from == Next::Free => Next::Scope,
        "use" | "let" | "define" | "apply" | "diff" | "export" | "label" | "unlabel" | "scale"
        | "add" | "labels" | "as" | "max" | "limit" | "top" | "because" | "where" | "group"
        | "sort" | "select" | "test" => Next::Free,
        "any" if from == Next::Keyword => Next::Keyword,
        "talk" | "connect" | "eventually" | "reachable" | "who" | "what" | "blast" | "paths"
        | "path" | "shortest" | "matrix" | "policies" | "list" | "show" | "count" | "flows"
        | "denied" | "allowed" | "unknown" | "ambiguous" | "lint" | "if" | "hops" | "hop"
        | "ingress" | "egress" | "exactly" | "unprotected" | "workloads" | "namespaces"
        | "services" | "with" => Next::Keyword,
        "pods" | "nodes" if from != Next::Endpoint && from != Next::Scope => Next::Keyword,
        "workload" | "pod" | "namespace" | "error" | "warning" | "note" | "info"
            if from == Next::Keyword =>
        {
            Next::Keyword
        }
        _ => return None,
    })
}

/// Words for sets of endpoints, each with what it means.
pub(super) const SETS: &[(&str, &str)] = &[
    ("any", "everything"),
    ("dns", "the pods behind the cluster's DNS Service"),
    ("external", "every address that is no pod and no node"),
    ("ingress-controller", "what Ingress and Route objects let in"),
    ("internet", "external without private ranges"),
    ("metadata", "169.254.169.254"),
    ("nodes", "the nodes and their host-network pods"),
    ("pods", "every pod"),
    ("private", "private ranges outside the cluster"),
];

/// Tells whether a word is a set of endpoints.
pub(super) fn is_set(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    SETS.iter().any(|(set, _)| *set == word) || word == "anything" || word == "anyone"
}

/// Kinds that a completer offers, in kubectl's short forms.
pub(super) const KINDS: &[&str] =
    &["deploy", "sts", "ds", "pod", "svc", "ns", "node", "job", "cj", "netpol", "cnp", "anp"];

/// The fields of rows.
pub(super) const FIELDS: &[&str] = &[
    "src.id",
    "src.name",
    "src.namespace",
    "src.kind",
    "src.type",
    "dst.id",
    "dst.name",
    "dst.namespace",
    "dst.kind",
    "dst.type",
    "ports",
    "verdict",
    "count",
];
