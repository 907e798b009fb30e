//! New policies: read beside the datapath, put in force whole, or left aside with a word about why.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, SystemTime};

use netpol_core::reach::Snapshot;
use netpol_core::sources::{Source, load};
use netpol_enforce::forwarder::Shared;
use netpol_enforce::policies::{Policies, Sides};

use super::super::args::{Given, Invocation};
use super::super::input;
use crate::bounded;
use crate::error::{ErrorCode, QueryError};

/// How often files are looked at.
const LOOK: Duration = Duration::from_secs(1);
/// How long the datapath may take to see new policies: it looks after each batch.
const PATIENCE: Duration = Duration::from_secs(10);
/// The most files that are looked at.
const MOST_FILES: usize = 1_000_000;
/// The longest pipe, in bytes.
const MAX_PIPE: u64 = 256 << 20;
/// So many errors are told.
const TOLD: usize = 5;

/// Who asks for new policies.
pub(super) enum Wanted {
    /// A signal.
    Signal,
}

/// What new policies are made with.
pub(super) struct Reloader {
    pub(super) invocation: Invocation,
    pub(super) manifests: Manifests,
    pub(super) sides: Sides,
    pub(super) owners: u32,
    pub(super) shared: Arc<Shared>,
    /// Ends the wait of the datapath.
    pub(super) wake: Box<dyn Fn() + Send>,
}

/// Where manifests come from at each reload: what can be read once only, such as standard input and pipes, is kept from
/// the start, since it would be empty afterwards and its policies gone.
pub(super) struct Manifests(Vec<Manifest>);

enum Manifest {
    Kept(Source),
    Again(Given),
}

impl Manifests {
    /// Reads what cannot be read again.
    pub(super) fn keep(given: &[Given], stdin: &mut dyn io::Read) -> Result<Self, QueryError> {
        let keep = |given: &Given| {
            let path = match given {
                Given::Path(path) => path,
                Given::Kustomize(_) => return Ok(Manifest::Again(given.clone())),
            };
            if path.as_os_str() == "-" {
                let read = input::sources(std::slice::from_ref(given), stdin)?;
                return Ok(read
                    .into_iter()
                    .next()
                    .map_or(Manifest::Again(given.clone()), Manifest::Kept));
            }
            // What is not there is told by whoever loads it.
            match fs::metadata(path) {
                Ok(found) if !found.is_file() && !found.is_dir() => once(path).map(Manifest::Kept),
                _ => Ok(Manifest::Again(given.clone())),
            }
        };
        given.iter().map(keep).collect::<Result<_, _>>().map(Self)
    }

    /// Reads them; what is wrong with them, if anything is.
    pub(super) fn snapshot(&self, invocation: &Invocation) -> Result<Snapshot, Vec<String>> {
        let said = |error: QueryError| vec![error.message];
        let mut sources = Vec::with_capacity(self.0.len());
        for manifest in &self.0 {
            match manifest {
                Manifest::Kept(source) => sources.push(source.clone()),
                Manifest::Again(given) => {
                    let given = std::slice::from_ref(given);
                    sources.extend(input::sources(given, &mut io::empty()).map_err(said)?);
                }
            }
        }
        if sources.is_empty() {
            input::sources(&[], &mut io::empty()).map_err(said)?;
        }
        let loaded = load(&sources, &input::options(invocation));
        let errors: Vec<String> = loaded.errors().map(ToString::to_string).collect();
        if errors.is_empty() || invocation.args.keep_going {
            Ok(Snapshot::new(loaded.cluster, invocation.args.dialect()))
        } else {
            Err(errors)
        }
    }

    /// Files with their sizes and times: what tells that one changed.
    fn state(&self) -> Vec<(PathBuf, u64, Option<SystemTime>)> {
        let mut state = Vec::new();
        for manifest in &self.0 {
            match manifest {
                Manifest::Kept(_) => {}
                Manifest::Again(Given::Path(path) | Given::Kustomize(path)) => {
                    look(path, 0, &mut state);
                }
            }
        }
        state
    }
}

/// Reads a pipe to its end.
fn once(path: &Path) -> Result<Source, QueryError> {
    let name = path.to_string_lossy();
    let file = File::open(path).map_err(|error| {
        QueryError::new(ErrorCode::Input, format!("{name} cannot be read: {error}"))
    })?;
    let bytes = bounded::bytes(file, MAX_PIPE, &name)?.into();
    Ok(Source::Bytes { name: name.as_ref().into(), bytes })
}

impl Reloader {
    /// Waits for signals and for files that change, until nobody can ask any more.
    pub(super) fn run(self, wanted: &Receiver<Wanted>) {
        let mut known = self.manifests.state();
        let mut changing = None;
        loop {
            match wanted.recv_timeout(LOOK) {
                Ok(Wanted::Signal) => {
                    known = self.manifests.state();
                    self.reload();
                }
                Err(RecvTimeoutError::Timeout) => {
                    let now = self.manifests.state();
                    // Files that are being written are left until they have rested.
                    if now != known && changing.as_ref() == Some(&now) {
                        known = now;
                        changing = None;
                        self.reload();
                    } else {
                        changing = (now != known).then_some(now);
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn reload(&self) {
        let said = match self.replace() {
            Ok(said) => said,
            Err(problems) => {
                self.shared.count_refused();
                let more = problems.len().saturating_sub(TOLD);
                let told = problems.iter().take(TOLD).map(|p| format!("\n  {p}"));
                let more = if more > 0 { format!("\n  and {more} more") } else { String::new() };
                format!(
                    "error: the new policies were not put in force, the old ones stay:{}{more}",
                    told.collect::<String>()
                )
            }
        };
        // Nobody reads it: the policies are in force all the same.
        let _unheard = writeln!(io::stderr(), "{said}");
    }

    fn replace(&self) -> Result<String, Vec<String>> {
        let snapshot = self.manifests.snapshot(&self.invocation)?;
        let before = self.shared.policies();
        let made = Policies::new(snapshot, self.sides.clone(), self.owners, before.as_deref());
        let made = Arc::new(made.map_err(|error| error.problems)?);
        let epoch = made.epoch();
        let unbound = made.unbound().len();
        if !self.shared.replace(made, &self.wake, PATIENCE) {
            // They are stored: whatever the datapath decides next, it decides by them.
            return Ok(format!(
                "warning: policies number {epoch} wait for the datapath, which has decided nothing for {} s",
                PATIENCE.as_secs()
            ));
        }
        let unbound = match unbound {
            0 => String::new(),
            n => format!("; {n} pods stand behind no interface, what they send is dropped"),
        };
        Ok(format!("policies number {epoch} are in force{unbound}"))
    }
}

/// Notes a file, or those below a directory; links that lead back end at a depth.
fn look(path: &Path, depth: u32, state: &mut Vec<(PathBuf, u64, Option<SystemTime>)>) {
    const DEEPEST: u32 = 32;
    let Ok(found) = fs::metadata(path) else { return };
    if state.len() >= MOST_FILES || depth > DEEPEST {
        return;
    }
    if !found.is_dir() {
        state.push((path.to_owned(), found.len(), found.modified().ok()));
        return;
    }
    let Ok(entries) = fs::read_dir(path) else { return };
    let mut below: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    below.sort_unstable();
    below.iter().for_each(|path| look(path, depth + 1, state));
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};

    use super::*;

    fn names(source: &Manifest) -> &str {
        match source {
            Manifest::Kept(Source::Bytes { bytes, .. }) => std::str::from_utf8(bytes).unwrap(),
            Manifest::Kept(Source::Path(_)) | Manifest::Again(_) => "",
        }
    }

    #[test]
    fn what_can_be_read_once_only_is_kept_and_files_are_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pods.yaml");
        fs::write(&file, "a: b").unwrap();
        let (reader, mut writer) = io::pipe().unwrap();
        writer.write_all(b"pipe: 1").unwrap();
        drop(writer);
        let pipe = {
            use std::os::fd::AsRawFd as _;
            format!("/proc/self/fd/{}", reader.as_raw_fd())
        };
        let given = ["-", &pipe, file.to_str().unwrap(), folder.path().to_str().unwrap()];
        let given = given.map(|path| Given::Path(path.into()));
        let manifests = Manifests::keep(&given, &mut &b"stdin: 1"[..]).unwrap();
        assert_eq!(
            manifests.0.iter().map(names).collect::<Vec<_>>(),
            ["stdin: 1", "pipe: 1", "", ""]
        );
        // The file alone and as one of the folder.
        assert_eq!(manifests.state().len(), 2);
        assert_eq!((&reader).read(&mut [0]).unwrap(), 0);
    }
}
