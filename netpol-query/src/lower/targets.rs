//! Which objects a change is about: `deploy/x`, `netpol/x`, `ns/x`, `svc/x`, selectors and sets of them.

use std::collections::{BTreeMap, BTreeSet};

use netpol_core::model::{NamespaceId, ObjectKey, ObjectKind, PodId, PolicyId, PolicyKind};

use super::find::{Found, Place, Target};
use super::region::Region;
use super::scope::{Scope, Search};
use super::suggest;
use crate::error::{ErrorCode, QueryError};
use crate::kinds::Kind;
use crate::syntax::Span;
use crate::syntax::ast::{Endpoint, Endpoints, Name, Path, Set};

/// The objects of a change, each of them once.
pub(super) type Targets = BTreeSet<ObjectKey>;

impl Scope<'_> {
    /// Finds the objects that a target names; none is an error.
    pub(super) fn targets(&self, set: &Endpoints) -> Found<Targets> {
        let found = self.objects_of(set, &self.search())?;
        if found.is_empty() {
            let message = format!("nothing is left of `{set}`");
            return Err(QueryError::at(ErrorCode::NoSuchEndpoint, set.span, message));
        }
        Ok(found)
    }

    fn objects_of(&self, set: &Endpoints, search: &Search) -> Found<Targets> {
        let all = |sets: &[Endpoints]| {
            sets.iter().map(|s| self.objects_of(s, search)).collect::<Found<Vec<_>>>()
        };
        match &set.node {
            Set::One(Endpoint::Path(path)) => self.objects_of_path(path, set.span, search),
            Set::One(_) => self.workloads_of(&self.endpoints(set)?, set),
            Set::Union(sets) => Ok(all(sets)?.into_iter().flatten().collect()),
            Set::Intersection(sets) => {
                Ok(all(sets)?.into_iter().reduce(|a, b| &a & &b).unwrap_or_default())
            }
            Set::Difference(sets) => {
                Ok(all(sets)?.into_iter().reduce(|a, b| &a - &b).unwrap_or_default())
            }
            Set::Within(inner, scope) => {
                self.objects_of(inner, &Search::Within(self.namespaces_of(scope, search)?))
            }
            Set::Complement(_) => {
                let message = "a change needs to be told what it changes, not what it does not";
                let help = "name it: `deploy/x`, `netpol/x`, `ns/x`, `[app=web]`";
                Err(QueryError::at(ErrorCode::Usage, set.span, message).help(help))
            }
        }
    }

    /// Returns the namespaces that `in SCOPE` means.
    fn namespaces_of(&self, scope: &Endpoints, search: &Search) -> Found<BTreeSet<NamespaceId>> {
        let outer = match search {
            Search::Within(_) => search.clone(),
            _ => Search::Anywhere,
        };
        let region = self.set(scope, &outer, Place::Scope)?;
        let pods = region.selection.pods.iter().map(PodId);
        let mut namespaces: BTreeSet<NamespaceId> =
            pods.map(|p| self.cluster.pod(p).namespace).collect();
        namespaces.extend(&region.namespaces);
        Ok(namespaces)
    }

    fn objects_of_path(&self, path: &Path, span: Span, search: &Search) -> Found<Targets> {
        if let Some(port) = &path.port {
            let message = format!("port {} of a Service is no object of its own", port.node);
            let help = "name the Service without its port";
            return Err(QueryError::at(ErrorCode::Usage, port.span, message).help(help));
        }
        let target = self.target(path, span, search, Place::Endpoint)?;
        match &target.kind {
            Some(Kind::Policy(kind)) => self.policy_objects(&target, *kind),
            Some(Kind::Service) => self.service_objects(&target),
            Some(Kind::Namespace) => self.namespace_objects(path, span, search),
            Some(Kind::Node) => self.node_objects(&target),
            Some(Kind::Pod | Kind::Workload(_)) | None => {
                let region = self
                    .path(path, span, search, Place::Endpoint)
                    .map_err(|error| self.of_another_kind(error, &target))?;
                let set = crate::syntax::Spanned::new(Set::One(Endpoint::Path(path.clone())), span);
                self.workloads_of(&region, &set)
            }
        }
    }

    /// A bare name that no workload has may be a policy's.
    fn of_another_kind(&self, error: QueryError, target: &Target<'_>) -> QueryError {
        let Some(word) = target.part.literal().filter(|_| target.kind.is_none()) else {
            return error;
        };
        let named = |id: &PolicyId| *self.cluster.policy(*id).name == *word;
        match self.cluster.policy_ids().find(named) {
            Some(id) => {
                let policy = suggest::policy(self.cluster, id);
                error.help(format!("`{word}` is a policy: write `{policy}`"))
            }
            None => error,
        }
    }

    fn policy_objects(&self, target: &Target<'_>, kind: PolicyKind) -> Found<Targets> {
        let cluster = self.cluster;
        if !target.part.selectors.is_empty() {
            let message = "policies have no labels that a selector could match here";
            let help = "name them: `netpol/NAME`, `netpol/web-*`";
            return Err(QueryError::at(ErrorCode::Usage, target.span, message).help(help));
        }
        let named = |id: &PolicyId| {
            let policy = cluster.policy(*id);
            policy.kind == kind && self.is_named(target, &policy.name)
        };
        let all: Vec<PolicyId> = cluster.policy_ids().filter(named).collect();
        let covered =
            |id: &PolicyId| cluster.policy(*id).namespace.is_none_or(|n| target.search.covers(n));
        let mut found: Vec<PolicyId> = all.iter().copied().filter(covered).collect();
        let literal = !target.part.name.as_ref().is_some_and(Name::is_glob);
        if found.is_empty() && literal && matches!(target.search, Search::Current(_)) {
            found = all;
        }
        let one_place = target.one_namespace || !matches!(target.search, Search::Within(_));
        if literal && one_place && found.len() > 1 {
            let names: Vec<_> = found.iter().map(|id| suggest::policy(cluster, *id)).collect();
            let message = format!("`{}` is {} policies", target.part, found.len());
            let help = format!("it may be {}", suggest::listed(&names));
            return Err(QueryError::at(ErrorCode::AmbiguousName, target.span, message).help(help));
        }
        if found.is_empty() {
            let word = target.part.to_string();
            let others = cluster.policy_ids().filter(|id| cluster.policy(*id).kind == kind);
            let names = others.map(|id| (&*cluster.policy(id).name, id));
            let help = suggest::nearest(&word, names)
                .map(|(_, id)| format!("did you mean `{}`?", suggest::policy(cluster, id)));
            let message = format!("no {} is called `{word}`", kind.as_str());
            return Err(
                QueryError::at(ErrorCode::NoSuchEndpoint, target.span, message).maybe_help(help)
            );
        }
        Ok(found.iter().map(|id| cluster.policy_key(cluster.policy(*id))).collect())
    }

    /// A Service is an object even where no pod stands behind it.
    fn service_objects(&self, target: &Target<'_>) -> Found<Targets> {
        let lenient = Scope { may_be_empty: true, ..*self };
        let mut found = lenient.services(target)?;
        if found.is_empty() {
            found = self.services(target)?;
        }
        let key = |id| {
            let service = self.cluster.service(id);
            let namespace = &self.cluster.namespace(service.namespace).name;
            ObjectKey::new(ObjectKind::Service, namespace, &service.name)
        };
        Ok(found.into_iter().map(key).collect())
    }

    /// A namespace is an object even where it holds no pod.
    fn namespace_objects(&self, path: &Path, span: Span, search: &Search) -> Found<Targets> {
        let lenient = Scope { may_be_empty: true, ..*self };
        let found = lenient.path(path, span, search, Place::Endpoint)?.namespaces;
        if found.is_empty() {
            // The strict look-up says what has a similar name.
            self.path(path, span, search, Place::Endpoint)?;
        }
        let name = |id: NamespaceId| &self.cluster.namespace(id).name;
        Ok(found
            .into_iter()
            .map(|id| ObjectKey::new(ObjectKind::Namespace, "", name(id)))
            .collect())
    }

    fn node_objects(&self, target: &Target<'_>) -> Found<Targets> {
        self.nodes(target)?;
        let kind_word = self.kind_with_selectors(target.part).is_some();
        let nodes = self.cluster.nodes().iter();
        let named = nodes.filter(|n| {
            (kind_word || self.is_named(target, &n.name))
                && super::selectors::matches(self.cluster, &n.labels, &target.part.selectors)
        });
        Ok(named.map(|n| ObjectKey::new(ObjectKind::Node, "", &n.name)).collect())
    }

    /// Returns the workloads that pods are of; where they are only some of a workload's, themselves.
    fn workloads_of(&self, region: &Region, set: &Endpoints) -> Found<Targets> {
        let cluster = self.cluster;
        let mut pods: BTreeMap<_, Vec<PodId>> = BTreeMap::new();
        for pod in region.selection.pods.iter().map(PodId) {
            pods.entry(cluster.pod(pod).workload).or_default().push(pod);
        }
        if pods.is_empty() {
            let message = format!("`{set}` holds no pods: addresses cannot be changed");
            return Err(QueryError::at(ErrorCode::NoSuchEndpoint, set.span, message));
        }
        let key = |id: PodId| {
            let pod = cluster.pod(id);
            let namespace = &cluster.namespace(pod.namespace).name;
            ObjectKey::new(ObjectKind::Workload("Pod".into()), namespace, &pod.name)
        };
        let mut found = Targets::new();
        for (workload, own) in pods {
            if own.len() == cluster.workload(workload).pods.len() {
                found.insert(cluster.workload_key(workload));
            } else {
                found.extend(own.into_iter().map(key));
            }
        }
        Ok(found)
    }
}
