//! A table that grows at its end while others still use its beginning.

use std::ops::Index;
use std::sync::Arc;

/// Entries that are shared, and a few behind them that were added since.
#[derive(Debug)]
pub(crate) struct Grown<T> {
    #[expect(clippy::rc_buffer, reason = "it grows in place as long as nobody shares it")]
    base: Arc<Vec<T>>,
    tail: Vec<Arc<T>>,
}

impl<T> Clone for Grown<T> {
    fn clone(&self) -> Self {
        Self { base: Arc::clone(&self.base), tail: self.tail.clone() }
    }
}

impl<T> Default for Grown<T> {
    fn default() -> Self {
        Vec::new().into()
    }
}

impl<T> From<Vec<T>> for Grown<T> {
    fn from(base: Vec<T>) -> Self {
        Self { base: Arc::new(base), tail: Vec::new() }
    }
}

impl<T> Grown<T> {
    /// Returns the number of entries.
    pub(crate) fn len(&self) -> usize {
        self.base.len() + self.tail.len()
    }

    /// Lists the entries at the beginning, which whatever grows out of this table has too.
    pub(crate) fn shared(&self) -> &[T] {
        &self.base
    }

    /// Returns the number of entries that are not shared with the table's beginning.
    pub(crate) fn added(&self) -> usize {
        self.tail.len()
    }

    /// Adds an entry: to the table itself as long as nobody shares it.
    pub(crate) fn push(&mut self, entry: T) {
        match Arc::get_mut(&mut self.base) {
            Some(base) if self.tail.is_empty() => base.push(entry),
            _ => self.tail.push(Arc::new(entry)),
        }
    }

    /// Tells whether two tables have the very same entry at a position, which equal positions alone do not say: two tables
    /// may have grown apart.
    pub(crate) fn shares(&self, other: &Self, at: usize) -> bool {
        if !Arc::ptr_eq(&self.base, &other.base) {
            return false;
        }
        let Some(behind) = at.checked_sub(self.base.len()) else { return true };
        let pair = self.tail.get(behind).zip(other.tail.get(behind));
        pair.is_some_and(|(a, b)| Arc::ptr_eq(a, b))
    }

    /// Lists the entries.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.base.iter().chain(self.tail.iter().map(|entry| &**entry))
    }
}

impl<T> Index<usize> for Grown<T> {
    type Output = T;

    fn index(&self, at: usize) -> &T {
        match self.base.get(at) {
            Some(entry) => entry,
            None => &self.tail[at - self.base.len()],
        }
    }
}
