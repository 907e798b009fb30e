//! Changes: what a sentence wants changed, as the core understands it.

use netpol_core::change::Change;
use netpol_core::model::{
    ContainerPort, NamespaceSpec, ObjectKey, ObjectKind, PodId, PodSpec, PortSet,
};

use super::find::Found;
use super::names;
use super::scope::Scope;
use super::suggest;
use super::targets::Targets;
use crate::error::{ErrorCode, QueryError};
use crate::kinds;
use crate::syntax::ast::{AddedKind, Change as Said, Endpoints, Path, Ports};
use crate::syntax::{Span, Spanned};

/// The most replicas that a workload is scaled to: more would only be slower to answer about.
const MOST_REPLICAS: u32 = 100_000;
/// The most ports that an added pod declares.
const MOST_PORTS: usize = 256;

/// What is to be done, and what to say when it is done.
#[derive(Clone, Debug)]
pub(crate) struct Lowered {
    /// The changes of the core.
    pub(crate) changes: Vec<Change>,
    /// What they amount to: `deleted shop/netpol/db`.
    pub(crate) done: String,
}

impl Scope<'_> {
    /// Looks up what a change concerns.
    ///
    /// # Errors
    ///
    /// [`QueryError`] where the target matches nothing or cannot be changed so. `apply` is an error: it needs somebody
    /// who reads manifests.
    pub(crate) fn change(&self, said: &Spanned<Said>) -> Found<Lowered> {
        match &said.node {
            Said::Apply(source) => {
                let message = "manifests cannot be read here";
                Err(QueryError::at(ErrorCode::Usage, source.span, message))
            }
            Said::Delete(set) => self.deleted(set),
            Said::Label(set, labels) => self.labelled(set, labels, said.span),
            Said::Unlabel(set, keys) => self.unlabelled(set, keys, said.span),
            Said::Scale(set, replicas) => self.scaled(set, *replicas, said.span),
            Said::Add { kind: AddedKind::Pod, name, namespace, labels, ports } => {
                self.added_pod(name, namespace.as_ref(), labels, ports.as_ref(), said.span)
            }
            Said::Add { kind: AddedKind::Namespace, name, namespace, labels, ports } => {
                if namespace.is_some() || ports.is_some() {
                    let message =
                        "a namespace has labels, but stands in no namespace and has no ports";
                    return Err(QueryError::at(ErrorCode::Usage, said.span, message));
                }
                self.added_namespace(name, labels, said.span)
            }
            Said::Allow { from, to, on } => self.allowed(from, to, on.as_ref()),
            Said::Isolate(set, direction) => {
                let pods = self.endpoints(set)?.selection.pods;
                if pods.is_empty() {
                    let message = format!("`{set}` holds no pods");
                    return Err(QueryError::at(ErrorCode::NoSuchEndpoint, set.span, message));
                }
                let way = direction.map_or_else(String::new, |d| format!(" ({d})"));
                let done = format!("isolated {set}{way}");
                Ok(Lowered { changes: vec![Change::Isolate { pods, direction: *direction }], done })
            }
            Said::Compromise(set) => {
                let message = "policies hold a compromised pod as they hold any other, so that nothing changes";
                let help = format!(
                    "`blast radius of {set}` tells what somebody who holds it may reach; \
                     `with add pod attacker in NS labels a=b: what can NS/attacker reach` puts one beside it"
                );
                Err(QueryError::at(ErrorCode::Usage, said.span, message).help(help))
            }
        }
    }

    fn deleted(&self, set: &Endpoints) -> Found<Lowered> {
        let targets = self.targets(set)?;
        let done = format!("deleted {}", listed(&targets));
        let gone: Vec<Box<str>> = targets
            .iter()
            .filter(|key| key.kind == ObjectKind::Namespace)
            .map(|key| key.name.clone())
            .collect();
        // A namespace takes along what is in it.
        let own = targets.into_iter().filter(|key| !gone.contains(&key.namespace));
        Ok(Lowered { changes: own.map(Change::Delete).collect(), done })
    }

    /// Finds the workloads, namespaces and nodes of a target: only they carry labels that count.
    fn carriers(&self, set: &Endpoints) -> Found<Targets> {
        let targets = self.targets(set)?;
        let carries = |key: &&ObjectKey| match key.kind {
            ObjectKind::Workload(_) | ObjectKind::Namespace | ObjectKind::Node => true,
            ObjectKind::Service | ObjectKind::Ingress(_) | ObjectKind::Policy(_) => false,
        };
        let other = targets.iter().find(|key| !carries(key));
        let Some(other) = other else { return Ok(targets) };
        let message = format!("`{}` has no labels that a policy selects by", label(other));
        let help = "labels of workloads (of their pods), of namespaces and of nodes count";
        Err(QueryError::at(ErrorCode::Usage, set.span, message).help(help))
    }

    fn labelled(&self, set: &Endpoints, labels: &[(String, String)], span: Span) -> Found<Lowered> {
        names::labels(labels, span)?;
        let targets = self.carriers(set)?;
        Self::spares_name_label(&targets, labels.iter().map(|(key, _)| key.as_str()), span)?;
        let pairs: Vec<String> = labels.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let done = format!("labelled {} {}", listed(&targets), pairs.join(", "));
        let change = |object| Change::Label { object, labels: labels.to_vec() };
        Ok(Lowered { changes: targets.into_iter().map(change).collect(), done })
    }

    fn unlabelled(&self, set: &Endpoints, keys: &[String], span: Span) -> Found<Lowered> {
        let targets = self.carriers(set)?;
        Self::spares_name_label(&targets, keys.iter().map(String::as_str), span)?;
        for key in keys {
            if !targets.iter().any(|target| self.keys_of(target).contains(&key.as_str())) {
                let known: Vec<&str> = targets.iter().flat_map(|t| self.keys_of(t)).collect();
                let near = suggest::nearest(key, known.iter().map(|k| (*k, ())));
                let help = near.map(|(near, ())| format!("did you mean `{near}`?"));
                let message = format!("`{set}` has no label `{key}`");
                return Err(
                    QueryError::at(ErrorCode::NoSuchEndpoint, span, message).maybe_help(help)
                );
            }
        }
        let done = format!("took {} from {}", quoted(keys), listed(&targets));
        let change = |object| Change::Unlabel { object, keys: keys.to_vec() };
        Ok(Lowered { changes: targets.into_iter().map(change).collect(), done })
    }

    /// The API server sets the label that names a namespace.
    fn spares_name_label<'k>(
        targets: &Targets,
        mut keys: impl Iterator<Item = &'k str>,
        span: Span,
    ) -> Found<()> {
        const NAME: &str = netpol_core::model::cluster::NAMESPACE_NAME_LABEL;
        let namespaces = targets.iter().any(|key| key.kind == ObjectKind::Namespace);
        if namespaces && keys.any(|key| key == NAME) {
            let message = format!("the API server sets `{NAME}`; it cannot be changed");
            return Err(QueryError::at(ErrorCode::Usage, span, message));
        }
        Ok(())
    }

    /// Lists the keys of the labels that an object's pods, or a namespace, have.
    fn keys_of(&self, key: &ObjectKey) -> Vec<&str> {
        let cluster = self.cluster;
        let labels = match &key.kind {
            ObjectKind::Namespace => {
                let id = cluster.find_namespace(&key.name);
                id.map(|id| &cluster.namespace(id).labels).into_iter().collect()
            }
            ObjectKind::Node => {
                let id = cluster.find_node(&key.name);
                id.map(|id| &cluster.node(id).labels).into_iter().collect()
            }
            ObjectKind::Workload(kind) => {
                let pods = self.pods_of_key(&key.namespace, kind, &key.name).into_iter();
                pods.map(|p| &cluster.pod(p).labels).collect()
            }
            _ => Vec::new(),
        };
        let keys = labels.into_iter().flat_map(|l| l.iter()).map(|id| cluster.labels().key(*id));
        keys.collect()
    }

    /// Lists the pods of a workload; the kind `Pod` also names a pod of some workload.
    fn pods_of_key(&self, namespace: &str, kind: &str, name: &str) -> Vec<PodId> {
        let cluster = self.cluster;
        let Some(namespace) = cluster.find_namespace(namespace) else { return Vec::new() };
        match cluster.find_workload(namespace, kind, name) {
            Some(workload) => cluster.workload(workload).pods.clone(),
            None => cluster.find_pod(namespace, name).into_iter().collect(),
        }
    }

    fn scaled(&self, set: &Endpoints, replicas: u32, span: Span) -> Found<Lowered> {
        let targets = self.targets(set)?;
        let wrong = |message: String, help: &str| {
            Err(QueryError::at(ErrorCode::Usage, span, message).help(help))
        };
        for key in &targets {
            match &key.kind {
                ObjectKind::Workload(kind) if **kind != *"Pod" => {}
                ObjectKind::Workload(_) => {
                    let message =
                        format!("`{}` is a pod of its own and has no replicas", label(key));
                    return wrong(message, "delete it instead");
                }
                _ => {
                    let message = format!("`{}` has no replicas", label(key));
                    return wrong(message, "workloads are scaled: `scale deploy/x to 0`");
                }
            }
        }
        if replicas > MOST_REPLICAS {
            let message = format!("{replicas} replicas are too many to answer about");
            return wrong(message, &format!("at most {MOST_REPLICAS} can be asked for"));
        }
        let done = format!("scaled {} to {replicas}", listed(&targets));
        let change = |workload| Change::Scale { workload, replicas };
        Ok(Lowered { changes: targets.into_iter().map(change).collect(), done })
    }

    fn added_pod(
        &self,
        name: &Spanned<Path>,
        namespace: Option<&Spanned<Path>>,
        labels: &[(String, String)],
        ports: Option<&Ports>,
        span: Span,
    ) -> Found<Lowered> {
        names::labels(labels, span)?;
        let (place, name) = self.placed(name, namespace)?;
        let taken =
            self.cluster.find_namespace(&place).and_then(|n| self.cluster.find_pod(n, &name));
        if taken.is_some() {
            let message = format!("there is a pod `{place}/pod/{name}` already");
            return Err(
                QueryError::at(ErrorCode::Usage, span, message).help("give it another name")
            );
        }
        let ports = ports.map(|ports| self.declared_ports(ports, span)).transpose()?;
        let done = format!("added {place}/pod/{name}");
        let pod = PodSpec {
            namespace: place,
            name,
            labels: labels.to_vec(),
            ports: ports.unwrap_or_default(),
            ..PodSpec::default()
        };
        Ok(Lowered { changes: vec![Change::AddPod(pod)], done })
    }

    /// Returns the namespace and the name of what is added.
    fn placed(
        &self,
        name: &Spanned<Path>,
        namespace: Option<&Spanned<Path>>,
    ) -> Found<(String, String)> {
        let within = match namespace {
            Some(path) => Some((names::only(path, "ns")?, path.span)),
            None => None,
        };
        let (place, own) = match (&name.node.parts[..], within) {
            ([_, _], Some(_)) => {
                let message = format!("`{name}` says its namespace already");
                let help = "leave out `in`";
                return Err(QueryError::at(ErrorCode::Usage, name.span, message).help(help));
            }
            ([place, own], None) => {
                let place =
                    Spanned::new(Path { parts: vec![place.clone()], port: None }, place.span);
                let own = Spanned::new(Path { parts: vec![own.clone()], port: None }, own.span);
                (Some((names::only(&place, "ns")?, place.span)), own)
            }
            (_, within) => (within, name.clone()),
        };
        let name = names::only(&own, "pod")?;
        names::name(&name, "pod", own.span)?;
        let Some((place, span)) = place else {
            return Ok((self.namespace.unwrap_or("default").to_owned(), name));
        };
        if self.cluster.find_namespace(&place).is_none() && place != "default" {
            let message = format!("no namespace is called `{place}`");
            let help = suggest::namespace(self.cluster, &place)
                .unwrap_or_else(|| format!("add it first: `add namespace {place}`"));
            return Err(QueryError::at(ErrorCode::NoSuchEndpoint, span, message).help(help));
        }
        Ok((place, name))
    }

    /// Returns the ports that the container of an added pod declares.
    fn declared_ports(&self, ports: &Ports, span: Span) -> Found<Vec<ContainerPort>> {
        let asked = self.port_items(ports)?;
        let count: usize = asked.numbers.ranges().map(|r| usize::from(r.to - r.from) + 1).sum();
        if !asked.names.is_empty() || asked.numbers.is_empty() || count > MOST_PORTS {
            let message = format!("`ports {ports}` cannot be declared by a container");
            let help = "a container declares ports by number: `ports tcp/80,8080`";
            return Err(QueryError::at(ErrorCode::Usage, span, message).help(help));
        }
        Ok(numbered(&asked.numbers))
    }

    fn added_namespace(
        &self,
        name: &Spanned<Path>,
        labels: &[(String, String)],
        span: Span,
    ) -> Found<Lowered> {
        names::labels(labels, span)?;
        let own = names::only(name, "ns")?;
        names::name(&own, "namespace", name.span)?;
        let known = self.cluster.find_namespace(&own).map(|id| self.cluster.namespace(id));
        if known.is_some_and(|namespace| namespace.position.is_some()) {
            let message = format!("there is a namespace `{own}` already");
            let help = format!("`label ns/{own} KEY=VALUE` labels it");
            return Err(QueryError::at(ErrorCode::Usage, name.span, message).help(help));
        }
        let done = format!("added ns/{own}");
        let spec = NamespaceSpec { name: own, labels: labels.to_vec(), position: None };
        Ok(Lowered { changes: vec![Change::AddNamespace(spec)], done })
    }

    fn allowed(&self, from: &Endpoints, to: &Endpoints, on: Option<&Ports>) -> Found<Lowered> {
        let ask = self.between(Some(from), Some(to), on)?;
        let on = on.map_or_else(String::new, |ports| format!(" on {ports}"));
        let done = format!("allowed {from} -> {to}{on}");
        let change = |(to, ports)| Change::Allow { from: ask.from.clone(), to, ports };
        Ok(Lowered { changes: ask.parts().into_iter().map(change).collect(), done })
    }
}

fn numbered(ports: &PortSet) -> Vec<ContainerPort> {
    let of_range = |range: netpol_core::model::PortRange| {
        (range.from..=range.to).map(move |number| ContainerPort {
            name: None,
            number,
            protocol: range.protocol,
            restartable_init: false,
        })
    };
    ports.ranges().flat_map(of_range).collect()
}

fn quoted(words: &[String]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

/// Returns what a user types for an object.
fn label(key: &ObjectKey) -> String {
    let kind = match &key.kind {
        ObjectKind::Namespace => "ns".to_owned(),
        ObjectKind::Node => "node".to_owned(),
        ObjectKind::Service => "svc".to_owned(),
        ObjectKind::Workload(kind) => kinds::short(kind),
        ObjectKind::Policy(kind) => kind.short().to_owned(),
        ObjectKind::Ingress(kind) => kind.as_str().to_ascii_lowercase(),
    };
    match &*key.namespace {
        "" => format!("{kind}/{}", key.name),
        namespace => format!("{namespace}/{kind}/{}", key.name),
    }
}

fn listed(targets: &Targets) -> String {
    suggest::listed(&targets.iter().map(label).collect::<Vec<_>>())
}
