//! What a flow table has counted.

use super::Class;

/// How many flows there are, and what has happened to flows since the table was made.
///
/// Always: `inserted` = `embryonic` + `established` + `closing` + `replaced` + `evicted_embryonic` + `evicted_closing` +
/// `expired` + `removed` + `purged`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlowCounters {
    /// Flows that are not assured, now.
    pub embryonic: u32,
    /// Assured flows, now.
    pub established: u32,
    /// Flows that are over, now.
    pub closing: u32,
    /// Flows that were stored.
    pub inserted: u64,
    /// Flows that made room for a new one between the same ends.
    pub replaced: u64,
    /// Flows that were not assured and made room for another.
    pub evicted_embryonic: u64,
    /// Flows that were over and made room for another before their time.
    pub evicted_closing: u64,
    /// Flows whose time was over.
    pub expired: u64,
    /// Flows that the caller removed.
    pub removed: u64,
    /// Flows that a purge removed.
    pub purged: u64,
    /// New flows that were refused because their owner has its quota in assured flows.
    pub refused_quota: u64,
    /// New flows that were refused because the table is full of assured flows.
    pub refused_full: u64,
    /// New flows that were refused because an assured flow has the same ends.
    pub refused_taken: u64,
    /// ICMP errors that were too many for their flow.
    pub refused_icmp: u64,
}

impl FlowCounters {
    /// Returns how many flows there are.
    pub const fn held(&self) -> u32 {
        self.embryonic + self.established + self.closing
    }

    /// Returns how many flows of a class there are.
    pub const fn of(&self, class: Class) -> u32 {
        match class {
            Class::Embryonic => self.embryonic,
            Class::Established => self.established,
            Class::Closing => self.closing,
        }
    }

    pub(super) const fn of_mut(&mut self, class: Class) -> &mut u32 {
        match class {
            Class::Embryonic => &mut self.embryonic,
            Class::Established => &mut self.established,
            Class::Closing => &mut self.closing,
        }
    }

    /// Counts a flow that is gone.
    pub(super) const fn lose(&mut self, loss: Loss) {
        let count = match loss {
            Loss::Replaced => &mut self.replaced,
            Loss::Evicted(Class::Closing) => &mut self.evicted_closing,
            Loss::Evicted(_) => &mut self.evicted_embryonic,
            Loss::Expired => &mut self.expired,
            Loss::Removed => &mut self.removed,
            Loss::Purged => &mut self.purged,
        };
        *count += 1;
    }
}

/// Why a flow is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loss {
    Replaced,
    Evicted(Class),
    Expired,
    Removed,
    Purged,
}
