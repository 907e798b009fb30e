//! The generator: sizes, bytes and the properties that each shape promises.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::collections::BTreeSet;

use ipnet::IpNet;
use netpol_bench::write::{Layout, write_files, write_json, write_yaml};
use netpol_bench::{Object, Preset, cluster, generate};
use netpol_core::model::{
    Cluster, IpSet, NetworkPolicyPeer, NetworkPolicySpec, PolicyKind, PolicySpec, Tier,
};

fn network_policies(cluster: &Cluster) -> impl Iterator<Item = &NetworkPolicySpec> {
    cluster.policies().iter().filter_map(|p| match &p.spec {
        PolicySpec::Network(spec) => Some(spec),
        PolicySpec::Admin(_) => None,
    })
}

fn block_sets(cluster: &Cluster) -> Vec<IpSet> {
    let rules = network_policies(cluster).flat_map(|s| s.ingress.iter().chain(&s.egress));
    let blocks = rules.flat_map(|r| &r.peers).filter_map(|p| match p {
        NetworkPolicyPeer::IpBlock(block) => Some(block),
        NetworkPolicyPeer::Pods { .. } => None,
    });
    blocks
        .map(|b| {
            let except = b.except.iter().map(|n| IpSet::from(*n));
            except.fold(IpSet::from(b.cidr), |set, net| set.difference(&net))
        })
        .collect()
}

fn pod_space(cluster: &Cluster) -> IpSet {
    let addresses = cluster.pods().iter().filter(|p| !p.host_network).flat_map(|p| &p.addresses);
    addresses.fold(IpSet::none(), |set, a| set.union(&IpSet::from(*a)))
}

/// Counts the blocks that hold some of the pods and not all of them, family by family.
fn cutting_blocks(cluster: &Cluster) -> usize {
    let space = pod_space(cluster);
    let cuts = |block: &IpSet| {
        let pods = block
            .families_present()
            .iter()
            .fold(IpSet::none(), |set, family| set.union(&space.only(family)));
        !block.is_disjoint(&pods) && !pods.is_subset(block)
    };
    block_sets(cluster).iter().filter(|b| cuts(b)).count()
}

fn yaml(preset: Preset, pods: u32, seed: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_yaml(preset, pods, seed, &mut bytes).unwrap();
    bytes
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_gives_others() {
    for preset in Preset::ALL {
        assert_eq!(yaml(preset, 120, 7), yaml(preset, 120, 7), "{preset}");
    }
    assert_ne!(yaml(Preset::Enterprise, 120, 7), yaml(Preset::Enterprise, 120, 8));
}

#[test]
fn every_preset_builds_at_small_sizes() {
    for preset in Preset::ALL {
        for pods in [1, 7, 59, 250] {
            let built = cluster(preset, pods, 1).unwrap();
            assert!(built.pods().len() >= pods as usize, "{preset} at {pods}");
            assert!(!built.policies().is_empty(), "{preset} at {pods}");
        }
    }
}

#[test]
fn shapes_of_50_pods_a_namespace_have_exactly_the_pods_asked_for() {
    let shapes = [Preset::Enterprise, Preset::Live, Preset::Open, Preset::Dual, Preset::Admin];
    for preset in shapes.into_iter().chain([Preset::Templates]) {
        assert_eq!(cluster(preset, 1_000, 1).unwrap().pods().len(), 1_000, "{preset}");
    }
}

#[test]
fn enterprise_pods_carry_eight_labels_and_addresses_of_their_own_that_no_block_cuts() {
    let built = cluster(Preset::Enterprise, 1_000, 1).unwrap();
    let ten: IpNet = "10.0.0.0/8".parse().unwrap();
    let mut seen = BTreeSet::new();
    for pod in built.pods().iter().filter(|p| built.namespace(p.namespace).name.starts_with("ns-"))
    {
        assert_eq!(pod.labels.len(), 8);
        assert!(ten.contains(&pod.addresses[0]) && seen.insert(pod.addresses[0]));
        assert!(built.node(pod.node.unwrap()).pod_cidrs[0].contains(&pod.addresses[0]));
    }
    assert_eq!(cutting_blocks(&built), 0);
}

#[test]
fn live_cuts_pod_space_with_a_block_for_each_namespace_and_has_host_network_pods() {
    let built = cluster(Preset::Live, 1_000, 1).unwrap();
    assert!(cutting_blocks(&built) >= 20);
    let hosts: Vec<_> = built.pods().iter().filter(|p| p.host_network).collect();
    assert_eq!(hosts.len(), 10);
    for pod in hosts {
        assert_eq!(pod.addresses[0], built.node(pod.node.unwrap()).addresses[0]);
    }
}

#[test]
fn open_leaves_every_second_namespace_without_policies() {
    let built = cluster(Preset::Open, 1_000, 1).unwrap();
    let policed: BTreeSet<_> = built.policies().iter().filter_map(|p| p.namespace).collect();
    assert_eq!((policed.len(), built.policies().len()), (10, 80));
}

#[test]
fn templates_know_no_address_and_no_node() {
    let built = cluster(Preset::Templates, 1_000, 1).unwrap();
    assert!(built.nodes().is_empty());
    assert!(built.pods().iter().all(|p| p.from_template && p.addresses.is_empty()));
}

#[test]
fn dual_pods_have_both_families_and_so_have_the_blocks() {
    let built = cluster(Preset::Dual, 1_000, 1).unwrap();
    assert!(built.pods().iter().all(|p| p.addresses.len() == 2));
    assert!(block_sets(&built).iter().any(|b| b.families_present().v6));
    assert_eq!(cutting_blocks(&built), 0);
}

#[test]
fn admin_adds_20_policies_a_tier_with_25_rules_and_priorities_of_their_own() {
    let built = cluster(Preset::Admin, 1_000, 1).unwrap();
    let mut priorities = BTreeSet::new();
    for policy in built.policies().iter() {
        let PolicySpec::Admin(spec) = &policy.spec else { continue };
        assert_eq!(policy.kind, PolicyKind::ClusterNetworkPolicy);
        assert_eq!(spec.ingress.len() + spec.egress.len(), 25);
        assert!(priorities.insert((spec.tier, spec.priority)));
    }
    let of = |tier| priorities.iter().filter(|(t, _)| *t == tier).count();
    assert_eq!((of(Tier::Admin), of(Tier::Baseline)), (20, 20));
}

#[test]
fn shapes_of_scale_tests_have_the_published_counts() {
    let counts = |preset: Preset| {
        let built = cluster(preset, preset.default_pods().min(3_000), 1).unwrap();
        (built.namespaces().len(), built.pods().len(), built.policies().len())
    };
    assert_eq!(counts(Preset::Redhat240), (240, 2_400, 4_800));
    assert_eq!(counts(Preset::CiliumNetpol), (1, 3_000, 3_000));
    assert_eq!(counts(Preset::KubeBurner), (301, 3_001, 6_600));
    assert_eq!(counts(Preset::AntreaXl), (750, 3_000, 2_250));
    assert_eq!(counts(Preset::AntreaOneNs), (1, 3_000, 3_000));
    assert_eq!(counts(Preset::CalicoSaas), (3_000, 3_000, 3_000));
}

#[test]
fn every_layout_holds_every_object() {
    for preset in [Preset::Live, Preset::Admin, Preset::Templates] {
        let mut objects = 0_usize;
        generate(preset, 150, 1, &mut |_: Object| {
            objects += 1;
            Ok::<(), ()>(())
        })
        .unwrap();

        let mut json = Vec::new();
        write_json(preset, 150, 1, &mut json).unwrap();
        let list: serde_json::Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(list["items"].as_array().unwrap().len(), objects);

        let text = String::from_utf8(yaml(preset, 150, 1)).unwrap();
        assert_eq!(text.lines().filter(|l| *l == "---").count(), objects);

        let directory = std::env::temp_dir().join(format!("netpol-bench-{}", std::process::id()));
        let written = write_files(preset, 150, 1, Layout::YamlPerNamespace, &directory).unwrap();
        assert_eq!(usize::try_from(written.objects).unwrap(), objects);
        std::fs::remove_dir_all(&directory).unwrap();
    }
}
