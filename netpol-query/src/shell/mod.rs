//! The shell without a terminal: a line in, what is to be shown out.
//!
//! [`Shell`] answers sentences through a [`Session`] and commands (`\d`, `\load`, ...) itself; [`complete`] and
//! [`highlight`] tell a line editor what may be typed and what is wrong with a line before it is sent. Whoever owns the
//! streams, the clock and the files to load is the [`Host`].

mod cache;
mod changes;
mod command;
mod complete;
mod describe;
mod export;
mod help;
mod highlight;
mod index;
mod load;
mod present;
mod scan;
mod words;
mod worker;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub use complete::{Candidate, complete};
pub use highlight::{Class, highlight};
pub use index::{Entry, Index, LazyIndex};
pub(crate) use present::show;

use cache::{Cache, Kept, Key};
use command::Command;
use worker::{Waited, Worker};

use crate::bounded;
use crate::error::{ErrorCode, QueryError};
use crate::render::{self, Format, Options, Palette};
use crate::reply::Reply;
use crate::session::Session;
use crate::syntax::{self, Chunk};

/// The longest file of sentences, in bytes.
const MAX_FILE: u64 = 1 << 24;
/// The deepest nesting of files that run files.
const MAX_DEPTH: usize = 8;

/// Owns the streams, the clock and the files of a shell.
pub trait Host {
    /// Shows an answer, or a part of it.
    ///
    /// # Errors
    ///
    /// What writing ends with.
    fn answer(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Says something beside the answers: an error, a warning, a note.
    ///
    /// # Errors
    ///
    /// What writing ends with.
    fn say(&mut self, text: &str) -> io::Result<()>;

    /// Reads manifests: those of these paths, or the same as before. Says what is wrong with them, and returns `None`
    /// where nothing can be asked of them.
    ///
    /// # Errors
    ///
    /// What writing ends with.
    fn load(&mut self, paths: Option<&[PathBuf]>) -> io::Result<Option<Session>>;

    /// Tells, once, whether the person has asked to give up.
    fn interrupted(&mut self) -> bool;

    /// Is told every now and then how long the person has been waiting; `None` when that ends.
    fn waiting(&mut self, elapsed: Option<Duration>);

    /// Returns the time since some fixed moment.
    fn now(&self) -> Duration;

    /// Returns the width of the terminal, where answers go to one.
    fn width(&self) -> Option<usize>;
}

/// What a completer and a highlighter know.
pub struct View<'a> {
    /// What names mean.
    pub session: &'a Session,
    /// Names and labels, sorted.
    pub index: &'a Index,
    /// Lists the files whose path begins so.
    pub files: &'a dyn Fn(&str) -> Vec<String>,
}

impl std::fmt::Debug for View<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("View")
    }
}

impl<'a> View<'a> {
    fn variables(&self) -> impl Iterator<Item = &'a str> {
        self.session.definitions().iter().map(|d| d.name.as_str())
    }
}

/// How a shell looks when it starts.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// The form of answers.
    pub format: Format,
    /// Whether rows carry reasons.
    pub explain: bool,
    /// Whether answers say how long they took.
    pub timing: bool,
    /// The colours of answers.
    pub out: Palette,
    /// The colours of errors and notes.
    pub err: Palette,
}

/// What is to happen after a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// The next line is read.
    Continue,
    /// The shell ends.
    Leave,
}

/// An interactive session.
#[derive(Debug)]
pub struct Shell {
    session: Session,
    start_namespace: Option<String>,
    look: Look,
    worker: Worker,
    cache: Cache,
    last: Option<Arc<[Reply]>>,
    index: Arc<LazyIndex>,
    depth: usize,
}

/// Tells whether a text goes on in the next line: within a block or an open bracket, or after `\`.
pub fn is_open(text: &str) -> bool {
    !text.trim_start().starts_with('\\') && (syntax::is_open(text) || has_open_bracket(text))
}

/// Tells whether the last sentence has a bracket that is not closed; an empty line after it ends the sentence anyway.
fn has_open_bracket(text: &str) -> bool {
    let last = text.rsplit('\n').next().unwrap_or_default();
    if last.trim().is_empty() {
        return false;
    }
    let mut depth = 0_i32;
    for token in scan::tokens(text) {
        match (token.sort, token.text) {
            (scan::Sort::Sign, "(" | "[") => depth += 1,
            (scan::Sort::Sign, ")" | "]") => depth -= 1,
            (scan::Sort::Sign, ";") => depth = 0,
            _ => {}
        }
    }
    depth > 0
}

impl Shell {
    /// Starts a shell on what is loaded.
    pub fn new(session: Session, look: Look) -> Self {
        Self {
            start_namespace: session.namespace().map(str::to_owned),
            index: LazyIndex::new(session.snapshot()),
            session,
            look,
            worker: Worker::default(),
            cache: Cache::default(),
            last: None,
            depth: 0,
        }
    }

    /// Returns the session: what names mean now.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Returns the index of the names that are loaded.
    pub fn index(&self) -> &Arc<LazyIndex> {
        &self.index
    }

    /// Says what was loaded and how to get help.
    pub fn banner(&self) -> String {
        let version = env!("CARGO_PKG_VERSION");
        let warnings = match self.session.input_warnings() {
            0 => String::new(),
            n => format!("; {} about the input", index::count(n, "warning")),
        };
        let contents = describe::contents(self.session.snapshot().cluster());
        let name = Palette::paint(self.look.out.bold, &format!("netpol-query {version}"));
        format!("{name}   {contents}{warnings}\nType a question, or \\? for help.\n")
    }

    /// Returns the prompt: the current namespace, with a mark where the session has changed what was loaded.
    pub fn prompt(&self) -> String {
        let mark = if self.session.is_changed() { "*" } else { "" };
        format!("{}{mark}> ", self.session.namespace().unwrap_or("netpol"))
    }

    /// Returns the prompt of a line that continues another.
    pub fn continuation(&self) -> String {
        let width = self.prompt().chars().count();
        format!("{:.>1$} ", "", width.saturating_sub(1).min(12))
    }

    /// Takes a line, or several that belong together.
    fn line(&mut self, text: &str, host: &mut dyn Host) -> io::Result<After> {
        match command::parse(text) {
            Some(Ok(command)) => self.command(command, host),
            Some(Err(error)) => {
                host.say(&render::error_text(text.trim(), &error, &self.look.err))?;
                Ok(After::Continue)
            }
            None => {
                for chunk in syntax::chunks(text) {
                    if !self.sentence(chunk, host)? {
                        break;
                    }
                }
                Ok(After::Continue)
            }
        }
    }

    fn options(&self, format: Format, width: Option<usize>) -> Options {
        let (palette, explain) = (self.look.out, self.look.explain);
        Options { format, palette, width, explain, elapsed_us: None }
    }

    /// Answers a sentence; `false` where the person gave up.
    fn sentence(&mut self, chunk: Chunk<'_>, host: &mut dyn Host) -> io::Result<bool> {
        let start = host.now();
        let key = Key {
            sentence: chunk.text.to_owned(),
            namespace: self.session.namespace().map(str::to_owned),
            generation: self.session.generation(),
            format: self.look.format,
            width: host.width(),
        };
        let options = self.options(key.format, key.width);
        let kept = match self.cache.get(&key) {
            Some(kept) => kept,
            None => match self.ask(chunk, key, host)? {
                Some(kept) => kept,
                None => return Ok(false),
            },
        };
        for (reply, piece) in kept.replies.iter().zip(kept.pieces.iter()) {
            match export::write(reply, &options) {
                Some(Ok(said)) => host.say(&(said + "\n"))?,
                Some(Err(error)) => {
                    host.say(&render::error_text(&reply.query, &error, &self.look.err))?;
                    continue;
                }
                None => {}
            }
            host.answer(&piece.out)?;
            if !piece.err.is_empty() {
                host.say(&piece.err)?;
            }
        }
        if kept.replies.iter().any(|r| r.result.is_ok()) {
            self.last = Some(kept.replies);
        }
        if self.look.timing {
            let elapsed = host.now().saturating_sub(start);
            let text = format!("{:.3} ms", elapsed.as_secs_f64() * 1000.0);
            host.say(&(Palette::paint(self.look.err.dim, &text) + "\n"))?;
        }
        Ok(true)
    }

    /// Has a sentence answered by the worker; `None` where there is no answer.
    fn ask(&mut self, chunk: Chunk<'_>, key: Key, host: &mut dyn Host) -> io::Result<Option<Kept>> {
        let mut session = self.session.clone();
        let (text, line) = (chunk.text.to_owned(), chunk.line);
        let (options, palette) = (self.options(key.format, key.width), self.look.err);
        session.set_page(key.format == Format::Html);
        let waited = self.worker.run(host, move || {
            let replies = session.chunk(Chunk { text: &text, line });
            let of_input = session.input_warnings();
            let pieces: io::Result<Vec<_>> =
                replies.iter().map(|r| present::piece(r, &options, &palette, of_input)).collect();
            (session, replies, pieces)
        });
        let bad = Palette::paint(self.look.err.bad, "error:");
        match waited {
            Waited::Done((session, replies, pieces)) => {
                let kept = Kept { replies: replies.into(), pieces: pieces?.into() };
                // What was read from files may be another next time.
                let changed = session.namespace() != self.session.namespace()
                    || session.generation() != self.session.generation()
                    || session.reads() != self.session.reads();
                self.replace(session);
                if !changed {
                    self.cache.keep(key, kept.clone());
                }
                return Ok(Some(kept));
            }
            Waited::GivenUp => host.say("given up; the query ends in the background\n")?,
            Waited::Busy => host.say("the query before is still ending in the background\n")?,
            Waited::Failed => host.say(&format!(
                "{bad} the program itself failed on this sentence\n  this is a bug; please report it together with the input\n"
            ))?,
        }
        Ok(None)
    }

    fn command(&mut self, command: Command, host: &mut dyn Host) -> io::Result<After> {
        match command {
            Command::Leave => return Ok(After::Leave),
            Command::Help => host.answer(help::commands().as_bytes())?,
            Command::Verb(verb) => self.verb(verb.as_deref(), host)?,
            Command::Namespaces => {
                let text = describe::namespaces(&self.session, &self.look.out);
                host.answer(text.as_bytes())?;
            }
            Command::Describe(None) => {
                host.answer(describe::overview(&self.session).as_bytes())?;
            }
            Command::Describe(Some(name)) => {
                match describe::describe(&self.session, &name, &self.look.out) {
                    Ok(text) => host.answer(text.as_bytes())?,
                    Err(error) => host.say(&render::error_text(&name, &error, &self.look.err))?,
                }
            }
            Command::Use(namespace) => return self.use_namespace(namespace.as_deref(), host),
            Command::Output(format) => self.output(format.as_deref(), host)?,
            Command::Write { file, sentence } => self.write(&file, &sentence, host)?,
            Command::Include(file) => return self.include(&file, host),
            Command::Timing(timing) => {
                self.look.timing = timing.unwrap_or(!self.look.timing);
                let word = if self.look.timing { "shown" } else { "not shown" };
                host.answer(format!("the time of answers is {word}\n").as_bytes())?;
            }
            Command::Load(paths) => self.load(&paths, host)?,
            Command::Reload => self.reload(host)?,
            Command::Changes | Command::Undo | Command::Redo | Command::Reset => {
                self.history(&command, host)?;
            }
        }
        Ok(After::Continue)
    }

    /// Goes on with a session, which may be about another snapshot.
    fn replace(&mut self, session: Session) {
        if !std::ptr::eq(session.snapshot().cluster(), self.session.snapshot().cluster()) {
            self.index = LazyIndex::new(session.snapshot());
        }
        self.session = session;
    }

    fn complain(&self, error: &QueryError, host: &mut dyn Host) -> io::Result<()> {
        host.say(&render::error_text("", error, &self.look.err))
    }

    fn verb(&self, verb: Option<&str>, host: &mut dyn Host) -> io::Result<()> {
        let Some(word) = verb else { return host.answer(help::verbs().as_bytes()) };
        if let Some(text) = help::one(word) {
            return host.answer(text.as_bytes());
        }
        let error = QueryError::new(ErrorCode::Usage, format!("no verb is called `{word}`"));
        let near = help::nearest(word).map(|near| format!("did you mean `\\h {near}`?"));
        self.complain(&error.help("`\\h` lists the verbs").maybe_help(near), host)
    }

    fn use_namespace(&mut self, name: Option<&str>, host: &mut dyn Host) -> io::Result<After> {
        if let Some(name) = name {
            let text = format!("use namespace {name}");
            self.sentence(Chunk { text: &text, line: 1 }, host)?;
        } else {
            let now = self.session.namespace().map_or_else(
                || "no namespace is current".to_owned(),
                |name| format!("the current namespace is {name}"),
            );
            host.answer((now + "\n").as_bytes())?;
        }
        Ok(After::Continue)
    }

    fn output(&mut self, word: Option<&str>, host: &mut dyn Host) -> io::Result<()> {
        let format = match word {
            None => Some(self.look.format),
            Some(word) => {
                Format::of_word(word).filter(|f| Format::of_some_answer().any(|k| k == *f))
            }
        };
        let Some(format) = format else {
            let message = format!("no answer has a form as `{}`", word.unwrap_or_default());
            let known: Vec<&str> = Format::of_some_answer().map(Format::as_str).collect();
            let error = QueryError::new(ErrorCode::Usage, message);
            return self.complain(&error.help(format!("known are {}", known.join(", "))), host);
        };
        self.look.format = format;
        host.answer(format!("answers are shown as {}\n", format.as_str()).as_bytes())
    }

    /// `\g`: writes the answer to a sentence, or the last one, in the form that the file's name asks for.
    fn write(&mut self, file: &Path, sentence: &str, host: &mut dyn Host) -> io::Result<()> {
        if !sentence.is_empty() {
            // A page has more to say than a text: the file's form is known while the answer is found.
            let wanted = self.format_of(file);
            let format = std::mem::replace(&mut self.look.format, wanted);
            let answered = self.quietly(sentence, host);
            self.look.format = format;
            if !answered? {
                // What is wrong with it was said.
                return Ok(());
            }
        }
        let Some(replies) = self.last.clone() else {
            let error = QueryError::new(ErrorCode::Usage, "there is no answer yet to write");
            return self.complain(&error.help("for example: \\g flows.csv flows"), host);
        };
        let mut options = self.options(self.format_of(file), None);
        options.palette = Palette::default();
        let mut bytes = Vec::new();
        for reply in replies.iter() {
            if let Some(error) = render::reply(&mut bytes, reply, &options)? {
                return host.say(&render::error_text(&reply.query, &error, &self.look.err));
            }
        }
        match std::fs::write(file, &bytes) {
            Ok(()) => host.answer(format!("wrote {}\n", file.display()).as_bytes()),
            Err(error) => {
                let message = format!("{} cannot be written: {error}", file.display());
                self.complain(&QueryError::new(ErrorCode::Usage, message), host)
            }
        }
    }

    /// Answers sentences without showing the answers; `false` where the last has none.
    fn quietly(&mut self, text: &str, host: &mut dyn Host) -> io::Result<bool> {
        let before = self.last.take();
        for chunk in syntax::chunks(text) {
            if !self.sentence(chunk, &mut Quiet(host))? {
                break;
            }
        }
        let answered = self.last.is_some();
        if !answered {
            self.last = before;
        }
        Ok(answered)
    }

    /// Returns the format of a file's name, else the current one.
    fn format_of(&self, file: &Path) -> Format {
        let extension = file.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase);
        let word = match extension.as_deref() {
            Some("txt") => Some("text"),
            Some("yml") => Some("yaml"),
            Some("mmd") => Some("mermaid"),
            Some("htm") => Some("html"),
            Some("ndjson") => Some("jsonl"),
            other => other,
        };
        let format = word.and_then(Format::of_word);
        format.filter(|f| Format::of_some_answer().any(|k| k == *f)).unwrap_or(self.look.format)
    }

    /// `\i`: runs a file of sentences and commands.
    fn include(&mut self, file: &Path, host: &mut dyn Host) -> io::Result<After> {
        let text = match bounded::file(file, MAX_FILE) {
            Ok(text) if self.depth < MAX_DEPTH => text,
            Ok(_) => {
                let message = format!("files run files more than {MAX_DEPTH} deep");
                self.complain(&QueryError::new(ErrorCode::Usage, message), host)?;
                return Ok(After::Continue);
            }
            Err(error) => {
                self.complain(&error, host)?;
                return Ok(After::Continue);
            }
        };
        self.depth += 1;
        let after = self.each(&text, syntax::is_open, host);
        self.depth -= 1;
        after
    }

    /// Takes what a person typed: a line, or several.
    ///
    /// # Errors
    ///
    /// What writing ends with.
    pub fn lines(&mut self, text: &str, host: &mut dyn Host) -> io::Result<After> {
        self.each(text, is_open, host)
    }

    /// Takes every line of a text, or several at once where one goes on in the next.
    fn each(
        &mut self,
        text: &str,
        is_open: fn(&str) -> bool,
        host: &mut dyn Host,
    ) -> io::Result<After> {
        let mut pending = String::new();
        for line in text.lines() {
            pending.push_str(line);
            let in_block = syntax::is_open(&pending) && !pending.trim_start().starts_with('\\');
            if in_block || (is_open(&pending) && !line.trim().is_empty()) {
                // Only blocks hold line ends; between brackets one is white space.
                pending.push(if in_block { '\n' } else { ' ' });
                continue;
            }
            if self.line(&std::mem::take(&mut pending), host)? == After::Leave {
                return Ok(After::Leave);
            }
        }
        if pending.trim().is_empty() { Ok(After::Continue) } else { self.line(&pending, host) }
    }
}

/// A host that shows errors but no answers: those go to a file.
struct Quiet<'a>(&'a mut dyn Host);

impl Host for Quiet<'_> {
    fn answer(&mut self, _bytes: &[u8]) -> io::Result<()> {
        Ok(())
    }
    fn say(&mut self, text: &str) -> io::Result<()> {
        self.0.say(text)
    }
    fn load(&mut self, paths: Option<&[PathBuf]>) -> io::Result<Option<Session>> {
        self.0.load(paths)
    }
    fn interrupted(&mut self) -> bool {
        self.0.interrupted()
    }
    fn waiting(&mut self, elapsed: Option<Duration>) {
        self.0.waiting(elapsed);
    }
    fn now(&self) -> Duration {
        self.0.now()
    }
    fn width(&self) -> Option<usize> {
        None
    }
}
