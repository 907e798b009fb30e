//! One kind of middle takes its turn, in a process with a network namespace of its own: what one kind leaves behind,
//! such as hooks of netfilter, would slow the next.

use std::net::SocketAddr;
use std::process::{Command, Stdio};

use netpol_bench::Preset;

use crate::ends::{Ends, Shape};
use crate::load::Load;
use crate::middle::{Kind, Middle};
use crate::sides::{Sides, make_run_writable, this_program};

/// The first argument of the process.
pub(crate) const WORD: &str = "turn";

/// What is to be measured.
#[derive(Clone, Debug)]
pub(crate) struct Turn {
    pub(crate) kind: Kind,
    pub(crate) shape: Shape,
    pub(crate) ends: Ends,
    pub(crate) seconds: u32,
    pub(crate) loads: Vec<Load>,
}

/// A load, the name of a figure, and the figure.
pub(crate) type Said = (Load, String, f64);

impl Turn {
    /// Reads the arguments of the process.
    pub(crate) fn of(words: &[&str]) -> Self {
        let [kind, preset, pods, policies, client, tcp, udp, seconds, loads @ ..] = words else {
            panic!("{words:?}");
        };
        let preset = preset.parse::<Preset>().unwrap();
        let (pods, policies) = (pods.parse().unwrap(), policies.parse().unwrap());
        let [tcp, udp] = [tcp, udp].map(|end| end.parse::<SocketAddr>().unwrap());
        Self {
            kind: Kind::named(kind),
            shape: Shape { preset, pods, policies },
            ends: Ends { client: client.parse().unwrap(), tcp, udp },
            seconds: seconds.parse().unwrap(),
            loads: loads.iter().map(|load| Load::named(load)).collect(),
        }
    }

    fn words(&self) -> Vec<String> {
        let Self { kind, shape: Shape { preset, pods, policies }, ends, seconds, loads } = self;
        let mut words = vec![WORD.to_owned(), kind.name().to_owned(), preset.to_string()];
        words.extend([pods.to_string(), policies.to_string(), ends.client.to_string()]);
        words.extend([ends.tcp.to_string(), ends.udp.to_string(), seconds.to_string()]);
        words.extend(loads.iter().map(|load| load.name().to_owned()));
        words
    }

    /// Has it taken by a process.
    ///
    /// # Errors
    ///
    /// What the process said last, if it failed.
    pub(crate) fn start(&self) -> Result<Vec<Said>, String> {
        let mut process = Command::new("unshare");
        process.args(["-nm"]).arg(this_program()).args(self.words());
        let output = process.stdin(Stdio::null()).output().unwrap();
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
        }
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        Ok(text.lines().map(read).collect())
    }
}

fn read(line: &str) -> Said {
    let mut parts = line.split('\t');
    let mut part = || parts.next().unwrap();
    (Load::named(part()), part().to_owned(), part().parse().unwrap())
}

/// Takes a turn, and prints what is measured.
pub(crate) fn take(turn: &Turn) {
    make_run_writable();
    let _sides = Sides::new(&turn.ends.addresses());
    let mut middle = Middle::start(turn.kind, turn.shape, &turn.ends);
    for load in &turn.loads {
        for (figure, value) in load.measure(&turn.ends, &mut middle, turn.seconds) {
            println!("{}\t{figure}\t{value}", load.name());
        }
    }
}
