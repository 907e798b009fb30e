//! What must hold, one function each.

use std::io::{Write as _, pipe};
use std::os::fd::OwnedFd;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use netpol_enforce::PortId;
use netpol_enforce::afpacket::{AfPacket, OpenError, OpenOptions};
use netpol_enforce::device::Device as _;
use netpol_enforce::preflight::{self, Finding, Severity};

use crate::forwarder::{Forwarder, Seen, options};
use crate::frames::{self, EXPERIMENT, hex};
use crate::live::Outcome::{self, Passed, Skipped};
use crate::live::{Role, Scenario, ip, scenarios, set, text_of, this_program};
use crate::offloads::{every_offload_on_and_off, udp_superframes_arrive_as_datagrams};
use crate::topology::End::{Client, Server};
use crate::topology::Pair;

/// Every scenario.
pub(crate) const ALL: &[Scenario] = scenarios![
    both_ends_talk_with_offloads_on,
    one_ping_is_a_few_frames,
    every_offload_on_and_off,
    udp_superframes_arrive_as_datagrams,
    tags_keep_their_protocol_and_place,
    a_partial_sctp_checksum_is_completed,
    tunnel_superframes_are_counted,
    one_refused_frame_costs_itself_alone,
    frames_that_are_too_long_are_cut_and_not_sent,
    frames_without_room_are_counted,
    a_port_that_goes_down_comes_back,
    a_port_that_is_made_anew_comes_back,
    a_port_that_is_no_longer_admitted_is_closed,
    a_waker_ends_the_wait,
    what_cannot_be_a_port_is_refused,
    the_preflight_finds_what_stands_in_the_way,
    the_chain_silences_the_kernel,
    a_killed_forwarder_lets_nothing_through,
    privileges_are_gone,
];

pub(crate) fn ports(pairs: &[&Pair]) -> Vec<String> {
    pairs.iter().flat_map(|pair| [pair.port(Client), pair.port(Server)]).collect()
}

fn both_ends_talk_with_offloads_on() -> Outcome {
    let pair = Pair::new(1);
    let forwarder = Forwarder::start(&ports(&[&pair]));
    for family in [4, 6] {
        assert!(pair.ping(family), "no answer by IPv{family}");
        assert_eq!(pair.exchange_udp(family, 2000, 1200), 2000);
        pair.exchange_tcp(family, 8 << 20);
        // Larger than a frame: fragments.
        assert_eq!(pair.exchange_udp(family, 50, 4000), 50);
    }
    let seen = forwarder.stop();
    assert!(seen.superframes > 0 && seen.longest > 1514, "{seen:?}");
    assert_eq!((seen.errors, seen.truncated), (0, 0), "{seen:?}");
    assert_eq!(seen.sent, seen.frames);
    for stats in &seen.stats {
        assert_eq!((stats.overflow, stats.unreadable, stats.losses), (0, 0, 0), "{seen:?}");
    }
    assert_eq!(seen.stats[0].received, seen.stats[1].sent);
    assert_eq!(seen.stats[1].received, seen.stats[0].sent);
    pair.assert_clean();
    Passed
}

fn one_ping_is_a_few_frames() -> Outcome {
    let pair = Pair::new(1);
    pair.silence(Client);
    pair.silence(Server);
    let forwarder = Forwarder::start(&ports(&[&pair]));
    assert!(pair.ping(4));
    thread::sleep(Duration::from_secs(2));
    let seen = forwarder.stop();
    assert!((2..=10).contains(&seen.frames), "{seen:?}");
    Passed
}

/// Sends frames from the client through a forwarder, and returns what the server says of them.
fn carry(pair: &Pair, frames: &[String]) -> Vec<String> {
    let forwarder = Forwarder::start(&ports(&[pair]));
    let mut capture = pair.start(Server, &["role:capture", &frames.len().to_string()]);
    let mut arguments = vec!["role:inject"];
    arguments.extend(frames.iter().map(String::as_str));
    pair.run(Client, &arguments);
    let lines = frames.iter().map(|_| capture.line()).collect();
    let seen = forwarder.stop();
    assert_eq!(seen.errors, 0, "{seen:?}");
    lines
}

fn tags_keep_their_protocol_and_place() -> Outcome {
    let pair = Pair::new(1);
    let (to, from) = (pair.mac(Server), pair.mac(Client));
    let [source, target] = [Client, Server].map(|end| pair.v4(end).parse().unwrap());
    let experiment =
        |tags: &[(u16, u16)]| frames::ethernet(to, from, tags, EXPERIMENT, &[0x5a; 60]);
    let q = experiment(&[(0x8100, 0x2005)]);
    let ad = experiment(&[(0x88a8, 0x0007)]);
    let q_in_q = experiment(&[(0x88a8, 0x0007), (0x8100, 0x0009)]);
    let udp =
        frames::ip(source, target, 17, &[&[0, 7, 0, 7, 0, 40, 0, 0][..], &[0x5a; 32]].concat());
    let partial = frames::ethernet(to, from, &[(0x88a8, 7)], 0x0800, &udp);
    let mut segment = vec![0, 7, 0, 9, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10, 0xff, 0xff, 0, 0, 0, 0];
    segment.resize(20 + 3000, 0x5a);
    let superframe = frames::ethernet(
        to,
        from,
        &[(0x8100, 5)],
        0x0800,
        &frames::ip(source, target, 6, &segment),
    );
    let lines = carry(
        &pair,
        &[
            hex(&q),
            hex(&ad),
            hex(&q_in_q),
            format!("csum=38+6:{}", hex(&partial)),
            format!("gso=1000,58,38:{}", hex(&superframe)),
        ],
    );
    let tagged = |tpid: u16, tci: u16| format!("Some(Vlan {{ tpid: {tpid}, tci: {tci} }})");
    let whole =
        |tag: String, frame: &[u8]| format!("{tag} Complete None {} {}", frame.len(), hex(frame));
    assert_eq!(lines[0], whole(tagged(0x8100, 0x2005), &q));
    assert_eq!(lines[1], whole(tagged(0x88a8, 7), &ad));
    assert_eq!(lines[2], whole(tagged(0x88a8, 7), &q_in_q));
    let csum = "Partial { start: 38, offset: 6 }";
    let tag = tagged(0x88a8, 7);
    assert_eq!(lines[3], format!("{tag} {csum} None {} {}", partial.len(), hex(&partial)));
    let gso = "Some(Gso { kind: Tcp4, size: 1000, hdr_len: 58, ecn: false })";
    let (csum, tag) = ("Partial { start: 38, offset: 16 }", tagged(0x8100, 5));
    assert_eq!(lines[4], format!("{tag} {csum} {gso} {} {}", superframe.len(), hex(&superframe)));
    Passed
}

fn a_partial_sctp_checksum_is_completed() -> Outcome {
    let pair = Pair::new(1);
    let [source, target] = [Client, Server].map(|end| pair.v6(end).parse().unwrap());
    let mut sctp =
        vec![0x12, 0x34, 0, 80, 1, 2, 3, 4, 0, 0, 0, 0, 14, 0, 0, 8, 0x5a, 0x5a, 0x5a, 0x5a];
    let packet = frames::ip(source, target, 132, &sctp);
    let frame = frames::ethernet(pair.mac(Server), pair.mac(Client), &[], 0x86dd, &packet);
    let lines = carry(&pair, &[format!("csum=54+8:{}", hex(&frame))]);
    let sum = crc32c(&sctp).to_le_bytes();
    sctp[8..12].copy_from_slice(&sum);
    let packet = frames::ip(source, target, 132, &sctp);
    let frame = frames::ethernet(pair.mac(Server), pair.mac(Client), &[], 0x86dd, &packet);
    assert_eq!(lines[0], format!("None Complete None {} {}", frame.len(), hex(&frame)));
    Passed
}

/// Returns the sum of RFC 9260, bit by bit.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0x82f6_3b78 * (crc & 1)))
    })
}

fn tunnel_superframes_are_counted() -> Outcome {
    let pair = Pair::new(1);
    for end in [Client, Server] {
        let namespace = pair.namespace(end);
        let peers = "dstport 4789 dev eth0 remote";
        let other = pair.v4(if matches!(end, Client) { Server } else { Client });
        ip(&format!("-n {namespace} link add tunnel type vxlan id 7 {peers} {other}"));
        ip(&format!(
            "-n {namespace} addr add {}/24 dev tunnel",
            pair.v4(end).replace("10.1", "10.99")
        ));
        ip(&format!("-n {namespace} link set tunnel up"));
    }
    let forwarder = Forwarder::start(&ports(&[&pair]));
    let address = "10.99.0.2:7";
    let server = pair.start(Server, &["role:tcp-server", address]);
    pair.run(Client, &["role:tcp-client", address, "20000"]);
    drop(server);
    let seen = forwarder.stop();
    // The kernel calls them TCP over IPv4, takes none of them, and the tunnel goes on with single segments.
    assert!(seen.superframes > 0 && seen.errors == seen.superframes, "{seen:?}");
    pair.assert_clean();
    Passed
}

fn one_refused_frame_costs_itself_alone() -> Outcome {
    let pair = Pair::new(1);
    ip(&format!("link set {} mtu 1000", pair.port(Server)));
    let (to, from) = (pair.mac(Server), pair.mac(Client));
    let frame = |size| hex(&frames::ethernet(to, from, &[], EXPERIMENT, &vec![0x5a; size]));
    // Received as one batch, for they wait.
    let forwarder = Forwarder::start_with(&ports(&[&pair]), |_| {}, Duration::from_millis(300));
    let mut capture = pair.start(Server, &["role:capture", "3"]);
    let sent = [frame(100), frame(1400), frame(1400), frame(200), frame(1000)];
    let mut arguments = vec!["role:inject"];
    arguments.extend(sent.iter().map(String::as_str));
    pair.run(Client, &arguments);
    for number in [0, 3, 4] {
        assert!(capture.line().ends_with(&sent[number]));
    }
    let seen = forwarder.stop();
    assert_eq!((seen.errors, seen.stats[1].tx_errors), (2, 2), "{seen:?}");
    Passed
}

fn frames_that_are_too_long_are_cut_and_not_sent() -> Outcome {
    let pair = Pair::new(1);
    ip(&format!("-n {} link set eth0 gso_max_size 190000", pair.namespace(Client)));
    let forwarder = Forwarder::start(&ports(&[&pair]));
    pair.exchange_tcp(6, 4 << 20);
    let seen = forwarder.stop();
    if seen.truncated == 0 {
        return Skipped("no superframe above 64 KiB was made".to_owned());
    }
    assert!(seen.errors >= seen.truncated, "{seen:?}");
    assert!(seen.longest <= 65_536 + 256 + 4, "{seen:?}");
    pair.assert_clean();
    Passed
}

fn frames_without_room_are_counted() -> Outcome {
    let pair = Pair::new(1);
    pair.silence(Client);
    pair.silence(Server);
    let small = |options: &mut OpenOptions| options.receive_buffer = 65_536;
    let forwarder = Forwarder::start_with(&ports(&[&pair]), small, Duration::from_secs(1));
    pair.run(Client, &["role:flood", &text_of(pair.mac(Server)), "1000"]);
    forwarder.wait_until(|seen| seen.frames > 0);
    thread::sleep(Duration::from_millis(300));
    let seen = forwarder.stop();
    let stats = seen.stats[0];
    assert!(stats.overflow > 0 && stats.received > 0, "{seen:?}");
    assert_eq!(stats.overflow + stats.received, 1000, "{seen:?}");
    assert_eq!(seen.stats[1].sent, stats.received, "{seen:?}");
    pair.assert_clean();
    Passed
}

fn a_port_that_goes_down_comes_back() -> Outcome {
    let (pair, other) = (Pair::new(1), Pair::new(2));
    let forwarder = Forwarder::start(&ports(&[&pair, &other]));
    assert_eq!(pair.exchange_udp(4, 20, 100), 20);
    ip(&format!("link set {} down", pair.port(Client)));
    forwarder.wait_until(|seen| seen.stats[0].losses == 1);
    assert_eq!(pair.exchange_udp(4, 1, 100), 0);
    assert_eq!(other.exchange_udp(4, 100, 100), 100);
    forwarder.assert_waits();
    ip(&format!("link set {} up", pair.port(Client)));
    pair.wait_until_reachable();
    assert_eq!(pair.exchange_udp(4, 100, 100), 100);
    let seen = forwarder.stop();
    assert_eq!((seen.stats[0].losses, seen.stats[0].reopened), (1, 0), "{seen:?}");
    assert_eq!((seen.stats[2].losses, seen.stats[2].tx_errors), (0, 0), "{seen:?}");
    Passed
}

fn a_port_that_is_made_anew_comes_back() -> Outcome {
    let (pair, other) = (Pair::new(1), Pair::new(2));
    let ports = ports(&[&pair, &other]);
    let names: Vec<&str> = ports.iter().map(String::as_str).collect();
    let forwarder = Forwarder::start(&ports);
    let has_chain = preflight::close_kernel_path(&names).is_ok();
    assert_eq!(pair.exchange_udp(4, 20, 100), 20);
    ip(&format!("link del {}", pair.port(Client)));
    forwarder.wait_until(|seen| seen.stats[0].losses == 1);
    assert_eq!(other.exchange_udp(4, 100, 100), 100);
    if has_chain {
        // As a kernel does that takes a deleted interface out of it.
        open_kernel_path();
    }
    pair.join(Client);
    if has_chain {
        let is_refused =
            |text: &String| text.contains("not used again") && text.contains("arp off");
        forwarder.wait_until(|seen| seen.warnings.iter().any(is_refused));
        assert_eq!(forwarder.seen().stats[0].reopened, 0);
    }
    forwarder.assert_waits();
    pair.set_up_port(Client);
    let took = forwarder.wait_until(|seen| seen.stats[0].reopened == 1);
    assert!(took <= Duration::from_secs(1), "{took:?}");
    assert_eq!(preflight::is_kernel_path_closed(&names).is_ok(), has_chain);
    pair.wait_until_reachable();
    assert_eq!(pair.exchange_udp(4, 100, 100), 100);
    pair.exchange_tcp(4, 1 << 20);
    assert_eq!(other.exchange_udp(6, 100, 100), 100);
    let seen = forwarder.stop();
    assert_eq!((seen.stats[0].losses, seen.stats[0].reopened), (1, 1), "{seen:?}");
    assert_eq!((seen.stats[2].losses, seen.stats[2].tx_errors), (0, 0), "{seen:?}");
    Passed
}

/// A change to a running port, what ends it, which ports are closed meanwhile, and what the warning advises.
struct Change {
    made: String,
    ended: String,
    closed: [bool; 2],
    advice: String,
}

fn changes(first: &str, second: &str) -> Vec<Change> {
    let change = |made: String, ended: String, closed, advice: String| Change {
        made,
        ended,
        closed,
        advice,
    };
    let (only_first, only_second) = ([true, false], [false, true]);
    let setting = |path: &str, from: u8, to: u8, closed| {
        let (made, ended) = (format!("set {path} {to}"), format!("set {path} {from}"));
        change(made, ended, closed, format!("sysctl -w net/{path}={from}"))
    };
    let link = |port: &str, made: &str, ended: &str, closed| {
        let ended = format!("ip link set {port} {ended}");
        change(format!("ip link set {port} {made}"), ended.clone(), closed, ended)
    };
    vec![
        link(first, "master bridge0", "nomaster", only_first),
        link(second, "mtu 1400", "mtu 1500", [true, true]),
        link(second, "arp on", "arp off", only_second),
        // The kernel tells nobody of this one.
        link(first, "gso_max_size 190000", "gso_max_size 65536", only_first),
        change(
            format!("ip addr add 192.0.2.1/24 dev {first}"),
            format!("ip addr flush dev {first}"),
            only_first,
            format!("ip addr flush dev {first}"),
        ),
        setting(&format!("ipv4/conf/{second}/forwarding"), 0, 1, only_second),
        setting(&format!("ipv6/conf/{first}/disable_ipv6"), 1, 0, only_first),
    ]
}

/// Does what a text says: `ip` with words, or `set` with a setting and its value.
fn apply(text: &str) {
    match text.split_once(' ').unwrap() {
        ("ip", words) => ip(words),
        (_, setting) => {
            let (path, value) = setting.split_once(' ').unwrap();
            set(path, value);
        }
    }
}

fn a_port_that_is_no_longer_admitted_is_closed() -> Outcome {
    let pair = Pair::new(1);
    pair.silence(Server);
    let ports = ports(&[&pair]);
    let admitted = |options: &mut OpenOptions| {
        options.admission = Box::new(preflight::admit_without_chain);
    };
    let forwarder = Forwarder::start_with(&ports, admitted, Duration::ZERO);
    ip("link add bridge0 type bridge");
    let _traffic = pair.start(Client, &["role:pulse", &text_of(pair.mac(Server))]);
    pair.wait_for_frames(Server);
    for Change { made, ended, closed, advice } in &changes(&ports[0], &ports[1]) {
        let before = forwarder.seen();
        let is_closed = |seen: &Seen| {
            (0..2).all(|p| seen.stats[p].losses - before.stats[p].losses == u64::from(closed[p]))
        };
        let is_open = |seen: &Seen| {
            (0..2)
                .all(|p| seen.stats[p].reopened - before.stats[p].reopened == u64::from(closed[p]))
        };
        apply(made);
        let took = forwarder.wait_until(is_closed);
        assert!(took < Duration::from_secs(1), "{made}: closed after {took:?}");
        let frames = pair.frames(Server);
        thread::sleep(Duration::from_millis(100));
        assert_eq!(pair.frames(Server), frames, "{made}: something passes");
        assert!(is_closed(&forwarder.seen()), "{made}: {:?}", forwarder.seen());
        apply(ended);
        let took = forwarder.wait_until(is_open);
        assert!(took < Duration::from_secs(1), "{ended}: open after {took:?}");
        pair.wait_for_frames(Server);
        let said = forwarder.seen().warnings.split_off(before.warnings.len());
        let wanted = closed.iter().filter(|closed| **closed).count();
        assert_eq!(said.len(), 2 * wanted, "{made}: {said:?}");
        assert!(said.iter().any(|text| text.contains(advice)), "{made}: {said:?}");
        let opened = said.iter().filter(|text| text.ends_with(": open again")).count();
        assert_eq!(opened, wanted, "{made}: {said:?}");
    }
    ip("link del bridge0");
    Passed
}

fn a_waker_ends_the_wait() -> Outcome {
    let pair = Pair::new(1);
    pair.silence(Client);
    pair.silence(Server);
    let (reader, mut writer) = pipe().unwrap();
    let mut options = options();
    options.wake = Some(OwnedFd::from(reader));
    let mut device = AfPacket::open(&[&pair.port(Client)], options).unwrap();
    while device.receive(Duration::from_millis(300)).unwrap() > 0 {}
    writer.write_all(&[1]).unwrap();
    let start = Instant::now();
    assert_eq!(device.receive(Duration::from_millis(450)).unwrap(), 0);
    assert!(start.elapsed() < Duration::from_millis(200), "{:?}", start.elapsed());
    let start = Instant::now();
    assert_eq!(device.receive(Duration::from_millis(200)).unwrap(), 0);
    assert!(start.elapsed() >= Duration::from_millis(150), "{:?}", start.elapsed());
    assert!(device.is_open(PortId(0)));
    Passed
}

fn what_cannot_be_a_port_is_refused() -> Outcome {
    let pair = Pair::new(1);
    let port = pair.port(Client);
    let open = |names: &[&str]| AfPacket::open(names, options()).err();
    assert!(matches!(open(&[]), Some(OpenError::PortCount(0))));
    assert!(matches!(open(&["lo"]), Some(OpenError::NotEthernet { .. })));
    assert!(matches!(open(&[&port, "absent"]), Some(OpenError::NoInterface { .. })));
    assert!(matches!(open(&[&port, &port]), Some(OpenError::Duplicate { .. })));
    let mut large = options();
    large.receive_buffer = 1 << 30;
    let mut device = AfPacket::open(&[&port], large).unwrap();
    let warnings = device.take_warnings();
    assert!(
        warnings.iter().any(|text| text.contains("sysctl -w net.core.rmem_max=")),
        "{warnings:?}"
    );
    assert_eq!(device.ports()[0].name, port);
    assert_eq!(device.ports()[0].mtu, 1500);
    Passed
}

/// Returns what refuses on ports, but for the chain, which belongs to none.
fn refusals(ports: &[String]) -> Vec<Finding> {
    let names: Vec<&str> = ports.iter().map(String::as_str).collect();
    let findings = preflight::check(&names).into_iter();
    findings.filter(|f| f.severity == Severity::Refuse && !f.port.is_empty()).collect()
}

/// Asserts that a port is refused for one thing, after a change, and that its remedy ends that.
fn assert_refused(ports: &[String], port: &str, what: &str, change: impl FnOnce()) {
    assert_eq!(refusals(ports), []);
    change();
    let found = refusals(ports);
    assert!(found.iter().any(|f| f.port == port && f.what.contains(what)), "{what}: {found:?}");
    for finding in found {
        let remedy = match finding.remedy.strip_prefix("sysctl -w net/") {
            Some(setting) => {
                let (path, value) = setting.split_once('=').unwrap();
                set(path, value);
                continue;
            }
            None => finding.remedy,
        };
        // What is to be done in the pod follows from what is wrong here.
        if !remedy.starts_with("in the pod") {
            ip(remedy.strip_prefix("ip ").unwrap());
        }
    }
    assert_eq!(refusals(ports), [], "after the remedy against: {what}");
}

fn the_preflight_finds_what_stands_in_the_way() -> Outcome {
    let pair = Pair::new(1);
    let ports = ports(&[&pair]);
    let (first, second) = (ports[0].as_str(), ports[1].as_str());
    ip("link add bridge0 type bridge");
    assert_refused(&ports, first, "bridge", || ip(&format!("link set {first} master bridge0")));
    ip("link del bridge0");
    let address = || ip(&format!("addr add 192.0.2.1/24 dev {first}"));
    assert_refused(&ports, first, "192.0.2.1", address);
    assert_refused(&ports, second, "ARP", || ip(&format!("link set {second} arp on")));
    let path = format!("ipv6/conf/{second}/disable_ipv6");
    assert_refused(&ports, second, "IPv6", || set(&path, "0"));
    let path = format!("ipv4/conf/{first}/forwarding");
    assert_refused(&ports, first, "forwarding", || set(&path, "1"));
    assert_refused(&ports, second, "MTU", || ip(&format!("link set {second} mtu 1400")));
    let large = || ip(&format!("link set {first} gso_max_size 190000"));
    assert_refused(&ports, first, "superframes", large);
    let namespace = pair.namespace(Client);
    ip(&format!("-n {namespace} link set eth0 gso_max_size 190000"));
    let found = refusals(&ports);
    assert!(found.len() == 1 && found[0].what.contains("in the pod"), "{found:?}");
    ip(&format!("-n {namespace} link set eth0 gso_max_size 65536"));
    assert_eq!(refusals(&["absent".to_owned()]).len(), 1);
    Passed
}

fn the_chain_silences_the_kernel() -> Outcome {
    let pair = Pair::new(1);
    let ports = ports(&[&pair]);
    let names: Vec<&str> = ports.iter().map(String::as_str).collect();
    if let Err(error) = preflight::close_kernel_path(&names) {
        return Skipped(error.to_string());
    }
    open_kernel_path();
    assert!(preflight::is_kernel_path_closed(&names).is_err());
    assert!(preflight::check(&names).iter().any(|f| f.remedy.contains("policy drop")));
    // A kernel that would answer on the port, if it saw the question.
    let address = "10.1.0.3";
    ip(&format!("addr add {address}/24 dev {}", names[0]));
    ip(&format!("link set {} arp on", names[0]));
    let mac = AfPacket::open(&[names[0]], options()).unwrap().ports()[0].mac;
    open_kernel_path();
    assert!(pair.ping_at(4, mac, address, 1000), "without the chain it answers");
    preflight::close_kernel_path(&names).unwrap();
    assert!(!pair.ping_at(4, mac, address, 1000), "with the chain it does not");
    ip(&format!("addr flush dev {}", names[0]));
    ip(&format!("link set {} arp off", names[0]));
    assert_eq!(preflight::check(&names).iter().find(|f| f.severity == Severity::Refuse), None);
    let forwarder = Forwarder::start(&ports);
    preflight::close_kernel_path(&names).unwrap();
    assert!(pair.ping(4) && pair.ping(6));
    pair.exchange_tcp(4, 1 << 20);
    drop(forwarder.stop());
    open_kernel_path();
    Passed
}

fn open_kernel_path() {
    let output = Command::new("nft").args(["delete", "table", "netdev", "netpol_enforce"]).output();
    assert!(output.unwrap().status.success());
}

fn a_killed_forwarder_lets_nothing_through() -> Outcome {
    let pair = Pair::new(1);
    let ports = ports(&[&pair]);
    let mut command = Command::new(this_program());
    command.arg("role:forward").args(&ports);
    let mut forwarder = Role::spawn(command);
    assert_eq!(pair.exchange_udp(4, 100, 100), 100);
    forwarder.stop();
    assert_eq!(pair.exchange_udp(4, 1, 100), 0);
    assert_eq!(pair.exchange_udp(6, 1, 100), 0);
    assert!(!pair.ping(4));
    Passed
}

fn privileges_are_gone() -> Outcome {
    let pair = Pair::new(1);
    let said = pair.run(Client, &["role:drop-privileges", "eth0"]);
    let raw = "0000000000002000";
    let wanted = format!(
        "CapInh: 0000000000000000\nCapPrm: {raw}\nCapEff: {raw}\nCapBnd: {raw}\nCapAmb: 0000000000000000\nNoNewPrivs: 1"
    );
    assert_eq!(said, wanted);
    Passed
}
