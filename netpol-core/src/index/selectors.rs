//! Label selectors over groups: one bitmap for each label and key that a policy mentions.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use roaring::RoaringBitmap;

use super::group_set::GroupSet;
use super::groups::{Groups, Mark};
use crate::model::{Cluster, LabelId, NamespaceId, Operator, Requirement, Selector};

type FastMap<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

/// The namespaces that a selector matches, and all groups in them.
#[derive(Debug)]
struct Matching {
    namespaces: Vec<NamespaceId>,
    groups: RoaringBitmap,
}

/// Up to so many groups a namespace is searched group by group.
const FEW_GROUPS: u32 = 32;

/// A requirement as bitmaps: the group is in one of them, or, where that is not wanted, in none.
struct Test<'a> {
    wanted: bool,
    bitmaps: Vec<&'a RoaringBitmap>,
}

impl Test<'_> {
    fn holds(&self, group: u32) -> bool {
        self.wanted == self.bitmaps.iter().any(|b| b.contains(group))
    }
}

/// The groups that carry each label and key. Only groups that selectors may match are in it.
#[derive(Debug)]
pub(crate) struct Bitmaps {
    by_mark: FastMap<Mark, RoaringBitmap>,
    selectable: RoaringBitmap,
    /// The namespaces that carry each label, ascending.
    namespaces: FastMap<LabelId, Vec<NamespaceId>>,
}

impl Bitmaps {
    /// Builds the bitmaps.
    pub(crate) fn build(cluster: &Cluster, groups: &Groups) -> Self {
        let mut by_mark = FastMap::<Mark, RoaringBitmap>::default();
        let mut selectable = RoaringBitmap::new();
        for (id, group) in groups.iter().filter(|(_, g)| g.selectable) {
            selectable.insert(id);
            for mark in &group.marks {
                by_mark.entry(*mark).or_default().insert(id);
            }
        }
        let mut namespaces = FastMap::<LabelId, Vec<NamespaceId>>::default();
        for id in cluster.namespace_ids() {
            for label in cluster.namespace(id).labels.iter() {
                namespaces.entry(*label).or_default().push(id);
            }
        }
        Self { by_mark, selectable, namespaces }
    }
}

/// Answers selectors with bitmaps of groups.
#[derive(Debug)]
pub(crate) struct SelectorIndex<'a> {
    cluster: &'a Cluster,
    groups: &'a Groups,
    bitmaps: &'a Bitmaps,
    namespaces: FastMap<Selector, Rc<Matching>>,
    /// What was selected, by namespace selector, then pod selector.
    known: FastMap<Selector, FastMap<Selector, Rc<RoaringBitmap>>>,
    /// The same as sets.
    known_sets: FastMap<Selector, FastMap<Selector, Rc<GroupSet>>>,
}

impl<'a> SelectorIndex<'a> {
    /// Prepares to answer.
    pub(crate) fn new(cluster: &'a Cluster, groups: &'a Groups, bitmaps: &'a Bitmaps) -> Self {
        let (namespaces, known) = (FastMap::default(), FastMap::default());
        Self { cluster, groups, bitmaps, namespaces, known, known_sets: FastMap::default() }
    }

    /// Selects the pods of one namespace that match, as a set.
    pub(crate) fn set_in_namespace(&self, namespace: NamespaceId, selector: &Selector) -> GroupSet {
        let (from, to) = self.groups.of_namespace(namespace);
        let len = self.groups.len();
        if to - from > FEW_GROUPS {
            return GroupSet::from_bitmap(&self.in_namespace(namespace, selector), len);
        }
        let tests: Vec<Test<'_>> = selector.requirements.iter().map(|r| self.test(r)).collect();
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        for id in (from..to).filter(|id| self.holds(*id, &tests)) {
            match ranges.last_mut() {
                Some(last) if last.1 == id => last.1 = id + 1,
                _ => ranges.push((id, id + 1)),
            }
        }
        GroupSet::from_ranges(&ranges, len)
    }

    /// Selects the pods that match in the namespaces that match, as a set.
    pub(crate) fn set_in_namespaces(
        &mut self,
        namespaces: &Selector,
        pods: &Selector,
    ) -> Rc<GroupSet> {
        let found = self.matching(namespaces);
        if let [one] = found.namespaces[..] {
            return Rc::new(self.set_in_namespace(one, pods));
        }
        if let Some(known) = self.known_sets.get(namespaces).and_then(|by_pods| by_pods.get(pods)) {
            return Rc::clone(known);
        }
        let set = GroupSet::from_bitmap(&self.in_namespaces(namespaces, pods), self.groups.len());
        let set = Rc::new(set);
        let by_pods = self.known_sets.entry(namespaces.clone()).or_default();
        by_pods.insert(pods.clone(), Rc::clone(&set));
        set
    }

    fn holds(&self, group: u32, tests: &[Test<'_>]) -> bool {
        self.groups.group(group).selectable && tests.iter().all(|t| t.holds(group))
    }

    /// Selects the pods of one namespace that match.
    pub(crate) fn in_namespace(
        &self,
        namespace: NamespaceId,
        selector: &Selector,
    ) -> RoaringBitmap {
        let (from, to) = self.groups.of_namespace(namespace);
        let tests: Vec<Test<'_>> = selector.requirements.iter().map(|r| self.test(r)).collect();
        if to - from <= FEW_GROUPS {
            return (from..to).filter(|id| self.holds(*id, &tests)).collect();
        }
        let mut scope = RoaringBitmap::new();
        scope.insert_range(from..to);
        self.restrict(scope, &tests)
    }

    /// Selects the pods that match in the namespaces that match; policies ask for the same sets again and again.
    pub(crate) fn in_namespaces(
        &mut self,
        namespaces: &Selector,
        pods: &Selector,
    ) -> Rc<RoaringBitmap> {
        let found = self.matching(namespaces);
        if let [one] = found.namespaces[..] {
            return Rc::new(self.in_namespace(one, pods));
        }
        if let Some(known) = self.known.get(namespaces).and_then(|by_pods| by_pods.get(pods)) {
            return Rc::clone(known);
        }
        let tests: Vec<Test<'_>> = pods.requirements.iter().map(|r| self.test(r)).collect();
        let selected = Rc::new(self.restrict(found.groups.clone(), &tests));
        let by_pods = self.known.entry(namespaces.clone()).or_default();
        by_pods.insert(pods.clone(), Rc::clone(&selected));
        selected
    }

    fn matching(&mut self, selector: &Selector) -> Rc<Matching> {
        if let Some(found) = self.namespaces.get(selector) {
            return Rc::clone(found);
        }
        let cluster = self.cluster;
        let holds = |n: &NamespaceId| selector.matches(|key| cluster.namespace_label(*n, key));
        let namespaces: Vec<NamespaceId> = match self.carrying(selector) {
            Some(few) => few.into_iter().filter(holds).collect(),
            None => match self.left_out(selector) {
                Some(few) => cluster.namespace_ids().filter(|n| !few.contains(n)).collect(),
                None => cluster.namespace_ids().filter(holds).collect(),
            },
        };
        let groups = self.groups_of(&namespaces);
        let found = Rc::new(Matching { namespaces, groups });
        self.namespaces.insert(selector.clone(), Rc::clone(&found));
        found
    }

    /// All groups of some namespaces, which are ascending.
    fn groups_of(&self, namespaces: &[NamespaceId]) -> RoaringBitmap {
        let mut groups = RoaringBitmap::new();
        let mut last = (0, 0);
        for (from, to) in namespaces.iter().map(|n| self.groups.of_namespace(*n)) {
            if from > last.1 {
                groups.insert_range(last.0..last.1);
                last = (from, to);
            } else if from < to {
                last.1 = to;
            }
        }
        groups.insert_range(last.0..last.1);
        groups
    }

    /// The namespaces with a label that some `NotIn` names; `None` where the selector has something else.
    fn left_out(
        &self,
        selector: &Selector,
    ) -> Option<HashSet<NamespaceId, foldhash::fast::RandomState>> {
        let mut found = HashSet::default();
        for requirement in &selector.requirements {
            let Operator::NotIn(values) = &requirement.operator else { return None };
            let table = self.cluster.labels();
            let known = values.iter().filter_map(|v| table.find(&requirement.key, v));
            let carrying = known.filter_map(|id| self.bitmaps.namespaces.get(&id));
            found.extend(carrying.flatten().copied());
        }
        Some(found)
    }

    /// The namespaces with a label of the `In` that fewest have, ascending; `None` where the selector has no `In`.
    fn carrying(&self, selector: &Selector) -> Option<Vec<NamespaceId>> {
        let labels = |requirement: &Requirement| match &requirement.operator {
            Operator::In(values) => {
                let table = self.cluster.labels();
                let known = values.iter().filter_map(|v| table.find(&requirement.key, v));
                Some(known.filter_map(|id| self.bitmaps.namespaces.get(&id)).collect::<Vec<_>>())
            }
            _ => None,
        };
        let lists = selector.requirements.iter().filter_map(labels);
        let fewest =
            lists.min_by_key(|lists| lists.iter().map(|list| list.len()).sum::<usize>())?;
        let mut found: Vec<NamespaceId> = fewest.into_iter().flatten().copied().collect();
        found.sort_unstable();
        found.dedup();
        Some(found)
    }

    /// Keeps what is selectable and passes every test; the smallest wanted bitmap first.
    fn restrict(&self, mut scope: RoaringBitmap, tests: &[Test<'_>]) -> RoaringBitmap {
        let mut wanted: Vec<&Test<'_>> = tests.iter().filter(|t| t.wanted).collect();
        wanted.sort_by_key(|t| t.bitmaps.iter().map(|b| b.len()).sum::<u64>());
        for test in wanted {
            scope &= match test.bitmaps[..] {
                [one] => Cow::Borrowed(one),
                _ => Cow::Owned(
                    test.bitmaps.iter().fold(RoaringBitmap::new(), |all, one| all | *one),
                ),
            }
            .as_ref();
        }
        scope &= &self.bitmaps.selectable;
        for bitmap in tests.iter().filter(|t| !t.wanted).flat_map(|t| &t.bitmaps) {
            scope -= *bitmap;
        }
        scope
    }

    fn test(&self, requirement: &Requirement) -> Test<'_> {
        let key = &requirement.key;
        let any = |values: &[Box<str>]| values.iter().filter_map(|v| self.label(key, v)).collect();
        let (wanted, bitmaps) = match &requirement.operator {
            Operator::In(values) => (true, any(values)),
            Operator::NotIn(values) => (false, any(values)),
            Operator::Exists => (true, self.key(key).into_iter().collect()),
            Operator::DoesNotExist => (false, self.key(key).into_iter().collect()),
        };
        Test { wanted, bitmaps }
    }

    fn label(&self, key: &str, value: &str) -> Option<&RoaringBitmap> {
        self.bitmaps.by_mark.get(&self.cluster.labels().find(key, value)?.0)
    }

    fn key(&self, key: &str) -> Option<&RoaringBitmap> {
        let base = u32::try_from(self.cluster.labels().len()).unwrap_or(u32::MAX);
        self.bitmaps.by_mark.get(&base.saturating_add(self.cluster.labels().find_key(key)?))
    }
}
