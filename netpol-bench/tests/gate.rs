//! The gate and the promises about answers: what the reference says of each shape, and that differences are found.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::time::Duration;

use netpol_bench::gate::{check, pairs_one_by_one};
use netpol_bench::measure::counted_port;
use netpol_bench::naive::{
    RuleWalk, allowed_by_rule_walk, beginning, pairs_by_dense_matrix, pairs_by_rule_walk,
    read_full_structs,
};
use netpol_bench::sample::{by_name, flows, names};
use netpol_bench::{Preset, cluster};
use netpol_core::model::{Dialect, Family, Flow, Peer, Protocol, Verdict};
use netpol_core::reach::Snapshot;

fn snapshot(preset: Preset, pods: u32) -> Snapshot {
    Snapshot::new(cluster(preset, pods, 1).unwrap(), Dialect::spec())
}

#[test]
fn every_preset_passes_the_gate() {
    for preset in Preset::ALL {
        let agreement =
            check(&snapshot(preset, 120), (2_000, Duration::MAX), 1, 1_000, counted_port(preset));
        let agreement = agreement.unwrap_or_else(|e| panic!("{preset}: {e}"));
        assert!(agreement.allowed > 0, "{preset}: nothing is allowed");
        // A customer of calico-saas has one pod and may reach nobody else's.
        let alone = preset == Preset::CalicoSaas;
        assert_eq!(agreement.pairs == Some(0), alone, "{preset}: {:?} pairs", agreement.pairs);
    }
}

#[test]
fn pairs_by_single_verdicts_are_those_of_a_rule_walk() {
    for preset in [Preset::Enterprise, Preset::Live, Preset::Dual, Preset::KanoRandom] {
        let (protocol, port) = counted_port(preset);
        let snapshot = snapshot(preset, 70);
        let walk = pairs_by_rule_walk(snapshot.cluster(), Dialect::spec(), (protocol, port));
        assert_eq!(pairs_one_by_one(&snapshot, protocol, port), walk, "{preset}");
    }
}

#[test]
fn five_to_sixty_percent_of_the_pairs_of_kano_random_are_allowed_at_each_size() {
    for pods in [500, 2_000, 10_000] {
        let cluster = cluster(Preset::KanoRandom, pods, 1).unwrap();
        let on_80 = |flow: Flow| Flow { protocol: Protocol::Tcp, port: 80, ..flow };
        let sample: Vec<_> = flows(&cluster, 1_500, 5).into_iter().map(on_80).collect();
        let allowed =
            sample.iter().filter(|f| allowed_by_rule_walk(&cluster, Dialect::spec(), f)).count();
        assert!((75..=900).contains(&allowed), "{allowed} of 1500 at {pods} pods");
    }
}

#[test]
fn enterprise_allows_what_its_policies_name() {
    let snapshot = snapshot(Preset::Enterprise, 1_000);
    let cluster = snapshot.cluster();
    let first = |namespace: &str, workload: &str| {
        let found = cluster.pod_ids().find(|id| {
            let pod = cluster.pod(*id);
            *cluster.namespace(pod.namespace).name == *namespace
                && *cluster.workload(pod.workload).name == *workload
        });
        Peer::Pod(found.unwrap())
    };
    let verdict = |src: &Peer, dst: &Peer, protocol, port| {
        let (src, dst) = (src.clone(), dst.clone());
        snapshot.verdict(&Flow { src, dst, protocol, port, family: Family::V4 })
    };
    let (web, api) = (first("ns-00003", "web"), first("ns-00003", "api"));
    let dns = first("kube-system", "coredns");
    assert_eq!(verdict(&web, &api, Protocol::Tcp, 8080), Verdict::Allow);
    assert_eq!(verdict(&api, &web, Protocol::Tcp, 8080), Verdict::Deny);
    assert_eq!(verdict(&web, &api, Protocol::Tcp, 8081), Verdict::Deny);
    assert_eq!(verdict(&web, &dns, Protocol::Udp, 53), Verdict::Allow);
    assert_eq!(verdict(&web, &dns, Protocol::Tcp, 80), Verdict::Deny);
    let outside = Peer::Address("203.0.113.7".parse().unwrap());
    assert_eq!(verdict(&api, &outside, Protocol::Tcp, 443), Verdict::Allow);
    assert_eq!(verdict(&web, &outside, Protocol::Tcp, 443), Verdict::Deny);
}

#[test]
fn admin_policies_change_verdicts_on_the_counted_port() {
    let (protocol, port) = counted_port(Preset::Admin);
    let without = pairs_one_by_one(&snapshot(Preset::Enterprise, 1_000), protocol, port);
    let with = pairs_one_by_one(&snapshot(Preset::Admin, 1_000), protocol, port);
    assert_ne!(without, with);
}

#[test]
fn a_name_that_is_nobodys_is_unknown_and_names_judge_like_ids() {
    let snapshot = snapshot(Preset::Enterprise, 200);
    let sample = flows(snapshot.cluster(), 500, 3);
    for (flow, mut named) in sample.iter().zip(names(snapshot.cluster(), &sample)) {
        assert_eq!(by_name(&snapshot, &named), snapshot.verdict(flow));
        named.src.1.push_str("-gone");
        assert_eq!(by_name(&snapshot, &named), Verdict::Unknown);
    }
}

#[test]
fn sampled_flows_are_of_both_kinds_and_fixed_by_the_seed() {
    let cluster = cluster(Preset::Enterprise, 1_000, 1).unwrap();
    let sample = flows(&cluster, 1_000, 9);
    assert_eq!(sample, flows(&cluster, 1_000, 9));
    assert_ne!(sample, flows(&cluster, 1_000, 10));
    let namespace = |peer: &Peer| match peer {
        Peer::Pod(pod) => Some(cluster.pod(*pod).namespace),
        Peer::Address(_) | Peer::Name(_) | Peer::IngressController => None,
    };
    let near = sample.iter().filter(|f| namespace(&f.src) == namespace(&f.dst)).count();
    assert!((500..700).contains(&near), "{near}");
}

/// A baseline that answers wrongly would be compared with for nothing.
#[test]
fn what_figures_are_compared_with_answers_alike() {
    let (mut walked, mut counted) = (0, 0);
    for preset in Preset::ALL {
        let snapshot = snapshot(preset, 100);
        let cluster = snapshot.cluster();
        if let Some(walk) = RuleWalk::new(cluster) {
            walked += 1;
            for flow in flows(cluster, 3_000, 9) {
                let allowed = snapshot.verdict(&flow) == Verdict::Allow;
                assert_eq!(walk.allows(&flow), allowed, "{preset}: {flow:?}");
            }
        }
        let port = counted_port(preset);
        if let Some(pairs) = pairs_by_dense_matrix(cluster, port) {
            counted += 1;
            assert_eq!(pairs, snapshot.count_pairs(port.0, port.1), "{preset}");
        }
    }
    assert_eq!((walked, counted), (11, 9), "shapes that the naive ways are not too simple for");
}

#[test]
fn the_plain_reader_reads_every_document() {
    let mut yaml = Vec::new();
    let objects = netpol_bench::write::write_yaml(Preset::Enterprise, 200, 1, &mut yaml).unwrap();
    let text = String::from_utf8(yaml).unwrap();
    assert_eq!(read_full_structs(&text).unwrap() as u64, objects);
    let part = beginning(&text, text.len() / 2);
    assert!(part.len() > text.len() / 2 && part.len() < text.len(), "{}", part.len());
    assert!(part.ends_with('\n') && text[part.len()..].starts_with("---\n"));
}
