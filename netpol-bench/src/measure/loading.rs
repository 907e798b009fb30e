//! T1, T8 and the memory of loading: files are written, read, and asked about by the whole program.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use netpol_core::sources::{LoadOptions, Loaded, Source, archive, load};

use super::{MeasureError, Notebook, Settings};
use crate::memory;
use crate::naive::{beginning, read_full_structs};
use crate::operation::Operation;
use crate::row::{Figure, as_f64};
use crate::stopwatch::{Stopwatch, median};
use crate::write::{Layout, write_files};

/// So many pods are read by plain `serde_json`: its rate does not depend on their number.
const PLAINLY_READ_PODS: u32 = 5_000;
/// So much of a stream is read by plain `serde_yaml`, in bytes: its rate does not depend on the size.
const PLAINLY_READ: usize = 16 << 20;

pub(super) fn measure(settings: &Settings, notes: &mut Notebook) -> Result<(), MeasureError> {
    if settings.pods > settings.load_up_to {
        let why =
            format!("files above {} pods are not written (--load-up-to)", settings.load_up_to);
        notes.leave_out("T1, T8 and the memory of loading", &why);
        return Ok(());
    }
    let directory = tempfile::tempdir()?;
    let write = |layout: Layout| -> Result<PathBuf, MeasureError> {
        let path = directory.path().join(layout.as_str());
        write_files(settings.preset, settings.pods, settings.seed, layout, &path)?;
        Ok(path)
    };
    let yaml = write(Layout::Yaml)?;
    let bytes = size(&yaml)?;
    let plain = plain_rate(&yaml.join("cluster.yaml"))?;
    let figure = time(&yaml, Operation::LoadYaml, bytes)?;
    notes.add(figure.against("serde_yaml into full structs", as_f64(bytes) / plain));
    peak(&yaml, bytes, Operation::LoadPeakYaml, notes)?;
    program(&yaml, notes)?;
    let archived = snapshot_file(&yaml, directory.path())?;
    std::fs::remove_dir_all(&yaml)?;
    notes.add(time(&archived, Operation::LoadSnapshot, std::fs::metadata(&archived)?.len())?);
    std::fs::remove_file(&archived)?;
    let plain = plain_json_rate(settings, &directory.path().join("small"))?;
    let json = write(Layout::Json)?;
    let bytes = size(&json)?;
    let figure = time(&json, Operation::LoadJson, bytes)?;
    notes.add(figure.against("serde_json into values", as_f64(bytes) / plain));
    peak(&json, bytes, Operation::LoadPeakJson, notes)?;
    std::fs::remove_dir_all(&json)?;
    let files = write(Layout::YamlPerNamespace)?;
    notes.add(time(&files, Operation::LoadYamlFiles, size(&files)?)?);
    Ok(())
}

/// Writes what a directory holds as a snapshot file.
fn snapshot_file(from: &Path, directory: &Path) -> Result<PathBuf, MeasureError> {
    let Loaded { cluster, diagnostics, completed, .. } = read(from)?;
    let bytes =
        archive::write(&cluster, &diagnostics, &completed).map_err(MeasureError::Manifest)?;
    let path = directory.join("cluster.snapshot");
    std::fs::write(&path, bytes)?;
    Ok(path)
}

fn size(directory: &Path) -> std::io::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(directory)? {
        bytes += entry?.metadata()?.len();
    }
    Ok(bytes)
}

fn read(path: &Path) -> Result<Loaded, MeasureError> {
    let loaded = load(&[Source::Path(path.to_owned())], &LoadOptions::default());
    let first = loaded.errors().next().map(ToString::to_string);
    first.map_or(Ok(loaded), |error| Err(MeasureError::Manifest(error)))
}

fn time(path: &Path, operation: Operation, bytes: u64) -> Result<Figure, MeasureError> {
    read(path)?;
    let runs = if bytes > 100_000_000 { 1 } else { 3 };
    let at_least = Duration::from_millis(if runs == 1 { 0 } else { 300 });
    let time = median(runs, at_least, || read(path));
    Ok(Figure { input_bytes: Some(bytes), ..Figure::new(operation, time.as_secs_f64()) })
}

/// Bytes a second of the plain reader.
fn plain_rate(path: &Path) -> Result<f64, MeasureError> {
    let whole = std::fs::read(path)?;
    let text = std::str::from_utf8(&whole).map_err(|e| MeasureError::Manifest(e.to_string()))?;
    let text = beginning(text, PLAINLY_READ);
    let watch = Stopwatch::start();
    read_full_structs(text).map_err(|e| MeasureError::Manifest(e.to_string()))?;
    Ok(as_f64(text.len() as u64) / watch.elapsed().as_secs_f64())
}

/// Bytes a second of `serde_json` into its own values, on a list of some pods of the same shape.
fn plain_json_rate(settings: &Settings, directory: &Path) -> Result<f64, MeasureError> {
    let pods = settings.pods.min(PLAINLY_READ_PODS);
    write_files(settings.preset, pods, settings.seed, Layout::Json, directory)?;
    let mut rate = 0.0;
    for entry in std::fs::read_dir(directory)? {
        let bytes = std::fs::read(entry?.path())?;
        let read = || serde_json::from_slice::<serde_json::Value>(&bytes).is_ok();
        let time = median(3, Duration::ZERO, read);
        rate = as_f64(bytes.len() as u64) / time.as_secs_f64();
    }
    std::fs::remove_dir_all(directory)?;
    Ok(rate)
}

/// Loading in a new process, whose memory is its own.
fn peak(
    path: &Path,
    bytes: u64,
    operation: Operation,
    notes: &mut Notebook,
) -> Result<(), MeasureError> {
    let own = std::env::current_exe()?;
    let output = Command::new(own).arg("peak-of-loading").arg(path).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    match text.trim().parse::<u64>() {
        Ok(most) if output.status.success() => {
            let figure = Figure::new(operation, as_f64(most) / as_f64(bytes.max(1)));
            notes.add(Figure { input_bytes: Some(bytes), ..figure });
        }
        _ => notes.leave_out(operation.title(), String::from_utf8_lossy(&output.stderr).trim()),
    }
    Ok(())
}

/// Loads a path and returns how much memory that took beside what the process had, in bytes.
///
/// # Errors
///
/// [`MeasureError::Manifest`] where something cannot be read, or the system does not tell the memory of a process.
pub fn peak_of_loading(path: &Path) -> Result<u64, MeasureError> {
    let before = memory::resident();
    let loaded = Arc::new(read(path)?);
    let most = memory::peak();
    drop(loaded);
    let told = before.zip(most).map(|(before, most)| most.saturating_sub(before));
    told.ok_or_else(|| {
        MeasureError::Manifest("this system does not tell the memory of a process".to_owned())
    })
}

/// The program beside this one, from its start to its answer.
fn program(path: &Path, notes: &mut Notebook) -> Result<(), MeasureError> {
    let own = std::env::current_exe()?;
    let program = own.with_file_name(format!("netpol-query{}", std::env::consts::EXE_SUFFIX));
    if !program.is_file() {
        let why =
            "netpol-query is not built beside netpol-bench (cargo build --release -p netpol-query)";
        notes.leave_out(Operation::Program.title(), why);
        return Ok(());
    }
    let once = || {
        let mut command = Command::new(&program);
        command.arg("-f").arg(path).arg("list namespaces").stdout(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    if !once() {
        notes
            .leave_out(Operation::Program.title(), "netpol-query did not answer `list namespaces`");
        return Ok(());
    }
    let time = median(3, Duration::ZERO, once);
    notes.add(Figure::new(Operation::Program, time.as_secs_f64()));
    Ok(())
}
