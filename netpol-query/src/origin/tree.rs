//! The files of a revision: manifests below a path, in byte order, with links followed inside of the revision.

use std::cell::Cell;
use std::collections::HashSet;
use std::sync::Arc;

use gix::ObjectId;
use gix::bstr::ByteSlice as _;
use gix::object::tree::EntryKind;
use netpol_core::sources::Source;

use super::Found;
use super::git::{Commit, Repository, line};
use crate::error::{ErrorCode, QueryError};

/// The largest file.
const MAX_FILE_BYTES: u64 = 256 << 20;
/// The most that the files of one revision hold together.
const MAX_BYTES: u64 = 2 << 30;
/// The most files and directories of one revision.
const MAX_ENTRIES: usize = 1_000_000;
/// The most that is looked at on the way to files: links may lead through the same folders over and over.
const MAX_LOOKED: usize = 20_000_000;
/// The most links in a row.
const MAX_LINKS: u32 = 16;
/// The deepest directory.
const MAX_DEPTH: usize = 256;
/// How a file begins that stands for one that is kept elsewhere.
const LFS: &[u8] = b"version https://git-lfs.github.com/spec/";

/// Reads the manifests of a revision below a path; of a file, whatever its name.
pub(super) fn sources(repository: &Repository, commit: &Commit, path: &str) -> Found<Vec<Source>> {
    let mut walk = Walk::new(repository, commit);
    let files = walk.files(path, Which::Manifests)?;
    let source = |file: File| Source::Bytes {
        name: repository.shown(&file.path).into(),
        bytes: Arc::from(file.bytes),
    };
    Ok(files.into_iter().map(source).collect())
}

/// Which files of a directory are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    /// YAML and JSON.
    Manifests,
    /// All.
    All,
}

/// A file of a revision.
pub(super) struct File {
    /// Its path in the repository.
    pub(super) path: String,
    /// What is in it.
    pub(super) bytes: Vec<u8>,
}

/// Something in a revision.
#[derive(Clone, Debug)]
struct Entry {
    id: ObjectId,
    kind: EntryKind,
    /// Its path, with no link on the way.
    real: String,
}

/// Walks through a revision.
pub(super) struct Walk<'a> {
    repository: &'a Repository,
    commit: &'a Commit,
    which: Which,
    files: Vec<File>,
    /// Manifests and directories that were read, by their real paths: links may lead to them again.
    visited: HashSet<String>,
    entries: usize,
    bytes: u64,
    /// How many entries of directories were looked at.
    looked: Cell<usize>,
}

impl<'a> Walk<'a> {
    /// Starts at the root.
    pub(super) fn new(repository: &'a Repository, commit: &'a Commit) -> Self {
        let (which, files) = (Which::Manifests, Vec::new());
        Self {
            repository,
            commit,
            which,
            files,
            visited: HashSet::new(),
            entries: 0,
            bytes: 0,
            looked: Cell::new(0),
        }
    }

    /// Reads the files below a path, in byte order of their paths.
    pub(super) fn files(&mut self, path: &str, which: Which) -> Found<Vec<File>> {
        self.which = which;
        let root = self.root();
        let entry = if path.is_empty() { Some(root) } else { self.find(path, 0)? };
        let Some(entry) = entry else {
            let error = input(format!("{} holds no `{path}`", self.commit.name));
            return Err(error.help("paths of a revision go from the root of the repository"));
        };
        match entry.kind {
            EntryKind::Tree => self.directory(path, &entry, 0)?,
            EntryKind::Commit => return Err(self.submodule(path)),
            EntryKind::Link => return Err(self.dangling(path)),
            EntryKind::Blob | EntryKind::BlobExecutable => self.file(path, &entry)?,
        }
        let mut files = std::mem::take(&mut self.files);
        files.sort_by(|a, b| a.path.as_bytes().cmp(b.path.as_bytes()));
        Ok(files)
    }

    fn root(&self) -> Entry {
        Entry { id: self.commit.tree, kind: EntryKind::Tree, real: String::new() }
    }

    /// Tells whether something is to be read; manifests are read once.
    fn is_new(&mut self, entry: &Entry) -> bool {
        self.which == Which::All || self.visited.insert(entry.real.clone())
    }

    fn directory(&mut self, path: &str, directory: &Entry, depth: usize) -> Found<()> {
        if depth > MAX_DEPTH {
            return Err(input(format!("`{path}` is nested too deeply")));
        }
        if !self.is_new(directory) {
            return Ok(());
        }
        for (name, entry) in self.listed(directory)? {
            self.entries += 1;
            if self.entries > MAX_ENTRIES {
                let error =
                    input(format!("{} holds more than {MAX_ENTRIES} files", self.commit.name));
                return Err(error.help("name a folder of it: `git:REV:PATH`"));
            }
            let path = if path.is_empty() { name } else { format!("{path}/{name}") };
            self.entry(&path, &entry, depth)?;
        }
        Ok(())
    }

    fn entry(&mut self, path: &str, entry: &Entry, depth: usize) -> Found<()> {
        let wanted = self.which == Which::All || is_manifest(path);
        match entry.kind {
            EntryKind::Tree => self.directory(path, entry, depth + 1),
            EntryKind::Blob | EntryKind::BlobExecutable if wanted => self.file(path, entry),
            EntryKind::Blob | EntryKind::BlobExecutable => Ok(()),
            EntryKind::Commit => {
                self.repository.note(format!(
                    "`{path}` is a submodule: what is in it is not part of {}",
                    self.commit.name
                ));
                Ok(())
            }
            EntryKind::Link => match self.target(entry, 0)? {
                Some(target) if is_file(&target) => {
                    if wanted {
                        self.file(path, &target)
                    } else {
                        Ok(())
                    }
                }
                Some(target) if target.kind == EntryKind::Tree => {
                    if leads_up(entry, &target) {
                        let message = format!("the link `{path}` leads back to a folder it is in");
                        let error = input(format!("{}: {message}", self.commit.name));
                        return Err(error.help("remove the link"));
                    }
                    self.directory(path, &target, depth + 1)
                }
                None if wanted && self.which == Which::Manifests => Err(self.dangling(path)),
                _ => Ok(()),
            },
        }
    }

    /// Reads one file.
    fn file(&mut self, path: &str, entry: &Entry) -> Found<()> {
        if !self.is_new(entry) {
            return Ok(());
        }
        let repository = self.repository.inner();
        let header = repository.find_header(entry.id).map_err(|e| self.broken(path, &e))?;
        self.bytes = self.bytes.saturating_add(header.size());
        if header.size() > MAX_FILE_BYTES || self.bytes > MAX_BYTES {
            let what = if header.size() > MAX_FILE_BYTES { "the file is" } else { "the files are" };
            let error = input(format!("{}: {path}: {what} too large", self.commit.name));
            return Err(error.help("name a folder without it: `git:REV:PATH`"));
        }
        let mut blob = repository.find_object(entry.id).map_err(|e| self.broken(path, &e))?;
        let bytes = std::mem::take(&mut blob.data);
        if bytes.starts_with(LFS) {
            let what = "the file is kept by Git LFS, only a pointer to it is in the repository";
            let error = input(format!("{}: {path}: {what}", self.commit.name));
            let help = "keep manifests out of LFS, or compare directories in which it was fetched";
            return Err(error.help(help));
        }
        self.files.push(File { path: path.to_owned(), bytes });
        Ok(())
    }

    /// Lists a directory, by name.
    fn listed(&self, directory: &Entry) -> Found<Vec<(String, Entry)>> {
        let path = &directory.real;
        let repository = self.repository.inner();
        let tree = repository.find_tree(directory.id).map_err(|e| self.broken(path, &e))?;
        let tree = tree.decode().map_err(|e| self.broken(path, &e))?;
        self.looked.set(self.looked.get() + tree.entries.len() + 1);
        if self.looked.get() > MAX_LOOKED {
            let error =
                input(format!("{}: too many links lead through `{path}`", self.commit.name));
            return Err(error.help("name a folder without them: `git:REV:PATH`"));
        }
        let mut found = Vec::with_capacity(tree.entries.len());
        for entry in &tree.entries {
            let name = entry.filename.to_str_lossy().into_owned();
            if name.is_empty() || name == "." || name == ".." || name.contains(['/', '\\', '\0']) {
                let message = format!("`{path}` holds an entry that no file can be called");
                let error = input(format!("{}: {message}", self.commit.name));
                return Err(error.help("the repository is damaged, or meant to do harm"));
            }
            let real = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
            found.push((name, Entry { id: entry.oid.to_owned(), kind: entry.mode.kind(), real }));
        }
        found.sort_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
        Ok(found)
    }

    /// Finds what a path of the revision leads to, through links.
    fn find(&self, path: &str, links: u32) -> Found<Option<Entry>> {
        let mut entry = self.root();
        for part in path.split('/').filter(|p| !p.is_empty()) {
            match entry.kind {
                EntryKind::Tree => {}
                EntryKind::Commit => return Err(self.submodule(&entry.real)),
                _ => return Ok(None),
            }
            let found = self.listed(&entry)?.into_iter().find(|(name, _)| name == part);
            let Some((_, found)) = found else { return Ok(None) };
            entry = match found.kind {
                EntryKind::Link => match self.target(&found, links)? {
                    Some(target) => target,
                    None => return Ok(Some(found)),
                },
                _ => found,
            };
        }
        Ok(Some(entry))
    }

    /// Finds what a link leads to; `None` where that is not in the revision.
    fn target(&self, link: &Entry, links: u32) -> Found<Option<Entry>> {
        if links >= MAX_LINKS {
            return Ok(None);
        }
        let repository = self.repository.inner();
        let blob = repository.find_object(link.id).map_err(|e| self.broken(&link.real, &e))?;
        let Some(target) = joined(&link.real, &blob.data.to_str_lossy()) else { return Ok(None) };
        // A link that leads to another one that leads to nothing leads to nothing.
        let found = self.find(&target, links + 1)?;
        Ok(found.filter(|entry| entry.kind != EntryKind::Link))
    }

    fn submodule(&self, path: &str) -> QueryError {
        let error = input(format!(
            "`{path}` of {} is a submodule: its files are in another repository",
            self.commit.name
        ));
        error.help("run it in the submodule, or compare directories")
    }

    fn dangling(&self, path: &str) -> QueryError {
        let error = input(format!(
            "{}: the link `{path}` leads to nothing in the repository",
            self.commit.name
        ));
        error.help("let it lead to a file of the same revision")
    }

    fn broken(&self, path: &str, error: &gix::Error) -> QueryError {
        let error = input(format!("{}: {path} cannot be read: {}", self.commit.name, line(error)));
        error.maybe_help(self.repository.is_partial().then(|| {
            "the clone is partial, and the file was not fetched; clone without `--filter`"
                .to_owned()
        }))
    }
}

fn is_file(entry: &Entry) -> bool {
    matches!(entry.kind, EntryKind::Blob | EntryKind::BlobExecutable)
}

/// Tells whether a link leads to a folder that it is in.
fn leads_up(link: &Entry, target: &Entry) -> bool {
    target.real.is_empty() || link.real.starts_with(&format!("{}/", target.real))
}

/// Returns the path that a link leads to; `None` where that is outside of the repository.
fn joined(link: &str, target: &str) -> Option<String> {
    if target.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = link.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

fn input(message: impl Into<String>) -> QueryError {
    QueryError::new(ErrorCode::Input, message)
}

/// Tells whether a file of a directory is read: it ends as those do that are read from a directory.
fn is_manifest(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let Some((stem, ending)) = name.rsplit_once('.') else { return false };
    let known = |word: &&str| ending.eq_ignore_ascii_case(word);
    !stem.is_empty() && ["yaml", "yml", "json"].iter().any(known)
}
