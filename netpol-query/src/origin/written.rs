//! How a state is written: `dir:PATH`, `file:PATH`, `git:REV[:PATH]`, a bare path, a bare revision.

use std::path::{Path, PathBuf};

use super::Found;
use super::git::Repository;
use crate::error::{ErrorCode, QueryError};

/// Where manifests come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A file or directory.
    Path(PathBuf),
    /// A revision.
    Git {
        /// As it was written.
        revision: String,
        /// What of it; `None` where that was not said.
        path: Option<String>,
    },
}

impl Origin {
    /// Reads an origin; a bare text is a path if there is one, else a revision. Returns what the reader should know beside it.
    pub(super) fn read(text: &str, current: &Path) -> Found<(Self, Option<String>)> {
        if let Some(rest) = text.strip_prefix("git:") {
            return Ok((git(rest)?, None));
        }
        if let Some(path) = text.strip_prefix("dir:") {
            return there(path, current, true).map(|origin| (origin, None));
        }
        if let Some(path) = text.strip_prefix("file:") {
            return there(path, current, false).map(|origin| (origin, None));
        }
        if text.is_empty() {
            return Err(usage("no state is named").help(FORMS));
        }
        if current.join(text).exists() {
            let is_revision = Repository::open(current).is_ok_and(|r| r.knows(text));
            let note = is_revision.then(|| {
                format!("`{text}` is a path and a revision; the path is taken, `git:{text}` is the revision")
            });
            return Ok((Self::Path(text.into()), note));
        }
        bare_revision(text, current).map(|origin| (origin, None))
    }
}

const FORMS: &str = "a state is `dir:PATH`, `file:PATH`, `git:REV`, `git:REV:PATH`, or a path";

fn usage(message: impl Into<String>) -> QueryError {
    QueryError::new(ErrorCode::Usage, message)
}

/// Reads what follows `git:`.
fn git(text: &str) -> Found<Origin> {
    let (revision, path) = match colon(text) {
        Some((revision, path)) => (revision, Some(path.to_owned())),
        None => (text, None),
    };
    if revision.is_empty() {
        let error = usage(format!("`git:{text}` names no revision"));
        return Err(error.help("write it before the path, such as `git:HEAD:k8s/`"));
    }
    if revision.contains("..") {
        let error = usage(format!("`{revision}` is two revisions"));
        return Err(error.help("name the one with `--base` and the other with `--head`"));
    }
    Ok(Origin::Git { revision: revision.to_owned(), path })
}

/// Splits at the first colon that stands outside of braces, as git does.
fn colon(text: &str) -> Option<(&str, &str)> {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ':' if depth == 0 => {
                return text.split_at_checked(at).map(|(a, b)| (a, b.get(1..).unwrap_or("")));
            }
            _ => {}
        }
    }
    None
}

fn there(path: &str, current: &Path, directory: bool) -> Found<Origin> {
    let full = current.join(path);
    let word = if directory { "dir" } else { "file" };
    let wrong = |message: String| QueryError::new(ErrorCode::Input, message);
    match std::fs::metadata(&full) {
        Err(error) => {
            let error = wrong(format!("`{path}` cannot be read: {error}"));
            Err(error.help(format!("`{word}:` is followed by a path from the current directory")))
        }
        Ok(found) if found.is_dir() && !directory => {
            Err(wrong(format!("`{path}` is a directory")).help(format!("write `dir:{path}`")))
        }
        Ok(found) if !found.is_dir() && directory => {
            Err(wrong(format!("`{path}` is no directory")).help(format!("write `file:{path}`")))
        }
        Ok(_) => Ok(Origin::Path(path.into())),
    }
}

/// Reads a text that is no path.
fn bare_revision(text: &str, current: &Path) -> Found<Origin> {
    let neither = |message: String| QueryError::new(ErrorCode::Input, message);
    let Ok(repository) = Repository::open(current) else {
        let error = neither(format!("there is no file or directory `{text}`"));
        return Err(error
            .help(format!("and no git repository here, in which it may be a revision; {FORMS}")));
    };
    let origin = git(text)?;
    let Origin::Git { revision, .. } = &origin else { return Ok(origin) };
    if repository.knows(revision) {
        return Ok(origin);
    }
    let error = neither(format!("`{text}` is neither a path nor a revision"));
    Err(error.help(FORMS).maybe_help(repository.near(revision)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> (String, Option<String>) {
        match git(text) {
            Ok(Origin::Git { revision, path }) => (revision, path),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_revision_ends_at_the_first_colon_outside_of_braces() {
        assert_eq!(parts("HEAD~3:k8s/"), ("HEAD~3".into(), Some("k8s/".into())));
        assert_eq!(parts("origin/main"), ("origin/main".into(), None));
        assert_eq!(parts("HEAD^{/fix: it}:a"), ("HEAD^{/fix: it}".into(), Some("a".into())));
        assert_eq!(parts("v1:"), ("v1".into(), Some(String::new())));
    }

    #[test]
    fn two_revisions_and_none_are_explained() {
        assert!(git("a..b").unwrap_err().help.unwrap().contains("--head"));
        assert!(git(":k8s").unwrap_err().help.unwrap().contains("git:HEAD:k8s/"));
    }
}
