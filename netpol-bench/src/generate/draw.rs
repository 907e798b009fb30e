//! Random draws whose sequence is fixed by the seed.

use oorandom::Rand64;

/// Draws from one sequence.
#[derive(Debug)]
pub(crate) struct Draw(Rand64);

/// The letters of names that Kubernetes makes up; no vowels, and no digit that could make a word read as a number.
const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz";

impl Draw {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Rand64::new(u128::from(seed)))
    }

    /// Draws a number below `bound`; 0 where `bound` is 0.
    pub(crate) fn below(&mut self, bound: u32) -> u32 {
        let drawn = self.0.rand_range(0..u64::from(bound.max(1)));
        u32::try_from(drawn).unwrap_or(0)
    }

    /// Draws a position in a list of `length`; 0 where it is empty.
    pub(crate) fn index(&mut self, length: usize) -> usize {
        self.below(u32::try_from(length).unwrap_or(u32::MAX)) as usize
    }

    /// Draws `count` distinct numbers below `bound`, ascending; all of them where `bound` is not above `count`.
    pub(crate) fn distinct(&mut self, count: u32, bound: u32) -> Vec<u32> {
        let mut numbers = Vec::new();
        while numbers.len() < count.min(bound) as usize {
            let number = self.below(bound);
            if !numbers.contains(&number) {
                numbers.push(number);
            }
        }
        numbers.sort_unstable();
        numbers
    }

    /// Draws a word such as the hash of a pod template.
    pub(crate) fn word(&mut self, length: usize) -> String {
        (0..length).map(|_| char::from(LETTERS[self.index(LETTERS.len())])).collect()
    }
}
