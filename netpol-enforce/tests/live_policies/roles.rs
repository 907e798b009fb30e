//! What runs on a side: servers on the addresses of its pods, and clients that try connections.

use std::collections::BTreeSet;
use std::io::{self, BufRead as _, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use netpol_enforce::afpacket::{AfPacket, OpenOptions};
use netpol_enforce::device::{Device as _, Inject as _};
use netpol_enforce::wire::build::{Link, chunk, sctp};
use netpol_enforce::wire::{Content, ReadLimits, Transport, read};
use netpol_enforce::{Frame, FrameMeta, PortId, Tick};
use socket2::{Domain, Socket, Type};

use crate::fuzz;
use crate::sides::{mac, set};

/// How many connections are tried at once.
const AT_ONCE: usize = 48;

/// A connection to try.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Probe {
    pub(crate) protocol: String,
    pub(crate) source: IpAddr,
    pub(crate) destination: IpAddr,
    pub(crate) port: u16,
}

impl Probe {
    pub(crate) fn line(&self) -> String {
        format!("{} {} {} {}", self.protocol, self.source, self.destination, self.port)
    }

    fn read(line: &str) -> Self {
        let words: Vec<&str> = line.split(' ').collect();
        let [protocol, source, destination, port] = words[..] else { panic!("{line}") };
        let (source, destination) = (source.parse().unwrap(), destination.parse().unwrap());
        Self { protocol: protocol.into(), source, destination, port: port.parse().unwrap() }
    }
}

pub(crate) fn play(role: &str, arguments: &[&str]) {
    match (role, arguments) {
        ("role:serve", [addresses, ports]) => serve(addresses, ports),
        ("role:try", [wait_ms]) => try_all(Duration::from_millis(wait_ms.parse().unwrap())),
        ("role:sctp", [side]) => send_sctp(side.parse().unwrap()),
        ("role:hear-sctp", []) => hear_sctp(),
        ("role:echo", [address]) => echo(address),
        ("role:set", [path, value]) => set(path, value),
        ("role:send", []) => send_frames(),
        ("role:hear", [last]) => hear_frames(last),
        ("role:flood", [frame, ms]) => flood(frame, Duration::from_millis(ms.parse().unwrap())),
        ("role:fuzz", [side, ms]) => {
            fuzz::send(side.parse().unwrap(), Duration::from_millis(ms.parse().unwrap()));
        }
        ("role:counter", [file, row, column]) => println!("{}", counter(file, row, column)),
        ("role:talk", [source, destination, wait_ms]) => {
            talk(source, destination, Duration::from_millis(wait_ms.parse().unwrap()));
        }
        _ => panic!("{role} {arguments:?}"),
    }
}

pub(crate) fn say(line: &str) {
    println!("{line}");
    io::stdout().flush().unwrap();
}

/// Answers on ports of addresses: a byte to whoever connects, every datagram to its sender.
fn serve(addresses: &str, ports: &str) {
    let addresses: Vec<IpAddr> = addresses.split(',').map(|a| a.parse().unwrap()).collect();
    for port in ports.split(',').map(|port| port.parse().unwrap()) {
        for address in &addresses {
            let at = SocketAddr::new(*address, port);
            let (tcp, udp) = (TcpListener::bind(at).unwrap(), UdpSocket::bind(at).unwrap());
            thread::spawn(move || {
                for client in tcp.incoming() {
                    // Whoever went away in between does not count.
                    drop(client.and_then(|mut client| client.write_all(b"!")));
                }
            });
            thread::spawn(move || {
                let mut datagram = [0; 64];
                while let Ok((length, from)) = udp.recv_from(&mut datagram) {
                    drop(udp.send_to(&datagram[..length], from));
                }
            });
        }
    }
    say("ready");
    loop {
        thread::park();
    }
}

/// Tries the connections that it is told, up to an empty line, and says `ok` or `no` for each in their order.
fn try_all(wait: Duration) {
    say("ready");
    let lines = io::stdin().lock().lines().map(Result::unwrap);
    let probes: Vec<Probe> = lines.take_while(|l| !l.is_empty()).map(|l| Probe::read(&l)).collect();
    let results: Vec<Mutex<bool>> = probes.iter().map(|_| Mutex::new(false)).collect();
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let at = next.fetch_add(1, Ordering::Relaxed)
                    && let Some(probe) = probes.get(at)
                {
                    *results[at].lock().unwrap() = is_answered(probe, wait);
                }
            });
        }
    });
    for result in results {
        say(if result.into_inner().unwrap() { "ok" } else { "no" });
    }
}

fn is_answered(probe: &Probe, wait: Duration) -> bool {
    let kind = if probe.protocol == "tcp" { Type::STREAM } else { Type::DGRAM };
    let domain = if probe.source.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 };
    let socket = Socket::new(domain, kind, None).unwrap();
    socket.bind(&SocketAddr::new(probe.source, 0).into()).unwrap();
    let to = SocketAddr::new(probe.destination, probe.port).into();
    if socket.connect_timeout(&to, wait).is_err() {
        return false;
    }
    socket.set_read_timeout(Some(wait)).unwrap();
    if probe.protocol == "tcp" {
        return TcpStream::from(socket).read_exact(&mut [0]).is_ok();
    }
    let socket = UdpSocket::from(socket);
    socket.send(b"?").is_ok() && socket.recv(&mut [0; 8]).is_ok()
}

pub(crate) fn device() -> AfPacket {
    let start = Instant::now();
    let clock = Box::new(move || Tick::at(start.elapsed()));
    AfPacket::open(&["eth0"], OpenOptions::new(clock, Box::new(|_, _| Ok(())))).unwrap()
}

/// Sends an INIT for each line that it is told, up to an empty one.
fn send_sctp(side: usize) {
    let mut device = device();
    say("ready");
    let lines = io::stdin().lock().lines().map(Result::unwrap);
    for probe in lines.take_while(|line| !line.is_empty()).map(|line| Probe::read(&line)) {
        // INIT: initiate tag, window, streams out and in, first number (RFC 9260, section 3.3.2).
        let init = chunk(1, &[0, 0, 0, 7, 0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 9]);
        let message = sctp(40_000, probe.port, 0, &[init]);
        let bytes =
            Link::new(mac(side), mac(1 - side)).send(probe.source, probe.destination, &message);
        let meta = FrameMeta::plain(PortId(0), bytes.len(), Tick(0));
        device.inject(PortId(0), &Frame { meta, bytes: &bytes });
        device.flush();
        // Not faster than the middle forwards: lost here would be no verdict.
        thread::sleep(Duration::from_micros(200));
    }
    say("sent");
}

/// Notes every INIT that arrives; once it is told how many should, and they are there and nothing else comes, or nothing
/// has come for long, it says them all and `end`.
fn hear_sctp() {
    /// So many waits in vain mean that nothing more comes.
    const PATIENCE: u32 = 12;
    let mut device = device();
    say("ready");
    let (told, asked) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let mut line = String::new();
        io::stdin().read_line(&mut line).unwrap();
        told.send(line.trim().parse::<usize>().unwrap()).unwrap();
    });
    let mut heard = BTreeSet::new();
    let (mut quiet, mut expected) = (0, None);
    while expected.is_none_or(|n| quiet == 0 || heard.len() < n && quiet < PATIENCE) {
        expected = expected.or_else(|| asked.try_recv().ok());
        let count = device.receive(Duration::from_millis(300)).unwrap();
        quiet = if count == 0 { quiet + 1 } else { 0 };
        for index in 0..count {
            let packet = read(&device.frame(index), &ReadLimits::default());
            if let Ok(Content::Ip(ip)) = packet.map(|packet| packet.content)
                && let Transport::Sctp { destination: port, .. } = ip.transport
            {
                let (source, destination) = (ip.source, ip.destination);
                heard.insert(Probe { protocol: "sctp".into(), source, destination, port });
            }
        }
    }
    heard.iter().for_each(|probe| say(&probe.line()));
    say("end");
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn bytes_of(hex: &str) -> Vec<u8> {
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(byte).collect()
}

/// Sends the frames that it is told, up to an empty line, in their order.
fn send_frames() {
    let mut device = device();
    say("ready");
    let lines = io::stdin().lock().lines().map(Result::unwrap);
    for bytes in lines.take_while(|line| !line.is_empty()).map(|line| bytes_of(&line)) {
        let meta = FrameMeta::plain(PortId(0), bytes.len(), Tick(0));
        device.inject(PortId(0), &Frame { meta, bytes: &bytes });
        assert_eq!(device.flush().sent, 1);
    }
    say("sent");
}

/// Says every frame that arrives, up to the one that is the last.
fn hear_frames(last: &str) {
    let mut device = device();
    say("ready");
    loop {
        for index in 0..device.receive(Duration::from_millis(300)).unwrap() {
            let frame = hex(device.frame(index).bytes);
            say(&frame);
            if frame == last {
                return;
            }
        }
    }
}

/// Sends one frame over and over, as fast as it can, and says how often.
fn flood(frame: &str, time: Duration) {
    let (mut device, bytes) = (device(), bytes_of(frame));
    let meta = FrameMeta::plain(PortId(0), bytes.len(), Tick(0));
    say("ready");
    let (start, mut sent) = (Instant::now(), 0);
    while start.elapsed() < time {
        (0..64).for_each(|_| device.inject(PortId(0), &Frame { meta, bytes: &bytes }));
        sent += device.flush().sent;
    }
    say(&sent.to_string());
}

/// Reads a counter below `/proc/net`: by the name of its column, or by the number.
fn counter(file: &str, row: &str, column: &str) -> u64 {
    let mut text = String::new();
    let mut file = std::fs::File::open(format!("/proc/net/{file}")).unwrap();
    file.read_to_string(&mut text).unwrap();
    let rows: Vec<Vec<&str>> = text.lines().map(|l| l.split_whitespace().collect()).collect();
    let mut rows = rows.iter().filter(|words| words.first() == Some(&row));
    let first = rows.next().unwrap();
    let at = column.parse().ok().or_else(|| first.iter().position(|word| *word == column));
    rows.next().unwrap_or(first)[at.unwrap()].parse().unwrap()
}

/// Sends back what comes over each connection.
fn echo(address: &str) {
    let listener = TcpListener::bind(address).unwrap();
    say("ready");
    for client in listener.incoming() {
        thread::spawn(move || {
            let mut client = client?;
            let mut part = [0; 4096];
            loop {
                match client.read(&mut part)? {
                    0 => return io::Result::Ok(()),
                    length => client.write_all(&part[..length])?,
                }
            }
        });
    }
}

/// Holds one connection: for each line it sends a byte, and says whether it came back in time.
fn talk(source: &str, destination: &str, wait: Duration) {
    let destination: SocketAddr = destination.parse().unwrap();
    let domain = if destination.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 };
    let socket = Socket::new(domain, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::new(source.parse().unwrap(), 0).into()).unwrap();
    socket.connect_timeout(&destination.into(), Duration::from_secs(3)).unwrap();
    socket.set_read_timeout(Some(wait)).unwrap();
    let mut stream = TcpStream::from(socket);
    stream.set_nodelay(true).unwrap();
    say("ready");
    for _ in io::stdin().lock().lines() {
        let is_back = stream.write_all(b"?").and_then(|()| stream.read_exact(&mut [0])).is_ok();
        say(if is_back { "ok" } else { "no" });
    }
}
