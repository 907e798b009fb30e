//! Groups: pods of one namespace that agree in everything that policies can see, but for their addresses.

use std::collections::HashMap;

use super::mentions::Mentions;
use crate::model::{
    Cluster, Dialect, Families, HostNetwork, LabelId, NamespaceId, NodeId, Pod, PodId, Protocol,
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
    pods: Vec<Vec<PodId>>,
    of_pod: Vec<GroupId>,
    by_namespace: Vec<(GroupId, GroupId)>,
}

impl Groups {
    /// Groups the pods of a cluster.
    pub(crate) fn build(cluster: &Cluster, dialect: Dialect, mentions: &Mentions) -> Self {
        let mut maker = Maker { cluster, dialect, mentions, marks: FastMap::default() };
        let mut numbers = FastMap::<Group, u32>::default();
        let mut first_seen = Vec::with_capacity(cluster.pods().len());
        for pod in cluster.pods() {
            let group = maker.group(pod);
            let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
            first_seen.push(*numbers.entry(group).or_insert(next));
        }
        Self::order(cluster, numbers, &first_seen)
    }

    /// Renumbers the groups by namespace, so that selections of namespaces are ranges.
    fn order(cluster: &Cluster, numbers: FastMap<Group, u32>, first_seen: &[u32]) -> Self {
        let mut order: Vec<(Group, u32)> = numbers.into_iter().collect();
        order.sort_unstable_by_key(|(group, first)| (group.namespace, *first));
        let mut renumber = vec![0; order.len()];
        for (new, (_, old)) in (0u32..).zip(&order) {
            renumber[*old as usize] = new;
        }
        let of_pod: Vec<GroupId> = first_seen.iter().map(|old| renumber[*old as usize]).collect();
        let mut pods = vec![Vec::new(); order.len()];
        for (pod, group) in cluster.pod_ids().zip(&of_pod) {
            pods[*group as usize].push(pod);
        }
        let groups: Vec<Group> = order.into_iter().map(|(group, _)| group).collect();
        let mut by_namespace = vec![(0, 0); cluster.namespaces().len()];
        for (id, group) in (0u32..).zip(&groups) {
            let range = &mut by_namespace[group.namespace.index()];
            *range = if range.1 == 0 { (id, id + 1) } else { (range.0, id + 1) };
        }
        Self { groups, pods, of_pod, by_namespace }
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
        &self.pods[id as usize]
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

/// Makes the group of a pod.
struct Maker<'a> {
    cluster: &'a Cluster,
    dialect: Dialect,
    mentions: &'a Mentions,
    /// Marks by the address of a shared label list: replicas of a template share theirs.
    marks: FastMap<*const LabelId, Box<[Mark]>>,
}

impl Maker<'_> {
    fn group(&mut self, pod: &Pod) -> Group {
        let selectable = !pod.host_network || self.dialect.host_network == HostNetwork::Policed;
        let known: Families = pod.addresses.iter().map(|a| crate::model::Family::of(*a)).collect();
        let families = if known.is_empty() { self.cluster.families() } else { known };
        let families = if self.dialect.ipv4_only { families.and(Families::V4) } else { families };
        Group {
            namespace: pod.namespace,
            selectable,
            host_network: pod.host_network,
            address_unknown: pod.addresses.is_empty(),
            families,
            node: pod.node.filter(|_| pod.host_network && self.mentions.nodes),
            marks: if selectable { self.marks(pod) } else { Box::default() },
            named_ports: if selectable { self.named_ports(pod) } else { Box::default() },
        }
    }

    fn marks(&mut self, pod: &Pod) -> Box<[Mark]> {
        if pod.from_template
            && let Some(marks) = self.marks.get(&pod.labels.as_ptr())
        {
            return marks.clone();
        }
        let marks = marks(self.cluster, self.mentions, &pod.labels);
        if pod.from_template {
            self.marks.insert(pod.labels.as_ptr(), marks.clone());
        }
        marks
    }

    fn named_ports(&self, pod: &Pod) -> Box<[(u32, Protocol, u16)]> {
        let counts = |restartable: bool| !restartable || self.dialect.restartable_init_ports;
        let mut ports: Vec<_> = pod
            .ports
            .iter()
            .filter(|p| counts(p.restartable_init))
            .filter_map(|p| {
                Some((self.mentions.port_name(p.name.as_deref()?)?, p.protocol, p.number))
            })
            .collect();
        ports.sort_unstable();
        ports.dedup();
        ports.into()
    }
}

fn marks(cluster: &Cluster, mentions: &Mentions, labels: &[LabelId]) -> Box<[Mark]> {
    let table = cluster.labels();
    let key_base = u32::try_from(table.len()).unwrap_or(u32::MAX);
    let mut marks: Vec<Mark> = Vec::with_capacity(labels.len());
    for label in labels {
        if mentions.label(label.index()) {
            marks.push(label.0);
        }
        let key = table.key_index(*label);
        if mentions.key(key as usize) {
            marks.push(key_base.saturating_add(key));
        }
    }
    marks.sort_unstable();
    marks.into()
}
