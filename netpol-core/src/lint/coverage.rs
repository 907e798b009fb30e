//! What no policy covers: pods that nothing isolates (E15), pods whose egress is isolated and that cannot ask DNS (E07).

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use super::context::{Context, Pods, about};
use super::finding::{Finding, Severity};
use super::view::{PeerView, PolicyView, RuleView};
use crate::index::GroupId;
use crate::model::{
    Action, Direction, IpSet, NamespaceId, Operator, PodId, PortSet, Protocol, Selector, Tier,
};

/// Checks every pod.
pub(super) fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for namespace in context.cluster.namespace_ids() {
        not_isolated(context, namespace, findings);
    }
    without_dns(context, findings);
}

/// Namespaces that belong to the cluster itself.
const SYSTEM: [&str; 3] = ["kube-system", "kube-public", "kube-node-lease"];

fn not_isolated(context: &Context<'_>, namespace: NamespaceId, findings: &mut Vec<Finding>) {
    let name = context.namespace_name(namespace);
    let (from, to) = context.groups.of_namespace(namespace);
    let mut pods = Pods::new();
    pods.insert_range(from..to);
    pods -= &context.hosts;
    if pods.is_empty() || SYSTEM.contains(&name) {
        return;
    }
    for direction in [Direction::Ingress, Direction::Egress] {
        let is_open = |g: &GroupId| {
            context.isolating(direction, *g).is_empty() && !denied_by_admins(context, direction, *g)
        };
        let open: Pods = pods.iter().filter(is_open).collect();
        if open.is_empty() {
            continue;
        }
        let all = context.workloads(&pods).len();
        let count = context.workloads(&open).len();
        let message = format!(
            "namespace {name}: nothing isolates {count} of {all} workload{} for {direction}: {}",
            if all == 1 { "" } else { "s" },
            context.names(&open)
        );
        let fix = format!(
            "add a NetworkPolicy with `podSelector: {{}}`, `policyTypes: [{}]` and no rules",
            if direction == Direction::Ingress { "Ingress" } else { "Egress" }
        );
        let declared = context.cluster.namespace(namespace).position.clone();
        let first = context.workloads(&open).into_iter().next();
        let workload = first.and_then(|w| context.cluster.workload(w).position.clone());
        let object = format!("namespace/{name}");
        let finding = about("E15", object, declared.or(workload), message, fix);
        findings.push(finding.about(context.ids(&open)));
    }
}

/// Tells whether an admin policy denies a pod what comes from, or goes to, every namespace.
fn denied_by_admins(context: &Context<'_>, direction: Direction, group: GroupId) -> bool {
    let denies = |rule: &RuleView<'_>| {
        let everyone = |peer: &PeerView<'_>| match peer {
            PeerView::Pods(p) => {
                p.namespaces.is_some_and(Selector::is_everything) && p.pods.is_none()
            }
            _ => false,
        };
        rule.action == Action::Deny
            && rule.ports.numbers.is_all()
            && rule.peers.iter().any(everyone)
    };
    let admins = context.policies.iter().filter(|v| !v.is_network());
    admins.filter(|v| v.subject.contains(group)).any(|view| view.rules_in(direction).any(denies))
}

/// Where the cluster's DNS is, as far as the input tells.
struct Dns {
    /// The pods; empty where the input holds none.
    pods: Pods,
    /// The addresses of its Service, and that of the node-local cache.
    addresses: IpSet,
    namespace: Option<NamespaceId>,
}

/// The address of the node-local DNS cache.
const NODE_LOCAL: Ipv4Addr = Ipv4Addr::new(169, 254, 20, 10);

impl Dns {
    fn of(context: &Context<'_>) -> Self {
        let cluster = context.cluster;
        let known = ["kube-dns", "coredns", "rke2-coredns-rke2-coredns", "dns-default"];
        let spaces = ["kube-system", "openshift-dns"];
        let mut dns = Self {
            pods: Pods::new(),
            addresses: IpSet::from(IpAddr::V4(NODE_LOCAL)),
            namespace: cluster.find_namespace("kube-system"),
        };
        for view in context.services.iter().flatten() {
            let service = cluster.service(view.id);
            let space = context.namespace_name(service.namespace);
            if known.contains(&&*service.name) && spaces.contains(&space) {
                dns.pods |= &view.pods;
                let add = |set: IpSet, a: &IpAddr| set.union(&IpSet::from(*a));
                dns.addresses = service.cluster_ips.iter().fold(dns.addresses, add);
            }
        }
        let labelled = Selector::labels([("k8s-app", "kube-dns")]);
        if let Some(system) = dns.namespace.filter(|_| dns.pods.is_empty()) {
            dns.pods = context.in_namespace(system, &labelled);
        }
        dns
    }

    /// Returns which of UDP and TCP 53 a rule allows to it; what the input does not tell counts as allowed.
    fn allowed_by(
        &self,
        context: &Context<'_>,
        view: &PolicyView<'_>,
        rule: &RuleView<'_>,
    ) -> PortSet {
        let both = [Protocol::Udp, Protocol::Tcp].map(|p| PortSet::single(p, 53));
        let both = both.iter().fold(PortSet::none(), |set, p| set.union(p));
        let peers = rule.any || rule.peers.iter().any(|p| self.is_matched(context, view, p));
        if !peers {
            return PortSet::none();
        }
        let mut allowed = rule.ports.numbers.intersection(&both);
        // On the pods of the usual manifests the names are `dns` and `dns-tcp`.
        for (protocol, name) in &rule.ports.names {
            if name.starts_with("dns") {
                let of = protocol.map_or_else(|| both.clone(), |p| PortSet::single(p, 53));
                allowed = allowed.union(&of);
            }
        }
        allowed
    }

    fn is_matched(
        &self,
        context: &Context<'_>,
        view: &PolicyView<'_>,
        peer: &PeerView<'_>,
    ) -> bool {
        match peer {
            PeerView::Pods(peer) if !self.pods.is_empty() => !peer.set.is_disjoint(&self.pods),
            PeerView::Pods(peer) => match peer.namespaces {
                None => view.policy.namespace.is_some() && view.policy.namespace == self.namespace,
                Some(selector) => may_be_system(selector) && peer.pods.is_none_or(may_be_dns),
            },
            PeerView::Block(block) => {
                let set = super::view::addresses_of(block);
                let unknown = self.pods.is_empty();
                unknown || !set.is_disjoint(&self.addresses) || self.has_pod_in(context, &set)
            }
            PeerView::Networks(set) => self.pods.is_empty() || !set.is_disjoint(&self.addresses),
            PeerView::Nodes | PeerView::Names => self.pods.is_empty(),
        }
    }

    fn has_pod_in(&self, context: &Context<'_>, set: &IpSet) -> bool {
        let pods = self.pods.iter().flat_map(|group| context.groups.pods(group));
        let is_in = |pod: &PodId| {
            let own = &context.cluster.pod(*pod).addresses;
            own.is_empty() || own.iter().any(|a| set.contains(*a))
        };
        pods.clone().any(is_in)
    }
}

/// Tells whether a selector may match kube-system, whose labels but its name are not known.
fn may_be_system(selector: &Selector) -> bool {
    let name = crate::model::cluster::NAMESPACE_NAME_LABEL;
    selector
        .requirements
        .iter()
        .filter(|r| *r.key == *name)
        .all(|r| r.holds(Some("kube-system")) || r.holds(Some("openshift-dns")))
}

/// Tells whether a selector may match the DNS pods, which usually carry `k8s-app: kube-dns`.
fn may_be_dns(selector: &Selector) -> bool {
    selector.requirements.iter().all(|r| match &r.operator {
        Operator::In(values) => values.iter().any(|v| v.contains("dns")) || *r.key != *"k8s-app",
        _ => true,
    })
}

/// Groups with the same policies fare alike.
type Alike = BTreeMap<(Vec<u32>, Vec<u32>), Pods>;

fn without_dns(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let dns = Dns::of(context);
    let mut alike = Alike::new();
    for (group, _) in context.groups.iter().filter(|(g, _)| !dns.pods.contains(*g)) {
        let policies = context.isolating(Direction::Egress, group);
        if !policies.is_empty() {
            let key = (policies.to_vec(), admins_allowing(context, group));
            alike.entry(key).or_default().insert(group);
        }
    }
    // One finding for each policy that isolates, not for each pod.
    let mut by_policy: BTreeMap<(u32, Lack), Pods> = BTreeMap::new();
    for ((policies, admins), pods) in &alike {
        let views = policies.iter().chain(admins).filter_map(|p| context.policies.get(*p as usize));
        let views: Vec<&PolicyView<'_>> = views.collect();
        if let (Some(lack), Some(first)) = (lack(context, &dns, &views), policies.first()) {
            *by_policy.entry((*first, lack)).or_default() |= pods;
        }
    }
    for ((policy, lack), pods) in by_policy {
        let Some(view) = context.policies.get(policy as usize) else { continue };
        let message = format!("egress of {} is isolated {}", context.names(&pods), lack.words());
        let finding = context.finding("E07", (view.id, 0), message, lack.fix());
        findings.push(finding.severity(lack.severity()).about(context.ids(&pods)));
    }
}

/// What is wanting for pods to ask DNS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Lack {
    /// Everything but DNS is thought of.
    Dns,
    /// Nothing is allowed at all, which may be meant.
    Everything,
    /// Only TCP is allowed.
    Udp,
    /// Only UDP is allowed.
    Tcp,
}

impl Lack {
    const fn words(self) -> &'static str {
        match self {
            Self::Dns => "and no policy allows DNS",
            Self::Everything => "and nothing is allowed, DNS neither",
            Self::Udp => "and DNS is allowed over TCP alone, perhaps for want of a protocol",
            Self::Tcp => "and DNS is allowed over UDP alone: long answers need TCP",
        }
    }

    const fn fix(self) -> &'static str {
        match self {
            Self::Dns | Self::Everything => {
                "allow UDP and TCP 53 to pods with `k8s-app: kube-dns` in namespace kube-system"
            }
            Self::Udp => "add a port entry with `protocol: UDP` and `port: 53`",
            Self::Tcp => "add a port entry with `protocol: TCP` and `port: 53`",
        }
    }

    const fn severity(self) -> Severity {
        match self {
            Self::Dns | Self::Udp => Severity::Warning,
            Self::Everything | Self::Tcp => Severity::Info,
        }
    }
}

/// Says what pods with these policies lack.
fn lack(context: &Context<'_>, dns: &Dns, views: &[&PolicyView<'_>]) -> Option<Lack> {
    let (mut allowed, mut something) = (PortSet::none(), false);
    for view in views {
        for rule in view.rules_in(Direction::Egress).filter(|r| r.action == Action::Allow) {
            allowed = allowed.union(&dns.allowed_by(context, view, rule));
            something = true;
        }
    }
    match [Protocol::Udp, Protocol::Tcp].map(|p| allowed.contains(p, 53)) {
        [true, true] => None,
        [true, false] => Some(Lack::Tcp),
        [false, true] => Some(Lack::Udp),
        [false, false] if something => Some(Lack::Dns),
        [false, false] => Some(Lack::Everything),
    }
}

/// Lists the admin policies that allow some egress of a group before NetworkPolicies are asked.
fn admins_allowing(context: &Context<'_>, group: GroupId) -> Vec<u32> {
    let allows = |view: &PolicyView<'_>| {
        let is_admin = view.admin().is_some_and(|spec| spec.tier == Tier::Admin);
        let mut rules = view.rules_in(Direction::Egress);
        is_admin && view.subject.contains(group) && rules.any(|r| r.action == Action::Allow)
    };
    (0u32..).zip(&context.policies).filter(|(_, view)| allows(view)).map(|(at, _)| at).collect()
}
