//! Where a measurement was taken: an absolute time holds for that machine, commit and load alone.

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::process::Command;

use serde::{Deserialize, Serialize};

/// What is known of the machine; `unknown` where the system does not tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// The model of the processor.
    pub processor: String,
    /// How many threads may run at once.
    pub threads: usize,
    /// The commit of the working tree, with `+` where it has changes.
    pub commit: String,
    /// The load average of the last minute.
    pub load: String,
}

impl Machine {
    /// Asks the system.
    pub fn detect() -> Self {
        let unknown = || "unknown".to_owned();
        let processor = read("/proc/cpuinfo").and_then(|text| {
            let line = text.lines().find(|l| l.starts_with("model name"))?;
            line.split_once(':').map(|(_, name)| name.trim().to_owned())
        });
        let load = read("/proc/loadavg")
            .and_then(|text| text.split_whitespace().next().map(str::to_owned));
        Self {
            processor: processor.unwrap_or_else(unknown),
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            commit: commit().unwrap_or_else(unknown),
            load: load.unwrap_or_else(unknown),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { processor, threads, commit, load } = self;
        write!(f, "{processor}, {threads} threads, commit {commit}, load {load}")
    }
}

fn read(path: &str) -> Option<String> {
    let mut text = String::new();
    File::open(path).ok()?.take(1 << 20).read_to_string(&mut text).ok()?;
    Some(text)
}

fn commit() -> Option<String> {
    let head = git(&["rev-parse", "--short=12", "HEAD"])?;
    let changes = git(&["status", "--porcelain", "--untracked-files=no"])?;
    Some(if changes.is_empty() { head } else { format!("{head}+") })
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
