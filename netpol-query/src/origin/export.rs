//! A revision as files, for a program that renders files: in a directory of its own, which is removed afterwards.

use std::fs;
use std::io;
use std::path::Path;

use netpol_core::sources::Source;

use super::git::{Commit, Repository};
use super::tree::{Walk, Which};
use super::{Found, Setting};
use crate::error::{ErrorCode, QueryError};

/// Renders the directories of `-k` as they are in a revision.
pub(super) fn rendered(
    repository: &Repository,
    commit: &Commit,
    setting: &Setting<'_>,
) -> Found<Vec<Source>> {
    let wrong = |error: &io::Error| {
        let message =
            format!("{} cannot be written to a temporary directory: {error}", commit.name);
        QueryError::new(ErrorCode::Input, message).help("`TMPDIR` names another place")
    };
    // Overlays refer to bases anywhere in the repository: all of it is needed.
    let folder =
        tempfile::Builder::new().prefix("netpol-query-").tempdir().map_err(|e| wrong(&e))?;
    for file in Walk::new(repository, commit).files("", Which::All)? {
        let path = folder.path().join(&file.path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|e| wrong(&e))?;
        }
        fs::write(&path, &file.bytes).map_err(|e| wrong(&e))?;
    }
    let mut sources = Vec::new();
    for directory in setting.rendered {
        let Some(inside) =
            repository.inside(directory.directory).or_else(|| relative(directory.directory))
        else {
            let message = format!("`{}` is not in the repository", directory.directory.display());
            let error = QueryError::new(ErrorCode::Input, message);
            return Err(
                error.help("`-k` names a directory of the repository where states are revisions")
            );
        };
        let place = folder.path().join(&inside);
        if !place.is_dir() {
            return Err(QueryError::new(
                ErrorCode::Input,
                format!("{} holds no directory `{inside}`", commit.name),
            ));
        }
        let shown = repository.shown(&inside);
        sources.push(named((directory.render)(&place), (folder.path(), &place), &shown, commit)?);
    }
    Ok(sources)
}

/// A path that is not there now may be in the revision.
fn relative(path: &Path) -> Option<String> {
    let plain = |part: std::path::Component<'_>| matches!(part, std::path::Component::Normal(_));
    path.components().all(plain).then(|| path.to_string_lossy().into_owned())
}

/// Takes the temporary directory out of what the reader sees.
fn named(
    rendered: Found<Source>,
    (folder, place): (&Path, &Path),
    shown: &str,
    commit: &Commit,
) -> Found<Source> {
    let hide = |text: &str| {
        let text = text.replace(&*place.to_string_lossy(), shown);
        text.replace(&*folder.to_string_lossy(), ".")
    };
    match rendered {
        Ok(Source::Bytes { bytes, .. }) => Ok(Source::Bytes { name: shown.into(), bytes }),
        Ok(other) => Ok(other),
        Err(error) => Err(QueryError {
            message: format!("{}: {}", commit.name, hide(&error.message)),
            help: error.help.as_deref().map(hide),
            ..error
        }),
    }
}
