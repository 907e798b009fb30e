//! Which options belong to which commands: one that is given to another command is a mistake, not ignored.

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, CommandFactory as _};

use super::args::{Args, Command};
use crate::error::{ErrorCode, QueryError};

/// Sentences, where a table of commands names them.
const SENTENCES: &str = "";

/// The options of commands, by their ids.
const OWNERS: [(&str, &[&str]); 9] = [
    ("fail_on", &["diff", "lint"]),
    ("base", &["diff"]),
    ("head", &["diff"]),
    ("no_merge_base", &["diff"]),
    ("allow", &["diff"]),
    ("contract", &["diff", "replay"]),
    ("annotate", &["replay"]),
    // `lint` is a sentence too.
    ("config", &["lint", "test", SENTENCES]),
    ("to", &["convert"]),
];

/// Returns the commands that an option is of; nothing where every command has it.
pub(super) fn owners(option: &Arg) -> Option<&'static [&'static str]> {
    match option.get_help_heading() {
        Some("Commands") => {
            let id = option.get_id().as_str();
            // What is in no table would be taken by no command: a test keeps the table whole.
            Some(OWNERS.iter().find(|(known, _)| *known == id).map_or(&[][..], |(_, of)| of))
        }
        Some("Enforcement") => Some(&["enforce"]),
        _ => None,
    }
}

impl Command {
    /// Returns the word that it begins with.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Ask(_) => SENTENCES,
            Self::Test(_) => "test",
            Self::Convert => "convert",
            Self::Diff => "diff",
            Self::Lint => "lint",
            #[cfg(all(feature = "enforce", target_os = "linux"))]
            Self::Enforce => "enforce",
            #[cfg(feature = "enforce")]
            Self::Replay(_) => "replay",
            Self::Completions(_) => "completions",
            Self::Man => "man",
        }
    }
}

/// Refuses options that were given and belong to other commands.
pub(super) fn check(matches: &ArgMatches, command: &Command) -> Result<(), QueryError> {
    let all = Args::command();
    for option in all.get_arguments() {
        let Some(of) = owners(option).filter(|of| !of.contains(&command.word())) else { continue };
        let given = matches.value_source(option.get_id().as_str());
        if given == Some(ValueSource::CommandLine) {
            return Err(foreign(option, of));
        }
    }
    Ok(())
}

fn foreign(option: &Arg, of: &[&str]) -> QueryError {
    let name = format!("--{}", option.get_long().unwrap_or_default());
    let of: Vec<&str> = of.iter().copied().filter(|word| *word != SENTENCES).collect();
    let commands: Vec<String> = of.iter().map(|word| format!("`{word}`")).collect();
    let message = format!("`{name}` is an option of {}", commands.join(" and "));
    let value = if option.get_action().takes_values() { " ..." } else { "" };
    let uses = of.iter().map(|word| format!("`netpol-query {word} {name}{value}`"));
    QueryError::new(ErrorCode::Usage, message).help(uses.collect::<Vec<_>>().join(" or "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_of_commands_says_of_which() {
        let all = Args::command();
        let mut known = 0;
        for option in all.get_arguments() {
            let Some(of) = owners(option) else { continue };
            let id = option.get_id().as_str();
            assert!(!of.is_empty(), "{id}");
            known += usize::from(OWNERS.iter().any(|(name, _)| *name == id));
            let help = option.get_help().map(ToString::to_string).unwrap_or_default();
            for word in of.iter().filter(|word| !matches!(**word, SENTENCES | "test")) {
                assert!(help.contains(&format!("`{word}`")), "{id} of {word}: {help}");
            }
        }
        assert_eq!(known, OWNERS.len() - usize::from(cfg!(not(feature = "enforce"))));
    }
}
