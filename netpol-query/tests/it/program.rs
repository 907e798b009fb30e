//! The program as a script sees it: arguments and streams in, streams and an exit code out.

use std::ffi::OsString;
use std::time::Duration;

use netpol_query::cli::{Streams, Surroundings, Terminals, run};

use crate::shop::SHOP;

/// What a run left behind.
pub(crate) struct Ran {
    pub(crate) code: u8,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs the program with arguments and standard input.
pub(crate) fn program(args: &[&str], input: &str) -> Ran {
    let args = std::iter::once("netpol-query").chain(args.iter().copied()).map(OsString::from);
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let around = Surroundings { clock: || Duration::from_micros(7), ..Surroundings::default() };
    let mut input = input.as_bytes();
    let mut streams = Streams { input: &mut input, out: &mut out, err: &mut err };
    let code = run(args.collect(), &mut streams, &around);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code, out: text(out), err: text(err) }
}

/// Runs on the shop, which standard input holds.
fn on_shop(args: &[&str]) -> Ran {
    let args: Vec<&str> = ["-f", "-"].iter().chain(args).copied().collect();
    program(&args, SHOP)
}

/// A file that is removed with the value.
struct TempFile(std::path::PathBuf);

impl TempFile {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("netpol-query-{}-{name}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).unwrap();
    }
}

#[test]
fn exit_codes_follow_the_answers() {
    for (sentence, code) in [
        ("can probe reach gateway", 1),
        ("can shop/frontend reach db on 5432", 0),
        ("can shop/frontend reach db on any", 1),
        ("flows from ns/dev to ns/pay", 0),
        ("can nobody reach db", 2),
        ("can probe raech db", 2),
    ] {
        assert_eq!(on_shop(&[sentence]).code, code, "{sentence}");
    }
}

#[test]
fn a_batch_ends_with_the_gravest_code() {
    let manifest = TempFile::new("batch.yaml", SHOP);
    let args = ["-f", manifest.path(), "-o", "jsonl"];
    let ran = program(
        &args,
        "can probe reach gateway\n\n# note\ncan shop/frontend reach db; flows from probe to db\n",
    );
    assert_eq!((ran.code, ran.out.lines().count()), (1, 3), "{}", ran.err);
    let ran = program(&args, "can probe reach gateway\ncan nobody reach db\nflows\n");
    assert_eq!((ran.code, ran.out.lines().count()), (2, 3));
    assert!(ran.out.lines().nth(1).unwrap().contains("NO_SUCH_ENDPOINT"));
    assert!(ran.err.contains("^^^^^^"), "{}", ran.err);
}

#[test]
fn words_without_spaces_are_one_sentence() {
    let ran = on_shop(&["can", "shop/frontend", "reach", "db", "on", "5432", "list pods in pay"]);
    assert_eq!(ran.code, 0);
    assert!(
        ran.out.starts_with("YES  shop/deploy/frontend")
            && ran.out.ends_with("pay/pod/gateway-0\n")
    );
}

#[test]
fn invalid_input_is_reported_whole_and_can_be_left_out() {
    let bad = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: Bad_Name, namespace: shop}\n\
               spec: {podSelector: {}}\n";
    let manifest = format!("{SHOP}---\n{bad}");
    let ran = program(&["-f", "-", "-o", "json", "count pods"], &manifest);
    assert_eq!(ran.code, 2);
    let answer: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert!(answer["query"].is_null());
    assert_eq!(answer["error"]["code"], "INPUT");
    let details = answer["error"]["details"].as_array().unwrap();
    assert!(details[0]["object"].as_str().unwrap().contains("Bad_Name"), "{details:?}");
    assert!(details[0]["line"].as_u64().unwrap() > 100);
    let ran = program(&["-f", "-", "--keep-going", "count pods"], &manifest);
    assert_eq!((ran.code, ran.out.as_str()), (0, "7\n"));
    assert!(ran.err.contains("as --keep-going demands"), "{}", ran.err);
}

#[test]
fn input_warnings_are_in_every_json_answer_and_once_on_stderr() {
    let manifest = "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: nowhere}\n";
    let ran = program(&["-f", "-", "-o", "jsonl", "list pods", "flows from pods"], manifest);
    assert_eq!(ran.out.matches("NAMESPACE_SYNTHESISED").count(), 2, "{}", ran.out);
    assert_eq!(ran.err.matches("nowhere").count(), 2, "{}", ran.err);
}

#[test]
fn wrong_options_are_explained() {
    let ran = on_shop(&["--from-pod", "a", "--to-pod", "b"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("ask in words"), "{}", ran.err);
    let ran = on_shop(&["--dialcet", "spec", "flows"]);
    assert!(ran.err.contains("did you mean `--dialect`?"), "{}", ran.err);
    let ran = on_shop(&["-o", "json", "--nope", "flows"]);
    assert_eq!(ran.code, 2);
    assert!(ran.out.contains("\"USAGE\""), "{}", ran.out);
    let ran = on_shop(&["-o", "dot", "count pods"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("it can be text, wide, json"), "{}", ran.err);
    let ran = program(&["flows"], "");
    assert!(ran.code == 2 && ran.err.contains("-f PATH"), "{}", ran.err);
}

#[cfg(not(feature = "enforce"))]
#[test]
fn without_the_feature_replay_says_how_to_build_it() {
    let ran = on_shop(&["replay", "trace.pcap"]);
    assert_eq!(ran.code, 2);
    let how = "cargo build -p netpol-query --features enforce";
    assert!(ran.err.contains(how) && ran.err.contains("`replay`"), "{}", ran.err);
}

#[test]
fn without_a_sentence_a_terminal_gets_a_hint() {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let around = Surroundings {
        terminals: Terminals { input: true, ..Terminals::default() },
        ..Surroundings::default()
    };
    let mut streams = Streams { input: &mut std::io::empty(), out: &mut out, err: &mut err };
    let args = ["netpol-query", "-f", "x"].map(OsString::from);
    assert_eq!(run(args.to_vec(), &mut streams, &around), 2);
    assert!(String::from_utf8(err).unwrap().contains("--help"));
}

#[test]
fn help_opens_with_examples() {
    let ran = program(&["--help"], "");
    assert_eq!(ran.code, 0);
    assert!(ran.out.starts_with("Examples:\n"));
    let examples = 8 + 2 * usize::from(cfg!(feature = "enforce"));
    assert_eq!(ran.out.lines().skip(1).take_while(|l| l.starts_with("  ")).count(), examples);
    assert!(program(&["man"], "").out.contains(".TH netpol-query"));
    for shell in ["bash", "zsh", "fish", "powershell"] {
        assert!(program(&["completions", shell], "").out.contains("netpol-query"), "{shell}");
    }
}

#[test]
fn the_help_of_a_command_is_about_it_alone() {
    for flag in ["--help", "-h"] {
        let ran = program(&["diff", flag], "");
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert!(ran.out.starts_with("Examples:\n  netpol-query diff --base"), "{}", ran.out);
        assert!(
            ran.out.contains("--no-merge-base") && ran.out.contains("--filename"),
            "{}",
            ran.out
        );
        assert!(!ran.out.contains("--config") && !ran.out.contains("--annotate"), "{}", ran.out);
        assert!(ran.out.contains("Usage: netpol-query [OPTIONS] diff --base SRC"), "{}", ran.out);
    }
    let ran = program(&["-f", "diff", "lint", "--help"], "");
    assert!(ran.out.contains("--config") && !ran.out.contains("--no-merge-base"), "{}", ran.out);
    assert!(program(&["flows", "--help"], "").out.contains("--no-merge-base"));
}

#[test]
fn options_of_other_commands_are_refused() {
    for (args, said, help) in [
        (&["--base", "x"][..], "`--base` is an option of `diff`", "`netpol-query diff --base ...`"),
        (
            &["--no-merge-base", "flows"],
            "`--no-merge-base` is an option of `diff`",
            "--no-merge-base`",
        ),
        (
            &["--fail-on", "bogus", "count flows"],
            "is an option of `diff` and `lint`",
            "lint --fail-on",
        ),
        (&["--to", "anp", "count flows"], "`--to` is an option of `convert`", "convert --to"),
        (&["--contract", "/nope", "lint"], "`--contract` is an option of", "diff --contract"),
        (
            &["--allow", "/nope", "convert", "--to", "cnp"],
            "`--allow` is an option of `diff`",
            "diff",
        ),
        (&["--config", "x", "convert", "--to", "cnp"], "`--config` is an option of `lint`", "lint"),
    ] {
        let ran = on_shop(args);
        assert_eq!((ran.code, &*ran.out), (2, ""), "{args:?}: {}", ran.err);
        assert!(ran.err.contains(said) && ran.err.contains(help), "{args:?}: {}", ran.err);
    }
    let ran = on_shop(&["--base", "x", "-o", "json", "count flows"]);
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(json["error"]["code"], "USAGE");
    if cfg!(all(feature = "enforce", target_os = "linux")) {
        assert!(
            on_shop(&["--bind", "a=b", "count flows"]).err.contains("is an option of `enforce`")
        );
        assert!(on_shop(&["--mode", "audit", "lint"]).err.contains("is an option of `enforce`"));
        assert!(on_shop(&["--annotate", "x", "lint"]).err.contains("is an option of `replay`"));
    }
}

#[test]
fn standard_input_without_a_sentence_is_warned_of() {
    let manifest = TempFile::new("silent.yaml", SHOP);
    for input in ["", "\n# nothing\n"] {
        let ran = program(&["-f", manifest.path()], input);
        assert_eq!((ran.code, &*ran.out), (0, ""));
        assert!(ran.err.contains("there was no sentence on standard input"), "{}", ran.err);
    }
    let ran = program(&["-f", manifest.path()], "count flows\n");
    assert!(!ran.err.contains("no sentence"), "{}", ran.err);
}

#[test]
fn warnings_about_the_input_are_in_every_answer() {
    let nothing =
        TempFile::new("nothing.yaml", "kind: Namespace\napiVersion: v1\nmetadata: {name: a}\n");
    let ran = program(&["-f", nothing.path(), "-o", "json", "count flows"], "");
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(json["warnings"][0]["code"], "NO_PODS", "{}", ran.out);
    assert_eq!(ran.err.matches("the input holds no pods").count(), 1, "{}", ran.err);
    let both = ["diff", "--base", nothing.path(), "--head", nothing.path(), "-o", "json"];
    let json: serde_json::Value = serde_json::from_str(&program(&both, "").out).unwrap();
    assert_eq!(json["warnings"].as_array().unwrap().len(), 2, "{json}");
}

#[test]
fn a_path_that_is_not_there_is_never_left_out() {
    let manifest = TempFile::new("there.yaml", SHOP);
    for command in [&["count flows"][..], &["lint"]] {
        let args = ["--keep-going", "-f", manifest.path(), "-f", "no-such-path"];
        let ran = program(&[&args[..], command].concat(), "");
        assert_eq!((ran.code, &*ran.out), (2, ""), "{}", ran.err);
        assert!(ran.err.contains("no-such-path cannot be read"), "{}", ran.err);
    }
}

#[test]
fn names_of_files_steer_no_terminal() {
    let manifest = TempFile::new("a\u{1b}[2Jb.yaml", SHOP);
    for (format, sentence) in [
        ("text", "why can't probe reach gateway"),
        ("csv", "list policies"),
        ("text", "list policies"),
        ("markdown", "list policies"),
        ("text", "lint"),
        ("csv", "lint"),
        ("github", "lint"),
    ] {
        let ran = program(&["-f", manifest.path(), "-o", format, sentence], "");
        assert!(
            ran.out.contains("a\\u{1b}[2Jb.yaml"),
            "{format} {sentence}: {}{}",
            ran.out,
            ran.err
        );
        assert!(!ran.out.contains('\u{1b}') && !ran.err.contains('\u{1b}'), "{format} {sentence}");
    }
}

#[test]
fn places_of_files_fit_a_terminal() {
    let manifest = TempFile::new("a-file-with-a-name-of-some-length.yaml", SHOP);
    let on = |width: Option<usize>| {
        let args = ["netpol-query", "-f", manifest.path(), "why can't probe reach gateway"];
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let around = Surroundings { width, ..Surroundings::default() };
        let mut streams = Streams { input: &mut std::io::empty(), out: &mut out, err: &mut err };
        run(args.map(OsString::from).to_vec(), &mut streams, &around);
        String::from_utf8(out).unwrap()
    };
    let (plain, narrow) = (on(None), on(Some(100)));
    assert!(plain.lines().any(|line| line.chars().count() > 100), "{plain}");
    for line in narrow.lines().filter(|line| line.contains(manifest.path())) {
        assert!(line.chars().count() <= 100, "{narrow}");
    }
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(words(&plain), words(&narrow));
}

#[test]
fn options_change_the_reading() {
    let sentence = "can agent reach gateway on 80";
    assert_eq!(on_shop(&["--host-network", "node", sentence]).code, 1);
    let ran = on_shop(&["--level", "pod", "flows from shop/frontend to db"]);
    assert!(ran.out.contains("shop/pod/frontend-0"), "{}", ran.out);
    let ran = on_shop(&["--explain", "-o", "jsonl", "flows from probe to shop/frontend"]);
    assert!(ran.out.contains("\"reasons\":[{"), "{}", ran.out);
    let ran = on_shop(&["--stats", "-o", "jsonl", "count pods"]);
    assert!(ran.out.contains("\"stats\":{\"elapsed_us\":0}"), "{}", ran.out);
    let ran = on_shop(&["--dialect", "np-guard", "can probe reach 2001:db8::1"]);
    assert!(ran.code == 2 && ran.err.contains("IPv4 alone"), "{}", ran.err);
    let ran = on_shop(&["--color", "always", "can shop/frontend reach db on 5432"]);
    assert!(ran.out.contains("\u{1b}["));
}

#[test]
fn contract_files_are_run() {
    let good = TempFile::new(
        "good.npq",
        "use namespace shop\ntest \"data\" {\n  expect probe cannot reach db because \"x\"\n}\n",
    );
    let bad = TempFile::new("bad.npq", "expect probe can reach db\nwarn probe can reach db\n");
    let none = TempFile::new("none.npq", "flows\n");
    let ran = on_shop(&["test", good.path()]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.ends_with("1 passed, 0 failed\n"), "{}", ran.out);
    let ran = on_shop(&["test", good.path(), bad.path()]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.out.contains(&format!("FAIL {}:1 expect probe can reach db", bad.path())),
        "{}",
        ran.out
    );
    assert!(ran.out.ends_with("1 passed, 1 failed, 1 warned\n"), "{}", ran.out);
    let ran = on_shop(&["test", none.path()]);
    assert_eq!(ran.code, 2);
    assert!(ran.out.contains("expects nothing"), "{}", ran.out);
    let ran = on_shop(&["-o", "junit", "test", bad.path()]);
    assert!(ran.out.contains("<failure message="), "{}", ran.out);
    let ran = on_shop(&["-o", "tap", "test", bad.path()]);
    assert!(ran.out.starts_with("TAP version 14\n1..2\nnot ok 1 - expect"), "{}", ran.out);
    let ran = on_shop(&["-o", "github", "test", bad.path()]);
    assert!(ran.out.starts_with("::error file="), "{}", ran.out);
    let ran = on_shop(&["-o", "jsonl", "test", bad.path()]);
    assert_eq!(ran.out.matches("\"pass\":false").count(), 2, "{}", ran.out);
}

#[test]
fn equal_input_gives_equal_bytes() {
    let first = on_shop(&["-o", "json", "flows", "why can any reach pods"]);
    let second = on_shop(&["-o", "json", "flows", "why can any reach pods"]);
    assert_eq!(first.out, second.out);
}

/// A disk without room: it is found out late, when buffers are written.
struct Full;

impl std::io::Write for Full {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Err(std::io::ErrorKind::StorageFull.into())
    }
}

#[test]
fn an_answer_that_cannot_be_written_is_said_and_is_no_success() {
    let args =
        ["netpol-query", "-f", "-", "can shop/frontend reach db on 5432"].map(OsString::from);
    let mut err = Vec::new();
    let mut input = SHOP.as_bytes();
    let mut streams = Streams { input: &mut input, out: &mut Full, err: &mut err };
    assert_eq!(run(args.to_vec(), &mut streams, &Surroundings::default()), 2);
    let err = String::from_utf8(err).unwrap();
    assert!(err.lines().any(|line| line.starts_with("error: cannot write: ")), "{err}");
}
