//! The addresses of one family cut into classes that the rules of one profile treat alike.

use std::collections::HashMap;
use std::net::IpAddr;

use super::grown::Grown;
use super::peers::AddressTerm;
use crate::model::{AddressRange, Family, IpSet};

/// Names a class within its profile.
pub(crate) type ClassId = u32;

/// A map from every address of a family to the terms that hold it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct AddressClasses {
    /// The first address of each piece, ascending; the first piece begins at 0.
    starts: Box<[u128]>,
    /// The class of each piece.
    class_of: Box<[ClassId]>,
    /// The terms that hold each class, ascending.
    terms: Box<[Box<[u32]>]>,
}

/// Returns an address as a number within its family.
pub(crate) fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(a) => u128::from(a.to_bits()),
        IpAddr::V6(a) => a.to_bits(),
    }
}

/// Returns the address of a number within its family.
pub(crate) fn address(family: Family, number: u128) -> IpAddr {
    match family {
        Family::V4 => IpAddr::V4(u32::try_from(number).unwrap_or(u32::MAX).into()),
        Family::V6 => IpAddr::V6(number.into()),
    }
}

const fn last(family: Family) -> u128 {
    match family {
        Family::V4 => u32::MAX as u128,
        Family::V6 => u128::MAX,
    }
}

impl AddressClasses {
    /// Cuts a family's addresses at the boundaries of terms, given by their positions in `all`.
    pub(crate) fn build(family: Family, terms: &[u32], all: &Grown<AddressTerm>) -> Self {
        let mut edges: Vec<(u128, bool, u32)> = Vec::new();
        for term in terms {
            for range in all[*term as usize].set.only(family).ranges() {
                edges.push((number(range.from), true, *term));
                if number(range.to) < last(family) {
                    edges.push((number(range.to) + 1, false, *term));
                }
            }
        }
        edges.sort_unstable();
        Sweep::default().run(&edges)
    }

    /// Returns the class of an address.
    pub(crate) fn class(&self, address: IpAddr) -> ClassId {
        self.class_of_number(number(address))
    }

    /// Returns the class of an address given as a number.
    pub(crate) fn class_of_number(&self, number: u128) -> ClassId {
        if self.starts.len() == 1 {
            return self.class_of[0];
        }
        self.class_of[self.starts.partition_point(|s| *s <= number) - 1]
    }

    /// Tells whether no term cuts the family.
    pub(crate) fn is_trivial(&self) -> bool {
        self.terms.len() == 1
    }

    /// Returns the terms that hold a class, ascending.
    pub(crate) fn terms(&self, class: ClassId) -> &[u32] {
        &self.terms[class as usize]
    }

    /// Returns the class of the addresses that no term holds; `None` where terms hold all of them.
    pub(crate) fn without_terms(&self) -> Option<ClassId> {
        let at = self.terms.iter().position(|terms| terms.is_empty())?;
        ClassId::try_from(at).ok()
    }

    /// Returns the first address of each piece.
    pub(crate) fn starts(&self) -> &[u128] {
        &self.starts
    }
}

/// Cuts the addresses of `within` at the boundaries of several class maps; each part is a range that all treat alike.
pub(crate) fn pieces(
    family: Family,
    within: &IpSet,
    maps: &[&AddressClasses],
) -> Vec<AddressRange> {
    let mut cuts: Vec<u128> = maps.iter().flat_map(|m| m.starts().iter().copied()).collect();
    cuts.sort_unstable();
    cuts.dedup();
    let mut parts = Vec::new();
    for range in within.only(family).ranges() {
        let (mut from, to) = (number(range.from), number(range.to));
        let inside =
            &cuts[cuts.partition_point(|c| *c <= from)..cuts.partition_point(|c| *c <= to)];
        for cut in inside {
            parts.push(AddressRange { from: address(family, from), to: address(family, cut - 1) });
            from = *cut;
        }
        parts.push(AddressRange { from: address(family, from), to: address(family, to) });
    }
    parts
}

/// Walks the edges in order and names each set of active terms.
#[derive(Default)]
struct Sweep {
    starts: Vec<u128>,
    class_of: Vec<ClassId>,
    terms: Vec<Box<[u32]>>,
    classes: HashMap<Box<[u32]>, ClassId, foldhash::fast::RandomState>,
    active: Vec<u32>,
}

impl Sweep {
    fn run(mut self, edges: &[(u128, bool, u32)]) -> AddressClasses {
        let mut rest = edges;
        self.apply(&mut rest, 0);
        self.push(0);
        while let Some((at, _, _)) = rest.first().copied() {
            self.apply(&mut rest, at);
            self.push(at);
        }
        AddressClasses {
            starts: self.starts.into(),
            class_of: self.class_of.into(),
            terms: self.terms.into(),
        }
    }

    /// Applies every edge at an address.
    fn apply(&mut self, rest: &mut &[(u128, bool, u32)], at: u128) {
        while let Some(((position, opens, term), tail)) = rest.split_first() {
            if *position != at {
                return;
            }
            match (self.active.binary_search(term), opens) {
                (Err(i), true) => self.active.insert(i, *term),
                (Ok(i), false) => {
                    self.active.remove(i);
                }
                _ => {}
            }
            *rest = tail;
        }
    }

    fn push(&mut self, at: u128) {
        let key: Box<[u32]> = self.active.clone().into();
        let next = u32::try_from(self.terms.len()).unwrap_or(u32::MAX);
        let class = *self.classes.entry(key.clone()).or_insert(next);
        if class == next {
            self.terms.push(key);
        }
        if self.class_of.last() != Some(&class) {
            self.starts.push(at);
            self.class_of.push(class);
        }
    }
}
