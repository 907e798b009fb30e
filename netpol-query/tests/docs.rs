//! The README, the guide and the examples say what the program does: their commands run through it and their answers are compared.
//!
//! A `console` block holds commands after `$ ` and what they print: standard output, then standard error, then, where it is not 0, a line
//! `(exit code N)`. Commands of other programs (cargo, kubectl) print nothing there and are not run.
//!
//! With `UPDATE_DOCS=1` in the environment the answers in the documents are replaced by those of the program; read the diff.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The prefixes under which documents start the program.
const STARTS: [&str; 2] = ["netpol-query ", "cargo run --release -p netpol-query -- "];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn text(path: &str) -> String {
    String::from_utf8(std::fs::read(root().join(path)).unwrap()).unwrap()
}

/// A line of a document, by where it stands.
enum Line<'a> {
    /// Outside of `console` blocks, or a fence of one.
    Prose(&'a str),
    /// A command, without its prompt.
    Command(&'a str),
    /// What the last command is said to print.
    Output(&'a str),
}

fn lines(document: &str) -> impl Iterator<Item = Line<'_>> {
    let mut inside = false;
    document.lines().map(move |line| {
        if line.starts_with("```") {
            inside = line == "```console";
            Line::Prose(line)
        } else if !inside {
            Line::Prose(line)
        } else {
            line.strip_prefix("$ ").map_or(Line::Output(line), Line::Command)
        }
    })
}

/// What the program prints for a command of a document; `None` for commands of other programs.
fn printed(command: &str) -> Option<String> {
    let arguments = STARTS.iter().find_map(|start| command.strip_prefix(start))?;
    let (mut printed, code) = run(&words(arguments), "");
    if code != 0 {
        writeln!(printed, "(exit code {code})").unwrap();
    }
    Some(printed)
}

/// Splits words as a shell does, for plain words and double quotes.
fn words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in command.chars() {
        match c {
            '"' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            _ => words.last_mut().unwrap().push(c),
        }
    }
    assert!(!quoted, "an open quote in `{command}`");
    words
}

fn run(arguments: &[String], input: &str) -> (String, i32) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_netpol-query"))
        .args(arguments)
        .current_dir(root())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let done = child.wait_with_output().unwrap();
    let printed = [done.stdout, done.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    (printed.concat(), done.status.code().unwrap_or(-1))
}

/// Runs the commands of a document; at least as many as it is known to have, so that none is lost by a slip of the fences.
fn check(path: &str, at_least: usize) {
    let document = text(path);
    let (mut is, mut ran, mut keep) = (String::new(), 0, true);
    for line in lines(&document) {
        match line {
            Line::Prose(line) => writeln!(is, "{line}").unwrap(),
            Line::Output(line) if keep => writeln!(is, "{line}").unwrap(),
            Line::Output(_) => {}
            Line::Command(command) => {
                let printed = printed(command);
                keep = printed.is_none();
                ran += usize::from(printed.is_some());
                write!(is, "$ {command}\n{}", printed.unwrap_or_default()).unwrap();
            }
        }
    }
    assert!(ran >= at_least, "{path}: only {ran} commands ran");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(root().join(path), &is).unwrap();
    }
    let difference = document.lines().zip(is.lines()).position(|(said, is)| said != is);
    let at = difference.unwrap_or(document.lines().count().min(is.lines().count()));
    let from = |text: &str| text.lines().skip(at).take(8).collect::<Vec<_>>().join("\n");
    assert!(
        document == is,
        "{path}:{}: not what the program prints\n--- said\n{}\n--- is\n{}",
        at + 1,
        from(&document),
        from(&is)
    );
}

#[test]
fn the_readme_prints_what_it_says() {
    check("README.md", 6);
}

#[test]
fn the_guide_prints_what_it_says() {
    check("docs/guide.md", 36);
}

#[cfg(feature = "enforce")]
#[test]
fn the_guide_to_traffic_prints_what_it_says() {
    check("docs/replay.md", 3);
}

#[test]
fn the_questions_of_the_example_have_the_answers_beside_them() {
    const EXAMPLE: &str = "examples/six-policies/questions.npq";
    let questions: Vec<(String, String)> = text(EXAMPLE)
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| line.split_once('#').unwrap_or_else(|| panic!("no answer beside `{line}`")))
        .map(|(sentence, answer)| (sentence.trim().to_owned(), answer.trim().to_owned()))
        .collect();
    assert!(questions.len() >= 19);

    let options = ["-f", "examples/six-policies", "-o", "jsonl"].map(String::from);
    let (printed, _) = run(&options, &text(EXAMPLE));
    assert_eq!(printed.lines().count(), questions.len(), "{printed}");
    for ((sentence, answer), line) in questions.iter().zip(printed.lines()) {
        let json: serde_json::Value = serde_json::from_str(line).unwrap();
        let rows = json["rows"].as_array().unwrap();
        let got = match json["result"].as_str().unwrap() {
            "ROWS" => format!("ROWS {}", rows.len()),
            result => result.to_owned(),
        };
        let said = answer.split(':').next().unwrap();
        assert_eq!(got, said, "{sentence}");
    }
}

#[test]
fn the_contract_of_the_example_holds() {
    let arguments = words("-f examples/six-policies test examples/six-policies/contract.npq");
    let (printed, code) = run(&arguments, "");
    assert_eq!(code, 0, "{printed}");
}
