//! How busy the processors are, and which of them a load runs on.

use std::fs;
use std::process::{self, Command};
use std::time::Instant;

use crate::tools::has;

/// Measures from its making on.
pub(crate) struct Meter {
    since: Instant,
    busy: f64,
}

impl Meter {
    pub(crate) fn start() -> Self {
        Self { since: Instant::now(), busy: busy() }
    }

    /// Returns how busy all processors were, in percent: whatever ran on the machine counts.
    pub(crate) fn percent(&self) -> f64 {
        let hundredths = busy() - self.busy;
        hundredths / self.since.elapsed().as_secs_f64() / count() as f64
    }
}

/// Hundredths of a second that the processors were busy since the start.
fn busy() -> f64 {
    let text = String::from_utf8_lossy(&fs::read("/proc/stat").unwrap()).into_owned();
    let all = text.lines().next().unwrap().split_whitespace().skip(1);
    let fields: Vec<f64> = all.map(|n| n.parse().unwrap()).collect();
    // All but idle and waiting for disks (proc(5)).
    fields.iter().take(8).sum::<f64>() - fields[3] - fields[4]
}

/// Nanoseconds that a thread has run, by its folder below /proc: not those in which it waited for a processor, so that
/// others on the machine count little.
pub(crate) fn thread_nanoseconds(thread: &str) -> f64 {
    let text = fs::read(format!("/proc/{thread}/schedstat")).unwrap();
    let text = String::from_utf8_lossy(&text).into_owned();
    text.split_whitespace().next().unwrap().parse().unwrap()
}

/// The generator has the first processor and the thread in the middle the second, until dropped: who of the two gives way
/// to the other is then not for the scheduler to decide.
pub(crate) struct Apart;

impl Apart {
    /// Keeps this process on the second processor; `None` where that cannot be.
    pub(crate) fn keep() -> Option<Self> {
        (count() > 1 && has("taskset")).then(|| {
            stay_on("1");
            Self
        })
    }

    /// The processor of the generator.
    pub(crate) const GENERATOR: &str = "0";
}

impl Drop for Apart {
    fn drop(&mut self) {
        stay_on(&format!("0-{}", count() - 1));
    }
}

/// What is there, whatever this process may use now.
fn count() -> usize {
    let text = String::from_utf8_lossy(&fs::read("/proc/stat").unwrap()).into_owned();
    text.lines().filter(|line| line.starts_with("cpu")).count() - 1
}

/// Keeps this process, with all its threads, on some processors.
pub(crate) fn stay_on(processors: &str) {
    let id = process::id().to_string();
    let output = Command::new("taskset").args(["-acp", processors, &id]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
