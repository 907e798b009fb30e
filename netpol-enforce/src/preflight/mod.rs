//! Before the datapath starts: whether anything would let frames past it, and what to do about it.
//!
//! A packet socket takes copies. As long as the kernel forwards, answers or bridges on a port by itself, a drop means
//! nothing; each check looks for one such thing. Nothing is changed here but the chain of [`close_kernel_path`].

mod chain;
mod limits;
mod paths;

use std::fs::File;
use std::io::{self, Read as _};

pub use self::chain::{ChainError, chain_text, close_kernel_path, is_kernel_path_closed};

use crate::afpacket::netlink::{self, Link};

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Frames may be lost, or the finding could not be made sure of: the datapath may start.
    Warn,
    /// Policies would not be enforced, or traffic would not get through: the datapath must not start.
    Refuse,
}

/// Something that stands in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The interface; empty for the whole machine.
    pub port: String,
    /// How much it matters.
    pub severity: Severity,
    /// What was found, and what would happen.
    pub what: String,
    /// What to do: usually a command.
    pub remedy: String,
}

impl Finding {
    fn refuse(port: &str, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        let (port, severity) = (port.to_owned(), Severity::Refuse);
        Self { port, severity, what: what.into(), remedy: remedy.into() }
    }

    fn warn(port: &str, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { severity: Severity::Warn, ..Self::refuse(port, what, remedy) }
    }
}

/// Returns everything that stands in the way on interfaces of this network namespace, port by port.
///
/// The chain that closes the kernel's own path counts as missing where it cannot be seen: [`close_kernel_path`] comes
/// first.
pub fn check(interfaces: &[&str]) -> Vec<Finding> {
    let mut findings = check_ports(interfaces);
    findings.extend(chain::check(interfaces));
    findings.extend(limits::check_buffers());
    findings
}

/// Does what [`check`] does before the datapath starts, which installs the chain: that it is not there is a warning where
/// it can be installed.
pub fn check_before_start(interfaces: &[&str]) -> Vec<Finding> {
    let mut findings = check_ports(interfaces);
    findings.extend(chain::check_installable(interfaces));
    findings.extend(limits::check_buffers());
    findings
}

/// Returns what stands in the way beside the chain, which is not looked for: without it the kernel still has nowhere to
/// take a frame, as long as it neither forwards nor answers nor bridges, and nobody has put other hooks or interfaces
/// (chains of others, filters of tc, macvlan, VLAN) on the ports, which no check looks for.
pub fn check_without_chain(interfaces: &[&str]) -> Vec<Finding> {
    let mut findings = check_ports(interfaces);
    findings.extend(limits::check_buffers());
    findings
}

/// Decides whether an interface that was changed or made anew may be a port, beside the others: an
/// [`Admission`](crate::afpacket::Admission).
///
/// With `CAP_NET_ADMIN` the chain must be there, and is installed again where the kernel has taken the interface out of
/// it; without it nobody can see the chain, and the other checks must do: a kernel that neither forwards nor answers nor
/// bridges has nowhere to take a frame.
///
/// # Errors
///
/// Everything that stands in the way on that interface, with its remedies.
pub fn admit(interface: &str, interfaces: &[&str]) -> Result<(), String> {
    let mut findings = check_beside(interface, interfaces);
    if crate::afpacket::privileges::may_change_the_network() {
        findings.extend(chain::restore(interfaces));
    }
    refuse(interface, findings)
}

/// As [`admit`], without the chain: what [`check_without_chain`] is to [`check`].
///
/// # Errors
///
/// Everything else that stands in the way on that interface, with its remedies.
pub fn admit_without_chain(interface: &str, interfaces: &[&str]) -> Result<(), String> {
    refuse(interface, check_beside(interface, interfaces))
}

/// Checks the ports in an order in which this one comes last, so that it is the one that is compared with the others.
fn check_beside(interface: &str, interfaces: &[&str]) -> Vec<Finding> {
    let mut order: Vec<&str> = interfaces.iter().copied().filter(|i| *i != interface).collect();
    order.push(interface);
    check_ports(&order)
}

fn refuse(interface: &str, findings: Vec<Finding>) -> Result<(), String> {
    let refusals: Vec<String> = findings
        .into_iter()
        .filter(|finding| finding.severity == Severity::Refuse)
        .filter(|finding| finding.port == interface || finding.port.is_empty())
        .map(|finding| format!("{} ({})", finding.what, finding.remedy))
        .collect();
    if refusals.is_empty() { Ok(()) } else { Err(refusals.join("; ")) }
}

fn check_ports(interfaces: &[&str]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut links = Vec::new();
    for name in interfaces {
        match netlink::link_by_name(name) {
            Ok(Some(link)) => links.push(link),
            Ok(None) => findings.push(missing(name)),
            Err(error) => findings.push(unknown(name, &error)),
        }
    }
    for link in &links {
        findings.extend(check_port(link, links.first().unwrap_or(link)));
    }
    findings
}

fn check_port(link: &Link, first: &Link) -> Vec<Finding> {
    let mut findings = paths::check(link);
    findings.extend(limits::check(link, first));
    findings
}

fn missing(port: &str) -> Finding {
    Finding::refuse(port, "there is no such interface in this network namespace", "ip link show")
}

fn unknown(port: &str, error: &io::Error) -> Finding {
    Finding::refuse(
        port,
        format!("the kernel does not tell what it is: {error}"),
        "the netlink route socket must be allowed",
    )
}

/// Reads a setting below `/proc/sys/net`; nothing if there is no such setting.
fn setting(path: &str) -> io::Result<Option<String>> {
    /// Bytes of the longest setting that is a number.
    const LIMIT: u64 = 64;
    let file = match File::open(format!("/proc/sys/net/{path}")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    let mut text = String::new();
    file.take(LIMIT).read_to_string(&mut text)?;
    Ok(Some(text.trim().to_owned()))
}
