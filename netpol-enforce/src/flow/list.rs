//! Doubly linked lists through the entries of a slab: an entry is moved to the end in constant time.

use super::slab::Slab;

/// No entry.
const NONE: u32 = u32::MAX;

/// The place of an entry in a list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Links {
    previous: u32,
    next: u32,
}

impl Links {
    /// In no list.
    pub(super) const NONE: Self = Self { previous: NONE, next: NONE };
}

/// Which of the links of an entry a list runs through.
pub(super) trait Chain {
    type Entry;

    fn links(entry: &Self::Entry) -> &Links;
    fn links_mut(entry: &mut Self::Entry) -> &mut Links;
}

/// The ends of a list.
#[derive(Clone, Copy, Debug)]
pub(super) struct List {
    first: u32,
    last: u32,
}

impl List {
    pub(super) const EMPTY: Self = Self { first: NONE, last: NONE };

    pub(super) fn first(self) -> Option<u32> {
        Some(self.first).filter(|index| *index != NONE)
    }

    /// Returns what follows an entry.
    pub(super) fn after<C: Chain>(slab: &Slab<C::Entry>, index: u32) -> Option<u32> {
        slab.get(index).map(|entry| C::links(entry).next).filter(|next| *next != NONE)
    }

    /// Appends an entry that is in no list of this chain.
    pub(super) fn push<C: Chain>(&mut self, slab: &mut Slab<C::Entry>, index: u32) {
        let Some(entry) = slab.get_mut(index) else { return };
        *C::links_mut(entry) = Links { previous: self.last, next: NONE };
        match slab.get_mut(self.last) {
            Some(last) => C::links_mut(last).next = index,
            None => self.first = index,
        }
        self.last = index;
    }

    /// Takes out an entry that is in this list.
    pub(super) fn unlink<C: Chain>(&mut self, slab: &mut Slab<C::Entry>, index: u32) {
        let Some(entry) = slab.get_mut(index) else { return };
        let links = std::mem::replace(C::links_mut(entry), Links::NONE);
        match slab.get_mut(links.previous) {
            Some(previous) => C::links_mut(previous).next = links.next,
            None => self.first = links.next,
        }
        match slab.get_mut(links.next) {
            Some(next) => C::links_mut(next).previous = links.previous,
            None => self.last = links.previous,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Chain, Links, List};
    use crate::flow::slab::Slab;

    struct ByNumber;

    impl Chain for ByNumber {
        type Entry = Links;

        fn links(entry: &Links) -> &Links {
            entry
        }

        fn links_mut(entry: &mut Links) -> &mut Links {
            entry
        }
    }

    fn walk(list: List, slab: &Slab<Links>) -> Vec<u32> {
        std::iter::successors(list.first(), |index| List::after::<ByNumber>(slab, *index)).collect()
    }

    #[test]
    fn entries_leave_from_anywhere_and_join_at_the_end() {
        let (mut slab, mut list) = (Slab::new(4), List::EMPTY);
        for _ in 0..4 {
            let (index, _) = slab.insert(Links::NONE).unwrap();
            list.push::<ByNumber>(&mut slab, index);
        }
        assert!(slab.insert(Links::NONE).is_none());
        let mut expected = vec![0, 1, 2, 3];
        // Middle, first, last, and the one that was moved last.
        for index in [1, 0, 0, 2, 3, 3] {
            list.unlink::<ByNumber>(&mut slab, index);
            list.push::<ByNumber>(&mut slab, index);
            expected.retain(|other| *other != index);
            expected.push(index);
            assert_eq!(walk(list, &slab), expected);
        }
        for index in [3, 0, 2, 1] {
            list.unlink::<ByNumber>(&mut slab, index);
            expected.retain(|other| *other != index);
            assert_eq!(walk(list, &slab), expected);
        }
    }
}
