//! Labels that are nearly those that a selector asks for: slips of a letter, of case, of a key.

use strsim::damerau_levenshtein;

use super::context::{Context, Pods};
use crate::model::{Operator, Requirement, Selector};

/// Keys under which label schemes keep the name of an application.
const SCHEMES: [&str; 7] = [
    "app",
    "app.kubernetes.io/name",
    "app.kubernetes.io/component",
    "app.kubernetes.io/instance",
    "component",
    "k8s-app",
    "name",
];

/// At most so many groups are compared with one selector.
const MOST_COMPARED: usize = 4_096;

/// What differs; the order is that in which they are believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Slip {
    /// Upper and lower case, of the value or the key.
    Case,
    /// A letter or two.
    Letters,
    /// The same value under another key.
    Key,
    /// Key and value in each other's place.
    Swapped,
}

/// What a selector probably means.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Near {
    slip: Slip,
    distance: usize,
    /// What the workload carries, as `key=value`.
    pub(super) found: String,
    /// The requirement that nothing fulfils.
    pub(super) asked: String,
    /// The group that carries it.
    pub(super) group: u32,
    key: String,
    value: String,
    /// The position of the requirement.
    at: usize,
}

impl Near {
    /// Tells whether two label schemes are mixed up.
    pub(super) fn is_scheme(&self) -> bool {
        let asked = self.asked.split_once('=').map_or("", |(key, _)| key);
        self.slip == Slip::Key && SCHEMES.contains(&asked) && SCHEMES.contains(&self.key.as_str())
    }

    /// Returns the selector with the requirement as the workload would fulfil it.
    pub(super) fn corrected(&self, selector: &Selector) -> Selector {
        let mut corrected = selector.clone();
        if let Some(requirement) = corrected.requirements.get_mut(self.at) {
            *requirement = Requirement::equals(&self.key, &self.value);
        }
        corrected
    }
}

/// Finds what a selector probably means among pods that it does not match, but for one requirement.
pub(super) fn nearest(context: &Context<'_>, among: &Pods, selector: &Selector) -> Option<Near> {
    let near = |group: u32| {
        let pod = context.sample(group)?;
        let labels = || context.cluster.label_pairs(&pod.labels);
        let value = |key: &str| labels().find(|(k, _)| *k == key).map(|(_, v)| v);
        let mut failing =
            selector.requirements.iter().enumerate().filter(|(_, r)| !r.holds(value(&r.key)));
        let (at, requirement) = failing.next().filter(|_| failing.next().is_none())?;
        let Operator::In(values) = &requirement.operator else { return None };
        labels()
            .flat_map(|label| values.iter().filter_map(move |v| slip(&requirement.key, v, label)))
            .min()
            .map(|(slip, distance, key, value)| Near {
                slip,
                distance,
                found: format!("{key}={value}"),
                asked: requirement.to_string(),
                group,
                key: key.to_owned(),
                value: value.to_owned(),
                at,
            })
    };
    among.iter().take(MOST_COMPARED).filter_map(near).min()
}

type Found<'a> = (Slip, usize, &'a str, &'a str);

/// Compares a requirement of one value with one label.
fn slip<'a>(key: &str, value: &str, label: (&'a str, &'a str)) -> Option<Found<'a>> {
    let (k, v) = label;
    let found = |slip, distance| Some((slip, distance, k, v));
    if k == key {
        if v.eq_ignore_ascii_case(value) {
            return found(Slip::Case, 0);
        }
        return letters(value, v).and_then(|distance| found(Slip::Letters, distance));
    }
    if v == value && !v.is_empty() {
        if k.eq_ignore_ascii_case(key) {
            return found(Slip::Case, 1);
        }
        return match letters(key, k) {
            Some(distance) => found(Slip::Letters, distance),
            None => is_telling(value).then_some((Slip::Key, 0, k, v)),
        };
    }
    if k == value && v == key {
        return found(Slip::Swapped, 0);
    }
    None
}

/// Values that many labels share say nothing about which key was meant.
fn is_telling(value: &str) -> bool {
    let common = ["true", "false", "enabled", "disabled", "yes", "no"];
    value.len() > 2 && !common.contains(&value) && !value.bytes().all(|b| b.is_ascii_digit())
}

/// Returns by how many letters two words differ, where that is a slip: numbers in them are meant as they are.
pub(super) fn letters(a: &str, b: &str) -> Option<usize> {
    let shorter = a.len().min(b.len());
    let most = (shorter / 4).clamp(1, 2);
    if shorter < 3 || a.len().abs_diff(b.len()) > most || a.len() > 253 {
        return None;
    }
    let words = |text: &str| text.replace(|c: char| c.is_ascii_digit(), "");
    let distance = damerau_levenshtein(a, b);
    (distance <= most && words(a) != words(b)).then_some(distance)
}

#[cfg(test)]
mod tests {
    use super::letters;

    #[test]
    fn a_slip_is_a_letter_or_two() {
        assert_eq!(letters("fronend", "frontend"), Some(1));
        assert_eq!(letters("cart", "carts"), Some(1));
        assert_eq!(letters("frontned", "frontend"), Some(1));
        assert_eq!(letters("postgres", "postgers-db"), None);
    }

    #[test]
    fn numbers_and_short_words_are_meant_as_they_are() {
        assert_eq!(letters("shard-1", "shard-2"), None);
        assert_eq!(letters("v1", "v2"), None);
        assert_eq!(letters("db", "dx"), None);
    }
}
