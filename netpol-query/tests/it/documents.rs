//! Every command of the documents gives the answer that stands below it.
//!
//! With `NETPOL_UPDATE_DOCUMENTS` in the environment, the documents are rewritten instead.

use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Splits a command line as a shell does: at spaces outside double quotes. `None` where it needs more of a shell.
fn words(command: &str) -> Option<Vec<String>> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in command.chars() {
        match c {
            '"' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            '|' | '>' | '<' | ';' | '&' if !quoted => return None,
            c => words.last_mut().unwrap().push(c),
        }
    }
    Some(words)
}

/// Returns the arguments of a command that runs this program.
fn arguments(command: &str) -> Option<Vec<String>> {
    let program = ["netpol-query ", "cargo run --release -p netpol-query -- "];
    let rest = program.iter().find_map(|p| command.strip_prefix(p))?;
    words(rest)
}

fn run(arguments: &[String]) -> String {
    let done = Command::new(env!("CARGO_BIN_EXE_netpol-query"))
        .args(arguments)
        .current_dir(root())
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let note = match done.status.code() {
        Some(0) => String::new(),
        code => format!("(exit code {})\n", code.unwrap_or(-1)),
    };
    format!("{}{}{note}", text(&done.stdout), text(&done.stderr))
}

/// Rewrites a document with the answers that its commands give now; returns the number of commands that were run.
fn refreshed(document: &str) -> (String, usize) {
    let (mut out, mut commands) = (String::new(), 0);
    let (mut console, mut skipping) = (false, false);
    for line in document.lines() {
        if line.starts_with("```") {
            console = line == "```console";
            skipping = false;
        }
        let command = line.strip_prefix("$ ").filter(|_| console);
        if command.is_some() {
            skipping = false;
        }
        if !skipping {
            out.push_str(line);
            out.push('\n');
        }
        if let Some(arguments) = command.and_then(arguments) {
            out.push_str(&run(&arguments));
            commands += 1;
            skipping = true;
        }
    }
    (out, commands)
}

fn check(name: &str, least: usize) {
    let path = root().join(name);
    let document = String::from_utf8(std::fs::read(&path).unwrap()).unwrap();
    let (now, commands) = refreshed(&document);
    assert!(commands >= least, "{name}: only {commands} commands");
    if std::env::var_os("NETPOL_UPDATE_DOCUMENTS").is_some() {
        std::fs::write(&path, now).unwrap();
        return;
    }
    for (i, (said, is)) in document.lines().zip(now.lines()).enumerate() {
        assert_eq!(said, is, "{name}:{}", i + 1);
    }
    assert_eq!(document, now, "{name}");
}

#[test]
fn the_readme_shows_what_the_program_answers() {
    check("README.md", 6);
}

#[test]
fn the_guide_shows_what_the_program_answers() {
    check("docs/guide.md", 20);
}

#[test]
fn the_questions_of_the_example_have_the_answers_beside_them() {
    let questions = "examples/six-policies/questions.npq";
    let text = String::from_utf8(std::fs::read(root().join(questions)).unwrap()).unwrap();
    let mut asked = 0;
    for (i, line) in text.lines().enumerate() {
        let Some((sentence, noted)) = line.split_once('#').filter(|(s, _)| !s.trim().is_empty())
        else {
            continue;
        };
        let noted = noted.split([':', ',']).next().unwrap().trim();
        let arguments = ["-f", "examples/six-policies", "-o", "jsonl", sentence.trim()];
        let answer = run(&arguments.map(str::to_owned));
        let answer: serde_json::Value =
            serde_json::from_str(answer.lines().next().unwrap()).unwrap();
        let result = answer["result"].as_str().unwrap_or("ERROR");
        let said = match answer["rows"].as_array() {
            Some(rows) if result == "ROWS" => format!("ROWS {}", rows.len()),
            _ => result.to_owned(),
        };
        assert_eq!(said, noted, "{questions}:{}: {sentence}", i + 1);
        asked += 1;
    }
    assert!(asked >= 18, "only {asked} questions");
}
