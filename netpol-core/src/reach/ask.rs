//! Answers a [`Question`]: every pair of cells once, whatever the number of their pods.

use std::collections::{BTreeMap, HashMap};

use roaring::RoaringBitmap;

use super::cells::{Cell, Cells};
use super::controller;
use super::outside;
use super::question::{ControllerEnd, End, Level, Question, Selection, Table};
use super::snapshot::Snapshot;
use super::table::{EndKey, Pairs, TableBuilder};
use crate::compile::{NETWORK, ProfileId, Program};
use crate::evaluate::{Decision, Evaluator, Explained, plain};
use crate::index::{DenseSet, GroupId, GroupSet, Union};
use crate::model::{
    Action, Direction, Families, Family, NodeId, Peer, PodId, PortRange, PortSet, ReasonCode,
    Verdict,
};

/// Keys of ends that are pods.
pub(super) const PODS: u8 = 0;
/// Key of the ingress controller; 1 is that of what is outside.
pub(super) const CONTROLLER: u8 = 2;

/// Answers a question.
pub(super) fn answer(snapshot: &Snapshot, question: &Question) -> Table {
    let Sides { from, to, left_out } = Sides::of(snapshot, question);
    let mut asker = Asker {
        evaluator: snapshot.evaluator(),
        question,
        table: TableBuilder::default(),
        known: HashMap::default(),
        hopes: HashMap::default(),
        cells: (from.cells.len(), to.cells.len()),
    };
    if let Some(pod) = asker.alone() {
        asker.ask_self(pod);
    } else {
        asker.ask_pods(&from, &to);
        if left_out > 0 {
            asker.table.count(left_out, &[(Verdict::Deny, PortSet::none())]);
        }
    }
    let outside = outside::ask(&mut asker, &from, &to);
    controller::ask(&mut asker, &to);
    let alone = asker.alone().is_some();
    let table = std::mem::take(&mut asker.table);
    let end = |key: EndKey, source: bool| match key.0 {
        PODS => (if source { &from } else { &to }).ends[key.1].0.clone(),
        CONTROLLER => End::IngressController,
        _ => outside
            .ends
            .get(key.1)
            .cloned()
            .unwrap_or_else(|| End::External(crate::model::IpSet::none())),
    };
    let total = |src: EndKey, dst: EndKey| match (src.0, dst.0) {
        _ if alone && src.0 == PODS && dst.0 == PODS => 1,
        (PODS, PODS) => pair_count(&from.ends[src.1].1, &to.ends[dst.1].1),
        (PODS, _) => from.ends[src.1].1.len() as u64,
        _ => to.ends[dst.1].1.len() as u64,
    };
    table.finish(&end, &total)
}

/// The two sides of a question in cells.
struct Sides {
    from: Cells,
    to: Cells,
    /// Pairs of pods that are surely denied on every port, and whose ends are not among the cells for that reason.
    left_out: u64,
}

impl Sides {
    /// Where one side is small and denied pairs are not listed, of the other side only those ends are made cells that the
    /// small side's rules may allow. Both sides are whole where they are asked about addresses too.
    fn of(snapshot: &Snapshot, question: &Question) -> Self {
        let (cluster, program, level) = (snapshot.cluster(), snapshot.program(), question.level);
        let (from, to) = (&question.from, &question.to);
        let cells = |selection| Cells::of(cluster, program, selection, level);
        let from_whole = !to.addresses.is_empty() || !to.names.is_empty();
        let to_whole =
            !from.addresses.is_empty() || from.ingress_controller != ControllerEnd::Absent;
        if from.pods.len() > to.pods.len() && !question.denied && !from_whole {
            let to = cells(to);
            let (from, left_out) = rest(snapshot, from, level, (&to, Direction::Ingress));
            return Self { from, to, left_out };
        }
        if to.pods.len() > from.pods.len() && !question.denied && !to_whole {
            let from = cells(from);
            let (to, left_out) = rest(snapshot, to, level, (&from, Direction::Egress));
            return Self { from, to, left_out };
        }
        Self { from: cells(from), to: cells(to), left_out: 0 }
    }
}

/// Makes cells of a selection as far as some rule of the small side may allow them; counts the pairs that are left out.
fn rest(
    snapshot: &Snapshot,
    selection: &Selection,
    level: Level,
    (small, direction): (&Cells, Direction),
) -> (Cells, u64) {
    let (cluster, program) = (snapshot.cluster(), snapshot.program());
    if small.cells.len() > FEW_CELLS {
        return (Cells::of(cluster, program, selection, level), 0);
    }
    let hopes = hopes_of_cells(snapshot, small, direction);
    let cells = Cells::within(cluster, program, selection, level, &hopes);
    let known = u32::try_from(cluster.pods().len()).unwrap_or(u32::MAX);
    let kept: RoaringBitmap =
        cells.ends.iter().flat_map(|(_, pods)| pods.iter().map(|pod| pod.0)).collect();
    let gone = selection.pods.range_cardinality(0..known) - kept.len();
    let pods = || small.ends.iter().flat_map(|(_, pods)| pods);
    let both = pods().filter(|p| selection.pods.contains(p.0) && !kept.contains(p.0)).count();
    (cells, gone * pods().count() as u64 - both as u64)
}

/// The groups that some cell may allow on some port, or whose node exempts them.
fn hopes_of_cells(snapshot: &Snapshot, cells: &Cells, direction: Direction) -> DenseSet {
    let program = snapshot.program();
    let exempt = snapshot.dialect().own_node_exempt;
    let is_host = |group: GroupId| exempt && program.groups.group(group).host_network;
    if direction == Direction::Egress && cells.cells.iter().any(|cell| is_host(cell.group)) {
        return DenseSet::all(program.groups.len());
    }
    let mut hopes = DenseSet::none(program.groups.len());
    for cell in &cells.cells {
        hopes.insert_set(&hopes_of(program, direction, program.profile(direction, cell.group)));
    }
    if direction == Direction::Ingress {
        let hosts = program.groups.iter().filter(|(group, _)| is_host(*group));
        hosts.for_each(|(group, _)| hopes.insert(group));
    }
    hopes
}

/// The groups that a profile may allow on some port: everything where no NetworkPolicy isolates or addresses matter,
/// else what rules that allow match.
pub(super) fn hopes_of(program: &Program, direction: Direction, profile: ProfileId) -> GroupSet {
    let len = program.groups.len();
    let stages = program.direction(direction).profiles[profile as usize].stages;
    let network = &program.direction(direction).stages[NETWORK].profiles[stages[NETWORK] as usize];
    if network.policies.is_empty() {
        return GroupSet::whole(len);
    }
    let mut hopes = Union::none(len);
    for rule in program.rules(direction, profile).filter(|r| r.action == Action::Allow) {
        let peer = &program.peers[rule.peer as usize];
        if peer.any || !peer.terms.is_empty() {
            return GroupSet::whole(len);
        }
        hopes.insert_set(&peer.groups);
    }
    hopes.finish()
}

/// Tells whether a group is among those that a profile may allow on some port.
fn may_allow_group(
    program: &Program,
    direction: Direction,
    profile: ProfileId,
    group: GroupId,
) -> bool {
    let stages = program.direction(direction).profiles[profile as usize].stages;
    let network = &program.direction(direction).stages[NETWORK].profiles[stages[NETWORK] as usize];
    network.policies.is_empty()
        || program.rules(direction, profile).filter(|r| r.action == Action::Allow).any(|rule| {
            let peer = &program.peers[rule.peer as usize];
            peer.any || !peer.terms.is_empty() || peer.groups.contains(group)
        })
}

/// Counts ordered pairs of different pods of two ascending lists.
fn pair_count(a: &[PodId], b: &[PodId]) -> u64 {
    let (short, long) = if a.len() < b.len() { (a, b) } else { (b, a) };
    let common = short.iter().filter(|p| long.binary_search(p).is_ok()).count();
    (a.len() as u64) * (b.len() as u64) - common as u64
}

/// What distinguishes the pods of a cell for one question, besides their group.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub(super) struct Signature {
    /// The address classes under the rules of the other end, by family; `None` where no address is known.
    classes: Vec<Option<[u32; 3]>>,
    /// The node, where the own-node exemption may apply.
    node: Option<NodeId>,
    /// The asked ports that names add on this pod.
    named: Vec<PortRange>,
}

/// Key of a decided direction: subject group, other group and what distinguishes the other end.
type DecisionKey = (Direction, u32, u32, Family, Option<[u32; 3]>);

/// Asks pair by pair.
pub(super) struct Asker<'a> {
    pub(super) evaluator: Evaluator<'a>,
    pub(super) question: &'a Question,
    pub(super) table: TableBuilder,
    known: HashMap<DecisionKey, Decision, foldhash::fast::RandomState>,
    /// By direction and profile: the groups that some rule may allow on some port.
    hopes: HashMap<(Direction, ProfileId), GroupSet, foldhash::fast::RandomState>,
    /// The numbers of cells on both sides.
    cells: (usize, usize),
}

/// Toward so few cells, what a profile may allow is asked rule by rule.
const FEW_CELLS: usize = 8;

impl<'a> Asker<'a> {
    /// Tells whether the question is about one pod and itself alone.
    fn alone(&self) -> Option<PodId> {
        let (from, to) = (&self.question.from, &self.question.to);
        let only_pods = |s: &Selection| {
            let no_controller = s.ingress_controller == ControllerEnd::Absent;
            s.addresses.is_empty() && s.names.is_empty() && no_controller
        };
        let one = from.pods.len() == 1 && from.pods == to.pods && only_pods(from) && only_pods(to);
        let known = |p: &PodId| p.index() < self.evaluator.cluster.pods().len();
        from.pods.min().filter(|_| one).map(PodId).filter(known)
    }

    fn ask_self(&mut self, pod: PodId) {
        let ports = self.ports_on(pod);
        let pairs = Pairs { src: EndKey(PODS, 0), dst: EndKey(PODS, 0), family: None, count: 1 };
        let parts =
            self.evaluator.explain(&Peer::Pod(pod), &Peer::Pod(pod), Family::V4, &ports, true);
        self.add(&pairs, &ports, &Decision::allow(ports.clone()), || parts);
    }

    fn ask_pods(&mut self, from: &Cells, to: &Cells) {
        for src in &from.cells {
            for dst in &to.cells {
                self.ask_cells(src, dst);
            }
        }
    }

    fn ask_cells(&mut self, src: &Cell, dst: &Cell) {
        let groups = &self.evaluator.program.groups;
        let families = groups.group(src.group).families.and(groups.group(dst.group).families);
        let own_node =
            self.evaluator.dialect.own_node_exempt && groups.group(src.group).host_network;
        if !self.question.denied && !own_node && self.is_hopeless(src.group, dst.group) {
            let count = pair_count(&src.pods, &dst.pods);
            self.table.count(count, &[(Verdict::Deny, PortSet::none())]);
            return;
        }
        let program = self.evaluator.program;
        let sources = self.split(
            src,
            Direction::Ingress,
            program.profile(Direction::Ingress, dst.group),
            families,
            own_node,
        );
        let targets = self.split(
            dst,
            Direction::Egress,
            program.profile(Direction::Egress, src.group),
            families,
            own_node,
        );
        for (src_signature, src_pods) in &sources {
            for (dst_signature, dst_pods) in &targets {
                let count = pair_count(src_pods, dst_pods);
                if count == 0 {
                    continue;
                }
                let ends = (EndKey(PODS, src.end), EndKey(PODS, dst.end), count);
                self.ask_pair(ends, families, (src_pods, src_signature), (dst_pods, dst_signature));
            }
        }
    }

    /// Tells whether a pair of groups is surely denied on every port: most pairs of a large cluster are. The side with fewer
    /// cells is asked first, since it has fewer profiles.
    fn is_hopeless(&mut self, src: GroupId, dst: GroupId) -> bool {
        let egress = (Direction::Egress, src, dst);
        let ingress = (Direction::Ingress, dst, src);
        let few_sources = self.cells.0 <= self.cells.1;
        let ways = if few_sources { [egress, ingress] } else { [ingress, egress] };
        ways.into_iter()
            .any(|(direction, subject, other)| !self.may_allow(direction, subject, other))
    }

    fn may_allow(&mut self, direction: Direction, subject: GroupId, other: GroupId) -> bool {
        let program = self.evaluator.program;
        let profile = program.profile(direction, subject);
        let others = match direction {
            Direction::Egress => self.cells.1,
            Direction::Ingress => self.cells.0,
        };
        if others <= FEW_CELLS {
            return may_allow_group(program, direction, profile, other);
        }
        let hopes = self.hopes.entry((direction, profile));
        hopes.or_insert_with(|| hopes_of(program, direction, profile)).contains(other)
    }

    /// Splits a cell by what the rules at the other end can tell apart.
    fn split(
        &self,
        cell: &Cell,
        direction: Direction,
        profile: ProfileId,
        families: Families,
        own_node: bool,
    ) -> Vec<(Signature, Vec<PodId>)> {
        let program = self.evaluator.program;
        let maps: Vec<_> =
            families.iter().map(|f| (f, program.class_maps(direction, profile, f))).collect();
        let flat = maps.iter().all(|(_, maps)| maps.iter().all(|m| m.is_trivial()));
        let names = direction == Direction::Egress && !self.question.ports.names.is_empty();
        if flat && !own_node && !names {
            return vec![(Signature::default(), cell.pods.clone())];
        }
        let mut parts: BTreeMap<Signature, Vec<PodId>> = BTreeMap::new();
        for pod in &cell.pods {
            let facts = self.evaluator.cluster.pod(*pod);
            let classes = maps
                .iter()
                .map(|(f, maps)| facts.address(*f).map(|a| maps.map(|m| m.class(a))))
                .collect();
            let named = if names { self.ports_on(*pod).ranges().collect() } else { Vec::new() };
            let node = facts.node.filter(|_| own_node);
            parts.entry(Signature { classes, node, named }).or_default().push(*pod);
        }
        parts.into_iter().collect()
    }

    fn ask_pair(
        &mut self,
        (src, dst, count): (EndKey, EndKey, u64),
        families: Families,
        (src_pods, src_signature): (&[PodId], &Signature),
        (dst_pods, dst_signature): (&[PodId], &Signature),
    ) {
        // Two different pods, where the cells have such: they stand for all.
        let (Some(a), Some(mut b)) = (src_pods.first().copied(), dst_pods.first().copied()) else {
            return;
        };
        let mut first = a;
        if a == b {
            match (dst_pods.get(1), src_pods.get(1)) {
                (Some(other), _) => b = *other,
                (None, Some(other)) => first = *other,
                (None, None) => return,
            }
        }
        let (a, b) = (Peer::Pod(first), Peer::Pod(b));
        let ports = match &b {
            Peer::Pod(pod) => self.ports_on(*pod),
            _ => PortSet::none(),
        };
        if families.is_empty() {
            self.add_no_family(&Pairs { src, dst, family: None, count }, &ports);
            return;
        }
        let decided: Vec<(Family, Decision)> = families
            .iter()
            .enumerate()
            .map(|(i, f)| {
                let of = |s: &Signature| s.classes.get(i).copied().flatten();
                let classes = (of(src_signature), of(dst_signature));
                (f, self.decide(&a, &b, f, classes))
            })
            .collect();
        self.add_families(&decided, (src, dst, count), &ports, &|evaluator, family, ports| {
            evaluator.explain(&a, &b, family, ports, true)
        });
    }

    /// Adds a pair once where its families agree, else once for each family.
    pub(super) fn add_families(
        &mut self,
        decided: &[(Family, Decision)],
        (src, dst, count): (EndKey, EndKey, u64),
        ports: &PortSet,
        explain: &dyn Fn(&Evaluator<'a>, Family, &PortSet) -> Vec<Explained>,
    ) {
        let evaluator = self.evaluator;
        let agree = decided.windows(2).all(|w| w[0].1.split(ports) == w[1].1.split(ports));
        for (family, decision) in decided.iter().take(if agree { 1 } else { decided.len() }) {
            let pairs = Pairs { src, dst, family: (!agree).then_some(*family), count };
            self.add(&pairs, ports, decision, || explain(&evaluator, *family, ports));
        }
    }

    pub(super) fn add(
        &mut self,
        pairs: &Pairs,
        ports: &PortSet,
        decision: &Decision,
        explain: impl FnOnce() -> Vec<Explained>,
    ) {
        if self.question.explain && !ports.is_empty() {
            self.table.add_explained(pairs, &explain(), self.question.denied);
        } else {
            self.table.add_decision(pairs, ports, decision, self.question.denied);
        }
    }

    pub(super) fn add_no_family(&mut self, pairs: &Pairs, ports: &PortSet) {
        let message = "the two ends share no address family".to_owned();
        let mut reason = plain(ReasonCode::NoCommonFamily, None, message);
        reason.ports = ports.clone();
        let part =
            Explained { verdict: Verdict::Deny, ports: ports.clone(), reasons: vec![reason] };
        self.add(pairs, ports, &Decision::default(), || vec![part]);
    }

    /// Decides a pair of pods in one family.
    fn decide(
        &mut self,
        src: &Peer,
        dst: &Peer,
        family: Family,
        classes: (Option<[u32; 3]>, Option<[u32; 3]>),
    ) -> Decision {
        let egress = self.decide_direction(Direction::Egress, src, dst, family, classes.1);
        if self.evaluator.is_own_node(src, dst) {
            return egress;
        }
        egress.and(&self.decide_direction(Direction::Ingress, dst, src, family, classes.0))
    }

    fn decide_direction(
        &mut self,
        direction: Direction,
        subject: &Peer,
        other: &Peer,
        family: Family,
        classes: Option<[u32; 3]>,
    ) -> Decision {
        let (Peer::Pod(subject), Peer::Pod(other_pod)) = (subject, other) else {
            return Decision::default();
        };
        let groups = &self.evaluator.program.groups;
        let (group, other_group) = (groups.of(*subject), groups.of(*other_pod));
        let key = (direction, group, other_group, family, classes);
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        let candidates = self.evaluator.candidates(other, family);
        let view = self.evaluator.other(other, family, &candidates);
        let decision = self.evaluator.decide(direction, group, &view, family, &PortSet::all());
        self.known.insert(key, decision.clone());
        decision
    }

    /// Returns the asked ports on a destination pod.
    pub(super) fn ports_on(&self, pod: PodId) -> PortSet {
        let asked = &self.question.ports;
        if asked.names.is_empty() {
            return asked.numbers.clone();
        }
        let declared = self.evaluator.cluster.pod(pod).ports.iter();
        let named = declared.filter(|p| p.name.as_ref().is_some_and(|n| asked.names.contains(n)));
        let named = named.map(|p| PortRange { protocol: p.protocol, from: p.number, to: p.number });
        asked.numbers.union(&named.collect())
    }
}
