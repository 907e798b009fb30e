//! Rounds in which every kind of middle takes its turn.

use std::fs;

use netpol_bench::Preset;
use netpol_core::model::Family;

use crate::ends::{Ends, Shape};
use crate::load::Load;
use crate::middle::Kind;
use crate::nftables;
use crate::sheet::Sheet;
use crate::tools::has;
use crate::turn::Turn;

/// What is measured: the first policies of `enterprise`, which has them in one address family.
const SHAPE: Shape = Shape { preset: Preset::Enterprise, pods: 10_000, policies: 1_000 };
/// The same shape in two address families.
const DUAL: Shape = Shape { preset: Preset::Dual, ..SHAPE };
/// So many policies one after another, at more pods: at 10 000 the shape has fewer than 10 000 policies.
const POLICIES: [usize; 4] = [1, 100, 1_000, 10_000];
const MORE_PODS: u32 = 64_000;
/// What is measured with other numbers of policies.
const SOME_LOADS: [Load; 4] = [Load::Tcp, Load::Mtu, Load::Serial, Load::Small];

pub(crate) fn measure(rounds: u32, seconds: u32) {
    let kernel = fs::read("/proc/sys/kernel/osrelease").unwrap();
    let kernel = String::from_utf8_lossy(&kernel).trim().to_owned();
    println!("{rounds} rounds of {seconds} s a load, taking turns; Linux {kernel}");
    say_what_is_missing();
    let kinds = compare_kinds(rounds, seconds);
    let policies = compare_policies(rounds, seconds);
    let Shape { preset, pods, policies: first, .. } = SHAPE;
    println!(
        "\nthe first {first} policies of {preset} at {pods} pods; IPv6 with those of {}",
        DUAL.preset
    );
    kinds.print();
    kinds.print_gate(Kind::Enforce.name(), Kind::AllowAll.name());
    println!("\nenforce with other numbers of policies, the first of {preset} at {MORE_PODS} pods");
    policies.print();
}

fn say_what_is_missing() {
    for kind in Kind::ALL {
        if let Some(program) = kind.missing() {
            println!("left out: {}, for there is no {program}", kind.name());
        }
    }
    for load in Load::ALL {
        if let Some(program) = load.missing() {
            println!("left out: {}, for there is no {program}", load.name());
        }
    }
    let instead = [
        ("iperf3", "TCP by a pump of our own, which does not tell retransmits"),
        (
            "ethtool",
            "frames of the MTU by gso_max_segs 1, with checksums still left to the far end",
        ),
        ("taskset", "the generator of datagrams and the datapath share processors as it comes"),
        ("ip6tables-legacy", "no queue for IPv6: it is routed"),
    ];
    for (program, what) in instead {
        if !has(program) {
            println!("there is no {program}: {what}");
        }
    }
}

/// All kinds under all loads.
fn compare_kinds(rounds: u32, seconds: u32) -> Sheet {
    let ends = Ends::find(&[SHAPE], Family::V4);
    let ends_six = Ends::find(&[DUAL], Family::V6);
    if has("nft") {
        let elements = nftables::allowed(&SHAPE.snapshot(), &ends.addresses().concat()).len();
        println!(
            "nftables: {elements} elements, what is allowed from and to the pods of the measurement"
        );
    }
    let (six, four): (Vec<Load>, Vec<Load>) = Load::ALL
        .into_iter()
        .filter(|load| load.missing().is_none())
        .partition(|load| *load == Load::TcpSix);
    let of = |kind: Kind| {
        let turn = |shape, ends, loads: &[Load]| Turn {
            kind,
            shape,
            ends,
            seconds,
            loads: loads.to_vec(),
        };
        (kind.name().to_owned(), vec![turn(SHAPE, ends, &four), turn(DUAL, ends_six, &six)])
    };
    take_turns(
        Kind::ALL.into_iter().filter(|kind| kind.missing().is_none()).map(of).collect(),
        rounds,
    )
}

/// The datapath under some loads, with few policies and many.
fn compare_policies(rounds: u32, seconds: u32) -> Sheet {
    let shapes = POLICIES.map(|policies| Shape { policies, pods: MORE_PODS, ..SHAPE });
    let ends = Ends::find(&shapes, Family::V4);
    let turn = |kind, shape| Turn { kind, shape, ends, seconds, loads: SOME_LOADS.to_vec() };
    let mut all = vec![(Kind::AllowAll.name().to_owned(), vec![turn(Kind::AllowAll, shapes[0])])];
    for shape in shapes {
        all.push((format!("enforce {}", shape.policies), vec![turn(Kind::Enforce, shape)]));
    }
    take_turns(all, rounds)
}

/// Lets each take its turns once a round; who begins is another each time. What fails is left out, aloud.
fn take_turns(mut all: Vec<(String, Vec<Turn>)>, rounds: u32) -> Sheet {
    let mut sheet = Sheet::new(all.iter().map(|(label, _)| label.clone()).collect());
    for _ in 0..rounds {
        let mut failed = Vec::new();
        for (label, turns) in &all {
            match turns.iter().map(Turn::start).collect::<Result<Vec<_>, _>>() {
                Ok(said) => said
                    .into_iter()
                    .flatten()
                    .for_each(|(load, figure, value)| sheet.note(label, load, &figure, value)),
                Err(why) => {
                    println!("left out: {label}, for it failed: {why}");
                    failed.push(label.clone());
                }
            }
        }
        failed.iter().for_each(|label| sheet.forget(label));
        all.retain(|(label, _)| !failed.contains(label));
        if !all.is_empty() {
            all.rotate_left(1);
        }
    }
    sheet
}
