//! Work on two cores, where the feature `rayon` is on.

/// Does two things at once.
#[cfg(feature = "rayon")]
pub(crate) fn both<A: Send, B: Send>(
    a: impl FnOnce() -> A + Send,
    b: impl FnOnce() -> B + Send,
) -> (A, B) {
    rayon::join(a, b)
}

/// Does two things one after the other.
#[cfg(not(feature = "rayon"))]
pub(crate) fn both<A, B>(a: impl FnOnce() -> A, b: impl FnOnce() -> B) -> (A, B) {
    (a(), b())
}

/// Maps every piece; the order of the results does not depend on the number of threads.
#[cfg(feature = "rayon")]
pub(crate) fn map<T: Sync, R: Send>(pieces: &[T], f: impl Fn(&T) -> R + Sync + Send) -> Vec<R> {
    use rayon::prelude::*;
    pieces.par_iter().map(f).collect()
}

/// Maps every piece.
#[cfg(not(feature = "rayon"))]
pub(crate) fn map<T, R>(pieces: &[T], f: impl Fn(&T) -> R) -> Vec<R> {
    pieces.iter().map(f).collect()
}
