//! `netpol-query COMMAND --help`: what concerns the command, and nothing of the others.

use std::ffi::OsString;

use clap::CommandFactory as _;

use super::args::{Args, EXAMPLES, USAGE};
use super::options;

/// Commands with a help of their own.
const COMMANDS: [&str; 6] = ["diff", "lint", "test", "convert", "replay", "enforce"];

/// Returns the help of the command that a command line names; nothing where it names none.
pub(super) fn of(args: &[OsString]) -> Option<String> {
    let rest = args.iter().filter(|arg| *arg != "--help" && *arg != "-h");
    let matches = Args::command().try_get_matches_from(rest).ok()?;
    let words: Vec<&String> = matches.get_many("words")?.collect();
    let (first, more) = words.split_first()?;
    let word = *COMMANDS.iter().find(|word| **word == first.as_str())?;
    // `diff a b` is a sentence.
    let is_command = more.is_empty() || matches!(word, "test" | "replay");
    let usage = about(USAGE, word);
    (is_command && !usage.is_empty()).then(|| {
        let examples = about(EXAMPLES, word);
        let mut command = Args::command()
            .override_usage(usage)
            .before_help(if examples.is_empty() {
                examples
            } else {
                format!("Examples:\n  {examples}")
            })
            .mut_args(|option| {
                let foreign = option.get_id() == "words"
                    || options::owners(&option).is_some_and(|of| !of.contains(&word));
                option.hide(foreign)
            });
        let long = args.iter().any(|arg| arg == "--help");
        if long { command.render_long_help() } else { command.render_help() }.to_string()
    })
}

/// Returns the lines that are about a command.
fn about(text: &str, word: &str) -> String {
    let lines = text.lines().filter(|line| line.split_whitespace().any(|part| part == word));
    lines.map(str::trim_end).collect::<Vec<_>>().join("\n").trim_start().to_owned()
}
