//! What an enforcer by nftables holds for the same pods.

use std::net::IpAddr;

use netpol_core::model::{Family, Flow, Peer, PodId, Protocol, Verdict};
use netpol_core::reach::Snapshot;

use crate::tools::feed;

/// The ports that the policies of the shape tell apart.
const SERVICES: [(Protocol, &str, u16); 7] = [
    (Protocol::Tcp, "tcp", 8080),
    (Protocol::Tcp, "tcp", 8443),
    (Protocol::Tcp, "tcp", 80),
    (Protocol::Tcp, "tcp", 443),
    (Protocol::Tcp, "tcp", 9090),
    (Protocol::Tcp, "tcp", 53),
    (Protocol::Udp, "udp", 53),
];

/// So many elements fit the buffer of a socket that has no rights outside its namespace.
const AT_ONCE: usize = 1_000;

/// Drops what is not of a connection, nor begins one between ends of the set of allowed ones.
pub(crate) fn filter(snapshot: &Snapshot, addresses: &[Vec<IpAddr>; 2]) {
    let own: Vec<IpAddr> = addresses.concat();
    let (ip, address) = if own[0].is_ipv4() { ("ip", "ipv4_addr") } else { ("ip6", "ipv6_addr") };
    feed(
        "nft",
        "-f -",
        &format!(
            "table inet policies {{
                set allow {{
                    type {address} . {address} . inet_proto . inet_service
                }}
                chain forward {{
                    type filter hook forward priority filter; policy drop;
                    ct state established,related accept
                    {ip} saddr . {ip} daddr . meta l4proto . th dport @allow accept
                }}
            }}"
        ),
    );
    for some in allowed(snapshot, &own).chunks(AT_ONCE) {
        let elements = some.join(", ");
        feed("nft", "-f -", &format!("add element inet policies allow {{ {elements} }}"));
    }
}

/// Every pair of pods with a service that is allowed, of which one is a pod of the measurement.
pub(crate) fn allowed(snapshot: &Snapshot, own: &[IpAddr]) -> Vec<String> {
    let (cluster, family) = (snapshot.cluster(), Family::of(own[0]));
    let address = |pod: PodId| cluster.pod(pod).address(family);
    let mine: Vec<PodId> = cluster
        .pod_ids()
        .filter(|pod| address(*pod).is_some_and(|address| own.contains(&address)))
        .collect();
    let mut elements = Vec::new();
    let mut look = |src: PodId, dst: PodId| {
        let Some((from, to)) = address(src).zip(address(dst)) else { return };
        for (protocol, name, port) in SERVICES {
            let (src, dst) = (Peer::Pod(src), Peer::Pod(dst));
            if snapshot.verdict(&Flow { src, dst, protocol, port, family }) == Verdict::Allow {
                elements.push(format!("{from} . {to} . {name} . {port}"));
            }
        }
    };
    for pod in cluster.pod_ids() {
        for own in &mine {
            look(*own, pod);
            // Those between two of them were looked at from the other.
            if !mine.contains(&pod) {
                look(pod, *own);
            }
        }
    }
    elements
}
