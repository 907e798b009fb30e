//! Policies that change under connections.

use std::net::IpAddr;
use std::thread;
use std::time::{Duration, Instant};

use netpol_core::model::{Cluster, Dialect};
use netpol_core::reach::Snapshot;
use netpol_core::sources::{LoadOptions, Source, load};
use netpol_enforce::DropReason;
use netpol_enforce::pipeline::Established;
use netpol_enforce::report::PortReport;

use crate::datapath::{Datapath, assert_adds_up};
use crate::sides::{Role, Sides};

pub(crate) const CLIENT: &str = "10.9.0.1";
pub(crate) const SERVER: &str = "10.9.0.2";
pub(crate) const ECHO: &str = "10.9.0.2:7000";
const CLOSED: &str = "udp 10.9.0.1 10.9.0.2 7001";

/// A client and a server that lets the client in on TCP 7000, if at all, and nobody else anywhere.
pub(crate) fn snapshot(lets_in: bool) -> Snapshot {
    let rule = if lets_in {
        "ingress: [{from: [{podSelector: {matchLabels: {app: client}}}], ports: [{port: 7000}]}]"
    } else {
        "ingress: []"
    };
    let manifests = format!(
        "{{apiVersion: v1, kind: Pod, metadata: {{name: client, namespace: net, labels: {{app: client}}}}, status: {{podIPs: [{{ip: {CLIENT}}}]}}}}\n---\n\
         {{apiVersion: v1, kind: Pod, metadata: {{name: server, namespace: net, labels: {{app: server}}}}, status: {{podIPs: [{{ip: {SERVER}}}]}}}}\n---\n\
         apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: server, namespace: net}}\n\
         spec: {{podSelector: {{matchLabels: {{app: server}}}}, policyTypes: [Ingress], {rule}}}\n"
    );
    let source = Source::Bytes { name: "-".into(), bytes: manifests.into_bytes().into() };
    let loaded = load(&[source], &LoadOptions::default());
    assert_eq!(loaded.errors().count(), 0);
    let cluster: Cluster = loaded.cluster;
    Snapshot::new(cluster, Dialect::spec())
}

pub(crate) fn addresses() -> [Vec<IpAddr>; 2] {
    [vec![CLIENT.parse().unwrap()], vec![SERVER.parse().unwrap()]]
}

pub(crate) fn ask(talker: &mut Role) -> bool {
    talker.tell("");
    talker.line() == "ok"
}

/// An open connection is cut by the policy that denies it, at its next packet; with `keep` it goes on.
pub(crate) fn a_connection_ends_with_its_policy() {
    for (established, goes_on) in [(Established::Revoke, false), (Established::Keep, true)] {
        let _sides = Sides::new(&addresses());
        let datapath = Datapath::start(snapshot(true), &addresses(), established);
        let _server = Role::start(1, &["role:echo", ECHO]);
        let mut talker = Role::start(0, &["role:talk", CLIENT, ECHO, "1500"]);
        assert!(ask(&mut talker));
        datapath.reload(snapshot(false));
        assert_eq!(ask(&mut talker), goes_on, "{established:?}");
        // What is new is denied either way.
        let mut client = Role::start(0, &["role:try", "300"]);
        client.tell(&format!("tcp {CLIENT} {SERVER} 7000"));
        client.tell("");
        assert_eq!(client.line(), "no");
        let report = datapath.stop();
        assert_eq!(report.dropped_for(DropReason::Revoked) > 0, !goes_on, "{report}");
        assert_eq!((report.epoch, report.reloads), (2, 1));
        assert_adds_up(&report);
    }
}

/// Two hundred reloads that allow the same: no answer of an open connection is lost, and nothing denied passes.
pub(crate) fn reloads_lose_nothing_and_let_nothing_through() {
    const RELOADS: u32 = 200;
    let _sides = Sides::new(&addresses());
    let datapath = Datapath::start(snapshot(true), &addresses(), Established::Revoke);
    let _server = Role::start(1, &["role:echo", ECHO]);
    let _closed = Role::start(1, &["role:serve", SERVER, "7001"]);
    let mut talker = Role::start(0, &["role:talk", CLIENT, ECHO, "3000"]);
    let denied = thread::spawn(|| {
        let mut client = Role::start(0, &["role:try", "100"]);
        (0..400).for_each(|_| client.tell(CLOSED));
        client.tell("");
        (0..400).filter(|_| client.line() == "ok").count()
    });
    let (mut slowest, mut asked) = (Duration::ZERO, 0);
    for _ in 0..RELOADS {
        datapath.reload(snapshot(true));
        for _ in 0..5 {
            let start = Instant::now();
            assert!(ask(&mut talker), "an answer was lost");
            slowest = slowest.max(start.elapsed());
            asked += 1;
        }
    }
    assert_eq!(denied.join().unwrap(), 0, "something denied passed");
    let report = datapath.stop();
    assert_adds_up(&report);
    assert_eq!((report.epoch, report.reloads), (RELOADS + 1, u64::from(RELOADS)));
    // Nothing was lost: not before a verdict, not by one that is about connections, and not on the way out.
    let about_others = [DropReason::Policy, DropReason::Multicast, DropReason::NdInvalid];
    let reasons = DropReason::ALL.iter().filter(|reason| !about_others.contains(reason));
    assert_eq!(reasons.map(|reason| report.dropped_for(*reason)).sum::<u64>(), 0, "{report}");
    let lost =
        |port: &PortReport| port.stats.overflow + port.stats.unreadable + port.stats.tx_errors;
    assert_eq!(report.ports.iter().map(lost).sum::<u64>(), 0, "{report}");
    println!("live reloads: {RELOADS} reloads, {asked} answers, the slowest after {slowest:?}");
}
