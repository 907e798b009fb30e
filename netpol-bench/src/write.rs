//! Generated clusters as files that any tool can read.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::generate::{Object, generate};
use crate::manifest::manifest;
use crate::preset::Preset;

/// How the objects are laid out in files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// One file `cluster.yaml` of many documents.
    Yaml,
    /// One file for each namespace, and `cluster.yaml` for what has none.
    YamlPerNamespace,
    /// One file `cluster.json`, a `List`.
    Json,
}

impl Layout {
    /// Every layout, in the order of the help text.
    pub const ALL: [Self; 3] = [Self::Yaml, Self::YamlPerNamespace, Self::Json];

    /// Returns the name on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Yaml => "yaml",
            Self::YamlPerNamespace => "yaml-per-namespace",
            Self::Json => "json",
        }
    }
}

impl FromStr for Layout {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = Self::ALL.map(Self::as_str).join(", ");
        let found = Self::ALL.into_iter().find(|l| l.as_str() == name);
        found.ok_or_else(|| format!("no format is called `{name}`; formats: {known}"))
    }
}

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Files.
    pub files: u64,
    /// Objects.
    pub objects: u64,
}

/// Writes a preset into a directory, which is made where it does not exist; files of the same names are replaced.
///
/// # Errors
///
/// Those of the file system.
pub fn write_files(
    preset: Preset,
    pods: u32,
    seed: u64,
    layout: Layout,
    directory: &Path,
) -> io::Result<Written> {
    std::fs::create_dir_all(directory)?;
    let mut written = Written::default();
    match layout {
        Layout::Yaml => {
            let mut file = create(directory, "cluster.yaml", &mut written)?;
            written.objects = write_yaml(preset, pods, seed, &mut file)?;
            file.flush()?;
        }
        Layout::Json => {
            let mut file = create(directory, "cluster.json", &mut written)?;
            written.objects = write_json(preset, pods, seed, &mut file)?;
            file.flush()?;
        }
        Layout::YamlPerNamespace => per_namespace(preset, pods, seed, directory, &mut written)?,
    }
    Ok(written)
}

/// Writes a preset as one stream of YAML documents; returns the number of objects.
///
/// # Errors
///
/// Those of `out`.
pub fn write_yaml(preset: Preset, pods: u32, seed: u64, out: &mut dyn Write) -> io::Result<u64> {
    let mut objects = 0;
    generate(preset, pods, seed, &mut |object| {
        objects += 1;
        document(&object, out)
    })?;
    Ok(objects)
}

/// Writes a preset as one JSON `List`, an item a line; returns the number of objects.
///
/// # Errors
///
/// Those of `out`.
pub fn write_json(preset: Preset, pods: u32, seed: u64, out: &mut dyn Write) -> io::Result<u64> {
    let mut objects = 0_u64;
    out.write_all(b"{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[")?;
    generate(preset, pods, seed, &mut |object| {
        out.write_all(if objects == 0 { b"\n" } else { b",\n" })?;
        objects += 1;
        serde_json::to_writer(&mut *out, &manifest(&object)).map_err(io::Error::from)
    })?;
    out.write_all(b"\n]}\n")?;
    Ok(objects)
}

fn document(object: &Object, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(b"---\n")?;
    serde_yaml::to_writer(out, &manifest(object)).map_err(io::Error::other)
}

/// Objects come namespace by namespace, so one file is open at a time beside the cluster's.
fn per_namespace(
    preset: Preset,
    pods: u32,
    seed: u64,
    directory: &Path,
    written: &mut Written,
) -> io::Result<()> {
    let mut cluster = create(directory, "cluster.yaml", written)?;
    let mut current: Option<BufWriter<File>> = None;
    generate(preset, pods, seed, &mut |object| {
        written.objects += 1;
        if let Object::Namespace(spec) = &object {
            if let Some(mut done) = current.take() {
                done.flush()?;
            }
            current = Some(create(directory, &format!("{}.yaml", spec.name), written)?);
        }
        match &mut current {
            Some(file) if is_namespaced(&object) => document(&object, file),
            _ => document(&object, &mut cluster),
        }
    })?;
    if let Some(mut done) = current {
        done.flush()?;
    }
    cluster.flush()
}

fn is_namespaced(object: &Object) -> bool {
    match object {
        Object::Node(_) => false,
        Object::Policy(draft) => draft.namespace.is_some(),
        Object::Namespace(_) | Object::Workload(_) | Object::Pod(_) => true,
    }
}

fn create(directory: &Path, name: &str, written: &mut Written) -> io::Result<BufWriter<File>> {
    written.files += 1;
    let path: PathBuf = directory.join(name);
    let named = |e: io::Error| io::Error::new(e.kind(), format!("{}: {e}", path.display()));
    Ok(BufWriter::with_capacity(1 << 20, File::create(&path).map_err(named)?))
}
