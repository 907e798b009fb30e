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
use crate::turn::{Taker, Turn};

/// What is measured: the first policies of `enterprise`, which has them in one address family.
const SHAPE: Shape = Shape { preset: Preset::Enterprise, pods: 10_000, policies: 1_000 };
/// The same shape in two address families.
const DUAL: Shape = Shape { preset: Preset::Dual, ..SHAPE };
/// So many policies one after another, at more pods: at 10 000 the shape has fewer than 10 000 policies.
const POLICIES: [usize; 4] = [1, 100, 1_000, 10_000];
const MORE_PODS: u32 = 64_000;
/// What is measured with other numbers of policies.
const SOME_LOADS: [Load; 4] = [Load::Tcp, Load::Mtu, Load::Serial, Load::Small];

const LEGEND: &str = "
bridge         the kernel's own, which tables of IP do not look at
routing        the kernel's own, as the next three have it
nftables       conntrack, and a set of what is allowed: addresses, protocol and port
NFQUEUE first  a program judges the first packets by the same policies, 128 bytes of each, and marks the connection
NFQUEUE every  the program is handed every packet, and accepts it without a decision
allow all      the packet sockets of enforce, without a decision
enforce        the packet sockets with the policies

median [least..most], of one figure a round and of three a round for datagrams one way; ratios and added times are
medians of those of neighbours in a round; added is beside the first line, also where that is a bridge and this is routed
TCP in frames of the MTU: no offloads at the pods; otherwise all that veth has
datagrams one way: the generator has the first processor, the thread in the middle the second; bridge and routing run where
the generator does, and so give what it can
CPU: all processors, whatever ran there; ns a frame: the thread in the middle alone, with what the kernel does in it, such as
handing a frame over at the far end
lost frames: dropped by the kernel before a verdict
";

pub(crate) fn measure(rounds: u32, seconds: u32) {
    let kernel = fs::read("/proc/sys/kernel/osrelease").unwrap();
    let kernel = String::from_utf8_lossy(&kernel).trim().to_owned();
    println!("{rounds} rounds of {seconds} s a load, taking turns; Linux {kernel}\n{LEGEND}");
    say_what_is_missing();
    let kinds = compare_kinds(rounds, seconds);
    let policies = compare_policies(rounds, seconds);
    let Shape { preset, pods, policies: first } = SHAPE;
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
            "nftables: {elements} elements, all that is allowed to and from the pods measured"
        );
    }
    let (six, four): (Vec<Load>, Vec<Load>) = Load::ALL
        .into_iter()
        .filter(|load| load.missing().is_none())
        .partition(|load| *load == Load::TcpSix);
    let kinds: Vec<Kind> = Kind::ALL.into_iter().filter(|kind| kind.missing().is_none()).collect();
    let all = |shape, ends| -> Vec<Column> {
        kinds
            .iter()
            .map(|kind| (kind.name().to_owned(), Turn { kind: *kind, shape, ends }))
            .collect()
    };
    let mut sheet = Sheet::new(kinds.iter().map(|kind| kind.name().to_owned()).collect());
    for round in 0..rounds {
        play(round, &all(SHAPE, ends), &four, seconds, &mut sheet);
        play(round, &all(DUAL, ends_six), &six, seconds, &mut sheet);
    }
    sheet
}

/// The datapath under some loads, with few policies and many.
fn compare_policies(rounds: u32, seconds: u32) -> Sheet {
    let shapes = POLICIES.map(|policies| Shape { policies, pods: MORE_PODS, ..SHAPE });
    let ends = Ends::find(&shapes, Family::V4);
    let turn = |kind, shape| Turn { kind, shape, ends };
    let allow_all = turn(Kind::AllowAll, shapes[0]);
    let mut all: Vec<Column> = vec![(Kind::AllowAll.name().to_owned(), allow_all)];
    for shape in shapes {
        all.push((format!("enforce {}", shape.policies), turn(Kind::Enforce, shape)));
    }
    let mut sheet = Sheet::new(all.iter().map(|(label, _)| label.clone()).collect());
    (0..rounds).for_each(|round| play(round, &all, &SOME_LOADS, seconds, &mut sheet));
    sheet
}

/// What stands in the middle, by its name in the table.
type Column = (String, Turn);

/// Plays a round: under each load all take their turns one right after the other, so that what else the machine does
/// falls on all alike; more than once where figures jump. Another begins each time. What fails is left out, aloud.
fn play(round: u32, all: &[Column], loads: &[Load], seconds: u32, sheet: &mut Sheet) {
    let mut takers: Vec<(&str, Option<Taker>)> =
        all.iter().map(|(label, turn)| (label.as_str(), turn.start())).collect();
    for (label, _) in takers.iter().filter(|(_, taker)| taker.is_none()) {
        println!("left out in round {}, for it cannot be started: {label}", round + 1);
    }
    takers.rotate_left(round as usize % all.len());
    for load in loads {
        for pass in 0..load.passes() {
            for (label, taker) in &mut takers {
                let figures = taker.as_mut().and_then(|taker| taker.measure(*load, seconds));
                if figures.is_none() && taker.take().is_some() {
                    println!("left out in round {}, from {} on: {label}", round + 1, load.name());
                }
                for figure in figures.into_iter().flatten() {
                    sheet.note((round, pass), label, *load, figure);
                }
            }
        }
    }
}
