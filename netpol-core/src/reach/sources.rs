//! Who can reach one pod on one port, group by group: what the other end lets in, then what its own rules let out.

use super::snapshot::Snapshot;
use crate::compile::port_key;
use crate::evaluate::{Evaluator, VerdictTable};
use crate::index::{GroupId, Union};
use crate::model::{Direction, Families, Family, Flow, Peer, PodId, Protocol, Verdict};

/// Looks for the sources of one pod.
#[derive(Clone, Copy)]
struct Search<'a> {
    evaluator: Evaluator<'a>,
    /// The table, with whether it was made of the snapshot's own program.
    table: (&'a VerdictTable, bool),
    target: PodId,
    protocol: Protocol,
    port: u16,
    families: Families,
    /// Whether the groups that are looked at are those that the target lets in, in its one family.
    let_in: bool,
}

/// Lists the pods that are certainly allowed to reach a pod on a port, in runs of pods that share a group.
pub(super) fn sources(
    snapshot: &Snapshot,
    target: PodId,
    protocol: Protocol,
    port: u16,
) -> impl Iterator<Item = &[PodId]> {
    let (evaluator, table) = (snapshot.evaluator(), snapshot.verdicts());
    let program = evaluator.program;
    let subject = program.groups.of(target);
    let families = program.groups.group(subject).families;
    let key = port_key(protocol, port);
    let in_family = |family| table.0.let_in(program, subject, key, family);
    let mut groups = families.iter().map(in_family).collect::<Option<Vec<_>>>();
    // Where there are two families, it is not known in which of them a group is let in.
    let let_in = groups.as_ref().is_some_and(|groups| groups.len() == 1);
    let groups = match groups.as_deref_mut() {
        Some([only]) => std::mem::take(only),
        Some(many) => {
            let mut all = Union::none(program.groups.len());
            many.iter().flatten().for_each(|(from, to)| all.insert_range(*from, *to));
            let mut ranges = Vec::new();
            all.finish().for_each_range(|from, to| ranges.push((from, to)));
            ranges
        }
        None => vec![(0, program.groups.len())],
    };
    let search = Search { evaluator, table, target, protocol, port, families, let_in };
    let groups = groups.into_iter().flat_map(|(from, to)| from..to);
    groups.flat_map(move |group| search.group(group))
}

impl<'a> Search<'a> {
    /// Lists the pods of a group that reach the target.
    fn group(self, group: GroupId) -> impl Iterator<Item = &'a [PodId]> {
        let groups = &self.evaluator.program.groups;
        let pods = groups.pods(group);
        let target = self.target;
        let alike = self.is_treated_alike(group);
        let first = pods.iter().copied().find(|pod| *pod != target);
        let some = first.is_some_and(|first| !alike || self.reaches(group, first));
        let is_source = move |pod: &PodId| *pod != target && (alike || self.reaches(group, *pod));
        let pods = if some { pods } else { &[] };
        let runs = pods.chunk_by(move |a, b| is_source(a) == is_source(b));
        runs.filter(move |run| run.first().is_some_and(is_source))
    }

    /// Tells whether the pods of a group differ in nothing that the target's rules look at.
    fn is_treated_alike(&self, group: GroupId) -> bool {
        let program = self.evaluator.program;
        let profile = program.profile(Direction::Ingress, program.groups.of(self.target));
        let cut = program.direction(Direction::Ingress).profiles[profile as usize].cut;
        let cut = self.families.iter().any(|family| cut[family as usize]);
        let facts = program.groups.group(group);
        !facts.host_network && (!cut || self.let_in || facts.address_unknown)
    }

    fn reaches(&self, group: GroupId, pod: PodId) -> bool {
        let own_address = {
            let facts = self.evaluator.program.groups.group(group);
            !facts.host_network && !facts.address_unknown
        };
        self.families.iter().any(|family| {
            let flow = self.flow(pod, family);
            let pods = (pod, self.target);
            let verdict = if self.let_in && own_address {
                self.evaluator.pods_egress(self.table.0, pods, &flow)
            } else {
                self.evaluator.pods_verdict(self.table, pods, &flow)
            };
            verdict == Verdict::Allow
        })
    }

    fn flow(&self, src: PodId, family: Family) -> Flow {
        let Self { protocol, port, .. } = *self;
        Flow { src: Peer::Pod(src), dst: Peer::Pod(self.target), protocol, port, family }
    }
}
