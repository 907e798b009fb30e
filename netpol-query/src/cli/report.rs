//! The report of `test`: as text, JSON, `JUnit`, TAP and annotations of GitHub.

use std::io::{self, Write};
use std::time::Duration;

use crate::execute::{Answer, Body, Exit};
use crate::render::review::annotation;
use crate::render::{self, Format, Options, Palette, xml};
use crate::reply::Reply;

/// How a sentence fared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    /// What ought to hold holds.
    Pass,
    /// It does not.
    Fail,
    /// It does not, and that is only a warning.
    Warn,
    /// The input does not tell.
    Unknown,
    /// The sentence is wrong.
    Error,
}

impl Status {
    const fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "FAIL",
            Self::Warn => "WARN",
            Self::Unknown => "UNKNOWN",
            Self::Error => "ERROR",
        }
    }

    const fn is_bad(self) -> bool {
        matches!(self, Self::Fail | Self::Unknown | Self::Error)
    }
}

/// A sentence that expects something.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) file: String,
    pub(super) reply: Reply,
    pub(super) status: Status,
}

/// What came of contract files.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) cases: Vec<Case>,
    /// Files that expect nothing.
    pub(super) empty: Vec<String>,
    pub(super) elapsed: Duration,
}

impl Case {
    fn place(&self) -> String {
        format!("{}:{}", self.file, self.reply.line)
    }

    fn name(&self) -> String {
        match &self.reply.test {
            Some(test) => format!("{test}: {}", self.reply.query),
            None => self.reply.query.clone(),
        }
    }

    /// Says what was found instead of what was expected.
    fn found(&self) -> String {
        match &self.reply.result {
            Err(error) => match &error.help {
                Some(help) => format!("{}; {help}", error.message),
                None => error.message.clone(),
            },
            Ok(Answer { body: Body::Expectation(expectation), .. }) => {
                let because = expectation.because.as_ref();
                let because =
                    because.map_or_else(String::new, |b| format!("; expected because: {b}"));
                format!("{}{because}", expectation.found)
            }
            Ok(_) => String::new(),
        }
    }
}

impl Report {
    /// Returns how the run ends: mistakes, then failures, then unknowns.
    pub(super) fn exit(&self) -> Exit {
        let has = |status| self.cases.iter().any(|c| c.status == status);
        if has(Status::Error) || !self.empty.is_empty() {
            Exit::Wrong
        } else if has(Status::Fail) {
            Exit::No
        } else if has(Status::Unknown) {
            Exit::Unknown
        } else {
            Exit::Yes
        }
    }

    fn count(&self, status: Status) -> usize {
        self.cases.iter().filter(|c| c.status == status).count()
    }

    /// Writes the report.
    pub(super) fn write(
        &self,
        out: &mut dyn Write,
        format: Format,
        palette: &Palette,
    ) -> io::Result<()> {
        match format {
            Format::Json | Format::Jsonl => self.json(out, format),
            Format::Junit => self.junit(out),
            Format::Tap => self.tap(out),
            Format::Github => self.github(out),
            _ => self.text(out, palette),
        }
    }

    fn text(&self, out: &mut dyn Write, palette: &Palette) -> io::Result<()> {
        let options = Options {
            format: Format::Text,
            palette: *palette,
            width: None,
            explain: false,
            elapsed_us: None,
        };
        for case in &self.cases {
            let style = match case.status {
                Status::Pass => palette.good,
                Status::Fail | Status::Error => palette.bad,
                Status::Warn | Status::Unknown => palette.doubt,
            };
            let word = Palette::paint(style, case.status.word());
            writeln!(out, "{word} {} {}", Palette::paint(palette.dim, &case.place()), case.name())?;
            match (&case.reply.result, case.status) {
                (_, Status::Pass) => {}
                (Err(error), _) => {
                    write!(out, "{}", render::error_text(&case.reply.query, error, palette))?;
                }
                (Ok(_), _) => {
                    let mut body = Vec::new();
                    render::reply(&mut body, &case.reply, &options)?;
                    let body = String::from_utf8_lossy(&body);
                    body.lines().skip(1).try_for_each(|line| writeln!(out, "{line}"))?;
                }
            }
        }
        for file in &self.empty {
            writeln!(out, "{} {file} expects nothing", Palette::paint(palette.bad, "ERROR"))?;
        }
        self.summary(out)
    }

    fn summary(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut parts = vec![format!("{} passed", self.count(Status::Pass))];
        for (status, word) in [
            (Status::Fail, "failed"),
            (Status::Warn, "warned"),
            (Status::Unknown, "unknown"),
            (Status::Error, "wrong"),
        ] {
            let count = self.count(status);
            if count > 0 || status == Status::Fail {
                parts.push(format!("{count} {word}"));
            }
        }
        writeln!(out, "{}", parts.join(", "))
    }

    fn json(&self, out: &mut dyn Write, format: Format) -> io::Result<()> {
        let options = Options {
            format,
            palette: Palette::default(),
            width: None,
            explain: false,
            elapsed_us: None,
        };
        for case in &self.cases {
            render::reply(out, &case.reply, &options)?;
        }
        Ok(())
    }

    fn junit(&self, out: &mut dyn Write) -> io::Result<()> {
        let bad = self.count(Status::Fail) + self.count(Status::Unknown);
        writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
        writeln!(
            out,
            "<testsuites tests=\"{}\" failures=\"{bad}\" errors=\"{}\" time=\"{:.3}\">",
            self.cases.len(),
            self.count(Status::Error) + self.empty.len(),
            self.elapsed.as_secs_f64()
        )?;
        for group in self.cases.chunk_by(|a, b| a.file == b.file) {
            let Some(first) = group.first() else { continue };
            writeln!(out, "  <testsuite name=\"{}\" tests=\"{}\">", xml(&first.file), group.len())?;
            group.iter().try_for_each(|case| junit_case(out, case))?;
            writeln!(out, "  </testsuite>")?;
        }
        for file in &self.empty {
            let file = xml(file);
            writeln!(
                out,
                "  <testsuite name=\"{file}\" tests=\"1\"><testcase name=\"{file}\"><error message=\"the file expects nothing\"/></testcase></testsuite>"
            )?;
        }
        writeln!(out, "</testsuites>")
    }

    fn tap(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "TAP version 14\n1..{}", self.cases.len() + self.empty.len())?;
        for (i, case) in self.cases.iter().enumerate() {
            let ok = if case.status.is_bad() { "not ok" } else { "ok" };
            let todo = if case.status == Status::Warn { " # TODO warning" } else { "" };
            let name = case.name().replace('#', "\\#").replace('\n', " ");
            writeln!(out, "{ok} {} - {name}{todo}", i + 1)?;
            if case.status != Status::Pass {
                let message = case.found().replace('"', "'");
                writeln!(
                    out,
                    "  ---\n  at: \"{}\"\n  message: \"{message}\"\n  ...",
                    case.place()
                )?;
            }
        }
        for (i, file) in self.empty.iter().enumerate() {
            writeln!(out, "not ok {} - {file} expects nothing", self.cases.len() + i + 1)?;
        }
        Ok(())
    }

    /// Writes annotations (workflow commands) for what did not pass.
    fn github(&self, out: &mut dyn Write) -> io::Result<()> {
        for case in self.cases.iter().filter(|c| c.status != Status::Pass) {
            let level = if case.status == Status::Warn { "warning" } else { "error" };
            let message = format!("{}: {}", case.name(), case.found());
            writeln!(
                out,
                "::{level} file={},line={}::{}",
                annotation(&case.file).replace(',', "%2C").replace(':', "%3A"),
                case.reply.line,
                annotation(&message)
            )?;
        }
        for file in &self.empty {
            writeln!(out, "::error file={}::the file expects nothing", annotation(file))?;
        }
        self.summary(out)
    }
}

fn junit_case(out: &mut dyn Write, case: &Case) -> io::Result<()> {
    let class = case.reply.test.as_deref().unwrap_or(&case.file);
    let open = format!(
        "    <testcase classname=\"{}\" name=\"{}\" file=\"{}\" line=\"{}\"",
        xml(class),
        xml(&case.reply.query),
        xml(&case.file),
        case.reply.line
    );
    let message = xml(&case.found());
    match case.status {
        Status::Pass => writeln!(out, "{open}/>"),
        Status::Fail => writeln!(out, "{open}><failure message=\"{message}\"/></testcase>"),
        Status::Unknown => {
            writeln!(out, "{open}><failure type=\"unknown\" message=\"{message}\"/></testcase>")
        }
        Status::Warn => writeln!(out, "{open}><system-out>{message}</system-out></testcase>"),
        Status::Error => writeln!(out, "{open}><error message=\"{message}\"/></testcase>"),
    }
}
