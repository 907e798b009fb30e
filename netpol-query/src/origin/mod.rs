//! Where the manifests of a state come from: a directory, a file, or a revision of a git repository.
//!
//! Revisions are read as they are stored: nothing is checked out, and nothing is written into the repository.
#![deny(clippy::indexing_slicing, clippy::string_slice)]

mod export;
mod git;
mod tree;
mod written;

pub use written::Origin;

use std::path::{Path, PathBuf};

use netpol_core::sources::Source;

use crate::error::{ErrorCode, QueryError};
use git::{Commit, Repository};

type Found<T> = Result<T, QueryError>;

/// Manifests that are rendered: the directory, and what turns it into manifests.
#[derive(Clone, Copy)]
pub struct Rendered<'a> {
    /// The directory, from the current one.
    pub directory: &'a Path,
    /// Renders a directory.
    pub render: &'a dyn Fn(&Path) -> Result<Source, QueryError>,
}

impl std::fmt::Debug for Rendered<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rendered({})", self.directory.display())
    }
}

/// How two states are found.
#[derive(Clone, Copy, Debug)]
pub struct Setting<'a> {
    /// The current directory.
    pub current: &'a Path,
    /// Whether a revision stands for itself as the base, rather than for where the head parted from it.
    pub exact: bool,
    /// What the head is, where that was said by other means: the paths of `-f`.
    pub given: &'a [PathBuf],
    /// What is rendered on either side (`-k`).
    pub rendered: &'a [Rendered<'a>],
}

/// A state.
#[derive(Clone, Debug)]
pub struct Side {
    /// What it is called.
    pub name: String,
    /// The commit, where it is one.
    pub revision: Option<String>,
    /// Its manifests; empty where `-f` and `-k` name them.
    pub sources: Vec<Source>,
}

/// Two states that are to be compared.
#[derive(Clone, Debug)]
pub struct Sides {
    /// The state before.
    pub base: Side,
    /// The state after.
    pub head: Side,
    /// What the reader should know about how they were found.
    pub notes: Vec<String>,
}

/// Finds two states. Without a head, it is what `-f` and `-k` name, else the working tree of the base's path.
///
/// # Errors
///
/// [`QueryError`] where a path or revision is not there or cannot be read.
pub fn sides(base: &str, head: Option<&str>, setting: &Setting<'_>) -> Found<Sides> {
    let mut notes = Vec::new();
    let mut read = |text: &str| -> Found<Origin> {
        let (origin, note) = Origin::read(text, setting.current)?;
        notes.extend(note);
        Ok(origin)
    };
    let base = read(base)?;
    let head = head.map(&mut read).transpose()?;
    let repository = match (&base, &head) {
        (Origin::Git { .. }, _) | (_, Some(Origin::Git { .. })) => {
            Some(Repository::open(setting.current)?)
        }
        _ => None,
    };
    let finder =
        Finder { setting, repository: repository.as_ref(), base: &base, head: head.as_ref() };
    let (base, head) = finder.sides(&mut notes)?;
    Ok(Sides { base, head, notes })
}

/// Reads the manifests of one state, which `apply` and the like name.
///
/// # Errors
///
/// [`QueryError`] where a path or revision is not there or cannot be read.
pub fn sources(text: &str, current: &Path) -> Found<Vec<Source>> {
    match Origin::read(text, current)?.0 {
        Origin::Path(path) => Ok(vec![Source::Path(path)]),
        Origin::Git { revision, path } => {
            let repository = Repository::open(current)?;
            let commit = repository.commit(&revision)?;
            let path = repository.path(path.as_deref().unwrap_or(""))?;
            tree::sources(&repository, &commit, &path)
        }
    }
}

/// Finds the manifests of two states whose names were read.
struct Finder<'a> {
    setting: &'a Setting<'a>,
    repository: Option<&'a Repository>,
    base: &'a Origin,
    head: Option<&'a Origin>,
}

impl Finder<'_> {
    fn sides(&self, notes: &mut Vec<String>) -> Found<(Side, Side)> {
        if self.head.is_some() && !self.setting.given.is_empty() {
            let error = QueryError::new(ErrorCode::Usage, "`-f` and `--head` both name the head");
            return Err(error.help("leave one of them out"));
        }
        let base = match self.base {
            Origin::Git { revision, path } => {
                let repository = self.repository()?;
                let commit = self.base_commit(repository, revision)?;
                self.side_of_commit(repository, &commit, path.as_deref(), notes)?
            }
            Origin::Path(path) => self.side_of_path(path)?,
        };
        let head = match self.head {
            Some(Origin::Git { revision, path }) => {
                let repository = self.repository()?;
                let commit = repository.commit(revision)?;
                self.side_of_commit(repository, &commit, path.as_deref(), notes)?
            }
            Some(Origin::Path(path)) => self.side_of_path(path)?,
            None => self.side_that_is_there()?,
        };
        Ok((base, head))
    }

    fn repository(&self) -> Found<&Repository> {
        let missing = || QueryError::new(ErrorCode::Internal, "the repository was not opened");
        self.repository.ok_or_else(missing)
    }

    /// Returns where the head parted from a revision, or the revision itself where that is wanted.
    fn base_commit(&self, repository: &Repository, revision: &str) -> Found<Commit> {
        let commit = repository.commit(revision)?;
        if self.setting.exact || !commit.has_history() {
            return Ok(commit);
        }
        let head = match self.head {
            Some(Origin::Git { revision, .. }) => revision,
            _ => "HEAD",
        };
        let head = repository.commit(head)?;
        if !head.has_history() {
            return Ok(commit);
        }
        repository.merge_base(&commit, &head)
    }

    fn side_of_commit(
        &self,
        repository: &Repository,
        commit: &Commit,
        path: Option<&str>,
        notes: &mut Vec<String>,
    ) -> Found<Side> {
        let (name, revision) = (commit.name.clone(), commit.hex());
        if !self.setting.rendered.is_empty() {
            let sources = export::rendered(repository, commit, self.setting)?;
            return Ok(Side { name, revision, sources });
        }
        let mut sources = Vec::new();
        for path in self.paths(repository, path)? {
            sources.extend(tree::sources(repository, commit, &path)?);
        }
        notes.extend(repository.take_notes());
        Ok(Side { name, revision, sources })
    }

    /// Returns which paths of a revision are meant: those that were said, else those of the other side, else all.
    fn paths(&self, repository: &Repository, said: Option<&str>) -> Found<Vec<String>> {
        let of = |origin: Option<&Origin>| match origin {
            Some(Origin::Git { path, .. }) => path.clone(),
            _ => None,
        };
        let other =
            said.map(str::to_owned).or_else(|| of(Some(self.base))).or_else(|| of(self.head));
        if let Some(path) = other {
            return Ok(vec![repository.path(&path)?]);
        }
        let named = match self.head {
            Some(Origin::Path(path)) => std::slice::from_ref(path),
            _ => self.setting.given,
        };
        let inside: Option<Vec<String>> = named.iter().map(|p| repository.inside(p)).collect();
        match inside {
            Some(paths) if !paths.is_empty() => Ok(paths),
            _ => Ok(vec![String::new()]),
        }
    }

    fn side_of_path(&self, path: &Path) -> Found<Side> {
        let name = path.display().to_string();
        let mut sources = Vec::new();
        for rendered in self.setting.rendered {
            let directory = path.join(rendered.directory);
            sources.push((rendered.render)(&directory)?);
        }
        if self.setting.rendered.is_empty() {
            sources.push(Source::Path(path.to_owned()));
        }
        Ok(Side { name, revision: None, sources })
    }

    /// Returns what is there now: what `-f` and `-k` name, else the working tree at the path of the base.
    fn side_that_is_there(&self) -> Found<Side> {
        let name = "the working tree".to_owned();
        if !self.setting.given.is_empty() || !self.setting.rendered.is_empty() {
            return Ok(Side { name, revision: None, sources: Vec::new() });
        }
        let Origin::Git { path, .. } = self.base else {
            let error = QueryError::new(ErrorCode::Usage, "there is nothing to compare with");
            let help = "name the state after the change: `--head SRC`, `-f PATH` or `-k DIR`";
            return Err(error.help(help));
        };
        let repository = self.repository()?;
        let path = repository.path(path.as_deref().unwrap_or(""))?;
        let sources = vec![Source::Path(repository.in_working_tree(&path)?)];
        Ok(Side { name, revision: None, sources })
    }
}
