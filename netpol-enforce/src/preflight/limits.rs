//! What would not get through: sizes that differ, superframes that are too large, buffers that are too small.

use super::{Finding, setting};
use crate::afpacket::OpenOptions;
use crate::afpacket::netlink::{self, Link};

/// Bytes of the largest superframe that a buffer holds, and that the vnet header can describe.
const LARGEST_SUPERFRAME: u32 = 65_536;

/// Segmentation whose superframes cannot be described (`ethtool -k`).
const UNDESCRIBED: &str = "tx-udp_tnl-segmentation off tx-udp_tnl-csum-segmentation off tx-gre-segmentation off \
                           tx-gre-csum-segmentation off tx-ipxip4-segmentation off tx-ipxip6-segmentation off \
                           tx-sctp-segmentation off tx-checksum-sctp off";

/// Returns every size of a port, and of the pod's end of it, that is wrong; MTUs are compared with the first port's.
pub(super) fn check(link: &Link, first: &Link) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(check_mtu(link, first));
    findings.extend(check_superframes(link, &link.name, "it"));
    findings.extend(check_state(link));
    findings.extend(check_peer(link));
    findings
}

/// Returns a warning if the kernel would cut the receive buffer.
pub(super) fn check_buffers() -> Option<Finding> {
    let wanted = OpenOptions::RECEIVE_BUFFER;
    let limit = setting("core/rmem_max").ok().flatten()?.parse::<usize>().ok()?;
    let what =
        format!("receive buffers are limited to {limit} bytes: frames will be lost under load");
    let remedy = format!("sysctl -w net.core.rmem_max={wanted}");
    (limit < wanted).then(|| Finding::warn("", what, remedy))
}

fn check_mtu(link: &Link, first: &Link) -> Option<Finding> {
    let (mtu, wanted) = (link.mtu, first.mtu);
    let what = format!(
        "has an MTU of {mtu}, and {} has {wanted}: what is larger would be lost without a word",
        first.name
    );
    let remedy = format!("ip link set {} mtu {wanted}", link.name);
    (mtu != wanted).then(|| Finding::refuse(&link.name, what, remedy))
}

fn check_superframes(link: &Link, port: &str, whose: &str) -> Vec<Finding> {
    let sizes =
        [("gso_max_size", link.gso_max_size), ("gso_ipv4_max_size", link.gso_ipv4_max_size)];
    let large = sizes.iter().filter(|(_, size)| *size > LARGEST_SUPERFRAME);
    large
        .map(|(name, size)| {
            let what =
                format!("{whose} makes superframes of up to {size} bytes, which no buffer holds");
            let remedy = format!("ip link set {} {name} {LARGEST_SUPERFRAME}", link.name);
            Finding::refuse(port, what, remedy)
        })
        .collect()
}

fn check_state(link: &Link) -> Option<Finding> {
    let remedy = format!("ip link set {} up", link.name);
    (!link.is_up()).then(|| Finding::warn(&link.name, "is switched off", remedy))
}

/// Looks at the other end of a pair, as far as it can be seen from here.
fn check_peer(link: &Link) -> Vec<Finding> {
    if link.kind != "veth" {
        return Vec::new();
    }
    let mut findings = vec![advise_on_segmentation(link)];
    if let Ok(Some(peer)) = netlink::peer_of(link) {
        let whose = format!("its other end, {}, in the pod,", peer.name);
        findings.extend(check_superframes(&peer, &link.name, &whose));
        findings.extend(check_peer_mtu(link, &peer));
    }
    findings
}

fn check_peer_mtu(link: &Link, peer: &Link) -> Option<Finding> {
    let (mtu, wanted) = (peer.mtu, link.mtu);
    let what = format!(
        "its other end, {}, in the pod, has an MTU of {mtu} instead of {wanted}",
        peer.name
    );
    let remedy = format!("in the pod: ip link set {} mtu {wanted}", peer.name);
    (mtu > wanted).then(|| Finding::refuse(&link.name, what, remedy))
}

/// Tells what cannot be seen from here.
fn advise_on_segmentation(link: &Link) -> Finding {
    let what = "whether its other end, in the pod, leaves tunnels and SCTP to be segmented cannot be seen from here: such \
                frames are dropped and counted";
    Finding::warn(&link.name, what, format!("in the pod: ethtool -K <interface> {UNDESCRIBED}"))
}
