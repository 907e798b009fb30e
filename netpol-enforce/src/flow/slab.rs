//! Entries at fixed places, in memory that is reserved once.

/// Entries at indices below the capacity; a place that is given up is used again.
#[derive(Clone, Debug)]
pub(super) struct Slab<T> {
    places: Vec<Place<T>>,
    free: Vec<u32>,
    capacity: u32,
}

/// An entry, or what is left of one.
#[derive(Clone, Debug)]
pub(super) struct Place<T> {
    /// Grows when the entry is given up, so that ids of it no longer match.
    generation: u32,
    entry: T,
}

impl<T> Slab<T> {
    pub(super) fn new(capacity: u32) -> Self {
        let size = capacity as usize;
        Self { places: Vec::with_capacity(size), free: Vec::with_capacity(size), capacity }
    }

    pub(super) const fn capacity(&self) -> u32 {
        self.capacity
    }

    /// Stores an entry and returns its index and generation; none if all places are taken.
    pub(super) fn insert(&mut self, entry: T) -> Option<(u32, u32)> {
        if let Some(index) = self.free.pop() {
            let place = self.places.get_mut(index as usize)?;
            place.entry = entry;
            return Some((index, place.generation));
        }
        let index = u32::try_from(self.places.len()).ok().filter(|index| *index < self.capacity)?;
        self.places.push(Place { generation: 0, entry });
        Some((index, 0))
    }

    /// Gives up a place that is taken.
    pub(super) fn release(&mut self, index: u32) {
        if let Some(place) = self.places.get_mut(index as usize) {
            place.generation = place.generation.wrapping_add(1);
            self.free.push(index);
        }
    }

    pub(super) fn get(&self, index: u32) -> Option<&T> {
        self.places.get(index as usize).map(|place| &place.entry)
    }

    pub(super) fn get_mut(&mut self, index: u32) -> Option<&mut T> {
        self.places.get_mut(index as usize).map(|place| &mut place.entry)
    }

    pub(super) fn generation(&self, index: u32) -> Option<u32> {
        self.places.get(index as usize).map(|place| place.generation)
    }
}
