//! What the datapath has counted, for people, programs and Prometheus.

use std::fmt::{self, Write as _};

use serde_json::{Map, Value, json};

use crate::DropReason;
use crate::device::{PortInfo, PortStats};
use crate::flow::{FlowCounters, FragCounters};
use crate::pipeline::Why;

/// How many reasons to drop there are.
const REASONS: usize = DropReason::ALL.len();

/// All counters.
///
/// Always: `received` = Σ `forwarded` + Σ `dropped` + Σ `audited`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The number of the policies in force; 0 while there are none.
    pub epoch: u32,
    /// Frames that were decided about.
    pub received: u64,
    /// Frames that pass, by what lets them pass: [`Why`] as index.
    pub forwarded: [u64; Why::ALL.len()],
    /// Frames that were dropped, by reason: [`DropReason`] as index.
    pub dropped: [u64; REASONS],
    /// Frames that would have been dropped, and passed because nothing is enforced.
    pub audited: [u64; REASONS],
    /// How often policies were replaced.
    pub reloads: u64,
    /// How often new policies could not be used.
    pub refused_reloads: u64,
    /// Lines of the log that were left out, because there were too many or nobody took them.
    pub log_lost: u64,
    /// Connections.
    pub flows: FlowCounters,
    /// Datagrams in fragments.
    pub fragments: FragCounters,
    /// What each port has counted.
    pub ports: Vec<PortReport>,
}

/// Reads one counter of a port.
type Count = fn(&PortStats) -> u64;

/// A port and its counters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortReport {
    /// The name of the interface.
    pub name: String,
    /// Its counters.
    pub stats: PortStats,
}

impl Default for Report {
    fn default() -> Self {
        Self::new(&[])
    }
}

impl Report {
    /// Nothing has been counted on these ports.
    pub fn new(ports: &[PortInfo]) -> Self {
        let port =
            |info: &PortInfo| PortReport { name: info.name.clone(), ..PortReport::default() };
        Self {
            epoch: 0,
            received: 0,
            forwarded: [0; Why::ALL.len()],
            dropped: [0; REASONS],
            audited: [0; REASONS],
            reloads: 0,
            refused_reloads: 0,
            log_lost: 0,
            flows: FlowCounters::default(),
            fragments: FragCounters::default(),
            ports: ports.iter().map(port).collect(),
        }
    }

    /// Returns how many frames were dropped for a reason.
    pub fn dropped_for(&self, reason: DropReason) -> u64 {
        self.dropped.get(reason as usize).copied().unwrap_or(0)
    }

    fn reasons(counts: &[u64; REASONS]) -> impl Iterator<Item = (DropReason, u64)> + '_ {
        DropReason::ALL.iter().copied().zip(counts.iter().copied()).filter(|(_, count)| *count > 0)
    }

    /// Returns everything as one JSON object; reasons that did not occur are left out.
    pub fn json(&self) -> Value {
        let reasons = |counts| -> Map<String, Value> {
            Self::reasons(counts)
                .map(|(reason, count)| (reason.code().to_owned(), count.into()))
                .collect()
        };
        let forwarded: Map<String, Value> = Why::ALL
            .iter()
            .zip(self.forwarded)
            .map(|(why, count)| (why.code().to_owned(), count.into()))
            .collect();
        let ports: Vec<Value> = self.ports.iter().map(port_json).collect();
        json!({
            "epoch": self.epoch,
            "received": self.received,
            "forwarded": forwarded,
            "dropped": reasons(&self.dropped),
            "would_drop": reasons(&self.audited),
            "reloads": self.reloads,
            "refused_reloads": self.refused_reloads,
            "log_lost": self.log_lost,
            "flows": {
                "embryonic": self.flows.embryonic,
                "established": self.flows.established,
                "closing": self.flows.closing,
                "begun": self.flows.inserted,
                "expired": self.flows.expired,
                "evicted": self.flows.evicted_embryonic + self.flows.evicted_closing,
                "revoked": self.flows.removed,
                "moved": self.flows.purged,
            },
            "fragmented": { "held": self.fragments.held, "begun": self.fragments.inserted },
            "ports": ports,
        })
    }

    /// Returns everything in the text format of Prometheus.
    pub fn prometheus(&self) -> String {
        let mut text = Exposition(String::new());
        text.one(
            "netpol_enforce_epoch",
            "gauge",
            "Number of the policies in force",
            self.epoch.into(),
        );
        text.one("netpol_enforce_received_total", "counter", "Frames decided about", self.received);
        let forwarded = Why::ALL.iter().zip(self.forwarded);
        let forwarded = forwarded.map(|(why, count)| (vec![("why", why.code())], count));
        text.many("netpol_enforce_forwarded_total", "counter", "Frames that passed", forwarded);
        for (name, help, counts) in [
            ("netpol_enforce_dropped_total", "Frames that were dropped", &self.dropped),
            ("netpol_enforce_would_drop_total", "Frames that passed in audit mode", &self.audited),
        ] {
            let all = DropReason::ALL.iter().zip(counts);
            text.many(
                name,
                "counter",
                help,
                all.map(|(r, count)| (vec![("reason", r.code())], *count)),
            );
        }
        text.one("netpol_enforce_reloads_total", "counter", "Policies put in force", self.reloads);
        let help = "New policies that could not be used";
        text.one("netpol_enforce_refused_reloads_total", "counter", help, self.refused_reloads);
        let classes = [
            ("embryonic", self.flows.embryonic),
            ("established", self.flows.established),
            ("closing", self.flows.closing),
        ];
        let classes =
            classes.into_iter().map(|(class, count)| (vec![("class", class)], count.into()));
        text.many("netpol_enforce_flows", "gauge", "Connections that are remembered", classes);
        let evicted = self.flows.evicted_embryonic + self.flows.evicted_closing;
        text.one(
            "netpol_enforce_flows_evicted_total",
            "counter",
            "Connections that made room",
            evicted,
        );
        let counts: [(&str, &str, Count); 7] = [
            ("netpol_enforce_port_received_total", "Frames received", |s| s.received),
            ("netpol_enforce_port_sent_total", "Frames sent", |s| s.sent),
            (
                "netpol_enforce_port_overflow_total",
                "Frames the kernel lost before a verdict",
                |s| s.overflow,
            ),
            ("netpol_enforce_port_unreadable_total", "Frames lost on receipt", |s| s.unreadable),
            ("netpol_enforce_port_tx_errors_total", "Frames that could not be sent", |s| {
                s.tx_errors
            }),
            (
                "netpol_enforce_port_losses_total",
                "Times the interface went away, or was no longer admitted",
                |s| s.losses,
            ),
            ("netpol_enforce_port_reopened_total", "Times it was opened again", |s| s.reopened),
        ];
        for (name, help, count) in counts {
            let ports = self.ports.iter();
            let ports = ports.map(|port| (vec![("port", port.name.as_str())], count(&port.stats)));
            text.many(name, "counter", help, ports);
        }
        text.0
    }
}

fn port_json(port: &PortReport) -> Value {
    let PortStats { received, overflow, unreadable, sent, tx_errors, losses, reopened } =
        port.stats;
    json!({
        "name": port.name,
        "received": received,
        "overflow": overflow,
        "unreadable": unreadable,
        "sent": sent,
        "tx_errors": tx_errors,
        "losses": losses,
        "reopened": reopened,
    })
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let passed: u64 = self.forwarded.iter().sum();
        let [dropped, audited] = [&self.dropped, &self.audited].map(|c| c.iter().sum::<u64>());
        writeln!(f, "{} frames: {passed} passed, {dropped} dropped", self.received)?;
        for (why, count) in Why::ALL.iter().zip(self.forwarded).filter(|(_, count)| *count > 0) {
            writeln!(f, "  {count:>12}  passed   {}", why.code())?;
        }
        for (reason, count) in Self::reasons(&self.dropped) {
            writeln!(f, "  {count:>12}  dropped  {:<20} {}", reason.code(), reason.describe())?;
        }
        if audited > 0 {
            writeln!(f, "{audited} frames passed that would have been dropped")?;
            for (reason, count) in Self::reasons(&self.audited) {
                writeln!(f, "  {count:>12}  passed   {:<20} {}", reason.code(), reason.describe())?;
            }
        }
        let flows = &self.flows;
        writeln!(
            f,
            "{} connections: {} established, {} beginning, {} ending; {} begun, {} expired, {} evicted, {} revoked",
            flows.held(),
            flows.established,
            flows.embryonic,
            flows.closing,
            flows.inserted,
            flows.expired,
            flows.evicted_embryonic + flows.evicted_closing,
            flows.removed,
        )?;
        for PortReport { name, stats } in &self.ports {
            write!(f, "{name}: {} received, {} sent", stats.received, stats.sent)?;
            let odd = [
                (stats.overflow, "lost by the kernel before a verdict"),
                (stats.unreadable, "lost on receipt"),
                (stats.tx_errors, "could not be sent"),
                (stats.losses, "times away"),
                (stats.reopened, "times opened again"),
            ];
            for (count, what) in odd.into_iter().filter(|(count, _)| *count > 0) {
                write!(f, ", {count} {what}")?;
            }
            writeln!(f)?;
        }
        let (epoch, refused) = (self.epoch, self.refused_reloads);
        write!(f, "policies number {epoch}, {} reloads, {refused} refused", self.reloads)
    }
}

/// The text format of Prometheus, being written.
struct Exposition(String);

impl Exposition {
    fn one(&mut self, name: &str, kind: &str, help: &str, value: u64) {
        self.many(name, kind, help, [(Vec::new(), value)]);
    }

    fn many<'v>(
        &mut self,
        name: &str,
        kind: &str,
        help: &str,
        values: impl IntoIterator<Item = (Vec<(&'v str, &'v str)>, u64)>,
    ) {
        let text = &mut self.0;
        // Writing into a string does not fail.
        let _ok = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (labels, value) in values {
            let labels: Vec<String> = labels
                .into_iter()
                .map(|(key, value)| format!("{key}=\"{}\"", value.replace(['"', '\\', '\n'], "_")))
                .collect();
            let labels =
                if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
            let _ok = writeln!(text, "{name}{labels} {value}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let port = PortInfo { name: "veth0".into(), mtu: 1500, mac: [0; 6] };
        let mut report = Report::new(&[port]);
        report.received = 12;
        report.forwarded[Why::Policy as usize] = 7;
        report.dropped[DropReason::Policy as usize] = 5;
        report.ports[0].stats.overflow = 3;
        report
    }

    #[test]
    fn a_report_says_what_was_counted() {
        let text = report().to_string();
        assert!(text.starts_with("12 frames: 7 passed, 5 dropped\n"), "{text}");
        assert!(text.contains("5  dropped  POLICY"), "{text}");
        assert!(text.contains("veth0: 0 received, 0 sent, 3 lost by the kernel"), "{text}");
        let json = report().json();
        assert_eq!(json["dropped"], json!({"POLICY": 5}));
        assert_eq!(json["ports"][0]["overflow"], 3);
    }

    #[test]
    fn prometheus_gets_a_line_for_every_reason() {
        let text = report().prometheus();
        assert!(text.contains("netpol_enforce_dropped_total{reason=\"POLICY\"} 5\n"), "{text}");
        assert!(text.contains("netpol_enforce_port_overflow_total{port=\"veth0\"} 3\n"), "{text}");
        let reasons =
            text.lines().filter(|l| l.starts_with("netpol_enforce_dropped_total{")).count();
        assert_eq!(reasons, DropReason::ALL.len());
        assert!(text.lines().all(|line| line.starts_with('#') || line.split(' ').count() == 2));
    }
}
