//! The peers of a rule: groups of pods, addresses and domain names.

use std::collections::HashMap;
use std::rc::Rc;

use crate::index::{GroupSet, Groups, SelectorIndex, Union};
use crate::model::{
    AddressRange, AdminPeer, Cluster, Dialect, DomainName, IngressControllerLabels, IpBlock,
    IpBlockPods, IpSet, NamespaceId, NetworkPolicyPeer, NodeId, Selector,
};
use ipnet::IpNet;

/// The peers of one rule, or-ed.
#[derive(Debug)]
pub(crate) struct PeerSet {
    /// Whether everything matches: no peers were given.
    pub(crate) any: bool,
    /// The groups that selectors match, and host-network pods of matching nodes.
    pub(crate) groups: GroupSet,
    /// Positions of its address terms in the program.
    pub(crate) terms: Box<[u32]>,
    /// Domain names, for destinations that are given by name.
    pub(crate) names: Box<[DomainName]>,
    /// Positions of the domain names for which no addresses were declared: an outside address may or may not have them.
    pub(crate) unmapped: Box<[u32]>,
    /// Whether some selector certainly matches the ingress controller.
    pub(crate) controller: bool,
    /// Selectors that may match the ingress controller, which nobody can tell: each distinct one has a number.
    pub(crate) open_selectors: Box<[u32]>,
}

/// Addresses that a peer matches.
#[derive(Debug)]
pub(crate) struct AddressTerm {
    /// The addresses.
    pub(crate) set: IpSet,
    /// Whether the addresses of pods are meant too.
    pub(crate) pods: bool,
    /// Whether the addresses of host-network pods, which are their nodes', are meant too.
    pub(crate) hosts: bool,
    /// What gave them.
    pub(crate) kind: TermKind,
}

/// What gave the addresses of a term.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TermKind {
    /// `ipBlock` or `networks`.
    Networks,
    /// `nodes`: an end whose address is not known has none of them, unless it is a host-network pod on an unknown node.
    Nodes,
    /// Declared addresses of `domainNames`: an end given by name is judged by its name alone.
    Names,
}

/// Compiles peers; collects the terms and names of the whole program.
pub(crate) struct PeerCompiler<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) dialect: Dialect,
    pub(crate) groups: &'a Groups,
    pub(crate) selectors: SelectorIndex<'a>,
    /// How many terms there are already.
    pub(crate) first_term: usize,
    pub(crate) terms: Vec<AddressTerm>,
    pub(crate) unmapped: Vec<DomainName>,
    /// The numbers of selectors that may match the ingress controller, by namespace and pod selector.
    pub(crate) open_selectors: HashMap<(Selector, Selector), u32, foldhash::fast::RandomState>,
}

impl PeerCompiler<'_> {
    /// Compiles `from` or `to` of a NetworkPolicy rule; an empty list is everything.
    pub(crate) fn network_policy(
        &mut self,
        namespace: NamespaceId,
        peers: &[NetworkPolicyPeer],
    ) -> PeerSet {
        let mut draft = Draft { any: peers.is_empty(), ..self.draft() };
        let mut blocks = IpSet::none();
        for peer in peers {
            match peer {
                NetworkPolicyPeer::Pods { namespace_selector, pod_selector } => {
                    let (namespaces, pods) = (namespace_selector.as_ref(), pod_selector.as_ref());
                    draft.groups.insert_set(&self.pods(namespace, namespaces, pods));
                    // Without a namespaceSelector the policy's own namespace is meant, and the ingress controller is in
                    // none that the input tells.
                    if let Some(namespaces) = namespace_selector {
                        let everything = Selector::everything();
                        let pods = pod_selector.as_ref().unwrap_or(&everything);
                        self.add_controller(&mut draft, namespaces, pods);
                    }
                }
                NetworkPolicyPeer::IpBlock(block) => {
                    blocks = blocks.union(&addresses_of_block(block));
                }
            }
        }
        let pods = self.dialect.ip_block_pods == IpBlockPods::Match;
        let hosts = pods || self.dialect.admin_networks_match_pods;
        draft.add_term(AddressTerm { set: blocks, pods, hosts, kind: TermKind::Networks });
        self.finish(draft)
    }

    /// Returns the peers of a rule that matches everything.
    pub(crate) fn everything(&mut self) -> PeerSet {
        let draft = Draft { any: true, ..self.draft() };
        self.finish(draft)
    }

    /// Compiles `from` or `to` of an admin rule.
    pub(crate) fn admin(&mut self, peers: &[AdminPeer]) -> PeerSet {
        let mut draft = self.draft();
        let (mut networks, mut nodes) = (IpSet::none(), IpSet::none());
        for peer in peers {
            match peer {
                AdminPeer::Namespaces(selector) => {
                    let everything = Selector::everything();
                    let selected = self.selectors.set_in_namespaces(selector, &everything);
                    draft.groups.insert_set(&selected);
                    self.add_controller(&mut draft, selector, &everything);
                }
                AdminPeer::Pods { namespace_selector, pod_selector } => {
                    let selected =
                        self.selectors.set_in_namespaces(namespace_selector, pod_selector);
                    draft.groups.insert_set(&selected);
                    self.add_controller(&mut draft, namespace_selector, pod_selector);
                }
                AdminPeer::Networks(nets) => {
                    networks = nets.iter().fold(networks, |set, net| set.union(&IpSet::from(*net)));
                }
                AdminPeer::Nodes(selector) => {
                    nodes = nodes.union(&self.nodes(selector, &mut draft));
                }
                AdminPeer::DomainNames(names) => draft.names.extend(names.iter().cloned()),
            }
        }
        let pods = self.dialect.admin_networks_match_pods;
        draft.add_term(AddressTerm { set: networks, pods, hosts: pods, kind: TermKind::Networks });
        draft.add_term(AddressTerm { set: nodes, pods, hosts: pods, kind: TermKind::Nodes });
        self.add_domain_addresses(&mut draft);
        self.finish(draft)
    }

    /// What is known of the ingress controller is that it is a pod in some namespace. Selectors of everything match it;
    /// whether others do is open, unless the dialect says that it has no labels.
    fn add_controller(&mut self, draft: &mut Draft, namespaces: &Selector, pods: &Selector) {
        if self.cluster.ingresses().is_empty() {
            return;
        }
        let certain = match self.dialect.ingress_controller_labels {
            IngressControllerLabels::Unlabelled => {
                draft.controller |= namespaces.matches(|_| None) && pods.matches(|_| None);
                return;
            }
            IngressControllerLabels::Unknown => namespaces.is_everything() && pods.is_everything(),
        };
        if certain {
            draft.controller = true;
            return;
        }
        let next = u32::try_from(self.open_selectors.len()).unwrap_or(u32::MAX);
        let key = (namespaces.clone(), pods.clone());
        draft.open_selectors.push(*self.open_selectors.entry(key).or_insert(next));
    }

    fn pods(
        &mut self,
        own: NamespaceId,
        namespaces: Option<&Selector>,
        pods: Option<&Selector>,
    ) -> Rc<GroupSet> {
        let everything = Selector::everything();
        let pods = pods.unwrap_or(&everything);
        match namespaces {
            None => Rc::new(self.selectors.set_in_namespace(own, pods)),
            Some(namespaces) => self.selectors.set_in_namespaces(namespaces, pods),
        }
    }

    fn draft(&self) -> Draft {
        Draft {
            any: false,
            groups: Union::none(self.groups.len()),
            terms: Vec::new(),
            names: Vec::new(),
            unmapped: Vec::new(),
            controller: false,
            open_selectors: Vec::new(),
        }
    }

    /// Returns the addresses of matching nodes; host-network pods there match even where no address is known.
    fn nodes(&self, selector: &Selector, draft: &mut Draft) -> IpSet {
        let table = self.cluster.labels();
        let matching: Vec<bool> = self
            .cluster
            .nodes()
            .iter()
            .map(|n| selector.matches(|key| table.lookup(&n.labels, key)))
            .collect();
        let is_matching = |node: NodeId| matching.get(node.index()).copied().unwrap_or(false);
        if self.dialect.admin_networks_match_pods {
            // Whatever node a pod is on, `{}` selects it.
            let everything = selector.is_everything();
            let on_matching = |node: Option<NodeId>| node.map_or(everything, is_matching);
            let hosts = self.groups.iter().filter(|(_, g)| g.host_network && on_matching(g.node));
            hosts.for_each(|(id, _)| draft.groups.insert_range(id, id + 1));
        }
        let nodes = self.cluster.nodes().iter().zip(&matching).filter(|(_, m)| **m);
        nodes
            .flat_map(|(n, _)| n.addresses.iter())
            .fold(IpSet::none(), |set, a| set.union(&IpSet::from(*a)))
    }

    /// Addresses that were declared for a name are its own; other addresses may be too, unless the very name was declared.
    fn add_domain_addresses(&mut self, draft: &mut Draft) {
        let declared = self.cluster.domain_addresses();
        let mut addresses = IpSet::none();
        for pattern in &draft.names {
            for (_, known) in declared.iter().filter(|(name, _)| pattern.matches(name)) {
                addresses = known.iter().fold(addresses, |set, a| set.union(&IpSet::from(*a)));
            }
            if declared.iter().any(|(name, _)| pattern.is(name)) {
                continue;
            }
            let at = self.unmapped.iter().position(|n| n == pattern).unwrap_or_else(|| {
                self.unmapped.push(pattern.clone());
                self.unmapped.len() - 1
            });
            draft.unmapped.push(u32::try_from(at).unwrap_or(u32::MAX));
        }
        let pods = self.dialect.admin_networks_match_pods;
        draft.add_term(AddressTerm { set: addresses, pods, hosts: pods, kind: TermKind::Names });
    }

    fn finish(&mut self, draft: Draft) -> PeerSet {
        let mut terms = Vec::with_capacity(draft.terms.len());
        for term in draft.terms {
            terms.push(u32::try_from(self.first_term + self.terms.len()).unwrap_or(u32::MAX));
            self.terms.push(term);
        }
        PeerSet {
            any: draft.any,
            groups: draft.groups.finish(),
            terms: terms.into(),
            names: draft.names.into(),
            unmapped: draft.unmapped.into(),
            controller: draft.controller,
            open_selectors: draft.open_selectors.into(),
        }
    }
}

/// A peer set in the making.
struct Draft {
    any: bool,
    groups: Union,
    terms: Vec<AddressTerm>,
    names: Vec<DomainName>,
    unmapped: Vec<u32>,
    controller: bool,
    open_selectors: Vec<u32>,
}

impl Draft {
    fn add_term(&mut self, term: AddressTerm) {
        if !term.set.is_empty() {
            self.terms.push(term);
        }
    }
}

/// `except` is cut out of its own block only (networkpolicy-v1, section 8).
fn addresses_of_block(block: &IpBlock) -> IpSet {
    let range = |net: &IpNet| AddressRange { from: net.network(), to: net.broadcast() };
    let except: IpSet = block.except.iter().map(range).collect();
    IpSet::from(block.cidr).difference(&except)
}

impl PeerSet {
    /// Tells whether a name destination is matched by name.
    pub(crate) fn matches_name(&self, name: &str) -> bool {
        self.any || self.names.iter().any(|pattern| pattern.matches(name))
    }
}
