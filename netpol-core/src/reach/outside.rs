//! The outside: addresses that are no pod's, cut where the rules of a pod cut them, and domain names.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::ask::{Asker, PODS};
use super::cells::{Cell, Cells, EndId};
use super::question::End;
use super::table::{EndKey, Pairs};
use crate::compile::{address_number, pieces};
use crate::evaluate::{Candidates, Decision, Explained, Other, OtherKind};
use crate::model::{
    AddressRange, Direction, Families, Family, IpSet, NodeId, Peer, PodId, PortRange, PortSet,
    Verdict,
};

/// Keys of ends that are outside.
const OUTSIDE: u8 = 1;

/// The ends that asking about the outside found.
#[derive(Default)]
pub(super) struct OutsideEnds {
    pub(super) ends: Vec<End>,
}

/// Asks about every pod of one side and the outside of the other.
pub(super) fn ask(asker: &mut Asker<'_>, from: &Cells, to: &Cells) -> OutsideEnds {
    let mut ends = OutsideEnds::default();
    let (sources, targets) =
        (asker.question.from.addresses.clone(), asker.question.to.addresses.clone());
    ask_addresses(asker, &mut ends, Direction::Egress, from, &targets);
    ask_names(asker, &mut ends, from);
    ask_addresses(asker, &mut ends, Direction::Ingress, to, &sources);
    ends
}

/// What one cell says about one piece of addresses.
#[derive(Clone, PartialEq)]
struct Said {
    verdict: Verdict,
    ports: PortSet,
    reasons: Vec<crate::model::Reason>,
}

/// What each cell of an end says about some addresses, with the number of its pods.
type Merged = Vec<(Vec<(Vec<Said>, u64)>, Vec<AddressRange>)>;

fn ask_addresses(
    asker: &mut Asker<'_>,
    ends: &mut OutsideEnds,
    direction: Direction,
    pods: &Cells,
    asked: &IpSet,
) {
    if asked.is_empty() {
        return;
    }
    let nodes = asks_nodes(asker, asked);
    for (end, _) in pods.ends.iter().enumerate() {
        let cells = pods.cells.iter().filter(|c| c.end == end);
        let cells = cells.flat_map(|c| split_cell(asker, direction, c, nodes));
        let talks = |c: &Cell| !families_of(asker, c).and(asked.families_present()).is_empty();
        let (cells, mute): (Vec<Cell>, Vec<Cell>) = cells.partition(talks);
        add_mute(asker, ends, direction, asked, &mute);
        // One table for all families: ranges of both that are treated alike are one end.
        let families = asked.families_present();
        let ask = |family| ask_family(asker, direction, &cells, (asked, nodes), family);
        let merged = families.iter().flat_map(ask).collect();
        add_merged(asker, ends, direction, end, merged);
    }
}

/// Returns the asked ports of a pair: names are resolved on the destination, if that is the pod.
fn asked_ports(asker: &Asker<'_>, direction: Direction, pod: PodId) -> PortSet {
    match direction {
        Direction::Egress => asker.question.ports.numbers.clone(),
        Direction::Ingress => asker.ports_on(pod),
    }
}

fn families_of(asker: &Asker<'_>, cell: &Cell) -> Families {
    asker.evaluator.program.groups.group(cell.group).families
}

/// Tells whether every asked address is a node's: only then is a question about nodes, and their own pods are told apart.
/// Wider ranges are not cut at the addresses of single nodes.
fn asks_nodes(asker: &Asker<'_>, asked: &IpSet) -> bool {
    let nodes = asker.evaluator.cluster.nodes();
    // Wide ranges hold more addresses than nodes have: they need no closer look.
    let most: usize = nodes.iter().map(|node| node.addresses.len()).sum();
    if asked.ranges().any(|r| address_number(r.to) - address_number(r.from) >= most as u128) {
        return false;
    }
    let nodes = nodes.iter().flat_map(|n| n.addresses.iter());
    let all: IpSet = nodes.map(|a| AddressRange { from: *a, to: *a }).collect();
    asked.is_subset(&all)
}

/// Splits a cell by the node of its pods, where nodes are asked about, and by the ports that names add on them.
fn split_cell(asker: &Asker<'_>, direction: Direction, cell: &Cell, nodes: bool) -> Vec<Cell> {
    let by_node = nodes && direction == Direction::Ingress;
    let by_name = !asker.question.ports.names.is_empty() && direction == Direction::Ingress;
    let mut parts: BTreeMap<(Option<NodeId>, Vec<PortRange>), Vec<PodId>> = BTreeMap::new();
    for pod in &cell.pods {
        let node = asker.evaluator.cluster.pod(*pod).node.filter(|_| by_node);
        let ports = if by_name { asker.ports_on(*pod).ranges().collect() } else { Vec::new() };
        parts.entry((node, ports)).or_default().push(*pod);
    }
    parts.into_values().map(|pods| Cell { end: cell.end, group: cell.group, pods }).collect()
}

/// Adds pods that share no family with the asked addresses.
fn add_mute(
    asker: &mut Asker<'_>,
    ends: &mut OutsideEnds,
    direction: Direction,
    asked: &IpSet,
    cells: &[Cell],
) {
    for cell in cells {
        let Some(pod) = cell.pods.first() else { continue };
        let ports = asked_ports(asker, direction, *pod);
        let (src, dst) = oriented(direction, cell.end, ends.add(End::External(asked.clone())));
        let count = cell.pods.len() as u64;
        asker.add_no_family(&Pairs { src, dst, family: None, count }, &ports);
    }
}

/// Asks every cell of an end about every piece of a family's addresses.
fn ask_family(
    asker: &Asker<'_>,
    direction: Direction,
    cells: &[Cell],
    (asked, nodes): (&IpSet, bool),
    family: Family,
) -> Merged {
    let program = asker.evaluator.program;
    let cells: Vec<&Cell> =
        cells.iter().filter(|c| families_of(asker, c).contains(family)).collect();
    let maps: Vec<_> = cells
        .iter()
        .flat_map(|c| program.class_maps(direction, program.profile(direction, c.group), family))
        .collect();
    let pieces = pieces(family, asked, &maps);
    let pieces = if nodes { pieces.into_iter().flat_map(one_by_one).collect() } else { pieces };
    let mut known: BTreeMap<Vec<u32>, usize> = BTreeMap::new();
    let mut merged: Merged = Vec::new();
    for piece in pieces {
        let classes: Vec<u32> = maps.iter().map(|m| m.class(piece.from)).collect();
        if let Some(at) = known.get(&classes).filter(|_| !nodes) {
            merged[*at].1.push(piece);
            continue;
        }
        let said =
            cells.iter().map(|c| say(asker, direction, c, (piece.from, nodes), family)).collect();
        known.insert(classes, merged.len());
        merged.push((said, vec![piece]));
    }
    merged
}

/// Lists the addresses of a range of nodes' addresses, which are few.
fn one_by_one(range: AddressRange) -> Vec<AddressRange> {
    let single = |address: IpAddr| AddressRange { from: address, to: address };
    match (range.from, range.to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            (from.to_bits()..=to.to_bits()).map(|a| single(Ipv4Addr::from_bits(a).into())).collect()
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            (from.to_bits()..=to.to_bits()).map(|a| single(Ipv6Addr::from_bits(a).into())).collect()
        }
        _ => vec![range],
    }
}

/// What the pods of a cell say about one address.
fn say(
    asker: &Asker<'_>,
    direction: Direction,
    cell: &Cell,
    (address, own_node): (IpAddr, bool),
    family: Family,
) -> (Vec<Said>, u64) {
    let count = cell.pods.len() as u64;
    let Some(first) = cell.pods.first().copied() else { return (Vec::new(), 0) };
    let (pod, outside) = (Peer::Pod(first), Peer::Address(address));
    let ports = asked_ports(asker, direction, first);
    let exempt =
        own_node && direction == Direction::Ingress && asker.evaluator.is_own_node(&outside, &pod);
    let parts = if asker.question.explain {
        let (src, dst) =
            if direction == Direction::Egress { (&pod, &outside) } else { (&outside, &pod) };
        let explained = asker.evaluator.explain(src, dst, family, &ports, exempt);
        explained
            .into_iter()
            .map(|Explained { verdict, ports, reasons }| Said { verdict, ports, reasons })
            .collect()
    } else if exempt {
        vec![Said { verdict: Verdict::Allow, ports, reasons: Vec::new() }]
    } else {
        let other = Other {
            group: None,
            kind: OtherKind::Outside,
            name: None,
            candidates: Candidates::Known(address),
        };
        let decision =
            asker.evaluator.decide(direction, cell.group, &other, family, &PortSet::all());
        split(&decision, &ports)
    };
    (parts, count)
}

fn split(decision: &Decision, ports: &PortSet) -> Vec<Said> {
    decision
        .split(ports)
        .into_iter()
        .map(|(verdict, ports)| Said { verdict, ports, reasons: Vec::new() })
        .collect()
}

/// Unites the pieces of an end that are treated alike, and adds them as rows.
fn add_merged(
    asker: &mut Asker<'_>,
    ends: &mut OutsideEnds,
    direction: Direction,
    end: EndId,
    merged: Merged,
) {
    let mut rows: Vec<(Said, u64, Vec<AddressRange>)> = Vec::new();
    for (said, ranges) in merged {
        let mut here: Vec<(Said, u64)> = Vec::new();
        for (parts, count) in said {
            let verdicts: Vec<_> = parts.iter().map(|s| (s.verdict, s.ports.clone())).collect();
            asker.table.count(count, &verdicts);
            for said in parts {
                match here.iter_mut().find(|(s, _)| *s == said) {
                    Some(same) => same.1 += count,
                    None => here.push((said, count)),
                }
            }
        }
        for (said, count) in here {
            match rows.iter_mut().find(|(s, c, _)| *s == said && *c == count) {
                Some(same) => same.2.extend(ranges.iter().copied()),
                None => rows.push((said, count, ranges.clone())),
            }
        }
    }
    for (said, count, ranges) in rows {
        if asker.question.denied || said.verdict != Verdict::Deny {
            let key = ends.add(End::External(ranges.into_iter().collect()));
            let (src, dst) = oriented(direction, end, key);
            asker.table.add_said(
                &Pairs { src, dst, family: None, count },
                said.verdict,
                said.ports,
                said.reasons,
            );
        }
    }
}

fn oriented(direction: Direction, pods: EndId, outside: EndKey) -> (EndKey, EndKey) {
    match direction {
        Direction::Egress => (EndKey(PODS, pods), outside),
        Direction::Ingress => (outside, EndKey(PODS, pods)),
    }
}

fn ask_names(asker: &mut Asker<'_>, ends: &mut OutsideEnds, from: &Cells) {
    for name in asker.question.to.names.clone() {
        let key = ends.add(End::Name(name.clone()));
        for cell in &from.cells {
            let Some(pod) = cell.pods.first().map(|p| Peer::Pod(*p)) else { continue };
            let destination = Peer::Name(name.clone());
            let ports = asker.question.ports.numbers.clone();
            let families = asker.evaluator.program.groups.group(cell.group).families;
            let decided: Vec<(Family, Decision)> = families
                .iter()
                .map(|family| {
                    let candidates = asker.evaluator.candidates(&destination, family);
                    let other = asker.evaluator.other(&destination, family, &candidates);
                    let evaluator = &asker.evaluator;
                    (
                        family,
                        evaluator.decide(
                            Direction::Egress,
                            cell.group,
                            &other,
                            family,
                            &PortSet::all(),
                        ),
                    )
                })
                .collect();
            let pairs = (EndKey(PODS, cell.end), key, cell.pods.len() as u64);
            if decided.is_empty() {
                let (src, dst, count) = pairs;
                asker.add_no_family(&Pairs { src, dst, family: None, count }, &ports);
                continue;
            }
            asker.add_families(&decided, pairs, &ports, &|evaluator, family, ports| {
                evaluator.explain(&pod, &destination, family, ports, false)
            });
        }
    }
}

impl OutsideEnds {
    fn add(&mut self, end: End) -> EndKey {
        let at = self.ends.iter().position(|e| *e == end).unwrap_or_else(|| {
            self.ends.push(end);
            self.ends.len() - 1
        });
        EndKey(OUTSIDE, at)
    }
}
