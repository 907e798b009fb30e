//! The lines of earlier sessions, under the state directory of the user.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use reedline::FileBackedHistory;

/// At most so many lines are kept.
const MOST: usize = 5_000;
/// The longest history file that is read, in bytes.
const MAX_FILE: u64 = 1 << 24;

/// Opens the history of a state directory, without repetitions; in memory alone where that cannot be had.
pub(super) fn open(state: Option<&Path>) -> (Option<FileBackedHistory>, Option<String>) {
    let in_memory = || FileBackedHistory::new(MOST).ok();
    let Some(state) = state else {
        let note = "no history is kept: neither XDG_STATE_HOME nor HOME is set";
        return (in_memory(), Some(note.to_owned()));
    };
    let path = state.join("netpol-query").join("history");
    let opened = tidy(&path)
        .and_then(|()| FileBackedHistory::with_file(MOST, path.clone()).map_err(io::Error::other));
    match opened {
        Ok(history) => (Some(history), None),
        Err(error) => {
            (in_memory(), Some(format!("no history is kept: {}: {error}", path.display())))
        }
    }
}

/// Makes the file, for its owner's eyes, and leaves of each line the latest.
fn tidy(path: &Path) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)?;
    }
    let mut text = Vec::new();
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    private(&mut options);
    options.open(path)?.take(MAX_FILE).read_to_end(&mut text)?;
    let text = String::from_utf8_lossy(&text);
    let lines = latest(&text);
    if lines.len() == text.lines().count() {
        return Ok(());
    }
    let fresh = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    private(&mut options);
    let mut file: File = options.open(&fresh)?;
    lines.iter().try_for_each(|line| writeln!(file, "{line}"))?;
    std::fs::rename(fresh, path)
}

#[cfg(unix)]
fn private(options: &mut OpenOptions) {
    use std::os::unix::fs::OpenOptionsExt as _;
    options.mode(0o600);
}

#[cfg(not(unix))]
fn private(_options: &mut OpenOptions) {}

/// Returns the lines in order, of each the last, and at most so many as are kept.
fn latest(text: &str) -> Vec<&str> {
    let mut seen = HashSet::new();
    let mut lines: Vec<&str> = text
        .lines()
        .rev()
        .filter(|line| !line.trim().is_empty() && seen.insert(*line))
        .take(MOST)
        .collect();
    lines.reverse();
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_each_line_the_latest_stays() {
        assert_eq!(latest("a\nb\n\na\nc\n"), ["b", "a", "c"]);
    }
}
