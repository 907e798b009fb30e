//! Changes of what is loaded: supposed for one sentence, or made for the session and taken back.

use netpol_core::change::{Change, ChangeError, apply, diff};
use netpol_core::model::Object;
use netpol_core::sources::DiagnosticCode;

use super::state::State;
use super::{Definition, Found, Manifests, Session};
use crate::error::{ErrorCode, QueryError};
use crate::execute::{Body, Changes, ChangesKind, Gate, Warning};
use crate::lower::Lowered;
use crate::syntax::ast::{Change as Said, Sentence, Source, Statement};
use crate::syntax::{Span, Spanned};

/// The last so many changes can be taken back one by one: each keeps the state before it.
const MOST_STATES: usize = 100;

/// A sentence that changed the session's snapshot.
#[derive(Clone, Debug)]
pub struct Step {
    /// The sentence as typed.
    pub sentence: String,
    /// The namespace that was current.
    pub(super) namespace: Option<String>,
    /// What was defined.
    pub(super) definitions: Vec<Definition>,
    /// The state on the other side: before it for what was done, after it for what was taken back. `None` where it is
    /// kept no more.
    other: Option<State>,
}

/// What came of taking a change back, or of making it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Crossed {
    /// There is none.
    Nothing,
    /// It was made so long ago that only all changes together can be taken back.
    TooLongAgo,
    /// It was done.
    Done {
        /// The sentence of the change.
        sentence: String,
        /// What variables mean nothing now.
        notes: Vec<String>,
    },
}

/// What came of some changes.
#[derive(Default)]
struct Done {
    /// Each in words.
    said: Vec<String>,
    notes: Vec<String>,
    /// Variables that mean nothing any more.
    lost: Vec<String>,
    /// What reading manifests had to say.
    warnings: Vec<Warning>,
}

impl Session {
    /// Returns the sentences that changed the session's snapshot, oldest first.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Tells whether the snapshot is another than the one that was loaded.
    pub fn is_changed(&self) -> bool {
        !self.steps.is_empty()
    }

    /// Takes the last change back.
    pub fn undo(&mut self) -> Crossed {
        match self.steps.pop() {
            None => Crossed::Nothing,
            Some(step) if step.other.is_none() => {
                self.steps.push(step);
                Crossed::TooLongAgo
            }
            Some(step) => self.cross(step, true),
        }
    }

    /// Makes the change again that was taken back last.
    pub fn redo(&mut self) -> Crossed {
        match self.undone.pop() {
            None => Crossed::Nothing,
            Some(step) => self.cross(step, false),
        }
    }

    /// Goes to the other side of a step.
    fn cross(&mut self, mut step: Step, back: bool) -> Crossed {
        if let Some(other) = &mut step.other {
            std::mem::swap(&mut self.now, other);
        }
        let sentence = step.sentence.clone();
        if back { &mut self.undone } else { &mut self.steps }.push(step);
        Crossed::Done { sentence, notes: self.look_up_again() }
    }

    /// Takes all changes back; returns how many there were.
    pub fn reset(&mut self) -> usize {
        let count = self.steps.len();
        self.steps.clear();
        self.undone.clear();
        self.now = self.base.clone();
        self.look_up_again();
        count
    }

    /// `with ...: SENTENCE`: answers on a changed copy.
    pub(super) fn with(&mut self, query: &str, sentence: &Sentence) -> Found {
        if matches!(
            sentence.statement,
            Statement::Let { .. } | Statement::Use(_) | Statement::Change(_)
        ) {
            let message = "what follows `with ...:` asks; it defines and changes nothing";
            let help = "write it as a sentence of its own";
            return Err(QueryError::new(ErrorCode::Usage, message).help(help));
        }
        let mut changed = self.clone();
        let made = changed.make(&sentence.with);
        let answered = made.and_then(|done| {
            let inner = Sentence { with: Vec::new(), ..sentence.clone() };
            let (body, warnings) = changed.statement(query, &inner)?;
            Ok((body, done.beside().chain(warnings).collect()))
        });
        self.reads = changed.reads;
        answered
    }

    /// `what if ...`: tells what comes of changes, and makes none.
    pub(super) fn what_if(&mut self, said: &[Spanned<Said>]) -> Found {
        let mut changed = self.clone();
        let made = changed.make(said);
        self.reads = changed.reads;
        let done = made?;
        let mut found = compared(&self.now, &changed.now, ChangesKind::WhatIf);
        found.notes = done.notes;
        Ok((Body::Diff(Box::new(found)), done.warnings))
    }

    /// Changes as a sentence: they last for the session.
    pub(super) fn change(&mut self, query: &str, said: &[Spanned<Said>]) -> Found {
        let mut changed = self.clone();
        let made = changed.make(said);
        self.reads = changed.reads;
        let done = made?;
        let mut found = compared(&self.now, &changed.now, ChangesKind::WhatIf);
        // What was asked for is done, whatever comes of it.
        found.review.gate = Gate::Never;
        found.done = done.said;
        found.notes = [done.notes, done.lost].concat();
        changed.steps.push(Step {
            sentence: query.to_owned(),
            namespace: self.namespace.clone(),
            definitions: self.definitions.clone(),
            other: Some(self.now.clone()),
        });
        changed.undone.clear();
        let old = changed.steps.len().checked_sub(MOST_STATES + 1);
        if let Some(step) = old.and_then(|at| changed.steps.get_mut(at)) {
            step.other = None;
        }
        *self = changed;
        Ok((Body::Diff(Box::new(found)), done.warnings))
    }

    /// Makes changes one after the other: a later one sees the earlier ones.
    fn make(&mut self, said: &[Spanned<Said>]) -> Result<Done, QueryError> {
        let mut done = Done::default();
        for change in said {
            let Lowered { changes, done: words } = match &change.node {
                Said::Apply(source) => self.applied(source, &mut done.warnings)?,
                _ => self.scope().change(change)?,
            };
            let applied =
                apply(&self.now.snapshot, &changes).map_err(|e| refused(&e, change.span))?;
            self.now.snapshot = applied.snapshot;
            done.said.push(words);
            done.lost = self.look_up_again();
            for note in applied.notes {
                if !done.notes.contains(&note) {
                    done.notes.push(note);
                }
            }
        }
        Ok(done)
    }

    /// `apply SOURCE`: what stands there is put in place of what has its names, or added.
    fn applied(
        &mut self,
        source: &Spanned<Source>,
        warnings: &mut Vec<Warning>,
    ) -> Result<Lowered, QueryError> {
        let mut manifests = self.read(source)?;
        self.forget_namespaces(&mut manifests);
        warnings.extend(manifests.warnings());
        let mut objects = manifests.cluster.objects();
        // What is only referenced is there already, or comes with what refers to it.
        objects.retain(|object| {
            let referenced = matches!(object, Object::Namespace(_) | Object::Node(_));
            !referenced || object.position().is_some()
        });
        let done = match objects.len() {
            0 => {
                let message = format!("`{}` holds no objects that matter here", source.node);
                return Err(QueryError::at(ErrorCode::Input, source.span, message));
            }
            1 => format!("applied {}: 1 object", source.node),
            count => format!("applied {}: {count} objects", source.node),
        };
        let own = |c: &(String, String)| !self.now.completed.contains(c);
        let ended: Vec<_> = manifests.completed.into_iter().filter(own).collect();
        if !ended.is_empty() {
            self.now.completed = self.now.completed.iter().cloned().chain(ended).collect();
        }
        Ok(Lowered { changes: vec![Change::Apply(objects)], done })
    }

    /// What is applied joins what is there: a namespace that only the former lacks is not missing.
    fn forget_namespaces(&self, manifests: &mut Manifests) {
        let cluster = self.now.snapshot.cluster();
        let referenced = manifests.cluster.namespaces().iter().filter(|n| n.position.is_none());
        if referenced.into_iter().all(|n| cluster.find_namespace(&n.name).is_some()) {
            manifests.diagnostics.retain(|d| d.code != DiagnosticCode::NamespaceSynthesised);
        }
    }

    /// `use SOURCE`: other manifests in place of these.
    pub(super) fn use_source(&mut self, source: &Spanned<Source>) -> Found {
        let manifests = self.read(source)?;
        let cluster = &manifests.cluster;
        let (workloads, policies) = (cluster.workloads().len(), cluster.policies().len());
        let odd = manifests.diagnostics.len();
        self.base = self.now.instead(manifests);
        self.now = self.base.clone();
        let dropped = self.steps.len();
        self.steps.clear();
        self.undone.clear();
        self.used = Some(source.node.clone());
        let known = |name: &String| self.now.snapshot.cluster().find_namespace(name).is_some();
        self.namespace = self.namespace.take().filter(known);
        let mut warnings: Vec<Warning> = self.look_up_again().into_iter().map(note).collect();
        if dropped > 0 {
            let s = if dropped == 1 { "" } else { "s" };
            warnings
                .push(note(format!("{dropped} change{s} of what was loaded before went with it")));
        }
        let count = |count: usize, one: &str, several: &str| match count {
            1 => format!("1 {one}"),
            count => format!("{count} {several}"),
        };
        let odd = match odd {
            0 => String::new(),
            odd => format!("; {} about it", count(odd, "warning", "warnings")),
        };
        let done = format!(
            "loaded {}: {}, {}{odd}",
            source.node,
            count(workloads, "workload", "workloads"),
            count(policies, "policy", "policies")
        );
        Ok((Body::Done(done), warnings))
    }

    /// Reads what a sentence names.
    pub(super) fn read(&mut self, source: &Spanned<Source>) -> Result<Manifests, QueryError> {
        self.reads += 1;
        let Some(reader) = &self.reader else {
            let message = "there is nobody here to read manifests";
            return Err(QueryError::at(ErrorCode::Usage, source.span, message));
        };
        let read = reader.read(&source.node, self.namespace.as_deref());
        read.map_err(|error| QueryError { span: error.span.or(Some(source.span)), ..error })
    }
}

/// Compares two states.
pub(super) fn compared(before: &State, after: &State, kind: ChangesKind) -> Changes {
    let (before, after) = (&before.snapshot, &after.snapshot);
    let mut found = Changes::of(before, after, diff(before, after));
    found.kind = kind;
    found.explain(after);
    found
}

impl Done {
    /// Returns what is said beside an answer.
    fn beside(self) -> impl Iterator<Item = Warning> {
        self.warnings.into_iter().chain(self.notes.into_iter().map(note))
    }
}

/// The core cannot make a change.
fn refused(error: &ChangeError, span: Span) -> QueryError {
    QueryError::at(ErrorCode::Usage, span, error.to_string())
}

/// What a change had to say, beside an answer.
fn note(message: String) -> Warning {
    Warning { code: "CHANGE".to_owned(), message, object: None, file: None, line: None }
}
