//! The shell on a terminal: a thin layer between the line editor and [`Shell`].

use std::borrow::Cow;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nu_ansi_term::{Color, Style};
use reedline::{
    ColumnarMenu, Completer, DefaultHinter, Emacs, Highlighter, KeyCode, KeyModifiers,
    MenuBuilder as _, Prompt, PromptEditMode, PromptHistorySearch, Reedline, ReedlineEvent,
    ReedlineMenu, Signal, Span, StyledText, Suggestion, ValidationResult, Validator,
    default_emacs_keybindings,
};

use super::args::{Given, Invocation};
use super::color::Console;
use super::screen::{self, Pager};
use super::{Streams, Surroundings, history, input};
use crate::execute::Exit;
use crate::session::Session;
use crate::shell::{self, After, Class, Host, LazyIndex, Look, Shell, View};

const MENU: &str = "completion";
/// Answers are written in pieces of so many bytes, so that a long one can be given up.
const PIECE: usize = 1 << 16;

/// Runs the shell until the person leaves.
pub(super) fn run(
    invocation: &Invocation,
    streams: &mut Streams<'_>,
    around: &Surroundings,
    console: &Console,
) -> io::Result<Exit> {
    let Some(session) = input::session(invocation, streams, console)? else {
        return Ok(Exit::Wrong);
    };
    let look = Look {
        format: invocation.args.output,
        explain: invocation.args.explain,
        timing: invocation.args.stats,
        out: console.out,
        err: console.err,
    };
    let mut shell = Shell::new(session, look);
    let interrupt = Arc::new(AtomicBool::new(false));
    // From here on Ctrl-C ends a query and not the program.
    signal_hook::flag::register(signal_hook::consts::SIGINT, Arc::clone(&interrupt))?;
    let invocation = invocation.clone();
    let mut host = Terminal { invocation, streams, around, console, interrupt, drawn: false };
    let known = Known::of(&shell);
    let mut editor = editor(&known, around, console, &mut host)?;
    host.answer(shell.banner().as_bytes())?;
    loop {
        let line = Line { prompt: shell.prompt(), continuation: shell.continuation() };
        match editor.read_line(&line) {
            Ok(Signal::Success(text)) => {
                host.interrupt.store(false, Ordering::Relaxed);
                if shell.lines(&text, &mut host)? == After::Leave {
                    break;
                }
                known.refresh(&shell);
            }
            Ok(Signal::CtrlD) => break,
            Ok(_) => {}
            Err(error) => return Err(io::Error::other(error)),
        }
    }
    Ok(Exit::Yes)
}

/// What the editor's parts know of the shell.
#[derive(Clone)]
struct Known(Arc<Mutex<(Session, Arc<LazyIndex>)>>);

impl Known {
    fn of(shell: &Shell) -> Self {
        let known =
            Self(Arc::new(Mutex::new((shell.session().clone(), Arc::clone(shell.index())))));
        warm(shell.index());
        known
    }

    fn get(&self) -> MutexGuard<'_, (Session, Arc<LazyIndex>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refresh(&self, shell: &Shell) {
        let mut known = self.get();
        if !Arc::ptr_eq(&known.1, shell.index()) {
            warm(shell.index());
        }
        *known = (shell.session().clone(), Arc::clone(shell.index()));
    }
}

/// Builds an index while the person still reads.
fn warm(index: &Arc<LazyIndex>) {
    let index = Arc::clone(index);
    let build = move || {
        index.get();
    };
    // Without the thread the first key press builds it.
    let _late = std::thread::Builder::new().name("index".into()).spawn(build);
}

fn editor(
    known: &Known,
    around: &Surroundings,
    console: &Console,
    host: &mut Terminal<'_, '_>,
) -> io::Result<Reedline> {
    let mut keys = default_emacs_keybindings();
    keys.add_binding(
        KeyModifiers::NONE,
        KeyCode::Tab,
        ReedlineEvent::UntilFound(vec![
            ReedlineEvent::Menu(MENU.to_owned()),
            ReedlineEvent::MenuNext,
        ]),
    );
    keys.add_binding(KeyModifiers::SHIFT, KeyCode::BackTab, ReedlineEvent::MenuPrevious);
    let plain = Style::new();
    let (hint, note, chosen) = if console.colour {
        (plain.fg(Color::DarkGray), plain.fg(Color::DarkGray), plain.reverse())
    } else {
        (plain, plain, plain.reverse())
    };
    let menu = ColumnarMenu::default()
        .with_name(MENU)
        .with_marker("")
        .with_text_style(plain)
        .with_selected_text_style(chosen)
        .with_match_text_style(plain)
        .with_selected_match_text_style(chosen)
        .with_description_text_style(note);
    let mut editor = Reedline::create()
        .use_bracketed_paste(true)
        .with_ansi_colors(console.colour)
        .with_edit_mode(Box::new(Emacs::new(keys)))
        .with_menu(ReedlineMenu::EngineCompleter(Box::new(menu)))
        .with_quick_completions(true)
        .with_partial_completions(true)
        .with_completer(Box::new(known.clone()))
        .with_highlighter(Box::new(Colours { known: known.clone(), wanted: console.colour }))
        .with_hinter(Box::new(DefaultHinter::default().with_style(hint)))
        .with_validator(Box::new(Open));
    let (history, note) = history::open(around.state.as_deref());
    if let Some(history) = history {
        editor = editor.with_history(Box::new(history));
    }
    if let Some(note) = note {
        host.say(&format!("note: {note}\n"))?;
    }
    Ok(editor)
}

impl Completer for Known {
    fn complete(&mut self, line: &str, pos: usize) -> Vec<Suggestion> {
        let known = self.get();
        let view = View { session: &known.0, index: known.1.get(), files: &files };
        let found = shell::complete(line, pos, &view);
        found
            .into_iter()
            .map(|candidate| Suggestion {
                value: candidate.text,
                description: (!candidate.note.is_empty()).then_some(candidate.note),
                span: Span { start: candidate.span.start, end: candidate.span.end },
                append_whitespace: candidate.whole,
                ..Suggestion::default()
            })
            .collect()
    }
}

/// Lists the files whose path begins so; directories end with `/`.
fn files(prefix: &str) -> Vec<String> {
    const MOST: usize = 200;
    let (directory, name) = prefix.rsplit_once('/').map_or(("", prefix), |(d, n)| (d, n));
    let place = match (directory, prefix.starts_with('/')) {
        ("", true) => "/",
        ("", false) => ".",
        (directory, _) => directory,
    };
    let head = prefix.get(..prefix.len() - name.len()).unwrap_or_default();
    let Ok(entries) = std::fs::read_dir(place) else { return Vec::new() };
    let mut found: Vec<String> = entries
        .filter_map(Result::ok)
        .filter_map(|entry| {
            let file = entry.file_name().into_string().ok()?;
            let hidden = file.starts_with('.') && !name.starts_with('.');
            let end = if entry.path().is_dir() { "/" } else { "" };
            (file.starts_with(name) && !hidden).then(|| format!("{head}{file}{end}"))
        })
        .take(MOST)
        .collect();
    found.sort_unstable();
    found
}

struct Colours {
    known: Known,
    wanted: bool,
}

impl Highlighter for Colours {
    fn highlight(&self, line: &str, cursor: usize) -> StyledText {
        let mut styled = StyledText::new();
        if !self.wanted {
            styled.push((Style::new(), line.to_owned()));
            return styled;
        }
        let known = self.known.get();
        let view = View { session: &known.0, index: known.1.get(), files: &|_| Vec::new() };
        let mut at = 0;
        for (span, class) in shell::highlight(line, cursor, &view) {
            let part = |from: usize, to: usize| line.get(from..to).unwrap_or_default().to_owned();
            styled.push((Style::new(), part(at, span.start)));
            styled.push((style(class), part(span.start, span.end)));
            at = span.end;
        }
        styled.push((Style::new(), line.get(at..).unwrap_or_default().to_owned()));
        styled
    }
}

fn style(class: Class) -> Style {
    let plain = Style::new();
    match class {
        Class::Keyword => plain.bold(),
        Class::Name => plain.fg(Color::Green),
        Class::Port => plain.fg(Color::Magenta),
        Class::Label | Class::Address => plain.fg(Color::Cyan),
        Class::Variable => plain.fg(Color::Blue),
        Class::Text => plain.fg(Color::Yellow),
        Class::Comment => plain.fg(Color::DarkGray),
        Class::Command => plain.fg(Color::Blue).bold(),
        Class::Unknown => plain.fg(Color::Red).underline(),
        Class::Plain => plain,
    }
}

/// Waits for more where a block or bracket is open.
struct Open;

impl Validator for Open {
    fn validate(&self, line: &str) -> ValidationResult {
        if shell::is_open(line) { ValidationResult::Incomplete } else { ValidationResult::Complete }
    }
}

/// The prompts of one line.
struct Line {
    prompt: String,
    continuation: String,
}

impl Prompt for Line {
    fn render_prompt_left(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.prompt)
    }

    fn render_prompt_right(&self) -> Cow<'_, str> {
        Cow::Borrowed("")
    }

    fn render_prompt_indicator(&self, _mode: PromptEditMode) -> Cow<'_, str> {
        Cow::Borrowed("")
    }

    fn render_prompt_multiline_indicator(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.continuation)
    }

    fn render_prompt_history_search_indicator(&self, search: PromptHistorySearch) -> Cow<'_, str> {
        Cow::Owned(format!("(search `{}`) ", search.term))
    }

    fn get_prompt_color(&self) -> reedline::Color {
        reedline::Color::Cyan
    }
}

/// The terminal as the shell's host.
struct Terminal<'a, 's> {
    invocation: Invocation,
    streams: &'a mut Streams<'s>,
    around: &'a Surroundings,
    console: &'a Console,
    interrupt: Arc<AtomicBool>,
    /// Whether something is shown while the person waits.
    drawn: bool,
}

impl Terminal<'_, '_> {
    fn pager(&self) -> Option<Pager> {
        super::pager(&self.invocation.args, self.around)
    }
}

impl Host for Terminal<'_, '_> {
    fn answer(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Some(pager) = self.pager()
            && pager.is_long(bytes)
        {
            self.streams.out.flush()?;
            if screen::page(&pager, bytes).is_ok() {
                return Ok(());
            }
        }
        for piece in bytes.chunks(PIECE) {
            if self.interrupted() {
                break;
            }
            self.streams.out.write_all(piece)?;
        }
        self.streams.out.flush()
    }

    fn say(&mut self, text: &str) -> io::Result<()> {
        self.streams.out.flush()?;
        self.streams.err.write_all(text.as_bytes())
    }

    fn load(&mut self, paths: Option<&[PathBuf]>) -> io::Result<Option<Session>> {
        let mut invocation = self.invocation.clone();
        if let Some(paths) = paths {
            invocation.sources = paths.iter().cloned().map(Given::Path).collect();
        }
        let session = input::session(&invocation, self.streams, self.console)?;
        if session.is_some() {
            self.invocation = invocation;
        }
        Ok(session)
    }

    fn interrupted(&mut self) -> bool {
        self.interrupt.swap(false, Ordering::Relaxed)
    }

    fn waiting(&mut self, elapsed: Option<Duration>) {
        let text = match elapsed {
            Some(elapsed) if elapsed >= screen::PATIENCE && self.around.terminals.err => {
                self.drawn = true;
                screen::frame("answering; Ctrl-C gives up", elapsed)
            }
            None if std::mem::take(&mut self.drawn) => screen::ERASE.to_owned(),
            _ => return,
        };
        let _unseen = self.streams.err.write_all(text.as_bytes());
    }

    fn now(&self) -> Duration {
        (self.around.clock)()
    }

    fn width(&self) -> Option<usize> {
        (self.around.size)().map(|(columns, _)| columns.into())
    }
}
