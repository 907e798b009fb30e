//! Addresses and CIDRs as the API server reads them: leniently, with a warning (networkpolicy-v1, sections 8 and 15).

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

/// A CIDR with what the API server warns about.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cidr {
    /// The block, host bits masked.
    pub(super) net: IpNet,
    /// What is not canonical about how it was written.
    pub(super) warning: Option<String>,
}

/// Reads an address; leading zeros are decimal, and an IPv4-mapped one is IPv4.
pub(super) fn parse_ip(text: &str) -> Option<IpAddr> {
    match text.parse::<IpAddr>() {
        Ok(IpAddr::V6(v6)) => Some(v6.to_ipv4_mapped().map_or(IpAddr::V6(v6), IpAddr::V4)),
        Ok(v4) => Some(v4),
        Err(_) => sloppy_v4(text).map(IpAddr::V4).or_else(|| embedded_v4(text)),
    }
}

/// Reads a CIDR as Go's old `net.ParseCIDR` does, which the API server keeps for old objects.
pub(super) fn parse_cidr(text: &str) -> Option<Cidr> {
    let (address, length) = text.split_once('/')?;
    let number: u8 = length.parse().ok()?;
    if !length.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let ip = parse_ip(address)?;
    let (ip, prefix) = if ip.is_ipv4() && address.contains(':') {
        // Go masks all 128 bits and then sees an IPv4 address; below 96 bits nothing of it is left.
        (ip, number.checked_sub(96)?)
    } else {
        (ip, number)
    };
    let net = IpNet::new(ip, prefix).ok()?;
    let canonical = net.trunc();
    Some(Cidr { net: canonical, warning: warning(text, ip, net, canonical) })
}

fn warning(text: &str, ip: IpAddr, net: IpNet, canonical: IpNet) -> Option<String> {
    if net != canonical {
        let host = if ip.is_ipv4() { 32 } else { 128 };
        return Some(format!(
            "CIDR value `{text}` is ambiguous in this context (should be `{canonical}` or `{ip}/{host}`?)"
        ));
    }
    if text == canonical.to_string() {
        return None;
    }
    let standard = text.split_once('/').is_some_and(|(a, l)| {
        a.parse::<IpAddr>().is_ok_and(|a| a == ip) && (l == "0" || !l.starts_with('0'))
    });
    Some(if standard {
        format!("IPv6 CIDR value `{text}` should be in RFC 5952 canonical format (`{canonical}`)")
    } else {
        format!("non-standard CIDR value `{text}` is invalid: use `{canonical}`")
    })
}

/// Four decimal parts, leading zeros allowed.
fn sloppy_v4(text: &str) -> Option<Ipv4Addr> {
    let mut octets = [0_u8; 4];
    let mut parts = text.split('.');
    for octet in &mut octets {
        let part = parts.next()?;
        if part.is_empty() || !part.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        *octet = part
            .trim_start_matches('0')
            .parse()
            .or_else(|e| if part.bytes().all(|b| b == b'0') { Ok(0) } else { Err(e) })
            .ok()?;
    }
    parts.next().is_none().then(|| octets.into())
}

/// An IPv6 address that ends in a sloppy IPv4 one.
fn embedded_v4(text: &str) -> Option<IpAddr> {
    let (head, tail) = text.rsplit_once(':')?;
    let v4 = sloppy_v4(tail)?;
    match format!("{head}:{v4}").parse().ok()? {
        IpAddr::V6(v6) => Some(v6.to_ipv4_mapped().map_or(IpAddr::V6(v6), IpAddr::V4)),
        v4 @ IpAddr::V4(_) => Some(v4),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cidrs_are_read_as_the_api_server_reads_them() {
        for (text, net, warning) in [
            ("10.0.0.0/8", "10.0.0.0/8", ""),
            ("10.1.2.3/24", "10.1.2.0/24", "ambiguous"),
            ("010.1.2.0/24", "10.1.2.0/24", "non-standard"),
            ("10.0.0.0/08", "10.0.0.0/8", "non-standard"),
            ("000.0.0.0/0", "0.0.0.0/0", "non-standard"),
            ("::ffff:10.0.0.0/104", "10.0.0.0/8", "non-standard"),
            ("FE80::/10", "fe80::/10", "RFC 5952"),
            ("::/0", "::/0", ""),
            ("2001:db8::1/64", "2001:db8::/64", "ambiguous"),
        ] {
            let cidr = parse_cidr(text).unwrap();
            assert_eq!(cidr.net.to_string(), net, "{text}");
            let said = cidr.warning.unwrap_or_default();
            assert!(said.contains(warning) && said.is_empty() == warning.is_empty(), "{said}");
        }
        for bad in [
            "",
            "10.0.0.0",
            "10.0.0/8",
            "10.0.0.0/33",
            "a/8",
            "10.0.0.0/+8",
            "10.0.0.0/",
            "::/129",
            "1.2.3.4.5/8",
            "256.0.0.0/8",
            "10.0.0.0/8/9",
            " 10.0.0.0/8",
        ] {
            assert_eq!(parse_cidr(bad), None, "{bad}");
        }
    }
}
