//! How people see endpoints.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use netpol_core::model::{AddressRange, Families, Family, IpSet, PortSet, Protocol};

use crate::execute::{Endpoint, PolicyRef};
use crate::kinds;

/// At most so many ranges are spelled out.
const MOST_RANGES: usize = 3;

/// Returns what a user would type for an endpoint.
pub(super) fn endpoint(endpoint: &Endpoint) -> String {
    match endpoint {
        Endpoint::Workload { namespace, kind, name } => {
            format!("{namespace}/{}/{name}", kinds::short(kind))
        }
        Endpoint::Pod { namespace, name, .. } => format!("{namespace}/pod/{name}"),
        Endpoint::Namespace { name } => format!("ns/{name}"),
        Endpoint::External { ranges } => external(ranges),
        Endpoint::Name { name } => format!("fqdn:{name}"),
        Endpoint::IngressController => "ingress-controller".into(),
        Endpoint::Node { name } => format!("node/{name}"),
        Endpoint::Service { namespace, name } => format!("{namespace}/svc/{name}"),
    }
}

/// Returns what an endpoint is listed under: its namespace, unless it is one.
pub(super) fn group(endpoint: &Endpoint) -> Option<String> {
    match endpoint {
        Endpoint::Namespace { .. } => None,
        other => other.namespace().map(str::to_owned),
    }
}

/// Returns what a user would type for an endpoint in its namespace.
pub(super) fn within(end: &Endpoint) -> String {
    match end {
        Endpoint::Workload { kind, name, .. } => format!("{}/{name}", kinds::short(kind)),
        Endpoint::Pod { name, .. } => format!("pod/{name}"),
        Endpoint::Service { name, .. } => format!("svc/{name}"),
        other => endpoint(other),
    }
}

/// Returns ports as briefly as can be: TCP goes without saying.
pub(super) fn ports(ports: &PortSet) -> String {
    if ports.is_all() {
        return "all".into();
    }
    let mut parts: Vec<(bool, String)> = Vec::new();
    for range in ports.ranges() {
        let tcp = range.protocol == Protocol::Tcp;
        let protocol = range.protocol.as_str().to_ascii_lowercase();
        let prefix = if tcp { String::new() } else { format!("{protocol}/") };
        let text = match (range.from, range.to) {
            (1, u16::MAX) => protocol,
            (from, to) if from == to => format!("{prefix}{from}"),
            (from, to) => format!("{prefix}{from}-{to}"),
        };
        parts.push((!tcp, text));
    }
    parts.sort_by_key(|(other, _)| *other);
    parts.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join(",")
}

/// Returns what a user would type for a policy.
pub(super) fn policy(policy: &PolicyRef) -> String {
    match &policy.namespace {
        Some(namespace) => format!("{namespace}/{}/{}", policy.short, policy.name),
        None => format!("{}/{}", policy.short, policy.name),
    }
}

fn external(ranges: &IpSet) -> String {
    let present: Families = ranges.families_present();
    let whole = |f: Family| !present.contains(f) || ranges.only(f) == IpSet::family(f);
    if !present.is_empty() && Family::ALL.into_iter().all(whole) {
        return match (present.v4, present.v6) {
            (false, true) => "external (IPv6)".into(),
            _ => "external".into(),
        };
    }
    let public = IpSet::families(present).difference(&crate::lower::private_ranges());
    if *ranges == public {
        return "internet".into();
    }
    let shown: Vec<String> = ranges.ranges().take(MOST_RANGES).map(range).collect();
    let more = ranges.ranges().count().saturating_sub(MOST_RANGES);
    let more = if more > 0 { format!(" and {more} more ranges") } else { String::new() };
    format!("{}{more}", shown.join(","))
}

/// Prints a range as a CIDR where it is one.
fn range(range: AddressRange) -> String {
    let nets: Vec<IpNet> = match (range.from, range.to) {
        (IpAddr::V4(a), IpAddr::V4(b)) => {
            ipnet::Ipv4Subnets::new(a, b, 0).take(2).map(|n: Ipv4Net| n.into()).collect()
        }
        (IpAddr::V6(a), IpAddr::V6(b)) => {
            ipnet::Ipv6Subnets::new(a, b, 0).take(2).map(|n: Ipv6Net| n.into()).collect()
        }
        _ => Vec::new(),
    };
    match nets[..] {
        [net] if net.prefix_len() < net.max_prefix_len() => net.to_string(),
        _ => range.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_cidrs_where_they_are() {
        let net: IpNet = "10.0.0.0/8".parse().unwrap();
        assert_eq!(external(&net.into()), "10.0.0.0/8");
        let one: IpAddr = "10.0.0.7".parse().unwrap();
        assert_eq!(external(&one.into()), "10.0.0.7");
        assert_eq!(external(&IpSet::family(Family::V4)), "external");
        let rest = IpSet::family(Family::V4).difference(&net.into());
        assert_eq!(external(&rest), "0.0.0.0-9.255.255.255,11.0.0.0-255.255.255.255");
    }
}
