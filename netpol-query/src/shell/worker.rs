//! Runs a query on a thread of its own, so that a person can give up waiting for it.
//!
//! A query cannot be stopped from outside; it is left alone instead. It finishes in the background and its answer is
//! dropped. At most one query is left alone at a time: the next one waits for it, and that waiting can be given up too.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use super::Host;

/// How often a waiting shell looks whether it is to give up.
const POLL: Duration = Duration::from_millis(20);
/// The stack of a query, that of a process's main thread.
const STACK: usize = 8 << 20;

/// How waiting ended.
#[derive(Debug)]
pub(super) enum Waited<T> {
    /// With a result.
    Done(T),
    /// The person gave up.
    GivenUp,
    /// The person gave up waiting for an earlier query.
    Busy,
    /// The query failed: a bug.
    Failed,
}

/// Runs queries one at a time.
#[derive(Debug, Default)]
pub(super) struct Worker {
    /// Ends when the query that was left alone does.
    left: Option<Receiver<()>>,
}

impl Worker {
    /// Runs a query and waits for it.
    pub(super) fn run<T: Send + 'static>(
        &mut self,
        host: &mut dyn Host,
        query: impl FnOnce() -> T + Send + 'static,
    ) -> Waited<T> {
        let start = host.now();
        if let Some(left) = self.left.take()
            && matches!(wait(&left, host, start), Waited::GivenUp)
        {
            self.left = Some(left);
            host.waiting(None);
            return Waited::Busy;
        }
        let (answer, answers) = mpsc::channel();
        let (alive, ended) = mpsc::channel::<()>();
        let job = move || {
            let _alive = alive;
            // Whoever gave up does not listen any more.
            let _unheard = answer.send(query());
        };
        if thread::Builder::new().name("query".into()).stack_size(STACK).spawn(job).is_err() {
            return Waited::Failed;
        }
        let waited = wait(&answers, host, start);
        if matches!(waited, Waited::GivenUp) {
            self.left = Some(ended);
        }
        host.waiting(None);
        waited
    }
}

fn wait<T>(answers: &Receiver<T>, host: &mut dyn Host, start: Duration) -> Waited<T> {
    loop {
        match answers.recv_timeout(POLL) {
            Ok(answer) => return Waited::Done(answer),
            Err(RecvTimeoutError::Disconnected) => return Waited::Failed,
            Err(RecvTimeoutError::Timeout) => {}
        }
        if host.interrupted() {
            return Waited::GivenUp;
        }
        host.waiting(Some(host.now().saturating_sub(start)));
    }
}
