//! How grave a change is: the order in which a reviewer reads.

use super::{Became, ChangeRow};
use crate::execute::Endpoint;

/// What a reviewer reads first comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Risk {
    /// Something outside the cluster gets in.
    OpenedFromOutside,
    /// Something gets out of the cluster.
    OpenedToOutside,
    /// One namespace gets into another.
    OpenedAcross,
    /// A workload gets to another one of its namespace.
    OpenedInside,
    /// Pods of a Service cannot be reached any more by someone who could.
    ClosedService,
    /// Something else cannot be reached any more.
    Closed,
    /// The ports are others.
    Changed,
    /// Something may not be reachable any more, or still is.
    InDoubt,
}

impl Risk {
    /// All of them, the gravest first.
    pub const ALL: [Self; 8] = [
        Self::OpenedFromOutside,
        Self::OpenedToOutside,
        Self::OpenedAcross,
        Self::OpenedInside,
        Self::ClosedService,
        Self::Closed,
        Self::Changed,
        Self::InDoubt,
    ];

    /// Returns it as the end of `3 flows ...`.
    pub const fn phrase(self) -> &'static str {
        match self {
            Self::OpenedFromOutside => "opened from outside",
            Self::OpenedToOutside => "opened to the outside",
            Self::OpenedAcross => "opened across namespaces",
            Self::OpenedInside => "opened inside a namespace",
            Self::ClosedService => "closed behind a Service",
            Self::Closed => "closed",
            Self::Changed => "changed in their ports",
            Self::InDoubt => "in doubt",
        }
    }

    /// Returns it as a heading.
    pub const fn title(self) -> &'static str {
        match self {
            Self::OpenedFromOutside => "Opened from outside",
            Self::OpenedToOutside => "Opened to the outside",
            Self::OpenedAcross => "Opened across namespaces",
            Self::OpenedInside => "Opened inside a namespace",
            Self::ClosedService => "Closed, behind a Service",
            Self::Closed => "Closed",
            Self::Changed => "Changed ports",
            Self::InDoubt => "In doubt",
        }
    }
}

impl ChangeRow {
    /// Returns how grave the change is.
    pub fn risk(&self) -> Risk {
        match self.became() {
            Became::Changed => Risk::Changed,
            Became::Removed if self.doubt_after.is_some() => Risk::InDoubt,
            Became::Removed if self.service.is_some() => Risk::ClosedService,
            Became::Removed => Risk::Closed,
            Became::Added if is_outside(&self.src) => Risk::OpenedFromOutside,
            Became::Added if is_outside(&self.dst) => Risk::OpenedToOutside,
            Became::Added if self.src.namespace() != self.dst.namespace() => Risk::OpenedAcross,
            Became::Added => Risk::OpenedInside,
        }
    }

    /// Tells whether ports were opened to what comes from the internet: its addresses, or the ingress controller that hands it on.
    pub fn opens_to_internet(&self) -> bool {
        !self.opened().is_empty() && comes_from_internet(&self.src)
    }
}

/// Tells whether an end is no object of the cluster.
pub(super) fn is_outside(end: &Endpoint) -> bool {
    matches!(end, Endpoint::External { .. } | Endpoint::Name { .. } | Endpoint::IngressController)
}

/// Tells whether what comes from an end may come from the internet.
pub(super) fn comes_from_internet(end: &Endpoint) -> bool {
    match end {
        Endpoint::IngressController => true,
        Endpoint::External { ranges } => {
            !ranges.difference(&crate::lower::private_ranges()).is_empty()
        }
        _ => false,
    }
}
