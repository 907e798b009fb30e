//! A table in chunks: copies share every chunk that neither wrote to.

use std::ops::Index;
use std::sync::Arc;

/// Entries in chunks of one size: a write copies a chunk, a copy of the table counts one more owner of each.
#[derive(Debug)]
pub(crate) struct Chunked<T, const CHUNK: usize = 256> {
    chunks: Vec<Arc<[T]>>,
}

impl<T, const CHUNK: usize> Clone for Chunked<T, CHUNK> {
    fn clone(&self) -> Self {
        Self { chunks: self.chunks.clone() }
    }
}

impl<T: Clone, const CHUNK: usize> From<Vec<T>> for Chunked<T, CHUNK> {
    fn from(entries: Vec<T>) -> Self {
        Self { chunks: entries.chunks(CHUNK).map(Arc::from).collect() }
    }
}

impl<T, const CHUNK: usize> Chunked<T, CHUNK> {
    /// Lists the entries.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.chunks.iter().flat_map(|chunk| chunk.iter())
    }

    /// Calls `visit` with the position and both entries wherever two tables of one length do not share their memory.
    pub(crate) fn for_each_apart(&self, other: &Self, mut visit: impl FnMut(usize, &T, &T)) {
        let pairs = self.chunks.iter().zip(&other.chunks).enumerate();
        for (at, (a, b)) in pairs.filter(|(_, (a, b))| !Arc::ptr_eq(a, b)) {
            let entries = a.iter().zip(b.iter()).enumerate();
            entries.for_each(|(i, (a, b))| visit(at * CHUNK + i, a, b));
        }
    }
}

impl<T: Clone, const CHUNK: usize> Chunked<T, CHUNK> {
    /// Puts an entry in place of another.
    pub(crate) fn set(&mut self, at: usize, entry: T) {
        let chunk = self.chunks.get_mut(at / CHUNK).map(Arc::make_mut);
        if let Some(place) = chunk.and_then(|chunk| chunk.get_mut(at % CHUNK)) {
            *place = entry;
        }
    }
}

impl<T, const CHUNK: usize> Index<usize> for Chunked<T, CHUNK> {
    type Output = T;

    fn index(&self, at: usize) -> &T {
        &self.chunks[at / CHUNK][at % CHUNK]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_shares_what_was_not_written() {
        let old: Chunked<usize> = (0..600).collect::<Vec<_>>().into();
        let mut new = old.clone();
        new.set(300, 7);
        assert_eq!((new.iter().count(), new[299], new[300], old[300]), (600, 299, 7, 300));
        let mut apart = Vec::new();
        old.for_each_apart(&new, |at, a, b| apart.push((at, a == b)));
        assert_eq!(apart.len(), 256);
        assert_eq!(apart.iter().find(|(_, same)| !same), Some(&(300, false)));
        assert!(new.iter().enumerate().all(|(at, entry)| at == 300 || at == *entry));
    }
}
