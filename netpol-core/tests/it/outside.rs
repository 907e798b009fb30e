//! Questions about addresses: names of ports, nodes with several addresses, workloads whose pods talk in different families.

use netpol_core::model::{
    Cluster, ClusterBuilder, ContainerPort, Dialect, NetworkPolicySpec, NodeSpec, PodSpec, Policy,
    PolicyKind, PolicySpec, PortSet, Position, Protocol, Verdict,
};
use netpol_core::reach::{AskedPorts, Level, Question, Selection, Snapshot, Table};

fn pod(name: &str, addresses: &[&str]) -> PodSpec {
    PodSpec {
        namespace: "shop".into(),
        name: name.into(),
        owner: Some(("Deployment".into(), "web".into())),
        ports: vec![ContainerPort {
            name: Some("http".into()),
            number: 8080,
            protocol: Protocol::Tcp,
            restartable_init: false,
        }],
        addresses: addresses.iter().map(|a| a.parse().unwrap()).collect(),
        node: Some("n1".into()),
        ..PodSpec::default()
    }
}

fn deny_all(builder: &mut ClusterBuilder) {
    let namespace = Some(builder.namespace_id("shop"));
    builder.policy(Policy {
        kind: PolicyKind::NetworkPolicy,
        namespace,
        name: "deny".into(),
        position: Position::new("test", 1),
        spec: PolicySpec::Network(NetworkPolicySpec::default()),
    });
}

fn ask(cluster: Cluster, from: &[&str], ports: AskedPorts) -> Table {
    let snapshot = Snapshot::new(cluster, Dialect::spec());
    let addresses = from
        .iter()
        .map(|a| netpol_core::model::IpSet::from(a.parse::<std::net::IpAddr>().unwrap()));
    let from = addresses.fold(netpol_core::model::IpSet::none(), |all, one| all.union(&one));
    let pods = snapshot.cluster().pod_ids().map(|p| p.0).collect();
    snapshot.ask(&Question {
        from: Selection::addresses(from),
        to: Selection { pods, ..Selection::default() },
        ports,
        level: Level::Workload,
        explain: false,
        denied: true,
    })
}

#[test]
fn a_port_name_is_resolved_on_the_pod_that_an_address_connects_to() {
    let mut builder = Cluster::builder();
    builder.pod(pod("a", &["10.0.0.1"]));
    let names = AskedPorts { numbers: PortSet::none(), names: vec!["http".into()] };
    let table = ask(builder.build().unwrap(), &["203.0.113.7"], names);
    assert_eq!(table.rows[0].ports, PortSet::single(Protocol::Tcp, 8080));
    assert_eq!((table.tally.pairs, table.tally.all_allowed), (1, 1));
}

#[test]
fn every_address_of_a_node_is_its_pods_own_node() {
    let mut builder = Cluster::builder();
    let addresses = ["172.18.0.2", "203.0.113.2"].iter().map(|a| a.parse().unwrap()).collect();
    builder.node(NodeSpec { name: "n1".into(), addresses, ..NodeSpec::default() });
    builder.pod(pod("a", &["10.0.0.1"]));
    builder.pod(PodSpec { node: Some("n2".into()), ..pod("b", &["10.0.0.2"]) });
    deny_all(&mut builder);
    let table = ask(builder.build().unwrap(), &["172.18.0.2", "203.0.113.2"], AskedPorts::all());
    let allowed: Vec<_> = table.rows.iter().filter(|r| r.verdict == Verdict::Allow).collect();
    assert_eq!((allowed.len(), allowed[0].matching, allowed[0].total), (1, 1, 2), "{table:?}");
}

#[test]
fn a_pod_without_the_family_of_an_address_is_denied_beside_one_that_has_it() {
    let mut builder = Cluster::builder();
    builder.pod(pod("a", &["10.0.0.1"]));
    builder.pod(pod("b", &["fd00::1"]));
    let table = ask(builder.build().unwrap(), &["2001:db8::1"], AskedPorts::all());
    assert_eq!((table.tally.pairs, table.tally.all_allowed, table.tally.all_denied), (2, 1, 1));
}
