//! Label selectors (networkpolicy-v1, section 4).

use std::fmt;

use serde::{Deserialize, Serialize};

/// A conjunction of requirements on labels; without requirements it selects everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Selector {
    /// All must hold. `matchLabels` entries are `In` with one value.
    pub requirements: Vec<Requirement>,
}

/// One requirement on one label key.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Requirement {
    /// The label key, compared exactly.
    pub key: Box<str>,
    /// What must hold for its value.
    pub operator: Operator,
}

/// The operators of a label selector.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Operator {
    /// The key is present and its value is one of these.
    In(Vec<Box<str>>),
    /// The key is absent or its value is none of these.
    NotIn(Vec<Box<str>>),
    /// The key is present, with any value, `""` included.
    Exists,
    /// The key is absent.
    DoesNotExist,
}

impl Requirement {
    /// Makes the requirement of a `matchLabels` entry.
    pub fn equals(key: &str, value: &str) -> Self {
        Self { key: key.into(), operator: Operator::In(vec![value.into()]) }
    }

    /// Tells whether a value (`None` where the key is absent) satisfies this requirement.
    pub fn holds(&self, value: Option<&str>) -> bool {
        match (&self.operator, value) {
            (Operator::In(values), Some(v)) => values.iter().any(|x| **x == *v),
            (Operator::In(_), None) => false,
            (Operator::NotIn(values), Some(v)) => values.iter().all(|x| **x != *v),
            (Operator::NotIn(_), None) => true,
            (Operator::Exists, v) => v.is_some(),
            (Operator::DoesNotExist, v) => v.is_none(),
        }
    }
}

impl Selector {
    /// Makes the selector `{}`, which selects everything in its scope.
    pub fn everything() -> Self {
        Self::default()
    }

    /// Makes a selector of `matchLabels` entries.
    pub fn labels<'a>(entries: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        Self { requirements: entries.into_iter().map(|(k, v)| Requirement::equals(k, v)).collect() }
    }

    /// Tells whether this selector has no requirement.
    pub fn is_everything(&self) -> bool {
        self.requirements.is_empty()
    }

    /// Tells whether labels, given as a look-up by key, satisfy every requirement.
    pub fn matches<'a>(&self, lookup: impl Fn(&str) -> Option<&'a str>) -> bool {
        self.requirements.iter().all(|r| r.holds(lookup(&r.key)))
    }
}

/// Prints as kubectl writes a requirement: `app=web`, `tier in (a,b)`, `!legacy`.
impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.operator {
            Operator::In(values) if values.len() == 1 => {
                write!(f, "{}={}", self.key, values.join(""))
            }
            Operator::In(values) => write!(f, "{} in ({})", self.key, values.join(",")),
            Operator::NotIn(values) if values.len() == 1 => {
                write!(f, "{}!={}", self.key, values.join(""))
            }
            Operator::NotIn(values) => write!(f, "{} notin ({})", self.key, values.join(",")),
            Operator::Exists => write!(f, "{}", self.key),
            Operator::DoesNotExist => write!(f, "!{}", self.key),
        }
    }
}

/// Prints as kubectl writes a selector; `{}` where it selects everything.
impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_everything() {
            return f.write_str("{}");
        }
        for (i, requirement) in self.requirements.iter().enumerate() {
            write!(f, "{}{requirement}", if i == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}
