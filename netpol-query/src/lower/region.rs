//! What a set of endpoints comes to.

use std::collections::BTreeSet;
use std::sync::Arc;

use netpol_core::model::{Cluster, IpSet, NamespaceId, PodId};
use netpol_core::reach::{ControllerEnd, Selection};

/// Pods, addresses, domain names and the ingress controller, and the namespaces that were named as a whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Region {
    /// What questions are asked about.
    pub selection: Selection,
    /// Namespaces that are in it as a whole, those without pods included.
    pub namespaces: BTreeSet<NamespaceId>,
}

impl Region {
    /// Makes a region of pods.
    pub fn pods(pods: impl IntoIterator<Item = PodId>) -> Self {
        let pods = pods.into_iter().map(|p| p.0).collect();
        Self { selection: Selection { pods, ..Selection::default() }, ..Self::default() }
    }

    /// Makes a region of addresses.
    pub fn addresses(addresses: IpSet) -> Self {
        Self { selection: Selection::addresses(addresses), ..Self::default() }
    }

    /// Makes a region of one domain name.
    pub fn domain(name: &str) -> Self {
        let selection = Selection { names: vec![Arc::from(name)], ..Selection::default() };
        Self { selection, ..Self::default() }
    }

    /// Makes a region of the ingress controller.
    pub fn ingress_controller() -> Self {
        Self { selection: Selection::ingress_controller(), ..Self::default() }
    }

    /// Makes a region of whole namespaces.
    pub fn namespaces(cluster: &Cluster, namespaces: BTreeSet<NamespaceId>) -> Self {
        let inside = |p: &PodId| namespaces.contains(&cluster.pod(*p).namespace);
        let mut region = Self::pods(cluster.pod_ids().filter(inside));
        region.namespaces = namespaces;
        region
    }

    /// Adds what is in another region.
    pub fn unite(&mut self, other: &Self) {
        self.selection.pods |= &other.selection.pods;
        self.selection.addresses = self.selection.addresses.union(&other.selection.addresses);
        self.selection.names.extend(other.selection.names.iter().cloned());
        self.selection.names.sort();
        self.selection.names.dedup();
        self.namespaces.extend(&other.namespaces);
        let controller = &mut self.selection.ingress_controller;
        *controller = (*controller).max(other.selection.ingress_controller);
    }

    /// Leaves what is in another region too.
    pub fn intersect(&mut self, other: &Self) {
        self.selection.pods &= &other.selection.pods;
        self.selection.addresses =
            self.selection.addresses.intersection(&other.selection.addresses);
        self.selection.names.retain(|n| other.selection.names.contains(n));
        self.namespaces.retain(|n| other.namespaces.contains(n));
        let (own, others) = (self.selection.ingress_controller, other.selection.ingress_controller);
        let both = own != ControllerEnd::Absent && others != ControllerEnd::Absent;
        self.selection.ingress_controller =
            if both { own.max(others) } else { ControllerEnd::Absent };
    }

    /// Takes away what is in another region.
    pub fn subtract(&mut self, other: &Self) {
        self.selection.pods -= &other.selection.pods;
        self.selection.addresses = self.selection.addresses.difference(&other.selection.addresses);
        self.selection.names.retain(|n| !other.selection.names.contains(n));
        self.namespaces.retain(|n| !other.namespaces.contains(n));
        if other.selection.ingress_controller != ControllerEnd::Absent {
            self.selection.ingress_controller = ControllerEnd::Absent;
        }
    }
}
