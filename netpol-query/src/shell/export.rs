//! Writes what `export ... to FILE` asks for.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::Path;

use crate::error::{ErrorCode, QueryError};
use crate::execute::{Body, Export};
use crate::render::{self, Options};
use crate::reply::Reply;

/// Writes the file of a reply, if it asks for one, and says what was written.
///
/// A regular file that is there is replaced; anything else that is there is left alone.
pub(crate) fn write(reply: &Reply, options: &Options) -> Option<Result<String, QueryError>> {
    let answer = reply.result.as_ref().ok()?;
    let Body::Export(export) = &answer.body else { return None };
    let path = export.path.as_ref()?;
    Some(file(reply, options, export, path))
}

fn file(
    reply: &Reply,
    options: &Options,
    export: &Export,
    path: &str,
) -> Result<String, QueryError> {
    let wrong = |error: &dyn std::fmt::Display| {
        QueryError::new(ErrorCode::Usage, format!("`{path}` cannot be written: {error}"))
    };
    if fs::metadata(Path::new(path)).is_ok_and(|meta| !meta.is_file()) {
        return Err(wrong(&"it is there and no regular file"));
    }
    let mut out = BufWriter::new(File::create(path).map_err(|e| wrong(&e))?);
    render::exported(&mut out, reply, options).map_err(|e| wrong(&e))?;
    out.flush().map_err(|e| wrong(&e))?;
    let size = export.file.as_ref().map_or_else(|| size(&export.content), |file| bytes(file.len()));
    Ok(format!("wrote {path} ({size})"))
}

fn bytes(n: usize) -> String {
    match n {
        0..10_000 => format!("{n} bytes"),
        10_000..10_000_000 => format!("{} KB", n / 1000),
        _ => format!("{} MB", n / 1_000_000),
    }
}

/// Says how much it is.
fn size(content: &Body) -> String {
    let count = |n: u64, one: &str, several: &str| match n {
        1 => format!("1 {one}"),
        n => format!("{n} {several}"),
    };
    match content {
        Body::Matrix(matrix) => format!("{} × {}", matrix.rows.len(), matrix.columns.len()),
        Body::Policies(rows) => count(rows.len() as u64, "policy", "policies"),
        Body::Report(report) => {
            let parts = report
                .numbers
                .iter()
                .filter(|(what, _)| matches!(*what, "workloads" | "policies" | "flows"));
            parts.map(|(what, n)| format!("{n} {what}")).collect::<Vec<_>>().join(", ")
        }
        Body::Rows { .. } => count(content.len(), "flow", "flows"),
        other => count(other.len(), "row", "rows"),
    }
}
