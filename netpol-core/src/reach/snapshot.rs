//! A cluster with its compiled policies and rows: immutable and shared.

use std::sync::{Arc, OnceLock};

use roaring::RoaringBitmap;

use super::any_port::AnyPort;
use super::ask::answer;
use super::count::count_pairs;
use super::count_ports::{PortCount, count_pairs_by_port};
use super::graph::Graph;
use super::hops::{self, Closure, Hops};
use super::layers::eventual_sources_of;
use super::may_reach::MayReach;
use super::paths::{self, PathChoice, Paths};
use super::question::{AskedPorts, ControllerEnd, Level, Question, Row, Selection, Table};
use super::rows::{Presence, RowTables};
use super::sources::sources;
use super::web::{self, Shape};
use crate::compile::{NETWORK, Program};
use crate::evaluate::{Evaluator, VerdictTable, plain};
use crate::model::{
    BuildError, Cluster, Dialect, Direction, Edits, Families, Flow, IcmpMode, IpSet, Peer, PodId,
    PolicyId, PortSet, Protocol, Reason, ReasonCode, Step, Verdict, WorkloadId,
};

/// So many policies may differ from the table that clusters share before a new one is made.
const MOST_CHANGED: usize = 1024;

/// A verdict with the steps that lead to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The verdict.
    pub verdict: Verdict,
    /// Why: the chain of each direction, egress first. [`Snapshot::reasons`] puts them in words and adds what came near.
    pub steps: Vec<Step>,
}

/// A cluster with its compiled policies under one dialect; cheap to clone, safe to share between threads.
///
/// # Examples
///
/// ```
/// use netpol_core::model::{Cluster, Dialect, Family, Flow, Peer, PodSpec, Protocol, Verdict};
/// use netpol_core::reach::Snapshot;
///
/// let mut builder = Cluster::builder();
/// for name in ["web", "db"] {
///     builder.pod(PodSpec { namespace: "shop".into(), name: name.into(), ..PodSpec::default() });
/// }
/// let snapshot = Snapshot::new(builder.build()?, Dialect::spec());
/// let shop = snapshot.cluster().find_namespace("shop").unwrap();
/// let pod = |name| Peer::Pod(snapshot.cluster().find_pod(shop, name).unwrap());
/// let flow = Flow { src: pod("web"), dst: pod("db"), protocol: Protocol::Tcp, port: 5432, family: Family::V4 };
/// assert_eq!(snapshot.verdict(&flow), Verdict::Allow);
/// # Ok::<(), netpol_core::model::BuildError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Snapshot {
    cluster: Arc<Cluster>,
    program: Arc<Program>,
    row_tables: Arc<OnceLock<RowTables>>,
    presence: Arc<OnceLock<Presence>>,
    may_reach: Arc<OnceLock<MayReach>>,
    any_port: Arc<OnceLock<AnyPort>>,
    verdict_table: Arc<OnceLock<VerdictTable>>,
    /// The program that the table is made of: the one that this one, and others beside it, were changed from.
    origin: Arc<Program>,
    dialect: Dialect,
}

impl Snapshot {
    /// Compiles a cluster's policies.
    pub fn new(cluster: impl Into<Arc<Cluster>>, dialect: Dialect) -> Self {
        let cluster = cluster.into();
        let program = Arc::new(Program::compile(&cluster, dialect));
        let origin = Arc::clone(&program);
        let (row_tables, verdict_table) = (Arc::default(), Arc::default());
        let (presence, may_reach, any_port) = (Arc::default(), Arc::default(), Arc::default());
        Self {
            cluster,
            program,
            row_tables,
            presence,
            may_reach,
            any_port,
            verdict_table,
            origin,
            dialect,
        }
    }

    /// Compiles a cluster of which some objects changed: where these are NetworkPolicies of namespaces that are there, the facts
    /// are shared, and where they mention no label or port name that none mentioned, only what they govern is compiled.
    ///
    /// # Errors
    ///
    /// As [`ClusterBuilder::build`](crate::model::ClusterBuilder::build).
    pub(crate) fn edited(&self, edits: &Edits) -> Result<Self, BuildError> {
        let Some((cluster, ids)) = self.cluster.with_network_policies(edits) else {
            return Ok(Self::new(self.cluster.edited(edits)?, self.dialect));
        };
        let policies = cluster.policies();
        if policies.changes() <= MOST_CHANGED
            && let Some(program) = self.program.with_network_policies(&cluster, self.dialect, &ids)
        {
            return Ok(Self {
                cluster: Arc::new(cluster),
                program: Arc::new(program),
                row_tables: Arc::clone(&self.row_tables),
                presence: Arc::default(),
                may_reach: Arc::default(),
                any_port: Arc::default(),
                verdict_table: Arc::clone(&self.verdict_table),
                origin: Arc::clone(&self.origin),
                dialect: self.dialect,
            });
        }
        let cluster = cluster.with_policies(policies.iter().cloned().collect());
        Ok(Self::new(cluster, self.dialect))
    }

    /// Tells whether two snapshots have the same pods in the same groups.
    pub(crate) fn shares_groups(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.program.groups, &other.program.groups)
    }

    /// Returns the facts.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Returns the dialect.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    pub(super) fn row_tables(&self) -> &RowTables {
        self.row_tables.get_or_init(|| RowTables::of(&self.cluster, &self.program))
    }

    pub(super) fn presence(&self) -> &Presence {
        self.presence.get_or_init(|| Presence::of(&self.program, self.row_tables()))
    }

    pub(super) fn may_reach(&self) -> &MayReach {
        self.may_reach.get_or_init(|| MayReach::of(&self.program))
    }

    pub(super) fn any_port(&self) -> &AnyPort {
        self.any_port.get_or_init(|| AnyPort::of(&self.cluster, &self.program, self.row_tables()))
    }

    pub(super) fn program(&self) -> &Program {
        &self.program
    }

    pub(super) fn evaluator(&self) -> Evaluator<'_> {
        Evaluator { cluster: &self.cluster, dialect: self.dialect, program: &self.program }
    }

    /// Returns the verdict about one flow; `Deny` where an end does not talk in the flow's family.
    ///
    /// The first verdict about two pods prepares a table for all later ones, of this snapshot and of those made from it
    /// by changes.
    pub fn verdict(&self, flow: &Flow) -> Verdict {
        let evaluator = self.evaluator();
        let (Peer::Pod(src), Peer::Pod(dst)) = (&flow.src, &flow.dst) else {
            return evaluator.verdict(flow);
        };
        evaluator.pods_verdict(self.verdicts(), (*src, *dst), flow)
    }

    /// Returns the table with whether it was made of this very program.
    pub(super) fn verdicts(&self) -> (&VerdictTable, bool) {
        (self.verdict_table(), Arc::ptr_eq(&self.origin, &self.program))
    }

    pub(super) fn verdict_table(&self) -> &VerdictTable {
        self.verdict_table.get_or_init(|| VerdictTable::of(&self.cluster, &self.origin))
    }

    /// Returns the verdict about one flow with the steps that lead to it: policies and rules, without words.
    ///
    /// A flow without ports has no steps where its verdict is not that of rules about two ordinary pods.
    pub fn explain(&self, flow: &Flow) -> Explanation {
        let asks_nobody = flow.port == 0 && self.dialect.icmp == IcmpMode::Allow;
        let pods = match (&flow.src, &flow.dst) {
            (Peer::Pod(src), Peer::Pod(dst)) if !asks_nobody => Some((*src, *dst)),
            _ => None,
        };
        let found = pods.and_then(|pods| self.evaluator().steps(self.verdict_table(), pods, flow));
        if let Some((verdict, steps)) = found {
            return Explanation { verdict, steps };
        }
        if flow.port == 0 {
            return Explanation { verdict: self.verdict(flow), steps: Vec::new() };
        }
        let (verdict, reasons) = self.reasoned(flow);
        let deciding = reasons.iter().filter(|reason| !reason.code.is_near_miss());
        Explanation { verdict, steps: deciding.map(Step::from).collect() }
    }

    /// Says in words why a flow has its verdict: the steps of [`explain`](Self::explain), then what came near. Nothing is said
    /// of a flow without ports.
    pub fn reasons(&self, flow: &Flow) -> Vec<Reason> {
        self.reasoned(flow).1
    }

    fn reasoned(&self, flow: &Flow) -> (Verdict, Vec<Reason>) {
        if flow.port == 0 {
            return (self.verdict(flow), Vec::new());
        }
        let evaluator = self.evaluator();
        let families = self.families(&flow.src, &flow.dst);
        let itself = flow.src == flow.dst && matches!(flow.src, Peer::Pod(_));
        if !families.contains(flow.family) && !itself {
            let message = format!("the two ends do not both talk {}", flow.family);
            return (Verdict::Deny, vec![plain(ReasonCode::NoCommonFamily, None, message)]);
        }
        let ports = PortSet::single(flow.protocol, flow.port);
        let parts = evaluator.explain(&flow.src, &flow.dst, flow.family, &ports, true);
        let only = parts.into_iter().next();
        only.map_or((Verdict::Deny, Vec::new()), |part| (part.verdict, part.reasons))
    }

    /// Returns the families in which two ends may talk.
    pub fn families(&self, src: &Peer, dst: &Peer) -> Families {
        let evaluator = self.evaluator();
        let both = |f: &crate::model::Family| {
            evaluator.has_family(src, *f) && evaluator.has_family(dst, *f)
        };
        crate::model::Family::ALL.into_iter().filter(both).collect()
    }

    /// Answers a question about all pairs of two sets.
    pub fn ask(&self, question: &Question) -> Table {
        answer(self, question)
    }

    /// Lists who can reach a selection on ports: the allowed rows, by workload.
    pub fn who_can_reach(&self, to: &Selection, ports: &AskedPorts) -> Vec<Row> {
        self.allowed(self.everyone(), to.clone(), ports.clone())
    }

    /// Lists the pods that are certainly allowed to reach a pod on one port, in some family that both have: group by group,
    /// in runs of pods that policies treat alike, looked for as far as the iterator is read.
    ///
    /// The pod itself, which always reaches itself, is not among them.
    pub fn sources_of(
        &self,
        pod: PodId,
        protocol: Protocol,
        port: u16,
    ) -> impl Iterator<Item = &[PodId]> {
        sources(self, pod, protocol, port)
    }

    /// Lists what a selection can reach on ports: the allowed rows, by workload.
    pub fn reachable_from(&self, from: &Selection, ports: &AskedPorts) -> Vec<Row> {
        self.allowed(from.clone(), self.everyone(), ports.clone())
    }

    /// Lists every allowed flow between workloads, and between workloads and the outside.
    pub fn flows(&self) -> Vec<Row> {
        self.allowed(self.everyone(), self.everyone(), AskedPorts::all())
    }

    /// Selects every pod, every address of the input's families and, where there is one, the ingress controller.
    pub fn everyone(&self) -> Selection {
        let mut pods = RoaringBitmap::new();
        pods.insert_range(0..u32::try_from(self.cluster.pods().len()).unwrap_or(u32::MAX));
        Selection { pods, ..self.everything_outside() }
    }

    /// Selects every address of the input's families and, where there is one, the ingress controller.
    pub(crate) fn everything_outside(&self) -> Selection {
        let ingress_controller = if self.cluster.ingresses().is_empty() {
            ControllerEnd::Absent
        } else {
            ControllerEnd::WhereItLeads
        };
        let addresses = IpSet::families(self.cluster.families());
        Selection { addresses, ingress_controller, ..Selection::default() }
    }

    fn allowed(&self, from: Selection, to: Selection, ports: AskedPorts) -> Vec<Row> {
        let question =
            Question { from, to, ports, level: Level::Workload, explain: false, denied: false };
        let mut rows = self.ask(&question).rows;
        rows.retain(|row| row.verdict == Verdict::Allow);
        rows
    }

    /// Shows who may reach whom on some of `ports` as a graph of workloads, for petgraph's algorithms.
    pub fn graph(&self, ports: PortSet) -> Graph<'_> {
        Graph::new(self, ports)
    }

    /// Lists everything that gets to the targets over any number of hops, with a shortest way each.
    pub fn eventual_sources(&self, question: &Hops) -> Closure {
        hops::sources(self, question)
    }

    /// Lists the workloads that get to a pod over any number of hops, on any ports, without the ways: first those that may open
    /// a connection to it, then those that a second hop takes there, and so on.
    ///
    /// Each is listed once, ascending in its layer; the pod's own workload is among them where it has another pod that gets
    /// there. [`eventual_sources`](Self::eventual_sources) lists the same with a shortest way each, and addresses too.
    ///
    /// It has no bound of work of its own: where very many pods have to be asked about one by one, it takes as long as a search
    /// for the ways that is never stopped.
    ///
    /// # Panics
    ///
    /// Where the pod is not one of this cluster.
    pub fn eventual_sources_of(&self, pod: PodId) -> Vec<Vec<WorkloadId>> {
        eventual_sources_of(self, pod)
    }

    /// Lists everything that the sources get to over any number of hops, with a shortest way each.
    pub fn eventual_destinations(&self, question: &Hops) -> Closure {
        hops::destinations(self, question)
    }

    /// Lists simple paths, short ones first.
    pub fn paths(&self, question: &Hops, choice: &PathChoice) -> Paths {
        paths::paths(self, question, choice).0
    }

    /// Finds what all ways between a set of ends and the pods of `around` go through, and which ends can reach one another.
    ///
    /// `None` where there are too many ends to look at every pair of them, and for what is reached on some ports only.
    pub fn shape(&self, around: &Hops, closure: &Closure) -> Option<Shape> {
        web::shape(self, around, closure)
    }

    /// Counts the ordered pairs of different pods that are certainly allowed on a port, in some family that both have.
    pub fn count_pairs(&self, protocol: Protocol, port: u16) -> u64 {
        count_pairs(self, protocol, port)
    }

    /// Counts the ordered pairs of different pods that are certainly allowed, for every port of every protocol: by protocol
    /// and port, consecutive ports of one count together. Ports that all rules treat alike are counted once.
    pub fn count_pairs_by_port(&self) -> Vec<PortCount> {
        count_pairs_by_port(self)
    }

    /// Lists the NetworkPolicies that isolate a pod in a direction; empty where nothing does.
    pub fn isolating_policies(&self, pod: PodId, direction: Direction) -> Vec<PolicyId> {
        self.governing(pod, direction, &[NETWORK])
    }

    /// Lists the policies of every family that govern a pod in a direction, in the order in which they are asked.
    pub fn governing_policies(&self, pod: PodId, direction: Direction) -> Vec<PolicyId> {
        self.governing(pod, direction, &[0, 1, 2])
    }

    fn governing(&self, pod: PodId, direction: Direction, stages: &[usize]) -> Vec<PolicyId> {
        let program = self.program.direction(direction);
        let profile =
            program.profiles[self.program.profile(direction, self.program.groups.of(pod)) as usize];
        let of_stage = |at: &usize| {
            let stage = &program.stages[*at];
            let policies = stage.profiles[profile.stages[*at] as usize].policies.iter();
            policies.map(|p| stage.policies[*p as usize].id).collect::<Vec<_>>()
        };
        stages.iter().flat_map(of_stage).collect()
    }

    /// Lists the pods that a policy selects in some direction, ascending.
    pub fn subjects(&self, policy: PolicyId) -> Vec<PodId> {
        let mut pods = Vec::new();
        for direction in Direction::ALL {
            let compiled = self.program.compiled(&self.cluster, direction, policy);
            compiled.for_each(|p| {
                p.subject.for_each(|group| pods.extend_from_slice(self.program.groups.pods(group)));
            });
        }
        pods.sort_unstable();
        pods.dedup();
        pods
    }
}
