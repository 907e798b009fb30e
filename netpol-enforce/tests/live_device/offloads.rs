//! What the ends leave to their hardware, and what the ports put together, on and off.

use std::process::Command;

use crate::forwarder::Forwarder;
use crate::frames::{self, hex};
use crate::live::Outcome::{self, Passed, Skipped};
use crate::live::{ip, said};
use crate::scenarios::ports;
use crate::topology::End::{self, Client, Server};
use crate::topology::Pair;

/// Ethernet and IPv4 without options: where the transport header begins; 20 bytes more with IPv6.
const IPV4_END: u16 = 34;

/// A row of the matrix: what is switched at the pods' ends, the MTU, and what the frames must then be like.
struct Row {
    pods: &'static str,
    mtu: u32,
    sends_superframes: bool,
}

const ROWS: [Row; 4] = [
    Row { pods: "tx on tso on gso on", mtu: 1500, sends_superframes: true },
    Row { pods: "tso off gso off", mtu: 1500, sends_superframes: false },
    Row { pods: "tso off gso off tx off", mtu: 1500, sends_superframes: false },
    Row { pods: "tx on tso on gso on", mtu: 9000, sends_superframes: true },
];

/// TCP of some megabytes and UDP in both families arrive whole, with no wrong checksum at either end.
pub(crate) fn every_offload_on_and_off() -> Outcome {
    if Command::new("ethtool").arg("--version").output().is_err() {
        return Skipped("ethtool is not here".to_owned());
    }
    for row in &ROWS {
        for merges in [false, true] {
            one_row(row, merges);
        }
    }
    Passed
}

fn one_row(row: &Row, merges: bool) {
    let pair = Pair::new(1);
    for end in [Client, Server] {
        let (port, namespace) = (pair.port(end), pair.namespace(end));
        ip(&format!("link set {port} mtu {}", row.mtu));
        ip(&format!("-n {namespace} link set eth0 mtu {}", row.mtu));
        ip(&format!("netns exec {namespace} ethtool -K eth0 {}", row.pods));
        ethtool(&format!("-K {port} gro {}", if merges { "on" } else { "off" }));
    }
    let forwarder = Forwarder::start(&ports(&[&pair]));
    for family in [4, 6] {
        pair.exchange_tcp(family, 4 << 20);
        assert_eq!(pair.exchange_udp(family, 100, row.mtu - 100), 100);
    }
    let seen = forwarder.stop();
    let told = format!("{}, MTU {}, GRO {merges}: {seen:?}", row.pods, row.mtu);
    assert_eq!((seen.errors, seen.truncated, seen.sent), (0, 0, seen.frames), "{told}");
    if row.sends_superframes {
        // All but 64 KiB, as far as whole segments go.
        assert!(seen.longest > 65_536 - 2 * 9000, "{told}");
    } else if merges {
        assert!(seen.superframes > 0 && seen.longest > 1514, "{told}");
    } else {
        assert!(seen.superframes == 0 && seen.longest <= 1514, "{told}");
    }
    pair.assert_clean();
}

fn ethtool(words: &str) {
    said("ethtool", &Command::new("ethtool").args(words.split(' ')).output().unwrap());
}

/// Forty datagrams in one frame leave as one, and are forty again for a socket.
pub(crate) fn udp_superframes_arrive_as_datagrams() -> Outcome {
    const SIZE: u16 = 1200;
    let payload = vec![0x5a; 40 * usize::from(SIZE)];
    let pair = Pair::new(1);
    let forwarder = Forwarder::start(&ports(&[&pair]));
    for (family, start) in [(4, IPV4_END), (6, IPV4_END + 20)] {
        let [from, to] =
            [Client, Server].map(|end: End| pair.address(end, family).parse().unwrap());
        let packet = frames::udp_superframe(from, to, 7, &payload);
        let ether_type = if family == 4 { 0x0800 } else { 0x86dd };
        let frame = frames::ethernet(pair.mac(Server), pair.mac(Client), &[], ether_type, &packet);
        let (mut server, _) = pair.serve("role:count-udp", Server, family);
        let described = format!("uso={SIZE},{},{start}:{}", start + 8, hex(&frame));
        pair.run(Client, &["role:inject", &described]);
        assert_eq!(server.line(), "40 48000", "IPv{family}: {:?}", forwarder.seen());
    }
    let seen = forwarder.stop();
    assert_eq!((seen.errors, seen.superframes), (0, 2), "{seen:?}");
    pair.assert_clean();
    Passed
}
