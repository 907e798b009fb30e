//! How much a table of fragmented datagrams holds, and for whom.

/// How much a table of fragmented datagrams holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FragLimits {
    /// How many datagrams are remembered.
    pub capacity: u32,
    /// How many owners there are: one for each pod, and one for all addresses outside.
    pub owners: u32,
    /// How many datagrams that are being forwarded one owner may have.
    pub quota: u32,
}

impl FragLimits {
    /// How many datagrams are remembered where nothing else is said.
    pub const CAPACITY: u32 = 8_192;

    /// Returns the limits for a capacity: an eighth of it for each owner.
    pub fn new(capacity: u32, owners: u32) -> Self {
        Self { capacity, owners, quota: (capacity / 8).max(1) }
    }

    /// Returns limits without a quota, for one owner: whoever comes has all of it.
    pub const fn shared(capacity: u32) -> Self {
        Self { capacity, owners: 1, quota: u32::MAX }
    }
}

/// How many datagrams of each owner are being forwarded.
#[derive(Clone, Debug)]
pub(super) struct Held {
    of: Vec<u32>,
    quota: u32,
}

impl Held {
    pub(super) fn new(limits: FragLimits) -> Self {
        Self { of: vec![0; limits.owners as usize], quota: limits.quota }
    }

    /// Returns whether an owner may have another one; nobody may who is none.
    pub(super) fn has_room(&self, owner: u32) -> bool {
        self.of.get(owner as usize).is_some_and(|held| *held < self.quota)
    }

    pub(super) fn add(&mut self, owner: u32) {
        if let Some(held) = self.of.get_mut(owner as usize) {
            *held += 1;
        }
    }

    pub(super) fn take(&mut self, owner: u32) {
        if let Some(held) = self.of.get_mut(owner as usize) {
            *held -= 1;
        }
    }
}
