//! Whole sessions of the shell: what is typed (`tests/transcripts/*.npq`) and what the screen shows then (`.out`).
//!
//! With `UPDATE_TRANSCRIPTS=1` in the environment the `.out` files are written anew; read the diff.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use netpol_core::model::Dialect;
use netpol_core::reach::Snapshot;
use netpol_core::sources::{LoadOptions, Loaded, Source, load};
use netpol_query::error::{ErrorCode, QueryError};
use netpol_query::execute::{LintInput, Settings, of_diagnostic};
use netpol_query::render::{Format, Palette};
use netpol_query::session::{Manifests, Reader, Session};
use netpol_query::shell::{After, Host, Look, Shell, is_open};
use netpol_query::syntax::ast;

/// A screen that is a text.
pub(crate) struct Paper {
    pub(crate) text: String,
    paths: Vec<PathBuf>,
    /// Whether the person gives up at once.
    pub(crate) impatient: bool,
}

impl Paper {
    pub(crate) fn new() -> Self {
        let paths = vec![PathBuf::from("tests/it/shop.yaml")];
        Self { text: String::new(), paths, impatient: false }
    }
}

impl Host for Paper {
    fn answer(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.text.push_str(std::str::from_utf8(bytes).unwrap());
        Ok(())
    }

    fn say(&mut self, text: &str) -> io::Result<()> {
        self.text.push_str(text);
        Ok(())
    }

    fn load(&mut self, paths: Option<&[PathBuf]>) -> io::Result<Option<Session>> {
        let paths = paths.map_or_else(|| self.paths.clone(), <[PathBuf]>::to_vec);
        let sources: Vec<Source> = paths.iter().cloned().map(Source::Path).collect();
        let loaded = load(&sources, &LoadOptions::default());
        if loaded.errors().count() > 0 {
            loaded.errors().try_for_each(|e| self.say(&format!("error: {e}\n")))?;
            return Ok(None);
        }
        self.paths = paths;
        let warnings = loaded.diagnostics.iter().map(of_diagnostic).collect();
        let diagnostics = [loaded.diagnostics, loaded.remarks].concat().into();
        let lint = LintInput { diagnostics, ..LintInput::default() };
        let snapshot = Snapshot::new(loaded.cluster, Dialect::spec());
        let session = Session::new(snapshot, Settings::default());
        let session = session.with_input(loaded.completed, warnings).with_lint(lint);
        Ok(Some(session.with_reader(Arc::new(Files))))
    }

    fn interrupted(&mut self) -> bool {
        self.impatient
    }

    fn waiting(&mut self, _elapsed: Option<Duration>) {}

    fn now(&self) -> Duration {
        Duration::ZERO
    }

    fn width(&self) -> Option<usize> {
        None
    }
}

/// Reads files, as the program does.
#[derive(Debug)]
struct Files;

impl Reader for Files {
    fn read(&self, source: &ast::Source, namespace: Option<&str>) -> Result<Manifests, QueryError> {
        let path = source.text();
        let options =
            LoadOptions { namespace: namespace.map(str::to_owned), ..LoadOptions::default() };
        let loaded = load(&[Source::Path(path.into())], &options);
        if let Some(error) = loaded.errors().next() {
            let message = format!("`{path}` cannot be read: {error}");
            return Err(QueryError::new(ErrorCode::Input, message));
        }
        let Loaded { cluster, diagnostics, remarks, completed } = loaded;
        Ok(Manifests { cluster, completed, diagnostics, remarks })
    }
}

/// Starts a shell on the shop.
pub(crate) fn shell(host: &mut Paper) -> Shell {
    let session = host.load(None).unwrap().unwrap();
    let (out, err) = (Palette::default(), Palette::default());
    Shell::new(session, Look { format: Format::Text, explain: false, timing: false, out, err })
}

/// Types a text line by line and returns what the screen shows.
fn screen(typed: &str) -> String {
    let mut host = Paper::new();
    let mut shell = shell(&mut host);
    host.text.push_str(&shell.banner());
    let mut pending = String::new();
    for line in typed.lines() {
        let prompt = if pending.is_empty() { shell.prompt() } else { shell.continuation() };
        host.text.push_str(format!("{prompt}{line}").trim_end());
        host.text.push('\n');
        pending.push_str(line);
        if is_open(&pending) {
            pending.push('\n');
            continue;
        }
        if shell.lines(&std::mem::take(&mut pending), &mut host).unwrap() == After::Leave {
            break;
        }
    }
    host.text
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts")
}

fn files(extension: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory()).unwrap().map(|e| e.unwrap().path());
    let mut found: Vec<PathBuf> =
        entries.filter(|p| p.extension().is_some_and(|e| e == extension)).collect();
    found.sort();
    found
}

fn read(path: &Path) -> String {
    String::from_utf8(std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn the_shell_shows_what_the_transcripts_say() {
    let update = std::env::var_os("UPDATE_TRANSCRIPTS").is_some();
    let scratch = std::env::temp_dir().join(format!("netpol-transcripts-{}", std::process::id()));
    std::fs::create_dir_all(&scratch).unwrap();
    let scratch_text = scratch.to_str().unwrap();
    let mut wrong = Vec::new();
    for path in files("npq") {
        let typed = read(&path).replace("$TMP", scratch_text);
        let shown = screen(&typed).replace(scratch_text, "$TMP");
        let expected = path.with_extension("out");
        if update {
            std::fs::write(&expected, &shown).unwrap();
        } else if !expected.is_file() || read(&expected) != shown {
            wrong.push(format!("{}:\n{shown}", path.display()));
        }
    }
    let csv = read(&scratch.join("pods.csv"));
    assert!(csv.starts_with("id,type,namespace,kind,name\nshop/pod/"), "{csv}");
    assert!(read(&scratch.join("pods.md")).starts_with("| id |"));
    assert_eq!(read(&scratch.join("count.txt")), "6\n");
    std::fs::remove_dir_all(&scratch).unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_transcript_is_forgotten() {
    let stems = |extension| -> Vec<_> {
        files(extension).iter().map(|p| p.file_stem().unwrap().to_owned()).collect()
    };
    assert_eq!(stems("npq"), stems("out"));
    assert!(stems("npq").len() >= 6);
    let typed: String = files("npq").iter().map(|p| read(p)).collect();
    for command in [
        "\\?", "\\h", "\\l", "\\d", "\\n", "\\o", "\\g", "\\i", "\\t", "\\load", "\\reload",
        "\\diff", "\\undo", "\\redo", "\\reset", "\\q",
    ] {
        assert!(typed.lines().any(|l| l.split(' ').next() == Some(command)), "{command}");
    }
}

#[test]
fn a_query_that_is_given_up_leaves_the_session_as_it_was() {
    let mut host = Paper::new();
    let mut shell = shell(&mut host);
    host.impatient = true;
    let slow = format!("let $x = {}pods", "not not ".repeat(400));
    shell.lines(&slow, &mut host).unwrap();
    host.impatient = false;
    if host.text.contains("given up") {
        assert!(shell.session().definitions().is_empty());
    }
    host.text.clear();
    shell.lines("count pods", &mut host).unwrap();
    assert_eq!(host.text, "7\n");
}

#[test]
fn an_answer_of_another_snapshot_is_never_shown() {
    let mut host = Paper::new();
    let mut shell = shell(&mut host);
    let mut ask = |text: &str| {
        host.text.clear();
        shell.lines(text, &mut host).unwrap();
        host.text.clone()
    };
    let question = "can probe reach db on 5432";
    let closed = ask(question);
    assert!(closed.starts_with("NO"), "{closed}");
    assert!(ask(&format!("with delete netpol/db: {question}")).starts_with("YES"));
    assert_eq!(ask(question), closed);
    ask("delete netpol/db");
    assert!(ask(question).starts_with("YES"));
    ask("\\undo");
    assert_eq!(ask(question), closed);
    ask("\\redo");
    assert!(ask(question).starts_with("YES"));
    ask("\\reset");
    assert_eq!(ask(question), closed);
    // A change after one that was taken back must not find the answers of that one.
    ask("isolate probe egress");
    assert!(ask(question).starts_with("NO"));
    assert_eq!(ask("count pods"), "7\n");
    ask("\\undo");
    ask("scale shop/frontend to 5");
    assert_eq!(ask("count pods"), "10\n");
}

#[test]
fn a_file_that_a_sentence_names_is_read_anew_each_time() {
    let file = std::env::temp_dir().join(format!("netpol-reread-{}.yaml", std::process::id()));
    let policy = |name: &str| {
        format!(
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: x, namespace: shop}}\n\
             spec: {{podSelector: {{matchLabels: {{app: {name}}}}}, policyTypes: [Ingress]}}\n"
        )
    };
    let mut host = Paper::new();
    let mut shell = shell(&mut host);
    let mut ask = |name: &str| {
        std::fs::write(&file, policy(name)).unwrap();
        host.text.clear();
        let sentence = format!("what if apply {} | count", file.display());
        shell.lines(&sentence, &mut host).unwrap();
        host.text.clone()
    };
    let probe = ask("probe");
    assert_ne!(probe, "0\n");
    assert_eq!(ask("nobody"), "0\n");
    std::fs::remove_file(&file).unwrap();
}

#[test]
fn a_second_answer_is_the_same_and_follows_what_names_mean() {
    let mut host = Paper::new();
    let mut shell = shell(&mut host);
    let mut ask = |text: &str| {
        host.text.clear();
        shell.lines(text, &mut host).unwrap();
        host.text.clone()
    };
    let first = ask("flows from ns/shop");
    assert_eq!(first, ask("flows from ns/shop"));
    ask("let $x = shop/db");
    let db = ask("resolve $x");
    ask("let $x = shop/probe");
    assert_ne!(db, ask("resolve $x"));
    ask("use namespace dev");
    let dev = ask("resolve frontend");
    ask("use namespace shop");
    assert_ne!(dev, ask("resolve frontend"));
}
