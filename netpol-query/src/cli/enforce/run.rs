//! Puts the datapath together, runs it until a signal ends it, and says what it did.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use netpol_enforce::Tick;
use netpol_enforce::afpacket::{Admission, AfPacket, Keep, OpenOptions, drop_privileges};
use netpol_enforce::drop_log::{DropLog, Dropped};
use netpol_enforce::flow::{FlowLimits, FragLimits};
use netpol_enforce::forwarder::{Forwarder, Mode, Shared};
use netpol_enforce::metrics;
use netpol_enforce::pipeline::Tables;
use netpol_enforce::policies::{Policies, Sides};
use netpol_enforce::preflight::{self, Finding, Severity};
use netpol_enforce::report::Report;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};

use super::super::args::Invocation;
use super::super::color::Console;
use super::super::{Streams, Surroundings, input};
use super::options::EnforceArgs;
use super::reload::{Manifests, Reloader, Wanted};
use crate::error::{ErrorCode, QueryError};
use crate::execute::Exit;
use crate::render::{Format, Palette};

/// How long the loop waits for a frame before it looks at signals; a signal ends the wait.
const WAIT: Duration = Duration::from_millis(500);
/// How many lines of the log wait to be written.
const WAITING_LINES: usize = 4096;
/// Originators beyond the pods that are there at the start.
const MORE_OWNERS: u32 = 4096;

/// Enforces policies until SIGTERM or SIGINT.
pub(in super::super) fn enforce(
    invocation: &Invocation,
    streams: &mut Streams<'_>,
    around: &Surroundings,
    console: &Console,
) -> io::Result<Exit> {
    match prepare(invocation, streams, around, console) {
        Ok(Prepared::Checked(exit)) => Ok(exit),
        Ok(Prepared::Ready(datapath)) => datapath.run(streams),
        Err(Stopped::Wrong(error)) => {
            input::complain(invocation, streams, console, &error)?;
            Ok(Exit::Wrong)
        }
        Err(Stopped::Unwritten(error)) => Err(error),
    }
}

/// Why nothing was started.
enum Stopped {
    Wrong(QueryError),
    Unwritten(io::Error),
}

impl From<QueryError> for Stopped {
    fn from(error: QueryError) -> Self {
        Self::Wrong(error)
    }
}

impl From<io::Error> for Stopped {
    fn from(error: io::Error) -> Self {
        Self::Unwritten(error)
    }
}

enum Prepared {
    /// Only the interfaces were looked at.
    Checked(Exit),
    Ready(Box<Datapath>),
}

/// Everything that runs.
struct Datapath {
    forwarder: Forwarder<AfPacket>,
    signals: Signals,
    reloads: Sender<Wanted>,
    json: bool,
}

/// Signals that were caught since they were last asked for.
struct Signals {
    end: Arc<AtomicBool>,
    reload: Arc<AtomicBool>,
    report: Arc<AtomicBool>,
}

fn usage(message: impl Into<String>) -> QueryError {
    QueryError::new(ErrorCode::Usage, message.into())
}

fn failed(doing: &str, error: impl std::fmt::Display) -> QueryError {
    QueryError::new(ErrorCode::Input, format!("{doing}: {error}"))
}

fn prepare(
    invocation: &Invocation,
    streams: &mut Streams<'_>,
    around: &Surroundings,
    console: &Console,
) -> Result<Prepared, Stopped> {
    let options = &invocation.args.enforce;
    let json = match invocation.args.output {
        Format::Text | Format::Wide => false,
        Format::Json | Format::Jsonl => true,
        other => {
            let error =
                usage(format!("the statistics of `enforce` have no form as {}", other.as_str()));
            return Err(error.help("they can be text and json").into());
        }
    };
    let ports = options.ports()?;
    let bindings = options.read_bindings(&ports)?;
    if options.check {
        let findings = if options.no_chain {
            preflight::check_without_chain(&ports)
        } else {
            preflight::check_before_start(&ports)
        };
        tell(&findings, streams.out, &console.out)?;
        if findings.is_empty() {
            writeln!(streams.out, "nothing stands in the way on {} and {}", ports[0], ports[1])?;
        }
        let refuses = findings.iter().any(|f| f.severity == Severity::Refuse);
        return Ok(Prepared::Checked(if refuses { Exit::No } else { Exit::Yes }));
    }
    let listener = options.metrics.map(metrics::listen).transpose();
    let listener = listener.map_err(|error| usage(format!("--metrics: {error}")))?;
    look_for_other_paths(options, &ports, streams, console)?;
    let (woken, waker) = UnixStream::pair().map_err(|error| failed("the waker", error))?;
    let signals = Signals::catch(&waker).map_err(|error| failed("signals", error))?;
    let log =
        options.log_drops.as_deref().map(|to| open_log(to).map(|log| (to, log))).transpose()?;
    let device = open(options, &ports, around, woken)?;
    // Threads that start from here on inherit what is left.
    drop_privileges(Keep::NetRawAndAdmin)
        .map_err(|error| failed("privileges cannot be dropped", error))?;
    let manifests = Manifests::keep(&invocation.sources, streams.input)?;
    let snapshot = manifests.snapshot(invocation).map_err(|problems| {
        QueryError::new(ErrorCode::Input, problems.join("\n"))
            .help("nothing passes while there are no policies; mend the manifests and start again")
    })?;
    let (pods, known) = (snapshot.cluster().pods().len(), snapshot.cluster().policies().len());
    let owners = u32::try_from(pods).unwrap_or(u32::MAX / 2).saturating_add(MORE_OWNERS);
    let sides = Sides::Bound(bindings);
    let policies = Policies::new(snapshot, sides.clone(), owners, None);
    let policies =
        policies.map_err(|error| QueryError::new(ErrorCode::Input, error.problems.join("\n")))?;
    if let [first, others @ ..] = &policies.unbound_nodes()[..] {
        let more = match others.len() {
            0 => String::new(),
            n => format!(" and {n} more"),
        };
        let what = format!(
            "nodes stand behind no interface: what comes from {first}{more} is dropped, the probes of kubelets too; bind \
             those that must pass with --bind {first}=IF,MAC"
        );
        warn(streams.err, &console.err, &what)?;
    }
    let shared = Arc::new(Shared::default());
    // Nobody waits: the loop has not begun.
    shared.replace(Arc::new(policies), || {}, Duration::ZERO);
    let wake = move || {
        // A waker that is full wakes already.
        let _full = (&waker).write(&[0]);
    };
    let (reloads, wanted) = mpsc::channel();
    let reloader = Reloader {
        invocation: invocation.clone(),
        manifests,
        sides,
        owners,
        shared: Arc::clone(&shared),
        wake: Box::new(wake),
    };
    start("reload", move || reloader.run(&wanted))?;
    if let Some(listener) = listener {
        let shared = Arc::clone(&shared);
        start("metrics", move || metrics::serve(&listener, &shared))?;
    }
    let limits = FlowLimits::new(options.flow_table, owners);
    let tables = Tables::new(limits, FragLimits::new(FragLimits::CAPACITY, owners));
    let mut forwarder =
        Forwarder::new(device, tables, options.rules(), options.forwarding(), shared);
    if let Some((_, file)) = log {
        let (lines, written) = mpsc::sync_channel(WAITING_LINES);
        let names = ports.map(str::to_owned);
        start("log", move || write_log(&written, &names, file))?;
        forwarder = forwarder.with_log(DropLog::new(lines, options.log_rate));
    }
    for warning in forwarder.device().take_warnings() {
        warn(streams.err, &console.err, &warning)?;
    }
    let does = if options.forwarding() == Mode::Audit { "auditing" } else { "enforcing" };
    writeln!(
        streams.err,
        "{does} {known} policies on {pods} pods between {} and {}",
        ports[0], ports[1]
    )?;
    streams.err.flush()?;
    Ok(Prepared::Ready(Box::new(Datapath { forwarder, signals, reloads, json })))
}

/// Closes the kernel's own path, and refuses to start where another is open.
fn look_for_other_paths(
    options: &EnforceArgs,
    ports: &[&str; 2],
    streams: &mut Streams<'_>,
    console: &Console,
) -> Result<(), Stopped> {
    let closed = if options.no_chain { Ok(()) } else { preflight::close_kernel_path(ports) };
    let findings = look(options, ports);
    tell(&findings, streams.err, &console.err)?;
    if findings.iter().all(|finding| finding.severity != Severity::Refuse) {
        return Ok(());
    }
    let error = QueryError::new(
        ErrorCode::Input,
        "frames would get past the policies, so nothing was started",
    );
    Err(error.maybe_help(closed.err().map(|why| why.to_string())).into())
}

fn look(options: &EnforceArgs, ports: &[&str]) -> Vec<Finding> {
    if options.no_chain { preflight::check_without_chain(ports) } else { preflight::check(ports) }
}

fn tell(findings: &[Finding], out: &mut dyn Write, palette: &Palette) -> io::Result<()> {
    for Finding { port, severity, what, remedy } in findings {
        let (style, word) = match severity {
            Severity::Refuse => (palette.bad, "error:"),
            Severity::Warn => (palette.doubt, "warning:"),
        };
        let port = if port.is_empty() { String::new() } else { format!(" {port}:") };
        writeln!(out, "{}{port} {what}", Palette::paint(style, word))?;
        writeln!(out, "  {} {remedy}", Palette::paint(palette.dim, "help:"))?;
    }
    Ok(())
}

fn warn(err: &mut dyn Write, palette: &Palette, what: &str) -> io::Result<()> {
    writeln!(err, "{} {what}", Palette::paint(palette.doubt, "warning:"))
}

fn open(
    options: &EnforceArgs,
    ports: &[&str; 2],
    around: &Surroundings,
    woken: UnixStream,
) -> Result<AfPacket, QueryError> {
    woken.set_nonblocking(true).map_err(|error| failed("the waker", error))?;
    let clock = around.clock;
    let clock = Box::new(move || Tick::at(clock()));
    let admission: Admission = if options.no_chain {
        Box::new(preflight::admit_without_chain)
    } else {
        Box::new(preflight::admit)
    };
    let options =
        OpenOptions { wake: Some(OwnedFd::from(woken)), ..OpenOptions::new(clock, admission) };
    AfPacket::open(ports, options).map_err(|error| {
        let help = "it needs CAP_NET_RAW: run it as root, or in a network namespace of its own (unshare -Urn)";
        QueryError::new(ErrorCode::Input, error.to_string()).help(help)
    })
}

impl Signals {
    /// Catches signals, each of which ends the wait of the datapath too.
    fn catch(waker: &UnixStream) -> io::Result<Self> {
        waker.set_nonblocking(true)?;
        let flag = |signals: &[i32]| -> io::Result<Arc<AtomicBool>> {
            let flag = Arc::new(AtomicBool::new(false));
            for signal in signals {
                signal_hook::flag::register(*signal, Arc::clone(&flag))?;
                signal_hook::low_level::pipe::register(*signal, waker.try_clone()?)?;
            }
            Ok(flag)
        };
        Ok(Self {
            end: flag(&[SIGTERM, SIGINT])?,
            reload: flag(&[SIGHUP])?,
            report: flag(&[SIGUSR1])?,
        })
    }
}

fn open_log(to: &Path) -> Result<Box<dyn Write + Send>, QueryError> {
    if to.as_os_str() == "-" {
        return Ok(Box::new(io::stderr()));
    }
    let opened = File::options().create(true).append(true).open(to);
    let opened = opened.map_err(|error| failed(&format!("--log-drops {}", to.display()), error));
    Ok(Box::new(opened?))
}

/// Writes lines until the datapath ends; a log that cannot be written is lost, and no frame waits for it.
fn write_log(dropped: &Receiver<Dropped>, ports: &[String; 2], mut to: Box<dyn Write + Send>) {
    let ports = [&*ports[0], &*ports[1]];
    for frame in dropped {
        let _lost = writeln!(to, "{}", frame.line(&ports)).and_then(|()| to.flush());
    }
}

fn start(name: &str, run: impl FnOnce() + Send + 'static) -> Result<(), QueryError> {
    let started = thread::Builder::new().name(name.to_owned()).spawn(run);
    started.map(drop).map_err(|error| failed("a thread cannot be started", error))
}

impl Datapath {
    fn run(mut self: Box<Self>, streams: &mut Streams<'_>) -> io::Result<Exit> {
        let ended = loop {
            if let Err(error) = self.forwarder.step(WAIT) {
                break Some(error);
            }
            for warning in self.forwarder.device().take_warnings() {
                writeln!(streams.err, "warning: {warning}")?;
            }
            if self.signals.reload.swap(false, Ordering::Relaxed) {
                // The thread ends with the datapath alone.
                let _gone = self.reloads.send(Wanted::Signal);
            }
            if self.signals.report.swap(false, Ordering::Relaxed) {
                write_report(self.forwarder.report(), self.json, streams.out)?;
            }
            if self.signals.end.load(Ordering::Relaxed) {
                break None;
            }
        };
        write_report(self.forwarder.report(), self.json, streams.out)?;
        match ended {
            None => Ok(Exit::Yes),
            Some(error) => {
                writeln!(streams.err, "error: {error}")?;
                Ok(Exit::Bug)
            }
        }
    }
}

fn write_report(report: &Report, json: bool, out: &mut dyn Write) -> io::Result<()> {
    if json {
        writeln!(out, "{}", report.json())?;
    } else {
        writeln!(out, "{report}")?;
    }
    out.flush()
}
