//! `netpol-query replay` on the six policies, with captures that the tests make.

mod outputs;
mod refusals;
mod trace;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::program::{Ran, program};

/// The top of the repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// A file that is removed with the value.
struct TempFile(PathBuf);

impl TempFile {
    fn new(name: &str, bytes: &[u8]) -> Self {
        // Tests run side by side.
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("netpol-query-replay-{}-{number}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, bytes).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).unwrap();
    }
}

/// Judges a capture by the six policies; names of files read as from the top of the repository.
fn replay(name: &str, capture: &[u8], args: &[&str]) -> Ran {
    let file = TempFile::new(name, capture);
    let policies = root().join("examples/six-policies");
    let own = ["-f", policies.to_str().unwrap(), "replay", file.path()];
    let args: Vec<&str> = own.iter().chain(args).copied().collect();
    let mut ran = program(&args, "");
    let top = format!("{}/", root().display());
    for text in [&mut ran.out, &mut ran.err] {
        *text = text.replace(&top, "").replace(file.path(), name);
    }
    ran
}
