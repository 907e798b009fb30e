//! Counts all pairs on all ports: one count for every set of ports that all rules treat alike.

use std::collections::BTreeSet;

use indexmap::IndexMap;

use super::count::count_pairs;
use super::snapshot::Snapshot;
use crate::compile::{PortKey, PortMatch, Program, port_key};
use crate::index::map;
use crate::model::{PortRange, Protocol};

/// How many pairs are allowed on each of some consecutive ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortCount {
    /// The ports.
    pub ports: PortRange,
    /// The ordered pairs of different pods that are certainly allowed on each of them.
    pub pairs: u64,
}

/// Counts on one port of each kind; consecutive ports of one count stand together.
pub(super) fn count_pairs_by_port(snapshot: &Snapshot) -> Vec<PortCount> {
    let program = snapshot.program();
    let declared = declared(program);
    let atoms = atoms(program, &declared);
    let mut kinds: IndexMap<Kind, PortRange, foldhash::fast::RandomState> = IndexMap::default();
    let of_atom: Vec<usize> = atoms
        .iter()
        .map(|atom| {
            let entry = kinds.entry(kind(program, &declared, *atom));
            let at = entry.index();
            entry.or_insert(*atom);
            at
        })
        .collect();
    let samples: Vec<PortRange> = kinds.into_values().collect();
    let counts = map(&samples, |atom| count_pairs(snapshot, atom.protocol, atom.from));
    let mut found: Vec<PortCount> = Vec::new();
    for (atom, kind) in atoms.into_iter().zip(of_atom) {
        let pairs = counts[kind];
        match found.last_mut() {
            Some(last) if last.pairs == pairs && last.ports.protocol == atom.protocol => {
                last.ports.to = atom.to;
            }
            _ => found.push(PortCount { ports: atom, pairs }),
        }
    }
    found
}

/// What rules can tell about a port: who names it by number, and, where pods declare it under a name, which port it is, since
/// each port is declared by other pods.
type Kind = (Vec<u32>, Option<PortKey>);

fn kind(program: &Program, declared: &BTreeSet<PortKey>, atom: PortRange) -> Kind {
    let key = port_key(atom.protocol, atom.from);
    let ports = (0u32..).zip(program.ports.iter());
    let holding = ports.filter(|(_, ports)| ports.contains_number(key)).map(|(id, _)| id);
    (holding.collect(), declared.contains(&key).then_some(key))
}

/// The ports that pods declare under names that policies mention.
fn declared(program: &Program) -> BTreeSet<PortKey> {
    let groups = program.groups.iter();
    let named = groups.flat_map(|(_, group)| group.named_ports.iter());
    named.map(|(_, protocol, port)| port_key(*protocol, *port)).collect()
}

/// Cuts the ports of every protocol where some rule tells a port from the one before.
fn atoms(program: &Program, declared: &BTreeSet<PortKey>) -> Vec<PortRange> {
    let ranges = program.ports.iter().flat_map(PortMatch::key_ranges);
    let singles = declared.iter().map(|key| (*key, *key));
    let cuts: BTreeSet<PortKey> =
        ranges.chain(singles).flat_map(|(from, to)| [from, to.saturating_add(1)]).collect();
    let mut atoms = Vec::new();
    for protocol in Protocol::ALL {
        let (first, last) = (port_key(protocol, 1), port_key(protocol, u16::MAX));
        let mut from = first;
        for cut in cuts.range(first + 1..=last).copied().chain([last + 1]) {
            let port = |key: PortKey| u16::try_from(key - port_key(protocol, 0)).unwrap_or(0);
            atoms.push(PortRange { protocol, from: port(from), to: port(cut - 1) });
            from = cut;
        }
    }
    atoms
}
