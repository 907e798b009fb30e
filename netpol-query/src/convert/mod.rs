//! `convert`: admin policies from one version of their API to the other (admin-tiers, section 5).
//!
//! Every conversion is checked by the evaluator: the converted policies must answer like the original ones.

mod check;
mod rewrite;
mod write;
mod yaml;

use netpol_core::model::{Cluster, Dialect, PolicyId};

pub use rewrite::Refusal;

/// The version to convert to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// `policy.networking.k8s.io/v1alpha2`: ClusterNetworkPolicy.
    ClusterNetworkPolicy,
    /// `policy.networking.k8s.io/v1alpha1`: AdminNetworkPolicy and BaselineAdminNetworkPolicy.
    AdminNetworkPolicy,
}

/// What converting the admin policies of a cluster gives.
#[derive(Debug)]
pub struct Conversion {
    /// The converted policies as one YAML document each, those that are of the version already included.
    pub yaml: String,
    /// How many policies were rewritten.
    pub converted: usize,
    /// What cannot be converted, and why.
    pub refused: Vec<(PolicyId, Refusal)>,
    /// Whether the converted policies answer like the original ones for every pair and port; `None` where some policy
    /// was refused, so that they cannot.
    pub equal: Option<bool>,
}

/// Converts every admin policy of a cluster.
pub fn convert(cluster: &Cluster, dialect: Dialect, target: Target) -> Conversion {
    let (mut policies, mut refused, mut converted) = (Vec::new(), Vec::new(), 0);
    for (id, result) in rewrite::rewrite(cluster, target) {
        match result {
            Ok(policy) => {
                converted += usize::from(policy.kind != cluster.policy(id).kind);
                policies.push(policy);
            }
            Err(refusal) => refused.push((id, refusal)),
        }
    }
    let equal = refused.is_empty().then(|| check::answers_alike(cluster, dialect, &policies));
    Conversion { yaml: write::documents(&policies), converted, refused, equal }
}
