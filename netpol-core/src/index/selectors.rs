//! Label selectors over groups: one bitmap for each label and key that a policy mentions.

use std::collections::HashMap;

use roaring::RoaringBitmap;

use super::groups::{Groups, Mark};
use crate::model::{Cluster, NamespaceId, Operator, Requirement, Selector};

type FastMap<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

/// Answers selectors with bitmaps of groups. Only groups that selectors may match are in it.
#[derive(Debug)]
pub(crate) struct SelectorIndex<'a> {
    cluster: &'a Cluster,
    groups: &'a Groups,
    by_mark: FastMap<Mark, RoaringBitmap>,
    selectable: RoaringBitmap,
    namespaces: FastMap<Selector, Vec<NamespaceId>>,
}

impl<'a> SelectorIndex<'a> {
    /// Builds the bitmaps.
    pub(crate) fn build(cluster: &'a Cluster, groups: &'a Groups) -> Self {
        let mut by_mark = FastMap::<Mark, RoaringBitmap>::default();
        let mut selectable = RoaringBitmap::new();
        for (id, group) in groups.iter().filter(|(_, g)| g.selectable) {
            selectable.insert(id);
            for mark in &group.marks {
                by_mark.entry(*mark).or_default().insert(id);
            }
        }
        Self { cluster, groups, by_mark, selectable, namespaces: FastMap::default() }
    }

    /// Selects the pods of one namespace that match.
    pub(crate) fn in_namespace(
        &self,
        namespace: NamespaceId,
        selector: &Selector,
    ) -> RoaringBitmap {
        let (from, to) = self.groups.of_namespace(namespace);
        let holds = |id: &u32| {
            self.selectable.contains(*id)
                && selector.requirements.iter().all(|r| self.holds(r, *id))
        };
        (from..to).filter(holds).collect()
    }

    /// Selects the pods that match in the namespaces that match.
    pub(crate) fn in_namespaces(
        &mut self,
        namespaces: &Selector,
        pods: &Selector,
    ) -> RoaringBitmap {
        let matching = self.namespaces_matching(namespaces);
        if let [one] = matching[..] {
            return self.in_namespace(one, pods);
        }
        let mut scope = RoaringBitmap::new();
        for (from, to) in matching.iter().map(|n| self.groups.of_namespace(*n)) {
            scope.insert_range(from..to);
        }
        scope &= &self.selectable;
        for requirement in &pods.requirements {
            self.restrict(&mut scope, requirement);
        }
        scope
    }

    fn namespaces_matching(&mut self, selector: &Selector) -> Vec<NamespaceId> {
        if let Some(found) = self.namespaces.get(selector) {
            return found.clone();
        }
        let cluster = self.cluster;
        let found: Vec<NamespaceId> = cluster
            .namespace_ids()
            .filter(|n| selector.matches(|key| cluster.namespace_label(*n, key)))
            .collect();
        self.namespaces.insert(selector.clone(), found.clone());
        found
    }

    fn restrict(&self, scope: &mut RoaringBitmap, requirement: &Requirement) {
        match &requirement.operator {
            Operator::In(values) => *scope &= self.any_value(&requirement.key, values),
            Operator::NotIn(values) => *scope -= self.any_value(&requirement.key, values),
            Operator::Exists => *scope &= self.key(&requirement.key).cloned().unwrap_or_default(),
            Operator::DoesNotExist => {
                if let Some(bitmap) = self.key(&requirement.key) {
                    *scope -= bitmap;
                }
            }
        }
    }

    fn holds(&self, requirement: &Requirement, group: u32) -> bool {
        let any = |values: &[Box<str>]| {
            values
                .iter()
                .any(|v| self.label(&requirement.key, v).is_some_and(|b| b.contains(group)))
        };
        match &requirement.operator {
            Operator::In(values) => any(values),
            Operator::NotIn(values) => !any(values),
            Operator::Exists => self.key(&requirement.key).is_some_and(|b| b.contains(group)),
            Operator::DoesNotExist => {
                !self.key(&requirement.key).is_some_and(|b| b.contains(group))
            }
        }
    }

    fn any_value(&self, key: &str, values: &[Box<str>]) -> RoaringBitmap {
        values
            .iter()
            .filter_map(|v| self.label(key, v))
            .fold(RoaringBitmap::new(), |all, one| all | one)
    }

    fn label(&self, key: &str, value: &str) -> Option<&RoaringBitmap> {
        self.by_mark.get(&self.cluster.labels().find(key, value)?.0)
    }

    fn key(&self, key: &str) -> Option<&RoaringBitmap> {
        let base = u32::try_from(self.cluster.labels().len()).unwrap_or(u32::MAX);
        self.by_mark.get(&base.saturating_add(self.cluster.labels().find_key(key)?))
    }
}
