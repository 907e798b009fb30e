//! What was dropped, as lines of JSON: so many a second, written elsewhere so that a slow reader holds no frame up.

use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError};

use serde_json::{Value, json};

use crate::flow::Tuple;
use crate::policies::Policies;
use crate::wire::{Content, Ip, Packet, ReadLimits, read};
use crate::{DropReason, Frame, FrameMeta, Tick};

/// A log of dropped frames.
pub struct DropLog {
    lines: SyncSender<Dropped>,
    /// How many frames a second may have.
    rate: u32,
    second: Tick,
    written: u32,
    lost: u64,
}

impl fmt::Debug for DropLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DropLog")
            .field("rate", &self.rate)
            .field("lost", &self.lost)
            .finish_non_exhaustive()
    }
}

impl DropLog {
    /// Sends at most `rate` frames a second. Those that nobody takes in time are lost, and counted.
    pub fn new(lines: SyncSender<Dropped>, rate: u32) -> Self {
        Self { lines, rate, second: Tick(0), written: 0, lost: 0 }
    }

    /// How many frames were left out.
    pub const fn lost(&self) -> u64 {
        self.lost
    }

    /// Logs a frame that was dropped, or that passes because nothing is enforced.
    pub(crate) fn dropped(
        &mut self,
        frame: &Frame<'_>,
        why: DropReason,
        passes: bool,
        (policies, limits): (Option<&Arc<Policies>>, ReadLimits),
    ) {
        let now = frame.meta.at;
        if now.since(self.second) >= Tick::of_seconds(1) {
            (self.second, self.written) = (now, 0);
        }
        if self.written >= self.rate {
            self.lost += 1;
            return;
        }
        self.written += 1;
        let packet = read(frame, &limits).ok();
        let policies = policies.cloned();
        let dropped = Dropped { meta: frame.meta, why, passes, packet, policies };
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) =
            self.lines.try_send(dropped)
        {
            self.lost += 1;
        }
    }
}

/// A frame that was dropped. What is said of it takes time and memory, and is made where it is written.
#[derive(Debug)]
pub struct Dropped {
    meta: FrameMeta,
    why: DropReason,
    passes: bool,
    packet: Option<Packet>,
    policies: Option<Arc<Policies>>,
}

impl Dropped {
    /// Returns what is said of it: one JSON object without its line end. `ports` are the names of the ports.
    pub fn line(&self, ports: &[&str]) -> String {
        self.value(ports).to_string()
    }

    fn value(&self, ports: &[&str]) -> Value {
        let mut line = json!({
            "ms": u64::from(self.meta.at.0) * 64,
            "action": if self.passes { "WOULD_DROP" } else { "DROP" },
            "reason": self.why.code(),
            "port": ports.get(usize::from(self.meta.port.0)).copied().unwrap_or_default(),
            "bytes": self.meta.wire_len,
        });
        let policies = self.policies.as_deref();
        let Some(Packet { content: Content::Ip(ip), zone, .. }) = &self.packet else { return line };
        let tuple = Tuple::of(ip, *zone);
        describe(&mut line, ip, &tuple, policies);
        if matches!(self.why, DropReason::Policy | DropReason::Revoked)
            && let Some(policies) = policies
        {
            line["why"] = steps(policies, &tuple);
        }
        line
    }
}

fn describe(line: &mut Value, ip: &Ip, tuple: &Tuple, policies: Option<&Policies>) {
    line["src"] = ip.source.to_string().into();
    line["dst"] = ip.destination.to_string().into();
    line["protocol"] = protocol(ip.protocol).into();
    if Policies::has_ports(tuple.protocol) {
        line["src_port"] = tuple.source_port.into();
        line["dst_port"] = tuple.destination_port.into();
    }
    if let Some(policies) = policies {
        for (key, address) in [("src_pod", ip.source), ("dst_pod", ip.destination)] {
            if let Some(name) = policies.pod_name(address) {
                line[key] = name.into();
            }
        }
    }
}

/// Names a protocol (IANA).
fn protocol(number: u8) -> String {
    match number {
        1 => "icmp".into(),
        6 => "tcp".into(),
        17 => "udp".into(),
        58 => "icmpv6".into(),
        132 => "sctp".into(),
        other => other.to_string(),
    }
}

/// The policies and rules that decided.
fn steps(policies: &Policies, tuple: &Tuple) -> Value {
    let cluster = policies.snapshot().cluster();
    let (_, steps) = policies.explain(tuple);
    let step = |step: &netpol_core::model::Step| {
        let mut said = json!({ "code": step.code.as_str() });
        if let Some(direction) = step.direction {
            said["direction"] = direction.as_str().into();
        }
        if let Some(id) = step.policy {
            let policy = cluster.policy(id);
            let namespace = policy.namespace.map(|id| &*cluster.namespace(id).name);
            let name: &str = &policy.name;
            said["policy"] =
                namespace.map_or_else(|| name.to_owned(), |ns| format!("{ns}/{name}")).into();
            said["file"] = policy.position.file.to_string().into();
            said["line"] = step.line.unwrap_or(policy.position.line).into();
        }
        if let Some(rule) = step.rule {
            said["rule"] = rule.into();
        }
        said
    };
    steps.iter().map(step).collect()
}
