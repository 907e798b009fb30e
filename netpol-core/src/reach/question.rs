//! What can be asked of a snapshot, and what it answers.

use std::sync::Arc;

use roaring::RoaringBitmap;

use crate::model::{Family, IpSet, NamespaceId, PodId, PortSet, Reason, Verdict, WorkloadId};

/// A set of ends: pods, addresses that are no pod's, and domain names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selection {
    /// Pods, by the number of their [`PodId`].
    pub pods: RoaringBitmap,
    /// Addresses. Those of pods and nodes are not cut out; a caller who means one pod selects the pod.
    pub addresses: IpSet,
    /// Domain names (destinations only), sorted.
    pub names: Vec<Arc<str>>,
    /// The ingress controller (sources only).
    pub ingress_controller: ControllerEnd,
}

/// Whether the ingress controller is asked about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ControllerEnd {
    /// It is not.
    #[default]
    Absent,
    /// As one of everybody: only about the ports to which an Ingress or Route leads. Where none does there is no pair.
    WhereItLeads,
    /// In its own right: about every asked port of every pod, denied where nothing leads there.
    Everywhere,
}

impl Selection {
    /// Selects one pod.
    pub fn pod(pod: PodId) -> Self {
        Self { pods: [pod.0].into_iter().collect(), ..Self::default() }
    }

    /// Selects addresses.
    pub fn addresses(addresses: IpSet) -> Self {
        Self { addresses, ..Self::default() }
    }

    /// Selects the ingress controller, as a source.
    pub fn ingress_controller() -> Self {
        Self { ingress_controller: ControllerEnd::Everywhere, ..Self::default() }
    }

    /// Tells whether nothing is selected.
    pub fn is_empty(&self) -> bool {
        self.pods.is_empty()
            && self.addresses.is_empty()
            && self.names.is_empty()
            && self.ingress_controller == ControllerEnd::Absent
    }
}

/// Ports by number and by the names that the destination's containers declare.
#[derive(Clone, Debug, PartialEq)]
pub struct AskedPorts {
    /// Ports by number.
    pub numbers: PortSet,
    /// Names, resolved on each destination pod; they add nothing for a destination that is no pod.
    pub names: Vec<Box<str>>,
}

impl AskedPorts {
    /// Every port of every protocol.
    pub fn all() -> Self {
        PortSet::all().into()
    }
}

impl From<PortSet> for AskedPorts {
    fn from(numbers: PortSet) -> Self {
        Self { numbers, names: Vec::new() }
    }
}

/// How pods are summed up in rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Level {
    /// One end for each pod.
    Pod,
    /// One end for each workload; pods of a workload of which only some are selected stand for themselves.
    Workload,
    /// One end for each namespace.
    Namespace,
}

/// A question about all pairs of two sets.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// Who connects.
    pub from: Selection,
    /// To whom.
    pub to: Selection,
    /// On which ports.
    pub ports: AskedPorts,
    /// How rows sum up pods.
    pub level: Level,
    /// Whether rows carry reasons; a pair then has one row for each distinct (verdict, reasons).
    pub explain: bool,
    /// Whether rows whose verdict is `DENY` are wanted.
    pub denied: bool,
}

/// One end of a row.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// One pod.
    Pod(PodId),
    /// All selected pods of a workload.
    Workload(WorkloadId),
    /// All selected pods of a namespace.
    Namespace(NamespaceId),
    /// Addresses that are treated alike.
    External(IpSet),
    /// A domain name.
    Name(Arc<str>),
    /// The ingress controller.
    IngressController,
}

/// Pairs that are treated alike.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Who connects.
    pub src: End,
    /// To whom.
    pub dst: End,
    /// The family, where the families of the pair differ.
    pub family: Option<Family>,
    /// The verdict on all `ports`.
    pub verdict: Verdict,
    /// The ports, within those asked.
    pub ports: PortSet,
    /// The number of ordered pod pairs to which the row applies (pods of the other end where one is no pod).
    pub matching: u64,
    /// The number of ordered pod pairs between the two ends; a pod with itself counts only when asked alone.
    pub total: u64,
    /// Why, where it was asked for.
    pub reasons: Vec<Reason>,
}

/// How many pairs are treated how; the unit is an ordered pair of ends in one family (families that agree count once).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// All pairs.
    pub pairs: u64,
    /// Pairs that are allowed on every asked port.
    pub all_allowed: u64,
    /// Pairs that are allowed on at least one asked port.
    pub some_allowed: u64,
    /// Pairs that are denied on every asked port.
    pub all_denied: u64,
    /// Pairs that are denied on at least one asked port.
    pub some_denied: u64,
    /// Pairs that are unknown on at least one asked port.
    pub some_unknown: u64,
    /// Pairs that are ambiguous on at least one asked port.
    pub some_ambiguous: u64,
}

/// The answer to a [`Question`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// The rows: by source, then destination (pods before addresses, in the order of their ids), verdict, ports.
    pub rows: Vec<Row>,
    /// The count of pairs.
    pub tally: Tally,
}
