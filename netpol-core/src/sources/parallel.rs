//! Work on many pieces at once, with results in the order of the pieces.

/// Maps every piece; the order of the results does not depend on the number of threads.
#[cfg(feature = "rayon")]
pub(super) fn map<T: Sync, R: Send>(pieces: &[T], f: impl Fn(&T) -> R + Sync + Send) -> Vec<R> {
    use rayon::prelude::*;
    pieces.par_iter().map(f).collect()
}

/// Maps every piece.
#[cfg(not(feature = "rayon"))]
pub(super) fn map<T, R>(pieces: &[T], f: impl Fn(&T) -> R) -> Vec<R> {
    pieces.iter().map(f).collect()
}

/// Maps every piece while the iterator makes more of them; the order of the results does not depend on the number of threads.
#[cfg(feature = "rayon")]
pub(super) fn stream<T: Send, R: Send>(
    pieces: impl Iterator<Item = T> + Send,
    f: impl Fn(T) -> R + Sync + Send,
) -> Vec<R> {
    use rayon::prelude::*;
    let mut results: Vec<(usize, R)> =
        pieces.enumerate().par_bridge().map(|(number, piece)| (number, f(piece))).collect();
    results.sort_unstable_by_key(|r| r.0);
    results.into_iter().map(|r| r.1).collect()
}

/// Maps every piece.
#[cfg(not(feature = "rayon"))]
pub(super) fn stream<T, R>(pieces: impl Iterator<Item = T>, f: impl Fn(T) -> R) -> Vec<R> {
    pieces.map(f).collect()
}
