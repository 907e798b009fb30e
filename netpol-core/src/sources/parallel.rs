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
