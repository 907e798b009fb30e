//! What a session has changed: `\diff`, `\undo`, `\redo`, `\reset`.

use std::io;

use super::command::Command;
use super::{Host, Shell, index};
use crate::session::Crossed;
use crate::syntax::Chunk;

impl Shell {
    pub(super) fn history(&mut self, command: &Command, host: &mut dyn Host) -> io::Result<()> {
        match command {
            Command::Changes if self.session.is_changed() => {
                self.sentence(Chunk { text: "diff", line: 1 }, host).map(|_| ())
            }
            Command::Changes => host.answer(b"nothing has been changed in this session\n"),
            Command::Undo => self.cross(true, host),
            Command::Redo => self.cross(false, host),
            _ => self.reset(host),
        }
    }

    /// Takes a change back, or makes it again.
    fn cross(&mut self, back: bool, host: &mut dyn Host) -> io::Result<()> {
        let mut session = self.session.clone();
        let crossed = if back { session.undo() } else { session.redo() };
        self.replace(session);
        let (sentence, notes) = match crossed {
            Crossed::Done { sentence, notes } => (sentence, notes),
            Crossed::TooLongAgo => {
                let text = "the changes before were made too long ago to be taken back one by one; \
                            \\reset takes back all\n";
                return host.answer(text.as_bytes());
            }
            Crossed::Nothing => {
                let text =
                    if back { "there is nothing to take back" } else { "nothing was taken back" };
                return host.answer(format!("{text}\n").as_bytes());
            }
        };
        let left = match self.session.steps().len() {
            0 => "what was loaded is as it was".to_owned(),
            count => format!("{} left", index::count(count, "change")),
        };
        let what = if back {
            format!("taken back: {sentence}   ({left})")
        } else {
            format!("made again: {sentence}")
        };
        host.answer((what + "\n").as_bytes())?;
        notes.iter().try_for_each(|note| host.say(&format!("note: {note}\n")))
    }

    /// `\reset`: everything is as when the shell began.
    fn reset(&mut self, host: &mut dyn Host) -> io::Result<()> {
        let mut session = self.session.clone();
        let dropped = session.reset();
        session.forget();
        session.set_namespace(self.start_namespace.clone());
        self.replace(session);
        let taken = match dropped {
            0 => "no changes".to_owned(),
            count => format!("{} taken back", index::count(count, "change")),
        };
        let now = self.session.namespace().unwrap_or("none");
        let text = format!("{taken}; no variables; the current namespace is {now}\n");
        host.answer(text.as_bytes())
    }
}
