//! New policies: read beside the datapath, put in force whole, or left aside with a word about why.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, SystemTime};

use netpol_core::reach::Snapshot;
use netpol_core::sources::load;
use netpol_enforce::forwarder::Shared;
use netpol_enforce::policies::{Policies, Sides};

use super::super::args::{Given, Invocation};
use super::super::input;

/// How often files are looked at.
const LOOK: Duration = Duration::from_secs(1);
/// How long the datapath may take to see new policies: it looks after each batch.
const PATIENCE: Duration = Duration::from_secs(10);
/// The most files that are looked at.
const MOST_FILES: usize = 1_000_000;
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
    pub(super) sides: Sides,
    pub(super) owners: u32,
    pub(super) shared: Arc<Shared>,
    /// Ends the wait of the datapath.
    pub(super) wake: Box<dyn Fn() + Send>,
    /// What standard input held at the start, if manifests come from there.
    pub(super) stdin: Vec<u8>,
}

/// Reads manifests; what is wrong with them, if anything is.
pub(super) fn snapshot(
    invocation: &Invocation,
    stdin: &mut dyn io::Read,
) -> Result<Snapshot, Vec<String>> {
    let sources =
        input::sources(&invocation.sources, stdin).map_err(|error| vec![error.message])?;
    let loaded = load(&sources, &input::options(invocation));
    let errors: Vec<String> = loaded.errors().map(ToString::to_string).collect();
    if errors.is_empty() || invocation.args.keep_going {
        Ok(Snapshot::new(loaded.cluster, invocation.args.dialect()))
    } else {
        Err(errors)
    }
}

impl Reloader {
    /// Waits for signals and for files that change, until nobody can ask any more.
    pub(super) fn run(self, wanted: &Receiver<Wanted>) {
        let mut known = self.state();
        let mut changing = None;
        loop {
            match wanted.recv_timeout(LOOK) {
                Ok(Wanted::Signal) => {
                    known = self.state();
                    self.reload();
                }
                Err(RecvTimeoutError::Timeout) => {
                    let now = self.state();
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
        // Standard input can be read once: what came by it counts at each reload.
        let snapshot = snapshot(&self.invocation, &mut &*self.stdin)?;
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

    /// Files with their sizes and times: what tells that one changed.
    fn state(&self) -> Vec<(PathBuf, u64, Option<SystemTime>)> {
        let mut state = Vec::new();
        for given in &self.invocation.sources {
            match given {
                Given::Path(path) if path.as_os_str() == "-" => {}
                Given::Path(path) | Given::Kustomize(path) => look(path, 0, &mut state),
            }
        }
        state
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
