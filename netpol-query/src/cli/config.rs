//! `.netpol-query.toml`: what a project decides about lint. Nothing in it changes a verdict.

use std::collections::BTreeMap;

use std::path::{Path, PathBuf};

use netpol_core::lint::{Accepted, LintOptions, RULES, Severity, find_rule};
use serde::Deserialize;

use crate::bounded;
use crate::error::{ErrorCode, QueryError};

/// The name of the file.
const NAME: &str = ".netpol-query.toml";
/// The longest configuration, in bytes.
const MAX_FILE: u64 = 1 << 20;

/// What the configuration says.
#[derive(Clone, Debug, Default)]
pub(super) struct Config {
    /// How findings are judged.
    pub(super) lint: LintOptions,
    /// From which severity findings fail; `None` where it does not say.
    pub(super) fail_on: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Raw {
    #[serde(default)]
    lint: RawLint,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawLint {
    fail_on: Option<String>,
    whole_cluster: Option<bool>,
    #[serde(default)]
    severity: BTreeMap<String, String>,
    #[serde(default)]
    ignore: Vec<RawIgnore>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawIgnore {
    ids: Vec<String>,
    object: Option<String>,
    reason: String,
}

/// Reads the configuration that the command line names, else the nearest one at or above the current directory.
pub(super) fn load(given: Option<&Path>, current: Option<&Path>) -> Result<Config, QueryError> {
    let found = || {
        let mut folders = current?.ancestors();
        folders.find_map(|folder| Some(folder.join(NAME)).filter(|path| path.is_file()))
    };
    let Some(path) = given.map(PathBuf::from).or_else(found) else { return Ok(Config::default()) };
    let shown = path.display();
    let text = bounded::file(&path, MAX_FILE)?;
    parse(&text).map_err(|(line, message, help)| {
        let at = line.map_or_else(|| shown.to_string(), |line| format!("{shown}:{line}"));
        QueryError::new(ErrorCode::Input, format!("{at}: {message}")).maybe_help(help)
    })
}

type Wrong = (Option<usize>, String, Option<String>);

fn parse(text: &str) -> Result<Config, Wrong> {
    let raw: Raw = toml::from_str(text).map_err(|error| {
        let line = error
            .span()
            .map(|span| text.get(..span.start).unwrap_or_default().matches('\n').count() + 1);
        let message = error.message().lines().next().unwrap_or_default().to_owned();
        (line, message, None)
    })?;
    let RawLint { fail_on, whole_cluster, severity, ignore } = raw.lint;
    let line = |word: &str| {
        text.lines()
            .position(|line| !line.trim_start().starts_with('#') && line.contains(word))
            .map(|at| at + 1)
    };
    let mut lint = LintOptions { whole_cluster, ..LintOptions::default() };
    for (id, word) in severity {
        known(&id).map_err(|(message, help)| (line(&id), message, help))?;
        let severity = severity_or(&word, "off").map_err(|message| {
            let help = "it is error, warning, info or off".to_owned();
            (line(&id), message, Some(help))
        })?;
        lint.severities.insert(id, severity);
    }
    for RawIgnore { ids, object, reason } in ignore {
        for id in &ids {
            known(id).map_err(|(message, help)| (line(id), message, help))?;
        }
        if ids.is_empty() && object.is_none() {
            let message = "[[lint.ignore]] names neither a rule nor an object".to_owned();
            let help = "turn rules off with `[lint.severity]`".to_owned();
            return Err((line("lint.ignore"), message, Some(help)));
        }
        lint.accepted.push(Accepted { ids, object, reason });
    }
    if let Some(Err(message)) = fail_on.as_deref().map(threshold) {
        let message = format!("fail-on: {message}");
        return Err((line("fail-on"), message, Some(FAIL_ON.to_owned())));
    }
    Ok(Config { lint, fail_on })
}

/// Reads a severity, or a word for none; says what is wrong with other words.
fn severity_or(word: &str, none: &str) -> Result<Option<Severity>, String> {
    if word == none {
        return Ok(None);
    }
    Severity::of_word(word).map(Some).ok_or_else(|| format!("`{word}` is no severity"))
}

/// What `--fail-on` may say.
pub(super) const FAIL_ON: &str = "it is error, warning, info or none";

/// Reads `--fail-on`: a severity, or `none`.
pub(super) fn threshold(word: &str) -> Result<Option<Severity>, String> {
    severity_or(word, "none")
}

fn known(id: &str) -> Result<(), (String, Option<String>)> {
    if find_rule(id).is_some() {
        return Ok(());
    }
    let near = RULES.iter().find(|r| r.id.eq_ignore_ascii_case(id));
    let help = near.map_or_else(
        || "rules are E01 to E34, AT1 to AT12 and Y1 to Y6".to_owned(),
        |near| format!("did you mean `{}`?", near.id),
    );
    Err((format!("lint has no rule `{id}`"), Some(help)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_sets_severities_and_accepts_findings() {
        let text = "[lint]\nfail-on = \"warning\"\nwhole-cluster = true\n\n[lint.severity]\nE15 = \"off\"\nE10 = \"error\"\n\n\
                    [[lint.ignore]]\nids = [\"E13\"]\nobject = \"shop/networkpolicy/*\"\nreason = \"tidied up later\"\n";
        let config = parse(text).unwrap();
        assert_eq!(config.fail_on.as_deref(), Some("warning"));
        assert_eq!(config.lint.severities["E15"], None);
        assert_eq!(config.lint.severities["E10"], Some(Severity::Error));
        assert_eq!(config.lint.accepted[0].object.as_deref(), Some("shop/networkpolicy/*"));
        assert_eq!(config.lint.whole_cluster, Some(true));
    }

    #[test]
    fn what_it_does_not_know_is_refused_with_its_line() {
        let wrong = |text: &str| parse(text).unwrap_err();
        assert_eq!(wrong("[lint]\nfial-on = \"error\"\n").0, Some(2));
        let (line, message, help) = wrong("[lint.severity]\ne10 = \"off\"\n");
        assert_eq!((line, message.as_str()), (Some(2), "lint has no rule `e10`"));
        assert_eq!(help.as_deref(), Some("did you mean `E10`?"));
        assert_eq!(wrong("[lint.severity]\nE10 = \"fatal\"\n").1, "`fatal` is no severity");
        assert!(wrong("[lint]\nfail-on = \"all\"\n").1.contains("`all` is no severity"));
        assert!(wrong("[[lint.ignore]]\nids = []\nreason = \"x\"\n").1.contains("neither"));
        assert!(wrong("[[lint.ignore]]\nids = [\"E10\"]\n").1.contains("reason"));
    }
}
