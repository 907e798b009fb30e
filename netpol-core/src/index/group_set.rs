//! Sets of groups: as few ranges where the set is a selection of whole namespaces, as a bitset where it is scattered.

use roaring::RoaringBitmap;

/// An immutable set of groups; equal sets have equal representations.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum GroupSet {
    /// One half-open range, the usual case; empty where both ends are 0.
    Span(u32, u32),
    /// Two or more half-open ranges, ascending, disjoint, not adjacent.
    Ranges(Box<[(u32, u32)]>),
    /// One bit a group.
    Dense(DenseSet),
}

/// A bitset over the groups of one program.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub(crate) struct DenseSet {
    words: Vec<u64>,
    len: u32,
}

/// Above one range for so many groups a bitset is smaller and faster.
const GROUPS_PER_RANGE: u32 = 64;

impl GroupSet {
    /// Takes over a bitmap; `len` is the number of groups.
    pub(crate) fn from_bitmap(bitmap: &RoaringBitmap, len: u32) -> Self {
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        let mut groups = bitmap.iter();
        while let Some(range) = groups.next_range() {
            ranges.push((*range.start(), range.end() + 1));
        }
        Self::from_ranges(ranges, len)
    }

    /// Takes over ascending, disjoint, non-adjacent ranges.
    pub(crate) fn from_ranges(ranges: Vec<(u32, u32)>, len: u32) -> Self {
        if let [(from, to)] = ranges[..] {
            return Self::Span(from, to);
        }
        if ranges.is_empty() {
            return Self::Span(0, 0);
        }
        if ranges.len() > 4 && ranges.len() as u64 * u64::from(GROUPS_PER_RANGE) > u64::from(len) {
            let mut dense = DenseSet::none(len);
            ranges.iter().for_each(|r| dense.insert_range(r.0, r.1));
            return Self::Dense(dense);
        }
        Self::Ranges(ranges.into())
    }

    /// Tells whether no group is in the set.
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Span(from, to) => from == to,
            Self::Ranges(ranges) => ranges.is_empty(),
            Self::Dense(dense) => dense.is_empty(),
        }
    }

    /// Tells whether a group is in the set.
    pub(crate) fn contains(&self, group: u32) -> bool {
        match self {
            Self::Span(from, to) => *from <= group && group < *to,
            Self::Ranges(ranges) if ranges.len() <= 4 => {
                ranges.iter().any(|r| r.0 <= group && group < r.1)
            }
            Self::Ranges(ranges) => {
                let after = ranges.partition_point(|r| r.0 <= group);
                after > 0 && group < ranges[after - 1].1
            }
            Self::Dense(dense) => dense.contains(group),
        }
    }

    /// Calls `visit` for each group, ascending.
    pub(crate) fn for_each(&self, mut visit: impl FnMut(u32)) {
        match self {
            Self::Span(from, to) => (*from..*to).for_each(visit),
            Self::Ranges(ranges) => ranges.iter().flat_map(|r| r.0..r.1).for_each(visit),
            Self::Dense(dense) => dense.for_each(&mut visit),
        }
    }

    /// Lists the set as ranges.
    pub(crate) fn for_each_range(&self, mut visit: impl FnMut(u32, u32)) {
        match self {
            Self::Span(from, to) if from == to => {}
            Self::Span(from, to) => visit(*from, *to),
            Self::Ranges(ranges) => ranges.iter().for_each(|r| visit(r.0, r.1)),
            Self::Dense(dense) => dense.ranges().into_iter().for_each(|r| visit(r.0, r.1)),
        }
    }
}

impl DenseSet {
    /// The empty set over `len` groups.
    pub(crate) fn none(len: u32) -> Self {
        Self { words: vec![0; (len as usize).div_ceil(64)], len }
    }

    /// The full set over `len` groups.
    pub(crate) fn all(len: u32) -> Self {
        let mut set = Self::none(len);
        set.insert_range(0, len);
        set
    }

    /// Tells whether no group is in the set.
    pub(crate) fn is_empty(&self) -> bool {
        self.words.iter().all(|w| *w == 0)
    }

    /// Tells whether a group is in the set.
    pub(crate) fn contains(&self, group: u32) -> bool {
        self.words.get(group as usize / 64).is_some_and(|w| w >> (group % 64) & 1 == 1)
    }

    /// Adds one group.
    pub(crate) fn insert(&mut self, group: u32) {
        if let Some(word) = self.words.get_mut(group as usize / 64) {
            *word |= 1 << (group % 64);
        }
    }

    /// Adds the groups from `from` up to but not including `to`.
    pub(crate) fn insert_range(&mut self, from: u32, to: u32) {
        if from >= to {
            return;
        }
        let (first, last) = (from as usize / 64, (to - 1) as usize / 64);
        let head = u64::MAX << (from % 64);
        let tail = u64::MAX >> (63 - (to - 1) % 64);
        if first == last {
            self.words[first] |= head & tail;
            return;
        }
        self.words[first] |= head;
        self.words[first + 1..last].fill(u64::MAX);
        self.words[last] |= tail;
    }

    /// Adds the groups of a set.
    pub(crate) fn insert_set(&mut self, set: &GroupSet) {
        match set {
            GroupSet::Span(from, to) => self.insert_range(*from, *to),
            GroupSet::Ranges(ranges) => ranges.iter().for_each(|r| self.insert_range(r.0, r.1)),
            GroupSet::Dense(dense) => self.or(dense),
        }
    }

    /// Adds the groups of `other`.
    pub(crate) fn or(&mut self, other: &Self) {
        self.words.iter_mut().zip(&other.words).for_each(|(a, b)| *a |= b);
    }

    /// Keeps the groups that are in `other` too.
    pub(crate) fn and(&mut self, other: &Self) {
        self.words.iter_mut().zip(&other.words).for_each(|(a, b)| *a &= b);
    }

    /// Removes the groups of `other`.
    pub(crate) fn minus(&mut self, other: &Self) {
        self.words.iter_mut().zip(&other.words).for_each(|(a, b)| *a &= !b);
    }

    /// Returns the first group.
    pub(crate) fn first(&self) -> Option<u32> {
        let (at, word) = (0u32..).zip(&self.words).find(|(_, word)| **word != 0)?;
        Some(at * 64 + word.trailing_zeros())
    }

    /// Calls `visit` for each group, ascending.
    pub(crate) fn for_each(&self, visit: &mut impl FnMut(u32)) {
        for (i, word) in (0u32..).zip(&self.words) {
            let mut rest = *word;
            while rest != 0 {
                visit(i * 64 + rest.trailing_zeros());
                rest &= rest - 1;
            }
        }
    }

    /// Sums up weights of the groups in both sets, given as bit planes.
    pub(crate) fn weight_in_both(&self, other: &Self, planes: &[Self]) -> u64 {
        let plane_sum = |plane: &Self| -> u64 {
            let both = self.words.iter().zip(&other.words).zip(&plane.words);
            both.map(|((a, b), p)| u64::from((a & b & p).count_ones())).sum()
        };
        planes.iter().enumerate().map(|(bit, plane)| plane_sum(plane) << bit).sum()
    }

    /// Lists the set as ascending half-open ranges.
    pub(crate) fn ranges(&self) -> Vec<(u32, u32)> {
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        let mut start = None;
        for (i, word) in (0u32..).zip(&self.words) {
            push_ranges(&mut ranges, &mut start, i * 64, *word);
        }
        if let Some(from) = start {
            ranges.push((from, self.len));
        }
        ranges
    }

    /// Turns the set into its smallest form.
    pub(crate) fn to_group_set(&self) -> GroupSet {
        GroupSet::from_ranges(self.ranges(), self.len)
    }
}

/// Adds the ranges that end or begin within one word.
fn push_ranges(ranges: &mut Vec<(u32, u32)>, start: &mut Option<u32>, base: u32, word: u64) {
    let mut at = 0;
    while at < 64 {
        let rest = if start.is_some() { !word >> at } else { word >> at };
        if rest == 0 {
            return;
        }
        at += rest.trailing_zeros();
        match start.take() {
            Some(from) => ranges.push((from, base + at)),
            None => *start = Some(base + at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_form_of_a_set_holds_the_same_groups(groups in prop::collection::btree_set(0u32..300, 0..120)) {
            let bitmap: RoaringBitmap = groups.iter().copied().collect();
            let set = GroupSet::from_bitmap(&bitmap, 300);
            let mut dense = DenseSet::none(300);
            dense.insert_set(&set);
            prop_assert_eq!(dense.to_group_set(), set.clone());
            for g in 0..300 {
                prop_assert_eq!(set.contains(g), groups.contains(&g));
                prop_assert_eq!(dense.contains(g), groups.contains(&g));
            }
            let mut listed = Vec::new();
            set.for_each(|g| listed.push(g));
            prop_assert!(listed.iter().eq(groups.iter()));
        }
    }

    #[test]
    fn ranges_cross_words() {
        let mut dense = DenseSet::none(200);
        dense.insert_range(60, 130);
        dense.insert_range(199, 200);
        assert_eq!(dense.ranges(), [(60, 130), (199, 200)]);
        assert_eq!(DenseSet::all(200).ranges(), [(0, 200)]);
    }
}
