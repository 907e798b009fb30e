//! Loops over the words of bitsets, each compiled for several instruction sets, of which the best that the machine has is taken
//! when the program runs.

use multiversion::multiversion;

/// Adds the bits of `other`.
#[multiversion(targets = "simd")]
pub(super) fn or(words: &mut [u64], other: &[u64]) {
    words.iter_mut().zip(other).for_each(|(a, b)| *a |= b);
}

/// Keeps the bits that are in `other` too.
#[multiversion(targets = "simd")]
pub(super) fn and(words: &mut [u64], other: &[u64]) {
    words.iter_mut().zip(other).for_each(|(a, b)| *a &= b);
}

/// Removes the bits of `other`.
#[multiversion(targets = "simd")]
pub(super) fn minus(words: &mut [u64], other: &[u64]) {
    words.iter_mut().zip(other).for_each(|(a, b)| *a &= !b);
}

/// Counts the bits.
#[multiversion(targets = "simd")]
pub(super) fn count(words: &[u64]) -> u32 {
    words.iter().map(|word| word.count_ones()).sum()
}

/// Counts the bits that three sets have in common.
#[multiversion(targets = "simd")]
pub(super) fn count_in_all(a: &[u64], b: &[u64], c: &[u64]) -> u64 {
    let all = a.iter().zip(b).zip(c);
    all.map(|((a, b), c)| u64::from((a & b & c).count_ones())).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn words_are_united_cut_and_counted_bit_by_bit(
            words in prop::collection::vec((any::<u64>(), any::<u64>(), any::<u64>()), 0..70),
        ) {
            let part = |at: fn(&(u64, u64, u64)) -> u64| words.iter().map(at).collect::<Vec<_>>();
            let (a, b, c) = (part(|w| w.0), part(|w| w.1), part(|w| w.2));
            let changed = |change: fn(&mut [u64], &[u64])| {
                let mut changed = a.clone();
                change(&mut changed, &b);
                changed
            };
            prop_assert_eq!(changed(or), part(|w| w.0 | w.1));
            prop_assert_eq!(changed(and), part(|w| w.0 & w.1));
            prop_assert_eq!(changed(minus), part(|w| w.0 & !w.1));
            let bits = |words: &[u64]| words.iter().map(|w| w.count_ones()).sum::<u32>();
            prop_assert_eq!(count(&a), bits(&a));
            prop_assert_eq!(count_in_all(&a, &b, &c), u64::from(bits(&part(|w| w.0 & w.1 & w.2))));
        }
    }
}
