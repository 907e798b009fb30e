//! A line in, replies out: what a shell, a script and a file of contracts have in common. Knows no terminal.

use netpol_core::reach::Snapshot;

use crate::error::QueryError;
use crate::execute::{Answer, Settings, Warning, execute};
use crate::lower::{Completed, Plan, Scope, Variables, lower};
use crate::reply::Reply;
use crate::syntax::ast::{Item, Pipe, Sentence};
use crate::syntax::{self, Chunk, Span};

/// What is loaded, and what earlier sentences defined.
#[derive(Clone, Debug)]
pub struct Session {
    snapshot: Snapshot,
    completed: Vec<Completed>,
    namespace: Option<String>,
    variables: Variables,
    settings: Settings,
    input_warnings: Vec<Warning>,
}

impl Session {
    /// Starts a session on a snapshot.
    pub fn new(snapshot: Snapshot, settings: Settings) -> Self {
        Self {
            snapshot,
            completed: Vec::new(),
            namespace: None,
            variables: Variables::new(),
            settings,
            input_warnings: Vec::new(),
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
        self.completed = completed;
        self.input_warnings = warnings;
        self
    }

    /// Returns the snapshot that questions are asked of.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Returns the number of warnings about the input, which end those of every answer.
    pub fn input_warnings(&self) -> usize {
        self.input_warnings.len()
    }

    /// Returns the current namespace.
    pub fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
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
                let variables = self.variables.clone();
                let namespace = self.namespace.clone();
                let name = block.name.node;
                let replies = block
                    .sentences
                    .iter()
                    .map(|sentence| {
                        let part = part(chunk, sentence.span);
                        self.reply(part, Some((&name, sentence.span)), &sentence.node)
                    })
                    .collect();
                // What a block defines ends with it.
                self.variables = variables;
                self.namespace = namespace;
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
        if !sentence.with.is_empty() {
            return Err(crate::lower::later("`with ...:`"));
        }
        let scope = Scope {
            cluster: self.snapshot.cluster(),
            dialect: self.snapshot.dialect(),
            namespace: self.namespace.as_deref(),
            variables: &self.variables,
            completed: &self.completed,
            may_be_empty: false,
        };
        let plan = lower(&sentence.statement, &scope)?;
        let mut settings = self.settings;
        settings.page |= sentence.pipes.iter().any(|pipe| match &pipe.node {
            Pipe::As(format) => format.0.eq_ignore_ascii_case("html"),
            _ => false,
        });
        settings.page |= matches!(&plan, Plan::Export(export) if export.form == "html");
        let (body, mut warnings) = execute(&plan, &sentence.pipes, &self.snapshot, settings)?;
        match plan {
            Plan::Define { name, value } => {
                self.variables.insert(name, value);
            }
            Plan::UseNamespace(namespace) => self.namespace = namespace,
            _ => {}
        }
        warnings.extend(self.input_warnings.iter().cloned());
        Ok(Answer { query: query.to_owned(), body, warnings })
    }
}

/// Returns the part of a chunk that a span marks.
fn part(chunk: Chunk<'_>, span: Span) -> Chunk<'_> {
    let before = chunk.text.get(..span.start).unwrap_or_default();
    let line = chunk.line + u32::try_from(before.matches('\n').count()).unwrap_or(0);
    Chunk { text: chunk.text.get(span.start..span.end).unwrap_or_default(), line }
}
