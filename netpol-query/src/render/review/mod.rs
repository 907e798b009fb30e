//! Remarks about lines of files, in the forms that code review reads: SARIF, annotations of GitHub, code quality of GitLab, `JUnit`.
//!
//! It knows nothing of what the remarks are about: `lint` and `diff` both speak through it.

mod github;
mod gitlab;
mod junit;
mod paths;
mod sarif;

pub(crate) use github::annotation;
pub(crate) use paths::Paths;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Write};

use sha2::{Digest as _, Sha256};

use super::Format;

/// How grave a remark is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// Something must change.
    Error,
    /// Something probably ought to.
    Warning,
    /// Worth knowing.
    Note,
}

impl Level {
    /// Returns SARIF's word.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// A kind of remark, with an id that never changes its meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    /// The id, such as `E01`.
    pub(crate) id: Cow<'static, str>,
    /// What is wrong, in a few words.
    pub(crate) title: Cow<'static, str>,
    /// What to do about such remarks in general.
    pub(crate) help: Cow<'static, str>,
    /// How grave such remarks usually are.
    pub(crate) level: Level,
}

/// Something to be said about a line of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Remark {
    /// Its kind.
    pub(crate) rule: Rule,
    /// How grave this one is.
    pub(crate) level: Level,
    /// What is wrong here, one line.
    pub(crate) message: String,
    /// What to do about it here, one line; empty where there is nothing to say.
    pub(crate) help: String,
    /// The file as it was opened; `None` where the remark belongs to none.
    pub(crate) file: Option<String>,
    /// The line, counted from 1; 0 where none is known.
    pub(crate) line: u32,
    /// What makes it the same remark next time, though lines move: rule, object and what it says, without the line.
    pub(crate) fingerprint: String,
}

/// What is written: all remarks of one run of one command.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Review<'a> {
    /// The command, such as `lint`: it tells the runs of one tool apart.
    pub(crate) command: &'a str,
    /// The remarks, in the order in which they are to be read.
    pub(crate) remarks: &'a [Remark],
    /// Where files stand in the repository.
    pub(crate) paths: &'a Paths,
    /// What is said at the end, where a form has room for it.
    pub(crate) summary: &'a str,
}

/// The forms that a review can take.
pub(crate) const FORMATS: [Format; 4] =
    [Format::Sarif, Format::Github, Format::Gitlab, Format::Junit];

/// Writes a review; formats that are none of its own write nothing.
pub(crate) fn write(out: &mut dyn Write, review: &Review<'_>, format: Format) -> io::Result<()> {
    match format {
        Format::Sarif => sarif::write(out, review),
        Format::Github => github::write(out, review),
        Format::Gitlab => gitlab::write(out, review),
        Format::Junit => junit::write(out, review),
        _ => Ok(()),
    }
}

/// Returns for each remark a fingerprint that does not depend on lines; equal remarks of one file are numbered.
fn fingerprints(review: &Review<'_>) -> Vec<String> {
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    let mut fingerprint = |remark: &Remark| {
        let file = review.paths.uri(remark.file.as_deref());
        let text =
            format!("{}\n{}\n{file}\n{}", review.command, remark.rule.id, remark.fingerprint);
        let hash = Sha256::digest(text.as_bytes());
        let first = hash.first_chunk::<16>().copied().unwrap_or_default();
        let hex = format!("{:032x}", u128::from_be_bytes(first));
        let count = seen.entry(hex.clone()).or_default();
        *count += 1;
        format!("{hex}:{count}")
    };
    review.remarks.iter().map(&mut fingerprint).collect()
}

/// Returns a remark in one text: what is wrong, then what to do.
fn full_text(remark: &Remark, between: &str) -> String {
    if remark.help.is_empty() {
        return remark.message.clone();
    }
    format!("{}{between}{}", remark.message, remark.help)
}
