//! What becomes of a session when its manifests are read again.

use super::{Session, Step};
use crate::error::QueryError;
use crate::lower::Value;
use crate::syntax::ast::Source;

/// What was taken over from an earlier session.
#[derive(Debug, Default)]
pub struct Renewed {
    /// How many changes were made again.
    pub changes: usize,
    /// Sentences that cannot be made again, with the reason.
    pub lost_changes: Vec<(String, String)>,
    /// Variables that mean nothing here, with the reason.
    pub lost_variables: Vec<(String, String)>,
}

impl Session {
    /// Returns what `use` has put in place of what was loaded.
    pub fn used(&self) -> Option<&Source> {
        self.used.as_ref()
    }

    /// Takes over from an earlier session what still means something: the namespace, the variables and, where they are
    /// wanted, the changes, each with the names as they were when it was made.
    pub fn renew(&mut self, old: &Self, with_changes: bool) -> Renewed {
        let mut renewed = Renewed::default();
        for step in old.steps.iter().filter(|_| with_changes) {
            match self.make_again(step) {
                Ok(()) => renewed.changes += 1,
                Err(error) => renewed.lost_changes.push((step.sentence.clone(), error.message)),
            }
        }
        let known = |name: &String| self.snapshot().cluster().find_namespace(name).is_some();
        self.namespace = old.namespace.clone().filter(known);
        self.definitions.clone_from(&old.definitions);
        self.look_up_again();
        let lost = self.variables.iter().filter_map(|(name, value)| match value {
            Value::Lost(why) => Some((name.clone(), why.clone())),
            Value::Endpoints(_) | Value::Ports(_) => None,
        });
        renewed.lost_variables = lost.collect();
        for (name, _) in &renewed.lost_variables {
            self.variables.remove(name);
            self.definitions.retain(|d| d.name != *name);
        }
        renewed
    }

    fn make_again(&mut self, step: &Step) -> Result<(), QueryError> {
        self.namespace.clone_from(&step.namespace);
        self.definitions.clone_from(&step.definitions);
        self.look_up_again();
        self.text(&step.sentence).into_iter().find_map(|r| r.result.err()).map_or(Ok(()), Err)
    }
}
