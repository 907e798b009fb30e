//! What is written is what is built: files of a preset load into a cluster that answers like the one in memory.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use netpol_bench::measure::counted_port;
use netpol_bench::sample::{by_name, flows, names};
use netpol_bench::write::{write_json, write_yaml};
use netpol_bench::{Preset, cluster};
use netpol_core::model::{Cluster, Dialect};
use netpol_core::reach::Snapshot;
use netpol_core::sources::{LoadOptions, Source, load};

fn loaded(name: &str, bytes: Vec<u8>) -> Cluster {
    let source = Source::Bytes { name: name.into(), bytes: bytes.into() };
    let loaded = load(&[source], &LoadOptions::default());
    assert!(loaded.diagnostics.is_empty(), "{name}: {}", loaded.diagnostics[0]);
    loaded.cluster
}

#[test]
fn yaml_and_json_of_every_preset_load_without_a_word_and_answer_alike() {
    for preset in Preset::ALL {
        let (mut yaml, mut json) = (Vec::new(), Vec::new());
        write_yaml(preset, 120, 1, &mut yaml).unwrap();
        write_json(preset, 120, 1, &mut json).unwrap();
        let built = Snapshot::new(cluster(preset, 120, 1).unwrap(), Dialect::spec());
        let sample = flows(built.cluster(), 300, 4);
        let sample = names(built.cluster(), &sample);
        let (protocol, port) = counted_port(preset);
        for read in [loaded("cluster.yaml", yaml), loaded("cluster.json", json)] {
            assert_eq!(read.pods().len(), built.cluster().pods().len(), "{preset}");
            assert_eq!(read.policies().len(), built.cluster().policies().len(), "{preset}");
            assert_eq!(read.workloads().len(), built.cluster().workloads().len(), "{preset}");
            let read = Snapshot::new(read, Dialect::spec());
            assert_eq!(read.count_pairs(protocol, port), built.count_pairs(protocol, port));
            for flow in &sample {
                assert_eq!(by_name(&read, flow), by_name(&built, flow), "{preset}: {flow:?}");
            }
        }
    }
}
