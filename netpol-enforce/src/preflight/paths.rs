//! Ways around the datapath: what the kernel would do with a frame by itself.

use super::{Finding, setting};
use crate::afpacket::netlink::{self, Link};

/// Returns every way around the datapath on a port.
pub(super) fn check(link: &Link) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(check_kind(link));
    findings.extend(check_master(link));
    findings.extend(check_xdp(link));
    findings.extend(check_addresses(link));
    findings.extend(check_arp(link));
    findings.extend(check_ipv6(link));
    findings.extend(check_forwarding(link));
    findings
}

fn check_kind(link: &Link) -> Option<Finding> {
    let remedy = "name an Ethernet interface";
    (!link.is_ethernet()).then(|| Finding::refuse(&link.name, "carries no Ethernet", remedy))
}

fn check_master(link: &Link) -> Option<Finding> {
    link.master?;
    let what = "belongs to a bridge, bond or VRF, which would forward every frame a second time";
    Some(Finding::refuse(&link.name, what, format!("ip link set {} nomaster", link.name)))
}

fn check_xdp(link: &Link) -> Option<Finding> {
    let what = "has an XDP program: frames that it takes are never seen";
    let remedy = format!("ip link set {0} xdp off; ip link set {0} xdpgeneric off", link.name);
    link.has_xdp.then(|| Finding::refuse(&link.name, what, remedy))
}

fn check_addresses(link: &Link) -> Option<Finding> {
    let remedy = format!("ip addr flush dev {}", link.name);
    match netlink::addresses(link.index) {
        Ok(addresses) if addresses.is_empty() => None,
        Ok(addresses) => {
            let list: Vec<String> = addresses.iter().map(ToString::to_string).collect();
            let list = list.join(", ");
            let what = format!("has the address {list}: the kernel would answer by itself");
            Some(Finding::refuse(&link.name, what, remedy))
        }
        Err(error) => {
            let what = format!("the kernel does not tell its addresses: {error}");
            Some(Finding::refuse(&link.name, what, remedy))
        }
    }
}

fn check_arp(link: &Link) -> Option<Finding> {
    let remedy = format!("ip link set {} arp off", link.name);
    let what = "answers ARP: the kernel would speak for its own addresses";
    link.answers_arp().then(|| Finding::refuse(&link.name, what, remedy))
}

fn check_ipv6(link: &Link) -> Option<Finding> {
    let what = "has IPv6 switched on: the kernel would send its own solicitations and reports into the pod";
    let path = format!("ipv6/conf/{}/disable_ipv6", link.name);
    // A kernel without IPv6 has no such setting.
    must_be(link, &path, "1", what).filter(|_| has_ipv6())
}

fn check_forwarding(link: &Link) -> Vec<Finding> {
    let what = "forwarding is switched on: the kernel would route frames past the datapath";
    let v4 = format!("ipv4/conf/{}/forwarding", link.name);
    let v6 = format!("ipv6/conf/{}/forwarding", link.name);
    let v4 = must_be(link, &v4, "0", what);
    let v6 = must_be(link, &v6, "0", what).filter(|_| has_ipv6());
    v4.into_iter().chain(v6).collect()
}

/// Returns a finding unless a setting has a value; one that is absent or cannot be read has not.
fn must_be(link: &Link, path: &str, wanted: &str, what: &str) -> Option<Finding> {
    let remedy = format!("sysctl -w net/{path}={wanted}");
    match setting(path) {
        Ok(Some(value)) if value == wanted => None,
        Ok(Some(_)) => Some(Finding::refuse(&link.name, what, remedy)),
        Ok(None) => {
            let what = format!(
                "/proc/sys/net/{path} is not there, so that nobody knows whether it {what}"
            );
            Some(Finding::refuse(&link.name, what, remedy))
        }
        Err(error) => {
            let what = format!("/proc/sys/net/{path} cannot be read: {error}");
            Some(Finding::refuse(&link.name, what, remedy))
        }
    }
}

fn has_ipv6() -> bool {
    std::path::Path::new("/proc/sys/net/ipv6").exists()
}
