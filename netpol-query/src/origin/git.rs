//! A git repository: revisions, merge bases and objects, read through gix.

use std::cell::RefCell;
use std::path::{Component, Path, PathBuf};

use gix::ObjectId;
use gix::bstr::{BStr, ByteSlice as _};

use super::Found;
use crate::error::{ErrorCode, QueryError};

/// Objects that are looked at twice are kept up to so many bytes.
const CACHE_BYTES: usize = 16 << 20;
/// So many names are compared with one that is not there.
const MOST_NAMES: usize = 10_000;
/// At most so many characters may differ.
const NEAR: usize = 3;

/// An open repository.
pub(super) struct Repository {
    inner: gix::Repository,
    /// The current directory, in full.
    current: PathBuf,
    /// The working tree, in full; a bare repository has none.
    root: Option<PathBuf>,
    /// What the reader should know.
    notes: RefCell<Vec<String>>,
}

/// A revision that was found.
#[derive(Clone, Debug)]
pub(super) struct Commit {
    /// What people call it: as it was written.
    pub(super) name: String,
    /// The commit; a tree without one has none.
    id: Option<ObjectId>,
    /// What is in it.
    pub(super) tree: ObjectId,
}

impl Commit {
    /// Returns the id of the commit.
    pub(super) fn hex(&self) -> Option<String> {
        self.id.map(|id| id.to_string())
    }

    /// Tells whether it is a commit, rather than a mere tree.
    pub(super) fn has_history(&self) -> bool {
        self.id.is_some()
    }
}

fn input(message: impl Into<String>) -> QueryError {
    QueryError::new(ErrorCode::Input, message)
}

impl Repository {
    /// Finds the repository that a directory is in. Neither the environment nor the configuration of a user takes part.
    pub(super) fn open(current: &Path) -> Found<Self> {
        let current = if current.as_os_str().is_empty() { Path::new(".") } else { current };
        let options = gix::open::Options::isolated();
        let trust = gix::sec::trust::Mapping { full: options.clone(), reduced: options };
        let found = gix::ThreadSafeRepository::discover_opts(
            current,
            gix::discover::upwards::Options::default(),
            trust,
        );
        let repository = found.map_err(|error| {
            let error = input(format!("there is no git repository here: {}", line(&error)));
            error.help("run it in a clone, or name directories instead of revisions")
        })?;
        let mut inner = repository.to_thread_local();
        inner.object_cache_size_if_unset(CACHE_BYTES);
        let full = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let root = inner.workdir().map(full);
        Ok(Self { inner, current: full(current), root, notes: RefCell::default() })
    }

    /// Returns the repository of the library.
    pub(super) fn inner(&self) -> &gix::Repository {
        &self.inner
    }

    /// Remembers what the reader should know, once.
    pub(super) fn note(&self, note: String) {
        let mut notes = self.notes.borrow_mut();
        if !notes.contains(&note) {
            notes.push(note);
        }
    }

    /// Returns what was remembered, and forgets it.
    pub(super) fn take_notes(&self) -> Vec<String> {
        self.notes.take()
    }

    /// Tells whether something is a revision.
    pub(super) fn knows(&self, revision: &str) -> bool {
        self.inner.rev_parse_single(BStr::new(revision)).is_ok()
    }

    /// Finds a revision.
    pub(super) fn commit(&self, revision: &str) -> Found<Commit> {
        let unknown = |error: gix::Error| {
            let error = input(format!("there is no revision `{revision}`: {}", line(&error)));
            error.help(self.fetch(revision)).maybe_help(self.near(revision))
        };
        let broken = |error: gix::Error| {
            let error = input(format!("`{revision}` cannot be read: {}", line(&error)));
            let partial = || "the clone is partial; fetch it in full".to_owned();
            error.maybe_help(self.is_partial().then(partial))
        };
        let id = self.inner.rev_parse_single(BStr::new(revision)).map_err(unknown)?;
        let object = id.object().map_err(unknown)?;
        let object = object.peel_tags_to_end().map_err(broken)?;
        match object.kind {
            gix::object::Kind::Commit => {
                let commit = object.try_into_commit().map_err(broken)?;
                let tree = commit.tree_id().map_err(broken)?.detach();
                Ok(Commit { name: revision.to_owned(), id: Some(commit.id), tree })
            }
            gix::object::Kind::Tree => {
                Ok(Commit { name: revision.to_owned(), id: None, tree: object.id })
            }
            other => {
                let error = input(format!("`{revision}` is a {other}, no commit"));
                Err(error.help("write `git:REV:PATH` for a path of a revision"))
            }
        }
    }

    /// Finds where two revisions parted.
    pub(super) fn merge_base(&self, base: &Commit, head: &Commit) -> Found<Commit> {
        let (Some(one), Some(two)) = (base.id, head.id) else { return Ok(base.clone()) };
        if one == two {
            return Ok(base.clone());
        }
        let none = |why: String| {
            let message = format!("{} and {} have no commit in common{why}", base.name, head.name);
            let exact = "`--no-merge-base` compares with the revision itself";
            input(message).help(if self.is_shallow() {
                format!("the clone is shallow: fetch more (`git fetch --unshallow`, or `fetch-depth: 0` of actions/checkout); {exact}")
            } else {
                exact.to_owned()
            })
        };
        match self.inner.merge_base(one, two) {
            Err(error) => Err(none(format!(": {}", line(&error)))),
            Ok(None) => Err(none(String::new())),
            Ok(Some(id)) if id == one => Ok(base.clone()),
            // It is still called by the name that was given: what is shown is the same while the head goes on.
            Ok(Some(id)) => Ok(Commit { name: base.name.clone(), ..self.commit(&id.to_string())? }),
        }
    }

    fn is_shallow(&self) -> bool {
        self.inner.is_shallow().unwrap_or(false)
    }

    /// Tells whether objects may be missing that the server has.
    pub(super) fn is_partial(&self) -> bool {
        self.inner.config_snapshot().string("extensions.partialClone").is_some()
    }

    /// Suggests a name like one that is not there.
    pub(super) fn near(&self, revision: &str) -> Option<String> {
        let references = self.inner.references().ok()?;
        let names = references.all().ok()?.take(MOST_NAMES).filter_map(Result::ok);
        let names: Vec<String> =
            names.map(|r| r.name().shorten().to_str_lossy().into_owned()).collect();
        let same = names.iter().find(|n| n.ends_with(&format!("/{revision}")));
        let near = names
            .iter()
            .map(|n| (strsim::osa_distance(n, revision), n))
            .filter(|(distance, n)| *distance <= NEAR && distance * 2 <= n.len())
            .min();
        let name = same.or(near.map(|(_, name)| name))?;
        Some(format!("did you mean `{name}`?"))
    }

    /// Says what to do about a revision that is not there.
    fn fetch(&self, revision: &str) -> String {
        let command = match revision.split_once('/') {
            Some((remote, branch)) => format!("git fetch {remote} {branch}"),
            None => format!("git fetch origin {revision}"),
        };
        let shallow = if self.is_shallow() { "; the clone is shallow" } else { "" };
        format!("fetch it first: `{command}`{shallow}")
    }

    /// Reads a path of a revision: from the root of the repository, or from the current directory if it begins with a dot.
    pub(super) fn path(&self, written: &str) -> Found<String> {
        let outside = || {
            let error = input(format!("`{written}` leads out of the repository"));
            error.help("paths of a revision go from the root of the repository, those that begin with `./` from here")
        };
        if Path::new(written).is_absolute() {
            return self.inside(Path::new(written)).ok_or_else(outside);
        }
        let relative = written == "."
            || written == ".."
            || written.starts_with("./")
            || written.starts_with("../");
        let start = match (relative, &self.root) {
            (true, Some(root)) => self.current.strip_prefix(root).unwrap_or(Path::new("")),
            _ => Path::new(""),
        };
        joined(start, Path::new(written)).ok_or_else(outside)
    }

    /// Returns where a path of this machine is in the repository; `None` if it is elsewhere.
    pub(super) fn inside(&self, path: &Path) -> Option<String> {
        let root = self.root.as_ref()?;
        let full = std::fs::canonicalize(self.current.join(path)).ok()?;
        joined(Path::new(""), full.strip_prefix(root).ok()?)
    }

    /// Returns a path of the repository in the working tree.
    pub(super) fn in_working_tree(&self, path: &str) -> Found<PathBuf> {
        if self.root.is_none() {
            let error = input("the repository is bare: there is no working tree to compare with");
            return Err(error.help("name the other state: `--head git:REV`"));
        }
        let found = PathBuf::from(self.shown(path));
        let found = if found.as_os_str().is_empty() { PathBuf::from(".") } else { found };
        if std::fs::symlink_metadata(self.current.join(&found)).is_err() {
            let error = input(format!("the working tree holds no `{path}`"));
            return Err(error.help("name the state after the change with `--head`, `-f` or `-k`"));
        }
        Ok(found)
    }

    /// Returns a path of the repository as it is opened from here.
    pub(super) fn shown(&self, path: &str) -> String {
        let Some(root) = &self.root else { return path.to_owned() };
        let Ok(here) = self.current.strip_prefix(root) else {
            return root.join(path).to_string_lossy().into_owned();
        };
        let here: Vec<_> = here.components().collect();
        let there: Vec<_> = Path::new(path).components().collect();
        let common = here.iter().zip(&there).take_while(|(a, b)| a == b).count();
        let up = here.iter().skip(common).map(|_| Component::ParentDir);
        let shown: PathBuf = up.chain(there.into_iter().skip(common)).collect();
        shown.to_string_lossy().into_owned()
    }
}

/// Joins two paths by their text alone; `None` where that leads above the start.
fn joined(start: &Path, path: &Path) -> Option<String> {
    let mut parts: Vec<String> = Vec::new();
    for part in start.components().chain(path.components()) {
        match part {
            Component::CurDir => {}
            Component::Normal(name) => parts.push(name.to_string_lossy().into_owned()),
            Component::ParentDir => drop(parts.pop()?),
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(parts.join("/"))
}

/// Returns an error in one line.
pub(super) fn line(error: &(dyn std::error::Error + 'static)) -> String {
    let text = error.to_string();
    let first = text.lines().next().unwrap_or_default();
    let mut chars = first.chars();
    chars.next().map_or_else(String::new, |c| c.to_lowercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_joined_by_their_text() {
        assert_eq!(joined(Path::new("a"), Path::new("./b/../c/")).unwrap(), "a/c");
        assert_eq!(joined(Path::new("a"), Path::new("..")).unwrap(), "");
        assert_eq!(joined(Path::new("a"), Path::new("../..")), None);
        assert_eq!(joined(Path::new(""), Path::new("/a")), None);
    }
}
