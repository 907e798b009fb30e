//! The program: every policy of a cluster in one form.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use super::chunked::Chunked;
use super::grown::Grown;
use super::peers::{AddressTerm, PeerCompiler, PeerSet};
use super::ports::PortMatch;
use super::profiles::{Profile, ProfileId, Tables, assign};
use super::stages::{CompiledPolicy, Rule, Stage, Unmatched};
use crate::index::{Bitmaps, GroupId, Groups, Mentions, SelectorIndex, both};
use crate::model::{
    Action, AdminPolicySpec, AdminPort, AdminRule, Cluster, Dialect, Direction, DomainName, Family,
    NetworkPolicyPort, NetworkPolicySpec, Pod, PodId, Policy, PolicyId, PolicySpec, Selector,
    Subject, TieBreak, Tier,
};

/// Every policy of a cluster, compiled for one dialect.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    /// The pods in groups.
    pub(crate) groups: Arc<Groups>,
    /// What groups were made for.
    pub(super) mentions: Arc<Mentions>,
    /// The groups by their labels.
    pub(super) bitmaps: Arc<Bitmaps>,
    /// The pods' addresses.
    pub(crate) addresses: Arc<PodAddresses>,
    /// The peers of all rules.
    pub(crate) peers: Grown<PeerSet>,
    /// The address terms of all peers.
    pub(crate) terms: Grown<AddressTerm>,
    /// The ports of all rules; a policy that changed may bring one that is there already.
    pub(crate) ports: Grown<PortMatch>,
    /// Domain names for which no addresses were declared.
    pub(crate) unmapped: Vec<DomainName>,
    pub(super) egress: DirectionProgram,
    pub(super) ingress: DirectionProgram,
}

/// The address of every pod in each family, close together: verdicts read them at random.
#[derive(Debug)]
pub(crate) struct PodAddresses {
    v4: Vec<Option<Ipv4Addr>>,
    /// Empty where no pod has an IPv6 address.
    v6: Vec<Option<Ipv6Addr>>,
}

impl PodAddresses {
    fn of(cluster: &Cluster) -> Self {
        let v4 = |pod: &Pod| match pod.address(Family::V4) {
            Some(IpAddr::V4(address)) => Some(address),
            _ => None,
        };
        let v6 = |pod: &Pod| match pod.address(Family::V6) {
            Some(IpAddr::V6(address)) => Some(address),
            _ => None,
        };
        let v6: Vec<_> = cluster.pods().iter().map(v6).collect();
        let v6 = if v6.iter().any(Option::is_some) { v6 } else { Vec::new() };
        Self { v4: cluster.pods().iter().map(v4).collect(), v6 }
    }

    /// Returns the address of a pod in a family, where it is known.
    pub(crate) fn of_pod(&self, pod: PodId, family: Family) -> Option<IpAddr> {
        match family {
            Family::V4 => self.v4.get(pod.index()).copied().flatten().map(IpAddr::V4),
            Family::V6 => self.v6.get(pod.index()).copied().flatten().map(IpAddr::V6),
        }
    }
}

/// Lists of policies by namespace. Copying a chunk counts one more owner of each of its lists, so it is small.
pub(super) type NetworkLists = Chunked<Arc<[u32]>, 64>;

/// One direction of a program.
#[derive(Clone, Debug)]
pub(crate) struct DirectionProgram {
    /// Admin, NetworkPolicy, Baseline.
    pub(crate) stages: [Stage; 3],
    /// The distinct profiles.
    pub(crate) profiles: Grown<Profile>,
    /// The profile of each group.
    pub(crate) of_group: Chunked<ProfileId>,
    /// The NetworkPolicies of each namespace, by their positions in the stage; those that changed since are not in it.
    pub(crate) network_by_namespace: NetworkLists,
}

/// The position of the Admin stage. The first profile of every stage is that of no policy.
pub(crate) const ADMIN: usize = 0;
/// The position of the NetworkPolicy stage.
pub(crate) const NETWORK: usize = 1;
/// The position of the Baseline stage.
pub(crate) const BASELINE: usize = 2;

impl Program {
    /// Compiles a cluster's policies.
    pub(crate) fn compile(cluster: &Cluster, dialect: Dialect) -> Self {
        let mentions = Mentions::of(cluster);
        let groups = Groups::build(cluster, dialect, &mentions);
        let bitmaps = Bitmaps::build(cluster, &groups);
        let mut compiler = Compiler::new(cluster, dialect, (&groups, &bitmaps), &mentions);
        for id in cluster.policy_ids() {
            compiler.add(id, cluster.policy(id));
        }
        let Parts { peers, terms, unmapped, ports, egress, ingress } = compiler.finish();
        let (peers, terms, ports) = (peers.into(), terms.into(), ports.into());
        let finish = |stages, direction| {
            let stages = order(cluster, dialect.tie_break, stages);
            let mut program =
                DirectionProgram::new(stages, direction, &groups, (&peers, &terms, &ports));
            program.network_by_namespace = network_by_namespace(cluster, &program.stages[NETWORK]);
            program
        };
        let (egress, ingress) =
            both(|| finish(egress, Direction::Egress), || finish(ingress, Direction::Ingress));
        Self {
            addresses: Arc::new(PodAddresses::of(cluster)),
            groups: Arc::new(groups),
            mentions: Arc::new(mentions),
            bitmaps: Arc::new(bitmaps),
            peers,
            terms,
            ports,
            unmapped,
            egress,
            ingress,
        }
    }

    /// Returns one direction.
    pub(crate) fn direction(&self, direction: Direction) -> &DirectionProgram {
        match direction {
            Direction::Egress => &self.egress,
            Direction::Ingress => &self.ingress,
        }
    }

    /// Lists what a policy was compiled to in a direction.
    pub(crate) fn compiled(
        &self,
        cluster: &Cluster,
        direction: Direction,
        id: PolicyId,
    ) -> impl Iterator<Item = &CompiledPolicy> {
        let own = self.direction(direction);
        let [admin, network, baseline] = &own.stages;
        let tiers = admin.policies.iter().chain(baseline.policies.iter());
        let namespace = cluster.policy(id).namespace;
        let places = namespace.map(|n| &own.network_by_namespace[n.index()]);
        let places = places.into_iter().flat_map(|list| list.iter());
        let network = places.map(|at| &network.policies[*at as usize]);
        tiers.chain(network).filter(move |p| p.id == id)
    }

    /// Returns the profile of a group in a direction.
    pub(crate) fn profile(&self, direction: Direction, group: GroupId) -> ProfileId {
        self.direction(direction).of_group[group as usize]
    }
}

impl DirectionProgram {
    fn new(
        mut stages: [Stage; 3],
        direction: Direction,
        groups: &Groups,
        rules: Tables<'_>,
    ) -> Self {
        let assigned = assign(&mut stages, groups, direction, rules);
        let network_by_namespace = Vec::new().into();
        Self {
            stages,
            profiles: assigned.profiles.into(),
            of_group: assigned.of_group.into(),
            network_by_namespace,
        }
    }
}

fn network_by_namespace(cluster: &Cluster, stage: &Stage) -> NetworkLists {
    let mut lists = vec![Vec::new(); cluster.namespaces().len()];
    for (position, policy) in (0u32..).zip(stage.policies.iter()) {
        if let Some(namespace) = cluster.policy(policy.id).namespace {
            lists[namespace.index()].push(position);
        }
    }
    lists.into_iter().map(Into::into).collect::<Vec<_>>().into()
}

/// The policies of the three stages of one direction, in no order yet.
pub(super) type StageLists = [Vec<CompiledPolicy>; 3];

/// What compiling policies gives.
pub(super) struct Parts {
    pub(super) peers: Vec<PeerSet>,
    pub(super) terms: Vec<AddressTerm>,
    unmapped: Vec<DomainName>,
    pub(super) ports: Vec<PortMatch>,
    pub(super) egress: StageLists,
    pub(super) ingress: StageLists,
}

/// Compiles policies one by one.
pub(super) struct Compiler<'a> {
    mentions: &'a Mentions,
    peer_compiler: PeerCompiler<'a>,
    /// How many peers and ports there are already.
    first: (usize, usize),
    peers: Vec<PeerSet>,
    ports: Vec<PortMatch>,
    known_ports: HashMap<PortMatch, u32, foldhash::fast::RandomState>,
    /// The ports of NetworkPolicy rules as they were written.
    known_lists: HashMap<&'a [NetworkPolicyPort], u32, foldhash::fast::RandomState>,
    egress: StageLists,
    ingress: StageLists,
}

impl<'a> Compiler<'a> {
    fn new(
        cluster: &'a Cluster,
        dialect: Dialect,
        (groups, bitmaps): (&'a Groups, &'a Bitmaps),
        mentions: &'a Mentions,
    ) -> Self {
        Self {
            mentions,
            peer_compiler: PeerCompiler {
                cluster,
                dialect,
                groups,
                selectors: SelectorIndex::new(cluster, groups, bitmaps),
                first_term: 0,
                terms: Vec::new(),
                unmapped: Vec::new(),
                open_selectors: HashMap::default(),
            },
            first: (0, 0),
            peers: Vec::new(),
            ports: Vec::new(),
            known_ports: HashMap::default(),
            known_lists: HashMap::default(),
            egress: StageLists::default(),
            ingress: StageLists::default(),
        }
    }

    /// Prepares to compile further policies for a program.
    pub(super) fn behind(cluster: &'a Cluster, dialect: Dialect, program: &'a Program) -> Self {
        let groups = (&*program.groups, &*program.bitmaps);
        let mut compiler = Self::new(cluster, dialect, groups, &program.mentions);
        compiler.first = (program.peers.len(), program.ports.len());
        compiler.peer_compiler.first_term = program.terms.len();
        compiler
    }

    /// Returns what came of the policies.
    pub(super) fn finish(self) -> Parts {
        let PeerCompiler { terms, unmapped, .. } = self.peer_compiler;
        let Self { peers, ports, egress, ingress, .. } = self;
        Parts { peers, terms, unmapped, ports, egress, ingress }
    }

    pub(super) fn add(&mut self, id: PolicyId, policy: &'a Policy) {
        match &policy.spec {
            PolicySpec::Network(spec) => self.add_network(id, policy, spec),
            PolicySpec::Admin(spec) => self.add_admin(id, policy.position.line, spec),
        }
    }

    fn add_network(&mut self, id: PolicyId, policy: &Policy, spec: &'a NetworkPolicySpec) {
        let Some(namespace) = policy.namespace else { return };
        let line = policy.position.line;
        let subject = self.peer_compiler.selectors.set_in_namespace(namespace, &spec.pod_selector);
        for direction in effective_types(spec) {
            let mut rules = Vec::new();
            for (index, rule) in (0u32..).zip(spec.rules(direction)) {
                let peer = self.peer_compiler.network_policy(namespace, &rule.peers);
                let ports = self.network_ports(&rule.ports);
                rules.push(self.rule(index, rule.line, Action::Allow, peer, ports));
            }
            self.push(
                direction,
                NETWORK,
                CompiledPolicy { id, line, lane: 0, block: 0, subject: subject.clone(), rules },
            );
        }
    }

    fn add_admin(&mut self, id: PolicyId, line: u32, spec: &AdminPolicySpec) {
        let everything = Selector::everything();
        let (namespaces, pods) = match &spec.subject {
            Subject::Namespaces(namespaces) => (namespaces, &everything),
            Subject::Pods { namespace_selector, pod_selector } => {
                (namespace_selector, pod_selector)
            }
        };
        let subject = self.peer_compiler.selectors.set_in_namespaces(namespaces, pods);
        let stage = if spec.tier == Tier::Admin { ADMIN } else { BASELINE };
        for direction in Direction::ALL {
            let mut rules = Vec::new();
            for (index, rule) in (0u32..).zip(spec.rules(direction)) {
                rules.extend(self.admin_rule(index, rule));
            }
            if !rules.is_empty() {
                self.push(
                    direction,
                    stage,
                    CompiledPolicy {
                        id,
                        line,
                        lane: 0,
                        block: 0,
                        subject: (*subject).clone(),
                        rules,
                    },
                );
            }
        }
    }

    /// A port entry that decodes to nothing fails closed: an Allow rule matches nothing, others deny everything
    /// (admin-tiers, section 6).
    fn admin_rule(&mut self, index: u32, rule: &AdminRule) -> Option<Rule> {
        if rule.ports.iter().any(|port| *port == AdminPort::Name("".into())) {
            let everything = self.peer_compiler.everything();
            let ports = self.ports_id(PortMatch::all());
            let deny = || self.rule(index, rule.line, Action::Deny, everything, ports);
            return (rule.action != Action::Allow).then(deny);
        }
        let peer = self.peer_compiler.admin(&rule.peers);
        let ports = self.ports_id(PortMatch::of_admin(&rule.ports, self.mentions));
        Some(self.rule(index, rule.line, rule.action, peer, ports))
    }

    fn push(&mut self, direction: Direction, stage: usize, policy: CompiledPolicy) {
        match direction {
            Direction::Egress => self.egress[stage].push(policy),
            Direction::Ingress => self.ingress[stage].push(policy),
        }
    }

    fn rule(&mut self, index: u32, line: u32, action: Action, peer: PeerSet, ports: u32) -> Rule {
        let peer_id = u32::try_from(self.first.0 + self.peers.len()).unwrap_or(u32::MAX);
        self.peers.push(peer);
        Rule { index, line, action, peer: peer_id, ports }
    }

    /// Compiles the ports of a NetworkPolicy rule; policies write the same few lists again and again.
    fn network_ports(&mut self, ports: &'a [NetworkPolicyPort]) -> u32 {
        if let Some(id) = self.known_lists.get(ports) {
            return *id;
        }
        let id = self.ports_id(PortMatch::of_network_policy(ports, self.mentions));
        self.known_lists.insert(ports, id);
        id
    }

    fn ports_id(&mut self, ports: PortMatch) -> u32 {
        let next = u32::try_from(self.first.1 + self.ports.len()).unwrap_or(u32::MAX);
        if let Some(id) = self.known_ports.get(&ports) {
            return *id;
        }
        self.known_ports.insert(ports.clone(), next);
        self.ports.push(ports);
        next
    }
}

/// Applies the default of `policyTypes`: the length of `egress` counts, not its presence (networkpolicy-v1, section 2).
pub(crate) fn effective_types(spec: &NetworkPolicySpec) -> Vec<Direction> {
    if spec.policy_types.is_empty() {
        let egress = (!spec.egress.is_empty()).then_some(Direction::Egress);
        return [Some(Direction::Ingress), egress].into_iter().flatten().collect();
    }
    Direction::ALL.into_iter().filter(|d| spec.policy_types.contains(d)).collect()
}

/// Orders the policies of each stage by lane and block.
fn order(cluster: &Cluster, tie_break: TieBreak, lists: StageLists) -> [Stage; 3] {
    let [mut admin, network, mut baseline] = lists;
    order_tier(cluster, tie_break, &mut admin);
    order_tier(cluster, tie_break, &mut baseline);
    [
        Stage {
            unmatched: Unmatched::Continue,
            policies: admin.into(),
            profiles: Grown::default(),
        },
        Stage {
            unmatched: Unmatched::DenyIsolated,
            policies: network.into(),
            profiles: Grown::default(),
        },
        Stage {
            unmatched: Unmatched::Continue,
            policies: baseline.into(),
            profiles: Grown::default(),
        },
    ]
}

fn priority(cluster: &Cluster, policy: &CompiledPolicy) -> Option<u16> {
    match &cluster.policy(policy.id).spec {
        PolicySpec::Admin(spec) => spec.priority,
        PolicySpec::Network(_) => None,
    }
}

/// Policies of one priority share a block. A BaselineAdminNetworkPolicy, which has no priority, has a lane of its own;
/// where names break ties it is asked last, so that there is one order.
fn order_tier(cluster: &Cluster, tie_break: TieBreak, policies: &mut [CompiledPolicy]) {
    let lane = |p: Option<u16>| u32::from(p.is_none());
    let compare = |a: &CompiledPolicy, b: &CompiledPolicy| -> Ordering {
        let (pa, pb) = (priority(cluster, a), priority(cluster, b));
        let (a, b) = (cluster.policy(a.id), cluster.policy(b.id));
        lane(pa)
            .cmp(&lane(pb))
            .then(pa.cmp(&pb))
            .then_with(|| (&a.name, a.kind).cmp(&(&b.name, b.kind)))
    };
    policies.sort_by(compare);
    let (mut block, mut before) = (0, None);
    for policy in policies {
        let own = priority(cluster, policy);
        if before.is_some_and(|p| p != own || tie_break == TieBreak::Name) {
            block += 1;
        }
        before = Some(own);
        policy.block = block;
        policy.lane = if tie_break == TieBreak::Name { 0 } else { lane(own) };
    }
}
