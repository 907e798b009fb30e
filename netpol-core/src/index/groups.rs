//! Groups: pods of one namespace that agree in everything that policies can see, but for their addresses.

use std::collections::HashMap;

use super::mentions::Mentions;
use crate::model::{
    Cluster, ContainerPort, Dialect, Families, Family, HostNetwork, LabelId, NamespaceId, NodeId,
    Pod, PodId, Protocol,
};

/// Names a group: a column of every row.
pub(crate) type GroupId = u32;

type FastMap<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

/// A mark is a mentioned label or, above the labels, a label key that is tested for existence.
pub(crate) type Mark = u32;

/// What the pods of a group have in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Group {
    /// Their namespace.
    pub(crate) namespace: NamespaceId,
    /// Whether selectors match them; host-network pods are node traffic in `spec`.
    pub(crate) selectable: bool,
    /// Whether they are host-network pods.
    pub(crate) host_network: bool,
    /// Whether no address of theirs is known.
    pub(crate) address_unknown: bool,
    /// The families in which they talk.
    pub(crate) families: Families,
    /// The node of host-network pods, where a policy selects nodes.
    pub(crate) node: Option<NodeId>,
    /// The marks of their labels, ascending.
    pub(crate) marks: Box<[Mark]>,
    /// Mentioned port names with protocol and number, sorted.
    pub(crate) named_ports: Box<[(u32, Protocol, u16)]>,
}

/// All groups, in the order of their namespaces.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    groups: Vec<Group>,
    /// The pods by group, those of one group ascending.
    pods: Vec<PodId>,
    /// Where the pods of each group begin, and where those of the last one end.
    first_pod: Vec<u32>,
    of_pod: Vec<GroupId>,
    by_namespace: Vec<(GroupId, GroupId)>,
}

impl Groups {
    /// Groups the pods of a cluster.
    pub(crate) fn build(cluster: &Cluster, dialect: Dialect, mentions: &Mentions) -> Self {
        let mut maker = Maker::new(cluster, dialect, mentions);
        let mut numbers = FastMap::<Key, u32>::default();
        let mut first_seen = Vec::with_capacity(cluster.pods().len());
        for pod in cluster.pods() {
            let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
            first_seen.push(*numbers.entry(maker.key(pod)).or_insert(next));
        }
        Self::order(cluster, numbers, &first_seen, &maker)
    }

    /// Renumbers the groups by namespace, so that selections of namespaces are ranges.
    fn order(
        cluster: &Cluster,
        numbers: FastMap<Key, u32>,
        first_seen: &[u32],
        maker: &Maker<'_>,
    ) -> Self {
        let mut order: Vec<(Key, u32)> = numbers.into_iter().collect();
        order.sort_unstable_by_key(|(key, first)| (key.namespace, *first));
        let mut renumber = vec![0; order.len()];
        for (new, (_, old)) in (0u32..).zip(&order) {
            renumber[*old as usize] = new;
        }
        let of_pod: Vec<GroupId> = first_seen.iter().map(|old| renumber[*old as usize]).collect();
        let (pods, first_pod) = by_group(cluster, &of_pod, order.len());
        let groups: Vec<Group> = order.iter().map(|(key, _)| maker.group(key)).collect();
        let mut by_namespace = vec![(0, 0); cluster.namespaces().len()];
        for (id, group) in (0u32..).zip(&groups) {
            let range = &mut by_namespace[group.namespace.index()];
            *range = if range.1 == 0 { (id, id + 1) } else { (range.0, id + 1) };
        }
        Self { groups, pods, first_pod, of_pod, by_namespace }
    }

    /// Returns the number of groups.
    pub(crate) fn len(&self) -> u32 {
        u32::try_from(self.groups.len()).unwrap_or(u32::MAX)
    }

    /// Returns a group.
    pub(crate) fn group(&self, id: GroupId) -> &Group {
        &self.groups[id as usize]
    }

    /// Lists the groups with their ids.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (GroupId, &Group)> {
        (0u32..).zip(&self.groups)
    }

    /// Returns the pods of a group, ascending.
    pub(crate) fn pods(&self, id: GroupId) -> &[PodId] {
        let at = id as usize;
        &self.pods[self.first_pod[at] as usize..self.first_pod[at + 1] as usize]
    }

    /// Returns the group of a pod.
    pub(crate) fn of(&self, pod: PodId) -> GroupId {
        self.of_pod[pod.index()]
    }

    /// Returns the groups of a namespace, as a half-open range.
    pub(crate) fn of_namespace(&self, namespace: NamespaceId) -> (GroupId, GroupId) {
        self.by_namespace[namespace.index()]
    }
}

/// Sorts pods by group: counts them, then gives each its place.
fn by_group(cluster: &Cluster, of_pod: &[GroupId], groups: usize) -> (Vec<PodId>, Vec<u32>) {
    let mut first_pod = vec![0u32; groups + 1];
    for group in of_pod {
        first_pod[*group as usize + 1] += 1;
    }
    let mut sum = 0;
    for first in &mut first_pod {
        sum += *first;
        *first = sum;
    }
    let mut next = first_pod.clone();
    let mut pods = vec![PodId(0); of_pod.len()];
    for (pod, group) in cluster.pod_ids().zip(of_pod) {
        let place = &mut next[*group as usize];
        pods[*place as usize] = pod;
        *place += 1;
    }
    (pods, first_pod)
}

/// What tells groups apart, with the lists by their numbers.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    namespace: NamespaceId,
    selectable: bool,
    host_network: bool,
    address_unknown: bool,
    families: Families,
    node: Option<NodeId>,
    marks: u32,
    named_ports: u32,
}

/// Distinct lists, each with a number.
struct Lists<T> {
    numbers: FastMap<Box<[T]>, u32>,
    lists: Vec<Box<[T]>>,
}

impl<T: Clone + Eq + std::hash::Hash> Lists<T> {
    /// Starts with the empty list, which is number 0.
    fn new() -> Self {
        let empty: Box<[T]> = Box::default();
        Self { numbers: [(empty.clone(), 0)].into_iter().collect(), lists: vec![empty] }
    }

    fn number(&mut self, list: &[T]) -> u32 {
        if let Some(number) = self.numbers.get(list) {
            return *number;
        }
        let number = u32::try_from(self.lists.len()).unwrap_or(u32::MAX);
        self.lists.push(list.into());
        self.numbers.insert(list.into(), number);
        number
    }
}

/// No label, or a label that no policy mentions.
const NO_MARK: Mark = Mark::MAX;

/// Makes the groups of pods.
struct Maker<'a> {
    cluster: &'a Cluster,
    dialect: Dialect,
    mentions: &'a Mentions,
    /// By label: its mark as a label, and as a key that is tested for existence.
    marks_of: Vec<[Mark; 2]>,
    marks: Lists<Mark>,
    ports: Lists<(u32, Protocol, u16)>,
    /// Port lists are shared between pods: the number of each by where it lies.
    known_ports: FastMap<*const ContainerPort, u32>,
    scratch: Vec<Mark>,
    /// The marks of the pod before, with their number: the pods of a workload stand together.
    before: (Vec<Mark>, u32),
}

impl<'a> Maker<'a> {
    fn new(cluster: &'a Cluster, dialect: Dialect, mentions: &'a Mentions) -> Self {
        let table = cluster.labels();
        let base = u32::try_from(table.len()).unwrap_or(u32::MAX);
        let marks_of = (0..base).map(|label| {
            let key = table.key_index(LabelId(label));
            let own = if mentions.label(label as usize) { label } else { NO_MARK };
            let exists =
                if mentions.key(key as usize) { base.saturating_add(key) } else { NO_MARK };
            [own, exists]
        });
        Self {
            cluster,
            dialect,
            mentions,
            marks_of: marks_of.collect(),
            marks: Lists::new(),
            ports: Lists::new(),
            known_ports: FastMap::default(),
            scratch: Vec::new(),
            before: (Vec::new(), 0),
        }
    }

    fn key(&mut self, pod: &Pod) -> Key {
        let selectable = !pod.host_network || self.dialect.host_network == HostNetwork::Policed;
        let known: Families = pod.addresses.iter().map(|a| Family::of(*a)).collect();
        let families = if known.is_empty() { self.cluster.families() } else { known };
        Key {
            namespace: pod.namespace,
            selectable,
            host_network: pod.host_network,
            address_unknown: pod.addresses.is_empty(),
            families: if self.dialect.ipv4_only { families.and(Families::V4) } else { families },
            node: pod.node.filter(|_| pod.host_network && self.mentions.nodes),
            marks: if selectable { self.marks(&pod.labels) } else { 0 },
            named_ports: if selectable { self.named_ports(pod) } else { 0 },
        }
    }

    fn group(&self, key: &Key) -> Group {
        Group {
            namespace: key.namespace,
            selectable: key.selectable,
            host_network: key.host_network,
            address_unknown: key.address_unknown,
            families: key.families,
            node: key.node,
            marks: self.marks.lists[key.marks as usize].clone(),
            named_ports: self.ports.lists[key.named_ports as usize].clone(),
        }
    }

    fn marks(&mut self, labels: &[LabelId]) -> u32 {
        let mut marks = std::mem::take(&mut self.scratch);
        marks.clear();
        let of = labels.iter().flat_map(|label| self.marks_of[label.index()]);
        marks.extend(of.filter(|mark| *mark != NO_MARK));
        marks.sort_unstable();
        if marks != self.before.0 {
            self.before.1 = self.marks.number(&marks);
            std::mem::swap(&mut self.before.0, &mut marks);
        }
        self.scratch = marks;
        self.before.1
    }

    fn named_ports(&mut self, pod: &Pod) -> u32 {
        if let Some(known) =
            self.known_ports.get(&pod.ports.as_ptr()).filter(|_| !pod.ports.is_empty())
        {
            return *known;
        }
        let counts = |restartable: bool| !restartable || self.dialect.restartable_init_ports;
        let named = pod.ports.iter().filter(|p| counts(p.restartable_init)).filter_map(|p| {
            Some((self.mentions.port_name(p.name.as_deref()?)?, p.protocol, p.number))
        });
        let mut named: Vec<_> = named.collect();
        named.sort_unstable();
        named.dedup();
        let number = self.ports.number(&named);
        self.known_ports.insert(pod.ports.as_ptr(), number);
        number
    }
}
