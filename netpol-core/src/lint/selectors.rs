//! Selectors: those that select nothing (E01, E02, E04), what they probably mean (E03, E23, E31), those that contradict
//! themselves (E05) and those on labels that change by themselves (E33).

use serde_json::{Map, Value, json};

use super::context::{Context, Pods};
use super::finding::{EditKind, Finding};
use super::nearest::{Near, nearest};
use super::view::{PodsPeer, PolicyView, RuleView};
use crate::model::cluster::NAMESPACE_NAME_LABEL;
use crate::model::{NamespaceId, Operator, Requirement, Selector, Subject};

/// Labels that controllers give to pods, anew with each revision or each pod.
const CHURNING: [&str; 6] = [
    "pod-template-hash",
    "controller-revision-hash",
    "pod-template-generation",
    "statefulset.kubernetes.io/pod-name",
    "batch.kubernetes.io/controller-uid",
    "controller-uid",
];

/// Labels that controllers add to pods and that templates do not carry.
const ADDED: [&str; 3] =
    ["apps.kubernetes.io/pod-index", "batch.kubernetes.io/job-name", "job-name"];

/// Checks every selector of every policy.
pub(super) fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for view in &context.policies {
        let mut check = Check { context, view, findings };
        check.subject();
        for rule in &view.rules {
            rule.pod_peers().for_each(|(at, peer)| check.peer(rule, at, peer));
        }
    }
}

/// Where a selector stands.
struct Place {
    /// As the API server writes it.
    path: String,
    line: u32,
}

struct Check<'a, 'c> {
    context: &'c Context<'a>,
    view: &'c PolicyView<'a>,
    findings: &'c mut Vec<Finding>,
}

impl Check<'_, '_> {
    fn subject(&mut self) {
        let at = |path: &str| Place { path: path.to_owned(), line: 0 };
        let everything = Selector::everything();
        let (namespaces, pods) = match (self.view.network(), self.view.admin()) {
            (Some(spec), _) => (None, &spec.pod_selector),
            (_, Some(spec)) => match &spec.subject {
                Subject::Namespaces(namespaces) => (Some(namespaces), &everything),
                Subject::Pods { namespace_selector, pod_selector } => {
                    (Some(namespace_selector), pod_selector)
                }
            },
            (None, None) => return,
        };
        let (place, spaces) = match (namespaces, self.view.admin().map(|spec| &spec.subject)) {
            (None, _) => ("spec.podSelector", ""),
            (_, Some(Subject::Namespaces(_))) => {
                ("spec.subject.namespaces", "spec.subject.namespaces")
            }
            _ => ("spec.subject.pods.podSelector", "spec.subject.pods.namespaceSelector"),
        };
        let (place, spaces) = (at(place), at(spaces));
        let broken = namespaces.is_some_and(|s| self.broken(s, &spaces));
        if self.broken(pods, &place) || broken || !self.view.selected.is_empty() {
            return;
        }
        match (namespaces, self.view.policy.namespace) {
            (None, Some(namespace)) if self.context.is_populated(namespace) => {
                let among = self.pods_of(&[namespace]);
                let name = self.context.namespace_name(namespace);
                let message =
                    format!("{}: `{pods}` selects no pod in namespace {name}", place.path);
                self.nothing("E01", &place, message, pods, &among);
            }
            (Some(selector), _) => {
                let matching = self.context.namespaces(selector);
                if matching.is_empty() {
                    self.no_namespace(&spaces, selector);
                } else if self.context.is_known(selector, &matching) {
                    let among = self.pods_of(&matching);
                    let message = format!("{}: `{pods}` selects no pod", place.path);
                    self.nothing("E01", &place, message, pods, &among);
                }
            }
            _ => {}
        }
    }

    fn peer(&mut self, rule: &RuleView<'_>, at: usize, peer: &PodsPeer<'_>) {
        let everything = Selector::everything();
        let pods = peer.pods.unwrap_or(&everything);
        let path = rule.peer_path(at);
        let (place, spaces) = match (self.view.is_network(), peer.pods) {
            (true, _) => ("podSelector", "namespaceSelector"),
            (false, None) => ("namespaces", "namespaces"),
            (false, Some(_)) => ("pods.podSelector", "pods.namespaceSelector"),
        };
        let place = Place { path: format!("{path}.{place}"), line: rule.line };
        let spaces = Place { path: format!("{path}.{spaces}"), line: rule.line };
        let broken = peer.namespaces.is_some_and(|s| self.broken(s, &spaces));
        if self.broken(pods, &place) || broken || !peer.set.is_empty() {
            return;
        }
        let own = self.view.policy.namespace;
        match (peer.namespaces, own) {
            (None, Some(namespace)) if self.context.is_populated(namespace) => {
                self.nothing_here(&place, &path, pods, namespace);
            }
            (Some(selector), _) => {
                let matching = self.context.namespaces(selector);
                if matching.is_empty() {
                    self.no_namespace(&spaces, selector);
                } else if self.context.is_known(selector, &matching) {
                    let among = self.pods_of(&matching);
                    let message = format!(
                        "{}: `{pods}` selects no pod in {}",
                        place.path,
                        self.listed(&matching)
                    );
                    self.nothing("E02", &place, message, pods, &among);
                }
            }
            _ => {}
        }
    }

    /// A peer without a namespaceSelector that selects nothing in the policy's own namespace.
    fn nothing_here(&mut self, place: &Place, path: &str, pods: &Selector, namespace: NamespaceId) {
        let name = self.context.namespace_name(namespace);
        let elsewhere = self.context.in_namespaces(&Selector::everything(), pods);
        if pods.is_everything() || elsewhere.is_empty() {
            let message = format!("{}: `{pods}` selects no pod in namespace {name}", place.path);
            let among = self.pods_of(&[namespace]);
            self.nothing("E02", place, message, pods, &among);
            return;
        }
        let mut spaces: Vec<&str> = elsewhere
            .iter()
            .map(|g| self.context.namespace_name(self.context.groups.group(g).namespace))
            .collect();
        spaces.sort_unstable();
        spaces.dedup();
        let message = format!(
            "{}: `{pods}` selects no pod in namespace {name}, the policy's own; such pods are in {}: {}",
            place.path,
            spaces.join(", "),
            self.context.names(&elsewhere)
        );
        let fix = match spaces[..] {
            [one] => format!(
                "add `namespaceSelector: {{matchLabels: {{{NAMESPACE_NAME_LABEL}: {one}}}}}` to the same list item"
            ),
            _ => "add a namespaceSelector to the same list item".to_owned(),
        };
        let mut finding = self.context.finding("E23", (self.view.id, place.line), message, fix);
        if let [one] = spaces[..] {
            let value = json!({"matchLabels": {NAMESPACE_NAME_LABEL: one}});
            let path = format!("{}/namespaceSelector", pointer(path));
            finding = finding.edit(EditKind::Add, path, Some(value));
        }
        self.findings.push(finding.about(self.context.ids(&elsewhere)));
    }

    /// A selector of pods that selects none, and what it probably means.
    fn nothing(
        &mut self,
        id: &'static str,
        place: &Place,
        message: String,
        pods: &Selector,
        among: &Pods,
    ) {
        // What controllers add is not in templates.
        let added = |r: &Requirement| is_added(&r.key);
        if pods.requirements.iter().any(added) {
            return;
        }
        let near = nearest(self.context, among, pods);
        if near.is_none() && self.context.hidden_pods {
            return;
        }
        let fix = match &near {
            Some(near) => format!("did you mean `{}`?", near.found),
            None => "select labels that pods there carry, or remove it".to_owned(),
        };
        let at = (self.view.id, place.line);
        self.findings.push(self.context.finding(id, at, message, fix));
        if let Some(near) = near {
            self.near_miss(place, &near, pods);
        }
    }

    fn near_miss(&mut self, place: &Place, near: &Near, pods: &Selector) {
        let carrier = [near.group].into_iter().collect();
        let workload = self.context.names(&carrier);
        let (id, what) = if near.is_scheme() {
            ("E31", "which is of another label scheme")
        } else {
            ("E03", "which is not quite the same")
        };
        let message = format!(
            "{}: `{}` is asked for, but {workload} carries `{}`, {what}",
            place.path, near.asked, near.found
        );
        let fix = format!("did you mean `{}`?", near.found);
        let value = manifest(&near.corrected(pods));
        let finding = self.context.finding(id, (self.view.id, place.line), message, fix);
        let finding = finding.edit(EditKind::Replace, pointer(&place.path), Some(value));
        self.findings.push(finding.about(self.context.ids(&carrier)));
    }

    /// A namespaceSelector that matches none. Namespaces that are not in the input may have any labels.
    fn no_namespace(&mut self, place: &Place, selector: &Selector) {
        let near = self.namespace_near(selector);
        let pinned = selector.requirements.iter().any(|r| *r.key == *NAMESPACE_NAME_LABEL);
        let declared = self.context.cluster.namespaces().iter().all(|n| n.position.is_some());
        let known = self.context.whole && (declared || pinned);
        if !known && near.is_none() || self.context.cluster.pods().is_empty() {
            return;
        }
        let message = format!("{}: `{selector}` matches no namespace", place.path);
        let finding = |fix: String| {
            self.context.finding("E04", (self.view.id, place.line), message.clone(), fix)
        };
        let finding = match near {
            Some((at, key, value)) => {
                let fix = format!("did you mean `{key}={value}`?");
                let mut corrected = selector.clone();
                if let Some(requirement) = corrected.requirements.get_mut(at) {
                    *requirement = Requirement::equals(&key, &value);
                }
                let value = manifest(&corrected);
                finding(fix).edit(EditKind::Replace, pointer(&place.path), Some(value))
            }
            None => finding("select a label that the namespace carries".to_owned()),
        };
        self.findings.push(finding);
    }

    /// Finds a namespace that is called what is asked for under another key, or whose label differs in case.
    fn namespace_near(&self, selector: &Selector) -> Option<(usize, String, String)> {
        let [requirement] = &selector.requirements[..] else { return None };
        let Operator::In(values) = &requirement.operator else { return None };
        let [value] = &values[..] else { return None };
        let cluster = self.context.cluster;
        let is_declared = |n: &NamespaceId| cluster.namespace(*n).position.is_some();
        let named = cluster.find_namespace(value).filter(is_declared);
        if *requirement.key != *NAMESPACE_NAME_LABEL && named.is_some() {
            return Some((0, NAMESPACE_NAME_LABEL.to_owned(), value.to_string()));
        }
        let labels =
            cluster.namespace_ids().filter_map(|n| cluster.namespace_label(n, &requirement.key));
        let mut near: Vec<&str> =
            labels.filter(|label| label.eq_ignore_ascii_case(value)).collect();
        near.sort_unstable();
        near.first().map(|label| (0, requirement.key.to_string(), (*label).to_owned()))
    }

    /// Reports what is wrong with a selector by itself; tells whether it can match nothing.
    fn broken(&mut self, selector: &Selector, place: &Place) -> bool {
        let at = (self.view.id, place.line);
        if let Some(churning) = selector.requirements.iter().find(|r| CHURNING.contains(&&*r.key)) {
            let message = format!(
                "{}: the label `{}` changes with every revision or pod",
                place.path, churning.key
            );
            let fix = "select by a label of the template, which stays";
            self.findings.push(self.context.finding("E33", at, message, fix));
        }
        let Some((first, second)) = contradiction(selector) else { return false };
        let message = format!("{}: `{first}` and `{second}` never hold together", place.path);
        let fix = format!("remove `{first}` or `{second}`");
        self.findings.push(self.context.finding("E05", at, message, fix));
        true
    }

    fn pods_of(&self, namespaces: &[NamespaceId]) -> Pods {
        let mut pods = Pods::new();
        for namespace in namespaces {
            let (from, to) = self.context.groups.of_namespace(*namespace);
            pods.insert_range(from..to);
        }
        pods
    }

    fn listed(&self, namespaces: &[NamespaceId]) -> String {
        let shown: Vec<String> =
            namespaces.iter().take(3).map(|n| self.context.namespace_name(*n).to_owned()).collect();
        let s = if namespaces.len() == 1 { "" } else { "s" };
        format!("namespace{s} {}", super::context::list(&shown, namespaces.len()))
    }
}

fn is_added(key: &str) -> bool {
    CHURNING.contains(&key) || ADDED.contains(&key)
}

/// Finds two requirements on one key that never hold together.
fn contradiction(selector: &Selector) -> Option<(&Requirement, &Requirement)> {
    let requirements = &selector.requirements;
    for (at, first) in requirements.iter().enumerate() {
        for second in requirements.iter().skip(at + 1).filter(|r| r.key == first.key) {
            if excludes(&first.operator, &second.operator)
                || excludes(&second.operator, &first.operator)
            {
                return Some((first, second));
            }
        }
    }
    None
}

/// Tells whether nothing fulfils both.
fn excludes(a: &Operator, b: &Operator) -> bool {
    match (a, b) {
        (Operator::In(a), Operator::In(b)) => !a.iter().any(|v| b.contains(v)),
        (Operator::In(a), Operator::NotIn(b)) => a.iter().all(|v| b.contains(v)),
        (Operator::In(_) | Operator::Exists, Operator::DoesNotExist) => true,
        _ => false,
    }
}

/// Turns a path such as `spec.ingress[0].from[1]` into a JSON Pointer.
pub(super) fn pointer(path: &str) -> String {
    let parts = path.split(['.', '[']).map(|part| part.trim_end_matches(']'));
    parts.fold(String::new(), |pointer, part| format!("{pointer}/{part}"))
}

/// Writes a selector as a manifest does.
fn manifest(selector: &Selector) -> Value {
    let mut labels = Map::new();
    let mut expressions = Vec::new();
    for requirement in &selector.requirements {
        let key = &*requirement.key;
        let (operator, values) = match &requirement.operator {
            Operator::In(values) if values.len() == 1 && !labels.contains_key(key) => {
                labels.insert(key.to_owned(), json!(values.join("")));
                continue;
            }
            Operator::In(values) => ("In", Some(values)),
            Operator::NotIn(values) => ("NotIn", Some(values)),
            Operator::Exists => ("Exists", None),
            Operator::DoesNotExist => ("DoesNotExist", None),
        };
        let mut expression = json!({"key": key, "operator": operator});
        if let (Some(values), Some(map)) = (values, expression.as_object_mut()) {
            let values: Vec<&str> = values.iter().map(|v| &**v).collect();
            map.insert("values".to_owned(), json!(values));
        }
        expressions.push(expression);
    }
    let mut manifest = Map::new();
    if !labels.is_empty() {
        manifest.insert("matchLabels".to_owned(), Value::Object(labels));
    }
    if !expressions.is_empty() {
        manifest.insert("matchExpressions".to_owned(), Value::Array(expressions));
    }
    Value::Object(manifest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selector(requirements: &[(&str, Operator)]) -> Selector {
        let requirement = |(key, operator): &(&str, Operator)| Requirement {
            key: (*key).into(),
            operator: operator.clone(),
        };
        Selector { requirements: requirements.iter().map(requirement).collect() }
    }

    fn values(list: &[&str]) -> Vec<Box<str>> {
        list.iter().map(|v| Box::from(*v)).collect()
    }

    #[test]
    fn requirements_contradict_one_another_where_no_value_fulfils_both() {
        let within = |list: &[&str]| Operator::In(values(list));
        let without = |list: &[&str]| Operator::NotIn(values(list));
        let contradict = |a: Operator, b: Operator| {
            contradiction(&selector(&[("app", a.clone()), ("app", b.clone())])).is_some()
                && contradiction(&selector(&[("app", b), ("app", a)])).is_some()
        };
        assert!(contradict(within(&["a"]), within(&["b"])));
        assert!(contradict(within(&["a"]), without(&["a", "b"])));
        assert!(contradict(within(&["a"]), Operator::DoesNotExist));
        assert!(contradict(Operator::Exists, Operator::DoesNotExist));
        assert!(!contradict(within(&["a", "b"]), without(&["a"])));
        assert!(!contradict(without(&["a"]), Operator::DoesNotExist));
        let other = selector(&[("app", Operator::Exists), ("tier", Operator::DoesNotExist)]);
        assert!(contradiction(&other).is_none());
    }

    #[test]
    fn a_selector_is_written_as_a_manifest_writes_it() {
        let one = selector(&[
            ("app", Operator::In(values(&["web"]))),
            ("tier", Operator::NotIn(values(&["a", "b"]))),
        ]);
        let expected = json!({
            "matchLabels": {"app": "web"},
            "matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["a", "b"]}],
        });
        assert_eq!(manifest(&one), expected);
        assert_eq!(pointer("spec.ingress[0].from[1]"), "/spec/ingress/0/from/1");
    }
}
