//! `list`, `resolve` and `pods of`.

use std::collections::BTreeSet;

use netpol_core::model::{Direction, NamespaceId, PodId, PolicyId, WorkloadId};
use netpol_core::reach::{ControllerEnd, End, Selection};

use super::Engine;
use super::answer::{Body, Endpoint, EndpointRow};
use super::ends::{self, Names};
use crate::lower::{ListPlan, Region};
use crate::syntax::ast::Noun;

impl Engine<'_> {
    /// Lists objects, by namespace and name.
    pub(super) fn list(&self, list: &ListPlan) -> Body {
        let within = list.within.as_ref();
        if list.noun == Noun::Policies {
            return Body::Policies(self.policies_within(within));
        }
        let mut rows = match list.noun {
            Noun::Pods => self.pods(within),
            Noun::Workloads => self.workloads(within),
            Noun::Namespaces => self.namespaces(within),
            Noun::Services => self.services(within),
            Noun::Nodes => self.nodes(within),
            Noun::Unprotected | Noun::Policies => self.unprotected(within, list.direction),
        };
        sort(&mut rows);
        Body::Endpoints(rows)
    }

    /// Lists what a set comes to: workloads, pods of workloads that are only partly in it, addresses, names.
    pub(super) fn resolved(&self, region: &Region) -> Vec<EndpointRow> {
        self.rows_of(&region.selection)
    }

    /// Lists the pods that a policy selects.
    pub(super) fn pods_of(&self, policy: PolicyId) -> Vec<EndpointRow> {
        let pods = self.snapshot.subjects(policy).into_iter().map(|p| p.0).collect();
        self.rows_of(&Selection { pods, ..Selection::default() })
    }

    fn rows_of(&self, selection: &Selection) -> Vec<EndpointRow> {
        let mut names = Names::new(self.snapshot.cluster());
        let ends = self.ends(selection);
        let mut rows: Vec<EndpointRow> =
            ends.iter().map(|end| row((*names.end(end)).clone())).collect();
        sort(&mut rows);
        rows
    }

    /// Lists the workloads of a selection, and the pods of those that are only partly in it.
    pub(super) fn workload_ends(&self, selection: &Selection) -> Vec<End> {
        let cluster = self.snapshot.cluster();
        let mut ends = Vec::new();
        for id in cluster.workload_ids() {
            let pods = &cluster.workload(id).pods;
            let chosen: Vec<PodId> =
                pods.iter().copied().filter(|p| selection.pods.contains(p.0)).collect();
            if !chosen.is_empty() && chosen.len() == pods.len() {
                ends.push(End::Workload(id));
            } else {
                ends.extend(chosen.into_iter().map(End::Pod));
            }
        }
        ends
    }

    /// Lists the ends of a selection: workloads that are wholly in it, pods of others, addresses, names.
    pub(super) fn ends(&self, selection: &Selection) -> Vec<End> {
        let mut ends = self.workload_ends(selection);
        if !selection.addresses.is_empty() {
            ends.push(End::External(selection.addresses.clone()));
        }
        ends.extend(selection.names.iter().cloned().map(End::Name));
        if selection.ingress_controller != ControllerEnd::Absent {
            ends.push(End::IngressController);
        }
        ends
    }

    fn pods(&self, within: Option<&Region>) -> Vec<EndpointRow> {
        let cluster = self.snapshot.cluster();
        let inside = |p: &PodId| within.is_none_or(|r| r.selection.pods.contains(p.0));
        cluster.pod_ids().filter(inside).map(|p| row(ends::pod(cluster, p))).collect()
    }

    fn workloads_within(&self, within: Option<&Region>) -> Vec<WorkloadId> {
        let cluster = self.snapshot.cluster();
        let inside = |w: &WorkloadId| {
            let pods = &cluster.workload(*w).pods;
            within.is_none_or(|r| pods.iter().any(|p| r.selection.pods.contains(p.0)))
        };
        cluster.workload_ids().filter(inside).collect()
    }

    fn workloads(&self, within: Option<&Region>) -> Vec<EndpointRow> {
        let found = self.workloads_within(within).into_iter();
        found.map(|w| row(ends::workload(self.snapshot.cluster(), w))).collect()
    }

    /// Returns the namespaces that a region names as a whole, and those of its pods.
    pub(super) fn places(&self, within: &Region) -> BTreeSet<NamespaceId> {
        let cluster = self.snapshot.cluster();
        let pods = within.selection.pods.iter().map(PodId);
        let of_pods = pods.map(|p| cluster.pod(p).namespace);
        within.namespaces.iter().copied().chain(of_pods).collect()
    }

    fn namespaces(&self, within: Option<&Region>) -> Vec<EndpointRow> {
        let cluster = self.snapshot.cluster();
        let places = within.map(|r| self.places(r));
        let inside = |n: &NamespaceId| places.as_ref().is_none_or(|p| p.contains(n));
        let found = cluster.namespace_ids().filter(inside);
        found.map(|n| row(Endpoint::Namespace { name: ends::namespace(cluster, n) })).collect()
    }

    fn services(&self, within: Option<&Region>) -> Vec<EndpointRow> {
        let cluster = self.snapshot.cluster();
        let places = within.map(|r| self.places(r));
        let services = cluster.services().iter();
        services
            .filter(|s| places.as_ref().is_none_or(|p| p.contains(&s.namespace)))
            .map(|s| {
                let namespace = ends::namespace(cluster, s.namespace);
                row(Endpoint::Service { namespace, name: s.name.to_string() })
            })
            .collect()
    }

    /// Lists nodes; within a region, those on which one of its pods is known to run.
    fn nodes(&self, within: Option<&Region>) -> Vec<EndpointRow> {
        let cluster = self.snapshot.cluster();
        let of_pods = |r: &Region| -> BTreeSet<usize> {
            let pods = r.selection.pods.iter().map(PodId);
            pods.filter_map(|p| cluster.pod(p).node)
                .map(netpol_core::model::NodeId::index)
                .collect()
        };
        let chosen = within.map(of_pods);
        let nodes = cluster.nodes().iter().enumerate();
        nodes
            .filter(|(i, _)| chosen.as_ref().is_none_or(|c| c.contains(i)))
            .map(|(_, n)| row(Endpoint::Node { name: n.name.to_string() }))
            .collect()
    }

    /// Lists workloads of which some pod is isolated by nothing in a direction.
    fn unprotected(&self, within: Option<&Region>, direction: Direction) -> Vec<EndpointRow> {
        let cluster = self.snapshot.cluster();
        let open = |p: &PodId| {
            let inside = within.is_none_or(|r| r.selection.pods.contains(p.0));
            inside && self.snapshot.isolating_policies(*p, direction).is_empty()
        };
        let found = self.workloads_within(within).into_iter();
        found
            .filter(|w| cluster.workload(*w).pods.iter().any(open))
            .map(|w| EndpointRow {
                endpoint: ends::workload(cluster, w),
                directions: vec![direction],
            })
            .collect()
    }
}

fn row(endpoint: Endpoint) -> EndpointRow {
    EndpointRow { endpoint, directions: Vec::new() }
}

/// Orders by namespace, name and kind; what is outside comes last.
fn sort(rows: &mut [EndpointRow]) {
    rows.sort_by_cached_key(|row| ends::order_key(&row.endpoint));
}
