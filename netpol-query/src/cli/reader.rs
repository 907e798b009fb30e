//! Reads the manifests that a sentence names: `apply ./new.yaml`, `diff ./old ./new`, `use ./manifests`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use netpol_core::sources::{self, LoadOptions, Loaded};

use crate::error::{ErrorCode, QueryError};
use crate::origin::{self, Setting};
use crate::session::{Manifests, Reader};
use crate::syntax::ast::Source;

/// At most so many errors of an input are spelled out.
const MOST_ERRORS: usize = 3;

/// Reads files and git revisions as the command line says that manifests are read.
#[derive(Debug)]
pub(super) struct Files {
    options: LoadOptions,
    /// The paths of `-f`: what is meant of a revision of which no path is said.
    given: Vec<PathBuf>,
    /// Whether what is valid counts although something is not.
    keep_going: bool,
}

impl Files {
    /// Makes a reader.
    pub(super) fn new(options: LoadOptions, given: Vec<PathBuf>, keep_going: bool) -> Arc<Self> {
        Arc::new(Self { options, given, keep_going })
    }

    fn sources(&self, source: &Source) -> Result<Vec<sources::Source>, QueryError> {
        let current = Path::new("");
        match source {
            Source::Quoted(path) => Ok(vec![sources::Source::Path(path.into())]),
            Source::Bare(path) if path == "-" => {
                let message = "standard input cannot be read within a sentence";
                let help = "write it to a file, or give it as `-f -`";
                Err(QueryError::new(ErrorCode::Usage, message).help(help))
            }
            Source::Bare(revision) if revision.starts_with("git:") && !self.given.is_empty() => {
                let (given, rendered) = (&self.given[..], &[][..]);
                let setting = Setting { current, exact: true, given, rendered };
                Ok(origin::sides(revision, None, &setting)?.base.sources)
            }
            Source::Bare(text) if is_named(text) => origin::sources(text, current),
            Source::Bare(path) => Ok(vec![sources::Source::Path(path.into())]),
        }
    }
}

impl Reader for Files {
    fn read(&self, source: &Source, namespace: Option<&str>) -> Result<Manifests, QueryError> {
        let mut options = self.options.clone();
        options.namespace = namespace.map(str::to_owned).or(options.namespace);
        let loaded = sources::load(&self.sources(source)?, &options);
        if loaded.errors().next().is_some() && !self.keep_going {
            return Err(refused(source.text(), &loaded));
        }
        let Loaded { cluster, diagnostics, remarks, completed } = loaded;
        Ok(Manifests { cluster, completed, diagnostics, remarks })
    }
}

/// Tells whether a source says what it is; others are paths.
fn is_named(text: &str) -> bool {
    ["git:", "dir:", "file:"].iter().any(|word| text.starts_with(word))
}

/// Says what is wrong with an input.
fn refused(text: &str, loaded: &Loaded) -> QueryError {
    let errors: Vec<String> = loaded.errors().map(ToString::to_string).collect();
    let shown = errors.get(..MOST_ERRORS).unwrap_or(&errors).join("; ");
    let more = errors.len().saturating_sub(MOST_ERRORS);
    let more = if more > 0 { format!(" and {more} more errors") } else { String::new() };
    QueryError::new(ErrorCode::Input, format!("`{text}` cannot be read: {shown}{more}"))
}
