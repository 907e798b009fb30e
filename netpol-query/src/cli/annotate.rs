//! `replay --annotate FILE`: the frames of captures as one pcapng file, each that is not allowed with the reason beside it.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use netpol_core::model::Verdict;
use netpol_core::reach::Snapshot;
use netpol_enforce::replay::{Annotated, FlowRow, Judged, Outcome, Said};

use crate::error::{ErrorCode, QueryError};
use crate::execute::{Names, judged, replay_row};
use crate::render::replay as render;

/// A file that is being written.
pub(super) struct Annotation<'s> {
    path: PathBuf,
    file: Annotated<BufWriter<File>>,
    snapshot: &'s Snapshot,
    names: Names<'s>,
    /// What is said of the frames of each flow.
    comments: HashMap<usize, Option<String>>,
    failure: Option<io::Error>,
}

impl<'s> Annotation<'s> {
    /// Begins a file, which must be none of the captures that are read.
    pub(super) fn new(
        path: &Path,
        captures: &[PathBuf],
        snapshot: &'s Snapshot,
    ) -> Result<Self, QueryError> {
        let wrong = |why: &dyn std::fmt::Display| {
            QueryError::new(
                ErrorCode::Usage,
                format!("{} cannot be written: {why}", path.display()),
            )
        };
        let real = |path: &Path| fs::canonicalize(path).ok();
        if real(path).is_some_and(|own| captures.iter().any(|c| real(c).as_ref() == Some(&own))) {
            return Err(wrong(&"it is a capture that is read").help("name another file"));
        }
        if fs::metadata(path).is_ok_and(|meta| !meta.is_file()) {
            return Err(wrong(&"it is there and no regular file"));
        }
        let file = File::create(path).map_err(|error| wrong(&error))?;
        let file = Annotated::new(BufWriter::new(file)).map_err(|error| wrong(&error))?;
        let (names, comments) = (Names::new(snapshot.cluster()), HashMap::new());
        Ok(Self { path: path.to_owned(), file, snapshot, names, comments, failure: None })
    }

    /// Writes a frame. What goes wrong is told at the end.
    pub(super) fn frame(&mut self, frame: &Judged<'_>) {
        if self.failure.is_some() {
            return;
        }
        let own;
        let comment = match frame.said {
            Said::Neighbour => None,
            Said::NotJudged(why) => {
                own = render::not_judged(why.into());
                Some(own.as_str())
            }
            Said::LeftOut(outcome) => {
                own = left_out(outcome);
                Some(own.as_str()).filter(|text| !text.is_empty())
            }
            Said::Flow(number, flow) => {
                let Self { comments, names, snapshot, .. } = self;
                let comment =
                    comments.entry(number).or_insert_with(|| of_flow(names, snapshot, flow));
                comment.as_deref()
            }
        };
        self.failure = self.file.frame(frame, comment).err();
    }

    /// Ends the file.
    pub(super) fn finish(self) -> Result<(), QueryError> {
        let Self { path, file, failure, .. } = self;
        let ended = failure.map_or_else(|| file.finish().flush(), Err);
        ended.map_err(|error| {
            let message = format!("{} cannot be written: {error}", path.display());
            QueryError::new(ErrorCode::Usage, message)
        })
    }

    /// Takes back what was written of captures that are refused: no part is passed off as the whole.
    pub(super) fn discard(self) {
        drop(fs::remove_file(&self.path));
    }
}

/// Says what becomes of the frames of a flow and why; nothing where they are allowed.
fn of_flow(names: &mut Names<'_>, snapshot: &Snapshot, flow: &FlowRow) -> Option<String> {
    match judged(flow) {
        Ok(Verdict::Allow) => None,
        Err(why) => Some(render::not_judged(why)),
        Ok(verdict) => {
            let row = names.row(replay_row(snapshot, flow));
            Some(format!("{}: {}", verdict.as_str(), render::reason(&row)))
        }
    }
}

fn left_out(outcome: Outcome) -> String {
    match outcome {
        Outcome::Judged(Verdict::Allow) => String::new(),
        Outcome::Judged(verdict) => verdict.as_str().to_owned(),
        Outcome::NotJudged(why) => render::not_judged(why.into()),
    }
}
