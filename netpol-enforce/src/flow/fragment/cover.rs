//! Which bytes of each datagram have come: exact, in memory that is reserved once.
//!
//! Offsets are multiples of eight bytes and only the last fragment may end elsewhere (RFC 791, section 3.2; RFC 8200,
//! section 4.5), so a bit for each eight bytes says it all. A second bit marks where fragments begin: together they tell
//! a fragment that comes twice from one that overlaps.

/// Bytes of a unit.
pub(super) const UNIT: u32 = 8;

/// Words of a plane: 65 536 bytes.
const WORDS: usize = 65_536 / UNIT as usize / 64;

/// A stretch of units, the end exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    first: u32,
    end: u32,
}

impl Stretch {
    /// Returns the units of a stretch of bytes.
    pub(super) const fn of(offset: u32, length: u32) -> Self {
        Self { first: offset / UNIT, end: (offset + length).div_ceil(UNIT) }
    }

    pub(super) const fn len(self) -> u32 {
        self.end - self.first
    }

    /// Returns the words that it touches, each with its bits in that word.
    fn words(self) -> impl Iterator<Item = (usize, u64)> {
        let Self { first, end } = self;
        (first / 64..end.div_ceil(64)).map(move |word| {
            let from = first.saturating_sub(word * 64);
            let to = (end - word * 64).min(64);
            // An empty stretch has no bits.
            let bits = u64::MAX.checked_shr(64 - (to - from)).unwrap_or(0);
            (word as usize, bits << from)
        })
    }
}

/// How a fragment lies to those that have come before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Placement {
    /// Nothing of it has come.
    New,
    /// A fragment with the same beginning and end has come.
    Again,
    /// Some of it has come.
    Overlap,
}

/// The bytes that have come of each of so many datagrams.
#[derive(Clone, Debug)]
pub(super) struct Cover {
    covered: Vec<[u64; WORDS]>,
    begun: Vec<[u64; WORDS]>,
}

impl Cover {
    pub(super) fn new(capacity: u32) -> Self {
        let plane = || vec![[0; WORDS]; capacity as usize];
        Self { covered: plane(), begun: plane() }
    }

    pub(super) fn place(&self, index: u32, stretch: Stretch) -> Placement {
        let at = index as usize;
        let (Some(covered), Some(begun)) = (self.covered.get(at), self.begun.get(at)) else {
            return Placement::Overlap;
        };
        if !any(covered, stretch) {
            return Placement::New;
        }
        let Stretch { first, end } = stretch;
        let inside = Stretch { first: first + 1, end };
        let begins = has(begun, first) && !any(begun, inside) && all(covered, stretch);
        let ends = !has(covered, end) || has(begun, end);
        if begins && ends { Placement::Again } else { Placement::Overlap }
    }

    pub(super) fn add(&mut self, index: u32, stretch: Stretch) {
        let at = index as usize;
        let (Some(covered), Some(begun)) = (self.covered.get_mut(at), self.begun.get_mut(at))
        else {
            return;
        };
        set(covered, stretch);
        set(begun, Stretch { first: stretch.first, end: stretch.first + 1 });
    }

    /// Forgets a datagram of which nothing beyond these bytes has come.
    pub(super) fn clear(&mut self, index: u32, bytes: u32) {
        let words = Stretch::of(0, bytes).words().count();
        for plane in [&mut self.covered, &mut self.begun] {
            let plane = plane.get_mut(index as usize);
            plane.into_iter().flatten().take(words).for_each(|word| *word = 0);
        }
    }
}

fn any(plane: &[u64], stretch: Stretch) -> bool {
    stretch.words().any(|(word, bits)| plane.get(word).is_some_and(|word| word & bits != 0))
}

fn all(plane: &[u64], stretch: Stretch) -> bool {
    stretch.words().all(|(word, bits)| plane.get(word).is_some_and(|word| word & bits == bits))
}

fn has(plane: &[u64], unit: u32) -> bool {
    any(plane, Stretch { first: unit, end: unit + 1 })
}

fn set(plane: &mut [u64], stretch: Stretch) {
    for (word, bits) in stretch.words() {
        if let Some(word) = plane.get_mut(word) {
            *word |= bits;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Cover, Placement, Stretch};

    #[test]
    fn placements_are_those_of_a_list_of_stretches() {
        let mut number = 1_u64;
        let mut below = move |end: u32| {
            number = number
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            u32::try_from(number >> 33).unwrap() % end
        };
        let mut cover = Cover::new(2);
        let mut seen = [0_u32; 3];
        for _ in 0..300 {
            let mut list: Vec<Stretch> = Vec::new();
            for _ in 0..40 {
                let stretch = Stretch::of(below(30) * 104, 1 + below(6) * 104);
                let overlaps =
                    |other: &Stretch| other.first < stretch.end && stretch.first < other.end;
                let expected = if list.contains(&stretch) {
                    Placement::Again
                } else if list.iter().any(overlaps) {
                    Placement::Overlap
                } else {
                    Placement::New
                };
                assert_eq!(cover.place(1, stretch), expected, "{stretch:?} {list:?}");
                seen[expected as usize] += 1;
                if expected == Placement::New {
                    cover.add(1, stretch);
                    list.push(stretch);
                }
                assert_eq!(cover.place(0, stretch), Placement::New);
            }
            let end = list.iter().map(|stretch| stretch.end * 8).max().unwrap();
            cover.clear(1, end);
        }
        assert!(seen.iter().all(|count| *count > 100), "{seen:?}");
    }

    #[test]
    fn a_datagram_may_fill_its_plane() {
        let mut cover = Cover::new(1);
        let whole = Stretch::of(0, 65_535);
        assert_eq!((whole.len(), cover.place(0, whole)), (8_192, Placement::New));
        cover.add(0, whole);
        assert_eq!(cover.place(0, whole), Placement::Again);
        assert_eq!(cover.place(0, Stretch::of(65_528, 7)), Placement::Overlap);
        cover.clear(0, 65_535);
        assert_eq!(cover.place(0, whole), Placement::New);
    }
}
