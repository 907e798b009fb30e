//! One kind of middle, in a process with a network namespace of its own: what one kind leaves behind, such as hooks of
//! netfilter, would slow the next.

use std::io::{BufRead as _, BufReader, Write as _, stdin, stdout};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use netpol_bench::Preset;

use crate::ends::{Ends, Shape};
use crate::load::Load;
use crate::middle::{Kind, Middle};
use crate::sides::{Sides, make_run_writable, this_program};

/// The first argument of the process.
pub(crate) const WORD: &str = "turn";
/// What it says when it is ready, at first and after each load.
const READY: &str = "ready";

/// What stands in the middle, and who talks through it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turn {
    pub(crate) kind: Kind,
    pub(crate) shape: Shape,
    pub(crate) ends: Ends,
}

impl Turn {
    /// Reads the arguments of the process.
    pub(crate) fn of(words: &[&str]) -> Self {
        let [kind, preset, pods, policies, client, tcp, udp] = words else { panic!("{words:?}") };
        let preset = preset.parse::<Preset>().unwrap();
        let (pods, policies) = (pods.parse().unwrap(), policies.parse().unwrap());
        let [tcp, udp] = [tcp, udp].map(|end| end.parse::<SocketAddr>().unwrap());
        Self {
            kind: Kind::named(kind),
            shape: Shape { preset, pods, policies },
            ends: Ends { client: client.parse().unwrap(), tcp, udp },
        }
    }

    fn words(&self) -> [String; 8] {
        let Self { kind, shape: Shape { preset, pods, policies }, ends: Ends { client, tcp, udp } } =
            self;
        let (kind, preset) = (kind.name().to_owned(), preset.to_string());
        let [pods, policies] = [pods.to_string(), policies.to_string()];
        let [client, tcp, udp] = [client.to_string(), tcp.to_string(), udp.to_string()];
        [WORD.to_owned(), kind, preset, pods, policies, client, tcp, udp]
    }

    /// Starts the process; `None` if it failed, which it has said.
    pub(crate) fn start(&self) -> Option<Taker> {
        let mut process = Command::new("unshare");
        process.args(["-nm"]).arg(this_program()).args(self.words());
        let mut child = process.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut taker = Taker { child, input, output: BufReader::new(output) };
        taker.lines().map(|_| taker)
    }

    /// Is the process: measures what it is told to, and says what came out.
    pub(crate) fn take(&self) {
        make_run_writable();
        let _sides = Sides::new(&self.ends.addresses());
        let mut middle = Middle::start(self.kind, self.shape, &self.ends);
        println!("{READY}");
        for line in stdin().lines() {
            let line = line.unwrap();
            let (load, seconds) = line.split_once('\t').unwrap();
            let seconds = seconds.parse().unwrap();
            let figures = Load::named(load).measure(&self.ends, &mut middle, seconds);
            figures.iter().for_each(|(figure, value)| println!("{figure}\t{value}"));
            println!("{READY}");
            stdout().flush().unwrap();
        }
    }
}

/// The process that takes a turn whenever it is told to, and waits meanwhile.
pub(crate) struct Taker {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Taker {
    /// Has a load measured: figures with their names; `None` if that failed.
    pub(crate) fn measure(&mut self, load: Load, seconds: u32) -> Option<Vec<(String, f64)>> {
        writeln!(self.input, "{}\t{seconds}", load.name()).ok()?;
        let read = |line: String| {
            let (figure, value) = line.split_once('\t').unwrap();
            (figure.to_owned(), value.parse().unwrap())
        };
        Some(self.lines()?.into_iter().map(read).collect())
    }

    /// What it says until it is ready.
    fn lines(&mut self) -> Option<Vec<String>> {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if self.output.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            match line.trim_end() {
                READY => return Some(lines),
                line => lines.push(line.to_owned()),
            }
        }
    }
}

impl Drop for Taker {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
