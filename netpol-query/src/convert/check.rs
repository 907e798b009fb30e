//! Checks by the evaluator that converted policies mean the same.

use netpol_core::model::{Cluster, Dialect, Policy, PolicySpec};
use netpol_core::reach::{AskedPorts, Level, Question, Snapshot, Table};

/// Tells whether a cluster answers alike for every pair and port with its admin policies replaced.
pub(super) fn answers_alike(cluster: &Cluster, dialect: Dialect, admin: &[Policy]) -> bool {
    let network = cluster.policies().iter().filter(|p| matches!(p.spec, PolicySpec::Network(_)));
    let policies = network.chain(admin).cloned().collect();
    let before = Snapshot::new(cluster.clone(), dialect);
    let after = Snapshot::new(cluster.with_policies(policies), dialect);
    everything(&before) == everything(&after)
}

fn everything(snapshot: &Snapshot) -> Table {
    let everyone = snapshot.everyone();
    snapshot.ask(&Question {
        from: everyone.clone(),
        to: everyone,
        ports: AskedPorts::all(),
        level: Level::Workload,
        explain: false,
        denied: false,
    })
}
