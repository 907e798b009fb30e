//! Rewrites one policy, or says why its meaning does not exist in the other version.

use netpol_core::model::{
    Action, AdminPeer, AdminPolicySpec, AdminPort, AdminRule, Cluster, Direction, Policy, PolicyId,
    PolicyKind, PolicySpec, Tier,
};
use thiserror::Error;

use super::Target;

/// ClusterNetworkPolicy takes so many rules, peers, ports, networks or names at most; AdminNetworkPolicy takes 100.
const MOST_ITEMS: usize = 25;
/// The priority that a BaselineAdminNetworkPolicy gets: it has none, and any will do where it is alone in its tier.
const BASELINE_PRIORITY: u16 = 1000;
/// The only name that a BaselineAdminNetworkPolicy may have.
const BASELINE_NAME: &str = "default";

/// Why a policy cannot be converted.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Refusal {
    /// BaselineAdminNetworkPolicy has no `Pass`.
    #[error("{direction}[{rule}] passes: BaselineAdminNetworkPolicy has no `Pass`")]
    BaselinePass {
        /// The direction of the rule.
        direction: Direction,
        /// Its index.
        rule: usize,
    },
    /// BaselineAdminNetworkPolicy has no `domainNames`.
    #[error("{direction}[{rule}] names domains: BaselineAdminNetworkPolicy has no `domainNames`")]
    BaselineDomainNames {
        /// The direction of the rule.
        direction: Direction,
        /// Its index.
        rule: usize,
    },
    /// There can be only one BaselineAdminNetworkPolicy.
    #[error("{count} policies of the Baseline tier: a cluster has one BaselineAdminNetworkPolicy")]
    SeveralBaselines {
        /// How many there are.
        count: usize,
    },
    /// Baseline policies of both versions are united in an order that one version alone cannot express.
    #[error(
        "a BaselineAdminNetworkPolicy beside Baseline ClusterNetworkPolicies has no priority among them: their order is not defined"
    )]
    MixedBaselines,
    /// A list is longer than the other version allows.
    #[error("{what} has {count} items: ClusterNetworkPolicy takes {MOST_ITEMS} at most")]
    TooManyItems {
        /// The field.
        what: String,
        /// How many items it has.
        count: usize,
    },
    /// Two policies would have one name.
    #[error("there is a ClusterNetworkPolicy of that name already")]
    NameTaken,
}

/// Rewrites every admin policy of a cluster, in the order of the input.
pub(super) fn rewrite(
    cluster: &Cluster,
    target: Target,
) -> Vec<(PolicyId, Result<Policy, Refusal>)> {
    let admin = |id: &PolicyId| matches!(cluster.policy(*id).spec, PolicySpec::Admin(_));
    let ids: Vec<PolicyId> = cluster.policy_ids().filter(admin).collect();
    ids.iter().map(|id| (*id, rewrite_one(cluster, &ids, *id, target))).collect()
}

fn rewrite_one(
    cluster: &Cluster,
    all: &[PolicyId],
    id: PolicyId,
    target: Target,
) -> Result<Policy, Refusal> {
    let policy = cluster.policy(id);
    let PolicySpec::Admin(spec) = &policy.spec else { return Ok(policy.clone()) };
    match (target, policy.kind) {
        (Target::ClusterNetworkPolicy, PolicyKind::ClusterNetworkPolicy) => Ok(policy.clone()),
        (Target::ClusterNetworkPolicy, _) => to_cluster_network_policy(cluster, all, policy, spec),
        (Target::AdminNetworkPolicy, PolicyKind::ClusterNetworkPolicy) => {
            to_admin_network_policy(cluster, all, policy, spec)
        }
        (Target::AdminNetworkPolicy, _) => Ok(policy.clone()),
    }
}

fn of_kind<'a>(
    cluster: &'a Cluster,
    all: &'a [PolicyId],
    kind: PolicyKind,
) -> impl Iterator<Item = &'a Policy> {
    all.iter().map(|id| cluster.policy(*id)).filter(move |p| p.kind == kind)
}

fn tier(policy: &Policy) -> Option<Tier> {
    match &policy.spec {
        PolicySpec::Admin(spec) => Some(spec.tier),
        PolicySpec::Network(_) => None,
    }
}

fn to_cluster_network_policy(
    cluster: &Cluster,
    all: &[PolicyId],
    policy: &Policy,
    spec: &AdminPolicySpec,
) -> Result<Policy, Refusal> {
    let mut existing = of_kind(cluster, all, PolicyKind::ClusterNetworkPolicy);
    let named = |name: &str| cluster_name(policy) == name;
    if existing.any(|p| named(&p.name)) {
        return Err(Refusal::NameTaken);
    }
    let mut existing = of_kind(cluster, all, PolicyKind::ClusterNetworkPolicy);
    if spec.tier == Tier::Baseline && existing.any(|p| tier(p) == Some(Tier::Baseline)) {
        return Err(Refusal::MixedBaselines);
    }
    short_enough(spec)?;
    let mut spec = spec.clone();
    spec.priority = Some(spec.priority.unwrap_or(BASELINE_PRIORITY));
    ranges_to_numbers(&mut spec);
    let (kind, name) = (PolicyKind::ClusterNetworkPolicy, cluster_name(policy).into());
    Ok(Policy { kind, name, spec: PolicySpec::Admin(spec), ..policy.clone() })
}

/// The BaselineAdminNetworkPolicy is called `default`, which an AdminNetworkPolicy may be called too.
fn cluster_name(policy: &Policy) -> &str {
    match policy.kind {
        PolicyKind::BaselineAdminNetworkPolicy => "baseline-default",
        _ => &policy.name,
    }
}

fn short_enough(spec: &AdminPolicySpec) -> Result<(), Refusal> {
    let check = |what: String, count: usize| {
        if count > MOST_ITEMS { Err(Refusal::TooManyItems { what, count }) } else { Ok(()) }
    };
    for direction in Direction::ALL {
        let rules = spec.rules(direction);
        check(format!("{direction}"), rules.len())?;
        for (i, rule) in rules.iter().enumerate() {
            check(format!("{direction}[{i}]'s peers"), rule.peers.len())?;
            check(format!("{direction}[{i}].ports"), rule.ports.len())?;
        }
    }
    Ok(())
}

/// v1alpha2 wants `start` below `end`: a range of one port is a number there.
fn ranges_to_numbers(spec: &mut AdminPolicySpec) {
    for port in rules_mut(spec).flat_map(|r| &mut r.ports) {
        if let AdminPort::Range(protocol, from, to) = *port
            && from == to
        {
            *port = AdminPort::Number(protocol, from);
        }
    }
}

fn rules_mut(spec: &mut AdminPolicySpec) -> impl Iterator<Item = &mut AdminRule> {
    spec.ingress.iter_mut().chain(&mut spec.egress)
}

fn to_admin_network_policy(
    cluster: &Cluster,
    all: &[PolicyId],
    policy: &Policy,
    spec: &AdminPolicySpec,
) -> Result<Policy, Refusal> {
    if spec.tier == Tier::Admin {
        return Ok(Policy { kind: PolicyKind::AdminNetworkPolicy, ..policy.clone() });
    }
    let old = of_kind(cluster, all, PolicyKind::BaselineAdminNetworkPolicy).count();
    let new = of_kind(cluster, all, PolicyKind::ClusterNetworkPolicy)
        .filter(|p| tier(p) == Some(Tier::Baseline))
        .count();
    if old + new > 1 {
        return Err(Refusal::SeveralBaselines { count: old + new });
    }
    expressible_in_baseline(spec)?;
    let spec = PolicySpec::Admin(AdminPolicySpec { priority: None, ..spec.clone() });
    Ok(Policy {
        kind: PolicyKind::BaselineAdminNetworkPolicy,
        name: BASELINE_NAME.into(),
        spec,
        ..policy.clone()
    })
}

fn expressible_in_baseline(spec: &AdminPolicySpec) -> Result<(), Refusal> {
    for direction in Direction::ALL {
        for (rule, facts) in spec.rules(direction).iter().enumerate() {
            if facts.action == Action::Pass {
                return Err(Refusal::BaselinePass { direction, rule });
            }
            if facts.peers.iter().any(|p| matches!(p, AdminPeer::DomainNames(_))) {
                return Err(Refusal::BaselineDomainNames { direction, rule });
            }
        }
    }
    Ok(())
}
