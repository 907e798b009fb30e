//! The options of `enforce`.

use std::fs::File;
use std::io::Read as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use netpol_enforce::binding::Bindings;
use netpol_enforce::forwarder::Mode;
use netpol_enforce::pipeline::{Established, MidStream, Rules};

use crate::error::{ErrorCode, QueryError};

/// The longest file of bindings, in bytes.
const MAX_BINDINGS: u64 = 64 << 20;

/// What `enforce` is told.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Enforcement")]
pub(crate) struct EnforceArgs {
    /// `enforce`: one interface; frames that arrive on it leave on the other, or are dropped
    #[arg(long = "in", value_name = "IF")]
    pub(super) input: Option<String>,
    /// `enforce`: the other interface; both directions are judged
    #[arg(long = "out", value_name = "IF")]
    pub(super) output_port: Option<String>,
    /// `enforce`: behind which interface a pod, or every pod of a block, stands; repeatable
    #[arg(long, value_name = "POD|CIDR=IF[,MAC]")]
    pub(super) bind: Vec<String>,
    /// `enforce`: a file of such bindings, one a line; repeatable
    #[arg(long, value_name = "FILE")]
    pub(super) bindings: Vec<PathBuf>,
    /// `enforce`: an interface behind which outside addresses stand; repeatable
    #[arg(long, value_name = "IF")]
    pub(super) external: Vec<String>,
    /// `enforce`: drop what policies deny, or only report it
    #[arg(long, value_enum, default_value = "enforce")]
    pub(super) mode: ModeWord,
    /// `enforce`: what becomes of connections that a change of policies denies
    #[arg(long, value_enum, default_value = "revoke")]
    pub(super) established: EstablishedWord,
    /// `enforce`: what becomes of TCP segments of connections that are not known, as after a restart
    #[arg(long, value_enum, default_value = "pickup")]
    pub(super) mid_stream: MidStreamWord,
    /// `enforce`: how many connections are remembered
    #[arg(long, value_name = "COUNT", default_value_t = 262_144, value_parser = clap::value_parser!(u32).range(64..=16_777_216))]
    pub(super) flow_table: u32,
    /// `enforce`: log drops as JSON lines, to a file or to standard error (-)
    #[arg(long, value_name = "FILE")]
    pub(super) log_drops: Option<PathBuf>,
    /// `enforce`: how many lines a second the log may have
    #[arg(long, value_name = "LINES", default_value_t = 100)]
    pub(super) log_rate: u32,
    /// `enforce`: serve counters for Prometheus on a loopback address
    #[arg(long, value_name = "IP:PORT")]
    pub(super) metrics: Option<SocketAddr>,
    /// `enforce`: start without the nft chain that closes the kernel's own path; every other check must hold
    #[arg(long)]
    pub(super) no_chain: bool,
    /// `enforce`: only look for what stands in the way on the interfaces
    #[arg(long)]
    pub(super) check: bool,
}

/// What is done with what policies deny.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ModeWord {
    /// It is dropped
    Enforce,
    /// It passes, and is counted and logged
    Audit,
}

/// What becomes of connections that are denied later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum EstablishedWord {
    /// Their next packet is dropped
    Revoke,
    /// They go on to their end
    Keep,
}

/// What becomes of segments of unknown connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum MidStreamWord {
    /// They are judged in the direction they travel
    Pickup,
    /// They are dropped
    Drop,
}

impl EnforceArgs {
    /// Returns the names of both interfaces.
    pub(super) fn ports(&self) -> Result<[&str; 2], QueryError> {
        let usage = |message: &str| QueryError::new(ErrorCode::Usage, message.to_owned());
        let help = "name both: enforce --in veth-a --out veth-b -f manifests/";
        match (&self.input, &self.output_port) {
            (Some(input), Some(output)) if input == output => {
                Err(usage("--in and --out name the same interface").help(help))
            }
            (Some(input), Some(output)) => Ok([input, output]),
            _ => Err(usage("`enforce` needs two interfaces").help(help)),
        }
    }

    /// Reads all bindings.
    pub(super) fn read_bindings(&self, ports: &[&str]) -> Result<Bindings, QueryError> {
        let usage = |message: String| QueryError::new(ErrorCode::Usage, message);
        let mut bindings = Bindings::default();
        for text in &self.bind {
            bindings.add(text, ports).map_err(|error| usage(format!("--bind {error}")))?;
        }
        for path in &self.bindings {
            let input = |message| QueryError::new(ErrorCode::Input, message);
            let text = read_limited(path).map_err(input)?;
            bindings
                .add_lines(&text, ports)
                .map_err(|(line, error)| input(format!("{}:{line}: {error}", path.display())))?;
        }
        for port in &self.external {
            let added = bindings.add_external(port, ports);
            added.map_err(|why| usage(format!("--external {port}: {why}")))?;
        }
        Ok(bindings)
    }

    /// Returns how frames are judged beside the policies.
    pub(super) fn rules(&self) -> Rules {
        Rules {
            established: match self.established {
                EstablishedWord::Revoke => Established::Revoke,
                EstablishedWord::Keep => Established::Keep,
            },
            mid_stream: match self.mid_stream {
                MidStreamWord::Pickup => MidStream::Pickup,
                MidStreamWord::Drop => MidStream::Drop,
            },
            ..Rules::default()
        }
    }

    /// Returns what is done with what policies deny.
    pub(super) fn forwarding(&self) -> Mode {
        match self.mode {
            ModeWord::Enforce => Mode::Enforce,
            ModeWord::Audit => Mode::Audit,
        }
    }
}

fn read_limited(path: &Path) -> Result<String, String> {
    let mut text = String::new();
    let file = File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let read = file.take(MAX_BINDINGS + 1).read_to_string(&mut text);
    let read = read.map_err(|error| format!("{}: {error}", path.display()))?;
    if read as u64 > MAX_BINDINGS {
        return Err(format!("{}: it is larger than {} MiB", path.display(), MAX_BINDINGS >> 20));
    }
    Ok(text)
}
