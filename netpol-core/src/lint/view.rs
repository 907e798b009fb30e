//! Policies of every family in one form: rules with the pods, addresses and ports that they match.

use std::rc::Rc;

use super::context::{Context, Pods};
use crate::compile::effective_types;
use crate::model::{
    Action, AdminPeer, AdminPolicySpec, AdminPort, AdminRule, Direction, IpBlock, IpSet,
    NamespaceId, NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicyRule, NetworkPolicySpec,
    Policy, PolicyId, PolicySpec, PortReference, PortSet, Protocol, Selector, Subject,
};

/// A policy with the pods that it selects.
pub(super) struct PolicyView<'a> {
    pub(super) id: PolicyId,
    pub(super) policy: &'a Policy,
    /// What its selectors match, host-network pods among them.
    pub(super) selected: Rc<Pods>,
    /// What it governs.
    pub(super) subject: Pods,
    /// The directions that it has a say in: those that it isolates, or has rules for.
    pub(super) directions: Vec<Direction>,
    /// Its rules, those that policyTypes switches off among them.
    pub(super) rules: Vec<RuleView<'a>>,
}

/// A rule with what it matches.
pub(super) struct RuleView<'a> {
    pub(super) direction: Direction,
    pub(super) index: usize,
    pub(super) line: u32,
    pub(super) action: Action,
    pub(super) peers: Vec<PeerView<'a>>,
    /// Whether every peer matches, since none is named.
    pub(super) any: bool,
    /// The pods that selectors of its peers match, without those of the host's network.
    pub(super) pods: Pods,
    /// The addresses of its peers.
    pub(super) addresses: IpSet,
    pub(super) ports: PortsView<'a>,
}

/// A peer.
pub(super) enum PeerView<'a> {
    /// Pods by selectors.
    Pods(PodsPeer<'a>),
    /// `ipBlock`.
    Block(&'a IpBlock),
    /// `networks`.
    Networks(IpSet),
    /// `nodes`.
    Nodes,
    /// `domainNames`.
    Names,
}

/// A peer that selects pods.
pub(super) struct PodsPeer<'a> {
    /// Absent: the policy's own namespace.
    pub(super) namespaces: Option<&'a Selector>,
    /// Absent: every pod there.
    pub(super) pods: Option<&'a Selector>,
    /// What they match, host-network pods among them.
    pub(super) set: Rc<Pods>,
}

/// The ports of a rule.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct PortsView<'a> {
    /// By number; everything where no port is named.
    pub(super) numbers: PortSet,
    /// By name, of a protocol or of any.
    pub(super) names: Vec<(Option<Protocol>, &'a str)>,
}

impl PortsView<'_> {
    /// Tells whether everything that `other` matches is matched.
    pub(super) fn covers(&self, other: &PortsView<'_>) -> bool {
        let named = |name: &(Option<Protocol>, &str)| {
            let whole = match name.0 {
                Some(protocol) => PortSet::protocol(protocol).is_subset(&self.numbers),
                None => self.numbers.is_all(),
            };
            whole || self.names.contains(name)
        };
        other.numbers.is_subset(&self.numbers) && other.names.iter().all(named)
    }

    /// Tells whether some port may be matched by both: a name may stand for any number.
    pub(super) fn overlaps(&self, other: &PortsView<'_>) -> bool {
        !self.names.is_empty()
            || !other.names.is_empty()
            || !self.numbers.is_disjoint(&other.numbers)
    }
}

impl PolicyView<'_> {
    /// Tells whether it is a NetworkPolicy.
    pub(super) fn is_network(&self) -> bool {
        self.network().is_some()
    }

    /// Returns the spec of a NetworkPolicy.
    pub(super) fn network(&self) -> Option<&NetworkPolicySpec> {
        match &self.policy.spec {
            PolicySpec::Network(spec) => Some(spec),
            PolicySpec::Admin(_) => None,
        }
    }

    /// Returns the spec of an admin policy.
    pub(super) fn admin(&self) -> Option<&AdminPolicySpec> {
        match &self.policy.spec {
            PolicySpec::Admin(spec) => Some(spec),
            PolicySpec::Network(_) => None,
        }
    }

    /// Lists the rules that count in a direction.
    pub(super) fn rules_in(&self, direction: Direction) -> impl Iterator<Item = &RuleView<'_>> {
        let counts = self.directions.contains(&direction);
        self.rules.iter().filter(move |rule| counts && rule.direction == direction)
    }
}

impl<'a> RuleView<'a> {
    /// Lists the peers that select pods, with their positions.
    pub(super) fn pod_peers(&self) -> impl Iterator<Item = (usize, &PodsPeer<'a>)> {
        self.peers.iter().enumerate().filter_map(|(at, peer)| match peer {
            PeerView::Pods(peer) => Some((at, peer)),
            _ => None,
        })
    }

    /// Returns the path of the rule as the API server writes it: `spec.ingress[0]`.
    pub(super) fn path(&self) -> String {
        format!("spec.{}[{}]", self.direction, self.index)
    }

    /// Returns the path of a peer: `spec.ingress[0].from[1]`.
    pub(super) fn peer_path(&self, peer: usize) -> String {
        let field = if self.direction == Direction::Ingress { "from" } else { "to" };
        format!("{}.{field}[{peer}]", self.path())
    }

    /// Tells whether everything that `other` matches is matched, as far as sets of pods and addresses tell.
    pub(super) fn covers(&self, other: &RuleView<'_>) -> bool {
        self.ports.covers(&other.ports) && self.covers_peers(other)
    }

    fn covers_peers(&self, other: &RuleView<'_>) -> bool {
        if self.any {
            return true;
        }
        let told = |peer: &PeerView<'_>| !matches!(peer, PeerView::Names | PeerView::Nodes);
        !other.any
            && other.peers.iter().all(told)
            && other.pods.is_subset(&self.pods)
            && other.addresses.is_subset(&self.addresses)
    }
}

/// Looks at one policy.
pub(super) fn policy_view<'a>(context: &Context<'a>, id: PolicyId) -> PolicyView<'a> {
    let policy = context.cluster.policy(id);
    let (selected, directions, rules) = match &policy.spec {
        PolicySpec::Network(spec) => {
            let Some(namespace) = policy.namespace else {
                return PolicyView {
                    id,
                    policy,
                    selected: Rc::default(),
                    subject: Pods::new(),
                    directions: Vec::new(),
                    rules: Vec::new(),
                };
            };
            let selected = Rc::new(context.in_namespace(namespace, &spec.pod_selector));
            (selected, effective_types(spec), network_rules(context, namespace, spec))
        }
        PolicySpec::Admin(spec) => {
            let everything = Selector::everything();
            let selected = match &spec.subject {
                Subject::Namespaces(namespaces) => context.in_namespaces(namespaces, &everything),
                Subject::Pods { namespace_selector, pod_selector } => {
                    context.in_namespaces(namespace_selector, pod_selector)
                }
            };
            let has_rules = |d: &Direction| !spec.rules(*d).is_empty();
            let directions = Direction::ALL.into_iter().filter(has_rules).collect();
            (selected, directions, admin_rules(context, spec))
        }
    };
    let subject = &*selected - &context.hosts;
    PolicyView { id, policy, selected, subject, directions, rules }
}

fn network_rules<'a>(
    context: &Context<'a>,
    namespace: NamespaceId,
    spec: &'a NetworkPolicySpec,
) -> Vec<RuleView<'a>> {
    let in_direction = |direction: Direction| {
        let rules = spec.rules(direction).iter().enumerate();
        rules.map(move |(index, rule)| network_rule(context, namespace, (direction, index), rule))
    };
    Direction::ALL.into_iter().flat_map(in_direction).collect()
}

fn network_rule<'a>(
    context: &Context<'a>,
    namespace: NamespaceId,
    (direction, index): (Direction, usize),
    rule: &'a NetworkPolicyRule,
) -> RuleView<'a> {
    let everything = Selector::everything();
    let peers = rule.peers.iter().map(|peer| match peer {
        NetworkPolicyPeer::IpBlock(block) => PeerView::Block(block),
        NetworkPolicyPeer::Pods { namespace_selector, pod_selector } => {
            let pods = pod_selector.as_ref();
            let wanted = pods.unwrap_or(&everything);
            let set = match namespace_selector {
                None => Rc::new(context.in_namespace(namespace, wanted)),
                Some(namespaces) => context.in_namespaces(namespaces, wanted),
            };
            PeerView::Pods(PodsPeer { namespaces: namespace_selector.as_ref(), pods, set })
        }
    });
    let ports = network_ports(&rule.ports);
    let peers: Vec<PeerView<'a>> = peers.collect();
    let any = peers.is_empty();
    finish(context, (direction, index, rule.line), (Action::Allow, any), peers, ports)
}

fn network_ports(entries: &[NetworkPolicyPort]) -> PortsView<'_> {
    if entries.is_empty() {
        return PortsView { numbers: PortSet::all(), names: Vec::new() };
    }
    let mut ports = PortsView { numbers: PortSet::none(), names: Vec::new() };
    for entry in entries {
        let protocol = entry.protocol.unwrap_or(Protocol::Tcp);
        let numbers = match &entry.port {
            None => PortSet::protocol(protocol),
            Some(PortReference::Number(n)) => PortSet::single(protocol, *n),
            Some(PortReference::Range(from, to)) => PortSet::range(protocol, *from..=*to),
            Some(PortReference::Name(name)) => {
                ports.names.push((Some(protocol), name));
                continue;
            }
        };
        ports.numbers = ports.numbers.union(&numbers);
    }
    ports
}

fn admin_rules<'a>(context: &Context<'a>, spec: &'a AdminPolicySpec) -> Vec<RuleView<'a>> {
    let in_direction = |direction: Direction| {
        let rules = spec.rules(direction).iter().enumerate();
        rules.map(move |(index, rule)| admin_rule(context, (direction, index), rule))
    };
    Direction::ALL.into_iter().flat_map(in_direction).collect()
}

fn admin_rule<'a>(
    context: &Context<'a>,
    (direction, index): (Direction, usize),
    rule: &'a AdminRule,
) -> RuleView<'a> {
    let everything = Selector::everything();
    let peers = rule.peers.iter().map(|peer| match peer {
        AdminPeer::Namespaces(namespaces) => PeerView::Pods(PodsPeer {
            namespaces: Some(namespaces),
            pods: None,
            set: context.in_namespaces(namespaces, &everything),
        }),
        AdminPeer::Pods { namespace_selector, pod_selector } => PeerView::Pods(PodsPeer {
            namespaces: Some(namespace_selector),
            pods: Some(pod_selector),
            set: context.in_namespaces(namespace_selector, pod_selector),
        }),
        AdminPeer::Networks(nets) => {
            let add = |set: IpSet, net: &ipnet::IpNet| set.union(&IpSet::from(*net));
            PeerView::Networks(nets.iter().fold(IpSet::none(), add))
        }
        AdminPeer::Nodes(_) => PeerView::Nodes,
        AdminPeer::DomainNames(_) => PeerView::Names,
    });
    let ports = admin_ports(&rule.ports);
    finish(context, (direction, index, rule.line), (rule.action, false), peers.collect(), ports)
}

fn admin_ports(entries: &[AdminPort]) -> PortsView<'_> {
    if entries.is_empty() {
        return PortsView { numbers: PortSet::all(), names: Vec::new() };
    }
    let mut ports = PortsView { numbers: PortSet::none(), names: Vec::new() };
    for entry in entries {
        let numbers = match entry {
            AdminPort::Number(protocol, n) => PortSet::single(*protocol, *n),
            AdminPort::Range(protocol, from, to) => PortSet::range(*protocol, *from..=*to),
            AdminPort::Name(name) => {
                ports.names.push((None, name));
                continue;
            }
        };
        ports.numbers = ports.numbers.union(&numbers);
    }
    ports
}

fn finish<'a>(
    context: &Context<'a>,
    (direction, index, line): (Direction, usize, u32),
    (action, any): (Action, bool),
    peers: Vec<PeerView<'a>>,
    ports: PortsView<'a>,
) -> RuleView<'a> {
    let (mut pods, mut addresses) = (Pods::new(), IpSet::none());
    for peer in &peers {
        match peer {
            PeerView::Pods(peer) => pods |= &*peer.set,
            PeerView::Block(block) => addresses = addresses.union(&addresses_of(block)),
            PeerView::Networks(set) => addresses = addresses.union(set),
            PeerView::Nodes | PeerView::Names => {}
        }
    }
    pods -= &context.hosts;
    RuleView { direction, index, line, action, peers, any, pods, addresses, ports }
}

/// Returns the addresses of a block: `except` is cut out of its own block alone.
pub(super) fn addresses_of(block: &IpBlock) -> IpSet {
    let cut = |set: IpSet, net: &ipnet::IpNet| set.difference(&IpSet::from(*net));
    block.except.iter().fold(IpSet::from(block.cidr), cut)
}
