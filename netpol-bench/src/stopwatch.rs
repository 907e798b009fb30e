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

/// Sorts times and returns the one that `percent` of a hundred do not exceed, in seconds; 0 where there is none.
pub fn percentile(times: &mut [Duration], percent: usize) -> f64 {
    times.sort_unstable();
    let at = (times.len() * percent / 100).min(times.len().saturating_sub(1));
    times.get(at).map_or(0.0, Duration::as_secs_f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_sorted_times() {
        let mut times: Vec<Duration> = (1..=100).rev().map(Duration::from_secs).collect();
        assert!((percentile(&mut times, 50) - 51.0).abs() < 1e-9);
        assert!((percentile(&mut times, 99) - 100.0).abs() < 1e-9);
        assert!(percentile(&mut [], 50).abs() < 1e-9);
    }
}
