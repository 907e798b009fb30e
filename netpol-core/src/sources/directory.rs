//! The only place that opens files: directories listed in byte order, files read within bounds.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::diagnostic::{Diagnostic, DiagnosticCode, Severity};
use super::parallel;
use crate::model::Position;

/// The largest file.
const MAX_FILE_BYTES: u64 = 2 << 30;
/// The most that is read from what has no size, such as a pipe.
const MAX_PIPE_BYTES: u64 = 256 << 20;
/// The most files and directories below one directory.
const MAX_ENTRIES: usize = 1_000_000;

/// A file to read, or why there is none.
pub(super) type Listed = Result<PathBuf, Diagnostic>;

/// Lists a file, or the manifests below a directory in byte order of their paths.
pub(super) fn list(path: &Path) -> Vec<Listed> {
    match fs::metadata(path) {
        Err(error) => vec![Err(unreadable(path, &error))],
        Ok(metadata) if metadata.is_dir() => {
            let mut walk = Walk::default();
            walk.directory(path);
            let bytes = |l: &Listed| match l {
                Ok(path) => path.as_os_str().as_encoded_bytes().to_vec(),
                Err(d) => d.position.iter().flat_map(|p| p.file.bytes()).collect(),
            };
            walk.found.sort_by_cached_key(bytes);
            walk.found
        }
        Ok(_) => vec![Ok(path.to_owned())],
    }
}

/// Reads a file.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Diagnostic> {
    let read = || -> io::Result<Result<Vec<u8>, u64>> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        let limit = if metadata.is_file() { MAX_FILE_BYTES } else { MAX_PIPE_BYTES };
        if metadata.len() > limit {
            return Ok(Err(limit));
        }
        if metadata.is_file()
            && let Some(bytes) = in_parts(&file, metadata.len())
        {
            return Ok(Ok(bytes));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0) + 1);
        file.take(limit + 1).read_to_end(&mut bytes)?;
        Ok(if bytes.len() as u64 > limit { Err(limit) } else { Ok(bytes) })
    };
    match read() {
        Err(error) => Err(unreadable(path, &error)),
        Ok(Err(limit)) => {
            let message = format!("the file is larger than {} MiB", limit >> 20);
            Err(finding(path, 0, DiagnosticCode::Limit, message, "split it"))
        }
        Ok(Ok(bytes)) => Ok(bytes),
    }
}

/// Reads a large file in several places at once; `None` where that is not possible or the file changes meanwhile.
#[cfg(unix)]
fn in_parts(file: &File, length: u64) -> Option<Vec<u8>> {
    use std::os::unix::fs::FileExt as _;
    const PART: usize = 8 << 20;
    let length = usize::try_from(length).ok().filter(|l| *l > PART)?;
    let mut bytes = vec![0; length];
    let parts: Vec<(u64, &mut [u8])> = (0..).step_by(PART).zip(bytes.chunks_mut(PART)).collect();
    let read = |(offset, part): (u64, &mut [u8])| file.read_exact_at(part, offset).is_ok();
    let is_read = parallel::stream(parts.into_iter(), read).into_iter().all(|read| read);
    let is_end = file.read_at(&mut [0], length as u64).ok()? == 0;
    (is_read && is_end).then_some(bytes)
}

#[cfg(not(unix))]
fn in_parts(_file: &File, _length: u64) -> Option<Vec<u8>> {
    None
}

/// Takes bytes as text; a byte order mark is dropped.
pub(super) fn text<'b>(name: &str, bytes: &'b [u8]) -> Result<&'b str, Diagnostic> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.strip_prefix('\u{feff}').unwrap_or(text)),
        Err(error) => {
            let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let line = before.split(|b| *b == b'\n').count();
            let line = u32::try_from(line).unwrap_or(u32::MAX);
            let message = "the text is not valid UTF-8";
            let code = DiagnosticCode::Unreadable;
            Err(finding(Path::new(name), line, code, message.into(), "save the file as UTF-8"))
        }
    }
}

/// Returns the name of a file for positions.
pub(super) fn name(path: &Path) -> Arc<str> {
    path.to_string_lossy().into()
}

fn unreadable(path: &Path, error: &io::Error) -> Diagnostic {
    let message = format!("cannot be read: {error}");
    finding(path, 0, DiagnosticCode::Unreadable, message, "check the path and its permissions")
}

fn finding(
    path: &Path,
    line: u32,
    code: DiagnosticCode,
    message: String,
    help: &str,
) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        code,
        message,
        object: None,
        position: Some(Position { file: name(path), line }),
        help: Some(help.into()),
    }
}

#[derive(Default)]
struct Walk {
    found: Vec<Listed>,
    /// The directories on the way down, by their real path.
    above: Vec<PathBuf>,
    /// What was listed, by its real path: links may lead to it again.
    visited: HashSet<PathBuf>,
    entries: usize,
}

impl Walk {
    fn directory(&mut self, path: &Path) {
        let real = match fs::canonicalize(path) {
            Ok(real) => real,
            Err(error) => return self.found.push(Err(unreadable(path, &error))),
        };
        if self.above.contains(&real) {
            let message = format!("a symbolic link leads back to `{}`", real.display());
            let help = "remove the link";
            let found = finding(path, 0, DiagnosticCode::Unreadable, message, help);
            return self.found.push(Err(found));
        }
        if !self.visited.insert(real.clone()) {
            return;
        }
        self.above.push(real);
        match fs::read_dir(path).and_then(Iterator::collect::<io::Result<Vec<_>>>) {
            Err(error) => self.found.push(Err(unreadable(path, &error))),
            Ok(mut entries) => {
                entries.sort_by_key(fs::DirEntry::file_name);
                for entry in entries {
                    self.entry(path, &entry.path());
                }
            }
        }
        self.above.pop();
    }

    fn entry(&mut self, directory: &Path, path: &Path) {
        self.entries += 1;
        if self.entries > MAX_ENTRIES {
            if self.entries == MAX_ENTRIES + 1 {
                let message = format!("there are more than {MAX_ENTRIES} files below");
                let found = finding(
                    directory,
                    0,
                    DiagnosticCode::Limit,
                    message,
                    "name the folders one by one",
                );
                self.found.push(Err(found));
            }
            return;
        }
        let manifest = path
            .extension()
            .is_some_and(|e| ["yaml", "yml", "json"].iter().any(|x| e.eq_ignore_ascii_case(x)));
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => self.directory(path),
            Ok(metadata) if manifest && metadata.is_file() => {
                let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
                if self.visited.insert(real) {
                    self.found.push(Ok(path.to_owned()));
                }
            }
            Ok(_) if manifest => {
                let message = "this is no regular file".into();
                let found = finding(path, 0, DiagnosticCode::Unreadable, message, "name it alone");
                self.found.push(Err(found));
            }
            Ok(_) => {}
            Err(error) if manifest || error.kind() != io::ErrorKind::NotFound => {
                self.found.push(Err(unreadable(path, &error)));
            }
            Err(_) => {}
        }
    }
}
