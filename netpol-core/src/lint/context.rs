//! What every check asks about: the policies with the pods that their selectors match, as sets of groups.
//!
//! Groups here tell apart whatever any selector could, so that Services and selectors that no policy has can be asked too.

use std::cell::RefCell;
use std::rc::Rc;

use roaring::RoaringBitmap;

use super::catalogue::severity_of;
use super::finding::Finding;
use super::suppress::LintOptions;
use crate::index::{Bitmaps, GroupId, Groups, SelectorIndex};
use crate::model::cluster::NAMESPACE_NAME_LABEL;
use crate::model::{
    Cluster, ContainerPort, Direction, HostNetwork, NamespaceId, Operator, Pod, Policy, PolicyId,
    Position, Selector, ServiceId, WorkloadId,
};
use crate::reach::Snapshot;
use crate::sources::{Diagnostic, DiagnosticCode};

use super::view::{PolicyView, policy_view};

/// A set of pods, as groups.
pub(super) type Pods = RoaringBitmap;

/// A Service with the pods that it selects.
pub(super) struct ServiceView {
    pub(super) id: ServiceId,
    pub(super) pods: Pods,
}

/// A cluster as checks see it.
pub(super) struct Context<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) cluster: &'a Cluster,
    pub(super) groups: &'a Groups,
    /// The policies; a [`PolicyId`] is a position here.
    pub(super) policies: Vec<PolicyView<'a>>,
    /// Pods that selectors do not match: those of the host's network, unless the dialect polices them.
    pub(super) hosts: Pods,
    /// Services that select pods, by namespace.
    pub(super) services: Vec<Vec<ServiceView>>,
    /// NetworkPolicies that isolate each group, egress before ingress.
    isolating: [Vec<Vec<u32>>; 2],
    /// Whether what is not in the input is nowhere.
    pub(super) whole: bool,
    /// Whether operators may make pods that are in no manifest.
    pub(super) hidden_pods: bool,
    populated: Vec<bool>,
    index: RefCell<SelectorIndex<'a>>,
}

impl<'a> Context<'a> {
    /// Looks at every policy and Service once.
    pub(super) fn new(
        snapshot: &'a Snapshot,
        (groups, bitmaps): (&'a Groups, &'a Bitmaps),
        diagnostics: &[Diagnostic],
        options: &LintOptions,
    ) -> Self {
        let cluster = snapshot.cluster();
        let mut populated = vec![false; cluster.namespaces().len()];
        let mut hosts = Pods::new();
        for (id, group) in groups.iter() {
            populated[group.namespace.index()] = true;
            if group.host_network && snapshot.dialect().host_network == HostNetwork::Node {
                hosts.insert(id);
            }
        }
        let mut context = Self {
            snapshot,
            cluster,
            groups,
            policies: Vec::new(),
            hosts,
            services: Vec::new(),
            isolating: [Vec::new(), Vec::new()],
            whole: options.whole_cluster.unwrap_or_else(|| looks_whole(cluster, &populated)),
            hidden_pods: diagnostics.iter().any(|d| d.code == DiagnosticCode::PodMakers),
            populated,
            index: RefCell::new(SelectorIndex::new(cluster, groups, bitmaps)),
        };
        context.policies = cluster.policy_ids().map(|id| policy_view(&context, id)).collect();
        context.services = context.services_by_namespace();
        context.isolating = Direction::ALL.map(|direction| context.isolating_in(direction));
        context
    }

    fn services_by_namespace(&self) -> Vec<Vec<ServiceView>> {
        let mut by_namespace = Vec::new();
        by_namespace.resize_with(self.cluster.namespaces().len(), Vec::new);
        for id in self.cluster.service_ids() {
            let service = self.cluster.service(id);
            let Some(selector) = &service.selector else { continue };
            let pods = self.in_namespace(service.namespace, selector);
            by_namespace[service.namespace.index()].push(ServiceView { id, pods });
        }
        by_namespace
    }

    fn isolating_in(&self, direction: Direction) -> Vec<Vec<u32>> {
        let mut lists = vec![Vec::new(); self.groups.len() as usize];
        for (number, view) in (0u32..).zip(&self.policies) {
            if view.is_network() && view.directions.contains(&direction) {
                view.subject.iter().for_each(|group| lists[group as usize].push(number));
            }
        }
        lists
    }

    /// Lists the NetworkPolicies that isolate a group in a direction, by their positions.
    pub(super) fn isolating(&self, direction: Direction, group: GroupId) -> &[u32] {
        let of_direction = &self.isolating[usize::from(direction == Direction::Ingress)];
        of_direction.get(group as usize).map_or(&[], |list| list)
    }

    /// Selects the pods of a namespace that match, host-network pods among them.
    pub(super) fn in_namespace(&self, namespace: NamespaceId, selector: &Selector) -> Pods {
        self.index.borrow().in_namespace(namespace, selector)
    }

    /// Selects the pods that match in the namespaces that match, host-network pods among them.
    pub(super) fn in_namespaces(&self, namespaces: &Selector, pods: &Selector) -> Rc<Pods> {
        self.index.borrow_mut().in_namespaces(namespaces, pods)
    }

    /// Lists the namespaces that match.
    pub(super) fn namespaces(&self, selector: &Selector) -> Vec<NamespaceId> {
        let matches =
            |n: &NamespaceId| selector.matches(|key| self.cluster.namespace_label(*n, key));
        self.cluster.namespace_ids().filter(matches).collect()
    }

    /// Tells whether the input holds pods of a namespace.
    pub(super) fn is_populated(&self, namespace: NamespaceId) -> bool {
        self.populated.get(namespace.index()).copied().unwrap_or(false)
    }

    /// Tells whether what a selector does not match in these namespaces is certainly not there: all that it may mean
    /// are in the input, with their pods.
    pub(super) fn is_known(&self, selector: &Selector, matching: &[NamespaceId]) -> bool {
        let populated = matching.iter().all(|n| self.is_populated(*n));
        !matching.is_empty() && populated && (self.whole || self.names_all(selector))
    }

    /// Tells whether a selector names namespaces, each of which is in the input.
    fn names_all(&self, selector: &Selector) -> bool {
        selector.requirements.iter().any(|r| match &r.operator {
            Operator::In(values) if *r.key == *NAMESPACE_NAME_LABEL => {
                values.iter().all(|name| self.cluster.find_namespace(name).is_some())
            }
            _ => false,
        })
    }

    /// Returns a pod of a group: in what selectors and named ports see they are all alike.
    pub(super) fn sample(&self, group: GroupId) -> Option<&'a Pod> {
        self.groups.pods(group).first().map(|pod| self.cluster.pod(*pod))
    }

    /// Lists the ports that the containers of a group declare.
    pub(super) fn declared(&self, group: GroupId) -> impl Iterator<Item = &'a ContainerPort> {
        let mut seen: Vec<*const ContainerPort> = Vec::new();
        let pods = self.groups.pods(group).iter().map(|pod| self.cluster.pod(*pod));
        // Pods of one workload share their list.
        let distinct = pods.filter(move |pod| {
            let list = pod.ports.as_ptr();
            let is_new = !seen.contains(&list);
            if is_new {
                seen.push(list);
            }
            is_new
        });
        distinct.flat_map(|pod| pod.ports.iter())
    }

    /// Lists the workloads of a set, by namespace, kind and name.
    pub(super) fn workloads(&self, pods: &Pods) -> Vec<WorkloadId> {
        let all = pods.iter().flat_map(|group| self.groups.pods(group));
        let mut ids: Vec<WorkloadId> = all.map(|pod| self.cluster.pod(*pod).workload).collect();
        ids.sort_unstable();
        ids.dedup();
        ids.sort_by_cached_key(|id| self.workload_id(*id));
        ids
    }

    /// Returns the id of a workload, such as `shop/deployment/db`.
    pub(super) fn workload_id(&self, id: WorkloadId) -> String {
        let workload = self.cluster.workload(id);
        let namespace = &self.cluster.namespace(workload.namespace).name;
        format!("{namespace}/{}/{}", workload.kind.to_ascii_lowercase(), workload.name)
    }

    /// Returns the ids of the workloads of a set, at most a handful.
    pub(super) fn ids(&self, pods: &Pods) -> Vec<String> {
        self.workloads(pods).into_iter().take(MOST_CONCERNED).map(|w| self.workload_id(w)).collect()
    }

    /// Names the workloads of a set: `deployment/db, deployment/web and 3 more`; with namespaces where there are several.
    pub(super) fn names(&self, pods: &Pods) -> String {
        let ids = self.workloads(pods);
        let spaces: Vec<NamespaceId> =
            ids.iter().map(|w| self.cluster.workload(*w).namespace).collect();
        let one = spaces.windows(2).all(|w| w.first() == w.last());
        let name = |id: &WorkloadId| {
            let full = self.workload_id(*id);
            let own = full.split_once('/').map(|(_, own)| own.to_owned()).filter(|_| one);
            own.unwrap_or(full)
        };
        let shown: Vec<String> = ids.iter().take(MOST_NAMED).map(name).collect();
        list(&shown, ids.len())
    }

    /// Returns the id of a policy, such as `shop/networkpolicy/db`.
    pub(super) fn policy_id(&self, policy: &Policy) -> String {
        let kind = policy.kind.as_str().to_ascii_lowercase();
        match policy.namespace {
            Some(namespace) => {
                format!("{}/{kind}/{}", self.cluster.namespace(namespace).name, policy.name)
            }
            None => format!("{kind}/{}", policy.name),
        }
    }

    /// Starts a finding about a policy at one of its lines; 0 is that of its `kind:`.
    pub(super) fn finding(
        &self,
        id: &'static str,
        (policy, line): (PolicyId, u32),
        message: String,
        fix: impl Into<String>,
    ) -> Finding {
        let policy = self.cluster.policy(policy);
        let line = if line == 0 { policy.position.line } else { line };
        let position = Position { file: policy.position.file.clone(), line };
        about(id, self.policy_id(policy), Some(position), message, fix)
    }

    /// Returns the name of a namespace.
    pub(super) fn namespace_name(&self, id: NamespaceId) -> &'a str {
        &self.cluster.namespace(id).name
    }
}

/// Starts a finding about any object.
pub(super) fn about(
    id: &'static str,
    object: String,
    position: Option<Position>,
    message: String,
    fix: impl Into<String>,
) -> Finding {
    Finding {
        id,
        severity: severity_of(id),
        object: Some(object),
        position,
        message,
        fix: fix.into(),
        edit: None,
        concerns: Vec::new(),
        suppressed: None,
    }
}

/// At most so many objects are named in a message.
const MOST_NAMED: usize = 3;
/// At most so many objects are listed beside a finding.
const MOST_CONCERNED: usize = 20;

/// Joins names, and says how many more there are of `count`.
pub(super) fn list(shown: &[String], count: usize) -> String {
    match count.saturating_sub(shown.len()) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// A cluster is taken for whole where nodes or the pods of kube-system were asked for too.
fn looks_whole(cluster: &Cluster, populated: &[bool]) -> bool {
    let nodes = cluster.nodes().iter().any(|n| n.position.is_some());
    let system = cluster.find_namespace("kube-system");
    let system = system.is_some_and(|n| populated.get(n.index()).copied().unwrap_or(false));
    (nodes && !cluster.pods().is_empty()) || system
}
