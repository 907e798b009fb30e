//! TCP as fast as it goes: by iperf3, or by a pump of our own where that is not there.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use serde_json::Value;

use crate::ends::Ends;
use crate::load::figures;
use crate::sides::Role;
use crate::tools::{at, has};

/// What came through.
pub(crate) struct Pumped {
    pub(crate) bits: f64,
    /// Segments that were sent again; only iperf3 tells.
    pub(crate) retransmits: Option<f64>,
}

/// Pumps for some seconds through some connections.
pub(crate) fn pump(ends: &Ends, seconds: u32, streams: u32) -> Pumped {
    if has("iperf3") { by_iperf3(ends, seconds, streams) } else { by_ours(ends, seconds, streams) }
}

fn by_iperf3(ends: &Ends, seconds: u32, streams: u32) -> Pumped {
    let (client, server) = (ends.client.to_string(), ends.tcp.ip().to_string());
    let port = ends.tcp.port().to_string();
    let _server = Server::start(&server, &port);
    let (seconds, streams) = (seconds.to_string(), streams.to_string());
    let words =
        ["-c", &server, "-p", &port, "-B", &client, "-t", &seconds, "-P", &streams, "--json"];
    let output = at(0, "iperf3").args(words).output().unwrap();
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    let sum = |way: &str, what: &str| said["end"][way][what].as_f64();
    let bits = sum("sum_received", "bits_per_second");
    let bits = bits.unwrap_or_else(|| panic!("iperf3: {}", said["error"]));
    Pumped { bits, retransmits: sum("sum_sent", "retransmits") }
}

/// The other end of iperf3.
struct Server(Child);

impl Server {
    fn start(address: &str, port: &str) -> Self {
        let mut command = at(1, "iperf3");
        command.args(["-s", "-B", address, "-p", port, "--forceflush"]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut lines = lines.map_while(Result::ok);
        assert!(lines.any(|line| line.contains("listening")), "iperf3 -s {address}:{port}");
        Self(child)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn by_ours(ends: &Ends, seconds: u32, streams: u32) -> Pumped {
    let (client, server) = (ends.client.to_string(), ends.tcp.to_string());
    let (seconds, streams) = (seconds.to_string(), streams.to_string());
    let _server = Role::start(1, &["role:sink", &server]);
    let bits = figures(0, &["role:pump", &client, &server, &seconds, &streams])[0];
    Pumped { bits, retransmits: None }
}
