//! Elapsed time: the one place of the workspace that reads a clock.

use std::time::{Duration, Instant};

/// A running stopwatch.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts now.
    #[expect(clippy::disallowed_methods, reason = "measuring time is what this crate is for")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Returns the time since the start.
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

/// Runs something at least `runs` times and for at least `at_least`, and returns the median of one run.
pub fn median<T>(runs: usize, at_least: Duration, mut run: impl FnMut() -> T) -> Duration {
    let mut times = Vec::new();
    let whole = Stopwatch::start();
    while times.len() < runs || whole.elapsed() < at_least {
        let one = Stopwatch::start();
        let result = std::hint::black_box(run());
        times.push(one.elapsed());
        drop(result);
    }
    times.sort_unstable();
    times[times.len() / 2]
}
