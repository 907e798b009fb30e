//! Finds what a path names: `[[ns/]kind/]name`.

use std::collections::BTreeSet;

use netpol_core::model::{Cluster, NamespaceId, PodId, WorkloadId};

use super::glob;
use super::region::Region;
use super::scope::{Scope, Search};
use super::selectors;
use super::suggest;
use crate::error::{ErrorCode, QueryError};
use crate::kinds::Kind;
use crate::syntax::ast::{Name, Part, Path};
use crate::syntax::{Span, Spanned};

/// Whether a bare name means an endpoint or a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A workload or a pod.
    Endpoint,
    /// A namespace: the name follows `in`.
    Scope,
}

/// A path, taken apart by its slashes.
pub(super) struct Target<'a> {
    /// Where its last part is looked up.
    pub(super) search: Search,
    /// The kind that it says.
    pub(super) kind: Option<Kind>,
    /// Its last part.
    pub(super) part: &'a Part,
    /// Whether the namespaces were given by one literal name.
    pub(super) one_namespace: bool,
    /// Where the last part stands.
    pub(super) span: Span,
    /// Where the path stands.
    pub(super) whole: Span,
}

pub(super) type Found<T> = Result<T, QueryError>;

impl Scope<'_> {
    /// Finds what a path names.
    pub(super) fn path(
        &self,
        path: &Path,
        whole: Span,
        search: &Search,
        place: Place,
    ) -> Found<Region> {
        let target = self.target(path, whole, search, place)?;
        let region = self.look_up(&target, place)?;
        if region.selection.is_empty() && place == Place::Endpoint && !self.may_be_empty {
            return Err(Self::holds_nothing(&region, whole, path));
        }
        Ok(region)
    }

    pub(super) fn target<'p>(
        &self,
        path: &'p Path,
        whole: Span,
        search: &Search,
        place: Place,
    ) -> Found<Target<'p>> {
        let search = search.clone();
        match &path.parts[..] {
            [only] => {
                let kind = self.kind_with_selectors(&only.node);
                let kind = match place {
                    Place::Scope if kind.is_none() && !only.node.is_selector() => {
                        Some(Kind::Namespace)
                    }
                    _ => kind,
                };
                let (part, span) = (&only.node, only.span);
                Ok(Target { search, kind, part, one_namespace: false, span, whole })
            }
            [first, last] => {
                let (part, span) = (&last.node, last.span);
                if let Some(kind) = plain_kind(&first.node) {
                    let kind = Some(kind);
                    return Ok(Target { search, kind, part, one_namespace: false, span, whole });
                }
                let kind = self.foreign_kind(&first.node);
                if kind.is_some() {
                    return Ok(Target { search, kind, part, one_namespace: false, span, whole });
                }
                let search = Search::Within(self.namespaces(first, &search)?);
                let one_namespace = first.node.literal().is_some();
                let kind = self.kind_with_selectors(part);
                Ok(Target { search, kind, part, one_namespace, span, whole })
            }
            [first, second, last] => {
                let kind = self.kind_of(second)?;
                let search = Search::Within(self.namespaces(first, &search)?);
                let one_namespace = first.node.literal().is_some();
                let (part, span) = (&last.node, last.span);
                Ok(Target { search, kind: Some(kind), part, one_namespace, span, whole })
            }
            _ => Err(QueryError::at(ErrorCode::Syntax, whole, "a path has one to three parts")),
        }
    }

    /// `deploy[app=web]`: a kind word whose only restriction is a selector.
    pub(super) fn kind_with_selectors(&self, part: &Part) -> Option<Kind> {
        if part.selectors.is_empty() {
            return None;
        }
        match &part.name {
            Some(Name::Plain(word)) => Kind::of_word(word).or_else(|| self.present_kind(word)),
            _ => None,
        }
    }

    /// The kind of an owner that is no kind of ours, where no namespace has its name.
    fn foreign_kind(&self, part: &Part) -> Option<Kind> {
        let word = part.literal()?;
        if self.cluster.find_namespace(word).is_some() || matches!(part.name, Some(Name::Quoted(_)))
        {
            return None;
        }
        self.present_kind(word)
    }

    fn present_kind(&self, word: &str) -> Option<Kind> {
        let workloads = self.cluster.workloads().iter();
        let same = workloads.map(|w| &w.kind).find(|kind| kind.eq_ignore_ascii_case(word));
        same.map(|kind| Kind::Workload((**kind).into()))
    }

    fn kind_of(&self, part: &Spanned<Part>) -> Found<Kind> {
        let known = plain_kind(&part.node)
            .or_else(|| part.node.literal().and_then(|word| self.present_kind(word)));
        known.ok_or_else(|| {
            let message = format!("`{part}` is no kind");
            let help =
                "kinds are `deploy`, `sts`, `ds`, `pod`, `svc`, ...: write `NAMESPACE/deploy/NAME`";
            QueryError::at(ErrorCode::NoSuchEndpoint, part.span, message).help(help)
        })
    }

    /// Finds the namespaces that a part names.
    pub(super) fn namespaces(
        &self,
        part: &Spanned<Part>,
        search: &Search,
    ) -> Found<BTreeSet<NamespaceId>> {
        let within = |id: &NamespaceId| !matches!(search, Search::Within(set) if !set.contains(id));
        let node = &part.node;
        let is_kind_word = !node.selectors.is_empty() && plain_word(node) == Some(Kind::Namespace);
        let by_name = |id: &NamespaceId| match &node.name {
            None => true,
            Some(_) if is_kind_word => true,
            Some(name) => name_matches(name, &self.cluster.namespace(*id).name),
        };
        let by_label = |id: &NamespaceId| {
            selectors::matches(self.cluster, &self.cluster.namespace(*id).labels, &node.selectors)
        };
        let found: BTreeSet<NamespaceId> =
            self.cluster.namespace_ids().filter(within).filter(by_name).filter(by_label).collect();
        if !found.is_empty() || self.may_be_empty {
            return Ok(found);
        }
        let (message, help) = match node.literal() {
            Some(name) => (
                format!("no namespace is called `{name}`"),
                suggest::namespace(self.cluster, name).or_else(|| self.not_a_namespace(name)),
            ),
            None => (
                format!("`{node}` matches no namespace"),
                selectors::nearest_namespace_label(self.cluster, &node.selectors),
            ),
        };
        Err(QueryError::at(ErrorCode::NoSuchEndpoint, part.span, message).maybe_help(help))
    }

    /// A workload's name where a namespace is wanted.
    fn not_a_namespace(&self, name: &str) -> Option<String> {
        let same = |w: &WorkloadId| *self.cluster.workload(*w).name == *name;
        let workload = self.cluster.workload_ids().find(same)?;
        Some(format!("`{name}` is a workload ({})", suggest::workload(self.cluster, workload)))
    }

    fn look_up(&self, target: &Target<'_>, place: Place) -> Found<Region> {
        match &target.kind {
            Some(Kind::Namespace) => {
                let part = Spanned::new(without_kind_word(target.part), target.span);
                let search = match &target.search {
                    Search::Within(set) if target.one_namespace => Search::Within(set.clone()),
                    _ => Search::Anywhere,
                };
                Ok(Region::namespaces(self.cluster, self.namespaces(&part, &search)?))
            }
            Some(Kind::Node) => self.nodes(target),
            Some(Kind::Service) => {
                let services = self.services(target)?;
                Ok(Region::pods(services.into_iter().flat_map(|s| self.cluster.service_pods(s))))
            }
            Some(Kind::Policy(_)) => {
                let message = format!("`{}` is a policy, not an endpoint", target.part);
                let help = "`pods of netpol/NAME` lists the pods that it selects";
                Err(QueryError::at(ErrorCode::Usage, target.whole, message).help(help))
            }
            Some(Kind::Pod) => self.pods_or_nameless_owners(target),
            Some(Kind::Workload(kind)) => self.workloads(target, Some(kind)),
            None if target.part.is_selector() => self.pods_by_label(target, place),
            None => self.workloads(target, None),
        }
    }

    /// Narrows candidates to those that a search means: the current namespace first, else a unique one anywhere.
    pub(super) fn choose<T: Copy>(
        &self,
        target: &Target<'_>,
        all: Vec<T>,
        namespace: impl Fn(T) -> NamespaceId,
        describe: impl Fn(T) -> String,
    ) -> Found<Vec<T>> {
        let literal = target.part.name.as_ref().is_some_and(|n| !n.is_glob())
            && self.kind_with_selectors(target.part).is_none();
        let covered: Vec<T> =
            all.iter().copied().filter(|x| target.search.covers(namespace(*x))).collect();
        if !literal {
            return Ok(covered);
        }
        let elsewhere = matches!(target.search, Search::Current(_)) && covered.is_empty();
        let found = if elsewhere { all } else { covered };
        let patterned = matches!(target.search, Search::Within(_)) && !target.one_namespace;
        if found.len() < 2 || patterned && Self::one_each(&found, &namespace) {
            return Ok(found);
        }
        let names: Vec<String> = found.iter().take(8).map(|x| describe(*x)).collect();
        let more = found.len().saturating_sub(8);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let message = format!("`{}` is {} things", target.part, found.len());
        let help = format!("it may be {}{more}", names.join(", "));
        Err(QueryError::at(ErrorCode::AmbiguousName, target.span, message).help(help))
    }

    /// Tells whether no two candidates are of one namespace.
    fn one_each<T: Copy>(found: &[T], namespace: &impl Fn(T) -> NamespaceId) -> bool {
        let distinct: BTreeSet<NamespaceId> = found.iter().map(|x| namespace(*x)).collect();
        distinct.len() == found.len()
    }

    fn workloads(&self, target: &Target<'_>, kind: Option<&str>) -> Found<Region> {
        let cluster = self.cluster;
        let of_kind = |id: &WorkloadId| kind.is_none_or(|k| *cluster.workload(*id).kind == *k);
        let named = |id: &WorkloadId| self.is_named(target, &cluster.workload(*id).name);
        let all = cluster.workload_ids().filter(of_kind).filter(named).collect();
        let namespace = |id: WorkloadId| cluster.workload(id).namespace;
        let found = self.choose(target, all, namespace, |id| suggest::workload(cluster, id))?;
        if found.is_empty() && kind.is_none() {
            return self.pods(target);
        }
        if found.is_empty() {
            return self.nothing(target);
        }
        let pods = found.iter().flat_map(|w| cluster.workload(*w).pods.iter().copied());
        let pods: Vec<PodId> = pods.collect();
        self.narrowed(target, &pods)
    }

    /// `pod/x`: a pod, or a workload of kind `Pod`: pods whose owner reference names no kind belong to such a one.
    fn pods_or_nameless_owners(&self, target: &Target<'_>) -> Found<Region> {
        let cluster = self.cluster;
        let owner = |w: &netpol_core::model::Workload| {
            *w.kind == *"Pod" && self.is_named(target, &w.name) && target.search.covers(w.namespace)
        };
        let is_pod = |p: &netpol_core::model::Pod| {
            self.is_named(target, &p.name) && target.search.covers(p.namespace)
        };
        let owners = cluster.workloads().iter().any(owner);
        if owners && !cluster.pods().iter().any(is_pod) {
            return self.workloads(target, Some("Pod"));
        }
        self.pods(target)
    }

    fn pods(&self, target: &Target<'_>) -> Found<Region> {
        let cluster = self.cluster;
        let named = |id: &PodId| self.is_named(target, &cluster.pod(*id).name);
        let all: Vec<PodId> = cluster.pod_ids().filter(named).collect();
        let describe = |id: PodId| {
            let pod = cluster.pod(id);
            format!("{}/pod/{}", cluster.namespace(pod.namespace).name, pod.name)
        };
        let found = self.choose(target, all, |id| cluster.pod(id).namespace, describe)?;
        if found.is_empty() {
            return self.nothing(target);
        }
        self.narrowed(target, &found)
    }

    fn pods_by_label(&self, target: &Target<'_>, place: Place) -> Found<Region> {
        if place == Place::Scope && matches!(target.search, Search::Anywhere | Search::Current(_)) {
            let part = Spanned::new(target.part.clone(), target.span);
            let found = self.namespaces(&part, &Search::Anywhere)?;
            return Ok(Region::namespaces(self.cluster, found));
        }
        let covered = |p: &PodId| target.search.covers(self.cluster.pod(*p).namespace);
        let pods: Vec<PodId> = self.cluster.pod_ids().filter(covered).collect();
        self.narrowed(target, &pods)
    }

    /// Leaves the pods that the selectors match.
    fn narrowed(&self, target: &Target<'_>, pods: &[PodId]) -> Found<Region> {
        self.select(pods, &target.part.selectors, target.whole, &target.part.to_string())
    }

    /// Leaves the pods that selectors match; none is an error.
    pub(super) fn select(
        &self,
        pods: &[PodId],
        wanted: &[Spanned<netpol_core::model::Selector>],
        span: Span,
        text: &str,
    ) -> Found<Region> {
        let matching =
            |p: &&PodId| selectors::matches(self.cluster, &self.cluster.pod(**p).labels, wanted);
        let region = Region::pods(pods.iter().filter(matching).copied());
        if !region.selection.is_empty() || self.may_be_empty {
            return Ok(region);
        }
        let help = selectors::nearest_pod_label(self.cluster, pods, wanted);
        let message = format!("`{text}` matches no pod");
        Err(QueryError::at(ErrorCode::NoSuchEndpoint, span, message).maybe_help(help))
    }

    pub(super) fn is_named(&self, target: &Target<'_>, name: &str) -> bool {
        match &target.part.name {
            None => true,
            Some(_) if self.kind_with_selectors(target.part).is_some() => true,
            Some(wanted) => name_matches(wanted, name),
        }
    }

    /// Nothing has the name: an error that says what has a similar one.
    fn nothing(&self, target: &Target<'_>) -> Found<Region> {
        if self.may_be_empty {
            return Ok(Region::default());
        }
        let word = match &target.part.name {
            Some(name) => name.text(),
            None => "",
        };
        let what = match &target.kind {
            Some(Kind::Pod) => "pod".to_owned(),
            Some(Kind::Workload(kind)) => kind.to_string(),
            _ => "workload, pod or service".to_owned(),
        };
        let message = if target.part.name.as_ref().is_some_and(Name::is_glob) {
            format!("`{}` matches nothing", target.part)
        } else {
            format!("no {what} is called `{word}`")
        };
        let help = self
            .completed_help(word)
            .or_else(|| self.other_kind_help(target, word))
            .or_else(|| suggest::endpoint(self.cluster, word, |n| target.search.covers(n)))
            .or_else(|| suggest::endpoint(self.cluster, word, |_| true));
        Err(QueryError::at(ErrorCode::NoSuchEndpoint, target.span, message).maybe_help(help))
    }

    fn completed_help(&self, word: &str) -> Option<String> {
        let (namespace, name) = self.completed.iter().find(|(_, name)| name == word)?;
        Some(format!("{namespace}/pod/{name} has completed: a pod that has ended is no endpoint"))
    }

    /// The name exists, but as something else.
    fn other_kind_help(&self, target: &Target<'_>, word: &str) -> Option<String> {
        let cluster = self.cluster;
        if cluster.services().iter().any(|s| *s.name == *word) {
            return Some(format!("`{word}` is a Service: write `svc/{word}`"));
        }
        if cluster.find_namespace(word).is_some() {
            return Some(format!("`{word}` is a namespace: write `ns/{word}` or `{word}/*`"));
        }
        if target.kind.is_none() && Kind::of_word(word).is_some() {
            return Some(format!(
                "`{word}` is a kind: write `{word}/NAME`, `{word}/*` or `{word}[app=web]`"
            ));
        }
        let same = |w: &WorkloadId| *cluster.workload(*w).name == *word;
        let other = cluster.workload_ids().find(same)?;
        Some(format!("did you mean {}?", suggest::workload(cluster, other)))
    }

    fn holds_nothing(region: &Region, whole: Span, path: &Path) -> QueryError {
        let message = if region.namespaces.is_empty() {
            format!("`{path}` matches nothing")
        } else {
            format!("`{path}` holds no pods")
        };
        QueryError::at(ErrorCode::NoSuchEndpoint, whole, message)
    }
}

impl Part {
    /// Tells whether it is selectors alone.
    fn is_selector(&self) -> bool {
        self.name.is_none()
    }
}

fn plain_word(part: &Part) -> Option<Kind> {
    match &part.name {
        Some(Name::Plain(word)) => Kind::of_word(word),
        _ => None,
    }
}

/// The kind of a part that is a kind word and nothing else.
fn plain_kind(part: &Part) -> Option<Kind> {
    if part.selectors.is_empty() { plain_word(part) } else { None }
}

/// `ns[team=pay]` as a part of its own: the kind word is no name.
fn without_kind_word(part: &Part) -> Part {
    let mut part = part.clone();
    if !part.selectors.is_empty() && plain_word(&part) == Some(Kind::Namespace) {
        part.name = None;
    }
    part
}

fn name_matches(wanted: &Name, name: &str) -> bool {
    match wanted {
        Name::Quoted(text) => text == name,
        Name::Plain(text) if wanted.is_glob() => glob::matches(text, name),
        Name::Plain(text) => text == name,
    }
}

/// Lists pods of some namespaces.
pub(super) fn pods_within(cluster: &Cluster, search: &Search) -> Vec<PodId> {
    cluster.pod_ids().filter(|p| search.covers(cluster.pod(*p).namespace)).collect()
}
