//! `\load` and `\reload`: other manifests, or the same read again.

use std::io;
use std::path::PathBuf;

use super::{Host, Shell, describe, index};
use crate::session::{Renewed, Session};

impl Shell {
    /// `\load`: changes were changes of what was loaded before, and go with it.
    pub(super) fn load(&mut self, paths: &[PathBuf], host: &mut dyn Host) -> io::Result<()> {
        match host.load(Some(paths))? {
            Some(session) => self.renew(session, false, host),
            None => host.say("what was loaded before stays\n"),
        }
    }

    /// `\reload`: changes are made again.
    pub(super) fn reload(&mut self, host: &mut dyn Host) -> io::Result<()> {
        let loaded = match self.session.used() {
            None => host.load(None)?,
            Some(source) => {
                let mut session = self.session.clone();
                let replies = session.text(&format!("use {source}"));
                match replies.into_iter().find_map(|reply| reply.result.err()) {
                    None => Some(session),
                    Some(error) => {
                        self.complain(&error, host)?;
                        None
                    }
                }
            }
        };
        match loaded {
            Some(session) => self.renew(session, true, host),
            None => host.say("what was loaded before stays\n"),
        }
    }

    fn renew(
        &mut self,
        mut session: Session,
        with_changes: bool,
        host: &mut dyn Host,
    ) -> io::Result<()> {
        let renewed = session.renew(&self.session, with_changes);
        let before = self.session.namespace().map(str::to_owned);
        let dropped = if with_changes { 0 } else { self.session.steps().len() };
        self.replace(session);
        self.cache.clear();
        self.last = None;
        let contents = describe::contents(self.session.snapshot().cluster());
        host.answer(format!("loaded {contents}\n").as_bytes())?;
        if let (Some(gone), None) = (before, self.session.namespace()) {
            host.say(&format!("note: there is no namespace {gone} any more; none is current\n"))?;
        }
        if dropped > 0 {
            let changes = index::count(dropped, "change");
            host.say(&format!("note: {changes} of what was loaded before went with it\n"))?;
        }
        say(&renewed, host)
    }
}

/// Says what became of changes and variables.
fn say(renewed: &Renewed, host: &mut dyn Host) -> io::Result<()> {
    if renewed.changes > 0 {
        let changes = index::count(renewed.changes, "change");
        host.say(&format!("note: {changes} made again\n"))?;
    }
    for (sentence, why) in &renewed.lost_changes {
        host.say(&format!("note: `{sentence}` is dropped: {why}\n"))?;
    }
    for (name, why) in &renewed.lost_variables {
        host.say(&format!("note: ${name} is dropped: {why}\n"))?;
    }
    Ok(())
}
