//! What names mean while a sentence is looked up.

use std::collections::{BTreeMap, BTreeSet};

use netpol_core::model::{Cluster, Dialect, NamespaceId};
use netpol_core::reach::AskedPorts;

use super::region::Region;

/// A pod that has ended: (namespace, name).
pub type Completed = (String, String);

/// What a variable stands for.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A set of endpoints.
    Endpoints(Region),
    /// Ports.
    Ports(AskedPorts),
    /// Nothing any more, since a change; why.
    Lost(String),
}

/// Variables by their name without `$`.
pub type Variables = BTreeMap<String, Value>;

/// What names mean.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// The dialect, which may refuse IPv6.
    pub dialect: Dialect,
    /// The current namespace.
    pub namespace: Option<&'a str>,
    /// The variables.
    pub variables: &'a Variables,
    /// The pods that have ended and are no endpoints.
    pub completed: &'a [Completed],
    /// Whether sets may be empty (`if any`).
    pub may_be_empty: bool,
}

/// Where a name is looked up.
#[derive(Clone, Debug)]
pub(super) enum Search {
    /// In the current namespace, else anywhere if unique.
    Current(NamespaceId),
    /// Anywhere.
    Anywhere,
    /// In these namespaces alone.
    Within(BTreeSet<NamespaceId>),
}

impl Search {
    /// Tells whether patterns and selectors range over a namespace.
    pub(super) fn covers(&self, namespace: NamespaceId) -> bool {
        match self {
            Self::Current(current) => *current == namespace,
            Self::Anywhere => true,
            Self::Within(namespaces) => namespaces.contains(&namespace),
        }
    }
}
