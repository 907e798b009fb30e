//! Every rule of lint: its id, which never changes its meaning, and how grave it usually is.

use super::finding::Severity::{self, Error, Info, Warning};

/// A kind of mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The id.
    pub id: &'static str,
    /// How grave findings usually are.
    pub severity: Severity,
    /// What is wrong, in a few words.
    pub title: &'static str,
    /// What to do about it.
    pub help: &'static str,
}

const fn rule(
    id: &'static str,
    severity: Severity,
    title: &'static str,
    help: &'static str,
) -> Rule {
    Rule { id, severity, title, help }
}

/// Every rule, by id.
pub const RULES: &[Rule] = &[
    rule(
        "AT1",
        Error,
        "admin policy in the shape of an old release",
        "rewrite it in the shape of today: a server prunes the old fields, which widens the rule",
    ),
    rule(
        "AT2",
        Error,
        "admin policies of equal priority disagree",
        "give them different priorities",
    ),
    rule(
        "AT3",
        Warning,
        "Baseline deny does not stop what comes from outside",
        "isolate the pods with a NetworkPolicy: Baseline ingress rules cannot name external, node or host-network sources",
    ),
    rule(
        "AT4",
        Error,
        "domainNames in a rule that does not accept",
        "name networks instead: only Accept rules may have domainNames",
    ),
    rule(
        "AT5",
        Warning,
        "domainNames in the Baseline tier",
        "move the rule to the Admin tier: sources disagree on whether Baseline may have it",
    ),
    rule(
        "AT6",
        Warning,
        "deny of all networks also cuts off pods",
        "Pass or Accept pods in an earlier rule",
    ),
    rule(
        "AT7",
        Info,
        "rule that an earlier rule always decides before",
        "move it up, or remove it",
    ),
    rule(
        "AT8",
        Info,
        "rule that another tier makes pointless",
        "remove it, or change the other tier",
    ),
    rule("AT9", Error, "named port with peers that are no pods", "write the number of the port"),
    rule(
        "AT10",
        Error,
        "port entry that can match nothing",
        "name a port, TCP, UDP or SCTP, and a range whose start is below its end",
    ),
    rule(
        "AT11",
        Warning,
        "admin policies of both API versions",
        "convert the older ones: the order between the versions is not defined",
    ),
    rule("AT12", Info, "admin policy without a rule", "add rules, or remove it"),
    rule(
        "E01",
        Warning,
        "podSelector selects no pod",
        "select labels that pods of the namespace carry",
    ),
    rule("E02", Warning, "peer selects no pod", "select labels that pods carry"),
    rule(
        "E03",
        Warning,
        "label that is nearly one of the workloads'",
        "write the label as the workload carries it",
    ),
    rule(
        "E04",
        Warning,
        "namespaceSelector matches no namespace",
        "select a label that the namespace carries, such as kubernetes.io/metadata.name",
    ),
    rule("E05", Error, "selector that contradicts itself", "remove one of the requirements"),
    rule(
        "E06",
        Warning,
        "two peers that read like one",
        "merge them into one list item if pods of those namespaces are meant",
    ),
    rule(
        "E07",
        Warning,
        "egress is isolated and DNS is not allowed",
        "allow UDP and TCP 53 to the DNS pods of kube-system",
    ),
    rule("E08", Warning, "connection that only one side allows", "add the missing half"),
    rule(
        "E09",
        Warning,
        "ipBlock overlaps addresses of the cluster",
        "select pods by labels; for a Service, its pods and their target port",
    ),
    rule(
        "E10",
        Warning,
        "ipBlock of every address",
        "except the ranges that are not meant, or name those that are",
    ),
    rule(
        "E11",
        Info,
        "policy without rules denies everything",
        "say so in its name, such as default-deny",
    ),
    rule("E12", Warning, "rule that allows everything", "remove it, or name peers or ports"),
    rule("E13", Info, "redundant peer, port, rule or policy", "remove it"),
    rule("E14", Warning, "policy that is there twice", "rename or delete one"),
    rule("E15", Warning, "namespace with pods that nothing isolates", "add a default-deny policy"),
    rule(
        "E16",
        Error,
        "named port that the pods do not declare",
        "use the name of a container port, or the number",
    ),
    rule(
        "E17",
        Error,
        "named port toward addresses",
        "write the number of the port: a name is looked up on a pod",
    ),
    rule(
        "E18",
        Warning,
        "port that no container declares",
        "use the container's port: policies see traffic after a Service has rewritten it",
    ),
    rule(
        "E19",
        Error,
        "rules in a direction that policyTypes leaves out",
        "add the direction to policyTypes, or delete the rules",
    ),
    rule(
        "E20",
        Error,
        "empty egress without policyTypes does nothing",
        "add policyTypes: [Ingress, Egress]",
    ),
    rule(
        "E21",
        Warning,
        "policy with egress rules alone isolates ingress too",
        "add policyTypes: [Egress]",
    ),
    rule("E22", Info, "port without a protocol means TCP alone", "add the protocol"),
    rule(
        "E23",
        Warning,
        "peer whose pods are in other namespaces",
        "add a namespaceSelector to the same list item",
    ),
    rule(
        "E24",
        Info,
        "policy without a namespace, or in one that is not there",
        "set metadata.namespace",
    ),
    rule(
        "E25",
        Warning,
        "policy about host-network pods",
        "allow the addresses of the nodes with an ipBlock",
    ),
    rule(
        "E26",
        Warning,
        "except without effect",
        "drop the except, or take away what allows its addresses again",
    ),
    rule("E27", Error, "object that the API server refuses", "correct the field"),
    rule("E28", Warning, "CIDR that stricter validation refuses", "write the canonical CIDR"),
    rule(
        "E29",
        Warning,
        "backend that no ingress controller can reach",
        "allow the controller's namespace",
    ),
    rule(
        "E30",
        Warning,
        "Service for outside clients whose pods admit pods alone",
        "add an ipBlock for the clients",
    ),
    rule(
        "E31",
        Warning,
        "label scheme that is not the workload's",
        "select by the labels that the workload carries",
    ),
    rule(
        "E33",
        Warning,
        "selector on a label that changes by itself",
        "select by a stable label of the template",
    ),
    rule(
        "E34",
        Error,
        "selector written without a value",
        "write `{}` if everything is meant, or the labels",
    ),
    rule("Y1", Warning, "scalar that YAML 1.1 reads otherwise", "quote it"),
    rule("Y2", Error, "key that stands twice", "delete one"),
    rule("Y3", Error, "field that the API does not know", "correct its name"),
    rule(
        "Y4",
        Warning,
        "namespace that is only referred to",
        "add the Namespace object with its labels",
    ),
    rule("Y5", Info, "completed pod was left out", "nothing, if it is meant to have ended"),
    rule(
        "Y6",
        Warning,
        "kind of this name in another API group",
        "write the policy for the supported group",
    ),
];

/// Finds a rule.
pub fn find_rule(id: &str) -> Option<&'static Rule> {
    RULES.iter().find(|r| r.id == id)
}

/// Returns the usual severity of a rule.
pub(super) fn severity_of(id: &str) -> Severity {
    find_rule(id).map_or(Warning, |r| r.severity)
}
