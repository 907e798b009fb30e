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
