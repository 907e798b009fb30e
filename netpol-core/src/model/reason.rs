//! Why a verdict is what it is.

use super::ids::{IngressId, PolicyId};
use super::policy::Direction;
use super::ports::PortSet;

/// The stable codes of the JSON contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReasonCode {
    /// Nothing selects the pod in this direction: default allow.
    NotIsolated,
    /// An explicit rule allowed it.
    AllowedByRule,
    /// An explicit rule denied it.
    DeniedByRule,
    /// An explicit rule handed it on to the next tier.
    PassedByRule,
    /// A policy isolates the pod and no rule of it matches.
    NoRuleMatches,
    /// A rule that would have allowed it but for one thing.
    NearMiss,
    /// A pod to itself.
    SelfTraffic,
    /// A host-network pod is node traffic.
    HostNetwork,
    /// From the pod's own node.
    OwnNode,
    /// The verdict depends on an address that is not known.
    PodIpUnknown,
    /// A named port that the destination does not declare.
    NamedPortUnresolved,
    /// The two ends share no address family.
    NoCommonFamily,
    /// Policies of equal priority disagree.
    PriorityTie,
    /// An Ingress or Route leads there.
    IngressBackend,
    /// No Ingress or Route leads there.
    NoIngressBackend,
    /// The verdict depends on where the ingress controller runs, which is not known.
    IngressControllerUnknown,
}

impl ReasonCode {
    /// Tells whether it says what came near, rather than what decided.
    pub const fn is_near_miss(self) -> bool {
        matches!(self, Self::NearMiss | Self::NamedPortUnresolved)
    }

    /// Returns the code of the JSON contract.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotIsolated => "NOT_ISOLATED",
            Self::AllowedByRule => "ALLOWED_BY_RULE",
            Self::DeniedByRule => "DENIED_BY_RULE",
            Self::PassedByRule => "PASSED_BY_RULE",
            Self::NoRuleMatches => "NO_RULE_MATCHES",
            Self::NearMiss => "NEAR_MISS",
            Self::SelfTraffic => "SELF",
            Self::HostNetwork => "HOST_NETWORK",
            Self::OwnNode => "OWN_NODE",
            Self::PodIpUnknown => "POD_IP_UNKNOWN",
            Self::NamedPortUnresolved => "NAMED_PORT_UNRESOLVED",
            Self::NoCommonFamily => "NO_COMMON_FAMILY",
            Self::PriorityTie => "PRIORITY_TIE",
            Self::IngressBackend => "INGRESS_BACKEND",
            Self::NoIngressBackend => "NO_INGRESS_BACKEND",
            Self::IngressControllerUnknown => "INGRESS_CONTROLLER_UNKNOWN",
        }
    }
}

/// One step of an explanation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reason {
    /// What kind of step.
    pub code: ReasonCode,
    /// The direction that it concerns; `None` where it concerns the pair.
    pub direction: Option<Direction>,
    /// The ports that it decides, within the question.
    pub ports: PortSet,
    /// The policy, if any.
    pub policy: Option<PolicyId>,
    /// The Ingress or Route, if any.
    pub ingress: Option<IngressId>,
    /// The index of the rule in its list, counted from 0.
    pub rule: Option<u32>,
    /// The line of the rule, or of the policy where no rule is meant.
    pub line: Option<u32>,
    /// The step in words: one line, no full stop.
    pub message: String,
}

/// One step of an explanation in facts alone, cheap to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Step {
    /// What kind of step.
    pub code: ReasonCode,
    /// The direction that it concerns; `None` where it concerns the pair.
    pub direction: Option<Direction>,
    /// The policy, if any.
    pub policy: Option<PolicyId>,
    /// The Ingress or Route, if any.
    pub ingress: Option<IngressId>,
    /// The index of the rule in its list, counted from 0.
    pub rule: Option<u32>,
    /// The line of the rule, or of the policy where no rule is meant.
    pub line: Option<u32>,
}

impl From<&Reason> for Step {
    fn from(reason: &Reason) -> Self {
        let Reason { code, direction, policy, ingress, rule, line, .. } = *reason;
        Self { code, direction, policy, ingress, rule, line }
    }
}
