//! Random policies of every family, biased so that they match often.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use ipnet::IpNet;

use super::plan::PolicyPlan;
use super::vocabulary::{
    DOMAIN_PATTERNS, NAMESPACE_KEYS, NAMESPACES, NODE_LABELS, POD_LABELS, PORT_NAMES, PORTS,
    PROTOCOLS, blocks,
};
use crate::model::{
    Action, AdminPeer, AdminPolicySpec, AdminPort, AdminRule, Direction, DomainName, IpBlock,
    NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicyRule, NetworkPolicySpec, Operator,
    PolicyKind, PolicySpec, PortReference, Requirement, Selector, Subject, Tier,
};

/// A policy without its final name and namespace.
#[derive(Clone, Debug)]
pub struct PolicyDraft {
    kind: PolicyKind,
    namespace: usize,
    letter: char,
    spec: PolicySpec,
}

/// Names the policies (unique within a kind, often shared between kinds, in no order) and places them in namespaces.
/// Of several of kind `BaselineAdminNetworkPolicy` only the first is kept: the API knows one.
pub(super) fn name_policies(
    drafts: Vec<PolicyDraft>,
    place: &impl Fn(usize) -> String,
) -> Vec<PolicyPlan> {
    let mut plans: Vec<PolicyPlan> = Vec::new();
    for draft in drafts {
        let of_kind = plans.iter().filter(|p| p.kind == draft.kind);
        let is_baseline = draft.kind == PolicyKind::BaselineAdminNetworkPolicy;
        let mut name = if is_baseline { "default".to_owned() } else { draft.letter.to_string() };
        if of_kind.clone().any(|p| p.name == name) {
            if is_baseline {
                continue;
            }
            name = format!("{name}{}", plans.len());
        }
        let is_namespaced = draft.kind == PolicyKind::NetworkPolicy;
        let namespace = is_namespaced.then(|| place(draft.namespace));
        plans.push(PolicyPlan { kind: draft.kind, namespace, name, spec: draft.spec });
    }
    plans
}

/// Draws a policy of any kind.
pub fn any_policy() -> impl Strategy<Value = PolicyDraft> {
    use PolicyKind::{AdminNetworkPolicy, BaselineAdminNetworkPolicy, ClusterNetworkPolicy};
    prop_oneof![
        6 => network_policy(),
        4 => admin_policy(ClusterNetworkPolicy, Tier::Admin),
        3 => admin_policy(ClusterNetworkPolicy, Tier::Baseline),
        2 => admin_policy(AdminNetworkPolicy, Tier::Admin),
        1 => admin_policy(BaselineAdminNetworkPolicy, Tier::Baseline),
    ]
}

/// Draws a NetworkPolicy.
pub fn network_policy() -> impl Strategy<Value = PolicyDraft> {
    use Direction::{Egress, Ingress};
    let types = select(vec![
        vec![],
        vec![Ingress],
        vec![Egress],
        vec![Ingress, Egress],
        vec![Egress, Ingress],
        vec![Ingress, Ingress],
    ]);
    let rules = || vec(network_rule(), 0..=2);
    (0..NAMESPACES.len(), letter(), selector(&POD_LABELS), types, rules(), rules()).prop_map(
        |(namespace, letter, pod_selector, policy_types, ingress, egress)| PolicyDraft {
            kind: PolicyKind::NetworkPolicy,
            namespace,
            letter,
            spec: PolicySpec::Network(NetworkPolicySpec {
                pod_selector,
                pod_selector_null: false,
                policy_types,
                ingress,
                egress,
            }),
        },
    )
}

fn letter() -> impl Strategy<Value = char> {
    prop::char::range('b', 'f')
}

fn network_rule() -> impl Strategy<Value = NetworkPolicyRule> {
    (vec(network_peer(), 0..=3), few_ports(network_port()))
        .prop_map(|(peers, ports)| NetworkPolicyRule { peers, ports, line: 0 })
}

fn network_peer() -> impl Strategy<Value = NetworkPolicyPeer> {
    let pods = |namespace_selector, pod_selector| NetworkPolicyPeer::Pods {
        namespace_selector,
        pod_selector,
    };
    prop_oneof![
        2 => selector(&POD_LABELS).prop_map(move |s| pods(None, Some(s))),
        2 => selector(&NAMESPACE_KEYS).prop_map(move |s| pods(Some(s), None)),
        2 => (selector(&NAMESPACE_KEYS), selector(&POD_LABELS))
            .prop_map(move |(n, p)| pods(Some(n), Some(p))),
        3 => ip_block().prop_map(NetworkPolicyPeer::IpBlock),
    ]
}

/// Draws an `ipBlock` whose excepts are strict subsets of it.
fn ip_block() -> impl Strategy<Value = IpBlock> {
    (select(blocks()), vec(select(blocks()), 0..=3)).prop_map(|(cidr, mut except)| {
        except.retain(|net| *net != cidr && cidr.contains(net));
        IpBlock { cidr, except }
    })
}

fn network_port() -> impl Strategy<Value = NetworkPolicyPort> {
    let port = prop_oneof![
        4 => select(&PORTS[..]).prop_map(PortReference::Number),
        2 => range().prop_map(|(from, to)| PortReference::Range(from, to)),
        3 => select(&PORT_NAMES[..]).prop_map(|name| PortReference::Name(name.into())),
    ];
    (option::of(protocol()), option::weighted(0.8, port))
        .prop_map(|(protocol, port)| NetworkPolicyPort { protocol, port })
}

fn range() -> impl Strategy<Value = (u16, u16)> {
    (select(&PORTS[..]), select(&PORTS[..])).prop_map(|(a, b)| (a.min(b), a.max(b)))
}

fn protocol() -> impl Strategy<Value = crate::model::Protocol> {
    select(&PROTOCOLS[..])
}

/// Draws a selector; often `{}`, at times contradictory.
fn selector(
    vocabulary: &'static [(&'static str, &'static [&'static str])],
) -> impl Strategy<Value = Selector> {
    let of = |count| vec(requirement(vocabulary), count);
    let requirements = prop_oneof![4 => Just(Vec::new()), 5 => of(1), 1 => of(2)];
    requirements.prop_map(|requirements| Selector { requirements })
}

fn requirement(
    vocabulary: &'static [(&'static str, &'static [&'static str])],
) -> impl Strategy<Value = Requirement> {
    (any::<prop::sample::Index>(), vec(any::<prop::sample::Index>(), 1..=2), 0..6_u8).prop_map(
        move |(key_index, value_indices, operator)| {
            let (key, values) = vocabulary[key_index.index(vocabulary.len())];
            let values = || {
                let mut chosen: Vec<Box<str>> =
                    value_indices.iter().map(|i| values[i.index(values.len())].into()).collect();
                chosen.dedup();
                chosen
            };
            let operator = match operator {
                0..=2 => Operator::In(values()),
                3 => Operator::NotIn(values()),
                4 => Operator::Exists,
                _ => Operator::DoesNotExist,
            };
            Requirement { key: key.into(), operator }
        },
    )
}

/// Draws an admin policy; priorities are few, so that ties are frequent.
fn admin_policy(kind: PolicyKind, tier: Tier) -> impl Strategy<Value = PolicyDraft> {
    let is_baseline_kind = kind == PolicyKind::BaselineAdminNetworkPolicy;
    let ingress = vec(admin_rule(kind, Direction::Ingress), 0..=3);
    let egress = vec(admin_rule(kind, Direction::Egress), 0..=3);
    (letter(), select(vec![7_u16, 7, 9, 11]), subject(), ingress, egress).prop_map(
        move |(letter, priority, subject, ingress, egress)| PolicyDraft {
            kind,
            namespace: 0,
            letter,
            spec: PolicySpec::Admin(AdminPolicySpec {
                tier,
                priority: (!is_baseline_kind).then_some(priority),
                subject,
                ingress,
                egress,
            }),
        },
    )
}

fn subject() -> impl Strategy<Value = Subject> {
    prop_oneof![
        2 => Just(Subject::Namespaces(Selector::everything())),
        1 => selector(&NAMESPACE_KEYS).prop_map(Subject::Namespaces),
        1 => (selector(&NAMESPACE_KEYS), selector(&POD_LABELS)).prop_map(
            |(namespace_selector, pod_selector)| Subject::Pods { namespace_selector, pod_selector }
        ),
    ]
}

fn admin_rule(kind: PolicyKind, direction: Direction) -> impl Strategy<Value = AdminRule> {
    let actions = if kind == PolicyKind::BaselineAdminNetworkPolicy {
        vec![Action::Allow, Action::Deny]
    } else {
        vec![Action::Allow, Action::Deny, Action::Pass]
    };
    let peers = match direction {
        Direction::Ingress => vec(pods_peer().boxed(), 1..=2),
        Direction::Egress => vec(egress_peer(kind).boxed(), 1..=2),
    };
    (select(actions), peers, vec(admin_port(), 0..=2))
        .prop_map(|(action, peers, ports)| AdminRule { name: None, action, peers, ports, line: 0 })
}

/// Draws a list of port entries, empty half the time: a rule with some matches few of the flows.
fn few_ports<T: Clone + std::fmt::Debug + 'static>(
    entry: impl Strategy<Value = T> + 'static,
) -> impl Strategy<Value = Vec<T>> {
    prop_oneof![Just(Vec::new()), vec(entry, 1..=3)]
}

fn pods_peer() -> impl Strategy<Value = AdminPeer> {
    prop_oneof![
        Just(AdminPeer::Namespaces(Selector::everything())),
        selector(&NAMESPACE_KEYS).prop_map(AdminPeer::Namespaces),
        (selector(&NAMESPACE_KEYS), selector(&POD_LABELS)).prop_map(
            |(namespace_selector, pod_selector)| AdminPeer::Pods {
                namespace_selector,
                pod_selector
            }
        ),
    ]
}

fn egress_peer(kind: PolicyKind) -> impl Strategy<Value = AdminPeer> {
    let networks = vec(select(blocks()), 1..=2).prop_map(|mut networks: Vec<IpNet>| {
        networks.dedup();
        AdminPeer::Networks(networks)
    });
    let names = vec(select(&DOMAIN_PATTERNS[..]), 1..=2).prop_map(|names| {
        AdminPeer::DomainNames(names.into_iter().map(|n| DomainName(n.into())).collect())
    });
    let domain_weight = u32::from(kind != PolicyKind::BaselineAdminNetworkPolicy);
    prop_oneof![
        4 => pods_peer(),
        4 => networks,
        2 => selector(&NODE_LABELS).prop_map(AdminPeer::Nodes),
        domain_weight => names,
    ]
}

fn admin_port() -> impl Strategy<Value = AdminPort> {
    prop_oneof![
        8 => (protocol(), select(&PORTS[..])).prop_map(|(p, n)| AdminPort::Number(p, n)),
        4 => (protocol(), range()).prop_map(|(p, (from, to))| AdminPort::Range(p, from, to)),
        6 => select(&PORT_NAMES[..]).prop_map(|name| AdminPort::Name(name.into())),
        // Fails closed: admin-tiers, section 6.
        1 => Just(AdminPort::Name("".into())),
    ]
}
