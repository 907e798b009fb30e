//! The command line of the bench crate.
#![forbid(unsafe_code)]

use std::io::{self, IsTerminal as _, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use netpol_bench::Preset;
use netpol_bench::measure::{MeasureError, Settings, measure, peak_of_loading};
use netpol_bench::table::{self, Plan, TableError};
use netpol_bench::write::{Layout, write_files};
use thiserror::Error;

/// As in the program `netpol-query`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Makes synthetic clusters and measures netpol-core on them.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Writes a cluster: the same bytes for the same preset, size and seed.
    Generate {
        /// The shape: enterprise, kube-burner, redhat-240, cilium-netpol, antrea-xl, antrea-one-ns, calico-saas,
        /// kano-random, live, open, templates, dual or admin.
        #[arg(long)]
        preset: Preset,
        /// The number of pods; without it, the size under which the shape is known.
        #[arg(long)]
        pods: Option<u32>,
        /// The seed of everything that is drawn.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// yaml, yaml-per-namespace or json.
        #[arg(long, default_value = "yaml")]
        format: Layout,
        /// The directory that is written into.
        #[arg(long)]
        out: PathBuf,
    },
    /// Measures loading, build, verdicts, all pairs, explanations, changes and memory, after the answers of each cluster were
    /// compared with the reference; prints the table and writes it as text, JSON and SVG.
    Table {
        /// The shapes, separated by commas; all of them by default.
        #[arg(long, value_delimiter = ',')]
        presets: Vec<Preset>,
        /// The numbers of pods, separated by commas.
        #[arg(long, value_delimiter = ',', default_value = "1000,10000,100000,150000")]
        sizes: Vec<u32>,
        /// The seed of clusters and samples.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// How many sampled flows are compared with the reference.
        #[arg(long, default_value_t = 100_000)]
        samples: usize,
        /// The most pods of a cluster whose files are written and loaded; a million pods take some 7 GB of disk.
        #[arg(long, default_value_t = 150_000)]
        load_up_to: u32,
        /// The directory that table.txt, table.json and table.svg are written into.
        #[arg(long, default_value = "target/netpol-bench")]
        out: PathBuf,
    },
    /// Measures one cluster and prints its figures as JSON: what `table` runs for each.
    #[command(hide = true)]
    Row {
        /// The shape.
        #[arg(long)]
        preset: Preset,
        /// The number of pods.
        #[arg(long)]
        pods: u32,
        /// The seed.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Flows that are compared with the reference.
        #[arg(long, default_value_t = 100_000)]
        samples: usize,
        /// The most pods of a cluster whose files are loaded.
        #[arg(long, default_value_t = 150_000)]
        load_up_to: u32,
    },
    /// Loads a path and prints how many bytes of memory that took.
    #[command(hide = true)]
    PeakOfLoading {
        /// What is loaded.
        path: PathBuf,
    },
}

#[derive(Debug, Error)]
enum Failure {
    #[error(transparent)]
    Write(#[from] io::Error),
    #[error(transparent)]
    Table(#[from] TableError),
    #[error(transparent)]
    Measure(#[from] MeasureError),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments, &mut io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Where standard error is closed too, the exit code is all that is left to say it.
            writeln!(io::stderr(), "error: {error}")
                .map_or(ExitCode::FAILURE, |()| ExitCode::from(2))
        }
    }
}

fn run(arguments: Arguments, out: &mut dyn Write) -> Result<(), Failure> {
    match arguments.command {
        Command::Generate { preset, pods, seed, format, out: directory } => {
            let pods = pods.unwrap_or(preset.default_pods());
            let written = write_files(preset, pods, seed, format, &directory)?;
            let (objects, files) = (written.objects, written.files);
            let directory = directory.display();
            writeln!(out, "{preset}: {objects} objects in {files} files under {directory}")?;
        }
        Command::Table { presets, sizes, seed, samples, load_up_to, out: directory } => {
            let presets = if presets.is_empty() { Preset::ALL.to_vec() } else { presets };
            let plan = Plan { presets, sizes, seed, samples, load_up_to };
            let table = table::measure(&plan, &mut say)?;
            table::print(&table, out)?;
            table::write(&table, &directory)?;
            say(&format!("written to {}", directory.display()));
        }
        Command::Row { preset, pods, seed, samples, load_up_to } => {
            let row = measure(&Settings { preset, pods, seed, samples, load_up_to })?;
            serde_json::to_writer(&mut *out, &row).map_err(io::Error::from)?;
        }
        Command::PeakOfLoading { path } => writeln!(out, "{}", peak_of_loading(&path)?)?,
    }
    Ok(())
}

/// Tells of progress, where somebody looks.
fn say(what: &str) {
    let mut err = io::stderr();
    if err.is_terminal() {
        // Progress that cannot be shown is no reason to stop.
        writeln!(err, "{what}").unwrap_or(());
    }
}
