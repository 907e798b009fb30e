//! What tests of every crate share: random clusters and flows, and the reader of the corpus (feature `test-util`).

pub mod clusters;
pub mod corpus;
pub mod flows;
pub mod plan;
pub mod policies;
mod vocabulary;

pub use clusters::{cluster_plan, network_policy_cluster_plan};
pub use corpus::{Case, Oracle};
pub use flows::{FlowPlan, dialect, flow_plan, flow_plans, pod_flows};
pub use plan::{ClusterPlan, PolicyPlan};
