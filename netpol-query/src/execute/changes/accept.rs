//! Accepted changes: which rows are covered by sentences that were written down beforehand.

use std::net::IpAddr;

use netpol_core::model::{Cluster, IpSet, PodId, PortSet};
use netpol_core::reach::{AskedPorts, ControllerEnd, Selection};
use roaring::RoaringBitmap;

use super::{Acceptance, ChangeRow, Changes};
use crate::execute::Endpoint;
use crate::lower::Ask;

/// A sentence whose names were looked up in both states; a state in which they mean nothing has none.
#[derive(Clone, Debug)]
pub(crate) struct Accepted {
    /// The sentence.
    pub(crate) acceptance: Acceptance,
    /// What it covers of the state before.
    pub(crate) before: Option<Ask>,
    /// What it covers of the state after.
    pub(crate) after: Option<Ask>,
    /// Whether it accepts that something is closed, rather than opened.
    pub(crate) closes: bool,
}

impl Changes {
    /// Marks the rows of which every port that was opened or closed is covered.
    pub(crate) fn accept(&mut self, accepted: Vec<Accepted>, before: &Cluster, after: &Cluster) {
        let mut counts = vec![0_u64; accepted.len()];
        for row in &mut self.rows {
            let covered = covering(row, &accepted, before, after);
            row.accepted = covered.first().copied();
            for at in covered {
                if let Some(count) = counts.get_mut(at) {
                    *count += 1;
                }
            }
        }
        let sentences = accepted.into_iter().zip(counts);
        self.review.acceptances =
            sentences.map(|(a, rows)| Acceptance { rows, ..a.acceptance }).collect();
    }
}

/// Returns the sentences that together cover all that became of a row; none where something is left.
fn covering(
    row: &ChangeRow,
    accepted: &[Accepted],
    before: &Cluster,
    after: &Cluster,
) -> Vec<usize> {
    let (mut opened, mut closed) = (row.opened(), row.closed());
    let mut found = Vec::new();
    for (at, sentence) in accepted.iter().enumerate() {
        let rest = if sentence.closes { &mut closed } else { &mut opened };
        // What was closed is looked up where it was open.
        let (ask, cluster) =
            if sentence.closes { (&sentence.before, before) } else { (&sentence.after, after) };
        let Some(ask) = ask else { continue };
        let covers = ports(row, ask, cluster).intersection(rest);
        if !covers.is_empty() {
            *rest = rest.difference(&covers);
            found.push(at);
        }
    }
    if opened.is_empty() && closed.is_empty() { found } else { Vec::new() }
}

/// Returns the ports on which a sentence covers a whole row.
fn ports(row: &ChangeRow, ask: &Ask, cluster: &Cluster) -> PortSet {
    if !holds(&ask.from, &row.src, cluster) {
        return PortSet::none();
    }
    let parts = ask.parts();
    let of_part = |(to, on): &(Selection, AskedPorts)| {
        if holds(to, &row.dst, cluster) { numbers(on, &row.dst, cluster) } else { PortSet::none() }
    };
    parts.iter().map(of_part).fold(PortSet::none(), |all, part| all.union(&part))
}

/// Tells whether the whole of an end is in a selection.
fn holds(selection: &Selection, end: &Endpoint, cluster: &Cluster) -> bool {
    match end {
        Endpoint::External { ranges } => ranges.is_subset(&selection.addresses),
        Endpoint::IngressController => selection.ingress_controller != ControllerEnd::Absent,
        end => pods_of(cluster, end).is_some_and(|pods| {
            !pods.is_empty() && pods.iter().all(|pod| selects(selection, PodId(pod), cluster))
        }),
    }
}

/// An address stands for the pod that has it.
fn selects(selection: &Selection, pod: PodId, cluster: &Cluster) -> bool {
    let by_address = |address: &IpAddr| selection.addresses.contains(*address);
    let addresses = &cluster.pod(pod).addresses;
    selection.pods.contains(pod.0)
        || selection.addresses != IpSet::none()
            && !addresses.is_empty()
            && addresses.iter().all(by_address)
}

/// Returns the pods of a workload.
pub(super) fn pods_of(cluster: &Cluster, end: &Endpoint) -> Option<RoaringBitmap> {
    let Endpoint::Workload { namespace, kind, name } = end else { return None };
    let namespace = cluster.find_namespace(namespace)?;
    let workload = cluster.find_workload(namespace, kind, name)?;
    Some(cluster.workload(workload).pods.iter().map(|p| p.0).collect())
}

/// Returns ports by number; those that are asked by name are those that every pod of the end declares.
fn numbers(on: &AskedPorts, end: &Endpoint, cluster: &Cluster) -> PortSet {
    let pods = pods_of(cluster, end).unwrap_or_default();
    let named = |name: &str| {
        let of_pod = |pod: u32| {
            let ports = cluster.pod(PodId(pod)).ports.iter();
            ports
                .filter(|p| p.name.as_deref() == Some(name))
                .fold(PortSet::none(), |all, p| all.union(&PortSet::single(p.protocol, p.number)))
        };
        pods.iter().map(of_pod).reduce(|all, one| all.intersection(&one)).unwrap_or_default()
    };
    on.names.iter().fold(on.numbers.clone(), |all, name| all.union(&named(name)))
}
