//! The command line of the bench crate.
#![forbid(unsafe_code)]

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use netpol_bench::Preset;
use netpol_bench::write::{Layout, write_files};

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

fn run(arguments: Arguments, out: &mut dyn Write) -> io::Result<()> {
    match arguments.command {
        Command::Generate { preset, pods, seed, format, out: directory } => {
            let pods = pods.unwrap_or(preset.default_pods());
            let written = write_files(preset, pods, seed, format, &directory)?;
            let (objects, files) = (written.objects, written.files);
            writeln!(
                out,
                "{preset}: {objects} objects in {files} files under {}",
                directory.display()
            )
        }
    }
}
