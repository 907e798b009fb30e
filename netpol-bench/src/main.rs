//! The command line of the bench crate.
#![forbid(unsafe_code)]

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use netpol_bench::Preset;
use netpol_bench::table::{Plan, TableError, print_table};
use netpol_bench::write::{Layout, write_files};
use thiserror::Error;

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
    /// Prints build time, verdicts by id and by name, all pairs on one port and explanations, after the answers of each
    /// cluster were compared with the reference.
    Table {
        /// The shapes, separated by commas.
        #[arg(long, value_delimiter = ',', default_value = "enterprise,live,kano-random,admin")]
        presets: Vec<Preset>,
        /// The numbers of pods, separated by commas.
        #[arg(long, value_delimiter = ',', default_value = "1000,10000")]
        sizes: Vec<u32>,
        /// The seed of clusters and samples.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// How many sampled flows are compared with the reference.
        #[arg(long, default_value_t = 100_000)]
        samples: usize,
    },
}

#[derive(Debug, Error)]
enum Failure {
    #[error(transparent)]
    Write(#[from] io::Error),
    #[error(transparent)]
    Table(#[from] TableError),
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
        Command::Table { presets, sizes, seed, samples } => {
            print_table(&Plan { presets, sizes, seed, samples }, out)?;
        }
    }
    Ok(())
}
