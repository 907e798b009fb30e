//! Which number each pod has where quotas are counted: the same for as long as the pod is there.

use std::collections::HashMap;

/// The number of everybody who is no pod.
pub(crate) const OUTSIDE: u32 = 0;

/// Pods with their numbers.
#[derive(Debug, Default)]
pub(crate) struct Owners(HashMap<(String, String), u32>);

impl Owners {
    /// Gives pods, by namespace and name, numbers below `owners`. A pod that had one `before` keeps it, since flows are
    /// counted by it; others get numbers that are free. Where there are more pods than numbers, some share one.
    pub(crate) fn new<'a>(
        pods: impl Iterator<Item = (&'a str, &'a str)>,
        owners: u32,
        before: &Self,
    ) -> Self {
        let mut of = HashMap::new();
        let mut others = Vec::new();
        let mut taken = vec![false; owners as usize];
        for (namespace, name) in pods {
            let key = (namespace.to_owned(), name.to_owned());
            match before.0.get(&key) {
                Some(number) if *number < owners => {
                    taken[*number as usize] = true;
                    of.insert(key, *number);
                }
                _ => others.push(key),
            }
        }
        let mut free = (OUTSIDE + 1..owners).filter(|number| !taken[*number as usize]);
        let mut shared = (OUTSIDE + 1..owners).cycle();
        for key in others {
            let number = free.next().or_else(|| shared.next()).unwrap_or(OUTSIDE);
            of.insert(key, number);
        }
        Self(of)
    }

    /// Returns the number of a pod.
    pub(crate) fn of(&self, namespace: &str, name: &str) -> u32 {
        let key = (namespace.to_owned(), name.to_owned());
        self.0.get(&key).copied().unwrap_or(OUTSIDE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(names: &[&str], owners: u32, before: &Owners) -> (Owners, Vec<u32>) {
        let made = Owners::new(names.iter().map(|name| ("shop", *name)), owners, before);
        let numbers = names.iter().map(|name| made.of("shop", name)).collect();
        (made, numbers)
    }

    #[test]
    fn pods_keep_their_numbers_and_new_ones_get_free_ones() {
        let (first, found) = numbers(&["b", "c", "d"], 8, &Owners::default());
        assert_eq!(found, [1, 2, 3]);
        let (second, found) = numbers(&["a", "b", "d"], 8, &first);
        assert_eq!(found, [2, 1, 3]);
        assert_eq!(numbers(&["a", "b", "c", "d"], 8, &second).1, [2, 1, 4, 3]);
        assert_eq!(second.of("shop", "stranger"), OUTSIDE);
    }

    #[test]
    fn where_there_are_too_few_numbers_some_are_shared() {
        let none = Owners::default();
        assert_eq!(numbers(&["a", "b", "c", "d"], 3, &none).1, [1, 2, 1, 2]);
        assert_eq!(numbers(&["a", "b"], 1, &none).1, [0, 0]);
        assert_eq!(numbers(&["a", "b"], 0, &none).1, [0, 0]);
    }
}
