//! What this program does at the ends: one short task each, told by its arguments.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::{Duration, Instant};

use netpol_enforce::afpacket::{AfPacket, Keep, drop_privileges};
use netpol_enforce::device::{Device as _, Inject as _, PortStats};
use netpol_enforce::{Csum, Frame, FrameMeta, Gso, GsoKind, PortId, Tick};

use crate::forwarder::{self, Seen, options};
use crate::frames::{self, EXPERIMENT, bytes_of, hex};
use crate::live::set;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Plays a role.
pub(crate) fn play(role: &str, arguments: &[&str]) {
    match (role, arguments) {
        ("role:tcp-server", [address]) => serve_tcp(address),
        ("role:tcp-client", [address, bytes]) => exchange_tcp(address, bytes.parse().unwrap()),
        ("role:udp-server", [address]) => serve_udp(address),
        ("role:udp-client", [address, count, size]) => {
            println!("{}", exchange_udp(address, count.parse().unwrap(), size.parse().unwrap()));
        }
        ("role:ping", [from_mac, to_mac, from, to, wait_ms]) => {
            ping([from_mac, to_mac], [from, to], wait_ms.parse().unwrap());
        }
        ("role:inject", frames) => inject(frames),
        ("role:flood", [to, count]) => flood(to, count.parse().unwrap()),
        ("role:pulse", [to]) => pulse(to),
        ("role:frames", []) => println!("{}", frames_received()),
        ("role:capture", [count]) => capture(count.parse().unwrap()),
        ("role:forward", ports) => forward(ports),
        ("role:drop-privileges", [port]) => without_privileges(port),
        ("role:set", [path, value]) => set(path, value),
        ("role:faults", []) => tell_faults(),
        ("role:count-udp", [address]) => count_udp(address),
        other => panic!("no such role: {other:?}"),
    }
}

fn ready() {
    println!("ready");
    io::stdout().flush().unwrap();
}

fn serve_tcp(address: &str) {
    let listener = TcpListener::bind(address).unwrap();
    ready();
    let (mut stream, _) = listener.accept().unwrap();
    let mut back = stream.try_clone().unwrap();
    io::copy(&mut stream, &mut back).unwrap();
    back.shutdown(Shutdown::Write).unwrap();
}

/// Sends bytes and compares what comes back.
fn exchange_tcp(address: &str, bytes: u32) {
    let address: SocketAddr = address.parse().unwrap();
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut to = stream.try_clone().unwrap();
    let sent: Vec<u8> =
        (0..bytes).map(|n| (n.wrapping_mul(2_654_435_761) >> 24).to_le_bytes()[0]).collect();
    let writer = thread::spawn({
        let sent = sent.clone();
        move || {
            to.write_all(&sent).unwrap();
            to.shutdown(Shutdown::Write).unwrap();
        }
    });
    let mut received = Vec::new();
    stream.read_to_end(&mut received).unwrap();
    writer.join().unwrap();
    assert!(received == sent, "{} of {bytes} bytes came back, or others", received.len());
}

fn serve_udp(address: &str) {
    let socket = UdpSocket::bind(address).unwrap();
    ready();
    let mut buffer = vec![0; 65_536];
    while let Ok((length, from)) = socket.recv_from(&mut buffer) {
        drop(socket.send_to(&buffer[..length], from));
    }
}

/// Sends datagrams, at most eight at a time on their way, and returns how many came back.
fn exchange_udp(address: &str, count: u32, size: usize) -> u32 {
    let address: SocketAddr = address.parse().unwrap();
    let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any).unwrap();
    socket.connect(address).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    let (mut received, mut buffer) = (0, vec![0; 65_536]);
    for number in 0..count {
        let mut datagram = vec![number.to_le_bytes()[0]; size];
        datagram[..4].copy_from_slice(&number.to_be_bytes());
        drop(socket.send(&datagram));
        let behind = number + 1 - received;
        // The first one is waited for, so that addresses are resolved.
        if behind < 8 && number > 0 && number + 1 < count {
            continue;
        }
        for _ in 0..behind {
            let Ok(length) = socket.recv(&mut buffer) else { return received };
            assert_eq!(length, size);
            assert_eq!(buffer[4], buffer[3]);
            received += 1;
        }
    }
    received
}

/// Says how many datagrams come, and how many bytes, until none has come for a while.
fn count_udp(address: &str) {
    let socket = UdpSocket::bind(address).unwrap();
    ready();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let (mut datagrams, mut bytes, mut buffer) = (0, 0, vec![0; 65_536]);
    while let Ok(length) = socket.recv(&mut buffer) {
        assert!(buffer[..length].iter().all(|byte| *byte == 0x5a));
        (datagrams, bytes) = (datagrams + 1, bytes + length);
        socket.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    }
    println!("{datagrams} {bytes}");
}

/// Sends an echo request by hand, says whether an answer comes in time.
fn ping(macs: [&str; 2], addresses: [&str; 2], wait_ms: u64) {
    let [from_mac, to_mac]: [[u8; 6]; 2] =
        macs.map(|text| bytes_of(&text.replace(':', "")).try_into().unwrap());
    let [from, to] = addresses.map(|text| text.parse::<IpAddr>().unwrap());
    let id = u16::from_be_bytes([0x77, from_mac[4]]);
    let ether_type = if from.is_ipv4() { 0x0800 } else { 0x86dd };
    let packet = frames::echo_request(from, to, id);
    let frame = frames::ethernet(to_mac, from_mac, &[], ether_type, &packet);
    let mut device = AfPacket::open(&["eth0"], options()).unwrap();
    let meta = FrameMeta::plain(PortId(0), frame.len(), Tick(0));
    device.inject(PortId(0), &Frame { meta, bytes: &frame });
    assert_eq!(device.flush().sent, 1);
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(wait_ms) {
        let count = device.receive(Duration::from_millis(50)).unwrap();
        if (0..count).any(|index| frames::is_echo_reply(device.frame(index).bytes, id)) {
            println!("answer");
            return;
        }
    }
    println!("none");
}

/// Sends frames: bytes, or `csum=START+OFFSET:`, or `gso=SIZE,HEADERS,START:` or `uso=` of TCP and UDP, and bytes.
fn inject(frames: &[&str]) {
    let mut device = AfPacket::open(&["eth0"], options()).unwrap();
    for text in frames {
        let (described, bytes) = text.rsplit_once(':').unwrap_or(("", text));
        let bytes = bytes_of(bytes);
        let mut meta = FrameMeta::plain(PortId(0), bytes.len(), Tick(0));
        if let Some(csum) = described.strip_prefix("csum=") {
            let (start, offset) = csum.split_once('+').unwrap();
            meta.csum =
                Csum::Partial { start: start.parse().unwrap(), offset: offset.parse().unwrap() };
        }
        let kinds = [("gso=", GsoKind::Tcp4, 16), ("uso=", GsoKind::UdpL4, 6)];
        for (word, kind, offset) in kinds {
            let Some(gso) = described.strip_prefix(word) else { continue };
            let numbers: Vec<u16> = gso.split(',').map(|number| number.parse().unwrap()).collect();
            let (size, hdr_len) = (numbers[0], numbers[1]);
            meta.csum = Csum::Partial { start: numbers[2], offset };
            meta.gso = Some(Gso { kind, size, hdr_len, ecn: false });
        }
        device.inject(PortId(0), &Frame { meta, bytes: &bytes });
    }
    let report = device.flush();
    assert_eq!((report.sent, report.errors), (u32::try_from(frames.len()).unwrap(), 0));
}

/// Sends many frames of 1000 bytes that mean nothing.
fn flood(to: &str, count: u32) {
    let to: [u8; 6] = bytes_of(&to.replace(':', "")).try_into().unwrap();
    let frame = frames::ethernet(to, [2, 0, 0, 0, 0xee, 1], &[], EXPERIMENT, &[0x5a; 986]);
    let meta = FrameMeta::plain(PortId(0), frame.len(), Tick(0));
    let mut device = AfPacket::open(&["eth0"], options()).unwrap();
    for _ in 0..count / 100 {
        (0..100).for_each(|_| device.inject(PortId(0), &Frame { meta, bytes: &frame }));
        assert_eq!(device.flush().sent, 100);
    }
}

/// Sends a frame that means nothing every other millisecond, until it is killed.
fn pulse(to: &str) {
    let to: [u8; 6] = bytes_of(&to.replace(':', "")).try_into().unwrap();
    let frame = frames::ethernet(to, [2, 0, 0, 0, 0xee, 1], &[], EXPERIMENT, &[0x5a; 60]);
    let meta = FrameMeta::plain(PortId(0), frame.len(), Tick(0));
    let mut device = AfPacket::open(&["eth0"], options()).unwrap();
    ready();
    loop {
        device.inject(PortId(0), &Frame { meta, bytes: &frame });
        device.flush();
        thread::sleep(Duration::from_millis(2));
    }
}

/// Returns how many frames the interface has received, from `/proc/net/dev`.
fn frames_received() -> u64 {
    let mut text = String::new();
    fs::File::open("/proc/net/dev").unwrap().read_to_string(&mut text).unwrap();
    let line = text.lines().find(|line| line.trim_start().starts_with("eth0:")).unwrap();
    line.split_whitespace().nth(2).unwrap().parse().unwrap()
}

/// Says what it receives of experiments, SCTP and TCP: the description, and the beginning of the bytes.
fn capture(count: usize) {
    let mut device = AfPacket::open(&["eth0"], options()).unwrap();
    ready();
    let (start, mut said) = (Instant::now(), 0);
    while said < count && start.elapsed() < PATIENCE {
        for index in 0..device.receive(Duration::from_millis(100)).unwrap() {
            let frame = device.frame(index);
            if !is_experiment(frame.bytes) {
                continue;
            }
            let Frame { meta, bytes } = frame;
            println!(
                "{:?} {:?} {:?} {} {}",
                meta.vlan,
                meta.csum,
                meta.gso,
                meta.wire_len,
                hex(bytes)
            );
            said += 1;
        }
    }
    io::stdout().flush().unwrap();
}

/// Returns whether a frame was made by a test: its last byte says so.
fn is_experiment(frame: &[u8]) -> bool {
    frame.ends_with(&[0x5a])
}

/// Forwards until it is killed.
fn forward(ports: &[&str]) {
    let device = AfPacket::open(ports, options()).unwrap();
    ready();
    forwarder::forward(device, &AtomicBool::new(false), &Mutex::new(Seen::default()));
}

/// Gives up privileges, and still opens a port.
fn without_privileges(port: &str) {
    drop_privileges(Keep::NetRaw).unwrap();
    let mut device = AfPacket::open(&[port], options()).unwrap();
    assert_eq!(device.stats(), [PortStats::default()]);
    let mut status = String::new();
    fs::File::open("/proc/thread-self/status").unwrap().read_to_string(&mut status).unwrap();
    let wanted = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs"];
    for line in status.lines().filter(|line| wanted.iter().any(|name| line.starts_with(name))) {
        println!("{}", line.split_whitespace().collect::<Vec<_>>().join(" "));
    }
}

/// Says which counters of wrong checksums and cut packets are not 0.
fn tell_faults() {
    const FAULTS: [(&str, &str); 7] = [
        ("Tcp", "InCsumErrors"),
        ("Udp", "InCsumErrors"),
        ("Icmp", "InCsumErrors"),
        ("IpExt", "InCsumErrors"),
        ("IpExt", "InTruncatedPkts"),
        ("", "Udp6InCsumErrors"),
        ("", "Icmp6InCsumErrors"),
    ];
    for (group, name) in FAULTS {
        let count = counter(group, name);
        if count > 0 {
            println!("{group} {name} {count}");
        }
    }
}

/// Returns a counter: of a group in two lines, or of a name in one.
fn counter(group: &str, name: &str) -> u64 {
    let read = |file| {
        let mut text = String::new();
        fs::File::open(file).unwrap().read_to_string(&mut text).unwrap();
        text
    };
    if group.is_empty() {
        let text = read("/proc/net/snmp6");
        let line = text.lines().find(|line| line.starts_with(name)).unwrap();
        return line.split_whitespace().nth(1).unwrap().parse().unwrap();
    }
    let text = [read("/proc/net/snmp"), read("/proc/net/netstat")].concat();
    let mut lines = text.lines().filter(|line| line.split(':').next() == Some(group));
    let (names, values) = (lines.next().unwrap(), lines.next().unwrap());
    let at = names.split_whitespace().position(|word| word == name).unwrap();
    values.split_whitespace().nth(at).unwrap().parse().unwrap()
}
