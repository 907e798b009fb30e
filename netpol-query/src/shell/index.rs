//! The names and labels of a snapshot, sorted once, so that each key press costs a binary search.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Arc, OnceLock};

use netpol_core::model::{Cluster, LabelId, NamespaceId, PodId, PolicyId, ServiceId, WorkloadId};
use netpol_core::reach::Snapshot;

use crate::kinds::{self, Kind};

/// An index that is built when it is first needed, by whoever needs it or asks for it ahead of time.
#[derive(Debug)]
pub struct LazyIndex {
    snapshot: Snapshot,
    cell: OnceLock<Index>,
}

impl LazyIndex {
    /// Makes an index of a snapshot.
    pub fn new(snapshot: &Snapshot) -> Arc<Self> {
        Arc::new(Self { snapshot: snapshot.clone(), cell: OnceLock::new() })
    }

    /// Returns the index.
    pub fn get(&self) -> &Index {
        self.cell.get_or_init(|| Index::new(&self.snapshot))
    }
}

/// Keys of labels, each with its values; all sorted.
type Labels = BTreeMap<Box<str>, Vec<Box<str>>>;

/// The names and labels of a snapshot.
#[derive(Debug)]
pub struct Index {
    snapshot: Snapshot,
    namespaces: Vec<NamespaceId>,
    nodes: Vec<Box<str>>,
    workloads: Table<WorkloadId>,
    pods: Table<PodId>,
    services: Table<ServiceId>,
    policies: Table<PolicyId>,
    pod_labels: Labels,
    namespace_labels: Labels,
    ports: Vec<Entry>,
}

/// The ids of one kind of object, by name and by namespace and name.
#[derive(Debug)]
struct Table<T> {
    by_name: Vec<T>,
    by_place: Vec<T>,
}

/// How the objects of a kind are called.
trait Named: Copy {
    fn name(self, cluster: &Cluster) -> &str;
    fn place(self, cluster: &Cluster) -> Option<NamespaceId>;
}

macro_rules! named {
    ($id:ty, $get:ident, $place:expr) => {
        impl Named for $id {
            fn name(self, cluster: &Cluster) -> &str {
                &cluster.$get(self).name
            }
            fn place(self, cluster: &Cluster) -> Option<NamespaceId> {
                $place(cluster.$get(self).namespace)
            }
        }
    };
}

named!(WorkloadId, workload, Some);
named!(PodId, pod, Some);
named!(ServiceId, service, Some);
named!(PolicyId, policy, std::convert::identity);

impl<T: Named> Table<T> {
    fn new(cluster: &Cluster, ids: impl Iterator<Item = T>) -> Self {
        let mut by_name: Vec<T> = ids.collect();
        by_name.sort_by_key(|id| (id.name(cluster), id.place(cluster)));
        let mut by_place = by_name.clone();
        by_place.sort_by_key(|id| id.place(cluster));
        Self { by_name, by_place }
    }

    /// Returns what begins with a prefix, anywhere or in a namespace.
    fn starting(&self, cluster: &Cluster, place: Option<NamespaceId>, prefix: &str) -> &[T] {
        match place {
            None => within(&self.by_name, |id| head(id.name(cluster), prefix).cmp(prefix)),
            Some(place) => within(&self.by_place, |id| {
                id.place(cluster)
                    .cmp(&Some(place))
                    .then_with(|| head(id.name(cluster), prefix).cmp(prefix))
            }),
        }
    }

    fn named(&self, cluster: &Cluster, place: Option<NamespaceId>, name: &str) -> &[T] {
        let found = self.starting(cluster, place, name);
        let exact = found.partition_point(|id| id.name(cluster) == name);
        found.get(..exact).unwrap_or_default()
    }
}

/// Returns as much of a name as a prefix is long.
fn head<'a>(name: &'a str, prefix: &str) -> &'a str {
    let mut end = prefix.len().min(name.len());
    while !name.is_char_boundary(end) {
        end += 1;
    }
    name.get(..end).unwrap_or(name)
}

/// Returns the run of a sorted list that a comparison finds equal.
fn within<T: Copy>(sorted: &[T], compare: impl Fn(T) -> std::cmp::Ordering) -> &[T] {
    let start = sorted.partition_point(|x| compare(*x).is_lt());
    let end = sorted.partition_point(|x| compare(*x).is_le());
    sorted.get(start..end).unwrap_or_default()
}

/// Something that has a name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// What a user types.
    pub text: String,
    /// What it is.
    pub note: String,
}

fn entry(text: impl Into<String>, note: impl Into<String>) -> Entry {
    Entry { text: text.into(), note: note.into() }
}

impl Index {
    /// Sorts the names and labels of a snapshot.
    pub fn new(snapshot: &Snapshot) -> Self {
        let cluster = snapshot.cluster();
        let mut namespaces: Vec<NamespaceId> = cluster.namespace_ids().collect();
        namespaces.sort_by_key(|id| &*cluster.namespace(*id).name);
        let mut nodes: Vec<Box<str>> = cluster.nodes().iter().map(|n| n.name.clone()).collect();
        nodes.sort_unstable();
        Self {
            namespaces,
            nodes,
            workloads: Table::new(cluster, cluster.workload_ids()),
            pods: Table::new(cluster, cluster.pod_ids()),
            services: Table::new(cluster, cluster.service_ids()),
            policies: Table::new(cluster, cluster.policy_ids()),
            pod_labels: labels(cluster, cluster.pods().iter().map(|p| &*p.labels)),
            namespace_labels: labels(cluster, cluster.namespaces().iter().map(|n| &*n.labels)),
            ports: ports(cluster, cluster.pod_ids()),
            snapshot: snapshot.clone(),
        }
    }

    /// Returns the ports that any container declares: numbers, then names.
    pub fn ports(&self) -> &[Entry] {
        &self.ports
    }

    fn cluster(&self) -> &Cluster {
        self.snapshot.cluster()
    }

    /// Lists namespaces that begin with a prefix.
    pub fn namespaces(&self, prefix: &str) -> Vec<Entry> {
        let cluster = self.cluster();
        let found =
            within(&self.namespaces, |id| head(&cluster.namespace(id).name, prefix).cmp(prefix));
        found.iter().map(|id| entry(&*cluster.namespace(*id).name, "namespace")).collect()
    }

    /// Lists nodes that begin with a prefix.
    pub fn nodes(&self, prefix: &str) -> Vec<Entry> {
        let found = self.nodes.iter().filter(|n| n.starts_with(prefix));
        found.map(|n| entry(&**n, "node")).collect()
    }

    /// Lists at most `most` workloads as a user would name them in a namespace, or in none.
    pub fn workloads(&self, prefix: &str, current: Option<&str>, most: usize) -> Vec<Entry> {
        let cluster = self.cluster();
        let current = current.and_then(|name| cluster.find_namespace(name));
        let mut found = Vec::new();
        if let Some(place) = current {
            let near = self.workloads.starting(cluster, Some(place), prefix);
            found.extend(near.iter().take(most).map(|id| self.workload(*id, false)));
        }
        let far = self.workloads.starting(cluster, None, prefix).iter();
        let far = far.filter(|id| current.is_none_or(|c| cluster.workload(**id).namespace != c));
        let left = most.saturating_sub(found.len());
        found.extend(far.take(left).map(|id| {
            let same = self.workloads.named(cluster, None, &cluster.workload(*id).name);
            self.workload(*id, same.len() > 1)
        }));
        found
    }

    fn workload(&self, id: WorkloadId, qualified: bool) -> Entry {
        let cluster = self.cluster();
        let workload = cluster.workload(id);
        let namespace = &*cluster.namespace(workload.namespace).name;
        let name = if qualified {
            format!("{namespace}/{}", workload.name)
        } else {
            workload.name.to_string()
        };
        entry(name, format!("{} in {namespace}", kinds::short(&workload.kind)))
    }

    /// Lists at most `most` pods, anywhere or in a namespace, by their bare names.
    pub fn pods(&self, prefix: &str, place: Option<&str>, most: usize) -> Vec<Entry> {
        self.of(&self.pods, prefix, place, most, |_| "pod".to_owned())
    }

    /// Lists at most `most` Services by their bare names.
    pub fn services(&self, prefix: &str, place: Option<&str>, most: usize) -> Vec<Entry> {
        self.of(&self.services, prefix, place, most, |_| "service".to_owned())
    }

    /// Lists at most `most` policies by their bare names.
    pub fn policies(&self, prefix: &str, place: Option<&str>, most: usize) -> Vec<Entry> {
        let kind = |id: PolicyId| self.cluster().policy(id).kind.short().to_owned();
        self.of(&self.policies, prefix, place, most, kind)
    }

    /// Lists at most `most` workloads by their bare names, of one kind if that is said.
    pub fn workloads_in(
        &self,
        prefix: &str,
        place: Option<&str>,
        kind: Option<&str>,
        most: usize,
    ) -> Vec<Entry> {
        let cluster = self.cluster();
        let Some(place) = self.place(place) else { return Vec::new() };
        let found = self.workloads.starting(cluster, place, prefix).iter();
        found
            .filter(|id| kind.is_none_or(|k| *cluster.workload(**id).kind == *k))
            .take(most)
            .map(|id| entry(&*cluster.workload(*id).name, self.workload(*id, false).note))
            .collect()
    }

    fn of<T: Named>(
        &self,
        table: &Table<T>,
        prefix: &str,
        place: Option<&str>,
        most: usize,
        what: impl Fn(T) -> String,
    ) -> Vec<Entry> {
        let cluster = self.cluster();
        let Some(place) = self.place(place) else { return Vec::new() };
        let found = table.starting(cluster, place, prefix).iter().take(most);
        found
            .map(|id| {
                let namespace = id.place(cluster).map(|n| &*cluster.namespace(n).name);
                let place = namespace.map_or_else(String::new, |n| format!(" in {n}"));
                entry(id.name(cluster), what(*id) + &place)
            })
            .collect()
    }

    /// `Some(None)` for anywhere; `None` where no namespace has the name.
    #[expect(clippy::option_option, reason = "anywhere, somewhere and nowhere are three answers")]
    fn place(&self, name: Option<&str>) -> Option<Option<NamespaceId>> {
        match name {
            None => Some(None),
            Some(name) => self.cluster().find_namespace(name).map(Some),
        }
    }

    /// Lists the keys of labels of pods, or of namespaces.
    pub fn label_keys(&self, of_namespaces: bool, prefix: &str) -> Vec<Entry> {
        let labels = if of_namespaces { &self.namespace_labels } else { &self.pod_labels };
        let found = labels.iter().filter(|(key, _)| key.starts_with(prefix));
        found.map(|(key, values)| entry(&**key, count(values.len(), "value"))).collect()
    }

    /// Lists at most `most` values of a label.
    pub fn label_values(
        &self,
        of_namespaces: bool,
        key: &str,
        prefix: &str,
        most: usize,
    ) -> Vec<Entry> {
        let labels = if of_namespaces { &self.namespace_labels } else { &self.pod_labels };
        let Some(values) = labels.get(key) else { return Vec::new() };
        let start = values.partition_point(|v| &**v < prefix);
        let found = values.iter().skip(start).take_while(|v| v.starts_with(prefix));
        found.filter(|v| !v.is_empty()).take(most).map(|v| entry(&**v, "")).collect()
    }

    /// Tells whether a path of names can name something; patterns count as names.
    pub fn knows(&self, path: &str) -> bool {
        let parts: Vec<&str> = path.split('/').collect();
        if path.contains(['*', '?']) {
            return true;
        }
        match parts[..] {
            [name] => self.has(None, None, name) || self.has_namespace(name),
            [first, name] => match Kind::of_word(first) {
                Some(kind) => self.has(None, Some(&kind), name),
                None if self.has_namespace(first) => self.has(Some(first), None, name),
                None => self.has_kind(first) && self.has(None, None, name),
            },
            [namespace, word, name] => {
                let kind = Kind::of_word(word);
                self.has_namespace(namespace)
                    && (kind.is_some() || self.has_kind(word))
                    && self.has(Some(namespace), kind.as_ref(), name)
            }
            _ => false,
        }
    }

    /// Tells whether some name begins so.
    pub fn begins(&self, path: &str) -> bool {
        let any = |found: Vec<Entry>| !found.is_empty();
        match path.rsplit_once('/') {
            None => {
                any(self.workloads(path, None, 1))
                    || any(self.namespaces(path))
                    || any(self.pods(path, None, 1))
            }
            Some((before, rest)) => {
                let place = before.split('/').next().filter(|p| self.has_namespace(p));
                place.is_some() && rest.is_empty()
                    || any(self.workloads_in(rest, place, None, 1))
                    || any(self.pods(rest, place, 1))
                    || any(self.services(rest, place, 1))
                    || any(self.policies(rest, place, 1))
                    || any(self.namespaces(rest))
                    || any(self.nodes(rest))
            }
        }
    }

    /// Tells whether a pod, or a namespace, carries a label; without a value, any value.
    pub fn has_label(&self, of_namespaces: bool, key: &str, value: Option<&str>) -> bool {
        let labels = if of_namespaces { &self.namespace_labels } else { &self.pod_labels };
        labels.get(key).is_some_and(|values| {
            value.is_none_or(|v| values.binary_search_by(|known| (**known).cmp(v)).is_ok())
        })
    }

    /// Tells whether a namespace has a name.
    pub fn has_namespace(&self, name: &str) -> bool {
        self.cluster().find_namespace(name).is_some()
    }

    fn has_kind(&self, word: &str) -> bool {
        self.cluster().workloads().iter().take(10_000).any(|w| w.kind.eq_ignore_ascii_case(word))
    }

    fn has(&self, place: Option<&str>, kind: Option<&Kind>, name: &str) -> bool {
        let cluster = self.cluster();
        let Some(place) = self.place(place) else { return false };
        let workload = |kind: Option<&str>| {
            let found = self.workloads.named(cluster, place, name).iter();
            found.copied().any(|w| kind.is_none_or(|k| *cluster.workload(w).kind == *k))
        };
        match kind {
            None => workload(None) || !self.pods.named(cluster, place, name).is_empty(),
            Some(Kind::Workload(kind)) => workload(Some(kind)),
            Some(Kind::Pod) => {
                !self.pods.named(cluster, place, name).is_empty() || workload(Some("Pod"))
            }
            Some(Kind::Service) => !self.services.named(cluster, place, name).is_empty(),
            Some(Kind::Policy(kind)) => {
                let found = self.policies.named(cluster, place, name).iter();
                found.copied().any(|p| cluster.policy(p).kind == *kind)
            }
            Some(Kind::Namespace) => self.has_namespace(name),
            Some(Kind::Node) => cluster.find_node(name).is_some(),
        }
    }
}

/// Counts things in words.
pub(super) fn count(number: usize, what: &str) -> String {
    let many = match what.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None => format!("{what}s"),
    };
    format!("{number} {}", if number == 1 { what } else { &many })
}

/// Lists the ports that the containers of pods declare: numbers with their names, then names with their numbers.
pub(super) fn ports(cluster: &Cluster, pods: impl Iterator<Item = PodId>) -> Vec<Entry> {
    let mut numbers = BTreeSet::new();
    let mut names = BTreeSet::new();
    let mut seen = HashSet::new();
    for pod in pods {
        let declared = &cluster.pod(pod).ports;
        // The pods of a workload share what they declare.
        if !seen.insert(Arc::as_ptr(declared).cast::<u8>()) {
            continue;
        }
        for port in declared.iter() {
            let number = format!("{}/{}", port.protocol.as_str().to_ascii_lowercase(), port.number);
            let name = port.name.as_deref().unwrap_or_default();
            numbers.insert((port.protocol, port.number, number.clone(), name));
            if !name.is_empty() {
                names.insert((name, number));
            }
        }
    }
    let numbers = numbers.into_iter().map(|(_, _, text, name)| entry(text, name));
    numbers.chain(names.into_iter().map(|(name, number)| entry(name, number))).collect()
}

fn labels<'a>(cluster: &Cluster, of: impl Iterator<Item = &'a [LabelId]>) -> Labels {
    let table = cluster.labels();
    let mut used = vec![false; table.len()];
    for id in of.flatten() {
        if let Some(seen) = used.get_mut(id.index()) {
            *seen = true;
        }
    }
    let ids = (0..u32::try_from(table.len()).unwrap_or(u32::MAX)).map(LabelId);
    let mut found: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for id in ids.filter(|id| used.get(id.index()).copied().unwrap_or_default()) {
        found.entry(table.key(id)).or_default().insert(table.value(id));
    }
    found
        .into_iter()
        .map(|(key, values)| (key.into(), values.into_iter().map(Into::into).collect()))
        .collect()
}
