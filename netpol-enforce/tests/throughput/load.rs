//! What is measured.

use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use crate::cpus::{Apart, Meter};
use crate::ends::Ends;
use crate::iperf::pump;
use crate::middle::Middle;
use crate::sides::{PORTS, Role, ip, this_program};
use crate::tools::{at, has, run, run_at};

/// The loads, in the order in which they come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Load {
    Tcp,
    TcpFour,
    TcpSix,
    Mtu,
    MtuMerged,
    Serial,
    Sixteen,
    Trips,
    Small,
    Full,
}

impl Load {
    pub(crate) const ALL: [Self; 10] = [
        Self::Tcp,
        Self::TcpFour,
        Self::TcpSix,
        Self::Mtu,
        Self::MtuMerged,
        Self::Serial,
        Self::Sixteen,
        Self::Trips,
        Self::Small,
        Self::Full,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "TCP, one stream",
            Self::TcpFour => "TCP, four streams",
            Self::TcpSix => "TCP over IPv6, one stream",
            Self::Mtu => "TCP in frames of the MTU",
            Self::MtuMerged => "TCP in frames of the MTU, GRO at the ports of the middle",
            Self::Serial => "new connections, one after another",
            Self::Sixteen => "new connections, 16 at once",
            Self::Trips => "datagrams there and back, one at a time",
            Self::Small => "60-byte datagrams, one way",
            Self::Full => "1514-byte datagrams, one way",
        }
    }

    pub(crate) fn named(name: &str) -> Self {
        Self::ALL.into_iter().find(|load| load.name() == name).unwrap()
    }

    /// How often it is measured in a round: floods, of which the same one gives half as much or twice as much a moment later
    /// where processors are not the machine's own, more than once.
    pub(crate) const fn passes(self) -> u32 {
        if matches!(self, Self::Small | Self::Full) { 3 } else { 1 }
    }

    /// The program that it cannot be without, if that is not here.
    pub(crate) fn missing(self) -> Option<&'static str> {
        (self == Self::MtuMerged && !has("ethtool")).then_some("ethtool")
    }

    /// Measures what stands in the middle: figures with their names, the one that counts first.
    pub(crate) fn measure(
        self,
        ends: &Ends,
        middle: &mut Middle,
        seconds: u32,
    ) -> Vec<(&'static str, f64)> {
        let _prepared = Prepared::of(self);
        let meter = Meter::start();
        let (before, frames) = (middle.tally(), received());
        let mut figures = match self {
            Self::Tcp | Self::TcpSix | Self::Mtu | Self::MtuMerged => tcp(ends, seconds, 1),
            Self::TcpFour => tcp(ends, seconds, 4),
            Self::Serial => connections(ends, seconds, 1),
            Self::Sixteen => connections(ends, seconds, 16),
            Self::Trips => trips(ends, seconds),
            Self::Small => flood(ends, seconds, 60),
            Self::Full => flood(ends, seconds, 1514),
        };
        figures.push(("CPU %", meter.percent()));
        let (frames, tally) = (received() - frames, middle.tally().since(before));
        figures.extend(tally.used.map(|used| ("ns a frame", used / frames)));
        figures.extend(tally.lost.map(|lost| ("lost frames", lost)));
        figures
    }
}

/// How many frames both sides have received: what passed the middle.
fn received() -> f64 {
    [0, 1].map(|side| figures(side, &["role:count-once"])[1]).iter().sum()
}

/// The interfaces as a load wants them, until dropped.
struct Prepared(Load);

impl Prepared {
    fn of(load: Load) -> Self {
        let prepared = Self(load);
        prepared.set(true);
        prepared
    }

    fn set(&self, wanted: bool) {
        let (on, off) = if wanted { ("on", "off") } else { ("off", "on") };
        let is_mtu = matches!(self.0, Load::Mtu | Load::MtuMerged);
        if is_mtu && has("ethtool") {
            let pods = format!("-K eth0 tx {off} tso {off} gso {off} gro off");
            [0, 1].into_iter().for_each(|side| run_at(side, "ethtool", &pods));
        } else if is_mtu {
            let segments = if wanted { "1" } else { "65535" };
            let line = |at| format!("-n {at} link set eth0 gso_max_segs {segments}");
            ["a", "b"].into_iter().for_each(|at| ip(&line(at)));
        }
        if self.0 == Load::MtuMerged {
            PORTS.into_iter().for_each(|port| run("ethtool", &format!("-K {port} gro {on}")));
        }
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        self.set(false);
    }
}

fn tcp(ends: &Ends, seconds: u32, streams: u32) -> Vec<(&'static str, f64)> {
    let pumped = pump(ends, seconds, streams);
    let again = pumped.retransmits.map(|again| ("retransmits", again));
    [("Gbit/s", pumped.bits / 1e9)].into_iter().chain(again).collect()
}

fn connections(ends: &Ends, seconds: u32, at_once: u32) -> Vec<(&'static str, f64)> {
    let (client, server) = (ends.client.to_string(), ends.tcp.to_string());
    let (seconds, at_once) = (seconds.to_string(), at_once.to_string());
    let _server = Role::start(1, &["role:answer", &server]);
    let said = figures(0, &["role:connect", &client, &server, &seconds, &at_once]);
    vec![("a second", said[0]), ("p50 us", said[1]), ("p99 us", said[2])]
}

fn trips(ends: &Ends, seconds: u32) -> Vec<(&'static str, f64)> {
    let (client, server) = (ends.client.to_string(), ends.udp.to_string());
    let _server = Role::start(1, &["role:echo-udp", &server]);
    let said = figures(0, &["role:rtt", &client, &server, &seconds.to_string()]);
    vec![("p50 us", said[1]), ("p99 us", said[2])]
}

/// How long a flood goes on before it is counted.
const RUN_UP: Duration = Duration::from_millis(250);

fn flood(ends: &Ends, seconds: u32, length: u32) -> Vec<(&'static str, f64)> {
    let (client, server) = (ends.client.to_string(), ends.udp.to_string());
    let _server = Role::start(1, &["role:answer-once", &server]);
    let mut counters = [0, 1].map(|side| Role::start(side, &["role:count"]));
    let apart = Apart::keep();
    let processor = if apart.is_some() { Apart::GENERATOR } else { "any" };
    let flooding = ["role:flood", &client, &server, &length.to_string(), processor];
    let generator = Role::start(0, &flooding);
    thread::sleep(RUN_UP);
    let (start, before) = (Instant::now(), counters.each_mut().map(counted));
    thread::sleep(Duration::from_secs(seconds.into()));
    let (time, after) = (start.elapsed().as_secs_f64(), counters.each_mut().map(counted));
    drop(generator);
    wait_until_quiet(&mut counters[1]);
    let [offered, delivered] = [(0, 0), (1, 1)]
        .map(|(side, way)| (after[side][way] - before[side][way]) as f64 / time / 1e3);
    vec![("kpps", delivered), ("offered kpps", offered)]
}

/// How many frames a side has sent and received.
fn counted(counter: &mut Role) -> [u64; 2] {
    counter.tell("?");
    let line = counter.line();
    let (sent, received) = line.split_once(' ').unwrap();
    [sent, received].map(|count| count.parse().unwrap())
}

/// Waits until nothing comes any more, so that what is left in buffers is not counted with the next load.
fn wait_until_quiet(counter: &mut Role) {
    let mut before = [0; 2];
    loop {
        let now = counted(counter);
        if now == before {
            return;
        }
        before = now;
        thread::sleep(Duration::from_millis(50));
    }
}

/// Runs this program in a role on a side, and returns the figures that it says.
pub(crate) fn figures(side: usize, role: &[&str]) -> Vec<f64> {
    let program = this_program();
    let mut command = at(side, program.to_str().unwrap());
    let output = command.args(role).stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "{role:?}");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.split_whitespace().map(|word| word.parse().unwrap()).collect()
}
