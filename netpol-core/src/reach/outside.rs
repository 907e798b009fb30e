//! The outside: addresses that are no pod's, cut where the rules of a pod cut them, and domain names.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::ask::{Asker, PODS};
use super::cells::{Cell, Cells, EndId};
use super::question::End;
use super::table::{EndKey, Pairs};
use crate::compile::pieces;
use crate::evaluate::{Candidates, Decision, Explained, Other, OtherKind};
use crate::model::{
    AddressRange, Direction, Families, Family, IpSet, Peer, PodId, PortSet, Verdict,
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
    for (end, _) in pods.ends.iter().enumerate() {
        let cells: Vec<Cell> = pods
            .cells
            .iter()
            .filter(|c| c.end == end)
            .flat_map(|c| split_by_node(asker, direction, c, asked))
            .collect();
        let families = families_of(asker, &cells).and(asked.families_present());
        if families.is_empty() {
            let key = ends.add(End::External(asked.clone()));
            let (src, dst) = oriented(direction, end, key);
            let count = cells.iter().map(|c| c.pods.len() as u64).sum();
            asker.add_no_family(&Pairs { src, dst, family: None, count }, &numbers(asker));
        }
        // One table for all families: ranges of both that are treated alike are one end.
        let merged =
            families.iter().flat_map(|f| ask_family(asker, direction, &cells, asked, f)).collect();
        add_merged(asker, ends, direction, end, merged);
    }
}

fn numbers(asker: &Asker<'_>) -> PortSet {
    asker.question.ports.numbers.clone()
}

fn families_of(asker: &Asker<'_>, cells: &[Cell]) -> Families {
    let groups = &asker.evaluator.program.groups;
    cells.iter().flat_map(|c| groups.group(c.group).families.iter()).collect()
}

/// A single asked address may be that of some pods' own node.
fn split_by_node(asker: &Asker<'_>, direction: Direction, cell: &Cell, asked: &IpSet) -> Vec<Cell> {
    let whole = |pods: Vec<PodId>| Cell { end: cell.end, group: cell.group, pods };
    let Some(address) = single(asked).filter(|_| direction == Direction::Ingress) else {
        return vec![whole(cell.pods.clone())];
    };
    let own = |pod: &PodId| asker.evaluator.is_own_node(&Peer::Address(address), &Peer::Pod(*pod));
    let (near, far): (Vec<PodId>, Vec<PodId>) = cell.pods.iter().partition(|pod| own(pod));
    [near, far].into_iter().filter(|pods| !pods.is_empty()).map(whole).collect()
}

/// Returns the address where exactly one is asked about.
fn single(asked: &IpSet) -> Option<IpAddr> {
    let mut ranges = asked.ranges();
    let only = ranges.next().filter(|r| r.from == r.to)?;
    ranges.next().is_none().then_some(only.from)
}

/// Asks every cell of an end about every piece of a family's addresses.
fn ask_family(
    asker: &Asker<'_>,
    direction: Direction,
    cells: &[Cell],
    asked: &IpSet,
    family: Family,
) -> Merged {
    let program = asker.evaluator.program;
    let talks = |c: &&Cell| program.groups.group(c.group).families.contains(family);
    let cells: Vec<&Cell> = cells.iter().filter(talks).collect();
    let maps: Vec<_> = cells
        .iter()
        .flat_map(|c| program.class_maps(direction, program.profile(direction, c.group), family))
        .collect();
    let own_node = single(asked).is_some();
    let mut known: BTreeMap<Vec<u32>, usize> = BTreeMap::new();
    let mut merged: Merged = Vec::new();
    for piece in pieces(family, asked, &maps) {
        let classes: Vec<u32> = maps.iter().map(|m| m.class(piece.from)).collect();
        if let Some(at) = known.get(&classes) {
            merged[*at].1.push(piece);
            continue;
        }
        let said = cells
            .iter()
            .map(|cell| say(asker, direction, cell, piece.from, family, own_node))
            .collect();
        known.insert(classes, merged.len());
        merged.push((said, vec![piece]));
    }
    merged
}

/// What the pods of a cell say about one address.
fn say(
    asker: &Asker<'_>,
    direction: Direction,
    cell: &Cell,
    address: IpAddr,
    family: Family,
    own_node: bool,
) -> (Vec<Said>, u64) {
    let count = cell.pods.len() as u64;
    let Some(pod) = cell.pods.first().map(|p| Peer::Pod(*p)) else { return (Vec::new(), 0) };
    let outside = Peer::Address(address);
    let ports = numbers(asker);
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
            let ports = numbers(asker);
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
