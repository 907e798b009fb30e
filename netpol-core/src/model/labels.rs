//! Interned labels: each distinct key, value and pair is stored once.

use std::sync::Arc;

use indexmap::IndexSet;

use super::ids::LabelId;

type Hasher = foldhash::fast::RandomState;

/// The labels of one object, sorted by key; shared between the pods of a workload.
pub type Labels = Arc<[LabelId]>;

/// The table of all labels of a cluster.
#[derive(Clone, Debug, Default)]
pub struct LabelTable {
    keys: IndexSet<Box<str>, Hasher>,
    values: IndexSet<Box<str>, Hasher>,
    pairs: IndexSet<(u32, u32), Hasher>,
}

fn intern(set: &mut IndexSet<Box<str>, Hasher>, text: &str) -> u32 {
    let index = match set.get_index_of(text) {
        Some(index) => index,
        None => set.insert_full(text.into()).0,
    };
    u32::try_from(index).unwrap_or(u32::MAX)
}

impl LabelTable {
    /// Makes a table of its columns: keys, values, and the positions of both for each label. `None` where one is there
    /// twice, or a position is outside.
    pub(crate) fn of_columns(keys: &[&str], values: &[&str], pairs: &[(u32, u32)]) -> Option<Self> {
        let fits =
            |pair: &(u32, u32)| (pair.0 as usize) < keys.len() && (pair.1 as usize) < values.len();
        if !pairs.iter().all(fits) {
            return None;
        }
        let own = |texts: &[&str]| -> IndexSet<Box<str>, Hasher> {
            let mut set = IndexSet::with_capacity_and_hasher(texts.len(), Hasher::default());
            set.extend(texts.iter().map(|text| Box::from(*text)));
            set
        };
        let mut own_pairs = IndexSet::with_capacity_and_hasher(pairs.len(), Hasher::default());
        own_pairs.extend(pairs.iter().copied());
        let table = Self { keys: own(keys), values: own(values), pairs: own_pairs };
        let is_whole = table.keys.len() == keys.len()
            && table.values.len() == values.len()
            && table.pairs.len() == pairs.len();
        is_whole.then_some(table)
    }

    /// Returns the columns of the table, as [`of_columns`](Self::of_columns) takes them.
    pub(crate) fn columns(&self) -> (Vec<&str>, Vec<&str>, Vec<(u32, u32)>) {
        (
            self.keys.iter().map(|k| &**k).collect(),
            self.values.iter().map(|v| &**v).collect(),
            self.pairs.iter().copied().collect(),
        )
    }

    /// Interns one label.
    pub fn intern(&mut self, key: &str, value: &str) -> LabelId {
        let key = intern(&mut self.keys, key);
        self.pair(key, value)
    }

    /// Interns the labels of one object and sorts them by key; of entries with one key the last counts.
    pub fn intern_all<'a>(
        &mut self,
        entries: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Labels {
        let entries = entries.into_iter();
        let mut ids: Vec<(u32, LabelId)> = Vec::with_capacity(entries.size_hint().0);
        for (key, value) in entries {
            let key = intern(&mut self.keys, key);
            let id = self.pair(key, value);
            match ids.iter_mut().find(|x| x.0 == key) {
                Some(same) => same.1 = id,
                None => ids.push((key, id)),
            }
        }
        let text = |key: u32| self.keys.get_index(key as usize);
        ids.sort_by(|a, b| text(a.0).cmp(&text(b.0)));
        ids.into_iter().map(|(_, id)| id).collect()
    }

    fn pair(&mut self, key: u32, value: &str) -> LabelId {
        let pair = (key, intern(&mut self.values, value));
        LabelId::from_index(self.pairs.insert_full(pair).0)
    }

    /// Returns the number of distinct labels.
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// Tells whether no label was interned.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// Returns the key of a label; empty for an id of another table.
    pub fn key(&self, id: LabelId) -> &str {
        self.keys.get_index(self.key_index(id) as usize).map_or("", |k| k)
    }

    /// Returns the value of a label; empty for an id of another table.
    pub fn value(&self, id: LabelId) -> &str {
        let value =
            self.pairs.get_index(id.index()).and_then(|p| self.values.get_index(p.1 as usize));
        value.map_or("", |v| v)
    }

    /// Returns the position of a label's key among all keys.
    pub fn key_index(&self, id: LabelId) -> u32 {
        self.pairs.get_index(id.index()).map_or(u32::MAX, |p| p.0)
    }

    /// Finds a key that some object carries.
    pub fn find_key(&self, key: &str) -> Option<u32> {
        self.keys.get_index_of(key).and_then(|i| u32::try_from(i).ok())
    }

    /// Returns the number of distinct keys.
    pub fn key_count(&self) -> usize {
        self.keys.len()
    }

    /// Finds a label that some object carries.
    pub fn find(&self, key: &str, value: &str) -> Option<LabelId> {
        let value = self.values.get_index_of(value).and_then(|i| u32::try_from(i).ok())?;
        self.pairs.get_index_of(&(self.find_key(key)?, value)).map(LabelId::from_index)
    }

    /// Returns the value that `labels` give to `key`.
    pub fn lookup<'a>(&'a self, labels: &[LabelId], key: &str) -> Option<&'a str> {
        labels.iter().find(|id| self.key(**id) == key).map(|id| self.value(*id))
    }

    /// Lists every distinct label as (key, value), in the order in which they were first seen.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        (0..self.pairs.len()).map(LabelId::from_index).map(|id| (self.key(id), self.value(id)))
    }
}
