//! What a terminal shows beside answers: that something takes long, and long answers through a pager.

use std::io::{self, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Before this, nobody wonders what takes so long.
pub(super) const PATIENCE: Duration = Duration::from_millis(500);
const FRAME: Duration = Duration::from_millis(100);
const FRAMES: [&str; 8] = ["⠹", "⢸", "⣰", "⣤", "⣆", "⡇", "⠏", "⠛"];
/// Goes to the start of the line and erases it.
pub(super) const ERASE: &str = "\r\u{1b}[K";

/// Returns what is shown while somebody waits.
pub(super) fn frame(what: &str, elapsed: Duration) -> String {
    let at = usize::try_from(elapsed.as_millis() / FRAME.as_millis()).unwrap_or(0) % FRAMES.len();
    let sign = FRAMES.get(at).copied().unwrap_or_default();
    format!("{ERASE}{sign} {what} {:.1} s", elapsed.as_secs_f64())
}

/// Shows on standard error that something takes long, until it is dropped.
#[derive(Debug)]
pub(super) struct Progress(Option<(Sender<()>, JoinHandle<()>)>);

impl Progress {
    /// Starts; shows nothing where it is not wanted.
    pub(super) fn start(wanted: bool, what: &'static str) -> Self {
        if !wanted {
            return Self(None);
        }
        let (end, ended) = mpsc::channel::<()>();
        let show = move || {
            let mut elapsed = PATIENCE;
            let mut wait = PATIENCE;
            let mut shown = false;
            while ended.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
                let _unseen = write!(io::stderr(), "{}", frame(what, elapsed));
                shown = true;
                wait = FRAME;
                elapsed += FRAME;
            }
            if shown {
                let _unseen = write!(io::stderr(), "{ERASE}");
            }
        };
        let thread = thread::Builder::new().name("progress".into()).spawn(show).ok();
        Self(thread.map(|thread| (end, thread)))
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((end, thread)) = self.0.take() {
            drop(end);
            let _ended = thread.join();
        }
    }
}

/// The program that shows long answers, and how long an answer may be without it.
#[derive(Clone, Debug)]
pub(super) struct Pager {
    pub(super) program: String,
    pub(super) size: (u16, u16),
}

impl Pager {
    /// Tells whether a text has more lines than the screen.
    pub(super) fn is_long(&self, text: &[u8]) -> bool {
        let (columns, rows) = self.size;
        let width = usize::from(columns.max(1));
        let lines = text.split(|b| *b == b'\n');
        let rows_of = |line: &[u8]| String::from_utf8_lossy(line).chars().count() / width + 1;
        lines.map(rows_of).sum::<usize>() > usize::from(rows)
    }

    /// Starts the program; its standard input takes what is to be shown.
    fn start(&self) -> io::Result<Child> {
        let mut words = self.program.split_whitespace();
        let program = words.next().unwrap_or("less");
        let mut command = Command::new(program);
        command.args(words).stdin(Stdio::piped());
        // As git does: less ends at once where the text is short, keeps colours and leaves the screen as it is.
        command.env("LESS", std::env::var_os("LESS").unwrap_or_else(|| "FRX".into()));
        command.env("LESSCHARSET", "utf-8");
        command.spawn()
    }
}

/// Writes to a terminal; what is longer than the screen goes through a pager.
pub(super) struct Paged<'a> {
    out: &'a mut dyn Write,
    pager: Pager,
    state: State,
}

enum State {
    /// It is not known yet whether the answers are long.
    Held(Vec<u8>),
    /// They are.
    Paging(Child),
    /// They are shown as they are.
    Through,
}

impl<'a> Paged<'a> {
    pub(super) fn new(out: &'a mut dyn Write, pager: Pager) -> Self {
        Self { out, pager, state: State::Held(Vec::new()) }
    }

    /// Shows what is left and waits until the reader has seen enough.
    pub(super) fn finish(mut self) -> io::Result<()> {
        if let State::Paging(child) = &mut self.state {
            drop(child.stdin.take());
            child.wait()?;
            return Ok(());
        }
        self.flush()
    }
}

impl Write for Paged<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.state {
            State::Through => return self.out.write(bytes),
            State::Paging(child) => match &mut child.stdin {
                Some(stdin) => return stdin.write(bytes),
                None => return Err(io::ErrorKind::BrokenPipe.into()),
            },
            State::Held(held) => held.extend_from_slice(bytes),
        }
        if let State::Held(held) = &mut self.state
            && self.pager.is_long(held)
        {
            let held = std::mem::take(held);
            self.out.flush()?;
            self.state = self.pager.start().map_or(State::Through, State::Paging);
            self.write_all(&held)?;
        }
        Ok(bytes.len())
    }

    /// Somebody writes to another stream next: what is held is shown, and the rest as it comes.
    fn flush(&mut self) -> io::Result<()> {
        if let State::Held(held) = &mut self.state {
            let held = std::mem::take(held);
            self.state = State::Through;
            self.out.write_all(&held)?;
        }
        match &mut self.state {
            State::Paging(Child { stdin: Some(stdin), .. }) => stdin.flush(),
            _ => self.out.flush(),
        }
    }
}

/// Shows one text through a pager.
pub(super) fn page(pager: &Pager, text: &[u8]) -> io::Result<()> {
    let mut child = pager.start()?;
    if let Some(mut stdin) = child.stdin.take() {
        // Whoever leaves the pager has seen enough.
        let _seen = stdin.write_all(text);
    }
    child.wait().map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pager() -> Pager {
        Pager { program: "cat".into(), size: (10, 3) }
    }

    #[test]
    fn short_answers_are_written_as_they_are() {
        let mut out = Vec::new();
        let mut paged = Paged::new(&mut out, pager());
        paged.write_all(b"a\nb\n").unwrap();
        paged.finish().unwrap();
        assert_eq!(out, b"a\nb\n");
    }

    #[test]
    fn lines_and_their_width_make_an_answer_long() {
        assert!(!pager().is_long(b"a\nb"));
        assert!(pager().is_long(b"a\nb\nc\n"));
        assert!(pager().is_long(&[b'x'; 40]));
    }
}
