//! A cluster built in memory, a question, and the reasons of the answer.
//!
//! ```text
//! cargo run -p netpol-core --example embed
//! ```

use std::error::Error;
use std::io::{self, Write as _};

use netpol_core::model::{
    Cluster, Dialect, Direction, Family, Flow, NetworkPolicyPeer, NetworkPolicyRule,
    NetworkPolicySpec, Peer, PodId, PodSpec, Policy, PolicyKind, PolicySpec, Position, Protocol,
    Selector,
};
use netpol_core::reach::Snapshot;

fn main() -> Result<(), Box<dyn Error>> {
    let snapshot = Snapshot::new(shop()?, Dialect::spec());
    let mut out = io::stdout().lock();
    for (from, to) in [("api", "db"), ("web", "db")] {
        let flow = Flow {
            src: Peer::Pod(pod(&snapshot, from)?),
            dst: Peer::Pod(pod(&snapshot, to)?),
            protocol: Protocol::Tcp,
            port: 5432,
            family: Family::V4,
        };
        let answer = snapshot.explain(&flow);
        writeln!(out, "{from} -> {to} on tcp/5432: {}", answer.verdict)?;
        for reason in snapshot.reasons(&flow) {
            let direction = reason.direction.map_or("", Direction::as_str);
            writeln!(out, "  {direction:<8}{} {}", reason.code.as_str(), reason.message)?;
        }
    }
    Ok(())
}

/// Three pods, and a policy by which the database accepts the api alone.
fn shop() -> Result<Cluster, Box<dyn Error>> {
    let mut builder = Cluster::builder();
    for app in ["web", "api", "db"] {
        builder.pod(PodSpec {
            namespace: "shop".into(),
            name: app.into(),
            labels: vec![("app".into(), app.into())],
            ..PodSpec::default()
        });
    }
    let from_api = NetworkPolicyPeer::Pods {
        namespace_selector: None,
        pod_selector: Some(Selector::labels([("app", "api")])),
    };
    let spec = NetworkPolicySpec {
        pod_selector: Selector::labels([("app", "db")]),
        policy_types: vec![Direction::Ingress],
        ingress: vec![NetworkPolicyRule { peers: vec![from_api], ..NetworkPolicyRule::default() }],
        ..NetworkPolicySpec::default()
    };
    let namespace = Some(builder.namespace_id("shop"));
    builder.policy(Policy {
        kind: PolicyKind::NetworkPolicy,
        namespace,
        name: "db".into(),
        position: Position::new("<memory>", 0),
        spec: PolicySpec::Network(spec),
    });
    Ok(builder.build()?)
}

fn pod(snapshot: &Snapshot, name: &str) -> Result<PodId, String> {
    let cluster = snapshot.cluster();
    let found = cluster.find_namespace("shop").and_then(|shop| cluster.find_pod(shop, name));
    found.ok_or_else(|| format!("no pod is called `shop/{name}`"))
}
