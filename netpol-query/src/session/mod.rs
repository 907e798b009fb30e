//! A line in, replies out: what a shell, a script and a file of contracts have in common. Knows no terminal.

mod change;
mod compare;
mod read;
mod renew;
mod state;

pub use change::{Crossed, Step};
pub use read::{Manifests, Reader};
pub use renew::Renewed;

use std::sync::Arc;

use netpol_core::reach::Snapshot;

use crate::error::{ErrorCode, QueryError};
use crate::execute::{self, Answer, Body, LintInput, Settings, Warning, execute};
use crate::lower::{Completed, Plan, Scope, Value, Variables, lower};
use crate::reply::Reply;
use crate::syntax::ast::{Item, Pipe, Sentence, Source, Statement, Use};
use crate::syntax::{self, Chunk, Span};
use state::State;

/// What is loaded, what became of it, and what earlier sentences defined. A copy shares what is loaded.
#[derive(Clone, Debug)]
pub struct Session {
    /// What is asked about.
    now: State,
    /// What was loaded, before any change.
    base: State,
    steps: Vec<Step>,
    undone: Vec<Step>,
    namespace: Option<String>,
    variables: Variables,
    definitions: Vec<Definition>,
    generation: u64,
    reads: u64,
    settings: Settings,
    reader: Option<Arc<dyn Reader>>,
    /// What `use` has put in place of what was loaded.
    used: Option<Source>,
}

/// A sentence that defined a variable, so that it can be looked up again in other manifests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// The variable, without `$`.
    pub name: String,
    /// The namespace that was current.
    pub namespace: Option<String>,
    /// The sentence as typed.
    pub sentence: String,
}

/// What a sentence is answered with, before anything is done about its pipes.
type Found = Result<(Body, Vec<Warning>), QueryError>;

impl Session {
    /// Starts a session on a snapshot.
    pub fn new(snapshot: Snapshot, settings: Settings) -> Self {
        let state = State::new(snapshot);
        Self {
            base: state.clone(),
            now: state,
            steps: Vec::new(),
            undone: Vec::new(),
            namespace: None,
            variables: Variables::new(),
            definitions: Vec::new(),
            generation: 0,
            reads: 0,
            settings,
            reader: None,
            used: None,
        }
    }

    /// Sets the current namespace.
    #[must_use]
    pub fn with_namespace(mut self, namespace: Option<String>) -> Self {
        self.namespace = namespace;
        self
    }

    /// Tells what loading left out and had to say: every answer carries it.
    #[must_use]
    pub fn with_input(mut self, completed: Vec<Completed>, warnings: Vec<Warning>) -> Self {
        self.base.completed = completed.into();
        self.base.warnings = warnings.into();
        self.now = self.base.clone();
        self
    }

    /// Gives sentences somebody who reads the manifests that they name.
    #[must_use]
    pub fn with_reader(mut self, reader: Arc<dyn Reader>) -> Self {
        self.reader = Some(reader);
        self
    }

    /// Tells what lint has to know.
    #[must_use]
    pub fn with_lint(mut self, lint: LintInput) -> Self {
        self.base.lint = lint.into();
        self.now.lint = Arc::clone(&self.base.lint);
        self
    }

    /// Returns the snapshot that questions are asked of.
    pub fn snapshot(&self) -> &Snapshot {
        &self.now.snapshot
    }

    /// Returns the warnings about the input.
    pub fn warnings(&self) -> &[Warning] {
        &self.now.warnings
    }

    /// Returns the number of warnings about the input, which end those of every answer.
    pub fn input_warnings(&self) -> usize {
        self.now.warnings.len()
    }

    /// Returns the current namespace.
    pub fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    /// Sets or clears the current namespace.
    pub fn set_namespace(&mut self, namespace: Option<String>) {
        self.namespace = namespace;
    }

    /// Says whether answers are to be shown as pages.
    pub fn set_page(&mut self, page: bool) {
        self.settings.page = page;
    }

    /// Returns the sentences that defined the variables, oldest first.
    pub fn definitions(&self) -> &[Definition] {
        &self.definitions
    }

    /// Returns a number that changes whenever a variable is defined or forgotten, and whenever the snapshot is another.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Returns how often manifests were read: an answer that took some may be another next time.
    pub fn reads(&self) -> u64 {
        self.reads
    }

    /// Forgets all variables.
    pub fn forget(&mut self) {
        self.variables.clear();
        self.definitions.clear();
        self.generation += 1;
    }

    /// Returns what names mean now.
    pub(crate) fn scope(&self) -> Scope<'_> {
        self.scope_of(&self.now)
    }

    /// Returns what names mean in a state.
    fn scope_of<'a>(&'a self, state: &'a State) -> Scope<'a> {
        Scope {
            cluster: state.snapshot.cluster(),
            dialect: state.snapshot.dialect(),
            namespace: self.namespace.as_deref(),
            variables: &self.variables,
            completed: &state.completed,
            may_be_empty: false,
        }
    }

    /// Answers every sentence of a text.
    pub fn text(&mut self, text: &str) -> Vec<Reply> {
        syntax::chunks(text).into_iter().flat_map(|chunk| self.chunk(chunk)).collect()
    }

    /// Answers one sentence, or every sentence of a test block.
    pub fn chunk(&mut self, chunk: Chunk<'_>) -> Vec<Reply> {
        match syntax::parse(chunk.text) {
            Ok(Item::Sentence(sentence)) => vec![self.reply(chunk, None, &sentence)],
            Ok(Item::Test(block)) => {
                let before = self.clone();
                let name = block.name.node;
                let replies = block
                    .sentences
                    .iter()
                    .map(|sentence| {
                        let part = part(chunk, sentence.span);
                        self.reply(part, Some((&name, sentence.span)), &sentence.node)
                    })
                    .collect();
                // What a block defines and changes ends with it.
                let (generation, reads) = (self.generation + 1, self.reads);
                *self = Self { generation, reads, ..before };
                replies
            }
            Err(error) => vec![Reply {
                query: chunk.text.to_owned(),
                line: chunk.line,
                test: None,
                format: None,
                result: Err(error.into()),
            }],
        }
    }

    /// Answers a sentence; one of a test block comes with the block's name and where it stands there.
    fn reply(
        &mut self,
        chunk: Chunk<'_>,
        test: Option<(&str, Span)>,
        sentence: &Sentence,
    ) -> Reply {
        let format = sentence.pipes.iter().rev().find_map(|pipe| match &pipe.node {
            Pipe::As(format) => Some(format.0.clone()),
            _ => None,
        });
        let query = chunk.text.to_owned();
        let mut result = self.answer(chunk.text, sentence);
        if let (Err(error), Some((_, block))) = (&mut result, test) {
            // The tree of a block counts from the block's start.
            let own = |at: usize| at.saturating_sub(block.start);
            error.span = error.span.map(|s| Span::new(own(s.start), own(s.end)));
        }
        let test = test.map(|(name, _)| name.to_owned());
        Reply { query, line: chunk.line, test, format, result }
    }

    fn answer(&mut self, query: &str, sentence: &Sentence) -> Result<Answer, QueryError> {
        let (body, mut warnings) = if sentence.with.is_empty() {
            self.statement(query, sentence)?
        } else {
            self.with(query, sentence)?
        };
        warnings.extend(self.now.warnings.iter().cloned());
        Ok(Answer { query: query.to_owned(), body, warnings })
    }

    /// Answers what a sentence says after `with ...:`.
    fn statement(&mut self, query: &str, sentence: &Sentence) -> Found {
        let (body, warnings) = match &sentence.statement {
            Statement::WhatIf(changes) => self.what_if(changes)?,
            Statement::Change(changes) => self.change(query, changes)?,
            Statement::Diff { sources, within } => self.diff(sources, within.as_ref())?,
            Statement::Use(Use::Source(source)) => self.use_source(source)?,
            _ => return self.planned(query, sentence),
        };
        Ok((execute::pipe(body, &sentence.pipes)?, warnings))
    }

    /// Answers what needs nothing but what is loaded.
    fn planned(&mut self, query: &str, sentence: &Sentence) -> Found {
        let scope = self.scope();
        let plan = lower(&sentence.statement, &scope)?;
        let mut settings = self.settings;
        settings.page |= sentence.pipes.iter().any(|pipe| match &pipe.node {
            Pipe::As(format) => format.0.eq_ignore_ascii_case("html"),
            _ => false,
        });
        settings.page |= matches!(&plan, Plan::Export(export) if export.form == "html");
        let mut found =
            execute(&plan, &sentence.pipes, &self.now.snapshot, settings, &self.now.lint)?;
        if let (Plan::Export(plan), Body::Export(export)) = (&plan, &mut found.0)
            && plan.is_file()
        {
            export.file = Some(self.now.file()?);
        }
        match plan {
            Plan::Define { name, value } => {
                self.definitions.retain(|d| d.name != name);
                self.definitions.push(Definition {
                    name: name.clone(),
                    namespace: self.namespace.clone(),
                    sentence: query.to_owned(),
                });
                self.generation += 1;
                self.variables.insert(name, value);
            }
            Plan::UseNamespace(namespace) => self.namespace = namespace,
            _ => {}
        }
        Ok(found)
    }

    /// Looks every variable up again: another snapshot has other pods. Returns those that mean nothing any more.
    fn look_up_again(&mut self) -> Vec<String> {
        self.generation += 1;
        let current = self.namespace.clone();
        let mut lost = Vec::new();
        self.variables.clear();
        for definition in self.definitions.clone() {
            self.namespace.clone_from(&definition.namespace);
            let value = self.value_of(&definition.sentence).unwrap_or_else(|error| {
                lost.push(format!(
                    "${} means nothing any more: {}",
                    definition.name, error.message
                ));
                Value::Lost(error.message)
            });
            self.variables.insert(definition.name, value);
        }
        self.namespace = current;
        lost
    }

    /// Returns what a definition's sentence defines now.
    fn value_of(&self, sentence: &str) -> Result<Value, QueryError> {
        let Item::Sentence(sentence) = syntax::parse(sentence)? else {
            return Err(QueryError::new(ErrorCode::Syntax, "expected a definition"));
        };
        match lower(&sentence.statement, &self.scope())? {
            Plan::Define { value, .. } => Ok(value),
            _ => Err(QueryError::new(ErrorCode::Syntax, "expected a definition")),
        }
    }
}

/// Returns the part of a chunk that a span marks.
fn part(chunk: Chunk<'_>, span: Span) -> Chunk<'_> {
    let before = chunk.text.get(..span.start).unwrap_or_default();
    let line = chunk.line + u32::try_from(before.matches('\n').count()).unwrap_or(0);
    Chunk { text: chunk.text.get(span.start..span.end).unwrap_or_default(), line }
}
