//! Pods by namespace and name.

use std::hash::BuildHasher as _;

use hashbrown::HashTable;

use super::ids::{NamespaceId, PodId};

/// An index of names: they lie one behind the other, so that a look-up goes to a slot and a name, wherever the pods lie.
#[derive(Debug, Default)]
pub(super) struct PodNames {
    hasher: foldhash::fast::RandomState,
    slots: HashTable<Slot>,
    text: String,
}

#[derive(Debug)]
struct Slot {
    namespace: NamespaceId,
    pod: PodId,
    /// Where its name stands.
    from: u32,
    to: u32,
}

impl PodNames {
    /// Indexes pods.
    pub(super) fn of<'a>(
        pods: impl ExactSizeIterator<Item = (PodId, NamespaceId, &'a str)>,
    ) -> Self {
        let mut names = Self { slots: HashTable::with_capacity(pods.len()), ..Self::default() };
        for (pod, namespace, name) in pods {
            let from = position(names.text.len());
            names.text.push_str(name);
            let slot = Slot { namespace, pod, from, to: position(names.text.len()) };
            let hash = names.hasher.hash_one((namespace, name));
            // There is room for all: nothing is hashed again.
            names.slots.insert_unique(hash, slot, |_| hash);
        }
        names
    }

    /// Finds a pod.
    pub(super) fn find(&self, namespace: NamespaceId, name: &str) -> Option<PodId> {
        let hash = self.hasher.hash_one((namespace, name));
        let is = |slot: &Slot| {
            let here = self.text.as_bytes().get(slot.from as usize..slot.to as usize);
            slot.namespace == namespace && here == Some(name.as_bytes())
        };
        self.slots.find(hash, is).map(|slot| slot.pod)
    }
}

/// The names of as many pods as a cluster may hold, none longer than the API allows, are fewer than 2^32 bytes.
fn position(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_in_its_own_namespace_alone() {
        let pods = [("a", 0), ("ab", 0), ("a", 1), ("", 1)];
        let all = (0u32..).zip(pods).map(|(id, (name, n))| (PodId(id), NamespaceId(n), name));
        let names = PodNames::of(all.collect::<Vec<_>>().into_iter());
        let find = |namespace, name| names.find(NamespaceId(namespace), name).map(|pod| pod.0);
        assert_eq!([find(0, "a"), find(0, "ab"), find(1, "a")], [Some(0), Some(1), Some(2)]);
        assert_eq!(
            [find(1, ""), find(0, ""), find(1, "ab"), find(2, "a")],
            [Some(3), None, None, None]
        );
    }
}
