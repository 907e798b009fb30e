//! `export`: what is written where, and in which form.

use super::plan::{ExportPlan, Plan, SNAPSHOT_FORM};
use super::scope::Scope;
use crate::error::{ErrorCode, QueryError};
use crate::syntax::Spanned;
use crate::syntax::ast::{Exported, Source};

/// What a file's extension says, as words of `as`.
const EXTENSIONS: [(&str, &str); 14] = [
    (SNAPSHOT_FORM, SNAPSHOT_FORM),
    ("svg", "svg"),
    ("html", "html"),
    ("htm", "html"),
    ("dot", "dot"),
    ("gv", "dot"),
    ("mmd", "mermaid"),
    ("csv", "csv"),
    ("md", "markdown"),
    ("json", "json"),
    ("jsonl", "jsonl"),
    ("yaml", "yaml"),
    ("yml", "yaml"),
    ("txt", "text"),
];

impl Scope<'_> {
    /// Makes the plan of an export; the file's extension must be one that the content can take.
    pub(super) fn export(
        &self,
        what: Exported,
        to: Option<&Spanned<Source>>,
    ) -> Result<Plan, QueryError> {
        let mut plan = ExportPlan {
            what,
            path: None,
            form: default_form(what),
            ask: self.between(None, None, None)?,
        };
        let Some(to) = to else { return Ok(Plan::Export(Box::new(plan))) };
        let usage = |message: String| QueryError::at(ErrorCode::Usage, to.span, message);
        let known: Vec<String> = EXTENSIONS
            .iter()
            .filter(|(_, form)| takes(what, form))
            .map(|(extension, _)| format!(".{extension}"))
            .collect();
        let known = format!("`{what}` can be written to files that end in {}", known.join(", "));
        let path = match &to.node {
            Source::Quoted(path) => path.clone(),
            Source::Bare(path) if path.starts_with("git:") || path.starts_with("dir:") => {
                return Err(usage(format!("`{path}` is no file to write to")).help(known));
            }
            Source::Bare(path) => path.strip_prefix("file:").unwrap_or(path).to_owned(),
        };
        let name = path.rsplit('/').next().unwrap_or_default();
        let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
        let form = EXTENSIONS
            .iter()
            .find(|(own, form)| own.eq_ignore_ascii_case(extension) && takes(what, form));
        let Some((_, form)) = form else {
            let message = match extension {
                "" => format!("`{path}` does not say its form by an extension"),
                extension => format!("`{what}` has no form as .{extension}"),
            };
            return Err(usage(message).help(known));
        };
        plan.path = Some(path);
        plan.form = form;
        Ok(Plan::Export(Box::new(plan)))
    }
}

/// The form of what goes to standard output.
const fn default_form(what: Exported) -> &'static str {
    match what {
        Exported::Graph => "dot",
        Exported::Matrix | Exported::Policies => "csv",
        Exported::Report => "html",
        Exported::Snapshot => SNAPSHOT_FORM,
    }
}

fn takes(what: Exported, form: &str) -> bool {
    match what {
        _ if form == SNAPSHOT_FORM => matches!(what, Exported::Snapshot),
        Exported::Graph => true,
        Exported::Matrix => !matches!(form, "dot" | "mermaid"),
        Exported::Policies | Exported::Snapshot => {
            !matches!(form, "dot" | "mermaid" | "svg" | "html")
        }
        Exported::Report => !matches!(form, "dot" | "mermaid" | "svg" | "csv"),
    }
}
