//! What tests of every crate share: random clusters and flows, and the reader of the corpus (feature `test-util`).

pub mod clusters;
pub mod corpus;
pub mod flows;
pub mod plan;
pub mod policies;
mod vocabulary;

pub use clusters::{cluster_plan, ingress_cluster_plan, network_policy_cluster_plan};
pub use corpus::{Case, Oracle};
pub use flows::{FlowPlan, dialect, flow_plan, flow_plans, pod_flows};
pub use plan::{ClusterPlan, PolicyPlan, single_family};
pub use vocabulary::DOMAINS;

use proptest::test_runner::Config;

/// How many cases a property tries: `PROPTEST_CASES` where it is set, else `usual`.
pub fn cases(usual: u32) -> Config {
    let config = Config::default();
    // With an explicit number of cases the library would not read the environment.
    let built_in = 256;
    let cases = if config.cases == built_in { usual } else { config.cases };
    Config { cases, ..config }
}
