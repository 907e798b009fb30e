//! Sets of groups: as few ranges where the set is a selection of whole namespaces, as a bitset where it is scattered.

use std::borrow::Cow;

use roaring::RoaringBitmap;
use smallvec::SmallVec;

use super::words;

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

/// Ranges in the making, most of which are few.
type FewRanges = SmallVec<[(u32, u32); 12]>;

/// Above one range for so many groups a bitset is smaller and faster.
const GROUPS_PER_RANGE: u32 = 64;

/// Tells whether so many ranges are better kept as a bitset.
fn is_scattered(ranges: usize, len: u32) -> bool {
    ranges > 4 && ranges as u64 * u64::from(GROUPS_PER_RANGE) > u64::from(len)
}

impl GroupSet {
    /// Every group out of `len`.
    pub(crate) const fn whole(len: u32) -> Self {
        Self::Span(0, len)
    }

    /// Takes over a bitmap; `len` is the number of groups.
    pub(crate) fn from_bitmap(bitmap: &RoaringBitmap, len: u32) -> Self {
        let mut ranges = FewRanges::new();
        let mut groups = bitmap.iter();
        while let Some(range) = groups.next_range() {
            ranges.push((*range.start(), range.end() + 1));
        }
        Self::from_ranges(&ranges, len)
    }

    /// Copies ascending, disjoint, non-adjacent ranges.
    pub(crate) fn from_ranges(ranges: &[(u32, u32)], len: u32) -> Self {
        if let [(from, to)] = *ranges {
            return Self::Span(from, to);
        }
        if ranges.is_empty() {
            return Self::Span(0, 0);
        }
        if is_scattered(ranges.len(), len) {
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

    /// Returns the first group.
    pub(crate) fn first(&self) -> Option<u32> {
        match self {
            Self::Span(from, to) => (from < to).then_some(*from),
            Self::Ranges(ranges) => ranges.first().map(|range| range.0),
            Self::Dense(dense) => dense.first(),
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

    /// Returns the groups that are in both sets.
    pub(crate) fn intersection(&self, other: &Self, len: u32) -> Self {
        if let (Self::Span(0, to), other) | (other, Self::Span(0, to)) = (self, other)
            && *to == len
        {
            return other.clone();
        }
        if let (Self::Dense(dense), any) | (any, Self::Dense(dense)) = (self, other) {
            let mut both = DenseSet::none(len);
            both.insert_set(any);
            both.and(dense);
            return both.into_group_set();
        }
        let (a, b) = (self.as_ranges(), other.as_ranges());
        let (mut a, mut b) = (a.as_ref(), b.as_ref());
        let mut both = FewRanges::new();
        while let ([(a_from, a_to), a_rest @ ..], [(b_from, b_to), b_rest @ ..]) = (a, b) {
            let (from, to) = (*a_from.max(b_from), *a_to.min(b_to));
            if from < to {
                both.push((from, to));
            }
            if a_to < b_to {
                a = a_rest;
            } else {
                b = b_rest;
            }
        }
        Self::from_ranges(&both, len)
    }

    /// Returns the groups that are not in the set.
    pub(crate) fn complement(&self, len: u32) -> Self {
        let mut outside = FewRanges::new();
        let mut at = 0;
        self.for_each_range(|from, to| {
            if at < from {
                outside.push((at, from));
            }
            at = to;
        });
        if at < len {
            outside.push((at, len));
        }
        Self::from_ranges(&outside, len)
    }

    /// Returns the number of groups in the set.
    pub(crate) fn size(&self) -> u32 {
        match self {
            Self::Span(from, to) => to - from,
            Self::Ranges(ranges) => ranges.iter().map(|r| r.1 - r.0).sum(),
            Self::Dense(dense) => words::count(&dense.words),
        }
    }

    /// The set as ranges.
    fn as_ranges(&self) -> Cow<'_, [(u32, u32)]> {
        match self {
            Self::Span(from, to) if from == to => Cow::Borrowed(&[]),
            Self::Span(from, to) => Cow::Owned(vec![(*from, *to)]),
            Self::Ranges(ranges) => Cow::Borrowed(ranges),
            Self::Dense(dense) => Cow::Owned(dense.ranges()),
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

    /// Returns the bits, 64 groups a word.
    pub(crate) fn words(&self) -> &[u64] {
        &self.words
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
        words::or(&mut self.words, &other.words);
    }

    /// Keeps the groups that are in `other` too.
    pub(crate) fn and(&mut self, other: &Self) {
        words::and(&mut self.words, &other.words);
    }

    /// Removes the groups of `other`.
    pub(crate) fn minus(&mut self, other: &Self) {
        words::minus(&mut self.words, &other.words);
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
        let plane_sum = |plane: &Self| words::count_in_all(&self.words, &other.words, &plane.words);
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
    pub(crate) fn into_group_set(self) -> GroupSet {
        if is_scattered(self.count_ranges(), self.len) {
            return GroupSet::Dense(self);
        }
        GroupSet::from_ranges(&self.ranges(), self.len)
    }

    fn count_ranges(&self) -> usize {
        let mut before = 0;
        let mut starts = 0;
        for word in &self.words {
            starts += (word & !(word << 1 | before)).count_ones() as usize;
            before = word >> 63;
        }
        starts
    }
}

/// A union in the making: it stays a list of ranges as long as no part of it is a bitset, since most unions are small.
#[derive(Debug)]
pub(crate) struct Union {
    len: u32,
    /// Ranges in any order, which may overlap; none once there is a bitset.
    ranges: FewRanges,
    dense: Option<DenseSet>,
    /// Whether every group is in it.
    whole: bool,
}

impl Union {
    /// Starts with no group out of `len`.
    pub(crate) fn none(len: u32) -> Self {
        Self { len, ranges: FewRanges::new(), dense: None, whole: false }
    }

    /// Tells whether every group is in it, so that nothing can be added.
    pub(crate) const fn is_whole(&self) -> bool {
        self.whole
    }

    /// Adds the groups from `from` up to but not including `to`.
    pub(crate) fn insert_range(&mut self, from: u32, to: u32) {
        self.whole |= from == 0 && to == self.len;
        match &mut self.dense {
            Some(dense) => dense.insert_range(from, to),
            None if from < to => self.ranges.push((from, to)),
            None => {}
        }
    }

    /// Adds the groups of a set.
    pub(crate) fn insert_set(&mut self, set: &GroupSet) {
        match set {
            GroupSet::Span(from, to) => self.insert_range(*from, *to),
            GroupSet::Ranges(ranges) => ranges.iter().for_each(|r| self.insert_range(r.0, r.1)),
            GroupSet::Dense(other) => {
                if let Some(dense) = &mut self.dense {
                    dense.or(other);
                } else {
                    let mut dense = other.clone();
                    self.ranges.drain(..).for_each(|r| dense.insert_range(r.0, r.1));
                    self.dense = Some(dense);
                }
            }
        }
    }

    /// Returns the union.
    pub(crate) fn finish(self) -> GroupSet {
        if self.whole {
            return GroupSet::whole(self.len);
        }
        if let Some(dense) = self.dense {
            return dense.into_group_set();
        }
        let mut ranges = self.ranges;
        if !ranges.is_sorted() {
            ranges.sort_unstable();
        }
        merge_sorted(&mut ranges);
        GroupSet::from_ranges(&ranges, self.len)
    }
}

/// Makes ascending ranges disjoint, with groups between them.
fn merge_sorted(ranges: &mut FewRanges) {
    ranges.dedup_by(|next, last| {
        let meets = next.0 <= last.1;
        if meets {
            last.1 = last.1.max(next.1);
        }
        meets
    });
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
            prop_assert_eq!(dense.clone().into_group_set(), set.clone());
            for g in 0..300 {
                prop_assert_eq!(set.contains(g), groups.contains(&g));
                prop_assert_eq!(dense.contains(g), groups.contains(&g));
            }
            let mut listed = Vec::new();
            set.for_each(|g| listed.push(g));
            prop_assert!(listed.iter().eq(groups.iter()));
        }
    }

    fn set_of(groups: &[bool]) -> GroupSet {
        let bitmap: RoaringBitmap =
            (0u32..).zip(groups).filter(|(_, g)| **g).map(|(i, _)| i).collect();
        GroupSet::from_bitmap(&bitmap, 200)
    }

    /// Sets with few ranges, and sets with many.
    fn groups() -> impl Strategy<Value = Vec<bool>> {
        let spans = prop::collection::vec((any::<bool>(), 1usize..90), 1..8).prop_map(|spans| {
            let of = |(g, n): (bool, usize)| std::iter::repeat_n(g, n);
            let mut all: Vec<bool> = spans.into_iter().flat_map(of).collect();
            all.resize(200, false);
            all
        });
        prop_oneof![spans, prop::collection::vec(any::<bool>(), 200), Just(vec![true; 200])]
    }

    proptest! {
        #[test]
        fn sets_are_united_and_cut_in_every_form(parts in prop::collection::vec(groups(), 0..5), other in groups()) {
            let mut union = Union::none(200);
            parts.iter().for_each(|part| union.insert_set(&set_of(part)));
            let all: Vec<bool> = (0..200).map(|g| parts.iter().any(|p| p[g])).collect();
            let united = union.finish();
            prop_assert_eq!(&united, &set_of(&all));
            let both: Vec<bool> = all.iter().zip(&other).map(|(a, b)| *a && *b).collect();
            prop_assert_eq!(united.intersection(&set_of(&other), 200), set_of(&both));
            prop_assert_eq!(set_of(&other).intersection(&united, 200), set_of(&both));
            let outside: Vec<bool> = all.iter().map(|g| !g).collect();
            prop_assert_eq!(united.complement(200), set_of(&outside));
            prop_assert_eq!(united.size() as usize, all.iter().filter(|g| **g).count());
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
