//! Policies of every family as they were written: validated, but without defaults applied (compile does that).

use std::fmt;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::ids::NamespaceId;
use super::ports::Protocol;
use super::position::Position;
use super::selector::Selector;

/// The direction of traffic, seen from the pod that a policy selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Direction {
    /// Into the selected pod.
    Ingress,
    /// Out of the selected pod.
    Egress,
}

impl Direction {
    /// Both directions, in the order in which a packet meets them.
    pub const ALL: [Self; 2] = [Self::Egress, Self::Ingress];

    /// Returns the word of the JSON contract.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::Egress => "egress",
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The kinds of policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum PolicyKind {
    /// `policy.networking.k8s.io/v1alpha1` AdminNetworkPolicy.
    AdminNetworkPolicy,
    /// `policy.networking.k8s.io/v1alpha1` BaselineAdminNetworkPolicy.
    BaselineAdminNetworkPolicy,
    /// `policy.networking.k8s.io/v1alpha2` ClusterNetworkPolicy.
    ClusterNetworkPolicy,
    /// `networking.k8s.io/v1` NetworkPolicy.
    NetworkPolicy,
}

impl PolicyKind {
    /// Returns the API's kind.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AdminNetworkPolicy => "AdminNetworkPolicy",
            Self::BaselineAdminNetworkPolicy => "BaselineAdminNetworkPolicy",
            Self::ClusterNetworkPolicy => "ClusterNetworkPolicy",
            Self::NetworkPolicy => "NetworkPolicy",
        }
    }

    /// Returns kubectl's short name.
    pub const fn short(self) -> &'static str {
        match self {
            Self::AdminNetworkPolicy => "anp",
            Self::BaselineAdminNetworkPolicy => "banp",
            Self::ClusterNetworkPolicy => "cnp",
            Self::NetworkPolicy => "netpol",
        }
    }
}

impl fmt::Display for PolicyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One policy object.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Its kind.
    pub kind: PolicyKind,
    /// Its namespace; `None` for the cluster-scoped kinds.
    pub namespace: Option<NamespaceId>,
    /// Its name.
    pub name: Box<str>,
    /// Where its `kind:` stands.
    pub position: Position,
    /// What it says.
    pub spec: PolicySpec,
}

/// What a policy says, by family.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum PolicySpec {
    /// A NetworkPolicy.
    Network(NetworkPolicySpec),
    /// A ClusterNetworkPolicy, AdminNetworkPolicy or BaselineAdminNetworkPolicy.
    Admin(AdminPolicySpec),
}

/// `spec` of a NetworkPolicy as written (networkpolicy-v1, section 1).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NetworkPolicySpec {
    /// Selects pods of the policy's namespace; absent is `{}`.
    pub pod_selector: Selector,
    /// Whether `podSelector` or its `matchLabels` was written without a value (lint E34): it then selects every pod.
    pub pod_selector_null: bool,
    /// `policyTypes`; empty where absent, `null` or `[]`.
    pub policy_types: Vec<Direction>,
    /// `ingress`; empty where absent, `null` or `[]`.
    pub ingress: Vec<NetworkPolicyRule>,
    /// `egress`; empty where absent, `null` or `[]`.
    pub egress: Vec<NetworkPolicyRule>,
}

impl NetworkPolicySpec {
    /// Returns the rules of a direction.
    pub fn rules(&self, direction: Direction) -> &[NetworkPolicyRule] {
        match direction {
            Direction::Ingress => &self.ingress,
            Direction::Egress => &self.egress,
        }
    }
}

/// One ingress or egress rule of a NetworkPolicy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NetworkPolicyRule {
    /// `from` or `to`; empty means everything.
    pub peers: Vec<NetworkPolicyPeer>,
    /// `ports`; empty means all ports of all protocols.
    pub ports: Vec<NetworkPolicyPort>,
    /// The line of the rule's `-`.
    pub line: u32,
}

/// One entry of `from` or `to`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum NetworkPolicyPeer {
    /// Pods by selectors; at least one of the two is present.
    Pods {
        /// `None`: the policy's own namespace.
        namespace_selector: Option<Selector>,
        /// `None`: every pod of the namespaces.
        pod_selector: Option<Selector>,
    },
    /// Addresses.
    IpBlock(IpBlock),
}

/// `ipBlock`: addresses in `cidr` that are in no `except`; host bits are already masked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IpBlock {
    /// The block.
    pub cidr: IpNet,
    /// What is cut out of this block alone.
    pub except: Vec<IpNet>,
}

/// One entry of a NetworkPolicy's `ports`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NetworkPolicyPort {
    /// `protocol`; `None` means TCP.
    pub protocol: Option<Protocol>,
    /// `port` with `endPort`; `None` means every port of the protocol.
    pub port: Option<PortReference>,
}

/// A port by number, range or name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PortReference {
    /// One number.
    Number(u16),
    /// `port` to `endPort`, both included.
    Range(u16, u16),
    /// The name of a container port of the destination pod.
    Name(Box<str>),
}

/// The tier of an admin policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Tier {
    /// Asked before NetworkPolicy.
    Admin,
    /// Asked after NetworkPolicy, about pods that it does not isolate.
    Baseline,
}

/// `spec` of an admin policy as written (admin-tiers, sections 3 and 4).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdminPolicySpec {
    /// The tier; AdminNetworkPolicy is `Admin`, BaselineAdminNetworkPolicy `Baseline`.
    pub tier: Tier,
    /// Lower is earlier within the tier; `None` for BaselineAdminNetworkPolicy, which has none.
    pub priority: Option<u16>,
    /// The pods that it governs.
    pub subject: Subject,
    /// Ordered rules about traffic into the subject.
    pub ingress: Vec<AdminRule>,
    /// Ordered rules about traffic out of the subject.
    pub egress: Vec<AdminRule>,
}

impl AdminPolicySpec {
    /// Returns the rules of a direction.
    pub fn rules(&self, direction: Direction) -> &[AdminRule] {
        match direction {
            Direction::Ingress => &self.ingress,
            Direction::Egress => &self.egress,
        }
    }
}

/// The pods that an admin policy governs; host-network pods never are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Subject {
    /// All pods of matching namespaces.
    Namespaces(Selector),
    /// Matching pods in matching namespaces.
    Pods {
        /// `{}` where v1alpha2 omits it.
        namespace_selector: Selector,
        /// Which pods there.
        pod_selector: Selector,
    },
}

/// What a rule does with the traffic that it matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Action {
    /// Allows it, finally.
    Allow,
    /// Denies it, finally.
    Deny,
    /// Leaves the tier: hands it on to the next.
    Pass,
}

/// One rule of an admin policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdminRule {
    /// `name`, if any; it need not be unique.
    pub name: Option<Box<str>>,
    /// `action`; `Accept` of v1alpha2 is `Allow`.
    pub action: Action,
    /// `from` or `to`; never empty.
    pub peers: Vec<AdminPeer>,
    /// `protocols` or `ports`; empty means every protocol and port.
    pub ports: Vec<AdminPort>,
    /// The line of the rule's `-`.
    pub line: u32,
}

/// One peer of an admin rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum AdminPeer {
    /// All pods of matching namespaces.
    Namespaces(Selector),
    /// Matching pods in matching namespaces.
    Pods {
        /// `{}` where v1alpha2 omits it.
        namespace_selector: Selector,
        /// Which pods there.
        pod_selector: Selector,
    },
    /// Destination addresses, whoever owns them (egress only).
    Networks(Vec<IpNet>),
    /// Addresses of matching nodes, and host-network pods on them (egress only).
    Nodes(Selector),
    /// Destinations by domain name (egress only).
    DomainNames(Vec<DomainName>),
}

/// One port entry of an admin rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum AdminPort {
    /// One number.
    Number(Protocol, u16),
    /// Both ends included.
    Range(Protocol, u16, u16),
    /// A container port of the destination pod, of any protocol.
    Name(Box<str>),
}

/// A domain name, or `*.` and a name: one or more labels before it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DomainName(pub Box<str>);

impl DomainName {
    /// Tells whether two spellings are of one name: case and a trailing dot do not count.
    pub fn is(&self, name: &str) -> bool {
        self.0.trim_end_matches('.').eq_ignore_ascii_case(name.trim_end_matches('.'))
    }

    /// Tells whether `name` is matched: case and a trailing dot do not count; `*.a.b` does not match `a.b`.
    pub fn matches(&self, name: &str) -> bool {
        let clean = |s: &str| s.trim_end_matches('.').to_ascii_lowercase();
        let (pattern, name) = (clean(&self.0), clean(name));
        match pattern.strip_prefix("*.") {
            Some(suffix) => {
                name.strip_suffix(suffix).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
            }
            None => pattern == name,
        }
    }
}
