//! `\d` and `\l`: what an object is, which policies select it and what that leaves open.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use netpol_core::model::{
    Cluster, Direction, LabelId, NamespaceId, PodId, PolicyId, PolicySpec, ServiceId, ServicePort,
    TargetPort, WorkloadId,
};
use netpol_core::reach::Snapshot;

use super::index::count;
use crate::error::QueryError;
use crate::lower::{Named, Region, policy_name, workload_name};
use crate::render::Palette;
use crate::session::Session;

/// At most so many names are spelled out in one line.
const MOST_NAMES: usize = 12;
/// At most so many workloads are listed.
const MOST_LINES: usize = 40;
/// Of at most so many pods the policies are looked up.
const MOST_PODS: usize = 1_000;

/// Describes what a text names.
pub(super) fn describe(
    session: &Session,
    text: &str,
    palette: &Palette,
) -> Result<String, QueryError> {
    let page = Page { session, palette };
    Ok(match session.scope().named(text)? {
        Named::Endpoints(region) => page.endpoints(&region),
        Named::Namespace(id) => page.namespace(id),
        Named::Service(id) => page.service(id),
        Named::Policy(id) => page.policy(id),
    })
}

/// Describes what is loaded as a whole.
pub(super) fn overview(session: &Session) -> String {
    let cluster = session.snapshot().cluster();
    let mut text = format!("{}\n", contents(cluster));
    let _written = writeln!(text, "  namespace  {}", session.namespace().unwrap_or("none"));
    if session.is_changed() {
        let count = count(session.steps().len(), "change");
        let _written = writeln!(text, "  changed    {count} (\\diff)");
    }
    for definition in session.definitions() {
        let _written = writeln!(text, "  ${:<9} {}", definition.name, definition.sentence);
    }
    text
}

/// Counts what a cluster holds.
pub(super) fn contents(cluster: &Cluster) -> String {
    [
        count(cluster.namespaces().len(), "namespace"),
        count(cluster.workloads().len(), "workload"),
        count(cluster.pods().len(), "pod"),
        count(cluster.services().len(), "service"),
        count(cluster.policies().len(), "policy"),
    ]
    .join(", ")
}

/// Lists namespaces with what they hold.
pub(super) fn namespaces(session: &Session, palette: &Palette) -> String {
    let cluster = session.snapshot().cluster();
    let mut held = vec![[0_usize; 4]; cluster.namespaces().len()];
    let mut add = |namespace: NamespaceId, column: usize| {
        let cell = held.get_mut(namespace.index()).and_then(|row| row.get_mut(column));
        cell.into_iter().for_each(|n| *n += 1);
    };
    cluster.workloads().iter().for_each(|w| add(w.namespace, 0));
    cluster.pods().iter().for_each(|p| add(p.namespace, 1));
    cluster.services().iter().for_each(|s| add(s.namespace, 2));
    cluster.policies().iter().filter_map(|p| p.namespace).for_each(|n| add(n, 3));
    let mut ids: Vec<NamespaceId> = cluster.namespace_ids().collect();
    ids.sort_by_key(|id| &*cluster.namespace(*id).name);
    let name = |id: &NamespaceId| &*cluster.namespace(*id).name;
    let width = ids.iter().map(|id| name(id).chars().count()).max().unwrap_or(0).max(9);
    let head = format!("  {:<width$}  workloads    pods  services  policies  labels", "namespace");
    let mut text = Palette::paint(palette.dim, &head) + "\n";
    for id in &ids {
        let [workloads, pods, services, policies] =
            held.get(id.index()).copied().unwrap_or_default();
        let current = session.namespace() == Some(name(id));
        let mark = if current { '*' } else { ' ' };
        let own = |id: &&LabelId| cluster.labels().key(**id) != "kubernetes.io/metadata.name";
        let labels: Vec<LabelId> =
            cluster.namespace(*id).labels.iter().filter(own).copied().collect();
        let line = format!(
            "{mark} {:<width$}  {workloads:>9}  {pods:>6}  {services:>8}  {policies:>8}  {}",
            name(id),
            pairs(cluster, &labels)
        );
        let _written = writeln!(text, "{}", line.trim_end());
    }
    text
}

fn pairs(cluster: &Cluster, labels: &[LabelId]) -> String {
    let pair =
        |id: &LabelId| format!("{}={}", cluster.labels().key(*id), cluster.labels().value(*id));
    labels.iter().map(pair).collect::<Vec<_>>().join(",")
}

/// Joins names, and counts those beyond what a line holds.
fn names(found: &[String]) -> String {
    let shown = found.iter().take(MOST_NAMES).map(String::as_str).collect::<Vec<_>>().join(", ");
    match found.len().saturating_sub(MOST_NAMES) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// How descriptions are laid out.
struct Page<'a> {
    session: &'a Session,
    palette: &'a Palette,
}

impl Page<'_> {
    fn snapshot(&self) -> &Snapshot {
        self.session.snapshot()
    }

    fn cluster(&self) -> &Cluster {
        self.snapshot().cluster()
    }

    fn head(&self, name: &str, rest: &[&str]) -> String {
        let rest = rest.iter().filter(|r| !r.is_empty()).fold(String::new(), |t, r| t + "   " + r);
        format!(
            "{}{}\n",
            Palette::paint(self.palette.bold, name),
            Palette::paint(self.palette.dim, &rest)
        )
    }

    fn line(text: &mut String, what: &str, value: &str) {
        if !value.is_empty() {
            let _written = writeln!(text, "  {what:<10} {value}");
        }
    }

    fn endpoints(&self, region: &Region) -> String {
        let pods: Vec<PodId> = region.selection.pods.iter().map(PodId).collect();
        let cluster = self.cluster();
        let owners: BTreeSet<WorkloadId> = pods.iter().map(|p| cluster.pod(*p).workload).collect();
        let mut text = match (owners.first(), &pods[..]) {
            (Some(owner), [_, ..]) if owners.len() == 1 => self.workload(*owner, &pods),
            _ if !pods.is_empty() => self.several(&owners, pods.len()),
            _ => String::new(),
        };
        if !region.selection.addresses.is_empty() {
            let ranges: Vec<String> =
                region.selection.addresses.ranges().map(|r| r.to_string()).collect();
            Self::line(&mut text, "addresses", &names(&ranges));
        }
        text
    }

    fn several(&self, owners: &BTreeSet<WorkloadId>, pods: usize) -> String {
        let cluster = self.cluster();
        let mut text = format!("{} of {}\n", count(pods, "pod"), count(owners.len(), "workload"));
        let shown: Vec<(String, usize)> = owners
            .iter()
            .take(MOST_LINES)
            .map(|id| (workload_name(cluster, *id), cluster.workload(*id).pods.len()))
            .collect();
        let width = shown.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        for (name, pods) in &shown {
            let _written = writeln!(text, "  {name:<width$}  {}", count(*pods, "pod"));
        }
        let more = owners.len().saturating_sub(MOST_LINES);
        if more > 0 {
            let _written = writeln!(text, "  ... and {more} more");
        }
        text
    }

    /// One workload, or some of its pods.
    fn workload(&self, id: WorkloadId, pods: &[PodId]) -> String {
        let cluster = self.cluster();
        let workload = cluster.workload(id);
        let first = pods.first().map(|p| cluster.pod(*p));
        let position = first.map(|p| p.position.to_string()).unwrap_or_default();
        let mut text = match (first, pods.len() == workload.pods.len() && pods.len() > 1) {
            (Some(pod), false)
                if pods.len() == 1 && *workload.kind != *"Pod" && workload.pods.len() > 1 =>
            {
                let namespace = &cluster.namespace(pod.namespace).name;
                let owner = format!("of {}", workload_name(cluster, id));
                self.head(&format!("{namespace}/pod/{}", pod.name), &[&owner, &position])
            }
            _ => {
                let number = count(pods.len(), "pod");
                let number = if *workload.kind == *"Pod" { String::new() } else { number };
                self.head(&workload_name(cluster, id), &[&number, &position])
            }
        };
        self.labels_and_ports(&mut text, pods);
        for direction in Direction::ALL {
            Self::line(&mut text, direction.as_str(), &self.isolation(pods, direction));
        }
        Self::line(&mut text, "services", &names(&self.services(pods)));
        let pod_names: Vec<String> =
            pods.iter().map(|p| cluster.pod(*p).name.to_string()).collect();
        if *workload.kind != *"Pod" {
            Self::line(&mut text, "pods", &names(&pod_names));
        }
        text
    }

    fn labels_and_ports(&self, text: &mut String, pods: &[PodId]) {
        let cluster = self.cluster();
        let mut labels: Vec<LabelId> =
            pods.first().map(|p| cluster.pod(*p).labels.to_vec()).unwrap_or_default();
        labels.retain(|id| pods.iter().all(|p| cluster.pod(*p).labels.contains(id)));
        Self::line(text, "labels", &pairs(cluster, &labels));
        let mut ports = BTreeSet::new();
        for port in pods.iter().flat_map(|p| cluster.pod(*p).ports.iter()) {
            let number = format!("{}/{}", port.protocol.as_str().to_ascii_lowercase(), port.number);
            let name = port.name.as_deref().map_or_else(String::new, |n| format!(" ({n})"));
            ports.insert((port.protocol, port.number, number + &name));
        }
        let ports: Vec<String> = ports.into_iter().map(|(.., text)| text).collect();
        Self::line(text, "ports", &names(&ports));
        if let [one] = pods {
            let pod = cluster.pod(*one);
            let addresses: Vec<String> = pod.addresses.iter().map(ToString::to_string).collect();
            Self::line(text, "address", &addresses.join(", "));
            Self::line(text, "node", pod.node.map_or("", |n| &cluster.node(n).name));
            Self::line(text, "network", if pod.host_network { "that of its node" } else { "" });
        }
    }

    /// Says which policies select pods in a direction and what that means.
    fn isolation(&self, pods: &[PodId], direction: Direction) -> String {
        let (cluster, snapshot) = (self.cluster(), self.snapshot());
        let some = || pods.iter().take(MOST_PODS).copied();
        let isolated = some().filter(|p| !snapshot.isolating_policies(*p, direction).is_empty());
        let (isolated, asked) = (isolated.count(), some().count());
        let policies: BTreeSet<PolicyId> =
            some().flat_map(|p| snapshot.governing_policies(p, direction)).collect();
        let found: Vec<String> = policies.iter().map(|id| policy_name(cluster, *id)).collect();
        let by = if found.is_empty() { String::new() } else { format!(" by {}", names(&found)) };
        match isolated {
            0 if found.is_empty() => {
                Palette::paint(self.palette.doubt, "open") + ": no policy selects it"
            }
            0 => Palette::paint(self.palette.doubt, "not isolated") + &format!("; governed{by}"),
            n if n == asked => Palette::paint(self.palette.good, "isolated") + &by,
            n => format!("{n} of {asked} pods isolated{by}"),
        }
    }

    fn services(&self, pods: &[PodId]) -> Vec<String> {
        let cluster = self.cluster();
        let selects = |id: &ServiceId| {
            let service = cluster.service(*id);
            service.selector.as_ref().is_some_and(|selector| {
                pods.iter().take(MOST_PODS).any(|p| {
                    cluster.pod(*p).namespace == service.namespace
                        && selector.matches(|key| cluster.pod_label(*p, key))
                })
            })
        };
        let found = cluster.service_ids().filter(selects);
        found
            .map(|id| {
                let service = cluster.service(id);
                format!("svc/{} {}", service.name, ports(&service.ports))
            })
            .collect()
    }

    fn namespace(&self, id: NamespaceId) -> String {
        let cluster = self.cluster();
        let namespace = cluster.namespace(id);
        let position = namespace.position.as_ref().map(ToString::to_string).unwrap_or_default();
        let mut text = self.head(&format!("ns/{}", namespace.name), &[&position]);
        Self::line(&mut text, "labels", &pairs(cluster, &namespace.labels));
        let workloads: Vec<String> = cluster
            .workload_ids()
            .filter(|w| cluster.workload(*w).namespace == id)
            .map(|w| {
                let workload = cluster.workload(w);
                format!("{}/{}", crate::kinds::short(&workload.kind), workload.name)
            })
            .collect();
        let number = format!("{}: ", workloads.len());
        let listed = if workloads.is_empty() { "none".into() } else { number + &names(&workloads) };
        Self::line(&mut text, "workloads", &listed);
        let services = cluster.services().iter().filter(|s| s.namespace == id);
        let services: Vec<String> = services.map(|s| format!("svc/{}", s.name)).collect();
        Self::line(&mut text, "services", &names(&services));
        let policies: Vec<PolicyId> =
            cluster.policy_ids().filter(|p| cluster.policy(*p).namespace == Some(id)).collect();
        let own: Vec<String> = policies.iter().map(|p| policy_name(cluster, *p)).collect();
        Self::line(&mut text, "policies", if own.is_empty() { "none" } else { "" });
        Self::line(&mut text, "policies", &names(&own));
        let pods: Vec<PodId> =
            cluster.pod_ids().filter(|p| cluster.pod(*p).namespace == id).take(MOST_PODS).collect();
        if !pods.is_empty() {
            for direction in Direction::ALL {
                let open =
                    |p: &&PodId| self.snapshot().isolating_policies(**p, direction).is_empty();
                let open = pods.iter().filter(open).count();
                let said = match open {
                    0 => "every pod is isolated".to_owned(),
                    n => format!("{n} of {} not isolated", count(pods.len(), "pod")),
                };
                Self::line(&mut text, direction.as_str(), &said);
            }
        }
        text
    }

    fn service(&self, id: ServiceId) -> String {
        let cluster = self.cluster();
        let service = cluster.service(id);
        let namespace = &cluster.namespace(service.namespace).name;
        let name = format!("{namespace}/svc/{}", service.name);
        let position = service.position.to_string();
        let mut text = self.head(&name, &[&service.service_type, &position]);
        let selector = service.selector.as_ref().map_or("none".into(), ToString::to_string);
        Self::line(&mut text, "selector", &selector);
        Self::line(&mut text, "ports", &ports(&service.ports));
        let ips: Vec<String> = service.cluster_ips.iter().map(ToString::to_string).collect();
        Self::line(&mut text, "address", &ips.join(", "));
        Self::line(
            &mut text,
            "endpoints",
            &self.owners(&cluster.service_pods(id).collect::<Vec<_>>()),
        );
        text
    }

    /// Names the workloads of pods, and how many pods there are.
    fn owners(&self, pods: &[PodId]) -> String {
        let cluster = self.cluster();
        let mut owners: BTreeMap<WorkloadId, usize> = BTreeMap::new();
        for pod in pods {
            *owners.entry(cluster.pod(*pod).workload).or_default() += 1;
        }
        let found: Vec<String> = owners.keys().map(|id| workload_name(cluster, *id)).collect();
        if found.is_empty() {
            return "none".into();
        }
        format!("{}: {}", count(pods.len(), "pod"), names(&found))
    }

    fn policy(&self, id: PolicyId) -> String {
        let cluster = self.cluster();
        let policy = cluster.policy(id);
        let position = policy.position.to_string();
        let mut text = self.head(&policy_name(cluster, id), &[policy.kind.as_str(), &position]);
        if let PolicySpec::Admin(spec) = &policy.spec {
            Self::line(&mut text, "tier", &format!("{:?}", spec.tier));
            let priority = spec.priority.map_or_else(String::new, |p| p.to_string());
            Self::line(&mut text, "priority", &priority);
        }
        Self::line(&mut text, "selects", &self.owners(&self.snapshot().subjects(id)));
        for direction in Direction::ALL {
            let said = match &policy.spec {
                PolicySpec::Network(spec) => {
                    let rules = spec.rules(direction).len();
                    match (spec.policy_types.contains(&direction), rules) {
                        (false, _) => String::new(),
                        (true, 0) => "isolates, and allows nothing".into(),
                        (true, n) => format!("isolates; {}", count(n, "rule")),
                    }
                }
                PolicySpec::Admin(spec) => match spec.rules(direction).len() {
                    0 => String::new(),
                    n => count(n, "rule"),
                },
            };
            Self::line(&mut text, direction.as_str(), &said);
        }
        text
    }
}

fn ports(ports: &[ServicePort]) -> String {
    let port = |p: &ServicePort| {
        let target = match &p.target {
            TargetPort::Number(number) => number.to_string(),
            TargetPort::Name(name) => name.to_string(),
        };
        let protocol = p.protocol.as_str().to_ascii_lowercase();
        format!("{protocol}/{} → {target}", p.port)
    };
    ports.iter().map(port).collect::<Vec<_>>().join(", ")
}
